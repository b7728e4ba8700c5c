//! What the log says of snapshots.

use std::ops::ControlFlow;

use events::codec::decode;
use events::envelope::{Header, Leaf};
use events::event::Event;
use events::id::Sequence;
use events::ledger::SnapshotTaken;

use crate::ledger::store::{LogReader, StoreError};

/// A snapshot that the log speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Place, time and cause of the event.
    pub header: Header,
    /// What it says.
    pub taken: SnapshotTaken,
}

fn confirmation(leaf: &[u8]) -> Option<Confirmation> {
    let envelope = decode(leaf).ok()?;
    match envelope.event {
        Event::SnapshotTaken(taken) => Some(Confirmation { header: envelope.header, taken }),
        _ => None,
    }
}

/// All `SnapshotTaken` of sizes from `oldest` on, newest first, walked back by `stream_previous` from `last`, the last event of
/// the ledger's own stream: as many reads as that stream has events, however long the log is.
pub fn confirmations(
    reader: &dyn LogReader,
    last: Option<Sequence>,
    oldest: u64,
) -> Result<Vec<Confirmation>, StoreError> {
    let mut found = Vec::new();
    let mut next = last;
    while let Some(sequence) = next.filter(|sequence| sequence.0 >= oldest) {
        let mut here = None;
        reader.read(sequence, sequence.next(), &mut |_, leaf| {
            here = Leaf::parse(leaf).ok().map(|parsed| (parsed.header.stream_previous, confirmation(leaf)));
            ControlFlow::Break(())
        })?;
        let (previous, confirmation) = here.ok_or(StoreError::Damaged { sequence })?;
        found.extend(confirmation);
        // A log that was not checked could lead in circles.
        next = previous.filter(|previous| *previous < sequence);
    }
    Ok(found)
}

/// The same by reading everything from `oldest` on, for who has no state that knows where the stream ends. `tick` hears the
/// sequences.
pub fn confirmations_behind(
    reader: &dyn LogReader,
    oldest: u64,
    tick: &mut dyn FnMut(u64),
) -> Result<Vec<Confirmation>, StoreError> {
    let mut found = Vec::new();
    let size = reader.head().size;
    reader.read(Sequence(oldest), Sequence(size), &mut |sequence, leaf| {
        if sequence.0.is_multiple_of(4096) {
            tick(sequence.0);
        }
        found.extend(confirmation(leaf));
        ControlFlow::Continue(())
    })?;
    found.reverse();
    Ok(found)
}
