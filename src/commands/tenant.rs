//! Tenants and who administers them (hdp-api 6.3).

use std::sync::Arc;

use events::{
    data_source::DataSourceUnshared,
    envelope::{Stream, StreamKind},
    id::{DataSourceId, OAuthAppId, RoleId, SYSTEM_TENANT, Sequence, TenantId, UserId},
    role::RoleCreated,
    sealed::Sealed,
    sorted::SortedVec,
    tenant::{TenantAdministratorsChanged, TenantCreated, TenantDeleted, TenantStatus, TenantUpdated},
};
use projections::{State, data_sources::Filter, tenants::Tenant};

use super::{
    Cause, Decision, Fact, NewKey, Object, Refusal, Taken, View, acting,
    field::TenantName,
    granting::{first_not_his, may_give_access},
    oauth_profile::no_more_than_one_command,
    role::{self, ImportedRole},
    sealed_under, unchanged_since,
};
use crate::auth::{permission::TENANT_API, principal::Principal};

/// How many users one event names as having lost access, so that it fits its body beside those who got it.
const NAMED_IN_AN_EVENT_MAX: usize = 4_000;

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
    pub administrators: SortedVec<UserId>,
}

/// A tenant replaced by a PUT.
#[derive(Clone, Debug)]
pub struct UpdateTenant {
    /// Which.
    pub id: TenantId,
    /// From `If-Match`: what [`tag`] says must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// When given, must equal the stored one: a tenant never moves.
    pub parent: Option<TenantId>,
    /// When given, must equal what is stored: its roles have operations of their own.
    pub roles: Option<SortedVec<RoleId>>,
    /// Unique in the system.
    pub name: TenantName,
    /// Free text under the tenant's key; `None` clears it.
    pub description: Option<Sealed>,
    /// As sent.
    pub status: TenantStatus,
}

/// A tenant deleted.
#[derive(Clone, Debug)]
pub struct DeleteTenant {
    /// Which.
    pub id: TenantId,
    /// As in [`UpdateTenant`].
    pub expected: Option<Vec<Sequence>>,
}

/// Exactly who has administrative access on a tenant.
#[derive(Clone, Debug)]
pub struct SetTenantAdministrators {
    /// Which.
    pub id: TenantId,
    /// From `If-Match`: the event that last changed the tenant must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// From now on.
    pub administrators: SortedVec<UserId>,
}

/// Finds a tenant for who administers it; to anybody else it is one that does not exist.
pub fn administered<'v>(
    view: &'v View<'_>,
    principal: &Principal,
    id: TenantId,
) -> Result<&'v Arc<Tenant>, Refusal> {
    let row = view.state.tenants.rows.get(&id).filter(|_| principal.administers(id));
    row.ok_or(Refusal::NotFound(Object::Tenant(id)))
}

/// What a tenant's `ETag` says: the event that last changed it or the list of its roles.
pub fn tag(state: &State<'_>, id: TenantId, row: &Tenant) -> Sequence {
    let roles = state.roles.list_changed.get(&id).copied();
    roles.map_or(row.changed, |roles| roles.max(row.changed))
}

/// Records `TenantCreated` and a `RoleCreated` for each copy.
///
/// Needs 12, or 25 and administrative access on the parent, the system tenant. The creator gets administrative access.
/// Administrators must live in the system tenant, since the new one has no users yet.
pub(super) fn create(view: &View<'_>, cause: &Cause, wish: &CreateTenant) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[TENANT_API])?;
    if !principal.administers(SYSTEM_TENANT) {
        return Err(Refusal::LacksPermission);
    }
    name_is_free(state, &wish.name, None)?;
    for administrator in wish.administrators.iter() {
        let lives_there = state.users.rows.get(administrator).is_some_and(|row| row.tenant == SYSTEM_TENANT);
        if !lives_there {
            return Err(Refusal::UnknownReference(Object::User(*administrator)));
        }
    }
    for administrator in wish.administrators.iter() {
        may_give_access(state, &principal, *administrator)?;
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
    let mut facts = vec![Fact::new(id, stream(id), created)];
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

/// Records `TenantUpdated` always, for sealed values can't be compared. Needs 12, or 25 and administrative access on it.
///
/// Another name needs administrative access on the system tenant, too, as the first one did: names are unique in the system, and
/// that one is taken must not tell a child tenant's administrator which other tenants there are.
pub(super) fn update(view: &View<'_>, cause: &Cause, wish: &UpdateTenant) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[TENANT_API])?;
    let row = administered(view, &principal, wish.id)?;
    unchanged_since(tag(state, wish.id, row), wish.expected.as_deref())?;
    if wish.parent.is_some() && wish.parent != row.parent {
        return Err(Refusal::invalid("parentTenant", "a tenant keeps its parent; leave it out or repeat it"));
    }
    let repeated =
        |roles: &SortedVec<RoleId>| state.roles.of_tenant(wish.id, RoleId(0)).eq(roles.iter().copied());
    if !wish.roles.as_ref().is_none_or(repeated) {
        let rule = "a tenant's roles are made and deleted one by one; leave it out or repeat it";
        return Err(Refusal::invalid("roles", rule));
    }
    if wish.name.as_str() != row.name && !principal.administers(SYSTEM_TENANT) {
        return Err(Refusal::Forbidden);
    }
    sealed_under(row.key_id, &wish.description)?;
    name_is_free(state, &wish.name, Some(wish.id))?;
    let updated = TenantUpdated {
        name: wish.name.clone().into(),
        description: wish.description.clone(),
        status: wish.status,
    };
    Ok(Decision { facts: vec![Fact::new(wish.id, stream(wish.id), updated)], ..Decision::default() })
}

/// Its roles end with it, and data sources of others are shared with it no more. Who still lives there, or works through its
/// applications, keeps it (hdp-api 9.18).
pub(super) fn delete(view: &View<'_>, cause: &Cause, wish: &DeleteTenant) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[TENANT_API])?;
    let row = administered(view, &principal, wish.id)?;
    unchanged_since(tag(state, wish.id, row), wish.expected.as_deref())?;
    if wish.id == SYSTEM_TENANT {
        return Err(Refusal::Predefined("the system tenant can't be deleted"));
    }
    if state.users.of_tenant(wish.id, UserId(0)).next().is_some() {
        return Err(Refusal::InUse("the tenant has users"));
    }
    if state.oauth_apps.of_tenant(wish.id, OAuthAppId(0)).next().is_some() {
        return Err(Refusal::InUse("the tenant has OAuth applications"));
    }
    let mut facts = Vec::new();
    for source in state.data_sources.shared_with_tenant(wish.id, Filter::default(), DataSourceId(0)) {
        if let Some(row) = state.data_sources.rows.get(&source) {
            let unshared =
                DataSourceUnshared { users: SortedVec::default(), tenants: [wish.id].into_iter().collect() };
            facts.push(Fact::new(row.tenant, Stream::new(StreamKind::DATA_SOURCE, source.0), unshared));
        }
    }
    for role in state.roles.of_tenant(wish.id, RoleId(0)) {
        facts.extend(state.roles.rows.get(&role).map(|row| role::end(role, row)));
    }
    facts.push(Fact::new(wish.id, stream(wish.id), TenantDeleted {}));
    Ok(Decision { facts: no_more_than_one_command(facts)?, ..Decision::default() })
}

/// Records `TenantAdministratorsChanged` always, with what changes: that somebody said it again is a fact, too.
///
/// Who gets access lives in the system tenant or in this one. Without 12, a user whom the caller does not see is an unknown one.
/// Who gets or loses it holds nothing that the caller does not hold, as when it is said of the user (`tenantsadministered`);
/// his own access everybody may give up.
pub(super) fn set_administrators(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetTenantAdministrators,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[TENANT_API])?;
    let row = administered(view, &principal, wish.id)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let before = &row.administrators;
    let added: SortedVec<UserId> =
        wish.administrators.iter().copied().filter(|user| !before.has(user)).collect();
    for user in added.iter() {
        let lives = state.users.rows.get(user).map(|row| row.tenant);
        let suits = |tenant: &TenantId| *tenant == wish.id || *tenant == SYSTEM_TENANT;
        if lives.filter(suits).is_none_or(|tenant| !principal.administers(tenant)) {
            return Err(Refusal::UnknownReference(Object::User(*user)));
        }
    }
    let removed: SortedVec<UserId> =
        before.iter().copied().filter(|user| !wish.administrators.has(user)).collect();
    for user in added.iter().chain(removed.iter()).filter(|user| **user != principal.user) {
        may_give_access(state, &principal, *user)?;
    }
    let fact = |change: TenantAdministratorsChanged| Fact::new(wish.id, stream(wish.id), change);
    // So many may have lost it at once that one event can't name them all.
    let (first, rest) = removed.split_at(removed.len().min(NAMED_IN_AN_EVENT_MAX));
    let mut facts =
        vec![fact(TenantAdministratorsChanged { added, removed: first.iter().copied().collect() })];
    facts.extend(rest.chunks(NAMED_IN_AN_EVENT_MAX).map(|removed| {
        let removed = removed.iter().copied().collect();
        fact(TenantAdministratorsChanged { added: SortedVec::default(), removed })
    }));
    Ok(Decision { facts, ..Decision::default() })
}

fn stream(id: TenantId) -> Stream {
    Stream::new(StreamKind::TENANT, id.0)
}

fn name_is_free(state: &State<'_>, name: &TenantName, own: Option<TenantId>) -> Result<(), Refusal> {
    match state.tenants.by_name.get(&name.as_str().to_owned()) {
        Some(holder) if own != Some(*holder) => Err(Refusal::Taken(Taken::TenantName)),
        _ => Ok(()),
    }
}
