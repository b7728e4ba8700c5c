//! No answer scans: what a request looks at depends on what it answers, not on how much else there is.
//!
//! Two worlds hold the same things of one user; in the second eight times as many others stand before, among and behind
//! them. Every question must look at as many entries of the tables, and at as many leaves of the log, in one as in the other,
//! and at no more than a few for each row that it answers.

use authledger::config::{Config, Reveal};
use axum::http::{Method, StatusCode};
use events::scope::Scope;
use projections::visits;
use serde_json::{Value, json};

use super::house::{ADMIN, House, JSON, PROFILES, SOURCES};

/// In how many steps a world grows; each ends with an event of the objects that are asked for.
const ROUNDS: usize = 8;
/// Data sources of the user who asks; every third is reached by OData, every fifth is a group.
const OWN: usize = 30;
/// What one look costs that finds nothing: who asks, may he, does it stand there.
const ENTRIES_MAX: u64 = 60;
/// For each row: its entry in an index, the row, and what is said beside it.
const ENTRIES_A_ROW_MAX: u64 = 4;
/// The same of a list of what has limits, which goes by two indexes at once.
const ENTRIES_A_LEAP_MAX: u64 = 24;

struct World {
    house: House,
    owner: String,
    user: u64,
    /// The one whose tokens most of his data sources use.
    profile: u64,
    /// The last of his client applications.
    client: u64,
    /// A data source in the middle of his, the next one, which he shares, and a group that the first is in.
    source: u64,
    given: u64,
    group: u64,
    /// Sequences of the events of the data source that is asked for.
    moments: Vec<u64>,
}

/// What an answer cost.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    rows: u64,
    entries: u64,
    leaves: u64,
}

impl World {
    /// With so many other users a round, each of a tenant of his own, with things like the owner's.
    async fn new(others: usize) -> Self {
        let mut config = Config::default();
        config.secrets.reveal = Reveal::Never;
        let house = House::new(config);
        let (tenant, roles) = house.tenant("Own").await;
        let mut world = Self {
            house,
            owner: String::new(),
            user: 0,
            profile: 0,
            client: 0,
            source: 0,
            given: 0,
            group: 0,
            moments: Vec::new(),
        };
        for round in 0..ROUNDS {
            for number in 0..others {
                world.other(round, number).await;
            }
            if round == ROUNDS / 2 {
                world.own(tenant, &roles).await;
            } else if round > ROUNDS / 2 {
                let body = json!({ "name": format!("round{round}") }).to_string();
                let path = format!("{SOURCES}/{}", world.source);
                let put = world.house.send_as(&world.owner, Method::PUT, &path, &[JSON], body).await;
                assert_eq!(put.status, StatusCode::OK, "{put:?}");
                world.moments.push(world.house.ledger.size() - 1);
            }
        }
        world
    }

    async fn own(&mut self, tenant: u64, roles: &[u64]) {
        let house = &self.house;
        self.owner = house.user("owner", tenant, roles, &[27]).await;
        self.user = house.ledger.read(|view| view.state.users.rows.all().last().expect("he").0.0);
        let administered = json!({ "tenantsAdministered": [tenant] }).to_string();
        let path = format!("/api/admin/users/{}/tenantsadministered", self.user);
        let put = house.send_as(ADMIN, Method::PUT, &path, &[JSON], administered).await;
        assert_eq!(put.status, StatusCode::OK, "{put:?}");
        limits(house, tenant, self.user).await;
        house.app(ADMIN, "first", Some(tenant)).await;
        let app = id_in(&house.app(ADMIN, "second", Some(tenant)).await.json()["id"]);
        for name in ["P1", "P2", "P3"] {
            self.profile = post(house, &self.owner, PROFILES, &profile(name, app)).await;
        }
        for count in 0..OWN {
            let source = post(house, &self.owner, SOURCES, &source(count, self.profile)).await;
            if count == OWN / 2 {
                self.source = source;
            }
            if count == OWN / 2 + 1 {
                self.given = source;
            }
            if count % 5 == 4 {
                self.group = source;
            }
            if count % 4 == 0 {
                limit(house, &format!("users/{}/datasources/{source}", self.user)).await;
            }
        }
        self.shared(tenant, roles).await;
        for name in ["C1", "C2", "C3"] {
            let client = house.client_of(&self.owner, name, json!({})).await;
            house.code(&client, &self.owner, &[Scope::OData]).await;
            self.client = client.id;
        }
    }

    /// What he shares, what is shared with him, and what is in his group.
    async fn shared(&self, tenant: u64, roles: &[u64]) {
        let house = &self.house;
        let peer = house.user("peer", tenant, roles, &[]).await;
        let id = house.ledger.read(|view| view.state.users.rows.all().last().expect("he").0.0);
        share(house, &self.owner, self.given, "sharedUsers", &json!({ "userId": id, "permissions": [2] }))
            .await;
        for count in 0..3 {
            let source =
                post(house, &peer, SOURCES, &json!({ "name": format!("S{count}"), "dataStore": 1 })).await;
            let with = json!({ "userId": self.user, "permissions": [2 + count] });
            share(house, &peer, source, "sharedUsers", &with).await;
        }
        let member = json!({ "id": self.source, "entityPrefix": "one" });
        share(house, &self.owner, self.group, "members", &member).await;
    }

    async fn other(&self, round: usize, number: usize) {
        let house = &self.house;
        let name = format!("other{round}x{number}");
        let (tenant, roles) = house.tenant(&name).await;
        let user = house.user(&name, tenant, &roles, &[]).await;
        let app = id_in(&house.app(ADMIN, &name, Some(tenant)).await.json()["id"]);
        let profile = post(house, &user, PROFILES, &profile("P", app)).await;
        let id = house.ledger.read(|view| view.state.users.rows.all().last().expect("he").0.0);
        limits(house, tenant, id).await;
        let client = house.client_of(&user, "C", json!({})).await;
        house.code(&client, &user, &[Scope::OData]).await;
        for count in 0..2 {
            let source = post(house, &user, SOURCES, &source(count, profile)).await;
            limit(house, &format!("users/{id}/datasources/{source}")).await;
            let with = json!({ "tenantId": tenant, "permissions": [2] });
            share(house, ADMIN, source, &format!("sharedTenants?user={name}"), &with).await;
        }
    }

    /// Asks, and counts. This thread runs every handler; what goes on behind them reads the log.
    async fn cost(&self, admin: bool, path: &str, list: Option<&str>) -> Cost {
        let path = path
            .replace("{source}", &self.source.to_string())
            .replace("{profile}", &self.profile.to_string())
            .replace("{client}", &self.client.to_string())
            .replace("{given}", &self.given.to_string())
            .replace("{group}", &self.group.to_string())
            .replace("{user}", &self.user.to_string());
        let user = if admin { ADMIN } else { &self.owner };
        // Once before, so that his password is known.
        self.house.get_as(user, "/api/mgmt/datastores").await;
        let before = (visits::count(), self.house.disk.leaves_read());
        let answer = self.house.get_as(user, &path).await;
        let after = (visits::count(), self.house.disk.leaves_read());
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        let rows = list.map_or(1, |list| answer.json()[list].as_array().expect("a list").len() as u64);
        Cost { rows, entries: after.0 - before.0, leaves: after.1 - before.1 }
    }
}

/// Makes something and answers with its id.
async fn post(house: &House, user: &str, path: &str, body: &Value) -> u64 {
    let made = house.post_as(user, path, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    id_in(&made.json()["id"])
}

/// Adds one item to the list that `what` names.
async fn share(house: &House, who: &str, source: u64, what: &str, item: &Value) {
    let list = what.split('?').next().expect("a list");
    let body = json!({ list: [item] });
    let shared = house.post_as(who, &format!("{SOURCES}/{source}/{what}"), &body).await;
    assert_eq!(shared.status, StatusCode::OK, "{shared:?}");
}

/// Limits of a tenant and of a user.
async fn limits(house: &House, tenant: u64, user: u64) {
    limit(house, &format!("tenants/{tenant}")).await;
    limit(house, &format!("users/{user}")).await;
}

async fn limit(house: &House, level: &str) {
    let set = house.post_as(ADMIN, &format!("/api/admin/limits/{level}/1"), &json!({ "value": 5 })).await;
    assert_eq!(set.status, StatusCode::CREATED, "{set:?}");
}

/// An id, which is a number in one answer and a text in another.
fn id_in(id: &Value) -> u64 {
    id.as_str().map_or_else(|| id.as_u64(), |id| id.parse().ok()).expect("an id")
}

fn profile(name: &str, app: u64) -> Value {
    json!({ "name": name, "oauthAppId": app, "accessToken": "111", "refreshToken": "222" })
}

fn source(count: usize, profile: u64) -> Value {
    let name = format!("S{count}");
    if count % 5 == 4 {
        return json!({ "name": name, "dataStore": 56, "options": {} });
    }
    let mut options = json!({ "OAuthProfileId": profile.to_string() });
    if count.is_multiple_of(3) {
        options["ODataVersion"] = json!("4");
    }
    json!({ "name": name, "dataStore": 54, "options": options })
}

/// What is asked, and under which name its answer holds rows. `{source}`, `{given}`, `{group}`, `{profile}`, `{client}`, `{user}` are the
/// owner's.
type Question = (&'static str, Option<&'static str>);

/// Asked by a user about his own things.
const OF_THE_OWNER: [Question; 24] = [
    ("/api/mgmt/oauth/client/applications", Some("applications")),
    ("/api/mgmt/oauth/client/applications/{client}", None),
    ("/api/mgmt/oauth/client/allowedapplications", Some("applications")),
    ("/api/mgmt/oauth/client/allowedapplications?limit=1", Some("applications")),
    ("/api/mgmt/datasources", Some("dataSources")),
    ("/api/mgmt/datasources?limit=10", Some("dataSources")),
    ("/api/mgmt/datasources?limit=10&after={source}", Some("dataSources")),
    ("/api/mgmt/datasources?type=group", Some("dataSources")),
    ("/api/mgmt/datasources?type=simple&isOData=true&limit=3", Some("dataSources")),
    ("/api/mgmt/datasources/{source}", None),
    ("/api/mgmt/datasources?member={source}&details=true", Some("dataSources")),
    ("/api/mgmt/datasources?limit=5&details=true", Some("dataSources")),
    ("/api/mgmt/datasources/{source}/permissions", None),
    ("/api/mgmt/datasources/{given}/sharedUsers", Some("sharedUsers")),
    ("/api/mgmt/datasources/{given}/sharedUsers?limit=1", Some("sharedUsers")),
    ("/api/mgmt/datasources/{group}/members", Some("members")),
    ("/api/mgmt/oauthprofiles", Some("profiles")),
    ("/api/mgmt/oauthprofiles?limit=1", Some("profiles")),
    ("/api/mgmt/oauthprofiles/{profile}", None),
    ("/api/mgmt/oauthprofiles/{profile}/stats", Some("dataSources")),
    ("/api/mgmt/oauthapps", Some("applications")),
    ("/api/mgmt/datastores", Some("dataStores")),
    ("/api/mgmt/datastores/54", None),
    ("/api/mgmt/permissions", None),
];

/// Asked by who made all tenants, and so administers them by name and by 12.
const OF_THE_ADMINISTRATOR: [Question; 19] = [
    ("/api/mgmt/oauth/client/applications?limit=5", Some("applications")),
    ("/api/mgmt/oauthapps?limit=5", Some("applications")),
    ("/api/mgmt/oauthapps?tenantName=Own", Some("applications")),
    ("/api/mgmt/datasources?user=owner&limit=10", Some("dataSources")),
    ("/api/admin/users?limit=5&details=true", Some("users")),
    ("/api/admin/users/{user}", None),
    ("/api/admin/users/{user}?details=true", None),
    ("/api/admin/users/{user}/permissions", None),
    ("/api/admin/users/{user}/datasources", Some("dataSources")),
    ("/api/admin/users/{user}/datasources?limit=10&after={source}", Some("dataSources")),
    ("/api/admin/users/1/tenantsadministered?limit=5", Some("tenantsAdministered")),
    ("/api/admin/tenants?limit=5", Some("tenants")),
    ("/api/admin/roles?limit=5", Some("roles")),
    ("/api/admin/roles?limit=5&tenantId=1", Some("roles")),
    ("/api/admin/tenants/2", None),
    ("/api/admin/tenants/2/admins", Some("admins")),
    ("/api/admin/roles/4", Some("users")),
    ("/metrics", None),
    ("/readyz", None),
];

/// Asked by the owner, who keeps his tenant's limits; every other user, tenant and data source of another has some, too.
const OF_THE_KEEPER: [Question; 7] = [
    ("/api/admin/limits", Some("limits")),
    ("/api/admin/limits/tenants", Some("tenantLimits")),
    ("/api/admin/limits/users", Some("userLimits")),
    ("/api/admin/limits/users/{user}", Some("limits")),
    ("/api/admin/limits/users/{user}/1", None),
    ("/api/admin/limits/users/{user}/datasources", Some("dataSourceLimits")),
    ("/api/admin/limits/users/{user}/datasources?limit=2", Some("dataSourceLimits")),
];

#[tokio::test]
async fn limits_of_others_cost_nothing() {
    let (small, large) = (World::new(2).await, World::new(16).await);
    for (path, list) in OF_THE_KEEPER {
        let in_small = small.cost(false, path, list).await;
        let in_large = large.cost(false, path, list).await;
        assert_eq!(in_small, in_large, "{path}");
        let Cost { rows, entries, leaves } = in_large;
        assert!(entries <= ENTRIES_MAX + rows * ENTRIES_A_LEAP_MAX, "{path}: {entries} for {rows} rows");
        assert!(rows > 0 && entries > 0 && leaves == 0, "{path}: {leaves} leaves");
    }
    for kind in ["tenant", "user"] {
        let (path, list) = (format!("/api/admin/limits/{kind}s?limit=5"), format!("{kind}Limits"));
        let in_small = small.cost(true, &path, Some(&list)).await;
        assert_eq!(in_small, large.cost(true, &path, Some(&list)).await, "{path}");
        assert_eq!(in_small.rows, 5);
        assert!(in_small.entries <= ENTRIES_MAX + 5 * ENTRIES_A_LEAP_MAX, "{path}: {in_small:?}");
    }
}

#[tokio::test]
async fn no_answer_looks_at_more_because_there_is_more() {
    let (small, large) = (World::new(2).await, World::new(16).await);
    let asked_by = |admin: bool| move |question| (admin, question);
    let questions = OF_THE_OWNER.into_iter().map(asked_by(false));
    for (admin, (path, list)) in questions.chain(OF_THE_ADMINISTRATOR.into_iter().map(asked_by(true))) {
        let in_small = small.cost(admin, path, list).await;
        let in_large = large.cost(admin, path, list).await;
        assert_eq!(in_small, in_large, "{path}");
        let Cost { rows, entries, leaves } = in_large;
        assert!(entries <= ENTRIES_MAX + rows * ENTRIES_A_ROW_MAX, "{path}: {entries} for {rows} rows");
        assert!(rows > 0 && (entries > 0 || path == "/readyz") && leaves == 0, "{path}: {leaves} leaves");
    }
}

#[tokio::test]
async fn looking_back_reads_the_object_s_own_events_however_many_lie_between() {
    let mut costs = Vec::new();
    for others in [2, 16] {
        let world = World::new(others).await;
        let events = world.moments.len() as u64 + 1;
        let history = "/api/audit/objects/data_source/{source}/history";
        let page = world.cost(true, &format!("{history}?limit=2"), Some("events")).await;
        assert_eq!((page.rows, page.leaves), (2, 3), "one more tells whether there are more");
        let next = format!("{history}?limit=2&before={}", world.moments[1]);
        let next = world.cost(true, &next, Some("events")).await;
        assert_eq!((next.rows, next.leaves), (2, 3), "it begins where the last page ended");
        let whole = world.cost(true, history, Some("events")).await;
        assert_eq!((whole.rows, whole.leaves), (events, events));
        let then = format!("/api/mgmt/datasources/{{source}}?asOf={}", world.moments[0]);
        let then = world.cost(false, &then, None).await;
        assert_eq!(then.leaves, 5, "the event that is named, a walk over two, and their fold");
        let now = format!("/api/mgmt/datasources/{{source}}?asOf={}", world.house.ledger.size() - 1);
        let now = world.cost(false, &now, None).await;
        assert!(now.leaves <= 2 * events + 1, "{now:?}");
        costs.push([page, next, whole, then, now]);
    }
    assert_eq!(costs[0], costs[1]);
}
