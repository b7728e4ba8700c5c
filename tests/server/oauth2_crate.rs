//! The crate `oauth2`, unmodified, over the tests' own HTTP: code with PKCE, refresh, client credentials, introspection,
//! revocation, each answer read by its types.

use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IntrospectionUrl, PkceCodeChallenge, RedirectUrl, RequestTokenError,
    RevocationUrl, Scope, StandardRevocableToken, TokenIntrospectionResponse as _, TokenResponse as _,
    TokenUrl,
};
use serde_json::Value;
use url::Url;

use crate::foreign::{ADA, LOOPBACK_PORT, REDIRECT, SCOPE, settings};
use crate::place::Place;
use crate::visitor::Visitor;

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointSet>;

/// Sends what the crate made, follows no redirect, and hands back whatever came. It revokes tokens over https alone, which
/// in front of a server a proxy ends.
fn http(mut request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let plain = request.uri().to_string().replacen("https://", "http://", 1);
    *request.uri_mut() = plain.parse().map_err(ureq::http::Error::from)?;
    let settings = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let (head, mut body) = settings.build().new_agent().run(request)?.into_parts();
    Ok(ureq::http::Response::from_parts(head, body.read_to_vec()?))
}

/// The client with this registration.
fn client(issuer: &str, registered: &Value, redirect: &str) -> Client {
    let text = |name: &str| registered[name].as_str().map(str::to_owned);
    let at = |path: &str| format!("{issuer}/oauth2/{path}");
    let client = BasicClient::new(ClientId::new(text("clientId").expect("each has one")))
        .set_auth_uri(AuthUrl::new(at("authorize")).expect("a URL"))
        .set_token_uri(TokenUrl::new(at("token")).expect("a URL"))
        .set_introspection_url(IntrospectionUrl::new(at("introspect")).expect("a URL"))
        .set_revocation_url(
            RevocationUrl::new(at("revoke").replacen("http://", "https://", 1)).expect("a URL"),
        )
        .set_redirect_uri(RedirectUrl::new(redirect.to_owned()).expect("a URL"));
    match text("clientSecret") {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret)),
        None => client.set_auth_type(AuthType::RequestBody),
    }
}

/// The whole way to tokens.
fn tokens(client: &Client, visitor: &mut Visitor) -> BasicTokenResponse {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let scope = Scope::new(SCOPE.to_owned());
    let asked = client.authorize_url(CsrfToken::new_random).add_scope(scope).set_pkce_challenge(challenge);
    let (url, state) = asked.url();
    let callback = Url::parse(&visitor.goes_to(url.as_str())).expect("a URL");
    let parameter = |name: &str| {
        let found = callback.query_pairs().find(|(there, _)| there == name);
        found.unwrap_or_else(|| panic!("no {name} in {callback}")).1.into_owned()
    };
    assert_eq!(&parameter("state"), state.secret());
    let code = AuthorizationCode::new(parameter("code"));
    client.exchange_code(code).set_pkce_verifier(verifier).request(&http).expect("tokens")
}

/// The error that a token request was answered with.
fn refused<T: std::fmt::Debug>(
    answer: Result<T, RequestTokenError<ureq::Error, oauth2::basic::BasicErrorResponse>>,
) -> BasicErrorResponseType {
    match answer {
        Err(RequestTokenError::ServerResponse(error)) => error.error().clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_crate_oauth2_goes_through_code_refresh_client_credentials_and_introspection() {
    let place = Place::new();
    let server = place.serve();
    let settings = settings(&server);
    let issuer = settings["issuer"].as_str().expect("a text");
    let mut visitor = Visitor::new(server.address(), ADA);

    for authentication in [AuthType::BasicAuth, AuthType::RequestBody] {
        let client = client(issuer, &settings["confidential"], REDIRECT).set_auth_type(authentication);
        let first = tokens(&client, &mut visitor);
        assert_eq!(first.scopes(), Some(&vec![Scope::new(SCOPE.to_owned())]));
        let refresh = first.refresh_token().expect("confidential clients get one");
        let second = client.exchange_refresh_token(refresh).request(&http).expect("tokens");
        assert!(second.refresh_token().is_none_or(|kept| kept.secret() == refresh.secret()));
        for token in [&first, &second] {
            let answer = client.introspect(token.access_token()).request(&http).expect("is answered");
            assert!(answer.active());
            assert_eq!(answer.client_id(), Some(client.client_id()));
            assert_eq!(answer.iss(), Some(issuer));
            assert!(answer.exp() > answer.iat(), "{answer:?}");
        }
        let revoke = client.revoke_token(StandardRevocableToken::from(refresh)).expect("https");
        revoke.request(&http).expect("is answered");
        for token in [&first, &second] {
            let answer = client.introspect(token.access_token()).request(&http).expect("is answered");
            assert!(!answer.active(), "what the refresh token gave ends with it");
        }
    }

    let public = client(issuer, &settings["public"], LOOPBACK_PORT);
    let first = tokens(&public, &mut visitor);
    let refresh = first.refresh_token().expect("public clients get one");
    let second = public.exchange_refresh_token(refresh).request(&http).expect("tokens");
    let successor = second.refresh_token().expect("a public client's rotates");
    assert_ne!(successor.secret(), refresh.secret());
    public.exchange_refresh_token(successor).request(&http).expect("tokens");
    let reused = public.exchange_refresh_token(refresh).request(&http);
    assert_eq!(refused(reused), BasicErrorResponseType::InvalidGrant);
    let after = public.exchange_refresh_token(successor).request(&http);
    assert_eq!(refused(after), BasicErrorResponseType::InvalidGrant, "reuse ends the family");

    let service = client(issuer, &settings["service"], REDIRECT);
    let own = service.exchange_client_credentials().request(&http).expect("a token");
    assert!(own.refresh_token().is_none());
    let answer = service.introspect(own.access_token()).request(&http).expect("is answered");
    assert_eq!((answer.active(), answer.sub()), (true, settings["service"]["clientId"].as_str()));
    let other = client(issuer, &settings["confidential"], REDIRECT);
    let answer = other.introspect(own.access_token()).request(&http).expect("is answered");
    assert!(!answer.active(), "another client's");
    let wrong = other.set_client_secret(ClientSecret::new("wrong".to_owned()));
    let answer = wrong.exchange_client_credentials().request(&http);
    assert_eq!(refused(answer), BasicErrorResponseType::InvalidClient);
    assert_eq!(visitor.logins, 1, "one session");
}
