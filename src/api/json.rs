//! A strict reader of JSON bodies: duplicate names are refused at any depth, nesting has a limit, and a complaint says where
//! it is in the text but never quotes it, because a body may hold secrets.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::vault::secret::PlainSecret;

/// Nesting that no body of ours comes near.
pub(super) const DEPTH_MAX: usize = 32;

/// A value as it was sent.
#[derive(Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number from 0 to 2^64 − 1.
    Unsigned(u64),
    /// Any other number.
    Number(f64),
    /// A text, wiped from memory when dropped: it may be a secret.
    Text(PlainSecret),
    /// `[…]`
    List(Vec<Json>),
    /// `{…}` in the order sent, names unique.
    Object(Vec<(String, Json)>),
}

/// Kinds only: a text may be a secret.
impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Unsigned(_) | Json::Number(_) => "a number",
            Json::Text(_) => "a text",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        })
    }
}

/// Where and why a text is not the JSON we read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} column {column}{}{reason}", if reason.is_empty() { "" } else { ": " })]
pub struct NotJson {
    line: usize,
    column: usize,
    reason: &'static str,
}

const TWICE: &str = "the same name stands twice in one object";
const TOO_DEEP: &str = "nested more than 32 levels deep";
const NOT_UTF8: &str = "not UTF-8";
const TOO_BIG: &str = "a number too large to read";

impl Json {
    /// Reads exactly one value.
    pub fn parse(bytes: &[u8]) -> Result<Json, NotJson> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
            NotJson { line, column, reason: NOT_UTF8 }
        })?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Depth(0).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
        value.map_err(|error| {
            // The library's text may quote the input, so only our own fixed sentences are passed on.
            let said = error.to_string();
            let reason = [TWICE, TOO_DEEP]
                .into_iter()
                .find(|reason| said.starts_with(reason))
                .or_else(|| said.starts_with("number out of range").then_some(TOO_BIG));
            NotJson { line: error.line(), column: error.column(), reason: reason.unwrap_or_default() }
        })
    }

    /// One form for all bodies that mean the same: names sorted, no white space. For comparing a repeated request with its first.
    pub fn canonical(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(256));
        self.write_canonical(&mut out);
        out
    }

    fn write_canonical(&self, out: &mut Vec<u8>) {
        let plain = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
        match self {
            Json::Null => plain(out, "null"),
            Json::Bool(value) => plain(out, if *value { "true" } else { "false" }),
            Json::Unsigned(value) => plain(out, &value.to_string()),
            Json::Number(value) => plain(out, &value.to_string()),
            Json::Text(text) => write_text(out, text.expose()),
            Json::List(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write_canonical(out);
                }
                out.push(b']');
            }
            Json::Object(members) => {
                let mut sorted: Vec<&(String, Json)> = members.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                out.push(b'{');
                for (index, (name, value)) in sorted.into_iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write_text(out, name);
                    out.push(b':');
                    value.write_canonical(out);
                }
                out.push(b'}');
            }
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text can always be written to memory");
}

/// Reads one value that stands this deep.
#[derive(Clone, Copy)]
struct Depth(usize);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Unsigned(value))
    }

    #[allow(clippy::cast_precision_loss)] // a negative number is nowhere valid; it is only compared and refused
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(PlainSecret::from(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut object: Vec<(String, Json)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(TWICE));
            }
            let value = members.next_value_seed(inner)?;
            object.push((name, value));
        }
        Ok(Json::Object(object))
    }
}

impl Depth {
    fn deeper<E: serde::de::Error>(self) -> Result<Depth, E> {
        if self.0 == DEPTH_MAX { Err(E::custom(TOO_DEEP)) } else { Ok(Depth(self.0 + 1)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn complaint(text: &[u8]) -> String {
        Json::parse(text).expect_err("refused").to_string()
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place_and_without_its_text() {
        let deep = "[".repeat(33) + &"]".repeat(33);
        let rows: &[(&[u8], &str)] = &[
            (b"", "line 1 column 0"),
            (b"{\"a\":1", "line 1 column 6"),
            // The commissioning page's own sample lacks a comma after this line.
            (b"{\"clientSecret\": \"hunter2\"\n\"authorizeURI\": \"x\"}", "line 2 column 1"),
            (b"{\"a\":1,}", "line 1 column 8"),
            (b"{\"a\":hunter2}", "line 1 column 6"),
            (b"{} {}", "line 1 column 4"),
            (b"{\"a\":NaN}", "line 1 column 6"),
            (b"{\"a\":1e999}", "line 1 column 10: a number too large to read"),
            (b"{\"a\":1,\"a\":1}", "line 1 column 10: the same name stands twice in one object"),
            (b"{\"a\":1,\"\\u0061\":1}", "line 1 column 15: the same name stands twice in one object"),
            (
                b"{\"a\":[{\"hunter2\":1,\n\"hunter2\":2}]}",
                "line 2 column 9: the same name stands twice in one object",
            ),
            (b"{\"a\":\n\"hun\xffter2\"}", "line 2 column 5: not UTF-8"),
            (b"\"\\ud800\"", "line 1 column 8"),
            (deep.as_bytes(), "line 1 column 34: nested more than 32 levels deep"),
        ];
        for (text, expected) in rows {
            let said = complaint(text);
            assert_eq!(said, *expected, "{}", String::from_utf8_lossy(text));
            assert!(!said.contains("hunter2"));
        }
        let very_deep = "[".repeat(1_000_000);
        assert!(complaint(very_deep.as_bytes()).ends_with(TOO_DEEP));
    }

    #[test]
    fn what_is_json_is_read_whole() {
        let deep = "[".repeat(32) + &"]".repeat(32);
        assert!(Json::parse(deep.as_bytes()).is_ok());
        let value =
            Json::parse(br#" {"n": 18446744073709551615, "f": -1, "t": "\u00e9", "l": [null, true]} "#);
        let Ok(Json::Object(members)) = value else { panic!("an object") };
        assert_eq!(members[0].1, Json::Unsigned(u64::MAX));
        assert_eq!(members[1].1, Json::Number(-1.0));
        assert_eq!(members[2].1, Json::Text(PlainSecret::from("é")));
        assert_eq!(members[3].1, Json::List(vec![Json::Null, Json::Bool(true)]));
    }

    #[test]
    fn bodies_that_mean_the_same_have_one_canonical_form() {
        let canonical = |text: &str| Json::parse(text.as_bytes()).expect("JSON").canonical();
        assert_eq!(
            canonical(r#"{"b":[1,"\u0041"],"a":null}"#),
            canonical("{ \"a\" : null,\n \"b\":[1 ,\"A\"]}")
        );
        assert_ne!(canonical(r#"{"a":"1"}"#), canonical(r#"{"a":1}"#));
        assert_ne!(canonical(r#"{"a":["b","c"]}"#), canonical(r#"{"a":["b\",\"c"]}"#));
    }

    proptest! {
        /// Whatever is sent: an answer, and no text of it in a complaint.
        #[test]
        fn no_bytes_make_it_panic_or_repeat_them(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Err(complaint) = Json::parse(&bytes) {
                prop_assert!(complaint.to_string().len() < 80);
            }
        }

        /// Nearly JSON is where parsers go wrong.
        #[test]
        fn no_pieces_of_json_make_it_panic(pieces in prop::collection::vec(piece(), 0..60)) {
            if let Ok(value) = Json::parse(pieces.concat().as_bytes()) {
                let canonical = value.canonical();
                let again = Json::parse(&canonical).expect("the canonical form is JSON");
                // A fraction or an exponent is nowhere valid, and may be read back as its neighbour.
                prop_assert!(has_fraction(&value) || again.canonical() == canonical);
            }
        }

        /// What we read is what another parser reads, when that one tells what we need to know.
        #[test]
        fn it_agrees_with_another_reader(pieces in prop::collection::vec(piece(), 0..12)) {
            let text = pieces.concat();
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match Json::parse(text.as_bytes()) {
                Ok(_) => prop_assert!(theirs.is_ok()),
                // Whatever comes after the second name is not looked at any more.
                Err(error) if error.reason == TWICE => {}
                Err(_) => prop_assert!(theirs.is_err()),
            }
        }
    }

    fn has_fraction(value: &Json) -> bool {
        match value {
            Json::Number(_) => true,
            Json::List(items) => items.iter().any(has_fraction),
            Json::Object(members) => members.iter().any(|(_, value)| has_fraction(value)),
            Json::Null | Json::Bool(_) | Json::Unsigned(_) | Json::Text(_) => false,
        }
    }

    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\"",
            "\"\\u0061\"",
            "1",
            "-1",
            "1e9",
            "0.5",
            "true",
            "false",
            "null",
            " ",
            "\n",
            "\"",
            "\\",
            "é",
            "{\"a\":",
            "[1,",
        ])
    }

    #[test]
    fn debug_shows_kinds_only() {
        let value = Json::parse(br#"{"clientSecret":"hunter2"}"#).expect("JSON");
        assert!(!format!("{value:?}").contains("hunter2"));
    }
}
