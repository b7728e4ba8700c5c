//! Tokens for an application in its own name, and for a user's password.

use events::{
    event::Event,
    sealed::Sealed,
    user::{Password, PasswordStatus, UserCreated, UserLocked, UserMoved, UserStatus, UserStatusSet},
};

use super::*;
use crate::commands::{
    tests::{B, ids, sealed},
    token::{client_credentials::IssueClientCredentials, password::IssueByPassword},
};

fn own_name() -> ClientPolicy {
    ClientPolicy { grant_types: [GrantType::ClientCredentials].into_iter().collect(), ..policy() }
}

fn in_own_name(world: &World, asked: Asked) -> Result<Decision, Refusal> {
    let wish = IssueClientCredentials { proof: world.proof(), asked, access: hash(ACCESS) };
    world.asks(Wish::IssueClientCredentials(Box::new(wish)))
}

#[test]
fn an_application_in_its_own_name_gets_no_scopes_and_speaks_with_us() {
    let mut world = World::with_client(own_name());
    let decision = in_own_name(&world, asked()).expect("granted");
    world.take(&decision);
    let [defined, issued] = &decision.facts[..] else { panic!("{decision:?}") };
    assert_eq!((issued.tenant, issued.stream), (A, Stream::new(StreamKind::CLIENT_TOKENS, 1)));
    assert!(
        matches!(&issued.event, Event::AccessTokenIssued(event) if event.family.is_none() && event.run_as.is_none())
    );
    assert_eq!((defined.tenant, defined.stream), (SYSTEM, Stream::LEDGER));
    let living = live_access(&world.view.state, &hash(ACCESS), NOW).expect("lives");
    assert_eq!((living.client, living.user, &*living.set), (CLIENT, None, &set(&[], &[ISSUER])));
    for refusing in [asked_for(&[Scope::OData]), asked_for(&[Scope::Mgmt])] {
        assert_eq!(in_own_name(&world, refusing), refused(OAuthRefusal::InvalidScope));
    }
    let elsewhere = Asked { resources: vec![ODATA.to_owned()], ..asked() };
    assert_eq!(in_own_name(&world, elsewhere), refused(OAuthRefusal::InvalidTarget));
    assert_eq!(in_own_name(&world, asked()).expect("granted").facts.len(), 1, "the set has its number now");
}

#[test]
fn an_application_that_runs_as_a_user_gets_his_scopes_while_he_is_active() {
    let mut world = World::with_client(ClientPolicy {
        run_as: Some(UserId(6)),
        scopes: scopes(&[Scope::OData, Scope::Mgmt]),
        ..own_name()
    });
    let decision = in_own_name(&world, asked()).expect("granted");
    world.take(&decision);
    let living = live_access(&world.view.state, &hash(ACCESS), NOW).expect("lives");
    assert_eq!(living.user, Some(UserId(6)));
    assert_eq!(*living.set, set(&[Scope::OData, Scope::Mgmt], &[ODATA, ISSUER]));
    assert!(in_own_name(&world, asked_for(&[Scope::Mgmt])).is_ok());
    assert_eq!(in_own_name(&world, asked_for(&[Scope::Audit])), refused(OAuthRefusal::InvalidScope));
    let inactive = UserStatusSet { status: UserStatus::Inactive };
    world.record(A, Stream::new(StreamKind::USER, 6), inactive.into());
    assert_eq!(in_own_name(&world, asked()), invalid_grant());
    assert!(!world.lives(&hash(ACCESS)));
    let stranger = World::with_client(ClientPolicy { run_as: Some(UserId(9)), ..own_name() });
    assert_eq!(in_own_name(&stranger, asked()), invalid_grant(), "of another tenant");
}

/// The application is of the tenant that he left.
#[test]
fn an_application_loses_the_rights_of_a_user_who_moves_to_another_tenant() {
    let mut world = World::with_client(ClientPolicy { run_as: Some(UserId(6)), ..own_name() });
    let decision = in_own_name(&world, asked()).expect("granted");
    world.take(&decision);
    assert!(world.lives(&hash(ACCESS)));
    world.record(B, Stream::new(StreamKind::USER, 6), UserMoved { from: A }.into());
    assert_eq!(in_own_name(&world, asked()), invalid_grant());
    assert!(!world.lives(&hash(ACCESS)), "nor has he those of before");
}

#[test]
fn only_confidential_clients_that_are_registered_for_it_ask_in_their_own_name() {
    assert_eq!(
        in_own_name(&World::with_client(policy()), asked()),
        refused(OAuthRefusal::UnauthorizedClient)
    );
    let public = ClientPolicy { client_type: ClientType::Public, ..own_name() };
    assert_eq!(in_own_name(&World::with_client(public), asked()), refused(OAuthRefusal::UnauthorizedClient));
}

const PETER: UserId = UserId(20);

fn by_password() -> ClientPolicy {
    ClientPolicy {
        grant_types: [GrantType::Password, GrantType::RefreshToken].into_iter().collect(),
        password_until: Some(NOW.saturating_add_secs(1_000)),
        ..policy()
    }
}

fn with_peter(policy: ClientPolicy, password: impl FnOnce(&mut Password)) -> World {
    let mut world = World::with_client(policy);
    world.peter(A, password);
    world
}

impl World {
    fn peter(&mut self, tenant: events::id::TenantId, change: impl FnOnce(&mut Password)) {
        let mut password = Password { hash: sealed(20), status: PasswordStatus::Active, expires_at: None };
        change(&mut password);
        let user = UserCreated {
            name: sealed(20),
            status: UserStatus::Active,
            password: Some(password),
            roles: SortedVec::default(),
            permissions: ids(&[]),
        };
        self.record(tenant, Stream::new(StreamKind::USER, PETER.0), user.into());
    }

    fn by_password(&self, change: impl FnOnce(&mut IssueByPassword)) -> Result<Decision, Refusal> {
        let mut wish = IssueByPassword {
            proof: self.proof(),
            user: PETER,
            password: sealed(20),
            asked: asked(),
            family: FAMILY,
            access: hash(ACCESS),
            refresh: hash(FIRST),
        };
        change(&mut wish);
        self.asks(Wish::IssueByPassword(Box::new(wish)))
    }
}

#[test]
fn c1_the_first_password_is_a_consent_and_later_ones_are_not() {
    let mut world = with_peter(by_password(), |_| {});
    let first = world.by_password(|_| {}).expect("granted");
    world.take(&first);
    let [_, allowed, issued] = &first.facts[..] else { panic!("{first:?}") };
    let expected = GrantAllowed {
        client: CLIENT,
        user: PETER,
        scopes: scopes(&[Scope::OData]),
        by: ConsentBy::Password,
    };
    assert_eq!((&allowed.event, allowed.stream, allowed.tenant), (&expected.into(), grant_stream(), A));
    assert!(matches!(&issued.event, Event::TokensIssued(event) if event.refresh == Some(hash(FIRST))));
    assert!(world.lives(&hash(ACCESS)));
    let again = world
        .by_password(|wish| {
            wish.family = FamilyId(2);
            wish.access = hash(ACCESS + 1);
        })
        .expect("granted");
    assert!(matches!(
        again.facts.iter().map(|fact| &fact.event).collect::<Vec<_>>()[..],
        [Event::TokensIssued(_)]
    ));
    assert!(world.asks(world.refresh(0, hash(FIRST))).is_ok());
    // More than he allowed before is another consent, to the union.
    world.update(|policy| policy.scopes = scopes(&[Scope::OData, Scope::Mgmt]));
    let wider = world.by_password(|wish| {
        wish.family = FamilyId(3);
        wish.asked = asked_for(&[Scope::Mgmt]);
    });
    let wider = wider.expect("granted");
    let union = wider.facts.iter().find_map(|fact| match &fact.event {
        Event::GrantAllowed(allowed) => Some(allowed.scopes.clone()),
        _ => None,
    });
    assert_eq!(union, Some(scopes(&[Scope::OData, Scope::Mgmt])));
}

#[test]
fn c1_only_a_confidential_client_whose_time_is_not_over_takes_passwords() {
    let unauthorized = || refused(OAuthRefusal::UnauthorizedClient);
    for policy in [
        policy(),
        ClientPolicy { password_until: None, ..by_password() },
        ClientPolicy { password_until: Some(NOW), ..by_password() },
        ClientPolicy { client_type: ClientType::Public, ..by_password() },
    ] {
        assert_eq!(with_peter(policy, |_| {}).by_password(|_| {}), unauthorized());
    }
    let mut world = with_peter(by_password(), |_| {});
    world.pass(999);
    assert!(world.by_password(|_| {}).is_ok());
    world.pass(1);
    assert_eq!(world.by_password(|_| {}), unauthorized());
}

#[test]
fn c1_a_password_that_is_none_any_more_is_refused() {
    type Row = (fn(&mut Password), fn(&mut World));
    let set: fn(&mut Password) = |_| {};
    let table: [Row; 6] = [
        (|password| password.hash = sealed(21), |_| {}),
        (|password| password.status = PasswordStatus::MustChange, |_| {}),
        (|password| password.expires_at = Some(NOW), |_| {}),
        (set, |world| {
            let inactive = UserStatusSet { status: UserStatus::Inactive };
            world.record(A, Stream::new(StreamKind::USER, PETER.0), inactive.into());
        }),
        (set, |world| {
            let locked = UserLocked { until: NOW.saturating_add_secs(1) };
            world.record(A, Stream::new(StreamKind::USER, PETER.0), locked.into());
        }),
        (set, |world| {
            world.peter(B, |_| {});
        }),
    ];
    for (row, (password, change)) in table.into_iter().enumerate() {
        let mut world = with_peter(by_password(), password);
        change(&mut world);
        assert_eq!(world.by_password(|_| {}), invalid_grant(), "row {row}");
    }
    let world = with_peter(by_password(), |_| {});
    assert_eq!(world.by_password(|wish| wish.user = UserId(999)), invalid_grant());
    assert_eq!(world.by_password(|wish| wish.user = UserId(6)), invalid_grant(), "he has no password");
    let other: Sealed = sealed(22);
    assert_eq!(world.by_password(|wish| wish.password = other), invalid_grant(), "set since it was compared");
}

#[test]
fn c1_a_client_of_the_system_tenant_takes_everybodys() {
    let mut world = World::new();
    world.register(1, SYSTEM, by_password());
    world.peter(B, |_| {});
    assert!(world.by_password(|_| {}).is_ok());
}
