//! The front: HTTP in, commands and lookups out, HTTP back.
//!
//! Owned here: routes, bodies, headers, statuses, limits of a request. Absent on purpose: decisions (`commands`), bytes and
//! disk (`ledger`), who somebody is (`auth`).

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use crate::auth::authenticate::Authenticator;
use crate::auth::client_failures::ClientFailures;
use crate::auth::hasher::PasswordHasher;
use crate::auth::password::PasswordRules;
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::ledger::live::Ledger;
use crate::logs::{LogControl, Unwritten};
use crate::oauth::attempts::CodeAttempts;
use crate::oauth::sessions::Sessions;
use crate::vault::Vault;

use self::metrics::Metrics;

mod admin;
pub mod answer;
pub mod asking;
mod audit;
pub mod body;
pub mod codes;
mod cors;
pub mod error;
mod family;
pub mod fields;
pub mod guard;
pub mod headers;
pub mod health;
mod ip_lists;
pub mod json;
mod management;
mod metrics;
pub mod oauth2;
mod openapi;
mod operate;
pub mod past;
mod rim;
pub mod router;
pub mod server;
mod slices;
pub mod source;
mod tenants_listed;
pub mod written;

/// What every handler may reach; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    public_url: String,
    ledger: Arc<Ledger>,
    authenticator: Authenticator,
    client_failures: ClientFailures,
    code_attempts: CodeAttempts,
    sessions: Sessions,
    hasher: Arc<PasswordHasher>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Metrics,
    log: OnceLock<Arc<dyn LogControl>>,
}

impl AppState {
    /// `bound` is where the server really listens; it is the base of absolute URLs when `server.public_url` is not set.
    pub fn new(
        config: Config,
        bound: SocketAddr,
        ledger: Arc<Ledger>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> AppState {
        let hasher = Arc::new(PasswordHasher::for_server(Arc::clone(&random)));
        AppState::with_hasher(config, bound, ledger, clock, random, hasher)
    }

    /// The same with a hasher of the caller's, for tests that need cheap passwords.
    pub fn with_hasher(
        config: Config,
        bound: SocketAddr,
        ledger: Arc<Ledger>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        hasher: Arc<PasswordHasher>,
    ) -> AppState {
        let public_url = config.public_url(bound);
        let authenticator = Authenticator::new(
            &config.auth,
            Arc::clone(ledger.vault()),
            Arc::clone(&clock),
            Arc::clone(&hasher),
            &*random,
        );
        let client_failures = ClientFailures::new(&config.auth);
        let metrics = Metrics::new(clock.now(), |registry| {
            ledger.register(registry);
            ledger.vault().register(registry);
            authenticator.register(registry);
            hasher.register(registry);
        });
        let sessions = Sessions::new(&*random);
        let shared = Shared {
            config,
            public_url,
            ledger,
            authenticator,
            client_failures,
            code_attempts: CodeAttempts::default(),
            sessions,
            hasher,
            clock,
            random,
            metrics,
            log: OnceLock::new(),
        };
        AppState { shared: Arc::new(shared) }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The base of every absolute URL, without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.shared.public_url
    }

    /// The open ledger.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }

    /// Seals and opens for this ledger.
    pub fn vault(&self) -> &Arc<Vault> {
        self.shared.ledger.vault()
    }

    /// Judges credentials.
    pub fn authenticator(&self) -> &Authenticator {
        &self.shared.authenticator
    }

    /// How often client applications failed.
    pub fn client_failures(&self) -> &ClientFailures {
        &self.shared.client_failures
    }

    /// Which codes were guessed at too often.
    pub fn code_attempts(&self) -> &CodeAttempts {
        &self.shared.code_attempts
    }

    /// Who is logged in in which browser.
    pub fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    /// Hashes new passwords.
    pub fn hasher(&self) -> &PasswordHasher {
        &self.shared.hasher
    }

    /// What a password has to meet that is set now.
    pub fn password_rules(&self) -> PasswordRules {
        let policy = self.shared.config.password.policy;
        self.shared.ledger.read(|view| PasswordRules::of(&view.state, policy))
    }

    /// What is counted and timed here.
    fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Puts the level of this log under the control of operators; a second call changes nothing.
    pub fn attach_log(&self, log: Arc<dyn LogControl>) {
        let _ = self.shared.log.set(log);
    }

    /// Which lines of the log are written.
    fn log(&self) -> &dyn LogControl {
        // A server in memory writes none.
        &**self.shared.log.get_or_init(|| Arc::new(Unwritten::new(&self.shared.config.log.level)))
    }

    /// Tells the time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// Where ids are drawn.
    pub fn random(&self) -> &dyn Random {
        &*self.shared.random
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").field("public_url", &self.shared.public_url).finish_non_exhaustive()
    }
}
