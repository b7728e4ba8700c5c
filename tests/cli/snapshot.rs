//! `snapshot`: taken offline, listed, checked; and what a start makes of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::house::{self, EVENTS, Ran, Sample, Server, contents, digest, on, open, run};

/// `authledger snapshot <command>` on a data directory.
fn snapshot(directory: &Path, command: &str, arguments: &[&str]) -> Ran {
    let directory = directory.to_str().expect("UTF-8");
    run(&[&["snapshot", command, "--data-dir", directory], arguments].concat())
}

fn file(directory: &Path, size: u64) -> PathBuf {
    directory.join(format!("snapshots/{size}.snapshot"))
}

fn listed(directory: &Path) -> Vec<Value> {
    let list = snapshot(directory, "list", &["--json"]).expect(0, &[]).json();
    list["snapshots"].as_array().expect("a list").clone()
}

#[test]
fn one_is_taken_listed_checked_and_taken_up() {
    let sample = Sample::new();
    let ledger = sample.ledger();
    snapshot(&ledger, "list", &[]).expect(0, &["There are no snapshots."]);
    snapshot(&ledger, "verify", &[]).expect(0, &["There are no snapshots."]);
    let before = digest(&ledger, &[]);

    let taken = snapshot(&ledger, "create", &["--json"]).expect(0, &[]).json();
    assert_eq!((taken["size"].as_u64(), taken["sequence"].as_u64()), (Some(EVENTS), Some(EVENTS)));
    assert_eq!(taken["digest"], before, "of the state before it was recorded");
    let path = file(&ledger, EVENTS);
    assert_eq!(taken["file"], path.to_str().expect("UTF-8"));
    assert_eq!(taken["bytes"], fs::metadata(&path).expect("is there").len());
    let said = on(&ledger, &["events", "--type", "SnapshotTaken", "--format", "jsonl"]).expect(0, &[]);
    let event: Value = serde_json::from_slice(&said.bytes).expect("one event");
    assert_eq!((&event["actor"], &event["event"]["digest"]), (&Value::from("operator"), &taken["digest"]));
    assert_eq!((&event["event"]["chain"], &event["event"]["root"]), (&taken["chain"], &taken["root"]));

    let list = listed(&ledger);
    assert_eq!(list.len(), 1);
    for (name, value) in [
        ("size", Value::from(EVENTS)),
        ("digest", taken["digest"].clone()),
        ("bytes", taken["bytes"].clone()),
        ("sequence", Value::from(EVENTS)),
        ("whole", Value::from(true)),
        ("confirmed", Value::from(true)),
        ("problem", Value::Null),
    ] {
        assert_eq!(list[0][name], value, "{name}");
    }
    snapshot(&ledger, "list", &[]).expect(0, &["good", taken["digest"].as_str().expect("a digest")]);
    snapshot(&ledger, "verify", &[]).expect(0, &["11  same"]);
    snapshot(&ledger, "verify", &["11"]).expect(0, &["11  same"]);
    snapshot(&ledger, "verify", &["12"]).expect(1, &["there is no snapshot of 12 events"]);

    let opened = open(&ledger);
    assert_eq!(opened.started.snapshot.expect("taken up").size, EVENTS);
    assert_eq!((opened.started.folded, opened.skipped.len()), (1, 0));
    opened.closer.close(opened.store, opened.witness).expect("closes");
    on(&ledger, &["verify"]).expect(0, &["verified: 12 events"]);
}

#[test]
fn a_server_started_from_one_answers_as_before_and_writes_on() {
    let sample = Sample::new();
    let ledger = sample.ledger();
    let ask = |server: &Server| {
        ["/api/mgmt/oauthapps", "/api/admin/users", "/api/admin/tenants", "/api/mgmt/oauthapps/1"]
            .map(|path| server.send("GET", path, None))
    };
    let settings = [("AUTHLEDGER_SECRETS__REVEAL", "never")];
    let server = Server::start_with(&ledger, &settings);
    let before = ask(&server);
    server.stop();
    snapshot(&ledger, "create", &[]).expect(0, &["A snapshot of 11 events", "Recorded as event 11."]);

    let server = Server::start_with(&ledger, &settings);
    assert_eq!(ask(&server), before);
    let ready = server.send("GET", "/readyz", None);
    assert!(matches!(ready["verification"]["state"].as_str(), Some("running" | "done")), "{ready}");
    assert_eq!(ready["verification"]["of"], EVENTS);
    let made = server.send("POST", "/api/mgmt/oauthapps", Some(&house::application("Third app")));
    assert_eq!(made["id"], "3", "ids go on where they were");
    let after = ask(&server);
    server.stop();

    // Once more by it, and without: the same.
    let server = Server::start_with(&ledger, &settings);
    assert_eq!(ask(&server), after);
    server.stop();
    fs::remove_dir_all(ledger.join("snapshots")).expect("removes");
    let server = Server::start_with(&ledger, &settings);
    assert_eq!(ask(&server), after);
    assert_eq!(server.send("GET", "/readyz", None)["verification"]["state"], "none");
    server.stop();
    on(&ledger, &["verify"]).expect(0, &["verified: 13 events"]);
}

#[test]
fn l03_what_is_wrong_with_one_is_said_and_keeps_nothing_from_starting() {
    let sample = Sample::new();
    let ledger = sample.ledger();
    snapshot(&ledger, "create", &[]).expect(0, &[]);
    let path = file(&ledger, EVENTS);
    let bytes = fs::read(&path).expect("reads");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    fs::write(&path, &flipped).expect("writes");
    let list = listed(&ledger);
    assert_eq!(
        (&list[0]["whole"], &list[0]["problem"]),
        (&Value::from(false), &Value::from("it is damaged"))
    );
    snapshot(&ledger, "list", &[]).expect(0, &["it is damaged"]);
    snapshot(&ledger, "verify", &[]).expect(1, &["11  differs: it is damaged"]);
    let checked = snapshot(&ledger, "verify", &["--json"]).expect(1, &[]).json();
    assert_eq!(checked["snapshots"][0]["result"], "differs");

    // The next one says what it could not build upon.
    snapshot(&ledger, "create", &[])
        .expect(0, &["passed over", "11.snapshot: it is damaged", "of 12 events"]);
    snapshot(&ledger, "verify", &["12"]).expect(0, &["12  same"]);
    snapshot(&ledger, "verify", &[]).expect(1, &["12  same", "11  differs"]);
    fs::write(&path, &bytes).expect("writes");

    // True, but the log does not say so: the state of events 0 to 12, taken by a process that died before recording it.
    let other = sample.place().join("other");
    house::copy(&ledger, &other);
    fs::copy(sample.place().join("ledger.key"), sample.place().join("other.key")).expect("copies");
    snapshot(&other, "create", &[]).expect(0, &["of 13 events"]);
    fs::copy(file(&other, 13), file(&ledger, 13)).expect("copies");
    snapshot(&ledger, "verify", &["13"]).expect(1, &["13  unconfirmed: the log does not confirm it"]);
    assert_eq!(listed(&ledger)[0]["confirmed"], false);
    // And one of a log that goes further than this one.
    snapshot(&other, "create", &[]).expect(0, &["of 14 events"]);
    fs::copy(file(&other, 14), file(&ledger, 14)).expect("copies");
    let newer = "it is newer than the log: it holds 14 events, the log 13";
    snapshot(&ledger, "verify", &["14"]).expect(1, &[newer]);
    let before = digest(&ledger, &[]);
    let opened = open(&ledger);
    assert_eq!(opened.started.snapshot.expect("taken up").size, 12);
    assert_eq!(opened.folded.view.state.digest().to_string(), before);
    opened.closer.close(opened.store, opened.witness).expect("closes");
}

#[test]
fn the_three_newest_are_kept() {
    let sample = Sample::new();
    let ledger = sample.ledger();
    for _ in 0..5 {
        snapshot(&ledger, "create", &[]).expect(0, &[]);
    }
    let sizes: Vec<u64> = listed(&ledger).iter().map(|one| one["size"].as_u64().expect("a size")).collect();
    assert_eq!(sizes, [15, 14, 13]);
    snapshot(&ledger, "verify", &[]).expect(0, &["15  same", "14  same", "13  same"]);
}

#[test]
fn a_directory_in_use_is_refused_with_what_to_ask_the_server() {
    let sample = Sample::new();
    let ledger = sample.ledger();
    let server = Server::start(&ledger);
    let asked = ["already running", "curl -u NAME -X POST http://127.0.0.1:8080/api/operate/snapshots"];
    snapshot(&ledger, "create", &[]).expect(3, &asked);
    for command in ["list", "verify"] {
        let asked = ["already running", "curl -u NAME http://127.0.0.1:8080/api/operate/snapshots"];
        snapshot(&ledger, command, &[]).expect(3, &asked);
    }
    server.stop();
    assert!(!ledger.join("snapshots").exists());
}

#[test]
fn a_directory_that_is_no_ledger_is_left_as_it_was() {
    let place = tempfile::tempdir().expect("a directory");
    for command in ["create", "list", "verify"] {
        snapshot(&place.path().join("none"), command, &[]).expect(3, &["is no ledger"]);
    }
    assert_eq!(contents(place.path()), []);
    snapshot(place.path(), "make", &[]).expect(2, &["unrecognized subcommand"]);
}
