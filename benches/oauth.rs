//! Tokens over HTTP: issued, refreshed, introspected, revoked, beside axum's smallest answer and npm's oidc-provider, under the
//! same load in the same run.
//!
//! `cargo bench --bench oauth`. The servers run on core 0, one at a time, the load on core 1: 64 connections, kept alive, one
//! request each in flight, clients authenticated by Basic. oidc-provider keeps everything in a Map; here all but the
//! introspection waits for the disk. A revocation has to name a live token, so as many are made before, and each is revoked
//! once. Three passes in turn, the middle one counts. Needs `taskset` (util-linux), Node and npm.

mod support;

use std::{collections::BTreeMap, net::SocketAddr};

use authledger::clock::{Clock as _, DAY_MICROS, SystemClock};
use events::time::Timestamp;
use support::{
    middle,
    server::{self, ADMIN, CONNECTIONS, PASSWORD, Server, connect, each_once, exchange, form, load, talk},
};
use tokio::runtime::Runtime;

const PASSES: usize = 3;
/// Tokens that are made to be revoked, and to be introspected.
const TOKENS: usize = 40_000;
const APPLICATIONS: &str = "/api/mgmt/oauth/client/applications";
const KINDS: [&str; 5] =
    ["client_credentials", "refresh, the token stays", "refresh, it rotates", "introspection", "revocation"];

/// A server with a client: where its endpoints are, and who the client is.
struct Peer {
    address: SocketAddr,
    token: &'static str,
    introspect: &'static str,
    revoke: &'static str,
    credentials: (String, String),
    /// A refresh token for each connection.
    refresh: Vec<String>,
}

type Rates = BTreeMap<(&'static str, &'static str), Vec<f64>>;

fn main() {
    server::be_hello_if_asked();
    println!("load average at the start: {}\n", server::load_average());
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    server::keep_to_core_1();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut rates = Rates::new();
    let mut hello = Vec::new();
    for pass in 0..PASSES {
        let server = Server::hello();
        hello.push(runtime.block_on(load(server.address, |_, _| server::get(ADMIN, "/json"))).rate);
        drop(server);

        let server = Server::with_password_grant(&place.path().join(pass.to_string()));
        let ours = |name, more| runtime.block_on(registered(server.address, name, more));
        let stays = ours("stays", "");
        measure(&runtime, "authledger", &stays, &mut rates, false);
        measure(&runtime, "authledger", &ours("rotates", r#","refreshRotation":"always""#), &mut rates, true);
        drop(server);

        for rotates in [false, true] {
            let (server, tokens) = Server::oidc_provider(rotates);
            let peer = Peer {
                address: server.address,
                token: "/token",
                introspect: "/token/introspection",
                revoke: "/token/revocation",
                credentials: ("bench".to_owned(), "bench-secret".to_owned()),
                refresh: serde_json::from_str(&tokens).expect("texts"),
            };
            measure(&runtime, "oidc-provider", &peer, &mut rates, rotates);
        }
    }
    let hello = middle(hello);
    println!("axum hello: {hello:.0} requests/s\n");
    println!(
        "| request | authledger /s | beside hello | oidc-provider /s | ours over its |\n| --- | --- | --- | --- | --- |"
    );
    for kind in KINDS {
        let of = |who| middle(rates[&(who, kind)].clone());
        let (ours, theirs) = (of("authledger"), of("oidc-provider"));
        println!("| {kind} | {ours:.0} | {:.2} | {theirs:.0} | {:.1} |", ours / hello, ours / theirs);
    }
}

/// A client of ours with a refresh token for each connection, from the password grant.
async fn registered(address: SocketAddr, name: &str, more: &str) -> Peer {
    let mut stream = connect(address).await;
    let mut buffer = Vec::new();
    let tomorrow = Timestamp(SystemClock::new().now().0 + DAY_MICROS);
    let body = format!(
        r#"{{"name":"{name}","redirectUrls":["https://client.example/callback"],"passwordGrantUntil":"{tomorrow}",
            "grantTypes":["authorization_code","refresh_token","client_credentials","password"]{more}}}"#
    );
    let at = exchange(&mut stream, &server::send(ADMIN, "POST", APPLICATIONS, &body), &mut buffer).await;
    let answer: serde_json::Value = serde_json::from_slice(&buffer[at..]).expect("JSON");
    let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
    let mut peer = Peer {
        address,
        token: "/oauth2/token",
        introspect: "/oauth2/introspect",
        revoke: "/oauth2/revoke",
        credentials: (text("clientId"), text("clientSecret")),
        refresh: Vec::new(),
    };
    let body = format!("grant_type=password&username={ADMIN}&password={PASSWORD}");
    for _ in 0..CONNECTIONS {
        let request = form(peer.client(), peer.token, &body);
        let at = exchange(&mut stream, &request, &mut buffer).await;
        peer.refresh.push(text_of(&buffer[at..], "refresh_token"));
    }
    peer
}

impl Peer {
    fn client(&self) -> (&str, &str) {
        (&self.credentials.0, &self.credentials.1)
    }

    fn issue(&self) -> Vec<u8> {
        form(self.client(), self.token, "grant_type=client_credentials")
    }
}

/// A member of an answer's JSON.
fn text_of(body: &[u8], name: &str) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

/// All that a server does alike for both kinds of clients is measured with the first kind.
fn measure(runtime: &Runtime, who: &'static str, peer: &Peer, rates: &mut Rates, rotates: bool) {
    let mut put = |kind: &'static str, rate: f64| rates.entry((who, kind)).or_default().push(rate);
    let credentials = peer.credentials.clone();
    let ask = move |path: &str, body: String| form((&credentials.0, &credentials.1), path, &body);
    let (token, first) = (peer.token, peer.refresh.clone());
    if rotates {
        let lanes = |lane: usize| {
            let (ask, mut current) = (ask.clone(), first[lane].clone());
            move |answer: &[u8]| {
                if !answer.is_empty() {
                    current = text_of(answer, "refresh_token");
                }
                ask(token, format!("grant_type=refresh_token&refresh_token={current}"))
            }
        };
        put(KINDS[2], runtime.block_on(talk(peer.address, lanes)).rate);
        return;
    }
    let issue = peer.issue();
    put(KINDS[0], runtime.block_on(load(peer.address, move |_, _| issue.clone())).rate);
    let again = ask.clone();
    let refresh =
        move |lane: usize, _| again(token, format!("grant_type=refresh_token&refresh_token={}", first[lane]));
    put(KINDS[1], runtime.block_on(load(peer.address, refresh)).rate);

    let (_, bodies) = runtime.block_on(each_once(peer.address, vec![peer.issue(); TOKENS]));
    let tokens: Vec<String> = bodies.iter().map(|body| text_of(body, "access_token")).collect();
    let looks: Vec<Vec<u8>> =
        tokens.iter().map(|token| ask(peer.introspect, format!("token={token}"))).collect();
    let (_, seen) = runtime.block_on(each_once(peer.address, vec![looks[0].clone()]));
    let seen: serde_json::Value = serde_json::from_slice(&seen[0]).expect("JSON");
    assert_eq!(seen["active"], true, "{who} knows its tokens");
    let count = looks.len();
    let look = move |lane: usize, number: u64| {
        let number = usize::try_from(number).expect("few");
        looks[(lane + number * CONNECTIONS) % count].clone()
    };
    put(KINDS[3], runtime.block_on(load(peer.address, look)).rate);
    let revoke = tokens.iter().map(|token| ask(peer.revoke, format!("token={token}"))).collect();
    put(KINDS[4], runtime.block_on(each_once(peer.address, revoke)).0);
}
