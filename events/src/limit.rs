//! Facts about limits (hdp-api 7.1). The stream says whose limit it is: the ledger's for the whole system, a tenant's, a
//! user's or a data source's.

use serde::{Deserialize, Serialize};

use crate::id::LimitId;

/// A limit got a value at its stream's level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSet {
    /// Which.
    pub limit: LimitId,
    /// In the limit's own unit.
    pub value: u64,
}

/// A limit has no value of its own at its stream's level any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitCleared {
    /// Which.
    pub limit: LimitId,
}
