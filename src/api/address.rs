//! Whose request it is, as far as addresses say: the peer, or what a named proxy reports of him.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::{Extensions, HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection, before any proxy's word about it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The client's address. Proxies append to `X-Forwarded-For`, so it is read from the right, and only as far as named proxies wrote it.
pub fn client_address(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    // Requests without a connection come from tests of this process.
    let peer = extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
    let mut address = peer.to_canonical();
    let mut reported: Vec<&str> = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .collect();
    while proxies.iter().any(|proxy| proxy.to_canonical() == address) {
        let Some(before) = reported.pop().and_then(parse) else { break };
        address = before.to_canonical();
    }
    address
}

/// Proxies write an address, and some a port behind it.
fn parse(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_proxies_are_believed() {
        let rows: &[(&str, &[&str], &[&str], &str)] = &[
            ("10.0.0.7", &[], &[], "10.0.0.7"),
            ("10.0.0.7", &[], &["1.2.3.4"], "10.0.0.7"),
            ("10.0.0.7", &["10.0.0.7"], &["1.2.3.4"], "1.2.3.4"),
            // What the client wrote itself stands further left.
            ("10.0.0.7", &["10.0.0.7"], &["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            ("10.0.0.7", &["10.0.0.7"], &["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            ("10.0.0.7", &["10.0.0.7", "10.0.0.8"], &["1.2.3.4, 10.0.0.8"], "1.2.3.4"),
            ("10.0.0.7", &["10.0.0.7"], &["1.2.3.4:5678"], "1.2.3.4"),
            ("10.0.0.7", &["10.0.0.7"], &["[2001:db8::1]:5678"], "2001:db8::1"),
            ("10.0.0.7", &["10.0.0.7"], &["nonsense"], "10.0.0.7"),
            ("10.0.0.7", &["10.0.0.7"], &[], "10.0.0.7"),
            ("::ffff:10.0.0.7", &["10.0.0.7"], &["1.2.3.4"], "1.2.3.4"),
        ];
        for (peer, proxies, reported, expected) in rows {
            let mut extensions = Extensions::new();
            extensions.insert(Peer(SocketAddr::new(peer.parse().expect("an address"), 1)));
            let mut headers = HeaderMap::new();
            for value in *reported {
                headers.append(X_FORWARDED_FOR, value.parse().expect("a header value"));
            }
            let proxies: Vec<IpAddr> =
                proxies.iter().map(|proxy| proxy.parse().expect("an address")).collect();
            let found = client_address(&extensions, &headers, &proxies);
            assert_eq!(
                found,
                expected.parse::<IpAddr>().expect("an address"),
                "{peer} {proxies:?} {reported:?}"
            );
        }
    }
}
