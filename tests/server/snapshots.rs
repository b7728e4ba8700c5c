//! Snapshots of the real server: taken while others write, taken up by the next start, passed over with a warning when they
//! are not what the log says; and what stands before one is checked while the server serves.

use std::fs;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover::{self, OpenOptions};
use authledger::ledger::store::{Batch, Head, KeyChange};
use authledger::vault::keys_file::KeysFile;
use authledger::vault::master::MasterKey;
use events::id::{Epoch, Sequence};
use serde_json::Value;

use crate::answers::{APPS, app};
use crate::place::{Place, Server, wait_for};

const SNAPSHOTS: &str = "/api/operate/snapshots";

fn make_apps(server: &Server, names: &[&str]) {
    for name in names {
        let answer = server.admin().send("POST", APPS, &[], Some(&app(name))).expect("is answered");
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}

fn take(server: &Server) -> Value {
    let answer = server.admin().send("POST", SNAPSHOTS, &[], None).expect("is answered");
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn status(server: &Server) -> Value {
    server.admin().get("/api/operate/status").json()
}

fn names(server: &Server) -> Vec<String> {
    let list = server.admin().get(APPS).json();
    let rows = list["applications"].as_array().unwrap_or_else(|| panic!("no list in {list}"));
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

/// Waits until what stands before the snapshot has been checked.
fn verification(server: &Server) -> Value {
    wait_for("end of the check", || {
        let ready = server.admin().get("/readyz").json();
        (ready["verification"]["state"] != "running").then_some(ready)
    })
}

/// Ends the writers, also when the test fails.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn one_taken_while_others_write_is_the_state_of_a_moment() {
    let place = Place::new();
    let server = place.serve();
    let stop = AtomicBool::new(false);
    let size = std::thread::scope(|scope| {
        let stopping = Stopping(&stop);
        for writer in 0..3 {
            let (server, stop) = (&server, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    make_apps(server, &[&format!("{writer}_{number}")]);
                }
            });
        }
        wait_for("some events", || (status(&server)["size"].as_u64()? > 40).then_some(()));
        let taken: Vec<u64> = (0..3).map(|_| take(&server)["size"].as_u64().expect("a size")).collect();
        drop(stopping);
        assert!(taken.windows(2).all(|pair| pair[0] < pair[1]), "{taken:?}");
        taken[2]
    });
    make_apps(&server, &["after it"]);
    let (before, apps) = (status(&server), names(&server));
    for checked in server.admin().get(SNAPSHOTS).json()["snapshots"].as_array().expect("a list") {
        assert_eq!((&checked["whole"], &checked["problem"]), (&Value::from(true), &Value::Null));
        let path = format!("{SNAPSHOTS}/{}/verify", checked["size"]);
        let answer = server.admin().send("POST", &path, &[], None).expect("is answered").json();
        assert_eq!(answer["result"], "same", "{answer}");
    }
    server.kill();

    // After a crash a copy is checked from the beginning; what is served is taken up all the same.
    let server = place.serve();
    let after = status(&server);
    assert_eq!(after["start"]["snapshot"], size);
    for name in ["size", "chain", "root", "ledgerId"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(names(&server), apps);
    let ready = verification(&server);
    assert_eq!(
        (&ready["verification"]["state"], &ready["status"]),
        (&Value::from("done"), &Value::from("ready"))
    );
    assert_eq!(ready["verification"]["verified"], size);
    make_apps(&server, &["later still"]);
    assert!(server.stop().success());

    // After an orderly end it is taken up at once.
    let server = place.serve();
    assert_eq!(status(&server)["start"]["snapshot"], size);
    assert!(names(&server).contains(&"later still".to_owned()));
    assert!(server.stop().success());
    place.verified();
}

#[test]
fn l03_a_damaged_one_is_passed_over_with_a_warning() {
    let place = Place::new();
    let server = place.serve();
    make_apps(&server, &["one", "two"]);
    let older = take(&server)["size"].as_u64().expect("a size");
    let size = take(&server)["size"].as_u64().expect("a size");
    let apps = names(&server);
    assert!(server.stop().success());
    let file = place.data().join(format!("snapshots/{size}.snapshot"));
    let bytes = fs::read(&file).expect("reads");
    for (from, damage) in [
        (Some(older), Some(bytes.len() / 2)),
        (Some(older), Some(bytes.len() - 1)),
        (Some(older), None),
        (Some(size), Some(usize::MAX)),
    ] {
        let mut changed = bytes.clone();
        match damage {
            Some(place) if place < changed.len() => changed[place] ^= 1,
            Some(_) => {}
            None => changed.truncate(60),
        }
        fs::write(&file, changed).expect("writes");
        let server = place.serve();
        assert_eq!(status(&server)["start"]["snapshot"], Value::from(from));
        assert_eq!(names(&server), apps);
        let log = server.log();
        let warned = log.lines().find(|line| line.contains("a snapshot was skipped"));
        assert_eq!(warned.is_some(), from == Some(older), "{log}");
        if let Some(line) = warned {
            assert!(line.contains("WARN") && line.contains("it is damaged"), "{line}");
            assert!(line.contains(file.to_str().expect("UTF-8")), "{line}");
        }
        assert!(server.stop().success());
    }
}

/// Makes the ledger anew with one event changed, as somebody would who holds the master key and the machine, or as a disk
/// would that rots before an orderly close: witness and engine vouch for what is there.
fn forge(place: &Place, sequence: usize) {
    let data = place.data();
    let master = MasterKey::read(&MasterKey::path_beside(&data).expect("a place")).expect("a key");
    let keys = KeysFile::read(&data).expect("a keys file");
    let witness_key = master.witness_key(keys.ledger());
    let mut options = OpenOptions { reserve_bytes: 4096, ..OpenOptions::default() };
    options.engine.low_water_bytes = 0;
    let opened =
        recover::open(&DataDirectory::new(&data), &witness_key, &options, &mut |_| {}).expect("opens");
    let mut batch = Batch::default();
    let all = Sequence(u64::MAX);
    let read = opened.store.reader().read(Sequence(0), all, &mut |_, leaf| {
        batch.leaves.push(leaf.to_vec());
        ControlFlow::Continue(())
    });
    read.expect("reads");
    let scanned = opened.store.keys().scan(b"", &mut |key, value| {
        batch.keys.push(KeyChange::Put { key: key.to_vec(), value: value.to_vec() });
    });
    scanned.expect("reads");
    let root = opened.report.head.root;
    opened.closer.close(opened.store, opened.witness).expect("closes");
    *batch.leaves[sequence].last_mut().expect("a byte") ^= 1;

    let forged = DataDirectory::new(place.path().join("forged"));
    let mut created = recover::create(&forged, keys.ledger(), &witness_key, &options).expect("creates");
    let head = created.store.append(&Head::EMPTY, &batch).expect("appends");
    created.witness.record(Epoch(1), head.size, head.chain, root).expect("witnesses");
    fs::copy(data.join("keys"), created.staged.directory().path().join("keys")).expect("copies");
    created.closer.close(created.store, created.witness).expect("closes");
    created.staged.publish().expect("gets its name");
    fs::rename(data.join("snapshots"), forged.path().join("snapshots")).expect("moves");
    fs::remove_dir_all(&data).expect("removes");
    fs::rename(forged.path(), &data).expect("moves");
}

#[test]
fn l03_damage_before_the_snapshot_is_found_while_it_serves_and_ends_writing() {
    let place = Place::new();
    let server = place.serve();
    make_apps(&server, &["one", "two", "three"]);
    let size = take(&server)["size"].as_u64().expect("a size");
    make_apps(&server, &["four"]);
    let apps = names(&server);
    assert!(server.stop().success());
    forge(&place, 7);

    let server = place.serve();
    let ready = verification(&server);
    let message = "history was changed at or before event 7";
    assert_eq!(server.admin().get("/readyz").status, 503);
    assert_eq!(
        (&ready["writes"], &ready["reasons"][0]["reason"], &ready["reasons"][0]["message"]),
        (&Value::from(false), &Value::from("history"), &Value::from(message)),
        "{ready}"
    );
    let shown = status(&server);
    assert_eq!(
        (&shown["start"]["snapshot"], &shown["health"]["writes"]),
        (&Value::from(size), &Value::from(false))
    );
    let found = shown["verification"]["found"].as_str().expect("what was found");
    assert!(found.starts_with("sequence 7: it was changed or replaced"), "{found}");
    let refused = server.admin().send("POST", APPS, &[], Some(&app("five"))).expect("is answered");
    assert_eq!((refused.status, refused.code()), (503, 222_299_019), "{}", refused.text());
    assert_eq!(names(&server), apps, "reads go on");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("is not what was written: no more writes"));
    assert!(line.is_some_and(|line| line.contains("ERROR") && line.contains("sequence=7")), "{log}");
    let mut server = server;
    let asked =
        std::process::Command::new("sh").arg("-c").arg(format!("kill -TERM {}", server.id())).status();
    assert!(asked.is_ok_and(|status| status.success()));
    assert_eq!(server.ended().code(), Some(3));
    assert!(server.log().contains(message), "{}", server.log());
    drop(server);

    // It was no orderly end: the next start checks from the first event, snapshot or not, and refuses.
    let mut command = place.command("serve");
    command.args(["--listen", "127.0.0.1:0"]);
    let (code, said) = place.refused(command);
    assert_eq!(code, 3);
    assert!(said.contains("event 7: it was changed or replaced"), "{said}");
}
