//! `/api/admin/limits` (hdp-api 7.1): which limits there are, and the values they have of their own at each level.

mod lists;
mod values;

use axum::{http::StatusCode, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        error::ApiError,
        openapi::{ids, tag},
    },
    commands::{
        limit::PERMISSIONS,
        limit_table::{LIMITS, LimitKind},
    },
};

/// All routes of the family.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    use values::{of_data_source, of_system, of_tenant, of_user};
    OpenApiRouter::default()
        .routes(routes!(catalogue))
        .routes(routes!(lists::system))
        .routes(routes!(of_system::show, of_system::set, of_system::change, of_system::clear))
        .routes(routes!(lists::tenants))
        .routes(routes!(lists::tenant))
        .routes(routes!(of_tenant::show, of_tenant::set, of_tenant::change, of_tenant::clear))
        .routes(routes!(lists::users))
        .routes(routes!(lists::user))
        .routes(routes!(of_user::show, of_user::set, of_user::change, of_user::clear))
        .routes(routes!(lists::data_sources))
        .routes(routes!(
            of_data_source::show,
            of_data_source::set,
            of_data_source::change,
            of_data_source::clear
        ))
}

/// A limit that can be set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Limit)]
struct Listed {
    id: u16,
    name: &'static str,
    description: &'static str,
    /// What the values count, where that is a unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unit: Option<&'static str>,
    min_value: u64,
    max_value: u64,
    /// What holds where no level has a value.
    default_value: u64,
    /// Where it can be set: 1 the system only, 11 system, tenants and users, 15 data sources, too.
    valid_for_limits: u8,
    /// Whether anything here goes by it; the others are only kept.
    effective: bool,
}

impl From<&'static LimitKind> for Listed {
    fn from(kind: &'static LimitKind) -> Self {
        Self {
            id: kind.id.0,
            name: kind.name,
            description: kind.description,
            unit: kind.unit,
            min_value: kind.min,
            max_value: kind.max,
            default_value: kind.default,
            valid_for_limits: kind.levels as u8,
            effective: kind.effective,
        }
    }
}

/// Every limit, in the order of ids.
#[derive(Serialize, ToSchema)]
#[schema(as = LimitList)]
struct List {
    limits: Vec<Listed>,
}

/// Lists the limits that can be set.
///
/// The nearest level that has a value decides: data source, user, tenant, system, and then the default.
#[utoipa::path(
    get, path = "/api/admin/limits", tag = tag::LIMITS, operation_id = "listLimits",
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&PERMISSIONS)))),
)]
async fn catalogue(mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    Ok(answer(StatusCode::OK, &List { limits: LIMITS.iter().map(Listed::from).collect() }))
}
