//! Introspection: what a token is good for, for whom that concerns (RFC 7662; TOKENS section 3).

use axum::http::StatusCode;
use axum::response::Response;
use events::id::{SYSTEM_TENANT, TenantId};
use events::scope::Scope;
use events::time::Timestamp;
use projections::State;
use projections::client_applications::ClientApplication;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Call, Form};
use super::refusal::{listed, not_kept};
use crate::api::answer::answer;
use crate::api::error::ApiError;
use crate::api::openapi::schemas::{BodySchema, any_text, body_schema, text};
use crate::api::openapi::tag;
use crate::oauth::client::Client;
use crate::oauth::derive::is_genuine;
use crate::oauth::error;
use crate::oauth::live::{LiveAccess, live_access, live_family, refresh_ends, scope_set};
use crate::oauth::token::{AccessToken, RefreshToken};

/// What a token is good for. One that is unknown, has ended, or does not concern who asks has `active` alone.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Introspection)]
pub(super) struct Introspection {
    active: bool,
    /// To whom it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// Whose rights it has: the number of a user, or the client id of an application in its own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sub: Option<String>,
    /// Separated by blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scope: Option<String>,
    /// Resources that accept it; one, or a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Audience)]
    aud: Option<Audience>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    iss: Option<String>,
    /// When it was issued, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    iat: Option<i64>,
    /// When it ends, in seconds since 1970; missing for a refresh token that lives until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    exp: Option<i64>,
    /// `Bearer`, for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token_type: Option<&'static str>,
}

/// RFC 7519 section 4.1.3.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = TokenAudience)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The parameters, for the document.
pub(super) struct Sent;

body_schema!(
    Sent,
    "IntrospectionRequest",
    BodySchema::new("A token that somebody presented.")
        .required("token", any_text(1).about("The token.").example("alat_…"))
        .optional("token_type_hint", any_text(0).about("`access_token` or `refresh_token`; not needed."))
        .optional("client_id", text(0..=4096).about("Without Basic credentials: who asks."))
        .optional("client_secret", text(0..=4096).about("Without Basic credentials: his secret."))
        .open()
);

/// What a token is good for.
///
/// For the confidential client application that it was issued to, and for the one that is registered as the resource that it is
/// for. To all others, and when it has ended, it is not active. Nothing is recorded.
#[utoipa::path(
    post, path = "/oauth2/introspect", tag = tag::OAUTH2, operation_id = "introspectToken",
    request_body(content((Sent = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "What it is good for, or that it is not active.", body = Introspection)),
    extensions(
        ("x-oauth-errors" = json!(listed(&[
            error::NO_TOKEN, error::TWO_CLIENTS, error::UNKNOWN_CLIENT, error::UNKNOWN_BEARER, error::TOO_MANY_FAILURES,
        ]))),
        ("x-unrecorded" = json!(true)),
    ),
)]
pub(super) async fn introspect(Form(call): Form) -> Result<Response, ApiError> {
    let client = call.confidential_client()?;
    let token = call.parameters.text("token").ok_or(ApiError::Protocol(error::NO_TOKEN))?;
    let found = AccessToken::parse(token)
        .and_then(|token| access(&call, &client, &token))
        .or_else(|| refresh(&call, &client, &RefreshToken::parse(token)?));
    let mut response = answer(StatusCode::OK, &found.unwrap_or_default());
    not_kept(response.headers_mut());
    Ok(response)
}

fn access(call: &Call, caller: &Client, token: &AccessToken) -> Option<Introspection> {
    let (hash, now) = (token.hash(), call.now());
    call.app.ledger().read(|view| {
        let live = live_access(&view.state, &hash, now)?;
        concerns(&view.state, caller, &live).then_some(())?;
        let issued_to = view.state.client_applications.rows.get(&live.client)?;
        Some(Introspection {
            active: true,
            client_id: Some(issued_to.client_id.clone()),
            sub: Some(live.user.map_or_else(|| issued_to.client_id.clone(), |user| user.to_string())),
            scope: scopes(&live.set.scopes),
            aud: audience(&live.set.audience),
            iss: Some(call.app.public_url().to_owned()),
            iat: Some(i64::from(live.row.issued_secs)),
            exp: Some(seconds(live.row.expires_at)),
            token_type: Some("Bearer"),
        })
    })
}

/// Its own; and, as a resource, those made for it whose user is of a tenant that it serves.
fn concerns(state: &State<'_>, caller: &Client, live: &LiveAccess) -> bool {
    if live.client == caller.id {
        return true;
    }
    let Some(resource) = &caller.row.policy.resource_server else { return false };
    let made_for_it = live.set.audience.iter().any(|audience| audience == resource);
    let tenant = match live.user {
        Some(user) => state.users.rows.get(&user).map(|row| row.tenant),
        None => state.client_applications.rows.get(&live.client).map(|row| row.tenant),
    };
    made_for_it && tenant.is_some_and(|tenant| serves(&caller.row, tenant))
}

/// Applications of the system tenant's users serve everybody, others their owner's tenant.
fn serves(application: &ClientApplication, tenant: TenantId) -> bool {
    application.tenant == SYSTEM_TENANT || application.tenant == tenant
}

/// A refresh token is nobody's business but its client's.
fn refresh(call: &Call, caller: &Client, token: &RefreshToken) -> Option<Introspection> {
    is_genuine(call.app.vault(), token).then_some(())?;
    let now = call.now();
    call.app.ledger().read(|view| {
        let live = live_family(&view.state, token.family).filter(|live| live.row.client == caller.id)?;
        let current = live.row.refresh == Some(token.hash()) && live.row.generation == token.generation;
        let ends = refresh_ends(&view.state, &live.row);
        let over = ends.is_some_and(|end| end <= now);
        (current && !over).then_some(())?;
        let set = scope_set(&view.state, live.row.scope_set)?;
        Some(Introspection {
            active: true,
            client_id: Some(caller.row.client_id.clone()),
            sub: Some(live.grant.user.to_string()),
            scope: scopes(&set.scopes),
            iss: Some(call.app.public_url().to_owned()),
            iat: Some(seconds(live.row.created_at)),
            exp: ends.map(seconds),
            ..Introspection::default()
        })
    })
}

/// RFC 6749 section 3.3; a token without any has no such property.
pub(super) fn scopes(scopes: &[Scope]) -> Option<String> {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.text()).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

fn audience(audience: &[String]) -> Option<Audience> {
    match audience {
        [] => None,
        [one] => Some(Audience::One(one.clone())),
        several => Some(Audience::Several(several.to_vec())),
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.0.div_euclid(Timestamp::SECOND)
}
