//! `authledger user --server`: asks a running server, as one of its users.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::answers::Client;
use crate::place::{ADMIN, AUTHLEDGER, Place, Server, wait_for};

const ADA: (&str, &str) = ("ada", "copper lantern meadow quilt");
const WRONG: u64 = 222_206_007;
const MUST_CHANGE: u64 = 222_299_029;

/// Arguments, server, as whom and by which file, exit code, what is said.
type Row<'a> = (&'a [&'a str], &'a str, (&'a str, &'a str), i32, &'a str);

/// A server with ada, who is user 2 and no administrator, and a file with the password of each.
struct House {
    place: Place,
    server: Server,
}

impl House {
    fn new() -> Self {
        let place = Place::new();
        let server = place.serve();
        let body = json!({
            "userName": ADA.0, "statusInfo": { "status": 1 }, "passwordInfo": { "password": ADA.1 },
            "permissions": { "roles": [2] },
        });
        let made = server.admin().send("POST", "/api/admin/users", &[], Some(&body)).expect("is answered");
        assert_eq!(made.status, 201, "{}", made.text());
        for (name, password) in [ADMIN, ADA] {
            fs::write(place.path().join(name), format!("{password}\n")).expect("writes");
        }
        Self { place, server }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// `authledger user …` at `url`, as somebody whose password is in the file of that name.
    fn run(&self, arguments: &[&str], url: &str, (name, file): (&str, &str)) -> Output {
        let mut command = Command::new(AUTHLEDGER);
        command.arg("user").args(arguments).args(["--server", url, "--as", name, "--as-password-file", file]);
        command.current_dir(self.place.path()).stdin(Stdio::null()).output().expect("starts")
    }

    /// As the administrator, to be done; what it printed, and what it said to a person.
    fn done(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments, &self.url(), (ADMIN.0, ADMIN.0));
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {out}{err}");
        (out, err)
    }

    /// The code that ada hears with this password, 0 when she is let in.
    fn login(&self, password: &str) -> u64 {
        let answer = Client::new(self.server.address(), Some((ADA.0, password))).get("/api/mgmt/permissions");
        if answer.status == 200 { 0 } else { answer.code() }
    }

    fn ada(&self) -> Value {
        self.server.admin().get("/api/admin/users/2").json()
    }

    fn size(&self) -> u64 {
        let status = self.server.admin().get("/api/operate/status").json();
        status["log"]["size"].as_u64().or_else(|| status["size"].as_u64()).expect("a size")
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_running_server_lets_somebody_in_again() {
    let house = House::new();
    for _ in 0..3 {
        assert_eq!(house.login("not her password"), WRONG);
    }
    wait_for("lock", || (house.ada()["statusInfo"]["accountLocked"] == json!(true)).then_some(()));
    assert_eq!(house.login(ADA.1), WRONG, "locked");
    let (out, _) = house.done(&["unlock", "ADA", "--json"]);
    let said: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&said["user"], &said["unlocked"]), (&json!(2), &json!(true)));
    let history = house.server.admin().get("/api/audit/objects/user/2/history?limit=1").json();
    let last = &history["events"][0];
    assert_eq!((&last["type"], &last["actor"]), (&json!("UserUnlocked"), &json!("user/1")));
    assert_eq!(last["sequence"], said["sequence"]);
    assert_eq!(house.login(ADA.1), 0);
    let size = house.size();
    let (out, _) = house.done(&["unlock", "--id", "2"]);
    assert_eq!((out.as_str(), house.size()), ("User 2 is not locked; there was nothing to do.\n", size));

    let (out, err) = house.done(&["set-password", "ada"]);
    assert!(out.starts_with("User 2 has a new temporary password.\nRecorded as event "), "{out}");
    let drawn = err.strip_prefix("Password ").and_then(|rest| rest.strip_suffix(" (shown this once).\n"));
    assert_eq!(house.login(drawn.unwrap_or_else(|| panic!("no password in {err}"))), MUST_CHANGE);
    fs::write(house.place.path().join("new"), "walnut harbor thimble orbit").expect("writes");
    let (_, err) = house.done(&["set-password", "--id", "2", "--final", "--password-file", "new"]);
    assert_eq!((err.as_str(), house.login("walnut harbor thimble orbit")), ("", 0));
    assert!(house.server.stop().success());
    house.place.verified();
}

#[test]
fn what_a_server_does_not_do_is_said_in_words() {
    let house = House::new();
    let nowhere = {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        format!("http://{}", free.expect("loopback has ports"))
    };
    fs::write(house.place.path().join("common"), "password1234").expect("writes");
    let url = house.url();
    let (admin, ada) = ((ADMIN.0, ADMIN.0), (ADA.0, ADA.0));
    let final_common: &[&str] = &["set-password", "ada", "--final", "--password-file", "common"];
    let rows: &[Row<'_>] = &[
        (&["unlock", "nobody"], &url, admin, 1, "there is no user called nobody whom d2cadmin sees"),
        (&["unlock", "--id", "9"], &url, admin, 1, "there is no user 9 there"),
        (&["set-password", "--id", "9"], &url, admin, 1, "there is no user 9 there"),
        (&["unlock", "ada"], &url, ada, 1, "the server says no (403): You lack the permissions"),
        (&["set-password", "--id", "1"], &url, ada, 1, "the server says no (403)"),
        (
            &["unlock", "ada"],
            &url,
            (ADMIN.0, ADA.0),
            3,
            "the server says no (401): Invalid user ID or password.",
        ),
        (&["unlock", "ada"], &url, (ADMIN.0, "missing"), 3, "the password file missing can't be read"),
        (
            final_common,
            &url,
            admin,
            2,
            "the server says no (400): The property 'password' can't have this value",
        ),
        (&["unlock", "ada"], &nowhere, admin, 3, "can't be reached"),
        (&["unlock", "ada"], "https://127.0.0.1:8443", admin, 2, "only http is spoken here"),
        (&["unlock", "ada"], "http://ledger.example", admin, 2, "--allow-plain-http"),
        (&["unlock", "ada"], "http://127.0.0.1/api", admin, 2, "scheme, host and port, and nothing else"),
        (&["unlock", "ada"], "127.0.0.1:8080", admin, 2, "--server 127.0.0.1:8080"),
    ];
    let size = house.size();
    for (arguments, url, whom, code, says) in rows {
        let output = house.run(arguments, url, *whom);
        let (out, err) = texts(&output);
        assert_eq!((output.status.code(), out.as_str()), (Some(*code), ""), "{arguments:?}: {err}");
        assert!(err.contains(says) && !err.contains("shown this once"), "{says:?} is not in {err:?}");
        assert!(!err.contains(ADMIN.1) && !err.contains(ADA.1) && !err.contains("password1234"), "{err}");
    }
    assert_eq!(house.size(), size);
}
