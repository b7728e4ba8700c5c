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

use crate::{nouns::facts, table::projection};

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
        let id = TenantId(header.stream.id);
        match &envelope.event {
            Event::TenantCreated(created) => {
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
            Event::TenantUpdated(updated) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                if before.name != updated.name {
                    self.by_name.remove(&before.name);
                    self.by_name.put(updated.name.clone(), id);
                }
                let tenant = Tenant {
                    name: updated.name.clone(),
                    description: updated.description.clone(),
                    status: updated.status,
                    changed: header.sequence,
                    ..Tenant::clone(&before)
                };
                self.rows.put(id, Arc::new(tenant));
            }
            Event::TenantAdministratorsChanged(change) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                for removed in change.removed.iter() {
                    self.by_administrator.remove(&(*removed, id));
                }
                for added in change.added.iter() {
                    self.by_administrator.put((*added, id), ());
                }
                let kept = before.administrators.iter().filter(|user| !change.removed.has(user));
                let administrators = kept.chain(change.added.iter()).copied().collect();
                let tenant = Tenant { administrators, changed: header.sequence, ..Tenant::clone(&before) };
                self.rows.put(id, Arc::new(tenant));
            }
            Event::TenantDeleted(_) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.by_name.remove(&before.name);
                for administrator in before.administrators.iter() {
                    self.by_administrator.remove(&(*administrator, id));
                }
                self.rows.remove(&id);
            }
            facts!(ledger)
            | facts!(role)
            | facts!(user)
            | facts!(oauth_app)
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

    /// The tenants that `user` administers, in the order of their ids.
    pub fn administered_by(&self, user: UserId) -> impl Iterator<Item = TenantId> + '_ {
        self.by_administrator
            .range((user, TenantId(0))..=(user, TenantId(u64::MAX)))
            .map(|((_, tenant), ())| *tenant)
    }
}
