//! Formats: what is written reads back, and nothing else does.

use proptest::prelude::*;

use super::*;
use crate::clock::SeededRandom;

fn access(bytes: [u8; 32]) -> AccessToken {
    AccessToken::new(Zeroizing::new(bytes))
}

#[test]
fn texts_have_the_forms_that_scanners_look_for() {
    let random = SeededRandom::new(1);
    let refresh = RefreshToken {
        family: FamilyId(7),
        generation: 3,
        secret: RefreshSecret::draw(&random),
        tag: [9; TAG_LEN],
    };
    for (text, prefix, digits) in [
        (draw_client_secret(&random), "alcs_", 43),
        (AccessToken::draw(&random).text(), "alat_", 43),
        (AuthorizationCode::draw(&random).text(), "alac_", 43),
        (refresh.text(), "alrt_", 81),
    ] {
        let rest = text.expose().strip_prefix(prefix).expect("its prefix");
        assert_eq!(rest.len(), digits + 6, "{prefix}");
        assert!(rest.bytes().all(|c| c.is_ascii_alphanumeric()), "{prefix}");
    }
}

#[test]
fn the_text_is_that_of_an_independent_calculation() {
    // Python: int.from_bytes(range(32), "big") in base 62, zlib.crc32 of prefix and digits in base 62.
    let bytes = std::array::from_fn(|place| u8::try_from(place).expect("below 32"));
    assert_eq!(access(bytes).text().expose(), "alat_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf1wJzRp");
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926, "the check value of the catalogue of CRCs");
}

#[test]
fn the_number_of_digits_is_the_smallest_that_holds_the_bytes() {
    for (bytes, digits) in [(SECRET_LEN, 43), (REFRESH_LEN, 81)] {
        assert_eq!(digits_of(bytes), digits);
        let mut largest = vec![u8::MAX; bytes];
        for _ in 0..digits {
            divide(&mut largest);
        }
        assert!(largest.iter().all(|byte| *byte == 0), "{digits} digits are enough");
        let mut largest = vec![u8::MAX; bytes];
        for _ in 1..digits {
            divide(&mut largest);
        }
        assert!(largest.iter().any(|byte| *byte != 0), "one less is not");
    }
}

#[test]
fn the_smallest_and_the_largest_read_back() {
    for bytes in [[0; 32], [u8::MAX; 32]] {
        let read = AccessToken::parse(access(bytes).text().expose()).expect("reads back");
        assert_eq!(*read.0, bytes);
    }
}

#[test]
fn digits_above_what_the_bytes_hold_are_refused() {
    let body = format!("alat_{}", "z".repeat(43));
    let sum = sum_digits(body.as_bytes());
    let text = format!("{body}{}", std::str::from_utf8(&sum).expect("digits"));
    assert!(AccessToken::parse(&text).is_none(), "it would be another text of a smaller number");
}

#[test]
fn s17_the_secret_part_is_256_bits_and_stored_under_a_context_of_its_kind() {
    let bytes = [5; 32];
    let code = AuthorizationCode::new(Zeroizing::new(bytes));
    let hashes = [
        access(bytes).hash(),
        code.hash(),
        RefreshSecret::new(Zeroizing::new(bytes)).hash(),
        TokenHash(blake3::derive_key(SECRET_CONTEXT, &bytes)),
    ];
    for (place, hash) in hashes.iter().enumerate() {
        assert!(!same(hash, &TokenHash(bytes)));
        assert!(hashes[place + 1..].iter().all(|other| !same(hash, other)), "kind {place}");
    }
    assert!(same(&access(bytes).hash(), &access(bytes).hash()));
    assert!(
        AuthorizationCode::parse(access(bytes).text().expose()).is_none(),
        "nor does a text pass as another's"
    );
}

#[test]
fn imported_secrets_of_any_form_have_hashes_and_ours_have_them_over_their_text() {
    let ours = draw_client_secret(&SeededRandom::new(4));
    assert!(same(&client_secret_hash(ours.expose()), &client_secret_hash(ours.expose())));
    assert!(!same(&client_secret_hash("a7b3c1d0-1b2c-4d5e-8f90-123456789abc"), &client_secret_hash("x")));
}

#[test]
fn s34_tokens_and_secrets_are_silent_in_debug() {
    let random = SeededRandom::new(2);
    let refresh = RefreshToken {
        family: FamilyId(7),
        generation: 0,
        secret: RefreshSecret::draw(&random),
        tag: [0; TAG_LEN],
    };
    assert_eq!(format!("{:?}", AccessToken::draw(&random)), "alat_(..)");
    assert!(format!("{refresh:?}").contains("RefreshSecret(..)"));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(bytes: [u8; 32], family: u64, generation: u32, tag: [u8; TAG_LEN]) {
        let read = AccessToken::parse(access(bytes).text().expose()).expect("reads back");
        prop_assert_eq!(*read.0, bytes);
        let token = RefreshToken {
            family: FamilyId(family),
            generation,
            secret: RefreshSecret::new(Zeroizing::new(bytes)),
            tag,
        };
        let read = RefreshToken::parse(token.text().expose()).expect("reads back");
        prop_assert_eq!((read.family, read.generation, read.tag), (token.family, token.generation, token.tag));
        prop_assert_eq!(read.secret.expose(), token.secret.expose());
    }

    #[test]
    fn one_wrong_character_is_found(bytes: [u8; 32], place in 0_usize..54, with in "[0-9A-Za-z_.~-]") {
        let text = access(bytes).text();
        let mut changed = text.expose().to_owned();
        changed.replace_range(place..=place, &with);
        prop_assert_eq!(AccessToken::parse(&changed).is_some(), changed == text.expose());
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,120}", tail in "\\PC{0,90}") {
        prop_assert!(AccessToken::parse(&text).is_none());
        prop_assert!(RefreshToken::parse(&["alrt_", &tail].concat()).is_none());
    }
}
