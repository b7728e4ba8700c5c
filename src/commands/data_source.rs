//! Data sources (hdp-api section 4): both ways of OAuth, by a profile or with the parameters among the options.

pub mod access;
pub mod members;
pub mod permissions;
pub mod sharing;

use events::{
    data_source::{
        ConnectionType, DataSourceCreated, DataSourceDeleted, DataSourceProfileCleared, DataSourceUpdated,
    },
    envelope::{Stream, StreamKind},
    id::{DataSourceId, DataStoreId, OAuthProfileId, Sequence, UserId},
    sealed::Sealed,
    sorted::SortedMap,
};
use projections::{State, data_sources::DataSource};

use self::access::SourcePermissions;
use super::{
    Cause, Decision, Fact, NOT_BY_TOKEN, NewKey, Object, Refusal, Taken, View, acting,
    data_store::{self, AUTH_URI, DATA_STORES, GROUP, TOKEN_URI},
    field::DataSourceName,
    oauth_profile::{CREATE, DELETE, MODIFY, no_more_than_one_command},
    sealed_under, unchanged_since,
};

/// Most options of one data source.
pub const OPTIONS_MAX: usize = 200;
/// Most bytes that names and values of one data source's options may have together. With [`OPTIONS_MAX`] an event about
/// them always fits its body.
pub const OPTIONS_BYTES_MAX: usize = 32 << 10;
/// The plain options that whom a data source is shared with may change while it keeps secrets: how it is asked, and not where.
const RECEIVERS_OPTIONS: [&str; 2] = ["ODataVersion", "DefaultQueryOptions"];
/// By how much a sealed value is longer than its text: the tag at the ciphertext's end.
const TAG_BYTES: usize = 16;

/// A new data source.
#[derive(Clone, Debug)]
pub struct CreateDataSource {
    /// Unique among the owner's.
    pub name: DataSourceName,
    /// What it connects to.
    pub data_store: DataStoreId,
    /// How; `None` for what its data store has by default.
    pub connection_type: Option<ConnectionType>,
    /// The data source's key.
    pub key: NewKey,
    /// Free text under that key.
    pub description: Option<Sealed>,
    /// Whose tokens it uses.
    pub profile: Option<OAuthProfileId>,
    /// Options on the data store's list of plain ones.
    pub plain_options: SortedMap<String, String>,
    /// All others under that key.
    pub sealed_options: SortedMap<String, Sealed>,
    /// Exactly what its owner may do with it, said by an administrator who makes it for him.
    pub permissions: Option<SourcePermissions>,
}

/// A data source replaced by a PUT.
#[derive(Clone, Debug)]
pub struct UpdateDataSource {
    /// Which.
    pub id: DataSourceId,
    /// From `If-Match`: the event that last changed it must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// Unique among the owner's.
    pub name: DataSourceName,
    /// When given, must equal the stored one.
    pub data_store: Option<DataStoreId>,
    /// When given, must equal the stored one.
    pub connection_type: Option<ConnectionType>,
    /// Free text under the data source's key; `None` clears it.
    pub description: Option<Sealed>,
    /// Whose tokens it uses; `None` clears it.
    pub profile: Option<OAuthProfileId>,
    /// All of them: what is left out is gone.
    pub plain_options: SortedMap<String, String>,
    /// Those to change, under the data source's key; `None` takes one away, what is not named stays.
    pub sealed_options: SortedMap<String, Option<Sealed>>,
    /// What its owner may do with it; `None` leaves that as it is. Only an administrator who acts for him changes it.
    pub permissions: Option<SourcePermissions>,
}

/// A data source deleted.
#[derive(Clone, Debug)]
pub struct DeleteDataSource {
    /// Which.
    pub id: DataSourceId,
    /// As in [`UpdateDataSource`].
    pub expected: Option<Vec<Sequence>>,
}

pub(super) fn create(view: &View<'_>, cause: &Cause, wish: &CreateDataSource) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &CREATE)?;
    if data_store::by_id(wish.data_store).is_none() {
        return Err(unknown_store());
    }
    let is_group = wish.data_store == GROUP;
    let connection_type =
        wish.connection_type.unwrap_or(if is_group { ConnectionType::Group } else { ConnectionType::Cloud });
    if is_group != (connection_type == ConnectionType::Group) {
        return Err(Refusal::invalid(
            "connectionType",
            "\"Group\" goes with data store 56, \"Cloud\" and \"Hybrid\" with all others",
        ));
    }
    usable_profile(state, principal.user, wish.data_store, wish.profile)?;
    if principal.through_client {
        profile_by_token(wish.profile, &wish.plain_options)?;
    }
    let sealed = wish.sealed_options.iter().map(|(_, value)| value);
    sealed_under(wish.key.id, wish.description.iter().chain(sealed))?;
    let sealed_options = wish.sealed_options.iter().map(|(name, value)| (name, value));
    within_limits(&wish.plain_options, sealed_options)?;
    name_is_free(state, principal.user, &wish.name, None)?;
    if wish.permissions.is_some() {
        permissions::may_set(cause, &principal, wish.permissions.as_ref())?;
    }
    let id = DataSourceId(state.log.next_id(StreamKind::DATA_SOURCE));
    let created = DataSourceCreated {
        owner: principal.user,
        name: wish.name.clone().into(),
        data_store: wish.data_store,
        connection_type,
        key_id: wish.key.id,
        description: wish.description.clone(),
        profile: wish.profile,
        plain_options: wish.plain_options.clone(),
        sealed_options: wish.sealed_options.clone(),
    };
    let mut facts = vec![Fact::new(principal.tenant, stream(id), created)];
    let set = wish.permissions.clone();
    facts.extend(set.map(|set| permissions::fact(id, principal.tenant, Some(set))));
    Ok(Decision { facts, keys: wish.key.entries.clone(), ..Decision::default() })
}

/// Always records an event, as for applications.
pub(super) fn update(view: &View<'_>, cause: &Cause, wish: &UpdateDataSource) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = access::asked(state, cause.actor, cause.on_behalf_of, &MODIFY)?;
    let access::Seen { row, owned, .. } = access::allowed(view, &principal, wish.id, &MODIFY)?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    if !owned {
        left_to_the_owner(row, wish)?;
    } else if principal.acts_for_another && !principal.is_administrator() && keeps_sealed_options(row, wish) {
        secrets_go_where_they_went(row, wish)?;
    } else if principal.through_client {
        let keeps_secrets =
            keeps_sealed_options(row, wish) || row.profile.is_some() && wish.profile == row.profile;
        if keeps_secrets && !other_options_stay(row, wish) {
            return Err(Refusal::invalid("options", NOT_BY_TOKEN));
        }
        if wish.profile != row.profile {
            profile_by_token(wish.profile, &wish.plain_options)?;
        }
    }
    let anew = wish.permissions.as_ref().filter(|set| row.permissions.as_ref() != Some(set.list()));
    if anew.is_some() {
        permissions::may_set(cause, &principal, anew)?;
    }
    if wish.data_store.is_some_and(|store| store != row.data_store) {
        return Err(Refusal::invalid(
            "dataStore",
            "a data source stays with its data store; leave it out or repeat it",
        ));
    }
    if wish.connection_type.is_some_and(|connection_type| connection_type != row.connection_type) {
        return Err(Refusal::ConnectionTypeFixed(row.connection_type));
    }
    if owned {
        usable_profile(state, row.owner, row.data_store, wish.profile)?;
    }
    let changed = wish.sealed_options.iter().filter_map(|(_, value)| value.as_ref());
    sealed_under(row.key_id, wish.description.iter().chain(changed))?;
    // To take away what is not there is nothing to record.
    let sealed_options: SortedMap<String, Option<Sealed>> = wish
        .sealed_options
        .iter()
        .filter(|(name, value)| value.is_some() || row.sealed_options.get(name).is_some())
        .cloned()
        .collect();
    let kept = row.sealed_options.iter().filter(|(name, _)| sealed_options.get(name).is_none());
    let set = sealed_options.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    within_limits(&wish.plain_options, kept.map(|(name, value)| (name, value)).chain(set))?;
    name_is_free(state, row.owner, &wish.name, Some(wish.id))?;
    let updated = DataSourceUpdated {
        name: wish.name.clone().into(),
        description: wish.description.clone(),
        profile: wish.profile,
        plain_options: wish.plain_options.clone(),
        sealed_options,
    };
    let mut facts = vec![Fact::new(row.tenant, stream(wish.id), updated)];
    facts.extend(anew.map(|anew| permissions::fact(wish.id, row.tenant, Some(anew.clone()))));
    Ok(Decision { facts, ..Decision::default() })
}

/// Whom a data source is shared with may change it, but not what would reach beyond it: its name, for a name that is taken tells
/// what else its owner has; its profile, which would be another's; what its owner may do; and, while it keeps secrets, be it by
/// its profile, any option but [`RECEIVERS_OPTIONS`], for any other may say where they are sent. What he leaves out is what he
/// would clear, as in every PUT, so he repeats what is not his to change; sealed options, which he is not shown, he does not
/// name at all.
fn left_to_the_owner(row: &DataSource, wish: &UpdateDataSource) -> Result<(), Refusal> {
    if wish.permissions.is_some() {
        return Err(Refusal::Forbidden);
    }
    if wish.name.as_str() != row.name {
        return Err(Refusal::invalid("name", "a data source that is shared with you keeps its name"));
    }
    if wish.profile != row.profile {
        let other = |profile| Refusal::UnknownReference(Object::OAuthProfile(profile));
        return Err(wish.profile.map_or(Refusal::Forbidden, other));
    }
    let has_secrets = row.profile.is_some() || !row.sealed_options.is_empty();
    if has_secrets && (!wish.sealed_options.is_empty() || !other_options_stay(row, wish)) {
        return Err(Refusal::Forbidden);
    }
    secrets_go_where_they_went(row, wish)
}

/// Whether all plain options stay but [`RECEIVERS_OPTIONS`], which say nothing of where secrets are sent.
fn other_options_stay(row: &DataSource, wish: &UpdateDataSource) -> bool {
    let stays = |name: &str| {
        RECEIVERS_OPTIONS.contains(&name) || wish.plain_options.get(name) == row.plain_options.get(name)
    };
    row.plain_options.iter().chain(wish.plain_options.iter()).all(|(name, _)| stays(name))
}

/// A client application that is shown no token of a profile does not say where they are sent either.
fn profile_by_token(
    profile: Option<OAuthProfileId>,
    options: &SortedMap<String, String>,
) -> Result<(), Refusal> {
    let elsewhere = options.iter().any(|(name, _)| !RECEIVERS_OPTIONS.contains(&name.as_str()));
    if profile.is_some() && elsewhere { Err(Refusal::invalid("options", NOT_BY_TOKEN)) } else { Ok(()) }
}

/// Whether a sealed option stays that whoever asks need not know.
fn keeps_sealed_options(row: &DataSource, wish: &UpdateDataSource) -> bool {
    row.sealed_options.iter().any(|(name, _)| wish.sealed_options.get(name).is_none())
}

/// Where a provider asks and gives tokens is not for those to change who are not shown the secrets that are sent there: whom it
/// is shared with, and who acts for the owner without 12.
fn secrets_go_where_they_went(row: &DataSource, wish: &UpdateDataSource) -> Result<(), Refusal> {
    let moved = [AUTH_URI, TOKEN_URI]
        .into_iter()
        .find(|uri| wish.plain_options.get(*uri) != row.plain_options.get(*uri));
    match moved {
        Some(_) => Err(Refusal::invalid("options", "AuthURI and TokenURI are the owner's to change")),
        None => Ok(()),
    }
}

pub(super) fn delete(view: &View<'_>, cause: &Cause, wish: &DeleteDataSource) -> Result<Decision, Refusal> {
    let principal = access::asked(&view.state, cause.actor, cause.on_behalf_of, &DELETE)?;
    let row = access::allowed(view, &principal, wish.id, &DELETE)?.row;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let mut facts = Vec::new();
    end(&view.state, wish.id, row, &mut facts);
    Ok(Decision { facts: no_more_than_one_command(facts)?, ..Decision::default() })
}

/// The end of a data source: first it leaves its groups, so that no event leaves a reference to nothing. Its shares and its own
/// members go with it.
pub fn end(state: &State<'_>, id: DataSourceId, row: &DataSource, facts: &mut Vec<Fact>) {
    members::leave_groups(state, id, facts);
    facts.push(Fact::new(row.tenant, stream(id), DataSourceDeleted {}));
}

/// That there is no data store of the id that was given.
pub fn unknown_store() -> Refusal {
    let ids: Vec<String> = DATA_STORES.iter().map(|store| store.id.to_string()).collect();
    Refusal::invalid("dataStore", format!("use the id of a data store: {}", ids.join(", ")))
}

/// That a data source's profile goes, so that it uses none any more.
pub(super) fn without_profile(id: DataSourceId, row: &DataSource, profile: OAuthProfileId) -> Fact {
    Fact::new(row.tenant, stream(id), DataSourceProfileCleared { profile })
}

fn stream(id: DataSourceId) -> Stream {
    Stream::new(StreamKind::DATA_SOURCE, id.0)
}

/// A data source may name only a profile that its owner sees and that is of its data store (hdp-api 9.16).
fn usable_profile(
    state: &State<'_>,
    owner: UserId,
    store: DataStoreId,
    profile: Option<OAuthProfileId>,
) -> Result<(), Refusal> {
    let Some(id) = profile else { return Ok(()) };
    let row = state.oauth_profiles.rows.get(&id).filter(|row| row.owner == owner);
    let app = row.and_then(|row| state.oauth_apps.rows.get(&row.oauth_app));
    if app.is_some_and(|app| app.data_store == store) {
        Ok(())
    } else {
        Err(Refusal::UnknownReference(Object::OAuthProfile(id)))
    }
}

fn within_limits<'a>(
    plain: &SortedMap<String, String>,
    sealed: impl Iterator<Item = (&'a String, &'a Sealed)>,
) -> Result<(), Refusal> {
    let mut count = plain.len();
    let mut bytes: usize = plain.iter().map(|(name, value)| name.len() + value.len()).sum();
    for (name, value) in sealed {
        count += 1;
        bytes += name.len() + value.ciphertext.len().saturating_sub(TAG_BYTES);
    }
    if count > OPTIONS_MAX || bytes > OPTIONS_BYTES_MAX { Err(Refusal::OptionsTooLarge) } else { Ok(()) }
}

fn name_is_free(
    state: &State<'_>,
    owner: UserId,
    name: &DataSourceName,
    own: Option<DataSourceId>,
) -> Result<(), Refusal> {
    match state.data_sources.by_name.get(&(owner, name.as_str().to_owned())) {
        Some(holder) if own != Some(*holder) => Err(Refusal::Taken(Taken::DataSourceName)),
        _ => Ok(()),
    }
}
