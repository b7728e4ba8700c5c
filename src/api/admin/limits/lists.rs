//! Lists of the limits that have values of their own: of one level, or of all levels of a kind that the caller sees.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    envelope::{Stream, StreamKind},
    id::{DataSourceId, LimitId, TenantId, UserId},
    sealed::Field,
};
use projections::{
    data_sources::Filter,
    limits::{Limit, Limits},
    table::Merged,
    users::User,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, open_text},
        codes,
        error::{ApiError, Kind},
        fields::parse_id,
        openapi::{self, ids, parameters, tag},
        slices,
    },
    commands::{
        limit::{Level, PERMISSIONS, visible},
        limit_table,
    },
};

/// A limit with the value that it has of its own.
#[derive(Serialize, ToSchema)]
#[schema(as = LimitRow)]
struct Row {
    id: u16,
    value: u64,
    /// Whether anything here goes by it.
    effective: bool,
}

/// The limits that have values of their own at one level.
#[derive(Serialize, ToSchema)]
#[schema(as = LimitValues)]
struct OfLevel {
    limits: Vec<Row>,
}

/// A tenant's limits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TenantLimits)]
struct OfTenant {
    tenant_id: u64,
    tenant_name: String,
    limits: Vec<Row>,
}

/// Tenants with limits of their own, in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TenantLimitsList)]
struct OfTenants {
    tenant_limits: Vec<OfTenant>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// A user's limits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserLimits)]
struct OfUser {
    user_id: u64,
    /// Missing when it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_name: Option<String>,
    limits: Vec<Row>,
}

/// Users with limits of their own, in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserLimitsList)]
struct OfUsers {
    user_limits: Vec<OfUser>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

/// A data source's limits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataSourceLimits)]
struct OfDataSource {
    data_source_id: u64,
    data_source_name: String,
    is_group: bool,
    limits: Vec<Row>,
}

/// A user's data sources with limits of their own, in the order of their ids.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataSourceLimitsList)]
struct OfDataSources {
    data_source_limits: Vec<OfDataSource>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<u64>,
}

fn rows(limits: &Limits<'_>, level: Stream) -> Vec<Row> {
    let row = |(id, own): (LimitId, Limit)| {
        let effective = limit_table::by_id(id).is_some_and(|kind| kind.effective);
        Row { id: id.0, value: own.value, effective }
    };
    limits.of_level(level).map(row).collect()
}

/// The ids behind `after` that have limits of their own among those that `next_member` gives: the first behind an id.
///
/// Two rising sequences that are walked in leaps, each up to where the other stands: neither a tenant with many users and few
/// limits nor a system with many limits elsewhere makes it long.
fn limited<'a>(
    limits: &'a Limits<'_>,
    kind: StreamKind,
    mut after: u64,
    next_member: impl Fn(u64) -> Option<u64> + 'a,
) -> impl Iterator<Item = u64> + 'a {
    std::iter::from_fn(move || {
        loop {
            let member = next_member(after)?;
            let level = limits.next_level(kind, member.checked_sub(1)?)?.id;
            if level == member {
                after = member;
                return Some(member);
            }
            after = level.checked_sub(1)?;
        }
    })
}

/// Starts every operation of this file: no parameters but paging, which `paged` says.
fn begun(asking: &mut Asking) -> Result<(), ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()
}

fn of_level(asking: &mut Asking, level: Result<Level, ApiError>) -> Result<Response, ApiError> {
    begun(asking)?;
    asking.no_more_parameters()?;
    let level = level?;
    let limits = asking.app().ledger().read(|view| -> Result<_, ApiError> {
        let principal = asking.principal(view, &PERMISSIONS)?;
        visible(&view.state, &principal, level).map_err(|refusal| asking.refused(refusal))?;
        Ok(rows(&view.state.limits, level.stream()))
    })?;
    Ok(answer(StatusCode::OK, &OfLevel { limits }))
}

/// Lists the limits that have a value of their own at the level of the system.
#[utoipa::path(
    get, path = "/api/admin/limits/system", tag = tag::LIMITS, operation_id = "listSystemLimits",
    responses((status = 200, body = OfLevel)),
    extensions(("x-permissions" = json!(ids(&PERMISSIONS)))),
)]
pub(super) async fn system(mut asking: Asking) -> Result<Response, ApiError> {
    of_level(&mut asking, Ok(Level::System))
}

/// Lists the limits that have a value of their own for one tenant.
#[utoipa::path(
    get, path = "/api/admin/limits/tenants/{id}", tag = tag::LIMITS, operation_id = "listLimitsOfTenant",
    params(parameters::Id),
    responses((status = 200, body = OfLevel)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_TENANT)]))),
    ),
)]
pub(super) async fn tenant(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    let level = parse_id(&path).map(|id| Level::Tenant(TenantId(id)));
    of_level(&mut asking, level.ok_or(ApiError::NotFound(Kind::Tenant, path)))
}

/// Lists the limits that have a value of their own for one user.
#[utoipa::path(
    get, path = "/api/admin/limits/users/{id}", tag = tag::LIMITS, operation_id = "listLimitsOfUser",
    params(parameters::Id),
    responses((status = 200, body = OfLevel)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_USER)]))),
    ),
)]
pub(super) async fn user(Path(path): Path<String>, mut asking: Asking) -> Result<Response, ApiError> {
    let level = parse_id(&path).map(|id| Level::User(UserId(id)));
    of_level(&mut asking, level.ok_or(ApiError::NotFound(Kind::User, path)))
}

/// Lists the tenants that have limits of their own, of those that the caller administers.
#[utoipa::path(
    get, path = "/api/admin/limits/tenants", tag = tag::LIMITS, operation_id = "listTenantLimits",
    params(parameters::Paged),
    responses((status = 200, body = OfTenants)),
    extensions(("x-permissions" = json!(ids(&PERMISSIONS)))),
)]
pub(super) async fn tenants(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    begun(&mut asking)?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let principal = app.ledger().read(|view| asking.principal(view, &PERMISSIONS))?;
    let his: Vec<u64> = principal.administered().map(|tenant| tenant.0).collect();
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let (state, limits) = (&view.state, &view.state.limits);
            let next_of_all = |after| limits.next_level(StreamKind::TENANT, after).map(|level| level.id);
            let next_of_his = |after| his.get(his.partition_point(|id| *id <= after)).copied();
            let next =
                |after| if principal.is_administrator() { next_of_all(after) } else { next_of_his(after) };
            let row = |id| {
                let name = state.tenants.rows.get(&TenantId(id))?.name.clone();
                Some((id, (name, rows(limits, Level::Tenant(TenantId(id)).stream()))))
            };
            limited(limits, StreamKind::TENANT, after, next).filter_map(row).take(most).collect()
        })
    };
    let present = |tenant_id, (tenant_name, limits)| Ok(OfTenant { tenant_id, tenant_name, limits });
    let (tenant_limits, next) = slices::collect(page, look_up, present)?;
    Ok(answer(StatusCode::OK, &OfTenants { tenant_limits, next }))
}

/// Lists the users that have limits of their own, of the tenants that the caller administers.
#[utoipa::path(
    get, path = "/api/admin/limits/users", tag = tag::LIMITS, operation_id = "listUserLimits",
    params(parameters::Paged),
    responses((status = 200, body = OfUsers)),
    extensions(("x-permissions" = json!(ids(&PERMISSIONS)))),
)]
pub(super) async fn users(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    begun(&mut asking)?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let principal = app.ledger().read(|view| asking.principal(view, &PERMISSIONS))?;
    let tenants: Vec<TenantId> = principal.administered().collect();
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let (state, limits) = (&view.state, &view.state.limits);
            let row = |id| {
                let user = Arc::clone(state.users.rows.get(&UserId(id))?);
                Some((id, (user, rows(limits, Level::User(UserId(id)).stream()))))
            };
            if principal.is_administrator() {
                let next = |after| limits.next_level(StreamKind::USER, after).map(|level| level.id);
                return limited(limits, StreamKind::USER, after, next).filter_map(row).take(most).collect();
            }
            let of_each = |tenant: &TenantId| {
                let tenant = *tenant;
                let next =
                    move |after| state.users.of_tenant(tenant, UserId(after)).next().map(|user| user.0);
                limited(limits, StreamKind::USER, after, next)
            };
            Merged::of(tenants.iter().map(of_each)).filter_map(row).take(most).collect()
        })
    };
    let present = |user_id, (user, limits): (Arc<User>, Vec<Row>)| {
        let name = open_text(asking.vault(), Some(&user.name), StreamKind::USER, Field::USER_NAME)?;
        Ok(OfUser { user_id, user_name: name.map(|name| name.expose().to_owned()), limits })
    };
    let (user_limits, next) = slices::collect(page, look_up, present)?;
    Ok(answer(StatusCode::OK, &OfUsers { user_limits, next }))
}

/// Lists a user's data sources that have limits of their own.
#[utoipa::path(
    get, path = "/api/admin/limits/users/{id}/datasources", tag = tag::LIMITS,
    operation_id = "listDataSourceLimits",
    params(parameters::Id, parameters::Paged),
    responses((status = 200, body = OfDataSources)),
    extensions(
        ("x-permissions" = json!(ids(&PERMISSIONS))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_USER)]))),
    ),
)]
pub(super) async fn data_sources(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    begun(&mut asking)?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let owner = parse_id(&path).map(UserId).ok_or(ApiError::NotFound(Kind::User, path))?;
    app.ledger().read(|view| {
        let principal = asking.principal(view, &PERMISSIONS)?;
        let seen = visible(&view.state, &principal, Level::User(owner));
        seen.map_err(|refusal| asking.refused(refusal))
    })?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let (sources, limits) = (&view.state.data_sources, &view.state.limits);
            let every = Filter::default();
            let next = |after| sources.of_owner(owner, every, DataSourceId(after)).next().map(|id| id.0);
            let row = |id| {
                let source = Arc::clone(sources.rows.get(&DataSourceId(id))?);
                Some((id, (source, rows(limits, Stream::new(StreamKind::DATA_SOURCE, id)))))
            };
            limited(limits, StreamKind::DATA_SOURCE, after, next).filter_map(row).take(most).collect()
        })
    };
    let (data_source_limits, next) = slices::collect(page, look_up, |data_source_id, (source, limits)| {
        let (data_source_name, is_group) = (source.name.clone(), source.is_group());
        Ok(OfDataSource { data_source_id, data_source_name, is_group, limits })
    })?;
    Ok(answer(StatusCode::OK, &OfDataSources { data_source_limits, next }))
}
