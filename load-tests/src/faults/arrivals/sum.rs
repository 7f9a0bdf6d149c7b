//! What the arrivals of many came to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Arrival;
use crate::limits::ERROR_KINDS_MAX;
use crate::metrics_scrape::Sample;

/// All of them.
#[derive(Clone, Debug, Default, Serialize)]
pub(in super::super) struct Sum {
    came: u32,
    never_came: u32,
    /// Attempts that failed, by kind.
    refusals: BTreeMap<String, u64>,
    /// Connections that the server turned away or ended, by reason.
    connections: BTreeMap<String, u64>,
    /// Of each that came, from its own first attempt to its first state.
    #[serde(skip)]
    took: Vec<Duration>,
    /// Of each that came, from the beginning of all to its first state.
    #[serde(skip)]
    in_at: Vec<Duration>,
    took_ms_p50: u64,
    took_ms_p99: u64,
    /// From the beginning until half of all were in.
    pub(in super::super) in_ms_p50: u64,
    in_ms_p99: u64,
    /// The last.
    pub(in super::super) in_ms_all: u64,
}

impl Sum {
    pub(in super::super) fn add(&mut self, arrival: Arrival) {
        for kind in arrival.refusals {
            if self.refusals.len() < ERROR_KINDS_MAX || self.refusals.contains_key(&kind) {
                *self.refusals.entry(kind).or_default() += 1;
            }
        }
        let Some(took) = arrival.took else {
            self.never_came += 1;
            return;
        };
        self.came += 1;
        self.took.push(took);
        self.in_at.push(arrival.at + took);
    }

    /// All have been added.
    pub(in super::super) fn close(&mut self, samples: &[Sample]) {
        self.took.sort_unstable();
        self.in_at.sort_unstable();
        (self.took_ms_p50, self.took_ms_p99) = (percentile(&self.took, 50), percentile(&self.took, 99));
        (self.in_ms_p50, self.in_ms_p99) = (percentile(&self.in_at, 50), percentile(&self.in_at, 99));
        self.in_ms_all = percentile(&self.in_at, 100);
        let counters = ["shallot_connections_refused_total", "shallot_connections_ended_total"];
        for sample in samples.iter().filter(|sample| counters.contains(&sample.name.as_str())) {
            let reason = sample.labels.get("reason").cloned().unwrap_or_default();
            *self.connections.entry(reason).or_default() += sample.value.max(0.0) as u64;
        }
    }

    /// One line each; empty when all came, the last within the limit, with no more than so many failed attempts for a hundred of them.
    pub(in super::super) fn failures(&self, limit: Duration, refusals_percent: u64) -> Vec<String> {
        let mut lines = Vec::new();
        let all = self.came + self.never_came;
        if self.never_came > 0 {
            lines.push(format!("{} of {all} never came in", self.never_came));
        }
        if u128::from(self.in_ms_all) > limit.as_millis() {
            lines.push(format!("the last was in after {} ms, {} ms are allowed", self.in_ms_all, limit.as_millis()));
        }
        let refused: u64 = self.refusals.values().sum();
        if refused * 100 > u64::from(all) * refusals_percent {
            lines.push(format!("{refused} attempts of {all} failed, {refusals_percent} in 100 are allowed"));
        }
        lines
    }

    pub(in super::super) fn to_text(&self) -> String {
        let list = |counts: &BTreeMap<String, u64>| {
            let words: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            if words.is_empty() { "none".to_owned() } else { words.join(", ") }
        };
        format!(
            "  in           {}; half after {} ms, 99 % after {} ms, the last after {} ms\n  each         {} ms median, {} ms p99 from its first \
             attempt to its first state\n  refusals     {}\n  connections  turned away or ended: {}",
            self.came,
            self.in_ms_p50,
            self.in_ms_p99,
            self.in_ms_all,
            self.took_ms_p50,
            self.took_ms_p99,
            list(&self.refusals),
            list(&self.connections)
        )
    }
}

/// In milliseconds, of sorted times; of none 0.
fn percentile(sorted: &[Duration], percent: usize) -> u64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(at_ms: u64, took_ms: Option<u64>, refused: usize) -> Arrival {
        let refusals = vec!["channel: LOST".to_owned(); refused];
        Arrival { at: Duration::from_millis(at_ms), took: took_ms.map(Duration::from_millis), refusals }
    }

    fn sum(arrivals: impl IntoIterator<Item = Arrival>) -> Sum {
        let mut sum = Sum::default();
        arrivals.into_iter().for_each(|arrival| sum.add(arrival));
        sum.close(&[]);
        sum
    }

    #[test]
    fn times_count_from_the_beginning_and_from_each_ones_own_attempt() {
        let sum = sum([(300, 30), (100, 10), (200, 20)].map(|(at, took)| arrival(at, Some(took), 0)));
        assert_eq!((sum.took_ms_p50, sum.took_ms_p99), (20, 30));
        assert_eq!((sum.in_ms_p50, sum.in_ms_all), (220, 330));
        assert_eq!(sum.failures(Duration::from_millis(330), 0), Vec::<String>::new());
        assert_eq!(sum.failures(Duration::from_millis(329), 0).len(), 1);
    }

    #[test]
    fn who_stays_away_and_too_many_refusals_are_failures() {
        let limit = Duration::from_secs(1);
        let refused = sum([1, 0, 1].map(|refused| arrival(0, Some(1), refused)));
        assert_eq!(refused.failures(limit, 67), Vec::<String>::new());
        assert_eq!(refused.failures(limit, 66).len(), 1);
        assert!(refused.to_text().contains("2 channel: LOST"), "{}", refused.to_text());
        assert_eq!(sum([arrival(0, Some(1), 0), arrival(0, None, 0)]).failures(limit, 0), ["1 of 2 never came in"]);
    }
}
