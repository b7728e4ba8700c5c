//! A server in memory, and how tests talk to it.

use std::net::SocketAddr;
use std::sync::Arc;

use authledger::api::{AppState, router};
use authledger::clock::SeededRandom;
use authledger::config::Config;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// A router with everything behind it.
pub(crate) struct House {
    router: Router,
}

/// An answer, received whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl House {
    pub(crate) fn new(config: Config) -> House {
        let bound = SocketAddr::from(([127, 0, 0, 1], 8080));
        let state = AppState::new(config, bound, Arc::new(SeededRandom::new(1)));
        House { router: router::router(state) }
    }

    /// Sends a request as it is given; headers are `name: value` lines.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[&str],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for line in headers {
            let (name, value) = line.split_once(": ").expect("a header line");
            request = request.header(name, value);
        }
        let request = request.body(body.into()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router always answers");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a body in memory").to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// `error.code`, whatever its JSON type.
    pub(crate) fn code(&self) -> u64 {
        match &self.json()["error"]["code"] {
            Value::String(text) => text.parse().expect("digits"),
            Value::Number(number) => number.as_u64().expect("a whole number"),
            other => panic!("no code but {other}: {self:?}"),
        }
    }
}
