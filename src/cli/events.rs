//! `authledger events`: the log, event by event, filtered, for people, programs and auditors.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::ControlFlow;

use events::chain::link;
use events::dump::write_leaf;
use events::envelope::{Actor, IdempotencyTags, StreamKind};
use events::event::EventType;
use events::id::{ClientApplicationId, UserId};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::offline::{self, Entry, Moment};
use super::progress::Bar;
use super::{Exit, Failure, Settings, closed_pipe};

/// Print the events of the log
///
/// What is sealed in the log, such as secrets, names and passwords, is shown as (sealed).
#[derive(Debug, clap::Args)]
pub(super) struct Events {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    filter: Filter,
    /// From this event, or this time (RFC 3339), on
    #[arg(long, value_name = "SEQ|TIME")]
    since: Option<Moment>,
    /// Up to and including this event or time
    #[arg(long, value_name = "SEQ|TIME")]
    until: Option<Moment>,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Debug, clap::Args)]
struct Filter {
    /// Only events of this type, such as OAuthAppCreated
    #[arg(long = "type", value_name = "T", value_parser = event_type)]
    kind: Option<EventType>,
    /// Only events of this stream or kind of stream, such as oauth_app/17 or oauth_app
    #[arg(long, value_name = "KIND/ID", value_parser = stream)]
    stream: Option<StreamFilter>,
    /// Only what this actor caused: user/1, client_application/1, system or operator
    #[arg(long, value_name = "A", value_parser = actor)]
    actor: Option<Actor>,
    /// Only events of this tenant, by its id
    #[arg(long, value_name = "T")]
    tenant: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Columns for people
    Table,
    /// A JSON object per line, with everything that can be read without a key
    Jsonl,
    /// The same as comma-separated values (RFC 4180), with a line of names
    Csv,
    /// The stored bytes, as `verify --dump` and other programs read them (events/FORMAT.md, "Dump")
    Leaves,
}

#[derive(Clone, Copy, Debug)]
struct StreamFilter {
    kind: StreamKind,
    id: Option<u64>,
}

/// What a JSON object or a row of values holds, for every event the same.
const NAMES: [&str; 20] = [
    "sequence",
    "recordedAt",
    "type",
    "schemaVersion",
    "stream",
    "streamVersion",
    "streamPrevious",
    "tenant",
    "actor",
    "onBehalfOf",
    "event",
    "commandId",
    "commandIndex",
    "commandCount",
    "idempotency",
    "origin",
    "ledgerId",
    "epoch",
    "previousHash",
    "hash",
];

impl Events {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if self.format == Format::Leaves {
            self.check_leaves()?;
        }
        let mut bar = Bar::new();
        let opened = offline::open(self.settings, &mut bar)?;
        if io::stdout().is_terminal() {
            // The rows show by themselves how far it is, and would be written over each other.
            bar.hide();
        }
        let mut out = BufWriter::new(io::stdout().lock());
        let written = |result: io::Result<()>| match result {
            Ok(()) => Ok(ControlFlow::Continue(())),
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(error) => Err(Failure::cannot_run(format!("can't write: {error}"))),
        };
        closed_pipe(print_head(&mut out, self.format))?;
        offline::walk(&*opened.reader(), self.since, self.until, &mut bar, &mut |entry| {
            if !self.filter.wants(entry) {
                return Ok(ControlFlow::Continue(()));
            }
            written(print(&mut out, self.format, entry)?)
        })?;
        closed_pipe(out.flush())?;
        Ok(Exit::Done)
    }

    fn check_leaves(&self) -> Result<(), Failure> {
        if self.filter.is_set() || self.since.is_some() {
            return Err(Failure::usage(
                "--format leaves takes no filter but --until: a dump with gaps can't be verified",
            ));
        }
        if io::stdout().is_terminal() {
            return Err(Failure::usage("--format leaves prints bytes: send them to a file or a program"));
        }
        Ok(())
    }
}

impl Filter {
    fn is_set(&self) -> bool {
        self.kind.is_some() || self.stream.is_some() || self.actor.is_some() || self.tenant.is_some()
    }

    fn wants(&self, entry: &Entry<'_>) -> bool {
        let header = &entry.leaf.header;
        self.kind.is_none_or(|kind| kind == entry.leaf.event_type)
            && self.stream.is_none_or(|wanted| {
                wanted.kind == header.stream.kind && wanted.id.is_none_or(|id| id == header.stream.id)
            })
            && self.actor.is_none_or(|actor| actor == header.actor)
            && self.tenant.is_none_or(|tenant| tenant == header.tenant.0)
    }
}

/// Prints what stands above all events.
fn print_head(out: &mut impl Write, format: Format) -> io::Result<()> {
    match format {
        Format::Table => table_row(out, &["SEQUENCE", "RECORDED AT", "TYPE", "STREAM", "TENANT", "ACTOR"]),
        Format::Csv => csv_row(out, &NAMES.map(str::to_owned)),
        Format::Jsonl | Format::Leaves => Ok(()),
    }
}

/// Prints one event.
fn print(out: &mut impl Write, format: Format, entry: &Entry<'_>) -> Result<io::Result<()>, Failure> {
    Ok(match format {
        Format::Table => {
            let header = &entry.leaf.header;
            let row = [
                header.sequence.to_string(),
                header.recorded_at.to_string(),
                entry.leaf.event_type.to_string(),
                header.stream.to_string(),
                header.tenant.to_string(),
                header.actor.to_string(),
            ];
            table_row(out, &row.each_ref().map(String::as_str))
        }
        Format::Jsonl => {
            let line = serde_json::to_string(&Object(values(entry)?)).expect("texts and numbers are JSON");
            writeln!(out, "{line}")
        }
        Format::Csv => csv_row(out, &values(entry)?.each_ref().map(cell)),
        Format::Leaves => write_leaf(out, entry.bytes),
    })
}

fn table_row(
    out: &mut impl Write,
    [sequence, time, kind, stream, tenant, actor]: &[&str; 6],
) -> io::Result<()> {
    writeln!(out, "{sequence:>9}  {time:<27}  {kind:<32}  {stream:<20}  {tenant:>6}  {actor}")
}

/// RFC 4180: CRLF behind each row, quotes around what needs them, and doubled within.
fn csv_row(out: &mut impl Write, cells: &[String]) -> io::Result<()> {
    let quoted: Vec<String> = cells
        .iter()
        .map(|cell| {
            if cell.contains(['"', ',', '\r', '\n']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        })
        .collect();
    write!(out, "{}\r\n", quoted.join(","))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// An object whose members keep the order of [`NAMES`].
struct Object([Value; NAMES.len()]);

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(NAMES.iter().zip(&self.0))
    }
}

/// Everything that can be read without a key, in the order of [`NAMES`].
fn values(entry: &Entry<'_>) -> Result<[Value; NAMES.len()], Failure> {
    let header = &entry.leaf.header;
    let failed =
        |error: &dyn std::fmt::Display| Failure::cannot_run(format!("event {}: {error}", header.sequence));
    let event = match entry.envelope().map_err(|error| failed(&error))? {
        Some(envelope) => {
            envelope.event.describe(serde_json::value::Serializer).map_err(|error| failed(&error))?
        }
        // Written by a newer version: its place can be shown, its meaning not.
        None => Value::Null,
    };
    let idempotency = header.idempotency.map(|IdempotencyTags { key, request }| {
        json!({ "key": hex::encode(key), "request": hex::encode(request) })
    });
    Ok([
        json!(header.sequence.0),
        json!(header.recorded_at.to_string()),
        json!(entry.leaf.event_type.to_string()),
        json!(entry.leaf.schema_version),
        json!(header.stream.to_string()),
        json!(header.stream_version),
        json!(header.stream_previous.map(|sequence| sequence.0)),
        json!(header.tenant.0),
        json!(header.actor.to_string()),
        json!(header.on_behalf_of.map(|user| format!("user/{user}"))),
        event,
        json!(header.command_id.to_string()),
        json!(header.command_index),
        json!(header.command_count),
        json!(idempotency),
        json!(header.origin),
        json!(header.ledger_id.to_string()),
        json!(header.epoch.0),
        json!(header.previous_hash.to_string()),
        json!(link(entry.bytes).to_string()),
    ])
}

fn event_type(text: &str) -> Result<EventType, String> {
    EventType::from_name(text).ok_or_else(|| {
        let mut known: Vec<&str> = EventType::TABLE.iter().map(|(_, _, name)| *name).collect();
        known.dedup();
        format!("there is no such type; known are {}", known.join(", "))
    })
}

fn stream(text: &str) -> Result<StreamFilter, String> {
    let (kind, id) = match text.split_once('/') {
        Some((kind, id)) => {
            (kind, Some(id.parse().map_err(|_| "an id is a number, as in oauth_app/17".to_owned())?))
        }
        None => (text, None),
    };
    let kind = StreamKind::from_name(kind).ok_or_else(|| {
        let known: Vec<&str> = (1..).map_while(|number| StreamKind(number).name()).collect();
        format!("there is no such kind; known are {}", known.join(", "))
    })?;
    Ok(StreamFilter { kind, id })
}

fn actor(text: &str) -> Result<Actor, &'static str> {
    const EXPECTED: &str = "use user/ID, client_application/ID, system or operator";
    match text.split_once('/') {
        Some(("user", id)) => id.parse().map(|id| Actor::User(UserId(id))).map_err(|_| EXPECTED),
        Some(("client_application", id)) => {
            id.parse().map(|id| Actor::ClientApplication(ClientApplicationId(id))).map_err(|_| EXPECTED)
        }
        None if text == "system" => Ok(Actor::System),
        None if text == "operator" => Ok(Actor::Operator),
        Some(_) | None => Err(EXPECTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_when_they_need_it() {
        let cells = ["plain", "", "a,b", "a\"b", "two\nlines", "{\"a\":1}"].map(str::to_owned);
        let mut row = Vec::new();
        csv_row(&mut row, &cells).expect("memory takes it");
        let row = String::from_utf8(row).expect("text");
        assert_eq!(row, "plain,,\"a,b\",\"a\"\"b\",\"two\nlines\",\"{\"\"a\"\":1}\"\r\n");
    }

    #[test]
    fn filters_are_read_or_say_what_there_is() {
        assert!(stream("oauth_app/17").is_ok_and(|filter| filter.id == Some(17)));
        assert!(stream("oauth_app").is_ok_and(|filter| filter.id.is_none()));
        for wrong in ["oauth_app/", "oauth_app/x", "oauth_app/-1", "apps/1", ""] {
            assert!(stream(wrong).is_err(), "{wrong}");
        }
        assert!(stream("apps/1").is_err_and(|reason| reason.contains("upstream")));
        assert!(event_type("OAuthAppMade").is_err_and(|reason| reason.contains("OAuthAppCreated")));
        assert_eq!(actor("user/7"), Ok(Actor::User(UserId(7))));
        for wrong in ["user", "user/x", "nobody", "system/1", ""] {
            assert!(actor(wrong).is_err(), "{wrong}");
        }
    }
}
