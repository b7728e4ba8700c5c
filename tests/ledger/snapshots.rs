//! Real directories with snapshots: taken up, passed over, and never in the way of a start.

use std::fs;
use std::path::Path;

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover::Opened;
use authledger::ledger::snapshot::SnapshotHead;
use authledger::ledger::start::fold;
use events::id::{LedgerId, Sequence};
use projections::digest::StateDigest;

use crate::book::Book;
use crate::ground::{self, append, close, closed_ledger, open};

/// A closed ledger with 20 events, a snapshot of them, its event, and 5 more.
fn saved_ledger(path: &Path) -> Book {
    let mut book = closed_ledger(path, 20);
    let mut opened = open(path).expect("opens");
    assert_eq!(ground::snapshot(path, &mut opened, &mut book), 20);
    for _ in 0..5 {
        append(&mut opened, &mut book, 1);
    }
    close(opened);
    book
}

fn digest(opened: &Opened) -> StateDigest {
    opened.folded.view.state.digest()
}

fn replayed(opened: &Opened) -> StateDigest {
    let reader = opened.store.reader();
    let size = Sequence(reader.head().size);
    fold(&*reader, size, &mut |_| {}).expect("folds").view.state.digest()
}

/// Opens, and closes again; what it started from, and why it passed over what.
fn started(path: &Path) -> (Option<SnapshotHead>, u64, Vec<String>) {
    let opened = open(path).expect("a snapshot never keeps a ledger from starting");
    assert_eq!(digest(&opened), replayed(&opened));
    assert_eq!(opened.report.head.size, opened.store.head().size);
    assert_eq!(opened.folded.frontier.root(), opened.report.head.root);
    let (started, skipped) = (opened.started, &opened.skipped);
    let reasons = skipped.iter().map(|skipped| skipped.reason.to_string()).collect();
    close(opened);
    (started.snapshot, started.folded, reasons)
}

#[test]
fn a_start_takes_up_the_snapshot_and_folds_what_follows_it() {
    let room = tempfile::tempdir().expect("a directory");
    let path = room.path().join("ledger");
    let mut book = saved_ledger(&path);
    let (snapshot, folded, skipped) = started(&path);
    assert_eq!((snapshot.map(|head| head.size), folded, skipped.len()), (Some(20), 6, 0));

    // Written to after such a start, and started again.
    let mut opened = open(&path).expect("opens");
    append(&mut opened, &mut book, 3);
    close(opened);
    let (snapshot, folded, _) = started(&path);
    assert_eq!((snapshot.map(|head| head.size), folded), (Some(20), 9));

    // A newer one is preferred.
    let mut opened = open(&path).expect("opens");
    assert_eq!(ground::snapshot(&path, &mut opened, &mut book), 29);
    close(opened);
    let (snapshot, folded, _) = started(&path);
    assert_eq!((snapshot.map(|head| head.size), folded), (Some(29), 1));

    // Without them nothing is missing but time.
    fs::remove_dir_all(DataDirectory::new(&path).snapshots().path()).expect("removes");
    assert_eq!(started(&path), (None, 30, Vec::new()));
}

#[test]
fn snapshots_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let room = tempfile::tempdir().expect("a directory");
    let path = room.path().join("ledger");
    saved_ledger(&path);
    let snapshots = DataDirectory::new(&path).snapshots();
    let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!((mode(snapshots.path()), mode(&snapshots.file(20))), (0o700, 0o600));
}

#[test]
fn l03_a_flipped_byte_of_a_snapshot_is_found_and_costs_nothing_but_time() {
    let room = tempfile::tempdir().expect("a directory");
    let path = room.path().join("ledger");
    saved_ledger(&path);
    let file = DataDirectory::new(&path).snapshots().file(20);
    let bytes = fs::read(&file).expect("reads");
    // The tests of the ledger in memory flip each; here each is a start with its disk.
    for place in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        fs::write(&file, flipped).expect("writes");
        let (snapshot, folded, skipped) = started(&path);
        assert_eq!(
            (snapshot, folded, &skipped[..]),
            (None, 26, &["it is damaged".to_owned()][..]),
            "{place}"
        );
    }
    fs::write(&file, bytes).expect("writes");
    assert_eq!(started(&path).0.map(|head| head.size), Some(20));
}

#[test]
fn l03_snapshots_that_belong_elsewhere_are_passed_over() {
    let room = tempfile::tempdir().expect("a directory");
    let path = room.path().join("ledger");
    saved_ledger(&path);
    let snapshots = DataDirectory::new(&path).snapshots();

    // Of another ledger, under a name that looks newer.
    let foreign = room.path().join("foreign");
    let mut book = Book::new(LedgerId([9; 16]));
    ground::create(&foreign, LedgerId([9; 16]));
    let mut opened = open(&foreign).expect("opens");
    append(&mut opened, &mut book, 20);
    close(opened);
    let mut opened = open(&foreign).expect("opens");
    ground::snapshot(&foreign, &mut opened, &mut book);
    close(opened);
    fs::copy(DataDirectory::new(&foreign).snapshots().file(20), snapshots.file(25)).expect("copies");
    let (snapshot, _, skipped) = started(&path);
    assert_eq!(snapshot.map(|head| head.size), Some(20), "the next older one is taken up");
    assert_eq!(skipped, [format!("it belongs to the ledger {}", LedgerId([9; 16]))]);
    fs::remove_file(snapshots.file(25)).expect("removes");

    // Newer than the log: the same ledger, put back as it was before.
    let older = room.path().join("older");
    closed_ledger(&older, 12);
    let beside = DataDirectory::new(&older).snapshots();
    fs::create_dir(beside.path()).expect("creates");
    fs::copy(snapshots.file(20), beside.file(20)).expect("copies");
    let (snapshot, folded, skipped) = started(&older);
    assert_eq!((snapshot, folded), (None, 12));
    assert_eq!(skipped, ["it is newer than the log: it holds 20 events, the log 12"]);

    // Not a file at all, and names that are none.
    fs::create_dir(snapshots.file(24)).expect("creates");
    for name in ["24.snapshot.part", "024.snapshot", "x.snapshot", "24", ".snapshot"] {
        fs::write(snapshots.path().join(name), b"").expect("writes");
    }
    let (snapshot, _, skipped) = started(&path);
    assert_eq!((snapshot.map(|head| head.size), skipped.len()), (Some(20), 1), "{skipped:?}");
    assert!(!snapshots.path().join("24.snapshot.part").exists(), "what nobody finished goes");
}

#[test]
fn after_a_crash_everything_is_checked_before_the_original_is_touched() {
    let room = tempfile::tempdir().expect("a directory");
    let path = room.path().join("ledger");
    let mut book = saved_ledger(&path);
    let mut opened = open(&path).expect("opens");
    append(&mut opened, &mut book, 1);
    // Not closed: the witness knows nothing of the files.
    opened.store.close().expect("closes");
    drop((opened.witness, opened.closer));
    let mut steps = Vec::new();
    let reopened = authledger::ledger::recover::open(
        &DataDirectory::new(&path),
        &ground::KEY,
        &ground::options(),
        &mut |progress| steps.push(progress.step),
    );
    let reopened = reopened.expect("opens");
    assert!(steps.contains(&authledger::ledger::recover::Step::CheckingCopy), "{steps:?}");
    assert_eq!(reopened.started.snapshot.map(|head| head.size), Some(20));
    assert_eq!((reopened.started.folded, digest(&reopened)), (7, replayed(&reopened)));
    close(reopened);
}
