//! `authledger replay`: the state that the events add up to, at any moment.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use events::envelope::Leaf;
use events::event::EventType;
use events::id::Sequence;
use events::time::Timestamp;
use parking_lot::Mutex;
use projections::digest::{DIGEST_VERSION, StateDigest};
use serde_json::{Map, Value, json};

use super::offline::{self, Moment};
use super::progress::Bar;
use super::{Exit, Failure, Settings, print_json, say};
use crate::ledger::start::{Folded, fold};
use crate::ledger::store::{Head, LogReader, StoreError};

/// Rebuild the state from the log, and print what it holds
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    #[command(flatten)]
    settings: Settings,
    /// Up to and including this event, or all events up to this time (RFC 3339)
    #[arg(long, value_name = "SEQ|TIME")]
    until: Option<Moment>,
    /// Print the state digest, which two states share only if they answer alike
    #[arg(long)]
    digest: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut bar = Bar::new();
        let opened = offline::open(self.settings, &mut bar)?;
        let log = opened.reader();
        let size = log.head().size;
        if let Some(Moment::Sequence(sequence)) = self.until
            && sequence.0 >= size
        {
            return Err(Failure::no(format!(
                "there is no event {sequence}: the log has {size} events, from 0 on"
            )));
        }
        bar.reading("replaying", size);
        let counted = Counted { log: &*log, until: self.until, tally: Mutex::default() };
        let Folded { view, chain, frontier, .. } =
            fold(&counted, Sequence(size), &mut |done| bar.at(done)).map_err(Failure::cannot_run)?;
        drop(bar);
        let replayed = Replayed {
            size: frontier.size(),
            chain: chain.to_string(),
            root: frontier.root().to_string(),
            tally: counted.tally.into_inner(),
            rows: view.state.counts(),
            digest: self.digest.then(|| view.state.digest()),
        };
        if self.json {
            print_json(&replayed.to_json())?;
        } else {
            say(&replayed.to_text())?;
        }
        Ok(Exit::Done)
    }
}

/// A log that ends at a moment, and counts what is read of it, so that there is one fold for server and replay.
struct Counted<'a> {
    log: &'a dyn LogReader,
    until: Option<Moment>,
    tally: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    /// By name, so that the order is the same in every release.
    types: BTreeMap<String, u64>,
    last: Option<Timestamp>,
    /// Events of the last command that are there, and that it has.
    command: (u32, u32),
}

impl LogReader for Counted<'_> {
    fn head(&self) -> Head {
        self.log.head()
    }

    fn read(
        &self,
        from: Sequence,
        until: Sequence,
        visit: &mut dyn FnMut(Sequence, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut types: BTreeMap<EventType, u64> = BTreeMap::new();
        let mut tally = self.tally.lock();
        self.log.read(from, until, &mut |sequence, bytes| {
            if let Ok(leaf) = Leaf::parse(bytes) {
                if self.until.is_some_and(|until| !until.includes(&leaf.header)) {
                    return ControlFlow::Break(());
                }
                *types.entry(leaf.event_type).or_default() += 1;
                tally.last = Some(leaf.header.recorded_at);
                tally.command = (leaf.header.command_index + 1, leaf.header.command_count);
            }
            visit(sequence, bytes)
        })?;
        tally.types.extend(types.into_iter().map(|(kind, count)| (kind.to_string(), count)));
        Ok(())
    }
}

struct Replayed {
    size: u64,
    chain: String,
    root: String,
    tally: Tally,
    rows: Vec<(&'static str, u64)>,
    digest: Option<StateDigest>,
}

impl Replayed {
    /// Whether the state is one that nobody ever saw, because the writer shows whole commands only.
    fn inside_command(&self) -> bool {
        self.tally.command.0 < self.tally.command.1
    }

    fn to_json(&self) -> Value {
        let types: Map<String, Value> =
            self.tally.types.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
        let rows: Map<String, Value> =
            self.rows.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let mut body = json!({
            "size": self.size,
            "recordedAt": self.tally.last.map(|time| time.to_string()),
            "chain": self.chain,
            "root": self.root,
            "events": types,
            "rows": rows,
            "insideCommand": self.inside_command(),
        });
        if let Some(digest) = self.digest {
            body["digestVersion"] = json!(DIGEST_VERSION);
            body["digest"] = json!(digest.to_string());
        }
        body
    }

    fn to_text(&self) -> String {
        let last =
            self.tally.last.map_or_else(|| "before the first event".to_owned(), |time| time.to_string());
        let mut lines = vec![
            format!("{} events, up to {last}", self.size),
            format!("chain  {}", self.chain),
            format!("root   {}", self.root),
        ];
        if let Some(digest) = self.digest {
            lines.push(format!("digest {digest}  (version {DIGEST_VERSION})"));
        }
        let width = self
            .tally
            .types
            .keys()
            .map(String::len)
            .chain(self.rows.iter().map(|(name, _)| name.len()))
            .max();
        let width = width.unwrap_or_default();
        lines.push("events".to_owned());
        lines.extend(self.tally.types.iter().map(|(name, count)| format!("  {name:<width$}  {count}")));
        lines.push("rows".to_owned());
        lines.extend(self.rows.iter().map(|(name, count)| format!("  {name:<width$}  {count}")));
        if self.inside_command() {
            let (present, count) = self.tally.command;
            lines.push(format!(
                "This is inside a command, after {present} of its {count} events: no server ever showed this state."
            ));
        }
        lines.join("\n")
    }
}
