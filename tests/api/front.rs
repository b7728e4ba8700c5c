//! What holds for every request, whatever answers it.

use std::time::Duration;

use authledger::config::Config;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use serde_json::json;

use super::house::{ADMIN, House};

fn house() -> House {
    House::new(Config::default())
}

#[tokio::test]
async fn health_is_answered_without_credentials() {
    let house = house();
    for (path, status) in [("/livez", "live"), ("/api/healthcheck", "active")] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": status })), "{path}");
        let head = house.send(Method::HEAD, path, &[], Body::empty()).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
    }
}

#[tokio::test]
async fn l10_whatever_is_asked_below_api_without_credentials_is_401() {
    let house = house();
    let paths = [
        "/api",
        "/api/",
        "/api/mgmt/oauthapps",
        "/api/mgmt/oauthapps/1",
        "/api/mgmt/oauthapps/%ff",
        "/api/admin/tenants",
        "/api/admin/tenants/1",
        "/api/admin/roles",
        "/api/admin/roles/1",
        "/api/admin/users",
        "/api/admin/users/1",
        "/api/admin/permissions",
        "/api/admin/permissions/1",
        "/api/audit/objects/oauth_app/1/history",
        "/api/nothing/here",
        "/api/operate/logging",
        "/metrics",
    ];
    for path in paths {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::OPTIONS,
        ] {
            let answer = house.send(method.clone(), path, &[], Body::from("{")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            let ways: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(
                ways,
                ["Basic realm=\"authledger\", charset=\"UTF-8\"", "Bearer realm=\"authledger\""]
            );
            // It did, and told which addresses exist.
            assert_eq!(answer.header("allow"), None, "{method} {path}");
            if method != Method::HEAD {
                assert_eq!(answer.code(), 222_206_007);
            }
        }
    }
}

/// The list that SECURITY L10 asks for: who adds to it does so in two places.
#[test]
fn l10_these_answer_anybody() {
    let known = ["/api/healthcheck", "/api/openapi.json", "/api/docs", "/api/docs/page.css"];
    assert_eq!(authledger::api::guard::PUBLIC, known);
}

#[tokio::test]
async fn an_error_says_what_is_wrong_in_hdps_form() {
    let house = house();
    let nowhere = house.get("/nowhere").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert_eq!(
        nowhere.json(),
        json!({"error": {"code": 222_299_009, "message": {"lang": "en-US", "value": "There is nothing at this address."}}})
    );
    let wrong = house.send(Method::POST, "/livez", &[], Body::empty()).await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::METHOD_NOT_ALLOWED, 222_299_010));
    assert_eq!(wrong.header("allow"), Some("GET,HEAD"));
    // As its family's sample prints it.
    let text = house.get("/api/mgmt/oauthapps").await.json();
    assert_eq!(text["error"]["code"], json!("222206007"));
    let number = house.get("/api/admin/users").await.json();
    assert_eq!(number["error"]["code"], json!(222_206_007));
}

#[tokio::test]
async fn every_answer_has_its_own_request_id() {
    let house = house();
    let first = house.get("/livez").await;
    let second = house.get("/nowhere").await;
    let ids = [first.header("x-request-id"), second.header("x-request-id")];
    for id in ids {
        let id = id.expect("present");
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    assert_ne!(ids[0], ids[1]);
    // A caller's own is not taken over.
    let sent = house.send(Method::GET, "/livez", &["x-request-id: mine"], Body::empty()).await;
    assert_ne!(sent.header("x-request-id"), Some("mine"));
}

#[tokio::test]
async fn l11_a_head_over_its_limit_is_refused_with_the_limit() {
    let house = house();
    let long = "x".repeat(17 << 10);
    for (path, header) in
        [("/livez".to_owned(), format!("x-long: {long}")), (format!("/livez?q={long}"), "a: b".to_owned())]
    {
        let answer = house.send(Method::GET, &path, &[&header], Body::empty()).await;
        assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert!(
            answer.json()["error"]["message"]["value"]
                .as_str()
                .is_some_and(|text| text.contains("16384 bytes"))
        );
    }
}

#[tokio::test]
async fn l15_what_another_sites_page_sends_is_refused() {
    let house = house();
    for header in [
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
        "origin: https://evil.example",
        "origin: null",
    ] {
        let answer = house.send(Method::POST, "/api/mgmt/oauthapps", &[header], Body::empty()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_299_026), "{header}");
    }
    for header in ["sec-fetch-site: same-origin", "sec-fetch-site: none", "origin: http://127.0.0.1:8080"] {
        let answer = house.send(Method::POST, "/api/mgmt/oauthapps", &[header], Body::empty()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header}");
    }
}

#[tokio::test]
async fn readiness_says_why_writes_are_refused() {
    let house = house();
    let ready = house.get("/readyz").await;
    assert_eq!((ready.status, ready.json()["status"].clone()), (StatusCode::OK, json!("ready")));
    house.ledger.close().expect("closes");
    let closed = house.get("/readyz").await;
    assert_eq!(closed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(closed.json()["reasons"][0]["reason"], json!("writer"));
}

#[tokio::test]
async fn a_panic_is_a_500_that_repeats_nothing_and_the_server_goes_on() {
    let house = house();
    let routes = Router::new().route("/panics", get(async || -> &'static str { panic!("{}", "hunter2") }));
    let house = house.with_routes(routes);
    let answer = house.get("/panics").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::INTERNAL_SERVER_ERROR, 222_299_025));
    assert!(!String::from_utf8_lossy(&answer.body).contains("hunter2"));
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(house.get("/nowhere").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_503() {
    let mut config = Config::default();
    config.limits.request_time = Duration::from_millis(20);
    let routes = Router::new().route("/never", get(async || std::future::pending::<&'static str>().await));
    let answer = House::new(config).with_routes(routes).get("/never").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, 222_299_024));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn with_credentials_an_unknown_path_is_404_and_without_them_nobody_can_tell() {
    let house = house();
    let answer = house.send_as(ADMIN, Method::GET, "/api/nothing/here", &[], Body::empty()).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, 222_299_009));
}
