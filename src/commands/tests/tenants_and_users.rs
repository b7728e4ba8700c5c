use events::{
    event::Event,
    id::{RoleId, Sequence, TenantId, UserId},
    sorted::SortedVec,
    tenant::TenantStatus,
    time::Timestamp,
    user::{Password, PasswordStatus, UserStatus},
};

use super::{A, B, NOW, SYSTEM, World, ids, key, login, roles, sealed};
use crate::commands::{
    LoginChange, Object, Refusal, Taken, Wish,
    field::{RoleName, TenantName},
    role::{CreateRole, ImportedRole},
    tenant::CreateTenant,
    user::{CreateUser, LockUser},
};

fn tenant(name: &str, change: impl FnOnce(&mut CreateTenant)) -> Wish {
    let mut wish = CreateTenant {
        name: TenantName::parse(name).expect("a good name"),
        key: key(20),
        description: None,
        status: TenantStatus::Active,
        roles: Vec::new(),
        administrators: SortedVec::default(),
    };
    change(&mut wish);
    Wish::CreateTenant(Box::new(wish))
}

fn role(change: impl FnOnce(&mut CreateRole)) -> Wish {
    let mut wish = CreateRole {
        tenant: Some(A),
        name: RoleName::parse("Readers").expect("a good name"),
        key: key(25),
        description: None,
        permissions: ids(&[7, 11]),
        users: SortedVec::default(),
    };
    change(&mut wish);
    Wish::CreateRole(Box::new(wish))
}

fn user(change: impl FnOnce(&mut CreateUser)) -> Wish {
    let mut wish = CreateUser {
        tenant: Some(A),
        key: key(30),
        name: sealed(30),
        login: login(1),
        status: UserStatus::Active,
        password: None,
        roles: roles(&[3]),
        permissions: ids(&[]),
    };
    change(&mut wish);
    Wish::CreateUser(Box::new(wish))
}

fn imported(world: &World, role: u64) -> ImportedRole {
    let source_changed =
        world.view.state.roles.rows.get(&RoleId(role)).map_or(Sequence(0), |row| row.changed);
    ImportedRole { source: RoleId(role), source_changed, key: key(21), description: None }
}

#[test]
fn a_tenant_gets_copies_of_roles_and_its_creator_administers_it() {
    let mut world = World::new();
    let role = imported(&world, 2);
    let decision = world.then(
        1,
        tenant("C", |wish| {
            wish.roles.push(role);
            wish.administrators = [UserId(2)].into_iter().collect();
        }),
    );
    let [created, copy] = &decision.facts[..] else { panic!("{decision:?}") };
    let Event::TenantCreated(event) = &created.event else { panic!("{created:?}") };
    assert_eq!(&event.administrators[..], [UserId(1), UserId(2)]);
    assert_eq!((created.tenant, copy.tenant), (TenantId(4), TenantId(4)));
    assert_eq!(copy.stream.id, 5, "a copy is a role of its own");
    assert_eq!(world.when(1, tenant("C", |_| {})).err(), Some(Refusal::Taken(Taken::TenantName)));
}

#[test]
fn who_may_create_tenants() {
    let world = World::new();
    assert_eq!(world.when(2, tenant("C", |_| {})).err(), Some(Refusal::LacksPermission), "no 25");
    assert_eq!(
        world.when(8, tenant("C", |_| {})).err(),
        Some(Refusal::LacksPermission),
        "25 without the parent"
    );
    let foreign =
        world.when(1, tenant("C", |wish| wish.administrators = [UserId(5)].into_iter().collect())).err();
    assert_eq!(
        foreign,
        Some(Refusal::UnknownReference(Object::User(UserId(5)))),
        "he lives in another tenant"
    );
    let role = imported(&world, 3);
    let foreign = world.when(1, tenant("C", |wish| wish.roles.push(role))).err();
    assert_eq!(foreign, Some(Refusal::UnknownReference(Object::Role(RoleId(3)))), "a role of tenant A");
}

#[test]
fn a_role_is_its_tenants_and_holds_what_its_maker_may_grant() {
    let mut world = World::new();
    // 17 with access on A; 17 without.
    world.people(&[(14, SYSTEM, &[7, 11, 17, 28]), (15, SYSTEM, &[7, 11, 17])]);
    let decision = world.then(14, role(|_| {}));
    let [made] = &decision.facts[..] else { panic!("{decision:?}") };
    assert_eq!((made.tenant, made.stream.id), (A, 5));
    assert_eq!(world.when(1, role(|_| {})).err(), Some(Refusal::Taken(Taken::RoleName)));
    assert!(world.when(1, role(|wish| wish.tenant = Some(B))).is_ok(), "a name is its tenant's");
    assert!(world.when(1, role(|wish| wish.permissions = ids(&[]))).is_err(), "the name is still taken");
    let other = |change: &dyn Fn(&mut CreateRole)| {
        role(|wish| {
            wish.name = RoleName::parse("Others").expect("a good name");
            change(wish);
        })
    };
    for permission in [1, 12, 28, 101] {
        let refused = world.when(14, other(&|wish| wish.permissions = ids(&[7, permission]))).err();
        assert_eq!(refused, Some(Refusal::NotHisToGrant(events::id::PermissionId(permission))));
    }
    let unknown = world.when(1, other(&|wish| wish.permissions = ids(&[30]))).err();
    assert!(matches!(unknown, Some(Refusal::Invalid { field: "permissions", .. })), "{unknown:?}");
    assert!(world.when(1, other(&|wish| wish.permissions = ids(&[]))).is_ok(), "it may hold nothing");
    for (user, tenant) in [(14, B), (14, TenantId(77)), (15, A), (15, SYSTEM)] {
        let refused = world.when(user, other(&|wish| wish.tenant = Some(tenant))).err();
        assert_eq!(refused, Some(Refusal::UnknownReference(Object::Tenant(tenant))), "{user} in {tenant}");
    }
    assert_eq!(world.when(8, other(&|_| {})).err(), Some(Refusal::LacksPermission), "no 17");
    let elsewhere = other(&|wish| wish.description = Some(sealed(26)));
    assert_eq!(world.when(1, elsewhere).err(), Some(Refusal::Again), "sealed under another key");
}

#[test]
fn a_user_is_created_with_roles_of_his_tenant_and_a_free_name() {
    let mut world = World::new();
    let decision = world.then(1, user(|_| {}));
    assert_eq!(decision.logins, [LoginChange::Put(login(1), UserId(10))]);
    let taken = world.when(1, user(|_| {})).err();
    assert_eq!(taken, Some(Refusal::Taken(Taken::UserName)));
    let foreign = world.when(1, user(|wish| wish.roles = roles(&[2]))).err();
    assert_eq!(foreign, Some(Refusal::UnknownReference(Object::Role(RoleId(2)))));
    let none = world.when(1, user(|wish| wish.roles = roles(&[]))).err();
    assert!(matches!(none, Some(Refusal::Invalid { field: "permissions.roles", .. })), "{none:?}");
}

#[test]
fn nobody_grants_what_is_not_his_to_grant() {
    let world = World::new();
    assert!(world.when(8, user(|_| {})).is_ok(), "7 and 11 are his");
    let by_role = world.when(8, user(|wish| wish.roles = roles(&[4]))).err();
    assert_eq!(
        by_role,
        Some(Refusal::NotHisToGrant(events::id::PermissionId(28))),
        "he holds 28, but 12 grants it"
    );
    let direct = world.when(8, user(|wish| wish.permissions = ids(&[1]))).err();
    assert_eq!(direct, Some(Refusal::NotHisToGrant(events::id::PermissionId(1))), "he does not hold 1");
    let administrator = world.when(8, user(|wish| wish.permissions = ids(&[12]))).err();
    assert_eq!(administrator, Some(Refusal::NotHisToGrant(events::id::PermissionId(12))));
    assert!(world.when(1, user(|wish| wish.permissions = ids(&[12, 28, 101]))).is_ok());
    let unknown = world.when(1, user(|wish| wish.permissions = ids(&[500]))).err();
    assert!(matches!(unknown, Some(Refusal::Invalid { .. })), "{unknown:?}");
}

#[test]
fn a_tenant_without_access_answers_like_none() {
    let world = World::new();
    for tenant in [B, TenantId(77)] {
        let refused = world.when(8, user(|wish| wish.tenant = Some(tenant))).err();
        assert_eq!(refused, Some(Refusal::UnknownReference(Object::Tenant(tenant))));
    }
    assert_eq!(world.when(5, user(|_| {})).err(), Some(Refusal::LacksPermission), "no 13");
}

#[test]
fn a_temporary_password_dies_after_seven_days() {
    let week = NOW.saturating_add_secs(7 * 24 * 60 * 60);
    let table: [(PasswordStatus, Option<Timestamp>, Option<Timestamp>); 4] = [
        (PasswordStatus::Active, None, None),
        (PasswordStatus::Active, Some(Timestamp(i64::MAX)), Some(Timestamp(i64::MAX))),
        (PasswordStatus::MustChange, None, Some(week)),
        (PasswordStatus::MustChange, Some(Timestamp(i64::MAX)), Some(week)),
    ];
    let world = World::new();
    for (status, asked, expected) in table {
        let password = Password { hash: sealed(30), status, expires_at: asked };
        let decision = world.when(1, user(|wish| wish.password = Some(password))).expect("granted");
        let Event::UserCreated(created) = &decision.facts[0].event else { panic!("{decision:?}") };
        assert_eq!(created.password.as_ref().and_then(|password| password.expires_at), expected);
    }
}

#[test]
fn an_account_is_locked_once_per_period() {
    let mut world = World::new();
    let until = NOW.saturating_add_secs(1800);
    let lock = || Wish::LockUser(LockUser { user: UserId(5), until });
    assert_eq!(world.then(1, lock()).facts.len(), 1);
    assert!(world.then(1, lock()).facts.is_empty(), "while it is locked nothing more is recorded");
    let nobody = Wish::LockUser(LockUser { user: UserId(99), until });
    assert!(world.then(1, nobody).facts.is_empty());
}
