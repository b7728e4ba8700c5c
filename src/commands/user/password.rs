//! Passwords of users: set by somebody else, or changed by their holders (hdp-api 6.6, 9.25).

use events::{
    id::{Sequence, UserId},
    sealed::Sealed,
    time::Timestamp,
    user::{Password, PasswordSetter, PasswordStatus, UserPasswordSet},
};
use projections::users::User;

use super::{changeable, stream};
use crate::{
    auth::{
        password::{PasswordRules, TEMPORARY_LIFETIME_SECS},
        permission::{CHANGE_PASSWORD, MODIFY_USERS},
    },
    commands::{Cause, Decision, Fact, Object, Refusal, View, acting, sealed_under, unchanged_since},
    config::PasswordPolicy,
};

/// What becomes of a password, or of what is said about it.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The new one's hash under the user's key; `None` keeps the one before.
    pub hash: Option<Sealed>,
    /// Whether it must be changed first.
    pub status: PasswordStatus,
    /// When it stops being accepted; a temporary one ends after seven days at the latest.
    pub expires_at: Option<Timestamp>,
}

/// A password set by somebody else.
#[derive(Clone, Debug)]
pub struct SetUserPassword {
    /// Whose.
    pub user: UserId,
    /// From `If-Match`: the event that last changed him must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// What becomes of it.
    pub change: PasswordChange,
}

/// Always records `UserPasswordSet`. Needs 12, or 15 and administrative access on the user's tenant, or an operator at the
/// machine. A user without a password can't get only what is said about one.
pub(in crate::commands) fn set(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetUserPassword,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let row = changeable(view, cause, MODIFY_USERS, wish.user)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let set = by_another(row, &wish.change, "password", now)?;
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream(wish.user), set)], ..Decision::default() })
}

/// The event by which somebody else sets the password of `row`; `field` is the property that names a new one.
pub(super) fn by_another(
    row: &User,
    change: &PasswordChange,
    field: &'static str,
    now: Timestamp,
) -> Result<UserPasswordSet, Refusal> {
    sealed_under(row.key_id(), &change.hash)?;
    if change.hash.is_none() && row.password.is_none() {
        return Err(Refusal::invalid(field, "this user has no password yet: send one"));
    }
    let (status, expires_at) = (change.status, end(change.status, change.expires_at, now));
    Ok(UserPasswordSet { hash: change.hash.clone(), status, expires_at, setter: PasswordSetter::Other })
}

/// A new password with its end.
pub(super) fn with_end(password: Password, now: Timestamp) -> Password {
    Password { expires_at: end(password.status, password.expires_at, now), ..password }
}

/// A temporary password is dead after seven days (hdp-api 9.25), earlier when its setter says so.
fn end(status: PasswordStatus, given: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    match status {
        PasswordStatus::Active => given,
        PasswordStatus::MustChange => {
            let end = now.saturating_add_secs(TEMPORARY_LIFETIME_SECS);
            Some(given.map_or(end, |given| given.min(end)))
        }
    }
}

/// A password changed by its holder.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The hash of the one that he proved to know.
    pub before: Sealed,
    /// The new one's hash under his key.
    pub hash: Sealed,
}

/// Records `UserPasswordSet`. Needs 12 or 9, in the own name. It ends when the custom password policy says so, while that one
/// is in force.
pub(in crate::commands) fn change(
    view: &View<'_>,
    cause: &Cause,
    wish: &ChangePassword,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let holder = acting(state, cause.actor, None, &[CHANGE_PASSWORD])?.user;
    let row = state.users.rows.get(&holder).ok_or(Refusal::NotFound(Object::User(holder)))?;
    // Whoever proved to know the password before that one must not replace what another has set since.
    if row.password.as_ref().map(|password| &password.hash) != Some(&wish.before) {
        return Err(Refusal::Again);
    }
    sealed_under(row.key_id(), [&wish.hash])?;
    let set = UserPasswordSet {
        hash: Some(wish.hash.clone()),
        status: PasswordStatus::Active,
        expires_at: PasswordRules::of(state, PasswordPolicy::Default).expires_at(now),
        setter: PasswordSetter::Holder,
    };
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream(holder), set)], ..Decision::default() })
}
