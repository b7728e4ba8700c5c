//! L2, and "what bad input gets": the disk under a running server is full.

use std::fs;
use std::path::Path;

use crate::answers::{APPS, Answer};
use crate::place::{Place, Server};
use crate::small_disk::SmallDisk;

/// `The outcome is unknown`.
const UNKNOWN: u64 = 222_299_018;
/// `Nothing can be written at the moment`.
const NO_WRITES: u64 = 222_299_019;

/// Somebody else's file takes all but so many bytes.
fn leave(disk: &Path, name: &str, bytes: u64) {
    let taken = usize::try_from(SmallDisk::free(disk).saturating_sub(bytes)).expect("small");
    fs::write(disk.join(name), vec![1; taken]).expect("fits");
}

fn names(server: &Server) -> Vec<String> {
    server.admin().apps().iter().map(|app| app["name"].as_str().expect("has a name").to_owned()).collect()
}

/// No write is taken, each says so, and reads go on.
fn serves_reads_alone(server: &Server, there: &[&str], key: &str) {
    let admin = server.admin();
    let refused = |answer: &Answer| {
        assert_eq!((answer.status, answer.code()), (503, NO_WRITES), "{}", answer.text());
        assert!(answer.text().contains("disk") && answer.header("retry-after").is_some(), "{answer:?}");
    };
    for _ in 0..2 {
        refused(&admin.create("refused", Some(key)).expect("is answered"));
    }
    refused(&admin.send("DELETE", &format!("{APPS}/1"), &[], None).expect("is answered"));
    // A reveal is a write.
    refused(&admin.get(&format!("{APPS}/1")));
    assert_eq!(names(server), there);
    assert_eq!(admin.saying("Basic bm9ib2R5Ondyb25n").get(APPS).status, 401);
    let ready = admin.get("/readyz");
    assert_eq!((ready.status, admin.get("/livez").status), (503, 200));
    let ready = ready.json();
    assert_eq!((&ready["reads"], &ready["writes"]), (&true.into(), &false.into()), "{ready}");
    assert_eq!(ready["reasons"][0]["reason"], "disk", "{ready}");
}

#[test]
fn l02_a_disk_that_fills_up_stops_writes_alone_until_there_is_room() {
    let disk = SmallDisk::new(128);
    // More than the reserve, as by default: giving that back serves reads, and starts no writes.
    let place = Place::vacant().on(disk.path()).with("LEDGER__MIN_FREE_BYTES", "40MiB");
    place.init();
    let server = place.serve();
    assert_eq!(server.admin().create("first", None).expect("is answered").status, 201);

    leave(disk.path(), "filler", 6 << 20);
    serves_reads_alone(&server, &["first"], "one");
    fs::remove_file(disk.path().join("filler")).expect("removes");
    let created = server.admin().create("second", Some("one")).expect("is answered");
    assert_eq!(created.status, 201, "a refusal used up no key: {}", created.text());
    assert_eq!(server.admin().get("/readyz").status, 200);

    // Killed when there is not a byte left, it can't be checked on a copy beside it, and the sentence says what helps:
    // a copy elsewhere. Then the room that was held back is enough to start and to say no.
    leave(disk.path(), "filler", 0);
    serves_reads_alone(&server, &["first", "second"], "two");
    server.kill();
    let mut serve = place.command("serve");
    serve.args(["--listen", "127.0.0.1:0"]);
    let (ended, said) = place.refused(serve);
    assert_eq!(ended, 3, "{said}");
    assert!(said.contains("needs room for a copy") && said.contains("ledger.check_dir"), "{said}");
    let elsewhere = place.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("creates");
    let place = place.with("LEDGER__CHECK_DIR", elsewhere.to_str().expect("a plain path"));
    let server = place.serve();
    serves_reads_alone(&server, &["first", "second"], "two");
    fs::remove_file(disk.path().join("filler")).expect("removes");
    assert_eq!(server.admin().create("third", None).expect("is answered").status, 201);
    assert_eq!(server.admin().get("/readyz").status, 200);
    assert!(server.stop().success());
    let server = place.serve();
    assert_eq!(names(&server), ["first", "second", "third"]);
    assert!(server.stop().success());
    place.verified();
}

#[test]
fn l02_a_write_that_runs_into_the_end_of_the_disk_loses_nothing() {
    let disk = SmallDisk::new(64);
    // With next to no mark the engine itself meets the end.
    let place = Place::vacant().on(disk.path()).with("LEDGER__MIN_FREE_BYTES", "1");
    place.init();
    let server = place.serve();
    let admin = server.admin();
    leave(disk.path(), "filler", 16 << 10);
    let mut acknowledged = Vec::new();
    let met = loop {
        let name = format!("number {}", acknowledged.len());
        let answer = admin.create(&name, Some(&name)).expect("is answered");
        if answer.status != 201 {
            break answer;
        }
        acknowledged.push(name);
        assert!(acknowledged.len() < 1000, "it never fills up");
    };
    assert!(met.status == 503 && [UNKNOWN, NO_WRITES].contains(&met.code()), "{}", met.text());
    let later = admin.create("later", None).expect("is answered");
    assert_eq!((later.status, later.code()), (503, NO_WRITES), "{}", later.text());
    assert_eq!(names(&server), acknowledged);
    assert_eq!(admin.get("/readyz").status, 503);
    println!("{} acknowledged, then {}", acknowledged.len(), met.text());
    server.kill();

    fs::remove_file(disk.path().join("filler")).expect("removes");
    let server = place.serve();
    let found = names(&server);
    assert_eq!(found[..acknowledged.len()], acknowledged);
    let last = format!("number {}", acknowledged.len());
    assert!(found[acknowledged.len()..].iter().all(|name| *name == last), "{found:?}");
    assert_eq!(server.admin().create(&last, Some(&last)).expect("is answered").status, 201);
    assert_eq!(names(&server).len(), acknowledged.len() + 1);
    assert!(server.stop().success());
    place.verified();
}
