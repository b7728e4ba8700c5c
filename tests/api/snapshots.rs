//! `/api/operate/snapshots`: who takes them, what is answered while one is taken, what a check says.

use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House};

const SNAPSHOTS: &str = "/api/operate/snapshots";

async fn post(house: &House, user: &str, path: &str, headers: &[&str]) -> Answer {
    house.send_as(user, Method::POST, path, headers, Body::empty()).await
}

#[tokio::test]
async fn one_is_taken_shown_listed_and_checked() {
    let house = House::new(Config::default());
    assert_eq!(house.get_as(ADMIN, SNAPSHOTS).await.json(), json!({ "snapshots": [], "busy": false }));
    house.app(ADMIN, "an application", None).await;
    let (size, digest) = house.state();

    let taken = post(&house, ADMIN, SNAPSHOTS, &[]).await;
    assert_eq!(taken.status, StatusCode::CREATED, "{taken:?}");
    assert_eq!(house.facts().last().map(String::as_str), Some("SnapshotTaken"));
    assert_eq!(taken.header("ledger-sequence"), Some(&*format!("1.{size}")));
    let location = format!("http://127.0.0.1:8080{SNAPSHOTS}/{size}");
    assert_eq!(taken.header("location"), Some(&*location));
    let body = taken.json();
    for (name, value) in [
        ("size", json!(size)),
        ("digest", json!(digest)),
        ("sequence", json!(size)),
        ("digestVersion", json!(4)),
        ("recordedAt", json!("2026-11-20T12:00:00.000000Z")),
        ("takenAt", json!("2026-11-20T12:00:00.000000Z")),
        ("bytes", json!(fs::metadata(house.snapshots.file(size)).expect("a file").len())),
        ("whole", json!(true)),
        ("confirmed", json!(true)),
        ("problem", Value::Null),
        ("checked", Value::Null),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    assert_eq!(house.get_as(ADMIN, &format!("{SNAPSHOTS}/{size}")).await.json(), body);
    let list = house.get_as(ADMIN, SNAPSHOTS).await;
    assert_eq!((list.status, list.json()), (StatusCode::OK, json!({ "snapshots": [body], "busy": false })));

    let checked = post(&house, ADMIN, &format!("{SNAPSHOTS}/{size}/verify"), &[]).await;
    assert_eq!(checked.status, StatusCode::OK, "{checked:?}");
    assert_eq!(checked.json(), json!({ "size": size, "result": "same", "reason": null }));
    let list = house.get_as(ADMIN, SNAPSHOTS).await.json();
    assert_eq!(list["snapshots"][0]["checked"], json!({ "result": "same", "reason": null }));
    assert_eq!(house.ledger.size(), size + 1, "looking and checking are no facts");
}

#[tokio::test]
async fn damage_is_shown_and_named() {
    let house = House::new(Config::default());
    let size = post(&house, ADMIN, SNAPSHOTS, &[]).await.json()["size"].as_u64().expect("a size");
    let file = house.snapshots.file(size);
    let mut bytes = fs::read(&file).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).expect("writes");
    let shown = house.get_as(ADMIN, &format!("{SNAPSHOTS}/{size}")).await.json();
    assert_eq!((&shown["whole"], &shown["problem"]), (&json!(false), &json!("it is damaged")));
    let checked = post(&house, ADMIN, &format!("{SNAPSHOTS}/{size}/verify"), &[]).await;
    assert_eq!(checked.json(), json!({ "size": size, "result": "differs", "reason": "it is damaged" }));
    // The next is built from the log alone.
    assert_eq!(post(&house, ADMIN, SNAPSHOTS, &[]).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn one_at_a_time() {
    let house = House::new(Config::default());
    let size = post(&house, ADMIN, SNAPSHOTS, &[]).await.json()["size"].clone();
    let before = house.state();
    let turn = house.ledger.snapshots().expect("a place").turn().expect("nobody is at work");
    for path in [SNAPSHOTS.to_owned(), format!("{SNAPSHOTS}/{size}/verify")] {
        let answer = post(&house, ADMIN, &path, &[]).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, 222_299_038), "{path}");
    }
    assert_eq!(house.get_as(ADMIN, SNAPSHOTS).await.json()["busy"], true);
    assert_eq!(house.state(), before);
    drop(turn);
    assert_eq!(post(&house, ADMIN, SNAPSHOTS, &[]).await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_a_request_goes_on_without_it() {
    let mut config = Config::default();
    // The rim gives up after twice as long, which a busy machine must not reach first.
    config.limits.request_time = Duration::from_secs(2);
    let house = House::new(config);
    // Whoever has authenticated before is not hashed again, which would take its time too.
    assert_eq!(house.get_as(ADMIN, SNAPSHOTS).await.status, StatusCode::OK);
    let size = house.ledger.size();
    // A reader that does not let go keeps the writer from showing what it wrote; other readers pass until the writer waits.
    let (let_go, held) = mpsc::channel::<()>();
    let (holds, holding) = mpsc::channel();
    let ledger = house.ledger.clone();
    let reader = std::thread::spawn(move || {
        ledger.read(|_| {
            holds.send(()).expect("somebody waits");
            let _ = held.recv();
        });
    });
    holding.recv().expect("it holds");
    let answer = post(&house, ADMIN, SNAPSHOTS, &[]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!(answer.json(), json!({ "busy": true, "see": SNAPSHOTS }));
    let_go.send(()).expect("it holds");
    reader.join().expect("no panic");
    while house.ledger.snapshots().expect("a place").is_busy() {
        tokio::task::yield_now().await;
    }
    let list = house.get_as(ADMIN, SNAPSHOTS).await.json();
    assert_eq!((&list["snapshots"][0]["size"], &list["busy"]), (&json!(size), &json!(false)));
}

#[tokio::test]
async fn a_repetition_under_its_idempotency_key_takes_no_other() {
    let house = House::new(Config::default());
    let key = ["idempotency-key: the same"];
    let first = post(&house, ADMIN, SNAPSHOTS, &key).await;
    house.app(ADMIN, "meanwhile", None).await;
    let before = house.state();
    let second = post(&house, ADMIN, SNAPSHOTS, &key).await;
    assert_eq!((second.status, second.json()), (StatusCode::CREATED, first.json()));
    assert_eq!(second.header("x-request-id"), first.header("x-request-id"));
    assert_eq!(second.header("ledger-sequence"), first.header("ledger-sequence"));
    assert_eq!(house.state(), before);
    assert_eq!(house.snapshots.sizes().expect("lists").len(), 1);
}

#[tokio::test]
async fn only_operators_of_the_system_tenant_may() {
    let house = House::new(Config::default());
    let (tenant, roles) = house.tenant("child").await;
    let operator = house.user("operator", 1, &[3], &[102]).await;
    let others = [
        house.user("somebody", 1, &[3], &[11, 24, 101]).await,
        house.user("child's operator", tenant, &roles[1..], &[102]).await,
        house.user("child's administrator", tenant, &roles, &[12]).await,
    ];
    let size = post(&house, &operator, SNAPSHOTS, &[]).await.json()["size"].clone();
    let before = house.state();
    for user in &others {
        // The same for what is there and what is not.
        for path in
            [SNAPSHOTS, &format!("{SNAPSHOTS}/{size}"), &format!("{SNAPSHOTS}/7"), "/api/operate/status"]
        {
            let answer = house.get_as(user, path).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{user} {path}");
        }
        for path in [SNAPSHOTS, &format!("{SNAPSHOTS}/{size}/verify"), &format!("{SNAPSHOTS}/7/verify")] {
            let answer = post(&house, user, path, &[]).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{user} {path}");
        }
    }
    assert_eq!(house.state(), before);
    assert_eq!(house.get_as(&operator, &format!("{SNAPSHOTS}/{size}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_no_request_is_refused() {
    let house = House::new(Config::default());
    post(&house, ADMIN, SNAPSHOTS, &[]).await;
    let before = house.state();
    for (method, path, status, code) in [
        (Method::GET, "/7", StatusCode::NOT_FOUND, 222_299_037),
        (Method::GET, "/06", StatusCode::NOT_FOUND, 222_299_037),
        (Method::GET, "/6.snapshot", StatusCode::NOT_FOUND, 222_299_037),
        (Method::POST, "/7/verify", StatusCode::NOT_FOUND, 222_299_037),
        (Method::POST, "/..%2f6/verify", StatusCode::NOT_FOUND, 222_299_037),
        (Method::GET, "?size=6", StatusCode::BAD_REQUEST, 222_299_008),
        (Method::POST, "?user=d2cadmin", StatusCode::BAD_REQUEST, 222_299_008),
        (Method::POST, "/6/verify?deep=true", StatusCode::BAD_REQUEST, 222_299_008),
        (Method::DELETE, "/6", StatusCode::METHOD_NOT_ALLOWED, 222_299_010),
        (Method::PUT, "", StatusCode::METHOD_NOT_ALLOWED, 222_299_010),
    ] {
        let answer =
            house.send_as(ADMIN, method.clone(), &format!("{SNAPSHOTS}{path}"), &[], Body::empty()).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{method} {path}");
    }
    let foreign = post(&house, ADMIN, SNAPSHOTS, &["sec-fetch-site: cross-site"]).await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::FORBIDDEN, 222_299_026));
    assert_eq!(house.state(), before);
}
