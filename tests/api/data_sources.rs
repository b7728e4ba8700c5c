//! `/api/mgmt/datasources`, `/api/mgmt/datastores`, `/api/mgmt/permissions`, and what HDP has and we don't.

use authledger::config::{Config, Reveal};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON, SOURCES};

fn house() -> House {
    House::new(Config::default())
}

fn source(name: &str, store: u64, options: impl Into<Value>) -> Value {
    json!({ "name": name, "dataStore": store, "options": options.into() })
}

async fn put(house: &House, user: &str, id: u64, body: &Value) -> Answer {
    house.send_as(user, Method::PUT, &format!("{SOURCES}/{id}"), &[JSON], body.to_string()).await
}

async fn show(house: &House, user: &str, id: u64) -> Value {
    house.get_as(user, &format!("{SOURCES}/{id}")).await.json()
}

#[tokio::test]
async fn a_put_replaces_plain_options_and_keeps_sealed_ones_that_are_left_out() {
    let house = house();
    let options = json!({ "ODataVersion": "4", "Password": "s3cret", "Proxy": "a.example" });
    let mut body = source("Source", 1, options.clone());
    body["description"] = json!("before");
    let made = house.post_as(ADMIN, SOURCES, &body).await;
    assert_eq!((made.status, made.json()["options"].clone()), (StatusCode::CREATED, options));
    // What a GET answered can be put back.
    let read = show(&house, ADMIN, 1).await;
    let same = put(&house, ADMIN, 1, &read).await;
    assert_eq!((same.status, same.json()), (StatusCode::OK, read));
    // Plain options are replaced; Proxy is on no list, so it is sealed, and stays like the password.
    let update = json!({ "name": "Source", "options": { "ConfigOptions": "x" } });
    let answer = put(&house, ADMIN, 1, &update).await;
    assert_eq!(answer.json()["options"], json!({ "ConfigOptions": "x" }));
    let read = show(&house, ADMIN, 1).await;
    assert_eq!(
        (read["options"].clone(), read.get("description")),
        (json!({ "ConfigOptions": "x", "Password": "s3cret", "Proxy": "a.example" }), None)
    );
    // Another value replaces one, an empty one takes it away.
    let update = json!({ "name": "Source", "options": { "Password": "other", "Proxy": "" } });
    assert_eq!(put(&house, ADMIN, 1, &update).await.json()["options"], json!({ "Password": "other" }));
    assert_eq!(show(&house, ADMIN, 1).await["options"], json!({ "Password": "other" }));
}

#[tokio::test]
async fn what_never_changes_may_be_repeated_and_nothing_else() {
    let house = house();
    house.post_as(ADMIN, SOURCES, &source("Source", 1, json!({}))).await;
    let with = |name: &str, value: Value| {
        let mut body = json!({ "name": "Source", "id": "1", "dataStore": "1", "connectionType": "Cloud", "isGroup": false });
        body[name] = value;
        body
    };
    assert_eq!(put(&house, ADMIN, 1, &with("id", json!(1))).await.status, StatusCode::OK);
    for (name, value, code, sentence) in [
        ("id", json!(2), 222_299_004, "keeps its id"),
        ("dataStore", json!(63), 222_299_004, "stays with its data store"),
        ("dataStore", json!(2), 222_299_004, "use the id of a data store: 1, 54, 56, 62, 63, 76"),
        ("connectionType", json!("Hybrid"), 222_207_008, "It must remain : Cloud."),
        ("connectionType", json!("cloud"), 222_207_005, "Your value was cloud."),
        ("isGroup", json!(true), 222_299_004, "data store 56"),
    ] {
        let before = house.state();
        let answer = put(&house, ADMIN, 1, &with(name, value)).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code), "{name}");
        let said = answer.json()["error"]["message"]["value"].to_string();
        assert!(said.contains(sentence), "{said}");
        assert_eq!(house.state(), before);
    }
}

#[tokio::test]
async fn options_are_checked_by_name() {
    let house = house();
    let cases = [
        (54, json!({ "ClientSecret": "x" }), "ClientSecret"),
        (54, json!({ "AccessToken": "x" }), "AccessToken"),
        (1, json!({ "ODataVersion": 4 }), "ODataVersion"),
        (1, json!({ "": "x" }), ""),
        (1, json!({ "TokenURI": "no uri" }), "TokenURI"),
        (1, json!({ "OAuthProfileId": "x" }), "OAuthProfileId"),
        (1, json!({ "Password": null }), "Password"),
    ];
    let before = house.state();
    for (store, options, name) in cases {
        let answer = house.post_as(ADMIN, SOURCES, &source("S", store, options)).await;
        assert_eq!(
            (answer.status, answer.json()["error"].clone()),
            (
                StatusCode::BAD_REQUEST,
                json!({ "code": "222207002", "message": { "lang": "en-US", "value": format!("Invalid DataSource Option: {name}.") } })
            )
        );
    }
    // At the limits and one past them: bytes of names and values, and number of options.
    let of_bytes =
        |bytes: usize| source("Long", 1, json!({ "Password": "x".repeat(bytes - "Password".len()) }));
    let of_count = |count: usize| {
        let options: serde_json::Map<String, Value> =
            (0..count).map(|n| (format!("o{n}"), json!("x"))).collect();
        source("Many", 1, Value::Object(options))
    };
    for body in [of_bytes(32_769), of_count(201)] {
        let answer = house.post_as(ADMIN, SOURCES, &body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::PAYLOAD_TOO_LARGE, 222_299_035));
    }
    assert_eq!(house.state(), before);
    for body in [of_bytes(32_768), of_count(200)] {
        assert_eq!(house.post_as(ADMIN, SOURCES, &body).await.status, StatusCode::CREATED);
    }
    // What is kept counts as well.
    let more = json!({ "name": "Long", "options": { "ODataVersion": "4" } });
    assert_eq!(put(&house, ADMIN, 1, &more).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn lists_are_filtered_by_type_and_odata_and_paged() {
    let house = house();
    for (name, store, options) in [
        ("a", 1, json!({ "ODataVersion": "4" })),
        ("b", 1, json!({})),
        ("c", 56, json!({ "ODataVersion": "4" })),
        ("d", 56, json!({})),
        ("e", 63, json!({ "ODataVersion": "4" })),
    ] {
        assert_eq!(
            house.post_as(ADMIN, SOURCES, &source(name, store, options)).await.status,
            StatusCode::CREATED
        );
    }
    for (query, expected) in [
        ("", "abcde"),
        ("?type=all", "abcde"),
        ("?type=simple", "abe"),
        ("?type=group", "cd"),
        ("?isOData=true", "ace"),
        ("?isOData=false", "bd"),
        ("?type=simple;isOData=true", "ae"),
        ("?isOData=false;type=group", "d"),
        ("?type=simple&isOData=false", "b"),
        ("?type=group;limit=1", "c"),
        ("?limit=2&after=1", "bc"),
        ("?details=true", "abcde"),
    ] {
        let list = house.get_as(ADMIN, &format!("{SOURCES}{query}")).await.json();
        let names: String = list["dataSources"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| row["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(names, expected, "{query}");
    }
    let page = house.get_as(ADMIN, &format!("{SOURCES}?type=group&limit=1")).await.json();
    assert_eq!(
        page,
        json!({ "dataSources": [{ "id": "3", "name": "c", "dataStore": 56, "connectionType": "Group", "isGroup": true }],
            "next": "3" })
    );
    for query in ["?type=other", "?isOData=yes", "?type=all;x=1", "?type=all;type=all", "?member=x"] {
        let answer = house.get_as(ADMIN, &format!("{SOURCES}{query}")).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_008), "{query}");
    }
    let answer = house
        .post_as(ADMIN, SOURCES, &json!({ "name": "g", "dataStore": 56, "connectionType": "Cloud" }))
        .await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_004));
    let answer = house
        .post_as(ADMIN, SOURCES, &json!({ "name": "g", "dataStore": 1, "connectionType": "Group" }))
        .await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_004));
}

#[tokio::test]
async fn sealed_options_are_shown_to_the_owner_and_recorded_and_never_otherwise() {
    let mut config = Config::default();
    config.secrets.reveal = Reveal::Never;
    let house = House::new(config);
    house.post_as(ADMIN, SOURCES, &source("S", 1, json!({ "Password": "p", "ODataVersion": "4" }))).await;
    assert_eq!(show(&house, ADMIN, 1).await["options"], json!({ "ODataVersion": "4" }));
    let then = house.ledger.size() - 1;
    put(&house, ADMIN, 1, &json!({ "name": "T", "options": {} })).await;
    let past = house.get_as(ADMIN, &format!("{SOURCES}/1?asOf={then}")).await.json();
    assert_eq!((&past["name"], &past["options"]), (&json!("S"), &json!({ "ODataVersion": "4" })));
    assert!(!house.facts().contains(&"SecretRevealed".to_owned()));
}

#[tokio::test]
async fn data_stores_say_what_their_data_sources_can_have() {
    let house = house();
    let list = house.get_as(ADMIN, "/api/mgmt/datastores").await.json();
    let rows = list["dataStores"].as_array().expect("a list");
    let ids: Vec<u64> = rows.iter().map(|row| row["id"].as_u64().expect("an id")).collect();
    assert_eq!(ids, [1, 54, 56, 62, 63, 76]);
    let analytics = house.get_as(ADMIN, "/api/mgmt/datastores/54").await.json();
    assert_eq!(&analytics, &rows[1]);
    assert_eq!(
        analytics,
        json!({ "id": 54, "name": "Google Analytics", "isBeta": false, "isGroup": false, "authorized": true,
            "connectionType": { "values": ["Cloud", "Hybrid"], "grantTypes": ["authorization_code"], "options": [
                { "name": "ODataVersion", "secret": false }, { "name": "DefaultQueryOptions", "secret": false },
                { "name": "ConfigOptions", "secret": false }, { "name": "OAuthProfileId", "secret": false }] } })
    );
    let missing = house.get_as(ADMIN, "/api/mgmt/datastores/2").await;
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, 222_299_033));
    let viewer = house.user("viewer", 1, &[2], &[]).await;
    assert_eq!(house.get_as(&viewer, "/api/mgmt/datastores/54").await.json()["authorized"], json!(true));
}

#[tokio::test]
async fn everybody_hears_what_he_holds() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    let user = house.user("user", tenant, &[roles[0]], &[28]).await;
    let own = house.get_as(&user, "/api/mgmt/permissions").await;
    assert_eq!(own.json(), json!({ "permissions": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 28] }));
    // On behalf it is what the other holds.
    let other = house.get_as(ADMIN, "/api/mgmt/permissions?user=user").await;
    assert_eq!(other.json(), own.json());
    let all = house.get_as(ADMIN, "/api/mgmt/permissions").await.json();
    assert_eq!(all["permissions"].as_array().map(Vec::len), Some(31));
}

#[tokio::test]
async fn what_hdp_has_and_we_do_not_says_so() {
    let house = house();
    for (method, path) in [
        (Method::POST, "/api/mgmt/datasources/1/map"),
        (Method::POST, "/api/mgmt/datasources/1/model"),
        (Method::GET, "/api/mgmt/datasources/1/model"),
        (Method::GET, "/api/admin/auth/types"),
        (Method::GET, "/api/admin/auth/types/1"),
        (Method::POST, "/api/admin/auth/services"),
        (Method::DELETE, "/api/admin/auth/services/1"),
        (Method::GET, "/api/admin/users/1/datasources/1/logging"),
        (Method::PUT, "/api/admin/users/1/datasources/1/logging"),
        (Method::GET, "/api/odata4/Source"),
        (Method::POST, "/api/odata4/Source/Accounts"),
    ] {
        let answer = house.send_as(ADMIN, method, path, &[], Body::empty()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::NOT_IMPLEMENTED, 222_299_034), "{path}");
    }
}
