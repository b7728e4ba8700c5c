//! Another secret for a client application: HDP's reset, which ends everything at once (SECURITY C4), and our rotation, after
//! which the secret before is good for some time.

use std::sync::Arc;

use events::{
    client_application::{ClientApplicationSecretReset, ClientApplicationSecretRotated, ClientSecret},
    id::{ClientApplicationId, Sequence},
    time::Timestamp,
};
use projections::client_applications::ClientApplication;

use super::{has_secret_of, in_own_name, seen, stream};
use crate::commands::{Cause, Decision, Fact, Refusal, View, sealed_under, unchanged_since};

/// For how long the secret before may stay good, in seconds: time to change it everywhere, not to forget about it.
pub const OVERLAP_SECS_MAX: u32 = 30 * 24 * 60 * 60;

/// Another secret, and the end of all that was granted.
#[derive(Clone, Debug)]
pub struct ResetClientSecret {
    /// Whose.
    pub id: ClientApplicationId,
    /// From `If-Match`: the event that last changed it must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// From now on.
    pub secret: ClientSecret,
}

/// Another secret beside the one before.
#[derive(Clone, Debug)]
pub struct RotateClientSecret {
    /// Whose.
    pub id: ClientApplicationId,
    /// As in [`ResetClientSecret`].
    pub expected: Option<Vec<Sequence>>,
    /// From now on.
    pub secret: ClientSecret,
    /// How long the one before is good still, in seconds.
    pub overlap_secs: u32,
}

pub(in crate::commands) fn reset(
    view: &View<'_>,
    cause: &Cause,
    wish: &ResetClientSecret,
) -> Result<Decision, Refusal> {
    let row = with_secret(view, cause, wish.id, wish.expected.as_deref(), &wish.secret)?;
    let reset = ClientApplicationSecretReset { secret: wish.secret.clone() };
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream(wish.id), reset)], ..Decision::default() })
}

pub(in crate::commands) fn rotate(
    view: &View<'_>,
    cause: &Cause,
    wish: &RotateClientSecret,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let row = with_secret(view, cause, wish.id, wish.expected.as_deref(), &wish.secret)?;
    let rotated = ClientApplicationSecretRotated {
        secret: wish.secret.clone(),
        previous_until: now.saturating_add_secs(i64::from(wish.overlap_secs)),
    };
    Ok(Decision { facts: vec![Fact::new(row.tenant, stream(wish.id), rotated)], ..Decision::default() })
}

/// Whether an answer with such a secret may be given again.
pub(in crate::commands) fn may_repeat(
    view: &View<'_>,
    cause: &Cause,
    id: ClientApplicationId,
) -> Result<(), Refusal> {
    let principal = in_own_name(view, cause)?;
    match view.state.client_applications.rows.get(&id) {
        Some(_) if !has_secret_of(&principal, seen(view, &principal, id)?) => Err(Refusal::Forbidden),
        _ => Ok(()),
    }
}

/// The application whose secret this caller may replace.
fn with_secret<'a>(
    view: &'a View<'_>,
    cause: &Cause,
    id: ClientApplicationId,
    expected: Option<&[Sequence]>,
    secret: &ClientSecret,
) -> Result<&'a Arc<ClientApplication>, Refusal> {
    let principal = in_own_name(view, cause)?;
    let row = seen(view, &principal, id)?;
    if !has_secret_of(&principal, row) {
        return Err(Refusal::Forbidden);
    }
    unchanged_since(row.changed, expected)?;
    if row.secret.is_none() {
        return Err(Refusal::InUse("the application is public and has no secret"));
    }
    sealed_under(row.key_id, &secret.sealed)?;
    Ok(row)
}
