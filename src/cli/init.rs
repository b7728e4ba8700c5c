//! `authledger init`: a new ledger with its master key and its first administrator.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use events::id::LedgerId;
use zeroize::Zeroizing;

use super::{Exit, Failure, Settings, offline};
use crate::auth::hasher::PasswordHasher;
use crate::auth::password::{self, PasswordRules};
use crate::clock::{Random, SystemClock, SystemRandom};
use crate::config::Config;
use crate::ledger::create::{self, CreateError, FirstAdministrator};
use crate::ledger::directory::DataDirectory;
use crate::ledger::refusal::OpenRefusal;
use crate::vault::PlainSecret;
use crate::vault::login::LoginName;
use crate::vault::master::{MasterKey, MasterKeyError};

/// HDP's name for him.
const DEFAULT_ADMIN: &str = "d2cadmin";
const PASSWORD_VARIABLE: &str = "AUTHLEDGER_ADMIN_PASSWORD";
/// Far more than any password has; what lies behind it makes no difference to a refusal.
const PASSWORD_FILE_BYTES_MAX: usize = 4096;

/// Make a new ledger with one administrator
///
/// His password is that of --admin-password-file, else of AUTHLEDGER_ADMIN_PASSWORD, else it is drawn and printed once on
/// standard error. The master key is AUTHLEDGER_KEYS__MASTER, else that of the file <data-dir>.key, which is made when it is
/// not there.
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    #[command(flatten)]
    settings: Settings,
    /// The administrator's name
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ADMIN)]
    admin: String,
    /// A file that holds his password and nothing else
    #[arg(long, value_name = "F")]
    admin_password_file: Option<PathBuf>,
}

impl Init {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let config = self.settings.load(Vec::new())?;
        let directory = offline::data_directory(&config);
        let made = make(&config, &directory, &self.admin, self.admin_password_file.as_deref())?;
        // Only now, with everything durable: nobody should note the password of a ledger that a power cut takes back.
        made.announce().map(|()| Exit::Done)
    }
}

/// Makes a ledger where there is nothing yet, as `serve` does on its first start.
pub(super) fn make_if_vacant(config: &Config, directory: &DataDirectory) -> Result<Option<Made>, Failure> {
    if is_vacant(directory)? { make(config, directory, DEFAULT_ADMIN, None).map(Some) } else { Ok(None) }
}

/// A new ledger, as a person is told about it.
pub(super) struct Made {
    ledger: LedgerId,
    directory: PathBuf,
    key: KeyPlace,
    admin: String,
    /// The password when nobody else knows it yet.
    drawn: Option<PlainSecret>,
}

impl Made {
    /// Says it on standard error, which nobody redirects into a file that stays.
    pub(super) fn announce(&self) -> Result<(), Failure> {
        io::stderr().write_all(self.to_text().as_bytes()).map_err(|error| {
            Failure::cannot_run(format!(
                "the ledger is made, and its password can't be shown on standard error ({error}): remove it, and make it again"
            ))
        })
    }

    /// What to keep, and who may log in.
    fn to_text(&self) -> String {
        let key = match &self.key {
            KeyPlace::Made(file) => format!(
                "Its master key is in {}: keep a copy elsewhere, nothing can be opened without it.",
                file.display()
            ),
            KeyPlace::Found(file) => format!("Its master key is the one that was in {}.", file.display()),
            KeyPlace::Given => "Its master key is the one in the settings.".to_owned(),
        };
        let admin = match &self.drawn {
            Some(password) => {
                format!("Administrator {}, password {} (shown this once).", self.admin, password.expose())
            }
            None => format!("Administrator {}, with the password you gave.", self.admin),
        };
        format!("A new ledger {} is in {}.\n{key}\n{admin}\n", self.ledger, self.directory.display())
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
  {} verify --data-dir {}
",
            std::env::args().next().as_deref().unwrap_or("authledger"),
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
    if let Some(Given { password, place }) = &given {
        PasswordRules::from(config.password.policy)
            .judge_chosen(password, admin)
            .map_err(|reason| Failure::usage(format!("{place}: {reason}")))?;
    }
    let drawn = given.is_none();
    let password = given.map_or_else(|| password::generate(&*random), |given| given.password);

    // Asked before anything is made: a refused directory should not get a key beside it.
    let path = directory.path();
    if !is_vacant(directory)? {
        return Err(offline::refusal(&OpenRefusal::NotVacant { directory: path.to_owned() }));
    }
    let key = MasterKeyPlace::find_or_make(config, &*random)?;
    let administrator = FirstAdministrator {
        name,
        password_hash: PasswordHasher::for_server(Arc::clone(&random)).hash_here(&password),
    };
    let made = create::create(
        directory,
        &key.master,
        &offline::open_options(config),
        Arc::new(SystemClock::new()),
        &random,
        &administrator,
    );
    match made {
        Ok(ledger) => {
            let drawn = drawn.then_some(password);
            Ok(Made { ledger, directory: path.to_owned(), key: key.place, admin: admin.to_owned(), drawn })
        }
        Err(CreateError::Directory(reason)) => {
            if let KeyPlace::Made(file) = &key.place {
                // Nothing was sealed under it. Should it stay, the next attempt uses it.
                let _ = fs::remove_file(file);
            }
            Err(offline::refusal(&reason))
        }
        Err(other) => Err(Failure::cannot_run(other)),
    }
}

/// The master key of a ledger that is about to be made.
struct MasterKeyPlace {
    master: MasterKey,
    place: KeyPlace,
}

enum KeyPlace {
    /// In the file beside the directory, drawn for this ledger.
    Made(PathBuf),
    /// In the same file, where it was before.
    Found(PathBuf),
    /// In the settings.
    Given,
}

impl MasterKeyPlace {
    /// A key that is there already is used: it may have been put there for this ledger. It is never overwritten: it may be
    /// all that is left of another one.
    fn find_or_make(config: &Config, random: &dyn Random) -> Result<Self, Failure> {
        if config.keys.master.is_some() {
            return Ok(Self { master: offline::master_key(config)?, place: KeyPlace::Given });
        }
        let file = MasterKey::path_beside(&config.ledger.data_dir).map_err(Failure::cannot_run)?;
        match MasterKey::read(&file) {
            Err(MasterKeyError::Missing { .. }) => {}
            read => {
                let master = read.map_err(Failure::cannot_run)?;
                return Ok(Self { master, place: KeyPlace::Found(file) });
            }
        }
        if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent)
                .map_err(|error| Failure::cannot_run(format!("can't make {}: {error}", parent.display())))?;
        }
        // Durable before anything is sealed under it.
        let master = MasterKey::generate(random);
        master.write_new(&file).map_err(Failure::cannot_run)?;
        Ok(Self { master, place: KeyPlace::Made(file) })
    }
}

/// A password that somebody gave, and how, so that a refusal can name it.
struct Given {
    password: PlainSecret,
    place: String,
}

fn given_password(file: Option<&Path>) -> Result<Option<Given>, Failure> {
    if let Some(path) = file {
        let password = read_password(path).map_err(|reason| {
            Failure::cannot_run(format!("the password file {} can't be read: {reason}", path.display()))
        })?;
        return Ok(Some(Given { password, place: format!("the password in {}", path.display()) }));
    }
    match std::env::var(PASSWORD_VARIABLE) {
        Ok(text) => Ok(Some(Given { password: text.into(), place: PASSWORD_VARIABLE.to_owned() })),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::usage(format!("{PASSWORD_VARIABLE} is not UTF-8")))
        }
    }
}

/// The whole file but the line end that editors and `echo` leave.
pub(super) fn read_password(path: &Path) -> io::Result<PlainSecret> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSWORD_FILE_BYTES_MAX));
    File::open(path)?.take(PASSWORD_FILE_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line)).into())
}
