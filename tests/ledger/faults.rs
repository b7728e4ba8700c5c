//! L1, L2: the system calls themselves. Before each acknowledgement the log and then the witness were written and
//! synchronised; and when any synchronisation fails, or is the last thing the process does, nothing acknowledged is lost.

use std::path::Path;

use crate::book::{Book, LEDGER};
use crate::child::{Appending, Run, Said};
use crate::ground;
use crate::trace::{self, Fact};

/// Batches an appender tries, and events in each.
const BATCHES: u64 = 4;
const EVENTS: u32 = 5;

fn under_strace(path: &Path, output: &Path, rules: &[&str]) -> Said {
    // Not with --seccomp-bpf: strace 6.1 then loses injected signals.
    let mut wrapper = vec!["strace", "-f", "-qq", "-y", "-s", "100000", "--signal=none", "-o"];
    wrapper.push(output.to_str().expect("a plain path"));
    for rule in rules {
        wrapper.extend(["-e", rule]);
    }
    let run: Run = Appending::dying_after(BATCHES, EVENTS).start_under(&wrapper, path);
    run.listen()
}

#[test]
fn l01_the_log_and_the_witness_are_synchronised_before_each_acknowledgement() {
    let place = tempfile::tempdir().expect("a directory");
    let (path, output) = (place.path().join("ledger"), place.path().join("trace"));
    ground::create(&path, LEDGER);
    let said = under_strace(&path, &output, &["trace=pwrite64,write,fdatasync"]);
    assert_eq!(said.acknowledged, Some(BATCHES * u64::from(EVENTS)), "{said:?}");
    let calls = trace::parse(&std::fs::read_to_string(&output).expect("reads"));
    for size in (1..=BATCHES).map(|batch| batch * u64::from(EVENTS)) {
        let (in_log, answer) = (Book::text(size - 1), format!("acknowledged {size}\\n"));
        let fact = Fact { in_log: &in_log, answered_on: "", in_answer: ["\"acknowledged ", &answer] };
        trace::check_order(&calls, &path, &fact).expect("on disk before it was acknowledged");
    }
}

/// What became of a ledger whose appender met a fault.
struct Row {
    acknowledged: u64,
    found: u64,
    said: String,
}

fn meet(fault: &str, call: &str, nth: u64) -> Row {
    let place = tempfile::tempdir().expect("a directory");
    let (path, output) = (place.path().join("ledger"), place.path().join("trace"));
    ground::create(&path, LEDGER);
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{fault}:when={nth}"));
    let said = under_strace(&path, &output, &[&trace, &inject]);
    let opened =
        ground::open(&path).unwrap_or_else(|refusal| panic!("{fault} at {call} {nth}: {said:?}: {refusal}"));
    let found = opened.store.head().size;
    ground::close(opened);
    let acknowledged = said.acknowledged.unwrap_or(0);
    let row = Row { acknowledged, found, said: said.ended.unwrap_or_else(|| "(died)".to_owned()) };
    assert!(found >= acknowledged, "{fault} at {call} {nth}: {acknowledged} acknowledged, {found} there");
    assert!(
        found - acknowledged <= u64::from(EVENTS),
        "{fault} at {call} {nth}: more than the batch in flight"
    );
    assert_eq!(found % u64::from(EVENTS), 0, "{fault} at {call} {nth}: half a batch");
    row
}

#[test]
fn l02_a_failing_or_last_synchronisation_loses_nothing() {
    println!("{:>4} {:9} {:8} {:>12} {:>6}  answer", "call", "file", "fault", "acknowledged", "found");
    for nth in 1..=2 * BATCHES {
        let file = if nth % 2 == 1 { "log" } else { "witness" };
        for fault in ["error=EIO", "signal=KILL"] {
            let row = meet(fault, "fdatasync", nth);
            println!(
                "{nth:>4} {file:9} {:8} {:>12} {:>6}  {}",
                fault.split_once('=').map_or("", |(_, fault)| fault),
                row.acknowledged,
                row.found,
                row.said
            );
            // The batch of the failing call is the first that is not acknowledged, and none after it is.
            assert_eq!(row.acknowledged, (nth - 1) / 2 * u64::from(EVENTS), "{fault} at {nth}: {}", row.said);
            if fault == "error=EIO" {
                assert!(row.said.starts_with("unknown: "), "{}", row.said);
            }
        }
    }
}

#[test]
fn l02_a_failing_or_short_write_loses_nothing() {
    // Writes of the engine, the witness and, last, of our own words; how many there are depends on the engine's timer.
    for nth in 1..=8 {
        for fault in ["error=EIO", "error=ENOSPC", "signal=KILL"] {
            meet(fault, "pwrite64", nth);
        }
    }
}

#[test]
fn l02_a_failing_open_can_be_repeated() {
    for nth in 1..=6 {
        for fault in ["error=EIO", "signal=KILL"] {
            meet(fault, "fsync", nth);
        }
    }
}
