//! Who may come in: everything under `/api` needs credentials, except a list.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::ApiError;
use super::headers::is_cross_site;

/// Routes under `/api` that answer anybody. A test walks all routes and knows this list.
pub const PUBLIC: &[&str] = &["/api/healthcheck"];

/// Asks for credentials before anything else is said about a path under `/api`, so that an outsider can't tell routes, methods or
/// ids apart; then refuses what another site's page made a browser send.
pub(super) async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let ours = path == "/api" || path.starts_with("/api/");
    if !ours || PUBLIC.contains(&path) {
        return next.run(request).await;
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && is_cross_site(request.headers(), app.public_url()) {
        return ApiError::CrossSite.into_response();
    }
    ApiError::InvalidCredentials.into_response()
}

/// The other end of the connection, before any proxy's word about it. Requests without one come from tests of this process.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);
