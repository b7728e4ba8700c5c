//! The vault against a key store in memory: what opens, and all that must not.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::clock::SeededRandom;

/// A key store that takes changes at once.
#[derive(Default)]
struct MapStore(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl MapStore {
    fn apply(&self, changes: impl IntoIterator<Item = KeyChange>) {
        let mut entries = self.0.lock();
        for change in changes {
            match change {
                KeyChange::Put { key, value } => entries.insert(key, value),
                KeyChange::Delete { key } => entries.remove(&key),
            };
        }
    }
}

impl KeyStore for MapStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.0
            .lock()
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .for_each(|(key, value)| visit(key, value));
        Ok(())
    }
}

const LEDGER: LedgerId = LedgerId([1; 16]);

struct House {
    master: MasterKey,
    keys_file: KeysFile,
    store: Arc<MapStore>,
    vault: Vault,
}

fn house(ledger: LedgerId) -> House {
    let random = Arc::new(SeededRandom::new(u64::from(ledger.0[0])));
    let master = MasterKey::generate(&*random);
    let store = Arc::new(MapStore::default());
    let NewVault { vault, keys_file, changes } =
        Vault::create(&master, ledger, store.clone(), random).expect("created");
    store.apply(changes);
    House { master, keys_file, store, vault }
}

impl House {
    fn reopened(&self) -> Vault {
        let random = Arc::new(SeededRandom::new(99));
        Vault::open(&self.master, &self.keys_file, self.store.clone(), random).expect("opened")
    }

    fn stored_key(&self) -> DataKey {
        let new = self.vault.new_data_key();
        self.store.apply([new.change()]);
        new.key
    }
}

fn name(text: &str) -> LoginName {
    LoginName::parse(text).expect("a valid name")
}

#[test]
fn what_was_sealed_opens_after_a_restart() {
    let house = house(LEDGER);
    let key = house.stored_key();
    let sealed = house.vault.seal(&key, StreamKind::OAUTH_APP, Field::CLIENT_SECRET, b"1912308409123890");
    let vault = house.reopened();
    let opened = vault.unseal(&sealed, StreamKind::OAUTH_APP, Field::CLIENT_SECRET).expect("opens");
    assert_eq!(*opened, b"1912308409123890");
    assert_eq!(vault.login_tag(&name("D2cAdmin")), house.vault.login_tag(&name("d2cadmin")));
}

#[test]
fn the_associated_data_is_that_of_the_design_byte_for_byte() {
    use aes_gcm_siv::aead::Payload;
    use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce, aead::Aead};
    let house = house(LEDGER);
    let key = house.stored_key();
    let sealed = house.vault.seal(&key, StreamKind(0x0504), Field(0x0302), b"text");
    let mut associated = b"authledger sealed v1".to_vec();
    associated.extend([1; 16]);
    associated.extend(blake3::derive_key("authledger 2026 data key id v1", key.bytes().expose()));
    associated.extend([0x04, 0x05, 0x02, 0x03]);
    let opened = Aes256GcmSiv::new(key.bytes().expose().into())
        .decrypt(&Nonce::from(sealed.nonce), Payload { msg: &sealed.ciphertext, aad: &associated })
        .expect("opens by hand");
    assert_eq!(opened, b"text");
}

#[test]
fn an_options_value_opens_under_its_own_name_only() {
    use aes_gcm_siv::aead::Payload;
    use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce, aead::Aead};
    let house = house(LEDGER);
    let key = house.stored_key();
    let sealed = house.vault.seal(&key, StreamKind::DATA_SOURCE, Place::option("Password"), b"text");
    let open = |place: Place<'_>| house.vault.unseal(&sealed, StreamKind::DATA_SOURCE, place).ok();
    assert!(open(Place::option("Password")).is_some());
    assert!(open(Place::option("password")).is_none() && open(Field::OPTION.into()).is_none());
    let mut associated = b"authledger sealed v1".to_vec();
    associated.extend([1; 16]);
    associated.extend(key.id().0);
    associated.extend([7, 0, 8, 0]);
    associated.extend(blake3::derive_key("authledger 2026 option name v1", b"Password"));
    let opened = Aes256GcmSiv::new(key.bytes().expose().into())
        .decrypt(&Nonce::from(sealed.nonce), Payload { msg: &sealed.ciphertext, aad: &associated })
        .expect("opens by hand");
    assert_eq!(opened, b"text");
}

#[test]
fn a_new_key_opens_for_who_carries_it_before_the_store_has_it() {
    let house = house(LEDGER);
    let new = house.vault.new_data_key();
    let sealed = house.vault.seal(&new.key, StreamKind::USER, Field::USER_NAME, b"name");
    let missing = house.vault.unseal(&sealed, StreamKind::USER, Field::USER_NAME);
    assert!(matches!(missing, Err(VaultError::Erased { key_id }) if key_id == new.id()));
    let opened =
        house.vault.unseal_with(&new.key, &sealed, StreamKind::USER, Field::USER_NAME).expect("opens");
    assert_eq!(*opened, b"name");
    house.store.apply([new.change()]);
    assert!(house.vault.unseal(&sealed, StreamKind::USER, Field::USER_NAME).is_ok());
}

#[test]
fn a_wrong_master_key_is_named_and_the_store_not_asked() {
    struct NotAsked;
    impl KeyStore for NotAsked {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            unreachable!("the check value comes first")
        }
        fn scan(&self, _: &[u8], _: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
            unreachable!("the check value comes first")
        }
    }
    let house = house(LEDGER);
    let other = MasterKey::generate(&SeededRandom::new(55));
    let refused =
        Vault::open(&other, &house.keys_file, Arc::new(NotAsked), Arc::new(SeededRandom::new(0))).map(|_| ());
    assert!(matches!(refused, Err(VaultError::KeysFile(KeysFileError::WrongMasterKey { ledger: LEDGER }))));
}

#[test]
fn a_key_moved_under_another_id_and_a_changed_entry_are_damage() {
    let house = house(LEDGER);
    let (one, other) = (house.stored_key(), house.stored_key());
    let entry = |key: &DataKey| entries::data_key(&key.id());
    let wrapped = house.store.get(&entry(&one)).expect("readable").expect("there");
    house.store.apply([KeyChange::Put { key: entry(&other), value: wrapped.clone() }]);
    assert!(matches!(house.vault.data_key(&other.id()), Err(VaultError::Damaged { .. })));
    for at in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[at] ^= 0x80;
        house.store.apply([KeyChange::Put { key: entry(&one), value: changed }]);
        let refused = house.reopened().data_key(&one.id()).map(|_| ());
        assert!(
            matches!(refused, Err(VaultError::Damaged { .. } | VaultError::UnknownGeneration { .. })),
            "byte {at}"
        );
    }
    house.store.apply([KeyChange::Put { key: entry(&one), value: wrapped[..40].to_vec() }]);
    assert!(matches!(house.reopened().data_key(&one.id()), Err(VaultError::Damaged { .. })));
}

#[test]
fn a_forgotten_key_is_gone_from_memory_too() {
    let house = house(LEDGER);
    let key = house.stored_key();
    house.vault.data_key(&key.id()).expect("there");
    let other = house.stored_key();
    house.vault.data_key(&other.id()).expect("there");
    let changes = [entries::destroy(&key.id())];
    house.store.apply(changes.clone());
    assert!(house.vault.data_key(&key.id()).is_ok(), "still in memory");
    house.vault.forget_deleted(&changes);
    assert!(house.vault.data_key(&other.id()).is_ok(), "another key stays");
    assert!(matches!(house.vault.data_key(&key.id()), Err(VaultError::Erased { .. })));
}

#[test]
fn a_store_without_its_login_key_is_no_vault() {
    let house = house(LEDGER);
    house.store.apply([KeyChange::Delete { key: entries::LOGIN_KEY.to_vec() }]);
    let random = Arc::new(SeededRandom::new(0));
    let refused = Vault::open(&house.master, &house.keys_file, house.store.clone(), random).map(|_| ());
    assert!(matches!(refused, Err(VaultError::Missing { entry: "login key" })));
}

#[test]
fn idempotency_keys_survive_a_restart() {
    use events::{envelope::Actor, id::UserId};
    let house = house(LEDGER);
    let request = IdempotentRequest {
        actor: Actor::User(UserId(1)),
        token_of: None,
        method: "POST",
        path: "/api/mgmt/oauthapps",
        key: "k1",
        canonical_body: b"{}",
    };
    let now = Timestamp(1_795_176_000_000_000);
    let recorded = house.vault.request_tags(&request, now).to_record(now).expect("today");
    let changes = house.vault.roll(now);
    house.store.apply(changes.clone());
    house.vault.rolled(now, &changes);
    assert_eq!(house.vault.roll(now), []);
    let after = house.reopened().request_tags(&request, now.saturating_add_secs(3_600));
    assert!(after.all().any(|tags| *tags == recorded));
}

#[test]
fn no_key_shows_in_debug() {
    let house = house(LEDGER);
    let new = house.vault.new_data_key();
    let shown = format!("{new:?} {:?} {:?} {:?}", new.change(), house.master, house.keys_file);
    for secret in [new.key.bytes().expose(), house.vault.login_key.expose()] {
        assert!(!shown.contains(&hex::encode(secret)));
        assert!(!shown.contains(&format!("{secret:?}")));
    }
}

#[test]
fn l06_neither_keys_nor_texts_stand_in_the_key_store_the_keys_file_or_a_leaf() {
    let directory = tempfile::tempdir().expect("a directory");
    let house = house(LEDGER);
    house.keys_file.write(directory.path()).expect("written");
    let key = house.stored_key();
    let sealed = house.vault.seal(&key, StreamKind::USER, Field::USER_NAME, b"canary-user-name");
    let login = entries::login(&house.vault.login_tag(&name("canary-user-name")));
    house.store.apply([KeyChange::Put { key: login, value: entries::login_value(events::id::UserId(1)) }]);
    house.store.apply(house.vault.roll(Timestamp(1_795_176_000_000_000)));

    let mut written = std::fs::read(directory.path().join(keys_file::KEYS_FILE)).expect("readable");
    written.extend(sealed.to_bytes());
    house.store.scan(b"", &mut |key, value| written.extend([key, value].concat())).expect("readable");
    let generations = house.keys_file.unwrap(&house.master).expect("the right key");
    let secrets: [&[u8]; 5] = [
        b"canary-user-name",
        key.bytes().expose(),
        house.vault.login_key.expose(),
        generations[0].1.expose(),
        &*house.master.witness_key(LEDGER),
    ];
    for (number, secret) in secrets.iter().enumerate() {
        for form in [secret.to_vec(), hex::encode(secret).into_bytes()] {
            assert!(!written.windows(form.len()).any(|window| window == form), "secret {number}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_opens_as_it_was_sealed(text in prop::collection::vec(any::<u8>(), 0..2_000), kind: u16, field: u16) {
        let house = house(LEDGER);
        let key = house.stored_key();
        let sealed = house.vault.seal(&key, StreamKind(kind), Field(field), &text);
        prop_assert_eq!(sealed.ciphertext.len(), text.len() + 16);
        let wire = Sealed::from_bytes(&sealed.to_bytes()).expect("reads back");
        prop_assert_eq!(&*house.vault.unseal(&wire, StreamKind(kind), Field(field)).expect("opens"), &text);
    }

    #[test]
    fn nothing_opens_in_another_place_or_changed(
        text in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0_u8..8,
        kind in 0_u16..20, other_kind in 0_u16..20, field in 0_u16..20, other_field in 0_u16..20,
    ) {
        let house = house(LEDGER);
        let key = house.stored_key();
        let sealed = house.vault.seal(&key, StreamKind(kind), Field(field), &text);
        let opens = |sealed: &Sealed, kind, field| house.vault.unseal(sealed, StreamKind(kind), Field(field)).is_ok();
        prop_assert_eq!(opens(&sealed, other_kind, field), other_kind == kind);
        prop_assert_eq!(opens(&sealed, kind, other_field), other_field == field);

        let mut wire = sealed.to_bytes();
        let at = at.index(wire.len());
        wire[at] ^= 1 << bit;
        prop_assert!(Sealed::from_bytes(&wire).is_none_or(|changed| !opens(&changed, kind, field)));

        // The same key in another ledger's store, as a copied entry would put it there.
        let foreign = key.unseal(LedgerId([2; 16]), StreamKind(kind), Field(field).into(), &sealed);
        prop_assert!(foreign.is_none());
        prop_assert!(key.unseal(LEDGER, StreamKind(kind), Field(field).into(), &sealed).is_some());
    }
}

#[test]
fn a_restart_has_the_keys_of_tokens_that_were_durable_and_no_others() {
    let house = house(LEDGER);
    let now = Timestamp(1_795_176_000_000_000);
    let epoch = house.vault.token_epoch(now);
    let hash = |vault: &Vault| vault.token_epoch_key(epoch).map(|key| *key.hash(&[b"text"]));
    let before = hash(&house.vault);
    assert_ne!(hash(&house.reopened()), before, "what no batch took to the key store was nobody's");
    let changes = house.vault.roll(now);
    house.store.apply(changes.clone());
    house.vault.rolled(now, &changes);
    assert_eq!(hash(&house.reopened()), before);
    let tags = |vault: &Vault| *vault.token_tag_key().hash(&[b"text"]);
    assert_eq!(tags(&house.reopened()), tags(&house.vault));
    // Half a day, the day after, and what a retry may take: then it is gone from memory and from the store.
    let later = now.saturating_add_secs(86_400 + i64::from(tokens::RETRY_SECS_MAX) + 1);
    let changes = house.vault.roll(later);
    house.store.apply(changes.clone());
    house.vault.rolled(later, &changes);
    assert_eq!(hash(&house.vault), None);
    assert_eq!(house.store.get(&entries::token_epoch(epoch)).expect("read"), None);
}

#[test]
fn a_ledger_from_before_there_were_tokens_opens_and_gets_its_key() {
    let house = house(LEDGER);
    house.store.apply([KeyChange::Delete { key: entries::TOKEN_TAG_KEY.to_vec() }]);
    let vault = house.reopened();
    house.store.apply(vault.roll(Timestamp(1_795_176_000_000_000)));
    assert_eq!(*house.reopened().token_tag_key().hash(&[]), *vault.token_tag_key().hash(&[]));
}
