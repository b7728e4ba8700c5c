//! The catalogue of permissions: HDP's 1 to 29 (hdp-api 6.1) and ours from 101 (hdp-api 9.22).

use events::id::PermissionId;

/// What a permission is about, which decides the predefined role it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Everybody's own work.
    User,
    /// Administration of tenants one has administrative access to.
    Tenant,
    /// The installation as a whole.
    Elevated,
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// HDP's number, or ours.
    pub id: PermissionId,
    /// As HDP spells it.
    pub name: &'static str,
    /// What its holder may do.
    pub description: &'static str,
    /// What it is about.
    pub category: Category,
}

macro_rules! catalogue {
    ($($constant:ident = $id:literal $category:ident $name:literal $description:literal;)*) => {
        $(#[doc = $description] pub const $constant: PermissionId = PermissionId($id);)*

        /// Every permission, in the order of ids.
        pub const CATALOGUE: &[Permission] = &[
            $(Permission { id: $constant, name: $name, description: $description, category: Category::$category },)*
        ];
    };
}

catalogue! {
    CREATE_DATA_SOURCE = 1 User "CreateDataSource" "May create new data sources.";
    VIEW_DATA_SOURCE = 2 User "ViewDataSource" "May view the details of own data sources.";
    MODIFY_DATA_SOURCE = 3 User "ModifyDataSource" "May change own data sources.";
    DELETE_DATA_SOURCE = 4 User "DeleteDataSource" "May delete own data sources.";
    USE_DATA_SOURCE_WITH_JDBC = 5 User "UseDataSourceWithJDBC" "May query data sources by JDBC.";
    USE_DATA_SOURCE_WITH_ODBC = 6 User "UseDataSourceWithODBC" "May query data sources by ODBC.";
    USE_DATA_SOURCE_WITH_ODATA = 7 User "UseDataSourceWithOData" "May query data sources by OData.";
    WEB_UI = 8 User "WebUI" "May use the Web UI.";
    CHANGE_PASSWORD = 9 User "ChangePassword" "May change the own password.";
    SQL_EDITOR = 10 User "SQLEditorWebUI" "May use the SQL editor of the Web UI.";
    MGMT_API = 11 User "MgmtAPI" "May use the Management API.";
    ADMINISTRATOR = 12 Elevated "Administrator" "May do everything in all tenants.";
    CREATE_USERS = 13 Tenant "CreateUsers" "May create users in administered tenants.";
    VIEW_USERS = 14 Tenant "ViewUsers" "May list and view users of administered tenants.";
    MODIFY_USERS = 15 Tenant "ModifyUsers" "May change, unlock and reset users of administered tenants.";
    DELETE_USERS = 16 Tenant "DeleteUsers" "May delete users of administered tenants.";
    CREATE_ROLE = 17 Tenant "CreateRole" "May create roles in administered tenants.";
    VIEW_ROLE = 18 Tenant "ViewRole" "May list and view roles of administered tenants.";
    MODIFY_ROLE = 19 Tenant "ModifyRole" "May change roles of administered tenants.";
    DELETE_ROLE = 20 Tenant "DeleteRole" "May delete roles of administered tenants.";
    ON_BEHALF_OF = 21 Tenant "OnBehalfOf" "May manage resources on behalf of users of administered tenants.";
    CONFIGURATIONS = 22 Elevated "Configurations" "May use the system configurations API.";
    CORS_WHITELIST = 23 Elevated "CORSwhitelist" "May use the CORS whitelist API.";
    LOGGING = 24 Elevated "Logging" "May set the logging of data sources.";
    TENANT_API = 25 Elevated "TenantAPI" "May create, view and change tenants.";
    REGISTER_EXTERNAL_AUTH_SERVICE = 26 Elevated "RegisterExternalAuthService" "May register external authentication services in administered tenants.";
    LIMITS = 27 Elevated "Limits" "May use the limits API.";
    OAUTH = 28 Elevated "OAuth" "May manage OAuth applications.";
    IP_WHITELIST = 29 Elevated "IPWhitelist" "May manage IP address whitelists.";
    AUDIT = 101 Elevated "Audit" "May read and verify the history of what is visible to its holder.";
    OPERATE = 102 Elevated "Operate" "May take snapshots and backups and read the server's status.";
}

/// The catalogue's row of that id.
pub fn by_id(id: PermissionId) -> Option<&'static Permission> {
    CATALOGUE.iter().find(|permission| permission.id == id)
}

/// Whether only a holder of 12 may grant it (hdp-api 9.23).
pub fn only_administrators_grant(id: PermissionId) -> bool {
    by_id(id).is_none_or(|permission| permission.category == Category::Elevated)
}

/// A set of permissions of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u128);

impl PermissionSet {
    /// Whether `id` is in the set.
    pub fn has(self, id: PermissionId) -> bool {
        id.0 < 128 && self.0 & (1 << id.0) != 0
    }

    /// Adds `id`; a number past the catalogue is left out, for nothing asks for it.
    pub fn add(&mut self, id: PermissionId) {
        if id.0 < 128 {
            self.0 |= 1 << id.0;
        }
    }
}

impl FromIterator<PermissionId> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = PermissionId>>(ids: I) -> Self {
        let mut set = Self::default();
        ids.into_iter().for_each(|id| set.add(id));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_fits_a_set_and_stands_once_in_rising_order() {
        assert!(CATALOGUE.windows(2).all(|pair| pair[0].id < pair[1].id));
        let set: PermissionSet = CATALOGUE.iter().map(|permission| permission.id).collect();
        assert!(CATALOGUE.iter().all(|permission| set.has(permission.id)));
        assert!(!set.has(PermissionId(30)) && !set.has(PermissionId(200)));
    }

    #[test]
    fn what_only_administrators_grant_is_as_decided() {
        let granted: Vec<u16> = CATALOGUE
            .iter()
            .map(|row| row.id)
            .filter(|id| only_administrators_grant(*id))
            .map(|id| id.0)
            .collect();
        assert_eq!(granted, [12, 22, 23, 24, 25, 26, 27, 28, 29, 101, 102]);
        assert!(only_administrators_grant(PermissionId(30)), "an unknown one is nobody's to grant");
    }
}
