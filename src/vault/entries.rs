//! The keys of the key store's entries, all built here. Numbers are big-endian, so that entries stand in their order.
//!
//! | Entry | Value |
//! | --- | --- |
//! | `d` ‖ key id, 32 bytes | a wrapped data key |
//! | `l` ‖ login tag, 32 bytes | the user's id, u64 little-endian |
//! | `i` ‖ day u32 | the wrapped key of that day's idempotency tags |
//! | `k` ‖ `login` | the wrapped key of the login tags |
//! | `k` ‖ `tokens` | the wrapped key of the tags of refresh tokens |
//! | `t` ‖ epoch u32 | the wrapped key of that epoch's refresh tokens |
//!
//! Entries of other letters belong to other rooms or newer versions and are left alone.

use events::{
    id::{TokenEpoch, UserId},
    sealed::KeyId,
};

use super::{idempotency::Day, login::LoginTag};
use crate::ledger::store::KeyChange;

/// Where the key of the login tags stands.
pub const LOGIN_KEY: &[u8] = b"klogin";
/// Where the key of the tags of refresh tokens stands.
pub const TOKEN_TAG_KEY: &[u8] = b"ktokens";
/// All entries of epochs' keys begin so.
pub const TOKEN_EPOCH_PREFIX: &[u8] = b"t";
/// All entries of the login index begin so.
pub const LOGIN_PREFIX: &[u8] = b"l";
/// All entries of idempotency keys begin so.
pub const IDEMPOTENCY_PREFIX: &[u8] = b"i";
/// All entries of data keys begin so.
pub const DATA_KEY_PREFIX: &[u8] = b"d";

/// Where a wrapped data key stands.
pub fn data_key(id: &KeyId) -> Vec<u8> {
    [DATA_KEY_PREFIX, &id.0].concat()
}

/// The key's id of an entry of a data key; `None` when it is not one.
pub fn parse_data_key(key: &[u8]) -> Option<KeyId> {
    Some(KeyId(key.strip_prefix(DATA_KEY_PREFIX)?.try_into().ok()?))
}

/// The change that destroys a data key.
pub fn destroy(id: &KeyId) -> KeyChange {
    KeyChange::Delete { key: data_key(id) }
}

/// Where the login index says whose name this is.
pub fn login(tag: &LoginTag) -> Vec<u8> {
    [LOGIN_PREFIX, &tag.0].concat()
}

/// The tag and user of an entry of the login index; `None` when it is not one.
pub fn parse_login(key: &[u8], value: &[u8]) -> Option<(LoginTag, UserId)> {
    let tag = key.strip_prefix(LOGIN_PREFIX)?.try_into().ok()?;
    Some((LoginTag(tag), UserId(u64::from_le_bytes(value.try_into().ok()?))))
}

/// The value of an entry of the login index.
pub fn login_value(user: UserId) -> Vec<u8> {
    user.0.to_le_bytes().to_vec()
}

/// Where the wrapped key of one day's idempotency tags stands.
pub fn idempotency_key(day: Day) -> Vec<u8> {
    [IDEMPOTENCY_PREFIX, &day.0.to_be_bytes()].concat()
}

/// The day of an entry of an idempotency key; `None` when it is not one.
pub fn parse_idempotency(key: &[u8]) -> Option<Day> {
    Some(Day(u32::from_be_bytes(key.strip_prefix(IDEMPOTENCY_PREFIX)?.try_into().ok()?)))
}

/// Where the wrapped key of one epoch's refresh tokens stands.
pub fn token_epoch(epoch: TokenEpoch) -> Vec<u8> {
    [TOKEN_EPOCH_PREFIX, &epoch.0.to_be_bytes()].concat()
}

/// The epoch of an entry of an epoch's key; `None` when it is not one.
pub fn parse_token_epoch(key: &[u8]) -> Option<TokenEpoch> {
    Some(TokenEpoch(u32::from_be_bytes(key.strip_prefix(TOKEN_EPOCH_PREFIX)?.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_and_days_stand_in_order() {
        let tag = LoginTag([9; 32]);
        assert_eq!(parse_login(&login(&tag), &login_value(UserId(77))), Some((tag, UserId(77))));
        assert_eq!(parse_login(&login(&tag), b"short"), None);
        assert_eq!(parse_idempotency(&idempotency_key(Day(20_000))), Some(Day(20_000)));
        assert_eq!(parse_idempotency(&data_key(&KeyId([0; 32]))), None);
        assert_eq!(parse_data_key(&data_key(&KeyId([7; 32]))), Some(KeyId([7; 32])));
        assert_eq!(parse_data_key(&login(&tag)), None);
        assert!(idempotency_key(Day(255)) < idempotency_key(Day(256)));
    }
}
