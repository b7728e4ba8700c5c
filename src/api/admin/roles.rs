//! `/api/admin/roles` (hdp-api 6.5): create, list, show.

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
    id::{PermissionId, RoleId, TenantId},
    sealed::{Field, Sealed},
    sorted::SortedVec,
};
use projections::roles::Role;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, open_text},
        body, codes,
        error::{ApiError, Kind},
        fields::{Fields, parse_id},
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{BodySchema, body_schema, id, ids as list_of_ids, text},
            tag,
        },
        past::open_text_then,
        slices,
        tenants_listed::TenantsListed,
        written::{created, not_modified, shown, unexpected},
    },
    auth::permission::{CREATE_ROLE, VIEW_ROLE},
    commands::{
        NewKey, Wish,
        field::{DESCRIPTION_BYTES_MAX, NAME_CHARS_MAX, RoleName, check_description},
        role::CreateRole,
    },
    ledger::{live::Receipt, past::Moment},
    vault::PlainSecret,
};

/// Most permissions that one request may name.
const NAMED_MAX: usize = 1000;

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
}

impl<'a> Shown<'a> {
    fn of(id: RoleId, role: &'a Role, description: Option<&'a PlainSecret>) -> Self {
        Self {
            id: id.0,
            name: &role.name,
            tenant_id: role.tenant.0,
            description: description.map(PlainSecret::expose),
            permissions: role.permissions.iter().map(|id| id.0).collect(),
        }
    }
}

/// A role as lists show it: without its permissions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoleRow)]
struct Row {
    id: u64,
    name: String,
    tenant_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
}

/// Roles in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = RoleList)]
struct List {
    roles: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// What a body says, checked field by field.
struct Sent {
    name: RoleName,
    tenant: Option<TenantId>,
    description: Option<PlainSecret>,
    permissions: SortedVec<PermissionId>,
}

body_schema!(
    Sent,
    "RoleCreate",
    BodySchema::new("A new role.")
        .required(
            "name",
            text(1..=NAME_CHARS_MAX)
                .about("No control characters, no blank at either end; no other role of the tenant has it.")
                .example("Readers")
        )
        .optional("tenantId", id().about("The caller's own tenant when left out."))
        .optional(
            "description",
            text(0..=DESCRIPTION_BYTES_MAX).about(format!("At most {DESCRIPTION_BYTES_MAX} bytes."))
        )
        .optional(
            "permissions",
            list_of_ids(NAMED_MAX)
                .about("What its holders may do; the caller may grant each of them.")
                .example(serde_json::json!([2, 11]))
        )
        .optional("users", list_of_ids(0).about("Empty: users name the roles they hold."))
);

impl Sent {
    fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let name = fields.parsed("name", RoleName::parse)?;
        let tenant = fields.optional_id("tenantId")?.map(TenantId);
        let description = fields.optional_checked("description", check_description)?;
        let permissions = fields.optional_ids("permissions")?.unwrap_or_default();
        if permissions.len() > NAMED_MAX {
            return Err(fields.invalid("permissions", format!("name at most {NAMED_MAX}")));
        }
        let permissions = permissions
            .into_iter()
            .map(|id| u16::try_from(id).map(PermissionId))
            .collect::<Result<_, _>>()
            .map_err(|_| fields.invalid("permissions", "there is no permission of such an id"))?;
        if fields.optional_ids("users")?.is_some_and(|users| !users.is_empty()) {
            return Err(fields.invalid("users", "leave it out: users name the roles they hold"));
        }
        fields.finish()?;
        Ok(Self { name, tenant, description, permissions })
    }
}

/// Creates a role.
#[utoipa::path(
    post, path = "/api/admin/roles", tag = tag::ROLES, operation_id = "createRole",
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[CREATE_ROLE]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (403, codes::FORBIDDEN), (409, codes::NAME_TAKEN),
        ]))),
    ),
)]
pub(super) async fn create(
    State(app): State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[CREATE_ROLE])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone())?;
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
        users: SortedVec::default(),
    };
    let receipt = asking.execute(Some(&body), || Ok(Wish::CreateRole(Box::new(wish.clone())))).await?;
    answer_created(&asking, &receipt)
}

/// Made from the event alone, so that a repeated request gets the same answer.
fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::RoleCreated(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let id = envelope.header.stream.id;
    let description = description(asking, event.description.as_ref())?;
    let body = Shown {
        id,
        name: &event.name,
        tenant_id: envelope.header.tenant.0,
        description: description.as_ref().map(PlainSecret::expose),
        permissions: event.permissions.iter().map(|id| id.0).collect(),
    };
    let location = format!("{}/api/admin/roles/{id}", asking.app().public_url());
    Ok(created(receipt, &location, envelope.header.sequence, &body))
}

/// Lists the roles of the tenants that the caller administers.
///
/// Without their permissions. HDP spells the first of the filters both ways; one of them may be there.
#[utoipa::path(
    get, path = "/api/admin/roles", tag = tag::ROLES, operation_id = "listRoles",
    params(
        parameters::Paged,
        ("tenantID" = Option<u64>, Query, description = "Only roles of this tenant."),
        ("tenantId" = Option<u64>, Query, description = "The same."),
        ("tenantName" = Option<String>, Query, description = "Only roles of the tenant of this name."),
    ),
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_ROLE]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT)]))),
    ),
)]
pub(super) async fn list(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[VIEW_ROLE])?;
    let by_id = match asking.query.id("tenantID")? {
        Some(id) => Some(id),
        None => asking.query.id("tenantId")?,
    };
    let by_name = asking.query.text("tenantName");
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let tenants = app.ledger().read(|view| -> Result<_, ApiError> {
        let principal = asking.principal(view, &[VIEW_ROLE])?;
        let administers = |tenant| principal.administers(tenant);
        let named = (by_id.map(TenantId), by_name.as_deref());
        TenantsListed::of(view, &principal, named, administers, principal.administered())
    })?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let roles = &view.state.roles;
            let all = roles.rows.range(RoleId(after.saturating_add(1))..).map(|(id, _)| *id);
            let ids = tenants.ids(all, |tenant| roles.of_tenant(tenant, RoleId(after)));
            ids.take(most).filter_map(|id| Some((id.0, Arc::clone(roles.rows.get(&id)?)))).collect()
        })
    };
    let (roles, next) = slices::collect(page, look_up, |id, row: Arc<Role>| {
        let description = description(&asking, row.description.as_ref())?;
        Ok(Row {
            id,
            name: row.name.clone(),
            tenant_id: row.tenant.0,
            description: description.map(|text| text.expose().to_owned()),
        })
    })?;
    Ok(answer(StatusCode::OK, &List { roles, next }))
}

/// Shows one role.
#[utoipa::path(
    get, path = "/api/admin/roles/{id}", tag = tag::ROLES, operation_id = "getRole",
    params(parameters::Id, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[VIEW_ROLE]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_ROLE)]))),
    ),
)]
pub(super) async fn show(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[VIEW_ROLE])?;
    asking.in_own_name()?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    let (id, role) = app.ledger().read(|view| -> Result<_, ApiError> {
        let principal = asking.principal(view, &[VIEW_ROLE])?;
        let role = parse_id(&path).map(RoleId).and_then(|id| Some((id, view.state.roles.rows.get(&id)?)));
        let role = role.filter(|(_, role)| principal.administers(role.tenant));
        let (id, role) = role.ok_or(ApiError::NotFound(Kind::Role, path))?;
        Ok((id, Arc::clone(role)))
    })?;
    if let Some(moment) = moment {
        return show_then(&asking, id, moment).await;
    }
    if let Some(response) = not_modified(asking.headers(), role.changed)? {
        return Ok(response);
    }
    let description = description(&asking, role.description.as_ref())?;
    Ok(shown(role.changed, &Shown::of(id, &role, description.as_ref())))
}

/// A role is never deleted so far, so who may see none now may see none of the past.
async fn show_then(asking: &Asking, id: RoleId, moment: Moment) -> Result<Response, ApiError> {
    let stream = Stream::new(StreamKind::ROLE, id.0);
    let then = asking.row_at(stream, moment, |state| state.roles.rows.get(&id).cloned()).await?;
    let then = then.ok_or_else(|| ApiError::NotFound(Kind::Role, id.to_string()))?;
    let sealed = then.row.description.as_ref();
    let description = open_text_then(asking.vault(), sealed, StreamKind::ROLE, Field::DESCRIPTION)?;
    Ok(then.shown(&Shown::of(id, &then.row, description.as_ref())))
}

fn description(asking: &Asking, sealed: Option<&Sealed>) -> Result<Option<PlainSecret>, ApiError> {
    open_text(asking.vault(), sealed, StreamKind::ROLE, Field::DESCRIPTION)
}
