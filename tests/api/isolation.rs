//! SECURITY L9: what a tenant's user sends, whatever it is, neither changes nor shows anything of another tenant, and tells
//! nothing about what is there.
//!
//! Two houses are the same event by event. What is sent to one of them names what another tenant has: ids, names,
//! references, keys. To the other goes the same request with ids and names that never existed. Both must answer the same
//! after those are taken out of it, hash as many passwords, and record as much; and in the first nothing of the other tenant
//! may move or show. The routes are those of the document, so that new ones come in by themselves.
//!
//! Left out because they are known: gaps in counters, `Ledger-Sequence`, and 409 on a taken user name (hdp-api 9.4).

use authledger::config::Config;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::house::{ADMIN, APPS, Answer, House, JSON, PASSWORD, PROFILES, SOURCES, app_body};

/// Requests of one run, each to both houses.
const REQUESTS: usize = 75;
/// Runs; `AUTHLEDGER_SOAK` makes them many.
const RUNS: u32 = 20;
const SOAK_RUNS: u32 = 1000;

/// Stands in every text of OrgB, and nobody ever sends it.
const MARK: &str = "nobodys business";
/// Where nothing ever was.
const NO_ID: u64 = 4_000_000_000;

/// Who asks: everything but 12 in OrgA; an ordinary user of OrgA; the system tenant's delegate for OrgA.
const WHO: [&str; 3] = ["alma", "adam", "delegate"];

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];

/// What an id or a name in a request points at.
#[derive(Clone, Copy, Debug)]
enum Pick {
    /// OrgB's in one house, nobody's in the other.
    Theirs,
    Own,
    Systems,
    Odd(usize),
}

/// Kinds of things that have ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tenant,
    Role,
    User,
    App,
    Profile,
    Source,
}

const ODD: [&str; 6] = ["0", "-1", "x", "18446744073709551616", "9999", "%20"];

#[derive(Clone, Debug)]
struct Ask {
    who: usize,
    /// Of the document's operations, taken round.
    operation: usize,
    /// Another method than the operation's.
    method: Option<usize>,
    id: Pick,
    /// Of the streams in an audit path.
    stream: usize,
    query: Vec<(usize, Pick)>,
    /// What is wrong with the body: nothing, mostly.
    body: usize,
    references: Pick,
    name: Pick,
    header: usize,
}

fn pick() -> impl Strategy<Value = Pick> + Clone {
    prop_oneof![
        6 => Just(Pick::Theirs),
        2 => Just(Pick::Own),
        1 => Just(Pick::Systems),
        1 => (0..ODD.len()).prop_map(Pick::Odd),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let method = prop_oneof![5 => Just(None), 1 => (0..METHODS.len()).prop_map(Some)];
    let query = prop_oneof![
        2 => Just(Vec::new()),
        2 => prop::collection::vec((0..QUERIES.len(), pick()), 1..3),
    ];
    let about = (0..WHO.len(), any::<usize>(), method, pick(), 0..STREAMS.len());
    (about, query, 0..12_usize, pick(), pick(), 0..10_usize).prop_map(
        |((who, operation, method, id, stream), query, body, references, name, header)| Ask {
            who,
            operation,
            method,
            id,
            stream,
            query,
            body,
            references,
            name,
            header,
        },
    )
}

/// Query parameters, and of which kind their value is; without one it is a number that is the same in both houses.
const QUERIES: [(&str, Option<Kind>); 11] = [
    ("user", Some(Kind::User)),
    ("user", Some(Kind::User)),
    ("tenantId", Some(Kind::Tenant)),
    ("tenantID", Some(Kind::Tenant)),
    ("tenantName", Some(Kind::Tenant)),
    ("asOf", None),
    ("after", None),
    ("before", None),
    ("limit", None),
    ("type", None),
    ("member", Some(Kind::Source)),
];

const STREAMS: [(&str, Kind); 8] = [
    ("tenant", Kind::Tenant),
    ("role", Kind::Role),
    ("user", Kind::User),
    ("oauth_app", Kind::App),
    ("oauth_profile", Kind::Profile),
    ("data_source", Kind::Source),
    ("disclosures", Kind::User),
    ("ledger", Kind::Tenant),
];

/// A house with two tenants in it, whose users have one of everything.
struct Tenants {
    house: House,
    /// The ids of things, by kind: OrgA's (or the asking user's), the system tenant's, OrgB's.
    ids: Vec<(Kind, [u64; 3])>,
    /// What OrgB has must stay like this.
    theirs: String,
    /// The ETag of OrgB's application.
    tag: String,
}

/// Names of things, in the same order.
fn names(kind: Kind) -> [&'static str; 3] {
    match kind {
        Kind::Tenant => ["OrgA", "System", "OrgB"],
        Kind::Role => ["RoleOfA", "User", "RoleOfB"],
        Kind::User => ["adam", "d2cadmin", "bruno"],
        Kind::App => ["AppOfA", "AppOfSystem", "AppOfB"],
        Kind::Profile => ["ProfileOfA", "ProfileOfSystem", "ProfileOfB"],
        Kind::Source => ["SourceOfA", "SourceOfSystem", "SourceOfB"],
    }
}

/// A name like OrgB's that nothing has.
fn nobodys(kind: Kind) -> &'static str {
    match kind {
        Kind::Tenant => "OrgX",
        Kind::Role => "RoleOfX",
        Kind::User => "xaver",
        Kind::App => "AppOfX",
        Kind::Profile => "ProfileOfX",
        Kind::Source => "SourceOfX",
    }
}

fn id_of(answer: &Answer) -> u64 {
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    match &answer.json()["id"] {
        Value::String(text) => text.parse().expect("digits"),
        id => id.as_u64().expect("an id"),
    }
}

impl Tenants {
    async fn new() -> Tenants {
        let house = House::new(Config::default());
        let delegate = house.user("delegate", 1, &[3], &[28]).await;
        assert!(delegate.starts_with(WHO[2]));
        let mut ids: Vec<(Kind, [u64; 3])> =
            [Kind::Tenant, Kind::Role, Kind::User, Kind::App, Kind::Profile, Kind::Source]
                .map(|kind| (kind, [1, 1, 0]))
                .into();
        let all: Vec<u16> = (1..=29).filter(|id| *id != 12).chain([101, 102]).collect();
        let mut tag = String::new();
        for (org, tenant_name, users) in [(0, "OrgA", ["adam", "alma"]), (2, "OrgB", ["bruno", "berta"])] {
            let text = if org == 2 { MARK } else { "known" };
            let admins = if org == 0 { json!([2]) } else { json!([]) };
            let body = json!({
                "name": tenant_name, "parentTenant": 1, "description": text, "importedRoles": [2], "admins": admins,
            });
            let made = house.post_as(ADMIN, "/api/admin/tenants", &body).await;
            let (tenant, copied) = (id_of(&made), made.json()["roles"][0].as_u64().expect("a role"));
            let role = names(Kind::Role)[org];
            let body = json!({ "name": role, "tenantId": tenant, "description": text, "permissions": [1] });
            let role = id_of(&house.post_as(ADMIN, "/api/admin/roles", &body).await);
            let ordinary = house.user(users[0], tenant, &[copied], &[]).await;
            house.user(users[1], tenant, &[copied], &all).await;
            let user = house.ledger.read(|view| view.state.users.rows.range(..).count() as u64) - 1;
            let mut app = app_body(names(Kind::App)[org]);
            app["tenantId"] = json!(tenant);
            app["description"] = json!(text);
            app["clientSecret"] = json!(text);
            let made = house.post_as(ADMIN, APPS, &app).await;
            let app = id_of(&made);
            let profile = json!({
                "name": names(Kind::Profile)[org], "oauthAppId": app, "description": text, "refreshToken": text,
            });
            let profile = id_of(&house.post_as(&ordinary, PROFILES, &profile).await);
            let source = json!({
                "name": names(Kind::Source)[org], "dataStore": 54, "description": text,
                "options": { "OAuthProfileId": profile, "Secret": text },
            });
            let keys: &[&str] = if org == 2 { &[JSON, "idempotency-key: theirs"] } else { &[JSON] };
            let source = source.to_string();
            let source = id_of(&house.send_as(&ordinary, Method::POST, SOURCES, keys, source).await);
            for (kind, ids) in &mut ids {
                ids[org] = match kind {
                    Kind::Tenant => tenant,
                    Kind::Role => role,
                    Kind::User => user,
                    Kind::App => app,
                    Kind::Profile => profile,
                    Kind::Source => source,
                };
            }
            if org == 0 {
                let of_system = id_of(&house.app(ADMIN, names(Kind::App)[1], None).await);
                ids.iter_mut().filter(|(kind, _)| *kind == Kind::App).for_each(|(_, ids)| ids[1] = of_system);
            }
            made.header("etag").expect("an ETag").clone_into(&mut tag);
        }
        let mut tenants = Tenants { house, ids, theirs: String::new(), tag };
        tenants.theirs = tenants.rows_of_b();
        tenants
    }

    fn ids(&self, kind: Kind) -> [u64; 3] {
        self.ids.iter().find(|(other, _)| *other == kind).expect("every kind").1
    }

    /// Everything of OrgB, as it is now.
    fn rows_of_b(&self) -> String {
        let tenant = events::id::TenantId(self.ids(Kind::Tenant)[2]);
        self.house.ledger.read(|view| {
            let state = &view.state;
            let of_b = (
                state.tenants.rows.get(&tenant),
                state.roles.rows.range(..).filter(|(_, row)| row.tenant == tenant).collect::<Vec<_>>(),
                state.users.rows.range(..).filter(|(_, row)| row.tenant == tenant).collect::<Vec<_>>(),
                state.oauth_apps.rows.range(..).filter(|(_, row)| row.tenant == tenant).collect::<Vec<_>>(),
                state
                    .oauth_profiles
                    .rows
                    .range(..)
                    .filter(|(_, row)| row.tenant == tenant)
                    .collect::<Vec<_>>(),
                state.data_sources.rows.range(..).filter(|(_, row)| row.tenant == tenant).collect::<Vec<_>>(),
            );
            format!("{of_b:?}")
        })
    }

    /// What stands for an id of that kind in a request to this house.
    fn id(&self, kind: Kind, pick: Pick, there: bool) -> String {
        let ids = self.ids(kind);
        match pick {
            Pick::Theirs if there => ids[2].to_string(),
            Pick::Theirs => NO_ID.to_string(),
            Pick::Own => ids[0].to_string(),
            Pick::Systems => ids[1].to_string(),
            Pick::Odd(which) => ODD[which].to_owned(),
        }
    }

    fn id_json(&self, kind: Kind, pick: Pick, there: bool) -> Value {
        let id = self.id(kind, pick, there);
        id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id))
    }

    /// The body that an operation asks for, with references to what `ask` picks.
    fn body(&self, path: &str, ask: &Ask, number: usize, there: bool) -> String {
        let id = |kind| self.id_json(kind, ask.references, there);
        // A taken user name is answered 409, whoever has it: that is known.
        let name = |kind: Kind| match ask.name {
            Pick::Theirs if kind == Kind::User => format!("user{number}"),
            Pick::Theirs if there => names(kind)[2].to_owned(),
            Pick::Theirs => nobodys(kind).to_owned(),
            Pick::Own | Pick::Systems | Pick::Odd(_) => format!("thing{number}"),
        };
        let body = if path.starts_with(APPS) {
            let mut body = app_body(&name(Kind::App));
            body["tenantId"] = id(Kind::Tenant);
            body
        } else if path.starts_with(PROFILES) {
            json!({ "name": name(Kind::Profile), "oauthAppId": id(Kind::App), "refreshToken": "r" })
        } else if path.starts_with(SOURCES) {
            let options = json!({ "OAuthProfileId": id(Kind::Profile), "Password": "p" });
            json!({ "name": name(Kind::Source), "dataStore": 54, "options": options })
        } else if path.starts_with("/api/admin/tenants/") && path.contains("/admins") {
            json!({ "admins": [id(Kind::User)] })
        } else if path.starts_with("/api/admin/tenants/") {
            json!({ "name": name(Kind::Tenant), "status": 1, "roles": [id(Kind::Role)] })
        } else if path.starts_with("/api/admin/tenants") {
            let (roles, admins) = ([id(Kind::Role)], [id(Kind::User)]);
            json!({ "name": name(Kind::Tenant), "parentTenant": 1, "importedRoles": roles, "admins": admins })
        } else if path.starts_with("/api/admin/users") {
            json!({
                "userName": name(Kind::User), "tenantId": id(Kind::Tenant), "statusInfo": { "status": 1 },
                "passwordInfo": { "password": PASSWORD }, "permissions": { "roles": [id(Kind::Role)] },
            })
        } else if path.starts_with("/api/admin/roles") {
            let users = [id(Kind::User)];
            json!({ "name": name(Kind::Role), "tenantId": id(Kind::Tenant), "permissions": [1], "users": users })
        } else if path.starts_with("/api/admin/limits") {
            json!({ "value": number })
        } else if path.contains("/security/whitelist/") {
            json!({ "adminAPI": [{ "startAddress": "192.0.2.1" }] })
        } else {
            json!({ "level": "info", "id": id(Kind::App) })
        };
        match ask.body {
            0 => String::new(),
            1 => "{".to_owned(),
            2 => json!({ "id": id(Kind::App), "name": name(Kind::App) }).to_string(),
            _ => body.to_string(),
        }
    }

    async fn answer(&self, ask: &Ask, number: usize, there: bool) -> (String, Answer) {
        let document = self.house.document();
        let operations: Vec<_> = document.operations().collect();
        let (method, template, operation) = operations[ask.operation % operations.len()];
        let method = match ask.method {
            Some(other) => METHODS[other].clone(),
            None => method.to_uppercase().parse().expect("a method"),
        };
        let kind = [
            (APPS, Kind::App),
            (PROFILES, Kind::Profile),
            (SOURCES, Kind::Source),
            ("/api/admin/tenants", Kind::Tenant),
            ("/api/admin/users", Kind::User),
            ("/api/admin/roles", Kind::Role),
            ("/api/admin/limits/tenants", Kind::Tenant),
            ("/api/admin/limits/users", Kind::User),
            ("/api/admin/security/whitelist/tenants", Kind::Tenant),
            ("/api/audit", STREAMS[ask.stream].1),
        ];
        let kind =
            kind.iter().find(|(prefix, _)| template.starts_with(prefix)).map_or(Kind::App, |(_, kind)| *kind);
        // Catalogues belong to nobody.
        let catalogue = [
            "/api/admin/permissions",
            "/api/mgmt/datastores",
            "/api/admin/limits/system",
            "/api/admin/configurations",
            "/api/admin/passwordpolicy",
            "/api/admin/security/cors",
        ];
        // A limit's number is nobody's either; whose limit it is stands before it.
        let id = if template.starts_with("/api/admin/limits") && template.contains("Id}") {
            ["1", "6", "3"][number % 3].to_owned()
        } else if catalogue.iter().any(|prefix| template.starts_with(prefix)) {
            ["12", "54", "55"][number % 3].to_owned()
        } else {
            self.id(kind, ask.id, there)
        };
        let mut path = template
            .replace("{id}", &id)
            .replace("{tenantId}", &self.id(Kind::Tenant, ask.id, there))
            .replace("{userId}", &self.id(Kind::User, ask.id, there))
            .replace("{dataSourceId}", &self.id(Kind::Source, ask.id, there))
            .replace("{kind}", STREAMS[ask.stream].0)
            .replace("{size}", "12")
            .replace("{path}", names(Kind::Source)[2]);
        let public = operation["security"].as_array().is_some_and(Vec::is_empty);
        let mut joined = '?';
        for (parameter, pick) in ask.query.iter().filter(|_| !public) {
            let (name, kind) = QUERIES[*parameter];
            let value = match (name, kind) {
                ("user" | "tenantName", Some(kind)) => match pick {
                    Pick::Theirs if there => names(kind)[2].to_owned(),
                    Pick::Theirs => nobodys(kind).to_owned(),
                    Pick::Own => names(kind)[0].to_owned(),
                    Pick::Systems => names(kind)[1].to_owned(),
                    Pick::Odd(which) => ODD[*which].to_owned(),
                },
                (_, Some(kind)) => self.id(kind, *pick, there),
                ("type", None) => "group".to_owned(),
                (_, None) => (number % 40).to_string(),
            };
            path = format!("{path}{joined}{name}={value}");
            joined = '&';
        }
        let tag = if there { self.tag.clone() } else { format!("\"{NO_ID}\"") };
        let header = match ask.header {
            0 => format!("if-match: {tag}"),
            1 => "if-match: *".to_owned(),
            2 => format!("if-none-match: {tag}"),
            3 => "if-none-match: *".to_owned(),
            4 if there => "idempotency-key: theirs".to_owned(),
            4 => "idempotency-key: nobodys".to_owned(),
            _ => "accept: */*".to_owned(),
        };
        let body = match method {
            Method::POST | Method::PUT | Method::PATCH => self.body(template, ask, number, there),
            _ => String::new(),
        };
        let headers: &[&str] = if body.is_empty() { &[&header] } else { &[JSON, &header] };
        let user = format!("{}:{PASSWORD}", WHO[ask.who]);
        let answer =
            self.house.send_as(&user, method.clone(), &path, headers, Body::from(body.clone())).await;
        (format!("{} asks {method} {path} [{header}] {body}", WHO[ask.who]), answer)
    }
}

/// An answer without what differs between two requests for what is not there, and without what is every request's own.
fn seen(answer: &Answer, of_theirs: &[String]) -> (StatusCode, String, Vec<(String, String)>) {
    // In words: an id is one only where it stands alone.
    let without = |text: &str| {
        let mut seen = String::with_capacity(text.len());
        let mut word = String::new();
        for c in text.chars().chain(['\n']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            seen += if of_theirs.contains(&word) { "…" } else { &word };
            word.clear();
            seen.push(c);
        }
        seen
    };
    let own = ["x-request-id", "content-length"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), without(value.to_str().expect("ASCII"))));
    (answer.status, without(&String::from_utf8_lossy(&answer.body)), headers.collect())
}

async fn nothing_is_told(asks: &[Ask]) {
    let (there, nowhere) = (Tenants::new().await, Tenants::new().await);
    assert_eq!(there.house.ledger.size(), nowhere.house.ledger.size());
    for (number, ask) in asks.iter().enumerate() {
        let runs = |tenants: &Tenants| tenants.house.argon2_runs();
        let before = (runs(&there), runs(&nowhere));
        let (asked, told) = there.answer(ask, number, true).await;
        let (_, untold) = nowhere.answer(ask, number, false).await;
        let kinds = [Kind::Tenant, Kind::Role, Kind::User, Kind::App, Kind::Profile, Kind::Source];
        let mut theirs = vec![NO_ID.to_string()];
        for kind in kinds {
            theirs.extend([
                there.id(kind, Pick::Theirs, true),
                names(kind)[2].to_owned(),
                nobodys(kind).to_owned(),
            ]);
        }
        assert_eq!(seen(&told, &theirs), seen(&untold, &theirs), "{asked}");
        assert_eq!(runs(&there) - before.0, runs(&nowhere) - before.1, "passwords hashed: {asked}");
        assert_eq!(there.house.ledger.size(), nowhere.house.ledger.size(), "recorded: {asked}");
        let text = String::from_utf8_lossy(&told.body);
        assert!(!text.contains(MARK), "{asked} shows what is OrgB's: {text}");
        if told.status.is_success() {
            assert_eq!(there.rows_of_b(), there.theirs, "{asked} changed what is OrgB's");
        }
    }
    assert_eq!(there.rows_of_b(), there.theirs, "something changed what is OrgB's");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("AUTHLEDGER_SOAK").is_some() { SOAK_RUNS } else { RUNS },
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn l9_another_tenants_things_answer_as_what_never_was(asks in prop::collection::vec(ask(), REQUESTS)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(nothing_is_told(&asks));
    }
}
