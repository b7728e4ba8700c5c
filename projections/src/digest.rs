//! One hash over the whole state, so that a live server, a replay and a snapshot can be compared by 32 bytes.

use std::fmt;

use bincode::config;
use serde::Serialize;

use crate::table::Table;

/// Which rows and which order the digest covers; a release that changes either counts this up.
pub const DIGEST_VERSION: u16 = 2;

const CONTEXT: &str = "authledger 2026 state digest v2";

/// `BLAKE3 derive_key("authledger 2026 state digest v2")` over, for each primary table in fixed order:
/// name (u64 length ‖ bytes) ‖ row count u64 ‖ rows in key order, each in the codec of event bodies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StateDigest(pub [u8; 32]);

impl fmt::Display for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateDigest({self})")
    }
}

/// A digest in the making.
pub(crate) struct Digest {
    hasher: blake3::Hasher,
}

impl Digest {
    pub(crate) fn new() -> Self {
        Self { hasher: blake3::Hasher::new_derive_key(CONTEXT) }
    }

    pub(crate) fn table<K: Ord + Clone + Serialize, V: Serialize>(
        &mut self,
        name: &str,
        table: &Table<'_, K, V>,
    ) {
        self.length(name.len());
        self.hasher.update(name.as_bytes());
        self.length(table.all().count());
        let mut row = Vec::new();
        for entry in table.all() {
            row.clear();
            bincode::serde::encode_into_std_write(entry, &mut row, config::legacy())
                .expect("rows are plain structs, which the codec always writes to memory");
            self.hasher.update(&row);
        }
    }

    fn length(&mut self, length: usize) {
        self.hasher.update(&(length as u64).to_le_bytes());
    }

    pub(crate) fn finish(self) -> StateDigest {
        StateDigest(*self.hasher.finalize().as_bytes())
    }
}
