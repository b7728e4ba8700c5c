//! Every route, in one place.

use axum::Router;
use axum::routing::get;

use super::{AppState, health};

/// The whole application, as `serve` runs it and tests drive it in memory.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/api/healthcheck", get(health::healthcheck))
        .with_state(state)
}
