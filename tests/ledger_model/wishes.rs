//! What wishes need that say all of themselves, and whose rules they follow.

use authledger::commands::{Refusal, Wish, whitelist::Level};

use crate::{
    client_rules::is_about_clients,
    model::Model,
    requests::Request,
    rules::{Fact, Who},
    sharing_rules::{MODIFY, source_of},
    token_rules::is_for_tokens,
};

/// The permissions that it takes to ask for it, whatever it is asked for (hdp-api 4.2, 6, 7, 9.4).
pub(crate) fn needed(wish: &Wish, for_another: bool) -> Vec<u16> {
    match wish {
        // In his own name, the data source itself may let him.
        wish if source_of(wish).is_some() => {
            if for_another {
                vec![11, MODIFY]
            } else {
                vec![11]
            }
        }
        // Any active user's (hdp-api 5), or an application's.
        wish if is_about_clients(wish) || is_for_tokens(wish) => Vec::new(),
        Wish::AllowAccess(_) | Wish::DenyAccess(_) | Wish::RevokeGrant(_) | Wish::RevealSecrets(_) => {
            Vec::new()
        }
        Wish::UpdateUser(_)
        | Wish::SetUserStatus(_)
        | Wish::SetUserPermissions(_)
        | Wish::SetUserPassword(_)
        | Wish::UnlockUser(_) => vec![15],
        Wish::ChangePassword(_) => vec![9],
        Wish::SetTenantsAdministered(_) => vec![25, 15],
        Wish::DeleteUser(_) => vec![16],
        Wish::UpdateTenant(_) | Wish::DeleteTenant(_) | Wish::SetTenantAdministrators(_) => vec![25],
        Wish::SetLimit(_) | Wish::ClearLimit(_) => vec![27],
        Wish::SetConfiguration(_) => vec![22],
        Wish::AddCorsOrigins(_) | Wish::UpdateCorsOrigin(_) | Wish::RemoveCorsOrigin(_) => vec![23],
        Wish::SetIpWhitelist(wish) if wish.level != Level::System => vec![11, 29],
        Wish::SetPasswordPolicy(_) | Wish::SetIpWhitelist(_) => vec![12],
        Wish::SetUserIpWhitelist(_) => vec![11, 29],
        Wish::CreateRole(_) => vec![17],
        Wish::UpdateRole(_) => vec![19],
        Wish::DeleteRole(_) => vec![20],
        other => unreachable!("{other:?} has a request of its own"),
    }
}

impl Model {
    pub(crate) fn other_facts(
        &self,
        who: &Who,
        request: &Request,
        wish: &Wish,
    ) -> Result<Vec<Fact>, Refusal> {
        match wish {
            wish if source_of(wish).is_some() => self.share_something(who, request, wish),
            wish if is_about_clients(wish) => self.change_client(who, wish),
            Wish::AllowAccess(_) | Wish::DenyAccess(_) | Wish::RevokeGrant(_) => {
                self.consent(who, request, wish)
            }
            Wish::RevealSecrets(wish) => self.show_client(who, request, wish),
            Wish::UpdateUser(_)
            | Wish::SetUserStatus(_)
            | Wish::SetUserPermissions(_)
            | Wish::SetUserPassword(_)
            | Wish::UnlockUser(_)
            | Wish::ChangePassword(_)
            | Wish::SetTenantsAdministered(_)
            | Wish::DeleteUser(_) => self.change_user(who, wish),
            Wish::UpdateTenant(wish) => self.replace_tenant(who, wish),
            Wish::DeleteTenant(wish) => self.delete_tenant(who, wish),
            Wish::SetTenantAdministrators(wish) => self.set_administrators(who, wish),
            Wish::SetLimit(wish) => self.set_limit(who, wish),
            Wish::ClearLimit(wish) => self.clear_limit(who, wish),
            Wish::SetConfiguration(_)
            | Wish::SetPasswordPolicy(_)
            | Wish::AddCorsOrigins(_)
            | Wish::UpdateCorsOrigin(_)
            | Wish::RemoveCorsOrigin(_)
            | Wish::SetIpWhitelist(_)
            | Wish::SetUserIpWhitelist(_) => self.set_something(who, request, wish),
            Wish::CreateRole(wish) => self.new_role(who, wish),
            Wish::UpdateRole(wish) => self.replace_role(who, wish),
            Wish::DeleteRole(wish) => self.delete_role(who, wish),
            other => unreachable!("{other:?} has a request of its own"),
        }
    }
}
