//! When the next tick is due. Deadlines are absolute, so small delays do not add up.

use std::time::Duration;

/// The rhythm of one shard. Time is what the caller says it is.
#[derive(Debug)]
pub(crate) struct Pacer {
    period: Duration,
    deadline: Duration,
}

impl Pacer {
    /// The first tick is due one period after `now`.
    pub(crate) fn new(period: Duration, now: Duration) -> Self {
        Self { period, deadline: now + period }
    }

    /// When the next tick is due.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Called when a tick begins, at `now`: sets the next deadline. A tick that begins a whole period late is an overrun; one
    /// missed tick is skipped, and what is late beyond that dilates the shard's time: it never runs ticks in a burst. Returns
    /// whether this was an overrun.
    pub(crate) fn begin(&mut self, now: Duration) -> bool {
        let late = now.saturating_sub(self.deadline);
        let overrun = late >= self.period;
        if overrun {
            let skipped = self.deadline + self.period;
            self.deadline = if late < self.period * 2 { skipped } else { now };
        }
        self.deadline += self.period;
        overrun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn small_delays_do_not_add_up() {
        let mut pacer = Pacer::new(ms(50), ms(0));
        for tick in 1..=100 {
            assert_eq!(pacer.deadline(), ms(50 * tick));
            assert!(!pacer.begin(ms(50 * tick + 7)));
        }
    }

    #[test]
    fn one_missed_tick_is_skipped() {
        let mut pacer = Pacer::new(ms(50), ms(0));
        assert!(pacer.begin(ms(110)));
        assert_eq!(pacer.deadline(), ms(150));
    }

    #[test]
    fn a_long_stall_dilates_time_and_causes_no_burst() {
        let mut pacer = Pacer::new(ms(50), ms(0));
        assert!(pacer.begin(ms(1_000)));
        assert_eq!(pacer.deadline(), ms(1_050));
        assert!(!pacer.begin(ms(1_050)));
    }
}
