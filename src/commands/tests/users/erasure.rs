//! What a deleted user takes along of what he no longer had.

use events::{
    id::{DataSourceId, OAuthProfileId, UserId},
    sealed::KeyId,
};
use projections::table::Table;

use super::{
    super::{World, data_sources, key, login, oauth_profiles, sealed},
    delete,
};
use crate::{
    commands::{Refusal, Wish, data_source::DeleteDataSource, oauth_profile::DeleteOAuthProfile},
    vault::entries,
};

/// What they sealed stands in the log as before.
#[test]
fn a_deleted_user_takes_the_keys_along_of_what_he_had_deleted_before() {
    let mut world = World::with_owners();
    world.view.logins.put(login(11), UserId(11));
    let source = |name: &str, id: u8| {
        data_sources::create_with(name, |wish| {
            wish.key = key(id);
            wish.sealed_options = [("Password".to_owned(), sealed(id))].into_iter().collect();
        })
    };
    let profile = |name: &str, id: u8| {
        let Wish::CreateOAuthProfile(mut wish) = oauth_profiles::create(name, 1) else {
            unreachable!("made so")
        };
        (wish.key, wish.description, wish.access_token) = (key(id), None, None);
        wish.refresh_token = sealed(id);
        Wish::CreateOAuthProfile(wish)
    };
    let end_source = |id| Wish::DeleteDataSource(DeleteDataSource { id: DataSourceId(id), expected: None });
    let end_profile =
        |id| Wish::DeleteOAuthProfile(DeleteOAuthProfile { id: OAuthProfileId(id), expected: None });
    // Sources 6, 7 and 8, profiles 7, 8 and 9; the last ones are another's.
    for (owner, id) in [(11, 1), (11, 2), (12, 3)] {
        world.then(owner, source(&format!("source-{id}"), 50 + id));
        world.then(owner, profile(&format!("gone_{id}"), 40 + id));
        world.then(owner, end_source(5 + u64::from(id)));
        world.then(owner, end_profile(6 + u64::from(id)));
    }
    let decision = world.then(1, delete(11));
    let keys = [50, 50, 50, 40, 40, 40, 51, 52, 41, 42, 0].map(|key| entries::destroy(&KeyId([key; 32])));
    assert_eq!(decision.keys, keys);
    let state = &world.view.state;
    let kept = |ended: &Table<'_, (UserId, KeyId), ()>| ended.all().map(|(key, ())| *key).collect::<Vec<_>>();
    assert_eq!(kept(&state.data_sources.ended), [(UserId(12), KeyId([53; 32]))], "nothing of who is gone");
    assert_eq!(kept(&state.oauth_profiles.ended), [(UserId(12), KeyId([43; 32]))]);
}

#[test]
fn who_had_more_than_one_erasure_can_destroy_is_not_erased_in_part() {
    let mut world = World::new();
    world.view.logins.put(login(7), UserId(7));
    let ended = |number: u64| {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        (UserId(7), KeyId(key))
    };
    // His own key is one, too.
    for number in 1..30_000 {
        world.view.state.data_sources.ended.put(ended(number), ());
    }
    assert_eq!(world.when(1, delete(7)).expect("granted").keys.len(), 30_000);
    world.view.state.oauth_profiles.ended.put(ended(30_000), ());
    assert_eq!(world.when(1, delete(7)).err(), Some(Refusal::TooManyEvents(30_001)));
}
