//! The store from outside: what engines promise, what opening refuses, and what crashes leave.
//!
//! `AUTHLEDGER_SOAK=1` makes the random ones long.

mod book;
mod child;
mod conformance;
mod faults;
mod flips;
mod full;
mod ground;
#[path = "../support/loop_disk.rs"]
mod loop_disk;
mod opening;
mod power;
#[path = "../support/small_disk.rs"]
mod small_disk;
mod snapshots;
mod trace;

/// How many rounds a test of random moments takes: few every time, many in a soak.
fn rounds(few: u64, soak: u64) -> u64 {
    if std::env::var_os("AUTHLEDGER_SOAK").is_some() { soak } else { few }
}
