//! `/api/mgmt/oauthprofiles`: OAuth profiles (hdp-api section 3, brief page 004).

pub(super) mod list;
mod sent;
pub(super) mod stats;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{self, Path},
    response::Response,
};
use events::{
    envelope::StreamKind,
    event::Event,
    id::{OAuthProfileId, PermissionId, Sequence, TenantId},
    sealed::{Field, Sealed, SecretChange},
};
use projections::{State, oauth_profiles::OAuthProfile};
use serde::Serialize;
use utoipa::ToSchema;

use self::sent::{Replaced, Sent, SentToken};
use crate::{
    api::{
        AppState,
        asking::{Asking, echoed, fault, open_text},
        body, codes,
        error::{ApiError, Kind},
        family::{self, Family, Look, find},
        openapi::{self, ids, parameters, tag},
        written::{created, unexpected, updated},
    },
    auth::principal::Principal,
    commands::{
        NewKey, Refusal, View, Wish,
        disclosure::Secrets,
        oauth_profile::{
            CREATE, CreateOAuthProfile, DELETE, DeleteOAuthProfile, MODIFY, UpdateOAuthProfile, VIEW, owned,
        },
    },
    ledger::live::Receipt,
    vault::PlainSecret,
};

/// One profile as create, GET and PUT answer it; `id` is a number there (hdp-api 9.1).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OAuthProfile)]
pub(super) struct Shown<'a> {
    id: u64,
    name: &'a str,
    oauth_app_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'a str>,
    /// Only to whoever sent it, or may have it revealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    access_token: Option<&'a str>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn of(
        id: OAuthProfileId,
        row: &'a OAuthProfile,
        description: Option<&'a PlainSecret>,
        access_token: Option<&'a PlainSecret>,
        refresh_token: Option<&'a PlainSecret>,
    ) -> Self {
        Self {
            id: id.0,
            name: &row.name,
            oauth_app_id: row.oauth_app.0,
            description: description.map(PlainSecret::expose),
            access_token: access_token.map(PlainSecret::expose),
            refresh_token: refresh_token.map(PlainSecret::expose),
        }
    }
}

/// Creates an OAuth profile.
#[utoipa::path(
    post, path = "/api/mgmt/oauthprofiles", tag = tag::OAUTH_PROFILES, operation_id = "createOAuthProfile",
    params(parameters::OnBehalf),
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&CREATE))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_OAUTH_APP), (409, codes::NAME_TAKEN), (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn create(
    extract::State(app): extract::State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&CREATE)?;
    asking.no_more_parameters()?;
    app.ledger().read(|view| asking.principal(view, &CREATE).map(drop))?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone(), None)?;
    let vault = asking.vault();
    let key = vault.new_data_key();
    let seal = |field: Field, text: &PlainSecret| {
        vault.seal(&key.key, StreamKind::OAUTH_PROFILE, field, text.expose().as_bytes())
    };
    let access_token = match &sent.access_token {
        SentToken::LeftOut | SentToken::Empty => None,
        SentToken::Token(text) => Some(seal(Field::ACCESS_TOKEN, text)),
    };
    let wish = CreateOAuthProfile {
        name: sent.name.clone(),
        oauth_app: sent.oauth_app,
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: sent.description.as_ref().map(|text| seal(Field::DESCRIPTION, text)),
        access_token,
        refresh_token: seal(Field::REFRESH_TOKEN, &sent.refresh_token.unwrap_or_default()),
    };
    let receipt =
        asking.execute(Some(&body), || Ok(Wish::CreateOAuthProfile(Box::new(wish.clone())))).await?;
    answer_created(&asking, &receipt)
}

/// Made from the event alone, so that a repeated request gets the same answer.
fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::OAuthProfileCreated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let id = envelope.header.stream.id;
    let description = description(asking, event.description.as_ref())?;
    let access_token =
        event.access_token.as_ref().map(|sealed| token(asking, sealed, Field::ACCESS_TOKEN)).transpose()?;
    let refresh_token = token(asking, &event.refresh_token, Field::REFRESH_TOKEN)?;
    let body = Shown {
        id,
        name: &event.name,
        oauth_app_id: event.oauth_app.0,
        description: description.as_ref().map(PlainSecret::expose),
        access_token: access_token.as_ref().map(PlainSecret::expose),
        refresh_token: Some(refresh_token.expose()),
    };
    let location = format!("{}/api/mgmt/oauthprofiles/{id}", asking.app().public_url());
    Ok(created(receipt, &location, envelope.header.sequence, &body))
}

/// Replaces an OAuth profile.
///
/// Tokens that are left out stay, an empty access token is cleared. The answer shows the tokens that were sent.
#[utoipa::path(
    put, path = "/api/mgmt/oauthprofiles/{id}", tag = tag::OAUTH_PROFILES, operation_id = "updateOAuthProfile",
    params(parameters::Id, parameters::OnBehalf),
    request_body = Replaced,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_OAUTH_APP), (404, codes::NO_OAUTH_PROFILE), (409, codes::NAME_TAKEN),
            (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn update(
    extract::State(app): extract::State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&MODIFY)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, _) = find::<Profiles>(&asking, &path, &MODIFY)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone(), Some(id))?;
    let vault = asking.vault();
    let prepare = || {
        let (_, row) = find::<Profiles>(&asking, &path, &MODIFY)?;
        let key = vault.data_key(&row.key_id()).map_err(fault)?;
        let seal = |field: Field, text: &PlainSecret| {
            vault.seal(&key, StreamKind::OAUTH_PROFILE, field, text.expose().as_bytes())
        };
        let access_token = match &sent.access_token {
            SentToken::LeftOut => SecretChange::Kept,
            SentToken::Empty => SecretChange::Cleared,
            SentToken::Token(text) => SecretChange::Replaced(seal(Field::ACCESS_TOKEN, text)),
        };
        Ok(Wish::UpdateOAuthProfile(Box::new(UpdateOAuthProfile {
            id,
            expected: expected.clone(),
            name: sent.name.clone(),
            oauth_app: sent.oauth_app,
            description: sent.description.as_ref().map(|text| seal(Field::DESCRIPTION, text)),
            access_token,
            refresh_token: sent.refresh_token.as_ref().map(|text| seal(Field::REFRESH_TOKEN, text)),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    answer_updated(&asking, &receipt)
}

fn answer_updated(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::OAuthProfileUpdated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let description = description(asking, event.description.as_ref())?;
    // Tokens that a PUT kept are not shown: that would be a reveal.
    let access_token = event
        .access_token
        .replacement()
        .map(|sealed| token(asking, sealed, Field::ACCESS_TOKEN))
        .transpose()?;
    let refresh_token =
        event.refresh_token.as_ref().map(|sealed| token(asking, sealed, Field::REFRESH_TOKEN)).transpose()?;
    let body = Shown {
        id: envelope.header.stream.id,
        name: &event.name,
        oauth_app_id: event.oauth_app.0,
        description: description.as_ref().map(PlainSecret::expose),
        access_token: access_token.as_ref().map(PlainSecret::expose),
        refresh_token: refresh_token.as_ref().map(PlainSecret::expose),
    };
    Ok(updated(receipt, envelope.header.sequence, &body))
}

/// Deletes an OAuth profile.
///
/// Data sources that use it stay, without it.
#[utoipa::path(
    delete, path = "/api/mgmt/oauthprofiles/{id}", tag = tag::OAUTH_PROFILES, operation_id = "deleteOAuthProfile",
    params(parameters::Id, parameters::OnBehalf),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&DELETE))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_OAUTH_PROFILE)]))),
    ),
)]
pub(in crate::api::management) async fn delete(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&DELETE)?;
    asking.no_more_parameters()?;
    family::delete::<Profiles>(&asking, path, Kind::OAuthProfile, |id, expected| {
        Wish::DeleteOAuthProfile(DeleteOAuthProfile { id, expected })
    })
    .await
}

/// Shows one OAuth profile.
///
/// With its tokens, when `secrets.reveal` is `audited`: that is recorded as an event before it is answered. On behalf of
/// another only for holders of 12, and never for HEAD. With `asOf`, as it was, and
/// without them.
#[utoipa::path(
    get, path = "/api/mgmt/oauthprofiles/{id}", tag = tag::OAUTH_PROFILES, operation_id = "getOAuthProfile",
    params(parameters::Id, parameters::OnBehalf, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_OAUTH_PROFILE)]))),
        ("x-reveals" = json!(true)),
    ),
)]
pub(in crate::api::management) async fn show(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&VIEW)?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    family::show::<Profiles>(&asking, &path, moment, false).await
}

/// Profiles, seen by their owners.
pub(super) struct Profiles;

impl Family for Profiles {
    type Id = OAuthProfileId;
    type Row = OAuthProfile;
    type Shown<'a> = Shown<'a>;
    const KIND: Kind = Kind::OAuthProfile;
    const STREAM: StreamKind = StreamKind::OAUTH_PROFILE;
    const VIEW: &'static [PermissionId] = &VIEW;

    fn id(number: u64) -> OAuthProfileId {
        OAuthProfileId(number)
    }

    fn found(
        view: &View<'_>,
        principal: &Principal,
        id: OAuthProfileId,
        _: &'static [PermissionId],
    ) -> Result<Arc<OAuthProfile>, Refusal> {
        owned(view, principal, id).map(Arc::clone)
    }

    fn row(state: &State<'_>, id: OAuthProfileId) -> Option<Arc<OAuthProfile>> {
        state.oauth_profiles.rows.get(&id).map(Arc::clone)
    }

    fn changed(row: &OAuthProfile) -> Sequence {
        row.changed
    }

    fn secrets(id: OAuthProfileId, _: &OAuthProfile) -> Option<Secrets> {
        Some(Secrets::OAuthProfile(id))
    }

    fn was_found(principal: &Principal, _: Self::Id, row: &OAuthProfile, _: bool) -> Option<TenantId> {
        (row.owner == principal.user).then_some(row.tenant)
    }

    fn present<T>(
        look: &Look<'_>,
        id: OAuthProfileId,
        row: &OAuthProfile,
        answer: impl FnOnce(&Shown<'_>) -> T,
    ) -> Result<T, ApiError> {
        let description = look.text(row.description.as_ref(), Self::STREAM)?;
        let access_token = look.secret(row.access_token.as_ref(), Self::STREAM, Field::ACCESS_TOKEN)?;
        let refresh_token = look.secret(Some(&row.refresh_token), Self::STREAM, Field::REFRESH_TOKEN)?;
        let body = Shown::of(id, row, description.as_ref(), access_token.as_ref(), refresh_token.as_ref());
        Ok(answer(&body))
    }
}

fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::OAUTH_PROFILE, Field::DESCRIPTION)
}

fn token(asking: &Asking, sealed: &Sealed, field: Field) -> Result<PlainSecret, ApiError> {
    echoed(asking.vault(), sealed, StreamKind::OAUTH_PROFILE, field)
}
