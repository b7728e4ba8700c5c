//! Random commands against a naive model of the whole ledger.
//!
//! The model (`model.rs`, `rules.rs`) is lists, linear search and the rules of the documents; it is written without `decide`, without
//! `apply` and without any projection. After every command the ledger's answer, events and every row and index of its state
//! must be what the model says; at the end the live state, a replay of the log, the state after a restart, and a snapshot
//! taken on the way with the events after it must have the same digest, and the log must verify.
//!
//! `AUTHLEDGER_SOAK=1` makes it long.

mod answers;
mod client_rules;
mod clients;
mod compare;
mod data_sources;
mod happen;
mod house;
mod limits;
mod lives;
mod model;
mod oauth_profiles;
mod options;
mod requests;
mod roles;
mod rules;
mod setting_rules;
mod settings;
mod sharing;
mod sharing_rules;
mod steps;
mod tenants;
mod token_edge;
mod token_rules;
mod token_steps;
mod token_wishes;
mod tokens;
mod user_rules;
mod users;
mod wishes;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use authledger::{
    commands::Wish,
    ledger::{
        live::{ExecuteError, Receipt},
        memory::Fault,
    },
    vault::login::LoginName,
};
use events::{
    disclosure::SecretRevealed,
    envelope::{Envelope, Stream, StreamKind},
    event::{Event, EventType},
    id::Sequence,
    sealed::Field,
    verify::{ExpectedHead, Verifier},
    whitelist::IpWhitelistSet,
};
use projections::{State, digest::StateDigest};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    answers::{ANSWERS, ANSWERS_ABOUT_TOKENS},
    compare::{compare, compare_events, compare_state},
    house::House,
    model::Model,
    requests::{Ask, Prepared, Request, login_name, prepare},
    rules::{Answer, word},
    steps::{Step, steps, tours},
    token_steps::steps_of_tokens,
};

/// Carries the steps out, comparing after each, and hands every model state to `after`.
fn carry_out(
    house: &mut House,
    steps: &[Step],
    mut after: impl FnMut(&House, &Model),
) -> Result<Model, String> {
    let vault = house.ledger().vault();
    let tag = |name: &str| vault.login_tag(&LoginName::parse(name).expect("a good name"));
    let names = (0..8).map(|number| login_name(number, false)).map(|name| (tag(&name), name)).collect();
    let mut model = Model::begin(&house.events(0), house.now(), names);
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
        Step::Until { moment } => {
            let secs = model.until(*moment);
            house.pass(secs);
            model.pass(secs);
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
    let mut names = expected.names();
    if let (Answer::Nothing, Ask::Other(Wish::RefreshTokens(_))) = (&expected, &request.ask) {
        names.insert("a refresh token's answer again".to_owned());
    }
    for name in names {
        *model.answers.entry(name).or_default() += 1;
    }
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

/// What a snapshot holds.
fn rows(state: &State<'_>) -> Vec<u8> {
    let mut rows = Vec::new();
    state.write(&mut rows).expect("memory is written");
    rows
}

/// A snapshot and the events after it are the state: by its digest, and row by row, every index made anew.
fn compare_loaded(model: &Model, rows: &[u8], tail: &[Envelope], live: StateDigest) -> Result<(), String> {
    let mut rows = rows;
    let mut state = State::load(&mut rows).map_err(|error| error.to_string())?;
    for envelope in tail {
        state.apply(envelope);
    }
    if state.digest() != live {
        return Err(format!(
            "the live digest is {live}, that of a snapshot and its tail is {}",
            state.digest()
        ));
    }
    compare_state(model, &state).map_err(|error| format!("of a snapshot and {} more: {error}", tail.len()))
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

/// The answers that were met on the way, by name.
fn check(seed: u64, steps: &[Step]) -> Result<BTreeMap<String, u64>, String> {
    let mut house = House::new(seed);
    let moment = usize::try_from(seed % (steps.len() as u64 + 1)).expect("few");
    let (mut passed, mut snapshot) = (0, (Vec::new(), 0));
    let mut model = carry_out(&mut house, steps, |house, _| {
        if passed == moment {
            snapshot = house.ledger().read(|view| (rows(&view.state), view.state.log.size()));
        }
        passed += 1;
    })?;
    let (rows, size) = snapshot;
    let tail = house.events(usize::try_from(size).expect("few"));
    compare_loaded(&model, &rows, &tail, house.digest())?;
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

/// Carries random histories out, and looks that each of these answers is met on the way.
fn agrees(cases: u32, steps: impl Strategy<Value = Vec<Step>>, answers: &[&str]) {
    let config = ProptestConfig {
        cases: if std::env::var_os("AUTHLEDGER_SOAK").is_some() { 50 * cases } else { cases },
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let met = RefCell::new(BTreeMap::<String, u64>::new());
    let outcome = TestRunner::new(config).run(&(any::<u64>(), steps), |(seed, steps)| {
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
    if std::env::var_os("MODEL_MET").is_some() {
        eprintln!("{met:#?}");
    }
    for answer in answers {
        assert!(met.get(*answer).is_some_and(|count| *count > 0), "{answer} is never met: {met:#?}");
    }
}

#[test]
fn random_commands_agree_with_a_naive_model() {
    agrees(400, steps(), ANSWERS);
}

#[test]
fn random_commands_for_tokens_agree_with_a_naive_model() {
    agrees(240, steps_of_tokens(), ANSWERS_ABOUT_TOKENS);
}

/// Replays each log once, and snapshots it behind each command on the way.
#[test]
fn a_snapshot_behind_any_command_and_the_events_after_it_are_the_state() {
    let config = ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() };
    let steps = prop_oneof![3 => steps(), 1 => steps_of_tokens()];
    let outcome = TestRunner::new(config).run(&(any::<u64>(), steps), |(seed, steps)| {
        let mut house = House::new(seed);
        let model = carry_out(&mut house, &steps, |_, _| {}).map_err(TestCaseError::fail)?;
        let (live, events) = (house.digest(), house.events(0));
        let mut replayed = State::default();
        for (envelope, tail) in events.iter().zip((1..).map(|next| &events[next..])) {
            replayed.apply(envelope);
            if envelope.header.command_index + 1 == envelope.header.command_count {
                compare_loaded(&model, &rows(&replayed), tail, live).map_err(TestCaseError::fail)?;
            }
        }
        prop_assert_eq!(replayed.digest(), live);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
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

/// The places of events whose dropping nobody notices; `met` are the kinds of those that there were.
fn unnoticed(seed: u64, steps: Vec<Step>, met: &RefCell<BTreeSet<EventType>>) -> Result<Vec<String>, String> {
    let mut house = House::new(seed);
    let mut missed = Vec::new();
    let mut before = 0;
    // What one command of a batch did, a later one may undo: here they come one by one.
    let steps = one_by_one(steps);
    carry_out(&mut house, &steps, |house, model| {
        let events = house.events(0);
        for dropped in before..events.len() {
            met.borrow_mut().insert(events[dropped].event.kind().0);
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
                Event::LedgerCreated(_)
                    | Event::SnapshotTaken(_)
                    | Event::SecretRevealed(_)
                    | Event::GrantDenied(_)
            );
            // To let everybody in where everybody may come in changes nothing.
            let lets_in = match &events[dropped].event {
                Event::IpWhitelistSet(lists) => *lists == IpWhitelistSet::default(),
                Event::UserIpWhitelistSet(set) => set.lists.is_none(),
                _ => false,
            };
            // What was said again in the same breath, too: that somebody may log in, and then that he is unlocked.
            let header = &events[dropped].header;
            let overtaken = events[dropped + 1..].iter().any(|later| {
                (later.header.command_id, later.header.stream) == (header.command_id, header.stream)
            });
            let idle = (lets_in || overtaken) && forgetting.digest() == whole.digest();
            // The end of a stream is what its last event says, so that not even a gap shows.
            let gone = overtaken && dropping.digest() == whole.digest();
            let only_a_header = only_a_header || idle;
            let caught = (gone || compare_state(model, &dropping).is_err())
                && (only_a_header || compare_state(model, &forgetting).is_err())
                && compare_state(model, &whole).is_ok();
            if !caught {
                missed.push(format!("{dropped}: {:?}", events[dropped]));
            }
        }
        before = events.len();
    })?;
    Ok(missed)
}

/// Folds the log once for each of its events, leaving that one out, and asks the model after the command in which it stands.
#[test]
fn one_event_dropped_in_a_fold_is_caught() {
    let config = ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() };
    let met = RefCell::new(BTreeSet::new());
    for tour in tours() {
        assert_eq!(unnoticed(0, tour, &met), Ok(Vec::new()), "on a tour");
    }
    let unmet = EventType::TABLE.iter().filter(|(kind, _, _)| !met.borrow().contains(kind));
    assert_eq!(unmet.collect::<Vec<_>>(), Vec::<&_>::new(), "never dropped");
    let steps = prop_oneof![5 => steps(), 1 => steps_of_tokens()];
    let outcome = TestRunner::new(config).run(&(any::<u64>(), steps), |(seed, steps)| {
        let missed = unnoticed(seed, steps, &met).map_err(TestCaseError::fail)?;
        prop_assert!(missed.is_empty(), "dropping these events is not noticed: {missed:?}");
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
