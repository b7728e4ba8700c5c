//! Which tokens, families and codes live (TOKENS section 5). The one place that knows: introspection, bearer authentication,
//! refresh and revocation ask here.
//!
//! A token carries what it hangs on and the sequence of its issue. It lives when all of that is there, nothing of it ended
//! after that sequence, and its time is not over. So one event ends any number of tokens, and the next look sees it.

use std::sync::Arc;

use events::{
    id::{ClientApplicationId, FamilyId, SYSTEM_TENANT, ScopeSetId, Sequence, TenantId, UserId},
    time::Timestamp,
    token::TokenHash,
    user::UserStatus,
};
use projections::{
    State,
    client_applications::ClientApplication,
    grants::Grant,
    tokens::{AccessToken, Code, Family, ScopeSet, Subject, TokenKey},
    users::User,
};

/// An access token that is accepted at this moment.
#[derive(Clone, Debug)]
pub struct LiveAccess {
    /// By which it is known.
    pub key: TokenKey,
    /// To whom it was issued.
    pub client: ClientApplicationId,
    /// Whose rights it has; none: the application's own.
    pub user: Option<UserId>,
    /// What it is good for, and where.
    pub set: Arc<ScopeSet>,
    /// Its row.
    pub row: AccessToken,
}

/// A family whose refresh token, or what came of it, is accepted at this moment.
#[derive(Clone, Debug)]
pub struct LiveFamily {
    /// Its row.
    pub row: Family,
    /// Whose consent it goes back to.
    pub grant: Arc<Grant>,
}

/// The access token of that hash, when it lives at `now`.
pub fn live_access(state: &State<'_>, hash: &TokenHash, now: Timestamp) -> Option<LiveAccess> {
    let key = TokenKey::from(hash);
    let row = *state.tokens.access.get(&key)?;
    (now < row.expires_at).then(|| standing(state, key, row)).flatten()
}

/// The access token of that key, when nothing but its time can have ended it: what was asked with it before its end may still be
/// decided a moment after.
pub fn standing_access(state: &State<'_>, key: TokenKey) -> Option<LiveAccess> {
    standing(state, key, *state.tokens.access.get(&key)?)
}

fn standing(state: &State<'_>, key: TokenKey, row: AccessToken) -> Option<LiveAccess> {
    let token = unended(state, key, row)?;
    let stands = match row.subject {
        Subject::Family(_) => token.user.is_some_and(|user| is_active(state, user)),
        Subject::Client(_) => true,
        Subject::RunAs(client, user) => is_active(state, user) && runs_as(state, client, user),
    };
    stands.then_some(token)
}

/// The access token of that hash, when neither time nor anything else has ended it for good; whether it is accepted at `now`,
/// [`live_access`] says. What is revoked while its user is inactive stays so when he is active again.
pub fn unended_access(state: &State<'_>, hash: &TokenHash, now: Timestamp) -> Option<LiveAccess> {
    let key = TokenKey::from(hash);
    let row = *state.tokens.access.get(&key)?;
    (now < row.expires_at).then(|| unended(state, key, row)).flatten()
}

fn unended(state: &State<'_>, key: TokenKey, row: AccessToken) -> Option<LiveAccess> {
    let (client, user) = match row.subject {
        Subject::Family(id) => {
            // A number may have been drawn again since: a later family has none of an earlier one's tokens.
            let living = unended_family(state, id).filter(|living| living.row.sequence <= row.sequence);
            let LiveFamily { row: family, grant } = living?;
            (family.client, Some(grant.user))
        }
        Subject::Client(client) => {
            living_client(state, client, row.sequence)?;
            (client, None)
        }
        Subject::RunAs(client, user) => {
            living_client(state, client, row.sequence)?;
            user_since(state, user, row.sequence)?;
            (client, Some(user))
        }
    };
    Some(LiveAccess { key, client, user, set: scope_set(state, row.scope_set)?, row })
}

/// The family of that id, when it is accepted at this moment. Whether its refresh token is over by time,
/// [`refresh_ends`] says.
pub fn live_family(state: &State<'_>, id: FamilyId) -> Option<LiveFamily> {
    unended_family(state, id).filter(|living| is_active(state, living.grant.user))
}

/// The family of that id, when nothing ended it for good. Its user may be inactive, and then active again: that it was stolen, or
/// revoked, meanwhile is no less so.
pub fn unended_family(state: &State<'_>, id: FamilyId) -> Option<LiveFamily> {
    let row = state.tokens.families.get(&id)?;
    let grant = state.grants.rows.get(&row.grant)?;
    living_client(state, row.client, row.sequence)?;
    let user = user_since(state, grant.user, row.sequence)?;
    // What was given for a password is as good as the password.
    let ended = user.password_tokens_ended.filter(|_| row.by_password);
    let lives = ended.is_none_or(|ended| ended < row.sequence);
    lives.then(|| LiveFamily { row: row.clone(), grant: Arc::clone(grant) })
}

/// When the refresh token of a family is over by time; `None`: only when somebody ends it. By what was said when it was last
/// used, and by how old its application lets a family become now.
pub fn refresh_ends(state: &State<'_>, family: &Family) -> Option<Timestamp> {
    let policy = state.client_applications.rows.get(&family.client).map(|row| &row.policy);
    let oldest = policy.and_then(|policy| policy.refresh_token_absolute_secs);
    let absolute = oldest.map(|secs| family.created_at.saturating_add_secs(i64::from(secs)));
    family.refresh_until.into_iter().chain(absolute).min()
}

/// The code of that hash, spent or not, when what it hangs on has not ended for good. Whether its time is over, its row says;
/// whether its user is active, [`is_active`].
pub fn unended_code(state: &State<'_>, hash: &TokenHash) -> Option<(Arc<Code>, Arc<Grant>)> {
    let code = state.tokens.codes.get(&TokenKey::from(hash))?;
    let grant = state.grants.rows.get(&code.grant)?;
    living_client(state, grant.client, code.sequence)?;
    user_since(state, grant.user, code.sequence)?;
    Some((Arc::clone(code), Arc::clone(grant)))
}

/// What tokens of that number are good for.
pub fn scope_set(state: &State<'_>, id: ScopeSetId) -> Option<Arc<ScopeSet>> {
    state.tokens.scope_sets.get(&id).cloned()
}

/// The application, when no reset ended what was issued at `since`.
fn living_client<'a>(
    state: &'a State<'_>,
    id: ClientApplicationId,
    since: Sequence,
) -> Option<&'a Arc<ClientApplication>> {
    let row = state.client_applications.rows.get(&id)?;
    row.ended.is_none_or(|ended| ended < since).then_some(row)
}

/// The user, when no reset of his password ended what was issued at `since`. That he is locked, or his password expired, does not
/// matter: else three wrong passwords would switch off anybody's integrations.
fn user_since<'a>(state: &'a State<'_>, id: UserId, since: Sequence) -> Option<&'a Arc<User>> {
    let row = state.users.rows.get(&id)?;
    row.tokens_ended.is_none_or(|ended| ended < since).then_some(row)
}

/// Whether a user is there and active: nothing of his is accepted while he is not.
pub fn is_active(state: &State<'_>, id: UserId) -> bool {
    state.users.rows.get(&id).is_some_and(|row| row.status == UserStatus::Active)
}

/// Whether an application still has this user's rights of its own. Who moved to another tenant is no user of its any more.
fn runs_as(state: &State<'_>, client: ClientApplicationId, user: UserId) -> bool {
    let user_row = state.users.rows.get(&user);
    state.client_applications.rows.get(&client).zip(user_row).is_some_and(|(application, row)| {
        application.policy.run_as == Some(user) && may_use(application, row.tenant)
    })
}

/// Whether users of a tenant may use this application: their own tenant's, and everybody the system tenant's (TOKENS section 3).
pub fn may_use(application: &ClientApplication, tenant: TenantId) -> bool {
    application.tenant == tenant || application.tenant == SYSTEM_TENANT
}
