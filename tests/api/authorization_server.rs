//! What the authorization server says of itself (RFC 8414).

use authledger::config::Config;
use axum::http::StatusCode;
use serde_json::json;

use super::house::House;

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
