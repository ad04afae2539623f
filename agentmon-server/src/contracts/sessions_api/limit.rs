//! This contract's limits: of each key or, without one, of each address; also on loopback.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::StatusCode;

use crate::access::Client;
use crate::error::ApiError;

/// How many requests pass before clients that have not asked lately are forgotten.
const TIDY_AFTER: u32 = 4096;

/// What a request is counted as. All are counted as any.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    Any,
    Create,
    Manage,
}

/// Who used how much of what they may.
#[derive(Debug)]
pub(super) struct Limits {
    any: DefaultKeyedRateLimiter<Client>,
    create: DefaultKeyedRateLimiter<Client>,
    manage: DefaultKeyedRateLimiter<Client>,
    clock: DefaultClock,
    since_tidy: AtomicU32,
}

impl Default for Limits {
    fn default() -> Self {
        const fn per_minute(count: u32) -> Quota {
            Quota::per_minute(NonZeroU32::new(count).expect("a literal above zero"))
        }
        Self {
            any: RateLimiter::keyed(const { per_minute(100) }),
            create: RateLimiter::keyed(const { per_minute(10) }),
            manage: RateLimiter::keyed(const { per_minute(50) }),
            clock: DefaultClock::default(),
            since_tidy: AtomicU32::new(0),
        }
    }
}

impl Limits {
    /// Counts a request; an error if it was one too many.
    pub(super) fn count(&self, client: Client, used: Use) -> Result<(), ApiError> {
        let limit = match used {
            Use::Any => &self.any,
            Use::Create => &self.create,
            Use::Manage => &self.manage,
        };
        if self.since_tidy.fetch_add(1, Ordering::Relaxed) >= TIDY_AFTER {
            self.since_tidy.store(0, Ordering::Relaxed);
            for limit in [&self.any, &self.create, &self.manage] {
                limit.retain_recent();
                limit.shrink_to_fit();
            }
        }
        limit.check_key(&client).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests").retry_after(wait)
        })
    }
}
