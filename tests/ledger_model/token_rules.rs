//! When an application gets tokens, and what is recorded of it (TOKENS sections 2 to 5; SECURITY 11, 12, 18 to 21, 30; hdp-api
//! 9.26, 9.27).

use authledger::commands::{
    OAuthRefusal, Object, Refusal, Wish,
    grant::{allow::AllowAccess, deny::DenyAccess},
    token::{
        Asked, ClientProof,
        client_credentials::IssueClientCredentials,
        password::IssueByPassword,
        redeem::RedeemCode,
        refresh::{DerivedTokens, RefreshTokens},
        revoke::{RevokeToken, RevokedToken},
    },
};
use events::{
    client_application::{ClientType, GrantType, RefreshRotation},
    envelope::{Actor, StreamKind},
    event::Event,
    grant::{
        AuthorizationCodeIssued, AuthorizationCodeRedeemed, AuthorizationCodeReplayDetected, ConsentBy,
        GrantAllowed, GrantDenied, GrantRevoked,
    },
    id::{ClientApplicationId, ScopeSetId, Sequence, TokenEpoch, UserId},
    scope::{Scope, ScopeSetDefined},
    sorted::SortedVec,
    time::Timestamp,
    token::{
        AccessTokenIssued, AccessTokenRevoked, IssuedAccessToken, RefreshTokenReuseDetected,
        RefreshTokenRotated, TokenFamilyRevoked, TokenHash, TokensIssued,
    },
    user::PasswordStatus,
};
use projections::tokens::ScopeSet;

use crate::{
    clients::Client,
    model::Model,
    requests::Request,
    rules::{Fact, Who, says},
    token_edge::{ISSUER, place},
    tokens::Family,
};

const DAY_MICROS: i64 = 86_400_000_000;
const MINUTE: i64 = 60;

fn no(refusal: OAuthRefusal) -> Refusal {
    Refusal::OAuth(refusal)
}

fn invalid_grant() -> Refusal {
    no(OAuthRefusal::InvalidGrant)
}

/// Whether an application wishes it, in its own name.
pub(crate) fn is_for_tokens(wish: &Wish) -> bool {
    matches!(
        wish,
        Wish::RedeemCode(_)
            | Wish::RefreshTokens(_)
            | Wish::IssueClientCredentials(_)
            | Wish::IssueByPassword(_)
            | Wish::RevokeToken(_)
    )
}

fn on_grant(tenant: u64, grant: u64, event: impl Into<Event>) -> Fact {
    says(tenant, StreamKind::GRANT, grant, event)
}

impl Model {
    pub(crate) fn consent(&self, who: &Who, request: &Request, wish: &Wish) -> Result<Vec<Fact>, Refusal> {
        match wish {
            Wish::RevokeGrant(wish) => {
                let unknown = Refusal::NotFound(Object::ClientApplication(wish.client));
                let row = self.grant_between(who.user, wish.client.0).ok_or(unknown)?;
                Ok(vec![on_grant(row.tenant, row.id, GrantRevoked {})])
            }
            _ if request.behalf.is_some() => Err(Refusal::LacksPermission),
            Wish::AllowAccess(wish) => self.allow(who, wish),
            Wish::DenyAccess(DenyAccess { client, client_changed, seen }) => {
                self.logged_in_since(who, *seen)?;
                self.as_it_was(who, *client, *client_changed)?;
                let denied = GrantDenied { user: UserId(who.user) };
                Ok(vec![says(who.tenant, StreamKind::CLIENT_APPLICATION, client.0, denied)])
            }
            other => unreachable!("{other:?} is no consent"),
        }
    }

    /// One that he may use, as it was when it asked.
    fn as_it_was(&self, who: &Who, id: ClientApplicationId, changed: Sequence) -> Result<(), Refusal> {
        let row = self.client(id.0).filter(|row| row.changed == changed.0);
        row.filter(|row| Self::may_use(row, who.tenant)).map(drop).ok_or(Refusal::Again)
    }

    /// Another password ends what began with the one before (TOKENS section 5).
    fn logged_in_since(&self, who: &Who, seen: Sequence) -> Result<(), Refusal> {
        let row = self.user(who.user).expect("he asks");
        let ends = [row.tokens_ended, row.password_tokens_ended];
        let over = ends.into_iter().flatten().any(|ended| ended > seen.0);
        if over { Err(Refusal::ActorGone) } else { Ok(()) }
    }

    /// What was allowed before need not be allowed again; nothing more without his consent.
    fn allow(&self, who: &Who, wish: &AllowAccess) -> Result<Vec<Fact>, Refusal> {
        self.logged_in_since(who, wish.seen)?;
        self.as_it_was(who, wish.client, wish.client_changed)?;
        let grant = self.grant_between(who.user, wish.client.0);
        if grant.map(|row| (row.id, row.changed)) != wish.grant.map(|(id, changed)| (id.0, changed.0)) {
            return Err(Refusal::Again);
        }
        let (id, mut facts, widens) =
            self.widened(who.user, who.tenant, wish.client, &wish.set, ConsentBy::Page);
        if widens && !wish.consents {
            return Err(Refusal::Forbidden);
        }
        let (scope_set, defined) = self.number_of(&wish.set);
        let issued = AuthorizationCodeIssued {
            code: wish.code,
            redirect_uri: wish.redirect_uri.clone(),
            challenge: wish.challenge,
            scope_set,
            expires_at: self.now.saturating_add_secs(MINUTE),
            authenticated_at: wish.authenticated_at,
            method: wish.method,
        };
        facts.push(on_grant(who.tenant, id, issued));
        Ok(defined.into_iter().chain(facts).collect())
    }

    /// His grant, with what makes it cover these scopes.
    fn widened(
        &self,
        user: u64,
        tenant: u64,
        client: ClientApplicationId,
        set: &ScopeSet,
        by: ConsentBy,
    ) -> (u64, Vec<Fact>, bool) {
        let grant = self.grant_between(user, client.0);
        let id = grant.map_or(self.clients.grants_ever + 1, |row| row.id);
        let before = grant.map(|row| row.scopes.clone());
        let covered = |scope: &Scope| before.as_ref().is_some_and(|before| before.has(scope));
        if before.is_some() && set.scopes.iter().all(covered) {
            return (id, Vec::new(), false);
        }
        let scopes = before.iter().flat_map(|before| before.iter()).chain(set.scopes.iter());
        let scopes: SortedVec<Scope> = scopes.copied().collect();
        (id, vec![on_grant(tenant, id, GrantAllowed { client, user: UserId(user), scopes, by })], true)
    }

    /// The number of a set, and the fact that gives it one.
    fn number_of(&self, set: &ScopeSet) -> (ScopeSetId, Option<Fact>) {
        let number = |place: usize| ScopeSetId(u32::try_from(place + 1).expect("few"));
        if let Some(place) = self.clients.sets.iter().position(|known| known == set) {
            return (number(place), None);
        }
        let id = number(self.clients.sets.len());
        let ScopeSet { scopes, audience } = set.clone();
        let defined = ScopeSetDefined { id, scopes, audience };
        (id, Some(says(1, StreamKind::LEDGER, 0, defined)))
    }

    pub(crate) fn tokens_for(&self, request: &Request, wish: &Wish) -> Result<Vec<Fact>, Refusal> {
        match wish {
            Wish::RedeemCode(wish) => self.redeem(request, wish),
            Wish::RefreshTokens(wish) => self.refresh(request, wish),
            Wish::IssueClientCredentials(wish) => self.in_its_own_name(request, wish),
            Wish::IssueByPassword(wish) => self.by_password(request, wish),
            Wish::RevokeToken(wish) => self.end_token(request, wish),
            other => unreachable!("{other:?} is for no tokens"),
        }
    }

    /// The application, when it knows a secret of its, the one before while that is good, or is public and has none.
    fn proven(&self, request: &Request, proof: &ClientProof) -> Result<&Client, Refusal> {
        let himself = request.by == Actor::ClientApplication(proof.client);
        let row = self.client(proof.client.0).filter(|_| himself);
        let knows = |row: &&Client| match proof.secret {
            None => row.secret.is_none(),
            Some(sent) => {
                let before = row.previous.filter(|(_, until)| self.now < *until).map(|(hash, _)| hash);
                row.secret.iter().map(|secret| secret.hash).chain(before).any(|hash| hash == sent)
            }
        };
        row.filter(knows).ok_or(no(OAuthRefusal::InvalidClient))
    }

    fn on_its_way(&self, request: &Request, proof: &ClientProof, way: GrantType) -> Result<&Client, Refusal> {
        let row = self.proven(request, proof)?;
        if Self::may_go(row, way) { Ok(row) } else { Err(no(OAuthRefusal::UnauthorizedClient)) }
    }

    /// Single use, for whom it was issued, within a minute; a second use ends what came of the first.
    fn redeem(&self, request: &Request, wish: &RedeemCode) -> Result<Vec<Fact>, Refusal> {
        let client = self.on_its_way(request, &wish.proof, GrantType::AuthorizationCode)?;
        let code = self.clients.codes.iter().find(|row| row.hash == wish.code && row.fate.is_open());
        let code = code.filter(|row| row.client == client.id && Self::may_use(client, row.tenant));
        let code = code.ok_or_else(invalid_grant)?;
        let proves = wish.verifier.proves(code.challenge.as_ref());
        if let Some(family) = code.redeemed {
            let owner = proves || client.policy.client_type == ClientType::Confidential;
            return if owner && !code.replayed {
                let replay = AuthorizationCodeReplayDetected { code: code.hash, family };
                Ok(vec![on_grant(code.tenant, code.grant, replay)])
            } else {
                Err(invalid_grant())
            };
        }
        let redirected = match &code.redirect_uri {
            Some(before) => wish.redirect_uri.as_ref() == Some(before),
            None => wish.redirect_uri.iter().all(|sent| client.redirect_urls == [sent.as_str()]),
        };
        if !redirected || !proves || self.now >= code.expires_at || !self.is_active(code.user) {
            return Err(invalid_grant());
        }
        if self.family(wish.family).is_some() {
            return Err(Refusal::Again);
        }
        let asked = Asked { scopes: None, ..wish.asked.clone() };
        let set = narrowed(self.set_of(code.set), &client.policy.scopes, &asked)?;
        let (scope_set, defined) = self.number_of(&set);
        let refresh = Some(wish.refresh).filter(|_| Self::may_go(client, GrantType::RefreshToken));
        let redeemed = AuthorizationCodeRedeemed {
            code: code.hash,
            client: wish.proof.client,
            family: wish.family,
            scope_set,
            access: self.issued(client, wish.access),
            refresh,
            refresh_until: refresh.and_then(|_| self.refresh_until(client, self.now)),
        };
        Ok(defined.into_iter().chain([on_grant(code.tenant, code.grant, redeemed)]).collect())
    }

    /// The table of TOKENS section 2, and the second half of its first line: without rotation.
    fn refresh(&self, request: &Request, wish: &RefreshTokens) -> Result<Vec<Fact>, Refusal> {
        let client = self.on_its_way(request, &wish.proof, GrantType::RefreshToken)?;
        let family = self.family(wish.family).filter(|row| row.fate.is_open());
        let family = family.filter(|row| row.client == client.id && Self::may_use(client, row.tenant));
        let family = family.filter(|row| !self.is_too_late(client, row)).ok_or_else(invalid_grant)?;
        let place = wish.generation as usize;
        let genuine = family.line.get(place) == Some(&wish.presented);
        if place >= family.line.len() || (place + 1 == family.line.len() && !genuine) {
            return Err(invalid_grant());
        }
        let set = narrowed(self.set_of(family.set), &client.policy.scopes, &wish.asked);
        if place + 1 < family.line.len() {
            let retry = i64::from(client.policy.refresh_retry_secs);
            let again = family.last.as_ref().filter(|last| {
                genuine && place + 2 == family.line.len() && self.now < last.at.saturating_add_secs(retry)
            });
            let Some(last) = again else {
                let reuse = RefreshTokenReuseDetected { family: family.id, generation: wish.generation };
                return Ok(vec![on_grant(family.tenant, family.grant, reuse)]);
            };
            if !self.is_active(family.user) {
                return Err(invalid_grant());
            }
            if set.ok().as_ref() != Some(self.set_of(last.set)) {
                return Err(no(OAuthRefusal::InvalidScope));
            }
            let derived = with_key_of(wish, last.epoch, invalid_grant())?;
            let same = family.line.last() == Some(&derived.refresh) && derived.access == last.access;
            return if same { Ok(Vec::new()) } else { Err(invalid_grant()) };
        }
        if !self.is_active(family.user) {
            return Err(invalid_grant());
        }
        let (scope_set, defined) = self.number_of(&set?);
        let refresh_until = self.refresh_until(client, family.created_at);
        let fact = if client.policy.refresh_rotation == RefreshRotation::Always {
            let today = TokenEpoch(u32::try_from(self.now.0 / DAY_MICROS).expect("before 2106"));
            let derived = with_key_of(wish, today, no(OAuthRefusal::DeriveWith(today)))?;
            let rotated = RefreshTokenRotated {
                family: family.id,
                generation: wish.generation + 1,
                refresh: derived.refresh,
                refresh_until,
                scope_set,
                access: self.issued(client, derived.access),
                epoch: derived.epoch,
            };
            on_grant(family.tenant, family.grant, rotated)
        } else {
            let access = self.issued(client, wish.access);
            let family_id = Some(family.id);
            let issued =
                AccessTokenIssued { scope_set, access, family: family_id, refresh_until, run_as: None };
            on_grant(family.tenant, family.grant, issued)
        };
        Ok(defined.into_iter().chain([fact]).collect())
    }

    /// Not used for too long, or too old by what the application says now.
    fn is_too_late(&self, client: &Client, family: &Family) -> bool {
        Self::last_use(client, family).is_some_and(|end| end <= self.now)
    }

    /// Until when a refresh token can be used that nothing ends.
    pub(crate) fn last_use(client: &Client, family: &Family) -> Option<Timestamp> {
        let oldest = client.policy.refresh_token_absolute_secs;
        let oldest = oldest.map(|secs| family.created_at.saturating_add_secs(i64::from(secs)));
        [family.refresh_until, oldest].into_iter().flatten().min()
    }

    /// Of the application itself, without scopes; or with those of the user that it runs as (TOKENS section 3).
    fn in_its_own_name(
        &self,
        request: &Request,
        wish: &IssueClientCredentials,
    ) -> Result<Vec<Fact>, Refusal> {
        let client = self.on_its_way(request, &wish.proof, GrantType::ClientCredentials)?;
        let mut scopes = SortedVec::default();
        if let Some(UserId(user)) = client.policy.run_as {
            let there = self.user(user).is_some_and(|row| Self::may_use(client, row.tenant));
            if !there || !self.is_active(user) {
                return Err(invalid_grant());
            }
            scopes = client.policy.scopes.clone();
        }
        let (scope_set, defined) = self.number_of(&fresh(&scopes, &wish.asked)?);
        let issued = AccessTokenIssued {
            scope_set,
            access: self.issued(client, wish.access),
            family: None,
            refresh_until: None,
            run_as: client.policy.run_as,
        };
        let fact = says(client.tenant, StreamKind::CLIENT_TOKENS, client.id, issued);
        Ok(defined.into_iter().chain([fact]).collect())
    }

    /// hdp-api 9.26.
    fn by_password(&self, request: &Request, wish: &IssueByPassword) -> Result<Vec<Fact>, Refusal> {
        let client = self.on_its_way(request, &wish.proof, GrantType::Password)?;
        if client.policy.password_until.is_none_or(|until| until <= self.now) {
            return Err(no(OAuthRefusal::UnauthorizedClient));
        }
        let user = self.user(wish.user.0).filter(|row| Self::may_use(client, row.tenant));
        let user = user.filter(|row| self.is_active(row.id)).filter(|row| {
            let open = row.lock.is_none_or(|(_, until)| until <= self.now);
            open && row.password.as_ref().is_some_and(|password| {
                password.hash == wish.password
                    && password.status == PasswordStatus::Active
                    && password.expires_at.is_none_or(|end| self.now < end)
            })
        });
        let user = user.ok_or_else(invalid_grant)?;
        let set = fresh(&client.policy.scopes, &wish.asked)?;
        if self.family(wish.family).is_some() {
            return Err(Refusal::Again);
        }
        let (id, mut facts, _) =
            self.widened(user.id, user.tenant, wish.proof.client, &set, ConsentBy::Password);
        let (scope_set, defined) = self.number_of(&set);
        let refresh = Some(wish.refresh).filter(|_| Self::may_go(client, GrantType::RefreshToken));
        let issued = TokensIssued {
            client: wish.proof.client,
            family: wish.family,
            scope_set,
            access: self.issued(client, wish.access),
            refresh,
            refresh_until: refresh.and_then(|_| self.refresh_until(client, self.now)),
        };
        facts.push(on_grant(user.tenant, id, issued));
        Ok(defined.into_iter().chain(facts).collect())
    }

    /// What is over, unknown or another's is as it should be already.
    fn end_token(&self, request: &Request, wish: &RevokeToken) -> Result<Vec<Fact>, Refusal> {
        let client = self.proven(request, &wish.proof)?;
        let fact = match wish.token {
            RevokedToken::Access(hash) => {
                let mut rows = self.clients.access.iter();
                let row = rows.find(|row| row.hash == hash && row.client == client.id);
                let row = row.filter(|row| !row.fate.ended && self.now < row.expires_at);
                row.map(|row| {
                    let revoked = AccessTokenRevoked { access: hash };
                    match row.family {
                        Some(family) => {
                            let family = self.family(family).expect("a token of its has not ended");
                            on_grant(family.tenant, family.grant, revoked)
                        }
                        None => says(client.tenant, StreamKind::CLIENT_TOKENS, client.id, revoked),
                    }
                })
            }
            RevokedToken::Refresh { family, generation, presented } => {
                let row = self.family(family).filter(|row| !row.fate.ended && row.client == client.id);
                let place = generation as usize;
                let row = row.filter(|row| row.over_at().is_none_or(|end| self.now < end));
                let row = row.filter(|row| {
                    place + 1 < row.line.len()
                        || (place + 1 == row.line.len() && row.line[place] == presented)
                });
                row.map(|row| on_grant(row.tenant, row.grant, TokenFamilyRevoked { family }))
            }
        };
        Ok(fact.into_iter().collect())
    }

    /// Limit 8 says how many minutes, and the application how many seconds at most (hdp-api 9.27).
    fn issued(&self, client: &Client, hash: TokenHash) -> IssuedAccessToken {
        let limit = self.limits.iter().find(|row| row.limit == 8 && row.stream.kind == StreamKind::LEDGER);
        let secs = i64::try_from(limit.map_or(60, |row| row.value)).expect("a day at most") * MINUTE;
        let own = client.policy.access_token_lifetime_secs.map_or(secs, i64::from);
        IssuedAccessToken { hash, expires_at: self.now.saturating_add_secs(secs.min(own)) }
    }

    fn refresh_until(&self, client: &Client, began: Timestamp) -> Option<Timestamp> {
        let idle = client.policy.refresh_token_idle_secs.map(|secs| (self.now, secs));
        let absolute = client.policy.refresh_token_absolute_secs.map(|secs| (began, secs));
        let ends = idle.into_iter().chain(absolute);
        ends.map(|(from, secs)| from.saturating_add_secs(i64::from(secs))).min()
    }
}

fn with_key_of(wish: &RefreshTokens, epoch: TokenEpoch, without: Refusal) -> Result<&DerivedTokens, Refusal> {
    let derived = wish.derived.as_ref().ok_or(without)?;
    if derived.epoch == epoch { Ok(derived) } else { Err(no(OAuthRefusal::DeriveWith(epoch))) }
}

/// Of what was granted: what the application is still registered for, and no more than it asks for.
fn narrowed(granted: &ScopeSet, registered: &SortedVec<Scope>, asked: &Asked) -> Result<ScopeSet, Refusal> {
    let most: SortedVec<Scope> =
        granted.scopes.iter().copied().filter(|scope| registered.has(scope)).collect();
    let scopes = asked.scopes.clone().unwrap_or(most.clone());
    if !scopes.iter().all(|scope| most.has(scope)) || (scopes.is_empty() && !granted.scopes.is_empty()) {
        return Err(no(OAuthRefusal::InvalidScope));
    }
    let all = scopes == granted.scopes;
    let of_scopes = |place_of: &&String| {
        all || scopes.iter().any(|scope| place(*scope, &asked.odata) == place_of.as_str())
    };
    let places: Vec<String> = granted.audience.iter().filter(of_scopes).cloned().collect();
    audience(scopes, &places, &asked.resources)
}

/// What nothing was granted to before: these scopes, or fewer.
fn fresh(most: &SortedVec<Scope>, asked: &Asked) -> Result<ScopeSet, Refusal> {
    let scopes = asked.scopes.clone().unwrap_or(most.clone());
    if !scopes.iter().all(|scope| most.has(scope)) {
        return Err(no(OAuthRefusal::InvalidScope));
    }
    let mut places: Vec<String> = scopes.iter().map(|scope| place(*scope, &asked.odata).to_owned()).collect();
    if places.is_empty() {
        places.push(ISSUER.to_owned());
    }
    audience(scopes, &places, &asked.resources)
}

/// A resource that is named has to be one of these; who names none gets all.
fn audience(scopes: SortedVec<Scope>, places: &[String], named: &[String]) -> Result<ScopeSet, Refusal> {
    if places.is_empty() || !named.iter().all(|one| places.contains(one)) {
        return Err(no(OAuthRefusal::InvalidTarget));
    }
    let all = if named.is_empty() { places } else { named };
    Ok(ScopeSet { scopes, audience: all.iter().cloned().collect() })
}
