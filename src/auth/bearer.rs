//! Access tokens in requests to our own API (RFC 6750): where one may stand, whose it is, and what it is good for.
//!
//! Wrong ones are not counted. 256 bits can't be guessed, while a token that is over is everyday business: behind one address,
//! one client that goes on with its old token would keep all others from hearing that theirs is over, too.

use events::{
    id::{ClientApplicationId, UserId},
    scope::Scope,
    time::Timestamp,
};
use projections::{State, tokens::TokenKey};
use thiserror::Error;

use crate::oauth::{
    live::live_access,
    reach::{OutOfReach, reaches},
    token::AccessToken,
};

/// By which token a client application asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The application.
    pub client: ClientApplicationId,
    /// The token.
    pub token: TokenKey,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BearerError {
    /// None of ours, over, ended, or for another resource: one answer for all.
    #[error("the access token is not valid here")]
    Invalid,
    /// It lacks this scope.
    #[error("the access token lacks the scope {0}")]
    Lacks(Scope),
    /// What is asked for is not for access tokens.
    #[error("no access token is good for this")]
    OutOfReach,
}

/// What is asked for, and where.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `GET`.
    pub method: &'a str,
    /// As it was sent.
    pub path: &'a str,
    /// Who we are; a token names us among the resources that it is for.
    pub issuer: &'a str,
}

/// The token in an `Authorization` header; `None` when the header is of another scheme.
pub fn token_in(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) =
        header.split_at(header.iter().position(|byte| *byte == b' ').unwrap_or(header.len()));
    scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim_ascii())
}

/// Says for whom a token asks. What it is good for is looked at after whether it is good.
pub fn judge(
    state: &State<'_>,
    token: &[u8],
    asked: Asked<'_>,
    now: Timestamp,
) -> Result<(UserId, Bearer), BearerError> {
    let token = std::str::from_utf8(token).ok().and_then(AccessToken::parse).ok_or(BearerError::Invalid)?;
    let live = live_access(state, &token.hash(), now).ok_or(BearerError::Invalid)?;
    if !live.set.audience.iter().any(|resource| resource == asked.issuer) {
        return Err(BearerError::Invalid);
    }
    let reached = reaches(live.client, &live.set.scopes, asked.method, asked.path);
    reached.map_err(|lacking| match lacking {
        OutOfReach::Lacks(scope) => BearerError::Lacks(scope),
        OutOfReach::Always => BearerError::OutOfReach,
    })?;
    // Scopes are of users: without one there is nothing that a token could be good for here.
    let user = live.user.ok_or(BearerError::OutOfReach)?;
    Ok((user, Bearer { client: live.client, token: live.key }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_another_scheme_holds_no_token() {
        for (header, token) in [
            (&b"Bearer abc"[..], Some(&b"abc"[..])),
            (b"bearer  abc ", Some(b"abc")),
            (b"BEARER", Some(b"")),
            (b"Bearer ", Some(b"")),
            (b"Bearer a b", Some(b"a b")),
            (b"Bearerabc", None),
            (b"Basic YTpi", None),
            (b"", None),
        ] {
            assert_eq!(token_in(header), token, "{header:?}");
        }
    }
}
