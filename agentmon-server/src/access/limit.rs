//! How often: requests by address and by token.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::token::Hash;
use crate::options::Limits;

/// Who used how much of what they may.
#[derive(Debug)]
pub(crate) struct Rates {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    tokens: DefaultKeyedRateLimiter<Hash>,
    clock: DefaultClock,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            addresses: RateLimiter::keyed(Quota::per_minute(limits.per_address)),
            tokens: RateLimiter::keyed(Quota::per_hour(limits.per_token)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request from an address. How long to wait, if it was one too many.
    pub(crate) fn address(&self, peer: IpAddr) -> Option<Duration> {
        // Who has one IPv6 address has 2^64 of them.
        let peer = match peer.to_canonical() {
            IpAddr::V6(v6) => {
                let bits = v6.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            }
            v4 => v4,
        };
        let checked = self.addresses.check_key(&peer);
        checked
            .err()
            .map(|until| until.wait_time_from(self.clock.now()))
    }

    /// Counts a request with a token. How long to wait, if it was one too many.
    pub(crate) fn token(&self, token: Hash) -> Option<Duration> {
        let checked = self.tokens.check_key(&token);
        checked
            .err()
            .map(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets who has not asked lately.
    pub(crate) fn tidy(&self) {
        self.addresses.retain_recent();
        self.addresses.shrink_to_fit();
        self.tokens.retain_recent();
        self.tokens.shrink_to_fit();
    }
}
