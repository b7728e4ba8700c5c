//! L1, L2: a write or a synchronisation of the running server fails, or is the last thing it does. What its clients hear,
//! and what the next start finds.
//!
//! The same faults without HTTP, and at opening, are in `tests/ledger/faults.rs`.

use std::fmt;
use std::thread;

use crate::answers::{APPS, Answer, Client};
use crate::place::{Place, wait_for};
use crate::strace::{Call, Tracer};

/// `The outcome is unknown`.
const UNKNOWN: u64 = 222_299_018;
/// `Nothing can be written at the moment`.
const NO_WRITES: u64 = 222_299_019;
/// Writes that are tried from the fault on.
const TRIED: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    Log,
    Witness,
}

/// The first call of this kind on this file, after so many writes were acknowledged.
struct Fault {
    file: File,
    call: &'static str,
    /// As strace spells it.
    kind: &'static str,
    after: usize,
}

impl Fault {
    fn kills(&self) -> bool {
        self.kind == "signal=KILL"
    }

    /// What makes strace hit just this call. Its counts are each thread's own: the writer synchronises log and witness in
    /// turn and writes the witness; threads of the engine write the log.
    fn rules(&self, place: &Place) -> Vec<String> {
        let (log, witness) = (place.engine().display().to_string(), place.witness().display().to_string());
        let mut rules = vec!["-P".to_owned(), witness];
        if (self.call, self.file) != ("pwrite64", File::Witness) {
            rules.extend(["-P".to_owned(), log]);
        }
        let when = if (self.call, self.file) == ("fdatasync", File::Witness) { 2 } else { 1 };
        let inject = format!("inject={}:{}:when={when}", self.call, self.kind);
        rules.extend(["-e", "trace=pwrite64,fdatasync,fsync", "-e", &inject].map(str::to_owned));
        rules
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = if self.file == File::Log { "log" } else { "witness" };
        let kind = self.kind.split_once('=').map_or("", |(_, name)| name);
        write!(f, "{:9} {file:7} {kind:6} {:>5}", self.call, self.after)
    }
}

const HEADING: &str = "call      file    fault  after  clients hear                          restart finds";

/// What a client heard of a write.
fn heard(answer: &std::io::Result<Answer>) -> String {
    match answer {
        Err(_) => "nothing".to_owned(),
        Ok(answer) if answer.status == 201 => "201".to_owned(),
        Ok(answer) => match (answer.status, answer.code(), answer.header("retry-after")) {
            (503, UNKNOWN, Some(_)) => "503 unknown".to_owned(),
            (503, NO_WRITES, Some(_)) => "503 stopped".to_owned(),
            other => format!("{other:?}"),
        },
    }
}

fn names(admin: &Client) -> Vec<String> {
    admin.apps().iter().map(|app| app["name"].as_str().expect("has a name").to_owned()).collect()
}

/// Has a server meet a fault, and starts it again; answers the row of the table.
fn meet(fault: &Fault) -> String {
    let place = Place::new();
    let mut server = place.serve();
    let admin = server.admin();
    let mut acknowledged = Vec::new();
    for write in 0..fault.after {
        let name = format!("before {write}");
        let answer = admin.create(&name, None).expect("is answered");
        assert_eq!(answer.status, 201, "{fault}: {}", answer.text());
        acknowledged.push(name);
    }
    // So that the writes below wait for nothing but the disk.
    assert_eq!(names(&admin), acknowledged);

    let rules = fault.rules(&place);
    let tracer = Tracer::upon(&server, place.path(), &rules.iter().map(String::as_str).collect::<Vec<_>>());
    let tried: Vec<_> = (0..TRIED).map(|write| format!("after {write}")).collect();
    let answers: Vec<_> = tried.iter().map(|name| admin.create(name, Some(name))).collect();
    let hears: Vec<_> = answers.iter().map(heard).collect();
    for (name, heard) in tried.iter().zip(&hears) {
        assert_ne!(heard, "201", "{fault}: {name}: {hears:?}");
    }

    if fault.kills() {
        assert_eq!(hears, ["nothing"; TRIED], "{fault}");
        server.ended();
        drop(server);
    } else {
        assert_eq!(hears[0], "503 unknown", "{fault}");
        assert_eq!(hears[1..], ["503 stopped"; TRIED - 1], "{fault}");
        let ready = admin.get("/readyz");
        assert_eq!((ready.status, admin.get("/livez").status), (503, 200), "{fault}");
        assert_eq!(ready.json()["reads"], true, "{fault}");
        assert_eq!(ready.json()["writes"], false, "{fault}");
        assert_eq!(ready.json()["reasons"][0]["reason"], "writer", "{fault}: {}", ready.text());
        // Reads show what was durable before, and a reveal is a write.
        assert_eq!(names(&admin), acknowledged, "{fault}");
        if fault.after > 0 {
            let reveal = admin.get(&format!("{APPS}/1"));
            assert_eq!((reveal.status, reveal.code()), (503, NO_WRITES), "{fault}");
        }
        let log = server.log();
        assert!(log.contains("the writer stops"), "{fault}: {log}");
        assert_eq!(server.stop().code(), Some(3), "{fault}");
    }
    nothing_is_retried(fault, &place, &tracer.seen());

    // A log that nobody was told of is history when it is whole; one that was refused is not there.
    let server = place.serve();
    let admin = server.admin();
    let found = names(&admin);
    assert_eq!(found[..acknowledged.len().min(found.len())], acknowledged, "{fault}");
    let survivors = &found[acknowledged.len()..];
    assert!(
        survivors.iter().eq(tried.iter().take(survivors.len())) && survivors.len() <= 1,
        "{fault}: {found:?}"
    );
    // Whichever it was, the request repeated under its key leads to one object.
    let repeated = admin.create(&tried[0], Some(&tried[0])).expect("is answered");
    assert_eq!(repeated.status, 201, "{fault}: {}", repeated.text());
    assert_eq!(names(&admin).iter().filter(|name| **name == tried[0]).count(), 1, "{fault}");
    assert!(server.stop().success());
    place.verified();

    let survivor = if survivors.is_empty() { "not the write in flight" } else { "and the write in flight" };
    let hears = if fault.kills() { "nothing".to_owned() } else { format!("{}, then {}", hears[0], hears[1]) };
    format!("{fault}  {hears:36}  all {} acknowledged, {survivor}", acknowledged.len())
}

/// After a failed call nobody knows what the disk holds: a second attempt that succeeds proves nothing about the first.
fn nothing_is_retried(fault: &Fault, place: &Place, calls: &[Call]) {
    let (log, witness) = (place.engine(), place.witness());
    if fault.kills() {
        return;
    }
    let failed = calls.iter().find(|call| call.result.contains("(INJECTED)"));
    let failed = failed.unwrap_or_else(|| panic!("{fault}: nothing was injected: {calls:?}"));
    let file = if fault.file == File::Log { &log } else { &witness };
    assert!(failed.name == fault.call && failed.target == file.to_string_lossy(), "{fault}: hit {failed:?}");
    for later in calls.iter().filter(|call| call.begun > failed.ended) {
        let again = later.is_sync_of(&log) || later.is_sync_of(&witness) || later.is_write_to(&witness);
        assert!(!again, "{fault}: {later:?} came after {failed:?}");
    }
}

fn table(rows: impl IntoIterator<Item = Fault>) {
    println!("{HEADING}");
    rows.into_iter().for_each(|fault| println!("{}", meet(&fault)));
}

#[test]
fn l01_a_failing_or_last_synchronisation_ends_the_writer_and_loses_nothing() {
    let mut rows = Vec::new();
    for after in 0..3 {
        for file in [File::Log, File::Witness] {
            for kind in ["error=EIO", "signal=KILL"] {
                rows.push(Fault { file, call: "fdatasync", kind, after });
            }
        }
    }
    table(rows);
}

#[test]
fn l02_a_failing_or_last_write_ends_the_writer_and_loses_nothing() {
    let mut rows = Vec::new();
    for after in 0..2 {
        for file in [File::Log, File::Witness] {
            for kind in ["error=EIO", "error=ENOSPC", "signal=KILL"] {
                rows.push(Fault { file, call: "pwrite64", kind, after });
            }
        }
    }
    table(rows);
}

/// The engine's timer synchronises its file behind our back, and says nothing when that fails. Acknowledgements hang on our
/// own handle of the file, which the kernel tells of each lost page once more; so writes may go on, and none may be lost.
#[test]
fn l02_a_failing_synchronisation_by_the_engines_own_timer_loses_nothing() {
    let place = Place::new();
    let server = place.serve();
    let admin = server.admin();
    assert_eq!(admin.create("before", None).expect("is answered").status, 201);
    let tracer =
        Tracer::upon(&server, place.path(), &["-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=1+"]);
    wait_for("failed synchronisation", || tracer.so_far().contains("(INJECTED)").then_some(()));
    let mut acknowledged = vec!["before".to_owned()];
    let mut hears = Vec::new();
    for write in 0..4 {
        let name = format!("after {write}");
        let answer = admin.create(&name, Some(&name));
        hears.push(heard(&answer));
        if answer.is_ok_and(|answer| answer.status == 201) {
            acknowledged.push(name);
        }
    }
    let ready = admin.get("/readyz");
    println!("fsync by the timer, EIO: clients hear {hears:?}; readyz {}", ready.text());
    assert!(hears.iter().all(|heard| ["201", "503 unknown", "503 stopped"].contains(&&**heard)), "{hears:?}");
    assert_eq!(ready.status == 200, hears[3] == "201", "{hears:?}: {}", ready.text());
    assert_eq!(names(&admin), acknowledged);
    let ended = server.stop();
    drop(tracer);
    // Closing synchronises as well, and that it failed is said.
    assert_eq!(ended.code(), Some(3));
    let server = place.serve();
    let found = names(&server.admin());
    assert!(acknowledged.iter().all(|name| found.contains(name)), "{acknowledged:?} of {found:?}");
    assert!(server.stop().success());
    place.verified();
}

#[test]
fn l01_when_a_synchronisation_fails_under_load_everybody_in_flight_hears_unknown() {
    for (nth, file) in [(5, "log"), (6, "witness")] {
        let place = Place::new();
        let server = place.serve();
        let admin = server.admin();
        assert_eq!(names(&admin), [""; 0]);
        let inject = format!("inject=fdatasync:error=EIO:when={nth}");
        let tracer = Tracer::upon(&server, place.path(), &["-e", "trace=fdatasync", "-e", &inject]);
        // Each client goes on until something else than 201 is heard.
        let create = &|client: u32| {
            let admin = &admin;
            let (mut acknowledged, mut write) = (Vec::new(), 0);
            loop {
                let name = format!("{client} {write}");
                let answer = admin.create(&name, Some(&name));
                match &*heard(&answer) {
                    "201" => acknowledged.push(name),
                    other => return (acknowledged, name, other.to_owned()),
                }
                write += 1;
            }
        };
        let heard: Vec<_> = thread::scope(|scope| {
            let clients: Vec<_> = (0..6).map(|client| scope.spawn(move || create(client))).collect();
            clients.into_iter().map(|client| client.join().expect("ends")).collect()
        });
        let unknown = heard.iter().filter(|(.., last)| last == "503 unknown").count();
        assert!(unknown > 0, "{file}: {heard:?}");
        assert!(
            heard.iter().all(|(.., last)| last == "503 unknown" || last == "503 stopped"),
            "{file}: {heard:?}"
        );
        assert_eq!(server.stop().code(), Some(3), "{file}");
        assert_eq!(
            tracer.seen().iter().filter(|call| call.name == "fdatasync").count(),
            nth,
            "{file}: none after it"
        );

        let server = place.serve();
        let admin = server.admin();
        let found = names(&admin);
        for (acknowledged, last, how) in &heard {
            assert!(
                acknowledged.iter().all(|name| found.contains(name)),
                "{file}: {acknowledged:?} of {found:?}"
            );
            assert!(
                how == "503 unknown" || !found.contains(last),
                "{file}: {last} was said not to be written"
            );
            assert_eq!(admin.create(last, Some(last)).expect("is answered").status, 201, "{file}: {last}");
        }
        let acknowledged: usize = heard.iter().map(|(acknowledged, ..)| acknowledged.len()).sum();
        println!("{file:7} EIO: {acknowledged} acknowledged, {} found, {unknown} of 6 unknown", found.len());
        assert_eq!(names(&admin).len(), acknowledged + heard.len(), "{file}: one object for each request");
        assert!(server.stop().success());
        place.verified();
    }
}
