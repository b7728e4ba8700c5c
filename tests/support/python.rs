//! The Python that has the packages of `tests/run`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Its path: what `TESTS_PYTHON` says, or that of the environment below the target directory.
pub(crate) fn python() -> OsString {
    if let Some(path) = std::env::var_os("TESTS_PYTHON") {
        return path;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let path = target.join("tests-venv/bin/python");
    assert!(
        path.exists(),
        "{} is missing: run tests/run once, or set TESTS_PYTHON to a Python with the packages it installs",
        path.display()
    );
    path.into_os_string()
}
