//! Showing secrets (hdp-api 9.13): nobody sees one before the fact that he did is durable.

use events::{
    disclosure::SecretRevealed,
    envelope::{Actor, Stream, StreamKind},
    id::{OAuthAppId, Sequence},
    sealed::Field,
};

use super::{
    Cause, Decision, Fact, Refusal, View, acting,
    oauth_app::{PERMISSIONS, administered},
};

/// Secrets of an application, to be shown to its administrator.
#[derive(Clone, Copy, Debug)]
pub struct RevealSecrets {
    /// Whose.
    pub app: OAuthAppId,
    /// The event that last changed it when the values were read.
    pub changed: Sequence,
}

/// Records `SecretRevealed` in the actor's disclosure stream. On behalf of another it needs 12.
pub(super) fn reveal(view: &View<'_>, cause: &Cause, wish: &RevealSecrets) -> Result<Decision, Refusal> {
    let principal = acting(&view.state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    let row = administered(view, &principal, wish.app)?;
    let Actor::User(actor) = cause.actor else { return Err(Refusal::LacksPermission) };
    if cause.on_behalf_of.is_some() && !principal.is_administrator() {
        return Err(Refusal::Forbidden);
    }
    if row.changed != wish.changed {
        return Err(Refusal::Again);
    }
    let revealed = SecretRevealed {
        object: Stream::new(StreamKind::OAUTH_APP, wish.app.0),
        object_sequence: row.changed,
        fields: [Field::CLIENT_SECRET].into_iter().collect(),
    };
    let stream = Stream::new(StreamKind::DISCLOSURES, actor.0);
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream, revealed)], ..Decision::default() })
}
