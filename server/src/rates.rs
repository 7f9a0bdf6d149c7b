//! Token buckets for clients from afar, and under the limit profile `load` wider ones for those on loopback.

use std::sync::Arc;

use shallot_services::clock::Clock;
use shallot_services::rates::{LimitClass, LimitKey, RateLimiters, RateLimits, RetryAfter};

use crate::config::limits::LimitProfile;

/// Both doors of a use case, unary and hub, draw from these.
pub(crate) struct Rates {
    remote: RateLimiters,
    loopback: Option<RateLimiters>,
}

impl Rates {
    pub(crate) fn new(profile: LimitProfile, clock: &Arc<dyn Clock>) -> Self {
        let wide = || RateLimiters::new(RateLimits::load(), clock);
        Self {
            remote: RateLimiters::new(RateLimits::default(), clock),
            loopback: (profile == LimitProfile::Load).then(wide),
        }
    }

    /// Draws one call.
    pub(crate) fn check(&self, class: LimitClass, key: LimitKey, from_loopback: bool) -> Result<(), RetryAfter> {
        let limiters = self.loopback.as_ref().filter(|_| from_loopback).unwrap_or(&self.remote);
        limiters.check(class, key)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::clock::WallClock;

    fn let_in(profile: LimitProfile, from_loopback: bool) -> usize {
        let clock: Arc<dyn Clock> = Arc::new(WallClock);
        let rates = Rates::new(profile, &clock);
        let key = LimitKey::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        (0..1_000).filter(|_| rates.check(LimitClass::SignIn, key, from_loopback).is_ok()).count()
    }

    #[test]
    fn load_widens_the_rates_of_loopback_and_of_nobody_else() {
        assert!(let_in(LimitProfile::Default, true) < 30);
        assert!(let_in(LimitProfile::Load, false) < 30);
        assert_eq!(let_in(LimitProfile::Load, true), 1_000);
    }
}
