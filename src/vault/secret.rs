//! Values that leave memory when they are dropped and never show in `Debug`.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize, Zeroizing};

/// A secret text in the clear: a password, a client secret, a user name on its way to being sealed.
///
/// It has no `Display` and no `Serialize`: whoever shows it says so, by [`PlainSecret::expose`]. Comparing two is for
/// tests and for values that an attacker can't time; passwords are compared by Argon2.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    /// Takes the text over; copies of it that the caller made before are his.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Copies text from bytes; `None` when they are not UTF-8.
    pub fn from_utf8(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().map(Self::from)
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainSecret(..)")
    }
}

impl From<&str> for PlainSecret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl From<String> for PlainSecret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for PlainSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// 256 bits of key, wiped when dropped. The types around it say what it is the key of.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeyBytes(Zeroizing<[u8; 32]>);

impl KeyBytes {
    pub(super) fn new(mut bytes: [u8; 32]) -> Self {
        let key = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        key
    }

    /// A key of 32 bytes that were just unwrapped; `None` for another length.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes: &[u8; 32]| Self(Zeroizing::new(*bytes)))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBytes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_silent_in_debug() {
        assert_eq!(format!("{:?}", PlainSecret::from("canary")), "PlainSecret(..)");
        assert_eq!(format!("{:?}", KeyBytes::new([7; 32])), "KeyBytes(..)");
        assert_eq!(format!("{:?}", Some(PlainSecret::from("canary"))), "Some(PlainSecret(..))");
    }
}
