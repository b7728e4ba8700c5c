//! The authorization server as HTTP: token, introspection, revocation and metadata.
//!
//! These addresses judge their own callers, who are client applications, and answer in the RFCs' words; each stands at the
//! RFCs' address and at HDP's (hdp-api 9.11).

mod answers;
mod asked;
mod authorize;
mod call;
mod consent;
mod introspect;
mod login;
mod metadata;
mod pages;
pub(super) mod refusal;
mod revoke;
mod sent;
mod token;
mod visitor;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;

/// Everything of the authorization server.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(metadata::metadata))
        .routes(routes!(login::show, login::submit))
        .routes(routes!(login::out))
        .routes(routes!(answers::style))
        .merge(protocol())
        // HDP's address of the same.
        .nest("/api/mgmt", protocol())
}

/// What stands at both addresses.
fn protocol() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(authorize::show, authorize::submit))
        .routes(routes!(token::token))
        .routes(routes!(introspect::introspect))
        .routes(routes!(revoke::revoke))
}

/// Where clients find everything else.
pub(super) const METADATA: &str = "/.well-known/oauth-authorization-server";
/// Where people are asked.
const AUTHORIZE: &str = "/oauth2/authorize";
/// Where they sign in.
const LOGIN: &str = "/login";
/// Where they sign out.
const LOGOUT: &str = "/logout";
/// How all that looks.
const STYLE: &str = "/login/page.css";

/// Whether a path, as it stands in a request, is a page for people.
pub(super) fn is_page(path: &str) -> bool {
    [AUTHORIZE, "/api/mgmt/oauth2/authorize", LOGIN, LOGOUT].contains(&path)
}

/// Where the RFCs' form of an error is answered, whoever refuses: every address of the protocol, as it stands in a request.
const ENDPOINTS: [&str; 10] = [
    LOGIN,
    LOGOUT,
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
