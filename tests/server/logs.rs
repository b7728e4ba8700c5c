//! The log of a real server: lines that programs can read, each with its request, and levels that change while it runs.

use serde_json::{Map, Value, json};

use crate::answers::{APPS, Answer, Client};
use crate::place::{ADMIN, Place, Server};

const LOGGING: &str = "/api/operate/logging";

/// Every line so far; each must be one flat object with the fields that every line has.
fn lines(server: &Server) -> Vec<Map<String, Value>> {
    let log = server.log();
    // The tour for people stands there once, when the ledger is made; here it was made before.
    log.lines()
        .map(|line| {
            let line: Map<String, Value> =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            for name in ["timestamp", "level", "message", "target"] {
                assert!(line.get(name).is_some_and(Value::is_string), "no {name}: {line:?}");
            }
            assert!(line.values().all(|value| !value.is_object() && !value.is_array()), "{line:?}");
            line
        })
        .collect()
}

/// The lines of one request, by the id in its answer.
fn of(server: &Server, answer: &Answer) -> Vec<Map<String, Value>> {
    let id = Value::from(answer.command());
    lines(server).into_iter().filter(|line| line.get("request") == Some(&id)).collect()
}

fn change(server: &Server, level: &str) -> Answer {
    let answer =
        server.admin().send("PUT", LOGGING, &[], Some(&json!({ "level": level }))).expect("is answered");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

#[test]
fn every_line_for_programs_is_an_object_and_every_request_has_one_with_its_id() {
    let place = Place::new().with("LOG__FORMAT", "json").with("LOG__LEVEL", "debug");
    let server = place.serve();
    let admin = server.admin();
    let anybody = Client::new(server.address(), None);
    let created = admin.create("one", Some("a key")).expect("is answered");
    assert_eq!(created.status, 201);
    let asked = [
        (created.clone(), "DEBUG", "answered", "POST", "/api/mgmt/oauthapps", Some(1), None),
        (
            admin.get(&format!("{APPS}/1")),
            "DEBUG",
            "answered",
            "GET",
            "/api/mgmt/oauthapps/{id}",
            Some(1),
            None,
        ),
        (
            admin.get(&format!("{APPS}/17")),
            "INFO",
            "refused",
            "GET",
            "/api/mgmt/oauthapps/{id}",
            Some(1),
            Some(222_207_711),
        ),
        (admin.get("/api/nothing?name=Jane"), "INFO", "refused", "GET", "other", Some(1), Some(222_299_009)),
        (anybody.get(APPS), "INFO", "refused", "GET", "/api/mgmt/oauthapps", None, Some(222_206_007)),
        (anybody.get("/livez"), "DEBUG", "answered", "GET", "/livez", None, None),
    ];
    for (answer, level, message, method, route, user, code) in &asked {
        let found = of(&server, answer);
        let [line] = found.as_slice() else { panic!("{route}: {found:?}") };
        assert_eq!((&line["level"], &line["message"]), (&json!(level), &json!(message)), "{line:?}");
        assert_eq!((&line["method"], &line["route"]), (&json!(method), &json!(route)), "{line:?}");
        assert_eq!(line["status"], answer.status, "{line:?}");
        assert_eq!(
            (line.get("user"), line.get("code")),
            (user.map(Value::from).as_ref(), code.map(Value::from).as_ref())
        );
        assert!(line["ms"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 60_000.0), "{line:?}");
        assert!(line["path"].as_str().is_some_and(|path| path.starts_with('/') && !path.contains("Jane")));
    }
    // Long lines can't be had for little.
    let made_up = admin.send(&"M".repeat(10_000), "/livez", &[], None).expect("is answered");
    assert_eq!((made_up.status, &of(&server, &made_up)[0]["method"]), (405, &json!("other")));
    let long = admin.get(&format!("/api/{}", "x".repeat(10_000)));
    assert_eq!(of(&server, &long)[0]["path"].as_str().map(str::len), Some(200));
    // A repetition is answered under the first one's id; its line has its own and names that one.
    let repeated = admin.create("one", Some("a key")).expect("is answered");
    assert_eq!((repeated.status, repeated.command()), (201, created.command()));
    let all = lines(&server);
    let first = Value::from(created.command());
    assert_eq!(all.iter().filter(|line| line.get("first") == Some(&first)).count(), 1, "{all:?}");

    assert!(server.stop().success());
}

#[test]
fn a_start_and_a_stop_tell_what_somebody_has_to_know_at_night() {
    let place = Place::new().with("LOG__FORMAT", "json");
    assert!(place.serve().stop().success());
    let server = place.serve();
    let at_start = lines(&server);
    let said: Vec<_> = at_start.iter().map(|line| line["message"].as_str().expect("text")).collect();
    assert_eq!(
        said,
        ["starting: the log is opened and checked before anything is served", "the log is open", "serving",]
    );
    let [starting, open, serving] = at_start.as_slice() else { panic!("{at_start:?}") };
    assert_eq!(starting["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(starting["data_dir"], place.data().to_str().expect("UTF-8"));
    assert!(open["events"].as_u64().is_some_and(|events| events > 0) && open["ms"].is_number(), "{open:?}");
    assert_eq!(serving["listen"], server.address().to_string());
    assert_eq!(serving["public_url"], format!("http://{}", server.address()));
    assert!(server.stop().success());
    let whole = std::fs::read_to_string(place.logs().join("1.err")).expect("reads");
    let last: Value = serde_json::from_str(whole.lines().last().expect("a line")).expect("JSON");
    assert!(last["message"].as_str().is_some_and(|message| message.starts_with("stopped: ")), "{last}");
    assert_eq!(last["events"], open["events"]);
}

#[test]
fn a_level_that_changes_at_run_time_makes_lines_appear_and_vanish() {
    let place = Place::new().with("LOG__FORMAT", "json");
    let server = place.serve();
    let anybody = Client::new(server.address(), None);
    // A line is written before its answer leaves, so what is not there now was not written.
    let is_told = || !of(&server, &anybody.get("/livez")).is_empty();
    assert!(!is_told(), "info");
    let changed = change(&server, "debug");
    assert_eq!(changed.json(), json!({ "level": "debug", "afterRestart": "info" }));
    assert!(is_told(), "debug");
    let told = of(&server, &changed);
    let by_whom = told.iter().find(|line| line["level"] == "WARN").expect("the change itself is told");
    assert_eq!((&by_whom["user"], &by_whom["filter"]), (&json!(1), &json!("debug")), "{by_whom:?}");
    change(&server, "warn,authledger::api::rim=debug");
    assert!(is_told(), "for one room");
    change(&server, "info");
    assert!(!is_told(), "info again");
    for level in ["off", "error"] {
        let silenced = change(&server, level);
        assert!(
            of(&server, &silenced).iter().any(|line| line["filter"] == level) == (level == "off"),
            "{level}"
        );
        assert!(of(&server, &anybody.get(APPS)).is_empty(), "{level}");
    }
    let woken = change(&server, "info");
    assert!(
        of(&server, &woken).iter().any(|line| line["filter"] == "info"),
        "who wakes the log is told by the new filter"
    );
    let refused =
        server.admin().send("PUT", LOGGING, &[], Some(&json!({ "level": "louder" }))).expect("is answered");
    assert_eq!(refused.status, 400);
    assert_eq!(server.admin().get(LOGGING).json(), json!({ "level": "info", "afterRestart": "info" }));
    change(&server, "trace");
    assert!(server.stop().success());
    let server = place.serve();
    assert_eq!(server.admin().get(LOGGING).json()["level"], "info", "a restart goes back to the setting");
    assert!(server.stop().success());
}

#[test]
fn lines_for_people_carry_the_request_too_and_no_name() {
    let place = Place::new();
    let server = place.serve();
    let wrong = Client::new(server.address(), Some((ADMIN.0, "not his password")));
    let answers: Vec<_> = (0..3).map(|_| wrong.get(APPS)).collect();
    let log = crate::place::wait_for("line about the lock", || {
        Some(server.log()).filter(|log| log.contains("an account was locked"))
    });
    for answer in &answers {
        assert!(
            log.lines().any(|line| line.contains(&answer.command()) && line.contains("refused")),
            "{log}"
        );
    }
    // Written beside the answer, and still by the request that caused it.
    let locked = log.lines().find(|line| line.contains("an account was locked")).expect("is there");
    assert!(locked.contains(&answers[2].command()) && locked.contains("user=1"), "{locked}");
    assert!(!log.contains(ADMIN.0), "{log}");
    assert!(server.stop().success());
}
