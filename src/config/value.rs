//! Values as they come from a file, a variable or a flag, and how each kind of setting reads them.

use std::time::Duration;

/// A value before anybody asked what it should be.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Raw>),
    /// A kind that no setting has, named for the message.
    Other,
}

impl Raw {
    pub(super) fn from_toml(value: &toml::Value) -> Raw {
        match value {
            toml::Value::String(text) => Raw::Text(text.clone()),
            toml::Value::Integer(number) => Raw::Integer(*number),
            toml::Value::Array(items) => Raw::List(items.iter().map(Raw::from_toml).collect()),
            toml::Value::Boolean(value) => Raw::Boolean(*value),
            toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => Raw::Other,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Raw::Text(text) => Some(text),
            Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Other => None,
        }
    }

    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Raw::Text(text) => text.trim().parse().ok(),
            Raw::Integer(number) => u64::try_from(*number).ok(),
            Raw::Boolean(_) | Raw::List(_) | Raw::Other => None,
        }
    }

    /// Yes or no.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Raw::Text(text) => text.trim().parse().ok(),
            Raw::Boolean(value) => Some(*value),
            Raw::Integer(_) | Raw::List(_) | Raw::Other => None,
        }
    }

    /// A list; in a variable or a flag the items are separated by commas.
    pub(super) fn items(&self) -> Option<Vec<&str>> {
        match self {
            Raw::Text(text) => Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()),
            Raw::List(items) => items.iter().map(Raw::text).collect(),
            Raw::Integer(_) | Raw::Boolean(_) | Raw::Other => None,
        }
    }

    /// A number of bytes, or one with KiB, MiB or GiB behind it.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.number().or_else(|| {
            let text = self.text()?.trim();
            [("KiB", 10), ("MiB", 20), ("GiB", 30)].iter().find_map(|(unit, shift)| {
                let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
                number.checked_mul(1 << shift)
            })
        })
    }

    /// A number of seconds, or one with s, m, h or d behind it.
    pub(super) fn duration(&self) -> Option<Duration> {
        let secs = self.number().or_else(|| {
            let text = self.text()?.trim();
            [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)].iter().find_map(|(unit, factor)| {
                let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
                number.checked_mul(*factor)
            })
        })?;
        // A century is more than any of these can mean, and far from overflow wherever they are added to a time.
        (secs <= 100 * 366 * 86_400).then(|| Duration::from_secs(secs))
    }
}

/// The shortest way to write a duration that [`Raw::duration`] reads back.
pub(super) fn show_duration(duration: Duration) -> String {
    let secs = duration.as_secs();
    for (unit, factor) in [("d", 86_400), ("h", 3600), ("m", 60)] {
        if secs > 0 && secs.is_multiple_of(factor) {
            return format!("{}{unit}", secs / factor);
        }
    }
    format!("{secs}s")
}
