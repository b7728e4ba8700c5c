//! Decisions as given / when / then, over a small world:
//!
//! | Tenant | Users |
//! | --- | --- |
//! | 1 System | 1 holds 12 · 2 holds 11, 28 · 3 holds 11, 28 and administers 2 · 4 holds 11 |
//! | 2 A | 5 holds 11, 28 · 6 holds 11 · 7 holds nothing · 8 holds 11, 28, 21, 13, 25 and administers 2 |
//! | 3 B | 9 holds 11, 28 |
//!
//! and, where there are owners of profiles and data sources, over these users, applications, profiles and data sources, too:
//!
//! | Tenant | Users | Applications (data store) | Profiles: owner, application | Data sources: owner, profile |
//! | --- | --- | --- | --- | --- |
//! | 1 System | 10 holds 1–4, 11 | 1 (54), 4 (1) | 4: user 10, application 1 | 4: user 10, profile 4 |
//! | 2 A | 11 and 12 hold 1–4, 11 · 13 holds 1–4 · 14 holds 1–4, 11, 21 and administers 2 | 2 (54) | 1, 2, 3: user 11, applications 1, 2, 4 · 5: user 12, application 1 | 1, 2: user 11, profile 1 · 3: user 11, none · 5: user 12, profile 5 |
//! | 3 B | 15 holds 1–4, 11 | 3 (54) | 6: user 15, application 1 | |

mod client_applications;
mod data_sources;
mod granting;
mod grants;
mod ledger;
mod limits;
mod oauth_apps;
mod oauth_profiles;
mod roles;
#[cfg(debug_assertions)]
mod scale;
mod settings;
mod sharing;
mod tenants;
mod tenants_and_users;
mod through_clients;
mod tokens;
mod users;
mod whitelists;

use events::{
    chain::ChainHash,
    envelope::{Actor, Envelope, Header, Stream, StreamKind},
    event::Event,
    id::{
        CommandId, DataStoreId, Epoch, LedgerId, OAuthAppId, OAuthProfileId, PermissionId, RoleId, Sequence,
        TenantId, UserId,
    },
    role::RoleCreated,
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
    tenant::{TenantCreated, TenantStatus},
    time::Timestamp,
    user::{UserCreated, UserStatus},
};

use super::{
    Cause, Command, Decision, NewKey, Refusal, View, Wish, decide,
    field::{ClientId, EndpointUri, OAuthAppName, ScopeList},
    oauth_app::{CreateOAuthApp, DeleteOAuthApp, Properties, UpdateOAuthApp},
};
use crate::vault::login::LoginTag;

const NOW: Timestamp = Timestamp(1_795_176_000_000_000);
const SYSTEM: TenantId = TenantId(1);
const A: TenantId = TenantId(2);
const B: TenantId = TenantId(3);

/// A view that grows by what is decided on it.
struct World {
    view: View<'static>,
    sequence: u64,
    now: Timestamp,
    log: Vec<Envelope>,
}

impl World {
    fn new() -> Self {
        let mut world = Self { view: View::default(), sequence: 0, now: NOW, log: Vec::new() };
        for (id, name, administrators) in [(1, "System", vec![1]), (2, "A", vec![3, 8, 14]), (3, "B", vec![])]
        {
            let tenant = TenantCreated {
                name: name.to_owned(),
                key_id: key(0).id,
                description: None,
                parent: (id != 1).then_some(SYSTEM),
                status: TenantStatus::Active,
                administrators: administrators.into_iter().map(UserId).collect(),
            };
            world.record(TenantId(id), Stream::new(StreamKind::TENANT, id), tenant.into());
        }
        for (id, tenant, permissions) in
            [(1, SYSTEM, &[12][..]), (2, SYSTEM, &[7, 11]), (3, A, &[7, 11]), (4, A, &[28])]
        {
            let role = RoleCreated {
                name: format!("role {id}"),
                key_id: key(0).id,
                description: None,
                permissions: ids(permissions),
            };
            world.record(tenant, Stream::new(StreamKind::ROLE, id), role.into());
        }
        let users: [(u64, TenantId, &[u16]); 9] = [
            (1, SYSTEM, &[12]),
            (2, SYSTEM, &[11, 28]),
            (3, SYSTEM, &[11, 28]),
            (4, SYSTEM, &[11]),
            (5, A, &[11, 28]),
            (6, A, &[11]),
            (7, A, &[]),
            (8, A, &[7, 11, 28, 21, 13, 25]),
            (9, B, &[11, 28]),
        ];
        world.people(&users);
        world
    }

    fn people(&mut self, users: &[(u64, TenantId, &[u16])]) {
        for (id, tenant, permissions) in users {
            let user = UserCreated {
                name: sealed(0),
                status: UserStatus::Active,
                password: None,
                roles: SortedVec::default(),
                permissions: ids(permissions),
            };
            self.record(*tenant, Stream::new(StreamKind::USER, *id), user.into());
        }
    }

    /// With an application `T app` (ids 1, 2, 3) in each tenant, each under key `id`.
    fn with_apps() -> Self {
        let mut world = Self::new();
        for (tenant, number) in [(SYSTEM, 1), (A, 2), (B, 3)] {
            world.then(1, create("T app", Some(tenant), number));
        }
        world
    }

    /// With all that the second table shows. What is sealed is under key 40 for profiles, 50 for data sources.
    fn with_owners() -> Self {
        let mut world = Self::with_apps();
        world.people(&[
            (10, SYSTEM, &[1, 2, 3, 4, 11]),
            (11, A, &[1, 2, 3, 4, 11]),
            (12, A, &[1, 2, 3, 4, 11]),
            (13, A, &[1, 2, 3, 4]),
            (14, A, &[1, 2, 3, 4, 11, 21]),
            (15, B, &[1, 2, 3, 4, 11]),
        ]);
        let Wish::CreateOAuthApp(wish) = create("T app 2", Some(SYSTEM), 4) else { unreachable!("made so") };
        world.then(1, Wish::CreateOAuthApp(Box::new(CreateOAuthApp { data_store: DataStoreId(1), ..*wish })));
        for (owner, app) in [(11, 1), (11, 2), (11, 4), (10, 1), (12, 1), (15, 1)] {
            let name = format!("profile_{owner}_{app}");
            world.then(owner, oauth_profiles::create(&name, app));
        }
        for (owner, profile) in [(11, Some(1)), (11, Some(1)), (11, None), (10, Some(4)), (12, Some(5))] {
            let name = format!("source-{}", world.sequence);
            world.then(
                owner,
                data_sources::create_with(&name, |wish| wish.profile = profile.map(OAuthProfileId)),
            );
        }
        world
    }

    fn record(&mut self, tenant: TenantId, stream: Stream, event: Event) {
        let header = Header {
            ledger_id: LedgerId([1; 16]),
            epoch: Epoch(1),
            sequence: Sequence(self.sequence),
            recorded_at: self.now,
            tenant,
            stream,
            stream_version: 0,
            stream_previous: None,
            actor: Actor::Operator,
            command_id: CommandId([2; 16]),
            command_index: 0,
            command_count: 1,
            previous_hash: ChainHash::ZERO,
            on_behalf_of: None,
            idempotency: None,
            origin: None,
        };
        self.sequence += 1;
        let envelope = Envelope { header, event };
        self.view.state.apply(&envelope);
        self.log.push(envelope);
    }

    fn when(&self, actor: u64, wish: Wish) -> Result<Decision, Refusal> {
        self.when_for(actor, None, wish)
    }

    fn when_for(&self, actor: u64, on_behalf_of: Option<u64>, wish: Wish) -> Result<Decision, Refusal> {
        self.when_by(Actor::User(UserId(actor)), on_behalf_of, wish)
    }

    fn when_by(&self, actor: Actor, on_behalf_of: Option<u64>, wish: Wish) -> Result<Decision, Refusal> {
        let cause = Cause {
            id: CommandId([3; 16]),
            actor,
            on_behalf_of: on_behalf_of.map(UserId),
            bearer: None,
            idempotency: None,
            origin: None,
        };
        decide(&self.view, &Command { cause, wish }, self.now)
    }

    /// Decides and records what comes of it.
    fn then(&mut self, actor: u64, wish: Wish) -> Decision {
        let decision = self.when(actor, wish).expect("granted");
        self.take(&decision);
        decision
    }

    fn take(&mut self, decision: &Decision) {
        for fact in &decision.facts {
            self.record(fact.tenant, fact.stream, fact.event.clone());
        }
        for change in &decision.logins {
            change.apply(&mut self.view.logins);
        }
    }
}

fn ids(numbers: &[u16]) -> SortedVec<PermissionId> {
    numbers.iter().copied().map(PermissionId).collect()
}

fn key(number: u8) -> NewKey {
    NewKey { id: KeyId([number; 32]), entries: Vec::new() }
}

fn sealed(key: u8) -> Sealed {
    Sealed { key_id: KeyId([key; 32]), nonce: [0; 12], ciphertext: vec![0; 16] }
}

fn login(number: u8) -> LoginTag {
    LoginTag([number; 32])
}

fn roles(numbers: &[u64]) -> SortedVec<RoleId> {
    numbers.iter().copied().map(RoleId).collect()
}

fn properties(name: &str) -> Properties {
    Properties {
        name: OAuthAppName::parse(name).expect("a good name"),
        client_id: ClientId::parse("client").expect("a good id"),
        authorize_uri: EndpointUri::parse("https://provider.example/authorize").expect("a good URI"),
        token_uri: EndpointUri::parse("https://provider.example/token").expect("a good URI"),
        scope: ScopeList::parse("read").expect("a good scope"),
    }
}

fn create(name: &str, tenant: Option<TenantId>, under: u8) -> Wish {
    Wish::CreateOAuthApp(Box::new(CreateOAuthApp {
        tenant,
        data_store: DataStoreId(54),
        properties: properties(name),
        key: key(under),
        description: None,
        client_secret: sealed(under),
    }))
}

fn update_with(id: u64, change: impl FnOnce(&mut UpdateOAuthApp)) -> Wish {
    let mut wish = UpdateOAuthApp {
        id: OAuthAppId(id),
        expected: None,
        tenant: None,
        data_store: DataStoreId(54),
        properties: properties("renamed"),
        description: None,
        client_secret: None,
    };
    change(&mut wish);
    Wish::UpdateOAuthApp(Box::new(wish))
}

fn update(id: u64) -> Wish {
    update_with(id, |_| {})
}

fn delete(id: u64) -> Wish {
    Wish::DeleteOAuthApp(DeleteOAuthApp { id: OAuthAppId(id), expected: None })
}
