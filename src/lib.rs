//! authledger: a credential vault, an authorization server and the ledger of everything that happens in both.
//!
//! The rooms and the way of the data are described in `ARCHITECTURE.md`.

pub mod api;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod ledger;
pub mod logs;
pub mod metrics;
pub mod oauth;
#[cfg(test)]
mod readme;
pub mod vault;
