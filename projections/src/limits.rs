//! Limits: values of their own at each level. What holds where none was set is no state, but the table of limits.

use events::{
    envelope::{Envelope, Stream, StreamKind},
    event::Event,
    id::{LimitId, Sequence},
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// A limit's own value at one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// In the limit's own unit.
    pub value: u64,
    /// The event that last changed it.
    pub changed: Sequence,
}

projection! {
    /// All limits that have a value of their own.
    Limits, LimitsChanges {
        primary {
            /// By level, which is the stream of whose limit it is (the ledger's, a tenant's, a user's, a data source's), and limit.
            rows: (Stream, LimitId) => Limit;
        }
        index {}
    }
}

impl Limits<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        match &envelope.event {
            Event::LimitSet(set) => {
                let limit = Limit { value: set.value, changed: header.sequence };
                self.rows.put((header.stream, set.limit), limit);
            }
            Event::LimitCleared(cleared) => self.rows.remove(&(header.stream, cleared.limit)),
            // What is gone has no limits.
            Event::TenantDeleted(_) | Event::UserDeleted(_) | Event::DataSourceDeleted(_) => {
                let gone: Vec<LimitId> = self.of_level(header.stream).map(|(limit, _)| limit).collect();
                for limit in gone {
                    self.rows.remove(&(header.stream, limit));
                }
            }
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
            | Event::DataSourceCreated(_)
            | Event::DataSourceUpdated(_)
            | Event::DataSourceProfileCleared(_)
            | Event::DataSourceShared(_)
            | Event::DataSourceUnshared(_)
            | Event::DataSourcePermissionsSet(_)
            | Event::DataSourceMembersChanged(_)
            | facts!(ledger)
            | facts!(role)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(client_application)
            | facts!(grant)
            | facts!(token)
            | facts!(disclosure)
            | facts!(setting)
            | facts!(ip_whitelist) => {}
        }
    }

    /// The limits set at one level, in the order of their numbers.
    pub fn of_level(&self, level: Stream) -> impl Iterator<Item = (LimitId, Limit)> + '_ {
        self.rows
            .range((level, LimitId(0))..=(level, LimitId(u16::MAX)))
            .map(|((_, limit), row)| (*limit, *row))
    }

    /// The first level of a kind behind the one with that id at which any limit is set.
    pub fn next_level(&self, kind: StreamKind, after: u64) -> Option<Stream> {
        let from = (Stream::new(kind, after.checked_add(1)?), LimitId(0));
        let end = (Stream::new(kind, u64::MAX), LimitId(u16::MAX));
        self.rows.range(from..=end).next().map(|((level, _), _)| *level)
    }
}
