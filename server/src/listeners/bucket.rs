//! A token bucket.

use std::time::Duration;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Over a long time.
    pub(crate) per_second: u32,
    /// At once, after a pause.
    pub(crate) burst: u32,
}

/// Fills at a rate, up to a burst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// Millionths of a draw.
    tokens: u64,
    last: Duration,
}

/// One draw.
const ONE: u64 = 1_000_000;

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Duration) -> Self {
        Self { rate, tokens: u64::from(rate.burst) * ONE, last: now }
    }

    /// Takes one; false when there is none.
    pub(crate) fn draw(&mut self, now: Duration) -> bool {
        let elapsed = u64::try_from(now.saturating_sub(self.last).as_micros()).unwrap_or(u64::MAX);
        if elapsed > 0 {
            self.last = now;
            let gained = elapsed.saturating_mul(u64::from(self.rate.per_second));
            self.tokens = self.tokens.saturating_add(gained).min(u64::from(self.rate.burst) * ONE);
        }
        let has_room = self.tokens >= ONE;
        if has_room {
            self.tokens -= ONE;
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_and_then_the_rate() {
        let rate = Rate { per_second: 10, burst: 5 };
        let mut bucket = Bucket::full(rate, Duration::ZERO);
        let drawn = |bucket: &mut Bucket, now_ms: u64| bucket.draw(Duration::from_millis(now_ms));
        assert_eq!((0..20).filter(|_| drawn(&mut bucket, 0)).count(), 5);
        assert_eq!((1..=10_000).filter(|now_ms| drawn(&mut bucket, *now_ms)).count(), 100);
        // A pause gives the burst back, and no more.
        assert_eq!((0..20).filter(|_| drawn(&mut bucket, 3_600_000)).count(), 5);
    }

    #[test]
    fn draws_closer_than_a_microsecond_lose_no_time() {
        let mut bucket = Bucket::full(Rate { per_second: 1_000, burst: 1 }, Duration::ZERO);
        let taken = (0..10_000_000_u64).step_by(100).filter(|ns| bucket.draw(Duration::from_nanos(*ns))).count();
        assert!((10..=11).contains(&taken), "{taken}");
    }
}
