//! The Management API, `/api/mgmt`: what users manage for themselves, and administrators for them.

mod data_sources;
mod data_stores;
mod not_offered;
mod oauth_apps;
mod oauth_profiles;
mod permissions;

use axum::{
    Router,
    routing::{any, get},
};

use super::AppState;

/// All routes of the family.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/mgmt/oauthapps", get(oauth_apps::list).post(oauth_apps::create))
        .route(
            "/api/mgmt/oauthapps/{id}",
            get(oauth_apps::show).put(oauth_apps::update).delete(oauth_apps::delete),
        )
        .route("/api/mgmt/oauthprofiles", get(oauth_profiles::list).post(oauth_profiles::create))
        .route(
            "/api/mgmt/oauthprofiles/{id}",
            get(oauth_profiles::show).put(oauth_profiles::update).delete(oauth_profiles::delete),
        )
        .route("/api/mgmt/oauthprofiles/{id}/stats", get(oauth_profiles::stats))
        .route("/api/mgmt/datasources", get(data_sources::list).post(data_sources::create))
        .route(
            "/api/mgmt/datasources/{id}",
            get(data_sources::show).put(data_sources::update).delete(data_sources::delete),
        )
        .route("/api/mgmt/datasources/{id}/model", get(not_offered::model).post(not_offered::model))
        .route("/api/mgmt/datasources/{id}/map", axum::routing::post(not_offered::map))
        .route("/api/odata4/{*path}", any(not_offered::odata))
        .route("/api/mgmt/datastores", get(data_stores::list))
        .route("/api/mgmt/datastores/{id}", get(data_stores::show))
        .route("/api/mgmt/permissions", get(permissions::show))
}
