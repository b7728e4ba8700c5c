//! The OpenAPI document itself; that answers are as it says is looked at with every answer (`document.rs`).

use std::collections::BTreeSet;

use authledger::api::codes;
use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::id::RoleId;
use serde_json::Value;

use super::house::{ADMIN, House};

fn house() -> House {
    House::new(Config::default())
}

/// A path of the document as somebody would ask it.
fn address(path: &str) -> String {
    let mut address = path.to_owned();
    for (name, value) in [
        ("{id}", "1"),
        ("{kind}", "oauth_app"),
        ("{path}", "a/b"),
        ("{size}", "6"),
        ("{source}", "1"),
        ("{tenantId}", "1"),
        ("{userId}", "1"),
        ("{dataSourceId}", "1"),
        ("{memberId}", "1"),
    ] {
        address = address.replace(name, value);
    }
    assert!(!address.contains('{'), "say here what {path} is asked with");
    address
}

#[tokio::test]
async fn the_server_answers_the_document_that_the_tests_hold_it_to() {
    let house = house();
    let answer = house.get("/api/openapi.json").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, house.document().root.clone()));
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

/// Two servers of one version gave documents with the same properties in another order, so that nobody could compare them.
#[test]
fn the_document_is_the_same_bytes_each_time_it_is_made() {
    let make = || authledger::api::router::document(&Config::default(), "http://127.0.0.1:8080");
    let first = make();
    for _ in 0..8 {
        assert!(first == make());
    }
}

#[tokio::test]
async fn every_operation_says_who_may_what_it_is_called_and_what_can_happen() {
    let house = house();
    let document = house.document();
    let tags: Vec<&Value> =
        document.root["tags"].as_array().expect("tags").iter().map(|tag| &tag["name"]).collect();
    let mut names = BTreeSet::new();
    for (method, path, operation) in document.operations() {
        let here = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{here}: a summary");
        assert!(tags.contains(&&operation["tags"][0]), "{here}: a group with a description");
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(format!("{name} {}", method == "head")), "{here}: {name} stands twice");
        let public = operation["security"].as_array().is_some_and(Vec::is_empty);
        let permissions = operation["x-permissions"].as_array();
        assert_eq!(permissions.is_some(), !public, "{here}: permissions where there are credentials");
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let refusal = status.starts_with(['4', '5']);
            let codes = response["x-error-codes"].as_array();
            assert_eq!(codes.is_some_and(|codes| !codes.is_empty()), refusal, "{here} {status}: codes");
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{here} {status}");
        }
        for parameter in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let all = operation["parameters"].as_array().expect("parameters");
            assert!(all.iter().any(|other| other["in"] == "path" && other["name"] == parameter), "{here}");
        }
    }
}

#[tokio::test]
async fn every_code_is_in_the_document_with_its_message_and_every_code_has_an_operation() {
    let document = house().document();
    let table = document.root["x-error-codes"].as_array().expect("the table");
    assert_eq!(table.len(), codes::ALL.len());
    for code in codes::ALL {
        assert!(table.iter().any(|row| row["code"] == code.number && row["message"] == code.message));
        let text = format!("`{}`", code.number);
        let used = document.root["paths"].to_string().contains(&text)
            || document.root["x-any-address"].to_string().contains(&text);
        assert!(used, "{} is listed, and no answer has it", code.number);
    }
}

#[tokio::test]
async fn references_lead_somewhere_and_every_component_is_used() {
    let document = house().document();
    let text = document.root.to_string();
    let mut used = BTreeSet::new();
    for piece in text.split("\"$ref\":\"#").skip(1) {
        let place = piece.split('"').next().expect("a place");
        assert!(document.root.pointer(place).is_some(), "nothing at {place}");
        used.insert(place.to_owned());
    }
    for kind in ["schemas", "parameters", "headers"] {
        for name in document.root["components"][kind].as_object().expect("components").keys() {
            assert!(used.contains(&format!("/components/{kind}/{name}")), "{kind} {name} is used nowhere");
        }
    }
}

#[tokio::test]
async fn l10_every_operation_asks_for_credentials_except_those_that_one_test_names() {
    let house = house();
    let document = house.document();
    let mut open = BTreeSet::new();
    for (method, path, operation) in document.operations() {
        let address = address(path);
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        let answer = house.send(method, &address, &[], Body::empty()).await;
        let public = operation["security"].as_array().is_some_and(Vec::is_empty);
        assert_eq!(answer.status == StatusCode::UNAUTHORIZED, !public, "{path}: {answer:?}");
        if public {
            open.insert(path);
        }
    }
    let named = [
        "/.well-known/oauth-authorization-server",
        "/api/docs",
        "/api/docs/page.css",
        "/api/healthcheck",
        "/api/mgmt/oauth2/authorize",
        "/api/mgmt/oauth2/introspect",
        "/api/mgmt/oauth2/revoke",
        "/api/mgmt/oauth2/token",
        "/api/openapi.json",
        "/livez",
        "/login",
        "/login/page.css",
        "/logout",
        "/oauth2/authorize",
        "/oauth2/introspect",
        "/oauth2/revoke",
        "/oauth2/token",
        "/readyz",
    ];
    assert_eq!(open.into_iter().collect::<Vec<_>>(), named);
}

/// Asked with every method there is, an address of the document answers 405 to those that the document does not name.
#[tokio::test]
async fn an_address_answers_to_the_methods_of_the_document_and_to_no_others() {
    let house = house();
    let document = house.document();
    let unheard_of = Method::from_bytes(b"PROPFIND").expect("a method");
    let paths: BTreeSet<&str> = document.operations().map(|(_, path, _)| path).collect();
    for path in paths {
        let named: BTreeSet<String> = document
            .operations()
            .filter(|(_, other, _)| *other == path)
            .flat_map(|(method, _, _)| if method == "get" { vec!["get", "head"] } else { vec![method] })
            .map(str::to_uppercase)
            .collect();
        let address = address(path);
        let answer = house.send_as(ADMIN, unheard_of.clone(), &address, &[], Body::empty()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = answer.header("allow").expect("the methods").split(',').map(str::to_owned);
        assert_eq!(allowed.collect::<BTreeSet<_>>(), named, "{path}");
    }
}

#[tokio::test]
async fn who_lacks_a_permission_that_the_document_names_gets_403() {
    let house = house();
    let user = house.user("plain", 1, &[3], &[]).await;
    let held: Vec<u64> = house.ledger.read(|view| {
        let role = view.state.roles.rows.get(&RoleId(3)).expect("the predefined role");
        role.permissions.iter().map(|id| u64::from(id.0)).collect()
    });
    let document = house.document();
    for (method, path, operation) in document.operations() {
        let needed = operation["x-permissions"].as_array().map_or(&[][..], Vec::as_slice);
        if needed.iter().all(|id| held.contains(&id.as_u64().expect("an id"))) {
            continue;
        }
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        let address = address(path);
        let before = house.state();
        let answer = house.send_as(&user, method.clone(), &address, &[], Body::from("{")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} {needed:?}");
        assert_eq!(house.state(), before, "{method} {path}");
    }
}

/// SECURITY L13.
#[tokio::test]
async fn l13_the_page_needs_no_script_and_nothing_from_elsewhere() {
    let house = house();
    let page = house.get("/api/docs").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy").expect("a policy");
    for rule in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let text = String::from_utf8(page.body).expect("UTF-8");
    assert!(!text.contains("<script") && !text.contains(" style=") && !text.contains("<style"));
    let handlers = regex::Regex::new(r" on[a-z]+=").expect("a regular expression");
    assert!(!handlers.is_match(&text), "an attribute such as onclick");
    let of_ids = text.split(" id=\"").skip(1);
    let ids: BTreeSet<&str> = of_ids.map(|piece| piece.split('"').next().expect("an id")).collect();
    // Links and style sheets: to places of this server, and to places of this page.
    for attribute in [" href=\"", " src=\""] {
        for piece in text.split(attribute).skip(1) {
            let target = piece.split('"').next().expect("a target");
            assert!(target.starts_with('#') || target.starts_with("/api/"), "{target}");
            if let Some(id) = target.strip_prefix('#') {
                assert!(ids.contains(id), "nothing at {target}");
            } else {
                assert_eq!(house.get(target).await.status, StatusCode::OK, "{target}");
            }
        }
    }
    let style = house.get("/api/docs/page.css").await;
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    let style = String::from_utf8(style.body).expect("UTF-8");
    assert!(!style.contains("url(") && !style.contains("@import"));
}

/// A client application sends a form, with credentials of its own.
#[tokio::test]
async fn the_page_shows_how_a_form_is_sent() {
    let text = String::from_utf8(house().get("/api/docs").await.body).expect("UTF-8");
    let line = "-X POST http://127.0.0.1:8080/oauth2/revoke \\\n  -u &#39;&lt;clientId&gt;:&lt;clientSecret&gt;&#39; \\\n  -d token=alrt_…";
    let shown = text.replace("&apos;", "&#39;").replace('\'', "&#39;");
    assert!(
        shown.contains(line),
        "{}",
        shown.split("/oauth2/revoke \\").nth(1).unwrap_or_default().get(..200).unwrap_or_default()
    );
}

#[tokio::test]
async fn the_page_shows_every_operation_and_every_code() {
    let house = house();
    let text = String::from_utf8(house.get("/api/docs").await.body).expect("UTF-8");
    for (method, path, operation) in house.document().operations() {
        let name = operation["operationId"].as_str().expect("a name");
        assert!(text.contains(&format!("<article id=\"{name}\">")), "{method} {path}");
    }
    for code in codes::ALL {
        assert!(text.contains(&format!("id=\"e{}\"", code.number)), "{}", code.number);
    }
}
