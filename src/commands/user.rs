//! Users (hdp-api 6.4, 9.23, 9.25).

use events::{
    envelope::{Stream, StreamKind},
    id::{PermissionId, RoleId, TenantId, UserId},
    sealed::Sealed,
    sorted::SortedVec,
    time::Timestamp,
    user::{Password, PasswordStatus, UserCreated, UserLocked, UserStatus},
};

use super::{
    Cause, Decision, Fact, LoginChange, NewKey, Object, Refusal, Taken, View, acting,
    granting::{first_not_his, may_give},
};
use crate::{
    auth::{password::TEMPORARY_LIFETIME_SECS, permission},
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
    if wish.roles.is_empty() {
        return Err(Refusal::invalid("permissions.roles", "name at least one role of the user's tenant"));
    }
    for role in wish.roles.iter() {
        let row = state.roles.rows.get(role).filter(|row| row.tenant == tenant);
        let row = row.ok_or(Refusal::UnknownReference(Object::Role(*role)))?;
        if let Some(permission) = first_not_his(&principal, row.permissions.iter().copied()) {
            return Err(Refusal::NotHisToGrant(permission));
        }
    }
    may_give(&principal, wish.permissions.iter().copied(), "permissions.permissions")?;
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
        facts: vec![Fact::new(tenant, Stream::new(StreamKind::USER, id.0), created)],
        keys: wish.key.entries.clone(),
        logins: vec![LoginChange::Put(wish.login, id)],
    })
}

/// A temporary password is dead after seven days (hdp-api 9.25), earlier when its setter says so.
fn with_end(password: Password, now: Timestamp) -> Password {
    let expires_at = match password.status {
        PasswordStatus::Active => password.expires_at,
        PasswordStatus::MustChange => {
            let end = now.saturating_add_secs(TEMPORARY_LIFETIME_SECS);
            Some(password.expires_at.map_or(end, |given| given.min(end)))
        }
    };
    Password { expires_at, ..password }
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
    let facts = row.map(|row| {
        let stream = Stream::new(StreamKind::USER, wish.user.0);
        Fact::new(row.tenant, stream, UserLocked { until: wish.until })
    });
    Decision { facts: facts.into_iter().collect(), ..Decision::default() }
}
