//! A user's password for tokens (RFC 6749 section 4.3; hdp-api 9.26). RFC 9700 forbids it, so it is off unless the server's
//! settings and the application's registration both allow it. The settings are the edge's to look at.

use events::{
    client_application::{ClientPolicy, ClientType, GrantType},
    envelope::StreamKind,
    grant::{ConsentBy, GrantAllowed},
    id::{FamilyId, GrantId, UserId},
    sealed::Sealed,
    time::Timestamp,
    token::{TokenHash, TokensIssued},
    user::{PasswordStatus, UserStatus},
};
use projections::users::User;

use super::{Asked, ClientProof, issued, may_go, of_grant, proven, refresh_until, room_for_one_more};
use crate::commands::{
    Cause, Decision, Fact, OAuthRefusal, Refusal, View, grant::may_use, scope_set::numbered,
};

/// A client presents a user's password, which the edge has judged.
#[derive(Clone, Debug)]
pub struct IssueByPassword {
    /// Which.
    pub proof: ClientProof,
    /// Whose.
    pub user: UserId,
    /// The hash that the password was compared with: another may have been set since.
    pub password: Sealed,
    /// For what.
    pub asked: Asked,
    /// Drawn for what comes of it.
    pub family: FamilyId,
    /// The access token.
    pub access: TokenHash,
    /// The secret part of the refresh token, which is issued when the application may use it.
    pub refresh: TokenHash,
}

/// Whether an application may take passwords at `now`: it is registered for it, confidential, and its time is not over.
pub fn may_take_passwords(policy: &ClientPolicy, now: Timestamp) -> bool {
    policy.grant_types.has(&GrantType::Password)
        && policy.client_type == ClientType::Confidential
        && policy.password_until.is_some_and(|until| now < until)
}

/// Records `TokensIssued`; before it `GrantAllowed` when he has not allowed the application that much before.
pub(in crate::commands) fn issue(
    view: &View<'_>,
    cause: &Cause,
    wish: &IssueByPassword,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let client = proven(state, cause, &wish.proof, now)?;
    may_go(client, GrantType::Password)?;
    let policy = &client.policy;
    if !may_take_passwords(policy, now) {
        return Err(OAuthRefusal::UnauthorizedClient.into());
    }
    let user = state.users.rows.get(&wish.user);
    let user = user.filter(|row| may_use(client, row.tenant) && still_good(row, &wish.password, now));
    let user = user.ok_or(OAuthRefusal::InvalidGrant)?;
    let set = wish.asked.fresh(&policy.scopes)?;
    if state.tokens.families.has(&wish.family) {
        return Err(Refusal::Again);
    }
    let grant = state.grants.between(wish.user, wish.proof.client);
    let before = grant.map(|(_, row)| row.scopes.clone()).unwrap_or_default();
    let stream = of_grant(grant.map_or_else(|| GrantId(state.log.next_id(StreamKind::GRANT)), |(id, _)| id));
    let (scope_set, defined) = numbered(state, &set);
    let mut facts: Vec<Fact> = defined.into_iter().collect();
    if grant.is_none() || set.scopes.iter().any(|scope| !before.has(scope)) {
        let allowed = GrantAllowed {
            client: wish.proof.client,
            user: wish.user,
            scopes: before.iter().chain(set.scopes.iter()).copied().collect(),
            by: ConsentBy::Password,
        };
        facts.push(Fact::new(user.tenant, stream, allowed));
    }
    let refresh = policy.grant_types.has(&GrantType::RefreshToken).then_some(wish.refresh);
    let tokens = TokensIssued {
        client: wish.proof.client,
        family: wish.family,
        scope_set,
        access: issued(state, policy, wish.access, now),
        refresh,
        refresh_until: refresh.and_then(|_| refresh_until(policy, now, now)),
    };
    facts.extend(grant.and_then(|(id, _)| room_for_one_more(state, user.tenant, id)));
    facts.push(Fact::new(user.tenant, stream, tokens));
    Ok(Decision { facts, ..Decision::default() })
}

/// Whether the password that was compared would still let him in.
fn still_good(row: &User, compared: &Sealed, now: Timestamp) -> bool {
    let password = row.password.as_ref();
    row.status == UserStatus::Active
        && row.lock.is_none_or(|lock| lock.until <= now)
        && password.is_some_and(|password| {
            password.hash == *compared
                && password.status == PasswordStatus::Active
                && password.expires_at.is_none_or(|until| now < until)
        })
}
