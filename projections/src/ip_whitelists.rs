//! The addresses that requests may come from, at each level.

use std::sync::Arc;

use events::{
    envelope::{Envelope, Stream},
    event::Event,
    id::{Sequence, UserId},
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
        index {}
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
                None => self.of_users.remove(&user),
                Some(lists) => {
                    let whitelist = UserIpWhitelist { lists: lists.clone(), changed: header.sequence };
                    self.of_users.put(user, Arc::new(whitelist));
                }
            },
            Event::TenantDeleted(_) => self.rows.remove(&header.stream),
            Event::UserDeleted(_) => self.of_users.remove(&user),
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
            | Event::UserMoved(_)
            | facts!(ledger)
            | facts!(role)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(data_source)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting) => {}
        }
    }
}
