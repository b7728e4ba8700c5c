//! Rows of tenants, who administers them, and roles.

use super::table::{BASE, Body, Family, Look, NO_ROLE, NO_TENANT, Row, Thing};

const TENANT: Row = Row {
    path: "/api/admin/tenants/{id}",
    about: Thing::EmptyTenant,
    what: "which the administrators of OrgA administer",
    not_found: NO_TENANT,
    own: "200 403 403 403 403 403 403 403 403 404 401",
    on_behalf: "400p 403 403 403 403 403 403 403 403 400p 401",
    ..BASE
};
const TENANT_LIST: Row = Row { path: "/api/admin/tenants", about: Thing::Nothing, what: "", ..TENANT };

pub(super) const TENANTS: Family = Family {
    title: "Tenants",
    needs: "25 and administrative access on the tenant: on the system tenant to create one.",
    rows: &[
        Row {
            what: "names OrgA",
            about: Thing::TenantA,
            look: Look::Name,
            own: "200+ 403 403 403 403 403 403 403 403 200- 401",
            ..TENANT_LIST
        },
        Row {
            method: "POST",
            body: Body::Tenant,
            own: "201 403 403 403 403 403 403 403 403 403 401",
            ..TENANT_LIST
        },
        Row { what: "OrgA", about: Thing::TenantA, ..TENANT },
        Row {
            path: "/api/admin/tenants/{id}?asOf={sequence}",
            what: "OrgA",
            about: Thing::TenantA,
            ..TENANT
        },
        Row { method: "PUT", body: Body::TenantReplaced, ..TENANT },
        Row { method: "DELETE", own: "204 403 403 403 403 403 403 403 403 404 401", ..TENANT },
        Row { path: "/api/admin/tenants/{id}/admins", ..TENANT },
        Row { method: "PUT", path: "/api/admin/tenants/{id}/admins", body: Body::Administrators, ..TENANT },
    ],
    notes: &[
        "403 for creating a tenant with 25 and without administrative access on the system tenant: the parent is always \
         the system tenant, which nobody has to be kept from knowing.",
    ],
};

const ROLE: Row = Row {
    path: "/api/admin/roles/{id}",
    about: Thing::RoleOfA,
    what: "of OrgA",
    not_found: NO_ROLE,
    unknown_reference: NO_TENANT,
    own: "200 403 403 403 200 404 403 403 403 404 401",
    on_behalf: "400p 403 403 403 400p 400p 403 403 403 400p 401",
    ..BASE
};
const ROLE_LIST: Row = Row { path: "/api/admin/roles", ..ROLE };

pub(super) const ROLES: Family = Family {
    title: "Roles",
    needs: "17 to create, 18 to read, 19 to change, 20 to delete, with administrative access on the tenant.",
    rows: &[
        Row {
            what: "names one of OrgA",
            look: Look::Name,
            own: "200+ 403 403 403 200+ 200- 403 403 403 200- 401",
            ..ROLE_LIST
        },
        Row {
            method: "POST",
            what: "in OrgA",
            about: Thing::Nothing,
            body: Body::RoleOfA,
            own: "201 403 403 403 201 400 403 403 403 400 401",
            ..ROLE_LIST
        },
        ROLE,
        Row { path: "/api/admin/roles/{id}?asOf={sequence}", ..ROLE },
        Row { method: "PUT", body: Body::Role(&[11]), ..ROLE },
        Row {
            method: "PUT",
            what: "of OrgA, to hold 28, which he holds himself",
            body: Body::Role(&[28]),
            own: "200 403 403 403 403 404 403 403 403 404 401",
            ..ROLE
        },
        Row { method: "DELETE", own: "204 403 403 403 204 404 403 403 403 404 401", ..ROLE },
    ],
    notes: &["403 for a role that is to hold 28: 22 to 29 are given by holders of 12 alone."],
};
