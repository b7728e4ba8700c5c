//! Client applications, which ask us for tokens (hdp-api section 5, TOKENS section 3).
//!
//! Any active user registers some; they are his. Who administers his tenant's with 28 sees them and says what they may ask for;
//! where codes are sent, and the secret, stay the owner's. 12 may do all of that.

pub mod policy;
pub mod secret;

use std::sync::Arc;

use events::{
    client_application::{
        ClientApplicationDeleted, ClientApplicationRegistered, ClientApplicationUpdated, ClientPolicy,
        ClientSecret, ClientType, GrantType,
    },
    envelope::{Actor, Stream, StreamKind},
    id::{ClientApplicationId, Sequence, TenantId, UserId},
    sealed::Sealed,
    time::Timestamp,
};
use projections::{State, client_applications::ClientApplication};

use self::policy::{PolicySaid, decided, default_policy};
use super::{
    Cause, Decision, Fact, NewKey, Object, Refusal, Taken, View, acting,
    field::{ClientApplicationName, ClientId},
    sealed_under, unchanged_since,
};
use crate::{
    auth::{permission::OAUTH, principal::Principal},
    oauth::redirect::RedirectUrl,
};

/// Most redirect URLs of one application, so that its event fits.
pub const REDIRECT_URLS_MAX: usize = 20;

/// The properties that a registration and a PUT share.
#[derive(Clone, Debug)]
pub struct Properties {
    /// Unique among the owner's.
    pub name: ClientApplicationName,
    /// Where codes may be sent.
    pub redirect_urls: Vec<RedirectUrl>,
    /// What HDP does not have.
    pub policy: PolicySaid,
}

/// A new application of the caller's.
#[derive(Clone, Debug)]
pub struct RegisterClientApplication {
    /// What is in the clear.
    pub properties: Properties,
    /// Its id at our endpoints.
    pub client_id: ClientId,
    /// Whether id or secret come from another system, which takes 12.
    pub imported: bool,
    /// The application's key.
    pub key: NewKey,
    /// Free text under that key.
    pub description: Option<Sealed>,
    /// `None` for a public application.
    pub secret: Option<ClientSecret>,
}

/// An application replaced by a PUT.
#[derive(Clone, Debug)]
pub struct UpdateClientApplication {
    /// Which.
    pub id: ClientApplicationId,
    /// From `If-Match`: the event that last changed it must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// What is in the clear.
    pub properties: Properties,
    /// When given, must be the stored one.
    pub owner: Option<UserId>,
    /// Free text under the application's key; `None` clears it.
    pub description: Option<Sealed>,
}

/// An application deleted.
#[derive(Clone, Debug)]
pub struct DeleteClientApplication {
    /// Which.
    pub id: ClientApplicationId,
    /// As in [`UpdateClientApplication`].
    pub expected: Option<Vec<Sequence>>,
}

/// Who a wish about his own comes from: nobody's tokens, and nobody in another's name.
fn in_own_name(view: &View<'_>, cause: &Cause) -> Result<Principal, Refusal> {
    let Actor::User(_) = cause.actor else { return Err(Refusal::LacksPermission) };
    if cause.on_behalf_of.is_some() {
        Err(Refusal::LacksPermission)
    } else {
        acting(&view.state, cause.actor, None, &[])
    }
}

/// The application, when this caller may see it: its owner, 28 with administrative access on the owner's tenant, or 12. Otherwise
/// it is one that does not exist.
pub fn seen<'a>(
    view: &'a View<'_>,
    principal: &Principal,
    id: ClientApplicationId,
) -> Result<&'a Arc<ClientApplication>, Refusal> {
    let row = view.state.client_applications.rows.get(&id);
    row.filter(|row| may_see(principal, row)).ok_or(Refusal::NotFound(Object::ClientApplication(id)))
}

/// Whether this caller may see it.
pub fn may_see(principal: &Principal, row: &ClientApplication) -> bool {
    has_secret_of(principal, row) || administers(principal, row.tenant)
}

/// Whether this caller sees what other users of `tenant` registered.
pub fn administers(principal: &Principal, tenant: TenantId) -> bool {
    principal.may(OAUTH) && principal.administers(tenant)
}

/// Whether its secret is this caller's to see and to replace: its owner's, or of who holds 12.
pub fn has_secret_of(principal: &Principal, row: &ClientApplication) -> bool {
    row.owner == principal.user || principal.is_administrator()
}

pub(super) fn register(
    view: &View<'_>,
    cause: &Cause,
    wish: &RegisterClientApplication,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = in_own_name(view, cause)?;
    if wish.imported && !principal.is_administrator() {
        return Err(Refusal::Forbidden);
    }
    let client_type = wish.properties.policy.client_type.unwrap_or(ClientType::Confidential);
    let default = default_policy(client_type);
    let policy = decided(state, &principal, principal.tenant, &default, &wish.properties.policy, now)?;
    goes_somewhere(&policy, &wish.properties.redirect_urls)?;
    let is_public = client_type == ClientType::Public;
    if is_public != wish.secret.is_none() {
        return Err(Refusal::invalid("clientSecret", "a public application has none"));
    }
    let secret = wish.secret.iter().filter_map(|secret| secret.sealed.as_ref());
    sealed_under(wish.key.id, wish.description.iter().chain(secret))?;
    name_is_free(state, principal.user, wish.properties.name.as_str(), None)?;
    if state.client_applications.by_client_id.has(&wish.client_id.as_str().to_owned()) {
        // One that was drawn here is drawn again.
        return Err(if wish.imported { Refusal::Taken(Taken::ClientId) } else { Refusal::Again });
    }
    let id = ClientApplicationId(state.log.next_id(StreamKind::CLIENT_APPLICATION));
    let registered = ClientApplicationRegistered {
        owner: principal.user,
        name: wish.properties.name.clone().into(),
        description: wish.description.clone(),
        redirect_urls: as_sent(&wish.properties.redirect_urls),
        client_id: wish.client_id.clone().into(),
        key_id: wish.key.id,
        secret: wish.secret.clone(),
        policy,
    };
    Ok(Decision {
        facts: vec![Fact::new(principal.tenant, stream(id), registered)],
        keys: wish.key.entries.clone(),
        ..Decision::default()
    })
}

/// Always records an event, as for what we hold towards providers.
pub(super) fn update(
    view: &View<'_>,
    cause: &Cause,
    wish: &UpdateClientApplication,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = in_own_name(view, cause)?;
    let row = seen(view, &principal, wish.id)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let redirect_urls = as_sent(&wish.properties.redirect_urls);
    // Who says where codes go could be sent those of everybody who allowed the application.
    if redirect_urls != row.redirect_urls && !has_secret_of(&principal, row) {
        return Err(Refusal::Forbidden);
    }
    if wish.owner.is_some_and(|owner| owner != row.owner) {
        return Err(Refusal::invalid("owner", "an application keeps its owner; leave it out or repeat it"));
    }
    let policy = decided(state, &principal, row.tenant, &row.policy, &wish.properties.policy, now)?;
    goes_somewhere(&policy, &wish.properties.redirect_urls)?;
    sealed_under(row.key_id, &wish.description)?;
    name_is_free(state, row.owner, wish.properties.name.as_str(), Some(wish.id))?;
    let updated = ClientApplicationUpdated {
        name: wish.properties.name.clone().into(),
        description: wish.description.clone(),
        redirect_urls,
        policy,
    };
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream(wish.id), updated)], ..Decision::default() })
}

/// Everything that was granted to it ends with it.
pub(super) fn delete(
    view: &View<'_>,
    cause: &Cause,
    wish: &DeleteClientApplication,
) -> Result<Decision, Refusal> {
    let principal = in_own_name(view, cause)?;
    let row = seen(view, &principal, wish.id)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    Ok(Decision { facts: vec![ended(wish.id, row)], ..Decision::default() })
}

/// Whether an answer about this application may be given again; about one that is gone it may.
pub(super) fn may_repeat(view: &View<'_>, cause: &Cause, id: ClientApplicationId) -> Result<(), Refusal> {
    let principal = in_own_name(view, cause)?;
    let is_there = view.state.client_applications.rows.has(&id);
    if is_there { seen(view, &principal, id).map(drop) } else { Ok(()) }
}

/// That an application is deleted.
pub(super) fn ended(id: ClientApplicationId, row: &ClientApplication) -> Fact {
    Fact::new(row.tenant, stream(id), ClientApplicationDeleted {})
}

pub(super) fn stream(id: ClientApplicationId) -> Stream {
    Stream::new(StreamKind::CLIENT_APPLICATION, id.0)
}

fn as_sent(urls: &[RedirectUrl]) -> Vec<String> {
    urls.iter().map(|url| url.as_sent().to_owned()).collect()
}

/// An application that gets codes says where.
fn goes_somewhere(policy: &ClientPolicy, urls: &[RedirectUrl]) -> Result<(), Refusal> {
    if policy.grant_types.has(&GrantType::AuthorizationCode) && urls.is_empty() {
        return Err(Refusal::invalid(
            "redirectUrls",
            "name at least one, where authorization codes are sent",
        ));
    }
    Ok(())
}

pub(super) fn name_is_free(
    state: &State<'_>,
    owner: UserId,
    name: &str,
    own: Option<ClientApplicationId>,
) -> Result<(), Refusal> {
    match state.client_applications.by_name.get(&(owner, name.to_owned())) {
        Some(holder) if own != Some(*holder) => Err(Refusal::Taken(Taken::ClientApplicationName)),
        _ => Ok(()),
    }
}
