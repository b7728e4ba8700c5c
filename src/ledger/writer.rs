//! The one writer: takes the commands that are waiting, decides each on what its predecessors leave, and makes all of them
//! durable at once.
//!
//! ```text
//! queue ─► stamp ─► decide, encode, fold into a layer ─► append ─► witness ─► move the layer into the state ─► answer all
//!          └── under the shared guard ──────────────────┘  └─ no guard ──┘   └── exclusive guard, rows only ─┘
//! ```
//!
//! What recovery finds if we die: before `append` nothing of the batch; during it the whole batch or nothing; after it and
//! before the witness the whole batch, *ahead* of the witness by valid events nobody was told of; after the witness the
//! batch, which is what its answers say. Readers saw none of it before the witness was durable.

use std::{sync::Arc, time::Instant};

use events::{
    chain::{ChainHash, link},
    codec::encode,
    envelope::{COMMAND_BYTES_MAX, COMMAND_EVENTS_MAX, Envelope, Header, IdempotencyTags},
    id::{Epoch, LedgerId, Sequence},
    merkle::{Frontier, leaf_hash},
    time::Timestamp,
    verify::VerifiedHead,
};
use projections::streams::StreamHead;
use tokio::sync::{mpsc, oneshot};

use super::{
    live::{ExecuteError, Outcome, Receipt, Stop},
    shared::Shared,
    store::{AppendError, Batch, Head, KeyChange, LogStore},
    witness::Witness,
};
use crate::{
    clock::{Clock, Stamper},
    commands::{Cause, Command, Decision, Fact, LoginChange, Refusal, View, decide, may_repeat},
    vault::{Vault, entries},
};

/// Most commands in one batch.
const BATCH_COMMANDS_MAX: usize = 256;
/// Most bytes of leaves in one batch.
const BATCH_LEAF_BYTES_MAX: usize = 3 * 1024 * 1024;

/// What reaches the writer.
pub(super) enum Message {
    /// A command to be carried out.
    Job(Box<Job>),
    /// See whether what stood in the way of writes still does.
    LookAgain,
}

/// A command with somebody waiting for its outcome.
pub(super) struct Job {
    pub(super) command: Command,
    pub(super) answer: oneshot::Sender<Result<Outcome, ExecuteError>>,
}

/// What the writer owns alone.
pub(super) struct Writer {
    pub(super) store: Box<dyn LogStore>,
    pub(super) witness: Witness,
    pub(super) vault: Arc<Vault>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stamper: Stamper,
    pub(super) shared: Arc<Shared>,
    pub(super) ledger_id: LedgerId,
    pub(super) epoch: Epoch,
    pub(super) chain: ChainHash,
    pub(super) frontier: Frontier,
}

impl Writer {
    /// Works until every sender is gone and the queue is empty, then hands back what must be closed.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Message>) -> (Box<dyn LogStore>, Witness) {
        let mut jobs = Vec::new();
        loop {
            if jobs.is_empty() {
                let Some(message) = queue.blocking_recv() else { break };
                self.receive(message, &mut jobs);
            }
            while jobs.len() < BATCH_COMMANDS_MAX {
                let Ok(message) = queue.try_recv() else { break };
                self.receive(message, &mut jobs);
            }
            if !jobs.is_empty() {
                // What no longer fits the batch begins the next one.
                jobs = self.commit(jobs);
            }
        }
        (self.store, self.witness)
    }

    fn receive(&mut self, message: Message, jobs: &mut Vec<Job>) {
        match message {
            Message::Job(job) => jobs.push(*job),
            Message::LookAgain => self.look_again(),
        }
    }

    /// Writes are refused while the clock or the disk is wrong, and whoever hears "not ready" sends none that would show
    /// that both are well again. So asking how the ledger is asks for this look too.
    fn look_again(&mut self) {
        self.shared.looked();
        if self.shared.stopped().is_some() {
            return;
        }
        let stamp = self.stamper.stamp(self.clock.now(), self.clock.monotonic());
        self.shared.clock_refused(stamp.err());
        if !self.shared.is_short_of_room() {
            return;
        }
        // An append of nothing is refused for want of room like any other, and otherwise changes nothing.
        let here = Head { size: self.frontier.size(), chain: self.chain };
        match self.store.append(&here, &Batch::default()) {
            Ok(_) => self.shared.short_of_room(None),
            Err(AppendError::Unavailable { reason }) => self.shared.short_of_room(Some(reason)),
            Err(error @ (AppendError::Conflict { .. } | AppendError::Unknown { .. })) => {
                self.stop(Stop::Append(error.to_string()));
            }
        }
    }

    /// Carries out one batch and answers its jobs; gives back those that did not fit.
    pub(super) fn commit(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        if let Some(stop) = self.shared.stopped() {
            answer_all(jobs, &ExecuteError::Stopped(stop));
            return Vec::new();
        }
        let now = match self.stamper.stamp(self.clock.now(), self.clock.monotonic()) {
            Ok(now) => now,
            Err(refusal) => {
                self.shared.clock_refused(Some(refusal));
                answer_all(jobs, &ExecuteError::Clock(refusal));
                return Vec::new();
            }
        };
        self.shared.clock_refused(None);

        let shared = Arc::clone(&self.shared);
        let guard = shared.view().read();
        let mut draft = Draft::new(self, guard.layer(), now);
        let mut decided = Vec::with_capacity(jobs.len());
        let mut jobs = jobs.into_iter();
        let mut rest = Vec::new();
        while let Some(job) = jobs.next() {
            match draft.take(&job.command) {
                Ok(outcome) => decided.push((job.answer, Ok(outcome))),
                Err(Rejected::NextBatch) => {
                    rest.push(job);
                    rest.extend(jobs);
                    break;
                }
                Err(Rejected::Error(error)) => decided.push((job.answer, Err(error))),
            }
        }
        let Draft { layer, batch, chain, frontier, .. } = draft;
        let changes = layer.into_changes();
        drop(guard);

        let written = if batch.leaves.is_empty() && batch.keys.is_empty() {
            Ok(None)
        } else {
            self.make_durable(batch, chain, frontier, now).map(Some)
        };
        match written {
            Ok(head) => {
                shared.absorb(changes);
                shared.publish(head, decided.len());
                for (answer, outcome) in decided {
                    if let Ok(Outcome::Done(receipt)) = &outcome {
                        receipt
                            .events
                            .iter()
                            .for_each(|envelope| shared.measures().recorded(&envelope.event));
                    }
                    // Whoever asked may have hung up; the fact stands all the same.
                    let _ = answer.send(outcome);
                }
            }
            // The layer goes unseen. Refusals were decided on what was not written, so everybody hears the same.
            Err(error) => {
                for (answer, _) in decided {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
        rest
    }

    /// Append, then witness. Any doubt ends the writer: no synchronisation is ever repeated.
    fn make_durable(
        &mut self,
        mut batch: Batch,
        chain: ChainHash,
        frontier: Frontier,
        stamp: Timestamp,
    ) -> Result<VerifiedHead, ExecuteError> {
        // Every batch may be the first of its day, and the end of an old day's key must not wait for a command that needs one.
        batch.keys.extend(self.vault.roll(stamp));
        let expected = Head { size: self.frontier.size(), chain: self.chain };
        let begun = Instant::now();
        let appended = self.store.append(&expected, &batch);
        self.shared.measures().appended(begun.elapsed(), self.store.last_sync());
        match appended {
            Ok(_) => {}
            Err(AppendError::Unavailable { reason }) => {
                self.shared.short_of_room(Some(reason.clone()));
                return Err(ExecuteError::Unavailable(reason));
            }
            Err(error @ (AppendError::Conflict { .. } | AppendError::Unknown { .. })) => {
                return Err(self.stop(Stop::Append(error.to_string())));
            }
        }
        let head = VerifiedHead { size: frontier.size(), chain, root: frontier.root() };
        let begun = Instant::now();
        let witnessed = self.witness.record(self.epoch, head.size, head.chain, head.root);
        self.shared.measures().witnessed(begun.elapsed());
        if let Err(error) = witnessed {
            return Err(self.stop(Stop::Witness(error.kind())));
        }
        self.vault.rolled(stamp, &batch.keys);
        // Until here what the keys sealed could be read, and a crash would have brought them back.
        self.vault.forget_deleted(&batch.keys);
        self.shared.short_of_room(None);
        self.chain = chain;
        self.frontier = frontier;
        Ok(head)
    }

    fn stop(&self, stop: Stop) -> ExecuteError {
        tracing::error!(%stop, "the writer stops: nothing more is written until a restart has read what the disk holds");
        self.shared.stop(stop);
        ExecuteError::OutcomeUnknown
    }
}

fn answer_all(jobs: Vec<Job>, error: &ExecuteError) {
    for job in jobs {
        let _ = job.answer.send(Err(error.clone()));
    }
}

/// Why a command is not part of a draft.
enum Rejected {
    /// It does not fit this batch.
    NextBatch,
    /// It is answered with this.
    Error(ExecuteError),
}

impl<E: Into<ExecuteError>> From<E> for Rejected {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// A batch being decided.
struct Draft<'base> {
    layer: View<'base>,
    batch: Batch,
    bytes: usize,
    ledger_id: LedgerId,
    epoch: Epoch,
    chain: ChainHash,
    frontier: Frontier,
    now: Timestamp,
}

impl<'base> Draft<'base> {
    fn new(writer: &Writer, layer: View<'base>, now: Timestamp) -> Self {
        Self {
            layer,
            batch: Batch::default(),
            bytes: 0,
            ledger_id: writer.ledger_id,
            epoch: writer.epoch,
            chain: writer.chain,
            frontier: writer.frontier.clone(),
            now,
        }
    }

    /// Decides a command and folds its events in; on an error the draft is as before.
    fn take(&mut self, command: &Command) -> Result<Outcome, Rejected> {
        if let Some(repeated) = self.repeated(command)? {
            return Ok(repeated);
        }
        let Decision { facts, keys, logins } = decide(&self.layer, command, self.now)?;
        let events = self.envelopes(&command.cause, facts)?;
        let mut leaves = Vec::with_capacity(events.len());
        let mut chain = self.chain;
        let mut bytes = 0;
        let mut linked = Vec::with_capacity(events.len());
        for mut envelope in events {
            envelope.header.previous_hash = chain;
            let leaf = encode(&envelope)?;
            chain = link(&leaf);
            bytes += leaf.len();
            leaves.push(leaf);
            linked.push(envelope);
        }
        if bytes > COMMAND_BYTES_MAX {
            return Err(Refusal::TooManyEvents(linked.len()).into());
        }
        if self.bytes > 0 && self.bytes + bytes > BATCH_LEAF_BYTES_MAX {
            return Err(Rejected::NextBatch);
        }

        for (envelope, leaf) in linked.iter().zip(&leaves) {
            self.layer.state.apply(envelope);
            self.frontier.push(leaf_hash(leaf));
        }
        for change in logins {
            change.apply(&mut self.layer.logins);
            self.batch.keys.push(match change {
                LoginChange::Put(tag, user) => {
                    KeyChange::Put { key: entries::login(&tag), value: entries::login_value(user) }
                }
                LoginChange::Remove(tag) => KeyChange::Delete { key: entries::login(&tag) },
            });
        }
        self.batch.keys.extend(keys);
        self.batch.leaves.extend(leaves);
        self.bytes += bytes;
        self.chain = chain;
        let last = Sequence(self.frontier.size().saturating_sub(1));
        Ok(Outcome::Done(Receipt { epoch: self.epoch, command_id: command.cause.id, last, events: linked }))
    }

    /// The earlier command of the same `Idempotency-Key`, if there was one in the last 24 hours.
    fn repeated(&self, command: &Command) -> Result<Option<Outcome>, ExecuteError> {
        let Some(tags) = &command.cause.idempotency else { return Ok(None) };
        let idempotency = &self.layer.state.idempotency;
        let found = tags.all().find_map(|tags| {
            let remembered = idempotency.lookup(&tags.key, self.now)?;
            Some((tags, *remembered))
        });
        let Some((IdempotencyTags { request, .. }, remembered)) = found else { return Ok(None) };
        if remembered.request != *request {
            return Err(Refusal::IdempotencyKeyReused.into());
        }
        may_repeat(&self.layer, command)?;
        Ok(Some(Outcome::Repeated { first: remembered.first, count: remembered.count }))
    }

    fn envelopes(&self, cause: &Cause, facts: Vec<Fact>) -> Result<Vec<Envelope>, ExecuteError> {
        let count = u32::try_from(facts.len()).ok().filter(|count| *count <= COMMAND_EVENTS_MAX);
        let count = count.ok_or(Refusal::TooManyEvents(facts.len()))?;
        let tags = match &cause.idempotency {
            // A request that waited for more than a day can't be remembered under a key that still lives.
            Some(tags) => Some(tags.to_record(self.now).ok_or(ExecuteError::QueueFull)?),
            None => None,
        };
        let mut sequence = Sequence(self.frontier.size());
        let mut envelopes: Vec<Envelope> = Vec::with_capacity(facts.len());
        for (index, fact) in (0..count).zip(facts) {
            let before = envelopes
                .iter()
                .rev()
                .find(|earlier| earlier.header.stream == fact.stream)
                .map(|earlier| StreamHead {
                    version: earlier.header.stream_version,
                    sequence: earlier.header.sequence,
                })
                .or_else(|| self.layer.state.streams.heads.get(&fact.stream).copied());
            let header = Header {
                ledger_id: self.ledger_id,
                epoch: self.epoch,
                sequence,
                recorded_at: self.now,
                tenant: fact.tenant,
                stream: fact.stream,
                stream_version: before.map_or(0, |head| head.version + 1),
                stream_previous: before.map(|head| head.sequence),
                actor: cause.actor,
                command_id: cause.id,
                command_index: index,
                command_count: count,
                previous_hash: ChainHash::ZERO,
                on_behalf_of: cause.on_behalf_of,
                idempotency: tags.filter(|_| index == 0),
                origin: cause.origin.clone().filter(|_| index == 0),
            };
            envelopes.push(Envelope { header, event: fact.event });
            sequence = sequence.next();
        }
        Ok(envelopes)
    }
}
