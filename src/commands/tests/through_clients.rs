//! What a client application may do for the user of its token: what he may, and never with secrets. Whether the token lives is
//! asked before, and shown elsewhere.

use events::{
    envelope::{Actor, Stream, StreamKind},
    id::{ClientApplicationId, CommandId, DataStoreId, UserId},
    sealed::SecretChange,
    sorted::SortedMap,
    user::{UserStatus, UserStatusSet},
};

use super::{
    A, World, create, data_sources as sources, delete, oauth_apps as apps, oauth_profiles as profiles,
    sealed, update_with,
};
use crate::commands::{
    Cause, Decision, Refusal, Wish, data_source, disclosure, field::EndpointUri, oauth_app, oauth_profile,
};

fn by_client(user: u64) -> Cause {
    Cause {
        id: CommandId([3; 16]),
        actor: Actor::ClientApplication(ClientApplicationId(1)),
        on_behalf_of: Some(UserId(user)),
        idempotency: None,
        origin: None,
    }
}

fn when(world: &World, cause: &Cause, wish: &Wish) -> Result<Decision, Refusal> {
    let view = &world.view;
    match wish {
        Wish::CreateOAuthApp(wish) => oauth_app::create(view, cause, wish),
        Wish::UpdateOAuthApp(wish) => oauth_app::update(view, cause, wish),
        Wish::DeleteOAuthApp(wish) => oauth_app::delete(view, cause, wish),
        Wish::UpdateOAuthProfile(wish) => oauth_profile::update(view, cause, wish),
        Wish::CreateDataSource(wish) => data_source::create(view, cause, wish),
        Wish::UpdateDataSource(wish) => data_source::update(view, cause, wish),
        Wish::RevealSecrets(wish) => disclosure::reveal(view, cause, wish),
        other => panic!("{other:?}"),
    }
}

/// What a wish comes to, through a client application for a user.
fn through(world: &World, user: u64, wish: &Wish) -> Option<Refusal> {
    when(world, &by_client(user), wish).err()
}

#[test]
fn it_may_what_its_user_may_at_this_moment() {
    let mut world = World::with_apps();
    for user in 1..=9 {
        for wish in [create("x", None, 9), update_with(2, |_| {}), delete(2)] {
            let himself = world.when(user, wish.clone());
            assert_eq!(when(&world, &by_client(user), &wish), himself, "user {user}, {wish:?}");
        }
    }
    assert_eq!(through(&world, 99, &delete(2)), Some(Refusal::ActorGone));
    let ended = UserStatusSet { status: UserStatus::Inactive };
    world.record(A, Stream::new(StreamKind::USER, 5), ended.into());
    assert_eq!(through(&world, 5, &delete(2)), Some(Refusal::ActorGone));
}

#[test]
fn without_a_user_it_may_nothing() {
    let world = World::with_apps();
    let alone = Cause { on_behalf_of: None, ..by_client(1) };
    assert_eq!(when(&world, &alone, &delete(2)).err(), Some(Refusal::LacksPermission));
}

#[test]
fn it_is_shown_no_secret_not_even_for_an_administrator_or_an_owner() {
    let world = World::with_owners();
    for (user, wish) in [
        (1, apps::reveal(&world, 1)),
        (5, apps::reveal(&world, 2)),
        (11, profiles::reveal(&world, 1)),
        (11, sources::reveal(&world, 1)),
    ] {
        assert!(world.when(user, wish.clone()).is_ok(), "{wish:?}");
        assert_eq!(through(&world, user, &wish), Some(Refusal::LacksPermission), "{wish:?}");
    }
}

#[test]
fn it_asks_for_its_user_in_his_own_name() {
    let mut world = World::with_owners();
    // What is set on a data source binds its owner, also through a client; who acts for him would not be bound.
    let set = data_source::permissions::SetDataSourcePermissions {
        id: events::id::DataSourceId(3),
        expected: None,
        permissions: Some(data_source::access::SourcePermissions::of_owner(&[2]).expect("settable")),
    };
    let set = Wish::SetDataSourcePermissions(set);
    for fact in world.when_for(14, Some(11), set).expect("he may").facts {
        world.record(fact.tenant, fact.stream, fact.event);
    }
    let put = sources::update_with(3, |_| {});
    assert_eq!(through(&world, 11, &put), Some(Refusal::Forbidden));
    assert!(world.when_for(14, Some(11), put).is_ok());
    // Nor does he set his own permissions by it.
    let own = sources::create_with("x", |wish| {
        wish.permissions = Some(data_source::access::SourcePermissions::of_owner(&[2]).expect("settable"));
    });
    assert_eq!(through(&world, 11, &own), Some(Refusal::Forbidden));
}

#[test]
fn it_sends_secrets_that_stay_nowhere_else() {
    let mut world = World::with_owners();
    let invalid = |refused: Option<Refusal>, name: &str| matches!(refused, Some(Refusal::Invalid { field, .. }) if field == name);

    // An application's, and those of the profiles that are made with it.
    let elsewhere = EndpointUri::parse("https://his.example/").expect("a good URI");
    let moved = update_with(2, |wish| wish.properties.token_uri = elsewhere.clone());
    assert!(invalid(through(&world, 5, &moved), "tokenURI") && world.when(5, moved).is_ok());
    let moved = update_with(2, |wish| {
        wish.properties.authorize_uri = elsewhere;
        wish.client_secret = Some(sealed(2));
    });
    assert!(invalid(through(&world, 5, &moved), "authorizeURI") && world.when(5, moved).is_ok());

    // A profile's.
    let kept = profiles::update_with(1, 2, |_| {});
    assert!(invalid(through(&world, 11, &kept), "oauthAppId") && world.when(11, kept).is_ok());
    let half = profiles::update_with(1, 2, |wish| wish.refresh_token = Some(sealed(40)));
    assert!(invalid(through(&world, 11, &half), "oauthAppId"));
    let anew = profiles::update_with(1, 2, |wish| {
        (wish.refresh_token, wish.access_token) = (Some(sealed(40)), SecretChange::Cleared);
    });
    assert_eq!(through(&world, 11, &anew), None, "none stays");
    assert_eq!(through(&world, 11, &profiles::update_with(1, 1, |_| {})), None, "they stay where they were");

    // A data source's.
    let plain = |options: &[(&str, &str)]| -> SortedMap<String, String> {
        options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let made = sources::create_with("with-a-host", |wish| {
        (wish.data_store, wish.plain_options) =
            (DataStoreId(1), plain(&[("TokenURI", "https://a.example/"), ("ODataVersion", "4")]));
    });
    world.then(11, made);
    let put = |options: &[(&str, &str)], anew: bool| {
        sources::update_with(6, |wish| {
            wish.plain_options = plain(options);
            wish.sealed_options =
                [("Password".to_owned(), Some(sealed(50)))].into_iter().filter(|_| anew).collect();
        })
    };
    for options in [
        &[("TokenURI", "https://his.example/")][..],
        &[],
        &[("TokenURI", "https://a.example/"), ("Host", "his.example")],
    ] {
        assert!(invalid(through(&world, 11, &put(options, false)), "options"), "{options:?}");
        assert_eq!(through(&world, 11, &put(options, true)), None, "{options:?}");
        assert!(world.when(11, put(options, false)).is_ok(), "{options:?}");
    }
    assert_eq!(
        through(&world, 11, &put(&[("TokenURI", "https://a.example/"), ("ODataVersion", "2")], false)),
        None
    );
}
