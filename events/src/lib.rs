//! Facts and their bytes, hashes and proofs.
//!
//! This crate owns what is stored for ever: the closed list of events, the layout of a leaf, the chain and the tree over
//! leaves, checkpoints, and the verifier. `FORMAT.md` beside this file describes every byte of it.
//!
//! Deliberately absent: disk, clock, randomness, async, HTTP, keys that open sealed values. An auditor's tool can be built
//! from this crate alone:
//!
//! ```
//! use events::{dump::DumpReader, verify::{Verifier, verify}};
//!
//! fn check(dump: impl std::io::Read) -> Result<(), Box<dyn std::error::Error>> {
//!     let report = verify(Verifier::new(), DumpReader::new(dump))?;
//!     println!("{} events, chain {}, root {}", report.head.size, report.head.chain, report.head.root);
//!     Ok(())
//! }
//! # check(std::io::empty()).expect("an empty log is a log");
//! ```

pub mod chain;
pub mod checkpoint;
pub mod client_application;
pub mod codec;
pub mod data_source;
pub mod disclosure;
pub mod dump;
pub mod envelope;
pub mod event;
pub mod grant;
pub mod id;
pub mod ledger;
pub mod limit;
pub mod merkle;
mod numbered;
pub mod oauth_app;
pub mod oauth_profile;
pub mod role;
pub mod scope;
pub mod sealed;
pub mod setting;
pub mod sorted;
pub mod tenant;
pub mod time;
pub mod token;
mod upcast;
pub mod user;
pub mod verify;
pub mod whitelist;
