use events::{
    event::Event,
    id::{DataStoreId, OAuthAppId, Sequence, TenantId, UserId},
    sealed::Field,
};

use super::{A, B, SYSTEM, World, create, delete, sealed, update, update_with};
use crate::commands::{
    Object, Refusal, Taken, Wish,
    disclosure::{RevealSecrets, Secrets},
    oauth_app::CreateOAuthApp,
};

pub(super) fn reveal(world: &World, id: u64) -> Wish {
    let changed =
        world.view.state.oauth_apps.rows.get(&OAuthAppId(id)).map_or(Sequence(0), |row| row.changed);
    Wish::RevealSecrets(RevealSecrets { secrets: Secrets::OAuthApp(OAuthAppId(id)), changed })
}

#[test]
fn who_may_create_where_is_as_page_003_says() {
    // Per user: may he create in System, A, B; and in his own tenant when he names none?
    let no_permission = Some(Refusal::LacksPermission);
    let table: [(u64, [bool; 3], TenantId); 5] = [
        (1, [true, true, true], SYSTEM),
        (2, [true, false, false], SYSTEM),
        (3, [true, true, false], SYSTEM),
        (5, [false, true, false], A),
        (9, [false, false, true], B),
    ];
    let world = World::new();
    for (user, allowed, own) in table {
        for (tenant, allowed) in [SYSTEM, A, B].into_iter().zip(allowed) {
            let refusal = world.when(user, create("x", Some(tenant), 1)).err();
            let expected = (!allowed).then_some(Refusal::UnknownReference(Object::Tenant(tenant)));
            assert_eq!(refusal, expected, "user {user} in tenant {tenant}");
        }
        let facts = world.when(user, create("x", None, 1)).expect("his own").facts;
        assert_eq!(facts[0].tenant, own, "user {user} names no tenant");
    }
    for user in [4, 6, 7] {
        assert_eq!(world.when(user, create("x", None, 1)).err(), no_permission, "user {user}");
    }
    // To who lacks access, a tenant that is not there is like one that is.
    let unknown = world.when(5, create("x", Some(TenantId(99)), 1)).err();
    assert_eq!(unknown, Some(Refusal::UnknownReference(Object::Tenant(TenantId(99)))));
}

#[test]
fn who_may_change_what_and_what_the_others_hear() {
    let world = World::with_apps();
    let lacks = || Some(Refusal::LacksPermission);
    let missing = |id| Some(Refusal::NotFound(Object::OAuthApp(OAuthAppId(id))));
    let forbidden = || Some(Refusal::Forbidden);
    // Applications 1, 2, 3 live in System, A, B; 4 does not exist.
    let table = [
        (1, [None, None, None, missing(4)]),
        (2, [None, missing(2), missing(3), missing(4)]),
        (3, [None, None, missing(3), missing(4)]),
        (4, [lacks(), lacks(), lacks(), lacks()]),
        (5, [forbidden(), None, missing(3), missing(4)]),
        (6, [lacks(), lacks(), lacks(), lacks()]),
        (7, [lacks(), lacks(), lacks(), lacks()]),
        (9, [forbidden(), missing(2), None, missing(4)]),
        (99, [const { Some(Refusal::ActorGone) }; 4]),
    ];
    for (user, expected) in table {
        for (id, expected) in (1..).zip(expected) {
            assert_eq!(world.when(user, update(id)).err(), expected, "user {user} puts {id}");
            assert_eq!(world.when(user, delete(id)).err(), expected, "user {user} deletes {id}");
            assert_eq!(world.when(user, reveal(&world, id)).err(), expected, "user {user} reveals {id}");
        }
    }
}

#[test]
fn on_behalf_the_named_users_tenant_counts_and_the_administrators_permissions() {
    let world = World::with_apps();
    let facts = world.when_for(1, Some(9), create("x", None, 4)).expect("12 acts for anybody").facts;
    assert_eq!(facts[0].tenant, B);
    let facts = world.when_for(8, Some(6), create("x", None, 4)).expect("all conditions of 1.7 hold").facts;
    assert_eq!(facts[0].tenant, A);
    let foreign = world.when_for(8, Some(9), create("x", None, 4)).err();
    assert_eq!(foreign, Some(Refusal::NotFound(Object::User(UserId(9)))));
    let unknown = world.when_for(8, Some(77), create("x", None, 4)).err();
    assert_eq!(
        unknown,
        Some(Refusal::NotFound(Object::User(UserId(77)))),
        "foreign and unknown answer alike"
    );
    assert_eq!(
        world.when_for(5, Some(6), create("x", None, 4)).err(),
        Some(Refusal::LacksPermission),
        "no 21"
    );
}

#[test]
fn secrets_are_shown_on_behalf_only_by_an_administrator() {
    let world = World::with_apps();
    let decision = world.when_for(1, Some(5), reveal(&world, 2)).expect("12");
    let Event::SecretRevealed(revealed) = &decision.facts[0].event else { panic!("{decision:?}") };
    assert_eq!(&revealed.fields[..], [Field::CLIENT_SECRET]);
    assert_eq!(decision.facts[0].stream.id, 1, "it stands in the administrator's stream");
    assert_eq!(decision.facts[0].tenant, A, "and is an event of the application's tenant");
    assert_eq!(world.when_for(8, Some(5), reveal(&world, 2)).err(), Some(Refusal::Forbidden));
}

#[test]
fn what_was_read_or_sealed_before_a_change_is_prepared_again() {
    let mut world = World::with_apps();
    let stale = reveal(&world, 2);
    world.then(1, update(2));
    assert_eq!(world.when(1, stale).err(), Some(Refusal::Again));
    let other_key = update_with(2, |wish| wish.client_secret = Some(sealed(9)));
    assert_eq!(world.when(1, other_key).err(), Some(Refusal::Again));
    let its_key = update_with(2, |wish| wish.client_secret = Some(sealed(2)));
    assert!(world.when(1, its_key).is_ok());
}

#[test]
fn if_match_holds_exactly_as_long_as_nothing_changed() {
    let mut world = World::with_apps();
    let changed = world.view.state.oauth_apps.rows.get(&OAuthAppId(2)).expect("made above").changed;
    let conditional = || update_with(2, |wish| wish.expected = Some(vec![Sequence(0), changed]));
    assert!(world.when(1, conditional()).is_ok());
    world.then(1, update(2));
    assert_eq!(world.when(1, conditional()).err(), Some(Refusal::PreconditionFailed));
}

#[test]
fn names_are_unique_within_a_tenant_and_free_after_a_delete() {
    let mut world = World::with_apps();
    let taken = Some(Refusal::Taken(Taken::OAuthAppName));
    assert_eq!(world.when(1, create("T app", Some(A), 4)).err(), taken);
    world.then(1, create("other", Some(A), 4));
    let rename = |id, name: &str| {
        let name = super::properties(name);
        update_with(id, |wish| wish.properties = name)
    };
    assert_eq!(world.when(1, rename(4, "T app")).err(), taken);
    assert!(world.when(1, rename(4, "other")).is_ok(), "its own name is no conflict");
    world.then(1, delete(2));
    assert!(world.when(1, rename(4, "T app")).is_ok());
}

#[test]
fn tenant_and_data_store_never_change_and_groups_take_no_application() {
    let world = World::with_apps();
    assert!(world.when(1, update_with(2, |wish| wish.tenant = Some(A))).is_ok());
    let moved = world.when(1, update_with(2, |wish| wish.tenant = Some(B))).err();
    assert!(matches!(moved, Some(Refusal::Invalid { field: "tenantId", .. })), "{moved:?}");
    let changed = world.when(1, update_with(2, |wish| wish.data_store = DataStoreId(1))).err();
    assert!(matches!(changed, Some(Refusal::Invalid { field: "dataStore", .. })), "{changed:?}");
    for store in [56, 55, u32::MAX] {
        let Wish::CreateOAuthApp(wish) = create("x", None, 4) else { unreachable!("made as such") };
        let wish = Wish::CreateOAuthApp(Box::new(CreateOAuthApp { data_store: DataStoreId(store), ..*wish }));
        let refused = world.when(1, wish).err();
        assert!(matches!(refused, Some(Refusal::Invalid { field: "dataStore", .. })), "{store}: {refused:?}");
    }
}
