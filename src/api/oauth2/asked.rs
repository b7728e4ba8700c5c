//! An authorization request against the state of this moment: which application asks this user for what, and where the answer
//! goes. Read anew at each step.

use std::sync::Arc;

use events::client_application::ClientType;
use events::id::{ClientApplicationId, GrantId, Sequence, UserId};
use events::scope::Scope;
use events::sorted::SortedVec;
use projections::client_applications::ClientApplication;

use super::sent::PARAMETERS;
use crate::api::AppState;
use crate::commands::grant::may_use;
use crate::oauth::authorization_request::AuthorizationRequest;
use crate::oauth::error::{self, ProtocolError};
use crate::oauth::parameters::Parameters;
use crate::oauth::redirect::{self, RedirectUrl};
use crate::oauth::scope::Resources;

/// Somebody may be asked, or the application told why not: it is known, and so is where it is told.
pub(super) struct Asked {
    pub(super) client: ClientApplicationId,
    pub(super) row: Arc<ClientApplication>,
    /// Where the answer goes.
    pub(super) target: RedirectUrl,
    /// The `redirect_uri` of the request, as sent.
    pub(super) redirect_uri: Option<String>,
    pub(super) state: Option<String>,
    /// What the user has allowed this application, and since which event.
    pub(super) grant: Option<(GrantId, Sequence)>,
    allowed: SortedVec<Scope>,
    pub(super) request: Result<AuthorizationRequest, ProtocolError>,
}

/// Why it leads nowhere (SECURITY 3): there is nobody who could be told, or nobody knows whom the address belongs to.
pub(super) enum Unknown {
    /// No such application. One that this user may not use is none, too (TOKENS section 3).
    Client(ProtocolError),
    /// It is not one of its addresses.
    Target {
        /// As the request says.
        sent: Option<String>,
        /// As it may be.
        registered: Vec<String>,
    },
}

impl Asked {
    pub(super) fn read(app: &AppState, user: UserId, parameters: &Parameters) -> Result<Self, Unknown> {
        let client_id = parameters.text("client_id").ok_or(Unknown::Client(error::NO_CLIENT_ID))?;
        let found = app.ledger().read(|view| {
            let state = &view.state;
            let tenant = state.users.rows.get(&user)?.tenant;
            let client = *state.client_applications.by_client_id.get(&client_id.to_owned())?;
            let row = state.client_applications.rows.get(&client).filter(|row| may_use(row, tenant))?;
            let grant = state.grants.between(user, client);
            Some((client, Arc::clone(row), grant.map(|(id, grant)| (id, Arc::clone(grant)))))
        });
        let (client, row, grant) = found.ok_or(Unknown::Client(error::NO_SUCH_CLIENT))?;
        let redirect_uri = parameters.text("redirect_uri").map(str::to_owned);
        let target = redirect::target(&row.redirect_urls, redirect_uri.as_deref())
            .and_then(|target| RedirectUrl::parse(&target).ok())
            .ok_or_else(|| Unknown::Target {
                sent: redirect_uri.clone(),
                registered: row.redirect_urls.clone(),
            })?;
        let rules = &app.config().oauth;
        let resources = Resources::new(app.public_url(), rules.odata_resource.as_deref());
        let request = AuthorizationRequest::read(parameters, &row.policy, resources, rules.require_pkce);
        Ok(Self {
            client,
            target,
            redirect_uri,
            state: parameters.text("state").map(str::to_owned),
            allowed: grant.as_ref().map(|(_, grant)| grant.scopes.clone()).unwrap_or_default(),
            grant: grant.map(|(id, grant)| (id, grant.changed)),
            request,
            row,
        })
    }

    /// Whether what he allowed before counts for nothing here: who asks shows no secret, and the answer goes to whatever program
    /// listens on his device, so that nothing but he himself can tell which one that is (RFC 8252 section 8.6).
    pub(super) fn is_asked_every_time(&self) -> bool {
        self.row.policy.client_type == ClientType::Public && self.target.is_native()
    }

    /// What he is asked for, and what of the request he has allowed already.
    pub(super) fn open_and_allowed(&self, scopes: &[Scope]) -> (Vec<Scope>, Vec<Scope>) {
        let allowed = |scope: &Scope| !self.is_asked_every_time() && self.allowed.has(scope);
        scopes.iter().partition(|scope| !allowed(scope))
    }
}

/// The parameters that mean something here, as a query of our own.
pub(super) fn query_of(parameters: &Parameters) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, _) in PARAMETERS {
        for value in parameters.all(name) {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_ours_holds_what_means_something_and_no_secret() {
        let sent =
            "client_secret=x&resource=a&state=%0d%0a%22%3e&unknown=1&resource=b&scope=&client_id=c%26d";
        let parameters = Parameters::of_form(sent.as_bytes()).expect("a query");
        let query = query_of(&parameters);
        assert_eq!(query, "client_id=c%26d&state=%0D%0A%22%3E&resource=a&resource=b");
        assert_eq!(query_of(&Parameters::of_form(query.as_bytes()).expect("ours")), query);
    }
}
