//! The whole server from outside: the real binary as a process on a port of its own, asked over TCP, watched and hurt
//! through `strace`, killed, started again. Each test has its own directory and its own processes, ended by drop guards.
//!
//! `AUTHLEDGER_SOAK=1` makes the random ones long.

mod addresses;
mod answers;
mod audit;
mod believers;
mod browser;
mod chromium;
mod erasure;
#[path = "../support/exposition.rs"]
mod exposition;
mod faults;
mod foreign;
mod full;
mod fuzzing;
mod hunt;
mod kills;
mod logs;
#[path = "../support/loop_disk.rs"]
mod loop_disk;
mod metrics;
mod oauth2_crate;
mod oauth4webapi;
mod order;
mod place;
mod power;
#[path = "../support/python.rs"]
mod python;
mod refreshes;
mod requests_oauthlib;
mod secrets;
#[path = "../support/small_disk.rs"]
mod small_disk;
mod snapshots;
mod starting;
mod strace;
mod token_secrets;
mod tour;
mod user_command;
mod visitor;

/// How many rounds a test of random moments takes: few every time, many in a soak.
fn rounds(few: u64, soak: u64) -> u64 {
    if std::env::var_os("AUTHLEDGER_SOAK").is_some() { soak } else { few }
}
