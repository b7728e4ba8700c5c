//! The list: the caller's own, and those of the tenants whose client applications he administers, in slices.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use events::id::ClientApplicationId;
use projections::{client_applications::ClientApplication, table::Merged};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NONE, description};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        error::ApiError,
        openapi::{parameters, tag},
        slices,
    },
    auth::principal::Principal,
    commands::{View, client_application::administers},
};

/// One row of the list, without client id and secret (hdp-api 5.1).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClientApplicationRow)]
struct Row {
    id: u64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    redirect_urls: Vec<String>,
    /// The user whose it is, to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    owner: Option<u64>,
}

/// Client applications in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = ClientApplicationList)]
struct List {
    applications: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// Lists the client applications that the caller registered, and those that he administers.
///
/// Without client ids and secrets.
#[utoipa::path(
    get, path = "/api/mgmt/oauth/client/applications", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "listClientApplications",
    params(parameters::Paged),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!([]))),
)]
pub(in crate::api::management) async fn list(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let principal = app.ledger().read(|view| asking.principal(view, NONE))?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let rows = &view.state.client_applications.rows;
            let ids = visible(view, &principal, ClientApplicationId(after)).take(most);
            ids.filter_map(|id| Some((id.0, Arc::clone(rows.get(&id)?)))).collect()
        })
    };
    let (applications, next) = slices::collect(page, look_up, |id, row: Arc<ClientApplication>| {
        let description = description(&asking, row.description.as_ref())?;
        Ok(Row {
            id,
            name: row.name.clone(),
            description: description.map(|text| text.expose().to_owned()),
            redirect_urls: row.redirect_urls.clone(),
            owner: (row.owner != asking.user()).then_some(row.owner.0),
        })
    })?;
    Ok(answer(StatusCode::OK, &List { applications, next }))
}

type Ids<'a> = Box<dyn Iterator<Item = ClientApplicationId> + 'a>;

/// The ids of what this caller sees after `after`, rising. Visits nothing of what he doesn't see.
fn visible<'a>(view: &'a View<'_>, principal: &'a Principal, after: ClientApplicationId) -> Ids<'a> {
    let clients = &view.state.client_applications;
    if principal.is_administrator() {
        let next = ClientApplicationId(after.0.saturating_add(1));
        return Box::new(clients.rows.range(next..).map(|(id, _)| *id));
    }
    let tenants = principal.administered().filter(|tenant| administers(principal, *tenant));
    let mut parts: Vec<Ids<'a>> =
        tenants.map(|tenant| Box::new(clients.of_tenant(tenant, after)) as Ids<'a>).collect();
    // His own are among those of his tenant, when he administers that.
    if !administers(principal, principal.tenant) {
        parts.push(Box::new(clients.of_owner(principal.user, after)));
    }
    Box::new(Merged::of(parts))
}
