//! Many tokens: how long readers wait while they grow and while they leave, and how a start goes over a log full of such as
//! are over.
//!
//! `cargo bench --bench tokens [-- LIVE OVER]`; without numbers 5,000,000 that live and 1,000,000 that are over. The live ones
//! are issued by 256 writers into a ledger in memory, so that batches are full; then two hours pass at once. The others are
//! issued on disk over 16 hours of a clock that lies in the past; the real server starts over them, three times, the middle
//! one counts.

#![allow(clippy::cast_precision_loss, reason = "times and sizes are shown to three digits")]

mod support;

use std::{
    ops::ControlFlow,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use authledger::{
    clock::{Clock, SteppedClock, SystemClock, SystemRandom, draw},
    commands::{
        Cause, Command, NewKey, Wish,
        client_application::{
            Properties, RegisterClientApplication,
            policy::{PolicySaid, Said},
        },
        field::{ClientApplicationName, ClientId},
        token::{Asked, ClientProof, client_credentials::IssueClientCredentials},
    },
    ledger::live::Ledger,
};
use events::{
    client_application::{ClientSecret, GrantType},
    envelope::Actor,
    id::{ClientApplicationId, Sequence},
    token::TokenHash,
};
use support::{
    command, in_memory_at, middle, on_disk_at,
    server::{self, Server, connect, exchange, get},
};
use tokio::runtime::Runtime;

const WRITERS: u64 = 256;
const PASSES: usize = 3;
const HOUR: Duration = Duration::from_hours(1);
/// Of the application, hashed.
const SECRET: TokenHash = TokenHash([7; 32]);

fn main() {
    let counts: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [live, over] = counts[..].try_into().unwrap_or([5_000_000, 1_000_000]);
    println!("load average at the start: {}\n", server::load_average());
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(grow(live));
    starts(&runtime, over);
}

/// Registers an application that may ask in its own name.
async fn application(ledger: &Ledger) -> ClientApplicationId {
    let key = ledger.vault().new_data_key();
    let policy = PolicySaid {
        grant_types: Said::Value([GrantType::ClientCredentials].into_iter().collect()),
        ..PolicySaid::default()
    };
    let wish = RegisterClientApplication {
        properties: Properties {
            name: ClientApplicationName::parse("bench").expect("a good name"),
            redirect_urls: Vec::new(),
            policy,
        },
        client_id: ClientId::parse("bench").expect("a good id"),
        imported: false,
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: None,
        secret: Some(ClientSecret { hash: SECRET, sealed: None }),
    };
    let wish = Wish::RegisterClientApplication(Box::new(wish));
    let made = ledger.execute(command(wish)).await.expect("the name is free");
    ClientApplicationId(made.events[0].header.stream.id)
}

/// What the handler of `client_credentials` asks of the ledger.
fn issue(client: ClientApplicationId, access: TokenHash) -> Command {
    let wish = IssueClientCredentials {
        proof: ClientProof { client, secret: Some(SECRET) },
        asked: Asked {
            scopes: None,
            resources: Vec::new(),
            issuer: "http://bench".to_owned(),
            odata: "http://bench".to_owned(),
        },
        access,
    };
    let Command { cause, wish } = command(Wish::IssueClientCredentials(Box::new(wish)));
    Command { cause: Cause { actor: Actor::ClientApplication(client), ..cause }, wish }
}

/// Issues `count` tokens to an application; after each the clock advances by `each`.
async fn issue_many(
    ledger: &Arc<Ledger>,
    clock: &Arc<SteppedClock>,
    client: ClientApplicationId,
    count: u64,
    each: Duration,
) {
    let tasks: Vec<_> = (0..WRITERS.min(count))
        .map(|lane| {
            let (ledger, clock) = (Arc::clone(ledger), Arc::clone(clock));
            tokio::spawn(async move {
                for _ in (lane..count).step_by(256) {
                    let token = TokenHash(draw(&SystemRandom));
                    ledger.execute(issue(client, token)).await.expect("granted");
                    clock.advance(each);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}

async fn grow(live: u64) {
    let clock = Arc::new(SteppedClock::at(SystemClock::new().now()));
    let (ledger, _disk) = in_memory_at(Arc::clone(&clock) as Arc<dyn Clock>);
    let ledger = Arc::new(ledger);
    let client = application(&ledger).await;
    println!(
        "| live tokens | longest exclusive hold so far, ms | issued /s, in memory |\n| --- | --- | --- |"
    );
    for part in 1..=5 {
        let began = Instant::now();
        issue_many(&ledger, &clock, client, live / 5, Duration::ZERO).await;
        let rate = (live / 5) as f64 / began.elapsed().as_secs_f64();
        let hold = ledger.longest_hold().as_secs_f64() * 1e3;
        println!(
            "| {} | {hold:.2} | {rate:.0} |",
            ledger.read(|view| view.state.tokens.access.all().count())
        );
        assert!(
            part < 5 || ledger.read(|view| view.state.tokens.access.all().count()) as u64 == live / 5 * 5
        );
    }
    clock.advance(HOUR * 2 + Duration::from_secs(1));
    let began = Instant::now();
    issue_many(&ledger, &clock, client, 1, Duration::ZERO).await;
    let left = ledger.read(|view| view.state.tokens.access.all().count());
    println!(
        "\ntwo hours later: the next event took {:.2} s, {left} token is left, longest hold {:.2} ms\n",
        began.elapsed().as_secs_f64(),
        ledger.longest_hold().as_secs_f64() * 1e3
    );
}

fn starts(runtime: &Runtime, over: u64) {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    println!(
        "| start over | listens, s | first answer, s | resident, MB | at most, MB |\n| --- | --- | --- | --- | --- |"
    );
    for tokens in [0, over] {
        let path = place.path().join(format!("ledger-{tokens}"));
        let past = SystemClock::new().now().saturating_add_secs(-20 * 3_600);
        let clock = Arc::new(SteppedClock::at(past));
        let ledger = Arc::new(on_disk_at(&path, Arc::clone(&clock) as Arc<dyn Clock>));
        runtime.block_on(async {
            let client = application(&ledger).await;
            let each = u32::try_from(tokens.max(1)).map_or(Duration::ZERO, |tokens| HOUR * 16 / tokens);
            issue_many(&ledger, &clock, client, tokens, each).await;
            clock.advance(HOUR * 2 + Duration::from_secs(1));
            issue_many(&ledger, &clock, client, 1, Duration::ZERO).await;
        });
        let size = ledger.size();
        let mut leaf_bytes = 0;
        let last = Sequence(size - 1);
        let mut visit = |_, leaf: &[u8]| {
            leaf_bytes = leaf.len();
            ControlFlow::Continue(())
        };
        ledger.reader().read(last, last.next(), &mut visit).expect("the last leaf");
        ledger.close().expect("it closes in order");
        let starts: Vec<_> = (0..PASSES).map(|_| start(&path)).collect();
        let of = |part: usize| middle(starts.iter().map(|start| start[part]).collect());
        println!(
            "| {size} events, {tokens} tokens that are over, {leaf_bytes} bytes a token's leaf | {:.2} | {:.2} | {:.0} | {:.0} |",
            of(0),
            of(1),
            of(2) / 1e6,
            of(3) / 1e6
        );
    }
}

/// One start: seconds until it listens and until it answers, bytes when it does and at most.
fn start(path: &Path) -> [f64; 4] {
    let began = Instant::now();
    let server = Server::on_all_cores(path);
    let listens = began.elapsed().as_secs_f64();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        exchange(&mut connect(server.address).await, &get("nobody", "/readyz"), &mut Vec::new()).await;
    });
    let answered = began.elapsed().as_secs_f64();
    let (resident, at_most) = server.resident_bytes();
    server.close();
    [listens, answered, resident as f64, at_most as f64]
}
