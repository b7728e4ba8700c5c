//! Facts about tenants.

use serde::{Deserialize, Serialize};

use crate::{
    id::{TenantId, UserId},
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
};

/// HDP's `status` of a tenant; reserved by HDP for later, kept as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum TenantStatus {
    /// 0
    Inactive,
    /// 1
    Active,
}

impl From<TenantStatus> for u8 {
    fn from(status: TenantStatus) -> Self {
        match status {
            TenantStatus::Inactive => 0,
            TenantStatus::Active => 1,
        }
    }
}

impl TryFrom<u8> for TenantStatus {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            0 => Ok(Self::Inactive),
            1 => Ok(Self::Active),
            _ => Err("a tenant's status is 0 or 1"),
        }
    }
}

/// A tenant came to be; its id is the stream's id and the header's tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCreated {
    /// Unique in the system.
    pub name: String,
    /// The tenant's data key, under which its free text is sealed.
    pub key_id: KeyId,
    /// Free text.
    pub description: Option<Sealed>,
    /// `None` for the system tenant, which is everybody else's parent.
    pub parent: Option<TenantId>,
    /// As sent.
    pub status: TenantStatus,
    /// Who has administrative access; the creator is among them.
    pub administrators: SortedVec<UserId>,
}

/// A tenant was replaced by a PUT; its parent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantUpdated {
    /// As in [`TenantCreated`].
    pub name: String,
    /// `None` when the PUT left it out, which clears it.
    pub description: Option<Sealed>,
    /// As sent.
    pub status: TenantStatus,
}

/// A tenant was deleted; its stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantDeleted {}

/// Who has administrative access on the tenant changed. Recorded as a change, because the list may grow long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantAdministratorsChanged {
    /// Who got it.
    pub added: SortedVec<UserId>,
    /// Who lost it.
    pub removed: SortedVec<UserId>,
}
