//! Rate limits: token buckets by key, for each class of method. They protect; they never decide what a character has.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use shallot_proto::wire::AccountId;

use crate::clock::Clock;
use crate::limits::{RATE_CROWDED_RETRY_MS, RATE_KEYS_MAX, RATE_SWEEP_CALLS};
use crate::reason::Reason;

/// Which bucket a call draws from: the `limit` option of its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitClass {
    /// Registration and sign-in, by address.
    SignIn,
    /// Most methods, by account.
    Ordinary,
    /// Trades, by account.
    Trade,
    /// What a hand on the controls does, by account.
    Play,
    /// Talk, by account.
    Chat,
    /// Inputs of clients without datagrams, by account.
    Input,
}

/// Whose bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Before somebody is known.
    Address(IpAddr),
    /// Afterwards.
    Account(AccountId),
}

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls a minute, at least 1; 0 counts as 1.
    pub per_minute: u32,
    /// Calls at once, at least 1; 0 counts as 1.
    pub burst: u32,
}

impl Rate {
    fn times(self, factor: u32) -> Self {
        Self { per_minute: self.per_minute.saturating_mul(factor), burst: self.burst.saturating_mul(factor) }
    }

    fn quota(self) -> Quota {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Quota::per_minute(at_least_one(self.per_minute)).allow_burst(at_least_one(self.burst))
    }
}

/// The rate of each class; an operator may change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// 10 a minute, burst 20.
    pub sign_in: Rate,
    /// 100 a minute, burst 100.
    pub ordinary: Rate,
    /// 10 a minute, burst 10.
    pub trade: Rate,
    /// 20 a second, burst 40.
    pub play: Rate,
    /// 1 a second, burst 10.
    pub chat: Rate,
    /// 60 a second, burst 30: as datagrams.
    pub input: Rate,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            sign_in: Rate { per_minute: 10, burst: 20 },
            ordinary: Rate { per_minute: 100, burst: 100 },
            trade: Rate { per_minute: 10, burst: 10 },
            play: Rate { per_minute: 20 * 60, burst: 40 },
            chat: Rate { per_minute: 60, burst: 10 },
            input: Rate { per_minute: 60 * 60, burst: 30 },
        }
    }
}

impl RateLimits {
    /// For load tests, where hundreds of players come from one address: the default sign-in rate 1,000 times, the others 10 times. The server
    /// gives it to loopback clients only.
    #[must_use]
    pub fn load() -> Self {
        let default = Self::default();
        Self {
            sign_in: default.sign_in.times(1_000),
            ordinary: default.ordinary.times(10),
            trade: default.trade.times(10),
            play: default.play.times(10),
            chat: default.chat.times(10),
            input: default.input.times(10),
        }
    }
}

/// The bucket is empty: milliseconds until the next call passes, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many calls; the next passes in {0} ms")]
pub struct RetryAfter(pub u64);

impl Reason for RetryAfter {
    fn reason(&self) -> &'static str {
        "RATE_LIMITED"
    }

    fn retry_after_ms(&self) -> Option<u64> {
        Some(self.0)
    }
}

/// One set of buckets for each class. Both doors of a use case share one.
pub struct RateLimiters {
    sign_in: Buckets<LimitKey>,
    ordinary: Buckets<LimitKey>,
    trade: Buckets<LimitKey>,
    play: Buckets<LimitKey>,
    chat: Buckets<LimitKey>,
    input: Buckets<LimitKey>,
}

impl RateLimiters {
    /// Full buckets of those rates.
    #[must_use]
    pub fn new(limits: RateLimits, clock: &Arc<dyn Clock>) -> Self {
        let buckets = |rate| Buckets::new(rate, Arc::clone(clock));
        Self {
            sign_in: buckets(limits.sign_in),
            ordinary: buckets(limits.ordinary),
            trade: buckets(limits.trade),
            play: buckets(limits.play),
            chat: buckets(limits.chat),
            input: buckets(limits.input),
        }
    }

    /// Draws one call.
    ///
    /// # Errors
    /// When the bucket is empty, or more keys than [`RATE_KEYS_MAX`] are active at once.
    pub fn check(&self, class: LimitClass, key: LimitKey) -> Result<(), RetryAfter> {
        let buckets = match class {
            LimitClass::SignIn => &self.sign_in,
            LimitClass::Ordinary => &self.ordinary,
            LimitClass::Trade => &self.trade,
            LimitClass::Play => &self.play,
            LimitClass::Chat => &self.chat,
            LimitClass::Input => &self.input,
        };
        buckets.check(&key)
    }
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, WallClock, NoOpMiddleware<Duration>>;

/// Buckets of one rate, by key.
pub(crate) struct Buckets<K: Hash + Eq + Clone> {
    limiter: Limiter<K>,
    clock: WallClock,
    calls: AtomicU64,
    is_crowded: AtomicBool,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(crate) fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let clock = WallClock(clock);
        let limiter = RateLimiter::new(rate.quota(), DashMapStateStore::default(), clock.clone());
        Self { limiter, clock, calls: AtomicU64::new(0), is_crowded: AtomicBool::new(false) }
    }

    pub(crate) fn check(&self, key: &K) -> Result<(), RetryAfter> {
        self.sweep_now_and_then();
        if self.is_crowded.load(Ordering::Relaxed) {
            return Err(RetryAfter(RATE_CROWDED_RETRY_MS));
        }
        self.limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            // Rounded up: who comes back after it is let in.
            RetryAfter(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1))
        })
    }

    /// Counting the keys looks at every shard of the map, so it is done now and then; in between the map grows by that much at most.
    fn sweep_now_and_then(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) % RATE_SWEEP_CALLS != RATE_SWEEP_CALLS - 1 {
            return;
        }
        if self.limiter.len() > RATE_KEYS_MAX {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.is_crowded.store(self.limiter.len() > RATE_KEYS_MAX, Ordering::Relaxed);
    }
}

/// Our clock as governor wants it. A step back of the wall clock only delays refilling.
#[derive(Clone)]
struct WallClock(Arc<dyn Clock>);

impl GovernorClock for WallClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::TestClock;

    fn account(n: u8) -> LimitKey {
        LimitKey::Account(AccountId([n; 16]))
    }

    #[test]
    fn each_class_refuses_at_its_default_and_says_when_to_come_back() {
        let clock = Arc::new(TestClock::default());
        let limiters = RateLimiters::new(RateLimits::default(), &(Arc::clone(&clock) as Arc<dyn Clock>));
        for (class, burst, refill_ms) in [
            (LimitClass::SignIn, 20, 6_000),
            (LimitClass::Ordinary, 100, 600),
            (LimitClass::Trade, 10, 6_000),
            (LimitClass::Play, 40, 50),
            (LimitClass::Chat, 10, 1_000),
            (LimitClass::Input, 30, 17),
        ] {
            for _ in 0..burst {
                assert_eq!(limiters.check(class, account(1)), Ok(()), "{class:?}");
            }
            assert_eq!(limiters.check(class, account(1)), Err(RetryAfter(refill_ms)), "{class:?}");
            assert_eq!(limiters.check(class, account(2)), Ok(()), "another key has a bucket of its own");
            clock.advance(refill_ms);
            assert_eq!(limiters.check(class, account(1)), Ok(()), "{class:?}");
        }
    }

    #[test]
    fn a_flood_of_keys_is_refused_and_forgotten() {
        let clock = Arc::new(TestClock::default());
        let buckets = Buckets::new(Rate { per_minute: 60, burst: 1 }, Arc::clone(&clock) as Arc<dyn Clock>);
        let keys = u32::try_from(RATE_KEYS_MAX + 2 * RATE_SWEEP_CALLS as usize).unwrap();
        let refused = (0..keys).filter(|key| buckets.check(key).is_err()).count();
        assert!(refused > 0 && buckets.limiter.len() <= RATE_KEYS_MAX + RATE_SWEEP_CALLS as usize);
        clock.advance(60_000);
        let passed = (0..2 * RATE_SWEEP_CALLS).filter(|_| buckets.check(&0).is_ok()).count();
        assert!(passed > 0 && buckets.limiter.len() < 10);
    }
}
