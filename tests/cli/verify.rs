//! `verify` on a data directory that is as it should be, and against heads that somebody wrote down.

use serde_json::json;

use crate::house::{EVENTS, Sample, contents, on};

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
