//! Who is shown secrets, and what is recorded of it (hdp-api 9.13), for every family that has some and every kind of caller.

use authledger::config::{Config, Reveal};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, Answer, House, JSON, app_body};

const PROFILES: &str = "/api/mgmt/oauthprofiles";
const SOURCES: &str = "/api/mgmt/datasources";
const PERMISSIONS_OF_A_DELEGATE: &[u16] = &[28];

/// An object with secrets, of a user of OrgA or of OrgA itself.
struct Object {
    /// The list it stands in.
    list: &'static str,
    path: String,
    /// As an event names it.
    stream: String,
    /// Where its answer shows which secret.
    secrets: &'static [(&'static str, &'static str)],
    /// As an event names them.
    fields: &'static [&'static str],
    /// The events of its own history: the one that made it.
    etag: String,
}

impl Object {
    /// Whether an answer shows all of its secrets; the test fails when it shows some.
    fn shown_by(&self, answer: &Answer) -> bool {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let shown: Vec<bool> = self.secrets.iter().map(|(_, value)| text.contains(value)).collect();
        if answer.status == StatusCode::OK && shown.iter().all(|shown| *shown) {
            let body = answer.json();
            for (place, value) in self.secrets {
                assert_eq!(body.pointer(place), Some(&json!(value)), "{place}: {text}");
            }
            return true;
        }
        assert!(!shown.contains(&true), "not all, and not none: {text}");
        false
    }
}

/// The list, the name in events, a body, where its secrets are shown, and what they are called in events.
type Kind =
    (&'static str, &'static str, Value, &'static [(&'static str, &'static str)], &'static [&'static str]);

/// Who asks.
struct People {
    tenant: u64,
    owner: String,
    /// Another user of the same tenant, with the same permissions.
    colleague: String,
    /// 11 and 28 in the same tenant, and nothing else.
    app_administrator: String,
    /// 1–11, 13–21 and 28 in the system tenant, with access on OrgA.
    delegate: String,
    /// The same without access.
    delegate_elsewhere: String,
    /// Everything but 12 in another tenant.
    foreigner: String,
}

async fn house_with(reveal: Reveal) -> (House, People, Vec<Object>) {
    let mut config = Config::default();
    config.secrets.reveal = reveal;
    let house = House::new(config);
    let delegate = house.user("delegate", 1, &[3], PERMISSIONS_OF_A_DELEGATE).await;
    let delegate_elsewhere = house.user("elsewhere", 1, &[3], PERMISSIONS_OF_A_DELEGATE).await;
    let body = json!({ "name": "OrgA", "parentTenant": 1, "importedRoles": [2], "admins": [2] });
    let made = house.post_as(ADMIN, "/api/admin/tenants", &body).await.json();
    let (tenant, role) = (number(&made["id"]), number(&made["roles"][0]));
    let body = json!({ "name": "Nothing", "tenantId": tenant });
    let nothing = number(&house.post_as(ADMIN, "/api/admin/roles", &body).await.json()["id"]);
    let owner = house.user("owner", tenant, &[role], &[]).await;
    let colleague = house.user("colleague", tenant, &[role], &[]).await;
    let app_administrator = house.user("apps", tenant, &[nothing], &[11, 28]).await;
    let (other, other_roles) = house.tenant("OrgB").await;
    let all: Vec<u16> = (13..=29).chain([101, 102]).collect();
    let foreigner = house.user("foreigner", other, &[other_roles[0]], &all).await;
    let people =
        People { tenant, owner, colleague, app_administrator, delegate, delegate_elsewhere, foreigner };

    let mut app = app_body("app");
    app["clientSecret"] = json!("first-of-secrets");
    let profile = json!({ "name": "profile", "oauthAppId": 1, "accessToken": "second-of-secrets", "refreshToken": "third-of-secrets" });
    let source = json!({
        "name": "source", "dataStore": 1,
        "options": { "ODataVersion": "4", "Password": "fourth-of-secrets", "OurOwn": "fifth-of-secrets" },
    });
    let kinds: [Kind; 3] = [
        (APPS, "oauth_app", app, &[("/clientSecret", "first-of-secrets")], &["clientSecret"]),
        (
            PROFILES,
            "oauth_profile",
            profile,
            &[("/accessToken", "second-of-secrets"), ("/refreshToken", "third-of-secrets")],
            &["accessToken", "refreshToken"],
        ),
        (
            SOURCES,
            "data_source",
            source,
            &[("/options/Password", "fourth-of-secrets"), ("/options/OurOwn", "fifth-of-secrets")],
            &["option"],
        ),
    ];
    let mut objects = Vec::new();
    for (list, kind, body, secrets, fields) in kinds {
        let made = house.post_as(ADMIN, &format!("{list}?user=owner"), &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let etag = made.header("etag").expect("an ETag").to_owned();
        let object =
            Object { list, path: format!("{list}/1"), stream: format!("{kind}/1"), secrets, fields, etag };
        assert!(secrets.iter().all(|(place, value)| made.json().pointer(place) == Some(&json!(value))));
        objects.push(object);
    }
    assert_eq!(reveals(&house), 0, "a create echoes what it was sent, and that reveals nothing");
    (house, people, objects)
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn reveals(house: &House) -> usize {
    house.facts().iter().filter(|name| *name == "SecretRevealed").count()
}

/// The last thing that `user` was shown, as the audit tells it.
async fn last_disclosure(house: &House, user: u64) -> Value {
    let path = format!("/api/audit/objects/disclosures/{user}/history?limit=1");
    let answer = house.get_as(ADMIN, &path).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["events"][0].clone()
}

async fn user_id(house: &House, credentials: &str) -> u64 {
    let name = credentials.split(':').next().expect("a name");
    let users = house.get_as(ADMIN, "/api/admin/users").await.json();
    let users = users["users"].as_array().expect("users").clone();
    number(&users.iter().find(|user| user["userName"] == json!(name)).expect("he exists")["id"])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gets {
    Secrets,
    NoSecrets,
    Refused(u16),
}

#[tokio::test]
async fn each_kind_of_caller_is_shown_what_decision_13_says_and_each_showing_is_one_event() {
    use Gets::{NoSecrets, Refused, Secrets};
    let (house, people, objects) = house_with(Reveal::Audited).await;
    // For an application, a profile, a data source.
    let rows: [(&str, &str, bool, [Gets; 3]); 10] = [
        ("12", ADMIN, false, [Secrets, Refused(404), Refused(404)]),
        ("12 on behalf of the owner", ADMIN, true, [Secrets; 3]),
        ("the owner, without 28", &people.owner, false, [Refused(403), Secrets, Secrets]),
        ("a colleague, without 28", &people.colleague, false, [Refused(403), Refused(404), Refused(404)]),
        (
            "11 and 28 there, without 2",
            &people.app_administrator,
            false,
            [Secrets, Refused(403), Refused(403)],
        ),
        (
            "28 and access, from the system tenant",
            &people.delegate,
            false,
            [Secrets, Refused(404), Refused(404)],
        ),
        ("the same on behalf of the owner", &people.delegate, true, [NoSecrets; 3]),
        ("28 without access, from the system tenant", &people.delegate_elsewhere, false, [Refused(404); 3]),
        ("the same on behalf of the owner", &people.delegate_elsewhere, true, [Refused(404); 3]),
        ("28 and everything but 12, of another tenant", &people.foreigner, false, [Refused(404); 3]),
    ];
    for (who, credentials, on_behalf, expected) in rows {
        for (object, expected) in objects.iter().zip(expected) {
            let here = format!("{who}: {}", object.path);
            let path = if on_behalf { format!("{}?user=owner", object.path) } else { object.path.clone() };
            let before = (house.ledger.size(), reveals(&house));
            let answer = house.get_as(credentials, &path).await;
            let came = match answer.status {
                StatusCode::OK if object.shown_by(&answer) => Secrets,
                StatusCode::OK => NoSecrets,
                status => Refused(status.as_u16()),
            };
            assert_eq!(came, expected, "{here}: {answer:?}");
            if answer.status == StatusCode::OK {
                assert_eq!(
                    answer.header("etag"),
                    Some(object.etag.as_str()),
                    "{here}: a reveal is no change"
                );
            }
            let one = usize::from(expected == Secrets);
            assert_eq!(
                (house.ledger.size(), reveals(&house)),
                (before.0 + one as u64, before.1 + one),
                "{here}: recorded"
            );
            assert_eq!(answer.header("ledger-sequence").is_some(), expected == Secrets, "{here}");
            if expected == Secrets {
                let actor = user_id(&house, credentials).await;
                let event = last_disclosure(&house, actor).await;
                let sequence = object.etag.trim_matches('"').parse::<u64>().expect("a sequence");
                assert_eq!(
                    event["event"],
                    json!({ "object": object.stream, "object_sequence": sequence, "fields": object.fields }),
                    "{here}"
                );
                assert_eq!(event["sequence"], json!(house.ledger.size() - 1), "{here}");
                assert_eq!(event["actor"], json!(format!("user/{actor}")), "{here}");
                let owner = user_id(&house, &people.owner).await;
                let other = on_behalf.then(|| json!(format!("user/{owner}")));
                assert_eq!(event.get("onBehalfOf").cloned(), other, "{here}");
                assert_eq!(event["tenant"], json!(people.tenant), "{here}: whose secret it is");
            }
        }
    }
}

#[tokio::test]
async fn heads_known_states_lists_stats_and_the_past_show_no_secret_and_record_nothing() {
    let (house, people, objects) = house_with(Reveal::Audited).await;
    for object in &objects {
        let who = if object.list == APPS { &people.app_administrator } else { &people.owner };
        let before = house.state();
        let head = house.send_as(who, Method::HEAD, &object.path, &[], Body::empty()).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("etag"), Some(object.etag.as_str()), "HEAD has what GET has");
        for tag in [&object.etag, &format!("W/{}", object.etag), "*"] {
            let header = format!("if-none-match: {tag}");
            let known = house.send_as(who, Method::GET, &object.path, &[&header], Body::empty()).await;
            assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0), "{tag}");
        }
        let mut paths = vec![object.list.to_owned(), format!("{}?limit=1", object.list)];
        paths.extend((0..house.ledger.size()).rev().map(|moment| format!("{}?asOf={moment}", object.path)));
        if object.list == PROFILES {
            paths.push(format!("{}/stats", object.path));
        }
        for path in paths {
            let answer = house.get_as(who, &path).await;
            assert!(!object.shown_by(&answer), "{path}");
            // Also when 12 asks on behalf, who is shown the present ones.
            let joined = if path.contains('?') { '&' } else { '?' };
            let answer = house.get_as(ADMIN, &format!("{path}{joined}user=owner")).await;
            assert!(!object.shown_by(&answer), "{path}");
        }
        assert_eq!(house.state(), before, "{}", object.path);
        // Another state's tag is none: the secrets are shown again, once.
        let stale =
            house.send_as(who, Method::GET, &object.path, &["if-none-match: \"0\""], Body::empty()).await;
        assert!(object.shown_by(&stale));
        assert_eq!(house.state().0, before.0 + 1);
    }
}

#[tokio::test]
async fn with_reveals_off_nobody_is_shown_a_secret_and_nothing_is_recorded() {
    let (house, people, objects) = house_with(Reveal::Never).await;
    let before = house.state();
    for object in &objects {
        for (who, query) in [
            (ADMIN, "?user=owner"),
            (ADMIN, ""),
            (&people.owner, ""),
            (&people.app_administrator, ""),
            (&people.delegate, "?user=owner"),
        ] {
            let answer = house.get_as(who, &format!("{}{query}", object.path)).await;
            assert!(!object.shown_by(&answer), "{who} {}", object.path);
            if answer.status == StatusCode::OK {
                assert!(object.secrets.iter().all(|(place, _)| answer.json().pointer(place).is_none()));
            }
        }
    }
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn no_secret_leaves_a_server_that_cannot_record_it() {
    let (house, people, objects) = house_with(Reveal::Audited).await;
    house.witness.fail_after(0);
    let lost = house.post_as(ADMIN, APPS, &app_body("lost")).await;
    assert_eq!(lost.status, StatusCode::SERVICE_UNAVAILABLE);
    for object in &objects {
        let who = if object.list == APPS { &people.app_administrator } else { &people.owner };
        for (who, query) in [(who.as_str(), ""), (ADMIN, "?user=owner")] {
            let answer = house.get_as(who, &format!("{}{query}", object.path)).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{who} {}", object.path);
            assert!(!object.shown_by(&answer) && answer.header("retry-after").is_some());
        }
        // What shows none goes on.
        let delegate = house.get_as(&people.delegate, &format!("{}?user=owner", object.path)).await;
        assert_eq!((delegate.status, object.shown_by(&delegate)), (StatusCode::OK, false));
        let listed = house.get_as(who, object.list).await;
        assert_eq!(listed.status, StatusCode::OK);
        let head = house.send_as(who, Method::HEAD, &object.path, &[], Body::empty()).await;
        assert_eq!(head.status, StatusCode::OK);
        let header = format!("if-none-match: {}", object.etag);
        let known = house.send_as(who, Method::GET, &object.path, &[&header], Body::empty()).await;
        assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    }
}

/// SECURITY L15: another site's page can't read the answer, but it could have the owner's browser fill the log with reveals.
#[tokio::test]
async fn l15_a_get_that_reveals_is_refused_to_other_sites() {
    let (house, people, objects) = house_with(Reveal::Audited).await;
    let before = house.state();
    for object in &objects {
        let who = if object.list == APPS { &people.app_administrator } else { &people.owner };
        for header in [
            "sec-fetch-site: cross-site",
            "sec-fetch-site: same-site",
            "origin: https://evil.example",
            "origin: null",
        ] {
            let answer = house.send_as(who, Method::GET, &object.path, &[header], Body::empty()).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_299_026), "{header}");
            let path = format!("{}?user=owner", object.path);
            let answer = house.send_as(ADMIN, Method::GET, &path, &[header], Body::empty()).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_299_026), "{header}");
            // A list shows nothing and is answered: the browser keeps it from the page.
            let list = house.send_as(who, Method::GET, object.list, &[header], Body::empty()).await;
            assert_eq!(list.status, StatusCode::OK, "{header}");
        }
    }
    assert_eq!(house.state(), before);
    for object in &objects {
        let who = if object.list == APPS { &people.app_administrator } else { &people.owner };
        for header in ["sec-fetch-site: same-origin", "sec-fetch-site: none", "origin: http://127.0.0.1:8080"]
        {
            let answer = house.send_as(who, Method::GET, &object.path, &[header], Body::empty()).await;
            assert!(object.shown_by(&answer), "{header}");
        }
    }
}

#[tokio::test]
async fn an_object_without_secrets_reveals_nothing_and_writes_nothing() {
    let (house, people, _) = house_with(Reveal::Audited).await;
    let body = json!({ "name": "plain", "dataStore": 1, "options": { "ODataVersion": "4" } });
    let made = house.post_as(&people.owner, SOURCES, &body).await;
    let path = format!("{SOURCES}/{}", made.json()["id"].as_str().expect("a text"));
    let before = house.state();
    let shown = house.get_as(&people.owner, &path).await;
    assert_eq!((shown.status, shown.json()), (StatusCode::OK, made.json()));
    assert_eq!((house.state(), shown.header("ledger-sequence")), (before, None));
    // A profile always has a refresh token; its event names no access token that is not there.
    let body = json!({ "name": "half", "oauthAppId": 1, "refreshToken": "sixth-of-secrets" });
    let made = house.post_as(&people.owner, PROFILES, &body).await;
    let shown = house.get_as(&people.owner, &format!("{PROFILES}/{}", made.json()["id"])).await;
    assert_eq!(shown.json(), made.json());
    let owner = user_id(&house, &people.owner).await;
    assert_eq!(last_disclosure(&house, owner).await["event"]["fields"], json!(["refreshToken"]));
}

/// What a GET showed is what a PUT can send back, under the ETag that it came with; what a PUT keeps it does not show.
#[tokio::test]
async fn what_was_shown_can_be_put_back_and_what_is_kept_is_not_shown() {
    let (house, people, objects) = house_with(Reveal::Audited).await;
    for object in &objects {
        let who = if object.list == APPS { &people.app_administrator } else { &people.owner };
        let shown = house.get_as(who, &object.path).await;
        let header = format!("if-match: {}", object.etag);
        let mut body = shown.json();
        let put = house.send_as(who, Method::PUT, &object.path, &[JSON, &header], body.to_string()).await;
        assert_eq!((put.status, put.json()), (StatusCode::OK, body.clone()), "{}", object.path);
        let before = reveals(&house);
        for (place, _) in object.secrets {
            let (parent, name) = place.rsplit_once('/').expect("a place");
            body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(name);
        }
        let kept = house.send_as(who, Method::PUT, &object.path, &[JSON], body.to_string()).await;
        assert_eq!((kept.status, kept.json()), (StatusCode::OK, body), "{}", object.path);
        assert_eq!(reveals(&house), before, "a PUT is no reveal");
        assert!(object.shown_by(&house.get_as(who, &object.path).await), "they were kept: {}", object.path);
    }
}
