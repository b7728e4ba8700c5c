//! What browsers are told about pages of other sites (hdp-api 7.2; Fetch, "CORS protocol"), and what such pages may not do.
//!
//! `Access-Control-Allow-Credentials` is never sent. So a browser that was asked to add the password it has kept of its user
//! hears a no to its preflight, and a trusted page has to bring credentials of its own. A request for which there is no
//! preflight could still carry that password, and its answer would only not be shown; so from another site nothing that
//! changes anything is taken without one (`is_asked_first`).

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use super::AppState;
use super::guard::PUBLIC;
use super::headers::{is_asked_first, is_cross_site};
use super::oauth2;
use crate::auth::origin::{CorsBehavior, is_trusted};

/// What a page may send; that it may read what we answer, each answer says.
const METHODS: &str = "GET, HEAD, POST, PUT, DELETE";
const SENT: &str =
    "authorization, content-type, if-match, if-none-match, idempotency-key, ledger-min-sequence";
/// What a page may read beside what every page may.
const EXPOSED: &str = "etag, location, ledger-sequence, x-request-id, retry-after";
/// For so long a browser may go by an answer: who switches pages off does not wait for hours.
const MAX_AGE_SECS: &str = "600";

/// Whether anything of this is about that path: the API, and what a page that is a client application asks for tokens. Not
/// `/metrics`, which no page needs; nor what people are asked on (RFC 9700 section 2.1).
fn concerns(path: &str) -> bool {
    let ours =
        path == "/api" || path.starts_with("/api/") || oauth2::is_endpoint(path) || path == oauth2::METADATA;
    ours && !oauth2::is_page(path)
}

/// The origin a request names, if it names one.
pub(super) fn origin(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.next().filter(|_| origins.next().is_none()).cloned()
}

fn trusts(app: &AppState, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| app.ledger().read(|view| is_trusted(&view.state, origin)))
}

/// The answer to a browser that asks whether it may send a trusted page's request. It asks without credentials, so it is told
/// without any, and the same of every address: nobody learns which there are.
pub(super) fn preflight(app: &AppState, request: &Request) -> Option<Response> {
    let headers = request.headers();
    let asks = *request.method() == Method::OPTIONS
        && concerns(request.uri().path())
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let origin = origin(headers).filter(|_| asks)?;
    if !trusts(app, &origin) {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (ACCESS_CONTROL_ALLOW_HEADERS, SENT),
        (ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Lets a trusted page read an answer, whatever it is: who can't read a refusal can't act on it.
pub(super) fn share(app: &AppState, path: &str, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
    // What nobody may keep needs no `Vary`; what answers anybody, a cache may keep, and for a page it reads otherwise.
    let kept = PUBLIC.contains(&path) || path == oauth2::METADATA;
    if !concerns(path) || origin.is_none() && !kept {
        return;
    }
    let (on, trusted) = app.ledger().read(|view| {
        let trusted = origin.and_then(|origin| origin.to_str().ok());
        let trusted = trusted.is_some_and(|origin| is_trusted(&view.state, origin));
        (CorsBehavior::of(&view.state) != CorsBehavior::Off, trusted)
    });
    if on {
        answer.append(VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = origin.filter(|_| trusted) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// Whether a page that is not trusted made a browser send this (SECURITY L15), or a trusted one without asking first.
pub(super) fn is_foreign(app: &AppState, method: &Method, headers: &HeaderMap) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    is_cross_site(headers, app.public_url(), |origin| {
        (reads || is_asked_first(method, headers))
            && app.ledger().read(|view| is_trusted(&view.state, origin))
    })
}
