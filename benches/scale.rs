//! Questions asked of a server that holds 100,000 data sources of 1,000 users, beside the same of one user on a server that
//! holds nothing else.
//!
//! `cargo bench --bench scale`. The servers run on core 0, one at a time, the load on core 1: 64 connections, kept alive, one
//! request each in flight, each of another user of the large server. Passwords were verified before. Three passes in turn, the
//! middle one counts. That no table is scanned is counted, not timed, by `tests/api/scale.rs`. Needs `taskset` (util-linux).

mod support;

use std::{path::Path, sync::Arc, time::Duration};

use events::id::Sequence;
use support::{
    middle,
    server::{self, ADMIN, CONNECTIONS, Load, Server, connect, exchange, get, load},
    world::{self, Owner, Size},
};
use tokio::runtime::Runtime;

const PASSES: usize = 3;
/// Of each user, whatever else there is.
const OWN: Size = Size { users: 1, apps: 10, profiles: 3, sources: 100, updates: 9, updated: 1 };
const USERS: u64 = 1000;

/// What is asked, by whom, and with which `secrets.reveal`.
struct Question {
    name: &'static str,
    reveal: &'static str,
    request: fn(&Owner) -> Vec<u8>,
}

const QUESTIONS: [Question; 6] = [
    Question {
        name: "list of all 100",
        reveal: "never",
        request: |owner| get(&owner.name, "/api/mgmt/datasources"),
    },
    Question {
        name: "page of 10",
        reveal: "never",
        request: |owner| get(&owner.name, "/api/mgmt/datasources?limit=10"),
    },
    Question {
        name: "get, reveal never",
        reveal: "never",
        request: |owner| get(&owner.name, &format!("/api/mgmt/datasources/{}", owner.source)),
    },
    Question {
        name: "get, audited (durable)",
        reveal: "audited",
        request: |owner| get(&owner.name, &format!("/api/mgmt/datasources/{}", owner.source)),
    },
    Question {
        name: "history, 10 events",
        reveal: "never",
        request: |owner| get(ADMIN, &format!("/api/audit/objects/data_source/{}/history", owner.source)),
    },
    Question {
        name: "as of its fifth event",
        reveal: "never",
        request: |owner| {
            let Sequence(moment) = owner.moments[4];
            get(&owner.name, &format!("/api/mgmt/datasources/{}?asOf={moment}", owner.source))
        },
    },
];

fn main() {
    server::be_hello_if_asked();
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    println!("load average at the start: {}\n", server::load_average());
    let worlds = [1, USERS].map(|users| {
        let path = place.path().join(format!("of-{users}"));
        let owners = world::make(&path, Size { users, ..OWN });
        (path, owners)
    });
    server::keep_to_core_1();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");

    let mut hello = Vec::new();
    let mut measured: Vec<[Vec<Load>; 2]> = QUESTIONS.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for _ in 0..PASSES {
        let server = Server::hello();
        hello.push(runtime.block_on(load(server.address, |_, _| get(ADMIN, "/json"))).rate);
        drop(server);
        for (world, (path, owners)) in worlds.iter().enumerate() {
            for reveal in ["never", "audited"] {
                let asked = QUESTIONS.iter().zip(&mut measured).filter(|(asked, _)| asked.reveal == reveal);
                ask(&runtime, path, owners, reveal, asked.map(|(asked, loads)| (asked, &mut loads[world])));
            }
        }
    }
    let hello = middle(hello);
    println!("axum hello: {hello:.0} requests/s\n");
    println!("| request | alone: /s, p50, p99 | of {USERS} users: /s, p50, p99 | ratio | beside hello |");
    println!("| --- | --- | --- | --- | --- |");
    for (question, [alone, among]) in QUESTIONS.iter().zip(measured) {
        let (alone, among) = (in_the_middle(alone), in_the_middle(among));
        let ratio = among.rate / alone.rate;
        let beside_hello = among.rate / hello;
        println!(
            "| {} | {} | {} | {ratio:.2} | {beside_hello:.2} |",
            question.name,
            shown(&alone),
            shown(&among)
        );
    }
}

fn ask<'a>(
    runtime: &Runtime,
    path: &Path,
    owners: &[Owner],
    reveal: &str,
    asked: impl Iterator<Item = (&'a Question, &'a mut Vec<Load>)>,
) {
    let server = Server::authledger(path, reveal);
    let spread = |lane: usize| owners[lane * 15 % owners.len()].clone();
    let owners: Arc<Vec<Owner>> = Arc::new((0..CONNECTIONS).map(spread).collect());
    runtime.block_on(async {
        let mut stream = connect(server.address).await;
        for name in owners.iter().map(|owner| owner.name.as_str()).chain([ADMIN]) {
            exchange(&mut stream, &get(name, "/api/mgmt/datastores/54"), &mut Vec::new()).await;
        }
    });
    for (question, loads) in asked {
        let (owners, request) = (Arc::clone(&owners), question.request);
        loads.push(runtime.block_on(load(server.address, move |lane, _| request(&owners[lane]))));
    }
    server.close();
}

/// That of the middle rate.
fn in_the_middle(mut loads: Vec<Load>) -> Load {
    loads.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    loads.swap_remove(loads.len() / 2)
}

fn shown(load: &Load) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    format!("{:.0}, {:.2} ms, {:.2} ms", load.rate, millis(load.p50), millis(load.p99))
}
