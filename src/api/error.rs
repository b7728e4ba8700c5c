//! What goes wrong, as HTTP: one exhaustive match from an [`ApiError`] to status, stable code and public message.
//!
//! A handler answers with an `ApiError`; the body is written at the rim (`rim.rs`), which knows the path, because HDP writes
//! `error.code` as a text in three families and as a number in the others (hdp-api.md 9.2).

use std::fmt;
use std::sync::Arc;

use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use events::scope::Scope;
use serde_json::{Value, json};

use super::answer::answer;
use super::codes::{self, Code};
use super::json::NotJson;
use super::oauth2;
use crate::commands::data_source::{OPTIONS_BYTES_MAX, OPTIONS_MAX};
use crate::oauth::error::ProtocolError;

/// Everything that is not the answer that was asked for.
#[derive(Clone, Debug)]
pub enum ApiError {
    /// No or wrong credentials; the same for an unknown user and a locked account.
    InvalidCredentials,
    /// Right password, inactive account.
    AccountInactive,
    /// Right password, but expired.
    PasswordExpired,
    /// Right password, but temporary.
    PasswordMustChange,
    /// Too many wrong passwords; seconds to wait.
    TooManyFailures {
        /// `Retry-After`.
        retry_after_secs: u64,
    },
    /// An access token that is not good here.
    InvalidToken,
    /// An access token without the scope that this needs.
    InsufficientScope(Scope),
    /// No access token is good for this.
    NotByToken,
    /// An access token in the URL, or beside other credentials.
    TokenMisplaced,
    /// The permission of the operation is missing, or the object is visible but not his to change.
    Forbidden,
    /// A page of another site sent it.
    CrossSite,
    /// There is no such object, or the caller may not see it: the same bytes.
    NotFound(Kind, String),
    /// A body names an object that is not there for the caller.
    UnknownReference(Kind, String),
    /// No route.
    NoRoute,
    /// A route, but not for this method.
    WrongMethod,
    /// The body is no JSON.
    InvalidJson(NotJson),
    /// JSON, but no object.
    NotAnObject,
    /// A required property is missing.
    MissingProperty(String),
    /// A property of the wrong type.
    WrongType(String, &'static str),
    /// A property that nothing reads.
    UnknownProperty(String),
    /// A property whose value breaks a rule; the rule, without the value.
    InvalidValue(String, String),
    /// A query parameter, and what is wrong with it.
    BadParameter(String, &'static str),
    /// A header, and what it must be.
    BadHeader(&'static str, &'static str),
    /// A body over the limit, bytes.
    BodyTooLarge(usize),
    /// A head over the limit, bytes.
    HeadTooLarge(usize),
    /// A body of another type.
    WrongContentType,
    /// An option that a data source can't have; its name.
    BadOption(String),
    /// A connection type that there is not; what was sent.
    BadConnectionType(String),
    /// A data source keeps its connection type; which.
    ConnectionTypeFixed(&'static str),
    /// Too many options, or too long ones.
    OptionsTooLarge,
    /// An operation of HDP's that is not ours; what it is about.
    NotImplemented(&'static str),
    /// A unique name is taken; what of whom.
    NameTaken(&'static str),
    /// Nobody would hold 12 any more.
    LastAdministrator,
    /// It can't be deleted while others need it; a clause about them.
    InUse(&'static str),
    /// It is predefined; what that means.
    Predefined(&'static str),
    /// A data source that is not this user's, or is not there: the same bytes. Its id and his.
    NotHisDataSource(String, String),
    /// A limit's value outside its range.
    LimitOutOfRange {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// It has no value of its own here; what.
    NotSet(&'static str),
    /// It has a value of its own here already; what.
    SetAlready(&'static str),
    /// Shared with the user's tenant already.
    SharedWithTenant,
    /// `currentPassword` is not the password.
    WrongCurrentPassword,
    /// The address is on no list that has to hold it.
    AddressRefused,
    /// The caller's own address is not on the list that he sends.
    ShutsOut,
    /// Too many events for one command, with the count in the sentence.
    TooMuchAtOnce(String),
    /// `If-Match` does not hold.
    Changed,
    /// An idempotency key of another request.
    KeyReused,
    /// An idempotency key whose answer can't be rebuilt.
    KeyUnreadable,
    /// The outcome of a write is unknown.
    OutcomeUnknown,
    /// Writes are not taken; why.
    NoWrites(&'static str),
    /// The queue is full.
    Busy,
    /// A snapshot is being taken or checked already.
    SnapshotBusy,
    /// The log is still being opened.
    Starting,
    /// `Ledger-Min-Sequence` was not reached in time.
    NotYet,
    /// `Ledger-Min-Sequence` of another epoch; the present one.
    HistoryRestored(u32),
    /// The body did not arrive in time, seconds.
    SlowRequest(u64),
    /// The answer was not there in time, seconds.
    SlowAnswer(u64),
    /// The disk does not give back what it holds; logged, never told.
    Storage(Fault),
    /// A fault of ours; logged, never told.
    Internal(Fault),
    /// The authorization server says no, in the words of its RFCs.
    Protocol(ProtocolError),
    /// A client application was not believed.
    UnknownClient {
        /// Whether it hears of it by 401 and a challenge, or by 400 (RFC 6749 section 5.2).
        challenged: bool,
    },
}

/// Kinds of objects that an id or a name may fail to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An OAuth application.
    OAuthApp,
    /// An OAuth profile.
    OAuthProfile,
    /// A data source.
    DataSource,
    /// A data source that was to be deleted; HDP has a code of its own for that.
    DataSourceToDelete,
    /// A client application.
    ClientApplication,
    /// One that was to be deleted, or taken back what was allowed to it; HDP has a code of its own for that.
    ClientApplicationToDelete,
    /// One that was to get another secret; likewise.
    ClientApplicationToReset,
    /// A data store.
    DataStore,
    /// A tenant.
    Tenant,
    /// A tenant whose IP address whitelist is meant; HDP has a code of its own for that.
    TenantOfWhitelist,
    /// A user.
    User,
    /// A role.
    Role,
    /// A permission.
    Permission,
    /// The history of an object.
    History,
    /// A snapshot.
    Snapshot,
    /// An entry of the CORS whitelist.
    CorsOrigin,
    /// A limit.
    Limit,
    /// A system configuration.
    Configuration,
    /// A password policy.
    PasswordPolicy,
}

impl Kind {
    fn code(self) -> Code {
        match self {
            Kind::OAuthApp => codes::NO_OAUTH_APP,
            Kind::OAuthProfile => codes::NO_OAUTH_PROFILE,
            Kind::DataSource => codes::NO_DATA_SOURCE,
            Kind::DataSourceToDelete => codes::NO_DATA_SOURCE_TO_DELETE,
            Kind::ClientApplication => codes::NO_CLIENT_APPLICATION,
            Kind::ClientApplicationToDelete => codes::NO_CLIENT_APPLICATION_TO_DELETE,
            Kind::ClientApplicationToReset => codes::NO_CLIENT_APPLICATION_TO_RESET,
            Kind::DataStore => codes::NO_DATA_STORE,
            Kind::Tenant => codes::NO_TENANT,
            Kind::TenantOfWhitelist => codes::NO_TENANT_OF_WHITELIST,
            Kind::User => codes::NO_USER,
            Kind::Role => codes::NO_ROLE,
            Kind::Permission => codes::NO_PERMISSION,
            Kind::History => codes::NO_HISTORY,
            Kind::Snapshot => codes::NO_SNAPSHOT,
            Kind::CorsOrigin => codes::NO_CORS_ORIGIN,
            Kind::Limit => codes::NO_LIMIT,
            Kind::Configuration => codes::NO_CONFIGURATION,
            Kind::PasswordPolicy => codes::NO_PASSWORD_POLICY,
        }
    }
}

/// A fault of ours, for the log alone.
#[derive(Clone)]
pub struct Fault(Arc<str>);

impl Fault {
    /// `said` must hold ids rather than values: it reaches the log.
    pub fn new(said: impl fmt::Display) -> Fault {
        Fault(said.to_string().into())
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const BASIC: &str = "Basic realm=\"authledger\", charset=\"UTF-8\"";
const BEARER: &str = "Bearer realm=\"authledger\"";

/// How many characters of what a caller sent are repeated in a message.
const ECHO_MAX: usize = 64;

fn echo(text: &str) -> String {
    match text.char_indices().nth(ECHO_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl ApiError {
    /// Status, code, and what stands for `{0}` and `{1}` in the code's message; none for what only the RFCs have words for.
    fn describe(&self) -> Option<(StatusCode, Code, Vec<String>)> {
        use StatusCode as S;
        let none = Vec::new;
        Some(match self {
            ApiError::InvalidCredentials => (S::UNAUTHORIZED, codes::INVALID_CREDENTIALS, none()),
            ApiError::AccountInactive => (S::UNAUTHORIZED, codes::ACCOUNT_INACTIVE, none()),
            ApiError::PasswordExpired => (S::UNAUTHORIZED, codes::PASSWORD_EXPIRED, none()),
            ApiError::PasswordMustChange => (S::UNAUTHORIZED, codes::PASSWORD_MUST_CHANGE, none()),
            ApiError::TooManyFailures { retry_after_secs } => {
                (S::TOO_MANY_REQUESTS, codes::TOO_MANY_FAILURES, vec![retry_after_secs.to_string()])
            }
            ApiError::InvalidToken => (S::UNAUTHORIZED, codes::INVALID_TOKEN, none()),
            ApiError::InsufficientScope(scope) => {
                (S::FORBIDDEN, codes::INSUFFICIENT_SCOPE, vec![scope.to_string()])
            }
            ApiError::NotByToken => (S::FORBIDDEN, codes::NOT_BY_TOKEN, none()),
            ApiError::TokenMisplaced => (S::BAD_REQUEST, codes::TOKEN_MISPLACED, none()),
            ApiError::Forbidden => (S::FORBIDDEN, codes::FORBIDDEN, none()),
            ApiError::CrossSite => (S::FORBIDDEN, codes::CROSS_SITE, none()),
            ApiError::NotFound(kind, id) => (S::NOT_FOUND, kind.code(), vec![echo(id)]),
            ApiError::UnknownReference(kind, id) => (S::BAD_REQUEST, kind.code(), vec![echo(id)]),
            ApiError::NoRoute => (S::NOT_FOUND, codes::NO_ROUTE, none()),
            ApiError::WrongMethod => (S::METHOD_NOT_ALLOWED, codes::WRONG_METHOD, none()),
            ApiError::InvalidJson(place) => (S::BAD_REQUEST, codes::INVALID_JSON, vec![place.to_string()]),
            ApiError::NotAnObject => (S::BAD_REQUEST, codes::NOT_AN_OBJECT, none()),
            ApiError::MissingProperty(name) => (S::BAD_REQUEST, codes::MISSING_PROPERTY, vec![echo(name)]),
            ApiError::WrongType(name, expected) => {
                (S::BAD_REQUEST, codes::WRONG_TYPE, vec![echo(name), (*expected).to_owned()])
            }
            ApiError::UnknownProperty(name) => (S::BAD_REQUEST, codes::UNKNOWN_PROPERTY, vec![echo(name)]),
            ApiError::InvalidValue(name, rule) => {
                (S::BAD_REQUEST, codes::INVALID_VALUE, vec![echo(name), rule.clone()])
            }
            ApiError::BadParameter(name, what) => {
                (S::BAD_REQUEST, codes::BAD_PARAMETER, vec![echo(name), (*what).to_owned()])
            }
            ApiError::BadHeader(name, expected) => {
                (S::BAD_REQUEST, codes::BAD_HEADER, vec![(*name).to_owned(), (*expected).to_owned()])
            }
            ApiError::BodyTooLarge(limit) => {
                (S::PAYLOAD_TOO_LARGE, codes::BODY_TOO_LARGE, vec![limit.to_string()])
            }
            ApiError::HeadTooLarge(limit) => {
                (S::REQUEST_HEADER_FIELDS_TOO_LARGE, codes::HEAD_TOO_LARGE, vec![limit.to_string()])
            }
            ApiError::WrongContentType => (S::UNSUPPORTED_MEDIA_TYPE, codes::WRONG_CONTENT_TYPE, none()),
            ApiError::BadOption(name) => (S::BAD_REQUEST, codes::BAD_OPTION, vec![echo(name)]),
            ApiError::BadConnectionType(sent) => {
                (S::BAD_REQUEST, codes::BAD_CONNECTION_TYPE, vec![echo(sent)])
            }
            ApiError::ConnectionTypeFixed(stored) => {
                (S::BAD_REQUEST, codes::CONNECTION_TYPE_FIXED, vec![(*stored).to_owned()])
            }
            ApiError::OptionsTooLarge => (
                S::PAYLOAD_TOO_LARGE,
                codes::OPTIONS_TOO_LARGE,
                vec![OPTIONS_BYTES_MAX.to_string(), OPTIONS_MAX.to_string()],
            ),
            ApiError::NotImplemented(what) => {
                (S::NOT_IMPLEMENTED, codes::NOT_IMPLEMENTED, vec![(*what).to_owned()])
            }
            ApiError::NameTaken(what) => (S::CONFLICT, codes::NAME_TAKEN, vec![(*what).to_owned()]),
            ApiError::LastAdministrator => (S::CONFLICT, codes::LAST_ADMINISTRATOR, none()),
            ApiError::InUse(by) => (S::CONFLICT, codes::IN_USE, vec![(*by).to_owned()]),
            ApiError::Predefined(why) => (S::CONFLICT, codes::PREDEFINED, vec![(*why).to_owned()]),
            ApiError::NotHisDataSource(source, user) => {
                (S::NOT_FOUND, codes::NOT_HIS_DATA_SOURCE, vec![echo(source), echo(user)])
            }
            ApiError::LimitOutOfRange { min, max } => {
                (S::BAD_REQUEST, codes::LIMIT_OUT_OF_RANGE, vec![min.to_string(), max.to_string()])
            }
            ApiError::NotSet(what) => (S::NOT_FOUND, codes::NOT_SET, vec![(*what).to_owned()]),
            ApiError::SetAlready(what) => (S::CONFLICT, codes::SET_ALREADY, vec![(*what).to_owned()]),
            ApiError::SharedWithTenant => (S::CONFLICT, codes::SHARED_WITH_TENANT, none()),
            ApiError::WrongCurrentPassword => (S::BAD_REQUEST, codes::WRONG_CURRENT_PASSWORD, none()),
            ApiError::AddressRefused => (S::FORBIDDEN, codes::ADDRESS_REFUSED, none()),
            ApiError::ShutsOut => (S::CONFLICT, codes::SHUTS_OUT, none()),
            ApiError::TooMuchAtOnce(count) => (S::CONFLICT, codes::TOO_MUCH_AT_ONCE, vec![count.clone()]),
            ApiError::Changed => (S::PRECONDITION_FAILED, codes::CHANGED, none()),
            ApiError::KeyReused => (S::CONFLICT, codes::KEY_REUSED, none()),
            ApiError::KeyUnreadable => (S::CONFLICT, codes::KEY_UNREADABLE, none()),
            ApiError::OutcomeUnknown => (S::SERVICE_UNAVAILABLE, codes::OUTCOME_UNKNOWN, none()),
            ApiError::NoWrites(why) => (S::SERVICE_UNAVAILABLE, codes::NO_WRITES, vec![(*why).to_owned()]),
            ApiError::SnapshotBusy => (S::CONFLICT, codes::SNAPSHOT_BUSY, none()),
            ApiError::Busy => (S::SERVICE_UNAVAILABLE, codes::BUSY, none()),
            ApiError::Starting => (S::SERVICE_UNAVAILABLE, codes::STARTING, none()),
            ApiError::NotYet => (S::SERVICE_UNAVAILABLE, codes::NOT_YET, none()),
            ApiError::HistoryRestored(epoch) => {
                (S::PRECONDITION_FAILED, codes::HISTORY_RESTORED, vec![epoch.to_string()])
            }
            ApiError::SlowRequest(secs) => (S::REQUEST_TIMEOUT, codes::SLOW_REQUEST, vec![secs.to_string()]),
            ApiError::SlowAnswer(secs) => {
                (S::SERVICE_UNAVAILABLE, codes::SLOW_ANSWER, vec![secs.to_string()])
            }
            ApiError::Storage(_) => (S::SERVICE_UNAVAILABLE, codes::STORAGE, none()),
            ApiError::Internal(_) => (S::INTERNAL_SERVER_ERROR, codes::INTERNAL, none()),
            ApiError::Protocol(_) | ApiError::UnknownClient { .. } => return None,
        })
    }

    /// What to authenticate with. Who sent a token hears of tokens (RFC 6750 section 3), everybody else of both ways.
    fn challenges(&self) -> Vec<HeaderValue> {
        let bearer = |error: &str, scope: &str| {
            let text = format!("{BEARER}, error=\"{error}\"{scope}");
            vec![HeaderValue::from_str(&text).expect("our own words are a header value")]
        };
        match self {
            ApiError::InvalidToken => bearer("invalid_token", ""),
            ApiError::TokenMisplaced => bearer("invalid_request", ""),
            ApiError::InsufficientScope(scope) => {
                bearer("insufficient_scope", &format!(", scope=\"{scope}\""))
            }
            ApiError::NotByToken => bearer("insufficient_scope", ""),
            _ if self.status() == StatusCode::UNAUTHORIZED => {
                vec![HeaderValue::from_static(BASIC), HeaderValue::from_static(BEARER)]
            }
            _ => Vec::new(),
        }
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.describe().map_or_else(|| oauth2::refusal::of(self).0, |(status, ..)| status)
    }

    /// What log and metrics call it.
    pub fn code(&self) -> ErrorLabel {
        match self.describe() {
            Some((_, code, _)) => ErrorLabel::Number(code.number),
            None => ErrorLabel::Word(oauth2::refusal::of(self).1.code.text()),
        }
    }

    /// The answer, in the form of the family that `path` belongs to.
    pub(super) fn render(&self, path: &str) -> Response {
        let Some((status, code, parts)) = self.describe().filter(|_| !oauth2::is_endpoint(path)) else {
            return oauth2::refusal::render(self);
        };
        let message = fill(code.message, &parts);
        let number =
            if code_is_text(path) { Value::from(code.number.to_string()) } else { Value::from(code.number) };
        let body = json!({ "error": { "code": number, "message": { "lang": "en-US", "value": message } } });
        let mut response = answer(status, &body);
        let headers = response.headers_mut();
        for challenge in self.challenges() {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after_secs() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// `Retry-After`, where waiting helps.
    pub(super) fn retry_after_secs(&self) -> Option<u64> {
        match self {
            ApiError::TooManyFailures { retry_after_secs } => Some(*retry_after_secs),
            other => (other.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }
}

/// An error as log and metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorLabel {
    /// A code of HDP's or ours.
    Number(u32),
    /// A word of the RFCs.
    Word(&'static str),
}

impl ErrorLabel {
    /// The code, if it is one.
    pub(super) fn number(self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(number),
            Self::Word(_) => None,
        }
    }

    /// The word, if it is one.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::Number(_) => None,
            Self::Word(word) => Some(word),
        }
    }
}

/// Puts the parts where `{0}` and `{1}` stand. One pass, so that a part that looks like a place is none.
fn fill(message: &str, parts: &[String]) -> String {
    let mut filled = String::with_capacity(message.len() + 32);
    let mut rest = message;
    while let Some(start) = rest.find('{') {
        filled.push_str(&rest[..start]);
        let index = usize::from(rest.as_bytes()[start + 1] - b'0');
        filled.push_str(parts.get(index).map_or("", String::as_str));
        rest = &rest[start + 3..];
    }
    filled + rest
}

/// HDP writes the code as a text in these families and as a number in all others.
pub(super) const TEXT_CODE_FAMILIES: &[&str] =
    &["/api/mgmt/oauthapps", "/api/mgmt/oauthprofiles", "/api/mgmt/datasources"];

pub(super) fn code_is_text(path: &str) -> bool {
    TEXT_CODE_FAMILIES
        .iter()
        .any(|family| path.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

/// Replaces an answer that carries an [`ApiError`] by its body; keeps the `Allow` that the router found.
pub(super) fn finish(response: Response, path: &str) -> (Response, Option<ApiError>) {
    let Some(error) = response.extensions().get::<ApiError>().cloned() else { return (response, None) };
    let mut rendered = error.render(path);
    if let Some(allow) = response.headers().get(ALLOW) {
        rendered.headers_mut().insert(ALLOW, allow.clone());
    }
    (rendered, Some(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_a_text_in_three_families_only() {
        for (path, text) in [
            ("/api/mgmt/oauthapps", true),
            ("/api/mgmt/oauthapps/17", true),
            ("/api/mgmt/oauthprofiles/3", true),
            ("/api/mgmt/datasources", true),
            ("/api/mgmt/oauthappsandmore", false),
            ("/api/mgmt/oauth/client/applications", false),
            ("/api/admin/tenants/1", false),
        ] {
            assert_eq!(code_is_text(path), text, "{path}");
        }
    }

    #[test]
    fn every_message_of_the_table_can_be_filled() {
        for code in codes::ALL {
            let filled = fill(code.message, &["{1}".to_owned(), "second".to_owned()]);
            assert_eq!(filled.contains("second"), code.message.contains("{1}"), "{filled}");
        }
        assert_eq!(fill("a {0} b {1}.", &["{1}".to_owned(), "c".to_owned()]), "a {1} b c.");
    }

    #[test]
    fn a_message_repeats_little_of_what_was_sent() {
        let long = "é".repeat(1000);
        assert_eq!(echo(&long).chars().count(), ECHO_MAX + 1);
        assert_eq!(echo("17"), "17");
    }
}
