//! What a start by snapshot left unread is checked while the ledger is served already, on a thread of its own that works half
//! of the time.
//!
//! A finding ends the writer: what a history that was changed adds up to must not be built upon. Reads go on, for the state
//! that is served was proven by its digest. The next start finds no clean close, checks a copy from the beginning, and
//! refuses with the event's name.

use std::ops::ControlFlow;
use std::sync::Arc;

use events::id::Sequence;
use events::verify::{ExpectedHead, Finding, Verifier};
use parking_lot::Mutex;

use super::file::SnapshotHead;
use super::pace::Pace;
use crate::ledger::live::Stop;
use crate::ledger::shared::Shared;
use crate::ledger::store::{LogReader, StoreError};

/// Leaves between two rests.
const STRETCH: u64 = 4096;

/// How far the check of what stands before the snapshot has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Whether it goes on.
    pub state: VerificationState,
    /// Events that were checked.
    pub verified: u64,
    /// Events that there are to be checked: those before the snapshot, or all that the start found when it took up none.
    pub of: u64,
}

/// Whether the check goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerificationState {
    /// There is nothing to check behind: the start checked all.
    None,
    /// It goes on.
    Running,
    /// Everything is as it was written.
    Done,
    /// It found something, or can't read the log; what.
    Failed(String),
}

impl VerificationState {
    /// One word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed(_) => "failed",
        }
    }
}

/// The progress, as others see it.
pub(in crate::ledger) struct Progress(Mutex<Verification>);

impl Progress {
    /// A start that checked all of `size` events itself.
    pub(in crate::ledger) fn nothing(size: u64) -> Self {
        Self(Mutex::new(Verification { state: VerificationState::None, verified: size, of: size }))
    }

    pub(in crate::ledger) fn get(&self) -> Verification {
        self.0.lock().clone()
    }

    fn set(&self, state: VerificationState, verified: u64, of: u64) {
        *self.0.lock() = Verification { state, verified, of };
    }
}

/// Why the check did not come to its end.
enum Ended {
    Found(Finding),
    Newer(Sequence),
    Read(StoreError),
    /// The ledger is being closed.
    Closed,
}

/// Begins the check; the thread ends with it, or when the ledger is closed.
pub(in crate::ledger) fn begin(
    shared: Arc<Shared>,
    reader: Arc<dyn LogReader>,
    head: SnapshotHead,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    shared.verification().set(VerificationState::Running, 0, head.size);
    std::thread::Builder::new().name("verify-behind".to_owned()).spawn(move || run(&shared, &*reader, &head))
}

fn run(shared: &Shared, reader: &dyn LogReader, head: &SnapshotHead) {
    let progress = shared.verification();
    let mut verified = 0;
    let result = check(shared, reader, head, &mut |done| {
        verified = done;
        progress.set(VerificationState::Running, done, head.size);
    });
    let failed = |why: String| progress.set(VerificationState::Failed(why), verified, head.size);
    match result {
        Ok(()) => {
            tracing::info!(events = head.size, "the log before the snapshot is what was written");
            progress.set(VerificationState::Done, head.size, head.size);
        }
        Err(Ended::Closed) => {}
        Err(Ended::Found(finding)) => {
            let sequence = finding.sequence;
            tracing::error!(sequence = sequence.0, reason = %finding.reason, "the log before the snapshot is not what was written: no more writes");
            shared.stop(Stop::Changed(sequence));
            failed(finding.to_string());
        }
        Err(Ended::Newer(sequence)) => {
            tracing::error!(
                sequence = sequence.0,
                "an event before the snapshot was written by a newer version: no more writes"
            );
            shared.stop(Stop::Newer(sequence));
            failed(format!("event {sequence} was written by a newer version of authledger"));
        }
        Err(Ended::Read(error)) => {
            tracing::error!(%error, "the log before the snapshot can't be checked");
            if let Some(sequence) = super::damaged_at(&error) {
                shared.stop(Stop::Changed(sequence));
            }
            failed(error.to_string());
        }
    }
}

fn check(
    shared: &Shared,
    reader: &dyn LogReader,
    head: &SnapshotHead,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Ended> {
    let expected = ExpectedHead { size: head.size, chain: Some(head.chain), root: Some(head.root) };
    let mut verifier = Verifier::expecting([expected]).of_ledger(head.ledger_id);
    let mut pace = Pace::new();
    let mut from = 0;
    while from < head.size {
        let until = (from + STRETCH).min(head.size);
        let mut ended = None;
        // One leaf more than is checked: it tells which of two neighbours was changed.
        let read = reader.read(Sequence(from), Sequence(until + 1), &mut |sequence, leaf| {
            if let Some(Ended::Found(finding)) = ended.take() {
                ended = Some(Ended::Found(finding.settle(Some(leaf))));
                return ControlFlow::Break(());
            }
            if shared.is_closing() {
                ended = Some(Ended::Closed);
                return ControlFlow::Break(());
            }
            if sequence.0 == until {
                return ControlFlow::Break(());
            }
            match verifier.read(leaf) {
                Ok(Some(_)) => ControlFlow::Continue(()),
                Ok(None) => {
                    ended = Some(Ended::Newer(sequence));
                    ControlFlow::Break(())
                }
                Err(finding) => {
                    ended = Some(Ended::Found(finding));
                    ControlFlow::Continue(())
                }
            }
        });
        ended.map_or(Ok(()), Err)?;
        match read {
            Err(StoreError::Closed) => return Err(Ended::Closed),
            other => other.map_err(Ended::Read)?,
        }
        from = until;
        progress(from);
        pace.rest();
    }
    verifier.finish().map(drop).map_err(Ended::Found)
}
