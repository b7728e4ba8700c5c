//! Who may let which client application in, and what is recorded of it.

use events::{
    client_application::{
        ClientApplicationRegistered, ClientPolicy, ClientType, GrantType, Pkce, RefreshRotation,
    },
    envelope::{Stream, StreamKind},
    event::Event,
    grant::{AuthenticationMethod, GrantAllowed, GrantRevoked},
    id::{ClientApplicationId, Sequence, UserId},
    scope::Scope,
    token::TokenHash,
    user::{PasswordSetter, PasswordStatus, UserPasswordSet, UserStatus, UserStatusSet},
};
use projections::tokens::ScopeSet;

use super::{A, B, NOW, SYSTEM, World, key, sealed};
use crate::commands::{
    Refusal, Wish,
    grant::{allow::AllowAccess, deny::DenyAccess},
};

const CLIENT_OF_A: ClientApplicationId = ClientApplicationId(1);
const CLIENT_OF_SYSTEM: ClientApplicationId = ClientApplicationId(2);

fn policy() -> ClientPolicy {
    ClientPolicy {
        client_type: ClientType::Confidential,
        grant_types: [GrantType::AuthorizationCode].into_iter().collect(),
        scopes: Scope::ALL.into_iter().collect(),
        pkce: Pkce::Optional,
        refresh_rotation: RefreshRotation::Never,
        refresh_retry_secs: 60,
        access_token_lifetime_secs: None,
        refresh_token_idle_secs: None,
        refresh_token_absolute_secs: None,
        resource_server: None,
        run_as: None,
        password_until: None,
    }
}

/// Application 1 of user 5 in tenant A, application 2 of user 1 in the system tenant.
fn world() -> World {
    let mut world = World::new();
    for (id, tenant, owner) in [(CLIENT_OF_A, A, 5), (CLIENT_OF_SYSTEM, SYSTEM, 1)] {
        let registered = ClientApplicationRegistered {
            owner: UserId(owner),
            name: format!("client {id}"),
            description: None,
            redirect_urls: vec!["https://client.example/cb".to_owned()],
            client_id: format!("client-{id}"),
            key_id: key(70).id,
            secret: None,
            policy: policy(),
        };
        world.record(tenant, client_stream(id), registered.into());
    }
    world
}

fn client_stream(id: ClientApplicationId) -> Stream {
    Stream::new(StreamKind::CLIENT_APPLICATION, id.0)
}

fn grant_stream(id: u64) -> Stream {
    Stream::new(StreamKind::GRANT, id)
}

/// The last event there is.
fn now(world: &World) -> Sequence {
    Sequence(world.view.state.log.size() - 1)
}

/// As the front prepares it from the present state.
fn ask(
    world: &World,
    user: u64,
    client: ClientApplicationId,
    scopes: &[Scope],
    consents: bool,
) -> AllowAccess {
    let state = &world.view.state;
    AllowAccess {
        client,
        client_changed: state.client_applications.rows.get(&client).map_or(Sequence(0), |row| row.changed),
        grant: state.grants.between(UserId(user), client).map(|(id, row)| (id, row.changed)),
        consents,
        code: TokenHash([9; 32]),
        redirect_uri: Some("https://client.example/cb".to_owned()),
        challenge: Some([7; 32]),
        set: ScopeSet {
            scopes: scopes.iter().copied().collect(),
            audience: ["https://ledger.example".to_owned()].into_iter().collect(),
        },
        seen: now(world),
        authenticated_at: NOW,
        method: AuthenticationMethod::LoginPage,
    }
}

fn allow(world: &World, user: u64, client: ClientApplicationId, scopes: &[Scope]) -> Wish {
    Wish::AllowAccess(Box::new(ask(world, user, client, scopes, true)))
}

fn remembered(world: &World, user: u64, client: ClientApplicationId, scopes: &[Scope]) -> Wish {
    Wish::AllowAccess(Box::new(ask(world, user, client, scopes, false)))
}

fn names(facts: &[crate::commands::Fact]) -> Vec<&'static str> {
    let name = |event: &Event| match event {
        Event::ScopeSetDefined(_) => "set",
        Event::GrantAllowed(_) => "allowed",
        Event::AuthorizationCodeIssued(_) => "code",
        Event::GrantDenied(_) => "denied",
        other => panic!("{other:?}"),
    };
    facts.iter().map(|fact| name(&fact.event)).collect()
}

/// TOKENS section 4, first consent / remembered.
#[test]
fn the_first_consent_is_recorded_and_a_remembered_one_only_issues_a_code() {
    let mut world = world();
    let wish = allow(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    let decision = world.then(6, wish);
    assert_eq!(names(&decision.facts), ["set", "allowed", "code"]);
    assert_eq!(
        decision.facts.iter().map(|fact| (fact.tenant, fact.stream)).collect::<Vec<_>>(),
        [(SYSTEM, Stream::LEDGER), (A, grant_stream(1)), (A, grant_stream(1))]
    );
    let Event::AuthorizationCodeIssued(issued) = &decision.facts[2].event else { panic!("looked at above") };
    assert_eq!(issued.expires_at, NOW.saturating_add_secs(60), "SECURITY 11");
    let wish = remembered(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    assert_eq!(names(&world.then(6, wish).facts), ["code"]);
    // Who is asked every time says it again, and nothing new comes of it.
    let wish = allow(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    assert_eq!(names(&world.then(6, wish).facts), ["code"]);
}

#[test]
fn s21_a_wider_consent_is_a_union_and_never_comes_of_itself() {
    let mut world = world();
    let wish = allow(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    world.then(6, wish);
    let wider = [Scope::Mgmt, Scope::Audit];
    assert_eq!(
        world.when(6, remembered(&world, 6, CLIENT_OF_A, &wider)),
        Err(Refusal::Forbidden),
        "nothing is allowed that he was not asked"
    );
    let wish = allow(&world, 6, CLIENT_OF_A, &wider);
    let decision = world.then(6, wish);
    let Event::GrantAllowed(GrantAllowed { scopes, .. }) = &decision.facts[1].event else {
        panic!("{decision:?}")
    };
    assert_eq!(**scopes, Scope::ALL);
    assert_eq!(decision.facts[1].stream, grant_stream(1), "one living grant for a user and an application");
    let wish = remembered(&world, 6, CLIENT_OF_A, &[Scope::OData, Scope::Audit]);
    assert_eq!(
        names(&world.then(6, wish).facts),
        ["set", "code"],
        "the set is another, the consent is there"
    );
}

#[test]
fn after_a_revocation_another_consent_makes_another_grant() {
    let mut world = world();
    let wish = allow(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    world.then(6, wish);
    world.record(A, grant_stream(1), GrantRevoked {}.into());
    assert_eq!(world.when(6, remembered(&world, 6, CLIENT_OF_A, &[Scope::OData])), Err(Refusal::Forbidden));
    let wish = allow(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    let decision = world.then(6, wish);
    assert_eq!(
        (names(&decision.facts), decision.facts[0].stream),
        (vec!["allowed", "code"], grant_stream(2))
    );
}

/// TOKENS section 3: users of the owner's tenant; everybody, when the owner lives in the system tenant.
#[test]
fn an_application_is_for_its_tenant_and_one_of_the_system_tenant_for_everybody() {
    let world = world();
    for (user, client, may) in [
        (6, CLIENT_OF_A, true),
        (9, CLIENT_OF_A, false),
        (1, CLIENT_OF_A, false),
        (6, CLIENT_OF_SYSTEM, true),
        (9, CLIENT_OF_SYSTEM, true),
        (1, CLIENT_OF_SYSTEM, true),
    ] {
        let refusal = if may { None } else { Some(Refusal::Again) };
        let allowed = world.when(user, allow(&world, user, client, &[Scope::OData]));
        assert_eq!(allowed.err(), refusal, "{user} {client}");
        let client_changed = world.view.state.client_applications.rows.get(&client).expect("there").changed;
        let denied =
            world.when(user, Wish::DenyAccess(DenyAccess { client, client_changed, seen: now(&world) }));
        assert_eq!(denied.err(), refusal, "{user} {client}");
    }
}

#[test]
fn what_changed_since_the_page_was_shown_is_looked_at_again() {
    let mut world = world();
    let nobody = allow(&world, 6, ClientApplicationId(9), &[Scope::OData]);
    assert_eq!(world.when(6, nobody), Err(Refusal::Again));
    let before = allow(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    let other = allow(&world, 6, CLIENT_OF_A, &[Scope::Mgmt]);
    world.then(6, before.clone());
    assert_eq!(world.when(6, other), Err(Refusal::Again), "another page of his was faster");
    world.record(A, grant_stream(1), GrantRevoked {}.into());
    assert!(world.when(6, before.clone()).is_ok(), "nothing is allowed, as it was then");
    let update = events::client_application::ClientApplicationUpdated {
        name: "other".to_owned(),
        description: None,
        redirect_urls: vec![],
        policy: policy(),
    };
    world.record(A, client_stream(CLIENT_OF_A), update.into());
    assert_eq!(world.when(6, before), Err(Refusal::Again));
}

#[test]
fn a_denial_stands_in_the_history_of_the_application() {
    let world = world();
    let client_changed =
        world.view.state.client_applications.rows.get(&CLIENT_OF_SYSTEM).expect("there").changed;
    let decision = world
        .when(9, Wish::DenyAccess(DenyAccess { client: CLIENT_OF_SYSTEM, client_changed, seen: now(&world) }))
        .expect("he may");
    let [fact] = &decision.facts[..] else { panic!("{decision:?}") };
    assert_eq!(
        (fact.tenant, fact.stream, names(&decision.facts)),
        (B, client_stream(CLIENT_OF_SYSTEM), vec!["denied"])
    );
}

#[test]
fn nobody_consents_for_another_nor_by_a_token_nor_when_he_is_inactive() {
    let mut world = world();
    let wish = allow(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    assert_eq!(world.when_for(1, Some(6), wish.clone()), Err(Refusal::LacksPermission));
    let actor = events::envelope::Actor::ClientApplication(CLIENT_OF_A);
    assert_eq!(world.when_by(actor, Some(6), wish.clone()), Err(Refusal::ActorGone));
    world.record(A, Stream::new(StreamKind::USER, 6), UserStatusSet { status: UserStatus::Inactive }.into());
    assert_eq!(world.when(6, wish), Err(Refusal::ActorGone));
}

/// Found by reading: the edge looks at the session, and the writer may hear of a password set in between only before it decides.
#[test]
fn a_password_set_while_a_code_is_asked_for_ends_that_too() {
    let mut world = world();
    let before = allow(&world, 6, CLIENT_OF_A, &[Scope::OData]);
    let client_changed = world.view.state.client_applications.rows.get(&CLIENT_OF_A).expect("there").changed;
    let denied = Wish::DenyAccess(DenyAccess { client: CLIENT_OF_A, client_changed, seen: now(&world) });
    assert!(world.when(6, before.clone()).is_ok());
    for (hash, ends_all_tokens, setter) in
        [(Some(sealed(6)), true, PasswordSetter::Other), (Some(sealed(6)), false, PasswordSetter::Holder)]
    {
        let set = UserPasswordSet {
            hash,
            status: PasswordStatus::Active,
            expires_at: None,
            setter,
            ends_all_tokens,
        };
        world.record(A, Stream::new(StreamKind::USER, 6), set.into());
        for wish in [before.clone(), denied.clone()] {
            assert_eq!(world.when(6, wish), Err(Refusal::ActorGone), "{setter:?}");
        }
        assert!(world.when(6, allow(&world, 6, CLIENT_OF_A, &[Scope::OData])).is_ok(), "signed in anew");
    }
}
