//! Roles: what users are given their permissions by.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON};

const ROLES: &str = "/api/admin/roles";

fn house() -> House {
    House::new(Config::default())
}

async fn create(house: &House, user: &str, body: Value) -> Answer {
    house.post_as(user, ROLES, &body).await
}

fn ids(answer: &Answer) -> Vec<u64> {
    let list = answer.json()["roles"].as_array().expect("a list").clone();
    list.iter().map(|row| row["id"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn a_role_is_made_listed_and_shown_as_the_page_says() {
    let house = house();
    let (tenant, copies) = house.tenant("OrgA").await;
    let body = json!({ "name": "Readers", "tenantId": tenant, "description": "who only look", "permissions": [11, 2, 2] });
    let made = create(&house, ADMIN, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let id = made.json()["id"].as_u64().expect("a number");
    let mut expected = json!({
        "id": id, "name": "Readers", "tenantId": tenant, "description": "who only look", "permissions": [2, 11],
        "users": [],
    });
    assert_eq!(made.json(), expected);
    let location = made.header("location").expect("a Location");
    assert!(location.ends_with(&format!("{ROLES}/{id}")), "{location}");
    let shown = house.get_as(ADMIN, &format!("{ROLES}/{id}")).await;
    assert_eq!((shown.status, shown.json()), (StatusCode::OK, expected.clone()));
    assert_eq!(shown.header("etag"), made.header("etag"));
    let then = house.get_as(ADMIN, &format!("{ROLES}/{id}?asOf={}", house.ledger.size() - 1)).await;
    // Who held it is told by the users' own histories.
    expected.as_object_mut().expect("an object").remove("users");
    assert_eq!((then.status, then.json()), (StatusCode::OK, expected));
    let before = house.get_as(ADMIN, &format!("{ROLES}/{id}?asOf={}", house.ledger.size() - 2)).await;
    assert_eq!((before.status, before.code()), (StatusCode::NOT_FOUND, 222_207_924));
    let tag = format!("if-none-match: {}", shown.header("etag").expect("an ETag"));
    let path = format!("{ROLES}/{id}");
    let known = house.send_as(ADMIN, Method::GET, &path, &[&tag], Body::empty()).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));

    let of_tenant = [&copies[..], &[id]].concat();
    for filter in [format!("tenantID={tenant}"), format!("tenantId={tenant}"), "tenantName=OrgA".to_owned()] {
        assert_eq!(ids(&house.get_as(ADMIN, &format!("{ROLES}?{filter}")).await), of_tenant, "{filter}");
    }
    let both = house.get_as(ADMIN, &format!("{ROLES}?tenantID=1&tenantName=OrgA")).await;
    assert_eq!(ids(&both), Vec::<u64>::new(), "no role is of two tenants");
    let whole = ids(&house.get_as(ADMIN, ROLES).await);
    assert_eq!(whole, [&[1, 2, 3], &of_tenant[..]].concat());
    let page = house.get_as(ADMIN, &format!("{ROLES}?limit=2&after=1")).await;
    assert_eq!((ids(&page), page.json()["next"].clone()), (vec![2, 3], json!(3)));
    let row =
        house.get_as(ADMIN, &format!("{ROLES}?limit=1&after={}", id - 1)).await.json()["roles"][0].clone();
    assert_eq!(
        row,
        json!({ "id": id, "name": "Readers", "tenantId": tenant, "description": "who only look" })
    );
}

#[tokio::test]
async fn a_user_can_do_what_his_role_says_and_no_more() {
    let house = house();
    let nothing = create(&house, ADMIN, json!({ "name": "Nothing" })).await.json()["id"].as_u64();
    let reader =
        create(&house, ADMIN, json!({ "name": "Reader", "permissions": [11] })).await.json()["id"].as_u64();
    let nobody = house.user("nobody", 1, &[nothing.expect("an id")], &[]).await;
    let ann = house.user("ann", 1, &[reader.expect("an id")], &[]).await;
    assert_eq!(house.get_as(&nobody, "/api/mgmt/permissions").await.status, StatusCode::FORBIDDEN);
    let held = house.get_as(&ann, "/api/mgmt/permissions").await;
    assert_eq!((held.status, held.json()), (StatusCode::OK, json!({ "permissions": [11] })));
}

#[tokio::test]
async fn names_of_roles_are_unique_within_their_tenant() {
    let house = house();
    let (tenant, _) = house.tenant("OrgA").await;
    let body = |tenant: u64| json!({ "name": "Same", "tenantId": tenant });
    assert_eq!(create(&house, ADMIN, body(1)).await.status, StatusCode::CREATED);
    assert_eq!(create(&house, ADMIN, body(tenant)).await.status, StatusCode::CREATED);
    let before = house.state();
    for name in ["Same", "User"] {
        let again = create(&house, ADMIN, json!({ "name": name })).await;
        assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, 222_299_011), "{name}");
    }
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn nobody_makes_a_role_that_can_do_more_than_he_may_grant() {
    let house = house();
    // 17 without 12, with access on OrgA: a delegated administrator, who himself holds 28.
    let boss = house.user("boss", 1, &[3], &[28]).await;
    let boss_id = house.get_as(ADMIN, "/api/admin/users").await.json()["users"][1]["id"].clone();
    let body = json!({ "name": "OrgA", "parentTenant": 1, "admins": [boss_id] });
    let tenant = house.post_as(ADMIN, "/api/admin/tenants", &body).await.json()["id"].clone();
    let make = async |name: &str, permissions: Value| {
        create(&house, &boss, json!({ "name": name, "tenantId": tenant, "permissions": permissions })).await
    };
    assert_eq!(make("his own", json!([1, 2, 11, 21])).await.status, StatusCode::CREATED);
    let before = house.state();
    for permissions in [json!([12]), json!([25]), json!([28]), json!([101]), json!([1, 102])] {
        let answer = make("more", permissions.clone()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{permissions}");
    }
    // A tenant without access and one that is not there answer alike, also his own.
    for other in [json!(1), json!(999), Value::Null] {
        let answer = create(&house, &boss, json!({ "name": "x", "tenantId": other })).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_208_573), "{other}");
        let path = format!("{ROLES}?tenantID={other}");
        if !other.is_null() {
            let filtered = house.get_as(&boss, &path).await;
            assert_eq!((filtered.status, filtered.code()), (StatusCode::NOT_FOUND, 222_208_573), "{other}");
        }
    }
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn a_repeated_create_makes_one_role_and_answers_the_same() {
    let house = house();
    let send = async || {
        let body = json!({ "name": "Once", "description": "text" }).to_string();
        house.send_as(ADMIN, Method::POST, ROLES, &[JSON, "idempotency-key: one"], body).await
    };
    let (first, second) = (send().await, send().await);
    assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.body, second.body);
    assert_eq!(ids(&house.get_as(ADMIN, &format!("{ROLES}?after=3")).await).len(), 1);
}
