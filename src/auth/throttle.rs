//! Counting failures, so that guessing is slow: per address, per account from one address, and the lock of an account.
//! All of it is memory with a bound; nothing here is an event.

use std::{collections::VecDeque, hash::Hash, num::NonZeroUsize, time::Duration};

use events::{
    id::{Sequence, UserId},
    time::Timestamp,
};
use lru::LruCache;
use parking_lot::Mutex;

use crate::clock::{Monotonic, micros};

const MINUTE: Duration = Duration::from_mins(1);
/// How many keys a throttle remembers; the ones that failed longest ago go first.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

/// Lets a number of failures a minute happen per key, and no more.
///
/// A key's whole record is the time at which its failures will have been worked off, one each `minute / number`
/// (generic cell rate algorithm): there is no window whose border lets twice as many through.
pub(super) struct Throttle<K: Hash + Eq> {
    interval: Duration,
    cleared_at: Mutex<LruCache<K, Monotonic>>,
}

impl<K: Hash + Eq> Throttle<K> {
    /// Allows `per_minute` failures, at least one.
    pub(super) fn new(per_minute: u32) -> Self {
        Self { interval: MINUTE / per_minute.max(1), cleared_at: Mutex::new(LruCache::new(KEYS_MAX)) }
    }

    /// How long this key has to wait; `None` when it may try.
    pub(super) fn wait(&self, key: &K, now: Monotonic) -> Option<Duration> {
        let cleared_at = *self.cleared_at.lock().peek(key)?;
        let outstanding = cleared_at.since(now);
        let allowed = MINUTE.saturating_sub(self.interval);
        outstanding.checked_sub(allowed).filter(|wait| !wait.is_zero())
    }

    /// Counts a failure.
    pub(super) fn failed(&self, key: K, now: Monotonic) {
        let mut cleared_at = self.cleared_at.lock();
        let from = cleared_at.peek(&key).map_or(now, |before| now.max(*before));
        cleared_at.put(key, Monotonic(from.0 + self.interval));
    }
}

/// When an account is locked (hdp-api 7.1, limits 2 to 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Failures in a row that lock; 0 switches the lock off.
    pub limit: u32,
    /// Within this time.
    pub interval: Duration,
    /// For this long.
    pub period: Duration,
}

/// A lock that is to be recorded: one for each account and period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockAccount {
    /// Whose account.
    pub user: UserId,
    /// When the lock ends.
    pub until: Timestamp,
}

/// What memory knows of one account.
enum Record {
    /// The failures in a row.
    Failures(Row),
    /// Locked here, before the event is durable, and also when it can't become so.
    Locked {
        until: Timestamp,
        /// The user's last change when it happened. Once he has changed, his row says whether he is locked: the event
        /// has arrived, or an administrator has ended the lock.
        changed: Sequence,
    },
}

/// Most failures of one account that are kept each with its own time.
const TIMES_MAX: usize = 32;

/// Failures in a row, oldest first, as times with how many there were. The limit may be a million: past [`TIMES_MAX`]
/// those within a part of the interval share the time of the first of them, so that an account takes a kibibyte at most.
#[derive(Default)]
struct Row(VecDeque<(Timestamp, u32)>);

impl Row {
    /// Counts one more; answers with how many there were within the interval.
    fn add(&mut self, now: Timestamp, interval: Duration) -> u64 {
        let before = |span: Duration| now.saturating_add_micros(-micros(span));
        let oldest = before(interval);
        while self.0.front().is_some_and(|(time, _)| *time <= oldest) {
            self.0.pop_front();
        }
        let part = before(interval / u32::try_from(TIMES_MAX).unwrap_or(u32::MAX));
        let crowded = self.0.len() >= TIMES_MAX;
        match self.0.back_mut().filter(|(time, _)| crowded && *time > part) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push_back((now, 1)),
        }
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }
}

/// Failures in a row, per account.
pub(super) struct Lockouts {
    records: Mutex<LruCache<UserId, Record>>,
}

impl Lockouts {
    pub(super) fn new() -> Self {
        Self { records: Mutex::new(LruCache::new(KEYS_MAX)) }
    }

    /// Whether memory says that the account is locked; its row may say so too.
    pub(super) fn is_locked(&self, user: UserId, changed: Sequence, now: Timestamp) -> bool {
        self.records.lock().peek(&user).is_some_and(|record| record.is_locked(changed, now))
    }

    /// Counts a wrong password. Answers with the lock when this was the one too many by the policy that holds now.
    pub(super) fn failed(
        &self,
        user: UserId,
        changed: Sequence,
        now: Timestamp,
        policy: LockoutPolicy,
    ) -> Option<LockAccount> {
        if policy.limit == 0 {
            return None;
        }
        let mut records = self.records.lock();
        let record = records.get_or_insert_mut(user, || Record::Failures(Row::default()));
        if let Record::Locked { .. } = record {
            if record.is_locked(changed, now) {
                return None;
            }
            *record = Record::Failures(Row::default());
        }
        let Record::Failures(row) = record else { return None };
        if row.add(now, policy.interval) < u64::from(policy.limit) {
            return None;
        }
        let until = now.saturating_add_micros(micros(policy.period));
        *record = Record::Locked { until, changed };
        Some(LockAccount { user, until })
    }

    /// The right password ends a row of failures.
    pub(super) fn succeeded(&self, user: UserId) {
        let mut records = self.records.lock();
        if let Some(Record::Failures(_)) = records.peek(&user) {
            records.pop(&user);
        }
    }
}

impl Record {
    fn is_locked(&self, changed: Sequence, now: Timestamp) -> bool {
        match self {
            Self::Failures(_) => false,
            Self::Locked { until, changed: then } => now < *until && *then == changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USER: UserId = UserId(7);
    const SEEN: Sequence = Sequence(3);

    fn at(secs: i64) -> Timestamp {
        Timestamp(1_795_176_000_000_000).saturating_add_secs(secs)
    }

    fn mono(millis: u64) -> Monotonic {
        Monotonic(Duration::from_millis(millis))
    }

    /// Lockouts under one policy.
    struct Fixed(Lockouts, LockoutPolicy);

    fn policy(limit: u32) -> LockoutPolicy {
        LockoutPolicy { limit, interval: Duration::from_mins(15), period: Duration::from_mins(30) }
    }

    fn lockouts(limit: u32) -> Fixed {
        Fixed(Lockouts::new(), policy(limit))
    }

    impl Fixed {
        fn is_locked(&self, user: UserId, changed: Sequence, now: Timestamp) -> bool {
            self.0.is_locked(user, changed, now)
        }

        fn failed(&self, user: UserId, changed: Sequence, now: Timestamp) -> Option<LockAccount> {
            self.0.failed(user, changed, now, self.1)
        }

        fn succeeded(&self, user: UserId) {
            self.0.succeeded(user);
        }
    }

    #[test]
    fn a_throttle_lets_its_number_fail_and_then_one_each_interval() {
        let throttle = Throttle::new(10);
        for _ in 0..10 {
            assert_eq!(throttle.wait(&"a", mono(0)), None);
            throttle.failed("a", mono(0));
        }
        assert_eq!(throttle.wait(&"a", mono(0)), Some(Duration::from_secs(6)));
        assert_eq!(throttle.wait(&"a", mono(5_000)), Some(Duration::from_secs(1)));
        assert_eq!(throttle.wait(&"a", mono(6_000)), None);
        throttle.failed("a", mono(6_000));
        assert_eq!(throttle.wait(&"a", mono(6_000)), Some(Duration::from_secs(6)));
        assert_eq!(throttle.wait(&"b", mono(6_000)), None, "another key is another matter");
        assert_eq!(throttle.wait(&"a", mono(120_000)), None);
    }

    proptest! {
        /// In any minute at most twice the number, in any hour at most sixty times and once more.
        #[test]
        fn no_pattern_of_tries_gets_more_than_the_rate(gaps in prop::collection::vec(0_u64..4_000, 1..400)) {
            let throttle = Throttle::new(7);
            let (mut now, mut failures) = (0_u64, 0_u64);
            for gap in gaps {
                now += gap;
                if throttle.wait(&(), mono(now)).is_none() {
                    throttle.failed((), mono(now));
                    failures += 1;
                }
                prop_assert!(failures <= 7 + 7 * now / 60_000 + 1);
            }
        }
    }

    #[test]
    fn the_third_failure_in_a_row_locks_once() {
        let lockouts = lockouts(3);
        assert_eq!(lockouts.failed(USER, SEEN, at(0)), None);
        assert_eq!(lockouts.failed(USER, SEEN, at(1)), None);
        assert!(!lockouts.is_locked(USER, SEEN, at(1)));
        assert_eq!(lockouts.failed(USER, SEEN, at(2)), Some(LockAccount { user: USER, until: at(1_802) }));
        assert!(lockouts.is_locked(USER, SEEN, at(3)));
        assert!(!lockouts.is_locked(UserId(8), SEEN, at(3)));
        assert_eq!(lockouts.failed(USER, SEEN, at(4)), None, "one lock for each period");
        assert!(!lockouts.is_locked(USER, SEEN, at(1_802)));
        assert_eq!(lockouts.failed(USER, SEEN, at(1_803)), None, "a new row begins");
    }

    #[test]
    fn a_success_ends_the_row_and_so_does_time() {
        let lockouts = lockouts(3);
        lockouts.failed(USER, SEEN, at(0));
        lockouts.failed(USER, SEEN, at(1));
        lockouts.succeeded(USER);
        assert_eq!(lockouts.failed(USER, SEEN, at(2)), None);
        assert_eq!(lockouts.failed(USER, SEEN, at(901)), None);
        assert_eq!(lockouts.failed(USER, SEEN, at(903)), None, "the one at 2 is too old");
        assert!(lockouts.failed(USER, SEEN, at(904)).is_some(), "three within 900 s, whatever was before");
    }

    #[test]
    fn a_changed_user_is_what_his_row_says() {
        let lockouts = lockouts(1);
        assert!(lockouts.failed(USER, SEEN, at(0)).is_some());
        lockouts.succeeded(USER);
        assert!(lockouts.is_locked(USER, SEEN, at(1)), "a success can't end a lock");
        assert!(!lockouts.is_locked(USER, Sequence(9), at(1)), "an administrator unlocked him");
        assert!(lockouts.failed(USER, Sequence(9), at(2)).is_some(), "and he is locked anew");
    }

    /// SECURITY L12: a flood over more names and addresses than there are can't fill the memory, and forgets those first that
    /// failed longest ago.
    #[test]
    fn memory_is_bounded_whatever_is_tried() {
        let (throttle, lockouts) = (Throttle::new(10), Lockouts::new());
        for number in 0..200_000_u64 {
            throttle.failed(number, mono(0));
            lockouts.failed(UserId(number), SEEN, at(0), policy(3));
        }
        assert_eq!(throttle.cleared_at.lock().len(), KEYS_MAX.get());
        assert_eq!(lockouts.records.lock().len(), KEYS_MAX.get());
        assert!(throttle.cleared_at.lock().contains(&199_999) && !throttle.cleared_at.lock().contains(&0));
    }

    #[test]
    fn limit_zero_never_locks() {
        let lockouts = lockouts(0);
        assert!((0..1_000).all(|second| lockouts.failed(USER, SEEN, at(second)).is_none()));
    }

    #[test]
    fn the_policy_is_the_one_that_holds_at_each_failure() {
        let lockouts = Lockouts::new();
        for second in 0..5 {
            assert_eq!(lockouts.failed(USER, SEEN, at(second), policy(10)), None);
        }
        assert_eq!(lockouts.failed(USER, SEEN, at(5), policy(0)), None, "switched off");
        let hour = LockoutPolicy { period: Duration::from_hours(1), ..policy(3) };
        let lock = LockAccount { user: USER, until: at(6 + 3600) };
        assert_eq!(lockouts.failed(USER, SEEN, at(6), hour), Some(lock), "lowered: there were more already");
        assert!(lockouts.is_locked(USER, SEEN, at(3605)), "a lock holds for as long as it was made for");
    }

    #[test]
    fn a_million_failures_take_no_more_room_than_a_few() {
        let (interval, mut row) = (Duration::from_secs(1_000_000_000), Row::default());
        let counted = (0..100_000).map(|second| row.add(at(second), interval)).last();
        assert_eq!(counted, Some(100_000));
        assert!(row.0.len() <= 2 * TIMES_MAX + 1, "{}", row.0.len());
        let mut row = Row::default();
        for second in 0..10_000 {
            let counted = row.add(at(second), Duration::from_secs(1000));
            assert!((950..=1000).contains(&counted) || second < 1000, "{second}: {counted}");
            assert!(row.0.len() <= 2 * TIMES_MAX + 1, "{}", row.0.len());
        }
    }
}
