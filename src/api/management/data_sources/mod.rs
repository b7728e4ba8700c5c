//! `/api/mgmt/datasources`: data sources (hdp-api section 4, brief page 002).

pub(super) mod list;
mod sent;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use events::{
    data_source::ConnectionType,
    envelope::{Stream, StreamKind},
    event::Event,
    id::{DataSourceId, DataStoreId, OAuthProfileId, PermissionId},
    sealed::{Field, Sealed},
    sorted::SortedMap,
};
use projections::data_sources::DataSource;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use self::sent::{Replaced, Sent, SentOption};
use crate::{
    api::{
        AppState,
        asking::{Asking, connection_type_name, echoed, fault, open_text},
        body, codes,
        error::{ApiError, Kind},
        fields::parse_id,
        openapi::{self, ids, parameters, tag},
        past::open_text_then,
        written::{created, deleted, not_modified, shown, unexpected, updated, written},
    },
    commands::{
        NewKey, Refusal, Wish,
        data_source::{CreateDataSource, DeleteDataSource, UpdateDataSource, owned},
        data_store::PROFILE_OPTION,
        disclosure::{RevealSecrets, Secrets},
        oauth_profile::{CREATE, DELETE, MODIFY, VIEW},
    },
    ledger::{live::Receipt, past::Moment},
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

/// The id in a path. What can't be an id is an object that is not there.
fn id_of(path: &str) -> Result<DataSourceId, ApiError> {
    parse_id(path).map(DataSourceId).ok_or_else(|| ApiError::NotFound(Kind::DataSource, path.to_owned()))
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
    State(app): State<AppState>,
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
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&MODIFY)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, row) = find(&app, &asking, &path, &MODIFY)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::of_stored(body.clone(), id, &row).map_err(|error| error.heard_by(&asking))?;
    let (data_store, connection_type) = (row.data_store, row.connection_type);
    let vault = asking.vault();
    let prepare = || {
        let (_, row) = find(&app, &asking, &path, &MODIFY)?;
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
    let expected = asking.expected()?;
    // Asked of the writer also when the path is no id: a missing permission is heard first.
    let id = parse_id(&path).map_or(DataSourceId(0), DataSourceId);
    let wish = DeleteDataSource { id, expected };
    match asking.execute(None, || Ok(Wish::DeleteDataSource(wish.clone()))).await {
        Ok(receipt) => Ok(deleted(&receipt)),
        Err(ApiError::NotFound(Kind::DataSource, _)) => {
            Err(ApiError::NotFound(Kind::DataSourceToDelete, path))
        }
        Err(error) => Err(error),
    }
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
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&VIEW)?;
    // Adds what only sharing makes true.
    let _ = asking.query.flag("details")?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    if let Some(moment) = moment {
        return show_then(&app, &asking, &path, moment).await;
    }
    let (id, mut row) = find(&app, &asking, &path, &VIEW)?;
    if let Some(response) = not_modified(asking.headers(), row.changed)? {
        return Ok(response);
    }
    let reveals = !row.sealed_options.is_empty() && asking.reveals(&VIEW)?;
    let mut revealed = None;
    if reveals {
        let prepare = || {
            row = find(&app, &asking, &path, &VIEW)?.1;
            let secrets = Secrets::DataSource(id);
            Ok(Wish::RevealSecrets(RevealSecrets { secrets, changed: row.changed }))
        };
        revealed = Some(asking.execute(None, prepare).await?);
    }
    let response = present(&asking, id, &row, reveals)?;
    Ok(match revealed {
        Some(receipt) => written(&receipt, response),
        None => response,
    })
}

/// What is gone now is shown to its owner if he audits its tenant.
async fn show_then(
    app: &AppState,
    asking: &Asking,
    path: &str,
    moment: Moment,
) -> Result<Response, ApiError> {
    let (id, owner, gone) = app.ledger().read(|view| {
        let principal = asking.principal(view, &VIEW)?;
        let id = id_of(path)?;
        match owned(view, &principal, id) {
            Ok(_) => Ok((id, principal.user, false)),
            Err(Refusal::NotFound(_)) if !view.state.data_sources.rows.has(&id) => {
                Ok((id, principal.user, true))
            }
            Err(refusal) => Err(asking.refused(refusal)),
        }
    })?;
    let stream = Stream::new(StreamKind::DATA_SOURCE, id.0);
    let then = asking.row_at(stream, moment, |state| state.data_sources.rows.get(&id).cloned()).await?;
    let his = |row: &DataSource| row.owner == owner && (!gone || asking.audits(row.tenant));
    let then = then.filter(|then| his(&then.row));
    let then = then.ok_or_else(|| ApiError::NotFound(Kind::DataSource, id.to_string()))?;
    let sealed = then.row.description.as_ref();
    let description = open_text_then(asking.vault(), sealed, StreamKind::DATA_SOURCE, Field::DESCRIPTION)?;
    let options = Options::in_the_clear(&then.row.plain_options, then.row.profile);
    Ok(then.shown(&Shown::of(id, &then.row, description.as_ref(), options)))
}

/// The answer that a row makes, with the sealed options if they are shown.
fn present(asking: &Asking, id: DataSourceId, row: &DataSource, reveals: bool) -> Result<Response, ApiError> {
    let mut options = Options::in_the_clear(&row.plain_options, row.profile);
    for (name, sealed) in row.sealed_options.iter().filter(|_| reveals) {
        // An option whose key was destroyed is gone; the rest of the object is still an answer.
        if let Some(value) =
            open_text(asking.vault(), Some(sealed), StreamKind::DATA_SOURCE, Place::option(name))?
        {
            options.0.insert(name.clone(), value);
        }
    }
    let description = description(asking, row.description.as_ref())?;
    Ok(shown(row.changed, &Shown::of(id, row, description.as_ref(), options)))
}

/// The data source in the path when it is the caller's, in the order of hdp-api 9.4.
fn find(
    app: &AppState,
    asking: &Asking,
    path: &str,
    permissions: &[PermissionId],
) -> Result<(DataSourceId, Arc<DataSource>), ApiError> {
    let principal = app.ledger().read(|view| asking.principal(view, permissions))?;
    let id = id_of(path)?;
    app.ledger().read(|view| {
        let row = owned(view, &principal, id).map(Arc::clone).map_err(|refusal| asking.refused(refusal))?;
        Ok((id, row))
    })
}

/// Free text about a data source.
pub(super) fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::DATA_SOURCE, Field::DESCRIPTION)
}

fn option(asking: &Asking, name: &str, sealed: &Sealed) -> Result<PlainSecret, ApiError> {
    echoed(asking.vault(), sealed, StreamKind::DATA_SOURCE, Place::option(name))
}
