//! Rows of what makes a data source more people's than its owner's: permissions on it, shares, groups.

use super::table::{
    BASE, Body, Family, Look, NO_SOURCE, NO_SOURCE_TO_DELETE, NO_TENANT, NO_USER, Row, Thing, Whose,
};

const ONE: Row = Row { not_found: NO_SOURCE, ..BASE };

pub(super) const SHARING: Family = Family {
    title: "Sharing of data sources",
    needs: "11, and 2 to read, 3 to change, held in general or given by the data source (hdp-api 4.4, 4.5). Who has only 11 is \
            refused everything else.",
    rows: &[
        Row {
            path: "/api/mgmt/datasources/{id}/permissions",
            what: "of his",
            about: Thing::Source(Whose::His),
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/permissions",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "PUT",
            path: "/api/mgmt/datasources/{id}/permissions",
            what: "of his",
            about: Thing::Source(Whose::His),
            body: Body::Permissions,
            own: "403 403 403 403 403 403 403 403 403 403 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "PUT",
            path: "/api/mgmt/datasources/{id}/permissions",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            body: Body::Permissions,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/sharedUsers",
            what: "of his",
            about: Thing::SharedWithAnother,
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/sharedUsers",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/sharedUsers",
            what: "of one that is shared with him",
            about: Thing::SharedWithHim(&[2]),
            own: "403 403 403 403 403 403 403 403 403 403 401",
            on_behalf: "403 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/sharedUsers",
            what: "with another user of OrgA",
            about: Thing::Source(Whose::His),
            body: Body::SharedUsers,
            unknown_reference: NO_USER,
            own: "200 403 403 403 200 400 200 403 403 400 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/sharedUsers",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            body: Body::SharedUsers,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/sharedUsers",
            what: "of one that is shared with him",
            about: Thing::SharedWithHim(&[2, 3]),
            body: Body::SharedUsers,
            own: "403 403 403 403 403 403 403 403 403 403 401",
            on_behalf: "403 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/sharedUsers/{userId}",
            what: "of his",
            about: Thing::SharedWithAnother,
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "PUT",
            path: "/api/mgmt/datasources/{id}/sharedUsers/{userId}",
            what: "of his",
            about: Thing::SharedWithAnother,
            body: Body::Permissions,
            unknown_reference: NO_USER,
            own: "200 403 403 403 200 400 200 403 403 400 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "DELETE",
            path: "/api/mgmt/datasources/{id}/sharedUsers/{userId}",
            what: "of his",
            about: Thing::SharedWithAnother,
            own: "204 403 403 403 204 204 204 403 403 204 401",
            on_behalf: "204 403 403 403 204 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "DELETE",
            path: "/api/mgmt/datasources/{id}/sharedUsers/{userId}",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            not_found: NO_SOURCE_TO_DELETE,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/sharedTenants",
            what: "of his",
            about: Thing::SharedWithOrgA,
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/sharedTenants",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/sharedTenants",
            what: "of one that is shared with him",
            about: Thing::SharedWithHim(&[2]),
            own: "403 403 403 403 403 403 403 403 403 403 401",
            on_behalf: "403 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/sharedTenants",
            what: "with OrgA",
            about: Thing::Source(Whose::His),
            body: Body::SharedTenants,
            unknown_reference: NO_TENANT,
            own: "200 403 403 403 200 400 403 403 403 400 401",
            on_behalf: "200 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/sharedTenants",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            body: Body::SharedTenants,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/sharedTenants",
            what: "of one that is shared with him",
            about: Thing::SharedWithHim(&[2, 3]),
            body: Body::SharedTenants,
            own: "403 403 403 403 403 403 403 403 403 403 401",
            on_behalf: "403 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/sharedTenants/{tenantId}",
            what: "of his",
            about: Thing::SharedWithOrgA,
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "PUT",
            path: "/api/mgmt/datasources/{id}/sharedTenants/{tenantId}",
            what: "of his",
            about: Thing::SharedWithOrgA,
            body: Body::Permissions,
            unknown_reference: NO_TENANT,
            own: "200 403 403 403 200 400 403 403 403 400 401",
            on_behalf: "200 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "DELETE",
            path: "/api/mgmt/datasources/{id}/sharedTenants/{tenantId}",
            what: "of his",
            about: Thing::SharedWithOrgA,
            own: "204 403 403 403 204 204 204 403 403 204 401",
            on_behalf: "204 403 403 403 204 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "DELETE",
            path: "/api/mgmt/datasources/{id}/sharedTenants/{tenantId}",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            not_found: NO_SOURCE_TO_DELETE,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/members",
            what: "of his group",
            about: Thing::Group,
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/members",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/members",
            what: "one of his",
            about: Thing::Group,
            body: Body::Members(Whose::His),
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/members",
            what: "one of another user's",
            about: Thing::Group,
            body: Body::Members(Whose::Anothers),
            unknown_reference: NO_SOURCE,
            own: "400 403 403 403 400 400 400 403 403 400 401",
            on_behalf: "400 403 403 403 400 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/members",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            body: Body::NoMembers,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "PUT",
            path: "/api/mgmt/datasources/{id}/members",
            what: "of his group",
            about: Thing::Group,
            body: Body::NoMembers,
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "DELETE",
            path: "/api/mgmt/datasources/{id}/members/{memberId}",
            what: "of his group",
            about: Thing::Group,
            own: "204 403 403 403 204 204 204 403 403 204 401",
            on_behalf: "204 403 403 403 204 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "DELETE",
            path: "/api/mgmt/datasources/{id}/members/{memberId}",
            what: "of another user's",
            about: Thing::Source(Whose::Anothers),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}",
            what: "shared with him: 2",
            about: Thing::SharedWithHim(&[2]),
            look: Look::Secret,
            own: "200- 200- 200- 200- 200- 200- 200- 403 403 200- 401",
            on_behalf: "200- 403 403 403 200- 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}",
            what: "shared with him: 3, 4",
            about: Thing::SharedWithHim(&[3, 4]),
            look: Look::Secret,
            own: "200- 403 403 403 403 403 403 403 403 403 401",
            on_behalf: "200- 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/permissions",
            what: "of one that is shared with him: 2",
            about: Thing::SharedWithHim(&[2]),
            own: "200 200 200 200 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "PUT",
            path: "/api/mgmt/datasources/{id}",
            what: "shared with him: 3",
            about: Thing::SharedWithHim(&[3]),
            body: Body::SameName,
            own: "200 200 200 200 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "PUT",
            path: "/api/mgmt/datasources/{id}",
            what: "shared with him: 2, 4",
            about: Thing::SharedWithHim(&[2, 4]),
            body: Body::SameName,
            own: "200 403 403 403 403 403 403 403 403 403 401",
            on_behalf: "200 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "DELETE",
            path: "/api/mgmt/datasources/{id}",
            what: "shared with him: 4",
            about: Thing::SharedWithHim(&[4]),
            own: "204 204 204 204 204 204 204 403 403 204 401",
            on_behalf: "204 403 403 403 204 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            method: "DELETE",
            path: "/api/mgmt/datasources/{id}",
            what: "shared with him: 2, 3",
            about: Thing::SharedWithHim(&[2, 3]),
            own: "204 403 403 403 403 403 403 403 403 403 401",
            on_behalf: "204 403 403 403 403 404u 403 403 403 404u 401",
            ..ONE
        },
        Row {
            path: "/api/mgmt/datasources",
            what: "names one shared with him",
            about: Thing::SharedWithHim(&[2]),
            look: Look::Name,
            own: "200+ 200+ 200+ 200+ 200+ 200+ 200+ 403 403 200+ 401",
            on_behalf: "200+ 403 403 403 200+ 404u 403 403 403 404u 401",
            ..ONE
        },
    ],
    notes: &[
        "Permissions are set by an administrator who says `?user=`, also with 12; without it they are nobody's to set: 403.",
        "With whom it is shared, and what is in a group, is the owner's to see and to change: 403 for whom it is shared with, \
         also with 12 in his own name.",
        "A user shares with users of his tenant and of those that he administers, and with tenants that he administers: others \
         are 400, like those that never existed. Of his own tenant he knows, so 403.",
        "What a share gives, it gives to who holds 11 and nothing else; and whom it does not give 3, he may not change it \
         with a 3 of his own. No share shows secrets.",
    ],
};
