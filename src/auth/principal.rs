//! Who is asking, and what he may do: pure rules over what the projections say of him.
//!
//! Two things are asked of most administrators: the permission of the operation, and administrative access on the tenant it
//! touches (hdp-api 6.3). Permission 12 replaces both.

use std::collections::BTreeSet;

use events::id::{PermissionId, SYSTEM_TENANT, TenantId, UserId};
use projections::State;

use super::permission::{self, PermissionSet};

/// A user with what he holds at this moment.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Who.
    pub user: UserId,
    /// Where he lives.
    pub tenant: TenantId,
    /// Whether the permissions are those of an administrator who acts for him.
    pub acts_for_another: bool,
    /// Whether a client application asks for him, by a token that he allowed: it is shown no secret, and sends none elsewhere.
    pub through_client: bool,
    permissions: PermissionSet,
    administers: BTreeSet<TenantId>,
}

impl Principal {
    /// What `state` says of `user`; `None` when there is no such user.
    pub fn of(state: &State<'_>, user: UserId) -> Option<Self> {
        Self::without_access(state, user).map(|principal| principal.with_access(state))
    }

    /// The same of who asks. When he holds 12, which is access on every tenant, it is not looked up on which he has it by name:
    /// who makes the tenants of a large system has it on each of them, and would pay for that with every request.
    pub fn of_actor(state: &State<'_>, user: UserId) -> Option<Self> {
        let principal = Self::without_access(state, user)?;
        Some(if principal.is_administrator() { principal } else { principal.with_access(state) })
    }

    fn without_access(state: &State<'_>, user: UserId) -> Option<Self> {
        let row = state.users.rows.get(&user)?;
        let of_roles = row
            .roles
            .iter()
            .filter_map(|role| state.roles.rows.get(role))
            .flat_map(|role| role.permissions.iter().copied());
        let permissions = of_roles.chain(row.permissions.iter().copied()).collect();
        Some(Self {
            user,
            tenant: row.tenant,
            acts_for_another: false,
            through_client: false,
            permissions,
            administers: BTreeSet::new(),
        })
    }

    fn with_access(self, state: &State<'_>) -> Self {
        Self { administers: state.tenants.administered_by(self.user).collect(), ..self }
    }

    /// A principal from plain sets, for tables of rules in tests.
    pub fn new(
        user: UserId,
        tenant: TenantId,
        permissions: impl IntoIterator<Item = PermissionId>,
        administers: impl IntoIterator<Item = TenantId>,
    ) -> Self {
        Self {
            user,
            tenant,
            acts_for_another: false,
            through_client: false,
            permissions: permissions.into_iter().collect(),
            administers: administers.into_iter().collect(),
        }
    }

    /// Whether he holds 12, which replaces every other permission and access.
    pub fn is_administrator(&self) -> bool {
        self.permissions.has(permission::ADMINISTRATOR)
    }

    /// The permissions he holds, by roles and directly, in the order of their ids.
    pub fn held(&self) -> impl Iterator<Item = PermissionId> + '_ {
        let all = permission::CATALOGUE.iter().map(|row| row.id);
        all.filter(|permission| self.permissions.has(*permission))
    }

    /// Whether he may do what `permission` stands for, by it or by 12.
    pub fn may(&self, permission: PermissionId) -> bool {
        self.is_administrator() || self.permissions.has(permission)
    }

    /// Whether he has administrative access on `tenant`, or holds 12.
    pub fn administers(&self, tenant: TenantId) -> bool {
        self.is_administrator() || self.administers.contains(&tenant)
    }

    /// The tenants he has administrative access on by name, not by 12; of an actor who holds 12 none may be known.
    pub fn administered(&self) -> impl Iterator<Item = TenantId> + '_ {
        self.administers.iter().copied()
    }

    /// Whether he may create, read, change and delete OAuth applications of `tenant` (hdp-api 2.5, brief page 003).
    /// Living in the system tenant counts as access to its applications; a child tenant's user stays in his own.
    pub fn may_administer_oauth_apps_of(&self, tenant: TenantId) -> bool {
        if self.is_administrator() {
            return true;
        }
        let in_range = if self.tenant == SYSTEM_TENANT {
            tenant == SYSTEM_TENANT || self.administers.contains(&tenant)
        } else {
            tenant == self.tenant
        };
        in_range && self.permissions.has(permission::MGMT_API) && self.permissions.has(permission::OAUTH)
    }

    /// Whether his data sources can use OAuth applications of `tenant` (hdp-api 2.5, "Use").
    pub fn may_use_oauth_apps_of(&self, tenant: TenantId) -> bool {
        tenant == SYSTEM_TENANT || tenant == self.tenant
    }

    /// Whether OAuth applications of `tenant` are in his list (hdp-api 9.17).
    pub fn sees_oauth_apps_of(&self, tenant: TenantId) -> bool {
        self.may_use_oauth_apps_of(tenant) || self.may_administer_oauth_apps_of(tenant)
    }

    /// The one tenant whose history he may read as an auditor; `None` for who lives in the system tenant and may read
    /// everybody's. In a child tenant not even 12 goes further (hdp-api 9.22).
    pub fn audits_only(&self) -> Option<TenantId> {
        (self.tenant != SYSTEM_TENANT).then_some(self.tenant)
    }

    /// Whether he may read the history of what belongs to `tenant`.
    pub fn audits(&self, tenant: TenantId) -> bool {
        self.may(permission::AUDIT) && self.audits_only().is_none_or(|own| own == tenant)
    }

    /// Whether he may grant `permission` to another user (hdp-api 9.23).
    pub fn may_grant(&self, permission: PermissionId) -> bool {
        self.is_administrator()
            || self.permissions.has(permission) && !permission::only_administrators_grant(permission)
    }

    /// Whether he may do everything that `other` may.
    pub fn holds_all_of(&self, other: &Self) -> bool {
        self.is_administrator() || other.held().all(|permission| self.permissions.has(permission))
    }

    /// He, acting for `other` by `?user=` (hdp-api 1.7): `None` when the conditions (a) to (c) are not met. What results
    /// lives where the other lives, holds what the administrator holds, and administers what both do.
    pub fn on_behalf_of(&self, other: &Self) -> Option<Self> {
        let allowed = self.is_administrator()
            || (self.tenant == SYSTEM_TENANT || self.tenant == other.tenant)
                && self.administers.contains(&other.tenant)
                && self.permissions.has(permission::ON_BEHALF_OF);
        let administers =
            other.administers.iter().copied().filter(|tenant| self.administers(*tenant)).collect();
        allowed.then_some(Self {
            user: other.user,
            tenant: other.tenant,
            // Who names himself is no other, and what binds him still does.
            acts_for_another: self.user != other.user,
            through_client: self.through_client,
            permissions: self.permissions,
            administers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::permission::{ADMINISTRATOR, AUDIT, MGMT_API, OAUTH, ON_BEHALF_OF, VIEW_DATA_SOURCE};

    const OWN: TenantId = TenantId(2);
    const OTHER: TenantId = TenantId(3);

    fn principal(tenant: TenantId, permissions: &[PermissionId], administers: &[TenantId]) -> Principal {
        Principal::new(UserId(9), tenant, permissions.iter().copied(), administers.iter().copied())
    }

    #[test]
    fn oauth_apps_are_administered_as_page_003_says() {
        let both = &[MGMT_API, OAUTH][..];
        // (who, may he in: system tenant, own child tenant 2, other child tenant 3)
        let table = [
            (principal(SYSTEM_TENANT, &[ADMINISTRATOR], &[]), [true, true, true]),
            (principal(OWN, &[ADMINISTRATOR], &[]), [true, true, true]),
            (principal(SYSTEM_TENANT, both, &[]), [true, false, false]),
            (principal(SYSTEM_TENANT, both, &[OWN]), [true, true, false]),
            (principal(OWN, both, &[]), [false, true, false]),
            (principal(OWN, both, &[OWN, OTHER]), [false, true, false]),
            (principal(SYSTEM_TENANT, &[OAUTH], &[OWN]), [false, false, false]),
            (principal(SYSTEM_TENANT, &[MGMT_API], &[OWN]), [false, false, false]),
            (principal(OWN, &[], &[OWN]), [false, false, false]),
        ];
        for (row, (principal, expected)) in table.iter().enumerate() {
            let actual =
                [SYSTEM_TENANT, OWN, OTHER].map(|tenant| principal.may_administer_oauth_apps_of(tenant));
            assert_eq!(actual, *expected, "row {row}");
        }
    }

    #[test]
    fn history_is_read_by_auditors_of_their_own_tenant_or_of_the_system() {
        let table = [
            (principal(SYSTEM_TENANT, &[AUDIT], &[]), [true, true, true]),
            (principal(SYSTEM_TENANT, &[ADMINISTRATOR], &[]), [true, true, true]),
            (principal(OWN, &[AUDIT], &[OTHER]), [false, true, false]),
            (principal(OWN, &[ADMINISTRATOR], &[]), [false, true, false]),
            (principal(SYSTEM_TENANT, &[MGMT_API, OAUTH], &[OWN]), [false, false, false]),
        ];
        for (row, (principal, expected)) in table.iter().enumerate() {
            let actual = [SYSTEM_TENANT, OWN, OTHER].map(|tenant| principal.audits(tenant));
            assert_eq!(actual, *expected, "row {row}");
        }
    }

    #[test]
    fn acting_for_another_needs_every_condition() {
        let user = principal(OWN, &[], &[]);
        let all = &[MGMT_API, ON_BEHALF_OF][..];
        assert!(principal(SYSTEM_TENANT, all, &[OWN]).on_behalf_of(&user).is_some());
        assert!(principal(OWN, all, &[OWN]).on_behalf_of(&user).is_some());
        assert!(
            principal(OTHER, all, &[OWN]).on_behalf_of(&user).is_none(),
            "(a) lives in a foreign child tenant"
        );
        assert!(
            principal(SYSTEM_TENANT, all, &[]).on_behalf_of(&user).is_none(),
            "(b) no administrative access"
        );
        assert!(
            principal(SYSTEM_TENANT, &[MGMT_API], &[OWN]).on_behalf_of(&user).is_none(),
            "(c) no OnBehalfOf"
        );
        assert!(
            principal(OTHER, &[ADMINISTRATOR], &[]).on_behalf_of(&user).is_some(),
            "12 needs nothing else"
        );
    }

    #[test]
    fn acting_for_another_never_widens_his_tenants() {
        let user = principal(SYSTEM_TENANT, &[], &[OWN, OTHER]);
        let administrator = principal(SYSTEM_TENANT, &[MGMT_API, OAUTH, ON_BEHALF_OF], &[SYSTEM_TENANT, OWN]);
        let acting = administrator.on_behalf_of(&user).expect("all conditions hold");
        assert!(acting.may_administer_oauth_apps_of(OWN));
        assert!(!acting.may_administer_oauth_apps_of(OTHER), "the administrator has no access there");
    }

    #[test]
    fn who_holds_more_is_told_from_who_holds_as_much() {
        let administrator = principal(OWN, &[ADMINISTRATOR], &[]);
        let (less, more) = (principal(OWN, &[MGMT_API], &[]), principal(OTHER, &[MGMT_API, OAUTH], &[OWN]));
        assert!(administrator.holds_all_of(&more) && more.holds_all_of(&less) && less.holds_all_of(&less));
        assert!(!less.holds_all_of(&more) && !more.holds_all_of(&administrator));
    }

    #[test]
    fn nobody_grants_what_he_does_not_hold() {
        assert!(principal(OWN, &[VIEW_DATA_SOURCE], &[]).may_grant(VIEW_DATA_SOURCE));
        assert!(!principal(OWN, &[], &[]).may_grant(VIEW_DATA_SOURCE));
        assert!(!principal(OWN, &[OAUTH], &[]).may_grant(OAUTH), "22-29 are an administrator's to grant");
        assert!(principal(OWN, &[ADMINISTRATOR], &[]).may_grant(OAUTH));
    }
}
