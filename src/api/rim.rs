//! The outermost layer: what holds for every request, whatever answers it.
//!
//! Draws the request's id, bounds its head and its time, turns a panic into an answer, writes the bodies of errors, and logs
//! and counts once. Nothing that a caller sent reaches the log but method and path: the query may name a person, and a body a
//! secret.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use events::id::{ClientApplicationId, CommandId, UserId};
use futures_util::FutureExt as _;

use super::AppState;
use super::cors;
use super::error::{ApiError, ErrorLabel, Fault, finish};
use super::guard::{Caller, is_guarded};
use super::metrics::{Route, method_label};
use crate::clock::draw;
use crate::logs::{for_request, millis};

/// By how much a head may be over its limit and still be answered with a body; past that the connection answers 431 alone.
pub(super) const HEAD_MARGIN_BYTES: usize = 64 << 10;

/// Our own longest path has half of this.
const PATH_LOGGED_BYTES_MAX: usize = 200;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that this request's command will carry into the log, answered as `X-Request-Id`.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId(pub(super) CommandId);

/// Wraps every route.
pub(super) async fn rim(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let id = CommandId(draw(app.random()));
    for_request(id, answer(app, id, request, next)).await
}

async fn answer(app: AppState, id: CommandId, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    request.extensions_mut().insert(RequestId(id));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = Route(request.extensions().get::<MatchedPath>().cloned());
    let limits = &app.config().limits;
    let head = head_bytes(&request);
    let origin = cors::origin(request.headers());

    let answered = if head > limits.header_bytes {
        ApiError::HeadTooLarge(limits.header_bytes).into_response()
    } else {
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(longest_request(limits.request_time), answer).await {
            Ok(Ok(response)) => response,
            // The panic hook has said where; what was said may hold anything, so it is not repeated.
            Ok(Err(_)) => ApiError::Internal(Fault::new("a panic")).into_response(),
            Err(_) => ApiError::SlowAnswer(longest_request(limits.request_time).as_secs()).into_response(),
        }
    };

    let caller = answered.extensions().get::<Caller>().copied();
    let (mut response, error) = finish(answered, &path);
    let headers = response.headers_mut();
    let named = headers.get(X_REQUEST_ID).cloned();
    if named.is_none() {
        set_request_id(headers, id);
    }
    let first = named.as_ref().and_then(|named| named.to_str().ok()).filter(|named| *named != id.to_string());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_guarded(&path) {
        // Answers hold secrets and depend on who asks.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    cors::share(&app, &path, origin.as_ref(), headers);
    let line = Line {
        method: &method,
        path: &path,
        route: &route,
        user: caller.map(|caller| caller.user),
        client: caller.and_then(|caller| caller.bearer).map(|bearer| bearer.client),
        first,
        took: begun.elapsed(),
    };
    app.metrics().answered(&route, &method, response.status(), error.as_ref(), line.took);
    line.log(response.status(), error.as_ref());
    response
}

/// Names the command that an answer comes from; the answer to a repetition names the first one.
pub(super) fn set_request_id(headers: &mut HeaderMap, id: CommandId) {
    let value = HeaderValue::from_str(&id.to_string()).expect("hex digits are a header value");
    headers.insert(X_REQUEST_ID, value);
}

/// What is logged of a request, beside its id.
struct Line<'a> {
    method: &'a Method,
    path: &'a str,
    route: &'a Route,
    /// By number: a name is personal.
    user: Option<UserId>,
    /// The client application that asked for him.
    client: Option<ClientApplicationId>,
    /// The request that this one repeats under its `Idempotency-Key`, which the answer names.
    first: Option<&'a str>,
    took: Duration,
}

impl Line<'_> {
    fn log(&self, status: StatusCode, error: Option<&ApiError>) {
        let Line { method, path, route, user, client, first, took } = self;
        let (method, path) = (method_label(method), beginning(path));
        let (route, user, ms, status) =
            (route.as_str(), user.map(|user| user.0), millis(*took), status.as_u16());
        let client = client.map(|client| client.0);
        let label = error.map(ApiError::code);
        let (code, word) = (label.and_then(ErrorLabel::number), label.and_then(ErrorLabel::word));
        match error {
            Some(ApiError::Internal(fault) | ApiError::Storage(fault)) => {
                tracing::error!(method, path, route, status, code, user, client, ms, ?fault, "failed");
            }
            Some(_) => {
                tracing::info!(method, path, route, status, code, error = word, user, client, ms, "refused");
            }
            None => tracing::debug!(method, path, route, status, user, client, first, ms, "answered"),
        }
    }
}

/// As much of a path as tells what was asked for; anybody can send one as long as a head may be, and each is a line.
fn beginning(path: &str) -> &str {
    &path[..path.floor_char_boundary(PATH_LOGGED_BYTES_MAX)]
}

/// Request line and headers as they stood on the wire, to within the separators.
fn head_bytes(request: &Request) -> usize {
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    request.method().as_str().len() + uri_bytes(request.uri()) + 12 + headers
}

fn uri_bytes(uri: &Uri) -> usize {
    uri.path().len() + uri.query().map_or(0, |query| query.len() + 1)
}

/// The longest that a request which is under way can still last.
pub(super) fn longest_request(request_time: Duration) -> Duration {
    // A body may take its whole time to arrive before the answer's own time begins.
    request_time * 2
}
