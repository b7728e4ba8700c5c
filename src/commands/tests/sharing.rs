//! Permissions on data sources, shares, and groups.

use events::{
    data_source::{DataSourceMembersChanged, DataSourceShared, DataSourceUnshared},
    envelope::{Stream, StreamKind},
    event::Event,
    id::{DataSourceId, DataStoreId, OAuthProfileId, PermissionId, TenantId, UserId},
    sorted::{SortedMap, SortedVec},
    tenant::TenantAdministratorsChanged,
};

use super::{A, SYSTEM, World, data_sources::create_with, ids, sealed};
use crate::{
    auth::principal::Principal,
    commands::{
        Object, Refusal, Wish,
        data_source::{
            DeleteDataSource, UpdateDataSource,
            access::{self, SourcePermissions, may_use},
            members::{MEMBERS_MAX, RemoveMember, SetMembers},
            permissions::SetDataSourcePermissions,
            sharing::{ChangeShare, Receiver, ShareDataSource, UnshareDataSource},
        },
        disclosure::{RevealSecrets, Secrets},
        field::{DataSourceName, EntityPrefix},
    },
};

fn of_share(permissions: &[u64]) -> SourcePermissions {
    SourcePermissions::of_share(permissions).expect("these can be given")
}

fn set(id: u64, permissions: Option<&[u64]>) -> Wish {
    let permissions = permissions.map(|ids| SourcePermissions::of_owner(ids).expect("these can be set"));
    Wish::SetDataSourcePermissions(SetDataSourcePermissions {
        id: DataSourceId(id),
        expected: None,
        permissions,
    })
}

fn share_all(id: u64, users: &[(u64, &[u64])], tenants: &[(u64, &[u64])]) -> Wish {
    Wish::ShareDataSource(Box::new(ShareDataSource {
        id: DataSourceId(id),
        users: users.iter().map(|(user, list)| (UserId(*user), of_share(list))).collect(),
        tenants: tenants.iter().map(|(tenant, list)| (TenantId(*tenant), of_share(list))).collect(),
    }))
}

fn share(id: u64, user: u64, permissions: &[u64]) -> Wish {
    share_all(id, &[(user, permissions)], &[])
}

fn share_with(id: u64, tenant: u64, permissions: &[u64]) -> Wish {
    share_all(id, &[], &[(tenant, permissions)])
}

fn unshare(id: u64, with: Receiver) -> Wish {
    Wish::UnshareDataSource(UnshareDataSource { id: DataSourceId(id), expected: None, with })
}

fn members(id: u64, members: &[(u64, &str)], all: bool) -> Wish {
    let prefix = |text: &str| EntityPrefix::parse(text).expect("a good prefix");
    let members = members.iter().map(|(id, text)| (DataSourceId(*id), prefix(text))).collect();
    Wish::SetMembers(Box::new(SetMembers { id: DataSourceId(id), expected: None, members, all }))
}

fn leave(id: u64, member: u64) -> Wish {
    Wish::RemoveMember(RemoveMember { id: DataSourceId(id), expected: None, member: DataSourceId(member) })
}

/// What a PUT of what a GET shows would wish.
fn put_with(world: &World, id: u64, change: impl FnOnce(&mut UpdateDataSource)) -> Wish {
    let row = world.view.state.data_sources.rows.get(&DataSourceId(id));
    let mut wish = UpdateDataSource {
        id: DataSourceId(id),
        expected: None,
        name: DataSourceName::parse(row.map_or("gone", |row| &row.name)).expect("a good name"),
        data_store: None,
        connection_type: None,
        description: None,
        profile: row.and_then(|row| row.profile),
        plain_options: row.map(|row| row.plain_options.clone()).unwrap_or_default(),
        sealed_options: SortedMap::default(),
        permissions: None,
    };
    change(&mut wish);
    Wish::UpdateDataSource(Box::new(wish))
}

fn put(world: &World, id: u64) -> Wish {
    put_with(world, id, |_| {})
}

fn delete(id: u64) -> Wish {
    Wish::DeleteDataSource(DeleteDataSource { id: DataSourceId(id), expected: None })
}

fn reveal(world: &World, id: u64) -> Wish {
    let row = world.view.state.data_sources.rows.get(&DataSourceId(id)).expect("it is there");
    Wish::RevealSecrets(RevealSecrets {
        secrets: Secrets::DataSource(DataSourceId(id)),
        changed: row.changed,
    })
}

fn does(world: &mut World, actor: u64, for_whom: u64, wish: Wish) {
    let decision = world.when_for(actor, Some(for_whom), wish).expect("granted");
    for fact in decision.facts {
        world.record(fact.tenant, fact.stream, fact.event);
    }
}

fn missing(id: u64) -> Refusal {
    Refusal::NotFound(Object::DataSource(DataSourceId(id)))
}

fn list(world: &World, user: u64) -> Vec<u64> {
    let principal = Principal::of(&world.view.state, UserId(user)).expect("he is there");
    let filter = projections::data_sources::Filter::default();
    let all = access::viewable(&world.view.state, &principal, filter, DataSourceId(0));
    all.map(|(id, _)| id.0).collect()
}

#[test]
fn permissions_on_a_data_source_take_the_place_of_its_owners_own() {
    let mut world = World::with_owners();
    let of_11 =
        |world: &World| [put(world, 1), delete(1), reveal(world, 1)].map(|wish| world.when(11, wish).err());
    assert_eq!(of_11(&world), [None, None, None]);
    does(&mut world, 1, 11, set(1, Some(&[7])));
    assert_eq!(of_11(&world), [const { Some(Refusal::Forbidden) }; 3]);
    assert_eq!(list(&world, 11), [2, 3]);
    // Who acts for him could set it anew, so it does not bind him; and 12 is never in want.
    assert!(world.when_for(14, Some(11), put(&world, 1)).is_ok());
    assert!(world.when_for(1, Some(11), reveal(&world, 1)).is_ok());
    does(&mut world, 14, 11, set(1, None));
    assert_eq!(of_11(&world), [None, None, None]);
    assert_eq!(list(&world, 11), [1, 2, 3]);
    // Nor does an owner get around it who may act for others, by naming himself.
    let bound = SourcePermissions::of_owner(&[2]).expect("good");
    does(&mut world, 1, 14, create_with("bound", |wish| wish.permissions = Some(bound)));
    for himself in [None, Some(14)] {
        assert_eq!(world.when_for(14, himself, put(&world, 6)).err(), Some(Refusal::Forbidden));
    }
    does(&mut world, 1, 14, delete(6));
    // They also give what he does not hold, but never 11.
    world.people(&[(20, A, &[11]), (21, A, &[2, 3])]);
    for (user, id) in [(20, 7), (21, 8)] {
        does(
            &mut world,
            1,
            user,
            create_with("given", |wish| {
                wish.permissions = Some(SourcePermissions::of_owner(&[2, 3]).expect("good"));
            }),
        );
        let refused = world.when(user, put(&world, id)).err();
        assert_eq!(refused, (user == 21).then_some(Refusal::LacksPermission), "user {user}");
    }
    assert!(world.when(20, reveal(&world, 7)).is_ok());
    // For every other id he hears what he always heard.
    for id in [1, 7, 99] {
        assert_eq!(world.when(20, delete(id)).err(), Some(Refusal::LacksPermission), "{id}");
    }
    assert_eq!(world.when(20, put(&world, 1)).err(), Some(Refusal::LacksPermission));
    assert_eq!(list(&world, 20), [7]);
}

#[test]
fn permissions_are_set_by_who_acts_for_the_owner_and_holds_them() {
    let mut world = World::with_owners();
    assert_eq!(world.when(11, set(1, Some(&[2]))).err(), Some(Refusal::Forbidden), "his own");
    assert_eq!(world.when(1, set(1, Some(&[2]))).err(), Some(missing(1)), "not seen without ?user=");
    assert_eq!(world.when_for(14, Some(12), set(1, Some(&[2]))).err(), Some(missing(1)), "another's");
    let for_himself = world.when_for(
        1,
        Some(1),
        create_with("own", |wish| {
            wish.permissions = Some(SourcePermissions::of_owner(&[2]).expect("good"));
        }),
    );
    assert_eq!(for_himself.err(), Some(Refusal::Forbidden));
    let not_held = world.when_for(14, Some(11), set(1, Some(&[2, 7]))).err();
    assert_eq!(not_held, Some(Refusal::NotHisToGrant(PermissionId(7))));
    world.then(11, share(1, 12, &[2, 3]));
    assert_eq!(world.when_for(14, Some(12), set(1, Some(&[2]))).err(), Some(Refusal::Forbidden), "shared");
    // A PUT may repeat them, and leaves them when it does not speak of them.
    does(&mut world, 14, 11, set(1, Some(&[2, 3])));
    let with = |ids: &[u64]| Some(SourcePermissions::of_owner(ids).expect("good"));
    assert_eq!(world.when(11, put(&world, 1)).map(|decision| decision.facts.len()), Ok(1));
    let same = put_with(&world, 1, |wish| wish.permissions = with(&[2, 3]));
    assert_eq!(world.when(11, same).map(|decision| decision.facts.len()), Ok(1));
    let more = |world: &World| put_with(world, 1, |wish| wish.permissions = with(&[2, 3, 4]));
    assert_eq!(world.when(11, more(&world)).err(), Some(Refusal::Forbidden));
    assert_eq!(world.when_for(14, Some(11), more(&world)).map(|decision| decision.facts.len()), Ok(2));
}

#[test]
fn only_what_can_be_set_is_set() {
    for (ids, owner, share) in [
        (&[2_u64, 3, 4, 5, 6, 7][..], true, true),
        (&[2, 10], true, false),
        (&[], true, false),
        (&[1], false, false),
        (&[2, 11], false, false),
        (&[12], false, false),
        (&[65_538], false, false),
    ] {
        assert_eq!(SourcePermissions::of_owner(ids).is_ok(), owner, "{ids:?}");
        assert_eq!(SourcePermissions::of_share(ids).is_ok(), share, "{ids:?}");
    }
}

#[test]
fn a_share_gives_exactly_its_data_source_and_exactly_this() {
    let mut world = World::with_owners();
    // 20 holds nothing but 11, so all that he may comes by the share; 12 holds everything, and that does not help him.
    world.people(&[(20, A, &[11]), (21, A, &[2, 3, 4])]);
    for (given, allowed) in [(&[2][..], [false, false]), (&[3], [true, false]), (&[4], [false, true])] {
        world.then(11, share_all(1, &[(12, given), (20, given), (21, given)], &[]));
        for (user, seen) in [(12, Refusal::Forbidden), (20, Refusal::LacksPermission)] {
            let came = [put(&world, 1), delete(1)].map(|wish| world.when(user, wish).err());
            assert_eq!(came, allowed.map(|allowed| (!allowed).then(|| seen.clone())), "{user} {given:?}");
        }
        assert!(world.when(12, reveal(&world, 1)).is_err(), "secrets are the owner's");
        assert_eq!(world.when(21, put(&world, 1)).err(), Some(Refusal::LacksPermission), "without 11");
        let viewed = given.contains(&2);
        assert_eq!(list(&world, 20), if viewed { vec![1] } else { vec![] });
        assert_eq!(list(&world, 12), if viewed { vec![1, 5] } else { vec![5] });
        // Another data source of the same owner stays one that is not there.
        assert_eq!(world.when(12, put(&world, 2)).err(), Some(missing(2)));
        assert_eq!(world.when(20, put(&world, 2)).err(), Some(Refusal::LacksPermission));
    }
    // Who acts for the receiver does what both may.
    assert_eq!(world.when_for(14, Some(12), put(&world, 1)).err(), Some(Refusal::Forbidden));
    assert!(world.when_for(14, Some(12), delete(1)).is_ok());
    // It is the owner's to share, change and end, not the receiver's.
    for wish in [share(1, 20, &[4]), unshare(1, Receiver::User(UserId(12))), members(1, &[], true)] {
        let refused = world.when(12, wish).err();
        assert_eq!(refused, Some(Refusal::Forbidden), "with 4 alone he may not change it either");
    }
    world.then(11, share(1, 12, &[2, 3, 4]));
    for wish in [share(1, 20, &[4]), unshare(1, Receiver::User(UserId(12))), members(1, &[], true)] {
        assert_eq!(world.when(12, wish).err(), Some(Refusal::Forbidden));
    }
    world.then(11, unshare(1, Receiver::User(UserId(12))));
    assert_eq!(world.when(12, put(&world, 1)).err(), Some(missing(1)));
    assert_eq!(list(&world, 12), [5]);
}

#[test]
fn it_is_shared_with_users_in_reach_who_do_not_have_it_yet() {
    let mut world = World::with_owners();
    let unknown = |user| Some(Refusal::UnknownReference(Object::User(UserId(user))));
    for user in [99, 0, 15, 10] {
        assert_eq!(world.when(11, share(1, user, &[2])).err(), unknown(user), "{user}");
        assert_eq!(world.when_for(14, Some(11), share(1, user, &[2])).err(), unknown(user), "{user}");
    }
    assert!(world.when_for(1, Some(11), share(1, 15, &[2])).is_ok(), "12 reaches everybody");
    assert!(matches!(world.when(11, share(1, 11, &[2])).err(), Some(Refusal::Invalid { .. })));
    assert_eq!(world.when_for(14, Some(11), share(1, 14, &[2])).err(), Some(Refusal::Forbidden), "himself");
    assert_eq!(world.when(11, share(1, 12, &[2, 7])).err(), Some(Refusal::NotHisToGrant(PermissionId(7))));
    does(&mut world, 1, 11, set(1, Some(&[3, 7])));
    assert!(world.when(11, share(1, 12, &[7])).is_ok(), "what is set on it is his to give");
    assert_eq!(
        world.when(11, share(1, 12, &[2])).err(),
        Some(Refusal::NotHisToGrant(PermissionId(2))),
        "and what is not, is not"
    );
    does(&mut world, 1, 11, share_with(2, 2, &[2]));
    assert_eq!(world.when(11, share(2, 12, &[2])).err(), Some(Refusal::SharedWithTenant));
}

#[test]
fn a_change_or_an_end_is_of_a_share_that_is_there() {
    let mut world = World::with_owners();
    let change = |with, permissions: &[u64]| {
        Wish::ChangeShare(ChangeShare {
            id: DataSourceId(1),
            expected: None,
            with,
            permissions: of_share(permissions),
        })
    };
    let (user, tenant) = (Receiver::User(UserId(12)), Receiver::Tenant(A));
    for wish in [change(user, &[2]), unshare(1, user)] {
        assert_eq!(world.when(11, wish).err(), Some(Refusal::NotFound(Object::User(UserId(12)))));
    }
    for wish in [change(tenant, &[2]), unshare(1, tenant)] {
        assert_eq!(world.when(11, wish).err(), Some(Refusal::NotFound(Object::Tenant(A))));
    }
    world.then(11, share(1, 12, &[2]));
    world.then(11, change(user, &[4]));
    assert!(world.when(12, delete(1)).is_ok());
    let repeated = world.then(11, unshare(1, user)).facts;
    let gone =
        DataSourceUnshared { users: [UserId(12)].into_iter().collect(), tenants: SortedVec::default() };
    assert_eq!(repeated[0].event, Event::from(gone));
}

#[test]
fn only_administrators_share_with_tenants_and_that_ends_the_shares_of_its_users() {
    let mut world = World::with_owners();
    assert_eq!(world.when(11, share_with(1, 2, &[2])).err(), Some(Refusal::Forbidden), "his own tenant");
    for tenant in [1, 3, 99] {
        let unknown = Some(Refusal::UnknownReference(Object::Tenant(TenantId(tenant))));
        assert_eq!(world.when(11, share_with(1, tenant, &[2])).err(), unknown, "{tenant}");
        assert_eq!(world.when_for(14, Some(11), share_with(1, tenant, &[2])).err(), unknown, "{tenant}");
    }
    let own = world.when_for(14, Some(11), share_with(1, 2, &[2])).err();
    assert_eq!(own, Some(Refusal::Forbidden), "his administrator reaches as far as both do");
    world.then(11, share(1, 12, &[2, 3]));
    does(&mut world, 1, 11, share(1, 15, &[2]));
    let decision = world.when_for(1, Some(11), share_with(1, 2, &[2])).expect("12 shares with any");
    let events: Vec<Event> = decision.facts.into_iter().map(|fact| fact.event).collect();
    let dropped =
        DataSourceUnshared { users: [UserId(12)].into_iter().collect(), tenants: SortedVec::default() };
    let shared =
        DataSourceShared { users: SortedMap::default(), tenants: [(A, ids(&[2]))].into_iter().collect() };
    assert_eq!(events, [dropped.into(), shared.into()]);
    does(&mut world, 1, 11, share_with(1, 2, &[2]));
    assert_eq!(
        world.when(12, put(&world, 1)).err(),
        Some(Refusal::Forbidden),
        "he views it, with all others"
    );
    assert_eq!((list(&world, 12), list(&world, 15)), (vec![1, 5], vec![1]));
    assert_eq!(list(&world, 11), [1, 2, 3], "the owner's list has it once");
    world.then(11, unshare(1, Receiver::Tenant(A)));
    assert_eq!((list(&world, 12), list(&world, 15)), (vec![5], vec![1]));
}

#[test]
fn who_has_it_by_a_share_leaves_to_the_owner_what_reaches_beyond_it() {
    let mut world = World::with_owners();
    world.then(11, share(1, 12, &[2, 3]));
    let refused = |change: fn(&mut UpdateDataSource)| world.when(12, put_with(&world, 1, change)).err();
    assert_eq!(refused(|_| {}), None);
    assert_eq!(refused(|wish| wish.profile = None), Some(Refusal::Forbidden), "nor does he clear it");
    // 5 is his own, 2 is the owner's and not this data source's, 99 is nobody's.
    for profile in [5, 2, 99] {
        let wish = put_with(&world, 1, |wish| wish.profile = Some(OAuthProfileId(profile)));
        let unknown = Refusal::UnknownReference(Object::OAuthProfile(OAuthProfileId(profile)));
        assert_eq!(world.when(12, wish).err(), Some(unknown), "{profile}");
    }
    // Whether the owner has something of that name is not told.
    for name in ["free", "source-21"] {
        let wish = put_with(&world, 1, |wish| wish.name = DataSourceName::parse(name).expect("good"));
        assert!(matches!(world.when(12, wish).err(), Some(Refusal::Invalid { field: "name", .. })), "{name}");
    }
    assert_eq!(
        refused(|wish| wish.permissions = Some(SourcePermissions::of_owner(&[2]).expect("good"))),
        Some(Refusal::Forbidden)
    );
}

fn plain(options: &[(&str, &str)]) -> SortedMap<String, String> {
    options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn who_has_it_by_a_share_changes_no_option_that_may_say_where_its_secrets_go() {
    const KEPT: (&str, &str) = ("ConfigOptions", "x");
    const VERSION: (&str, &str) = ("ODataVersion", "4");
    let mut world = World::with_owners();
    // 6 has a password, 7 a profile, 8 no secret at all.
    for (name, password, profile) in [("six", true, None), ("seven", false, Some(1)), ("eight", false, None)]
    {
        let made = create_with(name, |wish| {
            (wish.plain_options, wish.profile) = (plain(&[KEPT, VERSION]), profile.map(OAuthProfileId));
            if !password {
                wish.sealed_options = SortedMap::default();
            }
        });
        world.then(11, made);
    }
    for id in [6, 7, 8] {
        world.then(11, share(id, 12, &[2, 3]));
    }
    let with_plain = |id, options: &[(&str, &str)]| {
        world.when(12, put_with(&world, id, |wish| wish.plain_options = plain(options))).err()
    };
    let with_sealed = |id, name: &str, value: Option<_>| {
        let options = [(name.to_owned(), value)].into_iter().collect();
        world.when(12, put_with(&world, id, |wish| wish.sealed_options = options)).err()
    };
    for id in [6, 7] {
        for good in
            [&[KEPT, VERSION][..], &[KEPT], &[KEPT, ("ODataVersion", "2"), ("DefaultQueryOptions", "q")]]
        {
            assert_eq!(with_plain(id, good), None, "{id} {good:?}");
        }
        let token_uri = ("TokenURI", "https://his.example/");
        for bad in [&[VERSION][..], &[("ConfigOptions", "y")], &[KEPT, ("Scope", "all")], &[KEPT, token_uri]]
        {
            assert_eq!(with_plain(id, bad), Some(Refusal::Forbidden), "{id} {bad:?}");
        }
        for (name, value) in [("Password", Some(sealed(50))), ("Password", None), ("Proxy", Some(sealed(50)))]
        {
            assert_eq!(with_sealed(id, name, value), Some(Refusal::Forbidden), "{id} {name}");
        }
    }
    // Without secrets he changes what he likes, but never where tokens would come from.
    assert_eq!((with_plain(8, &[VERSION]), with_sealed(8, "Proxy", Some(sealed(50)))), (None, None));
    let moved = with_plain(8, &[KEPT, VERSION, ("AuthURI", "https://his.example/")]);
    assert!(matches!(moved, Some(Refusal::Invalid { field: "options", .. })), "{moved:?}");
}

#[test]
fn who_shares_for_another_gives_nothing_to_himself_by_his_tenant() {
    let mut world = World::with_owners();
    world.people(&[(20, SYSTEM, &[3, 2, 11, 21])]);
    let added = [UserId(11), UserId(20)].into_iter().collect();
    let change = TenantAdministratorsChanged { added, removed: SortedVec::default() };
    world.record(A, Stream::new(StreamKind::TENANT, A.0), change.into());
    // 11 and 14 both administer A, where both live.
    assert!(world.when(11, share_with(1, A.0, &[2])).is_ok(), "his own is his to share");
    assert!(world.when_for(11, Some(11), share_with(1, A.0, &[2])).is_err(), "he does not hold 21");
    assert_eq!(world.when_for(14, Some(11), share_with(1, A.0, &[2])).err(), Some(Refusal::Forbidden));
    assert!(
        world.when_for(20, Some(11), share_with(1, A.0, &[2])).is_ok(),
        "who lives elsewhere gets nothing"
    );
    assert!(world.when_for(1, Some(11), share_with(1, A.0, &[2])).is_ok());
    world.then(11, share_with(1, A.0, &[2]));
    let more = ChangeShare {
        id: DataSourceId(1),
        expected: None,
        with: Receiver::Tenant(A),
        permissions: of_share(&[2, 3]),
    };
    let refused = world.when_for(14, Some(11), Wish::ChangeShare(more)).err();
    assert_eq!(refused, Some(Refusal::Forbidden), "nor more than it has");
    assert!(world.when_for(14, Some(11), unshare(1, Receiver::Tenant(A))).is_ok());
}

/// With group 6 of user 11, and one of user 12.
fn with_groups() -> World {
    let mut world = World::with_owners();
    let group = |name| {
        create_with(name, |wish| {
            wish.data_store = DataStoreId(56);
            wish.plain_options = SortedMap::default();
            wish.sealed_options = SortedMap::default();
        })
    };
    world.then(11, group("group"));
    world.then(12, group("group"));
    world
}

#[test]
fn members_are_the_owners_and_no_groups_and_have_prefixes_of_their_own() {
    let mut world = with_groups();
    for member in [5, 7, 99] {
        let unknown = Refusal::UnknownReference(Object::DataSource(DataSourceId(member)));
        assert_eq!(world.when(11, members(6, &[(member, "x")], false)).err(), Some(unknown), "{member}");
    }
    let invalid = |world: &World, id, list: &[(u64, &str)]| {
        assert!(matches!(world.when(11, members(id, list, false)), Err(Refusal::Invalid { .. })), "{list:?}");
    };
    invalid(&world, 6, &[(6, "itself")]);
    invalid(&world, 1, &[(2, "no group")]);
    invalid(&world, 6, &[(1, "x"), (2, "x")]);
    world.then(11, members(6, &[(1, "one"), (2, "two")], false));
    invalid(&world, 6, &[(3, "two")]);
    // Another prefix for one, and what was its is free.
    let changed = world.then(11, members(6, &[(1, "two"), (2, "one")], false)).facts;
    let set = [(DataSourceId(1), "two".to_owned()), (DataSourceId(2), "one".to_owned())];
    let expected = DataSourceMembersChanged { set: set.into_iter().collect(), removed: SortedVec::default() };
    assert_eq!(changed[0].event, Event::from(expected));
    let replaced = world.then(11, members(6, &[(2, "b"), (3, "c")], true)).facts;
    let Event::DataSourceMembersChanged(change) = &replaced[0].event else { panic!("{replaced:?}") };
    assert_eq!(change.removed, [DataSourceId(1)].into_iter().collect());
    assert_eq!(world.when(11, leave(6, 1)).err(), Some(missing(1)));
    world.then(11, leave(6, 2));
    let left: Vec<_> = world.view.state.data_sources.members_of(DataSourceId(6), DataSourceId(0)).collect();
    assert_eq!(left, [(DataSourceId(3), "c")]);
    world.then(11, members(6, &[], true));
    assert_eq!(world.view.state.data_sources.members_of(DataSourceId(6), DataSourceId(0)).count(), 0);
}

#[test]
fn a_group_has_at_most_so_many_members() {
    let mut world = with_groups();
    let mut all = Vec::new();
    for number in 0..=MEMBERS_MAX {
        world.then(11, create_with(&format!("member-{number}"), |_| {}));
        all.push((8 + number as u64, format!("p{number}")));
    }
    let all: Vec<(u64, &str)> = all.iter().map(|(id, prefix)| (*id, prefix.as_str())).collect();
    assert!(matches!(world.when(11, members(6, &all, true)).err(), Some(Refusal::Invalid { .. })));
    world.then(11, members(6, &all[1..], true));
    assert!(matches!(world.when(11, members(6, &all[..1], false)).err(), Some(Refusal::Invalid { .. })));
}

#[test]
fn what_is_deleted_leaves_its_groups_first() {
    let mut world = with_groups();
    world.then(11, members(6, &[(1, "one"), (2, "two")], true));
    let facts = world.then(11, delete(1)).facts;
    let streams: Vec<u64> = facts.iter().map(|fact| fact.stream.id).collect();
    assert_eq!(streams, [6, 1]);
    let Event::DataSourceMembersChanged(change) = &facts[0].event else { panic!("{facts:?}") };
    assert_eq!(change.removed, [DataSourceId(1)].into_iter().collect());
    // A group goes with its list of members, and the members stay.
    assert_eq!(world.then(11, delete(6)).facts.len(), 1);
    assert!(world.when(11, put(&world, 2)).is_ok());
    assert_eq!(world.view.state.data_sources.groups_of(DataSourceId(2), DataSourceId(0)).count(), 0);
}

#[test]
fn a_group_is_shared_with_who_has_its_members() {
    let mut world = with_groups();
    world.then(11, members(6, &[(1, "one"), (2, "two")], true));
    let refused = |world: &World| world.when(11, share(6, 12, &[2])).err();
    assert!(matches!(refused(&world), Some(Refusal::InUse(_))));
    world.then(11, share(1, 12, &[2]));
    assert!(matches!(refused(&world), Some(Refusal::InUse(_))));
    does(&mut world, 1, 11, share_with(2, 2, &[2]));
    assert_eq!(refused(&world), None, "one by himself, one with his tenant");
    let with_tenant = |world: &World| world.when_for(1, Some(11), share_with(6, 2, &[2])).err();
    assert!(matches!(with_tenant(&world), Some(Refusal::InUse(_))));
    does(&mut world, 1, 11, share_with(1, 2, &[2]));
    assert_eq!(with_tenant(&world), None);
}

#[test]
fn what_is_used_through_a_group_is_the_groups_to_permit_and_the_users_to_see() {
    let mut world = with_groups();
    let odata = PermissionId(7);
    world.then(11, members(6, &[(1, "one"), (2, "two")], true));
    for id in [1, 2] {
        does(&mut world, 1, 11, share(id, 12, &[2]));
    }
    does(&mut world, 1, 11, share(6, 12, &[7]));
    let uses = |world: &World, user: u64, source: u64, through: Option<u64>| {
        let principal = Principal::of(&world.view.state, UserId(user)).expect("he is there");
        may_use(&world.view.state, &principal, DataSourceId(source), through.map(DataSourceId), odata)
    };
    assert!(uses(&world, 12, 6, None), "the group itself");
    assert!(!uses(&world, 12, 1, None), "a member by itself gives 2 alone");
    assert!(uses(&world, 12, 1, Some(6)), "what is set on the group takes its place");
    assert!(!uses(&world, 12, 3, Some(6)), "no member");
    world.then(11, unshare(1, Receiver::User(UserId(12))));
    assert!(!uses(&world, 12, 1, Some(6)), "he has the member no more");
    assert!(!uses(&world, 15, 2, Some(6)) && !uses(&world, 15, 2, None), "a stranger");
    assert!(!uses(&world, 11, 2, None), "the owner does not hold 7");
    does(&mut world, 1, 11, set(2, Some(&[7])));
    assert!(uses(&world, 11, 2, None));
    // Nothing is set on the group for its owner, so what is set on its members holds.
    assert!(uses(&world, 11, 2, Some(6)) && !uses(&world, 11, 1, Some(6)));
    does(&mut world, 1, 11, set(6, Some(&[2])));
    assert!(!uses(&world, 11, 2, Some(6)), "now the group says otherwise");
    does(&mut world, 1, 11, set(6, None));
    does(&mut world, 1, 11, set(2, Some(&[2])));
    world.people(&[(11, A, &[2, 7, 11])]);
    assert!(!uses(&world, 11, 2, Some(6)), "a group that says nothing is no way around its members");
    assert!(uses(&world, 11, 1, Some(6)));
}
