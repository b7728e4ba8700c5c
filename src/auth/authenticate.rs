//! From a name and a password to a user, or to an answer that tells an outsider nothing.
//!
//! An unknown name, a wrong password and a locked account get the same answer after the same work: one run of Argon2. Only
//! who sent the right password learns that the account is inactive or the password is over. Counters, throttles and
//! verified credentials are memory; the one fact that may be recorded, a lock, is handed to the caller.

use std::{net::IpAddr, sync::Arc, time::Duration};

use events::{
    envelope::StreamKind,
    id::{Sequence, UserId},
    sealed::{Field, Sealed},
    time::Timestamp,
    user::{Password, PasswordStatus, UserStatus},
};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    address::Subscriber,
    basic::BasicCredentials,
    hasher::{HashError, PasswordHasher},
    measures::{Ending, Measures},
    password::prepared,
    throttle::{LockAccount, LockoutPolicy, Lockouts, Throttle},
    turns::Turns,
    verified::Verified,
};
use crate::{
    clock::{Clock, Random},
    config,
    metrics::Registry,
    vault::{
        PlainSecret, Vault, VaultError,
        login::{LoginName, LoginTag},
    },
};

/// How long a client should wait when too many passwords are being checked.
pub const BUSY_RETRY: Duration = Duration::from_secs(1);

/// What authentication needs to know of a user, as of now.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whether he may log in.
    pub status: UserStatus,
    /// `None` when he can't log in by password.
    pub password: Option<Password>,
    /// The end of the last lock; may be past.
    pub locked_until: Option<Timestamp>,
    /// The event that last changed him.
    pub changed: Sequence,
}

impl From<&projections::users::User> for Account {
    fn from(user: &projections::users::User) -> Self {
        Self {
            status: user.status,
            password: user.password.clone(),
            locked_until: user.lock.map(|lock| lock.until),
            changed: user.changed,
        }
    }
}

/// Where accounts are looked up. Each call answers from the present state; no guard lives between two calls.
pub trait Accounts: Sync {
    /// Whose name has this tag.
    fn by_login(&self, tag: &LoginTag) -> Option<UserId>;
    /// What is known of a user.
    fn account(&self, user: UserId) -> Option<Account>;
    /// When an account is locked.
    fn lockout(&self) -> LockoutPolicy;
}

/// Why nobody was authenticated.
#[derive(Debug, Error)]
pub enum AuthError {
    /// The same for an unknown name, a wrong password and a locked account: 401, 222206007.
    #[error("wrong user name or password")]
    WrongCredentials {
        /// A lock that is to be recorded now; the answer doesn't show it.
        lock: Option<LockAccount>,
    },
    /// The password is right, the account inactive.
    #[error("the account is inactive")]
    Inactive {
        /// Whose.
        user: UserId,
    },
    /// The password is right and no longer accepted.
    #[error("the password has expired")]
    PasswordExpired {
        /// Whose.
        user: UserId,
    },
    /// The password is right and good only for changing it.
    #[error("the password must be changed first")]
    MustChangePassword {
        /// Whose.
        user: UserId,
    },
    /// Too many failures: 429 with `Retry-After`.
    #[error("too many failed attempts")]
    Throttled {
        /// When another attempt will be judged.
        retry_after: Duration,
    },
    /// Too many passwords are being checked: 503 with `Retry-After`, [`BUSY_RETRY`].
    #[error("too many passwords are being checked at this time")]
    Busy,
    /// The stored hash does not open.
    #[error("a password hash could not be opened: {0}")]
    Vault(#[from] VaultError),
    /// The stored hash can't be used, or the server stops.
    #[error("a password could not be compared: {0}")]
    Hash(HashError),
}

impl From<HashError> for AuthError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Unreadable | HashError::Stopped => Self::Hash(error),
        }
    }
}

/// Judges credentials. One for the whole server: Basic, the login page and the password grant share its counters.
pub struct Authenticator {
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    hasher: Arc<PasswordHasher>,
    by_address: Throttle<Subscriber>,
    by_account: Throttle<(LoginTag, Subscriber)>,
    lockouts: Lockouts,
    verified: Verified,
    turns: Turns,
    measures: Measures,
}

/// What right credentials are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All that the account may do.
    Everything,
    /// Another password, and nothing else: one that has expired, or is temporary and not over, is good for that. Whether its
    /// holder knows it is asked once more, so that these credentials alone end no row of failures.
    NewPassword,
}

/// An attempt on its way.
struct Attempt {
    tag: LoginTag,
    /// `false` when no user can have such a name.
    nameable: bool,
    password: Zeroizing<Vec<u8>>,
    subscriber: Subscriber,
    purpose: Purpose,
}

/// What can be said of an attempt without Argon2.
enum Glance {
    /// Verified lately and unchanged since.
    Verified(UserId, Account),
    /// There is a hash to compare with.
    Judge(UserId, Account, Password),
    /// Unknown, locked, or without a password: the work is done for nothing.
    Hopeless,
}

impl Authenticator {
    /// Starts with empty counters.
    pub fn new(
        settings: &config::Auth,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
        hasher: Arc<PasswordHasher>,
        random: &dyn Random,
    ) -> Self {
        Self {
            vault,
            clock,
            hasher,
            by_address: Throttle::new(settings.address_failures_per_minute),
            by_account: Throttle::new(settings.account_failures_per_minute),
            lockouts: Lockouts::new(),
            verified: Verified::new(random),
            turns: Turns::new(),
            measures: Measures::new(),
        }
    }

    /// Says whose credentials these are, sent from `address` (see `client_address`).
    pub async fn authenticate(
        &self,
        accounts: &impl Accounts,
        credentials: &BasicCredentials,
        address: IpAddr,
        purpose: Purpose,
    ) -> Result<UserId, AuthError> {
        let judged = self.judge_credentials(accounts, credentials, address, purpose).await;
        self.measures.ended(Ending::of(&judged));
        judged
    }

    /// Whether `password` is the one of this hash; nothing is counted.
    pub async fn is_same(&self, hash: &Sealed, password: &PlainSecret) -> Result<bool, AuthError> {
        let stored = self.vault.unseal_text(hash, StreamKind::USER, Field::PASSWORD_HASH)?;
        Ok(self.hasher.verify(prepared(password), Some(stored)).await?)
    }

    async fn judge_credentials(
        &self,
        accounts: &impl Accounts,
        credentials: &BasicCredentials,
        address: IpAddr,
        purpose: Purpose,
    ) -> Result<UserId, AuthError> {
        let attempt = self.attempt(credentials, address, purpose);
        if let Glance::Verified(user, account) = self.glance(accounts, &attempt) {
            self.measures.looked(true);
            return self.admit(user, &account, purpose);
        }
        self.check_throttles(&attempt)?;
        let _turn = self.turns.take(attempt.tag).await.ok_or(AuthError::Busy)?;
        // While this attempt waited, another may have verified the same password, failed, or locked the account.
        let glance = self.glance(accounts, &attempt);
        if !matches!(glance, Glance::Verified(..)) {
            self.check_throttles(&attempt)?;
        }
        match glance {
            Glance::Verified(user, account) => {
                self.measures.looked(true);
                self.admit(user, &account, purpose)
            }
            Glance::Judge(user, account, password) => {
                self.measures.looked(false);
                self.judge(accounts, &attempt, user, &account, &password).await
            }
            Glance::Hopeless => {
                self.hasher.verify(attempt.password.clone(), None).await?;
                self.count_failure(&attempt);
                Err(AuthError::WrongCredentials { lock: None })
            }
        }
    }

    /// How many times Argon2 has run for this server.
    pub fn argon2_runs(&self) -> u64 {
        self.hasher.runs()
    }

    /// Registers what is counted here.
    pub fn register(&self, registry: &mut Registry) {
        self.measures.register(registry);
    }

    fn attempt(&self, credentials: &BasicCredentials, address: IpAddr, purpose: Purpose) -> Attempt {
        let name = LoginName::parse(credentials.name.expose());
        Attempt {
            tag: match &name {
                Ok(name) => self.vault.login_tag(name),
                // Nobody's, but counted like any other: the texts that can be no name are few or long.
                Err(_) => LoginTag(*blake3::hash(credentials.name.expose().as_bytes()).as_bytes()),
            },
            nameable: name.is_ok(),
            password: prepared(&credentials.password),
            subscriber: Subscriber::of(address),
            purpose,
        }
    }

    fn glance(&self, accounts: &impl Accounts, attempt: &Attempt) -> Glance {
        let user = if attempt.nameable { accounts.by_login(&attempt.tag) } else { None };
        let Some((user, account)) = user.and_then(|user| Some((user, accounts.account(user)?))) else {
            return Glance::Hopeless;
        };
        // A lock comes before everything: while it holds, not even a verified password is looked at.
        let now = self.clock.now();
        if account.locked_until.is_some_and(|until| now < until)
            || self.lockouts.is_locked(user, account.changed, now)
        {
            return Glance::Hopeless;
        }
        let Some(password) = account.password.clone() else { return Glance::Hopeless };
        let tag = self.verified.tag(user, account.changed, &attempt.password);
        if self.verified.has(&tag, self.clock.monotonic()) {
            Glance::Verified(user, account)
        } else {
            Glance::Judge(user, account, password)
        }
    }

    async fn judge(
        &self,
        accounts: &impl Accounts,
        attempt: &Attempt,
        user: UserId,
        account: &Account,
        password: &Password,
    ) -> Result<UserId, AuthError> {
        let stored = self.vault.unseal_text(&password.hash, StreamKind::USER, Field::PASSWORD_HASH)?;
        if self.hasher.verify(attempt.password.clone(), Some(stored)).await? {
            let tag = self.verified.tag(user, account.changed, &attempt.password);
            self.verified.remember(tag, self.clock.monotonic());
            self.admit(user, account, attempt.purpose)
        } else {
            self.count_failure(attempt);
            let lock = self.lockouts.failed(user, account.changed, self.clock.now(), accounts.lockout());
            if lock.is_some() {
                self.measures.locked();
            }
            Err(AuthError::WrongCredentials { lock })
        }
    }

    /// The password is right; what else stands in the way.
    fn admit(&self, user: UserId, account: &Account, purpose: Purpose) -> Result<UserId, AuthError> {
        if purpose == Purpose::Everything {
            self.lockouts.succeeded(user);
        }
        let now = self.clock.now();
        let password = account.password.as_ref();
        match account.status {
            UserStatus::Inactive => return Err(AuthError::Inactive { user }),
            UserStatus::Active => {}
        }
        let expired = password.and_then(|password| password.expires_at).is_some_and(|until| now >= until);
        let status = password.map_or(PasswordStatus::Active, |password| password.status);
        match (purpose, status, expired) {
            // What its holder did not change in time is dead for everything.
            (_, PasswordStatus::MustChange, true) | (Purpose::Everything, PasswordStatus::Active, true) => {
                Err(AuthError::PasswordExpired { user })
            }
            (Purpose::Everything, PasswordStatus::MustChange, false) => {
                Err(AuthError::MustChangePassword { user })
            }
            (Purpose::NewPassword, _, _) | (Purpose::Everything, PasswordStatus::Active, false) => Ok(user),
        }
    }

    fn check_throttles(&self, attempt: &Attempt) -> Result<(), AuthError> {
        let now = self.clock.monotonic();
        let by_address = self.by_address.wait(&attempt.subscriber, now);
        let by_account = self.by_account.wait(&(attempt.tag, attempt.subscriber), now);
        match by_address.max(by_account) {
            Some(retry_after) => Err(AuthError::Throttled { retry_after }),
            None => Ok(()),
        }
    }

    fn count_failure(&self, attempt: &Attempt) {
        let now = self.clock.monotonic();
        self.by_address.failed(attempt.subscriber, now);
        self.by_account.failed((attempt.tag, attempt.subscriber), now);
    }
}

#[cfg(test)]
mod tests;
