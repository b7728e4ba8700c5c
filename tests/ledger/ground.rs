//! Ledgers on disk for the tests: made, opened, closed, damaged.

use std::path::{Path, PathBuf};

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover::{self, OpenOptions, Opened};
use authledger::ledger::refusal::OpenRefusal;
use authledger::ledger::sled::SledOptions;
use authledger::ledger::snapshot::Draft;
use events::id::{Epoch, LedgerId, Sequence};

use crate::book::{Book, LEDGER};
use crate::child::Appending;

/// The witness key of every ledger here.
pub(crate) const KEY: [u8; 32] = [42; 32];

/// Small enough for thousands of opens.
pub(crate) fn options() -> OpenOptions {
    let engine = SledOptions { cache_bytes: 1 << 20, low_water_bytes: 0, ..SledOptions::default() };
    OpenOptions { engine, reserve_bytes: 4096, deadline: std::time::Duration::from_secs(20) }
}

/// Makes an empty ledger in `path`.
pub(crate) fn create(path: &Path, ledger_id: LedgerId) {
    create_at(&DataDirectory::new(path), ledger_id, &options());
}

/// The same with a say about where its parts lie.
pub(crate) fn create_at(directory: &DataDirectory, ledger_id: LedgerId, options: &OpenOptions) {
    let created = recover::create(directory, ledger_id, &KEY, options).expect("creates");
    created.closer.close(created.store, created.witness).expect("closes");
    created.staged.publish().expect("gets its name");
}

pub(crate) fn open(path: &Path) -> Result<Opened, OpenRefusal> {
    recover::open(&DataDirectory::new(path), &KEY, &options(), &mut |_| {})
}

/// Appends to an opened ledger as the writer does: append, witness, and only then believe it.
pub(crate) fn append(opened: &mut Opened, book: &mut Book, count: u32) {
    let expected = book.head();
    let batch = book.batch(&vec![150; count as usize]);
    let head = opened.store.append(&expected, &batch).expect("appends");
    opened.witness.record(Epoch(1), head.size, head.chain, book.frontier().root()).expect("witnesses");
}

pub(crate) fn close(opened: Opened) {
    opened.closer.close(opened.store, opened.witness).expect("closes");
}

/// A closed ledger of `events` events in `path`, and the book it holds.
pub(crate) fn closed_ledger(path: &Path, events: u32) -> Book {
    let mut book = Book::new(LEDGER);
    create(path, LEDGER);
    let mut opened = open(path).expect("opens");
    for _ in 0..events {
        append(&mut opened, &mut book, 1);
    }
    close(opened);
    book
}

/// A ledger of `events` events that a process left by dying, with nothing closed.
pub(crate) fn crashed_ledger(path: &Path, events: u64) -> Book {
    create(path, LEDGER);
    let said = Appending::dying_after(events, 1).start(path).listen();
    assert_eq!((said.acknowledged, said.ended.as_deref()), (Some(events), Some("done")));
    let mut book = Book::new(LEDGER);
    for _ in 0..events {
        book.batch(&[150]);
    }
    book
}

/// Every leaf of an opened ledger.
pub(crate) fn leaves(opened: &Opened) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    let reader = opened.store.reader();
    let all = Sequence(u64::MAX);
    let read = reader.read(Sequence(0), all, &mut |_, leaf| {
        leaves.push(leaf.to_vec());
        std::ops::ControlFlow::Continue(())
    });
    read.expect("reads");
    leaves
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("creates");
    for entry in std::fs::read_dir(from).expect("lists") {
        let entry = entry.expect("lists");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("has a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copies");
        }
    }
}

/// Every file below `path` with its bytes: what a refusal must leave as it was. The lock has no bytes to compare.
pub(crate) fn contents(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut directories = vec![path.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("lists") {
            let path = entry.expect("lists").path();
            if path.is_dir() {
                directories.push(path);
            } else if !path.ends_with("lock") {
                let bytes = std::fs::read(&path).expect("reads");
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

/// Saves what an opened ledger was folded to, and records it, as taking a snapshot does.
pub(crate) fn snapshot(path: &Path, opened: &mut Opened, book: &mut Book) -> u64 {
    let snapshots = DataDirectory::new(path).snapshots();
    let draft = Draft::of(&snapshots, &opened.folded, 0).expect("the disk takes it");
    let expected = book.head();
    let batch = book.event(draft.taken().into());
    let head = opened.store.append(&expected, &batch).expect("appends");
    opened.witness.record(Epoch(1), head.size, head.chain, book.frontier().root()).expect("witnesses");
    draft.keep().expect("keeps").size
}
