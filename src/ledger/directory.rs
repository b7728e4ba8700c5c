//! The data directory: what lies where, who owns it, and the care that makes its files and names durable.
//!
//! ```text
//! <dir>/lock      held by the one process that owns the directory; empty
//! <dir>/witness   what was acknowledged last (witness.rs); elsewhere if `ledger.witness_path` says so
//! <dir>/keys      the wrapped generation key (vault)
//! <dir>/sled/     the storage engine's files
//! <dir>/reserve   room kept back for a full disk
//! <dir>/snapshots/ saved states; they can be lost without loss
//! <dir>/check/    a copy that is opened before the original; only while that lasts
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::snapshot::SnapshotDirectory;
use super::space;

/// Where the parts of a ledger lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDirectory {
    path: PathBuf,
    witness: PathBuf,
    copies: PathBuf,
}

/// What the log takes on its disk, and what is left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Bytes of the engine's files.
    pub log_bytes: u64,
    /// Bytes that this process may still use.
    pub free_bytes: u64,
}

impl DataDirectory {
    /// Everything in `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { witness: path.join("witness"), copies: path.join("check"), path }
    }

    /// The witness elsewhere, best on another disk: then an older copy of the whole directory is noticed.
    #[must_use]
    pub fn with_witness(self, witness: impl Into<PathBuf>) -> Self {
        Self { witness: witness.into(), ..self }
    }

    /// The copy that is opened before the original elsewhere, for a disk that has no room for it.
    #[must_use]
    pub fn with_copies(self, copies: impl Into<PathBuf>) -> Self {
        // A name of our own below it: what is found there is removed.
        Self { copies: copies.into().join("authledger-check"), ..self }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The witness file.
    pub fn witness(&self) -> &Path {
        &self.witness
    }

    /// The vault's file.
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// The storage engine's directory.
    pub fn engine(&self) -> PathBuf {
        self.path.join("sled")
    }

    /// What the log takes on its disk, and what is left there.
    pub fn disk(&self) -> io::Result<Disk> {
        let mut log_bytes = 0;
        for entry in fs::read_dir(self.engine())? {
            log_bytes += entry?.metadata()?.len();
        }
        Ok(Disk { log_bytes, free_bytes: space::free_bytes(&self.path)? })
    }

    /// Where saved states lie.
    pub fn snapshots(&self) -> SnapshotDirectory {
        SnapshotDirectory::new(self.path.join("snapshots"))
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.path.join("reserve")
    }

    pub(super) fn copy(&self) -> &Path {
        &self.copies
    }

    /// Whether there is nothing that a new ledger would be put over: no directory, or an empty one.
    pub fn is_vacant(&self) -> io::Result<bool> {
        match fs::read_dir(&self.path) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Takes the directory for this process, or answers `None` when another has it.
    pub(super) fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.lock_file())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DirectoryLock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Ownership of a data directory, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    file: File,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Not by closing the file alone: a program that this process is just starting holds a copy of it until it runs.
        let _ = self.file.unlock();
    }
}

/// A new ledger while it is being built: a sibling of the directory it will become, so that nobody ever sees a half.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    directory: DataDirectory,
    /// Kept until it has its name, so that a second `init` doesn't take this one for a leftover.
    _lock: DirectoryLock,
}

impl Staged {
    /// Begins a sibling of `target`, removing what an earlier attempt left when it died.
    pub(super) fn begin(target: &DataDirectory) -> io::Result<Self> {
        let mut name = target.path.file_name().map(ToOwned::to_owned).ok_or(io::ErrorKind::InvalidInput)?;
        name.push(".init");
        let sibling = target.path.with_file_name(name);
        let directory = Self::at(target, &sibling);
        if directory.path.exists() {
            if directory.lock()?.is_none() {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            fs::remove_dir_all(&directory.path)?;
        }
        fs::create_dir_all(&directory.path)?;
        restrict(&directory.path)?;
        let lock = directory.lock()?.ok_or(io::ErrorKind::ResourceBusy)?;
        Ok(Self { target: target.path.clone(), directory, _lock: lock })
    }

    fn at(target: &DataDirectory, sibling: &Path) -> DataDirectory {
        let staged = DataDirectory::new(sibling);
        // A witness elsewhere is made where it will stay.
        if target.witness.starts_with(&target.path) { staged } else { staged.with_witness(&target.witness) }
    }

    /// Where to build.
    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Gives the ledger its name. Dying before leaves a sibling that the next attempt removes; after, a whole ledger.
    pub fn publish(self) -> io::Result<()> {
        sync_tree(&self.directory.path)?;
        match fs::rename(&self.directory.path, &self.target) {
            // The target is a mount point, as a container's volume is: move the parts in, that which makes it a ledger last.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices) =>
            {
                self.move_in()?;
            }
            other => other?,
        }
        sync_directory(&self.target)?;
        sync_parent(&self.target)
    }

    fn move_in(&self) -> io::Result<()> {
        let source = &self.directory.path;
        let mut names: Vec<_> = fs::read_dir(source)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<_>>()?;
        names.sort_by_key(|name| name == "witness");
        for name in names {
            let (from, to) = (source.join(&name), self.target.join(&name));
            if from.is_dir() {
                copy_tree(&from, &to, &mut |_| {}).map_err(CopyError::into_io)?;
            } else {
                fs::copy(&from, &to)?;
            }
            sync_tree(&to)?;
            sync_directory(&self.target)?;
        }
        fs::remove_dir_all(source)
    }
}

/// Only the owner reads the ledger's directory.
fn restrict(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the name of `path` durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => sync_directory(Path::new(".")),
    }
}

/// Makes every file and every name under `path` durable.
pub(super) fn sync_tree(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

/// The files under `path`, relative to it, sorted, with their lengths.
pub(super) fn files(path: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    fn walk(root: &Path, below: &Path, found: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
        for entry in fs::read_dir(root.join(below))? {
            let entry = entry?;
            let relative = below.join(entry.file_name());
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                walk(root, &relative, found)?;
            } else {
                found.push((relative, metadata.len()));
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(path, Path::new(""), &mut found)?;
    found.sort();
    Ok(found)
}

/// The BLAKE3 of every name, length and byte under `path`.
pub(super) fn fingerprint(path: &Path, progress: &mut dyn FnMut(u64)) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_derive_key("authledger 2026 engine files v1");
    let mut block = vec![0; 256 * 1024];
    let mut done = 0;
    for (name, length) in files(path)? {
        let encoded = name.as_os_str().as_encoded_bytes();
        hasher.update(&(encoded.len() as u64).to_le_bytes()).update(encoded).update(&length.to_le_bytes());
        let mut file = File::open(path.join(name))?;
        loop {
            let read = file.read(&mut block)?;
            if read == 0 {
                break;
            }
            hasher.update(&block[..read]);
            done += read as u64;
            progress(done);
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Why a copy could not be made.
#[derive(Debug)]
pub(super) enum CopyError {
    /// The disk has less room than the copy needs.
    NoRoom {
        /// Bytes still to be copied.
        needed_bytes: u64,
        /// Bytes that are free.
        free_bytes: u64,
    },
    /// Anything else.
    Io(io::Error),
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl CopyError {
    fn into_io(self) -> io::Error {
        match self {
            Self::NoRoom { .. } => io::ErrorKind::StorageFull.into(),
            Self::Io(error) => error,
        }
    }
}

/// Copies everything under `from` to `to`, which must not be there; by reference where the file system can.
pub(super) fn copy_tree(from: &Path, to: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), CopyError> {
    const STEP_BYTES: u64 = 16 << 20;
    fs::create_dir(to)?;
    let mut done = 0;
    let found = files(from)?;
    let mut needed_bytes: u64 = found.iter().map(|(_, length)| length).sum();
    for (name, length) in found {
        let (source, target) = (from.join(&name), to.join(&name));
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        if reflink_copy::reflink(&source, &target).is_err() {
            let free_bytes = super::space::free_bytes(to)?;
            if free_bytes < needed_bytes {
                return Err(CopyError::NoRoom { needed_bytes, free_bytes });
            }
            let mut source = File::open(&source)?;
            let mut target = File::create(&target)?;
            while io::copy(&mut (&mut source).take(STEP_BYTES), &mut target)? > 0 {
                progress(done + io::Seek::stream_position(&mut source)?);
            }
        }
        done += length;
        needed_bytes -= length;
        progress(done);
    }
    Ok(())
}
