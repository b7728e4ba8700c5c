//! `/api/operate/logging`: which lines of the log are written, without a restart.

use axum::{body::Body, http::StatusCode, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::operator;
use crate::api::{
    AppState,
    answer::answer,
    asking::Asking,
    body,
    error::{ApiError, Fault},
    fields::Fields,
    openapi::{
        ids,
        schemas::{BodySchema, body_schema, text},
        tag,
    },
};
use crate::auth::permission::OPERATE;
use crate::logs::{FILTER_BYTES_MAX, is_filter};

/// Which lines of the log are written.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Logging)]
struct Shown<'a> {
    /// In force.
    level: &'a str,
    /// What a restart goes back to: the setting `log.level`.
    after_restart: &'a str,
}

/// What a PUT sends.
struct Sent;

body_schema!(
    Sent,
    "LoggingUpdate",
    BodySchema::new("Which lines shall be written.").required(
        "level",
        text(1..=FILTER_BYTES_MAX)
            .about("`error`, `warn`, `info`, `debug` or `trace`, or filters such as `info,authledger::api=debug`.")
            .example("info,authledger::api=debug")
    )
);

fn shown(app: &AppState) -> Response {
    let shown = Shown { level: &app.log().filter(), after_restart: &app.config().log.level };
    answer(StatusCode::OK, &shown)
}

/// Shows which lines of the log are written.
#[utoipa::path(
    get, path = "/api/operate/logging", tag = tag::OPERATION, operation_id = "getLogging",
    responses((status = 200, body = Shown)),
    extensions(("x-permissions" = json!(ids(&[OPERATE])))),
)]
pub(super) async fn show(mut asking: Asking) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    Ok(shown(asking.app()))
}

/// Changes which lines of the log are written, from now on and until a restart.
#[utoipa::path(
    put, path = "/api/operate/logging", tag = tag::OPERATION, operation_id = "updateLogging",
    request_body = Sent,
    responses((status = 200, body = Shown)),
    extensions(("x-permissions" = json!(ids(&[OPERATE]))), ("x-unrecorded" = json!(true))),
)]
pub(super) async fn update(mut asking: Asking, body: Body) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    let app = asking.app();
    let mut fields = Fields::of(body::json(asking.headers(), body, &app.config().limits).await?)?;
    let level = fields.text("level")?;
    let level = level.expose().trim();
    if !is_filter(level) {
        return Err(fields.invalid(
            "level",
            format!(
                "use error, warn, info, debug or trace, or filters such as \"info,authledger::api=debug\", at most {FILTER_BYTES_MAX} bytes"
            ),
        ));
    }
    fields.finish()?;

    // Told by whichever of both filters lets it through: who silences the log must stand in it.
    let told = tracing::enabled!(tracing::Level::WARN);
    let tell =
        || tracing::warn!(user = asking.user().0, filter = level, "an operator changed the level of the log");
    if told {
        tell();
    }
    app.log().change(level).map_err(|error| ApiError::Internal(Fault::new(error)))?;
    if !told {
        tell();
    }
    Ok(shown(app))
}
