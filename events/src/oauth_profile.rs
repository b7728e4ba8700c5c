//! Facts about OAuth profiles: a user's tokens at a provider, obtained through one application (hdp-api section 3).

use serde::{Deserialize, Serialize};

use crate::{
    id::{OAuthAppId, UserId},
    sealed::{Sealed, SecretChange},
};

/// A profile came to be in the header's tenant, which is its owner's; its id is the stream's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthProfileCreated {
    /// Whose tokens; never changes.
    pub owner: UserId,
    /// Unique among the owner's profiles.
    pub name: String,
    /// The application through which the tokens were obtained.
    pub oauth_app: OAuthAppId,
    /// Free text.
    pub description: Option<Sealed>,
    /// The provider's access token.
    pub access_token: Option<Sealed>,
    /// The provider's refresh token. Its key is the profile's data key.
    pub refresh_token: Sealed,
}

/// A profile was replaced by a PUT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthProfileUpdated {
    /// As in [`OAuthProfileCreated`].
    pub name: String,
    /// Another application of the same data store, or the same.
    pub oauth_app: OAuthAppId,
    /// `None` when the PUT left it out, which clears it.
    pub description: Option<Sealed>,
    /// What became of the access token.
    pub access_token: SecretChange,
    /// `None` when the PUT left it out, which keeps the one before.
    pub refresh_token: Option<Sealed>,
}

/// A profile was deleted, alone or with its application; its stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthProfileDeleted {}
