//! Sharing a data source with users and tenants (hdp-api 4.5). Only its owner does, or who acts for him.

use events::{
    data_source::{DataSourceShared, DataSourceUnshared},
    envelope::Actor,
    id::{DataSourceId, Sequence, TenantId, UserId},
    sorted::{SortedMap, SortedVec},
};
use projections::{State, data_sources::DataSource};

use super::{
    access::{self, Seen, SourcePermissions},
    stream,
};
use crate::{
    auth::principal::Principal,
    commands::{
        Cause, Decision, Fact, Object, Refusal, View,
        oauth_profile::{MODIFY, no_more_than_one_command},
        unchanged_since,
    },
};

/// With how many a data source can be shared at once.
pub const RECEIVERS_MAX: usize = 500;
/// How many users one event takes a data source from, so that it fits its body.
const UNSHARED_MAX: usize = 4_000;

/// A data source to be shared with others, who may have it already; then this takes the place of what they might do.
#[derive(Clone, Debug)]
pub struct ShareDataSource {
    /// Which.
    pub id: DataSourceId,
    /// With which users, and what each may do with it.
    pub users: SortedMap<UserId, SourcePermissions>,
    /// With which tenants, and what their users may do with it.
    pub tenants: SortedMap<TenantId, SourcePermissions>,
}

/// What a single receiver may do with a data source that he has already.
#[derive(Clone, Debug)]
pub struct ChangeShare {
    /// Which.
    pub id: DataSourceId,
    /// From `If-Match`, as everywhere.
    pub expected: Option<Vec<Sequence>>,
    /// Who has it.
    pub with: Receiver,
    /// What he may do from now on.
    pub permissions: SourcePermissions,
}

/// A share to be ended.
#[derive(Clone, Debug)]
pub struct UnshareDataSource {
    /// Which data source.
    pub id: DataSourceId,
    /// From `If-Match`, as everywhere.
    pub expected: Option<Vec<Sequence>>,
    /// Who has it.
    pub with: Receiver,
}

/// With whom a data source is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// One user.
    User(UserId),
    /// All users of a tenant, whoever they are.
    Tenant(TenantId),
}

impl Receiver {
    /// Whether `source` is shared with him.
    pub fn has(self, state: &State<'_>, source: DataSourceId) -> bool {
        match self {
            Self::User(user) => state.data_sources.shared_users.get(&(source, user)).is_some(),
            Self::Tenant(tenant) => state.data_sources.shared_tenants.get(&(source, tenant)).is_some(),
        }
    }

    fn not_found(self) -> Refusal {
        Refusal::NotFound(match self {
            Self::User(user) => Object::User(user),
            Self::Tenant(tenant) => Object::Tenant(tenant),
        })
    }
}

pub(in crate::commands) fn share(
    view: &View<'_>,
    cause: &Cause,
    wish: &ShareDataSource,
) -> Result<Decision, Refusal> {
    let principal = access::asked(&view.state, cause.actor, cause.on_behalf_of, &MODIFY)?;
    let seen = access::owned(view, &principal, wish.id, &MODIFY)?;
    sharing(view, cause, &principal, &seen, wish)
}

pub(in crate::commands) fn change(
    view: &View<'_>,
    cause: &Cause,
    wish: &ChangeShare,
) -> Result<Decision, Refusal> {
    let principal = access::asked(&view.state, cause.actor, cause.on_behalf_of, &MODIFY)?;
    let seen = access::owned(view, &principal, wish.id, &MODIFY)?;
    if !wish.with.has(&view.state, wish.id) {
        return Err(wish.with.not_found());
    }
    unchanged_since(seen.row.changed, wish.expected.as_deref())?;
    let (mut users, mut tenants) = (SortedMap::default(), SortedMap::default());
    match wish.with {
        Receiver::User(user) => users = [(user, wish.permissions.clone())].into_iter().collect(),
        Receiver::Tenant(tenant) => tenants = [(tenant, wish.permissions.clone())].into_iter().collect(),
    }
    sharing(view, cause, &principal, &seen, &ShareDataSource { id: wish.id, users, tenants })
}

/// Always records an event, as for applications.
fn sharing(
    view: &View<'_>,
    cause: &Cause,
    principal: &Principal,
    seen: &Seen<'_>,
    wish: &ShareDataSource,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    for (user, permissions) in wish.users.iter() {
        with_user(state, cause, principal, wish.id, seen.row, *user)?;
        his_to_give(principal, seen, permissions)?;
    }
    for (tenant, permissions) in wish.tenants.iter() {
        with_tenant(state, cause, principal, *tenant)?;
        his_to_give(principal, seen, permissions)?;
    }
    if seen.row.is_group() {
        members_are_shared(state, wish)?;
    }
    let mut facts = Vec::new();
    // A tenant's share takes the place of those of its users.
    let covered = |user: UserId| {
        let tenant = state.users.rows.get(&user).map(|row| row.tenant);
        tenant.is_some_and(|tenant| wish.tenants.get(&tenant).is_some())
    };
    if !wish.tenants.is_empty() {
        let users = state.data_sources.shared_users_of(wish.id, UserId(0)).map(|(user, _)| user);
        let users: Vec<UserId> = users.filter(|user| covered(*user)).collect();
        for users in users.chunks(UNSHARED_MAX) {
            let users = users.iter().copied().collect();
            facts.push(unshared(wish.id, seen.row, users, SortedVec::default()));
        }
    }
    let shared = DataSourceShared {
        users: wish.users.iter().map(|(user, permissions)| (*user, permissions.list().clone())).collect(),
        tenants: wish.tenants.iter().map(|(id, permissions)| (*id, permissions.list().clone())).collect(),
    };
    facts.push(Fact::new(seen.row.tenant, stream(wish.id), shared));
    Ok(Decision { facts: no_more_than_one_command(facts)?, ..Decision::default() })
}

/// Ends one share. Its receiver does not: what is shared with him is not his to change.
pub(in crate::commands) fn unshare(
    view: &View<'_>,
    cause: &Cause,
    wish: &UnshareDataSource,
) -> Result<Decision, Refusal> {
    let principal = access::asked(&view.state, cause.actor, cause.on_behalf_of, &MODIFY)?;
    let row = access::owned(view, &principal, wish.id, &MODIFY)?.row;
    if !wish.with.has(&view.state, wish.id) {
        return Err(wish.with.not_found());
    }
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let (mut users, mut tenants) = (SortedVec::default(), SortedVec::default());
    match wish.with {
        Receiver::User(user) => users = [user].into_iter().collect(),
        Receiver::Tenant(tenant) => tenants = [tenant].into_iter().collect(),
    }
    Ok(Decision { facts: vec![unshared(wish.id, row, users, tenants)], ..Decision::default() })
}

fn unshared(
    id: DataSourceId,
    row: &DataSource,
    users: SortedVec<UserId>,
    tenants: SortedVec<TenantId>,
) -> Fact {
    Fact::new(row.tenant, stream(id), DataSourceUnshared { users, tenants })
}

/// A user of the owner's tenant, or of one that he administers; anybody else is nobody. Whoever shares for another gives
/// nothing to himself (hdp-api 9.23).
fn with_user(
    state: &State<'_>,
    cause: &Cause,
    principal: &Principal,
    id: DataSourceId,
    row: &DataSource,
    user: UserId,
) -> Result<(), Refusal> {
    let in_reach = |tenant: TenantId| tenant == principal.tenant || principal.administers(tenant);
    let tenant = state.users.rows.get(&user).map(|row| row.tenant).filter(|tenant| in_reach(*tenant));
    let tenant = tenant.ok_or(Refusal::UnknownReference(Object::User(user)))?;
    if user == row.owner {
        return Err(Refusal::invalid("userId", "the data source is his own"));
    }
    if cause.actor == Actor::User(user) {
        return Err(Refusal::Forbidden);
    }
    if Receiver::Tenant(tenant).has(state, id) {
        return Err(Refusal::SharedWithTenant);
    }
    Ok(())
}

/// Only administrators share with tenants: with one that they administer. In his own tenant anybody sees which it is. Whoever
/// shares for another gives nothing to himself by his tenant either, unless he holds 12, who needs no share.
fn with_tenant(
    state: &State<'_>,
    cause: &Cause,
    principal: &Principal,
    tenant: TenantId,
) -> Result<(), Refusal> {
    let there = state.tenants.rows.get(&tenant).is_some();
    if there && principal.administers(tenant) {
        let for_another = principal.acts_for_another && !principal.is_administrator();
        let lives_there = match cause.actor {
            Actor::User(actor) => state.users.rows.get(&actor).is_some_and(|row| row.tenant == tenant),
            _ => false,
        };
        if for_another && lives_there { Err(Refusal::Forbidden) } else { Ok(()) }
    } else if there && principal.tenant == tenant {
        Err(Refusal::Forbidden)
    } else {
        Err(Refusal::UnknownReference(Object::Tenant(tenant)))
    }
}

/// Nobody gives away what he may not do himself (hdp-api 9.23), by what is set on this data source.
fn his_to_give(
    principal: &Principal,
    seen: &Seen<'_>,
    permissions: &SourcePermissions,
) -> Result<(), Refusal> {
    let not_his = permissions.list().iter().find(|permission| !seen.permits(principal, **permission));
    not_his.map_or(Ok(()), |permission| Err(Refusal::NotHisToGrant(*permission)))
}

/// Who gets a group has to have its members (hdp-api 4.5), himself or with his tenant.
fn members_are_shared(state: &State<'_>, wish: &ShareDataSource) -> Result<(), Refusal> {
    let has = |member: DataSourceId, receiver: Receiver| receiver.has(state, member);
    let users_tenant = |user: &UserId| state.users.rows.get(user).map(|row| Receiver::Tenant(row.tenant));
    let all_have = state.data_sources.members_of(wish.id, DataSourceId(0)).all(|(member, _)| {
        wish.tenants.iter().all(|(tenant, _)| has(member, Receiver::Tenant(*tenant)))
            && wish.users.iter().all(|(user, _)| {
                has(member, Receiver::User(*user)) || users_tenant(user).is_some_and(|all| has(member, all))
            })
    });
    if all_have {
        Ok(())
    } else {
        Err(Refusal::InUse("a member of the group is not shared with the same receiver"))
    }
}
