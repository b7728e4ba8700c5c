//! From an opened log to a running ledger: what its events fold to, the login index, the writer.

use std::{io, ops::ControlFlow, sync::Arc, time::Duration};

use events::{
    chain::ChainHash,
    envelope::Envelope,
    id::{Epoch, Sequence},
    merkle::Frontier,
    verify::{Finding, VerifiedHead, Verifier},
};
use thiserror::Error;

use super::{
    live::Ledger,
    recover::Closer,
    shared::Shared,
    snapshot::{SnapshotHead, Started},
    store::{KeyStore, LogReader, LogStore, StoreError},
    witness::Witness,
    writer::Writer,
};
use crate::{
    clock::{Clock, ClockRefusal, Stamper},
    commands::View,
    vault::{Vault, entries},
};

/// How the writer is run.
#[derive(Clone, Debug)]
pub struct WriterSettings {
    /// Commands that may wait; one more is answered 503.
    pub queue: usize,
    /// How far the clock may be past the last event at a start (`clock.max_gap`).
    pub max_gap: Duration,
    /// A person vouches for the clock (`--accept-clock`).
    pub accept_clock: bool,
}

/// Why a log that passed its checks can't be served.
#[derive(Debug, Error)]
pub enum StartError {
    /// A fact that this version doesn't know.
    #[error(
        "event {sequence} was written by a newer version of authledger: start that one (verify still checks everything but meanings)"
    )]
    Newer {
        /// Which.
        sequence: Sequence,
    },
    /// The log is not what was written.
    #[error(transparent)]
    Finding(Box<Finding>),
    /// The engine can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key store holds an entry of the login index that is none.
    #[error("the key store's login index is damaged")]
    LoginIndex,
    /// The clock can't be right.
    #[error(transparent)]
    Clock(#[from] ClockRefusal),
    /// The threads of a ledger can't be started.
    #[error("the ledger's threads can't be started: {0}")]
    Thread(io::ErrorKind),
}

/// Everything a log says, folded.
#[derive(Debug)]
pub struct Folded {
    /// The state it adds up to.
    pub view: View<'static>,
    /// Chain hash of its last leaf.
    pub chain: ChainHash,
    /// Its tree.
    pub frontier: Frontier,
    /// The first event that a newer version wrote, if there is one: what follows it can't be believed to be the state.
    pub unknown: Option<Sequence>,
    /// What it began with, if not with nothing; the events in it were not read.
    pub snapshot: Option<SnapshotHead>,
}

impl Default for Folded {
    fn default() -> Self {
        Self {
            view: View::default(),
            chain: ChainHash::ZERO,
            frontier: Frontier::default(),
            unknown: None,
            snapshot: None,
        }
    }
}

impl Folded {
    pub(super) fn apply(&mut self, envelope: &Envelope) {
        self.view.state.apply(envelope);
    }

    pub(super) fn unknown(&mut self, sequence: Sequence) {
        self.unknown.get_or_insert(sequence);
    }

    /// The same, unless a newer version had a part in it.
    pub fn known(self) -> Result<Self, StartError> {
        match self.unknown {
            Some(sequence) => Err(StartError::Newer { sequence }),
            None => Ok(self),
        }
    }

    /// Where it began, and how much it folded.
    pub fn started(&self) -> Started {
        let before = self.snapshot.map_or(0, |head| head.size);
        Started { snapshot: self.snapshot, folded: self.frontier.size() - before }
    }

    /// The log ends here.
    pub(super) fn ends_at(&mut self, verifier: &Verifier) {
        self.chain = verifier.head().chain;
        self.frontier = verifier.frontier().clone();
    }
}

/// Folds the events before `until` and checks them on the way; `progress` hears the number of events folded, now and then.
pub fn fold(
    reader: &dyn LogReader,
    until: Sequence,
    progress: &mut dyn FnMut(u64),
) -> Result<Folded, StartError> {
    let mut folded = Folded::default();
    let mut verifier = Verifier::new();
    let mut found: Option<Finding> = None;
    reader.read(Sequence(0), until, &mut |sequence, leaf| {
        if let Some(finding) = found.take() {
            found = Some(finding.settle(Some(leaf)));
            return ControlFlow::Break(());
        }
        match verifier.read(leaf) {
            Ok(Some(envelope)) => folded.apply(&envelope),
            Ok(None) => folded.unknown(sequence),
            // The leaf after it tells which of two neighbours that contradict each other was changed.
            Err(finding) => found = Some(finding),
        }
        if sequence.0.is_multiple_of(4096) {
            progress(sequence.0);
        }
        ControlFlow::Continue(())
    })?;
    if let Some(finding) = found {
        return Err(StartError::Finding(Box::new(finding)));
    }
    folded.ends_at(&verifier);
    folded.known()
}

/// Reads the login index into a view.
pub fn read_logins(keys: &dyn KeyStore, view: &mut View<'static>) -> Result<(), StartError> {
    let mut damaged = false;
    keys.scan(entries::LOGIN_PREFIX, &mut |key, value| match entries::parse_login(key, value) {
        Some((tag, user)) => view.logins.put(tag, user),
        None => damaged = true,
    })?;
    if damaged { Err(StartError::LoginIndex) } else { Ok(()) }
}

/// Starts serving a log that was opened, checked and folded. `closer` is `None` for a ledger in memory.
pub fn start(
    store: Box<dyn LogStore>,
    witness: Witness,
    closer: Option<Closer>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    settings: &WriterSettings,
    folded: Folded,
) -> Result<Ledger, StartError> {
    let reader = store.reader();
    let started = folded.started();
    let Folded { mut view, chain, frontier, .. } = folded.known()?;
    read_logins(&*store.keys(), &mut view)?;
    let position = view.state.log.position.get(&()).copied();
    let stamper = Stamper::resume(
        position.map(|position| position.recorded_at),
        settings.max_gap,
        settings.accept_clock,
        clock.now(),
        clock.monotonic(),
    )?;
    let head = VerifiedHead { size: frontier.size(), chain, root: frontier.root() };
    let shared = Arc::new(Shared::new(view, head));
    let ledger_id = vault.ledger();
    let epoch = position.map_or(Epoch(1), |position| position.epoch);
    let writer = Writer { store, witness, vault, clock, stamper, shared, ledger_id, epoch, chain, frontier };
    Ledger::run(writer, settings.queue, reader, closer, started)
        .map_err(|error| StartError::Thread(error.kind()))
}
