//! Operations of HDP's that need what is not here: a model of the data, and access to it (hdp-api 9.27).

use crate::api::{
    asking::Asking,
    codes,
    error::ApiError,
    openapi::{self, parameters, tag},
};

/// Is not offered: the OData model of a data source.
#[utoipa::path(
    method(get, post), path = "/api/mgmt/datasources/{id}/model", tag = tag::NOT_OFFERED, operation_id = "getModel",
    params(parameters::Id),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(501, codes::NOT_IMPLEMENTED)]))),
    ),
)]
pub(super) async fn model(_asking: Asking) -> ApiError {
    ApiError::NotImplemented("there is no OData model of a data source")
}

/// Is not offered: the relational map of a data source.
#[utoipa::path(
    post, path = "/api/mgmt/datasources/{id}/map", tag = tag::NOT_OFFERED, operation_id = "createMap",
    params(parameters::Id),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(501, codes::NOT_IMPLEMENTED)]))),
    ),
)]
pub(super) async fn map(_asking: Asking) -> ApiError {
    ApiError::NotImplemented("there is no relational map of a data source")
}

/// Is not offered: data, by OData.
#[utoipa::path(
    method(get, post, put, patch, delete), path = "/api/odata4/{*path}", tag = tag::NOT_OFFERED, operation_id = "getData",
    params(parameters::Rest),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(501, codes::NOT_IMPLEMENTED)]))),
    ),
)]
pub(super) async fn odata(_asking: Asking) -> ApiError {
    ApiError::NotImplemented("data is not read through this server")
}
