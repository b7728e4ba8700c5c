//! A file system whose power can be cut. It needs the privilege to mount; without it its tests fail, because a durability
//! that was not tested is not there.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use crate::small_disk::{Mount, run, text};

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
