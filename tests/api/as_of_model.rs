//! Whatever is done, each object as of each event and time is what a GET answered right after it.

use std::time::Duration;

use authledger::clock::Clock;
use authledger::config::{Config, Reveal};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, House, JSON, PROFILES, SOURCES, app_body};

/// Each with how many of it there are from the beginning.
const FAMILIES: [(&str, u64); 5] =
    [(APPS, 0), (PROFILES, 0), (SOURCES, 0), ("/api/admin/tenants", 1), ("/api/admin/roles", 3)];
/// Ids that are looked at past those, whether there is such an object or not.
const IDS: std::ops::Range<u64> = 1..4;
/// Lists over other objects' histories, which the past comes without.
const LISTS: [&str; 2] = ["roles", "users"];

#[derive(Clone, Debug)]
enum Step {
    /// Of a family, naming an object of the family before it.
    Create(usize, u64),
    /// With a description or without, naming another object.
    Put(usize, u64, bool, u64),
    Delete(usize, u64),
    Later(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let family = 0..FAMILIES.len();
    let step = prop_oneof![
        4 => (family.clone(), IDS).prop_map(|(family, other)| Step::Create(family, other)),
        4 => (family.clone(), IDS, any::<bool>(), IDS)
            .prop_map(|(family, id, described, other)| Step::Put(family, id, described, other)),
        1 => (family, IDS).prop_map(|(family, id)| Step::Delete(family, id)),
        2 => (0..2_000_000_u64).prop_map(Step::Later),
    ];
    prop::collection::vec(step, 1..25)
}

/// The address of one of a family.
fn one(family: usize, id: u64) -> String {
    let (path, before) = FAMILIES[family];
    format!("{path}/{}", id + before)
}

fn body(family: usize, name: &str, described: bool, other: u64, create: bool) -> Value {
    let mut body = match family {
        0 => app_body(name),
        1 => json!({ "name": name, "oauthAppId": other, "refreshToken": "r", "description": "text" }),
        3 if create => {
            json!({ "name": name, "parentTenant": 1, "importedRoles": [2], "description": "text" })
        }
        3 => json!({ "name": name, "status": other % 2, "description": "text" }),
        4 if create => {
            json!({ "name": name, "tenantId": other, "permissions": [other], "description": "text" })
        }
        4 => json!({ "name": name, "permissions": [other], "users": [], "description": "text" }),
        _ => {
            let options = json!({ "OAuthProfileId": other, "Password": "p", "ConfigOptions": name });
            json!({ "name": name, "dataStore": 54, "description": "text", "options": options })
        }
    };
    if !described {
        body["description"] = Value::Null;
    }
    body
}

async fn act(house: &House, number: usize, step: &Step) {
    let send = async |method, path: String, body: String| {
        house.send_as(ADMIN, method, &path, &[JSON], Body::from(body)).await;
    };
    match *step {
        Step::Create(family, other) => {
            let body = body(family, &format!("made_{number}"), true, other, true);
            send(Method::POST, FAMILIES[family].0.to_owned(), body.to_string()).await;
        }
        Step::Put(family, id, described, other) => {
            let body = body(family, &format!("put_{number}"), described, other, false);
            send(Method::PUT, one(family, id), body.to_string()).await;
        }
        Step::Delete(family, id) => {
            send(Method::DELETE, one(family, id), String::new()).await;
        }
        Step::Later(micros) => house.clock.advance(Duration::from_micros(micros)),
    }
}

/// What the answers about all objects say.
type Seen = Vec<(StatusCode, Value)>;

async fn look(house: &House, query: &str) -> Seen {
    let mut seen = Vec::new();
    for family in 0..FAMILIES.len() {
        for id in IDS {
            let answer = house.get_as(ADMIN, &format!("{}{query}", one(family, id))).await;
            let mut body = answer.json();
            let properties = body.as_object_mut().expect("an object");
            properties.retain(|name, _| !LISTS.contains(&name.as_str()));
            seen.push((answer.status, body));
        }
    }
    seen
}

async fn holds(steps: &[Step]) {
    let mut config = Config::default();
    // GETs that show no secrets and record nothing can be compared with the past.
    config.secrets.reveal = Reveal::Never;
    let house = House::new(config);
    let mut record: Vec<(u64, Timestamp, Seen)> =
        vec![(house.ledger.size() - 1, house.clock.now(), look(&house, "").await)];
    for (number, step) in steps.iter().enumerate() {
        let before = house.ledger.size();
        act(&house, number, step).await;
        if house.ledger.size() > before {
            record.push((house.ledger.size() - 1, house.clock.now(), look(&house, "").await));
        }
    }
    let state = house.state();
    for (at, (sequence, time, then)) in record.iter().enumerate() {
        assert_eq!(&look(&house, &format!("?asOf={sequence}")).await, then, "as of {sequence}");
        // Several commands may carry one time: it shows what the last of them left.
        let last = record.iter().rev().find(|row| row.1 == *time).expect("itself, if no other");
        assert_eq!(look(&house, &format!("?asOf={time}")).await, last.2, "as of {time}");
        // Inside a command each object is as before it or as after it.
        let Some((earlier, _, before)) = at.checked_sub(1).map(|at| &record[at]) else { continue };
        for inside in earlier + 1..*sequence {
            let seen = look(&house, &format!("?asOf={inside}")).await;
            for (seen, (before, after)) in seen.iter().zip(before.iter().zip(then)) {
                assert!(seen == before || seen == after, "as of {inside}: {seen:?}");
            }
        }
    }
    assert_eq!(house.state(), state, "looking back records nothing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_past_is_what_was_answered_then(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(holds(&steps));
    }
}
