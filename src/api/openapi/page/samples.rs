//! A command line for each operation, with a body made from its schema's examples.

use serde_json::{Map, Value, json};
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{ArrayItems, SchemaType, Type};
use utoipa::openapi::{Object, OpenApi, RefOr, Schema};

use super::shapes::resolve;
use super::{Entry, resolved};

/// What curl sends unless it is told otherwise.
const FORM: &str = "application/x-www-form-urlencoded";

/// A `curl` that does this operation, as it would stand in a shell.
pub(super) fn curl(document: &OpenApi, server: &str, entry: &Entry<'_>) -> String {
    let mut words = vec!["curl".to_owned()];
    if entry.operation.security.as_ref().is_none_or(|security| !security.is_empty()) {
        words.push("-u d2cadmin".to_owned());
    }
    match entry.method {
        "GET" => {}
        "HEAD" => words.push("-I".to_owned()),
        method => words.push(format!("-X {method}")),
    }
    let all = entry.operation.parameters.as_deref().unwrap_or_default();
    let mut path = entry.path.to_owned();
    for parameter in all.iter().filter_map(|parameter| resolved(document, parameter)) {
        if parameter.parameter_in == ParameterIn::Path {
            let sample = parameter.schema.as_ref().map_or(json!(1), |schema| sample(document, schema));
            let sample = sample.as_str().map_or_else(|| sample.to_string(), str::to_owned);
            path = path.replace(&format!("{{{}}}", parameter.name), &sample);
        }
    }
    words.push(format!("{server}{path}"));
    let Some(RefOr::T(body)) = &entry.operation.request_body else { return words.join(" ") };
    if let Some(RefOr::T(content)) = body.content.get(FORM)
        && let Some(schema) = &content.schema
        && let Some(Schema::Object(object)) = resolve(document, schema)
    {
        words.push("\\\n  -u '<clientId>:<clientSecret>'".to_owned());
        for (name, property) in
            object.properties.iter().filter(|(name, property)| shows(document, object, name, property))
        {
            let value = sample(document, property);
            words.push(format!("\\\n  -d {name}={}", value.as_str().unwrap_or("…")));
        }
    } else if let Some(RefOr::T(content)) = body.content.values().next()
        && let Some(schema) = &content.schema
    {
        let body = serde_json::to_string_pretty(&Ordered(document, schema)).unwrap_or_default();
        words.push("\\\n  -H 'Content-Type: application/json'".to_owned());
        words.push(format!("\\\n  -d '{}'", body.replace('\'', "'\\''")));
    }
    words.join(" ")
}

/// A sample that keeps the order of the schema's properties.
struct Ordered<'a>(&'a OpenApi, &'a RefOr<Schema>);

impl serde::Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match resolve(self.0, self.1) {
            Some(Schema::Object(object)) if !object.properties.is_empty() => {
                let shown =
                    object.properties.iter().filter(|(name, property)| shows(self.0, object, name, property));
                serializer.collect_map(shown.map(|(name, property)| (name, Ordered(self.0, property))))
            }
            _ => sample(self.0, self.1).serialize(serializer),
        }
    }
}

/// What a sample shows: what must be there, and what somebody gave an example of.
fn shows(document: &OpenApi, object: &Object, name: &String, property: &RefOr<Schema>) -> bool {
    let exemplified = match resolve(document, property) {
        Some(Schema::Object(property)) => !property.examples.is_empty(),
        Some(Schema::Array(property)) => !property.examples.is_empty(),
        _ => false,
    };
    exemplified || object.required.contains(name)
}

fn sample(document: &OpenApi, schema: &RefOr<Schema>) -> Value {
    match resolve(document, schema) {
        Some(Schema::Object(object)) => object_sample(document, object),
        Some(Schema::Array(array)) => match (array.examples.first(), &array.items) {
            (Some(example), _) => example.clone(),
            (None, ArrayItems::RefOrSchema(items)) => json!([sample(document, items)]),
            (None, ArrayItems::False) => json!([]),
        },
        _ => Value::Null,
    }
}

fn object_sample(document: &OpenApi, object: &Object) -> Value {
    if let Some(example) = object.examples.first() {
        return example.clone();
    }
    if let Some(values) = &object.enum_values {
        return values.first().cloned().unwrap_or_default();
    }
    let first = match &object.schema_type {
        SchemaType::Type(one) => Some(one),
        SchemaType::Array(several) => several.first(),
        SchemaType::AnyValue => None,
    };
    match first {
        Some(Type::Integer | Type::Number) => json!(1),
        Some(Type::Boolean) => json!(true),
        Some(Type::String) => json!("…"),
        Some(Type::Object) => {
            let shown =
                object.properties.iter().filter(|(name, property)| shows(document, object, name, property));
            Value::Object(
                shown
                    .map(|(name, property)| (name.clone(), sample(document, property)))
                    .collect::<Map<_, _>>(),
            )
        }
        _ => Value::Null,
    }
}
