//! From a refresh token to its tag, and to what takes its place (TOKENS section 2).
//!
//! ```text
//! tag_n   = first 16 bytes of keyed BLAKE3(K_tag, ledger, family, n, s_n)
//! s_(n+1) = keyed BLAKE3(K_e, "refresh", ledger, client, family, n+1, s_n)
//! a_(n+1) = keyed BLAKE3(K_e, "access", ledger, client, family, n+1, hash(scopes, audience), s_n)
//! ```
//!
//! with the length of every part before it. Nothing is stored but hashes, and yet whoever repeats a request whose answer was
//! lost gets the same answer, as long as the epoch's key lives.

use events::{
    id::{ClientApplicationId, FamilyId, TokenEpoch},
    scope::Scope,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::token::{AccessToken, RefreshSecret, RefreshToken, TAG_LEN};
use crate::vault::Vault;

/// What takes the place of a refresh token, and the access token that comes with it.
#[derive(Debug)]
pub struct Successors {
    /// The next generation.
    pub refresh: RefreshToken,
    /// For the same scopes and resources each time.
    pub access: AccessToken,
}

/// The first refresh token of a family.
pub fn first(vault: &Vault, family: FamilyId, secret: RefreshSecret) -> RefreshToken {
    tagged(vault, family, 0, secret)
}

/// Whether we made it. Compared in constant time.
pub fn is_genuine(vault: &Vault, token: &RefreshToken) -> bool {
    tag(vault, token.family, token.generation, &token.secret).ct_eq(&token.tag).into()
}

/// What takes the place of a genuine token, presented by `client` for these scopes at these resources, when it is derived in
/// that epoch. `None` when the epoch's key was destroyed, or there is no number for another generation.
pub fn successors(
    vault: &Vault,
    epoch: TokenEpoch,
    client: ClientApplicationId,
    presented: &RefreshToken,
    scopes: &[Scope],
    audience: &[String],
) -> Option<Successors> {
    let key = vault.token_epoch_key(epoch)?;
    let generation = presented.generation.checked_add(1)?;
    let ledger = vault.ledger();
    let (client, family) = (client.0.to_le_bytes(), presented.family.0.to_le_bytes());
    let (number, secret) = (generation.to_le_bytes(), presented.secret.expose());
    let next = key.hash(&[b"refresh", &ledger.0, &client, &family, &number, secret]);
    let good_for = good_for(scopes, audience);
    let access = key.hash(&[b"access", &ledger.0, &client, &family, &number, &good_for, secret]);
    Some(Successors {
        refresh: tagged(vault, presented.family, generation, RefreshSecret::new(next)),
        access: AccessToken::new(access),
    })
}

fn tagged(vault: &Vault, family: FamilyId, generation: u32, secret: RefreshSecret) -> RefreshToken {
    let tag = tag(vault, family, generation, &secret);
    RefreshToken { family, generation, secret, tag }
}

fn tag(vault: &Vault, family: FamilyId, generation: u32, secret: &RefreshSecret) -> [u8; TAG_LEN] {
    let (family, generation) = (family.0.to_le_bytes(), generation.to_le_bytes());
    let hash: Zeroizing<[u8; 32]> =
        vault.token_tag_key().hash(&[&vault.ledger().0, &family, &generation, secret.expose()]);
    *hash.first_chunk().expect("32 bytes begin with 16")
}

/// What a token is good for, and where: one hash for each combination.
fn good_for(scopes: &[Scope], audience: &[String]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(scopes.len() as u64).to_le_bytes());
    for text in scopes.iter().map(|scope| scope.text()).chain(audience.iter().map(String::as_str)) {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use events::{id::LedgerId, time::Timestamp};

    use super::*;
    use crate::{
        clock::SeededRandom,
        ledger::{memory::MemoryDisk, store::LogStore},
        vault::{master::MasterKey, tokens::epoch_of},
    };

    const CLIENT: ClientApplicationId = ClientApplicationId(3);
    const NOW: Timestamp = Timestamp(1_795_176_000_000_000);

    fn vault(ledger: u8, seed: u64) -> Vault {
        let random = Arc::new(SeededRandom::new(seed));
        let master = MasterKey::generate(&*random);
        let store = MemoryDisk::new().open().keys();
        Vault::create(&master, LedgerId([ledger; 16]), store, random).expect("created").vault
    }

    fn token(vault: &Vault) -> RefreshToken {
        first(vault, FamilyId(77), RefreshSecret::draw(&SeededRandom::new(5)))
    }

    fn texts(successors: &Successors) -> (String, String) {
        (successors.refresh.text().expose().to_owned(), successors.access.text().expose().to_owned())
    }

    #[test]
    fn s19b_the_same_token_derives_the_same_successors_and_they_are_genuine() {
        let vault = vault(1, 1);
        let (token, epoch) = (token(&vault), epoch_of(NOW));
        let derive =
            || successors(&vault, epoch, CLIENT, &token, &[Scope::OData], &[]).expect("a living key");
        let (one, two) = (derive(), derive());
        assert_eq!(texts(&one), texts(&two));
        assert_eq!((one.refresh.family, one.refresh.generation), (FamilyId(77), 1));
        assert!(is_genuine(&vault, &token) && is_genuine(&vault, &one.refresh));
        let next =
            successors(&vault, epoch, CLIENT, &one.refresh, &[Scope::OData], &[]).expect("a living key");
        assert_ne!(texts(&next).0, texts(&one).0);
    }

    #[test]
    fn whatever_differs_derives_something_else() {
        let one_vault = vault(1, 1);
        let token = token(&one_vault);
        let at = |vault: &Vault, epoch: u32, client: u64, token: &RefreshToken| {
            let client = ClientApplicationId(client);
            texts(&successors(vault, TokenEpoch(epoch), client, token, &[Scope::OData], &[]).expect("drawn"))
        };
        let base = at(&one_vault, 5, 3, &token);
        let mut other_family = token.clone();
        other_family.family = FamilyId(78);
        let mut other_number = token.clone();
        other_number.generation = 1;
        let mut other_secret = token.clone();
        other_secret.secret = RefreshSecret::draw(&SeededRandom::new(6));
        for other in [
            at(&one_vault, 6, 3, &token),
            at(&one_vault, 5, 4, &token),
            at(&one_vault, 5, 3, &other_family),
            at(&one_vault, 5, 3, &other_number),
            at(&one_vault, 5, 3, &other_secret),
            at(&vault(2, 1), 5, 3, &token),
            at(&vault(1, 2), 5, 3, &token),
        ] {
            assert_ne!(other.0, base.0);
            assert_ne!(other.1, base.1);
        }
    }

    #[test]
    fn scopes_and_resources_change_the_access_token_alone() {
        let vault = vault(1, 1);
        let presented = token(&vault);
        let of = |scopes: &[Scope], audience: &[&str]| {
            let audience: Vec<String> = audience.iter().copied().map(str::to_owned).collect();
            texts(
                &successors(&vault, epoch_of(NOW), CLIENT, &presented, scopes, &audience)
                    .expect("a living key"),
            )
        };
        let all = [
            of(&[], &[]),
            of(&[Scope::OData], &[]),
            of(&[Scope::OData, Scope::Mgmt], &[]),
            of(&[Scope::OData], &["https://a.example"]),
            of(&[Scope::OData], &["https://a.example", "https://b.example"]),
            of(&[], &["api.access.odata"]),
        ];
        for (place, one) in all.iter().enumerate() {
            assert_eq!(one.0, all[0].0, "one successor, or the family would fork");
            assert!(all[place + 1..].iter().all(|other| other.1 != one.1), "row {place}");
        }
    }

    #[test]
    fn a_token_that_was_changed_or_is_of_another_ledger_is_not_genuine() {
        let one_vault = vault(1, 1);
        let token = token(&one_vault);
        let changes: [fn(&mut RefreshToken); 4] = [
            |token| token.family = FamilyId(1),
            |token| token.generation = 1,
            |token| token.secret = RefreshSecret::new(Zeroizing::new([1; 32])),
            |token| token.tag[15] ^= 1,
        ];
        for change in changes {
            let mut other = token.clone();
            change(&mut other);
            assert!(!is_genuine(&one_vault, &other));
        }
        assert!(!is_genuine(&vault(2, 1), &token) && !is_genuine(&vault(1, 2), &token));
    }

    #[test]
    fn there_is_no_generation_after_the_last() {
        let vault = vault(1, 1);
        let mut token = token(&vault);
        token.generation = u32::MAX;
        assert!(successors(&vault, epoch_of(NOW), CLIENT, &token, &[], &[]).is_none());
    }
}
