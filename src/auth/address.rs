//! Where a request comes from, as far as it can be believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most entries of `X-Forwarded-For` that are walked; nobody has more proxies of his own in a row.
const HOPS_MAX: usize = 32;

/// The client's address: the peer's, or what our own proxies report of theirs (hdp-api 9.28).
///
/// `forwarded_for` are the values of all `X-Forwarded-For` headers in order. Each proxy appends the address it was called
/// from, so only the end of the list is to be believed, and only as long as proxies of ours wrote it. What a client wrote
/// himself stands further left and is never reached.
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    proxies: &[IpAddr],
) -> IpAddr {
    let trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.to_canonical() == address);
    let mut address = peer.to_canonical();
    let entries = forwarded_for.rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    for entry in entries.take(HOPS_MAX) {
        if !trusted(address) {
            break;
        }
        match parse(entry) {
            Some(next) => address = next,
            // A proxy that says `unknown` or worse is as far as we can see.
            None => break,
        }
    }
    address
}

/// An address with or without a port, in the forms that proxies write: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).map(str::parse::<Ipv6Addr>);
    let address = match (text.parse::<IpAddr>(), bare) {
        (Ok(address), _) => address,
        (_, Some(Ok(address))) => address.into(),
        _ => text.parse::<std::net::SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

/// An address as throttles count it: IPv6 by its first 64 bits, which is the least that one subscriber has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subscriber(IpAddr);

impl Subscriber {
    /// Whose address this is.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        })
    }
}

impl Default for Subscriber {
    fn default() -> Self {
        Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_what_our_own_proxies_appended_is_believed() {
        let proxies = [ip("10.0.0.7"), ip("10.0.0.8"), ip("::1")];
        // (peer, headers in order, client)
        for (peer, headers, client) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.7", &[], "10.0.0.7"),
            ("10.0.0.7", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.7", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.7", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.7", &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.7", &["203.0.113.9, 10.0.0.8"], "203.0.113.9"),
            ("10.0.0.7", &["203.0.113.9,10.0.0.8", "10.0.0.7"], "203.0.113.9"),
            ("10.0.0.7", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.7", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.7", &["[2001:db8::1]"], "2001:db8::1"),
            ("::1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("10.0.0.7", &["6.6.6.6, unknown"], "10.0.0.7"),
            ("10.0.0.7", &["6.6.6.6, "], "10.0.0.7"),
            ("10.0.0.7", &["10.0.0.8, 10.0.0.7"], "10.0.0.8"),
        ] {
            let values = headers.iter().map(|value: &&str| value.as_bytes());
            assert_eq!(client_address(ip(peer), values, &proxies), ip(client), "{peer} {headers:?}");
        }
    }

    #[test]
    fn a_subscriber_does_not_hide_behind_his_many_addresses() {
        assert_eq!(Subscriber::of(ip("2001:db8:1:2::1")), Subscriber::of(ip("2001:db8:1:2:ffff::9")));
        assert_ne!(Subscriber::of(ip("2001:db8:1:2::1")), Subscriber::of(ip("2001:db8:1:3::1")));
        assert_ne!(Subscriber::of(ip("192.0.2.1")), Subscriber::of(ip("192.0.2.2")));
        assert_eq!(Subscriber::of(ip("::ffff:192.0.2.1")), Subscriber::of(ip("192.0.2.1")));
    }

    proptest! {
        #[test]
        fn a_peer_that_is_no_proxy_is_the_client_whatever_he_sends(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let peer = ip("192.0.2.1");
            prop_assert_eq!(client_address(peer, [&value[..]].into_iter(), &[ip("10.0.0.7")]), peer);
            let _ = client_address(ip("10.0.0.7"), [&value[..]].into_iter(), &[ip("10.0.0.7")]);
        }
    }
}
