//! Roles (hdp-api 6.5), and who holds them.
//!
//! That somebody holds a role is a fact about him, so membership is recorded on the users' streams: one `UserRolesSet` for each
//! who gets the role or loses it.

use std::{collections::BTreeSet, sync::Arc};

use events::{
    envelope::{COMMAND_EVENTS_MAX, Stream, StreamKind},
    id::{PermissionId, RoleId, Sequence, TenantId, UserId},
    role::{RoleCreated, RoleDeleted, RoleUpdated},
    sealed::Sealed,
    sorted::SortedVec,
    user::UserRolesSet,
};
use projections::{State, roles::Role, users::User};

use super::{
    Cause, Decision, Fact, NewKey, Object, Refusal, Taken, View, acting,
    administrators::{Losing, one_stays},
    field::RoleName,
    granting::{may_change_user, may_give},
    ledger::{SYSTEM_ADMINISTRATOR, TENANT_ADMINISTRATOR, USER},
    oauth_profile::no_more_than_one_command,
    sealed_under, unchanged_since,
};
use crate::auth::{
    permission::{self, ADMINISTRATOR, by_id},
    principal::Principal,
};

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
    /// Users of the role's tenant who get it, beside the roles they have.
    pub users: SortedVec<UserId>,
}

/// A role replaced by a PUT.
#[derive(Clone, Debug)]
pub struct UpdateRole {
    /// Which.
    pub id: RoleId,
    /// From `If-Match`: what [`tag`] says must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// When given, must equal the stored one: a role never moves.
    pub tenant: Option<TenantId>,
    /// Unique within the tenant.
    pub name: RoleName,
    /// Free text under the role's key; `None` clears it.
    pub description: Option<Sealed>,
    /// What its holders may do from now on.
    pub permissions: SortedVec<PermissionId>,
    /// Exactly who holds it from now on; `None` leaves that as it is.
    pub users: Option<SortedVec<UserId>>,
}

/// A role deleted.
#[derive(Clone, Debug)]
pub struct DeleteRole {
    /// Which.
    pub id: RoleId,
    /// As in [`UpdateRole`].
    pub expected: Option<Vec<Sequence>>,
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

/// Finds a role for who administers its tenant; to anybody else it is one that does not exist.
pub fn administered<'v>(
    view: &'v View<'_>,
    principal: &Principal,
    id: RoleId,
) -> Result<&'v Arc<Role>, Refusal> {
    let row = view.state.roles.rows.get(&id).filter(|row| principal.administers(row.tenant));
    row.ok_or(Refusal::NotFound(Object::Role(id)))
}

/// What a role's `ETag` says: the event that last changed it or who holds it.
pub fn tag(state: &State<'_>, id: RoleId, row: &Role) -> Sequence {
    let holders = state.users.holders_changed.get(&id).copied();
    holders.map_or(row.changed, |holders| holders.max(row.changed))
}

/// Records `RoleCreated`, and `UserRolesSet` for each who gets it. Needs 12, or 17 and administrative access on the role's
/// tenant; an unknown tenant and one without access answer alike. Nobody makes a role that can do what he may not grant
/// (hdp-api 9.23).
pub(super) fn create(view: &View<'_>, cause: &Cause, wish: &CreateRole) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[permission::CREATE_ROLE])?;
    let tenant = wish.tenant.unwrap_or(principal.tenant);
    if !state.tenants.rows.has(&tenant) || !principal.administers(tenant) {
        return Err(Refusal::UnknownReference(Object::Tenant(tenant)));
    }
    may_give(&principal, wish.permissions.iter().copied(), "permissions")?;
    sealed_under(wish.key.id, &wish.description)?;
    name_is_free(state, tenant, &wish.name, None)?;
    let id = RoleId(state.log.next_id(StreamKind::ROLE));
    let created = RoleCreated {
        name: wish.name.clone().into(),
        key_id: wish.key.id,
        description: wish.description.clone(),
        permissions: wish.permissions.clone(),
    };
    let mut facts = vec![Fact::new(tenant, stream(id), created)];
    for user in wish.users.iter() {
        let row = may_get(state, &principal, tenant, *user)?;
        facts.push(holds(*user, row, row.roles.iter().copied().chain([id])));
    }
    Ok(Decision { facts, keys: wish.key.entries.clone(), ..Decision::default() })
}

/// Records `RoleUpdated` always, for sealed values can't be compared, and `UserRolesSet` for each who gets or loses the role.
///
/// Who changes a role may grant what he adds to it, and holds what he takes away: somebody who can do more must not be cut
/// down by who can do less. Of a predefined role only its users change (hdp-api 6.2).
pub(super) fn update(view: &View<'_>, cause: &Cause, wish: &UpdateRole) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[permission::MODIFY_ROLE])?;
    let row = administered(view, &principal, wish.id)?;
    unchanged_since(tag(state, wish.id, row), wish.expected.as_deref())?;
    if wish.tenant.is_some_and(|tenant| tenant != row.tenant) {
        return Err(Refusal::invalid("tenantId", "a role stays in its tenant; leave it out or repeat it"));
    }
    if let Some(unknown) = wish.permissions.iter().find(|id| by_id(**id).is_none()) {
        return Err(Refusal::invalid("permissions", format!("there is no permission {unknown}")));
    }
    // The predefined ones have no description, and so whatever is sealed is another one.
    let same = wish.name.as_str() == row.name
        && wish.permissions == row.permissions
        && wish.description.is_none() == row.description.is_none();
    if is_predefined(wish.id) && !same {
        return Err(Refusal::Predefined("only its users can change"));
    }
    let added = wish.permissions.iter().copied().filter(|permission| !row.permissions.has(permission));
    may_give(&principal, added, "permissions")?;
    let mut removed = row.permissions.iter().filter(|permission| !wish.permissions.has(permission));
    if !removed.all(|permission| principal.may(*permission)) {
        return Err(Refusal::Forbidden);
    }
    sealed_under(row.key_id, &wish.description)?;
    name_is_free(state, row.tenant, &wish.name, Some(wish.id))?;
    let updated = RoleUpdated {
        name: wish.name.clone().into(),
        description: wish.description.clone(),
        permissions: wish.permissions.clone(),
    };
    let mut facts = vec![Fact::new(row.tenant, stream(wish.id), updated)];
    let members = match &wish.users {
        None => Members::default(),
        Some(users) => Members::of(state, wish.id, users),
    };
    members.change(state, &principal, wish, row, &mut facts)?;
    members.leave_an_administrator(state, wish, row)?;
    Ok(Decision { facts: no_more_than_one_command(facts)?, ..Decision::default() })
}

/// Refuses while users hold it, so that nobody loses a permission by what looks like tidying up.
pub(super) fn delete(view: &View<'_>, cause: &Cause, wish: &DeleteRole) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[permission::DELETE_ROLE])?;
    let row = administered(view, &principal, wish.id)?;
    unchanged_since(tag(state, wish.id, row), wish.expected.as_deref())?;
    if is_predefined(wish.id) {
        return Err(Refusal::Predefined("it can't be deleted"));
    }
    if state.users.of_role(wish.id, UserId(0)).next().is_some() {
        return Err(Refusal::InUse("users hold the role"));
    }
    Ok(Decision { facts: vec![end(wish.id, row)], ..Decision::default() })
}

/// The end of a role that nobody holds.
pub(super) fn end(id: RoleId, row: &Role) -> Fact {
    Fact::new(row.tenant, stream(id), RoleDeleted {})
}

/// Who gets a role and who loses it.
#[derive(Default)]
struct Members {
    added: SortedVec<UserId>,
    removed: SortedVec<UserId>,
}

impl Members {
    /// What makes exactly `wanted` of those who hold `role` now.
    fn of(state: &State<'_>, role: RoleId, wanted: &SortedVec<UserId>) -> Self {
        let now: BTreeSet<UserId> = state.users.of_role(role, UserId(0)).collect();
        let added = wanted.iter().copied().filter(|user| !now.contains(user)).collect();
        let removed = now.iter().copied().filter(|user| !wanted.has(user)).collect();
        Self { added, removed }
    }

    fn change(
        &self,
        state: &State<'_>,
        principal: &Principal,
        wish: &UpdateRole,
        row: &Role,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Refusal> {
        let changed = self.added.len() + self.removed.len();
        if changed > COMMAND_EVENTS_MAX as usize {
            return Err(Refusal::TooManyEvents(changed));
        }
        if !self.added.is_empty() {
            may_give(principal, wish.permissions.iter().copied(), "permissions")?;
        }
        for user in self.added.iter() {
            let member = may_get(state, principal, row.tenant, *user)?;
            facts.push(holds(*user, member, member.roles.iter().copied().chain([wish.id])));
        }
        for user in self.removed.iter() {
            if *user == principal.user {
                return Err(Refusal::Forbidden);
            }
            may_change_user(state, principal, *user)?;
            let Some(member) = state.users.rows.get(user) else { continue };
            let left = member.roles.iter().copied().filter(|role| *role != wish.id);
            if member.roles.len() < 2 {
                return Err(Refusal::InUse("it is the only role of a user who would lose it"));
            }
            facts.push(holds(*user, member, left));
        }
        Ok(())
    }

    /// When the role stops giving 12, or stops giving it to somebody, an active holder has to stay (hdp-api 9.23).
    fn leave_an_administrator(
        &self,
        state: &State<'_>,
        wish: &UpdateRole,
        row: &Role,
    ) -> Result<(), Refusal> {
        if !row.is_administrator() {
            return Ok(());
        }
        if !wish.permissions.has(&ADMINISTRATOR) {
            return one_stays(state, Losing::Role(wish.id));
        }
        let can_log_in = |user: &UserId| state.users.rows.get(user).is_some_and(|row| row.can_log_in());
        if self.removed.is_empty() || self.added.iter().any(can_log_in) {
            return Ok(());
        }
        one_stays(state, Losing::Members(wish.id, &self.removed))
    }
}

/// The user who is to get a role of `tenant`. One of another tenant, which the caller may not see either, is unknown.
fn may_get<'s>(
    state: &'s State<'_>,
    principal: &Principal,
    tenant: TenantId,
    user: UserId,
) -> Result<&'s Arc<User>, Refusal> {
    let row = state.users.rows.get(&user).filter(|row| row.tenant == tenant);
    let row = row.ok_or(Refusal::UnknownReference(Object::User(user)))?;
    if user == principal.user {
        return Err(Refusal::Forbidden);
    }
    may_change_user(state, principal, user)?;
    Ok(row)
}

/// That `user` holds exactly these roles, and what he holds beside them.
fn holds(user: UserId, row: &User, roles: impl Iterator<Item = RoleId>) -> Fact {
    let set = UserRolesSet { roles: roles.collect(), permissions: row.permissions.clone() };
    Fact::new(row.tenant, Stream::new(StreamKind::USER, user.0), set)
}

fn is_predefined(id: RoleId) -> bool {
    [SYSTEM_ADMINISTRATOR, USER, TENANT_ADMINISTRATOR].contains(&id)
}

fn stream(id: RoleId) -> Stream {
    Stream::new(StreamKind::ROLE, id.0)
}

fn name_is_free(
    state: &State<'_>,
    tenant: TenantId,
    name: &RoleName,
    own: Option<RoleId>,
) -> Result<(), Refusal> {
    match state.roles.by_name.get(&(tenant, name.as_str().to_owned())) {
        Some(holder) if own != Some(*holder) => Err(Refusal::Taken(Taken::RoleName)),
        _ => Ok(()),
    }
}
