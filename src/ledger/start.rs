//! From an opened log to a running ledger: fold every event, read the login index, start the writer.

use std::{io, ops::ControlFlow, sync::Arc, time::Duration};

use events::{
    chain::{ChainHash, link},
    codec::{CodecError, decode},
    id::{Epoch, Sequence},
    merkle::{Frontier, leaf_hash},
};
use thiserror::Error;

use super::{
    live::{Ledger, Shared},
    recover::Closer,
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
    /// A fact that this version can't fold, almost always one of a newer version.
    #[error("event {sequence}: {error}")]
    Event {
        /// Which.
        sequence: Sequence,
        /// What about it.
        error: CodecError,
    },
    /// The engine can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key store holds an entry of the login index that is none.
    #[error("the key store's login index is damaged")]
    LoginIndex,
    /// The clock can't be right.
    #[error(transparent)]
    Clock(#[from] ClockRefusal),
    /// The writer's thread can't be started.
    #[error("the writer's thread can't be started: {0}")]
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
}

/// Folds the events before `until`; `progress` hears the number of events folded, now and then.
pub fn fold(
    reader: &dyn LogReader,
    until: Sequence,
    progress: &mut dyn FnMut(u64),
) -> Result<Folded, StartError> {
    let mut folded = Folded { view: View::default(), chain: ChainHash::ZERO, frontier: Frontier::default() };
    let mut failed = None;
    reader.read(Sequence(0), until, &mut |sequence, leaf| match decode(leaf) {
        Ok(envelope) => {
            folded.view.state.apply(&envelope);
            folded.chain = link(leaf);
            folded.frontier.push(leaf_hash(leaf));
            if sequence.0 % 4096 == 0 {
                progress(sequence.0);
            }
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed = Some(StartError::Event { sequence, error });
            ControlFlow::Break(())
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(folded),
    }
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

/// Starts serving a log that was opened and checked. `closer` is `None` for a ledger in memory.
pub fn start(
    store: Box<dyn LogStore>,
    witness: Witness,
    closer: Option<Closer>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    settings: &WriterSettings,
    progress: &mut dyn FnMut(u64),
) -> Result<Ledger, StartError> {
    let reader = store.reader();
    let Folded { mut view, chain, frontier } = fold(&*reader, Sequence(store.head().size), progress)?;
    read_logins(&*store.keys(), &mut view)?;
    let position = view.state.log.position.get(&()).copied();
    let stamper = Stamper::resume(
        position.map(|position| position.recorded_at),
        settings.max_gap,
        settings.accept_clock,
        clock.now(),
        clock.monotonic(),
    )?;
    let shared = Arc::new(Shared::new(view, frontier.size()));
    let ledger_id = vault.ledger();
    let epoch = position.map_or(Epoch(1), |position| position.epoch);
    let writer = Writer { store, witness, vault, clock, stamper, shared, ledger_id, epoch, chain, frontier };
    Ledger::run(writer, settings.queue, reader, closer).map_err(|error| StartError::Thread(error.kind()))
}
