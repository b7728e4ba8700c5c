//! How much room the disk still has, and the file that keeps some back.
//!
//! A full disk stops not only writing: the engine must write to *open*. So writes stop at a low-water mark, before the
//! engine fails half-way, and a reserve file holds room that is given back when an open finds the disk nearly full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Bytes on the file system of `path` that this process may still use.
pub(super) fn free_bytes(path: &Path) -> io::Result<u64> {
    let stats = rustix::fs::statvfs(path)?;
    Ok(stats.f_bavail.saturating_mul(stats.f_frsize))
}

/// Writes the reserve file, whole and on disk, or leaves none: a part of it would only take room.
pub(super) fn keep_reserve(path: &Path, bytes: u64) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() == bytes) {
        return Ok(());
    }
    let written = write_blocks(path, bytes);
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// Gives the reserve back to the file system.
pub(super) fn release_reserve(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn write_blocks(path: &Path, bytes: u64) -> io::Result<()> {
    // Not zeros and not a hole: a file system that compresses or skips them would keep nothing back.
    let mut block = vec![0; 64 * 1024];
    let mut stream = blake3::Hasher::new().finalize_xof();
    let mut file = File::create(path)?;
    let mut left = bytes;
    while left > 0 {
        stream.fill(&mut block);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        file.write_all(&block[..length])?;
        left -= length as u64;
    }
    file.sync_all()
}
