//! `/api/audit/access`: could a user do something in a tenant at a moment, why, and by which events.

use std::time::Duration;

use authledger::config::Config;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON};

fn house() -> House {
    House::new(Config::default())
}

async fn access(house: &House, auditor: &str, query: &str) -> Answer {
    house.get_as(auditor, &format!("/api/audit/access?{query}")).await
}

async fn told(house: &House, auditor: &str, query: &str) -> Value {
    let before = house.state();
    let answer = access(house, auditor, query).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {answer:?}");
    assert_eq!(house.state(), before, "to ask is no event");
    let body = answer.json();
    assert_eq!(answer.header("ledger-sequence"), Some(format!("1.{}", body["sequence"]).as_str()));
    body
}

/// The changes of an answer: effect, event and object.
fn changes(body: &Value) -> Vec<(&str, &str, &str)> {
    let all = body["changes"].as_array().expect("a list").iter();
    all.map(|change| {
        let text = |name: &str| change[name].as_str().expect("a text");
        (text("effect"), text("type"), text("stream"))
    })
    .collect()
}

/// The id of the user who was made last.
fn newest_user(house: &House) -> u64 {
    house.ledger.read(|view| view.state.users.rows.all().map(|(id, _)| id.0).max()).expect("somebody")
}

#[tokio::test]
async fn an_auditor_is_told_who_could_what_why_and_since_when() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    let auditor = house.user("auditor", tenant, &[roles[0]], &[101]).await;
    house.clock.advance(Duration::from_micros(1_500_001));
    house.user("ada", tenant, &[roles[0]], &[5]).await;
    let (ada, created) = (newest_user(&house), house.ledger.size() - 1);
    for by in [&auditor, ADMIN] {
        let body = told(&house, by, "user=ada&permission=5").await;
        let at = body["changes"][0]["recordedAt"].clone();
        let expected = json!({
            "user": ada, "permission": 5, "permissionName": "UseDataSourceWithJDBC", "tenant": tenant,
            "sequence": created, "could": true,
            "why": {
                "user": "active", "home": tenant, "tenant": "present", "reach": "ownTenant",
                "held": [{ "permission": 5, "role": roles[0], "roleName": "User" }, { "permission": 5 }],
            },
            "changes": [{
                "effect": "granted", "sequence": created, "recordedAt": at, "type": "UserCreated",
                "stream": format!("user/{ada}"), "actor": "user/1",
            }],
        });
        assert_eq!(body, expected);
    }
    // By id, in another case, in the tenant that is named, at the moment that is named: the same.
    let whole = told(&house, &auditor, "user=ada&permission=5").await;
    for query in [
        format!("user={ada}&permission=5"),
        "user=ADA&permission=5".to_owned(),
        format!("user=ada&permission=5&tenant={tenant}"),
        format!("user=ada&permission=5&asOf={created}"),
        format!("user=ada&permission=5&asOf={}", whole["changes"][0]["recordedAt"].as_str().expect("a time")),
    ] {
        assert_eq!(told(&house, &auditor, &query).await, whole, "{query}");
    }
    // What he does not hold, and what does not reach.
    let body = told(&house, &auditor, "user=ada&permission=13").await;
    assert_eq!(
        (&body["could"], &body["why"]["held"], &body["changes"]),
        (&json!(false), &json!([]), &json!([]))
    );
    let body = told(&house, ADMIN, "user=ada&permission=5&tenant=1").await;
    assert_eq!((&body["could"], body["why"].get("reach")), (&json!(false), None));
    // The administrator can everything everywhere, and who audits the system is told of him.
    let body = told(&house, ADMIN, &format!("user=d2cadmin&permission=13&tenant={tenant}")).await;
    assert_eq!((&body["could"], &body["why"]["reach"]), (&json!(true), &json!("administrator")));
    assert_eq!(changes(&body), [("granted", "TenantCreated", format!("tenant/{tenant}").as_str())]);
}

#[tokio::test]
async fn l9_an_auditor_of_a_tenant_asks_about_its_users_and_others_are_not_there() {
    let house = house();
    let (own, roles) = house.tenant("OrgA").await;
    let (other, other_roles) = house.tenant("OrgB").await;
    let auditor = house.user("auditor", own, &[roles[0]], &[101]).await;
    let administrator = house.user("twelve", own, &[roles[0]], &[12]).await;
    house.user("bruno", other, &[other_roles[0]], &[]).await;
    let bruno = newest_user(&house);
    let last = house.ledger.size() - 1;
    for by in [&auditor, &administrator] {
        for rest in ["", &format!("&tenant={own}"), &format!("&asOf={last}"), "&asOf=1"] {
            // What is there stands on the left, what never was on the right.
            for (there, nowhere) in
                [("bruno", "xaver"), ("d2cadmin", "xaveradm"), (&bruno.to_string(), "9"), ("1", "8")]
            {
                let [there, nowhere] =
                    [there, nowhere].map(|who| (who, format!("user={who}&permission=1{rest}")));
                let (is, is_not) = (access(&house, by, &there.1).await, access(&house, by, &nowhere.1).await);
                assert_eq!((is.status, is.code()), (StatusCode::NOT_FOUND, 222_207_916), "{}", there.1);
                let text = |answer: &Answer, who: &str| {
                    String::from_utf8_lossy(&answer.body).replace(&format!(": {who}."), ": …")
                };
                assert_eq!((is_not.status, text(&is_not, nowhere.0)), (is.status, text(&is, there.0)));
            }
        }
        for tenant in [other, 1, 99] {
            let answer = access(&house, by, &format!("user=twelve&permission=1&tenant={tenant}")).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, 222_208_573), "{tenant}");
            let says = format!("There is no Tenant with that id: {tenant}.");
            assert_eq!(answer.json()["error"]["message"]["value"], json!(says));
        }
        assert_eq!(told(&house, by, "user=twelve&permission=101").await["could"], json!(true));
    }
    // Before somebody or something was, nobody could: 404, as for what never was.
    let answer = access(&house, ADMIN, "user=bruno&permission=1&asOf=5").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, 222_207_916));
    for tenant in [99, other] {
        let query = format!("user=d2cadmin&permission=1&asOf=5&tenant={tenant}");
        let answer = access(&house, ADMIN, &query).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, 222_208_573), "{tenant}");
    }
}

#[tokio::test]
async fn l11_a_question_that_is_none_is_400_and_an_unknown_permission_404() {
    let house = house();
    for (query, status, code, says) in [
        ("permission=1", 400, 222_299_008, "'user' is required"),
        ("user=d2cadmin", 400, 222_299_008, "'permission' is required"),
        ("user=d2cadmin&permission=x", 400, 222_299_008, "must be an id"),
        ("user=d2cadmin&permission=", 400, 222_299_008, "must be an id"),
        ("user=d2cadmin&permission=1&tenant=x", 400, 222_299_008, "must be an id"),
        ("user=d2cadmin&permission=1&asOf=x", 400, 222_299_008, "a sequence such as 42"),
        ("user=d2cadmin&permission=1&asOf=99", 400, 222_299_008, "not come yet"),
        ("user=d2cadmin&user=d2cadmin&permission=1", 400, 222_299_008, "twice"),
        ("user=d2cadmin&permission=1&more=1", 400, 222_299_008, "not known"),
        ("user=d2cadmin&permission=30", 404, 222_208_553, "30"),
        ("user=d2cadmin&permission=70000", 404, 222_208_553, "70000"),
        ("user=&permission=1", 404, 222_207_916, "no User"),
        ("user=0&permission=1", 404, 222_207_916, "no User"),
        ("user=18446744073709551615&permission=1", 404, 222_207_916, "no User"),
        ("user=18446744073709551616&permission=1", 404, 222_207_916, "no User"),
        ("user=d2cadmin&permission=1&tenant=18446744073709551615", 404, 222_208_573, "no Tenant"),
    ] {
        let answer = access(&house, ADMIN, query).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{query}: {answer:?}");
        let sentence = answer.json()["error"]["message"]["value"].as_str().expect("a sentence").to_owned();
        assert!(sentence.contains(says), "{query}: {sentence}");
    }
    // Who lacks 101 hears nothing else, whatever he asks.
    let plain = house.user("plain", 1, &[2], &[]).await;
    for query in ["", "user=nobody", "user=d2cadmin&permission=1&nonsense=1"] {
        assert_eq!(access(&house, &plain, query).await.status, StatusCode::FORBIDDEN, "{query}");
    }
}

/// Sends a change as the administrator, which must be done; answers with the sequence of its last event.
async fn change(house: &House, method: Method, path: &str, body: &Value) -> u64 {
    house.clock.advance(Duration::from_mins(1));
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let answer = house.send_as(ADMIN, method, path, &[JSON], body).await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
    house.ledger.size() - 1
}

/// What a user could, from the day he came until nothing of him was left but an id.
#[tokio::test]
async fn a_life_is_told_event_by_event_also_when_user_role_and_tenant_are_gone() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    let auditor = house.user("auditor", tenant, &[roles[0]], &[101]).await;
    let made = json!({ "name": "Data", "tenantId": tenant, "permissions": [1, 2] });
    let role = house.post_as(ADMIN, "/api/admin/roles", &made).await.json()["id"].as_u64().expect("an id");
    house.user("ada", tenant, &[role], &[]).await;
    let (ada, created) = (newest_user(&house), house.ledger.size() - 1);
    let user = format!("/api/admin/users/{ada}");
    let role_path = format!("/api/admin/roles/{role}");

    // Each with whether she could afterwards.
    let mut life = vec![(created, true)];
    let put = Method::PUT;
    let steps = [
        (&put, role_path.clone(), json!({ "name": "Data", "permissions": [2] }), false),
        (&put, format!("{user}/permissions"), json!({ "roles": [role], "permissions": [1] }), true),
        (&put, role_path.clone(), json!({ "name": "Data and more", "permissions": [1, 2] }), true),
        (&put, format!("{user}/statusinfo"), json!({ "status": 0 }), false),
        (&put, format!("{user}/statusinfo"), json!({ "status": 1 }), true),
        (&put, format!("{user}/permissions"), json!({ "roles": [roles[0]], "permissions": [] }), true),
        (&Method::DELETE, user.clone(), Value::Null, false),
    ];
    for (method, path, body, could) in steps {
        let sequence = change(&house, method.clone(), &path, &body).await;
        life.push((sequence, could));
        let now = told(&house, &auditor, &format!("user={ada}&permission=1")).await;
        assert_eq!(now["could"], json!(could), "{path}: {now}");
    }
    let by_name = access(&house, &auditor, "user=ada&permission=1").await;
    assert_eq!((by_name.status, by_name.code()), (StatusCode::NOT_FOUND, 222_207_916), "the name is erased");
    let whole = told(&house, &auditor, &format!("user={ada}&permission=1")).await;
    assert_eq!(
        changes(&whole),
        [
            ("granted", "UserCreated", format!("user/{ada}").as_str()),
            ("removed", "RoleUpdated", format!("role/{role}").as_str()),
            ("granted", "UserRolesSet", format!("user/{ada}").as_str()),
            ("removed", "UserStatusSet", format!("user/{ada}").as_str()),
            ("granted", "UserStatusSet", format!("user/{ada}").as_str()),
            ("removed", "UserDeleted", format!("user/{ada}").as_str()),
        ]
    );
    assert_eq!(whole["why"], json!({ "user": "deleted", "tenant": "present", "held": [] }));
    // The role and the tenant go, too; the past stays, for who audits the system.
    change(&house, Method::DELETE, &role_path, &Value::Null).await;
    for (place, (sequence, could)) in life.iter().enumerate() {
        let then = told(&house, &auditor, &format!("user={ada}&permission=1&asOf={sequence}")).await;
        assert_eq!(then["could"], json!(could), "as of {sequence}: {then}");
        assert_eq!(then["changes"].as_array().map(Vec::len), Some([1, 2, 3, 3, 4, 5, 5, 6][place]));
    }
    let then = told(&house, &auditor, &format!("user={ada}&permission=1&asOf={}", life[3].0)).await;
    let held = json!([{ "permission": 1, "role": role, "roleName": "Data and more" }, { "permission": 1 }]);
    assert_eq!(then["why"]["held"], held);
    let auditors_id = ada - 1;
    change(&house, Method::DELETE, &format!("/api/admin/users/{auditors_id}"), &Value::Null).await;
    for role in roles {
        change(&house, Method::DELETE, &format!("/api/admin/roles/{role}"), &Value::Null).await;
    }
    change(&house, Method::DELETE, &format!("/api/admin/tenants/{tenant}"), &Value::Null).await;
    let query = format!("user={ada}&permission=1&asOf={}", life[0].0);
    let then = told(&house, ADMIN, &query).await;
    assert_eq!((&then["could"], &then["why"]["tenant"]), (&json!(true), &json!("present")));
    let now = told(&house, ADMIN, &format!("user={ada}&permission=1")).await;
    assert_eq!((&now["could"], &now["why"]["tenant"]), (&json!(false), &json!("deleted")));
    assert_eq!(now["changes"], whole["changes"]);
}

#[tokio::test]
async fn l9_who_moved_is_known_in_each_tenant_for_the_time_he_lived_there() {
    let house = house();
    let (from, from_roles) = house.tenant("OrgA").await;
    let (to, to_roles) = house.tenant("OrgB").await;
    let of_from = house.user("auditorA", from, &[from_roles[0]], &[101]).await;
    let of_to = house.user("auditorB", to, &[to_roles[0]], &[101]).await;
    let made = json!({ "name": "Secret of A", "tenantId": from, "permissions": [1, 13] });
    let secret = house.post_as(ADMIN, "/api/admin/roles", &made).await.json()["id"].as_u64().expect("an id");
    house.user("ada", from, &[secret], &[]).await;
    let (ada, created) = (newest_user(&house), house.ledger.size() - 1);
    let moved = json!({
        "userName": "ada", "tenantId": to, "statusInfo": { "status": 1 },
        "permissions": { "roles": [to_roles[0]], "permissions": [] },
    });
    let came = change(&house, Method::PUT, &format!("/api/admin/users/{ada}"), &moved).await;
    change(
        &house,
        Method::PUT,
        &format!("/api/admin/roles/{secret}"),
        &json!({ "name": "Secret of A", "permissions": [2] }),
    )
    .await;
    let query = format!("user={ada}&permission=1");
    let before = format!("{query}&asOf={created}");
    for (auditor, query) in [(&of_from, &query), (&of_to, &before)] {
        let answer = access(&house, auditor, query).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, 222_207_916), "{query}");
    }
    let then = told(&house, &of_from, &before).await;
    assert_eq!((&then["could"], &then["why"]["held"][0]["roleName"]), (&json!(true), &json!("Secret of A")));
    let now = told(&house, &of_to, &query).await;
    assert!(!now.to_string().contains("Secret"), "{now}");
    assert_eq!((&now["could"], &now["sequence"]), (&json!(true), &json!(came)));
    let all = changes(&now);
    assert_eq!((all.len(), all[0].0), (1, "granted"));
    assert!(now["changes"][0]["sequence"].as_u64().is_some_and(|sequence| sequence > created));
    // Who audits the system sees both tenants, each with its own end of it.
    let whole = told(&house, ADMIN, &format!("{query}&tenant={from}")).await;
    let effects: Vec<&str> = changes(&whole).iter().map(|change| change.0).collect();
    assert_eq!(effects, ["granted", "removed"]);
}

/// Who asks for what in which tenant: the answer is what the server itself says when he tries, also after everybody lost
/// everything.
#[tokio::test]
async fn could_is_what_the_server_said_when_he_tried() {
    const PERMISSIONS: [u16; 7] = [2, 14, 18, 25, 28, 101, 102];
    let house = house();
    let (a, of_a) = house.tenant("OrgA").await;
    let (b, of_b) = house.tenant("OrgB").await;
    let homes = [(1, 2), (a, of_a[0]), (b, of_b[0])];
    let mut members = Vec::new();
    for (tenant, role) in homes {
        house.app(ADMIN, &format!("app of {tenant}"), Some(tenant)).await;
        let name = format!("member{tenant}");
        house.user(&name, tenant, &[role], &[]).await;
        members.push((tenant, role, name, newest_user(&house)));
    }
    // Where he lives, what he holds, on which tenants he has administrative access.
    let all_but_12: &[u16] = &[2, 11, 14, 18, 21, 25, 28, 101, 102];
    let rows: [(u64, &[u16], &[u64]); 10] = [
        (1, &[12], &[]),
        (a, &[12], &[]),
        (1, all_but_12, &[1, a]),
        (1, all_but_12, &[]),
        (a, all_but_12, &[a]),
        (a, all_but_12, &[]),
        (b, &[11, 14, 18], &[b]),
        (1, &[2, 11, 14, 21], &[b]),
        (1, &[2, 11, 14], &[b]),
        (1, &[28], &[1, a, b]),
    ];
    let mut callers = Vec::new();
    for (number, (home, held, access)) in rows.into_iter().enumerate() {
        let made = json!({ "name": format!("nothing {number}"), "tenantId": home });
        let role =
            house.post_as(ADMIN, "/api/admin/roles", &made).await.json()["id"].as_u64().expect("an id");
        let caller = house.user(&format!("caller{number}"), home, &[role], held).await;
        let id = newest_user(&house);
        for tenant in access {
            let path = format!("/api/admin/tenants/{tenant}/admins");
            let mut admins = house.get_as(ADMIN, &path).await.json();
            admins["admins"].as_array_mut().expect("a list").push(json!(id));
            change(&house, Method::PUT, &path, &admins).await;
        }
        callers.push((caller, id, home, role));
    }
    let mut tried = Vec::new();
    for (caller, id, home, _) in &callers {
        for (place, (tenant, role, member, member_id)) in members.iter().enumerate() {
            for permission in PERMISSIONS {
                let path = match permission {
                    2 if tenant == home => "/api/mgmt/datasources".to_owned(),
                    2 => format!("/api/mgmt/datasources?user={member}"),
                    14 => format!("/api/admin/users/{member_id}"),
                    18 => format!("/api/admin/roles/{role}"),
                    25 => format!("/api/admin/tenants/{tenant}"),
                    28 => format!("/api/mgmt/oauthapps/{}", place + 1),
                    101 => format!("/api/audit/objects/tenant/{tenant}/history"),
                    _ => "/api/operate/status".to_owned(),
                };
                let answer = house.get_as(caller, &path).await;
                tried.push((*id, permission, *tenant, answer.status == StatusCode::OK));
            }
        }
    }
    let before = house.ledger.size() - 1;
    for (_, id, _, role) in &callers {
        let nothing = json!({ "roles": [role], "permissions": [] });
        change(&house, Method::PUT, &format!("/api/admin/users/{id}/permissions"), &nothing).await;
    }
    let mut could = 0;
    for (id, permission, tenant, was_done) in tried {
        let query = format!("user={id}&permission={permission}&tenant={tenant}");
        let then = told(&house, ADMIN, &format!("{query}&asOf={before}")).await;
        assert_eq!(then["could"], json!(was_done), "{query}: {then}");
        could += usize::from(was_done);
        assert_eq!(told(&house, ADMIN, &query).await["could"], json!(false), "{query}");
    }
    assert!((60..150).contains(&could), "{could} of 210");
}
