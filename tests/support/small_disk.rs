//! A file system that fills up, for the test binaries that ask for it by path. It needs the privilege to mount; without it
//! its tests fail, because a durability that was not tested is not there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a program that must succeed, and answers what it printed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed and does not start: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed; these tests need root, loop devices and tmpfs: {errors}"
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A mounted file system, unmounted when it goes.
pub(crate) struct Mount {
    pub(crate) at: PathBuf,
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A test that fails may leave something open in it; lazily, then, so that at least nothing outlives this process.
        let plain = Command::new("umount").arg(&self.at).stderr(Stdio::null()).status();
        if plain.is_ok_and(|status| !status.success()) {
            let _ = Command::new("umount").arg("-l").arg(&self.at).status();
        }
    }
}

/// A tmpfs of a given size.
pub(crate) struct SmallDisk {
    mount: Mount,
    _place: tempfile::TempDir,
}

impl SmallDisk {
    pub(crate) fn new(megabytes: u32) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let at = place.path().to_owned();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs", text(&at)]);
        Self { mount: Mount { at }, _place: place }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.mount.at
    }

    /// Bytes that are free.
    pub(crate) fn free(path: &Path) -> u64 {
        let table = run("df", &["--output=avail", "-B1", text(path)]);
        table.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number")
    }
}
