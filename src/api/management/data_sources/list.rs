//! The list of the data sources that the caller may view, filtered by indexes, in slices.

use axum::{extract::State, http::StatusCode, response::Response};
use events::id::DataSourceId;
use projections::data_sources::Filter;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Seen, description};
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
    auth::principal::Principal,
    commands::{View, data_source::access, oauth_profile::VIEW},
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
    /// With `details=true`: it is another user's, who shares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shared_by_another_user: Option<bool>,
    /// With `details=true`: it is his own, and he shares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shared_with_another_user: Option<bool>,
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

/// Lists the caller's data sources, and those that are shared with him or his tenant.
///
/// As far as he may view them, and without their options. HDP's clients join these parameters with semicolons, which is read, too.
#[utoipa::path(
    get, path = "/api/mgmt/datasources", tag = tag::DATA_SOURCES, operation_id = "listDataSources",
    params(
        parameters::OnBehalf, parameters::Paged,
        ("type" = Option<String>, Query, description = "`all`, `simple` or `group`.", pattern = "^(all|simple|group)$"),
        ("isOData" = Option<bool>, Query, description = "Only those that are, or are not, set up for OData."),
        ("member" = Option<u64>, Query, description = "Only groups that have the data source of this id as a member."),
        ("details" = Option<bool>, Query, description = "Says of each whether it is shared, and by whom."),
    ),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&VIEW)))),
)]
pub(in crate::api::management) async fn list(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    app.ledger().read(|view| lister(&asking, view).map(drop))?;
    asking.query.split_at_semicolons(&["type", "isOData", "member", "details"])?;
    let filter = filter(&mut asking.query)?;
    let member = asking.query.id("member")?.map(DataSourceId);
    let details = asking.query.flag("details")?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let principal = app.ledger().read(|view| lister(&asking, view))?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let after = DataSourceId(after);
            let row = |(id, of): (DataSourceId, access::Seen<'_>)| {
                (id.0, Seen::of(&view.state, id, of.row, of.owned))
            };
            match member {
                None => {
                    access::viewable(&view.state, &principal, filter, after).take(most).map(row).collect()
                }
                Some(member) => {
                    let groups = access::groups_with(&view.state, &principal, member, after);
                    groups.filter(|(_, of)| filter.passes(of.row)).take(most).map(row).collect()
                }
            }
        })
    };
    let (data_sources, next) = slices::collect(page, look_up, |id, seen| {
        let row = &seen.row;
        let description = description(&asking, row.description.as_ref())?;
        Ok(Row {
            id: id.to_string(),
            name: row.name.clone(),
            data_store: row.data_store.0,
            connection_type: connection_type_name(row.connection_type),
            is_group: row.is_group(),
            description: description.map(|text| text.expose().to_owned()),
            shared_by_another_user: (details && seen.by_another()).then_some(true),
            shared_with_another_user: (details && seen.with_another()).then_some(true),
        })
    })?;
    Ok(answer(StatusCode::OK, &List { data_sources, next: next.map(|id| id.to_string()) }))
}

/// Whose list it is: who may view data sources in general, or one of them at least.
fn lister(asking: &Asking, view: &View<'_>) -> Result<Principal, ApiError> {
    let principal = asking.principal(view, access::needed(&VIEW, asking.is_on_behalf()))?;
    let any = || access::viewable(&view.state, &principal, Filter::default(), DataSourceId(0)).next();
    if principal.may(VIEW[1]) || any().is_some() { Ok(principal) } else { Err(ApiError::Forbidden) }
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
