//! How often client applications may fail to authenticate (hdp-api 9.28): per address, and per application from one address.
//! Never per application alone, or anybody could lock one out from anywhere.

use std::{net::IpAddr, time::Duration};

use super::{address::Subscriber, throttle::Throttle};
use crate::{clock::Monotonic, config};

/// The failures of one server.
pub struct ClientFailures {
    by_address: Throttle<Subscriber>,
    /// An application by a hash of what it calls itself, which may be nobody's name.
    by_client: Throttle<([u8; 32], Subscriber)>,
}

impl ClientFailures {
    /// Nobody has failed yet. People and applications are let fail as often.
    pub fn new(settings: &config::Auth) -> Self {
        Self {
            by_address: Throttle::new(settings.address_failures_per_minute),
            by_client: Throttle::new(settings.account_failures_per_minute),
        }
    }

    /// How long whoever says that he is `client_id` has to wait; `None` when he may try.
    pub fn wait(&self, client_id: &str, address: IpAddr, now: Monotonic) -> Option<Duration> {
        let (client, subscriber) = key(client_id, address);
        self.by_address.wait(&subscriber, now).max(self.by_client.wait(&(client, subscriber), now))
    }

    /// Counts a failure.
    pub fn failed(&self, client_id: &str, address: IpAddr, now: Monotonic) {
        let (client, subscriber) = key(client_id, address);
        self.by_address.failed(subscriber, now);
        self.by_client.failed((client, subscriber), now);
    }
}

fn key(client_id: &str, address: IpAddr) -> ([u8; 32], Subscriber) {
    (*blake3::hash(client_id.as_bytes()).as_bytes(), Subscriber::of(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures() -> ClientFailures {
        ClientFailures::new(&config::Auth { account_failures_per_minute: 3, address_failures_per_minute: 5 })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    const NOW: Monotonic = Monotonic(Duration::from_secs(1));

    #[test]
    fn s31_a_client_that_fails_waits_where_it_failed_and_nowhere_else() {
        let failures = failures();
        for _ in 0..3 {
            assert_eq!(failures.wait("one", ip("192.0.2.1"), NOW), None);
            failures.failed("one", ip("192.0.2.1"), NOW);
        }
        assert_eq!(failures.wait("one", ip("192.0.2.1"), NOW), Some(Duration::from_secs(20)));
        assert_eq!(failures.wait("two", ip("192.0.2.1"), NOW), None, "another client");
        assert_eq!(failures.wait("one", ip("192.0.2.2"), NOW), None, "the client elsewhere");
        let later = Monotonic(Duration::from_secs(21));
        assert_eq!(failures.wait("one", ip("192.0.2.1"), later), None);
    }

    #[test]
    fn s31_an_address_that_fails_waits_whatever_it_calls_itself() {
        let failures = failures();
        for number in 0..5 {
            failures.failed(&number.to_string(), ip("192.0.2.1"), NOW);
        }
        assert!(failures.wait("right", ip("192.0.2.1"), NOW).is_some());
        assert_eq!(failures.wait("right", ip("192.0.2.2"), NOW), None);
    }
}
