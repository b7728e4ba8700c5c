//! The body of a role, read and checked.

use events::{
    id::{PermissionId, RoleId, TenantId, UserId},
    sorted::SortedVec,
};

use crate::{
    api::{
        admin::NAMED_MAX,
        error::ApiError,
        fields::Fields,
        json::Json,
        openapi::schemas::{BodySchema, body_schema, id, ids as list_of_ids, text},
    },
    commands::field::{DESCRIPTION_BYTES_MAX, NAME_CHARS_MAX, RoleName, check_description},
    vault::PlainSecret,
};

/// What a body says, checked field by field.
pub(super) struct Sent {
    pub(super) name: RoleName,
    pub(super) tenant: Option<TenantId>,
    pub(super) description: Option<PlainSecret>,
    pub(super) permissions: SortedVec<PermissionId>,
    pub(super) users: Option<SortedVec<UserId>>,
}

fn properties(about: &str) -> BodySchema {
    BodySchema::new(about)
        .required(
            "name",
            text(1..=NAME_CHARS_MAX)
                .about("No control characters, no blank at either end; no other role of the tenant has it.")
                .example("Readers"),
        )
        .optional("tenantId", id().about("The caller's own tenant when left out. A role never moves."))
        .optional(
            "description",
            text(0..=DESCRIPTION_BYTES_MAX).about(format!("At most {DESCRIPTION_BYTES_MAX} bytes.")),
        )
        .optional(
            "permissions",
            list_of_ids(NAMED_MAX)
                .about("What its holders may do; the caller may grant each of those that are new.")
                .example(serde_json::json!([2, 11])),
        )
}

body_schema!(
    Sent,
    "RoleCreate",
    properties("A new role.").optional(
        "users",
        list_of_ids(NAMED_MAX).about("Users of the role's tenant who get it, beside the roles they have.")
    )
);

/// What a PUT sends: the same, and the id may be repeated.
pub(super) struct Replaced;

body_schema!(
    Replaced,
    "RoleUpdate",
    properties("The role as it shall be; what a GET answered can be sent back.")
        .optional(
            "users",
            list_of_ids(NAMED_MAX).about(
                "Exactly who holds the role from now on, users of its tenant; nobody gets or loses it when this is left out."
            )
        )
        .optional("id", id().about("The object's own."))
);

impl Sent {
    /// Reads a body. With `own`, it is a PUT: the object's id may be repeated, so that what a GET answered can be sent back.
    pub(super) fn read(body: Json, own: Option<RoleId>) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        if let Some(own) = own {
            fields.repeats_id(own.0)?;
        }
        let name = fields.parsed("name", RoleName::parse)?;
        let tenant = fields.optional_id("tenantId")?.map(TenantId);
        let description = fields.optional_checked("description", check_description)?;
        let permissions = fields.optional_ids_up_to("permissions", NAMED_MAX)?.unwrap_or_default();
        let permissions = permissions
            .into_iter()
            .map(|id| u16::try_from(id).map(PermissionId))
            .collect::<Result<_, _>>()
            .map_err(|_| fields.invalid("permissions", "there is no permission of such an id"))?;
        let users = fields.optional_ids_up_to("users", NAMED_MAX)?;
        fields.finish()?;
        let users = users.map(|users| users.into_iter().map(UserId).collect());
        Ok(Self { name, tenant, description, permissions, users })
    }
}
