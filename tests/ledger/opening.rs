//! Opening: served, or refused with file, reason and help, and with every byte as it was.

use std::fs;
use std::path::{Path, PathBuf};

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover::{self, Step};
use authledger::ledger::refusal::OpenRefusal;
use authledger::ledger::store::{Batch, Head};
use authledger::ledger::witness::WitnessRefusal;
use events::chain;
use events::id::{Epoch, LedgerId, Sequence};
use events::merkle::{Frontier, leaf_hash};

use crate::book::{Book, LEDGER};
use crate::child::{self, Appending};
use crate::ground;

/// A ledger of 20 events, closed in order and left by a crash, and others to mix it up with.
struct Samples {
    _place: tempfile::TempDir,
    place: PathBuf,
}

impl Samples {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().to_owned();
        let book = ground::closed_ledger(&path.join("closed"), 20);
        ground::crashed_ledger(&path.join("crashed"), 20);
        // The same ledger twelve events earlier.
        ground::closed_ledger(&path.join("earlier"), 8);
        // Another ledger under the same master key.
        ground::create(&path.join("other"), LedgerId([2; 16]));
        // The same ledger with another history, as long and longer, by someone who has the key but not the witness.
        for (name, events) in [("forked", 20), ("forked further", 30)] {
            fork(&path.join(name), &book, events);
        }
        Self { place: path, _place: place }
    }
}

/// A ledger with the id of `book` that said something else from event 5 on.
fn fork(path: &Path, book: &Book, events: u32) {
    ground::create(path, LEDGER);
    let mut opened = ground::open(path).expect("opens");
    let mut forked = Book::new(LEDGER);
    ground::append(&mut opened, &mut forked, 5);
    let expected = forked.head();
    let other = forked.batch(&[151]);
    opened.store.append(&expected, &other).expect("appends");
    ground::append(&mut opened, &mut forked, events - 6);
    assert_ne!(forked.head().chain, book.head().chain);
    ground::close(opened);
}

type Damage = fn(&Path, &Path);
type Expected = fn(&OpenRefusal) -> bool;

fn sled(path: &Path) -> PathBuf {
    path.join("sled")
}

fn remove(path: PathBuf) {
    fs::remove_file(path).expect("removes");
}

fn shorten(path: PathBuf, left: impl FnOnce(u64) -> u64) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("opens");
    let length = file.metadata().expect("has a length").len();
    file.set_len(left(length)).expect("shortens");
}

/// The engine fills its file with zeros behind the log; what is cut here is cut from the log.
fn shorten_used(path: &Path, left: impl FnOnce(u64) -> u64) {
    let bytes = fs::read(path).expect("reads");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    shorten(path.to_owned(), |_| left(used));
}

fn put_back(from: &Path, into: &Path, part: &str) {
    if from.join(part).is_dir() {
        fs::remove_dir_all(into.join(part)).expect("removes");
        ground::copy(&from.join(part), &into.join(part));
    } else {
        fs::copy(from.join(part), into.join(part)).expect("copies");
    }
}

/// What was done to the directory, how, and what the refusal must be. The second path is where the samples are.
const REFUSED: &[(&str, Damage, Expected)] = &[
    (
        "the log's file is gone",
        |path, _| remove(sled(path).join("db")),
        |refusal| matches!(refusal, OpenRefusal::Missing { file } if file.ends_with("sled/db")),
    ),
    (
        "the engine's settings are gone",
        |path, _| remove(sled(path).join("conf")),
        |refusal| matches!(refusal, OpenRefusal::Missing { file } if file.ends_with("sled/conf")),
    ),
    (
        "the engine's settings are empty",
        |path, _| shorten(sled(path).join("conf"), |_| 0),
        |refusal| matches!(refusal, OpenRefusal::Engine { file, .. } if file.ends_with("sled/conf")),
    ),
    (
        "the engine's directory is gone",
        |path, _| fs::remove_dir_all(sled(path)).expect("removes"),
        |refusal| matches!(refusal, OpenRefusal::Missing { file } if file.ends_with("sled/db")),
    ),
    ("the log's file is empty", |path, _| shorten(sled(path).join("db"), |_| 0), is_loss),
    ("the log's file is half", |path, _| shorten_used(&sled(path).join("db"), |used| used / 2), is_loss),
    ("the log's file is a tenth", |path, _| shorten_used(&sled(path).join("db"), |used| used / 10), is_loss),
    ("the log's file lost its end", |path, _| shorten_used(&sled(path).join("db"), |used| used - 1), is_loss),
    (
        "the log's file lost its last event",
        |path, _| shorten_used(&sled(path).join("db"), |used| used - 400),
        is_loss,
    ),
    (
        "the witness is gone",
        |path, _| remove(path.join("witness")),
        |refusal| matches!(refusal, OpenRefusal::Missing { file } if file.ends_with("witness")),
    ),
    (
        "the witness is empty",
        |path, _| shorten(path.join("witness"), |_| 0),
        |refusal| matches!(refusal, OpenRefusal::Witness { reason: WitnessRefusal::Length { bytes: 0 }, .. }),
    ),
    (
        "the witness is half",
        |path, _| shorten(path.join("witness"), |length| length / 2),
        |refusal| {
            matches!(refusal, OpenRefusal::Witness { reason: WitnessRefusal::Length { bytes: 4096 }, .. })
        },
    ),
    (
        "the witness is zeros",
        |path, _| fs::write(path.join("witness"), [0; 8192]).expect("writes"),
        |refusal| matches!(refusal, OpenRefusal::Witness { reason: WitnessRefusal::Unsigned, .. }),
    ),
    (
        "the witness is another ledger's",
        |path, place| put_back(&place.join("other"), path, "witness"),
        |refusal| matches!(refusal, OpenRefusal::ForeignLog { found: LEDGER, .. }),
    ),
    (
        "the log is another ledger's",
        |path, place| put_back(&place.join("other"), path, "sled"),
        |refusal| {
            // It is empty, so it has no id that could differ.
            matches!(refusal, OpenRefusal::EventsMissing { first: Sequence(0), last: Sequence(19), .. })
        },
    ),
    (
        "the log is an older one",
        |path, place| put_back(&place.join("earlier"), path, "sled"),
        |refusal| {
            matches!(refusal, OpenRefusal::EventsMissing { first: Sequence(8), last: Sequence(19), .. })
        },
    ),
    (
        "the log says something else",
        |path, place| put_back(&place.join("forked"), path, "sled"),
        |refusal| matches!(refusal, OpenRefusal::Changed { sequence: Sequence(19), .. }),
    ),
    (
        "a longer log says something else",
        |path, place| put_back(&place.join("forked further"), path, "sled"),
        |refusal| matches!(refusal, OpenRefusal::Changed { sequence: Sequence(19), .. }),
    ),
];

fn is_loss(refusal: &OpenRefusal) -> bool {
    match refusal {
        OpenRefusal::EventsMissing { last, .. } => *last == Sequence(19),
        OpenRefusal::Engine { .. } => true,
        _ => false,
    }
}

#[test]
fn l04_what_was_done_to_a_directory_is_refused_and_left_as_it_was() {
    let samples = Samples::new();
    for base in ["closed", "crashed"] {
        for (name, damage, expected) in REFUSED {
            let path = samples.place.join("victim");
            ground::copy(&samples.place.join(base), &path);
            damage(&path, &samples.place);
            let before = ground::contents(&path);
            let Err(refusal) = ground::open(&path) else { panic!("{base}: {name}: it was served") };
            assert!(expected(&refusal), "{base}: {name}: {refusal:?}");
            assert!(ground::contents(&path) == before, "{base}: {name}: {refusal}: a byte was changed");
            assert!(!path.join("check").exists(), "{base}: {name}: the copy was left");
            assert_plain(&refusal);
            // An offline command refuses the same.
            let offline =
                recover::open_copy(&DataDirectory::new(&path), &ground::KEY, &ground::options(), &mut |_| {});
            let Err(refusal) = offline.map(drop) else { panic!("{base}: {name}: a copy was served") };
            assert!(expected(&refusal), "{base}: {name}, offline: {refusal:?}");
            assert!(ground::contents(&path) == before, "{base}: {name}, offline: a byte was changed");
            fs::remove_dir_all(&path).expect("removes");
        }
    }
}

/// A person understands it, and nothing in it is the engine's own.
fn assert_plain(refusal: &OpenRefusal) {
    let text = format!("{refusal} {}", refusal.help());
    for foreign in ["panicked", "Uninitialized", "src/", "pagecache", "WouldBlock", "Io(", "Corruption"] {
        assert!(!text.contains(foreign), "{text}");
    }
    assert!(!refusal.help().is_empty());
}

#[test]
fn places_that_are_no_ledger_are_refused_and_stay_as_they_are() {
    let place = tempfile::tempdir().expect("a directory");
    let path = |name: &str| place.path().join(name);
    fs::create_dir(path("empty")).expect("creates");
    fs::write(path("file"), "text").expect("writes");
    fs::create_dir(path("photos")).expect("creates");
    fs::write(path("photos").join("db"), "a picture").expect("writes");
    for name in ["nowhere", "empty", "file", "photos"] {
        let refusal = ground::open(&path(name)).map(drop).expect_err("is no ledger");
        assert!(
            matches!(&refusal, OpenRefusal::NotALedger { directory } if *directory == path(name)),
            "{refusal:?}"
        );
        assert_plain(&refusal);
    }
    assert!(!path("nowhere").exists());
    assert_eq!(fs::read_dir(path("empty")).expect("lists").count(), 0);
    assert_eq!(fs::read_dir(path("photos")).expect("lists").count(), 1);

    for name in ["file", "photos"] {
        let made = recover::create(&DataDirectory::new(path(name)), LEDGER, &ground::KEY, &ground::options());
        assert!(
            matches!(made.map(drop), Err(OpenRefusal::NotVacant { .. } | OpenRefusal::Io { .. })),
            "{name}"
        );
    }
    assert_eq!(fs::read_dir(place.path()).expect("lists").count(), 3);
}

#[test]
fn another_key_is_refused_before_anything_is_touched() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    ground::crashed_ledger(&path, 3);
    let before = ground::contents(&path);
    let opened = recover::open(&DataDirectory::new(&path), &[7; 32], &ground::options(), &mut |_| {});
    let refusal = opened.map(drop).expect_err("is refused");
    assert!(matches!(refusal, OpenRefusal::Witness { reason: WitnessRefusal::Unsigned, .. }));
    assert!(ground::contents(&path) == before);
}

#[test]
fn the_copy_is_made_after_a_crash_and_spared_after_a_close() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    let book = ground::crashed_ledger(&path, 20);
    for (round, copied) in [(0, true), (1, false)] {
        let mut steps = Vec::new();
        let mut watch = |progress: recover::Progress| steps.push(progress.step);
        let opened = recover::open(&DataDirectory::new(&path), &ground::KEY, &ground::options(), &mut watch);
        let opened = opened.expect("opens");
        assert_eq!(steps.contains(&Step::Copying), copied, "round {round}: {steps:?}");
        assert_eq!((opened.store.head(), opened.survivors), (book.head(), 0));
        assert!(!path.join("check").exists());
        ground::close(opened);
    }
    // What a start left that died over its copy does not matter.
    fs::create_dir_all(path.join("check/db")).expect("creates");
    ground::close(ground::open(&path).expect("opens"));
    assert!(!path.join("check").exists());
}

#[test]
fn events_that_were_written_but_not_acknowledged_become_history() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    let mut book = ground::closed_ledger(&path, 5);
    let mut opened = ground::open(&path).expect("opens");
    let expected = book.head();
    // Dying here, between the append and the witness, is what this is about.
    opened.store.append(&expected, &book.command(3)).expect("appends");
    ground::close(opened);

    let opened = ground::open(&path).expect("opens");
    assert_eq!((opened.survivors, opened.store.head()), (3, book.head()));
    assert_eq!(opened.witness.statement().size, 8);
    assert_eq!(opened.witness.statement().root, book.frontier().root());
    ground::close(opened);
    let opened = ground::open(&path).expect("opens");
    assert_eq!(opened.survivors, 0);
    ground::close(opened);
}

#[test]
fn an_older_witness_is_taken_for_a_crash_and_says_so() {
    // It can't be told from one: that is why the witness may lie elsewhere.
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    let mut book = ground::closed_ledger(&path, 5);
    fs::copy(path.join("witness"), place.path().join("older")).expect("copies");
    let mut opened = ground::open(&path).expect("opens");
    ground::append(&mut opened, &mut book, 4);
    ground::close(opened);
    fs::copy(place.path().join("older"), path.join("witness")).expect("copies");
    let opened = ground::open(&path).expect("opens");
    assert_eq!(opened.survivors, 4);
    ground::close(opened);
}

#[test]
fn l04_an_older_copy_of_the_whole_directory_is_noticed_when_the_witness_lies_elsewhere() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    let directory = DataDirectory::new(&path).with_witness(place.path().join("apart"));
    let open = || recover::open(&directory, &ground::KEY, &ground::options(), &mut |_| {});
    ground::create_at(&directory, LEDGER, &ground::options());
    let mut book = Book::new(LEDGER);
    for _ in 0..2 {
        let mut opened = open().expect("opens");
        ground::append(&mut opened, &mut book, 5);
        ground::close(opened);
        if book.head().size == 5 {
            ground::copy(&path, &place.path().join("older"));
        }
    }
    fs::remove_dir_all(&path).expect("removes");
    ground::copy(&place.path().join("older"), &path);
    let refusal = open().map(drop).expect_err("is refused");
    assert!(matches!(refusal, OpenRefusal::EventsMissing { first: Sequence(5), last: Sequence(9), .. }));
}

#[test]
fn a_leaf_that_breaks_the_chain_is_named() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    let mut book = ground::closed_ledger(&path, 5);
    let mut opened = ground::open(&path).expect("opens");
    let mut frontier = book.frontier().clone();
    let expected = book.head();
    let mut batch = book.command(1);
    // Byte 36 is in the time stamp; its leaf is whole, and the one after it will not carry its hash.
    batch.leaves[0][36] ^= 1;
    let leaf = &batch.leaves[0];
    let head = opened.store.append(&expected, &batch).expect("an engine knows bytes only");
    assert_eq!(head.chain, chain::link(leaf));
    frontier.push(leaf_hash(leaf));
    let next = book.command(1);
    frontier.push(leaf_hash(&next.leaves[0]));
    let head = opened.store.append(&head, &next).expect("appends");
    opened.witness.record(Epoch(1), head.size, head.chain, frontier.root()).expect("witnesses");
    opened.store.close().expect("closes, and the witness is not told");
    drop(opened.closer);

    let before = ground::contents(&path);
    let refusal = ground::open(&path).map(drop).expect_err("is refused");
    assert!(
        matches!(&refusal, OpenRefusal::Damaged { finding, .. } if finding.sequence == Sequence(5)),
        "{refusal}"
    );
    assert_eq!(refusal.sequence(), Some(Sequence(5)));
    assert_plain(&refusal);
    assert!(ground::contents(&path) == before);
}

/// Somebody who has the storage engine rebuilds its files from changed leaves, and keeps the witness.
#[test]
fn l03_a_log_rebuilt_from_changed_leaves_is_refused_with_the_first_bad_sequence() {
    type Change = fn(&mut Vec<Vec<u8>>);
    const CHANGES: &[(&str, Change, u64)] = &[
        ("dropped", |leaves| drop(leaves.remove(7)), 7),
        ("the first dropped", |leaves| drop(leaves.remove(0)), 0),
        ("swapped", |leaves| leaves.swap(7, 8), 7),
        ("duplicated", |leaves| leaves.insert(8, leaves[7].clone()), 8),
        ("inserted", |leaves| leaves.insert(7, leaves[3].clone()), 7),
        ("truncated", |leaves| leaves.truncate(15), 15),
        ("emptied", Vec::clear, 0),
        ("the last replaced", |leaves| leaves[19][36] ^= 1, 19),
        ("one replaced", |leaves| leaves[7][36] ^= 1, 7),
        ("one appended that does not follow", |leaves| leaves.push(leaves[3].clone()), 20),
    ];
    let place = tempfile::tempdir().expect("a directory");
    let good = place.path().join("good");
    ground::closed_ledger(&good, 20);
    let opened = ground::open(&good).expect("opens");
    let leaves = ground::leaves(&opened);
    ground::close(opened);
    for (name, change, sequence) in CHANGES {
        let path = place.path().join(name);
        let mut changed = leaves.clone();
        change(&mut changed);
        ground::create(&path, LEDGER);
        let mut opened = ground::open(&path).expect("opens");
        let batch = Batch { leaves: changed, keys: Vec::new() };
        opened.store.append(&Head::EMPTY, &batch).expect("an engine knows bytes only");
        ground::close(opened);
        put_back(&good, &path, "witness");
        let before = ground::contents(&path);
        let refusal = ground::open(&path).map(drop).expect_err(name);
        assert_eq!(refusal.sequence(), Some(Sequence(*sequence)), "{name}: {refusal}");
        assert!(ground::contents(&path) == before, "{name}: a byte was changed");
        assert_plain(&refusal);
    }
}

#[test]
fn the_second_process_is_told_that_one_is_running() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    ground::create(&path, LEDGER);
    let opened = ground::open(&path).expect("opens");
    let running = format!("a server or command is already running on {}", path.display());
    assert_eq!(child::opens_elsewhere(&path), running);
    assert_eq!(ground::open(&path).map(drop).expect_err("is refused").to_string(), running);
    let offline =
        recover::open_copy(&DataDirectory::new(&path), &ground::KEY, &ground::options(), &mut |_| {});
    assert_eq!(offline.map(drop).expect_err("is refused").to_string(), running);
    ground::close(opened);
    assert_eq!(child::opens_elsewhere(&path), "served");
}

#[test]
fn l02_a_killed_appender_loses_nothing_it_acknowledged() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    ground::create(&path, LEDGER);
    let mut acknowledged = 0;
    for round in 0..crate::rounds(5, 50) {
        let after = std::time::Duration::from_millis(20 + round * 37 % 200);
        let run = Appending::forever(1 + u32::try_from(round % 60).expect("small")).start(&path);
        // Every third round dies at a moment of its own choosing: while it opens.
        let said = match round % 3 {
            2 => run.listen_until(|said| said.opened.is_some(), child::kill),
            _ => run.listen_until(child::acknowledged_for(after), child::kill),
        };
        assert!(said.ended.is_none(), "{said:?}");
        acknowledged = said.acknowledged.unwrap_or(acknowledged).max(acknowledged);
        let opened = ground::open(&path).expect("opens");
        assert!(opened.store.head().size >= acknowledged);
        ground::close(opened);
    }
}

#[test]
fn an_offline_command_reads_a_copy_and_leaves_no_trace() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    let book = ground::crashed_ledger(&path, 20);
    let before = ground::contents(&path);
    let opened =
        recover::open_copy(&DataDirectory::new(&path), &ground::KEY, &ground::options(), &mut |_| {});
    let opened = opened.expect("opens");
    assert_eq!((opened.head(), opened.report.head.root), (book.head(), book.frontier().root()));
    drop(opened);
    assert!(ground::contents(&path) == before);
    assert!(!path.join("check").exists());
}

#[test]
fn an_empty_ledger_opens() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("ledger");
    ground::create(&path, LEDGER);
    let opened = ground::open(&path).expect("opens");
    assert_eq!(opened.witness.statement().root, Frontier::default().root());
    assert_eq!(opened.report.head.size, 0);
    ground::close(opened);
}
