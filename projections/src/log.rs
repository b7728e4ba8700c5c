//! What the log itself says: which ledger, how long, how late; and the highest id of each kind.

use events::{
    envelope::{Envelope, StreamKind},
    event::Event,
    id::{Epoch, LedgerId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// Facts about the log as far as it was folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which ledger.
    pub ledger_id: LedgerId,
    /// Of the last event.
    pub epoch: Epoch,
    /// Number of events folded.
    pub size: u64,
    /// Of the last event.
    pub recorded_at: Timestamp,
}

projection! {
    /// The log's own row, and the counters that ids come from.
    Log, LogChanges {
        primary {
            /// One row under `()`; none while the log is empty.
            position: () => Position;
            /// The highest id given so far, of each kind whose ids are counted.
            counters: StreamKind => u64;
        }
        index {}
    }
}

impl Log<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        self.position.put(
            (),
            Position {
                ledger_id: header.ledger_id,
                epoch: header.epoch,
                size: header.sequence.0 + 1,
                recorded_at: header.recorded_at,
            },
        );
        match &envelope.event {
            Event::TenantCreated(_)
            | Event::RoleCreated(_)
            | Event::UserCreated(_)
            | Event::OAuthAppCreated(_)
            | Event::OAuthProfileCreated(_)
            | Event::DataSourceCreated(_) => {
                self.counters.put(header.stream.kind, header.stream.id);
            }
            // A grant is made by the first of the facts that allow something.
            Event::ClientApplicationRegistered(_) | Event::GrantAllowed(_) => {
                let kind = header.stream.kind;
                if self.next_id(kind) <= header.stream.id {
                    self.counters.put(kind, header.stream.id);
                }
            }
            facts!(ledger)
            | Event::ClientApplicationUpdated(_)
            | Event::ClientApplicationSecretReset(_)
            | Event::ClientApplicationSecretRotated(_)
            | Event::ClientApplicationTransferred(_)
            | Event::ClientApplicationDeleted(_)
            | Event::GrantDenied(_)
            | Event::GrantRevoked(_)
            | Event::AuthorizationCodeIssued(_)
            | Event::AuthorizationCodeRedeemed(_)
            | Event::AuthorizationCodeReplayDetected(_)
            | facts!(token)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting)
            | facts!(ip_whitelist)
            | Event::TenantUpdated(_)
            | Event::TenantDeleted(_)
            | Event::TenantAdministratorsChanged(_)
            | Event::RoleUpdated(_)
            | Event::RoleDeleted(_)
            | Event::UserLocked(_)
            | Event::UserUnlocked(_)
            | Event::UserUpdated(_)
            | Event::UserStatusSet(_)
            | Event::UserPasswordSet(_)
            | Event::UserRolesSet(_)
            | Event::UserMoved(_)
            | Event::UserDeleted(_)
            | Event::OAuthAppUpdated(_)
            | Event::OAuthAppDeleted(_)
            | Event::OAuthProfileUpdated(_)
            | Event::OAuthProfileDeleted(_)
            | Event::DataSourceUpdated(_)
            | Event::DataSourceDeleted(_)
            | Event::DataSourceProfileCleared(_)
            | Event::DataSourceShared(_)
            | Event::DataSourceUnshared(_)
            | Event::DataSourcePermissionsSet(_)
            | Event::DataSourceMembersChanged(_) => {}
        }
    }

    /// The id that the next object of `kind` gets; each kind counts from 1 and never gives an id twice.
    pub fn next_id(&self, kind: StreamKind) -> u64 {
        self.counters.get(&kind).copied().unwrap_or(0) + 1
    }

    /// How many events were folded.
    pub fn size(&self) -> u64 {
        self.position.get(&()).map_or(0, |position| position.size)
    }
}
