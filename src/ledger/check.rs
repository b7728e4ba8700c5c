//! Opening the engine's files behind the barrier, and holding every leaf in them against the chain and the witness.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use events::envelope::Leaf;
use events::id::{Epoch, LedgerId, Sequence};
use events::verify::{Finding, Report, VerifiedHead, Verifier};

use super::barrier::{self, Barred, Ticks};
use super::recover::{OpenOptions, Progress, Step};
use super::refusal::{EngineFailure, OpenRefusal};
use super::sled::{self, EngineRefusal, SledStore};
use super::snapshot::resume::{self, Resumed};
use super::snapshot::{Skipped, SnapshotDirectory};
use super::start::Folded;
use super::store::{LogStore, StoreError};
use super::witness::Statement;

/// Progress is told after so many events.
const TICK_EVENTS: u64 = 4096;
/// What opening may take beside the deadline: the slowest disk we care about reads so much in a second.
const OPEN_BYTES_PER_SEC: u64 = 8 << 20;

/// What a log turned out to be, if it passed.
pub(super) struct Checked {
    /// Size, chain, root, unknown bodies.
    pub(super) report: Report,
    /// Epoch of the last event.
    pub(super) epoch: Epoch,
    /// What it adds up to, if that was asked for.
    pub(super) folded: Option<Folded>,
    /// Snapshots that were passed over.
    pub(super) skipped: Vec<Skipped>,
}

/// Why a log did not pass, before it is known by which name the user knows its files.
enum Failure {
    Engine(EngineRefusal),
    Store(StoreError),
    Finding(Box<Finding>),
    Foreign(LedgerId),
    Missing { size: u64 },
    Changed,
}

/// Which files are opened, and what is known of them.
pub(super) struct Opening<'a> {
    /// The engine's directory.
    pub(super) path: &'a Path,
    /// The original of a copy: what is refused is told of it.
    pub(super) named: &'a Path,
    pub(super) options: &'a OpenOptions,
    /// What the witness says.
    pub(super) expected: &'a Statement,
    /// Where a state may be taken up from.
    pub(super) snapshots: Option<&'a SnapshotDirectory>,
}

/// Opens the engine's files and checks them.
pub(super) fn open(
    opening: &Opening<'_>,
    step: Step,
    progress: &mut dyn FnMut(Progress),
) -> Result<(SledStore, Checked), OpenRefusal> {
    let Opening { path, named, options, expected, snapshots } = *opening;
    // The copy is only looked at; folding it would be work done twice.
    let folds = step == Step::Checking;
    let bytes: u64 = super::directory::files(path)
        .map_err(super::recover::refused(named, "read"))?
        .iter()
        .map(|(_, length)| length)
        .sum();
    let deadline = options.deadline + Duration::from_secs(bytes / OPEN_BYTES_PER_SEC);
    let total = expected.size;
    let mut tick = |done| progress(Progress { step, done, total: total.max(done) });
    let (path, options, statement) = (path.to_owned(), options.engine.clone(), *expected);
    let snapshots = snapshots.cloned();
    let answer = barrier::run(sled::THREADS, deadline, &mut tick, move |ticks| {
        let store = SledStore::open(&path, options).map_err(Failure::Engine)?;
        let mut skipped = Vec::new();
        // A log that is too short is refused for that, and not by what a snapshot makes of it.
        if let Some(snapshots) = snapshots.filter(|_| store.head().size >= statement.size) {
            let size = store.head().size;
            let (resumed, others) =
                resume::newest(&snapshots, &*store.reader(), &statement, size, &mut |done| ticks.tick(done));
            skipped = others;
            if let Some(Resumed { report, epoch, folded }) = resumed {
                return Ok((store, Checked { report, epoch, folded: Some(folded), skipped }));
            }
        }
        let checked = check(&store, &statement, folds, ticks)?;
        Ok((store, Checked { skipped, ..checked }))
    });
    match answer {
        Ok(result) => result.map_err(|failure| refuse(named, failure, expected)),
        Err(Barred::Panicked) => Err(refuse_engine(named, EngineFailure::Damaged)),
        Err(Barred::Stuck { secs }) => Err(refuse_engine(named, EngineFailure::Stuck { secs })),
    }
}

fn check<T>(
    store: &SledStore,
    expected: &Statement,
    folds: bool,
    ticks: &Ticks<T>,
) -> Result<Checked, Failure> {
    let mut verifier = Verifier::new();
    let mut folded = folds.then(Folded::default);
    let mut last_epoch = expected.epoch;
    let mut failure = None;
    // A log of the same length as an empty witness agrees with it in any case.
    let mut agrees = expected.size == 0;
    let size = store.head().size;
    let read = store.reader().read(Sequence(0), Sequence(size), &mut |sequence, leaf| {
        if let Some(Failure::Finding(finding)) = failure.take() {
            failure = Some(Failure::Finding(Box::new(finding.settle(Some(leaf)))));
            return ControlFlow::Break(());
        }
        match one(&mut verifier, sequence, leaf, expected, folded.as_mut()) {
            Ok(epoch) => last_epoch = epoch,
            // The leaf after it tells which of two neighbours that contradict each other was changed.
            Err(reason @ Failure::Finding(_)) => {
                failure = Some(reason);
                return ControlFlow::Continue(());
            }
            Err(reason) => {
                failure = Some(reason);
                return ControlFlow::Break(());
            }
        }
        if sequence.0 + 1 == expected.size {
            let VerifiedHead { chain, root, .. } = verifier.head();
            agrees = chain == expected.chain && root == expected.root;
            if !agrees {
                failure = Some(Failure::Changed);
                return ControlFlow::Break(());
            }
        }
        if sequence.0 % TICK_EVENTS == 0 {
            ticks.tick(sequence.0);
        }
        ControlFlow::Continue(())
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    read.map_err(Failure::Store)?;
    if size < expected.size {
        // Said before anything about a last command cut short: this is what its owner needs to know.
        return Err(Failure::Missing { size });
    }
    if let Some(folded) = &mut folded {
        folded.ends_at(&verifier);
    }
    let report = verifier.finish().map_err(|finding| Failure::Finding(Box::new(finding)))?;
    ticks.tick(size);
    if agrees {
        Ok(Checked { report, epoch: last_epoch, folded, skipped: Vec::new() })
    } else {
        Err(Failure::Changed)
    }
}

fn one(
    verifier: &mut Verifier,
    sequence: Sequence,
    leaf: &[u8],
    expected: &Statement,
    folded: Option<&mut Folded>,
) -> Result<Epoch, Failure> {
    if sequence.0 == 0
        && let Ok(Leaf { header, .. }) = Leaf::parse(leaf)
        && header.ledger_id != expected.ledger_id
    {
        return Err(Failure::Foreign(header.ledger_id));
    }
    let envelope = verifier.read(leaf).map_err(|finding| Failure::Finding(Box::new(finding)))?;
    if let Some(folded) = folded {
        match &envelope {
            Some(envelope) => folded.apply(envelope),
            None => folded.unknown(sequence),
        }
    }
    // Of a newer version's event the epoch is still readable.
    Ok(match envelope {
        Some(envelope) => envelope.header.epoch,
        None => Leaf::parse(leaf).map_or(expected.epoch, |leaf| leaf.header.epoch),
    })
}

fn refuse(named: &Path, failure: Failure, expected: &Statement) -> OpenRefusal {
    let file = named.to_owned();
    match failure {
        Failure::Engine(EngineRefusal::Foreign) => OpenRefusal::ForeignFiles { file },
        Failure::Engine(EngineRefusal::InUse) => {
            OpenRefusal::AlreadyRunning { directory: named.parent().unwrap_or(named).to_owned() }
        }
        Failure::Engine(EngineRefusal::Failed(error)) | Failure::Store(error) => refuse_store(named, error),
        Failure::Finding(finding) => OpenRefusal::Damaged { file, finding },
        Failure::Foreign(found) => OpenRefusal::ForeignLog { file, found, expected: expected.ledger_id },
        Failure::Missing { size } => OpenRefusal::EventsMissing {
            file,
            first: Sequence(size),
            last: Sequence(expected.size.saturating_sub(1)),
        },
        Failure::Changed => {
            OpenRefusal::Changed { file, sequence: Sequence(expected.size.saturating_sub(1)) }
        }
    }
}

pub(super) fn refuse_store(named: &Path, error: StoreError) -> OpenRefusal {
    match error {
        StoreError::Io { operation: _, cause } => {
            OpenRefusal::Io { file: named.to_owned(), operation: "read or write", cause }
        }
        StoreError::Engine { .. } => refuse_engine(named, EngineFailure::Damaged),
        other => refuse_engine(named, EngineFailure::Failed(other)),
    }
}

fn refuse_engine(named: &Path, reason: EngineFailure) -> OpenRefusal {
    OpenRefusal::Engine { file: named.to_owned(), reason }
}
