//! The authorization endpoint: what is asked, of whom, and where the answer goes (SECURITY 1 to 10; TOKENS sections 3 and 4).

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::browser::{
    AUTHORIZE, Browser, CALLBACK, CLIENTS, Client, form, led_back, location, parameter, text,
};
use super::house::{ADMIN, House, JSON, basic};

const CHALLENGE: &str =
    "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
const ISSUER: &str = "http://127.0.0.1:8080";
const FORM: &str = "content-type: application/x-www-form-urlencoded";

fn house() -> House {
    House::new(Config::default())
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The facts after the first `before`.
fn since(house: &House, before: usize) -> Vec<String> {
    house.facts().split_off(before)
}

#[tokio::test]
async fn s07_a_user_signs_in_consents_and_the_application_gets_a_code_its_state_and_who_we_are() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    let link = client.link("state=a%20b%26c&scope=api.access.odata");
    let before = house.facts().len();
    let page = browser.come(&link, &ann).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(house.facts().len(), before, "a login and a page are no events");
    let said = text(&page);
    for expected in ["Reports", "app.example", "Allow data access via OData", "ann", "by", "d2cadmin"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let allowed = browser.decide(&page, "allow").await;
    let answer = led_back(&allowed, CALLBACK);
    let code = &answer[0].1;
    assert!(code.starts_with("alac_") && code.len() == 54, "{code}");
    assert_eq!(answer[1..], pairs(&[("state", "a b&c"), ("iss", ISSUER)]));
    let facts = since(&house, before);
    assert_eq!(facts, ["ScopeSetDefined", "GrantAllowed", "AuthorizationCodeIssued"]);

    // The next time nobody asks him.
    let remembered = browser.get(&link).await;
    assert_ne!(parameter(&remembered, "code").as_ref(), Some(code));
    assert_eq!(since(&house, before + 3), ["AuthorizationCodeIssued"]);
}

#[tokio::test]
async fn s07_a_denial_leads_back_with_hdps_sentence_and_is_recorded() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    let page = browser.come(&client.link("state=s"), &ann).await;
    let before = house.facts().len();
    let denied = browser.decide(&page, "deny").await;
    let expected = [
        ("error", "access_denied"),
        ("error_description", "User denied OAuth access"),
        ("state", "s"),
        ("iss", ISSUER),
    ];
    assert_eq!(led_back(&denied, CALLBACK), pairs(&expected));
    assert_eq!(since(&house, before), ["GrantDenied"]);
    // It is no answer to the next time.
    assert_eq!(browser.get(&client.link("")).await.status, StatusCode::OK);
}

/// TOKENS section 4: a union of scopes, of which only new ones are asked.
#[tokio::test]
async fn s21_only_what_is_new_is_asked_and_what_was_allowed_stays() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let scopes = json!({ "scopes": ["api.access.odata", "api.mgmt", "api.audit"] });
    let client = Client::of(&house, ADMIN, "Reports", scopes).await;
    let mut browser = Browser::new(&house);
    let page = browser.come(&client.link("scope=api.access.odata"), &ann).await;
    browser.decide(&page, "allow").await;
    let page = browser.get(&client.link("scope=api.access.odata%20api.mgmt")).await;
    let said = text(&page);
    let (asked, allowed) = said.split_once("Allowed before").expect("both");
    assert!(asked.contains("Allow managing what is yours") && !asked.contains("OData"), "{said}");
    assert!(allowed.contains("Allow data access via OData"), "{said}");
    browser.decide(&page, "allow").await;
    for scope in ["api.access.odata", "api.mgmt", "api.mgmt%20odata"] {
        let answer = browser.get(&client.link(&format!("scope={scope}"))).await;
        assert!(parameter(&answer, "code").is_some(), "{scope}");
    }
    let page = browser.get(&client.link("scope=api.audit")).await;
    assert!(text(&page).contains("Allow reading the history"));
}

#[tokio::test]
async fn s03_a_bad_client_or_redirect_is_shown_and_never_sent_on() {
    let house = house();
    let (a, roles) = house.tenant("A").await;
    let ann = house.user("ann", 1, &[2], &[]).await;
    let bob = house.user("bob", a, &roles, &[]).await;
    let of_a = Client::of(&house, &bob, "A's", json!({})).await;
    let mut browser = Browser::new(&house);
    browser.log_in("/login", &ann).await;
    // One of another tenant, one that there never was, and none.
    let foreign = browser.get(&of_a.link("redirect_uri=https://app.example/cb")).await;
    let unknown = Client { id: 0, client_id: of_a.client_id.replace(|c: char| c.is_ascii_digit(), "0") };
    let unknown = browser.get(&unknown.link("redirect_uri=https://evil.example/")).await;
    assert_eq!((foreign.status, &foreign.body), (StatusCode::BAD_REQUEST, &unknown.body), "the same bytes");
    assert!(text(&unknown).contains("invalid_client"), "{}", text(&unknown));
    let none = browser.get("/oauth2/authorize?response_type=code").await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    for answer in [foreign, unknown, none] {
        assert_eq!(answer.header("location"), None);
        assert!(!text(&answer).contains("evil.example"));
    }
    // A wrong redirect is compared with the registered ones for who has to repair it.
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let wrong = browser.get(&client.link("redirect_uri=https://evil.example/%22%3E%3Cscript%3E")).await;
    assert_eq!((wrong.status, wrong.header("location")), (StatusCode::BAD_REQUEST, None));
    let said = text(&wrong);
    assert!(said.contains("https://evil.example/&quot;&gt;&lt;script&gt;"), "{said}");
    assert!(said.contains(CALLBACK) && said.contains("invalid_request"), "{said}");
}

#[tokio::test]
async fn s01_the_redirect_is_the_registered_one_but_for_the_port_of_a_loopback_address() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let urls = json!({ "redirectUrls": [CALLBACK, "http://127.0.0.1/cb", "bedford.progresstest.com"] });
    let client = Client::of(&house, ADMIN, "Reports", urls).await;
    let mut browser = Browser::new(&house);
    let page = browser.come(&client.link("redirect_uri=https://app.example/cb"), &ann).await;
    browser.decide(&page, "allow").await;
    for good in ["https://app.example/cb", "http://127.0.0.1:51234/cb", "https://bedford.progresstest.com"] {
        let answer = browser.get(&client.link(&format!("redirect_uri={good}"))).await;
        assert!(led_back(&answer, good).iter().any(|(name, _)| name == "code"), "{good}");
    }
    for bad in [
        "https://app.example/cb/",
        "https://app.example/CB",
        "https://APP.example/cb",
        "https://app.example/cb?x=1",
        "https://app.example/cb%23",
        "https://app.example:443/cb",
        "https://user@app.example/cb",
        "https://app.example.evil.example/cb",
        "https://app.example/../cb",
        "https://*.example/cb",
        "app.example/cb",
        "http://app.example/cb",
        "http://localhost/cb",
        "http://localhost:51234/cb",
        "http://127.0.0.1:51234/cb/",
        "http://127.0.0.1:1@evil.example/cb",
        "https://127.0.0.1/cb",
        "javascript:alert(1)",
        "bedford.progresstest.com",
    ] {
        let answer = browser.get(&client.link(&format!("redirect_uri={bad}"))).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, None), "{bad}");
    }
    // Of several, one has to be named.
    let none = browser.get(&client.link("")).await;
    assert_eq!((none.status, none.header("location")), (StatusCode::BAD_REQUEST, None));
}

/// SECURITY 2: the other half, which addresses may be registered, is shown where they are.
#[tokio::test]
async fn s02_no_answer_goes_over_http_but_to_this_machine() {
    let house = house();
    for url in ["http://app.example/cb", "http://localhost/cb", "http://10.0.0.1/cb"] {
        let body = json!({ "name": "x", "redirectUrls": [url] });
        let answer = house.post_as(ADMIN, CLIENTS, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{url}");
    }
}

#[tokio::test]
async fn s04_any_response_type_but_code_is_an_error_that_the_application_is_told() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    browser.log_in("/login", &ann).await;
    browser.get("/login").await;
    let of = |tail: &str| format!("{AUTHORIZE}?client_id={}&state=s{tail}", client.client_id);
    browser.get(&of("&response_type=code")).await;
    for tail in ["token", "id_token", "code%20token", "code%20id_token", "none"] {
        let answer = browser.get(&of(&format!("&response_type={tail}"))).await;
        assert_eq!(parameter(&answer, "error").as_deref(), Some("unsupported_response_type"), "{tail}");
        assert_eq!(parameter(&answer, "iss").as_deref(), Some(ISSUER));
        assert_eq!(parameter(&answer, "state").as_deref(), Some("s"));
    }
    let answer = browser.get(&of("")).await;
    assert_eq!(parameter(&answer, "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn s05_plain_and_a_challenge_without_a_method_are_refused_and_a_public_client_needs_one() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let public = Client::of(&house, ADMIN, "Public", json!({ "type": "public" })).await;
    let required = Client::of(&house, ADMIN, "Required", json!({ "pkce": "required" })).await;
    let optional = Client::of(&house, ADMIN, "Optional", json!({})).await;
    let mut browser = Browser::new(&house);
    let page = browser.come(&public.link(CHALLENGE), &ann).await;
    assert!(parameter(&browser.decide(&page, "allow").await, "code").is_some());
    let challenge = CHALLENGE.split('&').next().expect("the first");
    let plain = format!("{challenge}&code_challenge_method=plain");
    for (client, tail) in [
        (&public, ""),
        (&required, ""),
        (&public, challenge),
        (&optional, challenge),
        (&optional, plain.as_str()),
        (&required, plain.as_str()),
        (&optional, "code_challenge=short&code_challenge_method=S256"),
    ] {
        let answer = browser.get(&client.link(tail)).await;
        assert_eq!(parameter(&answer, "error").as_deref(), Some("invalid_request"), "{tail}");
        assert!(parameter(&answer, "error_description").is_some());
    }
    // SECURITY C6: HDP's clients send none.
    assert_eq!(browser.get(&optional.link("")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn c6_the_servers_own_rule_asks_everybody_for_a_challenge() {
    let mut config = Config::default();
    config.oauth.require_pkce = true;
    let house = House::new(config);
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    browser.log_in("/login", ADMIN).await;
    browser.get("/login").await;
    browser.get(&client.link(CHALLENGE)).await;
    let without = browser.get(&client.link("")).await;
    assert_eq!(parameter(&without, "error").as_deref(), Some("invalid_request"));
    assert_eq!(browser.get(&client.link(CHALLENGE)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s08_what_follows_a_form_with_credentials_is_asked_for_by_get() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    let led = browser.log_in(&client.link("state=s"), &ann).await;
    assert_eq!(led.status, StatusCode::SEE_OTHER);
    assert!(location(&led).starts_with("/oauth2/authorize?"), "{}", location(&led));
    let page = browser.get(&location(&led)).await;
    let allowed = browser.decide(&page, "allow").await;
    assert_eq!(allowed.status, StatusCode::SEE_OTHER);
    for answer in [led, page, allowed] {
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

/// RFC 9700 section 2.1: no page of another site reads what this endpoint answers, whatever the CORS list says.
#[tokio::test]
async fn s08_there_is_no_cors_here_even_for_a_trusted_site() {
    let house = house();
    let body = json!({ "value": 1 });
    let set = house.post_as(ADMIN, "/api/admin/limits/system/5", &body).await;
    assert_eq!(set.status, StatusCode::CREATED, "{set:?}");
    for path in ["/api/mgmt/oauth2/authorize?client_id=x", "/oauth2/authorize?client_id=x", "/login"] {
        let headers = ["origin: https://friend.example"];
        let answer = house.send(Method::GET, path, &headers, Body::empty()).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
    let asks = ["origin: https://friend.example", "access-control-request-method: POST"];
    let preflight = house.send(Method::OPTIONS, "/api/mgmt/oauth2/authorize", &asks, Body::empty()).await;
    assert_eq!(preflight.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn s09_consent_needs_the_form_that_this_browser_was_shown() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client =
        Client::of(&house, ADMIN, "Reports", json!({ "scopes": ["api.access.odata", "api.mgmt"] })).await;
    let other = Client::of(&house, ADMIN, "Other", json!({})).await;
    let mut browser = Browser::new(&house);
    let page = browser.come(&client.link("state=s"), &ann).await;
    let (action, hidden) = form(&page, AUTHORIZE);
    let token = hidden[0].1.clone();
    let mut second = Browser::new(&house);
    let of_other = second.come(&other.link(""), &ann).await;
    let foreign_token = form(&of_other, AUTHORIZE).1[0].1.clone();
    let before = house.state();
    for (to, fields) in [
        (action.clone(), vec![("decision", "allow")]),
        (action.clone(), vec![("decision", "allow"), ("csrf", "")]),
        (action.clone(), vec![("decision", "allow"), ("csrf", foreign_token.as_str())]),
        (action.clone(), vec![("decision", "deny"), ("csrf", foreign_token.as_str())]),
        // The token of one request is not good for another.
        (other.link(""), vec![("decision", "allow"), ("csrf", token.as_str())]),
        (action.replace("state=s", "state=t"), vec![("decision", "allow"), ("csrf", token.as_str())]),
    ] {
        let answer = browser.post(&to, &fields).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::OK, None), "{fields:?}");
        assert!(text(&answer).contains("no longer valid"), "{}", text(&answer));
    }
    // A page of another site can't send it either, whatever it knows.
    for header in ["sec-fetch-site: cross-site", "sec-fetch-site: same-site", "origin: https://evil.example"]
    {
        browser.headers = vec![header];
        let answer = browser.post(&action, &[("decision", "allow"), ("csrf", token.as_str())]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::FORBIDDEN, None), "{header}");
    }
    assert_eq!(house.state(), before, "nothing was allowed");
    // As browsers send it from a page without a referrer.
    browser.headers = vec!["sec-fetch-site: same-origin", "origin: null"];
    assert!(parameter(&browser.decide(&page, "allow").await, "code").is_some());
}

#[tokio::test]
async fn s09_a_page_that_was_shown_before_the_registration_changed_allows_nothing() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    let page = browser.come(&client.link(""), &ann).await;
    // The request names no scope, so the registration says which: one more now.
    let body = json!({
        "name": "Reports", "redirectUrls": [CALLBACK], "scopes": ["api.access.odata", "api.mgmt"],
    });
    let path = format!("{CLIENTS}/{}", client.id);
    let put = house.send_as(ADMIN, Method::PUT, &path, &[JSON], body.to_string()).await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    let before = house.state();
    let again = browser.decide(&page, "allow").await;
    assert_eq!((again.status, house.state()), (StatusCode::OK, before));
    assert!(text(&again).contains("Allow managing what is yours"), "{}", text(&again));
    assert!(parameter(&browser.decide(&again, "allow").await, "code").is_some());
}

/// RFC 8252 section 8.6: any program on the device could be who asks.
#[tokio::test]
async fn s09_a_public_client_on_the_users_device_is_asked_for_every_time() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let urls = json!({
        "type": "public", "redirectUrls": ["http://127.0.0.1/cb", "com.example.app:/cb", CALLBACK],
    });
    let client = Client::of(&house, ADMIN, "Desktop", urls).await;
    let mut browser = Browser::new(&house);
    browser.log_in("/login", &ann).await;
    for (target, shown) in
        [("http://127.0.0.1:5123/cb", "127.0.0.1:5123"), ("com.example.app:/cb", "com.example.app:")]
    {
        let link = client.link(&format!("{CHALLENGE}&redirect_uri={target}"));
        for _ in 0..2 {
            let page = browser.get(&link).await;
            assert_eq!(page.status, StatusCode::OK);
            let said = text(&page);
            assert!(said.contains("any program there could call itself") && said.contains(shown), "{said}");
            let policy = page.header("content-security-policy").expect("a policy");
            let source =
                if target.starts_with("http:") { "http://127.0.0.1:5123" } else { "com.example.app:" };
            assert!(policy.ends_with(&format!("form-action 'self' {source}")), "{policy}");
            assert!(parameter(&browser.decide(&page, "allow").await, "code").is_some());
        }
    }
    // What the browser itself knows the owner of is remembered.
    let link = client.link(&format!("{CHALLENGE}&redirect_uri={CALLBACK}"));
    assert!(parameter(&browser.get(&link).await, "code").is_some());
}

#[tokio::test]
async fn s09_who_registered_it_is_named_as_far_as_the_user_may_know() {
    let house = house();
    let (a, roles) = house.tenant("A").await;
    let bob = house.user("bob", a, &roles, &[]).await;
    let cid = house.user("cid", a, &roles, &[]).await;
    let of_bob = Client::of(&house, &bob, "Bob's", json!({})).await;
    let of_system = Client::of(&house, ADMIN, "Everybody's", json!({})).await;
    for (user, client, said) in [
        (&bob, &of_bob, "you"),
        (&cid, &of_bob, "bob, a user of your tenant"),
        (&cid, &of_system, "the operators of this server"),
    ] {
        let mut browser = Browser::new(&house);
        let page = text(&browser.come(&client.link(""), user).await);
        assert!(page.contains(&format!("<dt>Registered by</dt><dd>{said}</dd>")), "{page}");
        assert!(!page.contains("d2cadmin"), "{page}");
    }
}

#[tokio::test]
async fn s10_a_parameter_that_stands_twice_is_refused_an_empty_one_is_none_an_unknown_one_nothing() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    for twice in
        ["scope=a&scope=b", "state=a&state=a", "client_id=x", "redirect_uri=a&redirect_uri=b", "x=1&x=2"]
    {
        let answer = browser.get(&client.link(twice)).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, None), "{twice}");
        assert!(text(&answer).contains("A parameter stands there twice."));
    }
    let page = browser.come(&client.link("scope=&state=&redirect_uri="), &ann).await;
    let allowed = browser.decide(&page, "allow").await;
    assert_eq!(parameter(&allowed, "state"), None);
    let odd =
        client.link("nonce=n&prompt=login&resource=http://127.0.0.1:8080&resource=http://127.0.0.1:8080");
    assert!(parameter(&browser.get(&odd).await, "code").is_some());
}

#[tokio::test]
async fn a_long_state_comes_back_as_it_was() {
    let house = house();
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    let state = "x-._~%25%3D%C3%A4".repeat(300);
    let page = browser.come(&client.link(&format!("state={state}")), ADMIN).await;
    let allowed = browser.decide(&page, "allow").await;
    assert_eq!(parameter(&allowed, "state"), Some("x-._~%=\u{e4}".repeat(300)));
}

#[tokio::test]
async fn s22a_a_resource_that_the_scopes_are_not_for_is_refused() {
    let house = house();
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    browser.log_in("/login", ADMIN).await;
    browser.get("/login").await;
    browser.get(&client.link("")).await;
    for (tail, error) in [
        ("resource=https://evil.example", "invalid_target"),
        ("scope=api.mgmt", "invalid_scope"),
        ("scope=openid", "invalid_scope"),
    ] {
        let answer = browser.get(&client.link(tail)).await;
        assert_eq!(parameter(&answer, "error").as_deref(), Some(error), "{tail}");
    }
}

/// SECURITY 36: a sentence for every error, the same whatever was sent.
#[tokio::test]
async fn s36_every_error_has_a_fixed_description() {
    let house = house();
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    browser.log_in("/login", ADMIN).await;
    browser.get("/login").await;
    browser.get(&client.link("")).await;
    let canary = "c4n4ry";
    for tail in [
        format!("scope={canary}"),
        format!("code_challenge={canary}"),
        format!("code_challenge={canary}&code_challenge_method=S256"),
        format!("resource={canary}"),
    ] {
        let answer = browser.get(&client.link(&tail)).await;
        let description = parameter(&answer, "error_description").expect("a sentence");
        assert!(!location(&answer).contains(canary) && description.ends_with('.'), "{description}");
    }
}

/// RFC 6749 section 3.1: the endpoint may be asked by POST. The cookie does not come with another site's form, so it is asked
/// for once more by GET, with what means something and no secret.
#[tokio::test]
async fn a_request_in_another_sites_form_is_led_on_to_get() {
    let house = house();
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let mut browser = Browser::new(&house);
    browser.headers = vec!["sec-fetch-site: cross-site", "origin: https://app.example"];
    let fields = [
        ("response_type", "code"),
        ("client_id", client.client_id.as_str()),
        ("client_secret", "s3cret"),
        ("state", "a b"),
    ];
    for path in [AUTHORIZE, "/api/mgmt/oauth2/authorize"] {
        let answer = browser.post(path, &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let expected = format!("{AUTHORIZE}?response_type=code&client_id={}&state=a+b", client.client_id);
        assert_eq!(location(&answer), expected);
    }
}

/// hdp-api 9.11, page 001's *Begin the authorization flow*.
#[tokio::test]
async fn c3_hdps_post_with_basic_credentials_counts_as_signed_in() {
    let house = house();
    let ann = house.user("ann", 1, &[2], &[]).await;
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let body = |more: &str| {
        format!(r#"{{"responseType": "code", "clientId": "{}", "state": "s"{more}}}"#, client.client_id)
    };
    let undecided = house.send_as(&ann, Method::POST, "/api/mgmt/oauth2/authorize", &[JSON], body("")).await;
    assert_eq!((undecided.status, undecided.header("set-cookie")), (StatusCode::OK, None));
    assert!(text(&undecided).contains("Reports"));
    let before = house.facts().len();
    for (path, facts) in [
        (AUTHORIZE, &["ScopeSetDefined", "GrantAllowed", "AuthorizationCodeIssued"][..]),
        ("/api/mgmt/oauth2/authorize", &["AuthorizationCodeIssued"]),
    ] {
        let before = house.facts().len();
        let decided = body(r#", "decision": "allow""#);
        let allowed = house.send_as(&ann, Method::POST, path, &[JSON], decided).await;
        assert_eq!(parameter(&allowed, "state").as_deref(), Some("s"));
        assert_eq!(since(&house, before), facts);
    }
    // Remembered, as a form, and no decision is needed.
    let sent = format!("response_type=code&client_id={}", client.client_id);
    let remembered = house.send_as(&ann, Method::POST, AUTHORIZE, &[FORM], sent.clone()).await;
    assert!(parameter(&remembered, "code").is_some());
    assert!(house.facts().len() > before);
    let denied = house.send_as(&ann, Method::POST, AUTHORIZE, &[FORM], format!("{sent}&decision=deny")).await;
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));

    // A program hears what is wrong as one.
    for (user, headers, body, status, error) in [
        ("ann:wrong", vec![FORM], sent.clone(), 401, "access_denied"),
        ("nobody:wrong", vec![FORM], sent.clone(), 401, "access_denied"),
        (ann.as_str(), vec![FORM], "response_type=code&client_id=x".to_owned(), 400, "invalid_client"),
        (
            ann.as_str(),
            vec![FORM],
            format!("{sent}&redirect_uri=https://evil.example"),
            400,
            "invalid_request",
        ),
        (ann.as_str(), vec![FORM], format!("{sent}&decision=maybe"), 400, "invalid_request"),
        (ann.as_str(), vec![FORM, "sec-fetch-site: cross-site"], sent.clone(), 403, "access_denied"),
        (ann.as_str(), vec!["content-type: text/plain"], sent.clone(), 400, "invalid_request"),
    ] {
        let answer = house.send_as(user, Method::POST, AUTHORIZE, &headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        assert_eq!(answer.json()["error"], error, "{answer:?}");
        assert!(answer.json()["error_description"].is_string());
    }
    // Only there: a GET with Basic credentials is a browser's that added what it has kept.
    let shown = house.send(Method::GET, &client.link(""), &[&basic(&ann)], Body::empty()).await;
    assert!(text(&shown).contains("Sign in"));
}

/// SECURITY L14, L10: before anybody is known there is a page to sign in, whatever is asked for, and nothing is recorded.
#[tokio::test]
async fn l14_a_stranger_sees_the_same_page_for_every_client_and_records_nothing() {
    let house = house();
    let client = Client::of(&house, ADMIN, "Reports", json!({})).await;
    let before = house.state();
    let mut known = Browser::new(&house);
    let page = text(&known.get(&client.link("")).await);
    assert!(page.contains("Sign in") && !page.contains("Reports"), "{page}");
    let unknown = Client { id: 0, client_id: "0".repeat(client.client_id.len()) };
    let other = known.get(&unknown.link("redirect_uri=https://evil.example")).await;
    assert_eq!(other.status, StatusCode::OK);
    let policy =
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
    assert_eq!(other.header("content-security-policy"), Some(policy));
    for path in [AUTHORIZE, "/api/mgmt/oauth2/authorize", "/login"] {
        let head = house.send(Method::HEAD, path, &[], Body::empty()).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
    }
    let fields = [("decision", "allow"), ("csrf", "x")];
    let answer = known.post(&client.link(""), &fields).await;
    assert!(text(&answer).contains("Sign in"));
    assert_eq!(house.state(), before);
}
