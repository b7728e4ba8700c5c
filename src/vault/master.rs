//! The master key: 256 bits that the operator keeps, outside the data directory, so that a copy of the directory alone
//! opens nothing. Every key we need from it is derived under a name of its own; it never encrypts anything itself.

use std::{
    io,
    path::{Path, PathBuf},
};

use events::id::LedgerId;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{files, secret::KeyBytes};
use crate::clock::{Random, draw};

/// The environment variable that holds the key where there is no file; `config` reads it.
pub const MASTER_ENV: &str = "AUTHLEDGER_KEYS__MASTER";

const CHECK_CONTEXT: &str = "authledger 2026 master key check v1";
const WRAP_CONTEXT: &str = "authledger 2026 master wrap key v1";
const WITNESS_CONTEXT: &str = "authledger 2026 witness key v1";

/// Why there is no master key. Each says what helps; none shows a byte of a key.
#[derive(Debug, Error)]
pub enum MasterKeyError {
    /// Neither file nor environment variable.
    #[error(
        "the master key is missing: there is no file {path} and {MASTER_ENV} is not set; \
         put the key this ledger was created with in one of the two"
    )]
    Missing {
        /// Where the file should be.
        path: PathBuf,
    },
    /// The file can't be read.
    #[error("the master key file {path} could not be read: {kind}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// Others than the owner may read or change the file.
    #[error("the master key file {path} is open to others (mode {mode:04o}); run: chmod 600 {path}")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What was found is not a key.
    #[error("{place} does not hold a master key: 64 hexadecimal digits are expected")]
    Malformed {
        /// The file, or the setting.
        place: String,
    },
    /// A new key would overwrite an old one, and with it everything the old one opens.
    #[error("{path} exists already; a new ledger does not overwrite a master key, move it away first")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The new key could not be written.
    #[error("the master key file {path} could not be written: {kind}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// A directory such as `/` has no place beside it.
    #[error("there is no place beside the data directory {dir} for a key file; set {MASTER_ENV}")]
    NoPlace {
        /// The data directory.
        dir: PathBuf,
    },
}

/// The operator's key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MasterKey(KeyBytes);

impl MasterKey {
    /// Draws a new one.
    pub fn generate(random: &dyn Random) -> Self {
        Self(KeyBytes::new(draw(random)))
    }

    /// The key that these bytes are.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(KeyBytes::new(*bytes))
    }

    /// Reads 64 hexadecimal digits; blanks and line ends around them are ignored. `place` is named when they aren't.
    pub fn from_hex(text: &str, place: &str) -> Result<Self, MasterKeyError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        match hex::decode_to_slice(text.trim(), &mut bytes[..]) {
            Ok(()) => Ok(Self(KeyBytes::new(*bytes))),
            Err(_) => Err(MasterKeyError::Malformed { place: place.to_owned() }),
        }
    }

    /// The file beside a data directory: `/var/lib/authledger` has `/var/lib/authledger.key`.
    ///
    /// A relative or dotted name is resolved first where the directory exists, so that `.` finds its place too.
    pub fn path_beside(dir: &Path) -> Result<PathBuf, MasterKeyError> {
        let no_place = || MasterKeyError::NoPlace { dir: dir.to_owned() };
        let resolved = if dir.file_name().is_some() {
            dir.to_owned()
        } else {
            dir.canonicalize().map_err(|_| no_place())?
        };
        let mut name = resolved.file_name().ok_or_else(no_place)?.to_owned();
        name.push(".key");
        Ok(resolved.with_file_name(name))
    }

    /// The key of the ledger in `dir`: the configured one when there is one, else that of the file beside the directory.
    pub fn load(configured: Option<&[u8; 32]>, dir: &Path) -> Result<Self, MasterKeyError> {
        match configured {
            Some(bytes) => Ok(Self::from_bytes(bytes)),
            None => Self::read(&Self::path_beside(dir)?),
        }
    }

    /// Reads a key file, and refuses one that others may read.
    pub fn read(path: &Path) -> Result<Self, MasterKeyError> {
        let file = files::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MasterKeyError::Missing { path: path.to_owned() },
            io::ErrorKind::InvalidData => MasterKeyError::Malformed { place: path.display().to_string() },
            kind => MasterKeyError::Unreadable { path: path.to_owned(), kind },
        })?;
        if file.mode & 0o077 != 0 {
            return Err(MasterKeyError::TooOpen { path: path.to_owned(), mode: file.mode });
        }
        Self::from_hex(&file.text, &path.display().to_string())
    }

    /// Writes a new key file, mode 0600, durable before this returns: what is sealed under it comes later.
    pub fn write_new(&self, path: &Path) -> Result<(), MasterKeyError> {
        // Encoded in place: a string that grows would leave a copy of the key behind.
        let mut text = Zeroizing::new([b'\n'; 65]);
        hex::encode_to_slice(self.0.expose(), &mut text[..64]).expect("32 bytes have 64 digits");
        files::create(path, &*text).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => MasterKeyError::Exists { path: path.to_owned() },
            kind => MasterKeyError::Unwritable { path: path.to_owned(), kind },
        })
    }

    /// The key of the witness's MAC.
    pub fn witness_key(&self, ledger: LedgerId) -> Zeroizing<[u8; 32]> {
        self.derive(WITNESS_CONTEXT, ledger)
    }

    /// The key that wraps generation keys.
    pub(super) fn wrap_key(&self, ledger: LedgerId) -> KeyBytes {
        KeyBytes::new(*self.derive(WRAP_CONTEXT, ledger))
    }

    /// Tells this key from a wrong one without saying anything about either.
    pub(super) fn check_value(&self, ledger: LedgerId) -> [u8; 16] {
        let derived = self.derive(CHECK_CONTEXT, ledger);
        *derived.first_chunk().expect("32 bytes begin with 16")
    }

    fn derive(&self, context: &str, ledger: LedgerId) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(self.0.expose()).update(&ledger.0);
        Zeroizing::new(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededRandom;

    fn master() -> MasterKey {
        MasterKey::generate(&SeededRandom::new(1))
    }

    #[test]
    fn a_written_key_reads_back_and_is_never_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = MasterKey::path_beside(&directory.path().join("data")).expect("a place");
        assert!(path.ends_with("data.key"));
        master().write_new(&path).expect("written");
        assert_eq!(MasterKey::read(&path).expect("read"), master());
        assert!(matches!(master().write_new(&path), Err(MasterKeyError::Exists { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_may_touch_is_refused_with_the_chmod_that_helps() {
        use std::{fs, os::unix::fs::PermissionsExt};
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("data.key");
        master().write_new(&path).expect("written");
        for mode in [0o640, 0o604, 0o620, 0o601, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            let refusal = MasterKey::read(&path).expect_err("too open").to_string();
            assert!(refusal.contains(&format!("{mode:04o}")), "{refusal}");
            assert!(refusal.contains(&format!("chmod 600 {}", path.display())), "{refusal}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("chmod");
        assert_eq!(MasterKey::read(&path).expect("only the owner reads it"), master());
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("data.key");
        let missing = MasterKey::load(None, &directory.path().join("data")).expect_err("missing").to_string();
        assert!(missing.contains("data.key") && missing.contains(MASTER_ENV), "{missing}");
        let long = "ab".repeat(33);
        for text in [
            "",
            "c0ffee",
            "zz",
            long.as_str(),
            "canary-canary-canary-canary-canary-canary-canary-canary-canary12",
        ] {
            files::replace(&path, text.as_bytes()).expect("written");
            let refusal = MasterKey::read(&path).expect_err("no key").to_string();
            assert!(refusal.contains("64 hexadecimal digits"), "{refusal}");
            assert!(text.is_empty() || !refusal.contains(text), "{refusal}");
        }
        assert!(matches!(MasterKey::read(directory.path()), Err(MasterKeyError::Malformed { .. })));
    }

    #[test]
    fn a_configured_key_goes_before_the_file() {
        let key = MasterKey::load(Some(&[0xab; 32]), Path::new("/nowhere/data")).expect("configured");
        assert_eq!(key, MasterKey::from_hex(&format!(" {}\n", "ab".repeat(32)), "test").expect("hex"));
    }

    #[test]
    fn derived_keys_differ_by_use_and_by_ledger() {
        let (one, two) = (LedgerId([1; 16]), LedgerId([2; 16]));
        assert_ne!(master().witness_key(one), master().witness_key(two));
        assert_ne!(*master().witness_key(one), *master().wrap_key(one).expose());
        assert_ne!(master().check_value(one), master().check_value(two));
    }

    #[test]
    fn the_root_has_no_place_beside_it_but_a_dot_has() {
        assert!(matches!(MasterKey::path_beside(Path::new("/")), Err(MasterKeyError::NoPlace { .. })));
        assert!(MasterKey::path_beside(Path::new(".")).is_ok());
        assert_eq!(MasterKey::path_beside(Path::new("/var/lib/a/")).ok(), Some("/var/lib/a.key".into()));
    }
}
