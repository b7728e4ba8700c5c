//! Each permission × who gives it × how (hdp-api 9.23).

use events::{
    id::{PermissionId, RoleId},
    tenant::TenantStatus,
};

use super::{
    A, SYSTEM, World, key,
    roles::{create, update},
};
use crate::{
    auth::permission::{ADMINISTRATOR, CATALOGUE, Category},
    commands::{Refusal, Wish, field::TenantName, role::ImportedRole, tenant::CreateTenant},
};

/// What makes roles and tenants, and changes them.
const MAKES: [u16; 3] = [17, 19, 25];
const HOLDER_OF_12: u64 = 20;
const HOLDER: u64 = 21;
const NON_HOLDER: u64 = 22;
/// To whom roles are given: he holds nothing.
const GIVEN_TO: u64 = 7;

/// Roles 5 of A and 6 of the system tenant hold `permission`, role 7 of A nothing; everybody who gives has access on both.
fn world(permission: PermissionId) -> World {
    let mut world = World::new();
    let with = |more: &[u16]| [&MAKES[..], more].concat();
    let others: Vec<u16> = MAKES.into_iter().filter(|id| *id != permission.0).collect();
    world.people(&[
        (HOLDER_OF_12, SYSTEM, &[12]),
        (HOLDER, SYSTEM, &with(&[permission.0])),
        (NON_HOLDER, SYSTEM, &others),
    ]);
    for tenant in [SYSTEM, A] {
        world.administer(tenant, &[HOLDER, NON_HOLDER]);
    }
    world.role(5, A, &[permission.0]);
    world.role(6, SYSTEM, &[permission.0]);
    world.role(7, A, &[]);
    world
}

/// A tenant with a copy of role 6.
fn import(world: &World) -> Wish {
    let source_changed = world.view.state.roles.rows.get(&RoleId(6)).expect("it is there").changed;
    let copy = ImportedRole { source: RoleId(6), source_changed, key: key(21), description: None };
    Wish::CreateTenant(Box::new(CreateTenant {
        name: TenantName::parse("new").expect("a good name"),
        key: key(20),
        description: None,
        status: TenantStatus::Active,
        roles: vec![copy],
        administrators: [].into_iter().collect(),
    }))
}

#[test]
fn each_permission_is_given_by_its_holders_or_by_12_alone_in_every_way() {
    for row in CATALOGUE {
        let (id, world) = (row.id, world(row.id));
        let elevated = row.category == Category::Elevated && id != ADMINISTRATOR;
        let refused = Some(Refusal::NotHisToGrant(id));
        for (who, may) in [(HOLDER_OF_12, true), (HOLDER, !elevated), (NON_HOLDER, false)] {
            let ways: [(&str, u16, Wish); 6] = [
                ("by a new role", 17, create(A, "new", &[id.0], &[])),
                ("by a new role and membership", 17, create(A, "new", &[id.0], &[GIVEN_TO])),
                ("by a role that gets it", 19, update(7, &[id.0], |_| {})),
                (
                    "by a role that gets it, and membership",
                    19,
                    update(7, &[id.0], |wish| {
                        wish.users = Some([events::id::UserId(GIVEN_TO)].into_iter().collect());
                    }),
                ),
                (
                    "by membership",
                    19,
                    update(5, &[id.0], |wish| {
                        wish.users = Some([events::id::UserId(GIVEN_TO)].into_iter().collect());
                    }),
                ),
                ("by import", 25, import(&world)),
            ];
            for (how, needed, wish) in ways {
                let expected = match who {
                    // He holds all of what the operations need but the one that this is about.
                    NON_HOLDER if needed == id.0 => Some(Refusal::LacksPermission),
                    _ if may => None,
                    _ => refused.clone(),
                };
                assert_eq!(world.when(who, wish).err(), expected, "{id} {how} by {who}");
            }
        }
    }
}

#[test]
fn what_a_role_holds_already_is_nobody_s_to_give_again() {
    // A role may be renamed by who does not hold what it holds: nothing is given.
    for row in CATALOGUE {
        let world = world(row.id);
        let expected = (row.id.0 == 19).then_some(Refusal::LacksPermission);
        assert_eq!(world.when(NON_HOLDER, update(5, &[row.id.0], |_| {})).err(), expected, "{}", row.id);
    }
}

#[test]
fn a_new_tenants_administrators_hold_nothing_that_its_maker_does_not() {
    let mut world = World::new();
    world.people(&[(HOLDER_OF_12, SYSTEM, &[12]), (HOLDER, SYSTEM, &[25, 1]), (NON_HOLDER, SYSTEM, &[1])]);
    world.administer(SYSTEM, &[HOLDER]);
    let with = |administrator: u64| match import(&self::world(PermissionId(1))) {
        Wish::CreateTenant(mut wish) => {
            wish.roles.clear();
            wish.administrators = [events::id::UserId(administrator)].into_iter().collect();
            Wish::CreateTenant(wish)
        }
        other => other,
    };
    assert_eq!(world.when(HOLDER, with(NON_HOLDER)).err(), None, "he holds 1, which the maker does");
    assert_eq!(world.when(HOLDER, with(HOLDER_OF_12)).err(), Some(Refusal::Forbidden));
    assert_eq!(world.when(HOLDER_OF_12, with(HOLDER)).err(), None);
}
