//! `?asOf=`: one object as it was, for who may see it now.

use std::time::Duration;

use authledger::clock::Clock;
use authledger::config::{Config, Reveal};
use authledger::ledger::past::{Moment, PastError};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::envelope::{Stream, StreamKind};
use events::id::{OAuthAppId, Sequence, UserId};
use events::time::Timestamp;
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, Answer, House, JSON, PROFILES, SOURCES, app_body};

/// Where GETs show no secrets and record nothing, so that they can be compared with the past.
fn discreet() -> House {
    let mut config = Config::default();
    config.secrets.reveal = Reveal::Never;
    House::new(config)
}

async fn put(house: &House, id: u64, body: &Value) -> Answer {
    house.send_as(ADMIN, Method::PUT, &format!("{APPS}/{id}"), &[JSON], body.to_string()).await
}

async fn delete(house: &House, id: u64) -> Answer {
    house.send_as(ADMIN, Method::DELETE, &format!("{APPS}/{id}"), &[], Body::empty()).await
}

async fn as_of(house: &House, user: &str, path: &str, moment: impl std::fmt::Display) -> Answer {
    house.get_as(user, &format!("{path}?asOf={moment}")).await
}

/// Status and body: what an answer about an object says.
fn said(answer: &Answer) -> (StatusCode, Value) {
    (answer.status, answer.json())
}

/// The sequence that a write was answered with.
fn written(answer: &Answer) -> u64 {
    let position = answer.header("ledger-sequence").expect("on every write");
    position.split_once('.').and_then(|(_, sequence)| sequence.parse().ok()).expect("a position")
}

#[tokio::test]
async fn an_application_is_shown_as_it_was_at_each_event_and_time() {
    let house = discreet();
    let path = format!("{APPS}/1");
    let mut record: Vec<(u64, Timestamp, (StatusCode, Value))> = Vec::new();
    for step in 0..6 {
        house.clock.advance(Duration::from_secs(1));
        match step {
            0 => drop(house.app(ADMIN, "first", None).await),
            1 | 3 => drop(put(&house, 1, &app_body(&format!("renamed {step}"))).await),
            2 => drop(house.app(ADMIN, "another", None).await),
            4 => {
                let mut bare = app_body("bare");
                bare.as_object_mut().expect("an object").remove("description");
                bare.as_object_mut().expect("an object").remove("clientSecret");
                assert_eq!(put(&house, 1, &bare).await.status, StatusCode::OK);
            }
            _ => assert_eq!(delete(&house, 1).await.status, StatusCode::NO_CONTENT),
        }
        let now = house.get_as(ADMIN, &path).await;
        record.push((house.ledger.size() - 1, house.clock.now(), said(&now)));
    }
    house.clock.advance(Duration::from_secs(1));
    let before = house.state();
    let missing = said(&house.get_as(ADMIN, &format!("{APPS}/1")).await);
    assert_eq!(missing.0, StatusCode::NOT_FOUND);
    for (sequence, time, then) in &record {
        assert_eq!(&said(&as_of(&house, ADMIN, &path, sequence).await), then, "as of event {sequence}");
        assert_eq!(&said(&as_of(&house, ADMIN, &path, time).await), then, "as of {time}");
        let just_before_the_next = time.saturating_add_micros(999_999);
        assert_eq!(&said(&as_of(&house, ADMIN, &path, just_before_the_next).await), then);
    }
    // Before there was anything to show, and before there was a ledger.
    let first = record[0].0;
    assert_eq!(said(&as_of(&house, ADMIN, &path, first - 1).await), missing);
    assert_eq!(said(&as_of(&house, ADMIN, &path, 0).await), missing);
    assert_eq!(said(&as_of(&house, ADMIN, &path, "1970-01-01T00:00:00Z").await), missing);
    // A time with another offset, its plus sign encoded or not.
    let ahead = Timestamp(record[1].1.0).to_string().replace('Z', "%2B00:00");
    assert_eq!(said(&as_of(&house, ADMIN, &path, &ahead).await), record[1].2);
    assert_eq!(said(&as_of(&house, ADMIN, &path, ahead.replace("%2B", "+")).await), record[1].2);
    assert_eq!(house.state(), before, "looking back records nothing");
}

#[tokio::test]
async fn the_past_has_no_etag_and_names_its_last_event() {
    let house = discreet();
    let made = written(&house.app(ADMIN, "first", None).await);
    house.app(ADMIN, "another", None).await;
    let path = format!("{APPS}/1?asOf={}", made + 1);
    // Nothing to compare with: a tag, even one that fits, asks for nothing.
    let tag = format!("if-none-match: \"{made}\"");
    for headers in [&[][..], &[tag.as_str()], &["if-none-match: *"]] {
        let answer = house.send_as(ADMIN, Method::GET, &path, headers, Body::empty()).await;
        assert_eq!((answer.status, answer.header("etag")), (StatusCode::OK, None));
        assert_eq!(answer.header("ledger-sequence"), Some(format!("1.{made}").as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let head = house.send_as(ADMIN, Method::HEAD, &path, &[], Body::empty()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("ledger-sequence"), Some(format!("1.{made}").as_str()));
    // It can be sent back as what a read has to include.
    let header = format!("ledger-min-sequence: 1.{made}");
    let again = house.send_as(ADMIN, Method::GET, APPS, &[&header], Body::empty()).await;
    assert_eq!(again.status, StatusCode::OK);
}

#[tokio::test]
async fn the_past_never_shows_a_secret_and_records_nothing() {
    let house = House::new(Config::default());
    let mut body = app_body("first");
    body["clientSecret"] = json!("CANARY-secret");
    let made = written(&house.post_as(ADMIN, APPS, &body).await);
    body["clientSecret"] = json!("CANARY-other");
    let changed = written(&put(&house, 1, &body).await);
    let now = house.get_as(ADMIN, &format!("{APPS}/1")).await;
    assert_eq!(now.json()["clientSecret"], json!("CANARY-other"), "the present is revealed, by default");
    let before = house.state();
    for moment in [made, changed, changed + 1] {
        let then = as_of(&house, ADMIN, &format!("{APPS}/1"), moment).await;
        assert_eq!(then.status, StatusCode::OK);
        assert!(!String::from_utf8_lossy(&then.body).contains("CANARY"), "{then:?}");
        assert_eq!(
            then.json()["description"],
            json!("made by a test"),
            "what is sealed and no secret is shown"
        );
    }
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn what_was_erased_says_so() {
    let house = discreet();
    let made = written(&house.app(ADMIN, "first", None).await);
    let key =
        house.ledger.read(|view| view.state.oauth_apps.rows.get(&OAuthAppId(1)).map(|row| row.key_id()));
    house.destroy_key(&key.expect("the application is there"));
    let then = as_of(&house, ADMIN, &format!("{APPS}/1"), made).await;
    assert_eq!(then.status, StatusCode::OK);
    assert_eq!((&then.json()["description"], &then.json()["name"]), (&json!("erased"), &json!("first")));
}

#[tokio::test]
async fn l11_what_is_no_moment_or_none_yet_is_400() {
    let house = discreet();
    house.app(ADMIN, "first", None).await;
    let before = house.state();
    let next = house.ledger.size();
    let long = "9".repeat(1000);
    for (moment, says) in [
        ("", "must be a sequence"),
        ("now", "must be a sequence"),
        ("-1", "must be a sequence"),
        ("1.5", "must be a sequence"),
        ("0x1", "must be a sequence"),
        ("1,2", "must be a sequence"),
        ("2026-11-20", "must be a sequence"),
        ("2026-13-20T00:00:00Z", "must be a sequence"),
        ("2026-11-20T25:00:00Z", "must be a sequence"),
        ("2026-11-20T12:00:00", "must be a sequence"),
        ("18446744073709551616", "must be a sequence"),
        (&long, "must be a sequence"),
        ("%ff", "is not UTF-8"),
        (&next.to_string(), "has not come yet"),
        ("18446744073709551615", "has not come yet"),
        ("2026-11-20T12:00:00.000001Z", "has not come yet"),
        ("9999-12-31T23:59:59Z", "has not come yet"),
    ] {
        // The same whether there is such an object or not.
        for id in [1, 9999] {
            let answer = as_of(&house, ADMIN, &format!("{APPS}/{id}"), moment).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_008), "{moment}");
            let said = answer.json()["error"]["message"]["value"].as_str().expect("a sentence").to_owned();
            assert!(said.contains("'asOf'") && said.contains(says) && said.len() < 400, "{moment}: {said}");
        }
    }
    let twice = house.get_as(ADMIN, &format!("{APPS}/1?asOf=1&asOf=2")).await;
    assert_eq!((twice.status, twice.code()), (StatusCode::BAD_REQUEST, 222_299_008));
    // Where there is no one object, or something is to be changed, nobody knows it.
    let body = app_body("x").to_string();
    for (method, path) in [
        (Method::GET, APPS.to_owned()),
        (Method::POST, APPS.to_owned()),
        (Method::PUT, format!("{APPS}/1")),
        (Method::DELETE, format!("{APPS}/1")),
    ] {
        let path = format!("{path}?asOf=1");
        let answer = house.send_as(ADMIN, method.clone(), &path, &[JSON], body.clone()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_008), "{method}");
    }
    assert_eq!(house.state(), before);
    // A clock that went back makes no event unreachable.
    house.clock.set_wall(Timestamp(0));
    let stamped = as_of(&house, ADMIN, &format!("{APPS}/1"), "2026-11-20T12:00:00Z").await;
    assert_eq!(stamped.status, StatusCode::OK);
}

#[tokio::test]
async fn when_the_writer_has_stopped_the_past_is_still_shown_and_ends_where_it_was_acknowledged() {
    let house = discreet();
    let made = written(&house.app(ADMIN, "first", None).await);
    // The leaf is in the engine when the witness fails, and nobody is told of it.
    house.witness.fail_after(0);
    let lost = put(&house, 1, &app_body("second")).await;
    assert_eq!((lost.status, lost.code()), (StatusCode::SERVICE_UNAVAILABLE, 222_299_018));
    assert_eq!(house.ledger.reader().head().size, made + 2, "the engine has it");
    let path = format!("{APPS}/1");
    assert_eq!(as_of(&house, ADMIN, &path, made).await.json()["name"], json!("first"));
    assert_eq!(as_of(&house, ADMIN, &path, house.clock.now()).await.json()["name"], json!("first"));
    assert_eq!(as_of(&house, ADMIN, &path, made + 1).await.status, StatusCode::BAD_REQUEST);
    let stream = Stream::new(StreamKind::OAUTH_APP, 1);
    let asked = house.ledger.state_at(stream, Moment::Sequence(Sequence(made + 1))).await;
    assert!(matches!(asked, Err(PastError::NotReached(_))), "{asked:?}");
    for query in ["", "?before=99999"] {
        let history = house.get_as(ADMIN, &format!("/api/audit/objects/oauth_app/1/history{query}")).await;
        let events = history.json()["events"].as_array().expect("a list").clone();
        assert_eq!((events.len(), &events[0]["sequence"]), (1, &json!(made)), "{query}");
    }
}

#[tokio::test]
async fn l9_who_may_see_an_application_now_may_see_what_it_was() {
    let house = discreet();
    let (own, roles) = house.tenant("OrgA").await;
    let (other, other_roles) = house.tenant("OrgB").await;
    let plain = house.user("plain", own, &[roles[0]], &[101]).await;
    let child = house.user("child", own, &[roles[0]], &[11, 28]).await;
    let foreign = house.user("foreign", other, &[other_roles[0]], &[11, 28, 101]).await;
    let system = house.user("system", 1, &[2], &[11, 28]).await;
    let made = written(&house.app(ADMIN, "of OrgA", Some(own)).await);
    put(&house, 1, &app_body("renamed")).await;
    let path = format!("{APPS}/1");
    let seen = as_of(&house, &child, &path, made).await;
    assert_eq!((seen.status, seen.json()["name"].clone()), (StatusCode::OK, json!("of OrgA")));
    // The permission of the GET comes first, whatever the moment; auditing is no substitute for it.
    for moment in [made.to_string(), "nonsense".to_owned()] {
        let answer = as_of(&house, &plain, &path, moment).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103));
    }
    for stranger in [&foreign, &system] {
        let hidden = as_of(&house, stranger, &path, made).await;
        let missing = as_of(&house, stranger, &format!("{APPS}/9"), made).await;
        assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{stranger}");
        assert_eq!(
            String::from_utf8_lossy(&hidden.body).replace(": 1\"", ": N\""),
            String::from_utf8_lossy(&missing.body).replace(": 9\"", ": N\""),
        );
        assert_eq!(hidden.headers.len(), missing.headers.len());
    }
    // On behalf of another, as a GET: by the rule for `?user=`.
    let for_him = house.get_as(ADMIN, &format!("{path}?user=child&asOf={made}")).await;
    assert_eq!((for_him.status, for_him.json()["name"].clone()), (StatusCode::OK, json!("of OrgA")));
    let nobody = house.get_as(ADMIN, &format!("{path}?user=Nobody&asOf={made}")).await;
    assert_eq!((nobody.status, nobody.code()), (StatusCode::NOT_FOUND, 222_207_916));
    let unasked = house.get_as(&child, &format!("{path}?user=child&asOf={made}")).await;
    assert_eq!((unasked.status, unasked.code()), (StatusCode::FORBIDDEN, 222_208_103));
}

#[tokio::test]
async fn l9_what_is_gone_is_shown_to_auditors_who_could_see_it() {
    let house = discreet();
    let (own, roles) = house.tenant("OrgA").await;
    let (other, other_roles) = house.tenant("OrgB").await;
    let child = house.user("child", own, &[roles[0]], &[11, 28]).await;
    let auditor = house.user("auditor", own, &[roles[0]], &[11, 28, 101]).await;
    let foreign = house.user("foreign", other, &[other_roles[0]], &[11, 28, 101]).await;
    let system = house.user("system", 1, &[2], &[11, 28, 101]).await;
    let made = written(&house.app(ADMIN, "of OrgA", Some(own)).await);
    house.app(ADMIN, "of the system", Some(1)).await;
    let gone = written(&delete(&house, 1).await);
    delete(&house, 2).await;
    let path = format!("{APPS}/1");
    let see = async |user: &str, path: &str| as_of(&house, user, path, made + 1).await.status;
    assert_eq!(see(&auditor, &path).await, StatusCode::OK);
    assert_eq!(see(ADMIN, &path).await, StatusCode::OK);
    // Not an auditor; an auditor of another tenant; one of the whole system who could not see it while it was there.
    for user in [&child, &foreign, &system] {
        assert_eq!(see(user, &path).await, StatusCode::NOT_FOUND, "{user}");
    }
    assert_eq!(see(&system, &format!("{APPS}/2")).await, StatusCode::OK);
    assert_eq!(see(&auditor, &format!("{APPS}/2")).await, StatusCode::NOT_FOUND, "only used by OrgA");
    // From the moment it was deleted there is nothing to show, to nobody.
    let after = as_of(&house, &auditor, &path, gone).await;
    let missing = house.get_as(&auditor, &path).await;
    assert_eq!((after.status, &after.body), (StatusCode::NOT_FOUND, &missing.body));
}

#[tokio::test]
async fn tenants_and_users_are_shown_as_they_were() {
    let house = discreet();
    let nobody_yet = house.ledger.size() - 1;
    let (tenant, roles) = house.tenant("OrgA").await;
    let user = house.user("ann", tenant, &[roles[0]], &[14, 25]).await;
    let (as_tenant, as_user) = (format!("/api/admin/tenants/{tenant}"), "/api/admin/users/2".to_owned());
    let made = house.ledger.size() - 1;
    let before_the_lock = said(&house.get_as(ADMIN, &as_user).await);
    assert_eq!(before_the_lock.1["statusInfo"], json!({"status": 1, "accountLocked": false}));
    house.clock.advance(Duration::from_secs(1));
    for _ in 0..20 {
        house.get_as("ann:not her password", APPS).await;
    }
    house.until(|house| house.ledger.size() > made + 1).await;
    let locked = house.ledger.size() - 1;
    let during_the_lock = said(&house.get_as(ADMIN, &as_user).await);
    assert_eq!(during_the_lock.1["statusInfo"]["accountLocked"], json!(true));
    let time = house.clock.now();
    house.clock.advance(Duration::from_hours(48));
    assert_eq!(said(&house.get_as(ADMIN, &as_user).await), before_the_lock, "it ended by itself");
    let before = house.state();
    // What ends by itself is judged by the moment, not by now.
    assert_eq!(said(&as_of(&house, ADMIN, &as_user, made).await), before_the_lock);
    assert_eq!(said(&as_of(&house, ADMIN, &as_user, locked).await), during_the_lock);
    assert_eq!(said(&as_of(&house, ADMIN, &as_user, time).await), during_the_lock);
    assert_eq!(said(&as_of(&house, ADMIN, &as_user, house.clock.now()).await), before_the_lock);
    // A tenant without the list of its roles, whose histories are their own.
    let mut tenant_now = house.get_as(ADMIN, &as_tenant).await.json();
    tenant_now.as_object_mut().expect("an object").remove("roles");
    let tenant_then = as_of(&house, ADMIN, &as_tenant, made).await;
    assert_eq!((tenant_then.status, tenant_then.json()), (StatusCode::OK, tenant_now));
    assert_eq!(tenant_then.header("etag"), None);
    for path in [&as_tenant, &as_user] {
        let (unmade, missing) = (as_of(&house, ADMIN, path, nobody_yet).await, path.replace('2', "9"));
        let missing = house.get_as(ADMIN, &missing).await;
        assert_eq!(unmade.status, StatusCode::NOT_FOUND);
        assert_eq!(
            String::from_utf8_lossy(&unmade.body).replace(": 2.", ": N."),
            String::from_utf8_lossy(&missing.body).replace(": 9.", ": N."),
        );
        let not_hers = as_of(&house, &user, path, made).await;
        let missing = as_of(&house, &user, &path.replace('2', "9"), made).await;
        assert_eq!((not_hers.status, missing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
        for wrong in ["soon", "99999"] {
            assert_eq!(as_of(&house, ADMIN, path, wrong).await.code(), 222_299_008);
        }
        let behalf = house.get_as(ADMIN, &format!("{path}?asOf={made}&user=ann")).await;
        assert_eq!((behalf.status, behalf.code()), (StatusCode::BAD_REQUEST, 222_299_008));
    }
    assert_eq!(house.state(), before);
    // Erased with her key.
    let key = house.ledger.read(|view| view.state.users.rows.get(&UserId(2)).map(|row| row.key_id()));
    house.destroy_key(&key.expect("she is there"));
    let then = as_of(&house, ADMIN, &as_user, made).await;
    assert_eq!((then.status, &then.json()["userName"]), (StatusCode::OK, &json!("erased")));
}

#[tokio::test]
async fn inside_a_cascade_each_object_is_what_its_own_stream_says() {
    let house = discreet();
    house.app(ADMIN, "app", None).await;
    let profile =
        json!({ "name": "P", "oauthAppId": 1, "refreshToken": "CANARY", "description": "of a profile" });
    house.post_as(ADMIN, PROFILES, &profile).await;
    let options = json!({ "OAuthProfileId": "1", "ODataVersion": "4", "Password": "CANARY" });
    let source = json!({ "name": "S", "dataStore": 54, "description": "of a source", "options": options });
    house.post_as(ADMIN, SOURCES, &source).await;
    let paths = [APPS, PROFILES, SOURCES].map(|family| format!("{family}/1"));
    let look = async |moment: Option<u64>| {
        let mut seen = Vec::new();
        for path in &paths {
            seen.push(match moment {
                None => said(&house.get_as(ADMIN, path).await),
                Some(moment) => said(&as_of(&house, ADMIN, path, moment).await),
            });
        }
        seen
    };
    let (whole, begun) = (look(None).await, house.ledger.size());
    let last = written(&delete(&house, 1).await);
    let left = look(None).await;
    let facts = house.facts().split_off(usize::try_from(begun).expect("few"));
    assert_eq!(facts, ["DataSourceProfileCleared", "OAuthProfileDeleted", "OAuthAppDeleted"]);
    assert_eq!(left[2].1["options"], json!({ "ODataVersion": "4" }));
    let then = [
        whole.clone(),
        vec![whole[0].clone(), whole[1].clone(), left[2].clone()],
        vec![whole[0].clone(), left[1].clone(), left[2].clone()],
        left,
    ];
    for (sequence, then) in (begun - 1..=last).zip(then) {
        assert_eq!(look(Some(sequence)).await, then, "as of {sequence}");
    }
    // By time there is no inside.
    let now = house.clock.now();
    assert_eq!(said(&as_of(&house, ADMIN, &paths[2], now).await), look(None).await[2]);
}

#[tokio::test]
async fn l9_profiles_and_data_sources_of_the_past_are_their_owners() {
    let house = discreet();
    let (own, roles) = house.tenant("OrgA").await;
    let (other, other_roles) = house.tenant("OrgB").await;
    let owner = house.user("owner", own, &[roles[0]], &[1, 2, 3, 4, 11]).await;
    let auditor = house.user("auditor", own, &[roles[0]], &[1, 2, 3, 4, 11, 101]).await;
    let foreign = house.user("foreign", other, &[other_roles[0]], &[1, 2, 3, 4, 11, 101]).await;
    house.app(ADMIN, "app", Some(1)).await;
    for user in [&owner, &auditor] {
        let profile = json!({ "name": "P", "oauthAppId": 1, "refreshToken": "r", "description": "text" });
        assert_eq!(house.post_as(user, PROFILES, &profile).await.status, StatusCode::CREATED);
        let source = json!({ "name": "S", "dataStore": 54, "description": "text", "options": {} });
        assert_eq!(house.post_as(user, SOURCES, &source).await.status, StatusCode::CREATED);
    }
    let then = house.ledger.size() - 1;
    let look = async |user: &str, query: &str, family: &str, id: u64| {
        house.get_as(user, &format!("{family}/{id}?asOf={then}{query}")).await
    };
    let gone = async |family: &str, id: u64| {
        let path = format!("{family}/{id}?user={}", if id == 1 { "owner" } else { "auditor" });
        house.send_as(ADMIN, Method::DELETE, &path, &[], Body::empty()).await.status
    };
    for family in [PROFILES, SOURCES] {
        let mut seen = look(&owner, "", family, 1).await;
        assert_eq!((seen.status, &seen.json()["description"]), (StatusCode::OK, &json!("text")));
        for deleted in [false, true] {
            // 1 is the owner's, 2 the auditor's own; nobody else sees them, but 12 on behalf.
            for (user, id, expected) in [
                (&owner, 1, if deleted { StatusCode::NOT_FOUND } else { StatusCode::OK }),
                (&auditor, 1, StatusCode::NOT_FOUND),
                (&auditor, 2, StatusCode::OK),
                (&owner, 2, StatusCode::NOT_FOUND),
                (&foreign, 1, StatusCode::NOT_FOUND),
                (&foreign, 2, StatusCode::NOT_FOUND),
            ] {
                let answer = look(user, "", family, id).await;
                assert_eq!(answer.status, expected, "{user} {family}/{id} deleted: {deleted}");
                if expected == StatusCode::NOT_FOUND {
                    let unknown = look(user, "", family, 987).await;
                    assert_eq!(
                        String::from_utf8_lossy(&answer.body).replace(&format!(": {id}"), ": N"),
                        String::from_utf8_lossy(&unknown.body).replace(": 987", ": N"),
                    );
                }
            }
            let for_him = look(ADMIN, "&user=owner", family, 1).await;
            assert_eq!(said(&for_him), said(&seen), "{family} deleted: {deleted}");
            seen = for_him;
            if !deleted {
                assert_eq!(
                    (gone(family, 1).await, gone(family, 2).await),
                    (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT)
                );
            }
        }
    }
}
