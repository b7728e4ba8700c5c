//! Basic credentials (RFC 7617), read strictly: what is not exactly right authenticates nobody.

use base64::{Engine, prelude::BASE64_STANDARD};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::vault::PlainSecret;

/// Longest header value that is looked at, in bytes: room for 128 characters each of name and password, several times.
const HEADER_LEN_MAX: usize = 4_096;

/// Name and password as sent, not yet known to be anybody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicCredentials {
    /// Up to the first colon.
    pub name: PlainSecret,
    /// All after it, colons included.
    pub password: PlainSecret,
}

/// Why a header holds no Basic credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BasicError {
    /// `Bearer` or something else that is not ours to judge.
    #[error("the Authorization header has another scheme than Basic")]
    OtherScheme,
    /// Not base64 of UTF-8 text with a colon and without control characters.
    #[error("the Authorization header holds no readable Basic credentials")]
    Malformed,
}

impl BasicCredentials {
    /// Reads the value of an `Authorization` header. Names and passwords are UTF-8, as our challenge says; nothing is
    /// percent-decoded, since HDP's clients don't encode.
    pub fn parse(header: &[u8]) -> Result<Self, BasicError> {
        let (scheme, token) =
            header.split_at(header.iter().position(|byte| *byte == b' ').unwrap_or(header.len()));
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Err(BasicError::OtherScheme);
        }
        let token = token.trim_ascii_start();
        if token.is_empty() || header.len() > HEADER_LEN_MAX {
            return Err(BasicError::Malformed);
        }
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(token).map_err(|_| BasicError::Malformed)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| BasicError::Malformed)?;
        let (name, password) = text.split_once(':').ok_or(BasicError::Malformed)?;
        if text.chars().any(char::is_control) {
            return Err(BasicError::Malformed);
        }
        Ok(Self { name: name.into(), password: password.into() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(text: &[u8]) -> Vec<u8> {
        format!("Basic {}", BASE64_STANDARD.encode(text)).into_bytes()
    }

    #[test]
    fn the_first_colon_parts_name_and_password() {
        for (text, name, password) in [
            ("d2cadmin:secret", "d2cadmin", "secret"),
            ("a:b:c:", "a", "b:c:"),
            (":x", "", "x"),
            ("Ärger:пароль %20+", "Ärger", "пароль %20+"),
            ("x:", "x", ""),
        ] {
            let read = BasicCredentials::parse(&header(text.as_bytes())).expect(text);
            assert_eq!((read.name.expose(), read.password.expose()), (name, password));
        }
        assert!(
            BasicCredentials::parse(b"bAsIc  YTpi").is_ok(),
            "schemes know no case (RFC 9110 section 11.1)"
        );
    }

    #[test]
    fn what_is_not_exactly_right_is_refused() {
        for value in [&b"Bearer abc"[..], b"", b"Basi YTpi", b"YTpi"] {
            assert_eq!(BasicCredentials::parse(value), Err(BasicError::OtherScheme), "{value:?}");
        }
        let long = header(&[b'a'; 4_000]);
        for value in [
            &b"Basic"[..],
            b"Basic ",
            b"Basic YTpi=",
            b"Basic YTp",
            b"Basic YTpj\xff",
            b"Basic YT pi",
            b"Basic YTpi YTpi",
            b"Basic YTpi,",
            b"Basic YTpiYQ",
            b"Basic YTpiYR==",
            b"Basic _-8=",
            &header(b"no colon"),
            &header(b"a:\xff\xfe"),
            &header(b"a\nb:c"),
            &header(b"a:b\0"),
            &long,
        ] {
            assert_eq!(BasicCredentials::parse(value), Err(BasicError::Malformed), "{value:?}");
        }
    }

    #[test]
    fn credentials_are_silent_in_debug() {
        let read = BasicCredentials::parse(&header(b"canary:canary")).expect("valid");
        assert!(!format!("{read:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(value in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = BasicCredentials::parse(&value);
            let _ = BasicCredentials::parse(&[b"Basic ", &value[..]].concat());
        }

        #[test]
        fn every_allowed_pair_comes_back(name in "[^:\\p{Cc}]{0,30}", password in "[^\\p{Cc}]{0,30}") {
            let read = BasicCredentials::parse(&header(format!("{name}:{password}").as_bytes())).expect("allowed");
            prop_assert_eq!(read.name.expose(), name);
            prop_assert_eq!(read.password.expose(), password);
        }
    }
}
