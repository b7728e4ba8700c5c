//! Who is asking, and may he.
//!
//! Owns credentials and their guessing, permissions, and the rules over both. Deliberately absent: how an answer looks;
//! refusals become status codes in `api`.

pub mod permission;
pub mod principal;
