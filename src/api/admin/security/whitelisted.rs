//! Which tenants and users have address lists of their own.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use events::{
    envelope::{Stream, StreamKind},
    id::{TenantId, UserId},
    sealed::Field,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, open_text},
        error::ApiError,
        ip_lists::read_sealed,
        openapi::{ids, parameters, tag},
        slices,
        tenants_listed::TenantsListed,
    },
    auth::whitelist::guarded,
    commands::{View, whitelist::PERMISSIONS},
};

/// A tenant or a user who has address lists.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AppliedWhitelist)]
struct Row {
    id: u64,
    /// Not there when it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// Which of his lists are not empty.
    protected_resources: Vec<&'static str>,
}

/// In the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AppliedWhitelistList)]
struct List {
    applied_white_lists: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// Lists the tenants that have address lists of their own.
///
/// Those that the caller administers.
#[utoipa::path(
    get, path = "/api/admin/security/whitelist/tenants", tag = tag::WHITELISTS, operation_id = "listIpWhitelistsOfTenants",
    params(parameters::Paged),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&PERMISSIONS)))),
)]
pub(in crate::api::admin) async fn tenants(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let his = app.ledger().read(|view| administered(&asking, view))?;
    let stream = |id: u64| Stream::new(StreamKind::TENANT, id);
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let (lists, tenants) = (&view.state.ip_whitelists, &view.state.tenants);
            let from = after.saturating_add(1);
            let all =
                lists.rows.range(stream(from)..=stream(u64::MAX)).map(|(stream, _)| TenantId(stream.id));
            let one = |tenant: TenantId| (tenant.0 >= from).then_some(tenant).into_iter();
            let row = |id: TenantId| {
                let set = lists.rows.get(&stream(id.0))?;
                Some((id.0, (Arc::clone(set), tenants.rows.get(&id)?.name.clone())))
            };
            his.ids(all, one).filter_map(row).take(most).collect()
        })
    };
    let present = |id, (set, name): (Arc<projections::ip_whitelists::IpWhitelist>, String)| {
        Ok(Row { id, name: Some(name), protected_resources: guarded(&set.lists) })
    };
    let (applied_white_lists, next) = slices::collect(page, look_up, present)?;
    Ok(answer(StatusCode::OK, &List { applied_white_lists, next }))
}

/// Lists the users who have address lists of their own.
///
/// Those of the tenants that the caller administers.
#[utoipa::path(
    get, path = "/api/admin/security/whitelist/users", tag = tag::WHITELISTS, operation_id = "listIpWhitelistsOfUsers",
    params(parameters::Paged),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&PERMISSIONS)))),
)]
pub(in crate::api::admin) async fn users(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let his = app.ledger().read(|view| administered(&asking, view))?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let (lists, users) = (&view.state.ip_whitelists, &view.state.users);
            let all = lists.of_users.range(UserId(after.saturating_add(1))..).map(|(user, _)| *user);
            let row = |id: UserId| {
                let (set, user) = (lists.of_users.get(&id)?, users.rows.get(&id)?);
                Some((id.0, (set.lists.clone(), user.name.clone())))
            };
            let of = |tenant| lists.users_of_tenant(tenant, UserId(after));
            his.ids(all, of).filter_map(row).take(most).collect()
        })
    };
    let vault = app.vault();
    let present = |id, (set, name)| {
        let name = open_text(vault, Some(&name), StreamKind::USER, Field::USER_NAME)?;
        let lists = open_text(vault, Some(&set), StreamKind::USER, Field::IP_WHITELIST)?;
        let lists = lists.map(|text| read_sealed(&text)).transpose()?.unwrap_or_default();
        let name = name.map(|name| name.expose().to_owned());
        Ok(Row { id, name, protected_resources: guarded(&lists) })
    };
    let (applied_white_lists, next) = slices::collect(page, look_up, present)?;
    Ok(answer(StatusCode::OK, &List { applied_white_lists, next }))
}

fn administered(asking: &Asking, view: &View<'_>) -> Result<TenantsListed, ApiError> {
    let principal = asking.principal(view, &PERMISSIONS)?;
    let administers = |tenant| principal.administers(tenant);
    TenantsListed::of(view, &principal, (None, None), administers, principal.administered())
}
