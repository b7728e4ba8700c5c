//! Access tokens at our own API (RFC 6750; TOKENS section 3): what lets a client application in, and to what.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};

use super::house::{ADMIN, APPS, Answer, House, JSON, basic};

/// A well-formed access token that nobody was given.
const UNKNOWN: &str = "authorization: Bearer alat_0000000000000000000000000000000000000000000";

fn challenge(answer: &Answer) -> Vec<&str> {
    let values = answer.headers.get_all("www-authenticate").iter();
    values.map(|value| value.to_str().expect("ASCII")).collect()
}

#[tokio::test]
async fn a_token_that_is_none_is_refused_alike_everywhere() {
    let house = House::new(Config::default());
    let before = (house.state(), house.argon2_runs());
    for path in [
        APPS,
        "/api/mgmt/oauthapps/1",
        "/api/nothing/here",
        "/api/admin/users",
        "/api/audit/access",
        "/api/operate/status",
        "/metrics",
        "/api/mgmt/oauthapps?user=nobody",
    ] {
        for token in
            [UNKNOWN, "authorization: Bearer", "authorization: bearer abc", "authorization: BEARER a b c"]
        {
            let answer = house.send(Method::GET, path, &[token], Body::empty()).await;
            assert_eq!(
                (answer.status, answer.code(), challenge(&answer)),
                (
                    StatusCode::UNAUTHORIZED,
                    222_299_052,
                    vec!["Bearer realm=\"authledger\", error=\"invalid_token\""]
                ),
                "{token} {path}"
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    assert_eq!((house.state(), house.argon2_runs()), before);
}

/// However many there were: who shares an address with a client that goes on with its old token is not kept out.
#[tokio::test]
async fn wrong_tokens_are_not_counted() {
    let house = House::new(Config::default());
    for _ in 0..200 {
        let answer = house.send(Method::GET, APPS, &[UNKNOWN], Body::empty()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(house.get_as(ADMIN, APPS).await.status, StatusCode::OK);
}

/// A URL stands in histories and in logs of proxies. Beside right credentials or alone, for a route or for none.
#[tokio::test]
async fn s25b_a_token_in_a_query_is_refused() {
    let house = House::new(Config::default());
    let (right, wrong) = (basic(ADMIN), basic("d2cadmin:wrong"));
    for path in [
        "/api/mgmt/oauthapps?access_token=abc",
        "/api/mgmt/oauthapps?limit=1&%61ccess_token=abc",
        "/api/mgmt/oauthapps/1?access_token",
        "/api/nothing/here?access_token=abc",
        "/metrics?access_token=abc",
    ] {
        for headers in [&[][..], &[UNKNOWN], &[&right], &[&wrong]] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let answer = house.send(method.clone(), path, headers, Body::empty()).await;
                assert_eq!(
                    (answer.status, answer.code(), challenge(&answer)),
                    (
                        StatusCode::BAD_REQUEST,
                        222_299_055,
                        vec!["Bearer realm=\"authledger\", error=\"invalid_request\""]
                    ),
                    "{method} {path} {headers:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_token_beside_other_credentials_is_refused_whatever_they_are_worth() {
    let house = House::new(Config::default());
    let right = basic(ADMIN);
    let before = house.argon2_runs();
    for headers in [
        &[UNKNOWN, &right][..],
        &[&right, UNKNOWN],
        &[UNKNOWN, UNKNOWN],
        &[&right, &right, "authorization: Bearer"],
    ] {
        let answer = house.send(Method::GET, APPS, headers, Body::empty()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_055), "{headers:?}");
    }
    assert_eq!(house.argon2_runs(), before, "no password was judged");
    // In a body it is a property that nothing reads.
    let body = "{\"access_token\":\"abc\"}";
    let answer = house.send_as(ADMIN, Method::POST, APPS, &[JSON], body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// A page of another site hears nothing of whether its token is good.
#[tokio::test]
async fn l15_a_foreign_page_is_refused_before_its_token_is_looked_at() {
    let house = House::new(Config::default());
    for foreign in ["sec-fetch-site: cross-site", "sec-fetch-site: same-site", "origin: https://evil.example"]
    {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let answer = house.send(method.clone(), APPS, &[UNKNOWN, foreign], Body::empty()).await;
            assert_eq!(
                (answer.status, answer.code()),
                (StatusCode::FORBIDDEN, 222_299_026),
                "{method} {foreign}"
            );
        }
    }
}
