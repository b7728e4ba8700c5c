//! The in-memory engine: for tests and for trying things out. It fails on request, and what had "persisted" by then can be
//! opened again, so that a test can kill the ledger at each durable step.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use events::id::Sequence;
use parking_lot::Mutex;

use super::store::{AppendError, Batch, Head, KeyChange, KeyStore, LogReader, LogStore, StoreError};

/// What shall go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The append is refused, as on a full disk: certainly not written, and the next one may succeed.
    Refuse,
    /// The append fails and nothing of it persisted; its caller can't know that.
    BeforePersisting,
    /// The append fails although all of it persisted; its caller can't know that.
    AfterPersisting,
}

/// What plays the disk: it outlives the engine, and can be opened again after a failure.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    shared: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    leaves: Vec<Vec<u8>>,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Head of what has persisted.
    head: Option<Head>,
    /// Appends that still succeed before the fault, and the fault.
    fault: Option<(u64, Fault)>,
    leaves_read: u64,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens what has persisted, as after a restart; any number of times.
    pub fn open(&self) -> MemoryStore {
        let head = self.shared.lock().head.unwrap_or(Head::EMPTY);
        let view = View { disk: self.clone(), state: Arc::new(Mutex::new(State { head, closed: false })) };
        MemoryStore { view, poisoned: false }
    }

    /// Lets `successes` appends pass and makes the one after them fail; it replaces a fault asked for earlier.
    pub fn fail_after(&self, successes: u64, fault: Fault) {
        self.shared.lock().fault = Some((successes, fault));
    }

    /// How many leaves were read so far, by whomever.
    pub fn leaves_read(&self) -> u64 {
        self.shared.lock().leaves_read
    }

    /// Changes a stored leaf behind the engine's back, as damage or a forger would.
    pub fn tamper(&self, sequence: Sequence, change: impl FnOnce(&mut Vec<u8>)) {
        let index = usize::try_from(sequence.0).unwrap_or(usize::MAX);
        if let Some(leaf) = self.shared.lock().leaves.get_mut(index) {
            change(leaf);
        }
    }
}

/// The engine over a [`MemoryDisk`].
pub struct MemoryStore {
    view: View,
    poisoned: bool,
}

/// What readers share with the engine: the head they may see.
#[derive(Clone)]
struct View {
    disk: MemoryDisk,
    state: Arc<Mutex<State>>,
}

struct State {
    head: Head,
    closed: bool,
}

impl View {
    fn open_head(&self) -> Result<Head, StoreError> {
        let state = self.state.lock();
        if state.closed { Err(StoreError::Closed) } else { Ok(state.head) }
    }
}

impl Disk {
    fn persist(&mut self, batch: &Batch, head: Head) {
        self.leaves.extend(batch.leaves.iter().cloned());
        for change in &batch.keys {
            match change {
                KeyChange::Put { key, value } => {
                    self.entries.insert(key.clone(), value.clone());
                }
                KeyChange::Delete { key } => {
                    self.entries.remove(key);
                }
            }
        }
        self.head = Some(head);
    }

    fn due_fault(&mut self) -> Option<Fault> {
        match &mut self.fault {
            Some((0, fault)) => {
                let fault = *fault;
                self.fault = None;
                Some(fault)
            }
            Some((successes, _)) => {
                *successes -= 1;
                None
            }
            None => None,
        }
    }
}

impl LogStore for MemoryStore {
    fn head(&self) -> Head {
        self.view.state.lock().head
    }

    fn append(&mut self, expected: &Head, batch: &Batch) -> Result<Head, AppendError> {
        if self.poisoned {
            return Err(AppendError::Unavailable { reason: StoreError::Poisoned });
        }
        let actual = self.head();
        if *expected != actual {
            return Err(AppendError::Conflict { expected: *expected, actual });
        }
        batch.check().map_err(|reason| AppendError::Unavailable { reason })?;
        let attempted = actual.after(batch);
        let mut disk = self.view.disk.shared.lock();
        let unknown = AppendError::Unknown {
            attempted,
            reason: StoreError::Io { operation: "write the batch", cause: io::ErrorKind::Other.into() },
        };
        match disk.due_fault() {
            None => disk.persist(batch, attempted),
            Some(Fault::Refuse) => {
                let reason = StoreError::Full { free_bytes: 0, low_water_bytes: 1 };
                return Err(AppendError::Unavailable { reason });
            }
            Some(Fault::BeforePersisting) => {
                self.poisoned = true;
                return Err(unknown);
            }
            Some(Fault::AfterPersisting) => {
                disk.persist(batch, attempted);
                self.poisoned = true;
                return Err(unknown);
            }
        }
        self.view.state.lock().head = attempted;
        Ok(attempted)
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(self.view.clone())
    }

    fn keys(&self) -> Arc<dyn KeyStore> {
        Arc::new(self.view.clone())
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        self.view.state.lock().closed = true;
        if self.poisoned { Err(StoreError::Poisoned) } else { Ok(()) }
    }
}

impl LogReader for View {
    fn head(&self) -> Head {
        self.state.lock().head
    }

    fn read(
        &self,
        from: Sequence,
        until: Sequence,
        visit: &mut dyn FnMut(Sequence, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let until = until.0.min(self.open_head()?.size);
        for sequence in from.0..until {
            let index = usize::try_from(sequence)
                .map_err(|_| StoreError::Damaged { sequence: Sequence(sequence) })?;
            // One leaf at a time: the visitor may itself ask the store for something.
            let leaf = {
                let mut disk = self.disk.shared.lock();
                disk.leaves_read += 1;
                disk.leaves.get(index).cloned()
            };
            let leaf = leaf.ok_or(StoreError::Damaged { sequence: Sequence(sequence) })?;
            if visit(Sequence(sequence), &leaf).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl KeyStore for View {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.open_head()?;
        Ok(self.disk.shared.lock().entries.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.open_head()?;
        let entries: Vec<_> = {
            let disk = self.disk.shared.lock();
            let matching =
                disk.entries.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
            matching.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        for (key, value) in &entries {
            visit(key, value);
        }
        Ok(())
    }
}
