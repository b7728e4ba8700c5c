//! The token endpoint from outside: who asks, how, and what he hears (SECURITY 10, 13, 14, 16, 31, 32, 36).

use std::time::Duration;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::id::UserId;
use events::scope::Scope;
use serde_json::json;

use super::house::{ADMIN, Answer, House, JSON, basic};
use super::protocol::{Client, FORM, INTROSPECT, REDIRECT, REVOKE, TOKEN, encoded, id_of, refusal, text};

const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];

fn house() -> House {
    House::new(Config::default())
}

fn no(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

#[tokio::test]
async fn a_code_becomes_tokens_and_a_refresh_token_more_of_them() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of_hdp(&house).await;
    let code = client.code(&house, id_of(&house, &ann), &[Scope::OData]).await;
    let answer = client.redeem(&house, &code).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
    let tokens = answer.json();
    assert!(text(&tokens, "access_token").starts_with("alat_"));
    assert!(text(&tokens, "refresh_token").starts_with("alrt_"));
    let rest = json!({ "token_type": "Bearer", "expires_in": 3600, "scope": "api.access.odata" });
    for (name, value) in rest.as_object().expect("an object") {
        assert_eq!(tokens[name], *value, "{name}");
    }
    assert!(client.is_active(&house, &text(&tokens, "access_token")).await);
    let answer = client.refresh(&house, &text(&tokens, "refresh_token")).await;
    assert_eq!(answer.json()["refresh_token"], tokens["refresh_token"], "HDP's refresh tokens stay");
    assert_ne!(answer.json()["access_token"], tokens["access_token"]);
}

#[tokio::test]
async fn s10_a_parameter_stands_once_and_an_empty_one_is_none() {
    let house = house();
    let client = Client::machine(&house, "machine").await;
    let before = house.ledger.size();
    for (path, name) in [
        (TOKEN, "grant_type"),
        (TOKEN, "scope"),
        (TOKEN, "client_id"),
        (INTROSPECT, "token"),
        (REVOKE, "token"),
        (TOKEN, "never_heard_of"),
    ] {
        for second in ["a", "", "b"] {
            let mut form = vec![(name, "a"), (name, second)];
            form.extend(if path == TOKEN && name != "grant_type" { &OWN[..] } else { &[] });
            let answer = client.ask(&house, path, &form).await;
            assert_eq!(refusal(&answer), no(400, "invalid_request"), "{path} {name} {second:?}");
        }
    }
    for twice in [
        r#"{"grant_type":"client_credentials","grant_type":"client_credentials"}"#,
        r#"{"grant_type":"client_credentials","grantType":"client_credentials"}"#,
    ] {
        let answer = house.send(Method::POST, TOKEN, &[JSON, &client.basic()], twice).await;
        assert_eq!(refusal(&answer), no(400, "invalid_request"), "{twice}");
    }
    assert_eq!(house.ledger.size(), before);

    let empty = [("grant_type", "client_credentials"), ("scope", ""), ("client_secret", ""), ("x", "y")];
    let answer = client.ask(&house, TOKEN, &empty).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let answer = client.ask(&house, TOKEN, &[("grant_type", "")]).await;
    assert_eq!(refusal(&answer), no(400, "invalid_request"));
    // Those of RFC 8707 and RFC 8693 may stand there several times.
    let issuer = "http://127.0.0.1:8080";
    let several = [OWN[0], ("resource", issuer), ("resource", issuer), ("audience", "a"), ("audience", "b")];
    let answer = client.ask(&house, TOKEN, &several).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn s13_a_confidential_client_authenticates_everywhere_and_hears_by_the_way_it_came() {
    let house = house();
    let client = Client::of_hdp(&house).await;
    let tokens = client.tokens(&house, UserId(1), &[Scope::OData]).await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let before = house.ledger.size();
    let (id, wrong) = (client.name.as_str(), "alcs_wrong");
    for (path, form) in [
        (TOKEN, vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())]),
        (INTROSPECT, vec![("token", access.as_str())]),
        (REVOKE, vec![("token", access.as_str())]),
    ] {
        // Where nobody who can't keep a secret may look, a challenge is always sent.
        let in_body = if path == INTROSPECT { 401 } else { 400 };
        for (credentials, header, status) in [
            (vec![], None, in_body),
            (vec![("client_id", id)], None, in_body),
            (vec![("client_id", id), ("client_secret", wrong)], None, in_body),
            (vec![("client_id", "unknown"), ("client_secret", wrong)], None, in_body),
            (vec![], Some(basic(&format!("{id}:{wrong}"))), 401),
            (vec![], Some(basic(&format!("{id}:"))), 401),
            (vec![], Some(basic("unknown:x")), 401),
            (vec![], Some("authorization: Basic !".to_owned()), 401),
            (vec![], Some("authorization: Digest x".to_owned()), 401),
            (vec![("client_assertion_type", "jwt"), ("client_assertion", "x")], None, in_body),
        ] {
            let headers: Vec<&str> = header.iter().map(String::as_str).collect();
            let form = [form.clone(), credentials.clone()].concat();
            let answer = house.send_form(path, &headers, &form).await;
            let here = format!("{path} {credentials:?} {header:?}");
            assert_eq!(refusal(&answer), no(status, "invalid_client"), "{here}");
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge.is_some_and(|value| value.starts_with("Basic ")), status == 401, "{here}");
            // Each as if it were the first.
            house.clock.advance(Duration::from_mins(1));
        }
    }
    assert_eq!(house.ledger.size(), before, "nothing came of any of it");
    assert_eq!(client.refresh(&house, &refresh).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s14_percent_encoded_and_raw_basic_both_work() {
    let house = house();
    // Another system's credentials, with everything in them that encodings change.
    let secret = "p+q%2B r_-.~&=12345";
    let imported = json!({
        "clientId": "my-client_1.example", "clientSecret": secret, "grantTypes": ["client_credentials"],
    });
    let client = Client::register(&house, ADMIN, "imported", imported).await;
    assert_eq!(client.secret, secret);
    let encode = |text: &str| -> String {
        // As oauth4webapi does: RFC 3986's unreserved characters, too.
        let each = text.bytes().map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        each.collect()
    };
    let raw = format!("{}:{secret}", client.name);
    let encoded = format!("{}:{}", encode(&client.name), encode(secret));
    for pair in [&raw, &encoded] {
        let answer = house.send_form(TOKEN, &[&basic(pair)], &OWN).await;
        assert_eq!(answer.status, StatusCode::OK, "{pair}: {answer:?}");
        // oauthlib adds the bare id, which is no second way.
        let answer = house.send_form(TOKEN, &[&basic(pair)], &[OWN[0], ("client_id", &client.name)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{pair}: {answer:?}");
    }
    let answer = client.post(&house, TOKEN, &OWN).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn s14_one_way_to_authenticate_and_none_only_for_public_clients() {
    let house = house();
    let (client, public) = (Client::machine(&house, "m").await, Client::public(&house, "p").await);
    let (id, secret) = (client.name.as_str(), client.secret.as_str());
    for (headers, form) in [
        (vec![client.basic()], vec![("client_secret", secret)]),
        (vec![client.basic()], vec![("client_id", id), ("client_secret", secret)]),
        (vec![client.basic()], vec![("client_id", public.name.as_str())]),
        (vec![client.basic()], vec![("client_assertion", "x")]),
        (vec![client.basic(), client.basic()], vec![]),
        (vec![], vec![("client_id", id), ("client_secret", secret), ("client_assertion", "x")]),
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = house.send_form(TOKEN, &headers, &[OWN.to_vec(), form.clone()].concat()).await;
        assert_eq!(refusal(&answer), no(400, "invalid_request"), "{headers:?} {form:?}");
    }
    // A public client names itself, by the body or by Basic without a secret, and has no secret to be right about.
    let tokens = public.tokens(&house, UserId(1), &[Scope::OData]).await;
    let nameless = basic(&format!("{}:", public.name));
    let form = [("grant_type", "refresh_token"), ("refresh_token", &text(&tokens, "refresh_token"))];
    assert_eq!(house.send_form(TOKEN, &[&nameless], &form).await.status, StatusCode::OK);
    let with_secret = [&form[..], &[("client_id", &public.name), ("client_secret", "x")]].concat();
    assert_eq!(refusal(&house.send_form(TOKEN, &[], &with_secret).await), no(400, "invalid_client"));
    // It can't be asked whether it is itself, so it may not look.
    let answer = public.post(&house, INTROSPECT, &[("token", "x")]).await;
    assert_eq!(refusal(&answer), no(401, "invalid_client"));
}

#[tokio::test]
async fn s16_a_token_request_is_a_post_with_its_parameters_in_the_body() {
    let house = house();
    let client = Client::machine(&house, "machine").await;
    let (authorization, form) = (client.basic(), encoded(&OWN));
    for path in [TOKEN, INTROSPECT, REVOKE, "/api/mgmt/oauth2/token"] {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
            let answer = house.send(method.clone(), path, &[&authorization], Body::empty()).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), Some("POST"), "{method} {path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        }
        for name in
            ["client_id", "client_secret", "clientSecret", "token", "grant_type", "code", "refresh_token"]
        {
            let in_query = format!("{path}?{name}=x");
            let answer = house.send(Method::POST, &in_query, &[FORM, &authorization], form.clone()).await;
            assert_eq!(refusal(&answer), no(400, "invalid_request"), "{in_query}");
        }
    }
    let json = json!({ "grant_type": "client_credentials" }).to_string();
    let latin = "content-type: application/x-www-form-urlencoded; charset=latin1";
    for (path, kind, body) in [
        (TOKEN, "content-type: text/plain", &form),
        (TOKEN, "content-type: multipart/form-data", &form),
        (TOKEN, latin, &form),
        (TOKEN, "x-nothing: said", &form),
        (TOKEN, JSON, &form),
        (TOKEN, FORM, &json),
        (TOKEN, JSON, &"[]".to_owned()),
        (TOKEN, JSON, &r#"{"grant_type":1}"#.to_owned()),
        // HDP documents JSON for tokens alone.
        (INTROSPECT, JSON, &r#"{"token":"x"}"#.to_owned()),
        (REVOKE, JSON, &r#"{"token":"x"}"#.to_owned()),
    ] {
        let answer = house.send(Method::POST, path, &[kind, &authorization], body.clone()).await;
        assert_eq!(refusal(&answer), no(400, "invalid_request"), "{path} {kind} {body}");
    }
    for (kind, body) in [
        (FORM, &form),
        ("content-type: application/x-www-form-urlencoded; charset=UTF-8", &form),
        (JSON, &json),
    ] {
        let answer = house.send(Method::POST, TOKEN, &[kind, &authorization], body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}: {answer:?}");
    }
}

/// SECURITY L15 leaves it out: another site's page may ask, for it shows no password that the browser has kept; the vendor's connector says that it is one.
#[tokio::test]
async fn l15_an_origin_is_nothing_that_the_token_endpoint_looks_at() {
    let house = house();
    let client = Client::machine(&house, "machine").await;
    for foreign in ["origin: https://oauth.powerbi.com", "origin: null", "sec-fetch-site: cross-site"] {
        let answer = house.send_form(TOKEN, &[&client.basic(), foreign], &OWN).await;
        assert_eq!(answer.status, StatusCode::OK, "{foreign}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn s31_who_fails_to_authenticate_too_often_waits_where_he_failed() {
    let house = house();
    let (one, two) = (Client::machine(&house, "one").await, Client::machine(&house, "two").await);
    let from = |peer: &'static str, client: &Client, secret: &str| {
        let body = encoded(&[OWN[0], ("client_id", &client.name), ("client_secret", secret)]);
        let house = &house;
        async move { house.send_from(peer, Method::POST, TOKEN, &[FORM], body).await }
    };
    for _ in 0..10 {
        assert_eq!(refusal(&from("192.0.2.1", &one, "wrong").await), no(400, "invalid_client"));
    }
    let answer = from("192.0.2.1", &one, &one.secret).await;
    assert_eq!(refusal(&answer), no(429, "temporarily_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("6"));
    // Nobody is locked out by somebody elsewhere, and an address not for one of its clients.
    assert_eq!(from("192.0.2.2", &one, &one.secret).await.status, StatusCode::OK);
    assert_eq!(from("192.0.2.1", &two, &two.secret).await.status, StatusCode::OK);
    house.clock.advance(Duration::from_secs(6));
    assert_eq!(from("192.0.2.1", &one, &one.secret).await.status, StatusCode::OK);
    // An address that fails as everybody waits as everybody; introspection and revocation count, too.
    for number in 0..60 {
        let client = Client { name: number.to_string(), ..one.clone() };
        from("192.0.2.3", &client, "wrong").await;
    }
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let headers = [FORM, &two.basic()];
        let answer = house.send_from("192.0.2.3", Method::POST, path, &headers, "token=x").await;
        assert_eq!(refusal(&answer), no(429, "temporarily_unavailable"), "{path}");
    }
}

#[tokio::test]
async fn s31_what_is_too_large_is_refused_in_the_protocols_words() {
    let house = house();
    let client = Client::machine(&house, "machine").await;
    let authorization = client.basic();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let long = format!("x-long: {}", "x".repeat(17 << 10));
    for (headers, body, status) in [
        (vec![FORM, &authorization], "a".repeat((1 << 20) + 1), 413),
        (vec![JSON, &authorization], deep, 400),
        (vec![FORM, &authorization, &long], encoded(&OWN), 431),
    ] {
        let answer = house.send(Method::POST, TOKEN, &headers, body).await;
        assert_eq!(refusal(&answer), no(status, "invalid_request"));
    }
    // A megabyte of names, each another one, is read in no time and ignored.
    let mut many: Vec<String> = (0..90_000).map(|number| format!("x{number}=")).collect();
    many.push(encoded(&OWN));
    let many = many.join("&");
    let answer = house.send(Method::POST, TOKEN, &[FORM, &authorization], many).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn s32_an_unknown_client_and_a_wrong_secret_are_one_answer() {
    let house = house();
    let confidential = Client::machine(&house, "machine").await;
    let public = Client::public(&house, "public").await;
    let answers = |answer: Answer| {
        let headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect();
        (answer.status, headers, answer.body)
    };
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let mut heard = Vec::new();
        for client_id in ["nobody", &confidential.name, &public.name, "x".repeat(3000).as_str()] {
            let form = [("client_id", client_id), ("client_secret", "alcs_wrong"), ("token", "x")];
            heard.push(answers(house.send_form(path, &[], &form).await));
        }
        assert!(heard.windows(2).all(|pair| pair[0] == pair[1]), "{path}");
    }
}

#[tokio::test]
async fn s36_every_error_says_what_it_is_and_repeats_nothing() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of_hdp(&house).await;
    let machine = Client::machine(&house, "machine").await;
    let code = client.code(&house, id_of(&house, &ann), &[Scope::OData]).await;
    let canary = "canary\"<script>";
    let c = |name: &'static str| (name, canary);
    let kind = |kind: &'static str| ("grant_type", kind);
    for (client, form, error) in [
        (&client, vec![c("grant_type")], "unsupported_grant_type"),
        (&client, vec![kind("password"), c("username"), c("password")], "unsupported_grant_type"),
        (&client, vec![kind("implicit")], "unsupported_grant_type"),
        (&client, vec![c("scope")], "invalid_request"),
        (&client, vec![kind("authorization_code")], "invalid_request"),
        (&client, vec![kind("refresh_token")], "invalid_request"),
        (&client, vec![kind("authorization_code"), c("code")], "invalid_grant"),
        (&client, vec![kind("authorization_code"), ("code", &code), c("redirect_uri")], "invalid_grant"),
        (&client, vec![kind("authorization_code"), ("code", &code), c("code_verifier")], "invalid_grant"),
        (&client, vec![kind("refresh_token"), c("refresh_token")], "invalid_grant"),
        (&client, vec![kind("refresh_token"), c("refresh_token"), c("scope")], "invalid_grant"),
        (&client, vec![kind("client_credentials")], "unauthorized_client"),
        (&machine, vec![kind("client_credentials"), c("scope")], "invalid_scope"),
        (&machine, vec![kind("client_credentials"), ("scope", "api.mgmt")], "invalid_scope"),
        (&machine, vec![kind("client_credentials"), c("resource")], "invalid_target"),
        (&machine, vec![kind("authorization_code"), ("code", &code)], "unauthorized_client"),
    ] {
        let answer = client.ask(&house, TOKEN, &form).await;
        assert_eq!(refusal(&answer), no(400, error), "{form:?}");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("canary") && answer.json()["error_description"].is_string(), "{body}");
        assert_eq!(answer.json().as_object().map(serde_json::Map::len), Some(2), "{body}");
    }
    for path in [INTROSPECT, REVOKE] {
        let answer = machine.ask(&house, path, &[c("tokens")]).await;
        assert_eq!(refusal(&answer), no(400, "invalid_request"), "{path}");
    }
}

/// SECURITY L14: an outsider can't grow the log, however he tries.
#[tokio::test]
async fn l14_only_a_replay_and_a_reuse_are_recorded_and_each_once() {
    let house = house();
    let (client, public) = (Client::of_hdp(&house).await, Client::public(&house, "public").await);
    let code = client.code(&house, UserId(1), &[Scope::OData]).await;
    let access = text(&client.redeem(&house, &code).await.json(), "access_token");
    let family = public.tokens(&house, UserId(1), &[Scope::OData]).await;
    let first = text(&family, "refresh_token");
    let second = text(&public.refresh(&house, &first).await.json(), "refresh_token");
    let size = house.ledger.size();
    let unknown = Client { name: "unknown".to_owned(), ..client.clone() };
    let wrong = Client { secret: "wrong".to_owned(), ..client.clone() };
    let other = Client::machine(&house, "other").await;
    let registered = house.ledger.size() - size;
    for _ in 0..3 {
        for sender in [&unknown, &wrong] {
            sender.redeem(&house, &code).await;
            sender.refresh(&house, &first).await;
            sender.ask(&house, REVOKE, &[("token", &second)]).await;
            sender.ask(&house, INTROSPECT, &[("token", &access)]).await;
        }
        // Somebody else's, by who is let in.
        other.post(&house, REVOKE, &[("token", &access)]).await;
        other.refresh(&house, &first).await;
        public.redeem(&house, &code).await;
        house.clock.advance(Duration::from_secs(2));
    }
    assert_eq!(house.ledger.size(), size + registered);
    assert!(client.is_active(&house, &access).await);

    house.clock.advance(Duration::from_mins(2));
    for _ in 0..5 {
        assert_eq!(refusal(&client.redeem(&house, &code).await), no(400, "invalid_grant"));
        assert_eq!(refusal(&public.refresh(&house, &first).await), no(400, "invalid_grant"));
    }
    let facts = house.facts();
    let recorded = &facts[usize::try_from(size + registered).expect("small")..];
    assert_eq!(recorded, ["AuthorizationCodeReplayDetected", "RefreshTokenReuseDetected"]);
    assert!(!client.is_active(&house, &access).await, "what came of the code ended with it");
    assert_eq!(refusal(&public.refresh(&house, &second).await), no(400, "invalid_grant"));
}

/// Five requests that don't fit a code are too many; of other codes nothing is known by that.
#[tokio::test]
async fn s12_five_requests_that_do_not_fit_spend_a_code() {
    let house = house();
    let client = Client::public(&house, "public").await;
    for (wrong, good) in [(4, true), (5, false)] {
        let code = client.code(&house, UserId(1), &[Scope::OData]).await;
        for _ in 0..wrong {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", REDIRECT),
                ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX"),
            ];
            assert_eq!(refusal(&client.post(&house, TOKEN, &form).await), no(400, "invalid_grant"));
        }
        assert_eq!(client.redeem(&house, &code).await.status == StatusCode::OK, good, "after {wrong}");
    }
}
