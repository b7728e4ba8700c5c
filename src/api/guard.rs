//! Who may come in: everything under `/api` and the metrics need credentials, except a list.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use events::envelope::Actor;
use events::id::{CommandId, UserId};
use events::sealed::Sealed;

use super::AppState;
use super::asking::fault;
use super::error::{ApiError, Fault};
use super::source::{Gate, Source};
use super::{cors, metrics, oauth2};
use crate::auth::authenticate::{Account, Accounts, AuthError, Purpose};
use crate::auth::basic::BasicCredentials;
use crate::auth::bearer::{self, Asked, Bearer, BearerError, token_in};
use crate::auth::throttle::{LockAccount, LockoutPolicy};
use crate::clock::draw;
use crate::commands::{Cause, Command, Wish, limit, user::LockUser};
use crate::ledger::live::Ledger;
use crate::logs::{self, for_request};
use crate::vault::PlainSecret;
use crate::vault::login::{LoginName, LoginTag};

/// Routes under `/api` that answer anybody; those of the authorization server judge their own callers. A test walks all routes and knows this list.
pub const PUBLIC: &[&str] = &["/api/healthcheck", "/api/openapi.json", "/api/docs", "/api/docs/page.css"];

/// The one operation that an expired or temporary password is good for.
pub(super) const CHANGE_PASSWORD: &str = "/api/admin/userdetails/changePassword";

/// The other end of the connection, before any proxy's word about it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Who asks, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Who, or for whom a client application asks; that he may still ask is decided anew with each command.
    pub user: UserId,
    /// From where.
    pub source: Source,
    /// By which token a client application asks for him; `None` when he came with his password.
    pub bearer: Option<Bearer>,
}

/// What a request brought to be let in by.
enum Credentials<'a> {
    Basic(BasicCredentials),
    Token(&'a [u8]),
}

/// Asks for credentials before anything else is said about a guarded path, so that an outsider can't tell routes, methods or
/// ids apart. What another site's page made a browser send is refused even before that: it must not count as a wrong password.
pub(super) async fn guard(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    if let Some(answer) = cors::preflight(&app, &request) {
        return answer;
    }
    let source = source_of(&app, request.extensions(), request.headers());
    if oauth2::is_endpoint(request.uri().path()) {
        // Who asks here are client applications and people before their login; the handler judges them.
        // A page says so as a page.
        if !oauth2::is_page(request.uri().path())
            && let Err(error) = Gate::of(&app, source, request.uri().path())
        {
            return error.into_response();
        }
        request.extensions_mut().insert(source);
        return next.run(request).await;
    }
    if !asks_for_credentials(request.uri().path()) {
        return next.run(request).await;
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && cors::is_foreign(&app, request.method(), request.headers()) {
        return ApiError::CrossSite.into_response();
    }
    match authenticate(&app, request.method(), request.uri(), request.headers(), source).await {
        // The router would answer in plain text when it decodes an id that is no UTF-8.
        Ok(_) if !decodes(request.uri().path()) => ApiError::NoRoute.into_response(),
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            // For the line that the rim writes about it.
            response.extensions_mut().insert(caller);
            response
        }
        Err(error) => error.into_response(),
    }
}

/// Where a request comes from.
pub(super) fn source_of(app: &AppState, extensions: &Extensions, headers: &HeaderMap) -> Source {
    // Requests without a connection come from tests of this process.
    let peer = extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
    Source::of(peer, headers, &app.config().server.behind_proxy)
}

/// Whether a path is ours to keep: everything under `/api`, and the metrics, which tell of load and of failed logins.
pub(super) fn is_guarded(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/") || path == metrics::PATH
}

/// Whether a path, as it was sent or as its route is written, is asked for credentials.
pub(super) fn asks_for_credentials(path: &str) -> bool {
    is_guarded(path) && !PUBLIC.contains(&path) && !oauth2::is_endpoint(path)
}

/// Whether a path is UTF-8 once it is percent-decoded.
fn decodes(path: &str) -> bool {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|_| *byte == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(hex.unwrap_or(*byte));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    std::str::from_utf8(&decoded).is_ok()
}

async fn authenticate(
    app: &AppState,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    source: Source,
) -> Result<Caller, ApiError> {
    let path = uri.path();
    let credentials = credentials(headers, uri)?;
    let gate = Gate::of(app, source, path)?;
    let (user, bearer) = match credentials {
        Credentials::Basic(credentials) => {
            let accounts = LedgerAccounts(app.ledger());
            let purpose = purpose(method, path);
            let judged =
                app.authenticator().authenticate(&accounts, &credentials, source.address, purpose).await;
            (judged.map_err(|error| not_believed(app, error))?, None)
        }
        Credentials::Token(token) => {
            let asked = Asked { method: method.as_str(), path, issuer: app.public_url() };
            let now = app.clock().now();
            let judged = app.ledger().read(|view| bearer::judge(&view.state, token, asked, now));
            let (user, bearer) = judged.map_err(not_accepted)?;
            (user, Some(bearer))
        }
    };
    gate.admit(app, user).map(|()| Caller { user, source, bearer })
}

/// Whose credentials these are, if he may come in from there to what `path` is. Those of the login page and of the password
/// grant are counted like any other.
pub(super) async fn log_in(
    app: &AppState,
    credentials: &BasicCredentials,
    path: &str,
    source: Source,
) -> Result<UserId, ApiError> {
    let gate = Gate::of(app, source, path)?;
    let (accounts, address) = (LedgerAccounts(app.ledger()), source.address);
    match app.authenticator().authenticate(&accounts, credentials, address, Purpose::Everything).await {
        Ok(user) => gate.admit(app, user).map(|()| user),
        Err(error) => Err(not_believed(app, error)),
    }
}

/// What stands in the one `Authorization` header. A token beside something else, or in the query, which logs and histories
/// keep, is refused whatever it is worth (RFC 6750 section 2.3, SECURITY 25).
fn credentials<'a>(headers: &'a HeaderMap, uri: &Uri) -> Result<Credentials<'a>, ApiError> {
    let mut query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    if query.any(|(name, _)| name == "access_token") {
        return Err(ApiError::TokenMisplaced);
    }
    let mut values = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (Some(first), Some(second)) => {
            let has_token = [first, second].into_iter().chain(values).any(|value| token_in(value).is_some());
            return Err(if has_token { ApiError::TokenMisplaced } else { ApiError::InvalidCredentials });
        }
        (None, _) => return Err(ApiError::InvalidCredentials),
    };
    match token_in(value) {
        Some(token) => Ok(Credentials::Token(token)),
        None => {
            BasicCredentials::parse(value).map(Credentials::Basic).map_err(|_| ApiError::InvalidCredentials)
        }
    }
}

fn not_accepted(error: BearerError) -> ApiError {
    match error {
        BearerError::Invalid => ApiError::InvalidToken,
        BearerError::Lacks(scope) => ApiError::InsufficientScope(scope),
        BearerError::OutOfReach => ApiError::NotByToken,
    }
}

/// What a request's credentials have to be good for.
fn purpose(method: &Method, path: &str) -> Purpose {
    let new_password = method == Method::PUT && path == CHANGE_PASSWORD;
    if new_password { Purpose::NewPassword } else { Purpose::Everything }
}

/// Refuses unless `password` is the present one of who asks, called `name`. A wrong one counts like any other, whoever's
/// right credentials came with it.
pub(super) async fn knows_password(
    app: &AppState,
    caller: Caller,
    name: &LoginName,
    password: &PlainSecret,
) -> Result<(), ApiError> {
    let credentials = BasicCredentials { name: name.as_sent().clone(), password: password.clone() };
    let accounts = LedgerAccounts(app.ledger());
    let judged = app
        .authenticator()
        .authenticate(&accounts, &credentials, caller.source.address, Purpose::Everything)
        .await;
    match judged {
        // The caller was let in for this although his password is over; here it only has to be his.
        Ok(user) | Err(AuthError::PasswordExpired { user } | AuthError::MustChangePassword { user })
            if user == caller.user =>
        {
            Ok(())
        }
        Ok(_) => Err(ApiError::WrongCurrentPassword),
        Err(error) => Err(match not_believed(app, error) {
            ApiError::InvalidCredentials => ApiError::WrongCurrentPassword,
            other => other,
        }),
    }
}

/// Whether `password` is the one of this hash.
pub(super) async fn is_same_password(
    app: &AppState,
    hash: &Sealed,
    password: &PlainSecret,
) -> Result<bool, ApiError> {
    app.authenticator().is_same(hash, password).await.map_err(|error| not_believed(app, error))
}

fn not_believed(app: &AppState, error: AuthError) -> ApiError {
    match error {
        AuthError::WrongCredentials { lock } => {
            if let Some(lock) = lock {
                record_lock(app, lock);
            }
            ApiError::InvalidCredentials
        }
        AuthError::Inactive { .. } => ApiError::AccountInactive,
        AuthError::PasswordExpired { .. } => ApiError::PasswordExpired,
        AuthError::MustChangePassword { .. } => ApiError::PasswordMustChange,
        AuthError::Throttled { retry_after } => {
            ApiError::TooManyFailures { retry_after_secs: secs(retry_after) }
        }
        AuthError::Busy => ApiError::Busy,
        AuthError::Vault(error) => fault(error),
        AuthError::Hash(_) => ApiError::Internal(Fault::new(error)),
    }
}

pub(super) fn secs(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Records the lock beside the answer, which must not take longer than that to any other wrong password. Memory holds the
/// lock already.
fn record_lock(app: &AppState, lock: LockAccount) {
    let command = Command {
        cause: Cause {
            id: CommandId(draw(app.random())),
            actor: Actor::System,
            on_behalf_of: None,
            bearer: None,
            idempotency: None,
            origin: None,
        },
        wish: Wish::LockUser(LockUser { user: lock.user, until: lock.until }),
    };
    let app = app.clone();
    let asked_by = logs::request();
    let record = async move {
        match app.ledger().execute(command).await {
            Ok(_) => tracing::warn!(user = lock.user.0, "an account was locked after wrong passwords"),
            Err(error) => {
                tracing::warn!(user = lock.user.0, %error, "a lock-out could not be recorded; it holds until a restart");
            }
        }
    };
    tokio::spawn(async move {
        match asked_by {
            Some(request) => for_request(request, record).await,
            None => record.await,
        }
    });
}

struct LedgerAccounts<'a>(&'a Ledger);

impl Accounts for LedgerAccounts<'_> {
    fn by_login(&self, tag: &LoginTag) -> Option<UserId> {
        self.0.read(|view| view.logins.get(tag).copied())
    }

    fn account(&self, user: UserId) -> Option<Account> {
        self.0.read(|view| view.state.users.rows.get(&user).map(|row| Account::from(&**row)))
    }

    fn lockout(&self) -> LockoutPolicy {
        self.0.read(|view| limit::lockout(&view.state))
    }
}
