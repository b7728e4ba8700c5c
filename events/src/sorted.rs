//! Lists whose bytes have exactly one form.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A list in strictly rising order. Decoding refuses any other order and any repetition: a `BTreeMap` would accept
/// unsorted bytes, and then two different leaves would mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SortedVec<T>(Vec<T>);

impl<T> Default for SortedVec<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> FromIterator<T> for SortedVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items: Vec<T> = items.into_iter().collect();
        items.sort();
        items.dedup();
        Self(items)
    }
}

impl<T: Ord> SortedVec<T> {
    /// Whether `item` is in the list.
    pub fn has(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }
}

impl<T> Deref for SortedVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de> + Ord> Deserialize<'de> for SortedVec<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<T>::deserialize(deserializer)?;
        if items.windows(2).all(|pair| pair[0] < pair[1]) {
            Ok(Self(items))
        } else {
            Err(de::Error::custom("list is not in strictly rising order"))
        }
    }
}
