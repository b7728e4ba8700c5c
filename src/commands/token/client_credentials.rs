//! An access token for an application in its own name (RFC 6749 section 4.4), or in that of the user it runs as.

use events::{
    client_application::{ClientType, GrantType},
    sorted::SortedVec,
    time::Timestamp,
    token::{AccessTokenIssued, TokenHash},
    user::UserStatus,
};

use super::{Asked, ClientProof, issued, may_go, of_client, proven};
use crate::commands::{
    Cause, Decision, Fact, OAuthRefusal, Refusal, View, grant::may_use, scope_set::numbered,
};

/// An application asks in its own name.
#[derive(Clone, Debug)]
pub struct IssueClientCredentials {
    /// Which.
    pub proof: ClientProof,
    /// For what.
    pub asked: Asked,
    /// The access token.
    pub access: TokenHash,
}

/// Records `AccessTokenIssued`. Scopes are a user's rights, so without a user it runs as it gets none, and asking for some is
/// refused.
pub(in crate::commands) fn issue(
    view: &View<'_>,
    cause: &Cause,
    wish: &IssueClientCredentials,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let client = proven(state, cause, &wish.proof, now)?;
    may_go(client, GrantType::ClientCredentials)?;
    let policy = &client.policy;
    if policy.client_type == ClientType::Public {
        return Err(OAuthRefusal::UnauthorizedClient.into());
    }
    let scopes = match policy.run_as {
        Some(user) => {
            let row = state.users.rows.get(&user);
            let active =
                row.is_some_and(|row| row.status == UserStatus::Active && may_use(client, row.tenant));
            // It has nobody's rights at this moment, and none of its own to fall back on.
            if !active {
                return Err(OAuthRefusal::InvalidGrant.into());
            }
            policy.scopes.clone()
        }
        None => SortedVec::default(),
    };
    let (scope_set, defined) = numbered(state, &wish.asked.fresh(&scopes)?);
    let token = AccessTokenIssued {
        scope_set,
        access: issued(state, policy, wish.access, now),
        family: None,
        refresh_until: None,
        run_as: policy.run_as,
    };
    let token = Fact::new(client.tenant, of_client(wish.proof.client), token);
    Ok(Decision { facts: defined.into_iter().chain([token]).collect(), ..Decision::default() })
}
