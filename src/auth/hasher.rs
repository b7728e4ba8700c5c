//! Argon2id (RFC 9106) with bounded concurrency: each run takes its memory and its time from everybody else.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version, password_hash::phc::PasswordHash};
use subtle::ConstantTimeEq;
use thiserror::Error;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::password::prepared;
use crate::{
    clock::{Random, draw},
    metrics::{Counter, Registry},
    vault::PlainSecret,
};

/// What a run of Argon2id costs. New hashes carry it in their PHC string; old ones are verified by what they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl HashCost {
    /// 19 MiB, two passes, one lane: the OWASP cheat sheet's first choice, 15 to 30 ms on a server's core.
    pub const SERVER: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };
    /// The least that Argon2 knows. For tests that count runs, not for passwords.
    pub const LEAST: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };

    fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(HASH_LEN))
            .expect("both costs above are valid")
    }
}

const HASH_LEN: usize = 32;
const SALT_LEN: usize = 16;

/// Why no hash was made or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HashError {
    /// Too many are waiting already.
    #[error("too many passwords are being checked at this time")]
    Busy,
    /// A stored hash is no Argon2id hash: it was sealed by something else than us.
    #[error("a stored password hash can't be read")]
    Unreadable,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Stopped,
}

impl From<AcquireError> for HashError {
    fn from(_: AcquireError) -> Self {
        Self::Stopped
    }
}

/// Hashes and verifies passwords on blocking threads, a few at a time, with a bounded number waiting.
pub struct PasswordHasher {
    cost: HashCost,
    random: Arc<dyn Random>,
    /// One permit for each run that may go on.
    running: Arc<Semaphore>,
    /// One permit for each run that may go on or wait.
    admitted: Arc<Semaphore>,
    places: usize,
    runs: Counter,
}

impl PasswordHasher {
    /// Runs at most `running` at a time, while at most `waiting` others wait.
    pub fn new(cost: HashCost, running: usize, waiting: usize, random: Arc<dyn Random>) -> Self {
        Self {
            cost,
            random,
            running: Arc::new(Semaphore::new(running)),
            admitted: Arc::new(Semaphore::new(running + waiting)),
            places: running + waiting,
            runs: Counter::default(),
        }
    }

    /// For a server: a run for each core but one, so that passwords never take them all, and 64 waiting.
    pub fn for_server(random: Arc<dyn Random>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(HashCost::SERVER, cores.saturating_sub(1).max(1), 64, random)
    }

    /// How many times Argon2 has run; equal work for unequal answers is tested by it.
    pub fn runs(&self) -> u64 {
        self.runs.get()
    }

    /// How many runs go on or wait at this moment.
    pub fn in_hand(&self) -> usize {
        self.places.saturating_sub(self.admitted.available_permits())
    }

    /// Registers what is counted here.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "argon2_runs",
            "Runs of Argon2: passwords compared without the help of the cache, and new ones",
            self.runs.clone(),
        );
    }

    /// Hashes a new password to a PHC string, on this thread: for the command line.
    pub fn hash_here(&self, password: &PlainSecret) -> PlainSecret {
        hash(self.cost, &prepared(password), draw(&*self.random), &self.runs)
    }

    /// Hashes a new password to a PHC string.
    pub async fn hash(&self, password: &PlainSecret) -> Result<PlainSecret, HashError> {
        let (password, salt) = (prepared(password), draw(&*self.random));
        let (cost, runs) = (self.cost, self.runs.clone());
        self.run(move || hash(cost, &password, salt, &runs)).await
    }

    /// Compares a prepared password with a stored hash. Without one it does the same work and says no.
    pub(super) async fn verify(
        &self,
        password: Zeroizing<Vec<u8>>,
        stored: Option<PlainSecret>,
    ) -> Result<bool, HashError> {
        let (cost, runs) = (self.cost, self.runs.clone());
        self.run(move || {
            let Some(stored) = stored else {
                hash(cost, &password, [0; SALT_LEN], &runs);
                return Ok(false);
            };
            verify(&password, &stored, &runs)
        })
        .await?
    }

    /// The permits go with the work, not with the request: who hangs up has not made room for another run.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| HashError::Busy)?;
        let running = self.running.clone().acquire_owned().await?;
        let permits: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (admitted, running);
        let job = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permits);
            done
        });
        job.await.map_err(|_| HashError::Stopped)
    }
}

fn hash(cost: HashCost, password: &[u8], salt: [u8; SALT_LEN], runs: &Counter) -> PlainSecret {
    use argon2::password_hash::PasswordHasher as _;
    runs.inc();
    let hash: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params())
        .hash_password_with_salt(password, &salt)
        .expect("a salt of 16 bytes and a password below 4 GiB are allowed");
    PlainSecret::new(hash.to_string())
}

fn verify(password: &[u8], stored: &PlainSecret, runs: &Counter) -> Result<bool, HashError> {
    let stored = PasswordHash::new(stored.expose()).map_err(|_| HashError::Unreadable)?;
    let params = Params::try_from(&stored).map_err(|_| HashError::Unreadable)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
        return Err(HashError::Unreadable);
    };
    if stored.algorithm != Algorithm::Argon2id.ident() || expected.len() != HASH_LEN {
        return Err(HashError::Unreadable);
    }
    runs.inc();
    let mut actual = Zeroizing::new([0; HASH_LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, &mut *actual)
        .map_err(|_| HashError::Unreadable)?;
    Ok(bool::from(actual.ct_eq(expected.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededRandom;

    fn hasher(cost: HashCost, running: usize, waiting: usize) -> PasswordHasher {
        PasswordHasher::new(cost, running, waiting, Arc::new(SeededRandom::new(1)))
    }

    async fn verifies(
        hasher: &PasswordHasher,
        password: &str,
        stored: &PlainSecret,
    ) -> Result<bool, HashError> {
        hasher.verify(prepared(&password.into()), Some(stored.clone())).await
    }

    #[tokio::test]
    async fn a_hash_says_how_it_was_made_and_verifies_its_password_only() {
        let hasher = hasher(HashCost::SERVER, 1, 1);
        let stored = hasher.hash(&"sécret".into()).await.expect("hashed");
        assert!(stored.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "documented parameters");
        assert_eq!(verifies(&hasher, "sécret", &stored).await, Ok(true));
        assert_eq!(verifies(&hasher, "se\u{301}cret", &stored).await, Ok(true), "the other spelling of é");
        assert_eq!(verifies(&hasher, "secret", &stored).await, Ok(false));
        assert_ne!(hasher.hash_here(&"sécret".into()), stored, "another salt");
    }

    #[tokio::test]
    async fn a_hash_made_at_another_cost_still_verifies() {
        let stored = hasher(HashCost::LEAST, 1, 1).hash_here(&"secret".into());
        assert_eq!(verifies(&hasher(HashCost::SERVER, 1, 1), "secret", &stored).await, Ok(true));
    }

    #[tokio::test]
    async fn what_is_no_hash_of_ours_is_an_error_and_not_a_no() {
        let hasher = hasher(HashCost::LEAST, 1, 1);
        let good = hasher.hash_here(&"secret".into());
        let other = good.expose().replace("argon2id", "argon2i");
        for stored in ["", "secret", "$argon2id$v=19$m=8,t=1,p=1", &good.expose()[..60], &other] {
            assert_eq!(
                verifies(&hasher, "secret", &stored.into()).await,
                Err(HashError::Unreadable),
                "{stored}"
            );
        }
    }

    #[tokio::test]
    async fn without_a_hash_the_work_is_done_all_the_same() {
        let hasher = hasher(HashCost::LEAST, 1, 1);
        assert_eq!(hasher.verify(prepared(&"secret".into()), None).await, Ok(false));
        assert_eq!(hasher.runs(), 1);
    }

    #[tokio::test]
    async fn a_full_queue_says_so_at_once() {
        let hasher = Arc::new(hasher(HashCost::LEAST, 1, 1));
        let running = hasher.running.clone().acquire_owned().await.expect("open");
        let waiting = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.hash(&"secret".into()).await }
        });
        while hasher.in_hand() < 1 {
            tokio::task::yield_now().await;
        }
        let place = hasher.admitted.clone().try_acquire_owned().expect("the last one");
        assert_eq!(hasher.hash(&"secret".into()).await, Err(HashError::Busy));
        drop((running, place));
        assert!(waiting.await.expect("ran").is_ok());
    }
}
