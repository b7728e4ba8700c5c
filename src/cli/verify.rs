//! `authledger verify`: is the book what was written, and all of it?

use events::verify::{Report, Verdict};
use serde_json::{Value, json};

use super::offline::{self, NotOpened};
use super::progress::Bar;
use super::{Exit, Failure, Settings, print_json, say};
use crate::ledger::refusal::{EngineFailure, OpenRefusal};

/// Check every event: chain, tree, streams and commands, against the witness
///
/// Exit codes: 0 the book is whole and unchanged; 10 tampered: what is there is not what was written; 13 incomplete: what
/// is there may be true, but acknowledged events are missing; 2 usage; 3 could not be checked (in use, no ledger, no key).
/// 11 (forked) and 12 (stale) are kept for checks against a checkpoint.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    settings: Settings,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut bar = Bar::new();
        let opened = offline::open(self.settings, &mut bar);
        drop(bar);
        match opened {
            Ok(opened) => {
                if self.json {
                    print_json(&as_json(&opened.report))?;
                } else {
                    say(&as_text(&opened.report))?;
                }
                Ok(Exit::Done)
            }
            Err(NotOpened::Failed(failure)) => Err(failure),
            Err(NotOpened::Refused(reason)) => match judge(&reason) {
                Some(verdict) => {
                    let result = verdict.name();
                    if self.json {
                        let sequence = reason.sequence().map(|sequence| sequence.0);
                        print_json(
                            &json!({ "result": result, "sequence": sequence, "reason": reason.to_string() }),
                        )?;
                    } else {
                        say(&format!("{result}: {reason}"))?;
                    }
                    Ok(Exit::Verdict(verdict))
                }
                None => Err(offline::refusal(&reason)),
            },
        }
    }
}

/// What a refusal to open says about the book; `None` when it says nothing about it.
fn judge(reason: &OpenRefusal) -> Option<Verdict> {
    match reason {
        OpenRefusal::Changed { .. }
        | OpenRefusal::ForeignLog { .. }
        | OpenRefusal::ForeignFiles { .. }
        | OpenRefusal::Engine { reason: EngineFailure::Damaged, .. }
        // Whoever changed the witness took away what says how far the book went.
        | OpenRefusal::Witness { .. } => Some(Verdict::Tampered),
        OpenRefusal::EventsMissing { .. } | OpenRefusal::Missing { .. } => Some(Verdict::Incomplete),
        OpenRefusal::Damaged { finding, .. } => Some(finding.verdict()),
        OpenRefusal::NotALedger { .. }
        | OpenRefusal::NotVacant { .. }
        | OpenRefusal::AlreadyRunning { .. }
        | OpenRefusal::Engine { reason: EngineFailure::Failed(_) | EngineFailure::Stuck { .. }, .. }
        | OpenRefusal::NoRoomForCopy { .. }
        | OpenRefusal::Io { .. } => None,
    }
}

fn as_json(report: &Report) -> Value {
    json!({
        "result": "verified",
        "ledgerId": report.ledger_id.map(|id| id.to_string()),
        "epoch": report.epoch.map(|epoch| epoch.0),
        "size": report.head.size,
        "chain": report.head.chain.to_string(),
        "root": report.head.root.to_string(),
        "commands": report.commands,
        "streams": report.streams,
        "unknownBodies": report.unknown_bodies,
    })
}

fn as_text(report: &Report) -> String {
    let mut lines = vec![
        format!(
            "verified: {} events in {} commands on {} streams",
            report.head.size, report.commands, report.streams
        ),
        format!("ledger {}", report.ledger_id.map_or_else(|| "none".to_owned(), |id| id.to_string())),
        format!("chain  {}", report.head.chain),
        format!("root   {}", report.head.root),
    ];
    if report.unknown_bodies > 0 {
        let count = report.unknown_bodies;
        lines.push(format!(
            "{count} events were written by a newer version: their place was checked, their meaning not"
        ));
    }
    lines.join("\n")
}
