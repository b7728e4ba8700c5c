//! `/api/mgmt/datasources/{id}/sharedUsers`: with which users a data source is shared (hdp-api 4.5).

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    id::UserId,
    sorted::{SortedMap, SortedVec},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    numbers, own, permitted,
    sharing::{self, SentPermissions, ShownPermissions, Success, read_receivers, receivers},
};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::ApiError,
        openapi::{self, ids, parameters, schemas::body_schema, tag},
        slices,
    },
    commands::{
        data_source::sharing::{Receiver, ShareDataSource},
        oauth_profile::{MODIFY, VIEW},
    },
};

const LIST: &str = "sharedUsers";
const RECEIVER: &str = "userId";

/// A user, and what he may do with the data source.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SharedUser)]
struct Row {
    user_id: u64,
    /// Ids of permissions, rising.
    permissions: Vec<u16>,
}

/// Users in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SharedUserList)]
pub(in crate::api::management) struct List {
    shared_users: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// The users that a body names.
pub(in crate::api::management) struct Sent;

body_schema!(
    Sent,
    "SharedUsers",
    receivers("Users who get the data source, or may do something else with it from now on.", LIST, RECEIVER)
);

/// Lists the users with whom a data source is shared.
///
/// To its owner, and to who acts for him; who has it by his tenant's share is not in the list.
#[utoipa::path(
    get, path = "/api/mgmt/datasources/{id}/sharedUsers", tag = tag::DATA_SOURCES, operation_id = "listSharedUsers",
    params(parameters::Id, parameters::OnBehalf, parameters::Paged),
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE)]))),
    ),
)]
pub(in crate::api::management) async fn list(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    permitted(&asking, &path, &VIEW)?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let id = own(&asking, &path, &VIEW)?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let users = view.state.data_sources.shared_users_of(id, UserId(after)).take(most);
            users.map(|(user, permissions)| (user.0, SortedVec::clone(permissions))).collect()
        })
    };
    let (shared_users, next) = slices::collect(page, look_up, |user_id, permissions| {
        Ok(Row { user_id, permissions: numbers(&permissions) })
    })?;
    Ok(answer(StatusCode::OK, &List { shared_users, next }))
}

/// Shares a data source with users.
///
/// With those of the owner's tenant, and of tenants that he administers. What is given here takes the place of what the user might do before;
/// nobody gives what he may not do himself. Who gets a group has to have its members.
#[utoipa::path(
    post, path = "/api/mgmt/datasources/{id}/sharedUsers", tag = tag::DATA_SOURCES, operation_id = "shareWithUsers",
    params(parameters::Id, parameters::OnBehalf),
    request_body = Sent,
    responses((status = 200, body = Success)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_USER), (404, codes::NO_DATA_SOURCE), (409, codes::SHARED_WITH_TENANT),
            (409, codes::IN_USE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn share(
    State(app): State<AppState>,
    Path(path): Path<String>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    let read = |id, body| {
        let users = read_receivers(body, LIST, RECEIVER, UserId)?;
        Ok(ShareDataSource { id, users, tenants: SortedMap::default() })
    };
    sharing::share(&app, asking, &path, body, read).await
}

/// Shows what one user may do with a data source that is shared with him.
#[utoipa::path(
    get, path = "/api/mgmt/datasources/{id}/sharedUsers/{userId}", tag = tag::DATA_SOURCES, operation_id = "getSharedUser",
    params(parameters::Id, ("userId" = u64, Path, description = "The user's id."), parameters::OnBehalf),
    responses((status = 200, body = ShownPermissions)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE), (404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::management) async fn show(
    Path((path, user)): Path<(String, String)>,
    asking: Asking,
) -> Result<Response, ApiError> {
    sharing::show_one(asking, &path, &user, receiver)
}

/// Changes what one user may do with a data source that is shared with him.
#[utoipa::path(
    put, path = "/api/mgmt/datasources/{id}/sharedUsers/{userId}", tag = tag::DATA_SOURCES, operation_id = "updateSharedUser",
    params(parameters::Id, ("userId" = u64, Path, description = "The user's id."), parameters::OnBehalf),
    request_body = SentPermissions,
    responses((status = 200, body = ShownPermissions), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_USER), (404, codes::NO_DATA_SOURCE), (404, codes::NO_USER), (409, codes::SHARED_WITH_TENANT),
            (409, codes::IN_USE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn update(
    State(app): State<AppState>,
    Path((path, user)): Path<(String, String)>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    sharing::change_one(&app, asking, &path, &user, body, receiver).await
}

/// Stops sharing a data source with one user.
#[utoipa::path(
    delete, path = "/api/mgmt/datasources/{id}/sharedUsers/{userId}", tag = tag::DATA_SOURCES, operation_id = "unshareWithUser",
    params(parameters::Id, ("userId" = u64, Path, description = "The user's id."), parameters::OnBehalf),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE_TO_DELETE), (404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::management) async fn unshare(
    Path((path, user)): Path<(String, String)>,
    asking: Asking,
) -> Result<Response, ApiError> {
    sharing::end_one(asking, &path, &user, receiver).await
}

fn receiver(id: u64) -> Receiver {
    Receiver::User(UserId(id))
}
