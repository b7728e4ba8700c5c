//! `/api/mgmt/datasources/{id}/permissions`: what may be done with a data source (hdp-api 4.4).

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::event::Event;
use serde::Serialize;
use utoipa::ToSchema;

use super::{numbers, permitted, seen};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        body, codes,
        error::{ApiError, Kind},
        fields::Fields,
        json::Json,
        openapi::{
            self, ids, parameters, schemas::BodySchema, schemas::body_schema, schemas::ids as list_of_ids,
            tag,
        },
        written::{unexpected, updated},
    },
    commands::{
        Wish,
        data_source::{
            access::{SETTABLE, SourcePermissions, effective},
            permissions::SetDataSourcePermissions,
        },
        oauth_profile::{MODIFY, VIEW},
    },
};

/// What may be done with a data source.
#[derive(Serialize, ToSchema)]
#[schema(as = DataSourcePermissions)]
struct Shown {
    /// Ids of permissions, rising; after a PUT that took away what was set, `null`.
    #[schema(required = true)]
    permissions: Option<Vec<u16>>,
}

/// What a PUT says.
pub(in crate::api::management) struct Sent(Option<SourcePermissions>);

body_schema!(
    Sent,
    "DataSourcePermissionsUpdate",
    BodySchema::new("What the owner may do with the data source.").optional(
        "permissions",
        list_of_ids(SETTABLE.len())
            .about("Exactly this, of 2 to 7 and 10. Left out, or `null`: what his roles and permissions give him.")
            .example(vec![2, 7])
    )
);

impl Sent {
    fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let ids = fields.optional_ids("permissions")?;
        let permissions = ids.map(|ids| SourcePermissions::of_owner(&ids)).transpose();
        let permissions = permissions.map_err(|problem| fields.invalid("permissions", problem))?;
        fields.finish()?;
        Ok(Self(permissions))
    }
}

/// Shows what the caller may do with a data source, or the user he acts for.
///
/// Of its owner: what was set on it, or else what his roles and permissions give him of 2 to 7 and 10. Of others: what was given with it.
#[utoipa::path(
    get, path = "/api/mgmt/datasources/{id}/permissions", tag = tag::DATA_SOURCES, operation_id = "getDataSourcePermissions",
    params(parameters::Id, parameters::OnBehalf),
    responses((status = 200, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE)]))),
    ),
)]
pub(in crate::api::management) async fn show(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    permitted(&asking, &path, &VIEW)?;
    asking.no_more_parameters()?;
    let (id, _) = seen(&asking, &path, &VIEW)?;
    let permissions = app.ledger().read(|view| {
        let user = asking.principal(view, &[])?.user;
        effective(&view.state, user, id).ok_or_else(|| ApiError::NotFound(Kind::DataSource, path.clone()))
    })?;
    Ok(answer(StatusCode::OK, &Shown { permissions: Some(numbers(&permissions)) }))
}

/// Sets what the owner of a data source may do with it.
///
/// Only an administrator does, who acts for the owner with `?user=`, and gives nothing that he does not hold himself.
#[utoipa::path(
    put, path = "/api/mgmt/datasources/{id}/permissions", tag = tag::DATA_SOURCES, operation_id = "setDataSourcePermissions",
    params(parameters::Id, parameters::OnBehalf),
    request_body = Sent,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE)]))),
    ),
)]
pub(in crate::api::management) async fn set(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    permitted(&asking, &path, &MODIFY)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, _) = seen(&asking, &path, &MODIFY)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let Sent(permissions) = Sent::read(body.clone())?;
    let wish = SetDataSourcePermissions { id, expected, permissions };
    let receipt = asking.execute(Some(&body), || Ok(Wish::SetDataSourcePermissions(wish.clone()))).await?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let Event::DataSourcePermissionsSet(event) = &envelope.event else { return Err(unexpected(&receipt)) };
    let shown = Shown { permissions: event.permissions.as_deref().map(numbers) };
    Ok(updated(&receipt, envelope.header.sequence, &shown))
}
