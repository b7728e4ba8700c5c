//! A server in memory, and how tests talk to it.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use authledger::api::guard::Peer;
use authledger::api::{AppState, router};
use authledger::auth::hasher::{HashCost, PasswordHasher};
use authledger::clock::{Clock, Random, SeededRandom, SteppedClock, draw};
use authledger::commands::{Cause, Command, Wish};
use authledger::config::Config;
use authledger::ledger::create::{FirstAdministrator, first_command};
use authledger::ledger::live::Ledger;
use authledger::ledger::memory::MemoryDisk;
use authledger::ledger::snapshot::SnapshotDirectory;
use authledger::ledger::start::{WriterSettings, fold, start};
use authledger::ledger::store::{Batch, KeyChange, LogStore};
use authledger::ledger::witness::MemoryWitness;
use authledger::vault::login::LoginName;
use authledger::vault::master::MasterKey;
use authledger::vault::{PlainSecret, Vault, entries};
use axum::Router;
use axum::body::Body;
use axum::body::HttpBody;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use events::envelope::{Actor, Leaf};
use events::id::{CommandId, LedgerId, Sequence, UserId};
use events::sealed::KeyId;
use events::time::Timestamp;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::document::{Document, Sent};

/// 2026-11-20T12:00:00Z.
const NOON: Timestamp = Timestamp(1_795_176_000_000_000);
/// Who a ledger begins with, as `curl -u` takes it.
pub(crate) const ADMIN: &str = "d2cadmin:violet tundra anchor spoon";

/// What every other user of these tests has.
pub(crate) const PASSWORD: &str = "anchor spoon violet tundra";
pub(crate) const JSON: &str = "content-type: application/json";
pub(crate) const APPS: &str = "/api/mgmt/oauthapps";
pub(crate) const PROFILES: &str = "/api/mgmt/oauthprofiles";
pub(crate) const SOURCES: &str = "/api/mgmt/datasources";

/// A body that makes an application.
pub(crate) fn app_body(name: &str) -> Value {
    json!({
        "name": name, "dataStore": 54, "description": "made by a test",
        "clientId": "asdfjasdljfasdkjf", "clientSecret": "1912308409123890",
        "authorizeURI": "https://accounts.google.com/o/oauth2/v2/auth",
        "tokenURI": "https://www.googleapis.com/oauth2/v3/token",
        "scope": "full_offline_access, test_repo",
    })
}

/// A router with everything behind it, on a disk and a clock in memory.
pub(crate) struct House {
    router: Router,
    /// Whether the routes are those of the document.
    documented: bool,
    pub(crate) app: AppState,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Arc<SteppedClock>,
    pub(crate) witness: MemoryWitness,
    pub(crate) disk: MemoryDisk,
    /// Where snapshots lie; the log itself is in memory.
    pub(crate) snapshots: SnapshotDirectory,
    _room: TempDir,
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
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(1));
        let clock = Arc::new(SteppedClock::at(NOON));
        let (disk, witness) = (MemoryDisk::new(), MemoryWitness::new());
        let hasher = Arc::new(PasswordHasher::new(HashCost::LEAST, 1, 64, Arc::clone(&random)));
        let master = MasterKey::generate(&*random);
        let id = LedgerId(draw(&*random));
        let (name, password) = ADMIN.split_once(':').expect("a name and a password");
        let administrator = FirstAdministrator {
            name: LoginName::parse(name).expect("a good name"),
            password_hash: hasher.hash_here(&PlainSecret::from(password)),
        };
        let as_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let (store, _, keys_file) = first_command(
            Box::new(disk.open()),
            witness.open(id),
            &master,
            id,
            Arc::clone(&as_clock),
            &random,
            &administrator,
        )
        .expect("an empty log takes its first command");
        store.close().expect("memory closes");

        let store = disk.open();
        let vault =
            Vault::open(&master, &keys_file, store.keys(), Arc::clone(&random)).expect("the vault opens");
        let settings = WriterSettings { queue: 64, max_gap: Duration::MAX, accept_clock: false };
        let folded = fold(&*store.reader(), Sequence(store.head().size), &mut |_| {}).expect("the log folds");
        let ledger = start(
            Box::new(store),
            witness.open(id),
            None,
            Arc::new(vault),
            Arc::clone(&as_clock),
            &settings,
            folded,
        );
        let room = tempfile::tempdir().expect("a directory");
        let snapshots = SnapshotDirectory::new(room.path().join("snapshots"));
        let ledger = Arc::new(ledger.expect("the ledger starts").with_snapshots(snapshots.clone()));
        let bound = SocketAddr::from(([127, 0, 0, 1], 8080));
        let state = AppState::with_hasher(config, bound, Arc::clone(&ledger), as_clock, random, hasher);
        House {
            router: router::router(state.clone()),
            documented: true,
            app: state,
            ledger,
            clock,
            witness,
            disk,
            snapshots,
            _room: room,
        }
    }

    /// The same with other routes, behind the same rim and guard.
    pub(crate) fn with_routes(self, routes: Router<AppState>) -> House {
        House { router: router::around(self.app.clone(), routes), documented: false, ..self }
    }

    /// Sends a request as it is given; headers are `name: value` lines.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[&str],
        body: impl Into<Body>,
    ) -> Answer {
        self.send_over(None, method, path, headers, body.into()).await
    }

    /// The same over a connection from this address.
    pub(crate) async fn send_from(
        &self,
        peer: &str,
        method: Method,
        path: &str,
        headers: &[&str],
        body: impl Into<Body>,
    ) -> Answer {
        let peer = Peer(SocketAddr::new(peer.parse().expect("an address"), 4711));
        self.send_over(Some(peer), method, path, headers, body.into()).await
    }

    async fn send_over(
        &self,
        peer: Option<Peer>,
        method: Method,
        path: &str,
        headers: &[&str],
        body: Body,
    ) -> Answer {
        let (body, sent_body) = match body.size_hint().exact() {
            Some(_) => {
                let bytes = body.collect().await.expect("a body in memory").to_bytes();
                (Body::from(bytes.clone()), Some(bytes))
            }
            None => (body, None),
        };
        let mut request = Request::builder().method(method.clone()).uri(path);
        for line in headers {
            let (name, value) = line.split_once(": ").expect("a header line");
            request = request.header(name, value);
        }
        let mut request = request.body(body).expect("a request");
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let answer = self.answer(request).await;
        if self.documented {
            let sent = Sent { method: &method, path, body: sent_body.as_deref() };
            self.document().check(&sent, &answer);
        }
        answer
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router always answers");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a body in memory").to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// What the server says of itself. Not asked of the server itself, which would count it.
    #[expect(
        clippy::unused_self,
        reason = "it is this server's; it depends on settings that no test changes"
    )]
    pub(crate) fn document(&self) -> &'static Document {
        Document::of(&Config::default(), "http://127.0.0.1:8080")
    }

    /// The same with `name:password` as Basic credentials.
    pub(crate) async fn send_as(
        &self,
        user: &str,
        method: Method,
        path: &str,
        headers: &[&str],
        body: impl Into<Body>,
    ) -> Answer {
        let authorization = basic(user);
        let mut all = vec![authorization.as_str()];
        all.extend(headers);
        self.send(method, path, &all, body).await
    }

    /// A GET with credentials.
    pub(crate) async fn get_as(&self, user: &str, path: &str) -> Answer {
        self.send_as(user, Method::GET, path, &[], Body::empty()).await
    }

    /// A POST of JSON with credentials.
    pub(crate) async fn post_as(&self, user: &str, path: &str, body: &Value) -> Answer {
        self.send_as(user, Method::POST, path, &[JSON], body.to_string()).await
    }

    /// Has the writer do this, as the first administrator; for what the test is not about how it is asked.
    pub(crate) async fn wish(&self, wish: Wish) {
        let cause = Cause {
            id: CommandId(draw(self.app.random())),
            actor: Actor::User(UserId(1)),
            on_behalf_of: None,
            bearer: None,
            idempotency: None,
            origin: None,
        };
        self.ledger.execute(Command { cause, wish }).await.expect("he may");
    }

    /// Makes a tenant with copies of the roles 2 and 3; answers with its id and theirs.
    pub(crate) async fn tenant(&self, name: &str) -> (u64, Vec<u64>) {
        let body = json!({ "name": name, "parentTenant": 1, "importedRoles": [2, 3] });
        let answer = self.post_as(ADMIN, "/api/admin/tenants", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let body = answer.json();
        let roles = body["roles"].as_array().expect("roles").iter().map(|id| id.as_u64().expect("an id"));
        (body["id"].as_u64().expect("an id"), roles.collect())
    }

    /// Makes a user with [`PASSWORD`] and answers with his credentials.
    pub(crate) async fn user(&self, name: &str, tenant: u64, roles: &[u64], permissions: &[u16]) -> String {
        let body = json!({
            "userName": name, "tenantId": tenant, "statusInfo": { "status": 1 },
            "passwordInfo": { "password": PASSWORD, "passwordStatus": 1, "passwordExpiration": null },
            "permissions": { "roles": roles, "permissions": permissions },
        });
        let answer = self.post_as(ADMIN, "/api/admin/users", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        format!("{name}:{PASSWORD}")
    }

    /// Makes an application and answers with what the server answered.
    pub(crate) async fn app(&self, user: &str, name: &str, tenant: Option<u64>) -> Answer {
        let mut body = app_body(name);
        if let Some(tenant) = tenant {
            body["tenantId"] = json!(tenant);
        }
        let answer = self.post_as(user, APPS, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer
    }

    /// How many events there are, and what they add up to: equal before and after means that nothing happened.
    pub(crate) fn state(&self) -> (u64, String) {
        (self.ledger.size(), self.ledger.read(|view| view.state.digest().to_string()))
    }

    /// Destroys a data key behind the server's back, as an erasure will.
    pub(crate) fn destroy_key(&self, key: &KeyId) {
        let mut store = self.disk.open();
        let keys = vec![KeyChange::Delete { key: entries::data_key(key) }];
        let head = store.head();
        store.append(&head, &Batch { leaves: Vec::new(), keys }).expect("memory takes it");
        self.ledger.vault().forget(key);
    }

    /// An entry of the key store.
    pub(crate) fn entry(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.disk.open().keys().get(key).expect("memory answers")
    }

    /// Every leaf and every entry of the key store, one after another.
    pub(crate) fn bytes_on_disk(&self) -> Vec<u8> {
        let store = self.disk.open();
        let mut bytes = Vec::new();
        let until = Sequence(store.head().size);
        let read = store.reader().read(Sequence(0), until, &mut |_, leaf| {
            bytes.extend_from_slice(leaf);
            ControlFlow::Continue(())
        });
        read.expect("memory answers");
        let scanned = store.keys().scan(b"", &mut |key, value| bytes.extend([key, value].concat()));
        scanned.expect("memory answers");
        bytes
    }

    /// How often a password was hashed or compared.
    pub(crate) fn argon2_runs(&self) -> u64 {
        self.app.authenticator().argon2_runs()
    }

    /// Waits for what happens beside an answer.
    pub(crate) async fn until(&self, done: impl Fn(&House) -> bool) {
        for _ in 0..100_000 {
            if done(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it did not happen");
    }

    /// The facts recorded so far, by name.
    pub(crate) fn facts(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.ledger
            .reader()
            .read(Sequence(0), Sequence(self.ledger.size()), &mut |_, leaf| {
                names.push(Leaf::parse(leaf).expect("a leaf").event_type.to_string());
                ControlFlow::Continue(())
            })
            .expect("memory reads");
        names
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }
}

/// The header line of Basic credentials.
pub(crate) fn basic(user: &str) -> String {
    use base64::Engine;
    format!("authorization: Basic {}", base64::prelude::BASE64_STANDARD.encode(user))
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
