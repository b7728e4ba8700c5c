//! The real server as a child, beside axum's smallest answer, and load from a process of its own.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What the administrator is called, and everybody's password.
pub const ADMIN: &str = "d2cadmin";
pub const PASSWORD: &str = "plum-tractor-ninety-4";
/// Connections of a load, kept alive, one request in flight on each.
pub const CONNECTIONS: usize = 64;
const WARM: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);

/// Keeps this process to one core, and leaves the other to the servers.
pub fn keep_to_core_1() {
    let pinned = Command::new("taskset").args(["-acp", "1", &std::process::id().to_string()]).output();
    assert!(pinned.is_ok_and(|output| output.status.success()), "taskset can't pin this process to core 1");
}

/// When this program was started to be the reference: what axum can do on one core when it does nothing else.
pub fn be_hello_if_asked() {
    if std::env::var_os("BENCH_HELLO").is_some() {
        hello();
        std::process::exit(0);
    }
}

fn hello() {
    use axum::{Router, http::header::CONTENT_TYPE, routing};
    let answer = async || {
        let body = serde_json::json!({"active": true, "scope": "api:read", "client_id": "bench"});
        ([(CONTENT_TYPE, "application/json")], serde_json::to_vec(&body).expect("plain JSON"))
    };
    let app = Router::new().route("/json", routing::get(answer));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("listens on http://{}", listener.local_addr().expect("bound"));
        axum::serve(listener, app).await.expect("serves");
    });
}

/// A server; it is killed with this value.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// axum's smallest answer, on core 0.
    pub fn hello() -> Self {
        let mut command = on_core_0(&std::env::current_exe().expect("this program"));
        Self::start(command.env("BENCH_HELLO", "1").stderr(Stdio::null()))
    }

    /// authledger over a directory, on core 0.
    pub fn authledger(directory: &Path, reveal: &str) -> Self {
        let mut command = on_core_0(Path::new(env!("CARGO_BIN_EXE_authledger")));
        Self::start(command.env("AUTHLEDGER_SECRETS__REVEAL", reveal).args(serve(directory)))
    }

    /// The same on all cores.
    pub fn on_all_cores(directory: &Path) -> Self {
        Self::start(Command::new(env!("CARGO_BIN_EXE_authledger")).args(serve(directory)))
    }

    /// Comes back when it says where it listens.
    fn start(command: &mut Command) -> Self {
        command.env("AUTHLEDGER_ADMIN_PASSWORD", PASSWORD).env("AUTHLEDGER_LOG__LEVEL", "warn");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the server starts");
        let output = child.stdout.take().expect("piped");
        let mut lines = BufReader::new(output).lines();
        let address = loop {
            let line = lines.next().expect("the server says where it listens").expect("text");
            if let Some((_, address)) = line.split_once("listens on http://") {
                break address.trim().parse().expect("an address");
            }
        };
        // Whatever else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Ends it in order, its log closed.
    pub fn close(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill takes the signal there");
        assert!(self.child.wait().expect("it ends").success(), "it closes its log in order");
    }

    /// What it holds of the machine's memory, in bytes: now, and at most so far.
    pub fn resident_bytes(&self) -> (u64, u64) {
        resident_bytes(&self.child.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(directory: &Path) -> [&std::ffi::OsStr; 5] {
    let data_dir = "--data-dir".as_ref();
    ["serve".as_ref(), "--listen".as_ref(), "127.0.0.1:0".as_ref(), data_dir, directory.as_os_str()]
}

fn on_core_0(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

/// Runs a command of authledger over a directory.
pub fn authledger(arguments: &[&str], directory: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authledger"));
    command.args(arguments).arg("--data-dir").arg(directory);
    command.env("AUTHLEDGER_ADMIN_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("it runs").success(), "{arguments:?}");
}

/// What a process holds of the machine's memory, in bytes: now, and at most so far.
pub fn resident_bytes(process: &str) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says so");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// The load average of the last minute, to be printed beside what was measured under it.
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn head(user: &str, method: &str, path: &str) -> String {
    let basic = STANDARD.encode(format!("{user}:{PASSWORD}"));
    format!("{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {basic}\r\n")
}

pub fn get(user: &str, path: &str) -> Vec<u8> {
    format!("{}\r\n", head(user, "GET", path)).into_bytes()
}

pub fn send(user: &str, method: &str, path: &str, body: &str) -> Vec<u8> {
    let (head, length) = (head(user, method, path), body.len());
    format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// What a load came to.
pub struct Load {
    /// Answers a second.
    pub rate: f64,
    /// How long half of the answers took at most, and 99 of 100.
    pub p50: Duration,
    pub p99: Duration,
}

/// Each connection sends what `request` makes of its lane and its count, and waits for the answer.
pub async fn load(address: SocketAddr, request: impl Fn(usize, u64) -> Vec<u8> + Clone + 'static) -> Load {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async move {
            let request = Arc::new(request);
            let begin = Instant::now() + WARM;
            let end = begin + MEASURED;
            let tasks: Vec<_> = (0..CONNECTIONS)
                .map(|lane| {
                    let request = Arc::clone(&request);
                    tokio::task::spawn_local(async move {
                        let mut stream = connect(address).await;
                        let mut buffer = Vec::with_capacity(65_536);
                        let mut took = Vec::new();
                        let mut number = 0;
                        loop {
                            let sent = Instant::now();
                            if sent >= end {
                                return took;
                            }
                            exchange(&mut stream, &request(lane, number), &mut buffer).await;
                            number += 1;
                            let answered = Instant::now();
                            if answered > begin && answered <= end {
                                took.push(answered - sent);
                            }
                        }
                    })
                })
                .collect();
            let mut took = Vec::new();
            for task in tasks {
                took.extend(task.await.expect("no panic"));
            }
            took.sort_unstable();
            let rate = took.len() as f64 / MEASURED.as_secs_f64();
            Load { rate, p50: took[took.len() / 2], p99: took[took.len() * 99 / 100] }
        })
        .await
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// One request and its whole answer, which must be a success with a `Content-Length`. Answers with where its body begins.
pub async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> usize {
    stream.write_all(request).await.expect("the server reads");
    buffer.clear();
    loop {
        assert_ne!(stream.read_buf(buffer).await.expect("the server answers"), 0, "the server hung up");
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).expect("ASCII");
        assert!(head.starts_with("HTTP/1.1 20"), "{}", String::from_utf8_lossy(buffer));
        let length: usize = head
            .lines()
            .find_map(|line| {
                line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            })
            .map_or(0, |(_, length)| length.parse().expect("a number"));
        if buffer.len() >= end + 4 + length {
            return end + 4;
        }
    }
}
