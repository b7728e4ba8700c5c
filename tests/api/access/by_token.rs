//! By access token: each operation × scope (TOKENS section 3). The token's user holds 12, so that nothing but the token decides.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use authledger::api::guard::PUBLIC;
use events::scope::Scope;
use serde_json::json;

use super::super::house::ADMIN;
use super::super::tokens::{Given, TOKEN};
use super::table::{Look, Row, TABLE};
use super::{World, basic};

/// Columns of the table; the last one is a client application's own token, which has no scope.
const COLUMNS: [Option<Scope>; 4] = [Some(Scope::Mgmt), Some(Scope::Audit), Some(Scope::OData), None];

/// The scope that lets a token in, as the design has it; `None`: none does.
fn lets_in(method: &str, path: &str) -> Option<Scope> {
    let reads = method == "GET";
    let below = |family: &str| path.starts_with(family);
    match () {
        // A grant is taken back by the client application that it is for, and the one asked about here is another.
        () if below("/api/mgmt/oauth/client/") && !reads => None,
        // From where somebody may come himself is nothing that he lends to an application.
        () if below("/api/mgmt/security/") => None,
        () if below("/api/mgmt/") => Some(Scope::Mgmt),
        () if below("/api/audit/") && reads => Some(Scope::Audit),
        () => None,
    }
}

/// Operations that ask who is there by user name and password or by token; the authorization server has rules of its own.
fn is_ours(path: &str) -> bool {
    let ours = path.starts_with("/api/") && !path.starts_with("/api/mgmt/oauth2/") || path == "/metrics";
    ours && !PUBLIC.contains(&path)
}

/// What a cell is, of a row that is `twelve` for its user by his password.
fn expected(row: &Row, held: Option<Scope>, twelve: &str) -> String {
    match lets_in(row.method, row.path) {
        None => "403n".to_owned(),
        needed if needed != held => "403s".to_owned(),
        _ if matches!(row.look, Look::Secret | Look::ClientSecret) => twelve.replace('+', "-"),
        _ => twelve.to_owned(),
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    let rows = TABLE.iter().flat_map(|family| family.rows);
    rows.filter(|row| !row.own.is_empty() && is_ours(row.path.split('?').next().unwrap_or_default()))
}

pub(super) fn render(page: &mut String) {
    page.push_str(
        "\n## With an access token\n\nIn place of user name and password, for a user who holds 12. *as 12* is what the column 12 \
         says where it is in his own name, but no secret is shown (200-). 403s: the token lacks the scope. 403n: no token is good for \
         this, as for `?user=`. *own*: a client application's own token, without a user.\n\n| Operation |",
    );
    for held in COLUMNS {
        write!(page, " {} |", held.map_or("own", Scope::text)).expect("a String takes it");
    }
    page.push_str("\n| --- |");
    page.push_str(&" --- |".repeat(COLUMNS.len()));
    page.push('\n');
    let mut seen = BTreeSet::new();
    for row in rows() {
        let path = row.path.split('?').next().unwrap_or_default();
        if !seen.insert((row.method, path)) {
            continue;
        }
        write!(page, "| {} `{path}` |", row.method).expect("a String takes it");
        for held in COLUMNS {
            let cell = match lets_in(row.method, path) {
                None => "403n",
                needed if needed == held => "as 12",
                Some(_) => "403s",
            };
            write!(page, " {cell} |").expect("a String takes it");
        }
        page.push('\n');
    }
}

#[tokio::test]
async fn the_access_table_holds_for_tokens() {
    let world = World::new().await;
    // Before anything is shared with him, so that the first of his list is his own.
    world.target().await;
    let house = &world.house;
    let client = house.client_for_all("by token").await;
    let service = house.client("own token", json!({ "grantTypes": ["client_credentials"] })).await;
    let mut tokens = Vec::new();
    for held in COLUMNS {
        tokens.push(match held {
            Some(scope) => house.tokens(&client, ADMIN, &[scope]).await,
            None => Given::of(&house.form(&service, TOKEN, &[("grant_type", "client_credentials")]).await),
        });
    }
    let mut wrong = Vec::new();
    for row in rows() {
        let twelve = row.own.split_whitespace().next().expect("a first cell");
        for (held, token) in COLUMNS.into_iter().zip(&tokens) {
            let (came, answer) = world.ask_as(row, "d2cadmin", false, Some(token.bearer())).await;
            let expected = expected(row, held, twelve);
            if came != expected {
                let (method, path, what) = (row.method, row.path, row.what);
                let (held, body) = (held.map_or("own", Scope::text), String::from_utf8_lossy(&answer.body));
                wrong.push(format!(
                    "{method} {path} ({what}) by {held}: {expected} expected, {came} came: {body}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    // They are all good still.
    for token in &tokens {
        assert!(
            house.is_active(&client, &token.access).await || house.is_active(&service, &token.access).await
        );
    }
    assert!(house.send(axum::http::Method::GET, "/metrics", &[&basic(ADMIN)], "").await.status.is_success());
}

/// The document says the same of each operation.
#[tokio::test]
async fn the_document_names_the_scope_of_each_operation() {
    let house = super::House::new(authledger::config::Config::default());
    for (method, path, operation) in house.document().operations() {
        if !is_ours(path) {
            continue;
        }
        let method = if method == "head" { "GET".to_owned() } else { method.to_uppercase() };
        let named =
            operation["security"].as_array().and_then(|ways| ways.iter().find_map(|way| way.get("bearer")));
        let mut expected = lets_in(&method, path);
        if (method.as_str(), path) == ("DELETE", "/api/mgmt/oauth/client/allowedapplications/{id}") {
            expected = Some(Scope::Mgmt);
        }
        assert_eq!(named, expected.map(|scope| json!([scope.text()])).as_ref(), "{method} {path}");
    }
}
