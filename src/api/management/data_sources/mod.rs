//! `/api/mgmt/datasources`: data sources (hdp-api section 4, brief page 002).

pub(super) mod list;
mod sent;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    extract::{self, Path},
    response::Response,
};
use events::{
    data_source::ConnectionType,
    envelope::StreamKind,
    event::Event,
    id::{DataSourceId, DataStoreId, OAuthProfileId, PermissionId, Sequence, TenantId},
    sealed::{Field, Sealed},
    sorted::SortedMap,
};
use projections::{State, data_sources::DataSource};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use self::sent::{Replaced, Sent, SentOption};
use crate::{
    api::{
        AppState,
        asking::{Asking, connection_type_name, echoed, fault, open_text},
        body, codes,
        error::{ApiError, Kind},
        family::{self, Family, Look, find},
        openapi::{self, ids, parameters, tag},
        written::{created, unexpected, updated},
    },
    auth::principal::Principal,
    commands::{
        NewKey, Refusal, View, Wish,
        data_source::{CreateDataSource, DeleteDataSource, UpdateDataSource, owned},
        data_store::PROFILE_OPTION,
        disclosure::Secrets,
        oauth_profile::{CREATE, DELETE, MODIFY, VIEW},
    },
    ledger::live::Receipt,
    vault::{Place, PlainSecret},
};

/// One data source as create, GET and PUT answer it; `id` is a text (hdp-api 9.1).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataSource)]
struct Shown<'a> {
    id: String,
    name: &'a str,
    data_store: u32,
    /// `Cloud`, `Hybrid` or `Group`.
    connection_type: &'static str,
    is_group: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'a str>,
    /// By name. Those that are sealed only to whoever sent them, or may have them revealed.
    #[schema(value_type = BTreeMap<String, String>)]
    options: Options,
}

impl<'a> Shown<'a> {
    fn of(
        id: DataSourceId,
        row: &'a DataSource,
        description: Option<&'a PlainSecret>,
        options: Options,
    ) -> Self {
        Self {
            id: id.to_string(),
            name: &row.name,
            data_store: row.data_store.0,
            connection_type: connection_type_name(row.connection_type),
            is_group: row.is_group(),
            description: description.map(PlainSecret::expose),
            options,
        }
    }
}

/// Options by name. They leave memory with the answer, for some are secrets.
struct Options(BTreeMap<String, PlainSecret>);

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value.expose())))
    }
}

impl Options {
    /// Those that stand in the clear; the profile is among them.
    fn in_the_clear(plain: &SortedMap<String, String>, profile: Option<OAuthProfileId>) -> Self {
        let plain = plain.iter().map(|(name, value)| (name.clone(), PlainSecret::from(value.as_str())));
        let profile = profile.map(|id| (PROFILE_OPTION.to_owned(), PlainSecret::from(id.to_string())));
        Self(plain.chain(profile).collect())
    }
}

/// Creates a data source.
#[utoipa::path(
    post, path = "/api/mgmt/datasources", tag = tag::DATA_SOURCES, operation_id = "createDataSource",
    params(parameters::OnBehalf),
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&CREATE))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::BAD_OPTION), (400, codes::BAD_CONNECTION_TYPE), (400, codes::NO_OAUTH_PROFILE),
            (409, codes::NAME_TAKEN), (409, codes::KEY_UNREADABLE), (413, codes::OPTIONS_TOO_LARGE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn create(
    extract::State(app): extract::State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&CREATE)?;
    asking.no_more_parameters()?;
    app.ledger().read(|view| asking.principal(view, &CREATE).map(drop))?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::of_new(body.clone()).map_err(|error| error.heard_by(&asking))?;
    let vault = asking.vault();
    let key = vault.new_data_key();
    let seal = |place: Place<'_>, text: &PlainSecret| {
        vault.seal(&key.key, StreamKind::DATA_SOURCE, place, text.expose().as_bytes())
    };
    let sealed_options = sent.sealed_options.iter().filter_map(|(name, value)| match value {
        SentOption::Empty => None,
        SentOption::Value(text) => Some((name.clone(), seal(Place::option(name), text))),
    });
    let wish = CreateDataSource {
        name: sent.name.clone(),
        data_store: sent.data_store,
        connection_type: sent.connection_type,
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: sent.description.as_ref().map(|text| seal(Field::DESCRIPTION.into(), text)),
        profile: sent.profile,
        plain_options: sent.plain_options.clone(),
        sealed_options: sealed_options.collect(),
    };
    let receipt = asking.execute(Some(&body), || Ok(Wish::CreateDataSource(Box::new(wish.clone())))).await?;
    answer_created(&asking, &receipt)
}

/// Made from the event alone, so that a repeated request gets the same answer.
fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::DataSourceCreated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let id = envelope.header.stream.id;
    let mut options = Options::in_the_clear(&event.plain_options, event.profile);
    for (name, sealed) in event.sealed_options.iter() {
        options.0.insert(name.clone(), option(asking, name, sealed)?);
    }
    let description = description(asking, event.description.as_ref())?;
    let body = Shown {
        id: id.to_string(),
        name: &event.name,
        data_store: event.data_store.0,
        connection_type: connection_type_name(event.connection_type),
        is_group: event.connection_type == ConnectionType::Group,
        description: description.as_ref().map(PlainSecret::expose),
        options,
    };
    let location = format!("{}/api/mgmt/datasources/{id}", asking.app().public_url());
    Ok(created(receipt, &location, envelope.header.sequence, &body))
}

/// Replaces a data source.
///
/// Data store and connection type stay as they are. Sealed options that are left out stay, empty ones are cleared; others that
/// are left out are cleared. The answer shows the sealed options that were sent.
#[utoipa::path(
    put, path = "/api/mgmt/datasources/{id}", tag = tag::DATA_SOURCES, operation_id = "updateDataSource",
    params(parameters::Id, parameters::OnBehalf),
    request_body = Replaced,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::BAD_OPTION), (400, codes::BAD_CONNECTION_TYPE), (400, codes::CONNECTION_TYPE_FIXED),
            (400, codes::NO_OAUTH_PROFILE), (404, codes::NO_DATA_SOURCE), (409, codes::NAME_TAKEN),
            (409, codes::KEY_UNREADABLE), (413, codes::OPTIONS_TOO_LARGE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn update(
    extract::State(app): extract::State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&MODIFY)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, row) = find::<DataSources>(&asking, &path, &MODIFY)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::of_stored(body.clone(), id, &row).map_err(|error| error.heard_by(&asking))?;
    let (data_store, connection_type) = (row.data_store, row.connection_type);
    let vault = asking.vault();
    let prepare = || {
        let (_, row) = find::<DataSources>(&asking, &path, &MODIFY)?;
        let key = vault.data_key(&row.key_id).map_err(fault)?;
        let seal = |place: Place<'_>, text: &PlainSecret| {
            vault.seal(&key, StreamKind::DATA_SOURCE, place, text.expose().as_bytes())
        };
        let sealed_options = sent.sealed_options.iter().map(|(name, value)| match value {
            SentOption::Empty => (name.clone(), None),
            SentOption::Value(text) => (name.clone(), Some(seal(Place::option(name), text))),
        });
        Ok(Wish::UpdateDataSource(Box::new(UpdateDataSource {
            id,
            expected: expected.clone(),
            name: sent.name.clone(),
            data_store: Some(sent.data_store),
            connection_type: sent.connection_type,
            description: sent.description.as_ref().map(|text| seal(Field::DESCRIPTION.into(), text)),
            profile: sent.profile,
            plain_options: sent.plain_options.clone(),
            sealed_options: sealed_options.collect(),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    answer_updated(&asking, &receipt, data_store, connection_type)
}

fn answer_updated(
    asking: &Asking,
    receipt: &Receipt,
    data_store: DataStoreId,
    connection_type: ConnectionType,
) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::DataSourceUpdated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let mut options = Options::in_the_clear(&event.plain_options, event.profile);
    // Sealed options that a PUT kept are not shown: that would be a reveal.
    for (name, sealed) in event.sealed_options.iter() {
        if let Some(sealed) = sealed {
            options.0.insert(name.clone(), option(asking, name, sealed)?);
        }
    }
    let description = description(asking, event.description.as_ref())?;
    let body = Shown {
        id: envelope.header.stream.id.to_string(),
        name: &event.name,
        data_store: data_store.0,
        connection_type: connection_type_name(connection_type),
        is_group: connection_type == ConnectionType::Group,
        description: description.as_ref().map(PlainSecret::expose),
        options,
    };
    Ok(updated(receipt, envelope.header.sequence, &body))
}

/// Deletes a data source.
#[utoipa::path(
    delete, path = "/api/mgmt/datasources/{id}", tag = tag::DATA_SOURCES, operation_id = "deleteDataSource",
    params(parameters::Id, parameters::OnBehalf),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&DELETE))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE_TO_DELETE)]))),
    ),
)]
pub(in crate::api::management) async fn delete(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&DELETE)?;
    asking.no_more_parameters()?;
    family::delete::<DataSources>(&asking, path, Kind::DataSourceToDelete, |id, expected| {
        Wish::DeleteDataSource(DeleteDataSource { id, expected })
    })
    .await
}

/// Shows one data source.
///
/// With its sealed options, when `secrets.reveal` is `audited`: that is recorded as an event before it is answered. On behalf
/// of another only for holders of 12, and never for HEAD. With `asOf`, as it was, and
/// without them.
#[utoipa::path(
    get, path = "/api/mgmt/datasources/{id}", tag = tag::DATA_SOURCES, operation_id = "getDataSource",
    params(
        parameters::Id, parameters::OnBehalf, parameters::AsOf,
        ("details" = Option<bool>, Query, description = "Adds what only sharing makes true: nothing here."),
    ),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE)]))),
        ("x-reveals" = json!(true)),
    ),
)]
pub(in crate::api::management) async fn show(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&VIEW)?;
    // Adds what only sharing makes true.
    let _ = asking.query.flag("details")?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    family::show::<DataSources>(&asking, &path, moment).await
}

/// Data sources, seen by their owners.
struct DataSources;

impl Family for DataSources {
    type Id = DataSourceId;
    type Row = DataSource;
    type Shown<'a> = Shown<'a>;
    const KIND: Kind = Kind::DataSource;
    const STREAM: StreamKind = StreamKind::DATA_SOURCE;
    const VIEW: &'static [PermissionId] = &VIEW;

    fn id(number: u64) -> DataSourceId {
        DataSourceId(number)
    }

    fn found<'v>(
        view: &'v View<'_>,
        principal: &Principal,
        id: DataSourceId,
    ) -> Result<&'v Arc<DataSource>, Refusal> {
        owned(view, principal, id)
    }

    fn row<'s>(state: &'s State<'_>, id: DataSourceId) -> Option<&'s Arc<DataSource>> {
        state.data_sources.rows.get(&id)
    }

    fn changed(row: &DataSource) -> Sequence {
        row.changed
    }

    fn secrets(id: DataSourceId, row: &DataSource) -> Option<Secrets> {
        (!row.sealed_options.is_empty()).then_some(Secrets::DataSource(id))
    }

    fn was_found(principal: &Principal, _: Self::Id, row: &DataSource) -> Option<TenantId> {
        (row.owner == principal.user).then_some(row.tenant)
    }

    fn present<T>(
        look: &Look<'_>,
        id: DataSourceId,
        row: &DataSource,
        answer: impl FnOnce(&Shown<'_>) -> T,
    ) -> Result<T, ApiError> {
        let mut options = Options::in_the_clear(&row.plain_options, row.profile);
        for (name, sealed) in row.sealed_options.iter() {
            let value = look.secret(Some(sealed), Self::STREAM, Place::option(name))?;
            options.0.extend(value.map(|value| (name.clone(), value)));
        }
        let description = look.text(row.description.as_ref(), Self::STREAM)?;
        Ok(answer(&Shown::of(id, row, description.as_ref(), options)))
    }
}

/// Free text about a data source.
pub(super) fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::DATA_SOURCE, Field::DESCRIPTION)
}

fn option(asking: &Asking, name: &str, sealed: &Sealed) -> Result<PlainSecret, ApiError> {
    echoed(asking.vault(), sealed, StreamKind::DATA_SOURCE, Place::option(name))
}
