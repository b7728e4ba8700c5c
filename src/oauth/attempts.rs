//! Requests that do not fit a code: with a wrong verifier, another redirect URI, by another client. A few of them leave the code
//! to its owner; whoever sends more is guessing, and the code is spent (SECURITY 12).
//!
//! A code lives for a minute, so counting in memory is enough: what a restart forgets is hardly worth an event, and an outsider
//! could make one (SECURITY L14).

use std::num::NonZeroUsize;

use events::token::TokenHash;
use lru::LruCache;
use parking_lot::Mutex;

/// The attempt that spends a code.
const ATTEMPTS_MAX: u8 = 5;
/// How many codes are counted for; more than are issued in a minute.
const CODES_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// Counts of failed attempts at codes that there are.
pub struct CodeAttempts(Mutex<LruCache<TokenHash, u8>>);

impl Default for CodeAttempts {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(CODES_MAX)))
    }
}

impl CodeAttempts {
    /// Whether too many attempts have spent this code. Nothing that comes with it is looked at then.
    pub fn have_spent(&self, code: &TokenHash) -> bool {
        self.0.lock().peek(code).is_some_and(|attempts| *attempts >= ATTEMPTS_MAX)
    }

    /// A request did not fit this code, which exists: counting for others would let guesses push these out.
    pub fn failed(&self, code: TokenHash) {
        let mut attempts = self.0.lock();
        let count = attempts.get_or_insert_mut(code, || 0);
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s12_the_fifth_failed_attempt_spends_a_code_and_no_other() {
        let attempts = CodeAttempts::default();
        let (code, other) = (TokenHash([1; 32]), TokenHash([2; 32]));
        for _ in 1..ATTEMPTS_MAX {
            attempts.failed(code);
            assert!(!attempts.have_spent(&code));
        }
        attempts.failed(code);
        assert!(attempts.have_spent(&code) && !attempts.have_spent(&other));
    }
}
