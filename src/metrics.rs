//! What the rooms count and time while they work, for whoever asks how the server is doing (`GET /metrics`).
//!
//! Each room keeps its numbers beside what they are about and registers them under their names. There is one registry for
//! each server and nothing global: a process of tests runs many servers. Nothing that a caller sent is ever a label, and
//! every label has few values; who asked for what is in the log.

pub use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
pub use prometheus_client::metrics::{
    counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info,
};
pub use prometheus_client::registry::Registry;

/// Bounds in seconds for what a disk does: from a tenth of a millisecond, which a good one needs, to a sick one.
const DISK_SECONDS: [f64; 13] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Bounds in seconds for an answer: a look at memory, a durable write, a password, a time-out.
const ANSWER_SECONDS: [f64; 12] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 5.0, 30.0];
/// Bounds for how many share a batch.
const BATCH_COMMANDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// A histogram of times at the disk, in seconds.
pub fn disk_seconds() -> Histogram {
    Histogram::new(DISK_SECONDS)
}

/// A histogram of times to answer, in seconds.
pub fn answer_seconds() -> Histogram {
    Histogram::new(ANSWER_SECONDS)
}

/// A histogram of commands in a batch.
pub fn batch_commands() -> Histogram {
    Histogram::new(BATCH_COMMANDS)
}

/// How often a cache had what was asked of it.
#[derive(Debug, Default)]
pub struct Cache {
    hits: Counter,
    misses: Counter,
}

impl Cache {
    /// Counts one look.
    pub fn looked(&self, found: bool) {
        if found {
            self.hits.inc()
        } else {
            self.misses.inc()
        };
    }

    /// Registers both counters as `<name>_hits` and `<name>_misses`.
    pub fn register(&self, registry: &mut Registry, name: &str, when_found: &str, when_not: &str) {
        registry.register(format!("{name}_hits"), when_found, self.hits.clone());
        registry.register(format!("{name}_misses"), when_not, self.misses.clone());
    }
}
