//! What a client application may do for the user of its token: what he may, and never with secrets, as long as the token stands.

use events::{
    client_application::{
        ClientApplicationDeleted, ClientApplicationRegistered, ClientPolicy, ClientType, Pkce,
        RefreshRotation,
    },
    envelope::{Actor, Stream, StreamKind},
    event::Event,
    grant::{ConsentBy, GrantAllowed, GrantRevoked},
    id::{
        ClientApplicationId, CommandId, DataStoreId, FamilyId, OAuthProfileId, ScopeSetId, TenantId, UserId,
    },
    scope::{Scope, ScopeSetDefined},
    sealed::{KeyId, SecretChange},
    sorted::{SortedMap, SortedVec},
    token::{AccessTokenRevoked, IssuedAccessToken, TokenHash, TokensIssued},
    user::{UserStatus, UserStatusSet},
};
use projections::tokens::TokenKey;

use super::{
    A, NOW, SYSTEM, World, create, data_sources as sources, delete, oauth_apps as apps,
    oauth_profiles as profiles, sealed, update_with,
};
use crate::commands::{
    Cause, Command, Decision, Refusal, Wish, data_source, decide, disclosure, field::EndpointUri, may_repeat,
    oauth_app, oauth_profile,
};

fn by_client(user: u64) -> Cause {
    Cause {
        id: CommandId([3; 16]),
        actor: Actor::ClientApplication(ClientApplicationId(1)),
        on_behalf_of: Some(UserId(user)),
        bearer: None,
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

    // A profile's, by a data source that uses it.
    for (options, may) in
        [(&[("ODataVersion", "4")][..], true), (&[("TokenURI", "https://his.example/")], false)]
    {
        let made = sources::create_with("with-a-profile", |wish| {
            (wish.profile, wish.plain_options) = (Some(OAuthProfileId(1)), plain(options));
        });
        let refused = through(&world, 11, &made);
        assert_eq!(refused.is_none(), may, "{options:?}: {refused:?}");
        assert!(world.when(11, made).is_ok(), "{options:?}");
    }
}

const TOKEN: TokenHash = TokenHash([1; 32]);

/// A world in which user 5 allowed client application 1, which got a token that way.
fn with_token() -> World {
    let mut world = World::with_apps();
    let policy = ClientPolicy {
        client_type: ClientType::Confidential,
        grant_types: SortedVec::default(),
        scopes: [Scope::Mgmt].into_iter().collect(),
        pkce: Pkce::Optional,
        refresh_rotation: RefreshRotation::Never,
        refresh_retry_secs: 60,
        access_token_lifetime_secs: None,
        refresh_token_idle_secs: None,
        refresh_token_absolute_secs: None,
        resource_server: None,
        run_as: None,
        password_until: None,
    };
    let registered = ClientApplicationRegistered {
        owner: UserId(1),
        name: "client".to_owned(),
        description: None,
        redirect_urls: Vec::new(),
        client_id: "client".to_owned(),
        key_id: KeyId([1; 32]),
        secret: None,
        policy,
    };
    let scopes: SortedVec<Scope> = [Scope::Mgmt].into_iter().collect();
    let allowed = GrantAllowed {
        client: ClientApplicationId(1),
        user: UserId(5),
        scopes: scopes.clone(),
        by: ConsentBy::Page,
    };
    let defined = ScopeSetDefined { id: ScopeSetId(1), scopes, audience: SortedVec::default() };
    let issued = TokensIssued {
        client: ClientApplicationId(1),
        family: FamilyId(1),
        scope_set: ScopeSetId(1),
        access: IssuedAccessToken { hash: TOKEN, expires_at: NOW.saturating_add_secs(3_600) },
        refresh: None,
        refresh_until: None,
    };
    let facts: [(TenantId, Stream, Event); 4] = [
        (SYSTEM, client_stream(), registered.into()),
        (A, grant_stream(), allowed.into()),
        (SYSTEM, Stream::new(StreamKind::LEDGER, 1), defined.into()),
        (A, grant_stream(), issued.into()),
    ];
    for (tenant, stream, event) in facts {
        world.record(tenant, stream, event);
    }
    world
}

fn client_stream() -> Stream {
    Stream::new(StreamKind::CLIENT_APPLICATION, 1)
}

fn grant_stream() -> Stream {
    Stream::new(StreamKind::GRANT, 1)
}

fn by_token(user: u64) -> Cause {
    Cause { bearer: Some(TokenKey::from(&TOKEN)), ..by_client(user) }
}

/// Whether the writer would decide for this cause, and whether it would answer a repetition.
fn decides(world: &World, cause: Cause) -> [Option<Refusal>; 2] {
    let command = Command { cause, wish: delete(2) };
    [decide(&world.view, &command, NOW).err(), may_repeat(&world.view, &command).err()]
}

#[test]
fn its_token_is_looked_at_again_where_it_is_decided() {
    const REFUSED: [Option<Refusal>; 2] = [Some(Refusal::ActorGone), Some(Refusal::ActorGone)];
    let world = with_token();
    assert_eq!(decides(&world, by_token(5)), [None, None]);
    for (cause, what) in [
        (by_token(3), "of another user"),
        (Cause { on_behalf_of: None, ..by_token(5) }, "for nobody"),
        (by_client(5), "none"),
        (Cause { bearer: Some(TokenKey([9; 16])), ..by_client(5) }, "unknown"),
        (Cause { actor: Actor::ClientApplication(ClientApplicationId(2)), ..by_token(5) }, "another's"),
        (Cause { actor: Actor::User(UserId(5)), on_behalf_of: None, ..by_token(5) }, "a user's"),
        (Cause { actor: Actor::System, ..by_token(5) }, "ours"),
    ] {
        assert_eq!(decides(&world, cause), REFUSED, "a token: {what}");
    }
    let ends: [(TenantId, Stream, Event); 4] = [
        (A, grant_stream(), GrantRevoked {}.into()),
        (SYSTEM, client_stream(), ClientApplicationDeleted {}.into()),
        (A, grant_stream(), AccessTokenRevoked { access: TOKEN }.into()),
        (A, Stream::new(StreamKind::USER, 5), UserStatusSet { status: UserStatus::Inactive }.into()),
    ];
    for (tenant, stream, event) in ends {
        let mut world = with_token();
        world.record(tenant, stream, event.clone());
        assert_eq!(decides(&world, by_token(5)), REFUSED, "{event:?}");
    }
}
