//! `events`: each format says the same, and none says a secret.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::house::{self, EVENTS, SECRETS, Sample, command, on};

fn lines(sample: &Sample, arguments: &[&str]) -> Vec<Value> {
    let ran = on(&sample.ledger(), &[&["events", "--format", "jsonl"], arguments].concat()).expect(0, &[]);
    ran.out().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn sequences(sample: &Sample, arguments: &[&str]) -> Vec<u64> {
    lines(sample, arguments).iter().map(|line| line["sequence"].as_u64().expect("a number")).collect()
}

#[test]
fn each_line_of_json_is_one_event_with_header_and_body() {
    let sample = Sample::new();
    let lines = lines(&sample, &[]);
    assert_eq!(lines.len() as u64, EVENTS);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["sequence"], number);
        assert_eq!(line["ledgerId"], lines[0]["ledgerId"]);
        assert!(line["recordedAt"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
        if number > 0 {
            assert_eq!(line["previousHash"], lines[number - 1]["hash"]);
        }
    }
    let created = &lines[6];
    assert_eq!(created["type"], "OAuthAppCreated");
    assert_eq!((&created["stream"], &created["actor"]), (&json!("oauth_app/1"), &json!("user/1")));
    assert_eq!(created["event"]["name"], "First app");
    assert_eq!(created["event"]["client_secret"], "(sealed)");
    assert_eq!(created["event"]["description"], "(sealed)");
    assert_eq!(lines[5]["event"]["password"]["hash"], "(sealed)");
    let revealed = lines.iter().find(|line| line["type"] == "SecretRevealed").expect("there is one");
    assert_eq!(revealed["event"]["object"], "oauth_app/1");
    assert_eq!(revealed["event"]["fields"], json!(["clientSecret"]));
    let verified = on(&sample.ledger(), &["verify", "--json"]).expect(0, &[]).json();
    assert_eq!(lines.last().expect("not empty")["hash"], verified["chain"]);
}

#[test]
fn csv_holds_what_json_holds() {
    let sample = Sample::new();
    let text = on(&sample.ledger(), &["events", "--format", "csv"]).expect(0, &[]).out();
    let mut rows = parse_csv(&text).into_iter();
    let names = rows.next().expect("a line of names");
    let lines = lines(&sample, &[]);
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.zip(&lines) {
        assert_eq!(row.len(), names.len());
        for (name, cell) in names.iter().zip(&row) {
            let expected = match &line[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(cell, &expected, "{name} of {line}");
        }
        assert_eq!(names.len(), line.as_object().expect("an object").len());
    }
    // Names stand there even when nothing else does.
    let none = on(&sample.ledger(), &["events", "--format", "csv", "--tenant", "99"]).expect(0, &[]).out();
    assert_eq!(parse_csv(&none), vec![names]);
}

/// RFC 4180, read as strictly as it is written.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let row = rows.last_mut().expect("never empty");
        match character {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                row.last_mut().expect("never empty").push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted => {
                assert_eq!(rest.next(), Some('\n'));
                rows.push(vec![String::new()]);
            }
            other => row.last_mut().expect("never empty").push(other),
        }
    }
    assert_eq!(rows.pop(), Some(vec![String::new()]), "it ends with a line end");
    rows
}

#[test]
fn filters_choose_and_may_be_combined() {
    let sample = Sample::new();
    let all: Vec<u64> = (0..EVENTS).collect();
    let rows: &[(&[&str], &[u64])] = &[
        (&["--type", "RoleCreated"], &[2, 3, 4]),
        (&["--stream", "oauth_app/1"], &[6, 8]),
        (&["--stream", "oauth_app"], &[6, 7, 8, 10]),
        (&["--stream", "oauth_app/99"], &[]),
        (&["--actor", "operator"], &[0, 1, 2, 3, 4, 5]),
        (&["--actor", "user/1"], &[6, 7, 8, 9, 10]),
        (&["--actor", "user/2"], &[]),
        (&["--tenant", "1"], &all),
        (&["--tenant", "2"], &[]),
        (&["--since", "9"], &[9, 10]),
        (&["--since", "1000000"], &[]),
        (&["--until", "1"], &[0, 1]),
        (&["--since", "3", "--until", "4"], &[3, 4]),
        (&["--since", "4", "--until", "3"], &[]),
        (&["--since", "1999-01-01T00:00:00Z"], &all),
        (&["--until", "1999-01-01T00:00:00Z"], &[]),
        (&["--since", "2999-01-01T00:00:00Z"], &[]),
        (&["--actor", "user/1", "--type", "OAuthAppCreated", "--since", "7"], &[7]),
    ];
    for (arguments, expected) in rows {
        assert_eq!(sequences(&sample, arguments), *expected, "{arguments:?}");
    }
    let time = lines(&sample, &["--since", "7", "--until", "7"])[0]["recordedAt"].clone();
    let time = time.as_str().expect("a time");
    assert_eq!(sequences(&sample, &["--since", time])[0], 7);
    assert_eq!(sequences(&sample, &["--until", time]).last(), Some(&7));
}

#[test]
fn the_table_has_a_row_for_each_and_no_format_a_secret() {
    let sample = Sample::new();
    let table = on(&sample.ledger(), &["events"])
        .expect(0, &["SEQUENCE", "oauth_app/1", "user/1", "OAuthAppDeleted"]);
    assert_eq!(table.out().lines().count() as u64, EVENTS + 1);
    assert!(table.err.is_empty(), "no bar on a pipe: {table:?}");
    for format in ["table", "jsonl", "csv", "leaves"] {
        let printed = on(&sample.ledger(), &["events", "--format", format]).expect(0, &[]).bytes;
        for secret in SECRETS {
            assert!(!printed.windows(secret.len()).any(|window| window == secret.as_bytes()), "{format}");
        }
    }
}

#[test]
fn a_reader_who_has_enough_is_no_failure() {
    let sample = Sample::new();
    let directory = sample.ledger();
    let directory = directory.to_str().expect("UTF-8");
    for arguments in [
        &["events", "--format", "jsonl", "--data-dir", directory][..],
        &["events", "--data-dir", directory],
        &["verify", "--data-dir", directory],
        &["replay", "--json", "--data-dir", directory],
        &["serve", "--print-config"],
        &["completions", "bash"],
        &["events", "--help"],
    ] {
        let mut child =
            command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        // Hung up before it has anything to say.
        drop(child.stdout.take());
        let status = house::wait(&mut child);
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said).expect("reads");
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
