//! Grants, codes and tokens: all that ever were, each with what became of it (TOKENS sections 2, 4 and 5).
//!
//! The ledger compares a token with what ended since. Here every end marks, one after the other, all that ends by it.

use events::{
    client_application::GrantType,
    event::Event,
    grant::{AuthorizationCodeIssued, AuthorizationCodeRedeemed, GrantAllowed},
    id::{FamilyId, ScopeSetId, TokenEpoch},
    scope::Scope,
    sorted::SortedVec,
    time::Timestamp,
    token::{AccessTokenIssued, IssuedAccessToken, RefreshTokenRotated, TokenHash, TokensIssued},
    user::UserStatus,
};
use projections::tokens::ScopeSet;

use crate::{clients::Client, model::Model, rules::Fact};

/// What is remembered of a code after its end, and of a token, in seconds.
const CODE_REMEMBERED: i64 = 600;
const REMEMBERED: i64 = 3600;

/// What a user allows an application.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) id: u64,
    pub(crate) tenant: u64,
    pub(crate) user: u64,
    pub(crate) client: u64,
    pub(crate) scopes: SortedVec<Scope>,
    pub(crate) allowed: u64,
    pub(crate) changed: u64,
}

/// What became of a code or token. One that is gone has no row any more; one that ended may have, until its time is over.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fate {
    pub(crate) ended: bool,
    pub(crate) gone: bool,
}

impl Fate {
    /// Whether nothing ended it for good.
    pub(crate) fn is_open(self) -> bool {
        !self.ended && !self.gone
    }
}

#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) hash: TokenHash,
    pub(crate) grant: u64,
    pub(crate) client: u64,
    pub(crate) user: u64,
    pub(crate) tenant: u64,
    pub(crate) sequence: u64,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) challenge: Option<[u8; 32]>,
    pub(crate) set: ScopeSetId,
    pub(crate) expires_at: Timestamp,
    pub(crate) redeemed: Option<FamilyId>,
    pub(crate) replayed: bool,
    pub(crate) fate: Fate,
}

/// How the last refresh token was changed for another, unless that one was used since.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) access: TokenHash,
    pub(crate) set: ScopeSetId,
    pub(crate) epoch: TokenEpoch,
    pub(crate) at: Timestamp,
}

#[derive(Clone)]
pub(crate) struct Family {
    pub(crate) id: FamilyId,
    pub(crate) grant: u64,
    pub(crate) client: u64,
    pub(crate) user: u64,
    pub(crate) tenant: u64,
    pub(crate) set: ScopeSetId,
    /// All refresh tokens that it ever had; none when it has none.
    pub(crate) line: Vec<TokenHash>,
    pub(crate) last: Option<Change>,
    pub(crate) created_at: Timestamp,
    pub(crate) sequence: u64,
    pub(crate) by_password: bool,
    pub(crate) refresh_until: Option<Timestamp>,
    pub(crate) access_until: Timestamp,
    pub(crate) fate: Fate,
}

#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) hash: TokenHash,
    /// None: the application's own.
    pub(crate) family: Option<FamilyId>,
    pub(crate) client: u64,
    /// Whose rights it has.
    pub(crate) user: Option<u64>,
    pub(crate) set: ScopeSetId,
    pub(crate) sequence: u64,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) fate: Fate,
}

/// Everything about client applications.
#[derive(Clone, Default)]
pub(crate) struct Clients {
    pub(crate) rows: Vec<Client>,
    pub(crate) ever: u64,
    pub(crate) grants: Vec<Grant>,
    pub(crate) grants_ever: u64,
    /// In the order of their numbers.
    pub(crate) sets: Vec<ScopeSet>,
    pub(crate) codes: Vec<Code>,
    pub(crate) families: Vec<Family>,
    pub(crate) access: Vec<Access>,
}

impl Family {
    /// When nothing of it is left by time.
    pub(crate) fn over_at(&self) -> Option<Timestamp> {
        if self.line.is_empty() {
            return Some(self.access_until);
        }
        self.refresh_until.map(|until| until.max(self.access_until))
    }
}

/// Which tokens an end is about.
enum Of {
    Grant(u64),
    Client(u64),
    /// Also what was given for his password, or that alone.
    User {
        user: u64,
        all: bool,
    },
}

impl Of {
    fn is(&self, grant: u64, client: u64, user: u64, by_password: bool) -> bool {
        match self {
            Self::Grant(id) => *id == grant,
            Self::Client(id) => *id == client,
            Self::User { user: id, all } => *id == user && (*all || by_password),
        }
    }
}

impl Model {
    pub(crate) fn client(&self, id: u64) -> Option<&Client> {
        self.clients.rows.iter().find(|row| row.id == id)
    }

    pub(crate) fn grant_between(&self, user: u64, client: u64) -> Option<&Grant> {
        self.clients.grants.iter().find(|row| (row.user, row.client) == (user, client))
    }

    pub(crate) fn family(&self, id: FamilyId) -> Option<&Family> {
        self.clients.families.iter().find(|row| row.id == id && !row.fate.gone)
    }

    pub(crate) fn set_of(&self, id: ScopeSetId) -> &ScopeSet {
        &self.clients.sets[id.0 as usize - 1]
    }

    pub(crate) fn is_active(&self, user: u64) -> bool {
        self.user(user).is_some_and(|row| row.status == UserStatus::Active)
    }

    /// His tenant's, or the system's (TOKENS section 3).
    pub(crate) fn may_use(client: &Client, tenant: u64) -> bool {
        client.tenant == tenant || client.tenant == 1
    }

    pub(crate) fn access_lives(&self, row: &Access) -> bool {
        !row.fate.ended && self.now < row.expires_at && row.user.is_none_or(|user| self.is_active(user)) && {
            // With a user's rights of its own, while it is to have them.
            let runs_as = row.user.filter(|_| row.family.is_none());
            runs_as.is_none_or(|user| {
                let client = self
                    .client(row.client)
                    .filter(|client| client.policy.run_as.map(|id| id.0) == Some(user));
                client.is_some_and(|client| {
                    self.user(user).is_some_and(|row| Self::may_use(client, row.tenant))
                })
            })
        }
    }

    /// Carries an event out that is about applications or what they get; says whether it is.
    pub(crate) fn is_about_clients(&mut self, fact: &Fact, event: &Event, sequence: u64) -> bool {
        match event {
            Event::ClientApplicationRegistered(_)
            | Event::ClientApplicationUpdated(_)
            | Event::ClientApplicationSecretReset(_)
            | Event::ClientApplicationSecretRotated(_)
            | Event::ClientApplicationTransferred(_)
            | Event::ClientApplicationDeleted(_) => self.client_is(fact, event, sequence),
            Event::ScopeSetDefined(_)
            | Event::GrantAllowed(_)
            | Event::GrantDenied(_)
            | Event::GrantRevoked(_)
            | Event::AuthorizationCodeIssued(_)
            | Event::AuthorizationCodeRedeemed(_)
            | Event::AuthorizationCodeReplayDetected(_)
            | Event::TokensIssued(_)
            | Event::AccessTokenIssued(_)
            | Event::RefreshTokenRotated(_)
            | Event::RefreshTokenReuseDetected(_)
            | Event::TokenFamilyRevoked(_)
            | Event::AccessTokenRevoked(_) => self.token_is(fact, event, sequence),
            _ => return false,
        }
        true
    }

    /// What an event about a grant or tokens does.
    fn token_is(&mut self, fact: &Fact, event: &Event, sequence: u64) {
        let id = fact.stream.id;
        match event {
            Event::ScopeSetDefined(defined) => self
                .clients
                .sets
                .push(ScopeSet { scopes: defined.scopes.clone(), audience: defined.audience.clone() }),
            Event::GrantAllowed(allowed) => self.allowed(fact, allowed, sequence),
            Event::GrantDenied(_) => {}
            Event::GrantRevoked(_) => {
                self.clients.grants.retain(|row| row.id != id);
                self.end(&Of::Grant(id), true);
            }
            Event::AuthorizationCodeIssued(issued) => self.code(id, issued, sequence),
            Event::AuthorizationCodeRedeemed(redeemed) => self.redeemed(id, redeemed, sequence),
            Event::AuthorizationCodeReplayDetected(replay) => {
                let rows = self.clients.codes.iter_mut();
                rows.filter(|row| row.hash == replay.code).for_each(|row| row.replayed = true);
                self.end_family(replay.family, true);
            }
            Event::TokensIssued(issued) => self.begins(id, issued, true, sequence),
            Event::AccessTokenIssued(issued) => self.access_is(id, issued, sequence),
            Event::RefreshTokenRotated(rotated) => self.rotated(rotated, sequence),
            Event::RefreshTokenReuseDetected(reuse) => self.end_family(reuse.family, true),
            Event::TokenFamilyRevoked(revoked) => self.end_family(revoked.family, true),
            Event::AccessTokenRevoked(revoked) => {
                let row = self.clients.access.iter_mut().find(|row| row.hash == revoked.access);
                row.expect("answered").fate = Fate { ended: true, gone: true };
            }
            other => unreachable!("{other:?} is about no token"),
        }
    }

    fn allowed(&mut self, fact: &Fact, allowed: &GrantAllowed, sequence: u64) {
        let id = fact.stream.id;
        if let Some(row) = self.clients.grants.iter_mut().find(|row| row.id == id) {
            (row.scopes, row.changed) = (allowed.scopes.clone(), sequence);
            return;
        }
        self.clients.grants_ever += 1;
        self.clients.grants.push(Grant {
            id,
            tenant: fact.tenant,
            user: allowed.user.0,
            client: allowed.client.0,
            scopes: allowed.scopes.clone(),
            allowed: sequence,
            changed: sequence,
        });
    }

    fn code(&mut self, grant: u64, issued: &AuthorizationCodeIssued, sequence: u64) {
        let of = self.clients.grants.iter().find(|row| row.id == grant).expect("answered");
        let (client, user, tenant) = (of.client, of.user, of.tenant);
        self.clients.codes.push(Code {
            hash: issued.code,
            grant,
            client,
            user,
            tenant,
            sequence,
            redirect_uri: issued.redirect_uri.clone(),
            challenge: issued.challenge,
            set: issued.scope_set,
            expires_at: issued.expires_at,
            redeemed: None,
            replayed: false,
            fate: Fate::default(),
        });
    }

    fn redeemed(&mut self, grant: u64, redeemed: &AuthorizationCodeRedeemed, sequence: u64) {
        let row = self.clients.codes.iter_mut().find(|row| row.hash == redeemed.code).expect("answered");
        row.redeemed = Some(redeemed.family);
        let consented = row.set;
        let issued = TokensIssued {
            client: redeemed.client,
            family: redeemed.family,
            scope_set: redeemed.scope_set,
            access: redeemed.access,
            refresh: redeemed.refresh,
            refresh_until: redeemed.refresh_until,
        };
        self.begins(grant, &issued, false, sequence);
        // Its first access token may be for less than what was consented to.
        self.family_mut(redeemed.family).set = consented;
    }

    fn begins(&mut self, grant: u64, issued: &TokensIssued, by_password: bool, sequence: u64) {
        let of = self.clients.grants.iter().find(|row| row.id == grant).expect("answered");
        let (user, tenant) = (of.user, of.tenant);
        self.clients.families.push(Family {
            id: issued.family,
            grant,
            client: issued.client.0,
            user,
            tenant,
            set: issued.scope_set,
            line: issued.refresh.into_iter().collect(),
            last: None,
            created_at: self.now,
            sequence,
            by_password,
            refresh_until: issued.refresh_until,
            access_until: issued.access.expires_at,
            fate: Fate::default(),
        });
        self.token_given(
            Some(issued.family),
            issued.client.0,
            Some(user),
            issued.scope_set,
            issued.access,
            sequence,
        );
    }

    fn token_given(
        &mut self,
        family: Option<FamilyId>,
        client: u64,
        user: Option<u64>,
        set: ScopeSetId,
        issued: IssuedAccessToken,
        sequence: u64,
    ) {
        let IssuedAccessToken { hash, expires_at } = issued;
        let (issued_at, fate) = (self.now, Fate::default());
        let row = Access { hash, family, client, user, set, sequence, issued_at, expires_at, fate };
        self.clients.access.push(row);
    }

    fn family_mut(&mut self, id: FamilyId) -> &mut Family {
        let mut rows = self.clients.families.iter_mut();
        rows.find(|row| row.id == id && !row.fate.gone).expect("answered")
    }

    fn access_is(&mut self, id: u64, issued: &AccessTokenIssued, sequence: u64) {
        let (client, user) = match issued.family {
            Some(family) => {
                let row = self.family_mut(family);
                // Its predecessor's answer is not given again once it was used itself.
                row.last = None;
                row.refresh_until = issued.refresh_until;
                row.access_until = row.access_until.max(issued.access.expires_at);
                (row.client, Some(row.user))
            }
            None => (id, issued.run_as.map(|user| user.0)),
        };
        self.token_given(issued.family, client, user, issued.scope_set, issued.access, sequence);
    }

    fn rotated(&mut self, rotated: &RefreshTokenRotated, sequence: u64) {
        let (set, at) = (rotated.scope_set, self.now);
        let row = self.family_mut(rotated.family);
        row.line.push(rotated.refresh);
        row.last = Some(Change { access: rotated.access.hash, set, epoch: rotated.epoch, at });
        row.refresh_until = rotated.refresh_until;
        row.access_until = row.access_until.max(rotated.access.expires_at);
        let (client, user) = (row.client, row.user);
        self.token_given(Some(rotated.family), client, Some(user), set, rotated.access, sequence);
    }

    fn end_family(&mut self, id: FamilyId, gone: bool) {
        // A number that was drawn for one that is long gone may be drawn again.
        for row in self.clients.families.iter_mut().filter(|row| row.id == id && !row.fate.gone) {
            row.fate = Fate { ended: true, gone };
        }
        for row in self.clients.access.iter_mut().filter(|row| row.family == Some(id)) {
            row.fate.ended = true;
        }
    }

    fn end(&mut self, of: &Of, gone: bool) {
        let families = self.clients.families.iter();
        let families = families.filter(|row| of.is(row.grant, row.client, row.user, row.by_password));
        let families: Vec<FamilyId> = families.filter(|row| !row.fate.gone).map(|row| row.id).collect();
        for id in families {
            self.end_family(id, gone);
        }
        for row in self.clients.codes.iter_mut().filter(|row| of.is(row.grant, row.client, row.user, false)) {
            row.fate.ended = true;
        }
        for row in self.clients.access.iter_mut().filter(|row| row.family.is_none()) {
            if of.is(0, row.client, row.user.unwrap_or(0), false) {
                row.fate.ended = true;
            }
        }
    }

    /// Of a reset or deleted application.
    pub(crate) fn end_all_of_client(&mut self, id: u64) {
        self.clients.grants.retain(|row| row.client != id);
        self.end(&Of::Client(id), true);
    }

    /// Of a user, or what was given for his password.
    pub(crate) fn end_tokens_of(&mut self, user: u64, all: bool) {
        self.end(&Of::User { user, all }, false);
    }

    /// How many seconds it is until one of the next moments at which a code, token or secret ends, or is forgotten.
    pub(crate) fn until(&self, moment: u8) -> u32 {
        let and = |end: Timestamp, secs| [end, end.saturating_add_secs(secs)];
        let codes = self.clients.codes.iter().flat_map(|row| and(row.expires_at, CODE_REMEMBERED));
        let access = self.clients.access.iter().flat_map(|row| and(row.expires_at, REMEMBERED));
        let over = self.clients.families.iter().filter_map(Family::over_at);
        let repeated = self.clients.families.iter().filter_map(|row| {
            let policy = &self.client(row.client)?.policy;
            Some(row.last.as_ref()?.at.saturating_add_secs(i64::from(policy.refresh_retry_secs)))
        });
        let refreshed = self.clients.families.iter().filter_map(|row| row.refresh_until);
        let secrets = self.clients.rows.iter().filter_map(|row| Some(row.previous?.1));
        let families = over.flat_map(|end| and(end, REMEMBERED)).chain(repeated).chain(refreshed);
        let all = codes.chain(access).chain(families).chain(secrets).filter(|end| *end > self.now);
        let mut all: Vec<Timestamp> = all.collect();
        all.sort();
        all.dedup();
        let next = all.get(usize::from(moment) % all.len().clamp(1, 5));
        let micros = next.map_or(0, |next| next.0 - self.now.0);
        // All times are whole seconds after the first.
        u32::try_from(micros / Timestamp::SECOND).expect("soon")
    }

    /// What is over for long is forgotten with the first event after.
    pub(crate) fn forget(&mut self) {
        let now = self.now;
        let long_over = |end: Timestamp, secs| end.saturating_add_secs(secs) <= now;
        for row in self.clients.codes.iter_mut().filter(|row| long_over(row.expires_at, CODE_REMEMBERED)) {
            row.fate.gone = true;
        }
        for row in self.clients.access.iter_mut().filter(|row| long_over(row.expires_at, REMEMBERED)) {
            row.fate.gone = true;
        }
        for row in &mut self.clients.families {
            row.fate.gone |= row.over_at().is_some_and(|end| long_over(end, REMEMBERED));
        }
    }

    /// Whether it may go this way to tokens.
    pub(crate) fn may_go(client: &Client, way: GrantType) -> bool {
        client.policy.grant_types.has(&way)
    }
}
