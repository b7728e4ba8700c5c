//! `authledger serve`: the server in the foreground, until SIGTERM or SIGINT.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, Failure, Settings};
use crate::api::{self, AppState};
use crate::clock::SystemRandom;
use crate::config::{Config, Log, LogFormat};

/// Serve the ledger over HTTP; the first start on an empty directory initialises it
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
    /// Address and port to listen on  [setting server.listen; default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Show the settings with secrets masked, and end
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let flags = self.listen.map(|address| ("server.listen", address)).into_iter().collect();
        let config = self.settings.load(flags)?;
        if self.print_config {
            print!("{}", config.masked_toml());
            return Ok(Exit::Done);
        }
        start_log(&config.log);
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::cannot_run(format!("can't start the runtime: {error}")))?
            .block_on(serve(config))
    }
}

async fn serve(config: Config) -> Result<Exit, Failure> {
    // The port first: when it is taken, nothing on disk has been touched yet.
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| Failure::cannot_run(match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "{listen} is in use by another program (perhaps another authledger): stop it, or choose another address with --listen"
        ),
        _ => format!("can't listen on {listen}: {error}"),
    }))?;
    let bound =
        listener.local_addr().map_err(|error| Failure::cannot_run(format!("can't listen: {error}")))?;

    // Handlers stand before anybody is told that we listen, so that a signal sent at once is not lost.
    let stop =
        stop_signal().map_err(|error| Failure::cannot_run(format!("can't wait for signals: {error}")))?;
    let state = AppState::new(config, bound, Arc::new(SystemRandom));

    // Scripts and tests wait for this line; with port 0 it is where the port stands.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "authledger listens on {}", state.public_url());
    let _ = out.flush();
    drop(out);

    api::server::run(listener, state, stop).await;
    Ok(Exit::Done)
}

/// Resolves at the first SIGTERM or SIGINT. A second one ends the process at once, as people expect.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests under way are finished first; a second signal ends at once");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // Nothing acknowledged is lost: it is on disk. The next start checks a copy first.
            std::process::exit(i32::from(Exit::CannotRun.code()));
        });
    })
}

fn start_log(log: &Log) {
    let filter: tracing_subscriber::EnvFilter =
        log.level.parse().expect("the settings were read, and reading this one parses it");
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call means that a test of this process did it before.
    let _ = match log.format {
        LogFormat::People => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}
