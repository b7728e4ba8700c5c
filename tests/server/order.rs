//! L1: no 2xx to a write before fdatasync of its bytes, seen in the system calls of the whole server.

use std::path::Path;
use std::thread;

use serde_json::json;

use crate::answers::{APPS, Answer, app};
use crate::place::Place;
use crate::strace::{self, Call, contains};

/// Checks that before the answer to `command` was given to the socket its bytes were written to the log, the log was
/// synchronised, and then the witness was written and synchronised; each begun after the one before it had ended.
fn check(calls: &[Call], engine: &Path, witness: &Path, command: &str) -> Result<(), String> {
    let id = hex::decode(command).expect("is hex");
    // Taking the first that fits each time leaves the most room for those that follow.
    let mut since = 0;
    let mut follows = |what: &str, fits: &dyn Fn(&Call) -> bool| {
        let found = calls
            .iter()
            .filter(|call| call.begun >= since && call.succeeded() && fits(call))
            .min_by_key(|call| call.ended);
        since = found.ok_or_else(|| format!("{command}: {what} is missing after line {since}"))?.ended;
        Ok::<_, String>(since)
    };
    follows("pwrite of its bytes", &|call| call.is_write_to(engine) && contains(&call.bytes, &id))?;
    follows("fdatasync of the log", &|call| call.is_sync_of(engine) && call.result == "0")?;
    follows("pwrite of the witness", &|call| call.is_write_to(witness))?;
    let durable =
        follows("fdatasync of the witness", &|call| call.is_sync_of(witness) && call.result == "0")?;
    let answered = calls.iter().filter(|call| call.answers(command)).map(|call| call.begun).min();
    match answered {
        Some(answered) if answered > durable => Ok(()),
        Some(answered) => Err(format!("{command}: answered on line {answered}, durable on line {durable}")),
        None => Err(format!("{command}: its answer is missing")),
    }
}

#[test]
fn l01_every_write_is_on_disk_before_its_answer_leaves() {
    let place = Place::new();
    let output = place.path().join("trace");
    let server = place.serve_under(&strace::around(&output));
    let admin = server.admin();
    let ask = |method: &str, path: &str, body: Option<serde_json::Value>| {
        let answer = admin.send(method, path, &[], body.as_ref()).expect("is answered");
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
        answer
    };

    // One after the other, one of each kind, the revealing GET too.
    let created = ask("POST", APPS, Some(app("first")));
    let path = format!("{APPS}/{}", created.id());
    let mut writes: Vec<Answer> = vec![created];
    writes.push(ask("PUT", &path, Some(app("renamed"))));
    writes.push(ask("GET", &path, None));
    writes.push(ask("DELETE", &path, None));
    writes.push(ask("POST", "/api/admin/tenants", Some(json!({ "name": "Another", "parentTenant": 1 }))));

    // At the same time: batches.
    let together: Vec<Answer> = thread::scope(|scope| {
        let clients: Vec<_> = (0..6)
            .map(|client| {
                let ask = &ask;
                scope.spawn(move || {
                    let create = |round| ask("POST", APPS, Some(app(&format!("{client} {round}"))));
                    (0..4).map(create).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("is answered")).collect()
    });
    writes.extend(together);
    let (id, read) = (server.id(), ask("GET", APPS, None));
    assert!(server.stop().success());

    let calls = strace::seen(&output, id);
    let (engine, witness) = (place.engine(), place.witness());
    for write in &writes {
        assert!(write.header("ledger-sequence").is_some(), "{write:?}");
        check(&calls, &engine, &witness, &write.command()).unwrap_or_else(|early| panic!("{early}"));
    }
    // A read is none: the check can say no to a real trace.
    let refused = check(&calls, &engine, &witness, &read.command());
    assert!(refused.is_err_and(|why| why.contains("pwrite of its bytes")));
    println!("{} writes, {} system calls", writes.len(), calls.len());
}

#[test]
fn an_answer_that_comes_too_early_is_found() {
    const GOOD: &str = r#"10 20:00:00.000001 pwrite64(3</l/db>, "\x00\xab\xcd\x01", 4, 0 <unfinished ...>
11 20:00:00.000002 write(9<anon_inode:[eventfd]>, "\x01", 8) = 8
10 20:00:00.000003 <... pwrite64 resumed>) = 4
10 20:00:00.000004 fdatasync(3</l/db>) = 0
10 20:00:00.000005 pwrite64(4</l/witness>, "\x77", 1, 0) = 1
10 20:00:00.000006 fdatasync(4</l/witness>) = 0
11 20:00:00.000007 writev(5<socket:[7]>, [{iov_base="\x78\x2d\x72\x65\x71\x75\x65\x73\x74\x2d\x69\x64\x3a\x20", iov_len=14}, {iov_base="\x61\x62\x63\x64", iov_len=4}], 2) = 18
"#;
    let check = |text: &str| check(&strace::parse(text), Path::new("/l/db"), Path::new("/l/witness"), "abcd");
    assert_eq!(check(GOOD), Ok(()));
    let lines: Vec<&str> = GOOD.lines().collect();
    for dropped in [0, 3, 4, 5, 6] {
        let rest: Vec<_> =
            lines.iter().enumerate().filter(|(at, _)| *at != dropped).map(|(_, line)| *line).collect();
        assert!(check(&rest.join("\n")).is_err(), "without line {dropped}");
    }
    for (earlier, later) in [(2, 3), (3, 4), (4, 5), (5, 6)] {
        let mut swapped = lines.clone();
        swapped.swap(earlier, later);
        assert!(check(&swapped.join("\n")).is_err(), "lines {earlier} and {later} swapped");
    }
    assert!(check(&GOOD.replace("\\xab\\xcd", "\\xab\\xce")).is_err(), "other bytes");
    assert!(check(&GOOD.replace("db>) = 0", "db>) = -1 EIO (Input/output error) (INJECTED)")).is_err());
    // An answer that began to leave before the last synchronisation had ended.
    let early = GOOD.replace("4</l/witness>) = 0", "4</l/witness> <unfinished ...>")
        + "10 20:00:00.000008 <... fdatasync resumed>) = 0\n";
    assert!(check(&early).is_err());
}
