//! The Merkle tree of RFC 6962 over the stored leaves: SHA-256, and nothing of ours in it, so that other people's
//! tools check our proofs.
//!
//! [`Frontier`] is what a writer or a verifier keeps while leaves come: at most 64 hashes. [`proof`] makes and checks
//! the two kinds of proofs. Nothing here knows where leaves or nodes are stored.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

pub mod proof;

/// The hash of a leaf, of a node or of a whole tree: 32 bytes of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct TreeHash(pub [u8; 32]);

// In bytes the 32 of them, for people and their tools hex.
impl Serialize for TreeHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl TreeHash {
    /// The root of the tree without leaves: the SHA-256 of nothing (RFC 6962 section 2.1).
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({self})")
    }
}

/// Hashes the stored bytes of a leaf: `SHA-256(0x00 ‖ leaf)`.
///
/// The prefix keeps a leaf from passing for a node and a node from passing for a leaf.
pub fn leaf_hash(leaf: &[u8]) -> TreeHash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(leaf);
    TreeHash(hasher.finalize().into())
}

/// Hashes a node over its two children: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: TreeHash, right: TreeHash) -> TreeHash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    TreeHash(Sha256::digest(bytes).into())
}

/// The right edge of a growing tree: all that the next root depends on.
///
/// It holds the roots of the perfect subtrees that the leaves so far fill, largest first: one for each 1 in the
/// binary form of the size. A push costs two hashes on average, a root at most 63.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

impl Frontier {
    /// Takes up the tree of `size` leaves whose perfect subtrees have these roots, largest first, as [`peaks`] gave them.
    ///
    /// `None` if their number does not fit the size. Whether the hashes are true only a comparison of the root can tell.
    ///
    /// [`peaks`]: Self::peaks
    pub fn resume(size: u64, peaks: Vec<TreeHash>) -> Option<Self> {
        let fits = peaks.len() == size.count_ones() as usize;
        fits.then_some(Self { size, peaks })
    }

    /// The roots of the perfect subtrees, largest first.
    pub fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }

    /// The number of leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends the next leaf by its hash.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut node = leaf;
        // Each trailing 1 of the size is a full subtree that this leaf gives a sibling of equal size.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("one peak for each 1 in the size");
            node = node_hash(left, node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root of the tree of all leaves so far.
    pub fn root(&self) -> TreeHash {
        let smallest_first = self.peaks.iter().rev().copied();
        smallest_first.reduce(|right, left| node_hash(left, right)).unwrap_or(TreeHash::EMPTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_tree_is_the_hash_of_nothing() {
        assert_eq!(TreeHash::EMPTY, TreeHash(Sha256::digest([]).into()));
        assert_eq!(Frontier::default().root(), TreeHash::EMPTY);
    }

    #[test]
    fn a_resumed_frontier_goes_on_as_if_nothing_had_been() {
        let mut whole = Frontier::default();
        for size in 0..200_u64 {
            let mut resumed = Frontier::resume(size, whole.peaks().to_vec()).expect("our own peaks");
            whole.push(leaf_hash(&size.to_le_bytes()));
            resumed.push(leaf_hash(&size.to_le_bytes()));
            assert_eq!(resumed.root(), whole.root());
            assert_eq!(resumed.size(), size + 1);
        }
    }

    #[test]
    fn a_frontier_with_a_wrong_number_of_peaks_is_refused() {
        assert_eq!(Frontier::resume(3, vec![TreeHash::EMPTY]), None);
        assert_eq!(Frontier::resume(0, vec![TreeHash::EMPTY]), None);
        assert_eq!(Frontier::resume(u64::MAX, Vec::new()), None);
    }
}
