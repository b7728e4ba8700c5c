//! What holds for operations because of what they are, said once instead of in every annotation.
//!
//! An annotation says what is the handler's own: what it answers when it did what was asked, which permissions it needs, and
//! which codes it alone has. From the rest of it follows what else can happen: an operation with a body can be sent a broken
//! one, one that writes can find the writer stopped, one behind the guard can be refused at the door. Two statuses in an
//! annotation ask for their headers: 304 says that `If-None-Match` is honoured, 412 that `If-Match` is.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Header, Ref, RefOr, Required, Schema};

use super::parameters::{self, AS_OF, USER};
use super::schemas::{error_ref, json};
use super::{BASIC, BEARER, CODES, PERMISSIONS, PROTOCOL_ERRORS, REVEALS, UNRECORDED};
use crate::api::codes::{self, Code};
use crate::api::error::code_is_text;
use crate::api::guard;
use crate::api::oauth2::{self, refusal};
use crate::auth::permission::{ADMINISTRATOR, by_id};
use crate::config::Limits;
use crate::oauth::error::{self, ProtocolError};
use crate::oauth::reach;
use events::id::PermissionId;

pub(super) const JSON: &str = "application/json";

/// Every operation of one path, completed.
pub(super) fn complete(path: &str, item: &mut PathItem, limits: &Limits) {
    let operations = [
        ("get", &mut item.get),
        ("head", &mut item.head),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("delete", &mut item.delete),
        ("patch", &mut item.patch),
    ];
    let mut named = Vec::new();
    for (method, operation) in operations {
        let Some(operation) = operation else { continue };
        if oauth2::is_endpoint(path) {
            Completing::new(path, method, operation).run_protocol(limits);
        } else {
            Completing::new(path, method, operation).run(limits);
        }
        // A handler of several methods has one name, and an operation one of its own.
        let name = operation.operation_id.get_or_insert_default();
        if named.contains(name) {
            name.push_str("By");
            name.push_str(&method.to_uppercase());
        }
        named.push(name.clone());
    }
}

/// What any address can answer, with a route or without one.
pub(super) fn anywhere() -> BTreeMap<u16, Vec<Code>> {
    let mut codes = Codes::default();
    codes.add(404, &[codes::NO_ROUTE]);
    codes.add(405, &[codes::WRONG_METHOD]);
    codes.at_the_rim();
    codes.at_the_guard();
    codes.0
}

/// Statuses, and the codes that may stand in a body of that status.
#[derive(Default)]
struct Codes(BTreeMap<u16, Vec<Code>>);

impl Codes {
    fn add(&mut self, status: u16, codes: &[Code]) {
        let of_status = self.0.entry(status).or_default();
        of_status.extend(codes.iter().filter(|code| !of_status.contains(code)).copied().collect::<Vec<_>>());
    }

    fn at_the_rim(&mut self) {
        self.add(431, &[codes::HEAD_TOO_LARGE]);
        self.add(500, &[codes::INTERNAL]);
        self.add(503, &[codes::STARTING, codes::SLOW_ANSWER]);
    }

    fn at_the_guard(&mut self) {
        let not_believed = [
            codes::INVALID_CREDENTIALS,
            codes::ACCOUNT_INACTIVE,
            codes::PASSWORD_EXPIRED,
            codes::PASSWORD_MUST_CHANGE,
            codes::INVALID_TOKEN,
        ];
        self.add(400, &[codes::TOKEN_MISPLACED]);
        self.add(401, &not_believed);
        self.add(403, &[codes::CROSS_SITE, codes::ADDRESS_REFUSED]);
        self.add(403, &[codes::INSUFFICIENT_SCOPE, codes::NOT_BY_TOKEN]);
        self.add(429, &[codes::TOO_MANY_FAILURES]);
        self.add(503, &[codes::BUSY, codes::STORAGE]);
    }
}

struct Completing<'a> {
    path: &'a str,
    method: &'a str,
    operation: &'a mut Operation,
    codes: Codes,
}

impl<'a> Completing<'a> {
    fn new(path: &'a str, method: &'a str, operation: &'a mut Operation) -> Self {
        Self { path, method, operation, codes: Codes::default() }
    }

    fn run(mut self, limits: &Limits) {
        let reads_a_body = self.operation.request_body.is_some();
        let reveals = self.take_extension(REVEALS).is_some();
        let succeeds = self.operation.responses.responses.keys().any(|status| status.starts_with('2'));
        let recorded = self.take_extension(UNRECORDED).is_none();
        let changes = succeeds && recorded && !matches!(self.method, "get" | "head");
        let guarded = guard::asks_for_credentials(self.path);

        self.codes.at_the_rim();
        if guarded {
            self.guarded(reveals || !matches!(self.method, "get" | "head"));
        } else {
            self.operation.security = Some(Vec::new());
        }
        if reads_a_body {
            self.reads_a_body(limits);
        }
        if changes && guarded {
            self.parameter(parameters::IDEMPOTENCY_KEY);
            self.codes.add(400, &[codes::BAD_HEADER]);
            self.codes.add(409, &[codes::KEY_REUSED, codes::TOO_MUCH_AT_ONCE]);
        }
        if (changes || reveals) && guarded {
            self.codes.add(413, &[codes::BODY_TOO_LARGE]);
            self.codes.add(503, &[codes::OUTCOME_UNKNOWN, codes::NO_WRITES, codes::BUSY]);
        }
        self.own_codes();
        let of_the_past = self.has_parameter(AS_OF);
        self.headers_of_success(changes && guarded, reveals || of_the_past);
        for (status, codes) in std::mem::take(&mut self.codes.0) {
            self.refusal(status, &codes);
        }
        for response in self.operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                header(response, "X-Request-Id");
            }
        }
    }

    /// The same for an operation of the protocol, which judges its own callers and refuses in the RFCs' words.
    fn run_protocol(mut self, limits: &Limits) {
        let recorded = self.take_extension(UNRECORDED).is_none();
        let mut refused = refusal::listed(&[
            error::ADDRESS_REFUSED,
            error::HEAD_TOO_LARGE,
            error::SERVER_ERROR,
            error::UNAVAILABLE,
        ]);
        if let Some(RefOr::T(body)) = &mut self.operation.request_body {
            body.required = Some(Required::True);
            body.description = Some(format!(
                "In UTF-8, at most {} bytes (`limits.body_bytes`). Each parameter once, but for `resource` and `audience`; an empty one \
                 counts as left out, and what is not known is ignored.",
                limits.body_bytes,
            ));
            let broken = [
                error::MALFORMED,
                error::WRONG_CONTENT_TYPE,
                error::TWICE,
                error::IN_QUERY,
                error::BODY_TOO_LARGE,
                error::SLOW_REQUEST,
            ];
            refused.extend(refusal::listed(&broken));
        }
        if let Some(own) = self.take_extension(PROTOCOL_ERRORS) {
            let own: Vec<(u16, String, String)> = serde_json::from_value(own).expect("made by `listed`");
            refused.extend(own);
        }
        self.operation.security = Some(Vec::new());
        // At HDP's address the same handler has a name of its own, as each operation must.
        if self.path.starts_with("/api/")
            && let Some(name) = &mut self.operation.operation_id
        {
            name.push_str("AtHdpAddress");
        }
        self.headers_of_success(recorded && self.method == "post", false);
        let mut by_status: BTreeMap<u16, Vec<(String, String)>> = BTreeMap::new();
        for (status, code, description) in refused {
            by_status.entry(status).or_default().push((code, description));
        }
        for (status, errors) in by_status {
            let mut response = match self.operation.responses.responses.remove(status.to_string().as_str()) {
                Some(RefOr::T(response)) => response,
                _ => Response::new(""),
            };
            describe_protocol_refusal(&mut response, status, &errors);
            self.operation.responses.responses.insert(status.to_string(), RefOr::T(response));
        }
        for response in self.operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                header(response, "X-Request-Id");
            }
        }
    }

    fn guarded(&mut self, cross_site_is_refused: bool) {
        self.codes.at_the_guard();
        if !cross_site_is_refused {
            self.codes.0.entry(403).or_default().retain(|code| *code != codes::CROSS_SITE);
        }
        match reach::needed(&self.method.to_uppercase(), self.path) {
            Some(scope) => {
                let basic = SecurityRequirement::new(BASIC, [] as [&str; 0]);
                let bearer = SecurityRequirement::new(BEARER, [scope.text()]);
                self.operation.security = Some(vec![basic, bearer]);
                self.say(&format!("With an access token: scope `{scope}`."));
            }
            None => self.codes.0.entry(403).or_default().retain(|code| *code != codes::INSUFFICIENT_SCOPE),
        }
        let permissions: Vec<u16> = self
            .extension(PERMISSIONS)
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_default();
        if !permissions.is_empty() {
            self.codes.add(403, &[codes::FORBIDDEN]);
            self.say(&needs(&permissions));
        }
        if self.path.contains('{') {
            // A path that is no UTF-8 once decoded.
            self.codes.add(404, &[codes::NO_ROUTE]);
        }
        if self.has_parameter(USER) {
            self.codes.add(403, &[codes::FORBIDDEN]);
            self.codes.add(404, &[codes::NO_USER]);
        }
        self.parameter(parameters::MIN_SEQUENCE);
        self.codes.add(400, &[codes::BAD_PARAMETER, codes::BAD_HEADER]);
        self.codes.add(412, &[codes::HISTORY_RESTORED]);
        self.codes.add(503, &[codes::NOT_YET]);
    }

    fn reads_a_body(&mut self, limits: &Limits) {
        let broken = [
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::MISSING_PROPERTY,
            codes::WRONG_TYPE,
            codes::UNKNOWN_PROPERTY,
            codes::INVALID_VALUE,
        ];
        self.codes.add(400, &broken);
        self.codes.add(408, &[codes::SLOW_REQUEST]);
        self.codes.add(413, &[codes::BODY_TOO_LARGE]);
        self.codes.add(415, &[codes::WRONG_CONTENT_TYPE]);
        if let Some(RefOr::T(body)) = &mut self.operation.request_body {
            body.required = Some(Required::True);
            body.description = Some(format!(
                "JSON in UTF-8, at most {} bytes (`limits.body_bytes`), nested at most {} levels deep, each name once in an object.",
                limits.body_bytes,
                crate::api::json::DEPTH_MAX,
            ));
        }
    }

    /// What the annotation says of this operation alone, moved to the statuses it belongs to.
    fn own_codes(&mut self) {
        let own: Vec<(u16, u32)> = self
            .take_extension(CODES)
            .map(|value| serde_json::from_value(value).expect("made by `codes`"))
            .unwrap_or_default();
        for (status, number) in own {
            let code = codes::ALL.iter().find(|code| code.number == number).expect("made from a code");
            self.codes.add(status, &[*code]);
        }
        let statuses: Vec<String> = self.operation.responses.responses.keys().cloned().collect();
        if statuses.iter().any(|status| status == "304") {
            self.parameter(parameters::IF_NONE_MATCH);
        }
        if statuses.iter().any(|status| status == "412") {
            self.parameter(parameters::IF_MATCH);
            self.codes.add(412, &[codes::CHANGED]);
        }
    }

    fn headers_of_success(&mut self, writes: bool, names_a_place: bool) {
        let conditional = self.operation.responses.responses.contains_key("304");
        for (status, response) in &mut self.operation.responses.responses {
            let RefOr::T(response) = response else { continue };
            let success = status.starts_with('2');
            if success && (writes || names_a_place) {
                header(response, "Ledger-Sequence");
            }
            if status == "201" {
                header(response, "Location");
            }
            // Every write of one object answers what its ETag is then; a 204 has no object any more.
            if status == "304" || status == "201" || (status == "200" && (conditional || writes)) {
                header(response, "ETag");
            }
            if response.description.is_empty() {
                response.description = success_in_words(status).to_owned();
            }
        }
    }

    fn refusal(&mut self, status: u16, codes: &[Code]) {
        let text = code_is_text(self.path);
        let mut response = match self.operation.responses.responses.remove(status.to_string().as_str()) {
            Some(RefOr::T(response)) => response,
            _ => Response::new(""),
        };
        describe_refusal(&mut response, status, codes, text);
        self.operation.responses.responses.insert(status.to_string(), RefOr::T(response));
    }

    fn say(&mut self, sentence: &str) {
        let description = self.operation.description.get_or_insert_default();
        if !description.is_empty() {
            description.push_str("\n\n");
        }
        description.push_str(sentence);
    }

    fn parameter(&mut self, name: &str) {
        let parameters = self.operation.parameters.get_or_insert_default();
        let reference = parameters::header_ref(name);
        if !parameters.contains(&reference) {
            parameters.push(reference);
        }
    }

    fn has_parameter(&self, name: &str) -> bool {
        let is = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(it) if it.name == name);
        self.operation.parameters.as_ref().is_some_and(|parameters| parameters.iter().any(is))
    }

    fn extension(&self, name: &str) -> Option<serde_json::Value> {
        self.operation.extensions.as_ref()?.get(name).cloned()
    }

    fn take_extension(&mut self, name: &str) -> Option<serde_json::Value> {
        self.operation.extensions.as_mut()?.remove(name)
    }
}

fn needs(permissions: &[u16]) -> String {
    let name = |id: PermissionId| format!("{} ({})", id.0, by_id(id).map_or("unknown", |row| row.name));
    let all: Vec<String> = permissions.iter().map(|id| name(PermissionId(*id))).collect();
    let word = if all.len() == 1 { "permission" } else { "permissions" };
    if permissions == [ADMINISTRATOR.0] {
        return format!("Needs permission {}.", name(ADMINISTRATOR));
    }
    format!("Needs {word} {}, or {}.", all.join(" and "), name(ADMINISTRATOR))
}

fn success_in_words(status: &str) -> &'static str {
    match status {
        "200" => "Done; the body is the answer.",
        "201" => "Created; the body is the new object.",
        "204" => "Done; there is nothing to show any more.",
        "304" => "The caller has the object as it is.",
        _ => "",
    }
}

/// Fills in what a refusal of this status looks like. A response that had a body of its own keeps it beside the error's.
pub(super) fn describe_refusal(response: &mut Response, status: u16, codes: &[Code], text: bool) {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let lines = codes.iter().map(|code| format!("\n- `{}` {}", code.number, code.message));
    let words: String = [reason.unwrap_or_default().to_owned()].into_iter().chain(lines).collect();
    if response.description.is_empty() {
        response.description = words;
    } else {
        response.description.push_str("\n\n");
        response.description.push_str(&words);
    }
    let own = response.content.get(JSON).and_then(|content| match content {
        RefOr::T(content) => content.schema.clone(),
        RefOr::Ref(_) => None,
    });
    let schema = match own {
        None => error_ref(text),
        Some(own) => RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(own).item(error_ref(text)).build())),
    };
    response.content.insert(JSON.to_owned(), json(schema));
    let numbers = codes
        .iter()
        .map(|code| if text { serde_json::Value::from(code.number.to_string()) } else { code.number.into() });
    let extensions = response.extensions.get_or_insert_default();
    extensions.insert(CODES.to_owned(), numbers.collect());
    match status {
        401 => header(response, "WWW-Authenticate"),
        400 | 403 if asks_for_another_token(codes) => header(response, "WWW-Authenticate"),
        405 => header(response, "Allow"),
        429 | 503 => header(response, "Retry-After"),
        _ => {}
    }
}

/// The same in the RFCs' words. What the response had of its own, such as a page, stays beside it.
fn describe_protocol_refusal(response: &mut Response, status: u16, errors: &[(String, String)]) {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let lines = errors.iter().map(|(code, description)| format!("\n- `{code}` {description}"));
    let words: String = [reason.unwrap_or_default().to_owned()].into_iter().chain(lines).collect();
    if !response.description.is_empty() {
        response.description.push_str("\n\n");
    }
    response.description.push_str(&words);
    response.content.insert(JSON.to_owned(), json(refusal::schema_ref()));
    let mut codes: Vec<&str> = errors.iter().map(|(code, _)| code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    response.extensions.get_or_insert_default().insert(CODES.to_owned(), codes.into());
    match status {
        401 => header(response, "WWW-Authenticate"),
        405 => header(response, "Allow"),
        429 | 503 => header(response, "Retry-After"),
        _ => {}
    }
}

/// Adds to a refusal of any address how an address of the protocol says it.
pub(super) fn describe_protocol_too(response: &mut Response, status: u16) {
    let Ok(status) = StatusCode::from_u16(status) else { return };
    let word: ProtocolError = refusal::words(status);
    if let Some(RefOr::T(content)) = response.content.get_mut(JSON)
        && let Some(RefOr::T(Schema::AnyOf(any))) = &mut content.schema
    {
        any.items.push(refusal::schema_ref());
    }
    if let Some(serde_json::Value::Array(codes)) =
        response.extensions.as_mut().and_then(|extensions| extensions.get_mut(CODES))
    {
        codes.push(word.code.text().into());
    }
}

/// Whether a refusal may be about an access token, and then says so in a challenge.
fn asks_for_another_token(codes: &[Code]) -> bool {
    let about = [codes::TOKEN_MISPLACED, codes::INSUFFICIENT_SCOPE, codes::NOT_BY_TOKEN];
    codes.iter().any(|code| about.contains(code))
}

fn header(response: &mut Response, name: &str) {
    let reference = Ref::new(format!("#/components/headers/{name}"));
    response.headers.insert(name.to_owned(), RefOr::Ref(reference));
}

/// The headers of answers, by the names they have among the components.
pub(super) fn headers() -> [(&'static str, Header); 7] {
    let text = |about: &str| {
        let schema = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()
    };
    let seconds = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(1_usize));
    [
        ("Allow", text("The methods that this address answers to.")),
        ("ETag", text("The state of the object: the sequence of the last event that changed it, in quotes.")),
        ("Ledger-Sequence", text("Where the log stands after this: `<epoch>.<sequence>`.")),
        ("Location", text("The absolute URI of the new object.")),
        (
            "Retry-After",
            HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait.")).build(),
        ),
        (
            "WWW-Authenticate",
            text(
                "`Basic` and `Bearer`, with our realm. To an access token that is not good, or not for this: `Bearer` with `error` (RFC 6750).",
            ),
        ),
        ("X-Request-Id", text("The id of the request; that of its command in the log, when it was one.")),
    ]
}

/// No object that we answer with has a property that its schema does not name, unless the schema says what others hold.
pub(super) fn close(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            if !object.properties.is_empty() && object.additional_properties.is_none() {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
            object.properties.values_mut().for_each(close);
        }
        Schema::Array(array) => {
            if let utoipa::openapi::schema::ArrayItems::RefOrSchema(items) = &mut array.items {
                close(items);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(close),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(close),
        // `allOf` of closed objects would fit nothing.
        _ => {}
    }
}
