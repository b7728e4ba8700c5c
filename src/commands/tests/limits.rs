//! Limits by level: who may set them, where which may be set, and which value holds.

use events::{
    envelope::{Stream, StreamKind},
    event::Event,
    id::{DataSourceId, LimitId, Sequence, UserId},
    limit::{LimitCleared, LimitSet},
    tenant::TenantAdministratorsChanged,
};

use super::{A, B, SYSTEM, World};
use crate::commands::{
    Object, Refusal, Wish,
    data_source::DeleteDataSource,
    limit::{ClearLimit, Level, SetLimit, effective, lockout},
};

const ROWS: LimitId = LimitId(1);
const TRIES: LimitId = LimitId(3);
const REQUESTS: LimitId = LimitId(24);

/// Holds 27 and administers A, from the system tenant.
const OF_A: u64 = 20;
/// Holds 27 and administers the system tenant.
const OF_SYSTEM: u64 = 21;
/// Holds 27 and administers nothing.
const OF_NOTHING: u64 = 22;

fn world() -> World {
    let mut world = World::with_owners();
    world.people(&[(OF_A, SYSTEM, &[27]), (OF_SYSTEM, SYSTEM, &[27]), (OF_NOTHING, A, &[27])]);
    for (tenant, added) in [(A, OF_A), (SYSTEM, OF_SYSTEM)] {
        let change = TenantAdministratorsChanged {
            added: [UserId(added)].into_iter().collect(),
            removed: [].into_iter().collect(),
        };
        world.record(tenant, Stream::new(StreamKind::TENANT, tenant.0), change.into());
    }
    world
}

pub(super) fn post(level: Level, limit: LimitId, value: u64) -> Wish {
    Wish::SetLimit(SetLimit { level, limit, value, new: true, expected: None })
}

fn put(level: Level, limit: LimitId, value: u64) -> Wish {
    Wish::SetLimit(SetLimit { level, limit, value, new: false, expected: None })
}

pub(super) fn delete(level: Level, limit: LimitId) -> Wish {
    Wish::ClearLimit(ClearLimit { level, limit, expected: None })
}

fn user(id: u64) -> Level {
    Level::User(UserId(id))
}

fn source(owner: u64, id: u64) -> Level {
    Level::DataSource(UserId(owner), DataSourceId(id))
}

#[test]
fn who_may_set_a_limit_where() {
    let world = world();
    let [tenant_a, tenant_b] = [A, B].map(Level::Tenant);
    let no_tenant = |tenant| Err(Refusal::NotFound(Object::Tenant(tenant)));
    let no_user = |id| Err(Refusal::NotFound(Object::User(UserId(id))));
    let not_his = |id, user| Err(Refusal::NotHisDataSource(DataSourceId(id), UserId(user)));
    let lacks = || Err(Refusal::LacksPermission);
    for (actor, level, expected) in [
        (1, Level::System, Ok(SYSTEM)),
        (1, tenant_b, Ok(B)),
        (1, Level::Tenant(events::id::TenantId(9)), no_tenant(events::id::TenantId(9))),
        (1, user(15), Ok(B)),
        (1, source(10, 4), Ok(SYSTEM)),
        (1, source(10, 1), not_his(1, 10)),
        (1, source(10, 99), not_his(99, 10)),
        (OF_SYSTEM, Level::System, Ok(SYSTEM)),
        (OF_SYSTEM, Level::Tenant(SYSTEM), Ok(SYSTEM)),
        (OF_SYSTEM, tenant_a, no_tenant(A)),
        (OF_A, Level::System, lacks()),
        (OF_A, tenant_a, Ok(A)),
        (OF_A, tenant_b, no_tenant(B)),
        (OF_A, user(11), Ok(A)),
        (OF_A, user(15), no_user(15)),
        (OF_A, user(99), no_user(99)),
        (OF_A, source(11, 1), Ok(A)),
        (OF_A, source(11, 5), not_his(5, 11)),
        (OF_A, source(15, 1), no_user(15)),
        (OF_NOTHING, tenant_a, no_tenant(A)),
        (OF_NOTHING, user(OF_NOTHING), no_user(OF_NOTHING)),
        (3, tenant_a, lacks()),
        (7, Level::System, lacks()),
    ] {
        let decided = world.when(actor, post(level, ROWS, 5));
        let facts = decided.map(|decision| {
            let [fact] = &decision.facts[..] else { panic!("{decision:?}") };
            assert_eq!(fact.stream, level.stream());
            assert_eq!(fact.event, Event::from(LimitSet { limit: ROWS, value: 5 }));
            fact.tenant
        });
        assert_eq!(facts, expected, "user {actor}, {level:?}");
    }
}

#[test]
fn each_limit_is_set_where_it_is_valid_and_within_its_range() {
    let world = world();
    let levels = [Level::System, Level::Tenant(A), user(11), source(11, 1)];
    for (limit, value, valid) in [(ROWS, 1, 4), (REQUESTS, 0, 3), (TRIES, 0, 1), (LimitId(7), 1, 0)] {
        for (place, level) in levels.into_iter().enumerate() {
            let decided = world.when(1, post(level, limit, value)).map(|decision| decision.facts.len());
            let expected = if place < valid { Ok(1) } else { Err(Refusal::NotFound(Object::Limit(limit))) };
            assert_eq!(decided, expected, "limit {limit}, {level:?}");
        }
    }
    let range = |limit, value| world.when(1, post(Level::System, limit, value)).err();
    let rows = Some(Refusal::LimitOutOfRange { min: 1, max: 9_000_000_000_000_000_000 });
    assert_eq!(range(ROWS, 0), rows);
    assert_eq!(range(ROWS, 9_000_000_000_000_000_000), None);
    assert_eq!(range(ROWS, 9_000_000_000_000_000_001), rows);
    assert_eq!(range(LimitId(5), 3), Some(Refusal::LimitOutOfRange { min: 0, max: 2 }));
    assert_eq!(range(LimitId(8), 1441), Some(Refusal::LimitOutOfRange { min: 1, max: 1440 }));
}

#[test]
fn a_limit_is_posted_once_then_put_then_deleted() {
    let mut world = world();
    let level = Level::Tenant(A);
    assert_eq!(world.when(OF_A, put(level, ROWS, 5)).err(), Some(Refusal::NotSet("limit")));
    assert_eq!(world.when(OF_A, delete(level, ROWS)).err(), Some(Refusal::NotSet("limit")));
    world.then(OF_A, post(level, ROWS, 5));
    assert_eq!(world.when(OF_A, post(level, ROWS, 5)).err(), Some(Refusal::SetAlready("limit")));
    assert!(world.when(OF_A, post(Level::System, ROWS, 5)).is_err(), "another level is another matter");
    let changed = world.view.state.limits.of_level(level.stream()).next().expect("set").1.changed;
    for (expected, outcome) in [(changed, None), (Sequence(0), Some(Refusal::PreconditionFailed))] {
        let wish = SetLimit { level, limit: ROWS, value: 6, new: false, expected: Some(vec![expected]) };
        assert_eq!(world.when(OF_A, Wish::SetLimit(wish)).err(), outcome);
        let wish = ClearLimit { level, limit: ROWS, expected: Some(vec![expected]) };
        assert_eq!(world.when(OF_A, Wish::ClearLimit(wish)).err(), outcome);
    }
    world.then(OF_A, put(level, ROWS, 6));
    let cleared = world.then(OF_A, delete(level, ROWS));
    assert_eq!(cleared.facts[0].event, Event::from(LimitCleared { limit: ROWS }));
    assert_eq!(world.view.state.limits.rows.all().count(), 0);
}

#[test]
fn the_nearest_level_that_has_a_value_is_the_one_that_holds() {
    let levels = [source(11, 1), user(11), Level::Tenant(A), Level::System];
    for with in 0..16_u64 {
        let mut world = world();
        for (place, level) in levels.into_iter().enumerate() {
            if with & (1 << place) != 0 {
                world.then(1, post(level, ROWS, 100 + place as u64));
            }
        }
        let holds = |source: bool, user: bool, tenant: bool| {
            let state = &world.view.state;
            let (source, user) = (source.then_some(DataSourceId(1)), user.then_some(UserId(11)));
            effective(state, ROWS, source, user, tenant.then_some(A))
        };
        for asked in 0..8 {
            let given = [asked & 1 != 0, asked & 2 != 0, asked & 4 != 0];
            let nearest = (0..4).find(|place| with & (1 << place) != 0 && (*place == 3 || given[*place]));
            let expected = nearest.map_or(9_000_000_000_000_000_000, |place| 100 + place as u64);
            assert_eq!(holds(given[0], given[1], given[2]), expected, "set {with:04b}, asked {asked:03b}");
        }
    }
}

#[test]
fn accounts_are_locked_by_limits_2_to_4() {
    let mut world = world();
    let before = lockout(&world.view.state);
    assert_eq!((before.limit, before.interval.as_secs(), before.period.as_secs()), (3, 900, 1800));
    for (limit, value) in [(2, 10), (3, 0), (4, 221_000_000_000)] {
        world.then(OF_SYSTEM, post(Level::System, LimitId(limit), value));
    }
    let after = lockout(&world.view.state);
    assert_eq!((after.limit, after.interval.as_secs(), after.period.as_secs()), (0, 10, 221_000_000_000));
}

#[test]
fn what_is_deleted_leaves_no_limit_behind() {
    let mut world = world();
    world.then(1, post(source(11, 1), ROWS, 5));
    world.then(1, post(source(11, 2), ROWS, 5));
    let gone = DeleteDataSource { id: DataSourceId(1), expected: None };
    world.then(11, Wish::DeleteDataSource(gone));
    let left: Vec<_> = world.view.state.limits.rows.all().map(|((level, _), _)| *level).collect();
    assert_eq!(left, [source(11, 2).stream()]);
}
