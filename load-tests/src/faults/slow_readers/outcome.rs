//! What a slow-readers run comes to.

use serde::Serialize;

use crate::cli::SlowReadersOptions;

/// What a slow reader may hold at the server, KiB: its outbox, what a resume would replay, HTTP/2's and the socket's buffers.
const HELD_PER_SLOW_KIB: u64 = 512;
/// What a server's memory moves by itself, KiB.
const MEMORY_SLACK_KIB: u64 = 16 * 1_024;

/// The whole. The field names are the keys of the JSON file.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    chatters: u32,
    slow: u32,
    /// Highest ratio of the others' p99; 0: not looked at.
    p99_factor: f64,
    /// One server each.
    pub(super) rounds: Vec<Round>,
    /// What kept a round from counting.
    pub(super) problems: Vec<String>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Round {
    /// From a member's telling to another's hearing, while all read.
    pub(super) p99_before_ms: f64,
    /// The same from when the slow ones stopped.
    pub(super) p99_during_ms: f64,
    pub(super) heard_before: u64,
    pub(super) heard_during: u64,
    /// Slow readers that ended so.
    pub(super) slow_consumers: u64,
    /// From when they stopped until the last was out.
    pub(super) ended_after_s: f64,
    /// Of the server's resident set, at most.
    pub(super) memory_growth_kib: u64,
}

impl Round {
    fn factor(&self) -> f64 {
        self.p99_during_ms / self.p99_before_ms.max(f64::MIN_POSITIVE)
    }

    pub(super) fn to_text(&self) -> String {
        format!(
            "p99 {:.2} ms of {} before, {:.2} ms of {} while some did not read ({:.2}x); {} ended with SLOW_CONSUMER after {:.1} s; memory + {} KiB",
            self.p99_before_ms,
            self.heard_before,
            self.p99_during_ms,
            self.heard_during,
            self.factor(),
            self.slow_consumers,
            self.ended_after_s,
            self.memory_growth_kib,
        )
    }
}

impl Outcome {
    pub(super) fn new(options: &SlowReadersOptions) -> Self {
        let SlowReadersOptions { chatters, slow, p99_factor, .. } = *options;
        Self { chatters, slow, p99_factor, rounds: Vec::new(), problems: Vec::new() }
    }

    /// Why it failed, one line each; empty when it passed. Of the rounds' p99 the median counts: a machine that does other things
    /// too has bad moments.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = self.problems.clone();
        for round in &self.rounds {
            if round.slow_consumers != u64::from(self.slow) {
                failures
                    .push(format!("{} of {} slow readers ended with SLOW_CONSUMER", round.slow_consumers, self.slow));
            }
            if round.memory_growth_kib > u64::from(self.slow) * HELD_PER_SLOW_KIB + MEMORY_SLACK_KIB {
                failures.push(format!("the server's memory grew by {} KiB", round.memory_growth_kib));
            }
        }
        match self.median_factor() {
            None => failures.push("nothing was measured".to_owned()),
            Some(factor) if self.p99_factor > 0.0 && factor > self.p99_factor => {
                failures
                    .push(format!("the others' p99 is {factor:.2}x of what it was, {} are allowed", self.p99_factor));
            }
            Some(_) => {}
        }
        failures
    }

    fn median_factor(&self) -> Option<f64> {
        let mut factors: Vec<f64> = self.rounds.iter().map(Round::factor).collect();
        factors.sort_by(f64::total_cmp);
        factors.get(factors.len().saturating_sub(1) / 2).copied()
    }

    pub(super) fn to_text(&self) -> String {
        let factor = self.median_factor().map_or("-".to_owned(), |factor| format!("{factor:.2}x"));
        let verdict = if self.failures().is_empty() { "passed" } else { "FAILED" };
        format!(
            "slow readers: {} beside {} who chat, p99 {factor} (median of {}), {verdict}",
            self.slow,
            self.chatters,
            self.rounds.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(p99_during_ms: f64) -> Round {
        Round {
            p99_before_ms: 10.0,
            p99_during_ms,
            heard_before: 100,
            heard_during: 100,
            slow_consumers: 5,
            ended_after_s: 8.0,
            memory_growth_kib: 100,
        }
    }

    fn outcome(rounds: Vec<Round>) -> Outcome {
        Outcome { chatters: 500, slow: 5, p99_factor: 1.2, rounds, problems: Vec::new() }
    }

    #[test]
    fn the_median_round_decides_over_the_others_p99() {
        assert_eq!(outcome(vec![round(11.0), round(30.0), round(9.0)]).failures(), Vec::<String>::new());
        assert_eq!(outcome(vec![round(13.0), round(30.0), round(9.0)]).failures().len(), 1);
        let unlooked = Outcome { p99_factor: 0.0, ..outcome(vec![round(99.0)]) };
        assert!(unlooked.failures().is_empty());
    }

    #[test]
    fn each_thing_that_may_fail_fails() {
        assert!(!outcome(Vec::new()).failures().is_empty());
        assert!(!outcome(vec![Round { slow_consumers: 4, ..round(10.0) }]).failures().is_empty());
        assert!(!outcome(vec![Round { memory_growth_kib: 100_000, ..round(10.0) }]).failures().is_empty());
    }
}
