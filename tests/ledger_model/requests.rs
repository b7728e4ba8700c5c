//! A step made into a command for the ledger, and into the same request in plain words for the model.

use authledger::{
    clock::draw,
    commands::{
        self, Cause, Command, NewKey,
        disclosure::{RevealSecrets, Secrets},
        field::{ClientId, EndpointUri, OAuthAppName, ScopeList, TenantName},
        ledger::TakeSnapshot,
        oauth_app::{CreateOAuthApp, DeleteOAuthApp, Properties, UpdateOAuthApp},
        role::ImportedRole,
    },
    vault::{DataKey, Vault, idempotency::IdempotentRequest, login::LoginName},
};
use events::{
    chain::ChainHash,
    envelope::{Actor, StreamKind},
    id::{
        ClientApplicationId, CommandId, DataStoreId, OAuthAppId, PermissionId, RoleId, Sequence, TenantId,
        UserId,
    },
    ledger::{SnapshotTaken, StateDigest},
    merkle::TreeHash,
    sealed::{Field, KeyId, Sealed},
    tenant::TenantStatus,
    time::Timestamp,
    user::{Password, PasswordStatus, UserStatus},
};
use projections::digest::DIGEST_VERSION;

use crate::{
    clients::{self, ClientWish},
    data_sources::SourceAsk,
    house::House,
    limits,
    model::Model,
    oauth_profiles::{self, ProfileAsk},
    options::{self, SourceWish},
    roles, settings, sharing,
    steps::{ADMINISTRATOR, Expected, HIMSELF, Secret, Step, Wish, id_of},
    tenants, token_edge, users,
};

/// A request in the model's words.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: CommandId,
    pub(crate) by: Actor,
    pub(crate) behalf: Option<u64>,
    /// The `Idempotency-Key`, and the body it came with.
    pub(crate) key: Option<(u8, String)>,
    pub(crate) ask: Ask,
}

/// What is asked for, with everything the edge prepared.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Tenant {
        name: String,
        status: TenantStatus,
        /// Source, the event that last changed it as the edge saw it, key and text of the copy.
        roles: Vec<(u64, u64, KeyId, Option<Sealed>)>,
        administrators: Vec<u64>,
        key: KeyId,
        description: Option<Sealed>,
    },
    User {
        tenant: Option<u64>,
        /// In lower case, as names are compared.
        login: String,
        name: Sealed,
        key: KeyId,
        status: UserStatus,
        password: Option<Password>,
        roles: Vec<u64>,
        permissions: Vec<u16>,
    },
    Lock {
        user: u64,
        until: Timestamp,
    },
    App {
        tenant: Option<u64>,
        store: u32,
        name: String,
        description: Option<Sealed>,
        secret: Sealed,
        key: KeyId,
    },
    Put {
        app: u64,
        expected: Option<Vec<u64>>,
        tenant: Option<u64>,
        store: u32,
        name: String,
        description: Option<Sealed>,
        secret: Option<Sealed>,
    },
    Delete {
        app: u64,
        expected: Option<Vec<u64>>,
    },
    Reveal {
        app: u64,
        changed: u64,
    },
    Profile(ProfileAsk),
    Source(SourceAsk),
    Snapshot {
        size: u64,
    },
    /// What the ledger is wished says it all.
    Other(commands::Wish),
}

pub(crate) struct Prepared {
    pub(crate) request: Request,
    /// As the step spells it.
    pub(crate) wish: Wish,
    pub(crate) command: Command,
}

pub(crate) const CLIENT_ID: &str = "client";
pub(crate) const AUTHORIZE_URI: &str = "https://provider.example/authorize";
pub(crate) const TOKEN_URI: &str = "https://provider.example/token";
pub(crate) const SCOPE: &str = "read, write";

/// Names differ in case from one use to the next, and are the same name.
pub(crate) fn login_name(number: u8, capital: bool) -> String {
    if capital { format!("USER {number}") } else { format!("user {number}") }
}

/// `None` when the step asks for nothing.
pub(crate) fn prepare(house: &House, model: &Model, step: &Step) -> Option<Prepared> {
    let vault = house.ledger().vault();
    let user = |number: u8| model.a_user(number);
    let who = |by: Option<u8>| match by {
        None => Actor::Operator,
        Some(ADMINISTRATOR) => Actor::User(UserId(model.administrators().next().expect("one stays"))),
        Some(by) => Actor::User(UserId(user(by))),
    };
    let whom = |by: Actor, number: u8| match by {
        Actor::User(UserId(own)) if number == HIMSELF => own,
        _ => user(number),
    };
    let (by, behalf, key, wish) = match step {
        Step::Ask { by, behalf, key, wish } => {
            let by = who(*by);
            (by, behalf.map(|number| whom(by, number)), *key, wish.clone())
        }
        Step::Crash { by, wish, .. } => (who(*by), None, None, wish.clone()),
        Step::Again { back } => model.asked_before(*back)?,
        Step::Pass { .. } | Step::Until { .. } | Step::Restart | Step::FullDisk | Step::Together { .. } => {
            return None;
        }
    };
    let locks = matches!(wish, Wish::Lock { .. });
    let by = if locks { Actor::System } else { by };
    // HDP names on-behalf for what users own.
    let behalf = behalf.filter(|_| !wish.is_administration());
    let body = format!("{behalf:?} {wish:?}");
    // A GET has none.
    let shows = matches!(
        wish,
        Wish::Source(SourceWish::Reveal { .. }) | Wish::Client(ClientWish::Reveal { .. }) | Wish::Token(_)
    );
    let key = key.filter(|_| !shows && !locks && by != Actor::Operator).map(|key| (key, body));
    let step = wish.clone();
    let whom = behalf.or(match by {
        Actor::User(user) => Some(user.0),
        Actor::System | Actor::Operator | Actor::ClientApplication(_) => None,
    });
    let (client, ask, wish) = match &wish {
        Wish::Token(wish) => token_edge::edge(house, model, wish),
        Wish::Consent(wish) => {
            let (ask, wish) = token_edge::consent_edge(house, model, whom, wish);
            (None, ask, wish)
        }
        wish => {
            let (ask, wish) = edge(vault, model, whom, wish);
            (None, ask, wish)
        }
    };
    let by = client.map_or(by, |id| Actor::ClientApplication(ClientApplicationId(id)));
    let request = Request { id: CommandId(draw(&*house.random)), by, behalf, key, ask };
    let tags = request.key.as_ref().map(|(key, body)| {
        let request = IdempotentRequest {
            actor: by,
            token_of: None,
            method: "POST",
            path: "/api",
            key: &format!("key {key}"),
            canonical_body: body.as_bytes(),
        };
        vault.request_tags(&request, house.now())
    });
    let cause = Cause {
        id: request.id,
        actor: by,
        on_behalf_of: behalf.map(UserId),
        bearer: None,
        idempotency: tags,
        origin: None,
    };
    Some(Prepared { request, wish: step, command: Command { cause, wish } })
}

/// What the edge does with a request before the writer sees it: draws keys, seals, reads what is there.
fn edge(vault: &Vault, model: &Model, whom: Option<u64>, wish: &Wish) -> (Ask, commands::Wish) {
    match wish {
        Wish::OldTenant(wish) => tenants::edge(vault, model, wish),
        Wish::Role(wish) => roles::edge(vault, model, whom, wish),
        Wish::Share(wish) => sharing::edge(model, whom, wish),
        Wish::Limit(wish) => limits::edge(model, whom, wish),
        Wish::Setting(wish) => settings::edge(vault, model, whom, wish),
        Wish::Change(wish) => users::edge(vault, model, whom, wish),
        Wish::Profile(wish) => oauth_profiles::edge(vault, model, whom, wish),
        Wish::Source(wish) => options::edge(vault, model, whom, wish),
        Wish::Client(wish) => clients::edge(vault, model, wish),
        Wish::Consent(_) | Wish::Token(_) => unreachable!("asked with more"),
        Wish::Tenant { .. }
        | Wish::User { .. }
        | Wish::Lock { .. }
        | Wish::App { .. }
        | Wish::Put { .. }
        | Wish::Delete { .. }
        | Wish::Reveal { .. }
        | Wish::Snapshot { .. } => edge_of_its_own(vault, model, wish),
    }
}

/// Of what has no file of its own.
fn edge_of_its_own(vault: &Vault, model: &Model, wish: &Wish) -> (Ask, commands::Wish) {
    let tenant_id = |number: &Option<u8>| number.map(|number| model.a_tenant(number));
    let user_id = |number: &u8| model.a_user(*number);
    let app_id = |number: u8| id_of(number, model.apps_ever);
    let app_changed = |id: u64| model.app(id).map(|row| row.changed);
    match wish {
        Wish::Tenant { name, active, roles, stale, administrators, described } => new_tenant(
            vault,
            model,
            &format!("Tenant {name}"),
            *active,
            roles,
            *stale,
            administrators,
            *described,
        ),
        Wish::User { .. } => new_user(vault, model, wish),
        Wish::Lock { user, secs } => {
            let (user, until) = (user_id(user), model.now.saturating_add_secs(i64::from(*secs)));
            let wish = commands::user::LockUser { user: UserId(user), until };
            (Ask::Lock { user, until }, commands::Wish::LockUser(wish))
        }
        Wish::App { tenant, store, name, described, foreign_key } => {
            new_app(vault, tenant_id(tenant), u32::from(*store), *name, *described, *foreign_key)
        }
        Wish::Put { app, expected, tenant, store, name, described, secret } => {
            let app = app_id(*app);
            let stored = model.app(app).map(|row| row.secret.key_id);
            let own = stored.map(|id| vault.data_key(&id).expect("the key of a living object"));
            let own = own.unwrap_or_else(|| vault.new_data_key().key);
            let seal = |key, field| vault.seal(key, StreamKind::OAUTH_APP, field, b"text");
            let description = described.then(|| seal(&own, Field::DESCRIPTION));
            let secret = match secret {
                Secret::Kept => None,
                Secret::New => Some(seal(&own, Field::CLIENT_SECRET)),
                Secret::UnderAnotherKey => Some(seal(&vault.new_data_key().key, Field::CLIENT_SECRET)),
            };
            let expected = if_match(app_changed(app), expected);
            let (tenant, store, name) = (tenant_id(tenant), u32::from(*store), format!("app {name}"));
            let wish = UpdateOAuthApp {
                id: OAuthAppId(app),
                expected: sequences(expected.as_ref()),
                tenant: tenant.map(TenantId),
                data_store: DataStoreId(store),
                properties: properties(&name),
                description: description.clone(),
                client_secret: secret.clone(),
            };
            let ask = Ask::Put { app, expected, tenant, store, name, description, secret };
            (ask, commands::Wish::UpdateOAuthApp(Box::new(wish)))
        }
        Wish::Delete { app, expected } => {
            let app = app_id(*app);
            let expected = if_match(app_changed(app), expected);
            let wish = DeleteOAuthApp { id: OAuthAppId(app), expected: sequences(expected.as_ref()) };
            (Ask::Delete { app, expected }, commands::Wish::DeleteOAuthApp(wish))
        }
        Wish::Reveal { app, stale } => {
            let app = app_id(*app);
            let changed = app_changed(app).unwrap_or(0) + u64::from(*stale);
            let secrets = Secrets::OAuthApp(OAuthAppId(app));
            let wish = RevealSecrets { secrets, changed: Sequence(changed) };
            (Ask::Reveal { app, changed }, commands::Wish::RevealSecrets(wish))
        }
        Wish::OldTenant(_)
        | Wish::Role(_)
        | Wish::Share(_)
        | Wish::Limit(_)
        | Wish::Setting(_)
        | Wish::Change(_)
        | Wish::Profile(_)
        | Wish::Client(_)
        | Wish::Consent(_)
        | Wish::Token(_)
        | Wish::Source(_) => unreachable!("asked above"),
        Wish::Snapshot { back } => snapshot(model.size().saturating_add_signed(-i64::from(*back))),
    }
}

fn new_user(vault: &Vault, model: &Model, wish: &Wish) -> (Ask, commands::Wish) {
    let Wish::User { tenant, name, active, password, roles, permissions, foreign_key } = wish else {
        unreachable!("asked for users only")
    };
    let role_id = |number: &u8| id_of(*number, model.roles_ever);
    let tenant_id = |number: &Option<u8>| number.map(|number| model.a_tenant(number));
    let new = vault.new_data_key();
    let used = if *foreign_key { vault.new_data_key() } else { new.clone() };
    let seal = |field, text: &str| vault.seal(&used.key, StreamKind::USER, field, text.as_bytes());
    let sent = login_name(*name, *active);
    let password = password.map(|(temporary, expires)| Password {
        hash: seal(Field::PASSWORD_HASH, "$argon2id$"),
        status: if temporary { PasswordStatus::MustChange } else { PasswordStatus::Active },
        expires_at: expires.map(|secs| model.now.saturating_add_secs(i64::from(secs))),
    });
    let (tenant, sealed) = (tenant_id(tenant), seal(Field::USER_NAME, &sent));
    let status = if *active { UserStatus::Active } else { UserStatus::Inactive };
    let roles: Vec<u64> = sorted(roles.iter().map(role_id));
    let permissions: Vec<u16> = sorted(permissions.iter().map(|permission| u16::from(*permission)));
    let wish = commands::user::CreateUser {
        tenant: tenant.map(TenantId),
        key: NewKey { id: new.id(), entries: vec![new.change()] },
        name: sealed.clone(),
        login: vault.login_tag(&LoginName::parse(&sent).expect("a good name")),
        status,
        password: password.clone(),
        roles: roles.iter().copied().map(RoleId).collect(),
        permissions: permissions.iter().copied().map(PermissionId).collect(),
    };
    let (login, name, key) = (sent.to_lowercase(), sealed, new.id());
    let ask = Ask::User { tenant, login, name, key, status, password, roles, permissions };
    (ask, commands::Wish::CreateUser(Box::new(wish)))
}

fn snapshot(size: u64) -> (Ask, commands::Wish) {
    let taken = SnapshotTaken {
        size,
        chain: ChainHash::ZERO,
        root: TreeHash([0; 32]),
        digest_version: DIGEST_VERSION,
        digest: StateDigest([0; 32]),
    };
    (Ask::Snapshot { size }, commands::Wish::TakeSnapshot(TakeSnapshot { taken }))
}

#[expect(clippy::too_many_arguments, reason = "they are the fields of one wish")]
fn new_tenant(
    vault: &Vault,
    model: &Model,
    name: &str,
    active: bool,
    roles: &[u8],
    stale: bool,
    administrators: &[u8],
    described: bool,
) -> (Ask, commands::Wish) {
    let new = vault.new_data_key();
    let seal = |key: &DataKey, kind| vault.seal(key, kind, Field::DESCRIPTION, b"text");
    let description = described.then(|| seal(&new.key, StreamKind::TENANT));
    let status = if active { TenantStatus::Active } else { TenantStatus::Inactive };
    let administrators: Vec<u64> = sorted(administrators.iter().map(|user| id_of(*user, model.users_ever)));
    let mut asked = Vec::new();
    let mut imported = Vec::new();
    for source in sorted(roles.iter().map(|role| id_of(*role, model.roles_ever))) {
        let key = vault.new_data_key();
        let text = described.then(|| seal(&key.key, StreamKind::ROLE));
        let changed = model.role(source).map_or(0, |row| row.changed) + u64::from(stale);
        asked.push((source, changed, key.id(), text.clone()));
        imported.push(ImportedRole {
            source: RoleId(source),
            source_changed: Sequence(changed),
            key: NewKey { id: key.id(), entries: vec![key.change()] },
            description: text,
        });
    }
    let wish = commands::tenant::CreateTenant {
        name: TenantName::parse(name).expect("a good name"),
        key: NewKey { id: new.id(), entries: vec![new.change()] },
        description: description.clone(),
        status,
        roles: imported,
        administrators: administrators.iter().copied().map(UserId).collect(),
    };
    let ask = Ask::Tenant {
        name: name.to_owned(),
        status,
        roles: asked,
        administrators,
        key: new.id(),
        description,
    };
    (ask, commands::Wish::CreateTenant(Box::new(wish)))
}

fn new_app(
    vault: &Vault,
    tenant: Option<u64>,
    store: u32,
    name: u8,
    described: bool,
    foreign_key: bool,
) -> (Ask, commands::Wish) {
    let new = vault.new_data_key();
    let used = if foreign_key { vault.new_data_key() } else { new.clone() };
    let seal = |key, field| vault.seal(key, StreamKind::OAUTH_APP, field, b"text");
    let description = described.then(|| seal(&new.key, Field::DESCRIPTION));
    let secret = seal(&used.key, Field::CLIENT_SECRET);
    let name = format!("app {name}");
    let wish = CreateOAuthApp {
        tenant: tenant.map(TenantId),
        data_store: DataStoreId(store),
        properties: properties(&name),
        key: NewKey { id: new.id(), entries: vec![new.change()] },
        description: description.clone(),
        client_secret: secret.clone(),
    };
    let ask = Ask::App { tenant, store, name, description, secret, key: new.id() };
    (ask, commands::Wish::CreateOAuthApp(Box::new(wish)))
}

fn properties(name: &str) -> Properties {
    Properties {
        name: OAuthAppName::parse(name).expect("a good name"),
        client_id: ClientId::parse(CLIENT_ID).expect("a good id"),
        authorize_uri: EndpointUri::parse(AUTHORIZE_URI).expect("a good URI"),
        token_uri: EndpointUri::parse(TOKEN_URI).expect("a good URI"),
        scope: ScopeList::parse(SCOPE).expect("a good list"),
    }
}

/// `current` is the event that last changed the object, if there is one.
pub(crate) fn if_match(current: Option<u64>, expected: &Expected) -> Option<Vec<u64>> {
    let current = current.unwrap_or(0);
    match expected {
        Expected::Nothing => None,
        Expected::Current => Some(vec![current]),
        Expected::Stale => Some(vec![current + 1]),
        Expected::Several => Some(vec![1, current, 2]),
    }
}

pub(crate) fn sequences(numbers: Option<&Vec<u64>>) -> Option<Vec<Sequence>> {
    numbers.map(|numbers| numbers.iter().copied().map(Sequence).collect())
}

pub(crate) fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items.dedup();
    items
}
