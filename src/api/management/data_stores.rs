//! `/api/mgmt/datastores`: what data sources can connect to (hdp-api 4.1). HDP does not publish the inner form of
//! `connectionType`, so that one is ours; drivers are none of ours, and `driver` is left out.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::id::DataStoreId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::{ApiError, Kind},
        fields::parse_id,
        openapi::{self, ids, parameters, tag},
    },
    auth::permission::{CREATE_DATA_SOURCE, MGMT_API},
    commands::data_store::{DATA_STORES, DataStore, GROUP, by_id},
};

/// A data store.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataStore)]
struct Shown {
    id: u32,
    name: &'static str,
    is_beta: bool,
    is_group: bool,
    /// Whether the caller may create data sources on it.
    authorized: bool,
    connection_type: ConnectionTypes,
}

/// What data sources on it can be like.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConnectionTypes {
    /// What a data source on it may have as its `connectionType`.
    values: &'static [&'static str],
    /// The options that are known; others are stored, sealed, and given back.
    options: Vec<ShownOption>,
    /// By which grants tokens for it can be had.
    grant_types: &'static [&'static str],
}

/// An option of data sources.
#[derive(Serialize, ToSchema)]
#[schema(as = DataStoreOption)]
struct ShownOption {
    name: &'static str,
    /// Whether it is sealed in the log, and shown only where secrets are.
    secret: bool,
}

impl Shown {
    fn of(store: &DataStore, authorized: bool) -> Self {
        let is_group = store.id == GROUP;
        let options = store
            .options
            .iter()
            .map(|option| ShownOption { name: option.name, secret: option.sealed })
            .collect();
        Self {
            id: store.id.0,
            name: store.name,
            is_beta: false,
            is_group,
            authorized,
            connection_type: ConnectionTypes {
                values: if is_group { &["Group"] } else { &["Cloud", "Hybrid"] },
                options,
                grant_types: store.grant_types,
            },
        }
    }
}

/// All data stores.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataStoreList)]
struct List {
    data_stores: Vec<Shown>,
}

/// Lists what data sources can connect to.
#[utoipa::path(
    get, path = "/api/mgmt/datastores", tag = tag::DATA_STORES, operation_id = "listDataStores",
    params(parameters::OnBehalf),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&[MGMT_API])))),
)]
pub(super) async fn list(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    let authorized = authorized(&app, &mut asking)?;
    let data_stores = DATA_STORES.iter().map(|store| Shown::of(store, authorized)).collect();
    Ok(answer(StatusCode::OK, &List { data_stores }))
}

/// Shows one data store.
#[utoipa::path(
    get, path = "/api/mgmt/datastores/{id}", tag = tag::DATA_STORES, operation_id = "getDataStore",
    params(parameters::Id, parameters::OnBehalf),
    responses((status = 200, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[MGMT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_STORE)]))),
    ),
)]
pub(super) async fn show(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    let authorized = authorized(&app, &mut asking)?;
    let id = parse_id(&path).and_then(|id| u32::try_from(id).ok()).map(DataStoreId);
    let store = id.and_then(by_id).ok_or(ApiError::NotFound(Kind::DataStore, path))?;
    Ok(answer(StatusCode::OK, &Shown::of(store, authorized)))
}

fn authorized(app: &AppState, asking: &mut Asking) -> Result<bool, ApiError> {
    asking.permitted(&[MGMT_API])?;
    asking.no_more_parameters()?;
    let principal = app.ledger().read(|view| asking.principal(view, &[MGMT_API]))?;
    Ok(principal.may(CREATE_DATA_SOURCE))
}
