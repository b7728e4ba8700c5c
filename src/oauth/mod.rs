//! The authorization server's own rules, from the RFCs and `TOKENS.md`: formats and comparisons, pure or over the state.
//!
//! Deliberately absent: HTTP (`api`), deciding what is recorded (`commands`), keys (`vault`).

pub mod attempts;
pub mod authorization_request;
pub mod client;
pub mod derive;
pub mod error;
pub mod live;
pub mod parameters;
pub mod pkce;
pub mod reach;
pub mod redirect;
pub mod scope;
pub mod sessions;
pub mod token;
