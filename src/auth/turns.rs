//! One attempt at a time for each name.
//!
//! Without turns, a hundred guesses sent at once would all be judged before the third failure locks the account; and a
//! client that opens a hundred connections would make Argon2 run a hundred times for one password.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, SemaphorePermit};

use crate::vault::login::LoginTag;

/// How many attempts have a turn or wait for one, in all.
const ATTEMPTS_MAX: usize = 1_024;

pub(super) struct Turns {
    admitted: Semaphore,
    names: Mutex<HashMap<LoginTag, Arc<AsyncMutex<()>>>>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { admitted: Semaphore::new(ATTEMPTS_MAX), names: Mutex::default() }
    }

    /// Waits for the turn of this attempt; `None` when too many are waiting.
    pub(super) async fn take(&self, name: LoginTag) -> Option<Turn<'_>> {
        let admitted = self.admitted.try_acquire().ok()?;
        let lock = self.names.lock().entry(name).or_default().clone();
        // Made before the wait, so that a request that is given up while it waits is cleared away too.
        let mut turn = Turn { turns: self, name, lock: Some(lock.clone()), guard: None, _admitted: admitted };
        turn.guard = Some(lock.lock_owned().await);
        Some(turn)
    }
}

/// Ends the turn when dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    name: LoginTag,
    lock: Option<Arc<AsyncMutex<()>>>,
    guard: Option<OwnedMutexGuard<()>>,
    _admitted: SemaphorePermit<'a>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut names = self.turns.names.lock();
        self.guard = None;
        self.lock = None;
        // Under the map's lock nobody takes a new copy, so one left means that nobody waits.
        if names.get(&self.name).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            names.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_attempt_waits_and_nothing_stays_behind() {
        let turns = Turns::new();
        let (one, other) = (LoginTag([1; 32]), LoginTag([2; 32]));
        let first = turns.take(one).await.expect("free");
        assert!(turns.take(other).await.is_some(), "another name does not wait");
        {
            let mut given_up = Box::pin(turns.take(one));
            assert!(futures_now(given_up.as_mut()).is_none());
            drop(first);
            assert!(futures_now(given_up.as_mut()).is_some_and(|turn| turn.is_some()));
        }
        assert!(turns.names.lock().is_empty());

        let first = turns.take(one).await.expect("free");
        let mut given_up = Box::pin(turns.take(one));
        assert!(futures_now(given_up.as_mut()).is_none());
        drop(given_up);
        drop(first);
        assert!(turns.names.lock().is_empty());
        assert_eq!(turns.admitted.available_permits(), ATTEMPTS_MAX);
    }

    #[tokio::test]
    async fn too_many_attempts_are_not_taken_in() {
        let turns = Turns::new();
        let all = turns.admitted.acquire_many(1_024).await.expect("open");
        assert!(turns.take(LoginTag([1; 32])).await.is_none());
        drop(all);
        assert!(turns.take(LoginTag([1; 32])).await.is_some());
    }

    /// What the future gives without waiting.
    fn futures_now<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
