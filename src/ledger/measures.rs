//! What the writer counts and times.

use std::time::Duration;

use events::event::Event;

use crate::metrics::{Counter, EncodeLabelSet, Family, Histogram, Registry, batch_commands, disk_seconds};

/// Numbers of one open ledger, since its start.
pub(super) struct Measures {
    batch_commands: Histogram,
    append_seconds: Histogram,
    sync_seconds: Histogram,
    witness_seconds: Histogram,
    facts: Family<Fact, Counter>,
}

/// The name of a fact: as many as there are variants of [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fact {
    event: &'static str,
}

impl Measures {
    pub(super) fn new() -> Self {
        Self {
            batch_commands: batch_commands(),
            append_seconds: disk_seconds(),
            sync_seconds: disk_seconds(),
            witness_seconds: disk_seconds(),
            facts: Family::default(),
        }
    }

    /// The engine ended an append, well or not; `sync` of it went into waiting for the disk, where the engine has one.
    pub(super) fn appended(&self, whole: Duration, sync: Option<Duration>) {
        self.append_seconds.observe(whole.as_secs_f64());
        if let Some(sync) = sync {
            self.sync_seconds.observe(sync.as_secs_f64());
        }
    }

    /// The witness ended a record, well or not.
    pub(super) fn witnessed(&self, whole: Duration) {
        self.witness_seconds.observe(whole.as_secs_f64());
    }

    /// A batch is visible: so many commands were answered in it.
    pub(super) fn published(&self, commands: usize) {
        self.batch_commands.observe(f64::from(u32::try_from(commands).unwrap_or(u32::MAX)));
    }

    /// A fact is durable.
    pub(super) fn recorded(&self, event: &Event) {
        let name = event.kind().0.name().unwrap_or("unknown");
        self.facts.get_or_create(&Fact { event: name }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "batch_commands",
            "Commands decided and answered together in one batch of the writer",
            self.batch_commands.clone(),
        );
        registry.register(
            "append_seconds",
            "Time to append a batch to the log, its synchronisation included",
            self.append_seconds.clone(),
        );
        registry.register(
            "sync_seconds",
            "Time the disk took to synchronise the log after a batch",
            self.sync_seconds.clone(),
        );
        registry.register(
            "witness_seconds",
            "Time to record a batch in the witness, its synchronisation included",
            self.witness_seconds.clone(),
        );
        registry.register("events", "Events recorded since the start, by name", self.facts.clone());
    }
}
