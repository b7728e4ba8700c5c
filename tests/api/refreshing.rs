//! Codes and refresh tokens from outside (SECURITY 11, 12, 17, 18, 19b, 20, 21; TOKENS section 2).

use std::time::Duration;

use authledger::clock::Clock;
use authledger::config::Config;
use authledger::oauth::token::{AccessToken, RefreshToken};
use authledger::vault::entries;
use axum::http::StatusCode;
use events::scope::Scope;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::house::{ADMIN, Answer, House};
use super::tokens::{Given, REVOKE, Registered, TOKEN};

fn house() -> House {
    House::new(Config::default())
}

async fn rotating(house: &House, more: Value) -> Registered {
    let mut all = json!({ "refreshRotation": "always", "scopes": ["api.access.odata", "api.mgmt"] });
    all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    house.client("rotating", all).await
}

fn is_invalid_grant(answer: &Answer) -> bool {
    answer.status == StatusCode::BAD_REQUEST && answer.json()["error"] == "invalid_grant"
}

async fn redeem(house: &House, client: &Registered, code: &str) -> Answer {
    house.form(client, TOKEN, &[("grant_type", "authorization_code"), ("code", code)]).await
}

async fn refresh(house: &House, client: &Registered, token: &str) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    house.form(client, TOKEN, &fields).await
}

/// The facts after the first so many, without those that only number sets of scopes.
fn facts_after(house: &House, before: usize) -> Vec<String> {
    house.facts()[before..].iter().filter(|fact| *fact != "ScopeSetDefined").cloned().collect()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[tokio::test]
async fn s11_a_code_is_good_once_within_a_minute_and_for_its_client() {
    let house = house();
    let (client, other) = (house.client("one", json!({})).await, house.client("two", json!({})).await);
    for (wait, good) in [(59, true), (60, false)] {
        let code = house.code(&client, ADMIN, &[Scope::OData]).await;
        assert!(is_invalid_grant(&redeem(&house, &other, &code).await), "another client's");
        house.clock.advance(secs(wait));
        let answer = redeem(&house, &client, &code).await;
        assert_eq!((answer.status == StatusCode::OK, is_invalid_grant(&answer)), (good, !good), "{wait} s");
    }
}

#[tokio::test]
async fn s12_of_parallel_redemptions_one_gets_tokens_and_the_others_end_them() {
    let house = house();
    let client = house.client("client", json!({})).await;
    let code = house.code(&client, ADMIN, &[Scope::OData]).await;
    let before = house.facts().len();
    let answers = join_all((0..8).map(|_| redeem(&house, &client, &code))).await;
    let given: Vec<&Answer> = answers.iter().filter(|answer| answer.status == StatusCode::OK).collect();
    let [given] = given[..] else { panic!("{answers:?}") };
    assert_eq!(answers.iter().filter(|answer| is_invalid_grant(answer)).count(), 7);
    let given = Given::of(given);
    assert!(!house.is_active(&client, &given.access).await);
    assert!(is_invalid_grant(&house.refresh(&client, &given).await));
    assert_eq!(facts_after(&house, before), ["AuthorizationCodeRedeemed", "AuthorizationCodeReplayDetected"]);
}

#[tokio::test]
async fn s17_s34_the_disk_holds_tokens_as_hashes_only() {
    let house = house();
    let client = rotating(&house, json!({})).await;
    let code = house.code(&client, ADMIN, &[Scope::OData]).await;
    let first = Given::of(&redeem(&house, &client, &code).await);
    let second = Given::of(&house.refresh(&client, &first).await);
    let on_disk = house.bytes_on_disk();
    let holds = |needle: &[u8]| on_disk.windows(needle.len()).any(|window| window == needle);
    let refresh_tokens = [&first, &second].map(|given| given.refresh.clone().expect("a refresh token"));
    for text in refresh_tokens.iter().chain([&first.access, &second.access, &code]) {
        assert!(!holds(text.as_bytes()), "{}", &text[..5]);
    }
    for text in &refresh_tokens {
        let token = RefreshToken::parse(text).expect("one of ours");
        assert!(!holds(token.secret.expose()) && !holds(&token.tag));
        assert!(holds(&token.hash().0), "this looks where it should");
    }
    let access = AccessToken::parse(&second.access).expect("one of ours");
    assert!(holds(&access.hash().0));
}

#[tokio::test]
async fn s18_reuse_of_a_superseded_token_ends_the_family_for_thief_and_owner() {
    let house = house();
    for public in [true, false] {
        let client = if public {
            house.client("public", json!({ "type": "public" })).await
        } else {
            rotating(&house, json!({})).await
        };
        let first = house.tokens(&client, ADMIN, &[Scope::OData]).await;
        let second = Given::of(&house.refresh(&client, &first).await);
        let third = Given::of(&house.refresh(&client, &second).await);
        assert_ne!(second.refresh, first.refresh);
        let before = house.facts().len();
        for stolen in [&first, &first, &third] {
            assert!(is_invalid_grant(&house.refresh(&client, stolen).await), "public: {public}");
        }
        assert_eq!(facts_after(&house, before), ["RefreshTokenReuseDetected"]);
        // Asked of whom introspection answers; a public client shows it by its own refusals alone.
        if !public {
            assert!(!house.is_active(&client, &third.access).await);
        }
    }
}

#[tokio::test]
async fn s19b_a_lost_answer_is_given_again_word_by_word() {
    let house = house();
    let client = rotating(&house, json!({})).await;
    let first = house.tokens(&client, ADMIN, &[Scope::OData]).await;
    let token = first.refresh.as_deref().expect("a refresh token");
    // The last second of a day, and half a minute into the next: another day's key derives then.
    house.clock.advance(secs(12 * 3_600 - 1));
    let answered = refresh(&house, &client, token).await.json();
    let before = house.facts().len();
    house.clock.advance(secs(31));
    let mut expected = answered.clone();
    expected["expires_in"] = json!(3_600 - 31);
    assert_eq!(refresh(&house, &client, token).await.json(), expected);
    house.clock.advance(secs(28));
    expected["expires_in"] = json!(3_600 - 59);
    assert_eq!(refresh(&house, &client, token).await.json(), expected);
    // For something else it is no repetition, and no theft either.
    let narrower = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", "api.mgmt")];
    let answer = house.form(&client, TOKEN, &narrower).await;
    assert_eq!(answer.json()["error"], "invalid_scope");
    assert_eq!(facts_after(&house, before), [""; 0]);
    house.clock.advance(secs(1));
    assert!(is_invalid_grant(&refresh(&house, &client, token).await), "a minute is over");
    assert_eq!(facts_after(&house, before), ["RefreshTokenReuseDetected"]);
}

#[tokio::test]
async fn s19b_how_long_an_answer_is_given_again_the_registration_says() {
    let house = house();
    let client = rotating(&house, json!({ "refreshRetrySeconds": 0 })).await;
    let first = house.tokens(&client, ADMIN, &[Scope::OData]).await;
    let second = Given::of(&house.refresh(&client, &first).await);
    assert!(is_invalid_grant(&house.refresh(&client, &first).await));
    assert!(is_invalid_grant(&house.refresh(&client, &second).await), "that was a reuse");
}

#[tokio::test]
async fn s19b_the_key_that_derives_answers_is_gone_when_none_can_be_asked_for_again() {
    let house = house();
    let client = rotating(&house, json!({})).await;
    let first = house.tokens(&client, ADMIN, &[Scope::OData]).await;
    let epoch = house.app.vault().token_epoch(house.clock.now());
    assert!(house.entry(&entries::token_epoch(epoch)).is_none(), "nothing was derived yet");
    let second = Given::of(&house.refresh(&client, &first).await);
    assert!(house.entry(&entries::token_epoch(epoch)).is_some());
    // Noon, half a day, ten minutes, a second; then anything that is recorded.
    house.clock.advance(secs(12 * 3_600 + 600));
    house.app(ADMIN, "one", None).await;
    assert!(house.entry(&entries::token_epoch(epoch)).is_some());
    house.clock.advance(secs(1));
    house.app(ADMIN, "two", None).await;
    assert!(house.entry(&entries::token_epoch(epoch)).is_none());
    assert!(house.app.vault().token_epoch_key(epoch).is_none(), "nor does memory have it");
    Given::of(&house.refresh(&client, &second).await);
}

#[tokio::test]
async fn s20_parallel_uses_of_one_token_are_one_event_and_equal_answers() {
    let house = house();
    let client = rotating(&house, json!({})).await;
    let first = house.tokens(&client, ADMIN, &[Scope::OData]).await;
    let before = house.facts().len();
    let answers = join_all((0..16).map(|_| house.refresh(&client, &first))).await;
    let bodies: Vec<Value> = answers.iter().map(Answer::json).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0] && body["access_token"].is_string()), "{bodies:?}");
    assert_eq!(facts_after(&house, before), ["RefreshTokenRotated"]);
}

#[tokio::test]
async fn s20_a_refresh_is_before_or_after_a_revocation_and_nothing_lives_after_both() {
    let house = house();
    let client = rotating(&house, json!({})).await;
    for _ in 0..8 {
        let given = house.tokens(&client, ADMIN, &[Scope::OData]).await;
        let token = given.refresh.clone().expect("a refresh token");
        let fields = [("token", token.as_str())];
        let (refreshed, revoked, again) = tokio::join!(
            house.refresh(&client, &given),
            house.form(&client, REVOKE, &fields),
            house.refresh(&client, &given),
        );
        assert_eq!(revoked.status, StatusCode::OK);
        for answer in [&refreshed, &again] {
            if answer.status == StatusCode::OK {
                assert!(!house.is_active(&client, &Given::of(answer).access).await);
                assert!(is_invalid_grant(&house.refresh(&client, &Given::of(answer)).await));
            } else {
                assert!(is_invalid_grant(answer));
            }
        }
        assert!(!house.is_active(&client, &given.access).await);
    }
}

#[tokio::test]
async fn s21_scopes_never_widen_and_a_refresh_token_is_its_clients() {
    let house = house();
    let client = rotating(&house, json!({ "scopes": ["api.access.odata", "api.mgmt", "api.audit"] })).await;
    let other = house.client("other", json!({})).await;
    let given = house.tokens(&client, ADMIN, &[Scope::OData, Scope::Mgmt]).await;
    assert!(is_invalid_grant(&house.refresh(&other, &given).await));
    let token = given.refresh.clone().expect("a refresh token");
    for wider in ["api.audit", "api.access.odata api.audit", "api.access.odata api.mgmt api.audit", "openid"]
    {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", wider)];
        let answer = house.form(&client, TOKEN, &fields).await;
        assert_eq!(answer.json()["error"], "invalid_scope", "{wider}");
    }
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", "api.mgmt")];
    let narrower = house.form(&client, TOKEN, &fields).await;
    assert_eq!(narrower.json()["scope"], "api.mgmt");
    let all = house.refresh(&client, &Given::of(&narrower)).await;
    assert_eq!(all.json()["scope"], "api.access.odata api.mgmt", "what was consented to, and no more");
}

#[tokio::test]
async fn s21_a_refresh_token_ends_when_it_is_not_used_or_old() {
    let house = house();
    let lifetime = json!({ "refreshTokenLifetime": { "idle": 1_000, "absolute": 2_500 } });
    for rotation in ["never", "always"] {
        let mut more = lifetime.clone();
        more["refreshRotation"] = json!(rotation);
        let client = house.client(rotation, more).await;
        let idle = house.tokens(&client, ADMIN, &[Scope::OData]).await;
        let mut used = house.tokens(&client, ADMIN, &[Scope::OData]).await;
        for _ in 0..2 {
            house.clock.advance(secs(999));
            used = Given::of(&house.refresh(&client, &used).await);
        }
        assert!(is_invalid_grant(&house.refresh(&client, &idle).await), "{rotation}: not used");
        house.clock.advance(secs(501));
        Given::of(&house.refresh(&client, &used).await);
        used = Given::of(&house.refresh(&client, &used).await);
        house.clock.advance(secs(1));
        let before = house.facts().len();
        assert!(is_invalid_grant(&house.refresh(&client, &used).await), "{rotation}: old");
        assert_eq!(house.facts().len(), before);
    }
}
