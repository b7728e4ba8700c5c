//! Grants: what users allow client applications to do for them.

pub mod allow;
pub mod deny;
pub mod revoke;

use events::id::{ClientApplicationId, Sequence};
use projections::{State, client_applications::ClientApplication};

use super::Refusal;
use crate::auth::principal::Principal;

pub use crate::oauth::live::may_use;

/// The application as the request was read against it. Otherwise it is read again: what there is to say about one that is gone,
/// or not for this user any more, is said where the first request is answered.
fn client_to_use<'a>(
    state: &'a State<'_>,
    user: &Principal,
    id: ClientApplicationId,
    changed: Sequence,
) -> Result<&'a ClientApplication, Refusal> {
    let row = state.client_applications.rows.get(&id);
    let row = row.filter(|row| row.changed == changed && may_use(row, user.tenant));
    row.map(|row| &**row).ok_or(Refusal::Again)
}
