//! The table of TOKENS section 5, as far as events say it: what an event ends, and what it does not.

use events::{
    client_application::{
        ClientApplicationDeleted, ClientApplicationSecretReset, ClientApplicationSecretRotated,
        ClientApplicationUpdated,
    },
    event::Event,
    grant::GrantRevoked,
    token::TokenFamilyRevoked,
    user::{PasswordSetter, PasswordStatus, UserLocked, UserPasswordSet, UserStatus, UserStatusSet},
};

use super::*;
use crate::commands::token::revoke::{RevokeToken, RevokedToken};

impl World {
    pub(super) fn update(&mut self, change: impl FnOnce(&mut ClientPolicy)) {
        let mut policy = self.terms().clone();
        change(&mut policy);
        let updated = ClientApplicationUpdated {
            name: "client 1".to_owned(),
            description: None,
            redirect_urls: vec![CALLBACK.to_owned()],
            policy,
        };
        self.record(A, client_stream(), updated.into());
    }

    pub(super) fn reset(&mut self) {
        let secret = ClientSecret { hash: hash(SECRET + 99), sealed: None };
        self.record(A, client_stream(), ClientApplicationSecretReset { secret }.into());
    }

    fn of_user(&mut self, event: impl Into<Event>) {
        self.record(A, Stream::new(StreamKind::USER, 6), event.into());
    }
}

fn client_stream() -> Stream {
    Stream::new(StreamKind::CLIENT_APPLICATION, CLIENT.0)
}

fn password_set(setter: PasswordSetter, ends_all_tokens: bool) -> UserPasswordSet {
    UserPasswordSet {
        hash: None,
        status: PasswordStatus::MustChange,
        expires_at: Some(NOW),
        setter,
        ends_all_tokens,
    }
}

/// Whether access and refresh tokens are good after `change`.
fn after(change: impl FnOnce(&mut World)) -> (bool, bool) {
    let mut world = World::with_family(policy());
    change(&mut world);
    let Some(row) = world.view.state.client_applications.rows.get(&CLIENT) else {
        return (world.lives(&hash(ACCESS)), false);
    };
    let secret = row.secret.as_ref().map(|secret| secret.hash);
    let refresh = world.refresh_with(0, hash(FIRST), |wish| wish.proof.secret = secret);
    (world.lives(&hash(ACCESS)), world.asks(refresh).is_ok())
}

const ENDED: (bool, bool) = (false, false);
const GO_ON: (bool, bool) = (true, true);

#[test]
fn resets_deletions_and_revocations_end_everything_under_them() {
    assert_eq!(after(World::reset), ENDED);
    assert_eq!(after(|world| world.record(A, client_stream(), ClientApplicationDeleted {}.into())), ENDED);
    assert_eq!(after(|world| world.record(A, grant_stream(), GrantRevoked {}.into())), ENDED);
    assert_eq!(after(|world| drop(world.gets(world.redeem()))), ENDED, "a replay of the code");
}

#[test]
fn a_rotated_secret_ends_alone() {
    let rotated = ClientApplicationSecretRotated {
        secret: ClientSecret { hash: hash(SECRET + 2), sealed: None },
        previous_until: NOW.saturating_add_secs(60),
    };
    assert_eq!(after(|world| world.record(A, client_stream(), rotated.into())), GO_ON);
}

#[test]
fn a_password_set_by_another_ends_all_and_his_own_change_what_was_given_for_it() {
    assert_eq!(after(|world| world.of_user(password_set(PasswordSetter::Other, true))), ENDED);
    assert_eq!(after(|world| world.of_user(password_set(PasswordSetter::Holder, false))), GO_ON);
    assert_eq!(
        after(|world| world.of_user(password_set(PasswordSetter::Holder, true))),
        ENDED,
        "by the setting"
    );
}

#[test]
fn who_is_inactive_has_no_tokens_while_it_lasts() {
    let status = |status| UserStatusSet { status };
    assert_eq!(after(|world| world.of_user(status(UserStatus::Inactive))), ENDED);
    assert_eq!(
        after(|world| {
            world.of_user(status(UserStatus::Inactive));
            world.of_user(status(UserStatus::Active));
        }),
        GO_ON
    );
}

type Wishes = Box<dyn Fn(&World) -> Wish>;

/// Else a thief, or who revokes, would only have to be unlucky with the moment.
#[test]
fn s12_s18_s30_what_ends_while_its_user_is_inactive_does_not_come_back_with_him() {
    let status = |status| UserStatusSet { status };
    let revoked = |token| move |world: &World| Wish::RevokeToken(RevokeToken { proof: world.proof(), token });
    let first = RevokedToken::Refresh { family: FAMILY, generation: 0, presented: hash(FIRST) };
    let all: [(&str, Wishes); 4] = [
        ("replay", Box::new(World::redeem)),
        ("reuse", Box::new(|world| world.refresh(0, hash(FIRST)))),
        ("its refresh token revoked", Box::new(revoked(first))),
        ("revoked alone", Box::new(revoked(RevokedToken::Access(hash(ACCESS))))),
    ];
    for (name, wish) in all {
        let mut world = World::with_family(rotating());
        let second = world.next(&hash(FIRST));
        world.gets(world.refresh(0, hash(FIRST)));
        world.pass(60);
        world.of_user(status(UserStatus::Inactive));
        assert_eq!(world.asks(world.refresh(1, second)), invalid_grant(), "{name}: nothing is given");
        let wish = wish(&world);
        assert_eq!(world.gets(wish).len(), 1, "{name}");
        world.of_user(status(UserStatus::Active));
        assert!(!world.lives(&hash(ACCESS)), "{name}");
    }
}

/// A number is drawn from 64 bits, so nobody will see this; but a number proves nothing.
#[test]
fn a_later_family_of_the_same_number_has_none_of_the_earlier_ones_tokens() {
    let mut world = World::with_family(policy());
    world.record(A, grant_stream(), TokenFamilyRevoked { family: FAMILY }.into());
    world.code(CODE + 1, &set(&[Scope::OData], &[ODATA]), |_| {});
    let again = world.redeem_with(|wish| (wish.code, wish.access) = (hash(CODE + 1), hash(ACCESS + 99)));
    assert_eq!(world.gets(again).len(), 1);
    assert_eq!((world.lives(&hash(ACCESS)), world.lives(&hash(ACCESS + 99))), (false, true));
}

#[test]
fn a_lock_and_another_registration_end_nothing() {
    let locked = UserLocked { until: NOW.saturating_add_secs(1_000) };
    assert_eq!(after(|world| world.of_user(locked)), GO_ON);
    assert_eq!(after(|world| world.update(|_| {})), GO_ON);
}

#[test]
fn what_ended_does_not_come_back_with_another_consent() {
    let mut world = World::with_family(policy());
    world.record(A, grant_stream(), GrantRevoked {}.into());
    let again = GrantAllowed {
        client: CLIENT,
        user: UserId(6),
        scopes: scopes(&[Scope::OData]),
        by: ConsentBy::Page,
    };
    world.record(A, Stream::new(StreamKind::GRANT, 2), again.into());
    assert!(!world.lives(&hash(ACCESS)));
    assert_eq!(world.asks(world.refresh(0, hash(FIRST))), invalid_grant());
}
