//! Roles and who holds them.

use events::{
    envelope::{Stream, StreamKind},
    event::Event,
    id::{PermissionId, RoleId, Sequence, TenantId, UserId},
    role::RoleCreated,
    sorted::SortedVec,
    user::{Password, PasswordStatus, UserCreated, UserStatus},
};

use super::{A, B, SYSTEM, World, ids, key, roles, sealed};
use crate::commands::{
    Fact, Object, Refusal, Taken, Wish,
    field::RoleName,
    role::{CreateRole, DeleteRole, UpdateRole, tag},
};

/// Under this are roles' texts sealed.
const KEY: u8 = 25;
/// Holds 1–11, 13–21 and 28, and administers A.
const DELEGATE: u64 = 3;

pub(super) fn users(numbers: &[u64]) -> SortedVec<UserId> {
    numbers.iter().copied().map(UserId).collect()
}

fn name(name: &str) -> RoleName {
    RoleName::parse(name).expect("a good name")
}

pub(super) fn create(tenant: TenantId, called: &str, permissions: &[u16], members: &[u64]) -> Wish {
    Wish::CreateRole(Box::new(CreateRole {
        tenant: Some(tenant),
        name: name(called),
        key: key(KEY),
        description: None,
        permissions: ids(permissions),
        users: users(members),
    }))
}

/// A PUT of a role of the world below; what is not changed is as [`create`] made it.
pub(super) fn update(id: u64, permissions: &[u16], change: impl FnOnce(&mut UpdateRole)) -> Wish {
    let mut wish = UpdateRole {
        id: RoleId(id),
        expected: None,
        tenant: None,
        name: name(&format!("role {id}")),
        description: None,
        permissions: ids(permissions),
        users: None,
    };
    change(&mut wish);
    Wish::UpdateRole(Box::new(wish))
}

fn members(id: u64, permissions: &[u16], members: &[u64]) -> Wish {
    update(id, permissions, |wish| wish.users = Some(users(members)))
}

pub(super) fn delete(id: u64) -> Wish {
    Wish::DeleteRole(DeleteRole { id: RoleId(id), expected: None })
}

impl World {
    /// A role with this id, whatever its maker might grant.
    pub(super) fn role(&mut self, id: u64, tenant: TenantId, permissions: &[u16]) {
        let created = RoleCreated {
            name: format!("role {id}"),
            key_id: key(KEY).id,
            description: None,
            permissions: ids(permissions),
        };
        self.record(tenant, Stream::new(StreamKind::ROLE, id), created.into());
    }

    /// A user who can log in.
    fn user(&mut self, id: u64, tenant: TenantId, held: &[u64], permissions: &[u16]) {
        let password = Password { hash: sealed(0), status: PasswordStatus::Active, expires_at: None };
        let created = UserCreated {
            name: sealed(0),
            status: UserStatus::Active,
            password: Some(password),
            roles: roles(held),
            permissions: ids(permissions),
        };
        self.record(tenant, Stream::new(StreamKind::USER, id), created.into());
    }

    /// Beside the users of [`World::new`]: the delegate holds what a tenant's administrator holds, and 28; roles 5 {7, 11} and
    /// 6 {7, 28} of A, 7 {7} of B; in A, 20 holds 5, 21 holds 5 and 6, 22 holds 5 and 29 beside it, 23 holds 4.
    fn with_roles() -> Self {
        let mut world = Self::new();
        let delegate: Vec<u16> = (1..=11).chain(13..=21).chain([28]).collect();
        world.user(DELEGATE, SYSTEM, &[2], &delegate);
        for (id, tenant, permissions) in [(5, A, &[7, 11][..]), (6, A, &[7, 28]), (7, B, &[7])] {
            world.role(id, tenant, permissions);
        }
        for (id, held, beside) in
            [(20, &[5][..], &[][..]), (21, &[5, 6], &[]), (22, &[5], &[29]), (23, &[4], &[])]
        {
            world.user(id, A, held, beside);
        }
        world
    }

    /// What a user's roles are after these facts; `None` when they say nothing of him.
    fn held_after(facts: &[Fact], user: u64) -> Option<Vec<u64>> {
        facts.iter().find_map(|fact| match &fact.event {
            Event::UserRolesSet(set) if fact.stream == Stream::new(StreamKind::USER, user) => {
                Some(set.roles.iter().map(|role| role.0).collect())
            }
            _ => None,
        })
    }

    fn role_tag(&self, id: u64) -> Sequence {
        let row = self.view.state.roles.rows.get(&RoleId(id)).expect("it is there");
        tag(&self.view.state, RoleId(id), row)
    }
}

#[test]
fn a_role_is_replaced_whole_and_its_holders_stay() {
    let mut world = World::with_roles();
    let wish = update(5, &[2, 7], |wish| {
        wish.name = name("Watchers");
        wish.description = Some(sealed(KEY));
        wish.tenant = Some(A);
    });
    let decision = world.then(DELEGATE, wish);
    let [fact] = &decision.facts[..] else { panic!("{decision:?}") };
    let Event::RoleUpdated(event) = &fact.event else { panic!("{fact:?}") };
    assert_eq!((fact.tenant, fact.stream), (A, Stream::new(StreamKind::ROLE, 5)));
    assert_eq!((event.name.as_str(), &event.permissions), ("Watchers", &ids(&[2, 7])));
    let holders: Vec<_> = world.view.state.users.of_role(RoleId(5), UserId(0)).collect();
    assert_eq!(holders, [UserId(20), UserId(21), UserId(22)]);
    // Again, with what is so: its own name is not taken by it, and left out is cleared.
    let decision = world.then(DELEGATE, update(5, &[2, 7], |wish| wish.name = name("Watchers")));
    let Event::RoleUpdated(event) = &decision.facts[0].event else { panic!("{decision:?}") };
    assert_eq!(event.description, None);
    let taken = world.when(DELEGATE, update(5, &[2, 7], |wish| wish.name = name("role 6"))).err();
    assert_eq!(taken, Some(Refusal::Taken(Taken::RoleName)));
    let moved = world.when(1, update(5, &[2, 7], |wish| wish.tenant = Some(B))).err();
    assert!(matches!(moved, Some(Refusal::Invalid { field: "tenantId", .. })), "{moved:?}");
    let elsewhere = world.when(1, update(5, &[2, 7], |wish| wish.description = Some(sealed(9)))).err();
    assert_eq!(elsewhere, Some(Refusal::Again), "sealed under another key");
    let unknown = world.when(1, update(5, &[30], |_| {})).err();
    assert!(matches!(unknown, Some(Refusal::Invalid { field: "permissions", .. })), "{unknown:?}");
}

#[test]
fn a_missing_permission_is_heard_before_an_unknown_role_and_that_before_everything_else() {
    let world = World::with_roles();
    for (id, user) in [(5, 8), (7, 8), (99, 8)] {
        for wish in [update(id, &[7], |_| {}), delete(id)] {
            assert_eq!(world.when(user, wish).err(), Some(Refusal::LacksPermission), "{id}");
        }
    }
    // 7 is of tenant B, 2 of the system tenant.
    for id in [7, 2, 99] {
        for wish in [update(id, &[999], |wish| wish.expected = Some(Vec::new())), delete(id)] {
            assert_eq!(world.when(DELEGATE, wish).err(), Some(Refusal::NotFound(Object::Role(RoleId(id)))));
        }
    }
}

#[test]
fn who_changes_a_role_may_grant_what_is_new_and_holds_what_goes() {
    let world = World::with_roles();
    // (role, its permissions then, what the delegate hears)
    let not_his = |permission| Some(Refusal::NotHisToGrant(PermissionId(permission)));
    let table: [(u64, &[u16], Option<Refusal>); 8] = [
        (5, &[7, 11, 21], None),
        (5, &[], None),
        (5, &[7, 11, 28], not_his(28)),
        (5, &[7, 11, 12], not_his(12)),
        (5, &[7, 101], not_his(101)),
        // What is so may be repeated, whoever granted it; and he holds 28, so it may go.
        (6, &[7, 11, 28], None),
        (6, &[7], None),
        (6, &[7, 28, 29], not_his(29)),
    ];
    for (id, permissions, expected) in table {
        let came = world.when(DELEGATE, update(id, permissions, |_| {}));
        assert_eq!(came.err(), expected, "role {id} {permissions:?}");
    }
    let mut world = World::with_roles();
    world.role(8, A, &[7, 29]);
    let kept = world.when(DELEGATE, update(8, &[7, 11, 29], |_| {}));
    assert!(kept.is_ok(), "29 stays");
    let taken = world.when(DELEGATE, update(8, &[7], |_| {}));
    assert_eq!(taken.err(), Some(Refusal::Forbidden), "29 is not his, and so not his to take");
    assert!(world.when(1, update(8, &[7], |_| {})).is_ok());
}

#[test]
fn membership_is_a_fact_about_each_who_gets_or_loses_it() {
    let mut world = World::with_roles();
    let wish = members(5, &[7, 11], &[6, 20, 22]);
    let facts = world.then(1, wish).facts;
    assert_eq!(facts.len(), 3, "the role, 6 who gets it, 21 who loses it: {facts:?}");
    assert_eq!(World::held_after(&facts, 6), Some(vec![5]));
    assert_eq!(World::held_after(&facts, 21), Some(vec![6]), "his other role stays");
    assert!(facts.iter().all(|fact| fact.tenant == A));
    let Event::UserRolesSet(set) = &facts[1].event else { panic!("{facts:?}") };
    assert_eq!(set.permissions, ids(&[11]), "what he holds beside his roles stays");
    // Saying it again changes nobody.
    assert_eq!(world.then(1, members(5, &[7, 11], &[6, 20, 22])).facts.len(), 1);
    // And so does leaving it out.
    assert_eq!(world.then(1, update(5, &[7, 11], |_| {})).facts.len(), 1);
    let made = world.then(DELEGATE, create(A, "new", &[7], &[6, 20])).facts;
    assert_eq!(World::held_after(&made, 20), Some(vec![5, 8]));
    assert_eq!(World::held_after(&made, 6), Some(vec![5, 8]));
}

/// Who asks, for which role, its permissions, who is to hold it, and what he hears.
type Wanted = (u64, u64, &'static [u16], &'static [u64], Option<Refusal>);

#[test]
fn who_may_not_get_a_role_or_lose_it() {
    let mut world = World::with_roles();
    // A delegate who lives in A, and holds role 5 himself.
    let delegate: Vec<u16> = (1..=11).chain(13..=21).collect();
    world.user(8, A, &[5, 3], &delegate);
    let unknown = |user| Some(Refusal::UnknownReference(Object::User(UserId(user))));
    let forbidden = Some(Refusal::Forbidden);
    let only = Some(Refusal::InUse("it is the only role of a user who would lose it"));
    // Role 5 is held by 8, 20, 21 and 22.
    let five = &[7, 11][..];
    let table: [Wanted; 14] = [
        (8, 5, five, &[6, 8, 20, 21, 22], None),
        (8, 5, five, &[8, 9, 20, 21, 22], unknown(9)),
        (8, 5, five, &[8, 20, 21, 22, 77], unknown(77)),
        (1, 5, five, &[8, 9, 20, 21, 22], unknown(9)),
        (1, 5, five, &[1, 8, 20, 21, 22], unknown(1)),
        (8, 5, five, &[20, 21, 22], forbidden.clone()),
        (8, 3, five, &[7, 8], None),
        (8, 4, &[28], &[8, 23], Some(Refusal::NotHisToGrant(PermissionId(28)))),
        (DELEGATE, 4, &[28], &[6, 23], Some(Refusal::NotHisToGrant(PermissionId(28)))),
        // 21 holds 28, 22 holds 29: more than 8 does.
        (8, 5, five, &[8, 20, 22], forbidden.clone()),
        (DELEGATE, 5, five, &[8, 20, 22], None),
        (DELEGATE, 5, five, &[8, 20, 21], forbidden.clone()),
        (1, 5, five, &[8, 21, 22], only),
        (8, 5, five, &[5, 8, 20, 21, 22], forbidden),
    ];
    for (who, role, permissions, wanted, expected) in table {
        let came = world.when(who, members(role, permissions, wanted));
        assert_eq!(came.err(), expected, "{who} wants role {role} held by {wanted:?}");
    }
    assert_eq!(world.when(8, create(A, "mine", &[7], &[8])).err(), Some(Refusal::Forbidden), "his own");
    assert_eq!(world.when(8, create(A, "his", &[7], &[22])).err(), Some(Refusal::Forbidden), "he holds more");
    assert_eq!(world.when(1, create(A, "whose", &[7], &[9])).err(), unknown(9), "he lives elsewhere");
}

#[test]
fn of_the_predefined_roles_only_the_users_change() {
    let mut world = World::with_roles();
    world.user(30, SYSTEM, &[1, 2], &[]);
    world.user(31, SYSTEM, &[1], &[]);
    let facts = world.then(31, members(1, &[12], &[1, 31])).facts;
    assert_eq!(World::held_after(&facts, 1), Some(vec![1]));
    assert_eq!(World::held_after(&facts, 30), Some(vec![2]));
    let changed = [
        update(1, &[12], |wish| wish.name = name("root")),
        update(1, &[12], |wish| wish.description = Some(sealed(0))),
        update(1, &[11, 12], |_| {}),
    ];
    for wish in changed {
        let refused = world.when(31, wish).err();
        assert_eq!(refused, Some(Refusal::Predefined("only its users can change")));
    }
    for id in [1, 2, 3] {
        assert_eq!(world.when(31, delete(id)).err(), Some(Refusal::Predefined("it can't be deleted")));
    }
}

#[test]
fn a_role_ends_when_nobody_holds_it() {
    let mut world = World::with_roles();
    assert_eq!(world.when(1, delete(5)).err(), Some(Refusal::InUse("users hold the role")));
    world.role(8, A, &[29]);
    let facts = world.then(DELEGATE, delete(8)).facts;
    let [fact] = &facts[..] else { panic!("{facts:?}") };
    assert_eq!((fact.tenant, fact.stream), (A, Stream::new(StreamKind::ROLE, 8)));
    assert!(matches!(fact.event, Event::RoleDeleted(_)), "{fact:?}");
    assert_eq!(world.when(1, delete(8)).err(), Some(Refusal::NotFound(Object::Role(RoleId(8)))));
    assert!(world.when(1, create(A, "role 8", &[], &[])).is_ok(), "its name is free");
}

#[test]
fn the_tag_of_a_role_follows_its_members() {
    let mut world = World::with_roles();
    let made = world.role_tag(5);
    let with = |expected: Sequence| update(5, &[7, 11], |wish| wish.expected = Some(vec![expected]));
    assert!(world.when(1, with(made)).is_ok());
    world.then(1, members(6, &[7, 28], &[20, 21]));
    assert_eq!(world.role_tag(5), made, "another role's members");
    world.then(1, members(5, &[7, 11], &[6, 20, 21, 22]));
    let changed = world.role_tag(5);
    assert!(changed > made);
    assert_eq!(world.when(1, with(made)).err(), Some(Refusal::PreconditionFailed));
    assert!(world.when(1, with(changed)).is_ok());
    let stale = Wish::DeleteRole(DeleteRole { id: RoleId(5), expected: Some(vec![made]) });
    assert_eq!(world.when(1, stale).err(), Some(Refusal::PreconditionFailed));
}

/// Who holds 12 here: 1 by role 5, 31 by role 6.
fn two_administrators() -> World {
    let mut world = World::new();
    // The world's first user holds 12 and can't log in; so does nobody who counts.
    world.role(5, SYSTEM, &[12]);
    world.role(6, SYSTEM, &[12]);
    world.user(31, SYSTEM, &[5, 2], &[]);
    world.user(32, SYSTEM, &[6, 2], &[]);
    world
}

#[test]
fn one_active_holder_of_12_stays() {
    let last = Some(Refusal::LastAdministrator);
    let mut world = two_administrators();
    // One of two may let go of it, whoever asks; then the other one stays.
    let strip = |id: u64| update(id, &[11], |_| {});
    assert!(world.when(1, strip(6)).is_ok());
    world.then(1, strip(5));
    assert_eq!(world.when(1, strip(6)).err(), last, "the role would not have it any more");
    assert_eq!(world.when(32, strip(6)).err(), last, "nor by himself");
    assert_eq!(world.when(1, members(6, &[12], &[])).err(), last, "nobody would hold the role");
    assert!(world.when(1, members(6, &[12], &[31])).is_ok(), "another one takes his place");
    world.people(&[(33, SYSTEM, &[])]);
    assert_eq!(world.when(1, members(6, &[12], &[33])).err(), last, "who can't log in takes nobody's place");
    assert!(world.when(1, members(6, &[12], &[32, 33])).is_ok());
    assert!(world.when(1, members(5, &[11], &[])).is_ok(), "5 has not had it since");
}

#[test]
fn as_many_members_as_one_command_may_have() {
    let mut world = World::with_roles();
    for id in 100..4196 {
        world.user(id, A, &[5, 3], &[]);
    }
    let others = [20, 21, 22];
    assert_eq!(
        world.when(1, members(5, &[7, 11], &others)).err(),
        Some(Refusal::TooManyEvents(4097)),
        "the role and 4,096 who lose it"
    );
    assert_eq!(
        world.when(1, members(5, &[7, 11], &[20, 21, 22, 100])).map(|decision| decision.facts.len()),
        Ok(4096)
    );
}
