//! Parameters in a body: a form, or one JSON object with HDP's names (hdp-api 9.11).

use axum::body::Body;
use axum::http::HeaderMap;

use super::call::of_json;
use crate::api::body::{self, says};
use crate::api::error::ApiError;
use crate::api::openapi::schemas::{BodySchema, body_schema, text};
use crate::config::Limits;
use crate::oauth::error;
use crate::oauth::parameters::Parameters;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Receives and reads them. No body holds none.
pub(super) async fn receive(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<Parameters, ApiError> {
    let received = body::receive(headers, body, limits).await?;
    if says(headers, FORM) {
        Parameters::of_form(&received).map_err(ApiError::Protocol)
    } else if says(headers, JSON) {
        of_json(&received)
    } else if received.is_empty() {
        Ok(Parameters::default())
    } else {
        Err(ApiError::Protocol(error::WRONG_CONTENT_TYPE))
    }
}

/// The parameters of an authorization request, as a body.
pub(super) struct Authorization;

body_schema!(
    Authorization,
    "AuthorizationRequest",
    BodySchema::new("The parameters of GET, and the user's answer.")
        .optional("decision", text(0..=5).about("`allow` or `deny`."))
        .open()
);
