//! Users. Names stay sealed; who is called what is known to the login index, outside the log.

use std::sync::Arc;

use events::{
    envelope::Envelope,
    event::Event,
    id::{PermissionId, RoleId, Sequence, TenantId, UserId},
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
    time::Timestamp,
    user::{Password, UserStatus},
};
use serde::{Deserialize, Serialize};

use crate::table::projection;

/// A lock after too many wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Since when.
    pub at: Timestamp,
    /// Until when; past that it is no lock any more.
    pub until: Timestamp,
}

/// A user as he is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Whose user.
    pub tenant: TenantId,
    /// As sent.
    pub name: Sealed,
    /// Whether he may log in.
    pub status: UserStatus,
    /// `None` when he can't log in by password.
    pub password: Option<Password>,
    /// The last lock; may be over.
    pub lock: Option<Lock>,
    /// Roles of his tenant.
    pub roles: SortedVec<RoleId>,
    /// Permissions beside those of his roles.
    pub permissions: SortedVec<PermissionId>,
    /// The event that last changed him.
    pub changed: Sequence,
}

impl User {
    /// The living data key, under which his personal data are sealed.
    pub fn key_id(&self) -> KeyId {
        self.name.key_id
    }

    /// The lock that holds at `now`.
    pub fn locked_at(&self, now: Timestamp) -> Option<Lock> {
        self.lock.filter(|lock| now < lock.until)
    }
}

projection! {
    /// All users.
    Users, UsersChanges {
        primary {
            /// By id.
            rows: UserId => Arc<User>;
        }
        index {
            /// Users of a tenant, in the order of their ids.
            by_tenant: (TenantId, UserId) => (), from rows |id, row| [((row.tenant, *id), ())];
        }
    }
}

impl Users<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let id = UserId(header.stream.id);
        match &envelope.event {
            Event::UserCreated(created) => {
                self.by_tenant.put((header.tenant, id), ());
                let user = User {
                    tenant: header.tenant,
                    name: created.name.clone(),
                    status: created.status,
                    password: created.password.clone(),
                    lock: None,
                    roles: created.roles.clone(),
                    permissions: created.permissions.clone(),
                    changed: header.sequence,
                };
                self.rows.put(id, Arc::new(user));
            }
            Event::UserLocked(locked) => {
                if let Some(user) = self.rows.get(&id) {
                    let lock = Lock { at: header.recorded_at, until: locked.until };
                    let user = User { lock: Some(lock), changed: header.sequence, ..User::clone(user) };
                    self.rows.put(id, Arc::new(user));
                }
            }
            Event::LedgerCreated(_)
            | Event::SnapshotTaken(_)
            | Event::TenantCreated(_)
            | Event::RoleCreated(_)
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

    /// The users of `tenant` after `after`, in the order of their ids.
    pub fn of_tenant(&self, tenant: TenantId, after: UserId) -> impl Iterator<Item = UserId> + '_ {
        let from = (tenant, UserId(after.0.saturating_add(1)));
        self.by_tenant.range(from..=(tenant, UserId(u64::MAX))).map(|((_, user), ())| *user)
    }
}
