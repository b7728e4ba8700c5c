//! Facts about OAuth applications: what we are to a provider such as Google Analytics (hdp-api section 2).

use serde::{Deserialize, Serialize};

use crate::{id::DataStoreId, sealed::Sealed};

/// An application came to be in the header's tenant; its id is the stream's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthAppCreated {
    /// Unique within the tenant.
    pub name: String,
    /// The data store it belongs to; never changes.
    pub data_store: DataStoreId,
    /// Free text.
    pub description: Option<Sealed>,
    /// Our id at the provider.
    pub client_id: String,
    /// Our secret at the provider. Its key is the application's data key.
    pub client_secret: Sealed,
    /// The provider's authorization endpoint.
    pub authorize_uri: String,
    /// The provider's token endpoint.
    pub token_uri: String,
    /// As sent; read as a list split at runs of spaces and commas.
    pub scope: String,
}

/// An application was replaced by a PUT; tenant and data store stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthAppUpdated {
    /// As in [`OAuthAppCreated`].
    pub name: String,
    /// `None` when the PUT left it out, which clears it.
    pub description: Option<Sealed>,
    /// As in [`OAuthAppCreated`].
    pub client_id: String,
    /// `None` when the PUT left it out, which keeps the one before.
    pub client_secret: Option<Sealed>,
    /// As in [`OAuthAppCreated`].
    pub authorize_uri: String,
    /// As in [`OAuthAppCreated`].
    pub token_uri: String,
    /// As in [`OAuthAppCreated`].
    pub scope: String,
}

/// An application was deleted; its stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthAppDeleted {}
