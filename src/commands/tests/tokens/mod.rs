//! Tokens as given / when / then. Client 1 is confidential, of user 5 in tenant A, and has all that HDP's registration gives;
//! hashes are numbers, and what is derived is calculated from what it is derived from.

mod family;
mod own_name;
mod redeem;
mod refresh;
mod revoke;
mod what_ends;

use events::{
    client_application::{
        ClientApplicationRegistered, ClientPolicy, ClientSecret, ClientType, GrantType, Pkce, RefreshRotation,
    },
    envelope::{Actor, Stream, StreamKind},
    event::Event,
    grant::{AuthenticationMethod, AuthorizationCodeIssued, ConsentBy, GrantAllowed},
    id::{ClientApplicationId, FamilyId, TokenEpoch, UserId},
    scope::Scope,
    sealed::KeyId,
    sorted::SortedVec,
    token::TokenHash,
};
use projections::tokens::ScopeSet;

use super::{A, NOW, SYSTEM, World};
use crate::{
    commands::{
        Decision, OAuthRefusal, Refusal, Wish,
        scope_set::numbered,
        token::{
            Asked, ClientProof,
            redeem::RedeemCode,
            refresh::{DerivedTokens, RefreshTokens},
        },
    },
    oauth::{live::live_access, pkce::Verifier},
    vault::tokens::epoch_of,
};

const CLIENT: ClientApplicationId = ClientApplicationId(1);
const ISSUER: &str = "https://ledger.example";
const ODATA: &str = "https://data.example/odata";
const CALLBACK: &str = "https://app.example/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The secret of client `n` is this and `n`.
const SECRET: u64 = 1_000;
const CODE: u64 = 2_000;
const FAMILY: FamilyId = FamilyId(0xFA);
/// The first refresh token of the family.
const FIRST: u64 = 3_000;
const ACCESS: u64 = 4_000;

fn hash(number: u64) -> TokenHash {
    TokenHash(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn policy() -> ClientPolicy {
    ClientPolicy {
        client_type: ClientType::Confidential,
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into_iter().collect(),
        scopes: [Scope::OData].into_iter().collect(),
        pkce: Pkce::Optional,
        refresh_rotation: RefreshRotation::Never,
        refresh_retry_secs: 60,
        access_token_lifetime_secs: None,
        refresh_token_idle_secs: None,
        refresh_token_absolute_secs: None,
        resource_server: None,
        run_as: None,
        password_until: None,
    }
}

fn rotating() -> ClientPolicy {
    ClientPolicy { refresh_rotation: RefreshRotation::Always, ..policy() }
}

fn public() -> ClientPolicy {
    ClientPolicy { client_type: ClientType::Public, ..policy() }
}

fn scopes(scopes: &[Scope]) -> SortedVec<Scope> {
    scopes.iter().copied().collect()
}

fn set(of: &[Scope], audience: &[&str]) -> ScopeSet {
    ScopeSet { scopes: scopes(of), audience: audience.iter().map(|name| (*name).to_owned()).collect() }
}

fn asked() -> Asked {
    Asked { scopes: None, resources: Vec::new(), issuer: ISSUER.to_owned(), odata: ODATA.to_owned() }
}

fn asked_for(scopes: &[Scope]) -> Asked {
    Asked { scopes: Some(self::scopes(scopes)), ..asked() }
}

fn refused(refusal: OAuthRefusal) -> Result<Decision, Refusal> {
    Err(Refusal::OAuth(refusal))
}

fn invalid_grant() -> Result<Decision, Refusal> {
    refused(OAuthRefusal::InvalidGrant)
}

fn proof_of(client: u64, row: &ClientPolicy) -> ClientProof {
    let secret = (row.client_type == ClientType::Confidential).then(|| hash(SECRET + client));
    ClientProof { client: ClientApplicationId(client), secret }
}

/// What the edge derives from a presented token.
fn derived(epoch: TokenEpoch, presented: &TokenHash, asked: &Asked) -> DerivedTokens {
    let of = |what: &str, good_for: &str| {
        let text = format!("{what} {epoch:?} {presented} {good_for}");
        TokenHash(*blake3::hash(text.as_bytes()).as_bytes())
    };
    let good_for = format!("{:?} {:?}", asked.scopes, asked.resources);
    DerivedTokens { epoch, refresh: of("refresh", ""), access: of("access", &good_for) }
}

impl World {
    /// With client 1.
    fn with_client(policy: ClientPolicy) -> Self {
        let mut world = Self::new();
        world.register(1, A, policy);
        world
    }

    fn register(&mut self, id: u64, tenant: events::id::TenantId, policy: ClientPolicy) {
        let confidential = policy.client_type == ClientType::Confidential;
        let registered = ClientApplicationRegistered {
            owner: UserId(if tenant == A { 5 } else { 1 }),
            name: format!("client {id}"),
            description: None,
            redirect_urls: vec![CALLBACK.to_owned()],
            client_id: format!("client-{id}"),
            key_id: KeyId([id.to_le_bytes()[0]; 32]),
            secret: confidential.then(|| ClientSecret { hash: hash(SECRET + id), sealed: None }),
            policy,
        };
        self.record(tenant, Stream::new(StreamKind::CLIENT_APPLICATION, id), registered.into());
    }

    fn terms(&self) -> &ClientPolicy {
        &self.view.state.client_applications.rows.get(&CLIENT).expect("registered").policy
    }

    fn proof(&self) -> ClientProof {
        proof_of(CLIENT.0, self.terms())
    }

    /// User 6 of tenant A consented, and a code is on its way; it is bound to nothing but its client.
    fn with_code(policy: ClientPolicy) -> Self {
        let mut world = Self::with_client(policy);
        world.consent(&set(&[Scope::OData], &[ODATA]));
        world.code(CODE, &set(&[Scope::OData], &[ODATA]), |_| {});
        world
    }

    fn consent(&mut self, to: &ScopeSet) {
        let allowed =
            GrantAllowed { client: CLIENT, user: UserId(6), scopes: to.scopes.clone(), by: ConsentBy::Page };
        self.record(A, grant_stream(), allowed.into());
    }

    fn code(&mut self, number: u64, good_for: &ScopeSet, change: impl FnOnce(&mut AuthorizationCodeIssued)) {
        let (scope_set, defined) = numbered(&self.view.state, good_for);
        if let Some(fact) = defined {
            self.record(fact.tenant, fact.stream, fact.event);
        }
        let mut issued = AuthorizationCodeIssued {
            code: hash(number),
            redirect_uri: Some(CALLBACK.to_owned()),
            challenge: None,
            scope_set,
            expires_at: self.now.saturating_add_secs(60),
            authenticated_at: self.now,
            method: AuthenticationMethod::LoginPage,
        };
        change(&mut issued);
        self.record(A, grant_stream(), issued.into());
    }

    fn pass(&mut self, secs: i64) {
        self.now = self.now.saturating_add_secs(secs);
    }

    fn asks(&self, wish: Wish) -> Result<Decision, Refusal> {
        self.when_by(Actor::ClientApplication(CLIENT), None, wish)
    }

    /// What is recorded of it, once it is.
    fn gets(&mut self, wish: Wish) -> Vec<Event> {
        let decision = self.asks(wish).expect("granted");
        self.take(&decision);
        decision.facts.into_iter().map(|fact| fact.event).collect()
    }

    fn redemption(&self) -> RedeemCode {
        RedeemCode {
            proof: self.proof(),
            code: hash(CODE),
            redirect_uri: Some(CALLBACK.to_owned()),
            verifier: Verifier::Missing,
            asked: asked(),
            family: FAMILY,
            access: hash(ACCESS),
            refresh: hash(FIRST),
        }
    }

    fn redeem(&self) -> Wish {
        Wish::RedeemCode(Box::new(self.redemption()))
    }

    fn redeem_with(&self, change: impl FnOnce(&mut RedeemCode)) -> Wish {
        let mut wish = self.redemption();
        change(&mut wish);
        Wish::RedeemCode(Box::new(wish))
    }

    /// With the family that client 1 got for a code of user 6.
    fn with_family(policy: ClientPolicy) -> Self {
        let mut world = Self::with_code(policy);
        world.gets(world.redeem());
        world
    }

    /// The token of that generation and hash presented, for what there is, derived in this epoch.
    fn refresh(&self, generation: u32, presented: TokenHash) -> Wish {
        self.refresh_with(generation, presented, |_| {})
    }

    fn refresh_with(
        &self,
        generation: u32,
        presented: TokenHash,
        change: impl FnOnce(&mut RefreshTokens),
    ) -> Wish {
        let mut wish = RefreshTokens {
            proof: self.proof(),
            family: FAMILY,
            generation,
            presented,
            asked: asked(),
            access: hash(ACCESS + 1 + self.sequence),
            derived: Some(derived(epoch_of(self.now), &presented, &asked())),
        };
        change(&mut wish);
        Wish::RefreshTokens(Box::new(wish))
    }

    /// The successor of a presented token.
    fn next(&self, presented: &TokenHash) -> TokenHash {
        derived(epoch_of(self.now), presented, &asked()).refresh
    }

    fn lives(&self, access: &TokenHash) -> bool {
        live_access(&self.view.state, access, self.now).is_some()
    }
}

fn grant_stream() -> Stream {
    Stream::new(StreamKind::GRANT, 1)
}
