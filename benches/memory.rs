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
    grant::{ConsentBy, GrantAllowed},
    id::{
        ClientApplicationId, CommandId, DataStoreId, Epoch, FamilyId, LedgerId, OAuthAppId, OAuthProfileId,
        PermissionId, RoleId, ScopeSetId, Sequence, TenantId, TokenEpoch, UserId,
    },
    oauth_app::OAuthAppCreated,
    oauth_profile::OAuthProfileCreated,
    scope::Scope,
    sealed::{Field, KeyId, Sealed},
    time::Timestamp,
    token::{AccessTokenIssued, IssuedAccessToken, RefreshTokenRotated, TokenHash, TokensIssued},
    user::{Password, PasswordStatus, UserCreated, UserStatus},
};
use projections::{State, streams::StreamHead};
use support::server::{load_average, resident_bytes};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const ROWS: u64 = 300_000;
const KIND: &str = "BENCH_KIND";
const KINDS: [&str; 10] = [
    "stream head",
    "application",
    "profile",
    "data source, 1 plain and 1 sealed option",
    "user with a password",
    "remembered request",
    "grant",
    APPLICATIONS_TOKEN,
    GRANTS_TOKEN,
    FAMILY,
];
const APPLICATIONS_TOKEN: &str = "access token of an application";
const GRANTS_TOKEN: &str = "access token of a grant";
const FAMILY: &str = "family with its access token, rotated once with another";
const ROTATION: &str = "rotation";

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
        let has_head = !of_tokens(kind) && !matches!(kind, "stream head" | "remembered request");
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
            if kind == FAMILY {
                state.apply(&envelope(ROTATION, number));
            }
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
    let (many, mut idempotency) = (of_tokens(kind), None);
    let (kind, event): (StreamKind, Event) = match kind {
        _ if of_tokens(kind) => token_event(kind, number),
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
        "grant" => {
            let allowed = GrantAllowed {
                client: ClientApplicationId(number / 1000),
                user: owner,
                scopes: [Scope::OData].into_iter().collect(),
                by: ConsentBy::Page,
            };
            (StreamKind::GRANT, allowed.into())
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
    // Tokens are many on one stream.
    let id = if many || kind == StreamKind::DISCLOSURES { 1 } else { number };
    let header = Header {
        ledger_id: LedgerId([1; 16]),
        epoch: Epoch(1),
        sequence: Sequence(number),
        recorded_at: recorded_at(number),
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

fn recorded_at(number: u64) -> Timestamp {
    Timestamp(1_795_176_000_000_000 + number.cast_signed())
}

fn of_tokens(kind: &str) -> bool {
    kind.contains("token") || kind == ROTATION
}

fn token_event(kind: &str, number: u64) -> (StreamKind, Event) {
    let drawn = *blake3::hash(&number.to_le_bytes()).as_bytes();
    // As they are drawn: in no order.
    let family = FamilyId(u64::from_le_bytes(*drawn.first_chunk().expect("32 bytes begin with 8")));
    let access = |salt: u8| IssuedAccessToken {
        hash: TokenHash(*blake3::hash(&[&drawn[..], &[salt]].concat()).as_bytes()),
        expires_at: recorded_at(number).saturating_add_micros(3_600 * Timestamp::SECOND),
    };
    match kind {
        APPLICATIONS_TOKEN | GRANTS_TOKEN => {
            let family = (kind == GRANTS_TOKEN).then_some(family);
            let issued = AccessTokenIssued {
                scope_set: ScopeSetId(1),
                access: access(0),
                family,
                refresh_until: None,
                run_as: None,
            };
            (if family.is_some() { StreamKind::GRANT } else { StreamKind::CLIENT_TOKENS }, issued.into())
        }
        FAMILY => {
            let issued = TokensIssued {
                client: ClientApplicationId(number / 1000),
                family,
                scope_set: ScopeSetId(1),
                access: access(0),
                refresh: Some(TokenHash(drawn)),
                refresh_until: None,
            };
            (StreamKind::GRANT, issued.into())
        }
        ROTATION => {
            let rotated = RefreshTokenRotated {
                family,
                generation: 1,
                refresh: TokenHash([1; 32]),
                refresh_until: None,
                scope_set: ScopeSetId(1),
                access: access(1),
                epoch: TokenEpoch(20_000),
            };
            (StreamKind::GRANT, rotated.into())
        }
        other => panic!("{other} is none"),
    }
}
