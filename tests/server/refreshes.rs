//! L2 for tokens: kill -9 during a storm of refreshes. Every client goes on with the token it last received, or with the
//! one before when that was its last attempt; no family is lost, none has two successors of one token.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use authledger::clock::{SeededRandom, SystemRandom, draw};
use oauth2::PkceCodeChallenge;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::answers::Answer;
use crate::foreign::{ADA, LOOPBACK_PORT, REDIRECT, SCOPE, post, register, user};
use crate::place::{Place, Server, wait_for};
use crate::rounds;
use crate::visitor::Visitor;

/// Families of each kind: a public client's, a confidential one's that rotate, and such as stay what they are.
const EACH: [usize; 3] = [7, 7, 4];

/// The tokens of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tokens {
    refresh: String,
    access: String,
}

/// Somebody who holds the tokens of one family, and refreshes them.
struct Holder {
    client_id: String,
    secret: Option<String>,
    rotates: bool,
    has: Tokens,
    /// The refresh token that `has` was the answer to.
    before: Option<String>,
    /// Whether a request with the refresh token that it has may have reached the server unanswered.
    in_flight: bool,
    /// Every refresh token it ever got, the first one left out.
    successors: BTreeSet<String>,
}

fn tokens(answer: &Answer) -> Tokens {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned();
    Tokens { refresh: text("refresh_token"), access: text("access_token") }
}

impl Holder {
    /// Goes from the login page to its first tokens.
    fn new(
        address: SocketAddr,
        registered: &Value,
        redirect: &str,
        rotates: bool,
        visitor: &mut Visitor,
    ) -> Self {
        let client_id = registered["clientId"].as_str().expect("each has one").to_owned();
        let secret = registered["clientSecret"].as_str().map(str::to_owned);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("response_type", "code"), ("client_id", &client_id), ("redirect_uri", redirect)])
            .extend_pairs([
                ("scope", SCOPE),
                ("code_challenge", challenge.as_str()),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let callback = visitor.goes_to(&format!("/oauth2/authorize?{query}"));
        let callback = Url::parse(&callback).expect("a URL");
        let code = callback.query_pairs().find(|(name, _)| name == "code");
        let (_, code) = code.unwrap_or_else(|| panic!("no code in {callback}"));
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier.secret()),
        ];
        let answer = post(address, "/oauth2/token", (&client_id, secret.as_deref()), &form);
        let has = tokens(&answer.expect("is answered"));
        Self { client_id, secret, rotates, has, before: None, in_flight: false, successors: BTreeSet::new() }
    }

    fn presents(&self, address: SocketAddr, refresh: &str) -> io::Result<Tokens> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        Ok(tokens(&post(address, "/oauth2/token", (&self.client_id, self.secret.as_deref()), &form)?))
    }

    fn receives(&mut self, tokens: Tokens) {
        if self.rotates {
            assert!(self.successors.insert(tokens.refresh.clone()), "a token was given twice");
        } else {
            assert_eq!(tokens.refresh, self.has.refresh, "its refresh token stays");
        }
        self.before = Some(std::mem::replace(&mut self.has, tokens).refresh);
    }

    /// Refreshes until the server is gone, or it has heard enough when it is asked to rest.
    fn work(&mut self, address: SocketAddr, rest: Option<&AtomicBool>, answered: &AtomicU64) {
        while !rest.is_some_and(|rest| rest.load(Ordering::Relaxed)) {
            match self.presents(address, &self.has.refresh) {
                Ok(tokens) => self.receives(tokens),
                Err(error) => {
                    // Refused before anything was sent; all else may have reached the server.
                    self.in_flight = error.kind() != io::ErrorKind::ConnectionRefused;
                    return;
                }
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// After a crash: what it was given is good, and its last attempt can be repeated. Answers whether the attempt in
    /// flight had survived, as far as one can see.
    fn goes_on(&mut self, address: SocketAddr) {
        self.is_live(address);
        let last = self.before.clone().filter(|_| self.rotates && !self.in_flight);
        if let Some(before) = last {
            let again = self.presents(address, &before).expect("is answered");
            assert_eq!(again, self.has, "the repetition gives what it gave");
        }
        let mine = self.has.refresh.clone();
        let first = self.presents(address, &mine).expect("is answered");
        if self.rotates {
            let second = self.presents(address, &mine).expect("is answered");
            assert_eq!(first, second, "one successor");
        }
        self.receives(first);
        self.in_flight = false;
        self.is_live(address);
    }

    fn is_live(&self, address: SocketAddr) {
        let client = (&*self.client_id, self.secret.as_deref());
        // A public client can't introspect: that takes a secret.
        if client.1.is_some() {
            let answer = post(address, "/oauth2/introspect", client, &[("token", &self.has.access)]);
            let answer = answer.expect("is answered");
            assert_eq!(answer.json()["active"], true, "an acknowledged token: {}", answer.text());
        }
    }
}

fn holders(server: &Server) -> Vec<Holder> {
    let (admin, address) = (server.admin(), server.address());
    user(&admin, ADA);
    let mut visitor = Visitor::new(address, ADA);
    // A slow machine has until then.
    let window = 600;
    let public = json!({ "type": "public", "refreshRetrySeconds": window });
    let always = json!({ "refreshRotation": "always", "refreshRetrySeconds": window });
    let kinds = [
        (register(&admin, "public", "http://127.0.0.1/callback", &public), LOOPBACK_PORT, true),
        (register(&admin, "rotating", REDIRECT, &always), REDIRECT, true),
        (register(&admin, "staying", REDIRECT, &json!({})), REDIRECT, false),
    ];
    let mut holders = Vec::new();
    for ((registered, redirect, rotates), count) in kinds.iter().zip(EACH) {
        for _ in 0..count {
            holders.push(Holder::new(address, registered, redirect, *rotates, &mut visitor));
        }
    }
    holders
}

#[test]
fn l02_kill_9_during_a_storm_of_refreshes_loses_and_doubles_no_family() {
    let seed = u64::from_le_bytes(draw(&SystemRandom));
    println!("seed {seed}");
    let random = SeededRandom::new(seed);
    let place = Place::new();
    let server = place.serve();
    let mut holders = holders(&server);
    assert!(server.stop().success());
    for round in 0..rounds(5, 50) {
        let server = place.serve();
        let address = server.address();
        let (answered, rest) = (AtomicU64::new(0), AtomicBool::new(false));
        let enough = 30 + u64::from(draw::<1>(&random)[0]);
        let server = Mutex::new(Some(server));
        thread::scope(|scope| {
            for (number, holder) in holders.iter_mut().enumerate() {
                // Every third stops with an answer in its hands; the others when the server is gone.
                let (rest, answered) = ((number % 3 == 0).then_some(&rest), &answered);
                scope.spawn(move || holder.work(address, rest, answered));
            }
            wait_for("load", || (answered.load(Ordering::Relaxed) >= enough).then_some(()));
            rest.store(true, Ordering::Relaxed);
            server.lock().expect("nobody panicked").take().expect("runs").kill();
        });

        let size = place.verified();
        let state: Value = serde_json::from_str(&place.offline("replay", &["--json"])).expect("is JSON");
        assert_eq!(state["rows"]["Tokens.families"], holders.len(), "families: {}", state["rows"]);
        let in_flight = holders.iter().filter(|holder| holder.in_flight).count();
        let server = place.serve();
        for holder in &mut holders {
            holder.goes_on(server.address());
        }
        println!("round {round}: {} refreshes, {in_flight} in flight, {size} events", answered.into_inner());
        assert!(server.stop().success());
    }

    // Each token of a family has one successor, its holder knows it, and nothing looked like a theft.
    let mut generations: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let rotations = place.offline("events", &["--type", "RefreshTokenRotated", "--format", "jsonl"]);
    for line in rotations.lines() {
        let line: Value = serde_json::from_str(line).expect("is JSON");
        let event = &line["event"];
        let generation = event["generation"].as_u64().unwrap_or_else(|| panic!("no generation in {line}"));
        let of = generations.entry(event["family"].to_string()).or_default();
        assert!(of.insert(generation), "two successors: {line}");
    }
    let mut recorded: Vec<u64> = generations.values().map(|of| of.len() as u64).collect();
    let known = holders.iter().filter(|holder| holder.rotates).map(|holder| holder.successors.len() as u64);
    let mut known: Vec<u64> = known.collect();
    recorded.sort_unstable();
    known.sort_unstable();
    assert_eq!(recorded, known, "rotations of each family, recorded and known to its holder");
    let reuse = place.offline("events", &["--type", "RefreshTokenReuseDetected", "--format", "jsonl"]);
    assert_eq!(reuse.lines().count(), 0, "{reuse}");
}
