//! Where a request comes from, and whether it may come in from there (hdp-api 7.3, 9.28).

use std::net::IpAddr;

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use events::envelope::{Stream, StreamKind};
use events::id::UserId;
use events::sealed::Field;
use events::whitelist::IpWhitelistSet;
use projections::State;

use super::AppState;
use super::asking::fault;
use super::error::ApiError;
use super::ip_lists::read_sealed;
use crate::auth::address::client_address;
use crate::auth::whitelist::{Resource, is_filtering, passes, system_passes, tenant_passes};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The client's address, as far as it can be believed.
    pub address: IpAddr,
    /// Whether it comes from this machine itself, which no list keeps out: the way back in for who shut himself out.
    on_host: bool,
}

impl Source {
    /// Of a request that `peer` sent. Where a proxy is at work the peer says nothing of the client, so neither what one of
    /// ours sends counts as this machine's, nor what says that it was sent on. Both only take a privilege away, so that
    /// nobody wins by lying.
    pub(super) fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> Self {
        let peer = peer.to_canonical();
        let forwarded_for = headers.get_all(X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
        let forwarded = headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED);
        let is_proxy = proxies.iter().any(|proxy| proxy.to_canonical() == peer);
        Self {
            address: client_address(peer, forwarded_for, proxies),
            on_host: peer.is_loopback() && !is_proxy && !forwarded,
        }
    }

    /// Whether it passes these lists.
    pub(super) fn passes(&self, lists: &IpWhitelistSet, resource: Resource) -> bool {
        self.on_host || passes(lists, resource, self.address)
    }
}

/// What is still to be asked when it is known who sends a request.
#[derive(Debug)]
pub(super) enum Gate {
    /// Nothing.
    Open,
    /// The lists of his tenant and his own.
    Ask(Resource, IpAddr),
}

impl Gate {
    /// Looks at the lists of the whole system, before anybody's password is judged: an address that may not come in tries
    /// none. All that this costs where no list is set is here.
    pub(super) fn of(app: &AppState, source: Source, path: &str) -> Result<Self, ApiError> {
        if source.on_host {
            return Ok(Self::Open);
        }
        let (resource, address) = (Resource::of_path(path), source.address);
        app.ledger().read(|view| {
            let state = &view.state;
            if !is_filtering(state) {
                return Ok(Self::Open);
            }
            if !system_passes(state, resource, address) {
                return Err(ApiError::AddressRefused);
            }
            Ok(if others_are_set(state) { Self::Ask(resource, address) } else { Self::Open })
        })
    }

    /// Looks at the lists of a user and his tenant. Only after his password: before, the answer would tell which names there
    /// are.
    pub(super) fn admit(&self, app: &AppState, user: UserId) -> Result<(), ApiError> {
        let Self::Ask(resource, address) = *self else { return Ok(()) };
        let sealed = app.ledger().read(|view| {
            let state = &view.state;
            let row = state.users.rows.get(&user).ok_or(ApiError::InvalidCredentials)?;
            if !tenant_passes(state, row.tenant, resource, address) {
                return Err(ApiError::AddressRefused);
            }
            Ok(state.ip_whitelists.of_users.get(&user).map(|row| row.lists.clone()))
        })?;
        let Some(sealed) = sealed else { return Ok(()) };
        // Who can't be shown to be let in is not.
        let text = app.vault().unseal_text(&sealed, StreamKind::USER, Field::IP_WHITELIST).map_err(fault)?;
        if passes(&read_sealed(&text)?, resource, address) { Ok(()) } else { Err(ApiError::AddressRefused) }
    }
}

/// Whether any tenant or user has lists.
fn others_are_set(state: &State<'_>) -> bool {
    let tenants = Stream::new(StreamKind::TENANT, 0)..=Stream::new(StreamKind::TENANT, u64::MAX);
    let lists = &state.ip_whitelists;
    lists.rows.range(tenants).next().is_some() || lists.of_users.all().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_the_peer_alone_and_by_nothing_that_is_sent() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let proxies = [ip("127.0.0.1"), ip("10.0.0.7")];
        let (none, spoken): (&[(HeaderName, &str)], _) = (&[], [(X_FORWARDED_FOR, "127.0.0.1")]);
        for (peer, proxies, headers, address, on_host) in [
            ("127.0.0.1", &[][..], none, "127.0.0.1", true),
            ("127.0.0.2", &[], none, "127.0.0.2", true),
            ("::1", &[], none, "::1", true),
            ("::ffff:127.0.0.1", &[], none, "127.0.0.1", true),
            ("192.0.2.1", &[], none, "192.0.2.1", false),
            ("192.0.2.1", &[], &spoken, "192.0.2.1", false),
            // A proxy that nobody named sends on what it likes; what it sends on is not from here.
            ("127.0.0.1", &[], &spoken, "127.0.0.1", false),
            ("127.0.0.1", &[], &[(FORWARDED, "for=192.0.2.1")], "127.0.0.1", false),
            ("127.0.0.1", &proxies, none, "127.0.0.1", false),
            ("::ffff:127.0.0.1", &proxies, none, "127.0.0.1", false),
            ("127.0.0.1", &proxies, &[(X_FORWARDED_FOR, "192.0.2.1")], "192.0.2.1", false),
            ("127.0.0.1", &proxies, &[(X_FORWARDED_FOR, "::1")], "::1", false),
            ("10.0.0.7", &proxies, &[(X_FORWARDED_FOR, "::1, 192.0.2.1")], "192.0.2.1", false),
            ("127.0.0.2", &proxies, none, "127.0.0.2", true),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(name.clone(), HeaderValue::from_static(value));
            }
            let source = Source::of(ip(peer), &map, proxies);
            assert_eq!(
                (source.address, source.on_host),
                (ip(address), on_host),
                "{peer} {proxies:?} {headers:?}"
            );
        }
    }
}
