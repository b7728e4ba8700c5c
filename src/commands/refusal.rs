use events::{
    data_source::ConnectionType,
    id::{
        ClientApplicationId, ConfigurationId, CorsOriginId, DataSourceId, LimitId, OAuthAppId,
        OAuthProfileId, RoleId, TenantId, TokenEpoch, UserId,
    },
};
use thiserror::Error;

/// A named thing that a request pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// By id.
    Tenant(TenantId),
    /// By id.
    Role(RoleId),
    /// By id.
    User(UserId),
    /// By id.
    OAuthApp(OAuthAppId),
    /// By id.
    OAuthProfile(OAuthProfileId),
    /// By id.
    DataSource(DataSourceId),
    /// By id.
    ClientApplication(ClientApplicationId),
    /// By id.
    CorsOrigin(CorsOriginId),
    /// By id, at a level.
    Limit(LimitId),
    /// By id.
    Configuration(ConfigurationId),
}

/// What a new object may not share with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// In the whole system.
    TenantName,
    /// Within the tenant.
    RoleName,
    /// In the whole system, whatever its case.
    UserName,
    /// Within the tenant.
    OAuthAppName,
    /// Among its owner's.
    OAuthProfileName,
    /// Among its owner's.
    DataSourceName,
    /// Among its owner's.
    ClientApplicationName,
    /// In the whole system.
    ClientId,
    /// On the CORS whitelist.
    CorsOrigin,
}

impl Taken {
    /// In words, as a sentence about it begins.
    pub fn what(self) -> &'static str {
        match self {
            Self::TenantName => "name of a tenant",
            Self::RoleName => "name of a role in this tenant",
            Self::UserName => "user name",
            Self::OAuthAppName => "name of an application in this tenant",
            Self::OAuthProfileName => "name of a profile of this owner",
            Self::DataSourceName => "name of a data source of this owner",
            Self::ClientApplicationName => "name of a client application of this owner",
            Self::ClientId => "client id of another client application",
            Self::CorsOrigin => "domain of another entry of the CORS whitelist",
        }
    }
}

/// Why a client application gets no tokens, in the words of RFC 6749 section 5.2 and RFC 8707.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthRefusal {
    /// It is gone, or its secret is not the one that it proved to know.
    InvalidClient,
    /// The code, refresh token or password is not, or no longer, good for tokens.
    InvalidGrant,
    /// More than was granted, or nothing that may be.
    InvalidScope,
    /// A resource that these tokens are not for.
    InvalidTarget,
    /// It may not ask in this way.
    UnauthorizedClient,
    /// Nobody may ask in this way.
    UnsupportedGrantType,
    /// The user may not use it, or does not want to.
    AccessDenied,
    /// What the edge derived was derived in another epoch: derive it again in this one and repeat.
    DeriveWith(TokenEpoch),
}

/// The rules say no. An ordinary value: nothing broke, nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The caller was deleted or switched off since he authenticated.
    #[error("the caller is no active user any more")]
    ActorGone,
    /// The operation's permission is missing, whatever it was asked for.
    #[error("the caller lacks the operation's permission")]
    LacksPermission,
    /// The caller sees the object and may not do this to it.
    #[error("the caller may see this object but not do this")]
    Forbidden,
    /// The object in the path or in `?user=` does not exist, or the caller may not see it: the same answer.
    #[error("{0:?} does not exist or is not visible to the caller")]
    NotFound(Object),
    /// An object named in the body does not exist, or the caller may not use it: the same answer.
    #[error("the request names {0:?}, which does not exist or is not the caller's to use")]
    UnknownReference(Object),
    /// A data source that this user does not own, or that is not there: the same answer.
    #[error("data source {0} is not one of user {1}")]
    NotHisDataSource(DataSourceId, UserId),
    /// A limit's value is too small or too large.
    #[error("the limit's value must be {min} to {max}")]
    LimitOutOfRange {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// A field's value can't stand, and why; the text never repeats the value.
    #[error("{field}: {problem}")]
    Invalid {
        /// The property as the API spells it.
        field: &'static str,
        /// A sentence that says what is allowed.
        problem: String,
    },
    /// A data source keeps its connection type.
    #[error("connectionType must remain {0:?}")]
    ConnectionTypeFixed(ConnectionType),
    /// More options, or longer ones, than a data source may have.
    #[error("the options are more or longer than a data source may have")]
    OptionsTooLarge,
    /// Somebody else has it already.
    #[error("{0:?} is taken")]
    Taken(Taken),
    /// The caller would give away what he does not hold (hdp-api 9.23).
    #[error("the caller may not grant permission {0}")]
    NotHisToGrant(events::id::PermissionId),
    /// Nobody who can log in would hold 12 any more.
    #[error("this would take 12 from its last active holder")]
    LastAdministrator,
    /// The object can't go while others need it; what they are.
    #[error("it can't be deleted while {0}")]
    InUse(&'static str),
    /// There is one of its own here already; what.
    #[error("there is a {0} of its own here already")]
    SetAlready(&'static str),
    /// There is none of its own here; what.
    #[error("there is no {0} of its own here")]
    NotSet(&'static str),
    /// His address would not pass the list that he wishes to set.
    #[error("the list would shut out whoever sets it")]
    ShutsOut,
    /// The user has the data source by his tenant's share already.
    #[error("the data source is shared with the user's tenant already")]
    SharedWithTenant,
    /// What every ledger has stays as it is; why.
    #[error("it is predefined: {0}")]
    Predefined(&'static str),
    /// The object changed since the caller read it (`If-Match`).
    #[error("the object has changed")]
    PreconditionFailed,
    /// The same `Idempotency-Key` came with another body within 24 hours.
    #[error("the Idempotency-Key was used for another request")]
    IdempotencyKeyReused,
    /// What the edge prepared (sealed, read) no longer fits the state: prepare it again and repeat.
    #[error("the object changed while the request was prepared")]
    Again,
    /// A client application gets no tokens.
    #[error("no tokens: {0:?}")]
    OAuth(OAuthRefusal),
    /// More events than one command may have.
    #[error("the command would record {0} events")]
    TooManyEvents(usize),
}

impl From<OAuthRefusal> for Refusal {
    fn from(refusal: OAuthRefusal) -> Self {
        Self::OAuth(refusal)
    }
}

impl Refusal {
    pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}
