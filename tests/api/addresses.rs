//! Where requests may come from (hdp-api 7.3, 9.28): lists of addresses, who sets them, and what they do.

use std::ops::ControlFlow;

use authledger::commands::{Wish, setting::SetConfiguration};
use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use events::id::{ConfigurationId, Sequence};
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, Answer, House, JSON, PASSWORD, basic};
use super::protocol::{Client, FORM, INTROSPECT, REVOKE, TOKEN, encoded, refusal};

const SYSTEM: &str = "/api/admin/security/whitelist/system";
const TENANTS: &str = "/api/admin/security/whitelist/tenants";
const USERS: &str = "/api/admin/security/whitelist/users";
const OWN: &str = "/api/mgmt/security/whitelist/user";
const REFUSED: u64 = 222_299_039;
const SHUTS_OUT: u64 = 222_299_051;

fn range(first: &str, last: &str) -> Value {
    json!({ "startAddress": first, "endAddress": last })
}

async fn put(house: &House, user: &str, path: &str, body: &Value) -> Answer {
    house.send_as(user, Method::PUT, path, &[JSON], body.to_string()).await
}

/// Sets lists; from this machine, which no list keeps out.
async fn set(house: &House, path: &str, body: &Value) {
    let answer = put(house, ADMIN, path, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

async fn get_from(house: &House, peer: &str, user: &str, path: &str) -> Answer {
    house.send_from(peer, Method::GET, path, &[&basic(user)], Body::empty()).await
}

/// Whether a request came in: whatever is answered behind the gate, it is not the gate's refusal.
fn came_in(answer: &Answer) -> bool {
    let refused = answer.status == StatusCode::FORBIDDEN && answer.code() == REFUSED;
    assert!(refused || answer.status != StatusCode::FORBIDDEN, "{answer:?}");
    !refused
}

/// A tenant's user, his tenant, and an administrator of that tenant who holds 11 and 29 and not 12.
async fn people(house: &House) -> (String, u64, String) {
    let keeper = house.user("keeper", 1, &[2], &[29]).await;
    let keeper_id = house.ledger.read(|view| view.state.users.rows.all().last().expect("he").0.0);
    let body = json!({ "name": "OrgA", "parentTenant": 1, "importedRoles": [2], "admins": [keeper_id] });
    let tenant = house.post_as(ADMIN, "/api/admin/tenants", &body).await.json();
    let (id, role) = (tenant["id"].as_u64().expect("an id"), tenant["roles"][0].as_u64().expect("a role"));
    (house.user("ann", id, &[role], &[]).await, id, keeper)
}

#[tokio::test]
async fn an_address_has_to_pass_every_level_that_is_set() {
    let house = House::new(Config::default());
    let (ann, tenant, _) = people(&house).await;
    let (of_tenant, of_ann) = (format!("{TENANTS}/{tenant}"), format!("{OWN}?user=ann"));
    let levels = [
        (SYSTEM, range("192.0.2.1", "192.0.2.20"), 1..=20),
        (&of_tenant, range("192.0.2.5", "192.0.2.30"), 5..=30),
        (&of_ann, range("192.0.2.3", "192.0.2.15"), 3..=15),
    ];
    for chosen in 0..8_u32 {
        let chosen: Vec<_> = levels.iter().enumerate().filter(|(at, _)| chosen & (1 << at) != 0).collect();
        for (path, ..) in &levels {
            set(&house, path, &json!({})).await;
        }
        for (_, (path, range, _)) in &chosen {
            set(&house, path, &json!({ "managementAPI": [range] })).await;
        }
        for last in [0, 1, 2, 3, 4, 5, 15, 16, 20, 21, 30, 31] {
            let passes = chosen.iter().all(|(_, (.., held))| held.contains(&last));
            for peer in [format!("192.0.2.{last}"), format!("::ffff:192.0.2.{last}")] {
                let answer = get_from(&house, &peer, &ann, APPS).await;
                assert_eq!(came_in(&answer), passes, "{peer} {chosen:?}");
                assert_eq!(answer.status == StatusCode::OK, passes, "{peer} {chosen:?}");
            }
        }
        // Other resources, other people: not guarded by these lists of the tenant and of ann.
        let system = chosen.iter().any(|(at, _)| *at == 0);
        assert!(came_in(&get_from(&house, "203.0.113.1", ADMIN, "/api/admin/tenants").await));
        assert_eq!(came_in(&get_from(&house, "203.0.113.1", ADMIN, APPS).await), !system);
    }
}

#[tokio::test]
async fn each_list_guards_what_it_is_named_for() {
    let house = House::new(Config::default());
    let asked = [
        ("managementAPI", &["/api/mgmt/oauthapps", "/api/mgmt/nothing"][..]),
        (
            "adminAPI",
            &[
                "/api/admin/tenants",
                "/api/audit/objects/user/1/history",
                "/api/operate/status",
                "/metrics",
                "/api/x",
            ],
        ),
        ("dataAccess", &["/api/odata4/sales/Orders"]),
        ("webUI", &[]),
    ];
    for (list, _) in asked {
        set(&house, SYSTEM, &json!({ list: [{ "startAddress": "192.0.2.1" }] })).await;
        for (resource, paths) in asked {
            for path in paths {
                assert!(came_in(&get_from(&house, "192.0.2.1", ADMIN, path).await), "{list} {path}");
                let answer = get_from(&house, "192.0.2.2", ADMIN, path).await;
                assert_eq!(came_in(&answer), list != resource, "{list} {path}");
            }
        }
        // What answers anybody answers from anywhere: a balancer has no address that anybody thought of.
        let health = house.send_from("192.0.2.2", Method::GET, "/api/healthcheck", &[], Body::empty()).await;
        assert_eq!(health.status, StatusCode::OK);
    }
}

/// SECURITY L10, L12: what an outsider learns, and what it costs us.
#[tokio::test]
async fn l12_a_refused_address_tries_no_passwords_and_learns_no_names() {
    let house = House::new(Config::default());
    let (ann, tenant, _) = people(&house).await;
    let list = json!({ "managementAPI": [{ "startAddress": "192.0.2.1" }] });
    set(&house, SYSTEM, &list).await;
    let before = house.argon2_runs();
    let none = house.send_from("192.0.2.2", Method::GET, APPS, &[], Body::empty()).await;
    assert_eq!((none.status, none.code()), (StatusCode::UNAUTHORIZED, 222_206_007));
    let mut answers = Vec::new();
    for user in [ann.as_str(), "ann:wrong", "nobody:wrong"] {
        let answer = get_from(&house, "192.0.2.2", user, APPS).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, REFUSED));
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]));
    assert_eq!(house.argon2_runs(), before);
    set(&house, SYSTEM, &json!({})).await;
    // Lists of tenants and users are heard of after the right password only.
    for path in [format!("{TENANTS}/{tenant}"), format!("{OWN}?user=ann")] {
        set(&house, &path, &list).await;
        let before = house.argon2_runs();
        let wrong = get_from(&house, "192.0.2.2", "ann:wrong", APPS).await;
        let unknown = get_from(&house, "192.0.2.2", "nobody:wrong", APPS).await;
        assert_eq!((wrong.status, unknown.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
        assert_eq!((wrong.body, house.argon2_runs()), (unknown.body, before + 2));
        assert!(!came_in(&get_from(&house, "192.0.2.2", &ann, APPS).await), "{path}");
        set(&house, &path, &json!({})).await;
        assert!(came_in(&get_from(&house, "192.0.2.2", &ann, APPS).await), "{path}");
    }
}

#[tokio::test]
async fn configuration_8_switches_all_lists_off_and_on() {
    let house = House::new(Config::default());
    let list = json!({ "managementAPI": [{ "startAddress": "192.0.2.1" }] });
    set(&house, SYSTEM, &list).await;
    for (value, passes) in
        [(Some("false"), true), (Some("true"), false), (Some("false"), true), (None, false)]
    {
        let value = value.map(str::to_owned);
        house
            .wish(Wish::SetConfiguration(Box::new(SetConfiguration {
                id: ConfigurationId(8),
                value,
                expected: None,
            })))
            .await;
        assert_eq!(came_in(&get_from(&house, "192.0.2.2", ADMIN, APPS).await), passes);
    }
}

#[tokio::test]
async fn this_machine_always_comes_in_and_nobody_else_can_say_that_he_is_it() {
    let named = |proxies: &[&str]| {
        let mut config = Config::default();
        config.server.behind_proxy = proxies.iter().map(|proxy| proxy.parse().expect("an address")).collect();
        config
    };
    let local = "x-forwarded-for: 127.0.0.1";
    let listed = "x-forwarded-for: 192.0.2.1";
    for (proxies, peer, header, passes) in [
        (&[][..], "127.0.0.1", None, true),
        (&[], "127.9.9.9", None, true),
        (&[], "::1", None, true),
        (&[], "::ffff:127.0.0.1", None, true),
        (&[], "192.0.2.2", None, false),
        (&[], "192.0.2.2", Some(local), false),
        (&[], "192.0.2.2", Some(listed), false),
        (&[], "192.0.2.2", Some("x-forwarded-for: ::1"), false),
        (&[], "192.0.2.2", Some("forwarded: for=127.0.0.1"), false),
        (&[], "127.0.0.1", Some("x-forwarded-for: 203.0.113.9"), false),
        (&["10.0.0.7"], "10.0.0.7", None, false),
        (&["10.0.0.7"], "10.0.0.7", Some(listed), true),
        (&["10.0.0.7"], "::ffff:10.0.0.7", Some(listed), true),
        (&["10.0.0.7"], "10.0.0.7", Some(local), false),
        (&["10.0.0.7"], "10.0.0.7", Some("x-forwarded-for: 192.0.2.1, 192.0.2.2"), false),
        (&["10.0.0.7"], "10.0.0.7", Some("x-forwarded-for: 192.0.2.2, 192.0.2.1"), true),
        (&["10.0.0.7"], "192.0.2.2", Some(listed), false),
        (&["10.0.0.7"], "127.0.0.1", None, true),
        (&["127.0.0.1"], "127.0.0.1", None, false),
        (&["127.0.0.1"], "127.0.0.1", Some(local), false),
        (&["127.0.0.1"], "127.0.0.1", Some(listed), true),
        (&["127.0.0.1"], "127.0.0.2", None, true),
    ] {
        let house = House::new(named(proxies));
        // In memory, as if over a connection from a loopback address that is no proxy's.
        let list = json!({ "managementAPI": [{ "startAddress": "192.0.2.1" }] }).to_string();
        let by = basic(ADMIN);
        let made = house.send_from("127.0.0.9", Method::PUT, SYSTEM, &[&by, JSON], list).await;
        assert_eq!(made.status, StatusCode::OK);
        let mut headers = vec![by.as_str()];
        headers.extend(header);
        let answer = house.send_from(peer, Method::GET, APPS, &headers, Body::empty()).await;
        assert_eq!(came_in(&answer), passes, "{proxies:?} {peer} {header:?}");
    }
}

#[tokio::test]
async fn who_would_shut_himself_out_is_refused() {
    let house = House::new(Config::default());
    let (_, tenant, _) = people(&house).await;
    let (elsewhere, here) =
        (json!([{ "startAddress": "10.0.0.1" }]), json!([{ "startAddress": "192.0.2.1" }]));
    let role = house
        .post_as(
            ADMIN,
            "/api/admin/roles",
            &json!({ "name": "Own lists", "tenantId": tenant, "permissions": [11, 29] }),
        )
        .await;
    let bob = house.user("bob", tenant, &[role.json()["id"].as_u64().expect("an id")], &[]).await;
    let of_tenant = format!("{TENANTS}/{tenant}");
    let (admin, bob, of_bob) = (ADMIN, bob.as_str(), format!("{OWN}?user=bob"));
    for (user, path, list, refused) in [
        (admin, SYSTEM, json!({ "adminAPI": elsewhere }), true),
        (admin, SYSTEM, json!({ "adminAPI": here }), false),
        // By what he changes it with, he can still come.
        (admin, SYSTEM, json!({ "managementAPI": elsewhere, "webUI": elsewhere }), false),
        (admin, SYSTEM, json!({}), false),
        (admin, &format!("{TENANTS}/1"), json!({ "adminAPI": elsewhere }), true),
        // He doesn't live there.
        (admin, &of_tenant, json!({ "adminAPI": elsewhere }), false),
        (admin, OWN, json!({ "managementAPI": elsewhere }), true),
        (admin, OWN, json!({ "managementAPI": here }), false),
        (admin, OWN, json!({ "adminAPI": elsewhere }), false),
        (admin, &of_bob, json!({ "managementAPI": elsewhere }), false),
        (admin, &of_bob, json!({}), false),
        (bob, OWN, json!({ "managementAPI": elsewhere }), true),
    ] {
        let before = house.state();
        let headers = [&*basic(user), JSON];
        let answer = house.send_from("192.0.2.1", Method::PUT, path, &headers, list.to_string()).await;
        if refused {
            assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, SHUTS_OUT), "{path} {list}");
            assert_eq!(house.state(), before);
        } else {
            assert_eq!(answer.status, StatusCode::OK, "{path} {list}: {answer:?}");
        }
    }
    // From this machine he always comes back.
    set(&house, OWN, &json!({})).await;
    set(&house, SYSTEM, &json!({ "adminAPI": elsewhere })).await;
    assert!(!came_in(&get_from(&house, "192.0.2.1", ADMIN, SYSTEM).await));
    let gone = house.send_as(ADMIN, Method::DELETE, SYSTEM, &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(came_in(&get_from(&house, "192.0.2.1", ADMIN, SYSTEM).await));
    // Nor is he refused what doesn't count.
    let off = SetConfiguration { id: ConfigurationId(8), value: Some("false".to_owned()), expected: None };
    house.wish(Wish::SetConfiguration(Box::new(off))).await;
    let headers = [&*basic(ADMIN), JSON];
    let list = json!({ "adminAPI": elsewhere }).to_string();
    assert_eq!(
        house.send_from("192.0.2.1", Method::PUT, SYSTEM, &headers, list).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn lists_are_set_shown_replaced_and_taken_away_at_each_level() {
    let house = House::new(Config::default());
    let (_, tenant, _) = people(&house).await;
    let of_tenant = format!("{TENANTS}/{tenant}");
    let sent = json!({
        "managementAPI": [{ "startAddress": "192.0.2.9" }, range("10.0.0.1", "10.0.0.9")],
        "dataAccess": [range("2001:db8::1", "2001:DB8::ff")],
    });
    for (path, pages) in
        [(SYSTEM, true), (&of_tenant, false), (OWN, false), (&format!("{OWN}?user=ann"), false)]
    {
        let with_pages = |mut body: Value| {
            if pages {
                body["webUI"] = json!([]);
            }
            body
        };
        let none = house.get_as(ADMIN, path).await;
        let empty = with_pages(json!({ "managementAPI": [], "adminAPI": [], "dataAccess": [] }));
        assert_eq!((none.json(), none.header("etag")), (empty.clone(), Some("\"0\"")), "{path}");
        let gone = house.send_as(ADMIN, Method::DELETE, path, &[], Body::empty()).await;
        assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, 222_299_042));
        let key = "idempotency-key: once";
        let made = house.send_as(ADMIN, Method::POST, path, &[JSON, key], sent.to_string()).await;
        let expected = with_pages(json!({
            "managementAPI": [range("10.0.0.1", "10.0.0.9"), { "startAddress": "192.0.2.9" }],
            "adminAPI": [],
            "dataAccess": [range("2001:db8::1", "2001:db8::ff")],
        }));
        assert_eq!((made.status, made.json()), (StatusCode::CREATED, expected.clone()), "{path}");
        let place = format!("http://127.0.0.1:8080{}", path.split('?').next().unwrap_or_default());
        assert_eq!(made.header("location"), Some(place.as_str()));
        let again = house.send_as(ADMIN, Method::POST, path, &[JSON, key], sent.to_string()).await;
        assert_eq!(
            (again.status, &again.body, again.header("etag")),
            (made.status, &made.body, made.header("etag"))
        );
        let other = house.post_as(ADMIN, path, &sent).await;
        assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, 222_299_043));
        let shown = house.get_as(ADMIN, path).await;
        assert_eq!((shown.json(), shown.header("etag")), (expected.clone(), made.header("etag")));
        // What a GET answered can be sent back, and what was read before can't any more.
        let tag = format!("if-match: {}", shown.header("etag").expect("a tag"));
        let put = house.send_as(ADMIN, Method::PUT, path, &[JSON, &tag], shown.body.clone()).await;
        assert_eq!((put.status, put.json()), (StatusCode::OK, expected), "{path}");
        let late = house.send_as(ADMIN, Method::PUT, path, &[JSON, &tag], shown.body.clone()).await;
        assert_eq!((late.status, late.code()), (StatusCode::PRECONDITION_FAILED, 222_299_013));
        let gone = house.send_as(ADMIN, Method::DELETE, path, &[&tag], Body::empty()).await;
        assert_eq!(gone.status, StatusCode::PRECONDITION_FAILED);
        // Replaced by nothing it is as if it had never been.
        let cleared = put_back(&house, path).await;
        assert_eq!((cleared.json(), cleared.header("etag")), (empty, Some("\"0\"")), "{path}");
        assert_eq!(house.post_as(ADMIN, path, &sent).await.status, StatusCode::CREATED);
        let gone = house.send_as(ADMIN, Method::DELETE, path, &[], Body::empty()).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
        assert_eq!(house.get_as(ADMIN, path).await.header("etag"), Some("\"0\""));
    }
    let pages = json!({ "webUI": [{ "startAddress": "192.0.2.1" }] });
    assert_eq!(put(&house, ADMIN, SYSTEM, &pages).await.json()["webUI"], pages["webUI"]);
    for path in [of_tenant.as_str(), OWN] {
        let refused = put(&house, ADMIN, path, &pages).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, 222_299_004), "{path}");
    }
    let nowhere = put(&house, ADMIN, &format!("{TENANTS}/99"), &json!({})).await;
    assert_eq!((nowhere.status, nowhere.code()), (StatusCode::NOT_FOUND, 222_208_720));
    assert_eq!(nowhere.json()["error"]["message"]["value"], json!("tenant id : 99 does not exist."));
}

async fn put_back(house: &House, path: &str) -> Answer {
    let put = put(house, ADMIN, path, &json!({})).await;
    let shown = house.get_as(ADMIN, path).await;
    assert_eq!((put.json(), put.header("etag")), (shown.json(), shown.header("etag")));
    shown
}

#[tokio::test]
async fn with_11_29_and_access_a_tenants_lists_and_its_users_are_set_and_listed_and_no_others() {
    let house = House::new(Config::default());
    let (_, tenant, keeper) = people(&house).await;
    let (other, roles) = house.tenant("OrgB").await;
    house.user("bob", other, &[roles[0]], &[]).await;
    let list = json!({ "dataAccess": [{ "startAddress": "192.0.2.77" }], "adminAPI": [{ "startAddress": "192.0.2.78" }] });
    for path in [&format!("{TENANTS}/{other}"), &format!("{OWN}?user=bob"), OWN] {
        set(&house, path, &list).await;
    }
    let own = format!("{TENANTS}/{tenant}");
    assert_eq!(put(&house, &keeper, &own, &list).await.status, StatusCode::OK);
    assert_eq!(put(&house, &keeper, OWN, &list).await.status, StatusCode::OK);
    for path in [format!("{TENANTS}/{other}"), format!("{TENANTS}/1"), format!("{TENANTS}/99")] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = house.send_as(&keeper, method.clone(), &path, &[JSON], "{}").await;
            assert_eq!(
                (answer.status, answer.code()),
                (StatusCode::NOT_FOUND, 222_208_720),
                "{method} {path}"
            );
        }
    }
    assert_eq!(house.get_as(&keeper, SYSTEM).await.status, StatusCode::FORBIDDEN);
    // Without 21 he acts for nobody.
    assert_eq!(house.get_as(&keeper, &format!("{OWN}?user=ann")).await.status, StatusCode::FORBIDDEN);
    set(&house, &format!("{OWN}?user=ann"), &list).await;
    let names = |answer: &Answer| -> Vec<String> {
        let rows = answer.json()["appliedWhiteLists"].as_array().expect("rows").clone();
        for row in &rows {
            assert_eq!(row["protectedResources"], json!(["adminAPI", "dataAccess"]));
        }
        rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&house.get_as(ADMIN, TENANTS).await), ["OrgA", "OrgB"]);
    assert_eq!(names(&house.get_as(&keeper, TENANTS).await), ["OrgA"]);
    assert_eq!(names(&house.get_as(ADMIN, USERS).await), ["d2cadmin", "keeper", "ann", "bob"]);
    assert_eq!(names(&house.get_as(&keeper, USERS).await), ["ann"]);
    // A page at a time.
    let first = house.get_as(ADMIN, &format!("{USERS}?limit=3")).await.json();
    let next = first["next"].as_u64().expect("more");
    assert_eq!(names(&house.get_as(ADMIN, &format!("{USERS}?limit=3&after={next}")).await), ["bob"]);
    // One user's addresses are in the log, and nobody reads them there.
    let mut found = [0; 2];
    house
        .ledger
        .reader()
        .read(Sequence(0), Sequence(house.ledger.size()), &mut |_, leaf| {
            for (count, text) in found.iter_mut().zip(["192.0.2.77", "startAddress"]) {
                *count += usize::from(leaf.windows(text.len()).any(|part| part == text.as_bytes()));
            }
            ControlFlow::Continue(())
        })
        .expect("memory reads");
    assert_eq!(found, [0, 0]);
}

#[tokio::test]
async fn who_may_do_more_keeps_his_lists() {
    let house = House::new(Config::default());
    let (_, tenant, _) = people(&house).await;
    let roles = house.get_as(ADMIN, &format!("/api/admin/roles?tenantId={tenant}")).await.json();
    let role = roles["roles"][0]["id"].as_u64().expect("an id");
    house.user("more", tenant, &[role], &[13, 29]).await;
    let body = json!({
        "userName": "helper", "tenantId": tenant, "statusInfo": { "status": 1 },
        "passwordInfo": { "password": PASSWORD, "passwordStatus": 1 },
        "permissions": { "roles": [role], "permissions": [21, 29] },
    });
    let helper = house.post_as(ADMIN, "/api/admin/users", &body).await.json()["id"].clone();
    let access = authledger::commands::tenant::SetTenantAdministrators {
        id: events::id::TenantId(tenant),
        administrators: [events::id::UserId(helper.as_u64().expect("an id"))].into_iter().collect(),
        expected: None,
    };
    house.wish(Wish::SetTenantAdministrators(access)).await;
    let helper = format!("helper:{PASSWORD}");
    let list = json!({ "dataAccess": [{ "startAddress": "192.0.2.1" }] });
    assert_eq!(put(&house, &helper, &format!("{OWN}?user=ann"), &list).await.status, StatusCode::OK);
    set(&house, &format!("{OWN}?user=more"), &list).await;
    for method in [Method::PUT, Method::DELETE] {
        let answer = house.send_as(&helper, method, &format!("{OWN}?user=more"), &[JSON], "{}").await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, 222_208_103));
    }
    assert_eq!(
        house.get_as(&helper, &format!("{OWN}?user=more")).await.json()["dataAccess"],
        list["dataAccess"]
    );
}

/// What the first administrator, the keeper of OrgA and ann cost, where so many others have lists, too.
#[cfg(debug_assertions)]
async fn costs_among(others: usize) -> Vec<u64> {
    use projections::visits;

    let house = House::new(Config::default());
    let (ann, tenant, keeper) = people(&house).await;
    let list = json!({ "managementAPI": [range("192.0.2.1", "192.0.2.9")], "adminAPI": [range("192.0.2.1", "192.0.2.9")] });
    for number in 0..others {
        let (tenant, roles) = house.tenant(&format!("Other{number}")).await;
        house.user(&format!("other{number}"), tenant, &[roles[0]], &[]).await;
        let origin = json!({ "whitelist": [{ "domain": format!("https://n{number}.example") }] });
        house.post_as(ADMIN, "/api/admin/security/cors/whitelist", &origin).await;
        set(&house, &format!("{TENANTS}/{tenant}"), &list).await;
        set(&house, &format!("{OWN}?user=other{number}"), &list).await;
        if number == others / 2 {
            set(&house, &format!("{OWN}?user=ann"), &list).await;
        }
    }
    set(&house, &format!("{TENANTS}/{tenant}"), &list).await;
    let mut costs = Vec::new();
    for (user, path, rows) in [
        (ADMIN, "/api/admin/security/whitelist/tenants?limit=2", 2),
        (ADMIN, "/api/admin/security/whitelist/users?limit=2", 2),
        (ADMIN, "/api/admin/security/cors/whitelist?limit=2", 2),
        (&keeper, TENANTS, 1),
        (&keeper, USERS, 1),
        (&ann, APPS, 0),
    ] {
        for _ in 0..2 {
            let before = visits::count();
            let answer = get_from(&house, "192.0.2.5", user, path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
            let shown = answer.json();
            let found =
                shown["appliedWhiteLists"].as_array().or(shown["whitelist"].as_array()).map_or(0, Vec::len);
            assert_eq!(found, rows, "{path}");
            costs.push(visits::count() - before);
        }
    }
    costs
}

#[cfg(debug_assertions)]
#[tokio::test]
async fn no_list_and_no_gate_looks_at_more_because_there_are_more_lists() {
    let (few, many) = (costs_among(3).await, costs_among(24).await);
    assert_eq!(few, many);
    assert!(many.iter().all(|cost| *cost < 60), "{many:?}");
}

/// At either address, before anybody's credentials are judged; and where a password is exchanged for tokens, its user's lists
/// after it was right.
#[tokio::test]
async fn the_authorization_server_is_guarded_like_the_management_api() {
    let mut config = Config::default();
    config.oauth.password_grant = true;
    let house = House::new(config);
    let (ann, ..) = people(&house).await;
    let more = json!({
        "grantTypes": ["client_credentials", "password"], "passwordGrantUntil": "2026-12-01T00:00:00Z",
    });
    let client = Client::register(&house, ADMIN, "client", more).await;
    let ask = |peer: &'static str, path: &'static str, password: Option<&'static str>| {
        let mut form =
            vec![("client_id", client.name.as_str()), ("client_secret", &client.secret), ("token", "x")];
        match password {
            Some(password) => {
                form.extend([("grant_type", "password"), ("username", "ann"), ("password", password)]);
            }
            None => form.push(("grant_type", "client_credentials")),
        }
        let (house, form) = (&house, encoded(&form));
        async move { house.send_from(peer, Method::POST, path, &[FORM], form).await }
    };
    let denied = (403, "access_denied".to_owned());
    set(&house, SYSTEM, &json!({ "managementAPI": [range("192.0.2.1", "192.0.2.20")] })).await;
    for path in [TOKEN, INTROSPECT, REVOKE, "/api/mgmt/oauth2/token"] {
        assert_eq!(ask("192.0.2.5", path, None).await.status, StatusCode::OK, "{path}");
        assert_eq!(refusal(&ask("203.0.113.1", path, None).await), denied, "{path}");
    }
    set(&house, SYSTEM, &json!({})).await;
    set(&house, &format!("{OWN}?user=ann"), &json!({ "managementAPI": [range("192.0.2.1", "192.0.2.20")] }))
        .await;
    assert!(ann.ends_with(PASSWORD));
    let wrong = ask("203.0.113.1", TOKEN, Some("wrong")).await;
    assert_eq!(refusal(&wrong), (400, "invalid_grant".to_owned()), "who guesses hears nothing of her lists");
    assert_eq!(refusal(&ask("203.0.113.1", TOKEN, Some(PASSWORD)).await), denied);
    let size = house.ledger.size();
    // Hers is another tenant than the application's owner's, who serves everybody.
    assert_eq!(ask("192.0.2.5", TOKEN, Some(PASSWORD)).await.status, StatusCode::OK);
    assert!(house.ledger.size() > size);
}
