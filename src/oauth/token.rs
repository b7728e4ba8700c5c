//! What our codes, tokens and client secrets look like, and the hashes that are kept of them (TOKENS section 1).
//!
//! ```text
//! alcs_ alat_ alac_   43 characters of base62 (256 random bits)                                    + 6 of CRC-32
//! alrt_               81 characters of base62 (family 8 B, generation 4 B, secret 32 B, tag 16 B)  + 6 of CRC-32
//! ```
//!
//! The prefix and the sum let a scanner find one that leaked, and let us refuse garbage before anything is looked up. The
//! sum covers the prefix and all that follows it. One value has one text: of the digits before the sum, those above what
//! the bytes can hold are refused.
//!
//! A client secret may also be one that another system gave out, and then has any form; so its hash is taken over its text.

use std::marker::PhantomData;

use events::{id::FamilyId, token::TokenHash};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    clock::{Random, draw},
    vault::PlainSecret,
};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of the sum: 62 to the sixth is more than 2 to the 32nd.
const SUM_LEN: usize = 6;
/// Bytes of a secret part.
const SECRET_LEN: usize = 32;
/// Bytes in the text of a refresh token.
const REFRESH_LEN: usize = 8 + 4 + SECRET_LEN + TAG_LEN;
/// Bytes of the tag of a refresh token.
pub const TAG_LEN: usize = 16;

/// A kind of opaque token. The context goes into its hash, so that the hash of a code never means a token.
pub trait Kind {
    /// How its text begins.
    const PREFIX: &'static str;
    /// Of BLAKE3's `derive_key`.
    const CONTEXT: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $prefix:literal $context:literal, $(#[$token_doc:meta])* $token:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $kind {}

        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
            const CONTEXT: &'static str = $context;
        }

        $(#[$token_doc])*
        pub type $token = Opaque<$kind>;
    )*};
}

kinds! {
    /// Names access tokens.
    Access "alat_" "authledger 2026 access token v1",
    /// What a client application shows to a resource.
    AccessToken;
    /// Names authorization codes.
    Code "alac_" "authledger 2026 authorization code v1",
    /// What a browser carries to a client application.
    AuthorizationCode;
}

const REFRESH_PREFIX: &str = "alrt_";
const REFRESH_CONTEXT: &str = "authledger 2026 refresh token v1";
const SECRET_PREFIX: &str = "alcs_";
const SECRET_CONTEXT: &str = "authledger 2026 client secret v1";

/// 256 bits in the clear that only their holder knows. Silent in `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct Opaque<K>(Zeroizing<[u8; SECRET_LEN]>, PhantomData<K>);

impl<K: Kind> Opaque<K> {
    /// One that nobody has seen.
    pub fn draw(random: &dyn Random) -> Self {
        Self::new(Zeroizing::new(draw(random)))
    }

    /// Of bytes that were derived.
    pub fn new(secret: Zeroizing<[u8; SECRET_LEN]>) -> Self {
        Self(secret, PhantomData)
    }

    /// Reads a text; `None` when it can't be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self::new(read(K::PREFIX, text)?))
    }

    /// As it is given out.
    pub fn text(&self) -> PlainSecret {
        write(K::PREFIX, &*self.0)
    }

    /// By which it is recognised.
    pub fn hash(&self) -> TokenHash {
        TokenHash(blake3::derive_key(K::CONTEXT, &*self.0))
    }
}

impl<K: Kind> std::fmt::Debug for Opaque<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(..)", K::PREFIX)
    }
}

/// A new client secret.
pub fn draw_client_secret(random: &dyn Random) -> PlainSecret {
    let secret: Zeroizing<[u8; SECRET_LEN]> = Zeroizing::new(draw(random));
    write(SECRET_PREFIX, &*secret)
}

/// By which a client secret is recognised, ours or another system's.
pub fn client_secret_hash(secret: &str) -> TokenHash {
    TokenHash(blake3::derive_key(SECRET_CONTEXT, secret.as_bytes()))
}

/// Whether two hashes are equal, in a time that says nothing of where they differ.
pub fn same(left: &TokenHash, right: &TokenHash) -> bool {
    left.0.ct_eq(&right.0).into()
}

/// The secret part of a refresh token. Silent in `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct RefreshSecret(Zeroizing<[u8; SECRET_LEN]>);

impl RefreshSecret {
    /// Of a family's first token.
    pub fn draw(random: &dyn Random) -> Self {
        Self(Zeroizing::new(draw(random)))
    }

    /// Of bytes that were derived.
    pub fn new(secret: Zeroizing<[u8; SECRET_LEN]>) -> Self {
        Self(secret)
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8; SECRET_LEN] {
        &self.0
    }

    /// By which its token is recognised.
    pub fn hash(&self) -> TokenHash {
        TokenHash(blake3::derive_key(REFRESH_CONTEXT, &*self.0))
    }
}

impl std::fmt::Debug for RefreshSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshSecret(..)")
    }
}

/// A refresh token. Whether we made it says its tag, which [`super::derive::is_genuine`] judges.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// Whose successor and predecessor it is.
    pub family: FamilyId,
    /// How many predecessors it has.
    pub generation: u32,
    /// What nobody else knows.
    pub secret: RefreshSecret,
    /// Of all that stands before it.
    pub tag: [u8; TAG_LEN],
}

impl RefreshToken {
    /// Reads a text; `None` when it can't be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: Zeroizing<[u8; REFRESH_LEN]> = read(REFRESH_PREFIX, text)?;
        let (family, rest) = bytes.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (secret, tag) = rest.split_first_chunk()?;
        Some(Self {
            family: FamilyId(u64::from_be_bytes(*family)),
            generation: u32::from_be_bytes(*generation),
            secret: RefreshSecret(Zeroizing::new(*secret)),
            tag: tag.try_into().ok()?,
        })
    }

    /// As it is given out.
    pub fn text(&self) -> PlainSecret {
        let mut bytes = Zeroizing::new([0; REFRESH_LEN]);
        let (family, rest) = bytes.split_at_mut(8);
        let (generation, rest) = rest.split_at_mut(4);
        let (secret, tag) = rest.split_at_mut(SECRET_LEN);
        family.copy_from_slice(&self.family.0.to_be_bytes());
        generation.copy_from_slice(&self.generation.to_be_bytes());
        secret.copy_from_slice(self.secret.expose());
        tag.copy_from_slice(&self.tag);
        write(REFRESH_PREFIX, &*bytes)
    }

    /// By which it is recognised.
    pub fn hash(&self) -> TokenHash {
        self.secret.hash()
    }
}

/// How many characters of base62 hold so many bytes: the fewest whose values are at least as many.
const fn digits_of(bytes: usize) -> usize {
    // log 256 / log 62, rounded up to a ten-millionth; exact for the two lengths that there are, which a test says.
    (bytes * 13_435_903).div_ceil(10_000_000)
}

fn write(prefix: &str, bytes: &[u8]) -> PlainSecret {
    let len = digits_of(bytes.len());
    let mut text = Zeroizing::new(vec![b'0'; prefix.len() + len + SUM_LEN]);
    text[..prefix.len()].copy_from_slice(prefix.as_bytes());
    let mut number = Zeroizing::new(bytes.to_vec());
    for digit in text[prefix.len()..prefix.len() + len].iter_mut().rev() {
        *digit = DIGITS[usize::from(divide(&mut number))];
    }
    let sum = sum_digits(&text[..prefix.len() + len]);
    text[prefix.len() + len..].copy_from_slice(&sum);
    PlainSecret::from_utf8(&text).expect("prefix and digits are ASCII")
}

fn read<const LEN: usize>(prefix: &str, text: &str) -> Option<Zeroizing<[u8; LEN]>> {
    let digits = digits_of(LEN);
    if text.len() != prefix.len() + digits + SUM_LEN || !text.starts_with(prefix) {
        return None;
    }
    let (body, sum) = text.as_bytes().split_at(prefix.len() + digits);
    if sum_digits(body) != sum {
        return None;
    }
    let mut number = Zeroizing::new([0; LEN]);
    for digit in &body[prefix.len()..] {
        multiply_add(&mut *number, value(*digit)?)?;
    }
    Some(number)
}

/// Divides a big-endian number by 62 and gives the remainder.
fn divide(number: &mut [u8]) -> u8 {
    let mut remainder = 0_u16;
    for byte in number {
        let part = remainder << 8 | u16::from(*byte);
        *byte = u8::try_from(part / 62).expect("a remainder below 62 before it keeps the quotient below 256");
        remainder = part % 62;
    }
    u8::try_from(remainder).expect("a remainder is below 62")
}

/// Multiplies a big-endian number by 62 and adds `digit`; `None` when it has no room for that.
fn multiply_add(number: &mut [u8], digit: u8) -> Option<()> {
    let mut carry = u16::from(digit);
    for byte in number.iter_mut().rev() {
        let part = u16::from(*byte) * 62 + carry;
        let [high, low] = part.to_be_bytes();
        *byte = low;
        carry = u16::from(high);
    }
    (carry == 0).then_some(())
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'Z' => Some(digit - b'A' + 10),
        b'a'..=b'z' => Some(digit - b'a' + 36),
        _ => None,
    }
}

fn sum_digits(text: &[u8]) -> [u8; SUM_LEN] {
    let mut number = crc32(text).to_be_bytes();
    let mut digits = [b'0'; SUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::from(divide(&mut number))];
    }
    digits
}

/// CRC-32 as in zlib and PNG. It is no part of any decision, so it may be slow: a token has 86 characters.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests;
