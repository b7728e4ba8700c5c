//! Who may give away what (hdp-api 9.23), for every way of giving: to a user, by a role, by membership, by import.

use events::id::{ClientApplicationId, PermissionId, UserId};
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

/// Refuses when `user` may do more than `principal`: holds a permission that he does not, or administers a tenant that he does
/// not. Who could reset the password of such a one could do as much himself.
pub fn may_change_user(state: &State<'_>, principal: &Principal, user: UserId) -> Result<(), Refusal> {
    may_give_access(state, principal, user)?;
    let elsewhere = state.tenants.administered_by(user).any(|tenant| !principal.administers(tenant));
    if elsewhere || lends_rights(state, principal, user) { Err(Refusal::Forbidden) } else { Ok(()) }
}

/// Whether an application of `user` has the rights of somebody whom `principal` may not change either: they would come with the
/// password of its owner, who sees its secret. 12 gave them, and 12 alone takes care of them. He himself has them already.
fn lends_rights(state: &State<'_>, principal: &Principal, user: UserId) -> bool {
    let clients = &state.client_applications;
    let himself = principal.user == user && !principal.acts_for_another;
    !himself
        && !principal.is_administrator()
        && clients
            .of_owner(user, ClientApplicationId(0))
            .any(|id| clients.rows.get(&id).is_some_and(|row| row.policy.run_as.is_some()))
}

/// Refuses when `user` holds a permission that `principal` does not: he gets no access on a tenant from him, and loses none. What
/// else he administers does not matter here, for it is neither given nor reached.
pub fn may_give_access(state: &State<'_>, principal: &Principal, user: UserId) -> Result<(), Refusal> {
    match Principal::of(state, user) {
        Some(target) if !principal.holds_all_of(&target) => Err(Refusal::Forbidden),
        _ => Ok(()),
    }
}
