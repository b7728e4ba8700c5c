//! No decision scans: what the writer looks at depends on the wish, not on how much else there is. Only in builds with debug
//! assertions, which count.

use events::{
    envelope::{Stream, StreamKind},
    id::{DataSourceId, DataStoreId, LimitId, OAuthAppId, OAuthProfileId, TenantId, UserId},
    sealed::SecretChange,
    sorted::SortedMap,
};
use projections::visits;

use super::{
    A, NOW, SYSTEM, World, client_applications, create, delete, ids, key, limits, login, roles, sealed,
    settings, tenants, update,
};
use crate::commands::{
    Wish,
    data_source::{
        CreateDataSource, DeleteDataSource, UpdateDataSource,
        access::SourcePermissions,
        members::SetMembers,
        sharing::{Receiver, ShareDataSource, UnshareDataSource},
    },
    disclosure::{RevealSecrets, Secrets},
    field::{DataSourceName, EntityPrefix, OAuthProfileName},
    limit::Level,
    oauth_profile::{CreateOAuthProfile, DeleteOAuthProfile, UpdateOAuthProfile},
    user::{
        CreateUser, UnlockUser,
        access::SetTenantsAdministered,
        delete::{Clients, DeleteUser},
        password::{PasswordChange, SetUserPassword},
        update::{SetUserPermissions, SetUserStatus, UpdateUser},
    },
};

/// Who asks: 12, for the least of what he may is a matter of other tests.
const ADMIN: u64 = 1;
/// A tenant with a role and nobody in it.
const EMPTY: TenantId = TenantId(4);
/// A limit that every level may have.
const ROWS: LimitId = LimitId(1);
/// What a decision looks at that takes nothing along.
const ENTRIES_MAX: u64 = 20;

fn profile(name: &str, app: u64) -> Wish {
    Wish::CreateOAuthProfile(Box::new(CreateOAuthProfile {
        name: OAuthProfileName::parse(name).expect("a good name"),
        oauth_app: OAuthAppId(app),
        key: key(40),
        description: None,
        access_token: None,
        refresh_token: sealed(40),
    }))
}

fn source(name: &str, profile: Option<u64>) -> Wish {
    Wish::CreateDataSource(Box::new(CreateDataSource {
        name: DataSourceName::parse(name).expect("a good name"),
        data_store: DataStoreId(54),
        connection_type: None,
        key: key(41),
        description: None,
        profile: profile.map(OAuthProfileId),
        plain_options: SortedMap::default(),
        sealed_options: [("Password".to_owned(), sealed(41))].into_iter().collect(),
        permissions: None,
    }))
}

fn group() -> Wish {
    let Wish::CreateDataSource(wish) = source("G", None) else { unreachable!("made so") };
    Wish::CreateDataSource(Box::new(CreateDataSource { data_store: DataStoreId(56), ..*wish }))
}

fn member(group: u64, id: u64) -> Wish {
    let prefix = EntityPrefix::parse("one").expect("a good prefix");
    let members = [(DataSourceId(id), prefix)].into_iter().collect();
    Wish::SetMembers(Box::new(SetMembers { id: DataSourceId(group), expected: None, members, all: true }))
}

fn share(id: u64, user: u64) -> Wish {
    let permissions = SourcePermissions::of_share(&[2]).expect("these can be given");
    Wish::ShareDataSource(Box::new(ShareDataSource {
        id: DataSourceId(id),
        users: [(UserId(user), permissions)].into_iter().collect(),
        tenants: SortedMap::default(),
    }))
}

fn user(number: u8) -> Wish {
    Wish::CreateUser(Box::new(CreateUser {
        tenant: Some(A),
        key: key(30),
        name: sealed(30),
        login: login(number),
        status: events::user::UserStatus::Active,
        password: None,
        roles: roles(&[3]),
        permissions: ids(&[1, 2, 3, 4, 7, 11, 28]),
    }))
}

/// A world in which so many others have a profile, two data sources, an application and a client application each, which they and
/// number 1's they allowed something, and as many tenants have a role; number 1 has those of the id 1, one data source without a
/// profile, and three with one.
fn world(others: u8) -> World {
    let mut world = World::with_apps();
    world.view.logins.put(login(5), UserId(5));
    let locked = events::user::UserLocked { until: NOW.saturating_add_secs(60) };
    world.record(A, Stream::new(StreamKind::USER, 5), locked.into());
    world.then(ADMIN, profile("P", 1));
    world.then(ADMIN, source("alone", None));
    world.then(ADMIN, limits::post(Level::System, ROWS, 5));
    for name in ["A", "B", "C"] {
        world.then(ADMIN, source(name, Some(1)));
    }
    world.tenant(EMPTY);
    world.then(ADMIN, roles::create(EMPTY, "one", &[7], &[]));
    world.then(ADMIN, roles::create(A, "role 6", &[7], &[5, 6]));
    // The group has the id 5.
    for wish in [group(), member(5, 1), share(1, 6)] {
        world.then(ADMIN, wish);
    }
    world.then(ADMIN, client_applications::register("mine", 70));
    world.allows(1, ADMIN, SYSTEM, 1);
    for number in 0..others {
        let tenant = TenantId(10 + u64::from(number));
        world.tenant(tenant);
        world.then(ADMIN, roles::create(tenant, "one", &[7, 12], &[]));
        world.then(ADMIN, user(100 + number));
        let id = world.view.state.users.rows.all().last().expect("he").0.0;
        world.then(id, create(&format!("app {number}"), None, 50));
        world.then(id, client_applications::register(&format!("client {number}"), 70));
        world.allows(2 + 2 * u64::from(number), id, A, 1);
        world.allows(3 + 2 * u64::from(number), id, A, 2 + u64::from(number));
        world.then(id, profile("P", 1));
        world.then(ADMIN, limits::post(Level::User(UserId(id)), ROWS, 5));
        let his = world.view.state.oauth_profiles.rows.all().last().expect("his").0.0;
        for name in ["A", "B"] {
            world.then(id, source(name, Some(his)));
        }
        let last = world.view.state.data_sources.rows.all().last().expect("his").0.0;
        world.then(id, group());
        for wish in [member(last + 1, last), share(last, 6)] {
            world.then(id, wish);
        }
    }
    world
}

fn cost(world: &World, wish: Wish) -> u64 {
    let before = visits::count();
    let decision = world.when(ADMIN, wish).expect("granted");
    assert!(!decision.facts.is_empty());
    visits::count() - before
}

fn reveal(world: &World, id: DataSourceId) -> Wish {
    let changed = world.view.state.data_sources.rows.get(&id).expect("it is there").changed;
    Wish::RevealSecrets(RevealSecrets { secrets: Secrets::DataSource(id), changed })
}

/// One wish of each kind, about things of the first user.
fn wishes(world: &World) -> Vec<(&'static str, Wish)> {
    let profile_replaced = UpdateOAuthProfile {
        id: OAuthProfileId(1),
        expected: None,
        name: OAuthProfileName::parse("Q").expect("a good name"),
        oauth_app: OAuthAppId(1),
        description: None,
        access_token: SecretChange::Kept,
        refresh_token: None,
    };
    let source_replaced = UpdateDataSource {
        id: DataSourceId(1),
        expected: None,
        name: DataSourceName::parse("other").expect("a good name"),
        data_store: None,
        connection_type: None,
        description: None,
        profile: Some(OAuthProfileId(1)),
        plain_options: SortedMap::default(),
        sealed_options: SortedMap::default(),
        permissions: None,
    };
    let members = [5, 6, 7].map(UserId).into_iter().collect();
    let role_replaced = roles::update(6, &[7, 11], |wish| wish.users = Some(members));
    let with = Receiver::User(UserId(6));
    let unshared = UnshareDataSource { id: DataSourceId(1), expected: None, with };
    let profile_gone = DeleteOAuthProfile { id: OAuthProfileId(1), expected: None };
    let source_gone = DeleteDataSource { id: DataSourceId(1), expected: None };
    let mut all = of_users();
    all.extend([
        ("create a user", user(1)),
        ("create an application", create("new", None, 60)),
        ("update an application", update(1)),
        ("delete an application", delete(2)),
        ("create a profile", profile("new", 1)),
        ("update a profile", Wish::UpdateOAuthProfile(Box::new(profile_replaced))),
        ("delete a profile", Wish::DeleteOAuthProfile(profile_gone)),
        ("create a data source", source("new", Some(1))),
        ("update a data source", Wish::UpdateDataSource(Box::new(source_replaced))),
        ("delete a data source", Wish::DeleteDataSource(source_gone)),
        ("create a role that somebody gets", roles::create(A, "new", &[7], &[5])),
        ("update a role that somebody gets", role_replaced),
        ("delete a role", roles::delete(5)),
        ("update a tenant", tenants::update(EMPTY, |_| {})),
        ("delete a tenant", tenants::delete(EMPTY)),
        ("set who administers a tenant", tenants::administrators(EMPTY, &[2, 3])),
        ("set a user's limit", limits::post(Level::User(UserId(5)), ROWS, 7)),
        ("set a data source's limit", limits::post(Level::DataSource(UserId(1), DataSourceId(1)), ROWS, 7)),
        ("clear a limit", limits::delete(Level::System, ROWS)),
        ("configure", settings::configure(2, Some("false"))),
        ("set the password policy", settings::policy(|_| {})),
        ("add a member", member(5, 2)),
        ("share a data source", share(2, 7)),
        ("share a group", share(5, 6)),
        ("end a share", Wish::UnshareDataSource(unshared)),
        ("register a client application", client_applications::register("new", 1)),
        ("update a client application", client_applications::update(1)),
        ("delete a client application", client_applications::delete(1)),
        ("reset a client's secret", client_applications::reset(1, 70)),
        ("rotate a client's secret", client_applications::rotate(1, 70, 60)),
        ("take back what was allowed", client_applications::revoke(1)),
        ("reveal", reveal(world, DataSourceId(1))),
    ]);
    all
}

/// The same of user 5, who has nothing.
fn of_users() -> Vec<(&'static str, Wish)> {
    let (user, expected, status) = (UserId(5), None, events::user::UserStatus::Active);
    let password = PasswordChange {
        hash: Some(sealed(0)),
        status: events::user::PasswordStatus::Active,
        expires_at: None,
    };
    let replaced = UpdateUser {
        user,
        expected: None,
        name: sealed(0),
        login_before: login(5),
        login: login(205),
        tenant: Some(SYSTEM),
        status,
        locked: None,
        password: Some(password.clone()),
        roles: roles(&[2]),
        permissions: ids(&[7]),
    };
    let permissions = SetUserPermissions { user, expected: None, roles: roles(&[3]), permissions: ids(&[]) };
    let administers = SetTenantsAdministered { user, tenants: [A].into_iter().collect() };
    vec![
        ("move a user", Wish::UpdateUser(Box::new(replaced))),
        ("switch a user on", Wish::SetUserStatus(SetUserStatus { user, expected, status, locked: None })),
        ("give a user permissions", Wish::SetUserPermissions(Box::new(permissions))),
        (
            "give a user a password",
            Wish::SetUserPassword(Box::new(SetUserPassword { user, expected: None, change: password })),
        ),
        ("let a user in again", Wish::UnlockUser(UnlockUser { user })),
        ("give a user access", Wish::SetTenantsAdministered(administers)),
        (
            "delete a user",
            Wish::DeleteUser(DeleteUser {
                user,
                expected: None,
                login: login(5),
                clients: Clients::default(),
            }),
        ),
    ]
}

#[test]
fn no_decision_looks_at_more_because_there_is_more() {
    let (small, large) = (world(2), world(60));
    assert!(large.view.state.users.rows.has(&UserId(60)), "it is larger");
    for ((what, in_small), (_, in_large)) in wishes(&small).into_iter().zip(wishes(&large)) {
        let (in_small, in_large) = (cost(&small, in_small), cost(&large, in_large));
        assert_eq!(in_small, in_large, "{what}");
        assert!((1..=ENTRIES_MAX).contains(&in_large), "{what}: {in_large}");
    }
}
