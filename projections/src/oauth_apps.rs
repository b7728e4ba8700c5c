//! OAuth applications towards providers.

use std::sync::Arc;

use events::{
    envelope::Envelope,
    event::Event,
    id::{DataStoreId, OAuthAppId, Sequence, TenantId},
    sealed::{KeyId, Sealed},
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// An application as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthApp {
    /// Whose application.
    pub tenant: TenantId,
    /// Unique within the tenant.
    pub name: String,
    /// The data store it belongs to.
    pub data_store: DataStoreId,
    /// Free text.
    pub description: Option<Sealed>,
    /// Our id at the provider.
    pub client_id: String,
    /// Our secret at the provider.
    pub client_secret: Sealed,
    /// The provider's authorization endpoint.
    pub authorize_uri: String,
    /// The provider's token endpoint.
    pub token_uri: String,
    /// As sent.
    pub scope: String,
    /// The event that last changed it.
    pub changed: Sequence,
}

impl OAuthApp {
    /// The living data key.
    pub fn key_id(&self) -> KeyId {
        self.client_secret.key_id
    }
}

projection! {
    /// All applications.
    OAuthApps, OAuthAppsChanges {
        primary {
            /// By id.
            rows: OAuthAppId => Arc<OAuthApp>;
        }
        index {
            /// Applications of a tenant, in the order of their ids.
            by_tenant: (TenantId, OAuthAppId) => (), from rows |id, row| [((row.tenant, *id), ())];
            /// By name within the tenant.
            by_name: (TenantId, String) => OAuthAppId, from rows |id, row| [((row.tenant, row.name.clone()), *id)];
        }
    }
}

impl OAuthApps<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let id = OAuthAppId(header.stream.id);
        match &envelope.event {
            Event::OAuthAppCreated(created) => {
                self.by_tenant.put((header.tenant, id), ());
                self.by_name.put((header.tenant, created.name.clone()), id);
                let app = OAuthApp {
                    tenant: header.tenant,
                    name: created.name.clone(),
                    data_store: created.data_store,
                    description: created.description.clone(),
                    client_id: created.client_id.clone(),
                    client_secret: created.client_secret.clone(),
                    authorize_uri: created.authorize_uri.clone(),
                    token_uri: created.token_uri.clone(),
                    scope: created.scope.clone(),
                    changed: header.sequence,
                };
                self.rows.put(id, Arc::new(app));
            }
            Event::OAuthAppUpdated(updated) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                if before.name != updated.name {
                    self.by_name.remove(&(before.tenant, before.name.clone()));
                    self.by_name.put((before.tenant, updated.name.clone()), id);
                }
                let app = OAuthApp {
                    tenant: before.tenant,
                    name: updated.name.clone(),
                    data_store: before.data_store,
                    description: updated.description.clone(),
                    client_id: updated.client_id.clone(),
                    client_secret: updated
                        .client_secret
                        .clone()
                        .unwrap_or_else(|| before.client_secret.clone()),
                    authorize_uri: updated.authorize_uri.clone(),
                    token_uri: updated.token_uri.clone(),
                    scope: updated.scope.clone(),
                    changed: header.sequence,
                };
                self.rows.put(id, Arc::new(app));
            }
            Event::OAuthAppDeleted(_) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.by_tenant.remove(&(before.tenant, id));
                self.by_name.remove(&(before.tenant, before.name.clone()));
                self.rows.remove(&id);
            }
            facts!(ledger)
            | facts!(tenant)
            | facts!(role)
            | facts!(user)
            | facts!(oauth_profile)
            | facts!(data_source)
            | facts!(client_application)
            | facts!(grant)
            | facts!(token)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting)
            | facts!(ip_whitelist) => {}
        }
    }

    /// The applications of `tenant` after `after`, in the order of their ids.
    pub fn of_tenant(&self, tenant: TenantId, after: OAuthAppId) -> impl Iterator<Item = OAuthAppId> + '_ {
        let from = (tenant, OAuthAppId(after.0.saturating_add(1)));
        self.by_tenant.range(from..=(tenant, OAuthAppId(u64::MAX))).map(|((_, app), ())| *app)
    }
}
