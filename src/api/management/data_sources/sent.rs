//! The body of a data source, read and checked.

use std::collections::BTreeMap;

use events::{
    data_source::ConnectionType,
    id::{DataSourceId, DataStoreId, OAuthProfileId},
    sorted::SortedMap,
};
use projections::data_sources::DataSource;

use crate::{
    api::{
        asking::Asking,
        error::ApiError,
        fields::{Fields, parse_id},
        json::Json,
        openapi::schemas::{BodySchema, body_schema, flag, id, ids, text, texts_by_name, word_of},
    },
    commands::{
        Refusal,
        data_source::{
            OPTIONS_BYTES_MAX, OPTIONS_MAX,
            access::{SETTABLE, SourcePermissions},
            unknown_store,
        },
        data_store::{self, DataStore, PROFILE_OPTION},
        field::{DESCRIPTION_BYTES_MAX, DataSourceName, NAME_CHARS_MAX, check_description},
    },
    vault::PlainSecret,
};

/// A sealed option as sent; an empty one is taken away.
pub(super) enum SentOption {
    Empty,
    Value(PlainSecret),
}

/// What a body says, checked field by field.
pub(super) struct Sent {
    pub(super) name: DataSourceName,
    pub(super) data_store: DataStoreId,
    pub(super) connection_type: Option<ConnectionType>,
    pub(super) description: Option<PlainSecret>,
    pub(super) profile: Option<OAuthProfileId>,
    pub(super) plain_options: SortedMap<String, String>,
    pub(super) sealed_options: BTreeMap<String, SentOption>,
    pub(super) permissions: Option<SourcePermissions>,
}

/// The properties that a create and a PUT have in common.
fn properties(about: &str) -> BodySchema {
    BodySchema::new(about)
        .required(
            "name",
            text(1..=NAME_CHARS_MAX)
                .pattern("^[A-Za-z][A-Za-z0-9_-]*$")
                .about("An ASCII letter, then letters, digits, `_` and `-`; no other data source of the owner has it.")
                .example("GA_Test"),
        )
        .optional(
            "connectionType",
            word_of(&["Cloud", "Hybrid", "Group"]).about("`Group` for data store 56; else `Cloud` when left out. It never changes."),
        )
        .optional("isGroup", flag().about("Whether the data store is 56, as a GET says."))
        .optional("description", text(0..=DESCRIPTION_BYTES_MAX).about(format!("At most {DESCRIPTION_BYTES_MAX} bytes.")))
        .optional(
            "options",
            texts_by_name(PROFILE_OPTION, OPTIONS_BYTES_MAX, OPTIONS_MAX).about(format!(
                "Texts by name, at most {OPTIONS_MAX} of them and {OPTIONS_BYTES_MAX} bytes together. Those that the data store does \
                 not list as plain are sealed. `{PROFILE_OPTION}` names a profile of the owner's, of the same data store."
            )),
        )
        .optional(
            "permissions",
            ids(SETTABLE.len()).about(
                "Exactly what its owner may do with it; 2 to 7 and 10 can stand here. Only for administrators who act for him. \
                 Left out, a PUT changes nothing about that.",
            ),
        )
}

body_schema!(
    Sent,
    "DataSourceCreate",
    properties("A new data source.")
        .required("dataStore", id().about("What it connects to. It never changes.").example(1))
);

/// What a PUT sends: the same, but what never changes may be left out, and the id may be repeated.
pub(super) struct Replaced;

body_schema!(
    Replaced,
    "DataSourceUpdate",
    properties("The data source as it shall be; what a GET answered can be sent back.")
        .optional("dataStore", id().about("What it connects to. It never changes."))
        .optional("id", id().about("The object's own."))
);

/// Why a body can't be a data source: by its form, or by a rule that the writer would refuse it by, too.
pub(super) enum NotSent {
    Form(ApiError),
    Rule(Refusal),
}

impl From<ApiError> for NotSent {
    fn from(error: ApiError) -> Self {
        Self::Form(error)
    }
}

impl NotSent {
    pub(super) fn heard_by(self, asking: &Asking) -> ApiError {
        match self {
            Self::Form(error) => error,
            Self::Rule(refusal) => asking.refused(refusal),
        }
    }
}

impl Sent {
    /// A body that makes a data source.
    pub(super) fn of_new(body: Json) -> Result<Self, NotSent> {
        let mut fields = Fields::of(body)?;
        let store = read_store(&mut fields)?.ok_or_else(|| fields.missing("dataStore"))?;
        Self::read(fields, store)
    }

    /// A body that replaces one. What never changes may be repeated or left out, so that what a GET answered can be sent
    /// back.
    pub(super) fn of_stored(body: Json, id: DataSourceId, row: &DataSource) -> Result<Self, NotSent> {
        let mut fields = Fields::of(body)?;
        fields.repeats_id(id.0)?;
        let stored = data_store::by_id(row.data_store).ok_or_else(|| NotSent::Rule(unknown_store()))?;
        let store = read_store(&mut fields)?.unwrap_or(stored);
        Self::read(fields, store)
    }

    fn read(mut fields: Fields, store: &'static DataStore) -> Result<Self, NotSent> {
        let connection_type = match fields.optional_text("connectionType")? {
            None => None,
            Some(text) => Some(match text.expose() {
                "Cloud" => ConnectionType::Cloud,
                "Hybrid" => ConnectionType::Hybrid,
                "Group" => ConnectionType::Group,
                other => return Err(ApiError::BadConnectionType(other.to_owned()).into()),
            }),
        };
        if fields.optional_bool("isGroup")?.is_some_and(|group| group != (store.id == data_store::GROUP)) {
            return Err(fields.invalid("isGroup", "true goes with data store 56 and no other").into());
        }
        let name = fields.parsed("name", DataSourceName::parse)?;
        let description = fields.optional_checked("description", check_description)?;
        let permissions = fields.optional_ids("permissions")?;
        let permissions = permissions.map(|ids| SourcePermissions::of_owner(&ids)).transpose();
        let permissions = permissions.map_err(|problem| fields.invalid("permissions", problem))?;
        let mut options = fields.optional_object("options")?.map(Fields::rest).unwrap_or_default();
        fields.finish()?;
        // Before anything is sealed: what is kept of the object before is counted by the writer.
        let bytes: usize = options.iter().map(|(name, value)| name.len() + text_len(value)).sum();
        if options.len() > OPTIONS_MAX || bytes > OPTIONS_BYTES_MAX {
            return Err(ApiError::OptionsTooLarge.into());
        }
        let profile = take_profile(&mut options)?;
        let (mut plain_options, mut sealed_options) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in options {
            let Json::Text(value) = value else { return Err(ApiError::BadOption(name).into()) };
            if !store.takes(&name, value.expose()) {
                return Err(ApiError::BadOption(name).into());
            }
            if store.has_plain(&name) {
                plain_options.insert(name, value.expose().to_owned());
            } else if value.expose().is_empty() {
                sealed_options.insert(name, SentOption::Empty);
            } else {
                sealed_options.insert(name, SentOption::Value(value));
            }
        }
        let plain_options = plain_options.into_iter().collect();
        let data_store = store.id;
        Ok(Self {
            name,
            data_store,
            connection_type,
            description,
            profile,
            plain_options,
            sealed_options,
            permissions,
        })
    }
}

fn read_store(fields: &mut Fields) -> Result<Option<&'static DataStore>, NotSent> {
    let Some(id) = fields.optional_id("dataStore")? else { return Ok(None) };
    let store = u32::try_from(id).ok().and_then(|id| data_store::by_id(DataStoreId(id)));
    store.map(Some).ok_or_else(|| NotSent::Rule(unknown_store()))
}

/// The profile is an option by its form, and a reference by what it means. An empty one is none.
fn take_profile(options: &mut Vec<(String, Json)>) -> Result<Option<OAuthProfileId>, ApiError> {
    let Some(index) = options.iter().position(|(name, _)| name == PROFILE_OPTION) else { return Ok(None) };
    let bad = || ApiError::BadOption(PROFILE_OPTION.to_owned());
    match options.swap_remove(index).1 {
        Json::Text(text) if text.expose().is_empty() => Ok(None),
        Json::Text(text) => parse_id(text.expose()).map(|id| Some(OAuthProfileId(id))).ok_or_else(bad),
        Json::Unsigned(id) => Ok(Some(OAuthProfileId(id))),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => Err(bad()),
    }
}

fn text_len(value: &Json) -> usize {
    match value {
        Json::Text(text) => text.expose().len(),
        Json::Null
        | Json::Bool(_)
        | Json::Unsigned(_)
        | Json::Number(_)
        | Json::List(_)
        | Json::Object(_) => 0,
    }
}
