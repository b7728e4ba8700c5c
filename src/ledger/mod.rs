//! The ledger: everything that happened, in order, on disk.
//!
//! `live` is the open ledger that the rest of the server holds, `writer` the one thread that changes it, `start` folds the
//! log into the state, `create` makes a new one, `past` looks back along one stream and `access` along those that
//! say who could do what, `snapshot` saves the state so that a
//! start need not fold everything, `measures` is what the writer counts and times, `shared` what it and readers have in common.
//! `store` says what an engine promises; `memory` is the engine for tests, `sled` the embedded one. `directory` knows where
//! files lie, `witness` what was acknowledged last, and `recover` makes a ledger or opens one, or says why not.

pub mod access;
mod barrier;
mod check;
pub mod create;
pub mod directory;
pub mod live;
mod measures;
pub mod memory;
mod packing;
pub mod past;
pub mod recover;
pub mod refusal;
mod shared;
pub mod sled;
pub mod snapshot;
mod space;
pub mod start;
pub mod store;
pub mod witness;
mod writer;

pub use packing::Packing;

#[cfg(test)]
mod tests;
