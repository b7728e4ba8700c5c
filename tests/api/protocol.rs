//! Client applications of these tests, and how they ask the authorization server.

use authledger::clock::draw;
use authledger::commands::grant::allow::AllowAccess;
use authledger::commands::{Cause, Command, Wish};
use authledger::oauth::pkce::Challenge;
use authledger::oauth::token::AuthorizationCode;
use axum::http::{Method, StatusCode};
use events::envelope::Actor;
use events::grant::AuthenticationMethod;
use events::id::{ClientApplicationId, CommandId, Sequence, UserId};
use events::scope::Scope;
use projections::tokens::ScopeSet;
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, basic};

pub(crate) const TOKEN: &str = "/oauth2/token";
pub(crate) const INTROSPECT: &str = "/oauth2/introspect";
pub(crate) const REVOKE: &str = "/oauth2/revoke";
pub(crate) const FORM: &str = "content-type: application/x-www-form-urlencoded";
/// Where every application of these tests gets its codes.
pub(crate) const REDIRECT: &str = "https://client.example/cb";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A registered application.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    /// Its client id.
    pub(crate) name: String,
    /// Empty for a public one.
    pub(crate) secret: String,
}

impl Client {
    /// Registers one of `user`'s with HDP's properties and these.
    pub(crate) async fn register(house: &House, user: &str, name: &str, more: Value) -> Client {
        let mut body = json!({ "name": name, "redirectUrls": [REDIRECT] });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let answer = house.post_as(user, "/api/mgmt/oauth/client/applications", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let made = answer.json();
        Client {
            id: made["id"].as_u64().expect("an id"),
            name: made["clientId"].as_str().expect("a client id").to_owned(),
            secret: made["clientSecret"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// As HDP registers it, by the first administrator.
    pub(crate) async fn of_hdp(house: &House) -> Client {
        Self::register(house, ADMIN, "hdp", json!({})).await
    }

    /// One that may ask for tokens in its own name.
    pub(crate) async fn machine(house: &House, name: &str) -> Client {
        Self::register(house, ADMIN, name, json!({ "grantTypes": ["client_credentials"] })).await
    }

    /// One that keeps no secret.
    pub(crate) async fn public(house: &House, name: &str) -> Client {
        Self::register(house, ADMIN, name, json!({ "type": "public" })).await
    }

    /// The header line of its Basic credentials.
    pub(crate) fn basic(&self) -> String {
        basic(&format!("{}:{}", self.name, self.secret))
    }

    /// Sends a form with Basic credentials.
    pub(crate) async fn ask(&self, house: &House, path: &str, form: &[(&str, &str)]) -> Answer {
        house.send_form(path, &[&self.basic()], form).await
    }

    /// Sends a form with the credentials in it, as HDP's connector does.
    pub(crate) async fn post(&self, house: &House, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut all = vec![("client_id", self.name.as_str())];
        if !self.secret.is_empty() {
            all.push(("client_secret", &self.secret));
        }
        all.extend(form);
        house.send_form(path, &[], &all).await
    }

    /// A code that a user lets it have for these scopes, bound to [`VERIFIER`] when it is public.
    pub(crate) async fn code(&self, house: &House, user: UserId, scopes: &[Scope]) -> String {
        let challenge = self.secret.is_empty().then(|| Challenge::of(VERIFIER).0);
        self.code_for(house, user, scopes, challenge, &["http://127.0.0.1:8080"]).await
    }

    /// The same with this challenge, for these resources.
    pub(crate) async fn code_for(
        &self,
        house: &House,
        user: UserId,
        scopes: &[Scope],
        challenge: Option<[u8; 32]>,
        audience: &[&str],
    ) -> String {
        let code = AuthorizationCode::draw(house.app.random());
        let client = ClientApplicationId(self.id);
        let wish = house.ledger.read(|view| AllowAccess {
            client,
            client_changed: view.state.client_applications.rows.get(&client).expect("registered").changed,
            grant: view.state.grants.between(user, client).map(|(id, row)| (id, row.changed)),
            consents: true,
            code: code.hash(),
            redirect_uri: Some(REDIRECT.to_owned()),
            challenge,
            seen: Sequence(u64::MAX),
            set: ScopeSet {
                scopes: scopes.iter().copied().collect(),
                audience: audience.iter().copied().map(str::to_owned).collect(),
            },
            authenticated_at: house.app.clock().now(),
            method: AuthenticationMethod::LoginPage,
        });
        let cause = Cause {
            id: CommandId(draw(house.app.random())),
            actor: Actor::User(user),
            on_behalf_of: None,
            bearer: None,
            idempotency: None,
            origin: None,
        };
        let command = Command { cause, wish: Wish::AllowAccess(Box::new(wish)) };
        house.ledger.execute(command).await.expect("he may");
        code.text().expose().to_owned()
    }

    /// Tokens for a fresh code.
    pub(crate) async fn tokens(&self, house: &House, user: UserId, scopes: &[Scope]) -> Value {
        let code = self.code(house, user, scopes).await;
        let answer = self.redeem(house, &code).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }

    /// Exchanges a code; a public one shows [`VERIFIER`].
    pub(crate) async fn redeem(&self, house: &House, code: &str) -> Answer {
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)];
        if self.secret.is_empty() {
            form.push(("code_verifier", VERIFIER));
        }
        self.post(house, TOKEN, &form).await
    }

    pub(crate) async fn refresh(&self, house: &House, token: &str) -> Answer {
        self.post(house, TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A token in its own name.
    pub(crate) async fn own_token(&self, house: &House) -> String {
        let answer = self.post(house, TOKEN, &[("grant_type", "client_credentials")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        text(&answer.json(), "access_token")
    }

    /// What introspection tells it of a token.
    pub(crate) async fn introspect(&self, house: &House, token: &str) -> Value {
        let answer = self.ask(house, INTROSPECT, &[("token", token)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn is_active(&self, house: &House, token: &str) -> bool {
        self.introspect(house, token).await["active"].as_bool().expect("true or false")
    }
}

impl House {
    /// Sends a form.
    pub(crate) async fn send_form(&self, path: &str, headers: &[&str], form: &[(&str, &str)]) -> Answer {
        let mut all = vec![FORM];
        all.extend(headers);
        self.send(Method::POST, path, &all, encoded(form)).await
    }
}

/// As a form has it.
pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// A property that is a text.
pub(crate) fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

/// Status and `error` of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), text(&answer.json(), "error"))
}

/// The number of a user of these tests.
pub(crate) fn id_of(house: &House, user: &str) -> UserId {
    let name = user.split(':').next().expect("a name");
    let name = authledger::vault::login::LoginName::parse(name).expect("a good name");
    let tag = house.ledger.vault().login_tag(&name);
    house.ledger.read(|view| *view.logins.get(&tag).expect("a user"))
}
