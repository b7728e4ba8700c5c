//! Facts about client applications, which ask us for tokens (hdp-api section 5).

use serde::{Deserialize, Serialize};

use crate::{
    id::UserId,
    numbered::numbered,
    scope::Scope,
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
    time::Timestamp,
    token::TokenHash,
};

numbered! {
    /// Whether it can keep a secret (RFC 6749 section 2.1).
    pub enum ClientType("a client type is 1 or 2") {
        /// 1: it can, and authenticates with it.
        Confidential = 1,
        /// 2: it can't: a program on people's machines, or in their browsers.
        Public = 2,
    }

    /// A way to tokens.
    pub enum GrantType("a grant type is 1 to 4") {
        /// 1: a user's consent in his browser.
        AuthorizationCode = 1,
        /// 2: a token that came with an earlier one.
        RefreshToken = 2,
        /// 3: the application in its own name.
        ClientCredentials = 3,
        /// 4: a user's password in the application's hands.
        Password = 4,
    }

    /// Whether every authorization request must carry a challenge (RFC 7636).
    pub enum Pkce("a rule about challenges is 1 or 2") {
        /// 1: only one that was sent is enforced.
        Optional = 1,
        /// 2: none without.
        Required = 2,
    }

    /// What becomes of a refresh token when it is used.
    pub enum RefreshRotation("a rotation is 1 or 2") {
        /// 1: it stays.
        Never = 1,
        /// 2: a successor takes its place.
        Always = 2,
    }
}

/// A secret that we gave out. The secret itself stands nowhere in the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    /// By which it is recognised.
    pub hash: TokenHash,
    /// The secret under the application's data key, while reveals are audited.
    pub sealed: Option<Sealed>,
}

/// What an application may ask for, and what it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientPolicy {
    /// Whether it has a secret; never changes.
    pub client_type: ClientType,
    /// Ways to tokens that it may go.
    pub grant_types: SortedVec<GrantType>,
    /// Scopes that it may ask for; all of them when it names none.
    pub scopes: SortedVec<Scope>,
    /// Whether it must send a challenge.
    pub pkce: Pkce,
    /// What becomes of a used refresh token.
    pub refresh_rotation: RefreshRotation,
    /// For how long the predecessor of a refresh token gets the same answer again, in seconds.
    pub refresh_retry_secs: u32,
    /// How long an access token lives at most, in seconds; the system's limit may be lower.
    pub access_token_lifetime_secs: Option<u32>,
    /// A refresh token ends when it was not used for so long, in seconds.
    pub refresh_token_idle_secs: Option<u32>,
    /// A refresh token ends so long after the consent, used or not, in seconds.
    pub refresh_token_absolute_secs: Option<u32>,
    /// The resource that it is, when it is one: it may look at access tokens made for it.
    pub resource_server: Option<String>,
    /// Whose rights its own tokens have.
    pub run_as: Option<UserId>,
    /// Until when it may take users' passwords.
    pub password_until: Option<Timestamp>,
}

/// An application was registered in the header's tenant, which is its owner's; its id is the stream's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientApplicationRegistered {
    /// Whose.
    pub owner: UserId,
    /// Unique among the owner's applications.
    pub name: String,
    /// Free text.
    pub description: Option<Sealed>,
    /// Where codes may be sent, as they were sent to us and in that order.
    pub redirect_urls: Vec<String>,
    /// Unique in the system; never changes.
    pub client_id: String,
    /// The application's data key, which may have nothing to seal yet.
    pub key_id: KeyId,
    /// None for a public application.
    pub secret: Option<ClientSecret>,
    /// What it may ask for.
    pub policy: ClientPolicy,
}

/// An application was replaced by a PUT; owner, client id and secret stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientApplicationUpdated {
    /// As in [`ClientApplicationRegistered`].
    pub name: String,
    /// `None` when the PUT left it out, which clears it.
    pub description: Option<Sealed>,
    /// As in [`ClientApplicationRegistered`].
    pub redirect_urls: Vec<String>,
    /// As in [`ClientApplicationRegistered`].
    pub policy: ClientPolicy,
}

/// An application got another secret, and everything that was granted to it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientApplicationSecretReset {
    /// From now on.
    pub secret: ClientSecret,
}

/// An application got another secret beside the one before, which is good for some time still. A still older one ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientApplicationSecretRotated {
    /// From now on.
    pub secret: ClientSecret,
    /// Until when the one before is good.
    pub previous_until: Timestamp,
}

/// An application belongs to another user from now on, of the header's tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientApplicationTransferred {
    /// Whose.
    pub owner: UserId,
}

/// An application was deleted, and everything that was granted to it ended; its stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientApplicationDeleted {}
