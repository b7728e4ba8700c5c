//! The binary, servers of it, and a ledger to look at.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover::{self, OpenOptions, Opened};
use authledger::vault::keys_file::KeysFile;
use authledger::vault::master::MasterKey;
use serde_json::{Value, json};

/// Who a ledger begins with here, and what he gave as his password.
pub(crate) const ADMIN: &str = "d2cadmin";
pub(crate) const PASSWORD: &str = "violet tundra anchor spoon";
/// Must appear nowhere in what is printed.
pub(crate) const SECRETS: [&str; 3] = [PASSWORD, "canary-client-secret", "canary words about it"];

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_mins(1);

/// The binary with arguments, and nothing of ours in its environment.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authledger"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AUTHLEDGER_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as text.
    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.bytes.clone()).expect("text")
    }

    /// Standard output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Panics unless it ended with this code and both streams together hold these texts.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, texts: &[&str]) -> Ran {
        let said = format!("{}{}", String::from_utf8_lossy(&self.bytes), self.err);
        assert_eq!(self.code, Some(code), "{said}");
        for text in texts {
            assert!(said.contains(text), "{text:?} is not in {said:?}");
        }
        assert!(!said.contains("panicked"), "{said}");
        self
    }
}

/// Runs a prepared command to its end, or kills it and panics when it hangs.
pub(crate) fn finish(command: &mut Command) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    // Both pipes are drained at once, so that neither can fill up and stop the child.
    let mut out = child.stdout.take().expect("piped");
    let mut err = child.stderr.take().expect("piped");
    let out = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).map(|_| bytes)
    });
    let err = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).map(|_| text)
    });
    let status = wait(&mut child);
    Ran {
        code: status.code(),
        bytes: out.join().expect("reads").expect("reads"),
        err: err.join().expect("reads").expect("text"),
    }
}

/// Runs the binary with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    finish(&mut command(arguments))
}

/// Runs a subcommand on a data directory.
pub(crate) fn on(directory: &Path, arguments: &[&str]) -> Ran {
    let directory = directory.to_str().expect("UTF-8");
    run(&[&arguments[..1], &["--data-dir", directory], &arguments[1..]].concat())
}

/// Makes a ledger with the password that is known here.
pub(crate) fn init(directory: &Path) {
    let directory = directory.to_str().expect("UTF-8");
    let mut command = command(&["init", "--data-dir", directory]);
    finish(command.env("AUTHLEDGER_ADMIN_PASSWORD", PASSWORD)).expect(0, &["A new ledger"]);
}

pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("can be waited for") {
            return status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("the command hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Asks again until it is so.
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server on a port of its own.
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts one and waits until it listens.
    pub(crate) fn start(directory: &Path) -> Server {
        Server::start_with(directory, &[])
    }

    /// The same with settings in its environment.
    pub(crate) fn start_with(directory: &Path, environment: &[(&str, &str)]) -> Server {
        let directory = directory.to_str().expect("UTF-8");
        let mut command = command(&["serve", "--data-dir", directory, "--listen", "127.0.0.1:0"]);
        let mut child = command
            .env("AUTHLEDGER_LOG__LEVEL", "error")
            .env("AUTHLEDGER_LEDGER__MIN_FREE_BYTES", "0")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("says something");
        let url = line.trim().strip_prefix("authledger listens on ").expect("listens").to_owned();
        Server { child, url }
    }

    /// Sends a request as the administrator, and answers with the body of a 2xx.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        use base64::Engine;
        let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{ADMIN}:{PASSWORD}"));
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Basic {credentials}"))
            .header("content-type", "application/json")
            .body(body.map(ToString::to_string).unwrap_or_default())
            .expect("a request");
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut answer = agent.run(request).expect("an answer");
        let text = answer.body_mut().read_to_string().expect("a body");
        assert!(answer.status().is_success(), "{method} {path}: {} {text}", answer.status());
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A GET by somebody: the status, and the body when it is JSON.
    pub(crate) fn ask_as(&self, user: &str, password: &str, path: &str) -> (u16, Value) {
        use base64::Engine;
        let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let asked = agent.get(format!("{}{path}", self.url));
        let mut answer =
            asked.header("authorization", format!("Basic {credentials}")).call().expect("an answer");
        let text = answer.body_mut().read_to_string().expect("a body");
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn stop(mut self) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(told.success());
        assert_eq!(wait(&mut self.child).code(), Some(0), "an orderly end");
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("dies");
        wait(&mut self.child);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The keys of a ledger on disk.
pub(crate) fn keys(path: &Path) -> (MasterKey, KeysFile) {
    let master = MasterKey::read(&MasterKey::path_beside(path).expect("a place")).expect("a key");
    (master, KeysFile::read(path).expect("a keys file"))
}

/// Opens a ledger as `serve` does, in this process.
pub(crate) fn open(path: &Path) -> Opened {
    let (master, keys) = keys(path);
    let mut options = OpenOptions { reserve_bytes: 4096, ..OpenOptions::default() };
    options.engine.low_water_bytes = 0;
    let witness_key = master.witness_key(keys.ledger());
    recover::open(&DataDirectory::new(path), &witness_key, &options, &mut |_| {}).expect("opens")
}

/// An application as a client sends it.
pub(crate) fn application(name: &str) -> Value {
    json!({
        "name": name, "dataStore": 54, "clientId": "my-id, \"quoted\"", "clientSecret": SECRETS[1],
        "description": SECRETS[2], "authorizeURI": "https://accounts.google.com/o/oauth2/v2/auth",
        "tokenURI": "https://www.googleapis.com/oauth2/v3/token", "scope": "analytics.readonly",
    })
}

/// What the administrator did in [`Sample`]: two applications, one replaced and read with its secret, one deleted.
pub(crate) fn write_history(server: &Server) {
    let apps = "/api/mgmt/oauthapps";
    server.send("POST", apps, Some(&application("First app")));
    server.send("POST", apps, Some(&application("Second app")));
    server.send("PUT", &format!("{apps}/1"), Some(&application("Renamed app")));
    server.send("GET", &format!("{apps}/1"), None);
    server.send("DELETE", &format!("{apps}/2"), None);
}

/// Events of [`Sample`]: six of the first command, and five of [`write_history`].
pub(crate) const EVENTS: u64 = 11;

/// A ledger with a history, closed in order, in a place of its own.
pub(crate) struct Sample {
    place: tempfile::TempDir,
}

impl Sample {
    pub(crate) fn new() -> Sample {
        let sample = Sample { place: tempfile::tempdir().expect("a directory") };
        init(&sample.ledger());
        let server = Server::start(&sample.ledger());
        write_history(&server);
        server.stop();
        // Room kept back for a full disk, which no test here needs copied.
        fs::remove_file(sample.ledger().join("reserve")).expect("removes");
        sample
    }

    /// Where everything of it is; a test may use the rest.
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.place().join("ledger")
    }

    /// The leaves as `events --format leaves` writes them.
    pub(crate) fn dump(&self) -> Vec<u8> {
        on(&self.ledger(), &["events", "--format", "leaves"]).expect(0, &[]).bytes
    }
}

/// The state digest of a replay with these arguments.
pub(crate) fn digest(directory: &Path, arguments: &[&str]) -> String {
    let replayed =
        on(directory, &[&["replay", "--digest", "--json"], arguments].concat()).expect(0, &[]).json();
    assert_eq!(replayed["digestVersion"], 4);
    replayed["digest"].as_str().expect("a digest").to_owned()
}

/// Copies a directory and all below it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creates");
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("lists");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("has a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copies");
        }
    }
}

/// Every name below `path`, with the bytes of files: what a refusal must leave as it was. A lock has no bytes.
pub(crate) fn contents(path: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut directories = vec![path.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("lists") {
            let path = entry.expect("lists").path();
            if path.is_dir() {
                directories.push(path.clone());
                found.push((path, None));
            } else if !path.ends_with("lock") {
                let bytes = fs::read(&path).expect("reads");
                found.push((path, Some(bytes)));
            }
        }
    }
    found.sort();
    found
}
