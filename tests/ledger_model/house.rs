//! A running ledger over a disk and a witness in memory, which can be stopped, crashed and started again.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use authledger::{
    clock::{Clock, Random, SeededRandom, SteppedClock, draw},
    commands::Command,
    ledger::{
        create::{FirstAdministrator, first_command},
        live::{ExecuteError, Ledger, Receipt},
        memory::MemoryDisk,
        start::{Folded, WriterSettings, fold, start},
        store::LogStore,
        witness::MemoryWitness,
    },
    vault::{PlainSecret, Vault, keys_file::KeysFile, login::LoginName, master::MasterKey},
};
use events::{
    codec::decode,
    envelope::Envelope,
    id::{LedgerId, Sequence},
    time::Timestamp,
};
use projections::digest::StateDigest;

/// 2026-11-20T12:00:00Z.
const NOON: Timestamp = Timestamp(1_795_176_000_000_000);

pub(crate) struct House {
    pub(crate) disk: MemoryDisk,
    pub(crate) witness: MemoryWitness,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) id: LedgerId,
    clock: Arc<SteppedClock>,
    master: MasterKey,
    keys_file: KeysFile,
    ledger: Option<Arc<Ledger>>,
    runtime: tokio::runtime::Runtime,
}

impl House {
    pub(crate) fn new(seed: u64) -> Self {
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
        let (disk, witness, clock) =
            (MemoryDisk::new(), MemoryWitness::new(), Arc::new(SteppedClock::at(NOON)));
        let master = MasterKey::generate(&*random);
        let id = LedgerId(draw(&*random));
        let administrator = FirstAdministrator {
            name: LoginName::parse("user 0").expect("a good name"),
            password_hash: PlainSecret::from("$argon2id$not-asked-for-here"),
        };
        let (store, _, keys_file) = first_command(
            Box::new(disk.open()),
            witness.open(id),
            &master,
            id,
            Arc::clone(&clock) as Arc<dyn Clock>,
            &random,
            &administrator,
        )
        .expect("an empty log takes its first command");
        store.close().expect("memory closes");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut house = Self { disk, witness, random, id, clock, master, keys_file, ledger: None, runtime };
        house.start();
        house
    }

    fn start(&mut self) {
        let vault =
            Vault::open(&self.master, &self.keys_file, self.disk.open().keys(), Arc::clone(&self.random));
        let vault = Arc::new(vault.expect("the keys of this ledger"));
        let settings =
            WriterSettings { queue: 8, max_gap: Duration::from_hours(24 * 365), accept_clock: false };
        let store = Box::new(self.disk.open());
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let ledger = start(store, self.witness.open(self.id), None, vault, clock, &settings, self.fold());
        self.ledger = Some(Arc::new(ledger.expect("the log folds")));
    }

    pub(crate) fn restart(&mut self) {
        self.ledger().close().expect("closes in order");
        self.start();
    }

    /// After a failed write the ledger is closed as it is, and opened on what the disk holds.
    pub(crate) fn crash_and_start(&mut self) {
        assert!(self.ledger().close().is_err(), "a writer that failed does not close in order");
        self.start();
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().expect("started")
    }

    pub(crate) fn execute(&self, command: Command) -> Result<Receipt, ExecuteError> {
        self.runtime.block_on(self.ledger().execute(command))
    }

    /// Queues all of them in order, then waits for all answers.
    pub(crate) fn execute_together(&self, commands: Vec<Command>) -> Vec<Result<Receipt, ExecuteError>> {
        let ledger = self.ledger.as_ref().expect("started");
        self.runtime.block_on(async {
            // One thread runs the tasks in the order in which they were spawned.
            let tasks: Vec<_> = commands
                .into_iter()
                .map(|command| {
                    let ledger = Arc::clone(ledger);
                    tokio::spawn(async move { ledger.execute(command).await })
                })
                .collect();
            let mut outcomes = Vec::with_capacity(tasks.len());
            for task in tasks {
                outcomes.push(task.await.expect("no panic"));
            }
            outcomes
        })
    }

    pub(crate) fn pass(&self, secs: u32) {
        self.clock.advance(Duration::from_secs(u64::from(secs)));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn digest(&self) -> StateDigest {
        self.ledger().read(|view| view.state.digest())
    }

    /// The digest of a replay of what the disk holds.
    pub(crate) fn replayed(&self) -> StateDigest {
        self.fold().view.state.digest()
    }

    fn fold(&self) -> Folded {
        let store = self.disk.open();
        fold(&*store.reader(), Sequence(store.head().size), &mut |_| {}).expect("the log folds")
    }

    pub(crate) fn leaves(&self) -> Vec<Vec<u8>> {
        let store = self.disk.open();
        let mut leaves = Vec::new();
        let all = store.reader().read(Sequence(0), Sequence(store.head().size), &mut |_, leaf| {
            leaves.push(leaf.to_vec());
            ControlFlow::Continue(())
        });
        all.expect("memory is read");
        leaves
    }

    /// The events from `first` on, as the disk holds them.
    pub(crate) fn events(&self, first: usize) -> Vec<Envelope> {
        self.leaves()[first..].iter().map(|leaf| decode(leaf).expect("a leaf of ours")).collect()
    }
}
