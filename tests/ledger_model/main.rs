//! Random commands against a naive model of the whole ledger.
//!
//! The model (`model.rs`, `rules.rs`) is lists, linear search and the rules of the documents; it is written without `decide`, without
//! `apply` and without any projection. After every command the ledger's answer, events and every row and index of its state
//! must be what the model says; at the end the live state, a replay of the log and the state after a restart must have the
//! same digest, and the log must verify.

mod compare;
mod house;
mod model;
mod requests;
mod rules;
mod steps;

use std::{cell::RefCell, collections::BTreeMap};

use authledger::ledger::{
    live::{ExecuteError, Receipt},
    memory::Fault,
};
use events::{
    disclosure::SecretRevealed,
    envelope::{Envelope, Stream, StreamKind},
    event::Event,
    id::Sequence,
    sealed::Field,
    verify::{ExpectedHead, Verifier},
};
use projections::State;
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    compare::{compare, compare_events},
    house::House,
    model::Model,
    requests::{Prepared, Request, prepare},
    rules::{Answer, word},
    steps::{Step, steps},
};

/// Carries the steps out, comparing after each, and hands every model state to `after`.
fn carry_out(
    house: &mut House,
    steps: &[Step],
    mut after: impl FnMut(&House, &Model),
) -> Result<Model, String> {
    let mut model = Model::begin(&house.events(0), house.now());
    compare(&model, house).map_err(|error| format!("at the beginning: {error}"))?;
    after(house, &model);
    for (number, step) in steps.iter().enumerate() {
        one(house, &mut model, step).map_err(|error| format!("step {number}, {step:?}: {error}"))?;
        compare(&model, house).map_err(|error| format!("after step {number}, {step:?}: {error}"))?;
        after(house, &model);
    }
    Ok(model)
}

fn one(house: &mut House, model: &mut Model, step: &Step) -> Result<(), String> {
    match step {
        Step::Pass { secs } => {
            house.pass(*secs);
            model.pass(*secs);
            return Ok(());
        }
        Step::Restart => return restart(house),
        Step::FullDisk => {
            house.disk.fail_after(0, Fault::Refuse);
            model.disk_is_full = true;
            return Ok(());
        }
        // A write that fails takes its whole batch with it, and nobody knows where that begins.
        Step::Together { asks } if !model.disk_is_full => return together(house, model, asks),
        Step::Together { asks } => return asks.iter().try_for_each(|ask| one(house, model, ask)),
        Step::Ask { .. } | Step::Again { .. } | Step::Crash { .. } => {}
    }
    let Some(prepared) = ask(house, model, step) else { return Ok(()) };
    if let (Step::Crash { persisted, .. }, expected @ Answer::Recorded(_)) =
        (step, model.answer(&prepared.request))
    {
        let fault = if *persisted { Fault::AfterPersisting } else { Fault::BeforePersisting };
        house.disk.fail_after(0, fault);
        model.disk_is_full = false;
        let outcome = house.execute(prepared.command);
        if !matches!(outcome, Err(ExecuteError::OutcomeUnknown)) {
            return Err(format!("a failed write was answered by {outcome:?}"));
        }
        if *persisted {
            model.record(&prepared.request, &expected, None);
        }
        house.crash_and_start();
        return Ok(());
    }
    let outcome = house.execute(prepared.command);
    judge(model, &prepared.request, outcome)
}

/// Prepares a request, and notes it if it can be repeated.
fn ask(house: &House, model: &mut Model, step: &Step) -> Option<Prepared> {
    let prepared = prepare(house, model, step)?;
    if let Some((key, _)) = &prepared.request.key {
        model.asked.push((prepared.request.by, prepared.request.behalf, *key, prepared.wish.clone()));
    }
    Some(prepared)
}

/// Several commands that wait for the writer at once: it may carry them out in one batch, and must in their order.
fn together(house: &House, model: &mut Model, asks: &[Step]) -> Result<(), String> {
    let prepared: Vec<Prepared> = asks.iter().filter_map(|step| ask(house, model, step)).collect();
    let (requests, commands): (Vec<_>, Vec<_>) =
        prepared.into_iter().map(|prepared| (prepared.request, prepared.command)).unzip();
    let outcomes = house.execute_together(commands);
    for (number, (request, outcome)) in requests.iter().zip(outcomes).enumerate() {
        judge(model, request, outcome).map_err(|error| format!("number {number} of them: {error}"))?;
    }
    Ok(())
}

/// Compares what the ledger answered with what the model says, and carries it out in the model.
fn judge(model: &mut Model, request: &Request, outcome: Result<Receipt, ExecuteError>) -> Result<(), String> {
    let expected = model.answer(request);
    *model.answers.entry(expected.name()).or_default() += 1;
    match (&expected, outcome) {
        (Answer::Refused(refusal), Err(ExecuteError::Refused(actual))) => {
            let (expected, actual) = (word(refusal), word(&actual));
            if expected != actual {
                return Err(format!("it was refused by {actual}, the model says {expected}"));
            }
        }
        (Answer::Recorded(_), Err(ExecuteError::Unavailable(_))) if model.disk_is_full => {
            model.disk_is_full = false;
        }
        (Answer::Recorded(facts), Ok(receipt)) => {
            compare_events(model, request, facts, &receipt)?;
            let tags = receipt.events[0].header.idempotency;
            model.record(request, &expected, tags);
        }
        (Answer::Nothing, Ok(receipt)) => {
            if !receipt.events.is_empty() || receipt.last.0 + 1 != model.size() {
                return Err(format!("nothing should have happened, but {receipt:?}"));
            }
        }
        (Answer::Repeated { first, count }, Ok(receipt)) => {
            let sequences: Vec<u64> = receipt.events.iter().map(|event| event.header.sequence.0).collect();
            let earlier: Vec<u64> = (*first..first + u64::from(*count)).collect();
            if sequences != earlier {
                return Err(format!("{sequences:?} was answered again, the model says {earlier:?}"));
            }
        }
        (expected, actual) => {
            return Err(format!("it was answered by {actual:?}, the model says {expected:?}"));
        }
    }
    Ok(())
}

fn restart(house: &mut House) -> Result<(), String> {
    let live = house.digest();
    house.restart();
    let again = house.digest();
    if live == again { Ok(()) } else { Err(format!("the digest was {live}, after a restart it is {again}")) }
}

/// The log as an auditor sees it, with the head that the witness holds.
fn verify(house: &House) -> Result<(), String> {
    let statement = house.witness.statement().ok_or("the witness says nothing")?;
    let head =
        ExpectedHead { size: statement.size, chain: Some(statement.chain), root: Some(statement.root) };
    let mut verifier = Verifier::expecting([head]).of_ledger(house.id);
    for leaf in house.leaves() {
        verifier.push(&leaf).map_err(|finding| finding.to_string())?;
    }
    verifier.finish().map(drop).map_err(|finding| finding.to_string())
}

/// Every answer there is, ids left out.
const ANSWERS: &[&str] = &[
    "ActorGone",
    "Again",
    "Forbidden",
    "IdempotencyKeyReused",
    "Invalid(dataStore)",
    "Invalid(permissions.permissions)",
    "Invalid(permissions.roles)",
    "Invalid(tenantId)",
    "LacksPermission",
    "NotFound(OAuthApp(OAuthAppId()))",
    "NotFound(User(UserId()))",
    "NotHisToGrant(PermissionId())",
    "OAuthAppCreated",
    "OAuthAppDeleted",
    "OAuthAppUpdated",
    "PreconditionFailed",
    "SecretRevealed",
    "Taken(OAuthAppName)",
    "Taken(TenantName)",
    "Taken(UserName)",
    "TenantCreated",
    "UnknownReference(Role(RoleId()))",
    "UnknownReference(Tenant(TenantId()))",
    "UnknownReference(User(UserId()))",
    "UserCreated",
    "UserLocked",
    "in company",
    "nothing",
    "repeated",
];

/// The answers that were met on the way, by name.
fn check(seed: u64, steps: &[Step]) -> Result<BTreeMap<String, u64>, String> {
    let mut house = House::new(seed);
    let mut model = carry_out(&mut house, steps, |_, _| {})?;
    let (batches, commands) = house.ledger().counts();
    model.answers.insert("in company".to_owned(), commands - batches);
    let (live, replayed) = (house.digest(), house.replayed());
    if live != replayed {
        return Err(format!("the live digest is {live}, a replay's is {replayed}"));
    }
    restart(&mut house)?;
    verify(&house)?;
    Ok(model.answers)
}

#[test]
fn random_commands_agree_with_a_naive_model() {
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    let met = RefCell::new(BTreeMap::<String, u64>::new());
    let outcome = TestRunner::new(config).run(&(any::<u64>(), steps()), |(seed, steps)| {
        for (answer, count) in check(seed, &steps).map_err(TestCaseError::fail)? {
            *met.borrow_mut().entry(answer).or_default() += count;
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // Agreement says little about what was never asked.
    let met = met.into_inner();
    for answer in ANSWERS {
        assert!(met.get(*answer).is_some_and(|count| *count >= 10), "{answer} is hardly ever met: {met:#?}");
    }
}

/// A fold that forgets one event: the event is there for what reads headers only, its contents are not.
fn without_contents(envelope: &Envelope) -> Envelope {
    let other = SecretRevealed {
        object: Stream::new(StreamKind::OAUTH_APP, 0),
        object_sequence: Sequence(0),
        fields: [Field::CLIENT_SECRET].into_iter().collect(),
    };
    Envelope { header: envelope.header.clone(), event: other.into() }
}

fn one_by_one(steps: Vec<Step>) -> Vec<Step> {
    let apart = |step| match step {
        Step::Together { asks } => asks,
        other => vec![other],
    };
    steps.into_iter().flat_map(apart).collect()
}

/// Folds the log once for each of its events, leaving that one out, and asks the model after the command in which it stands.
#[test]
fn one_event_dropped_in_a_fold_is_caught() {
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&(any::<u64>(), steps()), |(seed, steps)| {
        let mut house = House::new(seed);
        let mut missed = Vec::new();
        let mut seen = 0;
        // What one command of a batch did, a later one may undo: here they come one by one.
        let steps = one_by_one(steps);
        carry_out(&mut house, &steps, |house, model| {
            let events = house.events(0);
            for dropped in seen..events.len() {
                let (mut dropping, mut forgetting, mut whole) =
                    (State::default(), State::default(), State::default());
                for (place, envelope) in events.iter().enumerate() {
                    whole.apply(envelope);
                    if place == dropped {
                        forgetting.apply(&without_contents(envelope));
                    } else {
                        dropping.apply(envelope);
                        forgetting.apply(envelope);
                    }
                }
                let only_a_header = matches!(
                    events[dropped].event,
                    Event::LedgerCreated(_) | Event::SnapshotTaken(_) | Event::SecretRevealed(_)
                );
                let caught = compare::compare_state(model, &dropping).is_err()
                    && (only_a_header || compare::compare_state(model, &forgetting).is_err())
                    && compare::compare_state(model, &whole).is_ok();
                if !caught {
                    missed.push(dropped);
                }
            }
            seen = events.len();
        })
        .map_err(TestCaseError::fail)?;
        prop_assert!(missed.is_empty(), "dropping these events is not noticed: {missed:?}");
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
