//! What the authorization server can do, for clients that ask it (RFC 8414). Made from the settings, so it says what is so.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use events::scope::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::AppState;
use crate::api::answer::answer;
use crate::api::openapi::tag;

/// The names and values of RFC 8414, RFC 9207 and RFC 7636.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthorizationServerMetadata)]
pub(super) struct Metadata<'a> {
    /// What stands in `iss`; the base of all other addresses.
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    /// The OpenAPI document as a page.
    service_documentation: String,
    scopes_supported: Vec<&'static str>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    /// `password` only while the settings allow it.
    grant_types_supported: Vec<&'static str>,
    /// `none` is for public client applications.
    token_endpoint_auth_methods_supported: [&'static str; 3],
    /// A bearer token that is the client application's own is taken, too.
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    code_challenge_methods_supported: [&'static str; 1],
    /// Every answer of authorize names its issuer (RFC 9207).
    authorization_response_iss_parameter_supported: bool,
}

/// What this authorization server can do.
///
/// RFC 8414: for client libraries, which find everything else from here.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = tag::OAUTH2, operation_id = "getAuthorizationServerMetadata",
    responses((status = 200, description = "What it can do.", body = Metadata<'_>)),
)]
pub(super) async fn metadata(State(app): State<AppState>) -> Response {
    let issuer = app.public_url();
    let mut grant_types = vec!["authorization_code", "refresh_token", "client_credentials"];
    if app.config().oauth.password_grant {
        grant_types.push("password");
    }
    let metadata = Metadata {
        issuer,
        authorization_endpoint: format!("{issuer}/oauth2/authorize"),
        token_endpoint: format!("{issuer}/oauth2/token"),
        introspection_endpoint: format!("{issuer}/oauth2/introspect"),
        revocation_endpoint: format!("{issuer}/oauth2/revoke"),
        service_documentation: format!("{issuer}/api/docs"),
        scopes_supported: Scope::ALL.map(Scope::text).to_vec(),
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: grant_types,
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "none"],
        introspection_endpoint_auth_methods_supported: [
            "client_secret_basic",
            "client_secret_post",
            "Bearer",
        ],
        revocation_endpoint_auth_methods_supported: [
            "client_secret_basic",
            "client_secret_post",
            "none",
            "Bearer",
        ],
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
    };
    answer(StatusCode::OK, &metadata)
}
