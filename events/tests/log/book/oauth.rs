//! Client applications, grants and tokens, which came after everything else.

use events::{
    client_application::{
        ClientApplicationDeleted, ClientApplicationRegistered, ClientApplicationSecretReset,
        ClientApplicationSecretRotated, ClientApplicationTransferred, ClientApplicationUpdated, ClientPolicy,
        ClientSecret, ClientType, GrantType, Pkce, RefreshRotation,
    },
    envelope::{Actor, Stream, StreamKind},
    event::Event,
    grant::{
        AuthenticationMethod, AuthorizationCodeIssued, AuthorizationCodeRedeemed,
        AuthorizationCodeReplayDetected, ConsentBy, GrantAllowed, GrantDenied, GrantRevoked,
    },
    id::{ClientApplicationId, FamilyId, ScopeSetId, TokenEpoch, UserId},
    scope::{Scope, ScopeSetDefined},
    sealed::KeyId,
    token::{
        AccessTokenIssued, AccessTokenRevoked, IssuedAccessToken, RefreshTokenReuseDetected,
        RefreshTokenRotated, TokenFamilyRevoked, TokenHash, TokensIssued,
    },
};

use super::{Book, START, sealed};

const FAMILY: FamilyId = FamilyId(0x0102_0304_0506_0708);
const SET: ScopeSetId = ScopeSetId(1);

impl Book {
    pub(crate) fn of_authorization() -> Self {
        let mut book = Self::new();
        let user = Actor::User(UserId(2));
        let app = Actor::ClientApplication(ClientApplicationId(4));
        let client = Stream::new(StreamKind::CLIENT_APPLICATION, 4);
        let grant = Stream::new(StreamKind::GRANT, 5);
        let [registered, updated, reset, rotated, transferred, deleted] = of_client_applications();
        let [set, allowed, denied, revoked, code, redeemed, replayed] = of_grants();
        let [both, access, successor, reused, ended, family_ended] = of_tokens();
        book.command(user, vec![(client, registered)]);
        book.command(user, vec![(client, updated), (client, reset)]);
        book.command(user, vec![(client, rotated)]);
        book.command(user, vec![(client, denied)]);
        book.command(user, vec![(Stream::LEDGER, set), (grant, allowed), (grant, code)]);
        book.command(app, vec![(grant, redeemed)]);
        book.command(app, vec![(grant, replayed)]);
        book.command(app, vec![(grant, both)]);
        book.command(app, vec![(Stream::new(StreamKind::CLIENT_TOKENS, 4), access)]);
        book.command(app, vec![(grant, successor)]);
        book.command(app, vec![(grant, reused)]);
        book.command(app, vec![(grant, ended)]);
        book.command(app, vec![(grant, family_ended)]);
        book.command(user, vec![(grant, revoked)]);
        book.command(Actor::User(UserId(1)), vec![(client, transferred), (client, deleted)]);
        book
    }
}

/// One of each, in the order of their numbers.
pub(super) fn every_event() -> impl Iterator<Item = Event> {
    of_client_applications().into_iter().chain(of_grants()).chain(of_tokens())
}

fn of_client_applications() -> [Event; 6] {
    let secret = |byte, sealed| ClientSecret { hash: TokenHash([byte; 32]), sealed };
    let registered = ClientApplicationRegistered {
        owner: UserId(2),
        name: "Application1".to_owned(),
        description: Some(sealed(29)),
        redirect_urls: ["bedford.progresstest.com", "americas.progresstest.com"].map(str::to_owned).into(),
        client_id: "cccc5555-66dd-7777-9999-fffff333333c".to_owned(),
        key_id: KeyId([0xd8; 32]),
        secret: Some(secret(0x91, Some(sealed(49)))),
        policy: policy(),
    };
    let updated = ClientApplicationUpdated {
        name: "Application3  for Update".to_owned(),
        description: None,
        redirect_urls: vec!["https://www.getpostman.com/oauth2/callback".to_owned()],
        policy: ClientPolicy {
            grant_types: [GrantType::ClientCredentials, GrantType::Password].into_iter().collect(),
            scopes: Scope::ALL.into_iter().collect(),
            pkce: Pkce::Required,
            refresh_rotation: RefreshRotation::Always,
            access_token_lifetime_secs: Some(600),
            refresh_token_idle_secs: Some(86_400),
            refresh_token_absolute_secs: Some(2_592_000),
            resource_server: Some("https://odata.example".to_owned()),
            run_as: Some(UserId(3)),
            password_until: Some(START.saturating_add_secs(86_400)),
            ..policy()
        },
    };
    [
        registered.into(),
        updated.into(),
        ClientApplicationSecretReset { secret: secret(0x92, None) }.into(),
        ClientApplicationSecretRotated {
            secret: secret(0x93, Some(sealed(49))),
            previous_until: START.saturating_add_secs(3_600),
        }
        .into(),
        ClientApplicationTransferred { owner: UserId(3) }.into(),
        ClientApplicationDeleted {}.into(),
    ]
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

fn access(byte: u8) -> IssuedAccessToken {
    IssuedAccessToken { hash: TokenHash([byte; 32]), expires_at: START.saturating_add_secs(3_600) }
}

fn of_grants() -> [Event; 7] {
    let code = TokenHash([0x94; 32]);
    let allowed = GrantAllowed {
        client: ClientApplicationId(4),
        user: UserId(2),
        scopes: [Scope::OData, Scope::Mgmt].into_iter().collect(),
        by: ConsentBy::Page,
    };
    let issued = AuthorizationCodeIssued {
        code,
        redirect_uri: Some("https://www.getpostman.com/oauth2/callback".to_owned()),
        challenge: Some([0x95; 32]),
        scope_set: SET,
        expires_at: START.saturating_add_secs(60),
        authenticated_at: START,
        method: AuthenticationMethod::LoginPage,
    };
    let redeemed = AuthorizationCodeRedeemed {
        code,
        client: ClientApplicationId(4),
        family: FAMILY,
        scope_set: SET,
        access: access(0x96),
        refresh: Some(TokenHash([0x97; 32])),
        refresh_until: None,
    };
    [
        ScopeSetDefined {
            id: SET,
            scopes: [Scope::OData, Scope::Mgmt].into_iter().collect(),
            audience: ["https://ledger.example".to_owned()].into_iter().collect(),
        }
        .into(),
        allowed.into(),
        GrantDenied { user: UserId(2) }.into(),
        GrantRevoked {}.into(),
        issued.into(),
        redeemed.into(),
        AuthorizationCodeReplayDetected { code, family: FAMILY }.into(),
    ]
}

fn of_tokens() -> [Event; 6] {
    let both = TokensIssued {
        client: ClientApplicationId(4),
        family: FAMILY,
        scope_set: SET,
        access: access(0x98),
        refresh: None,
        refresh_until: None,
    };
    let alone = AccessTokenIssued {
        scope_set: SET,
        access: access(0x99),
        family: None,
        refresh_until: None,
        run_as: Some(UserId(3)),
    };
    let rotated = RefreshTokenRotated {
        family: FAMILY,
        generation: 1,
        refresh: TokenHash([0x9a; 32]),
        refresh_until: Some(START.saturating_add_secs(86_400)),
        scope_set: SET,
        access: access(0x9b),
        epoch: TokenEpoch(20_777),
    };
    [
        both.into(),
        alone.into(),
        rotated.into(),
        RefreshTokenReuseDetected { family: FAMILY, generation: 0 }.into(),
        AccessTokenRevoked { access: TokenHash([0x9b; 32]) }.into(),
        TokenFamilyRevoked { family: FAMILY }.into(),
    ]
}
