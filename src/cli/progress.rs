//! Progress bars on a terminal, nothing on a pipe.

use std::io::Read;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ledger::recover::{Progress, Step};

/// What is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(400);
/// Reading fewer bytes is done sooner.
const FEW_BYTES: u64 = 64 << 20;

/// A bar on standard error; drawn only when that is a terminal, and only once there is something to wait for.
pub(super) struct Bar {
    inner: ProgressBar,
    step: Option<Step>,
    since: Instant,
    shown: bool,
}

impl Bar {
    pub(super) fn new() -> Bar {
        let inner = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Bar { inner, step: None, since: Instant::now(), shown: false }
    }

    /// Shows how far opening a ledger has come.
    pub(super) fn opening(&mut self, progress: Progress) {
        if self.step != Some(progress.step) {
            self.step = Some(progress.step);
            let (what, template) = match progress.step {
                Step::Comparing => ("comparing with the last clean close", BYTES),
                Step::Copying => ("copying", BYTES),
                Step::CheckingCopy => ("checking the copy", EVENTS),
                Step::Checking => ("checking", EVENTS),
            };
            self.begin(what, template);
        }
        self.inner.set_length(progress.total);
        self.at(progress.done);
    }

    /// Shows how many of the events of a log were read.
    pub(super) fn reading(&mut self, what: &'static str, total: u64) {
        self.begin(what, EVENTS);
        self.inner.set_length(total);
    }

    /// Reads on through what shows how many of its bytes were read; of 0 bytes nothing is known.
    pub(super) fn reading_bytes<R: Read>(
        &mut self,
        what: &'static str,
        total: u64,
        input: R,
    ) -> impl Read + use<R> {
        self.begin(what, BYTES);
        self.inner.set_length(total);
        if total >= FEW_BYTES {
            self.show();
        }
        self.inner.wrap_read(input)
    }

    /// So far.
    pub(super) fn at(&mut self, done: u64) {
        if !self.shown && self.since.elapsed() >= PATIENCE {
            self.show();
        }
        self.inner.set_position(done);
    }

    /// Shows nothing from now on.
    pub(super) fn hide(&mut self) {
        self.inner.finish_and_clear();
        self.inner.set_draw_target(ProgressDrawTarget::hidden());
        self.shown = true;
    }

    fn show(&mut self) {
        self.shown = true;
        self.inner.set_draw_target(ProgressDrawTarget::stderr());
    }

    fn begin(&self, what: &'static str, template: &str) {
        self.inner.reset();
        self.inner.set_message(what);
        self.inner
            .set_style(ProgressStyle::with_template(template).expect("the templates below are well-formed"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.inner.finish_and_clear();
    }
}

const BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes}";
const EVENTS: &str = "{msg} {wide_bar} {human_pos}/{human_len} events {eta}";
