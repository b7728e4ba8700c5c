//! A new ledger: keys, first command, and its name last (hdp-api 9.24).

use std::{io, path::PathBuf, sync::Arc};

use events::{
    chain::ChainHash,
    envelope::{Actor, StreamKind},
    id::{CommandId, Epoch, LedgerId},
    merkle::Frontier,
    sealed::Field,
    user::{Password, PasswordStatus},
    verify::VerifiedHead,
};
use thiserror::Error;
use tokio::sync::oneshot;

use super::{
    directory::DataDirectory,
    live::ExecuteError,
    recover::{self, Closer, Created, OpenOptions},
    refusal::OpenRefusal,
    shared::Shared,
    store::{LogStore, StoreError},
    witness::Witness,
    writer::{Job, Writer},
};
use crate::{
    clock::{Clock, Random, Stamper, draw},
    commands::{Cause, Command, NewKey, View, Wish, ledger::CreateLedger},
    vault::{
        NewDataKey, NewVault, PlainSecret, Vault, VaultError,
        keys_file::{KeysFile, KeysFileError},
        login::LoginName,
        master::MasterKey,
    },
};

/// Why no ledger was made. Nothing that could be opened is left behind.
#[derive(Debug, Error)]
pub enum CreateError {
    /// There is something already, or it can't be made here.
    #[error(transparent)]
    Directory(#[from] OpenRefusal),
    /// The vault could not be made.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys file could not be written.
    #[error(transparent)]
    KeysFile(#[from] KeysFileError),
    /// The first command failed.
    #[error("the first events could not be written: {0}")]
    First(ExecuteError),
    /// The log could not be closed.
    #[error("the new log could not be closed: {0}")]
    Close(#[from] StoreError),
    /// The finished directory could not get its name.
    #[error("the new ledger could not be moved to {}: {kind}", path.display())]
    Publish {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        kind: io::ErrorKind,
    },
}

/// The administrator a ledger begins with.
#[derive(Debug)]
pub struct FirstAdministrator {
    /// His name.
    pub name: LoginName,
    /// His password's Argon2id hash, as a PHC string.
    pub password_hash: PlainSecret,
}

/// Makes a ledger at `target`: system tenant, roles 1 to 3, one administrator. Durable, name and all, on return.
pub fn create(
    target: &DataDirectory,
    master: &MasterKey,
    options: &OpenOptions,
    clock: Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    administrator: &FirstAdministrator,
) -> Result<LedgerId, CreateError> {
    let ledger_id = LedgerId(draw(&**random));
    let Created { staged, store, witness, closer } =
        recover::create(target, ledger_id, &master.witness_key(ledger_id), options)?;
    let (store, witness, keys_file) =
        first_command(store, witness, master, ledger_id, clock, random, administrator)?;
    keys_file.write(staged.directory().path())?;
    Closer::close(closer, store, witness)?;
    staged
        .publish()
        .map_err(|error| CreateError::Publish { path: target.path().to_owned(), kind: error.kind() })?;
    Ok(ledger_id)
}

/// Writes the first command into an empty log.
pub fn first_command(
    store: Box<dyn LogStore>,
    witness: Witness,
    master: &MasterKey,
    ledger_id: LedgerId,
    clock: Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    administrator: &FirstAdministrator,
) -> Result<(Box<dyn LogStore>, Witness, KeysFile), CreateError> {
    let NewVault { vault, keys_file, changes } =
        Vault::create(master, ledger_id, store.keys(), Arc::clone(random))?;
    let vault = Arc::new(vault);
    let mut keys: [NewDataKey; 5] = std::array::from_fn(|_| vault.new_data_key());
    let user_key = &keys[4].key;
    let seal =
        |field, text: &PlainSecret| vault.seal(user_key, StreamKind::USER, field, text.expose().as_bytes());
    let admin_name = seal(Field::USER_NAME, administrator.name.as_sent());
    let hash = seal(Field::PASSWORD_HASH, &administrator.password_hash);
    let mut new_keys = keys.each_mut().map(|key| NewKey { id: key.id(), entries: vec![key.change()] });
    // The login key goes into the same batch as the first entry that needs it.
    new_keys[0].entries.extend(changes);
    let wish = CreateLedger {
        software: concat!("authledger ", env!("CARGO_PKG_VERSION")).to_owned(),
        keys: new_keys,
        admin_name,
        admin_login: vault.login_tag(&administrator.name),
        admin_password: Password { hash, status: PasswordStatus::Active, expires_at: None },
    };
    let cause = Cause {
        id: CommandId(draw(&**random)),
        actor: Actor::Operator,
        on_behalf_of: None,
        bearer: None,
        idempotency: None,
        origin: None,
    };
    let stamper = Stamper::resume(None, std::time::Duration::MAX, true, clock.now(), clock.monotonic())
        .map_err(|refusal| CreateError::First(ExecuteError::Clock(refusal)))?;
    let mut writer = Writer {
        store,
        witness,
        vault,
        clock,
        stamper,
        shared: Arc::new(Shared::new(View::default(), VerifiedHead::EMPTY)),
        ledger_id,
        epoch: Epoch(1),
        chain: ChainHash::ZERO,
        frontier: Frontier::default(),
    };
    let (answer, mut outcome) = oneshot::channel();
    writer.commit(vec![Job { command: Command { cause, wish: Wish::CreateLedger(Box::new(wish)) }, answer }]);
    outcome.try_recv().expect("commit answers every job it takes").map_err(CreateError::First)?;
    Ok((writer.store, writer.witness, keys_file))
}
