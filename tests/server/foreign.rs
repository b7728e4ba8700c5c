//! Programs of others at our server: the clients they are registered as, the person who goes through their browser steps,
//! and the conversation with them.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use url::form_urlencoded;

use crate::answers::{Answer, Client};
use crate::place::Server;
use crate::visitor::Visitor;

/// Who consents.
pub(crate) const ADA: (&str, &str) = ("ada", "a short and narrow path 9");
/// Where confidential clients get their codes. Nobody listens there: the visitor only reads where he is sent.
pub(crate) const REDIRECT: &str = "https://client.example/callback";
/// Where a public client is registered, and the port it happens to listen on (RFC 8252, section 7.3).
const LOOPBACK: &str = "http://127.0.0.1/callback";
pub(crate) const LOOPBACK_PORT: &str = "http://127.0.0.1:49152/callback";
pub(crate) const SCOPE: &str = "api.access.odata";
const CLIENTS: &str = "/api/mgmt/oauth/client/applications";

/// The longest a program may take, in seconds: a hanging one is ended, and what it said is told.
const PATIENCE: &str = "120";

/// An active user who can log in.
pub(crate) fn user(admin: &Client, (name, password): (&str, &str)) -> u64 {
    let body = json!({
        "userName": name,
        "statusInfo": { "status": 1 },
        "passwordInfo": { "password": password, "passwordStatus": 1 },
        "permissions": { "roles": [2] },
    });
    let answer = admin.send("POST", "/api/admin/users", &[], Some(&body)).expect("is answered");
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_u64().expect("a number")
}

/// Registers a client application: its id, client id and secret, as they were answered.
pub(crate) fn register(admin: &Client, name: &str, redirect: &str, more: &Value) -> Value {
    let mut body = json!({ "name": name, "redirectUrls": [redirect] });
    for (property, value) in more.as_object().expect("properties") {
        body[property] = value.clone();
    }
    let answer = admin.send("POST", CLIENTS, &[], Some(&body)).expect("is answered");
    assert_eq!(answer.status, 201, "{body}: {}", answer.text());
    answer.json()
}

/// Posts a form to an endpoint as this client, its secret in the body.
pub(crate) fn post(
    address: SocketAddr,
    path: &str,
    client: (&str, Option<&str>),
    form: &[(&str, &str)],
) -> io::Result<Answer> {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form).append_pair("client_id", client.0);
    if let Some(secret) = client.1 {
        body.append_pair("client_secret", secret);
    }
    let (body, nobody) = (body.finish(), Client::new(address, None));
    let head =
        nobody.head("POST", path, &[("Content-Type", "application/x-www-form-urlencoded")], body.len());
    nobody.exchange([head, body].concat().as_bytes())
}

/// What a program is told: where we are, who it is, and who will log in.
pub(crate) fn settings(server: &Server) -> Value {
    let admin = server.admin();
    user(&admin, ADA);
    let everything = json!({ "grantTypes": ["client_credentials"] });
    let public = json!({ "type": "public" });
    json!({
        "issuer": format!("http://{}", server.address()),
        "scope": SCOPE,
        "redirect": REDIRECT,
        "loopback": LOOPBACK_PORT,
        "user": ADA.0,
        "password": ADA.1,
        "confidential": register(&admin, "confidential", REDIRECT, &json!({})),
        "denied": register(&admin, "denied", REDIRECT, &json!({})),
        "public": register(&admin, "public", LOOPBACK, &public),
        "service": register(&admin, "service", REDIRECT, &everything),
    })
}

/// Runs a program until it says what it found; the visitor goes where it sends him.
pub(crate) fn converse(program: &mut Command, settings: &Value, visitor: &mut Visitor) -> Value {
    let mut command = Command::new("timeout");
    command.arg(PATIENCE).arg(program.get_program()).args(program.get_args());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = program.get_current_dir() {
        command.current_dir(directory);
    }
    command.env("OAUTH_SETTINGS", settings.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let mut errors = child.stderr.take().expect("piped");
    // Read beside the conversation, so that it never waits for a reader.
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).map(|_| text).unwrap_or_default()
    });
    let (mut to, from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let mut last = String::new();
    for line in BufReader::new(from).lines() {
        last = line.expect("text");
        if let Some(url) = last.strip_prefix("visit ") {
            writeln!(to, "{}", visitor.goes_to(url)).expect("it listens");
        }
    }
    drop(to);
    let ended = child.wait().expect("it ends");
    let errors = errors.join().expect("no panic");
    assert!(ended.success(), "{ended}: {last}\n{errors}");
    serde_json::from_str(&last).unwrap_or_else(|_| panic!("it says {last:?}\n{errors}"))
}

/// The directory with the npm packages of `tests/run`.
fn packages() -> PathBuf {
    let path = std::env::var_os("TESTS_NODE").map_or_else(
        || {
            let target = std::env::var_os("CARGO_TARGET_DIR")
                .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
            target.join("tests-node")
        },
        PathBuf::from,
    );
    assert!(
        path.join("node_modules").exists(),
        "{} has no packages: run tests/run once, or set TESTS_NODE to where npm installed those of tests/clients/node",
        path.display()
    );
    path
}

/// A program for Node. It is given as a text, because Node looks for packages where a program lies, and for those of a text
/// where it runs.
pub(crate) fn node(program: &str) -> Command {
    let mut command = Command::new("node");
    command.args(["--input-type=module", "--eval", program]).current_dir(packages());
    command
}
