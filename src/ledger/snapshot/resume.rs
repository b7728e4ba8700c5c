//! A start by snapshot: its rows, then the events behind it, checked and folded like any.
//!
//! What makes a file believed: the log goes on from its chain hash, link by link, to the head that the witness vouches for, so
//! every event behind it is authentic; among them stands a `SnapshotTaken` that names the file's size, chain, root and
//! digest; and the file's rows have that digest, its tree that root. What stands in the log before it is not read here
//! (`behind` does that).

use std::ops::ControlFlow;
use std::path::Path;

use events::envelope::{Leaf, Stream};
use events::event::Event;
use events::id::{Epoch, Sequence};
use events::verify::{Report, VerifiedHead, Verifier};

use super::file::{self, Loaded, SnapshotHead};
use super::{Skipped, SnapshotDirectory, Unusable};
use crate::commands::View;
use crate::ledger::start::Folded;
use crate::ledger::store::LogReader;
use crate::ledger::witness::Statement;

/// Progress is told after so many events.
const TICK_EVENTS: u64 = 4096;

/// A log that passed from a snapshot to its end.
pub(in crate::ledger) struct Resumed {
    pub(in crate::ledger) report: Report,
    /// Epoch of the last event.
    pub(in crate::ledger) epoch: Epoch,
    pub(in crate::ledger) folded: Folded,
}

/// Takes up the newest snapshot that can be believed, and folds what follows it up to `until`. `known` is the head that
/// somebody vouches for. `tick` hears how many events are in it, and is called now and then while a file is read.
pub(in crate::ledger) fn newest(
    directory: &SnapshotDirectory,
    reader: &dyn LogReader,
    known: &Statement,
    until: u64,
    tick: &mut dyn FnMut(u64),
) -> (Option<Resumed>, Vec<Skipped>) {
    let mut skipped = Vec::new();
    let sizes = match directory.sizes() {
        Ok(sizes) => sizes,
        Err(error) => {
            let file = directory.path().to_owned();
            return (None, vec![Skipped { file, reason: Unusable::Io(error.kind()) }]);
        }
    };
    for size in sizes {
        let file = directory.file(size);
        match from(&file, reader, known, until, tick) {
            Ok(resumed) => return (Some(resumed), skipped),
            Err(reason) => skipped.push(Skipped { file, reason }),
        }
    }
    (None, skipped)
}

fn from(
    path: &Path,
    reader: &dyn LogReader,
    known: &Statement,
    until: u64,
    tick: &mut dyn FnMut(u64),
) -> Result<Resumed, Unusable> {
    let refused = |head: &SnapshotHead| {
        if head.ledger_id != known.ledger_id {
            return Err(Unusable::OtherLedger(head.ledger_id));
        }
        if head.size > until {
            return Err(Unusable::Newer { size: head.size, log: until });
        }
        // The event that confirms it stands behind it, and must be among those that are vouched for.
        if head.size >= known.size { Err(Unusable::Unconfirmed) } else { Ok(()) }
    };
    let loaded = file::load(path, &refused, &mut || tick(0))?;
    let mut tail = Tail::behind(loaded, reader, *known)?;
    let mut failed = None;
    let start = Sequence(tail.head.size);
    let read = reader.read(start, Sequence(until), &mut |sequence, leaf| {
        if sequence.0.is_multiple_of(TICK_EVENTS) {
            tick(sequence.0);
        }
        match tail.take(sequence, leaf) {
            Ok(()) => ControlFlow::Continue(()),
            Err(reason) => {
                failed = Some(reason);
                ControlFlow::Break(())
            }
        }
    });
    failed.map_or(Ok(()), Err)?;
    read.map_err(Unusable::Log)?;
    tail.end()
}

/// The events behind a snapshot.
struct Tail {
    head: SnapshotHead,
    known: Statement,
    verifier: Verifier,
    folded: Folded,
    epoch: Epoch,
    /// Whether the log was as it is vouched for when it was so long.
    agrees: bool,
    confirmed: bool,
    contradicted: bool,
}

impl Tail {
    fn behind(loaded: Loaded, reader: &dyn LogReader, known: Statement) -> Result<Self, Unusable> {
        let Loaded { head, frontier, state } = loaded;
        let mut verifier = None;
        let last = Sequence(head.size.checked_sub(1).ok_or(Unusable::NotInLog)?);
        reader
            .read(last, last.next(), &mut |_, leaf| {
                verifier = Verifier::resume(frontier.clone(), leaf);
                ControlFlow::Break(())
            })
            .map_err(Unusable::Log)?;
        let verifier = verifier.ok_or(Unusable::NotInLog)?;
        if verifier.head() != (VerifiedHead { size: head.size, chain: head.chain, root: head.root }) {
            return Err(Unusable::NotInLog);
        }
        let folded = Folded {
            view: View { state, ..View::default() },
            chain: head.chain,
            frontier,
            unknown: None,
            snapshot: Some(head),
        };
        let epoch = head.epoch;
        Ok(Self {
            head,
            known,
            verifier,
            folded,
            epoch,
            agrees: false,
            confirmed: false,
            contradicted: false,
        })
    }

    fn take(&mut self, sequence: Sequence, leaf: &[u8]) -> Result<(), Unusable> {
        let heads = &self.folded.view.state.streams.heads;
        let before = |stream: Stream| heads.get(&stream).map(|head| (head.version, head.sequence));
        let envelope =
            self.verifier.read_knowing(leaf, &before).map_err(|finding| Unusable::Tail(Box::new(finding)))?;
        if let Some(envelope) = &envelope {
            self.epoch = envelope.header.epoch;
            self.folded.apply(envelope);
        } else {
            self.epoch = Leaf::parse(leaf).map_or(self.epoch, |leaf| leaf.header.epoch);
            self.folded.unknown(sequence);
        }
        if let Some(Event::SnapshotTaken(taken)) = envelope.map(|envelope| envelope.event)
            && taken.size == self.head.size
            && sequence.0 < self.known.size
        {
            let same = taken == self.head.taken();
            self.confirmed |= same;
            self.contradicted |= !same;
        }
        if sequence.0 + 1 == self.known.size {
            let VerifiedHead { chain, root, .. } = self.verifier.head();
            self.agrees = chain == self.known.chain && root == self.known.root;
        }
        Ok(())
    }

    fn end(mut self) -> Result<Resumed, Unusable> {
        if !self.agrees {
            return Err(Unusable::NotInLog);
        }
        match (self.confirmed, self.contradicted) {
            (true, _) => {}
            (false, true) => return Err(Unusable::Differs),
            (false, false) => return Err(Unusable::Unconfirmed),
        }
        self.folded.ends_at(&self.verifier);
        let report = self.verifier.finish().map_err(|finding| Unusable::Tail(Box::new(finding)))?;
        Ok(Resumed { report, epoch: self.epoch, folded: self.folded })
    }
}
