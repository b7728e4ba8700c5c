//! The audit API, `/api/audit`: what happened, for who holds 101 or 12 (hdp-api 9.22). Reading here is no event.

mod history;

use axum::{Router, routing::get};

use super::AppState;

/// All routes of the family.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/api/audit/objects/{kind}/{id}/history", get(history::history))
}
