//! Facts about data sources: a connection to a data store, with its options (hdp-api section 4).
//!
//! An option stands in the clear only when its data store's list of plain options names it; every other one is sealed.
//! Option names are in the clear.

use serde::{Deserialize, Serialize};

use crate::{
    id::{DataSourceId, DataStoreId, OAuthProfileId, PermissionId, TenantId, UserId},
    sealed::{KeyId, Sealed},
    sorted::{SortedMap, SortedVec},
};

/// HDP's `connectionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum ConnectionType {
    /// 1: the store is reached over the internet.
    Cloud,
    /// 2: by a connector on somebody's premises.
    Hybrid,
    /// 3: a group of data sources.
    Group,
}

impl From<ConnectionType> for u8 {
    fn from(connection_type: ConnectionType) -> Self {
        match connection_type {
            ConnectionType::Cloud => 1,
            ConnectionType::Hybrid => 2,
            ConnectionType::Group => 3,
        }
    }
}

impl TryFrom<u8> for ConnectionType {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::Cloud),
            2 => Ok(Self::Hybrid),
            3 => Ok(Self::Group),
            _ => Err("a connection type is 1, 2 or 3"),
        }
    }
}

/// A data source came to be in the header's tenant, which is its owner's; its id is the stream's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSourceCreated {
    /// Whose; never changes in this version.
    pub owner: UserId,
    /// Unique among the owner's data sources.
    pub name: String,
    /// What it connects to; never changes.
    pub data_store: DataStoreId,
    /// How; never changes.
    pub connection_type: ConnectionType,
    /// The data source's data key, which may have nothing to seal yet.
    pub key_id: KeyId,
    /// Free text.
    pub description: Option<Sealed>,
    /// The option `OAuthProfileId`: whose tokens it uses.
    pub profile: Option<OAuthProfileId>,
    /// Options on the data store's list of plain ones, by name.
    pub plain_options: SortedMap<String, String>,
    /// All others, by name.
    pub sealed_options: SortedMap<String, Sealed>,
}

/// A data source was replaced by a PUT; owner, data store and connection type stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSourceUpdated {
    /// As in [`DataSourceCreated`].
    pub name: String,
    /// `None` when the PUT left it out, which clears it.
    pub description: Option<Sealed>,
    /// `None` when the PUT left it out, which clears it.
    pub profile: Option<OAuthProfileId>,
    /// All of them: what the PUT left out is gone.
    pub plain_options: SortedMap<String, String>,
    /// Those that changed, `None` for one that was taken away; what is not named stays.
    pub sealed_options: SortedMap<String, Option<Sealed>>,
}

/// A data source was deleted; its stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSourceDeleted {}

/// The profile that a data source used was deleted, so that it uses none any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSourceProfileCleared {
    /// Which profile that was.
    pub profile: OAuthProfileId,
}

/// Others may use a data source. Recorded as a change, because the lists may grow long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSourceShared {
    /// Users, each with what he may do with it; takes the place of what he might before.
    pub users: SortedMap<UserId, SortedVec<PermissionId>>,
    /// Tenants, each with what all its users may do with it.
    pub tenants: SortedMap<TenantId, SortedVec<PermissionId>>,
}

/// Others may use a data source no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSourceUnshared {
    /// Users who lost it.
    pub users: SortedVec<UserId>,
    /// Tenants that lost it.
    pub tenants: SortedVec<TenantId>,
}

/// What its owner may do with a data source was set apart from what he may do otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSourcePermissionsSet {
    /// Exactly this; `None` is again what roles and permissions give him.
    pub permissions: Option<SortedVec<PermissionId>>,
}

/// The members of a group changed. Recorded as a change, because the list may grow long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSourceMembersChanged {
    /// New members, and old ones with another prefix; the prefix stands before the names of a member's tables.
    pub set: SortedMap<DataSourceId, String>,
    /// What is no member any more.
    pub removed: SortedVec<DataSourceId>,
}
