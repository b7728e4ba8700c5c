//! L2: kill -9 at random moments under load, and between append and answer. What was acknowledged is there, what was in
//! flight is there or not but never half, and a request that is repeated under its key is carried out once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use authledger::clock::{Random, SeededRandom, SystemRandom, draw};
use serde_json::Value;

use crate::answers::{APPS, Answer, Client, app};
use crate::place::{Place, wait_for};
use crate::rounds;
use crate::strace::Tracer;

/// What a client does, each under its own `Idempotency-Key`.
#[derive(Clone, Debug)]
enum Deed {
    Create { name: String },
    Update { id: String, name: String },
    Delete { id: String },
}

impl Deed {
    fn ask(&self, admin: &Client, key: &str) -> io::Result<Answer> {
        let (method, path, name) = match self {
            Deed::Create { name } => ("POST", APPS.to_owned(), Some(name)),
            Deed::Update { id, name } => ("PUT", format!("{APPS}/{id}"), Some(name)),
            Deed::Delete { id } => ("DELETE", format!("{APPS}/{id}"), None),
        };
        let body = name.map(|name| app(name));
        admin.send(method, &path, &[("Idempotency-Key", key)], body.as_ref())
    }

    fn status(&self) -> u16 {
        match self {
            Deed::Create { .. } => 201,
            Deed::Update { .. } => 200,
            Deed::Delete { .. } => 204,
        }
    }
}

/// One client, and what it believes: ids and names of the applications it was told of.
struct Believer {
    number: usize,
    deeds: u64,
    there: BTreeMap<String, String>,
    gone: BTreeSet<String>,
    /// What it asked for without hearing an answer, and under which key.
    in_flight: Option<(Deed, String)>,
}

impl Believer {
    fn choose(&mut self, random: &dyn Random) -> (Deed, String) {
        self.deeds += 1;
        let key = format!("{}-{}", self.number, self.deeds);
        let name = format!("of {} number {}", self.number, self.deeds);
        let [which, at] = draw::<2>(random);
        let one = self.there.keys().nth(usize::from(at) % self.there.len().max(1)).cloned();
        let deed = match (one, which % 4) {
            (None, _) | (_, 0 | 1) => Deed::Create { name },
            (Some(id), 2) => Deed::Update { id, name },
            (Some(id), _) => Deed::Delete { id },
        };
        (deed, key)
    }

    fn believe(&mut self, deed: &Deed, answer: &Answer) {
        assert_eq!(answer.status, deed.status(), "{deed:?}: {}", answer.text());
        match deed {
            Deed::Create { name } => {
                assert!(
                    self.there.insert(answer.id(), name.clone()).is_none(),
                    "an id was given twice: {answer:?}"
                );
            }
            Deed::Update { id, name } => {
                assert!(self.there.insert(id.clone(), name.clone()).is_some());
            }
            Deed::Delete { id } => {
                assert!(self.there.remove(id).is_some());
                self.gone.insert(id.clone());
            }
        }
    }

    /// Works until the server is gone.
    fn work(&mut self, admin: &Client, random: &dyn Random, acknowledged: &AtomicU64) {
        loop {
            let (deed, key) = self.choose(random);
            let Ok(answer) = deed.ask(admin, &key) else {
                self.in_flight = Some((deed, key));
                return;
            };
            self.believe(&deed, &answer);
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Compares what it believes with what a new server has, then repeats what was in flight; answers whether the first
    /// attempt at that had survived.
    fn check(&mut self, admin: &Client, found: &BTreeMap<String, String>) -> bool {
        let in_flight = self.in_flight.take();
        let touched = in_flight.as_ref().and_then(|(deed, _)| match deed {
            Deed::Create { .. } => None,
            Deed::Update { id, .. } | Deed::Delete { id } => Some(id.clone()),
        });
        for (id, name) in &self.there {
            if Some(id) != touched.as_ref() {
                assert_eq!(found.get(id), Some(name), "application {id} was acknowledged");
            }
        }
        assert!(self.gone.iter().all(|id| !found.contains_key(id)), "a deletion was acknowledged");
        let Some((deed, key)) = in_flight else { return false };
        let named = |name: &String| {
            found.iter().filter(|(_, there)| *there == name).map(|(id, _)| id.clone()).collect::<Vec<_>>()
        };
        let (survived, same_id) = match &deed {
            Deed::Create { name } => (!named(name).is_empty(), named(name).pop()),
            Deed::Update { id, name } => {
                let there = &found[id];
                assert!(there == name || Some(there) == self.there.get(id), "half an update: {there}");
                (there == name, None)
            }
            Deed::Delete { id } => (!found.contains_key(id), None),
        };
        let first = deed.ask(admin, &key).expect("is answered");
        let second = deed.ask(admin, &key).expect("is answered");
        assert_eq!((first.status, &first.body), (second.status, &second.body), "{deed:?}");
        assert_eq!(first.header("ledger-sequence"), second.header("ledger-sequence"), "{deed:?}");
        if let Some(id) = same_id {
            assert_eq!(first.id(), id, "{deed:?}: carried out twice");
        }
        self.believe(&deed, &first);
        survived
    }
}

/// Four clients who know of nothing yet.
fn believers() -> Vec<Believer> {
    let nothing = |number| Believer {
        number,
        deeds: 0,
        there: BTreeMap::new(),
        gone: BTreeSet::new(),
        in_flight: None,
    };
    (0..4).map(nothing).collect()
}

fn found(admin: &Client) -> BTreeMap<String, String> {
    // The list spells ids as numbers, everything else as texts (hdp-api 9.2).
    let row = |app: &Value| Some((app["id"].as_u64()?.to_string(), app["name"].as_str()?.to_owned()));
    admin.apps().iter().map(|app| row(app).unwrap_or_else(|| panic!("{app} in the list"))).collect()
}

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
