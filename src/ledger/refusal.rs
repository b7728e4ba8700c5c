//! Why a ledger was not opened: which file, which event, what is wrong, and what helps.

use std::io;
use std::path::{Path, PathBuf};

use events::id::{LedgerId, Sequence};
use events::verify::Finding;
use thiserror::Error;

use super::store::{Cause, StoreError};
use super::witness::WitnessRefusal;

/// A refusal to open a ledger. Every byte that was there before is as it was.
#[derive(Debug, Error)]
pub enum OpenRefusal {
    /// Nothing here has ever been a ledger.
    #[error("{} is no ledger", directory.display())]
    NotALedger {
        /// The directory named.
        directory: PathBuf,
    },
    /// There is something where a new ledger should be made.
    #[error("{} is not empty", directory.display())]
    NotVacant {
        /// The directory named.
        directory: PathBuf,
    },
    /// Another process owns the directory.
    #[error("a server or command is already running on {}", directory.display())]
    AlreadyRunning {
        /// The directory named.
        directory: PathBuf,
    },
    /// A file of the ledger is gone.
    #[error("{} is missing", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The witness says nothing that could be trusted.
    #[error("{}: {reason}", file.display())]
    Witness {
        /// The witness file.
        file: PathBuf,
        /// What is wrong with it.
        reason: WitnessRefusal,
    },
    /// The log belongs to another ledger than the witness.
    #[error("{} holds the ledger {found}, and the witness speaks of {expected}", file.display())]
    ForeignLog {
        /// The engine's directory.
        file: PathBuf,
        /// Ledger of the log.
        found: LedgerId,
        /// Ledger of the witness.
        expected: LedgerId,
    },
    /// The engine's files hold something that we did not write.
    #[error("{} holds another program's data", file.display())]
    ForeignFiles {
        /// The engine's directory.
        file: PathBuf,
    },
    /// The log is behind the witness.
    #[error("{}: the acknowledged events {first}..{last} are missing", file.display())]
    EventsMissing {
        /// The engine's directory.
        file: PathBuf,
        /// The first that is missing.
        first: Sequence,
        /// The last that is missing.
        last: Sequence,
    },
    /// The log is long enough and says something else than the witness.
    #[error("{}: history was changed at or before event {sequence}", file.display())]
    Changed {
        /// The engine's directory.
        file: PathBuf,
        /// The last event that the witness speaks for.
        sequence: Sequence,
    },
    /// An event is damaged, or does not follow from those before it.
    #[error("{}: event {}: {}", file.display(), finding.sequence, finding.reason)]
    Damaged {
        /// The engine's directory.
        file: PathBuf,
        /// Which event, and what is wrong with it.
        finding: Box<Finding>,
    },
    /// The engine could not read its files; it panicked, hung, or said so.
    #[error("{}: {reason}", file.display())]
    Engine {
        /// The engine's directory.
        file: PathBuf,
        /// How it failed.
        reason: EngineFailure,
    },
    /// The check before opening needs room for a copy.
    #[error("the check before opening needs room for a copy of {}: {needed_bytes} bytes, and {free_bytes} are free", file.display())]
    NoRoomForCopy {
        /// The engine's directory.
        file: PathBuf,
        /// Bytes the copy needs.
        needed_bytes: u64,
        /// Bytes that are free.
        free_bytes: u64,
    },
    /// The operating system refused.
    #[error("could not {operation} {}: {cause}", file.display())]
    Io {
        /// What it was about.
        file: PathBuf,
        /// What was being done, as a verb.
        operation: &'static str,
        /// The operating system's reason.
        cause: Cause,
    },
}

/// How the engine failed to read its files.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EngineFailure {
    /// It gave up in a way that only damaged files bring about.
    #[error("the storage files are damaged")]
    Damaged,
    /// It did not come to an end.
    #[error("the storage files could not be read: no progress for {secs} seconds")]
    Stuck {
        /// How long it was waited for.
        secs: u64,
    },
    /// It said why.
    #[error("{0}")]
    Failed(StoreError),
}

impl OpenRefusal {
    /// The file or directory that it is about.
    pub fn file(&self) -> &Path {
        match self {
            Self::NotALedger { directory }
            | Self::NotVacant { directory }
            | Self::AlreadyRunning { directory } => directory,
            Self::Missing { file }
            | Self::Witness { file, .. }
            | Self::ForeignLog { file, .. }
            | Self::ForeignFiles { file }
            | Self::EventsMissing { file, .. }
            | Self::Changed { file, .. }
            | Self::Damaged { file, .. }
            | Self::Engine { file, .. }
            | Self::NoRoomForCopy { file, .. }
            | Self::Io { file, .. } => file,
        }
    }

    /// The event that it is about, the first if there are several.
    pub fn sequence(&self) -> Option<Sequence> {
        match self {
            Self::EventsMissing { first, .. } => Some(*first),
            Self::Changed { sequence, .. }
            | Self::Engine { reason: EngineFailure::Failed(StoreError::Damaged { sequence }), .. } => {
                Some(*sequence)
            }
            Self::Damaged { finding, .. } => Some(finding.sequence),
            Self::NotALedger { .. }
            | Self::NotVacant { .. }
            | Self::AlreadyRunning { .. }
            | Self::Missing { .. }
            | Self::Witness { .. }
            | Self::ForeignLog { .. }
            | Self::ForeignFiles { .. }
            | Self::Engine { .. }
            | Self::NoRoomForCopy { .. }
            | Self::Io { .. } => None,
        }
    }

    /// What the operator can do, a sentence or two with the command that helps.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotALedger { .. } => {
                "`authledger init --data-dir DIR` makes one; check the path if there should be one."
            }
            Self::NotVacant { .. } => {
                "A new ledger needs an empty directory or a new name; `authledger serve` opens one that is there."
            }
            Self::AlreadyRunning { .. } => {
                "Stop it first. While it runs, ask the server itself: GET /readyz says how it is, its API what it holds."
            }
            Self::Missing { .. } | Self::ForeignLog { .. } | Self::ForeignFiles { .. } => {
                "Nothing was changed. Put back the whole directory as it was, all files from the same moment, and start again."
            }
            Self::Witness { reason: WitnessRefusal::Unsigned, .. } => {
                "Nothing was changed. Check that the master key is this ledger's; if it is, put back the witness that goes with this log."
            }
            Self::Witness { .. } => {
                "Nothing was changed. Put back the witness that goes with this log; without it nobody can say whether events are missing."
            }
            Self::EventsMissing { .. }
            | Self::Changed { .. }
            | Self::Damaged { .. }
            | Self::Engine { .. } => {
                "Nothing was changed. Keep a copy of the directory as evidence; `authledger verify --data-dir DIR` says what can still be read; then put back a complete copy."
            }
            Self::NoRoomForCopy { .. } => {
                "Nothing was changed. Free some room, or name a directory with room for the copy in `ledger.check_dir`, and start again."
            }
            Self::Io { cause: Cause { kind: io::ErrorKind::StorageFull, .. }, .. } => {
                "Free some room on the disk and start again."
            }
            Self::Io { .. } => {
                "Check that the directory and its files belong to the user that runs authledger, and start again."
            }
        }
    }
}
