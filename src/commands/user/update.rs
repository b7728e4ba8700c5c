//! Users replaced by a PUT, whole or in part (hdp-api 6.4).

use events::{
    data_source::DataSourceUnshared,
    envelope::{Stream, StreamKind},
    event::Event,
    id::{
        ClientApplicationId, DataSourceId, OAuthProfileId, PermissionId, RoleId, SYSTEM_TENANT, Sequence,
        TenantId, UserId,
    },
    sealed::Sealed,
    sorted::SortedVec,
    time::Timestamp,
    user::{UserMoved, UserRolesSet, UserStatus, UserStatusSet, UserUnlocked, UserUpdated},
};
use projections::{State, data_sources::Filter, users::User};

use super::{
    Held, NESTED,
    access::{lost, may_live_and_administer},
    changeable, found, may_hold,
    password::{self, PasswordChange, by_another},
    stream,
};
use crate::{
    auth::{
        permission::{ADMINISTRATOR, MODIFY_USERS},
        principal::Principal,
    },
    commands::{
        Cause, Decision, Fact, LoginChange, Object, Refusal, Taken, View, acting,
        administrators::{Losing, one_stays},
        grant::revoke::revoked,
        granting::may_change_user,
        oauth_profile::no_more_than_one_command,
        sealed_under, unchanged_since,
    },
    vault::login::LoginTag,
};

/// HDP writes times to the second: two that differ by less are the same to who sent one back.
const SECOND_MICROS: i64 = 1_000_000;

/// A user replaced by a PUT.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// Which.
    pub user: UserId,
    /// From `If-Match`: the event that last changed him must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// His name under his key.
    pub name: Sealed,
    /// His entry of the login index so far.
    pub login_before: LoginTag,
    /// His entry of the login index by this name.
    pub login: LoginTag,
    /// Where he lives; `None` for where he lives already.
    pub tenant: Option<TenantId>,
    /// Whether he may log in.
    pub status: UserStatus,
    /// As sent; see [`SetUserStatus`].
    pub locked: Option<bool>,
    /// `None` keeps his password and what is said about it.
    pub password: Option<PasswordChange>,
    /// At least one role of his tenant.
    pub roles: SortedVec<RoleId>,
    /// Permissions beside those of his roles.
    pub permissions: SortedVec<PermissionId>,
}

/// Always records `UserUpdated`, and beside it what else changed. Needs 12, or 15 and administrative access on the user's
/// tenant, and on the new one when he moves.
pub(in crate::commands) fn update(
    view: &View<'_>,
    cause: &Cause,
    wish: &UpdateUser,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[MODIFY_USERS])?;
    let row = found(view, &principal, wish.user)?;
    may_change_user(state, &principal, wish.user)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let tenant = wish.tenant.unwrap_or(row.tenant);
    if tenant != row.tenant && (!state.tenants.rows.has(&tenant) || !principal.administers(tenant)) {
        return Err(Refusal::UnknownReference(Object::Tenant(tenant)));
    }
    let held_after = (&wish.roles, &wish.permissions);
    not_his_own(&principal, wish.user, row, held_after)?;
    may_hold(state, &principal, tenant, held_after, Some(row), NESTED)?;
    sealed_under(row.key_id(), [&wish.name])?;
    let logins = renamed(view, wish)?;
    let unlocked = ends_lock(row, wish.locked, "statusInfo.accountLocked", now)?;
    let password = match &wish.password {
        None => None,
        Some(change) if is_so(row, change) => None,
        Some(change) => {
            password::not_his_own(&principal, wish.user)?;
            Some(by_another(row, change, "passwordInfo.password", now)?)
        }
    };
    let can_log_in = wish.status == UserStatus::Active && (row.password.is_some() || password.is_some());
    one_administrator_stays(state, wish.user, row, can_log_in && holds_12(state, held_after))?;

    let at = |event: Event| Fact::new(tenant, stream(wish.user), event);
    let mut facts = vec![Fact::new(row.tenant, stream(wish.user), UserUpdated { name: wish.name.clone() })];
    if tenant != row.tenant {
        moves(state, wish.user, row.tenant, tenant, &mut facts)?;
        facts.push(at(UserMoved { from: row.tenant }.into()));
    }
    if wish.status != row.status {
        facts.push(at(UserStatusSet { status: wish.status }.into()));
    }
    facts.extend(unlocked.then(|| at(UserUnlocked {}.into())));
    facts.extend(password.map(|password| at(password.into())));
    if (held_after.0, held_after.1) != (&row.roles, &row.permissions) {
        facts.push(at(roles_set(held_after).into()));
    }
    Ok(Decision { facts: no_more_than_one_command(facts)?, logins, ..Decision::default() })
}

/// The login entry of a new name takes the place of the old one; a name differs from another by more than its case.
fn renamed(view: &View<'_>, wish: &UpdateUser) -> Result<Vec<LoginChange>, Refusal> {
    // The old name was opened before the writer's turn came; it may have changed since.
    if view.logins.get(&wish.login_before) != Some(&wish.user) {
        return Err(Refusal::Again);
    }
    if wish.login == wish.login_before {
        return Ok(Vec::new());
    }
    if view.logins.has(&wish.login) {
        return Err(Refusal::Taken(Taken::UserName));
    }
    Ok(vec![LoginChange::Remove(wish.login_before), LoginChange::Put(wish.login, wish.user)])
}

/// Whether what is said about a password is so already.
fn is_so(row: &User, change: &PasswordChange) -> bool {
    let secs = |time: Option<Timestamp>| time.map(|time| time.0.div_euclid(SECOND_MICROS));
    change.hash.is_none()
        && row.password.as_ref().is_some_and(|password| {
            password.status == change.status && secs(password.expires_at) == secs(change.expires_at)
        })
}

/// Who moves leaves nothing behind that is his, and takes no access along that the new place does not allow: he must own
/// nothing, what he allowed client applications ends, he administers only what its users may, and a data source that is shared with him stays so where its owner
/// administers the new tenant (hdp-api 4.5), unless all its users have it anyway.
fn moves(
    state: &State<'_>,
    user: UserId,
    from: TenantId,
    to: TenantId,
    facts: &mut Vec<Fact>,
) -> Result<(), Refusal> {
    let all = Filter::default();
    let owns = state.data_sources.of_owner(user, all, DataSourceId(0)).next().is_some()
        || state.oauth_profiles.of_owner(user, OAuthProfileId(0)).next().is_some()
        || state.client_applications.of_owner(user, ClientApplicationId(0)).next().is_some();
    if owns {
        return Err(Refusal::InUse("the user owns data sources, OAuth profiles or client applications"));
    }
    let grants = state.grants.of_user(user, ClientApplicationId(0));
    facts.extend(grants.filter_map(|(_, grant)| Some(revoked(grant, state.grants.rows.get(&grant)?))));
    let administered = state.tenants.administered_by(user);
    let ends = |tenant: &TenantId| {
        !may_live_and_administer(to, *tenant) || (*tenant == from && from != SYSTEM_TENANT)
    };
    facts.extend(administered.filter(ends).map(|tenant| lost(tenant, user)));
    for source in state.data_sources.shared_with_user(user, all, DataSourceId(0)) {
        let Some(row) = state.data_sources.rows.get(&source) else { continue };
        let owner_administers = Principal::of(state, row.owner).is_some_and(|owner| owner.administers(to));
        let with_tenant = state.data_sources.shared_tenants.has(&(source, to));
        if !owner_administers || with_tenant {
            facts.push(unshared(source, row.tenant, user));
        }
    }
    Ok(())
}

/// That a data source of an owner in `tenant` is shared with `user` no more.
pub(super) fn unshared(source: DataSourceId, tenant: TenantId, user: UserId) -> Fact {
    let unshared = DataSourceUnshared { users: [user].into_iter().collect(), tenants: SortedVec::default() };
    Fact::new(tenant, Stream::new(StreamKind::DATA_SOURCE, source.0), unshared)
}

/// Nobody changes what he may do himself (hdp-api 6.1, 9.23); to repeat what is so is no change.
fn not_his_own(principal: &Principal, user: UserId, row: &User, held_after: Held<'_>) -> Result<(), Refusal> {
    let same = (&row.roles, &row.permissions) == held_after;
    if principal.user == user && !same { Err(Refusal::Forbidden) } else { Ok(()) }
}

fn roles_set((roles, permissions): Held<'_>) -> UserRolesSet {
    UserRolesSet { roles: roles.clone(), permissions: permissions.clone() }
}

fn holds_12(state: &State<'_>, (roles, permissions): Held<'_>) -> bool {
    permissions.has(&ADMINISTRATOR) || roles.iter().any(|role| state.roles.with_administrator.has(role))
}

/// Refuses when an active holder of 12 would be none any more, and nobody else is one.
pub(super) fn one_administrator_stays(
    state: &State<'_>,
    user: UserId,
    row: &User,
    is_one_after: bool,
) -> Result<(), Refusal> {
    let is_one = row.can_log_in() && holds_12(state, (&row.roles, &row.permissions));
    if is_one && !is_one_after { one_stays(state, Losing::User(user)) } else { Ok(()) }
}

/// Whether a lock is to be ended. Wrong passwords alone lock an account; `true` only repeats that it is locked.
fn ends_lock(row: &User, locked: Option<bool>, field: &'static str, now: Timestamp) -> Result<bool, Refusal> {
    let is_locked = row.locked_at(now).is_some();
    match locked {
        Some(true) if !is_locked => {
            Err(Refusal::invalid(field, "an account is locked by wrong passwords only; use status 0"))
        }
        Some(true) | None => Ok(false),
        Some(false) => Ok(is_locked),
    }
}

/// Whether a user may log in, replaced by a PUT.
#[derive(Clone, Debug)]
pub struct SetUserStatus {
    /// Whose.
    pub user: UserId,
    /// As in [`UpdateUser`].
    pub expected: Option<Vec<Sequence>>,
    /// From now on.
    pub status: UserStatus,
    /// `false` ends a lock, `true` only repeats that there is one, `None` leaves it as it is.
    pub locked: Option<bool>,
}

/// Always records `UserStatusSet`, and `UserUnlocked` when that ends a lock. Needs 12, or 15 and administrative access on the
/// user's tenant.
pub(in crate::commands) fn set_status(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetUserStatus,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let row = changeable(view, cause, MODIFY_USERS, wish.user)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let unlocked = ends_lock(row, wish.locked, "accountLocked", now)?;
    let stays = wish.status == UserStatus::Active;
    one_administrator_stays(&view.state, wish.user, row, stays)?;
    let mut facts = vec![Fact::new(row.tenant, stream(wish.user), UserStatusSet { status: wish.status })];
    facts.extend(unlocked.then(|| Fact::new(row.tenant, stream(wish.user), UserUnlocked {})));
    Ok(Decision { facts, ..Decision::default() })
}

/// What a user may do, replaced by a PUT.
#[derive(Clone, Debug)]
pub struct SetUserPermissions {
    /// Whose.
    pub user: UserId,
    /// As in [`UpdateUser`].
    pub expected: Option<Vec<Sequence>>,
    /// At least one role of his tenant.
    pub roles: SortedVec<RoleId>,
    /// Permissions beside those of his roles.
    pub permissions: SortedVec<PermissionId>,
}

/// Always records `UserRolesSet`. Needs 12, or 15 and administrative access on the user's tenant; nobody changes his own.
pub(in crate::commands) fn set_permissions(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetUserPermissions,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[MODIFY_USERS])?;
    let row = found(view, &principal, wish.user)?;
    may_change_user(state, &principal, wish.user)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let held_after = (&wish.roles, &wish.permissions);
    not_his_own(&principal, wish.user, row, held_after)?;
    may_hold(state, &principal, row.tenant, held_after, Some(row), ["roles", "permissions"])?;
    one_administrator_stays(state, wish.user, row, holds_12(state, held_after))?;
    let fact = Fact::new(row.tenant, stream(wish.user), roles_set(held_after));
    Ok(Decision { facts: vec![fact], ..Decision::default() })
}
