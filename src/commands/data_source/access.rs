//! Who may do what with a data source (hdp-api 4.4, 4.5): its owner, those it is shared with, and who acts for one of them.
//!
//! Permissions set on a data source take the place of what roles and permissions give its owner; those of a share are exactly
//! what its receiver may do. Neither gives 11, without which nobody manages anything, and 12 is never in want of them.

use std::sync::Arc;

use events::{
    envelope::Actor,
    id::{DataSourceId, PermissionId, UserId},
    sorted::SortedVec,
};
use projections::{
    State,
    data_sources::{DataSource, Filter, View as Look},
    table::Merged,
};

use crate::{
    auth::{
        permission::{
            DELETE_DATA_SOURCE, MODIFY_DATA_SOURCE, SQL_EDITOR, USE_DATA_SOURCE_WITH_JDBC,
            USE_DATA_SOURCE_WITH_ODATA, USE_DATA_SOURCE_WITH_ODBC, VIEW_DATA_SOURCE,
        },
        principal::Principal,
    },
    commands::{Cause, Object, Refusal, View, acting, is_for_another},
};

/// What an operation on a data source needs: 11, and what it stands for.
pub type Operation = &'static [PermissionId];

/// What can be set on a data source.
pub const SETTABLE: [PermissionId; 7] = [
    VIEW_DATA_SOURCE,
    MODIFY_DATA_SOURCE,
    DELETE_DATA_SOURCE,
    USE_DATA_SOURCE_WITH_JDBC,
    USE_DATA_SOURCE_WITH_ODBC,
    USE_DATA_SOURCE_WITH_ODATA,
    SQL_EDITOR,
];

/// Permissions as they can be set on a data source or given with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePermissions(SortedVec<PermissionId>);

impl SourcePermissions {
    /// Of its owner; none at all is a choice, too. Refuses, in words, what can't be set.
    pub fn of_owner(ids: &[u64]) -> Result<Self, String> {
        Self::of(ids, &SETTABLE)
    }

    /// Of a share, which never has 10 (hdp-api 4.4), and is one of something.
    pub fn of_share(ids: &[u64]) -> Result<Self, String> {
        if ids.is_empty() {
            return Err("name at least one permission; DELETE ends a share".to_owned());
        }
        Self::of(ids, &SETTABLE[..SETTABLE.len() - 1])
    }

    fn of(ids: &[u64], settable: &[PermissionId]) -> Result<Self, String> {
        let one = |id: &u64| settable.iter().copied().find(|known| u64::from(known.0) == *id);
        ids.iter().map(one).collect::<Option<SortedVec<_>>>().map(Self).ok_or_else(|| {
            let known: Vec<String> = settable.iter().map(PermissionId::to_string).collect();
            format!("only these can stand here: {}", known.join(", "))
        })
    }

    /// The list itself.
    pub fn list(&self) -> &SortedVec<PermissionId> {
        &self.0
    }
}

impl From<SourcePermissions> for SortedVec<PermissionId> {
    fn from(permissions: SourcePermissions) -> Self {
        permissions.0
    }
}

/// A data source as somebody sees it: the owner, or one with whom it is shared, be it with his whole tenant.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The data source.
    pub row: &'a Arc<DataSource>,
    /// Whether it is his own.
    pub owned: bool,
    /// Exactly what is set for him; `None` for an owner to whom nothing is.
    exactly: Option<&'a SortedVec<PermissionId>>,
}

impl Seen<'_> {
    /// Whether `principal`, who sees it, may do with it what `permission` stands for.
    ///
    /// What is set for its owner binds him and not an administrator who acts for him, who could set it anew; what a share
    /// gives binds whoever acts for its receiver. An administrator never does what he himself may not (hdp-api 1.7 (d)).
    pub fn permits(&self, principal: &Principal, permission: PermissionId) -> bool {
        if principal.is_administrator() {
            return true;
        }
        let by_himself = principal.may(permission);
        match self.exactly {
            None => by_himself,
            Some(_) if self.owned && principal.acts_for_another => by_himself,
            Some(list) => list.has(&permission) && (by_himself || !principal.acts_for_another),
        }
    }
}

/// The data source, when `principal` sees it.
pub fn seen<'a>(state: &'a State<'_>, principal: &Principal, id: DataSourceId) -> Option<Seen<'a>> {
    let sources = &state.data_sources;
    let row = sources.rows.get(&id)?;
    if row.owner == principal.user {
        return Some(Seen { row, owned: true, exactly: row.permissions.as_ref() });
    }
    let with_him = sources.shared_users.get(&(id, principal.user));
    let exactly = with_him.or_else(|| sources.shared_tenants.get(&(id, principal.tenant)))?;
    Some(Seen { row, owned: false, exactly: Some(exactly) })
}

/// What of `operation` has to be held whatever the data source: in one's own name a data source can give the rest.
pub fn needed(operation: Operation, on_behalf: bool) -> &'static [PermissionId] {
    if on_behalf { operation } else { &operation[..1] }
}

/// Whom the rules are asked about, as [`acting`] says, for an operation on one data source.
pub fn asked(
    state: &State<'_>,
    actor: Actor,
    on_behalf_of: Option<UserId>,
    operation: Operation,
) -> Result<Principal, Refusal> {
    acting(state, actor, on_behalf_of, needed(operation, is_for_another(actor, on_behalf_of)))
}

/// The data source, when `principal` may do with it what `operation` stands for.
///
/// In the order of hdp-api 9.4: who lacks the permission hears so whatever the id, unless this data source gives it to him;
/// who has it hears the same of what he does not see and of what is not there.
pub fn allowed<'a>(
    view: &'a View<'_>,
    principal: &Principal,
    id: DataSourceId,
    operation: Operation,
) -> Result<Seen<'a>, Refusal> {
    let permission = operation[1];
    match seen(&view.state, principal, id) {
        Some(seen) if seen.permits(principal, permission) => Ok(seen),
        _ if !principal.may(permission) => Err(Refusal::LacksPermission),
        Some(_) => Err(Refusal::Forbidden),
        None => Err(Refusal::NotFound(Object::DataSource(id))),
    }
}

/// The same for what only its owner does, or who acts for him: with whom it is shared, what is in a group, what is secret.
pub fn owned<'a>(
    view: &'a View<'_>,
    principal: &Principal,
    id: DataSourceId,
    operation: Operation,
) -> Result<Seen<'a>, Refusal> {
    let seen = allowed(view, principal, id, operation)?;
    if seen.owned { Ok(seen) } else { Err(Refusal::Forbidden) }
}

/// What `principal` may view after `after`, in the order of ids: what is his, and what is shared with him or his tenant. Looks at
/// no other data source, nor at those that he may not view.
pub fn viewable<'a>(
    state: &'a State<'_>,
    principal: &'a Principal,
    filter: Filter,
    after: DataSourceId,
) -> impl Iterator<Item = (DataSourceId, Seen<'a>)> + 'a {
    let (his, given) = if principal.is_administrator() {
        (Look::All, Look::All)
    } else if principal.acts_for_another {
        (Look::All, Look::Permitted)
    } else if principal.may(VIEW_DATA_SOURCE) {
        (Look::NotRefused, Look::Permitted)
    } else {
        (Look::Permitted, Look::Permitted)
    };
    let sources = &state.data_sources;
    let (his, given) = (Filter { view: his, ..filter }, Filter { view: given, ..filter });
    let all: [Box<dyn Iterator<Item = DataSourceId> + 'a>; 3] = [
        Box::new(sources.of_owner(principal.user, his, after)),
        Box::new(sources.shared_with_user(principal.user, given, after)),
        Box::new(sources.shared_with_tenant(principal.tenant, given, after)),
    ];
    // What is shared with the owner's own tenant comes to him twice.
    let mut last = None;
    let once = Merged::of(all).filter(move |id| last.replace(*id) != Some(*id));
    once.filter_map(|id| viewed(state, principal, id))
}

/// The groups after `after` that have `member`, which `principal` sees, as far as he may view them.
pub fn groups_with<'a>(
    state: &'a State<'_>,
    principal: &'a Principal,
    member: DataSourceId,
    after: DataSourceId,
) -> impl Iterator<Item = (DataSourceId, Seen<'a>)> + 'a {
    let groups = seen(state, principal, member).map(|_| state.data_sources.groups_of(member, after));
    groups.into_iter().flatten().filter_map(|id| viewed(state, principal, id))
}

fn viewed<'a>(
    state: &'a State<'_>,
    principal: &Principal,
    id: DataSourceId,
) -> Option<(DataSourceId, Seen<'a>)> {
    let seen = seen(state, principal, id)?;
    seen.permits(principal, VIEW_DATA_SOURCE).then_some((id, seen))
}

/// What `user` himself may do with a data source, of what can be set on one; `None` when he does not see it.
pub fn effective(state: &State<'_>, user: UserId, id: DataSourceId) -> Option<Vec<PermissionId>> {
    let principal = Principal::of(state, user)?;
    let seen = seen(state, &principal, id)?;
    Some(SETTABLE.into_iter().filter(|permission| seen.permits(&principal, *permission)).collect())
}

/// Whether the answer to a command about a data source may be given again; that it is gone needs no permission to be told
/// to who made it so.
pub(in crate::commands) fn may_repeat(
    view: &View<'_>,
    cause: &Cause,
    id: DataSourceId,
    operation: Operation,
) -> Result<(), Refusal> {
    let principal = asked(&view.state, cause.actor, cause.on_behalf_of, operation)?;
    if view.state.data_sources.rows.get(&id).is_none() {
        return Ok(());
    }
    match allowed(view, &principal, id, operation) {
        Ok(_) | Err(Refusal::NotFound(_)) => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

/// Whether `principal` may use a data source, as what `permission` stands for (5, 6, 7 or 10): by itself, or through a group.
/// What is set on a group, or given with it, takes the place of what is set on its members, which he has to see all the same;
/// where nothing is, what is set on a member holds (hdp-api 4.4).
pub fn may_use(
    state: &State<'_>,
    principal: &Principal,
    source: DataSourceId,
    through: Option<DataSourceId>,
    permission: PermissionId,
) -> bool {
    let Some(itself) = seen(state, principal, source) else { return false };
    match through {
        None => itself.permits(principal, permission),
        Some(group) if state.data_sources.members.get(&(group, source)).is_some() => {
            seen(state, principal, group).is_some_and(|group| {
                let says = if group.exactly.is_some() { group } else { itself };
                says.permits(principal, permission)
            })
        }
        Some(_) => false,
    }
}
