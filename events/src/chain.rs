//! The chain: each leaf carries the hash of the leaf before it, so that a change anywhere breaks every later link.
//! Checked on every start, replay and restore. The tree (`merkle`) is the same history as evidence for others.

use std::{fmt, sync::LazyLock};

use blake3::{
    Hasher,
    hazmat::{ContextKey, HasherExt, hash_derive_key_context},
};
use serde::{Deserialize, Serialize, Serializer};

/// BLAKE3's domain for links; nothing else of ours hashes under it.
const CONTEXT: &str = "authledger 2026 chain v1";

/// `derive_key` hashes its context anew for every leaf; hashed once, a leaf of 300 bytes costs a sixth less.
static CONTEXT_KEY: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context(CONTEXT));

/// The hash of one leaf in the chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct ChainHash(pub [u8; 32]);

// In bytes the 32 of them, for people and their tools hex.
impl Serialize for ChainHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl ChainHash {
    /// What leaf 0 carries as the hash before it.
    pub const ZERO: Self = Self([0; 32]);
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

/// `chain(i) = BLAKE3 derive_key("authledger 2026 chain v1", leaf(i))` over the stored bytes, never a re-encoding.
pub fn link(leaf: &[u8]) -> ChainHash {
    ChainHash(Hasher::new_from_context_key(&CONTEXT_KEY).update(leaf).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_derive_key_over_the_leaf() {
        for len in [0, 1, 63, 64, 65, 300, 1_024, 1_025, 65_535] {
            let leaf: Vec<u8> = (0..len).map(|place: u32| place.to_le_bytes()[0]).collect();
            assert_eq!(link(&leaf), ChainHash(blake3::derive_key(CONTEXT, &leaf)));
        }
    }
}
