//! The front: HTTP in, commands and lookups out, HTTP back.
//!
//! Owned here: routes, bodies, headers, statuses, limits of a request. Absent on purpose: decisions (`commands`), bytes and
//! disk (`ledger`), who somebody is (`auth`).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::Config;

pub mod answer;
pub mod health;
pub mod router;
pub mod server;

/// What every handler may reach; cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    public_url: String,
}

impl AppState {
    /// `bound` is where the server really listens; it is the base of absolute URLs when `server.public_url` is not set.
    pub fn new(config: Config, bound: SocketAddr) -> AppState {
        let public_url = config.public_url(bound);
        AppState { shared: Arc::new(Shared { config, public_url }) }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The base of every absolute URL, without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.shared.public_url
    }
}
