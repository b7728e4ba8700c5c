//! The Management API, `/api/mgmt`: what users manage for themselves, and administrators for them.

mod oauth_apps;

use axum::{Router, routing::get};

use super::AppState;

/// All routes of the family.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/api/mgmt/oauthapps", get(oauth_apps::list).post(oauth_apps::create)).route(
        "/api/mgmt/oauthapps/{id}",
        get(oauth_apps::show).put(oauth_apps::update).delete(oauth_apps::delete),
    )
}
