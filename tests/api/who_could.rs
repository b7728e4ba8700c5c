//! `/api/audit/access`: could a user do something in a tenant at a moment, why, and by which events.

use std::time::Duration;

use authledger::config::Config;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House};

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
