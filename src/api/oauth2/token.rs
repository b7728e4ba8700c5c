//! The token endpoint: four ways to tokens (RFC 6749 sections 4.1.3, 4.3, 4.4 and 6; TOKENS sections 2 to 5).
//!
//! Tokens are drawn or derived here and travel on as hashes. What was issued is told from the event; where the writer recorded
//! that somebody came with a stolen token, whoever came gets nothing.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use events::envelope::Envelope;
use events::event::Event;
use events::id::{FamilyId, ScopeSetId, TokenEpoch};
use events::sealed::Sealed;
use events::time::Timestamp;
use events::token::{IssuedAccessToken, TokenHash};
use projections::tokens::Code;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Call, FormOrJson};
use super::introspect::scopes;
use super::refusal::{listed, not_kept};
use crate::api::answer::answer;
use crate::api::error::{ApiError, Fault};
use crate::api::guard;
use crate::api::headers::{LEDGER_SEQUENCE, ledger_sequence};
use crate::api::openapi::schemas::{BodySchema, Property, any_text, body_schema, text};
use crate::api::openapi::tag;
use crate::auth::basic::BasicCredentials;
use crate::clock::draw;
use crate::commands::token::Asked;
use crate::commands::token::client_credentials::IssueClientCredentials;
use crate::commands::token::password::{IssueByPassword, may_take_passwords};
use crate::commands::token::redeem::RedeemCode;
use crate::commands::token::refresh::{DerivedTokens, RefreshTokens, rotates};
use crate::commands::{OAuthRefusal, Refusal, Wish};
use crate::ledger::live::{ExecuteError, Receipt};
use crate::oauth::client::Client;
use crate::oauth::derive::{self, Successors};
use crate::oauth::error;
use crate::oauth::live::{live_access, live_family, scope_set};
use crate::oauth::pkce::Verifier;
use crate::oauth::scope;
use crate::oauth::token::{AccessToken, AuthorizationCode, RefreshSecret, RefreshToken};
use crate::vault::PlainSecret;
use crate::vault::login::LoginName;

/// How often a wish is made again that what it drew, or what changed meanwhile, stood in the way of.
const TRIES: usize = 8;

/// Tokens (RFC 6749 section 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
struct Answered<'a> {
    access_token: &'a str,
    /// `Bearer`.
    token_type: &'static str,
    /// How long the access token lives, in seconds.
    expires_in: i64,
    /// Where the client application may use one; the one that it used, where that stays good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<&'a str>,
    /// Exactly what the access token is good for, separated by blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scope: Option<String>,
}

/// The parameters as a form, for the document.
pub(super) struct Sent;

/// The same with HDP's names, for the document.
pub(super) struct SentToHdp;

fn about(about: &str) -> Property {
    any_text(0).about(about)
}

const GRANT_TYPE: &str = "`authorization_code`, `refresh_token`, `client_credentials`, or, where the settings and the \
    registration allow it, `password`.";

/// What goes with the kind.
fn parameters(body: BodySchema) -> BodySchema {
    body.optional("code", about("With `authorization_code`."))
        .optional("redirect_uri", about("With `authorization_code`, when the authorization request had one."))
        .optional(
            "code_verifier",
            about("With `authorization_code`, when the authorization request had a challenge."),
        )
        .optional("refresh_token", about("With `refresh_token`."))
        .optional("username", about("With `password`."))
        .optional("password", about("With `password`."))
        .optional("scope", about("Scopes, separated by blanks; without it, all there are."))
        .optional("client_id", about("Without Basic credentials: who asks."))
        .optional(
            "client_secret",
            about("Without Basic credentials: his secret; a public application has none."),
        )
        .open()
}

body_schema!(
    Sent,
    "TokenRequest",
    parameters(
        BodySchema::new("What a client application asks for tokens with.")
            .required("grant_type", text(1..=100).about(GRANT_TYPE).example("refresh_token"))
    )
);
body_schema!(
    SentToHdp,
    "TokenRequestInJson",
    parameters(
        BodySchema::new("The same as Hybrid Data Pipeline documents it. Each name may be written with or without underscores.")
            .optional("grant_type", text(0..=100).about(GRANT_TYPE).example("refresh_token"))
            .optional("clientId", about("The same as `client_id`."))
            .optional("clientSecret", about("The same as `client_secret`."))
    )
);

/// Tokens for a code, a refresh token, a client application in its own name, or a password.
///
/// A confidential client application authenticates by Basic, percent-encoded or not, or in the body; a public one names itself.
/// An answer is kept by nobody, and repeated for nobody but who asks again with the predecessor of a rotated refresh token.
#[utoipa::path(
    post, path = "/oauth2/token", tag = tag::OAUTH2, operation_id = "getTokens",
    request_body(content((Sent = "application/x-www-form-urlencoded"), (SentToHdp = "application/json"))),
    responses((status = 200, description = "The tokens.", body = Answered<'_>)),
    extensions(("x-oauth-errors" = json!(listed(&[
        error::NO_GRANT_TYPE, error::INCOMPLETE, error::TWO_CLIENTS, error::UNKNOWN_CLIENT, error::NOT_REGISTERED_FOR_IT,
        error::UNSUPPORTED_GRANT_TYPE, error::INVALID_GRANT, error::WRONG_PASSWORD, error::ACCOUNT_UNUSABLE,
        error::INVALID_SCOPE, error::INVALID_TARGET, error::TOO_MANY_FAILURES, error::OUTCOME_UNKNOWN,
    ])))),
)]
pub(super) async fn token(FormOrJson(call): FormOrJson) -> Result<Response, ApiError> {
    let client = call.client()?;
    match call.parameters.text("grant_type") {
        None => Err(ApiError::Protocol(error::NO_GRANT_TYPE)),
        Some("authorization_code") => redeem(&call, &client).await,
        Some("refresh_token") => refresh(&call, &client).await,
        Some("client_credentials") => client_credentials(&call, &client).await,
        Some("password") if call.app.config().oauth.password_grant => password(&call, &client).await,
        Some(_) => Err(ApiError::Protocol(error::UNSUPPORTED_GRANT_TYPE)),
    }
}

/// What is drawn for a family that may begin.
struct Drawn {
    family: FamilyId,
    access: AccessToken,
    refresh: RefreshSecret,
}

impl Drawn {
    fn new(call: &Call) -> Self {
        let random = call.app.random();
        Self {
            family: FamilyId(u64::from_be_bytes(draw(random))),
            access: AccessToken::draw(random),
            refresh: RefreshSecret::draw(random),
        }
    }
}

async fn redeem(call: &Call, client: &Client) -> Result<Response, ApiError> {
    let code = required(call, "code")?;
    let attempts = call.app.code_attempts();
    let code = AuthorizationCode::parse(code).map(|code| code.hash());
    let code = code.ok_or(INVALID_GRANT)?;
    // What comes after its use is judged whatever came before: who burned the attempts may be who used it, and its owner's
    // coming ends the thief's tokens.
    let waits = |code: &TokenHash| {
        let waits = |code: &Arc<Code>| code.redeemed.is_none();
        call.app.ledger().read(|view| view.state.tokens.codes.get(&code.into()).is_some_and(waits))
    };
    if attempts.have_spent(&code) && waits(&code) {
        return Err(INVALID_GRANT);
    }
    for _ in 0..TRIES {
        let drawn = Drawn::new(call);
        let wish = Wish::RedeemCode(Box::new(RedeemCode {
            proof: client.proof(),
            code,
            redirect_uri: call.parameters.text("redirect_uri").map(str::to_owned),
            verifier: Verifier::read(call.parameters.text("code_verifier")),
            asked: Asked { scopes: None, ..asked(call, client)? },
            family: drawn.family,
            access: drawn.access.hash(),
            refresh: drawn.refresh.hash(),
        }));
        let receipt = match call.execute(client, wish).await {
            Err(ExecuteError::Refused(Refusal::Again)) => continue,
            Err(ExecuteError::Refused(Refusal::OAuth(OAuthRefusal::InvalidGrant))) => {
                // Guesses at codes that there are not would push out the others.
                if waits(&code) {
                    attempts.failed(code);
                }
                return Err(INVALID_GRANT);
            }
            other => other.map_err(|error| call.not_executed(error))?,
        };
        let issued = receipt.events.last().and_then(|envelope| match &envelope.event {
            Event::AuthorizationCodeRedeemed(event) => {
                Some(Issued::of(envelope, event.access, event.scope_set, event.refresh.is_some()))
            }
            _ => None,
        });
        // Otherwise it was a replay, and that is what was recorded.
        return Ok(issued.ok_or(INVALID_GRANT)?.answer(call, &receipt, drawn));
    }
    Err(ApiError::Busy)
}

async fn client_credentials(call: &Call, client: &Client) -> Result<Response, ApiError> {
    let access = AccessToken::draw(call.app.random());
    let asked = asked(call, client)?;
    let wish = IssueClientCredentials { proof: client.proof(), asked, access: access.hash() };
    let wish = Wish::IssueClientCredentials(Box::new(wish));
    let receipt = call.execute(client, wish).await.map_err(|error| call.not_executed(error))?;
    let envelope = receipt.events.last().ok_or_else(unheard_of)?;
    let Event::AccessTokenIssued(event) = &envelope.event else { return Err(unheard_of()) };
    let issued = Issued::of(envelope, event.access, event.scope_set, false);
    Ok(issued.tell(call, &receipt, &access.text(), None))
}

async fn password(call: &Call, client: &Client) -> Result<Response, ApiError> {
    // Whoever may not take passwords has none judged.
    if !may_take_passwords(&client.row.policy, call.now()) {
        return Err(ApiError::Protocol(error::NOT_REGISTERED_FOR_IT));
    }
    let (name, password) = (required(call, "username")?, required(call, "password")?);
    let asked = asked(call, client)?;
    let credentials =
        BasicCredentials { name: PlainSecret::from(name), password: PlainSecret::from(password) };
    // As it is before it is judged: when it changes after that, the writer sees that another one was.
    let hash = hash_of(call, name);
    let judged = guard::log_in(&call.app, &credentials, "/oauth2/token", call.source).await;
    let user = judged.map_err(|error| match error {
        ApiError::InvalidCredentials => WRONG_PASSWORD,
        ApiError::AccountInactive | ApiError::PasswordExpired | ApiError::PasswordMustChange => {
            ApiError::Protocol(error::ACCOUNT_UNUSABLE)
        }
        other => other,
    })?;
    let hash = hash.ok_or(WRONG_PASSWORD)?;
    for _ in 0..TRIES {
        let drawn = Drawn::new(call);
        let wish = Wish::IssueByPassword(Box::new(IssueByPassword {
            proof: client.proof(),
            user,
            password: hash.clone(),
            asked: asked.clone(),
            family: drawn.family,
            access: drawn.access.hash(),
            refresh: drawn.refresh.hash(),
        }));
        let receipt = match call.execute(client, wish).await {
            Err(ExecuteError::Refused(Refusal::Again)) => continue,
            // Of another tenant, say: the answer is the one to a wrong password.
            Err(ExecuteError::Refused(Refusal::OAuth(OAuthRefusal::InvalidGrant))) => {
                return Err(WRONG_PASSWORD);
            }
            other => other.map_err(|error| call.not_executed(error))?,
        };
        let envelope = receipt.events.last().ok_or_else(unheard_of)?;
        let Event::TokensIssued(event) = &envelope.event else { return Err(unheard_of()) };
        let issued = Issued::of(envelope, event.access, event.scope_set, event.refresh.is_some());
        return Ok(issued.answer(call, &receipt, drawn));
    }
    Err(ApiError::Busy)
}

/// The sealed hash that the password of who is called so is compared with.
fn hash_of(call: &Call, name: &str) -> Option<Sealed> {
    let tag = call.app.vault().login_tag(&LoginName::parse(name).ok()?);
    call.app.ledger().read(|view| {
        let user = view.logins.get(&tag)?;
        view.state.users.rows.get(user)?.password.as_ref().map(|password| password.hash.clone())
    })
}

async fn refresh(call: &Call, client: &Client) -> Result<Response, ApiError> {
    let sent = required(call, "refresh_token")?;
    let vault = call.app.vault();
    let token = RefreshToken::parse(sent).filter(|token| derive::is_genuine(vault, token));
    let token = token.ok_or(INVALID_GRANT)?;
    let asked = asked(call, client)?;
    let mut epoch = vault.token_epoch(call.now());
    for _ in 0..TRIES {
        let access = AccessToken::draw(call.app.random());
        let successors = successors(call, client, &token, &asked, epoch);
        let wish = Wish::RefreshTokens(Box::new(RefreshTokens {
            proof: client.proof(),
            family: token.family,
            generation: token.generation,
            presented: token.hash(),
            asked: asked.clone(),
            access: access.hash(),
            derived: successors.as_ref().map(|derived| DerivedTokens {
                epoch,
                refresh: derived.refresh.hash(),
                access: derived.access.hash(),
            }),
        }));
        let receipt = match call.execute(client, wish).await {
            Err(ExecuteError::Refused(Refusal::OAuth(OAuthRefusal::DeriveWith(other)))) => {
                epoch = other;
                continue;
            }
            other => other.map_err(|error| call.not_executed(error))?,
        };
        let Some(envelope) = receipt.events.last() else {
            return Ok(repeated(call, &receipt, token.family, &successors.ok_or_else(unheard_of)?));
        };
        return match &envelope.event {
            Event::AccessTokenIssued(event) => {
                // The one that was sent stays good, and is what HDP's clients go on with.
                let issued = Issued::of(envelope, event.access, event.scope_set, true);
                Ok(issued.tell(call, &receipt, &access.text(), Some(&PlainSecret::from(sent))))
            }
            Event::RefreshTokenRotated(event) => {
                let issued = Issued::of(envelope, event.access, event.scope_set, true);
                let Successors { refresh, access } = successors.ok_or_else(unheard_of)?;
                Ok(issued.tell(call, &receipt, &access.text(), Some(&refresh.text())))
            }
            // It had its time, and its family ended with this.
            Event::RefreshTokenReuseDetected(_) => Err(INVALID_GRANT),
            _ => Err(unheard_of()),
        };
    }
    Err(ApiError::Busy)
}

/// What takes the token's place, for what is asked of it; none when it gets nothing anyway, which the writer says.
fn successors(
    call: &Call,
    client: &Client,
    token: &RefreshToken,
    asked: &Asked,
    epoch: TokenEpoch,
) -> Option<Successors> {
    let set = call.app.ledger().read(|view| {
        let living = live_family(&view.state, token.family)?;
        let granted = scope_set(&view.state, living.row.scope_set)?;
        let row = view.state.client_applications.rows.get(&client.id)?;
        // Where refresh tokens stay, nothing is derived, and no key of the day is needed.
        if !rotates(&row.policy) && living.row.generation == 0 {
            return None;
        }
        asked.narrowed(&granted, &row.policy.scopes).ok()
    })?;
    derive::successors(call.app.vault(), epoch, client.id, token, &set.scopes, &set.audience)
}

/// The answer to the same request a moment ago; only that its access token has lived for that moment.
fn repeated(call: &Call, receipt: &Receipt, family: FamilyId, successors: &Successors) -> Response {
    let (hash, now) = (successors.access.hash(), call.now());
    let (expires_at, scope_set) = call.app.ledger().read(|view| {
        // It may have been revoked alone meanwhile, or be over: the answer is the same, and it has no time left.
        let expires_at = live_access(&view.state, &hash, now).map_or(now, |live| live.row.expires_at);
        let previous = live_family(&view.state, family).and_then(|living| living.row.previous);
        (expires_at, previous.map(|previous| previous.scope_set))
    });
    let issued = Issued { now, expires_at, scope_set, refreshable: true };
    issued.tell(call, receipt, &successors.access.text(), Some(&successors.refresh.text()))
}

/// What was issued, as its event says.
struct Issued {
    now: Timestamp,
    expires_at: Timestamp,
    scope_set: Option<ScopeSetId>,
    refreshable: bool,
}

impl Issued {
    fn of(envelope: &Envelope, access: IssuedAccessToken, set: ScopeSetId, refreshable: bool) -> Self {
        let now = envelope.header.recorded_at;
        Self { now, expires_at: access.expires_at, scope_set: Some(set), refreshable }
    }

    /// With what was drawn for it.
    fn answer(self, call: &Call, receipt: &Receipt, drawn: Drawn) -> Response {
        let refresh =
            self.refreshable.then(|| derive::first(call.app.vault(), drawn.family, drawn.refresh).text());
        self.tell(call, receipt, &drawn.access.text(), refresh.as_ref())
    }

    fn tell(
        self,
        call: &Call,
        receipt: &Receipt,
        access: &PlainSecret,
        refresh: Option<&PlainSecret>,
    ) -> Response {
        let set = call.app.ledger().read(|view| scope_set(&view.state, self.scope_set?));
        let body = Answered {
            access_token: access.expose(),
            token_type: "Bearer",
            expires_in: (self.expires_at.0 - self.now.0).max(0) / Timestamp::SECOND,
            refresh_token: refresh.map(PlainSecret::expose),
            scope: set.and_then(|set| scopes(&set.scopes)),
        };
        let mut response = answer(StatusCode::OK, &body);
        let headers = response.headers_mut();
        not_kept(headers);
        headers.insert(LEDGER_SEQUENCE, ledger_sequence(receipt.epoch, receipt.last));
        response
    }
}

const INVALID_GRANT: ApiError = ApiError::Protocol(error::INVALID_GRANT);
const WRONG_PASSWORD: ApiError = ApiError::Protocol(error::WRONG_PASSWORD);

fn required<'a>(call: &'a Call, name: &str) -> Result<&'a str, ApiError> {
    call.parameters.text(name).ok_or(ApiError::Protocol(error::INCOMPLETE))
}

/// Scopes and resources of the request.
fn asked(call: &Call, client: &Client) -> Result<Asked, ApiError> {
    let scopes = scope::asked(call.parameters.text("scope"), &client.row.policy.scopes);
    let issuer = call.app.public_url().to_owned();
    Ok(Asked {
        scopes: scopes.map_err(ApiError::Protocol)?,
        resources: call.parameters.all("resource").map(str::to_owned).collect(),
        odata: call.app.config().oauth.odata_resource.clone().unwrap_or_else(|| issuer.clone()),
        issuer,
    })
}

fn unheard_of() -> ApiError {
    ApiError::Internal(Fault::new("a command for tokens recorded something else"))
}
