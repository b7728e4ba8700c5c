//! `/api/admin/tenants` (hdp-api 6.3): create, list, show.

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
    id::{RoleId, SYSTEM_TENANT, TenantId, UserId},
    sealed::Field,
    tenant::TenantStatus,
};
use projections::{roles::Role, tenants::Tenant};
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
            schemas::{BodySchema, body_schema, id, ids as list_of_ids, one_of, text},
            tag,
        },
        past::open_text_then,
        written::{created, not_modified, shown, unexpected},
    },
    auth::permission::TENANT_API,
    commands::{
        NewKey, Wish,
        field::{DESCRIPTION_BYTES_MAX, NAME_CHARS_MAX, TenantName, check_description},
        role::ImportedRole,
        tenant::CreateTenant,
    },
    ledger::{live::Receipt, past::Moment},
    vault::PlainSecret,
};

/// Most roles or administrators that one request may name.
const NAMED_MAX: usize = 1000;

/// A tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant)]
struct Shown<'a> {
    id: u64,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'a str>,
    /// `null` for the system tenant.
    #[schema(required = true)]
    parent_tenant: Option<u64>,
    /// 1 active, 0 inactive.
    status: u8,
    /// The roles that belong to the tenant; not with `asOf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    roles: Option<Vec<u64>>,
}

impl<'a> Shown<'a> {
    fn of(
        id: TenantId,
        tenant: &'a Tenant,
        description: Option<&'a PlainSecret>,
        roles: Option<Vec<u64>>,
    ) -> Self {
        Self {
            id: id.0,
            name: &tenant.name,
            description: description.map(PlainSecret::expose),
            parent_tenant: tenant.parent.map(|parent| parent.0),
            status: tenant.status.into(),
            roles,
        }
    }
}

/// A tenant, as lists name it.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantRow)]
struct Row {
    id: u64,
    name: String,
}

/// Tenants in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantList)]
struct List {
    tenants: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

struct Sent {
    name: TenantName,
    description: Option<PlainSecret>,
    status: TenantStatus,
    roles: Vec<RoleId>,
    administrators: Vec<UserId>,
}

body_schema!(
    Sent,
    "TenantCreate",
    BodySchema::new("A new tenant.")
        .required(
            "name",
            text(1..=NAME_CHARS_MAX)
                .about("No control characters, no blank at either end; no other tenant has it.")
                .example("TenantA")
        )
        .optional(
            "description",
            text(0..=DESCRIPTION_BYTES_MAX).about(format!("At most {DESCRIPTION_BYTES_MAX} bytes."))
        )
        .required("parentTenant", id().about("1: the system tenant is the only parent.").example(1))
        .optional("status", one_of(&[0, 1]).about("1 active, 0 inactive; 1 when left out."))
        .optional(
            "importedRoles",
            list_of_ids(NAMED_MAX)
                .about("Roles of the system tenant to copy; the copies get ids of their own.")
                .example(serde_json::json!([2, 3]))
        )
        .optional(
            "admins",
            list_of_ids(NAMED_MAX).about("Users who get administrative access to the tenant.")
        )
);

impl Sent {
    fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let name = fields.text("name")?;
        let name = TenantName::parse(name.expose()).map_err(|problem| fields.invalid("name", problem))?;
        let description = fields.optional_text("description")?;
        if let Some(text) = &description {
            check_description(text.expose()).map_err(|problem| fields.invalid("description", problem))?;
        }
        if fields.id("parentTenant")? != SYSTEM_TENANT.0 {
            return Err(fields.invalid("parentTenant", "the system tenant, 1, is the only parent"));
        }
        let status = match fields.optional_number("status")? {
            None | Some(1) => TenantStatus::Active,
            Some(0) => TenantStatus::Inactive,
            Some(_) => return Err(fields.invalid("status", "use 0 or 1")),
        };
        let mut ids = |name: &str| -> Result<Vec<u64>, ApiError> {
            let mut ids = fields.optional_ids(name)?.unwrap_or_default();
            if ids.len() > NAMED_MAX {
                return Err(fields.invalid(name, format!("name at most {NAMED_MAX}")));
            }
            ids.sort_unstable();
            ids.dedup();
            Ok(ids)
        };
        let roles = ids("importedRoles")?.into_iter().map(RoleId).collect();
        let administrators = ids("admins")?.into_iter().map(UserId).collect();
        fields.finish()?;
        Ok(Self { name, description, status, roles, administrators })
    }
}

/// Creates a tenant.
///
/// Imported roles are copied and get ids of their own.
#[utoipa::path(
    post, path = "/api/admin/tenants", tag = tag::TENANTS, operation_id = "createTenant",
    request_body = Sent,
    responses((status = 201, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[TENANT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_ROLE), (400, codes::NO_USER), (403, codes::FORBIDDEN), (409, codes::NAME_TAKEN),
        ]))),
    ),
)]
pub(super) async fn create(
    State(app): State<AppState>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone())?;
    let vault = asking.vault();
    let prepare = || {
        let key = vault.new_data_key();
        let seal = |text: &PlainSecret| {
            vault.seal(&key.key, StreamKind::TENANT, Field::DESCRIPTION, text.expose().as_bytes())
        };
        let roles = sent.roles.iter().map(|id| import(&app, &asking, *id)).collect::<Result<_, _>>()?;
        Ok(Wish::CreateTenant(Box::new(CreateTenant {
            name: sent.name.clone(),
            description: sent.description.as_ref().map(seal),
            key: NewKey { id: key.id(), entries: vec![key.change()] },
            status: sent.status,
            roles,
            administrators: sent.administrators.iter().copied().collect(),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    answer_created(&asking, &receipt)
}

/// A role's text is sealed under its own key; its copy has a key of its own.
fn import(app: &AppState, asking: &Asking, id: RoleId) -> Result<ImportedRole, ApiError> {
    let role = app.ledger().read(|view| view.state.roles.rows.get(&id).cloned());
    let unknown = || ApiError::UnknownReference(Kind::Role, id.to_string());
    let role: Arc<Role> = role.filter(|role| role.tenant == SYSTEM_TENANT).ok_or_else(unknown)?;
    let vault = asking.vault();
    let key = vault.new_data_key();
    let text = open_text(vault, role.description.as_ref(), StreamKind::ROLE, Field::DESCRIPTION)?;
    let description =
        text.map(|text| vault.seal(&key.key, StreamKind::ROLE, Field::DESCRIPTION, text.expose().as_bytes()));
    let key = NewKey { id: key.id(), entries: vec![key.change()] };
    Ok(ImportedRole { source: id, source_changed: role.changed, key, description })
}

fn answer_created(asking: &Asking, receipt: &Receipt) -> Result<Response, ApiError> {
    let (first, copies) = receipt.events.split_first().ok_or_else(|| unexpected(receipt))?;
    let Event::TenantCreated(event) = &first.event else { return Err(unexpected(receipt)) };
    let id = first.header.stream.id;
    let description =
        open_text(asking.vault(), event.description.as_ref(), StreamKind::TENANT, Field::DESCRIPTION)?;
    let body = Shown {
        id,
        name: &event.name,
        description: description.as_ref().map(PlainSecret::expose),
        parent_tenant: event.parent.map(|parent| parent.0),
        status: event.status.into(),
        roles: Some(copies.iter().map(|copy| copy.header.stream.id).collect()),
    };
    let location = format!("{}/api/admin/tenants/{id}", asking.app().public_url());
    Ok(created(receipt, &location, first.header.sequence, &body))
}

/// Lists the tenants that the caller administers.
#[utoipa::path(
    get, path = "/api/admin/tenants", tag = tag::TENANTS, operation_id = "listTenants",
    params(parameters::Paged),
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&[TENANT_API])))),
)]
pub(super) async fn list(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    let page = asking.query.page()?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (rows, next) = app.ledger().read(|view| -> Result<_, ApiError> {
        let principal = asking.principal(view, &[TENANT_API])?;
        let tenants = &view.state.tenants;
        let row = |id: TenantId, tenant: &Arc<Tenant>| (id.0, Row { id: id.0, name: tenant.name.clone() });
        let after = TenantId(page.after.unwrap_or(0).saturating_add(1));
        Ok(if principal.is_administrator() {
            page.cut(tenants.rows.range(after..).map(|(id, tenant)| row(*id, tenant)))
        } else {
            page.cut(principal.administered().filter_map(|id| Some(row(id, tenants.rows.get(&id)?))))
        })
    })?;
    Ok(answer(StatusCode::OK, &List { tenants: rows, next }))
}

/// Shows one tenant.
#[utoipa::path(
    get, path = "/api/admin/tenants/{id}", tag = tag::TENANTS, operation_id = "getTenant",
    params(parameters::Id, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&[TENANT_API]))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT)]))),
    ),
)]
pub(super) async fn show(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[TENANT_API])?;
    asking.in_own_name()?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    let (id, tenant, roles) = app.ledger().read(|view| -> Result<_, ApiError> {
        let principal = asking.principal(view, &[TENANT_API])?;
        let id = parse_id(&path).map(TenantId).filter(|id| principal.administers(*id));
        let tenant = id.and_then(|id| Some((id, view.state.tenants.rows.get(&id)?)));
        let (id, tenant) = tenant.ok_or(ApiError::NotFound(Kind::Tenant, path))?;
        let roles = view.state.roles.of_tenant(id, RoleId(0)).map(|role| role.0).collect();
        Ok((id, Arc::clone(tenant), roles))
    })?;
    if let Some(moment) = moment {
        return show_then(&asking, id, moment).await;
    }
    if let Some(response) = not_modified(asking.headers(), tenant.changed)? {
        return Ok(response);
    }
    let description =
        open_text(asking.vault(), tenant.description.as_ref(), StreamKind::TENANT, Field::DESCRIPTION)?;
    Ok(shown(tenant.changed, &Shown::of(id, &tenant, description.as_ref(), Some(roles))))
}

/// Without `roles`: they are a list over other streams, and lists of the past are no question for a server. A tenant is
/// never deleted so far, so who may see none now may see none of the past.
async fn show_then(asking: &Asking, id: TenantId, moment: Moment) -> Result<Response, ApiError> {
    let stream = Stream::new(StreamKind::TENANT, id.0);
    let then = asking.row_at(stream, moment, |state| state.tenants.rows.get(&id).cloned()).await?;
    let then = then.ok_or_else(|| ApiError::NotFound(Kind::Tenant, id.to_string()))?;
    let sealed = then.row.description.as_ref();
    let description = open_text_then(asking.vault(), sealed, StreamKind::TENANT, Field::DESCRIPTION)?;
    Ok(then.shown(&Shown::of(id, &then.row, description.as_ref(), None)))
}
