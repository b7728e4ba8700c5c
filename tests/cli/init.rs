//! `init`: what it makes, whom it lets in, and what it leaves alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::house::{self, command, contents, finish, on};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("is there").permissions().mode() & 0o7777
}

#[test]
fn a_drawn_password_is_shown_once_and_lets_in() {
    let place = tempfile::tempdir().expect("a directory");
    // Directories above it are made too.
    let ledger = place.path().join("deep/er/ledger");
    let made = on(&ledger, &["init"]).expect(0, &["A new ledger", "Administrator d2cadmin", "keep a copy"]);
    assert!(made.bytes.is_empty(), "standard output is for results: {made:?}");
    let password = made.err.split("password ").nth(1).and_then(|rest| rest.split(' ').next()).expect("shown");
    assert_eq!(password.len(), 23, "{password}");

    let key = place.path().join("deep/er/ledger.key");
    assert_eq!((mode(&key), mode(&ledger)), (0o600, 0o700));
    for (file, bytes) in contents(place.path()) {
        let bytes = bytes.unwrap_or_default();
        let found = bytes.windows(password.len()).any(|window| window == password.as_bytes());
        assert!(!found, "{} holds the password", file.display());
    }
    on(&ledger, &["verify"]).expect(0, &["verified: 6 events"]);
}

#[test]
fn a_second_init_changes_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let ledger = place.path().join("ledger");
    house::init(&ledger);
    let before = contents(place.path());
    on(&ledger, &["init"]).expect(3, &["is not empty", "authledger serve"]);
    assert_eq!(contents(place.path()), before);
}

#[test]
fn a_directory_with_anything_in_it_is_left_alone() {
    let place = tempfile::tempdir().expect("a directory");
    let other = place.path().join("other");
    fs::create_dir(&other).expect("creates");
    fs::write(other.join("notes.txt"), "somebody's").expect("writes");
    let before = contents(place.path());
    on(&other, &["init"]).expect(3, &["other is not empty"]);
    on(&other.join("notes.txt"), &["init"]).expect(3, &["notes.txt"]);
    on(&other.join("notes.txt/below"), &["init"]).expect(3, &["notes.txt"]);
    assert_eq!(contents(place.path()), before);
}

#[test]
fn an_empty_directory_a_link_and_a_dot_become_ledgers() {
    let place = tempfile::tempdir().expect("a directory");
    for name in ["empty", "here", "linked"] {
        fs::create_dir(place.path().join(name)).expect("creates");
    }
    std::os::unix::fs::symlink("linked", place.path().join("link")).expect("links");
    on(&place.path().join("empty"), &["init"]).expect(0, &[]);
    on(&place.path().join("link"), &["init"]).expect(0, &[]);
    on(&place.path().join("link"), &["verify"]).expect(0, &[]);
    finish(command(&["init", "--data-dir", "."]).current_dir(place.path().join("here"))).expect(0, &[]);
    finish(command(&["verify", "--data-dir", "."]).current_dir(place.path().join("here"))).expect(0, &[]);
}

#[test]
fn a_master_key_that_is_there_is_used_and_never_overwritten() {
    let place = tempfile::tempdir().expect("a directory");
    let (first, second) = (place.path().join("first"), place.path().join("second"));
    house::init(&first);
    let key = fs::read(place.path().join("first.key")).expect("reads");
    fs::copy(place.path().join("first.key"), place.path().join("second.key")).expect("copies");
    on(&second, &["init"]).expect(0, &["the one that was in"]);
    assert_eq!(fs::read(place.path().join("second.key")).expect("reads"), key);
    on(&second, &["verify"]).expect(0, &[]);

    // The same key by the environment, and then no file is looked for.
    let third = place.path().join("third");
    let hex = String::from_utf8(key).expect("text");
    let with_key = |arguments: &[&str]| finish(command(arguments).env("AUTHLEDGER_KEYS__MASTER", hex.trim()));
    let path = third.to_str().expect("UTF-8");
    with_key(&["init", "--data-dir", path]).expect(0, &["the one in the settings"]);
    assert!(!place.path().join("third.key").exists());
    with_key(&["verify", "--data-dir", path]).expect(0, &["verified"]);
    on(&third, &["verify"]).expect(3, &["the master key is missing", "AUTHLEDGER_KEYS__MASTER"]);
}

/// Name of the ledger, arguments, environment, exit code, what is said.
type Bad<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a [&'a str]);

#[test]
fn a_bad_key_or_password_makes_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let at = |name: &str| place.path().join(name);
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(at(name), text).expect("writes");
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).expect("sets");
    };
    write("open.key", &"00".repeat(32), 0o644);
    write("short.key", "00ff", 0o600);
    write("weak", "password1234\n", 0o600);
    write("empty", "", 0o600);
    write("two lines", "violet tundra anchor spoon\nsecond line of it\n", 0o600);
    fs::write(at("latin"), b"caf\xe9 tundra anchor spoon").expect("writes");
    let before = contents(place.path());

    let file = |name: &str| at(name).to_str().expect("UTF-8").to_owned();
    let rows: &[Bad<'_>] = &[
        ("open", &[], &[], 3, &["open.key is open to others (mode 0644)", "chmod 600"]),
        ("short", &[], &[], 3, &["short.key", "64 hexadecimal digits"]),
        ("new", &[], &[("AUTHLEDGER_KEYS__MASTER", "zz")], 2, &["keys.master must be 32 bytes"]),
        (
            "new",
            &[],
            &[("AUTHLEDGER_ADMIN_PASSWORD", "short")],
            2,
            &["AUTHLEDGER_ADMIN_PASSWORD", "12 to 128"],
        ),
        ("new", &[], &[("AUTHLEDGER_ADMIN_PASSWORD", "")], 2, &["12 to 128"]),
        ("new", &["--admin-password-file", &file("weak")], &[], 2, &["weak", "too easy to guess"]),
        ("new", &["--admin-password-file", &file("empty")], &[], 2, &["12 to 128"]),
        ("new", &["--admin-password-file", &file("two lines")], &[], 2, &["no control characters"]),
        ("new", &["--admin-password-file", &file("latin")], &[], 3, &["latin", "not UTF-8"]),
        ("new", &["--admin-password-file", &file("nowhere")], &[], 3, &["nowhere can't be read"]),
        ("new", &["--admin", "a:b"], &[], 2, &["no colon"]),
        ("new", &["--admin", ""], &[], 2, &["1 to 128 characters"]),
        ("new", &["--admin", "d2cadmin\n"], &[], 2, &["control"]),
    ];
    for (name, arguments, environment, code, texts) in rows {
        let directory = file(name);
        let mut command = command(&[&["init", "--data-dir", &directory], *arguments].concat());
        command.envs(environment.iter().copied());
        finish(&mut command).expect(*code, texts);
        assert_eq!(contents(place.path()), before, "{name} {arguments:?} {environment:?}");
    }
}

#[test]
fn the_password_file_is_read_without_its_line_end() {
    let place = tempfile::tempdir().expect("a directory");
    let ledger = place.path().join("ledger");
    let file = place.path().join("password");
    fs::write(&file, format!("{}\r\n", house::PASSWORD)).expect("writes");
    let file = file.to_str().expect("UTF-8");
    let made = on(&ledger, &["init", "--admin", house::ADMIN, "--admin-password-file", file]).expect(0, &[]);
    assert!(!made.err.contains(house::PASSWORD), "nobody needs to see what he gave: {made:?}");
    let server = house::Server::start(&ledger);
    server.send("GET", "/api/mgmt/oauthapps", None);
    server.stop();
}
