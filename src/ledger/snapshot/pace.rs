//! Long work beside a server: half of the time at most, so that two cores have one for those who wait.

use std::thread;
use std::time::{Duration, Instant};

/// The longest rest, so that shutting down is not waited for.
const REST_MAX: Duration = Duration::from_millis(50);

/// Rests as long as it worked.
pub(super) struct Pace {
    since: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { since: Instant::now() }
    }

    /// A stretch of work is done.
    pub(super) fn rest(&mut self) {
        thread::sleep(self.since.elapsed().min(REST_MAX));
        self.since = Instant::now();
    }
}
