//! When play begins, when bots only collect, and when they leave. Time is an argument: a monotonic duration since the start.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::bot::behavior::Phase;
use crate::limits::{COLLECT_PERCENT, COLLECT_SECONDS_MAX, PEACE_MS};

/// The run's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    collect_at: Duration,
    peace_at: Duration,
    leave_at: Duration,
}

impl Schedule {
    /// Of a run of so many seconds.
    #[must_use]
    pub fn new(seconds: u32) -> Self {
        let whole = Duration::from_secs(seconds.into());
        let longest = Duration::from_secs(COLLECT_SECONDS_MAX.into());
        let collect = (whole * COLLECT_PERCENT / 100).min(longest);
        let peace = Duration::from_millis(PEACE_MS).min(collect / 2);
        Self { collect_at: whole - collect, peace_at: whole - peace, leave_at: whole }
    }

    /// What bots do at `now`; `None`: they leave.
    #[must_use]
    pub fn phase(&self, now: Duration) -> Option<Phase> {
        if now >= self.leave_at {
            None
        } else if now >= self.peace_at {
            Some(Phase::Peace)
        } else if now >= self.collect_at {
            Some(Phase::Collect)
        } else {
            Some(Phase::Play)
        }
    }
}

/// Beats with this period, those of one of many between those of the others. A beat that is missed is left out.
#[must_use]
pub fn staggered(period: Duration, index: u32, of: u32) -> Interval {
    let own = period * (index % of.max(1)) / of.max(1);
    let mut beats = interval_at(Instant::now() + own, period);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    beats
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(seconds: u32, at_s: u64) -> Option<Phase> {
        Schedule::new(seconds).phase(Duration::from_secs(at_s))
    }

    #[test]
    fn a_minute_has_nine_seconds_to_collect() {
        assert_eq!(phase(60, 50), Some(Phase::Play));
        assert_eq!(phase(60, 51), Some(Phase::Collect));
        assert_eq!(phase(60, 56), Some(Phase::Peace));
        assert_eq!(phase(60, 60), None);
    }

    #[test]
    fn a_long_run_collects_half_a_minute() {
        assert_eq!(phase(3_600, 3_569), Some(Phase::Play));
        assert_eq!(phase(3_600, 3_570), Some(Phase::Collect));
    }

    #[test]
    fn the_shortest_run_has_every_phase() {
        let schedule = Schedule::new(crate::limits::SECONDS_MIN);
        let phases: Vec<_> = (0..110).map(|tenth| schedule.phase(Duration::from_millis(tenth * 100))).collect();
        for phase in [Some(Phase::Play), Some(Phase::Collect), Some(Phase::Peace), None] {
            assert!(phases.contains(&phase), "{phase:?}");
        }
    }
}
