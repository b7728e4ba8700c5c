//! Who may say from where requests may come, and whose pages may call.

use super::table::{BASE, Body, Family, Look, Row, Thing, Whose};

const SYSTEM: Row = Row {
    path: "/api/admin/security/whitelist/system",
    own: "200 403 403 403 403 403 403 403 403 403 401",
    on_behalf: "400p 403 403 403 403 403 403 403 403 403 401",
    ..BASE
};
const TENANT: Row = Row {
    path: "/api/admin/security/whitelist/tenants/{id}",
    what: "of OrgA",
    about: Thing::TenantA,
    not_found: 222_208_720,
    own: "200 403 403 403 403 403 403 403 403 404 401",
    on_behalf: "400p 403 403 403 403 403 403 403 403 400p 401",
    ..BASE
};
const USER: Row = Row {
    path: "/api/mgmt/security/whitelist/user",
    own: "200 403 403 403 403 403 403 403 403 200 401",
    on_behalf: "200 403 403 403 403 403 403 403 403 404u 401",
    ..BASE
};
const LIST: Row = Row {
    look: Look::Name,
    own: "200+ 403 403 403 403 403 403 403 403 200- 401",
    on_behalf: "400p 403 403 403 403 403 403 403 403 400p 401",
    ..BASE
};
const ORIGINS: Row = Row {
    path: "/api/admin/security/cors/whitelist",
    own: "200 403 403 403 403 403 403 403 403 403 401",
    on_behalf: "400p 403 403 403 403 403 403 403 403 400p 401",
    ..BASE
};
const ORIGIN: Row = Row { path: "/api/admin/security/cors/whitelist/{id}", about: Thing::Origin, ..ORIGINS };

pub(super) const WHITELISTS: Family = Family {
    title: "Addresses and trusted origins",
    needs: "Addresses of the system: 12. Of a tenant: 11, 29 and administrative access on it. Of a user: 11 and 29. Trusted \
            origins: 23 and administrative access on the system tenant.",
    rows: &[
        SYSTEM,
        Row {
            method: "POST",
            body: Body::Empty,
            own: "201 403 403 403 403 403 403 403 403 403 401",
            ..SYSTEM
        },
        Row { method: "PUT", body: Body::Empty, ..SYSTEM },
        Row {
            method: "DELETE",
            about: Thing::SystemAddresses,
            own: "204 403 403 403 403 403 403 403 403 403 401",
            ..SYSTEM
        },
        TENANT,
        Row {
            method: "POST",
            body: Body::Empty,
            own: "201 403 403 403 403 403 403 403 403 404 401",
            ..TENANT
        },
        Row { method: "PUT", body: Body::Empty, ..TENANT },
        Row {
            method: "DELETE",
            about: Thing::AddressesOfA,
            own: "204 403 403 403 403 403 403 403 403 404 401",
            ..TENANT
        },
        Row {
            path: "/api/admin/security/whitelist/tenants",
            what: "names OrgA",
            about: Thing::AddressesOfA,
            ..LIST
        },
        USER,
        Row {
            method: "POST",
            body: Body::Empty,
            own: "201 403 403 403 403 403 403 403 403 201 401",
            on_behalf: "201 403 403 403 403 403 403 403 403 404u 401",
            ..USER
        },
        Row { method: "PUT", body: Body::Empty, ..USER },
        Row {
            method: "DELETE",
            about: Thing::Addresses(Whose::His),
            own: "204 403 403 403 403 403 403 403 403 204 401",
            on_behalf: "204 403 403 403 403 403 403 403 403 404u 401",
            ..USER
        },
        Row {
            path: "/api/admin/security/whitelist/users",
            what: "names one of OrgA",
            about: Thing::Addresses(Whose::Anothers),
            ..LIST
        },
        Row {
            what: "names one",
            about: Thing::Origin,
            look: Look::Name,
            own: "200+ 403 403 403 403 403 403 403 403 403 401",
            ..ORIGINS
        },
        Row {
            method: "POST",
            body: Body::Origins,
            own: "201 403 403 403 403 403 403 403 403 403 401",
            ..ORIGINS
        },
        ORIGIN,
        Row {
            method: "PUT",
            body: Body::Origin,
            own: "201 403 403 403 403 403 403 403 403 403 401",
            ..ORIGIN
        },
        Row { method: "DELETE", own: "204 403 403 403 403 403 403 403 403 403 401", ..ORIGIN },
    ],
    notes: &[
        "What 11 and 29 with administrative access may do, no column holds; `tests/api/addresses.rs` asks for it.",
        "The list of origins belongs to the system: who has no access to its tenant is refused whatever the entry.",
    ],
};
