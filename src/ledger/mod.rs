//! The ledger: everything that happened, in order, on disk.
//!
//! `store` says what an engine promises; `memory` is the engine for tests, `sled` the embedded one. `directory` knows where
//! files lie, `witness` what was acknowledged last, and `recover` makes a ledger or opens one, or says why not.

mod barrier;
mod check;
pub mod directory;
pub mod memory;
mod packing;
pub mod recover;
pub mod refusal;
pub mod sled;
mod space;
pub mod store;
pub mod witness;

pub use packing::Packing;
