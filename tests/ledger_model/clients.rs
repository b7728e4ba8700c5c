//! Wishes about client applications (hdp-api 5, TOKENS section 3), and what the edge makes of them.

use authledger::{
    commands::{
        self, NewKey,
        client_application::{
            DeleteClientApplication, Properties, RegisterClientApplication, UpdateClientApplication,
            policy::{PolicySaid, Said},
            secret::{ResetClientSecret, RotateClientSecret},
        },
        disclosure::{RevealSecrets, Secrets},
        field::{ClientApplicationName, ClientId, EndpointUri},
    },
    oauth::{redirect::RedirectUrl, token::client_secret_hash},
    vault::{DataKey, Vault},
};
use events::{
    client_application::{ClientPolicy, ClientSecret, ClientType, GrantType, Pkce, RefreshRotation},
    envelope::StreamKind,
    id::{ClientApplicationId, Sequence, UserId},
    scope::Scope,
    sealed::{Field, KeyId, Sealed},
    time::Timestamp,
    token::TokenHash,
};
use proptest::{option, prelude::*};

use crate::{
    model::Model,
    requests::{Ask, if_match, sequences},
    steps::{Expected, Wish, expected, id, one_of, rarely},
};

/// A row of the model.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) tenant: u64,
    pub(crate) owner: u64,
    pub(crate) name: String,
    pub(crate) description: Option<Sealed>,
    pub(crate) redirect_urls: Vec<String>,
    /// Its client id.
    pub(crate) known_as: String,
    pub(crate) key: KeyId,
    pub(crate) secret: Option<ClientSecret>,
    /// The one before, and until when it is good.
    pub(crate) previous: Option<(TokenHash, Timestamp)>,
    pub(crate) policy: ClientPolicy,
    pub(crate) ended: Option<u64>,
    pub(crate) changed: u64,
}

/// Numbers are for [`id_of`](crate::steps::id_of).
#[derive(Clone, Debug)]
pub(crate) enum ClientWish {
    Register {
        name: u8,
        public: bool,
        urls: u8,
        policy: PolicyWish,
        /// Its id comes from elsewhere: one of few.
        imported: Option<u8>,
        described: bool,
        foreign_key: bool,
        /// A secret where there is to be none, or none where there is to be one.
        wrong_secret: bool,
    },
    Put {
        client: u8,
        expected: Expected,
        /// `None` for those that it has.
        name: Option<u8>,
        urls: Option<u8>,
        owner: Option<u8>,
        public: Option<bool>,
        policy: PolicyWish,
        described: bool,
        foreign_key: bool,
    },
    Delete {
        client: u8,
        expected: Expected,
    },
    Reset {
        client: u8,
        expected: Expected,
        foreign_key: bool,
    },
    Rotate {
        client: u8,
        expected: Expected,
        secs: u32,
        foreign_key: bool,
    },
    Reveal {
        client: u8,
        stale: bool,
    },
}

/// What a body says of the policy: each number is left out at 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyWish {
    /// In bits.
    pub(crate) grants: Option<u8>,
    pub(crate) scopes: Option<u8>,
    pub(crate) required: Option<bool>,
    pub(crate) rotates: Option<bool>,
    pub(crate) retry: Option<u32>,
    pub(crate) access: Option<u32>,
    pub(crate) idle: Option<u32>,
    pub(crate) absolute: Option<u32>,
    pub(crate) resource: Option<bool>,
    pub(crate) run_as: Option<RunAs>,
    pub(crate) password_days: Option<i16>,
}

/// Whose rights it has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RunAs {
    Nobody,
    User(u8),
}

const GRANT_TYPES: [GrantType; 4] = [
    GrantType::AuthorizationCode,
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::Password,
];

/// Those whose bit is set.
pub(crate) fn of_bits<T: Copy, List: FromIterator<T>>(all: &[T], bits: u8) -> List {
    all.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1).map(|(_, one)| *one).collect()
}

fn said<T>(value: Option<T>) -> Said<T> {
    value.map_or(Said::LeftOut, Said::Value)
}

impl PolicyWish {
    fn edge(&self, model: &Model, client_type: Option<ClientType>) -> PolicySaid {
        let secs = |secs: Option<u32>| match secs {
            None => Said::LeftOut,
            Some(0) => Said::Null,
            Some(secs) => Said::Value(secs),
        };
        let resource = || EndpointUri::parse("https://data.example").expect("a good URI");
        let days = |days: i16| model.now.saturating_add_secs(i64::from(days) * 86_400);
        PolicySaid {
            client_type,
            grant_types: match self.grants {
                Some(255) => Said::Null,
                bits => said(bits.map(|bits| of_bits(&GRANT_TYPES, bits))),
            },
            scopes: said(self.scopes.map(|bits| of_bits(&Scope::ALL, bits))),
            pkce: said(self.required.map(|is| if is { Pkce::Required } else { Pkce::Optional })),
            refresh_rotation: said(
                self.rotates.map(|is| if is { RefreshRotation::Always } else { RefreshRotation::Never }),
            ),
            refresh_retry_secs: said(self.retry),
            access_token_lifetime_secs: secs(self.access),
            refresh_token_idle_secs: secs(self.idle),
            refresh_token_absolute_secs: secs(self.absolute),
            resource_server: self
                .resource
                .map_or(Said::LeftOut, |is| if is { Said::Value(resource()) } else { Said::Null }),
            run_as: match self.run_as {
                None => Said::LeftOut,
                Some(RunAs::Nobody) => Said::Null,
                Some(RunAs::User(number)) => Said::Value(UserId(model.a_user(number))),
            },
            password_until: said(self.password_days.map(days)),
        }
    }
}

/// Mostly one that may be; what nobody says stays.
pub(crate) fn policy() -> impl Strategy<Value = PolicyWish> {
    let ways = prop_oneof![
        4 => Just(None), 3 => Just(Some(0b0111)), 3 => Just(Some(0b0011)), 2 => Just(Some(0b1111)), 2 => Just(Some(255)), 1 => (0..16_u8).prop_map(Some)
    ];
    let scopes = prop_oneof![4 => Just(None), 4 => Just(Some(0b111)), 2 => Just(Some(0b011)), 3 => (0..8_u8).prop_map(Some)];
    let is = |weight| option::weighted(weight, any::<bool>());
    let lifetimes = || prop_oneof![10 => Just(None), 1 => Just(Some(0)), 2 => Just(Some(60)), 2 => Just(Some(1800)), 1 => Just(Some(90_000))];
    let retry = prop_oneof![6 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(600))];
    let run_as = prop_oneof![6 => Just(None), 1 => Just(Some(RunAs::Nobody)), 2 => id().prop_map(|user| Some(RunAs::User(user)))];
    let days = prop_oneof![5 => Just(None), 6 => Just(Some(300)), 1 => Just(Some(400)), 1 => Just(Some(-1))];
    let times = (retry, lifetimes(), lifetimes(), lifetimes());
    (ways, scopes, is(0.2), is(0.3), times, is(0.2), run_as, days).prop_map(
        |(grants, scopes, required, rotates, (retry, access, idle, absolute), resource, run_as, days)| {
            // The password's end goes with the password.
            let password = grants.is_some_and(|bits| bits & 0b1000 != 0 && bits != 255);
            let password_days = days.filter(|days| password || *days < 0);
            PolicyWish {
                grants,
                scopes,
                required,
                rotates,
                retry,
                access,
                idle,
                absolute,
                resource,
                run_as,
                password_days,
            }
        },
    )
}

pub(crate) fn clients() -> BoxedStrategy<Wish> {
    let names = || 0..9_u8;
    let news = (
        (names(), prop_oneof![3 => Just(false), 1 => Just(true)], prop_oneof![1 => Just(0), 12 => 1..4_u8]),
        policy(),
        option::weighted(0.3, 0..2_u8),
        (any::<bool>(), rarely(), prop_oneof![9 => Just(false), 1 => Just(true)]),
    )
        .prop_map(|((name, public, urls), policy, imported, (described, foreign_key, wrong_secret))| {
            let policy = if public { PolicyWish { required: None, rotates: None, ..policy } } else { policy };
            ClientWish::Register {
                name,
                public,
                urls,
                policy,
                imported,
                described,
                foreign_key,
                wrong_secret,
            }
        });
    let puts = (
        (id(), expected(), option::weighted(0.3, names())),
        (option::weighted(0.3, 0..4_u8), option::weighted(0.1, id()), option::weighted(0.1, any::<bool>())),
        policy(),
        (any::<bool>(), rarely()),
    )
        .prop_map(
            |((client, expected, name), (urls, owner, public), policy, (described, foreign_key))| {
                ClientWish::Put {
                    client,
                    expected,
                    name,
                    urls,
                    owner,
                    public,
                    policy,
                    described,
                    foreign_key,
                }
            },
        );
    let deletes = (id(), expected()).prop_map(|(client, expected)| ClientWish::Delete { client, expected });
    let resets = (id(), expected(), rarely()).prop_map(|(client, expected, foreign_key)| ClientWish::Reset {
        client,
        expected,
        foreign_key,
    });
    let secs = prop_oneof![1 => Just(0), 3 => 1..3000_u32];
    let rotations = (id(), expected(), secs, rarely()).prop_map(|(client, expected, secs, foreign_key)| {
        ClientWish::Rotate { client, expected, secs, foreign_key }
    });
    let reveals = (id(), rarely()).prop_map(|(client, stale)| ClientWish::Reveal { client, stale });
    prop_oneof![6 => news, 6 => puts, 2 => deletes, 2 => resets, 4 => rotations, 2 => reveals]
        .prop_map(Wish::Client)
        .boxed()
}

/// An application of whoever asks, with all that there is to ask for.
pub(crate) fn register(name: u8, public: bool, policy: PolicyWish) -> Wish {
    let (urls, imported, described, foreign_key, wrong_secret) = (2, None, true, false, false);
    Wish::Client(ClientWish::Register {
        name,
        public,
        urls,
        policy,
        imported,
        described,
        foreign_key,
        wrong_secret,
    })
}

/// An application with another policy, and otherwise as it is.
pub(crate) fn put(client: u8, policy: PolicyWish) -> Wish {
    Wish::Client(ClientWish::Put {
        client,
        expected: Expected::Nothing,
        name: None,
        urls: None,
        owner: None,
        public: None,
        policy,
        described: true,
        foreign_key: false,
    })
}

/// Everything that becomes of an application.
pub(crate) fn tour() -> Vec<Wish> {
    let (client, expected, foreign_key) = (1, Expected::Nothing, false);
    let all = [
        ClientWish::Rotate { client, expected: expected.clone(), secs: 600, foreign_key },
        ClientWish::Reset { client, expected: expected.clone(), foreign_key },
        ClientWish::Delete { client, expected },
    ];
    let shorter = put(client, PolicyWish { access: Some(600), ..PolicyWish::default() });
    [shorter].into_iter().chain(all.map(Wish::Client)).collect()
}

pub(crate) fn redirect_urls(number: u8) -> Vec<RedirectUrl> {
    let url = |place: u8| RedirectUrl::parse(&format!("https://client{place}.example/")).expect("a good URL");
    (0..number).map(url).collect()
}

fn name(number: u8) -> ClientApplicationName {
    ClientApplicationName::parse(&format!("client {number}")).expect("a good name")
}

fn text(vault: &Vault, key: &DataKey) -> Sealed {
    vault.seal(key, StreamKind::CLIENT_APPLICATION, Field::DESCRIPTION, b"text")
}

/// The secret that a number means; a rotation takes another each time.
pub(crate) fn secret(vault: &Vault, key: &DataKey, text: &str, sealed: bool) -> ClientSecret {
    let seal = || vault.seal(key, StreamKind::CLIENT_APPLICATION, Field::CLIENT_SECRET, text.as_bytes());
    ClientSecret { hash: client_secret_hash(text), sealed: sealed.then(seal) }
}

/// What the edge does with it.
pub(crate) fn edge(vault: &Vault, model: &Model, wish: &ClientWish) -> (Ask, commands::Wish) {
    let client_of = |number: &u8| {
        let id = one_of(*number, model.clients.rows.iter().map(|row| row.id), model.clients.ever);
        (id, model.client(id))
    };
    let seen = |row: Option<&Client>, expected: &Expected| {
        sequences(if_match(row.map(|row| row.changed), expected).as_ref())
    };
    let own_key = |row: Option<&Client>, foreign: bool| {
        let key = row.filter(|_| !foreign).map(|row| vault.data_key(&row.key).expect("a living key"));
        key.unwrap_or_else(|| vault.new_data_key().key)
    };
    // One that none had before.
    let new_secret = |row: Option<&Client>, foreign: bool| {
        let text = format!("secret {}", model.size());
        secret(vault, &own_key(row, foreign), &text, !model.size().is_multiple_of(3))
    };
    let wish = match wish {
        ClientWish::Register { .. } => new_client(vault, model, wish),
        ClientWish::Put {
            client,
            expected,
            name: number,
            urls,
            owner,
            public,
            policy,
            described,
            foreign_key,
        } => {
            let (id, row) = client_of(client);
            let kept = row.map_or_else(Vec::new, |row| {
                let read = |url: &String| RedirectUrl::parse(url).expect("it was read before");
                row.redirect_urls.iter().map(read).collect()
            });
            let known = row.map_or_else(|| "gone".to_owned(), |row| row.name.clone());
            let known = ClientApplicationName::parse(&known).expect("a good name");
            let public = public.map(|is| if is { ClientType::Public } else { ClientType::Confidential });
            commands::Wish::UpdateClientApplication(Box::new(UpdateClientApplication {
                id: ClientApplicationId(id),
                expected: seen(row, expected),
                properties: Properties {
                    name: number.map_or(known, name),
                    redirect_urls: urls.map_or(kept, redirect_urls),
                    policy: policy.edge(model, public),
                },
                owner: owner.map(|number| UserId(model.a_user(number))),
                description: described.then(|| text(vault, &own_key(row, *foreign_key))),
            }))
        }
        ClientWish::Delete { client, expected } => {
            let (id, row) = client_of(client);
            commands::Wish::DeleteClientApplication(DeleteClientApplication {
                id: ClientApplicationId(id),
                expected: seen(row, expected),
            })
        }
        ClientWish::Reset { client, expected, foreign_key } => {
            let (id, row) = client_of(client);
            commands::Wish::ResetClientSecret(Box::new(ResetClientSecret {
                id: ClientApplicationId(id),
                expected: seen(row, expected),
                secret: new_secret(row, *foreign_key),
            }))
        }
        ClientWish::Rotate { client, expected, secs, foreign_key } => {
            let (id, row) = client_of(client);
            commands::Wish::RotateClientSecret(Box::new(RotateClientSecret {
                id: ClientApplicationId(id),
                expected: seen(row, expected),
                secret: new_secret(row, *foreign_key),
                overlap_secs: *secs,
            }))
        }
        ClientWish::Reveal { client, stale } => {
            let (id, row) = client_of(client);
            let changed = row.map_or(0, |row| row.changed) + u64::from(*stale);
            let secrets = Secrets::ClientApplication(ClientApplicationId(id));
            commands::Wish::RevealSecrets(RevealSecrets { secrets, changed: Sequence(changed) })
        }
    };
    (Ask::Other(wish.clone()), wish)
}

fn new_client(vault: &Vault, model: &Model, wish: &ClientWish) -> commands::Wish {
    let ClientWish::Register {
        name: number,
        public,
        urls,
        policy,
        imported,
        described,
        foreign_key,
        wrong_secret,
    } = wish
    else {
        unreachable!("asked for new ones only")
    };

    let new = vault.new_data_key();
    let used = if *foreign_key { vault.new_data_key().key } else { new.key.clone() };
    let client_type = if *public { ClientType::Public } else { ClientType::Confidential };
    let known = imported.map_or_else(|| format!("drawn {}", model.size()), |number| format!("id {number}"));
    commands::Wish::RegisterClientApplication(Box::new(RegisterClientApplication {
        properties: Properties {
            name: name(*number),
            redirect_urls: redirect_urls(*urls),
            policy: policy.edge(model, Some(client_type).filter(|_| *public || *described)),
        },
        client_id: ClientId::parse_ours(&known).expect("a good id"),
        imported: imported.is_some(),
        key: NewKey { id: new.id(), entries: vec![new.change()] },
        description: described.then(|| text(vault, &used)),
        secret: (*public == *wrong_secret)
            .then(|| secret(vault, &used, &format!("secret {}", model.size()), *described)),
    }))
}
