//! Time and randomness, the two things that must never be ambient: every other file takes them as arguments.
//!
//! Here are the clock and its steppable twin, the rule by which the writer stamps events, and the source of random bytes
//! with its seedable twin. `SystemTime::now` and `getrandom::fill` are banned everywhere else (`clippy.toml`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use events::time::Timestamp;
use parking_lot::Mutex;
use thiserror::Error;

/// Microseconds in a day; the day of a time is its quotient, rounded down.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// Time since some moment before; never steps, says nothing about the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// How long after `earlier` this is; zero when it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Tells the time, twice: what the wall says, and what only ever advances.
pub trait Clock: Send + Sync {
    /// Wall clock, microseconds UTC. May step in both directions.
    fn now(&self) -> Timestamp;
    /// Advances evenly, also while the machine sleeps.
    fn monotonic(&self) -> Monotonic;
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The clocks of this machine.
    pub fn new() -> Self {
        Self
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 counts as 1970: the stamp rule never goes backwards, and no sane date is lost.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(micros(since_epoch))
    }

    fn monotonic(&self) -> Monotonic {
        // The clock that goes on while the machine sleeps. By the standard library's, which stands still, a laptop that was
        // opened in the morning would have jumped by a night, and the stamp rule would refuse to write until a restart.
        let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let secs = u64::try_from(since_boot.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(since_boot.tv_nsec).unwrap_or_default();
        Monotonic(Duration::new(secs, nanos))
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct SteppedClock(Mutex<(Timestamp, Monotonic)>);

impl SteppedClock {
    /// Stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new((now, Monotonic::default())))
    }

    /// Time passes: both clocks advance.
    pub fn advance(&self, by: Duration) {
        let mut times = self.0.lock();
        times.0 = times.0.saturating_add_micros(micros(by));
        times.1.0 += by;
    }

    /// Somebody sets the wall clock; the monotonic one doesn't notice.
    pub fn set_wall(&self, now: Timestamp) {
        self.0.lock().0 = now;
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        self.0.lock().0
    }

    fn monotonic(&self) -> Monotonic {
        self.0.lock().1
    }
}

/// How far a stamp may be ahead of the last one as the monotonic clock advanced it.
const AHEAD_MAX: Duration = Duration::from_mins(10);

/// Why the writer refuses to stamp an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClockRefusal {
    /// The wall clock jumped while the server ran.
    #[error("the clock says {wall}, more than 10 minutes after {expected}, where it should stand by now")]
    Ahead {
        /// What the wall clock says.
        wall: Timestamp,
        /// The last stamp as advanced by the monotonic clock.
        expected: Timestamp,
    },
    /// The wall clock is further from the last event than a server is expected to stand still.
    #[error(
        "the clock says {wall}, the last event was at {last}; if the clock is right, start once with --accept-clock"
    )]
    Gap {
        /// What the wall clock says.
        wall: Timestamp,
        /// The last event's time.
        last: Timestamp,
    },
}

/// The writer's rule for `recorded_at`: never backwards, never far ahead of what can have passed.
///
/// One stamp a year ahead would retire every live token for good, because rows leave memory by the time of events; so a
/// jump of the wall clock is refused until it is back, or until a person has said that it is right.
#[derive(Debug)]
pub struct Stamper {
    /// No stamp is before this.
    last_stamp: Timestamp,
    /// A wall time that was accepted, and the monotonic time at which it was. It moves with every stamp that the wall
    /// clock gave, not with one that was held back: those say nothing about the time that has passed.
    wall: Timestamp,
    monotonic: Monotonic,
}

impl Stamper {
    /// Begins after a start. `last` is the time of the log's last event, `None` for an empty log; `max_gap` the setting
    /// `clock.max_gap`; `accept` says that a person vouches for the clock (`--accept-clock`).
    pub fn resume(
        last: Option<Timestamp>,
        max_gap: Duration,
        accept: bool,
        wall: Timestamp,
        monotonic: Monotonic,
    ) -> Result<Self, ClockRefusal> {
        let last_stamp = last.unwrap_or(wall);
        if !accept && wall > last_stamp.saturating_add_micros(micros(max_gap)) {
            return Err(ClockRefusal::Gap { wall, last: last_stamp });
        }
        Ok(Self { last_stamp, wall: wall.max(last_stamp), monotonic })
    }

    /// The time to write into the next batch. A refusal changes nothing: when the clock is back, stamps go on.
    pub fn stamp(&mut self, wall: Timestamp, monotonic: Monotonic) -> Result<Timestamp, ClockRefusal> {
        let passed = monotonic.since(self.monotonic);
        let expected = self.wall.saturating_add_micros(micros(passed));
        if wall > expected.saturating_add_micros(micros(AHEAD_MAX)) {
            return Err(ClockRefusal::Ahead { wall, expected });
        }
        if wall >= self.wall {
            self.wall = wall;
            self.monotonic = monotonic;
        }
        self.last_stamp = self.last_stamp.max(wall);
        Ok(self.last_stamp)
    }

    /// The last stamp given, or the last event's time.
    pub fn last_stamp(&self) -> Timestamp {
        self.last_stamp
    }
}

/// A duration as whole microseconds, held at the end of the range.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Draws random bytes fit for keys.
pub trait Random: Send + Sync {
    /// Fills all of `bytes`.
    ///
    /// # Panics
    /// When the operating system has no randomness to give. There is nothing to fall back to: a key that somebody can
    /// guess is worse than a request without an answer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system's random generator answers");
    }
}

/// The same bytes for the same seed, for tests.
#[derive(Debug)]
pub struct SeededRandom(Mutex<blake3::OutputReader>);

impl SeededRandom {
    /// A stream of bytes that depends on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof()))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill(bytes);
    }
}

/// `N` random bytes.
pub fn draw<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp(1_795_176_000_000_000);
    const MONTH: Duration = Duration::from_hours(30 * 24);

    fn mono(secs: u64) -> Monotonic {
        Monotonic(Duration::from_secs(secs))
    }

    fn later(secs: i64) -> Timestamp {
        NOON.saturating_add_secs(secs)
    }

    fn stamper() -> Stamper {
        Stamper::resume(Some(NOON), MONTH, false, NOON, mono(0)).expect("no gap")
    }

    #[test]
    fn a_clock_set_back_holds_the_stamp() {
        let mut stamper = stamper();
        assert_eq!(stamper.stamp(later(60), mono(60)), Ok(later(60)));
        assert_eq!(stamper.stamp(later(-3_600), mono(61)), Ok(later(60)));
        assert_eq!(stamper.stamp(later(61), mono(62)), Ok(later(61)));
    }

    #[test]
    fn a_clock_that_was_back_for_an_hour_and_returns_is_no_jump() {
        let mut stamper = stamper();
        for minute in 1..=60_u32 {
            let wall = later(-7_200 + i64::from(minute) * 60);
            assert_eq!(stamper.stamp(wall, mono(u64::from(minute) * 60)), Ok(NOON));
        }
        assert_eq!(stamper.stamp(later(3_601), mono(3_601)), Ok(later(3_601)));
    }

    #[test]
    fn ten_minutes_ahead_is_the_limit_and_a_refusal_changes_nothing() {
        let mut stamper = stamper();
        let refused = stamper.stamp(later(100 + 601), mono(100));
        assert_eq!(refused, Err(ClockRefusal::Ahead { wall: later(701), expected: later(100) }));
        assert_eq!(stamper.stamp(later(100), mono(100)), Ok(later(100)));
        assert_eq!(stamper.stamp(later(110 + 600), mono(110)), Ok(later(710)));
    }

    #[test]
    fn an_idle_server_may_stamp_whatever_time_has_passed() {
        let mut stamper = stamper();
        let secs = 90 * 24 * 3_600;
        assert_eq!(stamper.stamp(later(secs), mono(secs.unsigned_abs())), Ok(later(secs)));
    }

    #[test]
    fn a_start_after_more_than_the_gap_needs_a_person() {
        let wall = later(31 * 24 * 3_600);
        let refused = Stamper::resume(Some(NOON), MONTH, false, wall, mono(0)).map(|_| ());
        assert_eq!(refused, Err(ClockRefusal::Gap { wall, last: NOON }));
        let mut accepted = Stamper::resume(Some(NOON), MONTH, true, wall, mono(0)).expect("accepted");
        assert_eq!(accepted.stamp(wall, mono(1)), Ok(wall));
    }

    #[test]
    fn an_empty_log_takes_the_first_time_it_is_told() {
        let mut stamper =
            Stamper::resume(None, MONTH, false, NOON, mono(5)).expect("nothing to compare with");
        assert_eq!(stamper.stamp(later(1), mono(6)), Ok(later(1)));
    }

    #[test]
    fn a_start_with_a_clock_behind_the_log_stamps_the_last_time() {
        let mut stamper = Stamper::resume(Some(NOON), MONTH, false, later(-86_400), mono(0)).expect("behind");
        assert_eq!(stamper.stamp(later(-86_399), mono(1)), Ok(NOON));
        assert_eq!(stamper.stamp(later(2), mono(2)), Ok(later(2)));
    }

    #[test]
    fn a_seed_gives_its_bytes_again_and_another_seed_others() {
        let first: [u8; 48] = draw(&SeededRandom::new(7));
        assert_eq!(first, draw(&SeededRandom::new(7)));
        assert_ne!(first, draw::<48>(&SeededRandom::new(8)));
        assert_ne!(draw::<32>(&SystemRandom), draw::<32>(&SystemRandom));
    }

    proptest! {
        /// Whatever the wall clock does, stamps never fall, and never run ahead of the time that passed by more than
        /// ten minutes for each stamp that was given.
        #[test]
        fn stamps_never_fall_nor_leap(steps in prop::collection::vec((0_u64..5_000, -1_000_000_i64..1_000_000), 1..60)) {
            let mut stamper = stamper();
            let (mut monotonic, mut wall, mut last) = (0, 0, NOON);
            for (passed, jump) in steps {
                monotonic += passed;
                wall += i64::try_from(passed).expect("small") + jump;
                if let Ok(stamp) = stamper.stamp(later(wall), mono(monotonic)) {
                    prop_assert!(stamp >= last);
                    prop_assert!(stamp == last || stamp == later(wall));
                    last = stamp;
                }
            }
        }
    }

    #[test]
    fn the_systems_clocks_are_the_machines_and_only_advance() {
        let clock = SystemClock::new();
        let (first, second) = (clock.monotonic(), clock.monotonic());
        assert!(first <= second);
        // What the machine slept is counted too, so it is never behind the clock that stands still meanwhile.
        let awake = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        assert!(clock.monotonic().0.as_secs() >= u64::try_from(awake.tv_sec).expect("since the start"));
    }
}
