//! Events a second of a replay, step by step, on one core.
//!
//! `cargo bench --bench replay`. A log of 200,000 events of the applications' kind in memory; each row adds one step to what a
//! start does. `verify` stands beside SHA-256 and BLAKE3 over the same bytes. Five passes, the middle one counts.

#![allow(clippy::cast_precision_loss, reason = "rates are shown to three digits")]

mod support;

use std::{hint::black_box, ops::ControlFlow, sync::Arc, time::Instant};

use authledger::ledger::start::fold;
use events::{chain::link, codec::decode, id::Sequence, merkle::leaf_hash, verify::Verifier};
use projections::State;
use support::{command, create_app, in_memory, middle, update_app};

const EVENTS: u64 = 200_000;
const OBJECTS: u64 = 20_000;
const PASSES: usize = 5;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (ledger, _disk) = in_memory();
    let ledger = Arc::new(ledger);
    runtime.block_on(async {
        let tasks: Vec<_> = (0..256)
            .map(|lane| {
                let ledger = Arc::clone(&ledger);
                tokio::spawn(async move {
                    for number in (lane..OBJECTS).step_by(256) {
                        let name = format!("app {number}");
                        let (wish, key) = create_app(ledger.vault(), &name);
                        let receipt = ledger.execute(command(wish)).await.expect("the name is free");
                        let id = receipt.events[0].header.stream.id;
                        for _ in 1..EVENTS / OBJECTS {
                            let wish = update_app(ledger.vault(), &key, id, &name);
                            ledger.execute(command(wish)).await.expect("granted");
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    let reader = Arc::clone(ledger.reader());
    let mut leaves: Vec<Vec<u8>> = Vec::new();
    let keep = &mut |_, leaf: &[u8]| {
        leaves.push(leaf.to_vec());
        ControlFlow::Continue(())
    };
    reader.read(Sequence(0), Sequence(u64::MAX), keep).expect("memory reads");
    let bytes: usize = leaves.iter().map(Vec::len).sum();
    println!("{} events, {} bytes each on average\n", leaves.len(), bytes / leaves.len());

    let rate = |name: &str, work: &mut dyn FnMut()| {
        let rates = (0..PASSES).map(|_| {
            let started = Instant::now();
            work();
            leaves.len() as f64 / started.elapsed().as_secs_f64()
        });
        let rate = middle(rates.collect());
        println!("{name:46} {rate:>10.0} events/s");
        rate
    };
    let decoded = rate("decode", &mut || leaves.iter().for_each(|leaf| drop(black_box(decode(leaf)))));
    let applied = rate("decode + apply", &mut || {
        let mut state = State::default();
        for leaf in &leaves {
            state.apply(&decode(leaf).expect("our own leaf"));
        }
        black_box(&state);
    });
    let replayed = rate("decode + apply + chain + tree (a start)", &mut || {
        black_box(fold(&*reader, Sequence(u64::MAX), &mut |_| {}).expect("it folds"));
    });
    let hashed = rate("SHA-256 + BLAKE3 over the same bytes", &mut || {
        for leaf in &leaves {
            black_box((link(leaf), leaf_hash(leaf)));
        }
    });
    let verified = rate("verify: chain, tree, streams, commands, bodies", &mut || {
        let mut verifier = Verifier::new();
        for leaf in &leaves {
            verifier.push(leaf).expect("our own log");
        }
        black_box(verifier.finish().expect("whole"));
    });
    println!("\napply beside decode alone       {:.2}", applied / decoded);
    println!("whole replay beside decode      {:.2}", replayed / decoded);
    println!("verify beside hashing alone     {:.2}", verified / hashed);
}
