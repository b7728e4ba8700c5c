//! The real server as a child, beside axum's smallest answer, and load from a process of its own.

use std::{
    io::{BufRead, BufReader, Lines},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
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

    /// authledger over a directory, on core 0, where applications may exchange passwords for tokens.
    pub fn with_password_grant(directory: &Path) -> Self {
        let mut command = on_core_0(Path::new(env!("CARGO_BIN_EXE_authledger")));
        Self::start(command.env("AUTHLEDGER_OAUTH__PASSWORD_GRANT", "true").args(serve(directory)))
    }

    /// npm's oidc-provider on core 0, and what it says in the line after the one with its address.
    pub fn oidc_provider(rotate: bool) -> (Self, String) {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc-provider");
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/oidc-provider");
        std::fs::create_dir_all(&place).expect("a directory");
        for file in ["package.json", "package-lock.json", "server.mjs"] {
            std::fs::copy(ours.join(file), place.join(file)).expect("it is copied");
        }
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        let installed = Command::new("npm").args(npm).current_dir(&place).stdout(Stdio::null()).status();
        assert!(installed.is_ok_and(|status| status.success()), "npm can't install the peer");
        let mut command = on_core_0(Path::new("node"));
        command.arg("server.mjs").current_dir(&place).stderr(Stdio::null());
        command.env("ROTATE", if rotate { "1" } else { "0" }).env("TOKENS", CONNECTIONS.to_string());
        let (server, mut lines) = Self::wait(&mut command);
        let next = lines.next().expect("it says more").expect("text");
        std::thread::spawn(move || lines.for_each(drop));
        (server, next)
    }

    /// Comes back when it says where it listens.
    fn start(command: &mut Command) -> Self {
        command.env("AUTHLEDGER_ADMIN_PASSWORD", PASSWORD).env("AUTHLEDGER_LOG__LEVEL", "warn");
        let (server, lines) = Self::wait(command);
        // Whatever else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        server
    }

    fn wait(command: &mut Command) -> (Self, Lines<BufReader<ChildStdout>>) {
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
        (Self { child, address }, lines)
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
    head_with((user, PASSWORD), method, path)
}

fn head_with((user, password): (&str, &str), method: &str, path: &str) -> String {
    let basic = STANDARD.encode(format!("{user}:{password}"));
    format!("{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {basic}\r\n")
}

pub fn get(user: &str, path: &str) -> Vec<u8> {
    format!("{}\r\n", head(user, "GET", path)).into_bytes()
}

pub fn send(user: &str, method: &str, path: &str, body: &str) -> Vec<u8> {
    let (head, length) = (head(user, method, path), body.len());
    format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// A form from whom these credentials belong to.
pub fn form(credentials: (&str, &str), path: &str, body: &str) -> Vec<u8> {
    let (head, length) = (head_with(credentials, "POST", path), body.len());
    let kind = "application/x-www-form-urlencoded";
    format!("{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
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
    let lanes = move |lane| {
        let (request, mut number) = (request.clone(), 0);
        move |_: &[u8]| {
            number += 1;
            request(lane, number - 1)
        }
    };
    talk(address, lanes).await
}

/// Each connection sends what its lane makes of the last answer's body, at first of an empty one, and waits for the answer.
pub async fn talk<L: FnMut(&[u8]) -> Vec<u8> + 'static>(
    address: SocketAddr,
    lanes: impl Fn(usize) -> L,
) -> Load {
    let begin = Instant::now() + WARM;
    let end = begin + MEASURED;
    let lane = |mut next: L| async move {
        let mut stream = connect(address).await;
        let mut buffer = Vec::with_capacity(65_536);
        let (mut took, mut body) = (Vec::new(), 0);
        loop {
            let request = next(&buffer[body..]);
            let sent = Instant::now();
            if sent >= end {
                return took;
            }
            body = exchange(&mut stream, &request, &mut buffer).await;
            let answered = Instant::now();
            if answered > begin && answered <= end {
                took.push(answered - sent);
            }
        }
    };
    let mut took = together((0..CONNECTIONS).map(|number| lane(lanes(number)))).await.concat();
    took.sort_unstable();
    let rate = took.len() as f64 / MEASURED.as_secs_f64();
    Load { rate, p50: took[took.len() / 2], p99: took[took.len() * 99 / 100] }
}

/// Sends each of these requests once, and answers with the requests a second and all bodies, in no order.
pub async fn each_once(address: SocketAddr, requests: Vec<Vec<u8>>) -> (f64, Vec<Vec<u8>>) {
    let requests = Arc::new(requests);
    let lane = |number: usize| {
        let requests = Arc::clone(&requests);
        async move {
            let mut stream = connect(address).await;
            let (mut buffer, mut bodies) = (Vec::new(), Vec::new());
            for request in requests.iter().skip(number).step_by(CONNECTIONS) {
                let body = exchange(&mut stream, request, &mut buffer).await;
                bodies.push(buffer[body..].to_vec());
            }
            bodies
        }
    };
    let began = Instant::now();
    let bodies = together((0..CONNECTIONS).map(lane)).await.concat();
    (bodies.len() as f64 / began.elapsed().as_secs_f64(), bodies)
}

async fn together<T: 'static>(tasks: impl Iterator<Item = impl Future<Output = T> + 'static>) -> Vec<T> {
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = tasks.map(|task| local.spawn_local(task)).collect();
    let all = async {
        let mut done = Vec::new();
        for task in tasks {
            done.push(task.await.expect("no panic"));
        }
        done
    };
    local.run_until(all).await
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
