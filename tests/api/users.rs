//! Users, whole and part by part, from outside (hdp-api 6.4, 9.23, 9.25).

use std::time::Duration;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON, PASSWORD, PROFILES, SOURCES};

const USERS: &str = "/api/admin/users";
const CHANGE: &str = "/api/admin/userdetails/changePassword";
const NEW: &str = "quiet maple lantern orbit";

fn house() -> House {
    House::new(Config::default())
}

async fn put(house: &House, user: &str, path: &str, body: &Value) -> Answer {
    house.send_as(user, Method::PUT, path, &[JSON], body.to_string()).await
}

async fn delete(house: &House, user: &str, path: &str) -> Answer {
    house.send_as(user, Method::DELETE, path, &[], Body::empty()).await
}

/// Makes a user; answers with his address and his credentials.
pub(crate) async fn made(
    house: &House,
    name: &str,
    tenant: u64,
    roles: &[u64],
    permissions: &[u16],
) -> (String, String) {
    let credentials = house.user(name, tenant, roles, permissions).await;
    let list = house.get_as(ADMIN, USERS).await.json();
    let users = list["users"].as_array().expect("users");
    let user = users.iter().find(|user| user["userName"] == name).expect("made");
    (format!("{USERS}/{}", user["id"]), credentials)
}

async fn status(house: &House, credentials: &str) -> StatusCode {
    house.get_as(credentials, "/api/mgmt/permissions").await.status
}

#[tokio::test]
async fn what_a_get_answers_can_be_put_back() {
    let house = house();
    let (path, _) = made(&house, "Ann", 1, &[2], &[14]).await;
    for query in ["", "?details=true"] {
        let shown = house.get_as(ADMIN, &format!("{path}{query}")).await;
        let tag = format!("if-match: {}", shown.header("etag").expect("a tag"));
        let back = house.send_as(ADMIN, Method::PUT, &path, &[JSON, &tag], shown.body.clone()).await;
        assert_eq!(back.status, StatusCode::OK, "{back:?}");
        let mut expected = shown.json();
        let expected = expected.as_object_mut().expect("an object");
        expected.remove("tenantName");
        expected.remove("tenantsAdministered");
        assert_eq!(back.json(), Value::Object(expected.clone()));
        assert_ne!(back.header("etag"), shown.header("etag"), "it happened, and is told");
        let stale = house.send_as(ADMIN, Method::PUT, &path, &[JSON, &tag], shown.body.clone()).await;
        assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    }
    for part in ["statusinfo", "passwordinfo", "permissions", "authinfo", "tenantsadministered"] {
        let path = format!("{path}/{part}");
        let shown = house.get_as(ADMIN, &path).await;
        assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
        let back = put(&house, ADMIN, &path, &shown.json()).await;
        assert_eq!((back.status, back.json()), (StatusCode::OK, shown.json()), "{part}");
    }
    let facts = house.facts();
    assert_eq!(
        facts[facts.len() - 5..],
        ["UserUpdated", "UserUpdated", "UserStatusSet", "UserPasswordSet", "UserRolesSet"]
    );
}

#[tokio::test]
async fn a_details_get_names_the_tenant_and_what_he_administers() {
    let house = house();
    let (org, _) = house.tenant("OrgA").await;
    let (path, _) = made(&house, "Ann", 1, &[2], &[14, 15, 25]).await;
    let all =
        put(&house, ADMIN, &format!("{path}/tenantsadministered"), &json!({"tenantsAdministered":[1, org]}))
            .await;
    assert_eq!(all.json(), json!({"tenantsAdministered": [1, org]}));
    let shown = house.get_as(ADMIN, &format!("{path}?details=true")).await.json();
    assert_eq!(shown["tenantName"], "System");
    assert_eq!(shown["tenantsAdministered"], json!([1, org]));
    assert_eq!(shown["authenticationInfo"], json!({"authUsers":[{"authUserName":"Ann","authServiceId":1}]}));
    let page = house.get_as(ADMIN, &format!("{path}/tenantsadministered?limit=1")).await.json();
    assert_eq!(page, json!({"tenantsAdministered": [1], "next": 1}));
    // Who administers only one of both sees only that one, and leaves the other alone.
    let (bob_path, bob) = made(&house, "bob", 1, &[2], &[14, 15, 25]).await;
    put(&house, ADMIN, &format!("{bob_path}/tenantsadministered"), &json!({"tenantsAdministered":[1]})).await;
    let seen = house.get_as(&bob, &format!("{path}/tenantsadministered")).await.json();
    assert_eq!(seen, json!({"tenantsAdministered": [1]}));
    let none =
        put(&house, &bob, &format!("{path}/tenantsadministered"), &json!({"tenantsAdministered":[]})).await;
    assert_eq!(none.json(), json!({"tenantsAdministered": []}));
    let left = house.get_as(ADMIN, &format!("{path}/tenantsadministered")).await.json();
    assert_eq!(left, json!({"tenantsAdministered": [org]}));
    for tenant in [org, 77] {
        let body = json!({"tenantsAdministered": [tenant]});
        let unknown = put(&house, &bob, &format!("{path}/tenantsadministered"), &body).await;
        assert_eq!((unknown.status, unknown.code()), (StatusCode::BAD_REQUEST, 222_208_573));
    }
}

#[tokio::test]
async fn a_name_is_free_for_one_user_at_a_time_whatever_its_case() {
    let house = house();
    let (path, _) = made(&house, "Ann", 1, &[2], &[]).await;
    let body =
        |name: &str| json!({"userName": name, "statusInfo": {"status": 1}, "permissions": {"roles": [2]}});
    let taken = put(&house, ADMIN, &path, &body("D2CAdmin")).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, 222_299_011));
    assert_eq!(
        put(&house, ADMIN, &path, &body("ANN")).await.status,
        StatusCode::OK,
        "his own in another case"
    );
    assert_eq!(put(&house, ADMIN, &path, &body("Beth")).await.json()["userName"], "Beth");
    assert_eq!(status(&house, &format!("beth:{PASSWORD}")).await, StatusCode::OK, "the password stays");
    assert_eq!(status(&house, &format!("ann:{PASSWORD}")).await, StatusCode::UNAUTHORIZED);
    house.user("ann", 1, &[2], &[]).await;
    let gone = house.ledger.read(|view| view.logins.all().count());
    assert_eq!(gone, 3, "no entry is left behind");
}

#[tokio::test]
async fn who_is_switched_off_stays_out_and_who_is_locked_is_let_in_again() {
    let house = house();
    let (path, ann) = made(&house, "ann", 1, &[2], &[]).await;
    let path = format!("{path}/statusinfo");
    assert_eq!(
        put(&house, ADMIN, &path, &json!({"status": 0})).await.json(),
        json!({"status": 0, "accountLocked": false})
    );
    assert_eq!(house.get_as(&ann, SOURCES).await.code(), 222_299_027);
    put(&house, ADMIN, &path, &json!({"status": 1})).await;
    for _ in 0..3 {
        status(&house, "ann:wrong").await;
    }
    house.until(|house| house.facts().last().is_some_and(|fact| fact == "UserLocked")).await;
    assert_eq!(status(&house, &ann).await, StatusCode::UNAUTHORIZED);
    let locked = house.get_as(ADMIN, &path).await.json();
    assert_eq!(
        (&locked["accountLocked"], &locked["accountLockedAt"]),
        (&json!(true), &json!("2026-11-20 12:00:00"))
    );
    assert_eq!(put(&house, ADMIN, &path, &locked).await.status, StatusCode::OK, "it can be put back");
    assert_eq!(status(&house, &ann).await, StatusCode::UNAUTHORIZED, "and that changes nothing");
    let other = json!({"status": 1, "accountLocked": true, "accountLockedUntil": "2036-01-01 00:00:00"});
    assert_eq!(put(&house, ADMIN, &path, &other).await.code(), 222_299_004);
    let unlocked = put(&house, ADMIN, &path, &json!({"status": 1, "accountLocked": false})).await;
    assert_eq!(unlocked.json(), json!({"status": 1, "accountLocked": false}));
    assert_eq!(status(&house, &ann).await, StatusCode::OK);
    let lock = put(&house, ADMIN, &path, &json!({"status": 1, "accountLocked": true})).await;
    assert_eq!(lock.code(), 222_299_004, "wrong passwords alone lock");
}

#[tokio::test]
async fn a_reset_password_is_good_for_nothing_but_choosing_another() {
    let house = house();
    let (path, _) = made(&house, "ann", 1, &[2], &[]).await;
    let reset =
        put(&house, ADMIN, &format!("{path}/resetpassword"), &json!({"newPassword": "tempsecret"})).await;
    assert_eq!(reset.status, StatusCode::NO_CONTENT, "{reset:?}");
    let info = house.get_as(ADMIN, &format!("{path}/passwordinfo")).await.json();
    assert_eq!(info, json!({"passwordStatus": 2, "passwordExpiration": "2026-11-27 12:00:00"}));
    let temporary = "ann:tempsecret";
    assert_eq!(house.get_as(temporary, SOURCES).await.code(), 222_299_029);
    for (method, path) in [(Method::POST, CHANGE), (Method::PUT, "/api/admin/userdetails/changePassword/")] {
        let other = house.send_as(temporary, method, path, &[], Body::empty()).await;
        assert_eq!(other.code(), 222_299_029, "exactly one operation: {other:?}");
    }
    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
    let changed = put(&house, temporary, CHANGE, &change("tempsecret", NEW)).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert_eq!(changed.json(), json!({"passwordStatus": 1, "passwordExpiration": null}));
    assert_eq!(status(&house, &format!("ann:{NEW}")).await, StatusCode::OK);
    assert_eq!(status(&house, temporary).await, StatusCode::UNAUTHORIZED);
    // One that nobody changes in time is dead for that, too.
    put(&house, ADMIN, &format!("{path}/resetpassword"), &json!({"newPassword": "tempsecret"})).await;
    house.clock.advance(Duration::from_hours(7 * 24));
    let late = put(&house, temporary, CHANGE, &change("tempsecret", PASSWORD)).await;
    assert_eq!(late.code(), 222_299_028, "{late:?}");
    let short =
        put(&house, ADMIN, &format!("{path}/resetpassword"), &json!({"newPassword": "tempsec"})).await;
    assert_eq!(short.code(), 222_299_004);
}

#[tokio::test]
async fn an_expired_password_can_be_changed_by_who_knows_it() {
    let house = house();
    let (path, ann) = made(&house, "ann", 1, &[2], &[]).await;
    let path = format!("{path}/passwordinfo");
    let ends = json!({"passwordStatus": 1, "passwordExpiration": "2026-11-20 13:00:00"});
    assert_eq!(put(&house, ADMIN, &path, &ends).await.json(), ends);
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(house.get_as(&ann, SOURCES).await.code(), 222_299_028);
    let same =
        put(&house, &ann, CHANGE, &json!({"currentPassword": PASSWORD, "newPassword": PASSWORD})).await;
    assert_eq!(same.code(), 222_299_004, "another one, please");
    let common =
        put(&house, &ann, CHANGE, &json!({"currentPassword": PASSWORD, "newPassword": "password1234"})).await;
    assert_eq!(common.code(), 222_299_004);
    let missing = put(&house, &ann, CHANGE, &json!({"newPassword": NEW})).await;
    assert_eq!(missing.code(), 222_299_004);
    let changed = put(&house, &ann, CHANGE, &json!({"currentPassword": PASSWORD, "newPassword": NEW})).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert_eq!(status(&house, &format!("ann:{NEW}")).await, StatusCode::OK);
    // Left out, an expiration is taken away.
    put(&house, ADMIN, &path, &ends).await;
    let without = put(&house, ADMIN, &path, &json!({"passwordStatus": 1})).await;
    assert_eq!(without.json(), json!({"passwordStatus": 1, "passwordExpiration": null}));
    let new = put(&house, ADMIN, &path, &json!({"passwordStatus": 1, "password": PASSWORD})).await;
    assert_eq!(new.status, StatusCode::OK);
    assert!(!String::from_utf8_lossy(&new.body).contains(PASSWORD), "no answer echoes a password");
    assert_eq!(status(&house, &ann).await, StatusCode::OK);
}

#[tokio::test]
async fn configuration_2_decides_whether_the_present_password_is_asked_for() {
    let house = house();
    let (_, ann) = made(&house, "ann", 1, &[2], &[]).await;
    let without = json!({"newPassword": NEW});
    assert_eq!(put(&house, &ann, CHANGE, &without).await.code(), 222_299_004);
    let set = put(&house, ADMIN, "/api/admin/configurations/2", &json!({"value": "false"})).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    let same = put(&house, &ann, CHANGE, &json!({"newPassword": PASSWORD})).await;
    assert_eq!(same.code(), 222_299_004, "another one all the same");
    let wrong = put(&house, &ann, CHANGE, &json!({"currentPassword": "wrong", "newPassword": NEW})).await;
    assert_eq!(wrong.code(), 222_299_050, "what is sent must be right");
    assert_eq!(put(&house, &ann, CHANGE, &without).await.status, StatusCode::OK);
    // The custom policy says how long a password lives that its holder chose.
    put(&house, ADMIN, "/api/admin/configurations/6", &json!({"value": "2"})).await;
    let ann = format!("ann:{NEW}");
    let chosen = put(&house, &ann, CHANGE, &json!({"newPassword": "Quiet-maple-lantern-7"})).await;
    assert_eq!(chosen.json(), json!({"passwordStatus": 1, "passwordExpiration": "2027-03-20 12:00:00"}));
}

#[tokio::test]
async fn a_user_without_a_password_needs_one_before_anything_is_said_about_it() {
    let house = house();
    let body = json!({"userName": "ann", "statusInfo": {"status": 1}, "permissions": {"roles": [2]}});
    let made = house.post_as(ADMIN, USERS, &body).await.json();
    let path = format!("{USERS}/{}/passwordinfo", made["id"]);
    assert_eq!(house.get_as(ADMIN, &path).await.json(), json!({"passwordExpiration": null}));
    assert_eq!(put(&house, ADMIN, &path, &json!({"passwordStatus": 1})).await.code(), 222_299_004);
    assert_eq!(
        put(&house, ADMIN, &path, &json!({"passwordStatus": 1, "password": PASSWORD})).await.status,
        StatusCode::OK
    );
    assert_eq!(status(&house, &format!("ann:{PASSWORD}")).await, StatusCode::OK);
}

#[tokio::test]
async fn what_he_may_do_is_given_by_who_holds_it_and_never_to_himself() {
    let house = house();
    let (org, roles) = house.tenant("OrgA").await;
    let (path, _) = made(&house, "ann", org, &[roles[0]], &[]).await;
    let (dora_path, dora) = made(&house, "dora", org, &[roles[1]], &[]).await;
    put(&house, ADMIN, &format!("{dora_path}/tenantsadministered"), &json!({"tenantsAdministered": [org]}))
        .await;
    let of = |path: &str| format!("{path}/permissions");
    let given = put(&house, &dora, &of(&path), &json!({"roles": [roles[0]], "permissions": [13]})).await;
    assert_eq!(given.json(), json!({"roles": [roles[0]], "permissions": [13]}));
    for permissions in [[12], [25], [101]] {
        let body = json!({"roles": [roles[0]], "permissions": permissions});
        assert_eq!(
            put(&house, &dora, &of(&path), &body).await.status,
            StatusCode::FORBIDDEN,
            "{permissions:?}"
        );
    }
    let own = put(&house, &dora, &of(&dora_path), &json!({"roles": [roles[0]], "permissions": []})).await;
    assert_eq!((own.status, own.code()), (StatusCode::FORBIDDEN, 222_208_103));
    let same = put(&house, &dora, &of(&dora_path), &json!({"roles": [roles[1]], "permissions": []})).await;
    assert_eq!(same.status, StatusCode::OK);
    let foreign = put(&house, &dora, &of(&path), &json!({"roles": [2]})).await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::BAD_REQUEST, 222_207_924));
    // Who holds more than she does is not hers to change, for a reset password would be a way around all this.
    put(&house, ADMIN, &of(&path), &json!({"roles": [roles[0]], "permissions": [101]})).await;
    let more =
        put(&house, &dora, &format!("{path}/resetpassword"), &json!({"newPassword": "tempsecret"})).await;
    assert_eq!((more.status, more.code()), (StatusCode::FORBIDDEN, 222_208_103));
}

#[tokio::test]
async fn the_last_active_administrator_can_not_be_switched_off_stripped_or_deleted() {
    let house = house();
    let (_, second) = made(&house, "second", 1, &[2], &[12]).await;
    let first = format!("{USERS}/1");
    let stripped = json!({"roles": [2], "permissions": []});
    // Two requests at once, each for the other: one of both is the last.
    let (own, others) = (format!("{USERS}/2/statusinfo"), format!("{first}/statusinfo"));
    let off = json!({"status": 0});
    let (one, two) = tokio::join!(put(&house, ADMIN, &own, &off), put(&house, &second, &others, &off));
    let statuses = [one.status, two.status];
    assert!(
        statuses.contains(&StatusCode::OK) && statuses.iter().any(|status| !status.is_success()),
        "{statuses:?}"
    );
    let (left, credentials) = if one.status.is_success() { (1, ADMIN) } else { (2, second.as_str()) };
    let (_, helper) = made_by(&house, credentials, "helper").await;
    let _ = helper;
    for (path, body) in [("statusinfo", &off), ("permissions", &stripped)] {
        let refused = put(&house, credentials, &format!("{USERS}/{left}/{path}"), body).await;
        assert!(
            matches!((refused.status.as_u16(), refused.code()), (409, 222_299_047) | (403, 222_208_103)),
            "{path}: {refused:?}"
        );
    }
    assert_eq!(delete(&house, credentials, &format!("{USERS}/{left}")).await.status, StatusCode::FORBIDDEN);
}

async fn made_by(house: &House, credentials: &str, name: &str) -> (u64, String) {
    let body = json!({"userName": name, "statusInfo": {"status": 1}, "passwordInfo": {"password": PASSWORD}, "permissions": {"roles": [2]}});
    let made = house.post_as(credentials, USERS, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    (made.json()["id"].as_u64().expect("an id"), format!("{name}:{PASSWORD}"))
}

#[tokio::test]
async fn only_the_internal_service_under_his_own_name_vouches_for_him() {
    let house = house();
    let (path, _) = made(&house, "Ann", 1, &[2], &[]).await;
    let path = format!("{path}/authinfo");
    let own = json!({"authUsers": [{"authUserName": "Ann", "authServiceId": 1}]});
    assert_eq!(house.get_as(ADMIN, &path).await.json(), own);
    let size = house.ledger.size();
    assert_eq!(put(&house, ADMIN, &path, &own).await.json(), own);
    for wrong in [
        json!({"authUsers": [{"authUserName": "Ann", "authServiceId": 2}]}),
        json!({"authUsers": [{"authUserName": "Bob", "authServiceId": 1}]}),
    ] {
        assert_eq!(put(&house, ADMIN, &path, &wrong).await.code(), 222_299_004);
    }
    assert_eq!(house.ledger.size(), size, "nothing happened");
}

#[tokio::test]
async fn his_data_sources_are_listed_page_by_page() {
    let house = house();
    let (path, ann) = made(&house, "ann", 1, &[2], &[]).await;
    for name in ["one", "two", "three"] {
        let body =
            json!({"name": name, "dataStore": 1, "description": "mine", "options": {"Password": "secret"}});
        assert_eq!(house.post_as(&ann, SOURCES, &body).await.status, StatusCode::CREATED);
    }
    let first = house.get_as(ADMIN, &format!("{path}/datasources?limit=2")).await.json();
    assert_eq!(first["next"], "2");
    assert_eq!(
        first["dataSources"][0],
        json!({
            "id": "1", "name": "one", "dataStore": 1, "isGroup": false, "description": "mine",
            "sharedByAnotherUser": false, "sharedWithAnotherUser": false,
            "permissions": [2, 3, 4, 5, 6, 7, 10],
        })
    );
    let rest = house.get_as(ADMIN, &format!("{path}/datasources?limit=2&after=2")).await.json();
    assert_eq!((rest["dataSources"][0]["name"].as_str(), rest.get("next")), (Some("three"), None));
    // What another shares with him is in his list, with what he may do with it.
    let (bob_path, _) = made(&house, "bob", 1, &[2], &[]).await;
    let bob = house.get_as(ADMIN, &bob_path).await.json()["id"].clone();
    let share = json!({"sharedUsers": [{"userId": bob, "permissions": [2, 7]}]});
    let shared = house.post_as(&ann, &format!("{SOURCES}/2/sharedUsers"), &share).await;
    assert_eq!(shared.status, StatusCode::OK, "{shared:?}");
    let his = house.get_as(ADMIN, &format!("{bob_path}/datasources")).await.json();
    let row = &his["dataSources"][0];
    assert_eq!((&row["id"], &row["permissions"]), (&json!("2"), &json!([2, 7])));
    assert_eq!(row["description"], "mine");
    assert_eq!((&row["sharedByAnotherUser"], &row["sharedWithAnotherUser"]), (&json!(true), &json!(false)));
    let hers = house.get_as(ADMIN, &format!("{path}/datasources?limit=1&after=1")).await.json();
    assert_eq!(hers["dataSources"][0]["sharedWithAnotherUser"], true);
    // What its owner wrote about it is shown with those that he may view.
    let share = json!({"sharedUsers": [{"userId": bob, "permissions": [7]}]});
    house.post_as(&ann, &format!("{SOURCES}/2/sharedUsers"), &share).await;
    let his = house.get_as(ADMIN, &format!("{bob_path}/datasources")).await.json();
    let row = &his["dataSources"][0];
    assert_eq!((&row["id"], &row["permissions"], row.get("description")), (&json!("2"), &json!([7]), None));
}

#[tokio::test]
async fn who_owns_nothing_moves_to_another_tenant_with_roles_of_that_one() {
    let house = house();
    let (org_a, roles_a) = house.tenant("OrgA").await;
    let (org_b, roles_b) = house.tenant("OrgB").await;
    let (path, ann) = made(&house, "ann", org_a, &[roles_a[0]], &[]).await;
    put(&house, ADMIN, &format!("{path}/tenantsadministered"), &json!({"tenantsAdministered": [org_a]}))
        .await;
    let moved = |roles: &[u64]| json!({"userName": "ann", "tenantId": org_b, "statusInfo": {"status": 1}, "permissions": {"roles": roles}});
    let old_roles = put(&house, ADMIN, &path, &moved(&roles_a[..1])).await;
    assert_eq!((old_roles.status, old_roles.code()), (StatusCode::BAD_REQUEST, 222_207_924));
    let app = house.app(ADMIN, "app", None).await.json();
    let body = json!({"name": "p", "oauthAppId": app["id"], "refreshToken": "r"});
    let profile = house.post_as(&ann, PROFILES, &body).await.json();
    let owns = put(&house, ADMIN, &path, &moved(&roles_b[..1])).await;
    assert_eq!((owns.status, owns.code()), (StatusCode::CONFLICT, 222_299_046));
    assert_eq!(
        delete(&house, &ann, &format!("{PROFILES}/{}", profile["id"])).await.status,
        StatusCode::NO_CONTENT
    );
    let done = put(&house, ADMIN, &path, &moved(&roles_b[..1])).await;
    assert_eq!((done.status, &done.json()["tenantId"]), (StatusCode::OK, &json!(org_b)), "{done:?}");
    let facts = house.facts();
    assert_eq!(
        facts[facts.len() - 4..],
        ["UserUpdated", "TenantAdministratorsChanged", "UserMoved", "UserRolesSet"]
    );
    let access = house.get_as(ADMIN, &format!("{path}/tenantsadministered")).await.json();
    assert_eq!(access, json!({"tenantsAdministered": []}));
    assert_eq!(status(&house, &ann).await, StatusCode::OK);
}

/// What a repetition hears is what the first request heard, whatever happened since.
#[tokio::test]
async fn a_repeated_put_is_answered_as_the_first_was() {
    let house = house();
    let (path, _) = made(&house, "ann", 1, &[2], &[]).await;
    for (part, body, other) in [
        (
            "",
            json!({"userName": "Beth", "statusInfo": {"status": 1}, "permissions": {"roles": [2]}}),
            json!({"userName": "ann", "statusInfo": {"status": 0}, "permissions": {"roles": [3]}}),
        ),
        ("/statusinfo", json!({"status": 1}), json!({"status": 0})),
        (
            "/passwordinfo",
            json!({"passwordStatus": 1, "passwordExpiration": "2027-01-01 00:00:00"}),
            json!({"passwordStatus": 1}),
        ),
        ("/permissions", json!({"roles": [2]}), json!({"roles": [3]})),
    ] {
        let path = format!("{path}{part}");
        let key = format!("idempotency-key: key{part}");
        let once = async || house.send_as(ADMIN, Method::PUT, &path, &[JSON, &key], body.to_string()).await;
        let first = once().await;
        assert_eq!(first.status, StatusCode::OK, "{first:?}");
        assert_eq!(put(&house, ADMIN, &path, &other).await.status, StatusCode::OK);
        let size = house.ledger.size();
        let again = once().await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{part}");
        assert_eq!(again.header("etag"), first.header("etag"), "{part}");
        assert_eq!(house.ledger.size(), size, "{part}");
    }
}

/// What he was elsewhere is not for who administers the place where he lives now.
#[tokio::test]
async fn l9_a_user_who_moved_is_shown_as_he_was_only_where_he_was() {
    let house = House::new(Config::default());
    let (before, old) = house.tenant("Before").await;
    let (now, new) = house.tenant("Now").await;
    let watcher = house.user("watcher", now, &[new[0]], &[14]).await;
    let body = json!({ "admins": [2] }).to_string();
    let path = format!("/api/admin/tenants/{now}/admins");
    assert_eq!(house.send_as(ADMIN, Method::PUT, &path, &[JSON], body).await.status, StatusCode::OK);
    house.user("mover", before, &[old[0]], &[]).await;
    let moment = house.ledger.size() - 1;
    let body = json!({
        "userName": "mover", "tenantId": now, "statusInfo": { "status": 1 }, "permissions": { "roles": [new[0]] },
    });
    let moved = house.send_as(ADMIN, Method::PUT, "/api/admin/users/3", &[JSON], body.to_string()).await;
    assert_eq!(moved.status, StatusCode::OK, "{moved:?}");
    let last = house.ledger.size() - 1;
    assert_eq!(
        house.get_as(&watcher, &format!("/api/admin/users/3?asOf={last}")).await.status,
        StatusCode::OK
    );
    let then = house.get_as(&watcher, &format!("/api/admin/users/3?asOf={moment}")).await;
    assert_eq!(then.status, StatusCode::NOT_FOUND, "{then:?}");
    assert_eq!(
        house.get_as(ADMIN, &format!("/api/admin/users/3?asOf={moment}")).await.status,
        StatusCode::OK
    );
}
