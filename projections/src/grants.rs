//! Grants: what users allowed client applications to do for them. At most one lives for a user and an application; after its
//! end another consent makes another.

use std::sync::Arc;

use events::{
    envelope::Envelope,
    event::Event,
    id::{ClientApplicationId, GrantId, Sequence, TenantId, UserId},
    scope::Scope,
    sorted::SortedVec,
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// A grant as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The user's tenant when he allowed it.
    pub tenant: TenantId,
    /// Who.
    pub user: UserId,
    /// To whom.
    pub client: ClientApplicationId,
    /// All that is allowed.
    pub scopes: SortedVec<Scope>,
    /// The event that made it.
    pub allowed: Sequence,
    /// The event that last changed it.
    pub changed: Sequence,
}

projection! {
    /// All living grants. One whose user is deleted or moved ends by an event of its own in the same command; those of an
    /// application end with it, and with its secret when that is reset.
    Grants, GrantsChanges {
        primary {
            /// By id.
            rows: GrantId => Arc<Grant>;
        }
        index {
            /// A user's grants, in the order of the applications' ids.
            of_user: (UserId, ClientApplicationId) => GrantId, from rows |id, row| [((row.user, row.client), *id)];
            /// An application's grants, in the order of their ids.
            by_client: (ClientApplicationId, GrantId) => (), from rows |id, row| [((row.client, *id), ())];
        }
    }
}

impl Grants<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        match &envelope.event {
            Event::GrantAllowed(allowed) => {
                let id = GrantId(header.stream.id);
                let before = self.rows.get(&id).map(|row| row.allowed);
                let row = Grant {
                    tenant: header.tenant,
                    user: allowed.user,
                    client: allowed.client,
                    scopes: allowed.scopes.clone(),
                    allowed: before.unwrap_or(header.sequence),
                    changed: header.sequence,
                };
                self.of_user.put((row.user, row.client), id);
                self.by_client.put((row.client, id), ());
                self.rows.put(id, Arc::new(row));
            }
            Event::GrantRevoked(_) => self.end(GrantId(header.stream.id)),
            Event::ClientApplicationSecretReset(_) | Event::ClientApplicationDeleted(_) => {
                let grants: Vec<GrantId> =
                    self.of_client(ClientApplicationId(header.stream.id), GrantId(0)).collect();
                for grant in grants {
                    self.end(grant);
                }
            }
            Event::ClientApplicationRegistered(_)
            | Event::ClientApplicationUpdated(_)
            | Event::ClientApplicationSecretRotated(_)
            | Event::ClientApplicationTransferred(_)
            | Event::GrantDenied(_)
            | Event::AuthorizationCodeIssued(_)
            | Event::AuthorizationCodeRedeemed(_)
            | Event::AuthorizationCodeReplayDetected(_)
            | facts!(token)
            | facts!(ledger)
            | facts!(tenant)
            | facts!(role)
            | facts!(user)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(data_source)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting)
            | facts!(ip_whitelist) => {}
        }
    }

    fn end(&mut self, id: GrantId) {
        let Some(row) = self.rows.get(&id).cloned() else { return };
        self.of_user.remove(&(row.user, row.client));
        self.by_client.remove(&(row.client, id));
        self.rows.remove(&id);
    }

    /// What `user` allowed `client`.
    pub fn between(&self, user: UserId, client: ClientApplicationId) -> Option<(GrantId, &Arc<Grant>)> {
        let id = *self.of_user.get(&(user, client))?;
        Some((id, self.rows.get(&id)?))
    }

    /// The grants of `user` to applications after `after`, in the order of the applications' ids.
    pub fn of_user(
        &self,
        user: UserId,
        after: ClientApplicationId,
    ) -> impl Iterator<Item = (ClientApplicationId, GrantId)> + '_ {
        let from = (user, ClientApplicationId(after.0.saturating_add(1)));
        self.of_user
            .range(from..=(user, ClientApplicationId(u64::MAX)))
            .map(|((_, client), id)| (*client, *id))
    }

    /// The grants to `client` after `after`, in the order of their ids.
    pub fn of_client(
        &self,
        client: ClientApplicationId,
        after: GrantId,
    ) -> impl Iterator<Item = GrantId> + '_ {
        let from = (client, GrantId(after.0.saturating_add(1)));
        self.by_client.range(from..=(client, GrantId(u64::MAX))).map(|((_, id), ())| *id)
    }
}
