//! The ledger: everything that happened, in order, on disk.
//!
//! `store` says what an engine promises; `memory` is the engine for tests.

pub mod memory;
pub mod store;
