//! `/api/admin/users` (hdp-api 6.4). Here: create, list, show, and what all answers about a user have in common. Each part of a
//! user that has an address of its own is in a file of its own.

pub(super) mod access;
pub(super) mod change;
pub(super) mod parts;
pub(super) mod passwords;
pub(super) mod sources;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    envelope::{Envelope, Stream, StreamKind},
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

use super::user_fields::{INTERNAL_SERVICE, Sent, hdp_time};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, echoed, fault, open_text},
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
    commands::{
        NewKey, Wish,
        user::{CreateUser, found},
    },
    ledger::{live::Receipt, past::Moment},
    vault::{PlainSecret, login::LoginName},
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
    /// With `details=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tenant_name: Option<String>,
    status_info: StatusInfo,
    /// Missing for a user without a password here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password_info: Option<PasswordInfo>,
    permissions: Permissions,
    /// Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    authentication_info: Option<AuthenticationInfo>,
    /// With `details=true`, as far as the caller administers them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tenants_administered: Option<Vec<u64>>,
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
            authentication_info: None,
            tenants_administered: None,
        }
    }

    /// As one user is shown alone.
    fn alone(self) -> Self {
        let authentication_info = Some(AuthenticationInfo::of(self.user_name.as_deref()));
        Self { authentication_info, ..self }
    }
}

/// Who vouches for him: the internal service, under his own name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserAuthenticationInfo)]
struct AuthenticationInfo {
    auth_users: Vec<AuthUser>,
}

/// A name at a service.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuthUser {
    auth_user_name: String,
    /// 1 is the internal service.
    auth_service_id: u64,
}

impl AuthenticationInfo {
    /// Nobody vouches for a name that was erased.
    fn of(name: Option<&str>) -> Self {
        let own =
            |name: &str| AuthUser { auth_user_name: name.to_owned(), auth_service_id: INTERNAL_SERVICE };
        Self { auth_users: name.map(own).into_iter().collect() }
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
            (403, codes::FORBIDDEN), (409, codes::NAME_TAKEN), (409, codes::KEY_UNREADABLE),
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
            let hash = seal(Field::PASSWORD_HASH, &hashed(&app, &password.text).await?);
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

/// The hash of a new password.
async fn hashed(app: &AppState, password: &PlainSecret) -> Result<PlainSecret, ApiError> {
    app.hasher().hash(password).await.map_err(|error| match error {
        HashError::Busy => ApiError::Busy,
        other => ApiError::Internal(Fault::new(other)),
    })
}

fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::UserCreated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let id = envelope.header.stream.id;
    let name = echoed(asking.vault(), &event.name, StreamKind::USER, Field::USER_NAME)?;
    let body = Shown {
        id,
        user_name: Some(name.expose().to_owned()),
        tenant_id: envelope.header.tenant.0,
        tenant_name: None,
        status_info: StatusInfo::of(event.status, None),
        password_info: event.password.as_ref().map(PasswordInfo::from),
        permissions: Permissions::of(&event.roles, &event.permissions),
        authentication_info: Some(AuthenticationInfo::of(Some(name.expose()))),
        tenants_administered: None,
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
///
/// With `details=true` also the name of his tenant and the tenants that he administers.
#[utoipa::path(
    get, path = "/api/admin/users/{id}", tag = tag::USERS, operation_id = "getUser",
    params(
        parameters::Id, parameters::AsOf,
        ("details" = Option<bool>, Query, description = "With `tenantName` and `tenantsAdministered`; not of the past."),
    ),
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
    let details = asking.query.flag("details")?;
    asking.no_more_parameters()?;
    if let Some(moment) = moment {
        return show_then(&asking, &path, moment).await;
    }
    let (id, user) = find(&asking, &path, &[VIEW_USERS])?;
    if !details && let Some(response) = not_modified(asking.headers(), user.changed)? {
        return Ok(response);
    }
    let mut body = presented(&asking, id, &user, None, app.clock().now())?.alone();
    if details {
        (body.tenant_name, body.tenants_administered) = details_of(&asking, id, user.tenant)?;
    }
    Ok(shown(user.changed, &body))
}

/// The name of his tenant, and the tenants that he administers as far as the caller does.
fn details_of(
    asking: &Asking,
    id: UserId,
    tenant: TenantId,
) -> Result<(Option<String>, Option<Vec<u64>>), ApiError> {
    asking.app().ledger().read(|view| {
        let principal = asking.principal(view, &[])?;
        let name = view.state.tenants.rows.get(&tenant).map(|row| row.name.clone());
        let administered = access::visible(view, &principal, id, TenantId(0)).map(|tenant| tenant.0);
        Ok((name, Some(administered.collect())))
    })
}

/// Who is gone now is shown to who audits the tenant where he lived, if he would find him were he still there.
async fn show_then(asking: &Asking, path: &str, moment: Moment) -> Result<Response, ApiError> {
    let unknown = || ApiError::NotFound(Kind::User, path.to_owned());
    let id = parse_id(path).map(UserId).ok_or_else(unknown)?;
    let (principal, gone) = asking.app().ledger().read(|view| {
        let principal = asking.principal(view, &[VIEW_USERS])?;
        let gone = !view.state.users.rows.has(&id);
        if !gone {
            found(view, &principal, id).map_err(|_| unknown())?;
        }
        Ok((principal, gone))
    })?;
    let stream = Stream::new(StreamKind::USER, id.0);
    let then = asking.row_at(stream, moment, |state| state.users.rows.get(&id).cloned()).await?;
    // What he was in a tenant is shown to who administers that one, wherever he lives now.
    let his = |row: &User| principal.administers(row.tenant) && (!gone || asking.audits(row.tenant));
    let then = then.filter(|then| his(&then.row)).ok_or_else(unknown)?;
    let name = open_text_then(asking.vault(), Some(&then.row.name), StreamKind::USER, Field::USER_NAME)?;
    Ok(then.shown(&Shown::of(id, &then.row, name, None, then.at).alone()))
}

/// The user in the path, when this caller finds him. What can't be an id is a user who is not there.
fn find(asking: &Asking, path: &str, permissions: &[PermissionId]) -> Result<(UserId, Arc<User>), ApiError> {
    asking.app().ledger().read(|view| {
        let principal = asking.principal(view, permissions)?;
        let id = parse_id(path).map(UserId).ok_or_else(|| ApiError::NotFound(Kind::User, path.to_owned()))?;
        let row = found(view, &principal, id).map_err(|refusal| asking.refused(refusal))?;
        Ok((id, Arc::clone(row)))
    })
}

/// His name, for what depends on it: his entry of the login index, and whether a password is too much like it.
fn name_of(asking: &Asking, row: &User) -> Result<LoginName, ApiError> {
    let name = asking.vault().unseal_text(&row.name, StreamKind::USER, Field::USER_NAME).map_err(fault)?;
    LoginName::parse(name.expose()).map_err(|error| ApiError::Internal(Fault::new(error)))
}

/// A user as a command left him.
struct Left {
    id: UserId,
    row: Arc<User>,
    /// When: what ends by itself is judged by this.
    at: Timestamp,
}

/// What the command of this receipt made of its user: what a repetition is told is what the first request was told, whatever
/// happened to him since.
async fn left_by(asking: &Asking, receipt: &Receipt) -> Result<Left, ApiError> {
    let of_user = |envelope: &&Envelope| envelope.header.stream.kind == StreamKind::USER;
    let last = receipt.events.iter().rev().find(of_user).ok_or_else(|| unexpected(receipt))?;
    let (stream, sequence, at) = (last.header.stream, last.header.sequence, last.header.recorded_at);
    let id = UserId(stream.id);
    let present = asking.app().ledger().read(|view| view.state.users.rows.get(&id).cloned());
    if let Some(row) = present.filter(|row| row.changed == sequence) {
        return Ok(Left { id, row, at });
    }
    let moment = Moment::Sequence(sequence);
    let then = asking.row_at(stream, moment, |state| state.users.rows.get(&id).cloned()).await?;
    let row = then.ok_or_else(|| unexpected(receipt))?.row;
    Ok(Left { id, row, at })
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
