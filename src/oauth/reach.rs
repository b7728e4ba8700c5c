//! What of our API an access token reaches (TOKENS section 3): one table, by method and path. What is not on it, none does.
//!
//! A scope only narrows what the token's user may do, which is asked as always. The path is looked at as it was sent: routes
//! match no other form of it, so that one that is written otherwise leads nowhere.

use events::{id::ClientApplicationId, scope::Scope};

use Methods::{All, Changing, Deleting, Reading};

/// Which methods a row is about.
#[derive(Clone, Copy)]
enum Methods {
    All,
    /// GET and HEAD.
    Reading,
    /// All others.
    Changing,
    Deleting,
}

impl Methods {
    fn has(self, method: &str) -> bool {
        match self {
            All => true,
            Reading => matches!(method, "GET" | "HEAD"),
            Changing => !matches!(method, "GET" | "HEAD"),
            Deleting => method == "DELETE",
        }
    }
}

/// What reaches it.
#[derive(Clone, Copy)]
enum By {
    Scope(Scope),
    /// That scope, and only the client whose number the path ends with.
    Itself(Scope),
    Nothing,
}

const CLIENTS: &str = "/api/mgmt/oauth/client/applications";
const ALLOWED: &str = "/api/mgmt/oauth/client/allowedapplications";

/// The first row that fits counts. A path stands for itself and all below it; `{}` in it for one segment.
const ROWS: &[(Methods, &str, By)] = &[
    // Who could register, change or reset a client application could give himself what nobody allowed him.
    (Changing, CLIENTS, By::Nothing),
    (Deleting, ALLOWED, By::Itself(Scope::Mgmt)),
    (Changing, ALLOWED, By::Nothing),
    // What it answers is the use of a data source, and not its management.
    (All, "/api/mgmt/datasources/{}/token", By::Scope(Scope::OData)),
    // Nobody who allows an application something thinks of where he himself may come from.
    (All, "/api/mgmt/security", By::Nothing),
    (All, "/api/mgmt", By::Scope(Scope::Mgmt)),
    (Reading, "/api/audit", By::Scope(Scope::Audit)),
];

/// What a token lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfReach {
    /// This scope.
    Lacks(Scope),
    /// Nothing would help.
    Always,
}

/// Whether a token of `client` with `scopes` is good for this.
pub fn reaches(
    client: ClientApplicationId,
    scopes: &[Scope],
    method: &str,
    path: &str,
) -> Result<(), OutOfReach> {
    let row = ROWS.iter().find(|(methods, pattern, _)| methods.has(method) && is_below(path, pattern));
    let needed = match row.map(|(_, _, by)| *by) {
        Some(By::Scope(scope)) => scope,
        Some(By::Itself(scope)) if ends_with(path, client) => scope,
        Some(By::Itself(_) | By::Nothing) | None => return Err(OutOfReach::Always),
    };
    if scopes.contains(&needed) { Ok(()) } else { Err(OutOfReach::Lacks(needed)) }
}

/// Which scope a token needs for an operation, by its path as it is written in the document; `None`: none reaches it.
pub fn needed(method: &str, path: &str) -> Option<Scope> {
    // `{id}` may be the client's own.
    let row = ROWS.iter().find(|(methods, pattern, _)| methods.has(method) && is_below(path, pattern));
    match row.map(|(_, _, by)| *by) {
        Some(By::Scope(scope) | By::Itself(scope)) => Some(scope),
        Some(By::Nothing) | None => None,
    }
}

fn is_below(path: &str, pattern: &str) -> bool {
    let mut segments = path.split('/');
    pattern
        .split('/')
        .all(|wanted| segments.next().is_some_and(|segment| wanted == "{}" || wanted == segment))
}

fn ends_with(path: &str, client: ClientApplicationId) -> bool {
    path.strip_prefix(ALLOWED).and_then(|rest| rest.strip_prefix('/')) == Some(client.0.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: ClientApplicationId = ClientApplicationId(7);
    const EVERY_SCOPE: [Scope; 3] = Scope::ALL;

    #[test]
    fn a_scope_reaches_what_its_row_says_and_nothing_else() {
        let (odata, mgmt, audit) = (Some(Scope::OData), Some(Scope::Mgmt), Some(Scope::Audit));
        for (method, path, scope) in [
            ("GET", "/api/mgmt/oauthapps", mgmt),
            ("POST", "/api/mgmt/oauthapps", mgmt),
            ("PUT", "/api/mgmt/datasources/3", mgmt),
            ("GET", "/api/mgmt/datasources/3/tokens", mgmt),
            ("GET", "/api/mgmt/datasources/3/token", odata),
            ("POST", "/api/mgmt/datasources/3/token/exchange", odata),
            ("GET", "/api/audit/objects/user/1/history", audit),
            ("HEAD", "/api/audit/events", audit),
            ("POST", "/api/audit/events", None),
            ("DELETE", "/api/audit/events", None),
            ("GET", CLIENTS, mgmt),
            ("GET", "/api/mgmt/oauth/client/applications/7", mgmt),
            ("POST", CLIENTS, None),
            ("POST", "/api/mgmt/oauth/client/applications/", None),
            ("PUT", "/api/mgmt/oauth/client/applications/7", None),
            ("PUT", "/api/mgmt/oauth/client/applications/7/reset", None),
            ("PUT", "/api/mgmt/oauth/client/applications/7/rotate", None),
            ("DELETE", "/api/mgmt/oauth/client/applications/7", None),
            ("GET", ALLOWED, mgmt),
            ("DELETE", "/api/mgmt/oauth/client/allowedapplications/7", mgmt),
            ("DELETE", "/api/mgmt/oauth/client/allowedapplications/8", None),
            ("DELETE", "/api/mgmt/oauth/client/allowedapplications/7/", None),
            ("DELETE", ALLOWED, None),
            ("GET", "/api/mgmt/security/whitelist/user", None),
            ("PUT", "/api/mgmt/security/whitelist/user", None),
            ("GET", "/api/admin/users", None),
            ("PUT", "/api/admin/userdetails/changePassword", None),
            ("GET", "/api/operate/status", None),
            ("GET", "/metrics", None),
            ("GET", "/api", None),
            ("GET", "/api/", None),
            ("GET", "/api//mgmt/oauthapps", None),
            ("GET", "/api/mgmtx", None),
            ("GET", "/api/../api/mgmt/oauthapps", None),
            ("GET", "/api/auditor", None),
            ("GET", "/api/nothing", None),
        ] {
            for held in EVERY_SCOPE {
                let expected = match scope {
                    Some(scope) if scope == held => Ok(()),
                    Some(scope) => Err(OutOfReach::Lacks(scope)),
                    None => Err(OutOfReach::Always),
                };
                assert_eq!(reaches(CLIENT, &[held], method, path), expected, "{method} {path} by {held}");
            }
            let all = reaches(CLIENT, &EVERY_SCOPE, method, path);
            assert_eq!(all.is_ok(), scope.is_some(), "{method} {path} by all of them");
            assert!(reaches(CLIENT, &[], method, path).is_err(), "{method} {path} by an application alone");
        }
    }

    #[test]
    fn an_operation_of_the_document_says_its_scope() {
        assert_eq!(needed("DELETE", "/api/mgmt/oauth/client/allowedapplications/{id}"), Some(Scope::Mgmt));
        assert_eq!(needed("GET", "/api/audit/objects/{kind}/{id}/history"), Some(Scope::Audit));
        assert_eq!(needed("PUT", "/api/mgmt/oauth/client/applications/{id}/reset"), None);
        assert_eq!(needed("GET", "/api/admin/users"), None);
    }
}
