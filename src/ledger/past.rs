//! Looking back along one stream, from its end, by what each event says of the one before it.
//!
//! An object's state is a fold of its own stream only, so what an object was, and what happened to it, costs as many reads
//! as its stream has events, however long the log is. The reads happen on threads of their own, a few walks at a time, which
//! pause while the writer is at work and end when nobody waits for them any more.

use std::{
    cell::Cell,
    ops::ControlFlow,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use events::{
    chain::{self, ChainHash},
    codec::{CodecError, decode},
    envelope::{Envelope, Header, Leaf, Stream},
    id::{Sequence, TenantId},
    time::Timestamp,
};
use projections::State;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::{
    live::{Ledger, Position},
    store::{LogReader, StoreError},
};

/// Walks at a time. While the writer is at work they take half a core together.
const WALKS_MAX: usize = 2;
/// How many times as long as it worked a walk pauses while the writer is at work.
const PAUSES: u32 = 3;
/// Walks that are under way or wait for their turn.
const ADMITTED_MAX: usize = 64;
/// How long a walk waits for its turn.
const WAIT: Duration = Duration::from_secs(5);
/// How long a walk works before it looks whether the writer is at work: longer than a batch takes, so that it sees one.
const STRIDE: Duration = Duration::from_millis(2);
/// The longest pause between two strides.
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// A page of history ends after so many bytes of leaves, whatever its limit.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// A place in the log, by number or by time. What it names is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After this event.
    Sequence(Sequence),
    /// After everything that was recorded up to this time.
    Time(Timestamp),
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = text.parse().ok().filter(|_| digits).map(|number| Self::Sequence(Sequence(number)));
        sequence
            .or_else(|| Timestamp::parse_rfc3339(text).map(Self::Time))
            .ok_or("use a sequence such as 42, or a time such as 2026-11-20T18:30:00Z")
    }
}

impl Moment {
    /// Whether this event had happened.
    pub fn includes(self, header: &Header) -> bool {
        match self {
            Self::Sequence(sequence) => header.sequence <= sequence,
            Self::Time(time) => header.recorded_at <= time,
        }
    }

    /// Whether this event had happened before, and is not itself what the moment names.
    pub fn is_after(self, header: &Header) -> bool {
        match self {
            Self::Sequence(sequence) => header.sequence < sequence,
            Self::Time(time) => header.recorded_at < time,
        }
    }
}

/// What one stream had come to.
#[derive(Debug)]
pub struct Past {
    /// The fold of that stream alone, up to the moment.
    pub state: State<'static>,
    /// Its last event.
    pub last: Position,
    /// When that was: what was to end by itself had ended by then or not.
    pub at: Timestamp,
}

/// Which part of a stream's history is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Only events before this one.
    pub before: Option<Sequence>,
    /// At most so many.
    pub limit: usize,
    /// Only events of this tenant.
    pub tenant: Option<TenantId>,
}

/// A part of a stream's history, newest first.
#[derive(Debug, PartialEq, Eq)]
pub struct History {
    /// Its events.
    pub entries: Vec<Entry>,
    /// Where to go on, by [`Page::before`]; `None` when nothing is left.
    pub next: Option<Sequence>,
}

/// One event of a history.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place, time, cause and fact.
    pub envelope: Envelope,
    /// The shape in which it is stored.
    pub schema_version: u16,
    /// Chain hash of its leaf.
    pub hash: ChainHash,
}

/// Why nothing can be said of the past.
#[derive(Debug, Error)]
pub enum PastError {
    /// Too many look back at the moment.
    #[error("too many look back at the moment")]
    Busy,
    /// The sequence has not been reached.
    #[error("event {0} has not been reached")]
    NotReached(Sequence),
    /// The engine can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A leaf can't be read.
    #[error("event {sequence}: {reason}")]
    Leaf {
        /// Which.
        sequence: Sequence,
        /// Why.
        reason: CodecError,
    },
    /// The events of a stream don't lead back to its beginning.
    #[error("event {0} is not where the stream's next one says")]
    Astray(Sequence),
    /// More events would have to be looked at than one answer may cost.
    #[error("more than {0} events to look at")]
    TooLong(usize),
    /// Nobody waits for the answer any more.
    #[error("given up")]
    GivenUp,
    /// A fault of ours.
    #[error("the thread that looked back failed")]
    Fault,
}

/// Who may look back now.
pub(super) struct Turns {
    admitted: Semaphore,
    walks: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { admitted: Semaphore::new(ADMITTED_MAX), walks: Arc::new(Semaphore::new(WALKS_MAX)) }
    }

    async fn take(&self) -> Result<(SemaphorePermit<'_>, OwnedSemaphorePermit), PastError> {
        let admitted = self.admitted.try_acquire().map_err(|_| PastError::Busy)?;
        let walk = tokio::time::timeout(WAIT, Arc::clone(&self.walks).acquire_owned()).await;
        Ok((admitted, walk.ok().and_then(Result::ok).ok_or(PastError::Busy)?))
    }
}

/// Tells the thread, when it is dropped, that nobody waits any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Ledger {
    /// What the events of `stream` up to `moment` add up to; `None` when it had none yet.
    ///
    /// A moment between two events of one command is taken at its word: it shows what no server ever showed.
    pub async fn state_at(&self, stream: Stream, moment: Moment) -> Result<Option<Past>, PastError> {
        let epoch = self.epoch();
        // The engine may hold a leaf that the witness failed on: nobody was told of it, and nobody sees it.
        if let Moment::Sequence(sequence) = moment
            && sequence.0 >= self.size()
        {
            return Err(PastError::NotReached(sequence));
        }
        self.look_back(stream, move |log, head| {
            let found = log.state_at(stream, head, moment)?;
            Ok(found.map(|(state, last, at)| Past { state, last: Position { epoch, sequence: last }, at }))
        })
        .await
    }

    /// What happened to the object of `stream`; `None` when nothing did, or nothing of the tenant that was asked for.
    pub async fn history(&self, stream: Stream, page: Page) -> Result<Option<History>, PastError> {
        self.look_back(stream, move |log, head| log.history(stream, head, page)).await
    }

    async fn look_back<T: Send + 'static>(
        &self,
        stream: Stream,
        work: impl FnOnce(&Log, Sequence) -> Result<Option<T>, PastError> + Send + 'static,
    ) -> Result<Option<T>, PastError> {
        let Some(head) = self.read(|view| view.state.streams.heads.get(&stream).copied()) else {
            return Ok(None);
        };
        self.walk_beside(move |log| work(log, head.sequence)).await
    }

    /// Has `work` walk through the log, when it is its turn, on a thread of its own.
    pub(super) async fn walk_beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Log) -> Result<T, PastError> + Send + 'static,
    ) -> Result<T, PastError> {
        let (_admitted, turn) = self.turns().take().await?;
        let waiting = Waiting(Arc::default());
        let log = Log::new(Arc::clone(self.reader()), Arc::clone(&waiting.0));
        let walk = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, not with who waits for it.
            let _turn = turn;
            work(&log)
        });
        walk.await.unwrap_or(Err(PastError::Fault))
    }
}

/// The log as one walk sees it.
pub(super) struct Log {
    reader: Arc<dyn LogReader>,
    given_up: Arc<AtomicBool>,
    /// When the stride began, and how long the log was.
    stride: Cell<(Instant, u64)>,
}

/// How many events may still be looked at.
pub(super) struct Budget {
    all: usize,
    left: usize,
}

impl Budget {
    pub(super) fn of(events: usize) -> Self {
        Self { all: events, left: events }
    }

    fn unlimited() -> Self {
        Self::of(usize::MAX)
    }

    fn spend(&mut self) -> Result<(), PastError> {
        self.left = self.left.checked_sub(1).ok_or(PastError::TooLong(self.all))?;
        Ok(())
    }
}

/// A leaf with its header read.
struct Found {
    header: Header,
    bytes: Vec<u8>,
}

impl Log {
    pub(super) fn new(reader: Arc<dyn LogReader>, given_up: Arc<AtomicBool>) -> Self {
        let stride = Cell::new((Instant::now(), reader.head().size));
        Self { reader, given_up, stride }
    }

    pub(super) fn state_at(
        &self,
        stream: Stream,
        head: Sequence,
        moment: Moment,
    ) -> Result<Option<(State<'static>, Sequence, Timestamp)>, PastError> {
        let (from, at) = match moment {
            Moment::Time(time) => (head, time),
            Moment::Sequence(sequence) => {
                let named = self.leaf(sequence)?.header;
                (if named.stream == stream { sequence } else { head }, named.recorded_at)
            }
        };
        let places = self.places(stream, from, moment, &mut Budget::unlimited())?;
        let Some(last) = places.first().copied() else { return Ok(None) };
        let mut state = State::default();
        for sequence in places.into_iter().rev() {
            state.apply(&self.envelope(sequence)?);
        }
        Ok(Some((state, last, at)))
    }

    /// Where the events of `stream` up to `moment` stand, newest first. Only that: a long stream's events would not fit, and
    /// they are folded in the other direction.
    pub(super) fn places(
        &self,
        stream: Stream,
        from: Sequence,
        moment: Moment,
        budget: &mut Budget,
    ) -> Result<Vec<Sequence>, PastError> {
        let mut places = Vec::new();
        let mut walk = self.walk(stream, Some(from));
        while let Some(found) = walk.step()? {
            budget.spend()?;
            if moment.includes(&found.header) {
                places.push(found.header.sequence);
            }
        }
        Ok(places)
    }

    /// The event that stands there.
    pub(super) fn envelope(&self, sequence: Sequence) -> Result<Envelope, PastError> {
        self.leaf(sequence)?.decode()
    }

    pub(super) fn history(
        &self,
        stream: Stream,
        head: Sequence,
        page: Page,
    ) -> Result<Option<History>, PastError> {
        let wanted = |header: &Header| page.tenant.is_none_or(|tenant| tenant == header.tenant);
        let mut walk = self.walk(stream, self.start(stream, head, page.before)?);
        let mut history = History { entries: Vec::new(), next: None };
        let (mut last, mut bytes) = (None, 0);
        while let Some(found) = walk.step()? {
            let sequence = found.header.sequence;
            if !wanted(&found.header) || page.before.is_some_and(|before| sequence >= before) {
                continue;
            }
            if history.entries.len() == page.limit || bytes >= PAGE_BYTES_MAX {
                history.next = last;
                break;
            }
            bytes += found.bytes.len();
            history.entries.push(found.entry()?);
            last = Some(sequence);
        }
        if !history.entries.is_empty() {
            return Ok(Some(history));
        }
        // Nothing is left, which only who could have seen something may hear.
        let mut walk = self.walk(stream, Some(head).filter(|_| page.before.is_some()));
        while let Some(found) = walk.step()? {
            if wanted(&found.header) {
                return Ok(Some(history));
            }
        }
        Ok(None)
    }

    /// Where a walk to what is before `before` begins: right there when that is an event of this stream, as on every page
    /// but the first, so that all pages together cost one walk.
    fn start(
        &self,
        stream: Stream,
        head: Sequence,
        before: Option<Sequence>,
    ) -> Result<Option<Sequence>, PastError> {
        let Some(before) = before.filter(|before| *before <= head) else { return Ok(Some(head)) };
        let named = self.leaf(before)?.header;
        Ok(if named.stream == stream { named.stream_previous } else { Some(head) })
    }

    fn walk(&self, stream: Stream, next: Option<Sequence>) -> Walk<'_> {
        Walk { log: self, stream, next }
    }

    fn leaf(&self, sequence: Sequence) -> Result<Found, PastError> {
        self.pace()?;
        let mut found = None;
        self.reader.read(sequence, sequence.next(), &mut |_, bytes| {
            found = Some(bytes.to_vec());
            ControlFlow::Break(())
        })?;
        let bytes = found.ok_or(PastError::NotReached(sequence))?;
        let leaf = Leaf::parse(&bytes).map_err(|error| PastError::Leaf { sequence, reason: error.into() })?;
        Ok(Found { header: leaf.header, bytes })
    }

    /// Ends what nobody waits for, and leaves the writer as much time as it takes.
    fn pace(&self) -> Result<(), PastError> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(PastError::GivenUp);
        }
        let (begun, size) = self.stride.get();
        let worked = begun.elapsed();
        if worked >= STRIDE {
            let now = self.reader.head().size;
            if now != size {
                std::thread::sleep((worked * PAUSES).min(PAUSE_MAX));
            }
            self.stride.set((Instant::now(), now));
        }
        Ok(())
    }
}

impl Found {
    fn decode(&self) -> Result<Envelope, PastError> {
        decode(&self.bytes).map_err(|reason| PastError::Leaf { sequence: self.header.sequence, reason })
    }

    fn entry(&self) -> Result<Entry, PastError> {
        let envelope = self.decode()?;
        let leaf = Leaf::parse(&self.bytes)
            .map_err(|error| PastError::Leaf { sequence: self.header.sequence, reason: error.into() })?;
        Ok(Entry { envelope, schema_version: leaf.schema_version, hash: chain::link(&self.bytes) })
    }
}

/// The events of one stream, newest first.
struct Walk<'a> {
    log: &'a Log,
    stream: Stream,
    next: Option<Sequence>,
}

impl Walk<'_> {
    fn step(&mut self) -> Result<Option<Found>, PastError> {
        let Some(sequence) = self.next else { return Ok(None) };
        let found = self.log.leaf(sequence)?;
        let header = &found.header;
        // The start checked all of this; without falling sequences the walk might never end.
        let falls = header.stream_previous.is_none_or(|previous| previous < sequence);
        if header.stream != self.stream || header.sequence != sequence || !falls {
            return Err(PastError::Astray(sequence));
        }
        self.next = header.stream_previous;
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_sequence_or_a_time() {
        assert_eq!("42".parse(), Ok(Moment::Sequence(Sequence(42))));
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(Moment::Time(Timestamp(1_000_000))));
        for wrong in ["", "-1", "+1", "yesterday", "18446744073709551616", "2026-11-20"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn too_many_who_look_back_are_not_taken_in() {
        let turns = Turns::new();
        let all = turns.admitted.acquire_many(64).await.expect("open");
        assert!(matches!(turns.take().await, Err(PastError::Busy)));
        drop(all);
        let first = turns.take().await.expect("free");
        let _second = turns.take().await.expect("free");
        assert_eq!(turns.walks.available_permits(), 0);
        drop(first);
        assert!(turns.take().await.is_ok(), "a turn that ends is another's");
    }
}
