//! The body of an OAuth application, read and checked.

use events::id::{DataStoreId, OAuthAppId, TenantId};

use crate::{
    api::{
        error::ApiError,
        fields::Fields,
        json::Json,
        openapi::schemas::{BodySchema, Property, body_schema, id, text},
    },
    commands::{
        field::{
            CLIENT_ID_BYTES_MAX, ClientId, DESCRIPTION_BYTES_MAX, EndpointUri, NAME_CHARS_MAX, OAuthAppName,
            SCOPE_BYTES_MAX, SECRET_BYTES_MAX, ScopeList, URI_BYTES_MAX, check_description, check_secret,
        },
        oauth_app::Properties,
    },
    vault::PlainSecret,
};

/// What a body says, checked field by field.
pub(super) struct Sent {
    pub(super) tenant: Option<TenantId>,
    pub(super) data_store: DataStoreId,
    pub(super) properties: Properties,
    pub(super) description: Option<PlainSecret>,
    pub(super) client_secret: Option<PlainSecret>,
}

/// The properties that a create and a PUT have in common.
fn properties(about: &str) -> BodySchema {
    BodySchema::new(about)
        .required(
            "name",
            text(1..=NAME_CHARS_MAX)
                .pattern("^[A-Za-z0-9_]([A-Za-z0-9_ ]*[A-Za-z0-9_])?$")
                .about("ASCII letters, digits, `_`, and spaces inside; no other application of the tenant has it.")
                .example("TenantA OAuth app"),
        )
        .required("dataStore", id().about("The data store that the application is for.").example(54))
        .optional("tenantId", id().about("The tenant that it belongs to; the caller's own when left out. It never moves."))
        .optional(
            "description",
            text(0..=DESCRIPTION_BYTES_MAX).about(format!("At most {DESCRIPTION_BYTES_MAX} bytes.")),
        )
        .required(
            "clientId",
            text(1..=CLIENT_ID_BYTES_MAX)
                .about("As the provider gave it; printable ASCII.")
                .example("asdfjasdljfasdkjf"),
        )
        .required(
            "authorizeURI",
            text(1..=URI_BYTES_MAX)
                .format("uri")
                .about("The provider's authorization endpoint: absolute, http or https, without user name, password and fragment.")
                .example("https://accounts.google.com/o/oauth2/v2/auth"),
        )
        .required(
            "tokenURI",
            text(1..=URI_BYTES_MAX)
                .format("uri")
                .about("The provider's token endpoint, likewise.")
                .example("https://www.googleapis.com/oauth2/v3/token"),
        )
        .required(
            "scope",
            text(1..=SCOPE_BYTES_MAX)
                .about("Scopes, separated by spaces or commas; echoed as sent.")
                .example("full_offline_access, test_repo"),
        )
}

fn client_secret() -> Property {
    text(1..=SECRET_BYTES_MAX)
        .about(format!("As the provider gave it; at most {SECRET_BYTES_MAX} bytes, printable ASCII."))
        .example("1912308409123890")
}

body_schema!(
    Sent,
    "OAuthApplicationCreate",
    properties("A new application.").required("clientSecret", client_secret())
);

/// What a PUT sends: the same, but the secret may be left out and stays, and the id may be repeated.
pub(super) struct Replaced;

body_schema!(
    Replaced,
    "OAuthApplicationUpdate",
    properties("The application as it shall be; what a GET answered can be sent back.")
        .optional("clientSecret", client_secret())
        .optional("id", id().about("The object's own."))
);

impl Sent {
    /// Reads a body. With `own`, it is a PUT: the object's id may be repeated, so that what a GET answered can be sent back.
    pub(super) fn read(body: Json, own: Option<OAuthAppId>) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        if let Some(own) = own {
            fields.repeats_id(own.0)?;
        }
        let data_store = fields.id("dataStore")?;
        let data_store = u32::try_from(data_store)
            .map_err(|_| fields.invalid("dataStore", "there is no data store of this id"))?;
        let properties = Properties {
            name: fields.parsed("name", OAuthAppName::parse)?,
            client_id: fields.parsed("clientId", ClientId::parse)?,
            authorize_uri: fields.parsed("authorizeURI", EndpointUri::parse)?,
            token_uri: fields.parsed("tokenURI", EndpointUri::parse)?,
            scope: fields.parsed("scope", ScopeList::parse)?,
        };
        let sent = Self {
            tenant: fields.optional_id("tenantId")?.map(TenantId),
            data_store: DataStoreId(data_store),
            properties,
            description: fields.optional_checked("description", check_description)?,
            client_secret: fields.optional_checked("clientSecret", check_secret)?,
        };
        if own.is_none() && sent.client_secret.is_none() {
            return Err(fields.missing("clientSecret"));
        }
        fields.finish()?;
        Ok(sent)
    }
}
