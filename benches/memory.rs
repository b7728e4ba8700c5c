//! Bytes of memory that each kind of row takes, with all its indexes.
//!
//! `cargo bench --bench memory`. Each kind alone in a process of its own: 300,000 events folded, then what the allocator was
//! asked for and what the process holds of the machine's memory, both divided by the rows. Stream heads, which every object
//! has, stand in a row of their own and are taken off the others.

#![allow(clippy::cast_precision_loss, reason = "bytes are shown without a fraction")]

mod support;

use std::{alloc::System, process::Command};

use cap::Cap;
use events::{
    chain::ChainHash,
    data_source::{ConnectionType, DataSourceCreated},
    disclosure::SecretRevealed,
    envelope::{Actor, Envelope, Header, IdempotencyTags, Stream, StreamKind},
    event::Event,
    id::{
        CommandId, DataStoreId, Epoch, LedgerId, OAuthAppId, OAuthProfileId, PermissionId, RoleId, Sequence,
        TenantId, UserId,
    },
    oauth_app::OAuthAppCreated,
    oauth_profile::OAuthProfileCreated,
    sealed::{Field, KeyId, Sealed},
    time::Timestamp,
    user::{Password, PasswordStatus, UserCreated, UserStatus},
};
use projections::{State, streams::StreamHead};
use support::server::{load_average, resident_bytes};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const ROWS: u64 = 300_000;
const KIND: &str = "BENCH_KIND";
const KINDS: [&str; 6] = [
    "stream head",
    "application",
    "profile",
    "data source, 1 plain and 1 sealed option",
    "user with a password",
    "remembered request",
];

fn main() {
    if let Ok(kind) = std::env::var(KIND) {
        let (asked, held) = measure(&kind);
        println!("{asked} {held}");
        return;
    }
    println!("load average at the start: {}\n", load_average());
    println!("| row | bytes asked for | bytes resident |\n| --- | --- | --- |");
    let mut stream = (0.0, 0.0);
    for kind in KINDS {
        let program = std::env::current_exe().expect("this program");
        let output = Command::new(program).env(KIND, kind).output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let (asked, held) = text.trim().split_once(' ').expect("two numbers");
        let (asked, held): (f64, f64) = (asked.parse().expect("a number"), held.parse().expect("a number"));
        let has_head = !matches!(kind, "stream head" | "remembered request");
        let less = if has_head { stream } else { (0.0, 0.0) };
        println!("| {kind} | {:.0} | {:.0} |", asked - less.0, held - less.1);
        if kind == "stream head" {
            stream = (asked, held);
        }
    }
}

/// Bytes a row, asked for and resident.
fn measure(kind: &str) -> (f64, f64) {
    let before = (ALLOCATOR.allocated(), resident_bytes("self").0);
    let mut state = State::default();
    for number in 0..ROWS {
        if kind == "stream head" {
            let stream = Stream::new(StreamKind::DATA_SOURCE, number);
            state.streams.heads.put(stream, StreamHead { version: 0, sequence: Sequence(number) });
        } else {
            state.apply(&envelope(kind, number));
        }
    }
    let after = (ALLOCATOR.allocated(), resident_bytes("self").0);
    std::hint::black_box(&state);
    let asked = (after.0 - before.0) as f64 / ROWS as f64;
    (asked, (after.1 - before.1) as f64 / ROWS as f64)
}

fn envelope(kind: &str, number: u64) -> Envelope {
    let key_id = KeyId(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let sealed = |length: usize| Sealed { key_id, nonce: [7; 12], ciphertext: vec![7; length + 16] };
    let owner = UserId(number / 100);
    let mut idempotency = None;
    let (kind, event): (StreamKind, Event) = match kind {
        "application" => {
            let created = OAuthAppCreated {
                name: format!("application {number}"),
                data_store: DataStoreId(54),
                description: None,
                client_id: "asdfjasdljfasdkjf".to_owned(),
                client_secret: sealed(16),
                authorize_uri: "https://accounts.google.com/o/oauth2/v2/auth".to_owned(),
                token_uri: "https://www.googleapis.com/oauth2/v3/token".to_owned(),
                scope: "full_offline_access, test_repo".to_owned(),
            };
            (StreamKind::OAUTH_APP, created.into())
        }
        "profile" => {
            let created = OAuthProfileCreated {
                owner,
                name: format!("profile_{number}"),
                oauth_app: OAuthAppId(number / 1000),
                description: None,
                access_token: Some(sealed(64)),
                refresh_token: sealed(64),
            };
            (StreamKind::OAUTH_PROFILE, created.into())
        }
        "user with a password" => {
            let hash = sealed(97);
            let created = UserCreated {
                name: sealed(12),
                status: UserStatus::Active,
                password: Some(Password { hash, status: PasswordStatus::Active, expires_at: None }),
                roles: [RoleId(2)].into_iter().collect(),
                permissions: [1, 2, 3, 4, 7].map(PermissionId).into_iter().collect(),
            };
            (StreamKind::USER, created.into())
        }
        "remembered request" => {
            let mut key = [0; 16];
            key.copy_from_slice(&key_id.0[..16]);
            idempotency = Some(IdempotencyTags { key, request: [7; 16] });
            let revealed = SecretRevealed {
                object: Stream::new(StreamKind::DATA_SOURCE, 1),
                object_sequence: Sequence(0),
                fields: [Field::OPTION].into_iter().collect(),
            };
            (StreamKind::DISCLOSURES, revealed.into())
        }
        _ => {
            let created = DataSourceCreated {
                owner,
                name: format!("Source_{number}"),
                data_store: DataStoreId(54),
                connection_type: ConnectionType::Cloud,
                key_id,
                description: None,
                profile: Some(OAuthProfileId(number / 10)),
                plain_options: [("ODataVersion".to_owned(), "4".to_owned())].into_iter().collect(),
                sealed_options: [("Password".to_owned(), sealed(16))].into_iter().collect(),
            };
            (StreamKind::DATA_SOURCE, created.into())
        }
    };
    let id = if kind == StreamKind::DISCLOSURES { 1 } else { number };
    let header = Header {
        ledger_id: LedgerId([1; 16]),
        epoch: Epoch(1),
        sequence: Sequence(number),
        recorded_at: Timestamp(1_795_176_000_000_000 + number.cast_signed()),
        tenant: TenantId(1),
        stream: Stream::new(kind, id),
        stream_version: 0,
        stream_previous: None,
        actor: Actor::User(owner),
        command_id: CommandId([2; 16]),
        command_index: 0,
        command_count: 1,
        previous_hash: ChainHash::ZERO,
        on_behalf_of: None,
        idempotency,
        origin: None,
    };
    Envelope { header, event }
}
