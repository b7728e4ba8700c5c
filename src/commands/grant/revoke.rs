//! A user takes back what he allowed (hdp-api 5.2): its codes and tokens end with it.

use events::{
    envelope::{Actor, Stream, StreamKind},
    grant::GrantRevoked,
    id::{ClientApplicationId, GrantId},
};
use projections::grants::Grant;

use crate::commands::{Cause, Decision, Fact, Object, Refusal, View, acting};

/// What the caller allowed an application, taken back.
#[derive(Clone, Copy, Debug)]
pub struct RevokeGrant {
    /// The application.
    pub client: ClientApplicationId,
}

/// What he did not allow is like what does not exist. A client application takes back what was allowed to itself only.
pub(in crate::commands) fn revoke(
    view: &View<'_>,
    cause: &Cause,
    wish: RevokeGrant,
) -> Result<Decision, Refusal> {
    if let Actor::ClientApplication(client) = cause.actor
        && client != wish.client
    {
        return Err(Refusal::LacksPermission);
    }
    let principal = acting(&view.state, cause.actor, cause.on_behalf_of, &[])?;
    let (id, row) = view
        .state
        .grants
        .between(principal.user, wish.client)
        .ok_or(Refusal::NotFound(Object::ClientApplication(wish.client)))?;
    Ok(Decision { facts: vec![revoked(id, row)], ..Decision::default() })
}

/// That a grant is over.
pub(in crate::commands) fn revoked(id: GrantId, row: &Grant) -> Fact {
    Fact::new(row.tenant, Stream::new(StreamKind::GRANT, id.0), GrantRevoked {})
}
