//! `/api/mgmt/oauth/client/applications`: client applications (hdp-api section 5, brief page 001). The caller's own, in his own
//! name: HDP's `?user=` is not for these.

pub(super) mod list;
pub(super) mod secret;
mod sent;
mod shown;
mod words;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{self, Path},
    response::Response,
};
use events::{
    client_application::{ClientSecret, ClientType},
    envelope::StreamKind,
    event::Event,
    id::{ClientApplicationId, PermissionId, Sequence, TenantId, UserId},
    sealed::{Field, Sealed},
};
use projections::{State, client_applications::ClientApplication};

use self::{
    sent::{Replaced, Sent},
    shown::{Parts, Shown},
};
use crate::{
    api::{
        AppState,
        asking::{Asking, fault, open_text},
        body, codes,
        error::{ApiError, Kind},
        family::{self, Family, Look, find},
        openapi::{self, parameters, tag},
        written::{created, unexpected, updated},
    },
    auth::principal::Principal,
    clock::draw,
    commands::{
        NewKey, Refusal, View, Wish,
        client_application::{
            DeleteClientApplication, RegisterClientApplication, UpdateClientApplication, administers,
            has_secret_of, seen,
        },
        disclosure::Secrets,
        field::ClientId,
    },
    config::Reveal,
    ledger::live::Receipt,
    oauth::token::{client_secret_hash, draw_client_secret},
    vault::{DataKey, PlainSecret},
};

/// Any active user has some of his own.
const NONE: &[PermissionId] = &[];

/// Registers a client application.
///
/// It is the caller's. HDP's properties alone make a confidential one that asks users for access to their data sources.
#[utoipa::path(
    post, path = "/api/mgmt/oauth/client/applications", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "registerClientApplication",
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_USER), (403, codes::FORBIDDEN), (409, codes::NAME_TAKEN), (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn create(
    extract::State(app): extract::State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    asking.permitted(NONE)?;
    asking.no_more_parameters()?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone())?;
    let vault = asking.vault();
    let key = vault.new_data_key();
    let is_public = sent.properties.policy.client_type == Some(ClientType::Public);
    let secret = match sent.client_secret.clone() {
        None if is_public => None,
        None => Some(draw_client_secret(app.random())),
        imported => imported,
    };
    let imported = sent.client_id.is_some() || sent.client_secret.is_some();
    let wish = || {
        let drawn = || ClientId::parse_ours(&draw_client_id(&app)).map_err(|rule| drawn_badly(&rule));
        Ok(Wish::RegisterClientApplication(Box::new(RegisterClientApplication {
            properties: sent.properties.clone(),
            client_id: sent.client_id.clone().map_or_else(drawn, Ok)?,
            imported,
            key: NewKey { id: key.id(), entries: vec![key.change()] },
            description: sent
                .description
                .as_ref()
                .map(|text| seal(&asking, &key.key, Field::DESCRIPTION, text)),
            secret: secret.as_ref().map(|text| new_secret(&asking, &key.key, text)),
        })))
    };
    let receipt = asking.execute(Some(&body), wish).await?;
    answer_created(&asking, &receipt, secret.as_ref())
}

/// A GUID, as HDP has them (RFC 9562, version 4).
fn draw_client_id(app: &AppState) -> String {
    let mut bytes: [u8; 16] = draw(app.random());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn drawn_badly(rule: &str) -> ApiError {
    ApiError::Internal(crate::api::error::Fault::new(format_args!(
        "a client id was drawn that is none: {rule}"
    )))
}

/// Made from the event alone, so that a repeated request gets the same answer; only the secret is in the clear nowhere but in
/// the first request.
fn answer_created(
    asking: &Asking,
    receipt: &Receipt,
    drawn: Option<&PlainSecret>,
) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::ClientApplicationRegistered(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let id = ClientApplicationId(envelope.header.stream.id);
    let description = description(asking, event.description.as_ref())?;
    let secret = event.secret.as_ref().map(|secret| given_out(asking, secret, drawn)).transpose()?;
    let body = Shown::of(
        &Parts {
            id,
            name: &event.name,
            description: description.as_ref(),
            redirect_urls: &event.redirect_urls,
            client_id: &event.client_id,
            secret: secret.as_ref(),
            owner: event.owner,
            policy: &event.policy,
            previous_until: None,
        },
        asking.user(),
    );
    let location = format!("{}/api/mgmt/oauth/client/applications/{id}", asking.app().public_url());
    Ok(created(receipt, &location, envelope.header.sequence, &body))
}

/// Replaces a client application.
///
/// The owner, or 12; 28 with administrative access on the owner's tenant, except for `redirectUrls`. What was granted to it goes
/// on. Secrets are never shown.
#[utoipa::path(
    put, path = "/api/mgmt/oauth/client/applications/{id}", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "updateClientApplication",
    params(parameters::Id),
    request_body = Replaced,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_USER), (403, codes::FORBIDDEN), (404, codes::NO_CLIENT_APPLICATION), (409, codes::NAME_TAKEN),
        ]))),
    ),
)]
pub(in crate::api::management) async fn update(
    extract::State(app): extract::State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, mut before) = find::<ClientApplications>(&asking, &path, NONE)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Replaced::read(body.clone(), id)?;
    let prepare = || {
        (_, before) = find::<ClientApplications>(&asking, &path, NONE)?;
        let key = asking.vault().data_key(&before.row.key_id).map_err(fault)?;
        Ok(Wish::UpdateClientApplication(Box::new(UpdateClientApplication {
            id,
            expected: expected.clone(),
            properties: sent.properties.clone(),
            owner: sent.owner,
            description: sent.description.as_ref().map(|text| seal(&asking, &key, Field::DESCRIPTION, text)),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let Event::ClientApplicationUpdated(event) = &envelope.event else { return Err(unexpected(&receipt)) };
    let description = description(&asking, event.description.as_ref())?;
    let body = Shown::of(
        &Parts {
            id,
            name: &event.name,
            description: description.as_ref(),
            redirect_urls: &event.redirect_urls,
            client_id: &before.row.client_id,
            secret: None,
            owner: before.row.owner,
            policy: &event.policy,
            previous_until: before.row.previous_secret.map(|secret| secret.until),
        },
        asking.user(),
    );
    Ok(updated(&receipt, envelope.header.sequence, &body))
}

/// Deletes a client application.
///
/// Everything that was granted to it ends with it.
#[utoipa::path(
    delete, path = "/api/mgmt/oauth/client/applications/{id}", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "deleteClientApplication",
    params(parameters::Id),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_CLIENT_APPLICATION_TO_DELETE)]))),
    ),
)]
pub(in crate::api::management) async fn delete(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    family::delete::<ClientApplications>(&asking, path, Kind::ClientApplicationToDelete, |id, expected| {
        Wish::DeleteClientApplication(DeleteClientApplication { id, expected })
    })
    .await
}

/// Shows one client application.
///
/// To its owner and to 12 with its secret, when `secrets.reveal` is `audited`: that is recorded as an event before it is
/// answered, and never for HEAD. To 28 with administrative access on the owner's tenant without it. With `asOf`, as it was, and
/// without it.
#[utoipa::path(
    get, path = "/api/mgmt/oauth/client/applications/{id}", tag = tag::CLIENT_APPLICATIONS,
    operation_id = "getClientApplication",
    params(parameters::Id, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!([])),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_CLIENT_APPLICATION)]))),
        ("x-reveals" = json!(true)),
    ),
)]
pub(in crate::api::management) async fn show(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.in_own_name()?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    family::show::<ClientApplications>(&asking, &path, moment, false).await
}

/// Client applications, seen by their owners and by who administers these.
struct ClientApplications;

/// One with whether its secret is the caller's to see.
struct Seen {
    row: Arc<ClientApplication>,
    with_secret: bool,
}

impl Family for ClientApplications {
    type Id = ClientApplicationId;
    type Row = Seen;
    type Shown<'a> = Shown<'a>;
    const KIND: Kind = Kind::ClientApplication;
    const STREAM: StreamKind = StreamKind::CLIENT_APPLICATION;
    const VIEW: &'static [PermissionId] = NONE;

    fn id(number: u64) -> ClientApplicationId {
        ClientApplicationId(number)
    }

    fn found(
        view: &View<'_>,
        principal: &Principal,
        id: ClientApplicationId,
        _: &'static [PermissionId],
    ) -> Result<Arc<Seen>, Refusal> {
        let row = seen(view, principal, id)?;
        Ok(Arc::new(Seen { row: Arc::clone(row), with_secret: has_secret_of(principal, row) }))
    }

    fn row(state: &State<'_>, id: ClientApplicationId) -> Option<Arc<Seen>> {
        let row = Arc::clone(state.client_applications.rows.get(&id)?);
        Some(Arc::new(Seen { row, with_secret: false }))
    }

    fn changed(seen: &Seen) -> Sequence {
        seen.row.changed
    }

    fn secrets(id: ClientApplicationId, seen: &Seen) -> Option<Secrets> {
        let sealed = seen.row.secret.as_ref().is_some_and(|secret| secret.sealed.is_some());
        (sealed && seen.with_secret).then_some(Secrets::ClientApplication(id))
    }

    fn was_found(principal: &Principal, _: Self::Id, seen: &Seen, _: bool) -> Option<TenantId> {
        let row = &seen.row;
        (has_secret_of(principal, row) || administers(principal, row.tenant)).then_some(row.tenant)
    }

    fn present<T>(
        look: &Look<'_>,
        id: ClientApplicationId,
        seen: &Seen,
        answer: impl FnOnce(&Shown<'_>) -> T,
    ) -> Result<T, ApiError> {
        let row = &seen.row;
        let description = look.text(row.description.as_ref(), Self::STREAM)?;
        let sealed = row.secret.as_ref().and_then(|secret| secret.sealed.as_ref());
        let secret = look.secret(sealed, Self::STREAM, Field::CLIENT_SECRET)?;
        Ok(answer(&of_row(id, row, description.as_ref(), secret.as_ref(), look.caller())))
    }
}

fn of_row<'a>(
    id: ClientApplicationId,
    row: &'a ClientApplication,
    description: Option<&'a PlainSecret>,
    secret: Option<&'a PlainSecret>,
    caller: UserId,
) -> Shown<'a> {
    let parts = Parts {
        id,
        name: &row.name,
        description,
        redirect_urls: &row.redirect_urls,
        client_id: &row.client_id,
        secret,
        owner: row.owner,
        policy: &row.policy,
        previous_until: row.previous_secret.map(|secret| secret.until),
    };
    Shown::of(&parts, caller)
}

fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::CLIENT_APPLICATION, Field::DESCRIPTION)
}

fn seal(asking: &Asking, key: &DataKey, field: Field, text: &PlainSecret) -> Sealed {
    asking.vault().seal(key, StreamKind::CLIENT_APPLICATION, field, text.expose().as_bytes())
}

/// What is kept of a secret: its hash, and itself only as long as it may be revealed.
fn new_secret(asking: &Asking, key: &DataKey, text: &PlainSecret) -> ClientSecret {
    let audited = asking.app().config().secrets.reveal == Reveal::Audited;
    ClientSecret {
        hash: client_secret_hash(text.expose()),
        sealed: audited.then(|| seal(asking, key, Field::CLIENT_SECRET, text)),
    }
}

/// The secret of an event for who made it: the one that this request drew, or the one of the request that it repeats.
fn given_out(
    asking: &Asking,
    secret: &ClientSecret,
    drawn: Option<&PlainSecret>,
) -> Result<PlainSecret, ApiError> {
    if let Some(drawn) = drawn.filter(|drawn| client_secret_hash(drawn.expose()) == secret.hash) {
        return Ok(drawn.clone());
    }
    // It was sealed while secrets could be shown; when they may not be any more, its repetition shows none either.
    let shown = asking.app().config().secrets.reveal != Reveal::Never;
    let sealed = secret.sealed.as_ref().filter(|_| shown);
    let text = open_text(asking.vault(), sealed, StreamKind::CLIENT_APPLICATION, Field::CLIENT_SECRET)?;
    text.ok_or(ApiError::KeyUnreadable)
}
