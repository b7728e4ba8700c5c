//! Proof Key for Code Exchange (RFC 7636): a code is worth nothing to who does not know what its challenge was made from.
//!
//! `S256` alone. With `plain` the challenge is the verifier, and who reads the authorization request can redeem the code; a
//! challenge without a method means `plain`, so it is refused too.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Lengths of a verifier (RFC 7636 section 4.1).
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;

/// The SHA-256 of a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge(pub [u8; 32]);

/// What is wrong with a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadChallenge {
    /// Another method than `S256`, or none.
    #[error("the code_challenge_method must be S256")]
    Method,
    /// No SHA-256 in base64url.
    #[error("the code_challenge must be 43 characters of base64url")]
    Form,
    /// A method, but no challenge.
    #[error("a code_challenge_method needs a code_challenge")]
    Missing,
}

impl Challenge {
    /// Reads the two parameters of an authorization request; `None` when neither was sent.
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, BadChallenge> {
        let Some(challenge) = challenge else {
            return if method.is_some() { Err(BadChallenge::Missing) } else { Ok(None) };
        };
        if method != Some("S256") {
            return Err(BadChallenge::Method);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(challenge).map_err(|_| BadChallenge::Form)?;
        bytes.try_into().map(|bytes| Some(Self(bytes))).map_err(|_| BadChallenge::Form)
    }

    /// Of a verifier.
    pub fn of(verifier: &str) -> Self {
        Self(Sha256::digest(verifier.as_bytes()).into())
    }
}

/// The `code_verifier` of a token request, as far as it is needed to judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verifier {
    /// None was sent.
    Missing,
    /// One that can't be one: too short, too long, or of other characters.
    Unusable,
    /// What its challenge would be.
    Makes(Challenge),
}

impl Verifier {
    /// Reads the parameter.
    pub fn read(sent: Option<&str>) -> Self {
        match sent {
            None => Self::Missing,
            Some(text) if is_verifier(text) => Self::Makes(Challenge::of(text)),
            Some(_) => Self::Unusable,
        }
    }

    /// Whether a token request proves that it comes from who sent the authorization request with this challenge. A verifier
    /// where no challenge was is refused as well: somebody took the challenge out of the request (RFC 9700 section 4.8).
    pub fn proves(&self, challenge: Option<&[u8; 32]>) -> bool {
        match (self, challenge) {
            (Self::Missing, None) => true,
            (Self::Makes(made), Some(challenge)) => made.0.ct_eq(challenge).into(),
            (Self::Missing, Some(_)) | (Self::Makes(_), None) | (Self::Unusable, _) => false,
        }
    }
}

/// Unreserved characters of RFC 3986, enough of them.
fn is_verifier(text: &str) -> bool {
    VERIFIER_CHARS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_proven(challenge: Option<&[u8; 32]>, verifier: Option<&str>) -> bool {
        Verifier::read(verifier).proves(challenge)
    }

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_is_understood() {
        let challenge = Challenge::parse(Some(CHALLENGE), Some("S256")).expect("good").expect("sent");
        assert_eq!(challenge, Challenge::of(VERIFIER));
        assert!(is_proven(Some(&challenge.0), Some(VERIFIER)));
    }

    #[test]
    fn s05_a_challenge_is_s256_and_says_so() {
        for (challenge, method, read) in [
            (None, None, Ok(None)),
            (Some(CHALLENGE), Some("S256"), Ok(Some(Challenge::of(VERIFIER)))),
            (Some(CHALLENGE), None, Err(BadChallenge::Method)),
            (Some(CHALLENGE), Some("plain"), Err(BadChallenge::Method)),
            (Some(VERIFIER), Some("s256"), Err(BadChallenge::Method)),
            (Some("short"), Some("S256"), Err(BadChallenge::Form)),
            // The last character carries two bits that mean nothing and have to be zero: one text for one challenge.
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN"), Some("S256"), Err(BadChallenge::Form)),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"), Some("S256"), Err(BadChallenge::Form)),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="), Some("S256"), Err(BadChallenge::Form)),
            (None, Some("S256"), Err(BadChallenge::Missing)),
        ] {
            assert_eq!(Challenge::parse(challenge, method), read, "{challenge:?} {method:?}");
        }
    }

    #[test]
    fn s06_a_verifier_is_the_one_of_the_challenge_and_comes_only_with_one() {
        let challenge = Challenge::of(VERIFIER).0;
        let (short, long) = ("a".repeat(42), "a".repeat(129));
        for (challenge, verifier, proven) in [
            (None, None, true),
            (None, Some(VERIFIER), false),
            (Some(challenge), None, false),
            (Some(challenge), Some(""), false),
            (Some(challenge), Some(CHALLENGE), false),
            (Some(challenge), Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"), false),
            (Some(Challenge::of(&short).0), Some(short.as_str()), false),
            (Some(Challenge::of(&long).0), Some(long.as_str()), false),
            (Some(challenge), Some(VERIFIER), true),
        ] {
            assert_eq!(is_proven(challenge.as_ref(), verifier), proven, "{verifier:?}");
        }
        let spaced = format!("{} {}", &VERIFIER[..20], &VERIFIER[20..]);
        assert!(!is_proven(Some(&Challenge::of(&spaced).0), Some(&spaced)));
    }
}
