//! Facts about tokens (TOKENS sections 2 and 4). They stand here as hashes only.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    id::{ClientApplicationId, FamilyId, ScopeSetId, TokenEpoch, UserId},
    time::Timestamp,
};

/// BLAKE3 derive_key of a token, code or client secret, with a context for each kind, so that one's hash never means another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(pub [u8; 32]);

// In bytes the 32 of them, for people and their tools hex.
impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({self})")
    }
}

/// An access token that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedAccessToken {
    /// By which it is recognised.
    pub hash: TokenHash,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A user's password was exchanged for tokens, which make up a family of the stream's grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensIssued {
    /// To whom.
    pub client: ClientApplicationId,
    /// Of these tokens.
    pub family: FamilyId,
    /// What they are good for.
    pub scope_set: ScopeSetId,
    /// The access token.
    pub access: IssuedAccessToken,
    /// The secret part of the first refresh token, hashed.
    pub refresh: Option<TokenHash>,
    /// When the refresh token ends if it is not used.
    pub refresh_until: Option<Timestamp>,
}

/// An access token alone: for a refresh token that stays, or for an application in its own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenIssued {
    /// What it is good for.
    pub scope_set: ScopeSetId,
    /// The token.
    pub access: IssuedAccessToken,
    /// The family whose refresh token was used.
    pub family: Option<FamilyId>,
    /// When that refresh token ends if it is not used again.
    pub refresh_until: Option<Timestamp>,
    /// Whose rights it has, when an application in its own name has somebody's.
    pub run_as: Option<UserId>,
}

/// A refresh token was exchanged for its successor and an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshTokenRotated {
    /// Which.
    pub family: FamilyId,
    /// How many predecessors the successor has.
    pub generation: u32,
    /// The secret part of the successor, hashed.
    pub refresh: TokenHash,
    /// When the successor ends if it is not used.
    pub refresh_until: Option<Timestamp>,
    /// What the access token is good for.
    pub scope_set: ScopeSetId,
    /// The access token.
    pub access: IssuedAccessToken,
    /// Whose key both were derived with.
    pub epoch: TokenEpoch,
}

/// A refresh token came that its successors had taken the place of: it was stolen, or one of them was, so the family ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshTokenReuseDetected {
    /// Which.
    pub family: FamilyId,
    /// The one that came.
    pub generation: u32,
}

/// An access token ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenRevoked {
    /// Which.
    pub access: TokenHash,
}

/// A refresh token ended before its time, and with it the access tokens of its family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFamilyRevoked {
    /// Which.
    pub family: FamilyId,
}
