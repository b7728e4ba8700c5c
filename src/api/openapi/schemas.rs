//! Schemas of bodies that are sent to us.
//!
//! They are written by hand, beside the reader (`fields.rs`) that takes the body apart, because that reader is no derive: it
//! takes ids as numbers or texts, `null` as left out, and refuses what nobody asked for. Limits are the constants that the
//! checks use. The tests hold both together: what is accepted fits its schema, and what is refused for its shape does not.

use std::ops::RangeInclusive;

use serde_json::Value;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::schema::{
    AdditionalProperties, Array, ArrayBuilder, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Content, Object, Ref, RefOr};

/// Implements utoipa's two traits for the type that a body is read into: `body_schema!(Sent, "TenantCreate", BodySchema::new(…)…)`.
macro_rules! body_schema {
    ($type:ty, $name:literal, $schema:expr) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $schema.build()
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed($name)
            }
        }
    };
}
pub(in crate::api) use body_schema;

/// An object that is sent, property by property, in the order in which a reader should meet them.
pub(in crate::api) struct BodySchema(ObjectBuilder);

impl BodySchema {
    /// `about` is what the object is, for people.
    pub(in crate::api) fn new(about: &str) -> BodySchema {
        let object = ObjectBuilder::new().schema_type(SchemaType::new(Type::Object));
        let object = object.description(Some(about).filter(|text| !text.is_empty()));
        BodySchema(object.additional_properties(Some(AdditionalProperties::FreeForm(false))))
    }

    /// A property that must be there.
    pub(in crate::api) fn required(self, name: &str, property: Property) -> BodySchema {
        BodySchema(self.0.property(name, property.0).required(name))
    }

    /// A property that may be left out; `null` counts as left out.
    pub(in crate::api) fn optional(self, name: &str, property: Property) -> BodySchema {
        BodySchema(self.0.property(name, property.or_null()))
    }

    /// Others may be there too, and nobody reads them.
    pub(in crate::api) fn open(self) -> BodySchema {
        BodySchema(self.0.additional_properties(Some(AdditionalProperties::FreeForm(true))))
    }

    /// The schema.
    pub(in crate::api) fn build(self) -> RefOr<Schema> {
        RefOr::T(Schema::Object(self.0.build()))
    }
}

/// What stands in a property.
pub(in crate::api) struct Property(Schema);

impl Property {
    /// A sentence about it.
    pub(in crate::api) fn about(mut self, text: impl Into<String>) -> Property {
        match &mut self.0 {
            Schema::Object(object) => object.description = Some(text.into()),
            Schema::Array(array) => array.description = Some(text.into()),
            _ => unreachable!("properties are made below, as objects and arrays"),
        }
        self
    }

    /// What a text looks like (ECMA-262).
    pub(in crate::api) fn pattern(self, pattern: &str) -> Property {
        self.object(|object| object.pattern = Some(pattern.to_owned()))
    }

    /// What kind of text it is.
    pub(in crate::api) fn format(self, format: &str) -> Property {
        self.object(|object| object.format = Some(SchemaFormat::Custom(format.to_owned())))
    }

    /// An example.
    pub(in crate::api) fn example(mut self, example: impl Into<Value>) -> Property {
        match &mut self.0 {
            Schema::Object(object) => object.examples = vec![example.into()],
            Schema::Array(array) => array.examples = vec![example.into()],
            _ => unreachable!("properties are made below, as objects and arrays"),
        }
        self
    }

    /// `null` may be sent, and means something; such a property is required.
    pub(in crate::api) fn nullable(self) -> Property {
        Property(self.or_null())
    }

    fn object(mut self, change: impl FnOnce(&mut Object)) -> Property {
        if let Schema::Object(object) = &mut self.0 {
            change(object);
        }
        self
    }

    fn or_null(mut self) -> Schema {
        let (kind, values) = match &mut self.0 {
            Schema::Object(object) => (&mut object.schema_type, object.enum_values.as_mut()),
            Schema::Array(array) => (&mut array.schema_type, None),
            _ => unreachable!("properties are made below, as objects and arrays"),
        };
        if let SchemaType::Type(one) = kind {
            *kind = SchemaType::Array(vec![one.clone()]);
        }
        if let SchemaType::Array(types) = kind {
            types.push(Type::Null);
        }
        if let Some(values) = values {
            values.push(Value::Null);
        }
        self.0
    }
}

fn of_type(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(kind))
}

/// A text of so many characters. Where a limit counts bytes, say so in [`Property::about`].
pub(in crate::api) fn text(length: RangeInclusive<usize>) -> Property {
    let least = Some(*length.start()).filter(|least| *least > 0);
    let object = of_type(Type::String).min_length(least).max_length(Some(*length.end()));
    Property(Schema::Object(object.build()))
}

/// A text of so many characters at least, with no other limit than the body's: one that is too long can't be right, and is not
/// asked for its length.
pub(in crate::api) fn any_text(least: usize) -> Property {
    let least = Some(least).filter(|least| *least > 0);
    Property(Schema::Object(of_type(Type::String).min_length(least).build()))
}

/// An id: a whole number, or the same in quotes (hdp-api 9.1).
pub(in crate::api) fn id() -> Property {
    Property(Schema::Object(id_object()))
}

fn id_object() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::Integer, Type::String]))
        .minimum(Some(0_usize))
        .maximum(Some(isize::MAX))
        .max_length(Some(19))
        .pattern(Some("^(0|[1-9][0-9]{0,18})$"))
        .build()
}

/// A whole number in this range.
pub(in crate::api) fn number(range: RangeInclusive<usize>) -> Property {
    let object = of_type(Type::Integer).minimum(Some(*range.start())).maximum(Some(*range.end()));
    Property(Schema::Object(object.build()))
}

/// A list of at most so many ids.
pub(in crate::api) fn ids(most: usize) -> Property {
    let array = ArrayBuilder::new().items(RefOr::T(Schema::Object(id_object()))).max_items(Some(most));
    Property(Schema::Array(array.build()))
}

/// A list of ids that is as long as a body may be.
pub(in crate::api) fn all_ids() -> Property {
    Property(Schema::Array(ArrayBuilder::new().items(RefOr::T(Schema::Object(id_object()))).build()))
}

/// One of these numbers.
pub(in crate::api) fn one_of(numbers: &[u64]) -> Property {
    Property(Schema::Object(of_type(Type::Integer).enum_values(Some(numbers.to_vec())).build()))
}

/// One of these texts.
pub(in crate::api) fn word_of(words: &[&str]) -> Property {
    Property(Schema::Object(of_type(Type::String).enum_values(Some(words.to_vec())).build()))
}

/// A list of at most so many texts, each of so many characters.
pub(in crate::api) fn texts(length: RangeInclusive<usize>, most: usize) -> Property {
    Property(Schema::Array(ArrayBuilder::new().items(RefOr::T(text(length).0)).max_items(Some(most)).build()))
}

/// A list of these words; one that stands there twice counts once.
pub(in crate::api) fn list_of_words(words: &[&str]) -> Property {
    Property(Schema::Array(ArrayBuilder::new().items(RefOr::T(word_of(words).0)).build()))
}

/// `true` or `false`.
pub(in crate::api) fn flag() -> Property {
    Property(Schema::Object(of_type(Type::Boolean).build()))
}

/// An object inside.
pub(in crate::api) fn nested(body: BodySchema) -> Property {
    Property(Schema::Object(body.0.build()))
}

/// A list of at most so many objects.
pub(in crate::api) fn list_of(body: BodySchema, most: usize) -> Property {
    let array: Array = ArrayBuilder::new().items(body.build()).max_items(Some(most)).build();
    Property(Schema::Array(array))
}

/// At most so many texts by name, each of at most so many characters; the one of this name may be an id, too.
pub(in crate::api) fn texts_by_name(reference: &str, length: usize, most: usize) -> Property {
    let id_or_none = ObjectBuilder::new().schema_type(SchemaType::Array(vec![Type::Integer, Type::String]));
    let object = of_type(Type::Object)
        .property(reference, id_or_none.minimum(Some(0_usize)).pattern(Some("^(0|[1-9][0-9]{0,18})?$")))
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(text(0..=length).0))))
        .max_properties(Some(most));
    Property(Schema::Object(object.build()))
}

/// The body of everything that is not what was asked for; `code` is a text in three families (hdp-api 9.2).
pub(super) fn error(code_is_text: bool) -> Schema {
    let code = if code_is_text {
        of_type(Type::String)
            .pattern(Some("^[0-9]{9}$"))
            .description(Some("One of x-error-codes, as a text."))
    } else {
        of_type(Type::Integer).description(Some("One of x-error-codes."))
    };
    let message = closed()
        .property("lang", of_type(Type::String).enum_values(Some(["en-US"])))
        .property("value", of_type(Type::String).description(Some("The sentence, for people.")))
        .required("lang")
        .required("value");
    let error =
        closed().property("code", code).property("message", message).required("code").required("message");
    Schema::Object(closed().property("error", error).required("error").build())
}

fn closed() -> ObjectBuilder {
    of_type(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// A reference to [`error`] by the name it has among the components.
pub(super) fn error_ref(code_is_text: bool) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(error_name(code_is_text)))
}

/// Content of this shape.
pub(super) fn json(schema: RefOr<Schema>) -> RefOr<Content> {
    RefOr::T(ContentBuilder::new().schema(Some(schema)).build())
}

/// What [`error`] is called.
pub(super) fn error_name(code_is_text: bool) -> &'static str {
    if code_is_text { "ErrorWithTextCode" } else { "Error" }
}
