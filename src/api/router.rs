//! Every route, in one place.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::ALLOW;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::{Extension, Router};
use tower::Layer as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::openapi::{self, Documentation};
use super::{AppState, admin, audit, guard, health, management, metrics, oauth2, operate, rim};
use crate::config::Config;

/// Every route with what its handler says of itself.
fn annotated() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .merge(health::routes())
        .routes(routes!(metrics::metrics))
        .merge(management::routes())
        .merge(admin::routes())
        .merge(audit::routes())
        .merge(operate::routes())
        .merge(oauth2::routes())
        .routes(routes!(openapi::openapi))
        .routes(routes!(openapi::page::page))
        .routes(routes!(openapi::page::style))
}

/// The whole application, as `serve` runs it and tests drive it in memory.
pub fn router(state: AppState) -> Router {
    let (routes, annotated) = annotated().split_for_parts();
    let documentation = Documentation::of(annotated, state.config(), state.public_url());
    around(state, routes.layer(Extension(Arc::new(documentation))))
}

/// The OpenAPI document that a server with these settings answers, as JSON.
pub fn document(config: &Config, public_url: &str) -> Bytes {
    Documentation::of(annotated().into_openapi(), config, public_url).json()
}

/// What stands around every route: errors in our form, the guard, and the rim. Tests put routes of their own into it.
pub fn around(state: AppState, routes: Router<AppState>) -> Router {
    let routes = routes
        .fallback(async || ApiError::NoRoute)
        .method_not_allowed_fallback(async || ApiError::WrongMethod)
        .layer(from_fn_with_state(state.clone(), guard::guard))
        .layer(from_fn_with_state(state.clone(), rim::rim))
        .with_state(state);
    Router::new().fallback_service(map_response(only_405_names_methods).layer(routes))
}

/// The router adds the methods of a route to whatever answers a wrong one, also to the guard's 401; and those would tell an
/// outsider which addresses exist.
async fn only_405_names_methods(mut response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().remove(ALLOW);
    }
    response
}
