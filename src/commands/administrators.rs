//! At least one active holder of 12 stays (hdp-api 6.1, 9.23): without one nobody could ever let anybody in again.
//!
//! Asked inside `decide`, on the state that all earlier commands leave, so of two requests at once that would each take 12
//! from one of the last two holders, the second is refused. Who can't log in at all (inactive, or without a password) does
//! not count; a lock or an expired password passes or can be mended, and counts.

use events::{
    id::{RoleId, UserId},
    sorted::SortedVec,
};
use projections::State;

use super::Refusal;

/// Who would no longer be an active holder of 12, or no longer by that way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Losing<'a> {
    /// A user, in every way: switched off, deleted, or stripped.
    User(UserId),
    /// Everybody who holds it by this role: the role would not have it any more, or would be gone.
    Role(RoleId),
    /// These users, as far as they hold it by this role.
    Members(RoleId, &'a SortedVec<UserId>),
}

/// Refuses when nobody would be left. Looks at no more users than lose it, and one.
pub(super) fn one_stays(state: &State<'_>, losing: Losing<'_>) -> Result<(), Refusal> {
    let stays_directly = |user: &UserId| match losing {
        Losing::User(lost) => *user != lost,
        Losing::Role(_) | Losing::Members(..) => true,
    };
    let stays_by = |role: RoleId, user: UserId| match losing {
        Losing::User(lost) => user != lost,
        Losing::Role(lost) => role != lost,
        Losing::Members(of, lost) => role != of || !lost.has(&user),
    };
    let directly = state.users.administrators.range(..).map(|(user, ())| user);
    let mut roles = state.roles.with_administrator.range(..).map(|(role, ())| *role);
    let stays = directly.into_iter().any(stays_directly)
        || roles.any(|role| match losing {
            // None of its holders counts, so none is looked at.
            Losing::Role(lost) if role == lost => false,
            Losing::User(_) | Losing::Role(_) | Losing::Members(..) => {
                state.users.of_role_able(role).any(|user| stays_by(role, user))
            }
        });
    if stays { Ok(()) } else { Err(Refusal::LastAdministrator) }
}
