//! Wishes about who may do what with a data source, and about groups (hdp-api 4.2, 4.4, 4.5); what the edge makes of them; and
//! the comparison.

use authledger::commands::{
    self,
    data_source::{
        access::SourcePermissions,
        members::{RemoveMember, SetMembers},
        permissions::SetDataSourcePermissions,
        sharing::{ChangeShare, Receiver, ShareDataSource, UnshareDataSource},
    },
    field::EntityPrefix,
};
use events::{
    id::{DataSourceId, PermissionId, TenantId, UserId},
    sorted::SortedVec,
};
use projections::{
    State,
    data_sources::{Filter, View},
};
use proptest::{collection::vec, option, prelude::*};

use crate::{
    compare::same,
    data_sources::Source,
    model::Model,
    options,
    requests::{Ask, if_match, sequences},
    steps::{Expected, Pick, Wish, expected, id, one_of, pick},
};

/// A data source, who has it beside its owner, and what he may do with it.
pub(crate) type Share = (u64, u64, Vec<u16>);

/// What is shared, and what is in groups.
#[derive(Clone, Default)]
pub(crate) struct Shares {
    pub(crate) users: Vec<Share>,
    pub(crate) tenants: Vec<Share>,
    /// Group, member, and its prefix.
    pub(crate) members: Vec<(u64, u64, String)>,
}

/// Numbers are for [`crate::steps::id_of`].
#[derive(Clone, Debug)]
pub(crate) enum ShareWish {
    Permissions { source: Pick, permissions: Option<Vec<u8>>, expected: Expected },
    Share { source: Pick, users: Vec<u8>, tenants: Vec<u8>, permissions: Vec<u8> },
    Change { share: u8, of_tenants: bool, permissions: Vec<u8>, expected: Expected },
    End { share: u8, of_tenants: bool, expected: Expected },
    Members { group: Pick, members: Vec<(Pick, u8)>, all: bool, expected: Expected },
    NoMember { member: u8, expected: Expected },
}

/// What can be set on a data source.
const SETTABLE: [u8; 7] = [2, 3, 4, 5, 6, 7, 10];

pub(crate) fn settable() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1 => Just(SETTABLE.to_vec()), 1 => Just(vec![2]), 2 => vec((0..7_usize).prop_map(|place| SETTABLE[place]), 0..5)]
}

pub(crate) fn shares() -> BoxedStrategy<Wish> {
    let permissions = (pick(), option::weighted(0.8, settable()), expected())
        .prop_map(|(source, permissions, expected)| ShareWish::Permissions { source, permissions, expected });
    let tenant = || prop_oneof![4 => 1..4_u8, 1 => id()];
    let share =
        (pick(), vec(id(), 0..3), prop_oneof![3 => Just(Vec::new()), 2 => vec(tenant(), 1..3)], settable());
    let share = share.prop_map(|(source, users, tenants, permissions)| ShareWish::Share {
        source,
        users,
        tenants,
        permissions,
    });
    let change = (id(), any::<bool>(), settable(), expected()).prop_map(
        |(share, of_tenants, permissions, expected)| ShareWish::Change {
            share,
            of_tenants,
            permissions,
            expected,
        },
    );
    let end = (id(), any::<bool>(), expected()).prop_map(|(share, of_tenants, expected)| ShareWish::End {
        share,
        of_tenants,
        expected,
    });
    let members = (pick(), vec((pick(), 0..3_u8), 0..4), any::<bool>(), expected())
        .prop_map(|(group, members, all, expected)| ShareWish::Members { group, members, all, expected });
    let fewer = (id(), expected()).prop_map(|(member, expected)| ShareWish::NoMember { member, expected });
    prop_oneof![4 => permissions, 9 => share, 4 => change, 4 => end, 6 => members, 2 => fewer]
        .prop_map(Wish::Share)
        .boxed()
}

/// A data source that all users of a tenant may view and change.
pub(crate) fn with_tenant(source: u8, tenant: u8) -> Wish {
    let source = Pick { number: source, own: false };
    Wish::Share(ShareWish::Share {
        source,
        users: Vec::new(),
        tenants: vec![tenant],
        permissions: vec![2, 3],
    })
}

/// A data source in a group.
pub(crate) fn first_member(group: u8, member: u8) -> Wish {
    let pick = |number| Pick { number, own: false };
    let (members, expected) = (vec![(pick(member), 0)], Expected::Nothing);
    Wish::Share(ShareWish::Members { group: pick(group), members, all: false, expected })
}

/// One of everything: the first data source and the group are user 1's, the third is user 4's.
pub(crate) fn tour() -> Vec<Wish> {
    let expected = Expected::Nothing;
    let pick = |number| Pick { number, own: false };
    let all = [
        ShareWish::Share { source: pick(1), users: vec![2], tenants: vec![3], permissions: vec![2] },
        ShareWish::End { share: 0, of_tenants: false, expected: expected.clone() },
        ShareWish::Members {
            group: pick(5),
            members: vec![(pick(1), 1)],
            all: true,
            expected: expected.clone(),
        },
        ShareWish::NoMember { member: 0, expected },
    ];
    all.map(Wish::Share).into()
}

/// Exactly what its owner may do with a data source, said by who acts for him.
pub(crate) fn set(source: u8, permissions: &[u8]) -> Wish {
    let source = Pick { number: source, own: false };
    let (permissions, expected) = (Some(permissions.to_vec()), Expected::Nothing);
    Wish::Share(ShareWish::Permissions { source, permissions, expected })
}

/// What the edge does with it for `whom`, who asks or is asked for.
pub(crate) fn edge(model: &Model, whom: Option<u64>, wish: &ShareWish) -> (Ask, commands::Wish) {
    let seen = |id: u64, expected: &Expected| {
        let expected = if_match(model.source(id).map(|row| row.changed), expected);
        sequences(expected.as_ref())
    };
    let is_his = |id: u64| model.source(id).is_some_and(|row| Some(row.owner) == whom);
    let there = |number: &u8, of_tenants: bool| {
        let all = if of_tenants { &model.shares.tenants } else { &model.shares.users };
        let own: Vec<&Share> = all.iter().filter(|row| is_his(row.0)).collect();
        let place = usize::from(*number);
        let row = own.get(place % own.len().max(1)).copied().or(all.get(place % all.len().max(1)));
        let (source, receiver) = row.map_or((1, u64::from(*number)), |row| (row.0, row.1));
        (
            source,
            if of_tenants { Receiver::Tenant(TenantId(receiver)) } else { Receiver::User(UserId(receiver)) },
        )
    };
    let wish = match wish {
        ShareWish::Permissions { source, permissions, expected } => {
            let source = options::picked(model, whom, source);
            commands::Wish::SetDataSourcePermissions(SetDataSourcePermissions {
                id: DataSourceId(source),
                expected: seen(source, expected),
                permissions: permissions.as_ref().map(|list| of_owner(list)),
            })
        }
        ShareWish::Share { source, users, tenants, permissions } => {
            let given = of_share(permissions);
            let source = match users.first() {
                // A group, whose members may not be shared.
                Some(number) if number % 3 == 1 => {
                    let groups = model.shares.members.iter().map(|row| row.0).filter(|id| is_his(*id));
                    one_of(*number, groups, model.sources_ever)
                }
                _ => options::picked(model, whom, source),
            };
            // One whose whole tenant has it already.
            let near = |user: &&crate::model::User| model.is_with_tenant(source, user.tenant);
            let near = || model.users.iter().filter(near).map(|user| user.id);
            let one = |number: u8| match number % 3 {
                0 => one_of(number, near(), model.users_ever),
                _ => model.a_user(number),
            };
            let users = users.iter().map(|number| (UserId(one(*number)), given.clone()));
            let tenants = tenants.iter().map(|number| (TenantId(model.a_tenant(*number)), given.clone()));
            commands::Wish::ShareDataSource(Box::new(ShareDataSource {
                id: DataSourceId(source),
                users: users.collect(),
                tenants: tenants.collect(),
            }))
        }
        ShareWish::Change { share, of_tenants, permissions, expected } => {
            let (source, receiver) = there(share, *of_tenants);
            let (id, expected) = (DataSourceId(source), seen(source, expected));
            let permissions = of_share(permissions);
            commands::Wish::ChangeShare(ChangeShare { id, expected, with: receiver, permissions })
        }
        ShareWish::End { share, of_tenants, expected } => {
            let (source, receiver) = there(share, *of_tenants);
            let (id, expected) = (DataSourceId(source), seen(source, expected));
            commands::Wish::UnshareDataSource(UnshareDataSource { id, expected, with: receiver })
        }
        ShareWish::Members { group, members, all, expected } => {
            let groups = model.sources.iter().filter(|row| row.is_group() && Some(row.owner) == whom);
            let groups: Vec<u64> = groups.map(|row| row.id).collect();
            let group = group.of(&groups, model.sources_ever);
            let simple = model.sources.iter().filter(|row| !row.is_group() && Some(row.owner) == whom);
            let simple: Vec<u64> = simple.map(|row| row.id).collect();
            let one = |(pick, prefix): &(Pick, u8)| {
                let prefix = EntityPrefix::parse(&format!("p{prefix}")).expect("a good prefix");
                (DataSourceId(pick.of(&simple, model.sources_ever)), prefix)
            };
            commands::Wish::SetMembers(Box::new(SetMembers {
                id: DataSourceId(group),
                expected: seen(group, expected),
                members: members.iter().map(one).collect(),
                all: *all,
            }))
        }
        ShareWish::NoMember { member, expected } => {
            let rows = &model.shares.members;
            let row = rows.get(usize::from(*member) % rows.len().max(1)).filter(|_| *member < 180);
            let any = one_of(*member, model.sources.iter().map(|row| row.id), model.sources_ever);
            let (group, member) = row.map_or((any, 1), |(group, member, _)| (*group, *member));
            let (id, expected) = (DataSourceId(group), seen(group, expected));
            commands::Wish::RemoveMember(RemoveMember { id, expected, member: DataSourceId(member) })
        }
    };
    (Ask::Other(wish.clone()), wish)
}

pub(crate) fn of_owner(list: &[u8]) -> SourcePermissions {
    let ids: Vec<u64> = list.iter().copied().map(u64::from).collect();
    SourcePermissions::of_owner(&ids).expect("what can be set")
}

/// 10 is never given with a share, and some permission always.
fn of_share(list: &[u8]) -> SourcePermissions {
    let ids: Vec<u64> = list.iter().copied().filter(|id| *id != 10).map(u64::from).collect();
    SourcePermissions::of_share(if ids.is_empty() { &[7] } else { &ids }).expect("what can be given")
}

pub(crate) fn numbers(list: &SortedVec<PermissionId>) -> Vec<u16> {
    list.iter().map(|permission| permission.0).collect()
}

/// What lists are cut down to.
const FILTERS: [(Option<bool>, Option<bool>, View); 6] = [
    (None, None, View::All),
    (None, None, View::NotRefused),
    (None, None, View::Permitted),
    (Some(true), None, View::All),
    (Some(false), Some(true), View::Permitted),
    (None, Some(false), View::NotRefused),
];

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    let (sources, ours) = (&state.data_sources, &model.shares);
    same!(sources.shared_users.all().count(), ours.users.len(), "number of shares with users");
    same!(sources.with_user.all().count(), ours.users.len(), "number of shares in users' lists");
    for (source, user, given) in &ours.users {
        let row = sources.shared_users.get(&(DataSourceId(*source), UserId(*user)));
        same!(row.map(numbers), Some(given.clone()), "data source {source} with user {user}");
    }
    same!(sources.shared_tenants.all().count(), ours.tenants.len(), "number of shares with tenants");
    same!(sources.with_tenant.all().count(), ours.tenants.len(), "number of shares in tenants' lists");
    for (source, tenant, given) in &ours.tenants {
        let row = sources.shared_tenants.get(&(DataSourceId(*source), TenantId(*tenant)));
        same!(row.map(numbers), Some(given.clone()), "data source {source} with tenant {tenant}");
    }
    same!(sources.members.all().count(), ours.members.len(), "number of members of groups");
    same!(sources.groups_of.all().count(), ours.members.len(), "number of groups of members");
    for (group, member, prefix) in &ours.members {
        let row = sources.members.get(&(DataSourceId(*group), DataSourceId(*member)));
        same!(row, Some(prefix), "member {member} of group {group}");
    }
    for source in 0..=model.sources_ever.min(12) {
        let id = DataSourceId(source);
        let groups =
            of(&ours.members, |(group, member, _)| (*member == source && *group > 2).then_some(*group));
        let actual: Vec<u64> = sources.groups_of(id, DataSourceId(2)).map(|group| group.0).collect();
        same!(actual, groups, "groups of data source {source} after 2");
        let members = of(&ours.members, |(group, member, _)| (*group == source).then_some(*member));
        let actual: Vec<u64> = sources.members_of(id, DataSourceId(0)).map(|(member, _)| member.0).collect();
        same!(actual, members, "members of data source {source}");
    }
    for (group, odata, view) in FILTERS {
        let filter = Filter { group, odata, view };
        let passes = |row: &Source, said: Option<&Vec<u16>>| {
            group.is_none_or(|group| group == row.is_group())
                && odata.is_none_or(|odata| odata == row.is_odata())
                && match (view, said.map(|list| list.contains(&2))) {
                    (View::All, _) | (View::NotRefused, None) | (_, Some(true)) => true,
                    (View::NotRefused, Some(false)) | (View::Permitted, None | Some(false)) => false,
                }
        };
        let shared = |rows: &[Share], receiver: u64| {
            of(rows, |(source, other, list)| {
                let row = model.source(*source).filter(|row| passes(row, Some(list)) && row.id > 1);
                row.filter(|_| *other == receiver).map(|row| row.id)
            })
        };
        for number in 0..10 {
            let (user, tenant, after) = (UserId(number), TenantId(number), DataSourceId(1));
            let own = model.sources.iter().filter(|row| row.owner == number && row.id > 1);
            let own = own.filter(|row| passes(row, row.permissions.as_ref()));
            let own: Vec<u64> = own.map(|row| row.id).collect();
            let actual: Vec<u64> = sources.of_owner(user, filter, after).map(|id| id.0).collect();
            same!(actual, own, "data sources of user {number} by {filter:?}");
            let actual: Vec<u64> = sources.shared_with_user(user, filter, after).map(|id| id.0).collect();
            same!(actual, shared(&ours.users, number), "what is shared with user {number} by {filter:?}");
            let actual: Vec<u64> = sources.shared_with_tenant(tenant, filter, after).map(|id| id.0).collect();
            same!(actual, shared(&ours.tenants, number), "what is shared with tenant {number} by {filter:?}");
        }
    }
    let after = UserId(1);
    for source in model.sources.iter().map(|row| row.id) {
        let users = of(&ours.users, |(of, user, _)| (*of == source && *user > 1).then_some(*user));
        let actual = sources.shared_users_of(DataSourceId(source), after).map(|(user, _)| user.0);
        same!(actual.collect::<Vec<_>>(), users, "users of data source {source} after 1");
    }
    Ok(())
}

/// Ids in their order.
fn of<T>(rows: &[T], id: impl Fn(&T) -> Option<u64>) -> Vec<u64> {
    let mut ids: Vec<u64> = rows.iter().filter_map(id).collect();
    ids.sort_unstable();
    ids
}

/// What a data source's row says of its owner.
pub(crate) fn listed(list: &[u16]) -> SortedVec<PermissionId> {
    list.iter().copied().map(PermissionId).collect()
}
