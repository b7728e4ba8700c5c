//! The command line: one file per subcommand, and what they share: settings from flags, exit codes, where text goes.
//!
//! Standard output carries results, standard error everything said to a person. Absent on purpose: what the commands do;
//! they ask the rooms.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::config::{Config, Layers};

mod completions;
mod serve;

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
        Command::Completions(completions) => Ok(completions.run(&mut Arguments::command())),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("authledger: {}", failure.sentence);
            failure.exit.into()
        }
    }
}

/// How a command ends (DESIGN: fixed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Usage = 2,
    CannotRun = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do its work, in a sentence for a person.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    sentence: String,
}

impl Failure {
    /// The settings or arguments are wrong.
    pub(crate) fn usage(sentence: impl Display) -> Failure {
        Failure { exit: Exit::Usage, sentence: sentence.to_string() }
    }

    /// Something outside is locked, missing or unreadable.
    pub(crate) fn cannot_run(sentence: impl Display) -> Failure {
        Failure { exit: Exit::CannotRun, sentence: sentence.to_string() }
    }
}

/// Flags of every command that reads settings.
#[derive(Debug, clap::Args)]
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
