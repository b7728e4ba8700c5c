//! `/api/mgmt/permissions`: what the caller, or the user he acts for, effectively holds (hdp-api 6.1).

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Serialize;

use crate::{
    api::{AppState, answer::answer, asking::Asking, error::ApiError},
    auth::{permission::MGMT_API, principal::Principal},
};

/// HDP does not publish the form of this body; it is that of a user's and of a data source's permissions.
#[derive(Serialize)]
struct Held {
    permissions: Vec<u16>,
}

/// `GET /api/mgmt/permissions` → 200.
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
