use events::{
    data_source::{ConnectionType, DataSourceUpdated},
    event::Event,
    id::{DataSourceId, DataStoreId, OAuthProfileId, Sequence, UserId},
    sealed::{Field, Sealed},
    sorted::SortedMap,
};
use projections::data_sources::DataSource;

use super::{A, World, key, sealed};
use crate::commands::{
    Object, Refusal, Taken, Wish,
    data_source::{CreateDataSource, DeleteDataSource, OPTIONS_BYTES_MAX, OPTIONS_MAX, UpdateDataSource},
    disclosure::{RevealSecrets, Secrets},
    field::DataSourceName,
};

pub(super) fn create_with(name: &str, change: impl FnOnce(&mut CreateDataSource)) -> Wish {
    let mut wish = CreateDataSource {
        name: DataSourceName::parse(name).expect("a good name"),
        data_store: DataStoreId(54),
        connection_type: None,
        key: key(50),
        description: None,
        profile: None,
        plain_options: [("ODataVersion".to_owned(), "4".to_owned())].into_iter().collect(),
        sealed_options: [("Password".to_owned(), sealed(50))].into_iter().collect(),
        permissions: None,
    };
    change(&mut wish);
    Wish::CreateDataSource(Box::new(wish))
}

fn create() -> Wish {
    create_with("x", |_| {})
}

pub(super) fn update_with(id: u64, change: impl FnOnce(&mut UpdateDataSource)) -> Wish {
    let mut wish = UpdateDataSource {
        id: DataSourceId(id),
        expected: None,
        name: DataSourceName::parse("renamed").expect("a good name"),
        data_store: None,
        connection_type: None,
        description: None,
        profile: None,
        plain_options: [].into_iter().collect(),
        sealed_options: [].into_iter().collect(),
        permissions: None,
    };
    change(&mut wish);
    Wish::UpdateDataSource(Box::new(wish))
}

fn update(id: u64) -> Wish {
    update_with(id, |_| {})
}

fn delete(id: u64) -> Wish {
    Wish::DeleteDataSource(DeleteDataSource { id: DataSourceId(id), expected: None })
}

pub(super) fn reveal(world: &World, id: u64) -> Wish {
    let rows = &world.view.state.data_sources.rows;
    let changed = rows.get(&DataSourceId(id)).map_or(Sequence(0), |row| row.changed);
    Wish::RevealSecrets(RevealSecrets { secrets: Secrets::DataSource(DataSourceId(id)), changed })
}

fn row(world: &World, id: u64) -> &DataSource {
    world.view.state.data_sources.rows.get(&DataSourceId(id)).expect("it is there")
}

fn missing(id: u64) -> Refusal {
    Refusal::NotFound(Object::DataSource(DataSourceId(id)))
}

#[test]
fn each_operation_needs_its_permission_whatever_it_is_asked_for() {
    let mut world = World::with_owners();
    world.people(&[(20, A, &[1, 11]), (21, A, &[2, 11]), (22, A, &[3, 11]), (23, A, &[4, 11])]);
    let own = [20, 21, 22, 23];
    for user in [7, 13, 20, 21, 22, 23] {
        for id in [1, 99] {
            let wishes = [create(), reveal(&world, id), update(id), delete(id)];
            for (operation, wish) in wishes.into_iter().enumerate() {
                let lacks = world.when(user, wish).err() == Some(Refusal::LacksPermission);
                assert_eq!(lacks, own[operation] != user, "user {user}, operation {operation}, id {id}");
            }
        }
    }
}

#[test]
fn a_data_source_is_there_for_its_owner_alone() {
    let world = World::with_owners();
    for user in [12, 14, 1, 15] {
        for id in [1, 99] {
            assert_eq!(world.when(user, update(id)).err(), Some(missing(id)), "user {user} puts {id}");
            assert_eq!(world.when(user, delete(id)).err(), Some(missing(id)), "user {user} deletes {id}");
            assert_eq!(
                world.when(user, reveal(&world, id)).err(),
                Some(missing(id)),
                "user {user} reveals {id}"
            );
        }
    }
    for wish in [update(1), delete(1), reveal(&world, 1)] {
        assert!(world.when(11, wish).is_ok());
    }
}

#[test]
fn on_behalf_a_data_source_is_the_named_users_and_uses_his_profiles() {
    let world = World::with_owners();
    let with = |profile| create_with("x", |wish| wish.profile = Some(OAuthProfileId(profile)));
    let facts = world.when_for(14, Some(11), with(1)).expect("all of 1.7 holds").facts;
    let Event::DataSourceCreated(created) = &facts[0].event else { panic!("{facts:?}") };
    assert_eq!((created.owner, facts[0].tenant), (UserId(11), A));
    let others = world.when_for(14, Some(11), with(5)).err();
    assert_eq!(others, Some(Refusal::UnknownReference(Object::OAuthProfile(OAuthProfileId(5)))));
    assert!(
        world.when_for(14, Some(11), update(1)).is_ok() && world.when_for(14, Some(11), delete(1)).is_ok()
    );
    let foreign = Some(Refusal::NotFound(Object::User(UserId(15))));
    assert_eq!(world.when_for(14, Some(15), create()).err(), foreign, "a user of another tenant");
    assert_eq!(world.when_for(11, Some(12), create()).err(), Some(Refusal::LacksPermission), "no 21");
}

#[test]
fn a_data_source_names_only_a_profile_of_its_owner_and_of_its_data_store() {
    let world = World::with_owners();
    let unknown = |id| Some(Refusal::UnknownReference(Object::OAuthProfile(OAuthProfileId(id))));
    // Of user 11 are profiles 1 and 2, of data store 54, and 3, of data store 1; 5 is another's; 99 isn't there.
    let table: [(u64, [Option<Refusal>; 2]); 5] = [
        (1, [None, unknown(1)]),
        (2, [None, unknown(2)]),
        (3, [unknown(3), None]),
        (5, [unknown(5), unknown(5)]),
        (99, [unknown(99), unknown(99)]),
    ];
    for (profile, expected) in table {
        for (store, expected) in [54, 1].into_iter().zip(expected) {
            let wish = create_with("x", |wish| {
                (wish.profile, wish.data_store) = (Some(OAuthProfileId(profile)), DataStoreId(store));
            });
            assert_eq!(world.when(11, wish).err(), expected, "profile {profile} on data store {store}");
        }
    }
    let put = |profile| update_with(3, |wish| wish.profile = Some(OAuthProfileId(profile)));
    assert!(world.when(11, put(2)).is_ok());
    for profile in [3, 5, 99] {
        assert_eq!(world.when(11, put(profile)).err(), unknown(profile));
    }
}

#[test]
fn groups_are_connected_as_groups_and_nothing_else_is() {
    let world = World::with_owners();
    let (cloud, hybrid, group) = (ConnectionType::Cloud, ConnectionType::Hybrid, ConnectionType::Group);
    let table = [
        (54, None, Some(cloud)),
        (54, Some(cloud), Some(cloud)),
        (54, Some(hybrid), Some(hybrid)),
        (54, Some(group), None),
        (56, None, Some(group)),
        (56, Some(group), Some(group)),
        (56, Some(cloud), None),
        (56, Some(hybrid), None),
    ];
    for (store, asked, expected) in table {
        let wish = create_with("x", |wish| {
            (wish.data_store, wish.connection_type) = (DataStoreId(store), asked);
        });
        match world.when(11, wish) {
            Ok(decision) => {
                let Event::DataSourceCreated(created) = &decision.facts[0].event else {
                    panic!("{decision:?}")
                };
                assert_eq!(Some(created.connection_type), expected, "{store} {asked:?}");
            }
            Err(refusal) => {
                assert!(matches!(refusal, Refusal::Invalid { field: "connectionType", .. }), "{refusal:?}");
                assert_eq!(expected, None, "{store} {asked:?}");
            }
        }
    }
    for store in [0, 55, u32::MAX] {
        let refused = world.when(11, create_with("x", |wish| wish.data_store = DataStoreId(store))).err();
        assert!(matches!(refused, Some(Refusal::Invalid { field: "dataStore", .. })), "{store}: {refused:?}");
    }
}

#[test]
fn who_acts_for_the_owner_without_12_sends_the_secrets_that_stay_nowhere_else() {
    let mut world = World::with_owners();
    let uri = |text: &str| -> SortedMap<String, String> {
        [("TokenURI".to_owned(), text.to_owned())].into_iter().collect()
    };
    for name in ["with-a-secret", "without"] {
        let made = create_with(name, |wish| {
            (wish.data_store, wish.plain_options) = (DataStoreId(1), uri("https://provider.example/"));
            wish.sealed_options = ["ClientSecret", "RefreshToken"]
                .into_iter()
                .filter(|_| name != "without")
                .map(|name| (name.to_owned(), sealed(50)))
                .collect();
        });
        world.then(11, made);
    }
    let put = |id, plain: &SortedMap<String, String>, sealed: &[(&str, Option<Sealed>)]| {
        update_with(id, |wish| {
            wish.plain_options = plain.clone();
            wish.sealed_options =
                sealed.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        })
    };
    let same = uri("https://provider.example/");
    let auth = [("AuthURI".to_owned(), "https://his.example/".to_owned())];
    let with_auth = same.iter().cloned().chain(auth).collect();
    for moved in [uri("https://his.example/"), SortedMap::default(), with_auth] {
        for some in [&[][..], &[("ClientSecret", Some(sealed(50)))]] {
            let refused = world.when_for(14, Some(11), put(6, &moved, some)).err();
            assert!(
                matches!(refused, Some(Refusal::Invalid { field: "options", .. })),
                "{moved:?}: {refused:?}"
            );
        }
        let all_anew = [("ClientSecret", Some(sealed(50))), ("RefreshToken", None)];
        assert!(world.when_for(14, Some(11), put(6, &moved, &all_anew)).is_ok(), "none stays");
        assert!(world.when_for(14, Some(11), put(7, &moved, &[])).is_ok(), "none is there");
        assert!(world.when_for(1, Some(11), put(6, &moved, &[])).is_ok(), "12 is shown them anyway");
        assert!(world.when(11, put(6, &moved, &[])).is_ok(), "the owner's own");
    }
    assert!(world.when_for(14, Some(11), put(6, &same, &[])).is_ok());
}

#[test]
fn data_store_and_connection_type_never_change() {
    let world = World::with_owners();
    let same = update_with(1, |wish| {
        (wish.data_store, wish.connection_type) = (Some(DataStoreId(54)), Some(ConnectionType::Cloud));
    });
    assert!(world.when(11, same).is_ok());
    let moved = world.when(11, update_with(1, |wish| wish.data_store = Some(DataStoreId(1)))).err();
    assert!(matches!(moved, Some(Refusal::Invalid { field: "dataStore", .. })), "{moved:?}");
    let other = update_with(1, |wish| wish.connection_type = Some(ConnectionType::Hybrid));
    assert_eq!(world.when(11, other).err(), Some(Refusal::ConnectionTypeFixed(ConnectionType::Cloud)));
}

#[test]
fn a_put_replaces_what_is_plain_and_keeps_what_is_sealed_unless_it_says_otherwise() {
    let mut world = World::with_owners();
    let mut other = sealed(50);
    other.nonce = [1; 12];
    let names = |world: &World| -> Vec<String> {
        row(world, 1).sealed_options.iter().map(|(name, _)| name.clone()).collect()
    };
    world.then(11, update(1));
    assert!(row(&world, 1).plain_options.is_empty(), "left out is gone");
    assert_eq!(row(&world, 1).profile, None, "left out is gone");
    assert_eq!(names(&world), ["Password"], "left out stays");

    let set = |options: Vec<(&str, Option<Sealed>)>| {
        let options = options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        update_with(1, |wish| wish.sealed_options = options)
    };
    world.then(11, set(vec![("Password", Some(other.clone())), ("User", Some(other.clone()))]));
    assert_eq!(row(&world, 1).sealed_options.get("Password"), Some(&other));
    let decision = world.then(11, set(vec![("Password", None), ("NeverThere", None)]));
    assert_eq!(names(&world), ["User"]);
    let Event::DataSourceUpdated(DataSourceUpdated { sealed_options, .. }) = &decision.facts[0].event else {
        panic!("{decision:?}")
    };
    let recorded: Vec<&str> = sealed_options.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(recorded, ["Password"], "to take away what is not there is nothing to record");
}

/// A sealed value whose text has that many bytes.
fn of_length(length: usize) -> Sealed {
    Sealed { ciphertext: vec![0; length + 16], ..sealed(50) }
}

#[test]
fn options_are_limited_in_number_and_bytes_with_those_that_a_put_keeps() {
    let too_large = Some(Refusal::OptionsTooLarge);
    let mut world = World::with_owners();
    let numbered = |from: usize, to: usize| (from..to).map(|number| (format!("{number:04}"), of_length(1)));
    let many = |plain: usize, sealed: usize| {
        create_with("x", |wish| {
            wish.plain_options = (0..plain).map(|number| (number.to_string(), String::new())).collect();
            wish.sealed_options = numbered(0, sealed).collect();
        })
    };
    assert!(world.when(11, many(0, OPTIONS_MAX)).is_ok() && world.when(11, many(OPTIONS_MAX, 0)).is_ok());
    assert_eq!(world.when(11, many(1, OPTIONS_MAX)).err(), too_large);
    assert_eq!(world.when(11, many(OPTIONS_MAX, 1)).err(), too_large);

    // Data source 6 holds one option less than it may.
    world.then(11, many(0, OPTIONS_MAX - 1));
    let more = |names: &[usize], taken: bool| {
        let changes = names.iter().map(|number| (format!("{number:04}"), (!taken).then(|| of_length(1))));
        update_with(6, |wish| wish.sealed_options = changes.collect())
    };
    assert!(world.when(11, more(&[0, 1], false)).is_ok(), "those that are replaced count once");
    assert!(world.when(11, more(&[1000], false)).is_ok());
    assert_eq!(world.when(11, more(&[1000, 1001], false)).err(), too_large);
    world.then(11, more(&[0], true));
    assert!(world.when(11, more(&[1000, 1001], false)).is_ok(), "what was taken away makes room");

    world.then(11, delete(6));
    let long = |plain: usize, sealed: usize| {
        create_with("y", |wish| {
            wish.plain_options = [("p".to_owned(), "x".repeat(plain))].into_iter().collect();
            wish.sealed_options = [("s".to_owned(), of_length(sealed))].into_iter().collect();
        })
    };
    let room = OPTIONS_BYTES_MAX - 2;
    assert!(world.when(11, long(1, room - 1)).is_ok() && world.when(11, long(room, 0)).is_ok());
    assert_eq!(world.when(11, long(1, room)).err(), too_large);
    assert_eq!(world.when(11, long(room, 1)).err(), too_large);
    world.then(11, long(0, room));
    let put = |plain: usize| {
        update_with(7, |wish| {
            wish.plain_options = [("p".to_owned(), "x".repeat(plain))].into_iter().collect();
        })
    };
    assert!(world.when(11, put(0)).is_ok());
    assert_eq!(world.when(11, put(1)).err(), too_large);
}

#[test]
fn what_was_sealed_under_another_key_is_sealed_again() {
    let world = World::with_owners();
    let wishes = [
        create_with("x", |wish| wish.description = Some(sealed(9))),
        create_with("x", |wish| wish.sealed_options = [("A".to_owned(), sealed(9))].into_iter().collect()),
        update_with(1, |wish| wish.description = Some(sealed(9))),
        update_with(1, |wish| {
            wish.sealed_options = [("A".to_owned(), Some(sealed(9)))].into_iter().collect();
        }),
    ];
    for (number, wish) in wishes.into_iter().enumerate() {
        assert_eq!(world.when(11, wish).err(), Some(Refusal::Again), "wish {number}");
    }
}

#[test]
fn if_match_ends_with_a_put_and_with_the_end_of_its_profile() {
    let mut world = World::with_owners();
    let expected = |world: &World, id| Some(vec![Sequence(0), row(world, id).changed]);
    let first = expected(&world, 1);
    let put = || update_with(1, |wish| wish.expected.clone_from(&first));
    assert!(world.when(11, put()).is_ok());
    world.then(11, update(1));
    assert_eq!(world.when(11, put()).err(), Some(Refusal::PreconditionFailed));

    let gone = DeleteDataSource { id: DataSourceId(5), expected: expected(&world, 5) };
    let gone = || Wish::DeleteDataSource(gone.clone());
    assert!(world.when(12, gone()).is_ok());
    world.then(1, super::delete(1));
    assert_eq!(world.when(12, gone()).err(), Some(Refusal::PreconditionFailed), "it lost its profile");
}

#[test]
fn names_are_unique_among_an_owners_data_sources_and_free_after_a_delete() {
    let mut world = World::with_owners();
    let taken = Some(Refusal::Taken(Taken::DataSourceName));
    world.then(11, create());
    assert_eq!(world.when(11, create()).err(), taken);
    assert!(world.when(12, create()).is_ok(), "another owner's name is his own");
    let rename = |id| update_with(id, |wish| wish.name = DataSourceName::parse("x").expect("a good name"));
    assert_eq!(world.when(11, rename(1)).err(), taken);
    assert!(world.when(11, rename(6)).is_ok(), "its own name is no conflict");
    world.then(11, delete(6));
    assert!(world.when(11, rename(1)).is_ok());
}

#[test]
fn sealed_options_are_shown_to_their_owner_and_where_there_are_none_nothing_is() {
    let mut world = World::with_owners();
    let decision = world.when(11, reveal(&world, 1)).expect("his own");
    let Event::SecretRevealed(revealed) = &decision.facts[0].event else { panic!("{decision:?}") };
    assert_eq!((&revealed.fields[..], decision.facts[0].stream.id), (&[Field::OPTION][..], 11));
    let decision = world.when_for(1, Some(11), reveal(&world, 1)).expect("12");
    assert_eq!((decision.facts[0].stream.id, decision.facts[0].tenant), (1, A));
    assert_eq!(world.when_for(14, Some(11), reveal(&world, 1)).err(), Some(Refusal::Forbidden));

    // Between a GET's reading and the writer's deciding, the last sealed option can go.
    let stale = reveal(&world, 1);
    world.then(
        11,
        update_with(1, |wish| {
            wish.sealed_options = [("Password".to_owned(), None)].into_iter().collect();
        }),
    );
    assert_eq!(world.when(11, stale).err(), Some(Refusal::Again));
    assert!(world.when(11, reveal(&world, 1)).expect("his own").facts.is_empty());
}
