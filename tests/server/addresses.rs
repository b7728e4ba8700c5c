//! Address lists at the real server, over real connections: who the other end is, only the kernel says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::answers::{Answer, read_answer};
use super::place::{Place, Server};

const SYSTEM: &str = "/api/admin/security/whitelist/system";
const REFUSED: (u16, u64) = (403, 222_299_039);
/// The proxy that the server's settings name, and this machine itself under another of its addresses.
const PROXY: Ipv4Addr = Ipv4Addr::LOCALHOST;
const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Asks over a connection from that address; `forwarded` is what it says of where it has the request from.
fn ask(
    server: &Server,
    from: Ipv4Addr,
    forwarded: Option<&str>,
    method: &str,
    body: Option<&Value>,
) -> Answer {
    let mut headers: Vec<_> = forwarded.iter().map(|client| ("X-Forwarded-For", *client)).collect();
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        headers.push(("Content-Type", "application/json"));
    }
    let head = server.admin().head(method, SYSTEM, &headers, body.len());
    let exchange = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let mut stream = socket.connect(server.address()).await?;
        stream.write_all((head + &body).as_bytes()).await?;
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await?;
        Ok::<_, io::Error>(received)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let received = runtime.block_on(exchange).unwrap_or_else(|error| panic!("{method} from {from}: {error}"));
    read_answer(&received, false).expect("a whole answer")
}

#[test]
fn lists_hold_behind_a_proxy_and_after_a_restart_and_this_machine_comes_in() {
    let place = Place::new().with("SERVER__BEHIND_PROXY", &PROXY.to_string());
    let server = place.serve();
    let (client, other) = (Some("198.51.100.7"), Some("198.51.100.8"));
    let seen = |answer: &Answer| (answer.status, answer.code());
    let lists = json!({ "adminAPI": [{ "startAddress": "198.51.100.7" }] });
    let shut_out = ask(&server, PROXY, other, "PUT", Some(&lists));
    assert_eq!(seen(&shut_out), (409, 222_299_051), "{}", shut_out.text());
    assert_eq!(ask(&server, PROXY, client, "PUT", Some(&lists)).status, 200);

    assert_eq!(ask(&server, PROXY, client, "GET", None).status, 200);
    assert_eq!(seen(&ask(&server, PROXY, other, "GET", None)), REFUSED);
    // What the client wrote himself stands further left.
    assert_eq!(seen(&ask(&server, PROXY, Some("198.51.100.7, 198.51.100.8"), "GET", None)), REFUSED);
    assert_eq!(seen(&ask(&server, PROXY, Some("127.0.0.2"), "GET", None)), REFUSED);
    assert_eq!(seen(&ask(&server, PROXY, None, "GET", None)), REFUSED);
    assert_eq!(ask(&server, HERE, None, "GET", None).status, 200);
    assert_eq!(seen(&ask(&server, HERE, client, "GET", None)), REFUSED);
    assert!(server.stop().success());

    let server = place.serve();
    assert_eq!(seen(&ask(&server, PROXY, other, "GET", None)), REFUSED);
    let nowhere = json!({ "adminAPI": [{ "startAddress": "203.0.113.1" }] });
    assert_eq!(ask(&server, HERE, None, "PUT", Some(&nowhere)).status, 200, "nobody but this machine");
    assert_eq!(seen(&ask(&server, PROXY, client, "GET", None)), REFUSED);
    assert_eq!(ask(&server, HERE, None, "DELETE", None).status, 204);
    assert_eq!(ask(&server, PROXY, other, "GET", None).status, 200);
}
