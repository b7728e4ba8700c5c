//! Accounts are locked by limits 2 to 4 as they are at each wrong password (hdp-api 7.1, 9.25).

use std::time::Duration;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::house::{ADMIN, House, JSON, PROFILES};

const INTERVAL: u16 = 2;
const LIMIT: u16 = 3;
const PERIOD: u16 = 4;

fn patient() -> House {
    let mut config = Config::default();
    // The lock-out is what these tests are about, not the throttle in front of it.
    config.auth.account_failures_per_minute = 100_000;
    config.auth.address_failures_per_minute = 100_000;
    House::new(config)
}

async fn set(house: &House, limit: u16, value: u64) {
    let path = format!("/api/admin/limits/system/{limit}");
    let body = json!({ "value": value }).to_string();
    let posted = house.send_as(ADMIN, Method::POST, &path, &[JSON], body.clone()).await;
    if posted.status != StatusCode::CREATED {
        let put = house.send_as(ADMIN, Method::PUT, &path, &[JSON], body).await;
        assert_eq!(put.status, StatusCode::OK, "{put:?}");
    }
}

async fn fail(house: &House, times: usize) {
    for _ in 0..times {
        let answer = house.get_as("ann:wrong", PROFILES).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 222_206_007));
    }
}

async fn is_in(house: &House, user: &str) -> bool {
    house.get_as(user, PROFILES).await.status == StatusCode::OK
}

#[tokio::test]
async fn a_changed_limit_holds_at_the_next_failure() {
    let house = patient();
    let ann = house.user("ann", 1, &[2], &[]).await;
    set(&house, LIMIT, 6).await;
    fail(&house, 5).await;
    // The right password ends the row; five wrong ones did not lock.
    assert!(is_in(&house, &ann).await);
    fail(&house, 4).await;
    set(&house, LIMIT, 2).await;
    fail(&house, 1).await;
    assert!(!is_in(&house, &ann).await, "one more was one too many already");
    house.clock.advance(Duration::from_secs(1801));
    assert!(is_in(&house, &ann).await);
    let path = format!("/api/admin/limits/system/{LIMIT}");
    let gone = house.send_as(ADMIN, Method::DELETE, &path, &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    fail(&house, 2).await;
    assert!(is_in(&house, &ann).await, "the default is 3 again");
    fail(&house, 3).await;
    assert!(!is_in(&house, &ann).await);
}

#[tokio::test]
async fn a_lock_ends_when_its_period_is_over_and_shows_in_between() {
    let house = patient();
    let ann = house.user("ann", 1, &[2], &[]).await;
    set(&house, PERIOD, 60).await;
    let before = house.facts().len();
    fail(&house, 3).await;
    house.until(|house| house.facts().len() > before).await;
    let users = house.get_as(ADMIN, "/api/admin/users").await.json();
    let shown = users["users"].as_array().expect("users").iter().find(|user| user["userName"] == "ann");
    let status = &shown.expect("she is there")["statusInfo"];
    assert_eq!(status["accountLocked"], true);
    assert_eq!(status["accountLockedAt"], "2026-11-20 12:00:00");
    assert_eq!(status["accountLockedUntil"], "2026-11-20 12:01:00");
    // A longer period is for later locks.
    set(&house, PERIOD, 3600).await;
    house.clock.advance(Duration::from_secs(59));
    assert!(!is_in(&house, &ann).await);
    house.clock.advance(Duration::from_secs(1));
    assert!(is_in(&house, &ann).await);
    let before = house.facts().len();
    fail(&house, 3).await;
    house.until(|house| house.facts().len() > before).await;
    house.clock.advance(Duration::from_secs(3599));
    assert!(!is_in(&house, &ann).await);
    house.clock.advance(Duration::from_secs(1));
    assert!(is_in(&house, &ann).await);
}

#[tokio::test]
async fn failures_outside_the_interval_are_not_in_a_row() {
    let house = patient();
    let ann = house.user("ann", 1, &[2], &[]).await;
    set(&house, INTERVAL, 10).await;
    for _ in 0..5 {
        fail(&house, 2).await;
        house.clock.advance(Duration::from_secs(10));
    }
    assert!(is_in(&house, &ann).await);
    fail(&house, 2).await;
    house.clock.advance(Duration::from_secs(9));
    fail(&house, 1).await;
    assert!(!is_in(&house, &ann).await);
}

#[tokio::test]
async fn limit_0_locks_nobody_and_records_nothing() {
    let house = patient();
    let ann = house.user("ann", 1, &[2], &[]).await;
    set(&house, LIMIT, 0).await;
    let before = house.state();
    fail(&house, 50).await;
    assert!(is_in(&house, &ann).await);
    assert_eq!(house.state(), before);
}

/// SECURITY L12: a lock is the account's, not the address's or another account's.
#[tokio::test]
async fn l12_others_are_unaffected_by_a_lock() {
    let house = patient();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let bob = house.user("bob", 1, &[2], &[]).await;
    fail(&house, 20).await;
    assert!(!is_in(&house, &ann).await);
    assert!(is_in(&house, &bob).await && is_in(&house, ADMIN).await);
}
