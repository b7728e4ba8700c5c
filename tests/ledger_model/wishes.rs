//! What wishes need that say all of themselves, and whose rules they follow.

use authledger::commands::{Refusal, Wish};

use crate::{
    model::Model,
    rules::{Fact, Who},
};

/// The permissions that it takes to ask for it, whatever it is asked for (hdp-api 4.2, 6, 7, 9.4).
pub(crate) fn needed(wish: &Wish) -> Vec<u16> {
    match wish {
        Wish::UpdateUser(_)
        | Wish::SetUserStatus(_)
        | Wish::SetUserPermissions(_)
        | Wish::SetUserPassword(_)
        | Wish::UnlockUser(_) => vec![15],
        Wish::ChangePassword(_) => vec![9],
        Wish::SetTenantsAdministered(_) => vec![25, 15],
        Wish::DeleteUser(_) => vec![16],
        other => unreachable!("{other:?} has a request of its own"),
    }
}

impl Model {
    pub(crate) fn other_facts(&self, who: &Who, wish: &Wish) -> Result<Vec<Fact>, Refusal> {
        match wish {
            Wish::UpdateUser(_)
            | Wish::SetUserStatus(_)
            | Wish::SetUserPermissions(_)
            | Wish::SetUserPassword(_)
            | Wish::UnlockUser(_)
            | Wish::ChangePassword(_)
            | Wish::SetTenantsAdministered(_)
            | Wish::DeleteUser(_) => self.change_user(who, wish),
            other => unreachable!("{other:?} has a request of its own"),
        }
    }
}
