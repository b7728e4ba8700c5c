//! `/api/operate/status`: how the server is, for who runs it.

use axum::{http::StatusCode, response::Response};
use events::verify::VerifiedHead;
use serde::Serialize;
use utoipa::ToSchema;

use super::operator;
use crate::{
    api::{
        answer::answer,
        asking::Asking,
        error::{ApiError, Fault},
        health::{self, Reason},
        openapi::{ids, tag},
    },
    auth::permission::OPERATE,
    ledger::{
        live::Ledger,
        snapshot::{Verification, VerificationState},
    },
};

/// How the server is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// Of this program.
    version: &'static str,
    ledger_id: String,
    epoch: u32,
    /// Number of events.
    size: u64,
    /// Chain hash of the last of them.
    chain: String,
    /// Root of the tree over them.
    root: String,
    health: Condition,
    verification: Behind,
    queue: Queue,
    start: Start,
    /// Whether it is good, the list of snapshots says, which reads it.
    newest_snapshot: Option<Newest>,
}

/// Whether reads and writes are served.
#[derive(Serialize, ToSchema)]
struct Condition {
    reads: bool,
    writes: bool,
    /// Why not, when not.
    reasons: Vec<Reason>,
}

/// How far the check of the log before the snapshot has come.
#[derive(Serialize, ToSchema)]
struct Behind {
    /// `none` when the start checked everything; `running`, `done` or `failed`.
    state: &'static str,
    /// Events that were checked.
    verified: u64,
    /// Of so many.
    of: u64,
    /// What it found, when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    found: Option<String>,
}

/// Commands on their way to the writer.
#[derive(Serialize, ToSchema)]
struct Queue {
    waiting: usize,
    limit: usize,
}

/// Where the start began.
#[derive(Serialize, ToSchema)]
struct Start {
    /// The size of the snapshot it took up; null when it folded everything.
    snapshot: Option<u64>,
    /// How many events it folded.
    folded: u64,
}

/// The newest snapshot.
#[derive(Serialize, ToSchema)]
struct Newest {
    size: u64,
    bytes: u64,
}

/// Says how the server is.
///
/// It answers also while writes are not taken, and says why.
#[utoipa::path(
    get, path = "/api/operate/status", tag = tag::OPERATION, operation_id = "getStatus",
    responses((status = 200, body = Status)),
    extensions(("x-permissions" = json!(ids(&[OPERATE])))),
)]
pub(super) async fn show(mut asking: Asking) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    let ledger = asking.app().ledger();
    let VerifiedHead { size, chain, root } = ledger.head();
    let reasons = Vec::from_iter(health::reason(&ledger.health()));
    let started = ledger.started();
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        ledger_id: ledger.id().to_string(),
        epoch: ledger.epoch().0,
        size,
        chain: chain.to_string(),
        root: root.to_string(),
        health: Condition { reads: true, writes: reasons.is_empty(), reasons },
        verification: behind(ledger.verification()),
        queue: Queue { waiting: ledger.queued(), limit: ledger.queue_limit() },
        start: Start { snapshot: started.snapshot.map(|head| head.size), folded: started.folded },
        newest_snapshot: newest(ledger).await?,
    };
    Ok(answer(StatusCode::OK, &status))
}

fn behind(verification: Verification) -> Behind {
    let Verification { state, verified, of } = verification;
    let name = state.name();
    let found = match state {
        VerificationState::Failed(found) => Some(found),
        VerificationState::None | VerificationState::Running | VerificationState::Done => None,
    };
    Behind { state: name, verified, of, found }
}

async fn newest(ledger: &Ledger) -> Result<Option<Newest>, ApiError> {
    let Some(snapshots) = ledger.snapshots() else { return Ok(None) };
    let directory = snapshots.directory().clone();
    let looked = tokio::task::spawn_blocking(move || {
        let size = *directory.sizes().ok()?.first()?;
        // One that is pruned at this moment is as good as none.
        directory.bytes(size).ok().map(|bytes| Newest { size, bytes })
    });
    looked.await.map_err(|error| ApiError::Internal(Fault::new(error)))
}
