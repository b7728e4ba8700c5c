//! L1, L2 of the whole server: what its sockets say, and when. It runs under strace, on a ledger of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::ground;
use crate::trace::{self, Fact};

const PASSWORD: &str = "violet tundra anchor spoon";
/// `d2cadmin` and the password.
const CREDENTIALS: &str = "Basic ZDJjYWRtaW46dmlvbGV0IHR1bmRyYSBhbmNob3Igc3Bvb24=";

/// A ledger as `init` makes it, made once: hashing a password takes its time.
fn sample() -> &'static Path {
    static SAMPLE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let place = SAMPLE.get_or_init(|| {
        let place = tempfile::tempdir().expect("a directory");
        let password = place.path().join("password");
        std::fs::write(&password, PASSWORD).expect("writes");
        let made = authledger(place.path())
            .arg("init")
            .arg("--data-dir")
            .arg(place.path().join("ledger"))
            .arg("--admin-password-file")
            .arg(password)
            .output()
            .expect("starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        place
    });
    place.path()
}

fn authledger(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authledger"));
    command.current_dir(place);
    command
}

/// A server under strace. Killing strace would leave it running, so its own id is asked for and it is ended by that.
struct Server {
    strace: Child,
    address: String,
    trace: PathBuf,
}

impl Server {
    fn start(place: &Path, rules: &[&str]) -> Self {
        let trace = place.join("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-y", "-s", "100000", "--signal=none", "-o"]).arg(&trace);
        for rule in rules {
            command.args(["-e", rule]);
        }
        command.arg(env!("CARGO_BIN_EXE_authledger")).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
        ]);
        command.arg(place.join("ledger")).current_dir(place).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut strace = command.spawn().expect("strace starts");
        let output = strace.stdout.take().expect("piped");
        let line = BufReader::new(output).lines().map_while(Result::ok).find(|line| line.contains("http://"));
        let line = line.expect("the server says where it listens");
        let address = line.split_once("http://").expect("an address").1.trim().to_owned();
        Self { strace, address, trace }
    }

    /// The status of an answer and its body; 0 when the connection broke.
    fn create(&self, name: &str) -> (u16, Value) {
        let body = json!({
            "name": name, "dataStore": 54, "clientId": "client", "clientSecret": "secret",
            "authorizeURI": "https://accounts.google.com/o/oauth2/v2/auth",
            "tokenURI": "https://www.googleapis.com/oauth2/v3/token", "scope": "full_offline_access",
        });
        let url = format!("http://{}/api/mgmt/oauthapps", self.address);
        let sent = agent().post(&url).header("Authorization", CREDENTIALS).send_json(body);
        answer(sent)
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address);
        answer(agent().get(&url).header("Authorization", CREDENTIALS).call())
    }

    fn names(&self) -> Vec<String> {
        let (status, body) = self.get("/api/mgmt/oauthapps");
        assert_eq!(status, 200, "{body}");
        let list = body["applications"].as_array().expect("a list");
        list.iter().filter_map(|app| app["name"].as_str()).map(str::to_owned).collect()
    }

    /// Asks it to stop and waits for its end; answers what it did meanwhile.
    fn stop(mut self) -> Vec<trace::Call> {
        self.signal("-TERM");
        self.strace.wait().expect("ends");
        trace::parse(&std::fs::read_to_string(&self.trace).expect("reads"))
    }

    /// Signals what strace runs; that is its only child.
    fn signal(&self, signal: &str) {
        let strace = self.strace.id();
        let children =
            std::fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let kill = format!("kill {signal} {child}");
            let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.strace.try_wait(), Ok(None)) {
            self.signal("-KILL");
            let _ = self.strace.wait();
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn answer(sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    match sent {
        Ok(mut answer) => (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or(Value::Null)),
        Err(_) => (0, Value::Null),
    }
}

/// A copy of the sample, with its master key beside it.
fn copy_of_sample() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a directory");
    ground::copy(&sample().join("ledger"), &place.path().join("ledger"));
    let key = "ledger.key";
    std::fs::copy(sample().join(key), place.path().join(key)).expect("copies");
    place
}

#[test]
fn l01_no_answer_to_a_write_leaves_before_its_bytes_are_synchronised() {
    let place = copy_of_sample();
    let server = Server::start(place.path(), &["trace=pwrite64,write,writev,sendto,sendmsg,fdatasync"]);
    let mut names: Vec<_> = (0..5).map(|number| format!("alone_{number}")).collect();
    for name in &names {
        assert_eq!(server.create(name).0, 201);
    }
    // And in groups, which are synchronised once for all.
    std::thread::scope(|scope| {
        for client in 0..8 {
            let server = &server;
            scope.spawn(move || {
                (0..5).for_each(|number| {
                    assert_eq!(server.create(&format!("together_{client}_{number}")).0, 201);
                });
            });
        }
    });
    names.extend((0..8).flat_map(|client| (0..5).map(move |number| format!("together_{client}_{number}"))));
    let calls = server.stop();
    for name in &names {
        let fact = Fact { in_log: name, answered_on: "socket:", in_answer: ["HTTP/1.1 201", name] };
        trace::check_order(&calls, &place.path().join("ledger"), &fact)
            .expect("on disk before it was answered");
    }
}

/// A failing fdatasync, the log's or the witness's, while applications are created one after the other; then a restart.
#[test]
fn l01_l02_a_failing_or_last_synchronisation_of_the_server_loses_nothing() {
    println!("{:>4} {:8} {:8} {:>12} {:>6}  answers", "call", "file", "fault", "acknowledged", "found");
    for nth in 1..=4 {
        for fault in ["error=EIO", "signal=KILL"] {
            let place = copy_of_sample();
            let rule = format!("inject=fdatasync:{fault}:when={nth}");
            let server = Server::start(place.path(), &["trace=fdatasync", &rule]);
            let answers: Vec<_> = (0..4).map(|number| server.create(&format!("app_{number}")).0).collect();
            let acknowledged = answers.iter().filter(|status| **status == 201).count();
            if fault == "error=EIO" {
                // The write in flight: unknown. Those after it: refused. Reading goes on, and shows what was acknowledged.
                assert!(answers[acknowledged..].iter().all(|status| *status == 503), "{answers:?}");
                assert_eq!(server.names().len(), acknowledged);
                let (status, ready) = server.get("/readyz");
                assert_eq!((status, &ready["reasons"][0]["reason"]), (503, &json!("writer")), "{ready}");
                server.stop();
            } else {
                assert!(answers[acknowledged..].iter().all(|status| *status == 0), "{answers:?}");
                drop(server);
            }
            assert_eq!(acknowledged, (nth - 1) / 2, "{answers:?}");

            let again = Server::start(place.path(), &["trace=fdatasync"]);
            let found = again.names();
            let file = if nth % 2 == 1 { "log" } else { "witness" };
            println!(
                "{nth:>4} {file:8} {:8} {acknowledged:>12} {:>6}  {answers:?}",
                &fault[6..],
                found.len()
            );
            let expected: Vec<_> = (0..found.len()).map(|number| format!("app_{number}")).collect();
            assert_eq!(found, expected, "in order, whole, and nothing that was refused");
            assert!((acknowledged..=acknowledged + 1).contains(&found.len()), "{found:?}");
            assert_eq!(again.create("after").0, 201);
            again.stop();
        }
    }
}
