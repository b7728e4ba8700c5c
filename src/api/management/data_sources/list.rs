//! The list of the caller's own data sources, filtered by an index, in slices.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use events::id::DataSourceId;
use projections::data_sources::Filter;
use serde::Serialize;
use utoipa::ToSchema;

use super::description;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        asking::connection_type_name,
        error::ApiError,
        headers::Query,
        openapi::{ids, parameters, tag},
        slices,
    },
    commands::oauth_profile::VIEW,
};

/// One row of the list: everything but the options.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataSourceRow)]
struct Row {
    id: String,
    name: String,
    data_store: u32,
    /// `Cloud`, `Hybrid` or `Group`.
    connection_type: &'static str,
    is_group: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
}

/// Data sources in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataSourceList)]
struct List {
    data_sources: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Lists the caller's own data sources.
///
/// Without their options. HDP's clients join these parameters with semicolons, which is read, too.
#[utoipa::path(
    get, path = "/api/mgmt/datasources", tag = tag::DATA_SOURCES, operation_id = "listDataSources",
    params(
        parameters::OnBehalf, parameters::Paged,
        ("type" = Option<String>, Query, description = "`all`, `simple` or `group`.", pattern = "^(all|simple|group)$"),
        ("isOData" = Option<bool>, Query, description = "Only those that are, or are not, set up for OData."),
        ("details" = Option<bool>, Query, description = "Adds what only sharing makes true: nothing here."),
    ),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&VIEW)))),
)]
pub(in crate::api::management) async fn list(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&VIEW)?;
    asking.query.split_at_semicolons(&["type", "isOData", "details"])?;
    let filter = filter(&mut asking.query)?;
    let _ = asking.query.flag("details")?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let owner = app.ledger().read(|view| asking.principal(view, &VIEW))?.user;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let sources = &view.state.data_sources;
            let ids = sources.of_owner(owner, filter, DataSourceId(after)).take(most);
            ids.filter_map(|id| Some((id.0, Arc::clone(sources.rows.get(&id)?)))).collect()
        })
    };
    let (data_sources, next) = slices::collect(page, look_up, |id, row| {
        let description = description(&asking, row.description.as_ref())?;
        Ok(Row {
            id: id.to_string(),
            name: row.name.clone(),
            data_store: row.data_store.0,
            connection_type: connection_type_name(row.connection_type),
            is_group: row.is_group(),
            description: description.map(|text| text.expose().to_owned()),
        })
    })?;
    Ok(answer(StatusCode::OK, &List { data_sources, next: next.map(|id| id.to_string()) }))
}

/// `?type=all|simple|group` and `?isOData=true|false` (hdp-api 4.2).
fn filter(query: &mut Query) -> Result<Filter, ApiError> {
    let group = match query.text("type").as_deref() {
        None | Some("all") => None,
        Some("simple") => Some(false),
        Some("group") => Some(true),
        Some(_) => return Err(ApiError::BadParameter("type".to_owned(), "must be all, simple or group")),
    };
    let odata = match query.text("isOData").as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(ApiError::BadParameter("isOData".to_owned(), "must be true or false")),
    };
    Ok(Filter { group, odata, ..Filter::default() })
}
