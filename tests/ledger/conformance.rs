//! One suite for every engine: what `LogStore`, `LogReader` and `KeyStore` promise.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::memory::MemoryDisk;
use authledger::ledger::recover::{Closer, Opened};
use authledger::ledger::store::{
    AppendError, BATCH_BYTES_MAX, Batch, Head, KeyChange, LEAF_BYTES_MAX, LogReader, LogStore, StoreError,
    VALUE_BYTES_MAX,
};
use authledger::ledger::witness::Witness;
use events::id::Sequence;

use crate::book::{Book, LEDGER};
use crate::ground;

/// An engine under test: opened, and opened again.
trait Engine {
    fn open(&mut self) -> Box<dyn LogStore>;
    /// Closes in order.
    fn close(&mut self, store: Box<dyn LogStore>);
}

impl Engine for MemoryDisk {
    fn open(&mut self) -> Box<dyn LogStore> {
        Box::new(MemoryDisk::open(self))
    }

    fn close(&mut self, store: Box<dyn LogStore>) {
        store.close().expect("closes");
    }
}

struct OnDisk {
    directory: tempfile::TempDir,
    open: Option<(Closer, Witness)>,
}

impl OnDisk {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        ground::create(&directory.path().join("ledger"), LEDGER);
        Self { directory, open: None }
    }
}

impl Engine for OnDisk {
    fn open(&mut self) -> Box<dyn LogStore> {
        let Opened { store, witness, closer, .. } =
            ground::open(&self.directory.path().join("ledger")).expect("opens");
        self.open = Some((closer, witness));
        store
    }

    fn close(&mut self, store: Box<dyn LogStore>) {
        let (closer, witness) = self.open.take().expect("it was opened");
        closer.close(store, witness).expect("closes");
    }
}

macro_rules! conformance {
    ($($name:ident)*) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&mut super::MemoryDisk::new()); })*
        }
        mod sled {
            $(#[test] fn $name() { super::$name(&mut super::OnDisk::new()); })*
        }
    };
}

conformance! {
    leaves_come_back_in_order_from_any_place
    leaves_of_every_length_come_back
    another_head_is_a_conflict_and_writes_nothing
    what_is_too_long_is_refused_and_changes_nothing
    keys_change_with_their_batch
    a_batch_of_keys_alone_leaves_the_head
    everything_is_there_after_opening_again
    a_closed_engine_says_so
    a_visitor_may_stop_and_may_read
    a_reader_beside_the_writer_sees_whole_prefixes
}

fn all(reader: &Arc<dyn LogReader>, from: u64, until: u64) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    let read = reader.read(Sequence(from), Sequence(until), &mut |sequence, leaf| {
        found.push((sequence.0, leaf.to_vec()));
        ControlFlow::Continue(())
    });
    read.expect("reads");
    found
}

fn numbered(leaves: &[Vec<u8>], from: usize, until: usize) -> Vec<(u64, Vec<u8>)> {
    (0..).zip(leaves.iter().cloned()).skip(from).take(until - from).collect()
}

fn leaves_come_back_in_order_from_any_place(engine: &mut impl Engine) {
    let mut store = engine.open();
    let mut book = Book::new(LEDGER);
    let mut written = Vec::new();
    assert_eq!(store.head(), Head::EMPTY);
    for count in [1, 2, 30, 1, 100, 3] {
        let expected = book.head();
        let batch = book.command(count);
        written.extend(batch.leaves.clone());
        assert_eq!(store.append(&expected, &batch).expect("appends"), book.head());
    }
    let reader = store.reader();
    assert_eq!(reader.head(), book.head());
    for from in [0, 1, 2, 3, 17, 33, 34, 100, 136, 137] {
        for until in [from, from + 1, 34, 136, 137, 1000] {
            let end = until.clamp(from, 137);
            assert_eq!(all(&reader, from as u64, until as u64), numbered(&written, from, end));
        }
    }
    engine.close(store);
}

fn leaves_of_every_length_come_back(engine: &mut impl Engine) {
    let mut store = engine.open();
    let mut book = Book::new(LEDGER);
    let mut written = Vec::new();
    for bodies in
        [&[0, 59_000, 1][..], &[3_840, 3_841, 3_842, 3_843, 3_844, 3_845, 3_846], &[20_000; 40], &[150; 300]]
    {
        let expected = book.head();
        let batch = book.batch(bodies);
        written.extend(batch.leaves.clone());
        store.append(&expected, &batch).expect("appends");
    }
    let longest = Batch { leaves: vec![vec![7; LEAF_BYTES_MAX], vec![8; 1]], keys: Vec::new() };
    written.extend(longest.leaves.clone());
    let head = store.append(&book.head(), &longest).expect("appends");
    assert_eq!(head, book.head().after(&longest));
    let reader = store.reader();
    assert_eq!(all(&reader, 0, 1000), numbered(&written, 0, written.len()));
    for from in 0..written.len() {
        assert_eq!(
            all(&reader, from as u64, from as u64 + 2),
            numbered(&written, from, (from + 2).min(written.len()))
        );
    }
    drop(reader);
    store.close().expect("closes");
}

fn another_head_is_a_conflict_and_writes_nothing(engine: &mut impl Engine) {
    let mut store = engine.open();
    let mut book = Book::new(LEDGER);
    store.append(&Head::EMPTY, &book.command(2)).expect("appends");
    let actual = book.head();
    let stale = Head::EMPTY;
    let other_chain = Head { chain: stale.chain, ..actual };
    for expected in [stale, other_chain, Head { size: 3, ..actual }] {
        let batch = Book::after(expected).command(1);
        match store.append(&expected, &batch) {
            Err(AppendError::Conflict { expected: named, actual: found }) => {
                assert_eq!((named, found), (expected, actual));
            }
            other => panic!("expected a conflict, got {other:?}"),
        }
    }
    assert_eq!(store.head(), actual);
    assert_eq!(all(&store.reader(), 0, 10).len(), 2);
    store.append(&actual, &book.command(1)).expect("appends after a conflict");
    engine.close(store);
}

fn what_is_too_long_is_refused_and_changes_nothing(engine: &mut impl Engine) {
    let mut store = engine.open();
    let put = |key: usize, value: usize| KeyChange::Put { key: vec![1; key], value: vec![1; value] };
    let cases = [
        (vec![vec![0; LEAF_BYTES_MAX + 1]], vec![]),
        (vec![vec![]], vec![]),
        (vec![vec![0; LEAF_BYTES_MAX]; BATCH_BYTES_MAX / LEAF_BYTES_MAX + 1], vec![]),
        (vec![], vec![put(257, 1)]),
        (vec![], vec![put(1, VALUE_BYTES_MAX + 1)]),
        (vec![], vec![KeyChange::Delete { key: vec![1; 257] }]),
    ];
    for (leaves, keys) in cases {
        let refused = store.append(&Head::EMPTY, &Batch { leaves, keys });
        assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
    }
    assert_eq!(store.head(), Head::EMPTY);
    let largest = Batch { leaves: vec![], keys: vec![put(256, VALUE_BYTES_MAX)] };
    store.append(&Head::EMPTY, &largest).expect("appends at the limits");
    engine.close(store);
}

fn keys_change_with_their_batch(engine: &mut impl Engine) {
    let mut store = engine.open();
    let mut book = Book::new(LEDGER);
    let put = |key: &str, value: &str| KeyChange::Put { key: key.into(), value: value.into() };
    let delete = |key: &str| KeyChange::Delete { key: key.into() };
    let rounds = [
        vec![put("d1", "one"), put("d2", "two"), put("l1", "x"), put("d10", "ten")],
        vec![delete("d2"), put("d1", "uno"), delete("never there")],
        vec![put("d3", "lost"), delete("d3"), delete("l1"), put("l1", "y")],
    ];
    for keys in rounds {
        let expected = book.head();
        let batch = Batch { keys, ..book.command(1) };
        store.append(&expected, &batch).expect("appends");
    }
    for round in 0..2 {
        let keys = store.keys();
        let get = |key: &str| {
            keys.get(key.as_bytes()).expect("reads").map(|value| String::from_utf8(value).expect("text"))
        };
        assert_eq!(get("d1").as_deref(), Some("uno"));
        assert_eq!(get("d2"), None);
        assert_eq!(get("d3"), None);
        assert_eq!(get("l1").as_deref(), Some("y"));
        let mut found = Vec::new();
        let scan = keys.scan(b"d", &mut |key, value| {
            found.push((
                String::from_utf8_lossy(key).into_owned(),
                String::from_utf8_lossy(value).into_owned(),
            ));
        });
        scan.expect("scans");
        assert_eq!(found, [("d1".to_owned(), "uno".to_owned()), ("d10".to_owned(), "ten".to_owned())]);
        if round == 0 {
            engine.close(store);
            store = engine.open();
        }
    }
    engine.close(store);
}

fn a_batch_of_keys_alone_leaves_the_head(engine: &mut impl Engine) {
    let mut store = engine.open();
    let mut book = Book::new(LEDGER);
    store.append(&Head::EMPTY, &book.command(1)).expect("appends");
    let keys = vec![KeyChange::Put { key: b"i".to_vec(), value: b"today".to_vec() }];
    let head = store.append(&book.head(), &Batch { leaves: vec![], keys }).expect("appends");
    assert_eq!(head, book.head());
    assert_eq!(store.keys().get(b"i").expect("reads"), Some(b"today".to_vec()));
    engine.close(store);
}

fn everything_is_there_after_opening_again(engine: &mut impl Engine) {
    let mut book = Book::new(LEDGER);
    let mut written = Vec::new();
    for count in [1, 7, 200] {
        let mut store = engine.open();
        assert_eq!(store.head(), book.head());
        let expected = book.head();
        let batch = book.command(count);
        written.extend(batch.leaves.clone());
        store.append(&expected, &batch).expect("appends");
        engine.close(store);
    }
    let store = engine.open();
    assert_eq!(all(&store.reader(), 0, 1000), numbered(&written, 0, written.len()));
    engine.close(store);
}

fn a_closed_engine_says_so(engine: &mut impl Engine) {
    let store = engine.open();
    let (reader, keys) = (store.reader(), store.keys());
    engine.close(store);
    assert_eq!(
        reader.read(Sequence(0), Sequence(1), &mut |_, _| ControlFlow::Continue(())),
        Err(StoreError::Closed)
    );
    assert_eq!(keys.get(b"key"), Err(StoreError::Closed));
    assert_eq!(keys.scan(b"", &mut |_, _| {}), Err(StoreError::Closed));
}

fn a_visitor_may_stop_and_may_read(engine: &mut impl Engine) {
    let mut store = engine.open();
    let mut book = Book::new(LEDGER);
    store.append(&Head::EMPTY, &book.command(50)).expect("appends");
    let reader = store.reader();
    let mut visited = 0;
    let read = reader.read(Sequence(10), Sequence(50), &mut |sequence, leaf| {
        assert_eq!(all(&reader, sequence.0, sequence.0 + 1), [(sequence.0, leaf.to_vec())]);
        visited += 1;
        if visited == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((read, visited), (Ok(()), 5));
    engine.close(store);
}

fn a_reader_beside_the_writer_sees_whole_prefixes(engine: &mut impl Engine) {
    let mut store = engine.open();
    let done = AtomicBool::new(false);
    let reader = store.reader();
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                let size = reader.head().size;
                let leaves = all(&reader, 0, size);
                assert_eq!(leaves.len() as u64, size, "what the head promised is there");
                assert!(size == 0 || size.is_multiple_of(5), "a batch is seen whole or not at all");
                looks += 1;
            }
        });
        let mut book = Book::new(LEDGER);
        for _ in 0..60 {
            let expected = book.head();
            store.append(&expected, &book.command(5)).expect("appends");
        }
        done.store(true, Ordering::Relaxed);
        watching.join().expect("the reader is content");
    });
    drop(reader);
    engine.close(store);
}

/// What only the in-memory engine can show: every outcome of a failed append, and what opening again finds.
#[test]
fn a_failed_append_leaves_what_its_error_says() {
    use authledger::ledger::memory::Fault;
    for (fault, survives) in
        [(Fault::Refuse, false), (Fault::BeforePersisting, false), (Fault::AfterPersisting, true)]
    {
        let disk = MemoryDisk::new();
        let mut book = Book::new(LEDGER);
        let mut store = disk.open();
        store.append(&Head::EMPTY, &book.command(3)).expect("appends");
        let before = book.head();
        disk.fail_after(0, fault);
        let batch = book.command(2);
        let failed = store.append(&before, &batch).expect_err("fails");
        assert_eq!(store.head(), before);
        if fault == Fault::Refuse {
            assert!(matches!(failed, AppendError::Unavailable { .. }));
            store.append(&before, &batch).expect("the next one succeeds");
            continue;
        }
        assert!(matches!(failed, AppendError::Unknown { attempted, .. } if attempted == book.head()));
        let refused = store.append(&before, &batch);
        assert!(matches!(refused, Err(AppendError::Unavailable { reason: StoreError::Poisoned })));
        let expected = if survives { book.head() } else { before };
        assert_eq!(disk.open().head(), expected);
    }
}

#[test]
fn a_directory_can_be_made_in_a_place_that_is_there_and_empty() {
    let place = tempfile::tempdir().expect("a directory");
    ground::create_at(&DataDirectory::new(place.path()), LEDGER, &ground::options());
    ground::close(ground::open(place.path()).expect("opens"));
}
