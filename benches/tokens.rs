//! Many tokens: how long readers wait while they grow and while they leave, and how a start goes over a log full of such as
//! are over.
//!
//! `cargo bench --bench tokens [-- LIVE OVER]`; without numbers 5,000,000 that live and 1,000,000 that are over. The live ones
//! are issued by 256 writers into a ledger in memory, so that batches are full; then two hours pass at once. The others are
//! issued on disk over 16 hours of a clock that lies in the past; the real server starts over them, three times, the middle
//! one counts, and over as many changes of 256 applications.

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
    command, create_app, in_memory_at, middle, on_disk_at,
    server::{self, Server, connect, exchange, get},
    update_app,
};
use tokio::runtime::Runtime;

const WRITERS: u64 = 256;
const PASSES: usize = 3;
/// In which the live ones are issued.
const PARTS: u64 = 25;
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
    let (mut began, mut longest) = (Instant::now(), Duration::ZERO);
    for part in 1..=PARTS {
        issue_many(&ledger, &clock, client, live / PARTS, Duration::ZERO).await;
        // Each fifth of them, and where the longest hold grew.
        let hold = ledger.longest_hold();
        if part % (PARTS / 5) == 0 || hold > longest {
            let rate = (live / PARTS) as f64 / began.elapsed().as_secs_f64();
            let issued = live / PARTS * part;
            println!("| {issued} | {:.2} | {rate:.0} |", hold.as_secs_f64() * 1e3);
        }
        (began, longest) = (Instant::now(), hold);
    }
    let there = ledger.read(|view| view.state.tokens.access.all().count());
    assert_eq!(there as u64, live / PARTS * PARTS, "none is over yet");
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
    for (kind, count) in
        [("tokens that are over", 0), ("tokens that are over", over), ("changes of 256 applications", over)]
    {
        let path = place.path().join(format!("{count} {kind}"));
        let past = SystemClock::new().now().saturating_add_secs(-20 * 3_600);
        let clock = Arc::new(SteppedClock::at(past));
        let ledger = Arc::new(on_disk_at(&path, Arc::clone(&clock) as Arc<dyn Clock>));
        runtime.block_on(async {
            if kind == "changes of 256 applications" {
                return change_many(&ledger, count).await;
            }
            let client = application(&ledger).await;
            let each = u32::try_from(count.max(1)).map_or(Duration::ZERO, |count| HOUR * 16 / count);
            issue_many(&ledger, &clock, client, count, each).await;
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
            "| {size} events, {count} {kind}, the last leaf {leaf_bytes} bytes | {:.2} | {:.2} | {:.0} | {:.0} |",
            of(0),
            of(1),
            of(2) / 1e6,
            of(3) / 1e6
        );
    }
}

/// A log of the same length of which hardly a row is left either, so that what a start holds for the log itself can be told from
/// what it holds for tokens.
async fn change_many(ledger: &Arc<Ledger>, count: u64) {
    let lanes: Vec<_> = (0..WRITERS)
        .map(|lane| {
            let ledger = Arc::clone(ledger);
            tokio::spawn(async move {
                let (wish, key) = create_app(ledger.vault(), &format!("app {lane}"));
                let made = ledger.execute(command(wish)).await.expect("the name is free");
                let id = made.events[0].header.stream.id;
                for _ in (lane..count).step_by(256) {
                    let wish = update_app(ledger.vault(), &key, id, &format!("app {lane}"));
                    ledger.execute(command(wish)).await.expect("granted");
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.expect("no panic");
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
