//! Who has administrative access on a tenant (hdp-api 6.3).

use axum::{
    body::Body,
    extract::{self, Path},
    response::Response,
};
use events::event::Event;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Tenants, sent::Administrators};
use crate::{
    api::{
        AppState,
        asking::Asking,
        body, codes,
        error::ApiError,
        family::find,
        openapi::{self, ids, parameters, tag},
        written::{not_modified, shown, unexpected, updated},
    },
    auth::permission::TENANT_API,
    commands::{Wish, tenant::SetTenantAdministrators},
};

/// Who has administrative access on a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantAdministrators)]
struct Shown {
    /// Ids of users of the system tenant and of the tenant itself.
    admins: Vec<u64>,
}

/// Shows who has administrative access to a tenant.
///
/// Access and permissions are two things: an administrator without 12 needs the permission of the operation, too.
#[utoipa::path(
    get, path = "/api/admin/tenants/{id}/admins", tag = tag::TENANTS, operation_id = "getTenantAdministrators",
    params(parameters::Id),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[TENANT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT)]))),
    ),
)]
pub(in crate::api::admin) async fn show(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (_, row) = find::<Tenants>(&asking, &path, &[TENANT_API])?;
    if let Some(response) = not_modified(asking.headers(), row.changed)? {
        return Ok(response);
    }
    let admins = row.administrators.iter().map(|user| user.0).collect();
    Ok(shown(row.changed, &Shown { admins }))
}

/// Sets who has administrative access to a tenant.
///
/// Exactly these have it from now on. They live in the system tenant or in this one; without 12, the caller names only users of
/// tenants that he administers, and those who have it already; who gets or loses it holds nothing that the caller does not hold.
#[utoipa::path(
    put, path = "/api/admin/tenants/{id}/admins", tag = tag::TENANTS, operation_id = "updateTenantAdministrators",
    params(parameters::Id),
    request_body = Administrators,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[TENANT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[(400, codes::NO_USER), (403, codes::FORBIDDEN), (404, codes::NO_TENANT)]))),
    ),
)]
pub(in crate::api::admin) async fn update(
    extract::State(app): extract::State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, _) = find::<Tenants>(&asking, &path, &[TENANT_API])?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let Administrators(administrators) = Administrators::read(body.clone())?;
    let wish = SetTenantAdministrators { id, expected, administrators: administrators.clone() };
    let prepare = || Ok(Wish::SetTenantAdministrators(wish.clone()));
    let receipt = asking.execute(Some(&body), prepare).await?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let Event::TenantAdministratorsChanged(_) = &envelope.event else { return Err(unexpected(&receipt)) };
    // Those that were sent, since they are who has it after it.
    let admins = administrators.iter().map(|user| user.0).collect();
    Ok(updated(&receipt, receipt.last, &Shown { admins }))
}
