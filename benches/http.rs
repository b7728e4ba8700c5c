//! Requests a second over HTTP, beside the smallest JSON answer axum gives, under the same load in the same run.
//!
//! `cargo bench --bench http`. The servers run on core 0, one at a time, the load on core 1: 64 connections, kept alive, one
//! request each in flight. Basic authentication is warm: its verified credentials are remembered, as in a server that is in
//! use. Three passes in turn, the middle one counts. Needs `taskset` (util-linux).

mod support;

use std::net::SocketAddr;

use support::{
    middle,
    server::{self, ADMIN, Load, Server, connect, exchange, load},
};

const PASSES: usize = 3;
const APP: &str = r#""dataStore":54,"clientId":"asdfjasdljfasdkjf","clientSecret":"1912308409123890","authorizeURI":"https://accounts.google.com/o/oauth2/v2/auth","tokenURI":"https://www.googleapis.com/oauth2/v3/token","scope":"full_offline_access, test_repo"}"#;

fn main() {
    server::be_hello_if_asked();
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    server::keep_to_core_1();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");

    let names = [
        "axum hello",
        "GET app, reveal never",
        "GET app, audited (durable)",
        "GET list of 10",
        "POST app (durable)",
        "PUT app (durable)",
        "GET app as of its first event",
        "history of an app, 100 events",
    ];
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    for pass in 0..PASSES {
        let server = Server::hello();
        rates[0].push(rate(&runtime, load(server.address, |_, _| get("/json"))));
        drop(server);
        for reveal in ["never", "audited"] {
            let server = Server::authledger(&place.path().join(format!("{reveal}-{pass}")), reveal);
            runtime.block_on(prepare(server.address));
            if reveal == "never" {
                rates[1].push(rate(&runtime, load(server.address, |_, _| get("/api/mgmt/oauthapps/1"))));
                rates[3]
                    .push(rate(&runtime, load(server.address, |_, _| get("/api/mgmt/oauthapps?limit=10"))));
                rates[4].push(rate(
                    &runtime,
                    load(server.address, |lane, number| {
                        send(
                            "POST",
                            "/api/mgmt/oauthapps",
                            &format!("{{\"name\":\"app {lane} {number}\",{APP}"),
                        )
                    }),
                ));
                rates[5].push(rate(
                    &runtime,
                    load(server.address, |lane, _| {
                        let id = 1 + lane % 10;
                        let path = format!("/api/mgmt/oauthapps/{id}");
                        send("PUT", &path, &format!("{{\"name\":\"first {id}\",{APP}"))
                    }),
                ));
                // Streams of thousands of events by now; the tenth application was made by event 15.
                rates[6]
                    .push(rate(&runtime, load(server.address, |_, _| get("/api/mgmt/oauthapps/10?asOf=15"))));
                rates[7].push(rate(
                    &runtime,
                    load(server.address, |_, _| get("/api/audit/objects/oauth_app/1/history")),
                ));
            } else {
                rates[2].push(rate(&runtime, load(server.address, |_, _| get("/api/mgmt/oauthapps/1"))));
            }
        }
    }
    let rates: Vec<f64> = rates.into_iter().map(middle).collect();
    println!("| request | requests/s | beside axum hello |\n| --- | --- | --- |");
    for (name, rate) in names.iter().zip(&rates) {
        println!("| {name} | {rate:.0} | {:.2} |", rate / rates[0]);
    }
}

fn rate(runtime: &tokio::runtime::Runtime, load: impl Future<Output = Load>) -> f64 {
    runtime.block_on(load).rate
}

fn get(path: &str) -> Vec<u8> {
    server::get(ADMIN, path)
}

fn send(method: &str, path: &str, body: &str) -> Vec<u8> {
    server::send(ADMIN, method, path, body)
}

async fn prepare(address: SocketAddr) {
    let mut stream = connect(address).await;
    for number in 1..=10 {
        let request = send("POST", "/api/mgmt/oauthapps", &format!("{{\"name\":\"first {number}\",{APP}"));
        exchange(&mut stream, &request, &mut Vec::new()).await;
    }
}
