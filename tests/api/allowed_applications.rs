//! What users allowed client applications: listed, taken back, and ended by what ends users and applications (hdp-api 5.2, 9.18).

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::scope::Scope;
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON};
use super::tokens::{ALLOWED, CLIENTS, Registered};

/// The first administrator, and three users of the system tenant: 2, 3 and 4.
async fn house() -> (House, [String; 3]) {
    let house = House::new(Config::default());
    let mut users = Vec::new();
    for name in ["ann", "bob", "carla"] {
        users.push(house.user(name, 1, &[2], &[]).await);
    }
    (house, users.try_into().expect("three"))
}

async fn register(house: &House, owner: &str, name: &str) -> Registered {
    house.client_of(owner, name, json!({})).await
}

async fn allow(house: &House, user: &str, client: &Registered) {
    house.code(client, user, &[Scope::OData]).await;
}

async fn listed(house: &House, user: &str) -> Value {
    let answer = house.get_as(user, ALLOWED).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["applications"].clone()
}

async fn delete(house: &House, user: &str, path: &str) -> Answer {
    house.send_as(user, Method::DELETE, path, &[], Body::empty()).await
}

#[tokio::test]
async fn what_a_user_allowed_is_listed_and_taken_back_by_him_alone() {
    let (house, [ann, bob, carla]) = house().await;
    let (first, second) =
        (register(&house, &ann, "TestOAuthApplication_1").await, register(&house, &ann, "other").await);
    allow(&house, &bob, &second).await;
    allow(&house, &bob, &first).await;
    allow(&house, &carla, &first).await;
    // As the page has it, in the order of the applications' ids.
    let row = json!({ "id": first.id, "name": "TestOAuthApplication_1", "scopes": ["api.access.odata"] });
    assert_eq!(
        listed(&house, &bob).await,
        json!([row, { "id": second.id, "name": "other", "scopes": ["api.access.odata"] }])
    );
    assert_eq!(listed(&house, &ann).await, json!([]), "whose they are is another thing");
    let page = house.get_as(&bob, &format!("{ALLOWED}?limit=1")).await.json();
    assert_eq!(page, json!({ "applications": [row], "next": first.id }));
    let page = house.get_as(&bob, &format!("{ALLOWED}?limit=1&after={}", first.id)).await.json();
    assert_eq!((&page["applications"][0]["id"], page.get("next")), (&json!(second.id), None));

    let path = format!("{ALLOWED}/{}", first.id);
    for other in [&ann, &ADMIN.to_owned()] {
        let refused = delete(&house, other, &path).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, 222_206_633), "{other}");
    }
    let done = delete(&house, &bob, &path).await;
    assert_eq!((done.status, done.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(house.facts().last().map(String::as_str), Some("GrantRevoked"));
    assert_eq!(delete(&house, &bob, &path).await.code(), 222_206_633, "again");
    assert_eq!(listed(&house, &bob).await[0]["id"], json!(second.id));
    assert_eq!(listed(&house, &carla).await, json!([row]), "another's");
    // Allowed again, it is another grant; the first one's history is over.
    allow(&house, &bob, &first).await;
    let history = house.get_as(ADMIN, "/api/audit/objects/grant/2/history").await.json();
    let kinds: Vec<&Value> =
        history["events"].as_array().expect("events").iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["GrantRevoked", "AuthorizationCodeIssued", "GrantAllowed"]);
    assert_eq!(house.get_as(ADMIN, "/api/audit/objects/grant/4/history").await.status, StatusCode::OK);
}

#[tokio::test]
async fn c4_a_reset_and_a_deletion_take_away_what_was_allowed() {
    let (house, [ann, bob, _]) = house().await;
    let client = register(&house, &ann, "app").await;
    for path in [format!("{CLIENTS}/{}/rotate", client.id), format!("{CLIENTS}/{}/reset", client.id)] {
        allow(&house, &bob, &client).await;
        let answer = house.send_as(&ann, Method::PUT, &path, &[JSON], "{\"overlapSeconds\":60}").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let left = usize::from(path.ends_with("rotate"));
        assert_eq!(listed(&house, &bob).await.as_array().map(Vec::len), Some(left), "{path}");
        delete(&house, &bob, &format!("{ALLOWED}/{}", client.id)).await;
    }
    allow(&house, &bob, &client).await;
    assert_eq!(
        delete(&house, &ann, &format!("{CLIENTS}/{}", client.id)).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(listed(&house, &bob).await, json!([]));
    assert_eq!(delete(&house, &bob, &format!("{ALLOWED}/{}", client.id)).await.code(), 222_206_633);
}

#[tokio::test]
async fn whose_applications_others_allowed_something_is_deleted_by_force_or_hands_them_on() {
    for (query, left) in [("?force=true", 0), ("?transferTo=4", 1)] {
        let (house, [ann, bob, carla]) = house().await;
        let client = register(&house, &ann, "app").await;
        // What he allowed himself keeps nobody.
        allow(&house, &ann, &client).await;
        allow(&house, &bob, &client).await;
        let refused = delete(&house, ADMIN, "/api/admin/users/2").await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, 222_299_046));
        let said = refused.json()["error"]["message"]["value"].as_str().expect("a text").to_owned();
        assert!(
            said.contains("force=true") && said.contains("transferTo=<userId>") && !said.contains("  "),
            "{said}"
        );
        let done = delete(&house, ADMIN, &format!("/api/admin/users/2{query}")).await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{done:?}");
        assert_eq!(listed(&house, &bob).await.as_array().map(Vec::len), Some(left), "{query}");
        let owner = house.get_as(&carla, &format!("{CLIENTS}/{}", client.id)).await;
        let expected = if left == 1 { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(owner.status, expected, "{query}");
        assert!(house.facts().iter().any(|fact| fact == "GrantRevoked"), "his own");
    }
}

#[tokio::test]
async fn who_moves_takes_back_what_he_allowed_and_leaves_no_application_behind() {
    let (house, [ann, bob, _]) = house().await;
    let (tenant, roles) = house.tenant("OrgA").await;
    let client = register(&house, &ann, "app").await;
    allow(&house, &bob, &client).await;
    let put_in_org_a = async |id: u64, name: &str| {
        let body = json!({
            "userName": name, "tenantId": tenant, "statusInfo": { "status": 1 },
            "permissions": { "roles": [roles[0]], "permissions": [] },
        });
        let path = format!("/api/admin/users/{id}");
        house.send_as(ADMIN, Method::PUT, &path, &[JSON], body.to_string()).await
    };
    let refused = put_in_org_a(2, "ann").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, 222_299_046));
    let moved = put_in_org_a(3, "bob").await;
    assert_eq!(moved.status, StatusCode::OK, "{moved:?}");
    assert_eq!(listed(&house, &bob).await, json!([]));
}
