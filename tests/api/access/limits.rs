//! Rows of limits, configurations and the password policy, and how a limit is set or not before it is asked for.

use authledger::commands::limit_table::MAX_FETCH_ROWS;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::table::{BASE, Body as Sent, Family, NO_TENANT, NO_USER, Row, Thing};
use super::{ADMIN, Org, SOURCES, TARGET, World, id_of};

/// Where a limit is set.
#[derive(Clone, Copy)]
pub(super) enum Level {
    System,
    TenantA,
    UserOfA,
    SourceOfA,
}

impl World {
    /// Of [`TARGET`]: his id, and that of a data source of his.
    pub(super) async fn target(&self) -> (u64, u64) {
        let users = self.house.get_as(ADMIN, "/api/admin/users").await.json();
        let users = users["users"].as_array().expect("users").iter();
        let user = users.clone().find(|user| user["userName"] == TARGET).map(id_of).expect("there is one");
        let path = format!("{SOURCES}?user={TARGET}");
        let sources = self.house.get_as(ADMIN, &path).await.json();
        let found = sources["dataSources"].as_array().expect("sources").first().map(id_of);
        let source = match found {
            Some(source) => source,
            None => id_of(&self.admin_makes(&path, &Self::source_body("with_limits", None)).await),
        };
        (user, source)
    }

    /// Puts the ids of tenant, user and data source into the address of a limit.
    pub(super) async fn with_levels(&self, path: &str) -> String {
        if !path.contains("/limits/") {
            return path.to_owned();
        }
        let (user, source) = self.target().await;
        path.replace("{tenantId}", &self.tenants[Org::A as usize].to_string())
            .replace("{userId}", &user.to_string())
            .replace("{dataSourceId}", &source.to_string())
    }

    /// Sees to it that limit 1 has a value at a level, or none.
    pub(super) async fn limit(&self, level: Level, set: bool) -> u64 {
        let path = match level {
            Level::System => "/api/admin/limits/system/1",
            Level::TenantA => "/api/admin/limits/tenants/{tenantId}/1",
            Level::UserOfA => "/api/admin/limits/users/{userId}/1",
            Level::SourceOfA => "/api/admin/limits/users/{userId}/datasources/{dataSourceId}/1",
        };
        let path = self.with_levels(path).await;
        let gone = self.house.send_as(ADMIN, Method::DELETE, &path, &[], Body::empty()).await;
        assert!([StatusCode::NO_CONTENT, StatusCode::NOT_FOUND].contains(&gone.status), "{gone:?}");
        if set {
            self.admin_makes(&path, &json!({ "value": 5 })).await;
        }
        u64::from(MAX_FETCH_ROWS.0)
    }
}

/// Operations that only 12 of the callers may do, and that are not told from whom they hide.
const ADMINS: Row = Row {
    own: "200 403 403 403 403 403 403 403 403 403 401",
    on_behalf: "400p 403 403 403 403 403 403 403 403 400p 401",
    ..BASE
};
const OF_SYSTEM: Row = Row {
    path: "/api/admin/limits/system/{id}",
    what: "set",
    about: Thing::Limit(Level::System, true),
    ..ADMINS
};
/// What no other permission than 12 allows.
const ONLY_12: Row = Row { on_behalf: "400p 403 403 403 403 403 403 403 403 403 401", ..ADMINS };
const OF_A: Row = Row { own: "200 403 403 403 403 403 403 403 403 404 401", ..ADMINS };
const OF_TENANT: Row = Row {
    path: "/api/admin/limits/tenants/{tenantId}/{id}",
    what: "of OrgA, set",
    about: Thing::Limit(Level::TenantA, true),
    not_found: NO_TENANT,
    ..OF_A
};
const OF_USER: Row = Row {
    path: "/api/admin/limits/users/{userId}/{id}",
    what: "of a user of OrgA, set",
    about: Thing::Limit(Level::UserOfA, true),
    not_found: NO_USER,
    ..OF_A
};
const OF_SOURCE: Row = Row {
    path: "/api/admin/limits/users/{userId}/datasources/{dataSourceId}/{id}",
    what: "of a data source of a user of OrgA, set",
    about: Thing::Limit(Level::SourceOfA, true),
    not_found: NO_USER,
    ..OF_A
};
const CREATED_OF_A: &str = "201 403 403 403 403 403 403 403 403 404 401";
const DELETED_OF_A: &str = "204 403 403 403 403 403 403 403 403 404 401";

pub(super) const LIMITS: Family = Family {
    title: "Limits, configurations, password policy",
    needs: "Limits: 27, and administrative access on the tenant concerned, which for the system is the system tenant. \
            Configurations: 22 and administrative access on the system tenant. Password policy: 12.",
    rows: &[
        Row { path: "/api/admin/limits", own: "200 403 403 403 403 403 403 403 403 200 401", ..ADMINS },
        Row { path: "/api/admin/limits/system", ..ADMINS },
        OF_SYSTEM,
        Row {
            method: "POST",
            what: "not set",
            about: Thing::Limit(Level::System, false),
            body: Sent::Limit,
            own: "201 403 403 403 403 403 403 403 403 403 401",
            ..OF_SYSTEM
        },
        Row { method: "PUT", body: Sent::Limit, ..OF_SYSTEM },
        Row { method: "DELETE", own: "204 403 403 403 403 403 403 403 403 403 401", ..OF_SYSTEM },
        Row {
            path: "/api/admin/limits/tenants",
            own: "200 403 403 403 403 403 403 403 403 200 401",
            ..ADMINS
        },
        Row {
            path: "/api/admin/limits/tenants/{id}",
            what: "OrgA",
            about: Thing::TenantA,
            not_found: NO_TENANT,
            ..OF_A
        },
        OF_TENANT,
        Row {
            method: "POST",
            what: "of OrgA, not set",
            about: Thing::Limit(Level::TenantA, false),
            body: Sent::Limit,
            own: CREATED_OF_A,
            ..OF_TENANT
        },
        Row { method: "PUT", body: Sent::Limit, ..OF_TENANT },
        Row { method: "DELETE", own: DELETED_OF_A, ..OF_TENANT },
        Row { path: "/api/admin/limits/users", own: "200 403 403 403 403 403 403 403 403 200 401", ..ADMINS },
        Row {
            path: "/api/admin/limits/users/{id}",
            what: "of OrgA",
            about: Thing::UserOfA,
            not_found: NO_USER,
            ..OF_A
        },
        OF_USER,
        Row {
            method: "POST",
            what: "of a user of OrgA, not set",
            about: Thing::Limit(Level::UserOfA, false),
            body: Sent::Limit,
            own: CREATED_OF_A,
            ..OF_USER
        },
        Row { method: "PUT", body: Sent::Limit, ..OF_USER },
        Row { method: "DELETE", own: DELETED_OF_A, ..OF_USER },
        Row {
            path: "/api/admin/limits/users/{id}/datasources",
            what: "of OrgA",
            about: Thing::UserOfA,
            not_found: NO_USER,
            ..OF_A
        },
        OF_SOURCE,
        Row {
            method: "POST",
            what: "of a data source of a user of OrgA, not set",
            about: Thing::Limit(Level::SourceOfA, false),
            body: Sent::Limit,
            own: CREATED_OF_A,
            ..OF_SOURCE
        },
        Row { method: "PUT", body: Sent::Limit, ..OF_SOURCE },
        Row { method: "DELETE", own: DELETED_OF_A, ..OF_SOURCE },
        Row { path: "/api/admin/configurations", ..ADMINS },
        Row { path: "/api/admin/configurations/{id}", about: Thing::Number(7), ..ADMINS },
        Row {
            method: "PUT",
            path: "/api/admin/configurations/{id}",
            about: Thing::Number(7),
            body: Sent::Configuration,
            ..ADMINS
        },
        Row { path: "/api/admin/passwordpolicy", ..ONLY_12 },
        Row {
            path: "/api/admin/passwordpolicy/{id}",
            what: "the custom one",
            about: Thing::Number(2),
            ..ONLY_12
        },
        Row {
            method: "PUT",
            path: "/api/admin/passwordpolicy/{id}",
            what: "the custom one",
            about: Thing::Number(2),
            body: Sent::PasswordPolicy,
            ..ONLY_12
        },
    ],
    notes: &[
        "What concerns the system is 403 without administrative access on the system tenant, and no 404: nobody has to be \
         kept from knowing that there is a system.",
    ],
};
