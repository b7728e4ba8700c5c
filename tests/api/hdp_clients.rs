//! Clients of Hybrid Data Pipeline, byte for byte: the vendor's Power BI connector (hdp-api 5.7), HDP's own page, and what curl
//! sends (hdp-api 5.3; SECURITY C1 to C3, C7).

use std::time::Duration;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::id::UserId;
use events::scope::Scope;
use serde_json::json;

use super::house::{ADMIN, Answer, House, JSON, PASSWORD, basic};
use super::protocol::{Client, FORM, TOKEN, VERIFIER, id_of, refusal, text};

const AT_HDP: &str = "/api/mgmt/oauth2/token";
const ACCEPT: &str = "accept: application/json";

fn house() -> House {
    House::new(Config::default())
}

/// The bytes of a form as the connector writes them, with `Uri.BuildQueryString`.
async fn sent(house: &House, path: &str, body: String) -> Answer {
    house.send(Method::POST, path, &[FORM, ACCEPT], body).await
}

#[tokio::test]
async fn version_1_of_the_connector_gets_its_tokens_and_a_reason_where_it_refreshes() {
    let house = house();
    let client = Client::of_hdp(&house).await;
    let (id, secret) = (&client.name, &client.secret);
    let code = client.code(&house, UserId(1), &[Scope::OData]).await;
    let body = format!(
        "client_id={id}&client_secret={secret}&grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fclient.example%2Fcb"
    );
    let answer = sent(&house, TOKEN, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let tokens = answer.json();
    // Its refresh function sends this: no code, no refresh token. It reads 400 alone, and both properties.
    let body = format!(
        "client_id={id}&client_secret={secret}&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fclient.example%2Fcb"
    );
    let size = house.ledger.size();
    let answer = sent(&house, TOKEN, body).await;
    assert_eq!(refusal(&answer), (400, "invalid_request".to_owned()));
    assert!(answer.json()["error_description"].is_string());
    assert_eq!(house.ledger.size(), size, "and nothing is revoked by it");
    assert!(client.is_active(&house, &text(&tokens, "access_token")).await);
}

#[tokio::test]
async fn version_2_of_the_connector_refreshes_with_a_redirect_uri_that_nobody_needs() {
    let house = house();
    let client = Client::of_hdp(&house).await;
    let tokens = client.tokens(&house, UserId(1), &[Scope::OData]).await;
    for scope in ["", "&scope=", "&scope=api.access.odata%20", "&scope=odata", "&scope=api.access.odata"] {
        let body = format!(
            "client_id={}&client_secret={}&grant_type=refresh_token&refresh_token={}&redirect_uri=https%3A%2F%2Foauth.powerbi.com%2Fviews%2Foauthredirect.html{scope}",
            client.name,
            client.secret,
            text(&tokens, "refresh_token"),
        );
        let answer = sent(&house, TOKEN, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{scope:?}: {answer:?}");
        assert_eq!(answer.json()["scope"], "api.access.odata", "{scope:?}");
        assert_eq!(answer.json()["refresh_token"], tokens["refresh_token"], "{scope:?}");
    }
}

/// Its public kind runs on people's machines and says that it is a page all the same.
#[tokio::test]
async fn the_connectors_public_kind_sends_an_origin_and_a_verifier() {
    let house = house();
    let client = Client::public(&house, "public").await;
    let code = client.code(&house, UserId(1), &[Scope::OData]).await;
    let body = format!(
        "client_id={}&grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fclient.example%2Fcb&code_verifier={}",
        client.name, VERIFIER,
    );
    let origin = "origin: https://oauth.powerbi.com";
    let answer = house.send(Method::POST, TOKEN, &[FORM, ACCEPT, origin], body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

/// Both handle 400 themselves; a 401 hides the reason from the person.
#[tokio::test]
async fn the_connector_hears_400_because_its_credentials_are_in_the_body() {
    let house = house();
    let client = Client::of_hdp(&house).await;
    let body =
        format!("client_id={}&client_secret=wrong&grant_type=refresh_token&refresh_token=x", client.name);
    let answer = sent(&house, TOKEN, body).await;
    assert_eq!(refusal(&answer), (400, "invalid_client".to_owned()));
    assert_eq!(answer.header("www-authenticate"), None);
    let answer =
        house.send_form(TOKEN, &[&basic(&format!("{}:wrong", client.name))], &[("grant_type", "x")]).await;
    assert_eq!(refusal(&answer), (401, "invalid_client".to_owned()));
}

/// SECURITY C2: in HDP a refresh token lives until it is revoked, and programs count on it.
#[tokio::test]
async fn c2_a_confidential_client_refreshes_a_hundred_times_with_one_refresh_token() {
    let house = house();
    let client = Client::of_hdp(&house).await;
    let tokens = client.tokens(&house, UserId(1), &[Scope::OData]).await;
    let refresh = text(&tokens, "refresh_token");
    let mut last = text(&tokens, "access_token");
    for _ in 0..100 {
        // Nine years in all.
        house.clock.advance(Duration::from_hours(33 * 24));
        let answer = client.refresh(&house, &refresh).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let now = answer.json();
        assert_eq!((text(&now, "refresh_token"), &now["expires_in"]), (refresh.clone(), &json!(3600)));
        let access = text(&now, "access_token");
        assert!(client.is_active(&house, &access).await && !client.is_active(&house, &last).await);
        last = access;
    }
    // Who wants an end says so; and a public client's is always another one.
    let bounded = json!({ "refreshTokenLifetime": { "idle": 3600, "absolute": 7200 } });
    let client = Client::register(&house, ADMIN, "bounded", bounded).await;
    let refresh = text(&client.tokens(&house, UserId(1), &[Scope::OData]).await, "refresh_token");
    for (minutes, good) in [(50, true), (50, true), (19, true), (2, false)] {
        house.clock.advance(Duration::from_secs(minutes * 60));
        assert_eq!(client.refresh(&house, &refresh).await.status == StatusCode::OK, good, "{minutes}");
    }
    let public = Client::public(&house, "public").await;
    let first = text(&public.tokens(&house, UserId(1), &[Scope::OData]).await, "refresh_token");
    let second = text(&public.refresh(&house, &first).await.json(), "refresh_token");
    assert_ne!(first, second);
}

/// SECURITY C3: HDP's names and HDP's address in front of the same handler.
#[tokio::test]
async fn c3_hdps_json_and_hdps_address_are_another_way_to_the_same() {
    let house = house();
    let client = Client::of_hdp(&house).await;
    let tokens = client.tokens(&house, UserId(1), &[Scope::OData]).await;
    let page = json!({
        "grant_type": "refresh_token", "scope": "api.access.odata", "clientId": client.name,
        "clientSecret": client.secret, "refresh_token": tokens["refresh_token"],
    });
    let rfc = json!({
        "grantType": "refresh_token", "client_id": client.name, "client_secret": client.secret,
        "refreshToken": tokens["refresh_token"], "anything": { "else": [1] }, "nothing": null,
    });
    for path in [TOKEN, AT_HDP] {
        for body in [&page, &rfc] {
            let answer = house.send(Method::POST, path, &[JSON], body.to_string()).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} {body}: {answer:?}");
            assert_eq!(answer.json()["refresh_token"], tokens["refresh_token"]);
        }
        let answer = house.send(Method::POST, path, &[JSON], "{\"grant_type\":\"refresh_token\"}").await;
        assert_eq!(refusal(&answer), (400, "invalid_client".to_owned()), "{path}");
    }
    // One scope, by either name; the RFC's other addresses stand at HDP's, too.
    let both = client
        .post(&house, "/api/mgmt/oauth2/introspect", &[("token", &text(&tokens, "access_token"))])
        .await;
    assert_eq!(both.json()["scope"], "api.access.odata");
    let ended =
        client.post(&house, "/api/mgmt/oauth2/revoke", &[("token", &text(&tokens, "access_token"))]).await;
    assert_eq!(ended.status, StatusCode::OK);
    assert!(!client.is_active(&house, &text(&tokens, "access_token")).await);
}

/// SECURITY C7: a refusal has the form of where it is heard, whoever refuses.
#[tokio::test]
async fn c7_the_protocol_is_refused_in_the_rfcs_form_and_the_api_in_hdps() {
    let house = house();
    for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"] {
        for path in [path.to_owned(), format!("/api/mgmt{path}")] {
            for (method, headers, body) in [
                (Method::POST, vec![FORM], String::new()),
                (Method::GET, vec![], String::new()),
                (Method::POST, vec![], "x".repeat((1 << 20) + 1)),
            ] {
                let answer = house.send(method.clone(), &path, &headers, body).await;
                let said = answer.json();
                assert!(
                    said["error"].is_string() && said["error_description"].is_string(),
                    "{method} {path}"
                );
            }
        }
    }
    for path in [
        "/api/mgmt/oauth/client/applications",
        "/api/mgmt/oauth2/nothing",
        "/api/mgmt/oauth2",
        "/oauth2/nothing",
    ] {
        let answer = house.send(Method::GET, path, &[], Body::empty()).await;
        assert!(answer.json()["error"]["code"].is_number(), "{path}: {answer:?}");
    }
}

fn with_passwords() -> House {
    let mut config = Config::default();
    config.oauth.password_grant = true;
    House::new(config)
}

fn password_form<'a>(user: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("grant_type", "password"), ("username", user), ("password", password)]
}

/// SECURITY C1 and 35: two keys, and the date on the second.
#[tokio::test]
async fn c1_s35_the_password_grant_takes_the_settings_and_the_registration() {
    let until =
        json!({ "grantTypes": ["password", "refresh_token"], "passwordGrantUntil": "2026-12-01T00:00:00Z" });
    let (off, on) = (house(), with_passwords());
    let refused = |answer: &Answer, error: &str| assert_eq!(refusal(answer), (400, error.to_owned()));
    for (house, error) in [(&off, "unsupported_grant_type"), (&on, "unauthorized_client")] {
        let ann = house.user("ann", 1, &[2], &[]).await;
        let plain = Client::of_hdp(house).await;
        let runs = house.argon2_runs();
        let form = password_form("ann", PASSWORD);
        refused(&plain.post(house, TOKEN, &form).await, error);
        assert_eq!(house.argon2_runs(), runs, "no password was judged: {ann}");
    }
    let allowed = Client::register(&off, ADMIN, "allowed", until.clone()).await;
    refused(&allowed.post(&off, TOKEN, &password_form("ann", PASSWORD)).await, "unsupported_grant_type");

    let house = on;
    let client = Client::register(&house, ADMIN, "allowed", until).await;
    let answer = client.post(&house, TOKEN, &password_form("ann", PASSWORD)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let tokens = answer.json();
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("api.access.odata"), &json!(3600)));
    assert!(client.is_active(&house, &text(&tokens, "access_token")).await);
    assert_eq!(client.refresh(&house, &text(&tokens, "refresh_token")).await.status, StatusCode::OK);
    let facts = house.facts();
    assert!(facts.contains(&"GrantAllowed".to_owned()) && facts.contains(&"TokensIssued".to_owned()));
    client.post(&house, TOKEN, &password_form("ann", PASSWORD)).await;
    let allowed = house.facts().iter().filter(|fact| *fact == "GrantAllowed").count();
    assert_eq!(allowed, 1, "the second time nothing new is allowed");
    // A parameter that is missing, a date that is over.
    refused(
        &client.post(&house, TOKEN, &[("grant_type", "password"), ("username", "ann")]).await,
        "invalid_request",
    );
    house.clock.advance(Duration::from_hours(15 * 24));
    refused(&client.post(&house, TOKEN, &password_form("ann", PASSWORD)).await, "unauthorized_client");
}

/// SECURITY C1 and L12: what is wrong with a password, a client is not told; it may not find out what another one may not.
#[tokio::test]
async fn c1_l12_wrong_unknown_and_locked_are_one_answer_and_one_work() {
    let house = with_passwords();
    let until = json!({ "grantTypes": ["password"], "passwordGrantUntil": "2026-12-01T00:00:00Z" });
    let client = Client::register(&house, ADMIN, "allowed", until.clone()).await;
    let (org, roles) = house.tenant("OrgA").await;
    let cara = house.user("cara", org, &roles[..1], &[12]).await;
    let of_org = Client::register(&house, &cara, "org", until).await;
    for name in ["ann", "bob", "dora", "temp"] {
        house.user(name, 1, &[2], &[]).await;
    }
    let mut heard = Vec::new();
    let mut ask = async |client: &Client, name: &str, password: &str| {
        let runs = house.argon2_runs();
        let answer = client.post(&house, TOKEN, &password_form(name, password)).await;
        assert_eq!(house.argon2_runs() - runs, 1, "{name}");
        heard.push((answer.status, answer.body, name.to_owned()));
    };
    ask(&client, "ann", "wrong").await;
    ask(&client, "nobody", PASSWORD).await;
    // Another tenant's, with the right password.
    ask(&of_org, "bob", PASSWORD).await;
    // Locked by wrong ones.
    for _ in 0..3 {
        ask(&client, "dora", "wrong").await;
    }
    ask(&client, "dora", PASSWORD).await;
    assert!(heard.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 == pair[1].1), "{heard:?}");
    assert_eq!(heard[0].0, StatusCode::BAD_REQUEST);
    house.until(|house| house.facts().contains(&"UserLocked".to_owned())).await;
    let basic = house.get_as(&format!("dora:{PASSWORD}"), "/api/mgmt/permissions").await;
    assert_eq!(basic.status, StatusCode::UNAUTHORIZED, "one lock for all ways in");
    // Right, and not enough: told only then.
    let id = id_of(&house, "temp:").0;
    let body = json!({ "password": PASSWORD, "passwordStatus": 2, "passwordExpiration": null });
    let set = house
        .send_as(
            ADMIN,
            Method::PUT,
            &format!("/api/admin/users/{id}/passwordinfo"),
            &[JSON],
            body.to_string(),
        )
        .await;
    assert!(set.status.is_success(), "{set:?}");
    let answer = client.post(&house, TOKEN, &password_form("temp", PASSWORD)).await;
    assert_eq!(refusal(&answer), (400, "invalid_grant".to_owned()));
    assert_ne!(answer.body, heard[0].1);
}

/// `curl -u` on all ten operations of page 001, as a person types it: his own name and password, and the application's where it
/// asks itself.
#[tokio::test]
async fn all_ten_operations_of_the_page_are_done_by_curl_u() {
    const CLIENTS: &str = "/api/mgmt/oauth/client/applications";
    const ALLOWED: &str = "/api/mgmt/oauth/client/allowedapplications";
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let made =
        json!({ "name": "Application1", "description": "d", "redirectUrls": ["bedford.progresstest.com"] });
    let registered = house.post_as(&ann, CLIENTS, &made).await;
    assert_eq!(registered.status, StatusCode::CREATED);
    let object = registered.json();
    let one = format!("{CLIENTS}/{}", object["id"]);
    assert_eq!(house.get_as(&ann, CLIENTS).await.json()["applications"][0]["name"], "Application1");
    assert_eq!(house.get_as(&ann, &one).await.json(), object);
    let updated = house.send_as(&ann, Method::PUT, &one, &[JSON], made.to_string()).await;
    assert_eq!(updated.status, StatusCode::OK);
    let reset = house.send_as(&ann, Method::PUT, &format!("{one}/reset"), &[], Body::empty()).await;
    assert_eq!(reset.status, StatusCode::OK);
    let (id, secret) = (text(&object, "clientId"), text(&reset.json(), "clientSecret"));
    let begin = json!({
        "responseType": "code", "clientId": id, "scope": "api.access.odata", "decision": "allow",
        "redirectUri": "https://bedford.progresstest.com",
    });
    let led_back = house.post_as(&ann, "/api/mgmt/oauth2/authorize", &begin).await;
    let location = url::Url::parse(led_back.header("location").expect("a redirect")).expect("a URL");
    let code = location.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let asked =
        json!({ "grant_type": "authorization_code", "code": code, "redirect_uri": begin["redirectUri"] });
    let tokens = house.post_as(&format!("{id}:{secret}"), AT_HDP, &asked).await;
    assert_eq!(tokens.status, StatusCode::OK, "{tokens:?}");
    let allowed = house.get_as(&ann, ALLOWED).await.json();
    let row = json!({ "id": object["id"], "name": "Application1", "scopes": ["api.access.odata"] });
    assert_eq!(allowed, json!({ "applications": [row] }));
    let gone = format!("{ALLOWED}/{}", object["id"]);
    let revoked = house.send_as(&ann, Method::DELETE, &gone, &[], Body::empty()).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let refresh = json!({ "grant_type": "refresh_token", "refresh_token": tokens.json()["refresh_token"] });
    let over = house.post_as(&format!("{id}:{secret}"), AT_HDP, &refresh).await;
    assert_eq!(refusal(&over), (400, "invalid_grant".to_owned()));
    let deleted = house.send_as(&ann, Method::DELETE, &one, &[], Body::empty()).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
}
