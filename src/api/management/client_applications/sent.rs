//! The bodies of a registration, of a PUT and of a rotation, read and checked.

use events::{
    id::{ClientApplicationId, UserId},
    sorted::SortedVec,
    time::Timestamp,
};

use super::words::{GRANT_TYPES, PKCE, ROTATIONS, SCOPES, TYPES, value, words};
use crate::{
    api::{
        error::ApiError,
        fields::Fields,
        json::Json,
        openapi::schemas::{
            BodySchema, body_schema, id, list_of_words, nested, number, text, texts, word_of,
        },
    },
    commands::{
        client_application::{
            Properties, REDIRECT_URLS_MAX,
            policy::{
                ACCESS_LIFETIME_SECS_MAX, LIFETIME_SECS_MIN, PolicySaid, REFRESH_LIFETIME_SECS_MAX,
                REFRESH_RETRY_SECS_MAX, Said,
            },
            secret::OVERLAP_SECS_MAX,
        },
        field::{
            CLIENT_DESCRIPTION_CHARS_MAX, CLIENT_ID_BYTES_MAX, ClientApplicationName, ClientId, EndpointUri,
            NAME_CHARS_MAX, SECRET_BYTES_MAX, URI_BYTES_MAX, check_client_description, check_imported_secret,
        },
    },
    oauth::redirect::{REDIRECT_URL_BYTES_MAX, RedirectUrl},
    vault::PlainSecret,
};

/// What a registration says.
pub(super) struct Sent {
    pub(super) properties: Properties,
    pub(super) description: Option<PlainSecret>,
    /// Of another system.
    pub(super) client_id: Option<ClientId>,
    /// Of another system.
    pub(super) client_secret: Option<PlainSecret>,
}

/// What a PUT says.
pub(super) struct Replaced {
    pub(super) properties: Properties,
    pub(super) description: Option<PlainSecret>,
    pub(super) owner: Option<UserId>,
}

/// What a rotation says.
pub(super) struct Rotation {
    pub(super) overlap_secs: u32,
}

fn properties(about: &str) -> BodySchema {
    let lifetimes = BodySchema::new("Seconds; a token that is in use may still end by `absolute`.")
        .optional("idle", seconds(REFRESH_LIFETIME_SECS_MAX).about("Ends when it was not used for so long."))
        .optional("absolute", seconds(REFRESH_LIFETIME_SECS_MAX).about("Ends so long after the consent."));
    BodySchema::new(about)
        .required(
            "name",
            text(1..=NAME_CHARS_MAX)
                .about("No control characters, no blank at either end; no other application of the owner has it.")
                .example("Application1"),
        )
        .optional(
            "description",
            text(0..=CLIENT_DESCRIPTION_CHARS_MAX).example("Application1 for Create with all Fields"),
        )
        .optional(
            "redirectUrls",
            texts(1..=REDIRECT_URL_BYTES_MAX, REDIRECT_URLS_MAX)
                .about(
                    "Where authorization codes may be sent; at least one unless `grantTypes` leaves that out. https (also \
                        when the scheme is left out), http://127.0.0.1 or http://[::1] on any port, or a scheme of the \
                        application's own such as com.example.app:/callback. Requests must name one of them exactly.",
                )
                .example(vec!["bedford.progresstest.com", "americas.progresstest.com"]),
        )
        .optional(
            "type",
            word_of(&words(TYPES)).about("Whether it can keep a secret; `confidential` when left out. It stays."),
        )
        .optional(
            "grantTypes",
            list_of_words(&words(GRANT_TYPES)).about(
                "Ways to tokens; authorization_code and refresh_token at first. Others are given by 12, or by 28 with \
                    administrative access on the owner's tenant.",
            ),
        )
        .optional(
            "scopes",
            list_of_words(&words(SCOPES))
                .about("What it may ask for; api.access.odata at first. Others are given like other grant types."),
        )
        .optional("pkce", word_of(&words(PKCE)).about("Whether every authorization request must have a challenge."))
        .optional(
            "refreshRotation",
            word_of(&words(ROTATIONS)).about("Whether using a refresh token replaces it; always, for public ones."),
        )
        .optional(
            "refreshRetrySeconds",
            number(0..=REFRESH_RETRY_SECS_MAX as usize)
                .about("For how long the refresh token before gets the same answer again; 60 at first."),
        )
        .optional(
            "accessTokenLifetime",
            seconds(ACCESS_LIFETIME_SECS_MAX).about("Seconds; limit 8 may be lower, and then holds."),
        )
        .optional("refreshTokenLifetime", nested(lifetimes).about("It lives until it is revoked, at first."))
        .optional(
            "resourceServer",
            text(1..=URI_BYTES_MAX).format("uri").about(
                "The resource that it is: it may introspect access tokens for it. Given like other grant types.",
            ),
        )
        .optional("runAs", id().about("The user whose rights its own tokens have. Only 12 gives that."))
        .optional(
            "passwordGrantUntil",
            text(1..=64).format("date-time").about(
                "When the grant type password ends, at most a year ahead. Given like other grant types.",
            ),
        )
}

fn seconds(most: u32) -> crate::api::openapi::schemas::Property {
    number(LIFETIME_SECS_MIN as usize..=most as usize)
}

body_schema!(
    Sent,
    "ClientApplicationRegister",
    properties("A new client application of the caller's. HDP knows the first three properties.")
        .optional(
            "clientId",
            text(1..=CLIENT_ID_BYTES_MAX)
                .about("The id it had in another system, printable ASCII without colons: only 12 says that."),
        )
        .optional(
            "clientSecret",
            text(1..=SECRET_BYTES_MAX).about("The secret it had in another system: only 12 says that."),
        )
);

body_schema!(
    Replaced,
    "ClientApplicationUpdate",
    properties(
        "The application as it shall be; what a GET answered can be sent back. A description that is left out is cleared; of \
            what HDP does not know, what is left out stays, and `null` is as it was at first."
    )
    .optional("id", id().about("The object's own."))
    .optional("owner", id().about("The owner's, who stays."))
    .optional("clientId", text(0..=CLIENT_ID_BYTES_MAX).about("Ignored: it stays."))
    .optional("clientSecret", text(0..=SECRET_BYTES_MAX).about("Ignored: `reset` and `rotate` change it."))
    .optional("previousSecretUntil", text(0..=64).about("Ignored."))
);

body_schema!(
    Rotation,
    "ClientSecretRotation",
    BodySchema::new("How a secret is replaced.").required(
        "overlapSeconds",
        number(0..=OVERLAP_SECS_MAX as usize)
            .about("For how long the secret before is good still; 30 days at most.")
            .example(86_400)
    )
);

impl Sent {
    pub(super) fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let sent = Self {
            properties: read_properties(&mut fields)?,
            description: fields.optional_checked("description", check_client_description)?,
            client_id: match fields.optional_text("clientId")? {
                Some(text) => Some(
                    ClientId::parse_ours(text.expose()).map_err(|rule| fields.invalid("clientId", rule))?,
                ),
                None => None,
            },
            client_secret: fields.optional_checked("clientSecret", check_imported_secret)?,
        };
        fields.finish()?;
        Ok(sent)
    }
}

impl Replaced {
    pub(super) fn read(body: Json, own: ClientApplicationId) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        fields.repeats_id(own.0)?;
        for ignored in ["clientId", "clientSecret", "previousSecretUntil"] {
            fields.optional_text(ignored)?;
        }
        let sent = Self {
            properties: read_properties(&mut fields)?,
            description: fields.optional_checked("description", check_client_description)?,
            owner: fields.optional_id("owner")?.map(UserId),
        };
        fields.finish()?;
        Ok(sent)
    }
}

impl Rotation {
    pub(super) fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let overlap = fields.optional_number("overlapSeconds")?;
        let overlap = overlap.ok_or_else(|| fields.missing("overlapSeconds"))?;
        let overlap_secs = within(&fields, "overlapSeconds", overlap, 0, OVERLAP_SECS_MAX)?;
        fields.finish()?;
        Ok(Self { overlap_secs })
    }
}

fn read_properties(fields: &mut Fields) -> Result<Properties, ApiError> {
    Ok(Properties {
        name: fields.parsed("name", ClientApplicationName::parse)?,
        redirect_urls: read_redirect_urls(fields)?,
        policy: read_policy(fields)?,
    })
}

fn read_redirect_urls(fields: &mut Fields) -> Result<Vec<RedirectUrl>, ApiError> {
    let urls = fields.optional_texts("redirectUrls")?.unwrap_or_default();
    if urls.len() > REDIRECT_URLS_MAX {
        return Err(fields.invalid("redirectUrls", format!("name at most {REDIRECT_URLS_MAX}")));
    }
    let parsed = urls.iter().map(|url| RedirectUrl::parse(url.expose()));
    parsed.collect::<Result<_, _>>().map_err(|rule| fields.invalid("redirectUrls", rule))
}

fn read_policy(fields: &mut Fields) -> Result<PolicySaid, ApiError> {
    let client_type = match said_word(fields, "type", TYPES)? {
        Said::Value(value) => Some(value),
        Said::LeftOut | Said::Null => None,
    };
    let (refresh_token_idle_secs, refresh_token_absolute_secs) = read_refresh_lifetime(fields)?;
    Ok(PolicySaid {
        client_type,
        grant_types: said_words(fields, "grantTypes", GRANT_TYPES)?,
        scopes: said_words(fields, "scopes", SCOPES)?,
        pkce: said_word(fields, "pkce", PKCE)?,
        refresh_rotation: said_word(fields, "refreshRotation", ROTATIONS)?,
        refresh_retry_secs: said_seconds(fields, "refreshRetrySeconds", 0, REFRESH_RETRY_SECS_MAX)?,
        access_token_lifetime_secs: said_seconds(
            fields,
            "accessTokenLifetime",
            LIFETIME_SECS_MIN,
            ACCESS_LIFETIME_SECS_MAX,
        )?,
        refresh_token_idle_secs,
        refresh_token_absolute_secs,
        resource_server: said_parsed(fields, "resourceServer", EndpointUri::parse)?,
        run_as: said(fields, "runAs", |fields| fields.optional_id("runAs"))?.map(UserId),
        password_until: said_parsed(fields, "passwordGrantUntil", |text| {
            Timestamp::parse_rfc3339(text)
                .ok_or_else(|| "write a time such as 2026-11-20T18:30:00Z".to_owned())
        })?,
    })
}

/// The two belong together: one that is left out of the object is none.
fn read_refresh_lifetime(fields: &mut Fields) -> Result<(Said<u32>, Said<u32>), ApiError> {
    let name = "refreshTokenLifetime";
    match said(fields, name, |fields| fields.optional_object(name))? {
        Said::LeftOut => Ok((Said::LeftOut, Said::LeftOut)),
        Said::Null => Ok((Said::Null, Said::Null)),
        Said::Value(mut inner) => {
            let mut one = |name| {
                let (least, most) = (LIFETIME_SECS_MIN, REFRESH_LIFETIME_SECS_MAX);
                let seconds = said_seconds(&mut inner, name, least, most)?;
                Ok(if seconds == Said::LeftOut { Said::Null } else { seconds })
            };
            let both = (one("idle")?, one("absolute")?);
            inner.finish()?;
            Ok(both)
        }
    }
}

/// What `read` finds; `null` is told from what was left out.
fn said<T>(
    fields: &mut Fields,
    name: &str,
    read: impl FnOnce(&mut Fields) -> Result<Option<T>, ApiError>,
) -> Result<Said<T>, ApiError> {
    if !fields.has(name) {
        return Ok(Said::LeftOut);
    }
    Ok(read(fields)?.map_or(Said::Null, Said::Value))
}

fn said_parsed<T>(
    fields: &mut Fields,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Said<T>, ApiError> {
    said(fields, name, |fields| {
        let Some(text) = fields.optional_text(name)? else { return Ok(None) };
        parse(text.expose()).map(Some).map_err(|rule| fields.invalid(name, rule))
    })
}

fn said_word<T: Copy>(
    fields: &mut Fields,
    name: &str,
    table: &[(T, &'static str)],
) -> Result<Said<T>, ApiError> {
    said_parsed(fields, name, |word| value(table, word))
}

fn said_words<T: Copy + Ord>(
    fields: &mut Fields,
    name: &str,
    table: &[(T, &'static str)],
) -> Result<Said<SortedVec<T>>, ApiError> {
    said(fields, name, |fields| {
        let Some(texts) = fields.optional_texts(name)? else { return Ok(None) };
        let values = texts.iter().map(|text| value(table, text.expose()));
        values.collect::<Result<_, _>>().map(Some).map_err(|rule| fields.invalid(name, rule))
    })
}

fn said_seconds(fields: &mut Fields, name: &str, least: u32, most: u32) -> Result<Said<u32>, ApiError> {
    said(fields, name, |fields| {
        let Some(number) = fields.optional_number(name)? else { return Ok(None) };
        within(fields, name, number, least, most).map(Some)
    })
}

fn within(fields: &Fields, name: &str, number: u64, least: u32, most: u32) -> Result<u32, ApiError> {
    let good = u32::try_from(number).ok().filter(|number| (least..=most).contains(number));
    good.ok_or_else(|| fields.invalid(name, format!("use {least} to {most} seconds")))
}
