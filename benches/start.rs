//! How long a start takes, from the process's begin to its first answers, and where its time goes.
//!
//! `cargo bench --bench start [-- EVENTS …]`; without numbers 100,000 and 1,000,000 events of users, applications, profiles, data
//! sources and changes of them, written by 256 writers. The real server, on all cores, three passes, the middle one counts:
//! after an orderly close and after a kill, without a snapshot and with one of the whole log. The files are in the page cache.
//! 1,000,000 events take up to 5 GB of disk for a while.

#![allow(clippy::cast_precision_loss, reason = "times and sizes are shown to three digits")]

mod support;

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use authledger::ledger::{
    directory::DataDirectory,
    recover::{self, OpenOptions, Step},
    start::fold,
};
use authledger::vault::{keys_file::KeysFile, master::MasterKey};
use events::{codec::decode, id::Sequence, verify::Verifier};
use support::{
    middle,
    server::{self, ADMIN, Server, connect, exchange, get},
    world::{self, Size},
};

const PASSES: usize = 3;

/// About so many events.
fn size_of(events: u64) -> Size {
    let users = events / 100;
    Size { users, apps: 1 + events / 1000, profiles: 5, sources: 40, updates: 53, updated: 40 }
}

/// What one start took.
struct Started {
    /// Until it said that it listens.
    listens: f64,
    /// Until a password was verified and a page of ten data sources answered.
    answered: f64,
    /// Until nothing was left to be checked behind.
    verified: f64,
    /// Bytes it held when it listened, and at most.
    resident: f64,
    at_most: f64,
}

fn main() {
    let counts: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![100_000, 1_000_000] } else { counts };
    println!("load average at the start: {}\n", server::load_average());
    for events in counts {
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let path = place.path().join("ledger");
        let began = Instant::now();
        let owners = world::make(&path, size_of(events));
        println!(
            "about {events} events, made in {:.1} s; {:.0} MB of the engine's files\n",
            began.elapsed().as_secs_f64(),
            bytes_in(&DataDirectory::new(&path).engine()) as f64 / 1e6
        );
        profile(&path);
        let page = get(&owners[owners.len() / 2].name, "/api/mgmt/datasources?limit=10");

        println!("| start | listens, s | first answer, s | all verified, s | resident, MB | at most, MB |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for with in ["no snapshot", "a snapshot"] {
            if with == "a snapshot" {
                server::authledger(&["snapshot", "create"], &path);
            }
            let (mut closed, mut killed) = (Vec::new(), Vec::new());
            for _ in 0..PASSES {
                let (server, started) = start(&path, &page);
                closed.push(started);
                drop(server);
                let (server, started) = start(&path, &page);
                killed.push(started);
                server.close();
            }
            show(&format!("closed in order, {with}"), &closed);
            show(&format!("killed, {with}"), &killed);
        }
        println!();
    }
}

fn start(path: &Path, page: &[u8]) -> (Server, Started) {
    let began = Instant::now();
    let server = Server::on_all_cores(path);
    let listens = began.elapsed().as_secs_f64();
    let (resident, _) = server.resident_bytes();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (answered, verified) = runtime.block_on(async {
        let mut stream = connect(server.address).await;
        let mut buffer = Vec::new();
        exchange(&mut stream, page, &mut buffer).await;
        let answered = began.elapsed().as_secs_f64();
        loop {
            let body = exchange(&mut stream, &get(ADMIN, "/readyz"), &mut buffer).await;
            let ready: serde_json::Value = serde_json::from_slice(&buffer[body..]).expect("JSON");
            match ready["verification"]["state"].as_str() {
                Some("none" | "done") => return (answered, began.elapsed().as_secs_f64()),
                Some("running") => tokio::time::sleep(Duration::from_millis(20)).await,
                other => panic!("{other:?}"),
            }
        }
    });
    let (_, at_most) = server.resident_bytes();
    let started = Started { listens, answered, verified, resident: resident as f64, at_most: at_most as f64 };
    (server, started)
}

fn show(name: &str, starts: &[Started]) {
    let of = |part: fn(&Started) -> f64| middle(starts.iter().map(part).collect());
    println!(
        "| {name} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} |",
        of(|start| start.listens),
        of(|start| start.answered),
        of(|start| start.verified),
        of(|start| start.resident) / 1e6,
        of(|start| start.at_most) / 1e6
    );
}

/// Where the time of a start without snapshot goes: the steps that opening tells of, then its pass over the log again, one
/// more thing done in each row.
fn profile(path: &Path) {
    let master = MasterKey::load(None, path).expect("init made it");
    let witness_key = master.witness_key(KeysFile::read(path).expect("init wrote it").ledger());
    let began = Instant::now();
    let mut checking = None;
    let opened = recover::open(
        &DataDirectory::new(path),
        &witness_key,
        &OpenOptions::default(),
        &mut |progress: recover::Progress| {
            if progress.step == Step::Checking {
                checking.get_or_insert(began.elapsed());
            }
        },
    );
    let opened = opened.expect("whole");
    let (whole, before) = (began.elapsed(), checking.unwrap_or_default());
    let reader = opened.store.reader();
    let size = reader.head().size;
    println!("| part of a start, {size} events | s | events/s |\n| --- | --- | --- |");
    let row = |name: &str, seconds: f64| {
        println!("| {name} | {seconds:.2} | {:.0} |", size as f64 / seconds);
    };
    row("opening whole: files hashed, engine opened, log checked and folded", whole.as_secs_f64());
    row("of that before the first leaf: files hashed, engine opened", before.as_secs_f64());
    let timed = |name: &str, visit: &mut dyn FnMut(&[u8])| {
        let passes = (0..PASSES).map(|_| {
            let began = Instant::now();
            let mut each = |_, leaf: &[u8]| {
                visit(leaf);
                ControlFlow::Continue(())
            };
            reader.read(Sequence(0), Sequence(size), &mut each).expect("it reads");
            began.elapsed().as_secs_f64()
        });
        row(name, middle(passes.collect()));
    };
    timed("the pass: read", &mut |leaf| {
        std::hint::black_box(leaf);
    });
    timed("read, decode", &mut |leaf| drop(std::hint::black_box(decode(leaf))));
    let mut verifier = Verifier::new();
    let mut count = 0;
    timed("read, decode, check", &mut |leaf| {
        if count % size == 0 {
            verifier = Verifier::new();
        }
        count += 1;
        drop(std::hint::black_box(verifier.read(leaf).expect("whole")));
    });
    let folds = (0..PASSES).map(|_| {
        let began = Instant::now();
        let folded = fold(&*reader, Sequence(size), &mut |_| {}).expect("it folds");
        let took = began.elapsed().as_secs_f64();
        let freeing = Instant::now();
        drop(folded);
        (took, freeing.elapsed().as_secs_f64())
    });
    let (took, freed): (Vec<f64>, Vec<f64>) = folds.unzip();
    row("read, decode, check, fold", middle(took));
    row("(freeing what was folded)", middle(freed));
    println!();
    drop(reader);
    opened.closer.close(opened.store, opened.witness).expect("it closes in order");
}

fn bytes_in(directory: &PathBuf) -> u64 {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| {
            let metadata = entry.metadata().expect("it is there");
            if metadata.is_dir() { bytes_in(&entry.path()) } else { metadata.len() }
        })
        .sum()
}
