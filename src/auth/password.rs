//! What a password may be (hdp-api 9.25), and drawing one.

use events::{id::ConfigurationId, setting::PasswordPolicySet, time::Timestamp};
use icu_normalizer::ComposingNormalizerBorrowed;
use projections::State;
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
pub const TEMPORARY_LIFETIME_SECS: i64 = 7 * DAY_SECS;
const DAY_SECS: i64 = 24 * 3_600;

/// Characters that are judged for being common. A password whose beginning is strong is strong, and the time it takes
/// grows faster than the length.
const JUDGED_CHARS_MAX: usize = 64;

/// The configuration that says by which rules new passwords are judged (hdp-api 7.2).
pub const POLICY_CONFIGURATION: ConfigurationId = ConfigurationId(6);
/// Its value for [`PasswordRules::Custom`].
pub const CUSTOM_POLICY: &str = "2";
/// Its value for [`PasswordRules::Off`].
pub const NO_POLICY: &str = "-1";

/// Why a new password is refused. None of them shows any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordRefusal {
    /// Too few or too many characters.
    #[error("a password has {min} to {max} characters here")]
    Length {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
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
    /// The custom policy's rules.
    #[error("a password needs at least {min} {of} here")]
    TooFew {
        /// The fewest.
        min: u32,
        /// Of what.
        of: &'static str,
    },
    /// HDP's rules, and the custom policy's.
    #[error("a password must not contain the user's name")]
    ContainsName,
}

/// What a password has to meet that a user chooses for himself, or that an administrator sets for good (hdp-api 6.6, 9.25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRules {
    /// Long, and not common.
    Default,
    /// HDP's default, without its longest length: 12 characters only made guessing easier.
    Hdp,
    /// What an administrator put together.
    Custom(CustomRules),
    /// No rule but the bounds that hold for every password.
    Off,
}

/// The numbers of the custom policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomRules {
    /// Fewest and most characters.
    pub length: (u32, u32),
    /// Fewest that are neither letters nor digits.
    pub special_min: u32,
    /// Fewest lower case letters.
    pub lower_min: u32,
    /// Fewest upper case letters.
    pub upper_min: u32,
    /// Fewest digits.
    pub digits_min: u32,
    /// How long one lives that its user chose; `None` for ever.
    pub expiration_days: Option<u32>,
}

impl CustomRules {
    /// What HDP begins with; it holds until somebody changes it.
    pub const FIRST: Self = Self {
        length: (12, 128),
        special_min: 1,
        lower_min: 1,
        upper_min: 1,
        digits_min: 1,
        expiration_days: Some(120),
    };
}

impl From<&PasswordPolicySet> for CustomRules {
    fn from(policy: &PasswordPolicySet) -> Self {
        Self {
            length: (policy.length_min, policy.length_max),
            special_min: policy.special_min,
            lower_min: policy.lower_min,
            upper_min: policy.upper_min,
            digits_min: policy.digits_min,
            expiration_days: policy.expiration_days,
        }
    }
}

impl From<PasswordPolicy> for PasswordRules {
    fn from(policy: PasswordPolicy) -> Self {
        match policy {
            PasswordPolicy::Default => Self::Default,
            PasswordPolicy::Hdp => Self::Hdp,
        }
    }
}

impl PasswordRules {
    /// The rules that hold now: those that configuration 6 chooses, which by default are those of `password.policy`.
    pub fn of(state: &State<'_>, policy: PasswordPolicy) -> Self {
        let chosen = state.settings.configurations.get(&POLICY_CONFIGURATION);
        match chosen.and_then(|row| row.value.as_deref()) {
            Some(CUSTOM_POLICY) => {
                let set = state.settings.password_policy.get(&());
                Self::Custom(set.map_or(CustomRules::FIRST, |row| CustomRules::from(&row.policy)))
            }
            Some(NO_POLICY) => Self::Off,
            _ => policy.into(),
        }
    }

    /// Judges a password that a user chose for himself, or that an administrator set for good.
    pub fn judge_chosen(&self, password: &PlainSecret, user_name: &str) -> Result<(), PasswordRefusal> {
        match self {
            Self::Default => {
                judge_length(password, CHOSEN_CHARS_MIN, CHARS_MAX)?;
                let judged: Zeroizing<String> =
                    Zeroizing::new(password.expose().chars().take(JUDGED_CHARS_MAX).collect());
                let estimate = zxcvbn::zxcvbn(&judged, &[user_name, "authledger"]);
                if estimate.score() < Score::Three { Err(PasswordRefusal::Common) } else { Ok(()) }
            }
            Self::Hdp => {
                judge_length(password, TEMPORARY_CHARS_MIN, CHARS_MAX)?;
                let every = [char::is_uppercase, char::is_lowercase, char::is_numeric, is_special];
                if !every.iter().all(|class| count(password, *class) > 0) {
                    return Err(PasswordRefusal::Classes);
                }
                judge_name(password, user_name)
            }
            Self::Custom(rules) => {
                let (min, max) = rules.length;
                // Whatever the numbers say, the bounds of every password hold.
                let min = usize::try_from(min).unwrap_or(CHARS_MAX).clamp(TEMPORARY_CHARS_MIN, CHARS_MAX);
                let max = usize::try_from(max).unwrap_or(CHARS_MAX).clamp(min, CHARS_MAX);
                judge_length(password, min, max)?;
                judge_class(password, char::is_uppercase, rules.upper_min, "upper case letters")?;
                judge_class(password, char::is_lowercase, rules.lower_min, "lower case letters")?;
                judge_class(password, char::is_numeric, rules.digits_min, "digits")?;
                judge_class(password, is_special, rules.special_min, "special characters")?;
                judge_name(password, user_name)
            }
            Self::Off => judge_length(password, TEMPORARY_CHARS_MIN, CHARS_MAX),
        }
    }

    /// When a password ends that its user chose at `now`; `None` for never.
    pub fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Custom(rules) => {
                rules.expiration_days.map(|days| now.saturating_add_secs(i64::from(days) * DAY_SECS))
            }
            Self::Default | Self::Hdp | Self::Off => None,
        }
    }
}

fn is_special(c: char) -> bool {
    !c.is_alphanumeric()
}

fn count(password: &PlainSecret, class: fn(char) -> bool) -> u32 {
    let of_class = password.expose().chars().filter(|c| class(*c)).count();
    u32::try_from(of_class).unwrap_or(u32::MAX)
}

fn judge_class(
    password: &PlainSecret,
    class: fn(char) -> bool,
    min: u32,
    of: &'static str,
) -> Result<(), PasswordRefusal> {
    if count(password, class) < min { Err(PasswordRefusal::TooFew { min, of }) } else { Ok(()) }
}

fn judge_name(password: &PlainSecret, user_name: &str) -> Result<(), PasswordRefusal> {
    let lower = Zeroizing::new(password.expose().to_lowercase());
    if !user_name.is_empty() && lower.contains(&user_name.to_lowercase()) {
        Err(PasswordRefusal::ContainsName)
    } else {
        Ok(())
    }
}

/// Judges a temporary password that an administrator sets and its user must change.
pub fn judge_temporary(password: &PlainSecret) -> Result<(), PasswordRefusal> {
    judge_length(password, TEMPORARY_CHARS_MIN, CHARS_MAX)
}

fn judge_length(password: &PlainSecret, min: usize, max: usize) -> Result<(), PasswordRefusal> {
    let length = password.expose().chars().take(CHARS_MAX + 1).count();
    if !(min..=max).contains(&length) {
        Err(PasswordRefusal::Length { min, max })
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

    fn judge(rules: PasswordRules, password: &str) -> Result<(), PasswordRefusal> {
        rules.judge_chosen(&password.into(), "JaneDoe")
    }

    #[test]
    fn a_chosen_password_is_long_and_not_common() {
        let default = |password: &str| judge(PasswordRules::Default, password);
        let short = Err(PasswordRefusal::Length { min: 12, max: 128 });
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
        let hdp = |password: &str| judge(PasswordRules::Hdp, password);
        for (password, expected) in [
            ("Abc1$", Err(PasswordRefusal::Length { min: 8, max: 128 })),
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
    fn the_custom_policy_is_its_numbers_within_the_bounds_of_every_password() {
        let rules = CustomRules {
            length: (10, 14),
            special_min: 2,
            lower_min: 3,
            upper_min: 1,
            digits_min: 0,
            expiration_days: None,
        };
        let few = |min, of| Err(PasswordRefusal::TooFew { min, of });
        let length = |min, max| Err(PasswordRefusal::Length { min, max });
        for (password, expected) in [
            ("Abcdef-+g", length(10, 14)),
            ("Abcdef-+ghijklm", length(10, 14)),
            ("Abcdef-+gh", Ok(())),
            ("Abcdefg+gh", few(2, "special characters")),
            ("ABCDEF-+Gh", few(3, "lower case letters")),
            ("abcdef-+gh", few(1, "upper case letters")),
            ("-+Xjanedoe", Err(PasswordRefusal::ContainsName)),
            ("Abcdef-+g\u{7}", Err(PasswordRefusal::Control)),
        ] {
            assert_eq!(judge(PasswordRules::Custom(rules), password), expected, "{password}");
        }
        // Numbers that no request can set, but an older log might hold.
        let loose =
            CustomRules { length: (0, u32::MAX), special_min: 0, lower_min: 0, upper_min: 0, ..rules };
        assert_eq!(judge(PasswordRules::Custom(loose), "abcdefg"), length(8, 128));
        assert_eq!(judge(PasswordRules::Custom(loose), &"x".repeat(129)), length(8, 128));
    }

    #[test]
    fn without_a_policy_a_password_is_only_not_short() {
        assert_eq!(judge(PasswordRules::Off, "password"), Ok(()));
        assert_eq!(judge(PasswordRules::Off, "passwor"), Err(PasswordRefusal::Length { min: 8, max: 128 }));
    }

    #[test]
    fn only_the_custom_policy_ends_what_a_user_chose() {
        let now = Timestamp(1_795_176_000_000_000);
        let end = now.saturating_add_secs(120 * 24 * 3_600);
        assert_eq!(PasswordRules::Custom(CustomRules::FIRST).expires_at(now), Some(end));
        for rules in [PasswordRules::Default, PasswordRules::Hdp, PasswordRules::Off] {
            assert_eq!(rules.expires_at(now), None);
        }
    }

    #[test]
    fn a_temporary_password_is_only_not_short() {
        assert_eq!(judge_temporary(&"tempsecret".into()), Ok(()));
        assert_eq!(judge_temporary(&"tempsec".into()), Err(PasswordRefusal::Length { min: 8, max: 128 }));
        assert_eq!(judge_temporary(&"temp\nsecret".into()), Err(PasswordRefusal::Control));
    }

    #[test]
    fn a_drawn_password_passes_every_judgement_but_hdps_classes() {
        let password = generate(&SystemRandom);
        assert_eq!(password.expose().len(), 23);
        assert_eq!(PasswordRules::Default.judge_chosen(&password, "d2cadmin"), Ok(()));
        assert_ne!(password, generate(&SystemRandom));
        assert_eq!(generate(&SeededRandom::new(1)), generate(&SeededRandom::new(1)));
    }

    #[test]
    fn two_spellings_of_a_letter_are_the_same_password() {
        assert_eq!(prepared(&"Pa\u{308}ss".into()), prepared(&"Päss".into()));
        assert_ne!(prepared(&"Pass".into()), prepared(&"pass".into()));
    }
}
