//! L2: the power fails, again and again, on one growing ledger.
//!
//! A kill can't tell a durable engine from one that only reached the kernel; this can. And because a test that always
//! passes shows nothing, a control runs the same appender with our `sync_data` made to do nothing: it must lose
//! acknowledged events each time.

use std::time::Duration;

use authledger::ledger::refusal::OpenRefusal;

use crate::book::LEDGER;
use crate::child::{self, Appending};
use crate::ground;
use crate::loop_disk::LoopDisk;

/// A small sequence of numbers that look random, the same every time.
fn moments(count: u64, from_ms: u64, until_ms: u64) -> impl Iterator<Item = Duration> {
    (0..count).map(move |round| {
        let drawn = u64::from_le_bytes(
            *blake3::hash(&round.to_le_bytes()).as_bytes().first_chunk().expect("32 bytes"),
        );
        Duration::from_millis(from_ms + drawn % (until_ms - from_ms))
    })
}

#[test]
fn l02_what_was_acknowledged_survives_the_loss_of_power() {
    let mut disk = LoopDisk::new(512);
    let path = disk.path().join("ledger");
    ground::create(&path, LEDGER);
    let mut survivors = 0;
    let rounds = crate::rounds(3, 50);
    let mut last = 0;
    for after in moments(rounds, 50, 1500) {
        let run = Appending::forever(8).start(&path);
        let said = run.listen_until(child::acknowledged_for(after), |_| disk.cut_power());
        disk.boot();
        let opened = ground::open(&path).unwrap_or_else(|refusal| panic!("{said:?}: {refusal}"));
        let size = opened.store.head().size;
        let acknowledged = said.acknowledged.unwrap_or_else(|| panic!("nothing was acknowledged: {said:?}"));
        assert!(size >= acknowledged, "{acknowledged} acknowledged, {size} there");
        survivors += u64::from(size > acknowledged);
        last = size;
        ground::close(opened);
    }
    println!(
        "{rounds} power cuts, {last} events, none lost; {survivors} times a batch survived that nobody was told of"
    );
}

#[test]
fn l02_the_control_without_our_synchronisation_loses_acknowledged_events() {
    let rounds = crate::rounds(3, 50);
    let mut lost = 0;
    for round in 0..rounds {
        // More than the first half megabyte of its file, which is filled with zeros and synchronised when it is made:
        // what is written over that needs no block and no length, and does survive.
        let enough = 4000 + round % 10 * 512;
        let mut disk = LoopDisk::new(128);
        let path = disk.path().join("ledger");
        ground::create(&path, LEDGER);
        let file = path.join("sled/db");
        // Answers "done" to every synchronisation of the log's file without doing it: ours, and that of the engine's timer,
        // which twice a second would by luck rescue a round.
        let wrapper = [
            "strace",
            "-f",
            "-qq",
            "--seccomp-bpf",
            "--signal=none",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync,fsync",
            "-e",
            "inject=fdatasync,fsync:retval=0",
            "-P",
            file.to_str().expect("a plain path"),
        ];
        let run = Appending::forever(256).start_under(&wrapper, &path);
        let said = run.listen_until(|said| said.acknowledged >= Some(enough), |_| disk.cut_power());
        assert!(said.acknowledged >= Some(enough), "{said:?}");
        disk.boot();
        match ground::open(&path).map(drop) {
            Err(OpenRefusal::EventsMissing { first, last, .. }) => lost += last.0 - first.0 + 1,
            Err(OpenRefusal::Engine { .. } | OpenRefusal::Damaged { .. } | OpenRefusal::Missing { .. }) => {
                lost += said.acknowledged.unwrap_or(0);
            }
            Err(other) => panic!("{said:?}: {other}"),
            Ok(()) => panic!("the control lost nothing, so the test above shows nothing: {said:?}"),
        }
    }
    println!("control: {rounds} power cuts, {lost} acknowledged events lost");
}
