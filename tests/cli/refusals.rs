//! Directories that are not as they should be: each command says what is wrong and what helps, with the right code, and
//! leaves every byte as it was.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::house::{self, Sample, Server, command, contents, copy, finish, init, on};

/// What the rows are made of: a good ledger, itself earlier, and another one under the same master key.
struct Ground {
    sample: Sample,
}

impl Ground {
    fn new() -> Ground {
        let sample = Sample::new();
        let at = |name: &str| sample.place().join(name);
        // The same ledger two events later; what the rows damage is the later one.
        copy(&at("ledger"), &at("earlier"));
        let server = Server::start(&at("ledger"));
        server.send("DELETE", "/api/mgmt/oauthapps/1", None);
        server.send("POST", "/api/mgmt/oauthapps", Some(&house::application("Third app")));
        server.stop();
        fs::remove_file(at("ledger/reserve")).expect("removes");
        fs::copy(at("ledger.key"), at("foreign.key")).expect("copies");
        init(&at("foreign"));
        fs::remove_file(at("foreign/reserve")).expect("removes");
        Ground { sample }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sample.place().join(name)
    }
}

/// Where one row happens.
struct Site<'a> {
    ground: &'a Ground,
    place: PathBuf,
}

impl Site<'_> {
    fn at(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).expect("writes");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).expect("reads")
    }

    fn remove(&self, name: &str) {
        let path = self.at(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removes");
    }

    /// Keeps the first bytes of a file.
    fn shorten(&self, name: &str, keep: impl FnOnce(u64) -> u64) {
        let file = File::options().write(true).open(self.at(name)).expect("opens");
        file.set_len(keep(file.metadata().expect("is there").len())).expect("shortens");
    }

    /// Puts something of another ledger, or of this one earlier, in its place.
    fn exchange(&self, name: &str, from: &str) {
        self.remove(&format!("ledger/{name}"));
        let source = self.ground.at(from).join(name);
        let target = self.at("ledger").join(name);
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(source, target).expect("copies");
        }
    }

    /// Which ledger it is, from its keys file.
    fn ledger_id(&self) -> [u8; 16] {
        let keys = String::from_utf8(self.read("ledger/keys")).expect("text");
        let id = keys.lines().find_map(|line| line.strip_prefix("ledger ")).expect("there is one");
        std::array::from_fn(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("hexadecimal"))
    }

    /// Where these bytes stand in a file.
    fn places(&self, name: &str, bytes: &[u8]) -> Vec<usize> {
        let content = self.read(name);
        content.windows(bytes.len()).enumerate().filter(|(_, at)| *at == bytes).map(|(at, _)| at).collect()
    }

    /// Changes one bit in every place where the bytes stand in a file.
    fn flip_each(&self, name: &str, bytes: &[u8]) {
        let (mut content, places) = (self.read(name), self.places(name, bytes));
        assert!(!places.is_empty(), "there is nothing to change");
        for at in places {
            content[at + bytes.len() / 2] ^= 4;
        }
        self.write(name, content);
    }
}

struct Row {
    name: &'static str,
    damage: fn(&Site<'_>),
    /// How `verify` ends. Where the engine itself notices, it may lose the events or the files: both are told.
    verify: &'static [i32],
    /// What each command says.
    texts: &'static [&'static str],
    /// Whether `serve` refuses too; it makes a ledger where there is none.
    serve: bool,
}

const fn row(
    name: &'static str,
    verify: &'static [i32],
    texts: &'static [&'static str],
    damage: fn(&Site<'_>),
) -> Row {
    Row { name, damage, verify, texts, serve: true }
}

const fn vacant(name: &'static str, texts: &'static [&'static str], damage: fn(&Site<'_>)) -> Row {
    Row { name, damage, verify: &[3], texts, serve: false }
}

const ROWS: &[Row] = &[
    vacant("nothing", &["ledger is no ledger", "authledger init"], |site| site.remove("ledger")),
    vacant("an empty directory", &["ledger is no ledger"], |site| {
        site.remove("ledger");
        fs::create_dir(site.at("ledger")).expect("creates");
    }),
    row("somebody's files", &[3], &["ledger is no ledger"], |site| {
        site.remove("ledger");
        fs::create_dir(site.at("ledger")).expect("creates");
        site.write("ledger/notes.txt", "somebody's");
    }),
    row("a file", &[3], &["ledger"], |site| {
        site.remove("ledger");
        site.write("ledger", "no directory");
    }),
    row(
        "no master key",
        &[3],
        &["the master key is missing", "ledger.key", "AUTHLEDGER_KEYS__MASTER"],
        |site| {
            site.remove("ledger.key");
        },
    ),
    row("a master key that others can read", &[3], &["mode 0640", "chmod 600"], |site| {
        fs::set_permissions(site.at("ledger.key"), fs::Permissions::from_mode(0o640)).expect("sets");
    }),
    row(
        "another master key",
        &[3],
        &["this is not the master key of ledger", "nothing was opened"],
        |site| {
            site.write("ledger.key", "0f".repeat(32));
        },
    ),
    row("a master key with a digit missing", &[3], &["64 hexadecimal digits"], |site| {
        site.shorten("ledger.key", |_| 63);
    }),
    row("a directory in place of the master key", &[3], &["ledger.key"], |site| {
        site.remove("ledger.key");
        fs::create_dir(site.at("ledger.key")).expect("creates");
        fs::set_permissions(site.at("ledger.key"), fs::Permissions::from_mode(0o700)).expect("sets");
    }),
    row("no keys file", &[3], &["keys is missing"], |site| site.remove("ledger/keys")),
    row("a damaged keys file", &[3], &["keys is damaged"], |site| {
        let mut text = site.read("ledger/keys");
        text[100] ^= 1;
        site.write("ledger/keys", text);
    }),
    row("the keys file of a newer version", &[3], &["a newer version of authledger"], |site| {
        let text = String::from_utf8(site.read("ledger/keys")).expect("text");
        site.write("ledger/keys", text.replace("keys 1", "keys 9"));
    }),
    row("no witness", &[13], &["witness is missing", "Nothing was changed"], |site| {
        site.remove("ledger/witness");
    }),
    row("a shortened witness", &[10], &["4096 bytes instead of 8192"], |site| {
        site.shorten("ledger/witness", |_| 4096);
    }),
    row("an emptied witness", &[10], &["witness: it is damaged"], |site| {
        site.write("ledger/witness", [0; 8192]);
    }),
    row("another ledger's witness", &[10], &["witness: it is damaged"], |site| {
        site.exchange("witness", "foreign");
    }),
    row("another ledger's log", &[10], &["holds the ledger", "and the witness speaks of"], |site| {
        site.exchange("sled", "foreign");
    }),
    row("an older log", &[13], &["the acknowledged events 11..12 are missing"], |site| {
        site.exchange("sled", "earlier");
    }),
    row("no storage files at all", &[13], &["is missing", "Nothing was changed"], |site| {
        site.remove("ledger/sled");
    }),
    row("no db", &[13], &["sled/db is missing"], |site| site.remove("ledger/sled/db")),
    row("an emptied db", &[10, 13], &["sled", "Nothing was changed"], |site| {
        site.shorten("ledger/sled/db", |_| 0);
    }),
    row("a db that ends inside its leaves", &[10, 13], &["sled", "Nothing was changed"], |site| {
        // Half of the file would not do: the engine makes it longer than what is in it.
        let last = site.places("ledger/sled/db", &site.ledger_id()).into_iter().max().expect("has leaves");
        site.shorten("ledger/sled/db", |_| last as u64);
    }),
    row("a flipped byte in each leaf", &[10, 13], &["sled", "Nothing was changed"], |site| {
        site.flip_each("ledger/sled/db", &site.ledger_id());
    }),
    row(
        "a flipped byte in the name of an application",
        &[10, 13],
        &["sled", "Nothing was changed"],
        |site| {
            site.flip_each("ledger/sled/db", b"Third app");
        },
    ),
    row("no settings of the engine", &[13], &["conf is missing"], |site| site.remove("ledger/sled/conf")),
    row("other settings of the engine", &[10], &["conf", "damaged"], |site| {
        let mut settings = site.read("ledger/sled/conf");
        settings[0] ^= 1;
        site.write("ledger/sled/conf", settings);
    }),
];

#[test]
fn a_bad_directory_gets_a_sentence_and_stays_as_it_is() {
    let ground = Ground::new();
    for row in ROWS {
        let place = tempfile::tempdir().expect("a directory");
        let site = Site { ground: &ground, place: place.path().to_owned() };
        copy(&ground.at("ledger"), &site.at("ledger"));
        fs::copy(ground.at("ledger.key"), site.at("ledger.key")).expect("copies");
        fs::set_permissions(site.at("ledger.key"), fs::Permissions::from_mode(0o600)).expect("sets");
        (row.damage)(&site);
        let before = contents(&site.place);
        let unchanged =
            |by: &str| assert!(contents(&site.place) == before, "{}: {by} changed something", row.name);

        let verified = on(&site.at("ledger"), &["verify"]);
        let code = verified.code.unwrap_or(-1);
        assert!(row.verify.contains(&code), "{}: {verified:?}", row.name);
        verified.expect(code, row.texts);
        unchanged("verify");
        if code >= 10 {
            let answer = on(&site.at("ledger"), &["verify", "--json"]).expect(code, &[]).json();
            let word = if code == 10 { "tampered" } else { "incomplete" };
            assert_eq!(answer["result"], word, "{}: {answer}", row.name);
        }
        for arguments in [&["replay", "--digest"][..], &["events"]] {
            let ran = on(&site.at("ledger"), arguments).expect(3, row.texts);
            assert!(ran.bytes.is_empty(), "{}: {ran:?}", row.name);
            unchanged(arguments[0]);
        }
        if row.serve {
            let serve = ["serve", "--listen", "127.0.0.1:0"];
            on(&site.at("ledger"), &serve).expect(3, row.texts);
            unchanged("serve");
        }
    }
}

#[test]
fn a_directory_in_use_is_said_to_be() {
    let sample = Sample::new();
    let server = Server::start(&sample.ledger());
    let texts = ["already running", "Stop it first"];
    for arguments in [&["verify"][..], &["verify", "--json"], &["replay"], &["events"]] {
        let ran = on(&sample.ledger(), arguments).expect(3, &texts);
        assert!(ran.bytes.is_empty(), "{ran:?}");
    }
    on(&sample.ledger(), &["serve", "--listen", "127.0.0.1:0"]).expect(3, &texts);
    on(&sample.ledger(), &["init"]).expect(3, &["is not empty"]);
    // It was not disturbed.
    server.send("DELETE", "/api/mgmt/oauthapps/1", None);
    server.stop();
    on(&sample.ledger(), &["verify"]).expect(0, &["verified: 12 events"]);

    // A command holds the directory as a server does.
    let lock = File::open(sample.ledger().join("lock")).expect("opens");
    lock.lock().expect("locks");
    on(&sample.ledger(), &["verify"]).expect(3, &texts);
    drop(lock);
    on(&sample.ledger(), &["verify"]).expect(0, &[]);
}

#[test]
fn a_port_in_use_is_said_to_be_and_nothing_is_made() {
    let place = tempfile::tempdir().expect("a directory");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("has one").to_string();
    let before = contents(place.path());
    on(&place.path().join("ledger"), &["serve", "--listen", &address])
        .expect(3, &[&address, "in use", "--listen"]);
    assert_eq!(contents(place.path()), before);
}

#[test]
fn a_witness_elsewhere_notices_an_older_copy_of_the_whole_directory() {
    let place = tempfile::tempdir().expect("a directory");
    let (ledger, witness) = (place.path().join("ledger"), place.path().join("elsewhere"));
    let run = |arguments: &[&str]| {
        let directory = ledger.to_str().expect("UTF-8");
        let mut command = command(&[&arguments[..1], &["--data-dir", directory], &arguments[1..]].concat());
        finish(
            command
                .env("AUTHLEDGER_LEDGER__WITNESS_PATH", &witness)
                .env("AUTHLEDGER_ADMIN_PASSWORD", house::PASSWORD),
        )
    };
    run(&["init"]).expect(0, &[]);
    assert!(!ledger.join("witness").exists());
    copy(&ledger, &place.path().join("older"));
    run(&["verify"]).expect(0, &["verified: 6 events"]);
    // Without the setting the witness is missing, and with it the assurance.
    on(&ledger, &["verify"]).expect(13, &["witness is missing"]);

    grow(&ledger, &witness);
    run(&["verify"]).expect(0, &["verified: 7 events"]);
    fs::remove_dir_all(&ledger).expect("removes");
    copy(&place.path().join("older"), &ledger);
    run(&["verify"]).expect(13, &["the acknowledged events 6..6 are missing"]);
}

/// Adds an event to a ledger whose witness is elsewhere.
fn grow(ledger: &Path, witness: &Path) {
    let server =
        Server::start_with(ledger, &[("AUTHLEDGER_LEDGER__WITNESS_PATH", witness.to_str().expect("UTF-8"))]);
    server.send("POST", "/api/mgmt/oauthapps", Some(&house::application("App")));
    server.stop();
}
