//! The list: what the caller may administer or use (hdp-api 2.5, 9.17), in slices.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use events::id::{OAuthAppId, SYSTEM_TENANT, TenantId};
use projections::oauth_apps::OAuthApp;
use serde::Serialize;
use utoipa::ToSchema;

use super::description;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::ApiError,
        openapi::{self, ids, parameters, tag},
        slices,
        tenants_listed::TenantsListed,
    },
    auth::permission::MGMT_API,
};

/// One row of the list; `id` is a number there, and client id and secret are missing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OAuthApplicationRow)]
struct Row {
    id: u64,
    name: String,
    data_store: u32,
    tenant_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    #[serde(rename = "authorizeURI")]
    authorize_uri: String,
    #[serde(rename = "tokenURI")]
    token_uri: String,
    scope: String,
}

/// Applications in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthApplicationList)]
struct List {
    applications: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// Lists the OAuth applications that the caller may administer or use.
///
/// Without client ids and secrets.
#[utoipa::path(
    get, path = "/api/mgmt/oauthapps", tag = tag::OAUTH_APPS, operation_id = "listOAuthApplications",
    params(
        parameters::OnBehalf, parameters::Paged,
        ("tenantId" = Option<u64>, Query, description = "Only applications of this tenant."),
        ("tenantName" = Option<String>, Query, description = "Only applications of the tenant of this name."),
    ),
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&[MGMT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT)]))),
    ),
)]
pub(in crate::api::management) async fn list(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[MGMT_API])?;
    let by_id = asking.query.id("tenantId")?.map(TenantId);
    let by_name = asking.query.text("tenantName");
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let principal = app.ledger().read(|view| asking.principal(view, &[MGMT_API]))?;
    // What he may administer, and what he may use.
    let tenants = app.ledger().read(|view| {
        let candidates = principal.administered().chain([SYSTEM_TENANT, principal.tenant]);
        let sees = |tenant| principal.sees_oauth_apps_of(tenant);
        TenantsListed::of(view, &principal, (by_id, by_name.as_deref()), sees, candidates)
    })?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let apps = &view.state.oauth_apps;
            let all = apps.rows.range(OAuthAppId(after.saturating_add(1))..).map(|(id, _)| *id);
            let ids = tenants.ids(all, |tenant| apps.of_tenant(tenant, OAuthAppId(after)));
            ids.take(most).filter_map(|id| Some((id.0, Arc::clone(apps.rows.get(&id)?)))).collect()
        })
    };
    let (applications, next) =
        slices::collect(page, look_up, |id, row: Arc<OAuthApp>| listed(&asking, id, &row))?;
    Ok(answer(StatusCode::OK, &List { applications, next }))
}

fn listed(asking: &Asking, id: u64, row: &OAuthApp) -> Result<Row, ApiError> {
    let description = description(asking, row.description.as_ref())?;
    Ok(Row {
        id,
        name: row.name.clone(),
        data_store: row.data_store.0,
        tenant_id: row.tenant.0,
        description: description.map(|text| text.expose().to_owned()),
        authorize_uri: row.authorize_uri.clone(),
        token_uri: row.token_uri.clone(),
        scope: row.scope.clone(),
    })
}
