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

use crate::table::projection;

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

projection! {
    /// All roles.
    Roles, RolesChanges {
        primary {
            /// By id.
            rows: RoleId => Arc<Role>;
        }
        index {
            /// Roles of a tenant, in the order of their ids.
            by_tenant: (TenantId, RoleId) => (), from rows |id, row| [((row.tenant, *id), ())];
            /// By name within the tenant.
            by_name: (TenantId, String) => RoleId, from rows |id, row| [((row.tenant, row.name.clone()), *id)];
        }
    }
}

impl Roles<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        match &envelope.event {
            Event::RoleCreated(created) => {
                let id = RoleId(header.stream.id);
                self.by_tenant.put((header.tenant, id), ());
                self.by_name.put((header.tenant, created.name.clone()), id);
                let role = Role {
                    tenant: header.tenant,
                    name: created.name.clone(),
                    key_id: created.key_id,
                    description: created.description.clone(),
                    permissions: created.permissions.clone(),
                    changed: header.sequence,
                };
                self.rows.put(id, Arc::new(role));
            }
            Event::LedgerCreated(_)
            | Event::SnapshotTaken(_)
            | Event::TenantCreated(_)
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

    /// The roles of `tenant` after `after`, in the order of their ids.
    pub fn of_tenant(&self, tenant: TenantId, after: RoleId) -> impl Iterator<Item = RoleId> + '_ {
        let from = (tenant, RoleId(after.0.saturating_add(1)));
        self.by_tenant.range(from..=(tenant, RoleId(u64::MAX))).map(|((_, role), ())| *role)
    }
}
