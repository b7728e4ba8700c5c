//! Receives a body: JSON or none, up to the limit, in time.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::error::{ApiError, Fault};
use super::json::Json;
use crate::config::Limits;

/// Receives and parses a body. The limit acts before a byte is read when `Content-Length` is over it.
pub async fn json(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Json, ApiError> {
    if !says_json(headers) {
        return Err(ApiError::WrongContentType);
    }
    Json::parse(&receive(headers, body, limits).await?).map_err(ApiError::InvalidJson)
}

/// Receives a body of any type.
pub(super) async fn receive(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Bytes, ApiError> {
    let limit = limits.body_bytes;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(ApiError::BodyTooLarge(limit));
    }
    let received = tokio::time::timeout(limits.request_time, Limited::new(body, limit).collect())
        .await
        .map_err(|_| ApiError::SlowRequest(limits.request_time.as_secs()))?
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                ApiError::BodyTooLarge(limit)
            } else {
                // The connection broke; nobody will read this answer.
                ApiError::Internal(Fault::new(format!("a body could not be received: {error}")))
            }
        })?;
    Ok(received.to_bytes())
}

/// `application/json`, in UTF-8, or nothing at all: a form that another site's page can send without asking is not read.
fn says_json(headers: &HeaderMap) -> bool {
    !headers.contains_key(CONTENT_TYPE) || says(headers, "application/json")
}

/// Whether the body is said to be of this type, in UTF-8.
pub(super) fn says(headers: &HeaderMap, kind: &str) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(kind));
    is_it
        && parts.all(|parameter| {
            parameter.is_empty()
                || parameter.split_once('=').is_some_and(|(name, value)| {
                    name.eq_ignore_ascii_case("charset")
                        && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf8_or_nothing_is_read() {
        for (value, good) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=latin1", false),
            ("application/x-www-form-urlencoded", false),
            ("text/plain", false),
            ("application/jsonp", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().expect("a header value"));
            assert_eq!(says_json(&headers), good, "{value}");
        }
        assert!(says_json(&HeaderMap::new()));
    }
}
