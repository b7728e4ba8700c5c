//! Codes, access tokens and families of refresh tokens, known by their hashes.
//!
//! Whether one is live is not said here: that takes its grant, application and user too, and the time. What is over by
//! arithmetic leaves with the first event that is recorded an hour after (codes, which are kept spent, ten minutes), in the
//! order of the ends: memory then holds nothing for it, and every fold of the same events has the same rows.

use std::{collections::BTreeSet, sync::Arc};

use events::{
    envelope::{Envelope, Header},
    event::Event,
    grant::{AuthorizationCodeIssued, AuthorizationCodeRedeemed},
    id::{ClientApplicationId, FamilyId, GrantId, ScopeSetId, Sequence, TokenEpoch, UserId},
    scope::Scope,
    sorted::SortedVec,
    time::Timestamp,
    token::{AccessTokenIssued, IssuedAccessToken, RefreshTokenRotated, TokenHash, TokensIssued},
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// How long after its end a token or a family is remembered, in microseconds.
pub const REMEMBERED_MICROS: i64 = 3_600 * Timestamp::SECOND;
/// How long after its end a code is remembered, spent or not, in microseconds.
pub const CODE_REMEMBERED_MICROS: i64 = 600 * Timestamp::SECOND;

/// The first 16 bytes of a hash: enough to know a token by, and half the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenKey(pub [u8; 16]);

impl From<&TokenHash> for TokenKey {
    fn from(hash: &TokenHash) -> Self {
        Self(*hash.0.first_chunk().expect("32 bytes begin with 16"))
    }
}

/// What tokens that name it are good for, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScopeSet {
    /// Empty for an application in its own name.
    pub scopes: SortedVec<Scope>,
    /// Resources that accept the token.
    pub audience: SortedVec<String>,
}

/// Whose rights a token has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// A user's, by the grant of this family.
    Family(FamilyId),
    /// The application's own.
    Client(ClientApplicationId),
    /// Of the user that the application runs as.
    RunAs(ClientApplicationId, UserId),
}

/// An access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// Whose rights it has.
    pub subject: Subject,
    /// The event that issued it.
    pub sequence: Sequence,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it is good for.
    pub scope_set: ScopeSetId,
    /// When it was issued, in seconds since 1970-01-01 UTC: half the memory of a time, and what is told of it.
    pub issued_secs: u32,
}

/// A code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Of which grant.
    pub grant: GrantId,
    /// The event that issued it.
    pub sequence: Sequence,
    /// The request's `redirect_uri`, as sent.
    pub redirect_uri: Option<String>,
    /// The SHA-256 of the verifier.
    pub challenge: Option<[u8; 32]>,
    /// What its tokens will be good for.
    pub scope_set: ScopeSetId,
    /// When it ends unused.
    pub expires_at: Timestamp,
    /// What came of it, when it is spent.
    pub redeemed: Option<FamilyId>,
    /// Whether it came again after that.
    pub replayed: bool,
}

/// The predecessor of a rotated refresh token, as far as its answer can be given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its secret part, hashed.
    pub refresh: TokenHash,
    /// The access token that came with its successor.
    pub access: TokenHash,
    /// What that one is good for.
    pub scope_set: ScopeSetId,
    /// Whose key both were derived with.
    pub epoch: TokenEpoch,
    /// When.
    pub rotated_at: Timestamp,
}

/// A line of refresh tokens, of which one is current, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// Of which grant.
    pub grant: GrantId,
    /// To which application.
    pub client: ClientApplicationId,
    /// What was consented to: no token is good for more.
    pub scope_set: ScopeSetId,
    /// How many predecessors the current refresh token has.
    pub generation: u32,
    /// The secret part of the current one, hashed; none when there is no refresh token.
    pub refresh: Option<TokenHash>,
    /// After a rotation.
    pub previous: Option<Box<Previous>>,
    /// Since when.
    pub created_at: Timestamp,
    /// The event that began it.
    pub sequence: Sequence,
    /// Whether it began with the user's password in the application's hands.
    pub by_password: bool,
    /// When the current refresh token ends if it is not used; none: only when it is revoked.
    pub refresh_until: Option<Timestamp>,
    /// When the last of the access tokens ends.
    pub access_until: Timestamp,
}

impl Family {
    /// When nothing of it is left by arithmetic.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match (&self.refresh, self.refresh_until) {
            (None, _) => Some(self.access_until),
            (Some(_), Some(until)) => Some(until.max(self.access_until)),
            (Some(_), None) => None,
        }
    }
}

projection! {
    /// All codes, tokens and families that are not over for long.
    Tokens, TokensChanges {
        primary {
            /// What tokens name by a number.
            scope_sets: ScopeSetId => Arc<ScopeSet>;
            /// The highest of those numbers.
            last_scope_set: () => ScopeSetId;
            /// Codes.
            codes: TokenKey => Arc<Code>;
            /// Families.
            families: FamilyId => Family;
            /// Access tokens.
            access: TokenKey => AccessToken;
            /// When the last event was recorded: what ended long enough before has left.
            folded_at: () => Timestamp;
        }
        index {
            /// The number of a set.
            by_content: Arc<ScopeSet> => ScopeSetId, from scope_sets |id, row| [(Arc::clone(row), *id)];
            /// Families of an application.
            of_client: (ClientApplicationId, FamilyId) => (), from families |id, row| [((row.client, *id), ())];
            /// Families of a grant.
            of_grant: (GrantId, FamilyId) => (), from families |id, row| [((row.grant, *id), ())];
            /// Codes in the order in which they leave.
            codes_by_end: (Timestamp, TokenKey) => (), from codes |key, row| [((row.expires_at, *key), ())];
            /// Families in the order in which they leave.
            families_by_end: (Timestamp, FamilyId) => (), from families |id, row| row.ends_at().map(|end| ((end, *id), ()));
            /// Access tokens in the order in which they leave.
            access_by_end: (Timestamp, TokenKey) => (), from access |key, row| [((row.expires_at, *key), ())];
        }
    }
}

/// Access tokens that a layer took away because they are long over, and that are not gone from its base yet.
#[derive(Debug, Default)]
pub struct Retired(BTreeSet<(Timestamp, TokenKey)>);

impl Retired {
    /// Whether there are none left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TokensChanges {
    /// Takes the removal of tokens that are long over out of these changes, when they are more than `most`: readers would have
    /// to wait while all of them go at once. For a reader it makes no difference when they go, because time is over for them.
    pub(crate) fn take_retired(&mut self, most: usize) -> Retired {
        let now = self.folded_at.put_under(&()).copied();
        let Some(now) = now.filter(|_| self.access_by_end.removed_count() > most) else {
            return Retired::default();
        };
        let end = Timestamp(now.saturating_add_micros(-REMEMBERED_MICROS).0.saturating_add(1));
        let retired = self.access_by_end.take_removed_below(&(end, TokenKey([0; 16])));
        for (_, key) in &retired {
            self.access.take_removed(key);
        }
        Retired(retired)
    }
}

impl Tokens<'static> {
    /// Removes up to `most` tokens that [`TokensChanges::take_retired`] left, the ones that ended first.
    pub(crate) fn drop_retired(&mut self, retired: &mut Retired, most: usize) {
        for _ in 0..most {
            let Some((end, key)) = retired.0.pop_first() else { return };
            self.access_by_end.remove(&(end, key));
            self.access.remove(&key);
        }
    }
}

impl Tokens<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        self.retire(header.recorded_at);
        match &envelope.event {
            Event::ScopeSetDefined(defined) => {
                let set =
                    Arc::new(ScopeSet { scopes: defined.scopes.clone(), audience: defined.audience.clone() });
                self.by_content.put(Arc::clone(&set), defined.id);
                self.scope_sets.put(defined.id, set);
                self.last_scope_set.put((), defined.id);
            }
            Event::AuthorizationCodeIssued(issued) => self.code_issued(header, issued),
            Event::AuthorizationCodeRedeemed(redeemed) => self.redeemed(header, redeemed),
            Event::AuthorizationCodeReplayDetected(replay) => {
                self.change_code(&replay.code, |code| code.replayed = true);
                self.end_family(replay.family);
            }
            Event::TokensIssued(issued) => self.begin(header, issued, true),
            Event::AccessTokenIssued(issued) => self.access_issued(header, issued),
            Event::RefreshTokenRotated(rotated) => self.rotated(header, rotated),
            Event::RefreshTokenReuseDetected(reuse) => self.end_family(reuse.family),
            Event::TokenFamilyRevoked(revoked) => self.end_family(revoked.family),
            Event::AccessTokenRevoked(revoked) => {
                let key = TokenKey::from(&revoked.access);
                let Some(row) = self.access.get(&key).copied() else { return };
                self.access_by_end.remove(&(row.expires_at, key));
                self.access.remove(&key);
            }
            Event::GrantRevoked(_) => {
                let grant = GrantId(header.stream.id);
                let all = (grant, FamilyId(0))..=(grant, FamilyId(u64::MAX));
                let families: Vec<FamilyId> = self.of_grant.range(all).map(|((_, id), ())| *id).collect();
                self.end_families(families);
            }
            Event::ClientApplicationSecretReset(_) | Event::ClientApplicationDeleted(_) => {
                let client = ClientApplicationId(header.stream.id);
                let all = (client, FamilyId(0))..=(client, FamilyId(u64::MAX));
                let families: Vec<FamilyId> = self.of_client.range(all).map(|((_, id), ())| *id).collect();
                self.end_families(families);
            }
            Event::ClientApplicationRegistered(_)
            | Event::ClientApplicationUpdated(_)
            | Event::ClientApplicationSecretRotated(_)
            | Event::ClientApplicationTransferred(_)
            | Event::GrantDenied(_)
            | Event::GrantAllowed(_)
            | facts!(ledger)
            | facts!(tenant)
            | facts!(role)
            | facts!(user)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(data_source)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting)
            | facts!(ip_whitelist) => {}
        }
    }

    /// Takes away what ended long enough before `now`. What ended before the last event did so has left already.
    fn retire(&mut self, now: Timestamp) {
        let last = self.folded_at.get(&()).copied();
        if last == Some(now) {
            return;
        }
        let due = |kept: i64| {
            let from = last.map_or(Timestamp(i64::MIN), |last| last.saturating_add_micros(-kept));
            (from, now.saturating_add_micros(-kept))
        };
        let (from, to) = due(CODE_REMEMBERED_MICROS);
        let all = (from, TokenKey([0; 16]))..=(to, TokenKey([u8::MAX; 16]));
        let codes: Vec<_> = self.codes_by_end.range(all).map(|(key, ())| *key).collect();
        for (end, key) in codes {
            self.codes_by_end.remove(&(end, key));
            self.codes.remove(&key);
        }
        let (from, to) = due(REMEMBERED_MICROS);
        let all = (from, TokenKey([0; 16]))..=(to, TokenKey([u8::MAX; 16]));
        let access: Vec<_> = self.access_by_end.range(all).map(|(key, ())| *key).collect();
        for (end, key) in access {
            self.access_by_end.remove(&(end, key));
            self.access.remove(&key);
        }
        let all = (from, FamilyId(0))..=(to, FamilyId(u64::MAX));
        let families: Vec<FamilyId> = self.families_by_end.range(all).map(|((_, id), ())| *id).collect();
        self.end_families(families);
        self.folded_at.put((), now);
    }

    fn code_issued(&mut self, header: &Header, issued: &AuthorizationCodeIssued) {
        let key = TokenKey::from(&issued.code);
        self.codes_by_end.put((issued.expires_at, key), ());
        self.codes.put(
            key,
            Arc::new(Code {
                grant: GrantId(header.stream.id),
                sequence: header.sequence,
                redirect_uri: issued.redirect_uri.clone(),
                challenge: issued.challenge,
                scope_set: issued.scope_set,
                expires_at: issued.expires_at,
                redeemed: None,
                replayed: false,
            }),
        );
    }

    fn change_code(&mut self, code: &TokenHash, how: impl FnOnce(&mut Code)) {
        let key = TokenKey::from(code);
        let Some(before) = self.codes.get(&key) else { return };
        let mut after = Code::clone(before);
        how(&mut after);
        self.codes.put(key, Arc::new(after));
    }

    fn redeemed(&mut self, header: &Header, redeemed: &AuthorizationCodeRedeemed) {
        self.change_code(&redeemed.code, |code| code.redeemed = Some(redeemed.family));
        let tokens = TokensIssued {
            client: redeemed.client,
            family: redeemed.family,
            scope_set: redeemed.scope_set,
            access: redeemed.access,
            refresh: redeemed.refresh,
            refresh_until: redeemed.refresh_until,
        };
        self.begin(header, &tokens, false);
        // The first access token may be for less than what was consented to, and then the family is still good for all of it
        // (RFC 8707 section 2.2).
        let granted = self.codes.get(&TokenKey::from(&redeemed.code)).map(|code| code.scope_set);
        if let Some(scope_set) = granted {
            self.change_family(redeemed.family, |family| family.scope_set = scope_set);
        }
    }

    fn begin(&mut self, header: &Header, issued: &TokensIssued, by_password: bool) {
        let family = Family {
            grant: GrantId(header.stream.id),
            client: issued.client,
            scope_set: issued.scope_set,
            generation: 0,
            refresh: issued.refresh,
            previous: None,
            created_at: header.recorded_at,
            sequence: header.sequence,
            by_password,
            refresh_until: issued.refresh_until,
            access_until: issued.access.expires_at,
        };
        self.of_client.put((family.client, issued.family), ());
        self.of_grant.put((family.grant, issued.family), ());
        if let Some(end) = family.ends_at() {
            self.families_by_end.put((end, issued.family), ());
        }
        self.families.put(issued.family, family);
        self.put_access(header, Subject::Family(issued.family), issued.scope_set, issued.access);
    }

    fn access_issued(&mut self, header: &Header, issued: &AccessTokenIssued) {
        let subject = match (issued.family, issued.run_as) {
            (Some(family), _) => {
                self.change_family(family, |row| {
                    // It was used, so its predecessor's answer is not given again.
                    row.previous = None;
                    row.refresh_until = issued.refresh_until;
                    row.access_until = row.access_until.max(issued.access.expires_at);
                });
                Subject::Family(family)
            }
            (None, Some(user)) => Subject::RunAs(ClientApplicationId(header.stream.id), user),
            (None, None) => Subject::Client(ClientApplicationId(header.stream.id)),
        };
        self.put_access(header, subject, issued.scope_set, issued.access);
    }

    fn rotated(&mut self, header: &Header, rotated: &RefreshTokenRotated) {
        self.change_family(rotated.family, |row| {
            row.previous = row.refresh.map(|refresh| {
                Box::new(Previous {
                    refresh,
                    access: rotated.access.hash,
                    scope_set: rotated.scope_set,
                    epoch: rotated.epoch,
                    rotated_at: header.recorded_at,
                })
            });
            row.generation = rotated.generation;
            row.refresh = Some(rotated.refresh);
            row.refresh_until = rotated.refresh_until;
            row.access_until = row.access_until.max(rotated.access.expires_at);
        });
        self.put_access(header, Subject::Family(rotated.family), rotated.scope_set, rotated.access);
    }

    fn put_access(
        &mut self,
        header: &Header,
        subject: Subject,
        scope_set: ScopeSetId,
        issued: IssuedAccessToken,
    ) {
        let key = TokenKey::from(&issued.hash);
        let row = AccessToken {
            subject,
            sequence: header.sequence,
            expires_at: issued.expires_at,
            scope_set,
            issued_secs: u32::try_from(header.recorded_at.0.div_euclid(Timestamp::SECOND).max(0))
                .unwrap_or(u32::MAX),
        };
        self.access_by_end.put((issued.expires_at, key), ());
        self.access.put(key, row);
    }

    fn change_family(&mut self, id: FamilyId, how: impl FnOnce(&mut Family)) {
        let Some(mut row) = self.families.get(&id).cloned() else { return };
        let before = row.ends_at();
        how(&mut row);
        let after = row.ends_at();
        if before != after {
            if let Some(end) = before {
                self.families_by_end.remove(&(end, id));
            }
            if let Some(end) = after {
                self.families_by_end.put((end, id), ());
            }
        }
        self.families.put(id, row);
    }

    fn end_families(&mut self, ids: Vec<FamilyId>) {
        for id in ids {
            self.end_family(id);
        }
    }

    fn end_family(&mut self, id: FamilyId) {
        let Some(row) = self.families.get(&id).cloned() else { return };
        self.of_client.remove(&(row.client, id));
        self.of_grant.remove(&(row.grant, id));
        if let Some(end) = row.ends_at() {
            self.families_by_end.remove(&(end, id));
        }
        self.families.remove(&id);
    }

    /// The families of a grant, in the order of their ids.
    pub fn families_of(&self, grant: GrantId) -> impl Iterator<Item = FamilyId> + '_ {
        let all = (grant, FamilyId(0))..=(grant, FamilyId(u64::MAX));
        self.of_grant.range(all).map(|((_, id), ())| *id)
    }

    /// The number that the next set gets.
    pub fn next_scope_set(&self) -> ScopeSetId {
        ScopeSetId(self.last_scope_set.get(&()).map_or(0, |last| last.0) + 1)
    }
}

#[cfg(test)]
mod tests;
