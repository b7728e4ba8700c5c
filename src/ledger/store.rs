//! What an engine promises: the log of leaves and, in the same atomic batches, the entries of the key store.
//!
//! An engine knows bytes, not events. It never looks into a leaf but to compute the chain hash of the last one, which is
//! how a batch with an unknown outcome is recognised later. There is deliberately no `flush`: a caller could forget it.
//!
//! The promises, which `tests/ledger/conformance.rs` runs against every engine:
//!
//! - **Durable.** When `append` returns `Ok`, the batch survives the loss of power. Nothing else survives for certain.
//! - **Ordered.** Leaves have the sequences 0, 1, 2 …, in the order they were appended, without a gap.
//! - **Atomic.** After any crash a batch is there whole, its key changes included, or not at all.
//! - **Concurrent.** There is one writer (`append` takes `&mut self`) and any number of readers. A reader sees leaves only
//!   up to the last successful `append`, never what a crash could still undo, and never waits for the disk's
//!   synchronisation. Entries of the key store may be seen a moment earlier; whatever refers to them is not.
//! - **Ending.** After an append with an unknown outcome the engine accepts nothing more; reads go on. Only opening
//!   anew, which looks at what the disk really holds, clears that.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use events::chain::{self, ChainHash};
use events::id::Sequence;
use thiserror::Error;

/// The longest leaf, in bytes (FORMAT.md).
pub const LEAF_BYTES_MAX: usize = 65_535;
/// The longest batch, in bytes of its leaves, keys and values together.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest key of the key store, in bytes.
pub const KEY_BYTES_MAX: usize = 256;
/// The longest value of the key store, in bytes.
pub const VALUE_BYTES_MAX: usize = 4_000;

/// Where the log ends: how many leaves it has, and the chain hash of the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of leaves; the next leaf gets this sequence.
    pub size: u64,
    /// Chain hash of the last leaf; zeros when there is none.
    pub chain: ChainHash,
}

impl Head {
    /// The head of a log that has no leaf yet.
    pub const EMPTY: Self = Self { size: 0, chain: ChainHash::ZERO };

    /// The head after `batch`.
    #[must_use]
    pub fn after(&self, batch: &Batch) -> Self {
        match batch.leaves.last() {
            Some(last) => Self { size: self.size + batch.leaves.len() as u64, chain: chain::link(last) },
            None => *self,
        }
    }
}

/// What becomes durable together: whole commands, at most 256 of them, and their changes to the key store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Leaves in order, each at most [`LEAF_BYTES_MAX`].
    pub leaves: Vec<Vec<u8>>,
    /// Changes to the key store, applied in order.
    pub keys: Vec<KeyChange>,
}

impl Batch {
    /// Checks the limits that every engine keeps; nothing is written when one is exceeded.
    pub fn check(&self) -> Result<(), StoreError> {
        let mut bytes = 0;
        for leaf in &self.leaves {
            limit("leaf", leaf.len(), LEAF_BYTES_MAX)?;
            if leaf.is_empty() {
                return Err(StoreError::EmptyLeaf);
            }
            bytes += leaf.len();
        }
        for change in &self.keys {
            match change {
                KeyChange::Put { key, value } => {
                    limit("key", key.len(), KEY_BYTES_MAX)?;
                    limit("value", value.len(), VALUE_BYTES_MAX)?;
                    bytes += key.len() + value.len();
                }
                KeyChange::Delete { key } => {
                    limit("key", key.len(), KEY_BYTES_MAX)?;
                    bytes += key.len();
                }
            }
        }
        limit("batch", bytes, BATCH_BYTES_MAX)
    }
}

fn limit(what: &'static str, bytes: usize, max: usize) -> Result<(), StoreError> {
    if bytes > max { Err(StoreError::TooLong { what, bytes, max }) } else { Ok(()) }
}

/// A change of one entry of the key store.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// Sets the entry, whether it was there or not.
    Put {
        /// At most [`KEY_BYTES_MAX`].
        key: Vec<u8>,
        /// At most [`VALUE_BYTES_MAX`].
        value: Vec<u8>,
    },
    /// Removes the entry; removing what is not there is no error.
    Delete {
        /// At most [`KEY_BYTES_MAX`].
        key: Vec<u8>,
    },
}

/// Silent about keys and values: a login tag or a wrapped key has no business in a log line.
impl fmt::Debug for KeyChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Put { .. } => "Put { .. }",
            Self::Delete { .. } => "Delete { .. }",
        })
    }
}

/// The writer's side of an engine.
pub trait LogStore: Send {
    /// The head after the last successful append.
    fn head(&self) -> Head;

    /// Appends a batch behind `expected` and makes it durable; what the three errors promise stands at [`AppendError`].
    ///
    /// A batch without leaves leaves the head as it is and still makes its key changes durable.
    fn append(&mut self, expected: &Head, batch: &Batch) -> Result<Head, AppendError>;

    /// How long the last append waited for the disk's synchronisation; `None` when it did not come that far, and for an
    /// engine without a disk.
    fn last_sync(&self) -> Option<Duration> {
        None
    }

    /// A reader of the leaves, usable from any thread, as long as the engine is open.
    fn reader(&self) -> Arc<dyn LogReader>;

    /// A reader of the key store, usable from any thread, as long as the engine is open.
    fn keys(&self) -> Arc<dyn KeyStore>;

    /// Closes the engine, with everything it was told on disk. Readers answer [`StoreError::Closed`] from then on.
    fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// Reads leaves.
pub trait LogReader: Send + Sync {
    /// The head that readers may see: that of the last successful append.
    fn head(&self) -> Head;

    /// Visits the leaves with sequences from `from` up to, not including, `until`, in order; ends early at the head, or
    /// when the visitor breaks.
    ///
    /// The leaves are read in slices, with a pause between two of them while the writer is at work, so that a long scan
    /// doesn't starve it. A leaf that is missing or can't be put together is [`StoreError::Damaged`].
    fn read(
        &self,
        from: Sequence,
        until: Sequence,
        visit: &mut dyn FnMut(Sequence, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;
}

/// Reads entries of the key store. They change only through [`LogStore::append`].
pub trait KeyStore: Send + Sync {
    /// The value of one entry.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits the entries whose key begins with `prefix`, in the order of their keys.
    fn scan(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError>;
}

/// Why a batch was not acknowledged, and what is known about it.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The log does not end where the caller thought. Nothing was written.
    #[error("the log ends at {} events, not at {}", actual.size, expected.size)]
    Conflict {
        /// What the caller named.
        expected: Head,
        /// Where the log ends.
        actual: Head,
    },
    /// The batch may be on disk or not. Settled after opening anew: it is there if and only if the log holds a leaf whose
    /// chain hash is that of the batch's last leaf. Never repeated on the same engine: after a failed synchronisation
    /// the kernel may have dropped the pages, and a second one would succeed about nothing.
    #[error("it is unknown whether the batch was written: {reason}")]
    Unknown {
        /// The head the log has if the batch was written; its chain hash is that of the batch's last leaf.
        attempted: Head,
        /// What failed.
        reason: StoreError,
    },
    /// Certainly not written, and the log is as before.
    #[error("nothing was written: {reason}")]
    Unavailable {
        /// What stands in the way.
        reason: StoreError,
    },
}

/// The operating system's reason for an error, in a form that can be compared and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// What sort of error.
    pub kind: io::ErrorKind,
    /// Its number, where it has one; then its text is the operating system's, and more precise than the sort's.
    code: Option<i32>,
}

impl From<io::ErrorKind> for Cause {
    fn from(kind: io::ErrorKind) -> Self {
        Self { kind, code: None }
    }
}

impl From<&io::Error> for Cause {
    fn from(error: &io::Error) -> Self {
        Self { kind: error.kind(), code: error.raw_os_error() }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code).fmt(formatter),
            None => self.kind.fmt(formatter),
        }
    }
}

/// What an engine says when it can't do what it was asked. It holds no text of the engine's own.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// An earlier append ended with an unknown outcome; only a restart clears that.
    #[error("an earlier write failed; restart to see what the disk holds")]
    Poisoned,
    /// The engine has been closed.
    #[error("the ledger is closed")]
    Closed,
    /// The disk is nearly full, and the engine stops before it would fail half-way.
    #[error("the disk has {free_bytes} bytes left and writes stop below {low_water_bytes}")]
    Full {
        /// Bytes that are free for us.
        free_bytes: u64,
        /// The mark below which nothing is written.
        low_water_bytes: u64,
    },
    /// Something is longer than every engine's limit.
    #[error("a {what} of {bytes} bytes is longer than {max}")]
    TooLong {
        /// `leaf`, `key`, `value` or `batch`.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A leaf without bytes.
    #[error("a leaf has no bytes")]
    EmptyLeaf,
    /// The operating system refused.
    #[error("could not {operation}: {cause}")]
    Io {
        /// What was being done, as a verb.
        operation: &'static str,
        /// The operating system's reason.
        cause: Cause,
    },
    /// What the engine reads can't be what was written.
    #[error("the stored log is damaged at event {sequence}")]
    Damaged {
        /// The first sequence that can't be read.
        sequence: Sequence,
    },
    /// The engine reports or shows damage that has no place in the log.
    #[error("the storage engine found its files damaged while it tried to {operation}")]
    Engine {
        /// What was being done, as a verb.
        operation: &'static str,
    },
}
