//! What a verification can find, where, and how a person is told.

use thiserror::Error;

use crate::{
    chain::ChainHash,
    codec::CodecError,
    id::{Epoch, LedgerId, Sequence},
    merkle::TreeHash,
    time::Timestamp,
};

/// The first thing that is wrong with a log.
#[derive(Debug, Error)]
#[error("sequence {sequence}: {reason}")]
pub struct Finding {
    /// The first bad leaf, by its place in the log; the size of the log when something is missing at its end.
    pub sequence: Sequence,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a log as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is there is not what was written.
    Tampered,
    /// Two signed checkpoints of one origin contradict each other.
    Forked,
    /// A checkpoint is older than one that was seen before.
    Stale,
    /// What is there may be true, but it is not all.
    Incomplete,
}

impl Verdict {
    /// One word for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tampered => "tampered",
            Self::Forked => "forked",
            Self::Stale => "stale",
            Self::Incomplete => "incomplete",
        }
    }

    /// How a verifying program ends: codes of their own, so that a script tells them from "could not be read".
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Tampered => 10,
            Self::Forked => 11,
            Self::Stale => 12,
            Self::Incomplete => 13,
        }
    }
}

/// What can be wrong with a leaf or with its place.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// Not a leaf, or a known event whose body is damaged.
    #[error("{0}")]
    Leaf(#[from] CodecError),
    /// It carries another sequence than its place: something was dropped, inserted, repeated or moved.
    #[error("the leaf in this place carries sequence {carried}")]
    Sequence {
        /// What it carries.
        carried: Sequence,
        /// Its own hash, by which the leaf after it can vouch for it; `None` when that would mean nothing.
        own: Option<ChainHash>,
    },
    /// A later leaf claims the same sequence, and the log goes on from that one.
    #[error("the leaf in place {place} claims this sequence too, and the log goes on from that one")]
    Twice {
        /// Where the other one stands.
        place: Sequence,
    },
    /// The leaf after it says it had another hash.
    #[error("it was changed or replaced: its hash is {actual}, the leaf after it says {claimed}")]
    Chain {
        /// What it hashes to.
        actual: ChainHash,
        /// What the leaf after it says.
        claimed: ChainHash,
        /// The hash of that leaf, by which the next one can vouch for it; `None` when that is settled.
        own: Option<ChainHash>,
    },
    /// The hash that it carries is not that of the leaf before, and nothing vouches for it.
    #[error("it was changed: it says the leaf before it has the hash {claimed}, but that is {actual}")]
    PreviousHash {
        /// What the leaf before hashes to; zeros when there is none.
        actual: ChainHash,
        /// What this leaf says.
        claimed: ChainHash,
    },
    /// It comes from another ledger.
    #[error("it belongs to the ledger {actual}, not to {expected}")]
    Ledger {
        /// What the leaf says.
        actual: LedgerId,
        /// What the log's first leaf, or the caller, says.
        expected: LedgerId,
    },
    /// The epoch is 0, falls, or changes inside a command.
    #[error("its epoch {actual} does not follow {before}")]
    Epoch {
        /// What the leaf says.
        actual: Epoch,
        /// That of the leaf before; 0 when there is none.
        before: Epoch,
    },
    /// Time runs backwards.
    #[error("it was recorded at {actual}, before the leaf before it, {before}")]
    Time {
        /// What the leaf says.
        actual: Timestamp,
        /// That of the leaf before.
        before: Timestamp,
    },
    /// Its place in its command is wrong.
    #[error("{0}")]
    Command(&'static str),
    /// Its place in its stream is wrong.
    #[error(
        "it is version {version} of its stream and names {} as the one before, \
         but the stream's last event is version {} at {}",
        or_none(*.previous), or_none(*.last_version), or_none(*.last)
    )]
    Stream {
        /// The version that the leaf claims.
        version: u64,
        /// The sequence that it claims for the stream's event before it.
        previous: Option<Sequence>,
        /// The version of the stream's last event.
        last_version: Option<u64>,
        /// Where that is.
        last: Option<Sequence>,
    },
    /// The log so far hangs together, but it is not the one that was expected.
    #[error("history was changed at or before it: the log's hash here is not the expected one ({which})")]
    Head {
        /// Which of both hashes differs.
        which: &'static str,
    },
    /// The log ends in the middle of a command.
    #[error("the log ends inside a command: {present} of {expected} events are there")]
    Unfinished {
        /// How many are there.
        present: u32,
        /// How many it has.
        expected: u32,
    },
    /// The log ends before the size that was expected.
    #[error("the log ends here: the events up to {} are missing", .until.saturating_sub(1))]
    Missing {
        /// The size that was expected.
        until: u64,
    },
}

impl Reason {
    /// One word for programs; the same as FORMAT.md's verifier and other programs written from it use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Leaf(CodecError::Header(_)) => "header",
            Self::Leaf(_) => "body",
            Self::Sequence { .. } | Self::Twice { .. } => "sequence",
            Self::Chain { .. } | Self::PreviousHash { .. } => "chain",
            Self::Ledger { .. } => "ledger",
            Self::Epoch { .. } => "epoch",
            Self::Time { .. } => "time",
            Self::Command(_) => "command",
            Self::Stream { .. } => "stream",
            Self::Head { .. } => "head",
            Self::Unfinished { .. } => "unfinished",
            Self::Missing { .. } => "missing",
        }
    }
}

impl Finding {
    /// What it means for the log as a whole.
    pub fn verdict(&self) -> Verdict {
        match self.reason {
            Reason::Unfinished { .. } | Reason::Missing { .. } => Verdict::Incomplete,
            Reason::Leaf(_)
            | Reason::Sequence { .. }
            | Reason::Twice { .. }
            | Reason::Chain { .. }
            | Reason::PreviousHash { .. }
            | Reason::Ledger { .. }
            | Reason::Epoch { .. }
            | Reason::Time { .. }
            | Reason::Command(_)
            | Reason::Stream { .. }
            | Reason::Head { .. } => Verdict::Tampered,
        }
    }

    /// Names the culprit better with the help of the leaf after the one that [`Verifier::push`] refused.
    ///
    /// Where two neighbours contradict each other, either may be the changed one; the next leaf carries the hash that the
    /// second had when it was written. Without that leaf the first of both stays named.
    ///
    /// [`Verifier::push`]: super::Verifier::push
    #[must_use]
    pub fn settle(self, next: Option<&[u8]>) -> Self {
        let Some(said) = next.and_then(carried_hash) else { return self };
        match self.reason {
            Reason::Chain { own: Some(own), .. } | Reason::Sequence { own: Some(own), .. } => {
                self.vouched(said == own)
            }
            _ => self,
        }
    }

    /// Settles a contradiction between neighbours, now that it is known whether the second is as it was written.
    pub(super) fn vouched(self, second_is_true: bool) -> Self {
        let place = self.sequence;
        match self.reason {
            Reason::Chain { actual, claimed, .. } if second_is_true => {
                Self { sequence: place, reason: Reason::Chain { actual, claimed, own: None } }
            }
            Reason::Chain { actual, claimed, .. } => {
                Self { sequence: place.next(), reason: Reason::PreviousHash { actual, claimed } }
            }
            Reason::Sequence { carried, .. } if second_is_true && carried < place => {
                Self { sequence: carried, reason: Reason::Twice { place } }
            }
            reason => Self { sequence: place, reason },
        }
    }
}

/// The hash of the leaf before, as these bytes carry it; by its offset alone, for they may be damaged elsewhere.
fn carried_hash(bytes: &[u8]) -> Option<ChainHash> {
    bytes.get(111..143)?.try_into().ok().map(ChainHash)
}

fn or_none(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| number.to_string())
}

/// A head that the log must have, from the witness, a checkpoint, or whoever wrote one down.
///
/// The log may go on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedHead {
    /// Number of leaves.
    pub size: u64,
    /// Chain hash of the last of them.
    pub chain: Option<ChainHash>,
    /// Root of the tree over them.
    pub root: Option<TreeHash>,
}
