//! Opening a ledger: two outcomes, *served* or *refused* with every byte as it was.
//!
//! The engine repairs what it opens: one flipped byte in a log of 20 events made it keep 9 and rewrite its file before any
//! check of ours. So unless its files are exactly those of the last clean close, a **copy** is opened and checked first, and
//! the original is touched only when the copy passed. The engine also panics, and may hang, on damaged files: all of
//! it happens behind a barrier and a deadline. Only `create` creates; the engine itself would begin an empty log where its
//! file was deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use events::id::LedgerId;
use events::verify::Report;

use super::check::{self, Checked, Opening};
use super::directory::{self, CopyError, DataDirectory, DirectoryLock, Staged};
use super::refusal::{EngineFailure, OpenRefusal};
use super::sled::{self, SledOptions, SledStore};
use super::snapshot::{Skipped, Snapshots, Started};
use super::space;
use super::start::Folded;
use super::store::{Head, KeyStore, LogReader, LogStore, StoreError};
use super::witness::Witness;

/// How a ledger is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Cache, low-water mark and layout of the engine.
    pub engine: SledOptions,
    /// Room kept back on the disk, so that a full one can still be opened.
    pub reserve_bytes: u64,
    /// How long opening may go without any progress, beside one second for each 8 MiB of the engine's files.
    pub deadline: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { engine: SledOptions::default(), reserve_bytes: 32 << 20, deadline: Duration::from_secs(30) }
    }
}

/// How far opening has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// How much of it, in bytes or events.
    pub done: u64,
    /// How much there is, as far as it is known.
    pub total: u64,
}

/// The steps of opening, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Hashing the engine's files, in bytes: are they those of the last clean close?
    Comparing,
    /// Making the copy, in bytes.
    Copying,
    /// Checking the copy, in events.
    CheckingCopy,
    /// Checking the log itself, in events.
    Checking,
}

/// A ledger that is open for writing.
pub struct Opened {
    /// The log and its key store.
    pub store: Box<dyn LogStore>,
    /// To be told of every batch between its append and its acknowledgement.
    pub witness: Witness,
    /// Closes both in order, and keeps the directory ours until then.
    pub closer: Closer,
    /// What the log was found to be.
    pub report: Report,
    /// What it adds up to, folded in the same pass that checked it.
    pub folded: Folded,
    /// From which snapshot, and how much was folded.
    pub started: Started,
    /// Newer snapshots that were passed over.
    pub skipped: Vec<Skipped>,
    /// Events that were on disk without the witness knowing, because the process died between the two: never
    /// acknowledged, but part of history from now on.
    pub survivors: u64,
}

/// Ownership of the directory, and the orderly end of it.
pub struct Closer {
    directory: DataDirectory,
    /// None while a ledger is being created: its stage has the lock.
    lock: Option<DirectoryLock>,
    /// Free bytes that are the log's alone.
    low_water_bytes: u64,
}

impl Closer {
    /// Where the ledger lies.
    pub(super) fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// The ledger's snapshots.
    pub(super) fn snapshots(&self) -> Snapshots {
        Snapshots::new(self.directory.snapshots(), self.low_water_bytes)
    }

    /// Closes the log, hashes the engine's files into the witness, so that the next start need not copy them, and gives up
    /// the directory. Dying anywhere in here is like dying before: the next start makes its copy.
    pub fn close(self, store: Box<dyn LogStore>, mut witness: Witness) -> Result<(), StoreError> {
        store.close()?;
        let io = |operation| move |error: io::Error| StoreError::Io { operation, cause: (&error).into() };
        let files = directory::fingerprint(&self.directory.engine(), &mut |_| {})
            .map_err(io("read the storage files"))?;
        witness.record_close(files).map_err(io("write the witness"))?;
        drop(self.lock);
        Ok(())
    }
}

/// A ledger being created, beside where it will be.
pub struct Created {
    /// Where it is being built; the vault's file goes into it too.
    pub staged: Staged,
    /// The empty log.
    pub store: Box<dyn LogStore>,
    /// The witness, which says "nothing yet".
    pub witness: Witness,
    /// To be used before `staged.publish()`.
    pub closer: Closer,
}

/// Begins a new ledger; nothing has its final name until `staged.publish()`.
pub fn create(
    target: &DataDirectory,
    ledger_id: LedgerId,
    witness_key: &[u8; 32],
    options: &OpenOptions,
) -> Result<Created, OpenRefusal> {
    let path = target.path();
    if !target.is_vacant().map_err(refused(path, "read"))? {
        return Err(OpenRefusal::NotVacant { directory: path.to_owned() });
    }
    let staged = Staged::begin(target).map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => OpenRefusal::AlreadyRunning { directory: path.to_owned() },
        _ => refused(path, "create")(error),
    })?;
    let directory = staged.directory().clone();
    let engine = directory.engine();
    fs::create_dir(&engine).map_err(refused(&engine, "create"))?;
    let store = SledStore::create(&engine, options.engine.clone())
        .map_err(|error| check::refuse_store(&engine, error))?;
    let witness = Witness::create(directory.witness(), witness_key, ledger_id)
        .map_err(refused(directory.witness(), "create"))?;
    space::keep_reserve(&directory.reserve(), options.reserve_bytes)
        .map_err(refused(&directory.reserve(), "create"))?;
    let closer = Closer { directory, lock: None, low_water_bytes: options.engine.low_water_bytes };
    Ok(Created { staged, store: Box::new(store), witness, closer })
}

/// Opens a ledger for serving; see [`OpenRefusal`] for what it refuses.
pub fn open(
    directory: &DataDirectory,
    witness_key: &[u8; 32],
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Opened, OpenRefusal> {
    let (lock, mut witness) = enter(directory, witness_key)?;
    let engine = directory.engine();
    let expected = *witness.statement();

    // Unless nobody wrote since the last clean close, the engine's repairs are first tried on a copy.
    if !closed_in_order(&engine, witness.files(), progress)? {
        let copy = Copy::make(directory, progress)?;
        // From the first event, whatever snapshots there are: what the engine would make of damage before them is not known.
        let opening =
            Opening { path: copy.path(), named: &engine, options, expected: &expected, snapshots: None };
        let (store, _) = check::open(&opening, Step::CheckingCopy, progress)?;
        drop(store);
    }

    // From here on the original may change. What is refused below passed on the copy: the disk failed in between.
    let reserve = directory.reserve();
    if space::free_bytes(&engine).is_ok_and(|free| free < options.engine.low_water_bytes) {
        space::release_reserve(&reserve).map_err(refused(&reserve, "remove"))?;
    }
    let snapshots = directory.snapshots();
    let opening =
        Opening { path: &engine, named: &engine, options, expected: &expected, snapshots: Some(&snapshots) };
    let (store, Checked { report, epoch, folded, skipped }) =
        check::open(&opening, Step::Checking, progress)?;

    // What a crash left in the kernel alone becomes durable before anybody sees it, and the witness knows it before that.
    store.settle().map_err(|error| check::refuse_store(&engine, error))?;
    let survivors = report.head.size - expected.size;
    if survivors > 0 {
        let head = report.head;
        witness
            .record(epoch, head.size, head.chain, head.root)
            .map_err(refused(directory.witness(), "write"))?;
    }
    if space::free_bytes(&engine)
        .is_ok_and(|free| free > options.engine.low_water_bytes + options.reserve_bytes)
    {
        // A disk that fills up meanwhile costs the reserve, not the start.
        let _ = space::keep_reserve(&reserve, options.reserve_bytes);
    }
    if let Err(error) = snapshots.sweep() {
        // It takes room, and is in nobody's way.
        tracing::warn!(%error, "an unfinished snapshot could not be removed");
    }
    let low_water_bytes = options.engine.low_water_bytes;
    let closer = Closer { directory: directory.clone(), lock: Some(lock), low_water_bytes };
    let folded = folded.expect("the step Checking folds");
    let started = folded.started();
    Ok(Opened { store: Box::new(store), witness, closer, report, folded, started, skipped, survivors })
}

/// A checked copy of a ledger, for commands that only read. The original is not touched; the copy goes with this value.
pub struct OpenedCopy {
    store: SledStore,
    /// What the log was found to be.
    pub report: Report,
    _copy: Copy,
    _lock: DirectoryLock,
}

impl OpenedCopy {
    /// Reads the log.
    pub fn reader(&self) -> Arc<dyn LogReader> {
        self.store.reader()
    }

    /// Reads the key store.
    pub fn keys(&self) -> Arc<dyn KeyStore> {
        self.store.keys()
    }

    /// Where the log ends.
    pub fn head(&self) -> Head {
        self.store.head()
    }
}

/// Opens a copy for an offline command, refused for the same reasons as [`open`].
pub fn open_copy(
    directory: &DataDirectory,
    witness_key: &[u8; 32],
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<OpenedCopy, OpenRefusal> {
    let (lock, witness) = enter(directory, witness_key)?;
    let engine = directory.engine();
    let copy = Copy::make(directory, progress)?;
    let expected = witness.statement();
    let opening = Opening { path: copy.path(), named: &engine, options, expected, snapshots: None };
    let (store, Checked { report, .. }) = check::open(&opening, Step::CheckingCopy, progress)?;
    Ok(OpenedCopy { store, report, _copy: copy, _lock: lock })
}

/// Makes sure that this is a ledger, that it is ours alone, and that its files are there.
fn enter(directory: &DataDirectory, witness_key: &[u8; 32]) -> Result<(DirectoryLock, Witness), OpenRefusal> {
    let path = directory.path();
    let engine = directory.engine();
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenRefusal::NotALedger { directory: path.to_owned() },
        _ => refused(path, "read")(error),
    })?;
    // Looked at before the lock is taken, which would make a file in a directory that is nothing of ours.
    if !metadata.is_dir() || (!directory.witness().exists() && !engine.exists()) {
        return Err(OpenRefusal::NotALedger { directory: path.to_owned() });
    }
    let files = sled::FILES.iter().map(|file| engine.join(file));
    if let Some(file) = [directory.witness().to_owned()].into_iter().chain(files).find(|file| !file.exists())
    {
        return Err(OpenRefusal::Missing { file });
    }
    if !SledStore::has_our_settings(&engine).map_err(refused(&engine, "read"))? {
        return Err(OpenRefusal::Engine { file: engine.join("conf"), reason: EngineFailure::Damaged });
    }
    let lock = directory
        .lock()
        .map_err(refused(path, "lock"))?
        .ok_or_else(|| OpenRefusal::AlreadyRunning { directory: path.to_owned() })?;
    // Left by a start that died over its copy; the directory is ours alone, so nobody uses it.
    match fs::remove_dir_all(directory.copy()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(refused(directory.copy(), "remove")(error));
        }
        _ => {}
    }
    let witness = Witness::open(directory.witness(), witness_key)
        .map_err(|reason| OpenRefusal::Witness { file: directory.witness().to_owned(), reason })?;
    Ok((lock, witness))
}

fn closed_in_order(
    engine: &Path,
    files: Option<[u8; 32]>,
    progress: &mut dyn FnMut(Progress),
) -> Result<bool, OpenRefusal> {
    let Some(files) = files else { return Ok(false) };
    let total = engine_bytes(engine)?;
    let mut compared = |done| progress(Progress { step: Step::Comparing, done, total });
    Ok(directory::fingerprint(engine, &mut compared).map_err(refused(engine, "read"))? == files)
}

fn engine_bytes(engine: &Path) -> Result<u64, OpenRefusal> {
    let files = directory::files(engine).map_err(refused(engine, "read"))?;
    Ok(files.iter().map(|(_, length)| length).sum())
}

pub(super) fn refused(file: &Path, operation: &'static str) -> impl Fn(io::Error) -> OpenRefusal + use<> {
    let file = file.to_owned();
    move |error| OpenRefusal::Io { file: file.clone(), operation, cause: (&error).into() }
}

/// A copy of the engine's files that removes itself.
struct Copy {
    path: PathBuf,
}

impl Copy {
    fn make(directory: &DataDirectory, progress: &mut dyn FnMut(Progress)) -> Result<Self, OpenRefusal> {
        let engine = directory.engine();
        let path = directory.copy().to_owned();
        let total = engine_bytes(&engine)?;
        let copy = Self { path };
        let mut copied = |done| progress(Progress { step: Step::Copying, done, total });
        directory::copy_tree(&engine, &copy.path, &mut copied).map_err(|error| match error {
            CopyError::NoRoom { needed_bytes, free_bytes } => {
                OpenRefusal::NoRoomForCopy { file: engine.clone(), needed_bytes, free_bytes }
            }
            CopyError::Io(error) => refused(&copy.path, "copy the storage files to")(error),
        })?;
        Ok(copy)
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Should it stay, the next start removes it.
        let _ = fs::remove_dir_all(&self.path);
    }
}
