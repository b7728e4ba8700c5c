//! JSON Schema as far as our document uses it. A keyword that is not read here fails, so that nothing is silently unchecked.

use regex::Regex;
use serde_json::{Map, Value};

/// The document, for references.
pub(crate) struct Schemas<'a>(pub(crate) &'a Value);

impl Schemas<'_> {
    /// What is wrong with `value`, with the place; `None` when it fits.
    pub(crate) fn complaint(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let schema = match schema {
            Value::Bool(true) => return None,
            Value::Object(schema) => schema,
            other => panic!("no schema at {at}: {other}"),
        };
        schema.iter().find_map(|(keyword, rule)| self.keyword(schema, keyword, rule, value, at))
    }

    #[allow(clippy::too_many_lines, reason = "a table of keywords")]
    fn keyword(
        &self,
        schema: &Map<String, Value>,
        keyword: &str,
        rule: &Value,
        value: &Value,
        at: &str,
    ) -> Option<String> {
        let no = |what: String| Some(format!("{at}: {what}"));
        let most = || rule.as_u64().expect("a whole number");
        match (keyword, value) {
            ("$ref", _) => {
                let place =
                    rule.as_str().and_then(|place| place.strip_prefix('#')).expect("a local reference");
                let target = self.0.pointer(place).unwrap_or_else(|| panic!("nothing at {place}"));
                self.complaint(target, value, at)
            }
            ("type", _) => {
                let types = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
                let fits = types.iter().any(|kind| is_of(kind.as_str().expect("a type"), value));
                if fits { None } else { no(format!("{value} is not of type {rule}")) }
            }
            ("enum", _) => {
                let fits = rule.as_array().expect("values").contains(value);
                if fits { None } else { no(format!("{value} is not one of {rule}")) }
            }
            ("anyOf" | "oneOf", _) => {
                let complaints = rule.as_array().expect("schemas").iter();
                let said: Vec<Option<String>> =
                    complaints.map(|schema| self.complaint(schema, value, at)).collect();
                let fitting = said.iter().filter(|complaint| complaint.is_none()).count();
                let fits = if keyword == "oneOf" { fitting == 1 } else { fitting > 0 };
                if fits { None } else { no(format!("{fitting} of {keyword}: {said:?}")) }
            }
            ("allOf", _) => {
                rule.as_array().expect("schemas").iter().find_map(|schema| self.complaint(schema, value, at))
            }
            ("required", Value::Object(object)) => {
                let names = rule.as_array().expect("names").iter().map(|name| name.as_str().expect("a name"));
                names.filter(|name| !object.contains_key(*name)).find_map(|name| no(format!("no {name}")))
            }
            ("properties", Value::Object(object)) => object.iter().find_map(|(name, value)| {
                rule.get(name).and_then(|rule| self.complaint(rule, value, &format!("{at}.{name}")))
            }),
            ("additionalProperties", Value::Object(object)) => {
                let known = schema.get("properties").and_then(Value::as_object);
                let mut others =
                    object.iter().filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
                others.find_map(|(name, value)| match rule {
                    Value::Bool(false) => no(format!("there is no {name}")),
                    rule => self.complaint(rule, value, &format!("{at}.{name}")),
                })
            }
            ("propertyNames", Value::Object(object)) => {
                object.keys().find_map(|name| self.complaint(rule, &Value::from(name.as_str()), at))
            }
            ("items", Value::Array(items)) => {
                let mut each = items.iter().enumerate();
                each.find_map(|(i, item)| self.complaint(rule, item, &format!("{at}[{i}]")))
            }
            ("maxItems", Value::Array(items)) if items.len() as u64 > most() => {
                no(format!("{} items", items.len()))
            }
            ("minItems", Value::Array(items)) if (items.len() as u64) < most() => {
                no(format!("{} items", items.len()))
            }
            ("maxProperties", Value::Object(object)) if object.len() as u64 > most() => {
                no(format!("{} properties", object.len()))
            }
            ("maxLength", Value::String(text)) if text.chars().count() as u64 > most() => {
                no("too long".to_owned())
            }
            ("minLength", Value::String(text)) if (text.chars().count() as u64) < most() => {
                no("too short".to_owned())
            }
            ("pattern", Value::String(text)) => {
                let pattern = Regex::new(rule.as_str().expect("a pattern")).expect("a regular expression");
                if pattern.is_match(text) { None } else { no(format!("{text} is not {rule}")) }
            }
            ("minimum", Value::Number(number)) if number.as_f64() < rule.as_f64() => {
                no(format!("{number} < {rule}"))
            }
            ("maximum", Value::Number(number)) if number.as_f64() > rule.as_f64() => {
                no(format!("{number} > {rule}"))
            }
            // Bounds of another type, and what says nothing about a value.
            (
                "required"
                | "properties"
                | "additionalProperties"
                | "propertyNames"
                | "maxProperties"
                | "items"
                | "maxItems"
                | "minItems"
                | "maxLength"
                | "minLength"
                | "pattern"
                | "minimum"
                | "maximum"
                | "description"
                | "title"
                | "format"
                | "examples"
                | "example"
                | "default"
                | "deprecated"
                | "uniqueItems",
                _,
            ) => None,
            (other, _) => panic!("the keyword {other} at {at} is not read by these tests"),
        }
    }
}

/// A whole number is one that is written as such: our reader takes `54`, and not `54.0`.
fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("no type {other}"),
    }
}
