//! Whose objects a list holds: those of the tenants its caller sees, cut down by a tenant's id and name in the query.

use events::id::TenantId;
use projections::table::Merged;

use super::error::{ApiError, Kind};
use crate::{auth::principal::Principal, commands::View};

/// The tenants of a list.
pub(super) enum TenantsListed {
    /// Everybody's.
    All,
    /// Those of these, each once.
    Some(Vec<TenantId>),
}

impl TenantsListed {
    /// What `principal` sees of `candidates`, or of all when he holds 12, cut down to what the query names. A tenant of which
    /// he sees nothing is one that is not there.
    pub(super) fn of(
        view: &View<'_>,
        principal: &Principal,
        named: (Option<TenantId>, Option<&str>),
        sees: impl Fn(TenantId) -> bool,
        candidates: impl IntoIterator<Item = TenantId>,
    ) -> Result<Self, ApiError> {
        let tenants = &view.state.tenants;
        let visible = |tenant: &TenantId| tenants.rows.has(tenant) && sees(*tenant);
        let (by_id, by_name) = named;
        let mut only = None;
        if let Some(tenant) = by_id {
            let unknown = || ApiError::NotFound(Kind::Tenant, tenant.to_string());
            only = Some(Some(tenant).filter(visible).ok_or_else(unknown)?);
        }
        if let Some(name) = by_name {
            let unknown = || ApiError::NotFound(Kind::Tenant, name.to_owned());
            let called =
                tenants.by_name.get(&name.to_owned()).copied().filter(visible).ok_or_else(unknown)?;
            if only.is_some_and(|tenant| tenant != called) {
                return Ok(Self::Some(Vec::new()));
            }
            only = Some(called);
        }
        Ok(match only {
            Some(tenant) => Self::Some(vec![tenant]),
            None if principal.is_administrator() => Self::All,
            None => {
                let mut his: Vec<TenantId> = candidates.into_iter().filter(|tenant| sees(*tenant)).collect();
                his.sort_unstable();
                his.dedup();
                Self::Some(his)
            }
        })
    }

    /// The ids of what these tenants have, rising: `all` without regard to tenants, `of` of one. Visits nothing of another.
    pub(super) fn ids<'a, Id: Ord + Copy + 'a, One: Iterator<Item = Id> + 'a>(
        &'a self,
        all: impl Iterator<Item = Id> + 'a,
        of: impl Fn(TenantId) -> One + 'a,
    ) -> Box<dyn Iterator<Item = Id> + 'a> {
        match self {
            Self::All => Box::new(all),
            Self::Some(tenants) => Box::new(Merged::of(tenants.iter().map(move |tenant| of(*tenant)))),
        }
    }
}
