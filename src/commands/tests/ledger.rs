use events::{
    chain::ChainHash,
    envelope::{Actor, Stream, StreamKind},
    id::{CommandId, UserId},
    ledger::{SnapshotTaken, StateDigest},
    merkle::TreeHash,
    sorted::SortedVec,
    user::{UserCreated, UserStatus},
};

use super::{A, NOW, SYSTEM, World, ids, sealed};
use crate::commands::{Cause, Command, Decision, Refusal, Wish, decide, ledger::TakeSnapshot, may_repeat};

fn taken(size: u64) -> SnapshotTaken {
    SnapshotTaken {
        size,
        chain: ChainHash([1; 32]),
        root: TreeHash([2; 32]),
        digest_version: 1,
        digest: StateDigest([3; 32]),
    }
}

fn wish(size: u64) -> Wish {
    Wish::TakeSnapshot(TakeSnapshot { taken: taken(size) })
}

/// With users 10 and 11, who hold 102 in the system tenant and in tenant A.
fn world() -> World {
    let mut world = World::new();
    for (id, tenant) in [(10, SYSTEM), (11, A)] {
        let user = UserCreated {
            name: sealed(0),
            status: UserStatus::Active,
            password: None,
            roles: SortedVec::default(),
            permissions: ids(&[102]),
        };
        world.record(tenant, Stream::new(StreamKind::USER, id), user.into());
    }
    world
}

fn command(actor: Actor, size: u64) -> Command {
    let cause = Cause {
        id: CommandId([3; 16]),
        actor,
        on_behalf_of: None,
        bearer: None,
        idempotency: None,
        origin: None,
    };
    Command { cause, wish: wish(size) }
}

#[test]
fn a_snapshot_is_recorded_in_the_ledgers_own_stream() {
    let world = world();
    let Decision { facts, keys, logins } = world.when(10, wish(world.sequence)).expect("granted");
    assert_eq!((facts.len(), keys.len(), logins.len()), (1, 0, 0));
    assert_eq!(facts[0].stream, Stream::new(StreamKind::LEDGER, 0));
    assert_eq!((facts[0].tenant, &facts[0].event), (SYSTEM, &taken(world.sequence).into()));
}

#[test]
fn whoever_runs_the_installation_takes_snapshots_and_nobody_else() {
    let world = world();
    let may = |actor| decide(&world.view, &command(actor, 1), NOW).map(drop);
    assert_eq!(may(Actor::Operator), Ok(()));
    assert_eq!(may(Actor::System), Err(Refusal::LacksPermission));
    for (user, expected) in [
        (1, Ok(())),
        (10, Ok(())),
        (2, Err(Refusal::LacksPermission)),
        // 102, and even 12, of a child tenant's user: the installation is not his.
        (11, Err(Refusal::LacksPermission)),
        (8, Err(Refusal::LacksPermission)),
        (99, Err(Refusal::ActorGone)),
    ] {
        assert_eq!(may(Actor::User(UserId(user))), expected, "user {user}");
        let repeated = may_repeat(&world.view, &command(Actor::User(UserId(user)), 1));
        assert_eq!(repeated, expected, "user {user} repeats");
    }
    assert_eq!(world.when_for(1, Some(10), wish(1)), Err(Refusal::Forbidden), "nobody takes one for another");
}

#[test]
fn a_snapshot_of_what_has_not_happened_is_refused() {
    let world = world();
    assert_eq!(world.when(1, wish(0)), Err(Refusal::Again));
    assert_eq!(world.when(1, wish(world.sequence + 1)), Err(Refusal::Again));
}
