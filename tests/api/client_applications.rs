//! `/api/mgmt/oauth/client`: the eight of page 001's ten operations that are not of the protocol, as hdp-api section 5 has them.

use std::time::Duration;

use authledger::config::{Config, Reveal};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::id::{ClientApplicationId, UserId};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON};
use super::tokens::{ALLOWED, CLIENTS};

fn house() -> House {
    House::new(Config::default())
}

fn discreet() -> House {
    let mut config = Config::default();
    config.secrets.reveal = Reveal::Never;
    House::new(config)
}

/// The page's own sample.
fn body() -> Value {
    json!({
        "name": "Application1", "description": "Application1 for Create with all Fields",
        "redirectUrls": ["bedford.progresstest.com", "americas.progresstest.com"],
    })
}

fn named(name: &str) -> Value {
    json!({ "name": name, "redirectUrls": ["https://client.example/cb"] })
}

fn with(name: &str, more: Value) -> Value {
    let mut body = named(name);
    let Value::Object(more) = more else { panic!("an object is added, not {more}") };
    body.as_object_mut().expect("an object").extend(more);
    body
}

async fn register(house: &House, user: &str, body: &Value) -> Value {
    let answer = house.post_as(user, CLIENTS, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()
}

async fn put(house: &House, user: &str, path: &str, headers: &[&str], body: &Value) -> Answer {
    let mut all = vec![JSON];
    all.extend(headers);
    house.send_as(user, Method::PUT, &format!("{CLIENTS}/{path}"), &all, body.to_string()).await
}

async fn reset(house: &House, user: &str, id: u64, headers: &[&str]) -> Answer {
    house.send_as(user, Method::PUT, &format!("{CLIENTS}/{id}/reset"), headers, Body::empty()).await
}

async fn delete(house: &House, user: &str, path: &str, headers: &[&str]) -> Answer {
    house.send_as(user, Method::DELETE, path, headers, Body::empty()).await
}

fn code(answer: &Answer) -> (u16, u64) {
    (answer.status.as_u16(), answer.code())
}

fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[tokio::test]
async fn the_sample_of_the_page_answers_all_six_properties() {
    let house = house();
    let user = house.user("ann", 1, &[2], &[]).await;
    let answer = house.post_as(&user, CLIENTS, &body()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header("location"), Some("http://127.0.0.1:8080/api/mgmt/oauth/client/applications/1"));
    let made = answer.json();
    let (id, secret) =
        (made["clientId"].as_str().expect("text"), made["clientSecret"].as_str().expect("text"));
    assert!(is_guid(id), "{id}");
    assert!(secret.starts_with("alcs_") && secret.len() == 5 + 43 + 6, "{secret}");
    let mut expected = body();
    expected["id"] = json!(1);
    expected["clientId"] = json!(id);
    expected["clientSecret"] = json!(secret);
    assert_eq!(made, expected, "and nothing else");
    // Read, with the secret in the clear; listed, without id and secret.
    let read = house.get_as(&user, &format!("{CLIENTS}/1")).await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, expected.clone()));
    let mut row = expected.clone();
    for hidden in ["clientId", "clientSecret"] {
        row.as_object_mut().expect("an object").remove(hidden);
    }
    assert_eq!(house.get_as(&user, CLIENTS).await.json(), json!({ "applications": [row] }));
    // Put, as the page's update names it; the secret is not shown.
    let mut renamed = body();
    renamed["name"] = json!("Application3  for Update");
    let answer = put(&house, &user, "1", &[], &renamed).await;
    renamed["id"] = json!(1);
    renamed["clientId"] = json!(id);
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, renamed.clone()));
    // Reset: the full object with another secret.
    let answer = reset(&house, &user, 1, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let mut fresh = answer.json();
    let other = fresh.as_object_mut().expect("an object").remove("clientSecret").expect("a secret");
    assert!(other != json!(secret) && other.as_str().is_some_and(|text| text.starts_with("alcs_")));
    assert_eq!(fresh, renamed);
    assert_eq!(house.get_as(&user, &format!("{CLIENTS}/1")).await.json()["clientSecret"], other);
    let answer = delete(&house, &user, &format!("{CLIENTS}/1"), &[]).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(house.get_as(&user, CLIENTS).await.json(), json!({ "applications": [] }));
}

#[tokio::test]
async fn what_is_not_there_is_called_as_the_pages_call_it() {
    let house = house();
    let user = house.user("ann", 1, &[2], &[]).await;
    register(&house, ADMIN, &body()).await;
    let problem = |answer: &Answer| (answer.status.as_u16(), answer.json()["error"].clone());
    let said = |code: u64, what: &str| {
        let value = format!("Problem {what} at this time. Please try again at another time.");
        (404, json!({ "code": code, "message": { "lang": "en-US", "value": value } }))
    };
    // Another's, one that never was, and what can't be an id: the same bytes.
    for id in ["1", "99", "0", "x", "18446744073709551616"] {
        let one = format!("{CLIENTS}/{id}");
        let got = house.get_as(&user, &one).await;
        assert_eq!(problem(&got), said(222_206_631, "getting OAuth Client Application"), "{id}");
        let got = put(&house, &user, id, &[], &body()).await;
        assert_eq!(problem(&got), said(222_206_631, "getting OAuth Client Application"), "{id}");
        for path in [one.clone(), format!("{ALLOWED}/{id}")] {
            let got = delete(&house, &user, &path, &[]).await;
            assert_eq!(problem(&got), said(222_206_633, "deleting OAuth Client Application"), "{id}");
        }
        for (path, sent) in [("reset", ""), ("rotate", "{\"overlapSeconds\":60}")] {
            let got = house.send_as(&user, Method::PUT, &format!("{one}/{path}"), &[JSON], sent).await;
            assert_eq!(problem(&got), said(222_206_634, "resetting OAuth Client secret"), "{id}");
        }
    }
}

#[tokio::test]
async fn what_a_get_answers_can_be_put_back() {
    let house = house();
    let everything = json!({
        "name": "all", "description": "d", "redirectUrls": ["http://127.0.0.1/cb", "com.example.app:/cb"],
        "type": "confidential", "grantTypes": ["password", "authorization_code"], "scopes": ["api.mgmt", "api.audit"],
        "pkce": "required", "refreshRotation": "always", "refreshRetrySeconds": 0, "accessTokenLifetime": 900,
        "refreshTokenLifetime": { "idle": 3600, "absolute": 86400 }, "resourceServer": "https://odata.example/",
        "runAs": "1", "passwordGrantUntil": "2027-06-01T00:00:00Z",
    });
    register(&house, ADMIN, &everything).await;
    let read = house.get_as(ADMIN, &format!("{CLIENTS}/1")).await.json();
    // In the order of their numbers, and as ids are written here; the rest as it was sent, except for what is so anyway.
    let mut expected = everything.clone();
    expected["grantTypes"] = json!(["authorization_code", "password"]);
    expected["runAs"] = json!(1);
    expected["passwordGrantUntil"] = read["passwordGrantUntil"].clone();
    expected.as_object_mut().expect("an object").remove("type");
    for own in ["id", "clientId", "clientSecret"] {
        expected[own] = read[own].clone();
    }
    assert_eq!(read, expected);
    assert!(read["passwordGrantUntil"].as_str().is_some_and(|time| time.starts_with("2027-06-01T00:00:00")));
    let mut body = read.clone();
    let same = put(&house, ADMIN, "1", &[], &body).await;
    body.as_object_mut().expect("an object").remove("clientSecret");
    assert_eq!((same.status, same.json()), (StatusCode::OK, body.clone()));
    // HDP's properties alone leave the rest as it is, `null` puts it back.
    let plain = json!({ "name": "all", "redirectUrls": ["http://127.0.0.1/cb"] });
    let kept = put(&house, ADMIN, "1", &[], &plain).await.json();
    body["redirectUrls"] = json!(["http://127.0.0.1/cb"]);
    body.as_object_mut().expect("an object").remove("description");
    assert_eq!(kept, body, "and a description that is left out is cleared");
    let mut nothing = plain.clone();
    for property in [
        "type",
        "grantTypes",
        "scopes",
        "pkce",
        "refreshRotation",
        "refreshRetrySeconds",
        "accessTokenLifetime",
        "refreshTokenLifetime",
        "resourceServer",
        "runAs",
        "passwordGrantUntil",
    ] {
        nothing[property] = Value::Null;
    }
    let bare = put(&house, ADMIN, "1", &[], &nothing).await.json();
    let mut expected = plain;
    (expected["id"], expected["clientId"]) = (json!(1), body["clientId"].clone());
    assert_eq!(bare, expected);
    for (name, value) in [("id", json!(2)), ("owner", json!(2)), ("type", json!("public"))] {
        let mut other = bare.clone();
        other[name] = value;
        assert_eq!(code(&put(&house, ADMIN, "1", &[], &other).await), (400, 222_299_004), "{name}");
    }
}

#[tokio::test]
async fn bodies_that_break_a_rule_are_told_which() {
    let house = house();
    let user = house.user("ann", 1, &[2], &[]).await;
    let long = |length: usize| "x".repeat(length);
    let many: Vec<String> = (0..21).map(|number| format!("https://a.example/{number}")).collect();
    for (sent, code) in [
        (json!({ "redirectUrls": ["a.example"] }), 222_299_001),
        (json!({ "name": "x" }), 222_299_004),
        (with("", json!({})), 222_299_004),
        (with(&long(129), json!({})), 222_299_004),
        (with("x", json!({ "description": long(257) })), 222_299_004),
        (with("x", json!({ "redirectUrls": "https://a.example" })), 222_299_002),
        (with("x", json!({ "redirectUrls": [1] })), 222_299_002),
        (with("x", json!({ "redirectUrls": many })), 222_299_004),
        (with("x", json!({ "redirectUrls": ["http://a.example/"] })), 222_299_004),
        (with("x", json!({ "redirectUrls": ["javascript:alert(1)"] })), 222_299_004),
        (with("x", json!({ "type": "native" })), 222_299_004),
        (with("x", json!({ "grantTypes": ["implicit"] })), 222_299_004),
        (with("x", json!({ "grantTypes": "authorization_code" })), 222_299_002),
        (with("x", json!({ "scopes": ["odata"] })), 222_299_004),
        (with("x", json!({ "pkce": "plain" })), 222_299_004),
        (with("x", json!({ "refreshRetrySeconds": 601 })), 222_299_004),
        (with("x", json!({ "accessTokenLifetime": 59 })), 222_299_004),
        (with("x", json!({ "accessTokenLifetime": "900" })), 222_299_002),
        (with("x", json!({ "refreshTokenLifetime": { "idle": 59 } })), 222_299_004),
        (with("x", json!({ "refreshTokenLifetime": { "idel": 60 } })), 222_299_003),
        (with("x", json!({ "type": "public", "clientSecret": "sixteen characters" })), 222_208_103),
        (with("x", json!({ "scope": "api.mgmt" })), 222_299_003),
        (json!({ "applications": [named("x")] }), 222_299_001),
    ] {
        let answer = house.post_as(&user, CLIENTS, &sent).await;
        assert_eq!(answer.code(), code, "{sent}: {answer:?}");
    }
    register(&house, &user, &named("x")).await;
    assert_eq!(code(&house.post_as(&user, CLIENTS, &named("x")).await), (409, 222_299_011));
    for (sent, expected) in [
        ("{}", (400, 222_299_001)),
        ("{\"overlapSeconds\":2592001}", (400, 222_299_004)),
        ("{\"overlapSeconds\":60,\"x\":1}", (400, 222_299_003)),
        ("", (400, 222_207_007)),
    ] {
        let path = format!("{CLIENTS}/1/rotate");
        let answer = house.send_as(&user, Method::PUT, &path, &[JSON], sent).await;
        assert_eq!(code(&answer), expected, "{sent}");
    }
    let on_behalf = house.get_as(ADMIN, &format!("{CLIENTS}?user=ann")).await;
    assert_eq!(code(&on_behalf), (400, 222_299_008), "the pages know no ?user= here");
}

#[tokio::test]
async fn a_public_application_has_no_secret() {
    let house = house();
    let user = house.user("ann", 1, &[2], &[]).await;
    let made = register(&house, &user, &with("app", json!({ "type": "public" }))).await;
    assert_eq!((made.get("clientSecret"), &made["type"]), (None, &json!("public")));
    let events = house.ledger.size();
    let read = house.get_as(&user, &format!("{CLIENTS}/1")).await.json();
    assert_eq!(read, made);
    assert_eq!(house.ledger.size(), events, "nothing was revealed");
    assert_eq!(code(&reset(&house, &user, 1, &[]).await), (409, 222_299_046));
}

#[tokio::test]
async fn c5_the_secret_is_shown_to_the_owner_and_12_after_an_event_that_says_so() {
    let house = house();
    let (ann, bob) = (house.user("ann", 1, &[2], &[]).await, house.user("bob", 1, &[2], &[]).await);
    let body = json!({ "name": "OrgA", "parentTenant": 1 });
    house.post_as(ADMIN, "/api/admin/tenants", &body).await;
    let administrator = house.user("carla", 1, &[2], &[28]).await;
    let made = register(&house, &ann, &named("app")).await;
    let secret = made["clientSecret"].as_str().expect("a secret").to_owned();
    let path = format!("{CLIENTS}/1");
    assert_eq!(code(&house.get_as(&administrator, &path).await), (404, 222_206_631), "28 without access");
    let access = json!({ "tenantsAdministered": [1] });
    let who = house.ledger.read(|view| view.state.log.next_id(events::envelope::StreamKind::USER)) - 1;
    let given = house
        .send_as(
            ADMIN,
            Method::PUT,
            &format!("/api/admin/users/{who}/tenantsadministered"),
            &[JSON],
            access.to_string(),
        )
        .await;
    assert_eq!(given.status, StatusCode::OK, "{given:?}");
    for (who, shown, events) in
        [(ann.as_str(), true, 1), (ADMIN, true, 1), (administrator.as_str(), false, 0)]
    {
        let before = house.ledger.size();
        let answer = house.get_as(who, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{who}");
        assert_eq!(String::from_utf8_lossy(&answer.body).contains(&secret), shown, "{who}");
        assert_eq!(house.ledger.size() - before, events, "{who}");
        assert_eq!(answer.json().get("owner").is_some(), who != ann, "{who}");
    }
    let head = house.send_as(&ann, Method::HEAD, &path, &[], Body::empty()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(house.get_as(&bob, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.facts().iter().filter(|fact| *fact == "SecretRevealed").count(), 2);
    // Where reveals are off it is said once, and kept nowhere.
    let house = discreet();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let made = register(&house, &ann, &named("app")).await;
    assert!(made["clientSecret"].is_string());
    assert_eq!(house.get_as(&ann, &path).await.json().get("clientSecret"), None);
    let row = house.ledger.read(|view| {
        view.state.client_applications.rows.get(&ClientApplicationId(1)).cloned().expect("it is there")
    });
    assert!(row.secret.as_ref().is_some_and(|secret| secret.sealed.is_none()));
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_ones_secret_while_it_can_be_read() {
    for (house, kept) in [(house(), true), (discreet(), false)] {
        let user = house.user("ann", 1, &[2], &[]).await;
        let send = async |method: Method, path: &str, body: String| {
            let headers = [JSON, "idempotency-key: once"];
            house.send_as(&user, method, path, &headers, body).await
        };
        for (method, path, sent) in [
            (Method::POST, CLIENTS.to_owned(), named("app").to_string()),
            (Method::PUT, format!("{CLIENTS}/1/reset"), String::new()),
            (Method::PUT, format!("{CLIENTS}/1/rotate"), json!({ "overlapSeconds": 60 }).to_string()),
        ] {
            let first = send(method.clone(), &path, sent.clone()).await;
            assert!(first.status.is_success(), "{first:?}");
            // What came between does not show in the answer.
            let renamed = put(&house, &user, "1", &[], &named("renamed")).await;
            assert_eq!(renamed.status, StatusCode::OK);
            let events = house.ledger.size();
            let again = send(method.clone(), &path, sent).await;
            if kept {
                assert_eq!((again.status, again.json()), (first.status, first.json()), "{method} {path}");
                assert_eq!(again.header("etag"), first.header("etag"), "{method} {path}");
            } else {
                assert_eq!(code(&again), (409, 222_299_016), "{method} {path}");
            }
            assert_eq!(house.ledger.size(), events, "{method} {path}");
            assert_eq!(put(&house, &user, "1", &[], &named("app")).await.status, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn a_change_holds_to_if_match() {
    let house = house();
    let user = house.user("ann", 1, &[2], &[]).await;
    register(&house, &user, &named("app")).await;
    let path = format!("{CLIENTS}/1");
    let tag = house.get_as(&user, &path).await.header("etag").expect("an ETag").to_owned();
    let same = format!("if-none-match: {tag}");
    let events = house.ledger.size();
    let unchanged = house.send_as(&user, Method::GET, &path, &[&same], Body::empty()).await;
    assert_eq!(
        (unchanged.status, house.ledger.size()),
        (StatusCode::NOT_MODIFIED, events),
        "and reveals nothing"
    );
    let (good, bad) = (format!("if-match: {tag}"), "if-match: \"1\"");
    assert_eq!(put(&house, &user, "1", &[bad], &named("app")).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(reset(&house, &user, 1, &[bad]).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(delete(&house, &user, &path, &[bad]).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(put(&house, &user, "1", &[&good], &named("app")).await.status, StatusCode::OK);
    assert_eq!(reset(&house, &user, 1, &[&good]).await.status, StatusCode::PRECONDITION_FAILED, "it changed");
}

#[tokio::test]
async fn c4_after_a_rotation_the_secret_before_is_good_for_a_time() {
    let house = house();
    let user = house.user("ann", 1, &[2], &[]).await;
    let first = register(&house, &user, &named("app")).await;
    let answer = put(&house, &user, "1/rotate", &[], &json!({ "overlapSeconds": 60 })).await;
    assert_eq!(answer.status, StatusCode::OK);
    let rotated = answer.json();
    assert_ne!(rotated["clientSecret"], first["clientSecret"]);
    assert_eq!(rotated["previousSecretUntil"], json!("2026-11-20T12:01:00.000000Z"), "{rotated}");
    let read = house.get_as(&user, &format!("{CLIENTS}/1")).await.json();
    assert_eq!(read, rotated);
    // It can be put back, and means nothing there; a reset takes it away.
    assert_eq!(put(&house, &user, "1", &[], &read).await.status, StatusCode::OK);
    assert_eq!(reset(&house, &user, 1, &[]).await.json().get("previousSecretUntil"), None);
}

#[tokio::test]
async fn twelve_imports_ids_and_secrets_of_another_system() {
    let house = house();
    let (id, secret) = ("315368974.apps.hdptest.com", "96dab351-cd80-4dfc-8756-8afe9896e92f");
    let body = with("imported", json!({ "clientId": id, "clientSecret": secret }));
    let made = register(&house, ADMIN, &body).await;
    assert_eq!((&made["clientId"], &made["clientSecret"]), (&json!(id), &json!(secret)));
    let again = with("again", json!({ "clientId": id }));
    assert_eq!(code(&house.post_as(ADMIN, CLIENTS, &again).await), (409, 222_299_011));
    let colon = with("colon", json!({ "clientId": "a:b" }));
    assert_eq!(code(&house.post_as(ADMIN, CLIENTS, &colon).await), (400, 222_299_004));
    let short = with("short", json!({ "clientSecret": "fifteen letters" }));
    assert_eq!(code(&house.post_as(ADMIN, CLIENTS, &short).await), (400, 222_299_004));
    let user = house.user("ann", 1, &[2], &[28]).await;
    for body in [
        with("x", json!({ "clientId": "mine" })),
        with("x", json!({ "clientSecret": "mine, all of it mine" })),
    ] {
        assert_eq!(code(&house.post_as(&user, CLIENTS, &body).await), (403, 222_208_103));
    }
}

#[tokio::test]
async fn lists_are_paged_and_hold_what_may_be_seen() {
    let house = house();
    let (ann, bob) = (house.user("ann", 1, &[2], &[]).await, house.user("bob", 1, &[2], &[]).await);
    for number in 0..6 {
        let who = if number % 2 == 0 { &ann } else { &bob };
        register(&house, who, &named(&format!("app {number}"))).await;
    }
    let ids = |answer: &Answer| -> Vec<u64> {
        let rows = answer.json()["applications"].as_array().expect("a list").clone();
        rows.iter().map(|row| row["id"].as_u64().expect("an id")).collect()
    };
    assert_eq!(ids(&house.get_as(&ann, CLIENTS).await), [1, 3, 5]);
    assert_eq!(ids(&house.get_as(ADMIN, CLIENTS).await), [1, 2, 3, 4, 5, 6]);
    let page = house.get_as(&ann, &format!("{CLIENTS}?limit=2")).await;
    assert_eq!((ids(&page), page.json()["next"].clone()), (vec![1, 3], json!(3)));
    let page = house.get_as(&ann, &format!("{CLIENTS}?limit=2&after=3")).await;
    assert_eq!((ids(&page), page.json().get("next").cloned()), (vec![5], None));
}

#[tokio::test]
async fn the_past_and_the_history_of_an_application_are_there() {
    let house = house();
    let user = house.user("ann", 1, &[2], &[]).await;
    register(&house, &user, &body()).await;
    let then = house.ledger.size() - 1;
    house.clock.advance(Duration::from_secs(1));
    put(&house, &user, "1", &[], &named("renamed")).await;
    reset(&house, &user, 1, &[]).await;
    let path = format!("{CLIENTS}/1");
    let past = house.get_as(&user, &format!("{path}?asOf={then}")).await.json();
    assert_eq!((&past["name"], past.get("clientSecret")), (&json!("Application1"), None));
    delete(&house, &user, &path, &[]).await;
    // What is gone is shown to who could see it, and audits.
    assert_eq!(house.get_as(&user, &format!("{path}?asOf={then}")).await.status, StatusCode::NOT_FOUND);
    let past = house.get_as(ADMIN, &format!("{path}?asOf={then}")).await.json();
    assert_eq!((&past["name"], &past["owner"]), (&json!("Application1"), &json!(2)));
    let history = house.get_as(ADMIN, "/api/audit/objects/client_application/1/history").await;
    assert_eq!(history.status, StatusCode::OK);
    let kinds: Vec<Value> = history.json()["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            "ClientApplicationDeleted",
            "ClientApplicationSecretReset",
            "ClientApplicationUpdated",
            "ClientApplicationRegistered"
        ]
    );
    let text = String::from_utf8_lossy(&history.body).into_owned();
    assert!(!text.contains("alcs_"), "{text}");
}

#[tokio::test]
async fn who_is_deleted_is_erased_with_his_applications() {
    let house = house();
    let user = house.user("ann", 1, &[2], &[]).await;
    register(&house, &user, &body()).await;
    let then = house.ledger.size() - 1;
    let both = delete(&house, ADMIN, "/api/admin/users/2?force=true&transferTo=1", &[]).await;
    assert_eq!(code(&both), (400, 222_299_008));
    let nobody = delete(&house, ADMIN, "/api/admin/users/2?transferTo=99", &[]).await;
    assert_eq!(code(&nobody), (400, 222_207_916));
    let gone = delete(&house, ADMIN, "/api/admin/users/2", &[]).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    let past = house.get_as(ADMIN, &format!("{CLIENTS}/1?asOf={then}")).await.json();
    assert_eq!(past["description"], json!("erased"));
    // Handed on, it stays, and so does what it sealed.
    let user = house.user("bob", 1, &[2], &[]).await;
    let made = register(&house, &user, &body()).await;
    let gone = delete(&house, ADMIN, "/api/admin/users/3?transferTo=1", &[]).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(house.get_as(ADMIN, &format!("{CLIENTS}/2")).await.json(), made);
    let owner = house
        .ledger
        .read(|view| view.state.client_applications.rows.get(&ClientApplicationId(2)).map(|row| row.owner));
    assert_eq!(owner, Some(UserId(1)));
}
