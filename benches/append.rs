//! Durable events a second, whole ledger: seal, decide, encode, chain, tree, engine, fdatasync, witness, apply, answer.
//!
//! `cargo bench --bench append [-- DIRECTORY]`. 1, 64 and 256 writers with one command each in flight, beside a plain file
//! in the same directory that takes leaves of the same length in the same way: a bounded queue, one thread, one write and
//! one fdatasync a group. Three passes in turn, the middle one counts. Then the longest hold of the state's exclusive
//! guard while it grows.

#![allow(clippy::cast_precision_loss, reason = "rates are shown to three digits")]

mod support;

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use authledger::ledger::live::Ledger;
use support::{Counter, command, create_app, in_memory, middle, on_disk, update_app};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
};

const WARM: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);
const PASSES: usize = 3;
const GROUP_MAX: usize = 256;
/// Applications made while the longest hold is measured.
const GROWN: u64 = 300_000;

fn main() {
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let place =
        directory.map_or_else(|| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")), tempfile::tempdir_in);
    let place = place.expect("a directory");
    let runtime = Runtime::new().expect("a runtime");
    println!("| writers | raw file events/s | ledger events/s | ratio | bytes a leaf | commands a batch |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for writers in [1, 64, 256] {
        let (mut raw, mut whole) = (Vec::new(), Vec::new());
        let (mut leaf_bytes, mut grouped) = (0, 0.0);
        for pass in 0..PASSES {
            let ledger = Arc::new(on_disk(&place.path().join(format!("ledger-{writers}-{pass}"))));
            let measured = runtime.block_on(through_ledger(&ledger, writers));
            (leaf_bytes, grouped) = (measured.leaf_bytes, measured.grouped);
            whole.push(measured.rate);
            ledger.close().expect("closes in order");
            raw.push(runtime.block_on(through_file(&place.path().join("raw"), writers, leaf_bytes)));
        }
        let (raw, whole) = (middle(raw), middle(whole));
        println!("| {writers} | {raw:.0} | {whole:.0} | {:.2} | {leaf_bytes} | {grouped:.1} |", whole / raw);
    }
    let (grown, longest) = runtime.block_on(grow());
    println!("\nlongest exclusive hold while growing to {grown} applications: {} µs", longest.as_micros());
}

struct Measured {
    rate: f64,
    leaf_bytes: usize,
    grouped: f64,
}

async fn through_ledger(ledger: &Arc<Ledger>, writers: u64) -> Measured {
    let vault = ledger.vault();
    let mut keys = Vec::new();
    for id in 1..=writers {
        let (wish, key) = create_app(vault, &format!("app {id}"));
        ledger.execute(command(wish)).await.expect("the name is free");
        keys.push(key);
    }
    let counter = Arc::new(Counter::default());
    let end = Instant::now() + WARM + MEASURED;
    let tasks: Vec<_> = (1..)
        .zip(keys)
        .map(|(id, key)| {
            let (ledger, counter) = (Arc::clone(ledger), Arc::clone(&counter));
            tokio::spawn(async move {
                let name = format!("app {id}");
                while Instant::now() < end {
                    let wish = update_app(ledger.vault(), &key, id, &name);
                    ledger.execute(command(wish)).await.expect("granted");
                    counter.add();
                }
            })
        })
        .collect();
    let (rate, (batches, commands)) = counted(&counter, || ledger.counts()).await;
    for task in tasks {
        task.await.expect("no panic");
    }
    let mut leaf_bytes = 0;
    let last = ledger.position().expect("not empty").sequence;
    let mut visit = |_, leaf: &[u8]| {
        leaf_bytes = leaf.len();
        std::ops::ControlFlow::Continue(())
    };
    ledger.reader().read(last, last.next(), &mut visit).expect("the last leaf");
    Measured { rate, leaf_bytes, grouped: commands as f64 / batches.max(1) as f64 }
}

/// Lets the tasks warm up, then counts for the measured time; `counts` are differences over the same time.
async fn counted(counter: &Counter, counts: impl Fn() -> (u64, u64)) -> (f64, (u64, u64)) {
    tokio::time::sleep(WARM).await;
    let (started, before, first) = (Instant::now(), counter.total(), counts());
    tokio::time::sleep(MEASURED).await;
    let (after, last) = (counter.total(), counts());
    let rate = (after - before) as f64 / started.elapsed().as_secs_f64();
    (rate, (last.0 - first.0, last.1 - first.1))
}

async fn through_file(path: &Path, writers: u64, leaf_bytes: usize) -> f64 {
    let (queue, mut jobs) = mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>(4096);
    let mut file = File::create(path).expect("a file");
    let thread = std::thread::spawn(move || {
        let mut group = Vec::new();
        while let Some((leaf, answer)) = jobs.blocking_recv() {
            group.clear();
            group.extend_from_slice(&leaf);
            let mut answers = vec![answer];
            while answers.len() < GROUP_MAX {
                let Ok((leaf, answer)) = jobs.try_recv() else { break };
                group.extend_from_slice(&leaf);
                answers.push(answer);
            }
            file.write_all(&group).expect("room");
            file.sync_data().expect("synced");
            for answer in answers {
                let _ = answer.send(());
            }
        }
    });
    let counter = Arc::new(Counter::default());
    let end = Instant::now() + WARM + MEASURED;
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (queue, counter) = (queue.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                while Instant::now() < end {
                    let (answer, done) = oneshot::channel();
                    queue.send((vec![7; leaf_bytes], answer)).await.expect("the thread lives");
                    done.await.expect("written");
                    counter.add();
                }
            })
        })
        .collect();
    let (rate, _) = counted(&counter, || (0, 0)).await;
    for task in tasks {
        task.await.expect("no panic");
    }
    drop(queue);
    thread.join().expect("no panic");
    rate
}

/// Grows a ledger in memory as fast as it goes, so that batches are full.
async fn grow() -> (u64, Duration) {
    let (ledger, _disk) = in_memory();
    let ledger = Arc::new(ledger);
    let tasks: Vec<_> = (0..256)
        .map(|lane| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                for number in (lane..GROWN).step_by(256) {
                    let (wish, _) = create_app(ledger.vault(), &format!("app {number}"));
                    ledger.execute(command(wish)).await.expect("the name is free");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let grown = ledger.read(|view| view.state.oauth_apps.rows.all().count() as u64);
    (grown, ledger.longest_hold())
}
