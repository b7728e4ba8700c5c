//! A rotation that a crash interrupts: before it was durable the token is current, after it the repetition is the retry
//! (TOKENS section 2).

use events::{
    client_application::ClientType,
    envelope::Actor,
    event::Event,
    grant::AuthenticationMethod,
    id::{ClientApplicationId, FamilyId},
    scope::Scope,
};
use projections::tokens::ScopeSet;

use super::{Memory, NOON};
use crate::{
    commands::{
        Cause, Command, NewKey, OAuthRefusal, Refusal, Wish,
        client_application::{Properties, RegisterClientApplication, policy::PolicySaid},
        field::{ClientApplicationName, ClientId},
        grant::allow::AllowAccess,
        token::{
            Asked, ClientProof,
            redeem::RedeemCode,
            refresh::{DerivedTokens, RefreshTokens},
        },
    },
    ledger::{
        live::{ExecuteError, Ledger},
        memory::Fault,
    },
    oauth::{
        derive::{first, successors},
        pkce::{Challenge, Verifier},
        redirect::RedirectUrl,
        token::{AccessToken, AuthorizationCode, RefreshSecret, RefreshToken},
    },
};

const CLIENT: ClientApplicationId = ClientApplicationId(1);
const PROOF: ClientProof = ClientProof { client: CLIENT, secret: None };
const FAMILY: FamilyId = FamilyId(7);
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const ISSUER: &str = "https://ledger.example";

fn asked() -> Asked {
    Asked { scopes: None, resources: Vec::new(), issuer: ISSUER.to_owned(), odata: ISSUER.to_owned() }
}

fn by_client(memory: &Memory, wish: Wish) -> Command {
    Command { cause: Cause { actor: Actor::ClientApplication(CLIENT), ..memory.cause() }, wish }
}

/// A public client of the administrator's with a family of his.
async fn family(memory: &Memory, ledger: &Ledger) -> RefreshToken {
    let vault = ledger.vault();
    let key = vault.new_data_key();
    let policy = PolicySaid { client_type: Some(ClientType::Public), ..PolicySaid::default() };
    let register = RegisterClientApplication {
        properties: Properties {
            name: ClientApplicationName::parse("client").expect("a good name"),
            redirect_urls: vec![RedirectUrl::parse("https://client.example/cb").expect("a good URL")],
            policy,
        },
        client_id: ClientId::parse("client").expect("a good id"),
        imported: false,
        key: NewKey { id: key.id(), entries: vec![key.change()] },
        description: None,
        secret: None,
    };
    let register = memory.command(Wish::RegisterClientApplication(Box::new(register)));
    ledger.execute(register).await.expect("registered");
    let code = AuthorizationCode::draw(&*memory.random);
    let client_changed =
        ledger.read(|view| view.state.client_applications.rows.get(&CLIENT).expect("registered").changed);
    let allow = AllowAccess {
        client: CLIENT,
        client_changed,
        seen: client_changed,
        grant: None,
        consents: true,
        code: code.hash(),
        redirect_uri: None,
        challenge: Some(Challenge::of(VERIFIER).0),
        set: ScopeSet {
            scopes: [Scope::OData].into_iter().collect(),
            audience: [ISSUER.to_owned()].into_iter().collect(),
        },
        authenticated_at: NOON,
        method: AuthenticationMethod::LoginPage,
    };
    ledger.execute(memory.command(Wish::AllowAccess(Box::new(allow)))).await.expect("allowed");
    let token = first(vault, FAMILY, RefreshSecret::draw(&*memory.random));
    let redeem = RedeemCode {
        proof: PROOF,
        code: code.hash(),
        redirect_uri: None,
        verifier: Verifier::read(Some(VERIFIER)),
        asked: asked(),
        family: FAMILY,
        access: AccessToken::draw(&*memory.random).hash(),
        refresh: token.hash(),
    };
    ledger.execute(by_client(memory, Wish::RedeemCode(Box::new(redeem)))).await.expect("redeemed");
    token
}

/// What the edge derives and the writer says: the texts of both tokens, and how many events there were.
async fn refresh(
    memory: &Memory,
    ledger: &Ledger,
    token: &RefreshToken,
) -> Result<(String, String, usize), ExecuteError> {
    let vault = ledger.vault();
    let mut epoch = vault.token_epoch(NOON);
    loop {
        let made = successors(vault, epoch, CLIENT, token, &[Scope::OData], &[ISSUER.to_owned()]);
        let made = made.expect("a living key");
        let derived = DerivedTokens { epoch, refresh: made.refresh.hash(), access: made.access.hash() };
        let wish = RefreshTokens {
            proof: PROOF,
            family: token.family,
            generation: token.generation,
            presented: token.hash(),
            asked: asked(),
            access: AccessToken::draw(&*memory.random).hash(),
            derived: Some(derived),
        };
        match ledger.execute(by_client(memory, Wish::RefreshTokens(Box::new(wish)))).await {
            Err(ExecuteError::Refused(Refusal::OAuth(OAuthRefusal::DeriveWith(other)))) => epoch = other,
            Err(error) => return Err(error),
            Ok(receipt) => {
                assert!(
                    receipt.events.iter().all(|event| matches!(event.event, Event::RefreshTokenRotated(_)))
                );
                let (refresh, access) = (made.refresh.text(), made.access.text());
                let events = receipt.events.len();
                return Ok((refresh.expose().to_owned(), access.expose().to_owned(), events));
            }
        }
    }
}

#[tokio::test]
async fn s19b_whoever_lost_an_answer_in_a_crash_goes_on_with_the_token_he_has() {
    for (fault, events) in [(Fault::BeforePersisting, 1), (Fault::AfterPersisting, 0)] {
        let memory = Memory::create(9);
        let ledger = memory.start();
        let token = family(&memory, &ledger).await;
        // The first rotation of the day, so that the key of the epoch is at stake, too.
        memory.disk.fail_after(0, fault);
        let lost = refresh(&memory, &ledger, &token).await;
        assert!(matches!(lost, Err(ExecuteError::OutcomeUnknown)), "{lost:?}");
        drop(ledger.close());
        let ledger = memory.start();
        let (next, _, recorded) = refresh(&memory, &ledger, &token).await.expect("goes on");
        assert_eq!(recorded, events, "{fault:?}");
        // Another restart, and the same answer once more.
        ledger.close().expect("closes");
        let ledger = memory.start();
        let (again, access, recorded) = refresh(&memory, &ledger, &token).await.expect("goes on");
        assert_eq!((&again, recorded), (&next, 0));
        assert!(access.starts_with("alat_"));
        let next = RefreshToken::parse(&next).expect("one of ours");
        assert_eq!(refresh(&memory, &ledger, &next).await.expect("the family lives").2, 1);
    }
}
