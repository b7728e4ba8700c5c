//! Roles replaced and deleted, and who holds them.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON};

const ROLES: &str = "/api/admin/roles";
/// Role 3's permissions and administrative access, but for 28.
const DELEGATE: &[u16] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21];

/// OrgA with a delegated administrator, who lives in it, and two users.
struct World {
    house: House,
    tenant: u64,
    /// Copies of the roles 2 and 3.
    user_role: u64,
    boss_role: u64,
    /// As `curl -u` takes them.
    boss: String,
    boss_id: u64,
    ann: u64,
    bob: u64,
}

impl World {
    async fn new() -> Self {
        let house = House::new(Config::default());
        let (tenant, roles) = house.tenant("OrgA").await;
        let (user_role, boss_role) = (roles[0], roles[1]);
        let boss = house.user("boss", tenant, &[boss_role], DELEGATE).await;
        house.user("ann", tenant, &[user_role], &[]).await;
        house.user("bob", tenant, &[user_role], &[]).await;
        let ids: Vec<u64> = house.ledger.read(|view| {
            view.state
                .users
                .of_tenant(events::id::TenantId(tenant), events::id::UserId(0))
                .map(|id| id.0)
                .collect()
        });
        let [boss_id, ann, bob] = ids[..] else { panic!("{ids:?}") };
        let admins = json!({ "admins": [boss_id] });
        let path = format!("/api/admin/tenants/{tenant}/admins");
        let given = put(&house, ADMIN, &path, &[], &admins).await;
        assert_eq!(given.status, StatusCode::OK, "{given:?}");
        Self { house, tenant, user_role, boss_role, boss, boss_id, ann, bob }
    }

    async fn role(&self, name: &str, permissions: Value, users: &[u64]) -> (u64, Answer) {
        let body =
            json!({ "name": name, "tenantId": self.tenant, "permissions": permissions, "users": users });
        let made = self.house.post_as(&self.boss, ROLES, &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        (made.json()["id"].as_u64().expect("a number"), made)
    }

    async fn put(&self, who: &str, role: u64, body: &Value) -> Answer {
        put(&self.house, who, &format!("{ROLES}/{role}"), &[], body).await
    }

    async fn get(&self, role: u64) -> Answer {
        self.house.get_as(ADMIN, &format!("{ROLES}/{role}")).await
    }

    fn roles_of(&self, user: u64) -> Vec<u64> {
        self.house.ledger.read(|view| {
            let row = view.state.users.rows.get(&events::id::UserId(user)).expect("he is there");
            row.roles.iter().map(|role| role.0).collect()
        })
    }
}

async fn put(house: &House, who: &str, path: &str, headers: &[&str], body: &Value) -> Answer {
    let headers = [&[JSON][..], headers].concat();
    house.send_as(who, Method::PUT, path, &headers, body.to_string()).await
}

async fn delete(house: &House, who: &str, path: &str) -> Answer {
    house.send_as(who, Method::DELETE, path, &[], Body::empty()).await
}

/// Status and code of a refusal.
fn said(answer: &Answer) -> (u16, u64) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn a_role_is_given_to_users_when_it_is_made_and_by_put() {
    let world = World::new().await;
    let (role, made) = world.role("Readers", json!([2]), &[world.ann]).await;
    assert_eq!(made.json()["users"], json!([world.ann]));
    assert_eq!(world.roles_of(world.ann), [world.user_role, role], "beside what he had");
    let shown = world.get(role).await;
    assert_eq!((shown.json(), shown.header("etag")), (made.json(), made.header("etag")));

    let mut body = shown.json();
    body["users"] = json!([world.bob, world.bob]);
    body["permissions"] = json!([2, 7]);
    let put = world.put(&world.boss, role, &body).await;
    body["users"] = json!([world.bob]);
    assert_eq!((put.status, put.json()), (StatusCode::OK, body));
    let shown = world.get(role).await;
    assert_eq!((shown.json(), shown.header("etag")), (put.json(), put.header("etag")));
    assert_eq!(
        (world.roles_of(world.ann), world.roles_of(world.bob)),
        (vec![world.user_role], vec![world.user_role, role])
    );

    // Without `users` nobody gets or loses it, and what else was left out is cleared.
    let bare = world.put(&world.boss, role, &json!({ "name": "Readers" })).await;
    let expected = json!({ "id": role, "name": "Readers", "tenantId": world.tenant, "permissions": [] });
    assert_eq!((bare.status, bare.json()), (StatusCode::OK, expected));
    assert_eq!(world.get(role).await.json()["users"], json!([world.bob]));
    // With none they all lose it.
    let none = world.put(&world.boss, role, &json!({ "name": "Readers", "users": [] })).await;
    assert_eq!((none.status, none.json()["users"].clone()), (StatusCode::OK, json!([])));
    assert_eq!(world.roles_of(world.bob), [world.user_role]);
}

#[tokio::test]
async fn the_etag_of_a_role_changes_with_its_users_wherever_they_are_changed() {
    let world = World::new().await;
    let (role, made) = world.role("Readers", json!([2]), &[]).await;
    let (other, _) = world.role("Others", json!([2]), &[world.ann]).await;
    let first = made.header("etag").expect("an ETag").to_owned();
    assert_eq!(world.get(role).await.header("etag"), Some(first.as_str()), "another role\'s user");
    world.house.user("cleo", world.tenant, &[role], &[]).await;
    let second = world.get(role).await.header("etag").expect("an ETag").to_owned();
    assert_ne!(first, second, "a new user holds it");
    let path = format!("{ROLES}/{role}");
    let body = json!({ "name": "Readers" });
    let stale = put(&world.house, ADMIN, &path, &[&format!("if-match: {first}")], &body).await;
    assert_eq!(said(&stale), (412, 222_299_013));
    let condition = format!("if-match: {first}");
    let gone = world.house.send_as(ADMIN, Method::DELETE, &path, &[&condition], Body::empty()).await;
    assert_eq!(said(&gone), (412, 222_299_013));
    let fresh = put(&world.house, ADMIN, &path, &[&format!("if-match: {second}")], &body).await;
    assert_eq!(fresh.status, StatusCode::OK);
    let known = format!("if-none-match: {}", fresh.header("etag").expect("an ETag"));
    let known = world.house.send_as(ADMIN, Method::GET, &path, &[&known], Body::empty()).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    assert_eq!(world.get(other).await.json()["users"], json!([world.ann]));
}

#[tokio::test]
async fn who_gets_or_loses_a_role_is_his_to_change_who_asks() {
    let world = World::new().await;
    let house = &world.house;
    let (other, _) = house.tenant("OrgB").await;
    let stranger_role = json!({ "name": "Strangers", "tenantId": other });
    let stranger_role =
        house.post_as(ADMIN, ROLES, &stranger_role).await.json()["id"].as_u64().expect("an id");
    house.user("stranger", other, &[stranger_role], &[]).await;
    let chief = json!({ "name": "Chiefs", "tenantId": world.tenant, "permissions": [28] });
    let chief = house.post_as(ADMIN, ROLES, &chief).await.json()["id"].as_u64().expect("an id");
    house.user("chief", world.tenant, &[world.user_role, chief], &[]).await;
    let last = house.ledger.read(|view| view.state.users.rows.all().last().expect("chief").0.0);
    let (stranger, chief_user) = (last - 1, last);
    let (role, _) = world.role("Readers", json!([2]), &[world.ann]).await;
    let before = house.state();
    let with = |users: &[u64]| json!({ "name": "Readers", "permissions": [2], "users": users });
    let unknown = world.put(&world.boss, role, &with(&[world.ann, 999])).await;
    assert_eq!(said(&unknown), (400, 222_207_916));
    let foreign = world.put(&world.boss, role, &with(&[world.ann, stranger])).await;
    assert_eq!(said(&foreign), (400, 222_207_916));
    let text = |answer: &Answer, id: u64| String::from_utf8_lossy(&answer.body).replace(&id.to_string(), "N");
    assert_eq!(text(&unknown, 999), text(&foreign, stranger), "to him one is as little there as the other");
    let himself = world.put(&world.boss, role, &with(&[world.ann, world.boss_id])).await;
    assert_eq!(said(&himself), (403, 222_208_103));
    let more = world.put(&world.boss, role, &with(&[world.ann, chief_user])).await;
    assert_eq!(said(&more), (403, 222_208_103), "he holds 28, and the boss does not");
    let granted = json!({ "name": "Readers", "permissions": [2, 28], "users": [world.ann] });
    assert_eq!(said(&world.put(&world.boss, role, &granted).await), (403, 222_208_103));
    let member = json!({ "name": "Chiefs", "permissions": [28], "users": [chief_user, world.ann] });
    let member = world.put(&world.boss, chief, &member).await;
    assert_eq!(said(&member), (403, 222_208_103), "membership gives 28 away as well");
    let stripped = world.put(&world.boss, chief, &json!({ "name": "Chiefs" })).await;
    assert_eq!(said(&stripped), (403, 222_208_103), "nor takes he what he does not hold");
    let only = json!({ "name": "User", "permissions": (1..=11).collect::<Vec<_>>(), "users": [world.ann] });
    assert_eq!(said(&world.put(ADMIN, world.user_role, &only).await), (409, 222_299_046), "his only role");
    assert_eq!(house.state(), before, "nothing of it happened");
    // His own may be repeated, and not be taken away.
    let bosses: Vec<u16> = DELEGATE.to_vec();
    let same = json!({ "name": "Tenant Administrator", "permissions": bosses, "users": [world.boss_id] });
    assert_eq!(world.put(&world.boss, world.boss_role, &same).await.status, StatusCode::OK);
    let gone = json!({ "name": "Tenant Administrator", "permissions": bosses, "users": [] });
    assert_eq!(said(&world.put(&world.boss, world.boss_role, &gone).await), (403, 222_208_103));
}

#[tokio::test]
async fn a_role_is_deleted_when_nobody_holds_it_and_shown_then_to_an_auditor() {
    let world = World::new().await;
    let house = &world.house;
    let (role, made) = world.role("Readers", json!([2]), &[world.ann]).await;
    let path = format!("{ROLES}/{role}");
    assert_eq!(said(&delete(house, &world.boss, &path).await), (409, 222_299_046));
    let then = house.ledger.size() - 1;
    world.put(&world.boss, role, &json!({ "name": "Readers", "users": [] })).await;
    let gone = delete(house, &world.boss, &path).await;
    assert_eq!((gone.status, gone.body.len()), (StatusCode::NO_CONTENT, 0));
    for method in [Method::GET, Method::DELETE] {
        let answer = house.send_as(&world.boss, method, &path, &[], Body::empty()).await;
        assert_eq!(said(&answer), (404, 222_207_924));
    }
    let again = json!({ "name": "Readers" });
    assert_eq!(said(&world.put(&world.boss, role, &again).await), (404, 222_207_924));
    let past = format!("{path}?asOf={then}");
    let mut expected = made.json();
    expected.as_object_mut().expect("an object").remove("users");
    let shown = house.get_as(ADMIN, &past).await;
    assert_eq!((shown.status, shown.json()), (StatusCode::OK, expected.clone()));
    assert_eq!(said(&house.get_as(&world.boss, &past).await), (404, 222_207_924), "he is no auditor");
    let auditor = [DELEGATE, &[101]].concat();
    let auditor = house.user("auditor", world.tenant, &[world.user_role], &auditor).await;
    assert_eq!(said(&house.get_as(&auditor, &past).await), (404, 222_207_924), "101 without access");
    let last = house.ledger.read(|view| view.state.users.rows.all().last().expect("auditor").0.0);
    let admins = format!("/api/admin/tenants/{}/admins", world.tenant);
    put(house, ADMIN, &admins, &[], &json!({ "admins": [world.boss_id, last] })).await;
    let shown = house.get_as(&auditor, &past).await;
    assert_eq!((shown.status, shown.json()), (StatusCode::OK, expected));
}

#[tokio::test]
async fn of_the_predefined_roles_only_the_users_change() {
    let house = House::new(Config::default());
    house.user("ann", 1, &[2], &[]).await;
    let before = house.state();
    let shown = house.get_as(ADMIN, &format!("{ROLES}/2")).await.json();
    for (property, value) in
        [("name", json!("Users")), ("permissions", json!([1, 2])), ("description", json!("text"))]
    {
        let mut body = shown.clone();
        body[property] = value;
        let answer = put(&house, ADMIN, &format!("{ROLES}/2"), &[], &body).await;
        assert_eq!(said(&answer), (409, 222_299_048), "{property}");
    }
    for id in 1..=3 {
        assert_eq!(said(&delete(&house, ADMIN, &format!("{ROLES}/{id}")).await), (409, 222_299_048));
    }
    assert_eq!(house.state(), before);
    let mut administrators = house.get_as(ADMIN, &format!("{ROLES}/1")).await.json();
    administrators["users"] = json!([1, 2]);
    let given = put(&house, ADMIN, &format!("{ROLES}/1"), &[], &administrators).await;
    assert_eq!((given.status, given.json()), (StatusCode::OK, administrators));
}

/// Both hold 12 by a role of their own, and nobody else holds it: each gives it up at the same moment.
#[tokio::test]
async fn of_two_requests_at_once_that_would_end_the_last_holders_of_12_one_is_refused() {
    for round in 0..8 {
        let house = House::new(Config::default());
        let role = async |name: &str| {
            let made = house.post_as(ADMIN, ROLES, &json!({ "name": name, "permissions": [12] })).await;
            made.json()["id"].as_u64().expect("an id")
        };
        let (first, second) = (role("First").await, role("Second").await);
        let ann = house.user("ann", 1, &[first], &[]).await;
        let bob = house.user("bob", 1, &[second], &[]).await;
        // The first administrator gets another role from her, and loses role 1.
        let as_shown = async |id: u64, users: Value| {
            let mut body = house.get_as(&ann, &format!("{ROLES}/{id}")).await.json();
            body["users"] = users;
            let answer = put(&house, &ann, &format!("{ROLES}/{id}"), &[], &body).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        };
        as_shown(2, json!([1])).await;
        as_shown(1, json!([])).await;
        let give_up = |who: String, name: &str, id: u64| {
            let (house, body) = (&house, json!({ "name": name, "permissions": [11] }));
            async move { put(house, &who, &format!("{ROLES}/{id}"), &[], &body).await }
        };
        let (one, other) = (give_up(ann, "First", first), give_up(bob, "Second", second));
        let (one, other) = if round % 2 == 0 {
            tokio::join!(one, other)
        } else {
            let (other, one) = tokio::join!(other, one);
            (one, other)
        };
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{one:?} {other:?}");
        let refused = if one.status == StatusCode::CONFLICT { one } else { other };
        assert_eq!(refused.code(), 222_299_047);
    }
}

#[tokio::test]
async fn repeated_requests_about_roles_happen_once_and_answer_the_same() {
    let world = World::new().await;
    let (role, _) = world.role("Readers", json!([2]), &[]).await;
    let path = format!("{ROLES}/{role}");
    let key = "idempotency-key: one";
    let body = json!({ "name": "Watchers", "permissions": [2], "description": "text", "users": [world.ann] });
    let first = put(&world.house, &world.boss, &path, &[key], &body).await;
    let later = json!({ "name": "Others", "users": [] });
    assert_eq!(world.put(&world.boss, role, &later).await.status, StatusCode::OK);
    let before = world.house.state();
    let second = put(&world.house, &world.boss, &path, &[key], &body).await;
    assert_eq!((second.status, &second.body), (StatusCode::OK, &first.body));
    assert_eq!(second.header("etag"), first.header("etag"));
    let key = "idempotency-key: two";
    for _ in 0..2 {
        let gone = world.house.send_as(&world.boss, Method::DELETE, &path, &[key], Body::empty()).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(world.house.state().0, before.0 + 1);
}

#[tokio::test]
async fn lists_in_a_body_have_their_bounds() {
    let world = World::new().await;
    let (role, _) = world.role("Readers", json!([2]), &[]).await;
    let many: Vec<u64> = (1..=1001).collect();
    for property in ["users", "permissions"] {
        let mut body = json!({ "name": "Readers" });
        body[property] = json!(many);
        assert_eq!(said(&world.put(ADMIN, role, &body).await), (400, 222_299_004), "{property}");
    }
    let moved = json!({ "name": "Readers", "tenantId": 1 });
    assert_eq!(said(&world.put(ADMIN, role, &moved).await), (400, 222_299_004));
    let other = json!({ "name": "Readers", "id": 1 });
    assert_eq!(said(&world.put(ADMIN, role, &other).await), (400, 222_299_004));
    let behalf =
        put(&world.house, ADMIN, &format!("{ROLES}/{role}?user=ann"), &[], &json!({ "name": "x" })).await;
    assert_eq!(said(&behalf), (400, 222_299_008));
}
