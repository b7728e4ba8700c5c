//! Logs to test with: every kind of event, commands of one and of many events, several streams.

mod oauth;

use std::collections::BTreeMap;

use events::{
    chain::{ChainHash, link},
    codec::encode,
    data_source::{
        ConnectionType, DataSourceCreated, DataSourceDeleted, DataSourceMembersChanged,
        DataSourcePermissionsSet, DataSourceProfileCleared, DataSourceShared, DataSourceUnshared,
        DataSourceUpdated,
    },
    disclosure::SecretRevealed,
    envelope::{Actor, Envelope, Header, IdempotencyTags, Stream, StreamKind},
    event::Event,
    id::{
        CommandId, ConfigurationId, CorsOriginId, DataSourceId, DataStoreId, Epoch, LedgerId, LimitId,
        OAuthAppId, OAuthProfileId, PermissionId, RoleId, SYSTEM_TENANT, Sequence, TenantId, UserId,
    },
    ledger::{LedgerCreated, SnapshotTaken, StateDigest},
    limit::{LimitCleared, LimitSet},
    merkle::{Frontier, TreeHash, leaf_hash},
    oauth_app::{OAuthAppCreated, OAuthAppDeleted, OAuthAppUpdated},
    oauth_profile::{OAuthProfileCreated, OAuthProfileDeleted, OAuthProfileUpdated},
    role::{RoleCreated, RoleDeleted, RoleUpdated},
    sealed::{Field, KeyId, Sealed, SecretChange},
    setting::{ConfigurationSet, CorsOriginRemoved, CorsOriginSet, PasswordPolicySet},
    sorted::SortedMap,
    tenant::{TenantAdministratorsChanged, TenantCreated, TenantDeleted, TenantStatus, TenantUpdated},
    time::Timestamp,
    user::{
        Password, PasswordSetter, PasswordStatus, UserCreated, UserDeleted, UserLocked, UserMoved,
        UserPasswordSet, UserRolesSet, UserStatus, UserStatusSet, UserUnlocked, UserUpdated,
    },
    verify::ExpectedHead,
    whitelist::{AddressRange, IpWhitelistSet, UserIpWhitelistSet},
};

pub(crate) const LEDGER: LedgerId = LedgerId([0xa1; 16]);
/// 2026-11-20T18:30:00Z.
const START: Timestamp = Timestamp(1_795_199_400_000_000);

/// A writer without rules: it only numbers, stamps and links.
#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) leaves: Vec<Vec<u8>>,
    pub(crate) epoch: Epoch,
    chain: ChainHash,
    frontier: Frontier,
    streams: BTreeMap<Stream, (u64, Sequence)>,
    commands: u8,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self {
            leaves: Vec::new(),
            epoch: Epoch(1),
            chain: ChainHash::ZERO,
            frontier: Frontier::default(),
            streams: BTreeMap::new(),
            commands: 0,
        }
    }

    /// A ledger with at least one event of every type, 16 events in 8 commands.
    pub(crate) fn of_every_event() -> Self {
        let mut book = Self::new();
        let admin = Actor::User(UserId(1));
        let app = Stream::new(StreamKind::OAUTH_APP, 7);
        book.command(
            Actor::Operator,
            vec![
                (Stream::new(StreamKind::LEDGER, 0), ledger_created().into()),
                (Stream::new(StreamKind::TENANT, 1), tenant_created().into()),
                (Stream::new(StreamKind::ROLE, 1), role_created().into()),
                (Stream::new(StreamKind::ROLE, 2), role_created().into()),
                (Stream::new(StreamKind::USER, 1), user_created().into()),
            ],
        );
        book.command(admin, vec![(Stream::new(StreamKind::USER, 2), user_created().into())]);
        book.command(admin, vec![(app, app_created().into())]);
        book.command(Actor::System, vec![(Stream::new(StreamKind::USER, 2), user_locked().into())]);
        book.command(
            admin,
            vec![
                (app, app_updated().into()),
                (Stream::new(StreamKind::OAUTH_APP, 8), app_created().into()),
                (app, app_updated().into()),
            ],
        );
        book.command(admin, vec![(Stream::new(StreamKind::DISCLOSURES, 1), secret_revealed().into())]);
        book.epoch = Epoch(2);
        book.command(
            admin,
            vec![
                (app, OAuthAppDeleted {}.into()),
                (Stream::new(StreamKind::OAUTH_APP, 8), OAuthAppDeleted {}.into()),
                (Stream::new(StreamKind::TENANT, 2), tenant_created().into()),
            ],
        );
        book.command(admin, vec![(Stream::new(StreamKind::USER, 2), user_locked().into())]);
        book
    }

    /// What came later: profiles and data sources, a snapshot. The book above stays as it is: golden files follow from it.
    pub(crate) fn of_later_events() -> Self {
        let mut book = Self::new();
        let admin = Actor::User(UserId(1));
        let profile = Stream::new(StreamKind::OAUTH_PROFILE, 1);
        let source = Stream::new(StreamKind::DATA_SOURCE, 1);
        book.command(admin, vec![(profile, profile_created().into())]);
        book.command(admin, vec![(source, source_created().into())]);
        book.command(admin, vec![(profile, profile_updated().into()), (source, source_updated().into())]);
        book.command(
            admin,
            vec![
                (source, DataSourceProfileCleared { profile: OAuthProfileId(1) }.into()),
                (profile, OAuthProfileDeleted {}.into()),
            ],
        );
        book.command(admin, vec![(source, DataSourceDeleted {}.into())]);
        book.command(admin, vec![(Stream::new(StreamKind::LEDGER, 0), snapshot_taken().into())]);
        book
    }

    /// Administration, which came after that.
    pub(crate) fn of_administration() -> Self {
        let mut book = Self::new();
        let admin = Actor::User(UserId(1));
        let ledger = Stream::new(StreamKind::LEDGER, 0);
        let tenant = Stream::new(StreamKind::TENANT, 2);
        let role = Stream::new(StreamKind::ROLE, 4);
        let user = Stream::new(StreamKind::USER, 2);
        let source = Stream::new(StreamKind::DATA_SOURCE, 1);
        book.command(
            admin,
            vec![
                (ledger, limit_set().into()),
                (ledger, configuration_set().into()),
                (ledger, password_policy_set().into()),
                (ledger, ip_whitelist_set().into()),
                (ledger, cors_origin_set().into()),
            ],
        );
        book.command(
            admin,
            vec![
                (tenant, tenant_updated().into()),
                (tenant, administrators_changed().into()),
                (role, role_updated().into()),
            ],
        );
        book.command(
            admin,
            vec![
                (user, UserUpdated { name: sealed(25) }.into()),
                (user, UserMoved { from: TenantId(3) }.into()),
                (user, UserStatusSet { status: UserStatus::Inactive }.into()),
                (user, password_set().into()),
                (user, roles_set().into()),
                (user, UserUnlocked {}.into()),
                (user, UserIpWhitelistSet { lists: None }.into()),
            ],
        );
        book.command(
            admin,
            vec![
                (source, source_shared().into()),
                (source, source_permissions_set().into()),
                (source, source_members_changed().into()),
            ],
        );
        book.command(
            Actor::Operator,
            vec![
                (source, source_unshared().into()),
                (role, RoleDeleted {}.into()),
                (user, UserDeleted { key_id: KeyId([0xd7; 32]) }.into()),
                (tenant, TenantDeleted {}.into()),
                (ledger, CorsOriginRemoved { id: CorsOriginId(4) }.into()),
                (ledger, LimitCleared { limit: LimitId(3) }.into()),
            ],
        );
        book
    }

    /// Books that together hold every event.
    pub(crate) fn all() -> [Self; 4] {
        [Self::of_every_event(), Self::of_later_events(), Self::of_administration(), Self::of_authorization()]
    }

    pub(crate) fn command(&mut self, actor: Actor, events: Vec<(Stream, Event)>) {
        self.commands += 1;
        let count = u32::try_from(events.len()).expect("few events");
        for (index, (stream, event)) in (0..).zip(events) {
            let mut header = self.header(actor, stream, count);
            header.command_index = index;
            if index == 0 && self.commands > 1 {
                header.idempotency = Some(IdempotencyTags { key: [self.commands; 16], request: [0x44; 16] });
                header.origin = Some(sealed(20));
                header.on_behalf_of = Some(UserId(2)).filter(|_| self.commands.is_multiple_of(2));
            }
            self.push(encode(&Envelope { header, event }).expect("a small leaf"));
        }
    }

    /// The header that the next event of a command of its own would have.
    pub(crate) fn header(&self, actor: Actor, stream: Stream, command_count: u32) -> Header {
        let last = self.streams.get(&stream);
        Header {
            ledger_id: LEDGER,
            epoch: self.epoch,
            sequence: Sequence(self.frontier.size()),
            recorded_at: START.saturating_add_secs(i64::from(self.commands)),
            tenant: SYSTEM_TENANT,
            stream,
            stream_version: last.map_or(0, |(version, _)| version + 1),
            stream_previous: last.map(|(_, sequence)| *sequence),
            actor,
            command_id: CommandId([self.commands; 16]),
            command_index: 0,
            command_count,
            previous_hash: self.chain,
            on_behalf_of: None,
            idempotency: None,
            origin: None,
        }
    }

    /// Appends bytes as they are.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) {
        if let Ok(leaf) = events::envelope::Leaf::parse(&bytes) {
            self.streams.insert(leaf.header.stream, (leaf.header.stream_version, leaf.header.sequence));
        }
        self.chain = link(&bytes);
        self.frontier.push(leaf_hash(&bytes));
        self.leaves.push(bytes);
    }

    pub(crate) fn chain(&self) -> ChainHash {
        self.chain
    }

    pub(crate) fn head(&self) -> ExpectedHead {
        ExpectedHead { size: self.frontier.size(), chain: Some(self.chain), root: Some(self.frontier.root()) }
    }
}

/// One value of every fact, as the golden files hold it.
pub(crate) fn every_event() -> Vec<Event> {
    let mut all = vec![
        ledger_created().into(),
        tenant_created().into(),
        role_created().into(),
        user_created().into(),
        user_locked().into(),
        app_created().into(),
        app_updated().into(),
        OAuthAppDeleted {}.into(),
        secret_revealed().into(),
        profile_created().into(),
        profile_updated().into(),
        OAuthProfileDeleted {}.into(),
        source_created().into(),
        source_updated().into(),
        DataSourceDeleted {}.into(),
        DataSourceProfileCleared { profile: OAuthProfileId(33) }.into(),
        snapshot_taken().into(),
        tenant_updated().into(),
        TenantDeleted {}.into(),
        administrators_changed().into(),
        role_updated().into(),
        RoleDeleted {}.into(),
        UserUnlocked {}.into(),
        UserUpdated { name: sealed(25) }.into(),
        UserStatusSet { status: UserStatus::Inactive }.into(),
        password_set().into(),
        roles_set().into(),
        UserMoved { from: TenantId(3) }.into(),
        UserDeleted { key_id: KeyId([0xd7; 32]) }.into(),
        source_shared().into(),
        source_unshared().into(),
        source_permissions_set().into(),
        source_members_changed().into(),
        limit_set().into(),
        LimitCleared { limit: LimitId(3) }.into(),
        configuration_set().into(),
        password_policy_set().into(),
        ip_whitelist_set().into(),
        UserIpWhitelistSet { lists: Some(sealed(90)) }.into(),
        cors_origin_set().into(),
        CorsOriginRemoved { id: CorsOriginId(4) }.into(),
    ];
    all.extend(oauth::every_event());
    all
}

pub(crate) fn sealed(bytes: u8) -> Sealed {
    Sealed { key_id: KeyId([0xb2; 32]), nonce: [0xc3; 12], ciphertext: (0..bytes).collect() }
}

fn ledger_created() -> LedgerCreated {
    LedgerCreated { software: "authledger 0.1.0".to_owned() }
}

fn snapshot_taken() -> SnapshotTaken {
    SnapshotTaken {
        size: 9,
        chain: ChainHash([0x3c; 32]),
        root: TreeHash([0x5a; 32]),
        digest_version: 1,
        digest: StateDigest([0x69; 32]),
    }
}

fn tenant_created() -> TenantCreated {
    TenantCreated {
        name: "Zentrale Köln".to_owned(),
        key_id: KeyId([0xd4; 32]),
        description: Some(sealed(30)),
        parent: Some(TenantId(1)),
        status: TenantStatus::Active,
        administrators: [UserId(1), UserId(2)].into_iter().collect(),
    }
}

fn role_created() -> RoleCreated {
    RoleCreated {
        name: "Administrator".to_owned(),
        key_id: KeyId([0xd5; 32]),
        description: None,
        permissions: [PermissionId(12), PermissionId(1), PermissionId(101)].into_iter().collect(),
    }
}

fn user_created() -> UserCreated {
    UserCreated {
        name: sealed(24),
        status: UserStatus::Active,
        password: Some(Password {
            hash: sealed(110),
            status: PasswordStatus::MustChange,
            expires_at: Some(START.saturating_add_secs(86_400)),
        }),
        roles: [RoleId(1)].into_iter().collect(),
        permissions: [PermissionId(3)].into_iter().collect(),
    }
}

fn profile_created() -> OAuthProfileCreated {
    OAuthProfileCreated {
        owner: UserId(2),
        name: "User_1".to_owned(),
        oauth_app: OAuthAppId(17),
        description: Some(sealed(31)),
        access_token: Some(sealed(29)),
        refresh_token: sealed(30),
    }
}

fn profile_updated() -> OAuthProfileUpdated {
    OAuthProfileUpdated {
        name: "User_2".to_owned(),
        oauth_app: OAuthAppId(18),
        description: None,
        access_token: SecretChange::Replaced(sealed(29)),
        refresh_token: None,
    }
}

fn source_created() -> DataSourceCreated {
    DataSourceCreated {
        owner: UserId(2),
        name: "OAuth2Datasource_Test".to_owned(),
        data_store: DataStoreId(54),
        connection_type: ConnectionType::Cloud,
        key_id: KeyId([0xd6; 32]),
        description: Some(sealed(28)),
        profile: Some(OAuthProfileId(31)),
        plain_options: [("ODataVersion", "4"), ("DefaultQueryOptions", "segmentId=-1;")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect(),
        sealed_options: [("Password".to_owned(), sealed(27))].into_iter().collect(),
    }
}

fn source_updated() -> DataSourceUpdated {
    DataSourceUpdated {
        name: "OAuth2Datasource".to_owned(),
        description: None,
        profile: None,
        plain_options: SortedMap::default(),
        sealed_options: [("Password".to_owned(), None), ("PrivateKey".to_owned(), Some(sealed(26)))]
            .into_iter()
            .collect(),
    }
}

fn user_locked() -> UserLocked {
    UserLocked { until: START.saturating_add_secs(900) }
}

fn tenant_updated() -> TenantUpdated {
    TenantUpdated { name: "Zentrale Bonn".to_owned(), description: None, status: TenantStatus::Inactive }
}

fn administrators_changed() -> TenantAdministratorsChanged {
    TenantAdministratorsChanged {
        added: [UserId(3), UserId(5)].into_iter().collect(),
        removed: [UserId(2)].into_iter().collect(),
    }
}

fn role_updated() -> RoleUpdated {
    RoleUpdated {
        name: "Readers".to_owned(),
        description: Some(sealed(29)),
        permissions: [PermissionId(2), PermissionId(11)].into_iter().collect(),
    }
}

fn password_set() -> UserPasswordSet {
    UserPasswordSet {
        hash: Some(sealed(110)),
        status: PasswordStatus::Active,
        expires_at: None,
        setter: PasswordSetter::Holder,
        ends_all_tokens: false,
    }
}

fn roles_set() -> UserRolesSet {
    UserRolesSet {
        roles: [RoleId(2), RoleId(4)].into_iter().collect(),
        permissions: [PermissionId(12)].into_iter().collect(),
    }
}

fn source_shared() -> DataSourceShared {
    let seen = [PermissionId(2), PermissionId(7)].into_iter().collect();
    DataSourceShared {
        users: [(UserId(88), seen)].into_iter().collect(),
        tenants: [(TenantId(71), [PermissionId(7)].into_iter().collect())].into_iter().collect(),
    }
}

fn source_unshared() -> DataSourceUnshared {
    DataSourceUnshared {
        users: [UserId(88)].into_iter().collect(),
        tenants: [TenantId(71)].into_iter().collect(),
    }
}

fn source_permissions_set() -> DataSourcePermissionsSet {
    DataSourcePermissionsSet { permissions: Some([PermissionId(2), PermissionId(10)].into_iter().collect()) }
}

fn source_members_changed() -> DataSourceMembersChanged {
    DataSourceMembersChanged {
        set: [(DataSourceId(11), "sal".to_owned())].into_iter().collect(),
        removed: [DataSourceId(9)].into_iter().collect(),
    }
}

fn limit_set() -> LimitSet {
    LimitSet { limit: LimitId(3), value: 5 }
}

fn configuration_set() -> ConfigurationSet {
    ConfigurationSet { configuration: ConfigurationId(8), value: Some("true".to_owned()) }
}

fn password_policy_set() -> PasswordPolicySet {
    PasswordPolicySet {
        name: "House rules".to_owned(),
        description: Some(sealed(33)),
        length_min: 14,
        length_max: 64,
        special_min: 1,
        lower_min: 0,
        upper_min: 2,
        digits_min: 3,
        expiration_days: Some(120),
    }
}

fn ip_whitelist_set() -> IpWhitelistSet {
    let range = |first: &str, last: &str| {
        let parsed = [first, last].map(|text| text.parse().expect("an address"));
        AddressRange::new(parsed[0], parsed[1]).expect("in order")
    };
    IpWhitelistSet {
        management_api: [range("192.0.2.0", "192.0.2.255"), range("2001:db8::1", "2001:db8::1")]
            .into_iter()
            .collect(),
        admin_api: [range("192.0.2.7", "192.0.2.7")].into_iter().collect(),
        ..IpWhitelistSet::default()
    }
}

fn cors_origin_set() -> CorsOriginSet {
    CorsOriginSet {
        id: CorsOriginId(4),
        domain: "https://*.example.com".to_owned(),
        description: Some(sealed(31)),
    }
}

fn app_created() -> OAuthAppCreated {
    OAuthAppCreated {
        name: "Google Analytics".to_owned(),
        data_store: DataStoreId(54),
        description: None,
        client_id: "481513162342-apps.googleusercontent.com".to_owned(),
        client_secret: sealed(40),
        authorize_uri: "https://accounts.google.com/o/oauth2/auth".to_owned(),
        token_uri: "https://accounts.google.com/o/oauth2/token".to_owned(),
        scope: "https://www.googleapis.com/auth/analytics.readonly".to_owned(),
    }
}

fn app_updated() -> OAuthAppUpdated {
    OAuthAppUpdated {
        name: "Google Analytics 4".to_owned(),
        description: Some(sealed(44)),
        client_id: "481513162342-apps.googleusercontent.com".to_owned(),
        client_secret: None,
        authorize_uri: "https://accounts.google.com/o/oauth2/auth".to_owned(),
        token_uri: "https://accounts.google.com/o/oauth2/token".to_owned(),
        scope: String::new(),
    }
}

fn secret_revealed() -> SecretRevealed {
    SecretRevealed {
        object: Stream::new(StreamKind::OAUTH_APP, 7),
        object_sequence: Sequence(9),
        fields: [Field::CLIENT_SECRET, Field::DESCRIPTION].into_iter().collect(),
    }
}
