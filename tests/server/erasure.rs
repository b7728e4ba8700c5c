//! L7: a deleted user stays erased over a kill, a snapshot from before his end and a restart, and the log verifies without him.

use serde_json::{Value, json};

use crate::answers::Client;
use crate::hunt::{Canary, Hunt};
use crate::place::Place;

const USERS: &str = "/api/admin/users";

fn make(admin: &Client, name: &str, password: &str) -> u64 {
    let body = json!({
        "userName": name, "statusInfo": { "status": 1 }, "passwordInfo": { "password": password },
        "permissions": { "roles": [2] },
    });
    let made = admin.send("POST", USERS, &[], Some(&body)).expect("is answered");
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_u64().expect("an id")
}

#[test]
fn l7_an_erased_user_stays_erased_after_a_kill_with_a_snapshot_from_before() {
    let name = Canary::plain("name");
    let canaries = [name];
    let hunt = Hunt::new(&canaries);
    let name = canaries[0].text.as_str();
    let password = "anchor spoon violet tundra";
    let place = Place::new();
    let server = place.serve();
    let admin = server.admin();
    let id = make(&admin, name, password);
    let path = format!("{USERS}/{id}");
    let living = admin.get(&path);
    assert_eq!(living.json()["userName"], json!(name));
    let sequence = living.header("etag").expect("a tag").trim_matches('"').to_owned();
    let snapshot = admin.send("POST", "/api/operate/snapshots", &[], None).expect("is answered");
    assert_eq!(snapshot.status, 201, "{}", snapshot.text());
    let deleted = admin.send("DELETE", &path, &[], None).expect("is answered");
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    server.kill();

    let server = place.serve();
    let admin = server.admin();
    assert_eq!(admin.get(&path).status, 404);
    let then = admin.get(&format!("{path}?asOf={sequence}"));
    assert_eq!((then.status, &then.json()["userName"]), (200, &json!("erased")));
    let old = Client::new(server.address(), Some((name, password)));
    assert_eq!(old.get("/api/mgmt/permissions").status, 401);
    let history = admin.get(&format!("/api/audit/objects/user/{id}/history"));
    hunt.through("his history", &history.body);
    let next = make(&admin, name, "quiet maple lantern orbit");
    assert!(next > id, "an id is never given twice");
    let again = admin.send("DELETE", &format!("{USERS}/{next}"), &[], None).expect("is answered");
    assert_eq!(again.status, 204);
    assert!(server.stop().success());

    let size = place.verified();
    let told = place.offline("events", &["--format", "jsonl"]);
    hunt.through("what the log tells", told.as_bytes());
    hunt.through("a dump", &place.offline_bytes("events", &["--format", "leaves"]));
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    assert_eq!(told.len() as u64, size);
    let of = |kind: &str| told.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((of("UserCreated"), of("UserDeleted")), (3, 2), "that they were there remains");
}
