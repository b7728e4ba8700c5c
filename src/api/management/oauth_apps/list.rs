//! The list: what the caller may administer or use (hdp-api 2.5, 9.17), in slices.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use events::id::{OAuthAppId, SYSTEM_TENANT, TenantId};
use projections::{oauth_apps::OAuthApp, table::Merged};
use serde::Serialize;
use utoipa::ToSchema;

use super::description;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::{ApiError, Kind},
        openapi::{self, ids, parameters, tag},
        slices,
    },
    auth::{permission::MGMT_API, principal::Principal},
    commands::View,
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
    let tenants = app.ledger().read(|view| Tenants::of(view, &principal, by_id, by_name.as_deref()))?;

    let (applications, next) = slices::collect(
        page,
        |after, most| app.ledger().read(|view| tenants.slice(view, OAuthAppId(after), most)),
        |id, row| listed(&asking, id, &row),
    )?;
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

/// Whose applications a list holds.
enum Tenants {
    /// Everybody's.
    All,
    /// Those of these.
    Some(Vec<TenantId>),
}

impl Tenants {
    /// What `principal` sees, cut down to the filter. A tenant he sees nothing of is one that is not there.
    fn of(
        view: &View<'_>,
        principal: &Principal,
        by_id: Option<TenantId>,
        by_name: Option<&str>,
    ) -> Result<Self, ApiError> {
        let tenants = &view.state.tenants;
        let visible = |tenant: &TenantId| tenants.rows.has(tenant) && principal.sees_oauth_apps_of(*tenant);
        let mut only = None;
        if let Some(tenant) = by_id {
            let unknown = || ApiError::NotFound(Kind::Tenant, tenant.to_string());
            only = Some(Some(tenant).filter(visible).ok_or_else(unknown)?);
        }
        if let Some(name) = by_name {
            let unknown = || ApiError::NotFound(Kind::Tenant, name.to_owned());
            let named = tenants.by_name.get(&name.to_owned()).copied().filter(visible).ok_or_else(unknown)?;
            if only.is_some_and(|tenant| tenant != named) {
                return Ok(Self::Some(Vec::new()));
            }
            only = Some(named);
        }
        Ok(match only {
            Some(tenant) => Self::Some(vec![tenant]),
            None if principal.is_administrator() => Self::All,
            None => {
                let mut seen: Vec<TenantId> =
                    principal.administered().chain([SYSTEM_TENANT, principal.tenant]).collect();
                seen.retain(|tenant| principal.sees_oauth_apps_of(*tenant));
                seen.sort_unstable();
                seen.dedup();
                Self::Some(seen)
            }
        })
    }

    /// The next rows after `after`, in the order of ids; visits no row of another tenant.
    fn slice(&self, view: &View<'_>, after: OAuthAppId, rows: usize) -> Vec<(u64, Arc<OAuthApp>)> {
        let apps = &view.state.oauth_apps;
        match self {
            Self::All => {
                let from = OAuthAppId(after.0.saturating_add(1));
                apps.rows.range(from..).take(rows).map(|(id, row)| (id.0, Arc::clone(row))).collect()
            }
            Self::Some(tenants) => Merged::of(tenants.iter().map(|tenant| apps.of_tenant(*tenant, after)))
                .take(rows)
                .filter_map(|id| Some((id.0, Arc::clone(apps.rows.get(&id)?))))
                .collect(),
        }
    }
}
