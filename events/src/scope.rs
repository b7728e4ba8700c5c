//! Scopes: what a token is good for. The list is closed (TOKENS section 3).

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::{id::ScopeSetId, sorted::SortedVec};

/// One scope. In bytes a number, for people and their tools its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "u8")]
pub enum Scope {
    /// 1: use of data sources.
    OData,
    /// 2: the management API.
    Mgmt,
    /// 3: reading the history.
    Audit,
}

impl Scope {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::OData, Self::Mgmt, Self::Audit];

    /// Its name in requests, answers and documents.
    pub fn text(self) -> &'static str {
        match self {
            Self::OData => "api.access.odata",
            Self::Mgmt => "api.mgmt",
            Self::Audit => "api.audit",
        }
    }

    /// The scope of that name. What old links call `odata` is read by whoever reads requests, not here.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.text() == text)
    }

    fn number(self) -> u8 {
        match self {
            Self::OData => 1,
            Self::Mgmt => 2,
            Self::Audit => 3,
        }
    }
}

impl TryFrom<u8> for Scope {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Self::ALL.into_iter().find(|scope| scope.number() == number).ok_or("a scope is 1, 2 or 3")
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.text())
        } else {
            serializer.serialize_u8(self.number())
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// What a token is good for, and where, got a number. Token events name it by that, for there are many of them and few of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeSetDefined {
    /// Counts from 1 and never means anything else.
    pub id: ScopeSetId,
    /// Empty for a client application in its own name.
    pub scopes: SortedVec<Scope>,
    /// Resources that accept the token (RFC 8707).
    pub audience: SortedVec<String>,
}
