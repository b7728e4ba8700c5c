//! Pages of other sites (hdp-api 7.2): who may list them, what browsers are told, and SECURITY L15 with a list.

use authledger::commands::{
    Wish,
    limit::{Level, SetLimit},
};
use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::id::LimitId;
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, Answer, House, JSON, PASSWORD, app_body, basic};

const LIST: &str = "/api/admin/security/cors/whitelist";
const CROSS_SITE: u64 = 222_299_026;

async fn behave(house: &House, value: u64) {
    let new = house.ledger.read(|view| view.state.limits.rows.all().next().is_none());
    let wish = SetLimit { level: Level::System, limit: LimitId(5), value, new, expected: None };
    house.wish(Wish::SetLimit(wish)).await;
}

async fn listed(house: &House, domains: &[&str]) {
    let entries: Vec<Value> = domains.iter().map(|domain| json!({ "domain": domain })).collect();
    let made = house.post_as(ADMIN, LIST, &json!({ "whitelist": entries })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
}

async fn preflight(house: &House, path: &str, origin: &str) -> Answer {
    let origin = format!("origin: {origin}");
    let asks = [
        origin.as_str(),
        "access-control-request-method: PUT",
        "access-control-request-headers: authorization,content-type",
        "sec-fetch-site: cross-site",
        "sec-fetch-mode: cors",
    ];
    house.send(Method::OPTIONS, path, &asks, Body::empty()).await
}

fn shared_with(answer: &Answer) -> Option<&str> {
    // Whatever is shared is shared without the browser's own credentials.
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn whose_pages_may_call_is_behaviour_by_origin_by_method() {
    let listed_origins = ["https://app.example", "http://*.abc.com", "https://*.abc.com:8443"];
    // (origin, trusted by the list)
    let origins = [
        ("https://app.example", true),
        ("http://app.example", false),
        ("https://app.example:8443", false),
        ("https://x.app.example", false),
        ("http://x.abc.com", true),
        ("http://x.y.abc.com", true),
        ("https://x.abc.com:8443", true),
        ("https://x.abc.com", false),
        ("http://abc.com", false),
        ("http://evil-abc.com", false),
        ("http://x.abc.com.evil.com", false),
        ("http://x.abc.com:8080", false),
        ("https://evil.example", false),
        ("null", false),
    ];
    for behaviour in [None, Some(0), Some(1), Some(2)] {
        let house = House::new(Config::default());
        listed(&house, &listed_origins).await;
        if let Some(behaviour) = behaviour {
            behave(&house, behaviour).await;
        }
        for (origin, on_list) in origins {
            let trusted = behaviour == Some(1) || behaviour == Some(2) && on_list;
            let here = format!("{behaviour:?} {origin}");
            let before = house.argon2_runs();
            for path in [APPS, "/api/nothing/there", "/api/healthcheck"] {
                let asked = preflight(&house, path, origin).await;
                assert_eq!(asked.status == StatusCode::NO_CONTENT, trusted, "{here} {path}: {asked:?}");
                assert_eq!(shared_with(&asked), trusted.then_some(origin), "{here} {path}");
                assert_eq!(asked.header("access-control-max-age").is_some(), trusted, "{here}");
            }
            assert_eq!(house.argon2_runs(), before, "{here}");
            // What reads, is answered as ever; a page sees it only when it may.
            let (line, by) = (format!("origin: {origin}"), basic(ADMIN));
            let from = [line.as_str(), "sec-fetch-site: cross-site", &by];
            let read = house.send(Method::GET, APPS, &from, Body::empty()).await;
            assert_eq!(
                (read.status, shared_with(&read)),
                (StatusCode::OK, trusted.then_some(origin)),
                "{here}"
            );
            let vary = behaviour.is_some_and(|behaviour| behaviour > 0).then_some("Origin");
            assert_eq!(read.header("vary"), vary, "{here}");
            let exposed = "etag, location, ledger-sequence, x-request-id, retry-after";
            assert_eq!(read.header("access-control-expose-headers"), trusted.then_some(exposed), "{here}");
            // What changes, is done for a page that may, and not looked at for another.
            let name =
                format!("{:x}", origins.iter().position(|(other, _)| *other == origin).expect("it is"));
            let body = app_body(&format!("app{name}")).to_string();
            let from = [line.as_str(), "sec-fetch-site: cross-site", &by, JSON];
            let before = house.state();
            let written = house.send(Method::POST, APPS, &from, body).await;
            if trusted {
                assert_eq!(written.status, StatusCode::CREATED, "{here}");
                let id = written.json()["id"].as_str().expect("an id").to_owned();
                let gone = house.send(Method::DELETE, &format!("{APPS}/{id}"), &from, Body::empty()).await;
                assert_eq!((gone.status, shared_with(&gone)), (StatusCode::NO_CONTENT, Some(origin)));
            } else {
                assert_eq!((written.status, written.code()), (StatusCode::FORBIDDEN, CROSS_SITE), "{here}");
                assert_eq!(house.state(), before, "{here}");
            }
            assert_eq!(shared_with(&written), trusted.then_some(origin), "{here}");
        }
    }
}

#[tokio::test]
async fn a_trusted_page_reads_refusals_too_and_nothing_outside_api() {
    let house = House::new(Config::default());
    listed(&house, &["https://app.example"]).await;
    behave(&house, 2).await;
    let from = "origin: https://app.example";
    let (by, wrong) = (basic(ADMIN), basic("d2cadmin:wrong"));
    let long = format!("x-long: {}", "x".repeat(17 << 10));
    for (method, path, more, status) in [
        (Method::GET, APPS, vec![], 401),
        (Method::GET, APPS, vec![&*wrong], 401),
        (Method::GET, "/api/mgmt/oauthapps/99", vec![&*by], 404),
        (Method::GET, "/api/nothing", vec![&*by], 404),
        (Method::DELETE, APPS, vec![&*by], 405),
        (Method::PUT, "/api/mgmt/oauthapps/99", vec![&*by], 404),
        (Method::POST, APPS, vec![&*by, "content-type: text/plain", "idempotency-key: k"], 415),
        (Method::GET, APPS, vec![&*by, &long], 431),
        (Method::GET, "/api/healthcheck", vec![], 200),
        (Method::GET, "/api/openapi.json", vec![], 200),
    ] {
        let mut headers = more;
        headers.push(from);
        let answer = house.send(method.clone(), path, &headers, Body::empty()).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        assert_eq!(shared_with(&answer), Some("https://app.example"), "{method} {path}");
    }
    for path in ["/metrics", "/livez", "/nowhere"] {
        let answer = house.send(Method::GET, path, &[from, &by], Body::empty()).await;
        assert_eq!((shared_with(&answer), answer.header("vary")), (None, None), "{path}");
        let asked = preflight(&house, path, "https://app.example").await;
        assert!(asked.status.is_client_error() && shared_with(&asked).is_none(), "{path}");
    }
    // A cache that keeps what answers anybody must not give one page's answer to another.
    assert_eq!(house.get("/api/openapi.json").await.header("vary"), Some("Origin"));
}

/// SECURITY L10: the one thing below `/api` that is answered without credentials wherever it is asked.
#[tokio::test]
async fn l10_a_preflight_needs_no_credentials_and_reaches_no_handler() {
    let house = House::new(Config::default());
    listed(&house, &["https://app.example"]).await;
    behave(&house, 2).await;
    let before = (house.state(), house.argon2_runs());
    let first = preflight(&house, APPS, "https://app.example").await;
    for path in [
        APPS,
        "/api/mgmt/oauthapps/1",
        "/api/admin/users/%ff",
        "/api",
        "/api/nothing",
        "/api/operate/snapshots",
    ] {
        let asked = preflight(&house, path, "https://app.example").await;
        assert_eq!((asked.status, asked.body.len()), (StatusCode::NO_CONTENT, 0), "{path}");
        for (name, value) in [
            ("access-control-allow-origin", "https://app.example"),
            ("access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE"),
            (
                "access-control-allow-headers",
                "authorization, content-type, if-match, if-none-match, idempotency-key, ledger-min-sequence",
            ),
            ("access-control-max-age", "600"),
            ("vary", "Origin"),
        ] {
            assert_eq!(asked.header(name), Some(value), "{path}");
        }
        // Nobody learns from it which addresses there are.
        assert_eq!(asked.headers.len(), first.headers.len(), "{path}");
    }
    assert_eq!((house.state(), house.argon2_runs()), before);
    // OPTIONS that is no preflight is asked for credentials like everything else.
    for headers in [
        &["origin: https://app.example"][..],
        &["access-control-request-method: PUT"],
        &["origin: https://evil.example", "access-control-request-method: PUT"],
        &["origin: https://app.example", "origin: https://app.example", "access-control-request-method: PUT"],
    ] {
        let answer = house.send(Method::OPTIONS, APPS, headers, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
}

/// SECURITY L15. A browser sends these without asking, and may add the password that it has kept.
#[tokio::test]
async fn l15_a_trusted_page_changes_nothing_without_a_preflight() {
    let house = House::new(Config::default());
    behave(&house, 1).await;
    let (by, from) = (basic(ADMIN), "origin: https://any.example");
    let snapshots = "/api/operate/snapshots";
    for more in [&[][..], &["content-type: text/plain"], &["content-type: application/x-www-form-urlencoded"]]
    {
        let mut headers = vec![by.as_str(), from, "sec-fetch-site: cross-site"];
        headers.extend(more);
        let before = house.state();
        let answer = house.send(Method::POST, snapshots, &headers, Body::empty()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, CROSS_SITE), "{more:?}");
        assert_eq!(house.state(), before);
    }
    let headers = [by.as_str(), from, "sec-fetch-site: cross-site", "idempotency-key: k"];
    let answer = house.send(Method::POST, snapshots, &headers, Body::empty()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    // An image or a form names no origin that could be trusted.
    let bare = [by.as_str(), "sec-fetch-site: cross-site", JSON];
    let answer = house.send(Method::POST, APPS, &bare, app_body("x").to_string()).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, CROSS_SITE));
}

/// SECURITY L15 and hdp-api 9.13.
#[tokio::test]
async fn l15_secrets_are_revealed_to_trusted_pages_only() {
    let house = House::new(Config::default());
    house.app(ADMIN, "app", None).await;
    listed(&house, &["https://app.example"]).await;
    behave(&house, 2).await;
    let (by, path) = (basic(ADMIN), "/api/mgmt/oauthapps/1");
    let other = [by.as_str(), "origin: https://evil.example"];
    let refused = house.send(Method::GET, path, &other, Body::empty()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, 222_299_026));
    let trusted = [by.as_str(), "origin: https://app.example", "sec-fetch-site: cross-site"];
    let shown = house.send(Method::GET, path, &trusted, Body::empty()).await;
    assert_eq!(shown.json()["clientSecret"], app_body("app")["clientSecret"]);
}

#[tokio::test]
async fn the_list_is_kept_as_hdp_shows_it() {
    let house = House::new(Config::default());
    let empty = house.get_as(ADMIN, LIST).await;
    assert_eq!(empty.json(), json!({ "whitelist": [] }));
    // HDP's own sample.
    let sent = json!({ "whitelist": [
        { "domain": "http://*.abc.com", "description": "The ABC group domain" }, { "domain": "HTTPS://App.Example:443" },
    ] });
    let key = "idempotency-key: once";
    let made = house.send_as(ADMIN, Method::POST, LIST, &[JSON, key], sent.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let at = "2026-11-20T12:00:00.000000Z";
    let first = json!({
        "id": 1, "domain": "http://*.abc.com", "description": "The ABC group domain",
        "lastModifiedBy": "d2cadmin", "lastModifiedTime": at,
    });
    let second = json!({ "id": 2, "domain": "https://app.example", "lastModifiedBy": "d2cadmin", "lastModifiedTime": at });
    assert_eq!(made.json(), json!({ "lastModifiedTime": at, "whitelist": [first, second] }));
    assert_eq!(made.header("location"), Some("http://127.0.0.1:8080/api/admin/security/cors/whitelist"));
    let again = house.send_as(ADMIN, Method::POST, LIST, &[JSON, key], sent.to_string()).await;
    assert_eq!((again.status, again.body), (made.status, made.body.clone()));
    assert_eq!(house.get_as(ADMIN, LIST).await.json(), made.json());
    let one = format!("{LIST}/1");
    let shown = house.get_as(ADMIN, &one).await;
    assert_eq!(shown.json(), first);

    house.clock.advance(std::time::Duration::from_mins(1));
    let tag = format!("if-match: {}", shown.header("etag").expect("a tag"));
    // What a GET answered can be sent back, and repeated under its key.
    for _ in 0..2 {
        let headers = [JSON, &tag, "idempotency-key: put"];
        let put = house.send_as(ADMIN, Method::PUT, &one, &headers, shown.body.clone()).await;
        assert_eq!(
            (put.status, put.json()["domain"].clone()),
            (StatusCode::CREATED, json!("http://*.abc.com"))
        );
        assert_eq!(put.header("location"), Some(format!("http://127.0.0.1:8080{one}").as_str()));
        assert_eq!(put.json()["lastModifiedTime"], json!("2026-11-20T12:01:00.000000Z"));
    }
    let late = house.send_as(ADMIN, Method::PUT, &one, &[JSON, &tag], shown.body.clone()).await;
    assert_eq!((late.status, late.code()), (StatusCode::PRECONDITION_FAILED, 222_299_013));
    // Left out is cleared.
    let body = json!({ "domain": "http://*.test.com" }).to_string();
    let put = house.send_as(ADMIN, Method::PUT, &one, &[JSON], body).await;
    assert_eq!(put.json().get("description"), None);

    for (method, path, body) in [
        (Method::POST, LIST, json!({ "whitelist": [{ "domain": "https://APP.example" }] })),
        (
            Method::POST,
            LIST,
            json!({ "whitelist": [{ "domain": "https://n.example" }, { "domain": "https://N.example:443" }] }),
        ),
        (Method::PUT, &one, json!({ "domain": "https://app.example" })),
    ] {
        let before = house.state();
        let taken = house.send_as(ADMIN, method, path, &[JSON], body.to_string()).await;
        assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, 222_299_011), "{body}");
        assert_eq!(house.state(), before);
    }
    for domain in [
        "abc.com",
        "*.progress.com",
        "https://progress.abc.*.com",
        "https://abc.com/page",
        "ftp://abc.com",
        "",
    ] {
        let bad = house.post_as(ADMIN, LIST, &json!({ "whitelist": [{ "domain": domain }] })).await;
        assert_eq!((bad.status, bad.code()), (StatusCode::BAD_REQUEST, 222_299_004), "{domain}");
    }
    let gone = house.send_as(ADMIN, Method::DELETE, &one, &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let missing = house.get_as(ADMIN, &one).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, 222_299_040));
    // No place is given twice, and the list knows that something was taken off it.
    listed(&house, &["https://third.example"]).await;
    let list = house.get_as(ADMIN, LIST).await.json();
    let ids: Vec<&Value> = list["whitelist"].as_array().expect("rows").iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, [&json!(2), &json!(3)]);
    let page = house.get_as(ADMIN, &format!("{LIST}?limit=1")).await.json();
    assert_eq!((&page["next"], page["whitelist"][0]["id"].clone()), (&json!(2), json!(2)));
}

#[tokio::test]
async fn the_list_takes_23_and_access_on_the_system_tenant_or_12() {
    let house = House::new(Config::default());
    house.user("keeper", 1, &[2], &[23]).await;
    let keeper = format!("keeper:{PASSWORD}");
    let id = house.ledger.read(|view| *view.state.users.rows.all().last().expect("he").0);
    assert_eq!(house.get_as(&keeper, LIST).await.status, StatusCode::FORBIDDEN);
    let access = authledger::commands::tenant::SetTenantAdministrators {
        id: events::id::SYSTEM_TENANT,
        administrators: [events::id::UserId(1), id].into_iter().collect(),
        expected: None,
    };
    house.wish(Wish::SetTenantAdministrators(access)).await;
    let made =
        house.post_as(&keeper, LIST, &json!({ "whitelist": [{ "domain": "https://one.example" }] })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.json()["whitelist"][0]["lastModifiedBy"], json!("keeper"));
    let gone = house.send_as(&keeper, Method::DELETE, &format!("{LIST}/1"), &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

/// A page that is a client application asks for its tokens itself; people are asked on our pages alone (RFC 9700 section 2.1).
#[tokio::test]
async fn s08_a_trusted_page_may_ask_for_tokens_and_never_for_consent() {
    let house = House::new(Config::default());
    behave(&house, 2).await;
    listed(&house, &["https://app.example"]).await;
    let tokens = ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/api/mgmt/oauth2/token"];
    for path in tokens.into_iter().chain(["/.well-known/oauth-authorization-server"]) {
        let asked = preflight(&house, path, "https://app.example").await;
        assert_eq!(
            (asked.status, shared_with(&asked)),
            (StatusCode::NO_CONTENT, Some("https://app.example")),
            "{path}"
        );
        let other = preflight(&house, path, "https://other.example").await;
        assert_eq!(shared_with(&other), None, "{path}");
    }
    let headers = ["content-type: application/x-www-form-urlencoded", "origin: https://app.example"];
    let refused = house.send(Method::POST, "/oauth2/token", &headers, "a=b").await;
    assert_eq!(shared_with(&refused), Some("https://app.example"), "a refusal, too");
    for path in ["/oauth2/authorize", "/api/mgmt/oauth2/authorize", "/login", "/logout"] {
        let asked = preflight(&house, path, "https://app.example").await;
        assert_ne!(asked.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(shared_with(&asked), None, "{path}");
    }
}
