//! When a client that has lost its link tries again.

use crate::limits::{RECONNECT_FIRST_MS, RECONNECT_LONGEST_MS};
use crate::random::Seeded;

/// Exponential back-off with jitter. The same seed waits the same.
#[derive(Debug)]
pub(crate) struct Backoff {
    attempt: u32,
    random: Seeded,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Self {
        Self { attempt: 0, random: Seeded::new(seed) }
    }

    /// Milliseconds to wait before the next attempt: between the half and the whole of a time that doubles with each.
    pub(crate) fn next_ms(&mut self) -> u64 {
        let doubled = RECONNECT_FIRST_MS.saturating_mul(1 << self.attempt.min(16));
        let longest = doubled.min(RECONNECT_LONGEST_MS);
        self.attempt = self.attempt.saturating_add(1);
        let least = longest / 2;
        least + self.random.up_to(longest - least)
    }

    /// The link stands again.
    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(7);
        for attempt in 0..40_u32 {
            let whole = (RECONNECT_FIRST_MS << attempt.min(20)).min(RECONNECT_LONGEST_MS);
            let wait = backoff.next_ms();
            assert!((whole / 2..=whole).contains(&wait), "attempt {attempt} waits {wait}");
        }
        backoff.reset();
        assert!(backoff.next_ms() <= RECONNECT_FIRST_MS);
    }

    #[test]
    fn those_who_lost_their_links_together_come_back_apart() {
        let waits: std::collections::BTreeSet<u64> = (0..100).map(|seed| Backoff::new(seed).next_ms()).collect();
        assert!(waits.len() > 50, "{} different waits of 100", waits.len());
    }
}
