//! How many datagrams a client may send.

use std::time::Duration;

use crate::limits;

/// A token bucket with a memory of floods. Time is what the caller says it is.
#[derive(Debug)]
pub(crate) struct DatagramRate {
    /// Datagrams that may come now, in microdatagrams.
    tokens: u64,
    last: Duration,
    /// The second in which something was refused last, and for how many in a row that was so.
    flood: Option<(u64, u32)>,
}

/// What to do with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Take it.
    Take,
    /// Drop it.
    Drop,
    /// Drop it and end the session: it was above the rate in each of the last seconds.
    End,
}

const ONE: u64 = 1_000_000;

impl DatagramRate {
    pub(crate) fn new(now: Duration) -> Self {
        Self { tokens: u64::from(limits::DATAGRAM_BURST) * ONE, last: now, flood: None }
    }

    /// One datagram came at `now`.
    pub(crate) fn check(&mut self, now: Duration) -> Verdict {
        let elapsed = u64::try_from(now.saturating_sub(self.last).as_micros()).unwrap_or(u64::MAX);
        self.last = self.last.max(now);
        let gained = elapsed.saturating_mul(u64::from(limits::DATAGRAMS_PER_SECOND));
        self.tokens = self.tokens.saturating_add(gained).min(u64::from(limits::DATAGRAM_BURST) * ONE);
        if self.tokens >= ONE {
            self.tokens -= ONE;
            return Verdict::Take;
        }
        let second = now.as_secs();
        let run = match self.flood {
            Some((last, run)) if last == second => run,
            Some((last, run)) if last + 1 == second => run + 1,
            _ => 1,
        };
        self.flood = Some((second, run));
        if run > limits::DATAGRAM_FLOOD_SECONDS { Verdict::End } else { Verdict::Drop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    #[test]
    fn an_honest_client_is_never_refused() {
        let mut rate = DatagramRate::new(at(0));
        for n in 0..10_000 {
            assert_eq!(rate.check(at(n * 50_000)), Verdict::Take);
        }
    }

    #[test]
    fn above_the_rate_the_surplus_is_dropped() {
        let mut rate = DatagramRate::new(at(0));
        let taken = (0..2_000).filter(|n| rate.check(at(n * 1_000)) == Verdict::Take).count();
        // Two seconds at 60 and the burst of 30.
        assert!((149..=150).contains(&taken), "{taken}");
    }

    #[test]
    fn a_flood_of_more_than_ten_seconds_ends_the_session_and_a_pause_forgives() {
        let mut rate = DatagramRate::new(at(0));
        let mut ended = None;
        for n in 0..12_000_u64 {
            if rate.check(at(n * 1_000)) == Verdict::End {
                ended = Some(n);
                break;
            }
        }
        assert_eq!(ended.map(|n| n / 1_000), Some(10));
        let mut rate = DatagramRate::new(at(0));
        for n in 0..30_000_u64 {
            // Five seconds of flood, five of silence.
            if (n / 5_000) % 2 == 0 {
                assert_ne!(rate.check(at(n * 1_000)), Verdict::End);
            }
        }
    }
}
