//! The sites whose pages may call the API from a browser (hdp-api 7.2). What comes of it, `api/cors.rs` does.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header::LOCATION},
    response::Response,
};
use events::{
    envelope::{Actor, Envelope, StreamKind},
    event::Event,
    id::{CorsOriginId, UserId},
    sealed::{Field, Sealed},
    time::Timestamp,
};
use projections::cors::CorsOrigin;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, fault, open_text},
        body, codes,
        error::{ApiError, Kind},
        fields::{Fields, parse_id},
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{BodySchema, body_schema, id, list_of, text},
            tag,
        },
        slices,
        written::{created, deleted, not_modified, shown, unexpected, written},
    },
    auth::origin::TrustedOrigin,
    commands::{
        Wish,
        cors::{
            AddCorsOrigins, Entry, PERMISSIONS, RemoveCorsOrigin, UpdateCorsOrigin, key_id, may_administer,
        },
        field::{DESCRIPTION_BYTES_MAX, check_description},
    },
    ledger::live::Receipt,
    vault::PlainSecret,
};

/// Most entries that one request may add.
const ADDED_MAX: usize = 100;

/// A trusted origin.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CorsOrigin)]
pub(in crate::api::admin) struct Shown {
    id: u64,
    /// In the form in which browsers write origins.
    domain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// Not there when the user was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_modified_by: Option<String>,
    #[schema(value_type = String)]
    last_modified_time: String,
}

/// Trusted origins in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CorsWhitelist)]
struct List {
    /// When an entry was last set or taken off; not there while nothing was ever listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_modified_time: Option<String>,
    whitelist: Vec<Shown>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// What an entry says as it was sent.
struct SentEntry {
    domain: TrustedOrigin,
    description: Option<PlainSecret>,
}

impl SentEntry {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        let domain = fields.parsed("domain", TrustedOrigin::parse)?;
        let description = fields.optional_checked("description", check_description)?;
        Ok(Self { domain, description })
    }

    /// Sealed under the system tenant's key as it is now.
    fn sealed(&self, asking: &Asking) -> Result<Entry, ApiError> {
        let description = match &self.description {
            None => None,
            Some(text) => {
                let key_id = asking.app().ledger().read(|view| key_id(&view.state));
                let key_id = key_id.ok_or_else(|| ApiError::NotFound(Kind::Tenant, "1".to_owned()))?;
                let key = asking.vault().data_key(&key_id).map_err(fault)?;
                let text = text.expose().as_bytes();
                Some(asking.vault().seal(&key, StreamKind::LEDGER, Field::DESCRIPTION, text))
            }
        };
        Ok(Entry { domain: self.domain.clone(), description })
    }
}

fn entry_schema(about: &str) -> BodySchema {
    let domain = text(1..=TrustedOrigin::CHARS_MAX).about(
        "Scheme, host and port; `*.` at the beginning of the host stands for every host below it, and not for that one itself.",
    );
    let most = format!("At most {DESCRIPTION_BYTES_MAX} bytes.");
    BodySchema::new(about)
        .required("domain", domain.example("https://*.example.com"))
        .optional("description", text(0..=DESCRIPTION_BYTES_MAX).about(most))
}

/// New entries.
struct SentEntries(Vec<SentEntry>);

body_schema!(
    SentEntries,
    "CorsOriginsCreate",
    BodySchema::new("New entries of the list.")
        .required("whitelist", list_of(entry_schema("A site whose pages may call this API."), ADDED_MAX))
);

impl SentEntries {
    fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let sent = fields.optional_objects("whitelist")?.ok_or_else(|| fields.missing("whitelist"))?;
        if sent.is_empty() || sent.len() > ADDED_MAX {
            return Err(fields.invalid("whitelist", format!("name from 1 to {ADDED_MAX} entries")));
        }
        let read = |mut fields: Fields| {
            let entry = SentEntry::read(&mut fields)?;
            fields.finish()?;
            Ok(entry)
        };
        let entries = sent.into_iter().map(read).collect::<Result<_, ApiError>>()?;
        fields.finish()?;
        Ok(Self(entries))
    }
}

/// An entry as it shall be.
struct Replaced;

body_schema!(
    Replaced,
    "CorsOriginUpdate",
    entry_schema("The entry as it shall be; what a GET answered can be sent back.")
        .optional("id", id().about("The object's own."))
        .optional("lastModifiedBy", text(0..=1000).about("As GET answered it; the ledger knows."))
        .optional("lastModifiedTime", text(0..=1000).about("Likewise."))
);

/// Lists the sites whose pages may call this API from a browser.
///
/// They may when limit 5 (CORSBehavior) is 2. Needs administrative access on the system tenant.
#[utoipa::path(
    get, path = "/api/admin/security/cors/whitelist", tag = tag::CORS, operation_id = "listCorsOrigins",
    params(parameters::Paged),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&PERMISSIONS)))),
)]
pub(in crate::api::admin) async fn list(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let changed = app.ledger().read(|view| -> Result<_, ApiError> {
        may(&asking, view)?;
        Ok(view.state.cors.list.get(&()).map(|list| list.changed_at))
    })?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let rows = view.state.cors.rows.range(CorsOriginId(after.saturating_add(1))..).take(most);
            rows.map(|(id, row)| (id.0, Arc::clone(row))).collect()
        })
    };
    let (whitelist, next) =
        slices::collect(page, look_up, |id, row: Arc<CorsOrigin>| of_row(&asking, id, &row))?;
    let last_modified_time = changed.map(|time| time.to_string());
    Ok(answer(StatusCode::OK, &List { last_modified_time, whitelist, next }))
}

/// Adds sites whose pages may call this API from a browser.
///
/// Needs administrative access on the system tenant.
#[utoipa::path(
    post, path = "/api/admin/security/cors/whitelist", tag = tag::CORS, operation_id = "createCorsOrigins",
    request_body = SentEntries,
    responses((status = 201, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(409, codes::NAME_TAKEN)]))),
    ),
)]
pub(in crate::api::admin) async fn create(
    State(app): State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    app.ledger().read(|view| may(&asking, view))?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = SentEntries::read(body.clone())?;
    let prepare = || {
        let entries = sent.0.iter().map(|entry| entry.sealed(&asking)).collect::<Result<_, _>>()?;
        Ok(Wish::AddCorsOrigins(Box::new(AddCorsOrigins { entries })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let whitelist = receipt.events.iter().map(|envelope| of_event(&asking, &receipt, envelope));
    let list = List {
        last_modified_time: receipt.events.last().map(|envelope| envelope.header.recorded_at.to_string()),
        whitelist: whitelist.collect::<Result<_, _>>()?,
        next: None,
    };
    let mut response = written(&receipt, answer(StatusCode::CREATED, &list));
    // HDP shows none here; where the new entries are to be found is the list.
    let location = HeaderValue::from_str(&location(&asking, None)).expect("our URIs are ASCII");
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Shows one trusted origin.
///
/// Needs administrative access on the system tenant.
#[utoipa::path(
    get, path = "/api/admin/security/cors/whitelist/{id}", tag = tag::CORS, operation_id = "getCorsOrigin",
    params(parameters::Id),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_CORS_ORIGIN)]))),
    ),
)]
pub(in crate::api::admin) async fn show(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (id, row) = find(&asking, &path)?;
    if let Some(response) = not_modified(asking.headers(), row.changed)? {
        return Ok(response);
    }
    Ok(shown(row.changed, &of_row(&asking, id.0, &row)?))
}

/// Replaces a trusted origin.
///
/// Needs administrative access on the system tenant.
#[utoipa::path(
    put, path = "/api/admin/security/cors/whitelist/{id}", tag = tag::CORS, operation_id = "updateCorsOrigin",
    params(parameters::Id),
    request_body = Replaced,
    responses((status = 201, description = "Done; the body is the entry. HDP answers 201 here.", body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_CORS_ORIGIN), (409, codes::NAME_TAKEN)]))),
    ),
)]
pub(in crate::api::admin) async fn update(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, _) = find(&asking, &path)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let mut fields = Fields::of(body.clone())?;
    fields.repeats_id(id.0)?;
    let sent = SentEntry::read(&mut fields)?;
    // Not compared with what is stored: who repeats a PUT under its key sends what was so before the first.
    fields.optional_text("lastModifiedBy")?;
    fields.optional_text("lastModifiedTime")?;
    fields.finish()?;
    let prepare = || {
        let entry = sent.sealed(&asking)?;
        Ok(Wish::UpdateCorsOrigin(Box::new(UpdateCorsOrigin { id, expected: expected.clone(), entry })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let body = of_event(&asking, &receipt, envelope)?;
    Ok(created(&receipt, &location(&asking, Some(id)), envelope.header.sequence, &body))
}

/// Takes a trusted origin off the list.
///
/// Needs administrative access on the system tenant.
#[utoipa::path(
    delete, path = "/api/admin/security/cors/whitelist/{id}", tag = tag::CORS, operation_id = "deleteCorsOrigin",
    params(parameters::Id),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_CORS_ORIGIN)]))),
    ),
)]
pub(in crate::api::admin) async fn delete(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    // Asked of the writer also when the path is no id, which no entry has: a repeated request is answered again.
    let id = CorsOriginId(parse_id(&path).unwrap_or_default());
    let wish = || Ok(Wish::RemoveCorsOrigin(RemoveCorsOrigin { id, expected: expected.clone() }));
    match asking.execute(None, wish).await {
        Ok(receipt) => Ok(deleted(&receipt)),
        Err(ApiError::NotFound(kind, _)) => Err(ApiError::NotFound(kind, path)),
        Err(error) => Err(error),
    }
}

fn may(asking: &Asking, view: &crate::commands::View<'_>) -> Result<(), ApiError> {
    let principal = asking.principal(view, &PERMISSIONS)?;
    may_administer(&principal).map_err(|refusal| asking.refused(refusal))
}

fn find(asking: &Asking, path: &str) -> Result<(CorsOriginId, Arc<CorsOrigin>), ApiError> {
    asking.app().ledger().read(|view| {
        may(asking, view)?;
        let id = parse_id(path).map(CorsOriginId);
        let row = id.and_then(|id| Some((id, Arc::clone(view.state.cors.rows.get(&id)?))));
        row.ok_or_else(|| ApiError::NotFound(Kind::CorsOrigin, path.to_owned()))
    })
}

fn location(asking: &Asking, id: Option<CorsOriginId>) -> String {
    let id = id.map(|id| format!("/{id}")).unwrap_or_default();
    format!("{}/api/admin/security/cors/whitelist{id}", asking.app().public_url())
}

fn of_row(asking: &Asking, id: u64, row: &CorsOrigin) -> Result<Shown, ApiError> {
    presented(asking, id, &row.domain, row.description.as_ref(), (row.changed_by, row.changed_at))
}

/// Made from the event, so that a repeated request gets the same answer.
fn of_event(asking: &Asking, receipt: &Receipt, envelope: &Envelope) -> Result<Shown, ApiError> {
    let Event::CorsOriginSet(set) = &envelope.event else { return Err(unexpected(receipt)) };
    let by = match envelope.header.actor {
        Actor::User(user) => Some(user),
        Actor::ClientApplication(_) | Actor::System | Actor::Operator => None,
    };
    let changed = (by, envelope.header.recorded_at);
    presented(asking, set.id.0, &set.domain, set.description.as_ref(), changed)
}

fn presented(
    asking: &Asking,
    id: u64,
    domain: &str,
    description: Option<&Sealed>,
    (by, at): (Option<UserId>, Timestamp),
) -> Result<Shown, ApiError> {
    let vault = asking.vault();
    let name = by.and_then(|user| {
        asking.app().ledger().read(|view| view.state.users.rows.get(&user).map(|row| row.name.clone()))
    });
    let name = open_text(vault, name.as_ref(), StreamKind::USER, Field::USER_NAME)?;
    let description = open_text(vault, description, StreamKind::LEDGER, Field::DESCRIPTION)?;
    let text = |text: PlainSecret| text.expose().to_owned();
    Ok(Shown {
        id,
        domain: domain.to_owned(),
        description: description.map(text),
        last_modified_by: name.map(text),
        last_modified_time: at.to_string(),
    })
}
