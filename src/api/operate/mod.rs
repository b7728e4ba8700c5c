//! `/api/operate`: what operators of the server do, with permission 102.

mod logging;
mod snapshots;
mod status;

use events::id::SYSTEM_TENANT;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{AppState, asking::Asking, error::ApiError};
use crate::auth::permission::OPERATE;

/// All routes of the family.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(logging::show, logging::update))
        .routes(routes!(status::show))
        .routes(routes!(snapshots::index, snapshots::take))
        .routes(routes!(snapshots::show))
        .routes(routes!(snapshots::verify))
}

/// Refuses who is no operator: a user of the system tenant with permission 102, in his own name. What a server tells of
/// itself is about every tenant, so no child tenant's user hears it, whatever he holds.
pub(super) fn operator(asking: &Asking) -> Result<(), ApiError> {
    asking.permitted(&[OPERATE])?;
    asking.in_own_name()?;
    let operator = asking.app().ledger().read(|view| asking.principal(view, &[OPERATE]))?;
    if operator.tenant == SYSTEM_TENANT { Ok(()) } else { Err(ApiError::Forbidden) }
}
