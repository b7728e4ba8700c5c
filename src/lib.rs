//! x

pub mod ledger;
