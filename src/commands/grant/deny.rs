//! A user says no to a client application.

use events::{
    envelope::{Stream, StreamKind},
    grant::GrantDenied,
    id::{ClientApplicationId, Sequence},
};

use super::{allow::himself, client_to_use};
use crate::commands::{Cause, Decision, Fact, Refusal, View};

/// No.
#[derive(Clone, Copy, Debug)]
pub struct DenyAccess {
    /// To whom.
    pub client: ClientApplicationId,
    /// The event that last changed the application when it asked.
    pub client_changed: Sequence,
    /// As in [`super::allow::AllowAccess`].
    pub seen: Sequence,
}

/// Stands in the application's history: he has allowed nothing that could have one.
pub(in crate::commands) fn deny(
    view: &View<'_>,
    cause: &Cause,
    wish: &DenyAccess,
) -> Result<Decision, Refusal> {
    let user = himself(view, cause, wish.seen)?;
    client_to_use(&view.state, &user, wish.client, wish.client_changed)?;
    let stream = Stream::new(StreamKind::CLIENT_APPLICATION, wish.client.0);
    let facts = vec![Fact::new(user.tenant, stream, GrantDenied { user: user.user })];
    Ok(Decision { facts, ..Decision::default() })
}
