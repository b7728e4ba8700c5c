//! Every route, in one place.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use super::error::ApiError;
use super::{AppState, admin, audit, guard, health, management, metrics, operate, rim};

/// The whole application, as `serve` runs it and tests drive it in memory.
pub fn router(state: AppState) -> Router {
    let routes = Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/api/healthcheck", get(health::healthcheck))
        .route(metrics::PATH, get(metrics::metrics))
        .merge(management::routes())
        .merge(admin::routes())
        .merge(audit::routes())
        .merge(operate::routes());
    around(state, routes)
}

/// What stands around every route: errors in our form, the guard, and the rim. Tests put routes of their own into it.
pub fn around(state: AppState, routes: Router<AppState>) -> Router {
    routes
        .fallback(async || ApiError::NoRoute)
        .method_not_allowed_fallback(async || ApiError::WrongMethod)
        .layer(from_fn_with_state(state.clone(), guard::guard))
        .layer(from_fn_with_state(state.clone(), rim::rim))
        .with_state(state)
}
