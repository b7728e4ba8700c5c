//! Sign-in and consent as people meet them: in a browser that enforces our policies, on the way to an application of another
//! origin. Pictures of each page are kept under `target/pictures`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use crate::answers::Client;
use crate::chromium::{Chromium, Window};
use crate::place::{Place, Server};

const CLIENTS: &str = "/api/mgmt/oauth/client/applications";
const ANN: (&str, &str) = ("ann", "anchor spoon violet tundra");
const CHALLENGE: &str =
    "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// A server with a user and two applications, and the applications' own origin.
struct Scene {
    _server: Server,
    _place: Place,
    home: String,
    callback: String,
    /// What came there.
    requests: Receiver<Vec<String>>,
    /// A confidential one with two scopes.
    reports: String,
    /// A public one on the user's device.
    desktop: String,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let server = place.serve();
        let admin = server.admin();
        let user = json!({
            "userName": ANN.0, "tenantId": 1, "statusInfo": { "status": 1 },
            "passwordInfo": { "password": ANN.1, "passwordStatus": 1, "passwordExpiration": null },
            "permissions": { "roles": [2], "permissions": [] },
        });
        make(&admin, "/api/admin/users", &user);
        let (application, requests) = application();
        let callback = format!("http://{application}/cb");
        let reports = json!({
            "name": "Quarterly reports", "redirectUrls": [callback], "scopes": ["api.access.odata", "api.mgmt"],
        });
        let desktop = json!({
            "name": "A desktop tool with a name that somebody thought about for a long time",
            "type": "public", "redirectUrls": ["http://127.0.0.1/cb"],
        });
        Self {
            home: format!("http://{}", server.address()),
            reports: register(&admin, &reports),
            desktop: register(&admin, &desktop),
            _server: server,
            _place: place,
            callback,
            requests,
        }
    }

    /// Where an application sends people.
    fn link(&self, client: &str, more: &str) -> String {
        format!("{}/oauth2/authorize?response_type=code&client_id={client}&{more}", self.home)
    }

    /// What the application was sent, parameter by parameter.
    fn received(&self) -> Vec<(String, String)> {
        let head = self.requests.recv().expect("it was asked");
        assert!(!head.iter().any(|line| line.to_lowercase().starts_with("referer:")), "{head:?}");
        let path = head[0].split(' ').nth(1).expect("a path");
        let query = path.split_once('?').expect("a query").1;
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}

/// An application on another origin: it shows a page, and hands out each request as it came.
fn application() -> (SocketAddr, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("bound");
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let body = "<!DOCTYPE html><title>app</title><h1>The application</h1>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = (&stream).write_all(answer.as_bytes());
            // Browsers ask for an icon, too.
            if head.first().is_some_and(|line| line.contains(" /cb")) && sender.send(head).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn make(admin: &Client, path: &str, body: &Value) -> Value {
    let made = admin.send("POST", path, &[], Some(body)).expect("the server lives");
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

fn register(admin: &Client, body: &Value) -> String {
    make(admin, CLIENTS, body)["clientId"].as_str().expect("an id").to_owned()
}

fn sign_in(chromium: &mut Chromium, window: &Window, (name, password): (&str, &str)) {
    chromium.until_shown(window, "Sign in");
    chromium.write(window, "#username", name);
    chromium.write(window, "#password", password);
    chromium.enter(window);
}

/// Clicks, and sees the application's page.
fn answer(chromium: &mut Chromium, window: &Window, decision: &str) {
    chromium.click(window, &format!("button[value={decision}]"));
    chromium.until_shown(window, "The application");
}

fn has(parameters: &[(String, String)], name: &str, value: Option<&str>) -> bool {
    parameters.iter().any(|(other, found)| other == name && value.is_none_or(|value| value == found))
}

#[test]
fn l13_people_come_through_sign_in_and_consent_in_chromium() {
    let scene = Scene::new();
    let link = scene.link(&scene.reports, "scope=api.access.odata&state=s%20t");
    let mut chromium = Chromium::start();
    let window = chromium.window();

    // Sign-in, first with a wrong password.
    chromium.go(&window, &link);
    chromium.until_shown(&window, "An application asks for access to your account.");
    assert_eq!(chromium.value(&window, "document.activeElement.id"), "username");
    chromium.picture(&window, "sign-in");
    sign_in(&mut chromium, &window, (ANN.0, "wrong"));
    chromium.until_shown(&window, "Invalid user ID or password.");
    chromium.picture(&window, "sign-in-refused");
    sign_in(&mut chromium, &window, ANN);

    // Consent, and the redirect to another origin, which the page's policy has to allow.
    chromium.until_shown(&window, "to use your account?");
    chromium.picture(&window, "consent");
    answer(&mut chromium, &window, "allow");
    let received = scene.received();
    assert!(has(&received, "code", None) && has(&received, "state", Some("s t")), "{received:?}");
    assert!(has(&received, "iss", Some(&scene.home)), "{received:?}");

    // The second time nobody asks.
    chromium.go(&window, &link);
    assert!(has(&scene.received(), "code", None));
    chromium.until_shown(&window, "The application");

    // In a second browser he signs in, and a page leads on: a redirect would be the login form's, and be blocked.
    let second = chromium.window();
    chromium.go(&second, &link);
    sign_in(&mut chromium, &second, ANN);
    chromium.until_shown(&second, "The application");
    assert!(has(&scene.received(), "code", None));

    // More than was allowed: what is new is asked, and denied.
    chromium.go(&second, &scene.link(&scene.reports, ""));
    chromium.until_shown(&second, "Allowed before");
    chromium.picture(&second, "consent-to-more");
    answer(&mut chromium, &second, "deny");
    let received = scene.received();
    assert!(has(&received, "error", Some("access_denied")), "{received:?}");
    assert!(has(&received, "error_description", Some("User denied OAuth access")), "{received:?}");

    // Out in one browser, in the other still in.
    chromium.go(&second, &format!("{}/login", scene.home));
    chromium.until_shown(&second, "You are signed in");
    chromium.picture(&second, "signed-in");
    chromium.click(&second, "button");
    chromium.until_shown(&second, "Sign in");
    chromium.go(&second, &link);
    chromium.until_shown(&second, "Sign in");
    chromium.go(&window, &link);
    chromium.until_shown(&window, "The application");
    assert_eq!(chromium.complaints(), Vec::<String>::new());
}

#[test]
fn s03_a_wrong_link_ends_on_a_page_and_a_program_on_the_device_asks_each_time() {
    let scene = Scene::new();
    let mut chromium = Chromium::start();
    let window = chromium.window();
    chromium.go(&window, &scene.link("unknown", ""));
    sign_in(&mut chromium, &window, ANN);
    chromium.until_shown(&window, "The application is not known here");
    chromium.picture(&window, "unknown-application");
    chromium.go(&window, &scene.link(&scene.reports, "redirect_uri=https://evil.example/cb"));
    chromium.until_shown(&window, "https://evil.example/cb");
    chromium.picture(&window, "wrong-redirect");

    let native = scene.link(&scene.desktop, &format!("{CHALLENGE}&redirect_uri={}", scene.callback));
    for _ in 0..2 {
        chromium.go(&window, &native);
        chromium.until_shown(&window, "any program there could call itself");
        chromium.picture(&window, "consent-on-a-device");
        answer(&mut chromium, &window, "allow");
        assert!(has(&scene.received(), "code", None));
    }
    assert_eq!(chromium.complaints(), Vec::<String>::new());

    // Signing out on the way leads back to the same request.
    chromium.go(&window, &native);
    chromium.until_shown(&window, "any program there could call itself");
    chromium.click(&window, "button.link");
    sign_in(&mut chromium, &window, ANN);
    chromium.until_shown(&window, "any program there could call itself");

    // What all this rests on: the browser holds forms against the page's policy, and says so.
    let elsewhere = json!(scene.callback.replace("127.0.0.1", "localhost"));
    let send =
        format!("const form = document.querySelector('form'); form.action = {elsewhere}; form.submit()");
    chromium.value(&window, &send);
    chromium.until_complaint(&window, "form-action");
    chromium.until_shown(&window, "any program there could call itself");
}
