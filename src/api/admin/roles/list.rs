//! The list of roles.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use events::id::{RoleId, TenantId};
use projections::roles::Role;
use serde::Serialize;
use utoipa::ToSchema;

use super::description;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::ApiError,
        openapi::{self, ids, parameters, tag},
        slices,
        tenants_listed::TenantsListed,
    },
    auth::permission::VIEW_ROLE,
};

/// A role as lists show it: without its permissions and its users.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoleRow)]
struct Row {
    id: u64,
    name: String,
    tenant_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
}

/// Roles in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = RoleList)]
struct List {
    roles: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// Lists the roles of the tenants that the caller administers.
///
/// Without their permissions and their users. HDP spells the first of the filters both ways; one of them may be there.
#[utoipa::path(
    get, path = "/api/admin/roles", tag = tag::ROLES, operation_id = "listRoles",
    params(
        parameters::Paged,
        ("tenantID" = Option<u64>, Query, description = "Only roles of this tenant."),
        ("tenantId" = Option<u64>, Query, description = "The same."),
        ("tenantName" = Option<String>, Query, description = "Only roles of the tenant of this name."),
    ),
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_ROLE]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT)]))),
    ),
)]
pub(in crate::api::admin) async fn list(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[VIEW_ROLE])?;
    let by_id = match asking.query.id("tenantID")? {
        Some(id) => Some(id),
        None => asking.query.id("tenantId")?,
    };
    let by_name = asking.query.text("tenantName");
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let tenants = app.ledger().read(|view| -> Result<_, ApiError> {
        let principal = asking.principal(view, &[VIEW_ROLE])?;
        let administers = |tenant| principal.administers(tenant);
        let named = (by_id.map(TenantId), by_name.as_deref());
        TenantsListed::of(view, &principal, named, administers, principal.administered())
    })?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let roles = &view.state.roles;
            let all = roles.rows.range(RoleId(after.saturating_add(1))..).map(|(id, _)| *id);
            let ids = tenants.ids(all, |tenant| roles.of_tenant(tenant, RoleId(after)));
            ids.take(most).filter_map(|id| Some((id.0, Arc::clone(roles.rows.get(&id)?)))).collect()
        })
    };
    let (roles, next) = slices::collect(page, look_up, |id, row: Arc<Role>| {
        let description = description(&asking, row.description.as_ref())?;
        Ok(Row {
            id,
            name: row.name.clone(),
            tenant_id: row.tenant.0,
            description: description.map(|text| text.expose().to_owned()),
        })
    })?;
    Ok(answer(StatusCode::OK, &List { roles, next }))
}
