//! OAuth profiles: users' tokens at providers.

use std::sync::Arc;

use events::{
    envelope::Envelope,
    event::Event,
    id::{OAuthAppId, OAuthProfileId, Sequence, TenantId, UserId},
    sealed::{KeyId, Sealed},
};
use serde::{Deserialize, Serialize};

use crate::{nouns::facts, table::projection};

/// A profile as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthProfile {
    /// The owner's tenant.
    pub tenant: TenantId,
    /// Whose tokens.
    pub owner: UserId,
    /// Unique among the owner's profiles.
    pub name: String,
    /// The application through which they were obtained.
    pub oauth_app: OAuthAppId,
    /// Free text.
    pub description: Option<Sealed>,
    /// The provider's access token.
    pub access_token: Option<Sealed>,
    /// The provider's refresh token.
    pub refresh_token: Sealed,
    /// The event that last changed it.
    pub changed: Sequence,
}

impl OAuthProfile {
    /// The living data key.
    pub fn key_id(&self) -> KeyId {
        self.refresh_token.key_id
    }
}

projection! {
    /// All profiles.
    OAuthProfiles, OAuthProfilesChanges {
        primary {
            /// By id.
            rows: OAuthProfileId => Arc<OAuthProfile>;
            /// The keys of profiles that a user deleted: the log still holds what they sealed, and his erasure destroys them,
            /// too.
            ended: (UserId, KeyId) => ();
        }
        index {
            /// A user's profiles, in the order of their ids.
            by_owner: (UserId, OAuthProfileId) => (), from rows |id, row| [((row.owner, *id), ())];
            /// By name among the owner's.
            by_name: (UserId, String) => OAuthProfileId, from rows |id, row| [((row.owner, row.name.clone()), *id)];
            /// Profiles of an application, in the order of their ids.
            by_app: (OAuthAppId, OAuthProfileId) => (), from rows |id, row| [((row.oauth_app, *id), ())];
        }
    }
}

impl OAuthProfiles<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let id = OAuthProfileId(header.stream.id);
        match &envelope.event {
            Event::OAuthProfileCreated(created) => {
                let profile = OAuthProfile {
                    tenant: header.tenant,
                    owner: created.owner,
                    name: created.name.clone(),
                    oauth_app: created.oauth_app,
                    description: created.description.clone(),
                    access_token: created.access_token.clone(),
                    refresh_token: created.refresh_token.clone(),
                    changed: header.sequence,
                };
                self.index(id, &profile);
                self.rows.put(id, Arc::new(profile));
            }
            Event::OAuthProfileUpdated(updated) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                let profile = OAuthProfile {
                    tenant: before.tenant,
                    owner: before.owner,
                    name: updated.name.clone(),
                    oauth_app: updated.oauth_app,
                    description: updated.description.clone(),
                    access_token: updated.access_token.of(before.access_token.as_ref()),
                    refresh_token: updated
                        .refresh_token
                        .clone()
                        .unwrap_or_else(|| before.refresh_token.clone()),
                    changed: header.sequence,
                };
                // Most changes leave what the indexes go by, and then leave the indexes.
                if before.name != profile.name || before.oauth_app != profile.oauth_app {
                    self.forget(id, &before);
                    self.index(id, &profile);
                }
                self.rows.put(id, Arc::new(profile));
            }
            Event::OAuthProfileDeleted(_) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.forget(id, &before);
                self.rows.remove(&id);
                self.ended.put((before.owner, before.key_id()), ());
            }
            Event::UserDeleted(_) => self.forget_ended(UserId(header.stream.id)),
            Event::UserCreated(_)
            | Event::UserLocked(_)
            | Event::UserUnlocked(_)
            | Event::UserUpdated(_)
            | Event::UserStatusSet(_)
            | Event::UserPasswordSet(_)
            | Event::UserRolesSet(_)
            | Event::UserMoved(_)
            | facts!(ledger)
            | facts!(tenant)
            | facts!(role)
            | facts!(oauth_app)
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

    fn forget_ended(&mut self, user: UserId) {
        let keys: Vec<KeyId> = self.ended_of(user).collect();
        for key in keys {
            self.ended.remove(&(user, key));
        }
    }

    fn index(&mut self, id: OAuthProfileId, row: &OAuthProfile) {
        self.by_owner.put((row.owner, id), ());
        self.by_name.put((row.owner, row.name.clone()), id);
        self.by_app.put((row.oauth_app, id), ());
    }

    fn forget(&mut self, id: OAuthProfileId, row: &OAuthProfile) {
        self.by_owner.remove(&(row.owner, id));
        self.by_name.remove(&(row.owner, row.name.clone()));
        self.by_app.remove(&(row.oauth_app, id));
    }

    /// The profiles of `owner` after `after`, in the order of their ids.
    pub fn of_owner(
        &self,
        owner: UserId,
        after: OAuthProfileId,
    ) -> impl Iterator<Item = OAuthProfileId> + '_ {
        let from = (owner, OAuthProfileId(after.0.saturating_add(1)));
        self.by_owner.range(from..=(owner, OAuthProfileId(u64::MAX))).map(|((_, profile), ())| *profile)
    }

    /// The keys of the profiles of `owner` that are gone, in their order.
    pub fn ended_of(&self, owner: UserId) -> impl Iterator<Item = KeyId> + '_ {
        let all = (owner, KeyId([0; 32]))..=(owner, KeyId([u8::MAX; 32]));
        self.ended.range(all).map(|((_, key), ())| *key)
    }

    /// The profiles of an application, in the order of their ids.
    pub fn of_app(&self, app: OAuthAppId) -> impl Iterator<Item = OAuthProfileId> + '_ {
        let all = (app, OAuthProfileId(0))..=(app, OAuthProfileId(u64::MAX));
        self.by_app.range(all).map(|((_, profile), ())| *profile)
    }
}
