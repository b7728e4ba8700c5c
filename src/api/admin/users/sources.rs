//! `/api/admin/users/{id}/datasources`: what a user owns, and what is shared with him.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    envelope::StreamKind,
    id::{DataSourceId, TenantId, UserId},
    sealed::Field,
};
use projections::{
    State as Folded,
    data_sources::{DataSource, Filter},
    table::Merged,
};
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
    auth::{
        permission::{VIEW_DATA_SOURCE, VIEW_USERS},
        principal::Principal,
    },
    commands::data_source::access::{SETTABLE, seen},
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
    /// Of another user's only when he may view it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// Whether it is another user's.
    shared_by_another_user: bool,
    /// Whether it is his own and others may use it.
    shared_with_another_user: bool,
    /// What he may do with it, of 2 to 7 and 10.
    permissions: Vec<u16>,
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

/// Lists the data sources that a user owns, and those that are shared with him or his tenant.
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
    let (user, _) = find(&asking, &path, &[VIEW_USERS])?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let Some(user) = Principal::of(&view.state, user) else { return Vec::new() };
            let found = of_user(&view.state, &user, DataSourceId(after)).take(most);
            found.filter_map(|id| Some((id.0, Found::of(&view.state, &user, id)?))).collect()
        })
    };
    let present = |id: u64, found: Found| {
        let Found { row, owned, shared, permissions } = found;
        // Its owner may live elsewhere: what he wrote is told no further than to those who may read it.
        let told = owned || permissions.contains(&VIEW_DATA_SOURCE.0);
        let description = row.description.as_ref().filter(|_| told);
        let description =
            open_text(asking.vault(), description, StreamKind::DATA_SOURCE, Field::DESCRIPTION)?;
        Ok(Row {
            id: id.to_string(),
            name: row.name.clone(),
            data_store: row.data_store.0,
            is_group: row.is_group(),
            description: description.map(|text| text.expose().to_owned()),
            shared_by_another_user: !owned,
            shared_with_another_user: owned && shared,
            permissions,
        })
    };
    let (data_sources, next) = slices::collect(page, look_up, present)?;
    Ok(answer(StatusCode::OK, &List { data_sources, next: next.map(|id| id.to_string()) }))
}

/// What the user owns, and what is shared with him or his tenant, after `after` in the order of ids.
fn of_user<'a>(
    state: &'a Folded<'_>,
    user: &Principal,
    after: DataSourceId,
) -> impl Iterator<Item = DataSourceId> + 'a {
    let (sources, all) = (&state.data_sources, Filter::default());
    let each: [Box<dyn Iterator<Item = DataSourceId> + 'a>; 3] = [
        Box::new(sources.of_owner(user.user, all, after)),
        Box::new(sources.shared_with_user(user.user, all, after)),
        Box::new(sources.shared_with_tenant(user.tenant, all, after)),
    ];
    // What is shared with the owner's own tenant comes twice.
    let mut last = None;
    Merged::of(each).filter(move |id| last.replace(*id) != Some(*id))
}

/// A data source as a user has it.
struct Found {
    row: Arc<DataSource>,
    owned: bool,
    shared: bool,
    permissions: Vec<u16>,
}

impl Found {
    fn of(state: &Folded<'_>, user: &Principal, id: DataSourceId) -> Option<Self> {
        let seen = seen(state, user, id)?;
        let sources = &state.data_sources;
        let shared = sources.shared_users_of(id, UserId(0)).next().is_some()
            || sources.shared_tenants_of(id, TenantId(0)).next().is_some();
        let permitted = SETTABLE.iter().filter(|permission| seen.permits(user, **permission));
        let permissions = permitted.map(|permission| permission.0).collect();
        Some(Self { row: Arc::clone(seen.row), owned: seen.owned, shared, permissions })
    }
}
