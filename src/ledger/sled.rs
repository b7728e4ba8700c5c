//! The embedded engine: sled 0.34.7. The only file that names it.
//!
//! Its `flush` is no fsync on Linux (it calls `sync_file_range`, which commits neither the file's size nor its blocks), so
//! an append is durable only after `sync_data` on our own handle of its file; a power cut without that lost acknowledged
//! events in 20 of 26 rounds. Its timer stays on, because it collects garbage there.
//!
//! One tree, because a batch is atomic per tree, with a first byte in every key:
//! `e` leaves (`packing.rs`), `k` ‖ key for the key store, `m` what this is.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use events::id::Sequence;
use parking_lot::{Mutex, RwLock};

use super::barrier;
use super::packing::{self, Packing, Unpacker, leaf_key};
use super::space;
use super::store::{AppendError, Batch, Head, KeyChange, KeyStore, LogReader, LogStore, StoreError};

/// Files without which the engine would quietly begin a new database.
pub(super) const FILES: [&str; 2] = ["db", "conf"];
/// What the engine writes into `conf`, followed by a checksum of four bytes. It rewrites what is shorter.
const CONF: &[u8] = b"segment_size: 524288\nuse_compression: false\nversion: 0.34\n";
/// Threads of the engine, whose panics are answers to us and no news to the operator.
pub(super) const THREADS: &[&str] = &["sled-io-", "log flusher"];

const KEY_PREFIX: u8 = b'k';
const MARK_KEY: &[u8] = b"m";
/// What stands under `MARK_KEY`; another number means another layout.
const MARK: &[u8] = b"authledger store 1";

/// Values and bytes that a reader takes at a time, and so the longest it keeps the engine from being closed.
const SLICE_VALUES: usize = 256;
const SLICE_BYTES: usize = 1024 * 1024;
/// The longest pause of a reader between two slices while the writer is at work.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// How long the engine may take to close; everything it was told is on disk by then.
const CLOSE_MAX: Duration = Duration::from_secs(30);
/// How long the engine may take to let go of its file.
const RELEASE_MAX: Duration = Duration::from_secs(5);

/// How the engine is opened.
#[derive(Debug, Clone)]
pub struct SledOptions {
    /// Memory for the engine's cache of pages. The log is read from end to end and seldom twice, so it may be small.
    pub cache_bytes: u64,
    /// Nothing is written while the disk has less room than this.
    pub low_water_bytes: u64,
    /// How many leaves share a value.
    pub packing: Packing,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, low_water_bytes: 64 << 20, packing: Packing::Batch }
    }
}

/// Why the engine's files could not be opened; without any text of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineRefusal {
    /// They hold a database, but not one of ours, or one of another layout.
    Foreign,
    /// Another process has them open.
    InUse,
    /// Anything else.
    Failed(StoreError),
}

impl From<StoreError> for EngineRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// The embedded engine, open for writing.
pub struct SledStore {
    shared: Arc<Shared>,
    /// Our own handle of the engine's file: what `sync_data` is called on.
    file: File,
    directory: PathBuf,
    options: SledOptions,
    poisoned: bool,
    last_sync: Option<Duration>,
}

struct Shared {
    /// Gone after `close`, so that nobody can keep the engine's files open by keeping a reader.
    engine: RwLock<Option<::sled::Db>>,
    head: Mutex<Head>,
    /// Appends begun; a reader that sees it grow makes room for the writer.
    appends: AtomicU64,
    /// Values that readers took out of the engine: tests hold a read to what it needs.
    visited: AtomicU64,
}

impl SledStore {
    /// Creates an empty engine in `directory`, which must not hold one yet, and makes its files durable.
    pub fn create(directory: &Path, options: SledOptions) -> Result<Self, StoreError> {
        if FILES.iter().any(|file| directory.join(file).exists()) {
            let cause = io::ErrorKind::AlreadyExists.into();
            return Err(StoreError::Io { operation: "create the storage files", cause });
        }
        let engine = open_engine(directory, &options, true)
            .map_err(|error| failed("create the storage files", &error))?;
        engine.insert(MARK_KEY, MARK).map_err(|error| failed("create the storage files", &error))?;
        let store = Self::with(engine, directory, options, Head::EMPTY)?;
        store.settle()?;
        Ok(store)
    }

    /// Opens what is there. The engine may change its files in doing so, even when it fails: see `recover`.
    pub(super) fn open(directory: &Path, options: SledOptions) -> Result<Self, EngineRefusal> {
        let engine = open_engine(directory, &options, false).map_err(|error| match error {
            // The text is the engine's, and the only way to tell; our own lock is held, so this is a rare case.
            ::sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
                EngineRefusal::InUse
            }
            error => EngineRefusal::Failed(failed("open its files", &error)),
        })?;
        let mark = engine.get(MARK_KEY).map_err(|error| failed("open its files", &error))?;
        match mark {
            Some(mark) if mark == MARK => {}
            // A database that lost everything is damage and for the witness to judge; another one is not ours.
            None if engine.is_empty() => {}
            _ => return Err(EngineRefusal::Foreign),
        }
        let head = last_head(&engine)?;
        Ok(Self::with(engine, directory, options, head)?)
    }

    /// Whether the engine's settings are those it wrote for us; it would quietly take others, or write new ones.
    pub(super) fn has_our_settings(directory: &Path) -> io::Result<bool> {
        let conf = fs::read(directory.join("conf"))?;
        Ok(conf.len() == CONF.len() + 4 && conf.starts_with(CONF))
    }

    fn with(
        engine: ::sled::Db,
        directory: &Path,
        options: SledOptions,
        head: Head,
    ) -> Result<Self, StoreError> {
        let file = File::open(directory.join("db")).map_err(|error| os("open the storage file", &error))?;
        let shared = Shared {
            engine: RwLock::new(Some(engine)),
            head: Mutex::new(head),
            appends: AtomicU64::new(0),
            visited: AtomicU64::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
            file,
            directory: directory.to_owned(),
            options,
            poisoned: false,
            last_sync: None,
        })
    }

    /// Puts everything the engine holds, and the files it created, on disk.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        self.shared.with(|engine| engine.flush().map_err(|error| failed("write its files", &error)))?;
        super::directory::sync_tree(&self.directory)
            .map_err(|error| os("synchronise the storage files", &error))
    }

    fn apply(&mut self, first: u64, batch: &Batch) -> Result<(), StoreError> {
        let mut writes = ::sled::Batch::default();
        packing::pack(first, &batch.leaves, self.options.packing, |key, value| writes.insert(&key, value));
        for change in &batch.keys {
            match change {
                KeyChange::Put { key, value } => writes.insert(stored_key(key), value.as_slice()),
                KeyChange::Delete { key } => writes.remove(stored_key(key)),
            }
        }
        // 1. Into the engine's memory. Dying here leaves nothing, or later the whole batch: it is atomic.
        // 2. Into the kernel. A crash of the process alone keeps the batch from here on; a power cut may not.
        self.shared.with(|engine| {
            engine.apply_batch(writes).map_err(|error| failed("write the batch", &error))?;
            engine.flush().map_err(|error| failed("write the batch", &error))
        })?;
        // 3. Onto the disk. Never tried twice: after a failure the kernel may have dropped the pages, and the second call
        //    would succeed about nothing.
        let begun = Instant::now();
        let synchronised = self.file.sync_data();
        self.last_sync = Some(begun.elapsed());
        synchronised.map_err(|error| os("synchronise the storage file", &error))
    }

    /// Waits until the engine's own handle is gone: a thread of its pool may hold it for a moment after everything was
    /// dropped, and then the next open here finds the file locked, or an unmount finds it busy.
    fn wait_for_release(&self) {
        let begun = Instant::now();
        while begun.elapsed() < RELEASE_MAX {
            if self.file.try_lock().is_ok() {
                let _ = self.file.unlock();
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        tracing::warn!("the storage engine kept its file open after it was closed");
    }

    fn check_room(&self) -> Result<(), StoreError> {
        let low_water_bytes = self.options.low_water_bytes;
        let free_bytes =
            space::free_bytes(&self.directory).map_err(|error| os("ask for free space", &error))?;
        if free_bytes < low_water_bytes {
            Err(StoreError::Full { free_bytes, low_water_bytes })
        } else {
            Ok(())
        }
    }
}

impl Shared {
    /// Works with the engine, its panics made into answers.
    fn with<T>(&self, work: impl FnOnce(&::sled::Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let engine = self.engine.read();
        let engine = engine.as_ref().ok_or(StoreError::Closed)?;
        barrier::catch(THREADS, || work(engine))
            .unwrap_or(Err(StoreError::Engine { operation: "use its files" }))
    }
}

impl LogStore for SledStore {
    fn head(&self) -> Head {
        *self.shared.head.lock()
    }

    fn append(&mut self, expected: &Head, batch: &Batch) -> Result<Head, AppendError> {
        let unavailable = |reason| AppendError::Unavailable { reason };
        self.last_sync = None;
        if self.poisoned {
            return Err(unavailable(StoreError::Poisoned));
        }
        let actual = self.head();
        if *expected != actual {
            return Err(AppendError::Conflict { expected: *expected, actual });
        }
        batch.check().map_err(unavailable)?;
        self.check_room().map_err(unavailable)?;
        let attempted = actual.after(batch);
        self.shared.appends.fetch_add(1, Ordering::Relaxed);
        if let Err(reason) = self.apply(actual.size, batch) {
            self.poisoned = true;
            return Err(AppendError::Unknown { attempted, reason });
        }
        *self.shared.head.lock() = attempted;
        Ok(attempted)
    }

    fn last_sync(&self) -> Option<Duration> {
        self.last_sync
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(SledReader(self.shared.clone()))
    }

    fn keys(&self) -> Arc<dyn KeyStore> {
        Arc::new(SledReader(self.shared.clone()))
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        let settled = if self.poisoned { Err(StoreError::Poisoned) } else { self.settle() };
        // Dropping the engine writes and joins its threads. It may panic on what made it fail before, and waits for ever
        // for a thread that died.
        let engine = self.shared.engine.write().take();
        barrier::run(THREADS, CLOSE_MAX, &mut |_| {}, move |_| drop(engine))
            .map_err(|_| StoreError::Engine { operation: "close its files" })?;
        self.wait_for_release();
        settled
    }
}

#[derive(Clone)]
struct SledReader(Arc<Shared>);

impl LogReader for SledReader {
    fn head(&self) -> Head {
        *self.0.head.lock()
    }

    fn read(
        &self,
        from: Sequence,
        until: Sequence,
        visit: &mut dyn FnMut(Sequence, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let until = until.0.min(self.head().size);
        if from.0 >= until {
            return self.0.with(|_| Ok(()));
        }
        let mut appends = self.0.appends.load(Ordering::Relaxed);
        let mut begun = Instant::now();
        let mut slice = vec![self.0.with(|engine| value_with(engine, from.0))?];
        self.0.visited.fetch_add(1, Ordering::Relaxed);
        let mut unpacker = Unpacker::new();
        loop {
            // Outside the engine's guard: the visitor may take its time, and may itself read.
            for (key, value) in &slice {
                let goes_on = unpacker.push(key, value, &mut |sequence, leaf| {
                    if sequence >= until {
                        return false;
                    }
                    sequence < from.0 || visit(Sequence(sequence), leaf).is_continue()
                })?;
                if !goes_on || unpacker.next() >= until {
                    return Ok(());
                }
            }
            appends = self.make_room(appends, begun);
            begun = Instant::now();
            let next = Sequence(unpacker.next().max(from.0));
            let (last, _) = slice.last().ok_or(StoreError::Damaged { sequence: next })?;
            // A value holds at least one leaf, or a part of one: never more values than leaves that are still wanted, so
            // that reading a single leaf somewhere in the log is no scan.
            let wanted = usize::try_from(until - next.0).unwrap_or(usize::MAX);
            slice = self.take(&after(last), wanted)?;
            if slice.is_empty() {
                return Err(StoreError::Damaged { sequence: next });
            }
        }
    }
}

impl SledReader {
    /// The next few entries from `next_key` on, at most so many.
    fn take(&self, next_key: &[u8], most: usize) -> Result<Slice, StoreError> {
        let slice = self.0.with(|engine| take_slice(engine, next_key, most.min(SLICE_VALUES)))?;
        self.0.visited.fetch_add(slice.len() as u64, Ordering::Relaxed);
        Ok(slice)
    }

    /// While the writer is at work, a reader pauses as long as it worked: with two cores and a few readers without pauses
    /// the writer fell from thousands of groups a second to 45.
    fn make_room(&self, appends_before: u64, begun: Instant) -> u64 {
        let appends = self.0.appends.load(Ordering::Relaxed);
        if appends != appends_before {
            thread::sleep(begun.elapsed().min(PAUSE_MAX));
        }
        appends
    }
}

impl KeyStore for SledReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.with(|engine| {
            let value = engine.get(stored_key(key)).map_err(|error| failed("read its files", &error))?;
            Ok(value.map(|value| value.to_vec()))
        })
    }

    fn scan(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let prefix = stored_key(prefix);
        let mut next_key = prefix.clone();
        loop {
            let slice = self.take(&next_key, SLICE_VALUES)?;
            for (key, value) in &slice {
                if !key.starts_with(&prefix) {
                    return Ok(());
                }
                visit(&key[1..], value);
            }
            let Some((last, _)) = slice.last() else { return Ok(()) };
            next_key = after(last);
        }
    }
}

type Entry = (::sled::IVec, ::sled::IVec);
type Slice = Vec<Entry>;

/// The next entries from `next_key` on, at most so many.
fn take_slice(engine: &::sled::Db, next_key: &[u8], most: usize) -> Result<Slice, StoreError> {
    let mut slice = Slice::new();
    let mut bytes = 0;
    for entry in engine.range(next_key..) {
        let (key, value) = entry.map_err(|error| failed("read its files", &error))?;
        bytes += value.len();
        slice.push((key, value));
        if slice.len() >= most || bytes >= SLICE_BYTES {
            break;
        }
    }
    Ok(slice)
}

/// The first key that can follow this one.
fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The value that holds the leaf with this sequence, or its beginning.
fn value_with(engine: &::sled::Db, sequence: u64) -> Result<Entry, StoreError> {
    let damaged = StoreError::Damaged { sequence: Sequence(sequence) };
    let entry =
        engine.range(leaf_key(0, 0)..=leaf_key(sequence, 0)).next_back().ok_or_else(|| damaged.clone())?;
    let (key, value) = entry.map_err(|error| failed("read its files", &error))?;
    // The last part of a long leaf before this one, if the value itself is missing; `Unpacker` would take it for a start.
    match packing::parse_leaf_key(&key) {
        Some((_, 0)) => Ok((key, value)),
        _ => Err(damaged),
    }
}

/// Where the stored log ends, read from its last value.
fn last_head(engine: &::sled::Db) -> Result<Head, StoreError> {
    let Some(entry) = engine.range(leaf_key(0, 0)..=leaf_key(u64::MAX, u8::MAX)).next_back() else {
        return Ok(Head::EMPTY);
    };
    let (key, _) = entry.map_err(|error| failed("read its files", &error))?;
    let (sequence, _) = packing::parse_leaf_key(&key).ok_or(StoreError::Damaged { sequence: Sequence(0) })?;
    let mut unpacker = Unpacker::new();
    let mut head = Head::EMPTY;
    for entry in engine.range(leaf_key(sequence, 0)..=leaf_key(u64::MAX, u8::MAX)) {
        let (key, value) = entry.map_err(|error| failed("read its files", &error))?;
        unpacker.push(&key, &value, &mut |sequence, leaf| {
            head = Head { size: sequence + 1, chain: events::chain::link(leaf) };
            true
        })?;
    }
    if unpacker.is_whole() { Ok(head) } else { Err(StoreError::Damaged { sequence: Sequence(sequence) }) }
}

fn stored_key(key: &[u8]) -> Vec<u8> {
    [&[KEY_PREFIX], key].concat()
}

fn open_engine(directory: &Path, options: &SledOptions, create: bool) -> Result<::sled::Db, ::sled::Error> {
    ::sled::Config::new().path(directory).cache_capacity(options.cache_bytes).create_new(create).open()
}

/// Keeps what the operating system said and drops what the engine says: its texts name its own insides.
fn failed(operation: &'static str, error: &::sled::Error) -> StoreError {
    tracing::debug!(%error, operation, "the storage engine failed");
    match error {
        ::sled::Error::Io(error) => os(operation, error),
        _ => StoreError::Engine { operation },
    }
}

fn os(operation: &'static str, error: &io::Error) -> StoreError {
    StoreError::Io { operation, cause: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(prepare: impl FnOnce(&::sled::Db)) -> Option<EngineRefusal> {
        let directory = tempfile::tempdir().expect("a directory");
        let engine = open_engine(directory.path(), &SledOptions::default(), true).expect("opens");
        prepare(&engine);
        drop(engine);
        // A thread of its pool may still hold the file.
        let begun = Instant::now();
        loop {
            match SledStore::open(directory.path(), SledOptions::default()).err() {
                Some(EngineRefusal::InUse) if begun.elapsed() < RELEASE_MAX => thread::yield_now(),
                refusal => return refusal,
            }
        }
    }

    #[test]
    fn another_programs_database_and_another_layout_are_foreign() {
        let another = refusal(|engine| {
            engine.insert("somebody's", "data").expect("writes");
        });
        assert_eq!(another, Some(EngineRefusal::Foreign));
        let newer = refusal(|engine| {
            engine.insert(MARK_KEY, "authledger store 2").expect("writes");
        });
        assert_eq!(newer, Some(EngineRefusal::Foreign));
        // An empty one may be all that damage left of ours: the witness knows.
        assert_eq!(refusal(|_| {}), None);
    }

    #[test]
    fn a_single_leaf_is_read_without_a_scan() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut store = SledStore::create(directory.path(), SledOptions::default()).expect("creates");
        let leaf = |sequence: u64| {
            let length = if sequence == 700 { 60_000 } else { 300 };
            [&sequence.to_be_bytes()[..], &vec![7; length]].concat()
        };
        let mut head = Head::EMPTY;
        for first in (0..1000).step_by(20) {
            let leaves = (first..first + 20).map(leaf).collect();
            head = store.append(&head, &Batch { leaves, keys: Vec::new() }).expect("appends");
        }
        let reader = store.reader();
        let read = |from: u64, until: u64| {
            let before = store.shared.visited.load(Ordering::Relaxed);
            let mut found = Vec::new();
            let visit = &mut |sequence: Sequence, bytes: &[u8]| {
                found.push((sequence.0, bytes.to_vec()));
                ControlFlow::Continue(())
            };
            reader.read(Sequence(from), Sequence(until), visit).expect("reads");
            assert_eq!(found, (from..until).map(|at| (at, leaf(at))).collect::<Vec<_>>());
            store.shared.visited.load(Ordering::Relaxed) - before
        };
        for sequence in 0..1000 {
            let visited = read(sequence, sequence + 1);
            let needed = if sequence == 700 { 16 } else { 1 };
            assert_eq!(visited, needed, "leaf {sequence}");
        }
        for (from, until) in [(0, 1000), (0, 2), (13, 14), (690, 710), (699, 702), (999, 1000)] {
            assert!(read(from, until) <= until - from + 16, "{from}..{until}");
        }
        Box::new(store).close().expect("closes");
    }

    #[test]
    fn the_settings_we_expect_are_those_the_engine_writes() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = SledStore::create(directory.path(), SledOptions::default()).expect("creates");
        assert!(SledStore::has_our_settings(directory.path()).expect("reads"));
        Box::new(store).close().expect("closes");
    }
}
