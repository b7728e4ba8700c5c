use events::{
    envelope::{COMMAND_EVENTS_MAX, Stream, StreamKind},
    event::Event,
    id::{OAuthAppId, OAuthProfileId, Sequence, TenantId, UserId},
    oauth_profile::OAuthProfileCreated,
    sealed::{Field, SecretChange},
};

use super::{A, B, SYSTEM, World, data_sources, delete as delete_app, key, sealed};
use crate::commands::{
    Decision, Object, Refusal, Taken, Wish,
    disclosure::{RevealSecrets, Secrets},
    field::OAuthProfileName,
    oauth_profile::{CreateOAuthProfile, DeleteOAuthProfile, UpdateOAuthProfile},
};

pub(super) fn create(name: &str, app: u64) -> Wish {
    create_with(name, app, |_| {})
}

fn create_with(name: &str, app: u64, change: impl FnOnce(&mut CreateOAuthProfile)) -> Wish {
    let mut wish = CreateOAuthProfile {
        name: OAuthProfileName::parse(name).expect("a good name"),
        oauth_app: OAuthAppId(app),
        key: key(40),
        description: Some(sealed(40)),
        access_token: Some(sealed(40)),
        refresh_token: sealed(40),
    };
    change(&mut wish);
    Wish::CreateOAuthProfile(Box::new(wish))
}

pub(super) fn update_with(id: u64, app: u64, change: impl FnOnce(&mut UpdateOAuthProfile)) -> Wish {
    let mut wish = UpdateOAuthProfile {
        id: OAuthProfileId(id),
        expected: None,
        name: OAuthProfileName::parse("renamed").expect("a good name"),
        oauth_app: OAuthAppId(app),
        description: None,
        access_token: SecretChange::Kept,
        refresh_token: None,
    };
    change(&mut wish);
    Wish::UpdateOAuthProfile(Box::new(wish))
}

fn update(id: u64) -> Wish {
    update_with(id, 1, |_| {})
}

fn delete(id: u64) -> Wish {
    Wish::DeleteOAuthProfile(DeleteOAuthProfile { id: OAuthProfileId(id), expected: None })
}

pub(super) fn reveal(world: &World, id: u64) -> Wish {
    let rows = &world.view.state.oauth_profiles.rows;
    let changed = rows.get(&OAuthProfileId(id)).map_or(Sequence(0), |row| row.changed);
    Wish::RevealSecrets(RevealSecrets { secrets: Secrets::OAuthProfile(OAuthProfileId(id)), changed })
}

fn missing(id: u64) -> Refusal {
    Refusal::NotFound(Object::OAuthProfile(OAuthProfileId(id)))
}

/// Where the facts stand, and what they are.
fn places(decision: &Decision) -> Vec<(TenantId, StreamKind, u64, &'static str)> {
    let facts = decision.facts.iter();
    facts
        .map(|fact| {
            let name = fact.event.kind().0.name().expect("a fact of ours");
            (fact.tenant, fact.stream.kind, fact.stream.id, name)
        })
        .collect()
}

#[test]
fn an_application_is_used_in_its_tenant_and_that_of_the_system_in_all() {
    let world = World::with_owners();
    let unknown = |app| Some(Refusal::UnknownReference(Object::OAuthApp(OAuthAppId(app))));
    // Applications 1, 2, 3 live in System, A, B; 99 does not exist.
    let table = [
        (10, [None, unknown(2), unknown(3), unknown(99)]),
        (11, [None, None, unknown(3), unknown(99)]),
        (15, [None, unknown(2), None, unknown(99)]),
        // 12 administers every application, and uses none of another tenant.
        (1, [None, unknown(2), unknown(3), unknown(99)]),
    ];
    for (user, expected) in table {
        for (app, expected) in [1, 2, 3, 99].into_iter().zip(expected) {
            let refusal = world.when(user, create("x", app)).err();
            assert_eq!(refusal, expected, "user {user}, application {app}");
        }
    }
    for (owner, tenant) in [(10, SYSTEM), (11, A), (15, B)] {
        let facts = world.when(owner, create("x", 1)).expect("the system's").facts;
        assert_eq!(facts[0].tenant, tenant, "it lives where its owner does");
        let Event::OAuthProfileCreated(created) = &facts[0].event else { panic!("{facts:?}") };
        assert_eq!((created.owner, facts[0].stream.id), (UserId(owner), 7));
    }
}

#[test]
fn each_operation_needs_its_permission_whatever_it_is_asked_for() {
    let mut world = World::with_owners();
    world.people(&[(20, A, &[1, 11]), (21, A, &[2, 11]), (22, A, &[3, 11]), (23, A, &[4, 11])]);
    let own = [20, 21, 22, 23];
    for user in [7, 13, 20, 21, 22, 23] {
        for id in [1, 99] {
            let wishes = [create("x", id), reveal(&world, id), update(id), delete(id)];
            for (operation, wish) in wishes.into_iter().enumerate() {
                let lacks = world.when(user, wish).err() == Some(Refusal::LacksPermission);
                assert_eq!(lacks, own[operation] != user, "user {user}, operation {operation}, id {id}");
            }
        }
    }
}

#[test]
fn a_profile_is_there_for_its_owner_alone() {
    let world = World::with_owners();
    // 12 is another user of its tenant, 14 administers the tenant, 1 holds 12.
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
fn on_behalf_a_profile_is_the_named_users() {
    let world = World::with_owners();
    for administrator in [1, 14] {
        let facts = world.when_for(administrator, Some(11), create("x", 2)).expect("all of 1.7 holds").facts;
        let Event::OAuthProfileCreated(created) = &facts[0].event else { panic!("{facts:?}") };
        assert_eq!((created.owner, facts[0].tenant), (UserId(11), A));
        assert!(world.when_for(administrator, Some(11), update(1)).is_ok());
        assert!(world.when_for(administrator, Some(11), delete(1)).is_ok());
        assert_eq!(world.when_for(administrator, Some(11), update(5)).err(), Some(missing(5)), "another's");
    }
    let foreign = Some(Refusal::NotFound(Object::User(UserId(15))));
    assert_eq!(world.when_for(14, Some(15), delete(6)).err(), foreign, "a user of another tenant");
    let unknown = Some(Refusal::NotFound(Object::User(UserId(77))));
    assert_eq!(world.when_for(14, Some(77), delete(6)).err(), unknown, "answers like one that is not there");
    assert_eq!(world.when_for(11, Some(12), delete(5)).err(), Some(Refusal::LacksPermission), "no 21");
}

#[test]
fn tokens_are_shown_to_their_owner_and_on_behalf_only_to_an_administrator() {
    let mut world = World::with_owners();
    let fields = |decision: Decision| {
        let Event::SecretRevealed(revealed) = &decision.facts[0].event else { panic!("{decision:?}") };
        (decision.facts[0].stream.id, decision.facts[0].tenant, revealed.fields.to_vec())
    };
    let both = vec![Field::ACCESS_TOKEN, Field::REFRESH_TOKEN];
    let shown = world.when(11, reveal(&world, 1)).expect("his own");
    assert_eq!(fields(shown), (11, A, both.clone()));
    let shown = world.when_for(1, Some(11), reveal(&world, 1)).expect("12");
    assert_eq!(fields(shown), (1, A, both), "it stands in the administrator's stream");
    assert_eq!(world.when_for(14, Some(11), reveal(&world, 1)).err(), Some(Refusal::Forbidden));

    let stale = reveal(&world, 1);
    world.then(11, update_with(1, 1, |wish| wish.access_token = SecretChange::Cleared));
    assert_eq!(world.when(11, stale).err(), Some(Refusal::Again), "what was read is not what is there");
    let shown = world.when(11, reveal(&world, 1)).expect("his own");
    assert_eq!(fields(shown).2, [Field::REFRESH_TOKEN], "no token, none shown");
}

#[test]
fn a_put_keeps_clears_and_replaces_tokens() {
    let mut world = World::with_owners();
    let before = sealed(40);
    let mut after = sealed(40);
    after.nonce = [1; 12];
    let table = [
        (SecretChange::Kept, Some(&before)),
        (SecretChange::Replaced(after.clone()), Some(&after)),
        (SecretChange::Kept, Some(&after)),
        (SecretChange::Cleared, None),
        (SecretChange::Kept, None),
    ];
    for (change, expected) in table {
        world.then(11, update_with(1, 1, |wish| wish.access_token = change));
        let row = world.view.state.oauth_profiles.rows.get(&OAuthProfileId(1)).expect("it stays");
        assert_eq!((row.access_token.as_ref(), &row.refresh_token), (expected, &before));
        assert_eq!((row.name.as_str(), &row.description), ("renamed", &None), "the rest is what was sent");
    }
    world.then(11, update_with(1, 1, |wish| wish.refresh_token = Some(after.clone())));
    let row = world.view.state.oauth_profiles.rows.get(&OAuthProfileId(1)).expect("it stays");
    assert_eq!((&row.refresh_token, &row.access_token), (&after, &None));
}

#[test]
fn a_profile_moves_only_to_an_application_of_its_data_store_that_its_owner_can_use() {
    let mut world = World::with_owners();
    let refusal = |app| world.when(11, update_with(1, app, |_| {})).err();
    assert_eq!(refusal(2), None, "of the same data store");
    assert!(matches!(refusal(4), Some(Refusal::Invalid { field: "oauthAppId", .. })), "of another");
    for app in [3, 99] {
        let unknown = Some(Refusal::UnknownReference(Object::OAuthApp(OAuthAppId(app))));
        assert_eq!(refusal(app), unknown, "not his to use, or not there");
    }
    // From then on it goes with the other application.
    world.then(11, update_with(1, 2, |_| {}));
    let deleted = world.when(1, delete_app(2)).expect("12");
    assert!(places(&deleted).contains(&(A, StreamKind::OAUTH_PROFILE, 1, "OAuthProfileDeleted")));
    let deleted = world.when(1, delete_app(1)).expect("12");
    assert!(!places(&deleted).contains(&(A, StreamKind::OAUTH_PROFILE, 1, "OAuthProfileDeleted")));
}

#[test]
fn what_was_sealed_under_another_key_is_sealed_again() {
    let world = World::with_owners();
    let other = || sealed(9);
    let wishes = [
        create_with("x", 1, |wish| wish.description = Some(other())),
        create_with("x", 1, |wish| wish.access_token = Some(other())),
        create_with("x", 1, |wish| wish.refresh_token = other()),
        update_with(1, 1, |wish| wish.description = Some(other())),
        update_with(1, 1, |wish| wish.access_token = SecretChange::Replaced(other())),
        update_with(1, 1, |wish| wish.refresh_token = Some(other())),
    ];
    for (number, wish) in wishes.into_iter().enumerate() {
        assert_eq!(world.when(11, wish).err(), Some(Refusal::Again), "wish {number}");
    }
}

#[test]
fn if_match_holds_exactly_as_long_as_nothing_changed() {
    let mut world = World::with_owners();
    let changed = world.view.state.oauth_profiles.rows.get(&OAuthProfileId(1)).expect("there").changed;
    let expected = || Some(vec![Sequence(0), changed]);
    let put = || update_with(1, 1, |wish| wish.expected = expected());
    let gone =
        || Wish::DeleteOAuthProfile(DeleteOAuthProfile { id: OAuthProfileId(1), expected: expected() });
    assert!(world.when(11, put()).is_ok() && world.when(11, gone()).is_ok());
    world.then(11, update(1));
    assert_eq!(world.when(11, put()).err(), Some(Refusal::PreconditionFailed));
    assert_eq!(world.when(11, gone()).err(), Some(Refusal::PreconditionFailed));
}

#[test]
fn names_are_unique_among_an_owners_profiles_and_free_after_a_delete() {
    let mut world = World::with_owners();
    let taken = Some(Refusal::Taken(Taken::OAuthProfileName));
    assert_eq!(world.when(11, create("profile_11_1", 1)).err(), taken);
    assert!(world.when(12, create("profile_11_1", 1)).is_ok(), "another owner's name is his own");
    let rename = |name: &str| {
        let name = OAuthProfileName::parse(name).expect("a good name");
        update_with(2, 2, |wish| wish.name = name)
    };
    assert_eq!(world.when(11, rename("profile_11_1")).err(), taken);
    assert!(world.when(11, rename("profile_11_2")).is_ok(), "its own name is no conflict");
    world.then(11, delete(1));
    assert!(world.when(11, rename("profile_11_1")).is_ok());
}

#[test]
fn when_a_profile_goes_its_data_sources_let_go_of_it_first_and_stay() {
    let mut world = World::with_owners();
    let decision = world.then(11, delete(1));
    let expected = [
        (A, StreamKind::DATA_SOURCE, 1, "DataSourceProfileCleared"),
        (A, StreamKind::DATA_SOURCE, 2, "DataSourceProfileCleared"),
        (A, StreamKind::OAUTH_PROFILE, 1, "OAuthProfileDeleted"),
    ];
    assert_eq!(places(&decision), expected);
    let sources = &world.view.state.data_sources;
    assert_eq!(sources.rows.all().count(), 5, "they stay");
    assert!(sources.rows.all().all(|(_, row)| row.profile != Some(OAuthProfileId(1))));
    assert_eq!(world.when(11, delete(1)).err(), Some(missing(1)));
}

#[test]
fn when_an_application_goes_the_profiles_of_every_tenants_users_go_with_it() {
    let mut world = World::with_owners();
    // Profile by profile, its data sources first; the application last.
    let decision = world.then(1, delete_app(1));
    let expected = [
        (A, StreamKind::DATA_SOURCE, 1, "DataSourceProfileCleared"),
        (A, StreamKind::DATA_SOURCE, 2, "DataSourceProfileCleared"),
        (A, StreamKind::OAUTH_PROFILE, 1, "OAuthProfileDeleted"),
        (SYSTEM, StreamKind::DATA_SOURCE, 4, "DataSourceProfileCleared"),
        (SYSTEM, StreamKind::OAUTH_PROFILE, 4, "OAuthProfileDeleted"),
        (A, StreamKind::DATA_SOURCE, 5, "DataSourceProfileCleared"),
        (A, StreamKind::OAUTH_PROFILE, 5, "OAuthProfileDeleted"),
        (B, StreamKind::OAUTH_PROFILE, 6, "OAuthProfileDeleted"),
        (SYSTEM, StreamKind::OAUTH_APP, 1, "OAuthAppDeleted"),
    ];
    assert_eq!(places(&decision), expected);
    let state = &world.view.state;
    let left: Vec<u64> = state.oauth_profiles.rows.all().map(|(id, _)| id.0).collect();
    assert_eq!(left, [2, 3], "those of other applications");
    assert_eq!(state.data_sources.rows.all().count(), 5);
    assert!(state.data_sources.rows.all().all(|(_, row)| row.profile.is_none()));
}

#[test]
fn a_cascade_of_more_events_than_a_command_may_have_is_refused_with_their_number() {
    let most = u64::from(COMMAND_EVENTS_MAX);
    let mut world = World::with_owners();
    // Profile 2 is used by as many data sources as leave room for its own event.
    for number in 1..most {
        world.then(
            11,
            data_sources::create_with(&format!("s{number}"), |wish| {
                wish.profile = Some(OAuthProfileId(2));
            }),
        );
    }
    let granted = world.when(11, delete(2)).expect("as many as a command may have");
    assert_eq!(granted.facts.len() as u64, most);
    let too_many = Some(Refusal::TooManyEvents(COMMAND_EVENTS_MAX as usize + 1));
    assert_eq!(world.when(5, delete_app(2)).err(), too_many, "the application's own event is one more");

    // Through application 3 nobody has data sources, but many have profiles.
    for number in 100..100 + most {
        let profile = OAuthProfileCreated {
            owner: UserId(15),
            name: number.to_string(),
            oauth_app: OAuthAppId(3),
            description: None,
            access_token: None,
            refresh_token: sealed(40),
        };
        world.record(B, Stream::new(StreamKind::OAUTH_PROFILE, number), profile.into());
    }
    assert_eq!(world.when(9, delete_app(3)).err(), too_many);
    world.then(15, delete(100));
    assert_eq!(world.when(9, delete_app(3)).expect("one less").facts.len() as u64, most);
}
