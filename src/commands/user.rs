//! Users (hdp-api 6.4, 9.23, 9.25).
//!
//! Each part of a user that changes is an event of its own, so that his history says what happened to him and not only that
//! something did. What is asked of who changes a user stands here; his password, his end and what he administers have files
//! of their own.

pub mod access;
pub mod delete;
pub mod password;
pub mod update;

use std::sync::Arc;

use events::{
    envelope::{Actor, Stream, StreamKind},
    id::{PermissionId, RoleId, TenantId, UserId},
    sealed::Sealed,
    sorted::SortedVec,
    time::Timestamp,
    user::{Password, UserCreated, UserLocked, UserStatus, UserUnlocked},
};
use projections::{State, users::User};

use self::password::with_end;
use super::{
    Cause, Decision, Fact, LoginChange, NewKey, Object, Refusal, Taken, View, acting,
    granting::{first_not_his, may_change_user, may_give},
};
use crate::{
    auth::{permission, principal::Principal},
    vault::login::LoginTag,
};

/// A new user.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// `None` for the caller's own.
    pub tenant: Option<TenantId>,
    /// The user's key.
    pub key: NewKey,
    /// His name under that key.
    pub name: Sealed,
    /// His entry of the login index.
    pub login: LoginTag,
    /// Whether he may log in.
    pub status: UserStatus,
    /// His password, its hash under that key.
    pub password: Option<Password>,
    /// At least one role of his tenant.
    pub roles: SortedVec<RoleId>,
    /// Permissions beside those of his roles.
    pub permissions: SortedVec<PermissionId>,
}

/// Records `UserCreated`. Needs 12, or 13 and administrative access on the user's tenant; an unknown tenant and one
/// without access answer alike.
pub(super) fn create(
    view: &View<'_>,
    cause: &Cause,
    wish: &CreateUser,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[permission::CREATE_USERS])?;
    let tenant = wish.tenant.unwrap_or(principal.tenant);
    if !state.tenants.rows.has(&tenant) || !principal.administers(tenant) {
        return Err(Refusal::UnknownReference(Object::Tenant(tenant)));
    }
    may_hold(state, &principal, tenant, (&wish.roles, &wish.permissions), None, NESTED)?;
    let other_key = wish.password.as_ref().is_some_and(|password| password.hash.key_id != wish.key.id);
    if wish.name.key_id != wish.key.id || other_key {
        return Err(Refusal::Again);
    }
    if view.logins.has(&wish.login) {
        return Err(Refusal::Taken(Taken::UserName));
    }
    let id = UserId(state.log.next_id(StreamKind::USER));
    let created = UserCreated {
        name: wish.name.clone(),
        status: wish.status,
        password: wish.password.clone().map(|password| with_end(password, now)),
        roles: wish.roles.clone(),
        permissions: wish.permissions.clone(),
    };
    Ok(Decision {
        facts: vec![Fact::new(tenant, stream(id), created)],
        keys: wish.key.entries.clone(),
        logins: vec![LoginChange::Put(wish.login, id)],
    })
}

/// The user when `principal` sees him: one of a tenant that he administers. Another's user is one that does not exist.
pub fn found<'a>(view: &'a View<'_>, principal: &Principal, id: UserId) -> Result<&'a Arc<User>, Refusal> {
    let row = view.state.users.rows.get(&id).filter(|row| principal.administers(row.tenant));
    row.ok_or(Refusal::NotFound(Object::User(id)))
}

/// The user when whoever asks may change him in a way that needs `permission`: an administrator of his tenant who holds all
/// that he holds, or the operator at the machine, who could do anything to the files.
fn changeable<'a>(
    view: &'a View<'_>,
    cause: &Cause,
    permission: PermissionId,
    id: UserId,
) -> Result<&'a Arc<User>, Refusal> {
    match cause.actor {
        Actor::Operator => view.state.users.rows.get(&id).ok_or(Refusal::NotFound(Object::User(id))),
        Actor::User(_) | Actor::ClientApplication(_) | Actor::System => {
            let principal = acting(&view.state, cause.actor, cause.on_behalf_of, &[permission])?;
            let row = found(view, &principal, id)?;
            may_change_user(&view.state, &principal, id)?;
            Ok(row)
        }
    }
}

/// Roles, and permissions beside them.
type Held<'a> = (&'a SortedVec<RoleId>, &'a SortedVec<PermissionId>);

/// What they are called in the body of a user.
const NESTED: [&str; 2] = ["permissions.roles", "permissions.permissions"];

fn stream(id: UserId) -> Stream {
    Stream::new(StreamKind::USER, id.0)
}

/// Refuses unless `roles` and `permissions` can be those of a user of `tenant`, and what of them `before` did not have is
/// `principal`'s to give away. A user never loses his last role.
fn may_hold(
    state: &State<'_>,
    principal: &Principal,
    tenant: TenantId,
    (roles, permissions): Held<'_>,
    before: Option<&User>,
    fields: [&'static str; 2],
) -> Result<(), Refusal> {
    if roles.is_empty() {
        return Err(Refusal::invalid(fields[0], "name at least one role of the user's tenant"));
    }
    for role in roles.iter() {
        let row = state.roles.rows.get(role).filter(|row| row.tenant == tenant);
        let row = row.ok_or(Refusal::UnknownReference(Object::Role(*role)))?;
        if before.is_some_and(|before| before.roles.has(role)) {
            continue;
        }
        if let Some(permission) = first_not_his(principal, row.permissions.iter().copied()) {
            return Err(Refusal::NotHisToGrant(permission));
        }
    }
    let new = |permission: &PermissionId| !before.is_some_and(|before| before.permissions.has(permission));
    may_give(principal, permissions.iter().copied().filter(new), fields[1])
}

/// Locks an account after too many wrong passwords.
#[derive(Clone, Copy, Debug)]
pub struct LockUser {
    /// Whose account.
    pub user: UserId,
    /// When the lock ends by itself.
    pub until: Timestamp,
}

/// Records `UserLocked`, once per account and period: asking again while the account is locked records nothing, so that
/// nobody outside can grow the log.
pub(super) fn lock(view: &View<'_>, wish: &LockUser, now: Timestamp) -> Decision {
    let row =
        view.state.users.rows.get(&wish.user).filter(|row| row.locked_at(now).is_none() && wish.until > now);
    let facts = row.map(|row| Fact::new(row.tenant, stream(wish.user), UserLocked { until: wish.until }));
    Decision { facts: facts.into_iter().collect(), ..Decision::default() }
}

/// Ends the lock of an account before its time.
#[derive(Clone, Copy, Debug)]
pub struct UnlockUser {
    /// Whose account.
    pub user: UserId,
}

/// Records `UserUnlocked`, and nothing for an account that is not locked. Needs 12, or 15 and administrative access on the
/// user's tenant, or an operator at the machine.
pub(super) fn unlock(
    view: &View<'_>,
    cause: &Cause,
    wish: UnlockUser,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let row = changeable(view, cause, permission::MODIFY_USERS, wish.user)?;
    let locked = row.locked_at(now).map(|_| Fact::new(row.tenant, stream(wish.user), UserUnlocked {}));
    Ok(Decision { facts: locked.into_iter().collect(), ..Decision::default() })
}
