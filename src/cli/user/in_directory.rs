//! On a data directory that nobody serves: the whole way of a start, one command of the operator's, an orderly end.

use std::sync::Arc;

use events::envelope::{Actor, StreamKind};
use events::id::{CommandId, UserId};
use events::sealed::Field;
use events::user::PasswordStatus;
use projections::users::User;

use super::super::offline::{self, NotOpened, Ready};
use super::super::progress::Bar;
use super::super::snapshot::tell_skipped;
use super::super::{Failure, Settings};
use super::{Done, Named, New, refused};
use crate::auth::hasher::PasswordHasher;
use crate::auth::password::{PasswordRules, judge_temporary};
use crate::clock::{Random, SystemClock, SystemRandom, draw};
use crate::commands::user::UnlockUser;
use crate::commands::user::password::{PasswordChange, SetUserPassword};
use crate::commands::{Cause, Command, Refusal, Wish};
use crate::config::Config;
use crate::ledger::live::{ExecuteError, Ledger, Receipt};
use crate::ledger::recover::Opened;
use crate::ledger::refusal::OpenRefusal;
use crate::ledger::start::{WriterSettings, start};

/// How often a command is prepared again because the user's key changed meanwhile; nobody else is here to change it.
const PREPARED_MAX: usize = 2;

/// A ledger that is open for one command.
pub(super) struct InDirectory {
    config: Config,
    ledger: Ledger,
    random: Arc<dyn Random>,
}

impl InDirectory {
    pub(super) fn open(settings: &Settings, accept_clock: bool, command: &str) -> Result<Self, Failure> {
        let config = settings.clone().load(Vec::new())?;
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let mut bar = Bar::new();
        let ready = offline::open_to_write(&config, Arc::clone(&random), &mut bar);
        let Ready { opened, vault } = ready.map_err(|reason| or_ask_the_server(reason, &config, command))?;
        drop(bar);
        let Opened { store, witness, closer, folded, skipped, .. } = opened;
        tell_skipped(&skipped);
        let folded = folded.known().map_err(Failure::cannot_run)?;
        let settings =
            WriterSettings { queue: config.ledger.queue, max_gap: config.clock.max_gap, accept_clock };
        let clock = Arc::new(SystemClock::new());
        let ledger = start(store, witness, Some(closer), vault, clock, &settings, folded)
            .map_err(Failure::cannot_run)?;
        Ok(Self { config, ledger, random })
    }

    pub(super) fn set_password(self, named: &Named, new: &New) -> Result<Done, Failure> {
        let done = self.find(named).and_then(|(user, row)| {
            self.judge(&row, new)?;
            let hash = PasswordHasher::for_server(Arc::clone(&self.random)).hash_here(&new.password);
            self.execute(user, || {
                let (_, row) = self.find(&Named::Id(user))?;
                let vault = self.ledger.vault();
                let key = vault.data_key(&row.key_id()).map_err(Failure::cannot_run)?;
                let hash = hash.expose().as_bytes();
                let change = PasswordChange {
                    hash: Some(vault.seal(&key, StreamKind::USER, Field::PASSWORD_HASH, hash)),
                    status: if new.for_good { PasswordStatus::Active } else { PasswordStatus::MustChange },
                    expires_at: None,
                };
                Ok(Wish::SetUserPassword(Box::new(SetUserPassword { user, expected: None, change })))
            })
        });
        self.close(done)
    }

    pub(super) fn unlock(self, named: &Named) -> Result<Done, Failure> {
        let done = self
            .find(named)
            .and_then(|(user, _)| self.execute(user, || Ok(Wish::UnlockUser(UnlockUser { user }))));
        self.close(done)
    }

    fn find(&self, named: &Named) -> Result<(UserId, Arc<User>), Failure> {
        let found = self.ledger.read(|view| {
            let id = match named {
                Named::Id(id) => *id,
                Named::Name(name) => *view.logins.get(&self.ledger.vault().login_tag(name))?,
            };
            Some((id, Arc::clone(view.state.users.rows.get(&id)?)))
        });
        found.ok_or_else(|| named.unknown("here"))
    }

    fn judge(&self, row: &User, new: &New) -> Result<(), Failure> {
        if !new.for_good {
            return judge_temporary(&new.password).map_err(refused);
        }
        let vault = self.ledger.vault();
        let name =
            vault.unseal_text(&row.name, StreamKind::USER, Field::USER_NAME).map_err(Failure::cannot_run)?;
        let policy = self.config.password.policy;
        let rules = self.ledger.read(|view| PasswordRules::of(&view.state, policy));
        rules.judge_chosen(&new.password, name.expose()).map_err(refused)
    }

    fn execute(
        &self,
        user: UserId,
        mut prepare: impl FnMut() -> Result<Wish, Failure>,
    ) -> Result<Done, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Failure::cannot_run(format!("can't start the runtime: {error}")))?;
        for _ in 0..PREPARED_MAX {
            let cause = Cause {
                id: CommandId(draw(&*self.random)),
                actor: Actor::Operator,
                on_behalf_of: None,
                bearer: None,
                idempotency: None,
                origin: None,
            };
            match runtime.block_on(self.ledger.execute(Command { cause, wish: prepare()? })) {
                Err(ExecuteError::Refused(Refusal::Again)) => {}
                Ok(Receipt { events, .. }) => {
                    return Ok(Done { user, sequence: events.last().map(|event| event.header.sequence.0) });
                }
                Err(error) => {
                    return Err(Failure::cannot_run(format!("it could not be recorded: {error}")));
                }
            }
        }
        Err(Failure::cannot_run("it could not be recorded: the user changed meanwhile"))
    }

    /// Closed whatever came of it: what was not closed in order is checked at length by the next start.
    fn close(self, done: Result<Done, Failure>) -> Result<Done, Failure> {
        let closed = self.ledger.close();
        let done = done?;
        if let Err(error) = closed {
            // It is recorded all the same, and so the password that goes with it must not be lost.
            super::warn(&format!("the log could not be closed in order: {error}"));
        }
        Ok(done)
    }
}

/// In a directory that is in use the server is to be asked.
fn or_ask_the_server(reason: NotOpened, config: &Config, command: &str) -> Failure {
    match reason {
        NotOpened::Refused(reason) if matches!(*reason, OpenRefusal::AlreadyRunning { .. }) => {
            let url = config.public_url(config.server.listen);
            Failure::cannot_run(format!(
                "{reason}\nAsk the server instead: authledger user {command} --server {url} --as NAME --as-password-file F"
            ))
        }
        reason => reason.into(),
    }
}
