//! What the protocol says when it says no: one table of errors with fixed sentences (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8707).
//!
//! A sentence repeats nothing that was sent (SECURITY 36), and consists of the characters that RFC 6749 allows in an
//! `error_description`. Which status goes with it, `api` knows.

use std::fmt;

/// The machine's word, registered by the RFCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// The request is no such request.
    InvalidRequest,
    /// The client is not who it says, or did not say.
    InvalidClient,
    /// What was presented for tokens is not good for any.
    InvalidGrant,
    /// The client may not go this way.
    UnauthorizedClient,
    /// Nobody may.
    UnsupportedGrantType,
    /// Authorization requests of this kind are not answered.
    UnsupportedResponseType,
    /// A scope that there is not, or not for this client.
    InvalidScope,
    /// A resource that there is not (RFC 8707 section 2).
    InvalidTarget,
    /// Somebody said no.
    AccessDenied,
    /// A bearer token that is not good (RFC 6750 section 3.1).
    InvalidToken,
    /// Our fault.
    ServerError,
    /// Come again.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// As it stands in an answer.
    pub fn text(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::InvalidToken => "invalid_token",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// An error of the protocol with its sentence; one of the table below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// For machines.
    pub code: ErrorCode,
    /// For people.
    pub description: &'static str,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.text(), self.description)
    }
}

impl std::error::Error for ProtocolError {}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $code:ident, $description:literal;)*) => {
        $($(#[$doc])*
        pub const $name: ProtocolError = ProtocolError { code: ErrorCode::$code, description: $description };)*
        /// The whole table, for documents and tests.
        pub const ALL: &[ProtocolError] = &[$($name),*];
    };
}

errors! {
    // The request itself.
    /// No form and no JSON that we read.
    MALFORMED = InvalidRequest, "The parameters can not be read: they must be a form, or one JSON object of texts, in UTF-8.";
    /// Another content type.
    WRONG_CONTENT_TYPE = InvalidRequest, "The body must be of type application/x-www-form-urlencoded.";
    /// RFC 6749 section 3.1 and 3.2.
    TWICE = InvalidRequest, "A parameter stands there twice.";
    /// A secret or a token where logs and histories see it.
    IN_QUERY = InvalidRequest, "The parameters belong in the body, and none of them in the URL.";
    /// A known address, another method.
    WRONG_METHOD = InvalidRequest, "This address does not answer to this method.";
    /// Too much, see `limits.body_bytes`.
    BODY_TOO_LARGE = InvalidRequest, "The body is larger than the limit.";
    /// Too much, see `limits.header_bytes`.
    HEAD_TOO_LARGE = InvalidRequest, "The request line and headers are larger than the limit.";
    /// See `limits.request_time`.
    SLOW_REQUEST = InvalidRequest, "The request was not received in time.";
    /// A token request without its kind.
    NO_GRANT_TYPE = InvalidRequest, "The parameter grant_type is missing.";
    /// A parameter that this grant type needs.
    INCOMPLETE = InvalidRequest, "A parameter that this grant type requires is missing.";
    /// Introspection and revocation.
    NO_TOKEN = InvalidRequest, "The parameter token is missing.";
    /// Two secrets, or two clients (RFC 6749 section 2.3).
    TWO_CLIENTS = InvalidRequest, "The client must authenticate in one way, and be the same everywhere in the request.";

    // The client.
    /// Unknown, without its secret, or with a wrong one: one answer for all.
    UNKNOWN_CLIENT = InvalidClient, "The client is unknown, or its authentication is missing, wrong or of a kind that is not supported.";
    /// Not registered for this grant type.
    NOT_REGISTERED_FOR_IT = UnauthorizedClient, "The client is not registered for this grant type.";
    /// Nobody is.
    UNSUPPORTED_GRANT_TYPE = UnsupportedGrantType, "This grant type is not supported.";
    /// Bearer authentication at introspection and revocation (RFC 7662 section 2.3).
    UNKNOWN_BEARER = InvalidToken, "The token is unknown, has ended, or is not a client application's own.";

    // What is asked for.
    /// Code, refresh token: unknown, used, ended, another client's.
    INVALID_GRANT = InvalidGrant, "The code or refresh token is unknown, has ended, was used, or was given for another client or redirect URI.";
    /// The password grant: one answer for all.
    WRONG_PASSWORD = InvalidGrant, "Invalid user ID or password.";
    /// Right password, and not enough.
    ACCOUNT_UNUSABLE = InvalidGrant, "The account is inactive, or its password has expired or has to be changed first.";
    /// Unknown, or not for this client, or wider than what was granted.
    INVALID_SCOPE = InvalidScope, "A scope is unknown, or wider than what the client or the grant may have.";
    /// RFC 8707 section 2.
    INVALID_TARGET = InvalidTarget, "A resource is unknown, or not one that the scopes are for.";
    /// An address that no list lets in.
    ADDRESS_REFUSED = AccessDenied, "Requests from this address are not let in.";

    // The authorization request.
    /// RFC 6749 section 4.1.1.
    NO_RESPONSE_TYPE = InvalidRequest, "The parameter response_type is missing.";
    /// Tokens in URLs (RFC 9700 section 2.1.2), and whatever else there is.
    UNSUPPORTED_RESPONSE_TYPE = UnsupportedResponseType, "The only supported response_type is code.";
    /// RFC 7636 section 4.3.
    CHALLENGE_METHOD = InvalidRequest, "The code_challenge_method must be S256.";
    /// RFC 7636 section 4.2.
    CHALLENGE_FORM = InvalidRequest, "The code_challenge must be 43 characters of base64url.";
    /// RFC 7636 section 4.4.1.
    NO_CHALLENGE = InvalidRequest, "The parameter code_challenge is missing, with S256 as its code_challenge_method.";
    /// Not registered for it.
    NOT_REGISTERED_FOR_CODES = UnauthorizedClient, "The client is not registered for authorization codes.";
    /// Shown, never sent on.
    NO_CLIENT_ID = InvalidRequest, "The parameter client_id is missing.";
    /// Shown, never sent on; the same for one that there is and this user may not use.
    NO_SUCH_CLIENT = InvalidClient, "There is no such client application for this user.";
    /// Shown, never sent on.
    OTHER_REDIRECT_URI = InvalidRequest, "The redirect_uri is not one that the client application registered.";
    /// Basic credentials of a user: an unknown name, a wrong password or a locked account.
    WRONG_CREDENTIALS = AccessDenied, "Invalid user ID or password, or none.";
    /// Right credentials, and not enough.
    UNUSABLE_ACCOUNT = AccessDenied, "The account is inactive, or its password has expired or must be changed first.";
    /// A page of another site sent it.
    CROSS_SITE = AccessDenied, "Requests of pages of other sites are not taken here.";
    /// An answer of the consent page that is none.
    NO_DECISION = InvalidRequest, "The parameter decision must be allow or deny.";
    /// Of a page that was shown before the server started, or before another login.
    STALE_FORM = InvalidRequest, "The form is not valid any more.";
    /// HDP's sentence, as it writes it.
    DENIED = AccessDenied, "User denied OAuth access";

    // The server.
    /// Throttled.
    TOO_MANY_FAILURES = TemporarilyUnavailable, "Too many failed attempts. Try again later.";
    /// No writes, a full queue, the start.
    UNAVAILABLE = TemporarilyUnavailable, "The server can not do this at the moment. Try again.";
    /// The writer stopped while the request was under way.
    OUTCOME_UNKNOWN = TemporarilyUnavailable, "The outcome is unknown. Try again.";
    /// Our fault.
    SERVER_ERROR = ServerError, "Something went wrong here. The X-Request-Id of this answer stands beside the reason in the log of the server.";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 section 5.2: `%x20-21 / %x23-5B / %x5D-7E`.
    #[test]
    fn every_sentence_consists_of_what_an_error_description_may() {
        for error in ALL {
            let allowed = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
            assert!(error.description.bytes().all(allowed), "{error}");
            assert!(error.description.ends_with('.') || *error == DENIED, "{error}");
        }
    }

    #[test]
    fn no_two_rows_say_the_same() {
        for (number, error) in ALL.iter().enumerate() {
            assert!(!ALL[..number].contains(error), "{error}");
        }
    }
}
