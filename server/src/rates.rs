//! Token buckets for clients from afar, and under the limit profile `load` wider ones for those on loopback and at the address that makes load.

use std::net::IpAddr;
use std::sync::Arc;

use shallot_services::clock::Clock;
use shallot_services::rates::{LimitClass, LimitKey, RateLimiters, RateLimits, RetryAfter};

use crate::config::limits::{LimitProfile, Limits};

/// Both doors of a use case, unary and hub, draw from these.
pub(crate) struct Rates {
    remote: RateLimiters,
    loopback: Option<RateLimiters>,
    load_from: Option<IpAddr>,
}

impl Rates {
    pub(crate) fn new(settings: &Limits, clock: &Arc<dyn Clock>) -> Self {
        let wide = || RateLimiters::new(RateLimits::load(), clock);
        Self {
            remote: RateLimiters::new(RateLimits::default(), clock),
            loopback: (settings.profile == LimitProfile::Load).then(wide),
            load_from: settings.load_from,
        }
    }

    /// Whether an address counts as loopback.
    pub(crate) fn is_near(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.load_from == Some(address)
    }

    /// Draws one call, of a client that is near or not.
    pub(crate) fn check(&self, class: LimitClass, key: LimitKey, is_near: bool) -> Result<(), RetryAfter> {
        let limiters = self.loopback.as_ref().filter(|_| is_near).unwrap_or(&self.remote);
        limiters.check(class, key)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::clock::WallClock;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn let_in(profile: LimitProfile, load_from: Option<IpAddr>, peer: IpAddr) -> usize {
        let clock: Arc<dyn Clock> = Arc::new(WallClock);
        let rates = Rates::new(&Limits { profile, load_from, ..Limits::default() }, &clock);
        let key = LimitKey::Address(peer);
        (0..1_000).filter(|_| rates.check(LimitClass::SignIn, key, rates.is_near(peer)).is_ok()).count()
    }

    #[test]
    fn load_widens_the_rates_of_loopback_and_of_the_address_that_makes_it_and_of_nobody_else() {
        assert!(let_in(LimitProfile::Default, None, HERE) < 30);
        assert!(let_in(LimitProfile::Load, None, THERE) < 30);
        assert_eq!(let_in(LimitProfile::Load, None, HERE), 1_000);
        assert_eq!(let_in(LimitProfile::Load, Some(THERE), THERE), 1_000);
        assert!(let_in(LimitProfile::Load, Some(HERE), THERE) < 30);
    }
}
