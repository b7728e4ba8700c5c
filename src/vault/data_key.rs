//! Data keys: one per object or user, drawn at the edge, wrapped for the key store.

use std::fmt;

use events::{
    envelope::StreamKind,
    id::LedgerId,
    sealed::{Field, KeyId, Sealed},
};
use zeroize::Zeroizing;

use super::{aead, entries, secret::KeyBytes};
use crate::{clock::Random, ledger::store::KeyChange};

const ID_CONTEXT: &str = "authledger 2026 data key id v1";
const OPTION_CONTEXT: &str = "authledger 2026 option name v1";
const SEALED_DOMAIN: &[u8] = b"authledger sealed v1";

/// The key under which the secrets of one object are sealed, in the clear. It is wiped when dropped.
///
/// Whoever creates an object carries it until his answer is made: the key store has it only when the batch is durable.
#[derive(Clone)]
pub struct DataKey {
    id: KeyId,
    key: KeyBytes,
}

impl DataKey {
    pub(super) fn new(key: KeyBytes) -> Self {
        let id = KeyId(blake3::derive_key(ID_CONTEXT, key.expose()));
        Self { id, key }
    }

    /// Its name, which commits to it: no other key has the same one.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn bytes(&self) -> &KeyBytes {
        &self.key
    }

    pub(super) fn seal(
        &self,
        ledger: LedgerId,
        kind: StreamKind,
        field: Place<'_>,
        plaintext: &[u8],
        random: &dyn Random,
    ) -> Sealed {
        let associated = associated(ledger, &self.id, kind, field);
        let (nonce, ciphertext) = aead::encrypt(&self.key, &associated, plaintext, random);
        Sealed { key_id: self.id, nonce, ciphertext }
    }

    pub(super) fn unseal(
        &self,
        ledger: LedgerId,
        kind: StreamKind,
        field: Place<'_>,
        sealed: &Sealed,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let associated = associated(ledger, &sealed.key_id, kind, field);
        aead::decrypt(&self.key, &associated, &sealed.nonce, &sealed.ciphertext)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}

/// A data key that no batch has made durable yet.
#[derive(Clone, Debug)]
pub struct NewDataKey {
    /// The key, for sealing what the command carries and for the answer.
    pub key: DataKey,
    pub(super) wrapped: Vec<u8>,
}

impl NewDataKey {
    /// The key's name.
    pub fn id(&self) -> KeyId {
        self.key.id
    }

    /// What must go into the batch of the event that first uses the key.
    pub fn change(&self) -> KeyChange {
        KeyChange::Put { key: entries::data_key(&self.key.id), value: self.wrapped.clone() }
    }
}

/// DESIGN 4, "Sealed": a value opens only in its own ledger, for its own kind of object and its own field.
fn associated(ledger: LedgerId, key: &KeyId, kind: StreamKind, place: Place<'_>) -> Vec<u8> {
    let field = place.field.0.to_le_bytes();
    let mut data = [SEALED_DOMAIN, &ledger.0, &key.0, &kind.0.to_le_bytes(), &field].concat();
    if let Some(name) = place.option {
        data.extend(blake3::derive_key(OPTION_CONTEXT, name.as_bytes()));
    }
    data
}

/// Where in an object a sealed value belongs: a field, or one option of a data source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub(super) field: Field,
    option: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The option of that name; another option's value never opens here.
    pub fn option(name: &'a str) -> Self {
        Self { field: Field::OPTION, option: Some(name) }
    }
}

impl From<Field> for Place<'_> {
    fn from(field: Field) -> Self {
        Self { field, option: None }
    }
}
