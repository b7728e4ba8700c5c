//! Rows of what auditors ask about people.

use super::table::{BASE, Family, NO_USER, Row, Thing};

const ASKED: Row = Row { about: Thing::UserOfA, not_found: NO_USER, ..BASE };

pub(super) const ACCESS: Family = Family {
    title: "Who could do what",
    needs: "101, or 12 which implies it; from a child tenant about those who lived there. `?user=` is the user who is asked about.",
    rows: &[
        Row {
            path: "/api/audit/access?user={id}&permission=1",
            what: "about a user of OrgA",
            own: "200 403 403 403 403 403 403 403 403 404 401",
            ..ASKED
        },
        Row {
            path: "/api/audit/access?user={id}&permission=1&asOf={sequence}",
            what: "about a user of OrgA, then",
            own: "200 403 403 403 403 403 403 403 403 404 401",
            ..ASKED
        },
    ],
    notes: &[],
};
