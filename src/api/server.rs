//! Connections: how many, how long for a head, how large a head, and how they end.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::Service as _;

use super::guard::Peer;
use super::metrics::Connections;
use super::rim::{HEAD_MARGIN_BYTES, longest_request};
use super::{AppState, health, router};
use crate::config::Limits;

/// No request of a client we know has more than thirty.
const HEADERS_MAX: usize = 100;

/// What stands behind the port: nothing while the log is opened and checked, then the application.
#[derive(Clone, Debug, Default)]
pub struct Front {
    router: Arc<OnceLock<Router>>,
    connections: Connections,
}

impl Front {
    /// From now on everything is served.
    pub fn open(&self, state: AppState) {
        state.metrics().watch(&self.connections);
        // A second call would be a fault of ours, and harmless: the first application goes on.
        let _ = self.router.set(router::router(state));
    }

    async fn answer(
        &self,
        mut request: hyper::Request<Incoming>,
        peer: Peer,
    ) -> Result<Response, Infallible> {
        request.extensions_mut().insert(peer);
        match self.router.get() {
            Some(router) => router.clone().call(request).await,
            None => Ok(health::starting(request.uri().path())),
        }
    }
}

/// Serves one application until `stop` resolves, then lets requests under way finish.
pub async fn run(listener: TcpListener, state: AppState, stop: impl Future<Output = ()>) {
    let limits = state.config().limits.clone();
    let front = Front::default();
    front.open(state);
    run_front(listener, limits, front, stop).await;
}

/// Serves whatever stands behind `front` at the moment until `stop` resolves, then lets requests under way finish.
pub async fn run_front(listener: TcpListener, limits: Limits, front: Front, stop: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.request_time)
        // Past the limit that is stated there is room for a head to be read and refused with a body that names the limit.
        .max_header_size(limits.header_bytes + HEAD_MARGIN_BYTES)
        .max_buf_size(limits.header_bytes + HEAD_MARGIN_BYTES + 8192)
        .max_headers(HEADERS_MAX);

    tokio::pin!(stop);
    loop {
        // At the bound we stop accepting; the kernel's queue holds further clients, and it is bounded too.
        let permit = tokio::select! {
            permit = connections.clone().acquire_owned() => permit.expect("nobody closes this semaphore"),
            () = &mut stop => break,
        };
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or the client has gone. A pause keeps the first from becoming a busy loop.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // Answers are small: waiting for more to send with them costs 40 ms and gains nothing.
        let _ = stream.set_nodelay(true);
        let open = front.connections.accepted();
        let front = front.clone();
        let service = service_fn(move |request| {
            let front = front.clone();
            async move { front.answer(request, Peer(address)).await }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop((permit, open));
        });
    }
    drop(listener);
    let drain_time = longest_request(limits.request_time);
    if tokio::time::timeout(drain_time, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests had not finished after {} s", drain_time.as_secs());
    }
}
