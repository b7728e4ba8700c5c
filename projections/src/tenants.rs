//! Tenants and who administers them.

use std::sync::Arc;

use events::{
    envelope::Envelope,
    event::Event,
    id::{Sequence, TenantId, UserId},
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
    tenant::TenantStatus,
};
use serde::{Deserialize, Serialize};

use crate::table::projection;

/// A tenant as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Unique in the system.
    pub name: String,
    /// The living data key.
    pub key_id: KeyId,
    /// Free text.
    pub description: Option<Sealed>,
    /// `None` for the system tenant.
    pub parent: Option<TenantId>,
    /// As sent.
    pub status: TenantStatus,
    /// Who has administrative access.
    pub administrators: SortedVec<UserId>,
    /// The event that last changed it.
    pub changed: Sequence,
}

projection! {
    /// All tenants.
    Tenants, TenantsChanges {
        primary {
            /// By id.
            rows: TenantId => Arc<Tenant>;
        }
        index {
            /// By name.
            by_name: String => TenantId, from rows |id, row| [(row.name.clone(), *id)];
            /// Which tenants a user administers.
            by_administrator: (UserId, TenantId) => (), from rows |id, row| {
                row.administrators.iter().map(move |administrator| ((*administrator, *id), ()))
            };
        }
    }
}

impl Tenants<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        match &envelope.event {
            Event::TenantCreated(created) => {
                let id = TenantId(header.stream.id);
                self.by_name.put(created.name.clone(), id);
                for administrator in created.administrators.iter() {
                    self.by_administrator.put((*administrator, id), ());
                }
                let tenant = Tenant {
                    name: created.name.clone(),
                    key_id: created.key_id,
                    description: created.description.clone(),
                    parent: created.parent,
                    status: created.status,
                    administrators: created.administrators.clone(),
                    changed: header.sequence,
                };
                self.rows.put(id, Arc::new(tenant));
            }
            Event::LedgerCreated(_)
            | Event::SnapshotTaken(_)
            | Event::RoleCreated(_)
            | Event::UserCreated(_)
            | Event::UserLocked(_)
            | Event::OAuthAppCreated(_)
            | Event::OAuthAppUpdated(_)
            | Event::OAuthAppDeleted(_)
            | Event::OAuthProfileCreated(_)
            | Event::OAuthProfileUpdated(_)
            | Event::OAuthProfileDeleted(_)
            | Event::DataSourceCreated(_)
            | Event::DataSourceUpdated(_)
            | Event::DataSourceDeleted(_)
            | Event::DataSourceProfileCleared(_)
            | Event::SecretRevealed(_) => {}
        }
    }

    /// The tenants that `user` administers, in the order of their ids.
    pub fn administered_by(&self, user: UserId) -> impl Iterator<Item = TenantId> + '_ {
        self.by_administrator
            .range((user, TenantId(0))..=(user, TenantId(u64::MAX)))
            .map(|((_, tenant), ())| *tenant)
    }
}
