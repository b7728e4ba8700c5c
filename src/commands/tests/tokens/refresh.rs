//! The table of TOKENS section 2, row by row, and refreshing without rotation.

use events::{
    event::Event,
    id::ScopeSetId,
    token::{AccessTokenIssued, IssuedAccessToken, RefreshTokenReuseDetected, RefreshTokenRotated},
};

use super::*;

fn reuse(generation: u32) -> Event {
    RefreshTokenReuseDetected { family: FAMILY, generation }.into()
}

/// A family that has been rotated once, and the hash of its second token.
fn rotated_once(policy: ClientPolicy) -> (World, TokenHash) {
    let mut world = World::with_family(policy);
    let second = world.next(&hash(FIRST));
    assert_eq!(world.gets(world.refresh(0, hash(FIRST))).len(), 1);
    (world, second)
}

#[test]
fn s19b_the_current_token_rotates() {
    for policy in [rotating(), public()] {
        let mut world = World::with_family(policy);
        let successors = derived(epoch_of(NOW), &hash(FIRST), &asked());
        let rotated = RefreshTokenRotated {
            family: FAMILY,
            generation: 1,
            refresh: successors.refresh,
            refresh_until: None,
            scope_set: ScopeSetId(1),
            access: IssuedAccessToken { hash: successors.access, expires_at: NOW.saturating_add_secs(3_600) },
            epoch: epoch_of(NOW),
        };
        assert_eq!(world.gets(world.refresh(0, hash(FIRST))), [rotated.into()]);
        assert!(world.lives(&successors.access) && world.lives(&hash(ACCESS)), "the one before lives on");
        let third = world.next(&successors.refresh);
        world.gets(world.refresh(1, successors.refresh));
        world.gets(world.refresh(2, third));
    }
}

#[test]
fn a_confidential_client_refreshes_a_hundred_times_with_one_token() {
    let mut world = World::with_family(policy());
    for _ in 0..100 {
        world.pass(3_600);
        let wish = world.refresh(0, hash(FIRST));
        let drawn = hash(ACCESS + 1 + world.sequence);
        let issued = AccessTokenIssued {
            scope_set: ScopeSetId(1),
            access: IssuedAccessToken { hash: drawn, expires_at: world.now.saturating_add_secs(3_600) },
            family: Some(FAMILY),
            refresh_until: None,
            run_as: None,
        };
        assert_eq!(world.gets(wish), [issued.into()]);
        assert!(world.lives(&drawn));
    }
    assert_eq!(world.view.state.tokens.families.all().count(), 1);
    assert!(world.view.state.tokens.access.all().count() <= 3, "those that ended have left");
}

#[test]
fn what_is_unknown_foreign_ended_or_expired_is_refused_without_an_event() {
    let mut world = World::with_family(rotating());
    world.register(2, A, rotating());
    let unknown = world.refresh_with(0, hash(FIRST), |wish| wish.family = FamilyId(1));
    assert_eq!(world.asks(unknown), invalid_grant());
    let foreign = world.refresh_with(0, hash(FIRST), |wish| wish.proof = proof_of(2, &rotating()));
    let by_other = world.when_by(Actor::ClientApplication(ClientApplicationId(2)), None, foreign);
    assert_eq!(by_other, invalid_grant());

    let policy = |idle, absolute| ClientPolicy {
        refresh_token_idle_secs: idle,
        refresh_token_absolute_secs: absolute,
        ..rotating()
    };
    for (idle, absolute, last) in [(Some(100), None, 99), (None, Some(100), 99), (Some(100), Some(50), 49)] {
        let mut world = World::with_family(policy(idle, absolute));
        world.pass(last);
        assert!(world.asks(world.refresh(0, hash(FIRST))).is_ok(), "{idle:?} {absolute:?}");
        world.pass(1);
        assert_eq!(world.asks(world.refresh(0, hash(FIRST))), invalid_grant(), "{idle:?} {absolute:?}");
    }
    let (mut world, second) = rotated_once(rotating());
    world.gets(world.refresh(1, second));
    assert_eq!(world.gets(world.refresh(0, hash(FIRST))), [reuse(0)]);
    for (generation, presented) in [(0, hash(FIRST)), (1, second), (2, hash(77))] {
        assert_eq!(world.asks(world.refresh(generation, presented)), invalid_grant(), "ended already");
    }
}

#[test]
fn s21_idle_begins_again_with_each_use_and_absolute_does_not() {
    let policy = ClientPolicy {
        refresh_token_idle_secs: Some(100),
        refresh_token_absolute_secs: Some(250),
        ..policy()
    };
    let mut world = World::with_family(policy);
    for _ in 0..2 {
        world.pass(90);
        world.gets(world.refresh(0, hash(FIRST)));
    }
    world.pass(69);
    assert!(world.asks(world.refresh(0, hash(FIRST))).is_ok());
    world.pass(1);
    assert_eq!(world.asks(world.refresh(0, hash(FIRST))), invalid_grant());
    // A shorter life that was set later holds for families that there are.
    let mut world = World::with_family(super::policy());
    world.update(|policy| policy.refresh_token_absolute_secs = Some(10));
    assert!(world.asks(world.refresh(0, hash(FIRST))).is_ok());
    world.pass(10);
    assert_eq!(world.asks(world.refresh(0, hash(FIRST))), invalid_grant());
}

#[test]
fn s19b_the_predecessor_gets_the_same_answer_again_and_nothing_is_recorded() {
    let (mut world, second) = rotated_once(rotating());
    world.pass(59);
    for _ in 0..3 {
        assert_eq!(world.asks(world.refresh(0, hash(FIRST))), Ok(Decision::default()));
    }
    world.gets(world.refresh(1, second));
    assert_eq!(
        world.gets(world.refresh(0, hash(FIRST))),
        [reuse(0)],
        "its successor was used: that was the end"
    );
}

#[test]
fn s19b_a_retry_comes_in_time_or_is_a_reuse() {
    for (secs, in_time, too_late) in [(60, Some(59), 60), (600, Some(599), 600), (0, None, 0)] {
        let (mut world, _) = rotated_once(ClientPolicy { refresh_retry_secs: secs, ..rotating() });
        if let Some(passed) = in_time {
            world.pass(passed);
            assert_eq!(world.asks(world.refresh(0, hash(FIRST))), Ok(Decision::default()), "{secs}");
            world.pass(too_late - passed);
        }
        assert_eq!(world.gets(world.refresh(0, hash(FIRST))), [reuse(0)], "{secs}");
        assert!(!world.view.state.tokens.families.has(&FAMILY));
    }
}

#[test]
fn s20_of_parallel_uses_one_is_an_event_and_all_get_the_same() {
    let mut world = World::with_family(rotating());
    let wishes: Vec<Wish> = (0..10).map(|_| world.refresh(0, hash(FIRST))).collect();
    let events: Vec<Event> = wishes.into_iter().flat_map(|wish| world.gets(wish)).collect();
    let [Event::RefreshTokenRotated(rotated)] = &events[..] else { panic!("{events:?}") };
    let successors = derived(epoch_of(NOW), &hash(FIRST), &asked());
    assert_eq!((rotated.refresh, rotated.access.hash), (successors.refresh, successors.access));
}

#[test]
fn s19b_a_retry_for_something_else_is_refused_and_the_family_lives() {
    let both = &[Scope::OData, Scope::Mgmt];
    let mut world = World::with_client(ClientPolicy { scopes: scopes(both), ..rotating() });
    world.consent(&set(both, &[ODATA, ISSUER]));
    world.code(CODE, &set(both, &[ODATA, ISSUER]), |_| {});
    world.gets(world.redeem());
    let second = world.next(&hash(FIRST));
    world.gets(world.refresh(0, hash(FIRST)));
    for other in [
        asked_for(&[Scope::OData]),
        asked_for(&[Scope::Audit]),
        Asked { resources: vec![ISSUER.to_owned()], ..asked() },
        Asked { resources: vec!["https://evil.example".to_owned()], ..asked() },
    ] {
        let wish = world.refresh_with(0, hash(FIRST), |wish| {
            wish.derived = Some(derived(epoch_of(NOW), &hash(FIRST), &other));
            wish.asked = other.clone();
        });
        assert_eq!(world.asks(wish), refused(OAuthRefusal::InvalidScope), "{other:?}");
    }
    assert_eq!(world.asks(world.refresh(0, hash(FIRST))), Ok(Decision::default()));
    world.gets(world.refresh(1, second));
}

#[test]
fn s18_any_older_generation_ends_the_family() {
    for last in [2, 3, 10] {
        for presented in 0..last - 1 {
            let mut world = World::with_family(rotating());
            let mut tokens = vec![hash(FIRST)];
            for generation in 0..last {
                let current = tokens[tokens.len() - 1];
                tokens.push(world.next(&current));
                world.gets(world.refresh(generation, current));
            }
            let access = derived(epoch_of(NOW), &tokens[tokens.len() - 2], &asked()).access;
            assert!(world.lives(&access));
            let old = tokens[usize::try_from(presented).expect("small")];
            assert_eq!(world.gets(world.refresh(presented, old)), [reuse(presented)]);
            assert!(!world.lives(&access) && !world.lives(&hash(ACCESS)));
            assert_eq!(world.asks(world.refresh(last, tokens[tokens.len() - 1])), invalid_grant());
        }
    }
}

#[test]
fn after_a_restore_tokens_of_the_other_history_are_refused_without_an_event() {
    let (world, second) = rotated_once(rotating());
    assert_eq!(world.asks(world.refresh(1, hash(77))), invalid_grant(), "another one is current here");
    assert_eq!(world.asks(world.refresh(2, hash(77))), invalid_grant(), "so many there have not been");
    assert!(world.asks(world.refresh(1, second)).is_ok(), "and the family lives");
}

#[test]
fn what_another_epoch_derived_is_derived_again() {
    let mut world = World::with_family(rotating());
    let day = |world: &World| epoch_of(world.now);
    let in_epoch = |world: &World, epoch: TokenEpoch| {
        world.refresh_with(0, hash(FIRST), |wish| {
            wish.derived = Some(derived(epoch, &hash(FIRST), &asked()));
        })
    };
    let (today, yesterday) = (day(&world), TokenEpoch(day(&world).0 - 1));
    assert_eq!(world.asks(in_epoch(&world, yesterday)), refused(OAuthRefusal::DeriveWith(today)));
    // To the last second of the day, and then over midnight.
    world.now = events::time::Timestamp((i64::from(today.0) + 1) * 86_400_000_000 - 1);
    world.gets(in_epoch(&world, today));
    world.pass(30);
    let tomorrow = TokenEpoch(today.0 + 1);
    assert_eq!(day(&world), tomorrow);
    assert_eq!(world.asks(in_epoch(&world, tomorrow)), refused(OAuthRefusal::DeriveWith(today)));
    assert_eq!(world.asks(in_epoch(&world, today)), Ok(Decision::default()));
    let gone = world.refresh_with(0, hash(FIRST), |wish| wish.derived = None);
    assert_eq!(world.asks(gone), invalid_grant());
}

#[test]
fn s21_scopes_narrow_and_never_widen() {
    let both = &[Scope::OData, Scope::Mgmt];
    for policy in [policy(), rotating()] {
        let mut world = World::with_client(ClientPolicy { scopes: scopes(&Scope::ALL), ..policy });
        world.consent(&set(both, &[ODATA, ISSUER]));
        world.code(CODE, &set(both, &[ODATA, ISSUER]), |_| {});
        world.gets(world.redeem());
        let with = |world: &World, asked: Asked| {
            world.asks(world.refresh_with(0, hash(FIRST), |wish| wish.asked = asked))
        };
        let good_for = |decision: Decision| match &decision.facts[..] {
            [defined, _] => match &defined.event {
                Event::ScopeSetDefined(defined) => Some((defined.scopes.clone(), defined.audience.clone())),
                other => panic!("{other:?}"),
            },
            _ => None,
        };
        for (asked, expected) in [
            (asked(), None),
            (asked_for(&[Scope::Mgmt, Scope::OData]), None),
            (asked_for(&[Scope::Mgmt]), Some(set(&[Scope::Mgmt], &[ISSUER]))),
            (asked_for(&[Scope::OData]), Some(set(&[Scope::OData], &[ODATA]))),
            (Asked { resources: vec![ODATA.to_owned()], ..asked() }, Some(set(both, &[ODATA]))),
        ] {
            let decision = with(&world, asked.clone()).expect("granted");
            let expected = expected.map(|set| (set.scopes, set.audience));
            assert_eq!(good_for(decision), expected, "{asked:?}");
        }
        assert_eq!(with(&world, asked_for(&[Scope::Audit])), refused(OAuthRefusal::InvalidScope));
        assert_eq!(with(&world, asked_for(&Scope::ALL)), refused(OAuthRefusal::InvalidScope));
        let elsewhere = Asked { resources: vec![ISSUER.to_owned()], ..asked_for(&[Scope::OData]) };
        assert_eq!(with(&world, elsewhere), refused(OAuthRefusal::InvalidTarget));
        // A narrower token is not the end of the wider ones.
        let narrow = with(&world, asked_for(&[Scope::OData])).expect("granted");
        world.take(&narrow);
        assert_eq!(world.view.state.tokens.families.get(&FAMILY).expect("lives").scope_set, ScopeSetId(1));
        world.update(|policy| policy.scopes = scopes(&[Scope::Mgmt]));
        assert_eq!(with(&world, asked_for(&[Scope::OData])), refused(OAuthRefusal::InvalidScope));
    }
}

#[test]
fn a_redemption_for_one_resource_leaves_the_others_to_a_refresh() {
    let both = &[Scope::OData, Scope::Mgmt];
    let mut world = World::with_client(ClientPolicy { scopes: scopes(both), ..policy() });
    world.consent(&set(both, &[ODATA, ISSUER]));
    world.code(CODE, &set(both, &[ODATA, ISSUER]), |_| {});
    world.gets(world.redeem_with(|wish| wish.asked.resources = vec![ISSUER.to_owned()]));
    let living = live_access(&world.view.state, &hash(ACCESS), world.now).expect("lives");
    assert_eq!(*living.set, set(both, &[ISSUER]));
    let other = world.refresh_with(0, hash(FIRST), |wish| wish.asked.resources = vec![ODATA.to_owned()]);
    assert!(world.asks(other).is_ok(), "RFC 8707 section 2.2");
}

#[test]
fn a_client_that_begins_to_rotate_does_so_with_the_next_refresh() {
    let mut world = World::with_family(policy());
    world.gets(world.refresh(0, hash(FIRST)));
    world.update(|policy| policy.refresh_rotation = RefreshRotation::Always);
    let second = world.next(&hash(FIRST));
    assert!(matches!(&world.gets(world.refresh(0, hash(FIRST)))[..], [Event::RefreshTokenRotated(_)]));
    world.update(|policy| policy.refresh_rotation = RefreshRotation::Never);
    assert_eq!(
        world.asks(world.refresh(0, hash(FIRST))),
        Ok(Decision::default()),
        "the answer may have been lost"
    );
    assert!(matches!(&world.gets(world.refresh(1, second))[..], [Event::AccessTokenIssued(_)]));
}

/// Found by reading: a clock at the edge that lies behind the writer's derived nothing, and good tokens were refused until midnight.
#[test]
fn what_was_derived_with_no_key_is_derived_again_and_not_refused() {
    let world = World::with_family(rotating());
    let today = epoch_of(world.now);
    let underived = world.refresh_with(0, hash(FIRST), |wish| wish.derived = None);
    assert_eq!(world.asks(underived), refused(OAuthRefusal::DeriveWith(today)));
}

/// TOKENS section 2: before the successor was refreshed, which it can be without rotation since the application says so.
#[test]
fn s19b_a_predecessor_gets_nothing_again_once_its_successor_was_used() {
    let (mut world, second) = rotated_once(rotating());
    world.update(|policy| policy.refresh_rotation = RefreshRotation::Never);
    assert_eq!(world.gets(world.refresh(0, hash(FIRST))), [], "not used yet");
    assert!(matches!(&world.gets(world.refresh(1, second))[..], [Event::AccessTokenIssued(_)]));
    assert_eq!(world.gets(world.refresh(0, hash(FIRST))), [reuse(0)]);
}
