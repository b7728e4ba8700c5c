//! `/api/admin/permissions`: the catalogue (hdp-api 6.1), for holders of 12 or 11.

use axum::{extract::Path, http::StatusCode, response::Response};
use events::id::PermissionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        answer::answer,
        asking::Asking,
        codes,
        error::{ApiError, Kind},
        fields::parse_id,
        openapi::{self, ids, parameters, tag},
    },
    auth::permission::{CATALOGUE, MGMT_API, Permission, by_id},
};

/// A permission of the catalogue.
#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
struct Shown {
    id: u16,
    #[schema(example = "MgmtAPI")]
    name: &'static str,
    /// What its holder may do.
    description: &'static str,
}

impl From<&Permission> for Shown {
    fn from(row: &Permission) -> Self {
        Self { id: row.id.0, name: row.name, description: row.description }
    }
}

/// The whole catalogue.
#[derive(Serialize, ToSchema)]
#[schema(as = PermissionList)]
struct List {
    permissions: Vec<Shown>,
}

/// Lists the catalogue of permissions.
#[utoipa::path(
    get, path = "/api/admin/permissions", tag = tag::PERMISSIONS, operation_id = "listPermissions",
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&[MGMT_API])))),
)]
pub(super) async fn list(mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[MGMT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    Ok(answer(StatusCode::OK, &List { permissions: CATALOGUE.iter().map(Shown::from).collect() }))
}

/// Shows one permission.
#[utoipa::path(
    get, path = "/api/admin/permissions/{id}", tag = tag::PERMISSIONS, operation_id = "getPermission",
    params(parameters::Id),
    responses((status = 200, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[MGMT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_PERMISSION)]))),
    ),
)]
pub(super) async fn show(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[MGMT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let id = parse_id(&path).and_then(|id| u16::try_from(id).ok()).map(PermissionId);
    let row = id.and_then(by_id).ok_or(ApiError::NotFound(Kind::Permission, path))?;
    Ok(answer(StatusCode::OK, &Shown::from(row)))
}
