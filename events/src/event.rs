//! The closed list of facts, and the one table that gives each its number.
//!
//! The order of this enum never reaches the disk: `(event_type, schema_version)` picks a bare struct. Numbers are reserved
//! by noun: 1 ledger, 100 tenant, 200 role, 300 user, 400 OAuth application, 500 OAuth profile, 600 data source, 700 client
//! application, 800 grant and tokens, 900 disclosures, 1000 upstream, 1100 limits and settings.

use std::fmt;

#[cfg(test)]
use crate::upcast::probe::{Probe, ProbeV1};
use crate::{
    client_application::{
        ClientApplicationDeleted, ClientApplicationRegistered, ClientApplicationSecretReset,
        ClientApplicationSecretRotated, ClientApplicationTransferred, ClientApplicationUpdated,
    },
    codec::{CodecError, decode_body, encode_body},
    data_source::{
        DataSourceCreated, DataSourceDeleted, DataSourceMembersChanged, DataSourcePermissionsSet,
        DataSourceProfileCleared, DataSourceShared, DataSourceUnshared, DataSourceUpdated,
    },
    disclosure::SecretRevealed,
    grant::{
        AuthorizationCodeIssued, AuthorizationCodeRedeemed, AuthorizationCodeReplayDetected, GrantAllowed,
        GrantDenied, GrantRevoked,
    },
    ledger::{LedgerCreated, SnapshotTaken},
    limit::{LimitCleared, LimitSet},
    oauth_app::{OAuthAppCreated, OAuthAppDeleted, OAuthAppUpdated},
    oauth_profile::{OAuthProfileCreated, OAuthProfileDeleted, OAuthProfileUpdated},
    role::{RoleCreated, RoleDeleted, RoleUpdated},
    scope::ScopeSetDefined,
    setting::{ConfigurationSet, CorsOriginRemoved, CorsOriginSet, PasswordPolicySet},
    tenant::{TenantAdministratorsChanged, TenantCreated, TenantDeleted, TenantUpdated},
    token::{
        AccessTokenIssued, AccessTokenRevoked, RefreshTokenReuseDetected, RefreshTokenRotated,
        TokenFamilyRevoked, TokensIssued,
    },
    user::{
        UserCreated, UserDeleted, UserLocked, UserMoved, UserPasswordSet, UserRolesSet, UserStatusSet,
        UserUnlocked, UserUpdated,
    },
    whitelist::{IpWhitelistSet, UserIpWhitelistSet},
};

/// A number of the table below. An unknown one was written by a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(pub u16);

macro_rules! events {
    ($(
        $(#[$attribute:meta])*
        $number:literal $name:ident { current $version:literal $(, $(#[$old_attribute:meta])* old $old_version:literal: $old:ty)* }
    )*) => {
        /// A recorded fact. Matched without `_`: a new one makes the compiler list every place to think about.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant is documented at its struct")]
        pub enum Event {
            $($(#[$attribute])* $name($name),)*
        }

        $($(#[$attribute])* impl From<$name> for Event {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*

        impl Event {
            /// Number and current schema version.
            pub fn kind(&self) -> (EventType, u16) {
                match self {
                    $($(#[$attribute])* Self::$name(_) => (EventType($number), $version),)*
                }
            }

            /// Writes the body in a form for people, such as JSON. Bytes for the log come from the codec alone.
            pub fn describe<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $($(#[$attribute])* Self::$name(body) => serde::Serialize::serialize(body, serializer),)*
                }
            }

            pub(crate) fn encode(&self) -> Result<Vec<u8>, CodecError> {
                match self {
                    $($(#[$attribute])* Self::$name(body) => encode_body(body),)*
                }
            }

            pub(crate) fn decode(kind: EventType, version: u16, body: &[u8]) -> Result<Self, CodecError> {
                match (kind.0, version) {
                    $(
                        $(#[$attribute])*
                        ($number, $version) => decode_body::<$name>(body).map(Self::$name),
                        $(
                            $(#[$old_attribute])*
                            ($number, $old_version) => decode_body::<$old>(body).map(|old| Self::$name(old.into())),
                        )*
                    )*
                    _ => Err(CodecError::Unknown { kind, version }),
                }
            }
        }

        impl EventType {
            /// Every `(type, schema version, name)` that this version reads.
            pub const TABLE: &'static [(EventType, u16, &'static str)] = &[
                $(
                    $(#[$attribute])*
                    (EventType($number), $version, stringify!($name)),
                    $($(#[$old_attribute])* (EventType($number), $old_version, stringify!($name)),)*
                )*
            ];
        }
    };
}

events! {
    1 LedgerCreated { current 1 }
    2 SnapshotTaken { current 1 }
    100 TenantCreated { current 1 }
    101 TenantUpdated { current 1 }
    102 TenantDeleted { current 1 }
    103 TenantAdministratorsChanged { current 1 }
    200 RoleCreated { current 1 }
    201 RoleUpdated { current 1 }
    202 RoleDeleted { current 1 }
    300 UserCreated { current 1 }
    301 UserLocked { current 1 }
    302 UserUnlocked { current 1 }
    303 UserUpdated { current 1 }
    304 UserStatusSet { current 1 }
    305 UserPasswordSet { current 1 }
    306 UserRolesSet { current 1 }
    307 UserMoved { current 1 }
    308 UserDeleted { current 1 }
    400 OAuthAppCreated { current 1 }
    401 OAuthAppUpdated { current 1 }
    402 OAuthAppDeleted { current 1 }
    500 OAuthProfileCreated { current 1 }
    501 OAuthProfileUpdated { current 1 }
    502 OAuthProfileDeleted { current 1 }
    600 DataSourceCreated { current 1 }
    601 DataSourceUpdated { current 1 }
    602 DataSourceDeleted { current 1 }
    603 DataSourceProfileCleared { current 1 }
    604 DataSourceShared { current 1 }
    605 DataSourceUnshared { current 1 }
    606 DataSourcePermissionsSet { current 1 }
    607 DataSourceMembersChanged { current 1 }
    700 ClientApplicationRegistered { current 1 }
    701 ClientApplicationUpdated { current 1 }
    702 ClientApplicationSecretReset { current 1 }
    703 ClientApplicationSecretRotated { current 1 }
    704 ClientApplicationTransferred { current 1 }
    705 ClientApplicationDeleted { current 1 }
    800 ScopeSetDefined { current 1 }
    801 GrantAllowed { current 1 }
    802 GrantDenied { current 1 }
    803 GrantRevoked { current 1 }
    804 AuthorizationCodeIssued { current 1 }
    805 AuthorizationCodeRedeemed { current 1 }
    806 AuthorizationCodeReplayDetected { current 1 }
    807 TokensIssued { current 1 }
    808 AccessTokenIssued { current 1 }
    809 RefreshTokenRotated { current 1 }
    810 RefreshTokenReuseDetected { current 1 }
    811 AccessTokenRevoked { current 1 }
    812 TokenFamilyRevoked { current 1 }
    900 SecretRevealed { current 1 }
    1100 LimitSet { current 1 }
    1101 LimitCleared { current 1 }
    1102 ConfigurationSet { current 1 }
    1103 PasswordPolicySet { current 1 }
    1104 IpWhitelistSet { current 1 }
    1105 UserIpWhitelistSet { current 1 }
    1106 CorsOriginSet { current 1 }
    1107 CorsOriginRemoved { current 1 }
    #[cfg(test)]
    65000 Probe { current 2, #[cfg(test)] old 1: ProbeV1 }
}

impl EventType {
    /// The fact's name, when this version knows it.
    pub fn name(self) -> Option<&'static str> {
        Self::TABLE.iter().find(|(kind, _, _)| *kind == self).map(|(_, _, name)| *name)
    }

    /// The number of the fact of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, _, known)| *known == name).map(|(kind, _, _)| *kind)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "type {}", self.0),
        }
    }
}
