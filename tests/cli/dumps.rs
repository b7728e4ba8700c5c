//! Dumps: written by one command, verified by another, and by a program that shares no code with either.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::house::{EVENTS, Ran, Sample, command, contents, finish, on, run};
use crate::python::python;

fn verify(dump: &Path, arguments: &[&str]) -> Ran {
    run(&[&["verify", "--dump", dump.to_str().expect("UTF-8")], arguments].concat())
}

/// What the verifier that was written from FORMAT.md alone says about a dump.
fn other(dump: &Path) -> Ran {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/verify.py");
    finish(Command::new(python()).arg(program).arg(dump))
}

#[test]
fn a_dump_verifies_here_and_elsewhere_as_the_log_does() {
    let sample = Sample::new();
    let dump = sample.place().join("dump");
    fs::write(&dump, sample.dump()).expect("writes");
    let before = contents(sample.place());
    let log = on(&sample.ledger(), &["verify", "--json"]).expect(0, &[]).json();
    let mut answer = verify(&dump, &["--json"]).expect(0, &[]).json();
    // A dump has no witness.
    assert_eq!(answer["checks"].as_array().map(|checks| checks.contains(&json!("witness"))), Some(false));
    answer["checks"] = log["checks"].clone();
    assert_eq!(answer, log);
    let (root, chain) = (log["root"].as_str().expect("text"), log["chain"].as_str().expect("text"));
    verify(&dump, &["--size", "11", "--root", root, "--chain", chain]).expect(0, &["verified"]);
    verify(&dump, &["--size", "12"]).expect(13, &["incomplete", "sequence 11"]);

    let piped = finish(command(&["verify", "--dump", "-"]).stdin(File::open(&dump).expect("opens")));
    piped.expect(0, &["verified: 11 events", chain, root]);

    let size = format!("size {EVENTS}");
    other(&dump).expect(0, &["good", &size, &format!("chain {chain}"), &format!("root {root}")]);
    assert_eq!(contents(sample.place()), before);
}

#[test]
fn a_dump_up_to_an_event_is_a_log_of_its_own() {
    let sample = Sample::new();
    let dump = sample.place().join("dump");
    fs::write(&dump, on(&sample.ledger(), &["events", "--format", "leaves", "--until", "5"]).bytes)
        .expect("writes");
    verify(&dump, &[]).expect(0, &["verified: 6 events, 1 commands"]);
    fs::write(&dump, on(&sample.ledger(), &["events", "--format", "leaves", "--until", "4"]).bytes)
        .expect("writes");
    verify(&dump, &[]).expect(13, &["incomplete", "5 of 6 events"]);
    other(&dump).expect(13, &["unfinished"]);
}

#[test]
fn a_damaged_dump_is_named_alike_by_both() {
    let sample = Sample::new();
    let good = sample.dump();
    let path = sample.place().join("dump");
    let leaf = |sequence: usize| {
        let mut at = 0;
        for _ in 0..sequence {
            at += 4 + u32::from_le_bytes(good[at..at + 4].try_into().expect("four")) as usize;
        }
        at
    };
    let cut = |from: usize, to: usize| [&good[..from], &good[to..]].concat();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let swapped =
        [&good[..leaf(7)], &good[leaf(8)..leaf(9)], &good[leaf(7)..leaf(8)], &good[leaf(9)..]].concat();
    let rows: &[(&str, Vec<u8>, i32, u64, &str)] = &[
        ("a byte of a body", flipped(leaf(7) - 1), 10, 6, "chain"),
        ("a byte of a time", flipped(leaf(8) + 4 + 36), 10, 8, "chain"),
        ("the magic", flipped(leaf(3) + 4), 10, 3, "header"),
        ("a length", flipped(leaf(2) + 2), 10, 2, "length"),
        ("a leaf left out", cut(leaf(7), leaf(8)), 10, 7, "sequence"),
        ("the beginning left out", cut(0, leaf(1)), 10, 0, "sequence"),
        ("two leaves exchanged", swapped, 10, 7, "sequence"),
        ("half of the last leaf", good[..good.len() - 20].to_vec(), 13, 10, "cut"),
        ("no end of the first command", good[..leaf(5)].to_vec(), 13, 5, "unfinished"),
    ];
    for (name, bytes, code, sequence, reason) in rows {
        fs::write(&path, bytes).expect("writes");
        let answer = verify(&path, &["--json"]).expect(*code, &[]).json();
        assert_eq!((&answer["sequence"], &answer["reason"]), (&json!(sequence), &json!(reason)), "{name}");
        assert!(answer["message"].as_str().is_some_and(|text| text.len() > 20), "{name}: {answer}");
        let said = format!("sequence {sequence}\nreason {reason}");
        other(&path).expect(*code, &[&said]);
        verify(&path, &[])
            .expect(*code, &[answer["result"].as_str().expect("text"), "Keep the dump as evidence"]);
    }
    fs::write(&path, b"").expect("writes");
    assert_eq!(verify(&path, &["--json"]).expect(0, &[]).json()["ledgerId"], Value::Null);
}

#[test]
fn what_is_no_dump_is_said_so() {
    let sample = Sample::new();
    verify(&sample.place().join("nowhere"), &[]).expect(3, &["nowhere can't be read"]);
    verify(&sample.ledger(), &[]).expect(3, &["it is a directory", "--data-dir"]);
    let text = sample.place().join("text");
    fs::write(&text, "sequence,recordedAt,type\n").expect("writes");
    verify(&text, &[]).expect(10, &["tampered", "sequence 0"]);
}
