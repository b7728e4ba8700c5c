//! The addresses that requests may come from, at each level.

use std::sync::Arc;

use events::{
    envelope::{Envelope, Stream},
    event::Event,
    id::{Sequence, TenantId, UserId},
    sealed::Sealed,
    whitelist::IpWhitelistSet,
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// The lists of the whole system or of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpWhitelist {
    /// At least one of them is not empty.
    pub lists: IpWhitelistSet,
    /// The event that last changed them.
    pub changed: Sequence,
}

/// The lists of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIpWhitelist {
    /// Where he lives.
    pub tenant: TenantId,
    /// As JSON under his key.
    pub lists: Sealed,
    /// The event that last changed them.
    pub changed: Sequence,
}

projection! {
    /// All lists that don't let everybody in.
    IpWhitelists, IpWhitelistsChanges {
        primary {
            /// By level: the ledger's stream for the whole system, or a tenant's.
            rows: Stream => Arc<IpWhitelist>;
            /// By user.
            of_users: UserId => Arc<UserIpWhitelist>;
        }
        index {
            /// Users of a tenant who have lists, in the order of their ids.
            users_by_tenant: (TenantId, UserId) => (), from of_users |id, row| [((row.tenant, *id), ())];
        }
    }
}

impl IpWhitelists<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let user = UserId(header.stream.id);
        match &envelope.event {
            Event::IpWhitelistSet(lists) if *lists == IpWhitelistSet::default() => {
                self.rows.remove(&header.stream);
            }
            Event::IpWhitelistSet(lists) => {
                let whitelist = IpWhitelist { lists: lists.clone(), changed: header.sequence };
                self.rows.put(header.stream, Arc::new(whitelist));
            }
            Event::UserIpWhitelistSet(set) => match &set.lists {
                None => self.forget(user),
                Some(lists) => {
                    let (tenant, lists) = (header.tenant, lists.clone());
                    self.put(user, UserIpWhitelist { tenant, lists, changed: header.sequence });
                }
            },
            Event::UserMoved(_) => {
                if let Some(row) = self.of_users.get(&user).cloned() {
                    self.put(user, UserIpWhitelist { tenant: header.tenant, ..(*row).clone() });
                }
            }
            Event::TenantDeleted(_) => self.rows.remove(&header.stream),
            Event::UserDeleted(_) => self.forget(user),
            Event::TenantCreated(_)
            | Event::TenantUpdated(_)
            | Event::TenantAdministratorsChanged(_)
            | Event::UserCreated(_)
            | Event::UserLocked(_)
            | Event::UserUnlocked(_)
            | Event::UserUpdated(_)
            | Event::UserStatusSet(_)
            | Event::UserPasswordSet(_)
            | Event::UserRolesSet(_)
            | facts!(ledger)
            | facts!(role)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(data_source)
            | facts!(client_application)
            | facts!(grant)
            | facts!(token)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting) => {}
        }
    }

    fn put(&mut self, user: UserId, row: UserIpWhitelist) {
        self.forget(user);
        self.users_by_tenant.put((row.tenant, user), ());
        self.of_users.put(user, Arc::new(row));
    }

    fn forget(&mut self, user: UserId) {
        if let Some(before) = self.of_users.get(&user).cloned() {
            self.users_by_tenant.remove(&(before.tenant, user));
            self.of_users.remove(&user);
        }
    }

    /// Users of a tenant who have lists, in the order of their ids, behind this one.
    pub fn users_of_tenant(&self, tenant: TenantId, after: UserId) -> impl Iterator<Item = UserId> + '_ {
        let from = (tenant, UserId(after.0.saturating_add(1)));
        self.users_by_tenant.range(from..=(tenant, UserId(u64::MAX))).map(|((_, user), ())| *user)
    }
}
