//! `/api/mgmt/oauth/client/allowedapplications`: what the caller allowed client applications (hdp-api 5.2).

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::id::{ClientApplicationId, PermissionId};
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
        openapi::{self, parameters, tag},
        slices,
        written::deleted,
    },
    commands::{Wish, grant::revoke::RevokeGrant},
};

const NONE: &[PermissionId] = &[];

/// An application with what the caller allowed it.
#[derive(Serialize, ToSchema)]
#[schema(as = AllowedApplication)]
struct Row {
    /// The application's.
    id: u64,
    name: String,
    scopes: Vec<&'static str>,
}

/// Applications in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = AllowedApplicationList)]
struct List {
    applications: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// Lists the client applications that the caller allowed something.
#[utoipa::path(
    get, path = "/api/mgmt/oauth/client/allowedapplications", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "listAllowedApplications",
    params(parameters::Paged),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!([]))),
)]
pub(super) async fn list(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let user = app.ledger().read(|view| asking.principal(view, NONE))?.user;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let grants = view.state.grants.of_user(user, ClientApplicationId(after)).take(most);
            let clients = &view.state.client_applications.rows;
            let row = |(client, grant)| {
                let scopes = view.state.grants.rows.get(&grant)?.scopes.iter().map(|scope| scope.text());
                let name = clients.get(&client)?.name.clone();
                Some((client.0, Row { id: client.0, name, scopes: scopes.collect() }))
            };
            grants.filter_map(row).collect()
        })
    };
    let (applications, next) = slices::collect(page, look_up, |_, row| Ok(row))?;
    Ok(answer(StatusCode::OK, &List { applications, next }))
}

/// Takes back what the caller allowed a client application.
///
/// Its codes and tokens for him end at once. `id` is the application's.
#[utoipa::path(
    delete, path = "/api/mgmt/oauth/client/allowedapplications/{id}", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "revokeAllowedApplication",
    params(parameters::Id),
    responses((status = 204)),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[
            (403, codes::FORBIDDEN), (404, codes::NO_CLIENT_APPLICATION_TO_DELETE),
        ]))),
    ),
)]
pub(super) async fn revoke(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    // Asked of the writer also when the path is no id; no application has the id 0.
    let client = ClientApplicationId(parse_id(&path).unwrap_or_default());
    match asking.execute(None, || Ok(Wish::RevokeGrant(RevokeGrant { client }))).await {
        Ok(receipt) => Ok(deleted(&receipt)),
        Err(ApiError::NotFound(Kind::ClientApplication, _)) => {
            Err(ApiError::NotFound(Kind::ClientApplicationToDelete, path))
        }
        Err(error) => Err(error),
    }
}
