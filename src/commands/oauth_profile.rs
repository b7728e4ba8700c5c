//! OAuth profiles (hdp-api section 3, brief page 004): a user's tokens at a provider, through one application.

use std::sync::Arc;

use events::{
    envelope::{COMMAND_EVENTS_MAX, Stream, StreamKind},
    id::{DataSourceId, OAuthAppId, OAuthProfileId, PermissionId, Sequence, UserId},
    oauth_profile::{OAuthProfileCreated, OAuthProfileDeleted, OAuthProfileUpdated},
    sealed::{Sealed, SecretChange},
};
use projections::{State, oauth_apps::OAuthApp, oauth_profiles::OAuthProfile};

use super::{
    Cause, Decision, Fact, NOT_BY_TOKEN, NewKey, Object, Refusal, Taken, View, acting, data_source,
    field::OAuthProfileName, sealed_under, unchanged_since,
};
use crate::auth::{
    permission::{CREATE_DATA_SOURCE, DELETE_DATA_SOURCE, MGMT_API, MODIFY_DATA_SOURCE, VIEW_DATA_SOURCE},
    principal::Principal,
};

/// What creating profiles and data sources needs (brief page 004).
pub const CREATE: [PermissionId; 2] = [MGMT_API, CREATE_DATA_SOURCE];
/// What reading them needs.
pub const VIEW: [PermissionId; 2] = [MGMT_API, VIEW_DATA_SOURCE];
/// What replacing them needs.
pub const MODIFY: [PermissionId; 2] = [MGMT_API, MODIFY_DATA_SOURCE];
/// What deleting them needs.
pub const DELETE: [PermissionId; 2] = [MGMT_API, DELETE_DATA_SOURCE];

/// A new profile.
#[derive(Clone, Debug)]
pub struct CreateOAuthProfile {
    /// Unique among the owner's.
    pub name: OAuthProfileName,
    /// Through which application the tokens were obtained.
    pub oauth_app: OAuthAppId,
    /// The profile's key.
    pub key: NewKey,
    /// Free text under that key.
    pub description: Option<Sealed>,
    /// Under that key.
    pub access_token: Option<Sealed>,
    /// Under that key.
    pub refresh_token: Sealed,
}

/// A profile replaced by a PUT.
#[derive(Clone, Debug)]
pub struct UpdateOAuthProfile {
    /// Which.
    pub id: OAuthProfileId,
    /// From `If-Match`: the event that last changed it must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// Unique among the owner's.
    pub name: OAuthProfileName,
    /// The same application, or another of the same data store.
    pub oauth_app: OAuthAppId,
    /// Free text under the profile's key; `None` clears it.
    pub description: Option<Sealed>,
    /// What becomes of the access token, under the profile's key.
    pub access_token: SecretChange,
    /// Under the profile's key; `None` keeps the one before.
    pub refresh_token: Option<Sealed>,
}

/// A profile deleted.
#[derive(Clone, Debug)]
pub struct DeleteOAuthProfile {
    /// Which.
    pub id: OAuthProfileId,
    /// As in [`UpdateOAuthProfile`].
    pub expected: Option<Vec<Sequence>>,
}

/// The caller's own profile, or that of the user he acts for; another's is one that does not exist (hdp-api 9.17).
pub fn owned<'a>(
    view: &'a View<'_>,
    principal: &Principal,
    id: OAuthProfileId,
) -> Result<&'a Arc<OAuthProfile>, Refusal> {
    let row = view.state.oauth_profiles.rows.get(&id).filter(|row| row.owner == principal.user);
    row.ok_or(Refusal::NotFound(Object::OAuthProfile(id)))
}

pub(super) fn create(view: &View<'_>, cause: &Cause, wish: &CreateOAuthProfile) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &CREATE)?;
    usable_app(state, &principal, wish.oauth_app)?;
    let sealed = wish.description.iter().chain(&wish.access_token).chain([&wish.refresh_token]);
    sealed_under(wish.key.id, sealed)?;
    name_is_free(state, principal.user, &wish.name, None)?;
    let id = OAuthProfileId(state.log.next_id(StreamKind::OAUTH_PROFILE));
    let created = OAuthProfileCreated {
        owner: principal.user,
        name: wish.name.clone().into(),
        oauth_app: wish.oauth_app,
        description: wish.description.clone(),
        access_token: wish.access_token.clone(),
        refresh_token: wish.refresh_token.clone(),
    };
    Ok(Decision {
        facts: vec![Fact::new(principal.tenant, stream(id), created)],
        keys: wish.key.entries.clone(),
        ..Decision::default()
    })
}

/// Always records an event, as for applications.
pub(super) fn update(view: &View<'_>, cause: &Cause, wish: &UpdateOAuthProfile) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &MODIFY)?;
    let row = owned(view, &principal, wish.id)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    if wish.oauth_app != row.oauth_app {
        // The tokens that stay would be sent to the other application's provider.
        let stays = wish.refresh_token.is_none() || wish.access_token == SecretChange::Kept;
        if principal.through_client && stays {
            return Err(Refusal::invalid("oauthAppId", NOT_BY_TOKEN));
        }
        let app = usable_app(state, &principal, wish.oauth_app)?;
        let before = state.oauth_apps.rows.get(&row.oauth_app);
        // Data sources that use the profile rely on its data store.
        if before.is_some_and(|before| before.data_store != app.data_store) {
            return Err(Refusal::invalid(
                "oauthAppId",
                "a profile stays with its data store; name an application of the same one",
            ));
        }
    }
    let sealed = wish.description.iter().chain(wish.access_token.replacement()).chain(&wish.refresh_token);
    sealed_under(row.key_id(), sealed)?;
    name_is_free(state, row.owner, &wish.name, Some(wish.id))?;
    let updated = OAuthProfileUpdated {
        name: wish.name.clone().into(),
        oauth_app: wish.oauth_app,
        description: wish.description.clone(),
        access_token: wish.access_token.clone(),
        refresh_token: wish.refresh_token.clone(),
    };
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream(wish.id), updated)], ..Decision::default() })
}

pub(super) fn delete(view: &View<'_>, cause: &Cause, wish: &DeleteOAuthProfile) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &DELETE)?;
    let row = owned(view, &principal, wish.id)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let mut facts = Vec::new();
    end(state, wish.id, row, &mut facts);
    Ok(Decision { facts: no_more_than_one_command(facts)?, ..Decision::default() })
}

/// The end of a profile: first the data sources that use it let go of it, so that no event leaves a reference to nothing.
pub(super) fn end(state: &State<'_>, id: OAuthProfileId, row: &OAuthProfile, facts: &mut Vec<Fact>) {
    for source in state.data_sources.of_profile(id, DataSourceId(0)) {
        if let Some(row) = state.data_sources.rows.get(&source) {
            facts.push(data_source::without_profile(source, row, id));
        }
    }
    facts.push(Fact::new(row.tenant, stream(id), OAuthProfileDeleted {}));
}

/// A cascade is one command or none (hdp-api 9.18).
pub(super) fn no_more_than_one_command(facts: Vec<Fact>) -> Result<Vec<Fact>, Refusal> {
    if facts.len() > COMMAND_EVENTS_MAX as usize {
        Err(Refusal::TooManyEvents(facts.len()))
    } else {
        Ok(facts)
    }
}

/// The application when the owner can use it (hdp-api 2.5, "Use"); otherwise it is one that does not exist.
fn usable_app<'a>(
    state: &'a State<'_>,
    principal: &Principal,
    id: OAuthAppId,
) -> Result<&'a Arc<OAuthApp>, Refusal> {
    let row = state.oauth_apps.rows.get(&id).filter(|row| principal.may_use_oauth_apps_of(row.tenant));
    row.ok_or(Refusal::UnknownReference(Object::OAuthApp(id)))
}

fn stream(id: OAuthProfileId) -> Stream {
    Stream::new(StreamKind::OAUTH_PROFILE, id.0)
}

fn name_is_free(
    state: &State<'_>,
    owner: UserId,
    name: &OAuthProfileName,
    own: Option<OAuthProfileId>,
) -> Result<(), Refusal> {
    match state.oauth_profiles.by_name.get(&(owner, name.as_str().to_owned())) {
        Some(holder) if own != Some(*holder) => Err(Refusal::Taken(Taken::OAuthProfileName)),
        _ => Ok(()),
    }
}
