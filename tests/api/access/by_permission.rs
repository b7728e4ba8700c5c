//! Administration: each operation × whether who asks holds its permissions × where he has administrative access × whose the
//! object is. Callers are made for each set of permissions that an operation asks for, so that nobody passes by another one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::house::{ADMIN, Answer, JSON, PASSWORD};
use super::table::Org;
use super::{ALL_BUT_12, USER, World, id_of};

/// Columns of the table.
const CALLERS: usize = 10;
pub(super) const COLUMNS: [(&str, &str); CALLERS] = [
    ("12", "Administrator (12), lives in the system tenant"),
    ("P+A", "the operation's permissions, lives in the system tenant, administrative access on OrgA"),
    ("P+A A", "the same, lives in OrgA"),
    (
        "+A",
        "everything but 12 and the first of the operation's permissions, lives in the system tenant, access on OrgA",
    ),
    ("P", "the operation's permissions, lives in the system tenant, no access"),
    ("P A", "the same, lives in OrgA"),
    ("P+S", "the operation's permissions, lives in the system tenant, access on the system tenant only"),
    ("all+B B", "everything but 12, lives in OrgB, access on OrgB"),
    ("user A", "an ordinary user (1–11), lives in OrgA"),
    ("–", "nobody: no credentials"),
];

/// What is asked about, made anew for each cell.
#[derive(Clone, Copy)]
pub(super) enum About {
    Tenant,
    User,
    Role,
}

/// What is sent: made from what there is in the object's tenant.
pub(super) type Sent = fn(&Place) -> Value;

/// What a body can name.
pub(super) struct Place {
    tenant: u64,
    /// What the tenant is called.
    tenant_name: &'static str,
    /// Roles of that tenant with no permissions.
    roles: [u64; 2],
    /// A user of that tenant with no permissions.
    user: u64,
    /// Who administers the tenant.
    admins: Vec<u64>,
    /// The object.
    id: u64,
    name: String,
    /// A name that nothing has.
    fresh: String,
}

#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) needs: &'static [u16],
    pub(super) about: About,
    pub(super) body: Option<Sent>,
    /// What an administrator POSTs to the same address before, so that there is something to look at or to change.
    pub(super) before: Option<Sent>,
    /// What who may do it hears.
    pub(super) done: &'static str,
    /// For an object of OrgA, of the system tenant, of OrgB; empty where there is none. `ok` is `done`.
    pub(super) cells: [&'static str; 3],
}

const NAMES: [&str; 3] = ["OrgA", "System", "OrgB"];
const ORGS: [Org; 3] = [Org::A, Org::System, Org::B];

/// The rule, for one object: 12; or permission and access. Who lacks the permission hears so, whatever the object; to who
/// has no access there is no object.
pub(super) const ONE: [&str; 3] = [
    "ok ok  ok  403 404 404 404 404 403 401",
    "ok 404 404 403 404 404 ok  404 403 401",
    "ok 404 404 403 404 404 404 ok  403 401",
];
/// For what of the system tenant only a holder of 12 changes, though its administrators see it.
pub(super) const SYSTEM_SEEN: [&str; 3] = [ONE[0], "ok 404 404 403 404 404 403 404 403 401", ONE[2]];
/// For something made in a tenant that the body names: it is an unknown one.
pub(super) const MADE: [&str; 3] = [
    "ok ok  ok  403 400 400 400 400 403 401",
    "ok 400 400 403 400 400 ok  400 403 401",
    "ok 400 400 403 400 400 400 ok  403 401",
];
/// For a list: it names the object or it does not.
pub(super) const LISTED: [&str; 3] = [
    "200+ 200+ 200+ 403 200- 200- 200- 200- 403 401",
    "200+ 200- 200- 403 200- 200- 200+ 200- 403 401",
    "200+ 200- 200- 403 200- 200- 200- 200+ 403 401",
];

/// For what belongs to the whole system: nobody has to be kept from knowing that it is there.
pub(super) const OF_SYSTEM: [&str; 3] = ["", "ok 403 403 403 403 403 ok 403 403 401", ""];

const BASE: Operation = Operation {
    method: "GET",
    path: "",
    needs: &[],
    about: About::Tenant,
    body: None,
    before: None,
    done: "200",
    cells: ONE,
};

const TENANT: Operation = Operation { path: "/api/admin/tenants/{id}", needs: &[25], ..BASE };
const USERS: Operation =
    Operation { path: "/api/admin/users/{id}", needs: &[14], about: About::User, ..BASE };
const ROLE: Operation = Operation { path: "/api/admin/roles/{id}", needs: &[18], about: About::Role, ..BASE };

const USER_PUT: Operation = Operation { method: "PUT", needs: &[15], ..USERS };
const LIMITS: Operation = Operation { needs: &[27], ..BASE };
const LIMIT_BEFORE: Operation = Operation { before: Some(limit), ..LIMITS };
const SOURCE_LIMIT: Operation = Operation {
    path: "/api/admin/limits/users/{userId}/datasources/{dataSourceId}/{id}",
    about: About::User,
    ..LIMIT_BEFORE
};
const CONFIGURATION: Operation =
    Operation { path: "/api/admin/configurations/{id}", needs: &[22], cells: OF_SYSTEM, ..BASE };
const CORS: Operation =
    Operation { path: "/api/admin/security/cors/whitelist", needs: &[23], cells: OF_SYSTEM, ..BASE };
const CORS_ENTRY: Operation = Operation { path: "/api/admin/security/cors/whitelist/{id}", ..CORS };
const WHITELIST: Operation =
    Operation { path: "/api/admin/security/whitelist/tenants/{id}", needs: &[11, 29], ..BASE };

pub(super) const OPERATIONS: &[Operation] = &[
    Operation { path: "/api/admin/tenants", cells: LISTED, ..TENANT },
    TENANT,
    Operation { method: "PUT", body: Some(tenant), ..TENANT },
    // Each has users, or is the system's: 409.
    Operation { method: "DELETE", done: "409", ..TENANT },
    Operation { path: "/api/admin/tenants/{id}/admins", ..TENANT },
    Operation { method: "PUT", path: "/api/admin/tenants/{id}/admins", body: Some(admins), ..TENANT },
    Operation { path: "/api/admin/users", cells: LISTED, ..USERS },
    Operation {
        method: "POST",
        path: "/api/admin/users",
        needs: &[13],
        body: Some(user),
        done: "201",
        cells: MADE,
        ..USERS
    },
    USERS,
    Operation { body: Some(user_again), ..USER_PUT },
    Operation { method: "DELETE", needs: &[16], done: "204", ..USERS },
    Operation { path: "/api/admin/users/{id}/statusinfo", ..USERS },
    Operation { path: "/api/admin/users/{id}/statusinfo", body: Some(status), ..USER_PUT },
    Operation { path: "/api/admin/users/{id}/passwordinfo", ..USERS },
    Operation { path: "/api/admin/users/{id}/passwordinfo", body: Some(password), ..USER_PUT },
    Operation { path: "/api/admin/users/{id}/resetpassword", body: Some(reset), done: "204", ..USER_PUT },
    Operation { path: "/api/admin/users/{id}/permissions", ..USERS },
    Operation { path: "/api/admin/users/{id}/permissions", body: Some(roles), ..USER_PUT },
    Operation { path: "/api/admin/users/{id}/authinfo", ..USERS },
    Operation { path: "/api/admin/users/{id}/authinfo", body: Some(authentication), ..USER_PUT },
    Operation { path: "/api/admin/users/{id}/tenantsadministered", ..USERS },
    Operation {
        path: "/api/admin/users/{id}/tenantsadministered",
        needs: &[25, 15],
        body: Some(administered),
        ..USER_PUT
    },
    Operation { path: "/api/admin/users/{id}/datasources", ..USERS },
    Operation { path: "/api/admin/roles", cells: LISTED, ..ROLE },
    Operation {
        method: "POST",
        path: "/api/admin/roles",
        needs: &[17],
        body: Some(role),
        done: "201",
        cells: MADE,
        ..ROLE
    },
    ROLE,
    Operation { method: "PUT", needs: &[19], body: Some(role), ..ROLE },
    Operation { method: "DELETE", needs: &[20], done: "204", ..ROLE },
    Operation { path: "/api/admin/limits/system", cells: OF_SYSTEM, ..LIMITS },
    Operation { path: "/api/admin/limits/system/{id}", cells: OF_SYSTEM, ..LIMIT_BEFORE },
    Operation {
        method: "PUT",
        path: "/api/admin/limits/system/{id}",
        body: Some(limit),
        cells: OF_SYSTEM,
        ..LIMIT_BEFORE
    },
    Operation {
        method: "DELETE",
        path: "/api/admin/limits/system/{id}",
        done: "204",
        cells: OF_SYSTEM,
        ..LIMIT_BEFORE
    },
    Operation {
        method: "POST",
        path: "/api/admin/limits/system/{id}",
        // It is there from the cell before: 409 to who may.
        body: Some(limit),
        done: "409",
        cells: OF_SYSTEM,
        ..LIMIT_BEFORE
    },
    Operation { path: "/api/admin/limits/tenants/{id}", ..LIMITS },
    Operation { path: "/api/admin/limits/tenants/{tenantId}/{id}", ..LIMIT_BEFORE },
    Operation {
        method: "PUT",
        path: "/api/admin/limits/tenants/{tenantId}/{id}",
        body: Some(limit),
        ..LIMIT_BEFORE
    },
    Operation {
        method: "DELETE",
        path: "/api/admin/limits/tenants/{tenantId}/{id}",
        done: "204",
        ..LIMIT_BEFORE
    },
    Operation {
        method: "POST",
        path: "/api/admin/limits/tenants/{tenantId}/{id}",
        body: Some(limit),
        done: "409",
        ..LIMIT_BEFORE
    },
    Operation { path: "/api/admin/limits/users/{id}", about: About::User, ..LIMITS },
    Operation { path: "/api/admin/limits/users/{userId}/{id}", about: About::User, ..LIMIT_BEFORE },
    Operation {
        method: "PUT",
        path: "/api/admin/limits/users/{userId}/{id}",
        about: About::User,
        body: Some(limit),
        ..LIMIT_BEFORE
    },
    Operation {
        method: "DELETE",
        path: "/api/admin/limits/users/{userId}/{id}",
        about: About::User,
        done: "204",
        ..LIMIT_BEFORE
    },
    Operation {
        method: "POST",
        path: "/api/admin/limits/users/{userId}/{id}",
        about: About::User,
        body: Some(limit),
        done: "201",
        ..LIMITS
    },
    Operation { path: "/api/admin/limits/users/{id}/datasources", about: About::User, ..LIMITS },
    SOURCE_LIMIT,
    Operation { method: "PUT", body: Some(limit), ..SOURCE_LIMIT },
    Operation { method: "DELETE", done: "204", ..SOURCE_LIMIT },
    Operation { method: "POST", body: Some(limit), done: "201", before: None, ..SOURCE_LIMIT },
    CONFIGURATION,
    Operation { method: "PUT", body: Some(configuration), ..CONFIGURATION },
    Operation { path: "/api/admin/configurations", ..CONFIGURATION },
    CORS,
    Operation { method: "POST", body: Some(origins), done: "201", ..CORS },
    CORS_ENTRY,
    Operation { method: "PUT", body: Some(origin), done: "201", ..CORS_ENTRY },
    Operation { method: "DELETE", done: "204", ..CORS_ENTRY },
    WHITELIST,
    Operation { method: "PUT", body: Some(addresses), cells: SYSTEM_SEEN, ..WHITELIST },
    Operation {
        method: "POST",
        body: Some(addresses),
        done: "409",
        before: Some(addresses),
        cells: SYSTEM_SEEN,
        ..WHITELIST
    },
    Operation { method: "DELETE", done: "204", before: Some(addresses), cells: SYSTEM_SEEN, ..WHITELIST },
];

fn tenant(place: &Place) -> Value {
    let parent = if place.tenant == 1 { Value::Null } else { json!(1) };
    json!({ "name": place.tenant_name, "parentTenant": parent, "status": 1, "description": place.fresh })
}

fn admins(place: &Place) -> Value {
    let admins: Vec<u64> = place.admins.iter().copied().chain([place.user]).collect();
    json!({ "admins": admins })
}

fn user(place: &Place) -> Value {
    World::user_body(&place.fresh, place.tenant, place.roles[0], &[])
}

/// His password stays.
fn user_again(place: &Place) -> Value {
    let mut body = user(place);
    body.as_object_mut().expect("an object").remove("passwordInfo");
    body
}

fn status(_: &Place) -> Value {
    json!({ "status": 0, "accountLocked": false })
}

fn password(_: &Place) -> Value {
    json!({ "passwordStatus": 2, "passwordExpiration": null })
}

fn reset(_: &Place) -> Value {
    json!({ "newPassword": "temporary anchor 7" })
}

fn roles(place: &Place) -> Value {
    json!({ "roles": [place.roles[1]], "permissions": [] })
}

fn authentication(place: &Place) -> Value {
    json!({ "authUsers": [{ "authUserName": place.name, "authServiceId": 1 }] })
}

fn administered(place: &Place) -> Value {
    json!({ "tenantsAdministered": [place.tenant] })
}

fn role(place: &Place) -> Value {
    json!({ "name": place.fresh, "tenantId": place.tenant, "permissions": [] })
}

fn limit(_: &Place) -> Value {
    json!({ "value": 1000 })
}

fn configuration(_: &Place) -> Value {
    json!({ "value": "true" })
}

fn origins(place: &Place) -> Value {
    json!({ "whitelist": [{ "domain": format!("https://{}.example.com", place.fresh.replace('_', "")) }] })
}

fn origin(place: &Place) -> Value {
    json!({ "domain": format!("https://{}.example.org", place.fresh.replace('_', "")) })
}

fn addresses(_: &Place) -> Value {
    json!({ "managementAPI": [{ "startAddress": "192.0.2.0", "endAddress": "192.0.2.255" }] })
}

/// A world with callers for each set of permissions.
struct Administrators {
    world: World,
    /// Two roles of each tenant with no permissions, in the order of [`Org`].
    nothing: [[u64; 2]; 3],
    /// Credentials by permissions.
    callers: RefCell<BTreeMap<&'static [u16], Vec<String>>>,
}

impl Administrators {
    async fn new() -> Self {
        let world = World::new().await;
        let mut nothing = [[0; 2]; 3];
        for org in ORGS {
            for role in &mut nothing[org as usize] {
                *role = world.role(world.tenants[org as usize], &[]).await;
            }
        }
        Self { world, nothing, callers: RefCell::default() }
    }

    /// Gives a user administrative access, by the event that the API records for it: the operations that do so are themselves
    /// in the table.
    async fn access(&self, user: u64, org: Org) {
        let tenant = self.world.tenants[org as usize];
        let path = format!("/api/admin/tenants/{tenant}/admins");
        let before = self.world.house.send_as(ADMIN, Method::GET, &path, &[], Body::empty()).await;
        let mut body = before.json();
        let admins = body["admins"].as_array_mut().expect("administrators");
        admins.push(json!(user));
        let body = json!({ "admins": admins }).to_string();
        let changed = self.world.house.send_as(ADMIN, Method::PUT, &path, &[JSON], Body::from(body)).await;
        assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    }

    async fn callers(&self, needs: &'static [u16]) -> Vec<String> {
        if let Some(made) = self.callers.borrow().get(needs) {
            return made.clone();
        }
        let others: Vec<u16> = ALL_BUT_12.iter().copied().filter(|id| Some(id) != needs.first()).collect();
        let kinds: [(&str, Org, &[u16], Option<Org>); CALLERS - 2] = [
            ("p_a", Org::System, needs, Some(Org::A)),
            ("p_a_a", Org::A, needs, Some(Org::A)),
            ("other_a", Org::System, &others, Some(Org::A)),
            ("p", Org::System, needs, None),
            ("p_in_a", Org::A, needs, None),
            ("p_s", Org::System, needs, Some(Org::System)),
            ("all_b", Org::B, ALL_BUT_12, Some(Org::B)),
            ("user", Org::A, USER, None),
        ];
        let mut made = vec![ADMIN.to_owned()];
        for (kind, lives, permissions, access) in kinds {
            let name = format!("{kind}_{}", needs.iter().map(u16::to_string).collect::<Vec<_>>().join("_"));
            let (tenant, role) = (self.world.tenants[lives as usize], self.nothing[lives as usize][0]);
            let body = World::user_body(&name, tenant, role, permissions);
            let user = id_of(&self.world.admin_makes("/api/admin/users", &body).await);
            if let Some(org) = access {
                self.access(user, org).await;
            }
            made.push(format!("{name}:{PASSWORD}"));
        }
        self.callers.borrow_mut().insert(needs, made.clone());
        made
    }

    /// The object of a cell and what bodies can name.
    async fn place(&self, operation: &Operation, org: Org) -> Place {
        let tenant = self.world.tenants[org as usize];
        let tenant_name = ["System", "OrgA", "OrgB"][org as usize];
        let roles = self.nothing[org as usize];
        let made = self.world.name();
        let body = World::user_body(&made, tenant, roles[0], &[]);
        let user = id_of(&self.world.admin_makes("/api/admin/users", &body).await);
        let (id, name) = match operation.about {
            About::Tenant => (tenant, tenant_name.to_owned()),
            About::User => (user, made),
            About::Role => {
                let name = self.world.name();
                let body = json!({ "name": name, "tenantId": tenant, "permissions": [] });
                (id_of(&self.world.admin_makes("/api/admin/roles", &body).await), name)
            }
        };
        let path = format!("/api/admin/tenants/{tenant}/admins");
        let now = self.world.house.send_as(ADMIN, Method::GET, &path, &[], Body::empty()).await.json();
        let admins = now["admins"].as_array().expect("administrators").iter().filter_map(Value::as_u64);
        Place {
            tenant,
            tenant_name,
            roles,
            user,
            admins: admins.collect(),
            id,
            name,
            fresh: self.world.name(),
        }
    }

    async fn ask(&self, operation: &Operation, org: Org, caller: Option<&str>) -> (String, Answer) {
        let place = self.place(operation, org).await;
        let path = operation.path;
        let of_a_limit =
            path.starts_with("/api/admin/limits/") && (path.contains("Id}") || path.contains("system"));
        let id = match path {
            path if path.starts_with("/api/admin/configurations") => "8".to_owned(),
            // The first of all limits has a value at every level.
            _ if of_a_limit => "1".to_owned(),
            path if path.starts_with("/api/admin/security/cors") && path.contains("{id}") => {
                let origin =
                    self.world.admin_makes("/api/admin/security/cors/whitelist", &origins(&place)).await;
                id_of(&origin["whitelist"][0]).to_string()
            }
            _ => place.id.to_string(),
        };
        let mut path = path
            .replace("{tenantId}", &place.tenant.to_string())
            .replace("{userId}", &place.user.to_string());
        if path.contains("{dataSourceId}") {
            let made = format!("/api/mgmt/datasources?user={}", place.name);
            let source = self.world.admin_makes(&made, &World::source_body(&place.name, None)).await;
            path = path.replace("{dataSourceId}", &id_of(&source).to_string());
        }
        let path = path.replace("{id}", &id);
        if let Some(before) = operation.before {
            self.world.house.post_as(ADMIN, &path, &before(&place)).await;
        }
        let body = operation.body.map(|body| body(&place).to_string());
        let headers: &[&str] = if body.is_some() { &[JSON] } else { &[] };
        let body = body.map_or_else(Body::empty, Body::from);
        let before = self.world.house.ledger.size();
        let method: Method = operation.method.parse().expect("a method");
        let answer = match caller {
            None => self.world.house.send(method, &path, headers, body).await,
            Some(caller) => self.world.house.send_as(caller, method, &path, headers, body).await,
        };
        let recorded = self.world.house.ledger.size() - before;
        // What a user logs in by is where it always was.
        let reads = operation.method == "GET" || operation.path.ends_with("/authinfo");
        let nothing = reads || !answer.status.is_success();
        assert_eq!(recorded == 0, nothing, "{} {path}: {recorded} events, {answer:?}", operation.method);
        let mut came = answer.status.as_u16().to_string();
        if operation.cells == LISTED && answer.status.is_success() {
            let named = String::from_utf8_lossy(&answer.body).contains(&format!("\"{}\"", place.name));
            came.push(if named { '+' } else { '-' });
        }
        (came, answer)
    }
}

/// The code that a refusal carries, by its status.
fn code(operation: &Operation, status: u16) -> Option<u64> {
    Some(match (status, operation.about) {
        (401, _) => 222_206_007,
        (403, _) => 222_208_103,
        // HDP has its own for these.
        (404, _) if operation.path.starts_with("/api/admin/security/whitelist") => 222_208_720,
        (404, About::Tenant) | (400, _) => 222_208_573,
        (404, About::User) => 222_207_916,
        (404, About::Role) => 222_207_924,
        _ => return None,
    })
}

#[tokio::test]
async fn permission_and_access_are_both_asked_for() {
    let administrators = Administrators::new().await;
    let mut wrong = Vec::new();
    for operation in OPERATIONS {
        let callers = administrators.callers(operation.needs).await;
        let callers = callers.iter().map(|caller| Some(caller.as_str())).chain([None]);
        for (place, org) in ORGS.into_iter().enumerate() {
            let cells: Vec<&str> = operation.cells[place].split_whitespace().collect();
            if cells.is_empty() {
                continue;
            }
            assert_eq!(cells.len(), CALLERS, "{} {}", operation.method, operation.path);
            for ((caller, cell), (column, _)) in callers.clone().zip(cells).zip(COLUMNS) {
                let expected = if cell == "ok" { operation.done } else { cell };
                let (came, answer) = administrators.ask(operation, org, caller).await;
                let coded = code(operation, answer.status.as_u16()).is_none_or(|code| answer.code() == code);
                if came != expected || !coded {
                    let body = String::from_utf8_lossy(&answer.body);
                    let (method, path) = (operation.method, operation.path);
                    wrong.push(format!(
                        "{method} {path} of {} by {column}: {expected} expected, {came} came: {body}",
                        NAMES[place]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whatever operation of administration is added, it comes into this table, but for those that ask for no access.
#[tokio::test]
async fn every_operation_of_administration_is_in_the_table_by_permission() {
    let house = super::super::house::House::new(authledger::config::Config::default());
    let document = house.document();
    let offered: BTreeSet<(String, &str)> = document
        .operations()
        .filter(|(method, path, _)| *method != "head" && path.starts_with("/api/admin/"))
        .map(|(method, path, _)| (method.to_uppercase(), path))
        .filter(|(method, path)| !WITHOUT_ACCESS.contains(&(method.as_str(), path)))
        .collect();
    let listed: BTreeSet<(String, &str)> =
        OPERATIONS.iter().map(|row| (row.method.to_owned(), row.path)).collect();
    let missing: Vec<_> = offered.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&offered).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the table: {missing:?}, only there: {gone:?}");
}

/// Operations that are about no tenant, or about what the caller sees of all: the first table asks for them.
pub(super) const WITHOUT_ACCESS: &[(&str, &str)] = &[
    // Whoever holds 11 or 12.
    ("GET", "/api/admin/permissions"),
    ("GET", "/api/admin/permissions/{id}"),
    // A tenant is made below the system tenant.
    ("POST", "/api/admin/tenants"),
    // The catalogue of limits, and who has any or a list of addresses.
    ("GET", "/api/admin/limits"),
    ("GET", "/api/admin/limits/tenants"),
    ("GET", "/api/admin/limits/users"),
    ("GET", "/api/admin/security/whitelist/tenants"),
    ("GET", "/api/admin/security/whitelist/users"),
    // 12 alone.
    ("GET", "/api/admin/passwordpolicy"),
    ("GET", "/api/admin/passwordpolicy/{id}"),
    ("PUT", "/api/admin/passwordpolicy/{id}"),
    ("GET", "/api/admin/security/whitelist/system"),
    ("POST", "/api/admin/security/whitelist/system"),
    ("PUT", "/api/admin/security/whitelist/system"),
    ("DELETE", "/api/admin/security/whitelist/system"),
    // His own.
    ("PUT", "/api/admin/userdetails/changePassword"),
    // Not offered.
    ("GET", "/api/admin/auth/types"),
    ("GET", "/api/admin/auth/types/{id}"),
    ("GET", "/api/admin/auth/services"),
    ("POST", "/api/admin/auth/services"),
    ("GET", "/api/admin/auth/services/{id}"),
    ("PUT", "/api/admin/auth/services/{id}"),
    ("DELETE", "/api/admin/auth/services/{id}"),
    ("GET", "/api/admin/users/{id}/datasources/{source}/logging"),
    ("PUT", "/api/admin/users/{id}/datasources/{source}/logging"),
];

/// This table as a part of the page.
pub(super) fn render(page: &mut String) {
    page.push_str(
        "\n## Administration, by permission and access\n\nWho has an operation's permissions and no others, with and \
         without administrative access. *ok* is the status in the column before.\n\n| Column | Caller |\n| --- | --- |\n",
    );
    for (column, who) in COLUMNS {
        writeln!(page, "| {column} | {who} |").expect("a String takes it");
    }
    page.push_str("\n| Operation | Permissions | ok | Object of |");
    for (column, _) in COLUMNS {
        write!(page, " {column} |").expect("a String takes it");
    }
    page.push_str("\n| --- | --- | --- | --- |");
    page.push_str(&" --- |".repeat(CALLERS));
    page.push('\n');
    for operation in OPERATIONS {
        let needs: Vec<String> = operation.needs.iter().map(u16::to_string).collect();
        for (cells, name) in operation.cells.iter().zip(NAMES).filter(|(cells, _)| !cells.is_empty()) {
            let (method, path, needs, done) =
                (operation.method, operation.path, needs.join(", "), operation.done);
            write!(page, "| {method} `{path}` | {needs} | {done} | {name} |").expect("a String takes it");
            for cell in cells.split_whitespace() {
                write!(page, " {cell} |").expect("a String takes it");
            }
            page.push('\n');
        }
    }
}
