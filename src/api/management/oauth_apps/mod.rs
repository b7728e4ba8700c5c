//! `/api/mgmt/oauthapps`: OAuth applications (hdp-api section 2, brief page 003).

pub(super) mod list;
mod sent;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{self, Path},
    response::Response,
};
use events::{
    envelope::StreamKind,
    event::Event,
    id::{DataStoreId, OAuthAppId, PermissionId, Sequence, TenantId},
    sealed::{Field, Sealed},
};
use projections::{State, oauth_apps::OAuthApp};
use serde::Serialize;
use utoipa::ToSchema;

use self::sent::{Replaced, Sent};
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
        oauth_app::{CreateOAuthApp, DeleteOAuthApp, PERMISSIONS, UpdateOAuthApp, administered},
    },
    ledger::live::Receipt,
    vault::PlainSecret,
};

/// One application as create, GET and PUT answer it; `id` is a text there (hdp-api 9.1).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OAuthApplication)]
struct Shown<'a> {
    #[schema(pattern = "^[1-9][0-9]*$")]
    id: String,
    name: &'a str,
    data_store: u32,
    tenant_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'a str>,
    client_id: &'a str,
    /// Only to whoever sent it, or may have it revealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_secret: Option<&'a str>,
    #[serde(rename = "authorizeURI")]
    authorize_uri: &'a str,
    #[serde(rename = "tokenURI")]
    token_uri: &'a str,
    scope: &'a str,
}

impl<'a> Shown<'a> {
    fn of(
        id: OAuthAppId,
        row: &'a OAuthApp,
        description: Option<&'a PlainSecret>,
        client_secret: Option<&'a PlainSecret>,
    ) -> Self {
        Self {
            id: id.to_string(),
            name: &row.name,
            data_store: row.data_store.0,
            tenant_id: row.tenant.0,
            description: description.map(PlainSecret::expose),
            client_id: &row.client_id,
            client_secret: client_secret.map(PlainSecret::expose),
            authorize_uri: &row.authorize_uri,
            token_uri: &row.token_uri,
            scope: &row.scope,
        }
    }
}

/// Creates an OAuth application.
#[utoipa::path(
    post, path = "/api/mgmt/oauthapps", tag = tag::OAUTH_APPS, operation_id = "createOAuthApplication",
    params(parameters::OnBehalf),
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (403, codes::FORBIDDEN), (409, codes::NAME_TAKEN), (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn create(
    extract::State(app): extract::State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.no_more_parameters()?;
    app.ledger().read(|view| asking.principal(view, &PERMISSIONS).map(drop))?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone(), None)?;
    let vault = asking.vault();
    let key = vault.new_data_key();
    let seal = |field, text: &PlainSecret| {
        vault.seal(&key.key, StreamKind::OAUTH_APP, field, text.expose().as_bytes())
    };
    let wish = CreateOAuthApp {
        tenant: sent.tenant,
        data_store: sent.data_store,
        properties: sent.properties.clone(),
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: sent.description.as_ref().map(|text| seal(Field::DESCRIPTION, text)),
        client_secret: seal(Field::CLIENT_SECRET, &sent.client_secret.unwrap_or_default()),
    };
    let receipt = asking.execute(Some(&body), || Ok(Wish::CreateOAuthApp(Box::new(wish.clone())))).await?;
    answer_created(&asking, &receipt)
}

/// Made from the event alone, so that a repeated request gets the same answer.
fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::OAuthAppCreated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let id = envelope.header.stream.id;
    let description = description(asking, event.description.as_ref())?;
    let client_secret = secret(asking, &event.client_secret)?;
    let body = Shown {
        id: id.to_string(),
        name: &event.name,
        data_store: event.data_store.0,
        tenant_id: envelope.header.tenant.0,
        description: description.as_ref().map(PlainSecret::expose),
        client_id: &event.client_id,
        client_secret: Some(client_secret.expose()),
        authorize_uri: &event.authorize_uri,
        token_uri: &event.token_uri,
        scope: &event.scope,
    };
    Ok(created(
        receipt,
        &format!("{}/api/mgmt/oauthapps/{id}", asking.app().public_url()),
        envelope.header.sequence,
        &body,
    ))
}

/// Replaces an OAuth application.
///
/// Tenant and data store stay as they are. A secret that is left out stays; other optional properties that are left out are
/// cleared. The answer shows the secret only when it was sent.
#[utoipa::path(
    put, path = "/api/mgmt/oauthapps/{id}", tag = tag::OAUTH_APPS, operation_id = "updateOAuthApplication",
    params(parameters::Id, parameters::OnBehalf),
    request_body = Replaced,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (404, codes::NO_OAUTH_APP), (409, codes::NAME_TAKEN), (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(in crate::api::management) async fn update(
    extract::State(app): extract::State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, _) = find::<Applications>(&asking, &path, &PERMISSIONS)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone(), Some(id))?;
    let vault = asking.vault();
    let prepare = || {
        // Sealed under the key that lives now; if that changes before the decision, this is done again.
        let (_, row) = find::<Applications>(&asking, &path, &PERMISSIONS)?;
        let key = vault.data_key(&row.key_id()).map_err(fault)?;
        let seal = |field, text: &PlainSecret| {
            vault.seal(&key, StreamKind::OAUTH_APP, field, text.expose().as_bytes())
        };
        Ok(Wish::UpdateOAuthApp(Box::new(UpdateOAuthApp {
            id,
            expected: expected.clone(),
            tenant: sent.tenant,
            data_store: sent.data_store,
            properties: sent.properties.clone(),
            description: sent.description.as_ref().map(|text| seal(Field::DESCRIPTION, text)),
            client_secret: sent.client_secret.as_ref().map(|text| seal(Field::CLIENT_SECRET, text)),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    answer_updated(&asking, &receipt, sent.data_store)
}

fn answer_updated(asking: &Asking, receipt: &Receipt, data_store: DataStoreId) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::OAuthAppUpdated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let description = description(asking, event.description.as_ref())?;
    // A PUT that kept the secret doesn't show it: that would be a reveal.
    let client_secret = event.client_secret.as_ref().map(|sealed| secret(asking, sealed)).transpose()?;
    let body = Shown {
        id: envelope.header.stream.id.to_string(),
        name: &event.name,
        data_store: data_store.0,
        tenant_id: envelope.header.tenant.0,
        description: description.as_ref().map(PlainSecret::expose),
        client_id: &event.client_id,
        client_secret: client_secret.as_ref().map(PlainSecret::expose),
        authorize_uri: &event.authorize_uri,
        token_uri: &event.token_uri,
        scope: &event.scope,
    };
    Ok(updated(receipt, envelope.header.sequence, &body))
}

/// Deletes an OAuth application.
#[utoipa::path(
    delete, path = "/api/mgmt/oauthapps/{id}", tag = tag::OAUTH_APPS, operation_id = "deleteOAuthApplication",
    params(parameters::Id, parameters::OnBehalf),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_OAUTH_APP)]))),
    ),
)]
pub(in crate::api::management) async fn delete(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.no_more_parameters()?;
    family::delete::<Applications>(&asking, path, Kind::OAuthApp, |id, expected| {
        Wish::DeleteOAuthApp(DeleteOAuthApp { id, expected })
    })
    .await
}

/// Shows one OAuth application.
///
/// With its client secret, when `secrets.reveal` is `audited`: that is recorded as an event before it is answered. On behalf of
/// another only for holders of 12, and never for HEAD. With `asOf`, as it was, and without the secret.
#[utoipa::path(
    get, path = "/api/mgmt/oauthapps/{id}", tag = tag::OAUTH_APPS, operation_id = "getOAuthApplication",
    params(parameters::Id, parameters::OnBehalf, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_OAUTH_APP)]))),
        ("x-reveals" = json!(true)),
    ),
)]
pub(in crate::api::management) async fn show(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    family::show::<Applications>(&asking, &path, moment, false).await
}

/// Applications, seen by who may administer them.
struct Applications;

impl Family for Applications {
    type Id = OAuthAppId;
    type Row = OAuthApp;
    type Shown<'a> = Shown<'a>;
    const KIND: Kind = Kind::OAuthApp;
    const STREAM: StreamKind = StreamKind::OAUTH_APP;
    const VIEW: &'static [PermissionId] = &PERMISSIONS;

    fn id(number: u64) -> OAuthAppId {
        OAuthAppId(number)
    }

    fn found(
        view: &View<'_>,
        principal: &Principal,
        id: OAuthAppId,
        _: &'static [PermissionId],
    ) -> Result<Arc<OAuthApp>, Refusal> {
        administered(view, principal, id).map(Arc::clone)
    }

    fn row(state: &State<'_>, id: OAuthAppId) -> Option<Arc<OAuthApp>> {
        state.oauth_apps.rows.get(&id).map(Arc::clone)
    }

    fn changed(row: &OAuthApp) -> Sequence {
        row.changed
    }

    fn secrets(id: OAuthAppId, _: &OAuthApp) -> Option<Secrets> {
        Some(Secrets::OAuthApp(id))
    }

    fn was_found(principal: &Principal, _: Self::Id, row: &OAuthApp, _: bool) -> Option<TenantId> {
        principal.may_administer_oauth_apps_of(row.tenant).then_some(row.tenant)
    }

    fn present<T>(
        look: &Look<'_>,
        id: OAuthAppId,
        row: &OAuthApp,
        answer: impl FnOnce(&Shown<'_>) -> T,
    ) -> Result<T, ApiError> {
        let description = look.text(row.description.as_ref(), Self::STREAM)?;
        let secret = look.secret(Some(&row.client_secret), Self::STREAM, Field::CLIENT_SECRET)?;
        Ok(answer(&Shown::of(id, row, description.as_ref(), secret.as_ref())))
    }
}

fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::OAUTH_APP, Field::DESCRIPTION)
}

fn secret(asking: &Asking, sealed: &Sealed) -> Result<PlainSecret, ApiError> {
    echoed(asking.vault(), sealed, StreamKind::OAUTH_APP, Field::CLIENT_SECRET)
}
