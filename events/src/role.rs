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

/// A role was replaced by a PUT; its tenant stays. Who holds it is told by the users' own events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleUpdated {
    /// As in [`RoleCreated`].
    pub name: String,
    /// `None` when the PUT left it out, which clears it.
    pub description: Option<Sealed>,
    /// All of them: what the PUT left out is gone.
    pub permissions: SortedVec<PermissionId>,
}

/// A role was deleted; nobody held it. Its stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDeleted {}
