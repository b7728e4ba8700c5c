//! The system configurations there are (hdp-api 7.2): HDP's numbers and what each may say.

use events::id::ConfigurationId;

use crate::auth::{
    password::{CUSTOM_POLICY, NO_POLICY, POLICY_CONFIGURATION},
    whitelist::FILTERING,
};

/// Longest delimiter between a user's name and that of his authentication service, in characters.
pub const DELIMITER_CHARS_MAX: usize = 16;

/// What a configuration may say.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A short text.
    Delimiter,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct ConfigurationKind {
    /// HDP's number.
    pub id: ConfigurationId,
    /// What it is for, and what it may say.
    pub description: &'static str,
    /// What it may say.
    pub values: Values,
    /// What it says until it is set, and after it was set to `null`.
    pub default: Option<&'static str>,
    /// Whether anything here goes by it.
    pub effective: bool,
}

/// Between a user's name and that of his authentication service.
pub const DELIMITER: ConfigurationId = ConfigurationId(1);
/// Whether who changes his password has to know the present one.
pub const SECURE_CHANGE_PASSWORD: ConfigurationId = ConfigurationId(2);

const BOOL: Values = Values::OneOf(&["true", "false"]);

/// Every configuration, in the order of ids.
pub const CONFIGURATIONS: &[ConfigurationKind] = &[
    ConfigurationKind {
        id: DELIMITER,
        description: "The delimiter between a user's name and that of his authentication service; null for none.",
        values: Values::Delimiter,
        default: None,
        effective: false,
    },
    ConfigurationKind {
        id: SECURE_CHANGE_PASSWORD,
        description: "Whether who changes his password has to send the present one: true or false.",
        values: BOOL,
        default: Some("true"),
        effective: true,
    },
    ConfigurationKind {
        id: ConfigurationId(3),
        description: "The OData version of new data sources: 4.",
        values: Values::OneOf(&["4"]),
        default: Some("4"),
        effective: false,
    },
    ConfigurationKind {
        id: ConfigurationId(4),
        description: "The entity name mode of new data sources of OData version 4: GUESS, PLURALIZE, SINGULARIZE or SUFFIX.",
        values: Values::OneOf(&["GUESS", "PLURALIZE", "SINGULARIZE", "SUFFIX"]),
        default: Some("GUESS"),
        effective: false,
    },
    ConfigurationKind {
        id: ConfigurationId(5),
        description: "Whether data stores with a JDBC driver of somebody else's can be used: true or false.",
        values: BOOL,
        default: Some("false"),
        effective: false,
    },
    ConfigurationKind {
        id: POLICY_CONFIGURATION,
        description: "By which policy new passwords are judged: 1 for the default one, 2 for the custom one, -1 for none.",
        values: Values::OneOf(&["1", CUSTOM_POLICY, NO_POLICY]),
        default: Some("1"),
        effective: true,
    },
    ConfigurationKind {
        id: ConfigurationId(7),
        description: "Where the system monitor's details are kept: 0 nowhere, 1 in the log, 2 in the database, 3 in both.",
        values: Values::OneOf(&["0", "1", "2", "3"]),
        default: Some("1"),
        effective: false,
    },
    ConfigurationKind {
        id: FILTERING,
        description: "Whether the IP address whitelists are asked: true or false.",
        values: BOOL,
        default: Some("true"),
        effective: true,
    },
];

/// The table's row of that id.
pub fn by_id(id: ConfigurationId) -> Option<&'static ConfigurationKind> {
    CONFIGURATIONS.iter().find(|configuration| configuration.id == id)
}

impl ConfigurationKind {
    /// Checks a value that is not `null`; the problem says what is allowed and does not repeat it.
    pub fn check(&self, value: &str) -> Result<(), String> {
        match self.values {
            Values::OneOf(words) if words.contains(&value) => Ok(()),
            Values::OneOf(words) => Err(format!("use \"{}\"", words.join("\", \""))),
            Values::Delimiter => {
                let length = value.chars().count();
                let good =
                    (1..=DELIMITER_CHARS_MAX).contains(&length) && !value.chars().any(char::is_control);
                let rule =
                    || format!("use 1 to {DELIMITER_CHARS_MAX} characters, no control characters, or null");
                if good { Ok(()) } else { Err(rule()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_hdps_and_every_default_is_allowed() {
        let ids: Vec<u16> = CONFIGURATIONS.iter().map(|row| row.id.0).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8]);
        for row in CONFIGURATIONS {
            assert_eq!(row.default.map_or(Ok(()), |value| row.check(value)), Ok(()), "{}", row.id);
        }
        let effective: Vec<u16> =
            CONFIGURATIONS.iter().filter(|row| row.effective).map(|row| row.id.0).collect();
        assert_eq!(effective, [2, 6, 8]);
    }

    #[test]
    fn each_configuration_says_what_it_may() {
        for (id, good, bad) in [
            (1, &["|", ":", "@@"][..], &["", "a\nb", "12345678901234567"][..]),
            (2, &["true", "false"], &["True", "1", ""]),
            (3, &["4"], &["2", "04"]),
            (4, &["GUESS", "PLURALIZE"], &["guess"]),
            (6, &["1", "2", "-1"], &["0", "3", " 1"]),
            (7, &["0", "1", "2", "3"], &["4"]),
            (8, &["true", "false"], &["on"]),
        ] {
            let row = by_id(ConfigurationId(id)).expect("on the table");
            for value in good {
                assert_eq!(row.check(value), Ok(()), "{id} {value}");
            }
            for value in bad {
                assert!(row.check(value).is_err(), "{id} {value}");
            }
        }
    }
}
