//! Tenants replaced and deleted, and who administers them.

use events::{
    data_source::DataSourceShared,
    envelope::{Stream, StreamKind},
    event::Event,
    id::{RoleId, SYSTEM_TENANT, Sequence, TenantId, UserId},
    sorted::{SortedMap, SortedVec},
    tenant::{TenantAdministratorsChanged, TenantCreated, TenantStatus},
};

use super::{
    A, B, SYSTEM, World, create, key,
    roles::{self, users},
    sealed,
};
use crate::commands::{
    Object, Refusal, Taken, Wish,
    field::TenantName,
    tenant::{DeleteTenant, SetTenantAdministrators, UpdateTenant, tag},
};

/// Empty, with roles 5 and 6; the delegate administers it.
const C: TenantId = TenantId(4);
/// Holds 1–4, 7, 11, 13, 21, 25 and 28, lives in the system tenant, administers A and C.
const DELEGATE: u64 = 16;

pub(super) fn update(id: TenantId, change: impl FnOnce(&mut UpdateTenant)) -> Wish {
    let mut wish = UpdateTenant {
        id,
        expected: None,
        parent: None,
        roles: None,
        name: TenantName::parse("renamed").expect("a good name"),
        description: None,
        status: TenantStatus::Active,
    };
    change(&mut wish);
    Wish::UpdateTenant(Box::new(wish))
}

pub(super) fn delete(id: TenantId) -> Wish {
    Wish::DeleteTenant(DeleteTenant { id, expected: None })
}

pub(super) fn administrators(id: TenantId, administrators: &[u64]) -> Wish {
    let administrators = users(administrators);
    Wish::SetTenantAdministrators(SetTenantAdministrators { id, expected: None, administrators })
}

impl World {
    /// Gives users administrative access.
    pub(super) fn administer(&mut self, tenant: TenantId, who: &[u64]) {
        let changed = TenantAdministratorsChanged { added: users(who), removed: SortedVec::default() };
        self.record(tenant, Stream::new(StreamKind::TENANT, tenant.0), changed.into());
    }

    /// A tenant without anything in it.
    pub(super) fn tenant(&mut self, id: TenantId) {
        let created = TenantCreated {
            name: format!("tenant {id}"),
            key_id: key(20).id,
            description: None,
            parent: Some(SYSTEM_TENANT),
            status: TenantStatus::Active,
            administrators: SortedVec::default(),
        };
        self.record(id, Stream::new(StreamKind::TENANT, id.0), created.into());
    }

    fn with_tenants() -> Self {
        let mut world = Self::with_owners();
        world.people(&[(DELEGATE, SYSTEM, &[1, 2, 3, 4, 7, 11, 13, 21, 25, 28])]);
        world.tenant(C);
        for tenant in [A, C] {
            world.administer(tenant, &[DELEGATE]);
        }
        for name in ["one", "two"] {
            world.then(1, roles::create(C, name, &[7], &[]));
        }
        world
    }

    /// Shares a data source with tenants.
    fn share(&mut self, source: u64, tenants: &[TenantId]) {
        let row = self.view.state.data_sources.rows.get(&events::id::DataSourceId(source));
        let tenant = row.expect("it is there").tenant;
        let shared = DataSourceShared {
            users: SortedMap::default(),
            tenants: tenants.iter().map(|tenant| (*tenant, SortedVec::default())).collect(),
        };
        self.record(tenant, Stream::new(StreamKind::DATA_SOURCE, source), shared.into());
    }
}

#[test]
fn a_tenant_is_replaced_and_keeps_its_place() {
    let mut world = World::with_tenants();
    let wish = update(C, |wish| {
        wish.parent = Some(SYSTEM);
        wish.roles = Some([RoleId(5), RoleId(6)].into_iter().collect());
        wish.description = Some(sealed(20));
        wish.status = TenantStatus::Inactive;
    });
    let facts = world.then(1, wish).facts;
    let [fact] = &facts[..] else { panic!("{facts:?}") };
    let Event::TenantUpdated(event) = &fact.event else { panic!("{fact:?}") };
    assert_eq!((fact.tenant, event.name.as_str(), event.status), (C, "renamed", TenantStatus::Inactive));
    assert!(world.when(DELEGATE, update(C, |_| {})).is_ok(), "its own name is not taken by it");
    assert_eq!(world.when(1, update(A, |_| {})).err(), Some(Refusal::Taken(Taken::TenantName)));
    assert!(
        world.when(1, update(SYSTEM, |wish| wish.name = TenantName::parse("Root").expect("good"))).is_ok()
    );
    let roles = |ids: &[u64]| update(C, |wish| wish.roles = Some(ids.iter().copied().map(RoleId).collect()));
    let wrong = [
        ("parentTenant", update(C, |wish| wish.parent = Some(A))),
        ("roles", roles(&[5])),
        ("roles", roles(&[1, 5, 6])),
        ("roles", roles(&[])),
    ];
    for (property, wish) in wrong {
        let refused = world.when(1, wish).err();
        assert!(matches!(refused, Some(Refusal::Invalid { field, .. }) if field == property), "{refused:?}");
    }
    let parent = world.when(1, update(SYSTEM, |wish| wish.parent = Some(SYSTEM))).err();
    assert!(matches!(parent, Some(Refusal::Invalid { .. })), "it has none: {parent:?}");
    let elsewhere = world.when(1, update(C, |wish| wish.description = Some(sealed(9)))).err();
    assert_eq!(elsewhere, Some(Refusal::Again));
}

/// Tenants' names are unique in the system: who could try them out would learn which tenants there are.
#[test]
fn a_tenant_gets_another_name_from_who_might_make_one() {
    let mut world = World::with_tenants();
    let named = |name: &str| update(C, |wish| wish.name = TenantName::parse(name).expect("a good name"));
    for name in ["renamed", "B"] {
        assert_eq!(world.when(DELEGATE, named(name)).err(), Some(Refusal::Forbidden), "{name}");
    }
    assert!(world.when(DELEGATE, named("tenant 4")).is_ok(), "the name that it has");
    world.administer(SYSTEM, &[DELEGATE]);
    assert!(world.when(DELEGATE, named("renamed")).is_ok());
    assert_eq!(world.when(DELEGATE, named("B")).err(), Some(Refusal::Taken(Taken::TenantName)));
}

#[test]
fn an_empty_tenant_ends_with_its_roles_after_what_was_shared_with_it() {
    let mut world = World::with_tenants();
    world.share(1, &[C]);
    world.share(4, &[B, C]);
    let facts = world.then(DELEGATE, delete(C)).facts;
    let named: Vec<_> = facts.iter().map(|fact| (fact.tenant.0, fact.stream.kind, fact.stream.id)).collect();
    let expected = [
        (A.0, StreamKind::DATA_SOURCE, 1),
        (SYSTEM.0, StreamKind::DATA_SOURCE, 4),
        (C.0, StreamKind::ROLE, 5),
        (C.0, StreamKind::ROLE, 6),
        (C.0, StreamKind::TENANT, C.0),
    ];
    assert_eq!(named, expected);
    let Event::DataSourceUnshared(unshared) = &facts[1].event else { panic!("{facts:?}") };
    assert_eq!((unshared.users.len(), &unshared.tenants[..]), (0, &[C][..]), "B keeps it");
    for (user, wish) in [(1, delete(C)), (DELEGATE, update(C, |_| {})), (1, administrators(C, &[]))] {
        assert_eq!(world.when(user, wish).err(), Some(Refusal::NotFound(Object::Tenant(C))));
    }
    let state = &world.view.state;
    assert!(!state.tenants.administered_by(UserId(DELEGATE)).any(|tenant| tenant == C));
    assert_eq!(state.roles.list_changed.get(&C), None);
}

#[test]
fn who_still_needs_a_tenant_keeps_it() {
    let mut world = World::with_tenants();
    let system = world.when(1, delete(SYSTEM)).err();
    assert_eq!(system, Some(Refusal::Predefined("the system tenant can't be deleted")));
    assert_eq!(world.when(1, delete(A)).err(), Some(Refusal::InUse("the tenant has users")));
    world.then(1, create("C app", Some(C), 60));
    assert_eq!(world.when(1, delete(C)).err(), Some(Refusal::InUse("the tenant has OAuth applications")));
    world.then(1, super::delete(5));
    assert!(world.when(1, delete(C)).is_ok());
}

#[test]
fn a_tenant_with_more_than_one_command_may_end_stays() {
    let mut world = World::with_tenants();
    // C has two roles of its own; with the tenant's end that is 4,097.
    for id in 100..4194 {
        world.role(id, C, &[]);
    }
    assert_eq!(world.when(1, delete(C)).err(), Some(Refusal::TooManyEvents(4097)));
    world.then(1, roles::delete(100));
    assert_eq!(world.when(1, delete(C)).map(|decision| decision.facts.len()), Ok(4096));
}

#[test]
fn administrators_live_in_the_system_tenant_or_in_this_one() {
    let mut world = World::with_tenants();
    let facts = world.then(1, administrators(A, &[3, 5, 10])).facts;
    let [fact] = &facts[..] else { panic!("{facts:?}") };
    let Event::TenantAdministratorsChanged(change) = &fact.event else { panic!("{fact:?}") };
    assert_eq!((&change.added, &change.removed), (&users(&[5, 10]), &users(&[8, 14, DELEGATE])));
    let again = world.then(1, administrators(A, &[3, 5, 10])).facts;
    let Event::TenantAdministratorsChanged(change) = &again[0].event else { panic!("{again:?}") };
    assert_eq!((change.added.len(), change.removed.len()), (0, 0));
    for user in [9, 15, 999] {
        let refused = world.when(1, administrators(A, &[3, user])).err();
        assert_eq!(refused, Some(Refusal::UnknownReference(Object::User(UserId(user)))));
    }
    assert_eq!(world.then(1, administrators(A, &[])).facts.len(), 1, "12 has access everywhere");
}

#[test]
fn without_12_an_administrator_names_whom_he_sees_and_who_is_there_already() {
    let mut world = World::with_tenants();
    // The delegate administers A and C, not the system tenant: its users are nobody to him.
    let table: [(&[u64], Option<u64>); 5] = [
        (&[3, 8, 14, DELEGATE], None),
        (&[DELEGATE, 6], None),
        (&[10], Some(10)),
        (&[999], Some(999)),
        (&[9], Some(9)),
    ];
    for (wanted, unknown) in table {
        let refused = world.when(DELEGATE, administrators(A, wanted)).err();
        let expected = unknown.map(|user| Refusal::UnknownReference(Object::User(UserId(user))));
        assert_eq!(refused, expected, "{wanted:?}");
    }
    world.administer(SYSTEM, &[DELEGATE]);
    assert!(world.when(DELEGATE, administrators(A, &[10])).is_ok());
    assert!(world.when(DELEGATE, administrators(A, &[])).is_ok(), "his own access he may give up");
    // 17 holds 29, which he does not; as 17 has it already, that may be repeated.
    world.people(&[(17, A, &[29])]);
    assert_eq!(world.when(DELEGATE, administrators(A, &[DELEGATE, 17])).err(), Some(Refusal::Forbidden));
    world.administer(A, &[17]);
    assert!(world.when(DELEGATE, administrators(A, &[DELEGATE, 17])).is_ok());
    assert_eq!(world.when(DELEGATE, administrators(A, &[DELEGATE])).err(), Some(Refusal::Forbidden));
}

#[test]
fn a_missing_permission_is_heard_before_an_unknown_tenant() {
    let world = World::with_tenants();
    let wishes = |id| [update(id, |_| {}), delete(id), administrators(id, &[])];
    for id in [A, B, TenantId(99)] {
        for wish in wishes(id) {
            assert_eq!(world.when(3, wish).err(), Some(Refusal::LacksPermission), "access without 25");
        }
    }
    for id in [B, SYSTEM, TenantId(99)] {
        for wish in wishes(id) {
            assert_eq!(world.when(DELEGATE, wish).err(), Some(Refusal::NotFound(Object::Tenant(id))));
        }
    }
}

#[test]
fn the_tag_of_a_tenant_follows_its_list_of_roles() {
    let mut world = World::with_tenants();
    let tag_of = |world: &World, id: TenantId| -> Sequence {
        tag(&world.view.state, id, world.view.state.tenants.rows.get(&id).expect("it is there"))
    };
    let before = tag_of(&world, C);
    world.then(1, roles::create(A, "elsewhere", &[], &[]));
    assert_eq!(tag_of(&world, C), before);
    world.then(1, roles::delete(6));
    let after = tag_of(&world, C);
    assert!(after > before);
    let with = |expected| update(C, |wish| wish.expected = Some(vec![expected]));
    assert_eq!(world.when(1, with(before)).err(), Some(Refusal::PreconditionFailed));
    assert!(world.when(1, with(after)).is_ok());
    let stale = Wish::DeleteTenant(DeleteTenant { id: C, expected: Some(vec![before]) });
    assert_eq!(world.when(1, stale).err(), Some(Refusal::PreconditionFailed));
}
