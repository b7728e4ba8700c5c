//! SECURITY L9: what a tenant's user sends, whatever it is, neither changes nor shows anything of another tenant, and tells
//! nothing about what is there.
//!
//! Two houses are the same event by event. What is sent to one of them names what another tenant has: ids, names,
//! references, keys. To the other goes the same request with ids and names that never existed. Both must answer the same
//! after those are taken out of it, hash as many passwords, and record as much; and in the first nothing of the other tenant
//! may move or show. The routes are those of the document, so that new ones come in by themselves.
//!
//! Left out because they are known: gaps in counters, `Ledger-Sequence`, and 409 on a taken user name (hdp-api 9.4).

mod bodies;
mod world;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::bodies::Picked;
use self::world::{Tenants, names, nobodys};
use super::house::{APPS, Answer, JSON, PASSWORD, PROFILES, SOURCES};
use super::tokens::FORM;

/// Requests of one run, each to both houses.
const REQUESTS: usize = 125;
/// Runs: 10,000 requests; with `AUTHLEDGER_SOAK` a million.
const RUNS: u32 = 40;
const SOAK_RUNS: u32 = 4000;

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Stands in every text of OrgB, and nobody ever sends it.
const MARK: &str = "nobodys business";
/// Stands in an address list of OrgB, and nobody ever sends it.
const THEIR_ADDRESS: &str = "203.0.113.77";
/// Where nothing ever was.
const NO_ID: u64 = 4_000_000_000;

/// Who asks: everything but 12 in OrgA, with access on it; an ordinary user of OrgA; the system tenant's delegate for OrgA;
/// everything but 12, 101 and 102 in the system tenant, with access on that alone.
const WHO: [&str; 4] = ["alma", "adam", "delegate", "warden"];

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
    Client,
    Grant,
}

const KINDS: [Kind; 8] =
    [Kind::Tenant, Kind::Role, Kind::User, Kind::App, Kind::Profile, Kind::Source, Kind::Client, Kind::Grant];

/// The id of a client application, and a token, that nobody was given.
const NO_CLIENT: &str = "00000000-0000-4000-8000-000000000000";
const NO_TOKEN: &str = "alat_0000000000000000000000000000000000000000000";

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
const QUERIES: [(&str, Option<Kind>); 15] = [
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
    ("tenant", Some(Kind::Tenant)),
    ("permission", None),
    ("details", None),
    ("transferTo", Some(Kind::User)),
];

const STREAMS: [(&str, Kind); 11] = [
    ("tenant", Kind::Tenant),
    ("role", Kind::Role),
    ("user", Kind::User),
    ("oauth_app", Kind::App),
    ("oauth_profile", Kind::Profile),
    ("data_source", Kind::Source),
    ("disclosures", Kind::User),
    ("ledger", Kind::Tenant),
    ("client_application", Kind::Client),
    ("client_tokens", Kind::Client),
    ("grant", Kind::Grant),
];

impl Tenants {
    fn id_json(&self, kind: Kind, pick: Pick, there: bool) -> Value {
        let id = self.id(kind, pick, there);
        id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id))
    }

    /// The body that an operation asks for, with references to what `ask` picks.
    fn body(&self, path: &str, operation: &Value, ask: &Ask, number: usize, there: bool) -> String {
        let id = |kind| self.id_json(kind, ask.references, there);
        // A taken name of a user or a tenant is answered 409, whoever has it: that is known.
        let name = |kind: Kind| match ask.name {
            Pick::Theirs if matches!(kind, Kind::User | Kind::Tenant) => format!("thing{number}"),
            Pick::Theirs if there => names(kind)[2].to_owned(),
            Pick::Theirs => nobodys(kind).to_owned(),
            Pick::Own | Pick::Systems | Pick::Odd(_) => format!("thing{number}"),
        };
        let content = &operation["requestBody"]["content"];
        let schema = [&content["application/json"], &content[FORM_TYPE]].map(|content| &content["schema"]);
        let schema = schema.into_iter().find(|schema| !schema.is_null()).unwrap_or(&Value::Null);
        let kind = Self::kind_of(path, ask);
        let picked = Picked {
            root: &self.house.document().root,
            id: &id,
            name: name(kind),
            user_name: name(Kind::User),
            client_id: match ask.references {
                Pick::Theirs if there => self.foreign.0.client_id.clone(),
                Pick::Theirs => NO_CLIENT.to_owned(),
                Pick::Own | Pick::Systems | Pick::Odd(_) => self.client.client_id.clone(),
            },
            token: match ask.name {
                Pick::Theirs if there => self.foreign.1.access.clone(),
                Pick::Theirs | Pick::Own | Pick::Systems | Pick::Odd(_) => NO_TOKEN.to_owned(),
            },
        };
        let body = if schema.is_null() { json!({ "id": id(kind) }) } else { picked.body(schema) };
        if content.get(FORM_TYPE).is_some() {
            let fields = body.as_object().expect("an object").iter();
            let fields = fields.filter_map(|(name, value)| Some((name, value.as_str()?)));
            return url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        }
        match ask.body {
            0 => String::new(),
            1 => "{".to_owned(),
            2 => json!({ "id": id(Kind::App), "name": name(Kind::App) }).to_string(),
            _ => body.to_string(),
        }
    }

    /// What an address is about.
    fn kind_of(template: &str, ask: &Ask) -> Kind {
        let about = [
            (APPS, Kind::App),
            (PROFILES, Kind::Profile),
            (SOURCES, Kind::Source),
            ("/api/mgmt/oauth/client", Kind::Client),
            ("/api/admin/tenants", Kind::Tenant),
            ("/api/admin/users", Kind::User),
            ("/api/admin/roles", Kind::Role),
            ("/api/admin/limits/tenants", Kind::Tenant),
            ("/api/admin/limits/users", Kind::User),
            ("/api/admin/security/whitelist/tenants", Kind::Tenant),
            ("/api/admin/security/whitelist/users", Kind::User),
            ("/api/audit", STREAMS[ask.stream].1),
        ];
        about.iter().find(|(prefix, _)| template.starts_with(prefix)).map_or(Kind::App, |(_, kind)| *kind)
    }

    /// An operation's address with something in its places.
    fn address(&self, template: &str, ask: &Ask, number: usize, there: bool) -> String {
        // Catalogues belong to nobody.
        let catalogues = [
            "/api/admin/permissions",
            "/api/mgmt/datastores",
            "/api/admin/configurations",
            "/api/admin/passwordpolicy",
            "/api/admin/security/cors",
        ];
        let is_catalogue = catalogues.iter().any(|prefix| template.starts_with(prefix));
        let of_a_limit = template.contains("Id}") || template.contains("/system/");
        let place = |segment: &str| {
            let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                return segment.to_owned();
            };
            let name = name.to_lowercase();
            match name.as_str() {
                "kind" => STREAMS[ask.stream].0.to_owned(),
                "size" => "12".to_owned(),
                "path" => names(Kind::Source)[2].to_owned(),
                // A limit's number is nobody's; whose limit it is stands before it.
                "id" if template.starts_with("/api/admin/limits/") && of_a_limit => {
                    ["1", "2", "3", "6", "8", "24", "99"][number % 7].to_owned()
                }
                "id" if is_catalogue => ["1", "2", "12", "54", "55"][number % 5].to_owned(),
                "id" => self.id(Self::kind_of(template, ask), ask.id, there),
                name if name.contains("user") => self.id(Kind::User, ask.id, there),
                name if name.contains("tenant") => self.id(Kind::Tenant, ask.id, there),
                // Within something of theirs, something that the request picks: a member, a data source.
                _ => self.id(Kind::Source, ask.references, there),
            }
        };
        template.split('/').map(place).collect::<Vec<_>>().join("/")
    }

    async fn answer(&self, ask: &Ask, number: usize, there: bool) -> (String, Answer) {
        let document = self.house.document();
        let operations: Vec<_> = document.operations().collect();
        let (method, template, operation) = operations[ask.operation % operations.len()];
        let method = match ask.method {
            Some(other) => METHODS[other].clone(),
            None => method.to_uppercase().parse().expect("a method"),
        };
        let mut path = self.address(template, ask, number, there);
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
                ("details", None) => "true".to_owned(),
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
            Method::POST | Method::PUT | Method::PATCH => self.body(template, operation, ask, number, there),
            _ => String::new(),
        };
        let is_form = operation["requestBody"]["content"].get(FORM_TYPE).is_some();
        let kind = if is_form { FORM } else { JSON };
        let headers: &[&str] = if body.is_empty() { &[&header] } else { &[kind, &header] };
        let who = WHO[ask.who];
        // Where client applications ask, one of OrgA's does; but some of the people come there, too.
        let user = match &self.client.secret {
            Some(secret) if is_form && ask.who > 0 => format!("{}:{secret}", self.client.client_id),
            _ => format!("{who}:{PASSWORD}"),
        };
        let answer =
            self.house.send_as(&user, method.clone(), &path, headers, Body::from(body.clone())).await;
        (format!("{who} asks {method} {path} [{header}] {body}"), answer)
    }
}

/// A leaf's hash covers what was sent with the request, such as its Idempotency-Key, which is another one in each house: a history
/// tells who sent it what he knows.
fn is_hash(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
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
            seen += if of_theirs.contains(&word) || is_hash(&word) { "…" } else { &word };
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
        let mut theirs = vec![NO_ID.to_string(), NO_TOKEN.to_owned(), there.foreign.1.access.clone()];
        let client_ids = [NO_CLIENT, &there.foreign.0.client_id];
        theirs.extend(client_ids.iter().flat_map(|id| id.split('-')).map(str::to_owned));
        for kind in KINDS {
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
        assert!(
            !text.contains(MARK) && !text.contains(THEIR_ADDRESS),
            "{asked} shows what is OrgB's: {text}"
        );
        if told.status.is_success() {
            assert_eq!(there.rows_of_b(), there.theirs, "{asked} changed what is OrgB's");
        }
    }
    assert_eq!(there.rows_of_b(), there.theirs, "something changed what is OrgB's");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("AUTHLEDGER_SOAK").is_some() { SOAK_RUNS } else { RUNS },
        max_shrink_iters: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn l9_another_tenants_things_answer_as_what_never_was(asks in prop::collection::vec(ask(), REQUESTS)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(nothing_is_told(&asks));
    }
}
