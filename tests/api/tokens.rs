//! Client applications and tokens for tests that are not about how one gets them. Consent and code come straight from the
//! writer, since those of a browser are shown elsewhere; the rest is asked over HTTP.

use authledger::clock::{Clock, draw};
use authledger::commands::grant::allow::AllowAccess;
use authledger::commands::{Cause, Command, Wish};
use authledger::oauth::token::AuthorizationCode;
use authledger::vault::login::LoginName;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::envelope::Actor;
use events::grant::AuthenticationMethod;
use events::id::{ClientApplicationId, CommandId, Sequence, UserId};
use events::scope::Scope;
use projections::tokens::ScopeSet;
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House, basic};

pub(crate) const CLIENTS: &str = "/api/mgmt/oauth/client/applications";
pub(crate) const ALLOWED: &str = "/api/mgmt/oauth/client/allowedapplications";
pub(crate) const TOKEN: &str = "/oauth2/token";
pub(crate) const INTROSPECT: &str = "/oauth2/introspect";
pub(crate) const REVOKE: &str = "/oauth2/revoke";
pub(crate) const FORM: &str = "content-type: application/x-www-form-urlencoded";
/// Who a server of these tests says that it is.
pub(crate) const ISSUER: &str = "http://127.0.0.1:8080";

/// A registered client application.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    /// None of a public one.
    pub(crate) secret: Option<String>,
}

/// What a token endpoint gave out.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
}

impl Given {
    pub(crate) fn of(answer: &Answer) -> Given {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let body = answer.json();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Given { access: text("access_token").expect("an access token"), refresh: text("refresh_token") }
    }

    /// The header line with the access token.
    pub(crate) fn bearer(&self) -> String {
        format!("authorization: Bearer {}", self.access)
    }
}

impl House {
    /// Registers an application of this owner's, as the administrator set what only he may.
    pub(crate) async fn client(&self, name: &str, more: Value) -> Registered {
        self.client_of(ADMIN, name, more).await
    }

    pub(crate) async fn client_of(&self, owner: &str, name: &str, more: Value) -> Registered {
        let mut body = json!({ "name": name, "redirectUrls": ["https://client.example/cb"] });
        let Value::Object(more) = more else { panic!("an object is added, not {more}") };
        body.as_object_mut().expect("an object").extend(more);
        let answer = self.post_as(owner, CLIENTS, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let body = answer.json();
        Registered {
            id: body["id"].as_u64().expect("an id"),
            client_id: body["clientId"].as_str().expect("a client id").to_owned(),
            secret: body["clientSecret"].as_str().map(str::to_owned),
        }
    }

    /// One that may ask for every scope.
    pub(crate) async fn client_for_all(&self, name: &str) -> Registered {
        self.client(name, json!({ "scopes": ["api.access.odata", "api.mgmt", "api.audit"] })).await
    }

    /// The number of who has these credentials.
    pub(crate) fn user_id(&self, credentials: &str) -> UserId {
        let (name, _) = credentials.split_once(':').expect("a name and a password");
        let tag = self.app.vault().login_tag(&LoginName::parse(name).expect("a good name"));
        self.ledger.read(|view| view.logins.get(&tag).copied()).expect("a user")
    }

    /// Has a user allow these scopes; answers with the code.
    pub(crate) async fn code(&self, client: &Registered, user: &str, scopes: &[Scope]) -> String {
        let (user, id) = (self.user_id(user), ClientApplicationId(client.id));
        let code = AuthorizationCode::draw(self.app.random());
        let set = ScopeSet {
            scopes: scopes.iter().copied().collect(),
            audience: [ISSUER.to_owned()].into_iter().collect(),
        };
        let (client_changed, grant) = self.ledger.read(|view| {
            let row = view.state.client_applications.rows.get(&id).expect("a client application");
            let grant = view.state.grants.between(user, id).map(|(id, row)| (id, row.changed));
            (row.changed, grant)
        });
        let wish = AllowAccess {
            client: id,
            client_changed,
            grant,
            consents: true,
            code: code.hash(),
            redirect_uri: None,
            challenge: None,
            seen: Sequence(u64::MAX),
            set,
            authenticated_at: self.clock.now(),
            method: AuthenticationMethod::LoginPage,
        };
        let cause = Cause {
            id: CommandId(draw(self.app.random())),
            actor: Actor::User(user),
            on_behalf_of: None,
            bearer: None,
            idempotency: None,
            origin: None,
        };
        let wish = Wish::AllowAccess(Box::new(wish));
        self.ledger.execute(Command { cause, wish }).await.expect("he may");
        code.text().expose().to_owned()
    }

    /// A POST of a form by a client application: in the header when it has a secret, otherwise by its id alone.
    pub(crate) async fn form(&self, client: &Registered, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let authorization =
            client.secret.as_ref().map(|secret| basic(&format!("{}:{secret}", client.client_id)));
        if authorization.is_none() {
            form.append_pair("client_id", &client.client_id);
        }
        let headers: Vec<&str> = authorization.as_deref().into_iter().chain([FORM]).collect();
        self.send(Method::POST, path, &headers, form.finish()).await
    }

    /// Tokens of this user's for a client application.
    pub(crate) async fn tokens(&self, client: &Registered, user: &str, scopes: &[Scope]) -> Given {
        let code = self.code(client, user, scopes).await;
        let fields = [("grant_type", "authorization_code"), ("code", &code)];
        Given::of(&self.form(client, TOKEN, &fields).await)
    }

    /// A refresh, as it is answered.
    pub(crate) async fn refresh(&self, client: &Registered, given: &Given) -> Answer {
        let token = given.refresh.as_deref().expect("a refresh token");
        self.form(client, TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Whether the application's own access token is active.
    pub(crate) async fn is_active(&self, client: &Registered, token: &str) -> bool {
        let answer = self.form(client, INTROSPECT, &[("token", token)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["active"].as_bool().expect("active or not")
    }

    /// A request by an access token.
    pub(crate) async fn send_by(
        &self,
        given: &Given,
        method: Method,
        path: &str,
        headers: &[&str],
        body: impl Into<Body>,
    ) -> Answer {
        let bearer = given.bearer();
        let all: Vec<&str> = [bearer.as_str()].into_iter().chain(headers.iter().copied()).collect();
        self.send(method, path, &all, body).await
    }

    pub(crate) async fn get_by(&self, given: &Given, path: &str) -> Answer {
        self.send_by(given, Method::GET, path, &[], Body::empty()).await
    }
}
