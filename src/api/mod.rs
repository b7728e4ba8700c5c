//! The front: HTTP in, commands and lookups out, HTTP back.
//!
//! Owned here: routes, bodies, headers, statuses, limits of a request. Absent on purpose: decisions (`commands`), bytes and
//! disk (`ledger`), who somebody is (`auth`).

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Random;
use crate::config::Config;

pub mod answer;
pub mod body;
pub mod codes;
pub mod error;
pub mod fields;
pub mod guard;
pub mod headers;
pub mod health;
pub mod json;
mod rim;
pub mod router;
pub mod server;

/// What every handler may reach; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    public_url: String,
    random: Arc<dyn Random>,
}

impl AppState {
    /// `bound` is where the server really listens; it is the base of absolute URLs when `server.public_url` is not set.
    pub fn new(config: Config, bound: SocketAddr, random: Arc<dyn Random>) -> AppState {
        let public_url = config.public_url(bound);
        AppState { shared: Arc::new(Shared { config, public_url, random }) }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The base of every absolute URL, without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.shared.public_url
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
