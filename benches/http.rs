//! Requests a second over HTTP, beside the smallest JSON answer axum gives, under the same load in the same run.
//!
//! `cargo bench --bench http`. The servers run on core 0, one at a time, the load on core 1: 64 connections, kept alive, one
//! request each in flight. Basic authentication is warm: its verified credentials are remembered, as in a server that is in
//! use. Three passes in turn, the middle one counts. Needs `taskset` (util-linux).

#![allow(clippy::cast_precision_loss, reason = "rates are shown to three digits")]

mod support;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use support::{Counter, middle};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const CONNECTIONS: usize = 64;
const WARM: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);
const PASSES: usize = 3;
const PASSWORD: &str = "plum-tractor-ninety-4";
const APP: &str = r#""dataStore":54,"clientId":"asdfjasdljfasdkjf","clientSecret":"1912308409123890","authorizeURI":"https://accounts.google.com/o/oauth2/v2/auth","tokenURI":"https://www.googleapis.com/oauth2/v3/token","scope":"full_offline_access, test_repo"}"#;

fn main() {
    if std::env::var_os("BENCH_HELLO").is_some() {
        return hello();
    }
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    // The load keeps to its own core; the servers are started on the other.
    let pinned = Command::new("taskset").args(["-acp", "1", &std::process::id().to_string()]).output();
    assert!(pinned.is_ok_and(|output| output.status.success()), "taskset can't pin this process to core 1");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");

    let names = [
        "axum hello",
        "GET app, reveal never",
        "GET app, audited (durable)",
        "GET list of 10",
        "POST app (durable)",
        "PUT app (durable)",
        "GET app as of its first event",
        "history of an app, 100 events",
    ];
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    for pass in 0..PASSES {
        let server = Server::hello();
        rates[0].push(runtime.block_on(load(server.address, |_, _| get("/json"))));
        drop(server);
        for reveal in ["never", "audited"] {
            let server = Server::authledger(&place.path().join(format!("{reveal}-{pass}")), reveal);
            runtime.block_on(prepare(server.address));
            if reveal == "never" {
                rates[1].push(runtime.block_on(load(server.address, |_, _| get("/api/mgmt/oauthapps/1"))));
                rates[3]
                    .push(runtime.block_on(load(server.address, |_, _| get("/api/mgmt/oauthapps?limit=10"))));
                rates[4].push(runtime.block_on(load(server.address, |lane, number| {
                    send("POST", "/api/mgmt/oauthapps", &format!("{{\"name\":\"app {lane} {number}\",{APP}"))
                })));
                rates[5].push(runtime.block_on(load(server.address, |lane, _| {
                    let id = 1 + lane % 10;
                    let path = format!("/api/mgmt/oauthapps/{id}");
                    send("PUT", &path, &format!("{{\"name\":\"first {id}\",{APP}"))
                })));
                // Streams of thousands of events by now; the tenth application was made by event 15.
                rates[6].push(
                    runtime.block_on(load(server.address, |_, _| get("/api/mgmt/oauthapps/10?asOf=15"))),
                );
                rates[7]
                    .push(runtime.block_on(load(server.address, |_, _| {
                        get("/api/audit/objects/oauth_app/1/history")
                    })));
            } else {
                rates[2].push(runtime.block_on(load(server.address, |_, _| get("/api/mgmt/oauthapps/1"))));
            }
        }
    }
    let rates: Vec<f64> = rates.into_iter().map(middle).collect();
    println!("| request | requests/s | beside axum hello |\n| --- | --- | --- |");
    for (name, rate) in names.iter().zip(&rates) {
        println!("| {name} | {rate:.0} | {:.2} |", rate / rates[0]);
    }
}

/// The reference: what axum can do on one core when it does nothing else.
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

/// A server on core 0; ends with this value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn hello() -> Self {
        let mut command = pinned(&std::env::current_exe().expect("this program"));
        Self::start(command.env("BENCH_HELLO", "1").stdout(Stdio::piped()).stderr(Stdio::null()))
    }

    fn authledger(directory: &Path, reveal: &str) -> Self {
        let mut command = pinned(Path::new(env!("CARGO_BIN_EXE_authledger")));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(directory)
            .env("AUTHLEDGER_ADMIN_PASSWORD", PASSWORD)
            .env("AUTHLEDGER_SECRETS__REVEAL", reveal)
            .env("AUTHLEDGER_LOG__LEVEL", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Self::start(&mut command)
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the server starts");
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
}

fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program).stdin(Stdio::null());
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn head(method: &str, path: &str) -> String {
    let basic = STANDARD.encode(format!("d2cadmin:{PASSWORD}"));
    format!("{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {basic}\r\n")
}

fn get(path: &str) -> Vec<u8> {
    format!("{}\r\n", head("GET", path)).into_bytes()
}

fn send(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}", head(method, path))
        .into_bytes()
}

async fn prepare(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.expect("listens");
    for number in 1..=10 {
        let request = send("POST", "/api/mgmt/oauthapps", &format!("{{\"name\":\"first {number}\",{APP}"));
        exchange(&mut stream, &request, &mut Vec::new()).await;
    }
}

/// Answers a second: each connection sends what `request` makes of its lane and its count.
async fn load(address: SocketAddr, request: impl Fn(usize, u64) -> Vec<u8> + Copy + 'static) -> f64 {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async move {
            let counter = Arc::new(Counter::default());
            let end = Instant::now() + WARM + MEASURED;
            let tasks: Vec<_> = (0..CONNECTIONS)
                .map(|lane| {
                    let counter = Arc::clone(&counter);
                    tokio::task::spawn_local(async move {
                        let mut stream = TcpStream::connect(address).await.expect("listens");
                        stream.set_nodelay(true).expect("a socket");
                        let mut buffer = Vec::with_capacity(16_384);
                        let mut number = 0;
                        while Instant::now() < end {
                            exchange(&mut stream, &request(lane, number), &mut buffer).await;
                            number += 1;
                            counter.add();
                        }
                    })
                })
                .collect();
            tokio::time::sleep(WARM).await;
            let (started, before) = (Instant::now(), counter.total());
            tokio::time::sleep(MEASURED).await;
            let rate = (counter.total() - before) as f64 / started.elapsed().as_secs_f64();
            for task in tasks {
                task.await.expect("no panic");
            }
            rate
        })
        .await
}

/// One request and its whole answer, which must be a success with a `Content-Length`.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) {
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
            return;
        }
    }
}
