//! `/api/admin/users/{id}/tenantsadministered`: administrative access, which is apart from permissions (hdp-api 6.3).

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::id::{TenantId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::find;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        body, codes,
        error::ApiError,
        fields::Fields,
        openapi::{
            self, ids, parameters,
            schemas::{self, BodySchema, body_schema},
            tag,
        },
        slices,
        written::updated,
    },
    auth::{permission::VIEW_USERS, principal::Principal},
    commands::{
        View, Wish,
        user::access::{PERMISSIONS, SetTenantsAdministered},
    },
};

/// Most tenants that a body may name.
const TENANTS_MAX: usize = 1000;

/// Tenants in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TenantsAdministered)]
struct List {
    tenants_administered: Vec<u64>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// A list as sent.
pub(in crate::api::admin) struct Sent;

body_schema!(
    Sent,
    "TenantsAdministeredReplace",
    BodySchema::new("The tenants that a user administers.").required(
        "tenantsAdministered",
        schemas::ids(TENANTS_MAX)
            .about("All of them, as far as the caller administers them.")
            .example(serde_json::json!([1]))
    )
);

/// The tenants after `after` that `user` administers and `principal` administers, too, in the order of their ids: of others
/// he does not hear.
pub(super) fn visible<'a>(
    view: &'a View<'_>,
    principal: &'a Principal,
    user: UserId,
    after: TenantId,
) -> Box<dyn Iterator<Item = TenantId> + 'a> {
    let tenants = &view.state.tenants;
    let from = TenantId(after.0.saturating_add(1));
    if principal.is_administrator() {
        let range = tenants.by_administrator.range((user, from)..=(user, TenantId(u64::MAX)));
        return Box::new(range.map(|((_, tenant), ())| *tenant));
    }
    let both = move |tenant: &TenantId| *tenant >= from && tenants.by_administrator.has(&(user, *tenant));
    Box::new(principal.administered().filter(both))
}

/// Lists the tenants that a user administers.
///
/// As far as the caller administers them himself.
#[utoipa::path(
    get, path = "/api/admin/users/{id}/tenantsadministered", tag = tag::USERS,
    operation_id = "getUserTenantsAdministered",
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
    let (id, _) = find(&asking, &path, &[VIEW_USERS])?;
    let principal = app.ledger().read(|view| asking.principal(view, &[VIEW_USERS]))?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let tenants = visible(view, &principal, id, TenantId(after)).take(most);
            tenants.map(|tenant| (tenant.0, ())).collect()
        })
    };
    let (tenants_administered, next) = slices::collect(page, look_up, |id, ()| Ok(id))?;
    Ok(answer(StatusCode::OK, &List { tenants_administered, next }))
}

/// Replaces the tenants that a user administers.
///
/// He must live in the system tenant, or in the one tenant that he is to administer. What he administers and the caller does
/// not stays as it is.
#[utoipa::path(
    put, path = "/api/admin/users/{id}/tenantsadministered", tag = tag::USERS,
    operation_id = "updateUserTenantsAdministered",
    params(parameters::Id),
    request_body = Sent,
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (403, codes::FORBIDDEN), (404, codes::NO_USER),
        ]))),
    ),
)]
pub(in crate::api::admin) async fn replace(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (user, row) = find(&asking, &path, &PERMISSIONS)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let mut fields = Fields::of(body.clone())?;
    let tenants = fields.optional_ids_up_to("tenantsAdministered", TENANTS_MAX)?;
    let mut tenants_administered = tenants.ok_or_else(|| fields.missing("tenantsAdministered"))?;
    fields.finish()?;
    tenants_administered.sort_unstable();
    tenants_administered.dedup();
    let prepare = || {
        let tenants = tenants_administered.iter().copied().map(TenantId).collect();
        Ok(Wish::SetTenantsAdministered(SetTenantsAdministered { user, tenants }))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    // What was granted is what was asked for. Its events are the tenants'; of himself nothing changed.
    Ok(updated(
        &receipt,
        row.changed,
        &List { tenants_administered: tenants_administered.clone(), next: None },
    ))
}
