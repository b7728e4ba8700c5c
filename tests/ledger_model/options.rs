//! Wishes about data sources, and what the edge makes of them: above all the options, plain and sealed, few and too many.

use authledger::{
    commands::{
        self, NewKey,
        data_source::{CreateDataSource, DeleteDataSource, UpdateDataSource},
        disclosure::{RevealSecrets, Secrets},
        field::DataSourceName,
    },
    vault::{DataKey, Place, Vault},
};
use events::{
    data_source::ConnectionType,
    envelope::StreamKind,
    id::{DataSourceId, DataStoreId, OAuthProfileId, Sequence},
    sealed::{Field, Sealed},
};
use proptest::{option, prelude::*};

use crate::{
    data_sources::{BYTES, OPTIONS, Source, SourceAsk, Value, put, size},
    model::Model,
    oauth_profiles,
    requests::{Ask, if_match, sequences},
    sharing::{Share, of_owner, settable},
    steps::{Expected, Pick, Wish, expected, pick, rarely, store},
};

/// Numbers are for [`crate::steps::id_of`].
#[derive(Clone, Debug)]
pub(crate) enum SourceWish {
    Create {
        store: u8,
        connection: Option<ConnectionType>,
        name: u8,
        described: bool,
        profile: Option<Pick>,
        options: Options,
        foreign_key: bool,
        permissions: Option<Vec<u8>>,
    },
    Put {
        source: Pick,
        expected: Expected,
        store: Repeat,
        connection: Repeat,
        name: u8,
        described: bool,
        profile: Option<Pick>,
        options: Options,
        foreign_key: bool,
        permissions: Option<Vec<u8>>,
    },
    Delete {
        source: Pick,
        expected: Expected,
    },
    Reveal {
        source: Pick,
        stale: bool,
    },
}

/// What a PUT says of what never changes.
#[derive(Clone, Debug)]
pub(crate) enum Repeat {
    LeftOut,
    Stored,
    Another,
}

impl Repeat {
    /// What is said where there is `stored`.
    pub(crate) fn of(&self, stored: u64) -> Option<u64> {
        match self {
            Self::LeftOut => None,
            Self::Stored => Some(stored),
            Self::Another => Some(stored + 1),
        }
    }
}

/// What a body says of options.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Plain on every data store, and what lists are filtered by.
    odata: Opt,
    password: Opt,
    /// One that no data store knows.
    own: Opt,
    /// Where the secrets go.
    uri: Opt,
    fill: Fill,
}

impl Options {
    /// Something of everything.
    pub(crate) fn some() -> Self {
        Self {
            odata: Opt::Value,
            password: Opt::Value,
            own: Opt::LeftOut,
            uri: Opt::LeftOut,
            fill: Fill::Not,
        }
    }
}

#[derive(Clone, Debug)]
enum Opt {
    LeftOut,
    Empty,
    Value,
}

/// How far the options go, with those that a PUT keeps.
#[derive(Clone, Debug)]
enum Fill {
    Not,
    /// So many less than there may be, or one more.
    Count(bool),
    Bytes(bool),
}

fn options() -> impl Strategy<Value = Options> {
    let opt = || prop_oneof![Just(Opt::LeftOut), Just(Opt::Empty), Just(Opt::Value), Just(Opt::Value)];
    let fill = prop_oneof![
        36 => Just(Fill::Not),
        1 => any::<bool>().prop_map(Fill::Count),
        2 => any::<bool>().prop_map(Fill::Bytes),
    ];
    let uri = prop_oneof![8 => Just(Opt::LeftOut), 1 => Just(Opt::Value)];
    (opt(), opt(), opt(), uri, fill).prop_map(|(odata, password, own, uri, fill)| Options {
        odata,
        password,
        own,
        uri,
        fill,
    })
}

pub(crate) fn sources() -> BoxedStrategy<Wish> {
    let repeat = |another: u32| {
        prop_oneof![
            4 => Just(Repeat::LeftOut),
            4 => Just(Repeat::Stored),
            another => Just(Repeat::Another),
        ]
    };
    let connection = prop_oneof![
        5 => Just(None),
        3 => Just(Some(ConnectionType::Cloud)),
        2 => Just(Some(ConnectionType::Hybrid)),
        1 => Just(Some(ConnectionType::Group)),
    ];
    let profile = || option::weighted(0.6, pick());
    let said = || option::weighted(0.1, settable());
    let more = (rarely(), said());
    let creates = (store(), connection, 0..4_u8, any::<bool>(), profile(), options(), more).prop_map(
        |(store, connection, name, described, profile, options, (foreign_key, permissions))| {
            SourceWish::Create {
                store,
                connection,
                name,
                described,
                profile,
                options,
                foreign_key,
                permissions,
            }
        },
    );
    let whole = (any::<bool>(), profile(), options(), rarely(), said());
    let puts = (pick(), expected(), repeat(1), repeat(3), 0..4_u8, whole).prop_map(
        |(
            source,
            expected,
            store,
            connection,
            name,
            (described, profile, options, foreign_key, permissions),
        )| {
            SourceWish::Put {
                source,
                expected,
                store,
                connection,
                name,
                described,
                profile,
                options,
                foreign_key,
                permissions,
            }
        },
    );
    let deletes = (pick(), expected()).prop_map(|(source, expected)| SourceWish::Delete { source, expected });
    let reveals = (pick(), rarely()).prop_map(|(source, stale)| SourceWish::Reveal { source, stale });
    prop_oneof![5 => creates, 6 => puts, 2 => deletes, 2 => reveals].prop_map(Wish::Source).boxed()
}

/// What the edge does with it for `whom`, whose it is or will be.
pub(crate) fn edge(
    vault: &Vault,
    model: &Model,
    whom: Option<u64>,
    wish: &SourceWish,
) -> (Ask, commands::Wish) {
    let (ask, wish) = match wish {
        SourceWish::Create {
            store,
            connection,
            name,
            described,
            profile,
            options,
            foreign_key,
            permissions,
        } => {
            let key = vault.new_data_key();
            let used = if *foreign_key { vault.new_data_key() } else { key.clone() };
            let (plain, sealed) = told(vault, &used.key, options, &[]);
            // What is empty is not there.
            let sealed = put(&[], &sealed);
            let (store, name) = (u32::from(*store), format!("source-{name}"));
            let description = described.then(|| text(vault, &used.key));
            let profile = profile.as_ref().map(|pick| oauth_profiles::picked(model, whom, pick));
            let wish = CreateDataSource {
                name: DataSourceName::parse(&name).expect("a good name"),
                data_store: DataStoreId(store),
                connection_type: *connection,
                key: NewKey { id: key.id(), entries: vec![key.change()] },
                description: description.clone(),
                profile: profile.map(OAuthProfileId),
                plain_options: plain.iter().cloned().collect(),
                sealed_options: sealed.iter().cloned().map(|(name, (value, _))| (name, value)).collect(),
                permissions: permissions.as_deref().map(of_owner),
            };
            let (connection, key) = (*connection, key.id());
            let permissions = wish.permissions.clone();
            let ask = SourceAsk::Create {
                store,
                connection,
                name,
                description,
                profile,
                plain,
                sealed,
                key,
                permissions,
            };
            (ask, commands::Wish::CreateDataSource(Box::new(wish)))
        }
        SourceWish::Put { .. } => replaced(vault, model, whom, wish),
        SourceWish::Delete { source, expected } => {
            let source = picked(model, whom, source);
            let expected = if_match(model.source(source).map(|row| row.changed), expected);
            let (id, sequences) = (DataSourceId(source), sequences(expected.as_ref()));
            let wish = DeleteDataSource { id, expected: sequences };
            (SourceAsk::Delete { source, expected }, commands::Wish::DeleteDataSource(wish))
        }
        SourceWish::Reveal { source, stale } => {
            let source = picked(model, whom, source);
            let changed = model.source(source).map_or(0, |row| row.changed) + u64::from(*stale);
            let secrets = Secrets::DataSource(DataSourceId(source));
            let wish = RevealSecrets { secrets, changed: Sequence(changed) };
            (SourceAsk::Reveal { source, changed }, commands::Wish::RevealSecrets(wish))
        }
    };
    (Ask::Source(ask), wish)
}

fn replaced(
    vault: &Vault,
    model: &Model,
    whom: Option<u64>,
    wish: &SourceWish,
) -> (SourceAsk, commands::Wish) {
    let SourceWish::Put {
        source,
        expected,
        store,
        connection,
        name,
        described,
        profile,
        options,
        foreign_key,
        permissions,
    } = wish
    else {
        unreachable!("asked for PUTs only")
    };
    let source = picked(model, whom, source);
    let stored = model.source(source);
    let own = stored.filter(|_| !foreign_key).map(|row| vault.data_key(&row.key).expect("a living key"));
    let key = own.unwrap_or_else(|| vault.new_data_key().key);
    let (mut plain, mut sealed) = told(vault, &key, options, stored.map_or(&[], |row| &row.sealed));
    let store = match store {
        Repeat::LeftOut => None,
        Repeat::Stored => stored.map(|row| row.store),
        Repeat::Another => Some(stored.map_or(54, |row| if row.store == 1 { 54 } else { 1 })),
    };
    let connection = match connection {
        Repeat::LeftOut => None,
        Repeat::Stored => stored.map(|row| row.connection),
        Repeat::Another => Some(match stored.map(|row| row.connection) {
            Some(ConnectionType::Cloud) => ConnectionType::Group,
            Some(ConnectionType::Group) | None => ConnectionType::Hybrid,
            Some(ConnectionType::Hybrid) => ConnectionType::Cloud,
        }),
    };
    // Whom it is shared with keeps its name, mostly, and its profile, and mostly all options but one.
    let others = stored.filter(|row| Some(row.owner) != whom && *name > 0);
    if let Some(row) = others.filter(|_| *name > 1) {
        plain.retain(|(name, _)| name == "ODataVersion");
        plain.extend(row.plain.iter().filter(|(name, _)| name != "ODataVersion").cloned());
        sealed.clear();
    }
    let name = others.map_or_else(|| format!("source-{name}"), |row| row.name.clone());
    let description = described.then(|| text(vault, &key));
    let profile = match others {
        Some(row) => row.profile,
        None => profile.as_ref().map(|pick| oauth_profiles::picked(model, whom, pick)),
    };
    let expected = if_match(stored.map(|row| row.changed), expected);
    let wish = UpdateDataSource {
        id: DataSourceId(source),
        expected: sequences(expected.as_ref()),
        name: DataSourceName::parse(&name).expect("a good name"),
        data_store: store.map(DataStoreId),
        connection_type: connection,
        description: description.clone(),
        profile: profile.map(OAuthProfileId),
        plain_options: plain.iter().cloned().collect(),
        sealed_options: sealed
            .iter()
            .cloned()
            .map(|(name, value)| (name, value.map(|(value, _)| value)))
            .collect(),
        permissions: permissions.as_deref().map(of_owner),
    };
    let permissions = wish.permissions.clone();
    let ask = SourceAsk::Put {
        source,
        expected,
        store,
        connection,
        name,
        description,
        profile,
        plain,
        sealed,
        permissions,
    };
    (ask, commands::Wish::UpdateDataSource(Box::new(wish)))
}

/// One of the data sources of `whom`, or of those he has by a share, or any.
pub(crate) fn picked(model: &Model, whom: Option<u64>, pick: &Pick) -> u64 {
    let lives = whom.and_then(|id| model.user(id)).map_or(0, |row| row.tenant);
    let his = |source: &Source| {
        let with = |rows: &[Share], who: Option<u64>| {
            rows.iter().any(|row| row.0 == source.id && Some(row.1) == who)
        };
        Some(source.owner) == whom
            || with(&model.shares.users, whom)
            || with(&model.shares.tenants, Some(lives))
    };
    let own: Vec<u64> = model.sources.iter().filter(|row| his(row)).map(|row| row.id).collect();
    pick.of(&own, model.sources_ever)
}

fn text(vault: &Vault, key: &DataKey) -> Sealed {
    vault.seal(key, StreamKind::DATA_SOURCE, Field::DESCRIPTION, b"text")
}

/// The plain options, and the sealed ones: `None` for one that is empty.
type Told = (Vec<(String, String)>, Vec<(String, Option<Value>)>);

fn told(vault: &Vault, key: &DataKey, options: &Options, before: &[(String, Value)]) -> Told {
    let seal = |name: &str, text: &[u8]| {
        (vault.seal(key, StreamKind::DATA_SOURCE, Place::option(name), text), text.len())
    };
    let mut plain = Vec::new();
    match options.odata {
        Opt::LeftOut => {}
        Opt::Empty => plain.push(("ODataVersion".to_owned(), String::new())),
        Opt::Value => plain.push(("ODataVersion".to_owned(), "4".to_owned())),
    }
    if matches!(options.uri, Opt::Value) {
        plain.push(("TokenURI".to_owned(), "https://provider.example/token".to_owned()));
    }
    let mut sealed = Vec::new();
    for (name, option) in [("Password", &options.password), ("Something else", &options.own)] {
        match option {
            Opt::LeftOut => {}
            Opt::Empty => sealed.push((name.to_owned(), None)),
            Opt::Value => sealed.push((name.to_owned(), Some(seal(name, b"secret")))),
        }
    }
    let (count, bytes) = size(&plain, &put(before, &sealed));
    match options.fill {
        Fill::Not => {}
        Fill::Count(over) => {
            let missing = (OPTIONS + usize::from(over)).saturating_sub(count);
            let names = (0..).map(|number| format!("o{number:03}"));
            let new = names.filter(|name| before.iter().all(|(other, _)| other != name)).take(missing);
            sealed.extend(new.map(|name| (name.clone(), Some(seal(&name, b"x")))));
        }
        Fill::Bytes(over) => {
            let name = "ConfigOptions".to_owned();
            let missing = (BYTES + usize::from(over)).saturating_sub(bytes + name.len());
            plain.push((name, "x".repeat(missing)));
        }
    }
    (plain, sealed)
}
