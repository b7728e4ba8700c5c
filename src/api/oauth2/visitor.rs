//! Who is at the other end of a page: a browser, known by its cookie, and perhaps a user who logged in there (SECURITY L13).

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, ORIGIN, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::response::Response;
use events::envelope::{Actor, StreamKind};
use events::id::{CommandId, Sequence, UserId};
use events::sealed::Field;
use events::user::UserStatus;

use crate::api::AppState;
use crate::api::asking::{fault, sealed_origin};
use crate::api::error::{ApiError, Fault};
use crate::api::guard::{Caller, source_of};
use crate::api::rim::RequestId;
use crate::api::source::{Gate, Source};
use crate::commands::Cause;
use crate::oauth::sessions::{BrowserId, Login};
use crate::vault::{PlainSecret, VaultError};

/// With a host prefix a browser takes the cookie only over https, for this host alone, and sends it to no other (RFC 6265bis).
const COOKIE_NAME: &str = "__Host-authledger";
/// On a loopback address without TLS a browser would not take that one.
const PLAIN_COOKIE_NAME: &str = "authledger";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request for a page, before anybody's word is believed.
pub(super) struct Visitor {
    pub(super) app: AppState,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) source: Source,
    request: CommandId,
    /// As its cookie says.
    browser: Option<BrowserId>,
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let RequestId(request) = *parts
            .extensions
            .get::<RequestId>()
            .ok_or_else(|| ApiError::Internal(Fault::new("a request without an id")))?;
        let headers = parts.headers.clone();
        Ok(Self {
            app: app.clone(),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            source: source_of(app, &parts.extensions, &headers),
            request,
            browser: browser(&headers, cookie_name(app)),
            headers,
        })
    }
}

/// A browser with a user who logged in there and may still act.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) browser: BrowserId,
    pub(super) login: Login,
}

impl Visitor {
    /// The query as it was sent.
    pub(super) fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// Whether a page of another site made a browser send this. What our own pages send has no `Origin` that says so, because
    /// they tell nobody where their visitors come from (`Referrer-Policy`).
    pub(super) fn is_foreign(&self) -> bool {
        is_foreign(&self.headers, self.app.public_url())
    }

    /// Refuses an address that the lists of the whole system keep out.
    pub(super) fn gate(&self) -> Result<Gate, ApiError> {
        Gate::of(&self.app, self.source, self.uri.path())
    }

    /// Who is logged in in this browser, from an address that may come in.
    pub(super) fn signed_in(&self) -> Result<Option<SignedIn>, ApiError> {
        let gate = self.gate()?;
        let Some(browser) = &self.browser else { return Ok(None) };
        let sessions = self.app.sessions();
        let Some(login) = sessions.find(browser, self.app.clock().monotonic()) else { return Ok(None) };
        if !self.still_stands(login) {
            sessions.end(browser);
            return Ok(None);
        }
        gate.admit(&self.app, login.user)?;
        Ok(Some(SignedIn { browser: browser.clone(), login }))
    }

    /// Whether nothing ended what began with this login (TOKENS section 5): a password set since, or the account itself. That
    /// it is locked does not matter, for anybody can bring that about.
    fn still_stands(&self, login: Login) -> bool {
        self.app.ledger().read(|view| {
            let Some(user) = view.state.users.rows.get(&login.user) else { return false };
            user.status == UserStatus::Active && !user.ends_logins_after(login.seen)
        })
    }

    /// The browser, or one that is known from now on.
    pub(super) fn browser(&self) -> (BrowserId, bool) {
        match &self.browser {
            Some(browser) => (browser.clone(), false),
            None => (BrowserId::draw(self.app.random()), true),
        }
    }

    /// The last event that is there at this moment, for [`Login::seen`].
    pub(super) fn seen(&self) -> Sequence {
        Sequence(self.app.ledger().size().saturating_sub(1))
    }

    /// The name of a user.
    pub(super) fn name_of(&self, user: UserId) -> Result<PlainSecret, ApiError> {
        let name =
            self.app.ledger().read(|view| view.state.users.rows.get(&user).map(|row| row.name.clone()));
        let name = name.ok_or(ApiError::InvalidCredentials)?;
        match self.app.vault().unseal_text(&name, StreamKind::USER, Field::USER_NAME) {
            Err(VaultError::Erased { .. }) => Err(ApiError::InvalidCredentials),
            other => other.map_err(fault),
        }
    }

    /// Why this user's wish reaches the writer.
    pub(super) fn cause(&self, user: UserId) -> Result<Cause, ApiError> {
        Ok(Cause {
            id: self.request,
            actor: Actor::User(user),
            on_behalf_of: None,
            bearer: None,
            idempotency: None,
            origin: sealed_origin(&self.app, user, self.source)?,
        })
    }

    /// Names the user in the line that the rim writes about this request.
    pub(super) fn name_in_log(&self, answer: &mut Response, user: UserId) {
        answer.extensions_mut().insert(Caller { user, source: self.source, bearer: None });
    }

    /// Has the browser keep this id from now on. It leaves with the browser's own session.
    pub(super) fn keep(&self, answer: &mut Response, browser: &BrowserId) {
        self.set_cookie(answer, &browser.text(), "");
    }

    /// Has the browser forget its id.
    pub(super) fn forget(&self, answer: &mut Response) {
        self.set_cookie(answer, "", "; Max-Age=0");
    }

    fn set_cookie(&self, answer: &mut Response, value: &str, more: &str) {
        let secure = if is_https(&self.app) { "; Secure" } else { "" };
        let name = cookie_name(&self.app);
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
        let mut cookie = HeaderValue::try_from(cookie).expect("base64url is a header value");
        cookie.set_sensitive(true);
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn is_https(app: &AppState) -> bool {
    app.public_url().starts_with("https://")
}

fn cookie_name(app: &AppState) -> &'static str {
    if is_https(app) { COOKIE_NAME } else { PLAIN_COOKIE_NAME }
}

/// The one cookie of that name. Of two, one was planted by somebody, and nobody knows which.
fn browser(headers: &HeaderMap, name: &str) -> Option<BrowserId> {
    let mut values =
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| {
            value
                .split(';')
                .filter_map(|pair| pair.trim().split_once('=').filter(|(other, _)| *other == name))
        });
    let (Some((_, value)), None) = (values.next(), values.next()) else { return None };
    BrowserId::parse(value)
}

fn is_foreign(headers: &HeaderMap, public_url: &str) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().map(HeaderValue::as_bytes).peekable();
    if sites.peek().is_some() {
        return !sites.all(|site| matches!(site, b"same-origin" | b"none"));
    }
    // A browser that says nothing of sites is told apart by the form's token alone where it writes `null`.
    let mut origins = headers.get_all(ORIGIN).iter().map(HeaderValue::as_bytes);
    !origins.all(|origin| origin == b"null" || origin == public_url.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededRandom;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a header value"));
        }
        headers
    }

    #[test]
    fn l13_a_cookie_that_stands_twice_is_none() {
        let id = BrowserId::draw(&SeededRandom::new(1));
        let text = id.text();
        let own = format!("authledger={}", *text);
        for (lines, read) in [
            (vec![own.clone()], true),
            (vec![format!("a=b; {own}; c=d")], true),
            (vec!["a=b".to_owned(), own.clone()], true),
            (vec![], false),
            (vec![format!("{own}; {own}")], false),
            (vec![own.clone(), own.clone()], false),
            (vec![format!("__Host-{own}")], false),
            (vec![format!("{own}x")], false),
            (vec!["authledger=".to_owned()], false),
        ] {
            let pairs: Vec<(&'static str, &str)> =
                lines.iter().map(|line| ("cookie", line.as_str())).collect();
            let found = browser(&headers(&pairs), PLAIN_COOKIE_NAME);
            assert_eq!(found, read.then(|| id.clone()), "{lines:?}");
        }
    }

    #[test]
    fn l15_a_form_of_another_site_is_known() {
        let ours = "https://ledger.example";
        for (lines, foreign) in [
            (&[][..], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "null")], true),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], true),
            (&[("origin", "https://ledger.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://evil.example")], true),
            (&[("origin", "http://ledger.example")], true),
            (&[("origin", "null"), ("origin", "https://evil.example")], true),
        ] {
            assert_eq!(is_foreign(&headers(lines), ours), foreign, "{lines:?}");
        }
    }
}
