//! Facts about the ledger as a whole.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::{chain::ChainHash, merkle::TreeHash};

/// One hash over everything that the events add up to. Two states with the same digest, of the same version, answer alike.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct StateDigest(pub [u8; 32]);

// In bytes the 32 of them, for people and their tools hex.
impl Serialize for StateDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl fmt::Display for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateDigest({self})")
    }
}

/// The first event of every ledger; its header gives the ledger its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCreated {
    /// Name and version of the program that created it, for people who read the book later.
    pub software: String,
}

/// The state after the first `size` events was saved. It speaks of events before it alone, and a file that says what it says
/// is one that a start may believe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTaken {
    /// How many events the state is the fold of.
    pub size: u64,
    /// Chain hash of the last of them.
    pub chain: ChainHash,
    /// Root of the tree over them.
    pub root: TreeHash,
    /// Which rows the digest covers, in which order.
    pub digest_version: u16,
    /// What they add up to.
    pub digest: StateDigest,
}
