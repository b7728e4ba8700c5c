//! `authledger events`: the log, event by event, filtered, for people, programs and auditors.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use events::envelope::{Actor, Header, StreamKind};
use events::event::EventType;
use events::id::{ClientApplicationId, UserId};
use serde_json::{Map, Value, json};

use super::offline::{self, Entry, Moment};
use super::progress::Bar;
use super::{Exit, Failure, Settings, closed_pipe};

/// Print the events of the log
#[derive(Debug, clap::Args)]
pub(super) struct Events {
    #[command(flatten)]
    settings: Settings,
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
    /// From this event or time on
    #[arg(long, value_name = "SEQ|TIME")]
    since: Option<Moment>,
    /// Up to and including this event or time
    #[arg(long, value_name = "SEQ|TIME")]
    until: Option<Moment>,
    /// How: a table for people, a JSON object or a row of values per line, or the stored bytes (events/FORMAT.md, "Dump")
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Jsonl,
    Csv,
    Leaves,
}

#[derive(Clone, Copy, Debug)]
struct StreamFilter {
    kind: StreamKind,
    id: Option<u64>,
}

const COLUMNS: [&str; 10] = [
    "sequence",
    "recordedAt",
    "type",
    "tenant",
    "stream",
    "streamVersion",
    "actor",
    "onBehalfOf",
    "commandId",
    "commandIndex",
];

impl Events {
    pub(super) fn run(mut self) -> Result<Exit, Failure> {
        let settings = std::mem::take(&mut self.settings);
        let mut bar = Bar::new();
        let opened = offline::open(settings, &mut bar)?;
        let mut out = BufWriter::new(io::stdout().lock());
        let written = |result: io::Result<()>| match result {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(error) => Err(Failure::cannot_run(format!("can't write: {error}"))),
        };
        match self.format {
            Format::Table => closed_pipe(writeln!(
                out,
                "{:>9} {:<27} {:<16} {:>6} {:<18} {:<12}",
                "SEQUENCE", "RECORDED AT", "TYPE", "TENANT", "STREAM", "ACTOR"
            ))?,
            Format::Csv => closed_pipe(writeln!(out, "{}", COLUMNS.join(",")))?,
            Format::Jsonl | Format::Leaves => {}
        }
        offline::walk(&*opened.reader(), self.since, self.until, &mut bar, &mut |entry| {
            if !self.wants(entry) {
                return Ok(ControlFlow::Continue(()));
            }
            written(match self.format {
                Format::Table => table_row(&mut out, entry),
                Format::Csv => writeln!(out, "{}", columns(entry).join(",")),
                Format::Jsonl => writeln!(out, "{}", object(entry)?),
                Format::Leaves => {
                    let length = u32::try_from(entry.bytes.len()).expect("a leaf has at most 65,535 bytes");
                    out.write_all(&length.to_le_bytes()).and_then(|()| out.write_all(entry.bytes))
                }
            })
        })?;
        closed_pipe(out.flush())?;
        Ok(Exit::Done)
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

fn table_row(out: &mut impl Write, entry: &Entry<'_>) -> io::Result<()> {
    let header = &entry.leaf.header;
    writeln!(
        out,
        "{:>9} {:<27} {:<16} {:>6} {:<18} {:<12}",
        header.sequence.0,
        header.recorded_at.to_string(),
        entry.leaf.event_type.to_string(),
        header.tenant.0,
        header.stream.to_string(),
        header.actor.to_string(),
    )
}

/// As in [`COLUMNS`]; none of them can hold a comma or a quote.
fn columns(entry: &Entry<'_>) -> [String; 10] {
    let Header {
        sequence,
        recorded_at,
        tenant,
        stream,
        stream_version,
        actor,
        on_behalf_of,
        command_id,
        command_index,
        ..
    } = &entry.leaf.header;
    [
        sequence.to_string(),
        recorded_at.to_string(),
        entry.leaf.event_type.to_string(),
        tenant.to_string(),
        stream.to_string(),
        stream_version.to_string(),
        actor.to_string(),
        on_behalf_of.map(|user| user.to_string()).unwrap_or_default(),
        command_id.to_string(),
        command_index.to_string(),
    ]
}

/// Everything that can be read without a key.
fn object(entry: &Entry<'_>) -> Result<Value, Failure> {
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
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("sequence", json!(header.sequence.0));
    put("recordedAt", json!(header.recorded_at.to_string()));
    put("type", json!(entry.leaf.event_type.to_string()));
    put("schemaVersion", json!(entry.leaf.schema_version));
    put("event", event);
    put("ledgerId", json!(header.ledger_id.to_string()));
    put("epoch", json!(header.epoch.0));
    put("tenant", json!(header.tenant.0));
    put("stream", json!(header.stream.to_string()));
    put("streamVersion", json!(header.stream_version));
    put("streamPrevious", json!(header.stream_previous.map(|sequence| sequence.0)));
    put("actor", json!(header.actor.to_string()));
    put("onBehalfOf", json!(header.on_behalf_of.map(|user| user.0)));
    put("commandId", json!(header.command_id.to_string()));
    put("commandIndex", json!(header.command_index));
    put("commandCount", json!(header.command_count));
    put("previousHash", json!(header.previous_hash.to_string()));
    Ok(Value::Object(object))
}

fn event_type(text: &str) -> Result<EventType, String> {
    EventType::from_name(text).ok_or_else(|| {
        let known: Vec<&str> = EventType::TABLE.iter().map(|(_, _, name)| *name).collect();
        format!("there is no such type; known are {}", known.join(", "))
    })
}

fn stream(text: &str) -> Result<StreamFilter, &'static str> {
    const EXPECTED: &str = "use a kind or a kind and an id, such as oauth_app or oauth_app/17";
    let (kind, id) = match text.split_once('/') {
        Some((kind, id)) => (kind, Some(id.parse().map_err(|_| EXPECTED)?)),
        None => (text, None),
    };
    Ok(StreamFilter { kind: StreamKind::from_name(kind).ok_or(EXPECTED)?, id })
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
