//! What can happen to a ledger. Names are few, so that they collide; ids mostly mean something that is there.

use events::data_source::ConnectionType;
use proptest::{collection::vec, option, prelude::*};

use crate::{
    clients::{self, ClientWish, clients},
    limits::{self, LimitWish, limits},
    oauth_profiles::{Access, ProfileWish, profiles},
    options::{Options, Repeat, SourceWish, sources},
    roles::{self, RoleWish, roles},
    settings::{self, SettingWish, settings},
    sharing::{self, ShareWish, shares},
    tenants::{self, TenantWish, tenants},
    token_steps::world_of_clients,
    token_wishes::{self, ConsentWish, TokenWish, consents, tokens},
    users::{self, ClientsWish, UserWish, changes},
};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Somebody asks for what was asked before, by the same person under the same `Idempotency-Key`.
    Again { back: u8 },
    /// Somebody asks for something.
    Ask { by: Option<u8>, behalf: Option<u8>, key: Option<u8>, wish: Wish },
    /// Several ask at once.
    Together { asks: Vec<Step> },
    /// Somebody asks, and the write fails: after it persisted, or before.
    Crash { by: Option<u8>, wish: Wish, persisted: bool },
    /// Time passes.
    Pass { secs: u32 },
    /// Time passes to the very moment at which something ends or is forgotten: one of the next.
    Until { moment: u8 },
    /// The server is stopped and started.
    Restart,
    /// The next write finds no room.
    FullDisk,
}

/// The id that a number means when there are `count` objects: itself, or one of them, or, from 200 on, none of them.
pub(crate) fn id_of(number: u8, count: u64) -> u64 {
    let number = u64::from(number);
    match number {
        200.. => count + number - 199,
        1.. if number <= count => number,
        _ => 1 + number % count.max(1),
    }
}

/// One of these, which are there, by its id where it can be, or, from 180 on, any that was given out.
pub(crate) fn one_of(number: u8, there: impl Iterator<Item = u64>, ever: u64) -> u64 {
    let there: Vec<u64> = there.collect();
    match there[..] {
        _ if there.contains(&u64::from(number)) => u64::from(number),
        [_, ..] if number < 180 => there[usize::from(number) % there.len()],
        _ => id_of(number, ever),
    }
}

/// One of the objects of whoever asks, or any.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    pub(crate) number: u8,
    pub(crate) own: bool,
}

impl Pick {
    /// `own` are his; `ever` were there, ours and theirs.
    pub(crate) fn of(&self, own: &[u64], ever: u64) -> u64 {
        match own {
            [_, ..] if self.own && self.number < 200 => own[usize::from(self.number) % own.len()],
            _ => id_of(self.number, ever),
        }
    }
}

/// What somebody asks for. Ids are numbers for [`id_of`].
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Tenant {
        name: u8,
        active: bool,
        roles: Vec<u8>,
        stale: bool,
        administrators: Vec<u8>,
        described: bool,
    },
    User {
        tenant: Option<u8>,
        name: u8,
        active: bool,
        password: Option<(bool, Option<i32>)>,
        roles: Vec<u8>,
        permissions: Vec<u8>,
        foreign_key: bool,
    },
    Lock {
        user: u8,
        secs: i32,
    },
    App {
        tenant: Option<u8>,
        store: u8,
        name: u8,
        described: bool,
        foreign_key: bool,
    },
    Put {
        app: u8,
        expected: Expected,
        tenant: Option<u8>,
        store: u8,
        name: u8,
        described: bool,
        secret: Secret,
    },
    Delete {
        app: u8,
        expected: Expected,
    },
    Reveal {
        app: u8,
        stale: bool,
    },
    OldTenant(TenantWish),
    Role(RoleWish),
    Change(UserWish),
    Limit(LimitWish),
    Setting(SettingWish),
    Share(ShareWish),
    Profile(ProfileWish),
    Source(SourceWish),
    Client(ClientWish),
    Consent(ConsentWish),
    Token(TokenWish),
    /// A snapshot of the state so many events ago, or, when negative, ahead.
    Snapshot {
        back: i8,
    },
}

impl Wish {
    /// Whether it is a matter of `/api/admin` and the like, for which nobody stands in.
    pub(crate) fn is_administration(&self) -> bool {
        match self {
            Self::Tenant { .. }
            | Self::User { .. }
            | Self::Lock { .. }
            | Self::OldTenant(_)
            | Self::Role(_)
            | Self::Change(_)
            | Self::Limit(_)
            | Self::Token(_) => true,
            Self::Setting(wish) => !matches!(wish, SettingWish::OwnAddresses { .. }),
            Self::App { .. }
            | Self::Put { .. }
            | Self::Delete { .. }
            | Self::Reveal { .. }
            | Self::Profile(_)
            | Self::Source(_)
            | Self::Share(_)
            | Self::Client(_)
            | Self::Consent(_)
            | Self::Snapshot { .. } => false,
        }
    }
}

/// What an `If-Match` says.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    Nothing,
    Current,
    Stale,
    Several,
}

/// What a PUT says about the secret.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    Kept,
    New,
    UnderAnotherKey,
}

pub(crate) fn id() -> impl Strategy<Value = u8> {
    prop_oneof![14 => 0..200_u8, 1 => 200..205_u8]
}

pub(crate) fn pick() -> impl Strategy<Value = Pick> {
    (id(), prop_oneof![4 => Just(true), 1 => Just(false)]).prop_map(|(number, own)| Pick { number, own })
}

pub(crate) fn rarely() -> impl Strategy<Value = bool> {
    prop_oneof![12 => Just(false), 1 => Just(true)]
}

pub(crate) fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![
        3 => Just(Expected::Nothing),
        2 => Just(Expected::Current),
        1 => Just(Expected::Stale),
        1 => Just(Expected::Several),
    ]
}

fn tenant() -> impl Strategy<Value = Option<u8>> {
    option::weighted(0.5, id())
}

pub(crate) fn store() -> impl Strategy<Value = u8> {
    prop_oneof![6 => Just(54_u8), 3 => Just(1), 1 => Just(56), 1 => Just(2)]
}

pub(crate) fn secret() -> impl Strategy<Value = Secret> {
    prop_oneof![5 => Just(Secret::Kept), 5 => Just(Secret::New), 1 => Just(Secret::UnderAnotherKey)]
}

fn new_apps() -> BoxedStrategy<Wish> {
    (tenant(), store(), 0..5_u8, any::<bool>(), rarely())
        .prop_map(|(tenant, store, name, described, foreign_key)| Wish::App {
            tenant,
            store,
            name,
            described,
            foreign_key,
        })
        .boxed()
}

fn wish() -> BoxedStrategy<Wish> {
    let lists = || vec(prop_oneof![9 => 1..4_u8, 1 => id()], 0..3);
    let new_tenants = (0..5_u8, any::<bool>(), lists(), rarely(), vec(id(), 0..3), any::<bool>()).prop_map(
        |(name, active, roles, stale, administrators, described)| Wish::Tenant {
            name,
            active,
            roles,
            stale,
            administrators,
            described,
        },
    );
    let password = option::of((any::<bool>(), option::of(-10..2_000_000)));
    let held = prop_oneof![1 => Just(Vec::new()), 2 => Just(vec![1]), 2 => Just(vec![2]), 2 => Just(vec![3]), 7 => vec(id(), 1..3)];
    let permissions = vec(
        prop_oneof![
            Just(11),
            Just(28),
            Just(12),
            Just(13),
            Just(21),
            Just(25),
            1..31_u8,
            Just(30),
            Just(101)
        ],
        0..4,
    );
    let active = prop_oneof![8 => Just(true), 1 => Just(false)];
    // What an administrator of tenant 3 without 12 may grant is a question of its own.
    let home = prop_oneof![3 => (tenant(), held), 1 => (Just(Some(3)), vec(6..8_u8, 1..3))];
    let users = (home, 0..7_u8, active, password, permissions, rarely()).prop_map(
        |((tenant, roles), name, active, password, permissions, foreign_key)| Wish::User {
            tenant,
            name,
            active,
            password,
            roles,
            permissions,
            foreign_key,
        },
    );
    let locks = (id(), -100..100_000).prop_map(|(user, secs)| Wish::Lock { user, secs });
    let puts = (id(), expected(), option::weighted(0.3, id()), store(), 0..5_u8, any::<bool>(), secret())
        .prop_map(|(app, expected, tenant, store, name, described, secret)| Wish::Put {
            app,
            expected,
            tenant,
            store,
            name,
            described,
            secret,
        });
    let deletes = (id(), expected()).prop_map(|(app, expected)| Wish::Delete { app, expected });
    let reveals = (id(), rarely()).prop_map(|(app, stale)| Wish::Reveal { app, stale });
    let snapshots = prop_oneof![6 => 0..40_i8, 1 => -9..0_i8].prop_map(|back| Wish::Snapshot { back });
    prop_oneof![
        2 => snapshots,
        3 => new_tenants,
        7 => users,
        2 => locks,
        6 => new_apps(),
        4 => puts,
        2 => deletes,
        2 => reveals,
        8 => tenants(),
        12 => roles(),
        18 => changes(),
        8 => limits(),
        12 => settings(),
        9 => shares(),
        10 => profiles(),
        10 => sources(),
        2 => clients(),
        1 => consents(),
        1 => tokens(),
    ]
    .boxed()
}

/// Who asks when an administrator does, whoever that is by then.
pub(crate) const ADMINISTRATOR: u8 = 0;

/// Who names himself in `?user=`.
pub(crate) const HIMSELF: u8 = 254;

/// Often an administrator, so that there are things to disagree about; `None` is the operator, who may ask for little.
fn by() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![9 => Just(Some(ADMINISTRATOR)), 4 => (2..6_u8).prop_map(Some), 7 => id().prop_map(Some), 1 => Just(None)]
}

fn ask() -> BoxedStrategy<Step> {
    let key = option::weighted(0.25, 0..9_u8);
    prop_oneof![
        12 => (by(), option::weighted(0.2, prop_oneof![5 => id(), 1 => Just(HIMSELF)]), key, wish())
            .prop_map(|(by, behalf, key, wish)| Step::Ask { by, behalf, key, wish }),
        // What only an owner does, or who acts for him.
        2 => (id(), shares()).prop_map(|(owner, wish)| Step::Ask {
            by: Some(ADMINISTRATOR),
            behalf: Some(owner),
            key: None,
            wish,
        }),
        // Who names himself in `?user=`, and may.
        1 => (2..5_u8, prop_oneof![2 => sources(), 1 => shares()]).prop_map(|(by, wish)| Step::Ask {
            by: Some(by),
            behalf: Some(HIMSELF),
            key: None,
            wish,
        }),
        // For another who administers more than he who asks.
        1 => (prop_oneof![Just(1), id()], prop_oneof![new_apps(), shares()]).prop_map(|(whom, wish)| Step::Ask {
            by: Some(2),
            behalf: Some(whom),
            key: None,
            wish,
        }),
        1 => any::<u8>().prop_map(|back| Step::Again { back }),
    ]
    .boxed()
}

fn step() -> impl Strategy<Value = Step> {
    // A day to the second is the edge of what is remembered.
    let secs = prop_oneof![0..60_u32, 0..50_000_u32, 80_000..100_000_u32, Just(86_400)];
    prop_oneof![
        55 => ask(),
        8 => vec(ask(), 2..7).prop_map(|asks| Step::Together { asks }),
        4 => (by(), wish(), any::<bool>()).prop_map(|(by, wish, persisted)| Step::Crash { by, wish, persisted }),
        6 => secs.prop_map(|secs| Step::Pass { secs }),
        2 => Just(Step::Restart),
        1 => Just(Step::FullDisk),
    ]
}

pub(crate) fn by_somebody(by: u8, wish: Wish) -> Step {
    Step::Ask { by: Some(by), behalf: None, key: None, wish }
}

/// A small world: tenants 2 to 4, an administrator of tenant 3 without 12, users in every tenant, applications, and in every
/// tenant a user with a profile through the system's application; some use it in data sources.
fn world() -> Vec<Step> {
    let ask = |wish| Step::Ask { by: Some(1), behalf: None, key: None, wish };
    let tenant = |name, administrators| Wish::Tenant {
        name,
        active: true,
        roles: vec![2, 3],
        stale: false,
        administrators,
        described: false,
    };
    let user = |tenant, name, roles, permissions| Wish::User {
        tenant: Some(tenant),
        name,
        active: true,
        password: None,
        roles,
        permissions,
        foreign_key: false,
    };
    let app = |tenant, name, store| Wish::App {
        tenant: Some(tenant),
        store,
        name,
        described: true,
        foreign_key: false,
    };
    let a_profile = |app, name| {
        let (described, access, foreign_key) = (true, true, false);
        Wish::Profile(ProfileWish::Create { app, name, described, access, foreign_key })
    };
    let profile =
        |by, app, name| Step::Ask { by: Some(by), behalf: None, key: None, wish: a_profile(app, name) };
    let source = |by, store, connection, name| Step::Ask {
        by: Some(by),
        behalf: None,
        key: None,
        wish: Wish::Source(SourceWish::Create {
            store,
            connection: Some(connection),
            name,
            described: false,
            profile: (store == 54).then_some(Pick { number: 0, own: true }),
            options: Options::some(),
            foreign_key: false,
            permissions: None,
        }),
    };
    let by_its_owner = |by, wish| Step::Ask { by: Some(by), behalf: None, key: None, wish };
    vec![
        ask(tenant(0, vec![])),
        ask(user(1, 1, vec![3], vec![25, 28])),
        ask(tenant(1, vec![2])),
        ask(tenant(2, vec![])),
        ask(user(3, 2, vec![7], vec![28])),
        ask(Wish::OldTenant(tenants::of_his(3, 3))),
        ask(Wish::OldTenant(tenants::of_his(1, 2))),
        ask(user(2, 3, vec![4], vec![28])),
        ask(user(1, 4, vec![1], vec![])),
        ask(app(1, 0, 54)),
        ask(app(2, 0, 54)),
        ask(app(3, 1, 54)),
        ask(app(1, 2, 1)),
        profile(1, 1, 0),
        profile(3, 1, 0),
        profile(4, 1, 0),
        profile(4, 2, 1),
        source(1, 54, ConnectionType::Cloud, 0),
        source(3, 54, ConnectionType::Hybrid, 0),
        source(4, 54, ConnectionType::Cloud, 0),
        source(4, 56, ConnectionType::Group, 1),
        source(1, 56, ConnectionType::Group, 1),
        source(4, 1, ConnectionType::Cloud, 2),
        by_its_owner(1, sharing::with_tenant(1, 2)),
        by_its_owner(4, sharing::first_member(4, 3)),
        Step::Ask { by: Some(1), behalf: Some(3), key: None, wish: sharing::set(2, &[2, 3]) },
        by_its_owner(5, settings::his_addresses()),
        // Who may change what he may not make.
        ask(roles::with(2, &[2, 3, 11])),
        ask(user(2, 5, vec![10], vec![])),
        Step::Ask { by: Some(1), behalf: Some(6), key: None, wish: a_profile(1, 0) },
    ]
}

/// What is changed, shown and deleted of applications, profiles and data sources, by who has some of each.
fn tour_of_things() -> Vec<Wish> {
    let first = || Pick { number: 0, own: true };
    let put = Wish::Put {
        app: 1,
        expected: Expected::Nothing,
        tenant: None,
        store: 54,
        name: 0,
        described: true,
        secret: Secret::New,
    };
    let profile = ProfileWish::Put {
        profile: first(),
        expected: Expected::Nothing,
        app: None,
        name: 0,
        described: false,
        access: Access::New,
        refresh: Secret::New,
    };
    let source = SourceWish::Put {
        source: first(),
        expected: Expected::Nothing,
        store: Repeat::LeftOut,
        connection: Repeat::LeftOut,
        name: 0,
        described: true,
        profile: Some(first()),
        options: Options::some(),
        foreign_key: false,
        permissions: None,
    };
    vec![
        put,
        Wish::Profile(profile),
        Wish::Source(source),
        Wish::Reveal { app: 1, stale: false },
        Wish::Snapshot { back: 3 },
        Wish::Source(SourceWish::Delete { source: first(), expected: Expected::Nothing }),
        Wish::Delete { app: 1, expected: Expected::Nothing },
    ]
}

/// The small world, and in it one of everything else; and the same of client applications. Each event there is happens once at
/// least.
pub(crate) fn tours() -> [Vec<Step>; 2] {
    let parts = [
        sharing::tour(),
        limits::tour(),
        settings::tour(),
        users::tour(),
        roles::tour(),
        tenants::tour(),
        tour_of_things(),
    ];
    let of_tokens = token_wishes::tour().into_iter().chain(clients::tour());
    // The end of user 2, whose application goes to user 1.
    let of_tokens = of_tokens.chain([users::deleted(2, ClientsWish::GoTo(1))]);
    let by_1 = |wish| by_somebody(1, wish);
    [
        world().into_iter().chain(parts.into_iter().flatten().map(by_1)).collect(),
        world_of_clients().into_iter().chain(of_tokens.map(by_1)).collect(),
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let begin = prop_oneof![1 => Just(Vec::new()), 5 => Just(world())];
    (begin, vec(step(), 1..90)).prop_map(|(begin, then)| [begin, then].concat())
}
