//! Rows of operations that Hybrid Data Pipeline has and this server has not.

use super::table::{BASE, Family, Row, Thing};

const NONE: Row = Row {
    what: "not offered",
    about: Thing::Number(1),
    own: "501 501 501 501 501 501 501 501 501 501 401",
    ..BASE
};
const SERVICES: &str = "/api/admin/auth/services";
const SERVICE: &str = "/api/admin/auth/services/{id}";
const LOGGING: &str = "/api/admin/users/{id}/datasources/{source}/logging";

pub(super) const NOT_OFFERED: Family = Family {
    title: "Administration that is not offered",
    needs: "Nothing but credentials: the answer looks at nothing else, and so tells nothing about any object.",
    rows: &[
        Row { path: "/api/admin/auth/types", ..NONE },
        Row { path: "/api/admin/auth/types/{id}", ..NONE },
        Row { path: SERVICES, ..NONE },
        Row { method: "POST", path: SERVICES, ..NONE },
        Row { path: SERVICE, ..NONE },
        Row { method: "PUT", path: SERVICE, ..NONE },
        Row { method: "DELETE", path: SERVICE, ..NONE },
        Row { path: LOGGING, ..NONE },
        Row { method: "PUT", path: LOGGING, ..NONE },
    ],
    notes: &[],
};
