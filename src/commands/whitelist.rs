//! The addresses that requests may come from (hdp-api 7.3, 9.28), level by level.

use events::{
    envelope::{Actor, Stream, StreamKind},
    id::{PermissionId, SYSTEM_TENANT, Sequence, TenantId},
    sealed::Sealed,
    whitelist::{IpWhitelistSet, UserIpWhitelistSet},
};

use super::{
    Cause, Decision, Fact, Object, Refusal, View, acting, granting::may_change_user, sealed_under,
    unchanged_since,
};
use crate::auth::{permission, whitelist::is_filtering};

/// What the lists of a tenant and of a user need; those of a tenant administrative access on it, too.
pub const PERMISSIONS: [PermissionId; 2] = [permission::MGMT_API, permission::IP_WHITELIST];
/// What the lists of the whole system need.
pub const OF_SYSTEM: [PermissionId; 1] = [permission::ADMINISTRATOR];

const WHAT: &str = "IP address whitelist";
/// The tag of lists that were never set, and of those that were taken away again: both let everybody in, and no event of a
/// list is the ledger's first.
pub const NEVER: Sequence = Sequence(0);

/// Whose lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Everybody's.
    System,
    /// Those of one tenant's users.
    Tenant(TenantId),
}

impl Level {
    /// What setting its lists needs.
    pub fn permissions(self) -> &'static [PermissionId] {
        match self {
            Self::System => &OF_SYSTEM,
            Self::Tenant(_) => &PERMISSIONS,
        }
    }

    /// Where they are recorded.
    pub fn stream(self) -> Stream {
        match self {
            Self::System => Stream::LEDGER,
            Self::Tenant(tenant) => Stream::new(StreamKind::TENANT, tenant.0),
        }
    }
}

/// What is done to lists.
#[derive(Clone, Debug)]
pub enum Change<Lists> {
    /// Set, where none are.
    New(Lists),
    /// Set, whatever there was.
    Replaced(Lists),
    /// Taken away.
    Cleared,
}

impl<Lists: Clone> Change<Lists> {
    /// What there will be, in place of lists that were last changed then.
    fn made(
        &self,
        changed: Option<Sequence>,
        expected: Option<&[Sequence]>,
    ) -> Result<Option<Lists>, Refusal> {
        let lists = match (self, changed) {
            (Self::New(_), Some(_)) => return Err(Refusal::SetAlready(WHAT)),
            (Self::Cleared, None) => return Err(Refusal::NotSet(WHAT)),
            (Self::New(lists) | Self::Replaced(lists), _) => Some(lists.clone()),
            (Self::Cleared, Some(_)) => None,
        };
        unchanged_since(changed.unwrap_or(NEVER), expected)?;
        Ok(lists)
    }
}

/// The lists of the system or of a tenant.
#[derive(Clone, Debug)]
pub struct SetIpWhitelist {
    /// Whose.
    pub level: Level,
    /// From `If-Match`, as for other objects.
    pub expected: Option<Vec<Sequence>>,
    /// What becomes of them.
    pub change: Change<IpWhitelistSet>,
    /// Whether the sender, from where he sent this, could still take it back. Known at the edge alone.
    pub lets_sender_in: bool,
}

/// Records `IpWhitelistSet`. Lists of the system need 12; those of a child tenant 12,
/// or 11 and 29 with administrative access on it, those of the system tenant 12.
pub(super) fn set(view: &View<'_>, cause: &Cause, wish: &SetIpWhitelist) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, wish.level.permissions())?;
    let (tenant, concerns_sender) = match wish.level {
        Level::System => (SYSTEM_TENANT, true),
        Level::Tenant(tenant) => {
            if !state.tenants.rows.has(&tenant) || !principal.administers(tenant) {
                return Err(Refusal::NotFound(Object::Tenant(tenant)));
            }
            // Those who may do everything live there; they are not anybody's to shut out.
            if tenant == SYSTEM_TENANT && !principal.is_administrator() {
                return Err(Refusal::Forbidden);
            }
            (tenant, principal.tenant == tenant)
        }
    };
    let stream = wish.level.stream();
    let changed = state.ip_whitelists.rows.get(&stream).map(|row| row.changed);
    let lists = wish.change.made(changed, wish.expected.as_deref())?;
    if concerns_sender && !wish.lets_sender_in && is_filtering(state) {
        return Err(Refusal::ShutsOut);
    }
    let facts = vec![Fact::new(tenant, stream, lists.unwrap_or_default())];
    Ok(Decision { facts, ..Decision::default() })
}

/// The lists of the caller, or of the user he acts for.
#[derive(Clone, Debug)]
pub struct SetUserIpWhitelist {
    /// As in [`SetIpWhitelist`].
    pub expected: Option<Vec<Sequence>>,
    /// What becomes of them: JSON under the user's key, `None` for lists that are all empty.
    pub change: Change<Option<Sealed>>,
    /// As in [`SetIpWhitelist`].
    pub lets_sender_in: bool,
}

/// Records `UserIpWhitelistSet`. Needs 12, or 11 and 29. Who may do more than the caller keeps his lists: they guard him, and
/// could be used to keep him out.
pub(super) fn set_of_user(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetUserIpWhitelist,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    may_change_user(state, &principal, principal.user)?;
    let user = state.users.rows.get(&principal.user).ok_or(Refusal::ActorGone)?;
    let changed = state.ip_whitelists.of_users.get(&principal.user).map(|row| row.changed);
    let lists = wish.change.made(changed, wish.expected.as_deref())?.flatten();
    sealed_under(user.key_id(), &lists)?;
    // By `?user=` with his own name they are still his own.
    if cause.actor == Actor::User(principal.user) && !wish.lets_sender_in && is_filtering(state) {
        return Err(Refusal::ShutsOut);
    }
    let stream = Stream::new(StreamKind::USER, principal.user.0);
    let facts = vec![Fact::new(user.tenant, stream, UserIpWhitelistSet { lists })];
    Ok(Decision { facts, ..Decision::default() })
}
