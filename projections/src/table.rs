//! Ordered tables, and layers over them.
//!
//! The writer decides command after command against what their predecessors leave, before any of it is durable. It folds
//! into a *layer*: reads fall through to the base, writes stay above it. When the batch is durable the layer's changes move
//! into the base under a lock that is held only for that move; when the batch failed, they are dropped.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    iter::Peekable,
    ops::RangeBounds,
};

/// Rows in key order: either a base of its own, or a layer over one.
#[derive(Debug)]
pub struct Table<'base, K, V> {
    rows: BTreeMap<K, V>,
    /// Keys of the base that are gone in this layer; empty in a base.
    removed: BTreeSet<K>,
    base: Option<&'base BTreeMap<K, V>>,
}

/// What a layer changed, free of its base.
#[derive(Debug)]
pub struct TableChanges<K, V> {
    rows: BTreeMap<K, V>,
    removed: BTreeSet<K>,
}

impl<K, V> Default for Table<'_, K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), removed: BTreeSet::new(), base: None }
    }
}

impl<K: Ord + Clone, V> Table<'_, K, V> {
    /// The row of that key.
    pub fn get(&self, key: &K) -> Option<&V> {
        visited();
        match (self.rows.get(key), self.base) {
            (Some(row), _) => Some(row),
            (None, Some(base)) if !self.removed.contains(key) => base.get(key),
            (None, _) => None,
        }
    }

    /// Whether there is a row of that key.
    pub fn has(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Adds or replaces a row.
    pub fn put(&mut self, key: K, row: V) {
        self.removed.remove(&key);
        self.rows.insert(key, row);
    }

    /// Takes a row away; asking twice is no error.
    pub fn remove(&mut self, key: &K) {
        self.rows.remove(key);
        if self.base.is_some_and(|base| base.contains_key(key)) {
            self.removed.insert(key.clone());
        }
    }

    /// Rows in key order; the cost is that of the rows visited.
    pub fn range<R: RangeBounds<K> + Clone>(&self, range: R) -> Range<'_, K, V> {
        Range {
            own: Visited(self.rows.range(range.clone())).peekable(),
            base: self.base.map(|base| Visited(base.range(range)).peekable()),
            removed: &self.removed,
        }
    }

    /// All rows in key order.
    pub fn all(&self) -> Range<'_, K, V> {
        self.range(..)
    }

    /// An empty layer over this base.
    pub fn layer(&self) -> Table<'_, K, V> {
        debug_assert!(self.base.is_none(), "layers are one deep");
        Table { rows: BTreeMap::new(), removed: BTreeSet::new(), base: Some(&self.rows) }
    }

    /// What this layer changed.
    pub fn into_changes(self) -> TableChanges<K, V> {
        TableChanges { rows: self.rows, removed: self.removed }
    }

    /// A base of these rows. Of rows in key order, which a snapshot's are, it is made at once.
    pub(crate) fn of_rows(rows: Vec<(K, V)>) -> Self {
        Self { rows: rows.into_iter().collect(), ..Self::default() }
    }

    /// Moves a layer's changes into this base.
    pub fn absorb(&mut self, changes: TableChanges<K, V>) {
        for key in &changes.removed {
            self.rows.remove(key);
        }
        for (key, row) in changes.rows {
            self.rows.insert(key, row);
        }
    }
}

impl<K: Ord, V> TableChanges<K, V> {
    /// The row that the layer put under that key.
    pub(crate) fn put_under(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// How many rows it took away.
    pub(crate) fn removed_count(&self) -> usize {
        self.removed.len()
    }

    /// Takes over the removal of all keys below `end`: they are the caller's to remove.
    pub(crate) fn take_removed_below(&mut self, end: &K) -> BTreeSet<K> {
        let rest = self.removed.split_off(end);
        std::mem::replace(&mut self.removed, rest)
    }

    /// Takes over the removal of one key.
    pub(crate) fn take_removed(&mut self, key: &K) {
        self.removed.remove(key);
    }
}

/// Iterator over a range of a [`Table`].
pub struct Range<'a, K, V> {
    own: Peekable<Visited<'a, K, V>>,
    base: Option<Peekable<Visited<'a, K, V>>>,
    removed: &'a BTreeSet<K>,
}

impl<'a, K: Ord, V> Iterator for Range<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let Some(base) = &mut self.base else { return self.own.next() };
        while let Some((below, _)) = base.peek() {
            let hidden =
                self.removed.contains(below) || self.own.peek().is_some_and(|(above, _)| above == below);
            if !hidden {
                break;
            }
            base.next();
        }
        match (self.own.peek(), base.peek()) {
            (Some((above, _)), Some((below, _))) if below < above => base.next(),
            (None, Some(_)) => base.next(),
            _ => self.own.next(),
        }
    }
}

/// The entries of a range, of which tests count how many were looked at, shown or not.
struct Visited<'a, K, V>(btree_map::Range<'a, K, V>);

impl<'a, K, V> Iterator for Visited<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().inspect(|_| visited())
    }
}

fn visited() {
    #[cfg(debug_assertions)]
    crate::visits::add_one();
}

/// Several rising sequences as one.
pub struct Merged<I: Iterator>(Vec<Peekable<I>>);

impl<I: Iterator> Merged<I> {
    /// Each of them rises, and no two have an item in common.
    pub fn of(sequences: impl IntoIterator<Item = I>) -> Self {
        Self(sequences.into_iter().map(Iterator::peekable).collect())
    }
}

impl<I: Iterator> Iterator for Merged<I>
where
    I::Item: Ord + Copy,
{
    type Item = I::Item;

    fn next(&mut self) -> Option<Self::Item> {
        let heads = self.0.iter_mut().filter_map(|items| Some((*items.peek()?, items)));
        heads.min_by_key(|(item, _)| *item)?.1.next()
    }
}

/// Declares a projection: primary tables, whose rows enter the state digest and snapshots in this order, and indexes, which
/// don't: `from` says of which primary table, and which entries a row of it has, so that no index can be without the way to
/// make it again from a snapshot's rows.
macro_rules! projection {
    (
        $(#[$doc:meta])*
        $name:ident, $changes:ident {
            primary { $($(#[$primary_doc:meta])* $primary:ident: $primary_key:ty => $primary_row:ty;)* }
            index { $(
                $(#[$index_doc:meta])*
                $index:ident: $index_key:ty => $index_row:ty, from $source:ident |$key:ident, $row:ident| $entries:expr;
            )* }
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name<'base> {
            $($(#[$primary_doc])* pub $primary: $crate::table::Table<'base, $primary_key, $primary_row>,)*
            $($(#[$index_doc])* pub $index: $crate::table::Table<'base, $index_key, $index_row>,)*
        }

        #[doc = concat!("What a layer changed in [`", stringify!($name), "`].")]
        #[derive(Debug)]
        pub struct $changes {
            $($primary: $crate::table::TableChanges<$primary_key, $primary_row>,)*
            $($index: $crate::table::TableChanges<$index_key, $index_row>,)*
        }

        impl $name<'_> {
            /// An empty layer over this base.
            pub fn layer(&self) -> $name<'_> {
                $name { $($primary: self.$primary.layer(),)* $($index: self.$index.layer(),)* }
            }

            /// What this layer changed.
            pub fn into_changes(self) -> $changes {
                $changes { $($primary: self.$primary.into_changes(),)* $($index: self.$index.into_changes(),)* }
            }

            /// Moves a layer's changes into this base.
            pub fn absorb(&mut self, changes: $changes) {
                $(self.$primary.absorb(changes.$primary);)*
                $(self.$index.absorb(changes.$index);)*
            }

            pub(crate) fn count(&self, counts: &mut Vec<(&'static str, u64)>) {
                $(counts.push((
                    concat!(stringify!($name), ".", stringify!($primary)),
                    self.$primary.all().count() as u64,
                ));)*
            }

            pub(crate) fn write(&self, rows: &mut $crate::rows::RowWriter<'_>) -> ::std::io::Result<()> {
                $(rows.table(concat!(stringify!($name), ".", stringify!($primary)), &self.$primary)?;)*
                Ok(())
            }
        }

        impl $name<'static> {
            /// Reads the primary tables and makes the indexes from them.
            pub(crate) fn load(rows: &mut $crate::rows::RowReader<'_>) -> Result<Self, $crate::rows::RowsError> {
                $(let $primary: $crate::table::Table<'static, $primary_key, $primary_row> =
                    rows.table(concat!(stringify!($name), ".", stringify!($primary)))?;)*
                $(let $index = {
                    let mut entries: Vec<($index_key, $index_row)> =
                        $source.all().flat_map(|($key, $row)| $entries).collect();
                    entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                    $crate::table::Table::of_rows(entries)
                };)*
                Ok(Self { $($primary,)* $($index,)* })
            }
        }
    };
}
pub(crate) use projection;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Change {
        Put(u8, u16),
        Remove(u8),
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![
            (0u8..32, any::<u16>()).prop_map(|(key, row)| Change::Put(key, row)),
            (0u8..32).prop_map(Change::Remove),
        ];
        prop::collection::vec(change, 0..40)
    }

    fn apply(table: &mut Table<'_, u8, u16>, change: &Change) {
        match change {
            Change::Put(key, row) => table.put(*key, *row),
            Change::Remove(key) => table.remove(key),
        }
    }

    fn rows(table: &Table<'_, u8, u16>) -> Vec<(u8, u16)> {
        table.all().map(|(key, row)| (*key, *row)).collect()
    }

    proptest! {
        /// A layer shows, at every step and in every range, what the base would show had the changes been made there;
        /// absorbing it leaves the same.
        #[test]
        fn a_layer_shows_what_the_base_will_hold(before in changes(), above in changes(), from in 0u8..32, len in 0u8..16) {
            let mut base = Table::default();
            let mut direct = Table::default();
            for change in &before {
                apply(&mut base, change);
                apply(&mut direct, change);
            }
            let changes = {
                let mut layer = base.layer();
                for change in &above {
                    apply(&mut layer, change);
                    apply(&mut direct, change);
                    prop_assert_eq!(rows(&layer), rows(&direct));
                }
                let range = from..from.saturating_add(len);
                prop_assert_eq!(
                    layer.range(range.clone()).collect::<Vec<_>>(),
                    direct.range(range).collect::<Vec<_>>()
                );
                for key in 0..32 {
                    prop_assert_eq!(layer.get(&key), direct.get(&key));
                }
                layer.into_changes()
            };
            base.absorb(changes);
            prop_assert_eq!(rows(&base), rows(&direct));
        }
    }
}
