//! Proofs over the tree: that a leaf is in it (inclusion), and that a smaller tree is its beginning (consistency).
//!
//! Making follows RFC 6962 sections 2.1.1 and 2.1.2, checking the step-by-step algorithms of RFC 9162 sections
//! 2.1.3.2 and 2.1.4.2. A check trusts its roots and sizes and nothing else; both must come from a checkpoint whose
//! signature was checked: a proof for a size does not by itself tell that size from every other, only the pair of size
//! and root does.

use thiserror::Error;

use super::{TreeHash, node_hash};

/// No proof within a tree of less than 2^64 leaves is longer.
const PROOF_HASHES_MAX: usize = 65;

/// Why a proof can't be made, or does not prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The tree of `size` leaves has no leaf `index`.
    #[error("a tree of {size} leaves has no leaf {index}")]
    IndexPastEnd {
        /// The leaf that was asked for, counted from 0.
        index: u64,
        /// The number of leaves.
        size: u64,
    },
    /// A tree can't be the beginning of a smaller one.
    #[error("a tree of {old_size} leaves is not the beginning of one of {new_size}")]
    SizesReversed {
        /// The number of leaves of the tree that should be the beginning.
        old_size: u64,
        /// The number of leaves of the tree that should contain it.
        new_size: u64,
    },
    /// The store of nodes lacks one that it should have.
    #[error("the tree's node {index} of level {level} is missing")]
    NodeMissing {
        /// The binary logarithm of the number of leaves under the node.
        level: u32,
        /// The place of the node among those of its level, counted from 0.
        index: u64,
    },
    /// The proof has more or fewer hashes than the sizes ask for.
    #[error("the proof has a wrong number of hashes")]
    WrongLength,
    /// The hashes of the proof lead to another root.
    #[error("the proof leads to another root")]
    WrongRoot,
}

/// Where the roots of perfect subtrees come from: leaf hashes in memory, or tiles.
pub trait Nodes {
    /// The root of the perfect subtree over the leaves `index << level .. (index + 1) << level`, or `None` if it is not there.
    ///
    /// Only subtrees that lie wholly within the size of the tree are asked for.
    fn node(&self, level: u32, index: u64) -> Option<TreeHash>;
}

/// The hashes of all leaves, in order. Each node costs as many hashes as it has leaves: for tests and short logs.
impl Nodes for [TreeHash] {
    fn node(&self, level: u32, index: u64) -> Option<TreeHash> {
        let width = 1_usize.checked_shl(level)?;
        let start = usize::try_from(index).ok()?.checked_mul(width)?;
        let leaves = self.get(start..start.checked_add(width)?)?;
        let mut nodes = leaves.to_vec();
        while nodes.len() > 1 {
            nodes = nodes.chunks_exact(2).map(|pair| node_hash(pair[0], pair[1])).collect();
        }
        nodes.first().copied()
    }
}

/// The root of the tree of the first `size` leaves.
pub fn root<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<TreeHash, ProofError> {
    if size == 0 {
        return Ok(TreeHash::EMPTY);
    }
    range_root(nodes, 0, size)
}

/// Proves that the tree of `size` leaves has its leaf `index` (RFC 6962 section 2.1.1): hashes from the leaf upwards.
pub fn prove_inclusion<N: Nodes + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<TreeHash>, ProofError> {
    if index >= size {
        return Err(ProofError::IndexPastEnd { index, size });
    }
    let (mut low, mut high) = (0, size);
    let mut siblings = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            siblings.push(range_root(nodes, middle, high)?);
            high = middle;
        } else {
            siblings.push(range_root(nodes, low, middle)?);
            low = middle;
        }
    }
    siblings.reverse();
    Ok(siblings)
}

/// Proves that the tree of `old_size` leaves is the beginning of that of `new_size` (RFC 6962 section 2.1.2).
///
/// Empty if both have the same size, and if the old tree has no leaves: any tree begins with that one.
pub fn prove_consistency<N: Nodes + ?Sized>(
    nodes: &N,
    old_size: u64,
    new_size: u64,
) -> Result<Vec<TreeHash>, ProofError> {
    if old_size > new_size {
        return Err(ProofError::SizesReversed { old_size, new_size });
    }
    if old_size == 0 {
        return Ok(Vec::new());
    }
    let (mut low, mut high) = (0, new_size);
    // As long as we only went left, the old tree's root is what the checker already holds.
    let mut whole_old_tree = true;
    let mut hashes = Vec::new();
    while old_size < high {
        let middle = low + split(high - low);
        if old_size <= middle {
            hashes.push(range_root(nodes, middle, high)?);
            high = middle;
        } else {
            hashes.push(range_root(nodes, low, middle)?);
            low = middle;
            whole_old_tree = false;
        }
    }
    if !whole_old_tree {
        hashes.push(range_root(nodes, low, high)?);
    }
    hashes.reverse();
    Ok(hashes)
}

/// Checks that `leaf` is the leaf `index` of the tree of `size` leaves with this `root` (RFC 9162 section 2.1.3.2).
///
/// Refuses with `IndexPastEnd`, `WrongLength` or `WrongRoot`.
pub fn check_inclusion(
    leaf: TreeHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
    root: TreeHash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexPastEnd { index, size });
    }
    if proof.len() > PROOF_HASHES_MAX {
        return Err(ProofError::WrongLength);
    }
    let mut place = index;
    let mut last = size - 1;
    let mut hash = leaf;
    for &sibling in proof {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, hash);
            // At the right edge a node without a sibling rises until it is a right child.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    if hash == root { Ok(()) } else { Err(ProofError::WrongRoot) }
}

/// Checks that the tree of `old_size` leaves with `old_root` is the beginning of that of `new_size` with `new_root`
/// (RFC 9162 section 2.1.4.2).
///
/// Refuses with `SizesReversed`, `WrongLength` or `WrongRoot`. The RFC leaves out equal sizes, which take an empty proof
/// and equal roots, and the empty old tree, which takes an empty proof and [`TreeHash::EMPTY`].
pub fn check_consistency(
    old_size: u64,
    old_root: TreeHash,
    new_size: u64,
    new_root: TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::SizesReversed { old_size, new_size });
    }
    if old_size == new_size || old_size == 0 {
        let expected = if old_size == new_size { new_root } else { TreeHash::EMPTY };
        return match (proof.is_empty(), old_root == expected) {
            (false, _) => Err(ProofError::WrongLength),
            (true, false) => Err(ProofError::WrongRoot),
            (true, true) => Ok(()),
        };
    }
    if proof.is_empty() || proof.len() > PROOF_HASHES_MAX {
        return Err(ProofError::WrongLength);
    }
    // A perfect old tree is itself the first node, and the proof does not repeat it.
    let (first, rest) = if old_size.is_power_of_two() { (old_root, proof) } else { (proof[0], &proof[1..]) };
    let mut place = old_size - 1;
    let mut last = new_size - 1;
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (first, first);
    for &hash in rest {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if place & 1 == 1 || place == last {
            old = node_hash(hash, old);
            new = node_hash(hash, new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(new, hash);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    if old == old_root && new == new_root { Ok(()) } else { Err(ProofError::WrongRoot) }
}

/// The largest power of two below `width`, which is at least 2: how many leaves the left child has.
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

/// The root over the leaves `low .. high`, a range as the splitting makes them: it starts where its largest perfect
/// subtree can start.
fn range_root<N: Nodes + ?Sized>(nodes: &N, low: u64, high: u64) -> Result<TreeHash, ProofError> {
    let mut peaks = Vec::new();
    let mut start = low;
    while start < high {
        let level = (high - start).ilog2();
        let index = start >> level;
        peaks.push(nodes.node(level, index).ok_or(ProofError::NodeMissing { level, index })?);
        start += 1 << level;
    }
    let smallest_first = peaks.into_iter().rev();
    Ok(smallest_first.reduce(|right, left| node_hash(left, right)).unwrap_or(TreeHash::EMPTY))
}
