//! The sites whose pages may call the API from a browser (hdp-api 7.2).

use std::collections::BTreeSet;

use events::{
    envelope::Stream,
    id::{CorsOriginId, PermissionId, SYSTEM_TENANT, Sequence},
    sealed::{KeyId, Sealed},
    setting::{CorsOriginRemoved, CorsOriginSet},
};
use projections::State;

use super::{Cause, Decision, Fact, Object, Refusal, Taken, View, acting, sealed_under, unchanged_since};
use crate::auth::{origin::TrustedOrigin, permission, principal::Principal};

/// What all of this needs, with administrative access on the system tenant.
pub const PERMISSIONS: [PermissionId; 1] = [permission::CORS_WHITELIST];
/// Most entries of the list.
pub const ENTRIES_MAX: usize = 1000;

/// What an entry says.
#[derive(Clone, Debug)]
pub struct Entry {
    /// No other entry has it.
    pub domain: TrustedOrigin,
    /// Free text under the system tenant's key.
    pub description: Option<Sealed>,
}

impl Entry {
    fn set(&self, id: CorsOriginId) -> Fact {
        let set = CorsOriginSet {
            id,
            domain: self.domain.as_str().to_owned(),
            description: self.description.clone(),
        };
        Fact::new(SYSTEM_TENANT, Stream::LEDGER, set)
    }
}

/// New entries.
#[derive(Clone, Debug)]
pub struct AddCorsOrigins {
    /// In the order of their ids to be.
    pub entries: Vec<Entry>,
}

/// An entry replaced.
#[derive(Clone, Debug)]
pub struct UpdateCorsOrigin {
    /// Which.
    pub id: CorsOriginId,
    /// From `If-Match`, as for other objects.
    pub expected: Option<Vec<Sequence>>,
    /// What it says from now on.
    pub entry: Entry,
}

/// An entry taken off the list.
#[derive(Clone, Debug)]
pub struct RemoveCorsOrigin {
    /// Which.
    pub id: CorsOriginId,
    /// As in [`UpdateCorsOrigin`].
    pub expected: Option<Vec<Sequence>>,
}

/// The list belongs to the system tenant: who has no access there may do nothing with it, whatever the entry.
pub fn may_administer(principal: &Principal) -> Result<(), Refusal> {
    if principal.administers(SYSTEM_TENANT) { Ok(()) } else { Err(Refusal::Forbidden) }
}

/// The living key of the system tenant.
pub fn key_id(state: &State<'_>) -> Option<KeyId> {
    state.tenants.rows.get(&SYSTEM_TENANT).map(|row| row.key_id)
}

/// Records a `CorsOriginSet` for each.
pub(super) fn add(view: &View<'_>, cause: &Cause, wish: &AddCorsOrigins) -> Result<Decision, Refusal> {
    let state = permitted(view, cause)?;
    if state.cors.rows.all().count() + wish.entries.len() > ENTRIES_MAX {
        return Err(Refusal::invalid("whitelist", format!("the list has at most {ENTRIES_MAX} entries")));
    }
    let mut named = BTreeSet::new();
    for entry in &wish.entries {
        is_free(state, entry, None)?;
        if !named.insert(entry.domain.as_str()) {
            return Err(Refusal::Taken(Taken::CorsOrigin));
        }
    }
    let first = state.cors.next_id().0;
    let facts = (first..).zip(&wish.entries).map(|(id, entry)| entry.set(CorsOriginId(id))).collect();
    Ok(Decision { facts, ..Decision::default() })
}

/// Records `CorsOriginSet`.
pub(super) fn update(view: &View<'_>, cause: &Cause, wish: &UpdateCorsOrigin) -> Result<Decision, Refusal> {
    let state = permitted(view, cause)?;
    let row = state.cors.rows.get(&wish.id).ok_or(Refusal::NotFound(Object::CorsOrigin(wish.id)))?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    is_free(state, &wish.entry, Some(wish.id))?;
    Ok(Decision { facts: vec![wish.entry.set(wish.id)], ..Decision::default() })
}

/// Records `CorsOriginRemoved`.
pub(super) fn remove(view: &View<'_>, cause: &Cause, wish: &RemoveCorsOrigin) -> Result<Decision, Refusal> {
    let state = permitted(view, cause)?;
    let row = state.cors.rows.get(&wish.id).ok_or(Refusal::NotFound(Object::CorsOrigin(wish.id)))?;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    let removed = Fact::new(SYSTEM_TENANT, Stream::LEDGER, CorsOriginRemoved { id: wish.id });
    Ok(Decision { facts: vec![removed], ..Decision::default() })
}

fn permitted<'v>(view: &'v View<'_>, cause: &Cause) -> Result<&'v State<'v>, Refusal> {
    let principal = acting(&view.state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    may_administer(&principal)?;
    Ok(&view.state)
}

fn is_free(state: &State<'_>, entry: &Entry, own: Option<CorsOriginId>) -> Result<(), Refusal> {
    if let Some(key) = key_id(state) {
        sealed_under(key, &entry.description)?;
    }
    match state.cors.by_domain.get(&entry.domain.as_str().to_owned()) {
        Some(holder) if own != Some(*holder) => Err(Refusal::Taken(Taken::CorsOrigin)),
        _ => Ok(()),
    }
}
