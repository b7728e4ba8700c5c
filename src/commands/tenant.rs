//! Tenants (hdp-api 6.3).

use events::{
    envelope::{Stream, StreamKind},
    id::{RoleId, SYSTEM_TENANT, TenantId, UserId},
    role::RoleCreated,
    sealed::Sealed,
    tenant::{TenantCreated, TenantStatus},
};

use super::{
    Cause, Decision, Fact, NewKey, Object, Refusal, Taken, View, acting, field::TenantName,
    granting::first_not_his, role::ImportedRole,
};
use crate::auth::permission;

/// A new tenant below the system tenant.
#[derive(Clone, Debug)]
pub struct CreateTenant {
    /// Unique in the system.
    pub name: TenantName,
    /// The tenant's key.
    pub key: NewKey,
    /// Free text under that key.
    pub description: Option<Sealed>,
    /// As sent.
    pub status: TenantStatus,
    /// Roles of the system tenant to be copied.
    pub roles: Vec<ImportedRole>,
    /// Who administers it beside the caller.
    pub administrators: Vec<UserId>,
}

/// Records `TenantCreated` and a `RoleCreated` for each copy.
///
/// Needs 12, or 25 and administrative access on the parent, the system tenant. The creator gets administrative access.
/// Administrators must live in the system tenant, since the new one has no users yet.
pub(super) fn create(view: &View<'_>, cause: &Cause, wish: &CreateTenant) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[permission::TENANT_API])?;
    if !principal.administers(SYSTEM_TENANT) {
        return Err(Refusal::LacksPermission);
    }
    if state.tenants.by_name.has(&wish.name.as_str().to_owned()) {
        return Err(Refusal::Taken(Taken::TenantName));
    }
    for administrator in &wish.administrators {
        let lives_there = state.users.rows.get(administrator).is_some_and(|row| row.tenant == SYSTEM_TENANT);
        if !lives_there {
            return Err(Refusal::UnknownReference(Object::User(*administrator)));
        }
    }
    let id = TenantId(state.log.next_id(StreamKind::TENANT));
    let created = TenantCreated {
        name: wish.name.clone().into(),
        key_id: wish.key.id,
        description: wish.description.clone(),
        parent: Some(SYSTEM_TENANT),
        status: wish.status,
        administrators: wish.administrators.iter().copied().chain([principal.user]).collect(),
    };
    let mut facts = vec![Fact::new(id, Stream::new(StreamKind::TENANT, id.0), created)];
    let mut keys = wish.key.entries.clone();
    let first_role = state.log.next_id(StreamKind::ROLE);
    for (role, imported) in (first_role..).map(RoleId).zip(&wish.roles) {
        let unknown = Refusal::UnknownReference(Object::Role(imported.source));
        let source = state
            .roles
            .rows
            .get(&imported.source)
            .filter(|row| row.tenant == SYSTEM_TENANT)
            .ok_or(unknown)?;
        if source.changed != imported.source_changed {
            return Err(Refusal::Again);
        }
        if let Some(permission) = first_not_his(&principal, source.permissions.iter().copied()) {
            return Err(Refusal::NotHisToGrant(permission));
        }
        let copy = RoleCreated {
            name: source.name.clone(),
            key_id: imported.key.id,
            description: imported.description.clone(),
            permissions: source.permissions.clone(),
        };
        facts.push(Fact::new(id, Stream::new(StreamKind::ROLE, role.0), copy));
        keys.extend(imported.key.entries.iter().cloned());
    }
    Ok(Decision { facts, keys, ..Decision::default() })
}
