//! `/api/admin/permissions`: the catalogue (hdp-api 6.1), for holders of 12 or 11.

use axum::{extract::Path, http::StatusCode, response::Response};
use events::id::PermissionId;
use serde::Serialize;

use crate::{
    api::{
        answer::answer,
        asking::Asking,
        error::{ApiError, Kind},
        fields::parse_id,
    },
    auth::permission::{CATALOGUE, MGMT_API, Permission, by_id},
};

#[derive(Serialize)]
struct Shown {
    id: u16,
    name: &'static str,
    description: &'static str,
}

impl From<&Permission> for Shown {
    fn from(row: &Permission) -> Self {
        Self { id: row.id.0, name: row.name, description: row.description }
    }
}

#[derive(Serialize)]
struct List {
    permissions: Vec<Shown>,
}

/// `GET /api/admin/permissions` → 200.
pub(super) async fn list(mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[MGMT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    Ok(answer(StatusCode::OK, &List { permissions: CATALOGUE.iter().map(Shown::from).collect() }))
}

/// `GET /api/admin/permissions/{id}` → 200.
pub(super) async fn show(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[MGMT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let id = parse_id(&path).and_then(|id| u16::try_from(id).ok()).map(PermissionId);
    let row = id.and_then(by_id).ok_or(ApiError::NotFound(Kind::Permission, path))?;
    Ok(answer(StatusCode::OK, &Shown::from(row)))
}
