//! What tokens are good for gets a number, which their events name: there are many of them and few of these.

use std::sync::Arc;

use events::envelope::Stream;
use events::id::{SYSTEM_TENANT, ScopeSetId};
use events::scope::ScopeSetDefined;
use projections::State;
use projections::tokens::ScopeSet;

use super::Fact;

/// The number of a set, and the fact that gives it one when nothing had it before. That fact goes before all that name it.
pub(super) fn numbered(state: &State<'_>, set: &ScopeSet) -> (ScopeSetId, Option<Fact>) {
    // A look-up by content takes the same type as the key.
    let key = Arc::new(set.clone());
    if let Some(id) = state.tokens.by_content.get(&key) {
        return (*id, None);
    }
    let id = state.tokens.next_scope_set();
    let ScopeSet { scopes, audience } = set.clone();
    let defined = ScopeSetDefined { id, scopes, audience };
    (id, Some(Fact::new(SYSTEM_TENANT, Stream::LEDGER, defined)))
}
