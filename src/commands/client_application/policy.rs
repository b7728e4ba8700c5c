//! What a client application may ask for, and what it gets: the properties that HDP does not have (TOKENS section 3).

use events::{
    client_application::{ClientPolicy, ClientType, GrantType, Pkce, RefreshRotation},
    id::{TenantId, UserId},
    scope::Scope,
    sorted::SortedVec,
    time::Timestamp,
};
use projections::State;

use crate::{
    auth::{permission::OAUTH, principal::Principal},
    commands::{Object, Refusal, field::EndpointUri},
};

/// For how long the predecessor of a refresh token gets the same answer again, in seconds, when nothing else is said.
pub const REFRESH_RETRY_SECS: u32 = 60;
/// The same at most.
pub const REFRESH_RETRY_SECS_MAX: u32 = 600;
/// The shortest lifetime that a token can be given, in seconds.
pub const LIFETIME_SECS_MIN: u32 = 60;
/// The longest lifetime of an access token, in seconds: that of the system's limit.
pub const ACCESS_LIFETIME_SECS_MAX: u32 = 24 * 60 * 60;
/// The longest lifetime of a refresh token that ends by itself, in seconds.
pub const REFRESH_LIFETIME_SECS_MAX: u32 = 10 * 366 * 24 * 60 * 60;
/// How far ahead the end of the password grant may be, in seconds (hdp-api 9.26).
const PASSWORD_SECS_MAX: i64 = 366 * 24 * 60 * 60;

/// What a body says of a property that HDP does not have. Who knows nothing of it leaves it out, and then it stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Said<T> {
    /// Nothing.
    #[default]
    LeftOut,
    /// `null`: as it is when nothing was ever said.
    Null,
    /// A value.
    Value(T),
}

impl<T> Said<T> {
    /// The same of what `make` makes of the value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Said<U> {
        match self {
            Self::LeftOut => Said::LeftOut,
            Self::Null => Said::Null,
            Self::Value(value) => Said::Value(make(value)),
        }
    }
}

impl<T: Clone> Said<T> {
    fn or(&self, before: &T, when_null: T) -> T {
        match self {
            Self::LeftOut => before.clone(),
            Self::Null => when_null,
            Self::Value(value) => value.clone(),
        }
    }

    fn or_none(&self, before: Option<&T>) -> Option<T> {
        match self {
            Self::LeftOut => before.cloned(),
            Self::Null => None,
            Self::Value(value) => Some(value.clone()),
        }
    }
}

/// What a body says of the policy.
#[derive(Clone, Debug, Default)]
pub struct PolicySaid {
    /// Whether it can keep a secret.
    pub client_type: Option<ClientType>,
    /// Ways to tokens.
    pub grant_types: Said<SortedVec<GrantType>>,
    /// Scopes that it may ask for.
    pub scopes: Said<SortedVec<Scope>>,
    /// Whether it must send a challenge.
    pub pkce: Said<Pkce>,
    /// What becomes of a used refresh token.
    pub refresh_rotation: Said<RefreshRotation>,
    /// Seconds.
    pub refresh_retry_secs: Said<u32>,
    /// Seconds.
    pub access_token_lifetime_secs: Said<u32>,
    /// Seconds.
    pub refresh_token_idle_secs: Said<u32>,
    /// Seconds.
    pub refresh_token_absolute_secs: Said<u32>,
    /// The resource that it is.
    pub resource_server: Said<EndpointUri>,
    /// Whose rights its own tokens have.
    pub run_as: Said<UserId>,
    /// Until when it may take users' passwords.
    pub password_until: Said<Timestamp>,
}

/// What an application gets that is registered with HDP's properties alone, or with its type beside them.
pub fn default_policy(client_type: ClientType) -> ClientPolicy {
    let (pkce, refresh_rotation) = match client_type {
        ClientType::Confidential => (Pkce::Optional, RefreshRotation::Never),
        ClientType::Public => (Pkce::Required, RefreshRotation::Always),
    };
    ClientPolicy {
        client_type,
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into_iter().collect(),
        scopes: [Scope::OData].into_iter().collect(),
        pkce,
        refresh_rotation,
        refresh_retry_secs: REFRESH_RETRY_SECS,
        access_token_lifetime_secs: None,
        refresh_token_idle_secs: None,
        refresh_token_absolute_secs: None,
        resource_server: None,
        run_as: None,
        password_until: None,
    }
}

/// The policy after what a body says of it, when it holds together and `principal` may give it to an application of `owner_in`.
pub(super) fn decided(
    state: &State<'_>,
    principal: &Principal,
    owner_in: TenantId,
    before: &ClientPolicy,
    said: &PolicySaid,
    now: Timestamp,
) -> Result<ClientPolicy, Refusal> {
    if said.client_type.is_some_and(|sent| sent != before.client_type) {
        return Err(Refusal::invalid("type", "an application keeps its type; leave it out or repeat it"));
    }
    let after = said_of(before, said);
    may_give(principal, owner_in, before, &after)?;
    holds_together(&after)?;
    password_ends(before, said, &after, now)?;
    if let Some(user) = after.run_as
        && after.run_as != before.run_as
        && !state.users.rows.has(&user)
    {
        return Err(Refusal::UnknownReference(Object::User(user)));
    }
    Ok(after)
}

fn said_of(before: &ClientPolicy, said: &PolicySaid) -> ClientPolicy {
    let default = default_policy(before.client_type);
    let grant_types = said.grant_types.or(&before.grant_types, default.grant_types);
    // Who takes the password grant away need not say that its end goes with it.
    let kept = before.password_until.as_ref().filter(|_| grant_types.has(&GrantType::Password));
    let resource = before.resource_server.clone();
    ClientPolicy {
        client_type: before.client_type,
        scopes: said.scopes.or(&before.scopes, default.scopes),
        pkce: said.pkce.or(&before.pkce, default.pkce),
        refresh_rotation: said.refresh_rotation.or(&before.refresh_rotation, default.refresh_rotation),
        refresh_retry_secs: said
            .refresh_retry_secs
            .or(&before.refresh_retry_secs, default.refresh_retry_secs),
        access_token_lifetime_secs: said
            .access_token_lifetime_secs
            .or_none(before.access_token_lifetime_secs.as_ref()),
        refresh_token_idle_secs: said
            .refresh_token_idle_secs
            .or_none(before.refresh_token_idle_secs.as_ref()),
        refresh_token_absolute_secs: said
            .refresh_token_absolute_secs
            .or_none(before.refresh_token_absolute_secs.as_ref()),
        resource_server: match &said.resource_server {
            Said::LeftOut => resource,
            Said::Null => None,
            Said::Value(uri) => Some(uri.as_str().to_owned()),
        },
        run_as: said.run_as.or_none(before.run_as.as_ref()),
        password_until: said.password_until.or_none(kept),
        grant_types,
    }
}

/// Who may make more of an application than its owner alone can: 12, or 28 with administrative access on the owner's tenant.
/// Where an application has the rights of a user, only 12 gives it those, or any more to use them by: who reaches its secret would
/// have them too. To take away, and to repeat what is so, is everybody's who may change the application.
fn may_give(
    principal: &Principal,
    owner_in: TenantId,
    before: &ClientPolicy,
    after: &ClientPolicy,
) -> Result<(), Refusal> {
    if principal.is_administrator() {
        return Ok(());
    }
    let default = default_policy(before.client_type);
    let gives_rights = after.run_as.is_some() && after.run_as != before.run_as;
    let new_grants = after.grant_types.iter().any(|grant| {
        !before.grant_types.has(grant) && (after.run_as.is_some() || !default.grant_types.has(grant))
    });
    let new_scopes = after
        .scopes
        .iter()
        .any(|scope| !before.scopes.has(scope) && (after.run_as.is_some() || !default.scopes.has(scope)));
    let new = |before: bool, same: bool| before && !same;
    let gives_more = new_grants
        || new_scopes
        || new(after.resource_server.is_some(), after.resource_server == before.resource_server)
        || new(after.password_until.is_some(), after.password_until == before.password_until);
    let administers = principal.may(OAUTH) && principal.administers(owner_in);
    if gives_rights || (gives_more && (!administers || after.run_as.is_some())) {
        return Err(Refusal::Forbidden);
    }
    Ok(())
}

fn holds_together(policy: &ClientPolicy) -> Result<(), Refusal> {
    let grants = &policy.grant_types;
    if grants.is_empty() {
        return Err(Refusal::invalid("grantTypes", "name at least one"));
    }
    let for_users = grants.has(&GrantType::AuthorizationCode) || grants.has(&GrantType::Password);
    if for_users && policy.scopes.is_empty() {
        return Err(Refusal::invalid("scopes", "name at least one"));
    }
    if policy.client_type == ClientType::Confidential {
        return Ok(());
    }
    // All that rests on a secret, or replaces one.
    if grants.has(&GrantType::ClientCredentials) || grants.has(&GrantType::Password) {
        let problem = "a public application has no secret, and so uses authorization_code and refresh_token";
        return Err(Refusal::invalid("grantTypes", problem));
    }
    if policy.pkce != Pkce::Required {
        return Err(Refusal::invalid("pkce", "it is always required of a public application"));
    }
    if policy.refresh_rotation != RefreshRotation::Always {
        let problem = "refresh tokens of a public application are always rotated";
        return Err(Refusal::invalid("refreshRotation", problem));
    }
    if policy.resource_server.is_some() {
        return Err(Refusal::invalid("resourceServer", "a public application can't prove that it is one"));
    }
    if policy.run_as.is_some() {
        return Err(Refusal::invalid("runAs", "a public application has no tokens of its own"));
    }
    Ok(())
}

/// The password grant has an end, at most a year ahead when it is set (hdp-api 9.26).
fn password_ends(
    before: &ClientPolicy,
    said: &PolicySaid,
    after: &ClientPolicy,
    now: Timestamp,
) -> Result<(), Refusal> {
    let field = "passwordGrantUntil";
    let granted = after.grant_types.has(&GrantType::Password);
    match after.password_until {
        None if granted => Err(Refusal::invalid(field, "the grant type password needs an end")),
        Some(_) if !granted => Err(Refusal::invalid(field, "it goes with the grant type password only")),
        Some(until)
            if matches!(said.password_until, Said::Value(_)) && before.password_until != Some(until) =>
        {
            let good = until > now && until <= now.saturating_add_secs(PASSWORD_SECS_MAX);
            good.then_some(()).ok_or_else(|| Refusal::invalid(field, "name a time within a year from now"))
        }
        Some(_) | None => Ok(()),
    }
}
