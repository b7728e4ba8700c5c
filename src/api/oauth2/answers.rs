//! What pages, style sheet and redirects are answered with: policies that keep a browser from doing what no page of ours asks for
//! (SECURITY L13).

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use maud::Markup;
use url::form_urlencoded;

use super::pages::{self, Problem};
use super::refusal;
use crate::api::error::{ApiError, Fault};
use crate::oauth::redirect::RedirectUrl;

/// A page whose forms lead to ourselves.
pub(super) fn page(status: StatusCode, page: Markup) -> Response {
    page_leading_to(status, page, None)
}

/// A page whose forms lead to ourselves and on from there, by a redirect that Chromium judges by the policy of the page.
pub(super) fn page_leading_to(status: StatusCode, page: Markup, target: Option<&RedirectUrl>) -> Response {
    let onward = target.map(|target| format!(" {}", policy_source(target))).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'{onward}"
    );
    let mut answer = Response::new(Body::from(page.into_string()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = HeaderValue::try_from(policy).expect("origins and schemes are ASCII");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    private(&mut answer);
    answer
}

/// An origin or a scheme. A policy knows no IPv6 addresses, so for one of them its scheme stands.
fn policy_source(target: &RedirectUrl) -> String {
    let source = target.policy_source();
    match source.split_once(':') {
        Some((scheme, host)) if host.contains('[') => format!("{scheme}:"),
        _ => source,
    }
}

/// A redirect after which a browser asks by GET, whatever it sent here: a form with a password in it goes no further (RFC 9700
/// section 4.12).
pub(super) fn see_other(location: &str) -> Result<Response, ApiError> {
    let location = HeaderValue::try_from(location)
        .map_err(|_| ApiError::Internal(Fault::new("an address that no header can hold")))?;
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    answer.headers_mut().insert(LOCATION, location);
    private(&mut answer);
    Ok(answer)
}

/// Nobody keeps it, and nobody is told where its visitor came from.
fn private(answer: &mut Response) {
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// The address with these parameters added to its query.
pub(super) fn with_parameters(address: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{query}")
}

/// A refusal of ours, to a person.
pub(super) fn refused(error: &ApiError) -> Response {
    let (status, protocol) = refusal::of(error);
    let text = match status {
        StatusCode::SERVICE_UNAVAILABLE => "The server can't do this at the moment. Please try again soon.",
        StatusCode::FORBIDDEN => "This can't be done from here.",
        status if status.is_server_error() => {
            "Something went wrong here. If it stays, tell the operators of this server."
        }
        _ => "The request can't be read.",
    };
    let page = pages::problem(&Problem {
        title: "That did not work",
        text,
        details: &[],
        error: protocol.code.text(),
        description: protocol.description,
    });
    let mut answer = self::page(status, page);
    if let Some(seconds) = error.retry_after_secs() {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// How the pages look.
#[utoipa::path(
    get, path = "/login/page.css", tag = crate::api::openapi::tag::OAUTH2, operation_id = "getLoginStyle",
    responses((status = 200, description = "The style sheet.", body = String, content_type = "text/css; charset=utf-8")),
)]
pub(in crate::api) async fn style() -> Response {
    let mut answer = Response::new(Body::from(include_str!("pages.css")));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=600"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l13_a_policy_names_the_target_of_this_request_and_nothing_else() {
        for (target, source) in [
            ("https://app.example/cb?x=1;y", "https://app.example"),
            ("https://app.example:8443/cb", "https://app.example:8443"),
            ("http://127.0.0.1:5123/cb", "http://127.0.0.1:5123"),
            ("http://[::1]:5123/cb", "http:"),
            ("com.example.app:/cb", "com.example.app:"),
        ] {
            let target = RedirectUrl::parse(target).expect("a good URL");
            assert_eq!(policy_source(&target), source);
        }
    }

    #[test]
    fn parameters_are_added_to_what_an_address_has() {
        let added = [("code", "a b&c"), ("state", "ä=\"")];
        for (address, expected) in [
            ("https://a.example/cb", "https://a.example/cb?code=a+b%26c&state=%C3%A4%3D%22"),
            ("https://a.example/cb?x=1", "https://a.example/cb?x=1&code=a+b%26c&state=%C3%A4%3D%22"),
            ("com.example.app:/cb", "com.example.app:/cb?code=a+b%26c&state=%C3%A4%3D%22"),
        ] {
            assert_eq!(with_parameters(address, &added), expected);
        }
    }
}
