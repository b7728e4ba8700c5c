//! Tenants replaced and deleted, and who administers them.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON, SOURCES};

const TENANTS: &str = "/api/admin/tenants";

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

fn etag(answer: &Answer) -> String {
    answer.header("etag").expect("an ETag").to_owned()
}

/// The id of who was made last.
fn last_user(house: &House) -> u64 {
    house.ledger.read(|view| view.state.users.rows.all().last().expect("somebody").0.0)
}

#[tokio::test]
async fn what_a_get_answered_can_be_put_back_and_a_tenant_renamed() {
    let house = House::new(Config::default());
    let (tenant, roles) = house.tenant("OrgA").await;
    let path = format!("{TENANTS}/{tenant}");
    let mut body = house.get_as(ADMIN, &path).await.json();
    body["name"] = json!("OrgB");
    body["description"] = json!("another name");
    body["status"] = json!(0);
    let answer = put(&house, ADMIN, &path, &[], &body).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, body.clone()));
    let shown = house.get_as(ADMIN, &path).await;
    assert_eq!((shown.json(), etag(&shown)), (body.clone(), etag(&answer)));
    let bare = put(&house, ADMIN, &path, &[], &json!({ "name": "OrgB", "status": 1 })).await;
    let expected = json!({ "id": tenant, "name": "OrgB", "parentTenant": 1, "status": 1 });
    assert_eq!((bare.status, bare.json()), (StatusCode::OK, expected), "left out is cleared");
    assert_eq!(house.get_as(ADMIN, &path).await.json()["roles"], json!(roles), "and its roles stay");
    // The name that it had is free, the one that it has is taken.
    assert_eq!(house.tenant("OrgA").await.0, tenant + 1);
    let taken = put(&house, ADMIN, &format!("{TENANTS}/{}", tenant + 1), &[], &body).await;
    assert_eq!(said(&taken), (400, 222_299_004), "another\'s id");
    body.as_object_mut().expect("an object").retain(|name, _| name != "id" && name != "roles");
    let taken = put(&house, ADMIN, &format!("{TENANTS}/{}", tenant + 1), &[], &body).await;
    assert_eq!(said(&taken), (409, 222_299_011));
    let system = house.get_as(ADMIN, &format!("{TENANTS}/1")).await.json();
    assert_eq!(system["parentTenant"], Value::Null);
    let same = put(&house, ADMIN, &format!("{TENANTS}/1"), &[], &system).await;
    assert_eq!((same.status, same.json()), (StatusCode::OK, system));
}

#[tokio::test]
async fn what_a_put_of_a_tenant_may_not_say() {
    let house = House::new(Config::default());
    let (tenant, _) = house.tenant("OrgA").await;
    let path = format!("{TENANTS}/{tenant}");
    let before = house.state();
    let table = [
        (json!({ "name": "x" }), 222_299_001),
        (json!({ "status": 1 }), 222_299_001),
        (json!({ "name": "x", "status": 2 }), 222_299_004),
        (json!({ "name": "x", "status": 1, "parentTenant": tenant }), 222_299_004),
        (json!({ "name": "x", "status": 1, "roles": [] }), 222_299_004),
        (json!({ "name": "x", "status": 1, "id": 1 }), 222_299_004),
        (json!({ "name": "x", "status": 1, "importedRoles": [2] }), 222_299_003),
        (json!({ "name": "x", "status": 1, "admins": [1] }), 222_299_003),
    ];
    for (body, code) in table {
        assert_eq!(said(&put(&house, ADMIN, &path, &[], &body).await), (400, code), "{body}");
    }
    let body = json!({ "name": "x", "status": 1 });
    assert_eq!(said(&put(&house, ADMIN, &format!("{TENANTS}/99"), &[], &body).await), (404, 222_208_573));
    assert_eq!(
        said(&put(&house, ADMIN, &format!("{path}?user=d2cadmin"), &[], &body).await),
        (400, 222_299_008)
    );
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn a_tenant_s_etag_changes_with_its_list_of_roles() {
    let house = House::new(Config::default());
    let (tenant, _) = house.tenant("OrgA").await;
    let path = format!("{TENANTS}/{tenant}");
    let first = etag(&house.get_as(ADMIN, &path).await);
    let role = json!({ "name": "Readers", "tenantId": tenant });
    let role = house.post_as(ADMIN, "/api/admin/roles", &role).await.json()["id"].clone();
    let second = etag(&house.get_as(ADMIN, &path).await);
    assert_ne!(first, second);
    let body = json!({ "name": "OrgA", "status": 1 });
    let stale = put(&house, ADMIN, &path, &[&format!("if-match: {first}")], &body).await;
    assert_eq!(said(&stale), (412, 222_299_013));
    assert_eq!(
        delete(&house, ADMIN, &format!("/api/admin/roles/{role}")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_ne!(second, etag(&house.get_as(ADMIN, &path).await));
}

#[tokio::test]
async fn a_created_tenant_has_the_etag_that_is_shown() {
    let house = House::new(Config::default());
    let body = json!({ "name": "OrgA", "parentTenant": 1, "importedRoles": [2, 3] });
    let made = house.post_as(ADMIN, TENANTS, &body).await;
    let shown = house.get_as(ADMIN, &format!("{TENANTS}/{}", made.json()["id"])).await;
    assert_eq!((etag(&shown), shown.json()), (etag(&made), made.json()));
}

#[tokio::test]
async fn an_empty_tenant_is_deleted_with_its_roles() {
    let house = House::new(Config::default());
    let (tenant, roles) = house.tenant("OrgA").await;
    let path = format!("{TENANTS}/{tenant}");
    let (then, recorded) = (house.ledger.size() - 1, house.facts().len());
    let gone = delete(&house, ADMIN, &path).await;
    assert_eq!((gone.status, gone.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(house.facts().split_off(recorded), ["RoleDeleted", "RoleDeleted", "TenantDeleted"]);
    assert_eq!(said(&house.get_as(ADMIN, &path).await), (404, 222_208_573));
    assert_eq!(said(&house.get_as(ADMIN, &format!("{path}/admins")).await), (404, 222_208_573));
    assert_eq!(said(&delete(&house, ADMIN, &path).await), (404, 222_208_573));
    for role in roles {
        let role = house.get_as(ADMIN, &format!("/api/admin/roles/{role}")).await;
        assert_eq!(said(&role), (404, 222_207_924));
    }
    let listed = house.get_as(ADMIN, TENANTS).await.json();
    assert_eq!(listed["tenants"], json!([{ "id": 1, "name": "System" }]));
    let shown = house.get_as(ADMIN, &format!("{path}?asOf={then}")).await;
    let expected = json!({ "id": tenant, "name": "OrgA", "parentTenant": 1, "status": 1 });
    assert_eq!((shown.status, shown.json()), (StatusCode::OK, expected), "who audits it may look back");
    // Its name is free, and its id is not used again.
    assert_eq!(house.tenant("OrgA").await.0, tenant + 1);
}

#[tokio::test]
async fn a_tenant_stays_while_somebody_needs_it() {
    let house = House::new(Config::default());
    assert_eq!(said(&delete(&house, ADMIN, &format!("{TENANTS}/1")).await), (409, 222_299_048));
    let (tenant, roles) = house.tenant("OrgA").await;
    let path = format!("{TENANTS}/{tenant}");
    let app = house.app(ADMIN, "app", Some(tenant)).await.json()["id"].as_str().expect("a text").to_owned();
    let used = delete(&house, ADMIN, &path).await;
    assert_eq!(said(&used), (409, 222_299_046));
    assert!(String::from_utf8_lossy(&used.body).contains("the tenant has OAuth applications"));
    delete(&house, ADMIN, &format!("/api/mgmt/oauthapps/{app}")).await;
    house.user("ann", tenant, &roles[..1], &[]).await;
    let lived_in = delete(&house, ADMIN, &path).await;
    assert_eq!(said(&lived_in), (409, 222_299_046));
    assert!(String::from_utf8_lossy(&lived_in.body).contains("the tenant has users"));
    assert_eq!(house.get_as(ADMIN, SOURCES).await.status, StatusCode::OK);
}

#[tokio::test]
async fn administrators_are_shown_and_set() {
    let house = House::new(Config::default());
    house.user("boss", 1, &[2], &[25]).await;
    let boss = last_user(&house);
    let (tenant, roles) = house.tenant("OrgA").await;
    house.user("ann", tenant, &roles[..1], &[]).await;
    let ann = last_user(&house);
    let (other, roles) = house.tenant("OrgB").await;
    house.user("bob", other, &roles[..1], &[]).await;
    let bob = last_user(&house);
    let path = format!("{TENANTS}/{tenant}/admins");
    let shown = house.get_as(ADMIN, &path).await;
    assert_eq!((shown.status, shown.json()), (StatusCode::OK, json!({ "admins": [1] })), "who made it");
    let answer = put(&house, ADMIN, &path, &[], &json!({ "admins": [ann, boss, "1", ann] })).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "admins": [1, boss, ann] })));
    let now = house.get_as(ADMIN, &path).await;
    assert_eq!((now.json(), etag(&now)), (answer.json(), etag(&answer)));
    let stale =
        put(&house, ADMIN, &path, &[&format!("if-match: {}", etag(&shown))], &json!({ "admins": [] })).await;
    assert_eq!(said(&stale), (412, 222_299_013));
    for user in [bob, 999] {
        let refused = put(&house, ADMIN, &path, &[], &json!({ "admins": [user] })).await;
        assert_eq!(said(&refused), (400, 222_207_916), "{user}");
    }
    let many: Vec<u64> = (1..=1001).collect();
    assert_eq!(said(&put(&house, ADMIN, &path, &[], &json!({ "admins": many })).await), (400, 222_299_004));
    assert_eq!(said(&put(&house, ADMIN, &path, &[], &json!({})).await), (400, 222_299_001));
    let nobody = put(&house, ADMIN, &path, &[], &json!({ "admins": [] })).await;
    assert_eq!((nobody.status, nobody.json()), (StatusCode::OK, json!({ "admins": [] })));
}

/// 25 and access on OrgA, without 12: whom he does not see he can't name, and to him an unknown tenant is as one without access.
#[tokio::test]
async fn a_delegated_administrator_stays_within_what_he_administers() {
    let house = House::new(Config::default());
    let boss_name = house.user("boss", 1, &[2], &[25]).await;
    let boss = last_user(&house);
    house.user("other", 1, &[2], &[]).await;
    let other = last_user(&house);
    let body = json!({ "name": "OrgA", "parentTenant": 1, "admins": [boss] });
    let tenant = house.post_as(ADMIN, TENANTS, &body).await.json()["id"].clone();
    let (foreign, _) = house.tenant("OrgB").await;
    let admins = |id: &dyn std::fmt::Display| format!("{TENANTS}/{id}/admins");
    let mine = house.get_as(&boss_name, &admins(&tenant)).await;
    assert_eq!(mine.json(), json!({ "admins": [1, boss] }));
    let before = house.state();
    let unseen = put(&house, &boss_name, &admins(&tenant), &[], &json!({ "admins": [1, boss, other] })).await;
    let unknown = put(&house, &boss_name, &admins(&tenant), &[], &json!({ "admins": [1, boss, 999] })).await;
    assert_eq!((said(&unseen), said(&unknown)), ((400, 222_207_916), (400, 222_207_916)));
    let text =
        |answer: &Answer, id: u64| String::from_utf8_lossy(&answer.body).replace(&format!("{id}."), "N.");
    assert_eq!(text(&unseen, other), text(&unknown, 999));
    let replaced = json!({ "name": "mine", "status": 1 });
    for id in [foreign, 1, 999] {
        for (method, path, body) in [
            (Method::GET, format!("{TENANTS}/{id}"), None),
            (Method::PUT, format!("{TENANTS}/{id}"), Some(&replaced)),
            (Method::DELETE, format!("{TENANTS}/{id}"), None),
            (Method::GET, admins(&id), None),
            (Method::PUT, admins(&id), Some(&json!({ "admins": [] }))),
        ] {
            let headers: &[&str] = if body.is_some() { &[JSON] } else { &[] };
            let sent = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
            let answer = house.send_as(&boss_name, method.clone(), &path, headers, sent).await;
            assert_eq!(said(&answer), (404, 222_208_573), "{method} {path}");
        }
    }
    let renamed = put(&house, &boss_name, &format!("{TENANTS}/{tenant}"), &[], &replaced).await;
    assert_eq!(said(&renamed), (403, 222_208_103), "a taken name would tell him of other tenants");
    assert_eq!(house.state(), before);
    let replaced = json!({ "name": "OrgA", "status": 0 });
    assert_eq!(
        put(&house, &boss_name, &format!("{TENANTS}/{tenant}"), &[], &replaced).await.status,
        StatusCode::OK
    );
    // Who takes his own access away has none.
    assert_eq!(
        put(&house, &boss_name, &admins(&tenant), &[], &json!({ "admins": [1] })).await.status,
        StatusCode::OK
    );
    assert_eq!(said(&house.get_as(&boss_name, &admins(&tenant)).await), (404, 222_208_573));
}

#[tokio::test]
async fn what_was_shared_with_a_tenant_is_not_when_it_is_gone() {
    let house = House::new(Config::default());
    let (tenant, _) = house.tenant("OrgA").await;
    let (other, _) = house.tenant("OrgB").await;
    let source = json!({ "name": "S", "dataStore": 1, "options": {} });
    let source =
        house.post_as(ADMIN, SOURCES, &source).await.json()["id"].as_str().expect("a text").to_owned();
    let shares = format!("{SOURCES}/{source}/sharedTenants");
    let share = json!({ "sharedTenants": [
        { "tenantId": tenant, "permissions": [2] }, { "tenantId": other, "permissions": [2] },
    ] });
    let given = house.post_as(ADMIN, &shares, &share).await;
    assert!(given.status.is_success(), "{given:?}");
    let before = etag(&house.get_as(ADMIN, &format!("{SOURCES}/{source}?details=true")).await);
    let gone = delete(&house, ADMIN, &format!("{TENANTS}/{tenant}")).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let left = house.get_as(ADMIN, &shares).await.json().to_string();
    assert!(
        left.contains(&format!("\"tenantId\":{other}")) && !left.contains(&format!("\"tenantId\":{tenant}")),
        "{left}"
    );
    let after = etag(&house.get_as(ADMIN, &format!("{SOURCES}/{source}?details=true")).await);
    assert_ne!(before, after, "the data source changed");
}

#[tokio::test]
async fn repeated_requests_about_tenants_happen_once_and_answer_the_same() {
    let house = House::new(Config::default());
    let (tenant, _) = house.tenant("OrgA").await;
    let path = format!("{TENANTS}/{tenant}");
    let (body, admins) =
        (json!({ "name": "OrgB", "status": 1, "description": "text" }), json!({ "admins": [] }));
    for (path, body) in [(path.clone(), &body), (format!("{path}/admins"), &admins)] {
        let first = put(&house, ADMIN, &path, &["idempotency-key: one"], body).await;
        assert_eq!(first.status, StatusCode::OK, "{first:?}");
        let before = house.state();
        let second = put(&house, ADMIN, &path, &["idempotency-key: one"], body).await;
        assert_eq!((second.status, &second.body, etag(&second)), (StatusCode::OK, &first.body, etag(&first)));
        assert_eq!(house.state(), before);
    }
    for _ in 0..2 {
        let gone =
            house.send_as(ADMIN, Method::DELETE, &path, &["idempotency-key: two"], Body::empty()).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
    }
}

/// Which roles the system tenant has is not told to who can't make a tenant there.
#[tokio::test]
async fn l9_a_role_to_be_imported_is_not_looked_for_before_its_taker_may_take_it() {
    let house = House::new(Config::default());
    let (tenant, roles) = house.tenant("Child").await;
    let asker = house.user("asker", tenant, &[roles[0]], &[25]).await;
    let body = |role: u64| json!({ "name": "Grandchild", "parentTenant": 1, "importedRoles": [role] });
    let there = house.post_as(&asker, "/api/admin/tenants", &body(2)).await;
    let nowhere = house.post_as(&asker, "/api/admin/tenants", &body(4711)).await;
    assert_eq!((there.status, &there.body), (StatusCode::FORBIDDEN, &nowhere.body), "{there:?}");
    assert_eq!(there.status, nowhere.status);
}
