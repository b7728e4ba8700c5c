//! Encrypted values as they stand in leaves. Sealing and opening need keys and live in the server's vault.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The one algorithm so far: AES-256-GCM-SIV (RFC 8452).
const ALG_AES_256_GCM_SIV: u8 = 1;

/// Bytes of a sealed value before its ciphertext: algorithm, key id, nonce.
const PREFIX_LEN: usize = 1 + 32 + 12;

/// Bytes of the tag at the ciphertext's end.
const TAG_LEN: usize = 16;

/// `BLAKE3 derive_key("authledger 2026 data key id v1", data key)`: names the key and commits to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub [u8; 32]);

// In bytes the 32 of them, for people and their tools hex.
impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What a sealed value is, bound into its associated data so that one field's ciphertext never opens as another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Field(pub u16);

// In bytes the number, for people the name.
impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name().filter(|_| serializer.is_human_readable()) {
            Some(name) => serializer.serialize_str(name),
            None => self.0.serialize(serializer),
        }
    }
}

impl Field {
    /// The network address a command came from, under the key of the acting user; stream kind 4.
    pub const ORIGIN: Self = Self(1);
    /// A user's name.
    pub const USER_NAME: Self = Self(2);
    /// A user's password hash, as a PHC string.
    pub const PASSWORD_HASH: Self = Self(3);
    /// Free text about an object.
    pub const DESCRIPTION: Self = Self(4);
    /// The secret a provider gave us.
    pub const CLIENT_SECRET: Self = Self(5);
    /// A provider's access token.
    pub const ACCESS_TOKEN: Self = Self(6);
    /// A provider's refresh token.
    pub const REFRESH_TOKEN: Self = Self(7);
    /// An option of a data source; its name is bound in as well.
    pub const OPTION: Self = Self(8);
    /// The addresses that one user's requests may come from.
    pub const IP_WHITELIST: Self = Self(9);

    /// The field's name as audit output shows it.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::ORIGIN => "origin",
            Self::USER_NAME => "userName",
            Self::PASSWORD_HASH => "passwordHash",
            Self::DESCRIPTION => "description",
            Self::CLIENT_SECRET => "clientSecret",
            Self::ACCESS_TOKEN => "accessToken",
            Self::REFRESH_TOKEN => "refreshToken",
            Self::OPTION => "option",
            Self::IP_WHITELIST => "ipWhitelist",
            _ => return None,
        })
    }
}

/// `algorithm u8 (1) ‖ key_id [32] ‖ nonce [12] ‖ ciphertext with its 16-byte tag`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The data key it is sealed under.
    pub key_id: KeyId,
    /// Drawn anew for each sealing.
    pub nonce: [u8; 12],
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
}

impl Sealed {
    /// The wire form: prefix, then the ciphertext to the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PREFIX_LEN + self.ciphertext.len());
        bytes.push(ALG_AES_256_GCM_SIV);
        bytes.extend_from_slice(&self.key_id.0);
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.ciphertext);
        bytes
    }

    /// Reads the wire form; `None` when it is too short or of an unknown algorithm.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (alg, rest) = bytes.split_first()?;
        let (key_id, rest) = rest.split_first_chunk::<32>()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<12>()?;
        (*alg == ALG_AES_256_GCM_SIV && ciphertext.len() >= TAG_LEN).then(|| Self {
            key_id: KeyId(*key_id),
            nonce: *nonce,
            ciphertext: ciphertext.to_vec(),
        })
    }

    /// Length of the wire form in bytes.
    pub fn wire_len(&self) -> usize {
        PREFIX_LEN + self.ciphertext.len()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes under {})", self.ciphertext.len(), self.key_id)
    }
}

// In a body a sealed value is a byte string: u64 length, then the wire form. One form everywhere, so that a reader
// needs one function. Where people read, ciphertext would only be noise.
impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str("(sealed)");
        }
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wire;
        impl de::Visitor<'_> for Wire {
            type Value = Sealed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sealed value")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Sealed, E> {
                Sealed::from_bytes(bytes)
                    .ok_or_else(|| E::custom("sealed value is too short or of an unknown algorithm"))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Sealed, E> {
                self.visit_bytes(&bytes)
            }
        }
        deserializer.deserialize_byte_buf(Wire)
    }
}

/// What a PUT does to a secret that need not be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecretChange {
    /// 0: left out, so that the one before stays.
    #[default]
    Kept,
    /// 1: taken away.
    Cleared,
    /// 2: another one.
    Replaced(Sealed),
}

impl SecretChange {
    /// The secret after this change of the one before.
    #[must_use]
    pub fn of(&self, before: Option<&Sealed>) -> Option<Sealed> {
        match self {
            Self::Kept => before.cloned(),
            Self::Cleared => None,
            Self::Replaced(sealed) => Some(sealed.clone()),
        }
    }

    /// The new secret, if there is one.
    pub fn replacement(&self) -> Option<&Sealed> {
        match self {
            Self::Kept | Self::Cleared => None,
            Self::Replaced(sealed) => Some(sealed),
        }
    }
}

// In bytes its number, and after a 2 the secret; for people a word.
impl Serialize for SecretChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let readable = serializer.is_human_readable();
        match self {
            Self::Kept if readable => serializer.serialize_str("(kept)"),
            Self::Cleared if readable => serializer.serialize_str("(cleared)"),
            Self::Replaced(sealed) if readable => sealed.serialize(serializer),
            Self::Kept => 0_u8.serialize(serializer),
            Self::Cleared => 1_u8.serialize(serializer),
            Self::Replaced(sealed) => (2_u8, sealed).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SecretChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wire;
        impl<'de> de::Visitor<'de> for Wire {
            type Value = SecretChange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a change of a secret")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut wire: A) -> Result<SecretChange, A::Error> {
                let missing = || de::Error::custom("a change of a secret is cut short");
                match wire.next_element::<u8>()?.ok_or_else(missing)? {
                    0 => Ok(SecretChange::Kept),
                    1 => Ok(SecretChange::Cleared),
                    2 => wire.next_element()?.map(SecretChange::Replaced).ok_or_else(missing),
                    _ => Err(de::Error::custom("a change of a secret is 0, 1 or 2")),
                }
            }
        }
        deserializer.deserialize_tuple(2, Wire)
    }
}
