//! The witness: a small file that says what was acknowledged last.
//!
//! The engine opens a shortened log without a word, and a shorter log is a valid log; so something beside it must know how
//! long it was. Two slots in blocks of their own are written alternately, so that a write torn by a power cut leaves the
//! one before it. They are preallocated: a synchronisation then has no size or block to commit and costs 0.1 ms.
//!
//! ```text
//! slot at 0 and at 4096, the one with the higher counter counts:
//!   0 magic "authledgerwitn01"   16 counter u64   24 ledger id [16]   40 epoch u32   44 closed u8, 3 zeros
//!  48 size u64   56 chain hash [32]   88 root [32]   120 files [32]   152 MAC [32] over all before it
//! ```
//!
//! Little-endian. `files` is the BLAKE3 of the engine's files after a clean close, else zeros. The MAC is keyed BLAKE3 under
//! a key derived from the master key: who can write the directory but has no key can put an older witness back, and cannot
//! make one up.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use events::chain::ChainHash;
use events::id::{Epoch, LedgerId};
use events::merkle::TreeHash;
use parking_lot::Mutex;
use thiserror::Error;

const MAGIC: &[u8; 16] = b"authledgerwitn01";
const SLOT_BYTES: usize = 4096;
const FILE_BYTES: usize = 2 * SLOT_BYTES;
const SIGNED_BYTES: usize = 152;
const RECORD_BYTES: usize = SIGNED_BYTES + 32;

/// What the witness says was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Which ledger.
    pub ledger_id: LedgerId,
    /// Epoch of the last event.
    pub epoch: Epoch,
    /// Number of events.
    pub size: u64,
    /// Chain hash of the last one.
    pub chain: ChainHash,
    /// Root of the tree over all of them.
    pub root: TreeHash,
}

/// Why a witness file says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WitnessRefusal {
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// It has another length than a witness.
    #[error("it has {bytes} bytes instead of {FILE_BYTES}")]
    Length {
        /// Its length.
        bytes: u64,
    },
    /// Neither slot is signed with this ledger's key.
    #[error("it is damaged, or belongs to another master key")]
    Unsigned,
    /// The operating system refused.
    #[error("it cannot be read: {0}")]
    Io(io::ErrorKind),
}

/// The witness of an open ledger.
pub struct Witness {
    backing: Backing,
    key: [u8; 32],
    counter: u64,
    statement: Statement,
    /// The engine's files when they were last closed in order; `None` once something was recorded after.
    files: Option<[u8; 32]>,
    poisoned: bool,
}

enum Backing {
    File(File),
    Memory(MemoryWitness),
}

/// What plays the witness file of an in-memory ledger: it survives a restart, and fails on request.
#[derive(Clone, Default)]
pub struct MemoryWitness {
    shared: Arc<Mutex<Cell>>,
}

#[derive(Default)]
struct Cell {
    statement: Option<Statement>,
    /// Records that still succeed before one fails.
    fail_after: Option<u64>,
}

impl MemoryWitness {
    /// One that says nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was recorded last.
    pub fn statement(&self) -> Option<Statement> {
        self.shared.lock().statement
    }

    /// Lets `successes` records pass and makes the one after them fail.
    pub fn fail_after(&self, successes: u64) {
        self.shared.lock().fail_after = Some(successes);
    }

    /// Opens it for the ledger `ledger_id`.
    pub fn open(&self, ledger_id: LedgerId) -> Witness {
        let statement = self.statement().unwrap_or(nothing(ledger_id));
        Witness {
            backing: Backing::Memory(self.clone()),
            key: [0; 32],
            counter: 0,
            statement,
            files: None,
            poisoned: false,
        }
    }

    fn write(&self, statement: Statement) -> io::Result<()> {
        let mut cell = self.shared.lock();
        match &mut cell.fail_after {
            Some(0) => return Err(io::ErrorKind::Other.into()),
            Some(successes) => *successes -= 1,
            None => {}
        }
        cell.statement = Some(statement);
        Ok(())
    }
}

fn nothing(ledger_id: LedgerId) -> Statement {
    Statement {
        ledger_id,
        epoch: Epoch(0),
        size: 0,
        chain: ChainHash::ZERO,
        root: events::merkle::Frontier::default().root(),
    }
}

impl Witness {
    /// Makes the file, which must not be there, and says "nothing yet"; durable on return, its name too.
    pub(super) fn create(path: &Path, key: &[u8; 32], ledger_id: LedgerId) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        file.write_all(&[0; FILE_BYTES])?;
        file.sync_all()?;
        super::directory::sync_parent(path)?;
        let statement = nothing(ledger_id);
        let backing = Backing::File(file);
        let mut witness = Self { backing, key: *key, counter: 0, statement, files: None, poisoned: false };
        witness.write(statement, None)?;
        Ok(witness)
    }

    /// Reads the file and chooses the newer of its valid slots. Changes nothing.
    pub(super) fn open(path: &Path, key: &[u8; 32]) -> Result<Self, WitnessRefusal> {
        let io = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => WitnessRefusal::Missing,
            kind => WitnessRefusal::Io(kind),
        };
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        if bytes != FILE_BYTES as u64 {
            return Err(WitnessRefusal::Length { bytes });
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(io)?;
        let slots = content.chunks(SLOT_BYTES).filter_map(|slot| parse(slot, key));
        let newest = slots.max_by_key(|slot| slot.counter).ok_or(WitnessRefusal::Unsigned)?;
        let Slot { counter, statement, files } = newest;
        Ok(Self { backing: Backing::File(file), key: *key, counter, statement, files, poisoned: false })
    }

    /// Records what is about to be acknowledged; durable on return. After an error it records nothing more, because what
    /// the disk holds is unknown.
    pub fn record(&mut self, epoch: Epoch, size: u64, chain: ChainHash, root: TreeHash) -> io::Result<()> {
        self.write(Statement { ledger_id: self.statement.ledger_id, epoch, size, chain, root }, None)
    }

    /// Records that the engine was closed in order, and what its files hash to.
    pub(super) fn record_close(&mut self, files: [u8; 32]) -> io::Result<()> {
        self.write(self.statement, Some(files))
    }

    /// What it says.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The hash of the engine's files when it was closed in order, if that was the last thing that happened.
    pub(super) fn files(&self) -> Option<[u8; 32]> {
        self.files
    }

    fn write(&mut self, statement: Statement, files: Option<[u8; 32]>) -> io::Result<()> {
        if self.poisoned {
            return Err(io::Error::other("an earlier record failed"));
        }
        let counter = self.counter + 1;
        let written = match &self.backing {
            Backing::File(file) => {
                let record = render(&Slot { counter, statement, files }, &self.key);
                // Torn here, this slot is invalid and the other, the last acknowledged one, counts.
                file.write_all_at(&record, counter % 2 * SLOT_BYTES as u64).and_then(|()| file.sync_data())
            }
            Backing::Memory(memory) => memory.write(statement),
        };
        self.poisoned = written.is_err();
        written?;
        (self.counter, self.statement, self.files) = (counter, statement, files);
        Ok(())
    }
}

struct Slot {
    counter: u64,
    statement: Statement,
    files: Option<[u8; 32]>,
}

fn render(slot: &Slot, key: &[u8; 32]) -> Vec<u8> {
    let Statement { ledger_id, epoch, size, chain, root } = slot.statement;
    let mut bytes = Vec::with_capacity(RECORD_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&slot.counter.to_le_bytes());
    bytes.extend_from_slice(&ledger_id.0);
    bytes.extend_from_slice(&epoch.0.to_le_bytes());
    bytes.extend_from_slice(&[u8::from(slot.files.is_some()), 0, 0, 0]);
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(&chain.0);
    bytes.extend_from_slice(&root.0);
    bytes.extend_from_slice(&slot.files.unwrap_or_default());
    debug_assert_eq!(bytes.len(), SIGNED_BYTES);
    let mac = blake3::keyed_hash(key, &bytes);
    bytes.extend_from_slice(mac.as_bytes());
    bytes
}

fn parse(bytes: &[u8], key: &[u8; 32]) -> Option<Slot> {
    let (signed, rest) = bytes.split_at_checked(SIGNED_BYTES)?;
    let mac: &[u8; 32] = rest.first_chunk()?;
    // `blake3::Hash` compares in constant time.
    if blake3::keyed_hash(key, signed) != *mac || !signed.starts_with(MAGIC) {
        return None;
    }
    let array = |at: usize| signed[at..at + 32].try_into().ok();
    let number = |at: usize| Some(u64::from_le_bytes(signed[at..at + 8].try_into().ok()?));
    Some(Slot {
        counter: number(16)?,
        statement: Statement {
            ledger_id: LedgerId(signed[24..40].try_into().ok()?),
            epoch: Epoch(u32::from_le_bytes(signed[40..44].try_into().ok()?)),
            size: number(48)?,
            chain: ChainHash(array(56)?),
            root: TreeHash(array(88)?),
        },
        files: if signed[44] == 1 { Some(array(120)?) } else { None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const ID: LedgerId = LedgerId([1; 16]);

    fn record(witness: &mut Witness, size: u8) {
        let (chain, root) = (ChainHash([size; 32]), TreeHash([size; 32]));
        witness.record(Epoch(1), u64::from(size), chain, root).expect("records");
    }

    #[test]
    fn the_newer_slot_counts_and_a_torn_one_falls_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("witness");
        let mut witness = Witness::create(&path, &KEY, ID).expect("creates");
        for size in 1..=5 {
            record(&mut witness, size);
            let read = Witness::open(&path, &KEY).expect("opens");
            assert_eq!(read.statement().size, u64::from(size));
        }
        // The sixth record has the counter 7 and stands in the second slot.
        record(&mut witness, 6);
        let whole = std::fs::read(&path).expect("reads");
        for at in 0..RECORD_BYTES {
            let mut torn = whole.clone();
            torn[4096 + at] ^= 1;
            std::fs::write(&path, torn).expect("writes");
            assert_eq!(Witness::open(&path, &KEY).expect("opens").statement().size, 5);
        }
        assert_eq!(Witness::open(&path, &[8; 32]).err(), Some(WitnessRefusal::Unsigned));
    }

    #[test]
    fn a_close_is_forgotten_by_the_next_record() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("witness");
        let mut witness = Witness::create(&path, &KEY, ID).expect("creates");
        record(&mut witness, 1);
        witness.record_close([9; 32]).expect("records");
        let mut witness = Witness::open(&path, &KEY).expect("opens");
        assert_eq!((witness.files(), witness.statement().size), (Some([9; 32]), 1));
        record(&mut witness, 2);
        assert_eq!(Witness::open(&path, &KEY).expect("opens").files(), None);
    }

    #[test]
    fn a_wrong_length_and_a_missing_file_are_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("witness");
        assert_eq!(Witness::open(&path, &KEY).err(), Some(WitnessRefusal::Missing));
        std::fs::write(&path, [0; 4096]).expect("writes");
        assert_eq!(Witness::open(&path, &KEY).err(), Some(WitnessRefusal::Length { bytes: 4096 }));
    }
}
