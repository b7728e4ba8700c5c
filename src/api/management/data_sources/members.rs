//! `/api/mgmt/datasources/{id}/members`: what is in a group of data sources (hdp-api 4.2).

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{id::DataSourceId, sorted::SortedMap};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    own, permitted, seen,
    sharing::{Success, succeeded},
};
use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        body, codes,
        error::{ApiError, Kind},
        fields::{Fields, parse_id},
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{BodySchema, body_schema, id, list_of, text},
            tag,
        },
        slices,
        written::deleted,
    },
    commands::{
        Wish,
        data_source::{
            access,
            members::{MEMBERS_MAX, RemoveMember, SetMembers},
        },
        field::{EntityPrefix, PREFIX_CHARS_MAX},
        oauth_profile::{MODIFY, VIEW},
    },
};

/// A member of a group.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Member)]
struct Row {
    /// The data source's.
    id: String,
    /// Stands before the names of its tables.
    entity_prefix: String,
}

/// Members in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberList)]
struct List {
    members: Vec<Row>,
    /// Where to go on with `after`, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Members as they are sent.
pub(in crate::api::management) struct Sent(SortedMap<DataSourceId, EntityPrefix>);

body_schema!(
    Sent,
    "Members",
    BodySchema::new("Members for a group of data sources.").required(
        "members",
        list_of(
            BodySchema::new("")
                .required("id", id().about("A data source of the group's owner, and no group."))
                .required(
                    "entityPrefix",
                    text(1..=PREFIX_CHARS_MAX)
                        .about("Stands before the names of its tables; no other member of the group has it.")
                        .example("sal")
                ),
            MEMBERS_MAX
        )
    )
);

impl Sent {
    fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let items = fields.optional_objects("members")?.ok_or_else(|| fields.missing("members"))?;
        if items.len() > MEMBERS_MAX {
            return Err(fields.invalid("members", format!("a group has at most {MEMBERS_MAX} members")));
        }
        let count = items.len();
        let mut members = Vec::new();
        for mut item in items {
            let id = DataSourceId(item.id("id")?);
            members.push((id, item.parsed("entityPrefix", EntityPrefix::parse)?));
            item.finish()?;
        }
        let members: SortedMap<DataSourceId, EntityPrefix> = members.into_iter().collect();
        if members.len() < count {
            return Err(fields.invalid("members", "each of them stands there once"));
        }
        fields.finish()?;
        Ok(Self(members))
    }
}

/// Lists the members of a group.
///
/// Those that the caller sees: with whom a group is shared, its members may be shared no more. What is no group has none.
#[utoipa::path(
    get, path = "/api/mgmt/datasources/{id}/members", tag = tag::DATA_SOURCES, operation_id = "listMembers",
    params(parameters::Id, parameters::OnBehalf, parameters::Paged),
    responses((status = 200, body = List)),
    extensions(
        ("x-permissions" = json!(ids(&VIEW))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE)]))),
    ),
)]
pub(in crate::api::management) async fn list(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    permitted(&asking, &path, &VIEW)?;
    let page = asking.query.page()?;
    asking.no_more_parameters()?;
    let (id, _) = seen(&asking, &path, &VIEW)?;
    let principal = app.ledger().read(|view| asking.principal(view, &[]))?;
    let look_up = |after: u64, most: usize| {
        app.ledger().read(|view| {
            let members = view.state.data_sources.members_of(id, DataSourceId(after));
            let visible =
                members.filter(|(member, _)| access::seen(&view.state, &principal, *member).is_some());
            visible.take(most).map(|(member, prefix)| (member.0, prefix.to_owned())).collect()
        })
    };
    let (members, next) =
        slices::collect(page, look_up, |id, entity_prefix| Ok(Row { id: id.to_string(), entity_prefix }))?;
    Ok(answer(StatusCode::OK, &List { members, next: next.map(|id| id.to_string()) }))
}

/// Adds members to a group.
///
/// Of the group's owner's data sources. A member that is in it already gets the new prefix.
#[utoipa::path(
    post, path = "/api/mgmt/datasources/{id}/members", tag = tag::DATA_SOURCES, operation_id = "addMembers",
    params(parameters::Id, parameters::OnBehalf),
    request_body = Sent,
    responses((status = 200, body = Success)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[(400, codes::NO_DATA_SOURCE), (404, codes::NO_DATA_SOURCE)]))),
    ),
)]
pub(in crate::api::management) async fn add(
    State(app): State<AppState>,
    Path(path): Path<String>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    change(&app, asking, &path, body, false).await
}

/// Replaces the members of a group.
///
/// By data sources of the group's owner, or by none.
#[utoipa::path(
    put, path = "/api/mgmt/datasources/{id}/members", tag = tag::DATA_SOURCES, operation_id = "replaceMembers",
    params(parameters::Id, parameters::OnBehalf),
    request_body = Sent,
    responses((status = 200, body = Success), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[(400, codes::NO_DATA_SOURCE), (404, codes::NO_DATA_SOURCE)]))),
    ),
)]
pub(in crate::api::management) async fn replace(
    State(app): State<AppState>,
    Path(path): Path<String>,
    asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    change(&app, asking, &path, body, true).await
}

async fn change(
    app: &AppState,
    mut asking: Asking,
    path: &str,
    sent: Body,
    all: bool,
) -> Result<Response, ApiError> {
    permitted(&asking, path, &MODIFY)?;
    asking.no_more_parameters()?;
    let expected = if all { asking.expected()? } else { None };
    let id = own(&asking, path, &MODIFY)?;
    let body = body::json(asking.headers(), sent, &app.config().limits).await?;
    let Sent(members) = Sent::read(body.clone())?;
    let wish = SetMembers { id, expected, members, all };
    let receipt = asking.execute(Some(&body), || Ok(Wish::SetMembers(Box::new(wish.clone())))).await?;
    succeeded(&receipt)
}

/// Takes a member out of a group.
#[utoipa::path(
    delete, path = "/api/mgmt/datasources/{id}/members/{memberId}", tag = tag::DATA_SOURCES, operation_id = "removeMember",
    params(parameters::Id, ("memberId" = u64, Path, description = "The member's id."), parameters::OnBehalf),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&MODIFY))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_DATA_SOURCE)]))),
    ),
)]
pub(in crate::api::management) async fn remove(
    Path((path, member)): Path<(String, String)>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    permitted(&asking, &path, &MODIFY)?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    let id = own(&asking, &path, &MODIFY)?;
    let member = parse_id(&member).ok_or_else(|| ApiError::NotFound(Kind::DataSource, member.clone()))?;
    let wish = RemoveMember { id, expected, member: DataSourceId(member) };
    let receipt = asking.execute(None, || Ok(Wish::RemoveMember(wish.clone()))).await?;
    Ok(deleted(&receipt))
}
