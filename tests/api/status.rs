//! `/api/operate/status`, and what `/readyz` says beside.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, House};

const STATUS: &str = "/api/operate/status";

#[tokio::test]
async fn it_says_what_an_operator_asks() {
    let house = House::new(Config::default());
    house.app(ADMIN, "an application", None).await;
    let answer = house.get_as(ADMIN, STATUS).await;
    let head = house.ledger.head();
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ledgerId": house.ledger.id().to_string(),
        "epoch": 1,
        "size": 7,
        "chain": head.chain.to_string(),
        "root": head.root.to_string(),
        "health": { "reads": true, "writes": true, "reasons": [] },
        "verification": { "state": "none", "verified": 6, "of": 6 },
        "queue": { "waiting": 0, "limit": 64 },
        "start": { "snapshot": null, "folded": 6 },
        "newestSnapshot": null,
    });
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected));

    house.send_as(ADMIN, Method::POST, "/api/operate/snapshots", &[], Body::empty()).await;
    let body = house.get_as(ADMIN, STATUS).await.json();
    assert_eq!((&body["size"], &body["newestSnapshot"]["size"]), (&json!(8), &json!(7)));
    let ready = house.get("/readyz").await;
    let verification = json!({ "state": "none", "verified": 6, "of": 6 });
    assert_eq!((ready.status, &ready.json()["verification"]), (StatusCode::OK, &verification));
}

#[tokio::test]
async fn it_answers_while_nothing_is_written_and_says_why() {
    let house = House::new(Config::default());
    house.witness.fail_after(0);
    house.post_as(ADMIN, "/api/mgmt/oauthapps", &super::house::app_body("lost")).await;
    let body = house.get_as(ADMIN, STATUS).await.json();
    assert_eq!(body["health"]["writes"], false);
    let reasons: Vec<&Value> = body["health"]["reasons"].as_array().expect("a list").iter().collect();
    assert_eq!(reasons.len(), 1);
    assert_eq!(reasons[0]["reason"], "writer");
    assert_eq!(house.get("/readyz").await.json()["reasons"], body["health"]["reasons"]);
    // Nor is a snapshot taken: it would have to be recorded.
    let refused = house.send_as(ADMIN, Method::POST, "/api/operate/snapshots", &[], Body::empty()).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(house.snapshots.sizes().expect("lists").len(), 0);
}

#[tokio::test]
async fn it_takes_no_parameters_and_one_method() {
    let house = House::new(Config::default());
    for (method, query, status) in [
        (Method::GET, "?details=true", StatusCode::BAD_REQUEST),
        (Method::GET, "?user=d2cadmin", StatusCode::BAD_REQUEST),
        (Method::POST, "", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let answer =
            house.send_as(ADMIN, method.clone(), &format!("{STATUS}{query}"), &[], Body::empty()).await;
        assert_eq!(answer.status, status, "{method} {query}");
    }
}
