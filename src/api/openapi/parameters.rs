//! Parameters that many operations share.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Required, Schema};

/// What every parameter of one kind is called among the components, for headers that the completing pass adds.
pub(super) const IDEMPOTENCY_KEY: &str = "IdempotencyKey";
pub(super) const IF_MATCH: &str = "IfMatch";
pub(super) const IF_NONE_MATCH: &str = "IfNoneMatch";
pub(super) const MIN_SEQUENCE: &str = "LedgerMinSequence";

/// The name of the parameter by which an administrator acts for another.
pub(super) const USER: &str = "user";
/// The name of the parameter that asks for the past.
pub(super) const AS_OF: &str = "asOf";

/// On a parameter that stands for several segments of a path, which OpenAPI itself can't say.
const MANY_SEGMENTS: &str = "x-many-segments";

/// `{id}` in a path.
pub(in crate::api) struct Id;
/// `{tenantId}` in a path, before the object's own id.
pub(in crate::api) struct OfTenant;
/// `{userId}` in a path, before the object's own id.
pub(in crate::api) struct OfUser;
/// `{dataSourceId}` in a path, before the object's own id.
pub(in crate::api) struct OfDataSource;
/// `?user=`: on behalf of another (hdp-api 1.7).
pub(in crate::api) struct OnBehalf;
/// `{*path}`: the rest of an address.
pub(in crate::api) struct Rest;
/// `?asOf=`: as it was (DESIGN 7).
pub(in crate::api) struct AsOf;
/// `?limit=` and `?after=` (hdp-api 9.19).
pub(in crate::api) struct Paged;

fn whole_number(least: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(least))
}

fn of_text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

fn parameter(name: &str, place: ParameterIn, about: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}

impl IntoParams for Id {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The object's id. What can't be an id is answered like an object that is not there.";
        vec![parameter("id", ParameterIn::Path, about, whole_number(1))]
    }
}

impl IntoParams for OfTenant {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("tenantId", ParameterIn::Path, "The tenant's id.", whole_number(1))]
    }
}

impl IntoParams for OfUser {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("userId", ParameterIn::Path, "The user's id.", whole_number(1))]
    }
}

impl IntoParams for OfDataSource {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The id of a data source of this user.";
        vec![parameter("dataSourceId", ParameterIn::Path, about, whole_number(1))]
    }
}

impl IntoParams for Rest {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The rest of the address, slashes and all.";
        let mut rest = parameter("path", ParameterIn::Path, about, of_text());
        rest.extensions.get_or_insert_default().insert(MANY_SEGMENTS.to_owned(), true.into());
        vec![rest]
    }
}

impl IntoParams for AsOf {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The object as it was after this sequence, or at this time: `42`, or `2026-11-20T18:30:00Z`. Who may see it \
            now may see what it was; secrets are left out, and what was erased since says `erased`.";
        vec![parameter(AS_OF, ParameterIn::Query, about, of_text())]
    }
}

impl IntoParams for OnBehalf {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The name of a user to act for. Takes permission 12; or 21 and administrative access to his tenant, \
            beside the permissions of the operation.";
        vec![parameter(USER, ParameterIn::Query, about, of_text())]
    }
}

impl IntoParams for Paged {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = "At most so many rows; without it, all. When there are more, the body's `next` is where to go on.";
        let after = "Only rows with ids above this one: the `next` of the page before.";
        vec![
            parameter("limit", ParameterIn::Query, limit, whole_number(1).maximum(Some(1000_usize))),
            parameter("after", ParameterIn::Query, after, whole_number(0)),
        ]
    }
}

/// The request headers that change what a request means, by the names they have among the components.
pub(super) fn headers() -> [(&'static str, Parameter); 4] {
    let header = |name, about, schema: ObjectBuilder| parameter(name, ParameterIn::Header, about, schema);
    let tags = "^(\\*|(W/)?\"[!#-~]*\"( *, *(W/)?\"[!#-~]*\")*)$";
    [
        (
            IDEMPOTENCY_KEY,
            header(
                "Idempotency-Key",
                "For 24 hours, the same request of the same caller under the same key is done once and answered the same.",
                of_text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[ -~]+$")),
            ),
        ),
        (
            IF_MATCH,
            header(
                "If-Match",
                "ETags as GET answered them, or `*`: the object is changed only while one of them is its own.",
                of_text().pattern(Some(tags)),
            ),
        ),
        (
            IF_NONE_MATCH,
            header(
                "If-None-Match",
                "ETags as GET answered them, or `*`: 304 while one of them is the object's own.",
                of_text().pattern(Some(tags)),
            ),
        ),
        (
            MIN_SEQUENCE,
            header(
                "Ledger-Min-Sequence",
                "A `Ledger-Sequence` of an earlier answer: this one waits until it includes that.",
                of_text().pattern(Some("^(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,18})$")),
            ),
        ),
    ]
}

/// A reference to one of [`headers`].
pub(super) fn header_ref(name: &str) -> RefOr<Parameter> {
    RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")))
}
