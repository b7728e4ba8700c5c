//! The OpenAPI document, generated from the handlers, and the page that shows it.
//!
//! A route exists only through its handler's annotation (`router.rs`), so router and document can't name different addresses.
//! What an annotation says is the handler's own; what follows from what an operation is, `complete.rs` adds. Bodies that are
//! answered describe themselves by `ToSchema` on the structs that are serialised; bodies that are sent have their schema beside
//! the reader (`schemas.rs`). The tests hold every answer they get against the document.

mod complete;
pub(super) mod page;
pub(super) mod parameters;
pub(super) mod schemas;

use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response as Answer;
use events::id::PermissionId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::info::{InfoBuilder, LicenseBuilder};
use utoipa::openapi::path::Paths;
use utoipa::openapi::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, OpenApi, OpenApiBuilder, RefOr, Server};

use super::codes::{self, Code};
use super::error::TEXT_CODE_FAMILIES;
use super::oauth2::refusal;
use crate::config::{Config, Limits};

/// Groups of operations; each annotation names one.
pub(super) mod tag {
    /// `/api/mgmt/oauthapps`
    pub(in crate::api) const OAUTH_APPS: &str = "OAuth applications";
    /// `/api/mgmt/oauthprofiles`
    pub(in crate::api) const OAUTH_PROFILES: &str = "OAuth profiles";
    /// `/api/mgmt/datasources`
    pub(in crate::api) const DATA_SOURCES: &str = "Data sources";
    /// `/api/mgmt/datastores`
    pub(in crate::api) const DATA_STORES: &str = "Data stores";
    /// `/api/mgmt/oauth/client`
    pub(in crate::api) const CLIENT_APPLICATIONS: &str = "Client applications";
    /// `/api/admin/tenants`
    pub(in crate::api) const TENANTS: &str = "Tenants";
    /// `/api/admin/roles`
    pub(in crate::api) const ROLES: &str = "Roles";
    /// `/api/admin/users`
    pub(in crate::api) const USERS: &str = "Users";
    /// `/api/admin/permissions`, `/api/mgmt/permissions`
    pub(in crate::api) const PERMISSIONS: &str = "Permissions";
    /// `/api/admin/security/whitelist`, `/api/mgmt/security/whitelist`
    pub(in crate::api) const WHITELISTS: &str = "IP address whitelists";
    /// `/api/admin/security/cors`
    pub(in crate::api) const CORS: &str = "CORS whitelist";
    /// `/api/admin/limits`
    pub(in crate::api) const LIMITS: &str = "Limits";
    /// `/api/admin/configurations`, `/api/admin/passwordpolicy`
    pub(in crate::api) const CONFIGURATIONS: &str = "System configurations";
    /// `/api/audit`
    pub(in crate::api) const AUDIT: &str = "Audit";
    /// `/api/operate`, `/metrics`
    pub(in crate::api) const OPERATION: &str = "Operation";
    /// What load balancers ask.
    pub(in crate::api) const HEALTH: &str = "Health";
    /// `/oauth2`, and how its clients find it.
    pub(in crate::api) const OAUTH2: &str = "Authorization server";
    /// HDP's, and answered 501.
    pub(in crate::api) const NOT_OFFERED: &str = "Not offered";
    /// This document.
    pub(in crate::api) const DOCUMENT: &str = "Documentation";
}

/// Every group with what it is about, in the order of the page.
const TAGS: &[(&str, &str)] = &[
    (
        tag::OAUTH_APPS,
        "The credentials by which this installation is known to an outside OAuth provider, for a data store and a tenant.",
    ),
    (
        tag::OAUTH_PROFILES,
        "A user's tokens at a provider, through one OAuth application. A profile is seen by its owner, and by who acts for him.",
    ),
    (
        tag::DATA_SOURCES,
        "What a user connects to: a data store with options, which may name an OAuth profile. Seen by its owner, by who acts for him, and by those it is shared with.",
    ),
    (tag::DATA_STORES, "What data sources can connect to, and which options are known."),
    (
        tag::CLIENT_APPLICATIONS,
        "Applications that ask this server for tokens, and what users allowed them. Any active user registers some; they are \
            seen by their owner, by 28 with administrative access on his tenant (without the secret), and by 12.",
    ),
    (tag::TENANTS, "Tenants: who is separated from whom."),
    (tag::ROLES, "Roles: named sets of permissions, each of one tenant."),
    (tag::USERS, "Users: who may ask."),
    (tag::PERMISSIONS, "The catalogue of permissions, and which of them somebody holds."),
    (
        tag::WHITELISTS,
        "Which addresses requests may come from. One that a list doesn't let in is answered 403, before its password is judged when the list is the system's.",
    ),
    (tag::CORS, "Whose pages may call this API from a browser, when limit 5 (CORSBehavior) is 2."),
    (
        tag::LIMITS,
        "Limits: values of their own for the system, tenants, users and data sources, the nearest of which holds. Those that \
            limit queries for data are only kept.",
    ),
    (
        tag::CONFIGURATIONS,
        "Settings of the whole system that are changed while it runs, the password policy among them.",
    ),
    (tag::AUDIT, "What happened: for holders of 101 or 12. Reading here is no event."),
    (tag::OPERATION, "How the server does: for users of the system tenant who hold 102 or 12."),
    (
        tag::OAUTH2,
        "OAuth 2.0 for client applications (RFC 6749, 7009, 7662, 8414, 9207). Each address is there twice, below `/oauth2` and below \
            `/api/mgmt/oauth2`; errors are those of the RFCs, `{\"error\", \"error_description\"}`, listed in `x-oauth-errors`.",
    ),
    (tag::HEALTH, "Is it alive, is it ready: for load balancers and people, without credentials."),
    (tag::NOT_OFFERED, "Operations of Hybrid Data Pipeline that need what is not here; they answer 501."),
    (tag::DOCUMENT, "This document, as JSON and as a page, without credentials."),
];

/// The ways to say who asks, by their names among the components.
pub(super) const BASIC: &str = "basic";
pub(super) const BEARER: &str = "bearer";

/// On an operation: ids of the permissions that its caller needs, all of them, or 12 alone.
pub(super) const PERMISSIONS: &str = "x-permissions";
/// In an annotation: the codes that are this operation's own, made by [`codes`]. In the document: on each response, the codes
/// that its body may have; at the top, the whole table.
pub(super) const CODES: &str = "x-error-codes";
/// In an annotation of an operation of the protocol: the errors that are its own, made by `refusal::listed`. At the top of the
/// document: all of them.
pub(super) const PROTOCOL_ERRORS: &str = "x-oauth-errors";
/// In an annotation of a GET: that its answer may wait for an event, because it reveals a secret.
pub(super) const REVEALS: &str = "x-reveals";
/// In an annotation of a change: that it records no event, so that nothing of what holds for writes holds for it.
pub(super) const UNRECORDED: &str = "x-unrecorded";

const ABOUT: &str = "An event-sourced authorization ledger: OAuth objects and provable history. \
`/api/mgmt` and `/api/admin` are compatible with the management and administration APIs of Hybrid Data Pipeline.

**Credentials.** HTTP Basic on everything below `/api` but the operations that say otherwise, or an access token where the operation \
names a scope; without them nobody can tell which \
addresses exist. 401 comes first, then 403 when a permission is missing, then 404 for what is not there *or not for you*.

**Errors.** Every refusal has the same body, `{\"error\": {\"code\", \"message\": {\"lang\", \"value\"}}}`. Codes never change their \
meaning; `x-error-codes` lists them with their messages, and each response names those it may carry. `code` is a text below \
`/api/mgmt/oauthapps`, `/api/mgmt/oauthprofiles` and `/api/mgmt/datasources`, and a number everywhere else.

**Ids** are accepted as numbers or as texts; what an operation answers, its schema says.

**Methods.** HEAD is answered wherever GET is, with the same headers and no body.

**Pages of other sites** may call when limit 5 (CORSBehavior) lets them: every answer to them, a refusal too, then carries \
`Access-Control-Allow-Origin`, and never `Access-Control-Allow-Credentials`. Addresses that a whitelist doesn't let in get 403.

**Writes** answer after their events are on disk, with `Ledger-Sequence`; `Idempotency-Key` makes them repeatable, `If-Match` \
conditional. Unknown properties and query parameters are refused by name.";

/// The ids of permissions, for an annotation's `x-permissions`.
pub(super) fn ids(permissions: &[PermissionId]) -> Vec<u16> {
    permissions.iter().map(|id| id.0).collect()
}

/// Statuses with codes that are an operation's own, for an annotation's `x-error-codes`.
pub(super) fn codes(own: &[(u16, Code)]) -> Vec<(u16, u32)> {
    own.iter().map(|(status, code)| (*status, code.number)).collect()
}

/// The document with what is ours at its top. Extensions are kept in no order, and one document has to be the same bytes
/// each time it is made: where there are two, they are properties here.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    document: &'a OpenApi,
    #[serde(rename = "x-error-codes")]
    codes: Value,
    #[serde(rename = "x-oauth-errors")]
    protocol_errors: Value,
    #[serde(rename = "x-any-address")]
    anywhere: Value,
}

/// Document and page, made when somebody asks for the first time.
pub(super) struct Documentation(LazyLock<Made, Box<dyn FnOnce() -> Made + Send>>);

/// As they are answered.
struct Made {
    json: Bytes,
    page: Bytes,
}

impl Documentation {
    /// Of what the annotations say, for a server with these settings.
    pub(super) fn of(annotated: OpenApi, config: &Config, public_url: &str) -> Documentation {
        let (limits, public_url) = (config.limits.clone(), public_url.to_owned());
        Documentation(LazyLock::new(Box::new(move || {
            let document = completed(annotated, &limits, &public_url);
            let whole = Whole {
                document: &document,
                codes: table(),
                protocol_errors: refusal::table(),
                anywhere: anywhere(),
            };
            let json = serde_json::to_vec(&whole);
            let json = json.expect("a document has string keys and no failing serialisers");
            Made { json: json.into(), page: page::render(&document).into_string().into() }
        })))
    }

    /// The document as JSON.
    pub(super) fn json(&self) -> Bytes {
        self.0.json.clone()
    }

    /// The page.
    fn page(&self) -> Bytes {
        self.0.page.clone()
    }
}

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = tag::DOCUMENT, operation_id = "getOpenApi",
    responses((status = 200, description = "The document.", body = serde_json::Value, content_type = "application/json")),
)]
pub(super) async fn openapi(Extension(documentation): Extension<Arc<Documentation>>) -> Answer {
    let mut answer = Answer::new(Body::from(documentation.json()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn completed(annotated: OpenApi, limits: &Limits, public_url: &str) -> OpenApi {
    let OpenApi { paths: Paths { mut paths, .. }, components, .. } = annotated;
    for (path, item) in &mut paths {
        complete::complete(path, item, limits);
    }
    // The router writes a parameter of several segments with a star, OpenAPI without.
    let paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("authledger")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(format!("{ABOUT}\n\n{}", limits_in_words(limits))))
        .license(Some(license.build()));
    let tags =
        TAGS.iter().map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build());
    let mut document = OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new(public_url)]))
        .security(Some([SecurityRequirement::new(BASIC, [] as [&str; 0])]))
        .tags(Some(tags.collect::<Vec<_>>()))
        .components(Some(shared(components.unwrap_or_default())))
        .build();
    document.paths.paths = paths;
    document
}

/// Those that hold for every request; those of a body's properties are in its schema.
fn limits_in_words(limits: &Limits) -> String {
    format!(
        "**Limits.** Request line and headers: {} bytes (`limits.header_bytes`). Body: {} bytes (`limits.body_bytes`), {} levels deep. \
         Time for a head, and for a body, to arrive: {} s each (`limits.request_time`), and twice that for the whole request. A page \
         of a list: 1000 rows. What is over a limit is refused with a sentence that names it. Connections: {} \
         (`limits.connections`); further ones wait.",
        limits.header_bytes,
        limits.body_bytes,
        super::json::DEPTH_MAX,
        limits.request_time.as_secs(),
        limits.connections,
    )
}

fn shared(mut components: Components) -> Components {
    let (name, schema) = refusal::schema();
    components.schemas.insert(name, schema);
    components.schemas.values_mut().for_each(complete::close);
    for text in [false, true] {
        components.schemas.insert(schemas::error_name(text).to_owned(), RefOr::T(schemas::error(text)));
    }
    for (name, parameter) in parameters::headers() {
        components.parameters.insert(name.to_owned(), RefOr::T(parameter));
    }
    for (name, header) in complete::headers() {
        components.headers.insert(name.to_owned(), RefOr::T(header));
    }
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some(
        "User name and password. Too many wrong ones are answered 429, and may lock the account.",
    ));
    components.add_security_scheme(BASIC, SecurityScheme::Http(basic.build()));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "An access token of our own (RFC 6750), for the user who allowed it and with what he may do at that moment. It needs the \
         scope that the operation names, and the issuer among the resources that it is for; it is shown no secret and takes no \
         `?user=`.",
    ));
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    components
}

/// Every code there is.
fn table() -> Value {
    codes::ALL.iter().map(|code| json!({ "code": code.number, "message": code.message })).collect()
}

/// Responses by status, as an operation has them, and where codes are texts.
fn anywhere() -> Value {
    let mut responses = serde_json::Map::new();
    for (status, codes) in complete::anywhere() {
        let mut response = Response::new("");
        // Of which family an address is, its beginning says.
        response.content.insert(complete::JSON.to_owned(), schemas::json(schemas::error_ref(true)));
        complete::describe_refusal(&mut response, status, &codes, false);
        complete::describe_protocol_too(&mut response, status);
        responses.insert(
            status.to_string(),
            serde_json::to_value(response).expect("a response has string keys and no failing serialisers"),
        );
    }
    let description = "To OPTIONS with `Origin` and `Access-Control-Request-Method`, when pages of that origin may call (limit 5, \
        CORSBehavior): what they may send. It asks for no credentials, and says nothing of the address.";
    responses.insert("204".to_owned(), json!({ "description": description }));
    json!({ "responses": responses, "textCodesBelow": TEXT_CODE_FAMILIES })
}
