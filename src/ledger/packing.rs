//! How leaves become keys and values of an engine, and leaves again.
//!
//! ```text
//! key    'e' ‖ sequence of the first leaf in the value, u64 big-endian ‖ part u8
//! value  0 ‖ (length u16 little-endian ‖ leaf)+      whole leaves with consecutive sequences, part 0
//!        1 ‖ length u16 little-endian ‖ bytes        the beginning of one long leaf, part 0
//!        2 ‖ bytes                                   its continuation, parts 1, 2, …
//! ```
//!
//! A value stays under 4 KiB, because the engine spills larger pages into files that it never synchronises. How many
//! leaves share a value is the writer's choice and nothing a reader depends on; ARCHITECTURE.md has the measurement.

use events::id::Sequence;

use super::store::StoreError;

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 4_000;
/// First byte of every key that holds leaves.
const PREFIX: u8 = b'e';

const WHOLE: u8 = 0;
const BEGINNING: u8 = 1;
const CONTINUATION: u8 = 2;

/// A key of a value that holds leaves.
pub(super) type LeafKey = [u8; 10];

/// How many leaves may share one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// One value for each leaf; kept to be measured against.
    Leaf,
    /// As many leaves of one batch as fit.
    #[default]
    Batch,
}

/// The key of the value that begins with `sequence`, or of a part of it.
pub(super) fn leaf_key(sequence: u64, part: u8) -> LeafKey {
    let mut key = [0; 10];
    key[0] = PREFIX;
    key[1..9].copy_from_slice(&sequence.to_be_bytes());
    key[9] = part;
    key
}

/// Reads a key back: the sequence its value begins with, and the part.
pub(super) fn parse_leaf_key(key: &[u8]) -> Option<(u64, u8)> {
    let key: &LeafKey = key.try_into().ok()?;
    let sequence = key[1..9].try_into().ok().map(u64::from_be_bytes)?;
    (key[0] == PREFIX).then_some((sequence, key[9]))
}

/// Packs the leaves of a batch, the first of which has the sequence `first`.
///
/// The leaves have passed `Batch::check`, so that a length fits its two bytes and the parts their one.
pub(super) fn pack(first: u64, leaves: &[Vec<u8>], packing: Packing, mut emit: impl FnMut(LeafKey, Vec<u8>)) {
    let mut open: Option<(u64, Vec<u8>)> = None;
    for (sequence, leaf) in (first..).zip(leaves) {
        let length = u16::try_from(leaf.len()).expect("checked to be at most 65,535 bytes");
        let room = open.as_ref().map_or(0, |(_, value)| VALUE_BYTES_MAX - value.len());
        let full = packing == Packing::Leaf || room < leaf.len() + 2;
        if let Some((start, value)) = open.take_if(|_| full) {
            emit(leaf_key(start, 0), value);
        }
        if leaf.len() + 3 <= VALUE_BYTES_MAX {
            let (_, value) = open.get_or_insert_with(|| (sequence, vec![WHOLE]));
            value.extend_from_slice(&length.to_le_bytes());
            value.extend_from_slice(leaf);
            continue;
        }
        let (beginning, rest) = leaf.split_at(VALUE_BYTES_MAX - 3);
        let [low, high] = length.to_le_bytes();
        emit(leaf_key(sequence, 0), [&[BEGINNING, low, high], beginning].concat());
        for (part, bytes) in (1..).zip(rest.chunks(VALUE_BYTES_MAX - 1)) {
            emit(leaf_key(sequence, part), [&[CONTINUATION], bytes].concat());
        }
    }
    if let Some((start, value)) = open {
        emit(leaf_key(start, 0), value);
    }
}

/// Puts leaves together from values in key order, and insists that none is missing.
pub(super) struct Unpacker {
    /// The sequence the next leaf must have; unknown before the first value.
    next: Option<u64>,
    /// A long leaf of which parts are still to come.
    partial: Option<Partial>,
}

struct Partial {
    bytes: Vec<u8>,
    length: usize,
    next_part: u8,
}

impl Unpacker {
    /// Begins with whatever value comes first.
    pub(super) fn new() -> Self {
        Self { next: None, partial: None }
    }

    /// The sequence after the last whole leaf, or 0 when there was none.
    pub(super) fn next(&self) -> u64 {
        self.next.unwrap_or(0)
    }

    /// Whether the last value completed its leaf.
    pub(super) fn is_whole(&self) -> bool {
        self.partial.is_none()
    }

    /// Takes one value and visits the leaves it completes. The visitor answers whether to go on; so does this.
    pub(super) fn push(
        &mut self,
        key: &[u8],
        value: &[u8],
        visit: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Result<bool, StoreError> {
        let damaged = StoreError::Damaged { sequence: Sequence(self.next()) };
        let (sequence, part) = parse_leaf_key(key).ok_or_else(|| damaged.clone())?;
        let next = self.next.unwrap_or(sequence);
        if sequence != next {
            return Err(damaged);
        }
        self.next = Some(next);
        let (kind, bytes) = value.split_first().ok_or_else(|| damaged.clone())?;
        match (*kind, self.partial.take()) {
            (WHOLE, None) if part == 0 && !bytes.is_empty() => self.whole(bytes, visit, &damaged),
            (BEGINNING, None) if part == 0 => {
                let ([low, high], bytes) = bytes.split_first_chunk().ok_or(damaged)?;
                let length = usize::from(u16::from_le_bytes([*low, *high]));
                self.partial = Some(Partial { bytes: bytes.to_vec(), length, next_part: 1 });
                Ok(true)
            }
            (CONTINUATION, Some(mut partial)) if part == partial.next_part => {
                partial.bytes.extend_from_slice(bytes);
                match partial.bytes.len().cmp(&partial.length) {
                    std::cmp::Ordering::Less => {
                        partial.next_part = part.checked_add(1).ok_or(damaged)?;
                        self.partial = Some(partial);
                        Ok(true)
                    }
                    std::cmp::Ordering::Equal => {
                        self.next = Some(next + 1);
                        Ok(visit(next, &partial.bytes))
                    }
                    std::cmp::Ordering::Greater => Err(damaged),
                }
            }
            _ => Err(damaged),
        }
    }

    fn whole(
        &mut self,
        mut bytes: &[u8],
        visit: &mut dyn FnMut(u64, &[u8]) -> bool,
        damaged: &StoreError,
    ) -> Result<bool, StoreError> {
        let mut goes_on = true;
        while !bytes.is_empty() {
            let sequence = self.next();
            let at_leaf = || match damaged {
                StoreError::Damaged { .. } => StoreError::Damaged { sequence: Sequence(sequence) },
                other => other.clone(),
            };
            let ([low, high], rest) = bytes.split_first_chunk().ok_or_else(at_leaf)?;
            let length = usize::from(u16::from_le_bytes([*low, *high]));
            let (leaf, rest) = rest.split_at_checked(length).ok_or_else(at_leaf)?;
            bytes = rest;
            self.next = Some(sequence + 1);
            goes_on = goes_on && visit(sequence, leaf);
        }
        Ok(goes_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(leaves: &[Vec<u8>], packing: Packing) {
        let mut values = Vec::new();
        pack(7, leaves, packing, |key, value| values.push((key, value)));
        assert!(values.iter().all(|(_, value)| value.len() <= VALUE_BYTES_MAX));
        assert!(values.is_sorted(), "keys ascend");
        let mut found = Vec::new();
        let mut unpacker = Unpacker::new();
        for (key, value) in &values {
            let goes_on = unpacker.push(key, value, &mut |sequence, leaf| {
                assert_eq!(sequence, 7 + found.len() as u64);
                found.push(leaf.to_vec());
                true
            });
            assert_eq!(goes_on, Ok(true));
        }
        assert!(unpacker.is_whole());
        assert_eq!(found, leaves);
    }

    #[test]
    fn leaves_of_every_length_come_back() {
        let edges =
            [1, 2, 300, 3_990, 3_996, 3_997, 3_998, 3_999, 4_000, 7_996, 7_997, 11_996, 65_534, 65_535];
        for packing in [Packing::Leaf, Packing::Batch] {
            for length in edges {
                round_trip(&[vec![1; length]], packing);
                round_trip(&[vec![1; 300], vec![2; length], vec![3; 300]], packing);
            }
            round_trip(&(0..500).map(|index| vec![3; 1 + index * 13 % 900]).collect::<Vec<_>>(), packing);
        }
    }

    #[test]
    fn a_missing_part_or_value_is_damage() {
        let leaves = [vec![1; 300], vec![2; 9_000], vec![3; 300]];
        let mut values = Vec::new();
        pack(0, &leaves, Packing::Batch, |key, value| values.push((key, value)));
        for missing in 1..values.len() - 1 {
            let mut unpacker = Unpacker::new();
            let mut rest = values.iter().enumerate().filter(|(index, _)| *index != missing);
            let failed = rest.any(|(_, (key, value))| unpacker.push(key, value, &mut |_, _| true).is_err());
            assert!(failed, "value {missing} is missing");
        }
    }
}
