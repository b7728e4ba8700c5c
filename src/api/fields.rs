//! Reads the properties of a body one by one; what nobody asked for is refused at the end, by name.

use super::error::ApiError;
use super::json::Json;
use crate::vault::secret::PlainSecret;

/// The properties of one JSON object that have not been read yet.
#[derive(Debug)]
pub struct Fields {
    left: Vec<(String, Json)>,
    /// Names above, for complaints: `passwordInfo.` and so on.
    path: String,
}

const TEXT: &str = "a text";
const ID: &str = "an id: a whole number, or one in quotes";
const NUMBER: &str = "a whole number";
const BOOL: &str = "true or false";
const LIST_OF_IDS: &str = "a list of ids";
const LIST_OF_TEXTS: &str = "a list of texts";
const LIST_OF_OBJECTS: &str = "a list of objects";
const OBJECT: &str = "an object";

impl Fields {
    /// The body has to be an object.
    pub fn of(body: Json) -> Result<Fields, ApiError> {
        match body {
            Json::Object(left) => Ok(Fields { left, path: String::new() }),
            _ => Err(ApiError::NotAnObject),
        }
    }

    /// Whether a property of this name was sent, be it `null`.
    pub fn has(&self, name: &str) -> bool {
        self.left.iter().any(|(other, _)| other == name)
    }

    /// A required text.
    pub fn text(&mut self, name: &str) -> Result<PlainSecret, ApiError> {
        self.optional_text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text; `null` counts as left out.
    pub fn optional_text(&mut self, name: &str) -> Result<Option<PlainSecret>, ApiError> {
        self.read(name, TEXT, |value| match value {
            Json::Text(text) => Some(text),
            _ => None,
        })
    }

    /// A required text that `parse` makes something of.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ApiError> {
        let text = self.text(name)?;
        parse(text.expose()).map_err(|problem| self.invalid(name, problem))
    }

    /// A text that passes `check`; `null` counts as left out.
    pub fn optional_checked(
        &mut self,
        name: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<PlainSecret>, ApiError> {
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        check(text.expose()).map_err(|problem| self.invalid(name, problem))?;
        Ok(Some(text))
    }

    /// In a PUT the object's id may be repeated, so that what a GET answered can be sent back.
    pub fn repeats_id(&mut self, own: u64) -> Result<(), ApiError> {
        match self.optional_id("id")? {
            Some(id) if id != own => {
                Err(self.invalid("id", "an object keeps its id; leave it out or repeat it"))
            }
            _ => Ok(()),
        }
    }

    /// All properties that are left, with what they hold: for objects whose names the caller chooses.
    pub fn rest(self) -> Vec<(String, Json)> {
        self.left
    }

    /// A required id, as number or text.
    pub fn id(&mut self, name: &str) -> Result<u64, ApiError> {
        self.optional_id(name)?.ok_or_else(|| self.missing(name))
    }

    /// An id, as number or text; `null` counts as left out.
    pub fn optional_id(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        self.read(name, ID, |value| as_id(&value))
    }

    /// A whole number; `null` counts as left out.
    pub fn optional_number(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        self.read(name, NUMBER, |value| match value {
            Json::Unsigned(number) => Some(number),
            _ => None,
        })
    }

    /// A boolean; `null` counts as left out.
    pub fn optional_bool(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        self.read(name, BOOL, |value| match value {
            Json::Bool(value) => Some(value),
            _ => None,
        })
    }

    /// A list of ids; `null` counts as left out.
    pub fn optional_ids(&mut self, name: &str) -> Result<Option<Vec<u64>>, ApiError> {
        self.read(name, LIST_OF_IDS, |value| match value {
            Json::List(items) => items.iter().map(as_id).collect(),
            _ => None,
        })
    }

    /// A list of at most so many ids; `null` counts as left out.
    pub fn optional_ids_up_to(&mut self, name: &str, most: usize) -> Result<Option<Vec<u64>>, ApiError> {
        let ids = self.optional_ids(name)?;
        if ids.as_ref().is_some_and(|ids| ids.len() > most) {
            return Err(self.invalid(name, format!("name at most {most}")));
        }
        Ok(ids)
    }

    /// A list of texts; `null` counts as left out.
    pub fn optional_texts(&mut self, name: &str) -> Result<Option<Vec<PlainSecret>>, ApiError> {
        self.read(name, LIST_OF_TEXTS, |value| match value {
            Json::List(items) => items
                .into_iter()
                .map(|item| match item {
                    Json::Text(text) => Some(text),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }

    /// An object inside; `null` counts as left out. Its own properties are read, and finished, like those of a body.
    pub fn optional_object(&mut self, name: &str) -> Result<Option<Fields>, ApiError> {
        let path = format!("{}{name}.", self.path);
        let members = self.read(name, OBJECT, |value| match value {
            Json::Object(members) => Some(members),
            _ => None,
        })?;
        Ok(members.map(|left| Fields { left, path }))
    }

    /// A list of objects; `null` counts as left out.
    pub fn optional_objects(&mut self, name: &str) -> Result<Option<Vec<Fields>>, ApiError> {
        let path = format!("{}{name}.", self.path);
        self.read(name, LIST_OF_OBJECTS, |value| match value {
            Json::List(items) => items
                .into_iter()
                .map(|item| match item {
                    Json::Object(left) => Some(Fields { left, path: path.clone() }),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }

    /// A complaint about a value that was read from here; `rule` must not repeat the value.
    pub fn invalid(&self, name: &str, rule: impl Into<String>) -> ApiError {
        ApiError::InvalidValue(format!("{}{name}", self.path), rule.into())
    }

    /// That a property was left out which is required.
    pub fn missing(&self, name: &str) -> ApiError {
        ApiError::MissingProperty(format!("{}{name}", self.path))
    }

    /// Everything was asked for; what is left is unknown.
    pub fn finish(self) -> Result<(), ApiError> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(ApiError::UnknownProperty(format!("{}{name}", self.path))),
        }
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let index = self.left.iter().position(|(other, _)| other == name)?;
        match self.left.swap_remove(index).1 {
            Json::Null => None,
            value => Some(value),
        }
    }

    fn read<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        as_type: impl FnOnce(Json) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match as_type(value) {
            Some(value) => Ok(Some(value)),
            None => Err(ApiError::WrongType(format!("{}{name}", self.path), expected)),
        }
    }
}

fn as_id(value: &Json) -> Option<u64> {
    match value {
        Json::Unsigned(number) => Some(*number),
        Json::Text(text) => parse_id(text.expose()),
        _ => None,
    }
}

/// Decimal digits without sign and leading zero, below 2^64: one spelling for each id.
pub fn parse_id(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        Fields::of(Json::parse(text.as_bytes()).expect("JSON")).expect("an object")
    }

    fn said<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
        format!("{:?}", result.expect_err("refused"))
    }

    #[test]
    fn an_id_is_a_number_or_the_same_number_in_quotes() {
        let mut body = fields(r#"{"a":303,"b":"303","c":null}"#);
        assert_eq!(body.id("a").ok(), Some(303));
        assert_eq!(body.id("b").ok(), Some(303));
        assert_eq!(body.optional_id("c").ok(), Some(None));
        assert!(body.finish().is_ok());
        for wrong in [
            "-1",
            "1.0",
            "1e3",
            "true",
            "[1]",
            "{}",
            "\"\"",
            "\"1x\"",
            "\"+1\"",
            "\"01\"",
            "\" 1\"",
            "18446744073709551616",
            "\"18446744073709551616\"",
        ] {
            let mut body = fields(&format!("{{\"a\":{wrong}}}"));
            assert_eq!(said(body.id("a")), format!("WrongType(\"a\", {ID:?})"), "{wrong}");
        }
    }

    #[test]
    fn each_complaint_names_the_property_with_its_path() {
        assert_eq!(said(Fields::of(Json::List(Vec::new()))), "NotAnObject");
        assert_eq!(said(fields("{}").text("name")), "MissingProperty(\"name\")");
        assert_eq!(said(fields(r#"{"name":null}"#).text("name")), "MissingProperty(\"name\")");
        assert_eq!(said(fields(r#"{"name":7}"#).text("name")), "WrongType(\"name\", \"a text\")");
        assert_eq!(said(fields(r#"{"nmae":7}"#).finish()), "UnknownProperty(\"nmae\")");
        let mut body = fields(r#"{"in":{"x":1,"y":[1,"2"],"z":1}}"#);
        let mut inner = body.optional_object("in").expect("an object").expect("present");
        assert_eq!(said(inner.optional_bool("x")), "WrongType(\"in.x\", \"true or false\")");
        assert_eq!(inner.optional_ids("y").ok(), Some(Some(vec![1, 2])));
        assert_eq!(said(inner.finish()), "UnknownProperty(\"in.z\")");
    }
}
