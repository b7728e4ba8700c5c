//! What the document says of every operation because of what it is, tried on every operation: a handler that forgets to refuse
//! what nobody knows, or to read a header that is promised, is found here by being in the document.

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, JSON};

/// One operation, as somebody asks it.
struct Operation<'a> {
    house: &'a House,
    method: Method,
    path: &'a str,
    said: &'a Value,
}

impl Operation<'_> {
    fn reads_a_body(&self) -> bool {
        !self.said["requestBody"].is_null()
    }

    fn names_an_object(&self) -> bool {
        self.path.contains("{id}") || self.path.contains("{size}")
    }

    /// Whether a parameter of this name is documented; those of headers stand among the components.
    fn takes(&self, name: &str) -> bool {
        let all = self.said["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        all.iter().any(|parameter| {
            parameter["name"] == name
                || parameter["$ref"] == format!("#/components/parameters/{name}").as_str()
        })
    }

    fn promises(&self, status: &str) -> bool {
        !self.said["responses"][status].is_null()
    }

    async fn ask(&self, id: &str, query: &str, headers: &[&str], body: impl Into<Body>) -> Answer {
        let path = self.path.replace("{id}", id).replace("{size}", id).replace("{kind}", "oauth_app");
        let path = ["{tenantId}", "{userId}", "{dataSourceId}", "{memberId}"]
            .iter()
            .fold(path, |path, of| path.replace(of, "1"));
        self.house.send_as(ADMIN, self.method.clone(), &format!("{path}{query}"), headers, body).await
    }

    /// Asks for what must be refused, and nothing may come of it.
    async fn refused(&self, what: &str, id: &str, query: &str, headers: &[&str], status: u16, code: u64) {
        self.refused_body(what, id, query, headers, "", status, code).await;
    }

    #[allow(clippy::too_many_arguments, reason = "a row of a table")]
    async fn refused_body(
        &self,
        what: &str,
        id: &str,
        query: &str,
        headers: &[&str],
        body: &str,
        status: u16,
        code: u64,
    ) {
        let before = self.house.state();
        let answer = self.ask(id, query, headers, body.to_owned()).await;
        let here = format!("{} {}: {what}", self.method, self.path);
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{here}");
        assert_eq!(self.house.state(), before, "{here}");
    }
}

/// A house in which every kind of object has one with the id 1.
async fn house() -> House {
    let house = House::new(Config::default());
    house.app(ADMIN, "one", None).await;
    let made = [
        ("/api/admin/security/cors/whitelist", json!({ "whitelist": [{ "domain": "https://one.example" }] })),
        ("/api/mgmt/oauthprofiles", json!({ "name": "one", "oauthAppId": 1, "refreshToken": "r" })),
        (
            "/api/mgmt/datasources",
            json!({ "name": "one", "dataStore": 54, "options": { "ServiceKey": "sealed" } }),
        ),
        ("/api/admin/limits/system/1", json!({ "value": 1 })),
        (
            "/api/mgmt/oauth/client/applications",
            json!({ "name": "one", "redirectUrls": ["https://client.example/cb"] }),
        ),
        ("/api/admin/limits/tenants/1/1", json!({ "value": 1 })),
        ("/api/admin/limits/users/1/1", json!({ "value": 1 })),
        ("/api/admin/limits/users/1/datasources/1/1", json!({ "value": 1 })),
    ];
    for (path, body) in made {
        assert_eq!(house.post_as(ADMIN, path, &body).await.status, StatusCode::CREATED, "{path}");
    }
    house
}

/// Every operation that asks for credentials and does something.
fn operations(house: &House) -> Vec<Operation<'_>> {
    let does = |said: &Value| {
        let guarded = !said["security"].as_array().is_some_and(Vec::is_empty);
        guarded
            && said["responses"]
                .as_object()
                .is_some_and(|all| all.keys().any(|status| status.starts_with('2')))
    };
    let all = house.document().operations().filter(|(_, _, said)| does(said));
    let all = all.map(|(method, path, said)| {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        Operation { house, method, path, said }
    });
    let all: Vec<Operation<'_>> = all.collect();
    assert!(all.len() > 30, "{} operations", all.len());
    all
}

#[tokio::test]
async fn what_nobody_knows_is_refused_by_every_operation() {
    let house = house().await;
    for operation in operations(&house) {
        operation.refused("an unknown parameter", "1", "?nonsense=1", &[], 400, 222_299_008).await;
        operation.refused("a parameter twice", "1", "?a=1&a=1", &[], 400, 222_299_008).await;
        if operation.takes("user") {
            // Whom an audit is about is asked together with what.
            let about = if operation.takes("permission") { "&permission=1" } else { "" };
            let query = format!("?user=nobody{about}");
            operation.refused("an unknown user", "1", &query, &[], 404, 222_207_916).await;
        } else {
            operation.refused("acting for another", "1", "?user=d2cadmin", &[], 400, 222_299_008).await;
        }
        if operation.takes("limit") {
            for limit in ["0", "1001", "x", ""] {
                let query = format!("?limit={limit}");
                operation.refused("a page that is none", "1", &query, &[], 400, 222_299_008).await;
            }
        }
        if operation.takes("asOf") {
            for moment in ["x", "999999", "2999-01-01T00:00:00Z"] {
                let query = format!("?asOf={moment}");
                operation.refused("a moment that is none", "1", &query, &[], 400, 222_299_008).await;
            }
        }
    }
}

#[tokio::test]
async fn every_header_that_is_promised_is_read() {
    let house = house().await;
    let long = format!("idempotency-key: {}", "k".repeat(256));
    for operation in operations(&house) {
        assert!(operation.takes("LedgerMinSequence"), "{}", operation.path);
        for (header, status, code) in
            [("ledger-min-sequence: x", 400, 222_299_014), ("ledger-min-sequence: 9.0", 412, 222_299_022)]
        {
            operation.refused(header, "1", "", &[header], status, code).await;
        }
        if operation.takes("IfMatch") {
            operation.refused("no tag", "1", "", &["if-match: 1"], 400, 222_299_014).await;
        }
        // With a body, that is looked at first.
        if operation.takes("IdempotencyKey") && !operation.reads_a_body() {
            operation.refused("a long key", "1", "", &[&long], 400, 222_299_014).await;
        }
        if operation.takes("IfNoneMatch") {
            let shown = operation.ask("1", "", &[], "").await;
            assert_eq!(shown.status, StatusCode::OK, "{}", operation.path);
            let tag = format!("if-none-match: {}", shown.header("etag").expect("an ETag"));
            let again = operation.ask("1", "", &[&tag], "").await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{}", operation.path);
            operation.refused("no tag", "1", "", &["if-none-match: 1"], 400, 222_299_014).await;
        }
    }
}

#[tokio::test]
async fn every_operation_that_reads_a_body_refuses_what_is_none() {
    let house = house().await;
    let mut tried = 0;
    for operation in operations(&house).iter().filter(|operation| operation.reads_a_body()) {
        let of_type = "content-type: application/x-www-form-urlencoded";
        operation.refused_body("a form", "1", "", &[of_type], "a=b", 415, 222_299_007).await;
        operation.refused_body("a megabyte", "1", "", &[JSON], &" ".repeat(1 << 21), 413, 222_299_006).await;
        operation.refused_body("half of JSON", "1", "", &[JSON], "{", 400, 222_207_007).await;
        operation.refused_body("no object", "1", "", &[JSON], "[]", 400, 222_299_005).await;
        let answer = operation.ask("1", "", &[JSON], "{\"nonsense\":1}").await;
        let missing_or_unknown = [222_299_001, 222_299_003].contains(&answer.code());
        assert!(answer.status == StatusCode::BAD_REQUEST && missing_or_unknown, "{}", operation.path);
        tried += 1;
    }
    assert!(tried > 5, "{tried} operations read a body");
}

#[tokio::test]
async fn what_is_not_there_is_404_with_a_code_of_its_own_at_every_operation() {
    let house = house().await;
    for operation in operations(&house).iter().filter(|operation| operation.names_an_object()) {
        for id in ["999999", "0", "x", "01", "99999999999999999999", "%20"] {
            let answer = operation.ask(id, "", &[JSON], "{}").await;
            let here = format!("{} {} {id}", operation.method, operation.path);
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{here}");
            assert_ne!(answer.code(), 222_299_009, "{here}: there is such an address");
        }
    }
}

/// SECURITY L15.
#[tokio::test]
async fn l15_whatever_changes_or_reveals_is_not_for_pages_of_other_sites() {
    let house = house().await;
    for operation in operations(&house) {
        let refuses = operation.said["responses"]["403"]["x-error-codes"].to_string().contains("222299026");
        if refuses {
            operation
                .refused("another site", "1", "", &["sec-fetch-site: cross-site"], 403, 222_299_026)
                .await;
        }
        assert!(refuses || operation.method == Method::GET, "{}", operation.path);
    }
}

/// HEAD is GET without its body, and never reveals.
#[tokio::test]
async fn head_is_answered_wherever_get_is() {
    let house = house().await;
    for mut operation in operations(&house) {
        if operation.method != Method::GET || !operation.promises("200") {
            continue;
        }
        let get = operation.ask("1", "", &[], "").await;
        operation.method = Method::HEAD;
        let before = house.state();
        let head = operation.ask("1", "", &[], "").await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{}", operation.path);
        assert_eq!(head.header("content-type"), get.header("content-type"), "{}", operation.path);
        assert_eq!(house.state(), before, "{}", operation.path);
    }
}
