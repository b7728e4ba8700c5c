//! `/login`: name and password, on a page of ours. One counter of failures over this page, Basic and the password grant (SECURITY
//! L12), for one [`crate::auth::authenticate::Authenticator`] judges them all.

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};

use super::answers::{page, refused, see_other};
use super::asked::query_of;
use super::pages::{self, Form, Notice};
use super::visitor::Visitor;
use super::{AUTHORIZE, LOGIN, refusal};
use crate::api::AppState;
use crate::api::body::{receive, says};
use crate::api::error::ApiError;
use crate::api::guard::log_in;
use crate::api::openapi::tag;
use crate::auth::basic::BasicCredentials;
use crate::oauth::error::{self, ProtocolError};
use crate::oauth::parameters::Parameters;
use crate::oauth::sessions::{BrowserId, Login};
use crate::vault::PlainSecret;

/// What a form can have against it.
const OF_FORMS: &[ProtocolError] = &[
    error::MALFORMED,
    error::TWICE,
    error::WRONG_CONTENT_TYPE,
    error::STALE_FORM,
    error::CROSS_SITE,
    error::SLOW_REQUEST,
    error::BODY_TOO_LARGE,
];

/// What a login form and a logout form are about.
const FOR_LOGIN: &str = "login";
const FOR_LOGOUT: &str = "logout";

/// Shows who is signed in in this browser.
///
/// A page with a way out, or with the form to sign in.
#[utoipa::path(
    get, path = "/login", tag = tag::OAUTH2, operation_id = "getLoginPage",
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 403, description = "A page: the address is on no list that has to hold it.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 500, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 503, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub(in crate::api) async fn show(State(app): State<AppState>, request: Request) -> Response {
    with_visitor(app, request, async |visitor, _| {
        let Some(signed_in) = visitor.signed_in()? else { return Ok(login_page(&visitor, "", None)) };
        let name = visitor.name_of(signed_in.login.user)?;
        let token = logout_token(&visitor, &signed_in.browser, "");
        let mut answer =
            page(StatusCode::OK, pages::signed_in(name.expose(), Form { query: "", token: &token }));
        visitor.name_in_log(&mut answer, signed_in.login.user);
        Ok(answer)
    })
    .await
}

/// Signs a user in in this browser.
///
/// For the form on the page: it leads back to the authorization request that it was shown for, under a new session.
#[utoipa::path(
    post, path = "/login", tag = tag::OAUTH2, operation_id = "signIn",
    responses(
        (status = 303, description = "Signed in: on to the authorization request, or to the page that says so.", headers(("Location" = String, description = "Where to."))),
        (status = 400, description = "A page with the form once more: this one was too old, or not ours.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 403, description = "A page with the form once more: wrong user name or password, or an account that can't be used.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 408, description = "A page: the form did not arrive in time.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 413, description = "A page: the form is larger than the limit.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 429, description = "A page with the form once more: too many failures.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 500, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 503, description = "A page with the form once more: too many passwords are being checked.", body = String, content_type = "text/html; charset=utf-8"),
    ),
    extensions(
        ("x-unrecorded" = json!(true)),
        ("x-oauth-errors" = json!(refusal::listed(&[OF_FORMS, &[error::TOO_MANY_FAILURES]].concat()))),
    ),
)]
pub(in crate::api) async fn submit(State(app): State<AppState>, request: Request) -> Response {
    with_visitor(app, request, async |visitor, body| {
        let form = own_form(&visitor, body).await?;
        let query = returning_to(&form);
        let signed_in = visitor.signed_in()?;
        let (browser, is_new) = visitor.browser();
        let token = form.text("csrf").unwrap_or_default();
        if is_new || !visitor.app.sessions().is_form_token(&browser, &[FOR_LOGIN, &query], token) {
            // Another tab of his was faster.
            if signed_in.is_some() {
                return see_other(&next(&query));
            }
            return Ok(with_status(
                StatusCode::BAD_REQUEST,
                login_page(&visitor, &query, Some(Notice::Stale)),
            ));
        }
        let empty = PlainSecret::default();
        let credentials = BasicCredentials {
            name: form.secret("username").unwrap_or(&empty).clone(),
            password: form.secret("password").unwrap_or(&empty).clone(),
        };
        let seen = visitor.seen();
        match log_in(&visitor.app, &credentials, visitor.uri.path(), visitor.source).await {
            Ok(user) => {
                let now = visitor.app.clock().now();
                begin(&visitor, &browser, Login { user, seen, at: now }, &query)
            }
            Err(error) => not_signed_in(&visitor, &query, error),
        }
    })
    .await
}

/// Signs a user out in this browser.
///
/// For the form on the page. It leads to the sign-in page, or back to the authorization request that it was shown for.
#[utoipa::path(
    post, path = "/logout", tag = tag::OAUTH2, operation_id = "signOut",
    responses(
        (status = 303, description = "Nobody is signed in in this browser.", headers(("Location" = String, description = "Where to."))),
        (status = 400, description = "A page: the form was too old, or not ours.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 403, description = "A page: another site sent the form.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 408, description = "A page: the form did not arrive in time.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 413, description = "A page: the form is larger than the limit.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 500, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 503, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
    ),
    extensions(
        ("x-unrecorded" = json!(true)),
        ("x-oauth-errors" = json!(refusal::listed(OF_FORMS))),
    ),
)]
pub(in crate::api) async fn out(State(app): State<AppState>, request: Request) -> Response {
    with_visitor(app, request, async |visitor, body| {
        let form = own_form(&visitor, body).await?;
        let query = returning_to(&form);
        let Some(signed_in) = visitor.signed_in()? else { return see_other(&next(&query)) };
        let token = form.text("csrf").unwrap_or_default();
        let sessions = visitor.app.sessions();
        if !sessions.is_form_token(&signed_in.browser, &[FOR_LOGOUT, &query], token) {
            return Err(ApiError::Protocol(error::STALE_FORM));
        }
        sessions.end(&signed_in.browser);
        let mut answer = see_other(&next(&query))?;
        visitor.forget(&mut answer);
        visitor.name_in_log(&mut answer, signed_in.login.user);
        Ok(answer)
    })
    .await
}

/// Takes a request apart, and answers a person, not a program, when something is in the way. HEAD is told how the page is there.
pub(super) async fn with_visitor(
    app: AppState,
    request: Request,
    answer: impl AsyncFnOnce(Visitor, Body) -> Result<Response, ApiError>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let visitor = match Visitor::from_request_parts(&mut parts, &app).await {
        Ok(visitor) => visitor,
        Err(error) => return error.into_response(),
    };
    if visitor.method == Method::HEAD {
        return page(StatusCode::OK, pages::nothing());
    }
    match answer(visitor, body).await {
        Ok(answer) => answer,
        Err(error) => refused(&error),
    }
}

/// A form that one of our own pages sent.
async fn own_form(visitor: &Visitor, body: Body) -> Result<Parameters, ApiError> {
    if visitor.is_foreign() {
        return Err(ApiError::Protocol(error::CROSS_SITE));
    }
    if !says(&visitor.headers, "application/x-www-form-urlencoded") {
        return Err(ApiError::Protocol(error::WRONG_CONTENT_TYPE));
    }
    let received = receive(&visitor.headers, body, &visitor.app.config().limits).await?;
    Parameters::of_form(&received).map_err(ApiError::Protocol)
}

/// The form to sign in with, and a cookie for it when the browser has none.
pub(super) fn login_page(visitor: &Visitor, query: &str, notice: Option<Notice>) -> Response {
    let (browser, is_new) = visitor.browser();
    let token = visitor.app.sessions().form_token(&browser, &[FOR_LOGIN, query]);
    let mut answer = page(StatusCode::OK, pages::login(Form { query, token: &token }, notice));
    if is_new {
        visitor.keep(&mut answer, &browser);
    }
    answer
}

/// What the form to sign out carries.
pub(super) fn logout_token(visitor: &Visitor, browser: &BrowserId, query: &str) -> String {
    visitor.app.sessions().form_token(browser, &[FOR_LOGOUT, query])
}

/// A session under a new id: one that was there before the login may be known to somebody else.
fn begin(visitor: &Visitor, before: &BrowserId, login: Login, query: &str) -> Result<Response, ApiError> {
    let sessions = visitor.app.sessions();
    sessions.end(before);
    let browser = BrowserId::draw(visitor.app.random());
    sessions.begin(&browser, login, visitor.app.clock().monotonic());
    let mut answer = see_other(&next(query))?;
    visitor.keep(&mut answer, &browser);
    visitor.name_in_log(&mut answer, login.user);
    Ok(answer)
}

fn not_signed_in(visitor: &Visitor, query: &str, error: ApiError) -> Result<Response, ApiError> {
    let (status, notice) = match error {
        ApiError::InvalidCredentials => (StatusCode::FORBIDDEN, Notice::WrongCredentials),
        ApiError::AccountInactive => (StatusCode::FORBIDDEN, Notice::Inactive),
        ApiError::PasswordExpired => (StatusCode::FORBIDDEN, Notice::Expired),
        ApiError::PasswordMustChange => (StatusCode::FORBIDDEN, Notice::MustChange),
        ApiError::TooManyFailures { retry_after_secs } => {
            (StatusCode::TOO_MANY_REQUESTS, Notice::Throttled(retry_after_secs))
        }
        ApiError::Busy => (StatusCode::SERVICE_UNAVAILABLE, Notice::Busy),
        other => return Err(other),
    };
    let mut answer = with_status(status, login_page(visitor, query, Some(notice)));
    if let Some(seconds) = error.retry_after_secs() {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(answer)
}

fn with_status(status: StatusCode, mut answer: Response) -> Response {
    *answer.status_mut() = status;
    answer
}

/// The authorization request that a form was shown for, as it would be written by us: it leads nowhere but to our own page.
fn returning_to(form: &Parameters) -> String {
    let query = Parameters::of_form(form.text("query").unwrap_or_default().as_bytes());
    query.map(|query| query_of(&query)).unwrap_or_default()
}

fn next(query: &str) -> String {
    if query.is_empty() { LOGIN.to_owned() } else { format!("{AUTHORIZE}?{query}") }
}
