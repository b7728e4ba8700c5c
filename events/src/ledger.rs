//! Facts about the ledger as a whole.

use serde::{Deserialize, Serialize};

/// The first event of every ledger; its header gives the ledger its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCreated {
    /// Name and version of the program that created it, for people who read the book later.
    pub software: String,
}
