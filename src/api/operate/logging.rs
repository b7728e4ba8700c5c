//! `/api/operate/logging`: which lines of the log are written, without a restart.

use axum::{body::Body, http::StatusCode, response::Response};
use serde::Serialize;

use super::operator;
use crate::api::{
    AppState,
    answer::answer,
    asking::Asking,
    body,
    error::{ApiError, Fault},
    fields::Fields,
};
use crate::logs::is_filter;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    /// In force.
    level: &'a str,
    /// What a restart goes back to: the setting `log.level`.
    after_restart: &'a str,
}

fn shown(app: &AppState) -> Response {
    let shown = Shown { level: &app.log().filter(), after_restart: &app.config().log.level };
    answer(StatusCode::OK, &shown)
}

/// `GET /api/operate/logging` → 200.
pub(super) async fn show(mut asking: Asking) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    Ok(shown(asking.app()))
}

/// `PUT /api/operate/logging` → 200: another level from now on, until a restart.
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
            "it must be error, warn, info, debug or trace, or filters such as \"info,authledger::api=debug\"",
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
