//! Keys of the tokens that we issue (TOKENS section 2): one for the tags of refresh tokens, for good, and one for each epoch,
//! with which the successors of that day's refresh tokens are derived.
//!
//! The key of an epoch lives until the last answer that it derived can't be asked for again. After that neither the log nor
//! an old refresh token gives its successors to anyone, us included.

use std::collections::BTreeMap;

use events::{id::TokenEpoch, time::Timestamp};
use zeroize::Zeroizing;

use super::{entries, secret::KeyBytes};
use crate::{clock::DAY_MICROS, ledger::store::KeyChange};

/// The longest time for which a rotation may be asked for again, in seconds; the key of an epoch lives so long after it.
pub const RETRY_SECS_MAX: u32 = 600;

/// The epoch of a time; the first one for times before 1970.
pub fn epoch_of(time: Timestamp) -> TokenEpoch {
    TokenEpoch(u32::try_from(time.0.div_euclid(DAY_MICROS).max(0)).unwrap_or(u32::MAX - 1))
}

/// From when on nothing derived in an epoch can be asked for again.
fn over_after(epoch: TokenEpoch) -> Timestamp {
    let end = Timestamp((i64::from(epoch.0) + 1).saturating_mul(DAY_MICROS));
    end.saturating_add_secs(i64::from(RETRY_SECS_MAX))
}

/// A key that makes keyed hashes and is shown to nobody.
#[derive(Clone, Debug)]
pub struct TokenKey(KeyBytes);

impl TokenKey {
    /// Keyed BLAKE3 of these parts, each with its length before it: ("a", "bc") and ("ab", "c") are two texts.
    pub fn hash(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_keyed(self.0.expose());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        Zeroizing::new(*hasher.finalize().as_bytes())
    }
}

struct StoredKey {
    key: KeyBytes,
    /// Whether the key store holds it for certain.
    durable: bool,
}

impl StoredKey {
    fn drawn(key: KeyBytes) -> Self {
        Self { key, durable: false }
    }

    fn stored(key: KeyBytes) -> Self {
        Self { key, durable: true }
    }

    /// The change that brings it into the key store, when it may not be there.
    fn put(&self, entry: Vec<u8>, wrap: &mut impl FnMut(&[u8], &KeyBytes) -> Vec<u8>) -> Option<KeyChange> {
        (!self.durable).then(|| KeyChange::Put { value: wrap(&entry, &self.key), key: entry })
    }
}

/// All keys of tokens.
pub(super) struct TokenKeys {
    tags: StoredKey,
    epochs: BTreeMap<TokenEpoch, StoredKey>,
    /// The latest epoch that a batch was stamped in, as far as the keys tell.
    latest: TokenEpoch,
}

impl TokenKeys {
    /// Begins with keys that the key store has.
    pub(super) fn stored(tags: KeyBytes, epochs: impl IntoIterator<Item = (TokenEpoch, KeyBytes)>) -> Self {
        let epochs: BTreeMap<TokenEpoch, StoredKey> =
            epochs.into_iter().map(|(epoch, key)| (epoch, StoredKey::stored(key))).collect();
        let latest = epochs.last_key_value().map_or(TokenEpoch(0), |(epoch, _)| *epoch);
        Self { tags: StoredKey::stored(tags), epochs, latest }
    }

    /// Begins with a key that the key store gets with the next batch: in a ledger from before there were tokens.
    pub(super) fn drawn(tags: KeyBytes) -> Self {
        Self { tags: StoredKey::drawn(tags), epochs: BTreeMap::new(), latest: TokenEpoch(0) }
    }

    pub(super) fn tags(&self) -> TokenKey {
        TokenKey(self.tags.key.clone())
    }

    /// The epoch to derive in at `now`. Stamps never go back, so a wall clock that was set back doesn't decide it.
    pub(super) fn current(&self, now: Timestamp) -> TokenEpoch {
        epoch_of(now).max(self.latest)
    }

    /// An epoch's key, drawn when it is the first time that anyone asks; `None` when the epoch is past and its key is gone.
    pub(super) fn epoch(&mut self, epoch: TokenEpoch, draw: impl FnOnce() -> KeyBytes) -> Option<TokenKey> {
        if !self.epochs.contains_key(&epoch) && epoch < self.latest {
            return None;
        }
        let key = self.epochs.entry(epoch).or_insert_with(|| StoredKey::drawn(draw()));
        Some(TokenKey(key.key.clone()))
    }

    /// The changes that must go with a batch stamped `stamp`: keys that the key store may not have yet, and the end of those
    /// that are over. What is derived in an epoch is also recorded in it, so no other epoch's key is needed; and one that
    /// nobody asked for is none. Asked again they are the same until [`TokenKeys::confirm`].
    pub(super) fn roll(
        &self,
        stamp: Timestamp,
        mut wrap: impl FnMut(&[u8], &KeyBytes) -> Vec<u8>,
    ) -> Vec<KeyChange> {
        let epoch = epoch_of(stamp);
        let tags = self.tags.put(entries::TOKEN_TAG_KEY.to_vec(), &mut wrap);
        let current = self.epochs.get(&epoch).and_then(|key| key.put(entries::token_epoch(epoch), &mut wrap));
        let over = self.epochs.iter().filter(|(epoch, key)| key.durable && over_after(**epoch) < stamp);
        let over = over.map(|(epoch, _)| KeyChange::Delete { key: entries::token_epoch(*epoch) });
        tags.into_iter().chain(current).chain(over).collect()
    }

    /// A batch stamped `stamp` is durable with these changes. A key that was drawn since they were asked for is not in them,
    /// so they say which ones are durable now.
    pub(super) fn confirm(&mut self, stamp: Timestamp, changes: &[KeyChange]) {
        for change in changes {
            let KeyChange::Put { key: entry, .. } = change else { continue };
            if entry == entries::TOKEN_TAG_KEY {
                self.tags.durable = true;
            }
            if let Some(key) = entries::parse_token_epoch(entry).and_then(|epoch| self.epochs.get_mut(&epoch))
            {
                key.durable = true;
            }
        }
        self.latest = self.latest.max(epoch_of(stamp));
        // Tomorrow's may have been drawn by a clock that is a little ahead. Others that no batch needed are nobody's.
        let (latest, next) = (self.latest, TokenEpoch(self.latest.0.saturating_add(1)));
        self.epochs.retain(|epoch, key| {
            (latest..=next).contains(epoch) || key.durable && over_after(*epoch) >= stamp
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64, secs: i64) -> Timestamp {
        Timestamp(day * DAY_MICROS).saturating_add_secs(secs)
    }

    fn key(number: u8) -> KeyBytes {
        KeyBytes::new([number; 32])
    }

    fn keys() -> TokenKeys {
        TokenKeys::stored(key(0), [])
    }

    fn roll(keys: &TokenKeys, stamp: Timestamp) -> Vec<KeyChange> {
        keys.roll(stamp, |_, key| key.expose().to_vec())
    }

    fn put(epoch: u32, number: u8) -> KeyChange {
        KeyChange::Put { key: entries::token_epoch(TokenEpoch(epoch)), value: vec![number; 32] }
    }

    #[test]
    fn a_key_is_durable_with_the_first_batch_after_somebody_needed_it() {
        let mut keys = keys();
        assert_eq!(roll(&keys, at(100, 0)), [], "nobody asked");
        keys.epoch(TokenEpoch(100), || key(7)).expect("drawn");
        assert_eq!(roll(&keys, at(100, 1)), [put(100, 7)]);
        assert_eq!(roll(&keys, at(100, 2)), [put(100, 7)], "and again until it is durable");
        keys.confirm(at(100, 2), &[]);
        assert_eq!(roll(&keys, at(100, 3)), [put(100, 7)], "drawn while that batch was written");
        keys.confirm(at(100, 3), &[put(100, 7)]);
        assert_eq!(roll(&keys, at(100, 4)), []);
        assert_eq!(
            *keys.epoch(TokenEpoch(100), || key(8)).expect("there").hash(&[]),
            *TokenKey(key(7)).hash(&[])
        );
    }

    #[test]
    fn a_key_ends_when_no_answer_that_it_derived_can_be_asked_for_again() {
        let mut keys = TokenKeys::stored(key(0), [(TokenEpoch(100), key(7))]);
        let end = i64::from(RETRY_SECS_MAX);
        assert_eq!(roll(&keys, at(101, end)), []);
        keys.confirm(at(101, end), &[]);
        assert!(keys.epoch(TokenEpoch(100), || key(8)).is_some(), "a retry in the last second");
        let delete = KeyChange::Delete { key: entries::token_epoch(TokenEpoch(100)) };
        assert_eq!(roll(&keys, at(101, end + 1)), std::slice::from_ref(&delete));
        keys.confirm(at(101, end + 1), &[delete]);
        assert!(keys.epoch(TokenEpoch(100), || key(8)).is_none(), "gone, and no other takes its place");
    }

    #[test]
    fn a_clock_that_is_ahead_makes_no_key_durable_and_one_set_back_changes_nothing() {
        let mut keys = keys();
        keys.epoch(TokenEpoch(101), || key(1)).expect("drawn ahead of midnight");
        keys.epoch(TokenEpoch(900), || key(2)).expect("drawn by a wrong clock");
        assert_eq!(roll(&keys, at(100, 86_399)), []);
        keys.confirm(at(100, 86_399), &[]);
        assert_eq!(roll(&keys, at(101, 0)), [put(101, 1)]);
        assert_eq!(keys.epochs.len(), 1, "the wrong clock's is forgotten");
        assert_eq!(keys.current(at(40, 0)), TokenEpoch(100));
    }

    #[test]
    fn an_older_ledger_gets_its_key_of_tags_with_the_next_batch() {
        let mut keys = TokenKeys::drawn(key(3));
        let changes = roll(&keys, at(100, 0));
        assert_eq!(changes, [KeyChange::Put { key: entries::TOKEN_TAG_KEY.to_vec(), value: vec![3; 32] }]);
        keys.confirm(at(100, 0), &changes);
        assert_eq!(roll(&keys, at(100, 1)), []);
    }

    #[test]
    fn parts_do_not_run_together() {
        let key = TokenKey(key(1));
        assert_ne!(*key.hash(&[b"a", b"bc"]), *key.hash(&[b"ab", b"c"]));
        assert_ne!(*key.hash(&[b"a"]), *TokenKey(super::tests::key(2)).hash(&[b"a"]));
    }
}
