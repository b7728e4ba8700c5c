//! `/api/admin/users` (hdp-api 6.4): create, list, show.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    envelope::{Stream, StreamKind},
    event::Event,
    id::{PermissionId, RoleId, TenantId, UserId},
    sealed::Field,
    time::Timestamp,
    user::{Password, UserStatus},
};
use projections::{
    table::Merged,
    users::{Lock, User},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::user_fields::{Sent, hdp_time};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, open_text},
        body, codes,
        error::{ApiError, Fault, Kind},
        fields::parse_id,
        openapi::{self, ids, parameters, tag},
        past::open_text_then,
        slices,
        written::{created, not_modified, shown, unexpected},
    },
    auth::{
        hasher::HashError,
        permission::{CREATE_USERS, VIEW_USERS},
    },
    commands::{NewKey, Wish, user::CreateUser},
    ledger::{live::Receipt, past::Moment},
    vault::PlainSecret,
};

/// A user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
struct Shown {
    id: u64,
    /// Missing when it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_name: Option<String>,
    tenant_id: u64,
    /// In lists with `details=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tenant_name: Option<String>,
    status_info: StatusInfo,
    /// Missing for a user without a password here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password_info: Option<PasswordInfo>,
    permissions: Permissions,
}

impl Shown {
    fn of(
        id: UserId,
        user: &User,
        name: Option<PlainSecret>,
        tenant_name: Option<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: id.0,
            user_name: name.map(|name| name.expose().to_owned()),
            tenant_id: user.tenant.0,
            tenant_name,
            status_info: StatusInfo::of(user.status, user.locked_at(now)),
            password_info: user.password.as_ref().map(PasswordInfo::from),
            permissions: Permissions::of(&user.roles, &user.permissions),
        }
    }
}

/// Whether he may log in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserStatusInfo)]
struct StatusInfo {
    /// 1 active, 0 inactive.
    status: u8,
    /// Locked by wrong passwords.
    account_locked: bool,
    /// UTC, such as `2025-12-31 00:00:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    account_locked_at: Option<String>,
    /// UTC, such as `2025-12-31 00:00:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    account_locked_until: Option<String>,
}

impl StatusInfo {
    fn of(status: UserStatus, lock: Option<Lock>) -> Self {
        Self {
            status: status.into(),
            account_locked: lock.is_some(),
            account_locked_at: lock.map(|lock| hdp_time(lock.at)),
            account_locked_until: lock.map(|lock| hdp_time(lock.until)),
        }
    }
}

/// Never the password, not even its hash.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserPasswordInfo)]
struct PasswordInfo {
    /// 1 chosen, 2 temporary.
    password_status: u8,
    /// UTC, such as `2025-12-31 00:00:00`; `null` when it does not expire.
    #[schema(required = true)]
    password_expiration: Option<String>,
}

impl From<&Password> for PasswordInfo {
    fn from(password: &Password) -> Self {
        Self {
            password_status: password.status.into(),
            password_expiration: password.expires_at.map(hdp_time),
        }
    }
}

/// What he may do: by his roles, and beside them.
#[derive(Serialize, ToSchema)]
#[schema(as = UserPermissions)]
struct Permissions {
    roles: Vec<u64>,
    permissions: Vec<u16>,
}

impl Permissions {
    fn of(roles: &[RoleId], permissions: &[PermissionId]) -> Self {
        Self {
            roles: roles.iter().map(|role| role.0).collect(),
            permissions: permissions.iter().map(|permission| permission.0).collect(),
        }
    }
}

/// Users in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = UserList)]
struct List {
    users: Vec<Shown>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// Creates a user.
///
/// The password is judged and hashed, and never answered. Nobody grants a permission that he does not hold.
#[utoipa::path(
    post, path = "/api/admin/users", tag = tag::USERS, operation_id = "createUser",
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[CREATE_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (400, codes::NO_ROLE), (400, codes::NO_PERMISSION),
            (403, codes::FORBIDDEN), (409, codes::NAME_TAKEN),
        ]))),
    ),
)]
pub(super) async fn create(
    State(app): State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[CREATE_USERS])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone(), &app.password_rules())?;
    let vault = asking.vault();
    let key = vault.new_data_key();
    let seal =
        |field, text: &PlainSecret| vault.seal(&key.key, StreamKind::USER, field, text.expose().as_bytes());
    let password = match &sent.password {
        None => None,
        Some(password) => {
            let hash = app.hasher().hash(&password.text).await.map_err(|error| match error {
                HashError::Busy => ApiError::Busy,
                other => ApiError::Internal(Fault::new(other)),
            })?;
            let hash = seal(Field::PASSWORD_HASH, &hash);
            Some(Password { hash, status: password.status, expires_at: password.expires_at })
        }
    };
    let wish = CreateUser {
        tenant: sent.tenant,
        name: seal(Field::USER_NAME, sent.name.as_sent()),
        login: vault.login_tag(&sent.name),
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        status: sent.status,
        password,
        roles: sent.roles,
        permissions: sent.permissions,
    };
    let receipt = asking.execute(Some(&body), || Ok(Wish::CreateUser(Box::new(wish.clone())))).await?;
    answer_created(&asking, &receipt)
}

fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::UserCreated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let id = envelope.header.stream.id;
    let name = open_text(asking.vault(), Some(&event.name), StreamKind::USER, Field::USER_NAME)?;
    let body = Shown {
        id,
        user_name: name.map(|name| name.expose().to_owned()),
        tenant_id: envelope.header.tenant.0,
        tenant_name: None,
        status_info: StatusInfo::of(event.status, None),
        password_info: event.password.as_ref().map(PasswordInfo::from),
        permissions: Permissions::of(&event.roles, &event.permissions),
    };
    let location = format!("{}/api/admin/users/{id}", asking.app().public_url());
    Ok(created(receipt, &location, envelope.header.sequence, &body))
}

/// Lists the users of all tenants that the caller administers.
#[utoipa::path(
    get, path = "/api/admin/users", tag = tag::USERS, operation_id = "listUsers",
    params(
        parameters::Paged,
        ("details" = Option<bool>, Query, description = "With the names of their tenants."),
    ),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&[VIEW_USERS])))),
)]
pub(super) async fn list(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[VIEW_USERS])?;
    let details = asking.query.flag("details")?;
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let now = app.clock().now();
    let principal = app.ledger().read(|view| asking.principal(view, &[VIEW_USERS]))?;
    let tenants: Vec<TenantId> = principal.administered().collect();
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let state = &view.state;
            let name = |tenant: TenantId| {
                let row = state.tenants.rows.get(&tenant).filter(|_| details);
                row.map(|row| row.name.clone())
            };
            let row = |id: UserId, user: &Arc<User>| (id.0, (Arc::clone(user), name(user.tenant)));
            if principal.is_administrator() {
                let from = UserId(after.saturating_add(1));
                state.users.rows.range(from..).take(most).map(|(id, user)| row(*id, user)).collect()
            } else {
                let of_each = |tenant: &TenantId| state.users.of_tenant(*tenant, UserId(after));
                let ids = Merged::of(tenants.iter().map(of_each)).take(most);
                ids.filter_map(|id| Some(row(id, state.users.rows.get(&id)?))).collect()
            }
        })
    };
    let present = |id, (user, tenant_name): (Arc<User>, Option<String>)| {
        presented(&asking, UserId(id), &user, tenant_name, now)
    };
    let (users, next) = slices::collect(page, look_up, present)?;
    Ok(answer(StatusCode::OK, &List { users, next }))
}

/// Shows one user.
#[utoipa::path(
    get, path = "/api/admin/users/{id}", tag = tag::USERS, operation_id = "getUser",
    params(parameters::Id, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_USER)]))),
    ),
)]
pub(super) async fn show(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[VIEW_USERS])?;
    asking.in_own_name()?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    let (id, user) = app.ledger().read(|view| -> Result<_, ApiError> {
        let principal = asking.principal(view, &[VIEW_USERS])?;
        let user = parse_id(&path).map(UserId).and_then(|id| Some((id, view.state.users.rows.get(&id)?)));
        let user = user.filter(|(_, user)| principal.administers(user.tenant));
        let (id, user) = user.ok_or(ApiError::NotFound(Kind::User, path))?;
        Ok((id, Arc::clone(user)))
    })?;
    if let Some(moment) = moment {
        return show_then(&asking, id, moment).await;
    }
    if let Some(response) = not_modified(asking.headers(), user.changed)? {
        return Ok(response);
    }
    let body = presented(&asking, id, &user, None, app.clock().now())?;
    Ok(shown(user.changed, &body))
}

/// A user is never deleted so far, so who may see none now may see none of the past.
async fn show_then(asking: &Asking, id: UserId, moment: Moment) -> Result<Response, ApiError> {
    let stream = Stream::new(StreamKind::USER, id.0);
    let then = asking.row_at(stream, moment, |state| state.users.rows.get(&id).cloned()).await?;
    let then = then.ok_or_else(|| ApiError::NotFound(Kind::User, id.to_string()))?;
    let name = open_text_then(asking.vault(), Some(&then.row.name), StreamKind::USER, Field::USER_NAME)?;
    Ok(then.shown(&Shown::of(id, &then.row, name, None, then.at)))
}

fn presented(
    asking: &Asking,
    id: UserId,
    user: &User,
    tenant_name: Option<String>,
    now: Timestamp,
) -> Result<Shown, ApiError> {
    let name = open_text(asking.vault(), Some(&user.name), StreamKind::USER, Field::USER_NAME)?;
    Ok(Shown::of(id, user, name, tenant_name, now))
}
