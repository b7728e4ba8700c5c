//! Administration of HDP's that needs what is not here: external authentication services (hdp-api 6.7), and logs of the
//! queries to a data source (hdp-api 7.4).

use crate::api::{
    asking::Asking,
    codes,
    error::ApiError,
    openapi::{self, parameters, tag},
};

const ONE_SERVICE: &str = "there is one authentication service, the internal one";

/// Is not offered: kinds of external authentication services.
#[utoipa::path(
    get, path = "/api/admin/auth/types", tag = tag::NOT_OFFERED, operation_id = "listAuthTypes",
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(501, codes::NOT_IMPLEMENTED)]))),
    ),
)]
pub(super) async fn auth_types(_asking: Asking) -> ApiError {
    ApiError::NotImplemented(ONE_SERVICE)
}

/// Is not offered: one kind of external authentication service.
#[utoipa::path(
    get, path = "/api/admin/auth/types/{id}", tag = tag::NOT_OFFERED, operation_id = "getAuthType",
    params(parameters::Id),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(501, codes::NOT_IMPLEMENTED)]))),
    ),
)]
pub(super) async fn auth_type(_asking: Asking) -> ApiError {
    ApiError::NotImplemented(ONE_SERVICE)
}

/// Is not offered: external authentication services.
#[utoipa::path(
    method(get, post), path = "/api/admin/auth/services", tag = tag::NOT_OFFERED, operation_id = "authServices",
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(501, codes::NOT_IMPLEMENTED)]))),
    ),
)]
pub(super) async fn auth_services(_asking: Asking) -> ApiError {
    ApiError::NotImplemented(ONE_SERVICE)
}

/// Is not offered: one external authentication service.
#[utoipa::path(
    method(get, put, delete), path = "/api/admin/auth/services/{id}", tag = tag::NOT_OFFERED,
    operation_id = "authService",
    params(parameters::Id),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(501, codes::NOT_IMPLEMENTED)]))),
    ),
)]
pub(super) async fn auth_service(_asking: Asking) -> ApiError {
    ApiError::NotImplemented(ONE_SERVICE)
}

/// Is not offered: logs of the queries to a data source.
#[utoipa::path(
    method(get, put), path = "/api/admin/users/{id}/datasources/{source}/logging", tag = tag::NOT_OFFERED,
    operation_id = "dataSourceLogging",
    params(parameters::Id, ("source" = u64, Path, description = "The data source's id.")),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(501, codes::NOT_IMPLEMENTED)]))),
    ),
)]
pub(super) async fn logging(_asking: Asking) -> ApiError {
    ApiError::NotImplemented("data sources are not queried through this server, so there is nothing to log")
}
