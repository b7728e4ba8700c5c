//! The two small files of the vault: read with a bound, created with their mode, replaced so that a crash leaves the old
//! one or the new one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

/// Longest file that is read; ours are well below a kilobyte.
const LEN_MAX: u64 = 64 * 1024;

/// What a small file holds and who may read it.
pub(super) struct SmallFile {
    pub(super) text: Zeroizing<String>,
    /// Permission bits; zero, as for a file that nobody else may touch, where the system has none.
    pub(super) mode: u32,
}

/// Reads a whole small text file. Mode and content are those of one open file, so nobody swaps it in between.
pub(super) fn read(path: &Path) -> io::Result<SmallFile> {
    // Asked before opening, since opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LEN_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Zeroizing::new(String::with_capacity(1_024));
    file.take(LEN_MAX).read_to_string(&mut text)?;
    Ok(SmallFile { text, mode: mode(&metadata) })
}

/// Creates a file that only its owner reads, and makes it durable; fails when there is one.
pub(super) fn create(path: &Path, text: &[u8]) -> io::Result<()> {
    write_new(path, text)?;
    sync_directory_of(path)
}

/// Replaces a file or creates it. Dying here leaves the old text, or the new one, and perhaps a `.new` beside it that the
/// next replacement overwrites.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_new(&new, text)?;
    fs::rename(&new, path)?;
    sync_directory_of(path)
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Makes the names in the file's directory durable, as far as the system knows that.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0
}
