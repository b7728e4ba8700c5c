//! Is it alive, is it ready: for load balancers and people, without credentials.

use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::answer::answer;
use super::error::ApiError;
use super::openapi::tag;
use crate::ledger::live::{Health, Stop};
use crate::ledger::snapshot::Verification;

/// Alive, and nothing more.
#[derive(Serialize, ToSchema)]
#[schema(as = Liveness)]
struct Alive {
    /// `live`, or `active` as HDP says.
    status: &'static str,
}

/// Whether reads and writes are served.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready` or `not ready`.
    status: &'static str,
    reads: bool,
    writes: bool,
    /// Why not, when not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    reasons: Vec<Reason>,
    /// Missing while the log is opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verification: Option<Progress>,
}

/// What keeps the server from taking writes.
#[derive(Serialize, ToSchema)]
#[schema(as = ReadinessReason)]
pub(super) struct Reason {
    /// `starting`, `clock`, `disk`, `history` or `writer`.
    reason: &'static str,
    /// For people.
    message: String,
}

/// How far the check of the log before the snapshot has come.
#[derive(Serialize, ToSchema)]
#[schema(as = VerificationProgress)]
pub(super) struct Progress {
    state: &'static str,
    /// Events that were checked.
    verified: u64,
    /// Of so many.
    of: u64,
}

/// All routes of the family.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(livez)).routes(routes!(readyz)).routes(routes!(healthcheck))
}

/// Whether the process answers.
///
/// It says nothing about the ledger, so that a failed disk does not get it restarted in a loop.
#[utoipa::path(
    get, path = "/livez", tag = tag::HEALTH, operation_id = "getLiveness",
    responses((status = 200, description = "It answers.", body = Alive)),
)]
pub(super) async fn livez() -> Response {
    answer(StatusCode::OK, &Alive { status: "live" })
}

/// Whether reads and writes are served.
///
/// While the log before a snapshot is still being checked it is ready, and says how far that is.
#[utoipa::path(
    get, path = "/readyz", tag = tag::HEALTH, operation_id = "getReadiness",
    responses(
        (status = 200, description = "Reads and writes are served.", body = Readiness),
        (status = 503, description = "Not everything is served; the body says why.", body = Readiness),
    ),
)]
pub(super) async fn readyz(State(app): State<AppState>) -> Response {
    let verification = Some(verification(&app.ledger().verification()));
    let Some(reason) = reason(&app.ledger().health()) else {
        let body =
            Readiness { status: "ready", reads: true, writes: true, reasons: Vec::new(), verification };
        return answer(StatusCode::OK, &body);
    };
    not_ready(true, reason, verification)
}

fn not_ready(reads: bool, reason: Reason, verification: Option<Progress>) -> Response {
    let body = Readiness { status: "not ready", reads, writes: false, reasons: vec![reason], verification };
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, &body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Why writes are not taken; `None` when they are.
pub(super) fn reason(health: &Health) -> Option<Reason> {
    let (reason, message) = match health {
        Health::Writing => return None,
        Health::Clock(refusal) => ("clock", refusal.to_string()),
        Health::NoRoom(reason) => ("disk", reason.to_string()),
        Health::Stopped(stop @ (Stop::Changed(_) | Stop::Newer(_))) => ("history", stop.to_string()),
        Health::Stopped(stop) => ("writer", stop.to_string()),
    };
    Some(Reason { reason, message })
}

/// How far the check of the log before the snapshot has come.
pub(super) fn verification(verification: &Verification) -> Progress {
    let Verification { state, verified, of } = verification;
    Progress { state: state.name(), verified: *verified, of: *of }
}

/// The health check of HDP.
#[utoipa::path(
    method(get, head), path = "/api/healthcheck", tag = tag::HEALTH, operation_id = "getHealth",
    responses((status = 200, description = "It answers.", body = Alive)),
)]
pub(super) async fn healthcheck() -> Response {
    answer(StatusCode::OK, &Alive { status: "active" })
}

/// What is answered while the log is opened and checked: alive, not ready, and for the rest to come again.
pub(super) fn starting(path: &str) -> Response {
    match path {
        "/livez" => answer(StatusCode::OK, &Alive { status: "live" }),
        "/readyz" => {
            let message = "the log is being opened and checked".to_owned();
            not_ready(false, Reason { reason: "starting", message }, None)
        }
        _ => ApiError::Starting.render(path),
    }
}
