//! Newtypes for every id, sequence and count, so that a tenant's number never stands where a user's belongs.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

numbers! {
    /// A tenant; 1 is the system tenant, the parent of all others.
    TenantId(u64);
    /// A role; 1 to 3 are the predefined ones of the system tenant.
    RoleId(u64);
    /// A user of any tenant.
    UserId(u64);
    /// What we are to a provider: an OAuth application as in HDP, not a client application.
    OAuthAppId(u64);
    /// Somebody's tokens at a provider: an OAuth profile as in HDP.
    OAuthProfileId(u64);
    /// A data source: a connection to a data store, as its owner defined it.
    DataSourceId(u64);
    /// A client application that calls us (RFC 6749 section 1.1).
    ClientApplicationId(u64);
    /// What a user allowed a client application; the two have at most one at a time.
    GrantId(u64);
    /// An access token's line of refresh tokens, with all access tokens that came of it; drawn at random.
    FamilyId(u64);
    /// Scopes with the resources they are for, as tokens name them.
    ScopeSetId(u32);
    /// The day, since 1970-01-01 UTC, whose key successors of refresh tokens are derived with.
    TokenEpoch(u32);
    /// A data store's number in HDP's catalogue: 54 is Google Analytics.
    DataStoreId(u32);
    /// A permission of HDP's catalogue (hdp-api 6.1) or ours from 101.
    PermissionId(u16);
    /// A limit's number in HDP's list (hdp-api 7.1).
    LimitId(u16);
    /// A system configuration's number in HDP's list (hdp-api 7.2).
    ConfigurationId(u16);
    /// An entry of the list of sites whose pages may call the API.
    CorsOriginId(u64);
    /// How often this ledger forgot acknowledged events by a restore; starts at 1.
    Epoch(u32);
    /// Place of an event in the whole log, from 0 without gaps; the leaf index of the tree.
    Sequence(u64);
}

/// The tenant that holds the installation itself.
pub const SYSTEM_TENANT: TenantId = TenantId(1);

impl Sequence {
    /// The sequence after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

macro_rules! random_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )*};
}

random_ids! {
    /// 128 random bits drawn when a ledger is created; never changes, not even by a restore.
    LedgerId;
    /// 128 random bits drawn for each command; answered as `X-Request-Id`.
    CommandId;
}
