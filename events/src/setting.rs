//! Facts about settings of the whole system (hdp-api 7.2), in the ledger's own stream.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ConfigurationId, CorsOriginId},
    sealed::Sealed,
};

/// A system configuration got a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationSet {
    /// Which.
    pub configuration: ConfigurationId,
    /// As HDP writes it; `None` is its `null`.
    pub value: Option<String>,
}

/// The custom password policy was replaced by a PUT (hdp-api 6.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicySet {
    /// What people call it.
    pub name: String,
    /// Free text under the system tenant's key.
    pub description: Option<Sealed>,
    /// Fewest characters.
    pub length_min: u32,
    /// Most characters.
    pub length_max: u32,
    /// Fewest characters that are neither letters nor digits.
    pub special_min: u32,
    /// Fewest lower case letters.
    pub lower_min: u32,
    /// Fewest upper case letters.
    pub upper_min: u32,
    /// Fewest digits.
    pub digits_min: u32,
    /// How long a password lives that its user chose; `None` for ever.
    pub expiration_days: Option<u32>,
}

/// A site whose pages may call the API from a browser was put on the list, or its entry was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsOriginSet {
    /// Its place on the list, never given twice.
    pub id: CorsOriginId,
    /// Such as `https://*.example.com`.
    pub domain: String,
    /// Free text under the system tenant's key.
    pub description: Option<Sealed>,
}

/// An entry was taken off the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsOriginRemoved {
    /// Which.
    pub id: CorsOriginId,
}
