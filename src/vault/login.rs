//! Login names: what they may be, when two are the same, and the keyed tag under which the login index finds them.

use std::fmt;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use thiserror::Error;
use zeroize::Zeroizing;

use super::secret::{KeyBytes, PlainSecret};

/// Longest login name, in characters as sent (hdp-api 6.4).
pub const LOGIN_NAME_CHARS_MAX: usize = 128;

/// Why a text can't be a login name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoginNameError {
    /// No characters, or too many of them.
    #[error("a user name has 1 to {LOGIN_NAME_CHARS_MAX} characters")]
    Length,
    /// Basic authentication ends the name at the first colon, so such a user could never log in.
    #[error("a user name holds no colon")]
    Colon,
    /// Line ends, tabs, and characters that show nothing or turn the text around: they make two names look alike.
    #[error("a user name holds no control or invisible characters")]
    Invisible,
    /// Easily lost on the way, and nobody sees it.
    #[error("a user name neither begins nor ends with a space")]
    OuterSpace,
}

/// A login name as sent, and its canonical form. Names are personal data: `Debug` is silent.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginName {
    sent: PlainSecret,
    canonical: Zeroizing<String>,
}

impl LoginName {
    /// Checks a name and finds its canonical form: two names are one user's when these are equal (decision 7).
    pub fn parse(sent: &str) -> Result<Self, LoginNameError> {
        // Counted before anything is normalised, so that a long text costs nothing.
        let length = sent.chars().take(LOGIN_NAME_CHARS_MAX + 1).count();
        if !(1..=LOGIN_NAME_CHARS_MAX).contains(&length) {
            return Err(LoginNameError::Length);
        }
        check(sent)?;
        let canonical = Zeroizing::new(canonical(sent));
        // Normalisation turns a full-width colon into a plain one and exotic spaces into plain ones.
        check(&canonical)?;
        Ok(Self { sent: PlainSecret::from(sent), canonical })
    }

    /// As sent, for sealing.
    pub fn as_sent(&self) -> &PlainSecret {
        &self.sent
    }

    /// Whether both are one user's name.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }

    pub(super) fn tag(&self, key: &KeyBytes) -> LoginTag {
        LoginTag(*blake3::keyed_hash(key.expose(), self.canonical.as_bytes()).as_bytes())
    }
}

impl fmt::Debug for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginName(..)")
    }
}

/// Finds a user by name without keeping the name: keyed BLAKE3 of the canonical form. An outsider with a copy of the
/// index can't even try names without the key, which stands wrapped in the key store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginTag(pub [u8; 32]);

impl fmt::Debug for LoginTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginTag(..)")
    }
}

fn check(name: &str) -> Result<(), LoginNameError> {
    if name.contains(':') {
        Err(LoginNameError::Colon)
    } else if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        Err(LoginNameError::Invisible)
    } else if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
        Err(LoginNameError::OuterSpace)
    } else {
        Ok(())
    }
}

/// Characters without a shape of their own, and those that change the direction of others (Unicode UAX 31, TR 36).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Compatibility caseless form (Unicode, definition D146): NFKC and full case folding, in the order that makes it stable.
fn canonical(name: &str) -> String {
    // Every request with Basic credentials comes through here, and most names are plain.
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    canonical_unicode(name)
}

fn canonical_unicode(name: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let fold = CaseMapper::new();
    let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(name).into_owned();
    let once = nfkc.normalize(&fold.fold_string(&decomposed)).into_owned();
    nfkc.normalize(&fold.fold_string(&once)).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(name: &str) -> LoginTag {
        LoginName::parse(name).expect("a valid name").tag(&KeyBytes::new([3; 32]))
    }

    #[test]
    fn names_that_look_or_sound_the_same_are_one() {
        for (one, other) in [
            ("d2cadmin", "D2CAdmin"),
            ("straße", "STRASSE"),
            ("Ärger", "A\u{308}rger"),
            ("ﬁnance", "FINANCE"),
            ("ｕｓｅｒ１", "user1"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("Kelvin", "\u{212a}elvin"),
            ("a\u{a0}b", "a b"),
        ] {
            assert_eq!(tag(one), tag(other), "{one} {other}");
        }
        assert_ne!(tag("user1"), tag("user2"));
        assert_ne!(tag("a b"), tag("ab"));
        assert_ne!(tag("user1"), LoginName::parse("user1").expect("valid").tag(&KeyBytes::new([4; 32])));
    }

    #[test]
    fn what_can_be_no_name_is_refused_with_its_reason() {
        let long = "ä".repeat(129);
        for (name, reason) in [
            ("", LoginNameError::Length),
            (long.as_str(), LoginNameError::Length),
            ("a:b", LoginNameError::Colon),
            ("a\u{ff1a}b", LoginNameError::Colon),
            (" a", LoginNameError::OuterSpace),
            ("a ", LoginNameError::OuterSpace),
            ("a\u{3000}", LoginNameError::OuterSpace),
            (" ", LoginNameError::OuterSpace),
            ("a\nb", LoginNameError::Invisible),
            ("a\tb", LoginNameError::Invisible),
            ("a\0", LoginNameError::Invisible),
            ("a\u{7f}b", LoginNameError::Invisible),
            ("ad\u{200b}min", LoginNameError::Invisible),
            ("\u{202e}nimda", LoginNameError::Invisible),
            ("ad\u{ad}min", LoginNameError::Invisible),
        ] {
            assert_eq!(LoginName::parse(name), Err(reason), "{name:?}");
        }
        assert!(LoginName::parse(&"ä".repeat(128)).is_ok());
        assert!(LoginName::parse("Jane Doe+test@example.com").is_ok());
    }

    #[test]
    fn a_name_is_silent_in_debug() {
        let name = LoginName::parse("canary").expect("valid");
        assert_eq!(format!("{name:?} {:?}", tag("canary")), "LoginName(..) LoginTag(..)");
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_and_knows_no_case(name in "\\PC{1,40}") {
            let form = canonical(&name);
            prop_assert_eq!(&canonical(&form), &form);
            // Decomposed first, as definition D146 does: folding turns the iota below U+1F80 into a letter, and a mark after
            // it, which sorts before it in the decomposition, would hang on that letter (found with U+1133B).
            let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(&name).into_owned();
            prop_assert_eq!(&canonical(&decomposed), &form);
            prop_assert_eq!(&canonical(&CaseMapper::new().fold_string(&decomposed)), &form);
        }

        #[test]
        fn plain_names_take_a_shorter_way_to_the_same_form(name in "[\\x00-\\x7f]{0,40}") {
            prop_assert_eq!(canonical(&name), canonical_unicode(&name));
        }

        #[test]
        fn no_text_makes_it_panic(name in any::<String>()) {
            let _ = LoginName::parse(&name);
        }
    }
}
