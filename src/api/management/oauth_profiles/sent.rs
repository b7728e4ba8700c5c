//! The body of an OAuth profile, read and checked.

use events::id::{OAuthAppId, OAuthProfileId};

use crate::{
    api::{
        error::ApiError,
        fields::Fields,
        json::Json,
        openapi::schemas::{BodySchema, Property, body_schema, id, text},
    },
    commands::field::{
        DESCRIPTION_BYTES_MAX, NAME_CHARS_MAX, OAuthProfileName, SECRET_BYTES_MAX, check_description,
        check_secret,
    },
    vault::PlainSecret,
};

/// What a body says of the access token, which may be left out: then a PUT keeps the one before.
pub(super) enum SentToken {
    LeftOut,
    Empty,
    Token(PlainSecret),
}

/// What a body says, checked field by field.
pub(super) struct Sent {
    pub(super) name: OAuthProfileName,
    pub(super) oauth_app: OAuthAppId,
    pub(super) description: Option<PlainSecret>,
    pub(super) access_token: SentToken,
    pub(super) refresh_token: Option<PlainSecret>,
}

/// The properties that a create and a PUT have in common.
fn properties(about: &str) -> BodySchema {
    BodySchema::new(about)
        .required(
            "name",
            text(1..=NAME_CHARS_MAX)
                .pattern("^[A-Za-z0-9_]+$")
                .about("ASCII letters, digits and `_`; no other profile of the owner has it.")
                .example("TenantA_profile"),
        )
        .required("oauthAppId", id().about("The application that the tokens belong to.").example(17))
        .optional(
            "description",
            text(0..=DESCRIPTION_BYTES_MAX).about(format!("At most {DESCRIPTION_BYTES_MAX} bytes.")),
        )
        .optional("accessToken", token_schema(0).about("As the provider gave it; an empty one is none."))
}

fn token_schema(least: usize) -> Property {
    text(least..=SECRET_BYTES_MAX)
}

body_schema!(
    Sent,
    "OAuthProfileCreate",
    properties("A new profile.").required(
        "refreshToken",
        token_schema(1).about("As the provider gave it; printable ASCII.").example("1//0gEXAMPLE")
    )
);

/// What a PUT sends: the same, but tokens may be left out and stay, and the id may be repeated.
pub(super) struct Replaced;

body_schema!(
    Replaced,
    "OAuthProfileUpdate",
    properties("The profile as it shall be; what a GET answered can be sent back.")
        .optional("refreshToken", token_schema(1).about("As the provider gave it; printable ASCII."))
        .optional("id", id().about("The object's own."))
);

impl Sent {
    /// Reads a body. With `own`, it is a PUT: the object's id may be repeated, and the tokens may be left out.
    pub(super) fn read(body: Json, own: Option<OAuthProfileId>) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        if let Some(own) = own {
            fields.repeats_id(own.0)?;
        }
        let access_token = match fields.optional_text("accessToken")? {
            None => SentToken::LeftOut,
            Some(text) if text.expose().is_empty() => SentToken::Empty,
            Some(text) => {
                check_secret(text.expose()).map_err(|problem| fields.invalid("accessToken", problem))?;
                SentToken::Token(text)
            }
        };
        let sent = Self {
            name: fields.parsed("name", OAuthProfileName::parse)?,
            oauth_app: OAuthAppId(fields.id("oauthAppId")?),
            description: fields.optional_checked("description", check_description)?,
            access_token,
            refresh_token: fields.optional_checked("refreshToken", check_secret)?,
        };
        if own.is_none() && sent.refresh_token.is_none() {
            return Err(fields.missing("refreshToken"));
        }
        fields.finish()?;
        Ok(sent)
    }
}
