//! Answers that carry one object: its ETag, and for a write where the log stands after it.

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ETAG, LOCATION},
    },
    response::Response,
};
use events::id::Sequence;
use serde::Serialize;

use super::{
    answer::answer,
    error::{ApiError, Fault},
    headers::{LEDGER_SEQUENCE, etag, if_none_match, ledger_sequence},
    rim::set_request_id,
};
use crate::ledger::live::Receipt;

/// 201 with the new object; `location` is its absolute URI.
pub fn created(receipt: &Receipt, location: &str, changed: Sequence, body: &impl Serialize) -> Response {
    let mut response = written(receipt, answer(StatusCode::CREATED, body));
    let headers = response.headers_mut();
    headers.insert(ETAG, etag(changed));
    headers.insert(LOCATION, HeaderValue::from_str(location).expect("our URIs are ASCII"));
    response
}

/// 200 with the object as it is after a PUT.
pub fn updated(receipt: &Receipt, changed: Sequence, body: &impl Serialize) -> Response {
    let mut response = written(receipt, answer(StatusCode::OK, body));
    response.headers_mut().insert(ETAG, etag(changed));
    response
}

/// 204 after a DELETE.
pub fn deleted(receipt: &Receipt) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    written(receipt, response)
}

/// Says where the log stood after a write, and under which command's id it stands there: that of the first when this is
/// the answer to a repetition.
pub fn written(receipt: &Receipt, mut response: Response) -> Response {
    let position = receipt.position();
    let headers = response.headers_mut();
    headers.insert(LEDGER_SEQUENCE, ledger_sequence(position.epoch, position.sequence));
    set_request_id(headers, receipt.command_id);
    response
}

/// That a command came to other events than it can: a fault of ours.
pub fn unexpected(receipt: &Receipt) -> ApiError {
    ApiError::Internal(Fault::new(format_args!("unexpected events of command {}", receipt.command_id)))
}

/// 304 when the caller has the object as it is; asked before anything is opened or revealed.
pub fn not_modified(headers: &HeaderMap, changed: Sequence) -> Result<Option<Response>, ApiError> {
    let has_it = if_none_match(headers)?.is_some_and(|tags| tags.match_sequence(changed));
    Ok(has_it.then(|| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().insert(ETAG, etag(changed));
        response
    }))
}

/// 200 with one object.
pub fn shown(changed: Sequence, body: &impl Serialize) -> Response {
    let mut response = answer(StatusCode::OK, body);
    response.headers_mut().insert(ETAG, etag(changed));
    response
}
