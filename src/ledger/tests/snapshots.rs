//! Snapshots of a ledger in memory: what a start takes up, what it passes over, and what is found behind it.

use std::fs;

use events::event::Event;
use projections::digest::DIGEST_VERSION;

use super::super::{
    live::{ExecuteError, Health, Stop},
    snapshot::{
        self, Checked, Draft, Skipped, SnapshotDirectory, TakeError, Unusable, VerificationState,
        resume::{self, Resumed},
    },
};
use super::*;
use crate::commands::ledger::TakeSnapshot;

/// A ledger in memory whose snapshots lie on disk.
struct Saved {
    memory: Memory,
    directory: SnapshotDirectory,
    _room: tempfile::TempDir,
}

impl Saved {
    fn create(seed: u64) -> Self {
        let room = tempfile::tempdir().expect("a directory");
        let directory = SnapshotDirectory::new(room.path().join("snapshots"));
        Self { memory: Memory::create(seed), directory, _room: room }
    }

    fn resume(&self) -> (Option<Resumed>, Vec<Skipped>) {
        let known = self.memory.witness.statement().expect("something was acknowledged");
        let store = self.memory.disk.open();
        let size = store.head().size;
        resume::newest(&self.directory, &*store.reader(), &known, size, &mut |_| {})
    }

    /// Starts as a server does: by snapshot, else by folding all.
    fn start(&self) -> Arc<Ledger> {
        let folded = self.resume().0.map_or_else(|| self.memory.fold(), |resumed| resumed.folded);
        let settings = WriterSettings { queue: 64, max_gap: Duration::from_hours(24), accept_clock: false };
        let memory = &self.memory;
        let store = Box::new(memory.disk.open());
        let clock = Arc::clone(&memory.clock) as Arc<dyn Clock>;
        let ledger =
            start(store, memory.witness.open(memory.id), None, memory.vault(), clock, &settings, folded);
        Arc::new(ledger.expect("starts").with_snapshots(self.directory.clone()))
    }

    async fn take(&self, ledger: &Arc<Ledger>) -> u64 {
        let turn = ledger.snapshots().expect("a place").turn().expect("nobody is at work");
        let (draft, _turn) = ledger.draft_snapshot(turn).await.expect("the log folds");
        let wish = Wish::TakeSnapshot(TakeSnapshot { taken: draft.taken() });
        ledger.execute(self.memory.command(wish)).await.expect("granted");
        draft.keep().expect("the disk takes it").size
    }
}

async fn until_checked(ledger: &Ledger) -> VerificationState {
    loop {
        match ledger.verification().state {
            VerificationState::Running => tokio::task::yield_now().await,
            state => return state,
        }
    }
}

async fn make(ledger: &Ledger, memory: &Memory, names: &[&str]) {
    let vault = Arc::clone(ledger.vault());
    for name in names {
        ledger.execute(memory.command(create_app(&vault, name))).await.expect("granted");
    }
}

#[tokio::test]
async fn live_state_replay_and_snapshot_with_what_follows_are_the_same() {
    let saved = Saved::create(21);
    let memory = &saved.memory;
    let ledger = saved.start();
    assert_eq!(ledger.started().snapshot, None);
    make(&ledger, memory, &["one", "two", "three"]).await;
    let size = saved.take(&ledger).await;
    ledger.execute(memory.command(rename_app(2, "second"))).await.expect("granted");
    ledger.execute(memory.command(delete_app(1))).await.expect("granted");
    let (live, head) = (digest(&ledger), ledger.head());
    assert_eq!(live, memory.replayed());
    ledger.close().expect("closes");

    // Restarted by it, written to, and restarted again: nothing shows that it was there.
    let ledger = saved.start();
    let started = ledger.started();
    assert_eq!(started.snapshot.expect("taken up").size, size);
    assert_eq!(started.folded, head.size - size);
    assert_eq!((digest(&ledger), ledger.head()), (live, head));
    ledger.read(|view| {
        let folded = memory.fold().view.state;
        assert_eq!(format!("{:?}", view.state), format!("{folded:?}"), "indexes too");
    });
    make(&ledger, memory, &["first again"]).await;
    assert_continuous(memory);
    let live = digest(&ledger);
    ledger.close().expect("closes");
    let ledger = saved.start();
    assert_eq!((digest(&ledger), memory.replayed()), (live, live));
    assert_eq!(until_checked(&ledger).await, VerificationState::Done);
    let verification = ledger.verification();
    assert_eq!((verification.verified, verification.of), (size, size));
}

#[tokio::test]
async fn a_snapshot_is_built_upon_the_one_before_and_three_are_kept() {
    let saved = Saved::create(22);
    let ledger = saved.start();
    let mut sizes = Vec::new();
    for name in ["one", "two", "three", "four", "five"] {
        make(&ledger, &saved.memory, &[name]).await;
        sizes.insert(0, saved.take(&ledger).await);
    }
    assert_eq!(saved.directory.sizes().expect("lists"), sizes[..3]);
    for size in &sizes[..3] {
        let turn = ledger.snapshots().expect("a place").turn().expect("nobody is at work");
        assert_eq!(ledger.check_snapshot(*size, turn).await.expect("folds"), Checked::Same);
        assert_eq!(ledger.snapshots().expect("a place").checked(*size), Some(Checked::Same));
    }
    let files = fs::read_dir(saved.directory.path()).expect("lists").count();
    assert_eq!(files, 3, "nothing unfinished stays");
    // The log speaks of all five.
    let last = ledger.read(|view| {
        view.state.streams.heads.get(&crate::commands::ledger::LEDGER_STREAM).map(|head| head.sequence)
    });
    let said = snapshot::confirmations(&**ledger.reader(), last, 0).expect("reads");
    assert_eq!(said.iter().map(|one| one.taken.size).collect::<Vec<_>>(), sizes);
    let read = snapshot::confirmations_behind(&**ledger.reader(), 0, &mut |_| {}).expect("reads");
    assert_eq!(said, read);
}

#[tokio::test]
async fn one_snapshot_at_a_time_and_what_is_not_recorded_leaves_nothing() {
    let saved = Saved::create(23);
    let ledger = saved.start();
    let snapshots = ledger.snapshots().expect("a place");
    let turn = snapshots.turn().expect("nobody is at work");
    assert!(matches!(snapshots.turn(), Err(TakeError::Busy)));
    let (draft, turn) = ledger.draft_snapshot(turn).await.expect("the log folds");
    assert!(snapshots.is_busy());
    assert_eq!(fs::read_dir(saved.directory.path()).expect("lists").count(), 1);
    assert_eq!(saved.directory.sizes().expect("lists"), [0_u64; 0], "an unfinished one is none");
    drop((draft, turn));
    assert!(!snapshots.is_busy());
    assert_eq!(fs::read_dir(saved.directory.path()).expect("lists").count(), 0);
}

#[tokio::test]
async fn l03_every_flipped_byte_and_every_cut_is_passed_over() {
    let saved = Saved::create(24);
    let ledger = saved.start();
    make(&ledger, &saved.memory, &["one"]).await;
    let size = saved.take(&ledger).await;
    ledger.close().expect("closes");
    let file = saved.directory.file(size);
    let bytes = fs::read(&file).expect("reads");
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        fs::write(&file, &changed).expect("writes");
        let (resumed, skipped) = saved.resume();
        assert!(resumed.is_none(), "byte {place}");
        // The head is looked at first: of another ledger it need not even be whole.
        assert!(matches!(skipped[0].reason, Unusable::Damaged), "byte {place}: {}", skipped[0].reason);
        assert_eq!(skipped[0].file, file);
    }
    for length in 0..bytes.len() {
        fs::write(&file, &bytes[..length]).expect("writes");
        assert!(saved.resume().0.is_none(), "{length} bytes");
    }
    fs::write(&file, [&bytes[..], &[0]].concat()).expect("writes");
    assert!(saved.resume().0.is_none(), "one byte more");
    fs::write(&file, &bytes).expect("writes");
    assert!(saved.resume().0.is_some(), "as it was");
}

/// Changes a snapshot and gives it a true hash, as who means harm would.
fn forge(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut forged = bytes[..bytes.len() - 32].to_vec();
    change(&mut forged);
    let hash = blake3::derive_key("authledger 2026 snapshot v1", &forged);
    forged.extend_from_slice(&hash);
    forged
}

#[tokio::test]
async fn a_forged_snapshot_is_passed_over_by_what_the_log_says() {
    let saved = Saved::create(25);
    let ledger = saved.start();
    make(&ledger, &saved.memory, &["one"]).await;
    let size = saved.take(&ledger).await;
    ledger.close().expect("closes");
    let file = saved.directory.file(size);
    let bytes = fs::read(&file).expect("reads");
    let passed_over = |forged: Vec<u8>| {
        fs::write(&file, forged).expect("writes");
        let (resumed, mut skipped) = saved.resume();
        assert!(resumed.is_none());
        skipped.remove(0).reason.to_string()
    };
    for place in 0..bytes.len() - 32 {
        passed_over(forge(&bytes, |bytes| bytes[place] ^= 1));
    }
    // Another state with its true digest: nothing in the log says so.
    let digest_at = bytes.len() - 64;
    let tables = 110 + 32 * usize::try_from(size.count_ones()).expect("small");
    let other = forge(&bytes, |bytes| {
        let name = bytes.windows(3).rposition(|three| three == b"one").expect("the application's name");
        bytes[name] = b'O';
        let context = format!("authledger 2026 state digest v{DIGEST_VERSION}");
        let digest = blake3::derive_key(&context, &bytes[tables..digest_at]);
        bytes[digest_at..].copy_from_slice(&digest);
    });
    assert_eq!(passed_over(other), "it is not what the log's SnapshotTaken of that size says");
    let newer = forge(&bytes, |bytes| bytes[108] = 200);
    assert_eq!(
        passed_over(newer),
        "it was not checked: this version of authledger does not know digest version 200"
    );
    let next_form = forge(&bytes, |bytes| bytes[6] = 2);
    assert_eq!(passed_over(next_form), "it has the form 2, which this version of authledger does not read");
    let foreign = forge(&bytes, |bytes| bytes[8] ^= 1);
    assert!(passed_over(foreign).starts_with("it belongs to the ledger "));
}

#[tokio::test]
async fn a_snapshot_newer_than_the_log_or_without_its_event_is_passed_over() {
    let saved = Saved::create(26);
    let ledger = saved.start();
    make(&ledger, &saved.memory, &["one"]).await;
    // On disk and never recorded, as if the process had died in between.
    let turn = ledger.snapshots().expect("a place").turn().expect("nobody is at work");
    let (draft, turn) = ledger.draft_snapshot(turn).await.expect("the log folds");
    let unconfirmed = draft.keep().expect("the disk takes it").size;
    drop(turn);
    let (resumed, skipped) = saved.resume();
    assert!(resumed.is_none() && matches!(skipped[0].reason, Unusable::Unconfirmed), "{}", skipped[0].reason);
    make(&ledger, &saved.memory, &["two"]).await;
    assert!(matches!(saved.resume().1[0].reason, Unusable::Unconfirmed));
    fs::remove_file(saved.directory.file(unconfirmed)).expect("removes");

    // The same seed makes the same ledger: as if an older log had been put back beside newer snapshots.
    let older = saved.take(&ledger).await;
    make(&ledger, &saved.memory, &["three"]).await;
    let newer = saved.take(&ledger).await;
    ledger.close().expect("closes");
    let beginning = Saved::create(26);
    let known = beginning.memory.witness.statement().expect("something was acknowledged");
    let store = beginning.memory.disk.open();
    let size = store.head().size;
    let (resumed, skipped) = resume::newest(&saved.directory, &*store.reader(), &known, size, &mut |_| {});
    assert!(resumed.is_none());
    let reasons: Vec<String> = skipped.iter().map(|skipped| skipped.reason.to_string()).collect();
    let newer_than = |held| format!("it is newer than the log: it holds {held} events, the log {size}");
    assert_eq!(reasons, [newer_than(newer), newer_than(older)]);
}

#[tokio::test]
async fn damage_before_the_snapshot_is_found_behind_and_ends_the_writer_but_not_the_readers() {
    let saved = Saved::create(27);
    let memory = &saved.memory;
    let ledger = saved.start();
    make(&ledger, memory, &["one", "two"]).await;
    saved.take(&ledger).await;
    make(&ledger, memory, &["three"]).await;
    let live = digest(&ledger);
    ledger.close().expect("closes");
    memory.disk.tamper(Sequence(6), |leaf| *leaf.last_mut().expect("a byte") ^= 1);

    let ledger = saved.start();
    assert!(ledger.started().snapshot.is_some(), "the log behind the snapshot is whole");
    let VerificationState::Failed(why) = until_checked(&ledger).await else { panic!("nothing was found") };
    assert!(why.starts_with("sequence 6: it was changed or replaced"), "{why}");
    assert_eq!(ledger.health(), Health::Stopped(Stop::Changed(Sequence(6))));
    let vault = Arc::clone(ledger.vault());
    let refused = ledger.execute(memory.command(create_app(&vault, "four"))).await;
    assert!(matches!(refused, Err(ExecuteError::Stopped(Stop::Changed(_)))), "{refused:?}");
    assert_eq!(digest(&ledger), live, "reads go on, of what the digest proved");
    ledger.close().expect_err("not a clean close: the next start checks everything");
}

#[tokio::test]
async fn a_snapshot_is_not_taken_of_a_log_that_does_not_fold_to_what_is_served() {
    let saved = Saved::create(28);
    let ledger = saved.start();
    make(&ledger, &saved.memory, &["one", "two"]).await;
    let mut last = None;
    saved.memory.disk.tamper(Sequence(ledger.size() - 1), |leaf| {
        *leaf.last_mut().expect("a byte") ^= 1;
        last = Some(leaf.clone());
    });
    assert!(last.is_some());
    let turn = ledger.snapshots().expect("a place").turn().expect("nobody is at work");
    let refused = ledger.draft_snapshot(turn).await.map(drop);
    assert!(matches!(refused, Err(TakeError::Elsewhere | TakeError::Log(_))), "{refused:?}");
    assert!(!ledger.snapshots().expect("a place").is_busy());
    let last = Sequence(ledger.size() - 1);
    assert_eq!(ledger.health(), Health::Stopped(Stop::Changed(last)), "nothing is built upon it");
}

#[tokio::test]
async fn a_change_in_the_log_is_named_by_who_comes_upon_it() {
    for place in 0..8 {
        let saved = Saved::create(30);
        let ledger = saved.start();
        make(&ledger, &saved.memory, &["one", "two", "three"]).await;
        saved.memory.disk.tamper(Sequence(place), |leaf| *leaf.last_mut().expect("a byte") ^= 1);
        let turn = ledger.snapshots().expect("a place").turn().expect("nobody is at work");
        ledger.draft_snapshot(turn).await.map(drop).expect_err("the log is not what was written");
        assert_eq!(ledger.health(), Health::Stopped(Stop::Changed(Sequence(place))));
    }
}

#[test]
fn a_snapshot_takes_no_room_that_is_kept_for_the_log() {
    let saved = Saved::create(31);
    let folded = saved.memory.fold();
    let refused = Draft::of(&saved.directory, &folded, u64::MAX).map(drop);
    assert!(matches!(refused, Err(TakeError::NoRoom)), "{refused:?}");
    assert_eq!(fs::read_dir(saved.directory.path()).expect("lists").count(), 0, "nothing of it stays");
    Draft::of(&saved.directory, &folded, 0).expect("there is room");
}

#[tokio::test]
async fn what_is_recorded_is_what_was_saved() {
    let saved = Saved::create(29);
    let ledger = saved.start();
    let before = (ledger.head(), digest(&ledger));
    let turn = ledger.snapshots().expect("a place").turn().expect("nobody is at work");
    let (draft, _turn) = ledger.draft_snapshot(turn).await.expect("the log folds");
    let wish = Wish::TakeSnapshot(TakeSnapshot { taken: draft.taken() });
    let receipt = ledger.execute(saved.memory.command(wish)).await.expect("granted");
    let Event::SnapshotTaken(taken) = &receipt.events[0].event else { panic!("{receipt:?}") };
    assert_eq!((taken.size, taken.chain, taken.root), (before.0.size, before.0.chain, before.0.root));
    assert_eq!((taken.digest_version, taken.digest), (DIGEST_VERSION, before.1));
}
