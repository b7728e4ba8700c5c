//! Who is asking, and may he.
//!
//! Owns credentials and their guessing, permissions, and the rules over both. Deliberately absent: how an answer looks;
//! refusals become status codes in `api`.

pub mod access;
pub mod address;
pub mod authenticate;
pub mod basic;
pub mod bearer;
pub mod client_failures;
pub mod hasher;
mod measures;
pub mod origin;
pub mod password;
pub mod permission;
pub mod principal;
pub mod throttle;
mod turns;
mod verified;
pub mod whitelist;
