//! Passwords of users: set by somebody else, or changed by their holders (hdp-api 6.6, 9.25).

use events::{
    envelope::Actor,
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
        principal::Principal,
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
    if cause.actor != Actor::Operator {
        not_his_own(&acting(&view.state, cause.actor, cause.on_behalf_of, &[MODIFY_USERS])?, wish.user)?;
    }
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
    let expires_at = match (&change.hash, &row.password) {
        (None, None) => return Err(Refusal::invalid(field, "this user has no password yet: send one")),
        // A temporary one was judged by its length alone, and dies when it was to die (hdp-api 9.25).
        (None, Some(before)) if before.status == PasswordStatus::MustChange => {
            if change.status == PasswordStatus::Active {
                let rule = "a temporary password does not become a lasting one: send one, or let its holder change it";
                return Err(Refusal::invalid(field, rule));
            }
            match (before.expires_at, change.expires_at) {
                (Some(before), Some(given)) => Some(before.min(given)),
                (before, given) => before.or(given),
            }
        }
        (Some(_), _) | (None, Some(_)) => end(change.status, change.expires_at, now),
    };
    let status = change.status;
    Ok(UserPasswordSet {
        hash: change.hash.clone(),
        status,
        expires_at,
        setter: PasswordSetter::Other,
        ends_all_tokens: change.hash.is_some(),
    })
}

/// His own password is changed by [`change`], which asks for the one before and keeps to the policy; only 12 goes around that.
pub(super) fn not_his_own(principal: &Principal, user: UserId) -> Result<(), Refusal> {
    if principal.user == user && !principal.is_administrator() { Err(Refusal::Forbidden) } else { Ok(()) }
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
    /// Whether all his tokens end with the old one, and not only those that were given for it.
    pub ends_all_tokens: bool,
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
        ends_all_tokens: wish.ends_all_tokens,
    };
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream(holder), set)], ..Decision::default() })
}
