//! PyPI's `requests-oauthlib`, unmodified: code with and without PKCE, refresh by hand and by itself, the password grant
//! where it is allowed. The library raises when the scope of an answer is not the one it asked for.

use std::path::Path;
use std::process::Command;

use authledger::clock::{Clock as _, DAY_MICROS, SystemClock};
use events::time::Timestamp;
use serde_json::{Value, json};

use crate::foreign::{ADA, REDIRECT, converse, register, settings};
use crate::place::Place;
use crate::python::python;
use crate::visitor::Visitor;

#[test]
fn requests_oauthlib_goes_through_code_refresh_and_password() {
    let place = Place::new().with("OAUTH__PASSWORD_GRANT", "true");
    let server = place.serve();
    let mut settings = settings(&server);
    // In a week.
    let until = Timestamp(SystemClock::new().now().0 + 7 * DAY_MICROS).to_string();
    let legacy = json!({ "grantTypes": ["password", "refresh_token"], "passwordGrantUntil": until });
    settings["legacy"] = register(&server.admin(), "legacy", REDIRECT, &legacy);
    let denied = settings["denied"]["clientId"].as_str().expect("a text").to_owned();
    let mut visitor = Visitor::new(server.address(), ADA).denying(&denied);
    let mut program = Command::new(python());
    program
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/oauthlib_client.py"))
        // It insists on https, which a proxy ends before us.
        .env("OAUTHLIB_INSECURE_TRANSPORT", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let found = converse(&mut program, &settings, &mut visitor);

    for way in ["plain", "pkce"] {
        let found = &found[way];
        assert_eq!(
            (&found["scope"], &found["type"]),
            (&json!([settings["scope"]]), &json!("Bearer")),
            "{found}"
        );
        assert_eq!(found["lifetime"], 3600, "{found}");
        assert_eq!(found["repeated"], true, "{found}");
        assert_eq!(found["alive"]["active"], true, "{found}");
        assert_eq!(found["automatic"], json!([true]), "it refreshed by itself, once: {found}");
        assert_eq!(found["replay"]["error"], "invalid_grant", "{found}");
        assert_eq!(found["afterReplay"], json!({ "active": false }), "{found}");
    }
    assert_eq!(found["body"]["active"], true, "{found}");
    assert_eq!(found["revoked"], json!({ "status": 200, "after": { "active": false } }));
    assert_eq!(found["denied"]["error"], "access_denied", "{found}");
    assert_eq!(found["denied"]["description"], "User denied OAuth access");

    let allowed = &found["password_legacy"];
    assert_eq!(allowed["wrong"]["error"], "invalid_grant", "{allowed}");
    assert_eq!(
        (&allowed["right"]["error"], &allowed["alive"]["active"]),
        (&Value::Null, &json!(true)),
        "{allowed}"
    );
    let refused = &found["password_confidential"];
    assert_eq!(refused["right"]["error"], "unauthorized_client", "{refused}");
    assert_eq!(
        refused["wrong"]["error"], "unauthorized_client",
        "before the password is looked at: {refused}"
    );

    assert_eq!(found["service"]["alive"]["active"], true, "{found}");
    assert_eq!(found["service"]["elsewhere"], json!({ "active": false }), "{found}");
    assert_eq!((visitor.logins, visitor.consents), (1, 2));
}
