//! Lines for programs: one JSON object each, flat, so that every field is found under its own name.
//!
//! The form that comes with `tracing-subscriber` nests the fields of the request's span, and a search for a request's id would
//! have to look in two places.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// Writes lines for programs.
pub(super) fn layer<S, W>(writer: W) -> tracing_subscriber::fmt::Layer<S, JsonFields, JsonLines, W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(JsonLines).with_writer(writer)
}

/// The form of a line: time, level, what, from where, then the fields of the line and of the spans around it.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields(Map::new());
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let of_span = extensions.get::<FormattedFields<N>>().map(|fields| fields.fields.as_str());
            // A span without fields has written nothing.
            if let Some(Ok(Value::Object(of_span))) = of_span.map(serde_json::from_str) {
                of_span.into_iter().for_each(|(name, value)| fields.put(&name, value));
            }
        }
        // After the spans, so that what the line itself says stands.
        event.record(&mut fields);
        let Fields(mut fields) = fields;
        let message = fields.remove("message").unwrap_or_else(|| Value::from(""));

        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let metadata = event.metadata();
        write!(
            writer,
            "{{\"timestamp\":{},\"level\":\"{}\",\"message\":{message},\"target\":{}",
            Value::from(time),
            metadata.level(),
            Value::from(metadata.target())
        )?;
        for (name, value) in fields {
            write!(writer, ",{}:{value}", Value::from(name))?;
        }
        writeln!(writer, "}}")
    }
}

/// Fields as JSON. One that is called like a part of every line gets another name, or there would be two of it.
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: Value) {
        let name = match name {
            "timestamp" | "level" | "target" => format!("{name}_"),
            name => name.to_owned(),
        };
        self.0.insert(name, value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), Value::from(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), Value::from(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_flat_object_whatever_is_in_it() {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = Registry::default().with(layer(move || writer.clone()));
        tracing::subscriber::with_default(lines, || {
            let outer = tracing::error_span!("request", request = "an id", status = 1);
            let _outer = outer.enter();
            let inner = tracing::error_span!("inside");
            let _inner = inner.enter();
            let nothing: Option<u64> = None;
            tracing::warn!(
                status = 404_u16,
                ms = 0.5,
                yes = true,
                below = -1,
                level = "a field",
                nothing,
                debug = ?"\u{1b}[31m\n\"",
                "said {}\n",
                "twice\u{7}"
            );
        });
        let bytes = kept.0.lock().clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert_eq!((text.matches('\n').count(), text.ends_with("}\n")), (1, true), "{text}");
        assert!(text.starts_with("{\"timestamp\":\"20"), "{text}");
        let mut line: Map<String, Value> = serde_json::from_str(&text).expect("JSON");
        assert!(
            line.remove("timestamp")
                .is_some_and(|time| time.as_str().is_some_and(|time| time.ends_with('Z')))
        );
        let expected = serde_json::json!({
            "level": "WARN", "message": "said twice\u{7}\n", "target": "authledger::logs::json::tests",
            "request": "an id", "status": 404, "ms": 0.5, "yes": true, "below": -1, "level_": "a field",
            "debug": "\"\\u{1b}[31m\\n\\\"\"",
        });
        assert_eq!(Value::Object(line), expected);
    }
}
