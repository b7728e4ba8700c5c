//! `/api/audit/access`: could a user do something in a tenant at a moment, why, and by which events.

use axum::{extract::State, http::StatusCode, response::Response};
use events::{
    id::{PermissionId, TenantId, UserId},
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, user_called},
        codes,
        error::{ApiError, Kind},
        fields::parse_id,
        headers::{LEDGER_SEQUENCE, ledger_sequence},
        openapi::{self, ids, tag},
        past::not_seen,
    },
    auth::{
        access::{Access, Change, Held, Reach, Whether},
        permission::{self, AUDIT},
    },
    ledger::{
        access::{Answered, Asked},
        past::Moment,
    },
};

/// Whether a user could do something in a tenant, why, and since when.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Access)]
struct Shown {
    /// Whose access.
    user: u64,
    /// To what.
    permission: u16,
    permission_name: &'static str,
    /// Where.
    tenant: u64,
    /// The last event that is in the answer.
    sequence: u64,
    /// The answer: active, and holding the permission or 12, and that reaching into the tenant.
    could: bool,
    why: Why,
    /// Each event that gave or took it, oldest first.
    changes: Vec<Changed>,
}

/// What the answer follows from, at that moment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccessReasons)]
struct Why {
    /// `active`, `inactive` or `deleted`.
    user: &'static str,
    /// The tenant he lived in; left out when he was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    home: Option<u64>,
    /// `present` or `deleted`: the tenant that was asked about.
    tenant: &'static str,
    /// By what he held the permission, or Administrator (12), which implies it.
    held: Vec<HeldBy>,
    /// Why that reached into the tenant; left out when it did not: `administrator`, `ownTenant`, `administrativeAccess`,
    /// `onBehalf`, or `systemTenant` for what covers the whole installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reach: Option<&'static str>,
}

/// A permission that a user held.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccessHeld)]
struct HeldBy {
    permission: u16,
    /// The role that gave it; left out when he held it directly.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    role: Option<u64>,
    /// What the role was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    role_name: Option<String>,
}

/// An event that gave or took access.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccessChange)]
struct Changed {
    /// `granted` or `removed`.
    effect: &'static str,
    sequence: u64,
    #[schema(value_type = String, format = "date-time")]
    recorded_at: Timestamp,
    #[serde(rename = "type")]
    kind: String,
    /// The object whose history the event stands in.
    stream: String,
    /// Who did it.
    actor: String,
    /// For whom, when for another.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    on_behalf_of: Option<String>,
}

impl Shown {
    fn of(asked: &Asked, tenant: TenantId, permission_name: &'static str, access: &Access) -> Self {
        Self {
            user: asked.user.0,
            permission: asked.permission.0,
            permission_name,
            tenant: tenant.0,
            sequence: access.last.map_or(0, |place| place.sequence.0),
            could: access.could,
            why: Why {
                user: match access.user {
                    Whether::There => "active",
                    Whether::Inactive => "inactive",
                    Whether::Gone => "deleted",
                },
                home: access.home.map(|home| home.0),
                tenant: match access.tenant {
                    Whether::There | Whether::Inactive => "present",
                    Whether::Gone => "deleted",
                },
                held: access.held.iter().map(HeldBy::of).collect(),
                reach: access.reach.map(|reach| match reach {
                    Reach::Administrator => "administrator",
                    Reach::OwnTenant => "ownTenant",
                    Reach::AdministrativeAccess => "administrativeAccess",
                    Reach::OnBehalf => "onBehalf",
                    Reach::SystemTenant => "systemTenant",
                }),
            },
            changes: access.changes.iter().map(Changed::of).collect(),
        }
    }
}

impl HeldBy {
    fn of(held: &Held) -> Self {
        let (role, role_name) = held.role.as_ref().map(|(id, name)| (id.0, name.clone())).unzip();
        Self { permission: held.permission.0, role, role_name }
    }
}

impl Changed {
    fn of(change: &Change) -> Self {
        Self {
            effect: if change.granted { "granted" } else { "removed" },
            sequence: change.place.sequence.0,
            recorded_at: change.place.recorded_at,
            kind: change.kind.to_string(),
            stream: change.stream.to_string(),
            actor: change.actor.to_string(),
            on_behalf_of: change.on_behalf_of.map(|user| format!("user/{user}")),
        }
    }
}

/// Tells whether a user could do something in a tenant at a moment, why, and by which events.
///
/// He could when he was active, held the permission or Administrator (12), and that reached into the tenant: 12 does
/// everywhere; 1–11 in his own tenant, and 1–4 and 11 where he may act for others (administrative access, with 11 and 21, from
/// the system tenant); 28 as for OAuth applications; 101 in his own tenant, from the system tenant everywhere; 102 from the
/// system tenant only; all others where he has administrative access. Locks, expired passwords and address lists pass or
/// can be gone around by waiting, and don't count; nor do permissions that a data source has of its own.
///
/// An auditor of a child tenant asks about those who lived in it at that moment, and about that tenant; others are to him as ones
/// that are not there. What was deleted since, users, roles and tenants, still answers for the past, by id.
#[utoipa::path(
    get, path = "/api/audit/access", tag = tag::AUDIT, operation_id = "getAccess",
    params(
        ("user" = String, Query, description = "The user: his id, or his name when it is not all digits. A deleted user has no name any more.", example = "4"),
        ("permission" = u16, Query, description = "The permission's id.", example = 13),
        ("tenant" = Option<u64>, Query, description = "The tenant's id; where the user lived at that moment when left out."),
        ("asOf" = Option<String>, Query, description = "After this sequence, or at this time: `42`, or `2026-11-20T18:30:00Z`; now when left out."),
    ),
    responses((status = 200, body = Shown)),
    extensions(
        ("x-permissions" = json!(ids(&[AUDIT]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (404, codes::NO_USER), (404, codes::NO_TENANT), (404, codes::NO_PERMISSION),
        ]))),
    ),
)]
pub(super) async fn access(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    let named = asking.asked_about();
    asking.permitted(&[AUDIT])?;
    let moment = asking.as_of()?;
    let permission = asking.query.id("permission")?;
    let tenant = asking.query.id("tenant")?;
    asking.no_more_parameters()?;
    let required = |name: &str| ApiError::BadParameter(name.to_owned(), "is required");
    let named = named.ok_or_else(|| required("user"))?;
    let permission = permission.ok_or_else(|| required("permission"))?;
    let row = u16::try_from(permission).ok().and_then(|id| permission::by_id(PermissionId(id)));
    let row = row.ok_or_else(|| ApiError::NotFound(Kind::Permission, permission.to_string()))?;

    let ledger = app.ledger();
    let only = ledger.read(|view| Ok::<_, ApiError>(asking.principal(view, &[AUDIT])?.audits_only()))?;
    let no_tenant = |tenant: TenantId| ApiError::NotFound(Kind::Tenant, tenant.to_string());
    let tenant = tenant.map(TenantId);
    if let (Some(asked), Some(own)) = (tenant, only)
        && asked != own
    {
        return Err(no_tenant(asked));
    }
    let now = || ledger.position().map(|position| Moment::Sequence(position.sequence));
    let moment = moment.or_else(now).ok_or(ApiError::Starting)?;
    let user = parse_id(&named).map_or_else(|| user_called(&app, &named), UserId);
    let asked = Asked { user, permission: row.id, tenant, moment, only };
    match ledger.access(asked).await.map_err(not_seen)? {
        Answered::NoUser => Err(ApiError::NotFound(Kind::User, named)),
        Answered::NoTenant(tenant) => Err(no_tenant(tenant)),
        Answered::Found(tenant, access) => {
            let mut response = answer(StatusCode::OK, &Shown::of(&asked, tenant, row.name, &access));
            if let Some(last) = access.last {
                let position = ledger_sequence(ledger.epoch(), last.sequence);
                response.headers_mut().insert(LEDGER_SEQUENCE, position);
            }
            Ok(response)
        }
    }
}
