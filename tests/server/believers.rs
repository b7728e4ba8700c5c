//! Clients that remember what they were told, and hold a server to it after it was hurt.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use authledger::clock::{Random, draw};
use serde_json::Value;

use crate::answers::{APPS, Answer, Client, app};

/// What a client does, each under its own `Idempotency-Key`.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Create { name: String },
    Update { id: String, name: String },
    Delete { id: String },
}

impl Deed {
    pub(crate) fn ask(&self, admin: &Client, key: &str) -> io::Result<Answer> {
        let (method, path, name) = match self {
            Deed::Create { name } => ("POST", APPS.to_owned(), Some(name)),
            Deed::Update { id, name } => ("PUT", format!("{APPS}/{id}"), Some(name)),
            Deed::Delete { id } => ("DELETE", format!("{APPS}/{id}"), None),
        };
        let body = name.map(|name| app(name));
        admin.send(method, &path, &[("Idempotency-Key", key)], body.as_ref())
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            Deed::Create { .. } => 201,
            Deed::Update { .. } => 200,
            Deed::Delete { .. } => 204,
        }
    }
}

/// One client, and what it believes: ids and names of the applications it was told of.
pub(crate) struct Believer {
    number: usize,
    deeds: u64,
    pub(crate) there: BTreeMap<String, String>,
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

    /// Works until the server is gone, or takes no writes any more.
    pub(crate) fn work(&mut self, admin: &Client, random: &dyn Random, acknowledged: &AtomicU64) {
        loop {
            let (deed, key) = self.choose(random);
            let Some(answer) = deed.ask(admin, &key).ok().filter(|answer| answer.status != 503) else {
                self.in_flight = Some((deed, key));
                return;
            };
            self.believe(&deed, &answer);
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Compares what it believes with what a new server has, then repeats what was in flight; answers whether the first
    /// attempt at that had survived.
    pub(crate) fn check(&mut self, admin: &Client, found: &BTreeMap<String, String>) -> bool {
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
pub(crate) fn believers() -> Vec<Believer> {
    let nothing = |number| Believer {
        number,
        deeds: 0,
        there: BTreeMap::new(),
        gone: BTreeSet::new(),
        in_flight: None,
    };
    (0..4).map(nothing).collect()
}

pub(crate) fn found(admin: &Client) -> BTreeMap<String, String> {
    // The list spells ids as numbers, everything else as texts (hdp-api 9.2).
    let row = |app: &Value| Some((app["id"].as_u64()?.to_string(), app["name"].as_str()?.to_owned()));
    admin.apps().iter().map(|app| row(app).unwrap_or_else(|| panic!("{app} in the list"))).collect()
}
