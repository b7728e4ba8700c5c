//! Checks a log leaf by leaf, without keys and without disk: what an auditor runs, and what every start runs.

use std::collections::HashMap;

use thiserror::Error;

use crate::{
    chain::{ChainHash, link},
    codec::{CodecError, decode},
    envelope::{Header, Leaf, Stream},
    id::Sequence,
    merkle::{Frontier, TreeHash, leaf_hash},
};

/// The first thing that is wrong with a log.
#[derive(Debug, Error)]
#[error("sequence {sequence}: {reason}")]
pub struct Finding {
    /// The first bad leaf, by its place in the log.
    pub sequence: Sequence,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What can be wrong with a leaf or with its place.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// Not a leaf, or a known event whose body is damaged.
    #[error("{0}")]
    Leaf(#[from] CodecError),
    /// The chain is broken.
    #[error(
        "the leaf before it was changed, dropped or replaced: its hash is {actual}, this leaf says {claimed}"
    )]
    Chain {
        /// What the leaf before hashes to.
        actual: ChainHash,
        /// What this leaf says of it.
        claimed: ChainHash,
    },
    /// A field contradicts the leaves before.
    #[error("{0}")]
    Order(&'static str),
    /// The log ends in the middle of a command.
    #[error("the log ends inside a command: {present} of {expected} events are there")]
    Incomplete {
        /// How many are there.
        present: u32,
        /// How many it has.
        expected: u32,
    },
}

/// Size and hashes of what was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedHead {
    /// Number of leaves.
    pub size: u64,
    /// Chain hash of the last leaf; zeros when there is none.
    pub chain: ChainHash,
    /// Root of the tree.
    pub root: TreeHash,
}

/// What a whole log turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Size and hashes.
    pub head: VerifiedHead,
    /// Bodies written by a newer version: their place was checked, their meaning not.
    pub unknown_bodies: u64,
}

/// State of a verification in progress.
#[derive(Debug, Default)]
pub struct Verifier {
    frontier: Frontier,
    chain: Option<ChainHash>,
    last: Option<Header>,
    streams: HashMap<Stream, (u64, Sequence)>,
    unknown_bodies: u64,
}

impl Verifier {
    /// Nothing verified yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the next leaf. After a finding the verifier is of no further use.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Finding> {
        let sequence = Sequence(self.frontier.size());
        self.check(sequence, bytes).map_err(|reason| Finding { sequence, reason })
    }

    fn check(&mut self, sequence: Sequence, bytes: &[u8]) -> Result<(), Reason> {
        let leaf = Leaf::parse(bytes).map_err(CodecError::from)?;
        let header = leaf.header;
        if header.sequence != sequence {
            return Err(Reason::Order("it carries another sequence"));
        }
        let actual = self.chain.unwrap_or(ChainHash::ZERO);
        if header.previous_hash != actual {
            return Err(Reason::Chain { actual, claimed: header.previous_hash });
        }
        if let Some(last) = &self.last {
            follows(last, &header)?;
        }
        self.check_command(&header)?;
        let (version, previous) = match self.streams.get(&header.stream) {
            Some((version, previous)) => (version + 1, Some(*previous)),
            None => (0, None),
        };
        if header.stream_version != version || header.stream_previous != previous {
            return Err(Reason::Order("its place in its stream does not follow the stream's last event"));
        }
        match decode(bytes) {
            Ok(_) => {}
            Err(CodecError::Unknown { .. }) => self.unknown_bodies += 1,
            Err(error) => return Err(error.into()),
        }
        self.streams.insert(header.stream, (version, sequence));
        self.chain = Some(link(bytes));
        self.frontier.push(leaf_hash(bytes));
        self.last = Some(header);
        Ok(())
    }

    fn check_command(&self, header: &Header) -> Result<(), Reason> {
        if header.command_index >= header.command_count {
            return Err(Reason::Order("its place in its command is past the command's end"));
        }
        let open = self.last.as_ref().filter(|last| last.command_index + 1 < last.command_count);
        match open {
            Some(last) => {
                let same = last.command_id == header.command_id
                    && last.command_index + 1 == header.command_index
                    && last.command_count == header.command_count;
                if !same {
                    return Err(Reason::Order("the command before it is not complete"));
                }
                if header.idempotency.is_some() || header.origin.is_some() {
                    return Err(Reason::Order(
                        "idempotency or origin stand on another event than a command's first",
                    ));
                }
            }
            None if header.command_index != 0 => {
                return Err(Reason::Order("the beginning of its command is missing"));
            }
            None => {}
        }
        Ok(())
    }

    /// What has been verified so far.
    pub fn head(&self) -> VerifiedHead {
        VerifiedHead {
            size: self.frontier.size(),
            chain: self.chain.unwrap_or(ChainHash::ZERO),
            root: self.frontier.root(),
        }
    }

    /// The tree so far, for a writer that goes on from here.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Ends the verification; a log that ends inside a command is damaged.
    pub fn finish(self) -> Result<Report, Finding> {
        if let Some(last) = &self.last {
            let present = last.command_index + 1;
            if present < last.command_count {
                let reason = Reason::Incomplete { present, expected: last.command_count };
                return Err(Finding { sequence: Sequence(self.frontier.size()), reason });
            }
        }
        Ok(Report { head: self.head(), unknown_bodies: self.unknown_bodies })
    }
}

fn follows(last: &Header, header: &Header) -> Result<(), Reason> {
    if header.ledger_id != last.ledger_id {
        return Err(Reason::Order("it belongs to another ledger"));
    }
    if header.epoch < last.epoch {
        return Err(Reason::Order("its epoch is older than the one before"));
    }
    if header.recorded_at < last.recorded_at {
        return Err(Reason::Order("its time is before the event before it"));
    }
    Ok(())
}
