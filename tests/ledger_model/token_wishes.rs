//! Wishes of users about what client applications may do for them, and of client applications for tokens (TOKENS sections 2 to 5).

use proptest::prelude::*;

use crate::{
    clients::{self, PolicyWish},
    steps::{Wish, id, rarely},
};

/// What a user says of an application. Numbers are for [`id_of`](crate::steps::id_of).
#[derive(Clone, Debug)]
pub(crate) enum ConsentWish {
    Allow {
        client: u8,
        /// In bits; those that it is not registered for are left out.
        scopes: u8,
        consents: bool,
        /// Whether application or grant changed since.
        stale: Option<bool>,
        /// Whether he logged in at the beginning.
        long_ago: bool,
        redirects: bool,
        challenge: bool,
        basic: bool,
    },
    Deny {
        client: u8,
        stale: bool,
    },
    Revoke {
        client: u8,
    },
}

/// What an application asks for. Codes and tokens are counted from the latest.
#[derive(Clone, Debug)]
pub(crate) enum TokenWish {
    Redeem { code: u8, verifier: How, redirect: How, taken: bool, asked: AskedWish, proof: Proof },
    Refresh { family: u8, which: Which, derived: Derived, asked: AskedWish, proof: Proof },
    Own { client: u8, asked: AskedWish, proof: Proof },
    Password { client: u8, user: u8, stale: bool, taken: bool, asked: AskedWish, proof: Proof },
    EndAccess { access: u8, proof: Proof },
    EndFamily { family: u8, which: Which, proof: Proof },
}

/// How something is said that has to be so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Right,
    Wrong,
    LeftOut,
}

/// Who says it, and how he proves that.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proof {
    Right,
    /// The one before.
    Previous,
    Wrong,
    Nothing,
    /// Another application, which proves that.
    Another(u8),
    /// No application, or one in another's name.
    Nobody,
}

/// Which of a family's refresh tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Current,
    Previous,
    Older(u8),
    /// Of a history that there is no more.
    Other,
    Newer,
}

/// With the key of which day.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Derived {
    Right,
    OtherDay,
    Wrong,
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedWish {
    /// In bits; none asks for nothing.
    pub(crate) scopes: Option<u8>,
    /// By its place.
    pub(crate) resource: Option<u8>,
    /// Whether the setting that says where data sources are used has changed.
    pub(crate) moved: bool,
}

impl AskedWish {
    pub(crate) const ALL: Self = Self { scopes: None, resource: None, moved: false };
}

fn asked() -> impl Strategy<Value = AskedWish> {
    let scopes = prop_oneof![6 => Just(None), 1 => Just(Some(1)), 3 => (1..8_u8).prop_map(Some)];
    let resource =
        prop_oneof![8 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1)), 1 => (0..4_u8).prop_map(Some)];
    (scopes, resource, rarely()).prop_map(|(scopes, resource, moved)| AskedWish { scopes, resource, moved })
}

fn right() -> impl Strategy<Value = How> {
    prop_oneof![16 => Just(How::Right), 1 => Just(How::Wrong), 1 => Just(How::LeftOut)]
}

fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![
        36 => Just(Proof::Right),
        2 => Just(Proof::Previous),
        1 => Just(Proof::Wrong),
        1 => Just(Proof::Nothing),
        1 => id().prop_map(Proof::Another),
        1 => Just(Proof::Nobody),
    ]
}

/// The latest most of the time.
fn back() -> impl Strategy<Value = u8> {
    prop_oneof![9 => Just(0), 6 => 0..4_u8, 1 => any::<u8>()]
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        12 => Just(Which::Current),
        5 => Just(Which::Previous),
        2 => (0..4_u8).prop_map(Which::Older),
        1 => Just(Which::Other),
        1 => Just(Which::Newer),
    ]
}

pub(crate) fn consents() -> BoxedStrategy<Wish> {
    let stale = prop_oneof![14 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let consents = prop_oneof![3 => Just(true), 2 => Just(false)];
    let long_ago = prop_oneof![9 => Just(false), 1 => Just(true)];
    let seen = (stale, long_ago);
    let allows = (id(), 0..8_u8, consents, seen, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(client, scopes, consents, (stale, long_ago), redirects, challenge, basic)| ConsentWish::Allow {
            client,
            scopes,
            consents,
            stale,
            long_ago,
            redirects,
            challenge,
            basic,
        },
    );
    let denials = (id(), rarely()).prop_map(|(client, stale)| ConsentWish::Deny { client, stale });
    let ends = id().prop_map(|client| ConsentWish::Revoke { client });
    prop_oneof![10 => allows, 1 => denials, 2 => ends].prop_map(Wish::Consent).boxed()
}

pub(crate) fn tokens() -> BoxedStrategy<Wish> {
    let derived = prop_oneof![
        12 => Just(Derived::Right), 1 => Just(Derived::OtherDay), 1 => Just(Derived::Wrong), 1 => Just(Derived::Nothing)
    ];
    let redeems = (back(), right(), right(), rarely(), asked(), proof()).prop_map(
        |(code, verifier, redirect, taken, asked, proof)| TokenWish::Redeem {
            code,
            verifier,
            redirect,
            taken,
            asked,
            proof,
        },
    );
    let refreshes =
        (back(), which(), derived, asked(), proof()).prop_map(|(family, which, derived, asked, proof)| {
            TokenWish::Refresh { family, which, derived, asked, proof }
        });
    let own =
        (id(), asked(), proof()).prop_map(|(client, asked, proof)| TokenWish::Own { client, asked, proof });
    let passwords = (id(), id(), rarely(), rarely(), asked(), proof()).prop_map(
        |(client, user, stale, taken, asked, proof)| TokenWish::Password {
            client,
            user,
            stale,
            taken,
            asked,
            proof,
        },
    );
    let access = (back(), proof()).prop_map(|(access, proof)| TokenWish::EndAccess { access, proof });
    let families = (back(), which(), proof()).prop_map(|(family, which, proof)| TokenWish::EndFamily {
        family,
        which,
        proof,
    });
    prop_oneof![10 => redeems, 24 => refreshes, 3 => own, 4 => passwords, 2 => access, 2 => families]
        .prop_map(Wish::Token)
        .boxed()
}

pub(crate) fn allow(client: u8, challenge: bool) -> Wish {
    let (scopes, consents, stale, long_ago, redirects, basic) = (7, true, None, false, true, false);
    Wish::Consent(ConsentWish::Allow {
        client,
        scopes,
        consents,
        stale,
        long_ago,
        redirects,
        challenge,
        basic,
    })
}

/// The latest code for tokens.
pub(crate) fn redeem() -> TokenWish {
    let (verifier, redirect, taken) = (How::Right, How::Right, false);
    TokenWish::Redeem { code: 0, verifier, redirect, taken, asked: AskedWish::ALL, proof: Proof::Right }
}

/// Of the latest family.
pub(crate) fn refresh(which: Which) -> TokenWish {
    let (derived, asked, proof) = (Derived::Right, AskedWish::ALL, Proof::Right);
    TokenWish::Refresh { family: 0, which, derived, asked, proof }
}

pub(crate) fn own(client: u8) -> TokenWish {
    TokenWish::Own { client, asked: AskedWish::ALL, proof: Proof::Right }
}

pub(crate) fn by_password(client: u8, user: u8) -> TokenWish {
    let (stale, taken, asked, proof) = (false, false, AskedWish::ALL, Proof::Right);
    TokenWish::Password { client, user, stale, taken, asked, proof }
}

/// One of everything for application 2, as user 1, who asks: each line of TOKENS section 4 that leaves something.
pub(crate) fn tour() -> Vec<Wish> {
    let end = |which| TokenWish::EndFamily { family: 0, which, proof: Proof::Right };
    let access = || TokenWish::EndAccess { access: 0, proof: Proof::Right };
    let token = Wish::Token;
    let deny = Wish::Consent(ConsentWish::Deny { client: 2, stale: false });
    let revoke = Wish::Consent(ConsentWish::Revoke { client: 2 });
    vec![
        allow(2, true),
        token(redeem()),
        token(refresh(Which::Current)),
        token(refresh(Which::Previous)),
        token(refresh(Which::Current)),
        token(refresh(Which::Older(0))),
        allow(1, true),
        token(redeem()),
        token(redeem()),
        token(by_password(1, 1)),
        token(refresh(Which::Current)),
        token(access()),
        token(end(Which::Current)),
        token(own(1)),
        // One that rotates no more: its current token is used, and its predecessor has had its time.
        allow(3, false),
        token(redeem()),
        token(refresh(Which::Current)),
        clients::put(3, PolicyWish { rotates: Some(false), ..PolicyWish::default() }),
        token(refresh(Which::Current)),
        token(refresh(Which::Previous)),
        deny,
        revoke,
    ]
}
