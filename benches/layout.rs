//! How leaves are best laid out in the engine: one value for each, or as many of a batch as fit in a value.
//!
//! `cargo bench --bench layout [-- DIRECTORY]`. In one run, for 1, 64 and 256 writers with one command each in flight:
//! durable events a second (store and witness, as before every acknowledgement) beside a plain file with the same leaves,
//! the same grouping and one fdatasync a group; then bytes on disk, the rate of a scan, and of a verified start.

#[path = "../tests/ledger/book.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod book;

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use authledger::ledger::Packing;
use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover::{self, OpenOptions};
use authledger::ledger::store::{Batch, Head};
use book::{Book, LEDGER};
use events::chain;
use events::id::{Epoch, Sequence};
use events::merkle::TreeHash;

const KEY: [u8; 32] = [42; 32];
/// Measured time of one cell.
const MEASURED: Duration = Duration::from_secs(3);
/// Passes over everything; other work on a small machine moves single ones by a factor.
const PASSES: usize = 3;
/// Leaves made beforehand; a cell ends early when it has used them up.
const LEAVES: usize = 600_000;
/// The most commands of a batch (DESIGN 6).
const BATCH_COMMANDS: usize = 256;

fn main() {
    // `cargo test --benches` and `cargo bench` both pass arguments of their own.
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let place = match directory {
        Some(directory) => tempfile::tempdir_in(directory),
        None => tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")),
    }
    .expect("a directory");
    println!("making {LEAVES} leaves …");
    let mut book = Book::new(LEDGER);
    let leaves = book.batch(&vec![150; LEAVES]).leaves;
    let bytes: usize = leaves.iter().map(Vec::len).sum();
    println!(
        "leaves of {} bytes on average; {} s a cell, the middle one of {PASSES}\n",
        bytes / LEAVES,
        MEASURED.as_secs()
    );
    println!(
        "| {:9} | {:>7} | {:>9} | {:>6} | {:>12} | {:>13} | {:>10} | {:>14} |",
        "layout",
        "writers",
        "events/s",
        "batch",
        "of the file",
        "disk / leaves",
        "scan ev/s",
        "verified ev/s"
    );
    for writers in [1, 64, 256] {
        let mut rows: [Vec<Row>; 3] = Default::default();
        for _ in 0..PASSES {
            let plain = plain_file(place.path(), &leaves, writers);
            rows[1].push(engine(place.path(), &leaves, writers, Packing::Leaf, &plain));
            rows[2].push(engine(place.path(), &leaves, writers, Packing::Batch, &plain));
            rows[0].push(Row {
                name: "file",
                appended: plain,
                of_file: 1.0,
                disk: 1.0,
                scan: 0.0,
                verified: 0.0,
            });
        }
        for mut rows in rows {
            rows.sort_by(|one, other| {
                one.of_file.total_cmp(&other.of_file).then(one.appended.elapsed.cmp(&other.appended.elapsed))
            });
            rows[PASSES / 2].print(writers);
        }
    }
}

/// One cell; of several passes the one with the middle ratio to its own file is printed.
struct Row {
    name: &'static str,
    appended: Appended,
    of_file: f64,
    disk: f64,
    scan: f64,
    verified: f64,
}

impl Row {
    fn print(&self, writers: usize) {
        let Self { name, appended, of_file, disk, scan, verified } = self;
        println!(
            "| {name:9} | {writers:>7} | {:>9.0} | {:>6.1} | {of_file:>12.2} | {disk:>13.2} | {scan:>10.0} | {verified:>14.0} |",
            appended.rate(),
            appended.group(),
        );
    }
}

struct Appended {
    events: usize,
    groups: usize,
    elapsed: Duration,
}

impl Appended {
    fn rate(&self) -> f64 {
        ratio(self.events, 1) / self.elapsed.as_secs_f64()
    }

    fn group(&self) -> f64 {
        ratio(self.events, self.groups)
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Lets `writers` threads, each with one command in flight, drive `commit`, which makes a group of leaves durable.
fn drive(leaves: &[Vec<u8>], writers: usize, mut commit: impl FnMut(&[Vec<u8>])) -> Appended {
    let (sender, receiver): (Sender<Sender<()>>, Receiver<Sender<()>>) = mpsc::channel();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..writers {
            let sender = sender.clone();
            let over = &over;
            scope.spawn(move || {
                let (answer, answered) = mpsc::channel();
                while !over.load(Ordering::Relaxed) {
                    if sender.send(answer.clone()).is_err() || answered.recv().is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut appended = Appended { events: 0, groups: 0, elapsed: Duration::ZERO };
        let begun = Instant::now();
        let mut waiting = Vec::new();
        while let Ok(first) = receiver.recv() {
            waiting.push(first);
            waiting.extend(receiver.try_iter().take(BATCH_COMMANDS - 1));
            if over.load(Ordering::Relaxed) || appended.events + waiting.len() > leaves.len() {
                // Whoever still waits is let go, and finds that it is over.
                over.store(true, Ordering::Relaxed);
                waiting.drain(..).for_each(|answer| answer.send(()).unwrap_or(()));
                continue;
            }
            commit(&leaves[appended.events..appended.events + waiting.len()]);
            appended.events += waiting.len();
            appended.groups += 1;
            waiting.drain(..).for_each(|answer| answer.send(()).unwrap_or(()));
            appended.elapsed = begun.elapsed();
            over.fetch_or(appended.elapsed >= MEASURED, Ordering::Relaxed);
        }
        appended
    })
}

fn plain_file(place: &Path, leaves: &[Vec<u8>], writers: usize) -> Appended {
    let path = place.join("plain");
    let mut file = File::create(&path).expect("creates");
    let appended = drive(leaves, writers, |group| {
        file.write_all(&group.concat()).and_then(|()| file.sync_data()).expect("writes");
    });
    std::fs::remove_file(path).expect("removes");
    appended
}

fn engine(place: &Path, leaves: &[Vec<u8>], writers: usize, packing: Packing, plain: &Appended) -> Row {
    let directory = DataDirectory::new(place.join("ledger"));
    let mut options = OpenOptions::default();
    options.engine.packing = packing;
    let mut created = recover::create(&directory, LEDGER, &KEY, &options).expect("creates");
    let (store, witness) = (&mut created.store, &mut created.witness);
    let mut head = Head::EMPTY;
    let appended = drive(leaves, writers, |group| {
        let batch = Batch { leaves: group.to_vec(), keys: Vec::new() };
        head = store.append(&head, &batch).expect("appends");
        // The root is the writer's to compute; here the witness only costs what it costs to write.
        witness.record(Epoch(1), head.size, head.chain, TreeHash([0; 32])).expect("records");
    });
    // The truth at last, so that it opens.
    let mut frontier = events::merkle::Frontier::default();
    leaves[..appended.events].iter().for_each(|leaf| frontier.push(events::merkle::leaf_hash(leaf)));
    witness.record(Epoch(1), head.size, head.chain, frontier.root()).expect("records");
    created.closer.close(created.store, created.witness).expect("closes");
    created.staged.publish().expect("gets its name");

    let disk: u64 = std::fs::read_dir(directory.engine())
        .expect("lists")
        .map(|entry| entry.and_then(|entry| entry.metadata()).expect("has a length").len())
        .sum();
    let raw: usize = leaves[..appended.events].iter().map(Vec::len).sum();
    let begun = Instant::now();
    let opened = recover::open(&directory, &KEY, &options, &mut |_| {}).expect("opens");
    let verified = begun.elapsed();
    let begun = Instant::now();
    let mut last = chain::ChainHash::ZERO;
    let all = Sequence(u64::MAX);
    let scanned = opened.store.reader().read(Sequence(0), all, &mut |_, leaf| {
        last = chain::link(leaf);
        ControlFlow::Continue(())
    });
    scanned.expect("reads");
    let scan = begun.elapsed();
    assert_eq!(last, head.chain);
    opened.closer.close(opened.store, opened.witness).expect("closes");
    std::fs::remove_dir_all(directory.path()).expect("removes");
    let events = ratio(appended.events, 1);
    Row {
        name: if packing == Packing::Leaf { "per leaf" } else { "per batch" },
        of_file: appended.rate() / plain.rate(),
        disk: ratio(usize::try_from(disk).expect("fits"), raw),
        scan: events / scan.as_secs_f64(),
        verified: events / verified.as_secs_f64(),
        appended,
    }
}
