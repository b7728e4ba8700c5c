//! Is it alive, is it ready: for load balancers and people, without credentials.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::AppState;
use super::answer::answer;
use super::error::ApiError;
use crate::ledger::live::{Health, Stop};
use crate::ledger::snapshot::Verification;

/// `GET /livez`: the process answers. It says nothing about the ledger, so that a failed disk does not get it restarted in a loop.
pub async fn livez() -> Response {
    answer(StatusCode::OK, &json!({ "status": "live" }))
}

/// `GET /readyz`: whether reads and writes are served; 503 with the reason when writes are not. While the log before a snapshot
/// is still being checked it is ready, and says how far that is.
pub async fn readyz(State(app): State<AppState>) -> Response {
    let verification = verification(&app.ledger().verification());
    let Some(reason) = reason(&app.ledger().health()) else {
        let body = json!({ "status": "ready", "reads": true, "writes": true, "verification": verification });
        return answer(StatusCode::OK, &body);
    };
    answer(
        StatusCode::SERVICE_UNAVAILABLE,
        &json!({
            "status": "not ready", "reads": true, "writes": false, "reasons": [reason], "verification": verification,
        }),
    )
}

/// Why writes are not taken; `None` when they are.
pub(super) fn reason(health: &Health) -> Option<Value> {
    let (reason, message) = match health {
        Health::Writing => return None,
        Health::Clock(refusal) => ("clock", refusal.to_string()),
        Health::NoRoom(reason) => ("disk", reason.to_string()),
        Health::Stopped(stop @ (Stop::Changed(_) | Stop::Newer(_))) => ("history", stop.to_string()),
        Health::Stopped(stop) => ("writer", stop.to_string()),
    };
    Some(json!({ "reason": reason, "message": message }))
}

/// How far the check of the log before the snapshot has come.
pub(super) fn verification(verification: &Verification) -> Value {
    let Verification { state, verified, of } = verification;
    json!({ "state": state.name(), "verified": verified, "of": of })
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
