//! Schemas in words: a row for each property, with its limits.

use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, SchemaType, Type};
use utoipa::openapi::{Object, OpenApi, RefOr, Schema};
use utoipa::{Number, openapi::schema::SchemaFormat};

/// One property, named with the path to it.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) kind: String,
    pub(super) about: String,
}

/// No body of ours is nested deeper; a schema that refers to itself ends here.
const DEPTH_MAX: usize = 6;

/// What stands behind a reference.
pub(super) fn resolve<'a>(document: &'a OpenApi, schema: &'a RefOr<Schema>) -> Option<&'a Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next()?;
            resolve(document, document.components.as_ref()?.schemas.get(name)?)
        }
    }
}

/// The properties of an object, of what a list holds, or of the first of several shapes.
pub(super) fn rows(document: &OpenApi, schema: &RefOr<Schema>) -> Vec<Row> {
    let mut rows = Vec::new();
    collect(document, schema, "", 0, &mut rows);
    rows
}

fn collect(document: &OpenApi, schema: &RefOr<Schema>, prefix: &str, depth: usize, rows: &mut Vec<Row>) {
    if depth > DEPTH_MAX {
        return;
    }
    match resolve(document, schema) {
        Some(Schema::Object(object)) => {
            for (name, property) in &object.properties {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                rows.push(Row {
                    name: path.clone(),
                    required: object.required.contains(name),
                    kind: type_of(document, property),
                    about: about(document, property),
                });
                collect(document, property, &path, depth + 1, rows);
            }
        }
        Some(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &array.items {
                collect(document, items, &format!("{prefix}[]"), depth + 1, rows);
            }
        }
        Some(Schema::OneOf(one)) => {
            one.items.iter().for_each(|item| collect(document, item, prefix, depth, rows));
        }
        Some(Schema::AllOf(all)) => {
            all.items.iter().for_each(|item| collect(document, item, prefix, depth, rows));
        }
        Some(Schema::AnyOf(any)) => {
            any.items.iter().for_each(|item| collect(document, item, prefix, depth, rows));
        }
        _ => {}
    }
}

fn about(document: &OpenApi, schema: &RefOr<Schema>) -> String {
    if let RefOr::Ref(reference) = schema
        && !reference.description.is_empty()
    {
        return reference.description.clone();
    }
    let said = match resolve(document, schema) {
        Some(Schema::Object(object)) => object.description.clone(),
        Some(Schema::Array(array)) => array.description.clone(),
        Some(Schema::OneOf(one)) => one.description.clone(),
        _ => None,
    };
    said.unwrap_or_default().replace('\n', " ")
}

/// The type and its limits, such as `text, 1–128 characters`.
pub(super) fn type_of(document: &OpenApi, schema: &RefOr<Schema>) -> String {
    match resolve(document, schema) {
        Some(Schema::Object(object)) => object_type(document, object),
        Some(Schema::Array(array)) => {
            let items = match &array.items {
                ArrayItems::RefOrSchema(items) => format!("list of {}", type_of(document, items)),
                ArrayItems::False => "list".to_owned(),
            };
            match array.max_items {
                Some(most) => format!("{items}; at most {most}"),
                None => items,
            }
        }
        Some(Schema::OneOf(one)) => either(document, &one.items),
        Some(Schema::AnyOf(any)) => either(document, &any.items),
        Some(Schema::AllOf(_)) => "object".to_owned(),
        _ => String::new(),
    }
}

fn either(document: &OpenApi, items: &[RefOr<Schema>]) -> String {
    let kinds: Vec<String> = items.iter().map(|item| type_of(document, item)).collect();
    kinds.join(" or ")
}

fn object_type(document: &OpenApi, object: &Object) -> String {
    if let Some(values) = &object.enum_values {
        let shown: Vec<String> =
            values.iter().filter(|value| !value.is_null()).map(ToString::to_string).collect();
        return shown.join(" or ");
    }
    let types = match &object.schema_type {
        SchemaType::Type(one) => std::slice::from_ref(one),
        SchemaType::Array(several) => several.as_slice(),
        SchemaType::AnyValue => &[],
    };
    let names: Vec<&str> = types.iter().filter_map(name).collect();
    let mut said = match names.as_slice() {
        [] => "anything".to_owned(),
        ["number", "text"] => return "id: a number, or the same as a text".to_owned(),
        names => names.join(" or "),
    };
    if let Some(AdditionalProperties::RefOr(values)) = object.additional_properties.as_deref() {
        said = format!("object of {}", type_of(document, values));
    }
    if let Some(SchemaFormat::Custom(format)) = &object.format {
        said = format!("{said} ({format})");
    }
    let length = match (object.min_length, object.max_length) {
        (None, None) => String::new(),
        (Some(least), None) => format!(", at least {least} characters"),
        (None, Some(most)) => format!(", at most {most} characters"),
        (Some(least), Some(most)) => format!(", {least}–{most} characters"),
    };
    let bounds = match (object.minimum.as_ref().map(number), object.maximum.as_ref().map(number)) {
        (_, None) => String::new(),
        (None, Some(most)) => format!(", at most {most}"),
        (Some(least), Some(most)) => format!(", {least}–{most}"),
    };
    [said, length, bounds].concat()
}

fn number(number: &Number) -> String {
    match number {
        Number::Int(number) => number.to_string(),
        Number::UInt(number) => number.to_string(),
        Number::Float(number) => number.to_string(),
    }
}

fn name(kind: &Type) -> Option<&'static str> {
    match kind {
        Type::Object => Some("object"),
        Type::String => Some("text"),
        Type::Integer | Type::Number => Some("number"),
        Type::Boolean => Some("true or false"),
        Type::Array => Some("list"),
        Type::Null => None,
    }
}
