//! The end of a token before its time (RFC 7009). Asking twice is no error, and a token of another client is none of this one's.

use events::{
    id::FamilyId,
    time::Timestamp,
    token::{AccessTokenRevoked, TokenFamilyRevoked, TokenHash},
};
use projections::tokens::Subject;

use super::{ClientProof, of_client, of_grant, proven};
use crate::{
    commands::{Cause, Decision, Fact, Refusal, View},
    oauth::{
        live::{unended_access, unended_family},
        token::same,
    },
};

/// A token that its client has no more use for.
#[derive(Clone, Debug)]
pub struct RevokeToken {
    /// By whom.
    pub proof: ClientProof,
    /// Which.
    pub token: RevokedToken,
}

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedToken {
    /// It ends alone.
    Access(TokenHash),
    /// It ends with all that came of its family; a superseded one, too. Genuine: the edge has judged its tag.
    Refresh {
        /// Of which family.
        family: FamilyId,
        /// Which of it.
        generation: u32,
        /// Its secret part, hashed.
        presented: TokenHash,
    },
}

/// Records `AccessTokenRevoked` or `TokenFamilyRevoked`; nothing when it is over already, unknown, or another client's.
pub(in crate::commands) fn revoke(
    view: &View<'_>,
    cause: &Cause,
    wish: &RevokeToken,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let client = wish.proof.client;
    // A token of its own proves who it is as well as its secret; that it stands was looked at before.
    let by_token =
        cause.bearer.is_some() && cause.actor == events::envelope::Actor::ClientApplication(client);
    let row = match state.client_applications.rows.get(&client) {
        Some(row) if by_token => row,
        _ => proven(state, cause, &wish.proof, now)?,
    };
    let fact = match wish.token {
        RevokedToken::Access(access) => {
            let living = unended_access(state, &access, now).filter(|living| living.client == client);
            living.and_then(|living| {
                let revoked = AccessTokenRevoked { access };
                match living.row.subject {
                    Subject::Family(family) => {
                        let family = unended_family(state, family)?;
                        Some(Fact::new(family.grant.tenant, of_grant(family.row.grant), revoked))
                    }
                    Subject::Client(_) | Subject::RunAs(..) => {
                        Some(Fact::new(row.tenant, of_client(client), revoked))
                    }
                }
            })
        }
        RevokedToken::Refresh { family, generation, presented } => {
            let living = unended_family(state, family).filter(|living| living.row.client == client);
            let living = living.filter(|living| living.row.ends_at().is_none_or(|end| now < end));
            living.and_then(|living| {
                let current = living.row.refresh.as_ref()?;
                let its_own = generation < living.row.generation
                    || generation == living.row.generation && same(&presented, current);
                let revoked = TokenFamilyRevoked { family };
                its_own.then(|| Fact::new(living.grant.tenant, of_grant(living.row.grant), revoked))
            })
        }
    };
    Ok(Decision { facts: fact.into_iter().collect(), ..Decision::default() })
}
