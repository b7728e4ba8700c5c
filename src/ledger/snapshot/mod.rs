//! Snapshots: the state after some events, saved, so that a start need not fold them again.
//!
//! A snapshot is a convenience and never an authority. The log says by `SnapshotTaken` what a true one holds; a file that
//! says anything else, is damaged, or belongs elsewhere is passed over with a warning, and the log is folded from its
//! beginning. So nothing that is done to these files can keep a ledger from starting, or make it serve another state.
//!
//! `file` is the bytes, `resume` takes up a state from one, `take` makes one beside a ledger that is being served, `behind`
//! checks what a start by snapshot left unread. Files are never part of the log: losing all of them loses time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use events::id::{LedgerId, Sequence};
use events::verify::Finding;
use projections::rows::RowsError;
use thiserror::Error;

use super::directory::{sync_directory, sync_parent};
use super::store::StoreError;

pub(super) mod behind;
mod confirm;
mod file;
mod list;
mod pace;
pub(super) mod resume;
pub(super) mod take;

pub use behind::{Verification, VerificationState};
pub use confirm::{Confirmation, confirmations, confirmations_behind};
pub use file::SnapshotHead;
pub use list::{Listed, list};
pub use take::{Checked, Draft, Snapshots, TakeError, Turn, check};

/// How many are kept: the newest, and two before it in case it can't be read.
pub const KEPT: usize = 3;

const EXTENSION: &str = "snapshot";
const UNFINISHED: &str = "part";

/// Why a snapshot is passed over.
#[derive(Debug, Error)]
pub enum Unusable {
    /// The operating system does not give it out.
    #[error("it can't be read: {0}")]
    Io(io::ErrorKind),
    /// Its bytes are not what was written.
    #[error("it is damaged")]
    Damaged,
    /// Another version of authledger wrote it.
    #[error("it has the form {0}, which this version of authledger does not read")]
    Version(u16),
    /// It covers other tables: not checked, which does not mean that it differs.
    #[error("it was not checked: this version of authledger does not know digest version {0}")]
    DigestVersion(u16),
    /// Of another ledger.
    #[error("it belongs to the ledger {0}")]
    OtherLedger(LedgerId),
    /// The log does not go so far.
    #[error("it is newer than the log: it holds {size} events, the log {log}")]
    Newer {
        /// Events in it.
        size: u64,
        /// Events in the log.
        log: u64,
    },
    /// Its bytes are those that were written, and can't be true.
    #[error("it contradicts itself: {0}")]
    Contradicts(&'static str),
    /// Its bytes are those that were written, and are no rows.
    #[error("it contradicts itself: {0}")]
    Rows(RowsError),
    /// The log has another history.
    #[error("the log does not go on from it")]
    NotInLog,
    /// Nothing in the log speaks of it.
    #[error("the log does not confirm it: there is no SnapshotTaken of it")]
    Unconfirmed,
    /// The log speaks of another one.
    #[error("it is not what the log's SnapshotTaken of that size says")]
    Differs,
    /// What follows it in the log is not right; the full check names it.
    #[error("the log behind it: {0}")]
    Tail(Box<Finding>),
    /// What follows it in the log can't be read.
    #[error("the log behind it can't be read: {0}")]
    Log(StoreError),
}

/// A snapshot that was passed over, and why.
#[derive(Debug)]
pub struct Skipped {
    /// Which file.
    pub file: PathBuf,
    /// Why.
    pub reason: Unusable,
}

/// Where a start began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// The snapshot it took up; `None` when it folded the whole log.
    pub snapshot: Option<SnapshotHead>,
    /// How many events it folded.
    pub folded: u64,
}

/// The directory of a ledger's snapshots, one file each, named by its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotDirectory {
    path: PathBuf,
}

impl SnapshotDirectory {
    /// Snapshots in `path`, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where they lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the snapshot of that size.
    pub fn file(&self, size: u64) -> PathBuf {
        self.path.join(size.to_string()).with_extension(EXTENSION)
    }

    /// Sizes of the snapshots that are there, newest first, by their names.
    pub fn sizes(&self) -> io::Result<Vec<u64>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut sizes = Vec::new();
        for entry in entries {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|extension| extension == EXTENSION) {
                let stem = name.file_stem().and_then(|stem| stem.to_str());
                // One spelling of each: what is listed can be found again by its size.
                sizes.extend(
                    stem.and_then(|stem| stem.parse().ok().filter(|size: &u64| size.to_string() == stem)),
                );
            }
        }
        sizes.sort_unstable_by(|one: &u64, other| other.cmp(one));
        Ok(sizes)
    }

    /// What a snapshot says of itself, when it is whole. It reads the whole file.
    pub fn inspect(&self, size: u64) -> Result<SnapshotHead, Unusable> {
        let head = file::inspect(&self.file(size), &mut || {})?;
        // Renamed, it would be looked for under another size.
        if head.size == size { Ok(head) } else { Err(Unusable::Contradicts("its name is not its size")) }
    }

    /// How long its file is, in bytes.
    pub fn bytes(&self, size: u64) -> io::Result<u64> {
        fs::metadata(self.file(size)).map(|metadata| metadata.len())
    }

    /// Removes what a snapshot that was being taken left when its process died.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == UNFINISHED) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Makes the directory, readable by its owner alone.
    fn make(&self) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        match fs::DirBuilder::new().mode(0o700).create(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync_parent(&self.path),
        }
    }

    /// Keeps the newest up to `size`. Those past it are of another history of this ledger, and not ours to judge.
    fn prune(&self, size: u64) -> io::Result<()> {
        let older = self.sizes()?.into_iter().filter(|other| *other <= size);
        for old in older.skip(KEPT) {
            fs::remove_file(self.file(old))?;
        }
        sync_directory(&self.path)
    }
}

/// What reading a log for a snapshot came upon.
fn damaged_at(error: &StoreError) -> Option<Sequence> {
    match error {
        StoreError::Damaged { sequence } => Some(*sequence),
        _ => None,
    }
}
