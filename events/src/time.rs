//! Times as integer microseconds; chrono only parses and prints.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z, UTC, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

// In bytes the number, for people RFC 3339.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl Timestamp {
    /// Microseconds in a second.
    pub const SECOND: i64 = 1_000_000;

    /// This time moved by `micros`, held at the ends of the range instead of wrapping.
    #[must_use]
    pub fn saturating_add_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This time moved by whole seconds, held at the ends of the range.
    #[must_use]
    pub fn saturating_add_secs(self, secs: i64) -> Self {
        self.saturating_add_micros(secs.saturating_mul(Self::SECOND))
    }

    /// Reads RFC 3339 (`2026-11-20T18:30:00Z`, any offset); `None` when it is not that or out of range.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp_micros()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            // Years that chrono cannot print can still stand in a leaf that somebody forged; show the number.
            None => write!(f, "{} µs", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parses() {
        let time = Timestamp::parse_rfc3339("2026-11-20T18:30:00.000001Z").expect("a valid time");
        assert_eq!(time.to_string(), "2026-11-20T18:30:00.000001Z");
        assert_eq!(Timestamp(i64::MAX).to_string(), format!("{} µs", i64::MAX));
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }
}
