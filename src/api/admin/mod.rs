//! The Administrator API, `/api/admin`: tenants, users and the catalogue of permissions, as far as applications need them.

mod permissions;
mod tenants;
mod user_fields;
mod users;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::AppState;

/// All routes of the family.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(tenants::list, tenants::create))
        .routes(routes!(tenants::show))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show))
        .routes(routes!(permissions::list))
        .routes(routes!(permissions::show))
}
