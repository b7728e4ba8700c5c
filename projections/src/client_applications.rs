//! Client applications: who may ask us for tokens.

use std::sync::Arc;

use events::{
    client_application::{ClientPolicy, ClientSecret},
    envelope::Envelope,
    event::Event,
    id::{ClientApplicationId, Sequence, TenantId, UserId},
    sealed::{KeyId, Sealed},
    time::Timestamp,
    token::TokenHash,
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// The secret before the present one, which is good for some time still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// By which it is recognised.
    pub hash: TokenHash,
    /// Until when; past that it is none any more.
    pub until: Timestamp,
}

/// A client application as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientApplication {
    /// The owner's tenant.
    pub tenant: TenantId,
    /// Whose.
    pub owner: UserId,
    /// Unique among the owner's applications.
    pub name: String,
    /// Free text.
    pub description: Option<Sealed>,
    /// Where codes may be sent, as sent.
    pub redirect_urls: Vec<String>,
    /// Unique in the system.
    pub client_id: String,
    /// The living data key.
    pub key_id: KeyId,
    /// None for a public application.
    pub secret: Option<ClientSecret>,
    /// After a rotation.
    pub previous_secret: Option<PreviousSecret>,
    /// What it may ask for.
    pub policy: ClientPolicy,
    /// The last reset of its secret: tokens from before are over.
    pub ended: Option<Sequence>,
    /// The event that last changed it.
    pub changed: Sequence,
}

projection! {
    /// All client applications.
    ClientApplications, ClientApplicationsChanges {
        primary {
            /// By id.
            rows: ClientApplicationId => Arc<ClientApplication>;
            /// The keys of applications that a user deleted: the log still holds what they sealed, and his erasure destroys
            /// them, too.
            ended: (UserId, KeyId) => ();
        }
        index {
            /// By what it calls itself at our endpoints.
            by_client_id: String => ClientApplicationId, from rows |id, row| [(row.client_id.clone(), *id)];
            /// A user's applications, in the order of their ids.
            by_owner: (UserId, ClientApplicationId) => (), from rows |id, row| [((row.owner, *id), ())];
            /// By name among the owner's.
            by_name: (UserId, String) => ClientApplicationId, from rows |id, row| [((row.owner, row.name.clone()), *id)];
            /// Applications of a tenant, in the order of their ids.
            by_tenant: (TenantId, ClientApplicationId) => (), from rows |id, row| [((row.tenant, *id), ())];
            /// The applications that are a resource.
            by_resource: (String, ClientApplicationId) => (), from rows |id, row| {
                row.policy.resource_server.iter().map(|resource| ((resource.clone(), *id), ()))
            };
        }
    }
}

impl ClientApplications<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let id = ClientApplicationId(header.stream.id);
        match &envelope.event {
            Event::ClientApplicationRegistered(registered) => {
                let row = ClientApplication {
                    tenant: header.tenant,
                    owner: registered.owner,
                    name: registered.name.clone(),
                    description: registered.description.clone(),
                    redirect_urls: registered.redirect_urls.clone(),
                    client_id: registered.client_id.clone(),
                    key_id: registered.key_id,
                    secret: registered.secret.clone(),
                    previous_secret: None,
                    policy: registered.policy.clone(),
                    ended: None,
                    changed: header.sequence,
                };
                self.index(id, &row);
                self.rows.put(id, Arc::new(row));
            }
            Event::ClientApplicationUpdated(updated) => self.change(envelope, |row| {
                row.name.clone_from(&updated.name);
                row.description.clone_from(&updated.description);
                row.redirect_urls.clone_from(&updated.redirect_urls);
                row.policy = updated.policy.clone();
            }),
            Event::ClientApplicationSecretReset(reset) => self.change(envelope, |row| {
                row.secret = Some(reset.secret.clone());
                row.previous_secret = None;
                row.ended = Some(header.sequence);
            }),
            Event::ClientApplicationSecretRotated(rotated) => self.change(envelope, |row| {
                row.previous_secret = row
                    .secret
                    .as_ref()
                    .map(|secret| PreviousSecret { hash: secret.hash, until: rotated.previous_until });
                row.secret = Some(rotated.secret.clone());
            }),
            Event::ClientApplicationTransferred(transferred) => self.change(envelope, |row| {
                row.owner = transferred.owner;
                row.tenant = header.tenant;
            }),
            Event::ClientApplicationDeleted(_) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.forget(id, &before);
                self.rows.remove(&id);
                self.ended.put((before.owner, before.key_id), ());
            }
            Event::UserDeleted(_) => {
                let user = UserId(header.stream.id);
                let keys: Vec<KeyId> = self.ended_of(user).collect();
                for key in keys {
                    self.ended.remove(&(user, key));
                }
            }
            Event::GrantDenied(_)
            | Event::UserCreated(_)
            | Event::UserLocked(_)
            | Event::UserUnlocked(_)
            | Event::UserUpdated(_)
            | Event::UserStatusSet(_)
            | Event::UserPasswordSet(_)
            | Event::UserRolesSet(_)
            | Event::UserMoved(_)
            | facts!(grant)
            | facts!(token)
            | facts!(ledger)
            | facts!(tenant)
            | facts!(role)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(data_source)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting)
            | facts!(ip_whitelist) => {}
        }
    }

    fn change(&mut self, envelope: &Envelope, how: impl FnOnce(&mut ClientApplication)) {
        let id = ClientApplicationId(envelope.header.stream.id);
        let Some(before) = self.rows.get(&id).cloned() else { return };
        let mut after =
            ClientApplication { changed: envelope.header.sequence, ..ClientApplication::clone(&before) };
        how(&mut after);
        self.forget(id, &before);
        self.index(id, &after);
        self.rows.put(id, Arc::new(after));
    }

    fn index(&mut self, id: ClientApplicationId, row: &ClientApplication) {
        self.by_client_id.put(row.client_id.clone(), id);
        self.by_owner.put((row.owner, id), ());
        self.by_name.put((row.owner, row.name.clone()), id);
        self.by_tenant.put((row.tenant, id), ());
        if let Some(resource) = &row.policy.resource_server {
            self.by_resource.put((resource.clone(), id), ());
        }
    }

    fn forget(&mut self, id: ClientApplicationId, row: &ClientApplication) {
        self.by_client_id.remove(&row.client_id);
        self.by_owner.remove(&(row.owner, id));
        self.by_name.remove(&(row.owner, row.name.clone()));
        self.by_tenant.remove(&(row.tenant, id));
        if let Some(resource) = &row.policy.resource_server {
            self.by_resource.remove(&(resource.clone(), id));
        }
    }

    /// The applications of `owner` after `after`, in the order of their ids.
    pub fn of_owner(
        &self,
        owner: UserId,
        after: ClientApplicationId,
    ) -> impl Iterator<Item = ClientApplicationId> + '_ {
        let from = (owner, ClientApplicationId(after.0.saturating_add(1)));
        self.by_owner.range(from..=(owner, ClientApplicationId(u64::MAX))).map(|((_, id), ())| *id)
    }

    /// The applications of `tenant` after `after`, in the order of their ids.
    pub fn of_tenant(
        &self,
        tenant: TenantId,
        after: ClientApplicationId,
    ) -> impl Iterator<Item = ClientApplicationId> + '_ {
        let from = (tenant, ClientApplicationId(after.0.saturating_add(1)));
        self.by_tenant.range(from..=(tenant, ClientApplicationId(u64::MAX))).map(|((_, id), ())| *id)
    }

    /// The applications that are this resource, in the order of their ids.
    pub fn of_resource<'a>(
        &'a self,
        resource: &str,
    ) -> impl Iterator<Item = (ClientApplicationId, &'a Arc<ClientApplication>)> + 'a {
        let all = (resource.to_owned(), ClientApplicationId(0))
            ..=(resource.to_owned(), ClientApplicationId(u64::MAX));
        self.by_resource.range(all).filter_map(|((_, id), ())| Some((*id, self.rows.get(id)?)))
    }

    /// The keys of the applications of `owner` that are gone, in their order.
    pub fn ended_of(&self, owner: UserId) -> impl Iterator<Item = KeyId> + '_ {
        let all = (owner, KeyId([0; 32]))..=(owner, KeyId([u8::MAX; 32]));
        self.ended.range(all).map(|((_, key), ())| *key)
    }
}
