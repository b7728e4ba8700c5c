//! A request of a client application, from its bytes to its parameters and to who sent it.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use events::envelope::Actor;
use events::id::CommandId;
use events::time::Timestamp;

use crate::api::error::{ApiError, Fault};
use crate::api::guard::secs;
use crate::api::json::Json;
use crate::api::rim::RequestId;
use crate::api::source::Source;
use crate::api::{AppState, asking, body};
use crate::commands::{Cause, Command, OAuthRefusal, Refusal, Wish};
use crate::ledger::live::{ExecuteError, Receipt};
use crate::oauth::client::{Claim, Client, Presented};
use crate::oauth::error;
use crate::oauth::live::live_access;
use crate::oauth::parameters::{self, Parameters};
use crate::oauth::token::AccessToken;
use crate::vault::PlainSecret;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// A form.
pub(super) struct Form(pub(super) Call);

/// A form, or the JSON that HDP's pages show (hdp-api 9.11).
pub(super) struct FormOrJson(pub(super) Call);

/// A request whose parameters are read.
pub(super) struct Call {
    pub(super) app: AppState,
    pub(super) source: Source,
    /// The id of its command, if it becomes one.
    pub(super) request: CommandId,
    pub(super) parameters: Parameters,
    presented: Presented,
}

impl FromRequest<AppState> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        Call::read(request, app, false).await.map(Self)
    }
}

impl FromRequest<AppState> for FormOrJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        Call::read(request, app, true).await.map(Self)
    }
}

impl FromRequestParts<AppState> for Source {
    type Rejection = ApiError;

    /// Where a request of the protocol comes from; the guard has looked.
    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let source = parts.extensions.get::<Source>().copied();
        source.ok_or_else(|| ApiError::Internal(Fault::new("a request that no guard has seen")))
    }
}

impl Call {
    async fn read(request: Request, app: &AppState, takes_json: bool) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let source = Source::from_request_parts(&mut parts, app).await?;
        let request = parts.extensions.get::<RequestId>().map(|id| id.0);
        let request = request.ok_or_else(|| ApiError::Internal(Fault::new("a request without an id")))?;
        let (headers, limits) = (&parts.headers, &app.config().limits);
        let is_form = body::says(headers, FORM);
        if !(is_form || takes_json && body::says(headers, JSON)) {
            return Err(ApiError::Protocol(error::WRONG_CONTENT_TYPE));
        }
        parameters::none_in_query(parts.uri.query()).map_err(ApiError::Protocol)?;
        let received = body::receive(headers, body, limits).await?;
        let parameters = if is_form {
            Parameters::of_form(&received).map_err(ApiError::Protocol)?
        } else {
            of_json(&received)?
        };
        let authorization = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        let presented = Presented::of(authorization, &parameters).map_err(ApiError::Protocol)?;
        Ok(Self { app: app.clone(), source, request, parameters, presented })
    }

    /// Now, for what is looked at before the writer decides.
    pub(super) fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    /// The client application that sent it (SECURITY 13, 14).
    pub(super) fn client(&self) -> Result<Client, ApiError> {
        match &self.presented {
            Presented::Claims { claims, by_header } => {
                self.recognise(claims, |_| true, ApiError::UnknownClient { challenged: *by_header })
            }
            other => Err(ApiError::UnknownClient { challenged: other.by_header() }),
        }
    }

    /// The same at introspection, where nobody who can't keep a secret may look, and who is not believed always hears of it by a
    /// challenge (RFC 7662 section 2.3). A token that is the application's own will do.
    pub(super) fn confidential_client(&self) -> Result<Client, ApiError> {
        let not_believed = ApiError::UnknownClient { challenged: true };
        match &self.presented {
            Presented::Claims { claims, .. } => {
                self.recognise(claims, |client| client.secret.is_some(), not_believed)
            }
            Presented::Bearer(token) => {
                self.by_its_own_token(token).ok_or(ApiError::Protocol(error::UNKNOWN_BEARER))
            }
            Presented::Nothing | Presented::Unsupported { .. } => Err(not_believed),
        }
    }

    /// The same at revocation, where a public one may come, too.
    pub(super) fn client_or_bearer(&self) -> Result<Client, ApiError> {
        match &self.presented {
            Presented::Bearer(token) => {
                self.by_its_own_token(token).ok_or(ApiError::Protocol(error::UNKNOWN_BEARER))
            }
            _ => self.client(),
        }
    }

    /// Has the writer decide what a client application wishes.
    pub(super) async fn execute(&self, client: &Client, wish: Wish) -> Result<Receipt, ExecuteError> {
        let cause = Cause {
            id: self.request,
            actor: Actor::ClientApplication(client.id),
            on_behalf_of: None,
            bearer: client.bearer,
            idempotency: None,
            origin: None,
        };
        self.app.ledger().execute(Command { cause, wish }).await
    }

    /// Why it came to nothing, in the words of the protocol.
    pub(super) fn not_executed(&self, error: ExecuteError) -> ApiError {
        let refused = match error {
            ExecuteError::Refused(Refusal::OAuth(refused)) => refused,
            // Its token ended while the request was under way.
            ExecuteError::Refused(Refusal::ActorGone) => return ApiError::Protocol(error::UNKNOWN_BEARER),
            other => return asking::not_executed(other),
        };
        ApiError::Protocol(match refused {
            OAuthRefusal::InvalidClient => {
                return ApiError::UnknownClient { challenged: self.presented.by_header() };
            }
            OAuthRefusal::InvalidGrant => error::INVALID_GRANT,
            OAuthRefusal::InvalidScope => error::INVALID_SCOPE,
            OAuthRefusal::InvalidTarget => error::INVALID_TARGET,
            OAuthRefusal::UnauthorizedClient => error::NOT_REGISTERED_FOR_IT,
            OAuthRefusal::UnsupportedGrantType => error::UNSUPPORTED_GRANT_TYPE,
            OAuthRefusal::AccessDenied => error::DENIED,
            OAuthRefusal::DeriveWith(_) => error::UNAVAILABLE,
        })
    }

    fn recognise(
        &self,
        claims: &[Claim],
        may: impl Fn(&Client) -> bool,
        not_believed: ApiError,
    ) -> Result<Client, ApiError> {
        let (failures, address) = (self.app.client_failures(), self.source.address);
        let monotonic = self.app.clock().monotonic();
        let named = claims.iter().map(|claim| claim.client_id.as_str());
        if let Some(retry_after) = named.clone().filter_map(|id| failures.wait(id, address, monotonic)).max()
        {
            return Err(ApiError::TooManyFailures { retry_after_secs: secs(retry_after) });
        }
        let now = self.now();
        let found = self.app.ledger().read(|view| {
            // Each reading is looked at, so that it takes no longer to find the second one right.
            let found: Vec<Option<Client>> =
                claims.iter().map(|claim| claim.recognise(&view.state, now)).collect();
            found.into_iter().flatten().find(may)
        });
        if found.is_none() {
            // Two readings are one attempt.
            named.take(1).for_each(|id| failures.failed(id, address, monotonic));
        }
        found.ok_or(not_believed)
    }

    /// Whose own token this is: one that has nobody's rights but the application's.
    fn by_its_own_token(&self, token: &PlainSecret) -> Option<Client> {
        let hash = AccessToken::parse(token.expose())?.hash();
        let now = self.now();
        self.app.ledger().read(|view| {
            let live = live_access(&view.state, &hash, now).filter(|live| live.user.is_none())?;
            live.set.audience.iter().find(|resource| *resource == self.app.public_url())?;
            let row = view.state.client_applications.rows.get(&live.client)?;
            Some(Client { id: live.client, row: Arc::clone(row), secret: None, bearer: Some(live.key) })
        })
    }
}

const MALFORMED: ApiError = ApiError::Protocol(error::MALFORMED);

/// HDP's names are the RFCs', written otherwise. What nobody reads may be of any type.
pub(super) fn of_json(bytes: &[u8]) -> Result<Parameters, ApiError> {
    let Ok(Json::Object(members)) = Json::parse(bytes) else { return Err(MALFORMED) };
    let mut read = Parameters::default();
    for (name, value) in members {
        let name = parameters::rfc_name(&name);
        match value {
            Json::Text(text) => read.add(&name, text).map_err(ApiError::Protocol)?,
            Json::List(items) => {
                for item in items {
                    let Json::Text(text) = item else { return Err(MALFORMED) };
                    read.add(&name, text).map_err(ApiError::Protocol)?;
                }
            }
            Json::Null => {}
            Json::Bool(_) | Json::Unsigned(_) | Json::Number(_) | Json::Object(_) => {
                if parameters::is_read(&name) {
                    return Err(MALFORMED);
                }
            }
        }
    }
    Ok(read)
}
