//! Passwords: what is said about one, set by an administrator, and changed by its holder (hdp-api 6.6, 9.25).

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use events::{
    envelope::StreamKind, event::Event, id::Sequence, sealed::Field, time::Timestamp, user::PasswordStatus,
};
use projections::users::User;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::user_fields::{hdp_time, hdp_time_text, password, password_status, read_time},
    Left, PasswordInfo, find, hashed, left_by, name_of,
};
use crate::{
    api::{
        AppState,
        asking::{Asking, fault},
        body, codes,
        error::ApiError,
        fields::Fields,
        guard,
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{BodySchema, body_schema, text},
            tag,
        },
        written::{deleted, not_modified, shown, unexpected, updated},
    },
    auth::{
        password::{CHARS_MAX, TEMPORARY_CHARS_MIN, judge_temporary},
        permission::{CHANGE_PASSWORD, MODIFY_USERS, VIEW_USERS},
    },
    commands::{
        Wish,
        configuration_table::SECURE_CHANGE_PASSWORD,
        setting::is_on,
        user::password::{ChangePassword, PasswordChange, SetUserPassword},
    },
    ledger::live::Receipt,
    vault::{PlainSecret, login::LoginName},
};

/// What is said about a password, and perhaps a new one, as sent.
pub(in crate::api::admin) struct SentPasswordInfo {
    pub(super) text: Option<PlainSecret>,
    pub(super) status: PasswordStatus,
    pub(super) expires_at: Option<Timestamp>,
}

body_schema!(
    SentPasswordInfo,
    "UserPasswordReplace",
    password_info("An expiration that is left out is taken away.")
);

/// `passwordInfo` in a PUT.
pub(super) fn password_info(about: &str) -> BodySchema {
    BodySchema::new(about)
        .required("passwordStatus", password_status())
        .optional("passwordExpiration", hdp_time_text())
        .optional(
            "password",
            password().about("A new one, by the rules of `password.policy`; left out, it stays."),
        )
}

impl SentPasswordInfo {
    pub(super) fn read(mut info: Fields, app: &AppState, name: &LoginName) -> Result<Self, ApiError> {
        let status = match info.optional_number("passwordStatus")? {
            Some(1) => PasswordStatus::Active,
            Some(2) => PasswordStatus::MustChange,
            Some(_) => {
                return Err(info.invalid("passwordStatus", "use 1, or 2 for one that must be changed first"));
            }
            None => return Err(info.missing("passwordStatus")),
        };
        let expires_at = read_time(&mut info, "passwordExpiration")?;
        let text = info.optional_text("password")?;
        if let Some(text) = &text {
            judge(&info, "password", app, status, text, name)?;
        }
        info.finish()?;
        Ok(Self { text, status, expires_at })
    }
}

/// Judges a new password: a chosen one by the rules that hold now, a temporary one by its length alone.
fn judge(
    fields: &Fields,
    property: &str,
    app: &AppState,
    status: PasswordStatus,
    text: &PlainSecret,
    name: &LoginName,
) -> Result<(), ApiError> {
    let judged = match status {
        PasswordStatus::Active => app.password_rules().judge_chosen(text, name.as_sent().expose()),
        PasswordStatus::MustChange => judge_temporary(text),
    };
    judged.map_err(|refusal| fields.invalid(property, refusal.to_string()))
}

/// What is said about a password; nothing about one that is not there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserPasswordInfoAlone)]
struct Shown {
    /// 1 chosen, 2 temporary. Missing for a user without a password here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password_status: Option<u8>,
    /// UTC, such as `2025-12-31 00:00:00`; `null` when it does not expire.
    #[schema(required = true)]
    password_expiration: Option<String>,
}

impl Shown {
    fn of(row: &User) -> Self {
        let info = row.password.as_ref().map(PasswordInfo::from);
        Self {
            password_status: info.as_ref().map(|info| info.password_status),
            password_expiration: info.and_then(|info| info.password_expiration),
        }
    }
}

/// Shows what is said about a user's password.
///
/// Never the password.
#[utoipa::path(
    get, path = "/api/admin/users/{id}/passwordinfo", tag = tag::USERS, operation_id = "getUserPasswordInfo",
    params(parameters::Id),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::admin) async fn info(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[VIEW_USERS])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (_, row) = find(&asking, &path, &[VIEW_USERS])?;
    if let Some(response) = not_modified(asking.headers(), row.changed)? {
        return Ok(response);
    }
    Ok(shown(row.changed, &Shown::of(&row)))
}

/// Replaces what is said about a user's password.
///
/// An expiration that is left out is taken away. With `password` he gets a new one, which he needs to have one at all.
/// A temporary one dies after seven days.
#[utoipa::path(
    put, path = "/api/admin/users/{id}/passwordinfo", tag = tag::USERS, operation_id = "updateUserPasswordInfo",
    params(parameters::Id),
    request_body = SentPasswordInfo,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[MODIFY_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(403, codes::FORBIDDEN), (404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::admin) async fn info_replaced(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[MODIFY_USERS])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (_, row) = find(&asking, &path, &[MODIFY_USERS])?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = SentPasswordInfo::read(Fields::of(body.clone())?, &app, &name_of(&asking, &row)?)?;
    let receipt = set(&asking, &path, expected, &body, &sent).await?;
    let Left { row, .. } = left_by(&asking, &receipt).await?;
    Ok(updated(&receipt, row.changed, &Shown::of(&row)))
}

/// A temporary password as sent.
pub(in crate::api::admin) struct SentReset;

body_schema!(
    SentReset,
    "UserPasswordReset",
    BodySchema::new("").required(
        "newPassword",
        text(TEMPORARY_CHARS_MIN..=CHARS_MAX).about("A temporary one.").example("tempsecret")
    )
);

/// Gives a user a temporary password.
///
/// He has to change it before anything else; it dies after seven days.
#[utoipa::path(
    put, path = "/api/admin/users/{id}/resetpassword", tag = tag::USERS, operation_id = "resetUserPassword",
    params(parameters::Id),
    request_body = SentReset,
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[MODIFY_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(403, codes::FORBIDDEN), (404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::admin) async fn reset(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[MODIFY_USERS])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (_, row) = find(&asking, &path, &[MODIFY_USERS])?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let mut fields = Fields::of(body.clone())?;
    let text = fields.text("newPassword")?;
    let status = PasswordStatus::MustChange;
    judge(&fields, "newPassword", &app, status, &text, &name_of(&asking, &row)?)?;
    fields.finish()?;
    let sent = SentPasswordInfo { text: Some(text), status, expires_at: None };
    Ok(deleted(&set(&asking, &path, expected, &body, &sent).await?))
}

/// Has the writer set a password of the user in the path.
async fn set(
    asking: &Asking,
    path: &str,
    expected: Option<Vec<Sequence>>,
    body: &Json,
    sent: &SentPasswordInfo,
) -> Result<Receipt, ApiError> {
    let hash = match &sent.text {
        Some(text) => Some(hashed(asking.app(), text).await?),
        None => None,
    };
    let vault = asking.vault();
    let prepare = || {
        // Sealed under the key that lives now; if that changes before the decision, this is done again.
        let (user, row) = find(asking, path, &[MODIFY_USERS])?;
        let key = vault.data_key(&row.key_id()).map_err(fault)?;
        let seal = |hash: &PlainSecret| {
            vault.seal(&key, StreamKind::USER, Field::PASSWORD_HASH, hash.expose().as_bytes())
        };
        let hash = hash.as_ref().map(seal);
        let change = PasswordChange { hash, status: sent.status, expires_at: sent.expires_at };
        Ok(Wish::SetUserPassword(Box::new(SetUserPassword { user, expected: expected.clone(), change })))
    };
    asking.execute(Some(body), prepare).await
}

/// The passwords before and after, as sent.
pub(in crate::api::admin) struct SentChange;

body_schema!(
    SentChange,
    "PasswordChange",
    BodySchema::new("")
        .optional(
            "currentPassword",
            text(0..=CHARS_MAX).about("Required, unless configuration 2 says otherwise.")
        )
        .required("newPassword", password())
);

/// Changes the caller's own password.
///
/// Also when it has expired, or is temporary and not over yet: this is the one operation that such a password is good for. A
/// wrong `currentPassword` counts like any wrong password.
#[utoipa::path(
    put, path = "/api/admin/userdetails/changePassword", tag = tag::USERS, operation_id = "changePassword",
    request_body = SentChange,
    responses((status = 200, body = PasswordInfo)),
    extensions(
        ("x-permissions" = json!(ids(&[CHANGE_PASSWORD]))),
        ("x-error-codes" = json!(openapi::codes(&[(400, codes::WRONG_CURRENT_PASSWORD)]))),
    ),
)]
pub(in crate::api::admin) async fn change(
    State(app): State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[CHANGE_PASSWORD])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let mut fields = Fields::of(body.clone())?;
    let current = fields.optional_text("currentPassword")?;
    let new = fields.text("newPassword")?;
    let row = own(&asking)?;
    let name = name_of(&asking, &row)?;
    // The one that was there before anything was compared: if it is another when this is decided, nothing happens.
    let before = row.password.clone().ok_or(ApiError::InvalidCredentials)?.hash;
    match &current {
        Some(current) => guard::knows_password(&app, asking.caller(), &name, current).await?,
        None if must_prove(&asking) => {
            return Err(fields.invalid("currentPassword", "send the present password"));
        }
        None => {}
    }
    judge(&fields, "newPassword", &app, PasswordStatus::Active, &new, &name)?;
    if guard::is_same_password(&app, &before, &new).await? {
        return Err(fields.invalid("newPassword", "choose another one than the present"));
    }
    fields.finish()?;
    let hash = hashed(&app, &new).await?;
    let ends_all_tokens = app.config().oauth.end_tokens_on_password_change;
    let prepare = || {
        let key = asking.vault().data_key(&own(&asking)?.key_id()).map_err(fault)?;
        let hash = hash.expose().as_bytes();
        let hash = asking.vault().seal(&key, StreamKind::USER, Field::PASSWORD_HASH, hash);
        Ok(Wish::ChangePassword(Box::new(ChangePassword { before: before.clone(), hash, ends_all_tokens })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let Event::UserPasswordSet(set) = &envelope.event else { return Err(unexpected(&receipt)) };
    let answer = PasswordInfo {
        password_status: set.status.into(),
        password_expiration: set.expires_at.map(hdp_time),
    };
    Ok(updated(&receipt, envelope.header.sequence, &answer))
}

/// The caller himself.
fn own(asking: &Asking) -> Result<std::sync::Arc<User>, ApiError> {
    let row = asking.app().ledger().read(|view| view.state.users.rows.get(&asking.user()).cloned());
    row.ok_or(ApiError::InvalidCredentials)
}

/// Whether the present password has to be sent, which configuration 2 can switch off.
fn must_prove(asking: &Asking) -> bool {
    asking.app().ledger().read(|view| is_on(&view.state, SECURE_CHANGE_PASSWORD))
}
