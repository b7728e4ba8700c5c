//! File systems for the tests: one whose power can be cut, one that fills up. Both need the privilege to mount; without
//! it their tests fail, because a durability that was not tested is not there.

use std::fs::File;
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

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A mounted file system, unmounted when it goes.
struct Mount {
    at: PathBuf,
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

/// An ext4 on a loop device.
pub(crate) struct LoopDisk {
    // In this order: unmounted before its device goes, and that before its image.
    mount: Option<Mount>,
    device: LoopDevice,
    place: tempfile::TempDir,
}

struct LoopDevice(String);

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

impl LoopDisk {
    pub(crate) fn new(megabytes: u64) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let image = place.path().join("image");
        File::create(&image).and_then(|file| file.set_len(megabytes << 20)).expect("an image");
        run("mkfs.ext4", &["-q", "-F", text(&image)]);
        let device = LoopDevice(run("losetup", &["--find", "--show", text(&image)]));
        std::fs::create_dir(place.path().join("mount")).expect("creates");
        let mut disk = Self { mount: None, device, place };
        disk.mount();
        disk
    }

    fn at(&self) -> PathBuf {
        self.place.path().join("mount")
    }

    fn mount(&mut self) {
        let at = self.at();
        run("mount", &["-t", "ext4", &self.device.0, text(&at)]);
        self.mount = Some(Mount { at });
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.at()
    }

    /// Drops everything that the kernel was not made to commit, as a power cut does; what the file system does from here
    /// on fails. This is ext4's shutdown ioctl without a flush of its log, as xfstests uses it.
    pub(crate) fn cut_power(&self) {
        const SHUTDOWN: &str =
            r#"open(my $d, "<", $ARGV[0]) or die; my $f = pack("L", 2); ioctl($d, 0x8004587d, $f) or die $!"#;
        run("perl", &["-e", SHUTDOWN, text(&self.at())]);
    }

    /// What the next boot does: mounts it, with recovery of its journal.
    pub(crate) fn boot(&mut self) {
        // Not lazily: a file system that somebody still holds would come back in the state it was cut in.
        run("umount", &[text(&self.at())]);
        if let Some(unmounted) = self.mount.take() {
            std::mem::forget(unmounted);
        }
        self.mount();
    }
}
