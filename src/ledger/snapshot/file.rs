//! A snapshot's file: the state after the first `size` events, and what it takes to go on from there (FORMAT.md, "Snapshot").
//!
//! Whoever can write the directory can write any snapshot, so nothing of it is believed for being there: a start holds it
//! against the log. The hash at its end only tells damage from contradiction.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use events::chain::ChainHash;
use events::id::{Epoch, LedgerId};
use events::ledger::{SnapshotTaken, StateDigest};
use events::merkle::{Frontier, TreeHash};
use events::time::Timestamp;
use projections::State;
use projections::digest::{DIGEST_VERSION, DigestWriter};
use projections::log::Position;

use super::Unusable;

const MAGIC: &[u8; 6] = b"ALSNAP";
const VERSION: u16 = 1;
const CONTEXT: &str = "authledger 2026 snapshot v1";
const FIXED_BYTES: usize = 110;
const HASH_BYTES: u64 = 32;
const DIGEST_BYTES: u64 = 32;
const BLOCK_BYTES: usize = 256 * 1024;
/// So much goes to disk at a time: the log's own synchronisations queue behind no more than that.
const STRETCH_BYTES: u64 = 8 << 20;

/// What a snapshot says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// Of which ledger.
    pub ledger_id: LedgerId,
    /// Of the last event in it.
    pub epoch: Epoch,
    /// Of how many events it is the state.
    pub size: u64,
    /// When the last of them was recorded.
    pub recorded_at: Timestamp,
    /// Chain hash of the last of them.
    pub chain: ChainHash,
    /// Root of the tree over them.
    pub root: TreeHash,
    /// Which tables it holds.
    pub digest_version: u16,
    /// Of those tables.
    pub digest: StateDigest,
}

impl SnapshotHead {
    /// The fact that speaks of it.
    pub fn taken(&self) -> SnapshotTaken {
        SnapshotTaken {
            size: self.size,
            chain: self.chain,
            root: self.root,
            digest_version: self.digest_version,
            digest: self.digest,
        }
    }
}

/// A whole snapshot.
pub(super) struct Loaded {
    pub(super) head: SnapshotHead,
    pub(super) frontier: Frontier,
    pub(super) state: State<'static>,
}

/// Writes the state after `frontier.size()` events to a new file that only its owner reads, durable on return. The state
/// must have folded at least one event. `between` is called every few megabytes, and may end the work.
pub(super) fn write(
    path: &Path,
    state: &State<'_>,
    chain: ChainHash,
    frontier: &Frontier,
    between: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<SnapshotHead> {
    let position = *state.log.position.get(&()).ok_or(io::ErrorKind::InvalidInput)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let mut out = Writing {
        file: BufWriter::with_capacity(BLOCK_BYTES, file),
        hash: blake3::Hasher::new_derive_key(CONTEXT),
        digest: DigestWriter::default(),
        stretch: 0,
        between,
    };
    let mut head = SnapshotHead {
        ledger_id: position.ledger_id,
        epoch: position.epoch,
        size: frontier.size(),
        recorded_at: position.recorded_at,
        chain,
        root: frontier.root(),
        digest_version: DIGEST_VERSION,
        digest: StateDigest([0; 32]),
    };
    out.plain(&fixed(&head))?;
    for peak in frontier.peaks() {
        out.plain(&peak.0)?;
    }
    state.write(&mut out)?;
    head.digest = out.digest.finish();
    out.plain(&head.digest.0)?;
    let hash = *out.hash.finalize().as_bytes();
    out.plain(&hash)?;
    let file = out.file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(head)
}

/// Everything goes into the file and its hash, tables also into the digest.
struct Writing<'a> {
    file: BufWriter<File>,
    hash: blake3::Hasher,
    digest: DigestWriter,
    stretch: u64,
    between: &'a mut dyn FnMut() -> io::Result<()>,
}

impl Writing<'_> {
    fn plain(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes)?;
        self.stretch += bytes.len() as u64;
        if self.stretch >= STRETCH_BYTES {
            self.stretch = 0;
            self.file.flush()?;
            self.file.get_ref().sync_data()?;
            (self.between)()?;
        }
        Ok(())
    }
}

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.plain(bytes)?;
        self.digest.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn fixed(head: &SnapshotHead) -> [u8; FIXED_BYTES] {
    let mut bytes = [0; FIXED_BYTES];
    let mut at = 0;
    let mut put = |part: &[u8]| {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    };
    put(MAGIC);
    put(&VERSION.to_le_bytes());
    put(&head.ledger_id.0);
    put(&head.epoch.0.to_le_bytes());
    put(&head.size.to_le_bytes());
    put(&head.recorded_at.0.to_le_bytes());
    put(&head.chain.0);
    put(&head.root.0);
    put(&head.digest_version.to_le_bytes());
    bytes
}

/// What the file says of itself, when it is whole; its tables are only hashed. `tick` hears that work goes on.
pub(super) fn inspect(path: &Path, tick: &mut dyn FnMut()) -> Result<SnapshotHead, Unusable> {
    read(path, None, tick).map(|(head, _, _)| head)
}

/// Reads a whole snapshot, unless `refused` refuses it by its head. Its digest is not among what that sees.
pub(super) fn load(
    path: &Path,
    refused: &dyn Fn(&SnapshotHead) -> Result<(), Unusable>,
    tick: &mut dyn FnMut(),
) -> Result<Loaded, Unusable> {
    let (head, frontier, state) = read(path, Some(refused), tick)?;
    let state = state.ok_or(Unusable::DigestVersion(head.digest_version))?;
    Ok(Loaded { head, frontier, state })
}

type Contents = (SnapshotHead, Frontier, Option<State<'static>>);
type Refused<'a> = Option<&'a dyn Fn(&SnapshotHead) -> Result<(), Unusable>>;

/// One pass over the file. Whatever is wrong inside, it is read to its end: when its hash is wrong, that is the reason.
fn read(path: &Path, refused: Refused<'_>, tick: &mut dyn FnMut()) -> Result<Contents, Unusable> {
    let unreadable = |error: io::Error| Unusable::Io(error.kind());
    // Asked before opening, since opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Unusable::Damaged);
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let left = length.checked_sub(HASH_BYTES).ok_or(Unusable::Damaged)?;
    let mut input = Reading { file, hash: blake3::Hasher::new_derive_key(CONTEXT), left, tick };
    let parsed = parse(&mut input, refused);
    // What parsing left over.
    io::copy(&mut input, &mut io::sink()).map_err(unreadable)?;
    let mut hash = [0; 32];
    input.file.read_exact(&mut hash).map_err(unreadable)?;
    if input.left > 0 || input.hash.finalize() != blake3::Hash::from_bytes(hash) {
        return Err(Unusable::Damaged);
    }
    parsed
}

fn parse(input: &mut Reading<'_>, refused: Refused<'_>) -> Result<Contents, Unusable> {
    let mut bytes = [0; FIXED_BYTES];
    input.exactly(&mut bytes)?;
    let mut fields = Fields(&bytes);
    if fields.take::<6>() != *MAGIC {
        return Err(Unusable::Damaged);
    }
    let version = u16::from_le_bytes(fields.take());
    if version != VERSION {
        return Err(Unusable::Version(version));
    }
    let mut head = SnapshotHead {
        ledger_id: LedgerId(fields.take()),
        epoch: Epoch(u32::from_le_bytes(fields.take())),
        size: u64::from_le_bytes(fields.take()),
        recorded_at: Timestamp(i64::from_le_bytes(fields.take())),
        chain: ChainHash(fields.take()),
        root: TreeHash(fields.take()),
        digest_version: u16::from_le_bytes(fields.take()),
        digest: StateDigest([0; 32]),
    };
    if let Some(refused) = refused {
        refused(&head)?;
    }
    let mut peaks = vec![TreeHash::EMPTY; head.size.count_ones() as usize];
    for peak in &mut peaks {
        input.exactly(&mut peak.0)?;
    }
    let frontier = Frontier::resume(head.size, peaks).expect("one peak for each 1 in the size");

    let known = head.digest_version == DIGEST_VERSION;
    let mut digest = DigestWriter::default();
    let mut loaded = Ok(None);
    if known && refused.is_some() {
        let tables = input.tables()?;
        loaded = State::load(&mut Digesting { input: input.take(tables), digest: &mut digest }).map(Some);
    }
    let rest = input.tables()?;
    io::copy(&mut Digesting { input: input.take(rest), digest: &mut digest }, &mut io::sink())
        .map_err(|error| Unusable::Io(error.kind()))?;
    input.exactly(&mut head.digest.0)?;
    if head.root != frontier.root() {
        return Err(Unusable::Contradicts("its tree is not that of its root"));
    }
    if known && head.digest != digest.finish() {
        return Err(Unusable::Contradicts("its rows are not those of its digest"));
    }
    let state = loaded.map_err(Unusable::Rows)?;
    let position = state.as_ref().map(|state| state.log.position.get(&()).copied());
    let expected = Position {
        ledger_id: head.ledger_id,
        epoch: head.epoch,
        size: head.size,
        recorded_at: head.recorded_at,
    };
    if position.is_some_and(|position| position != Some(expected)) {
        return Err(Unusable::Contradicts("its rows are of another place in the log"));
    }
    Ok((head, frontier, state))
}

/// Fixed fields, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("the fields add up to the fixed part");
        self.0 = rest;
        *field
    }
}

/// The file up to its hash, hashed on the way.
struct Reading<'a> {
    file: File,
    hash: blake3::Hasher,
    left: u64,
    tick: &'a mut dyn FnMut(),
}

impl Reading<'_> {
    /// Reads a fixed part; a file that ends before is damaged.
    fn exactly(&mut self, part: &mut [u8]) -> Result<(), Unusable> {
        self.read_exact(part).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Unusable::Damaged,
            kind => Unusable::Io(kind),
        })
    }

    /// What is left of the tables: all but digest and hash.
    fn tables(&self) -> Result<u64, Unusable> {
        self.left.checked_sub(DIGEST_BYTES).ok_or(Unusable::Damaged)
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..room])?;
        self.hash.update(&buffer[..read]);
        self.left -= read as u64;
        (self.tick)();
        Ok(read)
    }
}

/// The tables, digested on the way.
struct Digesting<'a, 'b> {
    input: io::Take<&'a mut Reading<'b>>,
    digest: &'a mut DigestWriter,
}

impl Read for Digesting<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.digest.write_all(&buffer[..read])?;
        Ok(read)
    }
}
