//! A ledger in a directory of its own, and the processes that serve it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::answers::Client;

/// The binary under test.
pub(crate) const AUTHLEDGER: &str = env!("CARGO_BIN_EXE_authledger");
/// The administrator of every ledger here.
pub(crate) const ADMIN: (&str, &str) = ("d2cadmin", "a long and winding road 7");

/// The longest anything here is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again until there is an answer; waiting is bounded, and nothing depends on how long it took.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(since.elapsed() < PATIENCE, "no {what} after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A new ledger, and room beside it.
pub(crate) struct Place {
    own: tempfile::TempDir,
    data: PathBuf,
    settings: Vec<(String, String)>,
    runs: AtomicU32,
}

impl Place {
    /// A ledger with its administrator, in a temporary directory.
    pub(crate) fn new() -> Self {
        let place = Self::vacant();
        place.init();
        place
    }

    /// A place where no ledger is yet.
    pub(crate) fn vacant() -> Self {
        let own = tempfile::tempdir().expect("a directory");
        let data = own.path().canonicalize().expect("resolves").join("data");
        Self { own, data, settings: Vec::new(), runs: AtomicU32::new(0) }
    }

    /// With its data directory, which is not there yet, somewhere else.
    pub(crate) fn on(self, directory: &Path) -> Self {
        Self { data: directory.join("data"), ..self }
    }

    /// With a setting, as the environment spells it without its prefix: `LOG__LEVEL`.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((format!("AUTHLEDGER_{name}"), value.to_owned()));
        self
    }

    pub(crate) fn init(&self) {
        let made = self.command("init").env("AUTHLEDGER_ADMIN_PASSWORD", ADMIN.1).output().expect("starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// The directory around everything.
    pub(crate) fn path(&self) -> &Path {
        self.own.path()
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// The engine's file with the log.
    pub(crate) fn engine(&self) -> PathBuf {
        self.data().join("sled/db")
    }

    pub(crate) fn witness(&self) -> PathBuf {
        self.data().join("witness")
    }

    /// Everything that servers of this place wrote to their standard output and error.
    pub(crate) fn logs(&self) -> PathBuf {
        self.path().join("logs")
    }

    fn environment(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AUTHLEDGER_") {
                command.env_remove(name);
            }
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
    }

    /// A command line on this data directory.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(AUTHLEDGER);
        self.environment(&mut command);
        command.arg(subcommand).arg("--data-dir").arg(self.data());
        command
    }

    /// Runs a command on this data directory while nobody serves it; what it printed when it ended well.
    pub(crate) fn offline_bytes(&self, subcommand: &str, arguments: &[&str]) -> Vec<u8> {
        let Output { status, stdout, stderr } =
            self.command(subcommand).args(arguments).output().expect("starts");
        let errors = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{subcommand} {arguments:?}: {status}: {errors}");
        stdout
    }

    /// The same of a command that prints text.
    pub(crate) fn offline(&self, subcommand: &str, arguments: &[&str]) -> String {
        String::from_utf8(self.offline_bytes(subcommand, arguments)).expect("is text")
    }

    /// `verify` must find nothing wrong; answers the number of events.
    pub(crate) fn verified(&self) -> u64 {
        let report: serde_json::Value =
            serde_json::from_str(&self.offline("verify", &["--json"])).expect("is JSON");
        assert_eq!(report["result"], "verified", "{report}");
        report["size"].as_u64().unwrap_or_else(|| panic!("no size in {report}"))
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        self.serve_under(&[])
    }

    /// The same under `wrapper`, the beginning of a command line that becomes the server itself: `strace -D …`.
    pub(crate) fn serve_under(&self, wrapper: &[&str]) -> Server {
        let mut server = self.start(wrapper);
        let (process, out) = (&mut server.process, &server.out);
        let address = wait_for("address", || {
            if let Some(ended) = process.try_wait().expect("can be asked") {
                panic!(
                    "the server ended at once: {ended}: {}",
                    fs::read_to_string(&server.err).unwrap_or_default()
                );
            }
            let said = fs::read_to_string(out).expect("reads");
            let line = said.strip_prefix("authledger listens on http://")?;
            line.split_once('\n')?.0.parse().ok()
        });
        server.address = address;
        server
    }

    fn start(&self, wrapper: &[&str]) -> Server {
        let words = [wrapper, &[AUTHLEDGER, "serve", "--listen", "127.0.0.1:0"]].concat();
        let mut command = Command::new(words[0]);
        self.environment(&mut command);
        command.args(&words[1..]).arg("--data-dir").arg(self.data());
        self.run(command)
    }

    /// Starts a command whose output is kept.
    fn run(&self, mut command: Command) -> Server {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(self.logs()).expect("creates");
        let (out, err) = (self.logs().join(format!("{run}.out")), self.logs().join(format!("{run}.err")));
        command.stdin(Stdio::null());
        command.stdout(File::create(&out).expect("creates")).stderr(File::create(&err).expect("creates"));
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Server { process, address: SocketAddr::from(([0; 4], 0)), out, err }
    }

    /// Runs a `serve` that must refuse: its exit code and what it said. Nothing may stand on its standard output.
    pub(crate) fn refused(&self, command: Command) -> (i32, String) {
        let asked = format!("{command:?}");
        let mut server = self.run(command);
        let ended = wait_for("refusal", || {
            let said = fs::read_to_string(&server.out).expect("reads");
            assert_eq!(said, "", "{asked} does not refuse: {}", server.log());
            server.process.try_wait().expect("can be asked")
        });
        (ended.code().unwrap_or(-1), server.log())
    }
}

/// A serving process, killed at the latest when this goes.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    out: PathBuf,
    err: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.log());
        }
    }
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The administrator at this server.
    pub(crate) fn admin(&self) -> Client {
        Client::new(self.address, Some(ADMIN))
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.err).expect("reads")).into_owned()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("end of the server", || self.process.try_wait().expect("can be asked"))
    }

    /// `kill -9`, now.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("kills");
        let ended = self.ended();
        assert_eq!(ended.signal(), Some(9), "it had ended before: {ended}: {}", self.log());
    }

    /// Asks it to end as an operator does, and waits.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.id())).status();
        assert!(asked.is_ok_and(|status| status.success()), "can't be asked to stop: {}", self.log());
        self.ended()
    }
}
