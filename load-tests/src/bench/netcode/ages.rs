//! How old the newest state is that a client has, over time: what a game has before it at any moment, not only when a snapshot comes.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use shallot_client::wire::TICK_MS;

/// Ages that are told apart, milliseconds; what is older counts as this old.
const AGE_MAX_MS: u64 = 10_000;
/// Length of a tick, milliseconds.
const TICK: f64 = TICK_MS as f64;

/// Time spent with a newest state of each age, in milliseconds of both.
#[derive(Clone, Debug)]
pub(super) struct Ages {
    at_age: Histogram<u64>,
}

/// Some of its quantiles, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Quantiles {
    /// Half of the time it was younger.
    pub(super) p50: f64,
    /// In 99 of 100.
    pub(super) p99: f64,
    /// In 999 of 1,000.
    pub(super) p99_9: f64,
}

impl Default for Ages {
    fn default() -> Self {
        // Such bounds are never refused. Three digits: to the millisecond up to 2 s.
        Self { at_age: Histogram::new_with_bounds(1, AGE_MAX_MS, 3).expect("1 and 10,000 are valid bounds") }
    }
}

impl Ages {
    /// For a while nothing new came: the age rose from one to the other, milliseconds.
    pub(super) fn rose(&mut self, from_ms: f64, to_ms: f64) {
        for age in (from_ms.max(0.0).round() as u64)..(to_ms.max(0.0).round() as u64) {
            self.at_age.saturating_record(age);
        }
    }

    /// Takes another client's over.
    pub(super) fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        self.at_age.add(&other.at_age).unwrap_or_default();
    }

    /// With so many milliseconds more, which every state had needed to arrive; of nothing `None`.
    #[must_use]
    pub(super) fn quantiles(&self, beyond_ms: f64) -> Option<Quantiles> {
        let at = |share| self.at_age.value_at_quantile(share).min(AGE_MAX_MS) as f64 + beyond_ms;
        (!self.at_age.is_empty()).then(|| Quantiles { p50: at(0.5), p99: at(0.99), p99_9: at(0.999) })
    }
}

/// The youngest that states can be where each tick's is sent at once, takes `delay_ms`, and is lost with a chance of `loss`: nothing but tick,
/// loss and line.
#[must_use]
pub(super) fn floor(loss: f64, delay_ms: f64) -> Quantiles {
    // The chance of an age beyond `k` ticks and `x` is that `k` in a row were lost, and then that the next was too or is younger than `x`:
    // loss^k (1 - (1 - loss) x / tick).
    let at = |share: f64| {
        let beyond = 1.0 - share;
        let lost = if loss > 0.0 { (beyond.ln() / loss.ln()).floor() } else { 0.0 };
        let rest = (1.0 - beyond / loss.powf(lost)) / (1.0 - loss);
        delay_ms + TICK * (lost + rest.clamp(0.0, 1.0))
    };
    Quantiles { p50: at(0.5), p99: at(0.99), p99_9: at(0.999) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_time_not_of_arrivals() {
        let mut ages = Ages::default();
        assert_eq!(ages.quantiles(0.0), None);
        for _ in 0..9 {
            ages.rose(0.0, 50.0);
        }
        // One gap of 550 ms is more than half of all the time.
        ages.rose(0.0, 550.0);
        let quantiles = ages.quantiles(25.0).expect("some");
        assert_eq!((quantiles.p50, quantiles.p99), (25.0 + 49.0, 25.0 + 539.0));
        let mut both = Ages::default();
        both.add(&ages);
        both.add(&ages);
        assert_eq!(both.quantiles(25.0), Some(quantiles));
    }

    #[test]
    fn what_is_very_old_counts_as_the_oldest() {
        let mut ages = Ages::default();
        ages.rose(20_000.0, 20_010.0);
        assert_eq!(ages.quantiles(0.0).map(|all| all.p50), Some(AGE_MAX_MS as f64));
    }

    #[test]
    fn without_loss_the_floor_is_the_line_and_a_tick() {
        let floor = floor(0.0, 25.0);
        assert!((floor.p50 - 50.0).abs() < 1e-9 && (floor.p99 - 74.5).abs() < 1e-9, "{floor:?}");
    }

    /// By counting: a million ticks, one in fifty lost.
    #[test]
    fn the_floor_is_what_counting_comes_to() {
        for loss in [0.01, 0.02, 0.05, 0.3] {
            let (mut draw, mut ages, mut gap) = (7_u64, Ages::default(), 1);
            for _ in 0..200_000 {
                draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if ((draw >> 33) as f64) < loss * (1_u64 << 31) as f64 {
                    gap += 1;
                } else {
                    ages.rose(0.0, f64::from(gap) * TICK);
                    gap = 1;
                }
            }
            let (counted, computed) = (ages.quantiles(25.0).expect("some"), floor(loss, 25.0));
            for (a, b) in [(counted.p50, computed.p50), (counted.p99, computed.p99), (counted.p99_9, computed.p99_9)] {
                assert!((a - b).abs() < 5.0, "loss {loss}: {counted:?} {computed:?}");
            }
        }
    }
}
