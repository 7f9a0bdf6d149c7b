//! What a benchmark comes to: a table and a JSON file with stable keys.

use std::fmt::Write as _;

use serde::Serialize;

use super::scenario::Scenario;

/// A baseline so many times above what is known of it is not the best one.
const BASELINE_MARGIN: f64 = 1.3;

/// The whole. The field names are the keys of the JSON file.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Worker threads of each server.
    pub workers: usize,
    /// In the order they ran.
    pub scenarios: Vec<Line>,
    /// What kept a run from counting, or was lost, doubled or late.
    pub problems: Vec<String>,
}

/// One scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Sessions in all.
    pub sessions: u32,
    /// What figures are in.
    pub unit: &'static str,
    /// Our hubs.
    pub hub: Side,
    /// Plain tonic.
    pub plain: Side,
    /// Least of ours by least of the other's.
    pub ratio: Option<f64>,
    /// What it may be.
    pub goal: Option<f64>,
    /// The baseline is as good as it was on such a machine before; `None`: nothing is known, or nothing was measured.
    pub baseline_is_sound: Option<bool>,
}

/// One server in one scenario.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Side {
    /// Each run, in the scenario's unit.
    pub runs: Vec<f64>,
    /// Blocks that were allocated for a unit, from a run of its own.
    pub allocations: Option<f64>,
    /// Bytes of them.
    pub allocated_bytes: Option<f64>,
}

impl Side {
    /// The least of the runs.
    #[must_use]
    pub fn least(&self) -> Option<f64> {
        self.runs.iter().copied().min_by(f64::total_cmp)
    }
}

impl Outcome {
    /// Of servers with so many workers, nothing measured yet.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self { workers, scenarios: Vec::new(), problems: Vec::new() }
    }

    /// Adds a scenario; its line of the table.
    pub fn add(&mut self, scenario: &Scenario, hub: Side, plain: Side) -> String {
        let line = Line {
            name: scenario.name.clone(),
            sessions: scenario.sessions,
            unit: scenario.unit(),
            ratio: hub.least().zip(plain.least()).map(|(hub, plain)| hub / plain),
            goal: scenario.goal,
            baseline_is_sound: plain.least().zip(scenario.known).map(|(found, known)| found <= known * BASELINE_MARGIN),
            hub,
            plain,
        };
        let text = line.to_text();
        self.scenarios.push(line);
        text
    }

    /// The table.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("\n{} workers; the least of each side's runs\n{}\n", self.workers, heading());
        for line in &self.scenarios {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{}", line.to_text());
        }
        out
    }
}

fn heading() -> String {
    format!(
        "{:<13} {:>8}  {:>9} {:>9} {:>6} {:>5}  {:>7} {:>7}  {:>9} {:>9}  unit",
        "scenario", "sessions", "hub", "plain", "ratio", "goal", "allocs", "plain", "bytes", "plain"
    )
}

impl Line {
    fn to_text(&self) -> String {
        let number =
            |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
        let remark =
            if self.baseline_is_sound == Some(false) { "; the baseline is above what is known of it" } else { "" };
        format!(
            "{:<13} {:>8}  {:>9} {:>9} {:>6} {:>5}  {:>7} {:>7}  {:>9} {:>9}  {}{remark}",
            self.name,
            self.sessions,
            number(self.hub.least(), 3),
            number(self.plain.least(), 3),
            number(self.ratio, 2),
            number(self.goal, 2),
            number(self.hub.allocations, 3),
            number(self.plain.allocations, 3),
            number(self.hub.allocated_bytes, 1),
            number(self.plain.allocated_bytes, 1),
            self.unit,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Scenarios;
    use super::*;

    fn side(runs: &[f64]) -> Side {
        Side { runs: runs.to_vec(), allocations: Some(2.0), allocated_bytes: Some(300.0) }
    }

    #[test]
    fn the_least_of_each_side_counts_and_a_poor_baseline_is_told() {
        let scenario = Scenarios::new(None, 5).only(&["echo".to_owned()]).expect("it is one").remove(0);
        let mut outcome = Outcome::new(2);
        let text = outcome.add(&scenario, side(&[9.0, 6.0]), side(&[8.0, 5.0]));
        assert!(text.contains("1.20") && !text.contains("above"), "{text}");
        let text = outcome.add(&scenario, side(&[9.0]), side(&[8.0]));
        assert!(text.contains("the baseline is above"), "{text}");
        let json = serde_json::to_value(&outcome).expect("json");
        assert_eq!(json["scenarios"][0]["ratio"], 1.2);
        assert_eq!(json["scenarios"][1]["baseline_is_sound"], false);
        assert!(outcome.to_text().lines().all(|line| line.len() < 170));
    }

    #[test]
    fn what_was_not_measured_has_no_ratio() {
        let scenario = Scenarios::new(None, 5).only(&["idle".to_owned()]).expect("it is one").remove(0);
        let text = Outcome::new(2).add(&scenario, Side::default(), side(&[1.0]));
        assert!(text.contains(" - "), "{text}");
    }
}
