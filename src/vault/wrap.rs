//! Wrapping of keys for the key store, under the generation keys.
//!
//! A wrapped key = version u8 (1) ‖ generation u32 little-endian ‖ nonce (12 bytes) ‖ ciphertext (48 bytes). Its associated data names
//! the ledger, the generation and the entry it stands under, so that no entry opens in another's place.

use events::id::LedgerId;

use super::{
    VaultError,
    aead::{self, NONCE_LEN, TAG_LEN},
    keys_file::{Generation, GenerationKeys},
    secret::KeyBytes,
};
use crate::clock::Random;

const VERSION: u8 = 1;
const LEN: usize = 1 + 4 + NONCE_LEN + 32 + TAG_LEN;
const DOMAIN: &[u8] = b"authledger wrapped key v1";

/// Wraps under the current generation, unwraps under any that is left.
pub(super) struct Wrapping {
    ledger: LedgerId,
    generations: GenerationKeys,
}

impl Wrapping {
    /// `generations` as the keys file gives them: ascending, at least one.
    pub(super) fn new(ledger: LedgerId, generations: GenerationKeys) -> Self {
        Self { ledger, generations }
    }

    pub(super) fn wrap(&self, entry: &[u8], key: &KeyBytes, random: &dyn Random) -> Vec<u8> {
        let (generation, wrapping_key) = self.generations.last().expect("a keys file has a generation");
        let associated = self.associated(*generation, entry);
        let (nonce, ciphertext) = aead::encrypt(wrapping_key, &associated, key.expose(), random);
        let mut wrapped = Vec::with_capacity(LEN);
        wrapped.push(VERSION);
        wrapped.extend_from_slice(&generation.0.to_le_bytes());
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(&ciphertext);
        wrapped
    }

    /// `what` is what the error calls the entry.
    pub(super) fn unwrap(
        &self,
        what: &'static str,
        entry: &[u8],
        wrapped: &[u8],
    ) -> Result<KeyBytes, VaultError> {
        let damaged = || VaultError::Damaged { entry: what };
        let (version, rest) = wrapped.split_first().ok_or_else(damaged)?;
        let (generation, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or_else(damaged)?;
        if *version != VERSION {
            return Err(damaged());
        }
        let generation = Generation(u32::from_le_bytes(*generation));
        let (_, key) = self
            .generations
            .iter()
            .find(|(number, _)| *number == generation)
            .ok_or(VaultError::UnknownGeneration { entry: what, generation })?;
        aead::decrypt(key, &self.associated(generation, entry), nonce, ciphertext)
            .and_then(|key| KeyBytes::from_slice(&key))
            .ok_or_else(damaged)
    }

    fn associated(&self, generation: Generation, entry: &[u8]) -> Vec<u8> {
        [DOMAIN, &self.ledger.0, &generation.0.to_le_bytes(), entry].concat()
    }
}
