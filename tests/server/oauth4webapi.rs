//! npm's `oauth4webapi`, unmodified: discovery, code with PKCE, refresh, introspection, revocation, `iss`, client
//! credentials. The library is strict: what an RFC forbids in an answer ends its program.

use serde_json::{Value, json};

use crate::foreign::{ADA, converse, node, settings};
use crate::place::Place;
use crate::visitor::Visitor;

#[test]
fn oauth4webapi_goes_through_discovery_code_refresh_introspection_and_revocation() {
    let place = Place::new();
    let server = place.serve();
    let settings = settings(&server);
    let id = |client: &str| settings[client]["clientId"].clone();
    let mut visitor = Visitor::new(server.address(), ADA).denying(id("denied").as_str().expect("a text"));
    let program = include_str!("../clients/node/oauth4webapi.mjs");
    let found = converse(&mut node(program), &settings, &mut visitor);

    assert_eq!(found["metadata"]["issuer"], settings["issuer"]);
    assert_eq!(found["metadata"]["authorization_response_iss_parameter_supported"], true);
    for way in ["basic", "post"] {
        let found = &found[way];
        assert_eq!(found["tokens"]["scope"], settings["scope"], "{found}");
        assert_eq!(found["tokens"]["expires_in"], 3600, "{found}");
        assert_eq!(found["repeated"], true, "a confidential client keeps its refresh token: {found}");
        let alive = &found["alive"];
        assert_eq!((&alive["active"], &alive["client_id"]), (&json!(true), &id("confidential")), "{found}");
        assert_eq!((&alive["iss"], &alive["scope"]), (&settings["issuer"], &settings["scope"]), "{found}");
        assert_eq!(found["dead"], json!({ "active": false }), "{found}");
        assert_eq!(found["other"]["active"], true, "one access token alone was revoked: {found}");
        assert_eq!(found["ended"], json!({ "active": false }), "with the refresh token: {found}");
        assert_eq!(found["refreshRevoked"]["error"], "invalid_grant", "{found}");
    }

    let public = &found["public"];
    assert_eq!((&public["rotated"], &public["retried"]), (&json!(true), &json!(true)), "{public}");
    assert_eq!(public["reuse"]["error"], "invalid_grant", "{public}");
    assert_eq!(public["afterReuse"]["error"], "invalid_grant", "reuse ends the family: {public}");

    assert_eq!(found["replay"]["refusal"]["error"], "invalid_grant", "{}", found["replay"]);
    assert_eq!(found["replay"]["after"], json!({ "active": false }), "what came of the code ends");
    for refused in found["iss"].as_array().expect("two") {
        assert_eq!(refused["library"], "OAUTH_INVALID_RESPONSE", "{refused}");
    }
    assert_eq!(found["wrongVerifier"]["error"], "invalid_grant", "{}", found["wrongVerifier"]);
    assert_eq!(found["wrongSecret"]["error"], "invalid_client", "{}", found["wrongSecret"]);
    assert_eq!(found["denied"]["error"], "access_denied", "{}", found["denied"]);
    assert_eq!(found["denied"]["description"], "User denied OAuth access");

    let service = &found["service"];
    assert_eq!(service["refreshToken"], Value::Null, "{service}");
    assert_eq!(
        (&service["alive"]["active"], &service["alive"]["sub"]),
        (&json!(true), &id("service")),
        "{service}"
    );
    assert_eq!(service["elsewhere"], json!({ "active": false }), "another client's: {service}");

    assert_eq!(visitor.logins, 1, "one session");
    assert_eq!(visitor.consents, 3, "the confidential one once, the public one, the denied one");
}
