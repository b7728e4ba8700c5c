//! Tags by which a repeated request is recognised: keyed hashes under a key that lives for two days.
//!
//! An unkeyed hash of a request would let anyone with an export of the log try passwords against it. A key per day,
//! deleted after the next, means that even we can't do that for long.

use std::collections::BTreeMap;

use events::{
    envelope::{Actor, IdempotencyTags},
    id::UserId,
    time::Timestamp,
};

use super::{entries, secret::KeyBytes};
use crate::{clock::DAY_MICROS, ledger::store::KeyChange};

/// Days since 1970-01-01, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// The day of a time; the first one for times before 1970, the last one for times that nobody will see.
    pub fn of(time: Timestamp) -> Self {
        Self(u32::try_from(time.0.div_euclid(DAY_MICROS).max(0)).unwrap_or(u32::MAX - 1))
    }

    fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    fn after(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What makes two requests the same request.
#[derive(Clone, Copy)]
pub struct IdempotentRequest<'a> {
    /// Who asks: one caller's keys never meet another's.
    pub actor: Actor,
    /// The user of a client application's token: for each of them it is another caller.
    pub token_of: Option<UserId>,
    /// `POST`.
    pub method: &'a str,
    /// Path with its query, since `?user=` changes what is asked.
    pub path: &'a str,
    /// The `Idempotency-Key` header's value.
    pub key: &'a str,
    /// The body in a form that doesn't depend on spaces or the order of properties.
    pub canonical_body: &'a [u8],
}

/// A request's tags under each key that the event's stamp may fall under, and those an earlier event may stand under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTags(Vec<(Day, IdempotencyTags)>);

impl RequestTags {
    /// What to record in an event that is stamped with `stamp`. `None` when the request waited for more than a day.
    pub fn to_record(&self, stamp: Timestamp) -> Option<IdempotencyTags> {
        let day = Day::of(stamp);
        self.0.iter().find(|(of, _)| *of == day).map(|(_, tags)| *tags)
    }

    /// All of them, for finding an earlier event. Key tags that are equal with unequal request tags are the same
    /// `Idempotency-Key` with another body.
    pub fn all(&self) -> impl Iterator<Item = &IdempotencyTags> {
        self.0.iter().map(|(_, tags)| tags)
    }
}

struct DayKey {
    key: KeyBytes,
    /// Whether the key store holds it for certain.
    durable: bool,
}

/// The keys of the days around now.
pub(super) struct DayKeys {
    keys: BTreeMap<Day, DayKey>,
    /// The latest day that an event was stamped in, as far as the keys tell.
    latest: Day,
}

impl DayKeys {
    /// Begins with what the key store holds.
    pub(super) fn stored(keys: impl IntoIterator<Item = (Day, KeyBytes)>) -> Self {
        let keys: BTreeMap<Day, DayKey> =
            keys.into_iter().map(|(day, key)| (day, DayKey { key, durable: true })).collect();
        let latest = keys.last_key_value().map_or(Day(0), |(day, _)| *day);
        Self { keys, latest }
    }

    /// Tags under the keys of yesterday, today and tomorrow. Tomorrow's, since the writer may stamp after midnight what
    /// was hashed before it; its key is drawn already and reaches the key store when an event needs it.
    pub(super) fn tags(
        &mut self,
        request: &IdempotentRequest<'_>,
        now: Timestamp,
        mut draw: impl FnMut() -> KeyBytes,
    ) -> RequestTags {
        // Stamps never go back, so a wall clock that was set back doesn't decide what today is.
        let today = Day::of(now).max(self.latest);
        for day in [today, today.after()] {
            self.keys.entry(day).or_insert_with(|| DayKey { key: draw(), durable: false });
        }
        let days = self.keys.range(today.before()..=today.after());
        RequestTags(days.map(|(day, key)| (*day, hash(&key.key, request))).collect())
    }

    /// The changes that must go with a batch stamped in `day`: its key, when the key store may not have it yet, and the
    /// end of the keys before yesterday's. Asked again they are the same until [`DayKeys::confirm`].
    pub(super) fn roll(
        &mut self,
        day: Day,
        draw: impl FnOnce() -> KeyBytes,
        wrap: impl FnOnce(&[u8], &KeyBytes) -> Vec<u8>,
    ) -> Vec<KeyChange> {
        let mut changes = Vec::new();
        let current = self.keys.entry(day).or_insert_with(|| DayKey { key: draw(), durable: false });
        if !current.durable {
            let key = entries::idempotency_key(day);
            changes.push(KeyChange::Put { value: wrap(&key, &current.key), key });
        }
        let old = self.keys.range(..day.before()).filter(|(_, key)| key.durable);
        changes.extend(old.map(|(day, _)| KeyChange::Delete { key: entries::idempotency_key(*day) }));
        changes
    }

    /// A batch stamped in `day` is durable, and what [`DayKeys::roll`] asked for with it.
    pub(super) fn confirm(&mut self, day: Day) {
        if let Some(current) = self.keys.get_mut(&day) {
            current.durable = true;
        }
        self.latest = self.latest.max(day);
        self.keys.retain(|of, _| (day.before()..=day.after()).contains(of));
    }
}

fn hash(key: &KeyBytes, request: &IdempotentRequest<'_>) -> IdempotencyTags {
    let (kind, id): (u8, u64) = match request.actor {
        Actor::User(user) => (1, user.0),
        Actor::ClientApplication(client) => (2, client.0),
        Actor::System => (3, 0),
        Actor::Operator => (4, 0),
    };
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher.update(b"k").update(&[kind]).update(&id.to_le_bytes());
    if let Actor::ClientApplication(_) = request.actor {
        hasher.update(&request.token_of.map_or(0, |user| user.0).to_le_bytes());
    }
    // Each part with its length before it: ("a", "bc") and ("ab", "c") are two requests.
    for part in [request.method, request.path, request.key] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let key_tag = truncated(&hasher);
    // Over the key tag too, else two requests with the same body would show as such in the log.
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher.update(b"r").update(&key_tag).update(request.canonical_body);
    IdempotencyTags { key: key_tag, request: truncated(&hasher) }
}

fn truncated(hasher: &blake3::Hasher) -> [u8; 16] {
    *hasher.finalize().as_bytes().first_chunk().expect("32 bytes begin with 16")
}

#[cfg(test)]
mod tests {
    use events::id::ClientApplicationId;

    use super::*;

    const REQUEST: IdempotentRequest<'static> = IdempotentRequest {
        actor: Actor::User(UserId(7)),
        token_of: None,
        method: "POST",
        path: "/api/mgmt/oauthapps",
        key: "abc",
        canonical_body: b"{}",
    };

    fn at(day: i64, secs: i64) -> Timestamp {
        Timestamp(day * DAY_MICROS).saturating_add_secs(secs)
    }

    fn by_token(user: u64) -> IdempotentRequest<'static> {
        let client = Actor::ClientApplication(ClientApplicationId(7));
        IdempotentRequest { actor: client, token_of: Some(UserId(user)), ..REQUEST }
    }

    fn drawing() -> impl FnMut() -> KeyBytes {
        let mut next = 0;
        move || {
            next += 1;
            KeyBytes::new([next; 32])
        }
    }

    fn roll(keys: &mut DayKeys, stamp: Timestamp) -> Vec<KeyChange> {
        keys.roll(Day::of(stamp), || KeyBytes::new([200; 32]), |_, key| key.expose().to_vec())
    }

    #[test]
    fn the_same_request_is_found_the_next_day_and_not_after() {
        let mut keys = DayKeys::stored([]);
        let mut draw = drawing();
        let monday = keys.tags(&REQUEST, at(100, 86_399), &mut draw);
        let recorded = monday.to_record(at(101, 1)).expect("stamped after midnight");
        assert_eq!(roll(&mut keys, at(101, 1)).len(), 1, "the key that was drawn ahead");
        assert_eq!(roll(&mut keys, at(101, 1)).len(), 1, "and again until it is durable");
        keys.confirm(Day(101));
        assert_eq!(roll(&mut keys, at(101, 2)), []);
        let tuesday = keys.tags(&REQUEST, at(102, 5), &mut draw);
        assert!(tuesday.all().any(|tags| *tags == recorded));
        assert_eq!(roll(&mut keys, at(102, 6)).len(), 1);
        keys.confirm(Day(102));
        assert_eq!(
            roll(&mut keys, at(103, 0))[1..],
            [KeyChange::Delete { key: entries::idempotency_key(Day(101)) }]
        );
        keys.confirm(Day(103));
        assert!(keys.tags(&REQUEST, at(103, 1), &mut draw).all().all(|tags| *tags != recorded));
    }

    #[test]
    fn a_restart_continues_with_the_stored_keys_and_ends_old_ones() {
        let key = || KeyBytes::new([1; 32]);
        let mut keys = DayKeys::stored([(Day(90), key()), (Day(100), key())]);
        assert_eq!(
            roll(&mut keys, at(100, 0)),
            [KeyChange::Delete { key: entries::idempotency_key(Day(90)) }]
        );
    }

    #[test]
    fn a_wall_clock_set_back_still_gives_tags_for_the_stamp() {
        let mut keys = DayKeys::stored([(Day(100), KeyBytes::new([1; 32]))]);
        let tags = keys.tags(&REQUEST, at(40, 0), drawing());
        assert!(tags.to_record(at(100, 0)).is_some());
        assert!(tags.to_record(at(40, 0)).is_none());
    }

    #[test]
    fn every_part_of_a_request_counts_and_parts_do_not_run_together() {
        let key = KeyBytes::new([1; 32]);
        let base = hash(&key, &REQUEST);
        let others = [
            IdempotentRequest { actor: Actor::User(UserId(8)), ..REQUEST },
            IdempotentRequest { actor: Actor::Operator, ..REQUEST },
            by_token(7),
            by_token(8),
            IdempotentRequest { method: "PUT", ..REQUEST },
            IdempotentRequest { path: "/api/mgmt/oauthappsa", key: "bc", ..REQUEST },
            IdempotentRequest { key: "abd", ..REQUEST },
        ];
        assert_ne!(
            hash(&key, &by_token(7)).key,
            hash(&key, &by_token(8)).key,
            "one application for two users"
        );
        for other in others {
            let tags = hash(&key, &other);
            assert_ne!(tags.key, base.key);
            assert_ne!(tags.request, base.request, "equal bodies don't show");
        }
        let other_body = hash(&key, &IdempotentRequest { canonical_body: b"[]", ..REQUEST });
        assert_eq!(other_body.key, base.key);
        assert_ne!(other_body.request, base.request);
        assert_ne!(hash(&KeyBytes::new([2; 32]), &REQUEST).key, base.key);
    }
}
