//! Which data sources use a profile (hdp-api 3.4).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::id::DataSourceId;
use serde::Serialize;
use utoipa::ToSchema;

use super::Profiles;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        codes,
        error::{ApiError, Kind},
        family::find,
        headers::Page,
        management::data_sources,
        openapi::{self, ids, parameters, tag},
        slices,
    },
    commands::oauth_profile::VIEW,
};

/// A data source that uses the profile.
#[derive(Serialize, ToSchema)]
#[schema(as = LinkedDataSource)]
struct Linked {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
}

/// Which data sources use a profile.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthProfileStats)]
struct Stats {
    /// How many.
    #[serde(rename = "dataSourcesLinked")]
    linked: usize,
    #[serde(rename = "dataStoreId")]
    store: u32,
    #[serde(rename = "dataSources")]
    sources: Vec<Linked>,
}

/// Shows which data sources use an OAuth profile.
#[utoipa::path(
    get, path = "/api/mgmt/oauthprofiles/{id}/stats", tag = tag::OAUTH_PROFILES, operation_id = "getOAuthProfileStats",
    params(parameters::Id, parameters::OnBehalf),
    responses((status = 200, body = Stats)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_OAUTH_PROFILE)]))),
    ),
)]
pub(in crate::api::management) async fn stats(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&VIEW)?;
    asking.no_more_parameters()?;
    let (id, _) = find::<Profiles>(&asking, &path, &VIEW)?;
    let data_store = app.ledger().read(|view| {
        let row = view.state.oauth_profiles.rows.get(&id)?;
        view.state.oauth_apps.rows.get(&row.oauth_app).map(|app| app.data_store)
    });
    // It was there a moment ago, with its application; between the two looks both may have gone.
    let data_store = data_store.ok_or_else(|| ApiError::NotFound(Kind::OAuthProfile, path.clone()))?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let sources = &view.state.data_sources;
            let ids = sources.of_profile(id, DataSourceId(after)).take(most);
            ids.filter_map(|id| Some((id.0, Arc::clone(sources.rows.get(&id)?)))).collect()
        })
    };
    // Only its owner's data sources can use a profile, so he sees all of them.
    let (sources, _) = slices::collect(Page { limit: None, after: None }, look_up, |id, row| {
        let description = data_sources::description(&asking, row.description.as_ref())?;
        Ok(Linked {
            id: id.to_string(),
            name: row.name.clone(),
            description: description.map(|text| text.expose().to_owned()),
        })
    })?;
    Ok(answer(StatusCode::OK, &Stats { linked: sources.len(), store: data_store.0, sources }))
}
