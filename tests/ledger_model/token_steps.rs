//! Histories of client applications and what they get.

use proptest::{collection::vec, option, prelude::*};

use crate::{
    clients::{self, PolicyWish, RunAs, clients},
    limits,
    steps::{ADMINISTRATOR, Step, Wish, by_somebody, id},
    tenants,
    token_wishes::{self, consents, tokens},
    users,
};

/// What applications and their users ask for, one after the other and in quick succession.
fn token_step() -> impl Strategy<Value = Step> {
    let by = || prop_oneof![3 => Just(Some(ADMINISTRATOR)), 6 => (1..6_u8).prop_map(Some)];
    let wish = prop_oneof![3 => clients(), 5 => consents(), 14 => tokens(), 1 => limits::minutes_of_tokens()]
        .boxed();
    let users = prop_oneof![4 => users::ends_of_users(), 1 => (1..3_u8, 3..7_u8).prop_map(|(tenant, name)| somebody(tenant, name))];
    let of_users = users.prop_map(|wish| by_somebody(ADMINISTRATOR, wish));
    // By himself, or by wrong passwords.
    let own = (1..6_u8, users::own_passwords()).prop_map(|(by, wish)| by_somebody(by, wish));
    let locks = (1..6_u8, 1..200).prop_map(|(user, secs)| by_somebody(user, Wish::Lock { user, secs }));
    let ask = || {
        let behalf = option::weighted(0.04, id());
        let key = option::weighted(0.1, 0..9_u8);
        (by(), behalf, key, wish.clone()).prop_map(|(by, behalf, key, wish)| Step::Ask {
            by,
            behalf,
            key,
            wish,
        })
    };
    // A minute for codes and repetitions, ten of them for codes that are spent, an hour for what is over, a day for keys.
    let secs = prop_oneof![
        6 => 0..30_u32, 3 => 55..65_u32, 1 => Just(60), 2 => 590..670_u32, 2 => 3500..7300_u32, 1 => 86_000..86_800_u32
    ];
    let crash = (wish.clone(), any::<bool>()).prop_map(|(wish, persisted)| Step::Crash {
        by: Some(ADMINISTRATOR),
        wish,
        persisted,
    });
    prop_oneof![
        55 => ask(),
        6 => of_users,
        2 => own,
        1 => locks,
        8 => vec(ask(), 2..5).prop_map(|asks| Step::Together { asks }),
        8 => secs.prop_map(|secs| Step::Pass { secs }),
        5 => any::<u8>().prop_map(|moment| Step::Until { moment }),
        2 => crash,
        1 => any::<u8>().prop_map(|back| Step::Again { back }),
        1 => Just(Step::Restart),
        1 => Just(Step::FullDisk),
    ]
}

fn with_password(tenant: u8, name: u8, roles: Vec<u8>, permissions: Vec<u8>) -> Wish {
    Wish::User {
        tenant: Some(tenant),
        name,
        active: true,
        password: Some((false, None)),
        roles,
        permissions,
        foreign_key: false,
    }
}

/// Who can do nothing but what everybody can: of tenant 1 or 2.
fn somebody(tenant: u8, name: u8) -> Wish {
    with_password(tenant, name, vec![if tenant == 1 { 3 } else { 5 }], Vec::new())
}

/// Four users, two of them in tenant 2, and applications of all kinds: 1 goes every way, 2 is public, 3 changes its refresh tokens
/// and runs as user 3, 4 is user 3's and runs as user 4, 5 has HDP's properties alone.
pub(crate) fn world_of_clients() -> Vec<Step> {
    let tenant = Wish::Tenant {
        name: 0,
        active: true,
        roles: vec![2, 3],
        stale: false,
        administrators: vec![],
        described: false,
    };
    let user = with_password;
    let every_way = || PolicyWish {
        grants: Some(0b1111),
        scopes: Some(7),
        password_days: Some(300),
        ..PolicyWish::default()
    };
    let all = || PolicyWish { scopes: Some(7), ..PolicyWish::default() };
    let runs = || PolicyWish {
        grants: Some(0b0111),
        rotates: Some(true),
        run_as: Some(RunAs::User(3)),
        resource: Some(true),
        ..all()
    };
    vec![
        by_somebody(1, tenant),
        by_somebody(1, user(1, 1, vec![3], vec![25, 28])),
        by_somebody(1, user(2, 2, vec![4], vec![28])),
        by_somebody(1, user(2, 3, vec![5], vec![])),
        by_somebody(1, Wish::OldTenant(tenants::of_his(2, 3))),
        by_somebody(1, clients::register(0, false, every_way())),
        by_somebody(1, clients::register(1, true, all())),
        by_somebody(1, clients::register(2, false, runs())),
        by_somebody(3, clients::register(0, false, PolicyWish { rotates: Some(true), ..all() })),
        by_somebody(2, clients::register(3, false, PolicyWish::default())),
        by_somebody(1, clients::put(4, PolicyWish { run_as: Some(RunAs::User(4)), ..runs() })),
        by_somebody(3, token_wishes::allow(2, true)),
        by_somebody(3, Wish::Token(token_wishes::redeem())),
        by_somebody(4, token_wishes::allow(1, false)),
        by_somebody(4, Wish::Token(token_wishes::redeem())),
    ]
}

/// The same of client applications and what they get.
pub(crate) fn steps_of_tokens() -> impl Strategy<Value = Vec<Step>> {
    vec(token_step(), 1..90).prop_map(|then| [world_of_clients(), then].concat())
}
