//! Is it alive, is it ready: for load balancers and people, without credentials.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::AppState;
use super::answer::answer;
use super::error::ApiError;
use crate::ledger::live::Health;

/// `GET /livez`: the process answers. It says nothing about the ledger, so that a failed disk does not get it restarted in a loop.
pub async fn livez() -> Response {
    answer(StatusCode::OK, &json!({ "status": "live" }))
}

/// `GET /readyz`: whether reads and writes are served; 503 with the reason when writes are not.
pub async fn readyz(State(app): State<AppState>) -> Response {
    let reason = match app.ledger().health() {
        Health::Writing => {
            return answer(StatusCode::OK, &json!({ "status": "ready", "reads": true, "writes": true }));
        }
        Health::Clock(refusal) => ("clock", refusal.to_string()),
        Health::NoRoom(reason) => ("disk", reason.to_string()),
        Health::Stopped(stop) => ("writer", stop.to_string()),
    };
    let reasons = json!([{ "reason": reason.0, "message": reason.1 }]);
    answer(
        StatusCode::SERVICE_UNAVAILABLE,
        &json!({ "status": "not ready", "reads": true, "writes": false, "reasons": reasons }),
    )
}

/// `GET` and `HEAD /api/healthcheck`, as HDP answers it.
pub async fn healthcheck() -> Response {
    answer(StatusCode::OK, &json!({ "status": "active" }))
}

/// What is answered while the log is opened and checked: alive, not ready, and for the rest to come again.
pub(super) fn starting(path: &str) -> Response {
    const MESSAGE: &str = "the log is being opened and checked";
    match path {
        "/livez" => answer(StatusCode::OK, &json!({ "status": "live" })),
        "/readyz" => {
            let reasons = json!([{ "reason": "starting", "message": MESSAGE }]);
            answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({ "status": "not ready", "reads": false, "writes": false, "reasons": reasons }),
            )
        }
        _ => ApiError::Starting.render(path),
    }
}
