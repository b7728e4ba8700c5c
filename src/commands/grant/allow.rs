//! A user lets a client application act for him, and it gets a code for that (RFC 6749 section 4.1.2).

use events::{
    envelope::{Stream, StreamKind},
    grant::{AuthenticationMethod, AuthorizationCodeIssued, ConsentBy, GrantAllowed},
    id::{ClientApplicationId, GrantId, Sequence},
    time::Timestamp,
    token::TokenHash,
};
use projections::tokens::ScopeSet;

use super::client_to_use;
use crate::{
    auth::principal::Principal,
    commands::{Cause, Decision, Fact, Refusal, View, acting, scope_set::numbered},
};

/// How long a code is good for, in seconds (SECURITY 11).
pub const CODE_SECS: i64 = 60;

/// A code, and the consent that it needs unless he has given it before.
#[derive(Clone, Debug)]
pub struct AllowAccess {
    /// To whom.
    pub client: ClientApplicationId,
    /// The event that last changed the application when the request was read against it.
    pub client_changed: Sequence,
    /// What he had allowed it then, and the event that last changed that.
    pub grant: Option<(GrantId, Sequence)>,
    /// Whether he says so now. Otherwise what he allowed before has to cover it.
    pub consents: bool,
    /// The code.
    pub code: TokenHash,
    /// The `redirect_uri` of the request, as sent.
    pub redirect_uri: Option<String>,
    /// What the code is bound to.
    pub challenge: Option<[u8; 32]>,
    /// What for, and where.
    pub set: ScopeSet,
    /// The last event before his password was judged: a password set since ends what began with that.
    pub seen: Sequence,
    /// When he logged in.
    pub authenticated_at: Timestamp,
    /// How.
    pub method: AuthenticationMethod,
}

pub(in crate::commands) fn allow(
    view: &View<'_>,
    cause: &Cause,
    wish: &AllowAccess,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let user = himself(view, cause, wish.seen)?;
    client_to_use(state, &user, wish.client, wish.client_changed)?;
    let grant = state.grants.between(user.user, wish.client);
    // A page showed what was new to him then; what is new now, he may not have seen.
    if grant.map(|(id, row)| (id, row.changed)) != wish.grant {
        return Err(Refusal::Again);
    }
    let before = grant.map(|(_, row)| row.scopes.clone()).unwrap_or_default();
    let widens = wish.set.scopes.iter().any(|scope| !before.has(scope));
    if widens && !wish.consents {
        return Err(Refusal::Forbidden);
    }
    let id = grant.map_or_else(|| GrantId(state.log.next_id(StreamKind::GRANT)), |(id, _)| id);
    let stream = Stream::new(StreamKind::GRANT, id.0);
    let (scope_set, defined) = numbered(state, &wish.set);
    let mut facts: Vec<Fact> = defined.into_iter().collect();
    if widens {
        let allowed = GrantAllowed {
            client: wish.client,
            user: user.user,
            scopes: before.iter().chain(wish.set.scopes.iter()).copied().collect(),
            by: ConsentBy::Page,
        };
        facts.push(Fact::new(user.tenant, stream, allowed));
    }
    let issued = AuthorizationCodeIssued {
        code: wish.code,
        redirect_uri: wish.redirect_uri.clone(),
        challenge: wish.challenge,
        scope_set,
        expires_at: now.saturating_add_secs(CODE_SECS),
        authenticated_at: wish.authenticated_at,
        method: wish.method,
    };
    facts.push(Fact::new(user.tenant, stream, issued));
    Ok(Decision { facts, ..Decision::default() })
}

/// The user who asks, when no password was set since he was known at `seen`: a code that comes after a reset would live on, and
/// with it all that a thief makes of it. Nobody consents for another, nor by a token.
pub(super) fn himself(view: &View<'_>, cause: &Cause, seen: Sequence) -> Result<Principal, Refusal> {
    let user = acting(&view.state, cause.actor, None, &[])?;
    if cause.on_behalf_of.is_some() {
        return Err(Refusal::LacksPermission);
    }
    let row = view.state.users.rows.get(&user.user).ok_or(Refusal::ActorGone)?;
    if row.ends_logins_after(seen) { Err(Refusal::ActorGone) } else { Ok(user) }
}
