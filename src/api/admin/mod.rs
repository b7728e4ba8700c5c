//! The Administrator API, `/api/admin`: tenants, roles, users and the catalogue of permissions, as far as the
//! Management API needs them.

mod configurations;
mod limits;
mod not_offered;
mod password_policy;
mod permissions;
mod roles;
mod security;
mod tenants;
mod user_fields;
mod users;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::AppState;

/// Most objects that one list in a body may name.
const NAMED_MAX: usize = 1000;

/// All routes of the family.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(tenants::list::list, tenants::create))
        .routes(routes!(tenants::show, tenants::update, tenants::delete))
        .routes(routes!(tenants::admins::show, tenants::admins::update))
        .routes(routes!(roles::list::list, roles::create))
        .routes(routes!(roles::show, roles::update, roles::delete))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::change::update, users::change::delete))
        .routes(routes!(users::parts::status_shown, users::parts::status_replaced))
        .routes(routes!(users::passwords::info, users::passwords::info_replaced))
        .routes(routes!(users::passwords::reset))
        .routes(routes!(users::passwords::change))
        .routes(routes!(users::parts::permissions_shown, users::parts::permissions_replaced))
        .routes(routes!(users::parts::authentication_shown, users::parts::authentication_replaced))
        .routes(routes!(users::access::list, users::access::replace))
        .routes(routes!(users::sources::list))
        .routes(routes!(permissions::list))
        .routes(routes!(permissions::show))
        .routes(routes!(
            security::ip_whitelists::show_system,
            security::ip_whitelists::create_system,
            security::ip_whitelists::update_system,
            security::ip_whitelists::delete_system,
        ))
        .routes(routes!(security::whitelisted::tenants))
        .routes(routes!(
            security::ip_whitelists::show_tenant,
            security::ip_whitelists::create_tenant,
            security::ip_whitelists::update_tenant,
            security::ip_whitelists::delete_tenant,
        ))
        .routes(routes!(security::whitelisted::users))
        .routes(routes!(security::cors::list, security::cors::create))
        .routes(routes!(security::cors::show, security::cors::update, security::cors::delete))
        .merge(limits::routes())
        .routes(routes!(configurations::list))
        .routes(routes!(configurations::show, configurations::update))
        .routes(routes!(password_policy::list))
        .routes(routes!(password_policy::show, password_policy::update))
        .routes(routes!(not_offered::auth_types))
        .routes(routes!(not_offered::auth_type))
        .routes(routes!(not_offered::auth_services))
        .routes(routes!(not_offered::auth_service))
        .routes(routes!(not_offered::logging))
}
