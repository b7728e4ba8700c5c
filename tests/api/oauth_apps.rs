//! `/api/mgmt/oauthapps` as HDP's pages print it, and as hdp-api section 9 decides where they are silent.

use authledger::config::{Config, Reveal};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, Answer, House, JSON, app_body};

/// The sample request of the page *Create an OAuth application object*, as printed: a comma is missing.
pub(crate) const PAGE_003: &str = r#"{
"name": "TenantA OAuth app",
"dataStore": 54,
"tenantId": 303,
"description": "TenantA OAuth application object",
"clientId": "asdfjasdljfasdkjf",
"clientSecret": "1912308409123890"
"authorizeURI": "https://accounts.google.com/o/oauth2/v2/auth",
"tokenURI": "https://www.googleapis.com/oauth2/v3/token",
"scope": "full_offline_access, test_repo"
}"#;

fn house() -> House {
    House::new(Config::default())
}

fn discreet() -> House {
    let mut config = Config::default();
    config.secrets.reveal = Reveal::Never;
    House::new(config)
}

async fn put(house: &House, user: &str, id: u64, headers: &[&str], body: &Value) -> Answer {
    let mut all = vec![JSON];
    all.extend(headers);
    house.send_as(user, Method::PUT, &format!("{APPS}/{id}"), &all, body.to_string()).await
}

async fn delete(house: &House, user: &str, id: u64, headers: &[&str]) -> Answer {
    house.send_as(user, Method::DELETE, &format!("{APPS}/{id}"), headers, Body::empty()).await
}

#[tokio::test]
async fn page_003_answers_as_printed() {
    let house = house();
    // The page's ids are counters: make tenants and applications until they stand where the page begins.
    for id in 2..=303 {
        let body = json!({ "name": format!("Tenant {id}"), "parentTenant": 1 });
        let answer = house.post_as(ADMIN, "/api/admin/tenants", &body).await;
        assert_eq!((answer.status, answer.json()["id"].clone()), (StatusCode::CREATED, json!(id)));
    }
    for id in 1..=16 {
        house.app(ADMIN, &format!("app {id}"), None).await;
    }
    let printed = house.send_as(ADMIN, Method::POST, APPS, &[JSON], PAGE_003).await;
    assert_eq!(
        (printed.status, printed.json()),
        (
            StatusCode::BAD_REQUEST,
            json!({"error": {"code": "222207007",
                "message": {"lang": "en-US", "value": "Invalid JSON Input: line 8 column 1"}}})
        )
    );
    let repaired = PAGE_003.replace("\"1912308409123890\"\n", "\"1912308409123890\",\n");
    let answer = house.send_as(ADMIN, Method::POST, APPS, &[JSON], repaired.clone()).await;
    let mut expected: Value = serde_json::from_str(&repaired).expect("JSON");
    expected["id"] = json!("17");
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, expected.clone()));
    assert_eq!(answer.header("location"), Some("http://127.0.0.1:8080/api/mgmt/oauthapps/17"));
    // The same again, read.
    let read = house.get_as(ADMIN, "/api/mgmt/oauthapps/17").await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, expected));
    // In the list the id is a number, and client id and secret are left out.
    let list = house.get_as(ADMIN, "/api/mgmt/oauthapps?tenantId=303").await;
    assert_eq!(
        list.json(),
        json!({"applications": [{
            "id": 17, "name": "TenantA OAuth app", "dataStore": 54, "tenantId": 303,
            "description": "TenantA OAuth application object",
            "authorizeURI": "https://accounts.google.com/o/oauth2/v2/auth",
            "tokenURI": "https://www.googleapis.com/oauth2/v3/token",
            "scope": "full_offline_access, test_repo"}]})
    );
    let by_name = house.get_as(ADMIN, "/api/mgmt/oauthapps?tenantName=Tenant%20303").await;
    assert_eq!(by_name.json(), list.json());
    // As the page of the failure prints it.
    let gone = delete(&house, ADMIN, 223_344, &[]).await;
    assert_eq!(
        (gone.status, gone.json()["error"].clone()),
        (
            StatusCode::NOT_FOUND,
            json!({"code": "222207711",
                "message": {"lang": "en-US", "value": "Invalid OAuthApplicationId: 223344"}})
        )
    );
}

#[tokio::test]
async fn what_a_get_answers_can_be_put_back() {
    let house = house();
    house.app(ADMIN, "first", None).await;
    let read = house.get_as(ADMIN, "/api/mgmt/oauthapps/1").await;
    let mut body = read.json();
    let same = put(&house, ADMIN, 1, &[], &body).await;
    assert_eq!((same.status, same.json()), (StatusCode::OK, body.clone()));
    assert_ne!(same.header("etag"), read.header("etag"), "a PUT always records an event");
    // An id is accepted as a number too; another one is not.
    body["id"] = json!(1);
    body["tenantId"] = json!("1");
    assert_eq!(put(&house, ADMIN, 1, &[], &body).await.status, StatusCode::OK);
    for (name, value) in [("id", json!(2)), ("tenantId", json!(2)), ("dataStore", json!(1))] {
        let mut other = body.clone();
        other[name] = value;
        let answer = put(&house, ADMIN, 1, &[], &other).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_004), "{name}");
    }
}

#[tokio::test]
async fn a_put_keeps_a_secret_that_is_left_out_and_clears_a_description() {
    let house = house();
    house.app(ADMIN, "first", None).await;
    let mut body = app_body("renamed");
    body.as_object_mut().expect("an object").remove("clientSecret");
    body.as_object_mut().expect("an object").remove("description");
    let answer = put(&house, ADMIN, 1, &[], &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json().get("clientSecret"), None, "a kept secret is not shown by a PUT");
    let read = house.get_as(ADMIN, "/api/mgmt/oauthapps/1").await.json();
    assert_eq!((&read["name"], &read["clientSecret"]), (&json!("renamed"), &json!("1912308409123890")));
    assert_eq!(read.get("description"), None);
}

#[tokio::test]
async fn if_match_guards_put_and_delete() {
    let house = house();
    let tag = house.app(ADMIN, "first", None).await.header("etag").expect("an ETag").to_owned();
    let body = app_body("second");
    let answer = put(&house, ADMIN, 1, &[&format!("if-match: {tag}")], &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let before = house.state();
    let stale = put(&house, ADMIN, 1, &[&format!("if-match: {tag}")], &body).await;
    assert_eq!((stale.status, stale.code()), (StatusCode::PRECONDITION_FAILED, 222_299_013));
    let stale = delete(&house, ADMIN, 1, &[&format!("if-match: {tag}")]).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let weak = format!("if-match: W/{}", answer.header("etag").expect("an ETag"));
    assert_eq!(delete(&house, ADMIN, 1, &[&weak]).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(house.state(), before, "nothing was changed by what was refused");
    assert_eq!(delete(&house, ADMIN, 2, &["if-match: *"]).await.status, StatusCode::NOT_FOUND);
    let gone = delete(&house, ADMIN, 1, &["if-match: *"]).await;
    assert_eq!((gone.status, gone.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(delete(&house, ADMIN, 1, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_get_shows_the_secret_only_after_the_fact_is_recorded() {
    let house = house();
    let made = house.app(ADMIN, "first", None).await;
    let reveals = |house: &House| house.facts().iter().filter(|name| *name == "SecretRevealed").count();
    assert_eq!(reveals(&house), 0, "a create echoes its secret without a reveal");
    let read = house.get_as(ADMIN, "/api/mgmt/oauthapps/1").await;
    assert_eq!(read.json()["clientSecret"], json!("1912308409123890"));
    assert_eq!(reveals(&house), 1);
    assert_eq!(read.header("etag"), made.header("etag"), "a reveal changes no ETag");
    assert!(read.header("ledger-sequence").is_some());
    // HEAD, 304 and lists show nothing and record nothing.
    let head = house.send_as(ADMIN, Method::HEAD, "/api/mgmt/oauthapps/1", &[], Body::empty()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    let tag = format!("if-none-match: {}", read.header("etag").expect("an ETag"));
    let known = house.send_as(ADMIN, Method::GET, "/api/mgmt/oauthapps/1", &[&tag], Body::empty()).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    house.get_as(ADMIN, APPS).await;
    assert_eq!(reveals(&house), 1);
    // SECURITY L15: another site's page must not have one recorded.
    let header = "sec-fetch-site: cross-site";
    let refused = house.send_as(ADMIN, Method::GET, "/api/mgmt/oauthapps/1", &[header], Body::empty()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, 222_299_026));
    assert_eq!(reveals(&house), 1);
}

#[tokio::test]
async fn with_reveal_never_a_secret_goes_in_and_does_not_come_out() {
    let house = discreet();
    house.app(ADMIN, "first", None).await;
    let before = house.state();
    let read = house.get_as(ADMIN, "/api/mgmt/oauthapps/1").await;
    assert_eq!((read.status, read.json().get("clientSecret")), (StatusCode::OK, None));
    assert_eq!(house.state(), before, "and a GET records nothing");
}

#[tokio::test]
async fn when_the_writer_has_stopped_reads_go_on_and_reveals_do_not() {
    let house = house();
    house.app(ADMIN, "first", None).await;
    house.witness.fail_after(0);
    let lost = house.post_as(ADMIN, APPS, &app_body("second")).await;
    assert_eq!((lost.status, lost.code()), (StatusCode::SERVICE_UNAVAILABLE, 222_299_018));
    assert!(lost.header("retry-after").is_some());
    let later = house.post_as(ADMIN, APPS, &app_body("third")).await;
    assert_eq!((later.status, later.code()), (StatusCode::SERVICE_UNAVAILABLE, 222_299_019));
    assert_eq!(house.get_as(ADMIN, APPS).await.json()["applications"].as_array().map(Vec::len), Some(1));
    let reveal = house.get_as(ADMIN, "/api/mgmt/oauthapps/1").await;
    assert_eq!(reveal.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(house.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(house.get("/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_repeated_idempotency_key_gets_the_first_answer_and_makes_nothing() {
    let house = house();
    let key = "idempotency-key: once and no more";
    let send =
        async |body: Value| house.send_as(ADMIN, Method::POST, APPS, &[JSON, key], body.to_string()).await;
    let first = send(app_body("first")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let before = house.state();
    // The same body in another order and spacing is the same request.
    let spaced = format!(" {} ", app_body("first"));
    let second = house.send_as(ADMIN, Method::POST, APPS, &[JSON, key], spaced).await;
    assert_eq!((second.status, second.json()), (first.status, first.json()));
    for name in ["etag", "location", "ledger-sequence", "x-request-id"] {
        assert_eq!(second.header(name), first.header(name), "{name}");
    }
    let other = send(app_body("other")).await;
    assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, 222_299_015));
    assert_eq!(house.state(), before);
    // Another caller's key is another key.
    let (tenant, roles) = house.tenant("OrgA").await;
    let user = house.user("ann", tenant, &[roles[0]], &[11, 28]).await;
    let foreign = house.send_as(&user, Method::POST, APPS, &[JSON, key], app_body("first").to_string()).await;
    assert_eq!(foreign.status, StatusCode::CREATED);
    assert_ne!(foreign.json()["id"], first.json()["id"]);
}

#[tokio::test]
async fn lists_are_whole_or_paged_by_id() {
    let house = house();
    for name in ["a", "b", "c", "d", "e"] {
        house.app(ADMIN, name, None).await;
    }
    let ids = |answer: &Answer| -> Vec<u64> {
        answer.json()["applications"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| row["id"].as_u64().expect("a number"))
            .collect()
    };
    let whole = house.get_as(ADMIN, APPS).await;
    assert_eq!((ids(&whole), whole.json().get("next").cloned()), (vec![1, 2, 3, 4, 5], None));
    let mut seen = Vec::new();
    let mut path = format!("{APPS}?limit=2");
    loop {
        let page = house.get_as(ADMIN, &path).await;
        seen.extend(ids(&page));
        let Some(next) = page.json().get("next").and_then(Value::as_u64) else { break };
        path = format!("{APPS}?limit=2&after={next}");
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_read_may_ask_for_what_its_caller_has_written() {
    let house = house();
    let written = house.app(ADMIN, "first", None).await;
    let reached = written.header("ledger-sequence").expect("on every write").to_owned();
    let ask = async |value: &str| {
        let header = format!("ledger-min-sequence: {value}");
        house.send_as(ADMIN, Method::GET, APPS, &[&header], Body::empty()).await
    };
    assert_eq!(ask(&reached).await.status, StatusCode::OK);
    let (epoch, sequence) = reached.split_once('.').expect("epoch and sequence");
    let ahead = ask(&format!("{epoch}.{}", sequence.parse::<u64>().expect("a number") + 1)).await;
    assert_eq!((ahead.status, ahead.code()), (StatusCode::SERVICE_UNAVAILABLE, 222_299_021));
    let other = ask(&format!("9.{sequence}")).await;
    assert_eq!((other.status, other.code()), (StatusCode::PRECONDITION_FAILED, 222_299_022));
    assert_eq!(ask("soon").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_may_do_what_is_as_page_003_says() {
    let house = house();
    let (own, roles) = house.tenant("OrgA").await;
    let (other, _) = house.tenant("OrgB").await;
    let plain = house.user("plain", own, &[roles[0]], &[]).await;
    let child = house.user("child", own, &[roles[0]], &[11, 28]).await;
    let system = house.user("system", 1, &[2], &[28]).await;
    house.app(ADMIN, "of the system", None).await;
    house.app(ADMIN, "of OrgA", Some(own)).await;
    house.app(ADMIN, "of OrgB", Some(other)).await;

    let create = async |user: &str, tenant: u64| {
        let mut body =
            app_body(&format!("made for {tenant} by {}", user.split(':').next().unwrap_or_default()));
        body["tenantId"] = json!(tenant);
        house.post_as(user, APPS, &body).await
    };
    for (user, allowed) in
        [(&plain, [false; 3]), (&child, [false, true, false]), (&system, [true, false, false])]
    {
        for (tenant, allowed) in [1, own, other].into_iter().zip(allowed) {
            let answer = create(user, tenant).await;
            let expected = match (allowed, user == &plain) {
                (true, _) => StatusCode::CREATED,
                (false, true) => StatusCode::FORBIDDEN,
                (false, false) => StatusCode::BAD_REQUEST,
            };
            assert_eq!(answer.status, expected, "{user} in {tenant}: {answer:?}");
            if expected == StatusCode::BAD_REQUEST {
                // A foreign tenant and an unknown one answer alike.
                let unknown = create(user, 999).await;
                assert_eq!((unknown.status, unknown.code()), (answer.status, answer.code()));
                assert_eq!(answer.code(), 222_208_573);
            }
        }
    }
    // 404 for what cannot be seen is the same as for what is not there; 403 for what is seen and not administered.
    let hidden = house.get_as(&child, "/api/mgmt/oauthapps/3").await;
    let missing = house.get_as(&child, "/api/mgmt/oauthapps/9999").await;
    assert_eq!((hidden.status, missing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(
        String::from_utf8_lossy(&hidden.body).replace('3', "N"),
        String::from_utf8_lossy(&missing.body).replace("9999", "N").replace('3', "N"),
    );
    assert_eq!(house.get_as(&child, "/api/mgmt/oauthapps/1").await.status, StatusCode::FORBIDDEN);
    // Without the operation's permission it is 403 whatever the id.
    for id in ["1", "3", "9999", "no-id"] {
        let answer = house.get_as(&plain, &format!("{APPS}/{id}")).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{id}");
    }
    // And whatever else is wrong with the request.
    for (method, path, headers, body) in [
        (Method::GET, "/api/mgmt/oauthapps/1?x=1", "a: b", ""),
        (Method::POST, "/api/mgmt/oauthapps?x=1", "content-type: text/plain", "{"),
        (Method::PUT, "/api/mgmt/oauthapps/9999?x=1", "if-match: x", "{"),
        (Method::DELETE, "/api/mgmt/oauthapps/9999?x=1", "if-match: x", ""),
        (Method::GET, "/api/admin/tenants?limit=0", "a: b", ""),
        (Method::POST, "/api/admin/users?x=1", "a: b", "{"),
    ] {
        let answer = house.send_as(&plain, method.clone(), path, &[headers], body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{method} {path}");
    }
    // Everybody lists what he can use.
    let names = |answer: &Answer| -> Vec<String> {
        let list = answer.json()["applications"].as_array().expect("a list").clone();
        list.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
    };
    let listed = names(&house.get_as(&plain, APPS).await);
    assert!(listed.contains(&"of the system".to_owned()) && listed.contains(&"of OrgA".to_owned()));
    assert!(!listed.iter().any(|name| name.contains("OrgB")), "{listed:?}");
    let filtered = house.get_as(&plain, &format!("{APPS}?tenantId={other}")).await;
    let unknown = house.get_as(&plain, &format!("{APPS}?tenantId=999")).await;
    assert_eq!((filtered.status, unknown.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn an_administrator_acts_for_a_user_by_name() {
    let house = house();
    let (tenant, roles) = house.tenant("OrgA").await;
    let child = house.user("Child", tenant, &[roles[0]], &[11, 28]).await;
    let made = house.post_as(ADMIN, &format!("{APPS}?user=Child"), &app_body("for him")).await;
    assert_eq!((made.status, made.json()["tenantId"].clone()), (StatusCode::CREATED, json!(tenant)));
    // The name in any case; the secret is shown on behalf, for the administrator holds 12.
    let read = house.get_as(ADMIN, "/api/mgmt/oauthapps/1?user=cHILD").await;
    assert_eq!(read.json()["clientSecret"], json!("1912308409123890"));
    let nobody = house.get_as(ADMIN, &format!("{APPS}?user=Nobody")).await;
    assert_eq!((nobody.status, nobody.code()), (StatusCode::NOT_FOUND, 222_207_916));
    // Without OnBehalfOf: 403, whether there is such a user or not.
    for name in ["d2cadmin", "Nobody", ""] {
        let answer = house.get_as(&child, &format!("{APPS}?user={name}")).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103), "{name}");
    }
    // With it, but over another tenant's user: as if there were none.
    let (other, other_roles) = house.tenant("OrgB").await;
    let helper = house.user("helper", other, &[other_roles[1]], &[]).await;
    let foreign = house.get_as(&helper, &format!("{APPS}?user=Child")).await;
    let unknown = house.get_as(&helper, &format!("{APPS}?user=Chile")).await;
    assert_eq!(foreign.status, unknown.status);
    assert_eq!(
        String::from_utf8_lossy(&foreign.body).replace("Child", "X"),
        String::from_utf8_lossy(&unknown.body).replace("Chile", "X")
    );
}

#[tokio::test]
async fn names_are_unique_within_their_tenant() {
    let house = house();
    let (tenant, _) = house.tenant("OrgA").await;
    house.app(ADMIN, "same", None).await;
    house.app(ADMIN, "same", Some(tenant)).await;
    let before = house.state();
    let again = house.post_as(ADMIN, APPS, &app_body("same")).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, 222_299_011));
    assert_eq!(house.state(), before);
    // A deleted one's name is free, its id is not given again.
    assert_eq!(delete(&house, ADMIN, 1, &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.app(ADMIN, "same", None).await.json()["id"], json!("3"));
}
