//! Rows of client applications: whoever may log in has some of his own.

use super::table::{BASE, Body, Family, Look, Row, Thing, Whose};

const LIST: Row = Row { path: "/api/mgmt/oauth/client/applications", look: Look::Name, ..BASE };
const ONE: Row = Row {
    path: "/api/mgmt/oauth/client/applications/{id}",
    look: Look::ClientSecret,
    not_found: 222_206_631,
    on_behalf: NOBODYS,
    ..BASE
};
const DELETED: Row = Row { method: "DELETE", look: Look::Nothing, not_found: 222_206_633, ..ONE };
const RESET: Row = Row {
    method: "PUT",
    path: "/api/mgmt/oauth/client/applications/{id}/reset",
    not_found: 222_206_634,
    ..ONE
};
const ROTATE: Row = Row {
    path: "/api/mgmt/oauth/client/applications/{id}/rotate",
    body: Body::Fixed("{\"overlapSeconds\":60}"),
    ..RESET
};
const HIS: Thing = Thing::Client(Whose::His);
const ANOTHERS: Thing = Thing::Client(Whose::Anothers);
/// `?user=` is none of HDP's parameters here.
const NOBODYS: &str = "400p 400p 400p 400p 400p 400p 400p 400p 400p 400p 401";

pub(super) const CLIENT_APPLICATIONS: Family = Family {
    title: "Client applications",
    needs: "Nothing but to be an active user, for one's own; those of others are seen by who holds 28 and has administrative access \
            on their owner's tenant, and by 12.",
    rows: &[
        Row {
            what: "names one of his",
            about: HIS,
            own: "200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 401",
            on_behalf: NOBODYS,
            ..LIST
        },
        Row {
            what: "names one of another user of OrgA",
            about: ANOTHERS,
            own: "200+ 200+ 200- 200- 200+ 200- 200- 200- 200- 200- 401",
            ..LIST
        },
        Row {
            method: "POST",
            body: Body::Client,
            look: Look::ClientSecret,
            own: "201+ 201+ 201+ 201+ 201+ 201+ 201+ 201+ 201+ 201+ 401",
            on_behalf: NOBODYS,
            ..LIST
        },
        Row {
            what: "of his",
            about: HIS,
            own: "200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 401",
            ..ONE
        },
        Row {
            what: "of another user of OrgA",
            about: ANOTHERS,
            own: "200+ 200- 404 404 200- 404 404 404 404 404 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/oauth/client/applications/{id}?asOf={sequence}",
            what: "of another user of OrgA",
            about: ANOTHERS,
            own: "200- 200- 404 404 200- 404 404 404 404 404 401",
            ..ONE
        },
        Row {
            method: "PUT",
            what: "of his",
            about: HIS,
            body: Body::Client,
            own: "200- 200- 200- 200- 200- 200- 200- 200- 200- 200- 401",
            ..ONE
        },
        Row {
            method: "PUT",
            what: "of another user of OrgA",
            about: ANOTHERS,
            body: Body::Client,
            own: "200- 200- 404 404 200- 404 404 404 404 404 401",
            ..ONE
        },
        Row { what: "of his", about: HIS, own: "204 204 204 204 204 204 204 204 204 204 401", ..DELETED },
        Row {
            what: "of another user of OrgA",
            about: ANOTHERS,
            own: "204 204 404 404 204 404 404 404 404 404 401",
            ..DELETED
        },
        Row {
            what: "of his",
            about: HIS,
            own: "200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 401",
            ..RESET
        },
        Row {
            what: "of another user of OrgA",
            about: ANOTHERS,
            own: "200+ 403 404 404 403 404 404 404 404 404 401",
            ..RESET
        },
        Row {
            what: "of his",
            about: HIS,
            own: "200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 200+ 401",
            ..ROTATE
        },
        Row {
            what: "of another user of OrgA",
            about: ANOTHERS,
            own: "200+ 403 404 404 403 404 404 404 404 404 401",
            ..ROTATE
        },
        Row {
            path: "/api/mgmt/oauth/client/allowedapplications",
            own: "200 200 200 200 200 200 200 200 200 200 401",
            on_behalf: NOBODYS,
            ..BASE
        },
        Row {
            path: "/api/mgmt/oauth/client/allowedapplications/{id}",
            what: "that he allowed nothing",
            about: HIS,
            own: "404 404 404 404 404 404 404 404 404 404 401",
            ..DELETED
        },
    ],
    notes: &[
        "Who administers another's application by 28 changes what it may ask for, and deletes it. Its secret, and where codes are \
         sent, are its owner's: 403.",
    ],
};
