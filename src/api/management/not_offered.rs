//! Operations of HDP's that need what is not here: a model of the data, and access to it (hdp-api 9.27).

use crate::api::{asking::Asking, error::ApiError};

/// `/api/mgmt/datasources/{id}/model`.
pub(super) async fn model(_asking: Asking) -> ApiError {
    ApiError::NotImplemented("there is no OData model of a data source")
}

/// `/api/mgmt/datasources/{id}/map`.
pub(super) async fn map(_asking: Asking) -> ApiError {
    ApiError::NotImplemented("there is no relational map of a data source")
}

/// `/api/odata4/…`.
pub(super) async fn odata(_asking: Asking) -> ApiError {
    ApiError::NotImplemented("data is not read through this server")
}
