//! Lists of addresses as HDP writes them (hdp-api 7.3): sent, answered, and, for one user, sealed.

use std::net::IpAddr;

use events::{
    sorted::SortedVec,
    whitelist::{AddressRange, IpWhitelistSet},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    error::{ApiError, Fault},
    fields::Fields,
    json::Json,
    openapi::schemas::{BodySchema, Property, body_schema, list_of, text},
};
use crate::{auth::whitelist::Resource, vault::PlainSecret};

/// Most ranges of one level, all its lists together: written as text, and sealed, they still fit one event.
const RANGES_MAX: usize = 500;
/// The longest way to write an address: six groups of IPv6 and an IPv4 address.
const ADDRESS_CHARS_MAX: usize = 45;

/// Addresses that requests may come from; an empty list lets everybody in.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = IpWhitelist)]
pub(super) struct Shown {
    /// For `/api/mgmt`.
    #[serde(rename = "managementAPI")]
    management_api: Vec<Range>,
    /// For everything else below `/api`, and `/metrics`.
    #[serde(rename = "adminAPI")]
    admin_api: Vec<Range>,
    /// For the use of data sources.
    data_access: Vec<Range>,
    /// For pages; of the whole system only.
    #[serde(rename = "webUI", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    web_ui: Option<Vec<Range>>,
}

/// All addresses from the first to the last; without a last one, the first alone.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AddressRange)]
struct Range {
    start_address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    end_address: Option<String>,
}

impl Range {
    fn of(range: &AddressRange) -> Self {
        let (first, last) = (range.first(), range.last());
        Self { start_address: first.to_string(), end_address: (first != last).then(|| last.to_string()) }
    }

    fn read(&self) -> Option<AddressRange> {
        let first: IpAddr = self.start_address.parse().ok()?;
        let last = self.end_address.as_ref().map_or(Some(first), |last| last.parse().ok())?;
        AddressRange::new(first, last)
    }
}

impl Shown {
    /// The lists of a tenant or of a user.
    pub(super) fn of(lists: &IpWhitelistSet) -> Self {
        let shown = |list: &SortedVec<AddressRange>| list.iter().map(Range::of).collect();
        Self {
            management_api: shown(&lists.management_api),
            admin_api: shown(&lists.admin_api),
            data_access: shown(&lists.data_access),
            web_ui: None,
        }
    }

    /// Those of the whole system, which alone guard pages.
    pub(super) fn of_system(lists: &IpWhitelistSet) -> Self {
        Self { web_ui: Some(lists.web_ui.iter().map(Range::of).collect()), ..Self::of(lists) }
    }
}

/// A user's lists as they are sealed.
pub(super) fn to_json(lists: &IpWhitelistSet) -> Vec<u8> {
    serde_json::to_vec(&Shown::of(lists)).expect("lists of texts have no failing serialisers")
}

/// A user's lists, opened.
pub(super) fn read_sealed(text: &PlainSecret) -> Result<IpWhitelistSet, ApiError> {
    // Decryption has shown that we wrote it, so it is a fault of ours when it can't be read.
    let lists = from_json(text.expose());
    lists.ok_or_else(|| ApiError::Internal(Fault::new("a user's address lists are not what was written")))
}

/// What [`to_json`] wrote; `None` when it is anything else.
fn from_json(text: &str) -> Option<IpWhitelistSet> {
    let shown: Shown = serde_json::from_str(text).ok()?;
    let read = |list: Vec<Range>| list.iter().map(Range::read).collect::<Option<SortedVec<_>>>();
    Some(IpWhitelistSet {
        management_api: read(shown.management_api)?,
        admin_api: read(shown.admin_api)?,
        data_access: read(shown.data_access)?,
        web_ui: read(shown.web_ui.unwrap_or_default())?,
    })
}

/// The lists of a tenant or of a user, as they are sent.
pub(super) struct Sent;

body_schema!(
    Sent,
    "IpWhitelistSent",
    properties().optional("webUI", ranges(0).about("Empty: pages are guarded for the whole system only."),)
);

/// Those of the whole system.
pub(super) struct SentForSystem;

body_schema!(
    SentForSystem,
    "SystemIpWhitelistSent",
    properties().optional("webUI", ranges(RANGES_MAX).about("For pages."))
);

fn properties() -> BodySchema {
    let example = serde_json::json!([
        { "startAddress": "192.0.2.10", "endAddress": "192.0.2.40" }, { "startAddress": "2001:db8::7" },
    ]);
    BodySchema::new(&format!(
        "All lists as they shall be: one that is left out is empty, and lets everybody in. At most {RANGES_MAX} ranges together."
    ))
    .optional("managementAPI", ranges(RANGES_MAX).about("For `/api/mgmt`.").example(example))
    .optional("adminAPI", ranges(RANGES_MAX).about("For everything else below `/api`, and `/metrics`."))
    .optional("dataAccess", ranges(RANGES_MAX).about("For the use of data sources."))
}

fn ranges(most: usize) -> Property {
    let address = |about: &str| text(2..=ADDRESS_CHARS_MAX).about(about);
    let range = BodySchema::new("One address, or all from one to another.")
        .required("startAddress", address("IPv4 or IPv6.").example("192.0.2.10"))
        .optional("endAddress", address("Of the same version, and not before it."));
    list_of(range, most)
}

/// Reads what is sent for the whole system, or for a tenant or a user.
pub(super) fn read(body: Json, of_system: bool) -> Result<IpWhitelistSet, ApiError> {
    let mut fields = Fields::of(body)?;
    let mut left = RANGES_MAX;
    let mut list = |resource: Resource| -> Result<SortedVec<AddressRange>, ApiError> {
        let sent = fields.optional_objects(resource.name())?.unwrap_or_default();
        left = left.checked_sub(sent.len()).ok_or_else(|| {
            fields.invalid(resource.name(), format!("the lists have at most {RANGES_MAX} ranges together"))
        })?;
        sent.into_iter().map(read_range).collect()
    };
    let lists = IpWhitelistSet {
        management_api: list(Resource::ManagementApi)?,
        admin_api: list(Resource::AdminApi)?,
        data_access: list(Resource::DataAccess)?,
        web_ui: list(Resource::WebUi)?,
    };
    if !of_system && !lists.web_ui.is_empty() {
        return Err(fields.invalid("webUI", "pages are guarded for the whole system only; leave it out"));
    }
    fields.finish()?;
    Ok(lists)
}

fn read_range(mut fields: Fields) -> Result<AddressRange, ApiError> {
    let address = |text: &str| -> Result<IpAddr, String> {
        let address = text.parse::<IpAddr>().map_err(|_| "write an IPv4 or IPv6 address".to_owned())?;
        Ok(address.to_canonical())
    };
    let first = fields.parsed("startAddress", address)?;
    let last = match fields.optional_checked("endAddress", |text| address(text).map(drop))? {
        Some(text) => address(text.expose()).unwrap_or(first),
        None => first,
    };
    if first.is_ipv4() != last.is_ipv4() {
        return Err(fields.invalid("endAddress", "a range begins and ends in the same version of IP"));
    }
    let range = AddressRange::new(first, last);
    let range = range.ok_or_else(|| fields.invalid("endAddress", "a range can't end before it begins"))?;
    fields.finish()?;
    Ok(range)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_text(text: &str) -> Result<IpWhitelistSet, ApiError> {
        read(Json::parse(text.as_bytes()).expect("JSON"), false)
    }

    #[test]
    fn what_is_read_is_shown_sorted_and_in_one_form() {
        let sent = json!({
            "managementAPI": [
                { "startAddress": "192.0.2.9" },
                { "startAddress": "10.0.0.1", "endAddress": "10.0.0.9" },
                { "startAddress": "::ffff:192.0.2.9", "endAddress": "192.0.2.9" },
                { "startAddress": "2001:DB8:0::1", "endAddress": "2001:db8::f" },
            ],
            "dataAccess": null,
        });
        let lists = read_text(&sent.to_string()).expect("good lists");
        let shown = serde_json::to_value(Shown::of(&lists)).expect("JSON");
        let expected = json!({
            "managementAPI": [
                { "startAddress": "10.0.0.1", "endAddress": "10.0.0.9" },
                { "startAddress": "192.0.2.9" },
                { "startAddress": "2001:db8::1", "endAddress": "2001:db8::f" },
            ],
            "adminAPI": [], "dataAccess": [],
        });
        assert_eq!(shown, expected);
        let sealed = String::from_utf8(to_json(&lists)).expect("text");
        assert_eq!(from_json(&sealed), Some(lists));
        assert_eq!(from_json("{}"), None);
    }

    #[test]
    fn what_is_no_range_is_refused_by_name() {
        for (range, property) in [
            (json!({}), "adminAPI.startAddress"),
            (json!({ "startAddress": "example.com" }), "adminAPI.startAddress"),
            (json!({ "startAddress": "10.0.0.0/8" }), "adminAPI.startAddress"),
            (json!({ "startAddress": "10.0.0.1:80" }), "adminAPI.startAddress"),
            (json!({ "startAddress": "fe80::1%eth0" }), "adminAPI.startAddress"),
            (json!({ "startAddress": "010.0.0.1" }), "adminAPI.startAddress"),
            (json!({ "startAddress": "10.0.0.1", "endAddress": "" }), "adminAPI.endAddress"),
            (json!({ "startAddress": "10.0.0.2", "endAddress": "10.0.0.1" }), "adminAPI.endAddress"),
            (json!({ "startAddress": "10.0.0.2", "endAddress": "::1" }), "adminAPI.endAddress"),
            (json!({ "startAddress": "::", "endAddress": "10.0.0.1" }), "adminAPI.endAddress"),
            (json!({ "startAddress": "10.0.0.1", "mask": 8 }), "adminAPI.mask"),
        ] {
            let refused = read_text(&json!({ "adminAPI": [range] }).to_string()).expect_err("refused");
            let named = match &refused {
                ApiError::InvalidValue(name, _)
                | ApiError::MissingProperty(name)
                | ApiError::UnknownProperty(name) => name,
                other => panic!("{other:?}"),
            };
            assert_eq!(named, property, "{range}");
        }
        let page = json!({ "webUI": [{ "startAddress": "10.0.0.1" }] });
        assert!(
            matches!(read_text(&page.to_string()), Err(ApiError::InvalidValue(name, _)) if name == "webUI")
        );
    }

    #[test]
    fn as_many_ranges_as_fit_an_event_are_taken_over_all_lists_together() {
        let longest = |number: usize| {
            json!({
                "startAddress": format!("2001:db8:1111:1111:1111:1111:1111:{number:04x}"),
                "endAddress": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            })
        };
        let many = |count: usize| (0..count).map(longest).collect::<Vec<_>>();
        let lists = read_text(&json!({ "adminAPI": many(300), "dataAccess": many(200) }).to_string());
        let sealed = to_json(&lists.expect("500 ranges")).len();
        assert!(sealed + 200 < events::envelope::BODY_LEN_MAX, "{sealed} bytes");
        let over = json!({ "adminAPI": many(300), "dataAccess": many(201) }).to_string();
        assert!(matches!(read_text(&over), Err(ApiError::InvalidValue(name, _)) if name == "dataAccess"));
    }
}
