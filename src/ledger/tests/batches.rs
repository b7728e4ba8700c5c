use std::sync::Arc;

use proptest::prelude::*;
use tokio::sync::oneshot;

use super::{Memory, assert_continuous, create_app, delete_app, digest, rename_app};
use crate::{
    commands::{Command, Refusal},
    ledger::{
        live::{ExecuteError, Outcome},
        writer::Job,
    },
};

/// What a command does, small enough that names collide and ids are missed.
#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Rename(u8, u8),
    Delete(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u8..6).prop_map(Step::Create),
        2 => (1u8..8, 0u8..6).prop_map(|(id, name)| Step::Rename(id, name)),
        1 => (1u8..8).prop_map(Step::Delete),
    ];
    prop::collection::vec(step, 1..30)
}

fn outcome_text(outcome: Result<Outcome, ExecuteError>) -> String {
    match outcome {
        Ok(Outcome::Done(receipt)) => format!("{receipt:?}"),
        Ok(Outcome::Repeated { first, count }) => format!("repeated {first} {count}"),
        Err(error) => error.to_string(),
    }
}

/// Carries `commands` out in batches of the given sizes and tells every outcome.
fn carry_out(memory: &Memory, commands: &[Command], sizes: &[usize]) -> Vec<String> {
    let mut writer = memory.writer(&memory.vault());
    let mut outcomes = Vec::new();
    let mut rest = commands;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (batch, after) = rest.split_at((*size).min(rest.len()));
        rest = after;
        let (jobs, answers): (Vec<_>, Vec<_>) = batch
            .iter()
            .map(|command| {
                let (answer, outcome) = oneshot::channel();
                (Job { command: command.clone(), answer }, outcome)
            })
            .unzip();
        assert!(writer.commit(jobs).is_empty(), "small commands all fit");
        outcomes
            .extend(answers.into_iter().map(|mut answer| outcome_text(answer.try_recv().expect("answered"))));
    }
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// DESIGN 2: a random batch gives the same bytes, the same answers and the same digest as its commands one by one.
    #[test]
    fn a_batch_is_its_commands_one_by_one(steps in steps(), sizes in prop::collection::vec(1usize..12, 1..6)) {
        // Equal seeds: both ledgers begin with the same bytes and the same keys.
        let (batched, single) = (Memory::create(7), Memory::create(7));
        let vault = batched.vault();
        let commands: Vec<Command> = steps
            .iter()
            .map(|step| {
                batched.command(match step {
                    Step::Create(name) => create_app(&vault, &format!("app {name}")),
                    Step::Rename(id, name) => rename_app(u64::from(*id), &format!("app {name}")),
                    Step::Delete(id) => delete_app(u64::from(*id)),
                })
            })
            .collect();
        let outcomes = carry_out(&batched, &commands, &sizes);
        prop_assert_eq!(&outcomes, &carry_out(&single, &commands, &[1]));
        prop_assert_eq!(batched.head(), single.head());
        prop_assert_eq!(batched.replayed(), single.replayed());
        assert_continuous(&batched);
    }
}

#[tokio::test]
async fn the_live_state_is_the_replayed_one_and_that_after_a_restart() {
    let memory = Memory::create(1);
    let ledger = Arc::new(memory.start());
    let vault = memory.vault();
    let mut waiting = Vec::new();
    for number in 0..100 {
        let (ledger, command) =
            (Arc::clone(&ledger), memory.command(create_app(&vault, &format!("app {number}"))));
        waiting.push(tokio::spawn(async move { ledger.execute(command).await }));
    }
    for task in waiting {
        // The queue holds 64: the rest may be turned away, and nothing of those is recorded.
        match task.await.expect("no panic") {
            Ok(receipt) => assert_eq!(receipt.events.len(), 1),
            Err(error) => assert!(matches!(error, ExecuteError::QueueFull), "{error}"),
        }
    }
    let live = digest(&ledger);
    assert_eq!(live, memory.replayed());
    ledger.close().expect("closes in order");
    let again = memory.start();
    assert_eq!(digest(&again), live);
    assert_continuous(&memory);
}

#[tokio::test]
async fn a_refused_command_leaves_nothing_and_its_successor_is_decided_on_what_is_left() {
    let memory = Memory::create(2);
    let ledger = memory.start();
    let vault = memory.vault();
    ledger.execute(memory.command(create_app(&vault, "one"))).await.expect("the name is free");
    let before = digest(&ledger);
    let taken = ledger.execute(memory.command(create_app(&vault, "one"))).await;
    assert!(matches!(taken, Err(ExecuteError::Refused(Refusal::Taken(_)))), "{taken:?}");
    assert_eq!(digest(&ledger), before);
    ledger.execute(memory.command(delete_app(1))).await.expect("it is there");
    let receipt =
        ledger.execute(memory.command(create_app(&vault, "one"))).await.expect("the name is free again");
    assert_eq!(receipt.events[0].header.stream.id, 2, "ids are never given twice");
    assert_eq!(ledger.position(), Some(receipt.position()));
}

#[tokio::test]
async fn closing_carries_out_what_waits_and_takes_nothing_more() {
    let memory = Memory::create(3);
    let ledger = Arc::new(memory.start());
    let vault = memory.vault();
    let command = memory.command(create_app(&vault, "last"));
    let mut waiting = Box::pin(ledger.execute(command));
    // Polled once, so that it is queued before the ledger closes; a quick writer may have answered by then.
    let early = poll_once(&mut waiting).await;
    let closing = Arc::clone(&ledger);
    tokio::task::spawn_blocking(move || closing.close()).await.expect("no panic").expect("closes in order");
    let outcome = match early {
        Some(outcome) => outcome,
        None => waiting.await,
    };
    outcome.expect("carried out before the end");
    let late = ledger.execute(memory.command(create_app(&vault, "late"))).await;
    assert!(matches!(late, Err(ExecuteError::Stopped(_))), "{late:?}");
    assert_eq!(memory.fold().view.state.oauth_apps.rows.all().count(), 1);
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
