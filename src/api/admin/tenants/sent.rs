//! Bodies about tenants, read and checked.

use events::{
    id::{RoleId, SYSTEM_TENANT, TenantId, UserId},
    sorted::SortedVec,
    tenant::TenantStatus,
};

use crate::{
    api::{
        admin::NAMED_MAX,
        error::ApiError,
        fields::Fields,
        json::Json,
        openapi::schemas::{
            BodySchema, Property, all_ids, body_schema, id, ids as list_of_ids, one_of, text,
        },
    },
    commands::field::{DESCRIPTION_BYTES_MAX, NAME_CHARS_MAX, TenantName, check_description},
    vault::PlainSecret,
};

/// What creating a tenant says, checked field by field.
pub(super) struct Sent {
    pub(super) name: TenantName,
    pub(super) description: Option<PlainSecret>,
    pub(super) status: TenantStatus,
    pub(super) roles: Vec<RoleId>,
    pub(super) administrators: SortedVec<UserId>,
}

fn properties(about: &str) -> BodySchema {
    BodySchema::new(about)
        .required(
            "name",
            text(1..=NAME_CHARS_MAX)
                .about("No control characters, no blank at either end; no other tenant has it.")
                .example("TenantA"),
        )
        .optional(
            "description",
            text(0..=DESCRIPTION_BYTES_MAX).about(format!("At most {DESCRIPTION_BYTES_MAX} bytes.")),
        )
}

fn administrators() -> Property {
    list_of_ids(NAMED_MAX)
        .about("Users who have administrative access to the tenant.")
        .example(serde_json::json!([56]))
}

body_schema!(
    Sent,
    "TenantCreate",
    properties("A new tenant.")
        .required("parentTenant", id().about("1: the system tenant is the only parent.").example(1))
        .optional("status", one_of(&[0, 1]).about("1 active, 0 inactive; 1 when left out."))
        .optional(
            "importedRoles",
            list_of_ids(NAMED_MAX)
                .about("Roles of the system tenant to copy; the copies get ids of their own.")
                .example(serde_json::json!([2, 3]))
        )
        .optional("admins", administrators())
);

impl Sent {
    pub(super) fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let name = fields.parsed("name", TenantName::parse)?;
        let description = fields.optional_checked("description", check_description)?;
        if fields.id("parentTenant")? != SYSTEM_TENANT.0 {
            return Err(fields.invalid("parentTenant", "the system tenant, 1, is the only parent"));
        }
        let status = status(&mut fields)?.unwrap_or(TenantStatus::Active);
        let mut roles = fields.optional_ids_up_to("importedRoles", NAMED_MAX)?.unwrap_or_default();
        roles.sort_unstable();
        roles.dedup();
        let administrators = fields.optional_ids_up_to("admins", NAMED_MAX)?.unwrap_or_default();
        fields.finish()?;
        Ok(Self {
            name,
            description,
            status,
            roles: roles.into_iter().map(RoleId).collect(),
            administrators: administrators.into_iter().map(UserId).collect(),
        })
    }
}

fn status(fields: &mut Fields) -> Result<Option<TenantStatus>, ApiError> {
    match fields.optional_number("status")? {
        None => Ok(None),
        Some(1) => Ok(Some(TenantStatus::Active)),
        Some(0) => Ok(Some(TenantStatus::Inactive)),
        Some(_) => Err(fields.invalid("status", "use 0 or 1")),
    }
}

/// What a PUT says, checked field by field.
pub(super) struct Replaced {
    pub(super) name: TenantName,
    pub(super) description: Option<PlainSecret>,
    pub(super) parent: Option<TenantId>,
    pub(super) status: TenantStatus,
    pub(super) roles: Option<SortedVec<RoleId>>,
}

body_schema!(
    Replaced,
    "TenantUpdate",
    properties("The tenant as it shall be; what a GET answered can be sent back.")
        .optional("parentTenant", id().about("The stored one: a tenant never moves.").example(1))
        .required("status", one_of(&[0, 1]).about("1 active, 0 inactive."))
        .optional("roles", all_ids().about("Those that it has: they are made and deleted one by one."))
        .optional("id", id().about("The object's own."))
);

impl Replaced {
    pub(super) fn read(body: Json, own: TenantId) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        fields.repeats_id(own.0)?;
        let name = fields.parsed("name", TenantName::parse)?;
        let description = fields.optional_checked("description", check_description)?;
        let parent = fields.optional_id("parentTenant")?.map(TenantId);
        let status = status(&mut fields)?.ok_or_else(|| fields.missing("status"))?;
        let roles = fields.optional_ids("roles")?;
        fields.finish()?;
        let roles = roles.map(|roles| roles.into_iter().map(RoleId).collect());
        Ok(Self { name, description, parent, status, roles })
    }
}

/// Exactly who administers a tenant.
pub(super) struct Administrators(pub(super) SortedVec<UserId>);

body_schema!(
    Administrators,
    "TenantAdministratorsUpdate",
    BodySchema::new("Exactly who has administrative access to the tenant from now on.")
        .required("admins", administrators())
);

impl Administrators {
    pub(super) fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let users =
            fields.optional_ids_up_to("admins", NAMED_MAX)?.ok_or_else(|| fields.missing("admins"))?;
        fields.finish()?;
        Ok(Self(users.into_iter().map(UserId).collect()))
    }
}
