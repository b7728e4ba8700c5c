//! What a user may do, and who may change it (hdp-api 9.23).

use events::{
    envelope::{Actor, Stream, StreamKind},
    id::{PermissionId, UserId},
    sealed::KeyId,
    tenant::TenantAdministratorsChanged,
    user::UserStatus,
};

use super::{
    super::{A, SYSTEM, ids, key, login, roles, sealed},
    delete, names, set_permissions, set_status, update, with_password, with_roles, world,
};
use crate::{
    auth::permission::CATALOGUE,
    commands::{Object, Refusal, Wish, user::CreateUser},
};

#[test]
fn what_is_granted_must_be_his_who_grants_and_what_is_there_may_stay() {
    let mut world = world();
    // 17 got 11 and 28 from somebody who may grant them; 14 holds 11.
    with_roles(&mut world, A, 17, &[3], &[7, 11]);
    assert!(world.when(14, set_permissions(17, &[3], &[7])).is_ok(), "less");
    let more = world.when(14, set_permissions(17, &[3], &[7, 13])).err();
    assert_eq!(more, Some(Refusal::NotHisToGrant(PermissionId(13))));
    let by_role = world.when(14, set_permissions(17, &[3, 4], &[7])).err();
    assert_eq!(by_role, Some(Refusal::NotHisToGrant(PermissionId(28))));
    let foreign = world.when(1, set_permissions(17, &[2], &[])).err();
    assert_eq!(foreign, Some(Refusal::UnknownReference(Object::Role(events::id::RoleId(2)))));
    let none = world.when(1, set_permissions(17, &[], &[])).err();
    assert!(matches!(none, Some(Refusal::Invalid { field: "roles", .. })), "{none:?}");
    // 25 is an administrator's to grant, and stays when he who holds it too changes something else.
    with_roles(&mut world, A, 17, &[3], &[25]);
    assert!(world.when(14, set_permissions(17, &[3], &[7, 25])).is_ok());
    with_roles(&mut world, A, 17, &[3], &[]);
    let given = world.when(14, set_permissions(17, &[3], &[25])).err();
    assert_eq!(given, Some(Refusal::NotHisToGrant(PermissionId(25))));
}

/// Decision 23 for each permission there is: by a permission of his own and by a role, in a PUT of the user and of the part,
/// and when he is made.
#[test]
fn each_permission_is_given_to_a_user_only_by_who_may_give_it() {
    let elevated = |id: u16| [12, 22, 23, 24, 25, 26, 27, 28, 29, 101, 102].contains(&id);
    for permission in CATALOGUE.iter().map(|row| row.id.0) {
        let mut world = world();
        // 40 holds it, 41 does not; both may do all else that it takes. 1 holds 12.
        let needed = [7, 11, 13, 15];
        let others: Vec<u16> = needed.into_iter().filter(|id| *id != permission).collect();
        let with: Vec<u16> = others.iter().copied().chain([permission]).collect();
        world.people(&[(40, SYSTEM, &with), (41, SYSTEM, &others)]);
        let won = TenantAdministratorsChanged {
            added: [UserId(40), UserId(41)].into_iter().collect(),
            removed: [].into_iter().collect(),
        };
        world.record(A, Stream::new(StreamKind::TENANT, 2), won.into());
        let role = events::role::RoleCreated {
            name: "it".to_owned(),
            key_id: KeyId([0; 32]),
            description: None,
            permissions: ids(&[permission]),
        };
        world.record(A, Stream::new(StreamKind::ROLE, 50), role.into());
        with_roles(&mut world, A, 17, &[3], &[]);
        let ways = |of: &'static [u64], permissions: Vec<u16>| {
            let made = CreateUser {
                tenant: Some(A),
                key: key(30),
                name: sealed(30),
                login: login(250),
                status: UserStatus::Active,
                password: None,
                roles: roles(of),
                permissions: ids(&permissions),
            };
            [
                set_permissions(17, of, &permissions),
                update(|wish| (wish.roles, wish.permissions) = (roles(of), ids(&permissions))),
                Wish::CreateUser(Box::new(made)),
            ]
        };
        for wish in ways(&[3], vec![permission]).into_iter().chain(ways(&[3, 50], Vec::new())) {
            let refused = Some(Refusal::NotHisToGrant(PermissionId(permission)));
            assert_eq!(world.when(1, wish.clone()).err(), None, "12 gives {permission}: {wish:?}");
            // Who lacks the operation's own permission does not even come that far, and 12 is every permission.
            let by_holder = world.when(40, wish.clone()).err();
            match permission {
                12 => assert_eq!(by_holder, None),
                id if elevated(id) => assert_eq!(by_holder, refused, "he holds {id}, but 12 gives it"),
                id => assert_eq!(by_holder, None, "he holds {id}: {wish:?}"),
            }
            let by_other = world.when(41, wish.clone()).err();
            let operation = if matches!(wish, Wish::CreateUser(_)) { 13 } else { 15 };
            let expected = match permission {
                id if id == operation => Some(Refusal::LacksPermission),
                // What role 3 of the tenant gives is his already, or also not his to give.
                id if [7, 11].contains(&id) => by_other.clone(),
                _ => refused,
            };
            assert_eq!(by_other, expected, "41 does not hold {permission}: {wish:?}");
            assert!(by_other.is_some(), "41 gives {permission}: {wish:?}");
        }
    }
}

#[test]
fn nobody_changes_what_he_may_do_himself() {
    let mut world = world();
    with_roles(&mut world, A, 16, &[3], &[15]);
    assert_eq!(world.when(16, set_permissions(16, &[3], &[])).err(), Some(Refusal::Forbidden));
    assert!(world.when(16, set_permissions(16, &[3], &[15])).is_ok(), "to repeat it is no change");
    let put = |permissions: &'static [u16]| {
        update(|wish| {
            wish.user = UserId(16);
            (wish.login, wish.login_before) = (login(16), login(16));
            wish.permissions = ids(permissions);
        })
    };
    assert_eq!(world.when(16, put(&[15, 7])).err(), Some(Refusal::Forbidden));
    assert_eq!(names(&world.when(16, put(&[15])).expect("granted")), ["UserUpdated"]);
    assert_eq!(world.when(1, set_permissions(1, &[1], &[])).err(), Some(Refusal::Forbidden), "not even 12");
}

#[test]
fn the_last_active_holder_of_12_stays_one() {
    let mut world = world();
    with_roles(&mut world, SYSTEM, 1, &[2], &[12]);
    with_password(&mut world, SYSTEM, 1);
    // 2 holds 12 by a role.
    with_roles(&mut world, SYSTEM, 2, &[1], &[]);
    with_password(&mut world, SYSTEM, 2);
    let takes = |user: u8| {
        [
            set_status(user.into(), UserStatus::Inactive, None),
            set_permissions(user.into(), &[2], &[]),
            delete(user),
            update(|wish| {
                wish.user = UserId(user.into());
                (wish.login, wish.login_before) = (login(user), login(user));
                (wish.roles, wish.permissions) = (roles(&[2]), ids(&[]));
            }),
        ]
    };
    for wish in takes(2) {
        assert!(world.when(1, wish).is_ok(), "1 is left");
    }
    for wish in takes(1) {
        assert!(world.when(2, wish).is_ok(), "2 is left");
    }
    // Two requests at once: the second is decided on what the first leaves.
    world.then(2, set_status(1, UserStatus::Inactive, None));
    for wish in takes(2) {
        let refused = world.when_by(Actor::User(UserId(2)), None, wish.clone()).err();
        let own = matches!(wish, Wish::DeleteUser(_) | Wish::UpdateUser(_) | Wish::SetUserPermissions(_));
        let expected = if own { Refusal::Forbidden } else { Refusal::LastAdministrator };
        assert_eq!(refused, Some(expected), "{wish:?}");
    }
    world.people(&[(30, SYSTEM, &[12])]);
    for wish in takes(2) {
        let refused = world.when(30, wish.clone()).err();
        assert_eq!(refused, Some(Refusal::LastAdministrator), "30 has no password: {wish:?}");
    }
}
