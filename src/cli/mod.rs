//! The command line: one file per subcommand, and what they share: settings from flags, exit codes, where text goes.
//!
//! Standard output carries results, standard error everything said to a person. Absent on purpose: what the commands do;
//! they ask the rooms.

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use ::events::verify::Verdict;
use clap::{CommandFactory, Parser};

use crate::config::{Config, Layers};

mod completions;
mod events;
mod init;
mod offline;
mod progress;
mod replay;
mod serve;
mod snapshot;
mod user;
mod verify;

/// An event-sourced authorization ledger: OAuth objects, tokens and provable history in one binary.
#[derive(Debug, Parser)]
#[command(name = "authledger", version, arg_required_else_help = true, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve(serve::Serve),
    Init(init::Init),
    Verify(verify::Verify),
    Replay(replay::Replay),
    Events(events::Events),
    Snapshot(snapshot::Snapshot),
    User(user::User),
    Completions(completions::Completions),
}

/// Runs the process's command line. Exit codes: 0 done; 1 the answer is no; 2 usage or settings; 3 cannot run.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(asked) => {
            let code = if asked.use_stderr() { Exit::Usage } else { Exit::Done };
            // A closed pipe behind `--help | head` is nobody's fault.
            let _ = asked.print();
            return code.into();
        }
    };
    let outcome = match arguments.command {
        Command::Serve(serve) => serve.run(),
        Command::Init(init) => init.run(),
        Command::Verify(verify) => verify.run(),
        Command::Replay(replay) => replay.run(),
        Command::Events(events) => events.run(),
        Command::Snapshot(snapshot) => snapshot.run(),
        Command::User(user) => user.run(),
        Command::Completions(completions) => completions.run(&mut Arguments::command()),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // Whoever closed standard error still gets the code.
            let _ = writeln!(std::io::stderr(), "authledger: {}", failure.sentence);
            failure.exit.into()
        }
    }
}

/// How a command ends (DESIGN: fixed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    No,
    Usage,
    CannotRun,
    /// `verify` alone: what is wrong with the book.
    Verdict(Verdict),
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::CannotRun => 3,
            Exit::Verdict(verdict) => verdict.exit_code(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a command could not do its work, in a sentence for a person.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    sentence: String,
}

impl Failure {
    /// The answer is no: what was asked for is not there.
    pub(crate) fn no(sentence: impl Display) -> Failure {
        Failure { exit: Exit::No, sentence: sentence.to_string() }
    }

    /// The settings or arguments are wrong.
    pub(crate) fn usage(sentence: impl Display) -> Failure {
        Failure { exit: Exit::Usage, sentence: sentence.to_string() }
    }

    /// Something outside is locked, missing or unreadable.
    pub(crate) fn cannot_run(sentence: impl Display) -> Failure {
        Failure { exit: Exit::CannotRun, sentence: sentence.to_string() }
    }
}

/// Writes a result and a line end. Whoever reads may have enough and hang up: that is no failure.
fn say(text: &str) -> Result<(), Failure> {
    closed_pipe(writeln!(std::io::stdout(), "{text}"))
}

fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    say(&value.to_string())
}

fn closed_pipe(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::cannot_run(format!("can't write: {error}")))
        }
        _ => Ok(()),
    }
}

/// Flags of every command that reads settings.
#[derive(Clone, Debug, Default, clap::Args)]
struct Settings {
    /// A TOML file with settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory  [setting ledger.data_dir; default: authledger-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
}

impl Settings {
    /// Reads all layers; `flags` are those that only this command has.
    fn load(self, mut flags: Vec<(&'static str, String)>) -> Result<Config, Failure> {
        flags.extend(self.data_dir.map(|dir| ("ledger.data_dir", dir)));
        Config::load(&Layers::of_process(self.config, flags)).map_err(Failure::usage)
    }
}
