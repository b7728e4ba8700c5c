//! A user replaced by a PUT, and deleted.

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use events::{
    envelope::StreamKind,
    id::{PermissionId, RoleId, TenantId, UserId},
    sealed::Field,
    sorted::SortedVec,
};
use projections::users::User;

use super::{
    super::user_fields::{authentication, held, read_authentication, read_held, user_name},
    Left, Shown, details_of, find, hashed, left_by, name_of,
    parts::{SentStatus, status_info},
    passwords::{SentPasswordInfo, password_info},
};
use crate::{
    api::{
        AppState,
        asking::{Asking, echoed, fault},
        body, codes,
        error::{ApiError, Kind},
        fields::{Fields, parse_id},
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{self, BodySchema, body_schema, id, nested, text},
            tag,
        },
        written::{deleted, updated},
    },
    auth::permission::{DELETE_USERS, MODIFY_USERS},
    commands::{
        Wish,
        field::NAME_CHARS_MAX,
        user::{
            delete::{Clients, DeleteUser},
            password::PasswordChange,
            update::UpdateUser,
        },
    },
    vault::{
        PlainSecret,
        login::{LoginName, LoginTag},
    },
};

/// Most tenants that a body may repeat; a body of the usual length holds fewer.
const ADMINISTERED_MAX: usize = 100_000;

/// A user as sent.
pub(in crate::api::admin) struct Sent {
    name: LoginName,
    tenant: Option<TenantId>,
    status: SentStatus,
    password: Option<SentPasswordInfo>,
    roles: SortedVec<RoleId>,
    permissions: SortedVec<PermissionId>,
    /// Two properties that only say what is so anyway.
    tenant_name: Option<PlainSecret>,
    tenants_administered: Option<Vec<u64>>,
}

body_schema!(
    Sent,
    "UserReplace",
    BodySchema::new("A user. What a GET answered can be sent back.")
        .optional("id", id())
        .required("userName", user_name())
        .optional("tenantId", id().about("Another one than so far moves him; then name roles of that one."))
        .required("statusInfo", nested(status_info()))
        .optional(
            "passwordInfo",
            nested(password_info("Left out, his password and what is said about it stay."))
        )
        .required("permissions", nested(held()))
        .optional("authenticationInfo", nested(authentication()))
        .optional("tenantName", text(0..=NAME_CHARS_MAX).about("Only what it is."))
        .optional(
            "tenantsAdministered",
            schemas::ids(ADMINISTERED_MAX).about("Only what it is; they have an address of their own.")
        )
);

impl Sent {
    fn read(body: Json, own: UserId, app: &AppState) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        fields.repeats_id(own.0)?;
        let sent = fields.text("userName")?;
        let name =
            LoginName::parse(sent.expose()).map_err(|error| fields.invalid("userName", error.to_string()))?;
        let tenant = fields.optional_id("tenantId")?.map(TenantId);
        let status = fields.optional_object("statusInfo")?.ok_or_else(|| fields.missing("statusInfo"))?;
        let status = SentStatus::read(status)?;
        let password = match fields.optional_object("passwordInfo")? {
            Some(info) => Some(SentPasswordInfo::read(info, app, &name)?),
            None => None,
        };
        let held = fields.optional_object("permissions")?.ok_or_else(|| fields.missing("permissions"))?;
        let (roles, permissions) = read_held(held)?;
        if let Some(info) = fields.optional_object("authenticationInfo")? {
            read_authentication(info, &name)?;
        }
        let tenant_name = fields.optional_text("tenantName")?;
        let tenants_administered = fields.optional_ids_up_to("tenantsAdministered", ADMINISTERED_MAX)?;
        fields.finish()?;
        Ok(Self { name, tenant, status, password, roles, permissions, tenant_name, tenants_administered })
    }

    /// What follows from something else may be repeated, and nothing else.
    fn repeats(&self, asking: &Asking, id: UserId, row: &User) -> Result<(), ApiError> {
        self.status.repeats(row, "statusInfo.")?;
        if self.tenant_name.is_none() && self.tenants_administered.is_none() {
            return Ok(());
        }
        let (name, administered) = details_of(asking, id, row.tenant)?;
        let no = |name: &str, rule: &str| Err(ApiError::InvalidValue(name.to_owned(), rule.to_owned()));
        if let Some(sent) = &self.tenant_name
            && name.as_deref() != Some(sent.expose())
        {
            return no("tenantName", "a tenant is renamed at its own address; leave it out or repeat it");
        }
        if let Some(sent) = &self.tenants_administered {
            let mut sent = sent.clone();
            sent.sort_unstable();
            if Some(sent) != administered {
                return no(
                    "tenantsAdministered",
                    "they have an address of their own; leave them out or repeat them",
                );
            }
        }
        Ok(())
    }
}

/// Replaces a user.
///
/// `passwordInfo` that is left out stays; a password that is left out of it stays, too. `accountLocked` `false` ends a lock.
/// Another `tenantId` moves him, when he owns neither data sources nor OAuth profiles: his access to his old tenant ends, and
/// so do shares of data sources whose owners don't administer the new one. Nobody changes what he may do himself, and nobody
/// changes a user who may do more than himself. The last active holder of 12 stays one.
#[utoipa::path(
    put, path = "/api/admin/users/{id}", tag = tag::USERS, operation_id = "updateUser",
    params(parameters::Id),
    request_body = Sent,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[MODIFY_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_TENANT), (400, codes::NO_ROLE), (403, codes::FORBIDDEN), (404, codes::NO_USER),
            (409, codes::NAME_TAKEN), (409, codes::IN_USE), (409, codes::LAST_ADMINISTRATOR), (409, codes::KEY_UNREADABLE),
        ]))),
    ),
)]
pub(in crate::api::admin) async fn update(
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
    let sent = Sent::read(body.clone(), user, &app)?;
    let hash = match sent.password.as_ref().and_then(|info| info.text.as_ref()) {
        Some(text) => Some(hashed(&app, text).await?),
        None => None,
    };
    let vault = asking.vault();
    let login = vault.login_tag(&sent.name);
    let prepare = || {
        // Sealed under the key that lives now; if that changes before the decision, this is done again.
        let (_, row) = find(&asking, &path, &[MODIFY_USERS])?;
        sent.repeats(&asking, user, &row)?;
        let key = vault.data_key(&row.key_id()).map_err(fault)?;
        let seal =
            |field, text: &PlainSecret| vault.seal(&key, StreamKind::USER, field, text.expose().as_bytes());
        Ok(Wish::UpdateUser(Box::new(UpdateUser {
            user,
            expected: expected.clone(),
            name: seal(Field::USER_NAME, sent.name.as_sent()),
            login_before: vault.login_tag(&name_of(&asking, &row)?),
            login,
            tenant: sent.tenant,
            status: sent.status.status,
            locked: sent.status.locked,
            password: sent.password.as_ref().map(|info| PasswordChange {
                hash: hash.as_ref().map(|hash| seal(Field::PASSWORD_HASH, hash)),
                status: info.status,
                expires_at: info.expires_at,
            }),
            roles: sent.roles.clone(),
            permissions: sent.permissions.clone(),
        })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let Left { id, row, at } = left_by(&asking, &receipt).await?;
    let name = echoed(asking.vault(), &row.name, StreamKind::USER, Field::USER_NAME)?;
    Ok(updated(&receipt, row.changed, &Shown::of(id, &row, Some(name), None, at).alone()))
}

/// Deletes a user, and erases him.
///
/// His data sources and OAuth profiles go with him, shares with him and his administrative access end. His name, his addresses
/// and all secrets of his can't be read any more, in no place of this server; that he was there, and his id, stay. Nobody
/// deletes himself, and the last active holder of 12 can't be deleted.
///
/// His client applications end with him. When others allowed them something, he is deleted only with `force` or `transferTo`.
#[utoipa::path(
    delete, path = "/api/admin/users/{id}", tag = tag::USERS, operation_id = "deleteUser",
    params(
        parameters::Id,
        ("force" = Option<bool>, Query, description = "What others allowed his client applications ends, too."),
        ("transferTo" = Option<u64>, Query, description = "The user of his tenant who gets his client applications."),
    ),
    responses((status = 204), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&[DELETE_USERS]))),
        ("x-error-codes" = json!(openapi::codes(&[
            (400, codes::NO_USER), (403, codes::FORBIDDEN), (404, codes::NO_USER), (409, codes::LAST_ADMINISTRATOR),
            (409, codes::IN_USE), (409, codes::NAME_TAKEN),
        ]))),
    ),
)]
pub(in crate::api::admin) async fn delete(
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&[DELETE_USERS])?;
    asking.in_own_name()?;
    let clients = match (asking.query.flag("force")?, asking.query.id("transferTo")?) {
        (false, None) => Clients::EndUnlessAllowed,
        (true, None) => Clients::End,
        (false, Some(other)) => Clients::GoTo(UserId(other)),
        (true, Some(_)) => {
            return Err(ApiError::BadParameter("force".to_owned(), "does not go with transferTo"));
        }
    };
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    // Asked of the writer also when there is no such user: the request may be the repetition of the one that deleted him.
    let user = UserId(parse_id(&path).unwrap_or_default());
    let prepare = || {
        let login = match find(&asking, &path, &[DELETE_USERS]) {
            Ok((_, row)) => asking.vault().login_tag(&name_of(&asking, &row)?),
            Err(ApiError::NotFound(..)) => LoginTag([0; 32]),
            Err(error) => return Err(error),
        };
        Ok(Wish::DeleteUser(DeleteUser { user, expected: expected.clone(), login, clients }))
    };
    match asking.execute(None, prepare).await {
        Ok(receipt) => Ok(deleted(&receipt)),
        Err(ApiError::NotFound(Kind::User, _)) => Err(ApiError::NotFound(Kind::User, path)),
        Err(error) => Err(error),
    }
}
