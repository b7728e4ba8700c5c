//! What the benches share: a ledger with an administrator, and the commands they send; `server` runs the real one and loads
//! it, `world` fills a directory.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each bench uses a part")]
#![allow(clippy::cast_precision_loss, reason = "rates are shown to three digits")]

pub mod server;
pub mod world;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use authledger::{
    clock::{Clock, Random, SystemClock, SystemRandom, draw},
    commands::{
        Cause, Command, NewKey, Wish,
        field::{ClientId, EndpointUri, OAuthAppName, ScopeList},
        oauth_app::{CreateOAuthApp, Properties, UpdateOAuthApp},
    },
    ledger::{
        create::{FirstAdministrator, create, first_command},
        directory::DataDirectory,
        live::Ledger,
        memory::MemoryDisk,
        recover::{self, OpenOptions, Opened},
        start::{WriterSettings, fold, start},
        witness::MemoryWitness,
    },
    vault::{DataKey, PlainSecret, Vault, keys_file::KeysFile, login::LoginName, master::MasterKey},
};
use events::{
    envelope::{Actor, StreamKind},
    id::{CommandId, DataStoreId, LedgerId, OAuthAppId, Sequence, UserId},
    sealed::Field,
};

const SETTINGS: WriterSettings =
    WriterSettings { queue: 4096, max_gap: Duration::from_hours(24), accept_clock: true };

fn administrator() -> FirstAdministrator {
    FirstAdministrator {
        name: LoginName::parse("d2cadmin").expect("a good name"),
        password_hash: PlainSecret::from("$argon2id$never-asked-for"),
    }
}

/// A new ledger on disk, open.
pub fn on_disk(path: &Path) -> Ledger {
    on_disk_at(path, Arc::new(SystemClock::new()))
}

/// The same by another clock, its master key beside it, so that a server can serve it later.
pub fn on_disk_at(path: &Path, clock: Arc<dyn Clock>) -> Ledger {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let master = MasterKey::generate(&*random);
    let beside = MasterKey::path_beside(path).expect("it has a name");
    master.write_new(&beside).expect("nothing is there yet");
    let directory = DataDirectory::new(path);
    let options = OpenOptions::default();
    let id = create(&directory, &master, &options, Arc::clone(&clock), &random, &administrator())
        .expect("an empty place");
    let Opened { store, witness, closer, folded, .. } =
        recover::open(&directory, &master.witness_key(id), &options, &mut |_| {}).expect("just made");
    let keys_file = KeysFile::read(path).expect("just written");
    let vault = Arc::new(Vault::open(&master, &keys_file, store.keys(), random).expect("its own key"));
    start(store, witness, Some(closer), vault, clock, &SETTINGS, folded).expect("it folds")
}

/// A new ledger in memory, open, with what plays its disk.
pub fn in_memory() -> (Ledger, MemoryDisk) {
    in_memory_at(Arc::new(SystemClock::new()))
}

/// The same by another clock.
pub fn in_memory_at(clock: Arc<dyn Clock>) -> (Ledger, MemoryDisk) {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let master = MasterKey::generate(&*random);
    let id = LedgerId(draw(&*random));
    let (disk, witness) = (MemoryDisk::new(), MemoryWitness::new());
    let first = first_command(
        Box::new(disk.open()),
        witness.open(id),
        &master,
        id,
        Arc::clone(&clock),
        &random,
        &administrator(),
    );
    let (store, witness, keys_file) = first.expect("an empty log");
    let vault = Arc::new(Vault::open(&master, &keys_file, store.keys(), random).expect("its own key"));
    let folded = fold(&*store.reader(), Sequence(u64::MAX), &mut |_| {}).expect("its first command");
    let ledger = start(store, witness, None, vault, clock, &SETTINGS, folded).expect("it folds");
    (ledger, disk)
}

/// A command of the administrator.
pub fn command(wish: Wish) -> Command {
    command_of(1, wish)
}

/// A command of a user.
pub fn command_of(user: u64, wish: Wish) -> Command {
    let cause = Cause {
        id: CommandId(draw(&SystemRandom)),
        actor: Actor::User(UserId(user)),
        on_behalf_of: None,
        bearer: None,
        idempotency: None,
        origin: None,
    };
    Command { cause, wish }
}

fn properties(name: &str) -> Properties {
    Properties {
        name: OAuthAppName::parse(name).expect("a good name"),
        client_id: ClientId::parse("client").expect("a good id"),
        authorize_uri: EndpointUri::parse("https://a.example/a").expect("a good URI"),
        token_uri: EndpointUri::parse("https://a.example/t").expect("a good URI"),
        scope: ScopeList::parse("r").expect("a good scope"),
    }
}

/// A new application, its secret sealed under a new key.
pub fn create_app(vault: &Vault, name: &str) -> (Wish, DataKey) {
    let key = vault.new_data_key();
    let secret = vault.seal(&key.key, StreamKind::OAUTH_APP, Field::CLIENT_SECRET, b"a secret");
    let wish = Wish::CreateOAuthApp(Box::new(CreateOAuthApp {
        tenant: None,
        data_store: DataStoreId(54),
        properties: properties(name),
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: None,
        client_secret: secret,
    }));
    (wish, key.key)
}

/// A PUT of an application with a new secret: one event of about 330 bytes.
pub fn update_app(vault: &Vault, key: &DataKey, id: u64, name: &str) -> Wish {
    let secret = vault.seal(key, StreamKind::OAUTH_APP, Field::CLIENT_SECRET, b"a secret");
    Wish::UpdateOAuthApp(Box::new(UpdateOAuthApp {
        id: OAuthAppId(id),
        expected: None,
        tenant: None,
        data_store: DataStoreId(54),
        properties: properties(name),
        description: None,
        client_secret: Some(secret),
    }))
}

/// Counts what several tasks did.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The middle of an odd number of measurements.
pub fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
