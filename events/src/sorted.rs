//! Lists whose bytes have exactly one form.

use std::{collections::BTreeMap, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A list in strictly rising order. Decoding refuses any other order and any repetition: a `BTreeMap` would accept
/// unsorted bytes, and then two different leaves would mean the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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

/// Names with values, in strictly rising order of the names, which decoding checks as [`SortedVec`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Of two values under one name the last stays.
impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Self {
        Self(items.into_iter().collect::<BTreeMap<K, V>>().into_iter().collect())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// The value under that name.
    pub fn get<Q: Ord + ?Sized>(&self, name: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let index = self.0.binary_search_by(|(own, _)| own.borrow().cmp(name)).ok()?;
        Some(&self.0[index].1)
    }
}

impl<K, V> Deref for SortedMap<K, V> {
    type Target = [(K, V)];

    fn deref(&self) -> &[(K, V)] {
        &self.0
    }
}

// In bytes a list of pairs, for people a map.
impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<(K, V)>::deserialize(deserializer)?;
        if items.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            Ok(Self(items))
        } else {
            Err(de::Error::custom("names are not in strictly rising order"))
        }
    }
}
