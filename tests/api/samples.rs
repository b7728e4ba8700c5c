//! The requests of pages 002 and 004, sent as they are printed, with the counters brought to where the pages' ids stand.
//! Page 003 is in `oauth_apps.rs`.

use authledger::config::Config;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, House, JSON, PROFILES, SOURCES};
use super::oauth_apps::PAGE_003;

/// *Using the API to provide access with OAuth application and profile objects*, second request; its first is page 003's.
const PAGE_002_PROFILE: &str = r#"{
"name": "OAuth_User_1",
"oauthAppId": 17,
"description": "OAuth profile 1",
"accessToken": "111c334445e55",
"refreshToken": "222d88899966fa"
}"#;

/// Its third request.
const PAGE_002_DATA_SOURCE: &str = r#"{
"name": "OAuth2Datasource_Test",
"dataStore": 54,
"description": "DS for testing oauth profiles",
"options": {
"OAuthProfileId": "31",
"ODataVersion": "4",
"DefaultQueryOptions": "segmentId=-1;",
"ConfigOptions": "defaultView=Progress - No Filters"
}
}"#;

/// *Create an OAuth profile*.
const PAGE_004: &str = r#"{
"name": "User_1",
"oauthAppId": 17,
"description": "OAuth profile 1",
"accessToken": "111c334445e55",
"refreshToken": "222d88899966fa"
}"#;

/// A house with tenant 303, a user of it who may do all three requests, and 16 applications.
async fn house() -> (House, String) {
    let house = House::new(Config::default());
    for id in 2..=303 {
        let body = json!({ "name": format!("Tenant {id}"), "parentTenant": 1, "importedRoles": [2] });
        let answer = house.post_as(ADMIN, "/api/admin/tenants", &body).await;
        assert_eq!((answer.status, answer.json()["id"].clone()), (StatusCode::CREATED, json!(id)));
    }
    let tenant = house.get_as(ADMIN, "/api/admin/tenants/303").await.json();
    let role = tenant["roles"][0].as_u64().expect("a role");
    let user = house.user("TenantAUser", 303, &[role], &[28]).await;
    for id in 1..=16 {
        house.app(ADMIN, &format!("app {id}"), None).await;
    }
    (house, user)
}

/// The object as sent, with its id.
fn with_id(sent: &str, id: Value) -> Value {
    let mut body: Value = serde_json::from_str(sent).expect("JSON");
    body["id"] = id;
    body
}

async fn profiles(house: &House, user: &str, count: u64) {
    for id in 1..=count {
        let body = json!({ "name": format!("p{id}"), "oauthAppId": 17, "refreshToken": "r" });
        let answer = house.post_as(user, PROFILES, &body).await;
        assert_eq!((answer.status, answer.json()["id"].clone()), (StatusCode::CREATED, json!(id)));
    }
}

#[tokio::test]
async fn the_three_requests_of_page_002_answer_as_printed() {
    let (house, user) = house().await;
    // As printed it is no JSON; with its comma it is.
    let printed = house.send_as(&user, Method::POST, APPS, &[JSON], PAGE_003).await;
    assert_eq!((printed.status, printed.code()), (StatusCode::BAD_REQUEST, 222_207_007));
    let application = PAGE_003.replace("\"1912308409123890\"\n", "\"1912308409123890\",\n");
    let answer = house.send_as(&user, Method::POST, APPS, &[JSON], application.clone()).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, with_id(&application, json!("17"))));

    profiles(&house, &user, 30).await;
    let answer = house.send_as(&user, Method::POST, PROFILES, &[JSON], PAGE_002_PROFILE).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, with_id(PAGE_002_PROFILE, json!(31))));

    let answer = house.send_as(&user, Method::POST, SOURCES, &[JSON], PAGE_002_DATA_SOURCE).await;
    let mut expected = with_id(PAGE_002_DATA_SOURCE, json!("1"));
    expected["connectionType"] = json!("Cloud");
    expected["isGroup"] = json!(false);
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, expected.clone()));
    let read = house.get_as(&user, &format!("{SOURCES}/1")).await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, expected));
    // Nothing in it is a secret, so nothing was revealed.
    assert!(!house.facts().contains(&"SecretRevealed".to_owned()));

    // The profile now knows who uses it, as the page of the statistics prints it.
    let stats = house.get_as(&user, &format!("{PROFILES}/31/stats")).await;
    assert_eq!(
        stats.json(),
        json!({ "dataSourcesLinked": 1, "dataStoreId": 54, "dataSources": [
            { "id": "1", "name": "OAuth2Datasource_Test", "description": "DS for testing oauth profiles" }
        ] })
    );
}

#[tokio::test]
async fn page_004_answers_as_printed_and_fails_as_printed() {
    let (house, user) = house().await;
    // Without an application 17 the create fails, and says so.
    let answer = house.send_as(&user, Method::POST, PROFILES, &[JSON], PAGE_004).await;
    let failure = |code: &str, value: &str| json!({ "error": { "code": code, "message": { "lang": "en-US", "value": value } } });
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::BAD_REQUEST, failure("222207711", "Invalid OAuthApplicationId: 17"))
    );
    house.app(&user, "TenantA OAuth app", None).await;
    profiles(&house, &user, 32).await;
    let answer = house.send_as(&user, Method::POST, PROFILES, &[JSON], PAGE_004).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, with_id(PAGE_004, json!(33))));
    assert_eq!(answer.header("location"), Some("http://127.0.0.1:8080/api/mgmt/oauthprofiles/33"));
    let read = house.get_as(&user, &format!("{PROFILES}/33")).await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, with_id(PAGE_004, json!(33))));
    // In the list the id is a text; the tokens are not there, and the application's addresses are.
    let list = house.get_as(&user, &format!("{PROFILES}?after=32")).await;
    assert_eq!(
        list.json(),
        json!({ "profiles": [{
            "id": "33", "name": "User_1", "description": "OAuth profile 1",
            "authorizeURI": "https://accounts.google.com/o/oauth2/v2/auth",
            "tokenURI": "https://www.googleapis.com/oauth2/v3/token",
            "scope": "full_offline_access, test_repo" }] })
    );
    // The page's failure comes from an unknown profile, and from a data source that names one (hdp-api 9.8).
    assert_eq!(
        house.send_as(&user, Method::DELETE, &format!("{PROFILES}/33"), &[], "").await.status,
        StatusCode::NO_CONTENT
    );
    let delete_first = house.send_as(&user, Method::DELETE, &format!("{PROFILES}/1"), &[], "").await;
    assert_eq!(delete_first.status, StatusCode::NO_CONTENT);
    let printed = failure("222207710", "Invalid OAuthProfileId: 1");
    for (method, body) in [(Method::GET, ""), (Method::PUT, PAGE_004), (Method::DELETE, "")] {
        let answer = house.send_as(&user, method.clone(), &format!("{PROFILES}/1"), &[JSON], body).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::NOT_FOUND, printed.clone()), "{method}");
    }
    let stats = house.get_as(&user, &format!("{PROFILES}/1/stats")).await;
    assert_eq!((stats.status, stats.json()), (StatusCode::NOT_FOUND, printed.clone()));
    let source = PAGE_002_DATA_SOURCE.replace("\"31\"", "\"1\"");
    let answer = house.send_as(&user, Method::POST, SOURCES, &[JSON], source).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::BAD_REQUEST, printed));
}

/// hdp-api 4.3 (b): the parameters stand in the data source itself.
#[tokio::test]
async fn oauth_parameters_among_the_options_are_kept_and_echoed() {
    let house = House::new(Config::default());
    let sent = r#"{"name": "Test_SF", "dataStore": 1, "connectionType": "Cloud", "description": "",
        "options": {"AuthenticationMethod": "oauth2.0", "ODataVersion": "4",
                    "AuthURI": "https://login.salesforce.com/services/oauth2/authorize",
                    "TokenURI": "https://login.salesforce.com/services/oauth2/token",
                    "ClientId": "asdfjasdljfasdkjf", "ClientSecret": "1912308409123890",
                    "AccessToken": "Fyld2hMQTB3gXRW3Gt", "RefreshToken": "Tg9wrxG9btqmH4DLYf",
                    "Scope": "full offline_access"}}"#;
    let answer = house.send_as(ADMIN, Method::POST, SOURCES, &[JSON], sent).await;
    let mut expected = with_id(sent, json!("1"));
    expected["isGroup"] = json!(false);
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, expected.clone()));
    let read = house.get_as(ADMIN, &format!("{SOURCES}/1")).await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, expected));
    assert_eq!(house.facts().iter().filter(|fact| *fact == "SecretRevealed").count(), 1);
}
