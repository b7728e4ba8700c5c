//! What commands on a ledger that nobody serves have in common: settings, keys, a checked copy, and where to stop reading.

use std::ops::ControlFlow;
use std::sync::Arc;

use events::codec::{CodecError, decode};
use events::envelope::{Envelope, Leaf};
use events::id::Sequence;

use super::progress::Bar;
use super::{Failure, Settings};
use crate::clock::Random;
use crate::config::Config;
use crate::ledger::directory::DataDirectory;
pub(super) use crate::ledger::past::Moment;
use crate::ledger::recover::{self, OpenOptions, Opened, OpenedCopy};
use crate::ledger::refusal::OpenRefusal;
use crate::ledger::store::{LogReader, StoreError};
use crate::vault::Vault;
use crate::vault::keys_file::KeysFile;
use crate::vault::master::MasterKey;

/// Where the parts of the configured ledger lie.
pub(super) fn data_directory(config: &Config) -> DataDirectory {
    let path = &config.ledger.data_dir;
    // A new ledger is built beside its place, so `.` needs a name of its own, and so does what a link points to.
    let resolved =
        if path.is_symlink() || path.file_name().is_none() { path.canonicalize().ok() } else { None };
    let mut directory = DataDirectory::new(resolved.as_ref().unwrap_or(path));
    if let Some(witness) = &config.ledger.witness_path {
        directory = directory.with_witness(witness);
    }
    if let Some(copies) = &config.ledger.check_dir {
        directory = directory.with_copies(copies);
    }
    directory
}

/// How the configured ledger is opened.
pub(super) fn open_options(config: &Config) -> OpenOptions {
    let mut options = OpenOptions::default();
    options.engine.low_water_bytes = config.ledger.min_free_bytes;
    options
}

/// The master key: the configured one, else that of the file beside the directory as it was named.
pub(super) fn master_key(config: &Config) -> Result<MasterKey, Failure> {
    let given = config.keys.master.as_ref().map(|key| &*key.0);
    MasterKey::load(given, &config.ledger.data_dir).map_err(Failure::cannot_run)
}

/// The master key and the vault's file of a ledger that is there.
pub(super) fn keys(config: &Config, directory: &DataDirectory) -> Result<(MasterKey, KeysFile), Failure> {
    let path = directory.path();
    // Said first: of a directory that is no ledger nobody should look for the key.
    if !directory.engine().exists() && !directory.witness().exists() {
        return Err(refusal(&OpenRefusal::NotALedger { directory: path.to_owned() }));
    }
    let master = master_key(config)?;
    let file = KeysFile::read(path).map_err(Failure::cannot_run)?;
    file.check(&master).map_err(Failure::cannot_run)?;
    Ok((master, file))
}

/// Why the ledger can't be looked at.
pub(super) enum NotOpened {
    /// The log itself is the reason.
    Refused(Box<OpenRefusal>),
    /// Something around it is.
    Failed(Failure),
}

impl From<NotOpened> for Failure {
    fn from(reason: NotOpened) -> Failure {
        match reason {
            NotOpened::Refused(reason) => refusal(&reason),
            NotOpened::Failed(failure) => failure,
        }
    }
}

/// Opens and checks a copy; the ledger itself is not touched.
pub(super) fn open(settings: Settings, bar: &mut Bar) -> Result<OpenedCopy, NotOpened> {
    let config = settings.load(Vec::new()).map_err(NotOpened::Failed)?;
    open_with(&config, bar)
}

/// The same by settings that were read.
pub(super) fn open_with(config: &Config, bar: &mut Bar) -> Result<OpenedCopy, NotOpened> {
    let directory = data_directory(config);
    let (master, file) = keys(config, &directory).map_err(NotOpened::Failed)?;
    let witness_key = master.witness_key(file.ledger());
    recover::open_copy(&directory, &witness_key, &open_options(config), &mut |progress| {
        bar.opening(progress);
    })
    .map_err(|reason| NotOpened::Refused(Box::new(reason)))
}

/// A ledger that is open for writing, with the vault that goes with it.
pub(super) struct Ready {
    pub(super) opened: Opened,
    pub(super) vault: Arc<Vault>,
}

/// Opens the configured ledger itself and checks it, for who will write.
pub(super) fn open_to_write(
    config: &Config,
    random: Arc<dyn Random>,
    bar: &mut Bar,
) -> Result<Ready, NotOpened> {
    let directory = data_directory(config);
    let (master, file) = keys(config, &directory).map_err(NotOpened::Failed)?;
    let witness_key = master.witness_key(file.ledger());
    let opened = recover::open(&directory, &witness_key, &open_options(config), &mut |progress| {
        bar.opening(progress);
    })
    .map_err(|reason| NotOpened::Refused(Box::new(reason)))?;
    let vault = Vault::open(&master, &file, opened.store.keys(), random)
        .map_err(|error| NotOpened::Failed(Failure::cannot_run(error)))?;
    Ok(Ready { opened, vault: Arc::new(vault) })
}

pub(super) fn refusal(reason: &OpenRefusal) -> Failure {
    Failure::cannot_run(format!("{reason}\n{}", reason.help()))
}

/// One event as it lies in the log.
pub(super) struct Entry<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) leaf: Leaf<'a>,
}

impl Entry<'_> {
    /// The fact, `None` when a newer version wrote it.
    pub(super) fn envelope(&self) -> Result<Option<Envelope>, CodecError> {
        match decode(self.bytes) {
            Ok(envelope) => Ok(Some(envelope)),
            Err(CodecError::Unknown { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Visits the events from `since` to `until`, both included, until `visit` breaks or fails.
pub(super) fn walk(
    reader: &dyn LogReader,
    since: Option<Moment>,
    until: Option<Moment>,
    bar: &mut Bar,
    visit: &mut dyn FnMut(&Entry<'_>) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    let size = reader.head().size;
    let from = match since {
        Some(Moment::Sequence(sequence)) => sequence,
        Some(Moment::Time(_)) | None => Sequence(0),
    };
    let mut failed = None;
    bar.reading("reading", size);
    reader
        .read(from, Sequence(size), &mut |sequence, bytes| {
            if sequence.0.is_multiple_of(4096) {
                bar.at(sequence.0);
            }
            let step = Leaf::parse(bytes)
                .map_err(|error| Failure::cannot_run(format!("event {sequence}: {error}")))
                .and_then(|leaf| {
                    // Times never fall, so nothing after this one is meant.
                    if until.is_some_and(|until| !until.includes(&leaf.header)) {
                        return Ok(ControlFlow::Break(()));
                    }
                    if since.is_some_and(|since| since.is_after(&leaf.header)) {
                        return Ok(ControlFlow::Continue(()));
                    }
                    visit(&Entry { bytes, leaf })
                });
            step.unwrap_or_else(|failure| {
                failed = Some(failure);
                ControlFlow::Break(())
            })
        })
        .map_err(|error: StoreError| Failure::cannot_run(error))?;
    failed.map_or(Ok(()), Err)
}
