//! How many entries of tables were looked at: for the tests that show that no answer scans. Only in builds with debug
//! assertions; in all others nothing is counted and nothing of it is left.

use std::cell::Cell;

thread_local! {
    static VISITS: Cell<u64> = const { Cell::new(0) };
}

/// Entries that were asked for by their key, or stepped over in a range, on this thread so far.
pub fn count() -> u64 {
    VISITS.get()
}

pub(crate) fn add_one() {
    VISITS.set(VISITS.get() + 1);
}
