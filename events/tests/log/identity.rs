//! What is written is read back, and what is read was written exactly so: for any event, any header, any bytes.

use events::{
    chain::ChainHash,
    codec::{CodecError, decode, encode},
    data_source::{
        ConnectionType, DataSourceCreated, DataSourceDeleted, DataSourceProfileCleared, DataSourceUpdated,
    },
    disclosure::SecretRevealed,
    envelope::{Actor, Envelope, Header, HeaderError, IdempotencyTags, Leaf, Stream, StreamKind},
    event::{Event, EventType},
    id::{
        ClientApplicationId, CommandId, DataStoreId, Epoch, LedgerId, OAuthAppId, OAuthProfileId,
        PermissionId, RoleId, Sequence, TenantId, UserId,
    },
    ledger::{LedgerCreated, SnapshotTaken, StateDigest},
    merkle::TreeHash,
    oauth_app::{OAuthAppCreated, OAuthAppDeleted, OAuthAppUpdated},
    oauth_profile::{OAuthProfileCreated, OAuthProfileDeleted, OAuthProfileUpdated},
    role::RoleCreated,
    sealed::{Field, KeyId, Sealed, SecretChange},
    sorted::{SortedMap, SortedVec},
    tenant::{TenantCreated, TenantStatus},
    time::Timestamp,
    user::{Password, PasswordStatus, UserCreated, UserLocked, UserStatus},
};
use proptest::{collection::vec, option, prelude::*};

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,40}", any::<String>()]
}

fn sealed() -> impl Strategy<Value = Sealed> {
    (any::<[u8; 32]>(), any::<[u8; 12]>(), vec(any::<u8>(), 16..200))
        .prop_map(|(key_id, nonce, ciphertext)| Sealed { key_id: KeyId(key_id), nonce, ciphertext })
}

fn set<T: Ord + std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = SortedVec<T>> {
    vec(item, 0..8).prop_map(SortedVec::from_iter)
}

fn stream() -> impl Strategy<Value = Stream> {
    (any::<u16>(), any::<u64>()).prop_map(|(kind, id)| Stream::new(StreamKind(kind), id))
}

fn password() -> impl Strategy<Value = Password> {
    let status = prop_oneof![Just(PasswordStatus::Active), Just(PasswordStatus::MustChange)];
    (sealed(), status, option::of(any::<i64>().prop_map(Timestamp)))
        .prop_map(|(hash, status, expires_at)| Password { hash, status, expires_at })
}

fn map<V: std::fmt::Debug>(value: impl Strategy<Value = V>) -> impl Strategy<Value = SortedMap<String, V>> {
    vec((text(), value), 0..8).prop_map(SortedMap::from_iter)
}

fn secret_change() -> impl Strategy<Value = SecretChange> {
    prop_oneof![
        Just(SecretChange::Kept),
        Just(SecretChange::Cleared),
        sealed().prop_map(SecretChange::Replaced)
    ]
}

fn profile_created() -> impl Strategy<Value = Event> {
    let (owner, app) = (any::<u64>().prop_map(UserId), any::<u64>().prop_map(OAuthAppId));
    (owner, text(), app, option::of(sealed()), option::of(sealed()), sealed()).prop_map(
        |(owner, name, oauth_app, description, access_token, refresh_token)| {
            OAuthProfileCreated { owner, name, oauth_app, description, access_token, refresh_token }.into()
        },
    )
}

fn profile_updated() -> impl Strategy<Value = Event> {
    let app = any::<u64>().prop_map(OAuthAppId);
    (text(), app, option::of(sealed()), secret_change(), option::of(sealed())).prop_map(
        |(name, oauth_app, description, access_token, refresh_token)| {
            OAuthProfileUpdated { name, oauth_app, description, access_token, refresh_token }.into()
        },
    )
}

fn source_created() -> impl Strategy<Value = Event> {
    let owner = any::<u64>().prop_map(UserId);
    let connection_type =
        prop_oneof![Just(ConnectionType::Cloud), Just(ConnectionType::Hybrid), Just(ConnectionType::Group)];
    let profile = option::of(any::<u64>().prop_map(OAuthProfileId));
    let fixed = (owner, any::<u32>().prop_map(DataStoreId), connection_type, any::<[u8; 32]>());
    (fixed, text(), option::of(sealed()), profile, map(text()), map(sealed())).prop_map(
        |(fixed, name, description, profile, plain_options, sealed_options)| {
            let (owner, data_store, connection_type, key_id) = fixed;
            DataSourceCreated {
                owner,
                name,
                data_store,
                connection_type,
                key_id: KeyId(key_id),
                description,
                profile,
                plain_options,
                sealed_options,
            }
            .into()
        },
    )
}

fn source_updated() -> impl Strategy<Value = Event> {
    let profile = option::of(any::<u64>().prop_map(OAuthProfileId));
    (text(), option::of(sealed()), profile, map(text()), map(option::of(sealed()))).prop_map(
        |(name, description, profile, plain_options, sealed_options)| {
            DataSourceUpdated { name, description, profile, plain_options, sealed_options }.into()
        },
    )
}

fn tenant_created() -> impl Strategy<Value = Event> {
    let status = prop_oneof![Just(TenantStatus::Active), Just(TenantStatus::Inactive)];
    let parent = option::of(any::<u64>().prop_map(TenantId));
    (text(), any::<[u8; 32]>(), option::of(sealed()), parent, status, set(any::<u64>().prop_map(UserId)))
        .prop_map(|(name, key_id, description, parent, status, administrators)| {
            TenantCreated { name, key_id: KeyId(key_id), description, parent, status, administrators }.into()
        })
}

fn role_created() -> impl Strategy<Value = Event> {
    (text(), any::<[u8; 32]>(), option::of(sealed()), set(any::<u16>().prop_map(PermissionId))).prop_map(
        |(name, key_id, description, permissions)| {
            RoleCreated { name, key_id: KeyId(key_id), description, permissions }.into()
        },
    )
}

fn user_created() -> impl Strategy<Value = Event> {
    let status = prop_oneof![Just(UserStatus::Active), Just(UserStatus::Inactive)];
    let roles = set(any::<u64>().prop_map(RoleId));
    let permissions = set(any::<u16>().prop_map(PermissionId));
    (sealed(), status, option::of(password()), roles, permissions).prop_map(
        |(name, status, password, roles, permissions)| {
            UserCreated { name, status, password, roles, permissions }.into()
        },
    )
}

fn app_created() -> impl Strategy<Value = Event> {
    (text(), any::<u32>(), option::of(sealed()), text(), sealed(), text(), text(), text()).prop_map(
        |(name, data_store, description, client_id, client_secret, authorize_uri, token_uri, scope)| {
            let data_store = DataStoreId(data_store);
            OAuthAppCreated {
                name,
                data_store,
                description,
                client_id,
                client_secret,
                authorize_uri,
                token_uri,
                scope,
            }
            .into()
        },
    )
}

fn app_updated() -> impl Strategy<Value = Event> {
    (text(), option::of(sealed()), text(), option::of(sealed()), text(), text(), text()).prop_map(
        |(name, description, client_id, client_secret, authorize_uri, token_uri, scope)| {
            OAuthAppUpdated { name, description, client_id, client_secret, authorize_uri, token_uri, scope }
                .into()
        },
    )
}

fn snapshot_taken() -> impl Strategy<Value = Event> {
    any::<(u64, [u8; 32], [u8; 32], u16, [u8; 32])>().prop_map(
        |(size, chain, root, digest_version, digest)| {
            SnapshotTaken {
                size,
                chain: ChainHash(chain),
                root: TreeHash(root),
                digest_version,
                digest: StateDigest(digest),
            }
            .into()
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        text().prop_map(|software| LedgerCreated { software }.into()),
        tenant_created(),
        role_created(),
        user_created(),
        any::<i64>().prop_map(|until| UserLocked { until: Timestamp(until) }.into()),
        app_created(),
        app_updated(),
        Just(OAuthAppDeleted {}.into()),
        profile_created(),
        profile_updated(),
        Just(OAuthProfileDeleted {}.into()),
        source_created(),
        source_updated(),
        Just(DataSourceDeleted {}.into()),
        any::<u64>().prop_map(|id| DataSourceProfileCleared { profile: OAuthProfileId(id) }.into()),
        snapshot_taken(),
        (stream(), any::<u64>(), set(any::<u16>().prop_map(Field))).prop_map(|(object, sequence, fields)| {
            SecretRevealed { object, object_sequence: Sequence(sequence), fields }.into()
        }),
    ]
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        any::<u64>().prop_map(|id| Actor::User(UserId(id))),
        any::<u64>().prop_map(|id| Actor::ClientApplication(ClientApplicationId(id))),
        Just(Actor::System),
        Just(Actor::Operator),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    let place = (any::<[u8; 16]>(), any::<u32>(), any::<u64>(), any::<i64>(), any::<u64>());
    // 2^64−1 stands for "none".
    let history = (stream(), any::<u64>(), option::of(0..u64::MAX));
    let cause = (actor(), any::<[u8; 16]>(), any::<u32>(), any::<u32>(), any::<[u8; 32]>());
    let tags = option::of(any::<([u8; 16], [u8; 16])>());
    let parts = (option::of(any::<u64>()), tags, option::of(sealed()));
    (place, history, cause, parts).prop_map(|(place, history, cause, parts)| Header {
        ledger_id: LedgerId(place.0),
        epoch: Epoch(place.1),
        sequence: Sequence(place.2),
        recorded_at: Timestamp(place.3),
        tenant: TenantId(place.4),
        stream: history.0,
        stream_version: history.1,
        stream_previous: history.2.map(Sequence),
        actor: cause.0,
        command_id: CommandId(cause.1),
        command_index: cause.2,
        command_count: cause.3,
        previous_hash: ChainHash(cause.4),
        on_behalf_of: parts.0.map(UserId),
        idempotency: parts.1.map(|(key, request)| IdempotencyTags { key, request }),
        origin: parts.2,
    })
}

/// Bytes that are no accident: a true leaf with some of them changed.
fn nearly_a_leaf() -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    (header(), event(), changes).prop_map(|(header, event, changes)| {
        let mut bytes = encode(&Envelope { header, event }).expect("a small leaf");
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_encoded_decodes_to_the_same(header in header(), event in event()) {
        let envelope = Envelope { header, event };
        let bytes = encode(&envelope).expect("a small leaf");
        prop_assert_eq!(decode(&bytes).expect("just encoded"), envelope);
    }

    #[test]
    fn what_decodes_re_encodes_to_the_same_bytes(bytes in nearly_a_leaf()) {
        if let Ok(envelope) = decode(&bytes) {
            prop_assert_eq!(encode(&envelope).expect("read from a leaf"), bytes.clone());
        }
        if let Ok(leaf) = Leaf::parse(&bytes) {
            prop_assert_eq!(leaf.to_bytes().expect("read from a leaf"), bytes);
        }
    }

    #[test]
    fn hostile_bodies_of_every_type_are_refused_or_understood_without_a_panic(
        header in header(),
        body in vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 0..300),
    ) {
        for &(event_type, schema_version, _) in EventType::TABLE {
            let leaf = Leaf { event_type, schema_version, header: header.clone(), body: &body };
            let bytes = leaf.to_bytes().expect("a small leaf");
            if let Ok(envelope) = decode(&bytes) {
                prop_assert_eq!(encode(&envelope).expect("read from a leaf"), bytes);
            }
        }
    }
}

#[test]
fn the_longest_leaf_is_written_and_read_and_one_byte_more_is_not() {
    let book = crate::book::Book::new();
    let mut header = book.header(Actor::Operator, Stream::new(StreamKind::LEDGER, 0), 1);
    // A fixed header, the two other optional parts, and an origin that fills the rest beside the longest body.
    header.on_behalf_of = Some(UserId(1));
    header.idempotency = Some(IdempotencyTags { key: [0; 16], request: [0; 16] });
    let room = 65_535 - 147 - 8 - 32 - 2 - 60_000;
    let origin =
        |len: usize| Some(Sealed { key_id: KeyId([0; 32]), nonce: [0; 12], ciphertext: vec![0; len - 45] });
    let body = vec![0; 60_000];
    let mut leaf = Leaf { event_type: EventType(60_000), schema_version: 1, header, body: &body };
    leaf.header.origin = origin(room);
    let bytes = leaf.to_bytes().expect("just fits");
    assert_eq!(bytes.len(), 65_535);
    assert_eq!(Leaf::parse(&bytes).as_ref(), Ok(&leaf));
    leaf.header.origin = origin(room + 1);
    assert_eq!(leaf.to_bytes(), Err(HeaderError::TooLong(65_536)));
    assert_eq!(Leaf::parse(&vec![b'A'; 65_536]), Err(HeaderError::TooLong(65_536)));
}

#[test]
fn every_accepted_length_of_a_text_is_written_and_one_more_is_refused() {
    let book = crate::book::Book::new();
    let header = book.header(Actor::Operator, Stream::new(StreamKind::LEDGER, 0), 1);
    let sized = |len: usize| {
        let event = LedgerCreated { software: "x".repeat(len) }.into();
        Envelope { header: header.clone(), event }
    };
    let bytes = encode(&sized(59_992)).expect("8 bytes of length and 59,992 of text");
    assert_eq!(decode(&bytes).expect("just encoded"), sized(59_992));
    assert!(matches!(encode(&sized(59_993)), Err(CodecError::TooLong(60_001))));
}
