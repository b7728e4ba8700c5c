//! `…/{id}/reset` and `…/{id}/rotate`: another secret (SECURITY C4).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{self, Path},
    response::Response,
};
use events::{
    client_application::ClientSecret,
    envelope::{Envelope, Stream, StreamKind},
    event::Event,
    id::ClientApplicationId,
};
use projections::client_applications::ClientApplication;

use super::{
    ClientApplications, NONE, description, given_out, new_secret, of_row, sent::Rotation, shown::Shown,
};
use crate::{
    api::{
        AppState,
        asking::{Asking, fault},
        body, codes,
        error::{ApiError, Kind},
        family::find,
        json::Json,
        openapi::{self, parameters, tag},
        written::{unexpected, updated},
    },
    commands::{
        Wish,
        client_application::secret::{ResetClientSecret, RotateClientSecret},
    },
    ledger::{live::Receipt, past::Moment},
    oauth::token::draw_client_secret,
    vault::PlainSecret,
};

/// Gives a client application another secret, and ends all that was granted to it.
///
/// The owner, or 12. Its codes and tokens end with what users allowed it, so that they are asked again.
#[utoipa::path(
    put, path = "/api/mgmt/oauth/client/applications/{id}/reset", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "resetClientSecret",
    params(parameters::Id),
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[
            (403, codes::FORBIDDEN), (404, codes::NO_CLIENT_APPLICATION_TO_RESET), (409, codes::IN_USE),
            (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn reset(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let wish = |id, secret| {
        let expected = expected.clone();
        Wish::ResetClientSecret(Box::new(ResetClientSecret { id, expected, secret }))
    };
    replace(&asking, &path, None, wish).await
}

/// Gives a client application another secret, while the one before stays good for some time.
///
/// The owner, or 12. Of three secrets the oldest ends at once; what was granted goes on.
#[utoipa::path(
    put, path = "/api/mgmt/oauth/client/applications/{id}/rotate", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "rotateClientSecret",
    params(parameters::Id),
    request_body = Rotation,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[
            (403, codes::FORBIDDEN), (404, codes::NO_CLIENT_APPLICATION_TO_RESET), (409, codes::IN_USE),
            (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn rotate(
    extract::State(app): extract::State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    found(&asking, &path)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let Rotation { overlap_secs } = Rotation::read(body.clone())?;
    let wish = |id, secret| {
        let expected = expected.clone();
        Wish::RotateClientSecret(Box::new(RotateClientSecret { id, expected, secret, overlap_secs }))
    };
    replace(&asking, &path, Some(&body), wish).await
}

fn found(asking: &Asking, path: &str) -> Result<(ClientApplicationId, Arc<ClientApplication>), ApiError> {
    match find::<ClientApplications>(asking, path, NONE) {
        Ok((id, seen)) => Ok((id, Arc::clone(&seen.row))),
        Err(error) => Err(missing(error)),
    }
}

/// HDP has a code of its own for what has no secret to replace.
fn missing(error: ApiError) -> ApiError {
    match error {
        ApiError::NotFound(Kind::ClientApplication, id) => {
            ApiError::NotFound(Kind::ClientApplicationToReset, id)
        }
        other => other,
    }
}

async fn replace(
    asking: &Asking,
    path: &str,
    body: Option<&Json>,
    wish: impl Fn(ClientApplicationId, ClientSecret) -> Wish,
) -> Result<Response, ApiError> {
    let drawn = draw_client_secret(asking.app().random());
    let prepare = || {
        let (id, row) = found(asking, path)?;
        let key = asking.vault().data_key(&row.key_id).map_err(fault)?;
        Ok(wish(id, new_secret(asking, &key, &drawn)))
    };
    let receipt = asking.execute(body, prepare).await.map_err(missing)?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let secret = match &envelope.event {
        Event::ClientApplicationSecretReset(event) => &event.secret,
        Event::ClientApplicationSecretRotated(event) => &event.secret,
        _ => return Err(unexpected(&receipt)),
    };
    let secret = given_out(asking, secret, Some(&drawn))?;
    answer(asking, path, &receipt, envelope, &secret).await
}

/// The whole application as the command left it: the event has no more of it than the secret. When it changed since, which takes
/// a repetition or another one at the same moment, its stream is asked.
async fn answer(
    asking: &Asking,
    path: &str,
    receipt: &Receipt,
    envelope: &Envelope,
    secret: &PlainSecret,
) -> Result<Response, ApiError> {
    let (id, sequence) = (ClientApplicationId(envelope.header.stream.id), envelope.header.sequence);
    let find = |state: &projections::State<'_>| state.client_applications.rows.get(&id).map(Arc::clone);
    let now = asking.app().ledger().read(|view| find(&view.state));
    let row = if let Some(row) = now.filter(|row| row.changed == sequence) {
        row
    } else {
        let stream = Stream::new(StreamKind::CLIENT_APPLICATION, id.0);
        let then = asking.row_at(stream, Moment::Sequence(sequence), find).await?;
        let gone = || ApiError::NotFound(Kind::ClientApplicationToReset, path.to_owned());
        then.ok_or_else(gone)?.row
    };
    let text = description(asking, row.description.as_ref())?;
    let body = of_row(id, &row, text.as_ref(), Some(secret), asking.user());
    Ok(updated(receipt, sequence, &body))
}
