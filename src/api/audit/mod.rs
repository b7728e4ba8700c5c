//! The audit API, `/api/audit`: what happened, for who holds 101 or 12 (hdp-api 9.22). Reading here is no event.

mod access;
mod history;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::AppState;

/// The one address where `?user=` names whom is asked about, and nobody is acted for.
pub(super) const ACCESS: &str = "/api/audit/access";

/// All routes of the family.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(history::history)).routes(routes!(access::access))
}
