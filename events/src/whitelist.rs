//! Facts about the addresses that requests may come from (hdp-api 7.3).
//!
//! Those of the system and of tenants stand in the clear, for they are networks of organisations, and an auditor wants to
//! read who could come in. Those of one user are personal data and stand sealed.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use serde::{Deserialize, Serialize, Serializer};

use crate::{sealed::Sealed, sorted::SortedVec};

/// An address in 16 bytes, an IPv4 one mapped into IPv6 (RFC 4291 section 2.5.5.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Address(pub [u8; 16]);

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        })
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        Ipv6Addr::from(address.0).to_canonical()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

// In bytes the 16 of them, for people as it is written.
impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

/// All addresses from the first to the last, both included. Decoding refuses one that ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Bounds")]
pub struct AddressRange {
    first: Address,
    last: Address,
}

#[derive(Deserialize)]
struct Bounds {
    first: Address,
    last: Address,
}

impl TryFrom<Bounds> for AddressRange {
    type Error = &'static str;

    fn try_from(bounds: Bounds) -> Result<Self, Self::Error> {
        Self::new(bounds.first.into(), bounds.last.into()).ok_or("a range of addresses ends before it begins")
    }
}

impl AddressRange {
    /// `None` when it would end before it begins.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        let (first, last) = (Address::from(first), Address::from(last));
        (first <= last).then_some(Self { first, last })
    }

    /// The first address.
    pub fn first(&self) -> IpAddr {
        self.first.into()
    }

    /// The last address.
    pub fn last(&self) -> IpAddr {
        self.last.into()
    }

    /// Whether `address` lies in it. An IPv4 address lies in no range of IPv6 addresses, although its mapped form may: who
    /// lets in all of IPv6 has said nothing about IPv4.
    pub fn holds(&self, address: IpAddr) -> bool {
        let inside = (self.first..=self.last).contains(&Address::from(address));
        inside && self.first().is_ipv4() == address.to_canonical().is_ipv4()
    }
}

/// The addresses that requests may come from were set for the stream's level: the whole system or one tenant. An empty list
/// lets everybody in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpWhitelistSet {
    /// `/api/mgmt`
    pub management_api: SortedVec<AddressRange>,
    /// `/api/admin`
    pub admin_api: SortedVec<AddressRange>,
    /// Use of data sources.
    pub data_access: SortedVec<AddressRange>,
    /// Pages for people; of the whole system only.
    pub web_ui: SortedVec<AddressRange>,
}

/// The addresses that one user's requests may come from were set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIpWhitelistSet {
    /// The lists as JSON, in HDP's form; `None` lets everybody in.
    pub lists: Option<Sealed>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_range_holds_its_ends_and_what_lies_between() {
        let range = AddressRange::new(ip("10.0.0.9"), ip("10.0.1.2")).expect("in order");
        for (address, held) in [
            ("10.0.0.8", false),
            ("10.0.0.9", true),
            ("10.0.0.255", true),
            ("10.0.1.2", true),
            ("10.0.1.3", false),
        ] {
            assert_eq!(range.holds(ip(address)), held, "{address}");
        }
        assert!(range.holds(ip("::ffff:10.0.0.9")), "the same address in another form");
        assert!(!range.holds(ip("::10.0.0.9")));
        assert_eq!(AddressRange::new(ip("10.0.0.2"), ip("10.0.0.1")), None);
        let everywhere =
            AddressRange::new(ip("::"), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).expect("in order");
        assert!(everywhere.holds(ip("2001:db8::1")) && everywhere.holds(ip("::1")));
        assert!(!everywhere.holds(ip("10.0.0.9")) && !everywhere.holds(ip("::ffff:10.0.0.9")));
    }
}
