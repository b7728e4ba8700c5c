//! Every byte of the files of a small ledger flipped, one after the other: refused, or opened with every leaf as it was,
//! and after a refusal every byte of the original as it was.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover;
use events::id::Epoch;

use crate::book::{Book, LEDGER};
use crate::ground;

/// Makes a ledger of 20 events in one go: its file is about 15 kB, where one that was opened again is filled up to 512.
fn ledger_of_twenty(path: &Path, orderly: bool) -> Vec<Vec<u8>> {
    let target = DataDirectory::new(path);
    let mut created = recover::create(&target, LEDGER, &ground::KEY, &ground::options()).expect("creates");
    let mut book = Book::new(LEDGER);
    let mut leaves = Vec::new();
    for _ in 0..20 {
        let expected = book.head();
        let batch = book.batch(&[150]);
        let head = created.store.append(&expected, &batch).expect("appends");
        created.witness.record(Epoch(1), head.size, head.chain, book.frontier().root()).expect("witnesses");
        leaves.extend(batch.leaves);
    }
    if orderly {
        created.closer.close(created.store, created.witness).expect("closes");
    } else {
        created.store.close().expect("closes, and the witness is not told");
    }
    created.staged.publish().expect("gets its name");
    leaves
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    refused: u64,
    harmless: u64,
}

/// Flips one bit of each byte that `choose` takes and opens the ledger after each.
fn flip_each(sample: &Path, leaves: &[Vec<u8>], choose: impl Fn(&Path, usize) -> bool) -> Tally {
    let victim = sample.with_extension("victim");
    let pristine = ground::contents(sample);
    let mut tally = Tally::default();
    ground::copy(sample, &victim);
    for (file, bytes) in &pristine {
        let name = file.strip_prefix(sample).expect("is below");
        let path = victim.join(name);
        for (at, byte) in bytes.iter().enumerate().filter(|(at, _)| choose(name, *at)) {
            let flipped = [byte ^ 1 << (at % 8)];
            File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.write_all_at(&flipped, at as u64))
                .expect("flips");
            match ground::open(&victim) {
                Ok(opened) => {
                    assert!(
                        ground::leaves(&opened) == leaves,
                        "{} byte {at}: opened with other leaves",
                        name.display()
                    );
                    ground::close(opened);
                    fs::remove_dir_all(&victim).expect("removes");
                    ground::copy(sample, &victim);
                    tally.harmless += 1;
                }
                Err(refusal) => {
                    for (file, bytes) in &pristine {
                        let other = file.strip_prefix(sample).expect("is below");
                        let mut expected = bytes.clone();
                        if other == name {
                            expected[at] = flipped[0];
                        }
                        let found = fs::read(victim.join(other)).expect("reads");
                        assert!(
                            found == expected,
                            "{} byte {at}: {refusal}: {}",
                            name.display(),
                            other.display()
                        );
                    }
                    assert!(
                        !victim.join("check").exists(),
                        "{} byte {at}: the copy was left",
                        name.display()
                    );
                    File::options()
                        .write(true)
                        .open(&path)
                        .and_then(|file| file.write_all_at(&[*byte], at as u64))
                        .expect("flips back");
                    tally.refused += 1;
                }
            }
        }
    }
    tally
}

/// In memory where there is such a place: thousands of opens synchronise thousands of times.
fn quick_place() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a directory")
}

/// What of a file is worth flipping: the reserve has no content that matters, and a witness's slots are mostly padding.
fn matters(name: &Path, at: usize) -> bool {
    match name.file_name().and_then(|name| name.to_str()) {
        Some("reserve") => false,
        Some("witness") => at % 4096 < 200 || at.is_multiple_of(64),
        _ => true,
    }
}

/// Flips every `stride`-th byte, on two threads, and answers how many were refused.
fn flips_refused(orderly: bool, stride: usize) -> u64 {
    let place = quick_place();
    let path = place.path().join("ledger");
    let leaves = ledger_of_twenty(&path, orderly);
    let halves = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let sample = place.path().join(format!("half {half}"));
            ground::copy(&path, &sample);
            let leaves = &leaves;
            scope.spawn(move || {
                flip_each(&sample, leaves, |name, at| {
                    matters(name, at) && at % stride == 0 && (at / stride) % 2 == half
                })
            })
        });
        halves.map(|half| half.join().expect("no flip gets through"))
    });
    let [first, second] = halves;
    println!(
        "closed in order: {orderly}, every {stride}. byte: {} flips refused, {} opened with every leaf",
        first.refused + second.refused,
        first.harmless + second.harmless
    );
    first.refused + second.refused
}

#[test]
fn l03_l04_every_flip_of_a_ledger_closed_in_order_is_refused_or_harmless() {
    assert!(flips_refused(true, 1) > 10_000);
}

#[test]
fn l03_l04_flips_of_a_ledger_left_by_a_crash_are_refused_or_harmless() {
    assert!(flips_refused(false, 13) > 700);
}
