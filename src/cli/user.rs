//! `authledger user`: lets somebody in again who can't let himself in, at the machine or at a server.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

use events::id::UserId;
use serde_json::json;

use self::in_directory::InDirectory;
use super::init::read_password;
use super::{Exit, Failure, Settings, print_json, say};
use crate::auth::password;
use crate::clock::SystemRandom;
use crate::vault::PlainSecret;
use crate::vault::login::LoginName;

mod at_server;
mod in_directory;

/// Set a user's password, or end the lock of his account
///
/// On a data directory that nobody serves, as its operator: whoever can read the files needs no permission. Or at a server, by
/// --server, as one of its users who may.
#[derive(Debug, clap::Args)]
pub(super) struct User {
    #[command(subcommand)]
    command: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    SetPassword(SetPassword),
    Unlock(Unlock),
}

impl User {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Subcommand::SetPassword(command) => command.run(),
            Subcommand::Unlock(command) => command.run(),
        }
    }
}

/// Give a user a new password
///
/// Without --password-file it is drawn and printed once on standard error. It is temporary unless --final is given: its user
/// has to change it before anything else, within seven days.
#[derive(Debug, clap::Args)]
struct SetPassword {
    #[command(flatten)]
    whom: Whom,
    /// A file that holds the password and nothing else
    #[arg(long, value_name = "F")]
    password_file: Option<PathBuf>,
    /// He must change it before anything else; this is so unless --final is given
    #[arg(long, conflicts_with = "for_good")]
    temporary: bool,
    /// It is a password like one that he chose himself, and judged like one
    #[arg(long = "final")]
    for_good: bool,
    #[command(flatten)]
    place: Place,
}

/// End the lock of an account before its time
#[derive(Debug, clap::Args)]
struct Unlock {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    place: Place,
}

/// Whom it is about.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// His name
    name: Option<String>,
    /// His id
    #[arg(long, value_name = "N")]
    id: Option<u64>,
}

/// Where it is done.
#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    settings: Settings,
    /// The clock is right, although the last event is longer ago than clock.max_gap
    #[arg(long, conflicts_with = "server")]
    accept_clock: bool,
    /// Ask this server instead, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL", requires = "as_user", conflicts_with_all = ["config", "data_dir"])]
    server: Option<String>,
    /// As this user of the server's
    #[arg(
        long = "as",
        id = "as_user",
        value_name = "NAME",
        requires = "server",
        requires = "as_password_file"
    )]
    as_user: Option<String>,
    /// A file that holds his password and nothing else
    #[arg(long, value_name = "F", requires = "server")]
    as_password_file: Option<PathBuf>,
    /// The password may go in the clear to a server that is not this machine
    #[arg(long, requires = "server")]
    allow_plain_http: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Whom it is about, read.
enum Named {
    Id(UserId),
    Name(LoginName),
}

impl Whom {
    fn read(&self) -> Result<Named, Failure> {
        match (self.id, &self.name) {
            (Some(id), _) => Ok(Named::Id(UserId(id))),
            (None, Some(name)) => LoginName::parse(name).map(Named::Name).map_err(Failure::usage),
            (None, None) => Err(Failure::usage("name a user, or his id by --id")),
        }
    }

    /// As it was given, to be given again.
    fn given(&self) -> String {
        match (self.id, &self.name) {
            (Some(id), _) => format!("--id {id}"),
            (None, name) => name.clone().unwrap_or_default(),
        }
    }
}

impl Named {
    fn unknown(&self, where_to: &str) -> Failure {
        match self {
            Named::Id(id) => Failure::no(format!("there is no user {id} {where_to}")),
            Named::Name(name) => {
                Failure::no(format!("there is no user called {} {where_to}", name.as_sent().expose()))
            }
        }
    }
}

/// A password to be set.
struct New {
    password: PlainSecret,
    for_good: bool,
    /// Nobody else knows it yet.
    drawn: bool,
}

/// What came of it.
struct Done {
    user: UserId,
    /// The event that records it; none when what was asked for was so already.
    sequence: Option<u64>,
}

impl SetPassword {
    fn run(self) -> Result<Exit, Failure> {
        let named = self.whom.read()?;
        let given = self.password_file.as_deref().map(from_file).transpose()?;
        let drawn = given.is_none();
        let password = given.unwrap_or_else(|| password::generate(&SystemRandom));
        let new = New { password, for_good: self.for_good, drawn };
        let command = format!("set-password {}", self.whom.given());
        let place = self.place;
        let done = if place.server.is_some() {
            place.server()?.set_password(&named, &new)?
        } else {
            place.directory(&command)?.set_password(&named, &new)?
        };
        if new.drawn {
            announce(&new, done.user)?;
        }
        let kind = if new.for_good { "password" } else { "temporary password" };
        place.tell(&done, "passwordSet", &format!("User {} has a new {kind}.", done.user))
    }
}

impl Unlock {
    fn run(self) -> Result<Exit, Failure> {
        let named = self.whom.read()?;
        let command = format!("unlock {}", self.whom.given());
        let place = self.place;
        let done = if place.server.is_some() {
            place.server()?.unlock(&named)?
        } else {
            place.directory(&command)?.unlock(&named)?
        };
        let said = match done.sequence {
            Some(_) => format!("User {} can log in again.", done.user),
            None => format!("User {} is not locked; there was nothing to do.", done.user),
        };
        place.tell(&done, "unlocked", &said)
    }
}

impl Place {
    /// `command`: what to ask a server for, should one have the directory.
    fn directory(&self, command: &str) -> Result<InDirectory, Failure> {
        InDirectory::open(&self.settings, self.accept_clock, command)
    }

    fn server(&self) -> Result<at_server::AtServer, Failure> {
        let missing = || Failure::usage("--server needs --as and --as-password-file");
        let url = self.server.as_deref().ok_or_else(missing)?;
        let name = self.as_user.as_deref().ok_or_else(missing)?;
        let file = self.as_password_file.as_deref().ok_or_else(missing)?;
        at_server::AtServer::new(url, self.allow_plain_http, name, &from_file(file)?)
    }

    fn tell(&self, done: &Done, what: &str, said: &str) -> Result<Exit, Failure> {
        if self.json {
            print_json(
                &json!({ "user": done.user.0, what: done.sequence.is_some(), "sequence": done.sequence }),
            )?;
        } else {
            say(said)?;
            if let Some(sequence) = done.sequence {
                say(&format!("Recorded as event {sequence}."))?;
            }
        }
        Ok(Exit::Done)
    }
}

fn from_file(path: &Path) -> Result<PlainSecret, Failure> {
    read_password(path).map_err(|reason| {
        Failure::cannot_run(format!("the password file {} can't be read: {reason}", path.display()))
    })
}

/// Says the drawn password on standard error, which nobody redirects into a file that stays.
fn announce(new: &New, user: UserId) -> Result<(), Failure> {
    let said = writeln!(std::io::stderr(), "Password {} (shown this once).", new.password.expose());
    said.map_err(|error: std::io::Error| {
        Failure::cannot_run(format!(
            "user {user} has a new password, and it can't be shown on standard error ({error}): set another one"
        ))
    })
}

/// The policy says no to a password.
fn refused(reason: impl Display) -> Failure {
    Failure::usage(format!("the password is refused: {reason}"))
}

fn warn(sentence: &str) {
    // Whoever closed standard error does without.
    let _ = writeln!(std::io::stderr(), "authledger: {sentence}");
}
