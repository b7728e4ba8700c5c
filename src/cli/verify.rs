//! `authledger verify`: is the book what was written, and all of it?

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use events::chain::ChainHash;
use events::dump::DumpReader;
use events::id::Sequence;
use events::merkle::TreeHash;
use events::verify::{ExpectedHead, Finding, Report, Verdict, Verifier, VerifyError, verify};
use serde_json::{Value, json};

use super::offline::{self, NotOpened};
use super::progress::Bar;
use super::{Exit, Failure, Settings, print_json, say};
use crate::ledger::recover::OpenedCopy;
use crate::ledger::refusal::{EngineFailure, OpenRefusal};
use crate::ledger::store::StoreError;
use crate::ledger::witness::WitnessRefusal;

/// Check every event: chain, tree, streams and commands
///
/// A data directory is checked on a copy and held against its witness, a dump by itself alone: that it is all of the log
/// only whoever knows a later head can say, with --size and a hash.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXIT_CODES, after_help = EXIT_CODES)]
pub(super) struct Verify {
    #[command(flatten)]
    settings: Settings,
    /// Check a dump that `events --format leaves` wrote instead; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data_dir", "config"])]
    dump: Option<PathBuf>,
    /// The log must have so many events or more
    #[arg(long, value_name = "N")]
    size: Option<u64>,
    /// Its tree must have had this root at that size
    #[arg(long, value_name = "HEX", requires = "size", value_parser = root)]
    root: Option<TreeHash>,
    /// Its chain must have had this hash at that size
    #[arg(long, value_name = "HEX", requires = "size", value_parser = chain)]
    chain: Option<ChainHash>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
   0  verified: what is there is what was written, and all that the witness or --size knows of is there
  10  tampered: what is there is not what was written
  11  forked: two signed checkpoints contradict each other  (kept for checks against checkpoints)
  12  stale: a checkpoint is older than one seen before     (kept for checks against checkpoints)
  13  incomplete: what is there may be true, but events or files are missing
   2  usage or settings
   3  could not be checked: in use, no ledger, no or a wrong master key, unreadable";

const DIRECTORY_ADVICE: &str = "Nothing was changed. Keep a copy of the directory as evidence, then put back a complete copy from before.";
const DUMP_ADVICE: &str = "Keep the dump as evidence, and ask for another.";

/// What every verification looks at, by the words that FORMAT.md and its findings use.
const CHECKS: [&str; 10] =
    ["header", "sequence", "chain", "ledger", "epoch", "time", "command", "stream", "body", "tree"];

impl Verify {
    pub(super) fn run(mut self) -> Result<Exit, Failure> {
        let settings = std::mem::take(&mut self.settings);
        let mut bar = Bar::new();
        let judged = match &self.dump {
            Some(path) => self.dump(path, &mut bar)?,
            None => self.directory(settings, &mut bar)?,
        };
        drop(bar);
        match judged {
            Ok(verified) => {
                if self.json {
                    print_json(&verified.to_json())?;
                } else {
                    say(&verified.to_text())?;
                }
                Ok(Exit::Done)
            }
            Err(broken) => {
                if self.json {
                    print_json(&broken.to_json())?;
                } else {
                    let advice = if self.dump.is_some() { DUMP_ADVICE } else { DIRECTORY_ADVICE };
                    say(&format!("{}\n{advice}", broken.to_text()))?;
                }
                Ok(Exit::Verdict(broken.verdict))
            }
        }
    }

    fn expected(&self) -> Option<ExpectedHead> {
        self.size.map(|size| ExpectedHead { size, chain: self.chain, root: self.root })
    }

    fn directory(&self, settings: Settings, bar: &mut Bar) -> Result<Result<Verified, Broken>, Failure> {
        let opened = match offline::open(settings, bar) {
            Ok(opened) => opened,
            Err(NotOpened::Failed(failure)) => return Err(failure),
            Err(NotOpened::Refused(reason)) => {
                return Broken::of_refusal(&reason).map(Err).ok_or_else(|| offline::refusal(&reason));
            }
        };
        let mut checks = [&CHECKS[..], &["witness"]].concat();
        if let Some(expected) = self.expected() {
            checks.push("head");
            if let Err(finding) = compare(&opened, expected, bar)? {
                return Ok(Err(Broken::of_finding(&finding)));
            }
        }
        Ok(Ok(Verified { report: opened.report, checks }))
    }

    fn dump(&self, path: &Path, bar: &mut Bar) -> Result<Result<Verified, Broken>, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::cannot_run(format!("the dump {} can't be read: {error}", path.display()))
        };
        let (input, bytes): (Box<dyn Read>, u64) = if path == Path::new("-") {
            (Box::new(io::stdin().lock()), 0)
        } else {
            let file = File::open(path).map_err(|error| failed(&error))?;
            let metadata = file.metadata().map_err(|error| failed(&error))?;
            if metadata.is_dir() {
                return Err(failed(&"it is a directory; a data directory is named with --data-dir"));
            }
            (Box::new(file), metadata.len())
        };
        let input = BufReader::with_capacity(256 * 1024, bar.reading_bytes("checking", bytes, input));
        let mut checks = CHECKS.to_vec();
        if self.size.is_some() {
            checks.push("head");
        }
        match verify(Verifier::expecting(self.expected()), DumpReader::new(input)) {
            Ok(report) => Ok(Ok(Verified { report, checks })),
            Err(VerifyError::Found(finding)) => Ok(Err(Broken::of_finding(&finding))),
            Err(VerifyError::Read(error)) => match error.verdict() {
                Some(verdict) => Ok(Err(Broken {
                    verdict,
                    sequence: Some(error.sequence()),
                    reason: error.name(),
                    message: error.to_string(),
                    intact: Some(error.sequence().0),
                })),
                None => Err(failed(&error)),
            },
        }
    }
}

/// Holds a log that passed all other checks against a head that somebody wrote down.
fn compare(
    opened: &OpenedCopy,
    expected: ExpectedHead,
    bar: &mut Bar,
) -> Result<Result<(), Finding>, Failure> {
    let size = opened.head().size;
    let mut verifier = Verifier::expecting([expected]);
    let mut found = None;
    bar.reading("comparing", size);
    opened
        .reader()
        .read(Sequence(0), Sequence(size), &mut |sequence, leaf| {
            if sequence.0.is_multiple_of(4096) {
                bar.at(sequence.0);
            }
            match verifier.push(leaf) {
                Ok(()) if sequence.0 < expected.size => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(()),
                Err(finding) => {
                    found = Some(finding);
                    ControlFlow::Break(())
                }
            }
        })
        .map_err(Failure::cannot_run)?;
    if let Some(finding) = found {
        return Ok(Err(finding));
    }
    // Stopping behind the expected head leaves a command unfinished, perhaps; that was checked for the whole log before.
    let behind = verifier.head().size < size;
    Ok(if behind { Ok(()) } else { verifier.finish().map(|_| ()) })
}

/// A book that is whole, as far as it can be said.
struct Verified {
    report: Report,
    checks: Vec<&'static str>,
}

impl Verified {
    fn to_json(&self) -> Value {
        let Report { head, ledger_id, epoch, commands, streams, unknown_bodies } = self.report;
        json!({
            "result": "verified",
            "ledgerId": ledger_id.map(|id| id.to_string()),
            "epoch": epoch.map(|epoch| epoch.0),
            "size": head.size,
            "chain": head.chain.to_string(),
            "root": head.root.to_string(),
            "commands": commands,
            "streams": streams,
            "checks": self.checks,
            "unknownBodies": unknown_bodies,
        })
    }

    fn to_text(&self) -> String {
        let Report { head, ledger_id, epoch, commands, streams, unknown_bodies } = self.report;
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
        let mut lines = vec![
            format!("verified: {} events, {commands} commands, {streams} streams", head.size),
            format!("ledger   {}", or_none(ledger_id.map(|id| id.to_string()))),
            format!("epoch    {}", or_none(epoch.map(|epoch| epoch.to_string()))),
            format!("size     {}", head.size),
            format!("chain    {}", head.chain),
            format!("root     {}", head.root),
            format!("checked  {}", self.checks.join(", ")),
            format!("unknown  {unknown_bodies} bodies"),
        ];
        if unknown_bodies > 0 {
            lines.push(
                "Those were written by a newer version: their place was checked, their meaning was not."
                    .to_owned(),
            );
        }
        lines.join("\n")
    }
}

/// A book that is not.
struct Broken {
    verdict: Verdict,
    /// The first bad event.
    sequence: Option<Sequence>,
    /// One word for programs; FORMAT.md's where the events are the matter, else `file`, `files` or `witness`.
    reason: &'static str,
    message: String,
    /// How many events from the beginning hang together, where that is known.
    intact: Option<u64>,
}

impl Broken {
    fn of_finding(finding: &Finding) -> Self {
        Self {
            verdict: finding.verdict(),
            sequence: Some(finding.sequence),
            reason: finding.reason.name(),
            message: finding.to_string(),
            // A head that differs says nothing about where history was changed.
            intact: Some(finding.sequence.0).filter(|_| finding.reason.name() != "head"),
        }
    }

    /// What a refusal to open says about the book; `None` when it says nothing about it.
    fn of_refusal(refusal: &OpenRefusal) -> Option<Self> {
        use Verdict::{Incomplete, Tampered};
        let (verdict, reason) = match refusal {
            OpenRefusal::Damaged { finding, .. } => {
                let message = format!("{}: {finding}", refusal.file().display());
                return Some(Self { message, ..Self::of_finding(finding) });
            }
            OpenRefusal::EventsMissing { .. } => (Incomplete, "missing"),
            OpenRefusal::Changed { .. } => (Tampered, "head"),
            OpenRefusal::ForeignLog { .. } => (Tampered, "ledger"),
            OpenRefusal::Missing { .. } | OpenRefusal::Witness { reason: WitnessRefusal::Missing, .. } => {
                (Incomplete, "file")
            }
            // Whoever changed the witness took away what says how far the book went.
            OpenRefusal::Witness {
                reason: WitnessRefusal::Length { .. } | WitnessRefusal::Unsigned, ..
            } => (Tampered, "witness"),
            OpenRefusal::ForeignFiles { .. }
            | OpenRefusal::Engine {
                reason: EngineFailure::Damaged | EngineFailure::Failed(StoreError::Damaged { .. }),
                ..
            } => (Tampered, "files"),
            OpenRefusal::NotALedger { .. }
            | OpenRefusal::NotVacant { .. }
            | OpenRefusal::AlreadyRunning { .. }
            | OpenRefusal::Witness { reason: WitnessRefusal::Io(_), .. }
            | OpenRefusal::Engine {
                reason: EngineFailure::Failed(_) | EngineFailure::Stuck { .. }, ..
            }
            | OpenRefusal::NoRoomForCopy { .. }
            | OpenRefusal::Io { .. } => return None,
        };
        let intact = match refusal {
            OpenRefusal::EventsMissing { first, .. } => Some(first.0),
            OpenRefusal::Engine {
                reason: EngineFailure::Failed(StoreError::Damaged { sequence }), ..
            } => Some(sequence.0),
            _ => None,
        };
        Some(Self { verdict, sequence: refusal.sequence(), reason, message: refusal.to_string(), intact })
    }

    fn to_json(&self) -> Value {
        json!({
            "result": self.verdict.name(),
            "sequence": self.sequence.map(|sequence| sequence.0),
            "reason": self.reason,
            "message": self.message,
            "intact": self.intact,
        })
    }

    fn to_text(&self) -> String {
        let intact = match self.intact {
            Some(0) => "No event before it can be relied on.".to_owned(),
            Some(1) => "Event 0 is as it was written.".to_owned(),
            Some(size) => format!("Events 0 to {} hang together.", size - 1),
            None => "It can't be said which events are still as they were written.".to_owned(),
        };
        format!("{}: {}\n{intact}", self.verdict.name(), self.message)
    }
}

fn root(text: &str) -> Result<TreeHash, &'static str> {
    hash(text).map(TreeHash)
}

fn chain(text: &str) -> Result<ChainHash, &'static str> {
    hash(text).map(ChainHash)
}

fn hash(text: &str) -> Result<[u8; 32], &'static str> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| "use 64 hexadecimal digits")?;
    Ok(bytes)
}
