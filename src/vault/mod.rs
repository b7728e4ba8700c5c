//! Keys and sealing. The vault owns the way from the master key to a secret in the clear, and nobody else knows it:
//!
//! ```text
//! master key       the operator's, outside the data directory
//!   generation key   in <data-dir>/keys, wrapped by the master key
//!     data keys        in the key store, one per object or user; seal its secrets and personal data
//!     login key        in the key store; makes the tags of the login index
//!     daily keys       in the key store; make the tags of repeated requests
//!     token keys       in the key store; make the tags of refresh tokens, and their successors
//! ```
//!
//! It also knows what a login name may be, since the tag depends on it. Deliberately absent: passwords (`auth`), which
//! object has which key (the state's rows say it), and any write: the vault hands out `KeyChange`s that go into the batch
//! of the event they belong to, so that key and event are durable together or not at all.

mod aead;
mod data_key;
pub mod entries;
mod files;
pub mod idempotency;
pub mod keys_file;
pub mod login;
pub mod master;
pub mod secret;
pub mod tokens;
mod wrap;

use std::{num::NonZeroUsize, sync::Arc};

use events::{
    envelope::StreamKind,
    id::{LedgerId, TokenEpoch},
    sealed::{Field, KeyId, Sealed},
    time::Timestamp,
};
use lru::LruCache;
use parking_lot::Mutex;
use thiserror::Error;
use zeroize::Zeroizing;

pub use self::{
    data_key::{DataKey, NewDataKey, Place},
    secret::PlainSecret,
};
use self::{
    idempotency::{Day, DayKeys, IdempotentRequest, RequestTags},
    keys_file::{Generation, KeysFile, KeysFileError},
    login::{LoginName, LoginTag},
    master::MasterKey,
    secret::KeyBytes,
    tokens::{TokenKey, TokenKeys},
    wrap::Wrapping,
};
use crate::{
    clock::{Random, draw},
    ledger::store::{KeyChange, KeyStore, StoreError},
    metrics::{Cache, Registry},
};

/// How many unwrapped data keys stay in memory; about 150 bytes each.
const UNWRAPPED_KEYS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");

/// Why the vault can't do what it was asked.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The key store has no such key: it was destroyed, and what it sealed is gone for good.
    #[error("the key {key_id} is not in the key store: what it sealed has been erased")]
    Erased {
        /// The key.
        key_id: KeyId,
    },
    /// The key store's entry is not what was put there.
    #[error("the key store's entry for {entry} is damaged")]
    Damaged {
        /// Which kind of key.
        entry: &'static str,
    },
    /// The entry was wrapped by a generation key that the keys file doesn't have.
    #[error("the key store's entry for {entry} belongs to key generation {}, which the keys file does not have", generation.0)]
    UnknownGeneration {
        /// Which kind of key.
        entry: &'static str,
        /// The generation.
        generation: Generation,
    },
    /// A key that every ledger has is not there.
    #[error("the key store has no {entry}")]
    Missing {
        /// Which kind of key.
        entry: &'static str,
    },
    /// A sealed value is not one of this field, kind of object and ledger, or was changed.
    #[error("a sealed value under key {key_id} does not open as {field:?} of kind {kind}")]
    DoesNotOpen {
        /// The key it names.
        key_id: KeyId,
        /// The kind of object it was asked for.
        kind: StreamKind,
        /// The field it was asked for.
        field: Field,
    },
    /// The key store can't be read.
    #[error("the key store can't be read: {0}")]
    Store(#[from] StoreError),
    /// The keys file doesn't open.
    #[error(transparent)]
    KeysFile(#[from] KeysFileError),
}

/// Opens and seals for one ledger. Shared by all threads; none of its calls waits for the disk's synchronisation.
pub struct Vault {
    ledger: LedgerId,
    store: Arc<dyn KeyStore>,
    random: Arc<dyn Random>,
    wrapping: Wrapping,
    login_key: KeyBytes,
    day_keys: Mutex<DayKeys>,
    token_keys: Mutex<TokenKeys>,
    unwrapped: Mutex<Unwrapped>,
    looks: Cache,
}

/// Data keys that were unwrapped lately.
struct Unwrapped {
    keys: LruCache<KeyId, DataKey>,
    /// Counts calls of `forget`, so that a key that was read before it was destroyed is not remembered after.
    forgotten: u64,
}

/// The keys that are not of one object.
struct Keys {
    login: KeyBytes,
    days: DayKeys,
    tokens: TokenKeys,
}

/// A vault that did not exist before, with what must be written for it.
pub struct NewVault {
    /// Ready to seal.
    pub vault: Vault,
    /// To be written before the first batch.
    pub keys_file: KeysFile,
    /// To go into the first batch.
    pub changes: Vec<KeyChange>,
}

impl Vault {
    /// Draws the keys of a new ledger. Nothing is written; dying before the first batch leaves nothing that opens.
    pub fn create(
        master: &MasterKey,
        ledger: LedgerId,
        store: Arc<dyn KeyStore>,
        random: Arc<dyn Random>,
    ) -> Result<NewVault, VaultError> {
        let keys_file = KeysFile::create(master, ledger, &*random);
        let wrapping = Wrapping::new(ledger, keys_file.unwrap(master)?);
        let (login_key, tag_key) = (KeyBytes::new(draw(&*random)), KeyBytes::new(draw(&*random)));
        let changes = [(entries::LOGIN_KEY, &login_key), (entries::TOKEN_TAG_KEY, &tag_key)];
        let changes = changes.map(|(entry, key)| KeyChange::Put {
            key: entry.to_vec(),
            value: wrapping.wrap(entry, key, &*random),
        });
        let keys =
            Keys { login: login_key, days: DayKeys::stored([]), tokens: TokenKeys::stored(tag_key, []) };
        let vault = Self::with(ledger, store, random, wrapping, keys);
        Ok(NewVault { vault, keys_file, changes: changes.to_vec() })
    }

    /// Opens the vault of an existing ledger. A wrong master key is found before the key store is read.
    pub fn open(
        master: &MasterKey,
        keys_file: &KeysFile,
        store: Arc<dyn KeyStore>,
        random: Arc<dyn Random>,
    ) -> Result<Self, VaultError> {
        let ledger = keys_file.ledger();
        let wrapping = Wrapping::new(ledger, keys_file.unwrap(master)?);
        let login_entry = store.get(entries::LOGIN_KEY)?.ok_or(VaultError::Missing { entry: "login key" })?;
        let login_key = wrapping.unwrap("login key", entries::LOGIN_KEY, &login_entry)?;
        let days = numbered(
            &*store,
            &wrapping,
            "idempotency key",
            entries::IDEMPOTENCY_PREFIX,
            entries::parse_idempotency,
        )?;
        let epochs = numbered(
            &*store,
            &wrapping,
            "token key",
            entries::TOKEN_EPOCH_PREFIX,
            entries::parse_token_epoch,
        )?;
        let tokens = match store.get(entries::TOKEN_TAG_KEY)? {
            Some(entry) => TokenKeys::stored(
                wrapping.unwrap("key of token tags", entries::TOKEN_TAG_KEY, &entry)?,
                epochs,
            ),
            None => TokenKeys::drawn(KeyBytes::new(draw(&*random))),
        };
        let keys = Keys { login: login_key, days: DayKeys::stored(days), tokens };
        Ok(Self::with(ledger, store, random, wrapping, keys))
    }

    fn with(
        ledger: LedgerId,
        store: Arc<dyn KeyStore>,
        random: Arc<dyn Random>,
        wrapping: Wrapping,
        keys: Keys,
    ) -> Self {
        let unwrapped = Mutex::new(Unwrapped { keys: LruCache::new(UNWRAPPED_KEYS_MAX), forgotten: 0 });
        Self {
            ledger,
            store,
            random,
            wrapping,
            login_key: keys.login,
            day_keys: Mutex::new(keys.days),
            token_keys: Mutex::new(keys.tokens),
            unwrapped,
            looks: Cache::default(),
        }
    }

    /// The ledger whose vault this is.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Draws a key for a new object.
    pub fn new_data_key(&self) -> NewDataKey {
        let key = DataKey::new(KeyBytes::new(draw(&*self.random)));
        let wrapped = self.wrapping.wrap(&entries::data_key(&key.id()), key.bytes(), &*self.random);
        NewDataKey { key, wrapped }
    }

    /// The key of an existing object, by the id that its row holds.
    pub fn data_key(&self, id: &KeyId) -> Result<DataKey, VaultError> {
        let forgotten = {
            let mut unwrapped = self.unwrapped.lock();
            let found = unwrapped.keys.get(id).cloned();
            self.looks.looked(found.is_some());
            if let Some(key) = found {
                return Ok(key);
            }
            unwrapped.forgotten
        };
        let entry = entries::data_key(id);
        let wrapped = self.store.get(&entry)?.ok_or(VaultError::Erased { key_id: *id })?;
        let key = DataKey::new(self.wrapping.unwrap("data key", &entry, &wrapped)?);
        // The id commits to the key: an entry moved from another id would be found here if the wrapping let it pass.
        if key.id() != *id {
            return Err(VaultError::Damaged { entry: "data key" });
        }
        let mut unwrapped = self.unwrapped.lock();
        if unwrapped.forgotten == forgotten {
            unwrapped.keys.put(*id, key.clone());
        }
        Ok(key)
    }

    /// Registers what is counted here.
    pub fn register(&self, registry: &mut Registry) {
        self.looks.register(
            registry,
            "data_key_cache",
            "Data keys that were in memory when they were needed",
            "Data keys that had to be read from the key store and unwrapped",
        );
    }

    /// Drops from memory the data keys whose entries these changes, which are durable now, delete.
    pub fn forget_deleted(&self, changes: &[KeyChange]) {
        for change in changes {
            if let KeyChange::Delete { key } = change
                && let Some(id) = entries::parse_data_key(key)
            {
                self.forget(&id);
            }
        }
    }

    /// Drops a key from memory; called when the deletion of its entry is durable.
    pub fn forget(&self, id: &KeyId) {
        let mut unwrapped = self.unwrapped.lock();
        unwrapped.keys.pop(id);
        unwrapped.forgotten += 1;
    }

    /// Seals one field of an object of that kind.
    pub fn seal<'a>(
        &self,
        key: &DataKey,
        kind: StreamKind,
        place: impl Into<Place<'a>>,
        plaintext: &[u8],
    ) -> Sealed {
        key.seal(self.ledger, kind, place.into(), plaintext, &*self.random)
    }

    /// Opens one field of an object of that kind.
    pub fn unseal<'a>(
        &self,
        sealed: &Sealed,
        kind: StreamKind,
        place: impl Into<Place<'a>>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = self.data_key(&sealed.key_id)?;
        self.unseal_with(&key, sealed, kind, place)
    }

    /// Opens with a key at hand: for the answer to a command whose new key the key store may not have yet.
    pub fn unseal_with<'a>(
        &self,
        key: &DataKey,
        sealed: &Sealed,
        kind: StreamKind,
        place: impl Into<Place<'a>>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let place = place.into();
        let does_not_open = VaultError::DoesNotOpen { key_id: sealed.key_id, kind, field: place.field };
        if key.id() == sealed.key_id {
            key.unseal(self.ledger, kind, place, sealed).ok_or(does_not_open)
        } else {
            Err(does_not_open)
        }
    }

    /// Opens a field that holds text.
    pub fn unseal_text<'a>(
        &self,
        sealed: &Sealed,
        kind: StreamKind,
        place: impl Into<Place<'a>>,
    ) -> Result<PlainSecret, VaultError> {
        let place = place.into();
        PlainSecret::from_utf8(&self.unseal(sealed, kind, place)?).ok_or(VaultError::DoesNotOpen {
            key_id: sealed.key_id,
            kind,
            field: place.field,
        })
    }

    /// The tag under which the login index finds this name.
    pub fn login_tag(&self, name: &LoginName) -> LoginTag {
        name.tag(&self.login_key)
    }

    /// The tags of a request with an `Idempotency-Key`, made at the edge, before the writer knows its stamp.
    pub fn request_tags(&self, request: &IdempotentRequest<'_>, now: Timestamp) -> RequestTags {
        self.day_keys.lock().tags(request, now, || KeyBytes::new(draw(&*self.random)))
    }

    /// The key of the tags of refresh tokens.
    pub fn token_tag_key(&self) -> TokenKey {
        self.token_keys.lock().tags()
    }

    /// The epoch whose key derives what is issued at `now`.
    pub fn token_epoch(&self, now: Timestamp) -> TokenEpoch {
        self.token_keys.lock().current(now)
    }

    /// The key of an epoch; `None` when it was destroyed. The key store gets it with the first batch that can name it.
    pub fn token_epoch_key(&self, epoch: TokenEpoch) -> Option<TokenKey> {
        self.token_keys.lock().epoch(epoch, || KeyBytes::new(draw(&*self.random)))
    }

    /// The changes that must go with a batch stamped `stamp`, because time has passed or somebody needed a new key; none on
    /// most calls. They are asked for again until [`Vault::rolled`].
    pub fn roll(&self, stamp: Timestamp) -> Vec<KeyChange> {
        let wrap = |entry: &[u8], key: &KeyBytes| self.wrapping.wrap(entry, key, &*self.random);
        let draw = || KeyBytes::new(draw(&*self.random));
        let mut changes = self.day_keys.lock().roll(Day::of(stamp), draw, wrap);
        changes.extend(self.token_keys.lock().roll(stamp, wrap));
        changes
    }

    /// The batch stamped `stamp` is durable, with what [`Vault::roll`] asked for among its changes.
    pub fn rolled(&self, stamp: Timestamp, changes: &[KeyChange]) {
        self.day_keys.lock().confirm(Day::of(stamp));
        self.token_keys.lock().confirm(stamp, changes);
    }
}

/// The keys of all entries that begin with `prefix`, each with its number.
fn numbered<N>(
    store: &dyn KeyStore,
    wrapping: &Wrapping,
    what: &'static str,
    prefix: &[u8],
    parse: fn(&[u8]) -> Option<N>,
) -> Result<Vec<(N, KeyBytes)>, VaultError> {
    let mut stored = Vec::new();
    store.scan(prefix, &mut |key, value| stored.push((key.to_vec(), value.to_vec())))?;
    let open = |(entry, value): (Vec<u8>, Vec<u8>)| {
        let number = parse(&entry).ok_or(VaultError::Damaged { entry: what })?;
        Ok((number, wrapping.unwrap(what, &entry, &value)?))
    };
    stored.into_iter().map(open).collect()
}

#[cfg(test)]
mod tests;
