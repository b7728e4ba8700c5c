//! Taking a snapshot, and checking one, beside a ledger that is being served.
//!
//! The live state is never serialised: that would keep the writer out for as long as it takes. A thread of its own folds the
//! log a second time, from the newest snapshot that can be believed, and writes what it comes to. In order:
//!
//! 1. The file, under another name, durable. Dying here leaves a file that the next start removes.
//! 2. `SnapshotTaken`, by the writer like any command. Dying after it leaves an event without a file: it is true all the same.
//! 3. The file's name. From here on a start finds it.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use events::id::Sequence;
use events::ledger::SnapshotTaken;
use events::verify::VerifiedHead;
use parking_lot::Mutex;
use projections::digest::{DIGEST_VERSION, StateDigest};
use thiserror::Error;
use tokio::sync::oneshot;

use super::file::{self, SnapshotHead};
use super::pace::Pace;
use super::{SnapshotDirectory, UNFINISHED, Unusable, resume};
use crate::ledger::directory::sync_directory;
use crate::ledger::live::Ledger;
use crate::ledger::space;
use crate::ledger::start::{Folded, StartError, fold};
use crate::ledger::store::{LogReader, StoreError};
use crate::ledger::witness::Statement;

/// Why no snapshot was taken, or why one could not be checked.
#[derive(Debug, Error)]
pub enum TakeError {
    /// One is being taken or checked already.
    #[error("another snapshot is being taken or checked")]
    Busy,
    /// This ledger keeps none.
    #[error("this ledger has no place for snapshots")]
    NoPlace,
    /// Writing it would take the room that the log needs.
    #[error("the disk has no room for it beside what is kept back for the log")]
    NoRoom,
    /// The operating system refused.
    #[error("its file {} can't be written: {kind}", file.display())]
    Io {
        /// Which.
        file: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The log does not fold.
    #[error(transparent)]
    Log(#[from] StartError),
    /// The log folds to something else than is being served.
    #[error("the log does not lead to the state that is served")]
    Elsewhere,
    /// The thread for it could not be had or ended under it.
    #[error("the thread for it failed")]
    Thread,
}

/// The snapshots of a ledger that is being served: where they lie, and who is at work on them.
#[derive(Debug)]
pub struct Snapshots {
    directory: SnapshotDirectory,
    /// Free bytes that are the log's.
    low_water_bytes: u64,
    busy: Arc<AtomicBool>,
    checked: Mutex<Vec<(u64, Checked)>>,
}

/// The right to work on snapshots; one at a time has it, for each such work folds the log.
#[derive(Debug)]
pub struct Turn(Arc<AtomicBool>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Snapshots {
    pub(in crate::ledger) fn new(directory: SnapshotDirectory, low_water_bytes: u64) -> Self {
        Self { directory, low_water_bytes, busy: Arc::default(), checked: Mutex::default() }
    }

    /// Where they lie.
    pub fn directory(&self) -> &SnapshotDirectory {
        &self.directory
    }

    /// Takes the turn, unless another has it.
    pub fn turn(&self) -> Result<Turn, TakeError> {
        if self.busy.swap(true, Ordering::AcqRel) {
            Err(TakeError::Busy)
        } else {
            Ok(Turn(Arc::clone(&self.busy)))
        }
    }

    /// Whether somebody is at work.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// What the last check of that snapshot came to, since the start.
    pub fn checked(&self, size: u64) -> Option<Checked> {
        self.checked.lock().iter().find(|(of, _)| *of == size).map(|(_, checked)| checked.clone())
    }

    fn note(&self, size: u64, outcome: Checked) {
        let mut checked = self.checked.lock();
        checked.retain(|(of, _)| *of != size && self.directory.file(*of).exists());
        checked.push((size, outcome));
    }
}

/// A snapshot that is on disk and has neither its event nor its name yet; it goes with this value.
#[derive(Debug)]
pub struct Draft {
    head: SnapshotHead,
    directory: SnapshotDirectory,
    path: PathBuf,
}

impl Draft {
    /// Writes what a log was folded to.
    pub fn of(
        directory: &SnapshotDirectory,
        folded: &Folded,
        low_water_bytes: u64,
    ) -> Result<Self, TakeError> {
        Self::write(directory, folded, low_water_bytes, &mut || {})
    }

    fn write(
        directory: &SnapshotDirectory,
        folded: &Folded,
        low_water_bytes: u64,
        rest: &mut dyn FnMut(),
    ) -> Result<Self, TakeError> {
        let path = directory.file(folded.frontier.size()).with_added_extension(UNFINISHED);
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::StorageFull => TakeError::NoRoom,
            kind => TakeError::Io { file: path.clone(), kind },
        };
        directory.make().and_then(|()| directory.sweep()).map_err(failed)?;
        let mut between = || {
            rest();
            let free = space::free_bytes(directory.path())?;
            if free < low_water_bytes { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        };
        let written = between().and_then(|()| {
            file::write(&path, &folded.view.state, folded.chain, &folded.frontier, &mut between)
        });
        match written {
            Ok(head) => Ok(Self { head, directory: directory.clone(), path }),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(failed(error))
            }
        }
    }

    /// What it is.
    pub fn head(&self) -> &SnapshotHead {
        &self.head
    }

    /// The fact to be recorded before it is kept.
    pub fn taken(&self) -> SnapshotTaken {
        self.head.taken()
    }

    /// Gives it its name, now that its event is durable, and lets go of those that are no longer among the newest.
    pub fn keep(self) -> Result<SnapshotHead, TakeError> {
        let file = self.directory.file(self.head.size);
        let kept = fs::rename(&self.path, &file)
            .and_then(|()| sync_directory(self.directory.path()))
            .and_then(|()| self.directory.prune(self.head.size));
        kept.map(|()| self.head).map_err(|error| TakeError::Io { file, kind: error.kind() })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is gone already when it was kept; should it stay, the next one sweeps.
        let _ = fs::remove_file(&self.path);
    }
}

/// What checking a snapshot against the log came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is what the events before it add up to.
    Same,
    /// It is not; why.
    Differs(String),
    /// It can't be said; why.
    NotChecked(String),
}

/// Folds the log up to a snapshot, from the beginning, and compares. `progress` hears the events folded.
pub fn check(
    directory: &SnapshotDirectory,
    size: u64,
    reader: &dyn LogReader,
    known: &Statement,
    progress: &mut dyn FnMut(u64),
) -> Result<Checked, StartError> {
    let head = match directory.inspect(size) {
        Ok(head) => head,
        Err(reason @ (Unusable::Io(_) | Unusable::Version(_))) => {
            return Ok(Checked::NotChecked(reason.to_string()));
        }
        Err(reason) => return Ok(Checked::Differs(reason.to_string())),
    };
    let differs = |reason: &dyn std::fmt::Display| Ok(Checked::Differs(reason.to_string()));
    if head.ledger_id != known.ledger_id {
        return differs(&Unusable::OtherLedger(head.ledger_id));
    }
    if head.size > known.size {
        return differs(&Unusable::Newer { size, log: known.size });
    }
    if head.digest_version != DIGEST_VERSION {
        return Ok(Checked::NotChecked(Unusable::DigestVersion(head.digest_version).to_string()));
    }
    let folded = fold(reader, Sequence(size), progress)?;
    let digest: StateDigest = folded.view.state.digest();
    Ok(if (folded.chain, folded.frontier.root()) != (head.chain, head.root) {
        Checked::Differs(Unusable::NotInLog.to_string())
    } else if digest != head.digest {
        Checked::Differs(format!("the events before it add up to the digest {digest}"))
    } else {
        Checked::Same
    })
}

impl Ledger {
    /// Folds the log and writes what it comes to, beside whatever else happens. Whoever drops the answer does not end the work
    /// but what comes of it.
    pub async fn draft_snapshot(self: &Arc<Self>, turn: Turn) -> Result<(Draft, Turn), TakeError> {
        self.beside(move |ledger| {
            let draft = ledger.draft().inspect_err(|error| ledger.found(error))?;
            Ok((draft, turn))
        })
        .await?
    }

    /// Folds the log up to a snapshot and compares; what it came to is also in [`Snapshots::checked`] afterwards.
    pub async fn check_snapshot(self: &Arc<Self>, size: u64, turn: Turn) -> Result<Checked, TakeError> {
        self.beside(move |ledger| {
            let snapshots = ledger.snapshots().ok_or(TakeError::NoPlace)?;
            let mut pace = Pace::new();
            let known = ledger.known();
            let checked = check(&snapshots.directory, size, &**ledger.reader(), &known, &mut |_| pace.rest());
            let checked = checked.map_err(TakeError::from).inspect_err(|error| ledger.found(error))?;
            snapshots.note(size, checked.clone());
            drop(turn);
            Ok(checked)
        })
        .await?
    }

    /// A thread of its own: the runtime would wait for one of its own when the server stops.
    async fn beside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Ledger) -> T + Send + 'static,
    ) -> Result<T, TakeError> {
        let (answer, outcome) = oneshot::channel();
        let ledger = Arc::clone(self);
        let thread = std::thread::Builder::new().name("snapshot".to_owned());
        thread
            .spawn(move || {
                // Whoever asked may have hung up.
                let _ = answer.send(work(&ledger));
            })
            .map_err(|_| TakeError::Thread)?;
        outcome.await.map_err(|_| TakeError::Thread)
    }

    /// Work on snapshots reads the log again. When that is not what was written any more, nothing is to be built upon it,
    /// whoever found it.
    fn found(&self, error: &TakeError) {
        let sequence = match error {
            TakeError::Log(StartError::Finding(finding)) => finding.sequence,
            TakeError::Log(StartError::Store(StoreError::Damaged { sequence })) => *sequence,
            TakeError::Elsewhere => Sequence(self.size().saturating_sub(1)),
            _ => return,
        };
        tracing::error!(sequence = sequence.0, %error, "the log is not what was written: no more writes");
        self.history_changed(sequence);
    }

    fn known(&self) -> Statement {
        let VerifiedHead { size, chain, root } = self.head();
        Statement { ledger_id: self.id(), epoch: self.epoch(), size, chain, root }
    }

    fn draft(&self) -> Result<Draft, TakeError> {
        let snapshots = self.snapshots().ok_or(TakeError::NoPlace)?;
        let mut pace = Pace::new();
        let (reader, known) = (&**self.reader(), self.known());
        let (resumed, skipped) =
            resume::newest(&snapshots.directory, reader, &known, known.size, &mut |_| pace.rest());
        for skipped in skipped {
            tracing::warn!(file = %skipped.file.display(), reason = %skipped.reason, "a snapshot can't be built upon");
        }
        let folded = match resumed {
            Some(resumed) => resumed.folded.known()?,
            None => fold(reader, Sequence(known.size), &mut |_| pace.rest())?,
        };
        if (folded.chain, folded.frontier.root()) != (known.chain, known.root) {
            return Err(TakeError::Elsewhere);
        }
        Draft::write(&snapshots.directory, &folded, snapshots.low_water_bytes, &mut || pace.rest())
    }
}
