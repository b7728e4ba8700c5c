//! Revocation: the end of a token before its time (RFC 7009).

use axum::http::StatusCode;
use axum::response::Response;

use super::call::Form;
use super::refusal::{listed, not_kept};
use crate::api::error::ApiError;
use crate::api::headers::{LEDGER_SEQUENCE, ledger_sequence};
use crate::api::openapi::schemas::{BodySchema, any_text, body_schema, text};
use crate::api::openapi::tag;
use crate::commands::Wish;
use crate::commands::token::revoke::{RevokeToken, RevokedToken};
use crate::oauth::derive::is_genuine;
use crate::oauth::error;
use crate::oauth::token::{AccessToken, RefreshToken};

/// The parameters, for the document.
pub(super) struct Sent;

body_schema!(
    Sent,
    "RevocationRequest",
    BodySchema::new("A token that is not needed any more.")
        .required("token", any_text(1).about("The token.").example("alrt_…"))
        .optional("token_type_hint", any_text(0).about("`access_token` or `refresh_token`; not needed."))
        .optional("client_id", text(0..=4096).about("Without Basic credentials: who asks."))
        .optional("client_secret", text(0..=4096).about("Without Basic credentials: his secret."))
        .open()
);

/// Ends a token.
///
/// An access token ends alone, a refresh token with all access tokens that came of it. A token that is unknown, has ended or is
/// another client application's is answered the same, and nothing happens to it.
#[utoipa::path(
    post, path = "/oauth2/revoke", tag = tag::OAUTH2, operation_id = "revokeToken",
    request_body(content((Sent = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "It is not good for anything, now or from before.")),
    extensions(("x-oauth-errors" = json!(listed(&[
        error::NO_TOKEN, error::TWO_CLIENTS, error::UNKNOWN_CLIENT, error::UNKNOWN_BEARER, error::TOO_MANY_FAILURES,
        error::OUTCOME_UNKNOWN,
    ])))),
)]
pub(super) async fn revoke(Form(call): Form) -> Result<Response, ApiError> {
    let client = call.client_or_bearer()?;
    let token = call.parameters.text("token").ok_or(ApiError::Protocol(error::NO_TOKEN))?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    not_kept(headers);
    let token = match (AccessToken::parse(token), RefreshToken::parse(token)) {
        (Some(access), _) => RevokedToken::Access(access.hash()),
        (None, Some(refresh)) if is_genuine(call.app.vault(), &refresh) => RevokedToken::Refresh {
            family: refresh.family,
            generation: refresh.generation,
            presented: refresh.hash(),
        },
        // None of ours, and so over for certain (RFC 7009 section 2.2).
        (None, _) => return Ok(response),
    };
    let wish = Wish::RevokeToken(RevokeToken { proof: client.proof(), token });
    let receipt = call.execute(&client, wish).await.map_err(|error| call.not_executed(error))?;
    headers.insert(LEDGER_SEQUENCE, ledger_sequence(receipt.epoch, receipt.last));
    Ok(response)
}
