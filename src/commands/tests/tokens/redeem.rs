//! Codes: good once, for a minute, for whom they were made.

use events::{
    event::Event,
    grant::{AuthorizationCodeRedeemed, AuthorizationCodeReplayDetected, GrantRevoked},
    id::ScopeSetId,
    token::{IssuedAccessToken, TokenFamilyRevoked},
    user::{UserStatus, UserStatusSet},
};

use super::*;
use crate::oauth::pkce::Challenge;

fn replayed() -> Event {
    AuthorizationCodeReplayDetected { code: hash(CODE), family: FAMILY }.into()
}

fn with_challenge(policy: ClientPolicy) -> World {
    let mut world = World::with_client(policy);
    world.consent(&set(&[Scope::OData], &[ODATA]));
    world.code(CODE, &set(&[Scope::OData], &[ODATA]), |code| {
        code.challenge = Some(Challenge::of(VERIFIER).0);
    });
    world
}

#[test]
fn s11_a_code_becomes_a_family_with_an_access_token_and_a_refresh_token() {
    let world = World::with_code(policy());
    let decision = world.asks(world.redeem()).expect("granted");
    let redeemed = AuthorizationCodeRedeemed {
        code: hash(CODE),
        client: CLIENT,
        family: FAMILY,
        scope_set: ScopeSetId(1),
        access: IssuedAccessToken { hash: hash(ACCESS), expires_at: NOW.saturating_add_secs(3_600) },
        refresh: Some(hash(FIRST)),
        refresh_until: None,
    };
    assert_eq!(decision.facts.len(), 1, "the set has its number");
    let fact = &decision.facts[0];
    assert_eq!((fact.tenant, fact.stream, &fact.event), (A, grant_stream(), &redeemed.into()));
}

#[test]
fn s11_a_code_is_bound_to_its_client_its_redirect_and_a_minute() {
    let mut world = World::with_code(policy());
    world.register(2, A, policy());
    let other_client =
        Wish::RedeemCode(Box::new(RedeemCode { proof: proof_of(2, &policy()), ..world.redemption() }));
    assert_eq!(
        world.when_by(Actor::ClientApplication(ClientApplicationId(2)), None, other_client),
        invalid_grant()
    );
    let changes: [fn(&mut RedeemCode); 5] = [
        |wish| wish.code = hash(CODE + 1),
        |wish| wish.redirect_uri = None,
        |wish| wish.redirect_uri = Some(format!("{CALLBACK}/")),
        |wish| wish.redirect_uri = Some("HTTPS://app.example/callback".to_owned()),
        |wish| wish.verifier = Verifier::read(Some(VERIFIER)),
    ];
    for (row, change) in changes.into_iter().enumerate() {
        assert_eq!(world.asks(world.redeem_with(change)), invalid_grant(), "row {row}");
    }
    world.pass(59);
    assert!(world.asks(world.redeem()).is_ok(), "nothing of that spent it");
    world.pass(1);
    assert_eq!(world.asks(world.redeem()), invalid_grant());
}

#[test]
fn s06_a_verifier_is_there_exactly_when_a_challenge_was_and_is_the_right_one() {
    for policy in [policy(), public()] {
        let world = with_challenge(policy);
        let with = |verifier| world.asks(world.redeem_with(|wish| wish.verifier = Verifier::read(verifier)));
        let wrong = VERIFIER.replace('d', "e");
        for verifier in [None, Some(wrong.as_str()), Some("short"), Some(&VERIFIER[1..])] {
            assert_eq!(with(verifier), invalid_grant(), "{verifier:?}");
        }
        assert!(with(Some(VERIFIER)).is_ok());
    }
}

#[test]
fn s12_a_replay_ends_what_came_of_the_code_and_is_recorded_once() {
    let mut world = World::with_code(policy());
    world.gets(world.redeem());
    assert!(world.lives(&hash(ACCESS)));
    // Even after its minute: whoever redeemed it first did so in time.
    world.pass(120);
    assert_eq!(world.gets(world.redeem()), [replayed()]);
    assert!(!world.lives(&hash(ACCESS)));
    assert_eq!(world.asks(world.refresh(0, hash(FIRST))), invalid_grant());
    assert_eq!(world.asks(world.redeem()), invalid_grant(), "a third time is no event");
}

#[test]
fn s12_of_parallel_redemptions_one_gets_tokens_and_the_next_ends_them() {
    let mut world = World::with_code(policy());
    let wishes: Vec<Wish> = (1..5)
        .map(|number| {
            world.redeem_with(|wish| {
                wish.family = FamilyId(number);
                wish.access = hash(ACCESS + number);
            })
        })
        .collect();
    let mut recorded = Vec::new();
    for wish in wishes {
        match world.asks(wish) {
            Ok(decision) => {
                world.take(&decision);
                recorded.extend(decision.facts.into_iter().map(|fact| fact.event));
            }
            refusal => assert_eq!(refusal, invalid_grant()),
        }
    }
    let [Event::AuthorizationCodeRedeemed(first), Event::AuthorizationCodeReplayDetected(replay)] =
        &recorded[..]
    else {
        panic!("{recorded:?}")
    };
    assert_eq!(first.family, replay.family);
    assert!((1..5).all(|number| !world.lives(&hash(ACCESS + number))));
}

#[test]
fn s12_a_public_client_replays_only_with_the_right_verifier() {
    let mut world = with_challenge(public());
    let with = |world: &World, verifier: &str| {
        world.redeem_with(|wish| wish.verifier = Verifier::read(Some(verifier)))
    };
    world.gets(with(&world, VERIFIER));
    // Who saw the code and nothing else must not be able to end anybody's tokens.
    assert_eq!(world.asks(with(&world, &VERIFIER.replace('d', "e"))), invalid_grant());
    assert!(world.lives(&hash(ACCESS)));
    assert_eq!(world.gets(with(&world, VERIFIER)), [replayed()]);
}

#[test]
fn s12_a_confidential_client_replays_by_its_secret_alone_and_another_client_not_at_all() {
    let mut world = with_challenge(policy());
    world.register(2, A, policy());
    world.gets(world.redeem_with(|wish| wish.verifier = Verifier::read(Some(VERIFIER))));
    let other = RedeemCode { proof: proof_of(2, &policy()), ..world.redemption() };
    let other = Wish::RedeemCode(Box::new(other));
    assert_eq!(world.when_by(Actor::ClientApplication(ClientApplicationId(2)), None, other), invalid_grant());
    assert_eq!(world.gets(world.redeem()), [replayed()]);
}

#[test]
fn a_spent_code_is_known_for_ten_minutes() {
    let mut world = World::with_code(policy());
    world.gets(world.redeem());
    // Whatever is recorded then takes away what is over.
    world.pass(60 + 599);
    world.consent(&set(&[Scope::OData], &[ODATA]));
    assert_eq!(world.asks(world.redeem()).expect("known").facts.len(), 1);
    world.pass(1);
    world.consent(&set(&[Scope::OData], &[ODATA]));
    assert_eq!(world.asks(world.redeem()), invalid_grant());
}

#[test]
fn a_redirect_that_the_request_left_out_may_be_left_out_again_or_be_the_only_one_there_is() {
    let mut world = World::with_client(policy());
    world.consent(&set(&[Scope::OData], &[ODATA]));
    world.code(CODE, &set(&[Scope::OData], &[ODATA]), |code| code.redirect_uri = None);
    let with = |uri: Option<&str>| {
        world.asks(world.redeem_with(|wish| wish.redirect_uri = uri.map(str::to_owned))).is_ok()
    };
    assert!(with(None) && with(Some(CALLBACK)) && !with(Some("https://evil.example/")));
}

#[test]
fn without_the_grant_types_there_is_no_redemption_and_no_refresh_token() {
    let only = |grant: GrantType| ClientPolicy { grant_types: [grant].into_iter().collect(), ..policy() };
    let world = World::with_code(only(GrantType::ClientCredentials));
    assert_eq!(world.asks(world.redeem()), refused(OAuthRefusal::UnauthorizedClient));
    let mut world = World::with_code(only(GrantType::AuthorizationCode));
    let recorded = world.gets(world.redeem());
    assert!(
        matches!(&recorded[..], [Event::AuthorizationCodeRedeemed(redeemed)] if redeemed.refresh.is_none())
    );
    assert_eq!(world.asks(world.refresh(0, hash(FIRST))), refused(OAuthRefusal::UnauthorizedClient));
    // It has a family all the same, which a replay ends.
    assert_eq!(world.gets(world.redeem()), [replayed()]);
    assert!(!world.lives(&hash(ACCESS)));
}

#[test]
fn s21_the_tokens_of_a_code_are_good_for_what_the_user_allowed_and_the_client_is_still_registered_for() {
    let both = &[Scope::OData, Scope::Mgmt];
    let mut world = World::with_client(ClientPolicy { scopes: scopes(both), ..policy() });
    world.consent(&set(both, &[ODATA, ISSUER]));
    world.code(CODE, &set(both, &[ODATA, ISSUER]), |_| {});
    let granted = |world: &World, asked: Asked| {
        let decision = world.asks(world.redeem_with(|wish| wish.asked = asked))?;
        let set = decision.facts.iter().find_map(|fact| match &fact.event {
            Event::ScopeSetDefined(defined) => Some((defined.scopes.clone(), defined.audience.clone())),
            _ => None,
        });
        Ok(set)
    };
    assert_eq!(granted(&world, asked()), Ok(None), "all of it has its number");
    let narrowed = Asked { resources: vec![ISSUER.to_owned()], ..asked() };
    let expected = set(both, &[ISSUER]);
    assert_eq!(granted(&world, narrowed.clone()), Ok(Some((expected.scopes, expected.audience))));
    let elsewhere = Asked { resources: vec!["https://evil.example".to_owned()], ..asked() };
    assert_eq!(granted(&world, elsewhere), Err(Refusal::OAuth(OAuthRefusal::InvalidTarget)));
    // The registration was narrowed meanwhile.
    world.update(|policy| policy.scopes = scopes(&[Scope::Mgmt]));
    let expected = set(&[Scope::Mgmt], &[ISSUER]);
    assert_eq!(granted(&world, narrowed), Ok(Some((expected.scopes, expected.audience))));
    world.update(|policy| policy.scopes = scopes(&[Scope::Audit]));
    assert_eq!(granted(&world, asked()), Err(Refusal::OAuth(OAuthRefusal::InvalidScope)));
}

#[test]
fn an_access_token_lives_as_long_as_the_limit_says_or_shorter() {
    let lifetime = |own: Option<u32>, limit: Option<u64>| {
        let mut world = World::with_code(ClientPolicy { access_token_lifetime_secs: own, ..policy() });
        if let Some(value) = limit {
            let limit = events::limit::LimitSet { limit: events::id::LimitId(8), value };
            world.record(SYSTEM, Stream::LEDGER, limit.into());
        }
        match &world.gets(world.redeem())[..] {
            [Event::AuthorizationCodeRedeemed(redeemed)] => {
                (redeemed.access.expires_at.0 - NOW.0) / 1_000_000
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(lifetime(None, None), 3_600);
    assert_eq!(lifetime(Some(300), None), 300);
    assert_eq!(lifetime(Some(7_200), None), 3_600, "an application may only lower it");
    assert_eq!(lifetime(Some(7_200), Some(180)), 7_200);
    assert_eq!(lifetime(None, Some(1)), 60);
}

#[test]
fn a_code_ends_with_what_it_hangs_on() {
    let ends: [fn(&mut World); 3] = [
        |world| world.record(A, grant_stream(), GrantRevoked {}.into()),
        |world| world.reset(),
        |world| {
            let inactive = UserStatusSet { status: UserStatus::Inactive };
            world.record(A, Stream::new(StreamKind::USER, 6), inactive.into());
        },
    ];
    for (row, end) in ends.into_iter().enumerate() {
        let mut world = World::with_code(policy());
        end(&mut world);
        let secret = |wish: &mut RedeemCode| {
            if row == 1 {
                wish.proof.secret = Some(hash(SECRET + 99));
            }
        };
        assert_eq!(world.asks(world.redeem_with(secret)), invalid_grant(), "row {row}");
    }
}

#[test]
fn a_family_that_is_there_is_not_begun_again() {
    let mut world = World::with_family(policy());
    world.code(CODE + 1, &set(&[Scope::OData], &[ODATA]), |_| {});
    let again = world.redeem_with(|wish| wish.code = hash(CODE + 1));
    assert_eq!(world.asks(again), Err(Refusal::Again), "the edge draws another");
}

#[test]
fn s13_the_proof_is_looked_at_again() {
    let mut world = World::with_code(policy());
    let with = |world: &World, secret: Option<TokenHash>| {
        world.asks(world.redeem_with(|wish| wish.proof.secret = secret)).err()
    };
    let invalid = Some(Refusal::OAuth(OAuthRefusal::InvalidClient));
    assert_eq!(with(&world, None), invalid);
    assert_eq!(with(&world, Some(hash(1))), invalid);
    let as_another = world.when_by(Actor::ClientApplication(ClientApplicationId(2)), None, world.redeem());
    assert_eq!(as_another.err(), invalid);
    // With a rotation the secret before is good as long as was said.
    let rotated = events::client_application::ClientApplicationSecretRotated {
        secret: ClientSecret { hash: hash(SECRET + 2), sealed: None },
        previous_until: NOW.saturating_add_secs(10),
    };
    world.record(A, Stream::new(StreamKind::CLIENT_APPLICATION, 1), rotated.into());
    for secret in [1, 2] {
        assert_eq!(with(&world, Some(hash(SECRET + secret))), None, "secret {secret}");
    }
    world.pass(10);
    assert_eq!(with(&world, Some(hash(SECRET + 1))), invalid);
    assert_eq!(with(&world, Some(hash(SECRET + 2))), None);
    let public = World::with_code(public());
    assert_eq!(with(&public, Some(hash(SECRET + 1))), invalid, "a public client has none to send");
    assert_eq!(with(&public, None), None);
}

/// A client that asks for codes in a loop fills no memory: in HDP what comes of one lives until it is revoked.
#[test]
fn l11_a_grant_has_room_for_a_hundred_families_and_the_oldest_makes_room() {
    let mut world = World::with_client(policy());
    let good_for = set(&[Scope::OData], &[ODATA]);
    world.consent(&good_for);
    // Drawn ids fall in any order; what is oldest, its event says.
    let id = |number: u64| FamilyId(1_000 - number);
    for number in 0..102 {
        world.code(CODE + number, &good_for, |_| {});
        let wish = world.redeem_with(|wish| {
            wish.code = hash(CODE + number);
            wish.family = id(number);
            wish.access = hash(ACCESS + number);
            wish.refresh = hash(FIRST + number);
        });
        let events = world.gets(wish);
        let made_room =
            number.checked_sub(100).map(|oldest| TokenFamilyRevoked { family: id(oldest) }.into());
        assert_eq!(events.len(), 1 + usize::from(made_room.is_some()), "{number}");
        assert!(made_room.is_none_or(|ended: Event| events[0] == ended), "{number}: {events:?}");
    }
    assert_eq!(world.view.state.tokens.families.all().count(), 100);
}
