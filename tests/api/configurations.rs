//! System configurations and the password policy (hdp-api 6.6, 7.2), and by which rules new passwords are judged.

use authledger::config::{Config, PasswordPolicy};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON, PASSWORD};

const CONFIGURATIONS: &str = "/api/admin/configurations";
const POLICY: &str = "/api/admin/passwordpolicy";

fn fresh() -> House {
    House::new(Config::default())
}

async fn put(house: &House, path: &str, body: &Value) -> Answer {
    house.send_as(ADMIN, Method::PUT, path, &[JSON], body.to_string()).await
}

async fn configure(house: &House, id: u16, value: Value) -> Answer {
    put(house, &format!("{CONFIGURATIONS}/{id}"), &json!({ "value": value })).await
}

fn outcome(answer: &Answer) -> (u16, u64) {
    let code = if answer.status.is_success() { 0 } else { answer.code() };
    (answer.status.as_u16(), code)
}

#[tokio::test]
async fn configurations_are_hdps_with_their_defaults() {
    let house = fresh();
    let list = house.get_as(ADMIN, CONFIGURATIONS).await.json();
    let list = list["configurations"].as_array().expect("configurations");
    let values: Vec<(u64, Value, bool)> = list
        .iter()
        .map(|row| {
            let effective = row["effective"].as_bool().expect("a flag");
            (row["id"].as_u64().expect("an id"), row["value"].clone(), effective)
        })
        .collect();
    let expected = [
        (1, Value::Null, false),
        (2, json!("true"), true),
        (3, json!("4"), false),
        (4, json!("GUESS"), false),
        (5, json!("false"), false),
        (6, json!("1"), true),
        (7, json!("1"), false),
        (8, json!("true"), true),
    ];
    assert_eq!(values, expected);
    let one = house.get_as(ADMIN, &format!("{CONFIGURATIONS}/6")).await;
    assert_eq!(one.json(), list[5]);
    for unknown in ["0", "9", "x"] {
        let path = format!("{CONFIGURATIONS}/{unknown}");
        assert_eq!(outcome(&house.get_as(ADMIN, &path).await), (404, 222_299_044), "{unknown}");
    }
}

#[tokio::test]
async fn a_configuration_is_replaced_by_a_text_or_null() {
    let house = fresh();
    let bar = configure(&house, 1, json!("|")).await;
    assert_eq!((bar.status, &bar.json()["value"]), (StatusCode::OK, &json!("|")), "HDP's own sample");
    let got = house.get_as(ADMIN, &format!("{CONFIGURATIONS}/1")).await;
    assert_eq!((got.json(), got.header("etag")), (bar.json(), bar.header("etag")));
    // What a GET answered can be sent back, while it is so.
    let tag = format!("if-match: {}", got.header("etag").expect("an ETag"));
    let path = format!("{CONFIGURATIONS}/1");
    let body = String::from_utf8(got.body).expect("UTF-8");
    let again = house.send_as(ADMIN, Method::PUT, &path, &[JSON, &tag], body.clone()).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    let stale = house.send_as(ADMIN, Method::PUT, &path, &[JSON, &tag], body).await;
    assert_eq!(outcome(&stale), (412, 222_299_013));
    let cleared = configure(&house, 1, Value::Null).await;
    assert_eq!((cleared.status, &cleared.json()["value"]), (StatusCode::OK, &Value::Null));
    let default = configure(&house, 7, Value::Null).await;
    assert_eq!(default.json()["value"], "1");

    let before = house.state();
    for (id, body, code) in [
        (2, json!({ "value": "yes" }), 222_299_004),
        (2, json!({ "value": true }), 222_299_002),
        (2, json!({}), 222_299_001),
        (2, json!({ "value": "true", "id": 3 }), 222_299_004),
        (2, json!({ "value": "true", "effective": false }), 222_299_004),
        (2, json!({ "value": "true", "description": "mine" }), 222_299_004),
        (2, json!({ "value": "true", "name": "mine" }), 222_299_003),
        (6, json!({ "value": "0" }), 222_299_004),
    ] {
        let refused = put(&house, &format!("{CONFIGURATIONS}/{id}"), &body).await;
        assert_eq!(outcome(&refused), (400, code), "{body}");
    }
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn permission_22_configures_only_with_access_on_the_system_tenant() {
    let house = fresh();
    let without = house.user("without", 1, &[2], &[22]).await;
    let path = format!("{CONFIGURATIONS}/7");
    for who in [CONFIGURATIONS, &path] {
        assert_eq!(outcome(&house.get_as(&without, who).await), (403, 222_208_103), "{who}");
    }
    let users = house.get_as(ADMIN, "/api/admin/users").await.json();
    let users = users["users"].as_array().expect("users").clone();
    let id = users.iter().find(|user| user["userName"] == "without").expect("he is there")["id"].clone();
    let admins = put(&house, "/api/admin/tenants/1/admins", &json!({ "admins": [1, id] })).await;
    assert_eq!(admins.status, StatusCode::OK, "{admins:?}");
    assert_eq!(house.get_as(&without, CONFIGURATIONS).await.status, StatusCode::OK);
    let body = json!({ "value": "3" }).to_string();
    let put = house.send_as(&without, Method::PUT, &path, &[JSON], body).await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    assert_eq!(outcome(&house.get_as(&without, POLICY).await), (403, 222_208_103), "the policy is 12's");
}

/// The rules of HDP's page, as it prints them.
fn hdps_rules() -> Value {
    json!([
        { "title": "Must contain at least 12 characters but no more than 128 characters", "ruleId": "pwdLengthRule",
          "ruleName": "PASSWORD_LENGTH_RULE", "minLength": 12, "maxLength": 128 },
        { "title": "Must contain at least 1 special character", "ruleId": "specialCharacterRule",
          "ruleName": "SPECIAL_CLASS_RULE", "minChars": 1 },
        { "title": "Must contain at least 1 lower case character", "ruleId": "lowerCaseCharacterRule",
          "ruleName": "LOWER_CLASS_RULE", "minChars": 1 },
        { "title": "Must contain at least 1 upper case character", "ruleId": "upperCaseCharacterRule",
          "ruleName": "UPPER_CLASS_RULE", "minChars": 1 },
        { "title": "Must contain at least 1 numeric character", "ruleId": "numericCharacterRule",
          "ruleName": "NUMERIC_CLASS_RULE", "minChars": 1 },
    ])
}

#[tokio::test]
async fn the_custom_policy_begins_as_hdps_and_is_replaced() {
    let house = fresh();
    let path = format!("{POLICY}/2");
    let first = house.get_as(ADMIN, &path).await;
    let as_hdp = json!({
        "id": 2, "name": "Custom Policy", "description": "Custom Password Policy", "rules": hdps_rules(),
        "expirationDays": 120,
    });
    assert_eq!(first.json(), as_hdp);
    let sent_back = put(&house, &path, &as_hdp).await;
    assert_eq!((sent_back.status, sent_back.json()), (StatusCode::OK, as_hdp));
    let stale = format!("if-match: {}", first.header("etag").expect("an ETag"));
    let body = json!({ "name": "Ours", "rules": [], "expirationDays": 0 });
    let refused = house.send_as(ADMIN, Method::PUT, &path, &[JSON, &stale], body.to_string()).await;
    assert_eq!(outcome(&refused), (412, 222_299_013));
    let ours = put(&house, &path, &body).await.json();
    let length = json!([{
        "title": "Must contain at least 8 characters but no more than 128 characters", "ruleId": "pwdLengthRule",
        "ruleName": "PASSWORD_LENGTH_RULE", "minLength": 8, "maxLength": 128,
    }]);
    assert_eq!(ours, json!({ "id": 2, "name": "Ours", "rules": length, "expirationDays": 0 }));
    let list = house.get_as(ADMIN, POLICY).await.json();
    assert_eq!(list["passwordPolicies"][1], ours);
    assert_eq!(list["passwordPolicies"][0], house.get_as(ADMIN, &format!("{POLICY}/1")).await.json());
    assert_eq!(outcome(&house.get_as(ADMIN, &format!("{POLICY}/3")).await), (404, 222_299_045));
}

#[tokio::test]
async fn the_default_policy_is_what_the_settings_say_and_nobody_changes_it() {
    let house = fresh();
    let path = format!("{POLICY}/1");
    let shown = house.get_as(ADMIN, &path).await.json();
    assert_eq!(shown["rules"].as_array().expect("rules").len(), 1);
    assert_eq!((&shown["rules"][0]["minLength"], &shown["expirationDays"]), (&json!(12), &json!(0)));
    assert_eq!(
        outcome(&put(&house, &path, &json!({ "name": "x", "rules": [], "expirationDays": 0 })).await),
        (409, 222_299_048)
    );
    let mut config = Config::default();
    config.password.policy = PasswordPolicy::Hdp;
    let shown = House::new(config).get_as(ADMIN, &path).await.json();
    assert_eq!(shown["rules"].as_array().expect("rules").len(), 5);
    assert_eq!(shown["rules"][0]["minLength"], 8);
}

#[tokio::test]
async fn a_policy_that_asks_for_what_can_not_be_is_refused() {
    let house = fresh();
    let before = house.state();
    let length = |min: u64, max: u64| json!({ "ruleName": "PASSWORD_LENGTH_RULE", "minLength": min, "maxLength": max });
    let class = |name: &str, min: u64| json!({ "ruleName": name, "minChars": min });
    for rules in [
        json!([length(7, 128)]),
        json!([length(8, 129)]),
        json!([length(20, 19)]),
        json!([length(8, 20), length(8, 20)]),
        json!([length(8, 8), class("LOWER_CLASS_RULE", 5), class("UPPER_CLASS_RULE", 4)]),
        json!([class("OTHER_RULE", 1)]),
        json!([{ "ruleName": "PASSWORD_LENGTH_RULE", "minLength": 8 }]),
        json!([{ "ruleName": "LOWER_CLASS_RULE" }]),
        json!([{ "ruleName": "LOWER_CLASS_RULE", "minChars": 1, "minLength": 8 }]),
        json!([{ "ruleName": "LOWER_CLASS_RULE", "minChars": 1, "ruleId": "upperCaseCharacterRule" }]),
    ] {
        let body = json!({ "name": "x", "rules": rules, "expirationDays": 0 });
        assert_eq!(outcome(&put(&house, &format!("{POLICY}/2"), &body).await), (400, 222_299_004), "{body}");
    }
    for (name, days) in [("", 0), (" x", 0), ("x", 3651)] {
        let body = json!({ "name": name, "rules": [], "expirationDays": days });
        assert_eq!(outcome(&put(&house, &format!("{POLICY}/2"), &body).await), (400, 222_299_004), "{body}");
    }
    assert_eq!(house.state(), before);
}

/// Makes a user with this password; 0 when it was accepted, otherwise the code.
async fn judged(house: &House, name: &str, password: &str, status: u8) -> u64 {
    let body = json!({
        "userName": name, "statusInfo": { "status": 1 },
        "passwordInfo": { "password": password, "passwordStatus": status },
        "permissions": { "roles": [2] },
    });
    outcome(&house.post_as(ADMIN, "/api/admin/users", &body).await).1
}

#[tokio::test]
async fn configuration_6_chooses_how_new_passwords_are_judged() {
    const REFUSED: u64 = 222_299_004;
    let house = fresh();
    let rules = json!([
        { "ruleName": "PASSWORD_LENGTH_RULE", "minLength": 10, "maxLength": 12 },
        { "ruleName": "NUMERIC_CLASS_RULE", "minChars": 2 },
    ]);
    let policy = json!({ "name": "Ours", "description": "ten", "rules": rules, "expirationDays": 30 });
    assert_eq!(put(&house, &format!("{POLICY}/2"), &policy).await.status, StatusCode::OK);
    // The default policy judges until the custom one is chosen.
    assert_eq!(judged(&house, "a", "password12", 1).await, REFUSED);
    assert_eq!(judged(&house, "a", PASSWORD, 1).await, 0);
    configure(&house, 6, json!("2")).await;
    for (number, (password, code)) in [
        ("password12", 0),
        ("password1x", REFUSED),
        ("passwor12", REFUSED),
        ("passwordpass12", REFUSED),
        (PASSWORD, REFUSED),
        ("12user_4abc", REFUSED),
    ]
    .into_iter()
    .enumerate()
    {
        // The fifth's password would hold his name.
        let name = if number == 5 { "user_4".to_owned() } else { format!("custom_{number}") };
        assert_eq!(judged(&house, &name, password, 1).await, code, "{password}");
    }
    assert_eq!(judged(&house, "temporary", "password", 2).await, 0, "a temporary one is only not short");
    configure(&house, 6, json!("-1")).await;
    assert_eq!(judged(&house, "off", "password", 1).await, 0);
    assert_eq!(judged(&house, "off_short", "passwor", 1).await, REFUSED);
    assert_eq!(judged(&house, "off_long", &"x".repeat(129), 1).await, REFUSED);
    configure(&house, 6, Value::Null).await;
    assert_eq!(judged(&house, "default", "password", 1).await, REFUSED);
}
