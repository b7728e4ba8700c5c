//! Roles (hdp-api 6.5) as far as users need them: made anew, or copied for a new tenant.

use events::{
    envelope::{Stream, StreamKind},
    id::{PermissionId, RoleId, Sequence, TenantId},
    role::RoleCreated,
    sealed::Sealed,
    sorted::SortedVec,
};

use super::{
    Cause, Decision, Fact, NewKey, Object, Refusal, Taken, View, acting, field::RoleName, granting::may_give,
    sealed_under,
};
use crate::auth::permission;

/// A new role.
#[derive(Clone, Debug)]
pub struct CreateRole {
    /// `None` for the caller's own tenant.
    pub tenant: Option<TenantId>,
    /// Unique within the tenant.
    pub name: RoleName,
    /// The role's key.
    pub key: NewKey,
    /// Free text under that key.
    pub description: Option<Sealed>,
    /// What its holders may do; there may be none.
    pub permissions: SortedVec<PermissionId>,
}

/// Records `RoleCreated`. Needs 12, or 17 and administrative access on the role's tenant; an unknown tenant and one without
/// access answer alike. Nobody makes a role that can do what he may not grant (hdp-api 9.23).
pub(super) fn create(view: &View<'_>, cause: &Cause, wish: &CreateRole) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[permission::CREATE_ROLE])?;
    let tenant = wish.tenant.unwrap_or(principal.tenant);
    if !state.tenants.rows.has(&tenant) || !principal.administers(tenant) {
        return Err(Refusal::UnknownReference(Object::Tenant(tenant)));
    }
    may_give(&principal, wish.permissions.iter().copied(), "permissions")?;
    sealed_under(wish.key.id, &wish.description)?;
    if state.roles.by_name.has(&(tenant, wish.name.as_str().to_owned())) {
        return Err(Refusal::Taken(Taken::RoleName));
    }
    let id = RoleId(state.log.next_id(StreamKind::ROLE));
    let created = RoleCreated {
        name: wish.name.clone().into(),
        key_id: wish.key.id,
        description: wish.description.clone(),
        permissions: wish.permissions.clone(),
    };
    Ok(Decision {
        facts: vec![Fact::new(tenant, Stream::new(StreamKind::ROLE, id.0), created)],
        keys: wish.key.entries.clone(),
        ..Decision::default()
    })
}

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
