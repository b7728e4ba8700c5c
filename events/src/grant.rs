//! Facts about grants: what a user allowed a client application to do for him, and the codes by which it learns of it
//! (RFC 6749 section 4.1).

use serde::{Deserialize, Serialize};

use crate::{
    id::{ClientApplicationId, FamilyId, ScopeSetId, UserId},
    numbered::numbered,
    scope::Scope,
    sorted::SortedVec,
    time::Timestamp,
    token::{IssuedAccessToken, TokenHash},
};

numbered! {
    /// How a user consented.
    pub enum ConsentBy("a way of consenting is 1 or 2") {
        /// 1: on our page.
        Page = 1,
        /// 2: by giving the application his password.
        Password = 2,
    }

    /// How the user of an authorization request was known.
    pub enum AuthenticationMethod("a way of logging in is 1 or 2") {
        /// 1: on our page.
        LoginPage = 1,
        /// 2: by Basic credentials in the request itself.
        Basic = 2,
    }
}

/// A user of the header's tenant allowed an application some scopes. The first of its stream makes the grant; a later one widens
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantAllowed {
    /// To whom.
    pub client: ClientApplicationId,
    /// Who.
    pub user: UserId,
    /// All that is allowed from now on.
    pub scopes: SortedVec<Scope>,
    /// How.
    pub by: ConsentBy,
}

/// A user of the header's tenant refused what the stream's application asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantDenied {
    /// Who.
    pub user: UserId,
}

/// A grant ended with all its codes and tokens; its stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRevoked {}

/// A code was sent to an application, by the user's browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCodeIssued {
    /// By which it is recognised.
    pub code: TokenHash,
    /// The `redirect_uri` of the request, as sent; whoever redeems the code must repeat it.
    pub redirect_uri: Option<String>,
    /// The SHA-256 of the verifier (RFC 7636, `S256`).
    pub challenge: Option<[u8; 32]>,
    /// What its tokens will be good for.
    pub scope_set: ScopeSetId,
    /// When it ends unused.
    pub expires_at: Timestamp,
    /// When the user logged in.
    pub authenticated_at: Timestamp,
    /// How.
    pub method: AuthenticationMethod,
}

/// A code was exchanged for tokens, which make up a family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCodeRedeemed {
    /// Which.
    pub code: TokenHash,
    /// To whom.
    pub client: ClientApplicationId,
    /// Of the tokens, also when there is no refresh token.
    pub family: FamilyId,
    /// What the access token is good for; the family is good for all that the code was.
    pub scope_set: ScopeSetId,
    /// The access token.
    pub access: IssuedAccessToken,
    /// The secret part of the first refresh token, hashed.
    pub refresh: Option<TokenHash>,
    /// When the refresh token ends if it is not used.
    pub refresh_until: Option<Timestamp>,
}

/// A code came a second time, so that the tokens of the first time ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCodeReplayDetected {
    /// Which.
    pub code: TokenHash,
    /// What ended.
    pub family: FamilyId,
}
