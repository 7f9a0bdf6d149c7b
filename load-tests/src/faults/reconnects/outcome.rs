//! What a storm came to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::ReconnectsOptions;
use crate::limits::ERROR_KINDS_MAX;
use crate::metrics_scrape::Sample;

/// How one client came back.
#[derive(Clone, Debug, Default)]
pub(super) struct Comeback {
    /// From its first attempt to its first state; `None`: it never had one.
    pub(super) took_ms: Option<u64>,
    /// Attempts that failed, by kind.
    pub(super) refusals: Vec<String>,
}

/// All of them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    clients: u32,
    seconds: u32,
    seed: u64,
    came_back: u32,
    /// Attempts that failed, by kind.
    refusals: BTreeMap<String, u64>,
    /// Connections that the server turned away or ended, by reason.
    connections: BTreeMap<String, u64>,
    /// Of each client that came back.
    #[serde(skip)]
    took_ms: Vec<u64>,
    took_ms_p50: u64,
    took_ms_p99: u64,
    /// From the first attempt to the last client's first state.
    pub(super) all_in_ms: u64,
    /// Server's, from its start.
    pub(super) server_cpu_s: f64,
}

impl Outcome {
    pub(super) fn new(options: &ReconnectsOptions) -> Self {
        Self {
            clients: options.clients,
            seconds: options.seconds,
            seed: options.seed,
            came_back: 0,
            refusals: BTreeMap::new(),
            connections: BTreeMap::new(),
            took_ms: Vec::new(),
            took_ms_p50: 0,
            took_ms_p99: 0,
            all_in_ms: 0,
            server_cpu_s: 0.0,
        }
    }

    pub(super) fn add(&mut self, comeback: Comeback) {
        for kind in comeback.refusals {
            if self.refusals.len() < ERROR_KINDS_MAX || self.refusals.contains_key(&kind) {
                *self.refusals.entry(kind).or_default() += 1;
            }
        }
        let Some(took) = comeback.took_ms else { return };
        self.came_back += 1;
        let at = self.took_ms.partition_point(|other| *other <= took);
        self.took_ms.insert(at, took);
        let of = |percent: usize| {
            let at = (self.took_ms.len() * percent / 100).min(self.took_ms.len() - 1);
            self.took_ms.get(at).copied().unwrap_or_default()
        };
        (self.took_ms_p50, self.took_ms_p99) = (of(50), of(99));
    }

    pub(super) fn turned_away(&mut self, samples: &[Sample]) {
        let counters = ["shallot_connections_refused_total", "shallot_connections_ended_total"];
        for sample in samples.iter().filter(|sample| counters.contains(&sample.name.as_str())) {
            let reason = sample.labels.get("reason").cloned().unwrap_or_default();
            *self.connections.entry(reason).or_default() += sample.value.max(0.0) as u64;
        }
    }

    /// One line each; empty when it passed.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.came_back < self.clients {
            lines.push(format!("{} of {} clients never came back", self.clients - self.came_back, self.clients));
        }
        let refused: u64 = self.refusals.values().sum();
        if refused > u64::from(self.clients) {
            lines.push(format!("{refused} attempts of {} clients failed: more than one each", self.clients));
        }
        lines
    }

    pub(super) fn to_text(&self) -> String {
        let list = |counts: &BTreeMap<String, u64>| {
            let words: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            if words.is_empty() { "none".to_owned() } else { words.join(", ") }
        };
        format!(
            "{} clients come back within {} s of a restart\n  back         {}; the last after {} ms\n  each         {} ms median, {} ms p99 from \
             the first attempt to the first state\n  refusals     {}\n  connections  turned away or ended: {}\n  server       {:.1} s CPU",
            self.clients,
            self.seconds,
            self.came_back,
            self.all_in_ms,
            self.took_ms_p50,
            self.took_ms_p99,
            list(&self.refusals),
            list(&self.connections),
            self.server_cpu_s
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(clients: u32) -> Outcome {
        Outcome::new(&ReconnectsOptions { clients, seconds: 5, seed: 1, report: None })
    }

    #[test]
    fn who_stays_away_and_too_many_refusals_are_failures() {
        let mut storm = outcome(3);
        for took in [30, 10, 20] {
            storm.add(Comeback { took_ms: Some(took), refusals: vec!["channel: LOST".to_owned()] });
        }
        assert_eq!((storm.failures(), storm.took_ms_p50, storm.took_ms_p99), (Vec::new(), 20, 30));
        assert!(storm.to_text().contains("3 channel: LOST"), "{}", storm.to_text());
        storm.add(Comeback { took_ms: Some(1), refusals: vec!["channel: LOST".to_owned()] });
        assert_eq!(storm.failures().len(), 1);
        let mut storm = outcome(2);
        storm.add(Comeback { took_ms: Some(1), refusals: Vec::new() });
        storm.add(Comeback::default());
        assert_eq!(storm.failures(), ["1 of 2 clients never came back"]);
    }
}
