//! One limit at one level: show, set, change, clear. The four are the same at every level; only the address tells which.

use axum::{body::Body, extract::Path, response::Response};
use events::{
    event::Event,
    id::{DataSourceId, LimitId, TenantId, UserId},
};
use projections::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        asking::Asking,
        body, codes,
        error::{ApiError, Kind},
        fields::{Fields, parse_id},
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{BodySchema, body_schema, flag, number},
            tag,
        },
        written::{created, deleted, not_modified, shown, unexpected, updated},
    },
    commands::{
        Wish,
        limit::{ClearLimit, LIMIT, Level, PERMISSIONS, SetLimit, set_at, visible},
        limit_table::{self, LimitKind},
    },
    ledger::live::Receipt,
};

/// The value that a limit has of its own.
#[derive(Serialize, ToSchema)]
#[schema(as = LimitValue)]
struct Shown {
    value: u64,
    /// Whether anything here goes by it.
    effective: bool,
}

/// Greatest value of any limit.
const VALUE_MAX: usize = 9_000_000_000_000_000_000;

struct Sent {
    value: u64,
}

body_schema!(
    Sent,
    "LimitValueSent",
    BodySchema::new("A limit's value.")
        .required("value", number(0..=VALUE_MAX).about("Within the limit's own range.").example(1000))
        .optional("effective", flag().about("As it is: a GET's answer can be sent back."))
);

impl Sent {
    fn read(body: Json, kind: &LimitKind) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let value = fields.optional_number("value")?.ok_or_else(|| fields.missing("value"))?;
        if fields.optional_bool("effective")?.is_some_and(|effective| effective != kind.effective) {
            return Err(fields.invalid("effective", "it can't be chosen: leave it out or repeat it"));
        }
        fields.finish()?;
        Ok(Self { value })
    }
}

/// What an address names.
struct Place {
    level: Level,
    limit: LimitId,
}

impl Place {
    /// Reads the parameters of an address: who or what the level is, then the limit.
    fn read(path: &[String]) -> Result<Self, ApiError> {
        let id = |text: &String, kind| parse_id(text).ok_or_else(|| ApiError::NotFound(kind, text.clone()));
        let (limit, of) = path.split_last().ok_or(ApiError::NoRoute)?;
        let level = match of {
            [] => Level::System,
            [tenant] => Level::Tenant(TenantId(id(tenant, Kind::Tenant)?)),
            _ => return Err(ApiError::NoRoute),
        };
        Ok(Self { level, limit: limit_id(limit)? })
    }

    /// The same below `/users`.
    fn read_of_user(path: &[String]) -> Result<Self, ApiError> {
        let user = |text: &String| match parse_id(text) {
            Some(id) => Ok(UserId(id)),
            None => Err(ApiError::NotFound(Kind::User, text.clone())),
        };
        let (limit, of) = path.split_last().ok_or(ApiError::NoRoute)?;
        let level = match of {
            [owner] => Level::User(user(owner)?),
            [owner, source] => {
                let unknown = || ApiError::NotHisDataSource(source.clone(), owner.clone());
                Level::DataSource(user(owner)?, DataSourceId(parse_id(source).ok_or_else(unknown)?))
            }
            _ => return Err(ApiError::NoRoute),
        };
        Ok(Self { level, limit: limit_id(limit)? })
    }

    /// The limit when this caller may ask for it here.
    fn found(&self, asking: &Asking) -> Result<&'static LimitKind, ApiError> {
        asking.app().ledger().read(|view| {
            let principal = asking.principal(view, &PERMISSIONS)?;
            visible(&view.state, &principal, self.level).map_err(|refusal| asking.refused(refusal))?;
            self.level.limit(self.limit).map_err(|refusal| asking.refused(refusal))
        })
    }

    /// The absolute address, for `Location`.
    fn uri(&self, asking: &Asking) -> String {
        let (base, limit) = (asking.app().public_url(), self.limit);
        match self.level {
            Level::System => format!("{base}/api/admin/limits/system/{limit}"),
            Level::Tenant(id) => format!("{base}/api/admin/limits/tenants/{id}/{limit}"),
            Level::User(id) => format!("{base}/api/admin/limits/users/{id}/{limit}"),
            Level::DataSource(user, id) => {
                format!("{base}/api/admin/limits/users/{user}/datasources/{id}/{limit}")
            }
        }
    }
}

fn limit_id(text: &str) -> Result<LimitId, ApiError> {
    let id = parse_id(text).and_then(|id| u16::try_from(id).ok());
    id.map(LimitId).ok_or_else(|| ApiError::NotFound(Kind::Limit, text.to_owned()))
}

async fn show_one(mut asking: Asking, place: Result<Place, ApiError>) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    let place = place?;
    let kind = place.found(&asking)?;
    if let Some(moment) = moment {
        let level = place.level.stream();
        let own = |state: &State<'_>| state.limits.rows.get(&(level, place.limit)).copied();
        let then = asking.row_at(level, moment, own).await?.ok_or(ApiError::NotSet(LIMIT))?;
        return Ok(then.shown(&Shown { value: then.row.value, effective: kind.effective }));
    }
    let own = asking.app().ledger().read(|view| set_at(&view.state, place.level, place.limit));
    let own = own.map_err(|refusal| asking.refused(refusal))?;
    if let Some(response) = not_modified(asking.headers(), own.changed)? {
        return Ok(response);
    }
    Ok(shown(own.changed, &Shown { value: own.value, effective: kind.effective }))
}

async fn set_one(
    mut asking: Asking,
    place: Result<Place, ApiError>,
    body: Body,
    new: bool,
) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = if new { None } else { asking.expected()? };
    let place = place?;
    let kind = place.found(&asking)?;
    let body = body::json(asking.headers(), body, &asking.app().config().limits).await?;
    let Sent { value } = Sent::read(body.clone(), kind)?;
    let wish = SetLimit { level: place.level, limit: place.limit, value, new, expected };
    let receipt = asking.execute(Some(&body), || Ok(Wish::SetLimit(wish.clone()))).await?;
    answer_set(&asking, &receipt, &place, new)
}

fn answer_set(asking: &Asking, receipt: &Receipt, place: &Place, new: bool) -> Result<Response, ApiError> {
    let [envelope] = &receipt.events[..] else { return Err(unexpected(receipt)) };
    let Event::LimitSet(event) = &envelope.event else { return Err(unexpected(receipt)) };
    let effective = limit_table::by_id(event.limit).is_some_and(|kind| kind.effective);
    let body = Shown { value: event.value, effective };
    Ok(if new {
        created(receipt, &place.uri(asking), envelope.header.sequence, &body)
    } else {
        updated(receipt, envelope.header.sequence, &body)
    })
}

async fn clear_one(mut asking: Asking, place: Result<Place, ApiError>) -> Result<Response, ApiError> {
    asking.permitted(&PERMISSIONS)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let place = place?;
    place.found(&asking)?;
    let wish = ClearLimit { level: place.level, limit: place.limit, expected };
    let receipt = asking.execute(None, || Ok(Wish::ClearLimit(wish.clone()))).await?;
    Ok(deleted(&receipt))
}

/// The four operations on one limit at the level that `path` names.
macro_rules! operations {
    ($level:ident, $read:ident, $path:tt, [$($parameter:tt)*], [$($codes:tt)*], $show:tt, $set:tt, $change:tt, $clear:tt) => {
        pub(super) mod $level {
            use super::*;

            /// Shows the value that a limit has of its own here.
            #[utoipa::path(
                get, path = $path, tag = tag::LIMITS, operation_id = $show,
                params($($parameter)* parameters::Id, parameters::AsOf),
                responses((status = 200, body = Shown), (status = 304)),
                extensions(
                    ("x-permissions" = json!(ids(&PERMISSIONS))),
                    ("x-error-codes" = json!(openapi::codes(&[
                        $($codes)* (404, codes::NO_LIMIT), (404, codes::NOT_SET),
                    ]))),
                ),
            )]
            pub(in super::super) async fn show(
                Path(path): Path<Vec<String>>,
                asking: Asking,
            ) -> Result<Response, ApiError> {
                show_one(asking, Place::$read(&path)).await
            }

            /// Gives a limit a value of its own here, which it must not have yet.
            #[utoipa::path(
                post, path = $path, tag = tag::LIMITS, operation_id = $set,
                params($($parameter)* parameters::Id),
                request_body = Sent,
                responses((status = 201, body = Shown)),
                extensions(
                    ("x-permissions" = json!(ids(&PERMISSIONS))),
                    ("x-error-codes" = json!(openapi::codes(&[
                        $($codes)* (404, codes::NO_LIMIT), (400, codes::LIMIT_OUT_OF_RANGE),
                        (409, codes::SET_ALREADY),
                    ]))),
                ),
            )]
            pub(in super::super) async fn set(
                Path(path): Path<Vec<String>>,
                asking: Asking,
                body: Body,
            ) -> Result<Response, ApiError> {
                set_one(asking, Place::$read(&path), body, true).await
            }

            /// Changes the value that a limit has of its own here.
            #[utoipa::path(
                put, path = $path, tag = tag::LIMITS, operation_id = $change,
                params($($parameter)* parameters::Id),
                request_body = Sent,
                responses((status = 200, body = Shown), (status = 412)),
                extensions(
                    ("x-permissions" = json!(ids(&PERMISSIONS))),
                    ("x-error-codes" = json!(openapi::codes(&[
                        $($codes)* (404, codes::NO_LIMIT), (404, codes::NOT_SET),
                        (400, codes::LIMIT_OUT_OF_RANGE),
                    ]))),
                ),
            )]
            pub(in super::super) async fn change(
                Path(path): Path<Vec<String>>,
                asking: Asking,
                body: Body,
            ) -> Result<Response, ApiError> {
                set_one(asking, Place::$read(&path), body, false).await
            }

            /// Takes the value away that a limit has of its own here.
            #[utoipa::path(
                delete, path = $path, tag = tag::LIMITS, operation_id = $clear,
                params($($parameter)* parameters::Id),
                responses((status = 204), (status = 412)),
                extensions(
                    ("x-permissions" = json!(ids(&PERMISSIONS))),
                    ("x-error-codes" = json!(openapi::codes(&[
                        $($codes)* (404, codes::NO_LIMIT), (404, codes::NOT_SET),
                    ]))),
                ),
            )]
            pub(in super::super) async fn clear(
                Path(path): Path<Vec<String>>,
                asking: Asking,
            ) -> Result<Response, ApiError> {
                clear_one(asking, Place::$read(&path)).await
            }
        }
    };
}

operations!(
    of_system,
    read,
    "/api/admin/limits/system/{id}",
    [],
    [],
    "getSystemLimit",
    "createSystemLimit",
    "updateSystemLimit",
    "deleteSystemLimit"
);
operations!(
    of_tenant,
    read,
    "/api/admin/limits/tenants/{tenantId}/{id}",
    [parameters::OfTenant,],
    [(404, codes::NO_TENANT),],
    "getTenantLimit",
    "createTenantLimit",
    "updateTenantLimit",
    "deleteTenantLimit"
);
operations!(
    of_user,
    read_of_user,
    "/api/admin/limits/users/{userId}/{id}",
    [parameters::OfUser,],
    [(404, codes::NO_USER),],
    "getUserLimit",
    "createUserLimit",
    "updateUserLimit",
    "deleteUserLimit"
);
operations!(
    of_data_source,
    read_of_user,
    "/api/admin/limits/users/{userId}/datasources/{dataSourceId}/{id}",
    [parameters::OfUser, parameters::OfDataSource,],
    [(404, codes::NO_USER), (404, codes::NOT_HIS_DATA_SOURCE),],
    "getDataSourceLimit",
    "createDataSourceLimit",
    "updateDataSourceLimit",
    "deleteDataSourceLimit"
);
