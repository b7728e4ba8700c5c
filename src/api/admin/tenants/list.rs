//! The list of tenants.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use events::id::TenantId;
use projections::tenants::Tenant;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        error::ApiError,
        openapi::{ids, parameters, tag},
    },
    auth::permission::TENANT_API,
};

/// A tenant, as lists name it.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantRow)]
struct Row {
    id: u64,
    name: String,
}

/// Tenants in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantList)]
struct List {
    tenants: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// Lists the tenants that the caller administers.
#[utoipa::path(
    get, path = "/api/admin/tenants", tag = tag::TENANTS, operation_id = "listTenants",
    params(parameters::Paged),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&[TENANT_API])))),
)]
pub(in crate::api::admin) async fn list(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (rows, next) = app.ledger().read(|view| -> Result<_, ApiError> {
        let principal = asking.principal(view, &[TENANT_API])?;
        let tenants = &view.state.tenants;
        let row = |id: TenantId, tenant: &Arc<Tenant>| (id.0, Row { id: id.0, name: tenant.name.clone() });
        let after = TenantId(page.after.unwrap_or(0).saturating_add(1));
        Ok(if principal.is_administrator() {
            page.cut(tenants.rows.range(after..).map(|(id, tenant)| row(*id, tenant)))
        } else {
            page.cut(principal.administered().filter_map(|id| Some(row(id, tenants.rows.get(&id)?))))
        })
    })?;
    Ok(answer(StatusCode::OK, &List { tenants: rows, next }))
}
