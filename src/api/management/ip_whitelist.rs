//! `/api/mgmt/security/whitelist/user`: the addresses that the caller's requests, or those of the user he acts for, may come
//! from (hdp-api 7.3).

use axum::{body::Body, extract::State, response::Response};
use events::{
    envelope::StreamKind,
    event::Event,
    id::UserId,
    sealed::{Field, Sealed},
    whitelist::IpWhitelistSet,
};

use crate::{
    api::{
        AppState,
        asking::{Asking, echoed, fault, open_text},
        body, codes,
        error::ApiError,
        ip_lists::{self, Sent, Shown, read_sealed},
        json::Json,
        openapi::{self, ids, parameters, tag},
        written::{created, deleted, not_modified, shown, unexpected, updated},
    },
    auth::whitelist::Resource,
    commands::{
        Wish,
        whitelist::{Change, NEVER, PERMISSIONS, SetUserIpWhitelist},
    },
    ledger::live::Receipt,
};

const PATH: &str = "/api/mgmt/security/whitelist/user";

/// Shows a user's own address lists.
///
/// Of the caller, or of the user he acts for. A list that is empty lets everybody in; an address has to pass the lists of the
/// system, of the user's tenant and his own.
#[utoipa::path(
    get, path = "/api/mgmt/security/whitelist/user", tag = tag::WHITELISTS, operation_id = "getUserIpWhitelist",
    params(parameters::OnBehalf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(("x-permissions" = json!(ids(&PERMISSIONS)))),
)]
pub(super) async fn show(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.no_more_parameters()?;
    let row = app.ledger().read(|view| -> Result<_, ApiError> {
        let user = asking.principal(view, &PERMISSIONS)?.user;
        Ok(view.state.ip_whitelists.of_users.get(&user).cloned())
    })?;
    let changed = row.as_ref().map_or(NEVER, |row| row.changed);
    if let Some(response) = not_modified(asking.headers(), changed)? {
        return Ok(response);
    }
    let sealed = row.as_ref().map(|row| &row.lists);
    let text = open_text(asking.vault(), sealed, StreamKind::USER, Field::IP_WHITELIST)?;
    let lists = text.map(|text| read_sealed(&text)).transpose()?.unwrap_or_default();
    Ok(shown(changed, &Shown::of(&lists)))
}

/// Sets a user's own address lists, where none are set.
#[utoipa::path(
    post, path = "/api/mgmt/security/whitelist/user", tag = tag::WHITELISTS, operation_id = "createUserIpWhitelist",
    params(parameters::OnBehalf),
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[
            (409, codes::SET_ALREADY), (409, codes::SHUTS_OUT), (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(super) async fn create(asking: Asking, body: Body) -> Result<Response, ApiError> {
    set(asking, Some(body), Change::New).await
}

/// Replaces a user's own address lists.
#[utoipa::path(
    put, path = "/api/mgmt/security/whitelist/user", tag = tag::WHITELISTS, operation_id = "updateUserIpWhitelist",
    params(parameters::OnBehalf),
    request_body = Sent,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(409, codes::SHUTS_OUT), (409, codes::KEY_UNREADABLE)]))),
    ),
)]
pub(super) async fn update(asking: Asking, body: Body) -> Result<Response, ApiError> {
    set(asking, Some(body), Change::Replaced).await
}

/// Takes a user's own address lists away.
#[utoipa::path(
    delete, path = "/api/mgmt/security/whitelist/user", tag = tag::WHITELISTS, operation_id = "deleteUserIpWhitelist",
    params(parameters::OnBehalf),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NOT_SET)]))),
    ),
)]
pub(super) async fn delete(asking: Asking) -> Result<Response, ApiError> {
    set(asking, None, |_| Change::Cleared).await
}

/// Changes lists; without a body, to none.
async fn set(
    mut asking: Asking,
    body: Option<Body>,
    change: impl Fn(Option<Sealed>) -> Change<Option<Sealed>>,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.no_more_parameters()?;
    let is_new = matches!(change(None), Change::New(_));
    let expected = if is_new { None } else { asking.expected()? };
    user(&asking)?;
    let (sent, lists): (Option<Json>, _) = match body {
        None => (None, IpWhitelistSet::default()),
        Some(body) => {
            let body = body::json(asking.headers(), body, &asking.app().config().limits).await?;
            let lists = ip_lists::read(body.clone(), false)?;
            (Some(body), lists)
        }
    };
    let lets_sender_in = asking.could_come_again(&lists, Resource::ManagementApi);
    let text = (lists != IpWhitelistSet::default()).then(|| ip_lists::to_json(&lists));
    let prepare = || {
        let user = user(&asking)?;
        let key_id = asking.app().ledger().read(|view| Some(view.state.users.rows.get(&user)?.key_id()));
        let key = asking.vault().data_key(&key_id.ok_or(ApiError::InvalidCredentials)?).map_err(fault)?;
        let seal = |text: &Vec<u8>| asking.vault().seal(&key, StreamKind::USER, Field::IP_WHITELIST, text);
        let wish = SetUserIpWhitelist {
            expected: expected.clone(),
            change: change(text.as_ref().map(seal)),
            lets_sender_in,
        };
        Ok(Wish::SetUserIpWhitelist(Box::new(wish)))
    };
    let receipt = asking.execute(sent.as_ref(), prepare).await?;
    if sent.is_none() {
        return Ok(deleted(&receipt));
    }
    answer(&asking, &receipt, is_new)
}

/// Whose lists: the caller's, or those of the user he acts for.
fn user(asking: &Asking) -> Result<UserId, ApiError> {
    asking.app().ledger().read(|view| asking.principal(view, &PERMISSIONS).map(|principal| principal.user))
}

fn answer(asking: &Asking, receipt: &Receipt, is_new: bool) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::UserIpWhitelistSet(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let (changed, lists) = match &event.lists {
        None => (NEVER, IpWhitelistSet::default()),
        Some(sealed) => {
            let text = echoed(asking.vault(), sealed, StreamKind::USER, Field::IP_WHITELIST)?;
            (envelope.header.sequence, read_sealed(&text)?)
        }
    };
    let body = Shown::of(&lists);
    if !is_new {
        return Ok(updated(receipt, changed, &body));
    }
    let location = format!("{}{PATH}", asking.app().public_url());
    Ok(created(receipt, &location, changed, &body))
}
