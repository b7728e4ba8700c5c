//! What a password may be (hdp-api 9.25), and drawing one.

use icu_normalizer::ComposingNormalizerBorrowed;
use thiserror::Error;
use zeroize::Zeroizing;
use zxcvbn::Score;

use crate::{clock::Random, config::PasswordPolicy, vault::PlainSecret};

/// Fewest characters of a password that a user chooses.
pub const CHOSEN_CHARS_MIN: usize = 12;
/// Fewest characters of a temporary one, and of any under HDP's rules.
pub const TEMPORARY_CHARS_MIN: usize = 8;
/// Most characters of any password.
pub const CHARS_MAX: usize = 128;
/// How long a temporary password lives that nobody has changed.
pub const TEMPORARY_LIFETIME_SECS: i64 = 7 * 24 * 3_600;

/// Characters that are judged for being common. A password whose beginning is strong is strong, and the time it takes
/// grows faster than the length.
const JUDGED_CHARS_MAX: usize = 64;

/// Why a new password is refused. None of them shows any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordRefusal {
    /// Too few or too many characters.
    #[error("a password has {min} to {CHARS_MAX} characters here")]
    Length {
        /// The fewest.
        min: usize,
    },
    /// Nobody can type it again, and Basic authentication can't carry it.
    #[error("a password holds no control characters")]
    Control,
    /// Among the first that anybody would try.
    #[error("this password is too easy to guess: longer, or less common words, or not the user's own name")]
    Common,
    /// HDP's rules.
    #[error(
        "a password needs an upper case letter, a lower case letter, a digit and a special character here"
    )]
    Classes,
    /// HDP's rules.
    #[error("a password must not contain the user's name")]
    ContainsName,
}

/// Judges a password that a user chose for himself, or that an administrator set for good.
///
/// HDP's own rules end at 12 characters; under `hdp` longer ones are welcome, since the limit only made guessing easier.
pub fn judge_chosen(
    policy: PasswordPolicy,
    password: &PlainSecret,
    user_name: &str,
) -> Result<(), PasswordRefusal> {
    match policy {
        PasswordPolicy::Default => {
            judge_length(password, CHOSEN_CHARS_MIN)?;
            let judged: Zeroizing<String> =
                Zeroizing::new(password.expose().chars().take(JUDGED_CHARS_MAX).collect());
            let estimate = zxcvbn::zxcvbn(&judged, &[user_name, "authledger"]);
            if estimate.score() < Score::Three { Err(PasswordRefusal::Common) } else { Ok(()) }
        }
        PasswordPolicy::Hdp => {
            judge_length(password, TEMPORARY_CHARS_MIN)?;
            let text = password.expose();
            let has = |class: fn(char) -> bool| text.chars().any(class);
            let special = |c: char| !c.is_alphanumeric();
            if !(has(char::is_uppercase) && has(char::is_lowercase) && has(char::is_numeric) && has(special))
            {
                Err(PasswordRefusal::Classes)
            } else if !user_name.is_empty() && text.to_lowercase().contains(&user_name.to_lowercase()) {
                Err(PasswordRefusal::ContainsName)
            } else {
                Ok(())
            }
        }
    }
}

/// Judges a temporary password that an administrator sets and its user must change.
pub fn judge_temporary(password: &PlainSecret) -> Result<(), PasswordRefusal> {
    judge_length(password, TEMPORARY_CHARS_MIN)
}

fn judge_length(password: &PlainSecret, min: usize) -> Result<(), PasswordRefusal> {
    let length = password.expose().chars().take(CHARS_MAX + 1).count();
    if !(min..=CHARS_MAX).contains(&length) {
        Err(PasswordRefusal::Length { min })
    } else if password.expose().chars().any(char::is_control) {
        Err(PasswordRefusal::Control)
    } else {
        Ok(())
    }
}

/// The bytes that are hashed: NFC, so that an accented letter is the same from every keyboard (RFC 8265 section 4.2).
pub(super) fn prepared(password: &PlainSecret) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(
        ComposingNormalizerBorrowed::new_nfc().normalize(password.expose()).into_owned().into_bytes(),
    )
}

/// Letters and digits that nobody confuses; 32 of them, so that five bits choose one evenly.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Draws a password of 100 bits in four groups, to be printed once and typed by a person: `k3vdm-…`.
pub fn generate(random: &dyn Random) -> PlainSecret {
    let mut bytes = Zeroizing::new([0; 20]);
    random.fill(&mut *bytes);
    let mut text = String::with_capacity(23);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    PlainSecret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SeededRandom, SystemRandom};

    fn judge(policy: PasswordPolicy, password: &str) -> Result<(), PasswordRefusal> {
        judge_chosen(policy, &password.into(), "JaneDoe")
    }

    #[test]
    fn a_chosen_password_is_long_and_not_common() {
        let default = |password: &str| judge(PasswordPolicy::Default, password);
        let short = Err(PasswordRefusal::Length { min: 12 });
        for (password, expected) in [
            ("", short),
            ("h7$kQz!92mx", short),
            (&"x".repeat(129), short),
            ("password1234", Err(PasswordRefusal::Common)),
            ("aaaaaaaaaaaaaaaaaaaa", Err(PasswordRefusal::Common)),
            ("qwertyuiop123", Err(PasswordRefusal::Common)),
            ("janedoejanedoe", Err(PasswordRefusal::Common)),
            ("h7$kQz!92mxW\u{7}", Err(PasswordRefusal::Control)),
            ("violet tundra anchor spoon", Ok(())),
            ("h7$kQz!92mxW", Ok(())),
            ("пароль-для-реестра-7", Ok(())),
        ] {
            assert_eq!(default(password), expected, "{password}");
        }
        let long: String =
            "kV9#".chars().cycle().zip(('a'..='z').cycle()).map(|(a, b)| [a, b]).take(64).flatten().collect();
        assert_eq!(default(&long), Ok(()), "128 characters are not too many");
    }

    #[test]
    fn hdps_own_rules_for_a_migration() {
        let hdp = |password: &str| judge(PasswordPolicy::Hdp, password);
        for (password, expected) in [
            ("Abc1$", Err(PasswordRefusal::Length { min: 8 })),
            ("Abcdef1$", Ok(())),
            ("Abcdef1$Abcdef1$Abcdef1$Abcdef1$Abcdef1$", Ok(())),
            ("abcdef1$", Err(PasswordRefusal::Classes)),
            ("ABCDEF1$", Err(PasswordRefusal::Classes)),
            ("Abcdefg$", Err(PasswordRefusal::Classes)),
            ("Abcdef12", Err(PasswordRefusal::Classes)),
            ("1$Xjanedoe", Err(PasswordRefusal::ContainsName)),
        ] {
            assert_eq!(hdp(password), expected, "{password}");
        }
    }

    #[test]
    fn a_temporary_password_is_only_not_short() {
        assert_eq!(judge_temporary(&"tempsecret".into()), Ok(()));
        assert_eq!(judge_temporary(&"tempsec".into()), Err(PasswordRefusal::Length { min: 8 }));
        assert_eq!(judge_temporary(&"temp\nsecret".into()), Err(PasswordRefusal::Control));
    }

    #[test]
    fn a_drawn_password_passes_every_judgement_but_hdps_classes() {
        let password = generate(&SystemRandom);
        assert_eq!(password.expose().len(), 23);
        assert_eq!(judge_chosen(PasswordPolicy::Default, &password, "d2cadmin"), Ok(()));
        assert_ne!(password, generate(&SystemRandom));
        assert_eq!(generate(&SeededRandom::new(1)), generate(&SeededRandom::new(1)));
    }

    #[test]
    fn two_spellings_of_a_letter_are_the_same_password() {
        assert_eq!(prepared(&"Pa\u{308}ss".into()), prepared(&"Päss".into()));
        assert_ne!(prepared(&"Pass".into()), prepared(&"pass".into()));
    }
}
