//! Looking back along one stream: what it costs, and what it does when it is given up or led astray.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use events::{
    codec::{decode, encode},
    envelope::{Leaf, Stream},
    id::TenantId,
};

use super::super::{
    past::{History, Log, Moment, Page, PastError},
    store::{LogReader, StoreError},
};
use super::*;

/// Counts the leaves that were looked at.
pub(super) struct Counted {
    pub(super) reader: Arc<dyn LogReader>,
    pub(super) visited: AtomicU64,
}

impl LogReader for Counted {
    fn head(&self) -> Head {
        self.reader.head()
    }

    fn read(
        &self,
        from: Sequence,
        until: Sequence,
        visit: &mut dyn FnMut(Sequence, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.reader.read(from, until, &mut |sequence, leaf| {
            self.visited.fetch_add(1, Ordering::Relaxed);
            visit(sequence, leaf)
        })
    }
}

const APP: Stream = Stream::new(StreamKind::OAUTH_APP, 1);
const OTHERS: u64 = 400;

/// An application that was renamed ten times, each time after forty others were made.
pub(super) async fn crowded() -> Memory {
    let memory = Memory::create(1);
    let ledger = memory.start();
    let vault = Arc::clone(ledger.vault());
    let run = async |wish| ledger.execute(memory.command(wish)).await.expect("granted");
    run(create_app(&vault, "renamed 0")).await;
    for round in 1..=10 {
        for other in 0..OTHERS / 10 {
            run(create_app(&vault, &format!("other {round} {other}"))).await;
        }
        run(rename_app(1, &format!("renamed {round}"))).await;
    }
    ledger.close().expect("closes");
    memory
}

pub(super) fn counted(memory: &Memory) -> Arc<Counted> {
    Arc::new(Counted { reader: memory.disk.open().reader(), visited: AtomicU64::new(0) })
}

pub(super) fn log(reader: &Arc<Counted>) -> Log {
    Log::new(Arc::clone(reader) as Arc<dyn LogReader>, Arc::default())
}

fn head(memory: &Memory) -> Sequence {
    memory.fold().view.state.streams.heads.get(&APP).expect("it was made").sequence
}

fn all(limit: usize) -> Page {
    Page { before: None, limit, tenant: None }
}

fn places(history: &History) -> Vec<u64> {
    history.entries.iter().map(|entry| entry.envelope.header.sequence.0).collect()
}

#[tokio::test]
async fn looking_back_costs_what_the_stream_is_long_and_not_the_log() {
    let memory = crowded().await;
    let (reader, head) = (counted(&memory), head(&memory));
    let cost = || reader.visited.swap(0, Ordering::Relaxed);
    let size = memory.head().size;
    assert!(size > OTHERS);
    let log = log(&reader);
    for sequence in 0..size {
        log.state_at(APP, head, Moment::Sequence(Sequence(sequence))).expect("reads");
        assert!(cost() <= 2 * 11 + 1, "as of {sequence}");
    }
    log.state_at(APP, head, Moment::Time(NOON)).expect("reads");
    assert!(cost() <= 2 * 11);
    // Eleven entries on pages of two: each page looks at its own, at the one it begins behind, and at one more.
    let (mut page, mut seen) = (all(2), Vec::new());
    loop {
        let history = log.history(APP, head, page).expect("reads").expect("there is some");
        assert!(cost() <= 4);
        seen.extend(places(&history));
        let Some(next) = history.next else { break };
        page.before = Some(next);
    }
    assert_eq!(seen.len(), 11);
    assert!(seen.is_sorted_by(|newer, older| newer > older), "{seen:?}");
}

#[tokio::test]
async fn the_past_is_a_replay_up_to_there() {
    let memory = crowded().await;
    let (reader, head) = (counted(&memory), head(&memory));
    let log = log(&reader);
    for sequence in (0..memory.head().size).step_by(7) {
        let folded = fold(&*reader.reader, Sequence(sequence + 1), &mut |_| {}).expect("folds");
        let then = folded.view.state.oauth_apps.rows.get(&OAuthAppId(1)).cloned();
        let found = log.state_at(APP, head, Moment::Sequence(Sequence(sequence))).expect("reads");
        let row = found.and_then(|(state, _, _)| state.oauth_apps.rows.get(&OAuthAppId(1)).cloned());
        assert_eq!(row, then, "as of {sequence}");
    }
}

#[tokio::test]
async fn pages_of_history_cover_it_once_from_anywhere() {
    let memory = crowded().await;
    let (reader, head) = (counted(&memory), head(&memory));
    let log = log(&reader);
    let history = |page| log.history(APP, head, page).expect("reads").expect("there is some");
    let whole = places(&history(all(1000)));
    assert_eq!(whole.len(), 11);
    for before in 0..memory.head().size + 3 {
        let page = history(Page { before: Some(Sequence(before)), ..all(1000) });
        let expected: Vec<u64> = whole.iter().copied().filter(|sequence| *sequence < before).collect();
        assert_eq!((places(&page), page.next), (expected, None), "before {before}");
    }
    for limit in 1..13 {
        let (mut page, mut seen, mut pages) = (all(limit), Vec::new(), 0);
        loop {
            let part = history(page);
            seen.extend(places(&part));
            pages += 1;
            let Some(next) = part.next else { break };
            page.before = Some(next);
        }
        assert_eq!((seen, pages), (whole.clone(), whole.len().div_ceil(limit)), "{limit} a page");
    }
    // Nothing of a tenant's is nothing at all, wherever it is asked to begin.
    for before in [None, Some(Sequence(0)), Some(head), Some(Sequence(u64::MAX))] {
        let page = Page { before, limit: 10, tenant: Some(TenantId(7)) };
        assert_eq!(log.history(APP, head, page).expect("reads"), None);
    }
}

#[tokio::test]
async fn a_walk_that_nobody_waits_for_ends() {
    let memory = crowded().await;
    let (reader, head) = (counted(&memory), head(&memory));
    let given_up = Arc::new(AtomicBool::new(true));
    let log = Log::new(Arc::clone(&reader) as Arc<dyn LogReader>, given_up);
    let walked = log.history(APP, head, all(10));
    assert!(matches!(walked, Err(PastError::GivenUp)), "{walked:?}");
    assert_eq!(reader.visited.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_stream_that_leads_astray_is_an_error_and_no_endless_walk() {
    for wrong in [Some(1_u64), Some(u64::MAX - 1), None] {
        let memory = crowded().await;
        let head = head(&memory);
        memory.disk.tamper(head, |bytes| {
            let Some(previous) = wrong else { return bytes.truncate(100) };
            let mut envelope = decode(bytes).expect("a leaf");
            // A stream of another object, and one that leads forward for ever.
            envelope.header.stream_previous = Some(Sequence(previous).min(head));
            *bytes = encode(&envelope).expect("a leaf");
            assert!(Leaf::parse(bytes).is_ok());
        });
        let log = log(&counted(&memory));
        assert!(log.history(APP, head, all(100)).is_err(), "{wrong:?}");
        assert!(log.state_at(APP, head, Moment::Time(NOON)).is_err(), "{wrong:?}");
    }
}

#[tokio::test]
async fn those_who_look_back_wait_for_a_turn_and_the_writer_does_not() {
    let memory = Memory::create(1);
    let ledger = Arc::new(memory.start());
    let vault = Arc::clone(ledger.vault());
    ledger.execute(memory.command(create_app(&vault, "first"))).await.expect("granted");
    let many: Vec<_> = (0..60)
        .map(|_| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move { ledger.history(APP, all(10)).await })
        })
        .collect();
    ledger.execute(memory.command(rename_app(1, "second"))).await.expect("granted");
    for one in many {
        assert!(one.await.expect("no panic").expect("a turn").is_some());
    }
    let nobody = ledger.history(Stream::new(StreamKind::OAUTH_APP, 2), all(10)).await;
    assert!(nobody.is_ok_and(|history| history.is_none()));
    let unreached = ledger.state_at(APP, Moment::Sequence(Sequence(ledger.size()))).await;
    assert!(matches!(unreached, Err(PastError::NotReached(_))), "{unreached:?}");
}
