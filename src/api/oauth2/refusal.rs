//! Refusals of the protocol: RFC 6749 section 5.2, also for what the front refuses before a handler is asked.

use axum::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema};

use crate::api::answer::answer;
use crate::api::error::ApiError;
use crate::oauth::error::{self, ErrorCode, ProtocolError};

/// An error as the RFCs write it.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(in crate::api) struct Shown {
    /// What kind, for machines.
    error: &'static str,
    /// What it means, for people; a fixed sentence that repeats nothing of the request.
    error_description: &'static str,
}

/// Status and words of an error at an address of the protocol.
pub(in crate::api) fn of(refused: &ApiError) -> (StatusCode, ProtocolError) {
    match refused {
        ApiError::Protocol(error) => (status(error.code), *error),
        ApiError::UnknownClient { challenged: true } => (StatusCode::UNAUTHORIZED, error::UNKNOWN_CLIENT),
        ApiError::UnknownClient { challenged: false } => (StatusCode::BAD_REQUEST, error::UNKNOWN_CLIENT),
        ApiError::InvalidCredentials => (StatusCode::UNAUTHORIZED, error::WRONG_CREDENTIALS),
        ApiError::AccountInactive | ApiError::PasswordExpired | ApiError::PasswordMustChange => {
            (StatusCode::UNAUTHORIZED, error::UNUSABLE_ACCOUNT)
        }
        ApiError::OutcomeUnknown => (StatusCode::SERVICE_UNAVAILABLE, error::OUTCOME_UNKNOWN),
        // The front says these in HDP's form elsewhere, and its status holds here, too.
        other => (other.status(), words(other.status())),
    }
}

/// The status of an error that has no other.
pub(in crate::api) fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidRequest
        | ErrorCode::InvalidClient
        | ErrorCode::InvalidGrant
        | ErrorCode::UnauthorizedClient
        | ErrorCode::UnsupportedGrantType
        | ErrorCode::UnsupportedResponseType
        | ErrorCode::InvalidScope
        | ErrorCode::InvalidTarget => StatusCode::BAD_REQUEST,
        ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
        ErrorCode::AccessDenied => StatusCode::FORBIDDEN,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What a refusal of the front comes to in the RFCs' words.
pub(in crate::api) fn words(status: StatusCode) -> ProtocolError {
    match status {
        StatusCode::UNAUTHORIZED => error::UNKNOWN_CLIENT,
        StatusCode::FORBIDDEN => error::ADDRESS_REFUSED,
        StatusCode::METHOD_NOT_ALLOWED => error::WRONG_METHOD,
        StatusCode::REQUEST_TIMEOUT => error::SLOW_REQUEST,
        StatusCode::PAYLOAD_TOO_LARGE => error::BODY_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => error::WRONG_CONTENT_TYPE,
        StatusCode::TOO_MANY_REQUESTS => error::TOO_MANY_FAILURES,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => error::HEAD_TOO_LARGE,
        StatusCode::SERVICE_UNAVAILABLE => error::UNAVAILABLE,
        status if status.is_server_error() => error::SERVER_ERROR,
        _ => error::MALFORMED,
    }
}

/// Errors with their statuses, for an annotation's `x-oauth-errors`.
pub(in crate::api) fn listed(errors: &[ProtocolError]) -> Vec<(u16, String, String)> {
    let statuses = |error: &ProtocolError| -> &[StatusCode] {
        match *error {
            error::UNKNOWN_CLIENT => &[StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED],
            error::WRONG_CREDENTIALS | error::UNUSABLE_ACCOUNT => &[StatusCode::UNAUTHORIZED],
            error::WRONG_METHOD => &[StatusCode::METHOD_NOT_ALLOWED],
            error::BODY_TOO_LARGE => &[StatusCode::PAYLOAD_TOO_LARGE],
            error::SLOW_REQUEST => &[StatusCode::REQUEST_TIMEOUT],
            error::HEAD_TOO_LARGE => &[StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE],
            error::TOO_MANY_FAILURES => &[StatusCode::TOO_MANY_REQUESTS],
            _ => &[],
        }
    };
    let row = |status: StatusCode, error: &ProtocolError| {
        (status.as_u16(), error.code.text().to_owned(), error.description.to_owned())
    };
    let rows = errors.iter().flat_map(|error| match statuses(error) {
        [] => vec![row(status(error.code), error)],
        several => several.iter().map(|status| row(*status, error)).collect(),
    });
    rows.collect()
}

/// Every error there is, for the document.
pub(in crate::api) fn table() -> Value {
    let rows = error::ALL.iter();
    rows.map(|row| json!({ "error": row.code.text(), "error_description": row.description })).collect()
}

/// The shape of a refusal, by the name it has among the components.
pub(in crate::api) fn schema() -> (String, RefOr<Schema>) {
    (Shown::name().into_owned(), Shown::schema())
}

/// A reference to [`schema`].
pub(in crate::api) fn schema_ref() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(Shown::name()))
}

/// The answer.
pub(in crate::api) fn render(refused: &ApiError) -> Response {
    let (status, error) = of(refused);
    let mut response =
        answer(status, &Shown { error: error.code.text(), error_description: error.description });
    let headers = response.headers_mut();
    not_kept(headers);
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, challenge(error.code));
    }
    if let Some(seconds) = refused.retry_after_secs() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// By which scheme another attempt is asked for.
fn challenge(code: ErrorCode) -> HeaderValue {
    HeaderValue::from_static(if code == ErrorCode::InvalidToken {
        "Bearer realm=\"authledger\", error=\"invalid_token\""
    } else {
        "Basic realm=\"authledger\", charset=\"UTF-8\""
    })
}

/// Nobody keeps what stands in answers of the protocol (RFC 6749 section 5.1).
pub(in crate::api) fn not_kept(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
}
