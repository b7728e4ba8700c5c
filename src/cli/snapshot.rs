//! `authledger snapshot`: saved states, from which a start need not fold everything.

use std::io::Write;
use std::sync::Arc;

use events::envelope::Actor;
use events::id::{CommandId, Epoch};
use serde_json::{Value, json};

use super::offline::{self, NotOpened, Ready};
use super::progress::Bar;
use super::{Exit, Failure, Settings, print_json, say};
use crate::clock::{Random, SystemClock, SystemRandom, draw};
use crate::commands::{Cause, Command, Wish, ledger::TakeSnapshot};
use crate::config::Config;
use crate::ledger::live::ExecuteError;
use crate::ledger::recover::{Opened, OpenedCopy};
use crate::ledger::refusal::OpenRefusal;
use crate::ledger::snapshot::{
    Checked, Draft, Listed, Skipped, SnapshotDirectory, check, confirmations_behind, list,
};
use crate::ledger::start::{WriterSettings, start};
use crate::ledger::witness::Statement;

/// Save the state, so that the next start need not fold the whole log
#[derive(Debug, clap::Args)]
pub(super) struct Snapshot {
    #[command(subcommand)]
    command: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    Create(Create),
    List(List),
    Verify(Verify),
}

impl Snapshot {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Subcommand::Create(create) => create.run(),
            Subcommand::List(list) => list.run(),
            Subcommand::Verify(verify) => verify.run(),
        }
    }
}

/// Take a snapshot of a ledger that nobody serves, and record it in the log
///
/// The three newest are kept.
#[derive(Debug, clap::Args)]
struct Create {
    #[command(flatten)]
    settings: Settings,
    /// The clock is right, although the last event is longer ago than clock.max_gap
    #[arg(long)]
    accept_clock: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl Create {
    fn run(self) -> Result<Exit, Failure> {
        let config = self.settings.load(Vec::new())?;
        let directory = offline::data_directory(&config);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let mut bar = Bar::new();
        let ready = offline::open_to_write(&config, Arc::clone(&random), &mut bar);
        let Ready { opened, vault } =
            ready.map_err(|reason| or_ask_the_server(reason, &config, "-X POST "))?;
        drop(bar);
        let Opened { store, witness, closer, folded, skipped, .. } = opened;
        tell_skipped(&skipped);
        let folded = folded.known().map_err(Failure::cannot_run)?;
        let snapshots = directory.snapshots();
        let draft =
            Draft::of(&snapshots, &folded, config.ledger.min_free_bytes).map_err(Failure::cannot_run)?;

        let settings = WriterSettings {
            queue: config.ledger.queue,
            max_gap: config.clock.max_gap,
            accept_clock: self.accept_clock,
        };
        let clock = Arc::new(SystemClock::new());
        let ledger = start(store, witness, Some(closer), vault, clock, &settings, folded)
            .map_err(Failure::cannot_run)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Failure::cannot_run(format!("can't start the runtime: {error}")))?;
        let cause = Cause {
            id: CommandId(draw(&*random)),
            actor: Actor::Operator,
            on_behalf_of: None,
            bearer: None,
            idempotency: None,
            origin: None,
        };
        let wish = Wish::TakeSnapshot(TakeSnapshot { taken: draft.taken() });
        let recorded = runtime.block_on(ledger.execute(Command { cause, wish }));
        // Kept before the log is closed, and closed whatever came of it.
        let kept = recorded
            .map_err(|error: ExecuteError| Failure::cannot_run(format!("it could not be recorded: {error}")))
            .and_then(|receipt| draft.keep().map(|head| (receipt.last, head)).map_err(Failure::cannot_run));
        ledger
            .close()
            .map_err(|error| Failure::cannot_run(format!("the log could not be closed in order: {error}")))?;
        let (sequence, head) = kept?;
        let bytes = snapshots.bytes(head.size).unwrap_or_default();
        if self.json {
            print_json(&json!({
                "size": head.size, "bytes": bytes, "recordedAt": head.recorded_at, "sequence": sequence.0,
                "chain": head.chain, "root": head.root, "digestVersion": head.digest_version,
                "digest": head.digest, "file": snapshots.file(head.size),
            }))?;
        } else {
            say(&format!(
                "A snapshot of {} events, {bytes} bytes: {}\nchain  {}\nroot   {}\ndigest {}  (version {})\nRecorded as event {sequence}.",
                head.size,
                snapshots.file(head.size).display(),
                head.chain,
                head.root,
                head.digest,
                head.digest_version,
            ))?;
        }
        Ok(Exit::Done)
    }
}

/// In a directory that is in use the server is to be asked.
fn or_ask_the_server(reason: NotOpened, config: &Config, method: &str) -> Failure {
    match reason {
        NotOpened::Refused(reason) if matches!(*reason, OpenRefusal::AlreadyRunning { .. }) => {
            let url = config.public_url(config.server.listen);
            Failure::cannot_run(format!(
                "{reason}\nAsk it instead: curl -u NAME {method}{url}/api/operate/snapshots"
            ))
        }
        reason => reason.into(),
    }
}

pub(super) fn tell_skipped(skipped: &[Skipped]) {
    for Skipped { file, reason } in skipped {
        let _ = writeln!(std::io::stderr(), "authledger: passed over {}: {reason}", file.display());
    }
}

/// List the snapshots that are there, and whether a start would take them up
#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    settings: Settings,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl List {
    fn run(self) -> Result<Exit, Failure> {
        let Looked { listed, .. } = look(self.settings)?;
        if self.json {
            return print_json(&json!({ "snapshots": listed })).map(|()| Exit::Done);
        }
        if listed.is_empty() {
            return say("There are no snapshots.").map(|()| Exit::Done);
        }
        for Listed { size, bytes, recorded_at, digest, problem, .. } in listed {
            let at = recorded_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            let digest = digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string());
            let state = problem.as_deref().unwrap_or("good");
            say(&format!("{size}  {at}  {bytes} bytes  {digest}  {state}"))?;
        }
        Ok(Exit::Done)
    }
}

/// Fold the log up to a snapshot and compare; of all snapshots, when none is named
///
/// Exit codes: 0 they are what the log adds up to, and it confirms them; 1 one is not, or is not there; 3 it can't be said.
#[derive(Debug, clap::Args)]
struct Verify {
    #[command(flatten)]
    settings: Settings,
    /// The snapshot of so many events
    #[arg(value_name = "SIZE")]
    size: Option<u64>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    fn run(self) -> Result<Exit, Failure> {
        let Looked { opened, directory, mut listed, mut bar } = look(self.settings)?;
        if let Some(size) = self.size {
            listed.retain(|listed| listed.size == size);
            if listed.is_empty() {
                return Err(Failure::no(format!("there is no snapshot of {size} events")));
            }
        }
        let known = known(&opened);
        let mut exit = Exit::Done;
        let mut answers = Vec::new();
        for Listed { size, confirmed, problem, .. } in listed {
            bar.reading("folding", size);
            let checked = check(&directory, size, &*opened.reader(), &known, &mut |done| bar.at(done))
                .map_err(Failure::cannot_run)?;
            let (result, reason, code) = match checked {
                Checked::Same if confirmed => ("same", None, Exit::Done),
                // True, and nothing says so: a start passes over it.
                Checked::Same => ("unconfirmed", problem, Exit::No),
                Checked::Differs(reason) => ("differs", Some(reason), Exit::No),
                Checked::NotChecked(reason) => ("not checked", Some(reason), Exit::CannotRun),
            };
            if exit == Exit::Done || code == Exit::No {
                exit = code;
            }
            answers.push((size, result, reason));
        }
        drop(bar);
        if self.json {
            let answers: Vec<Value> = answers
                .into_iter()
                .map(|(size, result, reason)| json!({ "size": size, "result": result, "reason": reason }))
                .collect();
            print_json(&json!({ "snapshots": answers }))?;
        } else if answers.is_empty() {
            say("There are no snapshots.")?;
        } else {
            for (size, result, reason) in answers {
                let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                say(&format!("{size}  {result}{reason}"))?;
            }
        }
        Ok(exit)
    }
}

/// A checked copy of the log, and the snapshots beside the original.
struct Looked {
    opened: OpenedCopy,
    directory: SnapshotDirectory,
    listed: Vec<Listed>,
    bar: Bar,
}

fn look(settings: Settings) -> Result<Looked, Failure> {
    let mut bar = Bar::new();
    let config = settings.load(Vec::new())?;
    let directory = offline::data_directory(&config).snapshots();
    let opened =
        offline::open_with(&config, &mut bar).map_err(|reason| or_ask_the_server(reason, &config, ""))?;
    let failed = |error: &dyn std::fmt::Display| {
        Failure::cannot_run(format!("{} can't be read: {error}", directory.path().display()))
    };
    let sizes = directory.sizes().map_err(|error| failed(&error))?;
    let size = opened.head().size;
    let confirmations = match sizes.last() {
        Some(oldest) => {
            bar.reading("reading", size);
            confirmations_behind(&*opened.reader(), *oldest, &mut |done| bar.at(done))
                .map_err(Failure::cannot_run)?
        }
        None => Vec::new(),
    };
    let listed = list(&directory, &sizes, known(&opened).ledger_id, size, &confirmations);
    Ok(Looked { opened, directory, listed, bar })
}

fn known(opened: &OpenedCopy) -> Statement {
    let report = &opened.report;
    Statement {
        ledger_id: report.ledger_id.expect("a ledger that was opened has a first event"),
        epoch: report.epoch.unwrap_or(Epoch(1)),
        size: report.head.size,
        chain: report.head.chain,
        root: report.head.root,
    }
}
