//! `/api/mgmt/oauthprofiles` where the pages are silent: what stays, what goes, and whose it is.

use authledger::config::{Config, Reveal};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, Answer, House, JSON, PROFILES, SOURCES, app_body};

fn house() -> House {
    House::new(Config::default())
}

fn profile(name: &str, app: u64) -> Value {
    json!({ "name": name, "oauthAppId": app, "description": "made by a test",
        "accessToken": "111c334445e55", "refreshToken": "222d88899966fa" })
}

fn source(name: &str, profile: &str) -> Value {
    json!({ "name": name, "dataStore": 54, "options": { "OAuthProfileId": profile, "ODataVersion": "4" } })
}

async fn put(house: &House, user: &str, path: &str, headers: &[&str], body: &Value) -> Answer {
    let mut all = vec![JSON];
    all.extend(headers);
    house.send_as(user, Method::PUT, path, &all, body.to_string()).await
}

async fn delete(house: &House, user: &str, path: &str) -> Answer {
    house.send_as(user, Method::DELETE, path, &[], Body::empty()).await
}

/// Facts since `before`, in their order.
fn since(house: &House, before: u64) -> Vec<String> {
    house.facts().split_off(usize::try_from(before).expect("few"))
}

#[tokio::test]
async fn what_a_get_answers_can_be_put_back_and_tokens_may_be_left_out() {
    let house = house();
    house.app(ADMIN, "app", None).await;
    house.post_as(ADMIN, PROFILES, &profile("P", 1)).await;
    let path = format!("{PROFILES}/1");
    let read = house.get_as(ADMIN, &path).await;
    let same = put(&house, ADMIN, &path, &[], &read.json()).await;
    assert_eq!((same.status, same.json()), (StatusCode::OK, read.json()));
    // Left out, the tokens stay, and the answer doesn't show them: that would be a reveal.
    let bare = json!({ "name": "Q", "oauthAppId": "1" });
    let kept = put(&house, ADMIN, &path, &[], &bare).await;
    assert_eq!(kept.json(), json!({ "id": 1, "name": "Q", "oauthAppId": 1 }));
    let read = house.get_as(ADMIN, &path).await.json();
    assert_eq!(
        (&read["accessToken"], &read["refreshToken"]),
        (&json!("111c334445e55"), &json!("222d88899966fa"))
    );
    assert_eq!(read.get("description"), None, "a description that is left out is cleared");
    // Empty clears the optional one; the required one can't be empty.
    let cleared = json!({ "name": "Q", "oauthAppId": 1, "accessToken": "" });
    assert_eq!(put(&house, ADMIN, &path, &[], &cleared).await.status, StatusCode::OK);
    let read = house.get_as(ADMIN, &path).await.json();
    assert_eq!((read.get("accessToken"), &read["refreshToken"]), (None, &json!("222d88899966fa")));
    let empty = json!({ "name": "Q", "oauthAppId": 1, "refreshToken": "" });
    let refused = put(&house, ADMIN, &path, &[], &empty).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, 222_299_004));
    // A token can be replaced alone.
    let other = json!({ "name": "Q", "oauthAppId": 1, "refreshToken": "333" });
    assert_eq!(put(&house, ADMIN, &path, &[], &other).await.json()["refreshToken"], json!("333"));
    assert_eq!(house.get_as(ADMIN, &path).await.json()["refreshToken"], json!("333"));
}

#[tokio::test]
async fn a_profile_stays_with_its_data_store() {
    let house = house();
    house.app(ADMIN, "analytics", None).await;
    house.app(ADMIN, "analytics too", None).await;
    let mut other = app_body("salesforce");
    other["dataStore"] = json!(1);
    assert_eq!(house.post_as(ADMIN, APPS, &other).await.status, StatusCode::CREATED);
    house.post_as(ADMIN, PROFILES, &profile("P", 1)).await;
    let path = format!("{PROFILES}/1");
    assert_eq!(put(&house, ADMIN, &path, &[], &profile("P", 2)).await.status, StatusCode::OK);
    let refused = put(&house, ADMIN, &path, &[], &profile("P", 3)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, 222_299_004));
    let unknown = put(&house, ADMIN, &path, &[], &profile("P", 4)).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::BAD_REQUEST, 222_207_711));
    // A data source takes a profile of its own data store only.
    let mut foreign = source("S", "1");
    foreign["dataStore"] = json!(1);
    let refused = house.post_as(ADMIN, SOURCES, &foreign).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, 222_207_710));
}

#[tokio::test]
async fn deleting_an_application_takes_its_profiles_along_in_one_command() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    let child = house.user("child", tenant, &[roles[0]], &[]).await;
    house.app(ADMIN, "of the system", None).await;
    house.app(ADMIN, "another", None).await;
    house.post_as(ADMIN, PROFILES, &profile("mine", 1)).await;
    assert_eq!(house.post_as(&child, PROFILES, &profile("his", 1)).await.status, StatusCode::CREATED);
    house.post_as(ADMIN, PROFILES, &profile("other", 2)).await;
    house.post_as(ADMIN, SOURCES, &source("A", "1")).await;
    house.post_as(&child, SOURCES, &source("B", "2")).await;
    house.post_as(&child, SOURCES, &source("C", "2")).await;
    house.post_as(ADMIN, SOURCES, &source("D", "3")).await;

    let tag = house.get_as(&child, &format!("{SOURCES}/2")).await.header("etag").map(str::to_owned);
    let before = house.ledger.size();
    let answer = delete(&house, ADMIN, &format!("{APPS}/1")).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(
        since(&house, before),
        [
            "DataSourceProfileCleared",
            "OAuthProfileDeleted",
            "DataSourceProfileCleared",
            "DataSourceProfileCleared",
            "OAuthProfileDeleted",
            "OAuthAppDeleted"
        ]
    );
    let last = answer.header("ledger-sequence").expect("on every write").to_owned();
    assert_eq!(last, format!("1.{}", house.ledger.size() - 1));
    // The data sources stay, without a profile, and their tags have changed.
    let read = house.get_as(&child, &format!("{SOURCES}/2")).await;
    assert_eq!(read.json()["options"], json!({ "ODataVersion": "4" }));
    assert_ne!(read.header("etag").map(str::to_owned), tag);
    assert_eq!(house.get_as(&child, PROFILES).await.json(), json!({ "profiles": [] }));
    let untouched = house.get_as(ADMIN, &format!("{SOURCES}/4")).await.json();
    assert_eq!(untouched["options"]["OAuthProfileId"], json!("3"));
    // A profile alone leaves its data sources, too.
    let before = house.ledger.size();
    assert_eq!(delete(&house, ADMIN, &format!("{PROFILES}/3")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(since(&house, before), ["DataSourceProfileCleared", "OAuthProfileDeleted"]);
    assert_eq!(delete(&house, ADMIN, &format!("{SOURCES}/4")).await.status, StatusCode::NO_CONTENT);
    let again = delete(&house, ADMIN, &format!("{SOURCES}/4")).await;
    assert_eq!((again.status, again.code()), (StatusCode::NOT_FOUND, 222_207_011));
}

#[tokio::test]
async fn a_profile_is_its_owners_and_nobody_elses_but_on_behalf() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    let owner = house.user("owner", tenant, &[roles[0]], &[]).await;
    let colleague = house.user("colleague", tenant, &[roles[0]], &[]).await;
    house.app(ADMIN, "app", None).await;
    // Made on behalf, it is the named user's.
    let made = house.post_as(ADMIN, &format!("{PROFILES}?user=owner"), &profile("P", 1)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(house.get_as(&owner, &format!("{PROFILES}/1")).await.status, StatusCode::OK);
    for user in [&colleague, ADMIN] {
        for method in [Method::GET, Method::DELETE] {
            let hidden = house.send_as(user, method.clone(), &format!("{PROFILES}/1"), &[], "").await;
            let missing = house.send_as(user, method, &format!("{PROFILES}/7"), &[], "").await;
            assert_eq!((hidden.status, missing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
            assert_eq!(
                String::from_utf8_lossy(&hidden.body).replace("Id: 1", "Id: N"),
                String::from_utf8_lossy(&missing.body).replace("Id: 7", "Id: N")
            );
        }
    }
    let shown = house.get_as(ADMIN, &format!("{PROFILES}/1?user=owner")).await;
    assert_eq!(shown.json()["refreshToken"], json!("222d88899966fa"));
    // Names are unique among one owner's profiles.
    assert_eq!(house.post_as(&colleague, PROFILES, &profile("P", 1)).await.status, StatusCode::CREATED);
    let taken = house.post_as(&owner, PROFILES, &profile("P", 1)).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, 222_299_011));
}

#[tokio::test]
async fn a_list_is_paged_and_tags_guard_what_is_written() {
    let house = house();
    house.app(ADMIN, "app", None).await;
    for number in 1..=5 {
        house.post_as(ADMIN, PROFILES, &profile(&format!("P{number}"), 1)).await;
    }
    let page = house.get_as(ADMIN, &format!("{PROFILES}?limit=2&after=1")).await.json();
    let ids: Vec<&Value> =
        page["profiles"].as_array().expect("a list").iter().map(|row| &row["id"]).collect();
    assert_eq!((ids, &page["next"]), (vec![&json!("2"), &json!("3")], &json!("3")));
    let path = format!("{PROFILES}/1");
    let tag = house.get_as(ADMIN, &path).await.header("etag").expect("a tag").to_owned();
    let same = house.send_as(ADMIN, Method::GET, &path, &[&format!("if-none-match: {tag}")], "").await;
    assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let good = put(&house, ADMIN, &path, &[&format!("if-match: {tag}")], &profile("P1", 1)).await;
    assert_eq!(good.status, StatusCode::OK);
    let stale = put(&house, ADMIN, &path, &[&format!("if-match: {tag}")], &profile("P1", 1)).await;
    assert_eq!((stale.status, stale.code()), (StatusCode::PRECONDITION_FAILED, 222_299_013));
    // A repeated request is carried out once.
    let once = ["idempotency-key: k", JSON];
    let body = profile("P6", 1).to_string();
    let first = house.send_as(ADMIN, Method::POST, PROFILES, &once, body.clone()).await;
    let again = house.send_as(ADMIN, Method::POST, PROFILES, &once, body).await;
    assert_eq!((first.status, first.json()), (StatusCode::CREATED, again.json()));
    assert_eq!(first.header("x-request-id"), again.header("x-request-id"));
    let other = house.send_as(ADMIN, Method::POST, PROFILES, &once, profile("P7", 1).to_string()).await;
    assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, 222_299_015));
}

#[tokio::test]
async fn with_reveals_off_no_answer_but_the_senders_own_shows_tokens() {
    let mut config = Config::default();
    config.secrets.reveal = Reveal::Never;
    let house = House::new(config);
    house.app(ADMIN, "app", None).await;
    let made = house.post_as(ADMIN, PROFILES, &profile("P", 1)).await;
    assert_eq!(made.json()["refreshToken"], json!("222d88899966fa"), "its sender gets it back");
    let read = house.get_as(ADMIN, &format!("{PROFILES}/1")).await.json();
    assert_eq!((read.get("accessToken"), read.get("refreshToken")), (None, None));
    assert_eq!(read["name"], json!("P"));
}

#[tokio::test]
async fn a_profile_is_shown_as_it_was() {
    let house = house();
    house.app(ADMIN, "app", None).await;
    house.post_as(ADMIN, PROFILES, &profile("before", 1)).await;
    let then = house.ledger.size() - 1;
    put(&house, ADMIN, &format!("{PROFILES}/1"), &[], &profile("after", 1)).await;
    let facts = house.facts().len();
    let read = house.get_as(ADMIN, &format!("{PROFILES}/1?asOf={then}")).await;
    assert_eq!(
        read.json(),
        json!({ "id": 1, "name": "before", "oauthAppId": 1, "description": "made by a test" })
    );
    assert_eq!(read.header("ledger-sequence"), Some(format!("1.{then}").as_str()));
    let earlier = house.get_as(ADMIN, &format!("{PROFILES}/1?asOf={}", then - 1)).await;
    assert_eq!((earlier.status, earlier.code()), (StatusCode::NOT_FOUND, 222_207_710));
    // Gone now, it is shown to its owner, who audits his tenant.
    delete(&house, ADMIN, &format!("{PROFILES}/1")).await;
    assert_eq!(house.get_as(ADMIN, &format!("{PROFILES}/1?asOf={then}")).await.json(), read.json());
    assert_eq!(house.facts().len(), facts + 1, "looking back records nothing");
}
