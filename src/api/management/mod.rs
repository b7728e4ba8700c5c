//! The Management API, `/api/mgmt`: what users manage for themselves, and administrators for them.

mod allowed_applications;
mod client_applications;
mod data_sources;
mod data_stores;
mod ip_whitelist;
mod not_offered;
mod oauth_apps;
mod oauth_profiles;
mod permissions;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::AppState;

/// All routes of the family.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(oauth_apps::list::list, oauth_apps::create))
        .routes(routes!(oauth_apps::show, oauth_apps::update, oauth_apps::delete))
        .routes(routes!(oauth_profiles::list::list, oauth_profiles::create))
        .routes(routes!(oauth_profiles::show, oauth_profiles::update, oauth_profiles::delete))
        .routes(routes!(oauth_profiles::stats::stats))
        .routes(routes!(client_applications::list::list, client_applications::create))
        .routes(routes!(client_applications::show, client_applications::update, client_applications::delete))
        .routes(routes!(client_applications::secret::reset))
        .routes(routes!(client_applications::secret::rotate))
        .routes(routes!(allowed_applications::list))
        .routes(routes!(allowed_applications::revoke))
        .routes(routes!(data_sources::list::list, data_sources::create))
        .routes(routes!(data_sources::show, data_sources::update, data_sources::delete))
        .routes(routes!(data_sources::permissions::show, data_sources::permissions::set))
        .routes(routes!(data_sources::shared_users::list, data_sources::shared_users::share))
        .routes(routes!(
            data_sources::shared_users::show,
            data_sources::shared_users::update,
            data_sources::shared_users::unshare
        ))
        .routes(routes!(data_sources::shared_tenants::list, data_sources::shared_tenants::share))
        .routes(routes!(
            data_sources::shared_tenants::show,
            data_sources::shared_tenants::update,
            data_sources::shared_tenants::unshare
        ))
        .routes(routes!(
            data_sources::members::list,
            data_sources::members::add,
            data_sources::members::replace
        ))
        .routes(routes!(data_sources::members::remove))
        .routes(routes!(not_offered::model))
        .routes(routes!(not_offered::map))
        .routes(routes!(not_offered::odata))
        .routes(routes!(data_stores::list))
        .routes(routes!(data_stores::show))
        .routes(routes!(permissions::show))
        .routes(routes!(ip_whitelist::show, ip_whitelist::create, ip_whitelist::update, ip_whitelist::delete))
}
