//! `/api/admin/users/{id}/datasources`: what a user owns.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{envelope::StreamKind, id::DataSourceId, sealed::Field};
use projections::data_sources::{DataSource, Filter};
use serde::Serialize;
use utoipa::ToSchema;

use super::find;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, open_text},
        codes,
        error::ApiError,
        openapi::{self, ids, parameters, tag},
        slices,
    },
    auth::permission::VIEW_USERS,
};

/// A data source as an administrator of its owner sees it: everything but the options.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserDataSource)]
struct Row {
    id: String,
    name: String,
    data_store: u32,
    is_group: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// Whether it is another user's.
    shared_by_another_user: bool,
    /// Whether others may use it.
    shared_with_another_user: bool,
    /// What he may do with it, where that is set apart from what he may do otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    permissions: Option<Vec<u16>>,
}

/// Data sources in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserDataSourceList)]
struct List {
    data_sources: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Lists the data sources that a user owns.
#[utoipa::path(
    get, path = "/api/admin/users/{id}/datasources", tag = tag::USERS, operation_id = "listUserDataSources",
    params(parameters::Id, parameters::Paged),
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::admin) async fn list(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[VIEW_USERS])?;
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (owner, _) = find(&asking, &path, &[VIEW_USERS])?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let sources = &view.state.data_sources;
            let row = |id: DataSourceId| {
                let users = sources.shared_users_of(id, events::id::UserId(0)).next().is_some();
                let tenants = sources.shared_tenants_of(id, events::id::TenantId(0)).next().is_some();
                Some((id.0, (Arc::clone(sources.rows.get(&id)?), users || tenants)))
            };
            let ids = sources.of_owner(owner, Filter::default(), DataSourceId(after)).take(most);
            ids.filter_map(row).collect()
        })
    };
    let present = |id: u64, (row, shared): (Arc<DataSource>, bool)| {
        let description =
            open_text(asking.vault(), row.description.as_ref(), StreamKind::DATA_SOURCE, Field::DESCRIPTION)?;
        Ok(Row {
            id: id.to_string(),
            name: row.name.clone(),
            data_store: row.data_store.0,
            is_group: row.is_group(),
            description: description.map(|text| text.expose().to_owned()),
            shared_by_another_user: false,
            shared_with_another_user: shared,
            permissions: row.permissions.as_ref().map(|set| set.iter().map(|id| id.0).collect()),
        })
    };
    let (data_sources, next) = slices::collect(page, look_up, present)?;
    Ok(answer(StatusCode::OK, &List { data_sources, next: next.map(|id| id.to_string()) }))
}
