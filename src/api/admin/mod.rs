//! The Administrator API, `/api/admin`: tenants, users and the catalogue of permissions, as far as applications need them.

mod permissions;
mod tenants;
mod user_fields;
mod users;

use axum::{Router, routing::get};

use super::AppState;

/// All routes of the family.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/admin/tenants", get(tenants::list).post(tenants::create))
        .route("/api/admin/tenants/{id}", get(tenants::show))
        .route("/api/admin/users", get(users::list).post(users::create))
        .route("/api/admin/users/{id}", get(users::show))
        .route("/api/admin/permissions", get(permissions::list))
        .route("/api/admin/permissions/{id}", get(permissions::show))
}
