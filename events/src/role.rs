//! Facts about roles.

use serde::{Deserialize, Serialize};

use crate::{
    id::PermissionId,
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
};

/// A role came to be in the header's tenant; its id is the stream's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleCreated {
    /// Unique within the tenant.
    pub name: String,
    /// The role's data key, under which its free text is sealed.
    pub key_id: KeyId,
    /// Free text.
    pub description: Option<Sealed>,
    /// What holders of the role may do.
    pub permissions: SortedVec<PermissionId>,
}
