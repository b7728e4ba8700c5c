//! `/api/mgmt/permissions`: what the caller, or the user he acts for, effectively holds (hdp-api 6.1).

use axum::{extract::State, http::StatusCode, response::Response};
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
    auth::{permission::MGMT_API, principal::Principal},
};

/// Ids of permissions.
// HDP does not publish the form of this body; it is that of a user's and of a data source's permissions.
#[derive(Serialize, ToSchema)]
#[schema(as = HeldPermissions)]
struct Held {
    permissions: Vec<u16>,
}

/// Shows which permissions the caller holds.
///
/// By his roles and beside them; acting for another, what the other holds.
#[utoipa::path(
    get, path = "/api/mgmt/permissions", tag = tag::PERMISSIONS, operation_id = "listHeldPermissions",
    params(parameters::OnBehalf),
    responses((status = 200, body = Held)),
    extensions(("x-permissions" = json!(ids(&[MGMT_API])))),
)]
pub(super) async fn show(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[MGMT_API])?;
    asking.no_more_parameters()?;
    let held = app.ledger().read(|view| {
        // Acting for another shows what the other holds, not what the administrator does.
        let user = asking.principal(view, &[MGMT_API])?.user;
        Ok::<_, ApiError>(Principal::of(&view.state, user))
    })?;
    let held = held.ok_or(ApiError::InvalidCredentials)?;
    let permissions = held.held().map(|permission| permission.0).collect();
    Ok(answer(StatusCode::OK, &Held { permissions }))
}
