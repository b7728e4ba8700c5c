//! What the authorization server says of itself (RFC 8414).

use authledger::config::Config;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::house::{ADMIN, House};
use super::protocol::Client;

const METADATA: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn s27_the_metadata_says_what_the_settings_say() {
    let mut config = Config::default();
    let off = House::new(config.clone()).get(METADATA).await;
    assert_eq!(off.status, StatusCode::OK);
    let document = off.json();
    assert_eq!(document["issuer"], "http://127.0.0.1:8080");
    for (name, path) in [
        ("authorization_endpoint", "authorize"),
        ("token_endpoint", "token"),
        ("introspection_endpoint", "introspect"),
        ("revocation_endpoint", "revoke"),
    ] {
        assert_eq!(document[name], format!("http://127.0.0.1:8080/oauth2/{path}"), "{name}");
    }
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    let grants = json!(["authorization_code", "refresh_token", "client_credentials"]);
    assert_eq!(document["grant_types_supported"], grants);

    config.oauth.password_grant = true;
    config.server.public_url = Some("https://ledger.example".to_owned());
    let on = House::new(config).get(METADATA).await.json();
    assert_eq!(on["grant_types_supported"][3], "password", "advertised only while it is on");
    assert_eq!(on["issuer"], "https://ledger.example");
    assert_eq!(on["token_endpoint"], "https://ledger.example/oauth2/token");
}

/// What is listed is done, and what is not is refused: by grant type, by way to authenticate, by scope.
#[tokio::test]
async fn s27_what_the_metadata_lists_is_done_and_nothing_else() {
    for password_grant in [false, true] {
        let mut config = Config::default();
        config.oauth.password_grant = password_grant;
        let house = House::new(config);
        let document = house.get(METADATA).await.json();
        let listed = |name: &str| -> Vec<String> {
            let all = document[name].as_array().expect("a list").iter();
            all.map(|value| value.as_str().expect("a text").to_owned()).collect()
        };
        let scopes = listed("scopes_supported");
        let every = json!({
            "grantTypes": ["authorization_code", "refresh_token", "client_credentials", "password"],
            "passwordGrantUntil": "2026-12-01T00:00:00Z", "scopes": scopes, "runAs": 1,
        });
        let client = Client::register(&house, ADMIN, "everything", every).await;
        let token = document["token_endpoint"].as_str().expect("an address");
        let token = token.strip_prefix("http://127.0.0.1:8080").expect("ours");
        let grants = listed("grant_types_supported");
        for grant in ["authorization_code", "refresh_token", "client_credentials", "password", "implicit"] {
            let answer = client.ask(&house, token, &[("grant_type", grant)]).await;
            let unsupported = answer.json()["error"] == "unsupported_grant_type";
            assert_eq!(unsupported, !grants.contains(&grant.to_owned()), "{grant}: {answer:?}");
        }
        for scope in &scopes {
            let form = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
            assert_eq!(client.ask(&house, token, &form).await.json()["scope"], *scope);
        }
        let own = Client::machine(&house, "machine").await.own_token(&house).await;
        for (address, name) in [
            ("introspection_endpoint", "introspection_endpoint_auth_methods_supported"),
            ("revocation_endpoint", "revocation_endpoint_auth_methods_supported"),
            ("token_endpoint", "token_endpoint_auth_methods_supported"),
        ] {
            let path = document[address].as_str().and_then(|url| url.strip_prefix("http://127.0.0.1:8080"));
            let path = path.expect("ours");
            let public = Client::public(&house, address).await;
            let (bearer, form) = (format!("authorization: Bearer {own}"), [("token", "x")]);
            for (method, answer) in [
                ("client_secret_basic", client.ask(&house, path, &form).await),
                ("client_secret_post", client.post(&house, path, &form).await),
                ("none", public.post(&house, path, &form).await),
                ("Bearer", house.send_form(path, &[&bearer], &form).await),
            ] {
                let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                let believed = body["error"] != "invalid_client";
                assert_eq!(believed, listed(name).contains(&method.to_owned()), "{address} {method}");
            }
        }
    }
}
