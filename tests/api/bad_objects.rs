//! What bad profiles and data sources get: every property wrong in every way, limits exactly and just past them.

use authledger::config::{Config, Reveal};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::bad_input::{Row, all_refused};
use super::house::{ADMIN, House, JSON, PROFILES, SOURCES, app_body};

/// What is in the house: an application of data store 54 and one of 1, a profile and a data source on each, a group.
async fn house() -> House {
    let mut config = Config::default();
    config.secrets.reveal = Reveal::Never;
    let house = House::new(config);
    house.app(ADMIN, "analytics", None).await;
    let mut salesforce = app_body("salesforce");
    salesforce["dataStore"] = json!(1);
    let bodies = [
        (super::house::APPS, salesforce),
        (PROFILES, json!({ "name": "of_54", "oauthAppId": 1, "refreshToken": "r" })),
        (PROFILES, json!({ "name": "of_1", "oauthAppId": 2, "refreshToken": "r" })),
        (SOURCES, json!({ "name": "of-54", "dataStore": 54, "options": { "OAuthProfileId": "1" } })),
        (SOURCES, json!({ "name": "of-1", "dataStore": 1, "options": { "Password": "p".repeat(20_000) } })),
        (SOURCES, json!({ "name": "group", "dataStore": 56 })),
    ];
    for (path, body) in bodies {
        let answer = house.post_as(ADMIN, path, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    }
    house
}

fn profile() -> Value {
    json!({ "name": "fine", "oauthAppId": 1, "description": "text", "accessToken": "a", "refreshToken": "r" })
}

fn source() -> Value {
    json!({
        "name": "fine", "dataStore": 1, "connectionType": "Cloud", "description": "text", "isGroup": false,
        "options": { "ODataVersion": "4", "Password": "p" },
    })
}

/// A body in which one property has another value; `null` removes it.
fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    let object = body.as_object_mut().expect("an object");
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    body
}

/// The same body as a create and as a PUT of the object that is there.
fn both(rows: &mut Vec<Row>, list: &str, what: &str, body: &Value, status: u16, code: u64, says: &str) {
    for (method, path) in [(Method::POST, list.to_owned()), (Method::PUT, format!("{list}/2"))] {
        rows.push(row(method, &path, what, body, status, code, says));
    }
}

fn row(method: Method, path: &str, what: &str, body: &Value, status: u16, code: u64, says: &str) -> Row {
    Row {
        what: what.to_owned(),
        method,
        path: path.to_owned(),
        headers: vec![JSON.to_owned()],
        body: body.to_string().into_bytes(),
        status,
        code,
        says: says.to_owned(),
    }
}

/// Every value that is not of its property's type.
fn of_wrong_type() -> Vec<Row> {
    let text = [json!(1), json!(-1), json!(1.5), json!(true), json!(["x"]), json!({ "x": "x" })];
    let id = [
        json!("x"),
        json!(""),
        json!("01"),
        json!(-1),
        json!(1.5),
        json!(1e30),
        json!(true),
        json!([1]),
        json!({}),
    ];
    let flag = [json!("true"), json!(1), json!([]), json!({})];
    let object = [json!("x"), json!(1), json!(true), json!([])];
    let good = [(PROFILES, profile()), (SOURCES, source())];
    let properties: [(usize, &str, &[Value], &str); 11] = [
        (0, "name", &text, "must be a text"),
        (0, "oauthAppId", &id, "must be an id"),
        (0, "description", &text, "must be a text"),
        (0, "accessToken", &text, "must be a text"),
        (0, "refreshToken", &text, "must be a text"),
        (1, "name", &text, "must be a text"),
        (1, "dataStore", &id, "must be an id"),
        (1, "connectionType", &text, "must be a text"),
        (1, "description", &text, "must be a text"),
        (1, "isGroup", &flag, "must be true or false"),
        (1, "options", &object, "must be an object"),
    ];
    let mut rows = Vec::new();
    for (family, name, values, rule) in properties {
        let (list, body) = &good[family];
        for value in values {
            let what = format!("{name} is {value}");
            both(
                &mut rows,
                list,
                &what,
                &with(body, name, value.clone()),
                400,
                222_299_002,
                &format!("'{name}' {rule}"),
            );
        }
    }
    for (list, body) in &good {
        both(
            &mut rows,
            list,
            "an unknown property",
            &with(body, "nmae", json!("x")),
            400,
            222_299_003,
            "'nmae'",
        );
        rows.push(row(
            Method::POST,
            list,
            "an id in a create",
            &with(body, "id", json!(1)),
            400,
            222_299_003,
            "'id'",
        ));
        rows.push(row(
            Method::PUT,
            &format!("{list}/2"),
            "another's id",
            &with(body, "id", json!(1)),
            400,
            222_299_004,
            "'id'",
        ));
    }
    rows
}

/// Right types, and values that break a rule.
#[allow(clippy::too_many_lines, reason = "a table")]
fn of_wrong_value() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut bad = |list: &str, name: &str, value: Value, code: u64, says: &str| {
        let good = if list == PROFILES { profile() } else { source() };
        let what = format!("{name} is {}", value.to_string().chars().take(40).collect::<String>());
        both(&mut rows, list, &what, &with(&good, name, value), 400, code, says);
    };
    let long = |length: usize| json!("x".repeat(length));
    for value in ["", " ", "a b", "a-b", "a.b", "Größe", "a\u{0}b", "a\n"] {
        bad(PROFILES, "name", json!(value), 222_299_004, "letters, digits and underscores");
    }
    bad(PROFILES, "name", long(129), 222_299_004, "128");
    bad(PROFILES, "name", Value::Null, 222_299_001, "'name'");
    bad(PROFILES, "oauthAppId", Value::Null, 222_299_001, "'oauthAppId'");
    for unknown in [json!(0), json!(9999), json!("9999"), json!(u64::MAX)] {
        bad(PROFILES, "oauthAppId", unknown, 222_207_711, "Invalid OAuthApplicationId");
    }
    for name in ["accessToken", "refreshToken"] {
        bad(PROFILES, name, long(4097), 222_299_004, "4096");
        for value in ["a\nb", "ä", "a\u{7f}", "\u{0}"] {
            bad(PROFILES, name, json!(value), 222_299_004, "printable ASCII");
        }
    }
    bad(PROFILES, "refreshToken", json!(""), 222_299_004, "'refreshToken'");
    for list in [PROFILES, SOURCES] {
        bad(list, "description", long(4097), 222_299_004, "4096");
        bad(list, "description", json!("a\u{0}"), 222_299_004, "NUL");
    }
    for value in ["", "1a", "_a", "-a", "a b", "a.b", "a/b", "ä", "a\n"] {
        bad(SOURCES, "name", json!(value), 222_299_004, "letter");
    }
    bad(SOURCES, "name", long(129), 222_299_004, "128");
    bad(SOURCES, "name", Value::Null, 222_299_001, "'name'");
    for unknown in [0, 2, 55, 4_294_967_297_u64, u64::MAX] {
        bad(SOURCES, "dataStore", json!(unknown), 222_299_004, "'dataStore'");
    }
    for value in ["", "cloud", "Cloud ", "Both"] {
        bad(SOURCES, "connectionType", json!(value), 222_207_005, "Expected values");
    }
    bad(SOURCES, "isGroup", json!(true), 222_299_004, "'isGroup'");

    // Options, each alone.
    let mut option = |name: &str, value: Value, code: u64, says: &str| {
        bad(SOURCES, "options", json!({ name: value }), code, says);
    };
    for value in [json!(1), json!(true), json!(null), json!(["x"]), json!({ "x": "x" }), json!("a\u{0}")] {
        option("ODataVersion", value.clone(), 222_207_002, "ODataVersion");
        option("OurOwn", value, 222_207_002, "OurOwn");
    }
    option("", json!("x"), 222_207_002, "Invalid DataSource Option");
    option("a\u{1}", json!("x"), 222_207_002, "Invalid DataSource Option");
    option(&"n".repeat(129), json!("x"), 222_207_002, "nnn");
    for value in
        ["no uri", "/relative", "javascript:alert(1)", "https://u:p@a.example/", "https://a.example/#x"]
    {
        option("TokenURI", json!(value), 222_207_002, "TokenURI");
        option("AuthURI", json!(value), 222_207_002, "AuthURI");
    }
    option("Scope", json!(" , "), 222_207_002, "Scope");
    option("Scope", long(4097), 222_207_002, "Scope");
    for value in [json!("x"), json!("-1"), json!("01"), json!(1.5), json!(true), json!([1]), json!({})] {
        option("OAuthProfileId", value, 222_207_002, "OAuthProfileId");
    }
    // Unknown, or of another data store.
    for value in [json!("0"), json!("9999"), json!(9999), json!("1"), json!(1)] {
        option("OAuthProfileId", value, 222_207_710, "Invalid OAuthProfileId");
    }

    // What a PUT can't change, and what goes with one data store only.
    let mut put = |path: &str, body: Value, code: u64, says: &str| {
        rows.push(row(Method::PUT, path, "a PUT", &body, 400, code, says));
    };
    let (profile_2, source_2) = (format!("{PROFILES}/2"), format!("{SOURCES}/2"));
    put(&profile_2, profile(), 222_299_004, "same one");
    put(&source_2, with(&source(), "dataStore", json!(63)), 222_299_004, "stays with its data store");
    put(&source_2, with(&source(), "connectionType", json!("Hybrid")), 222_207_008, "Cloud");
    let mut post = |what: &str, body: Value, code: u64, says: &str| {
        rows.push(row(Method::POST, SOURCES, what, &body, 400, code, says));
    };
    post("no data store", with(&source(), "dataStore", Value::Null), 222_299_001, "'dataStore'");
    post(
        "a group of Salesforce",
        with(&source(), "connectionType", json!("Group")),
        222_299_004,
        "\"Group\"",
    );
    for parameter in
        ["AuthURI", "TokenURI", "ClientId", "ClientSecret", "AccessToken", "RefreshToken", "Scope"]
    {
        for store in [54, 56] {
            let value = if parameter.ends_with("URI") { "https://provider.example/x" } else { "x" };
            let body = json!({ "name": "fine", "dataStore": store, "options": { parameter: value } });
            post("an OAuth parameter", body, 222_207_002, parameter);
        }
    }
    let group = json!({ "name": "fine", "dataStore": 56, "options": { "OAuthProfileId": "1" } });
    post("a group with a profile", group, 222_207_710, "Invalid OAuthProfileId");
    let group = json!({ "name": "fine", "dataStore": 56, "connectionType": "Cloud" });
    post("a group that is none", group, 222_299_004, "'connectionType'");
    rows
}

fn options(count: usize, of_bytes: usize) -> Value {
    let options = (0..count).map(|number| (format!("o{number:03}"), json!("v".repeat(of_bytes - 4))));
    Value::Object(options.collect())
}

/// SECURITY L11: the sentence says which limit.
fn past_limits() -> Vec<Row> {
    let mut rows = Vec::new();
    let limits = "32768 bytes of names and values, and to 200 options";
    for (what, options) in [
        ("201 options", options(201, 8)),
        ("a byte too many", json!({ "Key": "v".repeat((32 << 10) - 2) })),
        ("many bytes too many", options(200, 200)),
    ] {
        both(&mut rows, SOURCES, what, &with(&source(), "options", options), 413, 222_299_035, limits);
    }
    // What a PUT keeps counts with what it brings.
    let more = with(&source(), "options", json!({ "Other": "v".repeat(13_000) }));
    rows.push(row(
        Method::PUT,
        &format!("{SOURCES}/2"),
        "with what is kept",
        &more,
        413,
        222_299_035,
        limits,
    ));
    for list in [PROFILES, SOURCES] {
        for (method, path) in [(Method::POST, list.to_owned()), (Method::PUT, format!("{list}/2"))] {
            let mut raw = |what: &str, body: Vec<u8>, status, code, says: &str| {
                let sent = row(method.clone(), &path, what, &Value::Null, status, code, says);
                rows.push(Row { body, ..sent });
            };
            raw("nothing", Vec::new(), 400, 222_207_007, "line 1 column 0");
            raw("broken", b"{\"name\": ".to_vec(), 400, 222_207_007, "line 1 column 9");
            raw("a list", b"[]".to_vec(), 400, 222_299_005, "one JSON object");
            raw(
                "a name twice",
                b"{\"name\": \"a\", \"name\": \"b\"}".to_vec(),
                400,
                222_207_007,
                "stands twice",
            );
            raw("bad UTF-8", b"{\"name\": \"\xff\"}".to_vec(), 400, 222_207_007, "not UTF-8");
            raw("32 levels", "{\"options\":".repeat(33).into_bytes(), 400, 222_207_007, "32 levels");
            raw("100,000 levels", "[".repeat(100_000).into_bytes(), 400, 222_207_007, "32 levels");
            raw("1 MiB and a byte", vec![b' '; (1 << 20) + 1], 413, 222_299_006, "1048576 bytes");
            raw(
                "an option twice",
                b"{\"options\": {\"a\": \"1\", \"a\": \"2\"}}".to_vec(),
                400,
                222_207_007,
                "twice",
            );
        }
    }
    rows
}

/// Addresses, queries and headers.
fn heads() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |method: Method, path: String, header: &str, status, code, says: &str| {
        let headers = if header.is_empty() { Vec::new() } else { vec![header.to_owned()] };
        rows.push(Row {
            headers,
            body: Vec::new(),
            ..row(method, &path, header, &Value::Null, status, code, says)
        });
    };
    let families = [(PROFILES, 222_207_710, 222_207_710), (SOURCES, 222_207_004, 222_207_011)];
    for (list, missing, missing_delete) in families {
        for id in ["0", "9999", "-1", "01", "1.0", "x", "%20", "18446744073709551616", "1%00", "%F0%9F%92%A9"]
        {
            add(Method::GET, format!("{list}/{id}"), "", 404, missing, "");
            add(Method::PUT, format!("{list}/{id}"), JSON, 404, missing, "");
            add(Method::DELETE, format!("{list}/{id}"), "", 404, missing_delete, "");
            add(Method::GET, format!("{list}/{id}?asOf=1"), "", 404, missing, "");
        }
        add(Method::GET, format!("{list}/{}", "9".repeat(8000)), "", 404, missing, "999…");
        add(Method::GET, format!("{list}?x={}", "9".repeat(17_000)), "", 431, 222_299_030, "16384 bytes");
        add(Method::GET, format!("{list}/%ff"), "", 404, 222_299_009, "");
        add(Method::GET, format!("{list}/"), "", 404, 222_299_009, "");
        add(Method::PATCH, format!("{list}/1"), "", 405, 222_299_010, "Allow");
        add(Method::POST, format!("{list}/1"), "", 405, 222_299_010, "Allow");
        for (query, says) in [
            ("limit=0", "1 to 1000"),
            ("limit=1001", "1 to 1000"),
            ("limit=x", "1 to 1000"),
            ("after=-1", "'after'"),
            ("after=18446744073709551616", "'after'"),
            ("tenantId=1", "'tenantId'"),
            ("user=a&user=b", "twice"),
            ("%ff=1", "UTF-8"),
        ] {
            add(Method::GET, format!("{list}?{query}"), "", 400, 222_299_008, says);
        }
        add(Method::GET, format!("{list}?user=Nobody"), "", 404, 222_207_916, "Nobody");
        add(Method::GET, format!("{list}?user={}", "n".repeat(5000)), "", 404, 222_207_916, "nnn…");
        for (query, says) in [
            ("limit=1", "'limit'"),
            ("asOf=", "sequence"),
            ("asOf=x", "sequence"),
            ("asOf=999999", "not come"),
        ] {
            add(Method::GET, format!("{list}/1?{query}"), "", 400, 222_299_008, says);
        }
        for method in [Method::PUT, Method::DELETE] {
            add(method.clone(), format!("{list}/1?asOf=1"), JSON, 400, 222_299_008, "'asOf'");
            add(method.clone(), format!("{list}/1"), "if-match: 42", 400, 222_299_014, "If-Match");
        }
        add(Method::DELETE, format!("{list}/1"), "if-match: \"0\"", 412, 222_299_013, "ETag");
        add(Method::GET, format!("{list}/1"), "if-none-match: 42", 400, 222_299_014, "If-None-Match");
        for header in ["content-type: text/plain", "content-type: application/x-www-form-urlencoded", ""] {
            add(
                Method::POST,
                list.to_owned(),
                header,
                if header.is_empty() { 400 } else { 415 },
                if header.is_empty() { 222_207_007 } else { 222_299_007 },
                "",
            );
        }
        let key = format!("idempotency-key: {}", "k".repeat(256));
        add(Method::DELETE, format!("{list}/1"), &key, 400, 222_299_014, "255");
        add(
            Method::DELETE,
            format!("{list}/1"),
            "origin: https://evil.example",
            403,
            222_299_026,
            "other sites",
        );
    }
    add(Method::GET, format!("{PROFILES}/9999/stats"), "", 404, 222_207_710, "9999");
    add(Method::GET, format!("{PROFILES}/x/stats"), "", 404, 222_207_710, "x");
    add(Method::GET, format!("{PROFILES}/1/stats?limit=1"), "", 400, 222_299_008, "'limit'");
    for (query, says) in [
        ("type=both", "all, simple or group"),
        ("isOData=1", "true or false"),
        ("details=yes", "'details'"),
        ("type=all;type=group", "twice"),
        ("type=all;x=1", "'x'"),
    ] {
        add(Method::GET, format!("{SOURCES}?{query}"), "", 400, 222_299_008, says);
    }
    rows
}

#[tokio::test]
async fn l11_every_property_of_the_wrong_type_is_named_and_changes_nothing() {
    all_refused(&house().await, of_wrong_type()).await;
}

#[tokio::test]
async fn l11_every_value_that_breaks_a_rule_hears_the_rule_and_changes_nothing() {
    all_refused(&house().await, of_wrong_value()).await;
}

#[tokio::test]
async fn l11_what_is_past_a_limit_hears_the_limit_and_changes_nothing() {
    all_refused(&house().await, past_limits()).await;
}

#[tokio::test]
async fn l11_bad_addresses_queries_and_headers_are_refused_and_change_nothing() {
    all_refused(&house().await, heads()).await;
}

#[tokio::test]
async fn what_is_exactly_at_its_limit_is_accepted() {
    let house = house().await;
    let text = |length: usize| "x".repeat(length);
    let profile = json!({
        "name": text(128), "oauthAppId": 1, "description": text(4096), "accessToken": text(4096), "refreshToken": text(4096),
    });
    let made = house.post_as(ADMIN, PROFILES, &profile).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let sources = [
        ("count", options(200, 8)),
        ("bytes", json!({ "Key": text((32 << 10) - 3) })),
        ("both", options(200, 163)),
        ("long", json!({ (text(128)): "v", "Scope": text(4096) })),
    ];
    for (name, options) in sources {
        let body = json!({ "name": name, "dataStore": 1, "description": text(4096), "options": options });
        let made = house.post_as(ADMIN, SOURCES, &body).await;
        assert_eq!((made.status, made.json()["options"].clone()), (StatusCode::CREATED, options), "{name}");
        // Replaced by itself it is no larger.
        let path = format!("{SOURCES}/{}", made.json()["id"].as_str().expect("a text"));
        let put = house.send_as(ADMIN, Method::PUT, &path, &[JSON], made.json().to_string()).await;
        assert_eq!((put.status, put.json()), (StatusCode::OK, made.json()), "{name}");
    }
    let name = json!({ "name": text(128), "dataStore": 1 });
    assert_eq!(house.post_as(ADMIN, SOURCES, &name).await.status, StatusCode::CREATED);
}
