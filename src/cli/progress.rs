//! Progress bars on a terminal, nothing on a pipe.

use std::io::Read;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ledger::recover::{Progress, Step};

/// A bar on standard error; drawn only when that is a terminal.
pub(super) struct Bar {
    bar: ProgressBar,
    step: Option<Step>,
}

impl Bar {
    pub(super) fn new() -> Bar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Bar { bar, step: None }
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
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
    }

    /// Shows how many of the events of a log were read.
    pub(super) fn reading(&mut self, what: &'static str, total: u64) {
        self.begin(what, EVENTS);
        self.bar.set_length(total);
    }

    /// Reads on through what shows how many of its bytes were read; of 0 bytes nothing is known.
    pub(super) fn reading_bytes<R: Read>(
        &mut self,
        what: &'static str,
        total: u64,
        input: R,
    ) -> impl Read + use<R> {
        self.begin(what, BYTES);
        self.bar.set_length(total);
        self.bar.wrap_read(input)
    }

    /// So far.
    pub(super) fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    fn begin(&self, what: &'static str, template: &str) {
        self.bar.reset();
        self.bar.set_message(what);
        self.bar
            .set_style(ProgressStyle::with_template(template).expect("the templates below are well-formed"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

const BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes}";
const EVENTS: &str = "{msg} {wide_bar} {human_pos}/{human_len} events {eta}";
