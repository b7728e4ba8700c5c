use std::time::Duration;

use super::{Memory, NOON, create_app, digest};
use crate::ledger::{
    live::{ExecuteError, Health, Ledger, Position, Stop, WaitError},
    memory::Fault,
};

/// Fails the first append of a running ledger and tells: the answer, the answer to the next command, and how many
/// applications a restart finds.
async fn fail_append(fault: Fault) -> (ExecuteError, Result<(), ExecuteError>, usize, Health) {
    let memory = Memory::create(4);
    let ledger = memory.start();
    let vault = memory.vault();
    let before = digest(&ledger);
    memory.disk.fail_after(0, fault);
    let first =
        ledger.execute(memory.command(create_app(&vault, "first"))).await.expect_err("the append failed");
    assert_eq!(digest(&ledger), before, "readers never see what is not durable");
    let health = ledger.health();
    let second = ledger.execute(memory.command(create_app(&vault, "second"))).await.map(drop);
    let closed = ledger.close();
    assert_eq!(closed.is_err(), matches!(health, Health::Stopped(_)), "{closed:?}");
    let restarted = memory.start();
    assert_eq!(digest(&restarted), memory.replayed());
    let apps = restarted.read(|view| view.state.oauth_apps.rows.all().count());
    (first, second, apps, health)
}

#[tokio::test]
async fn an_append_that_failed_before_persisting_ends_the_writer_and_leaves_nothing() {
    let (first, second, apps, health) = fail_append(Fault::BeforePersisting).await;
    assert!(matches!(first, ExecuteError::OutcomeUnknown), "{first}");
    assert!(matches!(second, Err(ExecuteError::Stopped(Stop::Append(_)))), "{second:?}");
    assert!(matches!(health, Health::Stopped(Stop::Append(_))));
    assert_eq!(apps, 0);
}

#[tokio::test]
async fn an_append_that_failed_after_persisting_ends_the_writer_and_a_restart_finds_it() {
    let (first, second, apps, _) = fail_append(Fault::AfterPersisting).await;
    assert!(matches!(first, ExecuteError::OutcomeUnknown), "{first}");
    assert!(matches!(second, Err(ExecuteError::Stopped(_))), "{second:?}");
    assert_eq!(apps, 1, "never acknowledged, but part of history");
}

#[tokio::test]
async fn an_append_that_was_refused_leaves_the_writer_working() {
    let (first, second, apps, health) = fail_append(Fault::Refuse).await;
    assert!(matches!(first, ExecuteError::Unavailable(_)), "{first}");
    assert!(matches!(health, Health::NoRoom(_)), "{health:?}");
    second.expect("there is room again");
    assert_eq!(apps, 1);
}

#[tokio::test]
async fn a_witness_that_failed_ends_the_writer_before_anybody_hears_of_the_batch() {
    let memory = Memory::create(5);
    let ledger = memory.start();
    let vault = memory.vault();
    let before = digest(&ledger);
    memory.witness.fail_after(0);
    let first = ledger.execute(memory.command(create_app(&vault, "first"))).await;
    assert!(matches!(first, Err(ExecuteError::OutcomeUnknown)), "{first:?}");
    assert_eq!(digest(&ledger), before);
    assert!(matches!(ledger.health(), Health::Stopped(Stop::Witness(_))));
}

#[tokio::test]
async fn a_clock_that_jumped_stops_writes_until_it_is_back() {
    let memory = Memory::create(6);
    let ledger = memory.start();
    let vault = memory.vault();
    memory.clock.set_wall(NOON.saturating_add_secs(365 * 24 * 60 * 60));
    let refused = ledger.execute(memory.command(create_app(&vault, "one"))).await;
    assert!(matches!(refused, Err(ExecuteError::Clock(_))), "{refused:?}");
    assert!(matches!(ledger.health(), Health::Clock(_)));
    memory.clock.set_wall(NOON);
    ledger.execute(memory.command(create_app(&vault, "one"))).await.expect("the clock is back");
    assert_eq!(ledger.health(), Health::Writing);
    memory.clock.set_wall(NOON.saturating_add_secs(-60));
    let receipt =
        ledger.execute(memory.command(create_app(&vault, "two"))).await.expect("a clock set back is held");
    assert_eq!(receipt.events[0].header.recorded_at, NOON, "stamps never go back");
}

/// Asks until writes are taken again; the writer looks beside whoever asks.
async fn recovers(ledger: &Ledger) {
    let asked = async {
        while ledger.health() != Health::Writing {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked).await.expect("well again without a write");
}

/// A balancer that hears "not ready" sends no write; the ledger was not ready for ever after.
#[tokio::test]
async fn what_has_passed_is_noticed_without_a_write() {
    let memory = Memory::create(9);
    let ledger = memory.start();
    let vault = memory.vault();
    memory.disk.fail_after(0, Fault::Refuse);
    let refused = ledger.execute(memory.command(create_app(&vault, "one"))).await;
    assert!(matches!(refused, Err(ExecuteError::Unavailable(_))), "{refused:?}");
    assert!(matches!(ledger.health(), Health::NoRoom(_)));
    recovers(&ledger).await;

    memory.clock.set_wall(NOON.saturating_add_secs(365 * 24 * 60 * 60));
    let refused = ledger.execute(memory.command(create_app(&vault, "one"))).await;
    assert!(matches!(refused, Err(ExecuteError::Clock(_))), "{refused:?}");
    for _ in 0..100 {
        assert!(matches!(ledger.health(), Health::Clock(_)), "the clock is still wrong");
    }
    memory.clock.set_wall(NOON);
    recovers(&ledger).await;
    assert_eq!(memory.head().size, 6, "looking records nothing");
    ledger.execute(memory.command(create_app(&vault, "one"))).await.expect("and writes are taken");
}

#[tokio::test]
async fn a_read_waits_for_the_position_its_caller_saw() {
    let memory = Memory::create(8);
    let ledger = memory.start();
    let seen = ledger.position().expect("the first command");
    assert_eq!(ledger.reached(seen).await, Ok(()));
    let next = Position { sequence: seen.sequence.next(), ..seen };
    assert_eq!(ledger.reached(next).await, Err(WaitError::NotReached), "after half a second");
    let other = Position { epoch: events::id::Epoch(2), ..seen };
    assert_eq!(ledger.reached(other).await, Err(WaitError::OtherEpoch));
    let (waited, receipt) = tokio::join!(
        ledger.reached(next),
        ledger.execute(memory.command(create_app(&memory.vault(), "one")))
    );
    assert_eq!(receipt.expect("the name is free").position(), next);
    assert_eq!(waited, Ok(()));
}
