//! Who may do what: one table of operation × caller × own / on behalf. Every cell of it is sent, and the table is a page.
//!
//! What a cell expects is written down in `table.rs`, by hdp-api 9.4 and the permissions each operation names, and not taken
//! from what the server happens to answer. `UPDATE_GOLDEN=1` writes `docs/ACCESS.md` anew from it.

mod audit;
mod by_permission;
mod by_token;
mod client_applications;
mod limits;
mod not_offered;
mod page;
mod sharing;
mod table;
mod tenants_and_roles;
mod users;
mod whitelists;

use std::cell::Cell;
use std::collections::BTreeSet;

use authledger::config::Config;
use authledger::vault::login::LoginName;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use self::table::{Body as Sent, Look, Org, Row, TABLE, Thing, Whose};
use super::house::{ADMIN, APPS, Answer, House, JSON, PASSWORD, app_body, basic};

const PROFILES: &str = "/api/mgmt/oauthprofiles";
const SOURCES: &str = "/api/mgmt/datasources";
/// What is planted as every secret, so that an answer that shows one is known.
const SECRET: &str = "1912308409123890";
/// On behalf of whom: an ordinary user of OrgA.
const TARGET: &str = "ann";
/// Another ordinary user of OrgA.
const ANOTHER: &str = "bob";
/// Another holder of 12, for nobody acts for others to give something to himself.
const GIVER: &str = "giver";

/// Everybody who asks, in the order of the columns.
const CALLERS: usize = 11;

struct Caller {
    /// `None` for who sends no credentials.
    name: Option<&'static str>,
    tenant: Org,
    permissions: &'static [u16],
    /// Whether he has administrative access on OrgA.
    access: bool,
}

/// Permissions of the predefined roles 2 and 3.
const USER: &[u16] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const DELEGATE: &[u16] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 28];
const ALL_BUT_12: &[u16] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    101, 102,
];

const fn caller(name: &'static str, tenant: Org, permissions: &'static [u16], access: bool) -> Caller {
    Caller { name: Some(name), tenant, permissions, access }
}

const WHO: [Caller; CALLERS] = [
    caller("d2cadmin", Org::System, &[12], false),
    caller("apps_access", Org::System, &[11, 28], true),
    caller("apps", Org::System, &[11, 28], false),
    caller("apps_child", Org::A, &[11, 28], false),
    caller("delegate", Org::System, DELEGATE, true),
    caller("delegate_elsewhere", Org::System, DELEGATE, false),
    caller("user", Org::A, USER, false),
    caller("one_to_four", Org::A, &[1, 2, 3, 4], false),
    caller("none", Org::A, &[], false),
    caller("foreign", Org::B, ALL_BUT_12, false),
    Caller { name: None, tenant: Org::A, permissions: &[], access: false },
];

/// A server with everybody in it, and how cells make what they ask about.
struct World {
    house: House,
    /// In the order of [`Org`].
    tenants: [u64; 3],
    /// An application of each.
    apps: [u64; 3],
    /// A role of each with the permissions of ordinary users.
    roles: [u64; 3],
    /// Who has administrative access on OrgA.
    administrators: Vec<u64>,
    made: Cell<u64>,
    /// The member of the group that was made last.
    member: Cell<u64>,
}

impl World {
    async fn new() -> World {
        let house = House::new(Config::default());
        let made = Cell::new(0);
        let (tenants, roles, administrators, member) = ([1, 0, 0], [2, 0, 0], Vec::new(), Cell::new(0));
        let mut world = World { house, tenants, apps: [0; 3], roles, administrators, made, member };
        // Tenants come after who gets administrative access on one, and their users after them.
        let nothing = world.role(1, &[]).await;
        for caller in &WHO[1..] {
            if matches!(caller.tenant, Org::System) {
                let id = world.user(caller, 1, nothing).await;
                world.administrators.extend(caller.access.then_some(id));
            }
        }
        for (org, name) in [(Org::A, "OrgA"), (Org::B, "OrgB")] {
            let admins: &[u64] = if matches!(org, Org::A) { &world.administrators } else { &[] };
            let body = json!({ "name": name, "parentTenant": 1, "importedRoles": [2], "admins": admins });
            let tenant = world.admin_makes("/api/admin/tenants", &body).await;
            world.tenants[org as usize] = id_of(&tenant);
            world.roles[org as usize] = tenant["roles"][0].as_u64().expect("a copied role");
        }
        for org in [Org::A, Org::B] {
            let tenant = world.tenants[org as usize];
            let nothing = world.role(tenant, &[]).await;
            for caller in
                WHO.iter().filter(|caller| caller.name.is_some() && caller.tenant as usize == org as usize)
            {
                world.user(caller, tenant, nothing).await;
            }
        }
        for name in [TARGET, ANOTHER] {
            let (tenant, role) = (world.tenants[Org::A as usize], world.roles[Org::A as usize]);
            world.house.user(name, tenant, &[role], &[]).await;
        }
        world.house.user(GIVER, 1, &[1], &[]).await;
        for org in [Org::System, Org::A, Org::B] {
            world.apps[org as usize] = world.app(org).await.0;
        }
        world
    }

    async fn role(&self, tenant: u64, permissions: &[u16]) -> u64 {
        let name = self.name();
        let body = json!({ "name": name, "tenantId": tenant, "permissions": permissions });
        id_of(&self.admin_makes("/api/admin/roles", &body).await)
    }

    async fn user(&self, caller: &Caller, tenant: u64, nothing: u64) -> u64 {
        let name = caller.name.expect("a user");
        let body = Self::user_body(name, tenant, nothing, caller.permissions);
        id_of(&self.admin_makes("/api/admin/users", &body).await)
    }

    fn user_body(name: &str, tenant: u64, role: u64, permissions: &[u16]) -> Value {
        json!({
            "userName": name, "tenantId": tenant, "statusInfo": { "status": 1 },
            "passwordInfo": { "password": PASSWORD },
            "permissions": { "roles": [role], "permissions": permissions },
        })
    }

    async fn app(&self, org: Org) -> (u64, String) {
        let name = self.name();
        let mut body = app_body(&name);
        body["tenantId"] = json!(self.tenants[org as usize]);
        (id_of(&self.admin_makes(APPS, &body).await), name)
    }

    fn profile_body(&self, name: &str, org: Org) -> Value {
        json!({ "name": name, "oauthAppId": self.apps[org as usize], "accessToken": SECRET, "refreshToken": SECRET })
    }

    fn source_body(name: &str, profile: Option<u64>) -> Value {
        let mut options = json!({ "ODataVersion": "4", "Password": SECRET });
        let mut store = 1;
        if let Some(profile) = profile {
            options = json!({ "OAuthProfileId": profile.to_string() });
            store = 54;
        }
        json!({ "name": name, "dataStore": store, "options": options })
    }

    async fn admin_makes(&self, path: &str, body: &Value) -> Value {
        let answer = self.house.post_as(ADMIN, path, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path} {body}: {answer:?}");
        answer.json()
    }

    /// A name that nothing has yet and no other name begins with.
    fn name(&self) -> String {
        self.made.set(self.made.get() + 1);
        format!("thing_{}_", self.made.get())
    }

    /// Makes what a cell asks about, as it belongs to `his`; answers with its id and its name.
    async fn make(&self, thing: Thing, his: &str) -> (u64, String) {
        let owner = |whose: Whose| match whose {
            Whose::His => his.to_owned(),
            Whose::Anothers => ANOTHER.to_owned(),
        };
        let name = self.name();
        match thing {
            Thing::Nothing => (0, name),
            Thing::App(org) => self.app(org).await,
            Thing::Profile(whose) => {
                let path = format!("{PROFILES}?user={}", owner(whose));
                let body = self.profile_body(&name, Org::System);
                (id_of(&self.admin_makes(&path, &body).await), name)
            }
            Thing::Client(whose) => (self.client(&owner(whose), &name).await, name),
            Thing::Source(whose) => (self.source(&owner(whose), &name, 1).await, name),
            Thing::SharedWithHim(permissions) => {
                let made = self.source(ANOTHER, &name, 1).await;
                let body = json!({ "sharedUsers": [{ "userId": self.id_of_user(his), "permissions": permissions }] });
                self.does(&format!("{GIVER}:{PASSWORD}"), made, "sharedUsers", ANOTHER, &body).await;
                (made, name)
            }
            Thing::SharedWithAnother | Thing::SharedWithOrgA => {
                let made = self.source(his, &name, 1).await;
                let (what, body) = match thing {
                    Thing::SharedWithAnother => ("sharedUsers", self.users_body()),
                    _ => ("sharedTenants", self.tenants_body()),
                };
                self.admin_does(made, what, his, &body).await;
                (made, name)
            }
            Thing::Group => {
                let group = self.source(his, &name, 56).await;
                let body = self.members_body(his).await;
                self.member.set(id_of(&body["members"][0]));
                self.admin_does(group, "members", his, &body).await;
                (group, name)
            }
            Thing::TenantA => (self.tenants[Org::A as usize], "OrgA".to_owned()),
            Thing::EmptyTenant => {
                let body = json!({ "name": name, "parentTenant": 1, "admins": self.administrators });
                (id_of(&self.admin_makes("/api/admin/tenants", &body).await), name)
            }
            Thing::UserOfA => {
                let (tenant, role) = (self.tenants[Org::A as usize], self.roles[Org::A as usize]);
                let body = Self::user_body(&name, tenant, role, &[]);
                (id_of(&self.admin_makes("/api/admin/users", &body).await), name)
            }
            Thing::RoleOfA => {
                let body = json!({ "name": name, "tenantId": self.tenants[Org::A as usize] });
                (id_of(&self.admin_makes("/api/admin/roles", &body).await), name)
            }
            Thing::Snapshot => {
                let taken =
                    self.house.send_as(ADMIN, Method::POST, "/api/operate/snapshots", &[], Body::empty());
                let taken = taken.await.json();
                (taken["size"].as_u64().expect("a size"), name)
            }
            Thing::Limit(level, set) => (self.limit(level, set).await, name),
            Thing::Number(id) => (id, name),
            Thing::SystemAddresses => {
                self.addresses("/api/admin/security/whitelist/system").await;
                (1, name)
            }
            Thing::AddressesOfA => {
                let tenant = self.tenants[Org::A as usize];
                self.addresses(&format!("/api/admin/security/whitelist/tenants/{tenant}")).await;
                (tenant, "OrgA".to_owned())
            }
            Thing::Addresses(whose) => {
                let owner = owner(whose);
                self.addresses(&format!("/api/mgmt/security/whitelist/user?user={owner}")).await;
                (0, owner)
            }
            Thing::Origin => {
                let domain = format!("https://{name}.example");
                let body = json!({ "whitelist": [{ "domain": domain }] });
                let made = self.admin_makes("/api/admin/security/cors/whitelist", &body).await;
                (id_of(&made["whitelist"][0]), domain)
            }
        }
    }

    /// Sets lists of addresses there; nobody in these tests is kept out by them, for they all ask from this machine.
    async fn addresses(&self, path: &str) {
        let body = json!({ "dataAccess": [{ "startAddress": "192.0.2.1" }] }).to_string();
        let answer = self.house.send_as(ADMIN, Method::PUT, path, &[JSON], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
    }

    /// An id by the name that it was made with.
    fn id_of_user(&self, name: &str) -> u64 {
        let name = LoginName::parse(name).expect("a good name");
        let tag = self.house.app.vault().login_tag(&name);
        self.house.ledger.read(|view| view.logins.get(&tag).copied()).expect("a user").0
    }

    async fn source(&self, owner: &str, name: &str, store: u64) -> u64 {
        let mut body = Self::source_body(name, None);
        if store == 56 {
            body = json!({ "name": name, "dataStore": 56 });
        }
        id_of(&self.admin_makes(&format!("{SOURCES}?user={owner}"), &body).await)
    }

    /// Registered by its owner himself.
    async fn client(&self, owner: &str, name: &str) -> u64 {
        let credentials = if owner == "d2cadmin" { ADMIN.to_owned() } else { format!("{owner}:{PASSWORD}") };
        let path = "/api/mgmt/oauth/client/applications";
        let made = self.house.post_as(&credentials, path, &Self::client_body(name)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        id_of(&made.json())
    }

    fn client_body(name: &str) -> Value {
        json!({ "name": name, "redirectUrls": ["bedford.progresstest.com"] })
    }

    fn users_body(&self) -> Value {
        json!({ "sharedUsers": [{ "userId": self.id_of_user(ANOTHER), "permissions": [2] }] })
    }

    fn tenants_body(&self) -> Value {
        json!({ "sharedTenants": [{ "tenantId": self.tenants[Org::A as usize], "permissions": [2] }] })
    }

    /// With a new data source of `owner`'s.
    async fn members_body(&self, owner: &str) -> Value {
        let name = self.name();
        json!({ "members": [{ "id": self.source(owner, &name, 1).await, "entityPrefix": name }] })
    }

    async fn admin_does(&self, source: u64, what: &str, owner: &str, body: &Value) {
        self.does(ADMIN, source, what, owner, body).await;
    }

    async fn does(&self, who: &str, source: u64, what: &str, owner: &str, body: &Value) {
        let path = format!("{SOURCES}/{source}/{what}?user={owner}");
        let answer = self.house.post_as(who, &path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path} {body}: {answer:?}");
    }

    /// What is sent about `named`.
    async fn body(&self, sent: Sent, his: &str, named: &str) -> Option<Value> {
        let name = self.name();
        Some(match sent {
            Sent::None => return None,
            Sent::Empty => json!({}),
            Sent::App(org) => {
                let mut body = app_body(&name);
                body["tenantId"] = json!(self.tenants[org as usize]);
                body
            }
            Sent::Profile(org) => self.profile_body(&name, org),
            Sent::Source(None) => Self::source_body(&name, None),
            Sent::Source(Some(whose)) => {
                let profile = self.make(Thing::Profile(whose), his).await.0;
                Self::source_body(&name, Some(profile))
            }
            Sent::Origins => json!({ "whitelist": [{ "domain": format!("https://{name}.example") }] }),
            Sent::Origin => json!({ "domain": format!("https://{name}.example") }),
            Sent::Limit => json!({ "value": 7 }),
            Sent::Configuration => json!({ "value": "2" }),
            Sent::PasswordPolicy => json!({ "name": name, "rules": [], "expirationDays": 0 }),
            Sent::Client => Self::client_body(&name),
            Sent::SameName => json!({ "name": named, "options": { "ODataVersion": "4" } }),
            Sent::Permissions => json!({ "permissions": [2] }),
            Sent::SharedUsers => self.users_body(),
            Sent::SharedTenants => self.tenants_body(),
            Sent::Members(Whose::His) => self.members_body(his).await,
            Sent::Members(Whose::Anothers) => self.members_body(ANOTHER).await,
            Sent::NoMembers => json!({ "members": [] }),
            Sent::Level => json!({ "level": "info" }),
            Sent::Tenant => json!({ "name": name, "parentTenant": 1 }),
            Sent::TenantReplaced => json!({ "name": name, "status": 1 }),
            Sent::Administrators => json!({ "admins": self.administrators }),
            Sent::Role(permissions) => json!({ "name": name, "permissions": permissions }),
            Sent::UserOfA => {
                Self::user_body(&name, self.tenants[Org::A as usize], self.roles[Org::A as usize], &[])
            }
            Sent::UserAgain => json!({
                "userName": name, "statusInfo": { "status": 1 },
                "permissions": { "roles": [self.roles[Org::A as usize]] },
            }),
            Sent::HeldInA => json!({ "roles": [self.roles[Org::A as usize]], "permissions": [] }),
            Sent::AdministersA => json!({ "tenantsAdministered": [self.tenants[Org::A as usize]] }),
            Sent::Fixed(text) => serde_json::from_str(text).expect("JSON"),
            Sent::RoleOfA => {
                json!({ "name": name, "tenantId": self.tenants[Org::A as usize], "permissions": [11] })
            }
        })
    }

    /// Sends a cell and says what came, in the words of the table.
    async fn ask(&self, row: &Row, caller: &Caller, on_behalf: bool) -> (String, Answer) {
        let his = if on_behalf { TARGET } else { caller.name.unwrap_or(TARGET) };
        let authorization = match caller.name {
            None => None,
            Some("d2cadmin") => Some(basic(ADMIN)),
            Some(name) => Some(basic(&format!("{name}:{PASSWORD}"))),
        };
        self.ask_as(row, his, on_behalf, authorization).await
    }

    /// The same with this header, about things of `his`.
    async fn ask_as(
        &self,
        row: &Row,
        his: &str,
        on_behalf: bool,
        authorization: Option<String>,
    ) -> (String, Answer) {
        let (id, name) = self.make(row.about, his).await;
        let body = self.body(row.body, his, &name).await;
        let mut path = self.with_levels(row.path).await.replace("{id}", &id.to_string());
        path = path.replace("{sequence}", &(self.house.ledger.size() - 1).to_string());
        path = path.replace("{kind}", "user").replace("{path}", "a/b").replace("{size}", &id.to_string());
        let (user, tenant) = (self.id_of_user(ANOTHER), self.tenants[Org::A as usize]);
        for (place, id) in [("{userId}", user), ("{tenantId}", tenant), ("{memberId}", self.member.get())] {
            path = path.replace(place, &id.to_string());
        }
        if on_behalf {
            path += if path.contains('?') { "&" } else { "?" };
            path += "user=";
            path += TARGET;
        }
        let headers = authorization.as_deref().into_iter().chain(body.is_some().then_some(JSON));
        let headers: Vec<&str> = headers.collect();
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let before = self.house.ledger.size();
        let method: Method = row.method.parse().expect("a method");
        let answer = self.house.send(method, &path, &headers, body).await;
        let shown = String::from_utf8_lossy(&answer.body);
        let mark = match row.look {
            Look::Nothing => "",
            _ if !answer.status.is_success() => "",
            Look::Secret if shown.contains(SECRET) => "+",
            Look::ClientSecret if shown.contains("\"clientSecret\"") => "+",
            Look::Name if shown.contains(&format!("\"{name}\"")) => "+",
            Look::Secret | Look::ClientSecret | Look::Name => "-",
        };
        // What is refused, and what only reads, records nothing; a secret is shown after one event that says so.
        let recorded = self.house.ledger.size() - before;
        let expected = match (row.method, mark, answer.status.is_success()) {
            ("GET", "+", true) if matches!(row.look, Look::Secret | Look::ClientSecret) => 1..=1,
            ("GET", _, _) | (_, _, false) => 0..=0,
            _ if !row.recorded => 0..=0,
            _ => 1..=u64::MAX,
        };
        assert!(expected.contains(&recorded), "{} {path}: {recorded} events, {answer:?}", row.method);
        (format!("{}{}{mark}", answer.status.as_u16(), why(row, &answer)), answer)
    }
}

/// What the code adds to the status: nothing when it is the one that the row expects, a letter, or the whole code.
fn why(row: &Row, answer: &Answer) -> String {
    let status = answer.status.as_u16();
    if status < 400 {
        return String::new();
    }
    let expected = match status {
        401 => 222_206_007,
        403 => 222_208_103,
        404 => row.not_found,
        400 => row.unknown_reference,
        501 => 222_299_034,
        _ => 0,
    };
    // The authorization server asks who the client application is, and no user is one; people it answers with a page.
    let is_page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    if is_page || answer.json()["error"].is_string() {
        return String::new();
    }
    match answer.code() {
        code if code == expected => String::new(),
        222_207_916 if status == 404 => "u".to_owned(),
        222_299_008 => "p".to_owned(),
        222_299_053 => "s".to_owned(),
        222_299_054 => "n".to_owned(),
        code => format!(" ({code})"),
    }
}

fn id_of(body: &Value) -> u64 {
    match &body["id"] {
        Value::String(text) => text.parse().expect("digits"),
        id => id.as_u64().expect("an id"),
    }
}

#[tokio::test]
async fn the_access_table_holds_cell_by_cell() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for family in TABLE {
        for row in family.rows {
            for (on_behalf, expected) in [(false, row.own), (true, row.on_behalf)] {
                if on_behalf && expected.is_empty() {
                    continue;
                }
                let expected: Vec<&str> = expected.split_whitespace().collect();
                assert_eq!(expected.len(), CALLERS, "{} {}", row.method, row.path);
                for (caller, expected) in WHO.iter().zip(expected) {
                    let (came, answer) = world.ask(row, caller, on_behalf).await;
                    if came != expected {
                        let name = caller.name.unwrap_or("anonymous");
                        let how = if on_behalf { "on behalf" } else { "own" };
                        let (method, path, what) = (row.method, row.path, row.what);
                        let body = String::from_utf8_lossy(&answer.body);
                        wrong.push(format!(
                            "{method} {path} ({what}) {how} by {name}: {expected} expected, {came} came: {body}"
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whatever route is added, its operations come into the table.
#[tokio::test]
async fn the_access_table_has_every_operation_of_the_document() {
    let house = House::new(Config::default());
    let document = house.document();
    let offered: BTreeSet<(String, &str)> = document
        .operations()
        .filter(|(method, ..)| *method != "head")
        .map(|(method, path, _)| (method.to_uppercase(), path))
        .collect();
    let rows = TABLE.iter().flat_map(|family| family.rows);
    let listed: BTreeSet<(String, &str)> =
        rows.map(|row| (row.method.to_owned(), row.path.split('?').next().unwrap_or_default())).collect();
    let missing: Vec<_> = offered.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&offered).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the table: {missing:?}, only there: {gone:?}");
}

#[test]
fn the_access_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ACCESS.md");
    let page = page::render();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &page).expect("docs/ACCESS.md is written");
    }
    let stored = std::fs::read_to_string(path).expect("docs/ACCESS.md");
    assert_eq!(stored, page, "run with UPDATE_GOLDEN=1 and look at the difference");
}
