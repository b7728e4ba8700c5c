//! What shares with users and shares with tenants have in common: their permissions, as they are sent and shown, and the
//! ways through.

use axum::{body::Body, http::StatusCode, response::Response};
use events::{envelope::Envelope, id::DataSourceId, sorted::SortedMap};
use serde::Serialize;
use utoipa::ToSchema;

use super::{numbers, own, permitted};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        body,
        error::{ApiError, Kind},
        fields::{Fields, parse_id},
        json::Json,
        openapi::schemas::{BodySchema, Property, body_schema, id, ids, list_of},
        written::{deleted, unexpected, updated},
    },
    commands::{
        Wish,
        data_source::{
            access::{SETTABLE, SourcePermissions},
            sharing::{ChangeShare, RECEIVERS_MAX, Receiver, ShareDataSource, UnshareDataSource},
        },
        oauth_profile::{MODIFY, VIEW},
    },
    ledger::live::Receipt,
};

/// That it was done, as HDP says it.
#[derive(Serialize, ToSchema)]
pub(super) struct Success {
    /// Always true.
    success: bool,
}

/// What somebody may do with the data source.
#[derive(Serialize, ToSchema)]
#[schema(as = SharePermissions)]
pub(super) struct ShownPermissions {
    /// Ids of permissions, rising.
    pub(super) permissions: Vec<u16>,
}

/// What one receiver may do, as it is sent.
pub(super) struct SentPermissions(SourcePermissions);

body_schema!(
    SentPermissions,
    "ShareUpdate",
    BodySchema::new("What this receiver may do with the data source from now on.")
        .required("permissions", share_permissions())
);

/// The permissions of a share, for a schema.
fn share_permissions() -> Property {
    ids(SETTABLE.len()).about("Exactly what may be done: at least one of 2 to 7.").example(vec![2, 7])
}

/// The schema of a list of receivers: `list` is the property, `receiver` the property of the receiver's id in each item.
pub(super) fn receivers(about: &str, list: &str, receiver: &str) -> BodySchema {
    let item = BodySchema::new("").required(receiver, id()).required("permissions", share_permissions());
    BodySchema::new(about).required(list, list_of(item, RECEIVERS_MAX))
}

impl SentPermissions {
    fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let permissions = read_permissions(&mut fields)?;
        fields.finish()?;
        Ok(Self(permissions))
    }
}

fn read_permissions(fields: &mut Fields) -> Result<SourcePermissions, ApiError> {
    let ids = fields.optional_ids("permissions")?.ok_or_else(|| fields.missing("permissions"))?;
    SourcePermissions::of_share(&ids).map_err(|problem| fields.invalid("permissions", problem))
}

/// Reads a list of receivers as [`receivers`] describes it.
pub(super) fn read_receivers<Id: Ord>(
    body: Json,
    list: &str,
    receiver: &str,
    of: impl Fn(u64) -> Id,
) -> Result<SortedMap<Id, SourcePermissions>, ApiError> {
    let mut fields = Fields::of(body)?;
    let items = fields.optional_objects(list)?.ok_or_else(|| fields.missing(list))?;
    if !(1..=RECEIVERS_MAX).contains(&items.len()) {
        return Err(fields.invalid(list, format!("name 1 to {RECEIVERS_MAX} of them")));
    }
    let count = items.len();
    let mut all = Vec::new();
    for mut item in items {
        let receiver = of(item.id(receiver)?);
        all.push((receiver, read_permissions(&mut item)?));
        item.finish()?;
    }
    let all: SortedMap<Id, SourcePermissions> = all.into_iter().collect();
    if all.len() < count {
        return Err(fields.invalid(list, "each of them stands there once"));
    }
    fields.finish()?;
    Ok(all)
}

/// 200 once a data source is shared with those that `read` finds in the body.
pub(super) async fn share(
    app: &AppState,
    mut asking: Asking,
    path: &str,
    sent: Body,
    read: impl Fn(DataSourceId, Json) -> Result<ShareDataSource, ApiError>,
) -> Result<Response, ApiError> {
    permitted(&asking, path, &MODIFY)?;
    asking.no_more_parameters()?;
    let id = own(&asking, path, &MODIFY)?;
    let body = body::json(asking.headers(), sent, &app.config().limits).await?;
    let wish = read(id, body.clone())?;
    let receipt = asking.execute(Some(&body), || Ok(Wish::ShareDataSource(Box::new(wish.clone())))).await?;
    succeeded(&receipt)
}

/// `{"success": true}`, with the data source's ETag.
pub(super) fn succeeded(receipt: &Receipt) -> Result<Response, ApiError> {
    Ok(updated(receipt, last(receipt)?.header.sequence, &Success { success: true }))
}

/// The last event of a command that records some.
pub(super) fn last(receipt: &Receipt) -> Result<&Envelope, ApiError> {
    receipt.events.last().ok_or_else(|| unexpected(receipt))
}

/// 200 with what one receiver may do.
pub(super) fn show_one(
    mut asking: Asking,
    path: &str,
    receiver_id: &str,
    receiver: fn(u64) -> Receiver,
) -> Result<Response, ApiError> {
    permitted(&asking, path, &VIEW)?;
    asking.no_more_parameters()?;
    let id = own(&asking, path, &VIEW)?;
    let with = named(receiver_id, receiver)?;
    let permissions = asking.app().ledger().read(|view| {
        let sources = &view.state.data_sources;
        let given = match with {
            Receiver::User(user) => sources.shared_users.get(&(id, user)),
            Receiver::Tenant(tenant) => sources.shared_tenants.get(&(id, tenant)),
        };
        given.map(|permissions| numbers(permissions))
    });
    let permissions = permissions.ok_or_else(|| ApiError::NotFound(kind(with), receiver_id.to_owned()))?;
    Ok(answer(StatusCode::OK, &ShownPermissions { permissions }))
}

/// 200 once one receiver may do what the body says.
pub(super) async fn change_one(
    app: &AppState,
    mut asking: Asking,
    path: &str,
    receiver_id: &str,
    sent: Body,
    receiver: fn(u64) -> Receiver,
) -> Result<Response, ApiError> {
    permitted(&asking, path, &MODIFY)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let id = own(&asking, path, &MODIFY)?;
    let to = named(receiver_id, receiver)?;
    let body = body::json(asking.headers(), sent, &app.config().limits).await?;
    let SentPermissions(permissions) = SentPermissions::read(body.clone())?;
    let wish = ChangeShare { id, expected, with: to, permissions: permissions.clone() };
    let receipt = asking.execute(Some(&body), || Ok(Wish::ChangeShare(wish.clone()))).await?;
    let shown = ShownPermissions { permissions: numbers(permissions.list()) };
    Ok(updated(&receipt, last(&receipt)?.header.sequence, &shown))
}

/// 204 once one receiver has it no more.
pub(super) async fn end_one(
    mut asking: Asking,
    path: &str,
    receiver_id: &str,
    receiver: fn(u64) -> Receiver,
) -> Result<Response, ApiError> {
    permitted(&asking, path, &MODIFY)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let id = own(&asking, path, &MODIFY).map_err(to_delete)?;
    let wish = UnshareDataSource { id, expected, with: named(receiver_id, receiver)? };
    let receipt = asking.execute(None, || Ok(Wish::UnshareDataSource(wish.clone()))).await;
    receipt.map(|receipt| deleted(&receipt)).map_err(to_delete)
}

/// Of a data source that is not there HDP has a code of its own where something is deleted.
fn to_delete(error: ApiError) -> ApiError {
    match error {
        ApiError::NotFound(Kind::DataSource, id) => ApiError::NotFound(Kind::DataSourceToDelete, id),
        error => error,
    }
}

fn named(text: &str, receiver: fn(u64) -> Receiver) -> Result<Receiver, ApiError> {
    parse_id(text).map(receiver).ok_or_else(|| ApiError::NotFound(kind(receiver(0)), text.to_owned()))
}

fn kind(receiver: Receiver) -> Kind {
    match receiver {
        Receiver::User(_) => Kind::User,
        Receiver::Tenant(_) => Kind::Tenant,
    }
}
