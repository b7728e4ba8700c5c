//! Which tenants a user administers (hdp-api 6.3): access on a tenant, beside permissions.

use std::collections::BTreeSet;

use events::{
    envelope::{Stream, StreamKind},
    id::{PermissionId, SYSTEM_TENANT, TenantId, UserId},
    sorted::SortedVec,
    tenant::TenantAdministratorsChanged,
};

use super::found;
use crate::{
    auth::permission::{MODIFY_USERS, TENANT_API},
    commands::{
        Cause, Decision, Fact, Object, Refusal, View, acting, granting::may_give_access,
        oauth_profile::no_more_than_one_command,
    },
};

/// What changing it needs.
pub const PERMISSIONS: [PermissionId; 2] = [TENANT_API, MODIFY_USERS];

/// The tenants that a user administers replaced by a PUT.
#[derive(Clone, Debug)]
pub struct SetTenantsAdministered {
    /// Who.
    pub user: UserId,
    /// All of them, as far as the caller administers them: what he does not see stays.
    pub tenants: SortedVec<TenantId>,
}

/// Records `TenantAdministratorsChanged` for each tenant that is won or lost. Needs 12, or 25 and 15 and administrative access
/// on the user's tenant and on each that is named; one without access answers like one that does not exist.
pub(in crate::commands) fn set(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetTenantsAdministered,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    let row = found(view, &principal, wish.user)?;
    may_give_access(state, &principal, wish.user)?;
    for tenant in wish.tenants.iter() {
        if !state.tenants.rows.has(tenant) || !principal.administers(*tenant) {
            return Err(Refusal::UnknownReference(Object::Tenant(*tenant)));
        }
        if !may_live_and_administer(row.tenant, *tenant) {
            return Err(Refusal::invalid(
                "tenantsAdministered",
                "a user of a child tenant can administer his own tenant only",
            ));
        }
    }
    let before = state.tenants.administered_by(wish.user).filter(|tenant| principal.administers(*tenant));
    let before: BTreeSet<TenantId> = before.collect();
    let lost =
        before.iter().filter(|tenant| !wish.tenants.has(tenant)).map(|tenant| lost(*tenant, wish.user));
    let won = wish.tenants.iter().filter(|tenant| !before.contains(tenant)).map(|tenant| {
        changed(
            *tenant,
            TenantAdministratorsChanged {
                added: [wish.user].into_iter().collect(),
                removed: SortedVec::default(),
            },
        )
    });
    let facts = lost.chain(won).collect();
    Ok(Decision { facts: no_more_than_one_command(facts)?, ..Decision::default() })
}

/// Whether who lives in `home` may administer `tenant`: from the system tenant any, from a child tenant that one alone.
pub(super) fn may_live_and_administer(home: TenantId, tenant: TenantId) -> bool {
    home == SYSTEM_TENANT || home == tenant
}

/// That `user` administers `tenant` no more.
pub(super) fn lost(tenant: TenantId, user: UserId) -> Fact {
    changed(
        tenant,
        TenantAdministratorsChanged { added: SortedVec::default(), removed: [user].into_iter().collect() },
    )
}

fn changed(tenant: TenantId, change: TenantAdministratorsChanged) -> Fact {
    Fact::new(tenant, Stream::new(StreamKind::TENANT, tenant.0), change)
}
