//! Introspection and revocation from outside (RFC 7662, RFC 7009; TOKENS section 3; SECURITY 22a, 29, 30).

use std::time::Duration;

use authledger::config::Config;
use axum::http::{Method, StatusCode};
use events::id::UserId;
use events::scope::Scope;
use serde_json::{Value, json};

use super::house::{ADMIN, House};
use super::protocol::{Client, INTROSPECT, REDIRECT, REVOKE, TOKEN, id_of, refusal, text};

const ISSUER: &str = "http://127.0.0.1:8080";
const DATA: &str = "https://data.example";

/// A house whose data is used elsewhere.
fn house() -> House {
    let mut config = Config::default();
    config.oauth.odata_resource = Some(DATA.to_owned());
    House::new(config)
}

fn inactive() -> Value {
    json!({ "active": false })
}

async fn resource(house: &House, user: &str, name: &str, resource: &str) -> Client {
    Client::register(house, user, name, json!({ "resourceServer": resource })).await
}

#[tokio::test]
async fn s29_a_client_sees_its_own_tokens_and_nothing_of_others() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let ann = id_of(&house, &ann);
    let (client, other) = (Client::of_hdp(&house).await, Client::machine(&house, "other").await);
    let code = client.code_for(&house, ann, &[Scope::OData], None, &[DATA]).await;
    let tokens = client.redeem(&house, &code).await.json();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let issued = house.app.clock().now().0 / 1_000_000;
    assert_eq!(
        client.introspect(&house, &access).await,
        json!({
            "active": true, "client_id": client.name, "sub": ann.to_string(), "scope": "api.access.odata",
            "aud": DATA, "iss": ISSUER, "iat": issued, "exp": issued + 3600, "token_type": "Bearer",
        })
    );
    assert_eq!(
        client.introspect(&house, &refresh).await,
        json!({
            "active": true, "client_id": client.name, "sub": ann.to_string(), "scope": "api.access.odata",
            "iss": ISSUER, "iat": issued,
        })
    );
    // A foreign one, one that never was, one that is none, a code, a secret: the same bytes.
    let bytes = serde_json::to_vec(&inactive()).expect("JSON");
    let unknown = "alat_0000000000000000000000000000000000000000000000000";
    let changed = format!("{}x", &access[..access.len() - 1]);
    for token in [&access, &refresh, unknown, &changed, "x", &code, &other.secret] {
        let asked = other.ask(&house, INTROSPECT, &[("token", token)]).await;
        assert_eq!((asked.status, &asked.body), (StatusCode::OK, &bytes), "{token}");
        assert_eq!(asked.header("cache-control"), Some("no-store"));
    }
    let hinted = [("token", access.as_str()), ("token_type_hint", "refresh_token")];
    assert_eq!(client.ask(&house, INTROSPECT, &hinted).await.json()["active"], true, "a hint is one");
    // When its time is over, it never was.
    let before = house.ledger.size();
    house.clock.advance(Duration::from_secs(3599));
    assert!(client.is_active(&house, &access).await);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(client.introspect(&house, &access).await, inactive());
    assert_eq!(house.ledger.size(), before, "and all that asking recorded nothing");
}

#[tokio::test]
async fn s29_a_resource_sees_access_tokens_for_it_of_those_it_serves() {
    let house = house();
    let (org, roles) = house.tenant("OrgA").await;
    let (ann, bob) = (house.user("ann", 1, &[2], &[]).await, house.user("bob", org, &roles[..1], &[]).await);
    let cara = house.user("cara", org, &roles[..1], &[12]).await;
    let client =
        Client::register(&house, ADMIN, "app", json!({ "scopes": ["api.access.odata", "api.mgmt"] })).await;
    let (all, of_org) =
        (resource(&house, ADMIN, "all", DATA).await, resource(&house, &cara, "org", DATA).await);
    let (issuer, none) =
        (resource(&house, ADMIN, "issuer", ISSUER).await, Client::machine(&house, "none").await);
    let mut tokens = Vec::new();
    for (user, scope, audience) in
        [(&ann, Scope::OData, DATA), (&bob, Scope::OData, DATA), (&ann, Scope::Mgmt, ISSUER)]
    {
        let code = client.code_for(&house, id_of(&house, user), &[scope], None, &[audience]).await;
        tokens.push(client.redeem(&house, &code).await.json());
    }
    for (who, sees) in [
        (&all, [true, true, false]),
        (&of_org, [false, true, false]),
        (&issuer, [false, false, true]),
        (&none, [false, false, false]),
        (&client, [true, true, true]),
    ] {
        for (tokens, sees) in tokens.iter().zip(sees) {
            let told = who.introspect(&house, &text(tokens, "access_token")).await;
            assert_eq!(told["active"], sees, "{who:?} {tokens}");
            let refresh = who.introspect(&house, &text(tokens, "refresh_token")).await;
            assert_eq!(refresh["active"], who.id == client.id, "{who:?}: refresh tokens are for nobody else");
        }
    }
    assert_eq!(all.introspect(&house, &text(&tokens[0], "access_token")).await["client_id"], client.name);
}

#[tokio::test]
async fn s29_a_caller_who_is_not_believed_hears_401() {
    let house = house();
    let client = Client::machine(&house, "machine").await;
    let own = client.own_token(&house).await;
    let user_token = {
        let app = Client::of_hdp(&house).await;
        text(&app.tokens(&house, UserId(1), &[Scope::OData]).await, "access_token")
    };
    let bearer = |token: &str| format!("authorization: Bearer {token}");
    // Its own token will do, and says that it is active.
    let answer = house.send_form(INTROSPECT, &[&bearer(&own)], &[("token", &own)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let told = answer.json();
    assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(client.name)));
    assert_eq!((&told["aud"], told.get("scope")), (&json!(ISSUER), None));
    // A user's token is none, though it is good.
    for token in [user_token.as_str(), "x", "alat_x"] {
        for path in [INTROSPECT, REVOKE] {
            let answer = house.send_form(path, &[&bearer(token)], &[("token", &own)]).await;
            assert_eq!(refusal(&answer), (401, "invalid_token".to_owned()), "{path}");
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, Some("Bearer realm=\"authledger\", error=\"invalid_token\""), "{path}");
        }
    }
    let answer = house.send_form(TOKEN, &[&bearer(&own)], &[("grant_type", "client_credentials")]).await;
    assert_eq!(refusal(&answer), (401, "invalid_client".to_owned()), "tokens are not given for tokens");
    let answer = house.send_form(INTROSPECT, &[], &[("token", &own)]).await;
    assert_eq!(refusal(&answer), (401, "invalid_client".to_owned()));
    // It may revoke by it, too, and then can't any more.
    let answer = house.send_form(REVOKE, &[&bearer(&own)], &[("token", &own)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let answer = house.send_form(INTROSPECT, &[&bearer(&own)], &[("token", &own)]).await;
    assert_eq!(refusal(&answer), (401, "invalid_token".to_owned()));
}

#[tokio::test]
async fn s30_revoking_ends_its_own_tokens_at_once_and_is_no_error_twice() {
    let house = house();
    let (client, other) = (Client::of_hdp(&house).await, Client::machine(&house, "other").await);
    let tokens = client.tokens(&house, UserId(1), &[Scope::OData]).await;
    let refresh = text(&tokens, "refresh_token");
    let second = text(&client.refresh(&house, &refresh).await.json(), "access_token");
    let first = text(&tokens, "access_token");
    let revoke = |client: &Client, token: &str| {
        let (client, token, house) = (client.clone(), token.to_owned(), &house);
        async move {
            let answer = client.ask(house, REVOKE, &[("token", &token)]).await;
            assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0), "{answer:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    };
    // Another's token stays.
    for token in [&first, &refresh, "x", "alat_0000000000000000000000000000000000000000000000000"] {
        revoke(&other, token).await;
    }
    assert!(client.is_active(&house, &first).await && client.is_active(&house, &refresh).await);
    // An access token ends alone.
    revoke(&client, &first).await;
    assert!(!client.is_active(&house, &first).await && client.is_active(&house, &second).await);
    // A refresh token ends with what came of it.
    revoke(&client, &refresh).await;
    assert!(!client.is_active(&house, &second).await && !client.is_active(&house, &refresh).await);
    assert_eq!(refusal(&client.refresh(&house, &refresh).await), (400, "invalid_grant".to_owned()));
    let size = house.ledger.size();
    for token in [&first, &second, &refresh] {
        revoke(&client, token).await;
    }
    assert_eq!(house.ledger.size(), size, "asking twice records nothing");
}

/// RFC 7009 section 2.1: whichever generation of a rotated token comes, its client means the whole family.
#[tokio::test]
async fn s30_a_superseded_refresh_token_ends_its_family() {
    let house = house();
    let client = Client::public(&house, "public").await;
    let first = text(&client.tokens(&house, UserId(1), &[Scope::OData]).await, "refresh_token");
    let next = client.refresh(&house, &first).await.json();
    let answer = client.post(&house, REVOKE, &[("token", &first)]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = client.refresh(&house, &text(&next, "refresh_token")).await;
    assert_eq!(refusal(&answer), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn s22a_a_token_is_for_the_resources_of_its_scopes_or_fewer() {
    let house = house();
    let both = json!({ "scopes": ["api.access.odata", "api.mgmt"] });
    let client = Client::register(&house, ADMIN, "both", both).await;
    let scopes = [Scope::OData, Scope::Mgmt];
    let code = client.code_for(&house, UserId(1), &scopes, None, &[ISSUER, DATA]).await;
    let tokens = client.redeem(&house, &code).await.json();
    let audience = client.introspect(&house, &text(&tokens, "access_token")).await["aud"].clone();
    assert_eq!(audience, json!([ISSUER, DATA]));
    let refresh = text(&tokens, "refresh_token");
    for (more, audience) in [
        (&[("resource", DATA)][..], json!(DATA)),
        (&[("resource", ISSUER), ("resource", DATA)], json!([ISSUER, DATA])),
        (&[("scope", "api.mgmt")], json!(ISSUER)),
        (&[("scope", "api.mgmt"), ("resource", ISSUER)], json!(ISSUER)),
    ] {
        let form = [&[("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())], more].concat();
        let answer = client.post(&house, TOKEN, &form).await;
        assert_eq!(answer.status, StatusCode::OK, "{more:?}: {answer:?}");
        let token = text(&answer.json(), "access_token");
        assert_eq!(client.introspect(&house, &token).await["aud"], audience, "{more:?}");
    }
    for more in [
        &[("resource", "https://other.example")][..],
        &[("resource", DATA), ("resource", "https://other.example")],
        &[("scope", "api.mgmt"), ("resource", DATA)],
    ] {
        let form = [&[("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())], more].concat();
        assert_eq!(refusal(&client.post(&house, TOKEN, &form).await), (400, "invalid_target".to_owned()));
    }
    // At a code, resources narrow the first access token; what the refresh token is good for stays.
    let code = client.code_for(&house, UserId(1), &scopes, None, &[ISSUER, DATA]).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("resource", DATA),
    ];
    let tokens = client.post(&house, TOKEN, &form).await.json();
    assert_eq!(client.introspect(&house, &text(&tokens, "access_token")).await["aud"], DATA);
}

/// A token that is for somebody else is none here.
#[tokio::test]
async fn s22a_our_api_takes_no_token_for_another_resource() {
    let house = house();
    let both = json!({ "scopes": ["api.access.odata", "api.mgmt"] });
    let client = Client::register(&house, ADMIN, "both", both).await;
    for (audience, status) in [(vec![DATA], 401), (vec![ISSUER], 200), (vec![DATA, ISSUER], 200)] {
        let scopes = [Scope::OData, Scope::Mgmt];
        let code = client.code_for(&house, UserId(1), &scopes, None, &audience).await;
        let token = text(&client.redeem(&house, &code).await.json(), "access_token");
        let bearer = format!("authorization: Bearer {token}");
        let answer = house.send(Method::GET, "/api/mgmt/datasources", &[&bearer], "").await;
        assert_eq!(answer.status.as_u16(), status, "{audience:?}: {answer:?}");
    }
}
