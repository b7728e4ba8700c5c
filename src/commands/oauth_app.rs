//! OAuth applications (hdp-api section 2, brief page 003).

use events::{
    envelope::{Stream, StreamKind},
    id::{DataStoreId, OAuthAppId, PermissionId, Sequence, TenantId},
    oauth_app::{OAuthAppCreated, OAuthAppDeleted, OAuthAppUpdated},
    sealed::Sealed,
};
use projections::oauth_apps::OAuthApp;
use std::sync::Arc;

use super::{
    Cause, Decision, Fact, NOT_BY_TOKEN, NewKey, Object, Refusal, Taken, View, acting,
    data_store::{by_id, ids_taking_oauth_apps},
    field::{ClientId, EndpointUri, OAuthAppName, ScopeList},
    oauth_profile::{self, no_more_than_one_command},
    sealed_under, unchanged_since,
};
use crate::auth::{
    permission::{MGMT_API, OAUTH},
    principal::Principal,
};

/// What every operation on applications needs (brief page 003).
pub const PERMISSIONS: [PermissionId; 2] = [MGMT_API, OAUTH];

/// The properties that a create and a PUT share, in the clear.
#[derive(Clone, Debug)]
pub struct Properties {
    /// Unique within the tenant.
    pub name: OAuthAppName,
    /// Our id at the provider.
    pub client_id: ClientId,
    /// The provider's authorization endpoint.
    pub authorize_uri: EndpointUri,
    /// The provider's token endpoint.
    pub token_uri: EndpointUri,
    /// As sent.
    pub scope: ScopeList,
}

/// A new application.
#[derive(Clone, Debug)]
pub struct CreateOAuthApp {
    /// `None` for the tenant of the caller, or of the user he acts for.
    pub tenant: Option<TenantId>,
    /// Which data store it is for.
    pub data_store: DataStoreId,
    /// What is in the clear.
    pub properties: Properties,
    /// The application's key.
    pub key: NewKey,
    /// Free text under that key.
    pub description: Option<Sealed>,
    /// Our secret at the provider under that key.
    pub client_secret: Sealed,
}

/// An application replaced by a PUT.
#[derive(Clone, Debug)]
pub struct UpdateOAuthApp {
    /// Which.
    pub id: OAuthAppId,
    /// From `If-Match`: the event that last changed it must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// When given, must equal the stored one: an application never moves.
    pub tenant: Option<TenantId>,
    /// Must equal the stored one: an application never changes its data store.
    pub data_store: DataStoreId,
    /// What is in the clear.
    pub properties: Properties,
    /// Free text under the application's key; `None` clears it.
    pub description: Option<Sealed>,
    /// The secret under the application's key; `None` keeps the one before.
    pub client_secret: Option<Sealed>,
}

/// An application deleted.
#[derive(Clone, Debug)]
pub struct DeleteOAuthApp {
    /// Which.
    pub id: OAuthAppId,
    /// As in [`UpdateOAuthApp`].
    pub expected: Option<Vec<Sequence>>,
}

/// Finds an application for an operation on it, refusing in the order of hdp-api 9.4: 404 when it does not exist or is not
/// visible, 403 when it is visible and not the caller's to administer. The permission itself was checked before.
pub fn administered<'a>(
    view: &'a View<'_>,
    principal: &Principal,
    id: OAuthAppId,
) -> Result<&'a Arc<OAuthApp>, Refusal> {
    let row = view.state.oauth_apps.rows.get(&id).filter(|row| principal.sees_oauth_apps_of(row.tenant));
    let row = row.ok_or(Refusal::NotFound(Object::OAuthApp(id)))?;
    if principal.may_administer_oauth_apps_of(row.tenant) { Ok(row) } else { Err(Refusal::Forbidden) }
}

pub(super) fn create(view: &View<'_>, cause: &Cause, wish: &CreateOAuthApp) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    let tenant = wish.tenant.unwrap_or(principal.tenant);
    if !state.tenants.rows.has(&tenant) || !principal.may_administer_oauth_apps_of(tenant) {
        return Err(Refusal::UnknownReference(Object::Tenant(tenant)));
    }
    if by_id(wish.data_store).is_none_or(|store| !store.takes_oauth_apps) {
        let ids = ids_taking_oauth_apps();
        return Err(Refusal::invalid(
            "dataStore",
            format!("use the id of a data store that takes OAuth: {ids}"),
        ));
    }
    sealed_under(wish.key.id, wish.description.iter().chain([&wish.client_secret]))?;
    name_is_free(view, tenant, &wish.properties.name, None)?;
    let id = OAuthAppId(state.log.next_id(StreamKind::OAUTH_APP));
    let properties = wish.properties.clone();
    let created = OAuthAppCreated {
        name: properties.name.into(),
        data_store: wish.data_store,
        description: wish.description.clone(),
        client_id: properties.client_id.into(),
        client_secret: wish.client_secret.clone(),
        authorize_uri: properties.authorize_uri.into(),
        token_uri: properties.token_uri.into(),
        scope: properties.scope.into(),
    };
    Ok(Decision {
        facts: vec![Fact::new(tenant, stream(id), created)],
        keys: wish.key.entries.clone(),
        ..Decision::default()
    })
}

/// Always records an event: sealed values can't be compared, and "he put it again" is a fact too.
pub(super) fn update(view: &View<'_>, cause: &Cause, wish: &UpdateOAuthApp) -> Result<Decision, Refusal> {
    let principal = acting(&view.state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    let row = administered(view, &principal, wish.id)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    if wish.tenant.is_some_and(|tenant| tenant != row.tenant) {
        return Err(Refusal::invalid(
            "tenantId",
            "an application stays in its tenant; leave it out or repeat it",
        ));
    }
    if wish.data_store != row.data_store {
        return Err(Refusal::invalid(
            "dataStore",
            "an application stays with its data store; repeat the stored id",
        ));
    }
    if principal.through_client {
        secrets_go_where_they_went(row, &wish.properties)?;
    }
    sealed_under(row.key_id(), wish.description.iter().chain(&wish.client_secret))?;
    name_is_free(view, row.tenant, &wish.properties.name, Some(wish.id))?;
    let properties = wish.properties.clone();
    let updated = OAuthAppUpdated {
        name: properties.name.into(),
        description: wish.description.clone(),
        client_id: properties.client_id.into(),
        client_secret: wish.client_secret.clone(),
        authorize_uri: properties.authorize_uri.into(),
        token_uri: properties.token_uri.into(),
        scope: properties.scope.into(),
    };
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream(wish.id), updated)], ..Decision::default() })
}

/// A client application is shown no secret, so it does not say either where they are sent: its own, and those of the profiles.
fn secrets_go_where_they_went(row: &OAuthApp, properties: &Properties) -> Result<(), Refusal> {
    let moved = [
        ("authorizeURI", properties.authorize_uri.as_str() != row.authorize_uri),
        ("tokenURI", properties.token_uri.as_str() != row.token_uri),
    ];
    match moved.into_iter().find(|(_, moved)| *moved) {
        Some((field, _)) => Err(Refusal::invalid(field, NOT_BY_TOKEN)),
        None => Ok(()),
    }
}

/// Its profiles go with it, also those of other tenants' users, and the data sources that use them let go of them.
pub(super) fn delete(view: &View<'_>, cause: &Cause, wish: &DeleteOAuthApp) -> Result<Decision, Refusal> {
    let principal = acting(&view.state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    let row = administered(view, &principal, wish.id)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let mut facts = Vec::new();
    for profile in view.state.oauth_profiles.of_app(wish.id) {
        if let Some(row) = view.state.oauth_profiles.rows.get(&profile) {
            oauth_profile::end(&view.state, profile, row, &mut facts);
        }
    }
    facts.push(Fact::new(row.tenant, stream(wish.id), OAuthAppDeleted {}));
    Ok(Decision { facts: no_more_than_one_command(facts)?, ..Decision::default() })
}

fn stream(id: OAuthAppId) -> Stream {
    Stream::new(StreamKind::OAUTH_APP, id.0)
}

fn name_is_free(
    view: &View<'_>,
    tenant: TenantId,
    name: &OAuthAppName,
    own: Option<OAuthAppId>,
) -> Result<(), Refusal> {
    let holder = view.state.oauth_apps.by_name.get(&(tenant, name.as_str().to_owned()));
    if holder.is_none_or(|holder| Some(*holder) == own) {
        Ok(())
    } else {
        Err(Refusal::Taken(Taken::OAuthAppName))
    }
}
