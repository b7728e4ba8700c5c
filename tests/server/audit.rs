//! Looking back at a real log: beside writers, after a restart, and against what the offline command prints.

use std::thread;

use serde_json::{Value, json};

use crate::answers::{APPS, Client, app};
use crate::place::Place;

const WRITERS: u64 = 4;
const ROUNDS: u64 = 12;

fn history(admin: &Client, stream: &str) -> Vec<Value> {
    let (mut events, mut before) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/audit/objects/{stream}/history?limit=5{before}"));
        assert_eq!(page.status, 200, "{}", page.text());
        let body = page.json();
        events.extend(body["events"].as_array().expect("a list").clone());
        let Some(next) = body.get("next") else { return events };
        before = format!("&before={next}");
    }
}

/// Each writer changes its own application, and looks back at all of it after each change.
fn write_and_look_back(admin: &Client, id: &str) -> Vec<(String, Value)> {
    let path = format!("{APPS}/{id}");
    let mut record = Vec::new();
    for round in 0..ROUNDS {
        let body = app(&format!("app {id} {round}"));
        let answer = admin.send("PUT", &path, &[], Some(&body)).expect("is answered");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let position = answer.header("ledger-sequence").expect("on every write").to_owned();
        let mut shown = answer.json();
        shown.as_object_mut().expect("an object").remove("clientSecret");
        record.push((position, shown));
        look_back(admin, id, &record);
    }
    record
}

fn look_back(admin: &Client, id: &str, record: &[(String, Value)]) {
    for (position, shown) in record {
        let (_, sequence) = position.split_once('.').expect("epoch and sequence");
        let then = admin.get(&format!("{APPS}/{id}?asOf={sequence}"));
        assert_eq!((then.status, &then.json()), (200, shown), "{id} as of {position}");
        assert_eq!(then.header("ledger-sequence"), Some(position.as_str()));
    }
    assert_eq!(history(admin, &format!("oauth_app/{id}")).len(), record.len() + 1);
}

#[test]
fn the_past_is_the_same_beside_writers_and_after_a_restart_and_offline() {
    let place = Place::new();
    let server = place.serve();
    let admin = server.admin();
    for id in 1..=WRITERS {
        assert_eq!(admin.create(&format!("app {id}"), None).expect("is answered").status, 201);
    }
    let records: Vec<_> = thread::scope(|scope| {
        let admin = &admin;
        let writers: Vec<_> = (1..=WRITERS)
            .map(|id| scope.spawn(move || write_and_look_back(admin, &id.to_string())))
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
    });
    assert!(server.stop().success());
    let server = place.serve();
    let admin = server.admin();
    let mut seen = Vec::new();
    for (id, record) in (1..=WRITERS).zip(&records) {
        look_back(&admin, &id.to_string(), record);
        let stream = format!("oauth_app/{id}");
        seen.push((history(&admin, &stream), stream));
    }
    for stream in ["ledger/0", "tenant/1", "role/1", "user/1"] {
        seen.push((history(&admin, stream), stream.to_owned()));
    }
    assert!(server.stop().success());
    // What the offline command prints of a stream is the same, oldest first, and says more.
    for (mut history, stream) in seen {
        history.reverse();
        let printed = place.offline("events", &["--stream", &stream, "--format", "jsonl"]);
        let printed: Vec<Value> =
            printed.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
        assert_eq!(printed.len(), history.len(), "{stream}");
        for (printed, event) in printed.iter().zip(&history) {
            for (name, value) in event.as_object().expect("an object") {
                assert_eq!(&printed[name], value, "{name} in {stream}");
            }
            assert_eq!(printed["stream"], json!(stream));
        }
    }
}
