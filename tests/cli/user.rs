//! `user`: a password set, a lock ended, on a data directory that nobody serves.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::house::{Ran, Server, command, contents, finish, init, on, run, wait_until};

/// What ada has, and what she is called.
const ADA: &str = "ada";
const HERS: &str = "copper lantern meadow quilt";

/// A ledger with ada in it, who is user 2.
struct House {
    place: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        let house = House { place: tempfile::tempdir().expect("a directory") };
        init(&house.ledger());
        let server = house.serve();
        let body = json!({
            "userName": ADA, "statusInfo": { "status": 1 }, "passwordInfo": { "password": HERS },
            "permissions": { "roles": [2] },
        });
        server.send("POST", "/api/admin/users", Some(&body));
        server.stop();
        house
    }

    fn ledger(&self) -> PathBuf {
        self.place.path().join("ledger")
    }

    fn serve(&self) -> Server {
        Server::start(&self.ledger())
    }

    /// `authledger user …` on its data directory.
    fn user(&self, arguments: &[&str]) -> Ran {
        let directory = self.ledger();
        run(&[&["user"], arguments, &["--data-dir", directory.to_str().expect("UTF-8")]].concat())
    }

    /// Writes a password into a file.
    fn file(&self, password: &str) -> String {
        let file = self.place.path().join("password");
        fs::write(&file, format!("{password}\n")).expect("writes");
        file.to_str().expect("UTF-8").to_owned()
    }

    /// Everything that happened to ada.
    fn history(&self) -> Vec<Value> {
        let said = on(&self.ledger(), &["events", "--stream", "user/2", "--format", "jsonl"]).expect(0, &[]);
        said.out().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn verified(&self, events: u64) {
        on(&self.ledger(), &["verify"]).expect(0, &[&format!("verified: {events} events")]);
    }
}

/// The code of an answer to ada, and 0 for a good one.
fn login(server: &Server, password: &str) -> u64 {
    let (status, body) = server.ask_as(ADA, password, "/api/mgmt/permissions");
    if status == 200 { 0 } else { body["error"]["code"].as_u64().expect("a code") }
}

const WRONG: u64 = 222_206_007;
const MUST_CHANGE: u64 = 222_299_029;

#[test]
fn a_locked_account_is_let_in_again_and_the_log_says_that_the_operator_did() {
    let house = House::new();
    let server = house.serve();
    for _ in 0..3 {
        assert_eq!(login(&server, "not her password"), WRONG);
    }
    assert_eq!(login(&server, HERS), WRONG, "locked");
    // The lock is recorded beside the answer.
    wait_until(|| {
        server.send("GET", "/api/admin/users/2", None)["statusInfo"]["accountLocked"] == json!(true)
    });
    server.stop();

    let said = house.user(&["unlock", ADA, "--json"]).expect(0, &[]).json();
    assert_eq!(said, json!({ "user": 2, "unlocked": true, "sequence": 8 }));
    let last = house.history().pop().expect("an event");
    assert_eq!((&last["type"], &last["actor"]), (&json!("UserUnlocked"), &json!("operator")));
    house.verified(9);
    for whom in [&["ADA"][..], &["--id", "2"]] {
        house
            .user(&[&["unlock"], whom].concat())
            .expect(0, &["User 2 is not locked; there was nothing to do."]);
    }
    house.verified(9);
    assert_eq!(login(&house.serve(), HERS), 0);
}

#[test]
fn a_drawn_password_is_printed_once_and_must_be_changed_first() {
    let house = House::new();
    let ran = house.user(&["set-password", ADA]);
    let ran = ran.expect(0, &["User 2 has a new temporary password.", "Recorded as event 7."]);
    let drawn = ran.err.strip_prefix("Password ").and_then(|rest| rest.strip_suffix(" (shown this once).\n"));
    let drawn = drawn.unwrap_or_else(|| panic!("no password in {ran:?}"));
    assert!(!ran.out().contains(drawn), "results are redirected into files");
    let last = house.history().pop().expect("an event");
    assert_eq!((&last["type"], &last["actor"]), (&json!("UserPasswordSet"), &json!("operator")));
    assert_eq!((&last["event"]["status"], &last["event"]["setter"]), (&json!(2), &json!(2)));
    for (path, bytes) in contents(&house.ledger()) {
        let bytes = bytes.unwrap_or_default();
        assert!(!bytes.windows(drawn.len()).any(|there| there == drawn.as_bytes()), "{}", path.display());
    }
    house.verified(8);
    let server = house.serve();
    assert_eq!((login(&server, drawn), login(&server, HERS)), (MUST_CHANGE, WRONG));
}

#[test]
fn a_given_password_holds_at_once_when_it_is_final() {
    let house = House::new();
    let file = house.file("walnut harbor thimble orbit");
    let ran = house.user(&["set-password", "--id", "2", "--final", "--password-file", &file, "--json"]);
    let ran = ran.expect(0, &[]);
    assert_eq!(ran.json(), json!({ "user": 2, "passwordSet": true, "sequence": 7 }));
    assert_eq!(ran.err, "", "who gave it knows it");
    let server = house.serve();
    assert_eq!((login(&server, "walnut harbor thimble orbit"), login(&server, HERS)), (0, WRONG));
    server.stop();
    house.verified(8);
    let file = house.file("temp-orary");
    house.user(&["set-password", ADA, "--temporary", "--password-file", &file]).expect(0, &["event 8"]);
    assert_eq!(login(&house.serve(), "temp-orary"), MUST_CHANGE);
}

#[test]
fn what_can_not_be_done_records_nothing() {
    let house = House::new();
    let common = house.file("password1234");
    house
        .user(&["set-password", ADA, "--final", "--password-file", &common])
        .expect(2, &["too easy to guess"]);
    let short = house.file("short");
    house.user(&["set-password", ADA, "--password-file", &short]).expect(2, &["8 to 128 characters"]);
    for command in ["set-password", "unlock"] {
        house.user(&[command, "nobody"]).expect(1, &["there is no user called nobody here"]);
        house.user(&[command, "--id", "3"]).expect(1, &["there is no user 3 here"]);
    }
    let missing = house.user(&["set-password", ADA, "--password-file", "missing"]);
    missing.expect(3, &["the password file missing can't be read"]);
    house.verified(7);
}

#[test]
fn a_directory_in_use_is_refused_with_what_to_ask_the_server() {
    let house = House::new();
    let server = house.serve();
    let asked = "authledger user unlock --id 2 --server http://127.0.0.1:8080 --as NAME --as-password-file F";
    house.user(&["unlock", "--id", "2"]).expect(3, &["already running", asked]);
    let asked = "authledger user set-password ada --server http://127.0.0.1:8080";
    let ran = house.user(&["set-password", ADA]).expect(3, &["already running", asked]);
    assert!(!ran.err.contains("shown this once"), "{ran:?}");
    server.stop();
    house.verified(7);
}

#[test]
fn without_the_right_master_key_every_byte_stays() {
    let house = House::new();
    let directory = house.ledger();
    let before = contents(&directory);
    let with_key = |key: &str| {
        let mut command = command(&["user", "set-password", ADA, "--data-dir"]);
        finish(command.arg(&directory).env("AUTHLEDGER_KEYS__MASTER", key))
    };
    with_key(&"00".repeat(32)).expect(3, &["key"]);
    fs::rename(key_of(&directory), house.place.path().join("elsewhere")).expect("renames");
    house.user(&["unlock", ADA]).expect(3, &["key"]);
    assert_eq!(contents(&directory), before);
    let none = house.place.path().join("none");
    run(&["user", "unlock", ADA, "--data-dir", none.to_str().expect("UTF-8")]).expect(3, &["is no ledger"]);
    assert!(!none.exists());
}

fn key_of(directory: &Path) -> PathBuf {
    directory.with_extension("key")
}
