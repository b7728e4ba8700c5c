//! L2: the disk is full.

use std::fs;
use std::path::Path;

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover::{self, OpenOptions, Opened};
use authledger::ledger::refusal::OpenRefusal;
use authledger::ledger::store::{AppendError, StoreError};

use crate::book::{Book, LEDGER};
use crate::child::Appending;
use crate::ground;
use crate::small_disk::SmallDisk;

fn fill(path: &Path, megabytes: usize) {
    fs::write(path, vec![1; megabytes << 20]).expect("fits");
}

#[test]
fn l02_a_full_disk_loses_nothing_and_is_named() {
    let disk = SmallDisk::new(64);
    let path = disk.path().join("ledger");
    let filler = disk.path().join("somebody else's");
    ground::create(&path, LEDGER);
    fill(&filler, 48);

    // Without a low-water mark the engine itself runs into the end of the disk.
    let said = Appending::forever(50).start(&path).listen();
    let acknowledged = said.acknowledged.expect("some fit");
    let ended = said.ended.expect("it says why");
    assert!(ended.contains("no storage space"), "{ended}");

    // Still full: refused, with words for it, and nothing touched.
    let before = ground::contents(&path);
    let refusal = ground::open(&path).map(drop).expect_err("there is no room to check it");
    let full = matches!(refusal, OpenRefusal::NoRoomForCopy { .. })
        || matches!(refusal, OpenRefusal::Io { cause, .. } if cause.kind == std::io::ErrorKind::StorageFull);
    assert!(full && refusal.help().contains("room"), "{refusal:?}");
    assert!(ground::contents(&path) == before);

    fs::remove_file(&filler).expect("removes");
    let opened = ground::open(&path).expect("opens");
    let size = opened.store.head().size;
    assert!(size >= acknowledged, "{acknowledged} acknowledged, {size} there");
    ground::close(opened);
    let said = Appending::dying_after(3, 1).start(&path).listen();
    assert_eq!(said.acknowledged, Some(size + 3));
}

#[test]
fn l02_writes_stop_at_the_low_water_mark_and_reading_and_opening_go_on() {
    const MARK: u64 = 8 << 20;
    const RESERVE: u64 = 2 << 20;
    let disk = SmallDisk::new(48);
    let directory = DataDirectory::new(disk.path().join("ledger"));
    let reserve = directory.path().join("reserve");
    let filler = disk.path().join("somebody else's");
    let mut options = OpenOptions { reserve_bytes: RESERVE, ..ground::options() };
    options.engine.low_water_bytes = MARK;
    let open = || recover::open(&directory, &ground::KEY, &options, &mut |_| {}).expect("opens");
    ground::create_at(&directory, LEDGER, &options);
    assert_eq!(fs::metadata(&reserve).expect("is kept").len(), RESERVE);
    fill(&filler, 30);

    let mut book = Book::new(LEDGER);
    let mut opened = open();
    let refused = loop {
        let expected = book.head();
        match opened.store.append(&expected, &book.batch(&[150; 20])) {
            Ok(head) => {
                let root = book.frontier().root();
                opened.witness.record(events::id::Epoch(1), head.size, head.chain, root).expect("witnesses");
            }
            Err(error) => break error,
        }
    };
    assert!(
        matches!(
            refused,
            AppendError::Unavailable { reason: StoreError::Full { low_water_bytes: MARK, .. } }
        ),
        "{refused:?}"
    );
    let head = opened.store.head();
    assert_eq!(ground::leaves(&opened).len() as u64, head.size);
    ground::close(opened);

    // Somebody takes the rest; what the reserve kept back is enough to open, and to say no.
    let left = SmallDisk::free(disk.path());
    fill(&disk.path().join("the rest"), usize::try_from(left >> 20).expect("small"));
    let mut opened = open();
    assert!(!reserve.exists(), "given back");
    assert_eq!(opened.store.head(), head);
    let mut resumed = Book::resumed(&opened.store.reader());
    let refused = opened.store.append(&head, &resumed.batch(&[150]));
    assert!(
        matches!(refused, Err(AppendError::Unavailable { reason: StoreError::Full { .. } })),
        "{refused:?}"
    );
    ground::close(opened);

    for name in ["the rest", "somebody else's"] {
        fs::remove_file(disk.path().join(name)).expect("removes");
    }
    let mut opened: Opened = open();
    assert_eq!(fs::metadata(&reserve).expect("is kept again").len(), RESERVE);
    let mut resumed = Book::resumed(&opened.store.reader());
    ground::append(&mut opened, &mut resumed, 1);
    ground::close(opened);
}
