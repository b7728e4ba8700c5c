//! The writer over the in-memory engine: order, durability and repetition, without a disk and without HTTP.

mod access;
mod batches;
mod failures;
mod past;
mod repetition;
mod snapshots;
mod tokens;

use std::sync::Arc;

use events::{
    chain::ChainHash,
    envelope::{Actor, StreamKind},
    id::{CommandId, DataStoreId, LedgerId, OAuthAppId, Sequence, UserId},
    merkle::Frontier,
    sealed::Field,
    time::Timestamp,
    verify::VerifiedHead,
};
use projections::digest::StateDigest;
use std::time::Duration;

use super::{
    create::{FirstAdministrator, first_command},
    live::Ledger,
    memory::MemoryDisk,
    shared::Shared,
    start::{Folded, WriterSettings, fold, read_logins, start},
    store::{Head, LogStore},
    witness::MemoryWitness,
    writer::Writer,
};
use crate::{
    clock::{Clock, Random, SeededRandom, Stamper, SteppedClock, draw},
    commands::{
        Cause, Command, NewKey, Wish,
        field::{ClientId, EndpointUri, OAuthAppName, ScopeList},
        oauth_app::{CreateOAuthApp, DeleteOAuthApp, Properties, UpdateOAuthApp},
    },
    vault::{PlainSecret, Vault, keys_file::KeysFile, login::LoginName, master::MasterKey},
};

/// 2026-11-20, so that days and seconds are round.
const NOON: Timestamp = Timestamp(1_795_176_000_000_000);
const ADMIN: UserId = UserId(1);

/// A ledger whose disk and witness outlive it.
struct Memory {
    disk: MemoryDisk,
    witness: MemoryWitness,
    clock: Arc<SteppedClock>,
    random: Arc<dyn Random>,
    master: MasterKey,
    keys_file: KeysFile,
    id: LedgerId,
}

impl Memory {
    /// A new ledger; equal seeds give equal bytes.
    fn create(seed: u64) -> Self {
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
        let (disk, witness, clock) =
            (MemoryDisk::new(), MemoryWitness::new(), Arc::new(SteppedClock::at(NOON)));
        let master = MasterKey::generate(&*random);
        let id = LedgerId(draw(&*random));
        let administrator = FirstAdministrator {
            name: LoginName::parse("d2cadmin").expect("a good name"),
            password_hash: PlainSecret::from("$argon2id$not-asked-for-here"),
        };
        let made = first_command(
            Box::new(disk.open()),
            witness.open(id),
            &master,
            id,
            Arc::clone(&clock) as Arc<dyn Clock>,
            &random,
            &administrator,
        );
        let (store, _, keys_file) = made.expect("an empty log takes its first command");
        store.close().expect("memory closes");
        Self { disk, witness, clock, random, master, keys_file, id }
    }

    fn vault(&self) -> Arc<Vault> {
        let keys = self.disk.open().keys();
        let vault = Vault::open(&self.master, &self.keys_file, keys, Arc::clone(&self.random));
        Arc::new(vault.expect("the keys of this ledger"))
    }

    fn start(&self) -> Ledger {
        self.start_with_queue(64)
    }

    fn start_with_queue(&self, queue: usize) -> Ledger {
        let settings = WriterSettings { queue, max_gap: Duration::from_hours(24), accept_clock: false };
        let store = Box::new(self.disk.open());
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        start(store, self.witness.open(self.id), None, self.vault(), clock, &settings, self.fold())
            .expect("the log folds")
    }

    /// The writer itself, without its thread.
    fn writer(&self, vault: &Arc<Vault>) -> Writer {
        let store = self.disk.open();
        let Folded { mut view, chain, frontier, .. } = self.fold();
        read_logins(&*store.keys(), &mut view).expect("the index is whole");
        let shared =
            Arc::new(Shared::new(view, VerifiedHead { size: frontier.size(), chain, root: frontier.root() }));
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let stamper =
            Stamper::resume(Some(now), Duration::MAX, true, now, monotonic).expect("the clock stands");
        Writer {
            store: Box::new(store),
            witness: self.witness.open(self.id),
            vault: Arc::clone(vault),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            stamper,
            shared,
            ledger_id: self.id,
            epoch: events::id::Epoch(1),
            chain,
            frontier,
        }
    }

    fn fold(&self) -> Folded {
        let store = self.disk.open();
        fold(&*store.reader(), Sequence(store.head().size), &mut |_| {}).expect("the log folds")
    }

    /// Digest of a replay of what the disk holds.
    fn replayed(&self) -> StateDigest {
        self.fold().view.state.digest()
    }

    fn head(&self) -> Head {
        self.disk.open().head()
    }

    fn cause(&self) -> Cause {
        Cause {
            id: CommandId(draw(&*self.random)),
            actor: Actor::User(ADMIN),
            on_behalf_of: None,
            bearer: None,
            idempotency: None,
            origin: None,
        }
    }

    fn command(&self, wish: Wish) -> Command {
        Command { cause: self.cause(), wish }
    }
}

fn digest(ledger: &Ledger) -> StateDigest {
    ledger.read(|view| view.state.digest())
}

fn properties(name: &str) -> Properties {
    Properties {
        name: OAuthAppName::parse(name).expect("a good name"),
        client_id: ClientId::parse("client").expect("a good id"),
        authorize_uri: EndpointUri::parse("https://provider.example/authorize").expect("a good URI"),
        token_uri: EndpointUri::parse("https://provider.example/token").expect("a good URI"),
        scope: ScopeList::parse("read").expect("a good scope"),
    }
}

fn create_app(vault: &Vault, name: &str) -> Wish {
    let key = vault.new_data_key();
    let client_secret = vault.seal(&key.key, StreamKind::OAUTH_APP, Field::CLIENT_SECRET, b"secret");
    Wish::CreateOAuthApp(Box::new(CreateOAuthApp {
        tenant: None,
        data_store: DataStoreId(54),
        properties: properties(name),
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: None,
        client_secret,
    }))
}

fn rename_app(id: u64, name: &str) -> Wish {
    Wish::UpdateOAuthApp(Box::new(UpdateOAuthApp {
        id: OAuthAppId(id),
        expected: None,
        tenant: None,
        data_store: DataStoreId(54),
        properties: properties(name),
        description: None,
        client_secret: None,
    }))
}

fn delete_app(id: u64) -> Wish {
    Wish::DeleteOAuthApp(DeleteOAuthApp { id: OAuthAppId(id), expected: None })
}

/// Chain hash and tree are what the store's leaves say.
fn assert_continuous(memory: &Memory) {
    let Folded { chain, frontier, .. } = memory.fold();
    assert_eq!(memory.head(), Head { size: frontier.size(), chain });
    let statement = memory.witness.statement().expect("something was acknowledged");
    assert_eq!((statement.size, statement.chain, statement.root), (frontier.size(), chain, frontier.root()));
    assert_ne!(chain, ChainHash::ZERO);
    assert_ne!(frontier.root(), Frontier::default().root());
}
