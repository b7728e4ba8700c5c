//! Access tokens at our own API (RFC 6750; TOKENS section 3): what lets a client application in, and to what.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::scope::Scope;
use serde_json::json;

use super::house::{ADMIN, APPS, Answer, House, JSON, app_body, basic};
use super::tokens::{ALLOWED, CLIENTS, Given, ISSUER, REVOKE, Registered, TOKEN};

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

const EVERY: [Scope; 3] = Scope::ALL;

/// A server, a client application for every scope, and an ordinary administrator of applications.
async fn world() -> (House, Registered, String) {
    let house = House::new(Config::default());
    let client = house.client_for_all("client").await;
    let user = house.user("ann", 1, &[2], &[28, 101]).await;
    (house, client, user)
}

#[tokio::test]
async fn a_scope_lets_in_to_what_it_is_for() {
    let (house, client, user) = world().await;
    let wanted = [
        (Method::GET, APPS, "api.mgmt"),
        (Method::GET, "/api/mgmt/oauthprofiles", "api.mgmt"),
        (Method::GET, "/api/audit/objects/user/1/history", "api.audit"),
    ];
    for scope in EVERY {
        let given = house.tokens(&client, &user, &[scope]).await;
        for (method, path, needs) in &wanted {
            let answer = house.send_by(&given, method.clone(), path, &[], Body::empty()).await;
            if scope.text() == *needs {
                assert_eq!(answer.status, StatusCode::OK, "{method} {path} by {scope}: {answer:?}");
                continue;
            }
            let expected =
                format!("Bearer realm=\"authledger\", error=\"insufficient_scope\", scope=\"{needs}\"");
            assert_eq!(
                (answer.status, answer.code(), challenge(&answer)),
                (StatusCode::FORBIDDEN, 222_299_053, vec![expected.as_str()]),
                "{method} {path} by {scope}"
            );
        }
    }
    let all = house.tokens(&client, &user, &EVERY).await;
    for (method, path, _) in &wanted {
        let answer = house.send_by(&all, method.clone(), path, &[], Body::empty()).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path}");
    }
}

#[tokio::test]
async fn no_scope_lets_in_to_the_rest() {
    let (house, client, _) = world().await;
    let given = house.tokens(&client, ADMIN, &EVERY).await;
    let before = house.state();
    let own = format!("{CLIENTS}/{}", client.id);
    for (method, path) in [
        (Method::GET, "/api/admin/users".to_owned()),
        (Method::PUT, "/api/admin/userdetails/changePassword".to_owned()),
        (Method::GET, "/api/operate/status".to_owned()),
        (Method::GET, "/metrics".to_owned()),
        (Method::GET, "/api/nothing/here".to_owned()),
        (Method::POST, "/api/audit/objects/user/1/history".to_owned()),
        (Method::POST, CLIENTS.to_owned()),
        (Method::PUT, own.clone()),
        (Method::PUT, format!("{own}/reset")),
        (Method::PUT, format!("{own}/rotate")),
        (Method::DELETE, own.clone()),
        (Method::DELETE, format!("{ALLOWED}/99")),
        (Method::GET, format!("{APPS}?user=d2cadmin")),
        (Method::GET, format!("{APPS}?%75ser=d2cadmin")),
        (Method::POST, format!("{APPS}?user=d2cadmin")),
        (Method::GET, "/api/audit/objects/user/1/history?user=d2cadmin".to_owned()),
    ] {
        let answer = house.send_by(&given, method.clone(), &path, &[JSON], "{}").await;
        assert_eq!(
            (answer.status, answer.code(), challenge(&answer)),
            (
                StatusCode::FORBIDDEN,
                222_299_054,
                vec!["Bearer realm=\"authledger\", error=\"insufficient_scope\""]
            ),
            "{method} {path}"
        );
    }
    assert_eq!(house.state(), before, "nothing happened");
    // Where `?user=` names whom is asked about, it is a question like any other.
    let asked = house.get_by(&given, "/api/audit/access?user=d2cadmin&permission=12").await;
    assert_eq!(asked.status, StatusCode::OK, "{asked:?}");
}

#[tokio::test]
async fn it_may_what_its_user_may_and_sees_what_he_sees() {
    let (house, client, user) = world().await;
    let given = house.tokens(&client, &user, &EVERY).await;
    let poor = house.user("poor", 1, &[3], &[11]).await;
    let poors = house.tokens(&client, &poor, &EVERY).await;
    let (tenant, roles) = house.tenant("child").await;
    let other = house.user("other", tenant, &roles[..1], &[28]).await;
    house.app(&other, "theirs", None).await;
    house.app(&user, "ours", None).await;
    // The list of a token is the list of its user, byte for byte.
    for (token, user) in [(&given, &user), (&poors, &poor)] {
        for path in [APPS, "/api/mgmt/oauthprofiles", "/api/mgmt/datasources", "/api/mgmt/oauthapps/99"] {
            let (by_token, by_himself) = (house.get_by(token, path).await, house.get_as(user, path).await);
            assert_eq!((by_token.status, by_token.body), (by_himself.status, by_himself.body), "{path}");
        }
    }
    let body = app_body("one").to_string();
    let made = house.send_by(&given, Method::POST, APPS, &[JSON], body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let refused = house.send_by(&poors, Method::POST, APPS, &[JSON], body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, 222_208_103), "he lacks 28");
    assert!(challenge(&refused).is_empty(), "no other token would help");
    // Who did it, for whom, by which application: all three stand in the history.
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let history = house.get_by(&given, &format!("/api/audit/objects/oauth_app/{id}/history")).await.json();
    let event = &history["events"][0];
    assert_eq!(event["actor"], format!("client_application/{}", client.id), "{event}");
    assert_eq!(event["onBehalfOf"], format!("user/{}", house.user_id(&user)), "{event}");
}

/// `secrets.reveal` is `audited` here: the user himself is shown them.
#[tokio::test]
async fn no_secret_is_shown_to_a_token() {
    let (house, client, user) = world().await;
    let given = house.tokens(&client, &user, &EVERY).await;
    let app = house.app(&user, "app", None).await.json()["id"].as_str().expect("an id").to_owned();
    let profile =
        json!({ "name": "p", "oauthAppId": app, "accessToken": "canary-1", "refreshToken": "canary-2" });
    let profile = house.post_as(&user, "/api/mgmt/oauthprofiles", &profile).await.json()["id"].clone();
    let source = json!({ "name": "s", "dataStore": 1, "options": { "Password": "canary-3" } });
    let source = house.post_as(&user, "/api/mgmt/datasources", &source).await.json()["id"].clone();
    let source = source.as_str().expect("an id").to_owned();
    let mine = house.client_of(&user, "mine", json!({})).await;
    for (path, secret) in [
        (format!("{APPS}/{app}"), "1912308409123890"),
        (format!("/api/mgmt/oauthprofiles/{profile}"), "canary-1"),
        (format!("/api/mgmt/oauthprofiles/{profile}"), "canary-2"),
        (format!("/api/mgmt/datasources/{source}"), "canary-3"),
        (format!("{CLIENTS}/{}", mine.id), mine.secret.as_deref().expect("a secret")),
    ] {
        let before = house.state();
        let shown = house.get_by(&given, &path).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}: {shown:?}");
        assert!(!String::from_utf8_lossy(&shown.body).contains(secret), "{path}");
        assert_eq!(house.state(), before, "and nothing is recorded");
        let himself = house.get_as(&user, &path).await;
        assert!(String::from_utf8_lossy(&himself.body).contains(secret), "{path}: {himself:?}");
    }
    // Nor does what it writes show one that it did not send.
    let mut body = app_body("app");
    body.as_object_mut().expect("an object").remove("clientSecret");
    let put = house.send_by(&given, Method::PUT, &format!("{APPS}/{app}"), &[JSON], body.to_string()).await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    assert!(!String::from_utf8_lossy(&put.body).contains("1912308409123890"));
    // And it does not send them elsewhere.
    body["tokenURI"] = json!("https://his.example/token");
    let put = house.send_by(&given, Method::PUT, &format!("{APPS}/{app}"), &[JSON], body.to_string()).await;
    assert_eq!((put.status, put.code()), (StatusCode::BAD_REQUEST, 222_299_004), "{put:?}");
}

#[tokio::test]
async fn a_token_for_another_resource_is_none_here() {
    let mut config = Config::default();
    config.oauth.odata_resource = Some("https://data.example".to_owned());
    let house = House::new(config);
    let client = house
        .client(
            "own",
            json!({ "grantTypes": ["client_credentials"], "runAs": 1,
        "scopes": ["api.mgmt", "api.access.odata"] }),
        )
        .await;
    let ask = async |scope: &str, resource: Option<&str>| {
        let mut fields = vec![("grant_type", "client_credentials"), ("scope", scope)];
        fields.extend(resource.map(|resource| ("resource", resource)));
        Given::of(&house.form(&client, TOKEN, &fields).await)
    };
    let here = ask("api.mgmt", None).await;
    assert_eq!(house.get_by(&here, APPS).await.status, StatusCode::OK);
    let there = ask("api.access.odata", None).await;
    assert!(house.is_active(&client, &there.access).await, "it is good, elsewhere");
    let answer = house.get_by(&there, APPS).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 222_299_052));
}

#[tokio::test]
async fn an_application_in_its_own_name_may_nothing_here_and_as_somebody_what_he_may() {
    let (house, _, user) = world().await;
    let alone = house.client("alone", json!({ "grantTypes": ["client_credentials"] })).await;
    let given = Given::of(&house.form(&alone, TOKEN, &[("grant_type", "client_credentials")]).await);
    assert!(house.is_active(&alone, &given.access).await);
    let answer = house.get_by(&given, APPS).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_299_053), "{answer:?}");
    let runs = json!({ "grantTypes": ["client_credentials"], "runAs": house.user_id(&user).0, "scopes": ["api.mgmt"] });
    let runs = house.client("runs", runs).await;
    let fields = [("grant_type", "client_credentials"), ("scope", "api.mgmt")];
    let given = Given::of(&house.form(&runs, TOKEN, &fields).await);
    let (by_token, by_himself) = (house.get_by(&given, APPS).await, house.get_as(&user, APPS).await);
    assert_eq!((by_token.status, by_token.body), (by_himself.status, by_himself.body));
    let made = house.send_by(&given, Method::POST, APPS, &[JSON], app_body("one").to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
}

#[tokio::test]
async fn a_client_application_takes_back_its_own_grant_and_no_others() {
    let (house, client, user) = world().await;
    let other = house.client_for_all("other").await;
    let (given, others) =
        (house.tokens(&client, &user, &EVERY).await, house.tokens(&other, &user, &EVERY).await);
    let listed = house.get_by(&given, ALLOWED).await.json();
    assert_eq!(listed["applications"].as_array().map(Vec::len), Some(2), "{listed}");
    for id in [other.id, 99] {
        let refused =
            house.send_by(&given, Method::DELETE, &format!("{ALLOWED}/{id}"), &[], Body::empty()).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, 222_299_054));
    }
    let own = format!("{ALLOWED}/{}", client.id);
    let done = house.send_by(&given, Method::DELETE, &own, &[], Body::empty()).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{done:?}");
    assert_eq!(house.get_by(&given, APPS).await.status, StatusCode::UNAUTHORIZED, "the token went with it");
    assert_eq!(house.get_by(&others, APPS).await.status, StatusCode::OK);
}

/// Each of a client application's users is another caller, and each of a user's client applications, and he himself.
#[tokio::test]
async fn an_idempotency_key_is_one_callers() {
    let (house, client, user) = world().await;
    let second = house.user("bob", 1, &[2], &[28]).await;
    let other = house.client_for_all("other").await;
    let callers = [
        house.tokens(&client, &user, &EVERY).await,
        house.tokens(&client, &second, &EVERY).await,
        house.tokens(&other, &user, &EVERY).await,
    ];
    let headers = [JSON, "idempotency-key: one"];
    let mut made = Vec::new();
    for (index, given) in callers.iter().enumerate() {
        let body = app_body(&format!("app_{index}")).to_string();
        let answer = house.send_by(given, Method::POST, APPS, &headers, body.clone()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let again = house.send_by(given, Method::POST, APPS, &headers, body).await;
        assert_eq!((again.status, &again.body), (StatusCode::CREATED, &answer.body));
        assert_eq!(again.header("x-request-id"), answer.header("x-request-id"));
        made.push(answer.json()["id"].clone());
    }
    assert_eq!(made, [json!("1"), json!("2"), json!("3")]);
    let himself = house.send_as(&user, Method::POST, APPS, &headers, app_body("app_3").to_string()).await;
    assert_eq!((himself.status, himself.json()["id"].clone()), (StatusCode::CREATED, json!("4")));
    // A later token of the same client for the same user is the same caller.
    let later = house.tokens(&client, &user, &EVERY).await;
    let again = house.send_by(&later, Method::POST, APPS, &headers, app_body("app_0").to_string()).await;
    assert_eq!(again.json()["id"], json!("1"));
    // One that has ended hears of nothing.
    house.form(&client, REVOKE, &[("token", &callers[0].access)]).await;
    let ended = house.send_by(&callers[0], Method::POST, APPS, &headers, app_body("app_0").to_string()).await;
    assert_eq!((ended.status, ended.code()), (StatusCode::UNAUTHORIZED, 222_299_052));
}

#[tokio::test]
async fn conditions_and_positions_hold_for_tokens_too() {
    let (house, client, user) = world().await;
    let given = house.tokens(&client, &user, &EVERY).await;
    let made = house.send_by(&given, Method::POST, APPS, &[JSON], app_body("one").to_string()).await;
    let (path, tag) = (
        format!("{APPS}/{}", made.json()["id"].as_str().expect("an id")),
        made.header("etag").expect("a tag"),
    );
    let position = format!("ledger-min-sequence: {}", made.header("ledger-sequence").expect("a position"));
    let body = app_body("two").to_string();
    for (condition, status) in [("\"1\"", StatusCode::PRECONDITION_FAILED), (tag, StatusCode::OK)] {
        let condition = format!("if-match: {condition}");
        let put = house.send_by(&given, Method::PUT, &path, &[JSON, &condition], body.clone()).await;
        assert_eq!(put.status, status, "{condition}: {put:?}");
    }
    let read = house.send_by(&given, Method::GET, &path, &[&position], Body::empty()).await;
    assert_eq!(read.status, StatusCode::OK, "{read:?}");
}

/// The answer that has to include what ended a token is none of its. The guard saw it alive; then the answer waited.
#[tokio::test]
async fn what_an_answer_has_to_include_it_is_judged_by() {
    let (house, client, user) = world().await;
    let given = house.tokens(&client, &user, &EVERY).await;
    let next = format!("ledger-min-sequence: {}.{}", house.ledger.epoch().0, house.ledger.size());
    let headers = [next.as_str()];
    let waiting = house.send_by(&given, Method::GET, APPS, &headers, Body::empty());
    let ending = async {
        // The request has been looked at by then: it is polled first.
        tokio::task::yield_now().await;
        house.form(&client, REVOKE, &[("token", &given.access)]).await
    };
    let (answer, ended) = tokio::join!(waiting, ending);
    assert_eq!(ended.status, StatusCode::OK);
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 222_299_052), "{answer:?}");
}

#[tokio::test]
async fn lists_of_addresses_hold_for_tokens_too() {
    let (house, client, user) = world().await;
    let given = house.tokens(&client, &user, &EVERY).await;
    let elsewhere = "203.0.113.9";
    let bearer = given.bearer();
    let come = async || house.send_from(elsewhere, Method::GET, APPS, &[&bearer], Body::empty()).await.status;
    assert_eq!(come().await, StatusCode::OK);
    let list = json!({ "managementAPI": [{ "startAddress": "192.0.2.1" }] }).to_string();
    let own = "/api/mgmt/security/whitelist/user";
    for path in [format!("{own}?user=ann"), "/api/admin/security/whitelist/system".to_owned()] {
        let set = house.send_as(ADMIN, Method::PUT, &path, &[JSON], list.clone()).await;
        assert_eq!(set.status, StatusCode::OK, "{set:?}");
        assert_eq!(come().await, StatusCode::FORBIDDEN, "{path}");
        // Before the token is looked at, where the list is the system's; after, where it is its user's.
        let wrong = house.send_from(elsewhere, Method::GET, APPS, &[UNKNOWN], Body::empty()).await;
        let expected = if path.contains("user") { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
        assert_eq!(wrong.status, expected, "{path}");
        let gone = house.send_as(ADMIN, Method::DELETE, &path, &[], Body::empty()).await;
        assert!(gone.status.is_success(), "{gone:?}");
    }
    assert_eq!(come().await, StatusCode::OK);
}

#[tokio::test]
async fn l15_a_page_that_is_not_trusted_sends_nothing_by_a_token_that_is_good() {
    let (house, client, user) = world().await;
    let given = house.tokens(&client, &user, &EVERY).await;
    let body = app_body("one").to_string();
    let before = house.state();
    for foreign in ["sec-fetch-site: cross-site", "origin: https://evil.example"] {
        let answer = house.send_by(&given, Method::POST, APPS, &[JSON, foreign], body.clone()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_299_026), "{foreign}");
    }
    assert_eq!(house.state(), before);
    let own = format!("origin: {ISSUER}");
    let answer = house.send_by(&given, Method::POST, APPS, &[JSON, &own], body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}
