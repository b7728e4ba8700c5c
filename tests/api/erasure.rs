//! Who is deleted is erased: his name, his addresses and his secrets can't be read any more, and nothing else is lost.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::time::Duration;

use authledger::config::Config;
use authledger::ledger::start::fold;
use authledger::ledger::store::LogStore;
use authledger::vault::entries;
use authledger::vault::{VaultError, login::LoginName};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::envelope::Envelope;
use events::event::Event;
use events::id::{Sequence, UserId};
use events::sealed::KeyId;
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON, PASSWORD, PROFILES, SOURCES};

const USERS: &str = "/api/admin/users";
const NAME: &str = "Erasmus of Rotterdam";
const SECOND_NAME: &str = "Desiderius";
const ADDRESS: &str = "203.0.113.77";
const SECRET: &str = "moriae encomium";
const FROM: &str = "x-forwarded-for: 203.0.113.77";

/// Everything that must not be readable afterwards.
const PERSONAL: [&str; 5] = ["Erasmus", "Rotterdam", SECOND_NAME, ADDRESS, SECRET];

/// A server behind a proxy on its own machine.
fn house() -> House {
    let mut config = Config::default();
    config.server.behind_proxy = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    config.auth.account_failures_per_minute = 1000;
    config.auth.address_failures_per_minute = 1000;
    House::new(config)
}

fn body(name: &str) -> Value {
    json!({
        "userName": name, "statusInfo": {"status": 1}, "passwordInfo": {"password": PASSWORD},
        "permissions": {"roles": [2], "permissions": [28]},
    })
}

async fn create(house: &House, name: &str, key: &str) -> Answer {
    let key = format!("idempotency-key: {key}");
    house.send_as(ADMIN, Method::POST, USERS, &[JSON, &key], body(name).to_string()).await
}

async fn delete(house: &House, user: &str, path: &str, headers: &[&str]) -> Answer {
    house.send_as(user, Method::DELETE, path, headers, Body::empty()).await
}

/// A user with a second name, things of his own, from an address of his; answers with his id.
async fn lived(house: &House) -> u64 {
    let made = create(house, NAME, "made").await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let id = made.json()["id"].as_u64().expect("an id");
    let his = format!("{NAME}:{PASSWORD}");
    let app = house.app(ADMIN, "app", None).await.json()["id"].clone();
    let profile = json!({"name": "p", "oauthAppId": app, "description": SECRET, "refreshToken": SECRET});
    let source = json!({"name": "s", "dataStore": 1, "description": SECRET, "options": {"Password": SECRET}});
    for (path, body) in [(PROFILES, profile), (SOURCES, source)] {
        let made = house.send_as(&his, Method::POST, path, &[JSON, FROM], body.to_string()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    }
    let mut renamed = body(SECOND_NAME);
    renamed.as_object_mut().expect("an object").remove("passwordInfo");
    let path = format!("{USERS}/{id}");
    let put = house.send_as(ADMIN, Method::PUT, &path, &[JSON], renamed.to_string()).await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    id
}

fn every_event(house: &House) -> Vec<Envelope> {
    let mut events = Vec::new();
    let until = Sequence(house.ledger.size());
    house
        .ledger
        .reader()
        .read(Sequence(0), until, &mut |_, leaf| {
            events.push(events::codec::decode(leaf).expect("an event"));
            ControlFlow::Continue(())
        })
        .expect("memory reads");
    events
}

/// The keys that sealed anything of his.
fn his_keys(house: &House, id: u64) -> Vec<KeyId> {
    house.ledger.read(|view| {
        let state = &view.state;
        let user = state.users.rows.get(&UserId(id)).map(|row| row.key_id());
        let profiles = state.oauth_profiles.rows.all().map(|(_, row)| row.key_id());
        let sources = state.data_sources.rows.all().map(|(_, row)| row.key_id);
        user.into_iter().chain(profiles).chain(sources).collect()
    })
}

#[tokio::test]
async fn l7_nothing_personal_of_a_deleted_user_can_be_read_and_his_ids_remain() {
    let house = house();
    let id = lived(&house).await;
    let path = format!("{USERS}/{id}");
    let keys = his_keys(&house, id);
    assert_eq!(keys.len(), 3);
    let shown_before = house.get_as(ADMIN, &path).await.json();
    assert_eq!(shown_before["userName"], SECOND_NAME);
    let living = house.ledger.size() - 1;

    let gone = delete(&house, ADMIN, &path, &[]).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    let facts = house.facts();
    assert_eq!(facts[facts.len() - 3..], ["DataSourceDeleted", "OAuthProfileDeleted", "UserDeleted"]);

    // Through the server: not there, and what was there says that it was erased.
    assert_eq!(house.get_as(ADMIN, &path).await.code(), 222_207_916);
    let then = house.get_as(ADMIN, &format!("{path}?asOf={living}")).await;
    assert_eq!((then.status, then.json()["userName"].as_str()), (StatusCode::OK, Some("erased")), "{then:?}");
    assert_eq!(then.json()["id"], id, "that he was there remains");
    let mut said = vec![then];
    for path in [
        USERS.to_owned(),
        format!("/api/audit/objects/user/{id}/history"),
        "/api/audit/objects/oauth_profile/1/history".to_owned(),
        "/api/audit/objects/data_source/1/history".to_owned(),
        format!("{PROFILES}/1?asOf={living}&user=d2cadmin"),
    ] {
        said.push(house.get_as(ADMIN, &path).await);
    }
    for answer in &said {
        let text = String::from_utf8_lossy(&answer.body);
        for personal in PERSONAL {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
    }
    let history = said[2].json();
    let told = history["events"].as_array().expect("events");
    let types: Vec<&str> = told.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(types, ["UserDeleted", "UserUpdated", "UserCreated"]);
    assert!(told.iter().all(|event| event["tenant"] == 1));

    // In the log, in the state, in memory, and in the key store.
    let log = every_event(&house);
    let his_origins = log.iter().filter(|event| event.header.actor.to_string() == format!("user/{id}"));
    let his_origins: Vec<_> = his_origins.filter_map(|event| event.header.origin.as_ref()).collect();
    assert_eq!(his_origins.len(), 2, "of the two requests that he sent himself");
    assert!(his_origins.iter().all(|origin| origin.key_id == keys[0]));
    let vault = house.ledger.vault();
    let store = house.disk.open().keys();
    for key in &keys {
        assert!(matches!(vault.data_key(key), Err(VaultError::Erased { .. })));
        assert_eq!(store.get(&entries::data_key(key)).expect("reads"), None);
    }
    let mut logins = Vec::new();
    store
        .scan(entries::LOGIN_PREFIX, &mut |key, value| logins.extend(entries::parse_login(key, value)))
        .expect("reads");
    assert!(!logins.iter().any(|(_, user)| user.0 == id), "no tag of a name of his is left");
    house.ledger.read(|view| {
        for name in [NAME, SECOND_NAME] {
            let tag = vault.login_tag(&LoginName::parse(name).expect("a name"));
            assert!(!view.logins.has(&tag));
        }
        let state = &view.state;
        assert!(!state.users.rows.has(&UserId(id)));
        assert_eq!(state.oauth_profiles.rows.all().count() + state.data_sources.rows.all().count(), 0);
    });

    // The log is whole, and what it adds up to is what is served.
    let store = house.disk.open();
    let folded = fold(&*store.reader(), Sequence(store.head().size), &mut |_| {}).expect("the log verifies");
    assert_eq!(folded.view.state.digest().to_string(), house.state().1);
    let deleted = log.iter().find_map(|event| match &event.event {
        Event::UserDeleted(deleted) => Some(deleted.key_id),
        _ => None,
    });
    assert_eq!(deleted, Some(keys[0]), "it names the key that was destroyed");
}

#[tokio::test]
async fn what_he_had_deleted_before_is_erased_with_him() {
    let house = house();
    let id = lived(&house).await;
    let keys = his_keys(&house, id);
    assert_eq!(keys.len(), 3);
    let living = house.ledger.size() - 1;
    let his = format!("{SECOND_NAME}:{PASSWORD}");
    for path in [SOURCES, PROFILES] {
        let gone = delete(&house, &his, &format!("{path}/1"), &[]).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    }
    assert_eq!(his_keys(&house, id).len(), 1);
    assert!(keys.iter().all(|key| house.ledger.vault().data_key(key).is_ok()), "as long as he is there");
    // The state that has it is the one that a restart reads.
    let store = house.disk.open();
    let folded = fold(&*store.reader(), Sequence(store.head().size), &mut |_| {}).expect("the log verifies");
    assert_eq!(folded.view.state.digest().to_string(), house.state().1);

    let gone = delete(&house, ADMIN, &format!("{USERS}/{id}"), &[]).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(house.facts().last().map(String::as_str), Some("UserDeleted"));
    let vault = house.ledger.vault();
    let store = house.disk.open().keys();
    for key in &keys {
        assert!(matches!(vault.data_key(key), Err(VaultError::Erased { .. })));
        assert_eq!(store.get(&entries::data_key(key)).expect("reads"), None);
    }
    for path in [
        format!("{SOURCES}/1?asOf={living}&user=d2cadmin"),
        "/api/audit/objects/oauth_profile/1/history".to_owned(),
        "/api/audit/objects/data_source/1/history".to_owned(),
    ] {
        let said = house.get_as(ADMIN, &path).await;
        let text = String::from_utf8_lossy(&said.body);
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn who_is_gone_leaves_his_name_and_nothing_else_to_who_comes_after() {
    let house = house();
    let first = create(&house, "ann", "first").await.json()["id"].as_u64().expect("an id");
    let ann = format!("ann:{PASSWORD}");
    assert_eq!(house.get_as(&ann, SOURCES).await.status, StatusCode::OK);
    let before = house.argon2_runs();
    assert_eq!(house.get_as(&ann, SOURCES).await.status, StatusCode::OK);
    assert_eq!(house.argon2_runs(), before, "remembered");
    let path = format!("{USERS}/{first}");
    assert_eq!(delete(&house, ADMIN, &path, &[]).await.status, StatusCode::NO_CONTENT);
    let dead = house.get_as(&ann, SOURCES).await;
    assert_eq!((dead.status, dead.code()), (StatusCode::UNAUTHORIZED, 222_206_007));
    assert_eq!(house.argon2_runs(), before + 1, "judged like a name that never was");

    // Another one of that name is somebody else, whom neither the password nor a lock of the first one concerns.
    let mut other = body("Ann");
    other["passwordInfo"]["password"] = json!("quiet maple lantern orbit");
    let second = house.post_as(ADMIN, USERS, &other).await;
    assert_eq!(second.status, StatusCode::CREATED, "{second:?}");
    let second = second.json()["id"].as_u64().expect("an id");
    assert_ne!(second, first, "ids are never given twice");
    assert_eq!(house.get_as(&ann, SOURCES).await.status, StatusCode::UNAUTHORIZED);
    for _ in 0..3 {
        house.get_as("ann:wrong", SOURCES).await;
    }
    house.until(|house| house.facts().last().is_some_and(|fact| fact == "UserLocked")).await;
    assert_eq!(delete(&house, ADMIN, &format!("{USERS}/{second}"), &[]).await.status, StatusCode::NO_CONTENT);
    create(&house, "ann", "third").await;
    assert_eq!(house.get_as(&ann, SOURCES).await.status, StatusCode::OK, "the lock went with him");
}

#[tokio::test]
async fn what_was_asked_for_him_is_not_answered_again_and_what_ended_him_is() {
    let house = house();
    let made = create(&house, "ann", "same").await;
    assert_eq!(made.body, create(&house, "ann", "same").await.body, "as long as he is there");
    let path = format!("{USERS}/{}", made.json()["id"]);
    let key = ["idempotency-key: end"];
    let first = delete(&house, ADMIN, &path, &key).await;
    assert_eq!(first.status, StatusCode::NO_CONTENT);
    let size = house.ledger.size();
    let unreadable = create(&house, "ann", "same").await;
    assert_eq!((unreadable.status, unreadable.code()), (StatusCode::CONFLICT, 222_299_016));
    let again = delete(&house, ADMIN, &path, &key).await;
    assert_eq!(
        (again.status, again.header("ledger-sequence")),
        (StatusCode::NO_CONTENT, first.header("ledger-sequence"))
    );
    assert_eq!(house.ledger.size(), size);
    assert_eq!(
        delete(&house, ADMIN, &path, &[]).await.code(),
        222_207_916,
        "without the key he is not there"
    );
    house.clock.advance(Duration::from_hours(24));
    assert_eq!(
        create(&house, "ann", "same").await.status,
        StatusCode::CREATED,
        "it was remembered for a day"
    );
}

#[tokio::test]
async fn who_may_not_delete_does_not_and_what_becomes_of_applications_is_said_in_one_way() {
    let house = house();
    let id = lived(&house).await;
    let path = format!("{USERS}/{id}");
    let before = house.state();
    for query in ["?force=1", "?transferTo=bob", "?force=true&transferTo=1"] {
        let refused = delete(&house, ADMIN, &format!("{path}{query}"), &[]).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, 222_299_008), "{query}");
    }
    let own = delete(&house, ADMIN, &format!("{USERS}/1"), &[]).await;
    assert_eq!((own.status, own.code()), (StatusCode::FORBIDDEN, 222_208_103), "nobody deletes himself");
    let stale = delete(&house, ADMIN, &path, &["if-match: \"1\""]).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(delete(&house, ADMIN, &format!("{USERS}/x"), &[]).await.code(), 222_207_916);
    assert_eq!(house.state(), before);
}
