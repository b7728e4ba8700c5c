//! SECURITY 34, and L6 for what the authorization server gives out: no client secret, code, verifier, token or session is in
//! any file, log line, event or error, whether it was good or not.

use std::net::SocketAddr;

use authledger::clock::{SystemRandom, draw};
use authledger::oauth::token::{AccessToken, AuthorizationCode, RefreshToken};
use oauth2::PkceCodeChallenge;
use serde_json::json;
use url::{Url, form_urlencoded};

use crate::answers::{Answer, Client};
use crate::foreign::{ADA, REDIRECT, post, register, user};
use crate::hunt::{Canary, Hunt};
use crate::place::{Place, Server};
use crate::visitor::Visitor;

const CLIENTS: &str = "/api/mgmt/oauth/client/applications";

/// Everything that was given out or sent, and every refusal that was heard.
#[derive(Default)]
struct Heard {
    canaries: Vec<Canary>,
    refusals: Vec<String>,
}

impl Heard {
    /// The bytes in its middle, too, for a token could be written without its prefix.
    fn secret(&mut self, what: &'static str, text: &str) {
        assert!(text.len() >= 16, "{what} is no secret: {text}");
        let middle = text.get(8..40).unwrap_or_default();
        self.canaries.push(Canary::given(what, text, middle.as_bytes()));
    }

    /// A canary of our own, to be sent.
    fn planted(&mut self, what: &'static str) -> String {
        let canary = Canary::plain(what);
        let text = canary.text.clone();
        self.canaries.push(canary);
        text
    }

    fn refused(&mut self, answer: &Answer, status: u16) {
        assert_eq!(answer.status, status, "{}", answer.text());
        self.refusals.push(format!("{answer:?} {}", answer.text()));
    }
}

/// A confidential or a public client application with what it holds.
struct Holder<'a> {
    address: SocketAddr,
    client_id: &'a str,
    secret: Option<&'a str>,
}

impl Holder<'_> {
    fn posts(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        post(self.address, path, (self.client_id, self.secret), form).expect("is answered")
    }

    /// From the login page to tokens, and back to the same code once more, which ends them.
    fn goes_through_a_browser(&self, heard: &mut Heard, visitor: &mut Visitor) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = heard.planted("a state");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", self.client_id),
                ("redirect_uri", REDIRECT),
            ])
            .extend_pairs([("scope", "api.mgmt"), ("state", &state), ("code_challenge_method", "S256")])
            .append_pair("code_challenge", challenge.as_str())
            .finish();
        let back = Url::parse(&visitor.goes_to(&format!("/oauth2/authorize?{query}"))).expect("a URL");
        let code = back.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
        heard.secret("an authorization code", &code);
        heard.secret("a verifier", verifier.secret());
        let form = |verifier| {
            [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", REDIRECT),
                ("code_verifier", verifier),
            ]
        };
        let wrong = heard.planted("a wrong verifier").repeat(3);
        heard.refused(&self.posts("/oauth2/token", &form(&wrong)), 400);
        let mut answer = self.posts("/oauth2/token", &form(verifier.secret()));
        for _ in 0..3 {
            let (access, refresh) = given(heard, &answer);
            let refresh = refresh.expect("a refresh token");
            uses(heard, self, &access);
            answer =
                self.posts("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]);
        }
        given(heard, &answer);
        heard.refused(&self.posts("/oauth2/token", &form(verifier.secret())), 400);
    }
}

/// The tokens in an answer; from now on they are looked for.
fn given(heard: &mut Heard, answer: &Answer) -> (String, Option<String>) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let access = body["access_token"].as_str().expect("an access token").to_owned();
    heard.secret("an access token", &access);
    let refresh = body["refresh_token"].as_str().map(str::to_owned);
    if let Some(refresh) = &refresh {
        let parsed = RefreshToken::parse(refresh).expect("one of ours");
        heard.canaries.push(Canary::given("a refresh token", refresh, parsed.secret.expose()));
    }
    (access, refresh)
}

/// Asks with an access token wherever one can be sent, and where none may.
fn uses(heard: &mut Heard, holder: &Holder<'_>, access: &str) {
    let by_token = Client::new(holder.address, None).saying(&format!("Bearer {access}"));
    assert_eq!(by_token.get("/api/mgmt/oauthapps").status, 200);
    heard.refused(&by_token.get("/api/admin/users"), 403);
    heard.refused(&by_token.get(&format!("/api/mgmt/oauthapps?access_token={access}")), 400);
    let introspected = holder.posts("/oauth2/introspect", &[("token", access)]);
    // A public application is told nothing.
    assert_eq!(introspected.status, if holder.secret.is_some() { 200 } else { 401 });
    assert!(!introspected.text().contains(access));
    let misplaced =
        post(holder.address, &format!("/oauth2/revoke?token={access}"), (holder.client_id, None), &[]);
    heard.refused(&misplaced.expect("is answered"), 400);
}

/// What is refused: wrong secrets, tokens and codes that nobody was given, passwords on the page and in the grant.
fn abuses(heard: &mut Heard, holder: &Holder<'_>) {
    let wrong = heard.planted("a wrong client secret");
    let form = [("grant_type", "client_credentials")];
    let stranger = Holder { secret: Some(&wrong), ..*holder };
    heard.refused(&stranger.posts("/oauth2/token", &form), 400);
    let basic = Client::new(holder.address, Some((holder.client_id, &wrong)));
    let body = "grant_type=client_credentials";
    let begun = basic.head(
        "POST",
        "/oauth2/token",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        body.len(),
    );
    heard.refused(&basic.exchange([begun, body.to_owned()].concat().as_bytes()).expect("is answered"), 401);

    let random = &SystemRandom;
    let (access, code) = (AccessToken::draw(random), AuthorizationCode::draw(random));
    let (access, code) = (access.text().expose().to_owned(), code.text().expose().to_owned());
    heard.secret("an access token that nobody was given", &access);
    heard.secret("a code that nobody was given", &code);
    let garbage = heard.planted("a token that is none");
    for token in [&access, &garbage] {
        let by_token = Client::new(holder.address, None).saying(&format!("Bearer {token}"));
        heard.refused(&by_token.get("/api/mgmt/oauthapps"), 401);
        assert_eq!(holder.posts("/oauth2/introspect", &[("token", token)]).status, 200);
        assert_eq!(holder.posts("/oauth2/revoke", &[("token", token)]).status, 200);
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        heard.refused(&holder.posts("/oauth2/token", &form), 400);
    }
    for code in [&code, &garbage] {
        let form =
            [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT)];
        heard.refused(&holder.posts("/oauth2/token", &form), 400);
        let query = format!("/oauth2/token?code={code}");
        heard.refused(&holder.posts(&query, &form), 400);
    }
    let (name, password) = (heard.planted("an unknown user"), heard.planted("a wrong password"));
    let form = [("grant_type", "password"), ("username", name.as_str()), ("password", password.as_str())];
    heard.refused(&holder.posts("/oauth2/token", &form), 400);
}

fn everything(heard: &mut Heard, server: &Server) {
    let (address, admin) = (server.address(), server.admin());
    user(&admin, ADA);
    heard.secret("a password", ADA.1);
    let imported = heard.planted("an imported client secret");
    let may = json!({
        "grantTypes": ["authorization_code", "refresh_token", "client_credentials", "password"],
        "scopes": ["api.mgmt"], "passwordGrantUntil": "2027-01-01T00:00:00Z", "refreshRotation": "always",
        "clientSecret": imported, "clientId": "imported",
    });
    register(&admin, "imported", REDIRECT, &may);
    let public = register(&admin, "public", REDIRECT, &json!({ "type": "public", "scopes": ["api.mgmt"] }));
    let own = register(&admin, "own", REDIRECT, &json!({}));
    let secret = own["clientSecret"].as_str().expect("a secret");
    heard.secret("a client secret", secret);

    let confidential = Holder { address, client_id: "imported", secret: Some(&imported) };
    let public = Holder { address, client_id: public["clientId"].as_str().expect("an id"), secret: None };
    let mut visitor = Visitor::new(address, ADA);
    for holder in [&confidential, &public] {
        holder.goes_through_a_browser(heard, &mut visitor);
    }
    for cookie in visitor.cookies() {
        heard.secret("a session", cookie);
    }
    for form in [
        &[("grant_type", "client_credentials")][..],
        &[("grant_type", "password"), ("username", ADA.0), ("password", ADA.1)],
    ] {
        given(heard, &confidential.posts("/oauth2/token", form));
    }
    abuses(heard, &confidential);

    // The control: the owner is shown his secret, after an event that says so.
    let one = format!("{CLIENTS}/{}", own["id"]);
    assert_eq!(admin.get(&one).json()["clientSecret"], *secret);
    for (what, body) in [("rotate", Some(json!({ "overlapSeconds": 60 }))), ("reset", None)] {
        let answer = admin.send("PUT", &format!("{one}/{what}"), &[], body.as_ref()).expect("is answered");
        assert_eq!(answer.status, 200, "{}", answer.text());
        heard.secret("a later client secret", answer.json()["clientSecret"].as_str().expect("a secret"));
    }
    let foreign = [("Sec-Fetch-Site", "cross-site")];
    heard.refused(&admin.send("PUT", &format!("{one}/reset"), &foreign, None).expect("is answered"), 403);
}

fn check(format: &str) {
    let place = Place::new()
        .with("LOG__LEVEL", "trace")
        .with("LOG__FORMAT", format)
        .with("OAUTH__PASSWORD_GRANT", "true");
    let mut heard = Heard::default();
    // Something that is no secret, to see that the hunt finds what is there.
    let open = [Canary::plain("no secret")];
    let server = place.serve();
    everything(&mut heard, &server);
    let admin = server.admin();
    register(&admin, &open[0].text, REDIRECT, &json!({}));
    assert_eq!(admin.get(&format!("/api/{}", open[0].text)).status, 404);
    let mut told = vec![("metrics", admin.get("/metrics").text())];
    let snapshot = admin.send("POST", "/api/operate/snapshots", &[], None).expect("is answered");
    assert_eq!(snapshot.status, 201, "{}", snapshot.text());
    told.push(("what is told of a snapshot", snapshot.text()));
    for history in ["client_application/1", "client_application/3", "grant/1", "grant/2", "client_tokens/1"] {
        let answer = admin.get(&format!("/api/audit/objects/{history}/history"));
        assert_eq!(answer.status, 200, "{history}: {}", answer.text());
        told.push(("a history", answer.text()));
    }
    let log = server.log();
    assert!(log.contains("/oauth2/token"), "not even the requests were logged");
    // Who asked by a token is named by numbers: the user, and the application.
    let by_token = if format == "json" { ["\"user\":2", "\"client\":1"] } else { ["user=2", "client=1"] };
    assert!(
        log.lines().any(|line| by_token.iter().all(|field| line.contains(field))),
        "{by_token:?} is in no line"
    );
    server.kill();
    assert!(place.serve().stop().success());

    let Heard { canaries, refusals } = heard;
    let (hunt, control) = (Hunt::new(&canaries), Hunt::new(&open));
    for (what, text) in &told {
        hunt.through(what, text.as_bytes());
    }
    for refusal in &refusals {
        hunt.through("a refusal", refusal.as_bytes());
    }
    for format in ["table", "jsonl", "csv", "leaves"] {
        let events = place.offline_bytes("events", &["--format", format]);
        hunt.through(&format!("events --format {format}"), &events);
        assert_eq!(control.found(&events).is_empty(), format == "table", "{format}");
    }
    for (subcommand, arguments) in [("verify", ["--json"]), ("replay", ["--json"])] {
        hunt.through(subcommand, &place.offline_bytes(subcommand, &arguments));
    }
    let (data, logs) = (hunt.below(&place.data()).1, hunt.below(&place.logs()).1);
    assert!(data.is_empty() && logs.is_empty(), "{data:?} {logs:?}");
    for directory in [place.data(), place.data().join("snapshots"), place.logs()] {
        assert!(!control.below(&directory).1.is_empty(), "{}: the hunt finds nothing", directory.display());
    }
    assert!(canaries.len() > 35 && refusals.len() > 20, "{} {}", canaries.len(), refusals.len());
}

#[test]
fn s34_no_secret_code_verifier_or_token_leaves_by_files_events_errors_or_logs_for_people() {
    check("people");
}

#[test]
fn s34_no_secret_code_verifier_or_token_leaves_by_files_events_errors_or_logs_for_programs() {
    check("json");
}

/// The hunt finds a token in any case of its letters, as hex, and as what it stands for.
#[test]
fn s34_a_token_that_was_planted_is_found_in_each_form() {
    let secret: [u8; 32] = draw(&SystemRandom);
    let text = AccessToken::draw(&SystemRandom).text().expose().to_owned();
    let canaries = [Canary::given("token", &text, &secret)];
    let hunt = Hunt::new(&canaries);
    for bytes in [
        text.clone().into_bytes(),
        text.to_uppercase().into_bytes(),
        hex::encode(&text).into_bytes(),
        secret.to_vec(),
        hex::encode_upper(secret).into_bytes(),
    ] {
        let around = [&b"abc"[..], &bytes, b":xyz"].concat();
        assert!(!hunt.found(&around).is_empty(), "{bytes:?}");
    }
    assert!(hunt.found(&text.as_bytes()[1..]).is_empty());
}
