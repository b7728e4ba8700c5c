//! The sites whose pages may call the API from a browser.

use std::sync::Arc;

use events::{
    envelope::{Actor, Envelope},
    event::Event,
    id::{CorsOriginId, Sequence, UserId},
    sealed::Sealed,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsOrigin {
    /// Such as `https://*.example.com`.
    pub domain: String,
    /// Free text under the system tenant's key.
    pub description: Option<Sealed>,
    /// The user who last changed it.
    pub changed_by: Option<UserId>,
    /// When.
    pub changed_at: Timestamp,
    /// The event that did.
    pub changed: Sequence,
}

/// The list as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsList {
    /// The highest place given so far.
    pub last: CorsOriginId,
    /// When an entry was last set or taken off.
    pub changed_at: Timestamp,
}

projection! {
    /// The list.
    Cors, CorsChanges {
        primary {
            /// By place on the list.
            rows: CorsOriginId => Arc<CorsOrigin>;
            /// One row under `()`; none while nothing was ever listed.
            list: () => CorsList;
        }
        index {
            /// By domain.
            by_domain: String => CorsOriginId, from rows |id, row| [(row.domain.clone(), *id)];
        }
    }
}

impl Cors<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        match &envelope.event {
            Event::CorsOriginSet(set) => {
                self.forget(set.id);
                self.by_domain.put(set.domain.clone(), set.id);
                let last = self.list.get(&()).map_or(set.id, |list| list.last.max(set.id));
                self.list.put((), CorsList { last, changed_at: header.recorded_at });
                let origin = CorsOrigin {
                    domain: set.domain.clone(),
                    description: set.description.clone(),
                    changed_by: match header.actor {
                        Actor::User(user) => Some(user),
                        Actor::ClientApplication(_) | Actor::System | Actor::Operator => None,
                    },
                    changed_at: header.recorded_at,
                    changed: header.sequence,
                };
                self.rows.put(set.id, Arc::new(origin));
            }
            Event::CorsOriginRemoved(removed) => {
                self.forget(removed.id);
                self.rows.remove(&removed.id);
                if let Some(list) = self.list.get(&()).copied() {
                    self.list.put((), CorsList { changed_at: header.recorded_at, ..list });
                }
            }
            Event::ConfigurationSet(_)
            | Event::PasswordPolicySet(_)
            | facts!(ledger)
            | facts!(tenant)
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
            | facts!(ip_whitelist) => {}
        }
    }

    fn forget(&mut self, id: CorsOriginId) {
        if let Some(before) = self.rows.get(&id).cloned() {
            self.by_domain.remove(&before.domain);
        }
    }

    /// The place that the next entry gets; none is given twice.
    pub fn next_id(&self) -> CorsOriginId {
        CorsOriginId(self.list.get(&()).map_or(0, |list| list.last.0) + 1)
    }
}
