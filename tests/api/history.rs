//! `/api/audit/objects/{kind}/{id}/history`: what happened to an object, for auditors.

use std::collections::BTreeSet;
use std::time::Duration;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::envelope::Stream;
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, Answer, House, JSON, PASSWORD, PROFILES, SOURCES, app_body};

fn house() -> House {
    House::new(Config::default())
}

fn at(stream: &str) -> String {
    format!("/api/audit/objects/{stream}/history")
}

async fn history(house: &House, user: &str, stream: &str) -> Answer {
    house.get_as(user, &at(stream)).await
}

async fn put(house: &House, user: &str, id: u64, body: &Value) -> Answer {
    house.send_as(user, Method::PUT, &format!("{APPS}/{id}"), &[JSON], body.to_string()).await
}

async fn delete(house: &House, user: &str, id: u64) -> Answer {
    house.send_as(user, Method::DELETE, &format!("{APPS}/{id}"), &[], Body::empty()).await
}

/// The events of an answer.
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["events"].as_array().expect("a list").clone()
}

fn sequences(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["sequence"].as_u64().expect("a number")).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a text")).collect()
}

/// The streams that there are.
fn streams(house: &House) -> Vec<Stream> {
    house.ledger.read(|view| view.state.streams.heads.all().map(|(stream, _)| *stream).collect())
}

#[tokio::test]
async fn an_auditor_reads_what_happened_to_an_application_of_his_tenant() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    let auditor = house.user("auditor", tenant, &[roles[0]], &[101]).await;
    let owner = house.user("owner", tenant, &[roles[0]], &[11, 28]).await;
    let made = house.app(&owner, "first", None).await;
    house.clock.advance(Duration::from_micros(1_500_001));
    let changed = house
        .send_as(ADMIN, Method::PUT, &format!("{APPS}/1?user=owner"), &[JSON], app_body("second").to_string())
        .await;
    assert_eq!(changed.status, StatusCode::OK);
    delete(&house, &owner, 1).await;
    let before = house.state();
    let answer = history(&house, &auditor, "oauth_app/1").await;
    let found = events(&answer);
    assert_eq!(answer.json()["stream"], json!("oauth_app/1"));
    assert_eq!(answer.json().get("next"), None);
    assert_eq!(types(&found), ["OAuthAppDeleted", "OAuthAppUpdated", "OAuthAppCreated"]);
    assert_eq!(found[0]["event"], json!({}));
    let updated = &found[1];
    let expected = json!({
        "sequence": updated["sequence"], "recordedAt": "2026-11-20T12:00:01.500001Z",
        "type": "OAuthAppUpdated", "schemaVersion": 1, "streamVersion": 1, "tenant": tenant,
        "actor": "user/1", "onBehalfOf": "user/3",
        "event": {
            "name": "second", "description": "(sealed)", "client_id": "asdfjasdljfasdkjf", "client_secret": "(sealed)",
            "authorize_uri": "https://accounts.google.com/o/oauth2/v2/auth",
            "token_uri": "https://www.googleapis.com/oauth2/v3/token", "scope": "full_offline_access, test_repo",
        },
        "commandId": changed.header("x-request-id"), "epoch": 1,
        "previousHash": updated["previousHash"], "hash": updated["hash"],
    });
    assert_eq!(updated, &expected);
    let created = &found[2];
    assert_eq!((&created["actor"], created.get("onBehalfOf")), (&json!("user/3"), None));
    assert_eq!(made.header("etag"), Some(format!("\"{}\"", created["sequence"]).as_str()));
    assert_eq!(updated["previousHash"], created["hash"], "they stand beside each other in the log");
    assert!(updated["hash"].as_str().is_some_and(|hash| hash.len() == 64));
    assert_eq!(house.state(), before, "reading is no event");
    let head = house.send_as(&auditor, Method::HEAD, &at("oauth_app/1"), &[], Body::empty()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn l9_what_is_anothers_has_no_more_history_than_what_never_was() {
    let house = house();
    let (own, roles) = house.tenant("OrgA").await;
    let (other, other_roles) = house.tenant("OrgB").await;
    let auditor = house.user("auditor", own, &[roles[0]], &[101]).await;
    let mighty = house.user("mighty", own, &[roles[0]], &[12]).await;
    house.user("foreign", other, &[other_roles[0]], &[]).await;
    house.app(ADMIN, "of the system", Some(1)).await;
    house.app(ADMIN, "of OrgA", Some(own)).await;
    house.app(ADMIN, "of OrgB", Some(other)).await;
    house.get_as(ADMIN, &format!("{APPS}/3")).await;
    let before = house.state();
    let mut seen = BTreeSet::new();
    for user in [&auditor, &mighty] {
        for stream in streams(&house) {
            let owner = history(&house, ADMIN, &stream.to_string()).await;
            let owner = events(&owner)[0]["tenant"].as_u64();
            for query in ["", "?limit=1", "?before=0", "?before=3", "?before=99999", "?limit=2&before=20"] {
                let answer = house.get_as(user, &format!("{}{query}", at(&stream.to_string()))).await;
                if owner == Some(own) {
                    assert!(events(&answer).iter().all(|event| event["tenant"] == json!(own)));
                    seen.insert(stream.to_string());
                    continue;
                }
                let nowhere = Stream::new(stream.kind, 987_654);
                let unknown = house.get_as(user, &format!("{}{query}", at(&nowhere.to_string()))).await;
                assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, 222_299_036), "{stream}");
                assert_eq!(
                    String::from_utf8_lossy(&answer.body).replace(&stream.to_string(), "X"),
                    String::from_utf8_lossy(&unknown.body).replace(&nowhere.to_string(), "X"),
                );
                assert_eq!(answer.status, unknown.status);
                let names = |answer: &Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
                assert_eq!(names(&answer), names(&unknown));
            }
        }
    }
    let expected = ["oauth_app/2", "role/4", "role/5", "tenant/2", "user/2", "user/3"].map(str::to_owned);
    assert_eq!(seen, BTreeSet::from(expected), "what is his he does see");
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn only_auditors_read_history_and_in_their_own_name() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    let everything_else: Vec<u16> = (1..=29).filter(|id| *id != 12).chain([102]).collect();
    let busy = house.user("busy", 1, &[2, 3], &everything_else).await;
    let auditor = house.user("auditor", 1, &[2], &[101]).await;
    house.app(ADMIN, "first", Some(tenant)).await;
    house.user("another", tenant, &[roles[0]], &[]).await;
    // Whatever is asked for, and however: the permission comes first.
    for path in [
        at("oauth_app/1"),
        at("oauth_app/9"),
        at("nonsense/x"),
        format!("{}?limit=0", at("oauth_app/1")),
        format!("{}?user=another", at("oauth_app/1")),
    ] {
        let answer = house.get_as(&busy, &path).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{path}");
    }
    // From the system tenant, 101 covers the whole ledger.
    for user in [&auditor, &ADMIN.to_owned()] {
        for stream in streams(&house) {
            assert!(!events(&history(&house, user, &stream.to_string()).await).is_empty(), "{stream}");
        }
        let behalf = house.get_as(user, &format!("{}?user=another", at("oauth_app/1"))).await;
        assert_eq!((behalf.status, behalf.code()), (StatusCode::BAD_REQUEST, 222_299_008));
    }
    assert_eq!(house.get(&at("oauth_app/1")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_event_stands_in_the_history_of_one_object() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    house.user("somebody", tenant, &[roles[0]], &[]).await;
    for name in ["a", "b"] {
        house.app(ADMIN, name, Some(tenant)).await;
    }
    put(&house, ADMIN, 1, &app_body("c")).await;
    house.get_as(ADMIN, &format!("{APPS}/1")).await;
    let profile = json!({ "name": "P", "oauthAppId": 2, "refreshToken": "r" });
    house.post_as(ADMIN, &format!("{PROFILES}?user=somebody"), &profile).await;
    let source = json!({ "name": "S", "dataStore": 54, "options": { "OAuthProfileId": 1 } });
    house.post_as(ADMIN, &format!("{SOURCES}?user=somebody"), &source).await;
    delete(&house, ADMIN, 2).await;
    // What one command did to several objects stands in the history of each.
    let mut of_the_command = BTreeSet::new();
    for (stream, kind) in [
        ("oauth_app/2", "OAuthAppDeleted"),
        ("oauth_profile/1", "OAuthProfileDeleted"),
        ("data_source/1", "DataSourceProfileCleared"),
    ] {
        let last = events(&history(&house, ADMIN, stream).await)[0].clone();
        assert_eq!((&last["type"], &last["commandCount"]), (&json!(kind), &json!(3)), "{stream}");
        of_the_command.insert(last["commandId"].to_string());
    }
    assert_eq!(of_the_command.len(), 1);
    let mut all = Vec::new();
    for stream in streams(&house) {
        let found = events(&history(&house, ADMIN, &stream.to_string()).await);
        let versions: Vec<u64> =
            found.iter().map(|event| event["streamVersion"].as_u64().expect("a number")).collect();
        assert_eq!(versions, (0..found.len() as u64).rev().collect::<Vec<_>>(), "{stream}");
        all.extend(sequences(&found));
    }
    all.sort_unstable();
    assert_eq!(all, (0..house.ledger.size()).collect::<Vec<_>>());
}

/// The number of events of a cascade told a tenant's auditor how many profiles other tenants have at an application.
#[tokio::test]
async fn l09_a_tenants_auditor_is_not_told_how_much_one_command_did_elsewhere() {
    let house = house();
    house.app(ADMIN, "of the system", None).await;
    for name in ["OrgA", "OrgB"] {
        let (tenant, roles) = house.tenant(name).await;
        let user = house.user(&format!("of{name}"), tenant, &[roles[0]], &[101]).await;
        let profile = json!({ "name": "P", "oauthAppId": 1, "refreshToken": "r" });
        assert_eq!(house.post_as(&user, PROFILES, &profile).await.status, StatusCode::CREATED);
    }
    delete(&house, ADMIN, 1).await;
    let auditor = format!("ofOrgA:{}", super::house::PASSWORD);
    let seen = events(&history(&house, &auditor, "oauth_profile/1").await)[0].clone();
    assert_eq!(seen["type"], json!("OAuthProfileDeleted"));
    assert_eq!((seen.get("commandIndex"), seen.get("commandCount")), (None, None));
    let whole = events(&history(&house, ADMIN, "oauth_profile/1").await)[0].clone();
    assert_eq!((&whole["commandIndex"], &whole["commandCount"]), (&json!(0), &json!(3)));
}

#[tokio::test]
async fn pages_cover_a_history_once() {
    let house = house();
    house.app(ADMIN, "first", None).await;
    for round in 0..130 {
        house.app(ADMIN, &format!("other {round}"), None).await;
        put(&house, ADMIN, 1, &app_body(&format!("renamed {round}"))).await;
    }
    let whole = sequences(&events(&house.get_as(ADMIN, &format!("{}?limit=1000", at("oauth_app/1"))).await));
    assert_eq!(whole.len(), 131);
    assert!(whole.is_sorted_by(|newer, older| newer > older));
    for (limit, pages) in [("", 2), ("limit=1&", 131), ("limit=7&", 19), ("limit=131&", 1)] {
        let (mut seen, mut asked, mut before) = (Vec::new(), 0, String::new());
        loop {
            let path = format!("{}?{limit}{before}", at("oauth_app/1"));
            let page = house.get_as(ADMIN, path.trim_end_matches(['?', '&'])).await;
            seen.extend(sequences(&events(&page)));
            asked += 1;
            // What happens meanwhile is newer than what is still to come.
            put(&house, ADMIN, 1, &app_body(&format!("meanwhile {asked}"))).await;
            let json = page.json();
            let Some(next) = json.get("next") else { break };
            before = format!("before={next}");
        }
        let of_before = seen.iter().filter(|sequence| whole.contains(sequence)).count();
        assert_eq!((of_before, asked >= pages), (131, true), "{limit}");
        assert!(seen.is_sorted_by(|newer, older| newer > older), "{limit}: each once");
    }
    // A page begins anywhere, also where there is nothing left.
    let oldest = *whole.last().expect("some");
    for (before, expected) in [(oldest, vec![]), (0, vec![]), (oldest + 1, vec![oldest])] {
        let page = house.get_as(ADMIN, &format!("{}?before={before}", at("oauth_app/1"))).await;
        assert_eq!((sequences(&events(&page)), page.json().get("next")), (expected, None), "{before}");
    }
}

#[tokio::test]
async fn a_page_of_long_events_ends_before_its_limit() {
    let house = house();
    let mut body = app_body("first");
    for (name, length) in [("description", 4096), ("scope", 4096), ("clientSecret", 4096), ("clientId", 1024)]
    {
        body[name] = json!("x".repeat(length));
    }
    house.post_as(ADMIN, APPS, &body).await;
    for _ in 1..150 {
        assert_eq!(put(&house, ADMIN, 1, &body).await.status, StatusCode::OK);
    }
    let first = house.get_as(ADMIN, &format!("{}?limit=1000", at("oauth_app/1"))).await;
    let next = first.json()["next"].as_u64().expect("more to come");
    let second = house.get_as(ADMIN, &format!("{}?limit=1000&before={next}", at("oauth_app/1"))).await;
    let (first, second) = (events(&first).len(), events(&second).len());
    assert!((50..100).contains(&first), "{first}");
    assert_eq!(first + second, 150);
}

#[tokio::test]
async fn l9_reveals_are_seen_by_auditors_of_the_tenant_whose_secret_it_was() {
    let house = house();
    let (own, roles) = house.tenant("OrgA").await;
    let (other, other_roles) = house.tenant("OrgB").await;
    let (third, third_roles) = house.tenant("OrgC").await;
    let auditor = house.user("auditor", own, &[roles[0]], &[101]).await;
    let foreign = house.user("foreign", other, &[other_roles[0]], &[101]).await;
    let nobody = house.user("nobody", third, &[third_roles[0]], &[101]).await;
    house.app(ADMIN, "of OrgA", Some(own)).await;
    house.app(ADMIN, "of OrgB", Some(other)).await;
    for id in [1, 2, 2, 1, 2] {
        assert_eq!(house.get_as(ADMIN, &format!("{APPS}/{id}")).await.status, StatusCode::OK);
    }
    let whole = events(&history(&house, ADMIN, "disclosures/1").await);
    assert_eq!(types(&whole), ["SecretRevealed"; 5]);
    let shown = &whole[0]["event"];
    assert_eq!((&shown["object"], &shown["fields"]), (&json!("oauth_app/2"), &json!(["clientSecret"])));
    for (user, tenant, count) in [(&auditor, own, 2), (&foreign, other, 3)] {
        let seen = events(&history(&house, user, "disclosures/1").await);
        assert_eq!(seen.len(), count);
        assert!(seen.iter().all(|event| event["tenant"] == json!(tenant)));
        assert!(
            seen.iter().all(|event| event.get("streamVersion").is_none()),
            "gaps would count the others'"
        );
        // Page by page the same, and the last page names none that he can't see.
        let (mut paged, mut path) = (Vec::new(), format!("{}?limit=1", at("disclosures/1")));
        loop {
            let page = house.get_as(user, &path).await;
            paged.extend(sequences(&events(&page)));
            let json = page.json();
            let Some(next) = json.get("next") else { break };
            path = format!("{}?limit=1&before={next}", at("disclosures/1"));
        }
        assert_eq!(paged, sequences(&seen));
    }
    for query in ["", "?before=1", "?before=99999", "?limit=1"] {
        let answer = house.get_as(&nobody, &format!("{}{query}", at("disclosures/1"))).await;
        let unknown = house.get_as(&nobody, &format!("{}{query}", at("disclosures/9"))).await;
        assert_eq!(
            (answer.status, unknown.status),
            (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
            "{query}"
        );
        assert_eq!(
            String::from_utf8_lossy(&answer.body).replace("s/1", "s/N"),
            String::from_utf8_lossy(&unknown.body).replace("s/9", "s/N"),
        );
    }
}

#[tokio::test]
async fn l6_no_history_and_no_past_shows_what_is_sealed() {
    const HERS: &str = "?user=CANARY-name";
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    house.user("CANARY-name", tenant, &[roles[0]], &[11, 28]).await;
    let mut body = app_body("first");
    body["description"] = json!("CANARY-description");
    body["clientSecret"] = json!("CANARY-secret");
    for (method, path) in [(Method::POST, APPS.to_owned()), (Method::PUT, format!("{APPS}/1"))] {
        let path = format!("{path}{HERS}");
        let answer = house.send_as(ADMIN, method, &path, &[JSON], body.to_string()).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }
    let profile = json!({
        "name": "P", "oauthAppId": 1, "description": "CANARY", "accessToken": "CANARY", "refreshToken": "CANARY",
    });
    let options =
        json!({ "OAuthProfileId": 1, "ConfigOptions": "plain", "Password": "CANARY", "Proxy": "CANARY" });
    let source = json!({ "name": "S", "dataStore": 54, "description": "CANARY", "options": options });
    for (path, body) in [(PROFILES, profile), (SOURCES, source)] {
        assert_eq!(house.post_as(ADMIN, &format!("{path}{HERS}"), &body).await.status, StatusCode::CREATED);
        let answer =
            house.send_as(ADMIN, Method::PUT, &format!("{path}/1{HERS}"), &[JSON], body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    for path in [APPS, PROFILES, SOURCES] {
        let now = house.get_as(ADMIN, &format!("{path}/1{HERS}")).await;
        assert!(String::from_utf8_lossy(&now.body).contains("CANARY"), "the present is revealed");
    }
    let before = house.state();
    for path in [APPS, PROFILES, SOURCES] {
        for sequence in 0..before.0 {
            let answer = house.get_as(ADMIN, &format!("{path}/1{HERS}&asOf={sequence}")).await;
            let text = String::from_utf8_lossy(&answer.body).replace("\"description\":\"CANARY", "");
            assert!(!text.contains("CANARY"), "{text}");
        }
    }
    for stream in streams(&house) {
        let answer = history(&house, ADMIN, &stream.to_string()).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!events(&answer).is_empty());
        for canary in ["CANARY", "127.0.0.1", PASSWORD, "argon2"] {
            assert!(!text.contains(canary), "{canary} in {stream}: {text}");
        }
    }
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn l11_what_is_no_history_is_404_and_what_is_no_page_400() {
    let house = house();
    house.app(ADMIN, "first", None).await;
    let before = house.state();
    let long = "x".repeat(5000);
    for stream in [
        "oauth_app/9",
        "oauth_app/0",
        "oauth_app/01",
        "oauth_app/-1",
        "oauth_app/x",
        "oauth_app/18446744073709551616",
        "oauthapp/1",
        "OAUTH_APP/1",
        "5/1",
        "grant/1",
        "upstream/1",
        "ledger/1",
        "%00/1",
        "oauth_app/%2e",
        "oauth_app/",
        "/1",
        &format!("{long}/1"),
        &format!("oauth_app/{long}"),
    ] {
        let answer = history(&house, ADMIN, stream).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, 222_299_036), "{stream}");
        assert!(answer.body.len() < 300, "{answer:?}");
        assert!(answer.json()["error"]["code"].is_number());
    }
    for stream in ["oauth_app/%ff", "oauth_app", "oauth_app/1/2"] {
        let answer = history(&house, ADMIN, stream).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, 222_299_009), "{stream}");
    }
    for (query, says) in [
        ("limit=0", "1 to 1000"),
        ("limit=1001", "1 to 1000"),
        ("limit=", "1 to 1000"),
        ("limit=18446744073709551617", "1 to 1000"),
        ("before=x", "the sequence of an event"),
        ("before=-1", "the sequence of an event"),
        ("before=", "the sequence of an event"),
        ("before=18446744073709551616", "the sequence of an event"),
        ("before=1&before=2", "stands there twice"),
        ("after=1", "is not known here"),
        ("asOf=1", "is not known here"),
        ("limit=%ff", "is not UTF-8"),
    ] {
        for stream in ["oauth_app/1", "oauth_app/9"] {
            let answer = house.get_as(ADMIN, &format!("{}?{query}", at(stream))).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_008), "{query}");
            let said = answer.json()["error"]["message"]["value"].as_str().expect("a sentence").to_owned();
            assert!(said.contains(says), "{query}: {said}");
        }
    }
    assert!(
        !events(&house.get_as(ADMIN, &format!("{}?before={}", at("oauth_app/1"), u64::MAX)).await).is_empty()
    );
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = house.send_as(ADMIN, method.clone(), &at("oauth_app/1"), &[], Body::empty()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::METHOD_NOT_ALLOWED, 222_299_010), "{method}");
    }
    assert_eq!(house.state(), before);
}
