//! `replay`: the same state from the log as the server had, at any moment.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use authledger::api::{AppState, router};
use authledger::clock::{Clock, Random, SystemClock, SystemRandom};
use authledger::config::{Config, Reveal};
use authledger::ledger::live::Ledger;
use authledger::ledger::recover::Opened;
use authledger::ledger::start::{WriterSettings, start};
use authledger::vault::Vault;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::house::{
    self, ADMIN, EVENTS, PASSWORD, Sample, Server, application, digest, init, on, write_history,
};

/// Serves a ledger in this process, so that the digest of its live state can be asked for.
fn served(path: &Path) -> Arc<Ledger> {
    let (master, keys) = house::keys(path);
    let Opened { store, witness, closer, folded, .. } = house::open(path);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let vault = Vault::open(&master, &keys, store.keys(), random).expect("the vault opens");
    let settings = WriterSettings { queue: 64, max_gap: std::time::Duration::MAX, accept_clock: false };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let started = start(store, witness, Some(closer), Arc::new(vault), clock, &settings, folded);
    Arc::new(started.expect("starts"))
}

async fn send(state: &AppState, method: &str, path: &str, body: Option<Value>) -> StatusCode {
    let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{ADMIN}:{PASSWORD}"));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Basic {credentials}"))
        .header("content-type", "application/json")
        .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
        .expect("a request");
    router::router(state.clone()).oneshot(request).await.expect("always answers").status()
}

#[test]
fn live_state_a_replay_and_a_restart_have_one_digest() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    init(&path);
    let at_first = digest(&path, &[]);

    let ledger = served(&path);
    assert_eq!(ledger.digest().1.to_string(), at_first);
    let mut config = Config::default();
    config.secrets.reveal = Reveal::Audited;
    let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SystemRandom));
    let state =
        AppState::new(config, SocketAddr::from(([127, 0, 0, 1], 8080)), Arc::clone(&ledger), clock, random);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for number in 1..=20 {
            let app = application(&format!("App {number}"));
            assert_eq!(send(&state, "POST", "/api/mgmt/oauthapps", Some(app)).await, StatusCode::CREATED);
            let (own, status) = (format!("/api/mgmt/oauthapps/{number}"), StatusCode::is_success);
            match number % 4 {
                0 => assert!(status(&send(&state, "DELETE", &own, None).await)),
                1 => assert!(status(
                    &send(&state, "PUT", &own, Some(application(&format!("Again {number}")))).await
                )),
                2 => assert!(status(&send(&state, "GET", &own, None).await)),
                _ => {}
            }
        }
    });
    let (size, live) = ledger.digest();
    assert_eq!(size, 6 + 20 + 15);
    drop((state, runtime));
    ledger.close().expect("closes");

    assert_eq!(digest(&path, &[]), live.to_string(), "a replay");
    let ledger = served(&path);
    assert_eq!(ledger.digest(), (size, live), "after a restart");
    ledger.close().expect("closes");
    // The past is as it was then.
    assert_eq!(digest(&path, &["--until", "5"]), at_first);
}

#[test]
fn restarts_and_crashes_change_no_digest() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    init(&path);
    let server = Server::start(&path);
    write_history(&server);
    server.stop();
    let stopped = digest(&path, &[]);
    Server::start(&path).stop();
    assert_eq!(digest(&path, &[]), stopped);
    Server::start(&path).kill();
    assert_eq!(digest(&path, &[]), stopped);
    let server = Server::start(&path);
    server.send("DELETE", "/api/mgmt/oauthapps/1", None);
    server.kill();
    assert_ne!(digest(&path, &[]), stopped);
    assert_eq!(digest(&path, &["--until", &(EVENTS - 1).to_string()]), stopped);
}

#[test]
fn until_names_an_event_or_a_time() {
    let sample = Sample::new();
    let replay = |arguments: &[&str]| on(&sample.ledger(), &[&["replay", "--json"], arguments].concat());
    let whole = replay(&[]).expect(0, &[]).json();
    assert_eq!(whole["size"], EVENTS);
    assert_eq!(whole["events"]["OAuthAppCreated"], 2);
    assert_eq!(whole["events"]["SecretRevealed"], 1);
    assert_eq!(whole["rows"]["OAuthApps.rows"], 1, "one was deleted");
    assert_eq!(whole["rows"]["Roles.rows"], 3);
    assert_eq!(whole["digest"], Value::Null, "only when asked for");

    let early = replay(&["--until", "6"]).expect(0, &[]).json();
    assert_eq!((&early["size"], &early["insideCommand"]), (&json!(7), &json!(false)));
    assert_eq!(early["rows"]["OAuthApps.rows"], 1);
    let time = early["recordedAt"].as_str().expect("a time").to_owned();
    assert_eq!(replay(&["--until", &time]).expect(0, &[]).json(), early, "the same moment by its time");
    let before = replay(&["--until", "1999-12-31T23:59:59+01:00"]).expect(0, &[]).json();
    assert_eq!((&before["size"], &before["recordedAt"]), (&json!(0), &Value::Null));
    assert_eq!(replay(&["--until", "2999-01-01T00:00:00Z"]).expect(0, &[]).json(), whole);

    let inside = on(&sample.ledger(), &["replay", "--until", "2"]).expect(0, &["after 3 of its 6 events"]);
    assert!(inside.out().contains("3 events, up to"));
    assert_eq!(replay(&["--until", "2"]).json()["insideCommand"], true);
    replay(&["--until", "11"]).expect(1, &["there is no event 11", "11 events"]);
    let text = on(&sample.ledger(), &["replay", "--digest"]).expect(0, &["digest", "(version 4)"]);
    assert!(text.err.is_empty(), "no bar on a pipe: {text:?}");
}
