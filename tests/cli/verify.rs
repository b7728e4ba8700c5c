//! `verify` on a data directory that is as it should be, and against heads that somebody wrote down.

use std::ops::ControlFlow;
use std::path::PathBuf;

use authledger::ledger::recover::Opened;
use authledger::ledger::store::Batch;
use events::chain::link;
use events::envelope::{Header, Leaf, Stream, StreamKind};
use events::event::EventType;
use events::id::{CommandId, Epoch, Sequence};
use events::merkle::{Frontier, leaf_hash};
use serde_json::json;

use crate::house::{EVENTS, Sample, contents, on, open};

#[test]
fn a_good_book_is_verified_and_left_as_it_is() {
    let sample = Sample::new();
    let before = contents(sample.place());
    let text = on(&sample.ledger(), &["verify"])
        .expect(0, &["verified: 11 events, 6 commands", "checked", "witness"]);
    assert!(text.err.is_empty(), "no bar on a pipe: {text:?}");
    let answer = on(&sample.ledger(), &["verify", "--json"]).expect(0, &[]).json();
    assert_eq!((&answer["result"], &answer["size"]), (&json!("verified"), &json!(EVENTS)));
    assert_eq!((&answer["unknownBodies"], &answer["commands"]), (&json!(0), &json!(6)));
    for hash in ["chain", "root"] {
        assert_eq!(answer[hash].as_str().map(str::len), Some(64));
        assert!(text.out().contains(answer[hash].as_str().expect("text")));
    }
    assert!(answer["checks"].as_array().is_some_and(|checks| checks.contains(&json!("witness"))));
    assert_eq!(contents(sample.place()), before);
}

#[test]
fn a_head_that_somebody_wrote_down_is_compared() {
    let sample = Sample::new();
    let verify = |arguments: &[&str]| on(&sample.ledger(), &[&["verify"], arguments].concat());
    let replay =
        |until: &str| on(&sample.ledger(), &["replay", "--json", "--until", until]).expect(0, &[]).json();
    let zeros = "0".repeat(64);
    for size in 1..=EVENTS {
        let then = replay(&(size - 1).to_string());
        let (root, chain) = (then["root"].as_str().expect("text"), then["chain"].as_str().expect("text"));
        let size = size.to_string();
        verify(&["--size", &size, "--root", root, "--chain", chain])
            .expect(0, &["verified: 11 events", "head"]);
        verify(&["--size", &size, "--root", &zeros]).expect(10, &["tampered", "(root)"]);
        verify(&["--size", &size, "--chain", &zeros]).expect(10, &["tampered", "(chain)"]);
    }
    verify(&["--size", "0"]).expect(0, &[]);
    verify(&["--size", "12"]).expect(13, &["incomplete", "Events 0 to 10 hang together"]);
    let answer = verify(&["--size", "12", "--json"]).expect(13, &[]).json();
    assert_eq!((&answer["result"], &answer["sequence"]), (&json!("incomplete"), &json!(EVENTS)));
    assert_eq!((&answer["reason"], &answer["intact"]), (&json!("missing"), &json!(EVENTS)));
}

/// Adds an event of a type that this version does not know, as a newer server would have written it.
fn add_from_the_future(sample: &Sample) {
    let opened = open(&sample.ledger());
    let mut last = Vec::new();
    let mut frontier = Frontier::default();
    let read = opened.store.reader().read(Sequence(0), Sequence(EVENTS), &mut |_, leaf| {
        frontier.push(leaf_hash(leaf));
        last = leaf.to_vec();
        ControlFlow::Continue(())
    });
    read.expect("reads");
    let before = Leaf::parse(&last).expect("a leaf").header;
    let header = Header {
        sequence: Sequence(EVENTS),
        stream: Stream::new(StreamKind::GRANT, 1),
        stream_version: 0,
        stream_previous: None,
        command_id: CommandId([9; 16]),
        previous_hash: link(&last),
        origin: None,
        ..before
    };
    let leaf = Leaf { event_type: EventType(64_000), schema_version: 1, header, body: b"not known yet" };
    let leaf = leaf.to_bytes().expect("short");
    frontier.push(leaf_hash(&leaf));
    let Opened { mut store, mut witness, closer, .. } = opened;
    let batch = Batch { leaves: vec![leaf], keys: Vec::new() };
    let head = store.append(&store.head(), &batch).expect("appends");
    witness.record(Epoch(1), head.size, head.chain, frontier.root()).expect("records");
    closer.close(store, witness).expect("closes");
}

#[test]
fn what_a_newer_version_wrote_is_verified_and_not_served() {
    let sample = Sample::new();
    add_from_the_future(&sample);
    let before = contents(sample.place());
    let on = |arguments: &[&str]| on(&sample.ledger(), arguments);
    on(&["verify"]).expect(0, &["verified: 12 events", "unknown  1 bodies", "their meaning was not"]);
    assert_eq!(on(&["verify", "--json"]).expect(0, &[]).json()["unknownBodies"], 1);
    let printed = on(&["events", "--format", "jsonl", "--since", "11"]).expect(0, &[]).json();
    assert_eq!((&printed["type"], &printed["event"]), (&json!("type 64000"), &json!(null)));
    assert_eq!(printed["stream"], "grant/1");
    on(&["replay"]).expect(3, &["event 11", "newer version of authledger"]);
    on(&["replay", "--until", "10"]).expect(0, &["11 events"]);
    on(&["serve", "--listen", "127.0.0.1:0"]).expect(3, &["event 11", "newer version of authledger"]);
    // A server that was refused leaves the log as it was, though it had opened it.
    on(&["verify"]).expect(0, &["verified: 12 events"]);
    let same = |name: &str| {
        let at = |contents: &[(PathBuf, Option<Vec<u8>>)]| {
            contents.iter().find(|(path, _)| path.ends_with(name)).map(|(_, bytes)| bytes.clone())
        };
        at(&before) == at(&contents(sample.place()))
    };
    assert!(same("keys") && same("ledger.key"));
}
