//! The open ledger as the rest of the server holds it: reads at once, writes through the one writer.

use std::{
    fmt, io,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use events::{
    codec::{CodecError, decode},
    envelope::Envelope,
    id::{CommandId, Epoch, LedgerId, Sequence},
    verify::VerifiedHead,
};
use parking_lot::Mutex;
use projections::digest::StateDigest;
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{
    directory::{DataDirectory, Disk},
    past::Turns,
    recover::Closer,
    shared::Shared,
    snapshot::{SnapshotDirectory, Snapshots, Started, Verification, behind},
    store::{LogReader, LogStore, StoreError},
    witness::Witness,
    writer::{Job, Message, Writer},
};
use crate::{
    clock::ClockRefusal,
    commands::{Command, Refusal, View},
    metrics::Registry,
    vault::Vault,
};

/// How long a read waits for the sequence its caller has already seen.
const WAIT: Duration = Duration::from_millis(500);
/// How many reads may wait at once.
const WAITERS_MAX: usize = 256;

/// A place in one history of the ledger, as `Ledger-Sequence` spells it: `<epoch>.<sequence>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which history.
    pub epoch: Epoch,
    /// The last event.
    pub sequence: Sequence,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.sequence)
    }
}

/// What a granted command came to; everything in it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Of the history it stands in.
    pub epoch: Epoch,
    /// The command's id; of the earlier one when the request was a repetition.
    pub command_id: CommandId,
    /// Its last event; when it recorded none, the last event it was decided on.
    pub last: Sequence,
    /// Its events, none when what was wished for was so already.
    pub events: Vec<Envelope>,
}

impl Receipt {
    /// Where the log stood after it.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, sequence: self.last }
    }
}

/// How the writer answers.
pub(super) enum Outcome {
    /// Carried out now.
    Done(Receipt),
    /// Carried out before, under the same `Idempotency-Key`.
    Repeated { first: Sequence, count: u32 },
}

/// Why a command was not acknowledged.
#[derive(Clone, Debug, Error)]
pub enum ExecuteError {
    /// The rules say no; nothing was recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many commands are waiting; nothing was recorded.
    #[error("too many commands are waiting")]
    QueueFull,
    /// The wall clock jumped; nothing was recorded.
    #[error(transparent)]
    Clock(ClockRefusal),
    /// The disk has no room; nothing was recorded.
    #[error("nothing was written: {0}")]
    Unavailable(StoreError),
    /// The event would be longer than a leaf may be; nothing was recorded.
    #[error("{0}")]
    TooLong(String),
    /// The write or its synchronisation failed: it may have happened or not.
    #[error("outcome unknown: repeat with the same Idempotency-Key, or read before repeating")]
    OutcomeUnknown,
    /// An earlier failure ended the writer; nothing was recorded.
    #[error("the writer has stopped: {0}")]
    Stopped(Stop),
}

impl From<CodecError> for ExecuteError {
    fn from(error: CodecError) -> Self {
        Self::TooLong(error.to_string())
    }
}

/// What ended the writer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Stop {
    /// The engine failed.
    #[error("the last write to the log failed ({0})")]
    Append(String),
    /// The witness failed.
    #[error("the last write to the witness failed ({0})")]
    Witness(io::ErrorKind),
    /// The log is not what was written.
    #[error("history was changed at or before event {0}")]
    Changed(Sequence),
    /// The log before that snapshot holds what this version does not know.
    #[error("event {0} was written by a newer version of authledger")]
    Newer(Sequence),
    /// A fault of ours.
    #[error("the writer failed unexpectedly; the log says more")]
    Fault,
    /// The server is going down.
    #[error("the server is shutting down")]
    Closed,
}

/// Whether writes are taken, for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Reads and writes.
    Writing,
    /// Reads only, until the clock is back.
    Clock(ClockRefusal),
    /// Reads only, until there is room.
    NoRoom(StoreError),
    /// Reads only, until a restart.
    Stopped(Stop),
}

/// Marks the writer as failed when its thread ends in any other way than the orderly one.
struct Watchman(Option<Arc<Shared>>);

impl Drop for Watchman {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.stop(Stop::Fault);
        }
    }
}

/// Why a read that named a position can't be answered from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WaitError {
    /// The caller's position is of a history that was forgotten by a restore.
    #[error("history was restored")]
    OtherEpoch,
    /// It did not come within half a second, or too many are waiting.
    #[error("that position has not been reached")]
    NotReached,
}

/// An open ledger. Dropping it without [`Ledger::close`] is like a crash, which the next start copes with.
pub struct Ledger {
    shared: Arc<Shared>,
    vault: Arc<Vault>,
    reader: Arc<dyn LogReader>,
    epoch: Epoch,
    waiters: Semaphore,
    turns: Turns,
    queue: Mutex<Option<mpsc::Sender<Message>>>,
    queue_limit: usize,
    writer: Mutex<Option<WriterThread>>,
    started: Started,
    snapshots: Option<Snapshots>,
    /// None for a ledger in memory.
    directory: Option<DataDirectory>,
    behind: Mutex<Option<JoinHandle<()>>>,
}

struct WriterThread {
    thread: JoinHandle<(Box<dyn LogStore>, Witness)>,
    /// None for a ledger in memory.
    closer: Option<Closer>,
}

impl Ledger {
    pub(super) fn run(
        writer: Writer,
        queue_len: usize,
        reader: Arc<dyn LogReader>,
        closer: Option<Closer>,
        started: Started,
    ) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(queue_len);
        let shared = Arc::clone(&writer.shared);
        let (vault, epoch) = (Arc::clone(&writer.vault), writer.epoch);
        let watched = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
            let mut watchman = Watchman(Some(watched));
            let ended = writer.run(jobs);
            watchman.0 = None;
            ended
        })?;
        let snapshots = closer.as_ref().map(Closer::snapshots);
        let directory = closer.as_ref().map(|closer| closer.directory().clone());
        let behind = match started.snapshot {
            Some(head) => Some(behind::begin(Arc::clone(&shared), Arc::clone(&reader), head)?),
            None => None,
        };
        Ok(Self {
            shared,
            vault,
            reader,
            epoch,
            waiters: Semaphore::new(WAITERS_MAX),
            turns: Turns::new(),
            queue: Mutex::new(Some(queue)),
            queue_limit: queue_len,
            writer: Mutex::new(Some(WriterThread { thread, closer })),
            started,
            snapshots,
            directory,
            behind: Mutex::new(behind),
        })
    }

    /// Keeps snapshots in `directory`, for a ledger that has no directory of its own.
    #[must_use]
    pub fn with_snapshots(mut self, directory: SnapshotDirectory) -> Self {
        self.snapshots = Some(Snapshots::new(directory, 0));
        self
    }

    /// Which ledger this is.
    pub fn id(&self) -> LedgerId {
        self.vault.ledger()
    }

    /// Which history is being written.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Seals and opens for this ledger.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Looks at the state under the shared guard. Look up and clone out; hash, open and serialise outside.
    pub fn read<T>(&self, look: impl FnOnce(&View<'static>) -> T) -> T {
        look(&self.shared.view.read())
    }

    /// The digest of the visible state and the number of events in it, to be compared with a replay up to there.
    ///
    /// It visits every row under the shared guard: the writer waits with showing its next batch. For tests and operators.
    pub fn digest(&self) -> (u64, StateDigest) {
        self.shared.read_whole(|view| (view.state.log.size(), view.state.digest()))
    }

    /// Number of events that are durable and visible.
    pub fn size(&self) -> u64 {
        *self.shared.size.borrow()
    }

    /// Size and hashes of what is durable and visible.
    pub fn head(&self) -> VerifiedHead {
        *self.shared.head.lock()
    }

    /// Where the start began.
    pub fn started(&self) -> Started {
        self.started
    }

    /// How far the check of what the start left unread has come.
    pub fn verification(&self) -> Verification {
        self.shared.verification.get()
    }

    /// What stands in the log is not what was written: no more writes.
    pub(super) fn history_changed(&self, sequence: Sequence) {
        self.shared.stop(Stop::Changed(sequence));
    }

    /// Saved states, if this ledger has a place for them.
    pub fn snapshots(&self) -> Option<&Snapshots> {
        self.snapshots.as_ref()
    }

    /// How many commands may wait for the writer.
    pub fn queue_limit(&self) -> usize {
        self.queue_limit
    }

    /// The last visible event; `None` before the first.
    pub fn position(&self) -> Option<Position> {
        let sequence = Sequence(self.size().checked_sub(1)?);
        Some(Position { epoch: self.epoch, sequence })
    }

    /// Whether writes are taken, as of the writer's last look. When they are not for a reason that can pass, the writer is
    /// asked to look again, so that asking once more tells.
    pub fn health(&self) -> Health {
        if let Some(stop) = self.shared.stopped() {
            return Health::Stopped(stop);
        }
        let clock = *self.shared.clock.lock();
        let room = self.shared.room.lock().clone();
        let health = match (clock, room) {
            (Some(refusal), _) => Health::Clock(refusal),
            (None, Some(reason)) => Health::NoRoom(reason),
            (None, None) => return Health::Writing,
        };
        // One look at a time: anybody may ask how the ledger is, and the queue is for commands.
        if !self.shared.look_asked.swap(true, Ordering::AcqRel) {
            let asked =
                self.queue.lock().as_ref().is_some_and(|queue| queue.try_send(Message::LookAgain).is_ok());
            if !asked {
                self.shared.looked();
            }
        }
        health
    }

    /// Batches made durable and commands answered in them since the start.
    pub fn counts(&self) -> (u64, u64) {
        (self.shared.batches.load(Ordering::Relaxed), self.shared.commands.load(Ordering::Relaxed))
    }

    /// The longest time since the start that readers were kept out at once.
    pub fn longest_hold(&self) -> Duration {
        Duration::from_nanos(self.shared.longest_hold_nanos.load(Ordering::Relaxed))
    }

    /// What the log takes on its disk, and what is left there; `None` for a ledger in memory. It asks the disk, which may
    /// take its time.
    pub fn disk(&self) -> Option<io::Result<Disk>> {
        self.directory.as_ref().map(DataDirectory::disk)
    }

    /// Commands that wait for the writer at this moment.
    pub fn queued(&self) -> usize {
        self.queue.lock().as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// Registers what the writer counts and times.
    pub fn register(&self, registry: &mut Registry) {
        self.shared.measures.register(registry);
    }

    /// Has the writer decide a command and waits until its outcome is durable.
    ///
    /// Once the command is queued it is carried out, whether the caller goes on waiting or not.
    pub async fn execute(&self, command: Command) -> Result<Receipt, ExecuteError> {
        let (answer, outcome) = oneshot::channel();
        self.enqueue(Job { command, answer })?;
        // A dropped answer means that the writer's thread ended under the command: it may have been written.
        let outcome = outcome.await.map_err(|_| ExecuteError::OutcomeUnknown)??;
        match outcome {
            Outcome::Done(receipt) => Ok(receipt),
            Outcome::Repeated { first, count } => self.earlier(first, count).await,
        }
    }

    fn enqueue(&self, job: Job) -> Result<(), ExecuteError> {
        let queue = self.queue.lock();
        let queue = queue.as_ref().ok_or(ExecuteError::Stopped(Stop::Closed))?;
        queue.try_send(Message::Job(Box::new(job))).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ExecuteError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => {
                ExecuteError::Stopped(self.shared.stopped().unwrap_or(Stop::Fault))
            }
        })
    }

    /// The receipt of an earlier command, made again from its events.
    async fn earlier(&self, first: Sequence, count: u32) -> Result<Receipt, ExecuteError> {
        let reader = Arc::clone(&self.reader);
        let until = Sequence(first.0 + u64::from(count));
        let read = tokio::task::spawn_blocking(move || read_events(&*reader, first, until)).await;
        let events =
            read.map_err(|_| ExecuteError::Stopped(Stop::Fault))?.map_err(ExecuteError::Unavailable)?;
        let Some(last) = events.last() else { return Err(ExecuteError::Stopped(Stop::Fault)) };
        Ok(Receipt {
            epoch: last.header.epoch,
            command_id: last.header.command_id,
            last: last.header.sequence,
            events,
        })
    }

    /// Reads leaves of the log, for replays and audits.
    pub fn reader(&self) -> &Arc<dyn LogReader> {
        &self.reader
    }

    /// What the writer and readers have in common.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Who may look back, beside the writer.
    pub(super) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Waits, up to half a second, until `position` is visible (`Ledger-Min-Sequence`).
    pub async fn reached(&self, position: Position) -> Result<(), WaitError> {
        if position.epoch != self.epoch {
            return Err(WaitError::OtherEpoch);
        }
        let mut size = self.shared.size.subscribe();
        if *size.borrow_and_update() > position.sequence.0 {
            return Ok(());
        }
        let _waiting = self.waiters.try_acquire().map_err(|_| WaitError::NotReached)?;
        let reached = size.wait_for(|size| *size > position.sequence.0);
        match tokio::time::timeout(WAIT, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(WaitError::NotReached),
        }
    }

    /// Takes no more commands, carries out those that wait, and closes log and witness in order. Blocks; asking again
    /// does nothing.
    pub fn close(&self) -> Result<(), StoreError> {
        self.shared.closing.store(true, Ordering::Release);
        drop(self.queue.lock().take());
        let Some(WriterThread { thread, closer }) = self.writer.lock().take() else { return Ok(()) };
        let Ok((store, witness)) = thread.join() else { return Err(StoreError::Poisoned) };
        if let Some(behind) = self.behind.lock().take() {
            // It ends at the next leaf, or ended long ago; what it found is known by its state.
            let _ = behind.join();
        }
        let failed = self.shared.stopped().is_some();
        self.shared.stop(Stop::Closed);
        match closer {
            // After a failed write nobody knows what the files should be: the next start finds out, on a copy first.
            _ if failed => Err(StoreError::Poisoned),
            Some(closer) => closer.close(store, witness),
            None => store.close(),
        }
    }
}

impl Drop for Ledger {
    /// Work beside it ends also when nobody closed it.
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
    }
}

fn read_events(reader: &dyn LogReader, from: Sequence, until: Sequence) -> Result<Vec<Envelope>, StoreError> {
    let mut events = Vec::new();
    let mut damaged = None;
    reader.read(from, until, &mut |sequence, leaf| {
        let Ok(envelope) = decode(leaf) else {
            damaged = Some(sequence);
            return ControlFlow::Break(());
        };
        events.push(envelope);
        ControlFlow::Continue(())
    })?;
    damaged.map_or(Ok(events), |sequence| Err(StoreError::Damaged { sequence }))
}
