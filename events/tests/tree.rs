//! The tree and its proofs against an independent implementation, and against every small change.

use std::collections::BTreeMap;

use events::merkle::proof::{
    Nodes, ProofError, check_consistency, check_inclusion, prove_consistency, prove_inclusion, root,
};
use events::merkle::{Frontier, TreeHash, leaf_hash, node_hash};
use proptest::prelude::*;

const SIZE_MAX: u64 = 300;

/// All perfect subtrees of a tree, level by level.
struct Stored(Vec<Vec<TreeHash>>);

impl Stored {
    fn new(size: u64) -> Self {
        let mut levels = vec![(0..size).map(leaf).collect::<Vec<_>>()];
        while levels.last().is_some_and(|level| level.len() > 1) {
            let below = levels.last().expect("at least the leaves");
            levels.push(below.chunks_exact(2).map(|pair| node_hash(pair[0], pair[1])).collect());
        }
        Self(levels)
    }
}

impl Nodes for Stored {
    fn node(&self, level: u32, index: u64) -> Option<TreeHash> {
        self.0.get(level as usize)?.get(usize::try_from(index).ok()?).copied()
    }
}

/// The leaf hashes of a tree that has, as far as anybody can count, 2^64 leaves: all alike but for a few.
struct Sparse {
    alike: Vec<TreeHash>,
    special: BTreeMap<u64, TreeHash>,
}

impl Sparse {
    fn new(special: impl IntoIterator<Item = u64>) -> Self {
        let mut alike = vec![leaf_hash(b"alike")];
        for level in 0..63 {
            alike.push(node_hash(alike[level], alike[level]));
        }
        Self { alike, special: special.into_iter().map(|index| (index, leaf(index))).collect() }
    }

    fn leaf(&self, index: u64) -> TreeHash {
        self.special.get(&index).copied().unwrap_or(self.alike[0])
    }
}

impl Nodes for Sparse {
    fn node(&self, level: u32, index: u64) -> Option<TreeHash> {
        let first = index << level;
        let last = first | ((1 << level) - 1);
        if self.special.range(first..=last).next().is_none() {
            return self.alike.get(level as usize).copied();
        }
        if level == 0 {
            return Some(self.leaf(index));
        }
        Some(node_hash(self.node(level - 1, index * 2)?, self.node(level - 1, index * 2 + 1)?))
    }
}

/// The node store of the other implementation.
struct Theirs(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for Theirs {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|&index| self.0[usize::try_from(index).expect("a small tree")]).collect())
    }
}

fn leaf(index: u64) -> TreeHash {
    leaf_hash(&index.to_le_bytes())
}

fn theirs(hash: TreeHash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn theirs_all(hashes: &[TreeHash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().copied().map(theirs).collect()
}

fn roots() -> Vec<TreeHash> {
    let mut frontier = Frontier::default();
    let mut roots = vec![frontier.root()];
    for index in 0..SIZE_MAX {
        frontier.push(leaf(index));
        roots.push(frontier.root());
    }
    roots
}

fn flipped(hash: TreeHash, bit: usize) -> TreeHash {
    let mut bytes = hash.0;
    bytes[bit / 8] ^= 1 << (bit % 8);
    TreeHash(bytes)
}

/// Every proof like `proof` with one hash changed in one bit, left out, repeated, or added at either end.
fn changed(proof: &[TreeHash], bits: &(impl Iterator<Item = usize> + Clone)) -> Vec<Vec<TreeHash>> {
    let mut all = Vec::new();
    for place in 0..proof.len() {
        for bit in bits.clone() {
            let mut one = proof.to_vec();
            one[place] = flipped(one[place], bit);
            all.push(one);
        }
        let mut shorter = proof.to_vec();
        shorter.remove(place);
        all.push(shorter);
        let mut longer = proof.to_vec();
        longer.insert(place, proof[place]);
        all.push(longer);
    }
    for place in [0, proof.len()] {
        let mut longer = proof.to_vec();
        longer.insert(place, TreeHash::EMPTY);
        all.push(longer);
    }
    all
}

#[test]
fn roots_agree_with_tlog_tiles() {
    let stored = Stored::new(SIZE_MAX);
    let leaves: Vec<TreeHash> = (0..SIZE_MAX).map(leaf).collect();
    let mut other = Theirs(Vec::new());
    for (size, ours) in (0..).zip(roots()) {
        assert_eq!(theirs(ours), tlog_tiles::tree_hash(size, &other).expect("their root"), "size {size}");
        assert_eq!(root(&stored, size), Ok(ours), "size {size}");
        assert_eq!(root(leaves.as_slice(), size), Ok(ours), "size {size}");
        let new = tlog_tiles::stored_hashes(size, &size.to_le_bytes(), &other).expect("their nodes");
        other.0.extend(new);
    }
}

#[test]
fn inclusion_proofs_agree_with_tlog_tiles_for_every_size_and_leaf() {
    let stored = Stored::new(SIZE_MAX);
    let roots = roots();
    let mut other = Theirs(Vec::new());
    for (size, &root) in (1..=SIZE_MAX).zip(&roots[1..]) {
        let new =
            tlog_tiles::stored_hashes(size - 1, &(size - 1).to_le_bytes(), &other).expect("their nodes");
        other.0.extend(new);
        for index in 0..size {
            let proof = prove_inclusion(&stored, index, size).expect("a leaf of the tree");
            let their_proof = tlog_tiles::prove_record(size, index, &other).expect("their proof");
            assert_eq!(theirs_all(&proof), their_proof, "leaf {index} of {size}");
            assert_eq!(
                check_inclusion(leaf(index), index, size, &proof, root),
                Ok(()),
                "leaf {index} of {size}"
            );
        }
        let past = ProofError::IndexPastEnd { index: size, size };
        assert_eq!(prove_inclusion(&stored, size, size), Err(past));
        assert_eq!(check_inclusion(leaf(size), size, size, &[], root), Err(past));
    }
}

#[test]
fn consistency_proofs_agree_with_tlog_tiles_for_every_pair_of_sizes() {
    let stored = Stored::new(SIZE_MAX);
    let roots = roots();
    let mut other = Theirs(Vec::new());
    for new in 1..=SIZE_MAX {
        let nodes =
            tlog_tiles::stored_hashes(new - 1, &(new - 1).to_le_bytes(), &other).expect("their nodes");
        other.0.extend(nodes);
        let new_root = roots[usize::try_from(new).expect("small")];
        for (old, &old_root) in (1..=new).zip(&roots[1..]) {
            let proof = prove_consistency(&stored, old, new).expect("sizes in order");
            let their_proof = tlog_tiles::prove_tree(new, old, &other).expect("their proof");
            assert_eq!(theirs_all(&proof), their_proof, "{old} to {new}");
            assert_eq!(check_consistency(old, old_root, new, new_root, &proof), Ok(()), "{old} to {new}");
        }
        assert_eq!(prove_consistency(&stored, 0, new), Ok(Vec::new()));
        assert_eq!(check_consistency(0, TreeHash::EMPTY, new, new_root, &[]), Ok(()));
        assert_eq!(check_consistency(0, new_root, new, new_root, &[]), Err(ProofError::WrongRoot));
        assert_eq!(
            prove_consistency(&stored, new + 1, new),
            Err(ProofError::SizesReversed { old_size: new + 1, new_size: new })
        );
    }
}

/// Sizes of all small trees, and of some larger ones of every shape.
fn shapes() -> impl Iterator<Item = u64> {
    let near_a_power = |size: u64| [size - 1, size, size + 1].iter().any(|size| size.is_power_of_two());
    (1..=SIZE_MAX).filter(move |size| *size < 24 || size % 13 == 0 || near_a_power(*size))
}

#[test]
fn l05_every_changed_inclusion_proof_is_refused() {
    let stored = Stored::new(SIZE_MAX);
    let roots = roots();
    let at = |size: u64| roots[usize::try_from(size).expect("small")];
    for size in shapes() {
        let every_bit = [1, 2, 3, 7, 8, 13].contains(&size);
        for index in (0..size).step_by(if size < 24 { 1 } else { 61 }) {
            let proof = prove_inclusion(&stored, index, size).expect("a leaf of the tree");
            let some_bit = usize::try_from((size * 31 + index * 7) % 256).expect("small");
            let bits = if every_bit { 0..256 } else { some_bit..some_bit + 1 };
            for bad in changed(&proof, &bits) {
                assert!(
                    check_inclusion(leaf(index), index, size, &bad, at(size)).is_err(),
                    "leaf {index} of {size}"
                );
            }
            for bit in bits {
                assert!(check_inclusion(flipped(leaf(index), bit), index, size, &proof, at(size)).is_err());
                assert!(check_inclusion(leaf(index), index, size, &proof, flipped(at(size), bit)).is_err());
            }
            for other in (0..size + 3).filter(|&other| other != index) {
                assert!(
                    check_inclusion(leaf(index), other, size, &proof, at(size)).is_err(),
                    "{index} as {other}"
                );
            }
            for other in (1..=size * 2 + 3).filter(|&other| other != size && other <= SIZE_MAX) {
                // A checkpoint binds its size to its root, so the evidence for another size brings another root.
                assert!(check_inclusion(leaf(index), index, other, &proof, at(other)).is_err());
                // With the right root and a wrong size nobody can promise more than the other implementation does.
                let ours = check_inclusion(leaf(index), index, other, &proof, at(size)).is_ok();
                let their_proof = theirs_all(&proof);
                let their_root = theirs(at(size));
                let theirs =
                    tlog_tiles::check_record(&their_proof, other, their_root, index, theirs(leaf(index)));
                assert_eq!(ours, theirs.is_ok(), "leaf {index} of {size} as of {other}");
            }
        }
    }
}

#[test]
fn l05_every_changed_consistency_proof_is_refused() {
    let stored = Stored::new(SIZE_MAX);
    let roots = roots();
    let at = |size: u64| roots[usize::try_from(size).expect("small")];
    for new in shapes() {
        let every_bit = [2, 3, 7, 8, 13].contains(&new);
        for old in (1..=new).step_by(if new < 24 { 1 } else { 61 }) {
            let proof = prove_consistency(&stored, old, new).expect("sizes in order");
            let some_bit = usize::try_from((new * 31 + old * 7) % 256).expect("small");
            let bits = if every_bit { 0..256 } else { some_bit..some_bit + 1 };
            for bad in changed(&proof, &bits) {
                assert!(check_consistency(old, at(old), new, at(new), &bad).is_err(), "{old} to {new}");
            }
            for bit in bits {
                assert!(check_consistency(old, flipped(at(old), bit), new, at(new), &proof).is_err());
                assert!(check_consistency(old, at(old), new, flipped(at(new), bit), &proof).is_err());
            }
            for other in (1..=new * 2 + 3).filter(|&other| other != old && other != new && other <= SIZE_MAX)
            {
                assert!(
                    check_consistency(other, at(other), new, at(new), &proof).is_err(),
                    "{other} to {new}"
                );
                assert!(
                    check_consistency(old, at(old), other, at(other), &proof).is_err(),
                    "{old} to {other}"
                );
            }
        }
    }
}

#[test]
fn a_proof_longer_than_any_tree_is_refused_before_it_is_hashed() {
    let long = vec![TreeHash::EMPTY; 1_000];
    assert_eq!(check_inclusion(leaf(0), 0, u64::MAX, &long, TreeHash::EMPTY), Err(ProofError::WrongLength));
    assert_eq!(
        check_consistency(1, TreeHash::EMPTY, u64::MAX, TreeHash::EMPTY, &long),
        Err(ProofError::WrongLength)
    );
}

#[test]
fn a_missing_node_is_named() {
    let leaves: Vec<TreeHash> = (0..5).map(leaf).collect();
    assert_eq!(prove_inclusion(leaves.as_slice(), 0, 8), Err(ProofError::NodeMissing { level: 2, index: 1 }));
    assert_eq!(root(leaves.as_slice(), 6), Err(ProofError::NodeMissing { level: 1, index: 2 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn proofs_of_trees_of_any_size_hold(size in 1..u64::MAX, seeds in prop::collection::vec(any::<u64>(), 1..4)) {
        let indexes: Vec<u64> = seeds.iter().map(|seed| seed % size).collect();
        let tree = Sparse::new(indexes.iter().copied());
        let whole = root(&tree, size).expect("every node is there");
        for &index in &indexes {
            let proof = prove_inclusion(&tree, index, size).expect("a leaf of the tree");
            prop_assert_eq!(check_inclusion(leaf(index), index, size, &proof, whole), Ok(()));
            prop_assert!(check_inclusion(leaf(index ^ 1), index, size, &proof, whole).is_err());
            for bad in changed(&proof, &std::iter::once(usize::try_from(index % 256).expect("small"))) {
                prop_assert!(check_inclusion(leaf(index), index, size, &bad, whole).is_err());
            }

            let part = root(&tree, index + 1).expect("every node is there");
            let proof = prove_consistency(&tree, index + 1, size).expect("sizes in order");
            prop_assert_eq!(check_consistency(index + 1, part, size, whole, &proof), Ok(()));
            for bad in changed(&proof, &std::iter::once(usize::try_from(index % 256).expect("small"))) {
                prop_assert!(check_consistency(index + 1, part, size, whole, &bad).is_err());
            }
        }
    }

    #[test]
    fn nonsense_is_refused_without_a_panic(
        sizes in any::<(u64, u64)>(),
        index in any::<u64>(),
        proof in prop::collection::vec(any::<[u8; 32]>().prop_map(TreeHash), 0..70),
    ) {
        let (old, new) = sizes;
        prop_assert!(check_inclusion(leaf(0), index, old, &proof, leaf(1)).is_err());
        prop_assert!(check_consistency(old, leaf(2), new, leaf(3), &proof).is_err());
    }
}
