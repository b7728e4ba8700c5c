//! `/api/audit/objects/{kind}/{id}/history`: the events of one object, newest first.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    envelope::{Stream, StreamKind},
    event::Event,
    id::TenantId,
    time::Timestamp,
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::{ApiError, Kind},
        fields::parse_id,
        openapi::{self, ids, parameters, tag},
        past::not_seen,
    },
    auth::permission::AUDIT,
    ledger::past::{Entry, Page},
};

/// Events on a page that does not say how many it wants.
const LIMIT: usize = 100;

/// One event, its properties named as `authledger events --format jsonl` names them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
struct Shown<'a> {
    /// Its place in the whole log.
    sequence: u64,
    #[schema(value_type = String, format = "date-time")]
    recorded_at: Timestamp,
    #[serde(rename = "type")]
    kind: String,
    schema_version: u16,
    /// Its place in the object's own history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stream_version: Option<u64>,
    tenant: u64,
    /// Who did it.
    actor: String,
    /// For whom, when for another.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    on_behalf_of: Option<String>,
    /// The fact; its properties depend on `type`, and what is sealed says `(sealed)`.
    #[schema(value_type = Object)]
    event: Body<'a>,
    /// The `X-Request-Id` of the request.
    command_id: String,
    /// Its place among the events of that request; not for an auditor of one tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    command_index: Option<u32>,
    /// How many events that request had; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    command_count: Option<u32>,
    epoch: u32,
    previous_hash: String,
    hash: String,
}

/// The fact; what is sealed says `(sealed)`.
struct Body<'a>(&'a Event);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.describe(serializer)
    }
}

/// Events of one object, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = History)]
struct List<'a> {
    /// The object: its kind and id.
    stream: String,
    events: Vec<Shown<'a>>,
    /// Where to go on with `before`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

impl<'a> Shown<'a> {
    /// `only`: whose events the auditor sees, when not everybody's. What one command did may reach into several tenants, and
    /// what a user was shown is one stream whichever tenants it belonged to: who sees one tenant's part must not be told by a
    /// count or a gap how much there is of others.
    fn of(entry: &'a Entry, stream: StreamKind, only: Option<TenantId>) -> Self {
        let whole = only.is_none();
        let counted = whole || stream != StreamKind::DISCLOSURES;
        let header = &entry.envelope.header;
        Self {
            sequence: header.sequence.0,
            recorded_at: header.recorded_at,
            kind: entry.envelope.event.kind().0.to_string(),
            schema_version: entry.schema_version,
            stream_version: counted.then_some(header.stream_version),
            tenant: header.tenant.0,
            actor: header.actor.to_string(),
            on_behalf_of: header.on_behalf_of.map(|user| format!("user/{user}")),
            event: Body(&entry.envelope.event),
            command_id: header.command_id.to_string(),
            command_index: whole.then_some(header.command_index),
            command_count: whole.then_some(header.command_count),
            epoch: header.epoch.0,
            previous_hash: header.previous_hash.to_string(),
            hash: entry.hash.to_string(),
        }
    }
}

/// Shows the history of one object, newest first.
///
/// An auditor of a child tenant sees the events of that tenant. A stream without any is to him as one that is not there.
#[utoipa::path(
    get, path = "/api/audit/objects/{kind}/{id}/history", tag = tag::AUDIT, operation_id = "getHistory",
    params(
        ("kind" = String, Path, description = "The kind of the object, such as `oauth_app`."),
        parameters::Id,
        ("limit" = Option<u16>, Query, description = "At most so many events; 100 when left out.", minimum = 1, maximum = 1000),
        ("before" = Option<u64>, Query, description = "Only events before this sequence: the `next` of the page before."),
    ),
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&[AUDIT]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_HISTORY)]))),
    ),
)]
pub(super) async fn history(
    State(app): State<AppState>,
    Path((kind, id)): Path<(String, String)>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[AUDIT])?;
    asking.in_own_name()?;
    let limit = asking.query.limit()?.unwrap_or(LIMIT);
    let before = asking.query.sequence("before")?;
    asking.no_more_parameters()?;
    let tenant = app.ledger().read(|view| Ok(asking.principal(view, &[AUDIT])?.audits_only()))?;
    let unknown = || ApiError::NotFound(Kind::History, format!("{kind}/{id}"));
    let stream = StreamKind::from_name(&kind).and_then(|kind| Some(Stream::new(kind, parse_id(&id)?)));
    let stream = stream.ok_or_else(unknown)?;
    let page = Page { before, limit, tenant };
    let history = app.ledger().history(stream, page).await.map_err(not_seen)?.ok_or_else(unknown)?;
    let list = List {
        stream: stream.to_string(),
        events: history.entries.iter().map(|entry| Shown::of(entry, stream.kind, tenant)).collect(),
        next: history.next.map(|sequence| sequence.0),
    };
    Ok(answer(StatusCode::OK, &list))
}
