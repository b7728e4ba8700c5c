//! The list of the caller's own profiles, in slices.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use events::id::OAuthProfileId;
use serde::Serialize;
use utoipa::ToSchema;

use super::description;
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        error::ApiError,
        openapi::{ids, parameters, tag},
        slices,
    },
    commands::oauth_profile::VIEW,
};

/// One row of the list; `id` is a text there, and tokens and application are missing (hdp-api 3.3).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthProfileRow)]
struct Row {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// The application's.
    #[serde(rename = "authorizeURI")]
    authorize_uri: String,
    /// The application's.
    #[serde(rename = "tokenURI")]
    token_uri: String,
    /// The application's.
    scope: String,
}

/// Profiles in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthProfileList)]
struct List {
    profiles: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Lists the caller's own OAuth profiles.
///
/// Without tokens.
#[utoipa::path(
    get, path = "/api/mgmt/oauthprofiles", tag = tag::OAUTH_PROFILES, operation_id = "listOAuthProfiles",
    params(parameters::OnBehalf, parameters::Paged),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&VIEW)))),
)]
pub(in crate::api::management) async fn list(
    State(app): State<AppState>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&VIEW)?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let owner = app.ledger().read(|view| asking.principal(view, &VIEW))?.user;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let (profiles, apps) = (&view.state.oauth_profiles, &view.state.oauth_apps);
            let ids = profiles.of_owner(owner, OAuthProfileId(after)).take(most);
            // A profile goes with its application, so that each has one.
            ids.filter_map(|id| {
                let row = profiles.rows.get(&id)?;
                Some((id.0, (Arc::clone(row), Arc::clone(apps.rows.get(&row.oauth_app)?))))
            })
            .collect()
        })
    };
    let (profiles, next) = slices::collect(page, look_up, |id, (row, app)| {
        let description = description(&asking, row.description.as_ref())?;
        Ok(Row {
            id: id.to_string(),
            name: row.name.clone(),
            description: description.map(|text| text.expose().to_owned()),
            authorize_uri: app.authorize_uri.clone(),
            token_uri: app.token_uri.clone(),
            scope: app.scope.clone(),
        })
    })?;
    Ok(answer(StatusCode::OK, &List { profiles, next: next.map(|id| id.to_string()) }))
}
