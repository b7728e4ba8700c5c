//! Groups and their members (hdp-api 4.2): several data sources of one owner behind one name.

use std::collections::{BTreeMap, BTreeSet};

use events::{
    data_source::DataSourceMembersChanged,
    id::{DataSourceId, Sequence},
    sorted::{SortedMap, SortedVec},
};
use projections::{State, data_sources::DataSource};

use super::{access, stream};
use crate::commands::{
    Cause, Decision, Fact, Object, Refusal, View, field::EntityPrefix, oauth_profile::MODIFY, unchanged_since,
};

/// Most members of one group, so that an event about all of them fits its body.
pub const MEMBERS_MAX: usize = 200;

/// Members for a group.
#[derive(Clone, Debug)]
pub struct SetMembers {
    /// Which group.
    pub id: DataSourceId,
    /// From `If-Match`, as everywhere.
    pub expected: Option<Vec<Sequence>>,
    /// The members, each with the prefix of its tables' names.
    pub members: SortedMap<DataSourceId, EntityPrefix>,
    /// Whether these are all; otherwise others stay.
    pub all: bool,
}

/// A member that is to leave its group.
#[derive(Clone, Debug)]
pub struct RemoveMember {
    /// Which group.
    pub id: DataSourceId,
    /// From `If-Match`, as everywhere.
    pub expected: Option<Vec<Sequence>>,
    /// Which member.
    pub member: DataSourceId,
}

/// Always records an event, as for applications.
pub(in crate::commands) fn set(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetMembers,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = access::asked(state, cause.actor, cause.on_behalf_of, &MODIFY)?;
    let row = access::owned(view, &principal, wish.id, &MODIFY)?.row;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    if !row.is_group() {
        return Err(Refusal::invalid("members", "only a group, which is of data store 56, has members"));
    }
    for (member, _) in wish.members.iter() {
        of_the_owner(state, row, *member)?;
    }
    let before: BTreeMap<DataSourceId, &str> =
        state.data_sources.members_of(wish.id, DataSourceId(0)).collect();
    let mut after = if wish.all { BTreeMap::new() } else { before.clone() };
    after.extend(wish.members.iter().map(|(member, prefix)| (*member, prefix.as_str())));
    if after.len() > MEMBERS_MAX {
        return Err(Refusal::invalid("members", format!("a group has at most {MEMBERS_MAX} members")));
    }
    let prefixes: BTreeSet<&str> = after.values().copied().collect();
    if prefixes.len() < after.len() {
        return Err(Refusal::invalid("entityPrefix", "each member of a group has a prefix of its own"));
    }
    let removed = before.keys().filter(|member| !after.contains_key(member)).copied().collect();
    let set = wish.members.iter().map(|(member, prefix)| (*member, prefix.as_str().to_owned())).collect();
    Ok(changed(wish.id, row, set, removed))
}

pub(in crate::commands) fn remove(
    view: &View<'_>,
    cause: &Cause,
    wish: &RemoveMember,
) -> Result<Decision, Refusal> {
    let principal = access::asked(&view.state, cause.actor, cause.on_behalf_of, &MODIFY)?;
    let row = access::owned(view, &principal, wish.id, &MODIFY)?.row;
    if view.state.data_sources.members.get(&(wish.id, wish.member)).is_none() {
        return Err(Refusal::NotFound(Object::DataSource(wish.member)));
    }
    unchanged_since(row.changed, wish.expected.as_deref())?;
    Ok(changed(wish.id, row, SortedMap::default(), [wish.member].into_iter().collect()))
}

/// That a data source leaves every group it is in.
pub(super) fn leave_groups(state: &State<'_>, member: DataSourceId, facts: &mut Vec<Fact>) {
    for group in state.data_sources.groups_of(member, DataSourceId(0)) {
        if let Some(row) = state.data_sources.rows.get(&group) {
            let left = changed(group, row, SortedMap::default(), [member].into_iter().collect());
            facts.extend(left.facts);
        }
    }
}

fn changed(
    group: DataSourceId,
    row: &DataSource,
    set: SortedMap<DataSourceId, String>,
    removed: SortedVec<DataSourceId>,
) -> Decision {
    let changed = DataSourceMembersChanged { set, removed };
    Decision { facts: vec![Fact::new(row.tenant, stream(group), changed)], ..Decision::default() }
}

/// A member is the group's owner's, and no group itself. What he does not own is not there.
fn of_the_owner(state: &State<'_>, group: &DataSource, member: DataSourceId) -> Result<(), Refusal> {
    let row = state.data_sources.rows.get(&member).filter(|row| row.owner == group.owner);
    match row {
        None => Err(Refusal::UnknownReference(Object::DataSource(member))),
        Some(row) if row.is_group() => Err(Refusal::invalid("id", "a group can't be in a group")),
        Some(_) => Ok(()),
    }
}
