//! Roles: named sets of permissions, each of one tenant.

use std::sync::Arc;

use events::{
    envelope::Envelope,
    event::Event,
    id::{PermissionId, RoleId, Sequence, TenantId},
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// Holds everything, everywhere (hdp-api 6.1).
pub(crate) const ADMINISTRATOR: PermissionId = PermissionId(12);

/// A role as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Whose role.
    pub tenant: TenantId,
    /// Unique within the tenant.
    pub name: String,
    /// The living data key.
    pub key_id: KeyId,
    /// Free text.
    pub description: Option<Sealed>,
    /// What holders may do.
    pub permissions: SortedVec<PermissionId>,
    /// The event that last changed it.
    pub changed: Sequence,
}

impl Role {
    /// Whether it makes its holders administrators of the system.
    pub fn is_administrator(&self) -> bool {
        self.permissions.has(&ADMINISTRATOR)
    }
}

projection! {
    /// All roles.
    Roles, RolesChanges {
        primary {
            /// By id.
            rows: RoleId => Arc<Role>;
            /// The event that last gave a tenant a role or took one from it: its list of roles is as old as that.
            list_changed: TenantId => Sequence;
        }
        index {
            /// Roles of a tenant, in the order of their ids.
            by_tenant: (TenantId, RoleId) => (), from rows |id, row| [((row.tenant, *id), ())];
            /// By name within the tenant.
            by_name: (TenantId, String) => RoleId, from rows |id, row| [((row.tenant, row.name.clone()), *id)];
            /// Roles that hold 12.
            with_administrator: RoleId => (), from rows |id, row| row.is_administrator().then_some((*id, ()));
        }
    }
}

impl Roles<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let id = RoleId(header.stream.id);
        match &envelope.event {
            Event::RoleCreated(created) => {
                let role = Role {
                    tenant: header.tenant,
                    name: created.name.clone(),
                    key_id: created.key_id,
                    description: created.description.clone(),
                    permissions: created.permissions.clone(),
                    changed: header.sequence,
                };
                self.index(id, &role);
                self.list_changed.put(header.tenant, header.sequence);
                self.rows.put(id, Arc::new(role));
            }
            Event::RoleUpdated(updated) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                let role = Role {
                    tenant: before.tenant,
                    name: updated.name.clone(),
                    key_id: before.key_id,
                    description: updated.description.clone(),
                    permissions: updated.permissions.clone(),
                    changed: header.sequence,
                };
                self.forget(id, &before);
                self.index(id, &role);
                self.rows.put(id, Arc::new(role));
            }
            Event::RoleDeleted(_) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.forget(id, &before);
                self.list_changed.put(before.tenant, header.sequence);
                self.rows.remove(&id);
            }
            Event::TenantDeleted(_) => self.list_changed.remove(&TenantId(header.stream.id)),
            facts!(ledger)
            | Event::TenantCreated(_)
            | Event::TenantUpdated(_)
            | Event::TenantAdministratorsChanged(_)
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

    fn index(&mut self, id: RoleId, row: &Role) {
        self.by_tenant.put((row.tenant, id), ());
        self.by_name.put((row.tenant, row.name.clone()), id);
        if row.is_administrator() {
            self.with_administrator.put(id, ());
        }
    }

    fn forget(&mut self, id: RoleId, row: &Role) {
        self.by_tenant.remove(&(row.tenant, id));
        self.by_name.remove(&(row.tenant, row.name.clone()));
        self.with_administrator.remove(&id);
    }

    /// The roles of `tenant` after `after`, in the order of their ids.
    pub fn of_tenant(&self, tenant: TenantId, after: RoleId) -> impl Iterator<Item = RoleId> + '_ {
        let from = (tenant, RoleId(after.0.saturating_add(1)));
        self.by_tenant.range(from..=(tenant, RoleId(u64::MAX))).map(|((_, role), ())| *role)
    }
}
