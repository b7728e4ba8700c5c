//! Limits at the four levels (hdp-api 7.1): what is answered, who sees which, and lists by pages.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON, SOURCES};

const LIMITS: &str = "/api/admin/limits";

fn fresh() -> House {
    House::new(Config::default())
}

/// Sends `{"value": …}`.
async fn send(house: &House, user: &str, method: Method, path: &str, value: u64) -> Answer {
    let body = json!({ "value": value }).to_string();
    house.send_as(user, method, &format!("{LIMITS}/{path}"), &[JSON], body).await
}

async fn get(house: &House, user: &str, path: &str) -> Answer {
    house.get_as(user, &format!("{LIMITS}/{path}")).await
}

async fn delete(house: &House, user: &str, path: &str) -> Answer {
    house.send_as(user, Method::DELETE, &format!("{LIMITS}/{path}"), &[], Body::empty()).await
}

/// Status and code.
fn outcome(answer: &Answer) -> (u16, u64) {
    let code = if answer.status.is_success() { 0 } else { answer.code() };
    (answer.status.as_u16(), code)
}

fn id(body: &Value) -> u64 {
    body.as_u64().or_else(|| body.as_str()?.parse().ok()).expect("an id")
}

/// A tenant, a user of the system tenant who administers it with permission 27, and the id of an ordinary user of it.
async fn tenant_with_keeper(house: &House, name: &str) -> (u64, String, u64) {
    let (keeper, user) = (format!("keeper_{name}"), format!("user_{name}"));
    let credentials = house.user(&keeper, 1, &[2], &[27]).await;
    let admins = [user_id(house, &keeper).await];
    let body = json!({ "name": name, "parentTenant": 1, "importedRoles": [2], "admins": admins });
    let made = house.post_as(ADMIN, "/api/admin/tenants", &body).await.json();
    let (tenant, role) = (id(&made["id"]), id(&made["roles"][0]));
    house.user(&user, tenant, &[role], &[]).await;
    (tenant, credentials, user_id(house, &user).await)
}

async fn user_id(house: &House, name: &str) -> u64 {
    let users = house.get_as(ADMIN, "/api/admin/users").await.json();
    let users = users["users"].as_array().expect("users").clone();
    id(&users.iter().find(|user| user["userName"] == name).expect("he is there")["id"])
}

async fn source(house: &House, user: &str, name: &str) -> u64 {
    let body = json!({ "name": name, "dataStore": 1, "options": {} });
    let made = house.post_as(ADMIN, &format!("{SOURCES}?user={user}"), &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    id(&made.json()["id"])
}

#[tokio::test]
async fn the_catalogue_is_hdps_and_says_what_has_an_effect() {
    let house = fresh();
    let list = house.get_as(ADMIN, LIMITS).await.json();
    let list = list["limits"].as_array().expect("limits");
    assert_eq!(list.len(), 13);
    let first = json!({
        "id": 1, "name": "MaxFetchRows", "description": list[0]["description"], "unit": "rows", "minValue": 1,
        "maxValue": 9_000_000_000_000_000_000_u64, "defaultValue": 9_000_000_000_000_000_000_u64,
        "validForLimits": 15, "effective": false,
    });
    assert_eq!(list[0], first);
    let numbers = |row: &Value| {
        ["minValue", "maxValue", "defaultValue", "validForLimits"].map(|name| row[name].as_u64())
    };
    assert_eq!(numbers(&list[1]), [1, 1_000_000_000, 900, 1].map(Some));
    assert_eq!(numbers(&list[2]), [0, 1_000_000, 3, 1].map(Some));
    assert_eq!(numbers(&list[3]), [1, 221_000_000_000, 1800, 1].map(Some));
    assert_eq!(numbers(&list[6]), [1, 1440, 60, 1].map(Some));
    assert_eq!((&list[6]["id"], &list[6]["name"]), (&json!(8), &json!("OAuthAccessTokenLifetime")));
}

#[tokio::test]
async fn a_limit_is_set_changed_and_taken_away_as_on_hdps_pages() {
    let house = fresh();
    let (tenant, ..) = tenant_with_keeper(&house, "A").await;
    let user = user_id(&house, "user_A").await;
    let source = source(&house, "user_A", "one").await;
    for path in [
        "system/1".to_owned(),
        format!("tenants/{tenant}/1"),
        format!("users/{user}/1"),
        format!("users/{user}/datasources/{source}/1"),
    ] {
        let path = path.as_str();
        let before = house.state();
        assert_eq!(outcome(&get(&house, ADMIN, path).await), (404, 222_299_042), "{path}");
        assert_eq!(outcome(&send(&house, ADMIN, Method::PUT, path, 1).await), (404, 222_299_042), "{path}");
        assert_eq!(outcome(&delete(&house, ADMIN, path).await), (404, 222_299_042), "{path}");
        assert_eq!(outcome(&send(&house, ADMIN, Method::POST, path, 0).await), (400, 222_207_929), "{path}");
        assert_eq!(house.state(), before);

        let made = send(&house, ADMIN, Method::POST, path, 400).await;
        let shown = json!({ "value": 400, "effective": false });
        assert_eq!((made.status, made.json()), (StatusCode::CREATED, shown.clone()), "{path}");
        let location = format!("http://127.0.0.1:8080{LIMITS}/{path}");
        assert_eq!(made.header("location"), Some(location.as_str()));
        let got = get(&house, ADMIN, path).await;
        assert_eq!(
            (got.status, got.json(), got.header("etag")),
            (StatusCode::OK, shown, made.header("etag"))
        );
        assert_eq!(
            outcome(&send(&house, ADMIN, Method::POST, path, 400).await),
            (409, 222_299_043),
            "{path}"
        );

        // What a GET answered can be sent back.
        let full = format!("{LIMITS}/{path}");
        let tag = format!("if-match: {}", got.header("etag").expect("an ETag"));
        let body = String::from_utf8(got.body).expect("UTF-8");
        let put = house.send_as(ADMIN, Method::PUT, &full, &[JSON, &tag], body.clone()).await;
        assert_eq!((put.status, put.json()["value"].as_u64()), (StatusCode::OK, Some(400)), "{put:?}");
        let stale = house.send_as(ADMIN, Method::PUT, &full, &[JSON, &tag], body).await;
        assert_eq!(outcome(&stale), (412, 222_299_013));
        let stale = house.send_as(ADMIN, Method::DELETE, &full, &[&tag], Body::empty()).await;
        assert_eq!(outcome(&stale), (412, 222_299_013));
        let chosen = json!({ "value": 5, "effective": true }).to_string();
        let refused = house.send_as(ADMIN, Method::PUT, &full, &[JSON], chosen).await;
        assert_eq!(outcome(&refused), (400, 222_299_004));

        assert_eq!(delete(&house, ADMIN, path).await.status, StatusCode::NO_CONTENT);
        assert_eq!(outcome(&get(&house, ADMIN, path).await), (404, 222_299_042), "{path}");
    }
    let range = send(&house, ADMIN, Method::POST, "system/2", 0).await;
    let sentence = range.json()["error"]["message"]["value"].clone();
    assert_eq!(sentence, "Limit value not in range(1, 1000000000).");
}

#[tokio::test]
async fn a_limit_is_there_only_where_it_can_be_set() {
    let house = fresh();
    let (tenant, _, user) = tenant_with_keeper(&house, "A").await;
    let source = source(&house, "user_A", "one").await;
    let of_source = format!("users/{user}/datasources/{source}");
    for (limit, levels) in [(1, 4), (24, 3), (3, 1), (7, 0), (65_536, 0)] {
        let places =
            ["system".to_owned(), format!("tenants/{tenant}"), format!("users/{user}"), of_source.clone()];
        for (place, level) in places.iter().enumerate() {
            let expected = if place < levels { (404, 222_299_042) } else { (404, 222_299_041) };
            let path = format!("{level}/{limit}");
            assert_eq!(outcome(&get(&house, ADMIN, &path).await), expected, "{path}");
            if place >= levels {
                assert_eq!(outcome(&send(&house, ADMIN, Method::POST, &path, 1).await), expected, "{path}");
                assert_eq!(outcome(&delete(&house, ADMIN, &path).await), expected, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn who_keeps_a_tenants_limits_sees_that_tenants_alone() {
    let house = fresh();
    let (a, keeper, user_a) = tenant_with_keeper(&house, "A").await;
    let (b, _, user_b) = tenant_with_keeper(&house, "B").await;
    let (source_a, source_b) = (source(&house, "user_A", "one").await, source(&house, "user_B", "one").await);
    for path in [
        "system/1".to_owned(),
        format!("tenants/{a}/1"),
        format!("tenants/{b}/1"),
        format!("users/{user_a}/1"),
        format!("users/{user_b}/1"),
        format!("users/{user_a}/datasources/{source_a}/1"),
        format!("users/{user_b}/datasources/{source_b}/1"),
    ] {
        assert_eq!(send(&house, ADMIN, Method::POST, &path, 9).await.status, StatusCode::CREATED, "{path}");
    }
    let keeper = keeper.as_str();
    for path in [
        format!("tenants/{a}/1"),
        format!("users/{user_a}/1"),
        format!("users/{user_a}/datasources/{source_a}/1"),
    ] {
        assert_eq!(get(&house, keeper, &path).await.status, StatusCode::OK, "{path}");
        assert_eq!(send(&house, keeper, Method::PUT, &path, 8).await.status, StatusCode::OK, "{path}");
        assert_eq!(delete(&house, keeper, &path).await.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(send(&house, keeper, Method::POST, &path, 7).await.status, StatusCode::CREATED, "{path}");
    }
    assert_eq!(outcome(&get(&house, keeper, "system").await), (403, 222_208_103));
    assert_eq!(outcome(&send(&house, keeper, Method::PUT, "system/1", 8).await), (403, 222_208_103));
    let before = house.state();
    // Foreign and unknown answer with the same bytes, but for the id that was sent.
    for (foreign, unknown) in [
        (format!("tenants/{b}"), "tenants/999".to_owned()),
        (format!("tenants/{b}/1"), "tenants/999/1".to_owned()),
        (format!("users/{user_b}"), "users/999".to_owned()),
        (format!("users/{user_b}/1"), "users/999/1".to_owned()),
        (format!("users/{user_b}/datasources"), "users/999/datasources".to_owned()),
        (format!("users/{user_a}/datasources/{source_b}/1"), format!("users/{user_a}/datasources/999/1")),
        (format!("users/{user_b}/datasources/{source_b}/1"), format!("users/999/datasources/{source_b}/1")),
    ] {
        let text = |answer: Answer, ids: [u64; 3]| {
            let mut text = String::from_utf8(answer.body).expect("UTF-8");
            for id in ids {
                text = text
                    .replace(&format!("id: {id}"), "id: ?")
                    .replace(&format!("id={id} does"), "id=? does");
            }
            (answer.status, text)
        };
        let foreign_is = text(get(&house, keeper, &foreign).await, [b, user_b, source_b]);
        assert_eq!(foreign_is.0, StatusCode::NOT_FOUND, "{foreign}");
        assert_eq!(foreign_is, text(get(&house, keeper, &unknown).await, [999, 999, 999]), "{foreign}");
        if foreign.ends_with("/1") {
            let put = text(send(&house, keeper, Method::PUT, &foreign, 1).await, [b, user_b, source_b]);
            assert_eq!(put, foreign_is);
        }
    }
    assert_eq!(house.state(), before);
    let ids = |list: Value, of: &str, id: &str| -> Vec<u64> {
        list[of].as_array().expect("a list").iter().map(|row| row[id].as_u64().expect("an id")).collect()
    };
    let (tenants, users) =
        (get(&house, keeper, "tenants").await.json(), get(&house, keeper, "users").await.json());
    assert_eq!(ids(tenants, "tenantLimits", "tenantId"), [a]);
    assert_eq!(ids(users, "userLimits", "userId"), [user_a]);
}

#[tokio::test]
async fn lists_name_what_has_limits_and_come_in_pages() {
    let house = fresh();
    let (a, keeper, _) = tenant_with_keeper(&house, "A").await;
    let mut users = Vec::new();
    for number in 0..6 {
        let name = format!("extra_{number}");
        house.user(&name, a, &[house_role(&house, a).await], &[]).await;
        users.push(user_id(&house, &name).await);
    }
    let mut sources = Vec::new();
    for number in 0..4 {
        sources.push(source(&house, "extra_0", &format!("s{number}")).await);
    }
    send(&house, ADMIN, Method::POST, &format!("tenants/{a}/1"), 9).await;
    send(&house, ADMIN, Method::POST, &format!("tenants/{a}/24"), 2).await;
    for user in [users[0], users[2], users[5]] {
        send(&house, ADMIN, Method::POST, &format!("users/{user}/6"), 3).await;
    }
    for source in [sources[1], sources[3]] {
        send(&house, ADMIN, Method::POST, &format!("users/{}/datasources/{source}/15", users[0]), 3).await;
    }
    let limits =
        json!([{ "id": 1, "value": 9, "effective": false }, { "id": 24, "value": 2, "effective": false }]);
    let row = json!({ "tenantId": a, "tenantName": "A", "limits": limits });
    for who in [ADMIN, &keeper] {
        assert_eq!(get(&house, who, "tenants").await.json(), json!({ "tenantLimits": [row] }));
        assert_eq!(get(&house, who, &format!("tenants/{a}")).await.json(), json!({ "limits": limits }));
        let of = |number: usize| {
            let limits = json!([{ "id": 6, "value": 3, "effective": false }]);
            json!({ "userId": users[number], "userName": format!("extra_{number}"), "limits": limits })
        };
        let all = get(&house, who, "users").await.json();
        assert_eq!(all, json!({ "userLimits": [of(0), of(2), of(5)] }));
        let first = get(&house, who, "users?limit=2").await.json();
        assert_eq!(first, json!({ "userLimits": [of(0), of(2)], "next": users[2] }));
        let rest = get(&house, who, &format!("users?limit=2&after={}", users[2])).await.json();
        assert_eq!(rest, json!({ "userLimits": [of(5)] }));
        let of = |number: usize| {
            let limits = json!([{ "id": 15, "value": 3, "effective": false }]);
            let name = format!("s{number}");
            json!({ "dataSourceId": sources[number], "dataSourceName": name, "isGroup": false, "limits": limits })
        };
        let path = format!("users/{}/datasources", users[0]);
        assert_eq!(get(&house, who, &path).await.json(), json!({ "dataSourceLimits": [of(1), of(3)] }));
        let first = get(&house, who, &format!("{path}?limit=1")).await.json();
        assert_eq!(first, json!({ "dataSourceLimits": [of(1)], "next": sources[1] }));
    }
    let none = get(&house, ADMIN, &format!("users/{}/datasources", users[1])).await.json();
    assert_eq!(none, json!({ "dataSourceLimits": [] }));
    assert_eq!(get(&house, ADMIN, "system").await.json(), json!({ "limits": [] }));
    send(&house, ADMIN, Method::POST, "system/3", 5).await;
    let system = get(&house, ADMIN, "system").await.json();
    assert_eq!(system, json!({ "limits": [{ "id": 3, "value": 5, "effective": true }] }));
}

async fn house_role(house: &House, tenant: u64) -> u64 {
    let roles = house.get_as(ADMIN, &format!("/api/admin/roles?tenantID={tenant}")).await.json();
    id(&roles["roles"][0]["id"])
}

#[tokio::test]
async fn a_repeated_request_is_done_once_and_answered_the_same() {
    let house = fresh();
    let (path, body) = (format!("{LIMITS}/system/1"), json!({ "value": 4 }).to_string());
    let headers = [JSON, "idempotency-key: k"];
    let first = house.send_as(ADMIN, Method::POST, &path, &headers, body.clone()).await;
    let size = house.ledger.size();
    let again = house.send_as(ADMIN, Method::POST, &path, &headers, body).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(first.header("etag"), again.header("etag"));
    let key = ["idempotency-key: d"];
    let gone = house.send_as(ADMIN, Method::DELETE, &path, &key, Body::empty()).await;
    let again = house.send_as(ADMIN, Method::DELETE, &path, &key, Body::empty()).await;
    assert_eq!((gone.status, again.status), (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT));
    assert_eq!(house.ledger.size(), size + 1);
    assert_eq!(
        house.facts().split_off(usize::try_from(size - 1).expect("small")),
        ["LimitSet", "LimitCleared"]
    );
}

#[tokio::test]
async fn what_a_limit_or_a_configuration_was_is_answered_as_of_then() {
    let house = fresh();
    let (tenant, keeper, _) = tenant_with_keeper(&house, "A").await;
    for path in ["system/3".to_owned(), format!("tenants/{tenant}/1")] {
        let before = house.ledger.size() - 1;
        send(&house, ADMIN, Method::POST, &path, 5).await;
        send(&house, ADMIN, Method::PUT, &path, 6).await;
        delete(&house, ADMIN, &path).await;
        let then = |sequence: u64| format!("{path}?asOf={sequence}");
        assert_eq!(outcome(&get(&house, ADMIN, &then(before)).await), (404, 222_299_042), "{path}");
        for (sequence, value) in [(before + 1, 5), (before + 2, 6)] {
            let was = get(&house, ADMIN, &then(sequence)).await;
            assert_eq!((was.status, &was.json()["value"]), (StatusCode::OK, &json!(value)), "{path}");
            assert_eq!(was.header("etag"), None);
        }
        assert_eq!(outcome(&get(&house, ADMIN, &then(before + 3)).await), (404, 222_299_042), "{path}");
    }
    let last = house.ledger.size() - 1;
    assert_eq!(outcome(&get(&house, &keeper, &format!("system/3?asOf={last}")).await), (403, 222_208_103));
    let path = "/api/admin/configurations/2";
    let body = json!({ "value": "false" }).to_string();
    house.send_as(ADMIN, Method::PUT, path, &[JSON], body).await;
    for (sequence, value) in [(0, "true"), (last, "true"), (last + 1, "false")] {
        let was = house.get_as(ADMIN, &format!("{path}?asOf={sequence}")).await;
        assert_eq!(was.json()["value"], value, "{sequence}");
    }
}
