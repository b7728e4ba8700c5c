//! OAuth profiles from wish to row: what is asked for, what the documents say of it (hdp-api 2.5 "Use", section 3, 9.13,
//! 9.14, 9.16 to 9.18), and the comparison.

use authledger::{
    commands::{
        self, NewKey, Object, Refusal, Taken,
        disclosure::{RevealSecrets, Secrets},
        field::OAuthProfileName,
        oauth_profile::{CreateOAuthProfile, DeleteOAuthProfile, UpdateOAuthProfile},
    },
    vault::Vault,
};
use events::{
    envelope::{Stream, StreamKind},
    id::{OAuthAppId, OAuthProfileId, Sequence, TenantId, UserId},
    sealed::{Field, KeyId, Sealed, SecretChange},
};
use projections::{State, oauth_profiles::OAuthProfile};
use proptest::{option, prelude::*};

use crate::{
    compare::same,
    model::{App, Model},
    requests::{Ask, Request, if_match, sequences},
    rules::{About, Fact, Who, fact, invalid, under},
    steps::{Expected, Pick, Secret, Wish, expected, id, id_of, pick, rarely, secret},
};

/// Numbers are for [`id_of`].
#[derive(Clone, Debug)]
pub(crate) enum ProfileWish {
    Create {
        app: u8,
        name: u8,
        described: bool,
        access: bool,
        foreign_key: bool,
    },
    Put {
        profile: Pick,
        expected: Expected,
        app: Option<u8>,
        name: u8,
        described: bool,
        access: Access,
        refresh: Secret,
    },
    Delete {
        profile: Pick,
        expected: Expected,
    },
    Reveal {
        profile: Pick,
        stale: bool,
    },
}

/// What a PUT says about the access token.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    LeftOut,
    Empty,
    New,
    UnderAnotherKey,
}

/// A [`ProfileWish`] with everything the edge prepared.
#[derive(Clone, Debug)]
pub(crate) enum ProfileAsk {
    Create {
        app: u64,
        name: String,
        description: Option<Sealed>,
        access: Option<Sealed>,
        refresh: Sealed,
        key: KeyId,
    },
    Put {
        profile: u64,
        expected: Option<Vec<u64>>,
        app: u64,
        name: String,
        description: Option<Sealed>,
        access: SecretChange,
        refresh: Option<Sealed>,
    },
    Delete {
        profile: u64,
        expected: Option<Vec<u64>>,
    },
    Reveal {
        profile: u64,
        changed: u64,
    },
}

/// A row of the model.
#[derive(Clone)]
pub(crate) struct Profile {
    pub(crate) id: u64,
    pub(crate) tenant: u64,
    pub(crate) owner: u64,
    pub(crate) app: u64,
    name: String,
    description: Option<Sealed>,
    access: Option<Sealed>,
    pub(crate) refresh: Sealed,
    pub(crate) changed: u64,
}

/// Boxed, as in every file: a strategy is as large as all its parts, and here the parts are many.
pub(crate) fn profiles() -> BoxedStrategy<Wish> {
    let creates = (id(), 0..4_u8, any::<bool>(), any::<bool>(), rarely()).prop_map(
        |(app, name, described, access, foreign_key)| ProfileWish::Create {
            app,
            name,
            described,
            access,
            foreign_key,
        },
    );
    let access = prop_oneof![
        3 => Just(Access::LeftOut),
        3 => Just(Access::Empty),
        3 => Just(Access::New),
        1 => Just(Access::UnderAnotherKey),
    ];
    let app = option::weighted(0.5, id());
    let puts = (pick(), expected(), app, 0..4_u8, any::<bool>(), access, secret()).prop_map(
        |(profile, expected, app, name, described, access, refresh)| ProfileWish::Put {
            profile,
            expected,
            app,
            name,
            described,
            access,
            refresh,
        },
    );
    let deletes =
        (pick(), expected()).prop_map(|(profile, expected)| ProfileWish::Delete { profile, expected });
    let reveals = (pick(), rarely()).prop_map(|(profile, stale)| ProfileWish::Reveal { profile, stale });
    prop_oneof![5 => creates, 4 => puts, 2 => deletes, 2 => reveals].prop_map(Wish::Profile).boxed()
}

/// What the edge does with it for `whom`, whose it is or will be.
pub(crate) fn edge(
    vault: &Vault,
    model: &Model,
    whom: Option<u64>,
    wish: &ProfileWish,
) -> (Ask, commands::Wish) {
    let seal = |key, field| vault.seal(key, StreamKind::OAUTH_PROFILE, field, b"text");
    let parsed = |name: &str| OAuthProfileName::parse(name).expect("a good name");
    let (ask, wish) = match wish {
        ProfileWish::Create { app, name, described, access, foreign_key } => {
            let new = vault.new_data_key();
            let used = if *foreign_key { vault.new_data_key() } else { new.clone() };
            let (app, name) = (id_of(*app, model.apps_ever), format!("profile_{name}"));
            let description = described.then(|| seal(&new.key, Field::DESCRIPTION));
            let access = access.then(|| seal(&used.key, Field::ACCESS_TOKEN));
            let refresh = seal(&new.key, Field::REFRESH_TOKEN);
            let wish = CreateOAuthProfile {
                name: parsed(&name),
                oauth_app: OAuthAppId(app),
                key: NewKey { id: new.id(), entries: vec![new.change()] },
                description: description.clone(),
                access_token: access.clone(),
                refresh_token: refresh.clone(),
            };
            let ask = ProfileAsk::Create { app, name, description, access, refresh, key: new.id() };
            (ask, commands::Wish::CreateOAuthProfile(Box::new(wish)))
        }
        ProfileWish::Put { profile, expected, app, name, described, access, refresh } => {
            let profile = picked(model, whom, profile);
            let stored = model.profile(profile);
            let own =
                stored.map(|row| vault.data_key(&row.refresh.key_id).expect("the key of a living object"));
            let own = own.unwrap_or_else(|| vault.new_data_key().key);
            let other = vault.new_data_key().key;
            let app =
                app.map_or_else(|| stored.map_or(1, |row| row.app), |number| id_of(number, model.apps_ever));
            let name = format!("profile_{name}");
            let description = described.then(|| seal(&own, Field::DESCRIPTION));
            let access = match access {
                Access::LeftOut => SecretChange::Kept,
                Access::Empty => SecretChange::Cleared,
                Access::New => SecretChange::Replaced(seal(&own, Field::ACCESS_TOKEN)),
                Access::UnderAnotherKey => SecretChange::Replaced(seal(&other, Field::ACCESS_TOKEN)),
            };
            let refresh = match refresh {
                Secret::Kept => None,
                Secret::New => Some(seal(&own, Field::REFRESH_TOKEN)),
                Secret::UnderAnotherKey => Some(seal(&other, Field::REFRESH_TOKEN)),
            };
            let expected = if_match(stored.map(|row| row.changed), expected);
            let wish = UpdateOAuthProfile {
                id: OAuthProfileId(profile),
                expected: sequences(expected.as_ref()),
                name: parsed(&name),
                oauth_app: OAuthAppId(app),
                description: description.clone(),
                access_token: access.clone(),
                refresh_token: refresh.clone(),
            };
            let ask = ProfileAsk::Put { profile, expected, app, name, description, access, refresh };
            (ask, commands::Wish::UpdateOAuthProfile(Box::new(wish)))
        }
        ProfileWish::Delete { profile, expected } => {
            let profile = picked(model, whom, profile);
            let expected = if_match(model.profile(profile).map(|row| row.changed), expected);
            let (id, sequences) = (OAuthProfileId(profile), sequences(expected.as_ref()));
            let wish = DeleteOAuthProfile { id, expected: sequences };
            (ProfileAsk::Delete { profile, expected }, commands::Wish::DeleteOAuthProfile(wish))
        }
        ProfileWish::Reveal { profile, stale } => {
            let profile = picked(model, whom, profile);
            let changed = model.profile(profile).map_or(0, |row| row.changed) + u64::from(*stale);
            let secrets = Secrets::OAuthProfile(OAuthProfileId(profile));
            let wish = RevealSecrets { secrets, changed: Sequence(changed) };
            (ProfileAsk::Reveal { profile, changed }, commands::Wish::RevealSecrets(wish))
        }
    };
    (Ask::Profile(ask), wish)
}

/// One of the profiles of `whom`, or any.
pub(crate) fn picked(model: &Model, whom: Option<u64>, pick: &Pick) -> u64 {
    let own = model.profiles.iter().filter(|row| Some(row.owner) == whom).map(|row| row.id);
    pick.of(&own.collect::<Vec<_>>(), model.profiles_ever)
}

impl ProfileAsk {
    /// Beside MgmtAPI: those of data sources (hdp-api section 3).
    pub(crate) fn permission(&self) -> u16 {
        match self {
            Self::Create { .. } => 1,
            Self::Reveal { .. } => 2,
            Self::Put { .. } => 3,
            Self::Delete { .. } => 4,
        }
    }
}

impl Model {
    pub(crate) fn profile(&self, id: u64) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.id == id)
    }

    pub(crate) fn profile_facts(
        &self,
        who: &Who,
        request: &Request,
        ask: &ProfileAsk,
    ) -> Result<Vec<Fact>, Refusal> {
        match ask {
            ProfileAsk::Create { app, name, description, access, refresh, key } => {
                self.app_to_use(who, *app)?;
                under(*key, description.iter().chain(access).chain([refresh]))?;
                self.profile_name_is_free(who.user, name, None)?;
                let id = self.profiles_ever + 1;
                Ok(vec![fact(who.tenant, StreamKind::OAUTH_PROFILE, id, "OAuthProfileCreated")])
            }
            ProfileAsk::Put { profile, expected, app, name, description, access, refresh } => {
                let row = self.profile_of(who, *profile, expected.as_ref())?;
                if *app != row.app {
                    // Data sources rely on the profile's data store.
                    let (before, after) = (self.app(row.app), self.app_to_use(who, *app)?);
                    if before.is_none_or(|before| before.store != after.store) {
                        return Err(invalid("oauthAppId"));
                    }
                }
                let access = match access {
                    SecretChange::Replaced(token) => Some(token),
                    SecretChange::Kept | SecretChange::Cleared => None,
                };
                under(row.refresh.key_id, description.iter().chain(access).chain(refresh))?;
                self.profile_name_is_free(row.owner, name, Some(*profile))?;
                Ok(vec![fact(row.tenant, StreamKind::OAUTH_PROFILE, *profile, "OAuthProfileUpdated")])
            }
            ProfileAsk::Delete { profile, expected } => {
                Ok(self.end_of(self.profile_of(who, *profile, expected.as_ref())?))
            }
            ProfileAsk::Reveal { profile, changed } => {
                let row = self.profile_of(who, *profile, None)?;
                let object = Stream::new(StreamKind::OAUTH_PROFILE, row.id);
                let access = row.access.as_ref().map(|_| Field::ACCESS_TOKEN);
                let fields = access.into_iter().chain([Field::REFRESH_TOKEN]).collect();
                Self::reveal(who, request, row.tenant, *changed, About::Shown(object, row.changed, fields))
            }
        }
    }

    /// What goes when a profile goes: the references to it first, then it.
    pub(crate) fn end_of(&self, profile: &Profile) -> Vec<Fact> {
        let users = self.sources.iter().filter(|source| source.profile == Some(profile.id));
        let mut facts: Vec<Fact> = users
            .map(|source| Fact {
                about: About::Profile(profile.id),
                ..fact(source.tenant, StreamKind::DATA_SOURCE, source.id, "DataSourceProfileCleared")
            })
            .collect();
        facts.push(fact(profile.tenant, StreamKind::OAUTH_PROFILE, profile.id, "OAuthProfileDeleted"));
        facts
    }

    /// An application of the system tenant or of his own (hdp-api 2.5), whatever he administers.
    fn app_to_use(&self, who: &Who, id: u64) -> Result<&App, Refusal> {
        let row = self.app(id).filter(|app| app.tenant == 1 || app.tenant == who.tenant);
        row.ok_or(Refusal::UnknownReference(Object::OAuthApp(OAuthAppId(id))))
    }

    /// Only his own are there for him (hdp-api 9.17).
    fn profile_of(&self, who: &Who, id: u64, expected: Option<&Vec<u64>>) -> Result<&Profile, Refusal> {
        let row = self.profile(id).filter(|row| row.owner == who.user);
        let row = row.ok_or(Refusal::NotFound(Object::OAuthProfile(OAuthProfileId(id))))?;
        match expected {
            Some(expected) if !expected.contains(&row.changed) => Err(Refusal::PreconditionFailed),
            _ => Ok(row),
        }
    }

    fn profile_name_is_free(&self, owner: u64, name: &str, own: Option<u64>) -> Result<(), Refusal> {
        let mut others = self.profiles.iter().filter(|row| row.owner == owner && Some(row.id) != own);
        if others.any(|row| row.name == name) {
            return Err(Refusal::Taken(Taken::OAuthProfileName));
        }
        Ok(())
    }

    /// Makes an answer true; what a deletion takes along is in its facts.
    pub(crate) fn record_profile(&mut self, owner: u64, tenant: u64, first: u64, ask: ProfileAsk) {
        match ask {
            ProfileAsk::Create { app, name, description, access, refresh, .. } => {
                self.profiles_ever += 1;
                let (id, changed) = (self.profiles_ever, first);
                let profile = Profile { id, tenant, owner, app, name, description, access, refresh, changed };
                self.profiles.push(profile);
            }
            ProfileAsk::Put { profile, app, name, description, access, refresh, .. } => {
                let row = self.profiles.iter_mut().find(|row| row.id == profile).expect("answered");
                (row.app, row.name, row.description, row.changed) = (app, name, description, first);
                match access {
                    SecretChange::Kept => {}
                    SecretChange::Cleared => row.access = None,
                    SecretChange::Replaced(token) => row.access = Some(token),
                }
                if let Some(token) = refresh {
                    row.refresh = token;
                }
            }
            ProfileAsk::Delete { .. } | ProfileAsk::Reveal { .. } => {}
        }
    }
}

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    let profiles = &state.oauth_profiles;
    same!(profiles.rows.all().count(), model.profiles.len(), "number of profiles");
    same!(profiles.by_owner.all().count(), model.profiles.len(), "number of profiles of owners");
    same!(profiles.by_name.all().count(), model.profiles.len(), "number of profile names");
    same!(profiles.by_app.all().count(), model.profiles.len(), "number of profiles of applications");
    for row in &model.profiles {
        let id = OAuthProfileId(row.id);
        let expected = OAuthProfile {
            tenant: TenantId(row.tenant),
            owner: UserId(row.owner),
            name: row.name.clone(),
            oauth_app: OAuthAppId(row.app),
            description: row.description.clone(),
            access_token: row.access.clone(),
            refresh_token: row.refresh.clone(),
            changed: Sequence(row.changed),
        };
        same!(profiles.rows.get(&id).map(|row| &**row), Some(&expected), "profile {id}");
        same!(profiles.by_name.get(&(UserId(row.owner), row.name.clone())), Some(&id), "profile by name");
    }
    for owner in 0..12 {
        for after in [0, 2] {
            let expected = model.profiles.iter().filter(|row| row.owner == owner && row.id > after);
            let expected: Vec<OAuthProfileId> = expected.map(|row| OAuthProfileId(row.id)).collect();
            let actual: Vec<OAuthProfileId> =
                profiles.of_owner(UserId(owner), OAuthProfileId(after)).collect();
            same!(actual, expected, "profiles of user {owner} after {after}");
        }
    }
    for app in 0..=model.apps_ever {
        let expected = model.profiles.iter().filter(|row| row.app == app).map(|row| OAuthProfileId(row.id));
        let actual: Vec<OAuthProfileId> = profiles.of_app(OAuthAppId(app)).collect();
        same!(actual, expected.collect::<Vec<_>>(), "profiles of application {app}");
    }
    Ok(())
}
