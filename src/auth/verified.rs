//! Credentials that were verified lately, so that a client that calls a hundred times a second pays Argon2 once.

use std::{num::NonZeroUsize, time::Duration};

use events::id::{Sequence, UserId};
use lru::LruCache;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::clock::{Monotonic, Random, draw};

/// How many are remembered; about 100 bytes each.
const ENTRIES_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");
/// After this the password is verified again: what lies in memory is weaker than what lies in the log.
const LIFETIME: Duration = Duration::from_mins(15);

/// What stands for a user, his last change, and a password. Any change of the user makes it another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct VerifiedTag([u8; 32]);

/// A bounded set of tags under a key that this process drew and nobody keeps.
pub(super) struct Verified {
    key: Zeroizing<[u8; 32]>,
    since: Mutex<LruCache<VerifiedTag, Monotonic>>,
}

impl Verified {
    pub(super) fn new(random: &dyn Random) -> Self {
        Self { key: Zeroizing::new(draw(random)), since: Mutex::new(LruCache::new(ENTRIES_MAX)) }
    }

    pub(super) fn tag(&self, user: UserId, changed: Sequence, password: &[u8]) -> VerifiedTag {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&user.0.to_le_bytes()).update(&changed.0.to_le_bytes()).update(password);
        VerifiedTag(*hasher.finalize().as_bytes())
    }

    pub(super) fn has(&self, tag: &VerifiedTag, now: Monotonic) -> bool {
        self.since.lock().get(tag).is_some_and(|since| now.since(*since) < LIFETIME)
    }

    pub(super) fn remember(&self, tag: VerifiedTag, now: Monotonic) {
        self.since.lock().put(tag, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn every_part_counts_and_time_ends_it() {
        let verified = Verified::new(&SystemRandom);
        let tag = verified.tag(UserId(1), Sequence(5), b"secret");
        assert!(!verified.has(&tag, Monotonic::default()));
        verified.remember(tag, Monotonic::default());
        assert!(verified.has(&tag, Monotonic(LIFETIME.saturating_sub(Duration::from_secs(1)))));
        for other in [
            verified.tag(UserId(2), Sequence(5), b"secret"),
            verified.tag(UserId(1), Sequence(6), b"secret"),
            verified.tag(UserId(1), Sequence(5), b"Secret"),
            Verified::new(&SystemRandom).tag(UserId(1), Sequence(5), b"secret"),
        ] {
            assert!(!verified.has(&other, Monotonic::default()));
        }
        assert!(!verified.has(&tag, Monotonic(LIFETIME)));
    }
}
