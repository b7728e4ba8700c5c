//! SECURITY L12 and L14: what guessing gets, and what it leaves in the log.

use std::time::Duration;

use authledger::config::Config;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::house::{ADMIN, APPS, Answer, House};

fn patient() -> House {
    let mut config = Config::default();
    // The lock-out is what these tests are about, not the throttle in front of it.
    config.auth.account_failures_per_minute = 1000;
    config.auth.address_failures_per_minute = 1000;
    House::new(config)
}

async fn try_as(house: &House, user: &str) -> Answer {
    house.get_as(user, APPS).await
}

/// The answer without what is every request's own.
fn seen(answer: &Answer) -> (StatusCode, Vec<u8>, Vec<(String, String)>) {
    let own = ["x-request-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    (answer.status, answer.body.clone(), headers)
}

#[tokio::test]
async fn l12_unknown_wrong_and_locked_answer_alike_and_cost_the_same() {
    let house = patient();
    let user = house.user("ann", 1, &[2], &[]).await;
    assert_eq!(try_as(&house, &user).await.status, StatusCode::OK);
    let runs = || house.argon2_runs();
    let before = runs();
    let unknown = try_as(&house, "nobody:wrong").await;
    assert_eq!(runs() - before, 1);
    let wrong = try_as(&house, "ann:wrong").await;
    assert_eq!(runs() - before, 2);
    assert_eq!(seen(&unknown), seen(&wrong));
    assert_eq!((wrong.status, wrong.code()), (StatusCode::UNAUTHORIZED, 222_206_007));
    try_as(&house, "ann:wrong").await;
    try_as(&house, "ann:wrong").await;
    // Locked now: even the right password is not judged, and even a cached success is not looked at.
    let locked = try_as(&house, &user).await;
    assert_eq!(runs() - before, 5);
    assert_eq!(seen(&locked), seen(&unknown));
    house.clock.advance(Duration::from_secs(30 * 60 + 1));
    assert_eq!(try_as(&house, &user).await.status, StatusCode::OK, "the lock ends by itself");
}

#[tokio::test]
async fn l14_an_outsider_cannot_grow_the_log_but_by_one_lock_per_account_and_period() {
    let house = patient();
    house.user("ann", 1, &[2], &[]).await;
    let before = house.facts().len();
    for _ in 0..20 {
        try_as(&house, "ann:wrong").await;
        try_as(&house, "nobody:wrong").await;
        house.get(APPS).await;
        house.send(Method::POST, APPS, &["authorization: Bearer x"], "{}").await;
    }
    // The lock is recorded beside its answer.
    house.until(|house| house.facts().len() > before).await;
    assert_eq!(&house.facts()[before..], ["UserLocked"]);
    house.clock.advance(Duration::from_mins(31));
    for _ in 0..20 {
        try_as(&house, "ann:wrong").await;
    }
    house.until(|house| house.facts().len() > before + 1).await;
    assert_eq!(&house.facts()[before..], ["UserLocked", "UserLocked"]);
}

#[tokio::test]
async fn l12_guessing_is_throttled_per_account_and_address() {
    let mut config = Config::default();
    config.auth.account_failures_per_minute = 5;
    let house = House::new(config);
    let off = house.post_as(ADMIN, "/api/admin/limits/system/3", &json!({ "value": 0 })).await;
    assert_eq!(off.status, StatusCode::CREATED, "{off:?}");
    let user = house.user("ann", 1, &[2], &[]).await;
    for _ in 0..5 {
        assert_eq!(try_as(&house, "ann:wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let throttled = try_as(&house, "ann:wrong").await;
    assert_eq!((throttled.status, throttled.code()), (StatusCode::TOO_MANY_REQUESTS, 222_299_017));
    let wait: u64 = throttled.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    // Another account is not affected, and time heals.
    assert_eq!(try_as(&house, ADMIN).await.status, StatusCode::OK);
    house.clock.advance(Duration::from_secs(wait));
    assert_eq!(try_as(&house, &user).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_credential_is_401() {
    let house = patient();
    let before = house.argon2_runs();
    for header in [
        "authorization: Basic",
        "authorization: Basic !!!",
        "authorization: Basic bm9jb2xvbg==",
        "authorization: Bearer abc",
        "authorization: Digest username=\"d2cadmin\"",
    ] {
        let answer = house.send(Method::GET, APPS, &[header], "").await;
        assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 222_206_007), "{header}");
    }
    let basic = super::house::basic(ADMIN);
    let twice = house.send(Method::GET, APPS, &[&basic, &basic], "").await;
    assert_eq!(twice.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.argon2_runs(), before, "nothing was there to be judged");
}

#[tokio::test]
async fn inactive_expired_and_temporary_are_told_to_who_knows_the_password_only() {
    use super::house::PASSWORD;
    let house = patient();
    let rows = [
        ("inactive", json!({"status": 0}), json!({"password": PASSWORD}), 222_299_027),
        (
            "expired",
            json!({"status": 1}),
            json!({"password": PASSWORD, "passwordExpiration": "2026-11-20 11:59:59"}),
            222_299_028,
        ),
        ("temporary", json!({"status": 1}), json!({"password": PASSWORD, "passwordStatus": 2}), 222_299_029),
    ];
    for (name, status, password, code) in rows {
        let body = json!({"userName": name, "statusInfo": status, "passwordInfo": password, "permissions": {"roles": [2]}});
        let made = house.post_as(ADMIN, "/api/admin/users", &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        assert!(!String::from_utf8_lossy(&made.body).contains(PASSWORD), "no answer echoes a password");
        let right = try_as(&house, &format!("{name}:{PASSWORD}")).await;
        assert_eq!((right.status, right.code()), (StatusCode::UNAUTHORIZED, code), "{name}");
        let wrong = try_as(&house, &format!("{name}:wrong")).await;
        assert_eq!((wrong.status, wrong.code()), (StatusCode::UNAUTHORIZED, 222_206_007), "{name}");
    }
}
