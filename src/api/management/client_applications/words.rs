//! How bodies spell what events number.

use events::{
    client_application::{ClientType, GrantType, Pkce, RefreshRotation},
    scope::Scope,
};

pub(super) const TYPES: &[(ClientType, &str)] =
    &[(ClientType::Confidential, "confidential"), (ClientType::Public, "public")];
/// As RFC 6749 and `grant_type` spell them.
pub(super) const GRANT_TYPES: &[(GrantType, &str)] = &[
    (GrantType::AuthorizationCode, "authorization_code"),
    (GrantType::RefreshToken, "refresh_token"),
    (GrantType::ClientCredentials, "client_credentials"),
    (GrantType::Password, "password"),
];
pub(super) const SCOPES: &[(Scope, &str)] =
    &[(Scope::OData, "api.access.odata"), (Scope::Mgmt, "api.mgmt"), (Scope::Audit, "api.audit")];
pub(super) const PKCE: &[(Pkce, &str)] = &[(Pkce::Optional, "optional"), (Pkce::Required, "required")];
pub(super) const ROTATIONS: &[(RefreshRotation, &str)] =
    &[(RefreshRotation::Never, "never"), (RefreshRotation::Always, "always")];

/// The words of a table.
pub(super) fn words<T>(table: &[(T, &'static str)]) -> Vec<&'static str> {
    table.iter().map(|(_, word)| *word).collect()
}

/// The word for a value of the table.
pub(super) fn word<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|(other, _)| other == value).map_or("", |(_, word)| word)
}

/// The value of a word; otherwise which words there are.
pub(super) fn value<T: Copy>(table: &[(T, &'static str)], word: &str) -> Result<T, String> {
    let found = table.iter().find(|(_, other)| *other == word).map(|(value, _)| *value);
    found.ok_or_else(|| format!("use {}", words(table).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_spelled_as_tokens_have_them() {
        for scope in Scope::ALL {
            assert_eq!(word(SCOPES, &scope), scope.text());
            assert_eq!(value(SCOPES, scope.text()), Ok(scope));
        }
        assert_eq!(value(PKCE, "plain"), Err("use optional, required".to_owned()));
    }
}
