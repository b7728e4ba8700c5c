//! One request with everything that management and administration ask of it, and the two ways through: look, or have the
//! writer decide.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, Uri, request::Parts},
};
use events::{
    data_source::ConnectionType,
    envelope::{Actor, StreamKind},
    id::{CommandId, PermissionId, Sequence, UserId},
    sealed::{Field, Sealed},
    whitelist::IpWhitelistSet,
};

use super::{
    AppState, audit, cors,
    error::{ApiError, Fault, Kind},
    guard::Caller,
    headers::{self, Query, Tags},
    json::Json,
    rim::RequestId,
    source::Source,
};
use crate::{
    auth::{bearer::Bearer, principal::Principal, whitelist::Resource},
    commands::{Cause, Command, Object, Refusal, View, Wish, acting},
    config::Reveal,
    ledger::live::{ExecuteError, Position, Receipt, WaitError},
    oauth::live::standing_access,
    vault::{Place, PlainSecret, Vault, VaultError, idempotency::IdempotentRequest, login::LoginName},
};

/// How often a wish is prepared again because its object changed meanwhile, before the caller is asked to repeat.
const PREPARED_MAX: usize = 8;

/// No user has this id, for they count from 1: whom `?user=` names when nobody is called so. It takes the same way as a
/// foreign user, so that both answer alike.
const NOBODY: UserId = UserId(0);

/// The user an administrator acts for.
#[derive(Clone, Debug)]
pub struct OnBehalfOf {
    user: UserId,
    /// As sent, for the sentence that says there is no such user.
    name: String,
}

/// A request whose caller is known.
pub struct Asking {
    app: AppState,
    caller: Caller,
    request: CommandId,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    on_behalf_of: Option<OnBehalfOf>,
    /// What the query still holds.
    pub query: Query,
}

impl FromRequestParts<AppState> for Asking {
    type Rejection = ApiError;

    /// Reads `?user=`, and waits for the position in `Ledger-Min-Sequence`.
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().copied().ok_or(ApiError::InvalidCredentials)?;
        let RequestId(request) = *parts
            .extensions
            .get::<RequestId>()
            .ok_or_else(|| ApiError::Internal(Fault::new("a request without an id")))?;
        if let Some((epoch, sequence)) = headers::min_sequence(&parts.headers)? {
            app.ledger().reached(Position { epoch, sequence }).await.map_err(|error| match error {
                WaitError::OtherEpoch => ApiError::HistoryRestored(app.ledger().epoch().0),
                WaitError::NotReached => ApiError::NotYet,
            })?;
        }
        let mut query = Query::of(&parts.uri)?;
        let on_behalf_of = query.text("user").map(|name| OnBehalfOf { user: user_called(app, &name), name });
        // For whom a token asks, it says itself. Where nobody is acted for, `?user=` names whom is asked about.
        if caller.bearer.is_some() && on_behalf_of.is_some() && parts.uri.path() != audit::ACCESS {
            return Err(ApiError::NotByToken);
        }
        Ok(Self {
            app: app.clone(),
            caller,
            request,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            on_behalf_of,
            query,
        })
    }
}

/// Who is called so; a user that is nobody when no one is.
pub(super) fn user_called(app: &AppState, name: &str) -> UserId {
    let tag = LoginName::parse(name).map(|name| app.vault().login_tag(&name));
    tag.ok().and_then(|tag| app.ledger().read(|view| view.logins.get(&tag).copied())).unwrap_or(NOBODY)
}

impl Asking {
    /// The server.
    pub fn app(&self) -> &AppState {
        &self.app
    }

    /// Who asks, and from where.
    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// Who asks, in his own name or another's.
    pub fn user(&self) -> UserId {
        self.caller.user
    }

    /// Whether the caller, from where he asks now, would pass these lists to what they can be changed by.
    pub fn could_come_again(&self, lists: &IpWhitelistSet, resource: Resource) -> bool {
        self.caller.source.passes(lists, resource)
    }

    /// Its vault.
    pub fn vault(&self) -> &Vault {
        self.app.vault()
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether the caller gets the body: not for HEAD, so that nothing is revealed into the void.
    pub fn wants_body(&self) -> bool {
        self.method != Method::HEAD
    }

    /// What `?user=` says where it names whom is asked about: nobody is acted for.
    pub fn asked_about(&mut self) -> Option<String> {
        self.on_behalf_of.take().map(|other| other.name)
    }

    /// Whether it is asked on behalf of another.
    pub fn is_on_behalf(&self) -> bool {
        self.on_behalf_of.is_some()
    }

    /// Refuses `?user=`: administration is always the caller's own (hdp-api 1.7 names the operations that are not).
    pub fn in_own_name(&self) -> Result<(), ApiError> {
        match self.on_behalf_of {
            None => Ok(()),
            Some(_) => Err(ApiError::BadParameter("user".to_owned(), "is not known here")),
        }
    }

    /// Refuses who lacks the operation's permission, before anything else is said about the request (hdp-api 9.4).
    pub fn permitted(&self, permissions: &[PermissionId]) -> Result<(), ApiError> {
        let allowed = self.app.ledger().read(|view| self.himself(view, permissions).map(drop));
        allowed.map_err(|refusal| self.refused(refusal))
    }

    /// Refuses query parameters that nobody asked for. Call it when all known ones are taken.
    pub fn no_more_parameters(&mut self) -> Result<(), ApiError> {
        std::mem::take(&mut self.query).finish()
    }

    /// The caller, or the user he acts for, when he holds all of `permissions`.
    pub fn principal(&self, view: &View<'_>, permissions: &[PermissionId]) -> Result<Principal, ApiError> {
        match &self.on_behalf_of {
            None => self.himself(view, permissions),
            Some(target) => {
                acting(&view.state, Actor::User(self.caller.user), Some(target.user), permissions)
            }
        }
        .map_err(|refusal| self.refused(refusal))
    }

    /// The caller himself, whoever he acts for, as he is now; `None` when he is gone.
    pub fn caller_now(&self, view: &View<'_>) -> Option<Principal> {
        self.himself(view, &[]).ok()
    }

    /// The caller in his own name, or the user of a client application's token, which is looked at in the same state: an
    /// answer that has to include what ended it is none of its.
    fn himself(&self, view: &View<'_>, permissions: &[PermissionId]) -> Result<Principal, Refusal> {
        let user = self.caller.user;
        let Some(Bearer { client, token }) = self.caller.bearer else {
            return acting(&view.state, Actor::User(user), None, permissions);
        };
        standing_access(&view.state, token).ok_or(Refusal::ActorGone)?;
        acting(&view.state, Actor::ClientApplication(client), Some(user), permissions)
    }

    /// `If-Match` in the form that commands take: `None` when any state will do.
    pub fn expected(&self) -> Result<Option<Vec<Sequence>>, ApiError> {
        Ok(match headers::if_match(&self.headers)? {
            None | Some(Tags::Any) => None,
            Some(Tags::OneOf(sequences)) => Some(sequences),
        })
    }

    /// Has the writer decide what `prepare` wishes. When the object changed between preparing and deciding, it is prepared
    /// again. `body` is what a repetition under the same `Idempotency-Key` is compared with.
    pub async fn execute(
        &self,
        body: Option<&Json>,
        mut prepare: impl FnMut() -> Result<Wish, ApiError>,
    ) -> Result<Receipt, ApiError> {
        let cause = self.cause(body)?;
        for _ in 0..PREPARED_MAX {
            let command = Command { cause: cause.clone(), wish: prepare()? };
            match self.app.ledger().execute(command).await {
                Err(ExecuteError::Refused(Refusal::Again)) => {}
                other => return other.map_err(|error| self.not_executed(error)),
            }
        }
        Err(ApiError::Busy)
    }

    /// Whether a GET shows secrets to this caller (hdp-api 9.13): only when reveals are audited, never to HEAD nor by an access
    /// token, and on behalf of another only to holders of 12. `permissions` are those of the GET.
    pub fn reveals(&self, permissions: &[PermissionId]) -> Result<bool, ApiError> {
        let never = self.app.config().secrets.reveal == Reveal::Never || self.caller.bearer.is_some();
        if never || !self.wants_body() {
            return Ok(false);
        }
        let principal = self.app.ledger().read(|view| self.principal(view, permissions))?;
        if self.on_behalf_of.is_some() && !principal.is_administrator() {
            return Ok(false);
        }
        // A page of another site can't read the answer, but it could have the fact recorded (SECURITY L15).
        if cors::is_foreign(&self.app, &self.method, &self.headers) {
            return Err(ApiError::CrossSite);
        }
        Ok(true)
    }

    fn cause(&self, body: Option<&Json>) -> Result<Cause, ApiError> {
        let user = self.caller.user;
        let (actor, token_of) = match self.caller.bearer {
            None => (Actor::User(user), None),
            Some(bearer) => (Actor::ClientApplication(bearer.client), Some(user)),
        };
        let idempotency = match headers::idempotency_key(&self.headers)? {
            Some(key) if self.method != Method::GET && self.method != Method::HEAD => {
                let canonical = body.map(Json::canonical).unwrap_or_default();
                let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
                let request = IdempotentRequest {
                    actor,
                    token_of,
                    method: self.method.as_str(),
                    path,
                    key,
                    canonical_body: &canonical,
                };
                Some(self.vault().request_tags(&request, self.app.clock().now()))
            }
            _ => None,
        };
        Ok(Cause {
            id: self.request,
            actor,
            on_behalf_of: self.on_behalf_of.as_ref().map(|target| target.user).or(token_of),
            bearer: self.caller.bearer.map(|bearer| bearer.token),
            idempotency,
            origin: sealed_origin(&self.app, self.caller.user, self.caller.source)?,
        })
    }

    fn not_executed(&self, error: ExecuteError) -> ApiError {
        match error {
            ExecuteError::Refused(refusal) => self.refused(refusal),
            other => not_executed(other),
        }
    }

    /// A refusal as this caller hears it: a user named by `?user=` is called as he was called.
    pub fn refused(&self, refusal: Refusal) -> ApiError {
        match (&self.on_behalf_of, refusal) {
            (Some(target), Refusal::NotFound(Object::User(user))) if user == target.user => {
                ApiError::NotFound(Kind::User, target.name.clone())
            }
            (_, Refusal::ActorGone) if self.caller.bearer.is_some() => ApiError::InvalidToken,
            (_, refusal) => refused(refusal),
        }
    }
}

fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::ActorGone => ApiError::InvalidCredentials,
        // Only the authorization server hears the last of these, and says it in the words of the RFCs.
        Refusal::LacksPermission | Refusal::Forbidden | Refusal::NotHisToGrant(_) | Refusal::OAuth(_) => {
            ApiError::Forbidden
        }
        Refusal::NotFound(object) => {
            let (kind, id) = named(object);
            ApiError::NotFound(kind, id)
        }
        Refusal::UnknownReference(object) => {
            let (kind, id) = named(object);
            ApiError::UnknownReference(kind, id)
        }
        Refusal::Invalid { field, problem } => ApiError::InvalidValue(field.to_owned(), problem),
        Refusal::NotHisDataSource(source, user) => {
            ApiError::NotHisDataSource(source.to_string(), user.to_string())
        }
        Refusal::LimitOutOfRange { min, max } => ApiError::LimitOutOfRange { min, max },
        Refusal::ConnectionTypeFixed(stored) => ApiError::ConnectionTypeFixed(connection_type_name(stored)),
        Refusal::OptionsTooLarge => ApiError::OptionsTooLarge,
        Refusal::Taken(taken) => ApiError::NameTaken(taken.what()),
        Refusal::LastAdministrator => ApiError::LastAdministrator,
        Refusal::InUse(by) => ApiError::InUse(by),
        Refusal::SharedWithTenant => ApiError::SharedWithTenant,
        Refusal::Predefined(why) => ApiError::Predefined(why),
        Refusal::SetAlready(what) => ApiError::SetAlready(what),
        Refusal::NotSet(what) => ApiError::NotSet(what),
        Refusal::ShutsOut => ApiError::ShutsOut,
        Refusal::PreconditionFailed => ApiError::Changed,
        Refusal::IdempotencyKeyReused => ApiError::KeyReused,
        Refusal::Again => ApiError::Busy,
        Refusal::TooManyEvents(count) => ApiError::TooMuchAtOnce(format!("{count} events")),
    }
}

fn named(object: Object) -> (Kind, String) {
    match object {
        Object::Tenant(id) => (Kind::Tenant, id.to_string()),
        Object::Role(id) => (Kind::Role, id.to_string()),
        Object::User(id) => (Kind::User, id.to_string()),
        Object::OAuthApp(id) => (Kind::OAuthApp, id.to_string()),
        Object::OAuthProfile(id) => (Kind::OAuthProfile, id.to_string()),
        Object::DataSource(id) => (Kind::DataSource, id.to_string()),
        Object::ClientApplication(id) => (Kind::ClientApplication, id.to_string()),
        Object::CorsOrigin(id) => (Kind::CorsOrigin, id.to_string()),
        Object::Limit(id) => (Kind::Limit, id.to_string()),
        Object::Configuration(id) => (Kind::Configuration, id.to_string()),
    }
}

/// The address that a user asks from, sealed under his own key: it is erased with him.
pub(super) fn sealed_origin(
    app: &AppState,
    user: UserId,
    source: Source,
) -> Result<Option<Sealed>, ApiError> {
    let key_id = app.ledger().read(|view| view.state.users.rows.get(&user).map(|row| row.key_id()));
    let Some(key_id) = key_id else { return Ok(None) };
    let key = app.vault().data_key(&key_id).map_err(fault)?;
    let address = source.address.to_string();
    Ok(Some(app.vault().seal(&key, StreamKind::USER, Field::ORIGIN, address.as_bytes())))
}

/// Why a command came to nothing, as HTTP.
pub(super) fn not_executed(error: ExecuteError) -> ApiError {
    match error {
        ExecuteError::Refused(refusal) => refused(refusal),
        ExecuteError::QueueFull => ApiError::Busy,
        ExecuteError::Clock(_) => {
            ApiError::NoWrites("the server's clock jumped and an operator has to look at it")
        }
        ExecuteError::Unavailable(_) => ApiError::NoWrites("the disk has no room or the log can't be read"),
        ExecuteError::TooLong(_) => ApiError::BodyTooLarge(events::envelope::BODY_LEN_MAX),
        ExecuteError::OutcomeUnknown => ApiError::OutcomeUnknown,
        ExecuteError::Stopped(_) => {
            ApiError::NoWrites("an earlier write failed and the server has to be restarted")
        }
    }
}

/// HDP's name of a connection type.
pub fn connection_type_name(connection_type: ConnectionType) -> &'static str {
    match connection_type {
        ConnectionType::Cloud => "Cloud",
        ConnectionType::Hybrid => "Hybrid",
        ConnectionType::Group => "Group",
    }
}

/// A fault of the vault's, for the log.
pub fn fault(error: VaultError) -> ApiError {
    match error {
        // The disk fails under a running server: no fault of ours, and a restart or another server may help.
        VaultError::Store(_) => ApiError::Storage(Fault::new(error)),
        VaultError::Erased { .. }
        | VaultError::Damaged { .. }
        | VaultError::UnknownGeneration { .. }
        | VaultError::Missing { .. }
        | VaultError::DoesNotOpen { .. }
        | VaultError::KeysFile(_) => ApiError::Internal(Fault::new(error)),
    }
}

/// Opens text that an object may have; text whose key was destroyed is as if it had been left out.
pub fn open_text<'a>(
    vault: &Vault,
    sealed: Option<&Sealed>,
    kind: StreamKind,
    place: impl Into<Place<'a>>,
) -> Result<Option<PlainSecret>, ApiError> {
    match sealed.map(|sealed| vault.unseal_text(sealed, kind, place)) {
        None | Some(Err(VaultError::Erased { .. })) => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(error)) => Err(fault(error)),
    }
}

/// A secret that its sender gets back; when he repeats the request after its key was destroyed, he hears just that.
pub fn echoed<'a>(
    vault: &Vault,
    sealed: &Sealed,
    kind: StreamKind,
    place: impl Into<Place<'a>>,
) -> Result<PlainSecret, ApiError> {
    vault.unseal_text(sealed, kind, place).map_err(|error| match error {
        VaultError::Erased { .. } => ApiError::KeyUnreadable,
        other => fault(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::store::StoreError;

    /// Found by a power cut: a PUT that needed a key from the dead disk was answered with 500.
    #[test]
    fn a_key_that_the_disk_does_not_give_back_is_503() {
        let unread = fault(VaultError::Store(StoreError::Poisoned));
        assert_eq!(unread.status().as_u16(), 503, "{unread:?}");
        let missing = fault(VaultError::Missing { entry: "login key" });
        assert_eq!(missing.status().as_u16(), 500, "{missing:?}");
    }
}
