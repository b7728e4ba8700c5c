//! The OpenAPI document in the hands of programs that know nothing else of us: one says whether it is a document, the other
//! makes requests from it, good and bad ones, and holds the answers against it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::answers::{APPS, Client, app};
use crate::foreign::{REDIRECT, post, register};
use crate::place::{Place, Server};
use crate::python::python;

/// How many objects of each kind there are to be found, changed and deleted.
const OBJECTS: u64 = 40;
/// What every answer has to keep. Which bodies are good is not all said by a schema, so that refusals of good ones don't count.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,negative_data_rejection,unsupported_method,missing_required_header,error_code_conformance";

/// Who the fuzzer is: not the first user, nor one whom it thinks of soon. As the first it set itself another password, and
/// from then on was tested for nothing but 401.
const FUZZER: (&str, &str) = ("fuzzer", "a long and winding road 8");

fn said(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn fill(admin: &Client) {
    let create = |path: &str, body: &serde_json::Value| {
        let answer = admin.send("POST", path, &[], Some(body)).expect("is answered");
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
    };
    for number in 1..=OBJECTS {
        create(APPS, &app(&format!("app {number}")));
        let profile =
            json!({ "name": format!("profile_{number}"), "oauthAppId": number, "refreshToken": "r" });
        create("/api/mgmt/oauthprofiles", &profile);
        let options = json!({ "OAuthProfileId": number.to_string(), "ServiceKey": "s" });
        let source = json!({ "name": format!("source{number}"), "dataStore": 54, "options": options });
        create("/api/mgmt/datasources", &source);
        create("/api/admin/users", &user(&format!("user {number}"), None));
    }
    create("/api/admin/users", &user(FUZZER.0, Some(FUZZER.1)));
}

/// A client application with every way to tokens, and tokens of its own, for the requests that clients make.
fn client(server: &Server) -> serde_json::Value {
    let grant_types = json!({ "grantTypes": ["authorization_code", "refresh_token", "client_credentials"] });
    let registered = register(&server.admin(), "fuzzed", REDIRECT, &grant_types);
    let text = |name: &str| registered[name].as_str().expect("a text").to_owned();
    let (id, secret) = (text("clientId"), text("clientSecret"));
    let token = || {
        let form = [("grant_type", "client_credentials")];
        let answer =
            post(server.address(), "/oauth2/token", (&id, Some(&secret)), &form).expect("is answered");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].clone()
    };
    let tokens: Vec<_> = (0..OBJECTS).map(|_| token()).collect();
    json!({ "id": id, "secret": secret, "redirect": REDIRECT, "tokens": tokens })
}

/// An administrator; without a password he can't log in.
fn user(name: &str, password: Option<&str>) -> serde_json::Value {
    let mut body =
        json!({ "userName": name, "statusInfo": { "status": 1 }, "permissions": { "roles": [1] } });
    if let Some(password) = password {
        body["passwordInfo"] = json!({ "password": password, "passwordStatus": 1 });
    }
    body
}

#[test]
fn the_document_is_valid_openapi_3_1() {
    let place = Place::new();
    let server = place.serve();
    let document = place.path().join("openapi.json");
    std::fs::write(&document, server.admin().get("/api/openapi.json").body).expect("writes");
    let validator = Command::new(python())
        .args(["-m", "openapi_spec_validator", "--schema", "3.1", "--errors", "all"])
        .arg(&document)
        .output()
        .expect("starts");
    assert!(validator.status.success(), "{}", said(&validator));
}

/// The fuzzer's choices are the same in every run, and other ones in every soak.
#[test]
fn l11_what_a_fuzzer_makes_of_the_document_is_answered_as_the_document_says() {
    let place = Place::new();
    let server = place.serve();
    fill(&server.admin());
    let soak = crate::rounds(0, 1) == 1;
    let (seconds, examples) = if soak { ("1200", "1000") } else { ("60", "40") };
    let mut fuzzer = Command::new(python());
    fuzzer
        .args([
            "-m",
            "schemathesis.cli",
            "run",
            "--no-color",
            "--warnings",
            "off",
            "--generation-database",
            "none",
        ])
        .args(["--auth", &format!("{}:{}", FUZZER.0, FUZZER.1), "--phases", "examples,coverage,fuzzing"])
        .args([
            "--checks",
            CHECKS,
            "--continue-on-failure",
            "--max-time",
            seconds,
            "--max-examples",
            examples,
        ])
        // They answer 501, which the fuzzer takes for a fault.
        .args(["--exclude-tag", "Not offered"])
        .arg(format!("http://{}/api/openapi.json", server.address()))
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("FUZZER_CLIENT", client(&server).to_string())
        .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/schemathesis"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(place.path());
    if !soak {
        fuzzer.args(["--seed", "1"]);
    }
    let ran = fuzzer.output().expect("starts");
    assert!(ran.status.success(), "{}", said(&ran));
    assert_eq!(server.admin().get("/readyz").status, 200, "{}", said(&ran));
    drop(server);
    let made = 7 + 4 * OBJECTS;
    let size = place.verified();
    assert!(size > made + 20, "the fuzzer changed next to nothing: {size} events\n{}", said(&ran));
    // As a client application it came through the door, and did something there.
    for (kind, before) in [("AccessTokenIssued", OBJECTS), ("AccessTokenRevoked", 0)] {
        let lines = place.offline("events", &["--type", kind, "--format", "jsonl"]).lines().count() as u64;
        assert!(lines > before, "{lines} {kind}\n{}", said(&ran));
    }
}
