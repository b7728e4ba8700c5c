//! `authledger replay`: the state that the events add up to, at any moment.

use std::ops::ControlFlow;

use projections::State;
use projections::digest::DIGEST_VERSION;
use serde_json::json;

use super::offline::{self, Moment};
use super::progress::Bar;
use super::{Exit, Failure, Settings, print_json, say};

/// Rebuild the state from the log, and print its counts
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    #[command(flatten)]
    settings: Settings,
    /// Up to and including this event, or the events up to this time
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
        let mut state = State::default();
        offline::walk(&*opened.reader(), None, self.until, &mut bar, &mut |entry| {
            let sequence = entry.leaf.header.sequence;
            match entry.envelope() {
                Ok(Some(envelope)) => state.apply(&envelope),
                Ok(None) => {
                    return Err(Failure::cannot_run(format!(
                        "event {sequence} was written by a newer version of authledger, so its state can't be rebuilt by this one"
                    )));
                }
                Err(error) => return Err(Failure::cannot_run(format!("event {sequence}: {error}"))),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        drop(bar);
        let counts = [
            ("events", state.log.size()),
            ("streams", state.streams.heads.all().count() as u64),
            ("tenants", state.tenants.rows.all().count() as u64),
            ("roles", state.roles.rows.all().count() as u64),
            ("users", state.users.rows.all().count() as u64),
            ("oauthApps", state.oauth_apps.rows.all().count() as u64),
        ];
        let digest = self.digest.then(|| state.digest().to_string());
        if self.json {
            let mut body = serde_json::Map::new();
            body.extend(counts.map(|(name, count)| (name.to_owned(), json!(count))));
            if let Some(digest) = digest {
                body.insert("digestVersion".to_owned(), json!(DIGEST_VERSION));
                body.insert("digest".to_owned(), json!(digest));
            }
            print_json(&body.into())?;
        } else {
            let mut lines: Vec<String> =
                counts.iter().map(|(name, count)| format!("{name:<10} {count}")).collect();
            lines.extend(digest.map(|digest| format!("digest v{DIGEST_VERSION}  {digest}")));
            say(&lines.join("\n"))?;
        }
        Ok(Exit::Done)
    }
}
