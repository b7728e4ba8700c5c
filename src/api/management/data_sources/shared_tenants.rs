//! `/api/mgmt/datasources/{id}/sharedTenants`: with which tenants a data source is shared (hdp-api 4.5).

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    id::TenantId,
    sorted::{SortedMap, SortedVec},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    numbers, own, permitted,
    sharing::{self, SentPermissions, ShownPermissions, Success, read_receivers, receivers},
};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::ApiError,
        openapi::{self, ids, parameters, schemas::body_schema, tag},
        slices,
    },
    commands::{
        data_source::sharing::{Receiver, ShareDataSource},
        oauth_profile::{MODIFY, VIEW},
    },
};

const LIST: &str = "sharedTenants";
const RECEIVER: &str = "tenantId";

/// A tenant, and what all its users may do with the data source.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SharedTenant)]
struct Row {
    tenant_id: u64,
    /// Ids of permissions, rising.
    permissions: Vec<u16>,
}

/// Tenants in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SharedTenantList)]
pub(in crate::api::management) struct List {
    shared_tenants: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// The tenants that a body names.
pub(in crate::api::management) struct Sent;

body_schema!(
    Sent,
    "SharedTenants",
    receivers(
        "Tenants whose users get the data source, or may do something else with it from now on.",
        LIST,
        RECEIVER
    )
);

/// Lists the tenants with which a data source is shared.
///
/// To its owner, and to who acts for him.
#[utoipa::path(
    get, path = "/api/mgmt/datasources/{id}/sharedTenants", tag = tag::DATA_SOURCES, operation_id = "listSharedTenants",
    params(parameters::Id, parameters::OnBehalf, parameters::Paged),
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE)]))),
    ),
)]
pub(in crate::api::management) async fn list(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    permitted(&asking, &path, &VIEW)?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let id = own(&asking, &path, &VIEW)?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let tenants = view.state.data_sources.shared_tenants_of(id, TenantId(after)).take(most);
            tenants.map(|(tenant, permissions)| (tenant.0, SortedVec::clone(permissions))).collect()
        })
    };
    let (shared_tenants, next) = slices::collect(page, look_up, |tenant_id, permissions| {
        Ok(Row { tenant_id, permissions: numbers(&permissions) })
    })?;
    Ok(answer(StatusCode::OK, &List { shared_tenants, next }))
}

/// Shares a data source with tenants.
///
/// With those that the caller administers, or any by 12. Shares with single users of such a tenant end with it. Nobody gives what he may not
/// do himself. Who gets a group has to have its members.
#[utoipa::path(
    post, path = "/api/mgmt/datasources/{id}/sharedTenants", tag = tag::DATA_SOURCES, operation_id = "shareWithTenants",
    params(parameters::Id, parameters::OnBehalf),
    request_body = Sent,
    responses((status = 200, body = Success)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (404, codes::NO_DATA_SOURCE), (409, codes::IN_USE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn share(
    State(app): State<AppState>,
    Path(path): Path<String>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    let read = |id, body| {
        let tenants = read_receivers(body, LIST, RECEIVER, TenantId)?;
        Ok(ShareDataSource { id, users: SortedMap::default(), tenants })
    };
    sharing::share(&app, asking, &path, body, read).await
}

/// Shows what the users of a tenant may do with a data source that is shared with it.
#[utoipa::path(
    get, path = "/api/mgmt/datasources/{id}/sharedTenants/{tenantId}", tag = tag::DATA_SOURCES, operation_id = "getSharedTenant",
    params(parameters::Id, ("tenantId" = u64, Path, description = "The tenant's id."), parameters::OnBehalf),
    responses((status = 200, body = ShownPermissions)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE), (404, codes::NO_TENANT)]))),
    ),
)]
pub(in crate::api::management) async fn show(
    Path((path, tenant)): Path<(String, String)>,
    asking: Asking,
) -> Result<Response, ApiError> {
    sharing::show_one(asking, &path, &tenant, receiver)
}

/// Changes what the users of a tenant may do with a data source that is shared with it.
#[utoipa::path(
    put, path = "/api/mgmt/datasources/{id}/sharedTenants/{tenantId}", tag = tag::DATA_SOURCES, operation_id = "updateSharedTenant",
    params(parameters::Id, ("tenantId" = u64, Path, description = "The tenant's id."), parameters::OnBehalf),
    request_body = SentPermissions,
    responses((status = 200, body = ShownPermissions), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (404, codes::NO_DATA_SOURCE), (404, codes::NO_TENANT), (409, codes::IN_USE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn update(
    State(app): State<AppState>,
    Path((path, tenant)): Path<(String, String)>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    sharing::change_one(&app, asking, &path, &tenant, body, receiver).await
}

/// Stops sharing a data source with a tenant.
#[utoipa::path(
    delete, path = "/api/mgmt/datasources/{id}/sharedTenants/{tenantId}", tag = tag::DATA_SOURCES, operation_id = "unshareWithTenant",
    params(parameters::Id, ("tenantId" = u64, Path, description = "The tenant's id."), parameters::OnBehalf),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE_TO_DELETE), (404, codes::NO_TENANT)]))),
    ),
)]
pub(in crate::api::management) async fn unshare(
    Path((path, tenant)): Path<(String, String)>,
    asking: Asking,
) -> Result<Response, ApiError> {
    sharing::end_one(asking, &path, &tenant, receiver).await
}

fn receiver(id: u64) -> Receiver {
    Receiver::Tenant(TenantId(id))
}
