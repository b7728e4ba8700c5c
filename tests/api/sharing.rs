//! Permissions on data sources, `sharedUsers`, `sharedTenants` and `members`, from outside (hdp-api 4.2, 4.4, 4.5).

use std::ops::ControlFlow;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::codec::decode;
use events::envelope::{Actor, Envelope};
use events::id::{Sequence, UserId};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON, SOURCES};

const SECRET: &str = "nobody else's password";

/// OrgA with its owner, a receiver and a bystander, OrgB with a stranger; each holds the role of ordinary users, except the
/// receiver, who holds 11 alone.
struct Place {
    house: House,
    org_a: u64,
    org_b: u64,
    owner: String,
    receiver: String,
    bystander: String,
    stranger: String,
}

impl Place {
    async fn new() -> Place {
        let house = House::new(Config::default());
        let (org_a, roles_a) = house.tenant("OrgA").await;
        let (org_b, roles_b) = house.tenant("OrgB").await;
        let body = json!({ "name": "only 11", "tenantId": org_a, "permissions": [11] });
        let only_11 = house.post_as(ADMIN, "/api/admin/roles", &body).await.json()["id"].as_u64();
        let owner = house.user("owner", org_a, &[roles_a[0]], &[]).await;
        let receiver = house.user("receiver", org_a, &[only_11.expect("a role")], &[]).await;
        let bystander = house.user("bystander", org_a, &[roles_a[0]], &[]).await;
        let stranger = house.user("stranger", org_b, &[roles_b[0]], &[]).await;
        Place { house, org_a, org_b, owner, receiver, bystander, stranger }
    }

    /// With data source 1 of the owner's, which has a secret.
    async fn with_source() -> Place {
        let place = Place::new().await;
        place.source("Source", 1).await;
        place
    }

    async fn source(&self, name: &str, store: u64) {
        let mut body = json!({ "name": name, "dataStore": store });
        if store != 56 {
            body["options"] = json!({ "ODataVersion": "4", "Password": SECRET });
        }
        let made = self.house.post_as(&self.owner, SOURCES, &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    }

    async fn ask(&self, user: &str, method: Method, path: &str, body: &Value) -> Answer {
        self.house.send_as(user, method, &format!("{SOURCES}{path}"), &[JSON], body.to_string()).await
    }

    async fn get(&self, user: &str, path: &str) -> Answer {
        self.house.get_as(user, &format!("{SOURCES}{path}")).await
    }

    async fn delete(&self, user: &str, path: &str) -> Answer {
        self.house.send_as(user, Method::DELETE, &format!("{SOURCES}{path}"), &[], Body::empty()).await
    }

    async fn share(&self, source: u64, user: u64, permissions: &[u64]) -> Answer {
        let body = json!({ "sharedUsers": [{ "userId": user, "permissions": permissions }] });
        self.ask(&self.owner, Method::POST, &format!("/{source}/sharedUsers"), &body).await
    }

    /// Ids in somebody's list.
    async fn list(&self, user: &str, query: &str) -> String {
        let answer = self.get(user, query).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {answer:?}");
        let rows = answer.json()["dataSources"].as_array().cloned().expect("a list");
        rows.iter().map(|row| row["id"].as_str().expect("an id")).collect::<Vec<_>>().join(" ")
    }

    fn events(&self) -> Vec<Envelope> {
        let mut all = Vec::new();
        let reader = self.house.ledger.reader();
        let read = reader.read(Sequence(0), Sequence(self.house.ledger.size()), &mut |_, leaf| {
            all.push(decode(leaf).expect("an event"));
            ControlFlow::Continue(())
        });
        read.expect("memory reads");
        all
    }
}

/// Ids of users, in the order in which [`Place`] makes them, after the administrator.
const OWNER: u64 = 2;
const RECEIVER: u64 = 3;
const BYSTANDER: u64 = 4;
const STRANGER: u64 = 5;

fn name_of(envelope: &Envelope) -> &str {
    envelope.event.kind().0.name().expect("it has a name")
}

fn refused(answer: &Answer, status: u16, code: u64) {
    assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{answer:?}");
}

#[tokio::test]
async fn a_share_is_made_shown_changed_and_ended() {
    let place = Place::with_source().await;
    // The body as the page has it, but for the ids.
    let body = json!({ "sharedUsers": [
        { "userId": RECEIVER, "permissions": [5, 3, 2] }, { "userId": BYSTANDER.to_string(), "permissions": ["7"] },
    ] });
    let made = place.ask(&place.owner, Method::POST, "/1/sharedUsers", &body).await;
    assert_eq!((made.status, made.json()), (StatusCode::OK, json!({ "success": true })));
    let last = place.house.ledger.size() - 1;
    assert_eq!(made.header("etag"), Some(&*format!("\"{last}\"")));
    let shown = place.get(&place.owner, "/1/sharedUsers").await.json();
    let rows = json!([{ "userId": RECEIVER, "permissions": [2, 3, 5] }, { "userId": BYSTANDER, "permissions": [7] }]);
    assert_eq!(shown, json!({ "sharedUsers": rows }));
    let page = place.get(&place.owner, "/1/sharedUsers?limit=1").await.json();
    assert_eq!(page, json!({ "sharedUsers": [rows[0]], "next": RECEIVER }));
    let one = format!("/1/sharedUsers/{RECEIVER}");
    assert_eq!(place.get(&place.owner, &one).await.json(), json!({ "permissions": [2, 3, 5] }));
    let changed = place.ask(&place.owner, Method::PUT, &one, &json!({ "permissions": [4] })).await;
    assert_eq!((changed.status, changed.json()), (StatusCode::OK, json!({ "permissions": [4] })));
    // Sharing again replaces.
    place.share(1, BYSTANDER, &[2, 7]).await;
    let one_more = place.get(&place.owner, &format!("/1/sharedUsers/{BYSTANDER}")).await.json();
    assert_eq!(one_more, json!({ "permissions": [2, 7] }));
    let (path, tag) = (format!("{SOURCES}{one}"), format!("if-match: \"{last}\""));
    let stale = place.house.send_as(&place.owner, Method::DELETE, &path, &[&tag], Body::empty()).await;
    refused(&stale, 412, 222_299_013);
    assert_eq!(place.delete(&place.owner, &one).await.status, StatusCode::NO_CONTENT);
    refused(&place.delete(&place.owner, &one).await, 404, 222_207_916);
    refused(&place.get(&place.owner, &one).await, 404, 222_207_916);
    refused(&place.get(&place.owner, "/1/sharedUsers/x").await, 404, 222_207_916);
    refused(&place.delete(&place.owner, &format!("/9/sharedUsers/{RECEIVER}")).await, 404, 222_207_011);
    assert_eq!(
        place.get(&place.receiver, "/1").await.status,
        StatusCode::FORBIDDEN,
        "he has nothing any more"
    );
}

#[tokio::test]
async fn what_a_body_of_shares_may_not_be() {
    let place = Place::with_source().await;
    let item = |permissions: Value| json!([{ "userId": RECEIVER, "permissions": permissions }]);
    let twice =
        json!([{ "userId": RECEIVER, "permissions": [2] }, { "userId": RECEIVER, "permissions": [3] }]);
    let many: Vec<Value> = (0..501).map(|id| json!({ "userId": 1000 + id, "permissions": [2] })).collect();
    let before = place.house.state();
    for (users, code) in [
        (Value::Null, 222_299_001),
        (json!([]), 222_299_004),
        (json!([{ "userId": RECEIVER }]), 222_299_001),
        (json!([{ "permissions": [2] }]), 222_299_001),
        (json!([{ "userId": RECEIVER, "permissions": [2], "more": 1 }]), 222_299_003),
        (item(json!([])), 222_299_004),
        (item(json!([10])), 222_299_004),
        (item(json!([1])), 222_299_004),
        (item(json!([11])), 222_299_004),
        (item(json!("2")), 222_299_002),
        (twice, 222_299_004),
        (json!(many), 222_299_004),
        (json!([{ "userId": OWNER, "permissions": [2] }]), 222_299_004),
    ] {
        let body = json!({ "sharedUsers": users });
        let answer = place.ask(&place.owner, Method::POST, "/1/sharedUsers", &body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code), "{body}");
    }
    assert_eq!(place.house.state(), before);
}

/// SECURITY L9: whoever is in no reach is nobody, to the byte.
#[tokio::test]
async fn l9_who_is_out_of_reach_answers_like_nobody() {
    let place = Place::with_source().await;
    let same =
        |answer: &Answer, id: u64| String::from_utf8_lossy(&answer.body).replace(&format!(": {id}."), ": #.");
    let (foreign, nobody) = (place.share(1, STRANGER, &[2]).await, place.share(1, 99, &[2]).await);
    refused(&foreign, 400, 222_207_916);
    assert_eq!(same(&foreign, STRANGER), same(&nobody, 99));
    let with = |tenant: u64| json!({ "sharedTenants": [{ "tenantId": tenant, "permissions": [2] }] });
    let (to_b, to_none) = (with(place.org_b), with(99));
    let foreign = place.ask(&place.owner, Method::POST, "/1/sharedTenants", &to_b).await;
    let nowhere = place.ask(&place.owner, Method::POST, "/1/sharedTenants", &to_none).await;
    refused(&foreign, 400, 222_208_573);
    assert_eq!(same(&foreign, place.org_b), same(&nowhere, 99));
    // He sees his own tenant, and only administrators share with tenants.
    let own = place.ask(&place.owner, Method::POST, "/1/sharedTenants", &with(place.org_a)).await;
    refused(&own, 403, 222_208_103);
    for path in ["", "/sharedUsers", "/sharedTenants", "/members", "/permissions"] {
        let (theirs, none) = (
            place.get(&place.stranger, &format!("/1{path}")).await,
            place.get(&place.stranger, &format!("/7{path}")).await,
        );
        refused(&theirs, 404, 222_207_004);
        assert_eq!(same(&theirs, 1), same(&none, 7), "{path}");
    }
}

#[tokio::test]
async fn a_receiver_sees_the_data_source_and_no_secret_and_nothing_else() {
    let place = Place::with_source().await;
    place.source("Other", 1).await;
    assert_eq!(place.get(&place.receiver, "").await.status, StatusCode::FORBIDDEN, "11 alone has no list");
    place.share(1, RECEIVER, &[2]).await;
    let shown = place.get(&place.receiver, "/1?details=true").await;
    let expected = json!({ "id": "1", "name": "Source", "dataStore": 1, "connectionType": "Cloud", "isGroup": false,
        "options": { "ODataVersion": "4" }, "sharedByAnotherUser": true });
    assert_eq!((shown.status, shown.json()), (StatusCode::OK, expected));
    assert!(!place.house.facts().contains(&"SecretRevealed".to_owned()), "nothing was revealed");
    let plain = place.get(&place.receiver, "/1").await.json();
    assert_eq!(plain.get("sharedByAnotherUser"), None, "only with details=true");
    let past = place.house.ledger.size() - 1;
    let then = place.get(&place.receiver, &format!("/1?asOf={past}")).await;
    assert_eq!(then.json(), plain, "then as now");
    assert_eq!(place.list(&place.receiver, "?details=true").await, "1");
    let row = place.get(&place.receiver, "?details=true").await.json()["dataSources"][0].clone();
    assert_eq!((row["sharedByAnotherUser"].clone(), row.get("sharedWithAnotherUser")), (json!(true), None));
    // Another one of the owner's is as far away as ever, and so is what he may not do with this one.
    refused(&place.get(&place.receiver, "/2").await, 403, 222_208_103);
    refused(&place.delete(&place.receiver, "/1").await, 403, 222_208_103);
    refused(&place.get(&place.receiver, "/1/sharedUsers").await, 403, 222_208_103);
    // The owner's own looks.
    let own = place.get(&place.owner, "?details=true").await.json()["dataSources"].clone();
    assert_eq!((&own[0]["sharedWithAnotherUser"], own[1].get("sharedWithAnotherUser")), (&json!(true), None));
    assert_eq!(place.get(&place.owner, "/1").await.json()["options"]["Password"], json!(SECRET));
    // A source that is used and not viewed is in no list.
    place.share(1, RECEIVER, &[7]).await;
    assert_eq!(place.get(&place.receiver, "").await.status, StatusCode::FORBIDDEN);
    refused(&place.get(&place.receiver, "/1").await, 403, 222_208_103);
}

#[tokio::test]
async fn a_receiver_who_may_change_it_leaves_its_secrets_and_its_name() {
    let place = Place::with_source().await;
    place.share(1, RECEIVER, &[2, 3, 4]).await;
    let put = |body: Value| {
        let place = &place;
        async move { place.ask(&place.receiver, Method::PUT, "/1", &body).await }
    };
    let read = place.get(&place.receiver, "/1").await.json();
    let same = put(read.clone()).await;
    assert_eq!((same.status, same.json()), (StatusCode::OK, read), "what he got can be put back");
    let changed =
        json!({ "name": "Source", "description": "ours", "options": { "DefaultQueryOptions": "x" } });
    let answer = put(changed).await.json();
    assert_eq!(
        (&answer["options"], &answer["description"]),
        (&json!({ "DefaultQueryOptions": "x" }), &json!("ours"))
    );
    let options = place.get(&place.owner, "/1").await.json()["options"].clone();
    assert_eq!(options, json!({ "DefaultQueryOptions": "x", "Password": SECRET }), "sealed options stayed");
    for (body, status, code) in [
        (json!({ "name": "Other" }), 400, 222_299_004),
        (json!({ "name": "Source", "options": { "TokenURI": "https://his.example/" } }), 403, 222_208_103),
        (json!({ "name": "Source", "options": { "ConfigOptions": "x" } }), 403, 222_208_103),
        (json!({ "name": "Source", "options": { "Password": "" } }), 403, 222_208_103),
        (json!({ "name": "Source", "options": { "Password": "his" } }), 403, 222_208_103),
        (json!({ "name": "Source", "options": { "OAuthProfileId": "1" } }), 400, 222_207_710),
        (json!({ "name": "Source", "permissions": [2] }), 403, 222_208_103),
    ] {
        refused(&put(body).await, status, code);
    }
    assert_eq!(place.delete(&place.receiver, "/1").await.status, StatusCode::NO_CONTENT);
    refused(&place.get(&place.owner, "/1").await, 404, 222_207_004);
}

#[tokio::test]
async fn a_repetition_is_answered_as_long_as_the_share_lasts() {
    let place = Place::with_source().await;
    place.share(1, RECEIVER, &[2, 3]).await;
    let body = json!({ "name": "Source", "options": { "ODataVersion": "2" } }).to_string();
    let headers = [JSON, "idempotency-key: one"];
    let path = format!("{SOURCES}/1");
    let first = place.house.send_as(&place.receiver, Method::PUT, &path, &headers, body.clone()).await;
    assert_eq!((first.status, &first.json()["options"]["ODataVersion"]), (StatusCode::OK, &json!("2")));
    let size = place.house.ledger.size();
    let again = place.house.send_as(&place.receiver, Method::PUT, &path, &headers, body.clone()).await;
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    assert_eq!(place.house.ledger.size(), size);
    place.delete(&place.owner, &format!("/1/sharedUsers/{RECEIVER}")).await;
    let late = place.house.send_as(&place.receiver, Method::PUT, &path, &headers, body).await;
    refused(&late, 403, 222_208_103);
}

#[tokio::test]
async fn a_tenants_share_reaches_all_its_users_and_takes_the_place_of_theirs() {
    let place = Place::with_source().await;
    place.share(1, RECEIVER, &[2, 3]).await;
    let body = json!({ "sharedTenants": [{ "tenantId": place.org_a, "permissions": [2] }] });
    let shared = place.ask(ADMIN, Method::POST, "/1/sharedTenants?user=owner", &body).await;
    assert_eq!((shared.status, shared.json()), (StatusCode::OK, json!({ "success": true })));
    assert_eq!(place.get(&place.owner, "/1/sharedTenants").await.json(), body);
    assert_eq!(place.get(&place.owner, "/1/sharedUsers").await.json(), json!({ "sharedUsers": [] }));
    for user in [&place.receiver, &place.bystander, &place.owner] {
        assert_eq!(place.list(user, "").await, "1", "{user}");
    }
    refused(&place.share(1, BYSTANDER, &[2]).await, 409, 222_299_049);
    // Two facts of one command, both with who did it for whom.
    let events = place.events();
    let [dropped, made] = &events[events.len() - 2..] else { panic!("{} events", events.len()) };
    assert_eq!((name_of(dropped), name_of(made)), ("DataSourceUnshared", "DataSourceShared"));
    for envelope in [dropped, made] {
        let header = &envelope.header;
        assert_eq!((header.actor, header.on_behalf_of), (Actor::User(UserId(1)), Some(UserId(OWNER))));
        assert_eq!(header.command_count, 2);
    }
    let one = format!("/1/sharedTenants/{}", place.org_a);
    assert_eq!(place.get(&place.owner, &one).await.json(), json!({ "permissions": [2] }));
    assert_eq!(place.delete(&place.owner, &one).await.status, StatusCode::NO_CONTENT);
    refused(&place.delete(&place.owner, &one).await, 404, 222_208_573);
    assert_eq!(place.list(&place.bystander, "").await, "");
}

#[tokio::test]
async fn permissions_are_set_for_an_owner_and_bind_him() {
    let place = Place::new().await;
    let body =
        json!({ "name": "Source", "dataStore": 1, "permissions": [7], "options": { "Password": SECRET } });
    refused(&place.house.post_as(&place.owner, SOURCES, &body).await, 403, 222_208_103);
    let path = format!("{SOURCES}?user=owner");
    let made = place.house.post_as(ADMIN, &path, &body).await;
    assert_eq!((made.status, &made.json()["permissions"]), (StatusCode::CREATED, &json!([7])));
    let events = place.events();
    let names: Vec<&str> = events[events.len() - 2..].iter().map(name_of).collect();
    assert_eq!(names, ["DataSourceCreated", "DataSourcePermissionsSet"]);
    // He may use it and not even look.
    refused(&place.get(&place.owner, "/1").await, 403, 222_208_103);
    refused(&place.delete(&place.owner, "/1").await, 403, 222_208_103);
    assert_eq!(place.list(&place.owner, "").await, "");
    let seen = place.get(ADMIN, "/1/permissions?user=owner").await;
    assert_eq!((seen.status, seen.json()), (StatusCode::OK, json!({ "permissions": [7] })));
    for (path, status) in [("/1/permissions", 404), ("/1/permissions?user=bystander", 404)] {
        let answer = place.ask(ADMIN, Method::PUT, path, &json!({ "permissions": [2] })).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    let path = "/1/permissions?user=owner";
    let set = place.ask(ADMIN, Method::PUT, path, &json!({ "permissions": [10, 3, 2] })).await;
    assert_eq!((set.status, set.json()), (StatusCode::OK, json!({ "permissions": [2, 3, 10] })));
    let read = place.get(&place.owner, "/1").await.json();
    assert_eq!(read["permissions"], json!([2, 3, 10]));
    let back = place.ask(&place.owner, Method::PUT, "/1", &read).await;
    assert_eq!((back.status, &back.json()["permissions"]), (StatusCode::OK, &read["permissions"]));
    let mut more = read;
    more["permissions"] = json!([2, 3, 4]);
    refused(&place.ask(&place.owner, Method::PUT, "/1", &more).await, 403, 222_208_103);
    assert_eq!(place.ask(ADMIN, Method::PUT, "/1?user=owner", &more).await.status, StatusCode::OK);
    refused(&place.ask(&place.owner, Method::PUT, "/1/permissions", &json!({})).await, 403, 222_208_103);
    for wrong in [json!([1]), json!([11]), json!([12]), json!([8])] {
        let answer = place.ask(ADMIN, Method::PUT, path, &json!({ "permissions": wrong })).await;
        refused(&answer, 400, 222_299_004);
    }
    // Taken away, it is again what his role gives him.
    let gone = place.ask(ADMIN, Method::PUT, path, &json!({ "permissions": null })).await;
    assert_eq!((gone.status, gone.json()), (StatusCode::OK, json!({ "permissions": null })));
    let his = place.get(&place.owner, "/1/permissions").await.json();
    assert_eq!(his, json!({ "permissions": [2, 3, 4, 5, 6, 7, 10] }));
    place.share(1, RECEIVER, &[2, 5]).await;
    assert_eq!(place.get(&place.receiver, "/1/permissions").await.json(), json!({ "permissions": [2, 5] }));
}

#[tokio::test]
async fn a_group_has_members_and_lists_find_it_by_them() {
    let place = Place::new().await;
    for (name, store) in [("sales", 1), ("stock", 1), ("group", 56), ("other", 56)] {
        place.source(name, store).await;
    }
    let sal = json!({ "members": [{ "id": 1, "entityPrefix": "sal" }] });
    let added = place.ask(&place.owner, Method::POST, "/3/members", &sal).await;
    assert_eq!((added.status, added.json()), (StatusCode::OK, json!({ "success": true })));
    let both = json!({ "members": [{ "id": 1, "entityPrefix": "sal" }, { "id": 2, "entityPrefix": "stk" }] });
    place.ask(&place.owner, Method::PUT, "/4/members", &both).await;
    let read = place.get(&place.owner, "/4/members").await.json();
    let rows = json!([{ "id": "1", "entityPrefix": "sal" }, { "id": "2", "entityPrefix": "stk" }]);
    assert_eq!(read, json!({ "members": rows }));
    let back = place.ask(&place.owner, Method::PUT, "/4/members", &read).await;
    assert_eq!(back.status, StatusCode::OK, "what was read can be put back");
    let page = place.get(&place.owner, "/4/members?limit=1&after=1").await.json();
    assert_eq!(page, json!({ "members": [rows[1]] }));
    for (query, expected) in [
        ("?member=1", "3 4"),
        ("?member=2", "4"),
        ("?member=1;type=group", "3 4"),
        ("?type=group;member=2", "4"),
        ("?member=1;type=simple", ""),
        ("?member=1&isOData=true", ""),
        ("?member=1&limit=1", "3"),
        ("?member=3", ""),
        ("?member=99", ""),
    ] {
        assert_eq!(place.list(&place.owner, query).await, expected, "{query}");
    }
    assert_eq!(place.list(&place.bystander, "?member=1").await, "", "like a member that is not there");
    let long = "x".repeat(65);
    for (path, body, code) in [
        ("/1/members", &sal, 222_299_004),
        ("/3/members", &json!({ "members": [{ "id": 4, "entityPrefix": "g" }] }), 222_299_004),
        ("/3/members", &json!({ "members": [{ "id": 2, "entityPrefix": "sal" }] }), 222_299_004),
        ("/3/members", &json!({ "members": [{ "id": 2, "entityPrefix": "" }] }), 222_299_004),
        ("/3/members", &json!({ "members": [{ "id": 2, "entityPrefix": long }] }), 222_299_004),
        ("/3/members", &json!({ "members": [{ "id": 2 }] }), 222_299_001),
        ("/3/members", &json!({}), 222_299_001),
        ("/3/members", &json!({ "members": [{ "id": 99, "entityPrefix": "x" }] }), 222_207_004),
    ] {
        let answer = place.ask(&place.owner, Method::POST, path, body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code), "{path} {body}");
    }
    assert_eq!(place.get(&place.owner, "/1/members").await.json(), json!({ "members": [] }));
    // What is deleted leaves its groups, each of which says so.
    assert_eq!(place.delete(&place.owner, "/1").await.status, StatusCode::NO_CONTENT);
    let facts = place.house.facts();
    let last = &facts[facts.len() - 3..];
    assert_eq!(last, ["DataSourceMembersChanged", "DataSourceMembersChanged", "DataSourceDeleted"]);
    assert_eq!(place.get(&place.owner, "/3/members").await.json(), json!({ "members": [] }));
    assert_eq!(place.delete(&place.owner, "/4/members/2").await.status, StatusCode::NO_CONTENT);
    refused(&place.delete(&place.owner, "/4/members/2").await, 404, 222_207_004);
    refused(&place.delete(&place.owner, "/4/members/x").await, 404, 222_207_004);
    let none = place.ask(&place.owner, Method::PUT, "/4/members", &json!({ "members": [] })).await;
    assert_eq!(none.status, StatusCode::OK);
}

#[tokio::test]
async fn a_group_is_shared_after_its_members() {
    let place = Place::new().await;
    for (name, store) in [("sales", 1), ("stock", 1), ("group", 56)] {
        place.source(name, store).await;
    }
    let both = json!({ "members": [{ "id": 1, "entityPrefix": "sal" }, { "id": 2, "entityPrefix": "stk" }] });
    place.ask(&place.owner, Method::PUT, "/3/members", &both).await;
    refused(&place.share(3, RECEIVER, &[2, 7]).await, 409, 222_299_046);
    for member in [1, 2] {
        place.share(member, RECEIVER, &[7]).await;
    }
    assert_eq!(place.share(3, RECEIVER, &[2, 7]).await.status, StatusCode::OK);
    let seen = place.get(&place.receiver, "/3/members").await.json();
    assert_eq!(seen["members"].as_array().map(Vec::len), Some(2));
    assert_eq!(place.list(&place.receiver, "?member=1").await, "3");
    // A member that is shared no more is not shown to him, though it is still in the group.
    place.delete(&place.owner, &format!("/1/sharedUsers/{RECEIVER}")).await;
    let seen = place.get(&place.receiver, "/3/members").await.json();
    assert_eq!(seen, json!({ "members": [{ "id": "2", "entityPrefix": "stk" }] }));
    assert_eq!(place.list(&place.receiver, "?member=1").await, "");
    refused(&place.delete(&place.receiver, "/3/members/2").await, 403, 222_208_103);
}
