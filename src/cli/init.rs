//! `authledger init`: a new ledger with its master key and its first administrator.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Exit, Failure, Settings, offline};
use crate::auth::hasher::PasswordHasher;
use crate::auth::password::{self, judge_chosen, judge_temporary};
use crate::clock::{Random, SystemClock, SystemRandom};
use crate::config::Config;
use crate::ledger::create::{self, CreateError, FirstAdministrator};
use crate::ledger::directory::DataDirectory;
use crate::ledger::refusal::OpenRefusal;
use crate::vault::PlainSecret;
use crate::vault::login::LoginName;
use crate::vault::master::MasterKey;

/// HDP's name for him.
const DEFAULT_ADMIN: &str = "d2cadmin";
const PASSWORD_VARIABLE: &str = "AUTHLEDGER_ADMIN_PASSWORD";

/// Make a new ledger with one administrator
///
/// His password is that of --admin-password-file, else of AUTHLEDGER_ADMIN_PASSWORD, else it is drawn and printed once on
/// standard error.
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    #[command(flatten)]
    settings: Settings,
    /// The administrator's name
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ADMIN)]
    admin: String,
    /// A file whose first line is his password
    #[arg(long, value_name = "F")]
    admin_password_file: Option<PathBuf>,
}

impl Init {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let config = self.settings.load(Vec::new())?;
        let directory = offline::data_directory(&config);
        if !is_vacant(&directory)? {
            return Err(offline::refusal(&OpenRefusal::NotVacant { directory: directory.path().to_owned() }));
        }
        let made = make(&config, &directory, &self.admin, self.admin_password_file.as_deref())?;
        eprint!("{}", made.to_text());
        Ok(Exit::Done)
    }
}

/// Makes a ledger where there is nothing yet, as `serve` does on its first start.
pub(super) fn make_if_vacant(config: &Config, directory: &DataDirectory) -> Result<Option<Made>, Failure> {
    if is_vacant(directory)? { make(config, directory, DEFAULT_ADMIN, None).map(Some) } else { Ok(None) }
}

/// A new ledger, as a person is told about it.
pub(super) struct Made {
    directory: PathBuf,
    key_file: Option<PathBuf>,
    admin: String,
    /// The password when nobody else knows it yet.
    drawn: Option<PlainSecret>,
    weak: bool,
}

impl Made {
    /// What to keep, and who may log in.
    pub(super) fn to_text(&self) -> String {
        let mut lines = vec![format!("A new ledger is in {}.", self.directory.display())];
        if let Some(key_file) = &self.key_file {
            lines.push(format!(
                "Its master key is in {}: keep a copy elsewhere, nothing can be opened without it.",
                key_file.display()
            ));
        }
        lines.push(match &self.drawn {
            Some(password) => {
                format!("Administrator {}, password {} (shown this once).", self.admin, password.expose())
            }
            None => format!("Administrator {}, with the password you gave.", self.admin),
        });
        if self.weak {
            lines.push(
                "That password is easy to guess: change it before others can reach this server.".to_owned(),
            );
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// The first steps of the README's tour.
    pub(super) fn tour(&self, url: &str) -> String {
        let user = format!("{}:{}", self.admin, self.drawn.as_ref().map_or("PASSWORD", PlainSecret::expose));
        format!(
            "Try it:
  curl -u '{user}' {url}/api/mgmt/oauthapps
  curl -u '{user}' {url}/api/mgmt/oauthapps -H 'Content-Type: application/json' -d '{{
    \"name\": \"First app\", \"dataStore\": 54, \"clientId\": \"my-id\", \"clientSecret\": \"my-secret\",
    \"authorizeURI\": \"https://accounts.google.com/o/oauth2/v2/auth\",
    \"tokenURI\": \"https://www.googleapis.com/oauth2/v3/token\", \"scope\": \"analytics.readonly\"}}'
  curl -u '{user}' {url}/api/mgmt/oauthapps/1
Stop the server (Ctrl-C), then check the book:
  authledger verify --data-dir {}
",
            self.directory.display()
        )
    }
}

fn is_vacant(directory: &DataDirectory) -> Result<bool, Failure> {
    directory.is_vacant().map_err(|error| {
        Failure::cannot_run(format!("can't look into {}: {error}", directory.path().display()))
    })
}

fn make(
    config: &Config,
    directory: &DataDirectory,
    admin: &str,
    password_file: Option<&Path>,
) -> Result<Made, Failure> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let name = LoginName::parse(admin).map_err(Failure::usage)?;
    let given = given_password(password_file)?;
    if let Some(password) = &given {
        judge_temporary(password)
            .map_err(|reason| Failure::usage(format!("the administrator's password: {reason}")))?;
    }
    // HDP does not apply the policy to the accounts of an installation; a weak one is worth a warning all the same.
    let weak =
        given.as_ref().is_some_and(|password| judge_chosen(config.password.policy, password, admin).is_err());
    let password = given.clone().unwrap_or_else(|| password::generate(&*random));

    let path = directory.path();
    let (master, key_file) = if let Some(bytes) = &config.keys.master {
        (MasterKey::from_bytes(&bytes.0), None)
    } else {
        let (master, file) = key_beside(path, &*random)?;
        (master, Some(file))
    };
    let administrator = FirstAdministrator {
        name,
        password_hash: PasswordHasher::for_server(Arc::clone(&random)).hash_here(&password),
    };
    create::create(
        directory,
        &master,
        &offline::open_options(config),
        Arc::new(SystemClock::new()),
        &random,
        &administrator,
    )
    .map_err(|error| match error {
        CreateError::Directory(reason) => offline::refusal(&reason),
        other => Failure::cannot_run(other),
    })?;
    Ok(Made {
        directory: path.to_owned(),
        key_file,
        admin: admin.to_owned(),
        drawn: given.is_none().then_some(password),
        weak,
    })
}

/// Draws a master key into the file beside the directory, durable before anything is sealed under it.
///
/// A key that is there already may be all that is left of a ledger whose directory is gone, so it is not touched; unless the
/// building site of an `init` that died stands beside it, which shows whose it is.
fn key_beside(path: &Path, random: &dyn Random) -> Result<(MasterKey, PathBuf), Failure> {
    let file = MasterKey::path_beside(path).map_err(Failure::cannot_run)?;
    let mut site = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
    site.push(".init");
    if file.exists() && path.with_file_name(site).exists() {
        return Ok((MasterKey::read(&file).map_err(Failure::cannot_run)?, file));
    }
    if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent)
            .map_err(|error| Failure::cannot_run(format!("can't make {}: {error}", parent.display())))?;
    }
    let master = MasterKey::generate(random);
    master.write_new(&file).map_err(Failure::cannot_run)?;
    Ok((master, file))
}

fn given_password(file: Option<&Path>) -> Result<Option<PlainSecret>, Failure> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map(PlainSecret::new)
            .map_err(|error| Failure::cannot_run(format!("can't read {}: {error}", path.display())))?;
        return Ok(text
            .expose()
            .lines()
            .next()
            .map(PlainSecret::from)
            .or_else(|| Some(PlainSecret::default())));
    }
    match std::env::var(PASSWORD_VARIABLE) {
        Ok(text) => Ok(Some(PlainSecret::new(text))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::usage(format!("{PASSWORD_VARIABLE} is not UTF-8")))
        }
    }
}
