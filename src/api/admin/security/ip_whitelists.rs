//! The address lists of the whole system and of one tenant.

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use events::{
    envelope::{Stream, StreamKind},
    event::Event,
    id::{Sequence, TenantId},
    whitelist::IpWhitelistSet,
};

use crate::{
    api::{
        AppState,
        asking::Asking,
        body, codes,
        error::{ApiError, Kind},
        fields::parse_id,
        ip_lists::{self, Sent, SentForSystem, Shown},
        json::Json,
        openapi::{self, ids, parameters, tag},
        written::{created, deleted, not_modified, shown, unexpected, updated},
    },
    auth::whitelist::Resource,
    commands::{
        Wish,
        whitelist::{Change, Level, NEVER, OF_SYSTEM, PERMISSIONS, SetIpWhitelist},
    },
    ledger::live::Receipt,
};

/// Shows the address lists of the whole system.
///
/// A list that is empty lets everybody in; an address has to pass the lists of the system, of the user's tenant and his own.
#[utoipa::path(
    get, path = "/api/admin/security/whitelist/system", tag = tag::WHITELISTS, operation_id = "getSystemIpWhitelist",
    responses((status = 200, body = Shown), (status = 304)),
    extensions(("x-permissions" = json!(ids(&OF_SYSTEM)))),
)]
pub(in crate::api::admin) async fn show_system(asking: Asking) -> Result<Response, ApiError> {
    show(asking, None)
}

/// Sets the address lists of the whole system, where none are set.
#[utoipa::path(
    post, path = "/api/admin/security/whitelist/system", tag = tag::WHITELISTS, operation_id = "createSystemIpWhitelist",
    request_body = SentForSystem,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&OF_SYSTEM))),
        ("x-error-codes" = json!(openapi::codes(&[(409, codes::SET_ALREADY), (409, codes::SHUTS_OUT)]))),
    ),
)]
pub(in crate::api::admin) async fn create_system(
    State(app): State<AppState>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    set(&app, asking, None, Some(body), Change::New).await
}

/// Replaces the address lists of the whole system.
#[utoipa::path(
    put, path = "/api/admin/security/whitelist/system", tag = tag::WHITELISTS, operation_id = "updateSystemIpWhitelist",
    request_body = SentForSystem,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&OF_SYSTEM))),
        ("x-error-codes" = json!(openapi::codes(&[(409, codes::SHUTS_OUT)]))),
    ),
)]
pub(in crate::api::admin) async fn update_system(
    State(app): State<AppState>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    set(&app, asking, None, Some(body), Change::Replaced).await
}

/// Takes the address lists of the whole system away.
#[utoipa::path(
    delete, path = "/api/admin/security/whitelist/system", tag = tag::WHITELISTS, operation_id = "deleteSystemIpWhitelist",
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&OF_SYSTEM))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NOT_SET)]))),
    ),
)]
pub(in crate::api::admin) async fn delete_system(
    State(app): State<AppState>,
    asking: Asking,
) -> Result<Response, ApiError> {
    set(&app, asking, None, None, |_| Change::Cleared).await
}

/// Shows the address lists of a tenant.
#[utoipa::path(
    get, path = "/api/admin/security/whitelist/tenants/{id}", tag = tag::WHITELISTS,
    operation_id = "getTenantIpWhitelist",
    params(parameters::Id),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT_OF_WHITELIST)]))),
    ),
)]
pub(in crate::api::admin) async fn show_tenant(
    Path(path): Path<String>,
    asking: Asking,
) -> Result<Response, ApiError> {
    show(asking, Some(&path))
}

/// Sets the address lists of a tenant, where none are set.
#[utoipa::path(
    post, path = "/api/admin/security/whitelist/tenants/{id}", tag = tag::WHITELISTS,
    operation_id = "createTenantIpWhitelist",
    params(parameters::Id),
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[
            (404, codes::NO_TENANT_OF_WHITELIST), (409, codes::SET_ALREADY), (409, codes::SHUTS_OUT),
        ]))),
    ),
)]
pub(in crate::api::admin) async fn create_tenant(
    State(app): State<AppState>,
    Path(path): Path<String>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    set(&app, asking, Some(&path), Some(body), Change::New).await
}

/// Replaces the address lists of a tenant.
#[utoipa::path(
    put, path = "/api/admin/security/whitelist/tenants/{id}", tag = tag::WHITELISTS,
    operation_id = "updateTenantIpWhitelist",
    params(parameters::Id),
    request_body = Sent,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[
            (404, codes::NO_TENANT_OF_WHITELIST), (409, codes::SHUTS_OUT),
        ]))),
    ),
)]
pub(in crate::api::admin) async fn update_tenant(
    State(app): State<AppState>,
    Path(path): Path<String>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    set(&app, asking, Some(&path), Some(body), Change::Replaced).await
}

/// Takes the address lists of a tenant away.
#[utoipa::path(
    delete, path = "/api/admin/security/whitelist/tenants/{id}", tag = tag::WHITELISTS,
    operation_id = "deleteTenantIpWhitelist",
    params(parameters::Id),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[
            (404, codes::NO_TENANT_OF_WHITELIST), (404, codes::NOT_SET),
        ]))),
    ),
)]
pub(in crate::api::admin) async fn delete_tenant(
    State(app): State<AppState>,
    Path(path): Path<String>,
    asking: Asking,
) -> Result<Response, ApiError> {
    set(&app, asking, Some(&path), None, |_| Change::Cleared).await
}

/// Whose lists are asked for: those of the tenant in the path, when the caller finds it, or the system's.
fn level(asking: &Asking, tenant: Option<&str>) -> Result<Level, ApiError> {
    let Some(path) = tenant else { return Ok(Level::System) };
    asking.app().ledger().read(|view| {
        let principal = asking.principal(view, &PERMISSIONS)?;
        let id = parse_id(path).map(TenantId);
        let id = id.filter(|id| view.state.tenants.rows.has(id) && principal.administers(*id));
        id.map(Level::Tenant).ok_or_else(|| ApiError::NotFound(Kind::TenantOfWhitelist, path.to_owned()))
    })
}

fn permissions(tenant: Option<&str>) -> &'static [events::id::PermissionId] {
    if tenant.is_some() { &PERMISSIONS } else { &OF_SYSTEM }
}

fn show(mut asking: Asking, tenant: Option<&str>) -> Result<Response, ApiError> {
    asking.permitted(permissions(tenant))?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let level = level(&asking, tenant)?;
    let row = asking.app().ledger().read(|view| view.state.ip_whitelists.rows.get(&level.stream()).cloned());
    let changed = row.as_ref().map_or(NEVER, |row| row.changed);
    if let Some(response) = not_modified(asking.headers(), changed)? {
        return Ok(response);
    }
    let lists = row.map(|row| row.lists.clone()).unwrap_or_default();
    Ok(shown(changed, &presented(level.stream(), &lists)))
}

fn presented(stream: Stream, lists: &IpWhitelistSet) -> Shown {
    if stream.kind == StreamKind::LEDGER { Shown::of_system(lists) } else { Shown::of(lists) }
}

/// Changes lists; without a body, to none.
async fn set(
    app: &AppState,
    mut asking: Asking,
    tenant: Option<&str>,
    body: Option<Body>,
    change: impl Fn(IpWhitelistSet) -> Change<IpWhitelistSet>,
) -> Result<Response, ApiError> {
    asking.permitted(permissions(tenant))?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let is_new = matches!(change(IpWhitelistSet::default()), Change::New(_));
    let expected = if is_new { None } else { asking.expected()? };
    let level = level(&asking, tenant)?;
    let (sent, lists): (Option<Json>, _) = match body {
        None => (None, IpWhitelistSet::default()),
        Some(body) => {
            let body = body::json(asking.headers(), body, &app.config().limits).await?;
            let lists = ip_lists::read(body.clone(), level == Level::System)?;
            (Some(body), lists)
        }
    };
    let wish = SetIpWhitelist {
        level,
        expected,
        lets_sender_in: asking.could_come_again(&lists, Resource::AdminApi),
        change: change(lists),
    };
    let done = asking.execute(sent.as_ref(), || Ok(Wish::SetIpWhitelist(Box::new(wish.clone())))).await;
    let receipt = done.map_err(|error| match error {
        ApiError::NotFound(Kind::Tenant, id) => ApiError::NotFound(Kind::TenantOfWhitelist, id),
        other => other,
    })?;
    if sent.is_none() {
        return Ok(deleted(&receipt));
    }
    answer(app, &receipt, level, is_new)
}

fn answer(app: &AppState, receipt: &Receipt, level: Level, is_new: bool) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::IpWhitelistSet(lists) = &envelope.event else { return Err(unexpected(receipt)) };
    let changed = tag_of(lists, envelope.header.sequence);
    let body = presented(envelope.header.stream, lists);
    if !is_new {
        return Ok(updated(receipt, changed, &body));
    }
    let place = match level {
        Level::System => "system".to_owned(),
        Level::Tenant(id) => format!("tenants/{id}"),
    };
    let location = format!("{}/api/admin/security/whitelist/{place}", app.public_url());
    Ok(created(receipt, &location, changed, &body))
}

/// Lists that are all empty are none, whoever said so last.
fn tag_of(lists: &IpWhitelistSet, set: Sequence) -> Sequence {
    if *lists == IpWhitelistSet::default() { NEVER } else { set }
}
