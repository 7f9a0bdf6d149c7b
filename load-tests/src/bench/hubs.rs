//! The hub runtime against the best plain tonic service we know how to write, on the same bytes: server CPU per delivery or call,
//! allocations, memory of an idle session.
//!
//! Both servers are processes of their own (`hubs/examples/bench_server`); this process is all the clients, and its CPU counts for
//! nothing. Runs alternate and the least of each server's runs counts: on a machine that does other things too, more is noise. A
//! run in which a delivery is lost, doubled or out of order fails.

pub mod crowd;
pub mod hub_member;
pub mod outcome;
pub mod payload;
pub mod plain_member;
pub mod run;
pub mod scenario;
pub mod seen;
pub mod server;

use anyhow::bail;

use crate::cli::BenchHubsOptions;
use crate::process;
use crate::screen::say;
use crate::verdict;
use outcome::{Outcome, Side};
use run::{Measured, measure};
use scenario::{Scenario, Scenarios};
use server::{Binaries, Kind};

/// Runs what is asked for; whether everything arrived as it should. Ratios above their goals are told, and fail nothing: they are
/// the machine's as well.
///
/// # Errors
/// What kept it from being run at all: the build, a name that is none, the report's file.
pub async fn run(options: &BenchHubsOptions) -> anyhow::Result<bool> {
    let scenarios = Scenarios::new(options.sessions, options.seconds).only(&options.only)?;
    say("building the servers; the first time takes a few minutes");
    let binaries = Binaries {
        timed: process::build_example("shallot-hubs", "bench_server").await?,
        counting: process::build_example("shallot-hubs", "bench_server_counting").await?,
    };
    let outcome = tokio::select! {
        outcome = all(&binaries, &scenarios, options.rounds) => outcome,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    };
    say(&outcome.to_text());
    verdict::write_report(options.report.as_deref(), &outcome)?;
    Ok(verdict::passed(&outcome.problems))
}

async fn all(binaries: &Binaries, scenarios: &[Scenario], rounds: u32) -> Outcome {
    let mut outcome = Outcome::new(server::workers());
    for scenario in scenarios {
        let (mut hub, mut plain) = (Side::default(), Side::default());
        for round in 0..=rounds {
            // The last round counts allocations, which costs time: its times do not count.
            let is_counting = round == rounds;
            for (kind, side) in [(Kind::Hub, &mut hub), (Kind::Plain, &mut plain)] {
                match measure(binaries.of(is_counting), kind, scenario).await {
                    Ok(measured) if is_counting => side.count(&measured),
                    Ok(measured) => side.time(&measured),
                    Err(error) => outcome.problems.push(format!("{} {}: {error:#}", scenario.name, kind.name())),
                }
            }
        }
        say(&outcome.add(scenario, hub, plain));
    }
    outcome
}

impl Side {
    fn time(&mut self, measured: &Measured) {
        self.runs.push(measured.per_unit);
    }

    fn count(&mut self, measured: &Measured) {
        self.allocations = Some(measured.allocations);
        self.allocated_bytes = Some(measured.allocated_bytes);
    }
}
