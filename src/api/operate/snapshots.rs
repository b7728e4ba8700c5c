//! `/api/operate/snapshots`: saved states, taken and checked while the ledger is served.
//!
//! Both take as long as folding the log does, so they go on beside the request: who waits long enough hears what came of it,
//! everybody else asks for the list.

use axum::{extract::Path, http::StatusCode, response::Response};
use events::{event::Event, id::Sequence, ledger::SnapshotTaken, time::Timestamp};
use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::operator;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::{ApiError, Fault, Kind},
        fields::parse_id,
        openapi::{self, ids, tag},
        written::{created, unexpected},
    },
    auth::permission::OPERATE,
    commands::{
        Wish,
        ledger::{LEDGER_STREAM, TakeSnapshot},
    },
    ledger::{
        live::Receipt,
        snapshot::{
            Checked, Draft, Listed, SnapshotDirectory, Snapshots, TakeError, Turn, confirmations, list,
        },
        start::StartError,
        store::StoreError,
    },
};

const PATH: &str = "/api/operate/snapshots";

/// What a check came to.
#[derive(Serialize, ToSchema)]
#[schema(as = SnapshotVerdict)]
struct Verdict {
    /// `same`, `differs` or `not checked`.
    result: &'static str,
    /// Why, where it is not the same.
    reason: Option<String>,
}

impl From<Checked> for Verdict {
    fn from(checked: Checked) -> Self {
        match checked {
            Checked::Same => Self { result: "same", reason: None },
            Checked::Differs(reason) => Self { result: "differs", reason: Some(reason) },
            Checked::NotChecked(reason) => Self { result: "not checked", reason: Some(reason) },
        }
    }
}

/// A saved state.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Snapshot)]
struct Shown {
    /// Of how many events it is the state; its name.
    size: u64,
    /// How long its file is.
    bytes: u64,
    /// When the last of its events was recorded; null when it is not whole.
    #[schema(value_type = Option<String>, format = "date-time")]
    recorded_at: Option<Timestamp>,
    /// When it was taken; null when the log does not say.
    #[schema(value_type = Option<String>, format = "date-time")]
    taken_at: Option<Timestamp>,
    /// The event that says so.
    sequence: Option<u64>,
    /// Which tables it holds.
    digest_version: Option<u16>,
    /// Of its tables.
    digest: Option<String>,
    /// Chain hash of the last of its events.
    chain: Option<String>,
    /// Root of the tree over them.
    root: Option<String>,
    /// Whether its bytes are those that were written.
    whole: bool,
    /// Whether the log says what it says.
    confirmed: bool,
    /// Why a start would pass over it; null when it would not.
    problem: Option<String>,
    /// What the last check since the start came to.
    checked: Option<Verdict>,
}

fn shown(snapshots: &Snapshots, listed: Listed) -> Shown {
    Shown {
        size: listed.size,
        bytes: listed.bytes,
        recorded_at: listed.recorded_at,
        taken_at: listed.taken_at,
        sequence: listed.sequence,
        digest_version: listed.digest_version,
        digest: listed.digest.map(|digest| digest.to_string()),
        chain: listed.chain.map(|chain| chain.to_string()),
        root: listed.root.map(|root| root.to_string()),
        whole: listed.whole,
        confirmed: listed.confirmed,
        problem: listed.problem,
        checked: snapshots.checked(listed.size).map(Verdict::from),
    }
}

/// Saved states, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Snapshots)]
struct List {
    snapshots: Vec<Shown>,
    /// Whether one is being taken or checked.
    busy: bool,
}

/// What a check of one came to.
#[derive(Serialize, ToSchema)]
#[schema(as = SnapshotCheck)]
struct Check {
    size: u64,
    /// `same`, `differs` or `not checked`.
    result: &'static str,
    /// Why, where it is not the same.
    reason: Option<String>,
}

/// It goes on without the request.
#[derive(Serialize, ToSchema)]
#[schema(as = SnapshotUnderWay)]
struct UnderWay {
    busy: bool,
    /// Where it can be seen what came of it.
    see: &'static str,
}

/// Lists the snapshots that are there, newest first, and says whether one is being taken or checked.
///
/// It reads their files, to say which are whole.
#[utoipa::path(
    get, path = "/api/operate/snapshots", tag = tag::OPERATION, operation_id = "listSnapshots",
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&[OPERATE])))),
)]
pub(super) async fn index(mut asking: Asking) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    let app = asking.app();
    let listed = look(app, None).await?;
    let snapshots = place(app)?;
    let all = listed.into_iter().map(|listed| shown(snapshots, listed)).collect();
    Ok(answer(StatusCode::OK, &List { snapshots: all, busy: snapshots.is_busy() }))
}

/// Shows one snapshot.
#[utoipa::path(
    get, path = "/api/operate/snapshots/{size}", tag = tag::OPERATION, operation_id = "getSnapshot",
    params(("size" = u64, Path, description = "Of how many events it is the state.")),
    responses((status = 200, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[OPERATE]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_SNAPSHOT)]))),
    ),
)]
pub(super) async fn show(Path(size): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    let app = asking.app();
    let listed = match parse_id(&size) {
        Some(size) => look(app, Some(size)).await?.pop(),
        None => None,
    };
    let listed = listed.ok_or(ApiError::NotFound(Kind::Snapshot, size))?;
    Ok(answer(StatusCode::OK, &shown(place(app)?, listed)))
}

/// Takes a snapshot and records it.
///
/// It goes on when it takes longer than a request may, or when nobody waits for it; the list shows it then. One at a time; the
/// three newest are kept.
#[utoipa::path(
    post, path = "/api/operate/snapshots", tag = tag::OPERATION, operation_id = "takeSnapshot",
    responses(
        (status = 201, body = Shown),
        (status = 202, description = "It goes on; the list shows it when it is done.", body = UnderWay),
    ),
    extensions(
        ("x-permissions" = json!(ids(&[OPERATE]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_SNAPSHOT), (409, codes::SNAPSHOT_BUSY)]))),
    ),
)]
pub(super) async fn take(mut asking: Asking) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    let app = asking.app().clone();
    let turn = place(&app)?.turn().map_err(failed)?;
    beside(&app, "taking a snapshot", async move { record(&asking, turn).await }).await
}

async fn record(asking: &Asking, turn: Turn) -> Result<Response, ApiError> {
    let app = asking.app();
    let (draft, turn) = app.ledger().draft_snapshot(turn).await.map_err(failed)?;
    let taken = draft.taken();
    let wish = || Ok(Wish::TakeSnapshot(TakeSnapshot { taken: taken.clone() }));
    let receipt = asking.execute(None, wish).await?;
    let (sequence, recorded) = recorded(&receipt)?;
    // Otherwise an earlier request under the same Idempotency-Key took it, and this one is none.
    if recorded == taken {
        keep(draft).await?;
    } else {
        drop(draft);
    }
    drop(turn);
    let listed = look(app, Some(recorded.size)).await?.pop();
    let listed = listed.filter(|listed| listed.sequence == Some(sequence.0));
    let listed = listed.ok_or_else(|| ApiError::NotFound(Kind::Snapshot, recorded.size.to_string()))?;
    let location = format!("{}{PATH}/{}", app.public_url(), recorded.size);
    Ok(created(&receipt, &location, sequence, &shown(place(app)?, listed)))
}

fn recorded(receipt: &Receipt) -> Result<(Sequence, SnapshotTaken), ApiError> {
    match &receipt.events[..] {
        [envelope] => match &envelope.event {
            Event::SnapshotTaken(taken) => Ok((envelope.header.sequence, taken.clone())),
            _ => Err(unexpected(receipt)),
        },
        _ => Err(unexpected(receipt)),
    }
}

async fn keep(draft: Draft) -> Result<(), ApiError> {
    let kept = tokio::task::spawn_blocking(move || draft.keep()).await;
    kept.map_err(|error| ApiError::Internal(Fault::new(error)))?.map(drop).map_err(failed)
}

/// Folds the log up to a snapshot, and compares.
///
/// It goes on when it takes longer than a request may; the list shows what came of it then.
#[utoipa::path(
    post, path = "/api/operate/snapshots/{size}/verify", tag = tag::OPERATION, operation_id = "verifySnapshot",
    params(("size" = u64, Path, description = "Of how many events it is the state.")),
    responses(
        (status = 200, body = Check),
        (status = 202, description = "It goes on; the list shows what came of it.", body = UnderWay),
    ),
    extensions(
        ("x-permissions" = json!(ids(&[OPERATE]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_SNAPSHOT), (409, codes::SNAPSHOT_BUSY)]))),
        ("x-unrecorded" = json!(true)),
    ),
)]
pub(super) async fn verify(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    let app = asking.app().clone();
    let snapshots = place(&app)?;
    let sizes = snapshots.directory().sizes().map_err(|error| unreadable(&error))?;
    let size = sizes.into_iter().find(|size| size.to_string() == path);
    let size = size.ok_or(ApiError::NotFound(Kind::Snapshot, path))?;
    let turn = snapshots.turn().map_err(failed)?;
    let ledger = app.ledger().clone();
    let check = async move {
        let Verdict { result, reason } = ledger.check_snapshot(size, turn).await.map_err(failed)?.into();
        Ok(answer(StatusCode::OK, &Check { size, result, reason }))
    };
    beside(&app, "checking a snapshot", check).await
}

/// Has the work go on whatever becomes of the request, and waits for it as long as a request may take.
async fn beside(
    app: &AppState,
    what: &'static str,
    work: impl Future<Output = Result<Response, ApiError>> + Send + 'static,
) -> Result<Response, ApiError> {
    let (sender, outcome) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(unheard) = sender.send(work.await) {
            match unheard {
                Ok(_) => tracing::info!(what, "done, after its request had ended"),
                Err(error) => tracing::error!(what, ?error, "failed, after its request had ended"),
            }
        }
    });
    match tokio::time::timeout(app.config().limits.request_time, outcome).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(ApiError::Internal(Fault::new(format!("{what} ended unexpectedly")))),
        Err(_) => Ok(answer(StatusCode::ACCEPTED, &UnderWay { busy: true, see: PATH })),
    }
}

fn place(app: &AppState) -> Result<&Snapshots, ApiError> {
    app.ledger().snapshots().ok_or(TakeError::NoPlace).map_err(failed)
}

/// The snapshots that are there, or the one of that size. Whole files are read, so it happens where waiting is allowed.
async fn look(app: &AppState, only: Option<u64>) -> Result<Vec<Listed>, ApiError> {
    let ledger = app.ledger().clone();
    let directory: SnapshotDirectory = place(app)?.directory().clone();
    let looked = tokio::task::spawn_blocking(move || {
        let mut sizes = directory.sizes().map_err(|error| unreadable(&error))?;
        sizes.retain(|size| only.is_none_or(|only| only == *size));
        let Some(oldest) = sizes.last().copied() else { return Ok(Vec::new()) };
        let (last, log) = ledger.read(|view| {
            let head = view.state.streams.heads.get(&LEDGER_STREAM).map(|head| head.sequence);
            (head, view.state.log.size())
        });
        let said = confirmations(&**ledger.reader(), last, oldest).map_err(storage)?;
        Ok(list(&directory, &sizes, ledger.id(), log, &said))
    });
    looked.await.map_err(|error| ApiError::Internal(Fault::new(error)))?
}

fn unreadable(error: &std::io::Error) -> ApiError {
    ApiError::Storage(Fault::new(format!("the snapshots can't be read: {error}")))
}

fn storage(error: StoreError) -> ApiError {
    ApiError::Storage(Fault::new(error))
}

fn failed(error: TakeError) -> ApiError {
    match error {
        TakeError::Busy => ApiError::SnapshotBusy,
        TakeError::NoRoom => {
            ApiError::NoWrites("the disk has no room for a snapshot beside what is kept for the log")
        }
        TakeError::Log(StartError::Store(error)) => storage(error),
        error @ TakeError::Io { .. } => ApiError::Storage(Fault::new(error)),
        error @ (TakeError::NoPlace | TakeError::Log(_) | TakeError::Elsewhere | TakeError::Thread) => {
            ApiError::Internal(Fault::new(error))
        }
    }
}
