//! What a body says of a user, checked field by field (hdp-api 6.4, 9.25).

use chrono::{DateTime, NaiveDateTime, Utc};
use events::{
    id::{PermissionId, RoleId, TenantId},
    sorted::SortedVec,
    time::Timestamp,
    user::{PasswordStatus, UserStatus},
};

use crate::{
    api::{
        error::ApiError,
        fields::Fields,
        json::Json,
        openapi::schemas::{BodySchema, Property, body_schema, flag, id, ids, list_of, nested, one_of, text},
    },
    auth::password::{CHARS_MAX, PasswordRules, judge_temporary},
    vault::{
        PlainSecret,
        login::{LOGIN_NAME_CHARS_MAX, LoginName},
    },
};

/// HDP's spelling of a time, UTC: `2025-12-31 00:00:00`.
const HDP_TIME: &str = "%Y-%m-%d %H:%M:%S";
/// The service that keeps passwords here; the only one so far.
pub(super) const INTERNAL_SERVICE: u64 = 1;
/// Most roles or permissions that one user may have.
const HELD_MAX: usize = 1000;

/// A time as HDP writes it.
pub(super) fn hdp_time(time: Timestamp) -> String {
    DateTime::<Utc>::from_timestamp_micros(time.0)
        .map_or_else(|| time.to_string(), |time| time.format(HDP_TIME).to_string())
}

pub(super) fn parse_hdp_time(text: &str) -> Option<Timestamp> {
    let time = NaiveDateTime::parse_from_str(text, HDP_TIME).ok()?;
    Some(Timestamp(time.and_utc().timestamp_micros()))
}

/// A password that was sent.
pub(super) struct SentPassword {
    pub(super) text: PlainSecret,
    pub(super) status: PasswordStatus,
    pub(super) expires_at: Option<Timestamp>,
}

/// A new user as sent.
pub(super) struct Sent {
    pub(super) name: LoginName,
    pub(super) tenant: Option<TenantId>,
    pub(super) status: UserStatus,
    pub(super) password: Option<SentPassword>,
    pub(super) roles: SortedVec<RoleId>,
    pub(super) permissions: SortedVec<PermissionId>,
}

body_schema!(
    Sent,
    "UserCreate",
    BodySchema::new("A new user.")
        .required("userName", user_name())
        .optional("tenantId", id().about("The caller's own tenant when left out."))
        .required(
            "statusInfo",
            nested(BodySchema::new("Whether he may log in.").required("status", status()).optional(
                "accountLocked",
                flag().about("Only `false`: an account is locked by wrong passwords.")
            ))
        )
        .optional(
            "passwordInfo",
            nested(
                BodySchema::new("His password; without it he can't log in yet.")
                    .required("password", password())
                    .optional("passwordStatus", password_status())
                    .optional("passwordExpiration", hdp_time_text())
            )
            .example(serde_json::json!({ "password": "plum-tractor-ninety-4" }))
        )
        .required("permissions", nested(held()))
        .optional("authenticationInfo", nested(authentication()))
);

/// `userName`.
pub(super) fn user_name() -> Property {
    text(1..=LOGIN_NAME_CHARS_MAX)
        .about("No other user of the whole system has it; compared without regard to case.")
        .example("ODataUser")
}

/// `statusInfo.status`.
pub(super) fn status() -> Property {
    one_of(&[0, 1]).about("1 active, 0 inactive.").example(1)
}

/// A password that is set.
pub(super) fn password() -> Property {
    text(1..=CHARS_MAX).about("By the rules of `password.policy`.").example("plum-tractor-ninety-4")
}

/// `passwordInfo.passwordStatus`.
pub(super) fn password_status() -> Property {
    one_of(&[1, 2]).about("1 chosen; 2 temporary: he has to change it first.")
}

/// A time in a body.
pub(super) fn hdp_time_text() -> Property {
    text(19..=19)
        .pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$")
        .about("UTC, such as `2027-12-31 00:00:00`.")
}

/// `permissions` of a user.
pub(super) fn held() -> BodySchema {
    BodySchema::new("What he may do: by his roles, and beside them.")
        .optional("roles", ids(HELD_MAX).example(serde_json::json!([3])))
        .optional("permissions", ids(HELD_MAX))
}

/// `authenticationInfo` of a user.
pub(super) fn authentication() -> BodySchema {
    BodySchema::new("Only what would be so anyway: the internal service, 1, under his own name.").optional(
        "authUsers",
        list_of(
            BodySchema::new("")
                .optional("authUserName", text(0..=LOGIN_NAME_CHARS_MAX))
                .optional("authServiceId", id()),
            1,
        ),
    )
}

impl Sent {
    /// Reads a body and judges the password by `policy`.
    pub(super) fn read(body: Json, policy: &PasswordRules) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let sent = fields.text("userName")?;
        let name =
            LoginName::parse(sent.expose()).map_err(|error| fields.invalid("userName", error.to_string()))?;
        let tenant = fields.optional_id("tenantId")?.map(TenantId);
        let status_info =
            fields.optional_object("statusInfo")?.ok_or_else(|| fields.missing("statusInfo"))?;
        let status = read_status(status_info)?;
        let password = match fields.optional_object("passwordInfo")? {
            Some(info) => Some(read_password(info, policy, &name)?),
            None => None,
        };
        let held = fields.optional_object("permissions")?.ok_or_else(|| fields.missing("permissions"))?;
        let (roles, permissions) = read_held(held)?;
        if let Some(info) = fields.optional_object("authenticationInfo")? {
            read_authentication(info, &name)?;
        }
        fields.finish()?;
        Ok(Self { name, tenant, status, password, roles, permissions })
    }
}

/// `status` of what is said about an account.
pub(super) fn read_status_alone(info: &mut Fields) -> Result<UserStatus, ApiError> {
    match info.optional_number("status")? {
        Some(0) => Ok(UserStatus::Inactive),
        Some(1) => Ok(UserStatus::Active),
        Some(_) => Err(info.invalid("status", "use 0 for inactive or 1 for active")),
        None => Err(info.missing("status")),
    }
}

fn read_status(mut info: Fields) -> Result<UserStatus, ApiError> {
    let status = read_status_alone(&mut info)?;
    if info.optional_bool("accountLocked")? == Some(true) {
        return Err(
            info.invalid("accountLocked", "an account is locked by wrong passwords only; use status 0")
        );
    }
    info.finish()?;
    Ok(status)
}

fn read_password(
    mut info: Fields,
    policy: &PasswordRules,
    name: &LoginName,
) -> Result<SentPassword, ApiError> {
    let text = info.text("password")?;
    let status = match info.optional_number("passwordStatus")? {
        None | Some(1) => PasswordStatus::Active,
        Some(2) => PasswordStatus::MustChange,
        Some(_) => {
            return Err(info.invalid("passwordStatus", "use 1, or 2 for one that must be changed first"));
        }
    };
    let judged = match status {
        PasswordStatus::Active => policy.judge_chosen(&text, name.as_sent().expose()),
        PasswordStatus::MustChange => judge_temporary(&text),
    };
    judged.map_err(|refusal| info.invalid("password", refusal.to_string()))?;
    let expires_at = read_time(&mut info, "passwordExpiration")?;
    info.finish()?;
    Ok(SentPassword { text, status, expires_at })
}

/// A time that may be left out.
pub(super) fn read_time(info: &mut Fields, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = info.optional_text(name)? else { return Ok(None) };
    let time = parse_hdp_time(text.expose());
    time.map(Some).ok_or_else(|| info.invalid(name, "use UTC as in 2027-12-31 00:00:00, or null"))
}

/// Roles, and permissions beside them.
pub(super) fn read_held(mut held: Fields) -> Result<(SortedVec<RoleId>, SortedVec<PermissionId>), ApiError> {
    let roles = held.optional_ids("roles")?.unwrap_or_default();
    let permissions = held.optional_ids("permissions")?.unwrap_or_default();
    for (name, count) in [("roles", roles.len()), ("permissions", permissions.len())] {
        if count > HELD_MAX {
            return Err(held.invalid(name, format!("name at most {HELD_MAX}")));
        }
    }
    let permissions = permissions
        .into_iter()
        .map(|id| u16::try_from(id).map(PermissionId))
        .collect::<Result<_, _>>()
        .map_err(|_| held.invalid("permissions", "there is no permission of such an id"))?;
    held.finish()?;
    Ok((roles.into_iter().map(RoleId).collect(), permissions))
}

/// Only what would be so anyway: external services are not there yet, and a user who thinks he has one could not log in.
pub(super) fn read_authentication(mut info: Fields, name: &LoginName) -> Result<(), ApiError> {
    const RULE: &str = "leave it out: the internal service (1) under the user's own name is the only one";
    let users = info.optional_objects("authUsers")?.unwrap_or_default();
    if users.len() > 1 {
        return Err(info.invalid("authUsers", RULE));
    }
    for mut user in users {
        let same_name = user.optional_text("authUserName")?.is_none_or(|text| text == *name.as_sent());
        let internal = user.optional_id("authServiceId")?.is_none_or(|id| id == INTERNAL_SERVICE);
        if !same_name || !internal {
            return Err(info.invalid("authUsers", RULE));
        }
        user.finish()?;
    }
    info.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelled_as_hdp_does() {
        let time = parse_hdp_time("2025-12-31 00:00:00").expect("HDP's own sample");
        assert_eq!(hdp_time(time), "2025-12-31 00:00:00");
        for wrong in ["2025-12-31", "2025-12-31T00:00:00Z", "2025-13-01 00:00:00", "", "tomorrow"] {
            assert_eq!(parse_hdp_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_part_of_a_user_is_checked() {
        let good = r#"{"userName":"ODataUser","tenantId":56,"statusInfo":{"status":1,"accountLocked":false},
            "passwordInfo":{"password":"plum-tractor-ninety-4","passwordStatus":1,"passwordExpiration":null},
            "permissions":{"roles":[6]},
            "authenticationInfo":{"authUsers":[{"authUserName":"ODataUser","authServiceId":1}]}}"#;
        let read = |text: &str| {
            let body = Json::parse(text.as_bytes()).expect("JSON");
            Sent::read(body, &PasswordRules::Default).map(drop).map_err(|error| format!("{error:?}"))
        };
        assert_eq!(read(good), Ok(()), "the page's sample with a password that passes");
        for (from, to, complaint) in [
            ("\"ODataUser\",\"tenantId\"", "\"a:b\",\"tenantId\"", "userName"),
            ("\"status\":1", "\"status\":2", "statusInfo.status"),
            ("\"accountLocked\":false", "\"accountLocked\":true", "statusInfo.accountLocked"),
            ("plum-tractor-ninety-4", "password1234", "passwordInfo.password"),
            ("plum-tractor-ninety-4", "short", "passwordInfo.password"),
            ("\"passwordStatus\":1", "\"passwordStatus\":3", "passwordInfo.passwordStatus"),
            (
                "\"passwordExpiration\":null",
                "\"passwordExpiration\":\"soon\"",
                "passwordInfo.passwordExpiration",
            ),
            ("\"roles\":[6]", "\"permissions\":[70000]", "permissions.permissions"),
            ("\"authServiceId\":1", "\"authServiceId\":2", "authenticationInfo.authUsers"),
            ("\"roles\":[6]", "\"role\":[6]", "permissions.role"),
        ] {
            let said = read(&good.replacen(from, to, 1)).expect_err(to);
            assert!(said.contains(complaint), "{to}: {said}");
        }
    }
}
