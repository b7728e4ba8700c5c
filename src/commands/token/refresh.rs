//! A refresh token for an access token, and, where it rotates, for its successor (TOKENS section 2; RFC 9700 section 4.14.2).

use events::{
    client_application::{ClientPolicy, ClientType, GrantType, RefreshRotation},
    id::{FamilyId, TokenEpoch},
    time::Timestamp,
    token::{AccessTokenIssued, RefreshTokenReuseDetected, RefreshTokenRotated, TokenHash},
};
use projections::tokens::Previous;

use super::{Asked, ClientProof, issued, may_go, of_grant, proven, refresh_until};
use crate::{
    commands::{Cause, Decision, Fact, OAuthRefusal, Refusal, View, grant::may_use, scope_set::numbered},
    oauth::{
        live::{LiveFamily, is_active, refresh_ends, scope_set, unended_family},
        token::same,
    },
    vault::tokens::epoch_of,
};

/// A genuine refresh token presented: the edge has judged its tag.
#[derive(Clone, Debug)]
pub struct RefreshTokens {
    /// By whom.
    pub proof: ClientProof,
    /// Of which family.
    pub family: FamilyId,
    /// Which of it.
    pub generation: u32,
    /// Its secret part, hashed.
    pub presented: TokenHash,
    /// For what.
    pub asked: Asked,
    /// The access token when the refresh token stays: drawn.
    pub access: TokenHash,
    /// What takes its place when it does not; none when the key that derives it was destroyed.
    pub derived: Option<DerivedTokens>,
}

/// What was derived from the presented token for what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DerivedTokens {
    /// With the key of which epoch.
    pub epoch: TokenEpoch,
    /// The secret part of the successor, hashed.
    pub refresh: TokenHash,
    /// The access token.
    pub access: TokenHash,
}

/// Records `RefreshTokenRotated` or `AccessTokenIssued`, by the application's rule; nothing when it is the repetition of the
/// last rotation, whose answer was derived again; `RefreshTokenReuseDetected` when the token had its time: thief and owner look
/// alike, so the family ends, and whoever wishes it gets nothing.
///
/// Refuses [`OAuthRefusal::DeriveWith`] when another epoch's key is needed.
pub(in crate::commands) fn refresh(
    view: &View<'_>,
    cause: &Cause,
    wish: &RefreshTokens,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let client = proven(state, cause, &wish.proof, now)?;
    may_go(client, GrantType::RefreshToken)?;
    let policy = &client.policy;
    let living = unended_family(state, wish.family)
        .filter(|living| living.row.client == wish.proof.client && may_use(client, living.grant.tenant))
        .filter(|living| refresh_ends(state, &living.row).is_none_or(|end| now < end));
    let LiveFamily { row, grant } = living.ok_or(OAuthRefusal::InvalidGrant)?;
    let current = row.refresh.as_ref().ok_or(OAuthRefusal::InvalidGrant)?;
    let fact = |event: events::event::Event| Fact::new(grant.tenant, of_grant(row.grant), event);
    // Both are possible after a restore: the token is of a history that there is no more.
    if wish.generation > row.generation
        || wish.generation == row.generation && !same(&wish.presented, current)
    {
        return Err(OAuthRefusal::InvalidGrant.into());
    }
    let again = row.previous.as_deref().filter(|previous| {
        wish.generation + 1 == row.generation
            && same(&wish.presented, &previous.refresh)
            && now < previous.rotated_at.saturating_add_secs(i64::from(policy.refresh_retry_secs))
    });
    // Whether or not its user is active: with him the family would live again.
    if wish.generation < row.generation && again.is_none() {
        let reuse = RefreshTokenReuseDetected { family: wish.family, generation: wish.generation };
        return Ok(Decision { facts: vec![fact(reuse.into())], ..Decision::default() });
    }
    if !is_active(state, grant.user) {
        return Err(OAuthRefusal::InvalidGrant.into());
    }
    let granted = scope_set(state, row.scope_set).ok_or(OAuthRefusal::InvalidGrant)?;
    let narrowed = wish.asked.narrowed(&granted, &policy.scopes);
    if let Some(previous) = again {
        let set = narrowed.ok().and_then(|set| state.tokens.by_content.get(&set.into()).copied());
        if set != Some(previous.scope_set) {
            return Err(OAuthRefusal::InvalidScope.into());
        }
        repeated(wish, previous, current)?;
        return Ok(Decision::default());
    }
    let (scope_set, defined) = numbered(state, &narrowed?);
    let refresh_until = refresh_until(policy, row.created_at, now);
    let refreshed = if rotates(policy) {
        // The clock at the edge may lie behind the writer's, where this epoch's key was not asked for, or is gone there.
        let derived = derived_in(wish, epoch_of(now), OAuthRefusal::DeriveWith(epoch_of(now)))?;
        let generation = wish.generation.checked_add(1).ok_or(OAuthRefusal::InvalidGrant)?;
        fact(
            RefreshTokenRotated {
                family: wish.family,
                generation,
                refresh: derived.refresh,
                refresh_until,
                scope_set,
                access: issued(state, policy, derived.access, now),
                epoch: derived.epoch,
            }
            .into(),
        )
    } else {
        fact(
            AccessTokenIssued {
                scope_set,
                access: issued(state, policy, wish.access, now),
                family: Some(wish.family),
                refresh_until,
                run_as: None,
            }
            .into(),
        )
    };
    Ok(Decision { facts: defined.into_iter().chain([refreshed]).collect(), ..Decision::default() })
}

/// The same answer again, when it was derived with the key that the first one was derived with.
fn repeated(wish: &RefreshTokens, previous: &Previous, current: &TokenHash) -> Result<(), OAuthRefusal> {
    let derived = derived_in(wish, previous.epoch, OAuthRefusal::InvalidGrant)?;
    let equal = same(&derived.refresh, current) & same(&derived.access, &previous.access);
    if equal { Ok(()) } else { Err(OAuthRefusal::InvalidGrant) }
}

fn derived_in(
    wish: &RefreshTokens,
    epoch: TokenEpoch,
    underived: OAuthRefusal,
) -> Result<&DerivedTokens, OAuthRefusal> {
    match &wish.derived {
        Some(derived) if derived.epoch == epoch => Ok(derived),
        Some(_) => Err(OAuthRefusal::DeriveWith(epoch)),
        None => Err(underived),
    }
}

/// A public client's always: nothing else tells that one was stolen (SECURITY 18).
pub fn rotates(policy: &ClientPolicy) -> bool {
    policy.refresh_rotation == RefreshRotation::Always || policy.client_type == ClientType::Public
}
