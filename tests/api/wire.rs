//! SECURITY L11 over a real connection: heads, bodies and time at their limits, and the orderly end.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use authledger::api::server::{self, Front};
use authledger::config::Config;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::exposition::Exposition;
use super::house::{ADMIN, House, app_body, basic};

struct Served {
    house: House,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

async fn serve(change: impl FnOnce(&mut Config)) -> Served {
    let mut config = Config::default();
    change(&mut config);
    let house = House::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = oneshot::channel::<()>();
    let app = house.app.clone();
    let server = tokio::spawn(async move {
        server::run(listener, app, async {
            let _ = stopped.await;
        })
        .await;
    });
    Served { house, address, stop, server }
}

/// Sends bytes and reads until the server hangs up, on a thread of its own.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let bytes = bytes.to_vec();
    let client = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        // The server may answer and hang up before everything is sent.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    client.await.expect("the client ends")
}

#[tokio::test]
async fn l11_a_head_past_its_limit_is_431() {
    let served = serve(|_| {}).await;
    // Within the margin it is answered with the limit, far past it with the bare status.
    let some = format!(
        "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-long: {}\r\n\r\n",
        "x".repeat(20 << 10)
    );
    let answer = exchange(served.address, some.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") && answer.contains("16384 bytes"), "{answer}");
    let lots = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(4 << 20));
    let answer = exchange(served.address, lots.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let many = format!("GET /livez HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(5000));
    let answer = exchange(served.address, many.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn l11_what_is_no_http_is_400_and_nothing_more() {
    let served = serve(|_| {}).await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[..],
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET \xff HTTP/1.1\r\n\r\n",
    ] {
        let answer = exchange(served.address, bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{bytes:?}: {answer}");
    }
    let fine = exchange(served.address, b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(fine.starts_with("HTTP/1.1 200 "), "{fine}");
}

#[tokio::test]
async fn l11_a_body_that_does_not_end_is_413_and_one_that_does_not_come_408() {
    let served = serve(|config| config.limits.request_time = Duration::from_millis(300)).await;
    let head = format!(
        "POST /api/mgmt/oauthapps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n{}\r\n",
        basic(ADMIN)
    );
    // Announced too large: refused before a byte of it is read.
    let announced = format!("{head}content-length: 99999999999\r\n\r\n");
    let answer = exchange(served.address, announced.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("1048576 bytes"), "{answer}");
    // Not announced, and growing past the limit.
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..20 {
        chunked.extend(b"10000\r\n");
        chunked.extend(vec![b' '; 0x10000]);
        chunked.extend(b"\r\n");
    }
    let answer = exchange(served.address, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("1048576 bytes"), "{answer}");
    let slow = format!("{head}content-length: 10\r\n\r\n{{");
    let answer = exchange(served.address, slow.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // And a head that does not come: the connection ends.
    let answer = exchange(served.address, b"GET /livez HTTP/1.1\r\nhost:").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(served.house.facts().len(), 6, "nothing was recorded");
}

#[tokio::test]
async fn while_the_log_is_opened_the_server_says_so() {
    let house = House::new(Config::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let front = Front::default();
    let (stop, stopped) = oneshot::channel::<()>();
    let limits = Config::default().limits;
    let server = tokio::spawn(server::run_front(listener, limits, front.clone(), async {
        let _ = stopped.await;
    }));
    let ask = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        exchange(address, request.as_bytes()).await
    };
    let live = ask("/livez").await;
    assert!(live.starts_with("HTTP/1.1 200 "), "{live}");
    let ready = ask("/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.contains("\"reason\":\"starting\""), "{ready}");
    let other = ask("/api/mgmt/oauthapps").await;
    assert!(other.starts_with("HTTP/1.1 503 ") && other.contains("retry-after: 1"), "{other}");
    assert!(other.contains("\"code\":\"222299032\""), "{other}");
    assert!(ask("/metrics").await.starts_with("HTTP/1.1 503 "));
    front.open(house.app.clone());
    assert!(ask("/readyz").await.starts_with("HTTP/1.1 200 "));
    assert!(ask("/api/mgmt/oauthapps").await.starts_with("HTTP/1.1 401 "));
    let _ = stop.send(());
    server.await.expect("the server ends");
}

#[tokio::test]
async fn a_stop_lets_a_request_under_way_finish() {
    let served = serve(|_| {}).await;
    let body = app_body("last").to_string();
    let head = format!(
        "POST /api/mgmt/oauthapps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{}\r\ncontent-length: {}\r\n\r\n",
        basic(ADMIN),
        body.len()
    );
    let judged = served.house.argon2_runs();
    let mut stream = TcpStream::connect(served.address).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let (first, rest) = body.as_bytes().split_at(10);
    stream.write_all(head.as_bytes()).expect("taken");
    stream.write_all(first).expect("taken");
    // Once the password was judged, the request is under way beyond doubt.
    served.house.until(|house| house.argon2_runs() > judged).await;
    let _ = served.stop.send(());
    stream.write_all(rest).expect("still taken");
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    let answer = answer.await.expect("the client ends").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    served.server.await.expect("the server ends");
    assert!(TcpStream::connect(served.address).is_err(), "nobody listens any more");
}

/// Only here, because a server in memory has no connections to tell of.
#[tokio::test]
async fn every_metric_stands_in_the_readme_and_connections_are_counted() {
    let served = serve(|_| {}).await;
    // Facts and refusals are told once there are some.
    served.house.app(ADMIN, "one", None).await;
    served.house.get("/nowhere").await;
    let request =
        format!("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n\r\n", basic(ADMIN));
    exchange(served.address, b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let answer = exchange(served.address, request.as_bytes()).await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let metrics = Exposition::parse(body);
    assert_eq!(metrics.count("authledger_connections_accepted_total", &[]), 2);
    assert!(metrics.count("authledger_connections_open", &[]) >= 1);

    let readme = include_str!("../../README.md");
    let documented: BTreeSet<&str> = readme
        .split('`')
        .filter(|word| word.starts_with("authledger_") || word.starts_with("process_"))
        .map(|word| word.split('{').next().expect("a name"))
        .collect();
    let exposed: BTreeSet<String> = metrics
        .families
        .iter()
        .map(|(name, kind)| match kind.as_str() {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.clone(),
        })
        .collect();
    assert_eq!(exposed.iter().map(String::as_str).collect::<BTreeSet<_>>(), documented);
    let _ = served.stop.send(());
    served.server.await.expect("the server ends");
}
