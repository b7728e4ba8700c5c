//! The table itself: what each cell expects.
//!
//! Columns, left to right: 12 · 11+28 in the system tenant with administrative access on OrgA · the same without · 11+28 in
//! OrgA · a delegated administrator (1–11, 13–21, 28) in the system tenant with access on OrgA · the same without · an
//! ordinary user (1–11) of OrgA · 1–4 only, in OrgA · no permission at all, in OrgA · everything but 12, in OrgB · nobody.

use super::audit::ACCESS;
use super::client_applications::CLIENT_APPLICATIONS;
use super::limits::{LIMITS, Level};
use super::not_offered::NOT_OFFERED;
use super::sharing::SHARING;
use super::tenants_and_roles::{ROLES, TENANTS};
use super::users::USERS;

/// Whose an application, a tenant or a user is.
#[derive(Clone, Copy)]
pub(super) enum Org {
    System,
    A,
    B,
}

/// Whose a profile or a data source is: the one's in whose name it is asked, or another user's of OrgA.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    His,
    Anothers,
}

/// What stands for `{id}` in the path, made anew for each cell.
#[derive(Clone, Copy)]
pub(super) enum Thing {
    Nothing,
    App(Org),
    Profile(Whose),
    Client(Whose),
    Source(Whose),
    /// One of the other user's, shared with him to do exactly this.
    SharedWithHim(&'static [u64]),
    /// One of his, shared with the other user, and one shared with OrgA.
    SharedWithAnother,
    SharedWithOrgA,
    /// A group of his with one member.
    Group,
    TenantA,
    /// With the administrators of OrgA.
    EmptyTenant,
    UserOfA,
    RoleOfA,
    Snapshot,
    /// Limit 1, which has a value of its own there, or none.
    Limit(Level, bool),
    Number(u64),
    /// Address lists of the whole system, of OrgA, of a user.
    SystemAddresses,
    AddressesOfA,
    Addresses(Whose),
    /// A trusted origin.
    Origin,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum Body {
    None,
    Empty,
    App(Org),
    /// With an application of this tenant.
    Profile(Org),
    /// With a profile of his.
    Source(Option<Whose>),
    Client,
    /// Of a data source that keeps its name.
    SameName,
    Permissions,
    /// For the other user, and for OrgA.
    SharedUsers,
    SharedTenants,
    Members(Whose),
    NoMembers,
    Tenant,
    TenantReplaced,
    /// Those of OrgA.
    Administrators,
    /// With these permissions.
    Role(&'static [u16]),
    UserOfA,
    /// What replaces a user of OrgA.
    UserAgain,
    /// The role that users of OrgA have.
    HeldInA,
    /// Administrative access on OrgA.
    AdministersA,
    /// This text.
    Fixed(&'static str),
    RoleOfA,
    /// A limit's value.
    Limit,
    /// Of configuration 7.
    Configuration,
    PasswordPolicy,
    /// Of the log, which is no event.
    Level,
    /// A new trusted origin, and one as it shall be.
    Origins,
    Origin,
}

/// What a 2xx is looked through for: `+` when it is there, `-` when it is not.
#[derive(Clone, Copy)]
pub(super) enum Look {
    Nothing,
    Secret,
    /// One that was drawn.
    ClientSecret,
    Name,
}

pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The object, or what is special.
    pub(super) what: &'static str,
    pub(super) about: Thing,
    pub(super) body: Body,
    pub(super) look: Look,
    /// Whether a change that is done is an event.
    pub(super) recorded: bool,
    /// The code of a plain 404.
    pub(super) not_found: u64,
    /// The code of a plain 400.
    pub(super) unknown_reference: u64,
    pub(super) own: &'static str,
    /// Empty where `?user=` is no question.
    pub(super) on_behalf: &'static str,
}

pub(super) struct Family {
    pub(super) title: &'static str,
    pub(super) needs: &'static str,
    pub(super) rows: &'static [Row],
    pub(super) notes: &'static [&'static str],
}

const NO_APP: u64 = 222_207_711;
const NO_PROFILE: u64 = 222_207_710;
pub(super) const NO_SOURCE: u64 = 222_207_004;
pub(super) const NO_SOURCE_TO_DELETE: u64 = 222_207_011;
pub(super) const NO_TENANT: u64 = 222_208_573;
pub(super) const NO_USER: u64 = 222_207_916;
pub(super) const NO_ROLE: u64 = 222_207_924;
const NO_CODE: u64 = 0;

pub(super) const BASE: Row = Row {
    method: "GET",
    path: "",
    what: "",
    about: Thing::Nothing,
    body: Body::None,
    look: Look::Nothing,
    recorded: true,
    not_found: NO_CODE,
    unknown_reference: NO_CODE,
    own: "",
    on_behalf: "",
};

pub(super) const TABLE: &[Family] = &[
    APPLICATIONS,
    PROFILES,
    SOURCES,
    SHARING,
    CLIENT_APPLICATIONS,
    STORES_AND_PERMISSIONS,
    TENANTS,
    ROLES,
    ADMINISTRATION,
    USERS,
    LIMITS,
    OPERATION,
    ACCESS,
    super::whitelists::WHITELISTS,
    NOT_OFFERED,
];

const APP: Row = Row { not_found: NO_APP, unknown_reference: NO_TENANT, ..BASE };
const APP_LIST: Row = Row { path: "/api/mgmt/oauthapps", look: Look::Name, ..APP };
const APP_ONE: Row = Row { path: "/api/mgmt/oauthapps/{id}", ..APP };

const APPLICATIONS: Family = Family {
    title: "OAuth applications",
    needs: "List: 11. Everything else: 11 and 28, for the tenants in the caller's range (page 003).",
    rows: &[
        Row {
            what: "names one of the system tenant",
            about: Thing::App(Org::System),
            own: "200+ 200+ 200+ 200+ 200+ 200+ 200+ 403 403 200+ 401",
            on_behalf: "200+ 403 403 403 200+ 404u 403 403 403 404u 401",
            ..APP_LIST
        },
        Row {
            what: "names one of OrgA",
            about: Thing::App(Org::A),
            own: "200+ 200+ 200- 200+ 200+ 200- 200+ 403 403 200- 401",
            on_behalf: "200+ 403 403 403 200+ 404u 403 403 403 404u 401",
            ..APP_LIST
        },
        Row {
            what: "names one of OrgB",
            about: Thing::App(Org::B),
            own: "200+ 200- 200- 200- 200- 200- 200- 403 403 200+ 401",
            on_behalf: "200+ 403 403 403 200- 404u 403 403 403 404u 401",
            ..APP_LIST
        },
        Row {
            method: "POST",
            path: "/api/mgmt/oauthapps",
            what: "for the system tenant",
            body: Body::App(Org::System),
            own: "201 201 201 400 201 201 403 403 403 400 401",
            on_behalf: "201 403 403 403 400 404u 403 403 403 404u 401",
            ..APP
        },
        Row {
            method: "POST",
            path: "/api/mgmt/oauthapps",
            what: "for OrgA",
            body: Body::App(Org::A),
            own: "201 201 400 201 201 400 403 403 403 400 401",
            on_behalf: "201 403 403 403 201 404u 403 403 403 404u 401",
            ..APP
        },
        Row {
            method: "POST",
            path: "/api/mgmt/oauthapps",
            what: "for OrgB",
            body: Body::App(Org::B),
            own: "201 400 400 400 400 400 403 403 403 201 401",
            on_behalf: "201 403 403 403 400 404u 403 403 403 404u 401",
            ..APP
        },
        Row {
            what: "of the system tenant",
            about: Thing::App(Org::System),
            look: Look::Secret,
            own: "200+ 200+ 200+ 403 200+ 200+ 403 403 403 403 401",
            on_behalf: "200+ 403 403 403 403 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            what: "of OrgA",
            about: Thing::App(Org::A),
            look: Look::Secret,
            own: "200+ 200+ 404 200+ 200+ 404 403 403 403 404 401",
            on_behalf: "200+ 403 403 403 200- 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            what: "of OrgB",
            about: Thing::App(Org::B),
            look: Look::Secret,
            own: "200+ 404 404 404 404 404 403 403 403 200+ 401",
            on_behalf: "200+ 403 403 403 404 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            path: "/api/mgmt/oauthapps/{id}?asOf={sequence}",
            what: "of OrgA",
            about: Thing::App(Org::A),
            look: Look::Secret,
            own: "200- 200- 404 200- 200- 404 403 403 403 404 401",
            on_behalf: "200- 403 403 403 200- 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            method: "PUT",
            what: "of the system tenant",
            about: Thing::App(Org::System),
            body: Body::App(Org::System),
            own: "200 200 200 403 200 200 403 403 403 403 401",
            on_behalf: "200 403 403 403 403 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            method: "PUT",
            what: "of OrgA",
            about: Thing::App(Org::A),
            body: Body::App(Org::A),
            own: "200 200 404 200 200 404 403 403 403 404 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            method: "PUT",
            what: "of OrgB",
            about: Thing::App(Org::B),
            body: Body::App(Org::B),
            own: "200 404 404 404 404 404 403 403 403 200 401",
            on_behalf: "200 403 403 403 404 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            method: "DELETE",
            what: "of the system tenant",
            about: Thing::App(Org::System),
            own: "204 204 204 403 204 204 403 403 403 403 401",
            on_behalf: "204 403 403 403 403 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            method: "DELETE",
            what: "of OrgA",
            about: Thing::App(Org::A),
            own: "204 204 404 204 204 404 403 403 403 404 401",
            on_behalf: "204 403 403 403 204 404u 403 403 403 404u 401",
            ..APP_ONE
        },
        Row {
            method: "DELETE",
            what: "of OrgB",
            about: Thing::App(Org::B),
            own: "204 404 404 404 404 404 403 403 403 204 401",
            on_behalf: "204 403 403 403 404 404u 403 403 403 404u 401",
            ..APP_ONE
        },
    ],
    notes: &[
        "403 for an application of the system tenant asked for by a user of a child tenant who holds 28: it is in his list, \
         because he can use it, so there is nothing to hide; it is not his to look into or to change.",
        "400 for a create: the body names a tenant that is out of the caller's range, and hears what an unknown tenant hears \
         (222208573). That holds for the system tenant too.",
        "On behalf, the caller keeps his permissions and stands where the user stands: a delegated administrator acting for \
         a user of OrgA reaches OrgA's applications and no others, and is shown no secret (that takes 12). With 12 he \
         still reaches everything.",
    ],
};

const PROFILE: Row = Row { not_found: NO_PROFILE, unknown_reference: NO_APP, ..BASE };
const PROFILE_LIST: Row = Row { path: "/api/mgmt/oauthprofiles", ..PROFILE };
const PROFILE_ONE: Row = Row { path: "/api/mgmt/oauthprofiles/{id}", ..PROFILE };

const PROFILES: Family = Family {
    title: "OAuth profiles",
    needs: "11, and 1 to create, 2 to read, 3 to change, 4 to delete (page 004). 28 is not asked for.",
    rows: &[
        Row {
            what: "names one of his",
            about: Thing::Profile(Whose::His),
            look: Look::Name,
            own: "200+ 403 403 403 200+ 200+ 200+ 403 403 200+ 401",
            on_behalf: "200+ 403 403 403 200+ 404u 403 403 403 404u 401",
            ..PROFILE_LIST
        },
        Row {
            what: "names another user's",
            about: Thing::Profile(Whose::Anothers),
            look: Look::Name,
            own: "200- 403 403 403 200- 200- 200- 403 403 200- 401",
            on_behalf: "200- 403 403 403 200- 404u 403 403 403 404u 401",
            ..PROFILE_LIST
        },
        Row {
            method: "POST",
            what: "through an application of the system tenant",
            body: Body::Profile(Org::System),
            own: "201 403 403 403 201 201 201 403 403 201 401",
            on_behalf: "201 403 403 403 201 404u 403 403 403 404u 401",
            ..PROFILE_LIST
        },
        Row {
            method: "POST",
            what: "through an application of OrgA",
            body: Body::Profile(Org::A),
            own: "400 403 403 403 400 400 201 403 403 400 401",
            on_behalf: "201 403 403 403 201 404u 403 403 403 404u 401",
            ..PROFILE_LIST
        },
        Row {
            method: "POST",
            what: "through an application of OrgB",
            body: Body::Profile(Org::B),
            own: "400 403 403 403 400 400 400 403 403 201 401",
            on_behalf: "400 403 403 403 400 404u 403 403 403 404u 401",
            ..PROFILE_LIST
        },
        Row {
            what: "his",
            about: Thing::Profile(Whose::His),
            look: Look::Secret,
            own: "200+ 403 403 403 200+ 200+ 200+ 403 403 200+ 401",
            on_behalf: "200+ 403 403 403 200- 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            what: "another user's",
            about: Thing::Profile(Whose::Anothers),
            look: Look::Secret,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            path: "/api/mgmt/oauthprofiles/{id}?asOf={sequence}",
            what: "his",
            about: Thing::Profile(Whose::His),
            look: Look::Secret,
            own: "200- 403 403 403 200- 200- 200- 403 403 200- 401",
            on_behalf: "200- 403 403 403 200- 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            path: "/api/mgmt/oauthprofiles/{id}?asOf={sequence}",
            what: "another user's",
            about: Thing::Profile(Whose::Anothers),
            look: Look::Secret,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            path: "/api/mgmt/oauthprofiles/{id}/stats",
            what: "his",
            about: Thing::Profile(Whose::His),
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            path: "/api/mgmt/oauthprofiles/{id}/stats",
            what: "another user's",
            about: Thing::Profile(Whose::Anothers),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            method: "PUT",
            what: "his",
            about: Thing::Profile(Whose::His),
            body: Body::Profile(Org::System),
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            method: "PUT",
            what: "another user's",
            about: Thing::Profile(Whose::Anothers),
            body: Body::Profile(Org::System),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            method: "DELETE",
            what: "his",
            about: Thing::Profile(Whose::His),
            own: "204 403 403 403 204 204 204 403 403 204 401",
            on_behalf: "204 403 403 403 204 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
        Row {
            method: "DELETE",
            what: "another user's",
            about: Thing::Profile(Whose::Anothers),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..PROFILE_ONE
        },
    ],
    notes: &[
        "A profile is its owner's alone, so that an administrator who does not say `?user=` finds another's as little as \
         anybody does: 404, also with 12.",
        "400 for a create: the application is not one that the owner's tenant can use (its own, or the system tenant's), \
         which also holds for an administrator of the system tenant: he sees OrgA's applications and can use only the \
         system tenant's (222207711).",
    ],
};

const SOURCE: Row = Row { not_found: NO_SOURCE, unknown_reference: NO_PROFILE, ..BASE };
const SOURCE_LIST: Row = Row { path: "/api/mgmt/datasources", ..SOURCE };
const SOURCE_ONE: Row = Row { path: "/api/mgmt/datasources/{id}", ..SOURCE };

const SOURCES: Family = Family {
    title: "Data sources",
    needs: "11, and 1 to create, 2 to read, 3 to change, 4 to delete (page 002).",
    rows: &[
        Row {
            what: "names one of his",
            about: Thing::Source(Whose::His),
            look: Look::Name,
            own: "200+ 403 403 403 200+ 200+ 200+ 403 403 200+ 401",
            on_behalf: "200+ 403 403 403 200+ 404u 403 403 403 404u 401",
            ..SOURCE_LIST
        },
        Row {
            what: "names another user's",
            about: Thing::Source(Whose::Anothers),
            look: Look::Name,
            own: "200- 403 403 403 200- 200- 200- 403 403 200- 401",
            on_behalf: "200- 403 403 403 200- 404u 403 403 403 404u 401",
            ..SOURCE_LIST
        },
        Row {
            method: "POST",
            what: "without a profile",
            body: Body::Source(None),
            own: "201 403 403 403 201 201 201 403 403 201 401",
            on_behalf: "201 403 403 403 201 404u 403 403 403 404u 401",
            ..SOURCE_LIST
        },
        Row {
            method: "POST",
            what: "with a profile of his",
            body: Body::Source(Some(Whose::His)),
            own: "201 403 403 403 201 201 201 403 403 201 401",
            on_behalf: "201 403 403 403 201 404u 403 403 403 404u 401",
            ..SOURCE_LIST
        },
        Row {
            method: "POST",
            what: "with another user's profile",
            body: Body::Source(Some(Whose::Anothers)),
            own: "400 403 403 403 400 400 400 403 403 400 401",
            on_behalf: "400 403 403 403 400 404u 403 403 403 404u 401",
            ..SOURCE_LIST
        },
        Row {
            what: "his",
            about: Thing::Source(Whose::His),
            look: Look::Secret,
            own: "200+ 403 403 403 200+ 200+ 200+ 403 403 200+ 401",
            on_behalf: "200+ 403 403 403 200- 404u 403 403 403 404u 401",
            ..SOURCE_ONE
        },
        Row {
            what: "another user's",
            about: Thing::Source(Whose::Anothers),
            look: Look::Secret,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..SOURCE_ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}?asOf={sequence}",
            what: "his",
            about: Thing::Source(Whose::His),
            look: Look::Secret,
            own: "200- 403 403 403 200- 200- 200- 403 403 200- 401",
            on_behalf: "200- 403 403 403 200- 404u 403 403 403 404u 401",
            ..SOURCE_ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}?asOf={sequence}",
            what: "another user's",
            about: Thing::Source(Whose::Anothers),
            look: Look::Secret,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..SOURCE_ONE
        },
        Row {
            method: "PUT",
            what: "his",
            about: Thing::Source(Whose::His),
            body: Body::Source(None),
            own: "200 403 403 403 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..SOURCE_ONE
        },
        Row {
            method: "PUT",
            what: "another user's",
            about: Thing::Source(Whose::Anothers),
            body: Body::Source(None),
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..SOURCE_ONE
        },
        Row {
            method: "DELETE",
            what: "his",
            about: Thing::Source(Whose::His),
            not_found: NO_SOURCE_TO_DELETE,
            own: "204 403 403 403 204 204 204 403 403 204 401",
            on_behalf: "204 403 403 403 204 404u 403 403 403 404u 401",
            ..SOURCE_ONE
        },
        Row {
            method: "DELETE",
            what: "another user's",
            about: Thing::Source(Whose::Anothers),
            not_found: NO_SOURCE_TO_DELETE,
            own: "404 403 403 403 404 404 404 403 403 404 401",
            on_behalf: "404 403 403 403 404 404u 403 403 403 404u 401",
            ..SOURCE_ONE
        },
        Row {
            path: "/api/mgmt/datasources/{id}/model",
            what: "not offered",
            about: Thing::Number(1),
            own: "501 501 501 501 501 501 501 501 501 501 401",
            ..SOURCE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/model",
            what: "not offered",
            about: Thing::Number(1),
            body: Body::Empty,
            own: "501 501 501 501 501 501 501 501 501 501 401",
            ..SOURCE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/datasources/{id}/map",
            what: "not offered",
            about: Thing::Number(1),
            body: Body::Empty,
            own: "501 501 501 501 501 501 501 501 501 501 401",
            ..SOURCE
        },
        Row {
            path: "/api/odata4/{path}",
            what: "not offered",
            own: "501 501 501 501 501 501 501 501 501 501 401",
            ..SOURCE
        },
        Row {
            method: "POST",
            path: "/api/odata4/{path}",
            what: "not offered",
            own: "501 501 501 501 501 501 501 501 501 501 401",
            ..SOURCE
        },
        Row {
            method: "PUT",
            path: "/api/odata4/{path}",
            what: "not offered",
            own: "501 501 501 501 501 501 501 501 501 501 401",
            ..SOURCE
        },
        Row {
            method: "PATCH",
            path: "/api/odata4/{path}",
            what: "not offered",
            own: "501 501 501 501 501 501 501 501 501 501 401",
            ..SOURCE
        },
        Row {
            method: "DELETE",
            path: "/api/odata4/{path}",
            what: "not offered",
            own: "501 501 501 501 501 501 501 501 501 501 401",
            ..SOURCE
        },
    ],
    notes: &[
        "A data source is its owner's alone, as a profile is; 400 is a profile that its owner does not see (222207710).",
        "501: what Hybrid Data Pipeline does here and this server does not. The answer looks at nothing but the \
         credentials, and so tells nothing about any object.",
    ],
};

const STORES_AND_PERMISSIONS: Family = Family {
    title: "Data stores and own permissions",
    needs: "11.",
    rows: &[
        Row {
            path: "/api/mgmt/datastores",
            own: "200 200 200 200 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..BASE
        },
        Row {
            path: "/api/mgmt/datastores/{id}",
            about: Thing::Number(54),
            own: "200 200 200 200 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..BASE
        },
        Row {
            path: "/api/mgmt/permissions",
            own: "200 200 200 200 200 200 200 403 403 200 401",
            on_behalf: "200 403 403 403 200 404u 403 403 403 404u 401",
            ..BASE
        },
    ],
    notes: &[],
};

const USER_LIST: Row =
    Row { path: "/api/admin/users", not_found: NO_USER, unknown_reference: NO_TENANT, ..BASE };

const ADMINISTRATION: Family = Family {
    title: "Users and the catalogue of permissions",
    needs: "Users: 13 to create, 14 to read, with administrative access on the tenant. Catalogue of permissions: 11.",
    rows: &[
        Row {
            what: "names one of OrgA",
            about: Thing::UserOfA,
            look: Look::Name,
            own: "200+ 403 403 403 200+ 200- 403 403 403 200- 401",
            on_behalf: "400p 403 403 403 400p 400p 403 403 403 400p 401",
            ..USER_LIST
        },
        Row {
            method: "POST",
            what: "in OrgA",
            body: Body::UserOfA,
            own: "201 403 403 403 201 400 403 403 403 400 401",
            on_behalf: "400p 403 403 403 400p 400p 403 403 403 400p 401",
            ..USER_LIST
        },
        Row {
            path: "/api/admin/users/{id}",
            what: "of OrgA",
            about: Thing::UserOfA,
            own: "200 403 403 403 200 404 403 403 403 404 401",
            on_behalf: "400p 403 403 403 400p 400p 403 403 403 400p 401",
            ..USER_LIST
        },
        Row {
            path: "/api/admin/users/{id}?asOf={sequence}",
            what: "of OrgA",
            about: Thing::UserOfA,
            own: "200 403 403 403 200 404 403 403 403 404 401",
            on_behalf: "400p 403 403 403 400p 400p 403 403 403 400p 401",
            ..USER_LIST
        },
        Row {
            path: "/api/admin/permissions",
            own: "200 200 200 200 200 200 200 403 403 200 401",
            on_behalf: "400p 400p 400p 400p 400p 400p 400p 403 403 400p 401",
            ..BASE
        },
        Row {
            path: "/api/admin/permissions/{id}",
            about: Thing::Number(12),
            own: "200 200 200 200 200 200 200 403 403 200 401",
            on_behalf: "400p 400p 400p 400p 400p 400p 400p 403 403 400p 401",
            ..BASE
        },
    ],
    notes: &[
        "Administration is always the caller's own: `?user=` is a parameter that these operations do not know (400p, \
         222299008).",
        "400 for a create: the body names a tenant without administrative access, which answers as an unknown one does \
         (222208573).",
    ],
};

const OPERATE: Row = Row {
    own: "200 403 403 403 403 403 403 403 403 403 401",
    on_behalf: "400p 403 403 403 403 403 403 403 403 400p 401",
    ..BASE
};

const OPERATION: Family = Family {
    title: "Audit, operation, health, documentation",
    needs: "History: 101. Metrics and operation: 102 and a user of the system tenant. 12 implies both. Health and documentation: nothing.",
    rows: &[
        Row {
            path: "/api/audit/objects/{kind}/{id}/history",
            what: "of a user of OrgA",
            about: Thing::UserOfA,
            not_found: 222_299_036,
            own: "200 403 403 403 403 403 403 403 403 404 401",
            on_behalf: "400p 403 403 403 403 403 403 403 403 400p 401",
            ..BASE
        },
        Row { path: "/metrics", ..OPERATE },
        Row { path: "/api/operate/logging", ..OPERATE },
        Row { method: "PUT", path: "/api/operate/logging", body: Body::Level, recorded: false, ..OPERATE },
        Row { path: "/api/operate/status", ..OPERATE },
        Row { path: "/api/operate/snapshots", ..OPERATE },
        Row {
            method: "POST",
            path: "/api/operate/snapshots",
            own: "201 403 403 403 403 403 403 403 403 403 401",
            ..OPERATE
        },
        Row { path: "/api/operate/snapshots/{size}", about: Thing::Snapshot, ..OPERATE },
        Row {
            method: "POST",
            path: "/api/operate/snapshots/{size}/verify",
            about: Thing::Snapshot,
            recorded: false,
            ..OPERATE
        },
        Row { path: "/api/healthcheck", own: "200 200 200 200 200 200 200 200 200 200 200", ..BASE },
        Row { path: "/api/openapi.json", own: "200 200 200 200 200 200 200 200 200 200 200", ..BASE },
        Row { path: "/api/docs", own: "200 200 200 200 200 200 200 200 200 200 200", ..BASE },
        Row { path: "/api/docs/page.css", own: "200 200 200 200 200 200 200 200 200 200 200", ..BASE },
        Row { path: "/livez", own: "200 200 200 200 200 200 200 200 200 200 200", ..BASE },
        Row { path: "/readyz", own: "200 200 200 200 200 200 200 200 200 200 200", ..BASE },
        Row {
            path: "/oauth2/authorize",
            what: "a page to sign in on",
            own: "200 200 200 200 200 200 200 200 200 200 200",
            ..BASE
        },
        Row {
            method: "POST",
            path: "/oauth2/authorize",
            what: "a request for no client application",
            own: "400 400 400 400 400 400 400 400 400 400 303",
            recorded: false,
            ..BASE
        },
        Row {
            path: "/api/mgmt/oauth2/authorize",
            what: "a page to sign in on",
            own: "200 200 200 200 200 200 200 200 200 200 200",
            ..BASE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/oauth2/authorize",
            what: "a request for no client application",
            own: "400 400 400 400 400 400 400 400 400 400 303",
            recorded: false,
            ..BASE
        },
        Row {
            path: "/login",
            what: "a page to sign in on",
            own: "200 200 200 200 200 200 200 200 200 200 200",
            ..BASE
        },
        Row { path: "/login/page.css", own: "200 200 200 200 200 200 200 200 200 200 200", ..BASE },
        Row {
            method: "POST",
            path: "/login",
            what: "a form that is none of ours",
            own: "400 400 400 400 400 400 400 400 400 400 400",
            recorded: false,
            ..BASE
        },
        Row {
            method: "POST",
            path: "/logout",
            what: "a form that is none of ours",
            own: "400 400 400 400 400 400 400 400 400 400 400",
            recorded: false,
            ..BASE
        },
        Row {
            method: "POST",
            path: "/oauth2/token",
            what: "a request of no client application",
            own: "400 400 400 400 400 400 400 400 400 400 400",
            recorded: false,
            ..BASE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/oauth2/token",
            what: "a request of no client application",
            own: "400 400 400 400 400 400 400 400 400 400 400",
            recorded: false,
            ..BASE
        },
        Row {
            method: "POST",
            path: "/oauth2/revoke",
            what: "a request of no client application",
            own: "400 400 400 400 400 400 400 400 400 400 400",
            recorded: false,
            ..BASE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/oauth2/revoke",
            what: "a request of no client application",
            own: "400 400 400 400 400 400 400 400 400 400 400",
            recorded: false,
            ..BASE
        },
        Row {
            method: "POST",
            path: "/oauth2/introspect",
            what: "a request of no client application",
            own: "400 400 400 400 400 400 400 400 400 400 400",
            recorded: false,
            ..BASE
        },
        Row {
            method: "POST",
            path: "/api/mgmt/oauth2/introspect",
            what: "a request of no client application",
            own: "400 400 400 400 400 400 400 400 400 400 400",
            recorded: false,
            ..BASE
        },
        Row {
            path: "/.well-known/oauth-authorization-server",
            own: "200 200 200 200 200 200 200 200 200 200 200",
            ..BASE
        },
    ],
    notes: &["Health is answered to anybody, and looks at nothing that is sent."],
};
