//! What must hold between settings.

use super::{Config, ConfigError};

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let server = &config.server;
    if !server.listen.ip().is_loopback() {
        // Passwords travel in every request, so plain HTTP may leave the machine only towards a proxy that ends TLS.
        if server.behind_proxy.is_empty() {
            return Err(together(format!(
                "server.listen is {}, which others can reach, and this release speaks plain HTTP: name the proxies that \
                 end TLS in server.behind_proxy, or listen on 127.0.0.1 (TLS of our own comes with a later release)",
                server.listen
            )));
        }
        if server.public_url.is_none() {
            return Err(together(format!(
                "server.listen is {}, so server.public_url has to say under which URL clients reach it, for example \
                 \"https://ledger.example\"",
                server.listen
            )));
        }
    }
    if let Some(witness) = &config.ledger.witness_path
        && *witness == config.ledger.data_dir
    {
        return Err(together(
            "ledger.witness_path is the data directory; it has to name a file, best on another disk"
                .to_owned(),
        ));
    }
    Ok(())
}

fn together(sentence: String) -> ConfigError {
    ConfigError::Together(sentence)
}
