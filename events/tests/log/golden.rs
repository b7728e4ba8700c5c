//! Bytes that are read for ever. `UPDATE_GOLDEN=1 cargo test -p authledger-events` writes files that are missing and never
//! changes one that is there: a new version of an event adds a file.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use events::{
    chain::ChainHash,
    codec::{decode, encode},
    envelope::{Actor, Envelope, Header, IdempotencyTags, Leaf, Stream, StreamKind},
    event::{Event, EventType},
    id::{ClientApplicationId, CommandId, Epoch, Sequence, TenantId, UserId},
    time::Timestamp,
};

use crate::book::{LEDGER, every_event, sealed};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compares with the file, or writes it when it is missing and writing was asked for.
#[track_caller]
pub(crate) fn check(name: &str, text: &str) {
    let path = directory().join(name);
    match fs::read_to_string(&path) {
        Ok(golden) => assert_eq!(text, golden, "{name} differs from its golden file"),
        Err(_) if std::env::var_os("UPDATE_GOLDEN").is_some() => {
            fs::create_dir_all(path.parent().expect("inside the crate")).expect("the directory can be made");
            fs::write(&path, text).expect("the file can be written");
        }
        Err(error) => panic!("{name}: {error}; UPDATE_GOLDEN=1 writes what is missing"),
    }
}

/// Hexadecimal, 32 bytes a line.
fn hex_lines(bytes: &[u8]) -> String {
    bytes.chunks(32).map(|line| hex::encode(line) + "\n").collect()
}

fn file_name(kind: EventType, version: u16) -> String {
    let name = kind.name().expect("a known type");
    format!("{:05}_{name}_v{version}.hex", kind.0)
}

/// A header for each event, so that together they show every optional part and every actor.
fn envelope(number: u64, event: Event) -> Envelope {
    let stream = match &event {
        Event::LedgerCreated(_)
        | Event::SnapshotTaken(_)
        | Event::ScopeSetDefined(_)
        | Event::LimitSet(_)
        | Event::LimitCleared(_)
        | Event::ConfigurationSet(_)
        | Event::PasswordPolicySet(_)
        | Event::IpWhitelistSet(_)
        | Event::CorsOriginSet(_)
        | Event::CorsOriginRemoved(_) => Stream::new(StreamKind::LEDGER, 0),
        Event::TenantCreated(_)
        | Event::TenantUpdated(_)
        | Event::TenantDeleted(_)
        | Event::TenantAdministratorsChanged(_) => Stream::new(StreamKind::TENANT, 2),
        Event::RoleCreated(_) | Event::RoleUpdated(_) | Event::RoleDeleted(_) => {
            Stream::new(StreamKind::ROLE, 5)
        }
        Event::UserCreated(_)
        | Event::UserLocked(_)
        | Event::UserUnlocked(_)
        | Event::UserUpdated(_)
        | Event::UserStatusSet(_)
        | Event::UserPasswordSet(_)
        | Event::UserRolesSet(_)
        | Event::UserMoved(_)
        | Event::UserDeleted(_)
        | Event::UserIpWhitelistSet(_) => Stream::new(StreamKind::USER, 3),
        Event::OAuthAppCreated(_) | Event::OAuthAppUpdated(_) | Event::OAuthAppDeleted(_) => {
            Stream::new(StreamKind::OAUTH_APP, 7)
        }
        Event::OAuthProfileCreated(_) | Event::OAuthProfileUpdated(_) | Event::OAuthProfileDeleted(_) => {
            Stream::new(StreamKind::OAUTH_PROFILE, 33)
        }
        Event::DataSourceCreated(_)
        | Event::DataSourceUpdated(_)
        | Event::DataSourceDeleted(_)
        | Event::DataSourceProfileCleared(_)
        | Event::DataSourceShared(_)
        | Event::DataSourceUnshared(_)
        | Event::DataSourcePermissionsSet(_)
        | Event::DataSourceMembersChanged(_) => Stream::new(StreamKind::DATA_SOURCE, 503),
        Event::ClientApplicationRegistered(_)
        | Event::ClientApplicationUpdated(_)
        | Event::ClientApplicationSecretReset(_)
        | Event::ClientApplicationSecretRotated(_)
        | Event::ClientApplicationTransferred(_)
        | Event::ClientApplicationDeleted(_)
        | Event::GrantDenied(_) => Stream::new(StreamKind::CLIENT_APPLICATION, 4),
        Event::GrantAllowed(_)
        | Event::GrantRevoked(_)
        | Event::AuthorizationCodeIssued(_)
        | Event::AuthorizationCodeRedeemed(_)
        | Event::AuthorizationCodeReplayDetected(_)
        | Event::TokensIssued(_)
        | Event::RefreshTokenRotated(_)
        | Event::RefreshTokenReuseDetected(_)
        | Event::AccessTokenRevoked(_)
        | Event::TokenFamilyRevoked(_) => Stream::new(StreamKind::GRANT, 5),
        Event::AccessTokenIssued(_) => Stream::new(StreamKind::CLIENT_TOKENS, 4),
        Event::SecretRevealed(_) => Stream::new(StreamKind::DISCLOSURES, 3),
    };
    let actors = [
        Actor::Operator,
        Actor::User(UserId(3)),
        Actor::ClientApplication(ClientApplicationId(11)),
        Actor::System,
    ];
    let first = number.is_multiple_of(2);
    let header = Header {
        ledger_id: LEDGER,
        epoch: Epoch(1),
        sequence: Sequence(number),
        recorded_at: Timestamp(1_795_199_400_000_000 + i64::try_from(number).expect("small")),
        tenant: TenantId(2),
        stream,
        stream_version: number,
        stream_previous: number.checked_sub(1).map(Sequence),
        actor: actors[usize::try_from(number % 4).expect("small")],
        command_id: CommandId([0xe5; 16]),
        command_index: u32::from(!first),
        command_count: 2,
        previous_hash: if number == 0 { ChainHash::ZERO } else { ChainHash([0xf6; 32]) },
        on_behalf_of: Some(UserId(4)).filter(|_| number % 3 == 1),
        idempotency: Some(IdempotencyTags { key: [0x17; 16], request: [0x28; 16] })
            .filter(|_| first && number > 0),
        origin: Some(sealed(25)).filter(|_| first && number > 2),
    };
    Envelope { header, event }
}

#[test]
fn every_event_of_the_table_has_its_golden_file_and_no_file_is_too_many() {
    let mut files = BTreeSet::new();
    for (number, event) in (0..).zip(every_event()) {
        let (kind, version) = event.kind();
        let name = file_name(kind, version);
        let envelope = envelope(number, event);
        let bytes = encode(&envelope).expect("a small leaf");
        check(&format!("events/{name}"), &hex_lines(&bytes));
        files.insert(name);
    }

    let table: BTreeSet<String> =
        EventType::TABLE.iter().map(|&(kind, version, _)| file_name(kind, version)).collect();
    let stored: BTreeSet<String> = fs::read_dir(directory().join("events"))
        .expect("the golden files")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("plain names"))
        .collect();
    assert_eq!(stored, table, "one file for each (type, version) of the table, and no other");
    // Old versions are only read; the current ones are written too.
    assert!(files.is_subset(&table));
}

#[test]
fn every_golden_file_decodes_to_its_event() {
    for (number, event) in (0..).zip(every_event()) {
        let (kind, version) = event.kind();
        let path = directory().join("events").join(file_name(kind, version));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let bytes = hex::decode(text.replace('\n', "")).expect("hexadecimal");
        assert_eq!(decode(&bytes).expect("a golden leaf"), envelope(number, event));
    }
}

#[test]
fn a_golden_leaf_with_any_byte_changed_is_refused_or_reads_as_exactly_those_bytes() {
    for (number, event) in (0..).zip(every_event()) {
        let bytes = encode(&envelope(number, event)).expect("a small leaf");
        for offset in 0..bytes.len() {
            for mask in [0x01, 0x02, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[offset] ^= mask;
                if let Ok(envelope) = decode(&changed) {
                    assert_eq!(encode(&envelope).expect("read from a leaf"), changed, "byte {offset}");
                }
            }
        }
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err(), "{len} bytes of a leaf are no leaf");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode(&longer).is_err());
    }
}

#[test]
fn lengths_that_lie_are_refused_without_allocating_for_them() {
    let software = encode(&envelope(0, every_event().remove(0))).expect("a small leaf");
    let leaf = Leaf::parse(&software).expect("just encoded");
    for claimed in [60_000_u64, 60_001, u64::from(u32::MAX), u64::MAX - 7, u64::MAX] {
        let mut body = leaf.body.to_vec();
        body[..8].copy_from_slice(&claimed.to_le_bytes());
        let lying = Leaf { body: &body, ..leaf.clone() }.to_bytes().expect("a small leaf");
        assert!(decode(&lying).is_err());
    }
}
