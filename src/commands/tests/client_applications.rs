//! Client applications: whose they are, who may make more of them, and what ends with them.

use events::{
    client_application::{
        ClientApplicationTransferred, ClientPolicy, ClientSecret, ClientType, GrantType, Pkce,
        RefreshRotation,
    },
    envelope::{Stream, StreamKind},
    event::Event,
    grant::{ConsentBy, GrantAllowed},
    id::{ClientApplicationId, GrantId, Sequence, TenantId, UserId},
    scope::Scope,
    sealed::{Field, KeyId},
    sorted::SortedVec,
    tenant::TenantAdministratorsChanged,
    token::TokenHash,
    user::UserStatus,
};

use super::{A, NOW, SYSTEM, World, key, login, roles, sealed};
use crate::{
    auth::principal::Principal,
    commands::{
        Object, Refusal, Taken, Wish,
        client_application::{
            DeleteClientApplication, Properties, RegisterClientApplication, UpdateClientApplication,
            policy::{PolicySaid, Said, default_policy},
            secret::{ResetClientSecret, RotateClientSecret},
        },
        disclosure::{RevealSecrets, Secrets},
        field::{ClientApplicationName, ClientId, EndpointUri},
        grant::revoke::RevokeGrant,
        granting::may_change_user,
        user::{
            delete::{Clients, DeleteUser},
            update::UpdateUser,
        },
    },
    oauth::redirect::RedirectUrl,
    vault::entries,
};

fn said_properties(name: &str, policy: PolicySaid) -> Properties {
    Properties {
        name: ClientApplicationName::parse(name).expect("a good name"),
        redirect_urls: vec![RedirectUrl::parse("client.example").expect("a good URL")],
        policy,
    }
}

fn secret(under: u8) -> ClientSecret {
    ClientSecret { hash: TokenHash([under; 32]), sealed: Some(sealed(under)) }
}

/// An application of that name, whose id at our endpoints is its name, too.
fn register_with(name: &str, under: u8, change: impl FnOnce(&mut RegisterClientApplication)) -> Wish {
    let mut wish = RegisterClientApplication {
        properties: said_properties(name, PolicySaid::default()),
        client_id: ClientId::parse_ours(name).expect("a good id"),
        imported: false,
        key: key(under),
        description: Some(sealed(under)),
        secret: Some(secret(under)),
    };
    change(&mut wish);
    Wish::RegisterClientApplication(Box::new(wish))
}

pub(super) fn register(name: &str, under: u8) -> Wish {
    register_with(name, under, |_| {})
}

fn register_saying(policy: PolicySaid) -> Wish {
    register_with("x", 1, |wish| {
        if policy.client_type == Some(ClientType::Public) {
            wish.secret = None;
        }
        wish.properties.policy = policy;
    })
}

fn update_with(id: u64, change: impl FnOnce(&mut UpdateClientApplication)) -> Wish {
    let mut wish = UpdateClientApplication {
        id: ClientApplicationId(id),
        expected: None,
        properties: said_properties("renamed", PolicySaid::default()),
        owner: None,
        description: None,
    };
    change(&mut wish);
    Wish::UpdateClientApplication(Box::new(wish))
}

pub(super) fn update(id: u64) -> Wish {
    update_with(id, |_| {})
}

fn update_saying(id: u64, policy: PolicySaid) -> Wish {
    update_with(id, |wish| wish.properties.policy = policy)
}

pub(super) fn delete(id: u64) -> Wish {
    Wish::DeleteClientApplication(DeleteClientApplication { id: ClientApplicationId(id), expected: None })
}

pub(super) fn reset(id: u64, under: u8) -> Wish {
    let (id, secret) = (ClientApplicationId(id), secret(under));
    Wish::ResetClientSecret(Box::new(ResetClientSecret { id, expected: None, secret }))
}

pub(super) fn rotate(id: u64, under: u8, overlap_secs: u32) -> Wish {
    let (id, secret) = (ClientApplicationId(id), secret(under));
    Wish::RotateClientSecret(Box::new(RotateClientSecret { id, expected: None, secret, overlap_secs }))
}

pub(super) fn revoke(client: u64) -> Wish {
    Wish::RevokeGrant(RevokeGrant { client: ClientApplicationId(client) })
}

fn reveal(world: &World, id: u64) -> Wish {
    let id = ClientApplicationId(id);
    let row = world.view.state.client_applications.rows.get(&id);
    let changed = row.map_or(Sequence(0), |row| row.changed);
    Wish::RevealSecrets(RevealSecrets { secrets: Secrets::ClientApplication(id), changed })
}

fn grants(types: &[GrantType]) -> Said<SortedVec<GrantType>> {
    Said::Value(types.iter().copied().collect())
}

fn scopes(scopes: &[Scope]) -> Said<SortedVec<Scope>> {
    Said::Value(scopes.iter().copied().collect())
}

impl World {
    /// With applications of users 2 (System, under key 71), 5 and 6 (A, 72 and 73) and 9 (B, 74), in this order.
    fn with_clients() -> Self {
        let mut world = Self::new();
        for (user, under) in [(2, 71), (5, 72), (6, 73), (9, 74)] {
            world.then(user, register(&format!("client {user}"), under));
        }
        world
    }

    /// That this user of that tenant allowed the application to use his data sources.
    pub(super) fn allows(&mut self, grant: u64, user: u64, tenant: TenantId, client: u64) {
        let allowed = GrantAllowed {
            client: ClientApplicationId(client),
            user: UserId(user),
            scopes: [Scope::OData].into_iter().collect(),
            by: ConsentBy::Page,
        };
        self.record(tenant, Stream::new(StreamKind::GRANT, grant), allowed.into());
    }

    fn client(&self, id: u64) -> &projections::client_applications::ClientApplication {
        self.view.state.client_applications.rows.get(&ClientApplicationId(id)).expect("it is there")
    }

    fn policy(&self, user: u64, wish: Wish) -> Result<ClientPolicy, Refusal> {
        let decision = self.when(user, wish)?;
        Ok(match &decision.facts[0].event {
            Event::ClientApplicationRegistered(event) => event.policy.clone(),
            Event::ClientApplicationUpdated(event) => event.policy.clone(),
            other => panic!("{other:?}"),
        })
    }
}

#[test]
fn any_active_user_registers_his_own_in_his_tenant() {
    let mut world = World::new();
    // Nobody needs a permission for it.
    let facts = world.then(7, register("mine", 1)).facts;
    assert_eq!((facts.len(), facts[0].tenant), (1, A));
    assert_eq!(facts[0].stream, Stream::new(StreamKind::CLIENT_APPLICATION, 1));
    let row = world.client(1);
    assert_eq!(
        (row.owner, row.name.as_str(), row.redirect_urls.as_slice()),
        (UserId(7), "mine", &["client.example".to_owned()][..])
    );
    assert_eq!(row.policy, default_policy(ClientType::Confidential));
    assert_eq!(world.when_for(1, Some(7), register("x", 1)).err(), Some(Refusal::LacksPermission));
    assert_eq!(world.when(99, register("x", 1)).err(), Some(Refusal::ActorGone));
}

#[test]
fn what_was_sealed_under_another_key_is_sealed_again() {
    let world = World::with_clients();
    let other = |wish: &mut RegisterClientApplication| wish.description = Some(sealed(9));
    assert_eq!(world.when(7, register_with("x", 1, other)).err(), Some(Refusal::Again));
    let described = update_with(3, |wish| wish.description = Some(sealed(9)));
    assert_eq!(world.when(6, described).err(), Some(Refusal::Again));
    assert_eq!(world.when(6, reset(3, 9)).err(), Some(Refusal::Again));
    assert_eq!(world.when(6, rotate(3, 9, 60)).err(), Some(Refusal::Again));
}

#[test]
fn names_are_unique_among_the_owners_and_client_ids_in_the_system() {
    let world = World::with_clients();
    let taken = || Some(Refusal::Taken(Taken::ClientApplicationName));
    let named = |name: &str| {
        register_with(name, 1, |wish| wish.client_id = ClientId::parse_ours("new").expect("good"))
    };
    assert_eq!(world.when(6, named("client 6")).err(), taken());
    assert_eq!(world.when(7, named("client 6")).err(), None, "another's");
    let again =
        |wish: &mut RegisterClientApplication| wish.properties = said_properties("y", PolicySaid::default());
    assert_eq!(world.when(7, register_with("client 6", 1, again)).err(), Some(Refusal::Again), "drawn anew");
    let imported = |wish: &mut RegisterClientApplication| {
        again(wish);
        wish.imported = true;
    };
    assert_eq!(
        world.when(1, register_with("client 6", 1, imported)).err(),
        Some(Refusal::Taken(Taken::ClientId))
    );
    // Its own name stays free for a PUT.
    let same = update_with(3, |wish| wish.properties = said_properties("client 6", PolicySaid::default()));
    assert_eq!(world.when(6, same).err(), None);
}

#[test]
fn only_12_imports_ids_and_secrets() {
    let world = World::new();
    for (user, expected) in [(1, None), (3, Some(Refusal::Forbidden)), (8, Some(Refusal::Forbidden))] {
        let wish = register_with("x", 1, |wish| wish.imported = true);
        assert_eq!(world.when(user, wish).err(), expected, "user {user}");
    }
}

#[test]
fn who_may_do_what_to_whose_and_what_the_others_hear() {
    let world = World::with_clients();
    let missing = |id| Some(Refusal::NotFound(Object::ClientApplication(ClientApplicationId(id))));
    let forbidden = || Some(Refusal::Forbidden);
    let (no, gone) = (|| None, || [const { Some(Refusal::ActorGone) }; 5]);
    // Applications 1 to 4 are of users 2 (System), 5 and 6 (A), 9 (B); 5 does not exist. Per user: PUT and DELETE, then what
    // needs the secret. 3 and 8 hold 28 and administer A.
    let table = [
        (1, [no(), no(), no(), no(), missing(5)], [no(), no(), no(), no(), missing(5)]),
        (
            2,
            [no(), missing(2), missing(3), missing(4), missing(5)],
            [no(), missing(2), missing(3), missing(4), missing(5)],
        ),
        (
            3,
            [missing(1), no(), no(), missing(4), missing(5)],
            [missing(1), forbidden(), forbidden(), missing(4), missing(5)],
        ),
        (
            5,
            [missing(1), no(), missing(3), missing(4), missing(5)],
            [missing(1), no(), missing(3), missing(4), missing(5)],
        ),
        (
            7,
            [missing(1), missing(2), missing(3), missing(4), missing(5)],
            [missing(1), missing(2), missing(3), missing(4), missing(5)],
        ),
        (
            8,
            [missing(1), no(), no(), missing(4), missing(5)],
            [missing(1), forbidden(), forbidden(), missing(4), missing(5)],
        ),
        (99, gone(), gone()),
    ];
    for (user, changes, secrets) in table {
        for (id, (changes, secrets)) in (1..).zip(changes.into_iter().zip(secrets)) {
            assert_eq!(world.when(user, update(id)).err(), changes, "user {user} puts {id}");
            assert_eq!(world.when(user, delete(id)).err(), changes, "user {user} deletes {id}");
            let under = u8::try_from(70 + id).expect("small");
            assert_eq!(world.when(user, reset(id, under)).err(), secrets, "user {user} resets {id}");
            assert_eq!(world.when(user, rotate(id, under, 60)).err(), secrets, "user {user} rotates {id}");
            assert_eq!(world.when(user, reveal(&world, id)).err(), secrets, "user {user} reveals {id}");
        }
    }
}

#[test]
fn where_codes_are_sent_is_the_owners_to_say_and_of_who_holds_12() {
    let world = World::with_clients();
    let elsewhere = || {
        update_with(3, |wish| {
            wish.properties.redirect_urls = vec![RedirectUrl::parse("https://evil.example/").expect("a URL")];
        })
    };
    assert_eq!(world.when(8, elsewhere()).err(), Some(Refusal::Forbidden));
    assert_eq!(world.when(6, elsewhere()).err(), None);
    assert_eq!(world.when(1, elsewhere()).err(), None);
    let nowhere = update_with(3, |wish| wish.properties.redirect_urls.clear());
    assert!(matches!(world.when(6, nowhere), Err(Refusal::Invalid { field: "redirectUrls", .. })));
    for (owner, good) in [(6, true), (7, false)] {
        let wish = update_with(3, |wish| wish.owner = Some(UserId(owner)));
        assert_eq!(world.when(6, wish).is_ok(), good, "{owner}");
    }
}

#[test]
fn other_grant_types_and_scopes_are_given_by_12_or_28_with_access() {
    let world = World::with_clients();
    let forbidden = || Err(Refusal::Forbidden);
    let both = [GrantType::AuthorizationCode, GrantType::ClientCredentials];
    let mut clients = PolicySaid { grant_types: grants(&both), ..PolicySaid::default() };
    let asked =
        |policy: &PolicySaid, user, id| world.policy(user, update_saying(id, policy.clone())).map(drop);
    // The owner himself may not; who administers his tenant may, for him and for herself.
    for policy in [
        clients.clone(),
        PolicySaid { scopes: scopes(&[Scope::OData, Scope::Mgmt]), ..PolicySaid::default() },
        PolicySaid { scopes: scopes(&[Scope::Audit]), ..PolicySaid::default() },
        PolicySaid {
            resource_server: Said::Value(EndpointUri::parse("https://odata.example").expect("a URI")),
            ..PolicySaid::default()
        },
        PolicySaid {
            grant_types: grants(&[GrantType::Password]),
            password_until: Said::Value(NOW.saturating_add_secs(60)),
            ..PolicySaid::default()
        },
    ] {
        assert_eq!(asked(&policy, 6, 3), forbidden(), "{policy:?}");
        assert_eq!(asked(&policy, 5, 2), forbidden(), "28 without access: {policy:?}");
        assert_eq!(asked(&policy, 8, 3), Ok(()), "{policy:?}");
        assert_eq!(asked(&policy, 1, 4), Ok(()), "{policy:?}");
        assert_eq!(world.policy(7, register_saying(policy.clone())).map(drop), forbidden(), "{policy:?}");
        assert_eq!(world.policy(8, register_saying(policy.clone())).map(drop), Ok(()), "{policy:?}");
    }
    // Less than the default is the owner's to say, too.
    clients.grant_types = grants(&[GrantType::AuthorizationCode]);
    assert_eq!(asked(&clients, 6, 3), Ok(()));
}

#[test]
fn what_was_given_may_be_repeated_and_taken_away_by_the_owner() {
    let mut world = World::with_clients();
    let given = PolicySaid {
        grant_types: grants(&[GrantType::AuthorizationCode, GrantType::Password]),
        scopes: scopes(&[Scope::OData, Scope::Mgmt]),
        resource_server: Said::Value(EndpointUri::parse("https://odata.example").expect("a URI")),
        password_until: Said::Value(NOW.saturating_add_secs(60)),
        ..PolicySaid::default()
    };
    world.then(8, update_saying(3, given.clone()));
    let before = world.client(3).policy.clone();
    assert_eq!(world.policy(6, update(3)), Ok(before.clone()), "left out");
    assert_eq!(world.policy(6, update_saying(3, given.clone())), Ok(before.clone()), "repeated");
    let later =
        PolicySaid { password_until: Said::Value(NOW.saturating_add_secs(61)), ..PolicySaid::default() };
    assert_eq!(world.policy(6, update_saying(3, later)), Err(Refusal::Forbidden));
    // Without the grant type its end goes, too.
    let less = PolicySaid {
        grant_types: grants(&[GrantType::AuthorizationCode]),
        scopes: Said::Null,
        resource_server: Said::Null,
        ..PolicySaid::default()
    };
    let after = world.policy(6, update_saying(3, less.clone())).expect("less");
    assert_eq!((after.password_until, after.resource_server), (None, None));
    assert_eq!(after.scopes, default_policy(ClientType::Confidential).scopes);
    world.then(6, update_saying(3, less));
    assert_eq!(world.policy(6, update_saying(3, given)), Err(Refusal::Forbidden), "it is gone");
}

#[test]
fn only_12_gives_an_application_the_rights_of_a_user_and_more_ways_to_use_them() {
    let mut world = World::with_clients();
    let run_as = |user| PolicySaid {
        grant_types: grants(&[GrantType::ClientCredentials]),
        run_as: Said::Value(UserId(user)),
        ..PolicySaid::default()
    };
    assert_eq!(world.policy(8, update_saying(3, run_as(7))), Err(Refusal::Forbidden));
    let nobody = Refusal::UnknownReference(Object::User(UserId(99)));
    assert_eq!(world.policy(1, update_saying(3, run_as(99))), Err(nobody));
    world.then(1, update_saying(3, run_as(7)));
    // What 28 gives to others it does not give to this one, nor back what the owner took away.
    let more = PolicySaid { scopes: scopes(&[Scope::OData, Scope::Mgmt]), ..PolicySaid::default() };
    assert_eq!(world.policy(8, update_saying(3, more.clone())), Err(Refusal::Forbidden));
    assert_eq!(world.policy(1, update_saying(3, more)).map(drop), Ok(()));
    let code = PolicySaid { grant_types: Said::Null, ..PolicySaid::default() };
    assert_eq!(world.policy(6, update_saying(3, code)), Err(Refusal::Forbidden));
    assert_eq!(world.policy(6, update(3)).map(|policy| policy.run_as), Ok(Some(UserId(7))));
    let less = PolicySaid { run_as: Said::Null, grant_types: Said::Null, ..PolicySaid::default() };
    assert_eq!(world.policy(6, update_saying(3, less)).map(|policy| policy.run_as), Ok(None));
}

#[test]
fn a_policy_holds_together() {
    let world = World::new();
    let public = PolicySaid { client_type: Some(ClientType::Public), ..PolicySaid::default() };
    let year = 366 * 24 * 60 * 60;
    let password = |until| PolicySaid {
        grant_types: grants(&[GrantType::Password]),
        password_until: until,
        ..PolicySaid::default()
    };
    let policy = world.policy(1, register_saying(public.clone())).expect("a public one");
    assert_eq!((policy.pkce, policy.refresh_rotation), (Pkce::Required, RefreshRotation::Always));
    for (field, policy) in [
        ("grantTypes", PolicySaid { grant_types: grants(&[]), ..PolicySaid::default() }),
        ("scopes", PolicySaid { scopes: scopes(&[]), ..PolicySaid::default() }),
        ("grantTypes", PolicySaid { grant_types: grants(&[GrantType::ClientCredentials]), ..public.clone() }),
        (
            "grantTypes",
            PolicySaid {
                client_type: Some(ClientType::Public),
                ..password(Said::Value(NOW.saturating_add_secs(9)))
            },
        ),
        ("pkce", PolicySaid { pkce: Said::Value(Pkce::Optional), ..public.clone() }),
        (
            "refreshRotation",
            PolicySaid { refresh_rotation: Said::Value(RefreshRotation::Never), ..public.clone() },
        ),
        (
            "resourceServer",
            PolicySaid {
                resource_server: Said::Value(EndpointUri::parse("https://a.example").expect("a URI")),
                ..public.clone()
            },
        ),
        ("runAs", PolicySaid { run_as: Said::Value(UserId(7)), ..public.clone() }),
        ("passwordGrantUntil", password(Said::LeftOut)),
        ("passwordGrantUntil", password(Said::Value(NOW))),
        ("passwordGrantUntil", password(Said::Value(NOW.saturating_add_secs(year + 1)))),
        (
            "passwordGrantUntil",
            PolicySaid { password_until: Said::Value(NOW.saturating_add_secs(9)), ..PolicySaid::default() },
        ),
    ] {
        let refusal = world.policy(1, register_saying(policy.clone())).expect_err("refused");
        assert!(
            matches!(refusal, Refusal::Invalid { field: named, .. } if named == field),
            "{policy:?}: {refusal:?}"
        );
    }
    assert!(world.policy(1, register_saying(password(Said::Value(NOW.saturating_add_secs(year))))).is_ok());
    // One that only acts in its own name needs neither scopes nor a place for codes.
    let own = register_with("x", 1, |wish| {
        wish.properties.redirect_urls.clear();
        wish.properties.policy.grant_types = grants(&[GrantType::ClientCredentials]);
        wish.properties.policy.scopes = scopes(&[]);
    });
    assert!(world.policy(1, own).is_ok());
    // With its type its secret comes and goes.
    for (client_type, has_secret) in [(ClientType::Public, true), (ClientType::Confidential, false)] {
        let wish = register_with("x", 1, |wish| {
            wish.properties.policy.client_type = Some(client_type);
            wish.secret = has_secret.then(|| secret(1));
        });
        assert!(matches!(world.when(1, wish), Err(Refusal::Invalid { field: "clientSecret", .. })));
    }
}

#[test]
fn an_application_keeps_its_type() {
    let world = World::with_clients();
    let said = |client_type| PolicySaid { client_type: Some(client_type), ..PolicySaid::default() };
    assert!(world.policy(6, update_saying(3, said(ClientType::Confidential))).is_ok());
    let refusal = world.policy(6, update_saying(3, said(ClientType::Public)));
    assert!(matches!(refusal, Err(Refusal::Invalid { field: "type", .. })));
}

#[test]
fn c4_a_reset_ends_all_that_was_granted_and_a_rotation_only_the_secret_in_time() {
    let mut world = World::with_clients();
    world.allows(1, 7, A, 3);
    let facts = world.then(6, rotate(3, 73, 60)).facts;
    assert_eq!(facts.len(), 1);
    let row = world.client(3);
    let previous = row.previous_secret.expect("the one before");
    assert_eq!((previous.hash, previous.until), (TokenHash([73; 32]), NOW.saturating_add_secs(60)));
    assert!(world.view.state.grants.rows.has(&GrantId(1)), "it goes on");
    let facts = world.then(6, reset(3, 73)).facts;
    assert_eq!(facts.len(), 1, "one event, whatever was granted");
    assert!(!world.view.state.grants.rows.has(&GrantId(1)));
    assert_eq!(world.client(3).previous_secret, None);
}

#[test]
fn a_public_application_has_no_secret_to_replace() {
    let mut world = World::new();
    world.then(
        7,
        register_saying(PolicySaid { client_type: Some(ClientType::Public), ..PolicySaid::default() }),
    );
    let none = || Some(Refusal::InUse("the application is public and has no secret"));
    assert_eq!(world.when(7, reset(1, 1)).err(), none());
    assert_eq!(world.when(7, rotate(1, 1, 60)).err(), none());
    assert!(world.when(7, reveal(&world, 1)).expect("nothing to show").facts.is_empty());
}

#[test]
fn a_reveal_is_recorded_for_who_saw_it() {
    let world = World::with_clients();
    for user in [6, 1] {
        let facts = world.when(user, reveal(&world, 3)).expect("granted").facts;
        assert_eq!((facts[0].tenant, facts[0].stream), (A, Stream::new(StreamKind::DISCLOSURES, user)));
        let Event::SecretRevealed(event) = &facts[0].event else { panic!("{facts:?}") };
        assert_eq!(event.object, Stream::new(StreamKind::CLIENT_APPLICATION, 3));
        assert_eq!(event.fields, [Field::CLIENT_SECRET].into_iter().collect());
    }
}

#[test]
fn a_user_takes_back_what_he_allowed_and_nothing_else() {
    let mut world = World::with_clients();
    world.allows(1, 7, A, 3);
    world.allows(2, 8, A, 3);
    let missing = |id| Some(Refusal::NotFound(Object::ClientApplication(ClientApplicationId(id))));
    for (user, client) in [(7, 2), (7, 99), (6, 3), (1, 3)] {
        assert_eq!(world.when(user, revoke(client)).err(), missing(client), "user {user}, {client}");
    }
    let facts = world.then(7, revoke(3)).facts;
    assert_eq!((facts[0].tenant, facts[0].stream), (A, Stream::new(StreamKind::GRANT, 1)));
    assert_eq!(world.when(7, revoke(3)).err(), missing(3), "again");
    assert!(world.view.state.grants.rows.has(&GrantId(2)), "another's");
}

fn delete_user(user: u8, clients: Clients) -> Wish {
    Wish::DeleteUser(DeleteUser { user: UserId(user.into()), expected: None, login: login(user), clients })
}

#[test]
fn who_is_deleted_takes_his_applications_along_unless_others_allowed_them_something() {
    let mut world = World::with_clients();
    world.view.logins.put(login(6), UserId(6));
    // One that he deleted himself: the log still holds what was sealed under its key.
    world.then(6, register("gone", 75));
    world.then(6, delete(5));
    // What he allowed himself is no reason to keep him, what he allowed others ends with him.
    world.allows(1, 6, A, 3);
    world.allows(2, 6, A, 2);
    let decision = world.when(1, delete_user(6, Clients::default())).expect("granted");
    let kinds: Vec<String> = decision.facts.iter().map(|fact| fact.event.kind().0.to_string()).collect();
    assert_eq!(kinds, ["GrantRevoked", "GrantRevoked", "ClientApplicationDeleted", "UserDeleted"]);
    let keys = [75, 73, 0].map(|key| entries::destroy(&KeyId([key; 32])));
    assert_eq!(decision.keys, keys);
    world.allows(3, 7, A, 3);
    assert!(matches!(world.when(1, delete_user(6, Clients::default())), Err(Refusal::InUse(_))));
    assert!(world.when(1, delete_user(6, Clients::End)).is_ok());
    world.then(1, delete_user(6, Clients::End));
    let state = &world.view.state;
    assert!(state.grants.rows.all().next().is_none(), "all of them hung on him");
    assert!(state.client_applications.ended_of(UserId(6)).next().is_none());
}

#[test]
fn applications_of_who_is_deleted_go_to_another_of_his_tenant() {
    let mut world = World::with_clients();
    world.view.logins.put(login(6), UserId(6));
    world.allows(1, 7, A, 3);
    for other in [6, 2, 9, 99] {
        let unknown = Refusal::UnknownReference(Object::User(UserId(other)));
        let refusal = world.when(1, delete_user(6, Clients::GoTo(UserId(other)))).err();
        assert_eq!(refusal, Some(unknown), "{other}");
    }
    world.then(7, register("client 6 of 7", 75));
    world
        .then(7, update_with(5, |wish| wish.properties = said_properties("client 6", PolicySaid::default())));
    let taken = world.when(1, delete_user(6, Clients::GoTo(UserId(7)))).err();
    assert_eq!(taken, Some(Refusal::Taken(Taken::ClientApplicationName)));
    let decision = world.then(1, delete_user(6, Clients::GoTo(UserId(5))));
    assert_eq!(decision.facts[0].event, ClientApplicationTransferred { owner: UserId(5) }.into());
    assert_eq!(decision.keys, [entries::destroy(&KeyId([0; 32]))], "its key stays");
    assert_eq!(world.client(3).owner, UserId(5));
    assert!(world.view.state.grants.rows.has(&GrantId(1)), "what was allowed goes on");
}

#[test]
fn with_the_rights_of_a_user_an_application_is_handed_on_by_12_only() {
    let mut world = World::with_clients();
    world.people(&[(16, A, &[16])]);
    let tenant = TenantAdministratorsChanged {
        added: [UserId(16)].into_iter().collect(),
        removed: SortedVec::default(),
    };
    world.record(A, Stream::new(StreamKind::TENANT, 2), tenant.into());
    world.view.logins.put(login(7), UserId(7));
    world.then(7, register("robot", 75));
    let run_as = PolicySaid {
        grant_types: grants(&[GrantType::ClientCredentials]),
        run_as: Said::Value(UserId(1)),
        ..PolicySaid::default()
    };
    let wish = || delete_user(7, Clients::GoTo(UserId(16)));
    let to_another = || delete_user(7, Clients::GoTo(UserId(5)));
    assert_eq!(world.when(16, wish()).err(), Some(Refusal::Forbidden), "to himself");
    assert_eq!(world.when(16, to_another()).err(), None);
    world.then(1, update_saying(5, run_as));
    assert_eq!(world.when(16, to_another()).err(), Some(Refusal::Forbidden));
    assert_eq!(world.when(1, wish()).err(), None);
}

#[test]
fn who_owns_applications_does_not_move_and_who_moves_takes_back_what_he_allowed() {
    let mut world = World::with_clients();
    for user in [6, 7] {
        world.view.logins.put(login(user), UserId(user.into()));
    }
    world.allows(1, 7, A, 3);
    let moves = |user: u8| {
        Wish::UpdateUser(Box::new(UpdateUser {
            user: UserId(user.into()),
            expected: None,
            name: sealed(0),
            login_before: login(user),
            login: login(user),
            tenant: Some(SYSTEM),
            status: UserStatus::Active,
            locked: None,
            password: None,
            roles: roles(&[2]),
            permissions: SortedVec::default(),
        }))
    };
    assert!(matches!(world.when(1, moves(6)), Err(Refusal::InUse(_))));
    let facts = world.then(1, moves(7)).facts;
    let kinds: Vec<String> = facts.iter().map(|fact| fact.event.kind().0.to_string()).collect();
    assert!(kinds.starts_with(&["UserUpdated".to_owned(), "GrantRevoked".to_owned()]), "{kinds:?}");
    assert_eq!(facts[1].tenant, A, "where he allowed it");
    assert!(world.view.state.grants.rows.all().next().is_none());
}

/// Found by reading: who resets the password of an owner sees the secret of his application, and so has the rights it lends.
#[test]
fn who_owns_an_application_with_a_users_rights_is_changed_by_12_only() {
    let mut world = World::with_clients();
    world.people(&[(16, A, &[15, 16])]);
    let tenant = TenantAdministratorsChanged {
        added: [UserId(16)].into_iter().collect(),
        removed: SortedVec::default(),
    };
    world.record(A, Stream::new(StreamKind::TENANT, 2), tenant.into());
    world.then(7, register("robot", 75));
    let may = |world: &World, by: u64| {
        let principal = Principal::of(&world.view.state, UserId(by)).expect("there");
        may_change_user(&world.view.state, &principal, UserId(7))
    };
    assert_eq!(may(&world, 16), Ok(()));
    let run_as = PolicySaid {
        grant_types: grants(&[GrantType::ClientCredentials]),
        run_as: Said::Value(UserId(1)),
        ..PolicySaid::default()
    };
    world.then(1, update_saying(5, run_as));
    assert_eq!(may(&world, 16), Err(Refusal::Forbidden));
    assert_eq!((may(&world, 1), may(&world, 7)), (Ok(()), Ok(())), "12, and he himself");
}
