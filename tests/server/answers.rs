//! A small HTTP client: one connection per request, every byte of the answer kept, nothing repeated behind one's back.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The longest an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const APPS: &str = "/api/mgmt/oauthapps";

/// An application that can be created.
pub(crate) fn app(name: &str) -> Value {
    json!({
        "name": name,
        "dataStore": 54,
        "clientId": "an-id",
        "clientSecret": "a-secret",
        "authorizeURI": "https://accounts.google.com/o/oauth2/v2/auth",
        "tokenURI": "https://www.googleapis.com/oauth2/v3/token",
        "scope": "analytics.readonly",
    })
}

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    authorization: Option<String>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(there, _)| there.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Every value of a header that may come more than once.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(there, _)| there.eq_ignore_ascii_case(name));
        named.map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} with no JSON: {}", self.status, self.text()))
    }

    /// The code of an error, which some families write as a text.
    pub(crate) fn code(&self) -> u64 {
        let body = self.json();
        let code = &body["error"]["code"];
        let number = code.as_u64().or_else(|| code.as_str()?.parse().ok());
        number.unwrap_or_else(|| panic!("no code in {body}"))
    }

    /// The id of the object that was answered.
    pub(crate) fn id(&self) -> String {
        let body = self.json();
        body["id"].as_str().unwrap_or_else(|| panic!("no id in {body}")).to_owned()
    }

    /// `X-Request-Id`: the command that the events of this write carry.
    pub(crate) fn command(&self) -> String {
        self.header("x-request-id").expect("every answer has one").to_owned()
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr, user: Option<(&str, &str)>) -> Self {
        let authorization =
            user.map(|(name, password)| format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))));
        Self { address, authorization }
    }

    /// With another `Authorization`.
    pub(crate) fn saying(&self, authorization: &str) -> Self {
        Self { authorization: Some(authorization.to_owned()), ..*self }
    }

    /// The head of a request with a body of this length.
    pub(crate) fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        let mut put = |name: &str, value: &str| head.extend([name, ": ", value, "\r\n"]);
        if let Some(authorization) = &self.authorization {
            put("Authorization", authorization);
        }
        for (name, value) in headers {
            put(name, value);
        }
        if length > 0 {
            put("Content-Length", &length.to_string());
        }
        head + "\r\n"
    }

    /// Sends a request and hears the whole answer; an error when the server is gone before it was complete.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        let mut headers = headers.to_vec();
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        self.exchange(&[self.head(method, path, &headers, body.len()), body].concat().into_bytes())
    }

    /// Sends these bytes and hears the whole answer.
    pub(crate) fn exchange(&self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(request)?;
        let mut received = Vec::new();
        stream.read_to_end(&mut received)?;
        let head_only = request.starts_with(b"HEAD ");
        read_answer(&received, head_only).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// A GET that must be answered.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// Every application of the caller's tenant, in the order of the list.
    pub(crate) fn apps(&self) -> Vec<Value> {
        let answer = self.get(APPS);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        body["applications"].as_array().unwrap_or_else(|| panic!("no applications in {body}")).clone()
    }

    /// Creates an application, under a key if there is one.
    pub(crate) fn create(&self, name: &str, key: Option<&str>) -> io::Result<Answer> {
        let key: Vec<_> = key.iter().map(|key| ("Idempotency-Key", *key)).collect();
        self.send("POST", APPS, &key, Some(&app(name)))
    }
}

pub(crate) fn read_answer(received: &[u8], head_only: bool) -> Option<Answer> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let body = received[end + 4..].to_vec();
    let answer = Answer { status, headers, body };
    let promised: usize = answer.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
    (head_only || answer.body.len() == promised).then_some(answer)
}

#[test]
fn half_an_answer_is_no_answer() {
    let whole = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(read_answer(whole, false).map(|answer| answer.status), Some(201));
    for end in 0..whole.len() {
        assert!(read_answer(&whole[..end], false).is_none(), "{end}");
    }
}
