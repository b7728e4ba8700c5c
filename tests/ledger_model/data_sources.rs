//! Data sources from wish to ask, what the documents say of it (hdp-api 4.2, 4.3, 9.13, 9.14, 9.16, 9.17), and the
//! comparison.

use authledger::commands::{Object, Refusal, Taken, data_source::access::SourcePermissions};
use events::{
    data_source::{ConnectionType, DataSourcePermissionsSet},
    envelope::{Stream, StreamKind},
    id::{DataSourceId, DataStoreId, OAuthProfileId, Sequence, TenantId, UserId},
    sealed::{Field, KeyId, Sealed},
};
use projections::{State, data_sources::DataSource};

use crate::{
    compare::same,
    model::Model,
    requests::Request,
    rules::{About, Fact, Who, fact, invalid, says, under},
    sharing::{listed, numbers},
    sharing_rules::{DELETE, MODIFY, Seen, VIEW, may_set},
};

/// A sealed value, and how long its text is.
pub(crate) type Value = (Sealed, usize);

/// A request about data sources, with everything the edge prepared.
#[derive(Clone, Debug)]
pub(crate) enum SourceAsk {
    Create {
        store: u32,
        connection: Option<ConnectionType>,
        name: String,
        description: Option<Sealed>,
        profile: Option<u64>,
        plain: Vec<(String, String)>,
        sealed: Vec<(String, Value)>,
        key: KeyId,
        permissions: Option<SourcePermissions>,
    },
    Put {
        source: u64,
        expected: Option<Vec<u64>>,
        store: Option<u32>,
        connection: Option<ConnectionType>,
        name: String,
        description: Option<Sealed>,
        profile: Option<u64>,
        plain: Vec<(String, String)>,
        /// `None` for one that is taken away.
        sealed: Vec<(String, Option<Value>)>,
        permissions: Option<SourcePermissions>,
    },
    Delete {
        source: u64,
        expected: Option<Vec<u64>>,
    },
    Reveal {
        source: u64,
        changed: u64,
    },
}

/// A row of the model.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) id: u64,
    pub(crate) tenant: u64,
    pub(crate) owner: u64,
    pub(crate) store: u32,
    pub(crate) connection: ConnectionType,
    pub(crate) name: String,
    pub(crate) key: KeyId,
    description: Option<Sealed>,
    pub(crate) profile: Option<u64>,
    pub(crate) plain: Vec<(String, String)>,
    pub(crate) sealed: Vec<(String, Value)>,
    /// What is set for its owner.
    pub(crate) permissions: Option<Vec<u16>>,
    pub(crate) changed: u64,
}

impl SourceAsk {
    /// Beside MgmtAPI (hdp-api 4.2); for a data source that is there, it may say itself what who asks for himself may do.
    pub(crate) fn permission(&self, for_another: bool) -> Option<u16> {
        match self {
            Self::Create { .. } => Some(1),
            Self::Reveal { .. } => for_another.then_some(VIEW),
            Self::Put { .. } => for_another.then_some(MODIFY),
            Self::Delete { .. } => for_another.then_some(DELETE),
        }
    }
}

impl Model {
    pub(crate) fn source(&self, id: u64) -> Option<&Source> {
        self.sources.iter().find(|source| source.id == id)
    }

    pub(crate) fn source_facts(
        &self,
        who: &Who,
        request: &Request,
        ask: &SourceAsk,
    ) -> Result<Vec<Fact>, Refusal> {
        let kind = StreamKind::DATA_SOURCE;
        match ask {
            SourceAsk::Create {
                store,
                connection,
                name,
                description,
                profile,
                plain,
                sealed,
                key,
                permissions,
            } => {
                if ![1, 54, 56, 62, 63, 76].contains(store) {
                    return Err(invalid("dataStore"));
                }
                let connection = connection.unwrap_or(usual(*store));
                if (connection == ConnectionType::Group) != (*store == 56) {
                    return Err(invalid("connectionType"));
                }
                self.profile_to_use(who.user, *store, *profile)?;
                under(*key, description.iter().chain(sealed.iter().map(|(_, (value, _))| value)))?;
                not_too_large(plain, sealed)?;
                self.source_name_is_free(who.user, name, None)?;
                let id = self.sources_ever + 1;
                let mut facts = vec![fact(who.tenant, kind, id, "DataSourceCreated")];
                if let Some(set) = permissions {
                    may_set(who, request, Some(set))?;
                    let permissions = Some(set.list().clone());
                    facts.push(says(who.tenant, kind, id, DataSourcePermissionsSet { permissions }));
                }
                Ok(facts)
            }
            SourceAsk::Put {
                source,
                expected,
                store,
                connection,
                name,
                description,
                profile,
                plain,
                sealed,
                permissions,
            } => {
                let Seen { row, owned, .. } = self.source_allowed(who, *source, MODIFY)?;
                if_match(row, expected.as_ref())?;
                let said = (name.as_str(), *profile, plain.as_slice(), sealed.as_slice());
                left_as_it_is(who, row, owned, said, permissions.is_some())?;
                let other = |set: &&SourcePermissions| row.permissions != Some(numbers(set.list()));
                let anew = permissions.as_ref().filter(other);
                if anew.is_some() {
                    may_set(who, request, anew)?;
                }
                if store.is_some_and(|store| store != row.store) {
                    return Err(invalid("dataStore"));
                }
                if connection.is_some_and(|connection| connection != row.connection) {
                    return Err(Refusal::ConnectionTypeFixed(row.connection));
                }
                if owned {
                    self.profile_to_use(row.owner, row.store, *profile)?;
                }
                let new = sealed.iter().filter_map(|(_, value)| value.as_ref().map(|(value, _)| value));
                under(row.key, description.iter().chain(new))?;
                not_too_large(plain, &put(&row.sealed, sealed))?;
                self.source_name_is_free(row.owner, name, Some(*source))?;
                let mut facts = vec![fact(row.tenant, kind, *source, "DataSourceUpdated")];
                facts.extend(anew.map(|set| {
                    let permissions = Some(set.list().clone());
                    says(row.tenant, kind, *source, DataSourcePermissionsSet { permissions })
                }));
                Ok(facts)
            }
            SourceAsk::Delete { source, expected } => {
                let row = self.source_allowed(who, *source, DELETE)?.row;
                if_match(row, expected.as_ref())?;
                let mut facts = self.leaves_groups(*source);
                facts.push(fact(row.tenant, kind, *source, "DataSourceDeleted"));
                Ok(facts)
            }
            SourceAsk::Reveal { source, changed } => {
                let row = self.source_owned(who, *source, VIEW)?.row;
                let about = About::Shown(Stream::new(kind, row.id), row.changed, vec![Field::OPTION]);
                let facts = Self::reveal(who, request, row.tenant, *changed, about)?;
                // Where nothing is sealed, nothing is shown.
                Ok(if row.sealed.is_empty() { Vec::new() } else { facts })
            }
        }
    }

    /// His own, and of the same data store (hdp-api 9.16).
    fn profile_to_use(&self, owner: u64, store: u32, profile: Option<u64>) -> Result<(), Refusal> {
        let Some(id) = profile else { return Ok(()) };
        let store_of = |app: u64| self.app(app).map(|app| app.store);
        match self.profile(id) {
            Some(row) if row.owner == owner && store_of(row.app) == Some(store) => Ok(()),
            _ => Err(Refusal::UnknownReference(Object::OAuthProfile(OAuthProfileId(id)))),
        }
    }

    fn source_name_is_free(&self, owner: u64, name: &str, own: Option<u64>) -> Result<(), Refusal> {
        let mut others = self.sources.iter().filter(|row| row.owner == owner && Some(row.id) != own);
        if others.any(|row| row.name == name) {
            return Err(Refusal::Taken(Taken::DataSourceName));
        }
        Ok(())
    }

    /// Makes an answer true.
    pub(crate) fn record_source(&mut self, owner: u64, tenant: u64, first: u64, ask: SourceAsk) {
        match ask {
            SourceAsk::Create {
                store, connection, name, description, profile, plain, sealed, key, ..
            } => {
                self.sources_ever += 1;
                self.sources.push(Source {
                    id: self.sources_ever,
                    tenant,
                    owner,
                    store,
                    connection: connection.unwrap_or(usual(store)),
                    name,
                    key,
                    description,
                    profile,
                    plain,
                    sealed,
                    permissions: None,
                    changed: first,
                });
            }
            SourceAsk::Put { source, name, description, profile, plain, sealed, .. } => {
                let row = self.sources.iter_mut().find(|row| row.id == source).expect("answered");
                (row.name, row.description, row.profile, row.plain) = (name, description, profile, plain);
                (row.sealed, row.changed) = (put(&row.sealed, &sealed), first);
            }
            SourceAsk::Delete { .. } | SourceAsk::Reveal { .. } => {}
        }
    }
}

/// What a PUT says: the name, the profile, the plain options, and the sealed ones.
type Said<'a> = (&'a str, Option<u64>, &'a [(String, String)], &'a [(String, Option<Value>)]);

/// What whoever is not the owner, or acts for him without 12, has to leave as it is.
fn left_as_it_is(
    who: &Who,
    row: &Source,
    owned: bool,
    (name, profile, plain, sealed): Said<'_>,
    permissions: bool,
) -> Result<(), Refusal> {
    let changed = changed(&row.plain, plain);
    if !owned {
        // Not what would reach beyond it: what else its owner has, and where his secrets go.
        if permissions {
            return Err(Refusal::Forbidden);
        }
        if *name != row.name {
            return Err(invalid("name"));
        }
        if profile != row.profile {
            let other = |id| Refusal::UnknownReference(Object::OAuthProfile(OAuthProfileId(id)));
            return Err(profile.map_or(Refusal::Forbidden, other));
        }
        // While there are secrets, only how it is asked.
        let secret = row.profile.is_some() || !row.sealed.is_empty();
        let his = ["ODataVersion", "DefaultQueryOptions"];
        if secret && (!sealed.is_empty() || !changed.iter().all(|name| his.contains(name))) {
            return Err(Refusal::Forbidden);
        }
    }
    // Nor does who acts for the owner send elsewhere what he is not shown.
    let kept = row.sealed.iter().any(|(name, _)| sealed.iter().all(|(other, _)| other != name));
    let moved = changed.iter().any(|name| ["AuthURI", "TokenURI"].contains(name));
    if moved && (!owned || kept && who.acting && !who.administrator()) {
        return Err(invalid("options"));
    }
    Ok(())
}

/// The options that one list has otherwise than the other, or not at all.
fn changed<'a>(before: &'a [(String, String)], after: &'a [(String, String)]) -> Vec<&'a str> {
    let other = |one: &&'a (String, String), all: &[(String, String)]| !all.contains(one);
    let gone = before.iter().filter(|one| other(one, after));
    gone.chain(after.iter().filter(|one| other(one, before))).map(|(name, _)| name.as_str()).collect()
}

fn if_match(row: &Source, expected: Option<&Vec<u64>>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if !expected.contains(&row.changed) => Err(Refusal::PreconditionFailed),
        _ => Ok(()),
    }
}

/// What a data source is connected by when nobody says.
fn usual(store: u32) -> ConnectionType {
    if store == 56 { ConnectionType::Group } else { ConnectionType::Cloud }
}

/// What is sealed after a PUT: what it doesn't name stays.
pub(crate) fn put(before: &[(String, Value)], change: &[(String, Option<Value>)]) -> Vec<(String, Value)> {
    let mut after = before.to_vec();
    for (name, value) in change {
        after.retain(|(other, _)| other != name);
        after.extend(value.iter().map(|value| (name.clone(), value.clone())));
    }
    after
}

/// At most 200 options, their names and texts together at most 32 KiB.
pub(crate) const OPTIONS: usize = 200;
pub(crate) const BYTES: usize = 32 * 1024;

pub(crate) fn size(plain: &[(String, String)], sealed: &[(String, Value)]) -> (usize, usize) {
    let of_plain = plain.iter().map(|(name, text)| name.len() + text.len());
    let of_sealed = sealed.iter().map(|(name, (_, length))| name.len() + length);
    (plain.len() + sealed.len(), of_plain.chain(of_sealed).sum())
}

fn not_too_large(plain: &[(String, String)], sealed: &[(String, Value)]) -> Result<(), Refusal> {
    let (count, bytes) = size(plain, sealed);
    if count > OPTIONS || bytes > BYTES { Err(Refusal::OptionsTooLarge) } else { Ok(()) }
}

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    let sources = &state.data_sources;
    same!(sources.rows.all().count(), model.sources.len(), "number of data sources");
    same!(sources.by_owner.all().count(), model.sources.len(), "number of data sources of owners");
    same!(sources.by_name.all().count(), model.sources.len(), "number of data source names");
    let with_profile = model.sources.iter().filter(|row| row.profile.is_some()).count();
    same!(sources.by_profile.all().count(), with_profile, "number of data sources with a profile");
    for row in &model.sources {
        let id = DataSourceId(row.id);
        let sealed = row.sealed.iter().map(|(name, (value, _))| (name.clone(), value.clone()));
        let expected = DataSource {
            tenant: TenantId(row.tenant),
            owner: UserId(row.owner),
            name: row.name.clone(),
            data_store: DataStoreId(row.store),
            connection_type: row.connection,
            key_id: row.key,
            description: row.description.clone(),
            profile: row.profile.map(OAuthProfileId),
            plain_options: row.plain.iter().cloned().collect(),
            sealed_options: sealed.collect(),
            permissions: row.permissions.as_deref().map(listed),
            changed: Sequence(row.changed),
        };
        same!(sources.rows.get(&id).map(|row| &**row), Some(&expected), "data source {id}");
        same!(sources.by_name.get(&(UserId(row.owner), row.name.clone())), Some(&id), "data source by name");
    }
    for profile in 0..=model.profiles_ever {
        for after in [0, 2] {
            let users = model.sources.iter().filter(|row| row.profile == Some(profile) && row.id > after);
            let expected: Vec<DataSourceId> = users.map(|row| DataSourceId(row.id)).collect();
            let actual: Vec<DataSourceId> =
                sources.of_profile(OAuthProfileId(profile), DataSourceId(after)).collect();
            same!(actual, expected, "data sources of profile {profile} after {after}");
        }
    }
    Ok(())
}

impl Source {
    pub(crate) fn is_group(&self) -> bool {
        self.connection == ConnectionType::Group
    }

    pub(crate) fn is_odata(&self) -> bool {
        self.plain.iter().any(|(name, version)| name == "ODataVersion" && !version.is_empty())
    }
}
