//! What a cut-links run comes to.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::book::{Seen, Told};
use crate::cli::CutLinksOptions;
use crate::limits::{CLIENTS_TOLD_MAX, PROBLEMS_TOLD_MAX};

/// What a session may hold at the server, KiB: what a resume would replay, HTTP/2's and the socket's buffers.
const HELD_PER_CLIENT_KIB: u64 = 256;
/// What a server's memory moves by itself, KiB.
const MEMORY_SLACK_KIB: u64 = 16 * 1_024;
/// Longest time to come back that is told apart, milliseconds.
const COMEBACK_MAX_MS: u64 = 120_000;

/// The whole. The field names are the keys of the JSON file.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Outcome {
    clients: u32,
    cuts_wanted: u32,
    seed: u64,
    /// Connections that the run has cut.
    pub(super) cuts: u32,
    /// Connections that one of their ends closed: there must be none.
    pub(super) closed_by_an_end: u32,
    /// Attempts to connect of those who were kept away.
    pub(super) refused: u32,
    /// Clients that were kept away for longer than the grace time.
    pub(super) away: u32,
    /// Of them those that were told that their session is lost.
    pub(super) away_told: u32,
    /// Links after whose loss the session went on over another.
    resumed: u64,
    /// Sessions that were lost, and their clients told.
    lost: u64,
    comeback_p50_ms: u64,
    comeback_p99_ms: u64,
    /// Pushes that arrived in the sessions there are at the end.
    pushes: u64,
    calls_answered: u64,
    /// Calls of lost sessions that may have run.
    calls_unknown: u64,
    /// Calls of lost sessions that have not.
    calls_not_run: u64,
    /// One-way calls that were made.
    one_way: u64,
    questions: u64,
    /// Of the server's resident set, at most.
    pub(super) memory_growth_kib: u64,
    /// What must not be, by client.
    problems: Vec<String>,
    /// Clients with problems.
    clients_with_problems: u64,
    /// What kept the run from coming to its end.
    pub(super) broken_off: Option<String>,
}

impl Outcome {
    pub(super) fn new(options: &CutLinksOptions) -> Self {
        let CutLinksOptions { clients, cuts, seed, .. } = *options;
        Self { clients, cuts_wanted: cuts, seed, ..Self::default() }
    }

    /// Adds what a client has seen.
    pub(super) fn add(&mut self, seen: &Seen) {
        let calls = |is: fn(&Told) -> bool| seen.calls.values().filter(|told| is(told)).count() as u64;
        self.resumed += seen.comebacks.len() as u64;
        self.lost += seen.losses.len() as u64;
        self.calls_answered += calls(|told| matches!(told, Told::Ran(_)));
        self.calls_unknown += calls(|told| *told == Told::Unknown);
        self.calls_not_run += calls(|told| *told == Told::NotRun);
        self.one_way += seen.made - seen.calls.len() as u64;
        self.questions += seen.lives.iter().map(|life| life.asked).sum::<u64>();
        self.pushes += seen.lives.iter().map(|life| life.room_last + 1 - life.room_first + life.own_last).sum::<u64>();
    }

    pub(super) fn came_back(&mut self, comebacks: impl Iterator<Item = Duration>) -> anyhow::Result<()> {
        let mut times = Histogram::<u64>::new_with_bounds(1, COMEBACK_MAX_MS, 3)?;
        comebacks.for_each(|time| times.saturating_record(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)));
        self.comeback_p50_ms = times.value_at_quantile(0.5);
        self.comeback_p99_ms = times.value_at_quantile(0.99);
        Ok(())
    }

    /// What is wrong with a client.
    pub(super) fn wrong(&mut self, client: u32, problems: &[String]) {
        if problems.is_empty() {
            return;
        }
        self.clients_with_problems += 1;
        if self.problems.len() < CLIENTS_TOLD_MAX {
            let told: Vec<&str> = problems.iter().take(PROBLEMS_TOLD_MAX).map(String::as_str).collect();
            self.problems.push(format!("client {client} has {} problems: {}", problems.len(), told.join("; ")));
        }
    }

    /// Why it failed, one line each; empty when it passed.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures: Vec<String> = self.broken_off.iter().chain(&self.problems).cloned().collect();
        let mut must = |is_so: bool, failure: String| {
            if !is_so {
                failures.push(failure);
            }
        };
        let told = self.problems.len() as u64;
        let untold = self.clients_with_problems.saturating_sub(told);
        must(untold == 0, format!("{untold} more clients have problems"));
        must(self.cuts == self.cuts_wanted, format!("{} of {} cuts were made", self.cuts, self.cuts_wanted));
        must(self.closed_by_an_end == 0, format!("{} connections were closed by an end", self.closed_by_an_end));
        let Self { away, away_told, .. } = self;
        must(
            away == away_told,
            format!("{away_told} of {away} that were kept away were told that they lost their session"),
        );
        must(self.resumed > 0 && self.calls_answered > 0 && self.pushes > 0, "nothing happened".to_owned());
        let held = u64::from(self.clients) * HELD_PER_CLIENT_KIB + MEMORY_SLACK_KIB;
        must(self.memory_growth_kib <= held, format!("the server's memory grew by {} KiB", self.memory_growth_kib));
        failures
    }

    pub(super) fn to_text(&self) -> String {
        let Self { clients, cuts, resumed, lost, away, pushes, calls_answered, one_way, questions, .. } = self;
        let verdict = if self.failures().is_empty() { "passed" } else { "FAILED" };
        format!(
            "{pushes} pushes, {calls_answered} calls, {one_way} one-way calls and {questions} questions; of lost sessions {} calls \
             may have run, {} have not\ncame back after {} ms (p50), {} ms (p99); server memory + {} KiB\ncut links: {cuts} cuts of \
             {clients} clients' links, {resumed} resumed, {lost} sessions lost and told ({away} clients were kept away), {verdict}",
            self.calls_unknown, self.calls_not_run, self.comeback_p50_ms, self.comeback_p99_ms, self.memory_growth_kib,
        )
    }
}
