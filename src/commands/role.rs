//! Roles as far as tenants import them; their own operations come with administration.

use events::{
    id::{PermissionId, RoleId, Sequence},
    sealed::Sealed,
};

use super::NewKey;

/// A copy of a role for a new tenant.
#[derive(Clone, Debug)]
pub struct ImportedRole {
    /// Which role is copied.
    pub source: RoleId,
    /// The event that last changed it when its text was sealed anew for the copy.
    pub source_changed: Sequence,
    /// The copy's key.
    pub key: NewKey,
    /// The source's free text under the copy's key.
    pub description: Option<Sealed>,
}

/// The first of `permissions` that `principal` may not give away.
pub(super) fn first_not_his(
    principal: &crate::auth::principal::Principal,
    permissions: impl IntoIterator<Item = PermissionId>,
) -> Option<PermissionId> {
    permissions.into_iter().find(|permission| !principal.may_grant(*permission))
}
