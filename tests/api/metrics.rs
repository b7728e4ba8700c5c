//! `/metrics`: who may read it, that it is well-formed, that it counts what happened, and that it does not grow.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::exposition::{Exposition, whole};
use super::house::{ADMIN, APPS, Answer, House, JSON, app_body, basic};

fn house() -> House {
    House::new(Config::default())
}

async fn metrics(house: &House) -> Exposition {
    let answer = house.get_as(ADMIN, "/metrics").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    Exposition::parse(text(&answer))
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).expect("UTF-8")
}

#[tokio::test]
async fn only_operators_of_the_system_tenant_read_it() {
    let house = house();
    let (tenant, roles) = house.tenant("child").await;
    let operator = house.user("operator", 1, &[3], &[102]).await;
    let others = [
        house.user("somebody", 1, &[3], &[11, 28, 101]).await,
        house.user("child's operator", tenant, &roles[1..], &[102]).await,
        house.user("child's administrator", tenant, &roles, &[12]).await,
    ];
    for user in [ADMIN, &operator] {
        let answer = house.get_as(user, "/metrics").await;
        assert_eq!(answer.status, StatusCode::OK, "{user}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        Exposition::parse(text(&answer));
    }
    for user in &others {
        let answer = house.get_as(user, "/metrics").await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{user}");
    }
    for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
        let answer = house.send(method.clone(), "/metrics", &[], Body::empty()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method}");
        assert!(answer.header("www-authenticate").is_some());
    }
    let posted = house.post_as(ADMIN, "/metrics", &json!({})).await;
    assert_eq!((posted.status, posted.code()), (StatusCode::METHOD_NOT_ALLOWED, 222_299_010));
    for query in ["?user=operator", "?name=x"] {
        let answer = house.get_as(ADMIN, &format!("/metrics{query}")).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_008), "{query}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let house = house();
    let created = house.app(ADMIN, "one", None).await.json();
    let path = format!("{APPS}/{}", created["id"].as_str().expect("an id"));
    for _ in 0..3 {
        assert_eq!(house.get_as(ADMIN, &path).await.status, StatusCode::OK);
    }
    house.get_as(ADMIN, &format!("{APPS}/17")).await;
    house.get("/livez").await;
    house.send(Method::POST, "/livez", &[], Body::empty()).await;

    let metrics = metrics(&house).await;
    let requests = |route, method, status| {
        metrics.count(
            "authledger_http_requests_total",
            &[("route", route), ("method", method), ("status", status)],
        )
    };
    let one = "/api/mgmt/oauthapps/{id}";
    assert_eq!(requests(APPS, "POST", "201"), 1);
    assert_eq!((requests(one, "GET", "200"), requests(one, "GET", "404")), (3, 1));
    assert_eq!((requests("/livez", "GET", "200"), requests("/livez", "POST", "405")), (1, 1));
    assert_eq!(requests("/metrics", "GET", "200"), 0, "this one is not over yet");
    let timed = metrics.count("authledger_http_request_seconds_count", &[("route", one), ("method", "GET")]);
    assert_eq!(timed, 4);
}

#[tokio::test]
async fn nobody_can_make_it_grow() {
    let house = house();
    let before = metrics(&house).await;
    for number in 0..1_000 {
        let path = match number % 4 {
            0 => format!("/nothing/{number}"),
            1 => format!("/api/mgmt/oauthapps/{number}/x{number}"),
            2 => format!("/api/mgmt/oauthapps/{number}"),
            _ => format!("/%22%7D{number}?a={number}"),
        };
        let method = Method::from_bytes(format!("METHOD{number}").as_bytes()).expect("a method");
        house.send(method, &path, &[], Body::empty()).await;
        let answer = house.get(&path).await;
        assert!(answer.status.is_client_error(), "{path}");
    }
    let after = metrics(&house).await;
    // New are the routes `other` and that of one application, with the methods GET and `other`.
    let grown = after.samples.len() - before.samples.len();
    assert!(grown < 100, "{grown} new lines");
    let routes = after.values_of("route");
    assert_eq!(routes.into_iter().collect::<Vec<_>>(), ["/api/mgmt/oauthapps/{id}", "/metrics", "other"]);
    assert_eq!(after.values_of("method").into_iter().collect::<Vec<_>>(), ["GET", "other"]);
    let others = |status| {
        ["GET", "other"]
            .map(|method| {
                let labels = [("route", "other"), ("method", method), ("status", status)];
                after.count("authledger_http_requests_total", &labels)
            })
            .iter()
            .sum::<u64>()
    };
    assert_eq!((others("404"), others("401")), (1_000, 500));
}

#[tokio::test]
async fn refusals_are_counted_by_their_code() {
    let house = house();
    house.get("/nowhere").await;
    house.get(APPS).await;
    house.get(APPS).await;
    house.post_as(ADMIN, APPS, &json!({ "name": "x" })).await;
    house.send_as(ADMIN, Method::POST, APPS, &[JSON], "{").await;
    house.send(Method::POST, APPS, &["sec-fetch-site: cross-site"], Body::empty()).await;
    let metrics = metrics(&house).await;
    let codes: Vec<_> = metrics
        .samples
        .iter()
        .filter(|sample| sample.name == "authledger_refusals_total")
        .map(|sample| (sample.labels["code"].clone(), whole(sample.value)))
        .collect();
    let mut codes: Vec<_> = codes.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    codes.sort_by_key(|(code, _)| *code);
    assert_eq!(
        codes,
        [("222206007", 2), ("222207007", 1), ("222299001", 1), ("222299009", 1), ("222299026", 1),]
    );
}

#[tokio::test]
async fn logins_and_what_they_cost_are_counted() {
    let house = house();
    // Once by Argon2, then from memory.
    for _ in 0..3 {
        house.get_as(ADMIN, APPS).await;
    }
    for _ in 0..3 {
        house.get_as("d2cadmin:wrong", APPS).await;
    }
    house.until(|house| house.facts().iter().any(|fact| fact == "UserLocked")).await;
    // Locked, and unknown: by the answer nobody can tell, and by the numbers neither.
    house.get_as(ADMIN, APPS).await;
    house.get_as("nobody:wrong", APPS).await;
    house.clock.advance(std::time::Duration::from_hours(1));

    let metrics = metrics(&house).await;
    let logins = |outcome| metrics.count("authledger_logins_total", &[("outcome", outcome)]);
    assert_eq!((logins("admitted"), logins("wrong"), logins("throttled")), (4, 5, 0));
    assert_eq!(metrics.values_of("outcome").len(), 8, "each is there from the beginning");
    assert_eq!(metrics.count("authledger_account_locks_total", &[]), 1);
    // He changed when he was locked, and an hour passed: his password was compared again.
    assert_eq!(metrics.count("authledger_credential_cache_hits_total", &[]), 2);
    assert_eq!(metrics.count("authledger_credential_cache_misses_total", &[]), 5);
    assert_eq!(metrics.count("authledger_argon2_runs_total", &[]), house.argon2_runs());
    assert_eq!(metrics.count("authledger_argon2_in_hand", &[]), 0);
    assert_eq!(metrics.count("authledger_events_total", &[("event", "UserLocked")]), 1);
}

#[tokio::test]
async fn a_throttled_address_is_counted_as_such() {
    let house = house();
    for number in 0..70 {
        house.get_as(&format!("somebody{number}:wrong"), APPS).await;
    }
    let metrics = metrics_of_another_address(&house).await;
    let logins = |outcome| metrics.count("authledger_logins_total", &[("outcome", outcome)]);
    assert_eq!((logins("wrong"), logins("throttled")), (60, 10));
    assert_eq!(metrics.count("authledger_refusals_total", &[("code", "222299017")]), 10);
}

/// After the throttle has forgotten.
async fn metrics_of_another_address(house: &House) -> Exposition {
    house.clock.advance(std::time::Duration::from_mins(2));
    metrics(house).await
}

#[tokio::test]
async fn the_ledger_tells_its_size_its_batches_and_its_facts() {
    let house = house();
    let id = house.app(ADMIN, "one", None).await.json()["id"].as_str().expect("an id").to_owned();
    // Revealed twice, shown once without its secret.
    for method in [Method::GET, Method::GET, Method::HEAD] {
        house.send(method, &format!("{APPS}/{id}"), &[&basic(ADMIN)], Body::empty()).await;
    }
    house.post_as(ADMIN, APPS, &app_body("two")).await;
    let metrics = metrics(&house).await;
    let facts = |event| metrics.count("authledger_events_total", &[("event", event)]);
    assert_eq!((facts("OAuthAppCreated"), facts("SecretRevealed")), (2, 2));
    assert_eq!(metrics.count("authledger_log_size_events", &[]), house.ledger.size());
    let (batches, commands) = house.ledger.counts();
    assert_eq!(metrics.count("authledger_batch_commands_count", &[]), batches);
    assert_eq!(metrics.count("authledger_batch_commands_sum", &[]), commands);
    assert_eq!(metrics.count("authledger_append_seconds_count", &[]), 4);
    assert_eq!(metrics.count("authledger_witness_seconds_count", &[]), 4);
    assert_eq!(metrics.count("authledger_sync_seconds_count", &[]), 0, "memory has nothing to wait for");
    assert!(metrics.value("authledger_disk_free_bytes", &[]).is_nan(), "no disk");
    assert_eq!(metrics.count("authledger_writer_queue_commands", &[]), 0);
    assert_eq!(metrics.count("authledger_accepts_writes", &[]), 1);
    assert!(metrics.value("authledger_longest_hold_seconds", &[]) > 0.0);
    assert!(metrics.count("authledger_data_key_cache_hits_total", &[]) > 0);
    assert_eq!(metrics.count("process_start_time_seconds", &[]), 1_795_176_000);
    assert_eq!(metrics.count("authledger_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1);
}

#[tokio::test]
async fn that_writes_are_refused_can_be_seen() {
    let house = house();
    house.witness.fail_after(0);
    let refused = house.post_as(ADMIN, APPS, &app_body("one")).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    let metrics = metrics(&house).await;
    assert_eq!(metrics.count("authledger_accepts_writes", &[]), 0);
    assert_eq!(metrics.count("authledger_refusals_total", &[("code", "222299018")]), 1);
    assert_eq!(metrics.count("authledger_events_total", &[("event", "OAuthAppCreated")]), 0);
}

#[tokio::test]
async fn two_servers_in_one_process_count_for_themselves() {
    let (one, other) = (house(), house());
    one.get("/livez").await;
    let labels = [("route", "/livez"), ("method", "GET"), ("status", "200")];
    assert_eq!(metrics(&one).await.count("authledger_http_requests_total", &labels), 1);
    assert_eq!(metrics(&other).await.count("authledger_http_requests_total", &labels), 0);
}
