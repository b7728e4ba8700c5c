//! Users changed, moved and deleted. Beside the first table, with access on tenant A: 14 holds 7, 11, 14, 15, 16, 25 in the
//! system tenant, 16 holds 15 in A. Without: 15 holds 7, 15, 16 in the system tenant. Each user's name has the login entry of
//! his number.

mod erasure;
mod granting;

use events::{
    data_source::{DataSourceShared, DataSourceUnshared},
    envelope::{Actor, Stream, StreamKind},
    event::Event,
    id::{ConfigurationId, DataSourceId, TenantId, UserId},
    sealed::KeyId,
    setting::{ConfigurationSet, PasswordPolicySet},
    sorted::SortedMap,
    tenant::TenantAdministratorsChanged,
    user::{PasswordSetter, PasswordStatus, UserLocked, UserPasswordSet, UserStatus},
};

use super::{A, B, NOW, SYSTEM, World, data_sources, ids, login, roles, sealed};
use crate::{
    commands::{
        Decision, LoginChange, Object, Refusal, Taken, Wish,
        ledger::LEDGER_STREAM,
        user::{
            UnlockUser,
            access::SetTenantsAdministered,
            delete::{Clients, DeleteUser},
            password::{ChangePassword, PasswordChange, SetUserPassword},
            update::{SetUserPermissions, SetUserStatus, UpdateUser},
        },
    },
    vault::entries,
};

fn stream(user: u64) -> Stream {
    Stream::new(StreamKind::USER, user)
}

fn world() -> World {
    let mut world = World::new();
    world.people(&[
        (14, SYSTEM, &[7, 11, 14, 15, 16, 25]),
        (15, SYSTEM, &[7, 15, 16]),
        (16, A, &[15]),
        (17, A, &[7]),
    ]);
    let added = TenantAdministratorsChanged {
        added: [UserId(16)].into_iter().collect(),
        removed: [].into_iter().collect(),
    };
    world.record(A, Stream::new(StreamKind::TENANT, 2), added.into());
    for user in 1..=17 {
        world.view.logins.put(login(user), UserId(user.into()));
    }
    world
}

/// Who has a password can log in.
fn with_password(world: &mut World, tenant: TenantId, user: u64) {
    let set = UserPasswordSet {
        hash: Some(sealed(0)),
        status: PasswordStatus::Active,
        expires_at: None,
        setter: PasswordSetter::Other,
        ends_all_tokens: true,
    };
    world.record(tenant, stream(user), set.into());
}

fn with_roles(world: &mut World, tenant: TenantId, user: u64, of: &[u64], permissions: &[u16]) {
    let set = events::user::UserRolesSet { roles: roles(of), permissions: ids(permissions) };
    world.record(tenant, stream(user), set.into());
}

/// User 17 as a PUT repeats him, but that he has role 3 of his tenant.
fn update(change: impl FnOnce(&mut UpdateUser)) -> Wish {
    let mut wish = UpdateUser {
        user: UserId(17),
        expected: None,
        name: sealed(0),
        login_before: login(17),
        login: login(17),
        tenant: None,
        status: UserStatus::Active,
        locked: None,
        password: None,
        roles: roles(&[3]),
        permissions: ids(&[7]),
    };
    change(&mut wish);
    Wish::UpdateUser(Box::new(wish))
}

fn change_of_password(status: PasswordStatus) -> PasswordChange {
    PasswordChange { hash: Some(sealed(0)), status, expires_at: None }
}

fn set_password(user: u64, change: PasswordChange) -> Wish {
    Wish::SetUserPassword(Box::new(SetUserPassword { user: UserId(user), expected: None, change }))
}

fn set_status(user: u64, status: UserStatus, locked: Option<bool>) -> Wish {
    Wish::SetUserStatus(SetUserStatus { user: UserId(user), expected: None, status, locked })
}

fn set_permissions(user: u64, of: &[u64], permissions: &[u16]) -> Wish {
    Wish::SetUserPermissions(Box::new(SetUserPermissions {
        user: UserId(user),
        expected: None,
        roles: roles(of),
        permissions: ids(permissions),
    }))
}

fn delete(user: u8) -> Wish {
    Wish::DeleteUser(DeleteUser {
        user: UserId(user.into()),
        expected: None,
        login: login(user),
        clients: Clients::default(),
    })
}

fn administers(user: u64, tenants: &[u64]) -> Wish {
    let tenants = tenants.iter().copied().map(TenantId).collect();
    Wish::SetTenantsAdministered(SetTenantsAdministered { user: UserId(user), tenants })
}

/// Each fact's stream and name.
fn told(decision: &Decision) -> Vec<(String, String)> {
    let told = |fact: &crate::commands::Fact| (fact.stream.to_string(), fact.event.kind().0.to_string());
    decision.facts.iter().map(told).collect()
}

fn names(decision: &Decision) -> Vec<String> {
    told(decision).into_iter().map(|(_, name)| name).collect()
}

fn every_change(user: u8) -> Vec<Wish> {
    vec![
        update(|wish| {
            wish.user = UserId(user.into());
            (wish.login, wish.login_before) = (login(user), login(user));
        }),
        set_status(user.into(), UserStatus::Inactive, None),
        set_permissions(user.into(), &[3], &[]),
        set_password(user.into(), change_of_password(PasswordStatus::Active)),
        Wish::UnlockUser(UnlockUser { user: UserId(user.into()) }),
        delete(user),
        administers(user.into(), &[]),
    ]
}

#[test]
fn who_may_change_a_user() {
    let world = world();
    for wish in every_change(17) {
        let asked = |actor| world.when(actor, wish.clone()).map(drop);
        assert_eq!(asked(1), Ok(()), "12: {wish:?}");
        assert_eq!(asked(14), Ok(()), "the permission and access: {wish:?}");
        assert_eq!(asked(7), Err(Refusal::LacksPermission), "neither: {wish:?}");
        let unseen = match wish {
            Wish::SetTenantsAdministered(_) => Refusal::LacksPermission,
            _ => Refusal::NotFound(Object::User(UserId(17))),
        };
        assert_eq!(asked(15), Err(unseen), "no access: {wish:?}");
    }
    for wish in every_change(99) {
        assert_eq!(
            world.when(14, wish.clone()).map(drop),
            Err(Refusal::NotFound(Object::User(UserId(99)))),
            "{wish:?}"
        );
    }
}

/// Otherwise a password that he resets would be a way around the rules of granting.
#[test]
fn who_holds_more_is_not_changed_by_who_holds_less() {
    let world = world();
    for wish in every_change(5) {
        assert_eq!(world.when(14, wish.clone()).map(drop), Err(Refusal::Forbidden), "he holds 28: {wish:?}");
        assert!(
            !matches!(world.when(1, wish.clone()), Err(Refusal::Forbidden)),
            "12 is everything: {wish:?}"
        );
    }
}

/// Otherwise a reset password would be a way into every tenant of a colleague.
#[test]
fn who_administers_more_is_not_changed_by_who_administers_less() {
    let mut world = world();
    let change = |added: &[u64]| TenantAdministratorsChanged {
        added: added.iter().copied().map(UserId).collect(),
        removed: [].into_iter().collect(),
    };
    world.record(SYSTEM, Stream::new(StreamKind::TENANT, SYSTEM.0), change(&[17]).into());
    for wish in every_change(17) {
        // Access on a tenant is no part of him: what else he administers is neither given nor reached.
        if matches!(wish, Wish::SetTenantsAdministered(_)) {
            continue;
        }
        assert_eq!(world.when(14, wish.clone()).map(drop), Err(Refusal::Forbidden), "{wish:?}");
    }
    world.record(SYSTEM, Stream::new(StreamKind::TENANT, SYSTEM.0), change(&[14]).into());
    assert!(world.when(14, set_status(17, UserStatus::Inactive, None)).is_ok(), "both administer it");
}

#[test]
fn an_operator_sets_passwords_and_ends_locks_and_does_nothing_else() {
    let mut world = world();
    world.record(A, stream(17), UserLocked { until: NOW.saturating_add_secs(60) }.into());
    let by = |wish| world.when_by(Actor::Operator, None, wish);
    let unlocked = by(Wish::UnlockUser(UnlockUser { user: UserId(17) })).expect("granted");
    assert_eq!(told(&unlocked), [("user/17".to_owned(), "UserUnlocked".to_owned())]);
    assert_eq!(unlocked.facts[0].tenant, A);
    assert!(by(set_password(17, change_of_password(PasswordStatus::MustChange))).is_ok());
    let nobody = by(Wish::UnlockUser(UnlockUser { user: UserId(99) })).err();
    assert_eq!(nobody, Some(Refusal::NotFound(Object::User(UserId(99)))));
    for wish in [delete(17), update(|_| {}), set_permissions(17, &[3], &[]), administers(17, &[])] {
        assert_eq!(by(wish).err(), Some(Refusal::LacksPermission));
    }
}

#[test]
fn to_unlock_who_is_not_locked_records_nothing() {
    let mut world = world();
    let unlock = || Wish::UnlockUser(UnlockUser { user: UserId(17) });
    assert!(world.when(14, unlock()).expect("granted").facts.is_empty());
    world.record(A, stream(17), UserLocked { until: NOW.saturating_add_secs(60) }.into());
    assert_eq!(names(&world.then(14, unlock())), ["UserUnlocked"]);
    assert!(world.when(14, unlock()).expect("granted").facts.is_empty());
}

#[test]
fn a_put_records_each_part_that_changed_and_always_that_it_happened() {
    let mut world = world();
    assert_eq!(names(&world.then(14, update(|_| {}))), ["UserUpdated", "UserRolesSet"], "role 3 is new");
    assert_eq!(names(&world.then(14, update(|_| {}))), ["UserUpdated"], "and now it is so");
    world.record(A, stream(17), UserLocked { until: NOW.saturating_add_secs(60) }.into());
    let all = world.then(
        14,
        update(|wish| {
            wish.status = UserStatus::Inactive;
            wish.locked = Some(false);
            wish.password = Some(change_of_password(PasswordStatus::Active));
            wish.permissions = ids(&[7, 11]);
        }),
    );
    assert_eq!(
        names(&all),
        ["UserUpdated", "UserStatusSet", "UserUnlocked", "UserPasswordSet", "UserRolesSet"]
    );
    assert!(all.logins.is_empty() && all.keys.is_empty());
    // What a GET says of a password, sent back: to the second.
    let again = |world: &World, change: PasswordChange| {
        let wish = update(|wish| {
            wish.status = UserStatus::Inactive;
            wish.permissions = ids(&[7, 11]);
            wish.password = Some(change);
        });
        names(&world.when(14, wish).expect("granted"))
    };
    let said = PasswordChange { hash: None, status: PasswordStatus::Active, expires_at: None };
    assert_eq!(again(&world, said.clone()), ["UserUpdated"]);
    let end = Some(NOW.saturating_add_secs(60));
    assert_eq!(again(&world, PasswordChange { expires_at: end, ..said.clone() }).len(), 2);
    let ends = PasswordChange {
        hash: None,
        status: PasswordStatus::Active,
        expires_at: Some(NOW.saturating_add_micros(7)),
    };
    world.then(14, set_password(17, ends));
    assert_eq!(again(&world, PasswordChange { expires_at: Some(NOW), ..said }), ["UserUpdated"]);
}

#[test]
fn a_new_name_takes_the_place_of_the_old_one_in_the_login_index() {
    let mut world = world();
    let renamed = world.then(14, update(|wish| wish.login = login(200)));
    assert_eq!(renamed.logins, [LoginChange::Remove(login(17)), LoginChange::Put(login(200), UserId(17))]);
    assert_eq!(world.when(14, update(|_| {})).err(), Some(Refusal::Again), "the name changed meanwhile");
    let taken = world.when(
        14,
        update(|wish| {
            wish.login_before = login(200);
            wish.login = login(1);
        }),
    );
    assert_eq!(taken.err(), Some(Refusal::Taken(Taken::UserName)));
    let elsewhere = update(|wish| {
        wish.login_before = login(200);
        wish.name = sealed(9);
    });
    assert_eq!(world.when(14, elsewhere).err(), Some(Refusal::Again), "sealed under another key");
}

#[test]
fn wrong_passwords_alone_lock_an_account() {
    let mut world = world();
    let locked = |world: &World, locked| world.when(14, set_status(17, UserStatus::Active, locked));
    let refused = locked(&world, Some(true)).err();
    assert!(matches!(refused, Some(Refusal::Invalid { field: "accountLocked", .. })), "{refused:?}");
    assert_eq!(names(&locked(&world, Some(false)).expect("granted")), ["UserStatusSet"]);
    world.record(A, stream(17), UserLocked { until: NOW.saturating_add_secs(60) }.into());
    for (sent, expected) in [
        (None, &["UserStatusSet"][..]),
        (Some(true), &["UserStatusSet"]),
        (Some(false), &["UserStatusSet", "UserUnlocked"]),
    ] {
        assert_eq!(names(&locked(&world, sent).expect("granted")), expected);
    }
}

#[test]
fn a_password_is_set_with_all_that_is_said_about_it() {
    let mut world = world();
    let said = |status| PasswordChange { hash: None, status, expires_at: None };
    let without = world.when(14, set_password(17, said(PasswordStatus::Active))).err();
    assert!(matches!(without, Some(Refusal::Invalid { field: "password", .. })), "{without:?}");
    let set = world.then(14, set_password(17, change_of_password(PasswordStatus::MustChange)));
    let week = NOW.saturating_add_secs(7 * 24 * 60 * 60);
    let Event::UserPasswordSet(event) = &set.facts[0].event else { panic!("{set:?}") };
    assert_eq!(
        (event.status, event.expires_at, event.setter),
        (PasswordStatus::MustChange, Some(week), PasswordSetter::Other)
    );
    let lasting = world.when(14, set_password(17, said(PasswordStatus::Active))).err();
    assert!(
        matches!(lasting, Some(Refusal::Invalid { field: "password", .. })),
        "it was judged by its length: {lasting:?}"
    );
    let again = world.then(14, set_password(17, said(PasswordStatus::MustChange)));
    let Event::UserPasswordSet(event) = &again.facts[0].event else { panic!("{again:?}") };
    assert_eq!(
        (&event.hash, event.expires_at),
        (&None, Some(week)),
        "it does not live longer by being named again"
    );
    world.then(14, set_password(17, change_of_password(PasswordStatus::Active)));
    let kept = world.then(14, set_password(17, said(PasswordStatus::Active)));
    let Event::UserPasswordSet(event) = &kept.facts[0].event else { panic!("{kept:?}") };
    assert_eq!((&event.hash, event.expires_at), (&None, None));
    let own = set_password(16, change_of_password(PasswordStatus::Active));
    assert_eq!(world.when(16, own).err(), Some(Refusal::Forbidden), "his own he changes by knowing it");
    let elsewhere = PasswordChange { hash: Some(sealed(9)), ..said(PasswordStatus::Active) };
    assert_eq!(world.when(14, set_password(17, elsewhere)).err(), Some(Refusal::Again));
}

#[test]
fn a_holder_changes_his_password_and_a_policy_in_force_ends_it() {
    let mut world = world();
    world.people(&[(20, A, &[9])]);
    with_password(&mut world, A, 20);
    let ending = |ends_all_tokens| {
        let (before, hash) = (sealed(0), sealed(0));
        Wish::ChangePassword(Box::new(ChangePassword { before, hash, ends_all_tokens }))
    };
    let change = || ending(false);
    for all in [false, true] {
        let decision = world.when(20, ending(all)).expect("granted");
        let Event::UserPasswordSet(set) = &decision.facts[0].event else { panic!("{decision:?}") };
        assert_eq!(set.ends_all_tokens, all, "as the settings say");
    }
    assert_eq!(world.when(17, change()).err(), Some(Refusal::LacksPermission), "no 9");
    let end = |world: &World| {
        let decision = world.when(20, change()).expect("granted");
        let Event::UserPasswordSet(set) = &decision.facts[0].event else { panic!("{decision:?}") };
        assert_eq!((set.setter, set.status), (PasswordSetter::Holder, PasswordStatus::Active));
        set.expires_at
    };
    let policy = PasswordPolicySet {
        name: "custom".to_owned(),
        description: None,
        length_min: 12,
        length_max: 128,
        special_min: 0,
        lower_min: 0,
        upper_min: 0,
        digits_min: 0,
        expiration_days: Some(120),
    };
    world.record(SYSTEM, LEDGER_STREAM, policy.into());
    assert_eq!(end(&world), None, "the custom policy is not in force");
    for (value, expected) in [("2", Some(NOW.saturating_add_secs(120 * 24 * 60 * 60))), ("1", None)] {
        let set = ConfigurationSet { configuration: ConfigurationId(6), value: Some(value.to_owned()) };
        world.record(SYSTEM, LEDGER_STREAM, set.into());
        assert_eq!(end(&world), expected);
    }
    let older = Wish::ChangePassword(Box::new(ChangePassword {
        before: sealed(7),
        hash: sealed(0),
        ends_all_tokens: false,
    }));
    assert_eq!(world.when(20, older).err(), Some(Refusal::Again), "another was set meanwhile");
}

#[test]
fn what_a_user_administers_is_told_on_each_tenant() {
    let mut world = world();
    assert_eq!(
        told(&world.then(1, administers(2, &[1, 2]))),
        [("tenant/1", "TenantAdministratorsChanged"), ("tenant/2", "TenantAdministratorsChanged")]
            .map(|(stream, name)| (stream.to_owned(), name.to_owned()))
    );
    assert!(world.when(1, administers(2, &[1, 2])).expect("granted").facts.is_empty(), "it is so");
    let less = world.then(1, administers(2, &[2]));
    let [fact] = &less.facts[..] else { panic!("{less:?}") };
    assert!(
        matches!(&fact.event, Event::TenantAdministratorsChanged(change) if change.removed.has(&UserId(2)))
    );
    assert_eq!(fact.tenant, SYSTEM);
    let child = world.when(1, administers(17, &[3])).err();
    assert!(matches!(child, Some(Refusal::Invalid { field: "tenantsAdministered", .. })), "{child:?}");
    assert!(world.when(1, administers(17, &[2])).is_ok(), "his own");
    for tenant in [3, 77] {
        let unknown = world.when(14, administers(17, &[tenant])).err();
        assert_eq!(unknown, Some(Refusal::UnknownReference(Object::Tenant(TenantId(tenant)))));
    }
}

#[test]
fn who_moves_owns_nothing_and_leaves_access_and_shares_behind() {
    let mut world = World::with_owners();
    for user in 1..=15 {
        world.view.logins.put(login(user), UserId(user.into()));
    }
    let moved = |user: u8, to: u64, of: &'static [u64]| {
        update(|wish| {
            wish.user = UserId(user.into());
            (wish.login, wish.login_before) = (login(user), login(user));
            wish.tenant = Some(TenantId(to));
            (wish.roles, wish.permissions) = (roles(of), ids(&[]));
        })
    };
    assert!(matches!(world.when(1, moved(11, 1, &[2])).err(), Some(Refusal::InUse(_))), "he owns sources");
    let role_of_a = world.when(1, moved(14, 1, &[3])).err();
    assert_eq!(role_of_a, Some(Refusal::UnknownReference(Object::Role(events::id::RoleId(3)))));
    for tenant in [77, 1] {
        // 3 administers A and no other tenant.
        with_roles(&mut world, SYSTEM, 3, &[2], &[1, 2, 3, 4, 11, 15, 21, 28]);
        let refused = world.when(3, moved(14, tenant, &[2])).err();
        assert_eq!(refused, Some(Refusal::UnknownReference(Object::Tenant(TenantId(tenant)))));
    }
    // Source 5 is 12's, who administers nothing; source 4 is 10's, who administers B and shares it with nobody there.
    let administers_b = TenantAdministratorsChanged {
        added: [UserId(10)].into_iter().collect(),
        removed: [].into_iter().collect(),
    };
    world.record(B, Stream::new(StreamKind::TENANT, 3), administers_b.into());
    for (tenant, source) in [(A, 5), (SYSTEM, 4)] {
        let shared = DataSourceShared {
            users: [(UserId(14), ids(&[2]))].into_iter().collect(),
            tenants: SortedMap::default(),
        };
        world.record(tenant, Stream::new(StreamKind::DATA_SOURCE, source), shared.into());
    }
    let role_of_b = events::role::RoleCreated {
        name: "of B".to_owned(),
        key_id: KeyId([0; 32]),
        description: None,
        permissions: ids(&[]),
    };
    world.record(B, Stream::new(StreamKind::ROLE, 9), role_of_b.into());
    let decision = world.then(1, moved(14, 3, &[9]));
    let expected = [
        ("user/14", "UserUpdated", A),
        ("tenant/2", "TenantAdministratorsChanged", A),
        ("data_source/5", "DataSourceUnshared", A),
        ("user/14", "UserMoved", B),
        ("user/14", "UserRolesSet", B),
    ];
    let told: Vec<_> =
        told(&decision).into_iter().zip(&decision.facts).map(|((s, n), f)| (s, n, f.tenant)).collect();
    assert_eq!(told, expected.map(|(stream, name, tenant)| (stream.to_owned(), name.to_owned(), tenant)));
    assert_eq!(world.view.state.users.rows.get(&UserId(14)).map(|row| row.tenant), Some(B));
}

#[test]
fn a_deleted_user_takes_everything_of_his_along_with_its_keys() {
    let mut world = World::with_owners();
    for user in 1..=15 {
        world.view.logins.put(login(user), UserId(user.into()));
    }
    // Source 5 of user 12 is shared with 11, who administers A since.
    let shared = DataSourceShared {
        users: [(UserId(11), ids(&[2])), (UserId(15), ids(&[2]))].into_iter().collect(),
        tenants: SortedMap::default(),
    };
    world.record(A, Stream::new(StreamKind::DATA_SOURCE, 5), shared.into());
    let won = TenantAdministratorsChanged {
        added: [UserId(11)].into_iter().collect(),
        removed: [].into_iter().collect(),
    };
    world.record(A, Stream::new(StreamKind::TENANT, 2), won.into());
    let decision = world.then(1, delete(11));
    let expected = [
        ("data_source/1", "DataSourceDeleted"),
        ("data_source/2", "DataSourceDeleted"),
        ("data_source/3", "DataSourceDeleted"),
        ("oauth_profile/1", "OAuthProfileDeleted"),
        ("oauth_profile/2", "OAuthProfileDeleted"),
        ("oauth_profile/3", "OAuthProfileDeleted"),
        ("data_source/5", "DataSourceUnshared"),
        ("tenant/2", "TenantAdministratorsChanged"),
        ("user/11", "UserDeleted"),
    ];
    assert_eq!(told(&decision), expected.map(|(stream, name)| (stream.to_owned(), name.to_owned())));
    let only =
        DataSourceUnshared { users: [UserId(11)].into_iter().collect(), tenants: [].into_iter().collect() };
    assert_eq!(decision.facts[6].event, only.into());
    let keys = [50, 50, 50, 40, 40, 40, 0].map(|key| entries::destroy(&KeyId([key; 32])));
    assert_eq!(decision.keys, keys);
    assert_eq!(decision.logins, [LoginChange::Remove(login(11))]);
    let state = &world.view.state;
    assert!(!state.users.rows.has(&UserId(11)) && !world.view.logins.has(&login(11)));
    assert_eq!(
        state.data_sources.rows.all().map(|(id, _)| *id).collect::<Vec<_>>(),
        [4, 5].map(DataSourceId)
    );
    assert_eq!(world.when(1, delete(11)).err(), Some(Refusal::NotFound(Object::User(UserId(11)))));
    let gone = world.when(11, data_sources::create_with("late", |_| {})).err();
    assert_eq!(gone, Some(Refusal::ActorGone));
}

#[test]
fn nobody_deletes_himself_and_a_changed_name_is_looked_at_again() {
    let mut world = world();
    with_roles(&mut world, A, 16, &[3], &[15, 16]);
    assert_eq!(world.when(16, delete(16)).err(), Some(Refusal::Forbidden));
    let other = Wish::DeleteUser(DeleteUser {
        user: UserId(17),
        expected: None,
        login: login(200),
        clients: Clients::default(),
    });
    assert_eq!(world.when(1, other).err(), Some(Refusal::Again));
}
