//! `/api/admin/roles` (hdp-api 6.5): named sets of permissions, each of one tenant, and who holds them.

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
    id::{PermissionId, RoleId, Sequence, TenantId, UserId},
    sealed::{Field, Sealed},
    sorted::SortedVec,
};
use projections::{State, roles::Role};
use serde::Serialize;
use utoipa::ToSchema;

use self::sent::{Replaced, Sent};
use crate::{
    api::{
        AppState,
        asking::{Asking, fault, open_text},
        body, codes,
        error::{ApiError, Kind},
        family::{self, Family, Look, find},
        openapi::{self, ids, parameters, tag},
        written::{created, unexpected, updated},
    },
    auth::{
        permission::{CREATE_ROLE, DELETE_ROLE, MODIFY_ROLE, VIEW_ROLE},
        principal::Principal,
    },
    commands::{
        NewKey, Refusal, View, Wish,
        disclosure::Secrets,
        role::{self, CreateRole, DeleteRole, UpdateRole, administered},
    },
    ledger::live::Receipt,
    vault::PlainSecret,
};

/// A role: a named set of permissions, of one tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Role)]
struct Shown<'a> {
    id: u64,
    name: &'a str,
    tenant_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'a str>,
    /// What its holders may do.
    permissions: Vec<u16>,
    /// Who holds it; not with `asOf`, and after a PUT only when it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    users: Option<Vec<u64>>,
}

/// Creates a role.
///
/// `users` get it beside the roles that they have: users of the role's tenant who hold nothing that the caller does not hold.
/// Nobody gives a role to himself.
#[utoipa::path(
    post, path = "/api/admin/roles", tag = tag::ROLES, operation_id = "createRole",
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[CREATE_ROLE]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (400, codes::NO_USER), (403, codes::FORBIDDEN), (409, codes::NAME_TAKEN),
        ]))),
    ),
)]
pub(super) async fn create(
    extract::State(app): extract::State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[CREATE_ROLE])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone(), None)?;
    let vault = asking.vault();
    let key = vault.new_data_key();
    let seal = |text: &PlainSecret| {
        vault.seal(&key.key, StreamKind::ROLE, Field::DESCRIPTION, text.expose().as_bytes())
    };
    let wish = CreateRole {
        tenant: sent.tenant,
        name: sent.name,
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: sent.description.as_ref().map(seal),
        permissions: sent.permissions,
        users: sent.users.unwrap_or_default(),
    };
    let receipt = asking.execute(Some(&body), || Ok(Wish::CreateRole(Box::new(wish.clone())))).await?;
    answer_created(&asking, &receipt)
}

/// Made from the events alone, so that a repeated request gets the same answer.
fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let [envelope, members @ ..] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::RoleCreated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let id = envelope.header.stream.id;
    let description = description(asking, event.description.as_ref())?;
    let body = Shown {
        id,
        name: &event.name,
        tenant_id: envelope.header.tenant.0,
        description: description.as_ref().map(PlainSecret::expose),
        permissions: event.permissions.iter().map(|id| id.0).collect(),
        users: Some(members.iter().map(|member| member.header.stream.id).collect()),
    };
    let location = format!("{}/api/admin/roles/{id}", asking.app().public_url());
    Ok(created(receipt, &location, receipt.last, &body))
}

/// Replaces a role.
///
/// Its tenant stays; of a predefined role (1 to 3) everything but its users. Optional properties that are left out are cleared,
/// except `users`: who left them out by mistake would take the role from everybody. The answer shows them when they were sent.
///
/// The caller may grant the permissions that are new, and holds those that go. Who gets or loses the role holds nothing that
/// the caller does not hold, and is not the caller himself; a user never loses his last role. One active user with 12 stays.
#[utoipa::path(
    put, path = "/api/admin/roles/{id}", tag = tag::ROLES, operation_id = "updateRole",
    params(parameters::Id),
    request_body = Replaced,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[MODIFY_ROLE]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_USER), (404, codes::NO_ROLE), (409, codes::NAME_TAKEN), (409, codes::PREDEFINED),
            (409, codes::IN_USE), (409, codes::LAST_ADMINISTRATOR), (409, codes::TOO_MUCH_AT_ONCE),
        ]))),
    ),
)]
pub(super) async fn update(
    extract::State(app): extract::State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[MODIFY_ROLE])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let (id, _) = find::<Roles>(&asking, &path, &[MODIFY_ROLE])?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone(), Some(id))?;
    let vault = asking.vault();
    let prepare = || {
        let (_, row) = find::<Roles>(&asking, &path, &[MODIFY_ROLE])?;
        let key = vault.data_key(&row.key_id).map_err(fault)?;
        let seal = |text: &PlainSecret| {
            vault.seal(&key, StreamKind::ROLE, Field::DESCRIPTION, text.expose().as_bytes())
        };
        Ok(Wish::UpdateRole(Box::new(UpdateRole {
            id,
            expected: expected.clone(),
            tenant: sent.tenant,
            name: sent.name.clone(),
            description: sent.description.as_ref().map(seal),
            permissions: sent.permissions.clone(),
            users: sent.users.clone(),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    answer_updated(&asking, &receipt, sent.users.as_ref())
}

/// `users` are as they were sent, since that is who holds the role after it.
fn answer_updated(
    asking: &Asking,
    receipt: &Receipt,
    users: Option<&SortedVec<UserId>>,
) -> Result<Response, ApiError> {
    let [envelope, ..] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::RoleUpdated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let description = description(asking, event.description.as_ref())?;
    let body = Shown {
        id: envelope.header.stream.id,
        name: &event.name,
        tenant_id: envelope.header.tenant.0,
        description: description.as_ref().map(PlainSecret::expose),
        permissions: event.permissions.iter().map(|id| id.0).collect(),
        users: users.map(|users| users.iter().map(|user| user.0).collect()),
    };
    Ok(updated(receipt, receipt.last, &body))
}

/// Deletes a role.
///
/// Not while users hold it, and never a predefined one (1 to 3).
#[utoipa::path(
    delete, path = "/api/admin/roles/{id}", tag = tag::ROLES, operation_id = "deleteRole",
    params(parameters::Id),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[DELETE_ROLE]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (404, codes::NO_ROLE), (409, codes::PREDEFINED), (409, codes::IN_USE),
        ]))),
    ),
)]
pub(super) async fn delete(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[DELETE_ROLE])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    family::delete::<Roles>(&asking, path, Kind::Role, |id, expected| {
        Wish::DeleteRole(DeleteRole { id, expected })
    })
    .await
}

/// Shows one role.
///
/// With everybody who holds it; with `asOf`, as it was, and without them.
#[utoipa::path(
    get, path = "/api/admin/roles/{id}", tag = tag::ROLES, operation_id = "getRole",
    params(parameters::Id, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_ROLE]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_ROLE)]))),
    ),
)]
pub(super) async fn show(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[VIEW_ROLE])?;
    asking.in_own_name()?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    family::show::<Roles>(&asking, &path, moment, false).await
}

/// Roles, seen by who administers their tenant.
struct Roles;

impl Family for Roles {
    type Id = RoleId;
    type Row = Role;
    type Shown<'a> = Shown<'a>;
    const KIND: Kind = Kind::Role;
    const STREAM: StreamKind = StreamKind::ROLE;
    const VIEW: &'static [PermissionId] = &[VIEW_ROLE];

    fn id(number: u64) -> RoleId {
        RoleId(number)
    }

    fn found(
        view: &View<'_>,
        principal: &Principal,
        id: RoleId,
        _: &'static [PermissionId],
    ) -> Result<Arc<Role>, Refusal> {
        administered(view, principal, id).map(Arc::clone)
    }

    fn row(state: &State<'_>, id: RoleId) -> Option<Arc<Role>> {
        state.roles.rows.get(&id).map(Arc::clone)
    }

    fn changed(row: &Role) -> Sequence {
        row.changed
    }

    fn tag(state: &State<'_>, id: RoleId, row: &Role) -> Sequence {
        role::tag(state, id, row)
    }

    fn lists(state: &State<'_>, id: RoleId) -> Vec<u64> {
        state.users.of_role(id, UserId(0)).map(|user| user.0).collect()
    }

    fn secrets(_: RoleId, _: &Role) -> Option<Secrets> {
        None
    }

    fn was_found(principal: &Principal, _: RoleId, row: &Role, _: bool) -> Option<TenantId> {
        principal.administers(row.tenant).then_some(row.tenant)
    }

    fn present<T>(
        look: &Look<'_>,
        id: RoleId,
        row: &Role,
        answer: impl FnOnce(&Shown<'_>) -> T,
    ) -> Result<T, ApiError> {
        let description = look.text(row.description.as_ref(), Self::STREAM)?;
        Ok(answer(&Shown {
            id: id.0,
            name: &row.name,
            tenant_id: row.tenant.0,
            description: description.as_ref().map(PlainSecret::expose),
            permissions: row.permissions.iter().map(|id| id.0).collect(),
            users: look.listed().map(<[u64]>::to_vec),
        }))
    }
}

fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::ROLE, Field::DESCRIPTION)
}
