//! L6: what must stay secret appears in no file, log line, event or error, whatever happens to the server that holds it.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answers::{APPS, Answer, Client, app};
use crate::hunt::{Canary, Hunt};
use crate::place::{Place, Server};
use crate::strace::Tracer;

const USERS: &str = "/api/admin/users";
const ROLES: &str = "/api/admin/roles";
const PROFILES: &str = "/api/mgmt/oauthprofiles";
const SOURCES: &str = "/api/mgmt/datasources";
/// `Something went wrong here`.
const INTERNAL: u64 = 222_299_025;

/// Everything that is planted.
struct Planted {
    secret: Canary,
    second_secret: Canary,
    lost_secret: Canary,
    description: Canary,
    access_token: Canary,
    refresh_token: Canary,
    second_refresh_token: Canary,
    lost_token: Canary,
    profile_text: Canary,
    /// Of an option that is known to be a secret, and of one that nobody knows.
    option: Canary,
    own_option: Canary,
    second_option: Canary,
    lost_option: Canary,
    source_text: Canary,
    role_text: Canary,
    user_name: Canary,
    password: Canary,
    wrong_password: Canary,
    unknown_user: Canary,
    address: Canary,
    key: Canary,
    authorization: Canary,
    garbage: Canary,
    /// The control: an application's name and a part of a path, which are no secrets.
    open: Canary,
}

impl Planted {
    fn new() -> Self {
        Self {
            secret: Canary::ascii("client secret"),
            second_secret: Canary::ascii("second client secret"),
            lost_secret: Canary::ascii("client secret of a request that failed"),
            description: Canary::wild("description"),
            access_token: Canary::ascii("access token"),
            refresh_token: Canary::ascii("refresh token"),
            second_refresh_token: Canary::ascii("second refresh token"),
            lost_token: Canary::ascii("token of a request that failed"),
            profile_text: Canary::wild("description of a profile"),
            option: Canary::wild("option"),
            own_option: Canary::wild("option that nobody knows"),
            second_option: Canary::wild("second option"),
            lost_option: Canary::wild("option of a request that failed"),
            source_text: Canary::wild("description of a data source"),
            role_text: Canary::wild("description of a role"),
            user_name: Canary::wild("user name"),
            password: Canary::wild("password"),
            wrong_password: Canary::wild("wrong password"),
            unknown_user: Canary::plain("unknown user"),
            address: Canary::address("source address"),
            key: Canary::plain("Idempotency-Key"),
            authorization: Canary::plain("Authorization"),
            garbage: Canary::wild("what nothing could read"),
            open: Canary::plain("no secret"),
        }
    }

    /// What nobody may find, and what has to be found.
    fn part(self) -> (Vec<Canary>, [Canary; 1]) {
        let secret = vec![
            self.secret,
            self.second_secret,
            self.lost_secret,
            self.description,
            self.access_token,
            self.refresh_token,
            self.second_refresh_token,
            self.lost_token,
            self.profile_text,
            self.option,
            self.own_option,
            self.second_option,
            self.lost_option,
            self.source_text,
            self.role_text,
            self.user_name,
            self.password,
            self.wrong_password,
            self.unknown_user,
            self.address,
            self.key,
            self.authorization,
            self.garbage,
        ];
        (secret, [self.open])
    }
}

/// Asks, and keeps every error that was answered, head and body.
struct Asker<'a> {
    planted: &'a Planted,
    errors: Vec<String>,
    /// What auditors were told.
    told: Vec<String>,
}

impl Asker<'_> {
    fn ask(
        &mut self,
        client: &Client,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
        status: u16,
    ) -> Answer {
        let address = ("X-Forwarded-For", &*self.planted.address.text);
        let answer = client.send(method, path, &[headers, &[address]].concat(), body).expect("is answered");
        assert_eq!(answer.status, status, "{method} {path} {body:?}: {}", answer.text());
        if status >= 400 {
            self.errors.push(format!("{answer:?} {}", answer.text()));
        }
        answer
    }

    /// A body that is sent as it is, by the administrator.
    fn ask_raw(&mut self, admin: &Client, body: &str, status: u16) {
        let head = admin.head("POST", APPS, &[("Content-Type", "application/json")], body.len());
        let answer = admin.exchange(&[head.as_bytes(), body.as_bytes()].concat()).expect("is answered");
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        self.errors.push(format!("{answer:?} {}", answer.text()));
    }
}

fn with(name: &str, property: &str, value: impl Into<Value>) -> Value {
    let mut body = app(name);
    body[property] = value.into();
    body
}

/// Everything ordinary: a user is made, makes applications, has them revealed, changes them.
fn use_it(asker: &mut Asker<'_>, server: &Server) {
    let Planted { secret, second_secret, description, user_name, password, key, open, .. } = asker.planted;
    let admin = server.admin();
    let user = json!({
        "userName": user_name.text, "statusInfo": { "status": 1 },
        "passwordInfo": { "password": password.text }, "permissions": { "roles": [1] },
    });
    let keyed = |name: &str| format!("{}-{name}", key.text);
    let made = asker.ask(&admin, "POST", USERS, &[("Idempotency-Key", &keyed("user"))], Some(&user), 201);
    assert!(!made.text().contains(&password.text));
    asker.ask(&admin, "GET", &format!("{USERS}/{}", made.json()["id"]), &[], None, 200);
    asker.ask(&admin, "GET", USERS, &[], None, 200);

    let client = Client::new(server.address(), Some((&user_name.text, &password.text)));
    let mut body = with(&open.text, "clientSecret", &*secret.text);
    body["description"] = description.text.clone().into();
    let key = keyed("app");
    // Twice: the second is answered from the log.
    for _ in 0..2 {
        let created = asker.ask(&client, "POST", APPS, &[("Idempotency-Key", &key)], Some(&body), 201);
        assert_eq!(created.json()["clientSecret"], *secret.text);
    }
    let path = format!("{APPS}/1");
    // The control of the whole test: here it is in the clear, on purpose.
    let revealed = asker.ask(&client, "GET", &path, &[], None, 200);
    assert_eq!(
        (&revealed.json()["clientSecret"], &revealed.json()["description"]),
        (&json!(secret.text), &json!(description.text))
    );
    body["clientSecret"] = second_secret.text.clone().into();
    asker.ask(&client, "PUT", &path, &[], Some(&body), 200);
    asker.ask(&client, "GET", APPS, &[], None, 200);
    asker.ask(&client, "GET", &path, &[], None, 200);
    asker.ask(&client, "GET", &format!("/api/{}", open.text), &[], None, 404);
    // On behalf of him, with his name in the query.
    let name = user_name.text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect();
    let name = String::from_utf8(name).expect("is ASCII");
    asker.ask(&admin, "GET", &format!("{path}?user={name}"), &[], None, 200);
    let created =
        asker.ask(&client, "POST", APPS, &[], Some(&with("second", "clientSecret", &*secret.text)), 201);
    asker.ask(&client, "DELETE", &format!("{APPS}/{}", created.id()), &[], None, 204);
}

/// A user's tokens and options: made, shown, changed, shown as they were, and let go of.
fn connect_it(asker: &mut Asker<'_>, server: &Server) {
    let Planted { user_name, password, access_token, refresh_token, second_refresh_token, key, .. } =
        asker.planted;
    let Planted { profile_text, option, own_option, second_option, source_text, role_text, .. } =
        asker.planted;
    let client = Client::new(server.address(), Some((&user_name.text, &password.text)));
    let role = json!({ "name": "a role", "description": role_text.text });
    let role = asker.ask(&client, "POST", ROLES, &[], Some(&role), 201);
    asker.ask(&client, "GET", &format!("{ROLES}/{}", role.json()["id"]), &[], None, 200);
    asker.ask(&client, "GET", ROLES, &[], None, 200);

    let mut profile = json!({
        "name": "profile", "oauthAppId": 1, "description": profile_text.text,
        "accessToken": access_token.text, "refreshToken": refresh_token.text,
    });
    let mut source = json!({
        "name": "source", "dataStore": 1, "description": source_text.text,
        "options": { "Password": option.text, "Our own": own_option.text, "ODataVersion": "4" },
    });
    let (profile_key, source_key) = (format!("{}-profile", key.text), format!("{}-source", key.text));
    for (list, body, key) in [(PROFILES, &profile, &profile_key), (SOURCES, &source, &source_key)] {
        // Twice: the second is answered from the log.
        for _ in 0..2 {
            asker.ask(&client, "POST", list, &[("Idempotency-Key", key)], Some(body), 201);
        }
    }
    // The control: here they are in the clear, on purpose.
    let shown = asker.ask(&client, "GET", &format!("{PROFILES}/1"), &[], None, 200).json();
    assert_eq!(
        (&shown["accessToken"], &shown["refreshToken"], &shown["description"]),
        (&json!(access_token.text), &json!(refresh_token.text), &json!(profile_text.text))
    );
    let shown = asker.ask(&client, "GET", &format!("{SOURCES}/1"), &[], None, 200).json();
    assert_eq!((&shown["options"], &shown["description"]), (&source["options"], &json!(source_text.text)));

    profile["refreshToken"] = json!(second_refresh_token.text);
    profile["accessToken"] = json!("");
    source["options"] = json!({ "Password": second_option.text, "Our own": "" });
    for (list, body) in [(PROFILES, &profile), (SOURCES, &source)] {
        let path = format!("{list}/1");
        asker.ask(&client, "PUT", &path, &[], Some(body), 200);
        asker.ask(&client, "GET", &path, &[], None, 200);
        asker.ask(&client, "GET", &format!("{path}?asOf={}", written(&client)), &[], None, 200);
        asker.ask(&client, "GET", list, &[], None, 200);
    }
    asker.ask(&client, "GET", &format!("{PROFILES}/1/stats"), &[], None, 200);
    for history in ["oauth_profile/1", "data_source/1", "disclosures/2", "role/4"] {
        let history = format!("/api/audit/objects/{history}/history");
        let answer = asker.ask(&client, "GET", &history, &[], None, 200);
        asker.told.push(answer.text());
    }
    let linked = json!({ "name": "linked", "dataStore": 54, "options": { "OAuthProfileId": "1", "Anything": option.text } });
    asker.ask(&client, "POST", SOURCES, &[], Some(&linked), 201);
    asker.ask(&client, "DELETE", &format!("{PROFILES}/1"), &[], None, 204);
    asker.ask(&client, "DELETE", &format!("{SOURCES}/1"), &[], None, 204);
}

/// The last event so far.
fn written(client: &Client) -> u64 {
    let status = client.get("/api/operate/status").json();
    status["size"].as_u64().expect("a size") - 1
}

/// Profiles and data sources that are refused, with what they held.
fn refuse_it(asker: &mut Asker<'_>, server: &Server) {
    let Planted { lost_token, lost_option, garbage, key, .. } = asker.planted;
    let admin = server.admin();
    let profile = json!({ "name": "p", "oauthAppId": 1, "accessToken": lost_token.text, "refreshToken": lost_token.text });
    let source = json!({ "name": "s", "dataStore": 1, "options": { "Password": lost_option.text } });
    let bad = [
        (PROFILES, "name", json!(garbage.text)),
        (PROFILES, "surplus", json!(garbage.text)),
        (PROFILES, "oauthAppId", json!(garbage.text)),
        (PROFILES, "oauthAppId", json!(9999)),
        (PROFILES, "accessToken", json!(format!("\u{1}{}", lost_token.text))),
        (PROFILES, "refreshToken", json!([lost_token.text])),
        (PROFILES, "description", json!(garbage.text.repeat(1000))),
        (SOURCES, "name", json!(garbage.text)),
        (SOURCES, "dataStore", json!(garbage.text)),
        (SOURCES, "connectionType", json!(54)),
        (SOURCES, "options", json!(garbage.text)),
        (SOURCES, "options", json!({ "Password": [lost_option.text] })),
        (SOURCES, "options", json!({ "TokenURI": lost_option.text })),
        (SOURCES, "options", json!({ "OAuthProfileId": lost_option.text })),
        (SOURCES, "options", json!({ "OAuthProfileId": 9999, "Password": lost_option.text })),
    ];
    for (list, property, value) in bad {
        let mut body = if list == PROFILES { profile.clone() } else { source.clone() };
        body[property] = value;
        asker.ask(&admin, "POST", list, &[], Some(&body), 400);
    }
    let mut large = source.clone();
    large["options"]["Password"] = json!(lost_option.text.repeat(2000));
    asker.ask(&admin, "POST", SOURCES, &[], Some(&large), 413);
    for (list, body) in [(PROFILES, &profile), (SOURCES, &source)] {
        asker.ask(&admin, "PUT", &format!("{list}/9999"), &[], Some(body), 404);
        asker.ask(&admin, "POST", list, &[("Sec-Fetch-Site", "cross-site")], Some(body), 403);
        asker.ask(&admin, "POST", list, &[("Idempotency-Key", &key.text.repeat(30))], Some(body), 400);
    }
}

/// Everything that is refused.
fn abuse_it(asker: &mut Asker<'_>, server: &Server) {
    let Planted { lost_secret, user_name, wrong_password, unknown_user, key, authorization, garbage, .. } =
        asker.planted;
    let admin = server.admin();
    for value in [
        format!("Bearer {}", authorization.text),
        format!("Basic {}", authorization.text),
        format!("Basic {}", STANDARD.encode(&authorization.text)),
        authorization.text.clone(),
    ] {
        asker.ask(&admin.saying(&value), "GET", APPS, &[], None, 401);
    }
    // A name that nobody has, and one that is locked by it: an event with the account, not with its name.
    let unknown = Client::new(server.address(), Some((&unknown_user.text, &wrong_password.text)));
    asker.ask(&unknown, "GET", APPS, &[], None, 401);
    let wrong = Client::new(server.address(), Some((&user_name.text, &wrong_password.text)));
    for _ in 0..4 {
        asker.ask(&wrong, "GET", APPS, &[], None, 401);
    }

    let mut body = with("third", "clientSecret", &*lost_secret.text);
    for (property, value) in [
        ("surplus", json!(garbage.text)),
        ("name", json!({ "of another type": garbage.text })),
        ("dataStore", json!(garbage.text)),
        ("authorizeURI", json!(format!("ftp://{}", garbage.text))),
        ("tokenURI", json!(garbage.text)),
        ("clientId", json!(format!("\u{1}{}", garbage.text))),
        ("scope", json!("\u{7}".to_owned() + &garbage.text)),
        ("description", json!(garbage.text.repeat(1000))),
        ("tenantId", json!([garbage.text])),
    ] {
        let before = body[property].take();
        body[property] = value;
        asker.ask(&admin, "POST", APPS, &[], Some(&body), 400);
        body[property] = before;
        if body[property].is_null() {
            body.as_object_mut().expect("is one").remove(property);
        }
    }
    for header in ["If-Match", "Ledger-Min-Sequence"] {
        asker.ask(
            &admin,
            "GET",
            &format!("{APPS}/1"),
            &[(header, &key.text)],
            None,
            if header == "If-Match" { 200 } else { 400 },
        );
        asker.ask(&admin, "PUT", &format!("{APPS}/1"), &[(header, &key.text)], Some(&body), 400);
    }
    asker.ask(
        &admin,
        "POST",
        APPS,
        &[("Idempotency-Key", &key.text), ("Idempotency-Key", &key.text)],
        Some(&body),
        400,
    );
    asker.ask(&admin, "POST", &format!("{APPS}?surplus={}", unknown_user.text), &[], Some(&body), 400);
    asker.ask(&admin, "POST", APPS, &[("Sec-Fetch-Site", "cross-site")], Some(&body), 403);
    // The same key with another body.
    asker.ask(&admin, "POST", APPS, &[("Idempotency-Key", &key.text)], Some(&body), 201);
    body["name"] = json!("fourth");
    asker.ask(&admin, "POST", APPS, &[("Idempotency-Key", &key.text)], Some(&body), 409);

    let text = garbage.text.replace(['"', '\\'], "");
    for body in [
        format!("{text}{{"),
        format!("{{\"name\": {text}"),
        format!("{{\"name\": \"{text}\", \"name\": \"{text}\"}}"),
        format!("{{\"name\": \"{text}\\ud800\"}}"),
        format!("[\"{text}\"]"),
        format!("{}\"{text}\"", "[".repeat(500)),
    ] {
        asker.ask_raw(&admin, &body, 400);
    }
    asker.ask_raw(&admin, &format!("\"{}\"", text.repeat(100_000)), 413);
}

/// Has a handler panic with secrets in its hands: the system has no randomness left for the key they would be sealed with.
fn frighten_it(asker: &mut Asker<'_>, place: &Place, server: &Server) {
    let admin = server.admin();
    let body = with("fifth", "clientSecret", &*asker.planted.lost_secret.text);
    for _ in 0..50 {
        // The first draw of a thread is the request's id; should a panic come there already, nobody is answered.
        let rules = ["-e", "trace=getrandom", "-e", "inject=getrandom:error=EIO:when=2+"];
        let tracer = Tracer::upon(server, place.path(), &rules);
        let answer = admin.send("POST", APPS, &[], Some(&body));
        tracer.let_go();
        match answer {
            Ok(answer) if answer.status == 500 => {
                assert_eq!(answer.code(), INTERNAL);
                asker.errors.push(format!("{answer:?} {}", answer.text()));
                // With its request's id, so that the caller's answer leads to the place.
                let log = server.log();
                let place =
                    log.lines().find(|line| line.contains("panicked") && line.contains(&answer.command()));
                assert!(place.is_some(), "{log}");
                assert_eq!(admin.get("/readyz").status, 200, "one panic ends one request");
                return;
            }
            Ok(answer) => assert_eq!(answer.status, 201, "{}", answer.text()),
            Err(_) => {}
        }
    }
    panic!("it never panicked where it was to");
}

/// Has a synchronisation fail while secrets are written, which ends the writer.
fn break_it(asker: &mut Asker<'_>, place: &Place, server: &Server) {
    let admin = server.admin();
    let body = with("sixth", "clientSecret", &*asker.planted.lost_secret.text);
    let tracer = Tracer::upon(
        server,
        place.path(),
        &["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1"],
    );
    asker.ask(&admin, "POST", APPS, &[], Some(&body), 503);
    tracer.let_go();
    let Planted { lost_token, lost_option, .. } = asker.planted;
    let profile = json!({ "name": "lost", "oauthAppId": 1, "refreshToken": lost_token.text });
    asker.ask(&admin, "POST", PROFILES, &[], Some(&profile), 503);
    let source = json!({ "name": "lost", "dataStore": 1, "options": { "Password": lost_option.text } });
    asker.ask(&admin, "POST", SOURCES, &[], Some(&source), 503);
    asker.ask(&admin, "POST", APPS, &[], Some(&body), 503);
    asker.ask(&admin, "GET", "/readyz", &[], None, 503);
}

fn check(format: &str) {
    let planted = Planted::new();
    let place = Place::new()
        .with("LOG__LEVEL", "trace")
        .with("LOG__FORMAT", format)
        .with("SERVER__BEHIND_PROXY", "127.0.0.1");
    let mut asker = Asker { planted: &planted, errors: Vec::new(), told: Vec::new() };

    let server = place.serve();
    use_it(&mut asker, &server);
    connect_it(&mut asker, &server);
    refuse_it(&mut asker, &server);
    abuse_it(&mut asker, &server);
    let snapshot = asker.ask(&server.admin(), "POST", "/api/operate/snapshots", &[], None, 201).text();
    let status = asker.ask(&server.admin(), "GET", "/api/operate/status", &[], None, 200).text();
    frighten_it(&mut asker, &place, &server);
    let metrics = asker.ask(&server.admin(), "GET", "/metrics", &[], None, 200).text();
    assert!(server.log().contains("DEBUG"), "not even the requests were logged");
    assert!(server.stop().success());
    let server = place.serve();
    break_it(&mut asker, &place, &server);
    assert_eq!(server.stop().code(), Some(3));
    let server = place.serve();
    asker.ask(&server.admin(), "GET", &format!("{APPS}/1"), &[], None, 200);
    server.kill();
    // Everything that a restart after a crash writes, too.
    assert!(place.serve().stop().success());

    let Asker { errors, told, .. } = asker;
    let (canaries, open) = planted.part();
    let (hunt, control) = (Hunt::new(&canaries), Hunt::new(&open));
    for error in &errors {
        hunt.through("an error", error.as_bytes());
    }
    assert_eq!(told.len(), 4);
    for history in &told {
        assert!(history.contains("(sealed)") || history.contains("SecretRevealed"), "{history}");
        hunt.through("a history", history.as_bytes());
    }
    assert!(
        metrics.contains("authledger_logins_total{outcome=\"wrong\"}") && metrics.len() > 4_000,
        "{metrics}"
    );
    hunt.through("metrics", metrics.as_bytes());
    hunt.through("what is told of a snapshot", snapshot.as_bytes());
    hunt.through("the status", status.as_bytes());
    // Not even what may stand in a log: a label would grow with it.
    assert!(control.found(metrics.as_bytes()).is_empty(), "{metrics}");
    for format in ["table", "jsonl", "csv", "leaves"] {
        let events = place.offline_bytes("events", &["--format", format]);
        assert!(events.len() > 1000, "{format}: {}", events.len());
        hunt.through(&format!("events --format {format}"), &events);
        if format == "jsonl" {
            // The address was believed, so it is there, sealed.
            let sealed = String::from_utf8_lossy(&events)
                .lines()
                .filter(|line| line.contains("\"origin\":\"(sealed)\""))
                .count();
            assert!(sealed > 5, "{sealed} events with an origin");
        }
        // The table has a column for ids, none for names.
        assert_eq!(control.found(&events).is_empty(), format == "table", "{format}");
    }
    for (subcommand, arguments) in [
        ("verify", vec![]),
        ("verify", vec!["--json"]),
        ("replay", vec!["--digest"]),
        ("replay", vec!["--json"]),
    ] {
        hunt.through(subcommand, &place.offline_bytes(subcommand, &arguments));
    }
    let ((data, caught), (logs, more)) = (hunt.below(&place.data()), hunt.below(&place.logs()));
    assert!(caught.is_empty() && more.is_empty(), "{caught:?} {more:?}");
    for directory in [place.data(), place.data().join("snapshots"), place.logs()] {
        assert!(!control.below(&directory).1.is_empty(), "{}: the hunt finds nothing", directory.display());
    }
    assert!(data >= 5 && logs == 8, "{data} files, {logs} logs");
    println!(
        "{format}: {} errors, {data} files and {logs} logs searched for {} canaries",
        errors.len(),
        canaries.len()
    );
}

#[test]
fn l06_no_secret_leaves_by_files_events_errors_or_logs_for_people() {
    check("people");
}

#[test]
fn l06_no_secret_leaves_by_files_events_errors_or_logs_for_programs() {
    check("json");
}

/// Started by a shell that would allow core files of any size.
#[test]
fn l06_a_crash_leaves_no_core_file() {
    let place = Place::new();
    let mut server = place.serve_under(&["sh", "-c", "ulimit -c unlimited; exec \"$0\" \"$@\""]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).expect("the server runs");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("Linux tells");
    let values: Vec<&str> = core.trim_start_matches("Max core file size").split_whitespace().collect();
    assert_eq!(values, ["0", "0", "bytes"], "{limits}");
    let aborted = Command::new("sh").arg("-c").arg(format!("kill -ABRT {}", server.id())).status();
    assert!(aborted.is_ok_and(|status| status.success()));
    let ended = server.ended();
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false), "{ended}");
}
