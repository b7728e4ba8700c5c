//! Writes a book of valid leaves, so that the store has something to keep.

use std::ops::ControlFlow;
use std::sync::Arc;

use authledger::ledger::store::{Batch, Head, LogReader};
use events::chain::{self, ChainHash};
use events::codec;
use events::envelope::{Actor, Envelope, Header, Stream, StreamKind};
use events::event::Event;
use events::id::{CommandId, Epoch, LedgerId, SYSTEM_TENANT, Sequence};
use events::ledger::LedgerCreated;
use events::merkle::{Frontier, leaf_hash};
use events::time::Timestamp;

/// The ledger that most tests write.
pub(crate) const LEDGER: LedgerId = LedgerId([1; 16]);

/// A book being written: knows what the next leaf must carry.
#[derive(Clone)]
pub(crate) struct Book {
    ledger_id: LedgerId,
    size: u64,
    chain: ChainHash,
    frontier: Frontier,
}

impl Book {
    pub(crate) fn new(ledger_id: LedgerId) -> Self {
        Self { ledger_id, size: 0, chain: ChainHash::ZERO, frontier: Frontier::default() }
    }

    /// The book that a log holds, to be gone on with.
    pub(crate) fn resumed(reader: &Arc<dyn LogReader>) -> Self {
        let mut book = Self::new(LEDGER);
        let read = reader.read(Sequence(0), Sequence(u64::MAX), &mut |_, leaf| {
            book.chain = chain::link(leaf);
            book.frontier.push(leaf_hash(leaf));
            book.size += 1;
            ControlFlow::Continue(())
        });
        read.expect("reads");
        book
    }

    /// A book that goes on after `head`, for a log whose tree nobody asks for.
    pub(crate) fn after(head: Head) -> Self {
        Self { ledger_id: LEDGER, size: head.size, chain: head.chain, frontier: Frontier::default() }
    }

    pub(crate) fn head(&self) -> Head {
        Head { size: self.size, chain: self.chain }
    }

    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// What a leaf says, again and again: it differs from leaf to leaf, so that no engine gains from sameness.
    pub(crate) fn text(sequence: u64) -> String {
        blake3::hash(&sequence.to_le_bytes()).to_hex().to_string()
    }

    /// The next leaf, with a body of about `bytes` bytes; event `index` of a command of `count`.
    fn leaf(&mut self, bytes: usize, index: u32, count: u32) -> Vec<u8> {
        let software = Self::text(self.size).chars().cycle().take(bytes).collect();
        self.leaf_of(LedgerCreated { software }.into(), index, count)
    }

    fn leaf_of(&mut self, event: Event, index: u32, count: u32) -> Vec<u8> {
        let mut command = [0; 16];
        command[..8].copy_from_slice(&(self.size - u64::from(index)).to_le_bytes());
        let header = Header {
            ledger_id: self.ledger_id,
            epoch: Epoch(1),
            sequence: Sequence(self.size),
            recorded_at: Timestamp(1_700_000_000_000_000 + i64::try_from(self.size).expect("small")),
            tenant: SYSTEM_TENANT,
            stream: Stream::new(StreamKind::LEDGER, 0),
            stream_version: self.size,
            stream_previous: self.size.checked_sub(1).map(Sequence),
            actor: Actor::System,
            command_id: CommandId(command),
            command_index: index,
            command_count: count,
            previous_hash: self.chain,
            on_behalf_of: None,
            idempotency: None,
            origin: None,
        };
        let leaf = codec::encode(&Envelope { header, event }).expect("a valid leaf");
        self.chain = chain::link(&leaf);
        self.frontier.push(leaf_hash(&leaf));
        self.size += 1;
        leaf
    }

    /// A batch of commands of one event each, with bodies of these sizes.
    pub(crate) fn batch(&mut self, bodies: &[usize]) -> Batch {
        Batch { leaves: bodies.iter().map(|bytes| self.leaf(*bytes, 0, 1)).collect(), keys: Vec::new() }
    }

    /// A batch of one event.
    pub(crate) fn event(&mut self, event: Event) -> Batch {
        Batch { leaves: vec![self.leaf_of(event, 0, 1)], keys: Vec::new() }
    }

    /// A batch of one command.
    pub(crate) fn command(&mut self, count: u32) -> Batch {
        Batch { leaves: (0..count).map(|index| self.leaf(150, index, count)).collect(), keys: Vec::new() }
    }
}
