//! `/api/admin/tenants` (hdp-api 6.3).

pub(super) mod admins;
pub(super) mod list;
mod sent;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{self, Path},
    response::Response,
};
use events::{
    envelope::StreamKind,
    event::Event,
    id::{PermissionId, RoleId, SYSTEM_TENANT, Sequence, TenantId},
    sealed::{Field, Sealed},
};
use projections::{State, roles::Role, tenants::Tenant};
use serde::Serialize;
use utoipa::ToSchema;

use self::sent::{Replaced, Sent};
use crate::{
    api::{
        AppState,
        asking::{Asking, fault, open_text},
        body, codes,
        error::{ApiError, Kind},
        family::{self, Family, Look, find},
        openapi::{self, ids, parameters, tag},
        written::{created, unexpected, updated},
    },
    auth::{permission::TENANT_API, principal::Principal},
    commands::{
        NewKey, Refusal, View, Wish,
        disclosure::Secrets,
        role::ImportedRole,
        tenant::{self, CreateTenant, DeleteTenant, UpdateTenant, administered},
    },
    ledger::live::Receipt,
    vault::PlainSecret,
};

/// A tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant)]
struct Shown<'a> {
    id: u64,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'a str>,
    /// `null` for the system tenant.
    #[schema(required = true)]
    parent_tenant: Option<u64>,
    /// 1 active, 0 inactive.
    status: u8,
    /// The roles that belong to the tenant; not with `asOf`, and after a PUT only when they were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    roles: Option<Vec<u64>>,
}

/// Creates a tenant.
///
/// Imported roles are copied and get ids of their own.
#[utoipa::path(
    post, path = "/api/admin/tenants", tag = tag::TENANTS, operation_id = "createTenant",
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[TENANT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_ROLE), (400, codes::NO_USER), (403, codes::FORBIDDEN), (409, codes::NAME_TAKEN),
        ]))),
    ),
)]
pub(super) async fn create(
    extract::State(app): extract::State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    // Asked before any role is looked for: which ones the system tenant has is not everybody's to know.
    let below_system = app.ledger().read(|view| {
        asking.principal(view, &[TENANT_API]).map(|principal| principal.administers(SYSTEM_TENANT))
    })?;
    if !below_system {
        return Err(ApiError::Forbidden);
    }
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone())?;
    let vault = asking.vault();
    let prepare = || {
        let key = vault.new_data_key();
        let seal = |text: &PlainSecret| {
            vault.seal(&key.key, StreamKind::TENANT, Field::DESCRIPTION, text.expose().as_bytes())
        };
        let roles = sent.roles.iter().map(|id| import(&app, &asking, *id)).collect::<Result<_, _>>()?;
        Ok(Wish::CreateTenant(Box::new(CreateTenant {
            name: sent.name.clone(),
            description: sent.description.as_ref().map(seal),
            key: NewKey { id: key.id(), entries: vec![key.change()] },
            status: sent.status,
            roles,
            administrators: sent.administrators.clone(),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    answer_created(&asking, &receipt)
}

/// A role's text is sealed under its own key; its copy has a key of its own.
fn import(app: &AppState, asking: &Asking, id: RoleId) -> Result<ImportedRole, ApiError> {
    let role = app.ledger().read(|view| view.state.roles.rows.get(&id).cloned());
    let unknown = || ApiError::UnknownReference(Kind::Role, id.to_string());
    let role: Arc<Role> = role.filter(|role| role.tenant == SYSTEM_TENANT).ok_or_else(unknown)?;
    let vault = asking.vault();
    let key = vault.new_data_key();
    let text = open_text(vault, role.description.as_ref(), StreamKind::ROLE, Field::DESCRIPTION)?;
    let description =
        text.map(|text| vault.seal(&key.key, StreamKind::ROLE, Field::DESCRIPTION, text.expose().as_bytes()));
    let key = NewKey { id: key.id(), entries: vec![key.change()] };
    Ok(ImportedRole { source: id, source_changed: role.changed, key, description })
}

fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let (first, copies) = receipt.events.split_first().ok_or_else(|| unexpected(receipt))?;
    let Event::TenantCreated(event) = &first.event else { return Err(unexpected(receipt)) };
    let id = first.header.stream.id;
    let description = description(asking, event.description.as_ref())?;
    let body = Shown {
        id,
        name: &event.name,
        description: description.as_ref().map(PlainSecret::expose),
        parent_tenant: event.parent.map(|parent| parent.0),
        status: event.status.into(),
        roles: Some(copies.iter().map(|copy| copy.header.stream.id).collect()),
    };
    let location = format!("{}/api/admin/tenants/{id}", asking.app().public_url());
    Ok(created(receipt, &location, receipt.last, &body))
}

/// Replaces a tenant.
///
/// Its parent stays, and its roles have operations of their own: both may be repeated, so that what a GET answered can be sent
/// back. A description that is left out is cleared. The answer shows the roles when they were sent. Another name needs
/// administrative access on the system tenant, too.
#[utoipa::path(
    put, path = "/api/admin/tenants/{id}", tag = tag::TENANTS, operation_id = "updateTenant",
    params(parameters::Id),
    request_body = Replaced,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[TENANT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT), (409, codes::NAME_TAKEN)]))),
    ),
)]
pub(super) async fn update(
    extract::State(app): extract::State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, row) = find::<Tenants>(&asking, &path, &[TENANT_API])?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Replaced::read(body.clone(), id)?;
    let vault = asking.vault();
    let prepare = || {
        let (_, row) = find::<Tenants>(&asking, &path, &[TENANT_API])?;
        let key = vault.data_key(&row.key_id).map_err(fault)?;
        let seal = |text: &PlainSecret| {
            vault.seal(&key, StreamKind::TENANT, Field::DESCRIPTION, text.expose().as_bytes())
        };
        Ok(Wish::UpdateTenant(Box::new(UpdateTenant {
            id,
            expected: expected.clone(),
            parent: sent.parent,
            roles: sent.roles.clone(),
            name: sent.name.clone(),
            description: sent.description.as_ref().map(seal),
            status: sent.status,
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let Event::TenantUpdated(event) = &envelope.event else { return Err(unexpected(&receipt)) };
    let description = description(&asking, event.description.as_ref())?;
    let body = Shown {
        id: id.0,
        name: &event.name,
        description: description.as_ref().map(PlainSecret::expose),
        // A tenant never moves.
        parent_tenant: row.parent.map(|parent| parent.0),
        status: event.status.into(),
        roles: sent.roles.as_ref().map(|roles| roles.iter().map(|role| role.0).collect()),
    };
    Ok(updated(&receipt, receipt.last, &body))
}

/// Deletes a tenant.
///
/// Its roles go with it, and data sources of others are shared with it no more. Not while it has users or OAuth applications,
/// and never the system tenant.
#[utoipa::path(
    delete, path = "/api/admin/tenants/{id}", tag = tag::TENANTS, operation_id = "deleteTenant",
    params(parameters::Id),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[TENANT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (404, codes::NO_TENANT), (409, codes::PREDEFINED), (409, codes::IN_USE), (409, codes::TOO_MUCH_AT_ONCE),
        ]))),
    ),
)]
pub(super) async fn delete(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    family::delete::<Tenants>(&asking, path, Kind::Tenant, |id, expected| {
        Wish::DeleteTenant(DeleteTenant { id, expected })
    })
    .await
}

/// Shows one tenant.
///
/// With `asOf`, as it was, and without its roles.
#[utoipa::path(
    get, path = "/api/admin/tenants/{id}", tag = tag::TENANTS, operation_id = "getTenant",
    params(parameters::Id, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[TENANT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT)]))),
    ),
)]
pub(super) async fn show(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    asking.in_own_name()?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    family::show::<Tenants>(&asking, &path, moment, false).await
}

/// Tenants, seen by who administers them.
struct Tenants;

impl Family for Tenants {
    type Id = TenantId;
    type Row = Tenant;
    type Shown<'a> = Shown<'a>;
    const KIND: Kind = Kind::Tenant;
    const STREAM: StreamKind = StreamKind::TENANT;
    const VIEW: &'static [PermissionId] = &[TENANT_API];

    fn id(number: u64) -> TenantId {
        TenantId(number)
    }

    fn found(
        view: &View<'_>,
        principal: &Principal,
        id: TenantId,
        _: &'static [PermissionId],
    ) -> Result<Arc<Tenant>, Refusal> {
        administered(view, principal, id).map(Arc::clone)
    }

    fn row(state: &State<'_>, id: TenantId) -> Option<Arc<Tenant>> {
        state.tenants.rows.get(&id).map(Arc::clone)
    }

    fn changed(row: &Tenant) -> Sequence {
        row.changed
    }

    fn tag(state: &State<'_>, id: TenantId, row: &Tenant) -> Sequence {
        tenant::tag(state, id, row)
    }

    fn lists(state: &State<'_>, id: TenantId) -> Vec<u64> {
        state.roles.of_tenant(id, RoleId(0)).map(|role| role.0).collect()
    }

    fn secrets(_: TenantId, _: &Tenant) -> Option<Secrets> {
        None
    }

    fn was_found(principal: &Principal, id: TenantId, _: &Tenant, _: bool) -> Option<TenantId> {
        principal.administers(id).then_some(id)
    }

    fn present<T>(
        look: &Look<'_>,
        id: TenantId,
        row: &Tenant,
        answer: impl FnOnce(&Shown<'_>) -> T,
    ) -> Result<T, ApiError> {
        let description = look.text(row.description.as_ref(), Self::STREAM)?;
        Ok(answer(&Shown {
            id: id.0,
            name: &row.name,
            description: description.as_ref().map(PlainSecret::expose),
            parent_tenant: row.parent.map(|parent| parent.0),
            status: row.status.into(),
            roles: look.listed().map(<[u64]>::to_vec),
        }))
    }
}

fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::TENANT, Field::DESCRIPTION)
}
