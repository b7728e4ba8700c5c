//! Two tenants and the system's, with one of everything each, and what surrounds it.

use authledger::config::Config;
use axum::http::{Method, StatusCode};
use events::{
    envelope::{Stream, StreamKind},
    id::{DataSourceId, TenantId},
    scope::Scope,
};
use serde_json::{Value, json};

use super::super::house::{ADMIN, APPS, Answer, House, JSON, PROFILES, SOURCES, app_body};
use super::super::tokens::{Given, Registered};
use super::{KINDS, Kind, MARK, NO_ID, ODD, Pick, THEIR_ADDRESS, WHO};

/// A house with two tenants in it, whose users have one of everything.
pub(super) struct Tenants {
    pub(super) house: House,
    /// The ids of things, by kind: OrgA's (or the asking user's), the system tenant's, OrgB's.
    ids: Vec<(Kind, [u64; 3])>,
    /// What OrgB has must stay like this.
    pub(super) theirs: String,
    /// The ETag of OrgB's application.
    pub(super) tag: String,
    /// OrgA's client application, which knows its secret.
    pub(super) client: Registered,
    /// OrgB's client application, and an access token of it.
    pub(super) foreign: (Registered, Given),
}

/// Names of things, in the same order.
pub(super) fn names(kind: Kind) -> [&'static str; 3] {
    match kind {
        Kind::Tenant => ["OrgA", "System", "OrgB"],
        Kind::Role => ["RoleOfA", "User", "RoleOfB"],
        Kind::User => ["adam", "d2cadmin", "bruno"],
        Kind::App => ["AppOfA", "AppOfSystem", "AppOfB"],
        Kind::Profile => ["ProfileOfA", "ProfileOfSystem", "ProfileOfB"],
        Kind::Source => ["SourceOfA", "SourceOfSystem", "SourceOfB"],
        Kind::Client => ["ClientOfA", "ClientOfSystem", "ClientOfB"],
        // A grant has no name.
        Kind::Grant => ["GrantOfA", "GrantOfSystem", "GrantOfB"],
    }
}

/// A name like OrgB's that nothing has.
pub(super) fn nobodys(kind: Kind) -> &'static str {
    match kind {
        Kind::Tenant => "OrgX",
        Kind::Role => "RoleOfX",
        Kind::User => "xaver",
        Kind::App => "AppOfX",
        Kind::Profile => "ProfileOfX",
        Kind::Source => "SourceOfX",
        Kind::Client => "ClientOfX",
        Kind::Grant => "GrantOfX",
    }
}

fn id_of(answer: &Answer) -> u64 {
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    match &answer.json()["id"] {
        Value::String(text) => text.parse().expect("digits"),
        id => id.as_u64().expect("an id"),
    }
}

/// Makes these users, and no others, the administrators of a tenant.
async fn administer(house: &House, tenant: u64, users: &[u64]) {
    let path = format!("/api/admin/tenants/{tenant}/admins");
    let body = json!({ "admins": users }).to_string();
    let changed = house.send_as(ADMIN, Method::PUT, &path, &[JSON], body).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
}

/// What surrounds a tenant's things.
struct Around {
    tenant: u64,
    /// Whose data source it is.
    user: u64,
    /// With whom it is shared.
    other: u64,
    source: u64,
    /// From where all of them may come.
    address: &'static str,
}

/// Shares, a group with a member, limits and address lists at each level.
async fn surround(house: &House, owner: &str, around: Around) {
    let Around { tenant, user, other, source, address } = around;
    let (name, _) = owner.split_once(':').expect("a name and a password");
    let lists = json!({ "managementAPI": [{ "startAddress": address }] });
    let group = json!({ "name": "Group", "dataStore": 56 });
    let group = id_of(&house.post_as(owner, SOURCES, &group).await);
    for (who, path, body) in [
        (
            owner,
            format!("{SOURCES}/{group}/members"),
            json!({ "members": [{ "id": source, "entityPrefix": "m" }] }),
        ),
        (
            owner,
            format!("{SOURCES}/{source}/sharedUsers"),
            json!({ "sharedUsers": [{ "userId": other, "permissions": [2] }] }),
        ),
        (ADMIN, format!("/api/admin/limits/tenants/{tenant}/1"), json!({ "value": 4711 })),
        (ADMIN, format!("/api/admin/limits/users/{user}/1"), json!({ "value": 4712 })),
        (ADMIN, format!("/api/admin/limits/users/{user}/datasources/{source}/1"), json!({ "value": 4713 })),
        (ADMIN, format!("/api/admin/security/whitelist/tenants/{tenant}"), lists.clone()),
        (ADMIN, format!("/api/mgmt/security/whitelist/user?user={name}"), lists.clone()),
    ] {
        let made = house.post_as(who, &path, &body).await;
        assert!(made.status.is_success(), "{path}: {made:?}");
    }
}

impl Tenants {
    pub(super) async fn new() -> Tenants {
        let house = House::new(Config::default());
        let all: Vec<u16> = (1..=29).filter(|id| *id != 12).chain([101, 102]).collect();
        let delegate = house.user("delegate", 1, &[3], &[28]).await;
        // From the system tenant audit and operation reach everybody's, as they should.
        let warden = house.user("warden", 1, &[2], &all[..all.len() - 2]).await;
        assert!(delegate.starts_with(WHO[2]) && warden.starts_with(WHO[3]));
        administer(&house, 1, &[1, 3]).await;
        let mut ids: Vec<(Kind, [u64; 3])> = KINDS.map(|kind| (kind, [1, 1, 0])).into();
        let mut tag = String::new();
        let mut clients = vec![house.client(names(Kind::Client)[1], json!({})).await];
        let mut given = vec![house.tokens(&clients[0], ADMIN, &[Scope::OData]).await];
        for (org, tenant_name, users) in [(0, "OrgA", ["adam", "alma"]), (2, "OrgB", ["bruno", "berta"])] {
            let text = if org == 2 { MARK } else { "known" };
            let body = json!({
                "name": tenant_name, "parentTenant": 1, "description": text, "importedRoles": [2],
            });
            let made = house.post_as(ADMIN, "/api/admin/tenants", &body).await;
            let (tenant, copied) = (id_of(&made), made.json()["roles"][0].as_u64().expect("a role"));
            let role = names(Kind::Role)[org];
            let body = json!({ "name": role, "tenantId": tenant, "description": text, "permissions": [1] });
            let role = id_of(&house.post_as(ADMIN, "/api/admin/roles", &body).await);
            let ordinary = house.user(users[0], tenant, &[copied], &[]).await;
            let other = house.user(users[1], tenant, &[copied], &all).await;
            let user = house.ledger.read(|view| view.state.users.rows.range(..).count() as u64) - 1;
            // The second user administers his tenant; the delegate OrgA besides.
            administer(&house, tenant, if org == 0 { &[2, 5] } else { &[7] }).await;
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
            let address = if org == 2 { THEIR_ADDRESS } else { "203.0.113.7" };
            surround(&house, &ordinary, Around { tenant, user, other: user + 1, source, address }).await;
            // Of the ordinary user, and allowed by the other one.
            let body = json!({ "description": text });
            let client = house.client_of(&ordinary, names(Kind::Client)[org], body).await;
            given.push(house.tokens(&client, &other, &[Scope::OData]).await);
            for (kind, ids) in &mut ids {
                ids[org] = match kind {
                    Kind::Client => client.id,
                    // One each, in that order.
                    Kind::Grant => given.len() as u64,
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
            clients.push(client);
            made.header("etag").expect("an ETag").clone_into(&mut tag);
        }
        let (foreign, client) = (clients.remove(2), clients.remove(1));
        let foreign = (foreign, given.remove(2));
        let mut tenants = Tenants { house, ids, theirs: String::new(), tag, client, foreign };
        tenants.theirs = tenants.rows_of_b();
        tenants
    }

    pub(super) fn ids(&self, kind: Kind) -> [u64; 3] {
        self.ids.iter().find(|(other, _)| *other == kind).expect("every kind").1
    }

    /// Everything of OrgB, as it is now.
    pub(super) fn rows_of_b(&self) -> String {
        let tenant = TenantId(self.ids(Kind::Tenant)[2]);
        self.house.ledger.read(|view| {
            let state = &view.state;
            let users = || state.users.rows.range(..).filter(|(_, row)| row.tenant == tenant);
            let sources = || state.data_sources.rows.range(..).filter(|(_, row)| row.tenant == tenant);
            let is_source = |id: &DataSourceId| sources().any(|(source, _)| source == id);
            let is_level = |level: &Stream| match level.kind {
                StreamKind::TENANT => level.id == tenant.0,
                StreamKind::USER => users().any(|(user, _)| user.0 == level.id),
                StreamKind::DATA_SOURCE => is_source(&DataSourceId(level.id)),
                _ => false,
            };
            let things = (
                state.tenants.rows.get(&tenant),
                state.roles.rows.range(..).filter(|(_, row)| row.tenant == tenant).collect::<Vec<_>>(),
                users().collect::<Vec<_>>(),
                state.oauth_apps.rows.range(..).filter(|(_, row)| row.tenant == tenant).collect::<Vec<_>>(),
                state
                    .oauth_profiles
                    .rows
                    .range(..)
                    .filter(|(_, row)| row.tenant == tenant)
                    .collect::<Vec<_>>(),
                sources().collect::<Vec<_>>(),
            );
            let around = (
                state
                    .data_sources
                    .shared_users
                    .range(..)
                    .filter(|((source, _), _)| is_source(source))
                    .collect::<Vec<_>>(),
                state
                    .data_sources
                    .shared_tenants
                    .range(..)
                    .filter(|((source, _), _)| is_source(source))
                    .collect::<Vec<_>>(),
                state
                    .data_sources
                    .members
                    .range(..)
                    .filter(|((group, _), _)| is_source(group))
                    .collect::<Vec<_>>(),
                state.limits.rows.range(..).filter(|((level, _), _)| is_level(level)).collect::<Vec<_>>(),
                state.ip_whitelists.rows.range(..).filter(|(level, _)| is_level(level)).collect::<Vec<_>>(),
                state
                    .ip_whitelists
                    .of_users
                    .range(..)
                    .filter(|(user, _)| users().any(|(other, _)| other == *user))
                    .collect::<Vec<_>>(),
            );
            let clients = state.client_applications.rows.range(..).filter(|(_, row)| row.tenant == tenant);
            let grants = state.grants.rows.range(..).filter(|(_, row)| row.tenant == tenant);
            let grants: Vec<_> = grants.collect();
            let families = state.tokens.families.range(..);
            let families = families.filter(|(_, row)| grants.iter().any(|(grant, _)| **grant == row.grant));
            let tokens = (clients.collect::<Vec<_>>(), families.collect::<Vec<_>>(), &grants);
            let of_b = (things, around, tokens);
            format!("{of_b:?}")
        })
    }

    /// What stands for an id of that kind in a request to this house.
    pub(super) fn id(&self, kind: Kind, pick: Pick, there: bool) -> String {
        let ids = self.ids(kind);
        match pick {
            Pick::Theirs if there => ids[2].to_string(),
            Pick::Theirs => NO_ID.to_string(),
            Pick::Own => ids[0].to_string(),
            Pick::Systems => ids[1].to_string(),
            Pick::Odd(which) => ODD[which].to_owned(),
        }
    }
}
