//! Which addresses requests may come from (hdp-api 7.3, 9.28).
//!
//! Lists of the whole system, of a tenant and of a user: an address has to pass each that is set for what it asks for. A list
//! that is empty lets everybody in.

use std::net::IpAddr;

use events::{
    envelope::{Stream, StreamKind},
    id::{ConfigurationId, TenantId},
    sorted::SortedVec,
    whitelist::{AddressRange, IpWhitelistSet},
};
use projections::State;

/// The configuration that switches all lists on and off (hdp-api 7.2).
pub const FILTERING: ConfigurationId = ConfigurationId(8);

/// What is guarded by a list of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `/api/mgmt`, and the authorization server, which has an address there
    ManagementApi,
    /// Everything else below `/api`, and the metrics.
    AdminApi,
    /// Use of data sources.
    DataAccess,
    /// Pages for people.
    WebUi,
}

impl Resource {
    /// Each of them, in HDP's order.
    pub const ALL: [Self; 4] = [Self::ManagementApi, Self::AdminApi, Self::DataAccess, Self::WebUi];

    /// As HDP spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ManagementApi => "managementAPI",
            Self::AdminApi => "adminAPI",
            Self::DataAccess => "dataAccess",
            Self::WebUi => "webUI",
        }
    }

    /// What an address of ours belongs to. Whatever nobody thought of counts as administration, which is guarded best.
    pub fn of_path(path: &str) -> Self {
        let below = |family: &str| {
            path.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if matches!(path, "/login" | "/logout" | "/oauth2/authorize" | "/api/mgmt/oauth2/authorize") {
            Self::WebUi
        } else if below("/api/mgmt") || below("/oauth2") {
            Self::ManagementApi
        } else if below("/api/odata4") {
            Self::DataAccess
        } else {
            Self::AdminApi
        }
    }

    /// Its list.
    pub fn list(self, lists: &IpWhitelistSet) -> &SortedVec<AddressRange> {
        match self {
            Self::ManagementApi => &lists.management_api,
            Self::AdminApi => &lists.admin_api,
            Self::DataAccess => &lists.data_access,
            Self::WebUi => &lists.web_ui,
        }
    }
}

/// Whether these lists let `address` come to `resource`.
pub fn passes(lists: &IpWhitelistSet, resource: Resource, address: IpAddr) -> bool {
    let list = resource.list(lists);
    list.is_empty() || list.iter().any(|range| range.holds(address))
}

/// Which of the lists of one level guard something, in HDP's order.
pub fn guarded(lists: &IpWhitelistSet) -> Vec<&'static str> {
    let set = Resource::ALL.iter().filter(|resource| !resource.list(lists).is_empty());
    set.map(|resource| resource.name()).collect()
}

/// Whether lists are looked at: unless somebody switched them off.
pub fn is_filtering(state: &State<'_>) -> bool {
    let set = state.settings.configurations.get(&FILTERING);
    set.is_none_or(|set| set.value.as_deref() != Some("false"))
}

/// Whether the lists of the whole system let `address` come to `resource`.
pub fn system_passes(state: &State<'_>, resource: Resource, address: IpAddr) -> bool {
    level_passes(state, Stream::LEDGER, resource, address)
}

/// Whether the lists of a tenant let `address` come to `resource`.
pub fn tenant_passes(state: &State<'_>, tenant: TenantId, resource: Resource, address: IpAddr) -> bool {
    level_passes(state, Stream::new(StreamKind::TENANT, tenant.0), resource, address)
}

fn level_passes(state: &State<'_>, level: Stream, resource: Resource, address: IpAddr) -> bool {
    let row = state.ip_whitelists.rows.get(&level);
    row.is_none_or(|row| passes(&row.lists, resource, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn addresses_of_ours_belong_to_what_they_serve() {
        for (path, resource) in [
            ("/api/mgmt/oauthapps", Resource::ManagementApi),
            ("/api/mgmt", Resource::ManagementApi),
            ("/api/mgmtx", Resource::AdminApi),
            ("/api/admin/users", Resource::AdminApi),
            ("/api/audit/access", Resource::AdminApi),
            ("/api/operate/status", Resource::AdminApi),
            ("/api/odata4/sales/Orders", Resource::DataAccess),
            ("/api/odata4", Resource::DataAccess),
            ("/metrics", Resource::AdminApi),
            ("/login", Resource::WebUi),
            ("/oauth2/authorize", Resource::WebUi),
            ("/api/mgmt/oauth2/authorize", Resource::WebUi),
            ("/api/mgmt/oauth2/authorize/x", Resource::ManagementApi),
            ("/api/nothing", Resource::AdminApi),
        ] {
            assert_eq!(Resource::of_path(path), resource, "{path}");
        }
    }

    #[test]
    fn each_list_guards_its_own_and_an_empty_one_nothing() {
        let range = |first: &str, last: &str| AddressRange::new(ip(first), ip(last)).expect("in order");
        let lists = IpWhitelistSet {
            admin_api: [range("192.0.2.1", "192.0.2.9"), range("2001:db8::", "2001:db8::ff")]
                .into_iter()
                .collect(),
            ..IpWhitelistSet::default()
        };
        for (address, passed) in [
            ("192.0.2.0", false),
            ("192.0.2.1", true),
            ("192.0.2.9", true),
            ("192.0.2.10", false),
            ("::ffff:192.0.2.9", true),
            ("::192.0.2.9", false),
            ("2001:db8::", true),
            ("2001:db8::ff", true),
            ("2001:db8::100", false),
        ] {
            assert_eq!(passes(&lists, Resource::AdminApi, ip(address)), passed, "{address}");
            assert!(passes(&lists, Resource::ManagementApi, ip(address)), "{address}");
        }
        assert_eq!(guarded(&lists), ["adminAPI"]);
    }
}
