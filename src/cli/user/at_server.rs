//! At a running server, through its Administrator API, as one of its users.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use events::id::UserId;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, HeaderValue, IF_MATCH};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::super::{Exit, Failure};
use super::{Done, Named, New, refused};
use crate::auth::password::judge_temporary;
use crate::vault::PlainSecret;
use crate::vault::login::LoginName;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// More than a page of users has.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Users on a page while a name is looked for.
const PAGE: usize = 1000;

/// A server, and as whom it is asked.
pub(super) struct AtServer {
    host: String,
    port: u16,
    authorization: HeaderValue,
    asking: String,
    runtime: tokio::runtime::Runtime,
}

/// What a server answered with 2xx.
struct Answer {
    headers: HeaderMap,
    body: Value,
}

impl AtServer {
    /// Plain HTTP only: to this machine, or wherever somebody says that the way there is safe.
    pub(super) fn new(
        url: &str,
        allow_plain_http: bool,
        name: &str,
        password: &PlainSecret,
    ) -> Result<Self, Failure> {
        let parsed = Url::parse(url).map_err(|error| Failure::usage(format!("--server {url}: {error}")))?;
        if parsed.scheme() != "http" {
            return Err(Failure::usage(format!(
                "--server {url}: only http is spoken here; on the server's own machine use its address there, such as http://127.0.0.1:8080"
            )));
        }
        let more = parsed.path() != "/"
            || parsed.query().is_some()
            || parsed.fragment().is_some()
            || !parsed.username().is_empty()
            || parsed.password().is_some();
        let host = parsed.host().filter(|_| !more).ok_or_else(|| {
            Failure::usage(format!("--server {url}: give scheme, host and port, and nothing else"))
        })?;
        let here = match &host {
            Host::Domain(name) => *name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        if !here && !allow_plain_http {
            return Err(Failure::usage(format!(
                "--server {url}: passwords would go there in the clear; do this on the server's machine, or add --allow-plain-http when the way there is safe"
            )));
        }
        LoginName::parse(name).map_err(Failure::usage)?;
        let credentials = Zeroizing::new(format!("{name}:{}", password.expose()));
        let encoded = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(credentials.as_bytes())));
        let mut authorization = HeaderValue::from_str(&encoded).expect("base64 is a header value");
        authorization.set_sensitive(true);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::cannot_run(format!("can't start the runtime: {error}")))?;
        Ok(Self {
            // An IPv6 address stands in brackets in a URL, and nowhere else.
            host: host.to_string().trim_matches(['[', ']']).to_owned(),
            port: parsed.port_or_known_default().unwrap_or(80),
            authorization,
            asking: name.to_owned(),
            runtime,
        })
    }

    pub(super) fn set_password(&self, named: &Named, new: &New) -> Result<Done, Failure> {
        if !new.for_good {
            // The server says the same; said here, the password needs no way through the network.
            judge_temporary(&new.password).map_err(refused)?;
        }
        let user = self.find(named)?;
        let password = new.password.expose();
        let (path, body) = if new.for_good {
            ("passwordinfo", json!({ "password": password, "passwordStatus": 1 }))
        } else {
            ("resetpassword", json!({ "newPassword": password }))
        };
        let answer = self.ask(Method::PUT, &format!("{user}/{path}"), Some(&body), None);
        done(user, &answer.map_err(|problem| problem.about(named))?)
    }

    pub(super) fn unlock(&self, named: &Named) -> Result<Done, Failure> {
        let user = self.find(named)?;
        let path = format!("{user}/statusinfo");
        let now = self.ask(Method::GET, &path, None, None).map_err(|problem| problem.about(named))?;
        if now.body["accountLocked"] != json!(true) {
            return Ok(Done { user, sequence: None });
        }
        // Whether he may log in is to stay as it is: a PUT names it again, and only if nobody changed it meanwhile.
        let body = json!({ "status": now.body["status"], "accountLocked": false });
        let answer = self.ask(Method::PUT, &path, Some(&body), now.headers.get(ETAG));
        done(user, &answer.map_err(|problem| problem.about(named))?)
    }

    /// The id; a name is looked for among the users whom the asking one sees, page by page.
    fn find(&self, named: &Named) -> Result<UserId, Failure> {
        let wanted = match named {
            Named::Id(id) => return Ok(*id),
            Named::Name(name) => name,
        };
        let mut after = 0;
        loop {
            let page = self.ask(Method::GET, &format!("?limit={PAGE}&after={after}"), None, None);
            let page = page.map_err(|problem| problem.about(named))?.body;
            for user in page["users"].as_array().into_iter().flatten() {
                let name = user["userName"].as_str().and_then(|name| LoginName::parse(name).ok());
                if let Some(id) = user["id"].as_u64()
                    && name.is_some_and(|name| name.is_same_as(wanted))
                {
                    return Ok(UserId(id));
                }
            }
            // Ids rise; a server that led in circles would be asked for ever.
            match page["next"].as_u64().filter(|next| *next > after) {
                Some(next) => after = next,
                None => return Err(named.unknown(&format!("whom {} sees", self.asking))),
            }
        }
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        if_match: Option<&HeaderValue>,
    ) -> Result<Answer, Problem> {
        let slash = if path.starts_with('?') { "" } else { "/" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/admin/users{slash}{path}"))
            .header(HOST, format!("{host}:{}", self.port))
            .header(AUTHORIZATION, &self.authorization);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(tag) = if_match {
            request = request.header(IF_MATCH, tag);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).expect("made of checked parts");
        let (status, headers, bytes) = self.runtime.block_on(self.send(request))?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if status.is_success() {
            Ok(Answer { headers, body })
        } else {
            Err(Problem::Refused(status, said(&body)))
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, HeaderMap, Bytes), Problem> {
        let changes = request.method() != Method::GET;
        let unreachable = |error: &dyn std::fmt::Display| {
            Problem::Failed(format!("the server at {}:{} can't be reached: {error}", self.host, self.port))
        };
        let lost = |error: &dyn std::fmt::Display| {
            let outcome =
                if changes { "; it may have done what was asked: look before asking again" } else { "" };
            Problem::Failed(format!("the server gave no whole answer ({error}){outcome}"))
        };
        let connect = TcpStream::connect((self.host.as_str(), self.port));
        let stream = tokio::time::timeout(PATIENCE, connect).await;
        let stream = stream.map_err(|error| unreachable(&error))?.map_err(|error| unreachable(&error))?;
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let driver = tokio::spawn(connection);
            let answer = sender.send_request(request).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            driver.abort();
            Ok::<_, hyper::Error>((head, body))
        };
        let answered = tokio::time::timeout(PATIENCE, exchange).await;
        let (head, body) = answered.map_err(|error| lost(&error))?.map_err(|error| lost(&error))?;
        let body = body.map_err(|error| lost(&error))?;
        Ok((head.status, head.headers, body.to_bytes()))
    }
}

/// Why a server did not do what it was asked for.
enum Problem {
    /// It said no, and why.
    Refused(StatusCode, String),
    /// It said nothing that could be understood.
    Failed(String),
}

impl Problem {
    fn about(self, named: &Named) -> Failure {
        match self {
            Problem::Failed(sentence) => Failure::cannot_run(sentence),
            Problem::Refused(StatusCode::NOT_FOUND, _) => named.unknown("there"),
            Problem::Refused(status, said) => {
                let sentence = match status {
                    StatusCode::PRECONDITION_FAILED => {
                        "the user was changed by somebody else at the same time: ask again".to_owned()
                    }
                    status => format!("the server says no ({}): {said}", status.as_u16()),
                };
                let exit = match status {
                    StatusCode::FORBIDDEN | StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
                        Exit::No
                    }
                    StatusCode::BAD_REQUEST => Exit::Usage,
                    _ => Exit::CannotRun,
                };
                Failure { exit, sentence }
            }
        }
    }
}

/// The sentence of an error, in one line that does nothing to a terminal.
fn said(body: &Value) -> String {
    let sentence = body["error"]["message"]["value"].as_str().unwrap_or("it does not say why");
    sentence.chars().filter(|c| !c.is_control()).take(500).collect()
}

/// What the answer to a change says: `Ledger-Sequence` names the last event of it.
fn done(user: UserId, answer: &Answer) -> Result<Done, Failure> {
    let position = answer.headers.get("ledger-sequence").and_then(|value| value.to_str().ok());
    let sequence = position.and_then(|position| position.split_once('.')?.1.parse().ok());
    let sequence = sequence
        .ok_or_else(|| Failure::cannot_run("what answered is no authledger: it names no Ledger-Sequence"))?;
    Ok(Done { user, sequence: Some(sequence) })
}
