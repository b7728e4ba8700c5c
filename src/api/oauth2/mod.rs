//! The authorization server as HTTP: token, introspection, revocation and metadata.
//!
//! These addresses judge their own callers, who are client applications, and answer in the RFCs' words; each stands at the
//! RFCs' address and at HDP's (hdp-api 9.11).

mod call;
mod introspect;
mod metadata;
pub(super) mod refusal;
mod revoke;
mod token;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;

/// Everything of the authorization server.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(metadata::metadata))
        .merge(protocol())
        // HDP's address of the same.
        .nest("/api/mgmt", protocol())
}

/// What stands at both addresses.
fn protocol() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(token::token))
        .routes(routes!(introspect::introspect))
        .routes(routes!(revoke::revoke))
}

/// Where the RFCs' form of an error is answered, whoever refuses: every address of the protocol, as it stands in a request.
const ENDPOINTS: [&str; 8] = [
    "/oauth2/authorize",
    "/oauth2/token",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/api/mgmt/oauth2/authorize",
    "/api/mgmt/oauth2/token",
    "/api/mgmt/oauth2/introspect",
    "/api/mgmt/oauth2/revoke",
];

/// Whether a path is one of the protocol.
pub(super) fn is_endpoint(path: &str) -> bool {
    ENDPOINTS.contains(&path)
}
