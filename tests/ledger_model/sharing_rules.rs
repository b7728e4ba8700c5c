//! Who may do what with a data source, and give it to whom (hdp-api 1.7, 4.4, 4.5, 9.4, 9.17, 9.23), and what becomes of it.

use authledger::commands::{
    Object, Refusal, Wish,
    data_source::{
        access::SourcePermissions,
        members::SetMembers,
        sharing::{Receiver, ShareDataSource},
    },
};
use events::{
    data_source::{DataSourceMembersChanged, DataSourcePermissionsSet, DataSourceShared, DataSourceUnshared},
    envelope::{Actor, Stream, StreamKind},
    event::Event,
    id::{DataSourceId, PermissionId, TenantId, UserId},
};

use crate::{
    data_sources::Source,
    model::Model,
    requests::{Ask, Request},
    rules::{Fact, Who, invalid, says, unchanged},
    sharing::numbers,
};

pub(crate) const VIEW: u16 = 2;
pub(crate) const MODIFY: u16 = 3;
pub(crate) const DELETE: u16 = 4;

/// A data source as somebody sees it.
pub(crate) struct Seen<'a> {
    pub(crate) row: &'a Source,
    pub(crate) owned: bool,
    /// What is set for him on it.
    set: Option<Vec<u16>>,
}

impl Seen<'_> {
    /// What is set for him takes the place of what he holds. It binds an owner, not who acts for him; a share binds both, and
    /// who acts for somebody does nothing that he could not do himself.
    fn permits(&self, who: &Who, permission: u16) -> bool {
        if who.administrator() {
            return true;
        }
        match &self.set {
            None => who.may(permission),
            Some(_) if self.owned && who.acting => who.may(permission),
            Some(set) if who.acting => set.contains(&permission) && who.may(permission),
            Some(set) => set.contains(&permission),
        }
    }
}

impl Model {
    fn share_with_user(&self, source: u64, user: u64) -> Option<&Vec<u16>> {
        self.shares.users.iter().find(|row| (row.0, row.1) == (source, user)).map(|row| &row.2)
    }

    fn share_with_tenant(&self, source: u64, tenant: u64) -> Option<&Vec<u16>> {
        self.shares.tenants.iter().find(|row| (row.0, row.1) == (source, tenant)).map(|row| &row.2)
    }

    /// His own, or shared with him or his tenant; no other is there for him.
    fn seen(&self, who: &Who, id: u64) -> Option<Seen<'_>> {
        let row = self.source(id)?;
        if row.owner == who.user {
            return Some(Seen { row, owned: true, set: row.permissions.clone() });
        }
        let set = self.share_with_user(id, who.user).or_else(|| self.share_with_tenant(id, who.tenant))?;
        Some(Seen { row, owned: false, set: Some(set.clone()) })
    }

    pub(crate) fn source_allowed(&self, who: &Who, id: u64, permission: u16) -> Result<Seen<'_>, Refusal> {
        let seen = self.seen(who, id);
        if seen.as_ref().is_some_and(|seen| seen.permits(who, permission)) {
            return Ok(seen.expect("just seen"));
        }
        match seen {
            _ if !who.may(permission) => Err(Refusal::LacksPermission),
            Some(_) => Err(Refusal::Forbidden),
            None => Err(Refusal::NotFound(Object::DataSource(DataSourceId(id)))),
        }
    }

    /// For what only its owner does.
    pub(crate) fn source_owned(&self, who: &Who, id: u64, permission: u16) -> Result<Seen<'_>, Refusal> {
        let seen = self.source_allowed(who, id, permission)?;
        if seen.owned { Ok(seen) } else { Err(Refusal::Forbidden) }
    }

    /// Whether what came of a request may be told again: he must still be allowed to ask for it, unless it is gone.
    pub(crate) fn source_told_again(&self, who: &Who, request: &Request) -> Result<(), Refusal> {
        use crate::data_sources::SourceAsk;
        let (id, permission) = match &request.ask {
            Ask::Source(SourceAsk::Put { source, .. }) => (*source, MODIFY),
            Ask::Source(SourceAsk::Delete { source, .. }) => (*source, DELETE),
            Ask::Other(wish) => match source_of(wish) {
                Some(id) => (id, MODIFY),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        if self.source(id).is_none() {
            return Ok(());
        }
        match self.source_allowed(who, id, permission) {
            Ok(_) | Err(Refusal::NotFound(_)) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    pub(crate) fn share_something(
        &self,
        who: &Who,
        request: &Request,
        wish: &Wish,
    ) -> Result<Vec<Fact>, Refusal> {
        let id = source_of(wish).expect("about a data source");
        let seen = self.source_owned(who, id, MODIFY)?;
        let row = seen.row;
        let on = |event: Event| says(row.tenant, StreamKind::DATA_SOURCE, row.id, event);
        match wish {
            Wish::SetDataSourcePermissions(wish) => {
                unchanged(row.changed, wish.expected.as_ref())?;
                may_set(who, request, wish.permissions.as_ref())?;
                let permissions = wish.permissions.as_ref().map(|set| set.list().clone());
                Ok(vec![on(DataSourcePermissionsSet { permissions }.into())])
            }
            Wish::ShareDataSource(wish) => self.share(who, request, &seen, wish),
            Wish::ChangeShare(wish) => {
                self.is_shared(row.id, wish.with)?;
                unchanged(row.changed, wish.expected.as_ref())?;
                let (mut users, mut tenants) = (Vec::new(), Vec::new());
                match wish.with {
                    Receiver::User(user) => users.push((user, wish.permissions.clone())),
                    Receiver::Tenant(tenant) => tenants.push((tenant, wish.permissions.clone())),
                }
                let (users, tenants) = (users.into_iter().collect(), tenants.into_iter().collect());
                self.share(who, request, &seen, &ShareDataSource { id: wish.id, users, tenants })
            }
            Wish::UnshareDataSource(wish) => {
                self.is_shared(row.id, wish.with)?;
                unchanged(row.changed, wish.expected.as_ref())?;
                Ok(vec![match wish.with {
                    Receiver::User(user) => unshared(row, &[user.0], &[]),
                    Receiver::Tenant(tenant) => unshared(row, &[], &[tenant.0]),
                }])
            }
            Wish::SetMembers(wish) => self.set_members(row, wish),
            Wish::RemoveMember(wish) => {
                let member = wish.member.0;
                if !self.shares.members.iter().any(|(group, of, _)| (*group, *of) == (row.id, member)) {
                    return Err(Refusal::NotFound(Object::DataSource(wish.member)));
                }
                unchanged(row.changed, wish.expected.as_ref())?;
                Ok(vec![left(row, &[member])])
            }
            other => unreachable!("{other:?} shares nothing"),
        }
    }

    fn is_shared(&self, source: u64, with: Receiver) -> Result<(), Refusal> {
        let (has, object) = match with {
            Receiver::User(user) => (self.share_with_user(source, user.0).is_some(), Object::User(user)),
            Receiver::Tenant(id) => (self.share_with_tenant(source, id.0).is_some(), Object::Tenant(id)),
        };
        if has { Ok(()) } else { Err(Refusal::NotFound(object)) }
    }

    fn share(
        &self,
        who: &Who,
        request: &Request,
        seen: &Seen<'_>,
        wish: &ShareDataSource,
    ) -> Result<Vec<Fact>, Refusal> {
        let row = seen.row;
        let his = |permissions: &SourcePermissions| {
            let not_his = numbers(permissions.list()).into_iter().find(|id| !seen.permits(who, *id));
            not_his.map_or(Ok(()), |id| Err(Refusal::NotHisToGrant(PermissionId(id))))
        };
        for (id, permissions) in wish.users.iter() {
            let user =
                self.user(id.0).filter(|user| user.tenant == who.tenant || who.administers(user.tenant));
            let user = user.ok_or(Refusal::UnknownReference(Object::User(*id)))?;
            if user.id == row.owner {
                return Err(invalid("userId"));
            }
            if request.by == Actor::User(*id) {
                return Err(Refusal::Forbidden);
            }
            if self.share_with_tenant(row.id, user.tenant).is_some() {
                return Err(Refusal::SharedWithTenant);
            }
            his(permissions)?;
        }
        for (id, permissions) in wish.tenants.iter() {
            let there = self.tenant(id.0).is_some();
            // Who acts for another gives nothing to himself, by his tenant either.
            let lives_there = self
                .users
                .iter()
                .any(|user| request.by == Actor::User(UserId(user.id)) && user.tenant == id.0);
            match there && who.administers(id.0) {
                true if who.acting && !who.administrator() && lives_there => return Err(Refusal::Forbidden),
                true => his(permissions)?,
                false if there && who.tenant == id.0 => return Err(Refusal::Forbidden),
                false => return Err(Refusal::UnknownReference(Object::Tenant(*id))),
            }
        }
        // Who gets a group has its members already.
        let members = self.shares.members.iter().filter(|(group, _, _)| *group == row.id);
        for member in members.map(|(_, member, _)| *member) {
            let tenants = wish.tenants.iter().all(|(id, _)| self.share_with_tenant(member, id.0).is_some());
            let users = wish.users.iter().all(|(id, _)| {
                let lives = self.user(id.0).map_or(0, |user| user.tenant);
                self.share_with_user(member, id.0).is_some()
                    || self.share_with_tenant(member, lives).is_some()
            });
            if !tenants || !users {
                let why = "a member of the group is not shared with the same receiver";
                return Err(Refusal::InUse(why));
            }
        }
        // What all users of a tenant have, none of them has for himself.
        let of_these = |user: u64| {
            let lives = self.user(user).map_or(0, |user| user.tenant);
            wish.tenants.iter().any(|(id, _)| id.0 == lives)
        };
        let mut covered: Vec<u64> =
            self.shares.users.iter().filter(|share| share.0 == row.id).map(|share| share.1).collect();
        covered.retain(|user| of_these(*user));
        covered.sort_unstable();
        let mut facts = Vec::new();
        if !covered.is_empty() {
            facts.push(unshared(row, &covered, &[]));
        }
        let shared = DataSourceShared {
            users: wish.users.iter().map(|(id, given)| (*id, given.list().clone())).collect(),
            tenants: wish.tenants.iter().map(|(id, given)| (*id, given.list().clone())).collect(),
        };
        facts.push(says(row.tenant, StreamKind::DATA_SOURCE, row.id, shared));
        Ok(facts)
    }

    /// Members are the owner's and no groups, each with a prefix of its own.
    fn set_members(&self, row: &Source, wish: &SetMembers) -> Result<Vec<Fact>, Refusal> {
        unchanged(row.changed, wish.expected.as_ref())?;
        if !row.is_group() {
            return Err(invalid("members"));
        }
        for (id, _) in wish.members.iter() {
            let member = self.source(id.0).filter(|member| member.owner == row.owner);
            if member.ok_or(Refusal::UnknownReference(Object::DataSource(*id)))?.is_group() {
                return Err(invalid("id"));
            }
        }
        let before = self.shares.members.iter().filter(|(group, _, _)| *group == row.id);
        let said = |id: u64| wish.members.iter().any(|(member, _)| member.0 == id);
        let others: Vec<&(u64, u64, String)> = before.filter(|(_, member, _)| !said(*member)).collect();
        let kept = others.iter().filter(|_| !wish.all).map(|(_, _, prefix)| prefix.as_str());
        let mut prefixes: Vec<&str> =
            kept.chain(wish.members.iter().map(|(_, prefix)| prefix.as_str())).collect();
        let count = prefixes.len();
        prefixes.sort_unstable();
        prefixes.dedup();
        if prefixes.len() < count {
            return Err(invalid("entityPrefix"));
        }
        let removed = others.iter().filter(|_| wish.all).map(|(_, member, _)| DataSourceId(*member));
        let change = DataSourceMembersChanged {
            set: wish.members.iter().map(|(id, prefix)| (*id, prefix.as_str().to_owned())).collect(),
            removed: removed.collect(),
        };
        Ok(vec![says(row.tenant, StreamKind::DATA_SOURCE, row.id, change)])
    }

    /// The groups that a data source leaves when it goes.
    pub(crate) fn leaves_groups(&self, source: u64) -> Vec<Fact> {
        let mut groups: Vec<u64> =
            self.shares.members.iter().filter(|row| row.1 == source).map(|row| row.0).collect();
        groups.sort_unstable();
        let rows = groups.into_iter().filter_map(|group| self.source(group));
        rows.map(|group| left(group, &[source])).collect()
    }

    /// What is shared with a user ends, but where it `stays`.
    pub(crate) fn shares_end(&self, user: u64, stays: impl Fn(&Source) -> bool) -> Vec<Fact> {
        let mut with: Vec<u64> =
            self.shares.users.iter().filter(|row| row.1 == user).map(|row| row.0).collect();
        with.sort_unstable();
        let rows = with.into_iter().filter_map(|source| self.source(source));
        rows.filter(|row| !stays(row)).map(|row| unshared(row, &[user], &[])).collect()
    }

    /// Whether all users of a tenant have it.
    pub(crate) fn is_with_tenant(&self, source: u64, tenant: u64) -> bool {
        self.share_with_tenant(source, tenant).is_some()
    }

    /// The same for a tenant.
    pub(crate) fn tenant_shares_end(&self, tenant: u64) -> Vec<Fact> {
        let shares = self.shares.tenants.iter().filter(|row| row.1 == tenant);
        let mut with: Vec<u64> = shares.map(|row| row.0).collect();
        with.sort_unstable();
        let rows = with.into_iter().filter_map(|source| self.source(source));
        rows.map(|row| unshared(row, &[], &[tenant])).collect()
    }

    pub(crate) fn share_is(&mut self, stream: Stream, event: &Event, sequence: u64) {
        let id = stream.id;
        let shares = &mut self.shares;
        match event {
            Event::DataSourceShared(given) => {
                for (user, permissions) in given.users.iter() {
                    shares.users.retain(|row| (row.0, row.1) != (id, user.0));
                    shares.users.push((id, user.0, numbers(permissions)));
                }
                for (tenant, permissions) in given.tenants.iter() {
                    shares.tenants.retain(|row| (row.0, row.1) != (id, tenant.0));
                    shares.tenants.push((id, tenant.0, numbers(permissions)));
                }
            }
            Event::DataSourceUnshared(taken) => {
                shares.users.retain(|row| row.0 != id || !taken.users.has(&UserId(row.1)));
                shares.tenants.retain(|row| row.0 != id || !taken.tenants.has(&TenantId(row.1)));
            }
            Event::DataSourceMembersChanged(change) => {
                let gone = |member: u64| {
                    change.removed.has(&DataSourceId(member))
                        || change.set.get(&DataSourceId(member)).is_some()
                };
                shares.members.retain(|row| row.0 != id || !gone(row.1));
                let set = change.set.iter().map(|(member, prefix)| (id, member.0, prefix.clone()));
                shares.members.extend(set);
            }
            Event::DataSourcePermissionsSet(_) => {}
            other => panic!("{other:?} shares nothing"),
        }
        let row = self.sources.iter_mut().find(|row| row.id == id).expect("answered");
        row.changed = sequence;
        if let Event::DataSourcePermissionsSet(set) = event {
            row.permissions = set.permissions.as_ref().map(numbers);
        }
    }

    /// What goes with a data source.
    pub(crate) fn without_shares(&mut self, source: u64) {
        self.shares.users.retain(|row| row.0 != source);
        self.shares.tenants.retain(|row| row.0 != source);
        self.shares.members.retain(|row| row.0 != source && row.1 != source);
    }
}

/// Which data source it is about, when it is about sharing one.
pub(crate) fn source_of(wish: &Wish) -> Option<u64> {
    match wish {
        Wish::SetDataSourcePermissions(wish) => Some(wish.id.0),
        Wish::ShareDataSource(wish) => Some(wish.id.0),
        Wish::ChangeShare(wish) => Some(wish.id.0),
        Wish::UnshareDataSource(wish) => Some(wish.id.0),
        Wish::SetMembers(wish) => Some(wish.id.0),
        Wish::RemoveMember(wish) => Some(wish.id.0),
        _ => None,
    }
}

/// An administrator who acts for the owner, and nobody for himself; and no more than he may give.
pub(crate) fn may_set(who: &Who, request: &Request, set: Option<&SourcePermissions>) -> Result<(), Refusal> {
    let for_another = request.behalf.is_some_and(|user| request.by != Actor::User(UserId(user)));
    if !for_another {
        return Err(Refusal::Forbidden);
    }
    let all = set.map_or(Vec::new(), |set| numbers(set.list()));
    match all.into_iter().find(|permission| !who.may_grant(*permission)) {
        Some(permission) => Err(Refusal::NotHisToGrant(PermissionId(permission))),
        None => Ok(()),
    }
}

fn unshared(row: &Source, users: &[u64], tenants: &[u64]) -> Fact {
    let unshared = DataSourceUnshared {
        users: users.iter().copied().map(UserId).collect(),
        tenants: tenants.iter().copied().map(TenantId).collect(),
    };
    says(row.tenant, StreamKind::DATA_SOURCE, row.id, unshared)
}

fn left(group: &Source, members: &[u64]) -> Fact {
    let change = DataSourceMembersChanged {
        set: std::iter::empty().collect(),
        removed: members.iter().copied().map(DataSourceId).collect(),
    };
    says(group.tenant, StreamKind::DATA_SOURCE, group.id, change)
}
