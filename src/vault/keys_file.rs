//! `<data-dir>/keys`: the ledger's id, the generation keys wrapped by the master key, and a check value by which a wrong
//! master key is named before anything else is opened.
//!
//! ```text
//! authledger keys 1
//! ledger 00112233445566778899aabbccddeeff
//! check 16 bytes, derived from the master key and the ledger's id
//! generation 1 nonce [12] ‖ ciphertext [48]
//! sum BLAKE3 of everything above
//! ```
//!
//! All values are hexadecimal. There is one `generation` line, or two while keys are being rewrapped; the last one is the
//! current one. The sum tells damage from a wrong key; it protects against nobody.

use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
};

use events::id::LedgerId;
use thiserror::Error;

use super::{
    aead::{self, NONCE_LEN, TAG_LEN},
    files,
    master::MasterKey,
    secret::KeyBytes,
};
use crate::clock::{Random, draw};

/// The file's name inside the data directory.
pub const KEYS_FILE: &str = "keys";

const FIRST_LINE: &str = "authledger keys 1";
const WRAP_DOMAIN: &[u8] = b"authledger generation key v1";

/// Why the keys file does not open.
#[derive(Debug, Error)]
pub enum KeysFileError {
    /// There is none: not a ledger, or not whole.
    #[error("{path} is missing: this is no ledger's directory, or not all of it")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be read or written.
    #[error("{path} could not be {operation}: {kind}")]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        operation: &'static str,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// The file is not what we wrote.
    #[error("{path} is damaged ({what}); restore it from the key part of a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        what: &'static str,
    },
    /// A version that this program does not know.
    #[error("{path} was written by a newer version of authledger")]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The master key is some other ledger's, or an older one of this ledger.
    #[error("this is not the master key of ledger {ledger}; nothing was opened or changed")]
    WrongMasterKey {
        /// The ledger that the file belongs to.
        ledger: LedgerId,
    },
}

/// A generation key's number; it rises by one with each generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

#[derive(Clone, PartialEq, Eq, Debug)]
struct WrappedGeneration {
    number: Generation,
    nonce: [u8; NONCE_LEN],
    ciphertext: [u8; 32 + TAG_LEN],
}

/// The file as it was read or will be written. It holds nothing in the clear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeysFile {
    ledger: LedgerId,
    check: [u8; 16],
    /// In ascending order, never empty.
    generations: Vec<WrappedGeneration>,
}

/// Generation keys in the clear, ascending; the last one is the current one.
pub(super) type GenerationKeys = Vec<(Generation, KeyBytes)>;

impl KeysFile {
    /// The file of a new ledger, with its first generation.
    pub fn create(master: &MasterKey, ledger: LedgerId, random: &dyn Random) -> Self {
        let number = Generation(1);
        let key = KeyBytes::new(draw(random));
        let (nonce, ciphertext) =
            aead::encrypt(&master.wrap_key(ledger), &associated(ledger, number), key.expose(), random);
        let ciphertext = ciphertext.try_into().expect("a key and a tag");
        Self {
            ledger,
            check: master.check_value(ledger),
            generations: vec![WrappedGeneration { number, nonce, ciphertext }],
        }
    }

    /// Whose keys these are.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Whether this is the file's master key; asked before anything is opened, since opening may change files.
    pub fn check(&self, master: &MasterKey) -> Result<(), KeysFileError> {
        if master.check_value(self.ledger) == self.check {
            Ok(())
        } else {
            Err(KeysFileError::WrongMasterKey { ledger: self.ledger })
        }
    }

    /// Reads the file of a data directory.
    pub fn read(dir: &Path) -> Result<Self, KeysFileError> {
        let path = dir.join(KEYS_FILE);
        match files::read(&path) {
            Ok(file) => Self::parse(&file.text, &path),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::NotFound => KeysFileError::Missing { path },
                io::ErrorKind::InvalidData => KeysFileError::Damaged { path, what: "not a small text file" },
                kind => KeysFileError::Io { path, operation: "read", kind },
            }),
        }
    }

    /// Writes or replaces the file of a data directory, durable on return.
    pub fn write(&self, dir: &Path) -> Result<(), KeysFileError> {
        let path = dir.join(KEYS_FILE);
        files::replace(&path, self.to_text().as_bytes()).map_err(|error| KeysFileError::Io {
            path,
            operation: "written",
            kind: error.kind(),
        })
    }

    pub(super) fn unwrap(&self, master: &MasterKey) -> Result<GenerationKeys, KeysFileError> {
        self.check(master)?;
        let wrap_key = master.wrap_key(self.ledger);
        self.generations
            .iter()
            .map(|wrapped| {
                let associated = associated(self.ledger, wrapped.number);
                aead::decrypt(&wrap_key, &associated, &wrapped.nonce, &wrapped.ciphertext)
                    .and_then(|key| KeyBytes::from_slice(&key))
                    .map(|key| (wrapped.number, key))
                    .ok_or_else(|| KeysFileError::Damaged {
                        path: KEYS_FILE.into(),
                        what: "a generation key",
                    })
            })
            .collect()
    }

    fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\nledger {}\ncheck {}\n", self.ledger, hex::encode(self.check));
        for WrappedGeneration { number, nonce, ciphertext } in &self.generations {
            let (nonce, ciphertext) = (hex::encode(nonce), hex::encode(ciphertext));
            writeln!(text, "generation {} {nonce}{ciphertext}", number.0).expect("a string takes text");
        }
        let sum = blake3::hash(text.as_bytes());
        writeln!(text, "sum {sum}").expect("a string takes text");
        text
    }

    fn parse(text: &str, path: &Path) -> Result<Self, KeysFileError> {
        let damaged = |what| KeysFileError::Damaged { path: path.to_owned(), what };
        if text.starts_with("authledger keys ") && text.lines().next() != Some(FIRST_LINE) {
            return Err(KeysFileError::Newer { path: path.to_owned() });
        }
        let body_len = text.rfind("sum ").ok_or_else(|| damaged("it has no sum"))?;
        let (body, sum) = text.split_at(body_len);
        if sum != format!("sum {}\n", blake3::hash(body.as_bytes())) {
            return Err(damaged("its sum does not hold"));
        }
        Self::parse_body(body).ok_or_else(|| damaged("a line is not as it should be"))
    }

    fn parse_body(body: &str) -> Option<Self> {
        let mut lines = body.lines();
        lines.next().filter(|line| *line == FIRST_LINE)?;
        let ledger = LedgerId(from_hex(lines.next()?.strip_prefix("ledger ")?)?);
        let check = from_hex(lines.next()?.strip_prefix("check ")?)?;
        let mut generations: Vec<WrappedGeneration> = Vec::new();
        for line in lines {
            let (number, wrapped) = line.strip_prefix("generation ")?.split_once(' ')?;
            let number = Generation(number.parse().ok()?);
            let wrapped: [u8; NONCE_LEN + 32 + TAG_LEN] = from_hex(wrapped)?;
            let (nonce, ciphertext) = wrapped.split_first_chunk()?;
            if generations.last().is_some_and(|last| last.number >= number) {
                return None;
            }
            generations.push(WrappedGeneration {
                number,
                nonce: *nonce,
                ciphertext: ciphertext.try_into().ok()?,
            });
        }
        (!generations.is_empty()).then_some(Self { ledger, check, generations })
    }
}

fn associated(ledger: LedgerId, number: Generation) -> Vec<u8> {
    [WRAP_DOMAIN, &ledger.0, &number.0.to_le_bytes()].concat()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::clock::SeededRandom;

    const LEDGER: LedgerId = LedgerId([0xab; 16]);

    fn master(seed: u64) -> MasterKey {
        MasterKey::generate(&SeededRandom::new(seed))
    }

    fn file() -> KeysFile {
        KeysFile::create(&master(1), LEDGER, &SeededRandom::new(2))
    }

    #[test]
    fn a_written_file_reads_back_and_opens() {
        let directory = tempfile::tempdir().expect("a directory");
        file().write(directory.path()).expect("written");
        file().write(directory.path()).expect("replaced");
        let read = KeysFile::read(directory.path()).expect("read");
        assert_eq!(read, file());
        assert_eq!(read.ledger(), LEDGER);
        let keys = read.unwrap(&master(1)).expect("the right key");
        assert_eq!(keys.len(), 1);
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_wrong_master_key_is_named_as_such() {
        let refusal = file().unwrap(&master(9)).expect_err("another key");
        assert!(matches!(refusal, KeysFileError::WrongMasterKey { ledger: LEDGER }));
        assert!(refusal.to_string().contains(&LEDGER.to_string()));
    }

    #[test]
    fn every_changed_byte_is_damage_and_never_a_wrong_key() {
        let text = file().to_text();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).expect("still ASCII");
            let refusal = KeysFile::parse(&changed, Path::new("keys")).expect_err("changed");
            assert!(
                matches!(refusal, KeysFileError::Damaged { .. } | KeysFileError::Newer { .. }),
                "byte {at}: {refusal}"
            );
        }
        for len in 0..text.len() {
            assert!(KeysFile::parse(&text[..len], Path::new("keys")).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn a_newer_file_and_a_missing_one_are_said_so() {
        let newer = file().to_text().replace("keys 1", "keys 2");
        assert!(matches!(KeysFile::parse(&newer, Path::new("keys")), Err(KeysFileError::Newer { .. })));
        let directory = tempfile::tempdir().expect("a directory");
        assert!(matches!(KeysFile::read(directory.path()), Err(KeysFileError::Missing { .. })));
    }
}
