//! Checks a log leaf by leaf, without keys and without disk: what an auditor runs, and what every start runs.
//!
//! What is checked, in this order for each leaf: its header; its sequence; its link in the chain; ledger id, epoch and
//! time; its place in its command and in its stream; its body, if this version knows it; then any expected head at this
//! size. FORMAT.md, "Verifying", says the same for other programs, and `tests/clients` holds both to it.
//!
//! Memory: one entry of some 40 to 80 bytes for each stream, and nothing that grows with the number of leaves. A verifier that
//! goes on from a head ([`Verifier::resume`]) keeps only the streams that it has seen since, and asks for the others.

use std::collections::{HashMap, hash_map::Entry};

use crate::{
    chain::{ChainHash, link},
    codec::CodecError,
    envelope::{COMMAND_BYTES_MAX, COMMAND_EVENTS_MAX, Envelope, Header, Leaf, Stream},
    event::Event,
    id::{CommandId, Epoch, LedgerId, Sequence},
    merkle::{Frontier, TreeHash, leaf_hash},
    time::Timestamp,
};

mod finding;

pub use finding::{ExpectedHead, Finding, Reason, Verdict};

/// The last event of each stream before a head that a verification goes on from: its version and its sequence.
pub type StreamHeads<'a> = &'a dyn Fn(Stream) -> Option<(u64, Sequence)>;

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

impl VerifiedHead {
    /// That of a log without leaves.
    pub const EMPTY: Self = Self { size: 0, chain: ChainHash::ZERO, root: TreeHash::EMPTY };
}

/// What a whole log turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Size and hashes.
    pub head: VerifiedHead,
    /// Which ledger; `None` when the log is empty.
    pub ledger_id: Option<LedgerId>,
    /// The epoch of the last leaf.
    pub epoch: Option<Epoch>,
    /// Number of commands.
    pub commands: u64,
    /// Number of streams.
    pub streams: u64,
    /// Bodies written by a newer version: their place was checked, their meaning not.
    pub unknown_bodies: u64,
}

/// State of a verification in progress.
#[derive(Debug, Default)]
pub struct Verifier {
    frontier: Frontier,
    chain: Option<ChainHash>,
    ledger_id: Option<LedgerId>,
    last: Option<Last>,
    streams: HashMap<Stream, (u64, Sequence)>,
    commands: u64,
    command_bytes: usize,
    unknown_bodies: u64,
    /// Sorted by size; those before `reached` have been compared.
    expected: Vec<ExpectedHead>,
    reached: usize,
}

/// What the next leaf is held against.
#[derive(Debug)]
struct Last {
    epoch: Epoch,
    recorded_at: Timestamp,
    command_id: CommandId,
    command_index: u32,
    command_count: u32,
}

impl Last {
    fn of(header: &Header) -> Self {
        Self {
            epoch: header.epoch,
            recorded_at: header.recorded_at,
            command_id: header.command_id,
            command_index: header.command_index,
            command_count: header.command_count,
        }
    }
}

impl Verifier {
    /// Nothing verified yet, nothing expected.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing verified yet; the log must have each of these heads on its way.
    #[must_use]
    pub fn expecting(heads: impl IntoIterator<Item = ExpectedHead>) -> Self {
        let mut expected: Vec<ExpectedHead> = heads.into_iter().collect();
        expected.sort_by_key(|head| head.size);
        Self { expected, ..Self::default() }
    }

    /// The log must be that of this ledger; otherwise the first leaf says which it is.
    #[must_use]
    pub fn of_ledger(mut self, id: LedgerId) -> Self {
        self.ledger_id = Some(id);
        self
    }

    /// Goes on behind a head that somebody vouches for, such as a snapshot's: its tree, and the stored bytes of the leaf before
    /// it. Whoever calls compares [`Verifier::head`] with the head that was vouched for, and reads on with
    /// [`Verifier::read_knowing`]. `None` when the leaf is not the one before that head, or the head is inside a command.
    ///
    /// Its report counts commands, streams and unknown bodies from here on.
    #[must_use]
    pub fn resume(frontier: Frontier, before: &[u8]) -> Option<Self> {
        let Leaf { header, .. } = Leaf::parse(before).ok()?;
        let whole = header.command_index.checked_add(1) == Some(header.command_count);
        let in_place = header.sequence.0.checked_add(1) == Some(frontier.size());
        (whole && in_place).then(|| Self {
            frontier,
            chain: Some(link(before)),
            ledger_id: Some(header.ledger_id),
            last: Some(Last::of(&header)),
            ..Self::default()
        })
    }

    /// Checks the next leaf. After a finding the verifier is of no further use.
    ///
    /// A caller who has the leaf after this one names the culprit better by [`Finding::settle`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Finding> {
        self.read(bytes).map(drop)
    }

    /// Like [`Verifier::push`], and hands the event over, so that a start decodes each leaf once; `None` when a newer
    /// version wrote it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<Envelope>, Finding> {
        self.read_knowing(bytes, &|_| None)
    }

    /// The same behind a head that it was resumed from; `heads` knows the streams that this verifier has not seen.
    pub fn read_knowing(
        &mut self,
        bytes: &[u8],
        heads: StreamHeads<'_>,
    ) -> Result<Option<Envelope>, Finding> {
        self.compare()?;
        let sequence = Sequence(self.frontier.size());
        let own = link(bytes);
        let envelope =
            self.check(sequence, bytes, own, heads).map_err(|reason| self.place(sequence, reason))?;
        self.chain = Some(own);
        self.frontier.push(leaf_hash(bytes));
        self.compare()?;
        Ok(envelope)
    }

    fn check(
        &mut self,
        sequence: Sequence,
        bytes: &[u8],
        own: ChainHash,
        heads: StreamHeads<'_>,
    ) -> Result<Option<Envelope>, Reason> {
        let leaf = Leaf::parse(bytes).map_err(CodecError::from)?;
        let header = leaf.header;
        let actual = self.chain.unwrap_or(ChainHash::ZERO);
        let claimed = header.previous_hash;
        if header.sequence != sequence {
            // In its place by the chain, only its number was changed; a copy of its neighbour is one too many. Otherwise it
            // may be the true leaf of that sequence, if others went before it, and then the next leaf vouches for it.
            let vouchable = claimed != actual && own != actual;
            let own = Some(own).filter(|_| vouchable);
            return Err(Reason::Sequence { carried: header.sequence, own });
        }
        if claimed != actual {
            return Err(match self.last {
                Some(_) => Reason::Chain { actual, claimed, own: Some(own) },
                None => Reason::PreviousHash { actual, claimed },
            });
        }
        let expected = *self.ledger_id.get_or_insert(header.ledger_id);
        if header.ledger_id != expected {
            return Err(Reason::Ledger { actual: header.ledger_id, expected });
        }
        self.check_epoch_and_time(&header)?;
        self.check_command(&header, bytes.len())?;
        self.check_stream(&header, heads)?;
        let event = match Event::decode(leaf.event_type, leaf.schema_version, leaf.body) {
            Ok(event) => Some(event),
            Err(CodecError::Unknown { .. }) => {
                self.unknown_bodies += 1;
                None
            }
            Err(error) => return Err(error.into()),
        };
        self.last = Some(Last::of(&header));
        Ok(event.map(|event| Envelope { header, event }))
    }

    fn check_epoch_and_time(&self, header: &Header) -> Result<(), Reason> {
        let Some(last) = &self.last else {
            let before = Epoch(0);
            let follows = header.epoch > before;
            return if follows { Ok(()) } else { Err(Reason::Epoch { actual: header.epoch, before }) };
        };
        // A restore can forget the only events of an epoch, so that the log knows of none between 1 and 3.
        let may_rise = last.command_index + 1 == last.command_count;
        if header.epoch < last.epoch || (header.epoch > last.epoch && !may_rise) {
            return Err(Reason::Epoch { actual: header.epoch, before: last.epoch });
        }
        if header.recorded_at < last.recorded_at {
            return Err(Reason::Time { actual: header.recorded_at, before: last.recorded_at });
        }
        Ok(())
    }

    fn check_command(&mut self, header: &Header, bytes: usize) -> Result<(), Reason> {
        if header.command_index >= header.command_count {
            return Err(Reason::Command("its place in its command is past the command's end"));
        }
        if header.command_count > COMMAND_EVENTS_MAX {
            return Err(Reason::Command("its command has more than 4,096 events"));
        }
        let open = self.last.as_ref().filter(|last| last.command_index + 1 < last.command_count);
        if let Some(last) = open {
            let goes_on = last.command_id == header.command_id
                && last.command_index + 1 == header.command_index
                && last.command_count == header.command_count;
            if !goes_on {
                return Err(Reason::Command("the command before it is not complete"));
            }
            if header.idempotency.is_some() || header.origin.is_some() {
                return Err(Reason::Command(
                    "idempotency tags or origin stand on another event than a command's first",
                ));
            }
            self.command_bytes += bytes;
        } else {
            if header.command_index != 0 {
                return Err(Reason::Command("the beginning of its command is missing"));
            }
            if self.last.as_ref().is_some_and(|last| last.command_id == header.command_id) {
                return Err(Reason::Command("its command has the id of the command before it"));
            }
            self.commands += 1;
            self.command_bytes = bytes;
        }
        if self.command_bytes > COMMAND_BYTES_MAX {
            return Err(Reason::Command("its command has more than 2 MiB"));
        }
        Ok(())
    }

    fn check_stream(&mut self, header: &Header, heads: StreamHeads<'_>) -> Result<(), Reason> {
        let this = (header.stream_version, header.sequence);
        let entry = self.streams.entry(header.stream);
        let last = match &entry {
            Entry::Occupied(last) => Some(*last.get()),
            Entry::Vacant(_) => heads(header.stream),
        };
        let (version, previous) = match last {
            Some((version, previous)) => (version + 1, Some(previous)),
            None => (0, None),
        };
        if header.stream_version != version || header.stream_previous != previous {
            return Err(Reason::Stream {
                version: header.stream_version,
                previous: header.stream_previous,
                last_version: last.map(|(version, _)| version),
                last: previous,
            });
        }
        entry.insert_entry(this);
        Ok(())
    }

    /// A broken link is first laid to the leaf before, unless an expected head tells which of both was changed.
    fn place(&self, sequence: Sequence, reason: Reason) -> Finding {
        let Reason::Chain { own, .. } = reason else { return Finding { sequence, reason } };
        let finding = Finding { sequence: Sequence(sequence.0 - 1), reason };
        let mut here = self.expected.iter().filter(|head| head.size == sequence.0 + 1);
        match here.find_map(|head| head.chain) {
            Some(chain) => finding.vouched(Some(chain) == own),
            None => finding,
        }
    }

    /// Compares every expected head of the size reached.
    fn compare(&mut self) -> Result<(), Finding> {
        while let Some(head) =
            self.expected.get(self.reached).filter(|head| head.size <= self.frontier.size())
        {
            let chain_differs =
                head.chain.is_some_and(|chain| chain != self.chain.unwrap_or(ChainHash::ZERO));
            let root_differs = head.root.is_some_and(|root| root != self.frontier.root());
            if chain_differs || root_differs {
                let sequence = Sequence(self.frontier.size().saturating_sub(1));
                let which = if chain_differs { "chain" } else { "root" };
                return Err(Finding { sequence, reason: Reason::Head { which } });
            }
            self.reached += 1;
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

    /// Ends the verification. A log that ends before an expected head is incomplete, and so is one that ends inside a
    /// command.
    pub fn finish(mut self) -> Result<Report, Finding> {
        self.compare()?;
        let sequence = Sequence(self.frontier.size());
        if let Some(head) = self.expected.last().filter(|head| head.size > sequence.0) {
            return Err(Finding { sequence, reason: Reason::Missing { until: head.size } });
        }
        if let Some(last) = &self.last {
            let present = last.command_index + 1;
            if present < last.command_count {
                let reason = Reason::Unfinished { present, expected: last.command_count };
                return Err(Finding { sequence, reason });
            }
        }
        Ok(Report {
            head: self.head(),
            ledger_id: self.ledger_id,
            epoch: self.last.as_ref().map(|last| last.epoch),
            commands: self.commands,
            streams: self.streams.len() as u64,
            unknown_bodies: self.unknown_bodies,
        })
    }
}

/// Why a verification did not end well.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError<E> {
    /// The log is not what was written, or not all of it.
    #[error(transparent)]
    Found(#[from] Finding),
    /// The source of the leaves failed.
    #[error("{0}")]
    Read(E),
}

/// Feeds all leaves to the verifier and names the first bad one as well as the leaves after it allow.
pub fn verify<L: AsRef<[u8]>, E>(
    mut verifier: Verifier,
    leaves: impl IntoIterator<Item = Result<L, E>>,
) -> Result<Report, VerifyError<E>> {
    let mut leaves = leaves.into_iter();
    while let Some(leaf) = leaves.next() {
        let leaf = leaf.map_err(VerifyError::Read)?;
        if let Err(finding) = verifier.push(leaf.as_ref()) {
            // An unreadable next leaf only means that nobody vouches.
            let next = leaves.next().and_then(Result::ok);
            return Err(finding.settle(next.as_ref().map(AsRef::as_ref)).into());
        }
    }
    Ok(verifier.finish()?)
}
