//! `/api/operate/logging`: who may change the level of the log, and to what. That lines appear and vanish by it is shown with
//! a real server in `tests/server/logs.rs`.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON};

const LOGGING: &str = "/api/operate/logging";

async fn put(house: &House, user: &str, body: &Value) -> Answer {
    house.send_as(user, Method::PUT, LOGGING, &[JSON], body.to_string()).await
}

#[tokio::test]
async fn the_level_is_shown_and_changed_and_a_restart_goes_back() {
    let house = House::new(Config::default());
    let before = house.state();
    let shown = house.get_as(ADMIN, LOGGING).await;
    assert_eq!(
        (shown.status, shown.json()),
        (StatusCode::OK, json!({ "level": "info", "afterRestart": "info" }))
    );
    for level in ["debug", "info,authledger::api=debug", "off", "warn,[request]=trace"] {
        let changed = put(&house, ADMIN, &json!({ "level": level })).await;
        let expected = json!({ "level": level, "afterRestart": "info" });
        assert_eq!((changed.status, changed.json()), (StatusCode::OK, expected.clone()), "{level}");
        assert_eq!(house.get_as(ADMIN, LOGGING).await.json(), expected);
    }
    assert_eq!(house.state(), before, "it is no fact of the ledger");
}

#[tokio::test]
async fn what_is_no_level_changes_nothing() {
    let house = House::new(Config::default());
    let long = format!("info,{}=debug", "m".repeat(2_000));
    for (body, code) in [
        (json!({ "level": "louder" }), 222_299_004),
        (json!({ "level": "" }), 222_299_004),
        (json!({ "level": "info,authledger::api" }), 222_299_004),
        (json!({ "level": "authledger=louder" }), 222_299_004),
        (json!({ "level": long }), 222_299_004),
        (json!({ "level": 3 }), 222_299_002),
        (json!({}), 222_299_001),
        (json!({ "level": "debug", "format": "json" }), 222_299_003),
        (json!([]), 222_299_005),
    ] {
        let answer = put(&house, ADMIN, &body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code), "{body}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("louder"), "it repeats what was sent");
    }
    assert_eq!(house.get_as(ADMIN, LOGGING).await.json()["level"], "info");
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
    for user in &others {
        for answer in [house.get_as(user, LOGGING).await, put(&house, user, &json!({ "level": "off" })).await]
        {
            assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{user}");
        }
        // Before anything is said about the body.
        assert_eq!(put(&house, user, &json!([])).await.status, StatusCode::FORBIDDEN, "{user}");
    }
    assert_eq!(put(&house, &operator, &json!({ "level": "debug" })).await.status, StatusCode::OK);
    assert_eq!(house.get_as(&operator, LOGGING).await.json()["level"], "debug");
    for (method, query, status) in [
        (Method::GET, "?user=operator", StatusCode::BAD_REQUEST),
        (Method::PUT, "?level=debug", StatusCode::BAD_REQUEST),
        (Method::POST, "", StatusCode::METHOD_NOT_ALLOWED),
        (Method::DELETE, "", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let answer =
            house.send_as(ADMIN, method.clone(), &format!("{LOGGING}{query}"), &[], Body::empty()).await;
        assert_eq!(answer.status, status, "{method} {query}");
    }
    let headers = ["sec-fetch-site: cross-site", JSON];
    let foreign = house.send_as(ADMIN, Method::PUT, LOGGING, &headers, "{\"level\":\"off\"}").await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::FORBIDDEN, 222_299_026));
}
