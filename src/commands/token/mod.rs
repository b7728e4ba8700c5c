//! Tokens for client applications (TOKENS sections 2 to 5): what is recorded when one asks for them, and when it is refused.
//!
//! Every wish here is a client's, so every wish carries what it proved to be, and the proof is looked at again: a secret may
//! have been reset since. Tokens come as hashes. What one lives on, `oauth::live` says.

pub mod client_credentials;
pub mod password;
pub mod redeem;
pub mod refresh;
pub mod revoke;

use std::sync::Arc;

use events::{
    client_application::{ClientPolicy, ClientType, GrantType},
    envelope::{Actor, Stream, StreamKind},
    id::{ClientApplicationId, GrantId, TenantId},
    scope::Scope,
    sorted::SortedVec,
    time::Timestamp,
    token::{IssuedAccessToken, TokenFamilyRevoked, TokenHash},
};
use projections::{State, client_applications::ClientApplication, tokens::ScopeSet};

use super::{Cause, Fact, OAuthRefusal, limit, limit_table::OAUTH_ACCESS_TOKEN_LIFETIME};
use crate::oauth::{scope::Resources, token::same};

/// What a client proved to be.
#[derive(Clone, Copy, Debug)]
pub struct ClientProof {
    /// Which.
    pub client: ClientApplicationId,
    /// Its secret, hashed; none for a public one, and where it came with a token of its own ([`Cause::bearer`]).
    pub secret: Option<TokenHash>,
}

/// What a client asks for, and what there is to ask for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Scopes; `None` gets what there is.
    pub scopes: Option<SortedVec<Scope>>,
    /// Resources (RFC 8707); none gets all that the scopes are for.
    pub resources: Vec<String>,
    /// Ourselves.
    pub issuer: String,
    /// Where data sources are used.
    pub odata: String,
}

impl Asked {
    /// What of `granted` an application gets that is registered for `registered`. Never more than was granted (SECURITY 21):
    /// nor what the registration has lost since. Asked for nothing else, the audience stays the one that was recorded.
    pub fn narrowed(&self, granted: &ScopeSet, registered: &[Scope]) -> Result<ScopeSet, OAuthRefusal> {
        let (scopes, available) = self.available(granted, registered)?;
        Ok(ScopeSet { audience: self.audience(&available)?, scopes })
    }

    /// What an application gets that nothing was granted to before: `scopes` by default, and no others.
    pub fn fresh(&self, scopes: &SortedVec<Scope>) -> Result<ScopeSet, OAuthRefusal> {
        let scopes = match &self.scopes {
            Some(asked) if asked.iter().all(|scope| scopes.has(scope)) => asked.clone(),
            Some(_) => return Err(OAuthRefusal::InvalidScope),
            None => scopes.clone(),
        };
        let available = self.of(&scopes);
        Ok(ScopeSet { audience: self.audience(&available)?, scopes })
    }

    fn available(
        &self,
        granted: &ScopeSet,
        registered: &[Scope],
    ) -> Result<(SortedVec<Scope>, SortedVec<String>), OAuthRefusal> {
        let there = |scope: &Scope| granted.scopes.has(scope) && registered.contains(scope);
        let scopes: SortedVec<Scope> = match &self.scopes {
            Some(asked) if asked.iter().all(there) => asked.clone(),
            Some(_) => return Err(OAuthRefusal::InvalidScope),
            None => granted.scopes.iter().copied().filter(there).collect(),
        };
        if scopes == granted.scopes {
            return Ok((scopes, granted.audience.clone()));
        }
        if scopes.is_empty() {
            return Err(OAuthRefusal::InvalidScope);
        }
        let of_scopes = self.of(&scopes);
        let audience: SortedVec<String> =
            of_scopes.iter().filter(|resource| granted.audience.has(resource)).cloned().collect();
        // The setting that says where the scopes are used may have changed since the consent.
        if audience.is_empty() { Err(OAuthRefusal::InvalidTarget) } else { Ok((scopes, audience)) }
    }

    /// Where these scopes are used. An application in its own name speaks with us.
    fn of(&self, scopes: &[Scope]) -> SortedVec<String> {
        let resources = Resources { issuer: &self.issuer, odata: &self.odata };
        let own = scopes.is_empty().then_some(resources.issuer);
        scopes.iter().map(|scope| resources.of(*scope)).chain(own).map(str::to_owned).collect()
    }

    fn audience(&self, available: &SortedVec<String>) -> Result<SortedVec<String>, OAuthRefusal> {
        if self.resources.iter().any(|resource| !available.has(resource)) {
            return Err(OAuthRefusal::InvalidTarget);
        }
        let narrowed: SortedVec<String> = self.resources.iter().cloned().collect();
        Ok(if narrowed.is_empty() { available.clone() } else { narrowed })
    }
}

/// The client that wishes it, when what it proved to be still holds. Compared in constant time (SECURITY 32).
fn proven<'a>(
    state: &'a State<'_>,
    cause: &Cause,
    proof: &ClientProof,
    now: Timestamp,
) -> Result<&'a Arc<ClientApplication>, OAuthRefusal> {
    let row = state.client_applications.rows.get(&proof.client);
    let row = row.filter(|_| cause.actor == Actor::ClientApplication(proof.client));
    row.filter(|row| proves(row, proof.secret.as_ref(), now)).ok_or(OAuthRefusal::InvalidClient)
}

/// Whether this is a secret of the application now, or it is public and none was sent.
pub fn proves(row: &ClientApplication, secret: Option<&TokenHash>, now: Timestamp) -> bool {
    match (secret, &row.secret) {
        (None, None) => row.policy.client_type == ClientType::Public,
        (Some(sent), Some(present)) => {
            let previous = row.previous_secret.filter(|previous| now < previous.until);
            // Both are compared, whatever the first comparison says.
            let is_present = same(sent, &present.hash);
            is_present | previous.is_some_and(|previous| same(sent, &previous.hash))
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Refuses a way to tokens that the application is not registered for.
fn may_go(row: &ClientApplication, way: GrantType) -> Result<(), OAuthRefusal> {
    if row.policy.grant_types.has(&way) { Ok(()) } else { Err(OAuthRefusal::UnauthorizedClient) }
}

/// A new access token: as long as the system allows, or shorter when the application wants it so (hdp-api 9.27).
fn issued(state: &State<'_>, policy: &ClientPolicy, hash: TokenHash, now: Timestamp) -> IssuedAccessToken {
    let minutes = limit::effective(state, OAUTH_ACCESS_TOKEN_LIFETIME, None, None, None);
    let most = i64::try_from(minutes).unwrap_or(i64::MAX).saturating_mul(60);
    let secs = policy.access_token_lifetime_secs.map_or(most, |secs| most.min(i64::from(secs)));
    IssuedAccessToken { hash, expires_at: now.saturating_add_secs(secs) }
}

/// When a refresh token of a family that began at `began` ends if it is not used after `now`; never, when nobody said so: in HDP
/// one lives until it is revoked.
fn refresh_until(policy: &ClientPolicy, began: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let after =
        |from: Timestamp, secs: Option<u32>| secs.map(|secs| from.saturating_add_secs(i64::from(secs)));
    let idle = after(now, policy.refresh_token_idle_secs);
    idle.into_iter().chain(after(began, policy.refresh_token_absolute_secs)).min()
}

fn of_grant(id: GrantId) -> Stream {
    Stream::new(StreamKind::GRANT, id.0)
}

fn of_client(id: ClientApplicationId) -> Stream {
    Stream::new(StreamKind::CLIENT_TOKENS, id.0)
}

/// How many families one grant has at most: devices and sessions of one user at one application. In HDP a refresh token lives until
/// it is revoked, so without a bound a client that asks for codes in a loop would fill the memory for good.
pub const FAMILIES_OF_A_GRANT_MAX: usize = 100;

/// The end of the grant's oldest family, when there is no room for another.
fn room_for_one_more(state: &State<'_>, tenant: TenantId, grant: GrantId) -> Option<Fact> {
    let families = state.tokens.families_of(grant);
    let living = families.filter_map(|id| Some((state.tokens.families.get(&id)?.sequence, id)));
    let living: Vec<_> = living.collect();
    let full = living.len() >= FAMILIES_OF_A_GRANT_MAX;
    let (_, family) = living.into_iter().min().filter(|_| full)?;
    Some(Fact::new(tenant, of_grant(grant), TokenFamilyRevoked { family }))
}
