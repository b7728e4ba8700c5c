//! L2: kill -9 at random moments under load, and between append and answer. What was acknowledged is there, what was in
//! flight is there or not but never half, and a request that is repeated under its key is carried out once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use authledger::clock::{SeededRandom, SystemRandom, draw};
use serde_json::Value;

use crate::believers::{Deed, believers, found};
use crate::place::{Place, wait_for};
use crate::rounds;
use crate::strace::Tracer;

/// Digest of the state that the first `size` events add up to, by `replay`.
fn digest(place: &Place, size: u64) -> Value {
    let until = (size - 1).to_string();
    let state = place.offline("replay", &["--until", &until, "--digest", "--json"]);
    let state: Value = serde_json::from_str(&state).expect("is JSON");
    assert_eq!(state["size"], size);
    state
}

#[test]
fn l02_kill_9_under_load_loses_nothing_that_was_acknowledged() {
    let seed = u64::from_le_bytes(draw(&SystemRandom));
    println!("seed {seed}");
    let random = SeededRandom::new(seed);
    let place = Place::new();
    let mut believers = believers();
    let mut past = Vec::new();
    for round in 0..rounds(5, 50) {
        let server = place.serve();
        let (admin, acknowledged) = (server.admin(), AtomicU64::new(0));
        // Some applications first, so that every round has something to lose.
        let enough = 20 + u64::from(draw::<1>(&random)[0]);
        let server = Mutex::new(Some(server));
        thread::scope(|scope| {
            for believer in &mut believers {
                let (admin, random, acknowledged) = (&admin, &random, &acknowledged);
                scope.spawn(move || believer.work(admin, random, acknowledged));
            }
            wait_for("load", || (acknowledged.load(Ordering::Relaxed) >= enough).then_some(()));
            server.lock().expect("nobody panicked").take().expect("runs").kill();
        });

        // Offline, as the crash left it: whole, and its past as it was.
        let size = place.verified();
        let state = digest(&place, size);
        for (size, earlier) in &past {
            assert_eq!(digest(&place, *size), *earlier, "the past changed");
        }
        past = vec![(size, state.clone())];

        let server = place.serve();
        let (admin, there) = (server.admin(), found(&server.admin()));
        assert_eq!(state["rows"]["OAuthApps.rows"], there.len(), "replay and server disagree");
        let survived =
            believers.iter_mut().filter_map(|believer| believer.check(&admin, &there).then_some(())).count();
        // Nothing that nobody asked for: all there is, somebody believes in.
        let believed: BTreeMap<_, _> = believers.iter().flat_map(|believer| believer.there.clone()).collect();
        assert_eq!(found(&admin), believed);
        println!(
            "round {round}: {} acknowledged, {size} events, {survived} of {} in flight had survived",
            acknowledged.load(Ordering::Relaxed),
            believers.len()
        );
        if round % 2 == 0 {
            assert!(server.stop().success());
        } else {
            server.kill();
        }
    }
}

#[test]
fn l02_a_kill_between_append_and_answer_and_a_repeated_request_make_one_object() {
    let place = Place::new();
    let server = place.serve();
    let id = server.admin().create("first", None).expect("is answered").id();
    assert!(server.stop().success());
    let deeds = [
        Deed::Create { name: "second".to_owned() },
        Deed::Update { id: id.clone(), name: "renamed".to_owned() },
        Deed::Delete { id },
    ];
    for deed in deeds {
        let key = format!("{deed:?}");
        let mut server = place.serve();
        let admin = server.admin();
        let before = found(&admin);
        // The next thing written to a socket is the answer.
        let rules =
            ["-e", "trace=sendto,sendmsg,writev", "-e", "inject=sendto,sendmsg,writev:signal=KILL:when=1"];
        let tracer = Tracer::upon(&server, place.path(), &rules);
        assert!(deed.ask(&admin, &key).is_err(), "{deed:?} was answered");
        server.ended();
        let last = tracer.seen().pop().expect("saw the answer");
        assert!(last.target.starts_with("socket:") && last.bytes.starts_with(b"HTTP/1.1 20"), "{last:?}");
        drop(server);
        let size = place.verified();

        let server = place.serve();
        let admin = server.admin();
        let after = found(&admin);
        assert_ne!(after, before, "{deed:?} was not carried out");
        let first = deed.ask(&admin, &key).expect("is answered");
        let second = deed.ask(&admin, &key).expect("is answered");
        for answer in [&first, &second] {
            assert_eq!(answer.status, deed.status(), "{deed:?}: {}", answer.text());
            // It names the event that stood in the log before anybody asked again.
            assert_eq!(answer.header("ledger-sequence"), Some(&*format!("1.{}", size - 1)), "{deed:?}");
        }
        assert_eq!(first.body, second.body, "{deed:?}");
        assert_eq!(found(&admin), after, "{deed:?} was carried out twice");
        if let Deed::Create { name } = &deed {
            assert_eq!(after.get(&first.id()), Some(name));
        }
        assert!(server.stop().success());
        assert_eq!(place.verified(), size, "{deed:?} was recorded twice");
    }
}

#[test]
fn an_orderly_stop_under_load_answers_all_that_it_does() {
    let random = SeededRandom::new(u64::from_le_bytes(draw(&SystemRandom)));
    let place = Place::new();
    let mut believers = believers();
    for round in 0..rounds(3, 30) {
        let server = place.serve();
        let (admin, acknowledged) = (server.admin(), AtomicU64::new(0));
        let server = Mutex::new(Some(server));
        thread::scope(|scope| {
            for believer in &mut believers {
                let (admin, random, acknowledged) = (&admin, &random, &acknowledged);
                scope.spawn(move || believer.work(admin, random, acknowledged));
            }
            wait_for("load", || (acknowledged.load(Ordering::Relaxed) >= 20).then_some(()));
            let server = server.lock().expect("nobody panicked").take().expect("runs");
            assert!(server.stop().success());
        });
        place.verified();
        let server = place.serve();
        let there = found(&server.admin());
        // Who heard nothing was not let in any more: nothing was done for him.
        for believer in &mut believers {
            assert!(!believer.check(&server.admin(), &there), "round {round}: done, and not answered");
        }
        assert!(server.stop().success());
    }
}
