//! The page on which a user allows or denies, filled from the state.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::Response;
use events::id::{DataSourceId, DataStoreId, UserId};
use events::scope::Scope;
use projections::State;
use projections::data_sources::Filter;

use super::AUTHORIZE;
use super::answers::page_leading_to;
use super::asked::Asked;
use super::authorize::Asker;
use super::login::logout_token;
use super::pages::{self, Consent, Form, Forms, Notice, Registrant};
use super::visitor::{SignedIn, Visitor};
use crate::api::error::ApiError;
use crate::commands::data_store::{self, GROUP};
use crate::oauth::authorization_request::AuthorizationRequest;
use crate::oauth::scope;

/// The page for this request.
pub(super) fn page(
    visitor: &Visitor,
    who: &Asker,
    asked: &Asked,
    request: &AuthorizationRequest,
    query: &str,
    notice: Option<Notice>,
) -> Result<Response, ApiError> {
    let scopes = &request.set.scopes;
    let (open, allowed) = asked.open_and_allowed(scopes);
    let user = visitor.name_of(who.user)?;
    let (tenant, stores) = visitor.app.ledger().read(|view| {
        let state = &view.state;
        let stores = if scopes.has(&Scope::OData) { stores_of(state, who.user) } else { BTreeSet::new() };
        (state.users.rows.get(&who.user).map(|row| row.tenant), stores)
    });
    let stores: Vec<&'static str> = data_store::DATA_STORES
        .iter()
        .filter(|store| store.id != GROUP && stores.contains(&store.id))
        .map(|store| store.name)
        .collect();
    // In another tenant nobody is told what users of the system tenant are called.
    let owner = asked.row.owner;
    let colleague = owner != who.user && tenant == Some(asked.row.tenant);
    let owner_name = if colleague { Some(visitor.name_of(owner)?) } else { None };
    let registrant = match &owner_name {
        Some(name) => Registrant::Colleague(name.expose()),
        None if owner == who.user => Registrant::Himself,
        None => Registrant::Operators,
    };
    let tokens = who.signed_in.as_ref().map(|signed_in| {
        (token(visitor, signed_in, asked, request, query), logout_token(visitor, &signed_in.browser, query))
    });
    let forms = tokens.as_ref().map(|(consent_token, logout_token)| Forms {
        consent_token,
        logout: Form { query, token: logout_token },
    });
    let page = pages::consent(&Consent {
        client: &asked.row.name,
        registrant,
        place: &asked.target.place(),
        is_native: asked.is_asked_every_time(),
        asked: &open,
        allowed: &allowed,
        stores: &stores,
        user: user.expose(),
        action: &format!("{AUTHORIZE}?{query}"),
        forms,
        notice,
    });
    let mut answer = page_leading_to(StatusCode::OK, page, Some(&asked.target));
    visitor.name_in_log(&mut answer, who.user);
    Ok(answer)
}

/// What the form carries: good for this browser, this request, and the application and scopes that the page told of. The request
/// may name no scopes, and then the application's registration says which they are; it may change while the page is looked at.
fn token(
    visitor: &Visitor,
    signed_in: &SignedIn,
    asked: &Asked,
    request: &AuthorizationRequest,
    query: &str,
) -> String {
    let (scopes, changed) = told(asked, request);
    visitor.app.sessions().form_token(&signed_in.browser, &["consent", query, &scopes, &changed])
}

/// Whether the answer is to this request, from the page that was shown in this browser.
pub(super) fn is_token(
    visitor: &Visitor,
    signed_in: &SignedIn,
    asked: &Asked,
    request: &AuthorizationRequest,
    query: &str,
    sent: &str,
) -> bool {
    let (scopes, changed) = told(asked, request);
    let about = ["consent", query, &scopes, &changed];
    visitor.app.sessions().is_form_token(&signed_in.browser, &about, sent)
}

fn told(asked: &Asked, request: &AuthorizationRequest) -> (String, String) {
    (scope::text(&request.set.scopes), asked.row.changed.to_string())
}

/// What a user's own data sources and those shared with him lead to.
fn stores_of(state: &State<'_>, user: UserId) -> BTreeSet<DataStoreId> {
    let first = DataSourceId(0);
    let sources = &state.data_sources;
    let own = sources.of_owner(user, Filter::default(), first);
    let shared = sources.shared_with_user(user, Filter::default(), first);
    own.chain(shared).filter_map(|id| sources.rows.get(&id)).map(|row| row.data_store).collect()
}
