//! One hash over the whole state, so that a live server, a replay and a snapshot can be compared by 32 bytes.

use std::io::{self, Write};

pub use events::ledger::StateDigest;

/// Which rows and which order the digest covers; a release that changes either counts this up.
pub const DIGEST_VERSION: u16 = 4;

const CONTEXT: &str = "authledger 2026 state digest v4";

/// A digest in the making: `BLAKE3 derive_key("authledger 2026 state digest v4")` over the primary tables in fixed order, in
/// the bytes that [`State::write`] writes.
///
/// [`State::write`]: crate::State::write
#[derive(Debug)]
pub struct DigestWriter {
    hasher: blake3::Hasher,
}

impl Default for DigestWriter {
    fn default() -> Self {
        Self { hasher: blake3::Hasher::new_derive_key(CONTEXT) }
    }
}

impl DigestWriter {
    /// The digest of what was written.
    pub fn finish(&self) -> StateDigest {
        StateDigest(*self.hasher.finalize().as_bytes())
    }
}

impl Write for DigestWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
