//! Revocation (RFC 7009): what ends, and that nothing else does.

use events::{
    event::Event,
    token::{AccessTokenRevoked, TokenFamilyRevoked},
};

use super::*;
use crate::commands::token::{
    client_credentials::IssueClientCredentials,
    revoke::{RevokeToken, RevokedToken},
};

fn revoke(world: &World, token: RevokedToken) -> Wish {
    Wish::RevokeToken(RevokeToken { proof: world.proof(), token })
}

fn refresh_token(generation: u32, presented: TokenHash) -> RevokedToken {
    RevokedToken::Refresh { family: FAMILY, generation, presented }
}

#[test]
fn s30_an_access_token_ends_alone_and_once() {
    let mut world = World::with_family(policy());
    let wish = revoke(&world, RevokedToken::Access(hash(ACCESS)));
    assert_eq!(world.gets(wish.clone()), [AccessTokenRevoked { access: hash(ACCESS) }.into()]);
    assert!(!world.lives(&hash(ACCESS)));
    assert_eq!(world.gets(wish), [], "asking twice is no error");
    assert!(world.asks(world.refresh(0, hash(FIRST))).is_ok());
}

#[test]
fn s30_a_refresh_token_ends_with_all_access_tokens_of_its_family() {
    for policy in [policy(), rotating()] {
        let mut world = World::with_family(policy);
        let second = world.next(&hash(FIRST));
        let rotates =
            matches!(&world.gets(world.refresh(0, hash(FIRST)))[..], [Event::RefreshTokenRotated(_)]);
        let (generation, current) = if rotates { (1, second) } else { (0, hash(FIRST)) };
        let wish = revoke(&world, refresh_token(generation, current));
        assert_eq!(world.gets(wish.clone()), [TokenFamilyRevoked { family: FAMILY }.into()]);
        assert_eq!(world.view.state.tokens.families.all().count(), 0);
        assert!(!world.lives(&hash(ACCESS)));
        assert_eq!(world.gets(wish), []);
        assert_eq!(world.asks(world.refresh(generation, current)), invalid_grant());
    }
}

#[test]
fn s30_a_superseded_refresh_token_ends_its_family_too() {
    let mut world = World::with_family(rotating());
    let second = world.next(&hash(FIRST));
    world.gets(world.refresh(0, hash(FIRST)));
    world.gets(world.refresh(1, second));
    for presented in [refresh_token(0, hash(FIRST)), refresh_token(1, second)] {
        let decision = world.asks(revoke(&world, presented)).expect("granted");
        assert_eq!(decision.facts[0].event, TokenFamilyRevoked { family: FAMILY }.into());
    }
    // Of a history that there is no more.
    for presented in [refresh_token(2, hash(77)), refresh_token(3, hash(77))] {
        assert_eq!(world.asks(revoke(&world, presented)), Ok(Decision::default()));
    }
}

#[test]
fn s30_an_unknown_or_foreign_token_is_left_alone() {
    let mut world = World::with_family(policy());
    world.register(2, A, policy());
    for token in [RevokedToken::Access(hash(ACCESS)), refresh_token(0, hash(FIRST))] {
        let wish = Wish::RevokeToken(RevokeToken { proof: proof_of(2, &policy()), token });
        let by_other = world.when_by(Actor::ClientApplication(ClientApplicationId(2)), None, wish);
        assert_eq!(by_other, Ok(Decision::default()), "{token:?}");
    }
    assert_eq!(world.asks(revoke(&world, RevokedToken::Access(hash(1)))), Ok(Decision::default()));
    world.pass(3_600);
    let expired = revoke(&world, RevokedToken::Access(hash(ACCESS)));
    assert_eq!(world.asks(expired), Ok(Decision::default()), "it ended by itself");
}

#[test]
fn a_token_of_the_client_itself_ends_in_the_clients_own_history() {
    let own = ClientPolicy { grant_types: [GrantType::ClientCredentials].into_iter().collect(), ..policy() };
    let mut world = World::with_client(own);
    let issue = IssueClientCredentials { proof: world.proof(), asked: asked(), access: hash(ACCESS) };
    world.gets(Wish::IssueClientCredentials(Box::new(issue)));
    let decision = world.asks(revoke(&world, RevokedToken::Access(hash(ACCESS)))).expect("granted");
    assert_eq!(decision.facts[0].stream, Stream::new(StreamKind::CLIENT_TOKENS, CLIENT.0));
    assert_eq!(decision.facts[0].tenant, A);
}

#[test]
fn s13_nobody_revokes_without_proof() {
    let world = World::with_family(policy());
    for secret in [None, Some(hash(1))] {
        let proof = ClientProof { client: CLIENT, secret };
        let wish = Wish::RevokeToken(RevokeToken { proof, token: RevokedToken::Access(hash(ACCESS)) });
        assert_eq!(world.asks(wish), refused(OAuthRefusal::InvalidClient));
    }
}
