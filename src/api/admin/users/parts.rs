//! Parts of a user that have addresses of their own: whether he may log in, what he may do, and who vouches for him.

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    envelope::StreamKind,
    id::{PermissionId, RoleId},
    sealed::Field,
    sorted::SortedVec,
    user::UserStatus,
};
use projections::users::{Lock, User};

use super::{
    super::user_fields::{
        authentication, hdp_time, hdp_time_text, held, read_authentication, read_held, read_status_alone,
        status,
    },
    AuthenticationInfo, Left, Permissions, StatusInfo, find, left_by, name_of,
};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, open_text},
        body, codes,
        error::ApiError,
        fields::Fields,
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{BodySchema, body_schema, flag},
            tag,
        },
        written::{not_modified, shown, updated},
    },
    auth::permission::{MODIFY_USERS, VIEW_USERS},
    commands::{
        Wish,
        granting::may_change_user,
        user::update::{SetUserPermissions, SetUserStatus},
    },
    vault::PlainSecret,
};

/// Whether he may log in, as sent.
pub(in crate::api::admin) struct SentStatus {
    pub(super) status: UserStatus,
    pub(super) locked: Option<bool>,
    lock_times: [Option<PlainSecret>; 2],
}

body_schema!(SentStatus, "UserStatusReplace", status_info());

/// Both times of a lock may be sent back as they were answered.
const LOCK_TIMES: [&str; 2] = ["accountLockedAt", "accountLockedUntil"];

/// `statusInfo` in a PUT.
pub(super) fn status_info() -> BodySchema {
    BodySchema::new("Whether he may log in.")
        .required("status", status())
        .optional(
            "accountLocked",
            flag().about("`false` ends a lock; `true` only repeats that there is one."),
        )
        .optional(LOCK_TIMES[0], hdp_time_text())
        .optional(LOCK_TIMES[1], hdp_time_text())
}

impl SentStatus {
    pub(super) fn read(mut info: Fields) -> Result<Self, ApiError> {
        let status = read_status_alone(&mut info)?;
        let locked = info.optional_bool("accountLocked")?;
        let [at, until] = LOCK_TIMES;
        let lock_times = [info.optional_text(at)?, info.optional_text(until)?];
        info.finish()?;
        Ok(Self { status, locked, lock_times })
    }

    /// The times of a lock are what they are: they may be repeated, and nothing else. `path` is where they stand.
    pub(super) fn repeats(&self, row: &User, path: &str) -> Result<(), ApiError> {
        let times = |lock: Lock| [lock.at, lock.until];
        for (index, sent) in self.lock_times.iter().enumerate() {
            let Some(sent) = sent else { continue };
            let stored = row.lock.map(|lock| hdp_time(times(lock)[index]));
            if stored.as_deref() != Some(sent.expose()) {
                let name = format!("{path}{}", LOCK_TIMES[index]);
                let rule = "it follows from the lock; leave it out or repeat it";
                return Err(ApiError::InvalidValue(name, rule.to_owned()));
            }
        }
        Ok(())
    }
}

/// Shows whether a user may log in.
#[utoipa::path(
    get, path = "/api/admin/users/{id}/statusinfo", tag = tag::USERS, operation_id = "getUserStatus",
    params(parameters::Id),
    responses((status = 200, body = StatusInfo), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::admin) async fn status_shown(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    let row = seen(&mut asking, &path)?;
    if let Some(response) = not_modified(asking.headers(), row.changed)? {
        return Ok(response);
    }
    Ok(shown(row.changed, &StatusInfo::of(row.status, row.locked_at(app.clock().now()))))
}

/// Lets a user log in or not, or ends a lock.
///
/// An account is locked by wrong passwords only. The last active holder of 12 can't be switched off.
#[utoipa::path(
    put, path = "/api/admin/users/{id}/statusinfo", tag = tag::USERS, operation_id = "updateUserStatus",
    params(parameters::Id),
    request_body = SentStatus,
    responses((status = 200, body = StatusInfo), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[MODIFY_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (403, codes::FORBIDDEN), (404, codes::NO_USER), (409, codes::LAST_ADMINISTRATOR),
        ]))),
    ),
)]
pub(in crate::api::admin) async fn status_replaced(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[MODIFY_USERS])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (user, _) = find(&asking, &path, &[MODIFY_USERS])?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = SentStatus::read(Fields::of(body.clone())?)?;
    let prepare = || {
        sent.repeats(&find(&asking, &path, &[MODIFY_USERS])?.1, "")?;
        let (status, locked) = (sent.status, sent.locked);
        Ok(Wish::SetUserStatus(SetUserStatus { user, expected: expected.clone(), status, locked }))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let Left { row, at, .. } = left_by(&asking, &receipt).await?;
    Ok(updated(&receipt, row.changed, &StatusInfo::of(row.status, row.locked_at(at))))
}

/// What he may do, as sent.
pub(in crate::api::admin) struct SentPermissions {
    roles: SortedVec<RoleId>,
    permissions: SortedVec<PermissionId>,
}

body_schema!(SentPermissions, "UserPermissionsReplace", held());

impl SentPermissions {
    fn read(body: Json) -> Result<Self, ApiError> {
        let (roles, permissions) = read_held(Fields::of(body)?)?;
        Ok(Self { roles, permissions })
    }
}

/// Shows what a user may do.
///
/// By his roles, and beside them.
#[utoipa::path(
    get, path = "/api/admin/users/{id}/permissions", tag = tag::USERS, operation_id = "getUserPermissions",
    params(parameters::Id),
    responses((status = 200, body = Permissions), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::admin) async fn permissions_shown(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    let row = seen(&mut asking, &path)?;
    if let Some(response) = not_modified(asking.headers(), row.changed)? {
        return Ok(response);
    }
    Ok(shown(row.changed, &Permissions::of(&row.roles, &row.permissions)))
}

/// Replaces what a user may do.
///
/// Nobody grants what he does not hold, and nobody changes his own. The last active holder of 12 keeps it.
#[utoipa::path(
    put, path = "/api/admin/users/{id}/permissions", tag = tag::USERS, operation_id = "updateUserPermissions",
    params(parameters::Id),
    request_body = SentPermissions,
    responses((status = 200, body = Permissions), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[MODIFY_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_ROLE), (403, codes::FORBIDDEN), (404, codes::NO_USER), (409, codes::LAST_ADMINISTRATOR),
        ]))),
    ),
)]
pub(in crate::api::admin) async fn permissions_replaced(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[MODIFY_USERS])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (user, _) = find(&asking, &path, &[MODIFY_USERS])?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = SentPermissions::read(body.clone())?;
    let prepare = || {
        Ok(Wish::SetUserPermissions(Box::new(SetUserPermissions {
            user,
            expected: expected.clone(),
            roles: sent.roles.clone(),
            permissions: sent.permissions.clone(),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let Left { row, .. } = left_by(&asking, &receipt).await?;
    Ok(updated(&receipt, row.changed, &Permissions::of(&row.roles, &row.permissions)))
}

/// Who vouches for him, as sent.
pub(in crate::api::admin) struct SentAuthentication;

body_schema!(SentAuthentication, "UserAuthenticationReplace", authentication());

/// Shows who vouches for a user.
///
/// The internal service (1), under his own name.
#[utoipa::path(
    get, path = "/api/admin/users/{id}/authinfo", tag = tag::USERS, operation_id = "getUserAuthentication",
    params(parameters::Id),
    responses((status = 200, body = AuthenticationInfo), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_USER)]))),
    ),
)]
pub(in crate::api::admin) async fn authentication_shown(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    let row = seen(&mut asking, &path)?;
    if let Some(response) = not_modified(asking.headers(), row.changed)? {
        return Ok(response);
    }
    let name = open_text(asking.vault(), Some(&row.name), StreamKind::USER, Field::USER_NAME)?;
    Ok(shown(row.changed, &AuthenticationInfo::of(name.as_ref().map(PlainSecret::expose))))
}

/// Accepts who vouches for a user, when that is so already.
///
/// The internal service (1) under his own name is the only one there is, so this changes nothing.
#[utoipa::path(
    put, path = "/api/admin/users/{id}/authinfo", tag = tag::USERS, operation_id = "updateUserAuthentication",
    params(parameters::Id),
    request_body = SentAuthentication,
    responses((status = 200, body = AuthenticationInfo)),
    extensions(
        ("x-permissions" = json!(ids(&[MODIFY_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(403, codes::FORBIDDEN), (404, codes::NO_USER)]))),
        ("x-unrecorded" = json!(true)),
    ),
)]
pub(in crate::api::admin) async fn authentication_replaced(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[MODIFY_USERS])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (id, row) = find(&asking, &path, &[MODIFY_USERS])?;
    app.ledger().read(|view| {
        let principal = asking.principal(view, &[MODIFY_USERS])?;
        may_change_user(&view.state, &principal, id).map_err(|refusal| asking.refused(refusal))
    })?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let name = name_of(&asking, &row)?;
    read_authentication(Fields::of(body)?, &name)?;
    Ok(answer(StatusCode::OK, &AuthenticationInfo::of(Some(name.as_sent().expose()))))
}

/// The user in the path of a GET that takes no parameters.
fn seen(asking: &mut Asking, path: &str) -> Result<std::sync::Arc<User>, ApiError> {
    asking.permitted(&[VIEW_USERS])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    Ok(find(asking, path, &[VIEW_USERS])?.1)
}
