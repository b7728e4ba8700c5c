//! `GET /metrics`: how the server is doing, in numbers, for Prometheus and what reads its format.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::{
    body::Body,
    extract::MatchedPath,
    http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use events::time::Timestamp;
use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;

use super::{
    AppState,
    asking::Asking,
    error::{ApiError, ErrorLabel, Fault},
    openapi::{ids, tag},
    operate::operator,
};
use crate::{
    auth::permission::OPERATE,
    ledger::live::Health,
    metrics::{
        Counter, EncodeLabelSet, EncodeLabelValue, Family, Gauge, Histogram, Info, LabelValueEncoder,
        Registry, answer_seconds,
    },
};

/// Where it is read.
pub(super) const PATH: &str = "/metrics";

/// How long the disk may take to tell of itself.
const DISK_PATIENCE: Duration = Duration::from_secs(1);

const CONTENT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The pattern of the route that answered; there are as many as we wrote. Whatever matches none is one.
#[derive(Clone, Debug)]
pub(super) struct Route(pub(super) Option<MatchedPath>);

impl Route {
    pub(super) fn as_str(&self) -> &str {
        self.0.as_ref().map_or("other", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

/// Anybody can make up a method, of any length, so those that we don't know are one.
pub(super) fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: Route,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    route: Route,
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    code: ErrorLabel,
}

impl EncodeLabelValue for ErrorLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => EncodeLabelValue::encode(number, encoder),
            Self::Word(word) => EncodeLabelValue::encode(word, encoder),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// Connections of one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    open: Gauge,
    accepted: Counter,
}

impl Connections {
    /// Counts one that was accepted, and that is open until the answer is dropped.
    pub(super) fn accepted(&self) -> OpenConnection {
        self.accepted.inc();
        self.open.inc();
        OpenConnection(self.open.clone())
    }
}

/// Counts as open while it is there.
pub(super) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The numbers of one server, and the registry through which all rooms tell theirs.
pub(super) struct Metrics {
    requests: Family<Answered, Counter>,
    seconds: Family<Timed, Histogram>,
    refusals: Family<Refused, Counter>,
    sampled: Sampled,
    registry: Mutex<Registry>,
}

/// What is looked at when somebody asks.
#[derive(Default)]
struct Sampled {
    log_size: Gauge,
    queued: Gauge,
    accepts_writes: Gauge,
    longest_hold: Gauge<f64, AtomicU64>,
    argon2_in_hand: Gauge,
    unchecked: Gauge,
    log_bytes: Gauge<f64, AtomicU64>,
    free_bytes: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// `rooms` registers what the rooms behind the front count.
    pub(super) fn new(now: Timestamp, rooms: impl FnOnce(&mut Registry)) -> Self {
        let requests = Family::<Answered, Counter>::default();
        let seconds = Family::<Timed, Histogram>::new_with_constructor(answer_seconds as fn() -> Histogram);
        let refusals = Family::<Refused, Counter>::default();
        let sampled = Sampled::default();
        let mut all = Registry::default();
        let started = Gauge::<f64, AtomicU64>::default();
        // Seconds as a float are what the format has; half a microsecond is lost.
        started.set(Duration::from_micros(u64::try_from(now.0).unwrap_or(0)).as_secs_f64());
        all.register("process_start_time_seconds", "When the server began to serve, in Unix time", started);

        let registry = ours(&mut all);
        registry.register(
            "build",
            "Which program this is",
            Info::new(Build { version: env!("CARGO_PKG_VERSION") }),
        );
        registry.register(
            "http_requests",
            "Requests answered, by the pattern of their route",
            requests.clone(),
        );
        registry.register("http_request_seconds", "Time until an answer was ready", seconds.clone());
        registry.register("refusals", "Answers with an error, by its code", refusals.clone());
        registry.register("log_size_events", "Events in the log", sampled.log_size.clone());
        registry.register(
            "writer_queue_commands",
            "Commands that wait for the writer",
            sampled.queued.clone(),
        );
        registry.register(
            "accepts_writes",
            "1 when writes are taken, 0 when /readyz says why they are not",
            sampled.accepts_writes.clone(),
        );
        registry.register(
            "longest_hold_seconds",
            "The longest time that readers were kept out while a batch became visible",
            sampled.longest_hold.clone(),
        );
        registry.register(
            "argon2_in_hand",
            "Passwords that are being hashed or wait for it",
            sampled.argon2_in_hand.clone(),
        );
        registry.register(
            "log_unchecked_events",
            "Events before the snapshot of the start that have not been checked yet",
            sampled.unchecked.clone(),
        );
        registry.register("log_size_bytes", "Bytes of the log's files", sampled.log_bytes.clone());
        registry.register(
            "disk_free_bytes",
            "Bytes left on the log's disk; below ledger.min_free_bytes writes are refused",
            sampled.free_bytes.clone(),
        );
        rooms(registry);
        Self { requests, seconds, refusals, sampled, registry: Mutex::new(all) }
    }

    /// Tells of a server's connections too.
    pub(super) fn watch(&self, connections: &Connections) {
        let mut registry = self.registry.lock();
        let registry = ours(&mut registry);
        registry.register("connections_open", "Connections open", connections.open.clone());
        registry.register("connections_accepted", "Connections accepted", connections.accepted.clone());
    }

    /// Counts an answer.
    pub(super) fn answered(
        &self,
        route: &Route,
        method: &Method,
        status: StatusCode,
        error: Option<&ApiError>,
        took: Duration,
    ) {
        let (route, method) = (route.clone(), method_label(method));
        self.seconds.get_or_create(&Timed { route: route.clone(), method }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Answered { route, method, status: status.as_u16() }).inc();
        if let Some(error) = error {
            self.refusals.get_or_create(&Refused { code: error.code() }).inc();
        }
    }

    async fn sample(&self, app: &AppState) {
        let ledger = app.ledger();
        // A disk that hangs is when the other numbers are wanted most.
        let asked = tokio::task::spawn_blocking({
            let ledger = Arc::clone(ledger);
            move || ledger.disk()
        });
        let disk = match tokio::time::timeout(DISK_PATIENCE, asked).await {
            Ok(Ok(Some(Ok(disk)))) => Some(disk),
            _ => None,
        };
        self.sampled.log_bytes.set(disk.map_or(f64::NAN, |disk| bytes(disk.log_bytes)));
        self.sampled.free_bytes.set(disk.map_or(f64::NAN, |disk| bytes(disk.free_bytes)));
        let checked = ledger.verification();
        self.sampled.unchecked.set(whole(checked.of.saturating_sub(checked.verified)));
        let Sampled { log_size, queued, accepts_writes, longest_hold, argon2_in_hand, .. } = &self.sampled;
        log_size.set(whole(ledger.size()));
        queued.set(whole(ledger.queued() as u64));
        accepts_writes.set(i64::from(ledger.health() == Health::Writing));
        longest_hold.set(ledger.longest_hold().as_secs_f64());
        argon2_in_hand.set(whole(app.hasher().in_hand() as u64));
    }

    fn text(&self) -> Result<String, ApiError> {
        let mut text = String::with_capacity(16 << 10);
        encode(&mut text, &self.registry.lock()).map_err(|error| ApiError::Internal(Fault::new(error)))?;
        Ok(text)
    }
}

fn ours(registry: &mut Registry) -> &mut Registry {
    registry.sub_registry_with_prefix("authledger")
}

#[expect(clippy::cast_precision_loss, reason = "some bytes of a petabyte")]
fn bytes(number: u64) -> f64 {
    number as f64
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How the server is doing, in numbers.
///
/// For users of the system tenant: it tells of load and of failed logins. In the format of Prometheus and OpenMetrics.
#[utoipa::path(
    get, path = "/metrics", tag = tag::OPERATION, operation_id = "getMetrics",
    responses((
        status = 200, description = "The numbers.", body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )),
    extensions(("x-permissions" = json!(ids(&[OPERATE])))),
)]
pub(super) async fn metrics(mut asking: Asking) -> Result<Response, ApiError> {
    operator(&asking)?;
    asking.no_more_parameters()?;
    let app = asking.app();
    app.metrics().sample(app).await;
    let mut response = Response::new(Body::from(app.metrics().text()?));
    response.headers_mut().insert(CONTENT_TYPE, CONTENT);
    Ok(response)
}
