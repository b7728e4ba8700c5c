//! What bad input gets: a row each, and every row asserts the answer and that nothing changed.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, House, JSON, PROFILES, SOURCES, app_body};

/// A body like a good one, changed in one property; `null` removes it.
fn with(name: &str, value: Value) -> String {
    let mut body = app_body("fine");
    let object = body.as_object_mut().expect("an object");
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    body.to_string()
}

pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) code: u64,
    /// What the sentence has to mention.
    pub(crate) says: String,
}

fn post(what: &'static str, body: impl Into<Vec<u8>>, status: u16, code: u64, says: &'static str) -> Row {
    Row {
        what: what.to_owned(),
        method: Method::POST,
        path: APPS.to_owned(),
        headers: vec![JSON.to_owned()],
        body: body.into(),
        status,
        code,
        says: says.to_owned(),
    }
}

pub(crate) fn get(what: &'static str, path: &str, status: u16, code: u64, says: &'static str) -> Row {
    Row {
        what: what.to_owned(),
        method: Method::GET,
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        status,
        code,
        says: says.to_owned(),
    }
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn bodies() -> Vec<Row> {
    let deep = "{\"name\":".repeat(100_000);
    let long = "x".repeat(200_000);
    let name_128 = "n".repeat(128);
    let good = app_body("fine").to_string();
    vec![
        post("nothing", "", 400, 222_207_007, "line 1 column 0"),
        post("broken", "{\"name\": ", 400, 222_207_007, "line 1 column 9"),
        post("two values", format!("{good}{good}"), 400, 222_207_007, "line 1"),
        post("a list", "[]", 400, 222_299_005, "one JSON object"),
        post("a text", "\"x\"", 400, 222_299_005, "one JSON object"),
        post("null", "null", 400, 222_299_005, "one JSON object"),
        post("bad UTF-8", b"{\"name\": \"\xff\"}".as_slice(), 400, 222_207_007, "not UTF-8"),
        post("half a surrogate", "{\"name\": \"\\ud800\"}", 400, 222_207_007, "line 1"),
        post("a name twice", "{\"name\": \"a\", \"name\": \"b\"}", 400, 222_207_007, "stands twice"),
        post("deep", deep, 400, 222_207_007, "32 levels"),
        post("a number out of range", "{\"dataStore\": 1e999}", 400, 222_207_007, "too large"),
        post("10 MB", vec![b' '; 10_000_000], 413, 222_299_006, "1048576 bytes"),
        post("an unknown property", with("nmae", json!("x")), 400, 222_299_003, "'nmae'"),
        post("an id in a create", with("id", json!(1)), 400, 222_299_003, "'id'"),
        post("no name", with("name", Value::Null), 400, 222_299_001, "'name'"),
        post("no dataStore", with("dataStore", Value::Null), 400, 222_299_001, "'dataStore'"),
        post("no clientId", with("clientId", Value::Null), 400, 222_299_001, "'clientId'"),
        post("no clientSecret", with("clientSecret", Value::Null), 400, 222_299_001, "'clientSecret'"),
        post("no authorizeURI", with("authorizeURI", Value::Null), 400, 222_299_001, "'authorizeURI'"),
        post("no tokenURI", with("tokenURI", Value::Null), 400, 222_299_001, "'tokenURI'"),
        post("no scope", with("scope", Value::Null), 400, 222_299_001, "'scope'"),
        post("name a number", with("name", json!(1)), 400, 222_299_002, "'name' must be a text"),
        post("name a list", with("name", json!(["x"])), 400, 222_299_002, "'name' must be a text"),
        post(
            "dataStore a word",
            with("dataStore", json!("Google")),
            400,
            222_299_002,
            "'dataStore' must be an id",
        ),
        post(
            "dataStore negative",
            with("dataStore", json!(-1)),
            400,
            222_299_002,
            "'dataStore' must be an id",
        ),
        post(
            "dataStore a fraction",
            with("dataStore", json!(54.5)),
            400,
            222_299_002,
            "'dataStore' must be an id",
        ),
        post(
            "dataStore past 64 bits",
            with("dataStore", json!("18446744073709551616")),
            400,
            222_299_002,
            "'dataStore'",
        ),
        post("dataStore unknown", with("dataStore", json!(55)), 400, 222_299_004, "'dataStore'"),
        post("dataStore a group", with("dataStore", json!(56)), 400, 222_299_004, "'dataStore'"),
        post(
            "dataStore past 32 bits",
            with("dataStore", json!(4_294_967_350_u64)),
            400,
            222_299_004,
            "'dataStore'",
        ),
        post("tenant unknown", with("tenantId", json!(999)), 400, 222_208_573, "999"),
        post(
            "tenant past 64 bits",
            with("tenantId", json!("99999999999999999999")),
            400,
            222_299_002,
            "'tenantId'",
        ),
        post("name empty", with("name", json!("")), 400, 222_299_004, "'name'"),
        post("name blank", with("name", json!(" ")), 400, 222_299_004, "'name'"),
        post("name too long", with("name", json!(format!("{name_128}n"))), 400, 222_299_004, "128"),
        post("name with a dash", with("name", json!("a-b")), 400, 222_299_004, "letters, digits"),
        post("name with NUL", with("name", json!("a\u{0}b")), 400, 222_299_004, "'name'"),
        post("name not ASCII", with("name", json!("Größe")), 400, 222_299_004, "'name'"),
        post("secret empty", with("clientSecret", json!("")), 400, 222_299_004, "'clientSecret'"),
        post("secret too long", with("clientSecret", json!(long)), 400, 222_299_004, "4096"),
        post(
            "secret with a line end",
            with("clientSecret", json!("a\nb")),
            400,
            222_299_004,
            "'clientSecret'",
        ),
        post("clientId too long", with("clientId", json!(long)), 400, 222_299_004, "1024"),
        post("description too long", with("description", json!(long)), 400, 222_299_004, "4096"),
        post("description a number", with("description", json!(1)), 400, 222_299_002, "'description'"),
        post("authorizeURI relative", with("authorizeURI", json!("/auth")), 400, 222_299_004, "absolute"),
        post(
            "authorizeURI a script",
            with("authorizeURI", json!("javascript:alert(1)")),
            400,
            222_299_004,
            "https",
        ),
        post(
            "tokenURI with a user",
            with("tokenURI", json!("https://u:p@a.example/")),
            400,
            222_299_004,
            "password",
        ),
        post(
            "tokenURI with a fragment",
            with("tokenURI", json!("https://a.example/#x")),
            400,
            222_299_004,
            "fragment",
        ),
        post(
            "tokenURI too long",
            with("tokenURI", json!(format!("https://a.example/{long}"))),
            400,
            222_299_004,
            "2048",
        ),
        post("scope of nothing", with("scope", json!(" , ")), 400, 222_299_004, "'scope'"),
        post("scope too long", with("scope", json!(long)), 400, 222_299_004, "4096"),
    ]
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn heads() -> Vec<Row> {
    let fine = || app_body("fine").to_string();
    let with_header = |what, header: &str, status, code, says| {
        let mut row = post(what, fine(), status, code, says);
        row.headers.push(header.to_owned());
        row
    };
    let of_type = |what, value: &str| {
        let mut row = post(what, fine(), 415, 222_299_007, "-H 'Content-Type: application/json'");
        row.headers = vec![format!("content-type: {value}")];
        row
    };
    let at = |what, path: &str, status, code, says| {
        let mut row = post(what, fine(), status, code, says);
        row.path = String::from(path);
        row
    };
    let on = |what, method: Method, path: &str, header: &str, status, code, says| {
        let mut row = get(what, path, status, code, says);
        row.method = method;
        row.headers = if header.is_empty() { Vec::new() } else { vec![header.to_owned()] };
        row
    };
    let long_key = format!("idempotency-key: {}", "k".repeat(256));
    vec![
        of_type("curl's default type", "application/x-www-form-urlencoded"),
        of_type("text", "text/plain"),
        of_type("another charset", "application/json; charset=latin1"),
        with_header("two types", "content-type: text/plain", 415, 222_299_007, "Content-Type"),
        with_header("an empty key", "idempotency-key: ", 400, 222_299_014, "Idempotency-Key"),
        with_header("a long key", &long_key, 400, 222_299_014, "255"),
        with_header("another site", "origin: https://evil.example", 403, 222_299_026, "other sites"),
        at("an unknown parameter", "/api/mgmt/oauthapps?tenant=1", 400, 222_299_008, "'tenant'"),
        at("a parameter twice", "/api/mgmt/oauthapps?user=a&user=b", 400, 222_299_008, "twice"),
        at("a parameter not UTF-8", "/api/mgmt/oauthapps?user=%ff", 400, 222_299_008, "UTF-8"),
        get("limit 0", "/api/mgmt/oauthapps?limit=0", 400, 222_299_008, "1 to 1000"),
        get("limit 1001", "/api/mgmt/oauthapps?limit=1001", 400, 222_299_008, "1 to 1000"),
        get("after a word", "/api/mgmt/oauthapps?after=x", 400, 222_299_008, "'after'"),
        get("tenantId a word", "/api/mgmt/oauthapps?tenantId=x", 400, 222_299_008, "'tenantId'"),
        get("tenantId unknown", "/api/mgmt/oauthapps?tenantId=999", 404, 222_208_573, "999"),
        get("tenantName unknown", "/api/mgmt/oauthapps?tenantName=Nope", 404, 222_208_573, "Nope"),
        get("an unknown user", "/api/mgmt/oauthapps?user=Nobody", 404, 222_207_916, "Nobody"),
        get("an unknown id", "/api/mgmt/oauthapps/9999", 404, 222_207_711, "9999"),
        get("id 0", "/api/mgmt/oauthapps/0", 404, 222_207_711, "0"),
        get("a negative id", "/api/mgmt/oauthapps/-1", 404, 222_207_711, "-1"),
        get(
            "an id past 64 bits",
            "/api/mgmt/oauthapps/18446744073709551616",
            404,
            222_207_711,
            "18446744073709551616",
        ),
        get("an id that is a word", "/api/mgmt/oauthapps/first", 404, 222_207_711, "first"),
        get("an id with a zero in front", "/api/mgmt/oauthapps/01", 404, 222_207_711, "01"),
        get("an id that is no UTF-8", "/api/mgmt/oauthapps/%ff", 404, 222_299_009, ""),
        get("a slash too many", "/api/mgmt/oauthapps/", 404, 222_299_009, ""),
        get("a path below", "/api/mgmt/oauthapps/1/x", 404, 222_299_009, ""),
        get("an unknown tenant", "/api/admin/tenants/999", 404, 222_208_573, "999"),
        get("an unknown user by id", "/api/admin/users/999", 404, 222_207_916, "999"),
        get("an unknown permission", "/api/admin/permissions/1234", 404, 222_208_553, "1234"),
        get("a permission past 16 bits", "/api/admin/permissions/65537", 404, 222_208_553, "65537"),
        on("a wrong method", Method::PATCH, APPS, "", 405, 222_299_010, "Allow"),
        on("deleting the list", Method::DELETE, APPS, "", 405, 222_299_010, "Allow"),
        on(
            "If-Match without quotes",
            Method::DELETE,
            "/api/mgmt/oauthapps/1",
            "if-match: 42",
            400,
            222_299_014,
            "If-Match",
        ),
        on(
            "an old ETag",
            Method::DELETE,
            "/api/mgmt/oauthapps/1",
            "if-match: \"0\"",
            412,
            222_299_013,
            "ETag",
        ),
        on(
            "Ledger-Min-Sequence a word",
            Method::GET,
            APPS,
            "ledger-min-sequence: now",
            400,
            222_299_014,
            "<epoch>",
        ),
        on("another epoch", Method::GET, APPS, "ledger-min-sequence: 7.0", 412, 222_299_022, "epoch"),
    ]
}

/// Bodies of tenants and users.
#[allow(clippy::too_many_lines, reason = "a table")]
fn administration() -> Vec<Row> {
    let tenant = |what, body: Value, code, says| {
        let mut row = post(what, body.to_string(), 400, code, says);
        row.path = String::from("/api/admin/tenants");
        row
    };
    let role = |what, body: Value, code, says| {
        let mut row = post(what, body.to_string(), 400, code, says);
        row.path = String::from("/api/admin/roles");
        row
    };
    let user = |what, body: Value, code, says| {
        let mut row = post(what, body.to_string(), 400, code, says);
        row.path = String::from("/api/admin/users");
        row
    };
    let good = |name: &str, value: Value| {
        let mut body = json!({
            "userName": "ann", "statusInfo": {"status": 1}, "permissions": {"roles": [2]},
            "passwordInfo": {"password": "anchor spoon violet tundra"},
        });
        body[name] = value;
        body
    };
    vec![
        tenant("no name", json!({"parentTenant": 1}), 222_299_001, "'name'"),
        tenant("no parent", json!({"name": "A"}), 222_299_001, "'parentTenant'"),
        tenant("another parent", json!({"name": "A", "parentTenant": 2}), 222_299_004, "'parentTenant'"),
        tenant("a status", json!({"name": "A", "parentTenant": 1, "status": 2}), 222_299_004, "'status'"),
        tenant(
            "an unknown role",
            json!({"name": "A", "parentTenant": 1, "importedRoles": [99]}),
            222_207_924,
            "99",
        ),
        tenant(
            "an unknown administrator",
            json!({"name": "A", "parentTenant": 1, "admins": [99]}),
            222_207_916,
            "99",
        ),
        tenant("an unknown property", json!({"name": "A", "parentTenant": 1, "x": 1}), 222_299_003, "'x'"),
        role("a role without a name", json!({}), 222_299_001, "'name'"),
        role("a role's name a number", json!({"name": 1}), 222_299_002, "'name' must be a text"),
        role("a role's name empty", json!({"name": ""}), 222_299_004, "128"),
        role("a role's name too long", json!({"name": "n".repeat(129)}), 222_299_004, "128"),
        role("a role's name with a blank in front", json!({"name": " x"}), 222_299_004, "blank"),
        role(
            "a role's description too long",
            json!({"name": "x", "description": "d".repeat(4097)}),
            222_299_004,
            "4096",
        ),
        role(
            "a role's description a list",
            json!({"name": "x", "description": []}),
            222_299_002,
            "'description'",
        ),
        role("a role of an unknown tenant", json!({"name": "x", "tenantId": 999}), 222_208_573, "999"),
        role("a role's tenant a word", json!({"name": "x", "tenantId": "OrgA"}), 222_299_002, "'tenantId'"),
        role(
            "permissions no list",
            json!({"name": "x", "permissions": 7}),
            222_299_002,
            "'permissions' must be a list",
        ),
        role("a permission no id", json!({"name": "x", "permissions": ["x"]}), 222_299_002, "'permissions'"),
        role("an unknown permission of a role", json!({"name": "x", "permissions": [30]}), 222_299_004, "30"),
        role(
            "a permission past 16 bits",
            json!({"name": "x", "permissions": [65_537]}),
            222_299_004,
            "no permission",
        ),
        role(
            "1001 permissions",
            json!({"name": "x", "permissions": (0..1001).collect::<Vec<_>>()}),
            222_299_004,
            "at most 1000",
        ),
        role("an unknown user of a new role", json!({"name": "x", "users": [99]}), 222_207_916, "99"),
        role("an unknown property of a role", json!({"name": "x", "y": 1}), 222_299_003, "'y'"),
        user("no status", good("statusInfo", json!({})), 222_299_001, "'statusInfo.status'"),
        user("status 2", good("statusInfo", json!({"status": 2})), 222_299_004, "'statusInfo.status'"),
        user("a colon in the name", good("userName", json!("a:b")), 222_299_004, "colon"),
        user("no roles", good("permissions", json!({"roles": []})), 222_299_004, "at least one role"),
        user("an unknown role of a user", good("permissions", json!({"roles": [99]})), 222_207_924, "99"),
        user(
            "an unknown permission of a user",
            good("permissions", json!({"roles": [2], "permissions": [30]})),
            222_299_004,
            "permissions",
        ),
        user(
            "a common password",
            good("passwordInfo", json!({"password": "password1234"})),
            222_299_004,
            "guess",
        ),
        user("a short password", good("passwordInfo", json!({"password": "x"})), 222_299_004, "12"),
        user(
            "a bad date",
            good(
                "passwordInfo",
                json!({"password": "anchor spoon violet tundra", "passwordExpiration": "soon"}),
            ),
            222_299_004,
            "passwordExpiration",
        ),
        user("an unknown tenant of a user", good("tenantId", json!(99)), 222_208_573, "99"),
        user(
            "another service",
            good("authenticationInfo", json!({"authUsers": [{"authUserName": "ann", "authServiceId": 2}]})),
            222_299_004,
            "authUsers",
        ),
        user(
            "an unknown inner property",
            good("statusInfo", json!({"status": 1, "x": 1})),
            222_299_003,
            "'statusInfo.x'",
        ),
    ]
}

#[tokio::test]
async fn l11_every_bad_input_gets_a_sentence_and_changes_nothing() {
    let mut config = Config::default();
    // A GET that reveals is a write of its own; here only refusals are looked at.
    config.secrets.reveal = authledger::config::Reveal::Never;
    let house = House::new(config);
    house.app(ADMIN, "first", None).await;
    all_refused(&house, bodies().into_iter().chain(heads()).chain(administration())).await;
}

/// Sends each row as the administrator: it gets what it says, and nothing changes.
pub(crate) async fn all_refused(house: &House, rows: impl IntoIterator<Item = Row>) {
    let before = house.state();
    for row in rows {
        let headers: Vec<&str> = row.headers.iter().map(String::as_str).collect();
        let answer = house.send_as(ADMIN, row.method, &row.path, &headers, Body::from(row.body)).await;
        let what = format!("{} ({})", row.what, row.path);
        assert_eq!((answer.status.as_u16(), answer.code()), (row.status, row.code), "{what}: {answer:?}");
        let error = &answer.json()["error"];
        let said = error["message"]["value"].as_str().expect("a sentence");
        assert!(said.contains(&row.says), "{what}: {said:?} does not say {:?}", row.says);
        assert!(said.len() < 400, "{what}: a message repeats too much");
        assert_eq!(error["message"]["lang"], json!("en-US"), "{what}");
        assert!(!said.contains("1912308409123890"), "{what}: a secret in a message");
        let text = [APPS, PROFILES, SOURCES].iter().any(|family| row.path.starts_with(family));
        assert_eq!(error["code"].is_string(), text, "{what}: the code's type");
        assert_eq!(house.state(), before, "{what} changed something");
    }
}

#[tokio::test]
async fn a_header_that_may_stand_once_is_refused_twice() {
    let house = House::new(Config::default());
    let before = house.state();
    for (name, values) in [("idempotency-key", ["a", "b"]), ("ledger-min-sequence", ["1.0", "1.0"])] {
        let lines: Vec<String> = values.iter().map(|value| format!("{name}: {value}")).collect();
        let headers = [JSON, &lines[0], &lines[1]];
        let answer = house.send_as(ADMIN, Method::POST, APPS, &headers, app_body("x").to_string()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, 222_299_014), "{name}");
    }
    assert_eq!(house.state(), before);
}

#[tokio::test]
async fn the_largest_good_values_are_accepted() {
    let house = House::new(Config::default());
    let mut body = app_body(&"n".repeat(128));
    body["clientSecret"] = json!("s".repeat(4096));
    body["clientId"] = json!("c".repeat(1024));
    body["description"] = json!("d".repeat(4096));
    body["scope"] = json!("s".repeat(4096));
    body["tokenURI"] = json!(format!("https://a.example/{}", "t".repeat(2048 - 18)));
    let answer = house.post_as(ADMIN, APPS, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(
        house.get_as(ADMIN, "/api/mgmt/oauthapps/1").await.json()["clientSecret"],
        body["clientSecret"]
    );
}
