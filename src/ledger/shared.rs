//! What the writer, readers and the work beside them have in common: the state that readers see, how long the log is, and what
//! keeps writes out.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

use events::verify::VerifiedHead;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::{live::Stop, measures::Measures, snapshot::behind, store::StoreError};
use crate::{
    clock::ClockRefusal,
    commands::{View, ViewChanges},
};

/// How many rows that are long over leave under one hold of the guard.
const RETIRED_AT_ONCE: usize = 1_000;

/// What the writer and everybody else share.
pub(super) struct Shared {
    pub(super) view: RwLock<View<'static>>,
    /// Held while rows that are long over leave the state.
    whole: Mutex<()>,
    pub(super) size: watch::Sender<u64>,
    pub(super) head: Mutex<VerifiedHead>,
    pub(super) verification: behind::Progress,
    pub(super) closing: AtomicBool,
    pub(super) stop: Mutex<Option<Stop>>,
    pub(super) clock: Mutex<Option<ClockRefusal>>,
    pub(super) room: Mutex<Option<StoreError>>,
    pub(super) batches: AtomicU64,
    pub(super) commands: AtomicU64,
    pub(super) longest_hold_nanos: AtomicU64,
    pub(super) measures: Measures,
    /// Whether the writer was asked to look again and has not done so yet.
    pub(super) look_asked: AtomicBool,
}

impl Shared {
    pub(super) fn new(view: View<'static>, head: VerifiedHead) -> Self {
        Self {
            view: RwLock::new(view),
            whole: Mutex::new(()),
            size: watch::Sender::new(head.size),
            head: Mutex::new(head),
            verification: behind::Progress::nothing(head.size),
            closing: AtomicBool::new(false),
            stop: Mutex::new(None),
            clock: Mutex::new(None),
            room: Mutex::new(None),
            batches: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            longest_hold_nanos: AtomicU64::new(0),
            measures: Measures::new(),
            look_asked: AtomicBool::new(false),
        }
    }

    pub(super) fn view(&self) -> &RwLock<View<'static>> {
        &self.view
    }

    pub(super) fn measures(&self) -> &Measures {
        &self.measures
    }

    /// Moves what a durable batch changed into what readers see, and notes for how long they had to wait.
    /// Tokens that ended long ago may be many at once, after a quiet night: they leave in slices, between which readers look.
    pub(super) fn absorb(&self, mut changes: ViewChanges) {
        let whole = self.whole.lock();
        let mut retired = changes.take_retired(RETIRED_AT_ONCE);
        self.exclusively(|view| view.absorb(changes));
        while !retired.is_empty() {
            self.exclusively(|view| view.state.drop_retired(&mut retired, RETIRED_AT_ONCE));
        }
        drop(whole);
    }

    fn exclusively(&self, change: impl FnOnce(&mut View<'static>)) {
        let mut view = self.view.write();
        let started = Instant::now();
        change(&mut view);
        let held = started.elapsed();
        drop(view);
        self.longest_hold_nanos
            .fetch_max(u64::try_from(held.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Looks at a state that holds exactly what its events add up to, not even a row of a token that is long over.
    pub(super) fn read_whole<T>(&self, look: impl FnOnce(&View<'static>) -> T) -> T {
        let _whole = self.whole.lock();
        look(&self.view.read())
    }

    /// `head` is `None` when nothing was recorded.
    pub(super) fn publish(&self, head: Option<VerifiedHead>, commands: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands as u64, Ordering::Relaxed);
        self.measures.published(commands);
        if let Some(head) = head {
            *self.head.lock() = head;
            self.size.send_replace(head.size);
        }
    }

    /// How far the check of what the start left unread has come.
    pub(super) fn verification(&self) -> &behind::Progress {
        &self.verification
    }

    /// Whether the ledger is being closed, so that work beside it should end.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(super) fn stopped(&self) -> Option<Stop> {
        self.stop.lock().clone()
    }

    /// The first reason stays: what follows from it would only hide it.
    pub(super) fn stop(&self, stop: Stop) {
        self.stop.lock().get_or_insert(stop);
    }

    pub(super) fn clock_refused(&self, refusal: Option<ClockRefusal>) {
        let mut current = self.clock.lock();
        if *current != refusal {
            if let Some(refusal) = &refusal {
                tracing::error!(%refusal, "writes are refused until the clock is back");
            }
            *current = refusal;
        }
    }

    pub(super) fn short_of_room(&self, reason: Option<StoreError>) {
        let mut current = self.room.lock();
        if *current != reason {
            if let Some(reason) = &reason {
                tracing::error!(%reason, "writes are refused until there is room");
            }
            *current = reason;
        }
    }

    pub(super) fn is_short_of_room(&self) -> bool {
        self.room.lock().is_some()
    }

    /// The writer takes its look now; from here on another may be asked for.
    pub(super) fn looked(&self) {
        self.look_asked.store(false, Ordering::Release);
    }
}
