//! What the edge makes of wishes about consents and tokens: it knows who the client application is, hashes, and derives.

use authledger::{
    clock::draw,
    commands::{
        self,
        grant::{allow::AllowAccess, deny::DenyAccess, revoke::RevokeGrant},
        token::{
            Asked, ClientProof,
            client_credentials::IssueClientCredentials,
            password::IssueByPassword,
            redeem::RedeemCode,
            refresh::{DerivedTokens, RefreshTokens},
            revoke::{RevokeToken, RevokedToken},
        },
    },
    oauth::pkce::{Challenge, Verifier},
};
use events::{
    client_application::{ClientType, GrantType},
    grant::AuthenticationMethod,
    id::{ClientApplicationId, FamilyId, GrantId, Sequence, TokenEpoch, UserId},
    scope::Scope,
    token::TokenHash,
};
use projections::tokens::ScopeSet;

use crate::{
    clients::{Client, of_bits},
    house::House,
    model::Model,
    requests::Ask,
    steps::one_of,
    token_wishes::{AskedWish, ConsentWish, Derived, How, Proof, TokenWish, Which},
    tokens::{Code, Family},
};

pub(crate) const ISSUER: &str = "https://ours.example";
const RESOURCES: [&str; 4] =
    [ISSUER, "https://data.example", "https://moved.example", "https://foreign.example"];
const DAY_MICROS: i64 = 86_400_000_000;

impl AskedWish {
    fn edge(self) -> Asked {
        let scopes = self.scopes.filter(|bits| bits & 7 != 0).map(|bits| of_bits(&Scope::ALL, bits));
        let resources = self.resource.map(|place| RESOURCES[usize::from(place) % 4].to_owned());
        Asked {
            scopes,
            resources: resources.into_iter().collect(),
            issuer: ISSUER.to_owned(),
            odata: RESOURCES[if self.moved { 2 } else { 1 }].to_owned(),
        }
    }
}

/// The latest, or one before it; mostly of those that are good for something still.
fn the_latest<T>(all: &[T], back: u8, good: impl Fn(&T) -> bool) -> Option<&T> {
    let good: Vec<&T> = all.iter().filter(|row| good(row)).collect();
    let any: Vec<&T> = all.iter().collect();
    let of = if good.is_empty() || back >= 200 { any } else { good };
    of.len().checked_sub(1 + usize::from(back) % of.len().max(1)).map(|place| of[place])
}

/// What the edge does with a user's.
pub(crate) fn consent_edge(
    house: &House,
    model: &Model,
    whom: Option<u64>,
    wish: &ConsentWish,
) -> (Ask, commands::Wish) {
    // Mostly one that he can use.
    let client_of = |number: &u8| {
        let tenant = whom.and_then(|id| model.user(id)).map(|row| row.tenant);
        let usable = |row: &&Client| tenant.is_some_and(|tenant| Model::may_use(row, tenant));
        let rows = model.clients.rows.iter().filter(|row| number.is_multiple_of(9) || usable(row));
        let id = one_of(*number, rows.map(|row| row.id), model.clients.ever);
        (id, model.client(id))
    };
    let changed =
        |row: Option<&Client>, stale: bool| Sequence(row.map_or(0, |row| row.changed) + u64::from(stale));
    let wish = match wish {
        ConsentWish::Allow { client, scopes, consents, stale, long_ago, redirects, challenge, basic } => {
            let (id, row) = client_of(client);
            let registered = row.map(|row| row.policy.scopes.clone()).unwrap_or_default();
            let wanted: Vec<Scope> = of_bits(&Scope::ALL, *scopes);
            let mut scopes: Vec<Scope> =
                registered.iter().copied().filter(|scope| wanted.contains(scope)).collect();
            if scopes.is_empty() {
                // Who asks for nothing gets the default, and nobody is asked to allow nothing.
                scopes = if registered.is_empty() { vec![Scope::OData] } else { registered.to_vec() };
            }
            let audience = scopes.iter().map(|scope| place(*scope, RESOURCES[1]).to_owned()).collect();
            let code = TokenHash(draw(&*house.random));
            let grant = whom.and_then(|user| model.grant_between(user, id));
            let grant = grant.map(|row| (GrantId(row.id), Sequence(row.changed)));
            let url = row.and_then(|row| row.redirect_urls.last().cloned());
            commands::Wish::AllowAccess(Box::new(AllowAccess {
                client: ClientApplicationId(id),
                client_changed: changed(row, *stale == Some(false)),
                grant: if *stale == Some(true) { Some((GrantId(99), Sequence(0))) } else { grant },
                consents: *consents,
                code,
                redirect_uri: url.filter(|_| *redirects),
                challenge: challenge.then(|| Challenge::of(&verifier(&code)).0),
                set: ScopeSet { scopes: scopes.into_iter().collect(), audience },
                seen: Sequence(if *long_ago { 0 } else { model.size() - 1 }),
                authenticated_at: model.now,
                method: if *basic { AuthenticationMethod::Basic } else { AuthenticationMethod::LoginPage },
            }))
        }
        ConsentWish::Deny { client, stale } => {
            let (id, row) = client_of(client);
            commands::Wish::DenyAccess(DenyAccess {
                client: ClientApplicationId(id),
                client_changed: changed(row, *stale),
                seen: Sequence(model.size() - 1),
            })
        }
        ConsentWish::Revoke { client } => {
            let his = model.clients.grants.iter().filter(|row| Some(row.user) == whom);
            let id = one_of(*client, his.map(|row| row.client), model.clients.ever);
            commands::Wish::RevokeGrant(RevokeGrant { client: ClientApplicationId(id) })
        }
    };
    (Ask::Other(wish.clone()), wish)
}

/// What the challenge of a code was made from.
fn verifier(code: &TokenHash) -> String {
    code.to_string()
}

/// Where a scope is used (TOKENS section 3).
pub(crate) fn place(scope: Scope, odata: &str) -> &str {
    match scope {
        Scope::OData => odata,
        Scope::Mgmt | Scope::Audit => ISSUER,
    }
}

/// What the edge does with an application's, and who that is.
pub(crate) fn edge(house: &House, model: &Model, wish: &TokenWish) -> (Option<u64>, Ask, commands::Wish) {
    let hash = || TokenHash(draw(&*house.random));
    let client_of =
        |number: u8| one_of(number, model.clients.rows.iter().map(|row| row.id), model.clients.ever);
    let family = |taken: bool| {
        let living = model.clients.families.iter().rev().find(|row| !row.fate.gone).filter(|_| taken);
        living.map_or_else(|| FamilyId(draw_number(house)), |row| row.id)
    };
    let nobody = is_nobodys(wish);
    let (by, wish) = match wish {
        TokenWish::Redeem { code, verifier: said, redirect, taken, asked, proof } => {
            let nothing = hash();
            let row = the_latest(&model.clients.codes, *code, |row| {
                row.fate.is_open() && (row.redeemed.is_none() || *code % 3 > 0)
            });
            let code = row.map_or(nothing, |row| row.hash);
            let other = || (hash().to_string(), "https://other.example/".to_owned());
            let sent = match (said, row.and_then(|row| row.challenge)) {
                (How::Right, None) | (How::LeftOut, Some(_)) => None,
                (How::Right, Some(_)) => Some(verifier(&code)),
                (How::Wrong | How::LeftOut, _) => Some(other().0),
            };
            let known = row.and_then(|row| row.redirect_uri.clone());
            let redirect_uri = match redirect {
                How::Right => known,
                How::Wrong => Some(other().1),
                // Where the request named none, what is registered may be named.
                How::LeftOut => registered(model, row).filter(|_| known.is_none()),
            };
            let proof = prove(model, row.map_or(1, |row| row.client), *proof);
            let wish = commands::Wish::RedeemCode(Box::new(RedeemCode {
                proof,
                code,
                redirect_uri,
                verifier: Verifier::read(sent.as_deref()),
                asked: asked.edge(),
                family: family(*taken),
                access: hash(),
                refresh: hash(),
            }));
            (proof.client, wish)
        }
        TokenWish::Refresh { family, which, derived, asked, proof } => {
            let row = the_latest(&model.clients.families, *family, |row| row.fate.is_open());
            let (id, generation, presented) = token_of(house, row, *which);
            let proof = prove(model, row.map_or(1, |row| row.client), *proof);
            let wish = commands::Wish::RefreshTokens(Box::new(RefreshTokens {
                proof,
                family: id,
                generation,
                presented,
                asked: asked.edge(),
                access: hash(),
                derived: derive(house, model, row, (generation, *asked), *derived),
            }));
            (proof.client, wish)
        }
        TokenWish::Own { client, asked, proof } => {
            let proof = prove(model, client_of(*client), *proof);
            let wish = IssueClientCredentials { proof, asked: asked.edge(), access: hash() };
            (proof.client, commands::Wish::IssueClientCredentials(Box::new(wish)))
        }
        TokenWish::Password { client, user, stale, taken, asked, proof } => {
            // Mostly one that may ask so.
            let may = |row: &&Client| client.is_multiple_of(9) || Model::may_go(row, GrantType::Password);
            let rows = model.clients.rows.iter().filter(may).map(|row| row.id);
            let client = one_of(*client, rows, model.clients.ever);
            let able = model.users.iter().filter(|row| row.password.is_some()).map(|row| row.id);
            let user = one_of(*user, able, model.users_ever);
            // The one that the edge compared with.
            let of = |id: u64| model.user(id).and_then(|row| row.password.as_ref());
            let password = of(user).filter(|_| !stale).or(of(1)).map(|password| password.hash.clone());
            let password = password.unwrap_or_else(|| model.users[0].name.clone());
            let proof = prove(model, client, *proof);
            let wish = commands::Wish::IssueByPassword(Box::new(IssueByPassword {
                proof,
                user: UserId(user),
                password,
                asked: asked.edge(),
                family: family(*taken),
                access: hash(),
                refresh: hash(),
            }));
            (proof.client, wish)
        }
        TokenWish::EndAccess { access, proof } => {
            let nothing = hash();
            let row = the_latest(&model.clients.access, *access, |row| row.fate.is_open());
            let proof = prove(model, row.map_or(1, |row| row.client), *proof);
            let token = RevokedToken::Access(row.map_or(nothing, |row| row.hash));
            (proof.client, commands::Wish::RevokeToken(RevokeToken { proof, token }))
        }
        TokenWish::EndFamily { family, which, proof } => {
            let row = the_latest(&model.clients.families, *family, |row| row.fate.is_open());
            let (id, generation, presented) = token_of(house, row, *which);
            let proof = prove(model, row.map_or(1, |row| row.client), *proof);
            let token = RevokedToken::Refresh { family: id, generation, presented };
            (proof.client, commands::Wish::RevokeToken(RevokeToken { proof, token }))
        }
    };
    (Some(by.0).filter(|_| !nobody), Ask::Other(wish.clone()), wish)
}

fn draw_number(house: &House) -> u64 {
    u64::from_be_bytes(draw(&*house.random))
}

fn registered(model: &Model, code: Option<&Code>) -> Option<String> {
    let client = code.and_then(|row| model.client(row.client))?;
    client.redirect_urls.first().cloned()
}

/// What an application proves to be.
fn prove(model: &Model, client: u64, proof: Proof) -> ClientProof {
    let client = match proof {
        Proof::Another(number) => {
            one_of(number, model.clients.rows.iter().map(|row| row.id), model.clients.ever)
        }
        _ => client,
    };
    let row = model.client(client);
    let present = row.and_then(|row| row.secret.as_ref()).map(|secret| secret.hash);
    let wrong = TokenHash([7; 32]);
    let public = row.is_some_and(|row| row.policy.client_type == ClientType::Public);
    let secret = match proof {
        Proof::Right | Proof::Another(_) | Proof::Nobody => present,
        Proof::Previous => row.and_then(|row| row.previous).map(|(hash, _)| hash).or(present),
        Proof::Wrong => Some(wrong),
        // Which is all that a public one proves.
        Proof::Nothing => Some(wrong).filter(|_| public),
    };
    ClientProof { client: ClientApplicationId(client), secret }
}

/// Whether the actor is another than who it says it is.
fn is_nobodys(wish: &TokenWish) -> bool {
    let (TokenWish::Redeem { proof, .. }
    | TokenWish::Refresh { proof, .. }
    | TokenWish::Own { proof, .. }
    | TokenWish::Password { proof, .. }
    | TokenWish::EndAccess { proof, .. }
    | TokenWish::EndFamily { proof, .. }) = wish;
    matches!(proof, Proof::Nobody)
}

/// A refresh token: of which family, how old, and its secret part.
fn token_of(house: &House, row: Option<&Family>, which: Which) -> (FamilyId, u32, TokenHash) {
    let other = TokenHash(draw(&*house.random));
    let Some(row) = row else { return (FamilyId(draw_number(house)), 0, other) };
    let last = row.line.len().saturating_sub(1);
    let of = |place: usize| {
        let hash = row.line.get(place).copied().unwrap_or(other);
        (row.id, u32::try_from(place).expect("few"), hash)
    };
    match which {
        Which::Current => of(last),
        Which::Previous => of(last.saturating_sub(1)),
        Which::Older(number) => of(usize::from(number) % (last + 1)),
        Which::Other => (row.id, u32::try_from(last).expect("few"), other),
        Which::Newer => of(last + 1),
    }
}

/// What is derived of a refresh token for what is asked of it: the same when it is the same, with the same day's key.
fn derive(
    house: &House,
    model: &Model,
    row: Option<&Family>,
    of: (u32, AskedWish),
    derived: Derived,
) -> Option<DerivedTokens> {
    let today = TokenEpoch(u32::try_from(model.now.0 / DAY_MICROS).expect("before 2106"));
    let (generation, asked) = of;
    // Who repeats a request knows from the refusal which day's key it was.
    let first = row.filter(|row| generation as usize + 1 < row.line.len()).and_then(|row| row.last.as_ref());
    let day = first.map_or(today, |first| first.epoch);
    let day = match derived {
        Derived::Nothing => return None,
        Derived::OtherDay => TokenEpoch(day.0 - 1),
        Derived::Right | Derived::Wrong => day,
    };
    if matches!(derived, Derived::Wrong) {
        let hash = || TokenHash(draw(&*house.random));
        return Some(DerivedTokens { epoch: day, refresh: hash(), access: hash() });
    }
    let family = row.map_or(0, |row| row.id.0);
    let scopes = asked.scopes.unwrap_or(0);
    let resource = asked.resource.map_or(0, |place| 1 + place % 4);
    let hash = |kind: u8, rest: [u8; 2]| {
        let mut bytes = [kind; 32];
        bytes[..8].copy_from_slice(&family.to_be_bytes());
        bytes[8..12].copy_from_slice(&generation.to_be_bytes());
        bytes[12..14].copy_from_slice(&day.0.to_be_bytes()[2..]);
        bytes[14..16].copy_from_slice(&rest);
        TokenHash(bytes)
    };
    Some(DerivedTokens { epoch: day, refresh: hash(1, [0, 0]), access: hash(2, [scopes, resource]) })
}
