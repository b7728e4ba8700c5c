//! Rows of what is done to users, whole and part by part.

use super::table::{BASE, Body, Family, NO_TENANT, NO_USER, Row, Thing};

const ONE: Row = Row {
    what: "of OrgA",
    about: Thing::UserOfA,
    not_found: NO_USER,
    unknown_reference: NO_TENANT,
    own: "200 403 403 403 200 404 403 403 403 404 401",
    on_behalf: "400p 403 403 403 400p 400p 403 403 403 400p 401",
    ..BASE
};
const PUT: Row = Row { method: "PUT", ..ONE };

pub(super) const USERS: Family = Family {
    title: "Users",
    needs: "14 to read, 15 to change, 16 to delete, 15 and 25 to give administrative access; each with administrative access on \
            the user's tenant. The own password: 9.",
    rows: &[
        Row { path: "/api/admin/users/{id}", body: Body::UserAgain, ..PUT },
        Row {
            method: "DELETE",
            path: "/api/admin/users/{id}",
            own: "204 403 403 403 204 404 403 403 403 404 401",
            ..ONE
        },
        Row { path: "/api/admin/users/{id}/statusinfo", ..ONE },
        Row { path: "/api/admin/users/{id}/statusinfo", body: Body::Fixed(r#"{"status":0}"#), ..PUT },
        Row { path: "/api/admin/users/{id}/passwordinfo", ..ONE },
        Row {
            path: "/api/admin/users/{id}/passwordinfo",
            body: Body::Fixed(r#"{"passwordStatus":1,"passwordExpiration":"2027-12-31 00:00:00"}"#),
            ..PUT
        },
        Row {
            path: "/api/admin/users/{id}/resetpassword",
            body: Body::Fixed(r#"{"newPassword":"tempsecret"}"#),
            own: "204 403 403 403 204 404 403 403 403 404 401",
            ..PUT
        },
        Row { path: "/api/admin/users/{id}/permissions", ..ONE },
        Row { path: "/api/admin/users/{id}/permissions", body: Body::HeldInA, ..PUT },
        Row { path: "/api/admin/users/{id}/authinfo", ..ONE },
        Row { path: "/api/admin/users/{id}/authinfo", body: Body::Empty, recorded: false, ..PUT },
        Row { path: "/api/admin/users/{id}/tenantsadministered", ..ONE },
        Row {
            path: "/api/admin/users/{id}/tenantsadministered",
            body: Body::AdministersA,
            own: "200 403 403 403 403 403 403 403 403 404 401",
            on_behalf: "400p 403 403 403 403 403 403 403 403 400p 401",
            ..PUT
        },
        Row { path: "/api/admin/users/{id}/datasources", ..ONE },
        Row {
            method: "PUT",
            path: "/api/admin/userdetails/changePassword",
            what: "without a new one",
            body: Body::Empty,
            unknown_reference: 222_299_001,
            own: "400 403 403 403 400 400 400 403 403 400 401",
            on_behalf: "400p 403 403 403 400p 400p 400p 403 403 400p 401",
            ..BASE
        },
    ],
    notes: &[
        "Nobody changes a user who may do more than himself, and nobody what he may do himself, or deletes himself: 403.",
    ],
};
