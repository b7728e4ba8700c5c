//! SECURITY L12 and L14: what guessing gets, and what it leaves in the log.

use std::time::Duration;

use authledger::config::Config;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::house::{ADMIN, APPS, Answer, House, JSON};

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

/// Right credentials don't make guesses at `currentPassword` free: a thief of a session of some kind could else find it there.
#[tokio::test]
async fn l12_a_wrong_current_password_counts_like_any_other_wrong_password() {
    use super::house::PASSWORD;
    let house = patient();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let change = async |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new}).to_string();
        house.send_as(&ann, Method::PUT, "/api/admin/userdetails/changePassword", &[JSON], body).await
    };
    let before = house.facts().len();
    try_as(&house, "ann:wrong").await;
    for _ in 0..2 {
        let runs = house.argon2_runs();
        let wrong = change("wrong", "quiet maple lantern orbit").await;
        assert_eq!((wrong.status, wrong.code()), (StatusCode::BAD_REQUEST, 222_299_050), "{wrong:?}");
        assert!((1..=2).contains(&(house.argon2_runs() - runs)), "the guess was judged");
    }
    house.until(|house| house.facts().len() > before).await;
    assert_eq!(&house.facts()[before..], ["UserLocked"], "one counter, whatever the guess came by");
    let locked = change(PASSWORD, "quiet maple lantern orbit").await;
    assert_eq!((locked.status, locked.code()), (StatusCode::UNAUTHORIZED, 222_206_007));
    house.clock.advance(Duration::from_mins(31));
    change("wrong", "quiet maple lantern orbit").await;
    assert_eq!(change(PASSWORD, "quiet maple lantern orbit").await.status, StatusCode::OK);
}

#[tokio::test]
async fn l12_during_a_lock_right_and_wrong_get_the_same_answer_for_the_same_work() {
    let house = patient();
    let ann = house.user("ann", 1, &[2], &[]).await;
    assert_eq!(try_as(&house, &ann).await.status, StatusCode::OK, "remembered from here on");
    let before = house.facts().len();
    for _ in 0..3 {
        try_as(&house, "ann:wrong").await;
    }
    house.until(|house| house.facts().len() > before).await;
    let nobody = try_as(&house, "nobody:wrong").await;
    for credentials in [ann.as_str(), "ann:wrong", "ANN:wrong"] {
        let runs = house.argon2_runs();
        let answer = try_as(&house, credentials).await;
        assert_eq!((house.argon2_runs() - runs, seen(&answer)), (1, seen(&nobody)), "{credentials}");
    }
    assert_eq!(house.facts().len(), before + 1, "one event for each account and period");
}

/// From many addresses at many accounts at once.
#[tokio::test]
async fn l12_a_flood_over_many_accounts_and_addresses_leaves_others_unaffected() {
    let mut config = Config::default();
    config.server.behind_proxy = vec![std::net::IpAddr::from([127, 0, 0, 1])];
    let house = House::new(config);
    let bob = house.user("bob", 1, &[2], &[]).await;
    for number in 0..8 {
        house.user(&format!("victim{number}"), 1, &[2], &[]).await;
    }
    let (facts, runs) = (house.facts().len(), house.argon2_runs());
    let mut attempts = 0;
    for address in 0..40 {
        let from = format!("x-forwarded-for: 198.51.100.{address}");
        for number in 0..16 {
            // Half of them exist.
            let guess = format!("victim{number}:guess {address}");
            let answer = house.send_as(&guess, Method::GET, APPS, &[&from], "").await;
            assert!(matches!(answer.status.as_u16(), 401 | 429), "{answer:?}");
            attempts += 1;
        }
    }
    house.until(|house| house.facts().len() >= facts + 8).await;
    assert_eq!(house.facts().len(), facts + 8, "one lock for each account that there is");
    assert!(house.argon2_runs() - runs <= attempts, "no attempt costs more than one run");
    // Who was not guessed at comes in from anywhere, also from where the flood came from.
    for address in ["203.0.113.9", "198.51.100.7"] {
        let from = format!("x-forwarded-for: {address}");
        for user in [bob.as_str(), ADMIN] {
            let answer = house.send_as(user, Method::GET, APPS, &[&from], "").await;
            assert_eq!(answer.status, StatusCode::OK, "{user} from {address}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_credential_is_401() {
    let house = patient();
    let before = house.argon2_runs();
    for header in [
        "authorization: Basic",
        "authorization: Basic !!!",
        "authorization: Basic bm9jb2xvbg==",
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
