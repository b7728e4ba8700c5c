use std::io::Write;

use serde_json::{Map, Value, json};

use super::*;

#[test]
fn levels_and_filters_are_read_and_a_mistyped_level_is_not_a_module() {
    for good in ["info", "WARN", "off", "info,authledger::api=debug", "debug,sled=error", "[request]=trace"] {
        assert!(is_filter(good), "{good}");
    }
    let long = format!("info,{}=debug", "m".repeat(FILTER_BYTES_MAX));
    for bad in ["", "info,", "louder", "info,lauder", "authledger::api", "info,authledger=louder", &long] {
        assert!(!is_filter(bad), "{bad}");
    }
}

#[test]
fn a_value_in_a_filter_is_no_pattern() {
    // No regular expression, and so refused if it were read as one.
    assert!(is_filter("[request{request=(}]=debug"));
}

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

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).expect("UTF-8")
    }
}

fn say() {
    let nothing: Option<u64> = None;
    tracing::warn!(
        status = 404_u16,
        ms = 0.5,
        yes = true,
        below = -1,
        level = "a field",
        message = "another",
        nothing,
        debug = ?"\u{1b}[31m\n\"",
        "said {}\n",
        "twice\u{7}"
    );
}

#[tokio::test]
async fn a_line_for_programs_is_one_flat_object_whatever_is_in_it() {
    let kept = Kept::default();
    let writer = kept.clone();
    let layer = fmt::layer().with_writer(move || writer.clone()).event_format(JsonLines);
    let _default = tracing::subscriber::set_default(Registry::default().with(layer));
    for_request(CommandId([0xab; 16]), async { say() }).await;
    say();
    let text = kept.text();
    assert_eq!((text.matches('\n').count(), text.ends_with("}\n")), (2, true), "{text}");
    let mut expected = json!({
        "level": "WARN", "message": "said twice\u{7}\n", "target": "authledger::logs::tests",
        "status": 404, "ms": 0.5, "yes": true, "below": -1, "level_": "a field", "message_": "another",
        "debug": "\"\\u{1b}[31m\\n\\\"\"", "request": "ab".repeat(16),
    });
    for line in text.lines() {
        assert!(line.starts_with("{\"timestamp\":\"20"), "{line}");
        let mut line: Map<String, Value> = serde_json::from_str(line).expect("JSON");
        assert!(
            line.remove("timestamp")
                .is_some_and(|time| time.as_str().is_some_and(|time| time.ends_with('Z')))
        );
        assert_eq!(Value::Object(line), expected);
        // The second was written on no request's way.
        expected.as_object_mut().expect("is one").remove("request");
    }
}

#[tokio::test]
async fn a_line_for_people_ends_with_its_request() {
    let kept = Kept::default();
    let writer = kept.clone();
    let layer =
        fmt::layer().with_writer(move || writer.clone()).with_ansi(false).fmt_fields(PeopleFields::default());
    let _default = tracing::subscriber::set_default(Registry::default().with(layer));
    for_request(CommandId([0xab; 16]), async { tracing::info!(status = 404, "refused") }).await;
    tracing::info!("nobody asked");
    let text = kept.text();
    let lines: Vec<_> = text.lines().collect();
    let id = "ab".repeat(16);
    assert!(
        lines[0].ends_with(&format!("authledger::logs::tests: refused status=404 request={id}")),
        "{text}"
    );
    assert!(lines[1].ends_with("authledger::logs::tests: nobody asked"), "{text}");
}
