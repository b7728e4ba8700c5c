//! Lines for people: those of `tracing-subscriber`, with the request on whose way they were written at their end.

use std::fmt;

use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

use super::request;

/// The fields of a line.
#[derive(Default)]
pub(super) struct PeopleFields(DefaultFields);

impl<'writer> FormatFields<'writer> for PeopleFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), fields)?;
        match request() {
            Some(id) => write!(writer, " request={id}"),
            None => Ok(()),
        }
    }
}
