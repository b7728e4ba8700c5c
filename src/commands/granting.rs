//! Who may give away what (hdp-api 9.23), for every way of giving: to a user, by a role, by membership, by import.

use events::id::{PermissionId, UserId};
use projections::State;

use super::Refusal;
use crate::auth::{permission::by_id, principal::Principal};

/// The first of `permissions` that `principal` may not give away.
pub fn first_not_his(
    principal: &Principal,
    permissions: impl IntoIterator<Item = PermissionId>,
) -> Option<PermissionId> {
    permissions.into_iter().find(|permission| !principal.may_grant(*permission))
}

/// Refuses unless each of `permissions` exists and is `principal`'s to give away. `field` is the property that names them.
pub fn may_give(
    principal: &Principal,
    permissions: impl IntoIterator<Item = PermissionId> + Clone,
    field: &'static str,
) -> Result<(), Refusal> {
    if let Some(unknown) = permissions.clone().into_iter().find(|id| by_id(*id).is_none()) {
        return Err(Refusal::invalid(field, format!("there is no permission {unknown}")));
    }
    match first_not_his(principal, permissions) {
        Some(permission) => Err(Refusal::NotHisToGrant(permission)),
        None => Ok(()),
    }
}

/// Refuses when `user` holds a permission that `principal` does not: who could reset the password of somebody who may do more
/// could do more himself.
pub fn may_change_user(state: &State<'_>, principal: &Principal, user: UserId) -> Result<(), Refusal> {
    match Principal::of(state, user) {
        Some(target) if !principal.holds_all_of(&target) => Err(Refusal::Forbidden),
        _ => Ok(()),
    }
}
