//! The snapshots that are there, each with what is known of it, in one form for the command line and for HTTP.

use events::chain::ChainHash;
use events::id::{LedgerId, Sequence};
use events::ledger::StateDigest;
use events::merkle::TreeHash;
use events::time::Timestamp;
use projections::digest::DIGEST_VERSION;
use serde::Serialize;

use super::confirm::Confirmation;
use super::{SnapshotDirectory, Unusable};

/// One snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Of how many events it is the state, by its name.
    pub size: u64,
    /// How long its file is.
    pub bytes: u64,
    /// When the last of its events was recorded; `None` when it is not whole.
    pub recorded_at: Option<Timestamp>,
    /// When it was taken; `None` when the log does not say.
    pub taken_at: Option<Timestamp>,
    /// The event that says so.
    pub sequence: Option<u64>,
    /// Which tables it holds.
    pub digest_version: Option<u16>,
    /// Of its tables.
    pub digest: Option<StateDigest>,
    /// Chain hash of the last of its events.
    pub chain: Option<ChainHash>,
    /// Root of the tree over them.
    pub root: Option<TreeHash>,
    /// Whether its bytes are those that were written.
    pub whole: bool,
    /// Whether the log says what it says.
    pub confirmed: bool,
    /// Why a start would pass over it; `None` when it would not.
    pub problem: Option<String>,
}

/// The snapshots of these sizes in `directory`, in the same order, beside a log of `log` events that speaks of
/// `confirmations`. It reads their files.
pub fn list(
    directory: &SnapshotDirectory,
    sizes: &[u64],
    ledger_id: LedgerId,
    log: u64,
    confirmations: &[Confirmation],
) -> Vec<Listed> {
    // One that was pruned meanwhile is none any more.
    let there = sizes.iter().filter_map(|size| Some((*size, directory.bytes(*size).ok()?)));
    there.map(|(size, bytes)| one(directory, size, bytes, ledger_id, log, confirmations)).collect()
}

fn one(
    directory: &SnapshotDirectory,
    size: u64,
    bytes: u64,
    ledger_id: LedgerId,
    log: u64,
    confirmations: &[Confirmation],
) -> Listed {
    let mut listed = Listed {
        size,
        bytes,
        recorded_at: None,
        taken_at: None,
        sequence: None,
        digest_version: None,
        digest: None,
        chain: None,
        root: None,
        whole: false,
        confirmed: false,
        problem: None,
    };
    let head = match directory.inspect(size) {
        Ok(head) => head,
        Err(reason) => {
            listed.problem = Some(reason.to_string());
            return listed;
        }
    };
    listed.whole = true;
    listed.recorded_at = Some(head.recorded_at);
    listed.digest_version = Some(head.digest_version);
    listed.digest = Some(head.digest);
    listed.chain = Some(head.chain);
    listed.root = Some(head.root);
    let of_size = || confirmations.iter().filter(|confirmation| confirmation.taken.size == size);
    let confirmation = of_size().find(|confirmation| confirmation.taken == head.taken());
    let reason = if head.ledger_id != ledger_id {
        Some(Unusable::OtherLedger(head.ledger_id))
    } else if head.size > log {
        Some(Unusable::Newer { size, log })
    } else if let Some(Confirmation { header, .. }) = confirmation {
        let Sequence(sequence) = header.sequence;
        listed.confirmed = true;
        listed.sequence = Some(sequence);
        listed.taken_at = Some(header.recorded_at);
        (head.digest_version != DIGEST_VERSION).then_some(Unusable::DigestVersion(head.digest_version))
    } else if of_size().next().is_some() {
        Some(Unusable::Differs)
    } else {
        Some(Unusable::Unconfirmed)
    };
    listed.problem = reason.map(|reason| reason.to_string());
    listed
}
