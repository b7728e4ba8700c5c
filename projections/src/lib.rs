//! Read models: what the events add up to, in memory, answering every question the API asks.
//!
//! Each file folds the events of one noun. A fold returns nothing and refuses nothing, for facts are facts, and it uses no
//! clock, no randomness and no order but the log's: the state at size N is a function of events 0 … N−1.
//!
//! Deliberately absent: disk, async, permissions, plaintext. Secrets stand here as sealed as in the log.

#![expect(
    clippy::unnested_or_patterns,
    reason = "a noun's facts are a pattern of their own, beside those of other nouns"
)]

pub mod client_applications;
pub mod cors;
pub mod data_sources;
pub mod digest;
pub mod grants;
pub mod idempotency;
pub mod ip_whitelists;
pub mod limits;
pub mod log;
mod nouns;
pub mod oauth_apps;
pub mod oauth_profiles;
pub mod roles;
pub mod rows;
pub mod settings;
mod state;
pub mod streams;
pub mod table;
pub mod tenants;
pub mod tokens;
pub mod users;
#[cfg(debug_assertions)]
pub mod visits;

pub use state::{Changes, State};
