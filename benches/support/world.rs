//! A ledger directory with many users and their things, written by the writer itself.

use std::{path::Path, sync::Arc};

use authledger::{
    auth::hasher::PasswordHasher,
    clock::{Clock, Random, SystemClock, SystemRandom},
    commands::{
        NewKey, Wish,
        data_source::{CreateDataSource, UpdateDataSource},
        field::{DataSourceName, OAuthProfileName},
        oauth_profile::CreateOAuthProfile,
        user::CreateUser,
    },
    ledger::{
        directory::DataDirectory,
        live::Ledger,
        recover::{self, OpenOptions, Opened},
        start::start,
    },
    vault::{DataKey, Place, PlainSecret, Vault, keys_file::KeysFile, login::LoginName, master::MasterKey},
};
use events::{
    envelope::StreamKind,
    event::Event,
    id::{DataSourceId, DataStoreId, OAuthAppId, OAuthProfileId, PermissionId, RoleId, Sequence},
    sealed::Field,
    user::{Password, PasswordStatus, UserStatus},
};

use super::{SETTINGS, command, command_of, create_app, server};

/// Writers at a time.
const LANES: u64 = 256;

/// What a world holds.
#[derive(Clone, Copy)]
pub struct Size {
    pub users: u64,
    /// Of the system tenant, so that every user can use them.
    pub apps: u64,
    /// Of each user.
    pub profiles: u64,
    /// Of each user.
    pub sources: u64,
    /// Of each user's data sources, in turn over the first `updated` of them.
    pub updates: u64,
    pub updated: u64,
}

/// A user of the world, and what a bench asks about.
#[derive(Clone)]
pub struct Owner {
    pub name: String,
    /// The first of his data sources.
    pub source: u64,
    /// The events of that one.
    pub moments: Vec<Sequence>,
}

/// Opens the ledger of a directory that `authledger init` made, as `authledger serve` does.
pub fn open(path: &Path) -> Ledger {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let master = MasterKey::load(None, path).expect("init made it");
    let keys_file = KeysFile::read(path).expect("init wrote it");
    let directory = DataDirectory::new(path);
    let witness_key = master.witness_key(keys_file.ledger());
    let Opened { store, witness, closer, folded, .. } =
        recover::open(&directory, &witness_key, &OpenOptions::default(), &mut |_| {}).expect("whole");
    let vault = Arc::new(Vault::open(&master, &keys_file, store.keys(), random).expect("its own key"));
    start(store, witness, Some(closer), vault, clock, &SETTINGS, folded).expect("it folds")
}

/// Makes a ledger in `path` and fills it; closed in order when it comes back. In the order of their names.
pub fn make(path: &Path, size: Size) -> Vec<Owner> {
    server::authledger(&["init"], path);
    let ledger = Arc::new(open(path));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let owners = runtime.block_on(fill(&ledger, size));
    ledger.close().expect("it closes in order");
    owners
}

async fn fill(ledger: &Arc<Ledger>, size: Size) -> Vec<Owner> {
    // One hash for all: to make each its own would take longer than all the rest.
    let hasher = PasswordHasher::for_server(Arc::new(SystemRandom));
    let hash = hasher.hash_here(&PlainSecret::from(server::PASSWORD));
    for number in 0..size.apps {
        let (wish, _) = create_app(ledger.vault(), &format!("app {number}"));
        ledger.execute(command(wish)).await.expect("the name is free");
    }
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let (ledger, hash) = (Arc::clone(ledger), hash.clone());
            tokio::spawn(async move {
                let mut owners = Vec::new();
                for number in (lane..size.users).step_by(256) {
                    owners.push((number, owner(&ledger, number, &hash, size).await));
                }
                owners
            })
        })
        .collect();
    let mut owners = Vec::new();
    for lane in lanes {
        owners.extend(lane.await.expect("no panic"));
    }
    owners.sort_unstable_by_key(|(number, _)| *number);
    owners.into_iter().map(|(_, owner)| owner).collect()
}

async fn owner(ledger: &Ledger, number: u64, hash: &PlainSecret, size: Size) -> Owner {
    let name = format!("user{number}");
    let made = ledger.execute(command(user(ledger.vault(), &name, hash))).await.expect("the name is free");
    let user = made.events[0].header.stream.id;
    let mut profiles = Vec::new();
    for count in 0..size.profiles {
        let wish = profile(ledger.vault(), &format!("profile_{count}"), 1 + (number + count) % size.apps);
        let made = ledger.execute(command_of(user, wish)).await.expect("the name is free");
        profiles.push(made.events[0].header.stream.id);
    }
    let mut sources = Vec::new();
    for count in 0..size.sources {
        // Every fourth uses none of the profiles.
        let profile = usize::try_from(count).expect("few") % (profiles.len() + 1);
        let (wish, key) = source(ledger.vault(), count, profiles.get(profile).copied());
        let made = ledger.execute(command_of(user, wish)).await.expect("the name is free");
        sources.push((made.events[0].header.stream.id, key, made.last));
    }
    let first = sources.first().map(|(id, _, sequence)| (*id, *sequence));
    let mut moments: Vec<_> = first.map(|(_, sequence)| sequence).into_iter().collect();
    for count in 0..size.updates {
        let turn = usize::try_from(count % size.updated).expect("few");
        let (id, key, _) = &sources[turn];
        let wish = update_source(ledger.vault(), *id, turn, key);
        let made = ledger.execute(command_of(user, wish)).await.expect("his own");
        assert!(matches!(made.events[0].event, Event::DataSourceUpdated(_)), "one event each");
        if turn == 0 {
            moments.push(made.last);
        }
    }
    Owner { name, source: first.map_or(0, |(id, _)| id), moments }
}

fn user(vault: &Vault, name: &str, hash: &PlainSecret) -> Wish {
    let name = LoginName::parse(name).expect("a good name");
    let key = vault.new_data_key();
    let seal =
        |field, text: &PlainSecret| vault.seal(&key.key, StreamKind::USER, field, text.expose().as_bytes());
    Wish::CreateUser(Box::new(CreateUser {
        tenant: None,
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        name: seal(Field::USER_NAME, name.as_sent()),
        login: vault.login_tag(&name),
        status: UserStatus::Active,
        password: Some(Password {
            hash: seal(Field::PASSWORD_HASH, hash),
            status: PasswordStatus::Active,
            expires_at: None,
        }),
        roles: [RoleId(2)].into_iter().collect(),
        permissions: [1, 2, 3, 4, 7].map(PermissionId).into_iter().collect(),
    }))
}

fn profile(vault: &Vault, name: &str, app: u64) -> Wish {
    let key = vault.new_data_key();
    let seal = |field, text: &[u8]| vault.seal(&key.key, StreamKind::OAUTH_PROFILE, field, text);
    Wish::CreateOAuthProfile(Box::new(CreateOAuthProfile {
        name: OAuthProfileName::parse(name).expect("a good name"),
        oauth_app: OAuthAppId(app),
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: None,
        access_token: Some(seal(Field::ACCESS_TOKEN, &[b'a'; 64])),
        refresh_token: seal(Field::REFRESH_TOKEN, &[b'r'; 64]),
    }))
}

fn source(vault: &Vault, count: u64, profile: Option<u64>) -> (Wish, DataKey) {
    let key = vault.new_data_key();
    let password = vault.seal(&key.key, StreamKind::DATA_SOURCE, Place::option("Password"), b"a password");
    let wish = Wish::CreateDataSource(Box::new(CreateDataSource {
        name: DataSourceName::parse(&format!("Source_{count}")).expect("a good name"),
        data_store: DataStoreId(54),
        connection_type: None,
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: None,
        profile: profile.map(OAuthProfileId),
        plain_options: [("ODataVersion".to_owned(), "4".to_owned())].into_iter().collect(),
        sealed_options: [("Password".to_owned(), password)].into_iter().collect(),
        permissions: None,
    }));
    (wish, key.key)
}

fn update_source(vault: &Vault, id: u64, count: usize, key: &DataKey) -> Wish {
    let password = vault.seal(key, StreamKind::DATA_SOURCE, Place::option("Password"), b"another");
    Wish::UpdateDataSource(Box::new(UpdateDataSource {
        id: DataSourceId(id),
        expected: None,
        name: DataSourceName::parse(&format!("Source_{count}")).expect("a good name"),
        data_store: None,
        connection_type: None,
        description: None,
        profile: None,
        plain_options: [("ODataVersion".to_owned(), "4".to_owned())].into_iter().collect(),
        sealed_options: [("Password".to_owned(), Some(password))].into_iter().collect(),
        permissions: None,
    }))
}
