//! The log that people and programs read: how its lines look, and which are written.
//!
//! Owned here: the two forms of a line, and the filter, which can be changed while the server runs. Absent on purpose: what is
//! worth a line, which each room knows of itself; and the ledger, which is the record of what happened. A line never holds
//! what a caller sent but method and path.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use events::id::CommandId;
use parking_lot::Mutex;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::{Log, LogFormat};

mod json;
mod people;

use self::json::JsonLines;
use self::people::PeopleFields;

tokio::task_local! {
    static REQUEST: CommandId;
}

/// Does `work` for a request: every line written on its way carries the request's id, under every filter.
///
/// This is no span of `tracing`, because one is made whether a line is written or not: it took a microsecond of each
/// request, and this takes none.
pub async fn for_request<T>(id: CommandId, work: impl Future<Output = T>) -> T {
    REQUEST.scope(id, work).await
}

/// The request that this task works for.
pub fn request() -> Option<CommandId> {
    REQUEST.try_with(|id| *id).ok()
}

/// The longest filter that is read, in bytes.
pub const FILTER_BYTES_MAX: usize = 1024;

/// Which lines are written, seen and changed while the server runs. A restart goes back to the setting `log.level`.
pub trait LogControl: Send + Sync {
    /// The filter in force.
    fn filter(&self) -> String;
    /// Puts another in force; it must be one ([`is_filter`]).
    fn change(&self, filter: &str) -> Result<(), NotChanged>;
}

/// The filter stays as it was.
#[derive(Debug, thiserror::Error)]
#[error("the filter of the log could not be changed")]
pub struct NotChanged;

/// A time as lines tell it: in milliseconds, to the microsecond.
pub fn millis(time: Duration) -> f64 {
    f64::from(u32::try_from(time.as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

/// Whether `text` is a level, or filters as `tracing-subscriber` reads them.
pub fn is_filter(text: &str) -> bool {
    parse(text).is_some()
}

/// Reads a filter. Other than `tracing-subscriber` it takes no bare word that is no level for the name of a module: a mistyped
/// level would silence the log. Values of fields are compared as they are: a regular expression can take any memory to build.
fn parse(text: &str) -> Option<EnvFilter> {
    // Nothing at all would be read as the level `error`.
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    if text.len() > FILTER_BYTES_MAX
        || !text.split(',').all(|part| part.contains(['=', '[']) || is_level(part.trim()))
    {
        return None;
    }
    EnvFilter::builder().with_regex(false).parse(text).ok()
}

/// Starts this process's log on standard error.
///
/// Only the first call of a process does; after that, as in tests, its lines go where the first one sends them.
pub fn start(settings: &Log) -> Arc<dyn LogControl> {
    let filter = parse(&settings.level).expect("the settings were read, and reading this one parses it");
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(io::stderr);
    let started = match settings.format {
        LogFormat::People => {
            let lines = lines.fmt_fields(PeopleFields::default()).with_ansi(io::stderr().is_terminal());
            Registry::default().with(filter).with(lines).try_init()
        }
        LogFormat::Json => Registry::default().with(filter).with(lines.event_format(JsonLines)).try_init(),
    };
    let current = Mutex::new(settings.level.clone());
    match started {
        Ok(()) => Arc::new(Running { handle, current }),
        Err(_) => Arc::new(Unwritten(current)),
    }
}

struct Running {
    handle: reload::Handle<EnvFilter, Registry>,
    current: Mutex<String>,
}

impl LogControl for Running {
    fn filter(&self) -> String {
        self.current.lock().clone()
    }

    fn change(&self, filter: &str) -> Result<(), NotChanged> {
        let parsed = parse(filter).ok_or(NotChanged)?;
        // Held meanwhile, so that of two changes at once the one that is told is the one in force.
        let mut current = self.current.lock();
        self.handle.reload(parsed).map_err(|_| NotChanged)?;
        filter.clone_into(&mut current);
        Ok(())
    }
}

/// The control of a log that nobody writes: a server in memory has none of its own.
pub struct Unwritten(Mutex<String>);

impl Unwritten {
    /// With this filter in force, if there were a log.
    pub fn new(filter: &str) -> Self {
        Self(Mutex::new(filter.to_owned()))
    }
}

impl LogControl for Unwritten {
    fn filter(&self) -> String {
        self.0.lock().clone()
    }

    fn change(&self, filter: &str) -> Result<(), NotChanged> {
        parse(filter).ok_or(NotChanged)?;
        filter.clone_into(&mut self.0.lock());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
