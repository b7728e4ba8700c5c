//! Parameters in a body: a form, or one JSON object with HDP's names (hdp-api 9.11).

use axum::body::Body;
use axum::http::HeaderMap;

use super::call::of_json;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Required, Schema};

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

/// What an authorization request may hold; all else is ignored (SECURITY 10), and goes no further.
pub(super) const PARAMETERS: [(&str, &str); 8] = [
    ("response_type", "`code`"),
    ("client_id", "As registered."),
    (
        "redirect_uri",
        "One of the registered ones, character by character; only the port of a loopback address may be another. May be left \
        out where one is registered.",
    ),
    ("scope", "Separated by spaces; left out, all that the application is registered for."),
    ("state", "Comes back with the answer."),
    ("code_challenge", "RFC 7636. Required of public applications, and where a rule says so."),
    ("code_challenge_method", "`S256`"),
    (
        "resource",
        "RFC 8707: where the tokens are for, of the resources of the scopes. May stand there several times.",
    ),
];

/// These parameters, in a query or as a body.
pub(super) struct Authorization;

impl IntoParams for Authorization {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).build();
        let parameter = |(name, about): (&str, &str)| {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
            let parameter = parameter.required(Required::False).description(Some(about));
            parameter.schema(Some(RefOr::T(Schema::Object(text())))).build()
        };
        PARAMETERS.into_iter().map(parameter).collect()
    }
}

body_schema!(
    Authorization,
    "AuthorizationRequest",
    BodySchema::new("The parameters of GET, and the user's answer.")
        .optional("decision", text(0..=5).about("`allow` or `deny`."))
        .open()
);
