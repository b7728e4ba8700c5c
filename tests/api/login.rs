//! Signing in and out in a browser, and what ends that (SECURITY L12, L13, L15; TOKENS section 5).

use std::time::Duration;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::browser::{Browser, CALLBACK, Client, form, location, parameter, text};
use super::house::{ADMIN, Answer, House, JSON, PASSWORD, PROFILES};

fn house() -> House {
    House::new(Config::default())
}

async fn is_in(browser: &mut Browser<'_>) -> bool {
    text(&browser.get("/login").await).contains("You are signed in")
}

async fn put(house: &House, user: &str, path: &str, body: serde_json::Value) {
    let answer = house.send_as(user, Method::PUT, path, &[JSON], body.to_string()).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

fn cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII")).collect()
}

#[tokio::test]
async fn l13_a_login_begins_under_a_new_id_and_a_logout_ends_it() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let mut browser = Browser::new(&house);
    let page = browser.get("/login").await;
    let before = browser.cookie.clone().expect("a cookie for the form");
    assert!(cookies(&page)[0].ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{page:?}");
    let again = browser.get("/login").await;
    assert_eq!(cookies(&again), Vec::<&str>::new(), "who has one keeps it");
    let led = browser.log_in("/login", &ann).await;
    assert_eq!((led.status, location(&led).as_str()), (StatusCode::SEE_OTHER, "/login"));
    let inside = browser.cookie.clone().expect("another");
    assert_ne!(before, inside);
    assert!(is_in(&mut browser).await);
    // Whoever knew the id from before has nothing.
    let mut thief = Browser::new(&house);
    thief.cookie = Some(before);
    assert!(!is_in(&mut thief).await);

    let page = browser.get("/login").await;
    let out = browser.submit(&page, "/logout", &[]).await;
    assert_eq!((out.status, location(&out).as_str()), (StatusCode::SEE_OTHER, "/login"));
    assert_eq!(browser.cookie, None);
    thief.cookie = Some(inside);
    assert!(!is_in(&mut thief).await, "the session is over, not only the cookie");
}

#[tokio::test]
async fn l13_on_https_the_cookie_is_this_hosts_alone() {
    let mut config = Config::default();
    config.server.public_url = Some("https://ledger.example".to_owned());
    let house = House::new(config);
    let mut browser = Browser::new(&house);
    let page = browser.get("/login").await;
    let cookie = cookies(&page)[0];
    assert!(cookie.starts_with("__Host-authledger="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    let led = browser.log_in("/login", ADMIN).await;
    assert!(cookies(&led)[0].starts_with("__Host-authledger="));
    assert!(is_in(&mut browser).await);
    // One that a neighbour of the host could have set is none.
    browser.cookie = browser.cookie.map(|cookie| cookie.replace("__Host-", ""));
    assert!(!is_in(&mut browser).await);
}

#[tokio::test]
async fn l13_every_page_forbids_what_no_page_of_ours_asks_for() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "<script>alert(1)</script>", json!({})).await;
    let mut browser = Browser::new(&house);
    let login = browser.get(&client.link("")).await;
    let wrong = browser.log_in(&client.link(""), "ann:wrong").await;
    let consent = browser.come(&client.link(""), &ann).await;
    let signed_in = browser.get("/login").await;
    let problem = browser.get(&client.link("redirect_uri=https://evil.example")).await;
    let stale = browser.post("/logout", &[("csrf", "x")]).await;
    assert!(text(&consent).contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let allowed = browser.decide(&consent, "allow").await;
    assert!(parameter(&allowed, "code").is_some());
    let mut other = Browser::new(&house);
    let onward = other.come(&client.link(""), &ann).await;
    for (page, target) in [
        (login, ""),
        (wrong, ""),
        (consent, " https://app.example"),
        (signed_in, ""),
        (problem, ""),
        (stale, ""),
        (onward, ""),
    ] {
        let policy = format!(
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'{target}"
        );
        assert_eq!(page.header("content-security-policy"), Some(policy.as_str()), "{}", text(&page));
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let said = text(&page);
        assert!(!said.contains("<script") && !said.contains("style=") && !said.contains("<style"), "{said}");
    }
    let sheet = house.get("/login/page.css").await;
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
}

/// Chromium holds a redirect after a form against the policy of the form's page, which for the login page names nobody but
/// ourselves: right after a login a page leads on, and later a redirect does.
#[tokio::test]
async fn right_after_a_login_a_page_leads_on_to_the_application() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut first = Browser::new(&house);
    let page = first.come(&client.link(""), &ann).await;
    first.decide(&page, "allow").await;
    let mut second = Browser::new(&house);
    let onward = second.come(&client.link("state=s"), &ann).await;
    assert_eq!(onward.status, StatusCode::OK);
    let said = text(&onward);
    assert!(
        said.contains(&format!("http-equiv=\"refresh\" content=\"0;url={CALLBACK}?code=alac_")),
        "{said}"
    );
    assert!(said.contains("&amp;state=s&amp;iss="), "{said}");
    assert!(parameter(&second.get(&client.link("")).await, "code").is_some());
}

#[tokio::test]
async fn l13_a_session_ends_when_it_is_not_used_and_in_any_case_after_eight_hours() {
    let house = house();
    let mut browser = Browser::new(&house);
    browser.log_in("/login", ADMIN).await;
    for _ in 0..16 {
        house.clock.advance(Duration::from_mins(29));
        assert!(is_in(&mut browser).await);
    }
    house.clock.advance(Duration::from_mins(16));
    assert!(!is_in(&mut browser).await, "eight hours");
    browser.log_in("/login", ADMIN).await;
    house.clock.advance(Duration::from_mins(30));
    assert!(!is_in(&mut browser).await, "half an hour unused");
}

/// SECURITY L13: else somebody could sign a victim in under his own account, and see what the victim allows there.
#[tokio::test]
async fn l13_a_login_form_that_is_not_ours_signs_nobody_in() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let (name, password) = ann.split_once(':').expect("both");
    let credentials = [("username", name), ("password", password)];
    let mut browser = Browser::new(&house);
    let bare = browser.post("/login", &credentials).await;
    assert_eq!(bare.status, StatusCode::BAD_REQUEST);
    let page = browser.get("/login").await;
    let token = form(&page, "/login").1[0].1.clone();
    let with = |token: &'static str| [credentials[0], credentials[1], ("csrf", token)];
    assert_eq!(browser.post("/login", &with("x")).await.status, StatusCode::BAD_REQUEST);
    let mut other = Browser::new(&house);
    other.get("/login").await;
    let foreign = [credentials[0], credentials[1], ("csrf", token.as_str())];
    assert_eq!(other.post("/login", &foreign).await.status, StatusCode::BAD_REQUEST);
    let runs = house.argon2_runs();
    for header in ["sec-fetch-site: cross-site", "sec-fetch-site: same-site", "origin: https://evil.example"]
    {
        browser.headers = vec![header];
        assert_eq!(browser.post("/login", &foreign).await.status, StatusCode::FORBIDDEN, "{header}");
    }
    assert_eq!(house.argon2_runs(), runs, "and spends nobody's wrong passwords (L15)");
    browser.headers.clear();
    assert!(!is_in(&mut browser).await);
    assert_eq!(browser.post("/login", &foreign).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn l13_a_logout_that_is_not_ours_ends_nothing() {
    let house = house();
    let mut browser = Browser::new(&house);
    browser.log_in("/login", ADMIN).await;
    assert_eq!(browser.post("/logout", &[("csrf", "x")]).await.status, StatusCode::BAD_REQUEST);
    browser.headers = vec!["sec-fetch-site: cross-site"];
    assert_eq!(browser.post("/logout", &[]).await.status, StatusCode::FORBIDDEN);
    browser.headers.clear();
    assert!(is_in(&mut browser).await);
    let mut stranger = Browser::new(&house);
    assert_eq!(stranger.post("/logout", &[]).await.status, StatusCode::SEE_OTHER, "he is out already");
}

/// SECURITY L12: the same answer after the same work, and one counter over the page and Basic.
#[tokio::test]
async fn l12_who_guesses_on_the_page_learns_nothing_and_is_counted_with_basic() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let mut pages = Vec::new();
    for name in ["ann", "nobody"] {
        let mut browser = Browser::new(&house);
        let runs = house.argon2_runs();
        let page = browser.log_in("/login", &format!("{name}:wrong")).await;
        assert_eq!((page.status, house.argon2_runs() - runs), (StatusCode::FORBIDDEN, 1), "{name}");
        let said = text(&page);
        assert!(
            said.contains("role=\"alert\">Invalid user ID or password.") && !said.contains(name),
            "{said}"
        );
        let token = form(&page, "/login").1[0].1.clone();
        pages.push(said.replace(&token, ""));
    }
    assert_eq!(pages[0], pages[1]);
    // One wrong password was the page's, two are Basic's: the third locks, and the right one is nobody's then.
    for _ in 0..2 {
        assert_eq!(house.get_as("ann:wrong", PROFILES).await.status, StatusCode::UNAUTHORIZED);
    }
    house.until(|house| house.facts().iter().any(|fact| fact == "UserLocked")).await;
    let mut browser = Browser::new(&house);
    let runs = house.argon2_runs();
    let locked = browser.log_in("/login", &ann).await;
    assert_eq!((locked.status, house.argon2_runs() - runs), (StatusCode::FORBIDDEN, 1));
    let token = form(&locked, "/login").1[0].1.clone();
    assert_eq!(text(&locked).replace(&token, ""), pages[0]);
}

#[tokio::test]
async fn l12_the_page_is_throttled_as_basic_is_and_says_for_how_long() {
    let mut config = Config::default();
    config.auth.address_failures_per_minute = 2;
    config.auth.account_failures_per_minute = 100;
    let house = House::new(config);
    let mut browser = Browser::new(&house);
    for name in ["a:x", "b:x"] {
        assert_eq!(browser.log_in("/login", name).await.status, StatusCode::FORBIDDEN);
    }
    let page = browser.log_in("/login", "c:x").await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds = page.header("retry-after").expect("how long");
    assert!(text(&page).contains(&format!("Try again in {seconds} seconds.")), "{}", text(&page));
    assert_eq!(house.get_as("c:x", PROFILES).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn who_has_the_right_password_hears_why_it_does_not_do() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let mut browser = Browser::new(&house);
    put(&house, ADMIN, "/api/admin/users/2/statusinfo", json!({ "status": 0 })).await;
    let page = browser.log_in("/login", &ann).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(text(&page).contains("This account is inactive."), "{}", text(&page));
    put(&house, ADMIN, "/api/admin/users/2/statusinfo", json!({ "status": 1 })).await;
    put(&house, ADMIN, "/api/admin/users/2/resetpassword", json!({ "newPassword": "orchid harbor lemon" }))
        .await;
    let page = browser.log_in("/login", "ann:orchid harbor lemon").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(text(&page).contains("This password is temporary"), "{}", text(&page));
}

/// TOKENS section 5: passwords set since, an inactive or deleted account end sessions. A lock does not: anybody can bring it about.
#[tokio::test]
async fn what_ends_a_session_is_seen_by_the_next_request() {
    let house = house();
    for (name, ends) in
        [("reset", true), ("changed", true), ("inactive", true), ("deleted", true), ("locked", false)]
    {
        let user = house.user(name, 1, &[2], &[9]).await;
        let id = house.get_as(ADMIN, "/api/admin/users").await.json()["users"]
            .as_array()
            .and_then(|users| users.iter().find(|user| user["userName"] == name))
            .and_then(|user| user["id"].as_u64())
            .expect("made above");
        let mut browser = Browser::new(&house);
        browser.log_in("/login", &user).await;
        assert!(is_in(&mut browser).await, "{name}");
        match name {
            "reset" => {
                let body = json!({ "newPassword": "orchid harbor lemon" });
                put(&house, ADMIN, &format!("/api/admin/users/{id}/resetpassword"), body).await;
            }
            "changed" => {
                let body =
                    json!({ "currentPassword": PASSWORD, "newPassword": "orchid harbor lemon violet" });
                put(&house, &user, "/api/admin/userdetails/changePassword", body).await;
            }
            "inactive" => {
                put(&house, ADMIN, &format!("/api/admin/users/{id}/statusinfo"), json!({ "status": 0 }))
                    .await;
            }
            "deleted" => {
                let path = format!("/api/admin/users/{id}");
                house.send_as(ADMIN, Method::DELETE, &path, &[], Body::empty()).await;
            }
            _ => {
                for _ in 0..3 {
                    house.get_as(&format!("{name}:wrong"), PROFILES).await;
                }
                house.until(|house| house.facts().iter().any(|fact| fact == "UserLocked")).await;
            }
        }
        assert_eq!(is_in(&mut browser).await, !ends, "{name}");
        if name == "inactive" {
            put(&house, ADMIN, &format!("/api/admin/users/{id}/statusinfo"), json!({ "status": 1 })).await;
            assert!(!is_in(&mut browser).await, "what ended has ended");
        }
    }
}

/// hdp-api 7.3: pages for people have a list of their own.
#[tokio::test]
async fn an_address_that_is_not_on_the_list_for_pages_gets_none() {
    let house = house();
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let list = json!({ "webUI": [{ "startAddress": "192.0.2.0", "endAddress": "192.0.2.255" }] });
    let set = house
        .send_as(ADMIN, Method::POST, "/api/admin/security/whitelist/system", &[JSON], list.to_string())
        .await;
    assert!(set.status.is_success(), "{set:?}");
    for path in ["/login", &client.link("")] {
        let inside = house.send_from("192.0.2.7", Method::GET, path, &[], Body::empty()).await;
        assert_eq!(inside.status, StatusCode::OK, "{path}");
        let outside = house.send_from("198.51.100.7", Method::GET, path, &[], Body::empty()).await;
        assert_eq!(outside.status, StatusCode::FORBIDDEN, "{path}");
        assert!(text(&outside).contains("Requests from this address are not let in."), "{}", text(&outside));
    }
}

#[tokio::test]
async fn l11_a_form_over_the_limit_is_refused_with_a_page() {
    let house = house();
    let mut browser = Browser::new(&house);
    browser.get("/login").await;
    let answer = browser.post("/login", &[("username", &"x".repeat(2 << 20))]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(&answer).contains("The body is larger than the limit."), "{}", text(&answer));
}
