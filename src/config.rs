//! Settings: defaults, then a TOML file, then the environment (`AUTHLEDGER_SECTION__KEY`), then flags; the later wins.
//!
//! Owned here: which settings there are, how each is read, what must hold between them, and how they are shown with secrets
//! masked. Absent on purpose: what they do; each room takes its own section as an argument and never reads the environment.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

mod check;
mod keys;
mod layers;
mod value;

#[cfg(test)]
mod tests;

pub use keys::{KEYS, Key};
pub use layers::{ENVIRONMENT_PREFIX, Layers};

/// Everything that can be set, with nothing left to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where and for whom the server listens.
    pub server: Server,
    /// Where the log lies.
    pub ledger: Ledger,
    /// The key that wraps all others.
    pub keys: Keys,
    /// How far time may leap.
    pub clock: Clock,
    /// Whether stored secrets can be read back.
    pub secrets: Secrets,
    /// What guessing gets.
    pub auth: Auth,
    /// Rules for passwords.
    pub password: Password,
    /// The authorization server's rules.
    pub oauth: OAuth,
    /// What is logged, and how.
    pub log: Log,
    /// Bounds of a request and of all of them.
    pub limits: Limits,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Base of every absolute URL, without a slash at its end; see [`Config::public_url`].
    pub public_url: Option<String>,
    /// Proxies that end TLS for us; only their `X-Forwarded-For` is believed.
    pub behind_proxy: Vec<IpAddr>,
}

/// `[ledger]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The witness file, when it lies outside the data directory.
    pub witness_path: Option<PathBuf>,
    /// Where the copy is made that is opened before the log, when the data directory's disk has no room for it.
    pub check_dir: Option<PathBuf>,
    /// Below this much free space, in bytes, writes are refused.
    pub min_free_bytes: u64,
    /// How many commands may wait for the writer.
    pub queue: usize,
}

/// `[keys]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The master key, when it does not lie in `<data-dir>.key`.
    pub master: Option<MasterKey>,
}

/// 32 bytes that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(pub Zeroizing<[u8; 32]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

/// `[clock]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The longest time between the last event and a start that is believed without `--accept-clock`.
    pub max_gap: Duration,
}

/// `[secrets]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// What a GET of one object does with its secrets.
    pub reveal: Reveal,
}

/// What a GET of one object does with its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reveal {
    /// Shows them to those who may administer the object, and records that as an event.
    Audited,
    /// Leaves them out.
    Never,
}

/// `[auth]`. When an account is locked is no setting, but limits 2 to 4 (hdp-api 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Wrong passwords per account and minute, from one address, before 429.
    pub account_failures_per_minute: u32,
    /// Wrong passwords per address and minute before 429.
    pub address_failures_per_minute: u32,
}

/// `[password]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// Which rules a new password has to meet.
    pub policy: PasswordPolicy,
}

/// Which rules a new password has to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// 12–128 characters, and not a common one.
    Default,
    /// HDP's own: 8–12 characters of several classes, for a migration.
    Hdp,
}

/// `[oauth]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth {
    /// Whether client applications that are allowed to may exchange users' passwords for tokens.
    pub password_grant: bool,
    /// Whether a user who changes his own password ends all his tokens, not only those given for it.
    pub end_tokens_on_password_change: bool,
    /// Whether every authorization request must carry a challenge, whatever the application's own rule.
    pub require_pkce: bool,
    /// The resource that `api.access.odata` is for (RFC 8707); the issuer when it is not set.
    pub odata_resource: Option<String>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A level, or filters as `tracing-subscriber` reads them.
    pub level: String,
    /// One line for people, or one JSON object, per entry.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line of text.
    People,
    /// A JSON object.
    Json,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body, bytes.
    pub body_bytes: usize,
    /// Largest request head (request line and headers), bytes.
    pub header_bytes: usize,
    /// Time to receive a head, to receive a body, and to answer.
    pub request_time: Duration,
    /// Connections served at a time; further ones wait.
    pub connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Config {
            server: Server {
                listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
                public_url: None,
                behind_proxy: Vec::new(),
            },
            ledger: Ledger {
                data_dir: PathBuf::from("authledger-data"),
                witness_path: None,
                check_dir: None,
                min_free_bytes: 64 << 20,
                queue: 1024,
            },
            keys: Keys { master: None },
            clock: Clock { max_gap: Duration::from_secs(30 * DAY) },
            secrets: Secrets { reveal: Reveal::Audited },
            auth: Auth { account_failures_per_minute: 10, address_failures_per_minute: 60 },
            password: Password { policy: PasswordPolicy::Default },
            oauth: OAuth {
                password_grant: false,
                end_tokens_on_password_change: false,
                require_pkce: false,
                odata_resource: None,
            },
            log: Log { level: "info".to_owned(), format: LogFormat::People },
            limits: Limits {
                body_bytes: 1 << 20,
                header_bytes: 16 << 10,
                request_time: Duration::from_secs(30),
                connections: 1024,
            },
        }
    }
}

impl Config {
    /// Reads all layers, then checks what must hold between settings.
    pub fn load(layers: &Layers) -> Result<Config, ConfigError> {
        let config = layers.read()?;
        check::check(&config)?;
        Ok(config)
    }

    /// The issuer and base of every absolute URL, never taken from a request. `bound` is where the server really listens.
    pub fn public_url(&self, bound: SocketAddr) -> String {
        self.server.public_url.clone().unwrap_or_else(|| format!("http://{bound}"))
    }

    /// The settings as a TOML file that says the same, with secrets masked.
    pub fn masked_toml(&self) -> String {
        let mut lines = Vec::new();
        let mut section = "";
        for (key, shown) in keys::entries(self) {
            let (of, name) = key.name.split_once('.').expect("every key of the table has a section");
            if of != section {
                lines.push(format!("\n[{of}]"));
                section = of;
            }
            lines.push(match shown {
                Some(_) if key.secret => format!("{name} = \"***\""),
                Some(value) => format!("{name} = {value}"),
                None => format!("# {name} is not set: {}", key.help),
            });
        }
        lines.push(String::new());
        lines.join("\n").trim_start().to_owned()
    }
}

/// Why the settings can't be used. Values of secrets stand in none of them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file that `--config` names can't be read.
    #[error("can't read the settings in {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{} is not TOML: {reason}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// Nothing has this name.
    #[error("{place} sets {name}, and there is no such setting{}", hint(nearest.as_deref()))]
    Unknown {
        /// File, variable or flag.
        place: String,
        /// As it was written.
        name: String,
        /// The known name that looks most like it.
        nearest: Option<String>,
    },
    /// The value of a known setting can't be read.
    #[error("{place}: {name} must be {expected}")]
    Invalid {
        /// File, variable or flag.
        place: String,
        /// The setting.
        name: &'static str,
        /// What it has to look like.
        expected: String,
    },
    /// Each value is fine, together they are not.
    #[error("{0}")]
    Together(String),
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}
