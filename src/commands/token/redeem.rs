//! A code for tokens (RFC 6749 section 4.1.3). A code is good once, for who asked for it, within a minute (SECURITY 11).

use events::{
    client_application::{ClientType, GrantType},
    grant::{AuthorizationCodeRedeemed, AuthorizationCodeReplayDetected},
    id::FamilyId,
    time::Timestamp,
    token::TokenHash,
};

use super::{Asked, ClientProof, issued, may_go, of_grant, proven, refresh_until, room_for_one_more};
use crate::{
    commands::{Cause, Decision, Fact, OAuthRefusal, Refusal, View, grant::may_use, scope_set::numbered},
    oauth::{
        live::{is_active, scope_set, unended_code},
        pkce::Verifier,
    },
};

/// A code presented.
#[derive(Clone, Debug)]
pub struct RedeemCode {
    /// By whom.
    pub proof: ClientProof,
    /// Which.
    pub code: TokenHash,
    /// The `redirect_uri` of the token request, as sent.
    pub redirect_uri: Option<String>,
    /// What its challenge was made from.
    pub verifier: Verifier,
    /// Resources, which narrow the first access token. Scopes are not asked for here.
    pub asked: Asked,
    /// Drawn for what comes of it.
    pub family: FamilyId,
    /// The access token.
    pub access: TokenHash,
    /// The secret part of the refresh token, which is issued when the application may use it.
    pub refresh: TokenHash,
}

/// Records `AuthorizationCodeRedeemed`. When the code was redeemed before, `AuthorizationCodeReplayDetected`, once: thief and
/// owner look alike, so the tokens of the first time end (RFC 6749 section 4.1.2). Whoever wishes it then gets nothing.
///
/// A request that does not fit the code leaves it as it is; how many there may be, `oauth::attempts` says.
pub(in crate::commands) fn redeem(
    view: &View<'_>,
    cause: &Cause,
    wish: &RedeemCode,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let client = proven(state, cause, &wish.proof, now)?;
    may_go(client, GrantType::AuthorizationCode)?;
    let (code, grant) = unended_code(state, &wish.code).ok_or(OAuthRefusal::InvalidGrant)?;
    if grant.client != wish.proof.client || !may_use(client, grant.tenant) {
        return Err(OAuthRefusal::InvalidGrant.into());
    }
    let proven = wish.verifier.proves(code.challenge.as_ref());
    if let Some(family) = code.redeemed {
        // A public client proves by its verifier alone that it is the one that the code was made for.
        let is_owner = client.policy.client_type == ClientType::Confidential || proven;
        if code.replayed || !is_owner {
            return Err(OAuthRefusal::InvalidGrant.into());
        }
        let detected = AuthorizationCodeReplayDetected { code: wish.code, family };
        let facts = vec![Fact::new(grant.tenant, of_grant(code.grant), detected)];
        return Ok(Decision { facts, ..Decision::default() });
    }
    // A replay counts whoever is inactive: the tokens of the first time would live again with him.
    if !is_active(state, grant.user) {
        return Err(OAuthRefusal::InvalidGrant.into());
    }
    let redirected = match (&code.redirect_uri, &wish.redirect_uri) {
        (Some(before), sent) => sent.as_ref() == Some(before),
        // The request named none, so the only one that is registered was meant, and may be named now.
        (None, Some(sent)) => client.redirect_urls == [sent.as_str()],
        (None, None) => true,
    };
    if now >= code.expires_at || !redirected || !proven {
        return Err(OAuthRefusal::InvalidGrant.into());
    }
    if state.tokens.families.has(&wish.family) {
        return Err(Refusal::Again);
    }
    let granted = scope_set(state, code.scope_set).ok_or(OAuthRefusal::InvalidGrant)?;
    let asked = Asked { scopes: None, ..wish.asked.clone() };
    let (scope_set, defined) = numbered(state, &asked.narrowed(&granted, &client.policy.scopes)?);
    let refresh = client.policy.grant_types.has(&GrantType::RefreshToken).then_some(wish.refresh);
    let redeemed = AuthorizationCodeRedeemed {
        code: wish.code,
        client: wish.proof.client,
        family: wish.family,
        scope_set,
        access: issued(state, &client.policy, wish.access, now),
        refresh,
        refresh_until: refresh.and_then(|_| refresh_until(&client.policy, now, now)),
    };
    let redeemed = Fact::new(grant.tenant, of_grant(code.grant), redeemed);
    let room = room_for_one_more(state, grant.tenant, code.grant);
    Ok(Decision { facts: defined.into_iter().chain(room).chain([redeemed]).collect(), ..Decision::default() })
}
