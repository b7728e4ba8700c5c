//! `/api/admin/security`: the addresses that requests may come from (hdp-api 7.3), and the sites whose pages may call the API
//! (hdp-api 7.2).

pub(super) mod cors;
pub(super) mod ip_whitelists;
pub(super) mod whitelisted;
