//! `/api/mgmt/oauthapps`: OAuth applications (hdp-api section 2, brief page 003).

mod list;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use events::{
    envelope::{Stream, StreamKind},
    event::Event,
    id::{DataStoreId, OAuthAppId, TenantId},
    sealed::{Field, Sealed},
};
use projections::oauth_apps::OAuthApp;
use serde::Serialize;

pub(super) use list::list;

use crate::{
    api::{
        AppState,
        asking::{Asking, echoed, fault, open_text},
        body,
        error::{ApiError, Kind},
        fields::{Fields, parse_id},
        json::Json,
        past::open_text_then,
        written::{created, deleted, not_modified, shown, unexpected, updated, written},
    },
    commands::{
        NewKey, Refusal, Wish,
        disclosure::{RevealSecrets, Secrets},
        field::{ClientId, EndpointUri, OAuthAppName, ScopeList, check_description, check_secret},
        oauth_app::{CreateOAuthApp, DeleteOAuthApp, PERMISSIONS, Properties, UpdateOAuthApp, administered},
    },
    ledger::{live::Receipt, past::Moment},
    vault::PlainSecret,
};

/// One application as create, GET and PUT answer it; `id` is a text there (hdp-api 9.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: String,
    name: &'a str,
    data_store: u32,
    tenant_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// What a body says, checked field by field.
struct Sent {
    tenant: Option<TenantId>,
    data_store: DataStoreId,
    properties: Properties,
    description: Option<PlainSecret>,
    client_secret: Option<PlainSecret>,
}

impl Sent {
    /// Reads a body. With `own`, it is a PUT: the object's id may be repeated, so that what a GET answered can be sent back.
    fn read(body: Json, own: Option<OAuthAppId>) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        if let Some(own) = own {
            fields.repeats_id(own.0)?;
        }
        let data_store = fields.id("dataStore")?;
        let data_store = u32::try_from(data_store)
            .map_err(|_| fields.invalid("dataStore", "there is no data store of this id"))?;
        let properties = Properties {
            name: fields.parsed("name", OAuthAppName::parse)?,
            client_id: fields.parsed("clientId", ClientId::parse)?,
            authorize_uri: fields.parsed("authorizeURI", EndpointUri::parse)?,
            token_uri: fields.parsed("tokenURI", EndpointUri::parse)?,
            scope: fields.parsed("scope", ScopeList::parse)?,
        };
        let sent = Self {
            tenant: fields.optional_id("tenantId")?.map(TenantId),
            data_store: DataStoreId(data_store),
            properties,
            description: fields.optional_checked("description", check_description)?,
            client_secret: fields.optional_checked("clientSecret", check_secret)?,
        };
        if own.is_none() && sent.client_secret.is_none() {
            return Err(fields.missing("clientSecret"));
        }
        fields.finish()?;
        Ok(sent)
    }
}

/// The id in a path. What can't be an id is an object that is not there.
fn id_of(path: &str) -> Result<OAuthAppId, ApiError> {
    parse_id(path).map(OAuthAppId).ok_or_else(|| ApiError::NotFound(Kind::OAuthApp, path.to_owned()))
}

/// `POST /api/mgmt/oauthapps` → 201.
pub(super) async fn create(
    State(app): State<AppState>,
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

/// `PUT /api/mgmt/oauthapps/{id}` → 200.
pub(super) async fn update(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let id = find(&app, &asking, &path)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone(), Some(id))?;
    let vault = asking.vault();
    let prepare = || {
        // Sealed under the key that lives now; if that changes before the decision, this is done again.
        let row = find_row(&app, &asking, id)?;
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

/// `DELETE /api/mgmt/oauthapps/{id}` → 204.
pub(super) async fn delete(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    // Asked of the writer also when the path is no id: a missing permission is heard first.
    let id = parse_id(&path).map_or(OAuthAppId(0), OAuthAppId);
    let wish = DeleteOAuthApp { id, expected };
    let receipt = asking.execute(None, || Ok(Wish::DeleteOAuthApp(wish.clone()))).await;
    match receipt {
        Ok(receipt) => Ok(deleted(&receipt)),
        Err(ApiError::NotFound(Kind::OAuthApp, _)) => Err(ApiError::NotFound(Kind::OAuthApp, path)),
        Err(error) => Err(error),
    }
}

/// `GET /api/mgmt/oauthapps/{id}` → 200, with the secret when it may be revealed, or with `?asOf=` as it was.
pub(super) async fn show(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    if let Some(moment) = moment {
        return show_then(&app, &asking, &path, moment).await;
    }
    let id = find(&app, &asking, &path)?;
    let mut row = find_row(&app, &asking, id)?;
    if let Some(response) = not_modified(asking.headers(), row.changed)? {
        return Ok(response);
    }
    let mut revealed = None;
    let reveals = asking.reveals(&PERMISSIONS)?;
    if reveals {
        let prepare = || {
            row = find_row(&app, &asking, id)?;
            Ok(Wish::RevealSecrets(RevealSecrets { secrets: Secrets::OAuthApp(id), changed: row.changed }))
        };
        revealed = Some(asking.execute(None, prepare).await?);
    }
    let description = description(&asking, row.description.as_ref())?;
    // A secret whose key was destroyed is gone; the rest of the object is still an answer.
    let secret = open_text(
        asking.vault(),
        reveals.then_some(&row.client_secret),
        StreamKind::OAUTH_APP,
        Field::CLIENT_SECRET,
    )?;
    let body = Shown::of(id, &row, description.as_ref(), secret.as_ref());
    let response = shown(row.changed, &body);
    Ok(match revealed {
        Some(receipt) => written(&receipt, response),
        None => response,
    })
}

/// What is gone now is shown to who audits its tenant, if he could GET it were it still there.
async fn show_then(
    app: &AppState,
    asking: &Asking,
    path: &str,
    moment: Moment,
) -> Result<Response, ApiError> {
    let (id, principal, gone) = app.ledger().read(|view| {
        let principal = asking.principal(view, &PERMISSIONS)?;
        let id = id_of(path)?;
        match administered(view, &principal, id) {
            Ok(_) => Ok((id, principal, false)),
            Err(Refusal::NotFound(_)) if !view.state.oauth_apps.rows.has(&id) => Ok((id, principal, true)),
            Err(refusal) => Err(asking.refused(refusal)),
        }
    })?;
    let stream = Stream::new(StreamKind::OAUTH_APP, id.0);
    let then = asking.row_at(stream, moment, |state| state.oauth_apps.rows.get(&id).cloned()).await?;
    let his = |tenant| !gone || principal.may_administer_oauth_apps_of(tenant) && asking.audits(tenant);
    let then = then.filter(|then| his(then.row.tenant));
    let then = then.ok_or_else(|| ApiError::NotFound(Kind::OAuthApp, id.to_string()))?;
    let sealed = then.row.description.as_ref();
    let description = open_text_then(asking.vault(), sealed, StreamKind::OAUTH_APP, Field::DESCRIPTION)?;
    Ok(then.shown(&Shown::of(id, &then.row, description.as_ref(), None)))
}

/// The id in the path when the caller may administer the application, in the order of hdp-api 9.4.
fn find(app: &AppState, asking: &Asking, path: &str) -> Result<OAuthAppId, ApiError> {
    app.ledger().read(|view| asking.principal(view, &PERMISSIONS).map(drop))?;
    let id = id_of(path)?;
    find_row(app, asking, id)?;
    Ok(id)
}

fn find_row(app: &AppState, asking: &Asking, id: OAuthAppId) -> Result<Arc<OAuthApp>, ApiError> {
    app.ledger().read(|view| {
        let principal = asking.principal(view, &PERMISSIONS)?;
        administered(view, &principal, id).map(Arc::clone).map_err(|refusal| asking.refused(refusal))
    })
}

fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::OAUTH_APP, Field::DESCRIPTION)
}

fn secret(asking: &Asking, sealed: &Sealed) -> Result<PlainSecret, ApiError> {
    echoed(asking.vault(), sealed, StreamKind::OAUTH_APP, Field::CLIENT_SECRET)
}
