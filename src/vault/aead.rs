//! AES-256-GCM-SIV (RFC 8452), the one cipher of the vault. A repeated nonce costs it little: it shows only that the same
//! text was sealed twice under the same key.

use aes_gcm_siv::{
    Aes256GcmSiv, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use super::secret::KeyBytes;
use crate::clock::{Random, draw};

/// Bytes of a nonce.
pub(super) const NONCE_LEN: usize = 12;
/// Bytes by which a ciphertext is longer than its plaintext.
pub(super) const TAG_LEN: usize = 16;

/// Encrypts under a nonce drawn for this call.
pub(super) fn encrypt(
    key: &KeyBytes,
    associated: &[u8],
    plaintext: &[u8],
    random: &dyn Random,
) -> ([u8; NONCE_LEN], Vec<u8>) {
    let nonce: [u8; NONCE_LEN] = draw(random);
    let ciphertext = Aes256GcmSiv::new(key.expose().into())
        .encrypt(&Nonce::from(nonce), Payload { msg: plaintext, aad: associated })
        .expect("only texts above 64 GiB are refused");
    (nonce, ciphertext)
}

/// Decrypts; `None` when key, nonce, associated data or ciphertext are not those of the encryption.
pub(super) fn decrypt(
    key: &KeyBytes,
    associated: &[u8],
    nonce: &[u8; NONCE_LEN],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    Aes256GcmSiv::new(key.expose().into())
        .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: associated })
        .ok()
        .map(Zeroizing::new)
}
