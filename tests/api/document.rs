//! Holds what is sent and answered against the server's own OpenAPI document.
//!
//! Every request of these tests passes through here (`House::send`): an operation, a status, a code, a header or a property
//! that the document does not name fails the test that met it. So does a body that was accepted although it breaks its schema,
//! and one that was refused for its shape although it fits.

use std::sync::OnceLock;

use authledger::api::router;
use authledger::config::Config;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

use super::house::Answer;
use super::schema::Schemas;

/// Headers that mean something here: an answer may carry them only where the document says so.
const HEADERS: &[&str] =
    &["allow", "etag", "ledger-sequence", "location", "retry-after", "www-authenticate", "x-request-id"];
/// Refusals that only say something about the shape of a body: a value may break rules that no schema can say.
const OF_SHAPE: &[u64] = &[222_299_001, 222_299_002, 222_299_003, 222_299_005];

/// The document as the server answers it.
pub(crate) struct Document {
    pub(crate) root: Value,
}

/// A request as it was sent.
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    /// `None` when it came in pieces.
    pub(crate) body: Option<&'a [u8]>,
}

/// The document of any house: it does not depend on what the ledger holds.
static DOCUMENT: OnceLock<Document> = OnceLock::new();

impl Document {
    /// Makes the document once.
    pub(crate) fn of(config: &Config, public_url: &str) -> &'static Document {
        DOCUMENT.get_or_init(|| {
            let bytes = router::document(config, public_url);
            Document { root: serde_json::from_slice(&bytes).expect("a document of JSON") }
        })
    }

    /// Every operation: method in small letters, path as it is written, and what is said of it.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let paths = self.root["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().expect("a path item");
            item.iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    /// The path of the document that an address belongs to; one without a parameter goes first.
    fn path_of(&self, path: &str) -> Option<&str> {
        let fits = |written: &str| {
            let spans = self.spans_segments(written);
            let (mut written, mut asked) = (written.split('/'), path.split('/'));
            loop {
                match (written.next(), asked.next()) {
                    (None, None) => return true,
                    (Some(a), Some(b)) if spans && a.starts_with('{') && !b.is_empty() => return true,
                    // An empty segment is one, unless it is the last.
                    (Some(a), Some(b))
                        if a == b
                            || (a.starts_with('{') && (!b.is_empty() || asked.clone().next().is_some())) => {}
                    _ => return false,
                }
            }
        };
        let paths = self.root["paths"].as_object().expect("paths");
        let mut found: Vec<&str> = paths.keys().map(String::as_str).filter(|written| fits(written)).collect();
        found.sort_by_key(|written| written.matches('{').count());
        found.first().copied()
    }

    /// Whether the last parameter of a path stands for all that follows.
    fn spans_segments(&self, written: &str) -> bool {
        let of_any_method = self.root["paths"][written].as_object().expect("a path item").values();
        of_any_method
            .filter_map(|operation| operation["parameters"].as_array())
            .flatten()
            .any(|parameter| parameter["x-many-segments"] == true)
    }

    /// Fails when an answer is not as the document says.
    pub(crate) fn check(&self, sent: &Sent<'_>, answer: &Answer) {
        let path = sent.path.split('?').next().unwrap_or_default();
        let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(600)]);
        let asked = format!("{} {}: {} {:?} {body}", sent.method, sent.path, answer.status, answer.headers);
        let written = self.path_of(path);
        let method = sent.method.as_str().to_lowercase();
        let operation = written.and_then(|written| {
            let item = &self.root["paths"][written];
            // HEAD is answered wherever GET is.
            item.get(&method).or_else(|| item.get("get").filter(|_| method == "head"))
        });
        let anywhere = &self.root["x-any-address"];
        let status = answer.status.as_str();
        let responses = match operation {
            Some(operation) => &operation["responses"],
            None => &anywhere["responses"],
        };
        let response = responses.get(status);
        let response = response.unwrap_or_else(|| panic!("{status} is not in the document: {asked}"));
        Self::check_headers(status, response, &answer.headers, &asked);
        self.check_body(sent, response, answer, &asked);
        if let Some(operation) = operation {
            self.check_request(sent, operation, answer, &asked);
        }
        // A path that exists is never answered 404 for want of a route, nor one that doesn't 405.
        assert!(status != "405" || written.is_some(), "405 for no path of the document: {asked}");
    }

    fn check_headers(status: &str, response: &Value, headers: &HeaderMap, asked: &str) {
        let documented: Vec<String> = match response["headers"].as_object() {
            Some(headers) => headers.keys().map(|name| name.to_lowercase()).collect(),
            None => Vec::new(),
        };
        for name in HEADERS {
            let has = headers.contains_key(*name);
            let named = documented.iter().any(|other| other == name);
            assert!(!has || named || *name == "x-request-id", "{name} is not in the document: {asked}");
            // A challenge goes with every 401, and with refusals of access tokens.
            let always = match *name {
                "www-authenticate" => status == "401",
                name => ["allow", "location", "retry-after", "x-request-id"].contains(&name),
            };
            assert!(has || !named || !always, "{name} is in the document: {asked}");
        }
    }

    fn check_body(&self, sent: &Sent<'_>, response: &Value, answer: &Answer, asked: &str) {
        let content = response["content"].as_object();
        if sent.method == Method::HEAD || content.is_none_or(serde_json::Map::is_empty) {
            assert!(answer.body.is_empty(), "a body that is not in the document: {asked}");
            return;
        }
        let content = content.expect("looked at above");
        let kind = answer.header("content-type").unwrap_or_default();
        let documented =
            content.get(kind).unwrap_or_else(|| panic!("{kind} is not in the document: {asked}"));
        if kind != "application/json" {
            return;
        }
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let complaint = Schemas(&self.root).complaint(&documented["schema"], &body, "body");
        assert_eq!(complaint, None, "{asked}");
        if body["error"].is_string() {
            self.check_protocol_error(response, &body, answer, asked);
        } else if let Some(error) = body.get("error") {
            self.check_error(sent.path, response, error, asked);
        } else {
            assert!(!answer.status.is_client_error(), "a refusal without an error: {asked}");
        }
    }

    /// The code stands in the response's list, has the JSON type of its family, and says what the table says.
    fn check_error(&self, path: &str, response: &Value, error: &Value, asked: &str) {
        let below = |family: &Value| {
            let rest = path.strip_prefix(family.as_str().expect("a path"));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        let families = self.root["x-any-address"]["textCodesBelow"].as_array().expect("families");
        let is_text = families.iter().any(below);
        assert_eq!(error["code"].is_string(), is_text, "the type of error.code: {asked}");
        let number = |code: &Value| match code {
            Value::String(text) => text.parse::<u64>().expect("digits"),
            other => other.as_u64().expect("a whole number"),
        };
        let code = number(&error["code"]);
        let listed = response["x-error-codes"].as_array().expect("a refusal's codes");
        assert!(listed.iter().any(|other| number(other) == code), "{code} is not in the document: {asked}");
        let table = self.root["x-error-codes"].as_array().expect("the table of codes");
        let row = table.iter().find(|row| row["code"] == code).unwrap_or_else(|| panic!("no code {code}"));
        let template = row["message"].as_str().expect("a message");
        let said = error["message"]["value"].as_str().expect("a sentence");
        assert!(fills(template, said), "{template:?} is not {said:?}: {asked}");
    }

    /// SECURITY 36: every refusal of the protocol carries an `error` that the response lists, and beside it a sentence of the
    /// table, which repeats nothing. Nobody keeps it.
    fn check_protocol_error(&self, response: &Value, body: &Value, answer: &Answer, asked: &str) {
        let listed = response["x-error-codes"].as_array().expect("a refusal's codes");
        assert!(listed.contains(&body["error"]), "the error is not in the document: {asked}");
        let table = self.root["x-oauth-errors"].as_array().expect("the table of the protocol's errors");
        assert!(table.contains(body), "the sentence is not in the document: {asked}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{asked}");
    }

    /// What was accepted fits what the document asks for; what was refused for its shape does not.
    fn check_request(&self, sent: &Sent<'_>, operation: &Value, answer: &Answer, asked: &str) {
        let done = answer.status.is_success();
        if done {
            let query = sent.path.split_once('?').map_or("", |(_, query)| query);
            for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
                let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
                let known = parameters.iter().any(|other| other["in"] == "query" && other["name"] == *name);
                assert!(known, "?{name}= is not in the document: {asked}");
            }
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let body = sent.body.filter(|body| !body.is_empty());
        let (Some(body), false) = (body, schema.is_null()) else { return };
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
        let complaint = Schemas(&self.root).complaint(schema, &body, "body");
        if done {
            assert_eq!(complaint, None, "accepted: {asked}");
        } else if answer.status == 400
            && answer.json()["error"].is_object()
            && OF_SHAPE.contains(&answer.code())
        {
            assert!(complaint.is_some(), "refused, although it fits the document: {asked}");
        }
    }
}

/// Whether a sentence is a template with something in its places.
fn fills(template: &str, said: &str) -> bool {
    let mut rest = said;
    let pieces: Vec<&str> = template.split("{0}").flat_map(|piece| piece.split("{1}")).collect();
    for (i, piece) in pieces.iter().enumerate() {
        let last = i + 1 == pieces.len();
        let at = if last && i > 0 { rest.rfind(piece) } else { rest.find(piece) };
        match at {
            Some(at) if i > 0 || at == 0 => rest = &rest[at + piece.len()..],
            _ => return false,
        }
    }
    rest.is_empty()
}

#[test]
fn a_template_is_filled_or_it_is_not() {
    for (template, said, fits) in [
        ("Plain.", "Plain.", true),
        ("Plain.", "Plain. ", false),
        ("There is no User with that id: {0}.", "There is no User with that id: a.b.", true),
        ("The property '{0}' must be {1}.", "The property 'a' must be a text.", true),
        ("The property '{0}' must be {1}.", "The property 'a' can't be a text.", false),
        ("Invalid JSON Input: {0}", "Invalid JSON Input: line 1 column 0", true),
    ] {
        assert_eq!(fills(template, said), fits, "{template} {said}");
    }
}
