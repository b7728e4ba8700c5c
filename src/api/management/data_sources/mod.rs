//! `/api/mgmt/datasources`: data sources (hdp-api section 4, brief page 002).

pub(super) mod list;
pub(super) mod members;
pub(super) mod permissions;
mod sent;
pub(super) mod shared_tenants;
pub(super) mod shared_users;
mod sharing;

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
    id::{DataSourceId, DataStoreId, OAuthProfileId, PermissionId, Sequence, TenantId, UserId},
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
        data_source::{
            CreateDataSource, DeleteDataSource, UpdateDataSource,
            access::{self, Operation, SourcePermissions},
        },
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
    /// Exactly what its owner may do with it, when that was set; told to him, and to who acts for him.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    permissions: Option<Vec<u16>>,
    /// With `details=true`: it is another user's, who shares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shared_by_another_user: Option<bool>,
    /// With `details=true`: it is his own, and he shares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shared_with_another_user: Option<bool>,
}

fn numbers(permissions: &[PermissionId]) -> Vec<u16> {
    permissions.iter().map(|permission| permission.0).collect()
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
        permissions: sent.permissions.clone(),
    };
    let receipt = asking.execute(Some(&body), || Ok(Wish::CreateDataSource(Box::new(wish.clone())))).await?;
    answer_created(&asking, &receipt)
}

/// Made from the event alone, so that a repeated request gets the same answer.
fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let Some((envelope, more)) = receipt.events.split_first() else { return Err(unexpected(receipt)) };
    let Event::DataSourceCreated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let permissions = more.iter().find_map(|envelope| match &envelope.event {
        Event::DataSourcePermissionsSet(set) => set.permissions.as_deref().map(numbers),
        _ => None,
    });
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
        permissions,
        shared_by_another_user: None,
        shared_with_another_user: None,
    };
    let location = format!("{}/api/mgmt/datasources/{id}", asking.app().public_url());
    let changed = more.last().unwrap_or(envelope).header.sequence;
    Ok(created(receipt, &location, changed, &body))
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
    permitted(&asking, &path, &MODIFY)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, Seen { row, .. }) = seen(&asking, &path, &MODIFY)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::of_stored(body.clone(), id, &row).map_err(|error| error.heard_by(&asking))?;
    let (data_store, connection_type) = (row.data_store, row.connection_type);
    let vault = asking.vault();
    let prepare = || {
        let row = seen(&asking, &path, &MODIFY)?.1.row;
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
            permissions: sent.permissions.clone(),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    answer_updated(&asking, &receipt, data_store, connection_type, sent.permissions.as_ref())
}

fn answer_updated(
    asking: &Asking,
    receipt: &Receipt,
    data_store: DataStoreId,
    connection_type: ConnectionType,
    permissions: Option<&SourcePermissions>,
) -> Result<Response, ApiError> {
    let Some((envelope, more)) = receipt.events.split_first() else { return Err(unexpected(receipt)) };
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
        permissions: permissions.map(|permissions| numbers(permissions.list())),
        shared_by_another_user: None,
        shared_with_another_user: None,
    };
    Ok(updated(receipt, more.last().unwrap_or(envelope).header.sequence, &body))
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
    permitted(&asking, &path, &DELETE)?;
    asking.no_more_parameters()?;
    family::delete::<DataSources>(&asking, path, Kind::DataSourceToDelete, |id, expected| {
        Wish::DeleteDataSource(DeleteDataSource { id, expected })
    })
    .await
}

/// Shows one data source.
///
/// With its sealed options, when `secrets.reveal` is `audited`: that is recorded as an event before it is answered. On behalf
/// of another only for holders of 12, and never for HEAD; to nobody with whom it is shared. With `asOf`, as it was, and
/// without them.
#[utoipa::path(
    get, path = "/api/mgmt/datasources/{id}", tag = tag::DATA_SOURCES, operation_id = "getDataSource",
    params(
        parameters::Id, parameters::OnBehalf, parameters::AsOf,
        ("details" = Option<bool>, Query, description = "Says whether it is shared, and by whom."),
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
    permitted(&asking, &path, &VIEW)?;
    let details = asking.query.flag("details")?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    family::show::<DataSources>(&asking, &path, moment, details).await
}

/// Refuses, before anything else is said about the request (hdp-api 9.4), who lacks the operation's permission and is not
/// given it by the data source of that id.
fn permitted(asking: &Asking, path: &str, operation: Operation) -> Result<(), ApiError> {
    match find::<DataSources>(asking, path, operation) {
        Err(error @ (ApiError::Forbidden | ApiError::InvalidCredentials)) => Err(error),
        _ => Ok(()),
    }
}

fn seen(asking: &Asking, path: &str, operation: Operation) -> Result<(DataSourceId, Seen), ApiError> {
    let (id, seen) = find::<DataSources>(asking, path, operation)?;
    Ok((id, Seen::clone(&seen)))
}

/// The data source in the path, when it is the caller's own, or that of the user he acts for.
fn own(asking: &Asking, path: &str, operation: Operation) -> Result<DataSourceId, ApiError> {
    let (id, seen) = seen(asking, path, operation)?;
    if seen.owned { Ok(id) } else { Err(ApiError::Forbidden) }
}

/// Data sources, seen by their owners and by those they are shared with.
struct DataSources;

/// A data source as somebody sees it.
#[derive(Clone)]
struct Seen {
    row: Arc<DataSource>,
    /// Whether it is his own.
    owned: bool,
    /// Whether it is shared with anybody.
    shared: bool,
}

impl Seen {
    fn of(state: &State<'_>, id: DataSourceId, row: &Arc<DataSource>, owned: bool) -> Self {
        let sources = &state.data_sources;
        let shared = sources.shared_users_of(id, UserId(0)).next().is_some()
            || sources.shared_tenants_of(id, TenantId(0)).next().is_some();
        Self { row: Arc::clone(row), owned, shared }
    }

    fn by_another(&self) -> bool {
        !self.owned
    }

    /// With whom else it is shared is not told to those it is shared with.
    fn with_another(&self) -> bool {
        self.owned && self.shared
    }
}

impl Family for DataSources {
    type Id = DataSourceId;
    type Row = Seen;
    type Shown<'a> = Shown<'a>;
    const KIND: Kind = Kind::DataSource;
    const STREAM: StreamKind = StreamKind::DATA_SOURCE;
    const VIEW: Operation = &VIEW;

    fn id(number: u64) -> DataSourceId {
        DataSourceId(number)
    }

    fn needed(operation: Operation, on_behalf: bool) -> &'static [PermissionId] {
        access::needed(operation, on_behalf)
    }

    fn found(
        view: &View<'_>,
        principal: &Principal,
        id: DataSourceId,
        operation: Operation,
    ) -> Result<Arc<Seen>, Refusal> {
        let seen = access::allowed(view, principal, id, operation)?;
        Ok(Arc::new(Seen::of(&view.state, id, seen.row, seen.owned)))
    }

    fn row(state: &State<'_>, id: DataSourceId) -> Option<Arc<Seen>> {
        let row = state.data_sources.rows.get(&id)?;
        Some(Arc::new(Seen::of(state, id, row, false)))
    }

    fn changed(seen: &Seen) -> Sequence {
        seen.row.changed
    }

    /// Secrets are the owner's: nobody is shown them with a share (hdp-api 9.13).
    fn secrets(id: DataSourceId, seen: &Seen) -> Option<Secrets> {
        (seen.owned && !seen.row.sealed_options.is_empty()).then_some(Secrets::DataSource(id))
    }

    fn was_found(principal: &Principal, _: Self::Id, seen: &Seen, finds: bool) -> Option<TenantId> {
        (finds || seen.row.owner == principal.user).then_some(seen.row.tenant)
    }

    fn present<T>(
        look: &Look<'_>,
        id: DataSourceId,
        seen: &Seen,
        answer: impl FnOnce(&Shown<'_>) -> T,
    ) -> Result<T, ApiError> {
        let row = &seen.row;
        let mut options = Options::in_the_clear(&row.plain_options, row.profile);
        for (name, sealed) in row.sealed_options.iter() {
            let value = look.secret(Some(sealed), Self::STREAM, Place::option(name))?;
            options.0.extend(value.map(|value| (name.clone(), value)));
        }
        let description = look.text(row.description.as_ref(), Self::STREAM)?;
        let permissions = row.permissions.as_deref().filter(|_| seen.owned);
        Ok(answer(&Shown {
            id: id.to_string(),
            name: &row.name,
            data_store: row.data_store.0,
            connection_type: connection_type_name(row.connection_type),
            is_group: row.is_group(),
            description: description.as_ref().map(PlainSecret::expose),
            options,
            permissions: permissions.map(numbers),
            shared_by_another_user: (look.details && seen.by_another()).then_some(true),
            shared_with_another_user: (look.details && seen.with_another()).then_some(true),
        }))
    }
}

/// Free text about a data source.
pub(super) fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::DATA_SOURCE, Field::DESCRIPTION)
}

fn option(asking: &Asking, name: &str, sealed: &Sealed) -> Result<PlainSecret, ApiError> {
    echoed(asking.vault(), sealed, StreamKind::DATA_SOURCE, Place::option(name))
}
