//! What ends what (TOKENS section 5), row by row: one event each, and whoever looks next sees it.

use std::time::Duration;

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::scope::Scope;
use serde_json::{Value, json};

use super::browser::Browser;
use super::house::{ADMIN, APPS, Answer, House, JSON, PASSWORD};
use super::tokens::{ALLOWED, CLIENTS, Given, ISSUER, REVOKE, Registered, TOKEN};

const OTHER_PASSWORD: &str = "tundra violet spoon anchor";

/// A house in which ann of a child tenant allowed two client applications of oscar's everything, and gave the first one her
/// password, too.
struct World {
    house: House,
    ann: String,
    oscar: String,
    tenant: u64,
    client: Registered,
    other: Registered,
    /// Sees every access token that is for us.
    resource: Registered,
    consented: Given,
    by_password: Given,
    /// Of the other application.
    elsewhere: Given,
    /// The first application's as ann, in its own name.
    runs_as: Given,
}

impl World {
    async fn new() -> World {
        World::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> World {
        let mut config = Config::default();
        config.oauth.password_grant = true;
        change(&mut config);
        let house = House::new(config);
        let (tenant, roles) = house.tenant("child").await;
        let ann = house.user("ann", tenant, &roles[..1], &[9, 28]).await;
        let oscar = house.user("oscar", 1, &[1], &[]).await;
        let may = json!({
            "grantTypes": ["authorization_code", "refresh_token", "client_credentials", "password"],
            "scopes": ["api.access.odata", "api.mgmt", "api.audit"],
            "passwordGrantUntil": "2027-11-01T00:00:00Z",
            "runAs": house.user_id(&ann).0,
        });
        let client = house.client_of(&oscar, "first", may.clone()).await;
        let other = house.client_of(&oscar, "second", may).await;
        let resource = house
            .client("resource", json!({ "grantTypes": ["client_credentials"], "resourceServer": ISSUER }))
            .await;
        let consented = house.tokens(&client, &ann, &Scope::ALL).await;
        let elsewhere = house.tokens(&other, &ann, &Scope::ALL).await;
        let by_password = Given::of(&password_grant(&house, &client, "ann", PASSWORD).await);
        let own = [("grant_type", "client_credentials"), ("scope", "api.mgmt")];
        let runs_as = Given::of(&house.form(&client, TOKEN, &own).await);
        let world = World {
            house,
            ann,
            oscar,
            tenant,
            client,
            other,
            resource,
            consented,
            by_password,
            elsewhere,
            runs_as,
        };
        assert_eq!(world.lives().await, [true; 4], "before anything ended");
        world
    }

    /// Which of the four access tokens live: by consent, by password, of the other application, in the application's own name.
    /// A resource server, our API and the token endpoint say the same of each.
    async fn lives(&self) -> [bool; 4] {
        let mut all = [false; 4];
        let held = [
            (&self.client, &self.consented),
            (&self.client, &self.by_password),
            (&self.other, &self.elsewhere),
            (&self.client, &self.runs_as),
        ];
        for (lives, (client, given)) in all.iter_mut().zip(held) {
            *lives = self.house.is_active(&self.resource, &given.access).await;
            let answer = self.house.get_by(given, APPS).await;
            let expected = if *lives { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(answer.status, expected, "{answer:?}");
            if given.refresh.is_some() {
                let refreshed = self.house.refresh(client, given).await;
                assert_eq!(refreshed.status == StatusCode::OK, *lives, "{refreshed:?}");
            }
        }
        all
    }

    /// Does this, and looks at what it recorded: exactly these facts.
    async fn does(&self, who: &str, method: Method, path: &str, body: Value, facts: &[&str]) -> Answer {
        let before = self.house.facts().len();
        let (headers, body) = match body {
            Value::Null => (&[][..], Body::empty()),
            body => (&[JSON][..], Body::from(body.to_string())),
        };
        let answer = self.house.send_as(who, method.clone(), path, headers, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        assert_eq!(self.house.facts()[before..], *facts, "{method} {path}");
        answer
    }

    async fn puts(&self, who: &str, path: &str, body: Value, facts: &[&str]) {
        self.does(who, Method::PUT, path, body, facts).await;
    }

    fn ann_s(&self, part: &str) -> String {
        format!("/api/admin/users/{}{part}", self.house.user_id(&self.ann))
    }
}

async fn password_grant(house: &House, client: &Registered, name: &str, password: &str) -> Answer {
    let fields =
        [("grant_type", "password"), ("username", name), ("password", password), ("scope", "api.mgmt")];
    house.form(client, TOKEN, &fields).await
}

/// `error` of a refusal of the protocol's.
fn refused(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["error"].as_str().expect("an error of the protocol").to_owned())
}

const BAD_REQUEST: u16 = 400;

#[tokio::test]
async fn a_reset_secret_ends_everything_of_the_application() {
    let mut world = World::new().await;
    let path = format!("{CLIENTS}/{}/reset", world.client.id);
    let answer =
        world.does(&world.oscar, Method::PUT, &path, Value::Null, &["ClientApplicationSecretReset"]).await;
    let old = world.house.refresh(&world.client, &world.consented).await;
    assert_eq!(refused(&old), (401, "invalid_client".to_owned()));
    world.client.secret = answer.json()["clientSecret"].as_str().map(str::to_owned);
    assert_eq!(world.lives().await, [false, false, true, false]);
    let again = world.house.tokens(&world.client, &world.ann, &[Scope::Mgmt]).await;
    assert_eq!(world.house.get_by(&again, APPS).await.status, StatusCode::OK, "what comes after lives");
}

#[tokio::test]
async fn a_rotated_secret_ends_nothing_but_the_old_one_at_its_time() {
    let mut world = World::new().await;
    let path = format!("{CLIENTS}/{}/rotate", world.client.id);
    let body = json!({ "overlapSeconds": 60 });
    let answer =
        world.does(&world.oscar, Method::PUT, &path, body, &["ClientApplicationSecretRotated"]).await;
    assert_eq!(world.lives().await, [true; 4], "the old secret is good for a minute");
    let old = world.client.clone();
    world.client.secret = answer.json()["clientSecret"].as_str().map(str::to_owned);
    assert_eq!(world.lives().await, [true; 4]);
    world.house.clock.advance(Duration::from_mins(1));
    assert_eq!(world.lives().await, [true; 4]);
    let late = world.house.refresh(&old, &world.consented).await;
    assert_eq!(refused(&late), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn a_deleted_application_takes_everything_with_it() {
    let world = World::new().await;
    let path = format!("{CLIENTS}/{}", world.client.id);
    world.does(&world.oscar, Method::DELETE, &path, Value::Null, &["ClientApplicationDeleted"]).await;
    assert_eq!(world.lives().await, [false, false, true, false]);
}

#[tokio::test]
async fn a_deleted_owner_takes_his_applications_with_him_or_hands_them_on() {
    let world = World::new().await;
    let heir = world.house.user("heir", 1, &[2], &[]).await;
    let oscar = format!("/api/admin/users/{}", world.house.user_id(&world.oscar));
    let kept = world.house.send_as(ADMIN, Method::DELETE, &oscar, &[], Body::empty()).await;
    assert_eq!(kept.status, StatusCode::CONFLICT, "others allowed his applications something: {kept:?}");
    assert_eq!(world.lives().await, [true; 4]);
    let to_heir = format!("{oscar}?transferTo={}", world.house.user_id(&heir));
    let gone = world.house.send_as(ADMIN, Method::DELETE, &to_heir, &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(world.lives().await, [true; 4], "nobody who allowed them notices");
    let heir = format!("/api/admin/users/{}?force=true", world.house.user_id(&heir));
    let gone = world.house.send_as(ADMIN, Method::DELETE, &heir, &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(world.lives().await, [false; 4]);
}

#[tokio::test]
async fn a_deleted_user_and_tenant_take_their_grants_with_them() {
    let world = World::new().await;
    let gone = world.house.send_as(ADMIN, Method::DELETE, &world.ann_s(""), &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(world.lives().await, [false; 4]);
    let tenant = format!("/api/admin/tenants/{}", world.tenant);
    let gone = world.house.send_as(ADMIN, Method::DELETE, &tenant, &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(world.lives().await, [false; 4]);
}

#[tokio::test]
async fn a_revoked_application_loses_what_its_user_allowed() {
    let world = World::new().await;
    let path = format!("{ALLOWED}/{}", world.client.id);
    world.does(&world.ann, Method::DELETE, &path, Value::Null, &["GrantRevoked"]).await;
    // In its own name it goes on: that was not hers to allow.
    assert_eq!(world.lives().await, [false, false, true, true]);
    let again = world.house.tokens(&world.client, &world.ann, &[Scope::Mgmt]).await;
    assert_eq!(world.house.get_by(&again, APPS).await.status, StatusCode::OK, "a new consent is a new grant");
    assert_eq!(world.lives().await, [false, false, true, true], "which brings nothing back");
}

#[tokio::test]
async fn a_revoked_token_ends_alone_and_a_revoked_refresh_token_with_all_that_came_of_it() {
    let world = World::new().await;
    let house = &world.house;
    let first = Given::of(&house.refresh(&world.client, &world.consented).await);
    let before = house.facts().len();
    let revoke = async |token: &str| house.form(&world.client, REVOKE, &[("token", token)]).await;
    assert_eq!(revoke(&first.access).await.status, StatusCode::OK);
    assert!(!house.is_active(&world.resource, &first.access).await);
    assert_eq!(world.lives().await, [true; 4]);
    assert_eq!(house.facts()[before], "AccessTokenRevoked");
    let later = Given::of(&house.refresh(&world.client, &world.consented).await);
    let refresh = world.consented.refresh.as_deref().expect("a refresh token");
    assert_eq!(revoke(refresh).await.status, StatusCode::OK);
    assert!(!house.is_active(&world.resource, &later.access).await);
    assert_eq!(world.lives().await, [false, true, true, true]);
    assert_eq!(
        house.facts().last().map(String::as_str),
        Some("AccessTokenIssued"),
        "of the families that go on"
    );
}

#[tokio::test]
async fn a_code_that_comes_again_ends_what_came_of_it() {
    let world = World::new().await;
    let house = &world.house;
    let code = house.code(&world.client, &world.ann, &Scope::ALL).await;
    let redeem = async || {
        house.form(&world.client, TOKEN, &[("grant_type", "authorization_code"), ("code", &code)]).await
    };
    let given = Given::of(&redeem().await);
    assert_eq!(house.get_by(&given, APPS).await.status, StatusCode::OK);
    let before = house.facts().len();
    assert_eq!(refused(&redeem().await), (BAD_REQUEST, "invalid_grant".to_owned()));
    assert_eq!(house.facts()[before..], ["AuthorizationCodeReplayDetected"]);
    assert_eq!(house.get_by(&given, APPS).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        refused(&house.refresh(&world.client, &given).await),
        (BAD_REQUEST, "invalid_grant".to_owned())
    );
    assert_eq!(world.lives().await, [true; 4], "and nothing else of the same grant");
}

#[tokio::test]
async fn an_older_refresh_token_ends_its_family() {
    let world = World::new().await;
    let house = &world.house;
    let public =
        house.client("public", json!({ "type": "public", "scopes": ["api.mgmt"], "pkce": "required" })).await;
    let code = house.code(&public, &world.ann, &[Scope::Mgmt]).await;
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str())];
    let zero = Given::of(&house.form(&public, TOKEN, &fields).await);
    let one = Given::of(&house.refresh(&public, &zero).await);
    let two = Given::of(&house.refresh(&public, &one).await);
    assert_eq!(house.get_by(&two, APPS).await.status, StatusCode::OK);
    let before = house.facts().len();
    assert_eq!(refused(&house.refresh(&public, &zero).await), (BAD_REQUEST, "invalid_grant".to_owned()));
    assert_eq!(house.facts()[before..], ["RefreshTokenReuseDetected"]);
    for given in [&zero, &one, &two] {
        assert_eq!(house.get_by(given, APPS).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused(&house.refresh(&public, given).await), (BAD_REQUEST, "invalid_grant".to_owned()));
    }
    assert_eq!(house.facts().len(), before + 1, "one event a family");
    assert_eq!(world.lives().await, [true; 4]);
}

#[tokio::test]
async fn a_password_that_an_administrator_sets_ends_all_tokens_of_the_user() {
    for (part, body) in [
        ("/resetpassword", json!({ "newPassword": "tempsecret" })),
        ("/passwordinfo", json!({ "password": OTHER_PASSWORD, "passwordStatus": 1 })),
    ] {
        let world = World::new().await;
        world.puts(ADMIN, &world.ann_s(part), body, &["UserPasswordSet"]).await;
        assert_eq!(world.lives().await, [false; 4], "{part}");
    }
}

#[tokio::test]
async fn what_is_said_of_a_password_that_stays_ends_nothing() {
    let world = World::new().await;
    let body = json!({ "passwordStatus": 1, "passwordExpiration": "2026-11-20 13:00:00" });
    world.puts(ADMIN, &world.ann_s("/passwordinfo"), body, &["UserPasswordSet"]).await;
    assert_eq!(world.lives().await, [true; 4]);
}

#[tokio::test]
async fn who_changes_his_own_password_ends_what_was_given_for_it_and_by_the_settings_all() {
    for (all, expected) in [(false, [true, false, true, true]), (true, [false; 4])] {
        let world = World::with(|config| config.oauth.end_tokens_on_password_change = all).await;
        let body = json!({ "currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD });
        let path = "/api/admin/userdetails/changePassword";
        world.puts(&world.ann, path, body, &["UserPasswordSet"]).await;
        assert_eq!(world.lives().await, expected, "end_tokens_on_password_change = {all}");
        // What was verified before the change is forgotten.
        assert_eq!(world.house.get_as(&world.ann, APPS).await.status, StatusCode::UNAUTHORIZED);
        let now = format!("ann:{OTHER_PASSWORD}");
        assert_eq!(world.house.get_as(&now, APPS).await.status, StatusCode::OK);
        let given = Given::of(&password_grant(&world.house, &world.client, "ann", OTHER_PASSWORD).await);
        assert_eq!(world.house.get_by(&given, APPS).await.status, StatusCode::OK, "what comes after lives");
    }
}

#[tokio::test]
async fn while_a_user_is_inactive_his_tokens_are_not_active() {
    let world = World::new().await;
    let status = world.ann_s("/statusinfo");
    for (value, lives) in [(0, false), (1, true)] {
        world.puts(ADMIN, &status, json!({ "status": value }), &["UserStatusSet"]).await;
        assert_eq!(world.lives().await, [lives; 4], "status {value}");
    }
}

/// Else three wrong passwords would switch off anybody's integrations.
#[tokio::test]
async fn tokens_of_a_locked_user_go_on() {
    let world = World::new().await;
    let limit = world
        .house
        .send_as(
            ADMIN,
            Method::POST,
            "/api/admin/limits/system/2",
            &[JSON],
            json!({ "value": 3 }).to_string(),
        )
        .await;
    assert!(limit.status.is_success() || limit.status == StatusCode::CONFLICT, "{limit:?}");
    let facts = world.house.facts().len();
    for _ in 0..3 {
        assert_eq!(world.house.get_as("ann:wrong", APPS).await.status, StatusCode::UNAUTHORIZED);
    }
    world.house.until(|house| house.facts()[facts..] == ["UserLocked"]).await;
    assert_eq!(world.house.get_as(&world.ann, APPS).await.status, StatusCode::UNAUTHORIZED, "his password");
    let grant = password_grant(&world.house, &world.client, "ann", PASSWORD).await;
    assert_eq!(refused(&grant), (BAD_REQUEST, "invalid_grant".to_owned()));
    assert_eq!(world.lives().await, [true; 4]);
}

#[tokio::test]
async fn tokens_go_on_when_the_password_has_expired_or_must_be_changed() {
    for (body, code) in [
        (json!({ "passwordStatus": 1, "passwordExpiration": "2026-11-20 11:00:00" }), 222_299_028),
        (json!({ "passwordStatus": 2 }), 222_299_029),
    ] {
        let world = World::new().await;
        world.puts(ADMIN, &world.ann_s("/passwordinfo"), body.clone(), &["UserPasswordSet"]).await;
        let basic = world.house.get_as(&world.ann, APPS).await;
        assert_eq!((basic.status, basic.code()), (StatusCode::UNAUTHORIZED, code));
        let grant = password_grant(&world.house, &world.client, "ann", PASSWORD).await;
        assert_eq!(refused(&grant), (BAD_REQUEST, "invalid_grant".to_owned()), "{body}");
        assert_eq!(world.lives().await, [true; 4], "{body}");
    }
}

#[tokio::test]
async fn a_permission_that_is_taken_away_is_seen_at_the_next_use() {
    let world = World::new().await;
    let app = world.house.app(&world.ann, "app", None).await.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("{APPS}/{app}");
    assert_eq!(world.house.get_by(&world.consented, &path).await.status, StatusCode::OK);
    let roles = world.house.get_as(ADMIN, &world.ann_s("/permissions")).await.json()["roles"].clone();
    let body = json!({ "roles": roles, "permissions": [9] });
    world.puts(ADMIN, &world.ann_s("/permissions"), body, &["UserRolesSet"]).await;
    let refused = world.house.get_by(&world.consented, &path).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, 222_208_103));
    assert_eq!(world.lives().await, [true; 4], "28 was what this needed, and nothing else");
}

#[tokio::test]
async fn a_share_that_ended_is_seen_at_the_next_use() {
    let world = World::new().await;
    let bob = {
        let role = world.house.get_as(ADMIN, &world.ann_s("/permissions")).await.json()["roles"][0].as_u64();
        world.house.user("bob", world.tenant, &[role.expect("a role")], &[]).await
    };
    let body = json!({ "name": "s", "dataStore": 1, "options": {} });
    let source = world.house.post_as(&bob, "/api/mgmt/datasources", &body).await.json()["id"].clone();
    let path = format!("/api/mgmt/datasources/{}", source.as_str().expect("an id"));
    let ann = world.house.user_id(&world.ann);
    let shared = json!({ "sharedUsers": [{ "userId": ann.0, "permissions": [2] }] });
    let answer = world.house.post_as(&bob, &format!("{path}/sharedUsers"), &shared).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(world.house.get_by(&world.consented, &path).await.status, StatusCode::OK);
    let share = format!("{path}/sharedUsers/{ann}");
    world.does(&bob, Method::DELETE, &share, Value::Null, &["DataSourceUnshared"]).await;
    assert_eq!(world.house.get_by(&world.consented, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn other_redirect_urls_end_nothing() {
    let world = World::new().await;
    let path = format!("{CLIENTS}/{}", world.client.id);
    let mut body = world.house.get_as(&world.oscar, &path).await.json();
    body["redirectUrls"] = json!(["https://elsewhere.example/cb"]);
    world.puts(&world.oscar, &path, body, &["ClientApplicationUpdated"]).await;
    assert_eq!(world.lives().await, [true; 4]);
}

/// Expiry is arithmetic and no event.
#[tokio::test]
async fn time_ends_an_access_token_and_a_refresh_token_goes_on() {
    let world = World::new().await;
    world.house.clock.advance(Duration::from_secs(3_599));
    assert!(world.house.is_active(&world.resource, &world.consented.access).await);
    let before = world.house.ledger.size();
    world.house.clock.advance(Duration::from_secs(1));
    assert!(!world.house.is_active(&world.resource, &world.consented.access).await);
    let answer = world.house.get_by(&world.consented, APPS).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 222_299_052));
    assert_eq!(world.house.ledger.size(), before);
    let later = Given::of(&world.house.refresh(&world.client, &world.consented).await);
    assert_eq!(world.house.get_by(&later, APPS).await.status, StatusCode::OK);
}

/// SECURITY L12: one wrong password by each way, and the account is locked for all of them.
#[tokio::test]
async fn l12_one_counter_counts_basic_the_login_page_and_the_password_grant() {
    let world = World::new().await;
    let facts = world.house.facts().len();
    assert_eq!(world.house.get_as("ann:wrong", APPS).await.status, StatusCode::UNAUTHORIZED);
    let mut browser = Browser::new(&world.house);
    assert_eq!(browser.log_in("/login", "ann:wrong").await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.house.facts().len(), facts, "two are not enough");
    let third = password_grant(&world.house, &world.client, "ann", "wrong").await;
    assert_eq!(refused(&third), (BAD_REQUEST, "invalid_grant".to_owned()));
    world.house.until(|house| house.facts()[facts..] == ["UserLocked"]).await;
    assert_eq!(world.house.get_as(&world.ann, APPS).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.log_in("/login", &world.ann).await.status, StatusCode::FORBIDDEN);
    let right = password_grant(&world.house, &world.client, "ann", PASSWORD).await;
    assert_eq!((right.status, right.body), (third.status, third.body), "the same as for a wrong one");
}
