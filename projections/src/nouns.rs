//! All facts about one noun, as a pattern.
//!
//! A fold names the facts that it folds and the nouns that are not its business. A new fact is added to its noun's list here,
//! and then the compiler asks only the folds that look at that noun one by one what it means.

/// `facts!(role)` matches every fact about roles.
macro_rules! facts {
    (ledger) => {
        ::events::event::Event::LedgerCreated(_) | ::events::event::Event::SnapshotTaken(_)
    };
    (tenant) => {
        ::events::event::Event::TenantCreated(_)
            | ::events::event::Event::TenantUpdated(_)
            | ::events::event::Event::TenantDeleted(_)
            | ::events::event::Event::TenantAdministratorsChanged(_)
    };
    (role) => {
        ::events::event::Event::RoleCreated(_)
            | ::events::event::Event::RoleUpdated(_)
            | ::events::event::Event::RoleDeleted(_)
    };
    (user) => {
        ::events::event::Event::UserCreated(_)
            | ::events::event::Event::UserLocked(_)
            | ::events::event::Event::UserUnlocked(_)
            | ::events::event::Event::UserUpdated(_)
            | ::events::event::Event::UserStatusSet(_)
            | ::events::event::Event::UserPasswordSet(_)
            | ::events::event::Event::UserRolesSet(_)
            | ::events::event::Event::UserMoved(_)
            | ::events::event::Event::UserDeleted(_)
    };
    (oauth_app) => {
        ::events::event::Event::OAuthAppCreated(_)
            | ::events::event::Event::OAuthAppUpdated(_)
            | ::events::event::Event::OAuthAppDeleted(_)
    };
    (oauth_profile) => {
        ::events::event::Event::OAuthProfileCreated(_)
            | ::events::event::Event::OAuthProfileUpdated(_)
            | ::events::event::Event::OAuthProfileDeleted(_)
    };
    (data_source) => {
        ::events::event::Event::DataSourceCreated(_)
            | ::events::event::Event::DataSourceUpdated(_)
            | ::events::event::Event::DataSourceDeleted(_)
            | ::events::event::Event::DataSourceProfileCleared(_)
            | ::events::event::Event::DataSourceShared(_)
            | ::events::event::Event::DataSourceUnshared(_)
            | ::events::event::Event::DataSourcePermissionsSet(_)
            | ::events::event::Event::DataSourceMembersChanged(_)
    };
    (client_application) => {
        ::events::event::Event::ClientApplicationRegistered(_)
            | ::events::event::Event::ClientApplicationUpdated(_)
            | ::events::event::Event::ClientApplicationSecretReset(_)
            | ::events::event::Event::ClientApplicationSecretRotated(_)
            | ::events::event::Event::ClientApplicationTransferred(_)
            | ::events::event::Event::ClientApplicationDeleted(_)
            | ::events::event::Event::GrantDenied(_)
    };
    (grant) => {
        ::events::event::Event::GrantAllowed(_)
            | ::events::event::Event::GrantRevoked(_)
            | ::events::event::Event::AuthorizationCodeIssued(_)
            | ::events::event::Event::AuthorizationCodeRedeemed(_)
            | ::events::event::Event::AuthorizationCodeReplayDetected(_)
    };
    (token) => {
        ::events::event::Event::ScopeSetDefined(_)
            | ::events::event::Event::TokensIssued(_)
            | ::events::event::Event::AccessTokenIssued(_)
            | ::events::event::Event::RefreshTokenRotated(_)
            | ::events::event::Event::RefreshTokenReuseDetected(_)
            | ::events::event::Event::AccessTokenRevoked(_)
            | ::events::event::Event::TokenFamilyRevoked(_)
    };
    (disclosure) => {
        ::events::event::Event::SecretRevealed(_)
    };
    (limit) => {
        ::events::event::Event::LimitSet(_) | ::events::event::Event::LimitCleared(_)
    };
    (setting) => {
        ::events::event::Event::ConfigurationSet(_)
            | ::events::event::Event::PasswordPolicySet(_)
            | ::events::event::Event::CorsOriginSet(_)
            | ::events::event::Event::CorsOriginRemoved(_)
    };
    (ip_whitelist) => {
        ::events::event::Event::IpWhitelistSet(_) | ::events::event::Event::UserIpWhitelistSet(_)
    };
}
pub(crate) use facts;
