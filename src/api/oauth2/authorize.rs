//! The authorization endpoint (RFC 6749 section 4.1.1): who is asked, about which application, and where the answer goes.
//!
//! Nothing is kept of a request between its steps: the query comes back with each form and is read anew, against the state of
//! that moment. Nothing is said of an application before the user is known, and nothing leads anywhere before application and
//! redirect URL are (SECURITY 3).

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use events::grant::AuthenticationMethod;
use events::id::{Sequence, UserId};
use events::time::Timestamp;

use super::answers::{page, see_other, with_parameters};
use super::asked::{Asked, Unknown, query_of};
use super::login::{login_page, with_visitor};
use super::pages::{self, Notice, Problem};
use super::visitor::{SignedIn, Visitor};
use super::{AUTHORIZE, consent, refusal, sent};
use crate::api::AppState;
use crate::api::asking::not_executed;
use crate::api::error::ApiError;
use crate::api::guard::log_in;
use crate::api::headers::is_cross_site;
use crate::api::openapi::tag;
use crate::auth::basic::BasicCredentials;
use crate::commands::grant::allow::AllowAccess;
use crate::commands::grant::deny::DenyAccess;
use crate::commands::{Command, Refusal, Wish};
use crate::ledger::live::ExecuteError;
use crate::oauth::authorization_request::AuthorizationRequest;
use crate::oauth::error::{self, ProtocolError};
use crate::oauth::parameters::Parameters;
use crate::oauth::token::AuthorizationCode;

/// How often a request is read anew because something changed between reading and deciding.
const PREPARED_MAX: usize = 8;
/// How much of a redirect URL is repeated to who has to repair it.
const ECHO_CHARS_MAX: usize = 300;

/// What a page says that leads nowhere.
const SHOWN: &[ProtocolError] =
    &[error::MALFORMED, error::TWICE, error::NO_CLIENT_ID, error::NO_SUCH_CLIENT, error::OTHER_REDIRECT_URI];
/// The same, and what only a form or a program's request can have.
const TOLD: &[ProtocolError] = &[
    error::NO_CLIENT_ID,
    error::NO_SUCH_CLIENT,
    error::OTHER_REDIRECT_URI,
    error::NO_DECISION,
    error::CROSS_SITE,
    error::WRONG_CREDENTIALS,
    error::UNUSABLE_ACCOUNT,
    error::TOO_MANY_FAILURES,
];

/// Asks a user whether a client application may act for him.
///
/// A browser comes here from the application (RFC 6749 section 4.1.1, with RFC 7636, RFC 8707 and RFC 9207), and goes
/// back to it with a code. On the way are pages: to sign in, to consent, or one that says what is wrong with application
/// or redirect URL, which leads nowhere.
#[utoipa::path(
    get, path = "/oauth2/authorize", tag = tag::OAUTH2, operation_id = "authorize",
    params(sent::Authorization),
    responses(
        (status = 200, description = "A page: to sign in, to consent, or on the way back.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 303, description = "Back to the application, with `code` or `error`, and with `state` and `iss`.", headers(("Location" = String, description = "Where to."))),
        (status = 400, description = "A page: the request can't be read, or the application or its redirect URL is not known here.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 403, description = "A page: the address is on no list that has to hold it.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 500, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 503, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
    ),
    extensions(("x-oauth-errors" = json!(refusal::listed(SHOWN)))),
)]
pub(in crate::api) async fn show(State(app): State<AppState>, request: Request) -> Response {
    with_visitor(app, request, async |visitor, _| asked(&visitor).await).await
}

/// Takes an authorization request from a form, or the answer of the consent page.
///
/// Parameters are those of GET, as a form, or as JSON with HDP's names (`clientId`). Who sends Basic credentials along
/// counts as signed in for this request, and says `decision=allow` or `decision=deny` where he has not consented before;
/// what is wrong he hears as JSON.
#[utoipa::path(
    post, path = "/oauth2/authorize", tag = tag::OAUTH2, operation_id = "submitAuthorization",
    params(sent::Authorization),
    request_body(content(
        (sent::Authorization = "application/x-www-form-urlencoded"), (sent::Authorization = "application/json"),
    )),
    responses(
        (status = 200, description = "A page: to sign in, or to consent.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 303, description = "Back to the application, as from GET, or on to GET.", headers(("Location" = String, description = "Where to."))),
        (status = 400, description = "A page: the request can't be read, or the application or its redirect URL is not known here.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 403, description = "A page: another site sent the form, or the address is on no list that has to hold it.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 408, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 413, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 500, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 503, description = "A page.", body = String, content_type = "text/html; charset=utf-8"),
    ),
    extensions(
        ("x-unrecorded" = json!(true)),
        ("x-oauth-errors" = json!(refusal::listed(TOLD))),
    ),
)]
pub(in crate::api) async fn submit(State(app): State<AppState>, request: Request) -> Response {
    if request.headers().contains_key(AUTHORIZATION) {
        return with_credentials(app, request).await.unwrap_or_else(IntoResponse::into_response);
    }
    with_visitor(app, request, async |visitor, body| answered(&visitor, body).await).await
}

/// A user whose answer counts.
pub(super) struct Asker {
    pub(super) user: UserId,
    /// Since when.
    at: Timestamp,
    /// The last event before his password was judged.
    seen: Sequence,
    /// In this browser; `None`: by the credentials of this very request.
    pub(super) signed_in: Option<SignedIn>,
    /// Whether he comes right from the login form.
    is_fresh: bool,
}

impl Asker {
    fn signed_in(signed_in: SignedIn, is_fresh: bool) -> Self {
        let login = signed_in.login;
        Self { user: login.user, at: login.at, seen: login.seen, signed_in: Some(signed_in), is_fresh }
    }

    fn method(&self) -> AuthenticationMethod {
        match self.signed_in {
            Some(_) => AuthenticationMethod::LoginPage,
            None => AuthenticationMethod::Basic,
        }
    }
}

/// What a user says on the consent page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decision {
    Allow,
    Deny,
}

impl Decision {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "allow" => Some(Self::Allow),
            "deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// GET: a browser with a request.
async fn asked(visitor: &Visitor) -> Result<Response, ApiError> {
    let parameters = Parameters::of_form(visitor.query().as_bytes()).map_err(ApiError::Protocol)?;
    let Some(signed_in) = visitor.signed_in()? else {
        return Ok(login_page(visitor, &query_of(&parameters), None));
    };
    let is_fresh = visitor.app.sessions().is_fresh(&signed_in.browser);
    decide(visitor, &Asker::signed_in(signed_in, is_fresh), &parameters, None, "").await
}

/// POST: a request in a form, or a user's answer.
async fn answered(visitor: &Visitor, body: Body) -> Result<Response, ApiError> {
    let form = sent::receive(&visitor.headers, body, &visitor.app.config().limits).await?;
    let Some(decision) = form.text("decision") else {
        // A form of another site has no cookie of ours (`SameSite`), a redirect has.
        let of_query = Parameters::of_form(visitor.query().as_bytes()).map_err(ApiError::Protocol)?;
        let query = Some(query_of(&form)).filter(|query| !query.is_empty());
        return see_other(&format!("{AUTHORIZE}?{}", query.unwrap_or_else(|| query_of(&of_query))));
    };
    if visitor.is_foreign() {
        return Err(ApiError::Protocol(error::CROSS_SITE));
    }
    let decision = Decision::parse(decision).ok_or(ApiError::Protocol(error::NO_DECISION))?;
    let parameters = Parameters::of_form(visitor.query().as_bytes()).map_err(ApiError::Protocol)?;
    let Some(signed_in) = visitor.signed_in()? else {
        return Ok(login_page(visitor, &query_of(&parameters), None));
    };
    let token = form.text("csrf").unwrap_or_default();
    decide(visitor, &Asker::signed_in(signed_in, false), &parameters, Some(decision), token).await
}

/// POST with Basic credentials, HDP's *Begin the authorization flow* (hdp-api 9.11): signed in for this request, without a cookie.
/// A program asks, so it hears what is wrong as one.
async fn with_credentials(app: AppState, request: Request) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let visitor = Visitor::from_request_parts(&mut parts, &app).await?;
    // A browser may add the password that it has kept, whoever's page asks it to; no form's token tells here whose page that was.
    if is_cross_site(&visitor.headers, app.public_url(), |_| false) {
        return Err(ApiError::Protocol(error::CROSS_SITE));
    }
    let mut values = visitor.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(ApiError::InvalidCredentials);
    };
    let credentials = BasicCredentials::parse(value.as_bytes()).map_err(|_| ApiError::InvalidCredentials)?;
    let seen = visitor.seen();
    let user = log_in(&app, &credentials, visitor.uri.path(), visitor.source).await?;
    let form = sent::receive(&visitor.headers, body, &app.config().limits).await?;
    let decision =
        form.text("decision").map(|text| Decision::parse(text).ok_or(ApiError::Protocol(error::NO_DECISION)));
    let decision = decision.transpose()?;
    let parameters = if query_of(&form).is_empty() {
        Parameters::of_form(visitor.query().as_bytes()).map_err(ApiError::Protocol)?
    } else {
        form
    };
    let who = Asker { user, at: app.clock().now(), seen, signed_in: None, is_fresh: false };
    decide(&visitor, &who, &parameters, decision, "").await
}

/// Asks the user, or records what he says and leads back.
async fn decide(
    visitor: &Visitor,
    who: &Asker,
    parameters: &Parameters,
    decision: Option<Decision>,
    token: &str,
) -> Result<Response, ApiError> {
    let app = &visitor.app;
    let code = AuthorizationCode::draw(app.random());
    let cause = visitor.cause(who.user)?;
    let mut notice = Notice::Stale;
    for _ in 0..PREPARED_MAX {
        let asked = match Asked::read(app, who.user, parameters) {
            Ok(asked) => asked,
            Err(unknown) => return leads_nowhere(visitor, who, unknown),
        };
        let request = match &asked.request {
            Ok(request) => request,
            Err(error) => return asked.refuse(visitor, who, *error),
        };
        let query = query_of(parameters);
        let page = |notice| consent::page(visitor, who, &asked, request, &query, notice);
        if let (Some(_), Some(signed_in)) = (decision, &who.signed_in)
            && !consent::is_token(visitor, signed_in, &asked, request, &query, token)
        {
            return page(Some(notice));
        }
        let (open, _) = asked.open_and_allowed(&request.set.scopes);
        if decision.is_none() && !open.is_empty() {
            return page(None);
        }
        let wish = if decision == Some(Decision::Deny) {
            Wish::DenyAccess(DenyAccess {
                client: asked.client,
                client_changed: asked.row.changed,
                seen: who.seen,
            })
        } else {
            asked.allowing(who, request, &code, decision.is_some())
        };
        match app.ledger().execute(Command { cause: cause.clone(), wish }).await {
            Ok(_) if decision == Some(Decision::Deny) => return asked.refuse(visitor, who, error::DENIED),
            Ok(_) => return asked.lead_back(visitor, who, &[("code", code.text().expose())]),
            Err(ExecuteError::Refused(Refusal::Again)) => notice = Notice::Changed,
            // His password was set while this was under way.
            Err(ExecuteError::Refused(Refusal::ActorGone)) if who.signed_in.is_some() => {
                return Ok(login_page(visitor, &query, None));
            }
            Err(ExecuteError::Refused(Refusal::ActorGone)) => return Err(ApiError::InvalidCredentials),
            Err(error) => {
                let error = not_executed(error);
                return if who.signed_in.is_some() && error.status() == StatusCode::SERVICE_UNAVAILABLE {
                    asked.refuse(visitor, who, error::UNAVAILABLE)
                } else {
                    Err(error)
                };
            }
        }
    }
    Err(ApiError::Busy)
}

impl Asked {
    fn allowing(
        &self,
        who: &Asker,
        request: &AuthorizationRequest,
        code: &AuthorizationCode,
        consents: bool,
    ) -> Wish {
        Wish::AllowAccess(Box::new(AllowAccess {
            client: self.client,
            client_changed: self.row.changed,
            grant: self.grant,
            consents,
            code: code.hash(),
            redirect_uri: self.redirect_uri.clone(),
            challenge: request.challenge.map(|challenge| challenge.0),
            set: request.set.clone(),
            seen: who.seen,
            authenticated_at: who.at,
            method: who.method(),
        }))
    }

    /// Tells the application that it gets no code, and why.
    fn refuse(&self, visitor: &Visitor, who: &Asker, error: ProtocolError) -> Result<Response, ApiError> {
        self.lead_back(
            visitor,
            who,
            &[("error", error.code.text()), ("error_description", error.description)],
        )
    }

    /// Back to the application, which hears its `state` again, and who we are (RFC 9207).
    fn lead_back(
        &self,
        visitor: &Visitor,
        who: &Asker,
        answer: &[(&str, &str)],
    ) -> Result<Response, ApiError> {
        let mut parameters = answer.to_vec();
        parameters.extend(self.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", visitor.app.public_url()));
        let location = with_parameters(self.target.whole(), &parameters);
        let mut answer = if who.is_fresh {
            page(StatusCode::OK, pages::leading_on(&location, &self.target.place()))
        } else {
            see_other(&location)?
        };
        visitor.name_in_log(&mut answer, who.user);
        Ok(answer)
    }
}

/// A page for a person, an error for a program; a redirect for nobody.
fn leads_nowhere(visitor: &Visitor, who: &Asker, unknown: Unknown) -> Result<Response, ApiError> {
    let (error, title, text, details) = match unknown {
        Unknown::Client(error) => (
            error,
            "The application is not known here",
            "The link that led here names no application that you can use. Go back to where you came from, and tell its \
            operators.",
            Vec::new(),
        ),
        Unknown::Target { sent, registered } => (
            error::OTHER_REDIRECT_URI,
            "The application can't be answered",
            "The link that led here wants the answer sent to an address that is not one of the application's. Go back to where \
            you came from, and tell its operators.",
            vec![
                (
                    "Wanted",
                    vec![sent.map_or_else(
                        || "none, and several are registered".to_owned(),
                        |sent| beginning(&sent),
                    )],
                ),
                ("Registered", registered),
            ],
        ),
    };
    if who.signed_in.is_none() {
        return Err(ApiError::Protocol(error));
    }
    let problem =
        Problem { title, text, details: &details, error: error.code.text(), description: error.description };
    let mut answer = page(StatusCode::BAD_REQUEST, pages::problem(&problem));
    visitor.name_in_log(&mut answer, who.user);
    Ok(answer)
}

fn beginning(text: &str) -> String {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
