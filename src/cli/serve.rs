//! `authledger serve`: the server in the foreground, until SIGTERM or SIGINT.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::init::Made;
use super::offline::{self, Ready};
use super::progress::Bar;
use super::{Exit, Failure, Settings, init, say};
use crate::api::AppState;
use crate::api::server::{Front, run_front};
use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::config::Config;
use crate::ledger::live::{Health, Ledger, Stop};
use crate::ledger::recover::Opened;
use crate::ledger::snapshot::Skipped;
use crate::ledger::start::{WriterSettings, start};
use crate::ledger::store::StoreError;
use crate::logs::{self, LogControl, millis};

/// Serve the ledger over HTTP; the first start on an empty directory makes one
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
    /// Address and port to listen on  [setting server.listen; default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The clock is right, although the last event is longer ago than clock.max_gap
    #[arg(long)]
    accept_clock: bool,
    /// Show the settings with secrets masked, and end
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let flags = self.listen.map(|address| ("server.listen", address)).into_iter().collect();
        let config = self.settings.load(flags)?;
        if self.print_config {
            return say(config.masked_toml().trim_end()).map(|()| Exit::Done);
        }
        let log = logs::start(&config.log);
        keep_out_of_core_files();
        std::panic::set_hook(Box::new(report_panic));

        // The port first: when it is taken, nothing on disk has been touched yet.
        let (listener, bound) = listen(config.server.listen)?;
        let directory = offline::data_directory(&config);
        let made = init::make_if_vacant(&config, &directory)?;
        // Before anything else can fail: the password stands nowhere else.
        made.as_ref().map_or(Ok(()), Made::announce)?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            data_dir = %directory.path().display(),
            listen = %bound,
            filter = %config.log.level,
            "starting: the log is opened and checked before anything is served"
        );

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::cannot_run(format!("can't start the runtime: {error}")))?;
        let served = runtime.block_on(serve(listener, bound, config, self.accept_clock, made, log));
        let ledger = match served {
            Ok(Some(ledger)) => ledger,
            ended => {
                // An opening that is still going on is left like a crash leaves it, which the next start copes with.
                runtime.shutdown_background();
                return ended.map(|_| Exit::Done);
            }
        };
        // With the runtime every request goes: what they asked for is carried out, then the book is closed.
        drop(runtime);
        match ledger.close() {
            Ok(()) => {
                tracing::info!(
                    events = ledger.size(),
                    "stopped: all that was acknowledged is on disk, and the log is closed in order"
                );
                Ok(Exit::Done)
            }
            Err(StoreError::Poisoned) => Err(Failure::cannot_run(match ledger.health() {
                Health::Stopped(stop @ (Stop::Changed(_) | Stop::Newer(_))) => {
                    format!("{stop}; `authledger verify` says more, and the next start refuses")
                }
                _ => "the last write failed while the server ran; the next start finds out on a copy what the disk holds".to_owned(),
            })),
            Err(error) => Err(Failure::cannot_run(format!("the log could not be closed in order: {error}"))),
        }
    }
}

/// A core file would hold keys and secrets in the clear, wherever the machine puts it (SECURITY L6). The limit ends those that
/// the kernel writes itself, the flag also those that it pipes to a program.
fn keep_out_of_core_files() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let done =
        setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    if let Err(error) = done {
        tracing::warn!(%error, "core files could not be switched off: if the server crashes, one may hold secrets");
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind(address).map_err(|error| {
        Failure::cannot_run(match error.kind() {
            ErrorKind::AddrInUse => format!(
                "{address} is in use by another program (perhaps another authledger): stop it, or choose another address with --listen"
            ),
            _ => format!("can't listen on {address}: {error}"),
        })
    })?;
    let prepared = listener.set_nonblocking(true).and_then(|()| listener.local_addr());
    let bound =
        prepared.map_err(|error| Failure::cannot_run(format!("can't listen on {address}: {error}")))?;
    Ok((listener, bound))
}

/// Opens the configured ledger, checks it, folds it, and starts its writer.
fn open(
    config: &Config,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    accept_clock: bool,
) -> Result<Ledger, Failure> {
    let Ready { opened, vault } = offline::open_to_write(config, random, &mut Bar::new())?;
    let Opened { store, witness, closer, folded, survivors, started, skipped, .. } = opened;
    for Skipped { file, reason } in skipped {
        tracing::warn!(file = %file.display(), %reason, "a snapshot was skipped");
    }
    if let Some(snapshot) = started.snapshot {
        let (size, folded) = (snapshot.size, started.folded);
        tracing::info!(size, folded, "started from a snapshot; the log before it is checked behind");
    }
    if survivors > 0 {
        tracing::info!(
            survivors,
            "events that nobody was told of survived the last crash and are part of history"
        );
    }
    let settings = WriterSettings { queue: config.ledger.queue, max_gap: config.clock.max_gap, accept_clock };
    start(store, witness, Some(closer), vault, clock, &settings, folded).map_err(Failure::cannot_run)
}

/// Opens the ledger and serves it. From the beginning the port answers that the server lives and is not ready.
///
/// `None` when a signal came before the ledger was open.
async fn serve(
    listener: TcpListener,
    bound: SocketAddr,
    config: Config,
    accept_clock: bool,
    made: Option<Made>,
    log: Arc<dyn LogControl>,
) -> Result<Option<Arc<Ledger>>, Failure> {
    let listener = tokio::net::TcpListener::from_std(listener)
        .map_err(|error| Failure::cannot_run(format!("can't listen on {bound}: {error}")))?;
    // Handlers stand before anybody is told that we listen, so that a signal sent at once is not lost.
    let stop =
        stop_signal().map_err(|error| Failure::cannot_run(format!("can't wait for signals: {error}")))?;
    tokio::pin!(stop);
    let front = Front::default();
    let (end, ended) = oneshot::channel::<()>();
    let serving = tokio::spawn(run_front(listener, config.limits.clone(), front.clone(), async {
        let _ = ended.await;
    }));

    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let begun = Instant::now();
    let opening = {
        let (config, random, clock) = (config.clone(), Arc::clone(&random), Arc::clone(&clock));
        tokio::task::spawn_blocking(move || open(&config, random, clock, accept_clock))
    };
    let ledger = tokio::select! {
        opened = opening => opened.unwrap_or_else(|_| Err(Failure::cannot_run("opening the ledger failed unexpectedly")))?,
        () = &mut stop => return Ok(None),
    };
    let ledger = Arc::new(ledger);
    tracing::info!(
        events = ledger.size(),
        epoch = ledger.epoch().0,
        ms = millis(begun.elapsed()),
        "the log is open"
    );
    let state = AppState::new(config, bound, Arc::clone(&ledger), clock, random);
    state.attach_log(log);
    if let Some(made) = made {
        let _ = io::stderr().write_all(made.tour(state.public_url()).as_bytes());
    }
    tracing::info!(listen = %bound, public_url = state.public_url(), "serving");
    front.open(state);

    // Scripts and tests wait for this line; with port 0 it is where the port stands.
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "authledger listens on http://{bound}");
    let _ = out.flush();
    drop(out);

    stop.await;
    let _ = end.send(());
    serving.await.map_err(|_| Failure::cannot_run("the server ended unexpectedly; the log says more"))?;
    Ok(Some(ledger))
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

/// Says where a panic was. Of its message only what stands in our source: a formatted one may hold anything.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(message withheld)");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, said = message, "panicked");
}
